package events_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp/internal/events"
)

func split(max int, pieces ...string) []string {
	s := events.Splitter{Max: max}
	var all []string
	for _, p := range pieces {
		s.Feed([]byte(p), func(e events.Event) { all = append(all, fmt.Sprintf("%s|%s", e.Name, e.Data)) })
	}
	return all
}

func TestSplitter(t *testing.T) {
	for _, row := range []struct {
		name   string
		stream string
		want   []string
	}{
		{"data alone", "data: one\n\ndata: two\n\n", []string{"|one", "|two"}},
		{"with a name", "event: error\ndata: {}\n\n", []string{"error|{}"}},
		{"the name after the data", "data: {}\nevent: ping\n\n", []string{"ping|{}"}},
		{"a name does not last", "event: a\ndata: 1\n\ndata: 2\n\n", []string{"a|1", "|2"}},
		{"several data lines", "data: one\ndata: two\ndata:three\n\n", []string{"|one\ntwo\nthree"}},
		{"only the first blank goes", "data:  x\n\n", []string{"| x"}},
		{"carriage returns", "data: one\r\rdata: two\r\n\r\n", []string{"|one", "|two"}},
		{"comments and blank lines", ": keep-alive\n\n\n: another\ndata: x\n\n", []string{"|x"}},
		{"no data, no event", "event: nothing\n\nid: 7\n\n", nil},
		{"empty data", "data\n\n", []string{"|"}},
		{"unfinished", "data: x\n", nil},
		{"colons in the data", `data: {"a":"b"}` + "\n\n", []string{`|{"a":"b"}`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := split(100, row.stream); !slices.Equal(got, row.want) {
				t.Errorf("got %q, want %q", got, row.want)
			}
			if got := split(100, strings.Split(row.stream, "")...); !slices.Equal(got, row.want) {
				t.Errorf("byte by byte: got %q, want %q", got, row.want)
			}
		})
	}
}

func TestLongEventsAreCut(t *testing.T) {
	got := split(4, "event: x\ndata: 123456789\ndata: more\n\ndata: ok\n\n")
	if len(got) != 2 || !strings.HasPrefix(got[0], "x|1234") || len(got[0]) > len("x|1234\n") || got[1] != "|ok" {
		t.Errorf("got %q, want the start of the first and the whole of the second", got)
	}
}

func FuzzSplitter(f *testing.F) {
	f.Add("event: a\r\ndata: b\r\n\r\n: c\n\ndata:d\n\n", uint8(3))
	f.Fuzz(func(t *testing.T, stream string, step uint8) {
		whole := split(64, stream)
		var pieces []string
		for n := int(step%7) + 1; len(stream) > 0; {
			cut := min(n, len(stream))
			pieces, stream = append(pieces, stream[:cut]), stream[cut:]
		}
		if got := split(64, pieces...); !slices.Equal(got, whole) {
			t.Errorf("in pieces: got %q, want %q", got, whole)
		}
	})
}
