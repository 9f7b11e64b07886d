package finder

import (
	"math"
	"sort"
)

const (
	// maxHistory is how many moments a history has. Thinned to a 64th of their
	// age, an hour needs 800 at the most, so each thinning makes room for a fifth,
	// and costs a few steps for each request.
	maxHistory = 1024
	thinTo     = 1. / 64
	thinBelow  = .001
	keepFor    = longest + 100
)

// A history knows how many requests were let in between any two moments. When
// there are many, older ones may count as later than they were by a 64th of
// their age (as in Datar et al., Maintaining Stream Statistics over Sliding
// Windows, 2002). It keeps sums, so that a question costs a binary search.
type history struct {
	moments []moment
	dropped int // let in before the first of them
}

// A moment says how many were let in by then, since the beginning.
type moment struct {
	at   float64
	upTo int
}

func (h *history) add(t float64) {
	if n := len(h.moments); n > 0 && h.moments[n-1].at == t {
		h.moments[n-1].upTo++
		return
	}
	if len(h.moments) >= maxHistory {
		h.thin(t)
	}
	h.moments = append(h.moments, moment{t, h.all() + 1})
}

// thin drops moments that are close to the one after them, and old ones.
func (h *history) thin(t float64) {
	all := h.moments
	kept := len(all) - 1
	for i := kept - 1; i >= 0; i-- {
		if t-all[i].at > keepFor {
			h.dropped = all[i].upTo
			break
		}
		if i > 0 && all[kept].at-all[i-1].at <= max(thinBelow, thinTo*(t-all[i].at)) {
			continue
		}
		kept--
		all[kept] = all[i]
	}
	h.moments = all[:copy(all, all[kept:])]
}

// remove takes back one that was sent at t.
func (h *history) remove(t float64) {
	if len(h.moments) > 0 && t < h.moments[0].at {
		h.dropped--
	}
	for i := h.search(t); i < len(h.moments); i++ {
		h.moments[i].upTo--
	}
}

// search returns the index of the first moment at t or later.
func (h *history) search(t float64) int {
	return sort.Search(len(h.moments), func(i int) bool { return h.moments[i].at >= t })
}

// all counts what was let in altogether.
func (h *history) all() int { return h.before(math.Inf(1)) }

// before counts what was let in before t.
func (h *history) before(t float64) int {
	if i := h.search(t); i > 0 {
		return h.moments[i-1].upTo
	}
	return h.dropped
}

// between counts what was let in from a on and before b.
func (h *history) between(a, b float64) int { return h.before(b) - h.before(a) }

// nth returns when the n-th of all was let in.
func (h *history) nth(n int) float64 {
	i := sort.Search(len(h.moments), func(i int) bool { return h.moments[i].upTo >= n })
	return h.moments[min(i, len(h.moments)-1)].at
}

// most is the largest number in any span of that length before end.
func (h *history) most(length, end float64) (n int) {
	first, before := 0, h.dropped
	for _, m := range h.moments[:h.search(end)] {
		for m.at-h.moments[first].at >= length {
			before = h.moments[first].upTo
			first++
		}
		n = max(n, m.upTo-before)
	}
	return n
}
