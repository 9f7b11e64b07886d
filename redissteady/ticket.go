package redissteady

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/limiter"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A ticket is a request from when it asks for a permit until that is settled.
// Until it is let go its caller alone changes it, but for what Limiter.mu guards.
type ticket struct {
	number    uint64
	id        string
	ask       limit.Ask
	cost      load
	came      time.Time
	keys      []string // KEYS of its admission
	scopes    []limit.Key
	limits    []setLimit
	line      string // the name of that in which it stands if it has to, see line.go
	limitsKey int    // the number of the key of the user's limits; 0 if there are none
	alive     int    // likewise of the processes; leases and their line follow, if there are any

	wake    chan struct{} // has one to say that something has changed
	waited  time.Duration
	why     string
	probes  []int  // the keys of the scopes of which it is a probe
	gate    string // at which it stands and asks again: the name of the scope
	full    bool   // too many wait already
	told    bool   // Ask.Waiting was called
	inQueue bool
	rested  bool      // it has stood in a line where others ask
	press   time.Time // when it asks there all the same, if it has a deadline
	late    bool      // what it was promised is now after its deadline

	held    *gateState // the gate that holds it back; nil is none
	until   time.Time  // for how long it waits there
	gated   bool       // one has held it back, since then
	gatedAt time.Time  // likewise
	spared  string     // what would have held it back
	past    bool       // it has waited for OutageWait: it goes once, as without a gate

	went    time.Time // when it was let go
	at      float64   // when it was let go, on Redis's clock
	touched []int     // the keys of what was taken, in the script's order
	sent    []load

	local *localPermit // if it was let go while Redis was away

	// Limiter.mu guards what follows.
	heard    bool    // what became of it was observed
	promised bool    // the script gave it a time
	decided  float64 // when it did, on Redis's clock
	delays   []delay // by which that time was put off since
	again    bool    // it has to ask again
	granted  bool    // it has a place
	lined    bool    // it stands in line for one
	standing bool    // it stands in a line of this process's, see line.go
	resting  bool    // it does not ask there
	near     bool    // it was told that its turn is not near
	presses  bool    // it asks although others are before it, as its deadline is near
}

// enter makes a ticket. It is among those who wait from now on, so that no message
// is missed.
func (l *Limiter) enter(a limit.Ask) *ticket {
	t := &ticket{ask: a, cost: loadOf(a.Cost), came: time.Now(), limits: setLimits(a.Limits), wake: make(chan struct{}, 1)}
	t.names(l.prefix())
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastID++
	t.number, t.id = l.lastID, strconv.FormatUint(l.lastID, 10)
	l.waiting[t.id] = t
	if n := a.MaxQueue; n > 0 && t.limitsKey > 0 {
		t.full = l.queued[t.queuedKey()] >= n
	}
	return t
}

// names lists the keys that concern t: all scopes that a limit of its may have,
// the host's own first, whether there is one or not.
func (t *ticket) names(prefix string) {
	has := limiter.ScopeOf(&t.ask.Key)
	if t.ask.Inference == limit.Off {
		has = 0
	}
	limited := len(t.limits) > 0 || t.ask.Limits.MaxConcurrent > 0
	for scope := limiter.Scope(0); scope < limiter.AllScopes; scope++ {
		if scope&^has != 0 {
			continue
		}
		k := limiter.Within(t.ask.Key, scope)
		t.scopes = append(t.scopes, k)
		if limited && k == t.ask.LimitsKey {
			t.limitsKey = len(t.scopes)
		}
	}
	if limited && t.limitsKey == 0 {
		t.scopes = append(t.scopes, t.ask.LimitsKey)
		t.limitsKey = len(t.scopes)
	}
	for _, k := range t.scopes {
		t.keys = append(t.keys, name(prefix, k))
	}
	t.keys = append(t.keys, aliveName(t.keys[0]))
	t.alive = len(t.keys)
	if t.ask.Limits.MaxConcurrent > 0 {
		of := t.keys[t.limitsKey-1]
		t.keys = append(t.keys, leasesName(of), lineName(of), turnsName(of))
	}
}

func aliveName(host string) string    { return host + ":alive" }
func leasesName(limits string) string { return limits + ":leases" }
func lineName(limits string) string   { return limits + ":line" }
func turnsName(limits string) string  { return limits + ":turns" }

// leases is the number of the key of the leases, 0 if places are not limited.
func (t *ticket) leases() int {
	if t.ask.Limits.MaxConcurrent > 0 {
		return t.alive + 1
	}
	return 0
}

// admission is the question whether t may go.
func (t *ticket) admission(l *Limiter, ctx context.Context) *admission {
	q := &admission{
		header: l.header(t.alive), ID: t.id, Scopes: [][2]int{}, LimitsKey: t.limitsKey, Limits: t.limits, Cost: t.cost,
		Leases: t.leases(), Most: max(t.ask.Limits.MaxConcurrent, 0), Full: t.full, Past: t.past, Inference: t.ask.Inference,
		Class: limiter.ClassOf(t.ask.Priority),
	}
	if q.Leases > 0 {
		q.Line = q.Leases + 1
	}
	for i, k := range t.scopes[1:] {
		q.Scopes = append(q.Scopes, [2]int{i + 2, int(limiter.ScopeOf(&k))})
	}
	if deadline, ok := ctx.Deadline(); ok {
		within := max(time.Until(deadline).Seconds(), 0)
		q.Within = &within
	}
	if t.ask.MaxWait != 0 {
		bound := t.boundLeft().Seconds()
		q.Bound = &bound
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	t.again = false // what is new is asked now
	q.Granted = t.granted
	if t.promised {
		q.Back, q.BackAt = t.touched, t.at
	}
	return q
}

// forget drops what Redis promised.
func (l *Limiter) forget(t *ticket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t.promised, t.gate, t.held, t.probes = false, "", nil, nil
	l.step(t)
}

// patience returns until when t waits at g. It begins with the first gate that
// holds it back: what it has waited before has nothing to do with an outage.
func (t *ticket) patience(ctx context.Context, g *gateState) time.Time {
	if !t.gated {
		t.gated, t.gatedAt = true, time.Now()
	}
	if g.Limited {
		return t.gatedAt.Add(cmp.Or(max(t.ask.MaxPause, 0), limiter.MaxPause))
	}
	deadline, ok := ctx.Deadline()
	wait := limiter.OutageWaitNoDeadline
	if ok {
		wait = limiter.OutageWait
	}
	if age := seconds(g.Age) - time.Since(t.gatedAt); g.Failing && age > limiter.LongOutage {
		wait = limiter.ShortOutageWait
	}
	if t.ask.OutageWait > 0 {
		wait = t.ask.OutageWait
	}
	end := t.gatedAt.Add(wait)
	if once := time.Now().Add(seconds(g.Left) + limiter.MinGoodSign); !g.Failing && t.ask.OutageWait <= 0 && once.After(end) {
		end = once // one pause is waited out
	}
	if last := t.gatedAt.Add(t.ask.MaxPause); t.ask.MaxPause > 0 && last.Before(end) {
		end = last
	}
	if ok { // some time is left to send the request after all
		left := deadline.Sub(t.came)
		if last := deadline.Add(-limiter.Spare(left)); last.Before(end) {
			end = last
		}
	}
	return end
}

// boundLeft is how much longer t waits at all, forever if nothing bounds that.
func (t *ticket) boundLeft() time.Duration {
	if t.ask.MaxWait == 0 {
		return forever
	}
	return max(t.ask.MaxWait-time.Since(t.came), 0)
}

// tooLong is the refusal of a request that does not wait for longer than MaxWait.
func (t *ticket) tooLong() error {
	if t.ask.MaxWait < 0 {
		return &limit.Refusal{Reason: t.why + ": the request does not wait"}
	}
	return &limit.Refusal{Reason: fmt.Sprintf("%s: the request waits for %s at the most", t.why, t.ask.MaxWait)}
}

// waitedEnough reports whether t has stood at a gate for as long as it waits there.
func (t *ticket) waitedEnough() bool { return t.held != nil && !time.Now().Before(t.until) }

// poke has t ask again. It requires Limiter.mu held.
func (t *ticket) poke() {
	t.again = true
	t.stir()
}

// stir wakes t.
func (t *ticket) stir() {
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// queue counts t among those who wait for the user's limits.
func (l *Limiter) queue(t *ticket) {
	if t.inQueue || t.limitsKey == 0 {
		return
	}
	t.inQueue = true
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queued[t.queuedKey()]++
}

// tell calls Ask.Waiting, once. d is what t waits for before it asks again.
func (l *Limiter) tell(t *ticket, d time.Duration) {
	if t.ask.Waiting == nil || t.told {
		return
	}
	switch {
	case t.resting:
		d = l.behind(t)
	case t.held != nil:
		d = seconds(t.held.Left)
	case d == forever:
		d = 0 // in line for a place
	}
	t.tells(limit.Wait{Key: t.ask.Key, For: d, Why: t.why, Priority: t.ask.Priority})
}

// tells is tell of a wait in this process's own limits, as of any other.
func (t *ticket) tells(w limit.Wait) {
	if !t.told {
		t.told = true
		t.ask.Waiting(w)
	}
}

// leave takes t from among those who wait, to those who are under way if it was
// let go.
func (l *Limiter) leave(t *ticket, gone bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.waiting, t.id)
	l.step(t)
	if gone {
		t.went = time.Now()
		l.permits[t.number] = t
	}
	if !t.inQueue {
		return
	}
	of := t.queuedKey()
	if l.queued[of]--; l.queued[of] == 0 {
		delete(l.queued, of)
	}
}

func (t *ticket) queuedKey() queuedKey {
	return queuedKey{t.keys[t.limitsKey-1], t.ask.Priority}
}

// probesBefore reports whether t is a better probe than f.
func (t *ticket) probesBefore(f *ticket) bool {
	if t.ask.Priority != f.ask.Priority {
		return t.ask.Priority < f.ask.Priority
	}
	return t.ask.Repeatable && !f.ask.Repeatable
}

func (t *ticket) tooMany() error {
	return &limit.Refusal{Reason: fmt.Sprintf("the queue is full: %d requests are waiting", t.ask.MaxQueue)}
}

func tooLate(why string, wait time.Duration) error {
	return &limit.Refusal{Reason: fmt.Sprintf("%s: a wait of %s would exceed the deadline", why, wait.Round(time.Millisecond)), Late: true}
}

// giveBack tells Redis that t does not go: neither what it was promised nor its
// place, had or to be had, is needed.
func (l *Limiter) giveBack(t *ticket) {
	l.mu.Lock()
	promised, placed := t.promised, t.granted || t.lined
	t.promised, t.granted, t.lined = false, false, false
	l.mu.Unlock()
	if !promised && !placed {
		return
	}
	ev := t.event()
	if promised {
		ev.Op, ev.Probes = "back", t.probes
	}
	if !placed {
		ev.Leases = 0
	}
	l.report(t.keys, ev)
}

// event is what there is to say of t in any case.
func (t *ticket) event() event {
	touched := t.touched
	if len(touched) == 0 {
		touched = []int{1}
	}
	return event{
		ID: t.id, Touched: slices.Clone(touched), At: t.at, Cost: t.cost,
		Leases: t.leases(), Most: t.ask.Limits.MaxConcurrent,
	}
}

func (l *Limiter) header(alive int) header {
	return header{Process: *l.process.Load(), Channel: l.channel(), Alive: alive}
}

func newProcess() string {
	var b [6]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// maxPart bounds what a name has of a host, model or bucket: usual ones whole.
const maxPart = 128

func bounded(part string) string {
	if len(part) <= maxPart {
		return part
	}
	sum := sha256.Sum256([]byte(part))
	return part[:maxPart-17] + "~" + hex.EncodeToString(sum[:8])
}
