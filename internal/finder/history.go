package finder

import "sort"

const (
	// maxHistory is how many entries a history has. Thinned to a 64th of their
	// age, the last hundred seconds need 550 at the most, so that each thinning
	// makes room for as many again.
	maxHistory = 1024
	thinTo     = 1. / 64
	thinBelow  = .001
	keepFor    = 100 // seconds: a window of a minute, and some
)

// A history knows how many requests were let in between any two moments. Recent
// ones are exact; older ones may count as later than they were by a 64th of
// their age (Datar et al., Maintaining Stream Statistics over Sliding Windows).
type history []moment

// A moment says how many were let in by then, since the beginning.
type moment struct {
	at   float64
	upTo int
}

func (h *history) add(t float64) {
	n := 0
	if len(*h) > 0 {
		last := &(*h)[len(*h)-1]
		if last.at == t {
			last.upTo++
			return
		}
		n = last.upTo
	}
	if len(*h) >= maxHistory {
		h.thin(t)
	}
	*h = append(*h, moment{t, n + 1})
}

// thin drops moments that are close to the one after them.
func (h *history) thin(t float64) {
	all := *h
	kept := len(all) - 1
	for i := len(all) - 2; i >= 0; i-- {
		next := all[kept].at
		if i > 0 && next-all[i-1].at <= max(thinBelow, thinTo*(t-all[i].at)) {
			continue
		}
		if t-all[i].at > keepFor {
			break
		}
		kept--
		all[kept] = all[i]
	}
	*h = all[:copy(all, all[kept:])]
}

// remove takes back one that was sent at t.
func (h *history) remove(t float64) {
	for i := h.search(t); i < len(*h); i++ {
		(*h)[i].upTo--
	}
}

// search returns the index of the first moment at t or later.
func (h *history) search(t float64) int {
	return sort.Search(len(*h), func(i int) bool { return (*h)[i].at >= t })
}

// before counts what was let in before t.
func (h *history) before(t float64) int {
	if i := h.search(t); i > 0 {
		return (*h)[i-1].upTo
	}
	return 0
}

// between counts what was let in from a on and before b.
func (h *history) between(a, b float64) int { return h.before(b) - h.before(a) }

// nth returns when the n-th of all was let in.
func (h *history) nth(n int) float64 {
	i := sort.Search(len(*h), func(i int) bool { return (*h)[i].upTo >= n })
	return (*h)[min(i, len(*h)-1)].at
}

// most is the largest number in any span of that length before end.
func (h *history) most(span, end float64) (n int) {
	first, before := 0, 0
	for _, m := range (*h)[:h.search(end)] {
		for m.at-(*h)[first].at >= span {
			before = (*h)[first].upTo
			first++
		}
		n = max(n, m.upTo-before)
	}
	return n
}
