package debugsteady

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// maxKeys bounds the keys that are shown, maxPictures those that are shown in full:
	// with a picture a key takes three to seven kB, in a line of the table 0.4. Those
	// that hold requests back come first, then the busiest.
	maxKeys     = 100
	maxPictures = 20

	// maxLimits bounds the limits shown of a key: a server may name any number.
	maxLimits = 6

	// maxPlaces bounds the places of a Failover that are shown.
	maxPlaces = 20

	// maxLabel bounds the name of a key, and maxEvidence what is said of its evidence
	// and of the error that shut its gate.
	maxLabel    = 200
	maxEvidence = 300
)

// A state is all that the page shows at one time. Its JSON is the page's other
// form: names in it stay, times are in seconds, texts are cleaned.
type state struct {
	Time          time.Time      `json:"time"`
	RecordedSince *time.Time     `json:"recorded_since"` // null: nothing is recorded
	Waiting       int            `json:"waiting"`
	LongestWait   seconds        `json:"longest_wait_s"`
	ClosedGates   int            `json:"closed_gates"`
	WouldHold     int64          `json:"would_hold"`
	Totals        *totalsState   `json:"totals"`
	History       *historyState  `json:"history"`
	Keys          []keyState     `json:"keys"`
	KeysNotShown  int            `json:"keys_not_shown"`
	Failover      *failoverState `json:"failover"`
	Failures      []failureState `json:"failures"`

	Rate    number `json:"rate_per_second"` // in the last five to ten seconds
	columns *[buckets]bucket
}

// seconds is a duration as JSON has it.
type seconds time.Duration

func (s seconds) MarshalJSON() ([]byte, error) {
	return number(time.Duration(s).Seconds()).MarshalJSON()
}

// A number is a float that JSON can hold whatever a server stated: what is none is
// null, and three places are enough.
type number float64

func (n number) MarshalJSON() ([]byte, error) {
	x := float64(n)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return []byte("null"), nil
	}
	if math.Abs(x) < 1e12 {
		x = math.Round(x*1000) / 1000
	}
	return strconv.AppendFloat(nil, x, 'f', -1, 64), nil
}

type totalsState struct {
	Calls         int64   `json:"calls"`
	FailedCalls   int64   `json:"failed_calls"`
	RetriedCalls  int64   `json:"retried_calls"`
	Attempts      int64   `json:"attempts"`
	Amplification number  `json:"amplification"` // attempts per call
	Uncertain     int64   `json:"uncertain_attempts"`
	UnderWay      int64   `json:"attempts_under_way"`
	Between       int64   `json:"calls_between_attempts"` // that wait before another one
	Answered      int64   `json:"answered"`
	Refused       int64   `json:"refused"`
	Failed        int64   `json:"failed"`
	NotSent       int64   `json:"not_sent"`
	Waited        seconds `json:"waited_s"`
	Throttled     seconds `json:"throttled_s"`
	InputTokens   int64   `json:"input_tokens"`
	OutputTokens  int64   `json:"output_tokens"`
}

// A historyState is five minutes in columns of five seconds, the oldest first.
type historyState struct {
	Sent     [buckets]uint32 `json:"sent"`
	Answered [buckets]uint32 `json:"answered"`
	Refused  [buckets]uint32 `json:"refused"`
	Failed   [buckets]uint32 `json:"failed"`
	Waiting  [buckets]uint32 `json:"waiting"`
}

type keyState struct {
	Name      string        `json:"name"`
	Limits    []limitState  `json:"limits"`
	MoreLimit int           `json:"limits_not_shown,omitempty"`
	Adaptive  number        `json:"adaptive_per_second"` // 0 is none
	Reopening bool          `json:"reopening"`           // Adaptive is the pace after a gate has opened
	Evidence  string        `json:"evidence"`
	Rate      number        `json:"rate_per_second"`
	UnderWay  int           `json:"under_way"`
	Waiting   waitingState  `json:"waiting"`
	Gate      *gateState    `json:"gate"` // null is open
	WouldHold int64         `json:"would_hold"`
	History   *historyState `json:"history"` // null: none is kept of this key

	columns *[buckets]bucket // what History is made of
}

type limitState struct {
	Unit   string  `json:"unit"`
	Limit  number  `json:"limit"`
	Window seconds `json:"window_s"`
	Left   number  `json:"left"`
	From   string  `json:"from"` // "set" or "stated"

	window time.Duration
}

type waitingState struct {
	All    int     `json:"all"`
	Urgent int     `json:"urgent"`
	Normal int     `json:"normal"`
	Batch  int     `json:"batch"`
	Oldest seconds `json:"oldest_s"`
	Why    string  `json:"why"`
	HeldBy string  `json:"held_by"` // the key in whose queue they stand, if that is another one

	held bool // they stand in this key's own
}

type gateState struct {
	Why       string   `json:"why"`          // "asked" or "failing"
	Left      seconds  `json:"left_s"`       // until the next request may go
	NextProbe *seconds `json:"next_probe_s"` // until a probe goes: before that, if a pause is tried out; null while a probe is under way
	Probing   bool     `json:"probing"`
	Error     string   `json:"error"`
}

type failoverState struct {
	Targets []targetState `json:"targets"`
	Places  []placeState  `json:"places"`
	More    int           `json:"places_not_shown,omitempty"`
}

type targetState struct {
	Name     string `json:"name"`
	Attempts int64  `json:"attempts"`
	Failed   int64  `json:"failed_attempts"`
}

type placeState struct {
	Name  string  `json:"name"`
	Down  bool    `json:"down"`
	Since seconds `json:"since_s"`
	Left  seconds `json:"left_s"`
	Error string  `json:"error"`
}

type failureState struct {
	Time      time.Time `json:"time"`
	Class     string    `json:"class"`
	Fate      string    `json:"fate"`
	Status    int       `json:"status"`
	Provider  string    `json:"provider,omitempty"`
	Code      string    `json:"code,omitempty"`
	Message   string    `json:"message"`
	RequestID string    `json:"request_id"`
	Key       string    `json:"key"`
	Target    string    `json:"target,omitempty"`
	Done      string    `json:"done"`
}

// stateOf makes the page of what a Snapshot and the recorder know. Nothing is
// locked meanwhile.
func stateOf(now time.Time, all []limit.KeyState, rec *recorded, places []limit.TargetState, failover *steadyhttp.Failover) *state {
	s := &state{Time: now.UTC(), Keys: []keyState{}, Failures: []failureState{}}
	if rec != nil {
		since := rec.since.UTC()
		s.RecordedSince, s.Totals, s.History = &since, rec.totals.state(), columns(&rec.all)
		s.Rate, s.columns = number(rec.rate(&rec.all)), &rec.all
		for i := range rec.failures {
			s.Failures = append(s.Failures, rec.failures[i].state())
		}
	}
	for i := range all {
		s.sum(&all[i])
	}
	keys := rank(all, rec)
	for i := range keys[:min(len(keys), maxKeys)] {
		s.Keys = append(s.Keys, keyOf(&keys[i], rec))
	}
	s.KeysNotShown = max(0, len(keys)-maxKeys)
	if failover != nil {
		s.Failover = failoverOf(failover, places, rec)
	}
	return s
}

// sum adds a key to what is said of all. A request waits in the queue of one key
// and matches others, of which its host is always one.
func (s *state) sum(k *limit.KeyState) {
	if ofHost(k.Key) {
		s.Waiting += k.Waiting
	}
	s.LongestWait = max(s.LongestWait, seconds(k.Oldest))
	if k.Gate != "" {
		s.ClosedGates++
	}
	s.WouldHold += k.WouldHold
}

// keyOf is what is shown of k.
func keyOf(k *ranked, rec *recorded) keyState {
	out := keyState{
		Name:      nameOfKey(k.Key, maxLabel),
		Limits:    []limitState{},
		MoreLimit: max(0, len(k.Limits)-maxLimits),
		Adaptive:  number(k.PerSecond),
		Reopening: k.Reopening,
		Evidence:  line(k.Evidence, maxEvidence),
		UnderWay:  k.Concurrent,
		WouldHold: k.WouldHold,
		Waiting: waitingState{
			All: k.Waiting, Urgent: k.Urgent, Normal: k.Waiting - k.Urgent - k.Batch, Batch: k.Batch,
			Oldest: seconds(k.Oldest), Why: line(k.Why, maxWhy), HeldBy: k.heldBy(), held: k.held,
		},
	}
	for _, l := range k.Limits[:min(len(k.Limits), maxLimits)] {
		from := "set"
		if l.Learned {
			from = "stated"
		}
		out.Limits = append(out.Limits, limitState{line(l.Unit, maxName), number(l.Limit), seconds(l.Window), number(l.Left), from, l.Window})
	}
	if k.Gate != "" {
		g := &gateState{Why: line(k.Gate, maxName), Left: seconds(k.GateLeft), Probing: k.Probing, Error: errorText(k.GateError)}
		if next := seconds(cmp.Or(k.NextProbe, k.GateLeft)); !k.Probing {
			g.NextProbe = &next
		}
		out.Gate = g
	}
	if rec == nil {
		return out
	}
	if all := rec.of(&k.Key); all != nil {
		out.Rate, out.History, out.columns = number(rec.rate(all)), columns(all), all
	}
	return out
}

// errorText is what an error says. One of ours is clean already; a stranger's may
// hold anything.
func errorText(err error) string {
	if err == nil {
		return ""
	}
	var e *steadyhttp.Error
	if errors.As(err, &e) {
		err = e
	}
	return line(err.Error(), maxEvidence)
}

func columns(all *[buckets]bucket) *historyState {
	h := new(historyState)
	for i, b := range all {
		h.Sent[i], h.Answered[i], h.Refused[i], h.Failed[i], h.Waiting[i] = b.Sent, b.Answered, b.Refused, b.Failed, b.Waiting
	}
	return h
}

func (t *totals) state() *totalsState {
	s := &totalsState{
		Calls: t.Calls, FailedCalls: t.FailedCall, RetriedCalls: t.Retried, Attempts: t.Attempts, Uncertain: t.Uncertain,
		UnderWay: t.UnderWay, Between: t.Between, Answered: t.Answered, Refused: t.Refused, Failed: t.Failed, NotSent: t.Unsent,
		Waited: seconds(t.Waited), Throttled: seconds(t.Throttled), InputTokens: t.Input, OutputTokens: t.Output,
	}
	if t.Calls > 0 {
		s.Amplification = number(float64(t.Attempts) / float64(t.Calls))
	}
	return s
}

func (f *failure) state() failureState {
	return failureState{
		Time: f.At.UTC(), Class: f.Class.String(), Fate: f.Fate.String(), Status: f.Status, Provider: f.Provider, Code: f.Code,
		Message: f.Message, RequestID: f.ID, Key: f.Key, Target: f.Target, Done: f.done(),
	}
}

// failoverOf lists the targets in the order in which they were set, and the places
// that failed, those first that calls pass over.
func failoverOf(f *steadyhttp.Failover, places []limit.TargetState, rec *recorded) *failoverState {
	s := &failoverState{Targets: []targetState{}, Places: []placeState{}, More: max(0, len(places)-maxPlaces)}
	var counted map[string]targetCount
	if rec != nil {
		counted = rec.targets
	}
	for _, name := range targetNames(f, counted) {
		s.Targets = append(s.Targets, targetState{targetName(name), counted[name].attempts, counted[name].failed})
	}
	slices.SortFunc(places, func(a, b limit.TargetState) int {
		if a.Down != b.Down {
			return map[bool]int{true: -1, false: 1}[a.Down]
		}
		return cmp.Or(cmp.Compare(a.Since, b.Since), compareKeys(&a.Key, &b.Key))
	})
	for _, p := range places[:min(len(places), maxPlaces)] {
		s.Places = append(s.Places, placeState{nameOfKey(p.Key, maxKeyName), p.Down, seconds(p.Since), seconds(p.Left), errorText(p.Err)})
	}
	return s
}

// id names a key's part of the page, the same each time.
func (k *keyState) id() string {
	h := fnv.New32a()
	h.Write([]byte(k.Name))
	return fmt.Sprintf("key-%08x", h.Sum32())
}
