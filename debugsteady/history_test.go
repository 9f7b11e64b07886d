package debugsteady

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// TestRoom fills the memory for hosts, and tries which new ones find room.
func TestRoom(t *testing.T) {
	hostNumber := func(i int) limit.Key { return limit.Key{Host: fmt.Sprint("host-", i)} }
	for _, row := range []struct {
		name string
		idle int           // of the hosts, those that are called first
		gap  time.Duration // before the others are called
		wait bool          // requests to those that are idle still wait
		kept int           // of those that are idle, when a new host has come
		room bool          // for the new host
	}{
		{"all are called now", 0, 0, false, 0, false},
		{"some were called in the column before", 100, bucketTime, false, 100, false},
		{"some before that: a quarter of them goes", 100, 2 * bucketTime, false, 75, true},
		{"one alone is idle", 1, 2 * bucketTime, false, 0, true},
		{"what is idle still waits", 100, 2 * bucketTime, true, 100, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRecorder()
				c := &caller{r: r}
				time.Sleep(bucketTime)
				for i := range row.idle {
					c.call(hostNumber(i))
					if row.wait {
						r.waits(hostNumber(i), false, 1)
					}
				}
				time.Sleep(row.gap)
				for i := row.idle; i < maxHistories; i++ {
					c.call(hostNumber(i))
				}
				c.call(limit.Key{Host: "new"})
				hosts := r.copy().hosts
				if got := hosts["new"] != nil; got != row.room {
					t.Errorf("there is room for a new host: %t, want %t", got, row.room)
				}
				kept := 0
				for i := range maxHistories {
					switch {
					case hosts[hostNumber(i).Host] == nil:
						if i >= row.idle {
							t.Errorf("host %d is in use and was forgotten", i)
						}
					case i < row.idle:
						kept++
					}
				}
				if kept != row.kept {
					t.Errorf("%d of the idle hosts are kept, want %d", kept, row.kept)
				}
				if len(hosts) > maxHistories {
					t.Errorf("%d hosts are kept", len(hosts))
				}
			})
		})
	}
}
