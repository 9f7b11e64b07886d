package steadyhttp

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"sync"

	"github.com/steadyhttp/steadyhttp/internal/hosts"
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

	// ByHost holds Transports with other settings for some hosts. A name is a host,
	// "api.openai.com", or all hosts below one, "*.internal"; either may have a port,
	// "localhost:8080", and then means that port alone. The host in the request's URL
	// decides, for each hop of a redirect anew. The host itself comes before the hosts
	// below another, a longer name before a shorter one, and one with a port before one
	// without.
	//
	// What a Transport in ByHost leaves nil, Base too, is what this one has. A wrapper
	// that it sets replaces this one's as a whole: their fields are not merged, so
	// repeat those that you want to keep. To have none of a wrapper for a host, set
	// &Logger{}, &Failover{}, &Retrier{MaxAttempts: 1}, &Throttler{Disabled: true} or
	// &Classifier{Disabled: true}; &Retrier{} has the default settings. Its own ByHost
	// must be nil. A Failover's targets have the settings of the host that the request
	// names. nil is no other settings.
	ByHost map[string]*Transport

	once   sync.Once
	chain  chain // linked at the first request
	byHost hosts.Table[*chain]
	err    error // why they could not be

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
	if c, ok := t.byHost.Find(req.URL); ok {
		return c.first().RoundTrip(req)
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

// link links the chains, if the settings make sense.
func (t *Transport) link() {
	if t.err = t.validate(); t.err != nil {
		return
	}
	t.chain.link(t, t)
	for name, h := range t.ByHost {
		c := new(chain)
		c.link(h, t)
		_ = t.byHost.Add(name, c) // validate has tried
	}
}

// link links the wrappers of t and, where t has none, those of or.
func (c *chain) link(t, or *Transport) {
	base := t.Base
	if base == nil {
		base = or.base()
	}
	throttler, trace := cmp.Or(t.Throttler, or.Throttler, &or.own.Throttler), cmp.Or(t.Trace, or.Trace)
	c.classifier = link{cmp.Or(t.Classifier, or.Classifier, &or.own.Classifier), base}
	below := &c.classifier
	if trace != nil {
		c.attempt = link{attemptTracer{trace, throttler}, below}
		below = &c.attempt
	}
	c.throttler = link{throttler, below}
	below = &c.throttler
	if f := cmp.Or(t.Failover, or.Failover); f != nil {
		c.failover = link{f, below}
		below = &c.failover
	}
	c.retrier = link{cmp.Or(t.Retrier, or.Retrier, &or.own.Retrier), below}
	if l := cmp.Or(t.Logger, or.Logger); l != nil {
		c.logger = link{l, &c.retrier}
	}
	if trace != nil {
		c.call = link{callTracer{trace}, c.outermost()}
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

// Snapshot returns what the Transport's Throttler, and those of ByHost, know now of
// limits, pauses, failures and waiting requests, in no particular order.
func (t *Transport) Snapshot() []limit.KeyState {
	throttlers := []*Throttler{cmp.Or(t.Throttler, &t.own.Throttler)}
	for _, h := range t.ByHost {
		if h != nil && h.Throttler != nil && !slices.ContainsFunc(throttlers, h.Throttler.shares) {
			throttlers = append(throttlers, h.Throttler)
		}
	}
	var all []limit.KeyState
	for _, throttler := range throttlers {
		all = append(all, throttler.Snapshot()...)
	}
	return all
}

// shares reports whether both have their state in one Limiter.
func (t *Throttler) shares(other *Throttler) bool {
	a, b := t.limiter(), other.limiter()
	return reflect.TypeOf(a).Comparable() && a == b
}

// CloseIdleConnections closes the idle connections of Base and of each Base in ByHost
// that has a method for that.
// http.Client.CloseIdleConnections calls it.
func (t *Transport) CloseIdleConnections() {
	closeIdle(t.base())
	for _, h := range t.ByHost {
		if h != nil && h.Base != nil {
			closeIdle(h.Base)
		}
	}
}

// WrappedRoundTripper returns Base, http.DefaultTransport if it is nil. Libraries
// that look for the http.Transport below its wrappers, as Kubernetes' do, find it so.
func (t *Transport) WrappedRoundTripper() http.RoundTripper { return t.base() }

func (t *Transport) base() http.RoundTripper { return orDefault(t.Base) }

func (t *Transport) validate() error {
	if err := t.validateOwn(); err != nil {
		return err
	}
	var names hosts.Table[bool]
	for _, name := range slices.Sorted(maps.Keys(t.ByHost)) {
		h, err := t.ByHost[name], names.Add(name, true)
		switch {
		case err != nil:
			err = fmt.Errorf("steadyhttp: Transport.ByHost[%q]: %w", name, err)
		case h == nil:
			err = fmt.Errorf("steadyhttp: Transport.ByHost[%q] is nil; set it to a Transport, or leave the name out", name)
		case len(h.ByHost) > 0:
			err = fmt.Errorf("steadyhttp: Transport.ByHost[%q] has a ByHost of its own; put its names into the outer one", name)
		default:
			if err = h.validateOwn(); err != nil {
				err = fmt.Errorf("%w (in Transport.ByHost[%q])", err, name)
			}
		}
		if err != nil {
			return err
		}
	}
	return acyclic(t)
}

// validateOwn returns what is wrong with the Transport's own wrappers.
func (t *Transport) validateOwn() error {
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
	return nil
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

var errCyclic = errors.New("steadyhttp: following Base leads back to the same RoundTripper; set Base to what should make the requests (a nil Base is http.DefaultTransport, so a wrapper that replaces it must keep the old one in Base)")

// acyclic returns an error if following Base from rt comes to no end. On its way
// it learns which secrets the Classifiers name.
func acyclic(rt http.RoundTripper) error { return endsWithin(maxLinks, rt) }

func endsWithin(links int, rt http.RoundTripper) error {
	for ; links > 0; links-- {
		switch t := rt.(type) { // what stands further out has to know beforehand what to mask
		case *Classifier:
			redact.Learn(t.SecretPaths)
		case *Transport:
			if t.Classifier != nil {
				redact.Learn(t.Classifier.SecretPaths)
			}
			for _, h := range t.ByHost {
				if h == nil {
					continue // its own Transport says so
				}
				if h.Classifier != nil {
					redact.Learn(h.Classifier.SecretPaths)
				}
				if h.Base == nil {
					continue
				}
				if err := endsWithin(links-1, h.Base); err != nil {
					return err
				}
			}
		}
		ours, ok := rt.(interface{ ownBase() http.RoundTripper })
		if !ok {
			return nil
		}
		rt = orDefault(ours.ownBase())
	}
	return errCyclic
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
