package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

const (
	margin = 17 // where the text begins, right of the names
	width  = 96 // of a line, of which nothing but a long word goes further
)

// clock is how points in time are shown.
const clock = "2006-01-02 15:04:05 MST"

// A sheet is the text of a report as it grows.
type sheet struct{ strings.Builder }

// line writes text under a name, on as many lines as it needs, and nothing if
// there is no text. Whatever comes in is cleaned once more: the last door
// before a terminal.
func (s *sheet) line(name, format string, args ...any) {
	s.wrap(name, "", fmt.Sprintf(format, args...))
}

func (s *sheet) list(name string, items []string) {
	for _, item := range items {
		s.wrap(name, "- ", item)
		name = ""
	}
}

func (s *sheet) wrap(name, bullet, text string) {
	text = redact.Line(text, 4*maxShown)
	if text == "" {
		return
	}
	fmt.Fprintf(s, "%-*s%s", margin, name, bullet)
	indent := margin + len(bullet)
	column := indent
	for i, word := range strings.Fields(text) {
		n := columns(word)
		switch {
		case i == 0:
		case column+1+n > width && n <= width-indent:
			fmt.Fprintf(s, "\n%*s", indent, "")
			column = indent
		default:
			s.WriteByte(' ')
			column++
		}
		if n <= width-indent {
			s.WriteString(word)
			column += n
			continue
		}
		for _, r := range word { // Chinese has no spaces
			c := columns(string(r))
			if column+c > width {
				fmt.Fprintf(s, "\n%*s", indent, "")
				column = indent
			}
			s.WriteRune(r)
			column += c
		}
	}
	s.WriteByte('\n')
}

// text is the report for people.
func (r *report) text() string {
	var s sheet
	switch r.Outcome {
	case failure:
		s.line("Failure", "%s (%s)", r.Class, r.title())
		s.line("What happened", "%s", r.Description)
		name := "The server said"
		if r.errorText {
			name = "Error"
		}
		s.line(name, "%s", r.said())
		s.line("Provider", "%s", r.Provider)
		s.line("Code", "%s", r.Code)
		s.line("Parameter", "%s", r.Param)
		s.line("Request id", "%s", r.RequestID)
	case undecided:
		s.line("Cannot tell", "because %s", r.Because)
		for i, p := range r.MayBe {
			with := ""
			if len(p.Statuses) > 0 {
				with = ", with status " + numbers(p.Statuses)
			}
			s.line(once(i, "It may be"), "%s%s", p.Class, with)
		}
		s.line("The server said", "%s", r.said())
		s.line("Provider", "%s", r.Provider)
		s.line("Code", "%s", r.Code)
		s.line("Request id", "%s", r.RequestID)
		s.list("To be added", r.Add)
	case recovered:
		s.line("Recovered", "the call succeeded (%s) after %s", r.title(), count(r.Call.Attempts-1, "failed attempt"))
	default:
		s.line("Success", "%s: there is nothing wrong with it", r.title())
	}
	if r.Call == nil {
		s.line("Request", "%s", r.Request)
	}
	s.line("Taken from", "%s", r.Input)
	s.list("Evidence", r.Evidence)
	s.call(r.Call)
	if r.Call != nil && (r.Retry == nil || r.Call.Stopped != r.Retry.Why) {
		s.line("Retry stopped", "%s", r.Call.Stopped)
	}
	s.retry(r.Retry)
	if r.Retry != nil && r.Retry.Window > 0 {
		s.line("Limit window", "%s", words(time.Duration(r.Retry.Window)))
	}
	for i, l := range r.RateLimit {
		s.line(once(i, "Limits"), "%s", l.text())
	}
	s.line("Applies to", "%s", r.concerns())
	s.list("Usual causes", r.Causes)
	s.list("What helps", r.Solutions)
	s.line("Hint", "%s", r.Hint)
	s.line("Tell your users", "%s", r.UserMessage)
	if l := r.Log; l != nil {
		s.line("In the log", "%s", l.text(r.Outcome))
	}
	for i, note := range r.Notes {
		s.line(once(i, "Note"), "%s", note)
	}
	return s.String()
}

// said is the server's message; a code alone is shown where codes are.
func (r *report) said() string {
	if r.Message == r.Code {
		return ""
	}
	return r.Message
}

func (r *report) concerns() string {
	if len(r.Scope) == 0 {
		return ""
	}
	text := "all requests with the same " + and(r.Scope)
	if r.ScopeName != "" {
		text += " (" + r.ScopeName + ")"
	}
	return text
}

func (s *sheet) retry(a *advice) {
	if a == nil {
		return
	}
	again, why := "", a.Why
	switch a.Verdict {
	case undecided:
		again = "cannot tell"
	case no:
		again = "no: the same request would fail again"
	case risky:
		again = "not automatically: it may be carried out twice"
	case later:
		again = "yes, but not soon"
	case yes:
		again = "yes"
	}
	switch {
	case a.After != nil && a.Verdict == undecided:
		why = fmt.Sprintf("the server asked for a wait of %s (%s); whether a repeat helps depends on the class", waitWords(time.Duration(*a.After)), a.Source)
	case a.After != nil && (a.spent || a.Verdict == no):
		why += fmt.Sprintf("; the wait of %s that the server named (%s) does not help", words(time.Duration(*a.After)), a.Source)
	case a.After != nil:
		again += ", " + a.when()
	case a.Verdict == yes:
		again += ", with growing waits: the server named none"
	}
	if a.spent {
		again = "not within minutes"
	}
	s.line("Try again", "%s", again)
	s.line("Why", "%s", why)
}

// when tells the wait that the server asked for.
func (a *advice) when() string {
	asked := fmt.Sprintf("%s after the response (%s)", words(time.Duration(*a.After)), a.Source)
	if time.Duration(*a.After) >= longest {
		return fmt.Sprintf("a year or more after the response (%s)", a.Source)
	}
	if *a.After == 0 {
		asked = fmt.Sprintf("at once (%s)", a.Source)
	}
	if a.NotBefore == nil {
		return asked
	}
	at := a.NotBefore.Local().Format(clock)
	if a.Over {
		return fmt.Sprintf("%s: that was %s, so now", asked, at)
	}
	return fmt.Sprintf("%s: not before %s", asked, at)
}

func (s *sheet) call(c *call) {
	if c == nil {
		return
	}
	s.line("Request", "%s %s", c.Method, c.URL)
	if c.Time != nil {
		s.line("Logged", "%s", c.Time.Local().Format(clock))
	}
	took := fmt.Sprintf("%s in %s", count(c.Attempts, "attempt"), words(time.Duration(c.Duration)))
	if c.Waited > 0 {
		took += ", of which " + words(time.Duration(c.Waited)) + " spent waiting"
	}
	if c.Throttled > 0 {
		took += " (" + words(time.Duration(c.Throttled)) + " in a Throttler)"
	}
	s.line("Took", "%s", took)
	for i, name := range c.RetriedClasses {
		if slices.Contains(c.RetriedClasses[:i], name) {
			continue
		}
		times := 0
		for _, other := range c.RetriedClasses {
			if other == name {
				times++
			}
		}
		s.line(once(i, "Retried after"), "%s (%s): %s", name, count(times, "time"), classNamed(name).Description())
	}
}

func (l limit) text() string {
	of := strings.ReplaceAll(strings.TrimSpace(l.Unit), "_", " ")
	if of == "" {
		of = "unit not stated"
	}
	if l.Name != "" {
		of += " (" + l.Name + ")"
	}
	switch {
	case l.Remaining != nil && l.Limit != nil:
		of += fmt.Sprintf(": %d of %d left", *l.Remaining, *l.Limit)
	case l.Remaining != nil:
		of += fmt.Sprintf(": %d left", *l.Remaining)
	case l.Limit != nil:
		of += fmt.Sprintf(": %d", *l.Limit)
	}
	if l.Window > 0 {
		of += " in " + words(time.Duration(l.Window))
	}
	if l.Reset != nil {
		of += ", renewed in " + words(time.Duration(*l.Reset))
	}
	return of
}

func (c counts) text(outcome string) string {
	switch {
	case outcome != failure:
		return fmt.Sprintf("none of %s failed; this is the last", count(c.Entries, "call"))
	case c.Failures == 1:
		return fmt.Sprintf("the only failure among %s", count(c.Entries, "call"))
	}
	return fmt.Sprintf("the last of %d failures among %s", c.Failures, count(c.Entries, "call"))
}
