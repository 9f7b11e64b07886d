package finder

// A windowLimit lets n in during any span of a length. If it is strict, what it
// refuses uses it up as well, so that whoever tries on gets ever less. A window by the clock is
// one as well for whoever uses it up at its beginning, so there is no need to
// look at the clock.
type windowLimit struct {
	n      int
	length float64
	strict bool // what it refuses counts as well
	proven bool // it has refused what was one too many
	taken  int  // n when a sign of that was seen; 0 is none was
	clean  int  // let in since n was changed
	more   int  // by which n grows next
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

	// strictFrom is from what size on what is refused may count as well: so many
	// probes alone do not fill a window.
	strictFrom = 8

	// doubtAfter is the share of its length that a window which never refused any is
	// believed to be used up.
	doubtAfter = .05

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
	// One that slides, and was as full as never before. That what is refused counts
	// as well is rarer, so with half of that length it must explain the block.
	if f.slides(at, false, longest) {
		f.slides(at, true, f.length/2)
		return true
	}
	// One that began with the first request that it let in, and was used up in
	// less than half of its length. That request was a probe, so the window began
	// somewhat earlier, and the last was one too, so it has ended before that: if
	// there is a usual length between, it is that.
	length := at - f.opening
	if length < 1 || length > longest || at-f.closed < length/2 {
		return false
	}
	least, most := f.lastFail-f.opening, min(at-f.openingFail, 1.1*length)
	for _, u := range usual {
		if least < u && u < most {
			length = u
		}
	}
	f.windowLimit = windowLimit{n: max(2, f.let.between(f.opening, f.closed+tiny)), length: length}
	return true
}

// slides finds the shortest usual length, up to longest, of a window that slides.
func (f *Finder) slides(at float64, strict bool, longest float64) bool {
	used := f.used(strict)
	for _, length := range usual {
		n := f.let.most(length, at)
		switch {
		case length > longest || n < 2:
		case strict && (n < strictFrom || used.between(f.closed-length, f.closed) < n-1): // it was not full when the first was refused
		case used.between(f.lastFail-length, f.lastFail+tiny) >= n-1 && used.between(at-length+probeLate, at) < n:
			f.windowLimit = windowLimit{n: n, length: length, strict: strict}
			return true
		}
	}
	return false
}

// used is what a window counts.
func (f *Finder) used(strict bool) *history {
	if strict {
		return &f.tried
	}
	return &f.let
}

// refit keeps the length that is known, if it still explains the block: it was
// about as full as before, and has room now.
func (f *Finder) refit(at float64) bool {
	if f.length == 0 {
		return false
	}
	used := f.used(f.strict)
	n, now := used.between(f.lastFail-f.length, f.lastFail), used.between(at-f.length+probeLate, at)
	if f.strict {
		// Of those that were tried later all were refused. If it is as full now, as the last
		// is let in, nothing is counted but what is let in.
		n = min(n, used.between(f.closed-f.length, f.closed))
	}
	if !f.shrinks(n, f.lastFail) || f.strict && n > f.n*5/4 || now >= n {
		return false
	}
	f.n, f.proven = n, true
	return true
}

// shrinks reports whether the window may let in n, of which the last was sent before t, in
// place of more. What was let in since it opened last must be four times what is missing:
// a long window that was full of what came before a limit fell would explain all that
// follows, if it could shrink a little each time.
func (f *Finder) shrinks(n int, t float64) bool {
	return 4*(f.n-n) <= min(n, f.let.between(f.opening, t))
}

// room is when the window has room again. A request may be faster on its way
// than the one before it; how uneven the way is, the refusals' times tell.
func (f *Finder) room(t float64) float64 {
	length := f.length + min(wayMost, wayLeast+4*f.refusalDev)
	used := f.used(f.strict)
	gone := used.before(t - length + tiny)
	if used.all()-gone < f.n {
		return t
	}
	return used.nth(used.all()-f.n+1) + length
}

// doubt is how long after the last request one goes although there is no room. A block may
// have been an outage that looked like a window's: the first time that it is used up, one
// more soon tells.
func (f *Finder) doubt() float64 {
	if f.proven {
		return mostProbe
	}
	return min(mostProbe, f.length*doubtAfter)
}

// isProbe reports whether what is sent at t, for which there is no room, tells whether there is
// such a window.
func (f *Finder) isProbe(t float64) bool {
	room := f.room(t)
	return room > t && t-f.lastSent >= f.doubt() || room > t+wayMost && !f.proven
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
			f.startAnew(sent)
			return
		}
		if f.clean++; f.clean >= max(leastGrowth, f.n) {
			f.n, f.clean, f.more = f.n+f.more, 0, min(2*f.more, max(1, f.n/10))
		}
		return
	}
	f.clean, f.more = 0, 1
	n := f.used(f.strict).between(sent-f.length, sent)
	if n < f.n && !f.strict && f.n >= strictFrom && f.tried.between(sent-f.length, sent) >= f.n {
		// One that was refused before took its place, or so it seems. Twice is enough.
		if f.taken > 0 {
			f.strict, f.n = true, f.taken
			return
		}
		f.taken = f.n
	}
	if n >= f.n*9/10 {
		f.proven = true
		if f.shrinks(n, sent) {
			f.n = min(f.n, max(n, 1))
		}
	}
}
