package steadyhttptest

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Hostile is one way in which a server does harm: it resets the connection within the headers, sends a body without
// end, stalls, asks for a wait of a thousand years. [Hostiles] lists them; the zero value is of no use.
//
//	for _, h := range steadyhttptest.Hostiles() {
//		t.Run(h.Name, func(t *testing.T) {
//			srv := h.Start(1) // does it to one connection, and answers all others "fine"
//			defer srv.Close()
//			…
//		})
//	}
//
// Whatever the harm, a client should end in bounded time and memory, with an answer or with an error that tells what
// happened; leave no goroutine, connection or body behind; and get its next answer. A Hostile is a plain value.
type Hostile struct {
	// Name says in plain words what the server does. No two have the same.
	Name string

	// HTTP2 is whether it speaks HTTP/2 over TLS, else it speaks HTTP/1.1 without.
	HTTP2 bool

	// After is how many requests of a connection it answers well before it does harm: 1 where the harm is done to a
	// connection that the client trusts by then, else 0.
	After int

	// Stalls is whether a client may wait for ever. Give the call a deadline.
	Stalls bool

	// Endless is whether an answer's body has no end, so that a test should not read all of it.
	Endless bool

	// harm is done in place of reading a request. It reports whether the connection is fit for another.
	harm func(*hostileConn) bool

	// harm2 is its like over HTTP/2, where it comes once a request's head has arrived.
	harm2 func(c *hostileConn2, stream uint32) bool
}

// Hostiles returns all hostile servers, in an order that makes sense to a reader. The caller may keep and change the
// slice. There are more than four hundred, half of them answers with an absurd figure in a header.
func Hostiles() []Hostile {
	return slices.Concat(brokenConnections(), brokenAnswers(), endlessAnswers(), absurdFigures(), brokenConnections2(), brokenAnswers2())
}

// HostileServer is a server that [Hostile.Start] or [Hostile.StartInMemory] started; the zero value is of no use. All
// methods may be called by several goroutines at once.
type HostileServer struct {
	// URL is where the server can be reached, without a slash at the end.
	URL string

	hostile   Hostile
	transport *http.Transport
	listener  net.Listener // nil in memory
	ctx       context.Context
	stop      context.CancelFunc
	running   sync.WaitGroup
	requests  atomic.Int64

	mu       sync.Mutex // guards what follows
	left     int        // how many connections are still to be harmed
	accepted int
	open     int
}

// Start starts a server on a loopback port that does its harm to the first connections, as many as times says, and
// answers everything else with status 200 and the body "fine". It panics if the machine has no loopback port to give.
// Whoever starts it closes it.
func (h Hostile) Start(times int) *HostileServer {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic("steadyhttptest: " + err.Error())
	}
	s := h.newServer(times, l.Addr().String())
	s.listener = l
	s.running.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.accept(c)
		}
	})
	return s
}

// StartInMemory is Start without a network, for the bubbles of testing/synctest: only the server's Client reaches it.
func (h Hostile) StartInMemory(times int) *HostileServer {
	s := h.newServer(times, hostileName)
	s.transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		ours, theirs := connectionInMemory()
		s.accept(theirs)
		return ours, nil
	}
	return s
}

// hostileName is the host of servers in memory. Names under .test never exist (RFC 6761, 6.2).
const hostileName = "hostile.test"

func (h Hostile) newServer(times int, host string) *HostileServer {
	s := &HostileServer{URL: "http://" + host, hostile: h, left: times, transport: &http.Transport{ForceAttemptHTTP2: h.HTTP2}}
	if h.HTTP2 {
		s.URL = "https://" + host
		roots := x509.NewCertPool()
		roots.AddCert(certificate().Leaf)
		s.transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s
}

// Client returns a client that trusts and reaches the server, without timeout, cookies or proxy. Each call returns
// another one; its Transport is an [*http.Transport] that all of them share, as those of [Server.Client] do.
func (s *HostileServer) Client() *http.Client { return &http.Client{Transport: s.transport} }

// Requests says how many requests have arrived so far, or at least their heads: of those that a harm before the head
// left unread, none.
func (s *HostileServer) Requests() int { return int(s.requests.Load()) }

// Connections says how many connections were made so far, and how many of them neither side has closed.
func (s *HostileServer) Connections() (made, open int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted, s.open
}

// Close cuts all connections, frees the port and waits until nothing of the server is left. Further calls do nothing.
func (s *HostileServer) Close() {
	s.stop()
	if s.listener != nil {
		s.listener.Close()
	}
	s.transport.CloseIdleConnections()
	s.running.Wait()
}

// accept serves c in a goroutine of its own.
func (s *HostileServer) accept(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		c.Close()
		return
	}
	harmful := s.left > 0
	if harmful {
		s.left--
	}
	s.accepted++
	s.open++
	s.running.Go(func() {
		defer func() {
			c.Close()
			s.mu.Lock()
			defer s.mu.Unlock()
			s.open--
		}()
		defer context.AfterFunc(s.ctx, func() { c.Close() })()
		conn := &hostileConn{Conn: c, server: s, in: bufio.NewReader(c)}
		if s.hostile.HTTP2 {
			conn.serve2(s.hostile, harmful)
		} else {
			conn.serve(s.hostile, harmful)
		}
	})
}

// hostileConn is one connection. Its methods report whether it still works.
type hostileConn struct {
	net.Conn
	server *HostileServer
	in     *bufio.Reader
}

func (c *hostileConn) serve(h Hostile, harmful bool) {
	for n := 0; ; n++ {
		answer := (*hostileConn).fine
		if harmful && n == h.After {
			answer = h.harm
		}
		if !answer(c) {
			return
		}
	}
}

const fineAnswer = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n\r\nfine"

func (c *hostileConn) fine() bool { return c.request() && c.send(fineAnswer) }

// head reads a request up to its body.
func (c *hostileConn) head() (*http.Request, bool) {
	req, err := http.ReadRequest(c.in)
	if err == nil {
		c.server.requests.Add(1)
	}
	return req, err == nil
}

// request reads a whole request.
func (c *hostileConn) request() bool {
	req, ok := c.head()
	if !ok {
		return false
	}
	_, err := io.Copy(io.Discard, req.Body)
	return err == nil
}

func (c *hostileConn) send(text string) bool {
	_, err := io.WriteString(c.Conn, text)
	return err == nil
}

// sendForEver sends until the client has had enough.
func (c *hostileConn) sendForEver(text string) bool {
	for c.send(text) {
	}
	return false
}

// drip sends a byte a second.
func (c *hostileConn) drip(text string) bool {
	for i := range len(text) {
		if !c.send(text[i:i+1]) || !pause(c.server.ctx, time.Second) {
			return false
		}
	}
	return true
}

// reset ends the connection without a farewell. Below TLS it ends the TCP connection.
func (c *hostileConn) reset() bool {
	switch w := wire(c.Conn).(type) {
	case *net.TCPConn:
		w.SetLinger(0)
		w.Close()
	case *memoryConn:
		w.reset()
	}
	return false
}

func (c *hostileConn) shut() bool {
	c.Close()
	return false
}

// halfClose says that nothing more will come, and goes on reading.
func (c *hostileConn) halfClose() bool {
	c.Conn.(interface{ CloseWrite() error }).CloseWrite() // that of TCP, TLS and memory have it
	return c.stall()
}

// stall reads what comes, and says nothing more, until the client goes away.
func (c *hostileConn) stall() bool {
	io.Copy(io.Discard, c.in)
	return false
}

// certificate is that of all hostile servers, made by the first. It is valid at the times that synctest's clock shows
// too.
var certificate = sync.OnceValue(func() tls.Certificate {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic("steadyhttptest: " + err.Error())
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		NotBefore:             time.Unix(0, 0),
		NotAfter:              time.Date(2099, time.December, 31, 0, 0, 0, 0, time.UTC),
		DNSNames:              []string{hostileName},
		IPAddresses:           []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA:                  true,
		BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic("steadyhttptest: " + err.Error())
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic("steadyhttptest: " + err.Error())
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
})
