package debugsteady

import (
	"strings"
	"testing"
	"time"
)

func TestSpan(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second:                  "-1.0 s",
		0:                             "0 s",
		time.Millisecond - 1:          "0 s",
		time.Millisecond:              "1 ms",
		time.Second - 1:               "999 ms",
		time.Second:                   "1.0 s",
		1290 * time.Millisecond:       "1.2 s",
		10*time.Second - 1:            "9.9 s",
		10 * time.Second:              "10 s",
		time.Minute - 1:               "59 s",
		time.Minute:                   "1 min",
		3*time.Minute + 5*time.Second: "3 min 5 s",
		time.Hour - 1:                 "59 min 59 s",
		time.Hour:                     "1 h",
		2*time.Hour + 10*time.Minute + time.Second: "2 h 10 min",
		48*time.Hour - 1:   "47 h 59 min",
		48 * time.Hour:     "2 d",
		50_000 * time.Hour: "2,083 d",
	} {
		if got := span(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}

func TestFigures(t *testing.T) {
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 123456: "123,456"} {
		if got := group(n); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
	for x, want := range map[float64]string{0: "0", 0.5: "0.5", 12.345: "12.3", 99.96: "100", 100: "100", 100.4: "100", 123456.7: "123,457", 1e15: "1,000,000,000,000,000", 2e15: "very many", -2.5: "-2.5"} {
		if got := amount(x); got != want {
			t.Errorf("%v: got %q, want %q", x, got, want)
		}
	}
	for x, want := range map[float64]float64{0: 0, 1.26: 1.3, 9.94: 9.9, 10: 10, 10.4: 10} {
		if got := rounded(x); got != want {
			t.Errorf("%v: got a rate of %v, want %v", x, got, want)
		}
	}
	for _, row := range []struct {
		n, all int64
		want   string
	}{
		{0, 10, "no attempt"},
		{1, 0, "no attempt"},
		{1, 10_000, "under 0.1% of attempts"},
		{1, 1000, "0.1% of attempts"},
		{1, 3, "33.3% of attempts"},
	} {
		if got := share(row.n, row.all); got != row.want {
			t.Errorf("%d of %d: got %q, want %q", row.n, row.all, got, row.want)
		}
	}
}

// TestLine tries where a text is cut, in which a quotation mark takes five bytes.
func TestLine(t *testing.T) {
	for _, row := range []struct {
		text string
		most int
		want string
	}{
		{"", 10, ""},
		{"short", 10, "short"},
		{`say "a"`, 15, `say "a"`},
		{`say "a"`, 14, `say "a…`},
		{`""`, 10, `""`},
		{`"""`, 10, `""…`},
		{"éé", 4, "éé"},
	} {
		if got := line(row.text, row.most); got != row.want {
			t.Errorf("%q in %d: got %q, want %q", row.text, row.most, got, row.want)
		}
	}
	if got := line(strings.Repeat("a", 1<<20), 10); len(got) > 10+len("…") {
		t.Errorf("a long text is cut to %d bytes", len(got))
	}
}
