package debugsteady

import (
	"fmt"
	"testing"

	"github.com/steadyhttp/steadyhttp/limit"
)

// TestRank tries the order of keys, and who holds whom.
func TestRank(t *testing.T) {
	h := limit.Key{Host: "api.example.com"}
	a, b := h, h
	a.Credential, a.Route = 7, "GET /a"
	b.Credential, b.Route = 7, "GET /b"
	both := limit.Key{Host: h.Host, Credential: 7}
	other := limit.Key{Host: "other.example.com"}
	for _, row := range []struct {
		name string
		all  []limit.KeyState
		want []string // name: held by
	}{
		{"one route holds", []limit.KeyState{{Key: h, Waiting: 3}, {Key: both, Waiting: 3}, {Key: b}, {Key: a, Waiting: 3, Queued: 3}}, []string{
			"api.example.com key 0007 GET /a holds", "api.example.com by api.example.com key 0007 GET /a", "api.example.com key 0007 by api.example.com key 0007 GET /a", "api.example.com key 0007 GET /b",
		}},
		{"two routes hold", []limit.KeyState{{Key: h, Waiting: 5}, {Key: a, Waiting: 3, Queued: 3}, {Key: b, Waiting: 2, Queued: 2}}, []string{
			"api.example.com key 0007 GET /a holds", "api.example.com key 0007 GET /b holds", "api.example.com by api.example.com key 0007 GET /a and 1 more",
		}},
		{"a wider key holds", []limit.KeyState{{Key: a, Waiting: 3}, {Key: both, Waiting: 3, Queued: 3}}, []string{
			"api.example.com key 0007 holds", "api.example.com key 0007 GET /a by api.example.com key 0007",
		}},
		{"the Limiter does not know", []limit.KeyState{{Key: a, Waiting: 3}, {Key: h, Waiting: 3}}, []string{
			"api.example.com holds", "api.example.com key 0007 GET /a by api.example.com",
		}},
		{"a gate before a queue, before a pace", []limit.KeyState{
			{Key: h}, {Key: limit.Key{Host: "pace"}, PerSecond: 5}, {Key: other, Waiting: 9, Queued: 9}, {Key: limit.Key{Host: "asked"}, Gate: limit.GateAsked}, {Key: limit.Key{Host: "failing"}, Gate: limit.GateFailing}, {Key: a, Gate: limit.GateAsked, Waiting: 1, Queued: 1},
		}, []string{"api.example.com key 0007 GET /a holds", "failing", "asked", "other.example.com holds", "pace", "api.example.com"}},
	} {
		var got []string
		for _, k := range rank(row.all, nil) {
			name := nameOfKey(k.Key, maxLabel)
			if by := k.heldBy(); by != "" {
				name += " by " + by
			}
			if k.held {
				name += " holds"
			}
			got = append(got, name)
		}
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", row.want) {
			t.Errorf("%s:\ngot  %q\nwant %q", row.name, got, row.want)
		}
	}
}
