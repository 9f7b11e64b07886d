package peek_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/peek"
)

const text = "the quick brown fox jumps over the lazy dog"

// long is a time that no test waits for.
const long = time.Hour

// The two ways to look at a body: in a goroutine of its own, and here and now.
var ways = map[string]func(t *testing.T, body io.ReadCloser, max int) *peek.Body{
	"Start": func(t *testing.T, body io.ReadCloser, max int) *peek.Body {
		return peek.Start(t.Context(), body, peek.Look{Max: max, Within: long})
	},
	"Read": func(_ *testing.T, body io.ReadCloser, max int) *peek.Body { return peek.Read(body, max) },
}

func TestReaderGetsTheSameBytesAndError(t *testing.T) {
	for name, look := range ways {
		t.Run(name, func(t *testing.T) { readerGetsTheSame(t, look) })
	}
}

func readerGetsTheSame(t *testing.T, look func(*testing.T, io.ReadCloser, int) *peek.Body) {
	broken := errors.New("broken")
	big := strings.Repeat(text, 3000)
	for _, row := range []struct {
		name    string
		body    io.Reader
		want    string
		wantErr error // nil for the end
	}{
		{"empty", strings.NewReader(""), "", nil},
		{"short", strings.NewReader(text), text, nil},
		{"larger than any buffer", strings.NewReader(big), big, nil},
		{"byte by byte", iotest.OneByteReader(strings.NewReader(text)), text, nil},
		{"half of what is asked", iotest.HalfReader(strings.NewReader(big)), big, nil},
		{"end together with the last bytes", iotest.DataErrReader(strings.NewReader(text)), text, nil},
		{"an error after some bytes", io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken)), text, broken},
		{"an error together with the last bytes", iotest.DataErrReader(io.MultiReader(strings.NewReader(text), iotest.ErrReader(broken))), text, broken},
		{"an error at once", iotest.ErrReader(broken), "", broken},
		{"a timeout at the second read", iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(text))), text[:1], iotest.ErrTimeout},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := look(t, io.NopCloser(row.body), 64<<10)
			got, err := io.ReadAll(b)
			if string(got) != row.want || err != row.wantErr {
				t.Errorf("got %d bytes and %v, want %d and %v", len(got), err, len(row.want), row.wantErr)
			}
			if n, again := b.Read(make([]byte, 1)); n != 0 || again != orEOF(row.wantErr) {
				t.Errorf("after the end: got %d bytes and %v, want 0 and %v", n, again, orEOF(row.wantErr))
			}
		})
	}
}

func orEOF(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}

func TestWhatIsKnown(t *testing.T) {
	for name, look := range ways {
		t.Run(name, func(t *testing.T) { whatIsKnown(t, look) })
	}
}

func whatIsKnown(t *testing.T, look func(*testing.T, io.ReadCloser, int) *peek.Body) {
	for _, row := range []struct {
		name  string
		body  io.Reader
		max   int
		bytes string
		whole bool
	}{
		{"all of it", strings.NewReader(text), 100, text, true},
		{"the start", strings.NewReader(text), 9, text[:9], false},
		{"the start of many small reads", iotest.OneByteReader(strings.NewReader(text)), 9, text[:9], false},
		{"nothing", strings.NewReader(text), 0, "", false},
		{"up to an error", io.MultiReader(strings.NewReader(text), iotest.ErrReader(io.ErrUnexpectedEOF)), 100, text, false},
		{"an empty body", strings.NewReader(""), 100, "", true},
	} {
		t.Run(row.name, func(t *testing.T) {
			b := look(t, io.NopCloser(row.body), row.max)
			for _, when := range []string{"before", "after"} {
				if got := string(b.Bytes()); got != row.bytes || b.Whole() != row.whole {
					t.Errorf("%s reading: got %q, whole %v; want %q, %v", when, got, b.Whole(), row.bytes, row.whole)
				}
				io.ReadAll(b)
			}
		})
	}
}

// What nobody looks at is not read, not even for nothing.
func TestTheOriginalIsReadNoMoreThanNeeded(t *testing.T) {
	for name, look := range ways {
		for max, want := range map[int]int{0: 0, 9: 1, 100: 2} {
			body := &counted{Reader: strings.NewReader(text)}
			if look(t, body, max); body.reads != want {
				t.Errorf("%s of %d bytes: got %d reads of the original, want %d", name, max, body.reads, want)
			}
		}
	}
	body := &counted{Reader: strings.NewReader(text)}
	peek.Start(t.Context(), body, peek.Look{Max: 9, Watch: &until{enough: 10, within: long}})
	if body.reads != 1 {
		t.Errorf("with a Watcher: got %d reads of the original, want 1", body.reads)
	}
}

func TestAtEnd(t *testing.T) {
	for _, row := range []struct {
		name string
		end  error
		want int
	}{
		{"the end", io.EOF, 1},
		{"an error", io.ErrUnexpectedEOF, 0},
	} {
		for _, max := range []int{0, 9, 100} {
			calls := 0
			b := peek.Read(io.NopCloser(io.MultiReader(strings.NewReader(text), iotest.ErrReader(row.end))), max)
			b.AtEnd = func() { calls++ }
			if io.ReadFull(b, make([]byte, len(text)-1)); calls != 0 {
				t.Errorf("%s, %d looked at: called before it", row.name, max)
			}
			io.ReadAll(b)
			b.Read(make([]byte, 1))
			if calls != row.want {
				t.Errorf("%s, %d looked at: called %d times, want %d", row.name, max, calls, row.want)
			}
		}
	}
}

// Who reads to the last byte of what is known to be whole needs no further Read.
func TestTheEndComesWithTheLastBytes(t *testing.T) {
	for _, row := range []struct {
		name      string
		end, with error // what comes at the end, and with the last bytes
	}{
		{"the end", io.EOF, io.EOF},
		{"an error", io.ErrUnexpectedEOF, nil},
	} {
		b := peek.Read(io.NopCloser(io.MultiReader(strings.NewReader(text), iotest.ErrReader(row.end))), 100)
		if n, err := b.Read(make([]byte, 100)); n != len(text) || err != row.with {
			t.Errorf("%s: got %d bytes and %v, want all and %v", row.name, n, err, row.with)
		}
		if n, err := b.Read(make([]byte, 100)); n != 0 || err != row.end {
			t.Errorf("%s: then got %d bytes and %v, want none and %v", row.name, n, err, row.end)
		}
	}
}

func TestReadOfNoBytes(t *testing.T) {
	b := peek.Start(t.Context(), io.NopCloser(strings.NewReader(text)), peek.Look{Max: 4, Within: long})
	for range 3 {
		if n, err := b.Read(nil); n != 0 || err != nil {
			t.Errorf("got %d and %v, want 0 and nil", n, err)
		}
	}
	if got, _ := io.ReadAll(b); string(got) != text {
		t.Errorf("then got %q, want %q", got, text)
	}
}

func TestPeekingTwice(t *testing.T) {
	body := &counted{Reader: strings.NewReader(text)}
	first := peek.Start(t.Context(), body, peek.Look{Max: 9, Within: long})
	io.ReadFull(first, make([]byte, 4))
	second := peek.Start(t.Context(), first, peek.Look{Max: 100, Within: long})
	if second != first {
		t.Error("got another Body, want the same")
	}
	if got := string(second.Bytes()); got != text[:9] {
		t.Errorf("Bytes: got %q, want %q", got, text[:9])
	}
	if got, _ := io.ReadAll(second); string(got) != text[4:] {
		t.Errorf("got %q, want the rest, %q", got, text[4:])
	}
	second.Close()
	if body.closed != 1 {
		t.Errorf("got %d closes of the original, want 1", body.closed)
	}
}

// A stranger's wrapper around a Body is peeked at like any other.
func TestPeekingThroughAStranger(t *testing.T) {
	first := peek.Start(t.Context(), io.NopCloser(strings.NewReader(text)), peek.Look{Max: 9, Within: long})
	second := peek.Start(t.Context(), struct{ io.ReadCloser }{first}, peek.Look{Max: 20, Within: long})
	if got := string(second.Bytes()); got != text[:20] {
		t.Errorf("Bytes: got %q, want %q", got, text[:20])
	}
	if got, _ := io.ReadAll(second); string(got) != text {
		t.Errorf("got %q, want %q", got, text)
	}
}

type counted struct {
	io.Reader
	reads, closed int
}

func (c *counted) Read(p []byte) (int, error) { c.reads++; return c.Reader.Read(p) }

func (c *counted) Close() error { c.closed++; return io.ErrClosedPipe }

func TestCloseGivesTheOriginalsError(t *testing.T) {
	body := &counted{Reader: strings.NewReader(text)}
	b := peek.Start(t.Context(), body, peek.Look{Max: 9, Within: long})
	if err := b.Close(); err != io.ErrClosedPipe || body.closed != 1 {
		t.Errorf("got %v after %d closes, want %v after 1", err, body.closed, io.ErrClosedPipe)
	}
}
