package inmem

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
)

const content = `{"model":"m","messages":[]}`

// TestOf pins how http.NewRequest and io.NopCloser wrap what stands in memory, which
// is net/http's business.
func TestOf(t *testing.T) {
	for _, row := range []struct {
		name string
		body func() io.Reader
		seen bool
	}{
		{"bytes.Reader", func() io.Reader { return bytes.NewReader([]byte(content)) }, true},
		{"strings.Reader", func() io.Reader { return strings.NewReader(content) }, true},
		{"bytes.Buffer", func() io.Reader { return bytes.NewBufferString(content) }, true},
		{"io.NopCloser of a strings.Reader", func() io.Reader { return io.NopCloser(strings.NewReader(content)) }, true},
		{"io.NopCloser of a bytes.Buffer", func() io.Reader { return io.NopCloser(bytes.NewBufferString(content)) }, true},
		{"a pipe", func() io.Reader { r, _ := io.Pipe(); return r }, false},
		{"io.NopCloser of a stranger", func() io.Reader { return io.NopCloser(io.LimitReader(strings.NewReader(content), 5)) }, false},
		{"http.NoBody", func() io.Reader { return http.NoBody }, false},
		{"nil", func() io.Reader { return nil }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			req, err := http.NewRequest("POST", "https://api.example.com/", row.body())
			if err != nil {
				t.Fatal(err)
			}
			for name, body := range map[string]io.Reader{"as it is": row.body(), "in a request": req.Body} {
				b, ok := Of(body, false)
				var all strings.Builder
				b.WriteTo(&all)
				if ok != row.seen || ok && (all.String() != content || string(b.Start(5)) != content[:5] || string(b.Start(1000)) != content) {
					t.Errorf("%s: got %t, %q, want %t and the content", name, ok, all.String(), row.seen)
				}
				if body == nil || !ok {
					continue
				}
				if left, err := io.ReadAll(body); err != nil || string(left) != content {
					t.Errorf("%s: after a look the body reads as %q, %v", name, left, err)
				}
				all.Reset()
				if b.WriteTo(&all); all.String() != content {
					t.Errorf("%s: after the body was read, it shows %q", name, all.String())
				}
			}
		})
	}
}

// What is seen of a body that was read in part is what will be sent.
func TestReadInPart(t *testing.T) {
	for name, body := range map[string]io.Reader{
		"bytes.Reader":   bytes.NewReader([]byte("gone" + content)),
		"strings.Reader": strings.NewReader("gone" + content),
		"bytes.Buffer":   bytes.NewBufferString("gone" + content),
	} {
		io.CopyN(io.Discard, body, int64(len("gone")))
		b, ok := Of(body, false)
		var all strings.Builder
		b.WriteTo(&all)
		if !ok || b.Len() != int64(len(content)) || all.String() != content || string(b.Start(5)) != content[:5] {
			t.Errorf("%s: got %d bytes %q, want what is unread", name, b.Len(), all.String())
		}
		io.CopyN(io.Discard, body, 3) // somebody sends it
		for range 2 {
			if again, err := io.ReadAll(b.Reader()); err != nil || string(again) != content {
				t.Errorf("%s: it reads as %q, %v, want what was unread at the time", name, again, err)
			}
		}
	}
}

func TestContains(t *testing.T) {
	for at := range 10_000 {
		if at > 100 && at < 4000 || at > 4200 && at < 8100 {
			continue // nothing is special there
		}
		text := strings.Repeat("-", at) + "needle" + strings.Repeat("-", 10)
		for name, r := range map[string]io.Reader{"bytes": bytes.NewReader([]byte(text)), "string": strings.NewReader(text), "buffer": bytes.NewBufferString(text)} {
			b, _ := Of(r, false)
			if !b.Contains([]byte("needle"), 1<<20) || b.Contains([]byte("needles"), 1<<20) || b.Contains([]byte("needle"), at+5) || !b.Contains([]byte("needle"), at+6) {
				t.Fatalf("%s: the word at %d is not found right", name, at)
			}
		}
	}
}
