package otelsteady

import (
	"errors"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/steadyhttp/steadyhttp"
)

func orDefault(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		return http.DefaultTransport
	}
	return base
}

// send is base.RoundTrip, with a base that gives both a response and an error
// brought back to the contract.
func send(base http.RoundTripper, req *http.Request) (*http.Response, error) {
	resp, err := base.RoundTrip(req)
	if err != nil && resp != nil {
		if resp.Body != nil {
			resp.Body.Close()
		}
		resp = nil
	}
	return resp, err
}

// refuse ends a request that never reached the base: the contract wants its
// body closed all the same.
func refuse(req *http.Request, err error) (*http.Response, error) {
	if req.Body != nil {
		req.Body.Close()
	}
	return nil, err
}

func closeIdle(base http.RoundTripper) {
	if c, ok := base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// maxLinks is more wrappers than anybody stacks.
const maxLinks = 100

// acyclic fails if rt, through wrappers of ours and of steadyhttp, ends in
// itself.
func acyclic(rt http.RoundTripper) error {
	for range maxLinks {
		next, ok := baseOf(rt)
		if !ok {
			return nil
		}
		rt = orDefault(next)
	}
	return errors.New("otelsteady: following Base leads back to the same RoundTripper; set Base to what should make the requests (a nil Base is http.DefaultTransport, so a wrapper that replaces it must keep the old one in Base)")
}

func baseOf(rt http.RoundTripper) (base http.RoundTripper, ok bool) {
	switch t := rt.(type) {
	case *Calls:
		return t.Base, true
	case *Attempts:
		return t.Base, true
	case *steadyhttp.Transport:
		return t.Base, true
	case *steadyhttp.Logger:
		return t.Base, true
	case *steadyhttp.Retrier:
		return t.Base, true
	case *steadyhttp.Throttler:
		return t.Base, true
	case *steadyhttp.Classifier:
		return t.Base, true
	}
	return nil, false
}

// endsLater reports whether an answer is under way until its body ends. An
// upgraded connection is not: it lives for hours, and its body must stay the
// io.Writer that it is.
func endsLater(resp *http.Response) bool {
	return resp.Body != nil && resp.Body != http.NoBody && resp.StatusCode != http.StatusSwitchingProtocols
}

// A watchedBody says when a response's body ends: at its end, by an error, or
// when it is closed. Bytes go up as they come.
type watchedBody struct {
	io.ReadCloser
	over func(err error) // called once; nil for an end, or for a reader who had enough

	once   sync.Once
	closed atomic.Bool
}

func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == io.EOF:
		b.end(nil)
	case err != nil && !b.closed.Load(): // else Close ended this Read, and says so itself
		b.end(err)
	}
	return n, err
}

// Close may come while a Read is under way, as from a client that gives up.
func (b *watchedBody) Close() error {
	b.closed.Store(true)
	err := b.ReadCloser.Close() // first: what stands further in hears of the end before us
	b.end(nil)
	return err
}

func (b *watchedBody) end(err error) { b.once.Do(func() { b.over(err) }) }
