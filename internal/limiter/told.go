package limiter

import (
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// Parts is in how many parts a told window is counted. What goes out within
	// one part counts until the last of it leaves the window, so that the count is
	// never too low; the most that this costs is one part in 256.
	Parts = 256

	// Lateness is how far a request may lag behind its turn without the turns
	// after it moving: timers and goroutines are late by some milliseconds, and
	// what they lose must not add up.
	Lateness = 20 * time.Millisecond

	// TokenReserve of a second's tokens is not let out at once: what an API counts
	// is not to the token what was estimated.
	TokenReserve = 0.03
)

// A told is a limit that the user set: never more than max in any span of that
// length. That is a sliding log, in parts. While requests queue they are let out
// evenly, by the generic cell rate algorithm (GCRA, ITU-T I.371), with burst as
// its tolerance.
type told struct {
	unit   unit
	max    float64
	length time.Duration
	burst  float64

	turn  monotime.Instant // when the next of a steady flow is due
	sum   float64          // what log holds
	log   []logged         // a ring, oldest first from begin on
	begin int
	n     int
}

// A logged is what went out in one part of the window, and when the first and the
// last of it did.
type logged struct {
	first, last monotime.Instant
	amount      float64
}

// maxTold is how many limits of this kind there are.
const maxTold = 6

// toldBy lists the limits that the user set, at most maxTold.
func toldBy(l *limit.Limits) (all []told) {
	add := func(u unit, max float64, length time.Duration, burst float64) {
		if 0 < max && max < 1 { // half a request a minute is one in two
			max, length = 1, time.Duration(float64(length)/max)
		}
		if max > 0 {
			all = append(all, told{unit: u, max: max, length: length, burst: min(max, burst)})
		}
	}
	burst := func(perSecond float64) float64 {
		if l.Burst > 0 {
			return float64(l.Burst)
		}
		return max(1, float64(int64(perSecond)))
	}
	second := func(perMinute float64) float64 { return (1 - TokenReserve) * perMinute / 60 }
	add(requests, l.RequestsPerSecond, time.Second, burst(l.RequestsPerSecond))
	add(requests, l.RequestsPerMinute, time.Minute, burst(l.RequestsPerMinute/60))
	// A day's requests may go when they are needed: the other limits spread them.
	add(requests, l.RequestsPerDay, 24*time.Hour, l.RequestsPerDay)
	add(tokens, l.TokensPerMinute, time.Minute, second(l.TokensPerMinute))
	add(inputTokens, l.InputTokensPerMinute, time.Minute, second(l.InputTokensPerMinute))
	add(outputTokens, l.OutputTokensPerMinute, time.Minute, second(l.OutputTokensPerMinute))
	return all
}

// rates reports whether l has a limit of those that toldBy lists.
func rates(l *limit.Limits) bool {
	return l.RequestsPerSecond > 0 || l.RequestsPerMinute > 0 || l.RequestsPerDay > 0 || l.Tokens()
}

// each is the time that one request or token takes up of a steady flow.
func (w *told) each(n float64) time.Duration { return seconds(n * w.length.Seconds() / w.max) }

func (w *told) at(i int) *logged { return &w.log[(w.begin+i)%len(w.log)] }

// RoundOff is what floating point may cost: a millionth of a request or token.
const RoundOff = 1e-6

// next returns when n can go after ahead has.
func (w *told) next(t monotime.Instant, n, ahead float64) monotime.Instant {
	if n <= 0 {
		return t
	}
	w.expire(t)
	n = min(n, w.max) // more than the limit goes out of an empty window
	at := w.room(t, n+ahead)
	tolerance := w.each(max(w.burst-n, 0))
	if turn := w.turn.Add(w.each(ahead)); turn.Sub(at) > tolerance {
		at = turn - monotime.Instant(tolerance)
	}
	return at
}

// evenly takes in that n, which goes now, waited until at and was the first to: a burst
// is for after a pause, and who waits for the window goes evenly.
func (w *told) evenly(at monotime.Instant, n float64) {
	w.turn = max(w.turn, at.Add(w.each(max(w.burst-min(n, w.max), 0))))
}

// spend takes the burst of a window of up to a minute at t: a request or a token goes
// each time that a steady flow has brought one. What is left of a day nobody can tell
// from that.
func (w *told) spend(t monotime.Instant) {
	if w.length <= time.Minute {
		w.turn = t.Add(w.each(w.burst))
	}
}

// room returns when the window has room for n.
func (w *told) room(t monotime.Instant, n float64) monotime.Instant {
	over := w.sum + n - w.max - RoundOff
	if over <= 0 {
		return t
	}
	for i := range w.n {
		if p := w.at(i); p.amount >= over {
			return max(t, p.last.Add(w.length))
		} else {
			over -= p.amount
		}
	}
	return t.Add(w.length).Add(w.each(over)) // behind others that have not gone yet
}

func (w *told) expire(t monotime.Instant) {
	for w.n > 0 && t.Sub(w.at(0).last) >= w.length {
		w.sum -= w.at(0).amount
		w.begin = (w.begin + 1) % len(w.log)
		if w.n--; w.n == 0 {
			w.sum = 0 // and not what floating point has left
		}
	}
}

// take counts n, which goes at t.
func (w *told) take(t monotime.Instant, n float64) {
	if n <= 0 {
		return
	}
	w.turn = onTime(w.turn, t).Add(w.each(n))
	w.sum += n
	if w.n > 0 {
		if p := w.at(w.n - 1); t.Sub(p.first) < w.length/Parts {
			p.last = t
			p.amount += n
			return
		}
	}
	if w.n == len(w.log) {
		w.grow()
	}
	*w.at(w.n) = logged{t, t, n}
	w.n++
}

// onTime is when what goes at t was due: at its turn, if that is only just over.
func onTime(turn, t monotime.Instant) monotime.Instant {
	if t.Sub(turn) > Lateness {
		return t
	}
	return turn
}

// grow makes room for more parts. There are never more than Parts and some.
func (w *told) grow() {
	log := make([]logged, max(4, 2*len(w.log)))
	for i := range w.n {
		log[i] = *w.at(i)
	}
	w.log, w.begin = log, 0
}

// correct replaces what was reserved by what went at sent with what it used, which
// may be more. What a response claims to have used can be any number, so that no
// more than the reservation or a whole window is believed.
func (w *told) correct(sent monotime.Instant, reserved, used float64) {
	n := reserved - min(max(used, 0), max(reserved, w.max))
	if n == 0 {
		return
	}
	for i := w.n - 1; i >= 0; i-- {
		p := w.at(i)
		if p.first > sent {
			continue
		}
		if p.last < sent {
			return // it has left the window
		}
		n = min(n, p.amount)
		p.amount -= n
		w.sum -= n
		if n > 0 {
			w.turn -= monotime.Instant(w.each(n))
		} else {
			w.turn = w.turn.Add(w.each(-n))
		}
		return
	}
}

// left is how much may still go out in the window that ends at t.
func (w *told) left(t monotime.Instant) float64 {
	w.expire(t)
	return w.max - w.sum
}

var toldWords = wordsOf("the limit of ")

func (w *told) why() string { return toldWords.of(w.unit, w.length) }
