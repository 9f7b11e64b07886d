package events_test

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp/internal/events"
)

// raw is a message of AWS's binary stream that says of its lengths what it likes.
func raw(size, headers int, rest string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(size))
	b = binary.BigEndian.AppendUint32(b, uint32(headers))
	return string(b) + "csum" + rest
}

// withHeaders is a message with these bytes as headers.
func withHeaders(h string) string { return raw(16+len(h)+2, len(h), h+"{}csum") }

func TestFrames(t *testing.T) {
	const name = "\x0b:event-type\x07\x00\x01x"
	const junk = `"" "" false true|`
	for _, row := range []struct {
		name   string
		stream string
		want   string
	}{
		{"nothing in it", raw(16, 0, "csum"), `"" "" false false|`},
		{"shorter than its ends", raw(15, 0, "csu"), junk},
		{"headers alone", raw(16+len(name), len(name), name+"csum"), `"x" "" false false|`},
		{"more headers than there is", raw(16+len(name), len(name)+1, name+"csum"), junk},
		{"the longest", raw(24<<20, 0, "..."), ""},
		{"longer than any", raw(24<<20+1, 0, "..."), junk},
		{"a name behind values of all kinds", withHeaders("\x01a\x00" + "\x01a\x01" + "\x01a\x021" + "\x01a\x0312" + "\x01a\x041234" + "\x01a\x0512345678" +
			"\x01a\x06\x00\x03abc" + "\x01a\x0812345678" + "\x01a\x090123456789abcdef" + name), `"x" "{}" false false|`},
		{"a value of an unknown kind", withHeaders(name + "\x01a\x0a"), `"x" "{}" false false|`},
		{"headers that end in a name", withHeaders(name + "\x09a"), `"x" "{}" false false|`},
		{"headers that end before a kind", withHeaders(name + "\x01a"), `"x" "{}" false false|`},
		{"headers that end in a length", withHeaders(name + "\x01a\x07\x00"), `"x" "{}" false false|`},
		{"headers that end in a value", withHeaders(name + "\x01a\x07\x00\x02a"), `"x" "{}" false false|`},
		{"a chunk that wraps no JSON", frame("event", "chunk", "text"), `"" "text" false false|`},
	} {
		for _, n := range []int{1, 5, 1000} {
			if got := all(events.Frames, []byte(row.stream), n); got != row.want {
				t.Errorf("%s, in pieces of %d: got %s, want %s", row.name, n, got, row.want)
			}
		}
	}
}

// What is kept of a frame is its headers and the beginning of its payload, and never the
// checksum behind that.
func TestLongFramesAreCut(t *testing.T) {
	message := frame("event", "x", strings.Repeat("p", 100))
	whole := len(message) - 16 // the headers and the payload
	for _, row := range []struct {
		max, payload int
		cut          bool
	}{
		{whole + 4, 100, false},
		{whole + 3, 100, false},
		{whole, 100, false},
		{whole - 1, 99, true},
		{whole - 100, 0, true},
	} {
		s := events.Splitter{Form: events.Frames, Max: row.max}
		got := ""
		s.Feed([]byte(message+message), func(e events.Event) { got += fmt.Sprintf("%s %s %t|", e.Name, e.Data, e.Cut) })
		if want := strings.Repeat(fmt.Sprintf("x %s %t|", strings.Repeat("p", row.payload), row.cut), 2); got != want {
			t.Errorf("of %d bytes %d are kept: got %s, want %s", whole, row.max, got, want)
		}
	}
}
