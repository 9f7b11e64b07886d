package steadyhttptest

import (
	"fmt"
	"net/http"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

const (
	// realPatience is how long one case may take by the clock on the wall before it is given up. The slowest takes well under
	// a second; what is still there after a minute is blocked on a mutex or a socket, which the bubble cannot see through.
	realPatience = time.Minute

	// grace is how long, in the bubble's time, a wrapper's goroutines may outlive the last call of a case.
	grace = time.Minute

	// maxProblems is how many breaches of one rule are printed. A wrapper that breaks a rule breaks it in most of the
	// situations in which the rule is tried, and the first ones tell the story.
	maxProblems = 8
)

// TestRoundTripper checks that what wrap returns, wrapped around a base, still is a RoundTripper as [http.RoundTripper]
// defines it, and as the callers of [http.Client] have come to rely on. It is meant for every wrapper, of this module or
// not: one that retries, throttles, logs, measures or signs, or a chain of them.
//
//	func TestConformance(t *testing.T) {
//		steadyhttptest.TestRoundTripper(t, func(base http.RoundTripper) http.RoundTripper {
//			return &mypackage.Transport{Base: base}
//		})
//	}
//
// # What it checks
//
// Each rule is a subtest with a name of its own, so that one can be run alone with -run, or left out with -skip:
//
//   - request-…: the caller's request and its maps are never written, its body is closed on every path and not read after
//     that, a second attempt sends the same bytes as the first, the headers and the context arrive below.
//   - answer-…: a response or an error, never both and never neither; the response that the base gave, with its status,
//     headers, trailers and the whole of its body; the bodies of all other responses closed; no panic where a field is nil.
//   - stream-…: no byte is held back, in neither direction, an upgraded connection stays writable, Close ends a Read.
//   - error-…: errors come back as the values they were.
//   - wait-…: no wait outlasts a cancellation or a deadline.
//   - call-…: many calls at once, a base that panics, idle connections.
//
// Some breaches are data races, such as a write to a header map that somebody still reads: run it with -race.
//
// Whether the wrapper repeats requests is its own affair: the rules hold for one that never does and for one that repeats
// everything. What it may not do is return an error where the base ended with an answer, whatever its status.
//
// One choice is left to the wrapper and only told with t.Log (run with -v to see it): when the context ends during a wait
// between two attempts, the answer already in hand is worth more to the caller than the context's error, but the error is
// correct too. The same goes for an answer given up because GetBody failed, for the deprecated Request.Cancel during a wait,
// for a wrapper that waits for a failed answer's body before it returns, and for request trailers, which [http.Request.Clone]
// cuts off from the map that the caller fills.
//
// # What it assumes
//
// Each case calls wrap afresh, some of them many times, inside a [testing/synctest] bubble, where waits take no time. The
// base it hands to wrap lives in memory. It keeps the contract itself, except where a case says otherwise: it closes
// request bodies, its response bodies fail when the request's context ends, and it may be used by many goroutines. So:
//
//   - wrap must do no I/O but through the base, and the wrapper must not share channels or timers with other wrappers.
//   - Goroutines must end by themselves within a minute of the bubble's time after the last response body was closed. A
//     wrapper that keeps one for its lifetime can end it in CloseIdleConnections, or in a Close method with or without an
//     error result: both are called at the end of each case if the wrapper has them.
//   - Limits, if any, must let a few hundred calls pass within an hour of the bubble's time.
//   - All requests go to https://api.example.com, and a wrapper must not answer them by itself.
//
// # How to read a failure
//
// Each line names the situation ("after 503, 503, 200, PUT with GetBody") and what was seen in it; the rule follows, with its
// reason. A goroutine left behind is shown with its stack. A case that gets stuck in real time, usually on a mutex that was
// not released, is given up after a minute and shown likewise.
func TestRoundTripper(t *testing.T, wrap func(base http.RoundTripper) http.RoundTripper) {
	t.Helper()
	for _, r := range conformanceRules() {
		t.Run(r.name, func(t *testing.T) {
			t.Helper()
			problems, notes := r.check(t, wrap, realPatience)
			for _, n := range notes {
				t.Log(n)
			}
			if text := r.failure(problems); text != "" {
				t.Error(text)
			}
		})
	}
}

// wrapFunc is what a user hands to TestRoundTripper.
type wrapFunc = func(base http.RoundTripper) http.RoundTripper

// rule is one duty of a RoundTripper, and the situations in which it is put to the test.
type rule struct {
	name        string
	explanation string
	run         func(p *probe)
}

// conformanceRules lists the rules in the order of a call: out, back, and what surrounds it.
func conformanceRules() []rule {
	var all []rule
	for _, group := range [][]rule{requestRules, uploadRules, answerRules, bodyRules, streamRules, errorRules, waitRules, callRules} {
		all = append(all, group...)
	}
	return all
}

// failure is the text for a broken rule, or "" for no problems.
func (r rule) failure(problems []string) string {
	if len(problems) == 0 {
		return ""
	}
	var b strings.Builder
	for i, problem := range problems {
		if i == maxProblems {
			fmt.Fprintf(&b, "\n  … and %d more", len(problems)-i)
			break
		}
		b.WriteString("\n  " + strings.ReplaceAll(problem, "\n", "\n    "))
	}
	return b.String() + "\nThe rule: " + r.explanation
}

// check runs the rule in a bubble of its own and returns what is wrong, and what is merely worth telling.
//
// The bubble runs in another goroutine than t's, so that one that is stuck on a mutex, for which synctest would wait for
// ever, can be left behind and reported.
func (r rule) check(t *testing.T, wrap wrapFunc, patience time.Duration) (problems, notes []string) {
	s := &sink{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if v := recover(); v != nil {
				s.deadlock(v)
			}
		}()
		synctest.Test(t, func(*testing.T) {
			s.enter()
			p := &probe{sink: s, wrap: wrap}
			defer func() {
				if v := recover(); v != nil { // from wrap itself: calls have their own recover
					p.panicked("", v)
				}
			}()
			r.run(p)
			p.settle()
			s.retire()
			// Nothing may need the context of a call to end in order to end: callers who use context.Background have
			// none that does. So no context is cancelled here; timers get their chance, then the bubble itself complains.
			time.Sleep(grace)
		})
	}()

	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
		s.add(fmt.Sprintf("stuck: after %v of real time something still waits for what the bubble's clock cannot bring, "+
			"such as a mutex that was not released, or spins\n%s", patience, s.goroutines()))
	}
	return s.lists()
}

// sink collects what the probes of one case find, from any goroutine.
type sink struct {
	// mu guards all below.
	mu       sync.Mutex
	problems []string
	notes    []string
	shown    bool   // the stack of a panic was shown: the next ones are mostly alike
	bubble   string // how stack dumps mark the case's goroutines, "synctest bubble 7"
	wrappers []http.RoundTripper
}

func (s *sink) add(problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, problem)
}

func (s *sink) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, n := range s.notes {
		if n == text {
			return
		}
	}
	s.notes = append(s.notes, text)
}

func (s *sink) lists() (problems, notes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.problems...), append([]string(nil), s.notes...)
}

// retire lets the wrappers of the case end what they keep for a lifetime.
func (s *sink) retire() {
	s.mu.Lock()
	wrappers := s.wrappers
	s.wrappers = nil
	s.mu.Unlock()
	for _, rt := range wrappers {
		if c, ok := rt.(interface{ CloseIdleConnections() }); ok {
			c.CloseIdleConnections()
		}
		switch c := rt.(type) {
		case interface{ Close() error }:
			_ = c.Close() // the case is over: what the wrapper thinks of its own end is not ours to judge
		case interface{ Close() }:
			c.Close()
		}
	}
}

// deadlock reports v, with which synctest ended the bubble because goroutines in it can never go on.
func (s *sink) deadlock(v any) {
	if !strings.HasPrefix(fmt.Sprint(v), "deadlock:") {
		panic(v)
	}
	s.add(fmt.Sprintf("a goroutine was left behind, %v after the last body was closed:\n%s", grace, s.goroutines()))
}

var bubbleMark = regexp.MustCompile(`synctest bubble \d+`)

// enter learns how stack dumps name the bubble it is called in.
func (s *sink) enter() {
	buf := make([]byte, 256) // the first line is enough
	mark := bubbleMark.Find(buf[:runtime.Stack(buf, false)])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bubble = string(mark)
}

// goroutines shows the stacks of the goroutines in the case's bubble, those first that the bubble's clock cannot wake: for
// people only, so it may fail to find them.
func (s *sink) goroutines() string {
	s.mu.Lock()
	bubble := s.bubble
	s.mu.Unlock()
	buf := make([]byte, 1<<20) // holds some thousand goroutines; what does not fit is left out
	var outside, inside []string
	for _, stack := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
		head, _, _ := strings.Cut(stack, "\n")
		switch {
		case bubble == "" || bubbleMark.FindString(head) != bubble:
		case strings.Contains(stack, "testing.testingSynctestTest(") || strings.Contains(stack, "internal/synctest.Run("):
			// The bubble's own caretakers.
		case strings.Contains(head, "(durable)"):
			inside = append(inside, strings.TrimSpace(stack))
		default:
			outside = append(outside, strings.TrimSpace(stack))
		}
	}
	found := append(outside, inside...)
	if len(found) > 3 { // they are mostly alike
		found = append(found[:3], "…")
	}
	return strings.Join(found, "\n\n")
}

// probe is what a rule works with: the wrapper under test, and a place to complain. where tells the situation.
type probe struct {
	*sink
	wrap  wrapFunc
	where string
}

// in is a probe for one situation of a rule.
func (p *probe) in(format string, args ...any) *probe {
	where := fmt.Sprintf(format, args...)
	if p.where != "" {
		where = p.where + ", " + where
	}
	return &probe{sink: p.sink, wrap: p.wrap, where: where}
}

func (p *probe) errorf(format string, args ...any) { p.add(p.prefix() + fmt.Sprintf(format, args...)) }

// panicked reports a panic that was recovered when doing what.
func (p *probe) panicked(when string, v any) {
	p.mu.Lock()
	shown := p.shown
	p.shown = true
	p.mu.Unlock()
	if shown {
		p.errorf("panic%s: %v", when, v)
		return
	}
	p.errorf("panic%s: %v\n%s", when, v, debug.Stack())
}

func (p *probe) notef(format string, args ...any) {
	p.note("note: " + p.prefix() + fmt.Sprintf(format, args...))
}

func (p *probe) prefix() string {
	if p.where == "" {
		return ""
	}
	return p.where + ": "
}

// wrapped is a fresh wrapper around base. Wrappers remember: a throttler that was told to slow down in one situation must not
// carry that into the next.
func (p *probe) wrapped(base http.RoundTripper) http.RoundTripper {
	rt := p.wrap(base)
	if rt != base { // a base is not the wrapper's to close
		p.mu.Lock()
		p.wrappers = append(p.wrappers, rt)
		p.mu.Unlock()
	}
	return rt
}

// settle gives what the contract lets a wrapper or a base do after RoundTrip returned, in other goroutines, time to happen.
func (p *probe) settle() {
	time.Sleep(time.Second)
	synctest.Wait()
}
