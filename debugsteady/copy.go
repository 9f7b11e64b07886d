package debugsteady

import (
	"cmp"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// recorded is a copy of what a recorder knows.
type recorded struct {
	since    time.Time
	totals   totals
	all      [buckets]bucket
	elapsed  time.Duration // of the newest column
	hosts    map[string]*hostRecord
	failures []failure
	targets  map[string]targetCount
}

// A hostRecord is a copy of a hostHistory.
type hostRecord struct {
	all  [buckets]bucket
	keys []keyRecord
}

type keyRecord struct {
	key     limit.Key
	columns [buckets]bucket
	sent    uint64 // in all columns
}

// copy copies what r knows: less than a megabyte, so that the lock is held for less
// than a millisecond.
func (r *recorder) copy() *recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.number()
	c := &recorded{
		since:    r.start,
		totals:   r.totals,
		all:      r.all.last(n),
		elapsed:  time.Since(r.start) % bucketTime,
		hosts:    make(map[string]*hostRecord, len(r.histories.hosts)),
		failures: r.failures.latest(),
		targets:  maps.Clone(r.targets),
	}
	for name, h := range r.histories.hosts {
		host := &hostRecord{h.all.last(n), make([]keyRecord, 0, len(h.keys))}
		for key, k := range h.keys {
			columns := k.last(n)
			host.keys = append(host.keys, keyRecord{key, columns, sent(&columns)})
		}
		c.hosts[name] = host
	}
	return c
}

// sent is how many were sent in all columns.
func sent(columns *[buckets]bucket) (n uint64) {
	for i := range columns {
		n += uint64(columns[i].Sent)
	}
	return n
}

// rate is the requests a second in the last five to ten seconds.
func (c *recorded) rate(columns *[buckets]bucket) float64 {
	n := columns[buckets-1].Sent + columns[buckets-2].Sent
	return float64(n) / (bucketTime + c.elapsed).Seconds()
}

// recent is how many were sent of late that k concerns.
func (c *recorded) recent(k *limit.Key) (n uint64) {
	h := c.hosts[k.Host]
	switch {
	case h == nil:
	case ofHost(*k):
		return sent(&h.all)
	default:
		for i := range h.keys {
			if concerns(k, &h.keys[i].key) {
				n += h.keys[i].sent
			}
		}
	}
	return n
}

// of adds up what k concerns; nil if nothing is recorded of its host. Of several
// keys that had most waiting at different moments of a column it adds these up too.
func (c *recorded) of(k *limit.Key) *[buckets]bucket {
	h := c.hosts[k.Host]
	switch {
	case h == nil:
		return nil
	case ofHost(*k):
		return &h.all
	}
	sum := new([buckets]bucket)
	for i := range h.keys {
		if !concerns(k, &h.keys[i].key) {
			continue
		}
		for j, b := range h.keys[i].columns {
			sum[j].Sent += b.Sent
			sum[j].Answered += b.Answered
			sum[j].Refused += b.Refused
			sum[j].Failed += b.Failed
			sum[j].Waiting += b.Waiting
		}
	}
	return sum
}

// targetNames lists the targets of f in their order, behind "" for the request as
// it is; and last what else was counted.
func targetNames(f *steadyhttp.Failover, counted map[string]targetCount) []string {
	names := []string{""}
	for i := range f.Targets {
		names = append(names, nameOf(&f.Targets[i], i+1, names))
	}
	others := slices.DeleteFunc(slices.Sorted(maps.Keys(counted)), func(name string) bool { return slices.Contains(names, name) })
	names = append(names, others...)
	return names[:min(len(names), maxTargets)]
}

// nameOf is the name of the target with that number, as Target.Name says.
func nameOf(t *steadyhttp.Target, number int, before []string) string {
	host := ""
	if u, err := url.Parse(t.URL); err == nil {
		host = u.Host
	}
	name := line(cmp.Or(t.Name, host, t.Model), maxName)
	switch {
	case name == "":
		return "target " + strconv.Itoa(number)
	case slices.Contains(before, name):
		return name + " " + strconv.Itoa(number)
	}
	return name
}
