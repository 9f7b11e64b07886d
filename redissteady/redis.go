package redissteady

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/steadyhttp/steadyhttp/internal/limiter"
)

const (
	// leaseTime is how long a place stays taken whose holder has died, and how
	// long a process counts that shows no sign of life; each shows five in it.
	leaseTime = 10 * time.Second
	beatEvery = 2 * time.Second
)

func (l *Limiter) prefix() string         { return cmp.Or(l.Prefix, defaultPrefix) }
func (l *Limiter) channel() string        { return l.prefix() + ":messages" }
func (l *Limiter) timeout() time.Duration { return cmp.Or(max(l.Timeout, 0), defaultTimeout) }

var errSlow = errors.New("redissteady: no answer in time")

// call asks a script and reads its answer into into. If Redis does not answer, or
// refuses, it is away from then on; h is the question's header.
func (l *Limiter) call(script *redis.Script, keys []string, h header, question, into any) error {
	err := l.try(script, keys, question, into)
	if err != nil {
		l.lose(err, h.Process)
	}
	return err
}

// try is call without consequences. A client need not heed a context once it waits
// for an answer, so the wait is bounded here. What comes after that is dropped:
// see rename.
func (l *Limiter) try(script *redis.Script, keys []string, question, into any) error {
	text, err := json.Marshal(question)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(l.ctx, l.timeout())
	defer cancel()
	type result struct {
		text string
		err  error
	}
	done := make(chan result, 1)
	go func() {
		// Not ctx, which would close a connection on which an answer is still to come.
		text, err := script.Run(context.WithoutCancel(ctx), l.Client, keys, text).Text()
		done <- result{text, err}
	}()
	select {
	case r := <-done:
		if r.err != nil {
			return r.err
		}
		return json.Unmarshal([]byte(r.text), into)
	case <-ctx.Done():
		if l.ctx.Err() != nil {
			return errClosed
		}
		return fmt.Errorf("%w: waited %s", errSlow, l.timeout())
	}
}

// listen receives from scripts what concerns those who wait. The client connects
// anew by itself; messages that were lost until it had are made up for by a sign
// of life.
func (l *Limiter) listen() {
	sub := l.Client.Subscribe(l.ctx, l.channel(), l.channel()+":"+l.name)
	defer sub.Close()
	messages := sub.ChannelWithSubscriptions(redis.WithChannelSize(1000))
	for {
		select {
		case m, ok := <-messages:
			if !ok {
				return
			}
			switch m := m.(type) {
			case *redis.Message:
				l.receive(strings.Split(m.Payload, " "))
			case *redis.Subscription:
				select {
				case l.sign <- struct{}{}:
				default:
				}
			}
		case <-l.ctx.Done():
			return
		}
	}
}

// receive takes a message: a verb and whom it concerns.
func (l *Limiter) receive(message []string) {
	if len(message) < 2 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch verb, of := message[0], message[1]; verb {
	case "granted", "lost":
		if t := l.waiting[of]; t != nil {
			t.granted, t.lined = verb == "granted", false
			t.poke()
		}
	case "again", "stop":
		for _, t := range l.waiting {
			if t.concerns(of) && (verb == "stop" || !t.promised) {
				t.poke()
			}
		}
	case "one":
		if len(message) == 3 {
			in, err := strconv.ParseFloat(message[2], 64)
			if err == nil {
				time.AfterFunc(seconds(in), func() { l.pokeFront(of) })
			}
		}
	case "later":
		if len(message) == 5 {
			l.later(of, message[2:])
		}
	}
}

// pokeFront has the one ask again that does so for all who stand at a gate.
func (l *Limiter) pokeFront(gate string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.fronts[gate]; t != nil {
		t.poke()
	}
}

// A delay is what was promised until then, on Redis's clock, under a key being
// put off: what is left of the wait is multiplied, then lengthened.
type delay struct {
	of    string
	times float64
	by    time.Duration
	until float64
	since time.Time
}

// left returns what is left of a wait of which d was left.
func (y delay) left(d time.Duration) time.Duration {
	return seconds(max(d, 0).Seconds()*y.times) + y.by
}

// delaysKept is how long a delay is remembered for those whose answer is still
// on its way.
const delaysKept = 2 * time.Second

// later puts off what was promised. It requires l.mu held.
func (l *Limiter) later(of string, figures []string) {
	var f [3]float64
	for i, s := range figures {
		var err error
		if f[i], err = strconv.ParseFloat(s, 64); err != nil {
			return
		}
	}
	y := delay{of, f[0], seconds(f[1]), f[2], time.Now()}
	l.delays = slices.DeleteFunc(l.delays, func(old delay) bool { return y.since.Sub(old.since) > delaysKept })
	l.delays = append(l.delays, y)
	for _, t := range l.waiting {
		if t.promised && t.decided < y.until && t.concerns(of) {
			t.delays = append(t.delays, y)
			t.stir()
		}
	}
}

// delayed returns by what t, to which a time was promised just now, was put off
// since. It requires l.mu held.
func (l *Limiter) delayed(t *ticket) (all []delay) {
	for _, y := range l.delays {
		if t.decided < y.until && t.concerns(y.of) && time.Since(y.since) < delaysKept {
			all = append(all, y)
		}
	}
	return all
}

// concerns reports whether t is under the scope of that name.
func (t *ticket) concerns(name string) bool {
	for _, k := range t.keys[:len(t.scopes)] {
		if k == name {
			return true
		}
	}
	return false
}

// live shows signs of life.
func (l *Limiter) live() {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-l.sign:
		case <-l.ctx.Done():
			return
		}
		if l.absence() == nil {
			l.beat()
		}
	}
}

// beat renews the leases of this process, and asks after those of its requests
// that stand in line.
func (l *Limiter) beat() {
	for _, b := range l.beats(false) {
		var granted map[string]string
		if err := l.call(beatScript, b.keys, b.question.header, b.question, &granted); err != nil {
			return
		}
		for id, verb := range granted {
			l.receive([]string{verb, id})
		}
		l.mu.Lock()
		l.releaseEnded(b)
		l.mu.Unlock()
	}
}

// releaseEnded frees the places of requests that ended while the sign of life
// was on its way: it may have come after the report that freed them, and taken
// them again. It requires l.mu held.
func (l *Limiter) releaseEnded(b *hostBeat) {
	for _, g := range b.question.Groups {
		for _, id := range g.Held {
			if number, _ := strconv.ParseUint(id, 10, 64); l.permits[number] != nil {
				continue
			}
			if t := l.waiting[id]; t == nil || !t.granted {
				l.report(b.keys, event{ID: id, Touched: []int{1}, Leases: g.Leases, Most: g.Most})
			}
		}
	}
}

// A hostBeat is the sign of life at one host.
type hostBeat struct {
	keys     []string
	question beat
}

func (b *hostBeat) key(name string) int {
	for i, k := range b.keys {
		if k == name {
			return i + 1
		}
	}
	b.keys = append(b.keys, name)
	return len(b.keys)
}

// group returns the one of those limits.
func (b *hostBeat) group(limits string, most int) *group {
	leases := b.key(leasesName(limits))
	for _, g := range b.question.Groups {
		if g.Leases == leases {
			return g
		}
	}
	b.key(lineName(limits)) // behind it
	b.key(turnsName(limits))
	g := &group{Leases: leases, Most: most, Held: []string{}, Lined: []string{}}
	b.question.Groups = append(b.question.Groups, g)
	return g
}

// beats returns the signs of life to give. anew also brings back to Redis what was
// known when it went away, and has all be tried there that scripts do.
func (l *Limiter) beats(anew bool) map[string]*hostBeat {
	beats := map[string]*hostBeat{}
	var former []string
	at := func(host string) *hostBeat {
		b := beats[host]
		if b == nil {
			b = &hostBeat{keys: []string{host, aliveName(host)}, question: beat{header: l.header(2), Former: former, Scopes: []seed{}, Groups: []*group{}}}
			beats[host] = b
		}
		return b
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	former = l.formerNames()
	group := func(t *ticket) *group {
		return at(t.keys[0]).group(t.keys[t.limitsKey-1], t.ask.Limits.MaxConcurrent)
	}
	for _, t := range l.permits {
		if t.leases() > 0 {
			g := group(t)
			g.Held = append(g.Held, t.id)
		}
	}
	for _, t := range l.waiting {
		if t.granted {
			g := group(t)
			g.Held = append(g.Held, t.id)
		} else if t.lined {
			g := group(t)
			g.Lined = append(g.Lined, t.id)
		}
	}
	for name, s := range l.known {
		host := hostName(l.prefix(), s.key.Host)
		if s.most > 0 && len(former) > 0 {
			at(host).group(name, s.most)
		}
		if anew {
			b := at(host)
			b.question.Scopes = append(b.question.Scopes, seed{Key: b.key(name), Mask: limiter.ScopeOf(&s.key), Buckets: s.buckets})
		}
	}
	if anew { // somewhere it has to be seen whether Redis takes what is written
		b := at(hostName(l.prefix(), ""))
		b.question.Scopes = append(b.question.Scopes, seed{Key: 1})
	}
	return beats
}
