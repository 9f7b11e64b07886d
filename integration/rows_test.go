package integration

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// attempts is how often fourAttempts sends a request at the most.
const attempts = 4

// A row is one thing that must hold under every SDK that can do it.
type row struct {
	name    string
	applies func(s sdk, c calls) bool
	run     func(*testing.T, sdk)
}

var rows = []row{
	{"a success is decoded", asks, success},
	{"refused, then success, for the same bytes", asks, recovers},
	{"a 4xx is the SDK's own error", asks, refusal},
	{"what cannot succeed is sent once", asks, hopeless},
	{"503 for ever costs our attempts, not their multiple", asks, outage},
	{"canceled while we wait", hears, canceledInWait},
	{"canceled while the server thinks", hears, canceledOnWire},
	{"a stream comes in order, the first event at once", streams, streamInOrder},
	{"a stream that is cut is an error", streams, streamCut},
	{"a stream that stalls is an error", streams, streamStalled},
	{"an upload is sent again whole", uploads, uploadAgain},
	{"a write that was applied is not applied twice", writes, writeOnce},
}

func asks(_ sdk, c calls) bool    { return c.ask != nil }
func hears(s sdk, c calls) bool   { return c.ask != nil && !s.deaf }
func streams(_ sdk, c calls) bool { return c.stream != nil }
func uploads(_ sdk, c calls) bool { return c.upload != nil }
func writes(_ sdk, c calls) bool  { return c.write != nil }

func TestSDKs(t *testing.T) {
	for _, s := range sdks {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			c := open(t, s, http.DefaultTransport) // only to see what there is
			for _, r := range rows {
				if r.applies(s, c) {
					t.Run(r.name, func(t *testing.T) { r.run(t, s) })
				}
			}
		})
	}
}

// script is a list of answers, of which the last is given for ever.
func script(replies ...steadyhttptest.Reply) []steadyhttptest.Reply { return replies }

func success(t *testing.T, s sdk) {
	requests := bubble(t, s, steady, script(s.success), func(t *testing.T, c calls) {
		if text, err := c.ask(t.Context()); text != s.text || err != nil {
			t.Errorf("got %q, %v; want %q", text, err, s.text)
		}
	})
	if len(requests) != 1 {
		t.Errorf("got %d requests, want 1", len(requests))
	}
}

// busy is an answer with status 429, after which a write may be repeated as well.
func busy(s sdk, wait string) steadyhttptest.Reply {
	r := with(s.down, "Retry-After", wait)
	r.Status = http.StatusTooManyRequests
	return r
}

func recovers(t *testing.T, s sdk) {
	requests := bubble(t, s, steady, script(busy(s, "0"), s.success), func(t *testing.T, c calls) {
		if text, err := c.ask(t.Context()); text != s.text || err != nil {
			t.Errorf("got %q, %v; want %q", text, err, s.text)
		}
	})
	wantSameBytes(t, requests, 2)
}

func wantSameBytes(t *testing.T, requests []steadyhttptest.Request, n int) {
	t.Helper()
	if len(requests) != n {
		t.Fatalf("got %d requests, want %d", len(requests), n)
	}
	for i, r := range requests {
		first := requests[0]
		if r.Method != first.Method || r.Path != first.Path || r.Query != first.Query || !bytes.Equal(r.Body, first.Body) {
			t.Errorf("request %d: got %s %s?%s with body %q, want that of the first, %s %s?%s with %q",
				i+1, r.Method, r.Path, r.Query, r.Body, first.Method, first.Path, first.Query, first.Body)
		}
	}
}

func refusal(t *testing.T, s sdk)  { wantFailure(t, s, s.refused) }
func hopeless(t *testing.T, s sdk) { wantFailure(t, s, s.hopeless) }

func wantFailure(t *testing.T, s sdk, f failed) {
	requests := bubble(t, s, steady, script(f.reply), func(t *testing.T, c calls) {
		text, err := c.ask(t.Context())
		if err == nil {
			t.Fatalf("got %q and no error", text)
		}
		if got, ok := s.typed(err); !ok || got != f.want {
			t.Errorf("got %+v from a %T, %v; want the SDK's own with %+v", got, err, err, f.want)
		}
	})
	if len(requests) != 1 {
		t.Errorf("got %d requests, want 1", len(requests))
	}
}

// outage compares nothing with the number without us: docs/recipes.md has both.
func outage(t *testing.T, s sdk) {
	want := attempts
	if s.sent != 0 {
		want = s.sent
	}
	if got := len(forEver(t, s, fourAttempts, s.down)); got != want {
		t.Errorf("got %d requests, want %d", got, want)
	}
}

// forEver is what s makes of one call while the server says the same each time.
func forEver(t *testing.T, s sdk, chain func(http.RoundTripper) http.RoundTripper, r steadyhttptest.Reply) []steadyhttptest.Request {
	t.Helper()
	return bubble(t, s, chain, script(r), func(t *testing.T, c calls) {
		start := time.Now()
		text, err := c.ask(t.Context())
		t.Logf("%s of waits, then %v", time.Since(start), err)
		if err == nil {
			t.Fatalf("got %q and no error", text)
		}
	})
}

// promptly is how soon a call that was given up must return.
const promptly = 100 * time.Millisecond

func canceledInWait(t *testing.T, s sdk) {
	requests := bubble(t, s, steady, script(busy(s, "30")), func(t *testing.T, c calls) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := c.ask(ctx)
		if took := time.Since(start) - time.Second; err == nil || took < 0 || took > promptly {
			t.Errorf("got %v %s after the call was given up, want an error within %s", err, took, promptly)
		}
	})
	if len(requests) != 1 {
		t.Errorf("got %d requests, want 1", len(requests))
	}
}

// canceledOnWire takes the time outside of the bubble, whose clock stands still
// while the request is on the wire. A busy machine gets three tries: whoever
// does not heed the context needs ten seconds in each.
func canceledOnWire(t *testing.T, s sdk) {
	var took time.Duration
	for range 3 {
		arrived := make(chan time.Time, 1)
		thinking := steadyhttptest.Reply{Handler: func(w http.ResponseWriter, r *http.Request) {
			select {
			case arrived <- time.Now():
			default:
				t.Error("the request was repeated")
			}
			select {
			case <-r.Context().Done():
			case <-time.After(10 * time.Second):
			}
		}}
		var gaveUp time.Time
		bubble(t, s, steady, script(thinking), func(t *testing.T, c calls) {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				gaveUp = <-arrived
				cancel()
			}()
			if _, err := c.ask(ctx); err == nil {
				t.Error("got no error")
			}
		})
		if took = time.Since(gaveUp); took <= promptly {
			return
		}
	}
	t.Errorf("the call and all of its goroutines ended after %s, want %s", took, promptly)
}

// A player sends a stream up to its first word, waits until somebody has read
// that, and then goes on, or does what rest says.
type player struct {
	*stream
	read chan struct{} // closed by the reader of the first word
	rest func(w http.ResponseWriter, r *http.Request)
}

func (p player) reply() steadyhttptest.Reply {
	return steadyhttptest.Reply{Handler: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", p.contentType)
		p.send(w, p.chunks[:p.first+1])
		select {
		case <-p.read:
			p.rest(w, r)
		case <-r.Context().Done():
		case <-time.After(5 * time.Second): // it is held back
		}
	}}
}

func (p player) send(w http.ResponseWriter, chunks []string) {
	for _, chunk := range chunks {
		_, _ = w.Write([]byte(chunk))
		_ = http.NewResponseController(w).Flush()
	}
}

// listen reads the stream of c and returns its words.
func (p player) listen(ctx context.Context, c calls) (words []string, err error) {
	err = c.stream(ctx, func(word string) {
		if word == "" {
			return
		}
		if words = append(words, word); len(words) == 1 {
			close(p.read)
		}
	})
	return words, err
}

func streamInOrder(t *testing.T, s sdk) {
	p := player{stream: s.stream, read: make(chan struct{})}
	p.rest = func(w http.ResponseWriter, _ *http.Request) { p.send(w, p.chunks[p.first+1:]) }
	bubble(t, s, steady, script(p.reply()), func(t *testing.T, c calls) {
		if words, err := p.listen(t.Context(), c); err != nil || !slices.Equal(words, s.stream.words) {
			t.Errorf("got %q, %v; want %q", words, err, s.stream.words)
		}
	})
}

// streamCut ends the stream after its first word as if it were whole.
func streamCut(t *testing.T, s sdk) {
	p := player{stream: s.stream, read: make(chan struct{}), rest: func(http.ResponseWriter, *http.Request) {}}
	bubble(t, s, steady, script(p.reply()), func(t *testing.T, c calls) {
		words, err := p.listen(t.Context(), c)
		if noticed := err != nil; noticed == s.stream.blind || len(words) == 0 {
			t.Errorf("got %q, %v; want the first word, and an error: %t", words, err, !s.stream.blind)
		}
	})
}

// streamStalled lets the stream stop after its first word. StallTimeout ends
// it, which runs on real time here: in a bubble the clock would stand still.
func streamStalled(t *testing.T, s sdk) {
	const (
		stall    = 100 * time.Millisecond
		patience = time.Second
	)
	p := player{stream: s.stream, read: make(chan struct{}), rest: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}
	srv := steadyhttptest.NewServer()
	defer srv.Close()
	srv.Script("*", p.reply())
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := open(t, s, &steadyhttp.Transport{Base: wire(srv), Retrier: &steadyhttp.Retrier{StallTimeout: stall}})
	words, err := p.listen(ctx, c)
	if noticed := err != nil && ctx.Err() == nil; noticed == (s.stream.blind || s.stream.untimed) || len(words) == 0 {
		t.Errorf("got %q, %v; want the first word, and an error before the caller loses patience: %t", words, err, !s.stream.blind && !s.stream.untimed)
	}
}

// content is that of a file of n bytes, and readFile makes one to be read.
func content(n int) []byte         { return bytes.Repeat([]byte("0123456789abcdef"), n/16) }
func readFile(n int) *bytes.Reader { return bytes.NewReader(content(n)) }

func uploadAgain(t *testing.T, s sdk) {
	file := content(64 << 10)
	requests := bubble(t, s, steady, script(busy(s, "0"), s.created), func(t *testing.T, c calls) {
		if err := c.upload(t.Context(), bytes.NewReader(file)); err != nil {
			t.Error(err)
		}
	})
	wantSameBytes(t, requests, 2)
	if len(requests) > 0 && !bytes.Contains(requests[0].Body, file) {
		t.Errorf("got a body of %d bytes without the file in it", len(requests[0].Body))
	}
}

// writeOnce drops the connection after each write that it has applied.
func writeOnce(t *testing.T, s sdk) {
	if got, want := dropped(t, s, steady), max(s.applied, 1); got != want {
		t.Errorf("it was applied %d times, want %d", got, want)
	}
}

// dropped is how often a write is applied whose connection is dropped each time
// once it was. What comes again under the same key is not applied again.
func dropped(t *testing.T, s sdk, chain func(http.RoundTripper) http.RoundTripper) int {
	t.Helper()
	cut := steadyhttptest.Reply{Handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}
	requests := bubble(t, s, chain, script(cut), func(t *testing.T, c calls) {
		if err := c.write(t.Context()); err == nil {
			t.Error("got no error")
		}
	})
	applied, seen := 0, make(map[string]bool)
	for _, r := range requests {
		key := r.Header.Get("Idempotency-Key")
		if key == "" || !seen[key] {
			applied++
		}
		seen[key] = true
	}
	return applied
}

// A bubble cannot be told from none by its results, so this is the proof that
// the waits of a row are not those of a real clock.
func TestBubbleTakesNoTime(t *testing.T) {
	start := time.Now()
	synctest.Test(t, func(*testing.T) { time.Sleep(time.Hour) })
	if took := time.Since(start); took > time.Minute {
		t.Errorf("an hour took %s", took)
	}
}
