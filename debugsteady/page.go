package debugsteady

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// maxHeld bounds the table of what is held back: more fit no screen, and each key
// has its own part below.
const maxHeld = 12

var (
	//go:embed page.html
	pageText string
	//go:embed style.css
	style string

	styleHash = func() string {
		sum := sha256.Sum256([]byte(style))
		return base64.StdEncoding.EncodeToString(sum[:])
	}()

	pageTemplate = template.Must(template.New("page").Funcs(template.FuncMap{
		"clock": func(t time.Time) string { return t.Format("2006-01-02 15:04:05") },
		"stamp": func(t time.Time) string { return t.Format(time.RFC3339) },
		"span":  func(s seconds) string { return span(time.Duration(s)) },
		"group": func(n any) string { return group(toInt(n)) },
		"count": func(n int, what string) string { return count(int64(n), what) },
		"share": share,
	}).Parse(pageText))
)

func toInt(n any) int64 {
	switch n := n.(type) {
	case int:
		return int64(n)
	case int64:
		return n
	}
	return 0
}

// share is what part n is of all.
func share(n, all int64) string {
	if n == 0 || all == 0 {
		return "no attempt"
	}
	part := 100 * float64(n) / float64(all)
	if part < 0.1 {
		return "under 0.1% of attempts"
	}
	return fmt.Sprintf("%.3g%% of attempts", part)
}

// render writes the page of s.
func render(w *bytes.Buffer, s *state, refresh int) error {
	return pageTemplate.Execute(w, newPage(s, refresh))
}

// A page is a state in words, in the order of the page.
type page struct {
	*state
	Style          template.CSS
	Refresh        int // seconds; 0 is never
	DefaultRefresh int
	MaxFailures    int
	Title          string
	Says           string // the first line: what is the matter
	Mood           string // its colour
	Notice         string
	Held           []*keyView
	failing, asked int // closed gates
	Keys           []*keyView
	Quiet          []*keyView // those of which there is little to tell but a picture
	Others         []*keyView // those that are shown in a line

	Since         time.Time
	For           string
	Amplification string
	Rate          string
	Outcomes      int64 // attempts that were sent and ended
	Picture       *picture
}

func newPage(s *state, refresh int) *page {
	p := &page{state: s, Style: template.CSS(style), Refresh: refresh, DefaultRefresh: defaultRefresh, MaxFailures: maxFailures}
	ids := make(map[string]bool, len(s.Keys))
	for i := range s.Keys {
		v := newKeyView(&s.Keys[i])
		if ids[v.ID] { // names that were cut to the same
			v.ID += "-" + strconv.Itoa(i)
		}
		ids[v.ID] = true
		if v.Gate != nil || v.Waiting.held {
			p.hold(v)
		}
		switch {
		case i >= maxPictures:
			p.Others = append(p.Others, v)
		case v.Quiet():
			v.draw()
			p.Quiet = append(p.Quiet, v)
		default:
			v.draw()
			p.Keys = append(p.Keys, v)
		}
	}
	p.say()
	if t := s.Totals; t != nil {
		p.Since, p.For = *s.RecordedSince, "for "+span(s.Time.Sub(*s.RecordedSince))
		p.Outcomes = t.Answered + t.Refused + t.Failed
		p.Amplification = "–"
		if t.Calls > 0 {
			p.Amplification = fmt.Sprintf("%.2f", float64(t.Amplification))
		}
		p.Rate, p.Picture = amount(rounded(float64(s.Rate))), draw(s.columns)
		if t.Attempts+t.UnderWay+p.Outcomes == 0 && len(s.Keys) > 0 {
			p.Notice = "No call was recorded, although the Transport knows these keys: its calls come over another Transport that shares the Throttler, or debugsteady.Handler was called after the Transport's first request. Call it before, to see pictures, counts and failures."
		}
	} else {
		p.Notice = "No history is recorded: there are no pictures, counts and failures."
	}
	return p
}

// hold notes a key that holds requests back.
func (p *page) hold(v *keyView) {
	switch {
	case v.Gate == nil:
	case v.Gate.Why == limit.GateFailing:
		p.failing++
	default:
		p.asked++
	}
	if len(p.Held) < maxHeld {
		p.Held = append(p.Held, v)
	}
}

// say makes the first line: what is the matter.
func (p *page) say() {
	var parts []string
	if p.Waiting > 0 {
		p.Mood = "wait"
		p.Title = count(int64(p.Waiting), "request") + " waiting"
		parts = append(parts, fmt.Sprintf("%s %s, the longest for %s.", count(int64(p.Waiting), "request"), verb(p.Waiting, "waits", "wait"), span(time.Duration(p.LongestWait))))
	}
	if p.asked > 0 {
		p.Mood = "warn"
		parts = append(parts, fmt.Sprintf("%s %s paused, as a server asked.", count(int64(p.asked), "key"), verb(p.asked, "is", "are")))
	}
	if p.failing > 0 {
		p.Mood = "bad"
		parts = append(parts, fmt.Sprintf("%s %s failing: probes find out when it is over.", count(int64(p.failing), "key"), verb(p.failing, "is", "are")))
	}
	switch {
	case len(p.state.Keys) == 0:
		p.Title = "Nothing sent yet"
		parts = append(parts, "Nothing has been sent yet.")
	case len(parts) == 0:
		p.Title = "Nothing held back"
		parts = append(parts, "Nothing is held back.")
	case p.Title == "":
		p.Title = "Gates closed"
	}
	if p.WouldHold > 0 {
		parts = append(parts, fmt.Sprintf("Inference only observes: %s went that would have been held back.", count(p.WouldHold, "request")))
	}
	p.Says = strings.Join(parts, " ")
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

// rounded is a rate in three digits, without those that only flicker.
func rounded(x float64) float64 {
	if x >= 10 {
		return math.Round(x)
	}
	return math.Round(x*10) / 10
}

// Ago is how long before the page t was.
func (p *page) Ago(t time.Time) string { return span(p.Time.Sub(t)) }

// Nothing reports that there is no key to show.
func (p *page) Nothing() bool { return len(p.state.Keys) == 0 }
