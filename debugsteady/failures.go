package debugsteady

import (
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/callkey"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	maxFailures = 100

	// What a server says is shown as far as a few lines on a phone; an id is whole
	// up to the longest that a provider is known to send. A key's name may be longer
	// where it is the subject, see limit.Key.Label.
	maxMessage = 160
	maxWhy     = 120
	maxID      = 100
	maxName    = 48
	maxKeyName = 128
)

// A failure is an attempt that failed, and what was done about it. Its texts are
// clean and short.
type failure struct {
	At       time.Time
	Class    steadyhttp.Class
	Fate     steadyhttp.Fate
	Status   int
	Provider string
	Code     string
	Message  string
	ID       string
	Key      string
	Target   string

	again   time.Duration // how long afterwards the next attempt began
	next    next
	to      string       // the target of nextTarget
	stopped string       // why there was no other attempt
	call    callkey.Call // tells which attempts are of one call; nil once it is over, or if that is not known
	over    callOutcome
}

// next is what followed a failed attempt.
type next uint8

const (
	nextUnknown next = iota
	nextAttempt
	nextTarget
	nextNone
)

type callOutcome uint8

const (
	callUnknown callOutcome = iota
	callAnswered
	callFailed
)

func newFailure(key *limit.Key, e *steadyhttp.Error) *failure {
	return &failure{
		At:       time.Now(),
		Class:    e.Class,
		Fate:     e.Fate,
		Status:   e.Status,
		Provider: line(e.Provider, maxName),
		Code:     line(e.Code, maxName),
		Message:  line(e.Message, maxMessage),
		ID:       line(e.RequestID, maxID),
		Key:      line(key.Label(), maxKeyName),
	}
}

// done says what was done about the failure.
func (f *failure) done() string {
	var b strings.Builder
	switch f.next {
	case nextAttempt:
		b.WriteString("repeated after " + span(f.again))
	case nextTarget:
		b.WriteString("went on to " + f.to)
	case nextNone:
		b.WriteString("given up")
		if f.stopped != "" {
			b.WriteString(": " + f.stopped)
		}
		return b.String()
	default:
		if f.call != nil {
			return "still under way"
		}
	}
	switch {
	case f.over == callAnswered:
		b.WriteString("; then answered")
	case f.over == callFailed:
		b.WriteString("; then given up")
	case f.call != nil:
		b.WriteString("; still under way")
	}
	return strings.TrimPrefix(b.String(), "; ")
}

// failures are the latest. The lock of its recorder guards them.
type failures struct {
	ring [maxFailures]*failure
	n    int // how many there were
	open int // of those in the ring, the ones whose call goes on
}

func (fs *failures) add(f *failure) {
	at := &fs.ring[fs.n%maxFailures]
	if *at != nil && (*at).call != nil {
		fs.open--
	}
	*at = f
	fs.n++
	if f.call != nil {
		fs.open++
	}
}

// ofCall calls do for each failure of the call that goes on.
func (fs *failures) ofCall(call callkey.Call, do func(*failure)) {
	if call == nil || fs.open == 0 {
		return
	}
	for _, f := range fs.ring {
		if f != nil && f.call == call {
			do(f)
		}
	}
}

// repeated notes that another attempt of the call began.
func (fs *failures) repeated(call callkey.Call, now time.Time) {
	fs.ofCall(call, func(f *failure) {
		if f.next == nextUnknown {
			f.next, f.again = nextAttempt, now.Sub(f.At)
		}
	})
}

// movedTo notes that the call went on to a target of a Failover.
func (fs *failures) movedTo(call callkey.Call, name string) {
	fs.ofCall(call, func(f *failure) {
		if f.next == nextUnknown {
			f.next, f.to = nextTarget, targetName(name)
		}
	})
}

// over notes how the call ended.
func (fs *failures) over(call callkey.Call, c *steadyhttp.Call) {
	fs.ofCall(call, func(f *failure) {
		switch {
		case c.Error == nil:
			f.over = callAnswered
		case f.next == nextUnknown:
			f.next, f.stopped, f.over = nextNone, line(c.Stopped, maxWhy), callFailed
		default:
			f.over = callFailed
		}
		f.call = nil
		fs.open--
	})
}

// latest returns copies, the newest first.
func (fs *failures) latest() []failure {
	all := make([]failure, 0, min(fs.n, maxFailures))
	for i := range min(fs.n, maxFailures) {
		all = append(all, *fs.ring[(fs.n-1-i)%maxFailures])
	}
	return all
}

// targetName is what the page calls a target.
func targetName(name string) string {
	if name == "" {
		return "the request as it is"
	}
	return line(name, maxName)
}
