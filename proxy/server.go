package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/redissteady"
)

const (
	// A header is a packet or two. Who takes longer is not writing one.
	readHeaderTimeout = 10 * time.Second

	// The caller should be the one who closes an idle connection, for it knows
	// whether it is about to use it. Go's clients do after 90 s, others sooner.
	idleTimeout = 2 * time.Minute

	// Keys, cookies and traces fit many times; a megabyte, net/http's own bound, is
	// for nobody.
	maxHeaderBytes = 128 << 10

	// defaultSalt names credentials alike in all proxies that share a Redis, where
	// the config has no salt of its own. Redis gets 64 bits of a hash in any case.
	defaultSalt = "steadyhttp-proxy"
)

// serve listens and hands requests on until ctx ends, and then drains.
func serve(ctx context.Context, c *config, log *zap.Logger) error {
	d := new(drain)
	handler, admin, closeAll, err := assemble(c, d, log)
	if err != nil {
		return err
	}
	defer closeAll()
	servers := []*http.Server{newServer(handler, log)}
	addresses := []string{c.Listen}
	if c.Admin != "" {
		servers, addresses = append(servers, newServer(admin, log)), append(addresses, c.Admin)
	}
	failed := make(chan error, len(servers))
	for i, s := range servers {
		l, err := net.Listen("tcp", addresses[i])
		if err != nil {
			return err
		}
		defer l.Close()
		log.Info([]string{"listening", "listening for operators"}[i], zap.Stringer("address", l.Addr()))
		if host, _, _ := net.SplitHostPort(addresses[i]); !isLoopback(host) {
			log.Warn("other machines can reach this address: whoever can may make calls with the keys of the config", zap.Stringer("address", l.Addr()))
		}
		go func() { failed <- s.Serve(l) }()
	}
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	if cut := d.run(c.drainDelay(), c.drain(), log, servers...); cut > 0 {
		log.Warn("drained, but not all calls ended in time", zap.Int64("cut", cut))
	} else {
		log.Info("drained")
	}
	return nil
}

func newServer(h http.Handler, log *zap.Logger) *http.Server {
	errors, err := zap.NewStdLogAt(log.Named("http"), zap.WarnLevel)
	if err != nil {
		panic(err) // it is a level
	}
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// No WriteTimeout and no ReadTimeout: streams and uploads take as long as
		// they take.
		ErrorLog: errors,
	}
}

// assemble makes the handlers for callers and for operators; they are one if the
// config has no address of its own for operators.
func assemble(c *config, d *drain, log *zap.Logger) (handler, admin http.Handler, closeAll func(), err error) {
	m, err := newMetrics()
	if err != nil {
		return nil, nil, nil, err
	}
	limiter, closeAll := c.Redis.limiter(log)
	base := m.attempts(newBase())
	var transports []*steadyhttp.Transport
	var measured []http.RoundTripper
	for i := range c.Upstreams {
		u := &c.Upstreams[i]
		t := u.transport(base, limiter, c.Redis.salt(), log)
		calls, err := m.calls(t, u.Prefix)
		if err != nil {
			closeAll()
			return nil, nil, nil, fmt.Errorf("metrics of upstream %s/: %w", u.Prefix, err)
		}
		transports, measured = append(transports, t), append(measured, calls)
	}
	p := newProxy(c, measured, d, log)

	// Not a ServeMux for all: it would redirect paths that it finds unclean.
	operators := http.NewServeMux()
	operators.Handle("/healthz", d)
	operators.Handle("/metrics", m)
	operators.Handle("/debug/steadyhttp", debugHandler(transports))
	operators.Handle("/debug/steadyhttp/", debugHandler(transports))
	guarded := p.guard.protect(p, operators)
	if c.Admin != "" {
		return &paths{own: []string{"/healthz"}, handler: guarded, rest: p}, guarded, closeAll, nil
	}
	return &paths{own: ownPaths, handler: guarded, rest: p}, nil, closeAll, nil
}

// paths hands requests for its own paths, and what is below them, to a handler, and
// all others to the rest.
type paths struct {
	own           []string
	handler, rest http.Handler
}

func (p *paths) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for _, own := range p.own {
		if under(r.URL.Path, own) && !r.URL.IsAbs() && r.Method != http.MethodConnect {
			p.handler.ServeHTTP(w, r)
			return
		}
	}
	p.rest.ServeHTTP(w, r)
}

// protect has the guard look at what is for operators as well.
func (g *guard) protect(p *proxy, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if no := g.check(r); no != nil {
			p.refuse(w, *no)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// limiter returns the limiter that proxies share, nil if there is none, and what ends
// it.
func (r *redisConfig) limiter(log *zap.Logger) (limit.Limiter, func()) {
	if r.Addr == "" {
		return nil, func() {}
	}
	options := &redis.Options{Addr: r.Addr, Username: r.Username, Password: string(r.Password)}
	if r.TLS {
		options.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	client := redis.NewClient(options)
	limiter := &redissteady.Limiter{Client: client, Prefix: r.Prefix, Zap: log}
	return limiter, func() {
		limiter.Close()
		client.Close()
	}
}

func (r *redisConfig) salt() string {
	if r.Addr == "" {
		return "" // a random one
	}
	return cmp.Or(string(r.Salt), defaultSalt)
}
