package bench

import (
	"math"
	"slices"
	"testing"
)

// What stands on a page can be kept for another one.
func TestFiguresAreKept(t *testing.T) {
	before := &Table{
		Title: "Cost", Timed: true,
		Columns: []Column{{Name: "time", Unit: Nanos}, {Name: "over bare", Unit: Ratio}, {Name: "allocations", Unit: Count}, {Name: "held", Unit: Bytes}},
		Rows: []Row{
			{Contender{Name: "bare", Kind: Floor}, []float64{100, 1, 0, 0}},
			{Contender{Name: "we", Kind: Ours}, []float64{173, 1.011, 3, 64 << 20}},
		},
	}
	page := "\n## Another\n\n| we | 1 |\n\n## Cost\n\n" + before.Markdown() + "\n## After\n\n| we | 2 |\n"
	after := &Table{Title: before.Title, Columns: before.Columns}
	after.keep(page, []Contender{before.Rows[0].Contender, before.Rows[1].Contender, {Name: "new", Kind: Rival}})
	for i, r := range before.Rows {
		if got := after.Rows[i].Figures; !slices.Equal(got, r.Figures) {
			t.Errorf("%s: got %v, want %v", r.Contender.Name, got, r.Figures)
		}
	}
	if got := after.Rows[2].Figures[0]; !math.IsNaN(got) {
		t.Errorf("of a new row: got %v, want NaN", got)
	}
}
