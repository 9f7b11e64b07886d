package finder

// A windowLimit lets n in during any span of a length. A window by the clock is
// one too, as long as it is used up at its begin.
type windowLimit struct {
	n      int
	length float64
	clean  int // let in since it was last changed
	more   int // by how much it is raised next
}

const (
	windowSpread = .1  // what a window lets in goes during a tenth of it
	extraShare   = .01 // one extra is tried for a hundred that were let in
	extraEarly   = .15 // that much of the length before there is room
	extraApart   = .02
)

// fit finds the length of the window: one as full as ever when the last probe
// failed, and with room when the last one was let in.
func (f *Finder) fit(at float64) bool {
	if f.refit(at) {
		return true
	}
	for _, length := range usual {
		most := f.let.most(length, at)
		was, is := f.let.between(f.lastFail-length, f.lastFail+1e-9), f.let.between(at-length+.004, at)
		if most > 1 && was >= most-1 && is < most {
			f.n, f.length = most, length
			return true
		}
	}
	// It began between the last probe that failed before it and the first request
	// that it let in, and ended between the last that failed now and the one that
	// was let in. A length that people choose is likelier than another.
	length := at - f.opening
	if length < 1 || at-f.closed < length/2 {
		return false
	}
	for _, u := range usual {
		if u > length && u < min(at-f.before0, 1.1*length) {
			length = u
			break
		}
	}
	f.n, f.length = max(2, f.let.between(f.opening, f.closed+1e-9)), length
	return true
}

func (f *Finder) refit(at float64) bool {
	was := f.let.between(f.lastFail-f.length, f.lastFail)
	if f.length > 0 && was >= f.n*4/5 && f.let.between(at-f.length+.004, at) < was {
		f.n = was
		return true
	}
	return false
}

// margin covers that one request may be faster on its way than another.
func (f *Finder) margin() float64 { return .002 + 4*min(f.refusalDev, .01) }

// room is when the window has room again.
func (f *Finder) room(t float64) float64 {
	gone := f.let.before(t - f.length - f.margin() + .0001)
	over := f.let.before(t+1) - gone - f.n
	if over < 0 {
		return t
	}
	return f.let.nth(gone+over+1) + f.length + f.margin()
}

// windowed takes in a verdict.
func (f *Finder) windowed(sent float64, good bool) {
	if good {
		// The limit may have grown: one more is tried for a hundred that were let
		// in, then two, four and so on while that goes well.
		if f.clean++; f.clean >= max(100, f.n) {
			f.n, f.clean, f.more = f.n+f.more, 0, min(2*f.more, max(1, f.n/10))
		}
		return
	}
	f.clean, f.more = 0, 1
	if n := f.let.between(sent-f.length, sent); n < f.n && n >= f.n*9/10 {
		f.n = max(n, 1)
	}
}
