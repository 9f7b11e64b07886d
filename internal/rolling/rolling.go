// Package rolling counts requests and retries by host over the last five
// seconds.
package rolling

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
)

const (
	// The window is Finagle's idea of deposits that expire, cut to half its ten
	// seconds: what went well before an outage buys fewer retries in it.
	slotTime = 500 * time.Millisecond
	slots    = 10

	// Window is the time that is counted.
	Window = slots * slotTime

	// maxHosts bounds what a crawler can fill.
	maxHosts = 10_000
)

// Counts are the counts of many hosts. The zero value is ready to use; it must
// not be copied after first use.
type Counts struct {
	hosts sync.Map // *Host by name

	mu sync.Mutex // guards n and additions
	n  int
}

// Of returns the counts of host. It returns nil if so many hosts were called in
// the last five seconds that another cannot be remembered.
func (c *Counts) Of(host string) *Host {
	if h, ok := c.hosts.Load(host); ok {
		return h.(*Host)
	}
	return c.add(host)
}

func (c *Counts) add(host string) *Host {
	c.mu.Lock()
	defer c.mu.Unlock()
	if h, ok := c.hosts.Load(host); ok {
		return h.(*Host)
	}
	if c.n >= maxHosts {
		c.forgetIdle()
	}
	if c.n >= maxHosts {
		return nil
	}
	h := new(Host)
	c.hosts.Store(strings.Clone(host), h) // it may be a part of a long URL
	c.n++
	return h
}

// forgetIdle drops the hosts that were not called for a whole window. It
// requires c.mu held.
func (c *Counts) forgetIdle() {
	oldest := slotNumber(monotime.Now()) - slots
	c.hosts.Range(func(name, h any) bool {
		if h.(*Host).latest() <= oldest {
			c.hosts.Delete(name)
			c.n--
		}
		return true
	})
}

// A Host has the counts of one host. It takes no lock: what is counted while a
// slot is emptied may be lost, and no decision hangs on one.
type Host struct {
	slots [slots]slot
}

// A slot is half a second.
type slot struct {
	number            atomic.Int64 // since this process began; what it holds of an earlier one is void
	requests, retries atomic.Int32
}

func slotNumber(t monotime.Instant) int64 { return int64(t) / int64(slotTime) }

// at returns the slot of t, emptied if it was that of an earlier one.
func (h *Host) at(t monotime.Instant) *slot {
	number := slotNumber(t)
	s := &h.slots[number%slots]
	if was := s.number.Load(); was < number && s.number.CompareAndSwap(was, number) {
		s.requests.Store(0)
		s.retries.Store(0)
	}
	return s
}

func (h *Host) latest() (number int64) {
	for i := range h.slots {
		number = max(number, h.slots[i].number.Load())
	}
	return number
}

// Request counts a request at t.
func (h *Host) Request(t monotime.Instant) { h.at(t).requests.Add(1) }

// Retry counts a retry at t; n is -1 to take one back.
func (h *Host) Retry(t monotime.Instant, n int32) { h.at(t).retries.Add(n) }

// Sums returns what was counted in the window that ends at t.
func (h *Host) Sums(t monotime.Instant) (requests, retries int32) {
	oldest := slotNumber(t) - slots
	for i := range h.slots {
		if s := &h.slots[i]; s.number.Load() > oldest {
			requests += s.requests.Load()
			retries += s.retries.Load()
		}
	}
	return requests, retries
}
