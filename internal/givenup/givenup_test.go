package givenup

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

func post(ctx context.Context, url, body string) *http.Request {
	req, _ := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(body))
	return req
}

const things = "https://api.example.com/things"

// TestLoop has a call given up, and another follow it.
func TestLoop(t *testing.T) {
	for _, row := range []struct {
		name  string
		after time.Duration
		again func(context.Context, *http.Request) *http.Request
		want  bool
	}{
		{"the same request, at once", 0, same, true},
		{"the same request, 30 s later", 30 * time.Second, same, true},
		{"the same request, later than that", 30*time.Second + 1, same, false},
		{"a new request with the same context", time.Second, func(ctx context.Context, _ *http.Request) *http.Request {
			return post(ctx, things, "a")
		}, true},
		{"a new request with a context that never ends", time.Second, func(context.Context, *http.Request) *http.Request {
			return post(context.Background(), things, "a")
		}, false},
		{"with the same context, to another URL", time.Second, func(ctx context.Context, _ *http.Request) *http.Request {
			return post(ctx, things+"/1", "a")
		}, false},
		{"with the same context, by another method", time.Second, func(ctx context.Context, _ *http.Request) *http.Request {
			req := post(ctx, things, "a")
			req.Method = "PUT"
			return req
		}, false},
		{"with the same context, a longer one", time.Second, func(ctx context.Context, _ *http.Request) *http.Request {
			return post(ctx, things, "aa")
		}, false},
		{"the same URL with another context", time.Second, func(_ context.Context, req *http.Request) *http.Request {
			return req.WithContext(context.Background())
		}, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				req := post(t.Context(), things, "a")
				m.Add(req, monotime.Now())
				time.Sleep(row.after)
				again := row.again(t.Context(), req)
				if got := m.Has(again, m.Began()); got != row.want {
					t.Errorf("taken for a repeat: %t, want %t", got, row.want)
				}
			})
		})
	}
}

func same(_ context.Context, req *http.Request) *http.Request { return req }

// TestBackground has two calls with contexts that never end: nothing tells that one
// repeats the other.
func TestBackground(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		m.Add(post(context.Background(), things, "a"), monotime.Now())
		if m.Has(post(context.Background(), things, "a"), m.Began()) {
			t.Error("taken for a repeat")
		}
	})
}

// TestBegan looks at when the beginning of a call is noted at all.
func TestBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		if m.Began() != 0 {
			t.Error("noted before any call was given up")
		}
		m.Add(post(t.Context(), things, "a"), monotime.Now())
		time.Sleep(30 * time.Second)
		if began := m.Began(); began != monotime.Now() {
			t.Errorf("%d, 30 s after a call was given up; want the present", began)
		}
		time.Sleep(time.Nanosecond)
		if m.Began() != 0 {
			t.Error("noted for longer than 30 s")
		}
	})
}

// TestUnderWay has calls that overlap: they are no repeats of each other.
func TestUnderWay(t *testing.T) {
	for _, row := range []struct {
		name          string
		second, third time.Duration // begin so long after the first was given up
		want          bool          // the third is a repeat
	}{
		{"one began while another was under way", -1, time.Second, false},
		{"and for 30 s that is remembered", -1, 30 * time.Second, false},
		{"one after the other", time.Second, time.Second, true},
		{"one at once after the other", 0, 0, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var m Memory
				req := post(t.Context(), things, "a")
				first := monotime.Now()
				time.Sleep(time.Second)
				var second monotime.Instant
				if row.second < 0 {
					second = monotime.Now()
					time.Sleep(time.Second)
				}
				m.Add(req, first)
				if row.second >= 0 {
					time.Sleep(row.second)
					second = monotime.Now()
				}
				m.Add(req, second)
				time.Sleep(row.third)
				if got := m.Has(req, monotime.Now()); got != row.want {
					t.Errorf("taken for a repeat: %t, want %t", got, row.want)
				}
			})
		})
	}
}

// TestUnderWayEnds has two calls overlap, and a loop begin when that is forgotten.
func TestUnderWayEnds(t *testing.T) {
	for after, want := range map[time.Duration]bool{30 * time.Second: false, 30*time.Second + 1: true} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			req := post(t.Context(), things, "a")
			began := monotime.Now()
			time.Sleep(time.Second)
			m.Add(req, began)
			m.Add(req, began)
			time.Sleep(after)
			m.Add(req, monotime.Now())
			if got := m.Has(req, monotime.Now()); got != want {
				t.Errorf("after %v taken for a repeat: %t, want %t", after, got, want)
			}
		})
	}
}

// TestBeganBefore has a call that was under way when another was given up.
func TestBeganBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		req := post(t.Context(), things, "a")
		began := monotime.Now()
		time.Sleep(time.Second)
		m.Add(req, monotime.Now())
		if m.Has(req, began) {
			t.Error("a call that began before is taken for a repeat")
		}
		if m.Has(req, 0) {
			t.Error("a call whose beginning was not noted is taken for a repeat")
		}
	})
}

// TestForget has a loop succeed.
func TestForget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		req := post(t.Context(), things, "a")
		m.Add(req, monotime.Now())
		m.Forget(req, 0) // one that began when nothing was remembered
		if !m.Has(req, m.Began()) {
			t.Error("forgotten without a success")
		}
		m.Forget(post(t.Context(), things, "a"), m.Began())
		if m.Has(post(t.Context(), things, "a"), m.Began()) {
			t.Error("remembered after a success")
		}
	})
}

// TestMany counts how many are remembered: 6,000 at the least, 12,000 at the most.
func TestMany(t *testing.T) {
	for _, row := range []struct {
		others int
		want   bool
	}{{5999, true}, {6000, true}, {12_000, false}} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			req := post(t.Context(), things, "a")
			m.Add(req, monotime.Now())
			for i := range row.others {
				m.Add(post(t.Context(), fmt.Sprint(things, "/", i), "a"), monotime.Now())
			}
			if got := m.Has(req, m.Began()); got != row.want {
				t.Errorf("remembered after %d others: %t, want %t", row.others, got, row.want)
			}
		})
	}
}

// TestNoURL has requests without a URL, which net/http refuses later.
func TestNoURL(t *testing.T) {
	var m Memory
	req := (&http.Request{Method: "GET"}).WithContext(t.Context())
	m.Add(req, monotime.Now())
	m.Forget(req, m.Began())
	if m.Has(req, m.Began()) {
		t.Error("remembered after a success")
	}
}
