// Package inmem looks at request bodies that stand in memory, without reading
// them: whoever reads a body moves it, and SDKs rewind the one body that they have
// in GetBody.
package inmem

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"sync"
)

// A Body is the content of a body in memory. The zero value has none.
type Body struct {
	at     io.ReaderAt // nil is bytes
	off, n int64       // n bytes from off
	bytes  []byte
}

// Of returns the content of body if that is a *bytes.Reader, a *strings.Reader or
// a *bytes.Buffer, or what http.NewRequest and io.NopCloser make of one. It is what
// is unread. Once somebody may be reading it, as read says, that can't be told: then
// it is all that a reader was made of, and nothing is known of a Buffer.
func Of(body io.Reader, read bool) (b Body, ok bool) {
	switch r := unwrap(body).(type) {
	case *bytes.Reader:
		b = Body{at: r, n: r.Size()}
		if !read {
			b.skip(r.Len())
		}
	case *strings.Reader:
		b = Body{at: r, n: r.Size()}
		if !read {
			b.skip(r.Len())
		}
	case *bytes.Buffer:
		if read {
			return Body{}, false
		}
		b = Body{bytes: r.Bytes()}
	default:
		return Body{}, false
	}
	return b, true
}

// skip leaves the last bytes of b.
func (b *Body) skip(left int) { b.off, b.n = b.n-int64(left), int64(left) }

// nopClosers are the types of io.NopCloser, which have no name.
var nopClosers = [...]reflect.Type{
	reflect.TypeOf(io.NopCloser(nil)),
	reflect.TypeOf(io.NopCloser(struct {
		io.Reader
		io.WriterTo
	}{})),
}

// unwrap returns what io.NopCloser has made body of, as net/http does to see
// whether a body is in memory.
func unwrap(body io.Reader) io.Reader {
	if t := reflect.TypeOf(body); t == nil || t != nopClosers[0] && t != nopClosers[1] {
		return body
	}
	r, _ := reflect.ValueOf(body).Field(0).Interface().(io.Reader)
	return r
}

// Len is how many bytes there are.
func (b Body) Len() int64 { return b.n + int64(len(b.bytes)) }

// WriteTo implements io.WriterTo. It may be called while the body is being read.
func (b Body) WriteTo(w io.Writer) (int64, error) {
	if b.at == nil {
		n, err := w.Write(b.bytes)
		return int64(n), err
	}
	return io.Copy(w, io.NewSectionReader(b.at, b.off, b.n))
}

// Reader returns a new reader of the content. It may be read while the body is.
func (b Body) Reader() io.Reader {
	if b.at == nil {
		return bytes.NewReader(b.bytes)
	}
	return io.NewSectionReader(b.at, b.off, b.n)
}

// chunks are what Contains reads into.
var chunks = sync.Pool{New: func() any { return new([4 << 10]byte) }}

// Contains reports whether word, a short one, is among the first max bytes.
func (b Body) Contains(word []byte, max int) bool {
	if b.at == nil {
		return bytes.Contains(b.bytes[:min(len(b.bytes), max)], word)
	}
	chunk := chunks.Get().(*[4 << 10]byte)
	found, end := false, min(b.n, int64(max))
	for from := int64(0); from < end && !found; from += int64(len(chunk) - len(word)) { // a word may stand across two
		n, _ := b.at.ReadAt(chunk[:min(int64(len(chunk)), end-from)], b.off+from)
		found = bytes.Contains(chunk[:n], word)
	}
	chunks.Put(chunk)
	return found
}

// Start returns the first bytes, max at the most. They must not be written to.
func (b Body) Start(max int) []byte {
	if b.at == nil {
		return b.bytes[:min(len(b.bytes), max)]
	}
	start := make([]byte, min(b.n, int64(max)))
	n, _ := b.at.ReadAt(start, b.off) // which never fails in memory
	return start[:n]
}
