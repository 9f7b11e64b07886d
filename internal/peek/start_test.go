package peek_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/peek"
)

var errClosed = errors.New("closed")

// late gives its parts one by one, each so long after it was asked for it,
// then blocks. Close ends a Read.
type late struct {
	parts []string
	delay time.Duration

	mu     sync.Mutex // guards reads
	reads  int
	closed chan struct{}
	once   sync.Once
}

func newLate(delay time.Duration, parts ...string) *late {
	return &late{parts: parts, delay: delay, closed: make(chan struct{})}
}

func (l *late) Read(p []byte) (int, error) {
	l.mu.Lock()
	l.reads++
	l.mu.Unlock()
	var ready <-chan time.Time
	if len(l.parts) > 0 {
		timer := time.NewTimer(l.delay)
		defer timer.Stop()
		ready = timer.C
	}
	select {
	case <-ready:
		n := copy(p, l.parts[0])
		if l.parts[0] = l.parts[0][n:]; l.parts[0] == "" {
			l.parts = l.parts[1:]
		}
		return n, nil
	case <-l.closed:
		return 0, errClosed
	}
}

func (l *late) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *late) asked() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.reads
}

func TestStartReturnsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := newLate(400*time.Millisecond, "one ", "two ", "three ", "four")
		start := time.Now()
		b := peek.Start(t.Context(), body, peek.Look{Max: 100, Within: time.Second})
		if took := time.Since(start); took != time.Second {
			t.Errorf("Start took %v, want 1s", took)
		}
		if got := string(b.Bytes()); got != "one two " || b.Whole() {
			t.Errorf("got %q, whole %v; want what came in time", got, b.Whole())
		}

		// The Read under way is finished, and no other begun behind our back.
		<-time.After(time.Minute)
		if got := body.asked(); got != 3 {
			t.Errorf("got %d reads of the original, want 3", got)
		}
		if got := string(b.Bytes()); got != "one two three " {
			t.Errorf("got %q, want what the third read brought as well", got)
		}

		got := make([]byte, len("one two three four"))
		if _, err := io.ReadFull(b, got); err != nil || string(got) != "one two three four" {
			t.Errorf("got %q and %v, want every byte", got, err)
		}
		b.Close()
		if n, err := b.Read(got); n != 0 || err != errClosed {
			t.Errorf("after Close: got %d bytes and %v, want %v", n, err, errClosed)
		}
	})
}

// White space is waited through for as long as Blank says, if it goes on coming; what
// follows it has its own time.
func TestWhiteSpaceIsWaitedThrough(t *testing.T) {
	for _, row := range []struct {
		name  string
		delay time.Duration
		parts []string
		bytes string
		took  time.Duration
	}{
		{"nothing comes", 2 * time.Second, []string{"text"}, "", time.Second},
		{"white space, then text", 600 * time.Millisecond, []string{" ", "\n", "text"}, " \ntext", 2800 * time.Millisecond},
		{"white space that stops", 900 * time.Millisecond, []string{" ", "  "}, "   ", 5 * time.Second},
		{"white space without an end", 700 * time.Millisecond, strings.Split(strings.Repeat(" ", 20), ""), strings.Repeat(" ", 7), 5 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				b := peek.Start(t.Context(), newLate(row.delay, row.parts...), peek.Look{Max: 100, Within: time.Second, Blank: 5 * time.Second})
				defer b.Close()
				if took := time.Since(start); took != row.took || string(b.Bytes()) != row.bytes {
					t.Errorf("got %q after %v, want %q after %v", b.Bytes(), took, row.bytes, row.took)
				}
			})
		})
	}
}

// An until has seen enough once the start has so many bytes.
type until struct {
	enough int
	within time.Duration
	less   time.Duration // each time that it is asked
	asked  int
	saw    []string
}

func (u *until) Enough(start []byte) bool {
	u.saw = append(u.saw, string(start))
	return len(start) >= u.enough
}

func (u *until) Within() time.Duration {
	u.asked++
	return u.within - time.Duration(u.asked-1)*u.less
}

func TestWatcherSeesWhatComes(t *testing.T) {
	for _, row := range []struct {
		name  string
		watch until
		parts []string
		delay time.Duration
		saw   string
		asked int
		took  time.Duration
	}{
		{"enough at once", until{enough: 3, within: time.Second}, []string{"one", "two"}, 0, "one", 0, 0},
		{"enough in time", until{enough: 6, within: time.Second}, []string{"one", "two", "six"}, 400 * time.Millisecond, "one,onetwo", 2, 800 * time.Millisecond},
		{"not in time", until{enough: 9, within: time.Second}, []string{"one", "two", "six"}, 400 * time.Millisecond, "one,onetwo", 3, time.Second},
		{"in less time than it seemed", until{enough: 9, within: time.Second, less: 150 * time.Millisecond}, []string{"one", "two", "six"}, 400 * time.Millisecond, "one,onetwo", 3, 800 * time.Millisecond},
		{"until a moment after what came", until{enough: 9, within: time.Second, less: 450 * time.Millisecond}, []string{"one", "two"}, 400 * time.Millisecond, "one", 2, 550 * time.Millisecond},
		{"nobody waits", until{enough: 3}, []string{"one"}, time.Second, "", 1, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start, whole := time.Now(), strings.Join(row.parts, "")
				var body io.ReadCloser = newLate(row.delay, row.parts...)
				if row.delay == 0 {
					body = io.NopCloser(iotest.DataErrReader(io.MultiReader(strings.NewReader(row.parts[0]), strings.NewReader(row.parts[1]))))
				}
				w := row.watch
				b := peek.Start(t.Context(), body, peek.Look{Max: 100, Watch: &w})
				defer b.Close()
				if saw, took := strings.Join(w.saw, ","), time.Since(start); saw != row.saw || took != row.took {
					t.Errorf("saw %q after %v, want %q after %v", saw, took, row.saw, row.took)
				}
				if row.delay == 0 && w.asked > 1 || row.delay > 0 && w.asked != row.asked { // what is there at once may need a moment
					t.Errorf("was asked %d times how long to wait, want %d", w.asked, row.asked)
				}
				got := make([]byte, len(whole))
				if _, err := io.ReadFull(b, got); string(got) != whole {
					t.Errorf("then read %q and %v, want every byte", got, err)
				}
			})
		})
	}
}

func TestWatcherOfABodyThatGivesNothing(t *testing.T) {
	b := peek.Start(t.Context(), io.NopCloser(silent{}), peek.Look{Max: 100, Watch: &until{enough: 1, within: long}})
	if n, err := b.Read(make([]byte, 1)); n != 0 || err != nil {
		t.Errorf("got %d bytes and %v, want what the body itself gives", n, err)
	}
}

// silent is a reader that never gives anything.
type silent struct{}

func (silent) Read([]byte) (int, error) { return 0, nil }

// Bodies that are looked at one after another, and at the same time, share memory while
// they are read.
func TestBodiesDoNotMix(t *testing.T) {
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			for j := range 50 {
				want := strings.Repeat(string(rune('a'+(i+j)%26)), 100*(j+1))
				b := peek.Start(t.Context(), io.NopCloser(iotest.HalfReader(strings.NewReader(want))), peek.Look{Max: 3000, Within: long})
				start := b.Bytes()
				if got, _ := io.ReadAll(b); string(got) != want || string(start) != want[:min(len(want), 3000)] {
					t.Errorf("a body of %d bytes %q reads as %d of %.3q", len(want), want[0], len(got), got)
				}
			}
		})
	}
	all.Wait()
}

func TestALookTakesLittleMemory(t *testing.T) {
	content := strings.Repeat(text, 40)
	for name, reader := range map[string]func() io.Reader{
		"at once":      func() io.Reader { return strings.NewReader(content) },
		"byte by byte": func() io.Reader { return iotest.OneByteReader(strings.NewReader(content)) },
	} {
		got := testing.AllocsPerRun(100, func() {
			peek.Start(t.Context(), io.NopCloser(reader()), peek.Look{Max: 64 << 10, Within: long})
		})
		if got > 2+3+3 { // the Body and its bytes; the reader here; a timer now and then
			t.Errorf("%s: got %v allocations, want at most 8", name, got)
		}
	}
}

func TestReaderThatComesDuringAReadOfNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := peek.Start(t.Context(), newLate(5*time.Second, "", "late"), peek.Look{Max: 100, Within: time.Second})
		defer b.Close()
		p := make([]byte, 100)
		if n, err := b.Read(p); string(p[:n]) != "late" || err != nil {
			t.Errorf("got %q and %v, want what comes next", p[:n], err)
		}
	})
}

func TestWatcherOfABodyThatStartsWithNothing(t *testing.T) {
	w := &until{enough: 3, within: long}
	peek.Start(t.Context(), io.NopCloser(&chunked{data: []byte(text), cuts: []byte{0, 3}}), peek.Look{Max: 100, Watch: w})
	if len(w.saw) != 1 || w.saw[0] != text[:3] {
		t.Errorf("saw %q, want the first bytes that come", w.saw)
	}
}

func TestReaderThatComesDuringARead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		b := peek.Start(t.Context(), newLate(5*time.Second, "late"), peek.Look{Max: 100, Within: time.Second})
		defer b.Close()
		p := make([]byte, 100)
		n, err := b.Read(p)
		if string(p[:n]) != "late" || err != nil {
			t.Errorf("got %q and %v, want what the read under way brings", p[:n], err)
		}
		if took := time.Since(start); took != 5*time.Second {
			t.Errorf("took %v, want 5s", took)
		}
	})
}

func TestCloseDuringARead(t *testing.T) {
	for _, reading := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			b := peek.Start(t.Context(), newLate(0), peek.Look{Max: 100, Within: time.Second})
			ended := make(chan error, 1)
			if reading {
				go func() {
					_, err := b.Read(make([]byte, 1))
					ended <- err
				}()
				synctest.Wait()
			}
			before := time.Now()
			b.Close()
			if took := time.Since(before); took != 0 {
				t.Errorf("Close took %v, want it not to wait", took)
			}
			if !reading {
				_, err := b.Read(make([]byte, 1))
				ended <- err
			}
			if err := <-ended; err != errClosed {
				t.Errorf("reader in between %v: got %v, want %v", reading, err, errClosed)
			}
		})
	}
}

// chunked reads data in pieces of the sizes in cuts, over and over; zero is a
// read that brings nothing. The last piece comes with the error if together.
type chunked struct {
	data     []byte
	cuts     []byte
	err      error
	together bool
	i        int
	empty    int // reads in a row that brought nothing
}

func (c *chunked) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, c.err
	}
	size := len(p)
	if len(c.cuts) > 0 {
		size = int(c.cuts[c.i%len(c.cuts)])
		c.i++
	}
	if size == 0 && c.empty < 3 {
		c.empty++
		return 0, nil
	}
	c.empty = 0
	n := copy(p, c.data[:min(max(size, 1), len(c.data))])
	c.data = c.data[n:]
	if len(c.data) == 0 && c.together {
		return n, c.err
	}
	return n, nil
}

func FuzzStart(f *testing.F) {
	f.Add([]byte(text), []byte{1, 0, 7}, uint32(9), uint16(3), false, false)
	f.Add([]byte(text), []byte{}, uint32(len(text)), uint16(100), true, true)
	f.Add([]byte(text), []byte{43}, uint32(0), uint16(1), true, false)
	f.Add(bytes.Repeat([]byte(text), 300), []byte{255}, uint32(8<<10), uint16(512), false, true)
	f.Fuzz(func(t *testing.T, data, cuts []byte, limit uint32, step uint16, breaks, together bool) {
		end := io.EOF
		if breaks {
			end = io.ErrUnexpectedEOF
		}
		most := int(limit % (128 << 10))
		body := &chunked{data: data, cuts: cuts, err: end, together: together}
		b := peek.Start(t.Context(), io.NopCloser(body), peek.Look{Max: most, Within: long})
		known := string(b.Bytes())
		if len(known) > most || !strings.HasPrefix(string(data), known) {
			t.Errorf("Bytes: got %d bytes, want a beginning of at most %d", len(known), most)
		}
		if b.Whole() && (breaks || known != string(data)) {
			t.Errorf("Whole: got true with %d of %d bytes known", len(known), len(data))
		}
		var got []byte
		var err error
		for p := make([]byte, step%4096+1); err == nil; {
			var n int
			n, err = b.Read(p)
			got = append(got, p[:n]...)
		}
		if !bytes.Equal(got, data) || err != end {
			t.Errorf("got %d bytes and %v, want %d and %v", len(got), err, len(data), end)
		}
		if string(b.Bytes()) != known {
			t.Error("Bytes changed by reading")
		}
	})
}
