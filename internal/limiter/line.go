package limiter

import (
	"container/heap"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/monotime"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// Priorities is how many there are.
	Priorities = 3

	// LeastShare of what passes a Key each class gets that waits there.
	LeastShare = 0.05

	// owedOf what others take is owed to a class that waits meanwhile: so it has
	// LeastShare of all.
	owedOf = LeastShare / (1 - LeastShare)

	// LeaveTime is how long after a request of a higher class a batch leaves something
	// over for the next.
	LeaveTime = time.Minute
)

// ClassOf is p's place among the priorities, the lowest first.
func ClassOf(p limit.Priority) int { return int(min(max(p, limit.Batch), limit.Urgent) - limit.Batch) }

// A line is those who wait for one Key, by priority.
type line struct {
	classes [Priorities]class // the lowest first
	n       int               // who wait in all
}

// A class is those of one priority who wait for one Key.
type class struct {
	queue  queue
	queued load // what they cost

	// owed is how much of the Key's time this class may have before a higher one: a
	// part of what others took while it waited, less what it has had of that.
	owed time.Duration

	// How much of the Key's time those took who ever came here, and those who left
	// from the front. By that it is known until when the next has to go, for those
	// behind it who have a deadline.
	came, left time.Duration
	promised   promises
}

// classOf returns w's class.
func (l *line) classOf(w *waiter) *class { return &l.classes[w.class] }

// all is to be ranged over.
func (l *line) all(yield func(*waiter) bool) {
	if l == nil {
		return
	}
	for c := range l.classes {
		for _, w := range l.classes[c].queue {
			if !yield(w) {
				return
			}
		}
	}
}

// cost is that of all who wait.
func (l *line) cost() (all load) {
	if l != nil {
		for c := range l.classes {
			all.add(&l.classes[c].queued)
		}
	}
	return all
}

// oldest returns who came first of all who wait; nil if nobody does.
func (l *line) oldest() (first *waiter) {
	if l == nil {
		return nil
	}
	for c := range l.classes {
		if q := l.classes[c].queue; len(q) > 0 && (first == nil || q[0].number < first.number) {
			first = q[0]
		}
	}
	return first
}

// first returns who does not wait for the Key's gate, if somebody is there who does
// not.
func (l *line) first() *waiter {
	for c := Priorities - 1; c >= 0; c-- {
		if q := l.classes[c].queue; len(q) > 0 && q[0].first {
			return q[0]
		}
	}
	return nil
}

// enqueue puts w into the line for k. It requires the host's lock held.
func (k *keyState) enqueue(w *waiter) {
	if k.line == nil {
		k.line = new(line)
	}
	l := k.line
	c := l.classOf(w)
	w.at, w.first = k, k.spares(&w.ask)
	heap.Push(&c.queue, w)
	l.n++
	c.queued.add(&w.ask.cost)
	w.takes = k.takes(&w.ask.cost)
	if c.came += w.takes; w.deadline < monotime.Never && w.takes > 0 {
		w.latest = w.deadline - monotime.Instant(c.came)
		heap.Push(&c.promised, w)
	}
}

// dequeue takes w out of the line in which it stands.
func (w *waiter) dequeue() {
	k := w.at
	l := k.line
	c := l.classOf(w)
	if w.index == 0 {
		c.left += w.takes
	}
	heap.Remove(&c.queue, w.index)
	if w.latest != 0 {
		heap.Remove(&c.promised, w.promise)
		w.latest = 0
	}
	c.queued.subtract(&w.ask.cost)
	w.at = nil
	if len(c.queue) == 0 {
		*c = class{} // and not what floating point has left
	}
	if l.n--; l.n == 0 {
		k.line = nil
		k.disarm()
	}
}

// promises are those of a class who have a deadline, by when they have to go.
type promises []*waiter

func (p promises) Len() int           { return len(p) }
func (p promises) Less(i, j int) bool { return p[i].latest < p[j].latest }
func (p promises) Swap(i, j int) {
	p[i], p[j] = p[j], p[i]
	p[i].promise, p[j].promise = i, j
}
func (p *promises) Push(w any) {
	w.(*waiter).promise = len(*p)
	*p = append(*p, w.(*waiter))
}
func (p *promises) Pop() any {
	last := len(*p) - 1
	w := (*p)[last]
	(*p)[last] = nil
	*p = (*p)[:last]
	return w
}

// latest is when the class has to be served at the latest, for nobody in it to be
// late; Never if nobody has a deadline.
func (c *class) latest() monotime.Instant {
	if len(c.promised) == 0 {
		return monotime.Never
	}
	return c.promised[0].latest + monotime.Instant(c.left)
}

// isDue reports whether who waits in the class goes before a higher one that takes so
// much of the Key's time: it has waited for its share, or somebody in it would be late.
func (c *class) isDue(t monotime.Instant, takes time.Duration) bool {
	if len(c.queue) == 0 {
		return false
	}
	return c.owed >= share(c.queue[0].takes) || c.latest() < t.Add(takes)
}

// takes is how much of k's time a request of that cost takes up: of the limit that is
// the tightest for it. It is 0 where k has no limit of which that is known.
func (k *keyState) takes(cost *load) (most time.Duration) {
	for i := range k.told {
		w := &k.told[i]
		most = max(most, w.each(cost[w.unit]))
	}
	for i := range k.stated {
		switch s := &k.stated[i]; {
		case s.perSecond > 0:
			most = max(most, seconds(cost[s.unit]/s.perSecond))
		case s.window > 0:
			most = max(most, seconds(cost[s.unit]/s.limit*s.window.Seconds()))
		}
	}
	return most
}

// share is what a request that takes so much counts for where classes are weighed
// against each other.
func share(takes time.Duration) time.Duration {
	if takes > 0 {
		return takes
	}
	return time.Second // all count the same
}

// passed takes in that w goes: so much more is owed to the other classes that wait.
func (k *keyState) passed(w *waiter) {
	if k.line == nil {
		return
	}
	if own := k.line.classOf(w); k.line.n == len(own.queue) && own.owed == 0 {
		return // nobody else waits
	}
	its := share(k.takes(&w.ask.cost))
	for i := range k.line.classes {
		switch c := &k.line.classes[i]; {
		case len(c.queue) == 0:
		case i == w.class:
			c.owed = max(c.owed-its, 0)
		default:
			c.owed += time.Duration(float64(its)*owedOf) + 1
		}
	}
}

// next returns who goes next at t: of the highest class, but for one that is due. due
// says that it is one of those.
func (l *line) next(t monotime.Instant) (w *waiter, due bool) {
	if w = l.first(); w != nil {
		return w, false
	}
	top := Priorities - 1
	for len(l.classes[top].queue) == 0 {
		top--
	}
	w = l.classes[top].queue[0]
	if l.n == len(l.classes[top].queue) {
		return w, false
	}
	takes := w.takes
	soonest := monotime.Never
	for i := range top {
		if c := &l.classes[i]; c.isDue(t, takes) && (!due || c.latest() < soonest) {
			w, due, soonest = c.queue[0], true, c.latest()
		}
	}
	return w, due
}

// ahead is what those cost who go before w, if it comes at t or from another queue;
// behind says that there are any. At a gate all do who came before: whose turn it is
// there is another question.
func (k *keyState) ahead(t monotime.Instant, w *waiter) (ahead load, behind bool) {
	l := k.line
	if l == nil || (k.spares(&w.ask) || k.strange(t, &w.ask) != noStranger || k.sparedRate(t, &w.ask)) && l.first() == nil {
		return load{}, false
	}
	gate := k.gate != nil && !k.gate.ofLimit && !w.ask.passes(k.gate)
	var above load
	takes := k.takes(&w.ask.cost)
	for i := range l.classes {
		c := &l.classes[i]
		switch {
		case len(c.queue) == 0:
		case i == w.class || gate:
			if c.queue[0].before(w) {
				behind = true
				ahead.add(&c.queued)
			}
		case i > w.class && w.ask.due:
			// It has its turn before them where it stands. If it were behind them here,
			// it would go from one line to the other and back for ever.
		case i > w.class:
			behind = true
			above.add(&c.queued)
		case c.isDue(t, takes):
			behind = true
			ahead.add(&c.queue[0].ask.cost)
		}
	}
	for u := range ahead { // of what is above, no more goes before w than leaves the others their share
		ahead[u] += min(above[u], (ahead[u]+w.ask.cost[u])/owedOf)
	}
	return ahead, behind
}
