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
	all      keyRecord
	keys     map[limit.Key]*keyRecord
	failures []failure
	targets  map[string]targetCount
}

// copy copies what r knows: some 0.4 MB at the most, so that the lock is held for
// less than a millisecond.
func (r *recorder) copy() *recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := r.number()
	elapsed := time.Since(r.start) % bucketTime
	c := &recorded{
		since:    r.start,
		totals:   r.totals,
		all:      keyRecord{r.all.last(n), elapsed},
		keys:     make(map[limit.Key]*keyRecord, r.histories.n),
		failures: r.failures.latest(),
		targets:  maps.Clone(r.targets),
	}
	for _, all := range r.histories.byHost {
		for _, h := range all {
			c.keys[h.key] = &keyRecord{h.last(n), elapsed}
		}
	}
	return c
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
