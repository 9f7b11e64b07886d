package debugsteady

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// A keyView is a key in words.
type keyView struct {
	*keyState
	ID      string
	Mood    string // the colour of its edge
	Tags    []tag
	Now     string // its rate
	Rows    []limitRow
	Facts   []fact
	Picture *picture
}

// A tag says in a word or two what is the matter with a key.
type tag struct{ Text, Mood string }

// A fact is a line about a key.
type fact struct{ Name, Text string }

// A limitRow is a limit in words, and a gauge of what is left of it.
type limitRow struct {
	Limit, From, Left string
	HasGauge          bool
	Gauge             int // percent
	GaugeClass        string
}

func newKeyView(k *keyState) *keyView {
	v := &keyView{keyState: k, ID: k.id()}
	if k.History != nil {
		v.Now = amount(rounded(float64(k.Rate))) + "/s"
	}
	if k.UnderWay > 0 {
		v.Now = strings.TrimPrefix(v.Now+", ", ", ") + group(int64(k.UnderWay)) + " under way"
	}
	for i := range k.Limits {
		v.Rows = append(v.Rows, rowOf(&k.Limits[i]))
	}
	if k.MoreLimit > 0 {
		v.Rows = append(v.Rows, limitRow{Limit: count(int64(k.MoreLimit), "limit") + " more"})
	}
	if k.Adaptive > 0 {
		from := "found"
		if k.Reopening {
			from = "pace"
		}
		v.Rows = append(v.Rows, limitRow{Limit: limitWords("requests", rounded(float64(k.Adaptive)), time.Second), From: from})
	}
	v.tell()
	return v
}

func rowOf(l *limitState) limitRow {
	r := limitRow{Limit: limitWords(l.Unit, float64(l.Limit), l.window), From: l.From, Left: amount(math.Round(float64(l.Left)))}
	if part := float64(l.Left) / float64(l.Limit); l.Limit > 0 && !math.IsNaN(part) {
		r.HasGauge, r.Gauge, r.GaugeClass = true, int(100*min(max(part, 0), 1)), "left"
		if part < 0.1 {
			r.GaugeClass = "low"
		}
	}
	return r
}

// tell adds what there is to say of the key, and picks its colour.
func (v *keyView) tell() {
	if n := v.WouldHold; n > 0 {
		v.Mood = "warn"
		v.Tags = append(v.Tags, tag{"observed", "warn"})
		v.fact("Observed", fmt.Sprintf("%s went that would have been held back", count(n, "request")))
	}
	switch w := &v.Waiting; {
	case w.held:
		v.Mood = "wait"
		v.Tags = append(v.Tags, tag{group(int64(w.All)) + " waiting", "wait"})
		v.fact("Waiting", fmt.Sprintf("%s, the first for %s", v.ByPriority(), span(time.Duration(w.Oldest))))
		if v.Gate == nil { // else that says it
			v.fact("Held by", w.Why)
		}
	case w.HeldBy != "":
		v.fact("Waiting", v.ByPriority())
		v.fact("Held by", w.HeldBy)
	}
	if g := v.Gate; g != nil {
		t := tag{"paused", "warn"}
		if g.Why == limit.GateFailing {
			t = tag{"failing", "bad"}
		}
		v.Mood, v.Tags = t.Mood, append([]tag{t}, v.Tags...)
		v.fact("Gate", "closed; "+v.nextInWords())
		v.fact("Shut by", g.Error)
	}
	v.fact("Evidence", v.Evidence)
}

func (v *keyView) fact(name, text string) {
	if text != "" {
		v.Facts = append(v.Facts, fact{name, text})
	}
}

// ByPriority is how many wait of each priority, those of none left out.
func (v *keyView) ByPriority() string {
	var parts []string
	for _, of := range []struct {
		n    int
		name string
	}{{v.Waiting.Urgent, "urgent"}, {v.Waiting.Normal, "normal"}, {v.Waiting.Batch, "batch"}} {
		if of.n > 0 {
			parts = append(parts, group(int64(of.n))+" "+of.name)
		}
	}
	if parts == nil {
		return "–"
	}
	return strings.Join(parts, ", ")
}

// draw makes the picture, if there is a history.
func (v *keyView) draw() {
	if v.columns != nil {
		v.Picture = draw(v.columns)
	}
}

// Quiet reports whether there is little to tell but the picture.
func (v *keyView) Quiet() bool {
	return v.columns != nil && v.Mood == "" && v.Rows == nil && v.Evidence == ""
}

// HeldWhy is what holds the key's requests back, or would.
func (v *keyView) HeldWhy() string {
	why := v.Waiting.Why
	if g := v.Gate; g != nil && g.Why == limit.GateFailing {
		why = "its requests are failing"
	} else if g != nil {
		why = "a server asked for a pause"
	}
	if v.WouldHold > 0 && v.Waiting.All == 0 {
		why += "; only observed, nobody is held"
	}
	return why
}

// Next is when the next request goes, or may.
func (v *keyView) Next() string {
	switch g := v.Gate; {
	case g == nil:
		return "–"
	case g.Probing:
		return "a probe is under way"
	case *g.NextProbe <= 0:
		return "now"
	default:
		return "in " + span(time.Duration(*g.NextProbe))
	}
}

func (v *keyView) nextInWords() string {
	left := time.Duration(v.Gate.Left)
	switch g := v.Gate; {
	case g.Probing:
		return "a probe is under way"
	case left <= 0:
		return "the next request goes at once, as a probe"
	case time.Duration(*g.NextProbe) < left:
		return fmt.Sprintf("open in %s, and one request tries it in %s", span(left), span(time.Duration(*g.NextProbe)))
	default:
		return "the next request goes in " + span(left) + ", as a probe"
	}
}

// First is the key's first limit; nil if there is none.
func (v *keyView) First() *limitRow {
	if len(v.Rows) == 0 {
		return nil
	}
	return &v.Rows[0]
}
