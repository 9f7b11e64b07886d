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
	// than a megabyte. The page shows a hundred keys.
	maxHistories = 512

	// maxRoutes bounds the histories of one host that are of one route, and maxCredentials
	// those that are of all routes together, with one credential and model. What is
	// beyond counts for the host alone.
	maxRoutes      = 64
	maxCredentials = 32
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

// A history is the last five minutes of a host, or of the requests to it with one
// key. The lock of its recorder guards it.
type history struct {
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

// A hostHistory is what happened on a host: in all, and by the keys of its requests.
// What a limit, a pause or a failure concerns is a part of these, which is known only
// when it shows; so they are added up when the page is made.
type hostHistory struct {
	all  history
	keys map[limit.Key]*history
}

// of returns the history of the requests with key, nil if there is no room. Where a
// host has many routes, those that come late are counted together.
func (h *hostHistory) of(key limit.Key, number int64, room func(int64) bool) *history {
	if k := h.keys[key]; k != nil {
		return k
	}
	if len(h.keys) >= maxRoutes || !room(number) {
		key.Route, key.Bucket = "", ""
		if k := h.keys[key]; k != nil {
			return k
		}
		if len(h.keys) >= maxRoutes+maxCredentials || !room(number) {
			return nil
		}
	}
	if h.keys == nil {
		h.keys = make(map[limit.Key]*history)
	}
	// The strings may be parts of a long URL or body, which would be kept with them.
	key.Host, key.Route, key.Model, key.Bucket = strings.Clone(key.Host), strings.Clone(key.Route), strings.Clone(key.Model), strings.Clone(key.Bucket)
	k := &history{latest: number - 1}
	h.keys[key] = k
	return k
}

// concerns reports whether what is known of k concerns a request with key: of what k
// sets, everything is the same.
func concerns(k, key *limit.Key) bool {
	return k.Host == key.Host &&
		(k.Credential == 0 || k.Credential == key.Credential) &&
		(k.Model == "" || k.Model == key.Model) &&
		(k.Route == "" || k.Route == key.Route) &&
		(k.Bucket == "" || k.Bucket == key.Bucket)
}

// ofHost reports whether k is a whole host.
func ofHost(k limit.Key) bool { return k == limit.Key{Host: k.Host} }

// histories are those of all hosts.
type histories struct {
	hosts map[string]*hostHistory
	n     int
	full  int64 // the column in which no room could be made
}

// each calls do for the histories that a request with key concerns: its host's and,
// unless key is of a whole host, its own.
func (hs *histories) each(key *limit.Key, number int64, do func(*history)) {
	h := hs.hosts[key.Host]
	if h == nil {
		if !hs.room(number) {
			return
		}
		if hs.hosts == nil {
			hs.hosts = make(map[string]*hostHistory)
		}
		h = &hostHistory{all: history{latest: number - 1}}
		hs.hosts[strings.Clone(key.Host)] = h
		hs.n++
	}
	do(&h.all)
	if !ofHost(*key) {
		n := len(h.keys)
		if k := h.of(*key, number, hs.room); k != nil {
			do(k)
		}
		hs.n += len(h.keys) - n
	}
}

// room reports whether there is room for one more. If need be it forgets the
// quarter of the hosts on which nothing has happened for the longest, and looks for
// them once in a column's time: a crawler's hosts, which are new each time, do not
// drive out those that are in use.
func (hs *histories) room(number int64) bool {
	if hs.n < maxHistories {
		return true
	}
	if hs.full == number {
		return false
	}
	hs.full = number
	var idle []string
	for name, h := range hs.hosts {
		if h.all.waiting <= 0 && h.all.latest < number-1 {
			idle = append(idle, name)
		}
	}
	slices.SortFunc(idle, func(a, b string) int { return cmp.Compare(hs.hosts[a].all.latest, hs.hosts[b].all.latest) })
	for _, name := range idle[:(len(idle)+3)/4] {
		hs.n -= 1 + len(hs.hosts[name].keys)
		delete(hs.hosts, name)
	}
	return hs.n < maxHistories
}
