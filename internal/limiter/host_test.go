package limiter

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// heapInUse is how many bytes are in use.
func heapInUse() int64 {
	runtime.GC()
	runtime.GC()
	var s runtime.MemStats
	runtime.ReadMemStats(&s)
	return int64(s.HeapAlloc)
}

func hosts(m *Memory) (n int) {
	m.hosts.Range(func(any, any) bool {
		n++
		return true
	})
	return n
}

// TestMemory has a hundred thousand hosts ask for a pause.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: so many hosts take seconds, and fewer do not reach the bound")
	}
	const many = 100_000
	for _, route := range []string{"", "GET /a"} {
		var m Memory
		before := heapInUse()
		for i := range many {
			k := limit.Key{Host: fmt.Sprintf("host%d.example.com", i), Route: route}
			p := now(t, &m, limit.Ask{Key: k})
			m.Observe(p, limit.Observation{Key: k, Signal: limit.SignalRefused, Hold: 24 * time.Hour, Err: &testError{strings.Clone("slow down")}})
			m.Settle(p, limit.Outcome{})
		}
		got := (heapInUse() - before) >> 20
		n := hosts(&m)
		t.Logf("route %q: %d MiB for %d hosts", route, got, n)
		if got > 64 {
			t.Errorf("route %q: got %d MiB for %d hosts, want at most 64", route, got, many)
		}
		if n > maxHosts || n < maxHosts*9/10 {
			t.Errorf("got %d hosts that are remembered, want %d and not many less", n, maxHosts)
		}
		runtime.KeepAlive(&m)
	}
}

// TestForgetHosts has more hosts than are remembered, all of which have something
// in force.
func TestForgetHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		kept := limit.Key{Host: "kept.example.com"}
		used := now(t, &m, limit.Ask{Key: kept, LimitsKey: kept, Limits: limit.Limits{MaxConcurrent: 1}})
		for i := range maxHosts + 1000 {
			k := limit.Key{Host: fmt.Sprint(i)}
			p := now(t, &m, limit.Ask{Key: k})
			m.Observe(p, limit.Observation{Key: k, Hold: time.Hour})
			m.Settle(p, limit.Outcome{})
		}
		if n := hosts(&m); n > maxHosts || n < maxHosts*9/10 {
			t.Errorf("got %d hosts, want at most %d and not many less", n, maxHosts)
		}
		if n := hosts(&m); n != int(m.n.Load()) {
			t.Errorf("got %d hosts but a count of %d", n, m.n.Load())
		}
		waiting := make(chan limit.Permit)
		go func() {
			p, _ := m.Acquire(t.Context(), limit.Ask{Key: kept, LimitsKey: kept, Limits: limit.Limits{MaxConcurrent: 1}})
			waiting <- p
		}()
		synctest.Wait()
		m.forgetHosts()
		m.Settle(used, limit.Outcome{})
		m.Settle(<-waiting, limit.Outcome{})
	})
}

// TestWhichHostsAreForgotten tries that those go first of which nothing is in force, and
// none that is in use.
func TestWhichHostsAreForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		at := func(host string) limit.Key { return limit.Key{Host: host} }
		answered := func(host string) { m.Settle(now(t, &m, limit.Ask{Key: at(host)}), good) }
		answered("clear")
		m.Settle(now(t, &m, limit.Ask{Key: at("silent")}), limit.Outcome{})
		asks(t, &m, at("paused"), time.Millisecond, limit.Observation{Signal: limit.SignalRefused, Hold: time.Hour})
		asks(t, &m, limit.Key{Host: "a route paused", Route: "GET /"}, time.Millisecond, limit.Observation{Signal: limit.SignalRefused, Hold: time.Hour})
		time.Sleep(time.Minute)
		answered("in use")
		now(t, &m, limit.Ask{Key: at("in use")})
		place := limit.Ask{Key: at("waiting"), LimitsKey: at("waiting"), Limits: limit.Limits{MaxConcurrent: 1}}
		first := now(t, &m, place)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go m.Acquire(ctx, place)
		synctest.Wait()
		for round, want := range []string{
			"a route paused, in use, paused, waiting",
			"in use, waiting",
			"in use, waiting",
		} {
			m.forgetHosts()
			var names []string
			keys := 0
			m.hosts.Range(func(name, v any) bool {
				names = append(names, name.(string))
				keys += v.(*host).keys.len()
				return true
			})
			slices.Sort(names)
			if got := strings.Join(names, ", "); got != want {
				t.Errorf("round %d: got %s, want %s", round, got, want)
			}
			if int(m.n.Load()) != len(names) || int(m.keys.Load()) != keys {
				t.Errorf("round %d: got %d hosts with %d Keys, counted as %d with %d", round, len(names), keys, m.n.Load(), m.keys.Load())
			}
		}
		m.Settle(first, good)
	})
}

// TestGateIsForgotten tries that the gate of a host goes half a minute after its time is
// up, if nobody comes.
func TestGateIsForgotten(t *testing.T) {
	for _, row := range []struct {
		after time.Duration // its time is up
		want  string
	}{
		{idleTime, limit.GateAsked},
		{idleTime + 1, ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			p := now(t, &m, limit.Ask{Key: testHost})
			m.Observe(p, limit.Observation{Key: testHost, Hold: 10 * time.Second, Strict: true})
			time.Sleep(10*time.Second + row.after)
			m.Settle(p, limit.Outcome{})
			if got := gateOf(&m, testHost); got != row.want {
				t.Errorf("after %v: got the gate %q, want %q", row.after, got, row.want)
			}
		})
	}
}

// TestIdleKeysAreForgotten tries for how long a Key is remembered that holds nobody.
func TestIdleKeysAreForgotten(t *testing.T) {
	for after, want := range map[time.Duration]int{idleTime - 1: 2, idleTime: 1} {
		synctest.Test(t, func(t *testing.T) {
			var m Memory
			meet(t, &m)
			k := routed("GET /a")
			m.Settle(now(t, &m, limit.Ask{Key: k, LimitsKey: k, Limits: limit.Limits{RequestsPerSecond: 5}}), good)
			time.Sleep(after)
			m.Settle(now(t, &m, limit.Ask{Key: testHost}), good)
			if got := len(m.Snapshot()); got != want {
				t.Errorf("after %v: got %d Keys, want %d", after, got, want)
			}
		})
	}
}

// TestForgetHostsAtOnce has hosts forgotten by several goroutines while others use
// them.
func TestForgetHostsAtOnce(t *testing.T) {
	var m Memory
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 3000 {
				if g < 3 && i%100 == 0 {
					m.forgetHosts()
				}
				k := limit.Key{Host: fmt.Sprint(i % 50)}
				p, err := m.Acquire(t.Context(), limit.Ask{Key: k, LimitsKey: k, Limits: limit.Limits{MaxConcurrent: 2}})
				if err != nil {
					t.Error(err)
					return
				}
				m.Settle(p, good)
			}
		})
	}
	wg.Wait()
	if n := hosts(&m); n != int(m.n.Load()) {
		t.Errorf("got %d hosts but a count of %d", n, m.n.Load())
	}
	clean(t, &m)
}

// TestManyKeys tries that a host whose Keys became too many remembers new ones
// again once the old ones are idle.
func TestManyKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var m Memory
		meet(t, &m)
		told := func(i int) {
			k := limit.Key{Host: testHost.Host, Credential: uint64(i + 2)}
			p := now(t, &m, limit.Ask{Key: k, LimitsKey: k, Limits: limit.Limits{RequestsPerSecond: 1000}})
			m.Settle(p, good)
		}
		for i := range maxKeys + 1000 {
			told(i)
			if i%1000 == 0 {
				time.Sleep(time.Second)
			}
		}
		if n := len(m.Snapshot()) - 1; n > maxKeys { // but the host
			t.Errorf("got %d Keys, want at most %d", n, maxKeys)
		}
		time.Sleep(2 * idleTime)
		told(maxKeys * 2)
		if n := len(m.Snapshot()); n > sweepAt {
			t.Errorf("got %d Keys after they were idle, want few", n)
		}
	})
}

// TestManyHostsWithManyKeys has more Keys than are remembered, of hosts that each
// have a few.
func TestManyHostsWithManyKeys(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: fewer Keys do not reach the bound")
	}
	var m Memory
	for host := range 4 * maxAllKeys / 100 {
		for key := range 100 {
			k := limit.Key{Host: fmt.Sprint("host-", host), Credential: uint64(key + 1)}
			p, err := m.Acquire(t.Context(), limit.Ask{Key: k})
			if err != nil {
				t.Fatal(err)
			}
			m.Observe(p, limit.Observation{Key: k, Unit: "requests", Limit: 100, Remaining: 90, Window: time.Hour, Reset: time.Hour, MaxWait: time.Minute})
			m.Settle(p, good)
		}
	}
	all := 0
	m.hosts.Range(func(_, v any) bool {
		all += v.(*host).keys.len()
		return true
	})
	if n := int(m.keys.Load()); n != all || n > maxAllKeys || n < maxAllKeys/2 {
		t.Errorf("got %d Keys, counted as %d, want at most %d", all, n, maxAllKeys)
	}
}
