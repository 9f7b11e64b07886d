package limiter

import (
	"fmt"
	"testing"

	"github.com/steadyhttp/steadyhttp/limit"
)

// TestPermitsAreUnique tries that no ID is given twice, not even to different
// hosts, and that one is good once.
func TestPermitsAreUnique(t *testing.T) {
	var m Memory
	seen := map[uint64]bool{}
	var all []limit.Permit
	for i := range 5000 {
		a := limit.Ask{Key: limit.Key{Host: fmt.Sprint(i % 7)}, LimitsKey: limit.Key{Host: fmt.Sprint(i % 7)}, Limits: limit.Limits{MaxConcurrent: 1000}}
		p := now(t, &m, a)
		if seen[p.ID] || p.ID == 0 {
			t.Fatalf("got the ID %d again", p.ID)
		}
		seen[p.ID] = true
		if i%3 == 0 {
			m.Settle(p, good) // its place in the table goes to another
		}
		all = append(all, p)
	}
	for range 2 {
		for _, p := range all {
			other := p
			other.Key.Host = "0"
			if p.Key.Host != "0" {
				m.Settle(other, good) // it is none of that host's
			}
			m.Settle(p, good)
		}
	}
	clean(t, &m)
}

// TestManyKeysOfOneRequest has a request match more Keys than it can hold on to.
func TestManyKeysOfOneRequest(t *testing.T) {
	var m Memory
	k := limit.Key{Host: "h", Route: "r", Bucket: "b", Credential: 7, Model: "m"}
	m.Settle(now(t, &m, limit.Ask{Key: k}), good)
	p := now(t, &m, limit.Ask{Key: k})
	for scope := range uint8(AllScopes) {
		m.Observe(p, limit.Observation{Key: Within(k, scope), Unit: "requests", Limit: 100, Remaining: 90, Window: 60e9, Reset: 60e9, MaxWait: 60e9})
	}
	m.Settle(p, good)
	for range 5 {
		m.Settle(now(t, &m, limit.Ask{Key: k}), good)
	}
	clean(t, &m)
}
