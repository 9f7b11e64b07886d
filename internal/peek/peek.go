// Package peek looks at the start of a response body without taking it away
// from whoever reads it later.
package peek

import (
	"io"
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
	max  int

	// done is closed once the goroutine that looks ahead has stopped.
	done chan struct{}

	mu   sync.Mutex // guards what follows until done is closed
	buf  []byte
	err  error // the original's, io.EOF for a body that was read whole
	stop bool  // nobody waits for more: do not start another Read

	off int // how much of buf the reader has had; the reader's own
}

// Start reads at most max bytes of body and waits for them no longer than
// within, whatever the other side does. It takes body over: read and close the
// Body in its place. A body that was looked at before is not read again, and
// max and within then change nothing.
//
// The Read that is under way when the time is up cannot be interrupted
// without closing body, so it goes on in its own goroutine, and what it brings
// is the next thing that the Body's reader gets.
func Start(body io.ReadCloser, max int, within time.Duration) *Body {
	if b, ok := body.(*Body); ok {
		return b
	}
	b := &Body{orig: body, max: max, done: make(chan struct{})}
	go b.ahead()
	timer := time.NewTimer(within)
	defer timer.Stop()
	select {
	case <-b.done:
	case <-timer.C:
		b.mu.Lock()
		b.stop = true
		b.mu.Unlock()
	}
	return b
}

// maxEmptyReads is how often in a row a reader may give nothing, as in bufio.
// One that goes on so is left to the Body's reader.
const maxEmptyReads = 100

// ahead fills buf until it holds max bytes, the original ends or nobody waits.
func (b *Body) ahead() {
	defer close(b.done)
	// Most error bodies are under 2 KiB; larger ones grow by doubling.
	chunk := make([]byte, min(b.max, 2<<10))
	for empty := 0; empty < maxEmptyReads; empty++ {
		n, err := b.orig.Read(chunk)
		if n > 0 {
			empty = 0
		}
		b.mu.Lock()
		b.buf = append(b.buf, chunk[:n]...)
		b.err = err
		room := b.max - len(b.buf)
		end := b.stop || err != nil || room <= 0
		b.mu.Unlock()
		if end {
			return
		}
		if n == len(chunk) && n < 32<<10 {
			chunk = make([]byte, 2*n)
		}
		chunk = chunk[:min(len(chunk), room)]
	}
}

// Bytes returns the start of the body that is known by now, at most the max
// given to Start, even after the reader has had it. It must not be written to.
func (b *Body) Bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf[:len(b.buf):len(b.buf)]
}

// Whole reports whether Bytes is the whole body.
func (b *Body) Whole() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err == io.EOF
}

// Read reads the body from its beginning.
func (b *Body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if n := b.next(p); n > 0 {
		return n, nil
	}
	<-b.done
	if n := b.next(p); n > 0 {
		return n, nil
	}
	if b.err != nil { // nobody writes it once done is closed
		return 0, b.err
	}
	return b.orig.Read(p)
}

func (b *Body) next(p []byte) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := copy(p, b.buf[b.off:])
	b.off += n
	return n
}

// Close closes the original body. It does not wait for a Read under way.
func (b *Body) Close() error {
	return b.orig.Close()
}
