package steadyhttp

import "time"

const (
	// A host is taken for failing after five failures in a row, or as many as
	// it was sent in a second or two up to sixteen: with two hundred calls a
	// second five may fail in the moment in which one of its servers restarts.
	// Older failures than ten seconds are no part of the row.
	minFailures  = 5
	maxFailures  = 16
	failuresTime = 10 * time.Second

	// One probe at a time goes to a failing host, the first after a tenth of a
	// second, then each after twice as long, up to a second.
	minProbe = 100 * time.Millisecond
	maxProbe = time.Second

	// A probe that has no answer yet holds back those behind it for so long.
	// After a pause that a server asked for, a refusal comes at once or not at
	// all, while an answer of a model takes its time. A host that failed gets
	// more: it may be slow while it starts.
	probeTime        = 250 * time.Millisecond
	failingProbeTime = 5 * time.Second
)

// A gate holds back who would send under a Key: until a moment that the server
// named, or while the host fails. When its time is up, one goes first.
type gate struct {
	failing bool
	paced   bool          // those behind the first follow at the pace of a limit that the server states
	since   instant       // an answer to a request sent before says nothing of the present
	until   instant       // nobody passes before
	every   time.Duration // between the probes of a failing host
	probe   instant       // when the one went out that is under way; 0 is none
	before  float64       // requests a second before the host failed
	verdict *Error        // why
}

// next returns when another may pass, and whether that is sure or hangs on an
// outcome. A failing host's gate may be shut again by the probe.
func (g *gate) next(t instant) (at instant, sure bool) {
	at = max(g.until, t)
	if g.probe != 0 {
		at = max(at, g.probe.add(g.probeTime()))
	}
	return at, !g.failing
}

func (g *gate) probeTime() time.Duration {
	if g.failing {
		return failingProbeTime
	}
	return probeTime
}

// toldNothing ends a probe without news, as one whose caller gave up: the next
// may go, to a failing host after the usual time.
func (g *gate) toldNothing(t instant) {
	g.probe = 0
	g.until = max(g.until, t.add(g.every))
}

func (g *gate) why() string {
	if g.failing {
		return "the host is failing"
	}
	return "the server asked for a pause"
}

func (g *gate) name() string {
	if g.failing {
		return "failing"
	}
	return "asked"
}

// asked makes everybody under l wait for d, as a server wants it.
func (l *lane) asked(t instant, d time.Duration, verdict *Error) {
	until := t.add(d)
	switch g := l.gate; {
	case g == nil:
		l.gate = &gate{since: t, until: until, paced: l.states(), verdict: verdict}
	case until > g.until:
		g.until, g.verdict, g.probe = until, verdict, 0
	default:
		g.probe = 0 // it was one, and it is told to wait
	}
}

// failed counts a failure of the host, which l is about, of a request that was
// sent at sent. The verdict says what it was, and for how long the host wants to
// be left alone, if it says so.
func (l *lane) failed(t, sent instant, probe bool, asked time.Duration, verdict *Error) {
	g := l.gate
	switch {
	case g != nil && g.failing:
		if !probe {
			return // it was under way already when the gate was shut
		}
		g.every = min(2*g.every, maxProbe)
		g.probe, g.verdict = 0, verdict
		g.until = t.add(max(g.every, asked))
		return
	case l.failures == 0 || t.sub(l.failingSince) > failuresTime:
		l.failures, l.failingSince = 0, t
	}
	l.failures++
	enough := int32(min(max(minFailures, l.meter.perSecond()), maxFailures))
	back := l.pace != nil && l.pace.flat == backFlat && sent >= l.pace.from // it has just come back: it is gone again
	if l.failures < enough && !back {
		return
	}
	before := l.meter.perSecond()
	if back {
		before = l.pace.base / backRate
	}
	l.pace = nil
	l.gate = &gate{failing: true, since: t, until: t.add(max(minProbe, asked)), every: minProbe, before: before, verdict: verdict}
}

// answered opens l's gate for those behind a probe, or counts an answer that
// shows that the host works.
func (l *lane) answered(t, sent instant, probe bool) {
	l.failures = 0
	g := l.gate
	switch {
	case g == nil:
	case g.failing && (probe || sent >= g.since):
		l.gate, l.pace = nil, backPace(g.before, t)
	case !g.failing && probe && t >= g.until:
		l.gate = nil
	}
}
