package down

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

func never(time.Duration, error) bool { return false }

// fails makes a place go down.
func fails(m *Memory, p Place) {
	for range inARow {
		m.Failed(p, "", errBad, 0)
	}
}

func TestWatch(t *testing.T) {
	a, b, c := Place{Host: "a"}, Place{Host: "b"}, Place{Host: "c"}
	for name, test := range map[string]struct {
		before func(m *Memory) // it queues at a, and may go to b and c
		then   func(m *Memory)
		bears  func(time.Duration, error) bool
		at     int // the step after which it leaves: 1 before, 2 then, 0 never
	}{
		"nothing happens":    {at: 0},
		"down already":       {before: func(m *Memory) { fails(m, a) }, at: 1},
		"goes down":          {then: func(m *Memory) { fails(m, a) }, at: 2},
		"another goes down":  {then: func(m *Memory) { fails(m, b) }, at: 0},
		"all are down":       {before: func(m *Memory) { fails(m, a); fails(m, b); fails(m, c) }, at: 0},
		"the last goes down": {before: func(m *Memory) { fails(m, b); fails(m, c) }, then: func(m *Memory) { fails(m, a) }, at: 0},
		"another comes back": {before: func(m *Memory) { fails(m, a); fails(m, b); fails(m, c) }, then: func(m *Memory) { m.Worked(c, monotime.Now()) }, at: 2},
		"another's pause ends": {before: func(m *Memory) {
			fails(m, a)
			m.Failed(b, "", errBad, time.Minute)
			m.Failed(c, "", errBad, time.Second)
		}, then: func(*Memory) { time.Sleep(2 * time.Second); synctest.Wait() }, at: 2},
		"another's pause ends, and one is down without a pause": {before: func(m *Memory) {
			fails(m, a)
			m.Failed(b, "", errBad, time.Second)
			fails(m, c)
		}, then: func(*Memory) { time.Sleep(2 * time.Second); synctest.Wait() }, at: 2},
		"what it bears takes a second longer": {before: func(m *Memory) { m.Failed(a, "", errBad, time.Second) }, then: func(m *Memory) { m.Failed(a, "", errBad, 2*time.Second) }, bears: func(left time.Duration, _ error) bool { return left < 2*time.Second }, at: 0},
		"its own pause ends":                  {before: func(m *Memory) { m.Failed(a, "", errBad, time.Second); fails(m, b); fails(m, c) }, then: func(*Memory) { time.Sleep(2 * time.Second); synctest.Wait() }, at: 0},
		"it bears that":                       {before: func(m *Memory) { fails(m, a) }, bears: func(time.Duration, error) bool { return true }, at: 0},
		"what it bears takes longer":          {before: func(m *Memory) { m.Failed(a, "", errBad, time.Second) }, then: func(m *Memory) { m.Failed(a, "", errBad, time.Minute) }, bears: func(left time.Duration, _ error) bool { return left < 2*time.Second }, at: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				if test.before != nil {
					test.before(&m)
				}
				bears := test.bears
				if bears == nil {
					bears = never
				}
				var left atomic.Int32
				stop := m.Watch(a, []Place{b, c}, nil, bears, func() { left.Add(1) })
				if now := left.Load() > 0; now != (test.at == 1) {
					t.Errorf("it leaves at once: %v", now)
				}
				if test.then != nil {
					test.then(&m)
				}
				if want := int32(min(test.at, 1)); left.Load() != want {
					t.Errorf("it was told %d times to leave, want %d", left.Load(), want)
				}
				stop()
				fails(&m, a)
				m.Worked(b, monotime.Now())
				m.Worked(c, monotime.Now())
				if want := int32(min(test.at, 1)); left.Load() != want {
					t.Errorf("it was told to leave after its wait")
				}
				if n := m.queued.Len(); n != 0 {
					t.Errorf("%d are remembered as waiting", n)
				}
			})
		})
	}
}

func TestWatchesAreToldInOrder(t *testing.T) {
	var m Memory
	var order []int
	for i := range 100 {
		defer m.Watch(Place{Host: "a"}, []Place{{Host: "b"}}, nil, never, func() { order = append(order, i) })()
	}
	fails(&m, Place{Host: "a"})
	for i := range 100 {
		if len(order) != 100 || order[i] != i {
			t.Fatalf("told in the order %v", order)
		}
	}
}

// Where a call has failed of late it goes again only once that has come back: that it
// is not known to be down proves nothing.
func TestWatchOfAPlaceWhereItFailed(t *testing.T) {
	a, b, c := Place{Host: "a"}, Place{Host: "b"}, Place{Host: "c"}
	works := func(m *Memory, p Place) { m.Worked(p, monotime.Now()) }
	for name, test := range map[string]struct {
		then   func(m *Memory)
		leaves bool
	}{
		"it is up all the time":        {func(m *Memory) { fails(m, a); works(m, b) }, false},
		"it comes back":                {func(m *Memory) { fails(m, b); fails(m, a); works(m, b) }, true},
		"another comes back":           {func(m *Memory) { fails(m, b); fails(m, c); fails(m, a); works(m, c) }, false},
		"it comes back, and so does a": {func(m *Memory) { fails(m, b); fails(m, a); works(m, a); works(m, b) }, false},
		"only its account is still out": {func(m *Memory) {
			fails(m, b)
			m.Failed(Place{Host: "b", Credential: 7}, "", errBad, time.Minute)
			fails(m, a)
			works(m, Place{Host: "b", Credential: 8})
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			var m Memory
			left := 0
			stop := m.Watch(a, nil, []Place{{Host: b.Host, Credential: 7}}, never, func() { left++ })
			defer stop()
			test.then(&m)
			if got := left > 0; got != test.leaves || left > 1 {
				t.Errorf("told %d times to leave, want %t", left, test.leaves)
			}
		})
	}
}
