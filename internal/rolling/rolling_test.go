package rolling

import (
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

// start is an instant at which half a second begins.
const start = monotime.Instant(1000 * time.Second)

// TestSums counts requests and retries, and looks at the sums later.
func TestSums(t *testing.T) {
	type counts struct{ requests, retries int32 }
	type counted struct {
		after time.Duration
		counts
	}
	const half = slotTime
	for _, row := range []struct {
		name    string
		counted []counted
		at      time.Duration
		want    counts
	}{
		{"nothing", nil, 0, counts{}},
		{"in the same half second", []counted{{0, counts{2, 1}}, {half - 1, counts{1, 1}}}, half - 1, counts{3, 2}},
		{"in several", []counted{{0, counts{1, 0}}, {time.Second, counts{2, 1}}, {2 * time.Second, counts{1, 1}}}, 3 * time.Second, counts{4, 2}},
		{"until the window has passed", []counted{{0, counts{1, 1}}, {5*time.Second - 1, counts{1, 0}}}, 5*time.Second - 1, counts{2, 1}},
		{"after the window", []counted{{0, counts{1, 1}}, {time.Second, counts{1, 0}}}, 5 * time.Second, counts{1, 0}},
		{"long after it", []counted{{0, counts{1, 1}}}, time.Hour, counts{}},
		{"again, long after it", []counted{{0, counts{2, 2}}, {time.Hour, counts{1, 1}}}, time.Hour, counts{1, 1}},
	} {
		t.Run(row.name, func(t *testing.T) {
			var h Host
			for _, c := range row.counted {
				for range c.requests {
					h.Request(start.Add(c.after))
				}
				for range c.retries {
					h.Retry(start.Add(c.after), 1)
				}
			}
			requests, retries := h.Sums(start.Add(row.at))
			if got := (counts{requests, retries}); got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

// TestRetryTakenBack takes back a retry that was not sent.
func TestRetryTakenBack(t *testing.T) {
	var h Host
	h.Retry(start, 1)
	h.Retry(start, -1)
	if _, retries := h.Sums(start); retries != 0 {
		t.Errorf("%d retries, want none", retries)
	}
}

// TestHosts looks at which requests are counted together.
func TestHosts(t *testing.T) {
	var c Counts
	a := c.Of("a.example")
	if again := c.Of("a.example"); again != a || c.Of("b.example") == a {
		t.Error("each host must have its own counts")
	}
}

// TestManyHosts calls as many hosts as are remembered, and another one later.
func TestManyHosts(t *testing.T) {
	for _, row := range []struct {
		later time.Duration
		want  bool // another host is remembered, since those that are idle are forgotten
	}{
		{0, false},
		{4999 * time.Millisecond, false},
		{5 * time.Second, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			var c Counts
			time.Sleep(slotTime - time.Duration(monotime.Now())%slotTime) // where half a second begins
			for i := range 10_000 {
				c.Of(strconv.Itoa(i)).Request(monotime.Now())
			}
			time.Sleep(row.later)
			if got := c.Of("another") != nil; got != row.want {
				t.Errorf("after %v another host is remembered: %t, want %t", row.later, got, row.want)
			}
			if requests, _ := c.Of("0").Sums(monotime.Now()); (requests == 0) != row.want {
				t.Errorf("after %v %d requests are counted", row.later, requests)
			}
		})
	}
}

// TestBusyHosts has some hosts go on while others fall idle.
func TestBusyHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Counts
		for i := range 10_000 {
			c.Of(strconv.Itoa(i)).Request(monotime.Now())
		}
		time.Sleep(4 * time.Second)
		busy := c.Of("7")
		busy.Request(monotime.Now())
		time.Sleep(2 * time.Second)
		for i := range 9999 { // beside the busy one
			h := c.Of("new" + strconv.Itoa(i))
			if h == nil {
				t.Fatalf("%d new hosts are remembered, want 9999", i)
			}
			h.Request(monotime.Now())
		}
		if c.Of("7") != busy {
			t.Error("a host that is called was forgotten")
		}
		if c.Of("one more") != nil {
			t.Error("more than 10,000 hosts are remembered")
		}
	})
}
