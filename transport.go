package steadyhttp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A Transport is the four wrappers in the recommended order, from the caller
// to the wire: Logger, Retrier, Throttler, Classifier, Base. Its zero value is
// ready to use and safe under any http.Client.
//
//	client := &http.Client{Transport: &steadyhttp.Transport{}}
//
// A Transport is safe for concurrent use by many goroutines. It holds the state
// of the limits, so create one and share it; it must not be copied after first
// use. Its fields must not change once it is in use.
type Transport struct {
	// Base makes the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// The wrappers. nil is the zero value of each: a silent Logger, a Retrier
	// with the default policy, a Throttler without limits of its own that still
	// obeys those of the servers, and a Classifier. Their own Base must be nil.
	// A wrapper may be set in several Transports, which then share its state:
	// one Throttler makes their clients share its limits.
	Logger     *Logger
	Retrier    *Retrier
	Throttler  *Throttler
	Classifier *Classifier

	settings settings

	// What stands in for a nil field. Without a Logger nothing does.
	own struct {
		Retrier
		Throttler
		Classifier
	}

	// The chain, linked at the first request. Each link calls the next one and
	// nothing comes between, since what a wrapper costs beside a connection is
	// the calls that have to return: after the wait for an answer no processor
	// knows any more where to.
	chain struct {
		logging
		retrying
		throttling
		classifying
	}
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.settings.check(t); err != nil {
		return refuse(req, err)
	}
	if t.Logger == nil {
		return t.chain.retrying.RoundTrip(req)
	}
	return t.chain.logging.RoundTrip(req)
}

// link links the chain. It writes nothing into the wrappers, which may be those
// of other Transports as well.
func (t *Transport) link() {
	t.chain.classifying = classifying{orOwn(t.Classifier, &t.own.Classifier), t.Base}
	throttler := orOwn(t.Throttler, &t.own.Throttler)
	t.chain.throttling = throttling{throttler, &t.chain.classifying, throttler.unlimited()}
	t.chain.retrying = retrying{orOwn(t.Retrier, &t.own.Retrier), &t.chain.throttling}
	t.chain.logging = logging{t.Logger, &t.chain.retrying}
}

func orOwn[W any](set, own *W) *W {
	if set != nil {
		return set
	}
	return own
}

// Snapshot lists what its Throttler knows now of limits, waits and gates, in no
// order.
func (t *Transport) Snapshot() []KeyState { return orOwn(t.Throttler, &t.own.Throttler).Snapshot() }

// CloseIdleConnections closes the idle connections of Base, if it can.
// http.Client.CloseIdleConnections calls it.
func (t *Transport) CloseIdleConnections() { closeIdle(t.base()) }

func (t *Transport) base() http.RoundTripper { return orDefault(t.Base) }

func (t *Transport) validate() error {
	for _, w := range []struct {
		name string
		set  bool
		link link
	}{
		{"Logger", t.Logger != nil, t.Logger},
		{"Retrier", t.Retrier != nil, t.Retrier},
		{"Throttler", t.Throttler != nil, t.Throttler},
		{"Classifier", t.Classifier != nil, t.Classifier},
	} {
		if !w.set {
			continue
		}
		if err := w.link.validate(); err != nil {
			return err
		}
		if w.link.ownBase() != nil {
			return fmt.Errorf("steadyhttp: Transport.%s.Base is set; the Transport links its wrappers itself: set Transport.Base instead", w.name)
		}
	}
	t.link()
	return nil
}

func (t *Transport) ownBase() http.RoundTripper { return t.Base }

// A link is what our wrappers are to each other when their settings are
// checked. Nothing else depends on it: strangers may stand between them.
type link interface {
	http.RoundTripper
	base() http.RoundTripper    // what it calls
	ownBase() http.RoundTripper // its Base field
	validate() error            // its other fields
}

// settings remembers whether a wrapper's fields make sense. They are read-only
// once in use, so they are looked at once.
type settings struct {
	good atomic.Bool // they do: who sees it need not ask further
	once sync.Once
	err  error
}

func (s *settings) check(l link) error {
	if s.good.Load() {
		return nil
	}
	return s.firstCheck(l)
}

func (s *settings) firstCheck(l link) error {
	s.once.Do(func() {
		s.err = l.validate()
		if s.err == nil {
			s.err = acyclic(l)
		}
		s.good.Store(s.err == nil)
	})
	return s.err
}

// maxLinks is more wrappers than anybody stacks.
const maxLinks = 100

func acyclic(l link) error {
	for range maxLinks {
		next, ok := l.base().(link)
		if !ok {
			return nil
		}
		l = next
	}
	return errors.New("steadyhttp: following Base leads back to the same RoundTripper; set Base to what should make the requests (a nil Base is http.DefaultTransport, so a wrapper that replaces it must keep the old one in Base)")
}

func orDefault(base http.RoundTripper) http.RoundTripper {
	if base == nil {
		return http.DefaultTransport
	}
	return base
}

func closeIdle(base http.RoundTripper) {
	if c, ok := base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// refuse ends a call that never reached the base: the contract wants the
// request's body closed all the same.
func refuse(req *http.Request, err error) (*http.Response, error) {
	closeBody(req)
	return nil, err
}

// send is base.RoundTrip, brought back to the contract.
func send(base http.RoundTripper, req *http.Request) (*http.Response, error) {
	return eitherOr(base.RoundTrip(req))
}

// eitherOr brings a base that gives both a response and an error back to the
// contract.
func eitherOr(resp *http.Response, err error) (*http.Response, error) {
	if err != nil && resp != nil {
		if resp.Body != nil {
			resp.Body.Close()
		}
		resp = nil
	}
	return resp, err
}

// bodyOf is resp.Body, which fakes leave nil.
func bodyOf(resp *http.Response) io.ReadCloser {
	if resp.Body == nil {
		return http.NoBody
	}
	return resp.Body
}

// sleep waits for d. It ends early, with the error that the base would give,
// if the request is given up: by its context, or by the Cancel channel that
// http.Client still sets for its Timeout.
func sleep(req *http.Request, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-req.Context().Done():
		return context.Cause(req.Context())
	//lint:ignore SA1019 deprecated for callers, who may still set it
	case <-req.Cancel:
		return whyCanceled(req.Context())
	}
}

// ended returns why the caller no longer waits for req, context.Canceled or
// context.DeadlineExceeded, and nil if he does.
func ended(req *http.Request) error {
	if err := req.Context().Err(); err != nil {
		return err
	}
	select {
	//lint:ignore SA1019 deprecated for callers, who may still set it
	case <-req.Cancel:
		return whyCanceled(req.Context())
	default:
		return nil
	}
}

// whyCanceled returns why a request with ctx was canceled by its Cancel channel.
// http.Client's Timeout closes that at the moment when the context's deadline
// passes, and either may be seen first: so the clock tells.
func whyCanceled(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return context.Canceled
}
