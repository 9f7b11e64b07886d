package bench

import (
	"math"
	"strconv"
	"strings"
)

// keep gives t the figures that an earlier page has of it, NaN where it has none.
func (t *Table) keep(page string, contenders []Contender) {
	_, section, _ := strings.Cut(page, "\n## "+t.Title+"\n")
	section, _, _ = strings.Cut(section, "\n## ")
	cells := map[string][]string{} // by the name of the row
	for line := range strings.Lines(section) {
		if row, ok := strings.CutPrefix(strings.TrimSpace(line), "| "); ok {
			list := strings.Split(strings.TrimSuffix(row, " |"), " | ")
			cells[strings.Trim(list[0], "*")] = list[1:]
		}
	}
	for _, c := range contenders {
		r := Row{Contender: c}
		for i, column := range t.Columns {
			f := math.NaN()
			if list := cells[c.Name]; i < len(list) {
				f = column.Unit.Read(list[i])
			}
			r.Figures = append(r.Figures, f)
		}
		t.Rows = append(t.Rows, r)
	}
}

// Read reads a figure that Write wrote, as exactly as it stands there; NaN for one
// of a unit in which nothing is timed.
func (u Unit) Read(s string) float64 {
	number, _, _ := strings.Cut(s, " ")
	f, err := strconv.ParseFloat(number, 64)
	switch {
	case err != nil:
		return math.NaN()
	case u == Bytes:
		return f * (1 << 20)
	case u == Count, u == Ratio, u == Nanos:
		return f
	}
	return math.NaN()
}
