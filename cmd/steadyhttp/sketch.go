package main

import (
	"math"
	"slices"
	"time"
)

// A durationSketch tells quantiles of any number of durations from counts in
// buckets, each a twentieth wider than the one before: what it tells is off by
// less than 3%.
type durationSketch struct {
	n        int64
	min, max time.Duration
	counts   [640]int64 // from a microsecond to more than a year
}

const sketchGrowth = 1.05

func (s *durationSketch) add(d time.Duration) {
	if s.n == 0 || d < s.min {
		s.min = d
	}
	s.max = max(s.max, d)
	s.n++
	i := 0
	if d > time.Microsecond {
		i = int(math.Log(float64(d)/float64(time.Microsecond)) / math.Log(sketchGrowth))
	}
	s.counts[min(i, len(s.counts)-1)]++
}

// quantile returns the duration that the share q of all does not exceed; 0 if
// there are none.
func (s *durationSketch) quantile(q float64) time.Duration {
	rank := max(int64(math.Ceil(q*float64(s.n))), 1)
	for i, n := range s.counts {
		if rank -= n; rank <= 0 {
			middle := time.Duration(float64(time.Microsecond) * math.Pow(sketchGrowth, float64(i)+0.5))
			for _, unit := range []time.Duration{time.Second, time.Millisecond} { // no more figures than are true
				if middle >= unit {
					middle = middle.Round(unit / 100)
					break
				}
			}
			return min(max(middle, s.min), s.max)
		}
	}
	return s.max
}

// A top keeps the calls that come first in an order, the first n of them.
type top struct {
	n      int
	before func(a, b *logCall) bool
	calls  []logCall
}

func (t *top) add(c *logCall) {
	if len(t.calls) == t.n {
		if !t.before(c, &t.calls[t.n-1]) {
			return
		}
		t.calls = t.calls[:t.n-1]
	}
	i := len(t.calls)
	for i > 0 && t.before(c, &t.calls[i-1]) {
		i--
	}
	t.calls = slices.Insert(t.calls, i, *c)
}

func slower(a, b *logCall) bool { return a.duration > b.duration }

// moreRecent goes by what stands further down if the times do not tell.
func moreRecent(a, b *logCall) bool { return !a.at.Before(b.at) }
