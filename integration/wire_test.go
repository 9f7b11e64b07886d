package integration

import (
	"context"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// wire is a net/http Transport for which every host is srv, so that an SDK goes
// to its real address and never leaves the machine. What is https comes to srv
// in the clear.
//
// Connections are not kept: an idle one has a goroutine in a read of the
// network, and a bubble's clock stands still as long as there is one.
func wire(srv *steadyhttptest.Server) *http.Transport {
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, network, strings.TrimPrefix(srv.URL, "http://"))
	}
	return &http.Transport{DialContext: dial, DialTLSContext: dial, DisableKeepAlives: true}
}

// settled returns from a request only once its body is closed, for SDKs that take
// their reader back as soon as they are answered. net/http may still be about to
// see that there is no more in it, and the race detector sees two goroutines at it.
type settled struct{ base http.RoundTripper }

func (s settled) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return s.base.RoundTrip(req)
	}
	body := &closing{ReadCloser: req.Body, closed: make(chan struct{})}
	req = req.WithContext(req.Context())
	req.Body = body
	resp, err := s.base.RoundTrip(req)
	<-body.closed
	return resp, err
}

type closing struct {
	io.ReadCloser
	once   sync.Once
	closed chan struct{}
}

func (c *closing) Close() error {
	defer c.once.Do(func() { close(c.closed) })
	return c.ReadCloser.Close()
}

// steady is the zero Transport with only its Base set.
func steady(base http.RoundTripper) http.RoundTripper { return &steadyhttp.Transport{Base: base} }

// fourAttempts is steady, with a bound that can be counted: without one a call is
// patient by time.
func fourAttempts(base http.RoundTripper) http.RoundTripper {
	return &steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{MaxAttempts: attempts}}
}

// bare is the base itself.
func bare(base http.RoundTripper) http.RoundTripper { return base }

// bubble runs f with a client of s in a bubble of time, in which waits take no
// time. The server stands outside of it, on loopback: as long as a request is
// on its way, the bubble's clock stands still. The bubble does not end, and the
// test with it, before every goroutine that s and we started has ended. It
// returns what the server received, but for what opens an upload.
func bubble(t *testing.T, s sdk, chain func(http.RoundTripper) http.RoundTripper, script []steadyhttptest.Reply,
	f func(*testing.T, calls)) []steadyhttptest.Request {
	t.Helper()
	srv := steadyhttptest.NewServer()
	defer srv.Close()
	srv.Script("*", script...)
	for path, r := range s.opening {
		srv.Script(path, r)
	}
	synctest.Test(t, func(t *testing.T) {
		var base http.RoundTripper = wire(srv)
		if s.hasty {
			base = settled{base}
		}
		f(t, open(t, s, chain(base)))
	})
	return slices.DeleteFunc(srv.Requests(), func(r steadyhttptest.Request) bool {
		_, ok := s.opening[r.Path]
		return ok
	})
}

func open(t *testing.T, s sdk, rt http.RoundTripper) calls {
	t.Helper()
	c, err := s.open(&http.Client{Transport: rt})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
