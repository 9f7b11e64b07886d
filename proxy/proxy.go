package main

import (
	"bytes"
	"cmp"
	"io"
	"net/http"
	"net/http/httputil"
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/credential"
	"github.com/steadyhttp/steadyhttp/limit"
)

// The paths that the proxy answers itself.
const (
	healthPath  = "/healthz"
	metricsPath = "/metrics"
	debugPath   = "/debug/steadyhttp"
)

// priorityHeader says in which class a call waits. It does not leave the proxy.
const priorityHeader = "X-Steadyhttp-Priority"

// A proxy hands requests on to the upstreams of its config, and to no others.
type proxy struct {
	guard  guard
	routes []*route // the longest prefix first
	drain  *drain
	log    *zap.Logger
}

// A route is an upstream in use.
type route struct {
	*upstream
	set         http.Header // by the config, on each request
	replacesKey bool        // set has a key: the caller's own must not go along
	reverse     *httputil.ReverseProxy
}

func newProxy(c *config, transports []http.RoundTripper, d *drain, log *zap.Logger) *proxy {
	p := &proxy{guard: newGuard(c, c.Listen), drain: d, log: log}
	says := stdLog(log.Named("reverseproxy"), zap.DebugLevel) // mostly that a body broke off
	for i := range c.Upstreams {
		rt := &route{upstream: &c.Upstreams[i], set: headerOf(c.Upstreams[i].Header)}
		for name := range rt.set {
			rt.replacesKey = rt.replacesKey || credential.InHeader(name)
		}
		rt.reverse = &httputil.ReverseProxy{
			Rewrite:        rt.rewrite,
			Transport:      transports[i],
			FlushInterval:  -1, // a token that waits here for the next one is late
			ModifyResponse: p.modify,
			ErrorHandler:   p.failed,
			ErrorLog:       says,
			BufferPool:     &buffers,
		}
		p.routes = append(p.routes, rt)
	}
	slices.SortStableFunc(p.routes, func(a, b *route) int { return cmp.Compare(len(b.Prefix), len(a.Prefix)) })
	return p
}

// ServeHTTP implements http.Handler.
func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	defer p.drain.begin()()
	if no := p.guard.check(r); no != nil {
		p.refuse(w, *no)
		return
	}
	rt := p.route(r)
	if rt == nil {
		p.refuse(w, refusal{http.StatusNotFound, "no_upstream", "no upstream of this proxy has a prefix of this path"})
		return
	}
	ctx := steadyhttp.WithCall(r.Context())
	if said := r.Header.Get(priorityHeader); said != "" {
		priority, ok := priorities[strings.ToLower(said)]
		if !ok {
			p.refuse(w, refusal{http.StatusBadRequest, "priority", priorityHeader + " must be urgent, normal or batch"})
			return
		}
		ctx = steadyhttp.WithPriority(ctx, priority)
	}
	r = r.WithContext(ctx)
	if err := rt.hold(r); err != nil {
		p.refuse(w, refusal{http.StatusBadRequest, "body", "the body of the request ended before its Content-Length"})
		return
	}
	rt.reverse.ServeHTTP(w, r)
}

var priorities = map[string]limit.Priority{
	"urgent": steadyhttp.Urgent, "normal": steadyhttp.Normal, "batch": steadyhttp.Batch,
}

// route returns the route of the longest prefix that the path begins with, nil for none.
func (p *proxy) route(r *http.Request) *route {
	escaped := r.URL.EscapedPath()
	for _, rt := range p.routes {
		// Both must have it: a prefix in another spelling is none.
		if under(escaped, rt.Prefix) && under(r.URL.Path, rt.Prefix) {
			return rt
		}
	}
	return nil
}

// under reports whether path is prefix or goes on from it with a slash.
func under(path, prefix string) bool {
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || rest[0] == '/')
}

// rewrite makes of the caller's request the one for the upstream.
func (rt *route) rewrite(pr *httputil.ProxyRequest) {
	in, out := pr.In, pr.Out
	out.URL.Path = strings.TrimPrefix(out.URL.Path, rt.Prefix)
	out.URL.RawPath = strings.TrimPrefix(out.URL.RawPath, rt.Prefix)
	out.URL.RawQuery = in.URL.RawQuery // as the caller wrote it: it may be signed
	pr.SetURL(rt.url)
	for name := range out.Header {
		if isOurs(name) || rt.replacesKey && belongsToKey(name) {
			delete(out.Header, name)
		}
	}
	if rt.replacesKey {
		out.URL.RawQuery = credential.WithoutCredentials(out.URL.RawQuery)
	}
	if isJSON(in) && in.Method == http.MethodPost && out.Header.Get("Accept-Encoding") != "" {
		// What is compressed nobody here can look into for the tokens that were used
		// and for errors within streams. The answers of models are small.
		out.Header.Set("Accept-Encoding", "identity")
	}
	for name, values := range rt.set {
		out.Header.Del(name)
		if len(values) > 0 {
			out.Header[name] = values
		}
	}
	if h, ok := in.Body.(*held); ok {
		out.Header.Del("Expect") // the caller was told to go on
		out.GetBody = h.open
		out.Body, _ = h.open()
	}
}

// isOurs reports whether a header is for the proxy, or says where the caller is. It
// does not go to the upstream. ReverseProxy removes what else proxies add.
func isOurs(name string) bool {
	switch name {
	case "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Forwarded-Port", "X-Forwarded-Server", "X-Forwarded-Prefix", "X-Forwarded-Scheme":
		return true
	}
	return strings.HasPrefix(name, "X-Steadyhttp-")
}

// belongsToKey reports whether a header is a credential, or names the account of one.
func belongsToKey(name string) bool {
	switch name {
	case "Openai-Organization", "Openai-Project", "X-Goog-User-Project":
		return true
	}
	return credential.InHeader(name)
}

// modify changes an answer of the upstream before it goes to the caller.
func (p *proxy) modify(resp *http.Response) error {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil
	}
	resp.Header.Del("Alt-Svc") // it says where the upstream can be reached, and would lead round the proxy
	if p.drain.draining() {
		resp.Header.Set("Connection", "close")
	}
	return nil
}

// held is a body that was read before it is sent. Its reader, which the ReverseProxy
// closes, is not used.
type held struct {
	io.ReadCloser
	content []byte
}

func (h *held) open() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(h.content)), nil }

// defaultHeld is a Retrier's default of MaxBufferedBody.
const defaultHeld = 1 << 20

// hold reads a JSON body of known and modest length. In memory steadyhttp sees the
// model and the tokens in it, before it is sent, and can send it again. A server of
// JSON has to wait for the end of it all the same. Other bodies are streamed.
func (rt *route) hold(r *http.Request) error {
	if r.ContentLength <= 0 || r.ContentLength > cmp.Or(rt.MaxBufferedBody, defaultHeld) || !isJSON(r) {
		return nil
	}
	content := make([]byte, r.ContentLength)
	if _, err := io.ReadFull(r.Body, content); err != nil {
		return err
	}
	r.Body = &held{r.Body, content}
	return nil
}

func isJSON(r *http.Request) bool { return strings.Contains(r.Header.Get("Content-Type"), "json") }

// buffers are what answers pass through. A stream has one for as long as it lasts.
var buffers = pool{sync.Pool{New: func() any { return new([bufferSize]byte) }}}

const bufferSize = 16 << 10 // half of what ReverseProxy would take

type pool struct{ sync.Pool }

func (p *pool) Get() []byte  { return p.Pool.Get().(*[bufferSize]byte)[:] }
func (p *pool) Put(b []byte) { p.Pool.Put((*[bufferSize]byte)(b)) }
