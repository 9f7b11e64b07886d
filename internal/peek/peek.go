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

	// done is closed once the goroutine that looks ahead has stopped.
	done chan struct{}

	mu   sync.Mutex // guards what follows until done is closed
	buf  []byte
	err  error // the original's, io.EOF for a body that was read whole
	stop bool  // nobody waits for more: do not start another Read
	bad  any   // what the original's Read panicked with

	off int // how much of buf the reader has had; the reader's own
}

// A Look says how much of a body to look at.
type Look struct {
	Max    int           // bytes
	Within time.Duration // how long to wait for them
	Watch  Watcher       // nil for all of Max, and no longer
}

// A Watcher sees the start of a body as it comes.
type Watcher interface {
	// Enough reports of the start so far that it is enough. It sees all of it.
	Enough(start []byte) bool
	// More is asked when the time is over how much longer to wait.
	More() time.Duration
}

// over is the done of a Body that nobody reads ahead any more.
var over = func() chan struct{} {
	c := make(chan struct{})
	close(c)
	return c
}()

// Read reads the first max bytes of body, or all if there are less, however
// long it takes. Else it is like Start, without a goroutine.
func Read(body io.ReadCloser, max int) *Body {
	if b, ok := body.(*Body); ok {
		return b
	}
	b := &Body{orig: body, done: over, buf: make([]byte, 0, max)}
	for empty := 0; len(b.buf) < max && b.err == nil && empty < maxEmptyReads; empty++ {
		var n int
		n, b.err = body.Read(b.buf[len(b.buf):max])
		b.buf = b.buf[:len(b.buf)+n]
		if n > 0 {
			empty = 0
		}
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
	if l.Max <= 0 {
		return &Body{orig: body, done: over}
	}
	b := &Body{orig: body, look: l, done: make(chan struct{})}
	go b.ahead()
	// Most bodies are there by now. To let them come first saves a timer, which costs
	// more than the reading.
	for range yields {
		runtime.Gosched()
		select {
		case <-b.done:
			b.repanic()
			return b
		default:
		}
	}
	timer := time.NewTimer(l.Within)
	defer timer.Stop()
	for {
		select {
		case <-b.done:
			b.repanic()
			return b
		case <-timer.C:
		case <-ctx.Done():
		}
		if more := b.wait(ctx); more > 0 {
			timer.Reset(more)
			continue
		}
		return b
	}
}

// wait returns how much longer is to be waited, and ends the looking if that is
// no time.
func (b *Body) wait(ctx context.Context) (more time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.look.Watch != nil && ctx.Err() == nil {
		more = b.look.Watch.More()
	}
	b.stop = more <= 0
	return more
}

// yields is how often the goroutine that looks ahead is let run before a timer is set.
const yields = 2

// maxEmptyReads is how often in a row a reader may give nothing, as in bufio.
// One that goes on so is left to the Body's reader.
const maxEmptyReads = 100

// ahead fills buf until it holds enough, the original ends or nobody waits.
func (b *Body) ahead() {
	defer close(b.done)
	defer func() { b.bad = recover() }()
	for empty := 0; empty < maxEmptyReads; empty++ {
		n, err := b.orig.Read(b.room())
		if n > 0 {
			empty = 0
		}
		if b.add(n, err) {
			return
		}
	}
}

// room returns where the next bytes go: behind those of buf, where nobody looks yet.
func (b *Body) room() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.buf) == cap(b.buf) {
		// Most errors and many answers are under half a KiB, nearly all errors under two.
		more := make([]byte, len(b.buf), min(max(4*len(b.buf), 512), b.look.Max))
		copy(more, b.buf)
		b.buf = more
	}
	return b.buf[len(b.buf):cap(b.buf)]
}

// add takes the n bytes that were read, and reports whether that is enough.
func (b *Body) add(n int, err error) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf = b.buf[:len(b.buf)+n]
	b.err = err
	enough := !b.stop && b.look.Watch != nil && b.look.Watch.Enough(b.buf)
	return enough || b.stop || err != nil || len(b.buf) >= b.look.Max
}

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
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.next(p)
	if n > 0 {
		return n, err
	}
	<-b.done
	if n, err = b.next(p); n > 0 {
		return n, err
	}
	b.repanic()
	if b.err != nil { // nobody writes it once done is closed
		return 0, b.err
	}
	return b.orig.Read(p)
}

// next reads what is known by now. As net/http's own bodies do, it gives the end
// with the last bytes.
func (b *Body) next(p []byte) (n int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n = copy(p, b.buf[b.off:])
	b.off += n
	if b.off == len(b.buf) && b.err == io.EOF {
		err = b.err
	}
	return n, err
}

// Close closes the original body. It does not wait for a Read under way.
func (b *Body) Close() error {
	return b.orig.Close()
}
