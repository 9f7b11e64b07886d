package steadyhttptest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
)

// errReadAfterClose is what a watched body says to a late reader.
var errReadAfterClose = errors.New("stub body: read after Close")

// watchedBody is a request's or an answer's body that remembers how it was treated.
type watchedBody struct {
	name  string
	r     io.Reader       // closed with the body if it is an io.Closer
	ctx   context.Context // if set, reads fail once it is over: an answer lives no longer than its request's context
	atEOF func()          // if set, called when r is at its end, before the reader learns of it
	gone  chan struct{}   // closed by the first Close

	// mu guards all below, but is not held while r is read: Close must be able to interrupt a Read.
	mu    sync.Mutex
	taken int64 // bytes read
	late  int   // reads after Close
	shut  bool
	ended bool
}

func watch(name string, r io.Reader) *watchedBody {
	return &watchedBody{name: name, r: r, gone: make(chan struct{})}
}

func (b *watchedBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.shut {
		b.late++
		b.mu.Unlock()
		return 0, errReadAfterClose
	}
	b.mu.Unlock()
	if b.ctx != nil && b.ctx.Err() != nil {
		return 0, b.ctx.Err()
	}

	n, err := b.r.Read(p)

	b.mu.Lock()
	b.taken += int64(n)
	first := err == io.EOF && !b.ended
	b.ended = b.ended || first
	b.mu.Unlock()
	if first && b.atEOF != nil {
		b.atEOF()
	}
	return n, err
}

func (b *watchedBody) Close() error {
	b.mu.Lock()
	first := !b.shut
	b.shut = true
	b.mu.Unlock()
	if !first {
		return nil
	}
	close(b.gone)
	if c, ok := b.r.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

func (b *watchedBody) closed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.shut
}

func (b *watchedBody) atEnd() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.ended
}

func (b *watchedBody) lateReads() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.late
}

func (b *watchedBody) size() int64 {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.taken
}

// uploadKind says what body a request has.
type uploadKind int

const (
	noUpload    uploadKind = iota
	withGetBody            // of known length, can be had again
	withoutCopy            // of unknown length, can be read once
	brokenCopy             // promises another copy, gives one, then an error
	largeNoCopy            // withoutCopy, and larger than what most wrappers would keep
	uploadKinds            // how many there are
)

const (
	uploadSize = 10_000      // more than one buffer of the usual sizes
	largeSize  = 1<<20 + 999 // a little more than the limit that a wrapper is likely to have
	copiesLeft = 1           // how often GetBody of a brokenCopy works
)

func (k uploadKind) String() string {
	return [uploadKinds]string{
		noUpload:    "no body",
		withGetBody: "body with GetBody",
		withoutCopy: "body without GetBody",
		brokenCopy:  "body whose GetBody fails the second time",
		largeNoCopy: "body of more than 1 MiB without GetBody",
	}[k]
}

// errGetBody is the failure of a brokenCopy's GetBody.
var errGetBody = errors.New("stub upload: no further copy of the body")

// upload is what a request carries, and all bodies that were made of it.
type upload struct {
	kind uploadKind
	data []byte

	// mu guards all below.
	mu     sync.Mutex
	bodies []*watchedBody
	copies int // calls of GetBody
}

// attach makes an upload of the given kind and puts it on req.
func attach(req *http.Request, kind uploadKind) *upload {
	u := &upload{kind: kind}
	switch kind {
	case noUpload:
		return u
	case largeNoCopy:
		u.data = pattern(largeSize, 7)
	default:
		u.data = pattern(uploadSize, 7)
	}
	req.Body = u.open("the request body")
	req.ContentLength = -1
	if kind == withGetBody || kind == brokenCopy {
		req.ContentLength = int64(len(u.data))
		req.GetBody = u.copy
	}
	return u
}

func (u *upload) copy() (io.ReadCloser, error) {
	u.mu.Lock()
	u.copies++
	n := u.copies
	u.mu.Unlock()
	if u.kind == brokenCopy && n > copiesLeft {
		return nil, errGetBody
	}
	return u.open(fmt.Sprintf("the body from GetBody call %d", n)), nil
}

func (u *upload) open(name string) *watchedBody {
	b := watch(name, &slowReader{data: u.data})
	u.mu.Lock()
	defer u.mu.Unlock()
	u.bodies = append(u.bodies, b)
	return b
}

// opened returns the bodies made so far.
func (u *upload) opened() []*watchedBody {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.bodies)
}

// copyFailed reports whether GetBody has failed, which excuses an error.
func (u *upload) copyFailed() bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.kind == brokenCopy && u.copies > copiesLeft
}

// slowReader gives data in pieces of changing size, the last one together with io.EOF, as an io.Reader may.
type slowReader struct {
	data  []byte
	count int
}

func (r *slowReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	r.count++
	n := copy(p[:min(len(p), 1000+r.count*37%5000)], r.data)
	r.data = r.data[n:]
	if len(r.data) == 0 {
		return n, io.EOF
	}
	return n, nil
}

// pattern is n printable bytes that do not repeat themselves soon, so that a piece lost or doubled shows. All patterns share
// one array, so nobody may write to it.
func pattern(n, seed int) []byte {
	from := seed * 131 % 10_000
	return patterns()[from : from+n : from+n]
}

// patterns is made once, since making it byte by byte would be most of what the race detector has to watch.
var patterns = sync.OnceValue(func() []byte {
	b := make([]byte, largeSize+10_000) // a seed moves the start by less than 10,000
	for i := range b {
		b[i] = 'a' + byte((i+i/26+i/1000)%26)
	}
	return b
})

// difference tells two bodies apart in a few words, or says "" if they are equal.
func difference(got, want []byte) string {
	if bytes.Equal(got, want) {
		return ""
	}
	i := 0
	for i < len(got) && i < len(want) && got[i] == want[i] {
		i++
	}
	return fmt.Sprintf("%d bytes, want %d; the first difference is at %d", len(got), len(want), i)
}

// streamed is a request body that the caller writes while the call runs.
func streamed(req *http.Request) (*io.PipeWriter, *watchedBody) {
	r, w := io.Pipe()
	b := watch("the request body", r)
	req.Body, req.ContentLength = b, -1
	return w, b
}
