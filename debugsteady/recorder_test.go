package debugsteady

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/callkey"
	"github.com/steadyhttp/steadyhttp/limit"
)

// TestCounts tries what one call after another adds to the totals.
func TestCounts(t *testing.T) {
	refusal := &steadyhttp.Error{Class: steadyhttp.RateLimit, Fate: steadyhttp.FateRefused, Status: 429}
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		c := &caller{r: r}
		c.call(chat)
		call := newCall()
		c.attempt(call, chat, 0, refusal)
		c.attempt(call, chat, 0, overloaded())
		c.attempt(call, chat, 0, nil)
		r.callDone(call, &steadyhttp.Call{Attempts: 3, Waited: 3 * time.Second, Throttled: time.Second, Uncertain: 1, Tokens: limit.Tokens{InputTokens: 5, OutputTokens: 7}})
		r.callDone(newCall(), &steadyhttp.Call{Attempts: 1, Error: &steadyhttp.Error{Message: "the queue is full", Err: &limit.Refusal{Reason: "the queue is full"}}})
		r.attemptStart(nil, chat.Host, false)
		want := totals{
			Calls: 3, FailedCall: 1, Attempts: 4, Retried: 1, Uncertain: 1, UnderWay: 1, Answered: 2, Refused: 1, Failed: 1, Unsent: 1,
			Waited: 3 * time.Second, Throttled: time.Second, Input: 25, Output: 15,
		}
		if got := r.copy().totals; got != want {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}

// TestHistories tries which keys an attempt counts for, and in which column.
func TestHistories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		c := &caller{r: r}
		mini := chat
		mini.Model = "gpt-4o-mini"
		c.call(chat)
		time.Sleep(bucketTime)
		c.call(chat)
		c.call(mini)
		c.attempt(nil, mini, 3*bucketTime, overloaded())
		full := chat
		full.Route, full.Bucket = "POST /v1/chat/completions", "b"
		c.call(full)

		got := r.copy()
		for _, row := range []struct {
			name string
			key  limit.Key
			want map[int]bucket // by columns from the right
		}{
			{"the host", host(chat), map[int]bucket{0: {Sent: 1, Answered: 1, Failed: 1}, 3: {Sent: 3, Answered: 2}, 4: {Sent: 1, Answered: 1}}},
			{"the credential", limit.Key{Host: chat.Host, Credential: chat.Credential}, map[int]bucket{0: {Sent: 2, Answered: 1, Failed: 1}, 3: {Sent: 2, Answered: 2}, 4: {Sent: 1, Answered: 1}}},
			{"a model", chat, map[int]bucket{0: {Sent: 1, Answered: 1}, 3: {Sent: 1, Answered: 1}, 4: {Sent: 1, Answered: 1}}},
			{"another model", mini, map[int]bucket{0: {Sent: 1, Failed: 1}, 3: {Sent: 1, Answered: 1}}},
			{"a route", full, map[int]bucket{0: {Sent: 1, Answered: 1}}},
			{"another credential", limit.Key{Host: chat.Host, Credential: 9}, nil},
		} {
			columns := got.of(&row.key)
			for i, b := range columns {
				if want := row.want[buckets-1-i]; b != want {
					t.Errorf("%s, %d from the right: got %+v, want %+v", row.name, buckets-1-i, b, want)
				}
			}
			if n, want := got.recent(&row.key), sent(columns); n != want {
				t.Errorf("%s: got %d sent of late, want %d", row.name, n, want)
			}
		}
		if got.of(&limit.Key{Host: "nobody.calls"}) != nil {
			t.Error("a host that nobody calls has a history")
		}
	})
}

// TestManyRoutes tries that the routes of a host that come late are counted together,
// for its credential.
func TestManyRoutes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		c := &caller{r: r}
		for i := range 5 * maxRoutes {
			c.call(limit.Key{Host: "api.example.com", Credential: uint64(i%2 + 5), Route: fmt.Sprint("GET /", i)})
		}
		got := r.copy()
		for key, want := range map[limit.Key]uint64{
			{Host: "api.example.com"}:                                  5 * maxRoutes,
			{Host: "api.example.com", Credential: 5}:                   5 * maxRoutes / 2,
			{Host: "api.example.com", Credential: 6}:                   5 * maxRoutes / 2,
			{Host: "api.example.com", Credential: 5, Route: "GET /0"}:  1,
			{Host: "api.example.com", Credential: 6, Route: "GET /99"}: 0,
		} {
			if n := sent(got.of(&key)); n != want {
				t.Errorf("%+v: got %d, want %d", key, n, want)
			}
		}
		if n := r.histories.n; n != 1+maxRoutes+2 {
			t.Errorf("got %d histories, want %d", n, 1+maxRoutes+2)
		}
		for i := range 5 * maxRoutes { // each with a credential of its own
			c.call(limit.Key{Host: "api.example.org", Credential: uint64(i + 5), Route: fmt.Sprint("GET /", i)})
		}
		if n := len(r.copy().hosts["api.example.org"].keys); n != maxRoutes+maxCredentials {
			t.Errorf("got %d histories of a host with many credentials, want %d", n, maxRoutes+maxCredentials)
		}
	})
}

// TestHistoryEnds tries that what is older than five minutes goes, and that who
// waits through a column without an event is seen in it.
func TestHistoryEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		(&caller{r: r}).call(chat)
		r.waits(chat, false, 1)
		time.Sleep(historyTime - bucketTime)
		if got := r.copy().all; got[0].Sent != 1 || got[0].Waiting != 1 || got[30].Waiting != 1 || got[buckets-1].Waiting != 1 {
			t.Errorf("after nearly five minutes: got %+v, want the call at the left, and one waiting in all columns", got)
		}
		time.Sleep(bucketTime)
		r.waits(chat, false, -1)
		time.Sleep(2 * bucketTime)
		got := r.copy().all
		if got[0].Sent != 0 || got[buckets-3].Waiting != 1 || got[buckets-2].Waiting != 0 {
			t.Errorf("after it: got %+v", got)
		}
		time.Sleep(24 * time.Hour)
		if got := r.copy().all; got != [buckets]bucket{} {
			t.Errorf("after a day: got %+v", got)
		}
	})
}

// TestRate tries the rate now, which must not fall at the begin of a column.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		c := &caller{r: r}
		for i := range 300 {
			c.call(chat)
			time.Sleep(100 * time.Millisecond)
			if i > 100 {
				rec := r.copy()
				if got := rec.rate(rec.of(&chat)); got < 9.5 || got > 10.5 {
					t.Fatalf("after %d calls: got %v a second, want 10", i, got)
				}
			}
		}
	})
}

// TestDone tries what the page says of a failure.
func TestDone(t *testing.T) {
	e := overloaded()
	for _, row := range []struct {
		name string
		play func(r *recorder, c *caller, call *fakeCall)
		want []string // of all failures, the newest first
	}{
		{"repeated, then answered", func(r *recorder, c *caller, call *fakeCall) {
			c.attempt(call, billing, 0, e)
			time.Sleep(700 * time.Millisecond)
			c.attempt(call, billing, 0, nil)
			r.callDone(call, &steadyhttp.Call{Attempts: 2})
		}, []string{"repeated after 700 ms; then answered"}},
		{"repeated in vain", func(r *recorder, c *caller, call *fakeCall) {
			c.attempt(call, billing, 0, e)
			time.Sleep(2 * time.Second)
			c.attempt(call, billing, 0, e)
			r.callDone(call, &steadyhttp.Call{Attempts: 2, Error: e, Stopped: "the deadline passed"})
		}, []string{"given up: the deadline passed", "repeated after 2.0 s; then given up"}},
		{"it waits", func(r *recorder, c *caller, call *fakeCall) { c.attempt(call, billing, 0, e) }, []string{"still under way"}},
		{"its second attempt runs", func(r *recorder, c *caller, call *fakeCall) {
			c.attempt(call, billing, 0, e)
			r.attemptStart(call, billing.Host, false)
		}, []string{"repeated after 0 s; still under way"}},
		{"it went to a target", func(r *recorder, c *caller, call *fakeCall) {
			c.attempt(call, billing, 0, e)
			r.target(call, "west")
			c.attempt(call, billing, 0, e)
			r.target(call, "")
			c.attempt(call, billing, 0, nil)
			r.callDone(call, &steadyhttp.Call{Attempts: 1})
		}, []string{"went on to the request as it is; then answered", "went on to west; then answered"}},
		{"no reason is known", func(r *recorder, c *caller, call *fakeCall) {
			c.attempt(call, billing, 0, e)
			r.callDone(call, &steadyhttp.Call{Attempts: 1, Error: e})
		}, []string{"given up"}},
		{"its body broke off", func(r *recorder, c *caller, call *fakeCall) {
			c.attempt(call, billing, 0, nil)
			r.callDone(call, &steadyhttp.Call{Attempts: 1, Error: &steadyhttp.Error{Class: steadyhttp.Connection, Fate: steadyhttp.FateApplied}})
		}, []string{"given up"}},
		{"it was never sent", func(r *recorder, c *caller, call *fakeCall) {
			r.callDone(call, &steadyhttp.Call{Attempts: 1, Error: &steadyhttp.Error{Err: limit.ErrThrottled}, Stopped: "the Throttler refused to send it"})
		}, []string{"given up: the Throttler refused to send it"}},
		{"the calls of others do not matter", func(r *recorder, c *caller, call *fakeCall) {
			c.attempt(call, billing, 0, e)
			c.call(billing)
			r.target(newCall(), "west")
		}, []string{"still under way"}},
		{"calls cannot be told apart", func(r *recorder, c *caller, _ *fakeCall) {
			c.attempt(nil, billing, 0, e)
			c.attempt(nil, billing, 0, nil)
			r.callDone(nil, &steadyhttp.Call{Attempts: 2})
		}, []string{""}},
	} {
		synctest.Test(t, func(t *testing.T) {
			r := newRecorder()
			row.play(r, &caller{r: r}, newCall())
			var got []string
			for _, f := range r.copy().failures {
				got = append(got, f.done())
			}
			if fmt.Sprint(got) != fmt.Sprint(row.want) {
				t.Errorf("%s: got %q, want %q", row.name, got, row.want)
			}
		})
	}
}

// TestLastFailures tries that a hundred are kept, and that calls whose failures went
// out of sight do no harm.
func TestLastFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		c := &caller{r: r}
		calls := make([]*fakeCall, 3*maxFailures)
		for i := range calls {
			calls[i] = newCall()
			e := overloaded()
			e.RequestID = fmt.Sprint("req_", i)
			c.attempt(calls[i], billing, 0, e)
		}
		for _, call := range calls {
			r.callDone(call, &steadyhttp.Call{Attempts: 1})
		}
		got := r.copy().failures
		if len(got) != maxFailures || got[0].ID != "req_299" || got[maxFailures-1].ID != "req_200" || r.failures.open != 0 {
			t.Errorf("got %d from %s to %s, %d of them open; want 100 from req_299 to req_200, none of them open", len(got), got[0].ID, got[len(got)-1].ID, r.failures.open)
		}
	})
}

// TestTargets tries that attempts are counted where they went.
func TestTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		c := &caller{r: r}
		c.call(chat)
		call := newCall()
		c.attempt(call, chat, 0, overloaded())
		r.target(call, "west")
		c.attempt(call, chat, 0, overloaded())
		c.attempt(call, chat, 0, nil)
		r.callDone(call, &steadyhttp.Call{Attempts: 1})
		for range 2 * maxCallPlaces { // never end
			r.target(newCall(), "west")
		}
		rec := r.copy()
		if got, want := fmt.Sprint(rec.targets), "map[:{2 1} west:{2 1}]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if rec.failures[0].Target != "west" || rec.failures[1].Target != "" {
			t.Errorf("got the targets %q and %q of the failures", rec.failures[0].Target, rec.failures[1].Target)
		}
		if len(r.places) > maxCallPlaces {
			t.Errorf("%d calls are remembered that left their first place", len(r.places))
		}
	})
}

// TestManyTargets tries that names which never end take bounded memory, and that a call
// is known to be at its target while another moves.
func TestManyTargets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		c := &caller{r: r}
		for i := range 2 * maxTargets {
			call, other := newCall(), newCall()
			r.target(call, fmt.Sprint("target-", i))
			r.target(other, "west")
			c.attempt(call, chat, 0, overloaded())
			r.callDone(other, &steadyhttp.Call{})
		}
		rec := r.copy()
		if n := len(rec.targets); n != maxTargets {
			t.Errorf("the attempts of %d targets are counted, want %d", n, maxTargets)
		}
		if got, want := rec.failures[0].Target, fmt.Sprint("target-", 2*maxTargets-1); got != want {
			t.Errorf("got a failure at %q, want %q", got, want)
		}
	})
}

// BenchmarkCall measures what one call of one attempt costs, in all: three events.
func BenchmarkCall(b *testing.B) {
	r := newRecorder()
	key, call, done := chat, callkey.Call(newCall()), steadyhttp.Call{Attempts: 1}
	key.Route = "POST /v1/chat/completions"
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			r.attemptStart(call, key.Host, false)
			r.attemptDone(call, key, nil)
			r.callDone(call, &done)
		}
	})
}

// BenchmarkFailure measures what a failed attempt costs.
func BenchmarkFailure(b *testing.B) {
	r := newRecorder()
	e := overloaded()
	b.ReportAllocs()
	for b.Loop() {
		r.attemptStart(nil, chat.Host, false)
		r.attemptDone(nil, chat, e)
	}
}
