package bench

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// sample is a table in which the second rival saves by answering less.
func sample() *Table {
	row := func(name string, kind Kind, figures ...float64) Row {
		return Row{Contender: Contender{Name: name, Kind: kind}, Figures: figures}
	}
	return &Table{
		Title: "Sample",
		Columns: []Column{
			{Name: "answered", Unit: Share, Better: Higher, Goal: goal(0.99), Short: true},
			{Name: "requests", Unit: Ratio, Better: Lower, Goal: goal(1.1), Short: true},
		},
		Rows: []Row{
			row("bare", Floor, 0.5, 1),
			row("we", Ours, 1, 1.2),
			row("fair", Rival, 1, 1.1),
			row("cheap", Rival, 0.6, 1),
			row("noisy", Rival, 1, 1.19),
		},
	}
}

func TestTableSaysWhoIsBetter(t *testing.T) {
	table := sample()
	fair, cheap := table.Losses()
	if want := []string{"Sample, requests: we 1.200, fair 1.100"}; !slices.Equal(fair, want) {
		t.Errorf("losses: got %q, want %q", fair, want)
	}
	if want := []string{"Sample, requests: we 1.200, cheap 1.000 with answered 60.0%"}; !slices.Equal(cheap, want) {
		t.Errorf("savings: got %q, want %q", cheap, want)
	}
	if got, want := table.Missed(), []string{"Sample, requests: we 1.200, want at most 1.100"}; !slices.Equal(got, want) {
		t.Errorf("missed: got %q, want %q", got, want)
	}
	want := "| Sample: answered | 100.0% | 100.0% to 60.0% | 50.0% |\n| Sample: requests | 1.200 | 1.100 to 1.190 | 1.000 |\n"
	if got := table.Summary(); got != want {
		t.Errorf("summary: got %q, want %q", got, want)
	}
	if got, want := table.Markdown(), "| **we** | 100.0% | 1.200 |\n"; !strings.Contains(got, want) {
		t.Errorf("table: got %q, want %q in it", got, want)
	}
}

// A figure that is missing meets no goal.
func TestTableMissesWhatIsMissing(t *testing.T) {
	table := sample()
	table.Rows[1].Figures[1] = math.NaN()
	if got, want := table.Missed(), []string{"Sample, requests: we –, want at most 1.100"}; !slices.Equal(got, want) {
		t.Errorf("missed: got %q, want %q", got, want)
	}
}

// A row may miss a goal only if it is known to, and is to say when it does not any
// more.
func TestTableSaysWhatIsUnexpected(t *testing.T) {
	table := sample()
	if got, want := table.Unexpected(), table.Missed(); !slices.Equal(got, want) {
		t.Errorf("a goal is missed: got %q, want %q", got, want)
	}
	table.Open = []string{"we"}
	if got := table.Unexpected(); len(got) > 0 {
		t.Errorf("it is known to be missed: got %q, want nothing", got)
	}
	table.Rows[1].Figures[1] = 1
	if got, want := table.Unexpected(), []string{"Sample: we meets all goals by now, so it is not open"}; !slices.Equal(got, want) {
		t.Errorf("it is met: got %q, want %q", got, want)
	}
}

// Figures of one kind may share a cell.
func TestTableJoinsColumns(t *testing.T) {
	table := sample()
	table.Columns[1].Joined = true
	if got, want := table.Markdown(), "| | answered |\n|---|---:|\n| bare | 50.0% / 1.000 |\n"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want it to begin with %q", got, want)
	}
}

func TestUnits(t *testing.T) {
	for _, row := range []struct {
		unit Unit
		f    float64
		want string
	}{
		{Count, 523, "523"},
		{Ratio, 1.0023, "1.002"},
		{Ratio, 123.4, "123"},
		{Share, 0.9995, "100.0%"},
		{Nanos, 249.6, "250 ns"},
		{Bytes, 64 << 20, "64.0 MiB"},
		{YesOrNo, 1, "yes"},
		{YesOrNo, 0, "no"},
		{Span, math.Inf(1), "never"},
		{Span, float64(20 * time.Millisecond), "20ms"},
		{Span, float64(7*time.Minute + 300*time.Millisecond), "7m0s"},
		{Span, float64(72 * time.Hour), "3 days"},
		{Span, float64(300_000_000 * time.Second), "9.5 years"},
	} {
		if got := row.unit.Write(row.f); got != row.want {
			t.Errorf("%v in unit %d: got %q, want %q", row.f, row.unit, got, row.want)
		}
	}
}
