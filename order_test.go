package steadyhttp_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// A maker wraps a base in one of the wrappers.
type maker struct {
	name string
	wrap func(base http.RoundTripper) http.RoundTripper
}

// makers returns the four, the Logger writing to logger.
func makers(logger *zap.Logger) []maker {
	return []maker{
		{"Logger", func(b http.RoundTripper) http.RoundTripper { return &steadyhttp.Logger{Base: b, Zap: logger} }},
		{"Retrier", func(b http.RoundTripper) http.RoundTripper { return &steadyhttp.Retrier{Base: b, BackOff: noWait} }},
		{"Throttler", func(b http.RoundTripper) http.RoundTripper {
			return &steadyhttp.Throttler{Base: b, RequestsPerMinute: 60_000, MaxConcurrent: 100}
		}},
		{"Classifier", func(b http.RoundTripper) http.RoundTripper { return &steadyhttp.Classifier{Base: b} }},
	}
}

// orders returns the 24 orders of the four, outermost first.
func orders(four []maker) [][]maker {
	if len(four) == 1 {
		return [][]maker{four}
	}
	var all [][]maker
	for i, first := range four {
		rest := append(append([]maker(nil), four[:i]...), four[i+1:]...)
		for _, tail := range orders(rest) {
			all = append(all, append([]maker{first}, tail...))
		}
	}
	return all
}

func nameOf(order []maker) string {
	var names []string
	for _, m := range order {
		names = append(names, m.name)
	}
	return strings.Join(names, ">")
}

// stack builds order over base. A stranger at place i stands outside of the
// i-th wrapper; len(order) is next to the base, -1 is nowhere.
func stack(order []maker, base http.RoundTripper, stranger func(http.RoundTripper) http.RoundTripper, place int) http.RoundTripper {
	rt := base
	for i := len(order); i >= 0; i-- {
		if i < len(order) {
			rt = order[i].wrap(rt)
		}
		if i == place {
			rt = stranger(rt)
		}
	}
	return rt
}

// cloning is the best-behaved kind of stranger: oauth2 and otelhttp clone the
// request to add a header and derive a context.
func cloning(base http.RoundTripper) http.RoundTripper { return cloner{base} }

type cloner struct{ base http.RoundTripper }

type strangerKey struct{}

func (c cloner) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(context.WithValue(req.Context(), strangerKey{}, true))
	if req.Header == nil {
		req.Header = http.Header{}
	}
	req.Header.Set("X-Stranger", "was here")
	return c.base.RoundTrip(req)
}

func (c cloner) CloseIdleConnections() { (&http.Client{Transport: c.base}).CloseIdleConnections() }

// asking makes a failing side request with our context first, as a token
// refresh through a client of ours would.
func asking(base http.RoundTripper) http.RoundTripper {
	return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		side, err := http.NewRequestWithContext(req.Context(), "GET", "https://auth.example/token", nil)
		if err != nil {
			return nil, err
		}
		sidetrip := &steadyhttp.Transport{Base: playing(reply{status: 404, body: `{"error":{"code":"side_request"}}`})}
		resp, err := sidetrip.RoundTrip(side)
		if err != nil {
			return nil, err
		}
		resp.Body.Close()
		return cloner{base}.RoundTrip(req)
	})
}

// usualOrders are the orders that TestConformance runs without -long: the recommended one, its reverse, and two more. In
// these four each wrapper stands once directly outside each other wrapper, so whatever one wrapper hands to another is
// tested. All 24 orders take five times as long: -long runs them, and CI does. With -short only the recommended one runs,
// without a stranger.
var usualOrders = []string{
	"Logger>Retrier>Throttler>Classifier",
	"Classifier>Throttler>Retrier>Logger",
	"Retrier>Classifier>Logger>Throttler",
	"Throttler>Logger>Classifier>Retrier",
}

// Each wrapper alone, the Transport, and the chains of usualOrders, each chain without and with a stranger in its middle.
// The Logger of a chain writes entries of every level.
func TestConformance(t *testing.T) {
	t.Parallel()
	conforms := func(name string, wrap func(base http.RoundTripper) http.RoundTripper) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steadyhttptest.TestRoundTripper(t, wrap)
		})
	}
	for _, m := range makers(zap.NewNop()) {
		conforms(m.name, m.wrap)
	}
	conforms("Failover", withSecondHost)
	conforms("Transport with Failover", func(b http.RoundTripper) http.RoundTripper {
		f := secondHost()
		return remembering{&steadyhttp.Transport{Base: twoNames{b}, Failover: f}}
	})
	for _, m := range makers(zap.NewNop()) {
		conforms("Failover>"+m.name, func(b http.RoundTripper) http.RoundTripper { return withSecondHost(m.wrap(b)) })
		conforms(m.name+">Failover", func(b http.RoundTripper) http.RoundTripper { return m.wrap(withSecondHost(b)) })
	}
	conforms("Transport", func(b http.RoundTripper) http.RoundTripper { return &steadyhttp.Transport{Base: b} })
	conforms("Transport with Trace", func(b http.RoundTripper) http.RoundTripper {
		return &steadyhttp.Transport{Base: b, Trace: new(diary).trace()}
	})
	debug := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zapcore.DebugLevel))
	chains := orders(makers(debug))
	if !*long {
		chains = named(t, chains, usualOrders[:howMany(1, 4, 4)])
	}
	for _, order := range chains {
		conforms(nameOf(order), func(b http.RoundTripper) http.RoundTripper { return stack(order, b, nil, -1) })
		if !testing.Short() {
			conforms(nameOf(order)+" with a stranger", func(b http.RoundTripper) http.RoundTripper { return stack(order, b, cloning, 2) })
		}
	}
}

// secondHost is a Failover whose target is a second host.
func secondHost() *steadyhttp.Failover {
	return &steadyhttp.Failover{Hosts: []string{"api.example.com"}, Targets: []steadyhttp.Target{{URL: "https://second.example"}}}
}

// withSecondHost is a Failover over two hosts that do the same. What the second must not
// be told of the caller's is made up for by its base.
func withSecondHost(base http.RoundTripper) http.RoundTripper {
	f := secondHost()
	f.Base = twoNames{base}
	return remembering{f}
}

// remembering has twoNames know what was asked, and gives back the cookies that a Failover
// rightly takes from another host's answer.
type remembering struct{ next http.RoundTripper }

type rememberedKey struct{}

func (r remembering) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := r.next.RoundTrip(req.WithContext(context.WithValue(req.Context(), rememberedKey{}, req)))
	if err == nil && resp != nil {
		if cookies := resp.Header["X-Second-Cookie"]; cookies != nil {
			resp.Header["Set-Cookie"] = cookies
			delete(resp.Header, "X-Second-Cookie")
		}
	}
	return resp, err
}

func (r remembering) CloseIdleConnections() { (&http.Client{Transport: r.next}).CloseIdleConnections() }

// twoNames sends what is for the second host to the first, as it was asked.
type twoNames struct{ base http.RoundTripper }

func (n twoNames) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL == nil || req.URL.Host != "second.example" {
		return n.base.RoundTrip(req)
	}
	asked := req.Context().Value(rememberedKey{}).(*http.Request)
	copied := req.WithContext(req.Context())
	copied.URL, copied.Host, copied.Header, copied.Trailer = asked.URL, asked.Host, asked.Header, asked.Trailer
	resp, err := n.base.RoundTrip(copied)
	if err == nil && resp != nil && resp.Header["Set-Cookie"] != nil {
		resp.Header["X-Second-Cookie"] = resp.Header["Set-Cookie"]
	}
	return resp, err
}

func (n twoNames) CloseIdleConnections() { (&http.Client{Transport: n.base}).CloseIdleConnections() }

// named returns those of all that have these names.
func named(t *testing.T, all [][]maker, names []string) [][]maker {
	t.Helper()
	all = slices.DeleteFunc(all, func(order []maker) bool { return !slices.Contains(names, nameOf(order)) })
	if len(all) != len(names) {
		t.Errorf("got %d orders, want one for each of %q", len(all), names)
	}
	return all
}

func TestUsualOrdersHoldEveryPairOfNeighbours(t *testing.T) {
	pairs := make(map[[2]string]bool)
	for _, order := range named(t, orders(makers(zap.NewNop())), usualOrders) {
		for i := range order[1:] {
			pairs[[2]string{order[i].name, order[i+1].name}] = true
		}
	}
	if len(pairs) != 4*3 {
		t.Errorf("got %d pairs of neighbours, want all 12: %v", len(pairs), pairs)
	}
}

// Whatever the order, with strangers at any place, under a client with and
// without a Timeout: the attempts are right, and the caller reads them.
func TestEveryOrderRecordsTheCall(t *testing.T) {
	t.Parallel()
	replies := []struct {
		name     string
		replies  []reply
		attempts int
		class    steadyhttp.Class
		code     string
	}{
		{"503, 503, 429 for ever", []reply{{status: 503}, {status: 503}, {status: 429, body: `{"error":{"code":"rate_limit_exceeded"}}`}}, 4, steadyhttp.RateLimit, "rate_limit_exceeded"},
		{"503, 503, 200", []reply{{status: 503}, {status: 503}, {status: 200, body: "fine"}}, 3, steadyhttp.None, ""},
		{"200", []reply{{status: 200, body: "fine"}}, 1, steadyhttp.None, ""},
		{"404", []reply{{status: 404, body: `{"error":{"code":"model_not_found"}}`}}, 1, steadyhttp.NotFound, "model_not_found"},
		{"out of money under 429", []reply{{status: 429, body: `{"error":{"code":"insufficient_quota"}}`}}, 1, steadyhttp.Quota, "insufficient_quota"},
		{"connection lost for ever", []reply{{err: io.ErrUnexpectedEOF}}, 4, steadyhttp.Connection, ""},
	}
	strangers := map[string]func(http.RoundTripper) http.RoundTripper{"cloning": cloning, "asking": asking}
	all := orders(makers(zap.NewNop()))
	if testing.Short() {
		all = named(t, all, usualOrders)
	}
	for _, order := range all {
		for strangerName, stranger := range strangers {
			for place := -1; place <= len(order); place++ {
				for _, timeout := range []time.Duration{0, time.Hour} {
					for _, row := range replies {
						name := fmt.Sprintf("%s, %s stranger at %d, timeout %s, %s", nameOf(order), strangerName, place, timeout, row.name)
						synctest.Test(t, func(t *testing.T) {
							base := playing(row.replies...)
							client := &http.Client{Transport: stack(order, base, stranger, place), Timeout: timeout}
							ctx := steadyhttp.WithCall(t.Context())
							resp, err := client.Do(chat(t).WithContext(ctx))
							checked := steadyhttp.Check(resp, err)
							if resp != nil {
								finish(t, resp)
							}
							if got := base.count(); got != row.attempts {
								t.Errorf("%s: got %d requests on the wire, want %d", name, got, row.attempts)
							}
							call, ok := steadyhttp.FromContext(ctx)
							if !ok || call.Attempts != row.attempts {
								t.Errorf("%s: FromContext got %d attempts, %t; want %d", name, call.Attempts, ok, row.attempts)
							}
							var e *steadyhttp.Error
							if errors.As(checked, &e); e == nil {
								e = &steadyhttp.Error{}
							}
							if e.Class != row.class || e.Code != row.code {
								t.Errorf("%s: Check got %s %q, want %s %q", name, e.Class, e.Code, row.class, row.code)
							}
							if n := base.leftOpen(); n != 0 {
								t.Errorf("%s: %d bodies left open", name, n)
							}
						})
					}
				}
			}
		}
	}
}

// One row for each line of the order table in the package comment.
func TestOrderHasAMeaning(t *testing.T) {
	type result struct {
		logs  *observer.ObservedLogs
		base  *script
		start time.Time
	}
	run := func(t *testing.T, build func(base http.RoundTripper, logger *zap.Logger) http.RoundTripper, replies ...reply) result {
		core, logs := observer.New(zapcore.DebugLevel)
		r := result{logs, playing(replies...), time.Now()}
		rt := build(r.base, zap.New(core))
		for range 2 {
			resp, err := rt.RoundTrip(chat(t))
			if err != nil {
				t.Fatal(err)
			}
			finish(t, resp)
		}
		return r
	}
	type T = http.RoundTripper
	twice := []reply{{status: 503}, {status: 200}, {status: 200}}

	t.Run("Logger outside Retrier: one entry a call, with its attempts", func(t *testing.T) {
		r := run(t, func(b T, l *zap.Logger) T {
			return &steadyhttp.Logger{Zap: l, Base: &steadyhttp.Retrier{Base: b, BackOff: noWait}}
		}, twice...)
		if n := r.logs.Len(); n != 2 {
			t.Fatalf("got %d entries, want 2", n)
		}
		if got := r.logs.All()[0].ContextMap()["attempts"]; got != int64(2) {
			t.Errorf("got attempts %v, want 2", got)
		}
	})
	t.Run("Logger inside Retrier: one entry an attempt, with its number", func(t *testing.T) {
		r := run(t, func(b T, l *zap.Logger) T {
			return &steadyhttp.Retrier{BackOff: noWait, Base: &steadyhttp.Logger{Zap: l, Base: b}}
		}, twice...)
		if n := r.logs.Len(); n != 3 {
			t.Fatalf("got %d entries, want 3", n)
		}
		first, second := r.logs.All()[0].ContextMap(), r.logs.All()[1].ContextMap()
		if first["http.response.status_code"] != int64(503) || first["http.request.resend_count"] != nil {
			t.Errorf("first: got %v, want status 503 and no resend count", first)
		}
		if second["http.response.status_code"] != int64(200) || second["http.request.resend_count"] != int64(1) {
			t.Errorf("second: got %v, want status 200 and resend count 1", second)
		}
	})
	for _, row := range []struct {
		name  string
		build func(base T, _ *zap.Logger) T
		third time.Duration
	}{
		{"Throttler outside Retrier: one permit a call", func(b T, _ *zap.Logger) T {
			return &steadyhttp.Throttler{RequestsPerMinute: 60, Base: &steadyhttp.Retrier{Base: b, BackOff: noWait}}
		}, time.Second},
		{"Throttler inside Retrier: one permit an attempt", func(b T, _ *zap.Logger) T {
			return &steadyhttp.Retrier{BackOff: noWait, Base: &steadyhttp.Throttler{Base: b, RequestsPerMinute: 60}}
		}, 2 * time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, row.build, twice...)
				if got := r.base.attempts(r.start); len(got) != 3 || got[2] != row.third {
					t.Errorf("got requests at %v, want the third at %v", got, row.third)
				}
			})
		})
	}
	for _, row := range []struct {
		name  string
		build func(base T, _ *zap.Logger) T
	}{
		{"Classifier outside Retrier: the Retrier classifies for itself", func(b T, _ *zap.Logger) T {
			return &steadyhttp.Classifier{Base: &steadyhttp.Retrier{Base: b, BackOff: noWait}}
		}},
		{"Classifier inside Retrier: names each attempt", func(b T, _ *zap.Logger) T {
			return &steadyhttp.Retrier{BackOff: noWait, Base: &steadyhttp.Classifier{Base: b}}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			r := run(t, row.build, reply{status: 429, body: `{"error":{"code":"insufficient_quota"}}`})
			if got := r.base.count(); got != 2 {
				t.Errorf("got %d requests for 2 calls without money, want 2", got)
			}
		})
	}
	for _, row := range []struct {
		name             string
		build            func(base T, _ *zap.Logger) T
		duration, waited any
	}{
		{"Logger outside Throttler: duration shows the wait apart", func(b T, l *zap.Logger) T {
			return &steadyhttp.Logger{Zap: l, Base: &steadyhttp.Throttler{Base: b, RequestsPerMinute: 60}}
		}, time.Second, time.Second},
		{"Logger inside Throttler: duration without the wait", func(b T, l *zap.Logger) T {
			return &steadyhttp.Throttler{RequestsPerMinute: 60, Base: &steadyhttp.Logger{Zap: l, Base: b}}
		}, time.Duration(0), time.Second},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := run(t, row.build, reply{status: 200})
				second := r.logs.All()[1].ContextMap()
				if second["duration"] != row.duration || second["waited_throttled"] != row.waited {
					t.Errorf("got duration %v and throttled %v, want %v and %v", second["duration"], second["waited_throttled"], row.duration, row.waited)
				}
			})
		})
	}
}

func TestCloseIdleConnectionsReachesTheBase(t *testing.T) {
	for _, order := range orders(makers(zap.NewNop())) {
		var base idler
		client := &http.Client{Transport: stack(order, &base, cloning, 2)}
		client.CloseIdleConnections()
		if base != 1 {
			t.Errorf("%s: got %d calls, want 1", nameOf(order), base)
		}
	}
	var base idler
	(&http.Client{Transport: &steadyhttp.Transport{Base: &base}}).CloseIdleConnections()
	if base != 1 {
		t.Errorf("Transport: got %d calls, want 1", base)
	}
}

type idler int

func (i *idler) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("unused") }

func (i *idler) CloseIdleConnections() { *i++ }
