package debugsteady

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// Five minutes show how a minute's limit fills and empties, and an outage from
	// before it began. Five seconds are as often as the page refreshes, and sixty of
	// them are columns wide enough to be told apart on a phone.
	buckets     = 60
	bucketTime  = 5 * time.Second
	historyTime = buckets * bucketTime

	// maxHistories bounds the memory: a history takes 1.4 kB, so all of them less
	// than half a megabyte. The page shows fewer keys than that.
	maxHistories = 256

	// maxHostHistories bounds those of one host, since each attempt at it is compared
	// with all of them.
	maxHostHistories = 32
)

// A bucket counts what happened in five seconds.
type bucket struct {
	Sent     uint32 // attempts by when they were sent
	Answered uint32 // attempts by when their outcome was known: an answer that is no failure
	Refused  uint32 // status 429, and what else a server refuses for a limit's sake
	Failed   uint32 // all other failures
	Waiting  uint32 // the most requests that waited at one time
}

func (b *bucket) add(o outcome) {
	switch o {
	case answered:
		b.Answered++
	case refused:
		b.Refused++
	case failed:
		b.Failed++
	}
}

// An outcome is what an attempt came to.
type outcome uint8

const (
	answered outcome = iota
	refused
	failed
)

// A history is the last five minutes of one key. The lock of its recorder guards
// it.
type history struct {
	key     limit.Key
	ring    [buckets]bucket
	latest  int64 // the number of the newest bucket, counted from the recorder's start
	waiting int32 // requests that wait now
}

// at returns the bucket of that number, which is the newest or newer. Those that
// were passed over are emptied; who still waits waited in them too.
func (h *history) at(number int64) *bucket {
	for n := max(h.latest+1, number-buckets+1); n <= number; n++ {
		h.ring[n%buckets] = bucket{Waiting: uint32(max(h.waiting, 0))}
	}
	h.latest = max(h.latest, number)
	return &h.ring[h.latest%buckets]
}

// wait counts a request that begins to wait, or one that ends.
func (h *history) wait(number int64, by int32) {
	b := h.at(number)
	h.waiting += by
	b.Waiting = max(b.Waiting, uint32(max(h.waiting, 0)))
}

// last returns the buckets from the oldest to that of number.
func (h *history) last(number int64) (all [buckets]bucket) {
	h.at(number)
	for i := range all {
		all[i] = h.ring[(number+1+int64(i))%buckets]
	}
	return all
}

// matches reports whether a request with key concerns h: of what h's key sets,
// everything is the same.
func (h *history) matches(key *limit.Key) bool {
	k := &h.key
	return (k.Host == key.Host) &&
		(k.Credential == 0 || k.Credential == key.Credential) &&
		(k.Model == "" || k.Model == key.Model) &&
		(k.Route == "" || k.Route == key.Route) &&
		(k.Bucket == "" || k.Bucket == key.Bucket)
}

// ofHost reports whether k is a whole host.
func ofHost(k limit.Key) bool { return k == limit.Key{Host: k.Host} }

// histories are those of all keys, by host. A host's own comes first, and is there
// from its first attempt on; the others are added when a Snapshot shows their keys.
type histories struct {
	byHost map[string][]*history
	n      int
	full   int64 // the bucket in which no room could be made
}

// of returns those of key's host, and makes the host's own if there is none. It is
// nil if there is no room.
func (hs *histories) of(key *limit.Key, number int64) []*history {
	all := hs.byHost[key.Host]
	if all == nil && hs.room(number) {
		all = []*history{newHistory(limit.Key{Host: key.Host}, number)}
		hs.put(all)
	}
	return all
}

// add begins the history of k, if its host has one and there is room.
func (hs *histories) add(k limit.Key, number int64) {
	all := hs.byHost[k.Host]
	if all == nil || len(all) >= maxHostHistories || slices.ContainsFunc(all, func(h *history) bool { return h.key == k }) {
		return
	}
	if hs.room(number) && hs.byHost[k.Host] != nil { // its host may have had to go
		hs.put(append(all, newHistory(k, number)))
	}
}

func (hs *histories) put(all []*history) {
	if hs.byHost == nil {
		hs.byHost = make(map[string][]*history)
	}
	hs.byHost[all[0].key.Host] = all
	hs.n++
}

// newHistory copies k's strings: they may be parts of a long URL, which would be
// kept with them.
func newHistory(k limit.Key, number int64) *history {
	k.Host, k.Route, k.Model, k.Bucket = strings.Clone(k.Host), strings.Clone(k.Route), strings.Clone(k.Model), strings.Clone(k.Bucket)
	return &history{key: k, latest: number - 1}
}

// room reports whether there is room for one more. If need be it forgets the
// quarter of the hosts on which nothing has happened for the longest, and looks for
// them once in a bucket's time: a crawler's hosts, which are new each time, do not
// drive out those that are in use.
func (hs *histories) room(number int64) bool {
	if hs.n < maxHistories {
		return true
	}
	if hs.full == number {
		return false
	}
	hs.full = number
	var idle []*history
	for _, all := range hs.byHost {
		if h := all[0]; h.waiting <= 0 && h.latest < number-1 {
			idle = append(idle, h)
		}
	}
	slices.SortFunc(idle, func(a, b *history) int { return cmp.Compare(a.latest, b.latest) })
	for _, h := range idle[:(len(idle)+3)/4] {
		hs.n -= len(hs.byHost[h.key.Host])
		delete(hs.byHost, h.key.Host)
	}
	return hs.n < maxHistories
}
