package limiter

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/inmem"
	"github.com/steadyhttp/steadyhttp/limit"
)

// In a pause that a limit asks for, one request goes after a second. If that is
// refused, further ones go only if none of their like was, ever more seldom.
func TestFurtherTriesInAPause(t *testing.T) {
	for _, row := range []struct {
		name, told, first, then string
		strict                  bool
		comes, at               time.Duration // when the second of those who wait comes and goes
	}{
		{"all of one kind", "/a", "/a", "/a", false, 1500 * time.Millisecond, 60 * time.Second},
		{"then one of another, at once", "/a", "/a", "/b", false, 1500 * time.Millisecond, 1500 * time.Millisecond},
		{"the other is the first", "/a", "/b", "/a", false, 1500 * time.Millisecond, 60 * time.Second},
		{"one of another before the second is over", "/a", "/a", "/b", false, time.Millisecond, time.Millisecond},
		{"the query tells", "/a?x=1", "/a?x=1", "/a?x=2", false, 1500 * time.Millisecond, 1500 * time.Millisecond},
		{"where that is punished", "/a", "/a", "/b", true, 1500 * time.Millisecond, 60 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				k := routed("GET /{id}")
				began := time.Now()
				acquire := func(at string) limit.Permit {
					req, err := http.NewRequest("GET", "https://api.example.com"+at, nil)
					if err != nil {
						t.Fatal(err)
					}
					p, err := m.AcquireFor(t.Context(), &limit.Ask{Key: k, Repeatable: true}, req, inmem.Body{})
					if err != nil {
						t.Error(err)
					}
					return p
				}
				refuse := func(p limit.Permit, pause time.Duration) {
					m.Observe(p, limit.Observation{Key: k, Signal: limit.SignalRefused, Hold: pause, Strict: row.strict, Err: &testError{"wait"}})
					m.Settle(p, limit.Outcome{})
				}
				refuse(acquire(row.told), time.Minute)
				first, second := make(chan bool), make(chan time.Duration)
				go func() {
					p := acquire(row.first)
					if row.strict {
						m.Settle(p, good)
					} else {
						refuse(p, time.Minute-time.Since(began))
					}
					close(first)
				}()
				time.Sleep(row.comes)
				go func() {
					p := acquire(row.then)
					second <- time.Since(began)
					m.Settle(p, good)
				}()
				if at := <-second; at < row.at || at > row.at+1100*time.Millisecond {
					t.Errorf("went after %v, want %v", at, row.at)
				}
				<-first
			})
		})
	}
}

// A server that asks for a second each time, of everybody, is tried within that second
// ever more seldom, however many kinds of requests there are.
func TestShortPausesOfAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const lasts = 2 * time.Minute
		var m Memory
		k := routed("GET /{id}")
		began := time.Now()
		var sent atomic.Int64
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				for n := 0; time.Since(began) < lasts; n++ {
					req, err := http.NewRequest("GET", fmt.Sprintf("https://api.example.com/%d-%d", i, n), nil)
					if err != nil {
						t.Error(err)
					}
					p, err := m.AcquireFor(t.Context(), &limit.Ask{Key: k, Repeatable: true}, req, inmem.Body{})
					if err != nil {
						t.Error(err)
						return
					}
					sent.Add(1)
					m.Observe(p, limit.Observation{Key: k, Signal: limit.SignalRefused, Hold: time.Second, Err: &testError{"wait"}})
					m.Settle(p, limit.Outcome{})
					time.Sleep(time.Second)
				}
			})
		}
		all.Wait()
		// The crowd that comes first, one each second, and those within a pause: after 2, 4, 8, 16, 32 and 60 seconds.
		if got := sent.Load(); got > 20+120+8 {
			t.Errorf("%d requests were sent in two minutes in which each was refused for a second", got)
		}
	})
}

func TestTried(t *testing.T) {
	var s tried
	for at := uint64(1); at <= maxTried+1; at++ {
		s.failed(1, subject{address: at, content: 1})
		s.failed(1, subject{address: at, content: 1})
	}
	s.worked(subject{address: 5, content: 1})
	s.worked(subject{address: 99, content: 1})
	for at, want := range map[uint64]bool{0: true, 1: false, 2: true, 5: false, maxTried + 1: true} {
		if got := s.has(&ask{of: subject{address: at, content: 1}}); got != want {
			t.Errorf("%d is known to have failed: got %t, want %t", at, got, want)
		}
	}
}

// What tells those that fail from those that work is the address where it can be, and
// what a request says where both share one.
func TestTriedByAddressAndByContent(t *testing.T) {
	for _, row := range []struct {
		name         string
		failed, good subject
		other        subject
		want         bool
	}{
		{"nothing worked, other content", subject{address: 1, content: 1}, subject{}, subject{address: 1, content: 2}, false},
		{"nothing worked, the same", subject{address: 1, content: 1}, subject{}, subject{address: 1, content: 1}, true},
		{"another address works, other content", subject{address: 1, content: 1}, subject{address: 2, content: 1}, subject{address: 1, content: 2}, true},
		{"the address works with other content, a third", subject{address: 1, content: 1}, subject{address: 1, content: 2}, subject{address: 1, content: 3}, false},
		{"the address works with other content, the same", subject{address: 1, content: 1}, subject{address: 1, content: 2}, subject{address: 1, content: 1}, true},
		{"another address", subject{address: 1, content: 1}, subject{address: 1, content: 2}, subject{address: 2, content: 1}, false},
		{"not known", subject{address: 1, content: 1}, subject{address: 1, content: 2}, subject{}, true},
	} {
		var s tried
		s.failed(1, row.failed)
		s.worked(row.good)
		if got := s.has(&ask{of: row.other}); got != row.want {
			t.Errorf("%s: is known to have failed: got %t, want %t", row.name, got, row.want)
		}
	}
}

// A shape is trusted after eight successes, until it fails.
func TestTrustedShapes(t *testing.T) {
	var s tried
	for n := 1; n <= trusted; n++ {
		if s.trusts(7) {
			t.Errorf("trusted after %d successes", n-1)
		}
		s.worked(subject{address: 1, content: uint64(n), shape: 7})
	}
	if !s.trusts(7) || s.trusts(8) {
		t.Errorf("after %d successes: got %t, and %t of another shape; want true and false", trusted, s.trusts(7), s.trusts(8))
	}
	s.failed(1, subject{address: 1, content: 1, shape: 7})
	if s.trusts(7) {
		t.Error("trusted after a failure")
	}
}
