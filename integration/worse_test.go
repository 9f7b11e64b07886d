package integration

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// A trouble is what a server does to a call, and how many more requests than over
// the bare base the call may then cost.
type trouble struct {
	name    string
	replies func(s sdk, success steadyhttptest.Reply) []steadyhttptest.Reply
	more    int
}

// forAFailure and forAnOutage are how many requests steadyhttp may add to those
// of an SDK that repeats by itself: what may not pass is tried four times, and what
// passes with time eight times at the most while a call without a deadline waits.
// SDKs that give each call a deadline have it wait three times as long.
const (
	forAFailure         = 3
	forAnOutage         = 7
	forAnOutageDeadline = 13
)

var reset = steadyhttptest.Reply{Drop: true}

// failing is a failure that says nothing but its status.
func failing(s sdk, status int) steadyhttptest.Reply {
	r := reply(status, "{}", "Content-Type", "application/json")
	if product := s.down.Header.Get("X-Elastic-Product"); product != "" {
		r = with(r, "X-Elastic-Product", product) // without, its SDK takes it for somebody else's
	}
	return r
}

var troubles = []trouble{
	{"none", func(_ sdk, ok steadyhttptest.Reply) []steadyhttptest.Reply { return script(ok) }, 0},
	{"503, then success", func(s sdk, ok steadyhttptest.Reply) []steadyhttptest.Reply { return script(s.down, ok) }, forAFailure},
	{"500, then success", func(s sdk, ok steadyhttptest.Reply) []steadyhttptest.Reply { return script(failing(s, 500), ok) }, forAFailure},
	{"three times 503, then success", func(s sdk, ok steadyhttptest.Reply) []steadyhttptest.Reply { return script(s.down, s.down, s.down, ok) }, forAFailure},
	{"a reset connection, then success", func(_ sdk, ok steadyhttptest.Reply) []steadyhttptest.Reply { return script(reset, ok) }, forAFailure},
	{"500 for ever", func(s sdk, _ steadyhttptest.Reply) []steadyhttptest.Reply { return script(failing(s, 500)) }, forAFailure},
	{"502 for ever", func(s sdk, _ steadyhttptest.Reply) []steadyhttptest.Reply { return script(failing(s, 502)) }, forAnOutage},
	{"503 for ever", func(s sdk, _ steadyhttptest.Reply) []steadyhttptest.Reply { return script(s.down) }, forAnOutage},
	{"a reset connection for ever", func(sdk, steadyhttptest.Reply) []steadyhttptest.Reply { return script(reset) }, forAnOutage},
}

// A call by way of the zero Transport succeeds wherever it would without, and
// costs the server little more.
func TestNoSDKIsWorseOff(t *testing.T) {
	for _, s := range sdks {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := open(t, s, http.DefaultTransport) // only to see what there is
			for _, kind := range []struct {
				name    string
				success steadyhttptest.Reply
				call    func(context.Context, calls) error // nil if there is none
			}{
				{"asking", s.success, asking(c)},
				{"uploading", s.created, uploading(c)},
				{"writing", s.success, writing(c)},
			} {
				for _, trouble := range troubles {
					if kind.call != nil {
						t.Run(kind.name+", "+trouble.name, func(t *testing.T) {
							worseOff(t, s, trouble, trouble.replies(s, kind.success), kind.call)
						})
					}
				}
			}
		})
	}
}

func asking(c calls) func(context.Context, calls) error {
	if c.ask == nil {
		return nil
	}
	return func(ctx context.Context, c calls) error { _, err := c.ask(ctx); return err }
}

func uploading(c calls) func(context.Context, calls) error {
	if c.upload == nil {
		return nil
	}
	return func(ctx context.Context, c calls) error { return c.upload(ctx, readFile(64<<10)) }
}

func writing(c calls) func(context.Context, calls) error {
	if c.write == nil {
		return nil
	}
	return func(ctx context.Context, c calls) error { return c.write(ctx) }
}

type roundTripperFunc func(*http.Request) (*http.Response, error)

func (f roundTripperFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// worseOff makes the call without us and with us, and compares.
func worseOff(t *testing.T, s sdk, trouble trouble, replies []steadyhttptest.Reply, call func(context.Context, calls) error) {
	t.Helper()
	measure := func(chain func(http.RoundTripper) http.RoundTripper) (requests []steadyhttptest.Request, took time.Duration, err error) {
		requests = bubble(t, s, chain, replies, func(t *testing.T, c calls) {
			start := time.Now()
			err = call(t.Context(), c)
			took = time.Since(start)
		})
		return requests, took, err
	}
	var tries atomic.Int32 // of the SDK, some of which may fail on its side of the wire
	without, _, bareErr := measure(func(base http.RoundTripper) http.RoundTripper {
		return roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			if _, opens := s.opening[req.URL.Path]; !opens {
				tries.Add(1)
			}
			return base.RoundTrip(req)
		})
	})
	with, took, err := measure(steady)
	if bareErr == nil && err != nil {
		t.Errorf("failed after %d requests with %v; bare it succeeded after %d", len(with), err, len(without))
	}
	most := trouble.more
	if most == forAnOutage && s.deadline {
		most = forAnOutageDeadline
	}
	if more := len(with) - int(tries.Load()); more > most {
		t.Errorf("cost %d requests in %s, and %d bare: %d more, want %d more at the most; it ended with %v, and bare with %v", len(with), took, tries.Load(), more, most, err, bareErr)
	}
	if bareErr == nil && err == nil {
		if got, want := len(with[len(with)-1].Body), len(without[len(without)-1].Body); got != want {
			t.Errorf("the server has a body of %d bytes, want %d as bare", got, want)
		}
	}
}

// Where the SDK's own retries are off, steadyhttp is the only one that repeats, and
// without it nobody does.
func TestOneOwner(t *testing.T) {
	var code []byte
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		code = append(code, text...)
	}
	for _, s := range sdks {
		if s.once == nil {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if bytes.Count(code, []byte(s.off)) < 2 { // where it is named, and where it is done
				t.Errorf("%s is not what once does", s.off)
			}
			s.open = s.once
			kinds := map[string]func(context.Context, calls) error{}
			c := open(t, s, http.DefaultTransport) // only to see what there is
			if c.ask != nil {
				kinds["asking"] = asking(c)
			}
			if c.write != nil {
				kinds["writing"] = writing(c)
			}
			for name, call := range kinds {
				for _, trouble := range []struct {
					name  string
					reply steadyhttptest.Reply
					most  int // requests
				}{
					{"500 for ever", failing(s, 500), 1 + forAFailure},
					{"502 for ever", failing(s, 502), 1 + forAnOutage},
					{"503 for ever", s.down, 1 + forAnOutage},
					{"a reset connection for ever", reset, 1 + forAnOutage},
				} {
					t.Run(name+", "+trouble.name, func(t *testing.T) {
						count := func(chain func(http.RoundTripper) http.RoundTripper) int {
							return len(bubble(t, s, chain, script(trouble.reply), func(t *testing.T, c calls) {
								if err := call(t.Context(), c); err == nil {
									t.Error("got no error")
								}
							}))
						}
						if got := count(bare); got != 1 {
							t.Errorf("bare it took %d requests, want 1", got)
						}
						most := trouble.most
						if s.deadline && most == 1+forAnOutage {
							most = 1 + forAnOutageDeadline
						}
						if got := count(steady); got > most {
							t.Errorf("it took %d requests, want %d at the most", got, most)
						}
					})
				}
			}
		})
	}
}
