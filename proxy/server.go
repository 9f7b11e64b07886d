package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	stdlog "log"
	"net"
	"net/http"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

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
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: readHeaderTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// No WriteTimeout and no ReadTimeout: streams and uploads take as long as
		// they take.
		ErrorLog: stdLog(log.Named("http"), zap.WarnLevel),
	}
}

// stdLog is log for those who write lines.
func stdLog(log *zap.Logger, level zapcore.Level) *stdlog.Logger {
	l, err := zap.NewStdLogAt(log, level)
	if err != nil {
		panic(err) // it is a level
	}
	return l
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

	page := debugHandler(c.Upstreams, transports)
	operators := http.NewServeMux()
	operators.Handle(metricsPath, m)
	operators.Handle(debugPath, page)
	operators.Handle(debugPath+"/", page)
	if c.Admin == "" {
		return &paths{d, p.guard.protect(p, operators), p}, nil, closeAll, nil
	}
	guard := newGuard(c, c.Admin)
	return &paths{d, nil, p}, &paths{d, nil, guard.protect(p, operators)}, closeAll, nil
}

// paths hands requests for the proxy's own paths to their handlers, and all others to
// the rest. A ServeMux would redirect a path that it finds unclean, and the health is
// asked for by whatever name.
type paths struct {
	health    http.Handler
	operators http.Handler // nil if they have an address of their own
	rest      http.Handler
}

func (p *paths) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case r.URL.IsAbs():
		p.rest.ServeHTTP(w, r) // which refuses it
	case path == healthPath:
		p.health.ServeHTTP(w, r)
	case p.operators != nil && (under(path, metricsPath) || under(path, debugPath)):
		p.operators.ServeHTTP(w, r)
	default:
		p.rest.ServeHTTP(w, r)
	}
}

// protect has the guard look at what is for operators as well.
func (g guard) protect(p *proxy, h http.Handler) http.Handler {
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
	if r.Salt == "" {
		log.Warn("redis.salt is not set: who reads the Redis can test whether a key that he has is in use here")
	}
	options := &redis.Options{Addr: r.Addr, Username: r.Username, Password: string(r.Password)}
	if r.TLS {
		options.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	logging.Disable() // go-redis writes lines of its own; redissteady says in ours when Redis is away
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
