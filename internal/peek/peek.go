// Package peek looks at the start of a response body without taking it away
// from whoever reads it later.
package peek

import (
	"context"
	"io"
	"runtime"
	"sync"
	"time"
)

// A Body is a response body whose start has been looked at. Its reader gets
// every byte of the original, unchanged and in order, then the original's own
// error; Close closes the original.
//
// Like any http.Response.Body it serves one reader at a time, while Close may
// be called from another goroutine.
type Body struct {
	orig io.ReadCloser
	look Look

	// AtEnd, if not nil, is called once, before the reader is told io.EOF. Set it before
	// the Body is handed on.
	AtEnd func()

	mu    sync.Mutex    // guards what follows
	buf   []byte        // the start
	own   bool          // buf is ours, and no longer a scout's room
	err   error         // the original's, io.EOF for a body that was read whole
	began time.Time     // when the waiting began; zero as long as nothing is waited for
	said  bool          // there was a byte that is no white space
	text  time.Time     // when it came, if that was waited for
	bad   any           // what the original's Read panicked with
	stop  bool          // nobody waits for more: do not start another Read
	ahead bool          // a scout is under way
	back  chan struct{} // closed when it is back; nil unless somebody waits for it
	off   int           // how much of buf the reader has had
}

// A Look says how much of a body to look at.
type Look struct {
	Max    int           // bytes
	Within time.Duration // how long to wait for them, without a Watcher
	Watch  Watcher       // nil for all of Max

	// Blank is how long white space is waited through that the body begins with, as
	// long as some of it comes Within. The rest may then take Within from its first
	// byte on. 0 is not at all.
	Blank time.Duration
}

// A Watcher sees the start of a body as it comes.
type Watcher interface {
	// Enough reports of the start so far that it is enough. It sees all of it, after
	// each Read of the original, in the goroutine that called Start.
	Enough(start []byte) bool

	// Within is how long to wait, from when that was asked first. It is asked before
	// each wait, and so not if what is there at once is enough.
	Within() time.Duration
}

// Read reads the first max bytes of body, or all if there are less, however
// long it takes. Else it is like Start, without a goroutine.
func Read(body io.ReadCloser, max int) *Body {
	if b, ok := body.(*Body); ok {
		return b
	}
	b := &Body{orig: body, look: Look{Max: max}}
	if max > 0 {
		b.scout().run()
		b.repanic()
	}
	return b
}

// Start looks at the start of body: until it has seen enough, or time is up, or
// ctx ends, whatever the other side does. It takes body over: read and close
// the Body in its place. A body that was looked at before is not read again,
// and the Look then changes nothing.
//
// The Read that is under way when the time is up cannot be interrupted
// without closing body, so it goes on in its own goroutine, and what it brings
// is the next thing that the Body's reader gets. A Read that panics does so in
// the goroutine of whoever wanted its bytes.
func Start(ctx context.Context, body io.ReadCloser, l Look) *Body {
	if b, ok := body.(*Body); ok {
		return b
	}
	b := &Body{orig: body, look: l}
	if l.Max <= 0 {
		return b
	}
	for seen := 0; ; seen = len(b.buf) {
		go b.scout().run()
		if !b.wait(ctx) {
			return b
		}
		b.repanic()
		if l.Watch == nil || len(b.buf) == seen || l.Watch.Enough(b.buf) || b.err != nil || len(b.buf) >= l.Max {
			return b
		}
	}
}

// yields is how often a scout is let run before a timer is set.
const yields = 2

// wait waits for the scout. It reports false if the time was up before.
func (b *Body) wait(ctx context.Context) bool {
	// Most bodies are there by now. To let them come first saves a timer, which costs
	// more than the reading.
	for range yields {
		if runtime.Gosched(); b.isBack() {
			return true
		}
	}
	left := b.left()
	if left <= 0 {
		return false
	}
	timer := time.NewTimer(left)
	defer timer.Stop()
	for back := b.comesBack(); back != nil; {
		select {
		case <-back:
			return true
		case <-timer.C:
		case <-ctx.Done():
		}
		more := b.more(ctx)
		if more <= 0 {
			return false
		}
		timer.Reset(more)
	}
	return true
}

// left returns how long to wait, and ends the looking if that is no time.
func (b *Body) left() time.Duration {
	if w := b.look.Watch; w != nil {
		b.look.Within = w.Within()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.began.IsZero() {
		b.began = time.Now()
	}
	return b.orLeave(time.Until(b.began.Add(b.look.Within)))
}

// more is left after that time.
func (b *Body) more(ctx context.Context) (more time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.look.Blank == 0, ctx.Err() != nil:
	case !b.text.IsZero():
		more = time.Until(b.text.Add(b.look.Within))
	case !b.said && len(b.buf) > 0:
		more = min(time.Until(b.began.Add(b.look.Blank)), b.look.Within)
	}
	return b.orLeave(more)
}

// orLeave returns d. If that is no time, nobody waits any more. It requires b.mu held.
func (b *Body) orLeave(d time.Duration) time.Duration {
	if d <= 0 {
		b.stop = true
		b.keep()
	}
	return d
}

// keep makes buf ours. It requires b.mu held.
func (b *Body) keep() {
	if !b.own {
		b.own, b.buf = true, append([]byte(nil), b.buf...)
	}
}

// A scout reads ahead. It is used for one Body after another, so that of most bodies
// no memory is taken but for the bytes that are there.
type scout struct {
	run  func() // reads ahead for body; a field, as go allocates nothing for it
	body *Body
	room [4 << 10]byte // where bytes are read to: most answers are no longer
}

var scouts sync.Pool

func (b *Body) scout() *scout {
	s, ok := scouts.Get().(*scout)
	if !ok {
		s = new(scout)
		s.run = s.read
	}
	s.body = b
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ahead, b.back = true, nil
	return s
}

// maxEmptyReads is how often in a row a reader may give nothing, as in bufio.
// One that goes on so is left to the Body's reader.
const maxEmptyReads = 100

// read reads until somebody must look at what came, there is enough, the original
// ends or nobody waits.
func (s *scout) read() {
	defer s.end()
	for empty := 0; empty < maxEmptyReads; empty++ {
		p := s.free()
		n, err := s.body.orig.Read(p)
		if n > 0 {
			empty = 0
		}
		if s.body.add(p[:n], err) {
			return
		}
	}
}

// end is deferred by read.
func (s *scout) end() {
	bad, b := recover(), s.body
	b.mu.Lock()
	defer b.mu.Unlock()
	b.keep()
	b.bad, b.ahead = bad, false
	if b.back != nil {
		close(b.back)
	}
	s.body = nil
	scouts.Put(s)
}

// free returns where the next bytes go: behind those of buf, where nobody looks yet.
func (s *scout) free() []byte {
	b := s.body
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.buf) == len(s.room) {
		b.keep()
	}
	if b.own {
		return s.room[:min(len(s.room), b.look.Max-len(b.buf))]
	}
	b.buf = s.room[:len(b.buf)]
	return s.room[len(b.buf):min(len(s.room), b.look.Max)]
}

// add takes what was read, and reports whether that is enough for now.
func (b *Body) add(p []byte, err error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.said && !isBlank(p) {
		if b.said = true; !b.began.IsZero() {
			b.text = time.Now()
		}
	}
	if b.own {
		b.buf = append(b.buf, p...)
	} else {
		b.buf = b.buf[:len(b.buf)+len(p)]
	}
	b.err = err
	return b.look.Watch != nil && len(p) > 0 || b.stop || err != nil || len(b.buf) >= b.look.Max
}

// isBlank reports whether p is white space, as JSON has it.
func isBlank(p []byte) bool {
	for _, c := range p {
		if c > ' ' {
			return false
		}
	}
	return true
}

func (b *Body) isBack() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.ahead
}

// comesBack returns what is closed once the scout is back, nil if it is.
func (b *Body) comesBack() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ahead {
		return nil
	}
	if b.back == nil {
		b.back = make(chan struct{})
	}
	return b.back
}

// repanic is called when no scout is under way.
func (b *Body) repanic() {
	if b.bad != nil {
		panic(b.bad)
	}
}

// Bytes returns the start of the body that is known by now, at most the max
// given to Start or Read, even after the reader has had it. It must not be written to.
func (b *Body) Bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf[:len(b.buf):len(b.buf)]
}

// Err is what the body's end was: io.EOF, or why it broke off, or nil if that
// is not known.
func (b *Body) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// Whole reports whether Bytes is the whole body.
func (b *Body) Whole() bool { return b.Err() == io.EOF }

// Read reads the body from its beginning.
func (b *Body) Read(p []byte) (int, error) {
	n, err := b.read(p)
	if err == io.EOF && b.AtEnd != nil {
		b.AtEnd()
		b.AtEnd = nil
	}
	return n, err
}

func (b *Body) read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.next(p)
	if n > 0 || err != nil {
		return n, err
	}
	if back := b.comesBack(); back != nil {
		<-back
		if n, err = b.next(p); n > 0 || err != nil {
			return n, err
		}
	}
	b.repanic()
	return b.orig.Read(p)
}

// next reads what is known by now. As net/http's own bodies do, it gives the end
// with the last bytes.
func (b *Body) next(p []byte) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = copy(p, b.buf[b.off:])
	b.off += n
	if b.off == len(b.buf) && (n == 0 || b.err == io.EOF) {
		err = b.err
	}
	return n, err
}

// Close closes the original body. It does not wait for a Read under way.
func (b *Body) Close() error {
	return b.orig.Close()
}
