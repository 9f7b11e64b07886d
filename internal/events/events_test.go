package events_test

import (
	"encoding/binary"
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
		{"JSON without blank lines", "data: {\"a\":1}\ndata: {\"b\":\ndata: 2}\n\n", []string{`|{"a":1}`, "|{\"b\":\n2}"}},
		{"JSON and names without blank lines", "event: a\ndata: {}\nevent: b\ndata: {}\nid: 1\ndata: {}\n\n", []string{"a|{}", "b|{}", "|{}"}},
		{"JSON on several lines", "data: {\ndata: }\ndata: {}\n\n", []string{"|{\n}\n{}"}},
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

// All that is found of a stream in any form is the same however it is cut.
func FuzzSplitter(f *testing.F) {
	f.Add([]byte("event: a\r\ndata: b\r\n\r\n: c\n\ndata:d\n\n"), uint8(0), uint8(3))
	f.Add([]byte("error: {\"code\":503}\n\n{\n \"error\": {\"a\": \"}\\\"\"}\n}\ndata: [DONE]\n\n"), uint8(0), uint8(1))
	f.Add([]byte("\ufeffdata: "+strings.Repeat("x", 100)+"\n\n"), uint8(0), uint8(2))
	f.Add([]byte("[{\"a\":[1,{\"b\":\"]\"}]}\n,\r\n{\"c\":1}\n]"), uint8(1), uint8(2))
	f.Add([]byte("{\"a\":1}\n{\"b\":2}\nnot json\n{\"c\":"), uint8(1), uint8(4))
	f.Add([]byte(frame("event", "chunk", `{"bytes":"eyJhIjoxfQ=="}`)+frame("exception", "throttlingException", `{"message":"slow"}`)+frame("error", "x", "")), uint8(2), uint8(5))
	f.Add([]byte{0, 0, 0, 16, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, uint8(2), uint8(0))
	f.Fuzz(func(t *testing.T, stream []byte, form, step uint8) {
		of := events.Form(form % 3)
		whole := all(of, stream, len(stream)+1)
		if got := all(of, stream, int(step%7)+1); got != whole {
			t.Errorf("in pieces: got %q, want %q", got, whole)
		}
	})
}

// all is what a Splitter finds in a stream that comes in pieces of n bytes.
func all(form events.Form, stream []byte, n int) string {
	var b, long strings.Builder
	most := 64
	if form == events.Frames {
		most = 1 << 10 // their headers count
	}
	s := events.Splitter{Form: form, Max: most, Long: func(p []byte) { long.Write(p) }}
	event := func(e events.Event) {
		if len(e.Data) > most+16 {
			fmt.Fprintf(&b, "too long: %d bytes|", len(e.Data))
		}
		fmt.Fprintf(&b, "%q %q %t %t|", e.Name, e.Data, e.Cut, e.Junk)
	}
	for len(stream) > 0 {
		cut := min(n, len(stream))
		s.Feed(stream[:cut], event)
		stream = stream[cut:]
	}
	s.Flush(event)
	return b.String() + long.String()
}

// frame is a message of AWS's binary stream, without checksums.
func frame(kind, name, payload string) string {
	header := func(name, value string) string {
		return string([]byte{byte(len(name))}) + name + "\x07" + string(binary.BigEndian.AppendUint16(nil, uint16(len(value)))) + value
	}
	names := map[string]string{"event": ":event-type", "exception": ":exception-type", "error": ":error-code"}
	h := header(":message-type", kind) + header(names[kind], name) + header(":content-type", "application/json")
	b := binary.BigEndian.AppendUint32(nil, uint32(16+len(h)+len(payload)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(h)))
	return string(b) + "csum" + h + payload + "csum"
}

func TestForms(t *testing.T) {
	long := strings.Repeat("x", 100)
	for _, row := range []struct {
		name   string
		form   events.Form
		stream string
		want   string
	}{
		{"a field error", events.SSE, "error: {}\n\n", `"error" "{}" false false|`},
		{"JSON in the place of a field", events.SSE, "{\n\"a\": \"}\"\n}\ndata: 1\n\n", `"" "{\n\"a\": \"}\"\n}" false false|"" "1" false false|`},
		{"a line that is no field", events.SSE, "nonsense\nid: 1\nretry: 2\n: comment\n\n", `"" "" false true|`},
		{"an event without an end", events.SSE, "data: a", `"" "a" false false|`},
		{"an event without a blank line", events.SSE, "data: a\n", `"" "a" false false|`},
		{"an event as long as is kept", events.SSE, "data: " + long[:64] + "\n\n", `"" "` + long[:64] + `" false false|`},
		{"an event that is longer by a byte", events.SSE, "data: " + long[:65] + "\n\n", `"" "` + long[:64] + `" true false|`},
		{"a byte order mark", events.SSE, "\ufeffdata: a\n\n", `"" "a" false false|`},
		{"lines of JSON", events.Values, "{\"a\":1}\r\n{\"b\":[\"]\"]}", `"" "{\"a\":1}" false false|"" "{\"b\":[\"]\"]}" false false|`},
		{"an array", events.Values, "[{\"a\":1}\n,\n{}\n]", `"" "{\"a\":1}" false false|"" "{}" false false|`},
		{"a brace within a text", events.Values, `{"a":"x}y"}`, `"" "{\"a\":\"x}y\"}" false false|`},
		{"an open value", events.Values, "{\"a\":", `"" "{\"a\":" false false|`},
		{"a long value", events.Values, `{"a":"` + long + `"}`, `"" "{\"a\":\"` + long[:58] + `" true false|{"a":"` + long + `"}`},
		{"a long event", events.SSE, "data: " + long + "\n\n", `"" "` + long[:64] + `" true false| ` + long},
		{"frames", events.Frames, frame("event", "messageStop", `{"a":1}`) + frame("event", "chunk", `{"bytes":"eyJhIjoxfQ=="}`), `"messageStop" "{\"a\":1}" false false|"" "{\"a\":1}" false false|`},
		{"an exception", events.Frames, frame("exception", "throttlingException", `{"message":"slow"}`), `"error" "{\"type\":\"throttlingException\",\"message\":\"slow\"}" false false|`},
		{"an exception without a word", events.Frames, frame("exception", "x", ``), `"error" "{\"type\":\"x\"}" false false|`},
		{"no frame", events.Frames, "not a frame at all", `"" "" false true|`},
	} {
		t.Run(row.name, func(t *testing.T) {
			for _, n := range []int{1, 5, 1000} {
				if got := all(row.form, []byte(row.stream), n); got != row.want {
					t.Errorf("in pieces of %d: got %s, want %s", n, got, row.want)
				}
			}
		})
	}
}
