package debugsteady

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// TestGauge tries what is drawn of a limit.
func TestGauge(t *testing.T) {
	for _, row := range []struct {
		name        string
		limit, left float64
		want        string
	}{
		{"half is left", 100, 50, "left 50"},
		{"a tenth is left", 100, 10, "left 10"},
		{"less is left", 100, 9, "low 9"},
		{"nothing is left", 100, 0, "low 0"},
		{"more was taken than there was", 100, -20, "low 0"},
		{"more is left than there is", 100, 120, "left 100"},
		{"a limit of nothing", 0, 1, "none"},
		{"no figure", 100, math.NaN(), "none"},
		{"a negative limit", -1, 5, "none"},
	} {
		r := rowOf(&limitState{Unit: "requests", Limit: number(row.limit), Left: number(row.left)})
		got := "none"
		if r.HasGauge {
			got = fmt.Sprint(r.GaugeClass, " ", r.Gauge)
		}
		if got != row.want {
			t.Errorf("%s: got %s, want %s", row.name, got, row.want)
		}
	}
}

// pageOf is the page of keys of which nothing is recorded.
func pageOf(all ...limit.KeyState) *page {
	return newPage(stateOf(time.Now(), all, nil, nil, nil), defaultRefresh)
}

// TestHeldWhy tries what the page says of what holds a key's requests back.
func TestHeldWhy(t *testing.T) {
	h := limit.Key{Host: "api.example.com"}
	for _, row := range []struct {
		name string
		key  limit.KeyState
		want string
	}{
		{"a limit", limit.KeyState{Key: h, Waiting: 1, Queued: 1, Why: "the limit of requests per minute"}, "the limit of requests per minute"},
		{"a pause", limit.KeyState{Key: h, Gate: limit.GateAsked}, "a server asked for a pause"},
		{"a failure", limit.KeyState{Key: h, Gate: limit.GateFailing}, "its requests are failing"},
		{"a pause that is only observed", limit.KeyState{Key: h, Gate: limit.GateAsked, WouldHold: 1}, "a server asked for a pause; only observed, nobody is held"},
		{"a pause that was only observed for some", limit.KeyState{Key: h, Gate: limit.GateAsked, WouldHold: 1, Waiting: 1, Queued: 1}, "a server asked for a pause"},
	} {
		held := pageOf(row.key).Held
		if len(held) != 1 || held[0].HeldWhy() != row.want {
			t.Errorf("%s: got %d keys that are held, the first by %q; want %q", row.name, len(held), held[0].HeldWhy(), row.want)
		}
	}
}

// TestManyHeld tries that the table of what is held back ends.
func TestManyHeld(t *testing.T) {
	var all []limit.KeyState
	for i := range 3 * maxHeld {
		all = append(all, limit.KeyState{Key: limit.Key{Host: fmt.Sprint("host-", i)}, Gate: limit.GateAsked})
	}
	if n := len(pageOf(all...).Held); n != maxHeld {
		t.Errorf("got %d rows, want %d", n, maxHeld)
	}
}

// TestNotice tries when the page says that the Handler came too late.
func TestNotice(t *testing.T) {
	for _, row := range []struct {
		name string
		play func(r *recorder, c *caller)
		want bool
	}{
		{"no call", func(*recorder, *caller) {}, true},
		{"a call", func(_ *recorder, c *caller) { c.call(chat) }, false},
		{"an attempt under way", func(r *recorder, _ *caller) { r.attemptStart(nil, chat.Host, false) }, false},
		{"two calls, and as many under way", func(r *recorder, c *caller) {
			for range 2 {
				c.call(chat)
			}
			for range 4 {
				r.attemptStart(nil, chat.Host, false)
			}
		}, false},
		{"an attempt of a call that goes on, and another under way", func(r *recorder, c *caller) {
			c.attempt(newCall(), chat, 0, overloaded())
			r.attemptStart(nil, chat.Host, false)
		}, false},
	} {
		r := newRecorder()
		row.play(r, &caller{r: r})
		p := newPage(stateOf(time.Now(), snapshot(), r.copy(), nil, nil), defaultRefresh)
		if got := strings.Contains(p.Notice, "No call was recorded"); got != row.want {
			t.Errorf("%s: it says that no call was recorded: %t, want %t", row.name, got, row.want)
		}
	}
}

// TestPicture draws columns of which the first is the highest.
func TestPicture(t *testing.T) {
	var all [buckets]bucket
	all[0] = bucket{Sent: 9, Answered: 2, Refused: 3, Failed: 5}
	p := draw(&all)
	if p.Peak != "2" {
		t.Errorf("got a peak of %s a second, want 2: ten in five seconds", p.Peak)
	}
	for _, row := range []struct{ name, got, want string }{
		{"answered", p.Answered, "M0 88V70h10V88z"},
		{"refused", p.Refused, "M0 88V44h10V88z"},
		{"failed", p.Failed, "M0 88V0h10V88z"},
		{"sent", p.Sent, "M0 9h10V88h590"},
		{"waiting", p.Waiting, ""},
	} {
		if row.got != row.want {
			t.Errorf("%s: got the path %s, want %s", row.name, row.got, row.want)
		}
	}
}

// TestTargetNames tries what targets are called, in their order.
func TestTargetNames(t *testing.T) {
	f := &steadyhttp.Failover{Targets: []steadyhttp.Target{
		{Name: "west"}, {URL: "https://east.example.com/v1"}, {Model: "small"}, {}, {Name: "west"}, {URL: ":"},
	}}
	got := targetNames(f, map[string]targetCount{"gone": {1, 1}, "west": {2, 0}})
	want := []string{"", "west", "east.example.com", "small", "target 4", "west 5", "target 6", "gone"}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
