package finder

// A windowLimit lets n in during any span of a length. A window by the clock is
// one as well for whoever uses it up at its beginning, so there is no need to
// look at the clock.
type windowLimit struct {
	n      int
	length float64
	clean  int // let in since n was changed
	more   int // by which n grows next
}

// usual are the lengths of windows that people choose, in seconds.
var usual = [...]float64{1, 2, 3, 5, 10, 15, 20, 30, 60, 300, 900, longest}

const longest = 3600. // of a day's quota there is nothing to gain

const (
	// What a window lets in goes during a tenth of it, not in one instant.
	windowSpread = .1

	// probeLate is how much later than its due time a probe may be.
	probeLate = .004

	// wayLeast and wayMost are how much faster a request may be on its way than
	// the one before it: four mean deviations of the refusals' times, as for TCP.
	wayLeast, wayMost = .002, .04

	// leastGrowth is after how many successes one more is tried: so at most one
	// in a hundred is refused for it.
	leastGrowth = 100
)

// fit finds the window that was used up when the last probe failed and had room
// again when the one sent at at was let in.
func (f *Finder) fit(at float64) bool {
	if f.refit(at) {
		return true
	}
	// One that slides, and was as full as never before.
	for _, length := range usual {
		most := f.let.most(length, at)
		if most > 1 && f.let.between(f.lastFail-length, f.lastFail+tiny) >= most-1 && f.let.between(at-length+probeLate, at) < most {
			f.n, f.length = most, length
			return true
		}
	}
	// One that began with the first request that it let in, and was used up in
	// less than half of its length. That request was a probe, so the window began
	// somewhat earlier: if a usual length is not much longer, it is that.
	length := at - f.opening
	if length < 1 || length > longest || at-f.closed < length/2 {
		return false
	}
	for _, u := range usual {
		if u > length && u < min(at-f.openingFail, 1.1*length) {
			length = u
			break
		}
	}
	f.n, f.length = max(2, f.let.between(f.opening, f.closed+tiny)), length
	return true
}

// refit keeps the length that is known, if it still explains the block: it was
// about as full as before, and has room now.
func (f *Finder) refit(at float64) bool {
	n := f.let.between(f.lastFail-f.length, f.lastFail)
	if f.length == 0 || n < f.n*4/5 || f.let.between(at-f.length+probeLate, at) >= n {
		return false
	}
	f.n = n
	return true
}

// room is when the window has room again. A request may be faster on its way
// than the one before it; how uneven the way is, the refusals' times tell.
func (f *Finder) room(t float64) float64 {
	length := f.length + min(wayMost, wayLeast+4*f.refusalDev)
	gone := f.let.before(t - length + tiny)
	if f.let.all()-gone < f.n {
		return t
	}
	return f.let.nth(f.let.all()-f.n+1) + length
}

// windowed takes in a verdict. The limit may have grown: after as many successes
// as it lets in, a hundred at least, one more is tried, then two, four and up to a
// tenth while that goes well. A refusal says how many it lets in, unless that is
// far from what is known: then it was chance.
func (f *Finder) windowed(sent float64, good bool) {
	if good {
		if sent == f.probeSent {
			// There was no room for it, but nothing had been sent for so long that it
			// went as a probe. So the limit is another: it is used up to find it.
			f.mode, f.step, f.opening, f.openingFail, f.epoch, f.probeSent = paced, mostStep, sent, sent, epoch{}, 0
			return
		}
		if f.clean++; f.clean >= max(leastGrowth, f.n) {
			f.n, f.clean, f.more = f.n+f.more, 0, min(2*f.more, max(1, f.n/10))
		}
		return
	}
	f.clean, f.more = 0, 1
	if n := f.let.between(sent-f.length, sent); n < f.n && n >= f.n*9/10 {
		f.n = max(n, 1)
	}
}
