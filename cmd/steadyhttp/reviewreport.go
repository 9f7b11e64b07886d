package main

import (
	"cmp"
	"encoding/json"
	"io"
	"slices"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// A reviewReport is what logs prints. Its texts are fit to be printed.
type reviewReport struct {
	First         time.Time       `json:"first,omitzero"`
	Last          time.Time       `json:"last,omitzero"`
	Lines         lineCounts      `json:"lines"`
	Interrupted   bool            `json:"interrupted,omitempty"` // before the end of the input
	Unread        []string        `json:"unread,omitempty"`      // why what could not be read
	Calls         callCounts      `json:"calls"`
	RecoveredFrom []reviewRepeat  `json:"recovered_from,omitempty"`
	Failures      []reviewFailure `json:"failures,omitempty"`
	OtherFailures int64           `json:"other_failures"` // of kinds that were too many to be told apart
	Attempts      reviewAttempts  `json:"attempts"`
	Waits         reviewWaits     `json:"waits"`
	Duration      reviewDuration  `json:"duration"`
	Slowest       []reviewCall    `json:"slowest"`
	Tokens        reviewTokens    `json:"tokens"`
	Quote         []reviewQuote   `json:"request_ids,omitempty"`
	Timeline      reviewTimeline  `json:"timeline"`
}

type reviewFailure struct {
	Count    int64     `json:"count"`
	Class    string    `json:"class"`
	Provider string    `json:"provider,omitempty"`
	Server   string    `json:"server"`
	Code     string    `json:"code,omitempty"`
	Last     time.Time `json:"last,omitzero"`
}

type reviewAttempts struct {
	Total    int64          `json:"total"`
	PerCall  float64        `json:"per_call"`
	Worst    *reviewServer  `json:"worst_server,omitempty"`
	Repeated []reviewRepeat `json:"repeated,omitempty"`
}

// A reviewRepeat counts what failed with a class and was tried again: attempts, or
// in RecoveredFrom the calls that succeeded then.
type reviewRepeat struct {
	Class string `json:"class"`
	Count int64  `json:"count"`
}

type reviewServer struct {
	Server   string  `json:"server"`
	Calls    int64   `json:"calls"`
	Attempts int64   `json:"attempts"`
	PerCall  float64 `json:"per_call"`
}

type reviewWaits struct {
	Total      reviewWait `json:"total"`
	ServerWait reviewWait `json:"server"`
	Throttled  reviewWait `json:"throttled"`
	Backoff    reviewWait `json:"backoff"`
}

// Sums are seconds, but no time.Duration: of very many calls they may exceed
// what that holds.
type reviewWait struct {
	Sum     float64 `json:"sum"`
	Longest seconds `json:"longest"` // of one call
}

type reviewDuration struct {
	P50     seconds `json:"p50"`
	P95     seconds `json:"p95"`
	P99     seconds `json:"p99"`
	Longest seconds `json:"longest"`
}

type reviewCall struct {
	Time      time.Time `json:"time,omitzero"`
	Duration  seconds   `json:"duration"`
	Method    string    `json:"method"`
	URL       string    `json:"url"`
	Status    int       `json:"status,omitempty"`
	Class     string    `json:"class"`
	Attempts  int64     `json:"attempts"`
	Retried   []string  `json:"retried_classes,omitempty"`
	Waited    seconds   `json:"waited"`
	RequestID string    `json:"request_id,omitempty"`
}

func newReviewCall(c *logCall) reviewCall {
	r := reviewCall{
		Time: c.at.UTC(), Duration: seconds(c.duration), Method: shown(c.method), URL: shown(c.url), Status: c.status,
		Class: c.class.String(), Attempts: c.attempts, Waited: seconds(c.waited), RequestID: shown(c.requestID),
	}
	for _, class := range c.tried {
		r.Retried = append(r.Retried, class.String())
	}
	return r
}

type reviewTokens struct {
	Input  int64 `json:"input"`
	Output int64 `json:"output"`
}

type reviewQuote struct {
	Class    string     `json:"class"`
	Requests []reviewID `json:"requests"` // the latest first
}

type reviewID struct {
	ID     string    `json:"id"`
	Server string    `json:"server"`
	Time   time.Time `json:"time,omitzero"`
}

type reviewTimeline struct {
	Start    time.Time `json:"start,omitzero"`
	Column   seconds   `json:"column"` // width
	Calls    []int64   `json:"calls"`
	Failures []int64   `json:"failures"`

	tallies []tally
}

func (r *reviewReport) writeJSON(w io.Writer) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(data, '\n'))
	return err
}

// report returns what there is to say. Here every text of the log is cleaned.
func (v *review) report() *reviewReport {
	v.mu.Lock()
	defer v.mu.Unlock()
	r := &reviewReport{
		First: v.first.UTC(), Last: v.last.UTC(),
		Lines: v.lines, Calls: v.calls,
		OtherFailures: v.otherKinds,
		Attempts:      reviewAttempts{Total: v.attempts, PerCall: ratio(v.attempts, v.calls.Total)},
		Waits: reviewWaits{
			Total: v.waited.report(), ServerWait: v.serverWait.report(),
			Throttled: v.throttled.report(), Backoff: v.backoff.report(),
		},
		Duration: reviewDuration{
			P50: seconds(v.durations.quantile(0.5)), P95: seconds(v.durations.quantile(0.95)),
			P99: seconds(v.durations.quantile(0.99)), Longest: seconds(v.durations.max),
		},
		Tokens: reviewTokens{v.inputTokens, v.outputTokens},
	}
	for kind, f := range v.failures {
		r.Failures = append(r.Failures, reviewFailure{
			Count: f.n, Class: kind.class.String(), Provider: shown(kind.provider), Server: shown(kind.server),
			Code: shown(kind.code), Last: f.last.UTC(),
		})
	}
	slices.SortFunc(r.Failures, func(a, b reviewFailure) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Server, b.Server), cmp.Compare(a.Class, b.Class), cmp.Compare(a.Code, b.Code), cmp.Compare(a.Provider, b.Provider))
	})
	r.Attempts.Worst = v.worst()
	r.Attempts.Repeated = repeats(v.tried[:])
	r.RecoveredFrom = repeats(v.recovered[:])
	for i := range v.slowest.calls {
		r.Slowest = append(r.Slowest, newReviewCall(&v.slowest.calls[i]))
	}
	for class, t := range v.quotable {
		q := reviewQuote{Class: steadyhttp.Class(class).String()}
		for _, c := range t.calls {
			q.Requests = append(q.Requests, reviewID{ID: shown(c.requestID), Server: shown(c.server), Time: c.at.UTC()})
		}
		if len(q.Requests) > 0 {
			r.Quote = append(r.Quote, q)
		}
	}
	start, width, columns := v.timeline.columns()
	r.Timeline = reviewTimeline{Start: start, Column: seconds(width), Calls: []int64{}, Failures: []int64{}, tallies: columns}
	for _, t := range columns {
		r.Timeline.Calls = append(r.Timeline.Calls, t.calls)
		r.Timeline.Failures = append(r.Timeline.Failures, t.failures)
	}
	return r
}

// repeats lists what was counted by class, the most first.
func repeats(byClass []int64) (all []reviewRepeat) {
	for class, n := range byClass {
		if n > 0 {
			all = append(all, reviewRepeat{steadyhttp.Class(class).String(), n})
		}
	}
	slices.SortStableFunc(all, func(a, b reviewRepeat) int { return cmp.Compare(b.Count, a.Count) })
	return all
}

// worst is the server that was sent the most attempts beside the first: one
// call that took six does less harm than a thousand that took two. It is nil if
// no call took more than one.
func (v *review) worst() *reviewServer {
	var name string
	var most serverCounts
	for n, s := range v.servers {
		extra := cmp.Compare(s.attempts-s.calls, most.attempts-most.calls)
		if extra > 0 || extra == 0 && s.attempts > s.calls && n < name {
			name, most = n, *s
		}
	}
	if most.attempts == most.calls {
		return nil
	}
	return &reviewServer{Server: shown(name), Calls: most.calls, Attempts: most.attempts, PerCall: ratio(most.attempts, most.calls)}
}

func (w waitSum) report() reviewWait {
	return reviewWait{Sum: float64(int64(w.seconds*1e6+0.5)) / 1e6, Longest: seconds(w.longest)}
}

// ratio is a/b to three places.
func ratio(a, b int64) float64 {
	if b == 0 {
		return 0
	}
	return float64(int64(float64(a)/float64(b)*1000+0.5)) / 1000
}

// shown makes a text of the log fit to be printed.
func shown(s string) string { return redact.Line(s, maxShown) }
