package steadyhttp

import (
	"errors"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/down"
	"github.com/steadyhttp/steadyhttp/internal/redact"
	"github.com/steadyhttp/steadyhttp/internal/retarget"
	"github.com/steadyhttp/steadyhttp/limit"
)

// A Target is another way to have a request answered: at another host, with another
// credential, or by another model. It names only what changes; the rest of the request
// stays as it is. Set at least one of URL, Header, Model, Set and Prepare. A target with
// a URL on another host needs a credential of its own in Header.
type Target struct {
	// Name is the target's name in logs, metrics and Call.Target. No two targets may
	// have the same. "" is the host of URL, else Model, else "target", followed by its
	// number in the list if another target has that name.
	Name string

	// URL is the base that an SDK would be given, such as
	// https://openrouter.ai/api/v1. What follows the base in the request's path, such
	// as /chat/completions, is appended: a base without its /v1 gives a path without
	// it. Where the API is not known, URL is only a scheme and a host, such as
	// https://west.example.com, and the request's path stays. "" is the request's own.
	//
	// To another origin (scheme, host and port) only the body and these headers of the
	// caller go along: Accept and Content ones, User-Agent, Anthropic-Version,
	// Anthropic-Beta, OpenAI-Beta, Traceparent and Tracestate. So a target at another
	// origin needs its own credential, in Header or from Prepare.
	URL string

	// Header is set on the request. A name without values removes that header. nil
	// sets nothing. A credential in it replaces the caller's, with which
	// OpenAI-Organization and OpenAI-Project go as well.
	Header http.Header

	// Model is the model to ask for, in the body or, as with Azure and Gemini, in the
	// path. "" is the request's own.
	Model string

	// Set are top-level members of the JSON body and their new values, as
	// encoding/json writes them. nil removes a member. All else of the body stays as it
	// is, byte for byte. A nil map changes nothing.
	Set map[string]any

	// MaxInput is how many tokens of input the model takes. The input of a call is
	// estimated at one token for four bytes of text. A target that takes fewer is
	// passed over, and a call that failed because its input was too long goes only to
	// targets that take as many. 0 is not known: such a target is used for everything
	// but input that was too long elsewhere.
	MaxInput int64

	// Prepare is called last, with a request that it may change, for example to sign
	// it. If it returns an error, the target is left like one that failed. It may be
	// called more than once for a request that waited. nil does nothing.
	Prepare func(req *http.Request) error
}

// A Failover sends a call that failed to another Target, if it can succeed there. Set
// Targets first. What a target must have depends on the failure:
//
//   - after a rate limit, something else than what the limit is for: another
//     credential, model or host;
//   - after an empty account or a bad key, another credential;
//   - after overload or an error of the server, another model or host;
//   - after a lost connection, another host;
//   - after a prompt that is too long, a MaxInput that takes it.
//
// A refusal by content policy and an invalid request go nowhere. A Failover cannot be
// limited to some of these reasons.
//
// A call goes first to where its request says; the Targets follow in order. There are
// no weights and no health checks. Nothing is translated between APIs: a target speaks
// the API of the request.
//
//   - Before a call is sent, a Throttler below is asked which places can take it at
//     once. The first of those gets it. A call that is queued there goes on if what
//     it waits for goes down while another place is up.
//   - If a server asks the call to wait for at most MaxWait, it waits there, once. If
//     its first failure is a 500, it is repeated there, once, after a quarter of a
//     second. After all other failures it goes to the next target at once.
//   - A place where three calls in a row failed is passed over by all calls. About
//     one call a second still tries it, and goes to the next target if it fails. A
//     place that asked for a pause is passed over until that ends, five minutes at
//     most; an empty account or a bad key for five minutes.
//   - A conversation stays for five minutes where it had its last answer, since its
//     prompt is cached there. It is known by the body's prompt_cache_key, the header
//     X-Session-Id, or Sticky.
//   - As with a Retrier, a request that may do harm if done twice goes on only if it
//     was never sent or was refused, and a stream only before its first output.
//
// For a Retrier above it, one attempt tries all targets. The Retrier sees a failure
// only when all have failed or are passed over: the response of the one that will be
// back first. AttemptTimeout and FirstOutput of the Retrier hold for each target.
// A Failover can be used alone, with any Base.
//
// A request that no target fits is sent as it is. That is a request to another host
// (see Hosts), the next request of a redirect, and one whose body would have to be
// changed but is no JSON or cannot be sent twice.
//
// The zero value has no targets and passes everything. A Failover is safe for
// concurrent use. It must not be copied after first use, and its fields must not be
// changed once it is in use.
type Failover struct {
	// Base sends the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// Targets are the alternatives, in order. nil is none.
	Targets []Target

	// Hosts are the hosts whose requests may go to a target, each as it stands in a
	// URL. A host without a port stands for every port. List your own hosts and
	// gateways. If none is listed, only calls to language models whose API is known go
	// to a target: at whatever host if the target has a URL, otherwise at the hosts of
	// known providers, since its key would go to a stranger elsewhere.
	Hosts []string

	// MaxWait is how long a call waits where it is although it could go elsewhere:
	// because a server asked for a wait, or because its conversation stays there. 0 is
	// 2 s, negative is no limit.
	MaxWait time.Duration

	// Sticky returns the name of the conversation that a request belongs to; "" is a
	// request that may go anywhere. It must not read the body. nil goes by the body's
	// prompt_cache_key and the header X-Session-Id.
	Sticky func(*http.Request) string

	settings settings
	once     sync.Once
	targets  []*target // of Targets
	err      error     // why there are none

	alone   Retrier                       // sends what no Retrier above does
	checked [16]atomic.Pointer[checkedAt] // the latest, by the length of the path
	strange atomic.Bool                   // the log has said that no target is for a host
	down    down.Memory
	stays   down.Stays
}

// A target is a Target that makes sense.
type target struct {
	Target
	name    string // never ""
	change  retarget.Target
	useless atomic.Bool // for a call, which the log has said
}

// RoundTrip implements http.RoundTripper.
func (f *Failover) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := f.settings.check(f); err != nil {
		return refuse(req, err)
	}
	return f.roundTrip(req, f.base())
}

func (f *Failover) roundTrip(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	if !f.holdsFor(req) {
		return send(next, req)
	}
	return f.alone.roundTripVia(req, f, next)
}

// failoverBelow returns the Failover that next is, nil if it is none, and what is
// below that.
func failoverBelow(next http.RoundTripper) (*Failover, http.RoundTripper) {
	switch rt := next.(type) {
	case *link:
		if f, ok := rt.wrapper.(*Failover); ok {
			return f, rt.next
		}
	case *Failover:
		if rt.settings.check(rt) == nil { // else it says so itself
			return rt, rt.base()
		}
	}
	return nil, next
}

// holdsFor reports whether req may go to a target, if one fits.
func (f *Failover) holdsFor(req *http.Request) bool {
	switch {
	case len(f.targets) == 0, req.URL == nil, req.Response != nil:
		return false // a redirect is the server's choice of where to go
	case len(f.Hosts) > 0:
		return f.lists(req.URL)
	}
	return isModelCall(req)
}

// lists reports whether Hosts has the host of u.
func (f *Failover) lists(u *url.URL) bool {
	for _, host := range f.Hosts {
		if strings.EqualFold(host, u.Host) || strings.EqualFold(host, u.Hostname()) {
			return true
		}
	}
	return false
}

// fits reports whether req, for which f holds, can be turned into one for t.
func (f *Failover) fits(t *target, req *http.Request) bool {
	switch {
	case len(f.Hosts) > 0:
	case t.URL == "" && !dialect.ServesModels(hostname(req.URL)):
		return false // what t sets would go to a stranger
	case t.URL != "" && !retarget.KnowsAPI(req):
		return false // nobody knows what the target's server would make of it
	}
	return t.change.Fits(req)
}

// hasNoneFor reports whether no target is for the host of req, a call to a model at a
// host that nobody knows: none has a URL, and Hosts lists nothing.
func (f *Failover) hasNoneFor(req *http.Request) bool {
	for _, t := range f.targets {
		if t.URL != "" {
			return false
		}
	}
	return len(f.Hosts) == 0 && !dialect.ServesModels(hostname(req.URL))
}

// checkedAt is where all targets are known to speak the request's API.
type checkedAt struct{ host, path string }

// check returns an error if a target speaks another API than req's.
func (f *Failover) check(req *http.Request) error {
	checked := &f.checked[len(req.URL.Path)%len(f.checked)]
	if last := checked.Load(); last != nil && last.host == req.URL.Host && last.path == req.URL.Path {
		return nil
	}
	for i := range f.targets {
		if t := f.targets[i]; f.fits(t, req) {
			if err := t.change.Check(req); err != nil {
				return fmt.Errorf("steadyhttp: Failover.Targets[%d] (%s): %w", i, t.name, err)
			}
		}
	}
	checked.Store(&checkedAt{req.URL.Host, req.URL.Path})
	return nil
}

func (f *Failover) maxWait() time.Duration { return orMax(f.MaxWait, defaultTargetWait) }

// defaultTargetWait is MaxWait's: the patience of a person who looks at a page, and
// less than a provider's cache saves a long conversation.
const defaultTargetWait = 2 * time.Second

// conversation returns what the calls of req's conversation have in common, "" if
// nothing tells.
func (f *Failover) conversation(req *http.Request, p *plan) string {
	name := ""
	switch {
	case f.Sticky != nil:
		name = f.Sticky(req)
	case first(req.Header, "X-Session-Id") != "":
		name = first(req.Header, "X-Session-Id")
	case p.inMemory:
		if p.body.Contains(cacheKey, maxRead) {
			name = dialect.Read(string(p.body.Start(maxRead)), req.ContentLength).CacheKey
		}
	}
	if name == "" {
		return ""
	}
	if len(name) > maxToken { // many begin alike
		name = fmt.Sprintf("%s %x", name[:maxToken], maphash.String(conversationSeed, name))
	}
	return hostOf(req) + " " + name
}

var (
	cacheKey         = []byte("prompt_cache_key")
	conversationSeed = maphash.MakeSeed()
)

// CloseIdleConnections closes the idle connections of Base, if Base has a method
// for that.
func (f *Failover) CloseIdleConnections() { closeIdle(f.base()) }

// WrappedRoundTripper returns Base, http.DefaultTransport if it is nil. Libraries
// that look for the http.Transport below its wrappers, as Kubernetes' do, find it so.
func (f *Failover) WrappedRoundTripper() http.RoundTripper { return f.base() }

func (f *Failover) base() http.RoundTripper    { return orDefault(f.Base) }
func (f *Failover) ownBase() http.RoundTripper { return f.Base }

func (f *Failover) validate() error {
	f.once.Do(func() { // several Transports may share f
		f.alone.MaxAttempts = 1
		f.targets, f.err = targetsOf(f.Targets)
	})
	if f.err != nil {
		return f.err
	}
	for i, host := range f.Hosts {
		if u, err := url.Parse("//" + host); err != nil || u.Host != host || host == "" || strings.Contains(host, "*") {
			return fmt.Errorf("steadyhttp: Failover.Hosts[%d] is %q; name one host as it stands in a URL, without scheme, path or wildcard: api.openai.com", i, redact.Line(host, maxDetail))
		}
	}
	return nil
}

func targetsOf(list []Target) ([]*target, error) {
	all := make([]*target, len(list))
	for i, t := range list {
		made, err := targetOf(t)
		if err != nil {
			return nil, fmt.Errorf("steadyhttp: Failover.Targets[%d]: %w", i, err)
		}
		switch {
		case made.name == "":
			made.name = fmt.Sprintf("target %d", i+1)
		case !named(all[:i], made.name):
		case t.Name != "":
			return nil, fmt.Errorf("steadyhttp: Failover.Targets[%d]: another target is named %q as well; nobody could tell in a log which of them answered", i, made.name)
		default:
			made.name = fmt.Sprintf("%s %d", made.name, i+1)
		}
		all[i] = made
	}
	return all, nil
}

func named(list []*target, name string) bool {
	return slices.ContainsFunc(list, func(t *target) bool { return t.name == name })
}

func targetOf(t Target) (made *target, err error) {
	made = &target{Target: t, change: retarget.Target{Header: t.Header, Model: t.Model}}
	if t.URL != "" {
		if made.change.URL, err = url.Parse(t.URL); err != nil {
			return made, errors.New("URL cannot be parsed; set the base that an SDK would be given, which begins with https:// or http://, such as https://openrouter.ai/api/v1") // the error would show it
		}
		made.name = made.change.URL.Host
	}
	if made.change.Set, err = retarget.Members(t.Set); err != nil {
		return made, err
	}
	if t.URL == "" && t.Model == "" && len(t.Header) == 0 && len(t.Set) == 0 && t.Prepare == nil {
		return made, errors.New("nothing is set in which it differs from the request as it is: set URL, Header, Model, Set or Prepare")
	}
	if t.MaxInput < 0 {
		return made, fmt.Errorf("MaxInput is %d; set the tokens that the model takes, or 0 if that is not known", t.MaxInput)
	}
	if made.name == "" {
		made.name = t.Model
	}
	if t.Name != "" {
		made.name = t.Name
	}
	made.name = redact.Line(made.name, maxToken)
	return made, made.change.Validate()
}

// answer is what a target's try comes to: nothing of another origin's cookies, and no
// redirect, which would lead the caller's credentials to where nobody chose.
func (t *target) answer(req, own *http.Request, resp *http.Response, err error) (*http.Response, error) {
	if err != nil || resp == nil {
		return resp, err
	}
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		bodyOf(resp).Close()
		e := t.misconfigured(resp.StatusCode, fmt.Sprintf("target %s redirects with status %d; set its URL to where it leads", t.name, resp.StatusCode))
		if resp.StatusCode < http.StatusTemporaryRedirect {
			e.Fate = FateUnknown // one that leads from a form to what it made is sent after the work
		}
		return nil, e
	}
	if !sameOrigin(req, own) {
		retarget.Answer(resp.Header)
	}
	return resp, nil
}

func (t *target) misconfigured(status int, message string) *Error {
	fate := FateRefused
	if status == 0 {
		fate = FateNeverSent
	}
	return &Error{Class: NotFound, Fate: fate, Status: status, Message: message, Hint: "Check this target of the Failover.", Err: errTarget}
}

// Snapshot returns what is known now of places that failed, in no particular order.
func (f *Failover) Snapshot() []limit.TargetState {
	var all []limit.TargetState
	for _, r := range f.down.Snapshot() {
		key := limit.Key{Host: r.Scope.Host, Credential: r.Scope.Credential, Model: r.Scope.Model, Route: r.Scope.Route}
		all = append(all, limit.TargetState{Name: r.Name, Key: key, Down: r.Down, Since: r.Since, Left: r.Left, Err: r.Why})
	}
	return all
}
