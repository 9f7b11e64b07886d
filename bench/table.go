package bench

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// A Unit is how a figure is written.
type Unit uint8

// The units of figures.
const (
	Count   Unit = iota // 3
	Ratio               // 1.023
	Share               // 99.1%, of 0.991
	Span                // a duration, of nanoseconds
	Nanos               // 430 ns
	Bytes               // 2.1 MiB
	YesOrNo             // yes, of more than a half
)

// Better is which of two figures is the better one.
type Better int8

// The directions of figures.
const (
	Neither Better = 0
	Lower   Better = -1
	Higher  Better = 1
)

// A Column is one thing that is measured of every contender.
type Column struct {
	Name   string
	Unit   Unit
	Better Better
	Goal   *float64 // what our figure must not be worse than; nil is no goal
	Short  bool     // stands in the page's summary
	Joined bool     // stands in the cell of the column before, after a slash
}

// A Row is the figures of one contender, NaN where there is none.
type Row struct {
	Contender Contender
	Figures   []float64
}

// A Table answers one question. Unless it is Timed, its first column says whether
// the contender did what it was asked to; the others, what that took.
type Table struct {
	Title, About string
	Columns      []Column
	Rows         []Row
	Timed        bool // in real time, on a machine that others may use too

	// Open names the rows that still miss a goal and are known to. The page says
	// so in any case; a test fails where another row misses one, or one of these
	// meets all of them.
	Open []string
}

func goal(f float64) *float64 { return &f }

// noise is how much better a figure must be to be called better.
func (t *Table) noise() float64 {
	if t.Timed {
		return 0.05
	}
	return 0.02
}

// ours returns the row that the others are compared with.
func (t *Table) ours() (Row, bool) {
	i := slices.IndexFunc(t.Rows, func(r Row) bool { return r.Contender.Kind == Ours })
	if i < 0 {
		return Row{}, false
	}
	return t.Rows[i], true
}

// Missed lists where our figures miss a goal.
func (t *Table) Missed() []string {
	var list []string
	for _, r := range t.Rows {
		list = append(list, t.missedBy(r)...)
	}
	return list
}

// missedBy lists where r, if it is one of ours, misses a goal.
func (t *Table) missedBy(r Row) (list []string) {
	if r.Contender.Kind != Ours && !r.Contender.Held {
		return nil
	}
	for i, c := range t.Columns {
		f := r.Figures[i]
		if c.Goal != nil && (math.IsNaN(f) || float64(c.Better)*(f-*c.Goal) < 0) {
			list = append(list, fmt.Sprintf("%s, %s: %s %s, want %s", t.Title, c.Name, r.Contender.Name, c.Unit.Write(f), c.wants()))
		}
	}
	return list
}

// Unexpected lists the goals that are missed by rows that are not Open, and the
// rows that are although they meet all.
func (t *Table) Unexpected() []string {
	var list []string
	for _, r := range t.Rows {
		missed := t.missedBy(r)
		switch open := slices.Contains(t.Open, r.Contender.Name); {
		case !open:
			list = append(list, missed...)
		case len(missed) == 0:
			list = append(list, fmt.Sprintf("%s: %s meets all goals by now, so it is not open", t.Title, r.Contender.Name))
		}
	}
	return list
}

// Goals is a sentence on the goals of the table, "" if it has none.
func (t *Table) Goals() string {
	var list []string
	for _, c := range t.Columns {
		if c.Goal != nil {
			list = append(list, c.Name+" "+c.wants())
		}
	}
	if len(list) == 0 {
		return ""
	}
	return "Our goals: " + strings.Join(list, "; ") + "."
}

func (c Column) wants() string {
	if c.Unit == YesOrNo {
		return c.Unit.Write(*c.Goal)
	}
	if c.Better == Higher {
		return "at least " + c.Unit.Write(*c.Goal)
	}
	return "at most " + c.Unit.Write(*c.Goal)
}

// Losses lists the columns in which rivals have better figures than we. In fair
// are rivals that did what was asked for as well as we, by the table's first
// column; in cheap those that save by doing less of it.
func (t *Table) Losses() (fair, cheap []string) {
	ours, ok := t.ours()
	if !ok {
		return nil, nil
	}
	first := t.Columns[0]
	for i, c := range t.Columns {
		var better, saved []string
		for _, r := range t.Rows {
			if c.Better == Neither || r.Contender.Kind != Rival || !t.beats(c, r.Figures[i], ours.Figures[i]) {
				continue
			}
			s := r.Contender.Name + " " + c.Unit.Write(r.Figures[i])
			if !t.didAsMuch(r, ours) {
				saved = append(saved, fmt.Sprintf("%s with %s %s", s, first.Name, first.Unit.Write(r.Figures[0])))
			} else {
				better = append(better, s)
			}
		}
		we := fmt.Sprintf("%s, %s: we %s, ", t.Title, c.Name, c.Unit.Write(ours.Figures[i]))
		if better != nil {
			fair = append(fair, we+strings.Join(better, ", "))
		}
		if saved != nil {
			cheap = append(cheap, we+strings.Join(saved, ", "))
		}
	}
	return fair, cheap
}

// Summary is the lines of the table in the page's summary: for each column that
// belongs there ours, bare's, and those of the best and the worst rival. But for
// the first column, only rivals count that did as much of what was asked for.
func (t *Table) Summary() string {
	var b strings.Builder
	ours, ok := t.ours()
	for i, c := range t.Columns {
		if !c.Short || !ok {
			continue
		}
		var floor string
		var rivals []float64
		for _, r := range t.Rows {
			switch {
			case r.Contender.Kind == Rival && (i == 0 || t.didAsMuch(r, ours)):
				rivals = append(rivals, r.Figures[i])
			case r.Contender.Kind == Floor && floor == "":
				floor = c.Unit.Write(r.Figures[i])
			}
		}
		slices.Sort(rivals)
		if c.Better == Higher {
			slices.Reverse(rivals)
		}
		theirs := "none"
		if len(rivals) > 0 {
			theirs = c.Unit.Write(rivals[0])
			if worst := c.Unit.Write(rivals[len(rivals)-1]); worst != theirs {
				theirs += " to " + worst
			}
		}
		fmt.Fprintf(&b, "| %s: %s | %s | %s | %s |\n", t.Title, c.Name, c.Unit.Write(ours.Figures[i]), theirs, floor)
	}
	return b.String()
}

// didAsMuch reports whether r did what was asked for as well as ours.
func (t *Table) didAsMuch(r, ours Row) bool {
	return t.Timed || !t.beats(t.Columns[0], ours.Figures[0], r.Figures[0])
}

// beats reports whether a is better than b by more than noise, and looks it.
func (t *Table) beats(c Column, a, b float64) bool {
	gain := float64(c.Better) * (a - b)
	return gain > t.noise()*math.Abs(b) && c.Unit.Write(a) != c.Unit.Write(b)
}

// Markdown is the table as the page has it.
func (t *Table) Markdown() string {
	var b strings.Builder
	b.WriteString("| |")
	rule := "|---|"
	for _, c := range t.Columns {
		if !c.Joined {
			b.WriteString(" " + c.Name + " |")
			rule += "---:|"
		}
	}
	b.WriteString("\n" + rule + "\n")
	for _, r := range t.Rows {
		name := r.Contender.Name
		if r.Contender.Kind == Ours {
			name = "**" + name + "**"
		}
		b.WriteString("| " + name)
		for i, c := range t.Columns {
			between := " | "
			if c.Joined {
				between = " / "
			}
			b.WriteString(between + c.Unit.Write(r.Figures[i]))
		}
		b.WriteString(" |\n")
	}
	return b.String()
}

// Write writes a figure.
func (u Unit) Write(f float64) string {
	switch {
	case math.IsNaN(f):
		return "–"
	case math.IsInf(f, 1):
		return "never"
	}
	switch u {
	case Ratio:
		if math.Abs(f) >= 100 {
			return fmt.Sprintf("%.0f", f)
		}
		return fmt.Sprintf("%.3f", f)
	case Share:
		return fmt.Sprintf("%.1f%%", 100*f)
	case Span:
		return span(time.Duration(f))
	case Nanos:
		return fmt.Sprintf("%.0f ns", f)
	case Bytes:
		return fmt.Sprintf("%.1f MiB", f/(1<<20))
	case YesOrNo:
		if f > 0.5 {
			return "yes"
		}
		return "no"
	}
	return fmt.Sprintf("%.4g", f)
}

// span writes a duration in the unit that says most.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d > 2*365*day:
		return fmt.Sprintf("%.1f years", d.Hours()/24/365)
	case d > 2*day:
		return fmt.Sprintf("%.0f days", d.Hours()/24)
	case d > time.Minute:
		return d.Round(time.Second).String()
	default:
		return d.Round(time.Millisecond).String()
	}
}

// median returns the middle of a list, which it sorts.
func median(list []float64) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	slices.Sort(list)
	if n := len(list); n%2 == 0 {
		return (list[n/2-1] + list[n/2]) / 2
	}
	return list[len(list)/2]
}
