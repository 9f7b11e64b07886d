package limiter

import (
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// A host is taken for failing after five failures in a row, or as many as
	// it was sent in a second or two up to sixteen: with two hundred calls a
	// second five may fail in the moment in which one of its servers restarts.
	// Older failures than ten seconds are no part of the row.
	MinFailures  = 5
	MaxFailures  = 16
	FailuresTime = 10 * time.Second

	// One probe at a time goes to a failing host, the first after a tenth of a
	// second, then each after twice as long, up to a second.
	MinProbe = 100 * time.Millisecond
	MaxProbe = time.Second

	// A probe that has no answer yet holds back those behind it for so long.
	// After a pause that a server asked for, a refusal comes at once or not at
	// all, while an answer of a model takes its time. A host that failed gets
	// more: it may be slow while it starts.
	ProbeTime        = 250 * time.Millisecond
	FailingProbeTime = 5 * time.Second
)

// A gate holds back who would send under a Key: until a moment that the server
// named, or while the host fails. When its time is up, one goes first.
type gate struct {
	failing bool
	paced   bool             // those behind the first follow at the rate of a limit that the server states
	since   monotime.Instant // an answer to a request sent before says nothing of the present
	until   monotime.Instant // nobody passes before
	every   time.Duration    // between the probes of a failing host
	probe   monotime.Instant // when the one went out that is under way; 0 is none
	before  float64          // requests a second before the host failed
	err     error            // why
}

// next returns when another may pass, and whether that is sure or hangs on an
// outcome. A failing host's gate may be shut again by the probe.
func (g *gate) next(t monotime.Instant) (at monotime.Instant, sure bool) {
	at = max(g.until, t)
	if g.probe != 0 {
		at = max(at, g.probe.Add(g.probeTime()))
	}
	return at, !g.failing
}

func (g *gate) probeTime() time.Duration {
	if g.failing {
		return FailingProbeTime
	}
	return ProbeTime
}

// probeLost ends a probe without an outcome, as one whose caller gave up: the next
// may go, to a failing host after the usual time.
func (g *gate) probeLost(t monotime.Instant) {
	g.probe = 0
	g.until = max(g.until, t.Add(g.every))
}

func (g *gate) why() string {
	if g.failing {
		return "the host is failing"
	}
	return "the server asked for a pause"
}

func (g *gate) name() string {
	if g.failing {
		return limit.GateFailing
	}
	return limit.GateAsked
}

// asked makes everybody under k wait for d, as a server wants it.
func (k *keyState) asked(t monotime.Instant, d time.Duration, err error) {
	until := t.Add(d)
	switch g := k.gate; {
	case g == nil:
		k.gate = &gate{since: t, until: until, paced: k.statesRate(), err: err}
	case until > g.until:
		g.until, g.err, g.probe = until, err, 0
	default:
		g.probe = 0 // it was one, and it is told to wait
	}
}

// failed counts a failure of the host, which k is about, of a request that was
// sent at sent. err says what it was, and for how long the host wants to
// be left alone, if it says so.
func (k *keyState) failed(t, sent monotime.Instant, probe bool, asked time.Duration, err error) {
	g := k.gate
	switch {
	case g != nil && g.failing:
		if !probe {
			return // it was under way already when the gate was shut
		}
		g.every = min(2*g.every, MaxProbe)
		g.probe, g.err = 0, err
		g.until = t.Add(max(g.every, asked))
		return
	case k.failures == 0 || t.Sub(k.failingSince) > FailuresTime:
		k.failures, k.failingSince = 0, t
	}
	k.failures++
	enough := int32(min(max(MinFailures, k.meter.perSecond()), MaxFailures))
	back := k.rate != nil && k.rate.flat == BackFlat && sent >= k.rate.from // it has just come back: it is gone again
	if k.failures < enough && !back {
		return
	}
	before := k.meter.perSecond()
	if back {
		before = k.rate.base / BackRate
	}
	k.rate = nil
	k.gate = &gate{failing: true, since: t, until: t.Add(max(MinProbe, asked)), every: MinProbe, before: before, err: err}
}

// works opens k's gate for those behind a probe, or counts an answer that
// shows that the host works.
func (k *keyState) works(t, sent monotime.Instant, probe bool) {
	k.failures = 0
	g := k.gate
	switch {
	case g == nil:
	case g.failing && (probe || sent >= g.since):
		k.gate, k.rate = nil, recoveringRate(g.before, t)
	case !g.failing && probe && t >= g.until:
		k.gate = nil
	}
}
