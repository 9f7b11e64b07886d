package limiter

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// failAt has a request of k, which takes a millisecond, fail so long after began.
func failAt(t *testing.T, m *Memory, k limit.Key, began time.Time, after time.Duration) {
	t.Helper()
	time.Sleep(time.Until(began.Add(after - time.Millisecond)))
	fail(t, m, k, 1)
}

// TestWhatMakesARow tries which failures in a row are taken for an outage, of a route
// or of the host.
func TestWhatMakesARow(t *testing.T) {
	const s = time.Second
	a, b, c := routed("GET /a"), routed("GET /b"), routed("GET /c")
	other := a
	other.Credential = 8
	third := a
	third.Credential = 9
	for _, row := range []struct {
		name        string
		routes      []limit.Key // the failures
		at          []time.Duration
		route, host string // the gates of the first route and of the host
	}{
		{"four", []limit.Key{a, a, a, a}, []time.Duration{1 * s, 2 * s, 3 * s, 4 * s}, "", ""},
		{"five", []limit.Key{a, a, a, a, a}, []time.Duration{1 * s, 2 * s, 3 * s, 4 * s, 5 * s}, limit.GateFailing, ""},
		{"ten seconds between them", []limit.Key{a, a, a, a, a}, []time.Duration{1 * s, 11 * s, 21 * s, 31 * s, 41 * s}, limit.GateFailing, ""},
		{"a little longer between two", []limit.Key{a, a, a, a, a}, []time.Duration{1 * s, 11 * s, 21 * s, 31 * s, 41*s + 1}, "", ""},
		{"two routes in turn", []limit.Key{a, b, a, b, a, b}, []time.Duration{1 * s, 2 * s, 3 * s, 4 * s, 5 * s, 6 * s}, "", ""},
		{"three routes in turn", []limit.Key{a, b, c, a, b}, []time.Duration{1 * s, 2 * s, 3 * s, 4 * s, 5 * s}, "", limit.GateFailing},
		{"one route with three credentials", []limit.Key{a, other, third, a, other, third}, []time.Duration{1 * s, 2 * s, 3 * s, 4 * s, 5 * s, 6 * s}, "", ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				began := time.Now()
				for i, k := range row.routes {
					failAt(t, &m, k, began, row.at[i])
				}
				if got := gateOf(&m, row.routes[0]); got != row.route {
					t.Errorf("got the route's gate %q, want %q", got, row.route)
				}
				if got := gateOf(&m, testHost); got != row.host {
					t.Errorf("got the host's gate %q, want %q", got, row.host)
				}
			})
		})
	}
}

// TestPendingSpeaksAgainstARow has five requests fail, each after 50 ms, and another
// without an answer meanwhile: if it waits for ten times as long, some of the host
// works.
func TestPendingSpeaksAgainstARow(t *testing.T) {
	const ms = time.Millisecond
	for _, row := range []struct {
		name  string
		route string
		sent  time.Duration // the first failure comes after 50 ms
		last  time.Duration // when the fifth comes
		heard bool          // its answer was seen: another failure, of which nothing is known yet
		gate  string
	}{
		{"it has waited for longer", "GET /a", 51 * ms, 552 * ms, false, ""},
		{"it has not waited for that long", "GET /a", 51 * ms, 551 * ms, false, limit.GateFailing},
		{"it was sent with the first", "GET /a", 50 * ms, 700 * ms, false, limit.GateFailing},
		{"it is of another route", "GET /b", 51 * ms, 700 * ms, false, limit.GateFailing},
		{"it had an answer", "GET /a", 51 * ms, 700 * ms, true, limit.GateFailing},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				meet(t, &m)
				k := routed("GET /a")
				m.Observe(now(t, &m, limit.Ask{Key: k}), limit.Observation{Key: k, Unit: "tokens", Limit: 100, Remaining: 100, Window: time.Minute, Reset: 0}) // so that the route is known
				began := time.Now()
				go func() {
					time.Sleep(row.sent)
					p := now(t, &m, limit.Ask{Key: routed(row.route)})
					if row.heard {
						m.Observe(p, limit.Observation{Key: limit.Key{Host: k.Host, Bucket: "b"}, Signal: limit.SignalFailing})
					}
				}()
				for _, at := range []time.Duration{50 * ms, 60 * ms, 70 * ms, 80 * ms, row.last} {
					go func() {
						time.Sleep(at - 50*ms)
						p := now(t, &m, limit.Ask{Key: k, Inference: limit.Observe})
						time.Sleep(50 * ms)
						failed(&m, p, k, 0)
					}()
				}
				time.Sleep(time.Until(began.Add(row.last)))
				synctest.Wait()
				if got := gateOf(&m, k); got != row.gate {
					t.Errorf("got the gate %q, want %q", got, row.gate)
				}
			})
		})
	}
}

// TestGateEvidence tries that a gate says in words what shut it.
func TestGateEvidence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		fail(t, &m, testHost, 10)
		time.Sleep(time.Second)
		for _, s := range m.Snapshot() {
			if want := fmt.Sprintf("%d failures in a row 1s ago, and 0 probes since", MinFailures); s.Gate != "" && s.Evidence != want {
				t.Errorf("got the evidence %q, want %q", s.Evidence, want)
			}
		}
	})
}
