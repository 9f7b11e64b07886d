package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// What one line has room for. -json shows all.
const (
	maxRows     = 20 // of failures
	maxName     = 32 // of a server, a code, a request id
	maxURL      = 72
	tableIndent = "  "
	noText      = "-"
	clockOfDay  = "15:04:05"       // of a log of one day
	clockOfYear = "01-02 15:04:05" // of a longer one

	// summed says why a wait may be longer than the log.
	summed = "summed over concurrent calls"
)

// text is the report for people.
func (r *reviewReport) text() string {
	var s reviewSheet
	first, last := r.First.Local(), r.Last.Local()
	switch {
	case first.Format(time.DateOnly) == last.Format(time.DateOnly):
		s.clock = clockOfDay
	case last.Sub(first) < 300*day:
		s.clock = clockOfYear
	default:
		s.clock = time.DateOnly
	}
	s.head(r)
	s.calls(r)
	s.timeline(&r.Timeline)
	s.failures(r)
	s.waits(r)
	s.slowest(r.Slowest)
	s.quote(r.Quote)
	return s.String()
}

// A reviewSheet is the text as it grows.
type reviewSheet struct {
	strings.Builder
	clock string // layout for points in time
}

func (s *reviewSheet) head(r *reviewReport) {
	for _, why := range r.Unread {
		s.row("Not reviewed", why)
	}
	if r.Interrupted {
		s.row("Note", "interrupted: the input was not read to its end")
	}
	if r.First.IsZero() {
		s.row("Seen", "at unknown times")
	} else {
		length := r.Last.Sub(r.First)
		s.row("First seen", r.First.Local().Format(clock))
		s.row("Last seen", r.Last.Local().Format(clock)+", "+words(length.Round(time.Second))+" later")
	}
	if rest := r.Lines.rest(); rest != "" {
		s.row("Skipped", rest)
	}
	if n := r.Lines.Outside; n > 0 {
		s.row("Excluded", fmt.Sprintf("%s outside -since and -until", callsCount(n)))
	}
	if n := r.Lines.Undated; n > 0 {
		s.row("Note", fmt.Sprintf("%s without a readable time", callsCount(n)))
	}
	if r.Calls.Succeeded == 0 {
		s.row("Note", "no call succeeded at once, or those are not in the log: they are logged at debug")
		s.row("", "level, which zap's production setup leaves out. Percentages are of the logged calls.")
	}
}

// row writes a name and a text beside it.
func (s *reviewSheet) row(name, text string) { fmt.Fprintf(s, "%-*s%s\n", margin, name, text) }

func (s *reviewSheet) calls(r *reviewReport) {
	rows := [][]string{{"Calls", grouped(r.Calls.Total), ""}}
	for _, o := range r.Calls.outcomes() {
		if o.n == 0 {
			continue
		}
		if o.name == "recovered" && len(r.RecoveredFrom) > 0 {
			o.what = "from " + countsOf(r.RecoveredFrom)
		}
		rows = append(rows, []string{tableIndent + o.name, grouped(o.n), percent(o.n, r.Calls.Total) + "  " + o.what})
	}
	s.WriteByte('\n')
	s.table("", "lrl", rows)
}

// An outcome is what became of some calls.
type outcome struct {
	name string
	n    int64
	what string
}

func (c *callCounts) outcomes() []outcome {
	return []outcome{
		{"succeeded", c.Succeeded, "at once"},
		{"recovered", c.Recovered, "after more than one attempt"},
		{"refused", c.Refused, "the request, the account or a limit is at fault"},
		{"failed", c.Failed, "the server or the network is at fault"},
		{"canceled", c.Canceled, "the caller gave up"},
	}
}

// countsOf lists classes with their counts.
func countsOf(all []reviewRepeat) string {
	var parts []string
	for _, r := range all {
		parts = append(parts, grouped(r.Count)+" "+r.Class)
	}
	return strings.Join(parts, ", ")
}

func percent(n, of int64) string { return fmt.Sprintf("%5.1f%%", 100*float64(n)/float64(of)) }

func (s *reviewSheet) timeline(t *reviewTimeline) {
	if len(t.tallies) == 0 {
		return
	}
	calls, mostCalls := bars(t.tallies, func(t tally) int64 { return t.calls })
	failures, mostFailures := bars(t.tallies, func(t tally) int64 { return t.failures })
	width := time.Duration(t.Column)
	fmt.Fprintf(s, "\nTimeline, %s a column\n", words(width))
	s.row(tableIndent+"calls", fmt.Sprintf("%s  at most %s", calls, grouped(mostCalls)))
	if mostFailures > 0 {
		s.row(tableIndent+"failures", fmt.Sprintf("%s  at most %s", failures, grouped(mostFailures)))
	}
	from := t.Start.Local().Format(s.clock)
	to := t.Start.Add(time.Duration(len(t.tallies)) * width).Local().Format(s.clock)
	gap := max(len(t.tallies)-len(from)-len(to), 0)
	if gap == 0 {
		from += " to "
	}
	s.row("", from+strings.Repeat(" ", gap)+to)
}

func (s *reviewSheet) failures(r *reviewReport) {
	if len(r.Failures) == 0 {
		return
	}
	rows := [][]string{{"count", "class", "provider", "server", "code", "last"}}
	rest, kinds := r.OtherFailures, 0
	for i, f := range r.Failures {
		if i >= maxRows {
			rest += f.Count
			kinds++
			continue
		}
		rows = append(rows, []string{grouped(f.Count), f.Class, short(f.Provider), short(f.Server), short(f.Code), s.time(f.Last)})
	}
	s.WriteString("\nFailures\n")
	s.table(tableIndent, "rlllll", rows)
	switch {
	case r.OtherFailures > 0:
		fmt.Fprintf(s, tableIndent+"and %s of other kinds\n", grouped(rest))
	case rest > 0:
		fmt.Fprintf(s, tableIndent+"and %s of %s\n", grouped(rest), count(kinds, "other kind"))
	}
}

func (s *reviewSheet) waits(r *reviewReport) {
	s.WriteByte('\n')
	a := &r.Attempts
	s.row("Attempts", fmt.Sprintf("%s, which is %s a call", grouped(a.Total), decimal(a.PerCall)))
	if w := a.Worst; w != nil {
		s.row(tableIndent+"most retried", fmt.Sprintf("%s: %s, which is %s a call", short(w.Server), grouped(w.Attempts), decimal(w.PerCall)))
	}
	if len(a.Repeated) > 0 {
		s.row(tableIndent+"retried after", countsOf(a.Repeated))
	}
	w := &r.Waits
	if w.Total.Sum > 0 {
		s.row("Waited", took(w.Total.Sum)+" "+summed+", the longest call "+took(secondsOf(w.Total.Longest)))
		for _, part := range []struct {
			name string
			wait reviewWait
			what string
		}{
			{"server", w.ServerWait, "asked for by a server"},
			{"throttled", w.Throttled, "in a Throttler"},
			{"backoff", w.Backoff, "the Retrier's backoff"},
		} {
			if part.wait.Sum > 0 {
				s.row(tableIndent+part.name, fmt.Sprintf("%s, the longest %s: %s", took(part.wait.Sum), took(secondsOf(part.wait.Longest)), part.what))
			}
		}
	}
	d := &r.Duration
	s.row("Duration", fmt.Sprintf("half within %s, 95%% within %s, 99%% within %s, the longest %s",
		took(secondsOf(d.P50)), took(secondsOf(d.P95)), took(secondsOf(d.P99)), took(secondsOf(d.Longest))))
	if t := r.Tokens; t.Input+t.Output > 0 {
		s.row("Tokens", fmt.Sprintf("%s in, %s out", grouped(t.Input), grouped(t.Output)))
	}
}

func (s *reviewSheet) slowest(calls []reviewCall) {
	rows := [][]string{{"duration", "waited", "status", "outcome", "request id", "time"}}
	for _, c := range calls {
		status := noText
		if c.Status != 0 {
			status = strconv.Itoa(c.Status)
		}
		waiting := noText
		if c.Waited > 0 {
			waiting = took(secondsOf(c.Waited))
		}
		rows = append(rows,
			[]string{took(secondsOf(c.Duration)), waiting, status, c.outcome(), short(c.RequestID), s.time(c.Time)},
			[]string{redact.Line(c.Method+" "+c.URL, maxURL)})
	}
	s.WriteString("\nSlowest\n")
	s.table(tableIndent, "rrllll", rows)
}

// outcome is the class of a failure, or what a success came after.
func (c *reviewCall) outcome() string {
	switch {
	case c.Class != steadyhttp.None.String():
		return c.Class
	case len(c.Retried) == 0:
		return "succeeded"
	}
	var from []string
	for _, class := range c.Retried {
		if !slices.Contains(from, class) {
			from = append(from, class)
		}
	}
	return redact.Line("recovered from "+strings.Join(from, ", "), maxURL)
}

func (s *reviewSheet) quote(all []reviewQuote) {
	if len(all) == 0 {
		return
	}
	rows := [][]string{{"class", "request id", "server", "time"}}
	for _, q := range all {
		for i, id := range q.Requests {
			rows = append(rows, []string{once(i, q.Class), id.ID, short(id.Server), s.time(id.Time)})
		}
	}
	s.WriteString("\nRequest ids to quote\n")
	s.table(tableIndent, "llll", rows)
}

// table writes rows in columns, each aligned to the left or to the right. A row
// of one cell stands under the first column and makes it no wider.
func (s *reviewSheet) table(indent, align string, rows [][]string) {
	widths := make([]int, len(align))
	for _, row := range rows {
		for i, cell := range row {
			if len(row) > 1 {
				widths[i] = max(widths[i], columns(cell))
			}
		}
	}
	for _, row := range rows {
		if len(row) == 1 {
			fmt.Fprintf(s, "%s%s%s\n", indent, strings.Repeat(" ", widths[0]+2), row[0])
			continue
		}
		var line strings.Builder
		for i, cell := range row {
			gap := strings.Repeat(" ", widths[i]-columns(cell))
			if align[i] == 'r' {
				cell, gap = gap+cell, ""
			}
			line.WriteString(cell + gap + "  ")
		}
		s.WriteString(indent + strings.TrimRight(line.String(), " ") + "\n")
	}
}

func (s *reviewSheet) time(t time.Time) string {
	if t.IsZero() {
		return noText
	}
	return t.Local().Format(s.clock)
}

func short(s string) string {
	if s == "" {
		return noText
	}
	return redact.Line(s, maxName)
}

func callsCount(n int64) string {
	if n == 1 {
		return "1 call"
	}
	return grouped(n) + " calls"
}

func secondsOf(s seconds) float64 { return time.Duration(s).Seconds() }

// took tells seconds in as few figures as matter.
func took(s float64) string {
	if s >= (100 * day).Seconds() { // the sum of very many calls may be centuries
		return grouped(int64(s/day.Seconds())) + " days"
	}
	d := time.Duration(s * float64(time.Second))
	switch {
	case d < time.Millisecond:
		d = d.Round(time.Microsecond)
	case d < time.Second:
		d = d.Round(time.Millisecond)
	case d < 10*time.Second:
		d = d.Round(10 * time.Millisecond)
	case d < time.Minute:
		d = d.Round(100 * time.Millisecond)
	default:
		d = d.Round(time.Second)
	}
	return d.String()
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 2, 64) }

// grouped writes n with commas: logs have millions.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
