package debugsteady

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	mostPage   = 300 << 10
	mostJSON   = 450 << 10
	mostMemory = 2 << 20
)

// evil is a text that a server may write anywhere.
func evil(n int) string {
	return strings.Repeat("<script>alert(\"1\")</script>'+\x00\x1b[31m\u202e\n\xff", n/40+1)
}

// hostile is what a Snapshot may say of n keys, all of it as bad as can be.
func hostile(n int) []limit.KeyState {
	long := evil(300)
	figures := []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1, 0, math.MaxFloat64, 1e-300, 12345.678}
	var all []limit.KeyState
	for i := range n {
		k := limit.KeyState{
			Key:     limit.Key{Host: fmt.Sprintf("h%d.%s", i/4, long), Route: long, Model: long, Bucket: fmt.Sprint(i%4, long), Credential: uint64(i)},
			Waiting: math.MaxInt32, Queued: 1, Batch: 1 << 20, Urgent: 1 << 20, Oldest: math.MaxInt64, Why: long, Concurrent: math.MaxInt32, WouldHold: math.MaxInt32,
			Evidence: long, PerSecond: figures[i%len(figures)], Gate: long, GateLeft: math.MinInt64 + 1, NextProbe: math.MaxInt64, GateError: errors.New(long),
		}
		for j := range 20 {
			k.Limits = append(k.Limits, limit.LimitState{Unit: long, Limit: figures[j%len(figures)], Left: figures[(i+j)%len(figures)], Window: math.MaxInt64 - time.Duration(j), Learned: j%2 == 0})
		}
		all = append(all, k)
	}
	return all
}

// hostileState is the page of n such keys, with failures and places of the same kind,
// and pictures that are as long as they can be.
func hostileState(n int) *state {
	all := hostile(n)
	r := newRecorder()
	c := &caller{r: r}
	long := evil(1 << 20)
	for column := range buckets {
		for i := range min(n, maxPictures) {
			k := all[i].Key
			for range 1 + (column*7+i)%5 {
				r.attemptStart(nil, k.Host, false)
				r.attemptDone(nil, k, nil)
			}
			if column%2 == 0 {
				r.waits(k, false, int32(column%3))
				r.attemptDone(nil, k, &steadyhttp.Error{Status: 429})
			} else {
				r.attemptDone(nil, k, &steadyhttp.Error{Status: 500})
			}
		}
		time.Sleep(bucketTime)
	}
	e := &steadyhttp.Error{Class: steadyhttp.ContentPolicy, Status: 599, Provider: long, Code: long, Message: long, RequestID: long}
	for range maxFailures {
		call := newCall()
		r.target(call, long)
		c.attempt(call, all[0].Key, 0, e)
		r.target(call, long)
		r.callDone(call, &steadyhttp.Call{Error: e, Stopped: long, Target: long})
	}
	failover := &steadyhttp.Failover{}
	var places []limit.TargetState
	for i := range 100 {
		failover.Targets = append(failover.Targets, steadyhttp.Target{Name: fmt.Sprint(i, long)})
		places = append(places, limit.TargetState{Key: all[i%len(all)].Key, Down: i%2 == 0, Since: math.MaxInt64, Left: math.MaxInt64, Err: e})
	}
	return stateOf(time.Now(), all, r.copy(), places, failover)
}

// TestHostileTexts tries that what servers say makes neither markup nor a large page.
func TestHostileTexts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := hostileState(200)
		var page bytes.Buffer
		if err := render(&page, s, defaultRefresh); err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d kB of HTML, %d kB of JSON", page.Len()>>10, len(text)>>10)
		if page.Len() > mostPage || len(text) > mostJSON {
			t.Errorf("got %d bytes of HTML and %d of JSON, want at most %d and %d", page.Len(), len(text), mostPage, mostJSON)
		}
		for _, no := range []string{"<script", "\x00", "\x1b", "\u202e", "\xff", "NaN", "+Inf", "-Inf", "&#43;Inf"} {
			if strings.Contains(page.String(), no) || bytes.Contains(text, []byte(no)) {
				t.Errorf("%q stands in the page or the JSON", no)
			}
		}
	})
}

// TestManyHosts tries that a crawler's hosts take bounded memory and time, and that a
// host in use stays.
func TestManyHosts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRecorder()
		c := &caller{r: r}
		before := memory()
		for i := range 100_000 {
			if i%100 == 0 {
				c.call(chat)
			}
			k := limit.Key{Host: fmt.Sprintf("host-%d.example.com", i), Route: "GET /"}
			r.attemptStart(nil, k.Host, false)
			r.waits(k, false, 1)
			r.waits(k, false, -1)
			r.attemptDone(nil, k, overloaded())
			if i%10_000 == 0 {
			}
			time.Sleep(10 * time.Millisecond)
		}
		if after := memory(); after > before+mostMemory {
			t.Errorf("100,000 hosts take %d kB, want at most %d", (after-before)>>10, mostMemory>>10)
		}
		rec := r.copy()
		n := 0
		for _, h := range rec.hosts {
			n += 1 + len(h.keys)
		}
		if n > maxHistories || n != r.histories.n {
			t.Errorf("got %d histories, counted as %d, want at most %d", n, r.histories.n, maxHistories)
		}
		if got := rec.of(&chat); got == nil || sent(got) < 250 {
			t.Errorf("the host that is in use was forgotten: %+v", got)
		}
		var page bytes.Buffer
		if err := render(&page, stateOf(time.Now(), nil, rec, nil, nil), defaultRefresh); err != nil || page.Len() > mostPage {
			t.Errorf("got a page of %d bytes, error %v", page.Len(), err)
		}
		if want := fmt.Sprintf("%d keys more, on which less happens", len(rec.hosts)-maxKeys); !strings.Contains(page.String(), want) {
			t.Errorf("the page does not say that there are %s", want)
		}
	})
}

func memory() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestUnderLoad makes pages while calls go on, for the race detector.
func TestUnderLoad(t *testing.T) {
	r := newRecorder()
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for i := range 4 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				k := snapshot()[i].Key
				call := newCall()
				r.waits(k, false, 1)
				r.attemptStart(call, k.Host, false)
				r.attemptDone(call, k, overloaded())
				r.target(call, "west")
				r.attemptStart(call, k.Host, false)
				r.attemptDone(call, k, nil)
				r.waits(k, false, -1)
				r.callDone(call, &steadyhttp.Call{Attempts: 2})
			}
		})
	}
	for range 20 {
		all := snapshot()
		var page bytes.Buffer
		s := stateOf(time.Now(), all, r.copy(), nil, &steadyhttp.Failover{})
		if err := render(&page, s, 0); err != nil {
			t.Error(err)
		}
		if _, err := json.Marshal(s); err != nil {
			t.Error(err)
		}
	}
	close(stop)
	callers.Wait()
}

// BenchmarkPage measures what a page costs where a Throttler knows so many hosts.
func BenchmarkPage(b *testing.B) {
	for _, hosts := range []int{10, 40_000} {
		b.Run(fmt.Sprint(hosts, " hosts"), func(b *testing.B) {
			r := newRecorder()
			var all []limit.KeyState
			for i := range hosts {
				all = append(all, limit.KeyState{Key: limit.Key{Host: fmt.Sprintf("host-%d.example.com", i)}})
				r.attemptStart(nil, all[i].Key.Host, false)
				r.attemptDone(nil, all[i].Key, nil)
			}
			b.ReportAllocs()
			for b.Loop() {
				var page bytes.Buffer
				if err := render(&page, stateOf(time.Now(), all, r.copy(), nil, nil), 5); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
