package replay_test

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/steadyhttp/steadyhttp/internal/replay"
)

// original is a body that counts its closes.
type original struct {
	io.Reader
	closes int
}

func (o *original) Close() error { o.closes++; return nil }

func body(t *testing.T, s *replay.Source) io.ReadCloser {
	t.Helper()
	b, err := s.Body()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func read(t *testing.T, r io.Reader, n int) string {
	t.Helper()
	p := make([]byte, n)
	if _, err := io.ReadFull(r, p); err != nil {
		t.Fatal(err)
	}
	return string(p)
}

func TestEachAttemptReadsTheWholeBody(t *testing.T) {
	const text = "the same bytes"
	for _, row := range []struct {
		name string
		from io.Reader
		max  int
		had  []int // how much each attempt reads before it is over; the last reads all
	}{
		{"read whole at once", strings.NewReader(text), 100, []int{len(text)}},
		{"the first read nothing", strings.NewReader(text), 100, []int{0}},
		{"the first read a part", strings.NewReader(text), 100, []int{5}},
		{"the second read less than the first", strings.NewReader(text), 100, []int{9, 3}},
		{"the second read more than the first", strings.NewReader(text), 100, []int{3, 9}},
		{"byte by byte", iotest.OneByteReader(strings.NewReader(text)), 100, []int{5, 7, 0}},
		{"the end comes with the last bytes", iotest.DataErrReader(strings.NewReader(text)), 100, []int{14}},
		{"exactly as much as is kept", strings.NewReader(text), len(text), []int{14, 2}},
		{"more than is kept, but not yet read", strings.NewReader(text), 8, []int{8}},
	} {
		t.Run(row.name, func(t *testing.T) {
			orig := &original{Reader: row.from}
			s := replay.New(orig, row.max)
			for _, n := range row.had {
				a := body(t, s)
				if got := read(t, a, n); got != text[:n] {
					t.Errorf("got %q, want %q", got, text[:n])
				}
				a.Close()
			}
			a := body(t, s)
			got, err := io.ReadAll(a)
			if string(got) != text || err != nil {
				t.Errorf("the last attempt: got %q, %v; want %q", got, err, text)
			}
			if orig.closes != 0 {
				t.Error("the original was closed though another attempt could follow")
			}
			s.Last()
			a.Close()
			a.Close()
			s.Close()
			if orig.closes != 1 {
				t.Errorf("the original was closed %d times, want once", orig.closes)
			}
		})
	}
}

func TestTooMuchToKeep(t *testing.T) {
	orig := &original{Reader: strings.NewReader("0123456789")}
	s := replay.New(orig, 4)
	a := body(t, s)
	if got, err := io.ReadAll(a); string(got) != "0123456789" || err != nil {
		t.Errorf("got %q, %v; want all of it", got, err)
	}
	if s.Replayable() {
		t.Error("replayable, though more was read than is kept")
	}
	if _, err := s.Body(); !errors.Is(err, replay.ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

func TestErrorOfTheOriginalReachesEachAttempt(t *testing.T) {
	gone := errors.New("disk gone")
	s := replay.New(&original{Reader: io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(gone))}, 100)
	for range 2 {
		if got, err := io.ReadAll(body(t, s)); string(got) != "abc" || err != gone {
			t.Errorf("got %q, %v; want %q and the original's error", got, err, "abc")
		}
	}
}

// An attempt that is over no longer waits for the producer. What the Read brings
// that was made for it belongs to the attempt that followed.
func TestBytesOfAReadInFlightAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		s := replay.New(r, 4) // the read in flight goes past what is kept
		old := body(t, s)
		oldRead := make(chan error)
		go func() {
			_, err := old.Read(make([]byte, 100))
			oldRead <- err
		}()
		synctest.Wait()

		next := body(t, s)
		got := make(chan string)
		go func() {
			b, err := io.ReadAll(next)
			if err != nil {
				t.Error(err)
			}
			got <- string(b)
		}()
		if err := <-oldRead; err == nil {
			t.Error("the old attempt's read succeeded, want an error")
		}
		synctest.Wait()
		go func() {
			io.WriteString(w, "in flight, ")
			io.WriteString(w, "and after")
			w.Close()
		}()
		if all := <-got; all != "in flight, and after" {
			t.Errorf("the next attempt got %q, want all of it", all)
		}
		if s.Replayable() {
			t.Error("replayable, though more was read than is kept")
		}
	})
}

func TestCloseEndsAnAttemptThatWaitsForAnothersRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		s := replay.New(r, 100)
		old := body(t, s)
		go old.Read(make([]byte, 1))
		synctest.Wait()
		next := body(t, s)
		failed := make(chan error)
		go func() {
			_, err := next.Read(make([]byte, 1))
			failed <- err
		}()
		synctest.Wait()
		next.Close()
		if err := <-failed; !errors.Is(err, http.ErrBodyReadAfterClose) {
			t.Errorf("got %v, want http.ErrBodyReadAfterClose", err)
		}
		s.Close() // ends the old attempt's read
		if _, err := w.Write([]byte("x")); err != io.ErrClosedPipe {
			t.Errorf("writing to the closed original: got %v", err)
		}
		if _, err := s.Body(); err == nil {
			t.Error("got another attempt's body after Close")
		}
	})
}

// A producer that waits must not keep net/http from leaving an attempt.
func TestCloseEndsAReadThatWaitsForTheProducer(t *testing.T) {
	for _, row := range []struct {
		name string
		end  func(*replay.Source, io.Closer)
		open bool // the original is
	}{
		{"another attempt may follow", func(_ *replay.Source, a io.Closer) { a.Close() }, true},
		{"it is the last", func(s *replay.Source, a io.Closer) { s.Last(); a.Close() }, false},
		{"it became the last", func(s *replay.Source, a io.Closer) { a.Close(); s.Last() }, false},
		{"the call is over", func(s *replay.Source, _ io.Closer) { s.Close() }, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, w := io.Pipe()
				s := replay.New(io.NopCloser(r), 100) // its Close ends no Read
				a := body(t, s)
				failed := make(chan error)
				go func() {
					_, err := a.Read(make([]byte, 1))
					failed <- err
				}()
				synctest.Wait()
				row.end(s, a)
				if err := <-failed; !errors.Is(err, http.ErrBodyReadAfterClose) {
					t.Errorf("got %v, want http.ErrBodyReadAfterClose", err)
				}
				synctest.Wait()
				if open := s.Replayable(); open != row.open {
					t.Errorf("the original is open: %v, want %v", open, row.open)
				}
				w.Close()
			})
		})
	}
}

func TestLastClosesAnAttemptThatIsOver(t *testing.T) {
	orig := &original{Reader: strings.NewReader("x")}
	s := replay.New(orig, 100)
	body(t, s).Close()
	if s.Last(); orig.closes != 1 {
		t.Errorf("the original was closed %d times, want once", orig.closes)
	}
}

func TestLastLeavesAnAttemptThatIsUnderWay(t *testing.T) {
	for _, row := range []struct {
		name string
		had  []int // how much each attempt had read
	}{
		{"the first read nothing yet", []int{0}},
		{"the first read a part", []int{5}},
		{"the second read less than the first", []int{9, 3}},
	} {
		t.Run(row.name, func(t *testing.T) {
			orig := &original{Reader: strings.NewReader("the same bytes")}
			s := replay.New(orig, 100)
			var b io.ReadCloser
			had := ""
			for _, n := range row.had {
				b = body(t, s)
				had = read(t, b, n)
			}
			s.Last()
			left, err := io.ReadAll(b)
			if got := had + string(left); got != "the same bytes" || err != nil {
				t.Errorf("got %q, %v, want the whole", got, err)
			}
			if b.Close(); orig.closes != 1 {
				t.Errorf("the original was closed %d times, want once", orig.closes)
			}
		})
	}
}

func TestLastBeforeAnyAttemptClosesTheOriginal(t *testing.T) {
	orig := &original{Reader: strings.NewReader("x")}
	if replay.New(orig, 100).Last(); orig.closes != 1 {
		t.Errorf("the original was closed %d times, want once", orig.closes)
	}
}

func TestLastDuringAReadOfTheOriginal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		from, to := io.Pipe()
		s := replay.New(from, 100)
		b := body(t, s)
		go to.Write([]byte("hello"))
		read(t, b, 5)
		got := make(chan string)
		go func() { got <- read(t, b, 5) }()
		synctest.Wait()
		s.Last()
		to.Write([]byte("world"))
		if text := <-got; text != "world" {
			t.Errorf("got %q, want what the Read brought", text)
		}
	})
}

func TestTheEndComesWithTheLastBytes(t *testing.T) {
	const text = "the same bytes"
	s := replay.New(io.NopCloser(iotest.DataErrReader(strings.NewReader(text))), 100)
	for _, row := range []struct {
		room int
		want error
	}{
		{100, io.EOF}, {len(text), io.EOF}, {len(text) - 1, nil},
	} {
		if n, err := body(t, s).Read(make([]byte, row.room)); n != min(row.room, len(text)) || err != row.want {
			t.Errorf("room for %d: got %d bytes and %v, want %v", row.room, n, err, row.want)
		}
	}
}

func TestKept(t *testing.T) {
	s := replay.New(&original{Reader: strings.NewReader("the same bytes")}, 8)
	kept := func(when, want string) {
		t.Helper()
		if got := s.Kept(); string(got) != want {
			t.Errorf("%s: got %q, want %q", when, got, want)
		}
	}
	first := body(t, s)
	kept("before it is read", "")
	read(t, first, 3)
	kept("read in part", "the")
	if got := s.Kept(); cap(got) != len(got) {
		t.Errorf("got room for %d bytes, want none to append to", cap(got)-len(got))
	}
	second := body(t, s)
	kept("before the second attempt reads", "the")
	read(t, second, 8)
	kept("read by the second attempt", "the same")
	read(t, second, 1)
	kept("read past what is kept", "")
}

func FuzzReplay(f *testing.F) {
	f.Add([]byte("some text that is read in pieces"), uint8(10), []byte{3, 200, 7, 1})
	f.Fuzz(func(t *testing.T, text []byte, max uint8, steps []byte) {
		s := replay.New(io.NopCloser(bytes.NewReader(text)), int(max))
		a, _ := s.Body()
		var got []byte
		for _, step := range steps {
			if step >= 128 { // another attempt, from the beginning
				next, err := s.Body()
				if err != nil {
					if len(got) <= int(max) {
						t.Fatalf("no further attempt after %d bytes of %d kept: %v", len(got), max, err)
					}
					break
				}
				a, got = next, nil
				continue
			}
			p := make([]byte, step)
			n, _ := a.Read(p)
			got = append(got, p[:n]...)
		}
		rest, err := io.ReadAll(a)
		if got = append(got, rest...); err != nil || !bytes.Equal(got, text) {
			t.Fatalf("got %q, %v; want %q", got, err, text)
		}
	})
}
