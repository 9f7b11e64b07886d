package steadyhttp

import (
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/steadyhttp/steadyhttp/internal/redact"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A Transport sends requests through the wrappers in the recommended
// order, from the caller to the network: Logger, Retrier, Failover, Throttler,
// Classifier, Base. Its zero value is ready to use and safe under any
// http.Client.
//
//	client := &http.Client{Transport: &steadyhttp.Transport{}}
//
// A Transport is safe for concurrent use by multiple goroutines. It holds the
// state of the limits, so create one and share it. It must not be copied after
// first use, and its fields must not be changed once it is in use.
type Transport struct {
	// Base sends the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// The wrappers. nil is the zero value of each: a Logger that logs nothing, a
	// Retrier with the default settings, no Failover, a Throttler that obeys the limits of
	// the servers and has none of its own, and a Classifier. Their own Base must
	// be nil. A wrapper may be set in several Transports, which then share its
	// state: with one Throttler, their clients share its limits.
	Logger     *Logger
	Retrier    *Retrier
	Failover   *Failover
	Throttler  *Throttler
	Classifier *Classifier

	// Trace is told what calls go through. nil is nobody, and costs nothing.
	Trace *Trace

	once  sync.Once
	chain chain // linked at the first request
	err   error // why it could not be

	// What stands in for a nil field. Without a Logger or a Failover nothing does.
	own struct {
		Retrier
		Throttler
		Classifier
	}
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	t.once.Do(t.link)
	if t.err != nil {
		return refuse(req, t.err)
	}
	return t.chain.first().RoundTrip(req)
}

// A chain is the wrappers of a Transport with what each calls in place of its
// Base. Nothing is written into the wrappers themselves, which may be those of
// other Transports as well.
type chain struct {
	logger, retrier, failover, throttler, classifier link

	call, attempt link // tell the Trace, if there is one
}

// A link is a wrapper with what it calls.
type link struct {
	wrapper interface {
		roundTrip(req *http.Request, next http.RoundTripper) (*http.Response, error)
	}
	next http.RoundTripper
}

func (l *link) WrappedRoundTripper() http.RoundTripper { return l.next }

func (l *link) RoundTrip(req *http.Request) (*http.Response, error) {
	return l.wrapper.roundTrip(req, l.next)
}

// link links the chain, if the settings make sense.
func (t *Transport) link() {
	if t.err = t.validate(); t.err != nil {
		return
	}
	c := &t.chain
	c.classifier = link{orOwn(t.Classifier, &t.own.Classifier), t.base()}
	below, throttler := &c.classifier, orOwn(t.Throttler, &t.own.Throttler)
	if t.Trace != nil {
		c.attempt = link{attemptTracer{t.Trace, throttler}, below}
		below = &c.attempt
	}
	c.throttler = link{throttler, below}
	below = &c.throttler
	if t.Failover != nil {
		c.failover = link{t.Failover, below}
		below = &c.failover
	}
	c.retrier = link{orOwn(t.Retrier, &t.own.Retrier), below}
	if t.Logger != nil {
		c.logger = link{t.Logger, &c.retrier}
	}
	if t.Trace != nil {
		c.call = link{callTracer{t.Trace}, c.outermost()}
	}
}

// first is the wrapper that the client calls.
func (c *chain) first() *link {
	if c.call.wrapper != nil {
		return &c.call
	}
	return c.outermost()
}

// outermost is the outermost wrapper that a user knows of.
func (c *chain) outermost() *link {
	if c.logger.wrapper != nil {
		return &c.logger
	}
	return &c.retrier
}

func orOwn[W any](set, own *W) *W {
	if set != nil {
		return set
	}
	return own
}

// Snapshot returns what the Transport's Throttler knows now of limits, pauses,
// failures and waiting requests, in no particular order.
func (t *Transport) Snapshot() []limit.KeyState {
	return orOwn(t.Throttler, &t.own.Throttler).Snapshot()
}

// CloseIdleConnections closes the idle connections of Base, if Base has a method
// for that.
// http.Client.CloseIdleConnections calls it.
func (t *Transport) CloseIdleConnections() { closeIdle(t.base()) }

// WrappedRoundTripper returns Base, http.DefaultTransport if it is nil. Libraries
// that look for the http.Transport below its wrappers, as Kubernetes' do, find it so.
func (t *Transport) WrappedRoundTripper() http.RoundTripper { return t.base() }

func (t *Transport) base() http.RoundTripper { return orDefault(t.Base) }

func (t *Transport) validate() error {
	for _, w := range []struct {
		name string
		set  bool
		wrapper
	}{
		{"Logger", t.Logger != nil, t.Logger},
		{"Retrier", t.Retrier != nil, t.Retrier},
		{"Failover", t.Failover != nil, t.Failover},
		{"Throttler", t.Throttler != nil, t.Throttler},
		{"Classifier", t.Classifier != nil, t.Classifier},
	} {
		if !w.set {
			continue
		}
		if err := w.validate(); err != nil {
			return err
		}
		if w.ownBase() != nil {
			return fmt.Errorf("steadyhttp: Transport.%s.Base is set; the Transport links its wrappers itself: set Transport.Base instead", w.name)
		}
	}
	return acyclic(t)
}

func (t *Transport) ownBase() http.RoundTripper { return t.Base }

// A wrapper is one of ours. Other people's may stand between them.
type wrapper interface {
	http.RoundTripper
	roundTrip(req *http.Request, next http.RoundTripper) (*http.Response, error) // RoundTrip with next in place of Base
	ownBase() http.RoundTripper                                                  // its Base field
	validate() error                                                             // what is wrong with its other fields
}

// settings remembers whether a wrapper's fields make sense. They are read-only
// once in use, so they are looked at once.
type settings struct {
	once sync.Once
	err  error
}

func (s *settings) check(w wrapper) error {
	s.once.Do(func() {
		if s.err = w.validate(); s.err == nil {
			s.err = acyclic(w)
		}
	})
	return s.err
}

// maxLinks is more wrappers than anybody stacks.
const maxLinks = 100

// acyclic returns an error if following Base from rt comes to no end. On its way
// it learns which secrets the Classifiers name.
func acyclic(rt http.RoundTripper) error {
	for range maxLinks {
		switch t := rt.(type) { // what stands further out has to know beforehand what to mask
		case *Classifier:
			redact.Learn(t.SecretPaths)
		case *Transport:
			if t.Classifier != nil {
				redact.Learn(t.Classifier.SecretPaths)
			}
		}
		ours, ok := rt.(interface{ ownBase() http.RoundTripper })
		if !ok {
			return nil
		}
		rt = orDefault(ours.ownBase())
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
