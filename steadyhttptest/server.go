package steadyhttptest

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"time"
)

const (
	// maxKeptBody bounds what a Request keeps of its body: well above what chat APIs take, and still little enough that
	// a test which sends hundreds of large bodies does not run out of memory.
	maxKeptBody = 8 << 20

	// closeGrace bounds how long Close waits for Handlers that do not heed their context. Everything else ends within
	// milliseconds, so a second is only ever spent on a Handler that would otherwise hang the test.
	closeGrace = time.Second

	// anyPath is the path of a script or a limit that serves every path without one of its own.
	anyPath = "*"
)

// Server is an API server on a loopback port that answers from a script, refuses what goes over its rate limits, and
// remembers what it received. It is of no use in a [testing/synctest] bubble, where time stands still while anybody waits
// for a socket: there, use a [Script]. [NewServer] and [NewTLSServer] make one, already running; the zero value is of no use.
// Whoever made it closes it.
//
// All methods may be called by several goroutines at once, also while requests are being served.
type Server struct {
	// URL is where the server listens, such as "http://127.0.0.1:40123", without a slash at the end.
	URL string

	http *httptest.Server
	ctx  context.Context // ends with Close, and with it the context of every request
	stop context.CancelFunc

	closing sync.Once
	running sync.WaitGroup // exchanges; grows only with mu held and ctx alive
	journal journal

	mu       sync.Mutex // guards all below
	scripts  map[string]*script
	limits   map[string]*limiter
	conns    map[net.Conn]struct{} // open ones; those that a Handler hijacked stay until Close
	accepted int
	answered int
	refused  int
}

// Request is one request as the server received it.
type Request struct {
	Method string
	Host   string // as in [http.Request.Host]
	Path   string // decoded, as in [url.URL.Path]
	Query  string // as sent, without the question mark
	Header http.Header
	Body   []byte    // its first 8 MiB
	Size   int64     // bytes of the body that were read, also those that Body leaves out
	At     time.Time // when its header had arrived

	// Status is what it was answered. It is 0 as long as no answer has begun, and for good if the connection was cut,
	// be it before the answer or within it, or taken over by a [Reply.Handler].
	Status int
}

// script is the list of replies of one path. The mutex of its Server guards it.
type script struct {
	replies []Reply
	at      int // the next one
}

// NewServer starts a server that speaks HTTP/1.1 without TLS. It panics if the machine has no loopback port to give.
func NewServer() *Server {
	s := newServer()
	s.http.Start()
	s.URL = s.http.URL
	return s
}

// NewTLSServer starts a server that speaks TLS, and HTTP/2 with every client that offers it, as that of [Server.Client]
// does; with others it speaks HTTP/1.1. It panics if the machine has no loopback port to give.
func NewTLSServer() *Server {
	s := newServer()
	s.http.EnableHTTP2 = true
	s.http.TLS = &tls.Config{NextProtos: []string{"h2", "http/1.1"}}
	s.http.StartTLS()
	s.URL = s.http.URL
	return s
}

func newServer() *Server {
	s := &Server{
		scripts: make(map[string]*script),
		limits:  make(map[string]*limiter),
		conns:   make(map[net.Conn]struct{}),
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.http = httptest.NewUnstartedServer(http.HandlerFunc(s.serve))
	s.http.Config.BaseContext = func(net.Listener) context.Context { return s.ctx }
	s.http.Config.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, c)
	}
	s.http.Config.ConnState = s.track
	return s
}

// Close cuts every connection, whatever is under way on it, ends all delays and frees the port. It waits until the
// replies that were being given have ended, but no longer than a second for a [Reply.Handler] that does not return when
// its request's context ends. Further calls do nothing. What the server recorded can still be read.
func (s *Server) Close() { s.closing.Do(s.close) }

func (s *Server) close() {
	s.stop()
	s.mu.Lock()
	for c := range s.conns {
		wire(c).Close()
	}
	s.mu.Unlock()

	closed := make(chan struct{})
	go func() {
		s.http.Close()
		s.running.Wait() // over HTTP/2 the former does not wait for them
		close(closed)
	}()
	grace := time.NewTimer(closeGrace)
	defer grace.Stop()
	select {
	case <-closed:
	case <-grace.C:
	}
}

// Client returns a client that trusts the server, without timeout, cookies or proxy. Each call returns another one, so
// its fields may be set at will, Transport above all: that is an [*http.Transport] which the clients share, and with it
// the connections. For connections apart, Clone it. Close closes those that are idle.
func (s *Server) Client() *http.Client {
	return &http.Client{Transport: s.http.Client().Transport}
}

// Script sets the replies to requests for path, whatever their method and query. They are given in order, one a
// request, and the last for ever after; requests that come at the same time take theirs in any order. The path "*"
// stands for all paths that have no script of their own, and they share its one list. Calling Script again for a path
// replaces its list and starts at the beginning; without replies it takes the script away. A path without a script is
// answered 404.
//
// The replies are copied. Script panics if a Status is not one that HTTP can send.
func (s *Server) Script(path string, replies ...Reply) {
	list := make([]Reply, len(replies))
	for i, p := range replies {
		if err := p.validate(); err != nil {
			panic(fmt.Sprintf("steadyhttptest: reply %d for %s %v", i+1, path, err))
		}
		p.Header = canonical(p.Header)
		p.Events = slices.Clone(p.Events)
		list[i] = p
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.scripts, path)
	if len(list) > 0 {
		s.scripts[path] = &script{replies: list}
	}
}

// Requests returns a copy of what the server has received so far, in order of arrival, with those that a limit refused
// and those that are still being served. Nothing is dropped until the server itself is.
func (s *Server) Requests() []Request { return s.journal.list() }

// Connections says how many TCP connections the server has accepted so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// track is the server's ConnState hook.
func (s *Server) track(c net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.accepted++
		s.conns[c] = struct{}{}
	case http.StateClosed:
		delete(s.conns, c)
	}
	// A connection that was accepted while Close ran is not among those that Close cut, and httptest would wait for it.
	if s.ctx.Err() != nil {
		wire(c).Close()
	}
}

// serve answers one request: the limit, the script, the body, the reply, in this order but for the body, which is read
// earlier where a limit has to know it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	x := s.arrive(w, r)
	defer s.running.Done()
	reply, refused := s.refuse(x)
	if !refused {
		reply = s.next(r.URL.Path)
	}
	x.answer(reply)
}

// arrive puts the request on record, unless the server is closed.
func (s *Server) arrive(w http.ResponseWriter, r *http.Request) *exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		panic(http.ErrAbortHandler)
	}
	s.running.Add(1)
	return s.journal.begin(w, r)
}

// next takes the next reply of the script for path.
func (s *Server) next(path string) Reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	sc := s.scripts[path]
	if sc == nil {
		sc = s.scripts[anyPath]
	}
	if sc == nil {
		return noScript(path)
	}
	p := sc.replies[sc.at]
	sc.at = min(sc.at+1, len(sc.replies)-1)
	return p
}

// connKey is the context key of a request's connection.
type connKey struct{}

// wire returns the TCP connection below c, which closes without a farewell that the client would have to read first.
func wire(c net.Conn) net.Conn {
	if t, ok := c.(interface{ NetConn() net.Conn }); ok {
		return t.NetConn()
	}
	return c
}
