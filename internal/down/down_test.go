package down

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

var (
	errBad = errors.New("bad")
	here   = Place{"a", 1, "m", "r"}
)

func down(m *Memory, p Place) bool {
	is, _, _ := m.Until(p)
	return is
}

func TestThreeFailuresInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		host := Place{Host: "a"}
		for i := range 3 {
			if down(&m, here) {
				t.Errorf("down after %d failures", i)
			}
			m.Failed(host, "", errBad, 0)
		}
		if is, left, why := m.Until(here); !is || left != 0 || why != errBad {
			t.Errorf("after three failures down %v, left %v, why %v", is, left, why)
		}
		if down(&m, Place{"b", 1, "m", "r"}) {
			t.Error("another host is down as well")
		}
		if m.Worked(here, monotime.Now()-monotime.Instant(time.Second)); !down(&m, here) {
			t.Error("the success of a call that was sent before the failures counts")
		}
		if m.Worked(here, monotime.Now()); down(&m, here) || !m.Quiet() {
			t.Error("a success does not count")
		}
	})
}

func TestASuccessEndsARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		for range 10 {
			m.Failed(Place{Host: "a", Model: "m"}, "", errBad, 0)
			m.Failed(Place{Host: "a", Model: "m"}, "", errBad, 0)
			m.Worked(here, monotime.Now())
		}
		if down(&m, here) {
			t.Error("down although every third call succeeds")
		}
	})
}

// Failures are a row only where they are half of the calls that went there.
func TestAFewOfManyAreNoRow(t *testing.T) {
	for sent, want := range map[int]bool{0: true, 3: true, 6: true, 7: false, 100: false} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			host := Place{Host: "a"}
			m.Failed(host, "", errBad, 0)
			for range sent {
				m.Sent(here)
			}
			m.Failed(host, "", errBad, 0)
			m.Failed(host, "", errBad, 0)
			if got := down(&m, here); got != want {
				t.Errorf("three failures of %d calls: down %v, want %v", sent, got, want)
			}
		})
	}
}

func TestScopesOfFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, of := range []struct {
			scope Place
			p     Place
			want  bool
		}{
			{Place{Host: "a"}, here, true},
			{Place{Host: "a", Model: "m"}, here, true},
			{Place{Host: "a", Model: "m"}, Place{"a", 2, "m", "r"}, true},
			{Place{Host: "a", Model: "m"}, Place{"a", 1, "n", "r"}, false},
			{Place{Host: "a", Credential: 1}, Place{"a", 1, "n", "r"}, true},
			{Place{Host: "a", Credential: 1}, Place{"a", 2, "m", "r"}, false},
			{here, here, true},
			{here, Place{"a", 1, "n", "r"}, false},
			{here, Place{"a", 2, "m", "r"}, false},
		} {
			var m Memory
			m.Failed(of.scope, "", errBad, time.Second)
			if got := down(&m, of.p); got != of.want {
				t.Errorf("%v failed: %v is down %v, want %v", of.scope, of.p, got, of.want)
			}
		}
	})
}

func TestProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		for range 3 {
			m.Failed(Place{Host: "a"}, "", errBad, 0)
		}
		probes := 0
		for range 100 * 50 {
			if m.Probe(here) {
				probes++
				m.Failed(Place{Host: "a"}, "", errBad, 0)
			}
			time.Sleep(20 * time.Millisecond)
		}
		if probes < 90 || probes > 110 {
			t.Errorf("%d probes in 100 s, want one a second", probes)
		}
		m.Failed(Place{Host: "a"}, "", errBad, 20*time.Second)
		time.Sleep(19 * time.Second)
		if m.Probe(here) {
			t.Error("a probe went in a pause that was asked for")
		}
		time.Sleep(2 * time.Second)
		if !m.Probe(here) {
			t.Error("no probe went after the pause")
		}
	})
}

func TestNoProbeGoesAtOnceAndFailuresDoNotPutItOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		host := Place{Host: "a"}
		for range 3 {
			m.Failed(host, "", errBad, 0)
		}
		if m.Probe(here) {
			t.Error("a probe went at once")
		}
		probes := 0
		for range 20 {
			time.Sleep(100 * time.Millisecond)
			if m.Probe(here) {
				probes++
			}
			m.Failed(host, "", errBad, 0)
		}
		if probes == 0 {
			t.Error("no probe went in two seconds in which others failed")
		}
	})
}

func TestARowLapsesWhileNobodyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		host := Place{Host: "a"}
		m.Failed(host, "", errBad, 0)
		m.Failed(host, "", errBad, 0)
		time.Sleep(lapse)
		if m.Failed(host, "", errBad, 0); down(&m, here) {
			t.Error("a failure a minute later belongs to the row")
		}
		m.Failed(host, "", errBad, 0)
		m.Failed(host, "", errBad, 0)
		time.Sleep(lapse - time.Second/2)
		if !down(&m, here) {
			t.Error("not down within the minute")
		}
		time.Sleep(time.Second / 2)
		if down(&m, here) {
			t.Error("down after a minute in which nobody went there")
		}
	})
}

func TestARowIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		m.Failed(Place{Host: "a"}, "", errBad, 0)
		time.Sleep(lapse - 1)
		if n := len(m.Snapshot()); n != 1 {
			t.Errorf("%d scopes are known within the minute, want 1", n)
		}
		time.Sleep(time.Second)
		m.Failed(Place{Host: "b"}, "", errBad, 0)
		time.Sleep(lapse)
		if n := len(m.Snapshot()); n != 0 || !m.Quiet() {
			t.Errorf("%d scopes are known after a minute, want none", n)
		}
	})
}

func TestARowLapses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		for range 3 {
			m.Failed(Place{Host: "a"}, "", errBad, 0)
		}
		time.Sleep(lapse)
		if down(&m, here) {
			t.Error("down after a minute in which nobody went there")
		}
		m.Failed(Place{Host: "a"}, "", errBad, 0)
		if down(&m, here) {
			t.Error("a failure a minute later belongs to the row")
		}
	})
}

func TestMemoryIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		for i := range 2 * maxPlaces {
			m.Failed(Place{Host: "a", Credential: uint64(i) + 1}, "", errBad, time.Hour)
		}
		if n := len(m.Snapshot()); n != maxPlaces {
			t.Errorf("%d places are remembered", n)
		}
		time.Sleep(2 * time.Hour)
		if n := len(m.Snapshot()); n != 0 || !m.Quiet() {
			t.Errorf("%d places are remembered after their time", n)
		}
		var s Stays
		for i := range 5 * maxStays {
			s.Answered(time.Duration(i).String(), 1)
			if n := len(s.stays) + len(s.old); n > 2*maxStays {
				t.Fatalf("%d conversations are remembered", n)
			}
		}
	})
}

func TestStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Stays
		if _, ok := s.At("c"); ok {
			t.Error("a conversation is known that never was")
		}
		s.Answered("c", 2)
		for range 5 {
			time.Sleep(stayTime - time.Second)
			if at, ok := s.At("c"); !ok || at != 2 {
				t.Fatalf("it is at %d, %v", at, ok)
			}
			s.Answered("c", 2)
		}
		time.Sleep(stayTime)
		if _, ok := s.At("c"); ok {
			t.Error("a conversation stays longer than five minutes")
		}
	})
}

func TestConversationsStayBesideOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s Stays
		for i := range maxStays {
			s.Answered(time.Duration(i).String(), i)
		}
		for i := range maxStays {
			if at, ok := s.At(time.Duration(i).String()); !ok || at != i {
				t.Fatalf("conversation %d is at %d, %v", i, at, ok)
			}
		}
	})
}

// Who sends bad keys without end does not make it forget an outage, nor miss one.
func TestFullMemoryStillLearns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		for i := range maxPlaces + 10 {
			m.Failed(Place{Host: "a", Credential: uint64(i) + 2}, "", errBad, time.Hour)
		}
		for range 3 {
			m.Failed(Place{Host: "b"}, "", errBad, 0)
		}
		if !down(&m, Place{Host: "b", Credential: 1, Model: "m"}) {
			t.Error("an outage goes unnoticed")
		}
	})
}
