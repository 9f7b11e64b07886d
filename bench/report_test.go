package bench

import (
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var (
	report  = flag.String("report", "", "measure in full, and write the page to this `file`")
	virtual = flag.Bool("virtual", false, "with -report: keep the figures that the file has of what is measured in real time")
)

// sizes is how much is measured.
type sizes struct {
	repeats    int           // of a scenario in virtual time, for the zero Transport
	others     int           // the same, for all others
	calls      int           // with faults, and orders
	crowd      int           // calls at once, at most, of situations
	longest    time.Duration // of a load of situations, at most
	rounds     int           // of costs, each contender in turn
	wireRounds int           // the same, over loopback
	noopCalls  int           // a turn, by one goroutine
	noopTurns  int           // of it and a bare one
	wireCalls  int           // over loopback, by turns with bare ones
	parallel   int           // goroutines
	eachCalls  int           // a round, by each of these
	upload     int64
	streams    int // by turns with bare ones
	allocRuns  int // calls that allocations are counted over
}

var (
	small = sizes{repeats: 3, others: 1, calls: 200, crowd: 2000, longest: 30 * time.Second, rounds: 2, wireRounds: 2, noopCalls: 20, noopTurns: 2, wireCalls: 5,
		parallel: 4, eachCalls: 2, upload: 2 << 20, streams: 2, allocRuns: 5}
	full = sizes{repeats: 5, others: 5, calls: 10_000, crowd: 10_000, longest: time.Hour, rounds: 60, wireRounds: 100, noopCalls: 50, noopTurns: 2000, wireCalls: 15_000,
		parallel: 64, eachCalls: 20, upload: 64 << 20, streams: 2000, allocRuns: 500}
)

// A scenario is one question that is put to every contender.
type scenario struct {
	table      Table // without rows
	contenders []Contender

	// ask measures one contender in a bubble of its own, and returns a figure a
	// column. It is nil where measure is set.
	ask func(t *testing.T, c Contender, s sizes) []float64

	// check fails t if the rows are not as they must be, beyond the goals; it may
	// be nil.
	check func(t *testing.T, table *Table)

	// measure measures all of them in real time, in turn, and returns a row of
	// figures for each.
	measure func(t *testing.T, cs []Contender, s sizes) [][]float64
}

// everybody is who takes part unless a scenario says otherwise.
func everybody(variants ...Contender) []Contender {
	return slices.Concat([]Contender{bare, steady}, variants, rivals)
}

// run puts the question and returns the table with its rows.
func (sc scenario) run(t *testing.T, s sizes) *Table {
	table := sc.table
	table.Timed = sc.measure != nil
	var figures [][]float64
	if sc.measure != nil {
		figures = sc.measure(t, sc.contenders, s)
	} else {
		for _, c := range sc.contenders {
			figures = append(figures, sc.repeat(t, c, s))
		}
	}
	for i, c := range sc.contenders {
		if len(figures[i]) != len(table.Columns) {
			t.Fatalf("%s: got %d figures, want %d", c.Name, len(figures[i]), len(table.Columns))
		}
		table.Rows = append(table.Rows, Row{Contender: c, Figures: figures[i]})
	}
	return &table
}

// kept returns the table with the rows that an earlier page has of it.
func (sc scenario) kept(page string) *Table {
	table := sc.table
	table.Timed = true
	table.keep(page, sc.contenders)
	return &table
}

// repeat asks a contender several times and returns the medians.
func (sc scenario) repeat(t *testing.T, c Contender, s sizes) []float64 {
	columns := make([][]float64, len(sc.table.Columns))
	repeats := s.repeats
	if c.Kind != Ours {
		repeats = s.others
	}
	for range repeats {
		var got []float64
		synctest.Test(t, func(t *testing.T) { got = sc.ask(t, c, s) })
		for i, f := range got {
			columns[i] = append(columns[i], f)
		}
	}
	return medians(columns)
}

// The order of the page.
var scenarios = slices.Concat(
	goodput, servers, tokenGoodput, outages, failovers, faults, traps, crowds, nested, neverWorse,
	costs, permits, loopback, uploads, streams,
)

// TestScenarios puts every question. It fails where our side misses a goal that no
// clock is needed for; of the others, and of those that are known to be missed,
// the page says so.
func TestScenarios(t *testing.T) {
	s := small
	if *report != "" {
		s = full
	}
	var earlier []byte
	if *virtual {
		var err error
		if earlier, err = os.ReadFile(*report); err != nil {
			t.Fatal(err)
		}
	}
	var tables []*Table
	for _, sc := range scenarios {
		t.Run(sc.table.Title, func(t *testing.T) {
			start := time.Now()
			var table *Table
			if *virtual && sc.measure != nil {
				table = sc.kept(string(earlier))
			} else {
				table = sc.run(t, s)
			}
			t.Logf("%s\n%s", time.Since(start).Round(time.Millisecond), table.Markdown())
			if ours, ok := table.ours(); ok && slices.ContainsFunc(ours.Figures, math.IsNaN) {
				t.Error("a figure of ours is missing")
			}
			if sc.check != nil && !(*virtual && table.Timed) {
				sc.check(t, table)
			}
			if !table.Timed {
				for _, what := range table.Unexpected() {
					t.Error(what)
				}
			}
			tables = append(tables, table)
		})
	}
	page := &Page{Tables: tables, Versions: versions(t), Kept: *virtual}
	var b bytes.Buffer
	if err := page.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, c := range slices.Concat(rivals, fallbackRivals) {
		if !strings.Contains(b.String(), "`"+c.Module+"` v") {
			t.Errorf("the page does not name the version of %s", c.Module)
		}
	}
	if *report == "" {
		return
	}
	if err := os.WriteFile(*report, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// versions asks the go command for the versions of the rivals.
func versions(t *testing.T) map[string]string {
	args := []string{"list", "-m", "-f", "{{.Path}} {{.Version}}"}
	for _, c := range slices.Concat(rivals, fallbackRivals) {
		args = append(args, c.Module)
	}
	out, err := exec.Command("go", args...).Output()
	if err != nil {
		t.Fatalf("go list -m: %v", err)
	}
	list := map[string]string{}
	for line := range strings.Lines(string(out)) {
		var path, version string
		if _, err := fmt.Sscan(line, &path, &version); err == nil {
			list[path] = version
		}
	}
	return list
}
