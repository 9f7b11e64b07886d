package steadyhttp_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

const wholeAnswer = `{"choices":[{"message":{"role":"assistant","content":"Hello."}}]}`

// brokenBody is a body that breaks off, by default with what net/http says of
// a connection that closed too early, or when ctx ends.
type brokenBody struct {
	io.Reader
	ctx context.Context
	err error
}

func (b *brokenBody) Read(p []byte) (int, error) {
	if n, err := b.Reader.Read(p); err == nil {
		return n, nil
	}
	if b.err == nil {
		<-b.ctx.Done()
		return 0, context.Cause(b.ctx)
	}
	return 0, b.err
}

func (b *brokenBody) Close() error { return nil }

// breaking is a base whose first answers stop in their middle, with err or, if
// that is nil, in silence. Those after them are whole.
type breaking struct {
	first int
	err   error
	sent  int
}

func (b *breaking) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Body != nil {
		io.Copy(io.Discard, req.Body)
		req.Body.Close()
	}
	b.sent++
	resp := &http.Response{
		StatusCode: 200, Header: http.Header{"X-Request-Id": {"req-7"}}, ContentLength: int64(len(wholeAnswer)), Request: req,
		Body: io.NopCloser(bytes.NewReader([]byte(wholeAnswer))),
	}
	if b.sent <= b.first {
		resp.Body = &brokenBody{bytes.NewReader([]byte(wholeAnswer[:20])), req.Context(), b.err}
	}
	return resp, nil
}

// An answer that may hold an error is read before it is handed up. If it
// breaks off, that is a failed attempt like any other.
func TestAnswerThatBreaksOff(t *testing.T) {
	const slackURL, asksSlack = "https://slack.com/api/chat.postMessage", "https://slack.com/api/conversations.history"
	for _, row := range []struct {
		name        string
		method, url string
		broken      int
		sent        int
		class       steadyhttp.Class // of what the caller gets
	}{
		{"a chat completion, once", "POST", chatURL, 1, 2, steadyhttp.None},
		{"a chat completion, twice", "POST", chatURL, 2, 3, steadyhttp.None},
		{"a chat completion, always", "POST", chatURL, 9, 4, steadyhttp.Connection},
		{"a question", "GET", asksSlack, 1, 2, steadyhttp.None},
		{"a message that may be out", "POST", slackURL, 1, 1, steadyhttp.Connection},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := &breaking{first: row.broken, err: io.ErrUnexpectedEOF}
				resp, err := (&steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{MaxAttempts: 4}}).RoundTrip(request(t, row.method, row.url, "{}"))
				if err != nil || base.sent != row.sent {
					t.Fatalf("got %v after %d attempts, want an answer after %d", err, base.sent, row.sent)
				}
				if row.class == steadyhttp.None {
					if err := steadyhttp.Check(resp, nil); err != nil || finish(t, resp) != wholeAnswer {
						t.Errorf("got %v, want the whole answer", err)
					}
					return
				}
				e := asError(t, resp, nil)
				if e.Class != row.class || e.Status != 200 || e.RequestID != "req-7" || !errors.Is(e, io.ErrUnexpectedEOF) {
					t.Errorf("got %v, want a %v of request req-7 that is the base's error", e, row.class)
				}
				if got, err := io.ReadAll(resp.Body); string(got) != wholeAnswer[:20] || err != io.ErrUnexpectedEOF {
					t.Errorf("read %q and %v, want what came and the base's error", got, err)
				}
				resp.Body.Close()
			})
		})
	}
}

// An error of a kind that nobody knows is not repeated, in an answer's body as
// little as in place of one.
func TestAnswerThatBreaksOffForAReasonUnknown(t *testing.T) {
	base := &breaking{first: 9, err: errors.New("checksum mismatch")}
	resp, err := (&steadyhttp.Transport{Base: base}).RoundTrip(chat(t))
	if err != nil || base.sent != 1 {
		t.Fatalf("got %v after %d attempts, want an answer after 1", err, base.sent)
	}
	if e := asError(t, resp, nil); e.Class != steadyhttp.Unknown {
		t.Errorf("got %v, want an unknown error", e)
	}
	resp.Body.Close()
}

// What was answered before a part of an answer is still one to fall back upon.
func TestAnswerBeforeABrokenOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		down := playing(reply{status: 500, body: "down"})
		broken := &breaking{first: 1, err: io.ErrUnexpectedEOF}
		base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			switch {
			case down.count() == 0:
				return down.RoundTrip(req)
			case broken.sent == 0:
				return broken.RoundTrip(req)
			}
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		resp, err := (&steadyhttp.Transport{Base: base}).RoundTrip(chat(t).WithContext(ctx))
		if err != nil || resp.StatusCode != 500 || finish(t, resp) != "down" {
			t.Errorf("got %v and %v, want the 500", resp, err)
		}
	})
}

// Who has read and closed an answer and asks then is not told that it broke off.
func TestCheckAfterClose(t *testing.T) {
	for _, protocol := range []string{"HTTP/1.1", "HTTP/2.0"} {
		srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", strconv.Itoa(len(wholeAnswer)))
			io.WriteString(w, wholeAnswer)
			http.NewResponseController(w).Flush()
		}))
		srv.EnableHTTP2 = protocol == "HTTP/2.0"
		srv.StartTLS()
		for name, client := range map[string]*http.Client{
			"bare":                   srv.Client(),
			"steady":                 {Transport: &steadyhttp.Transport{Base: srv.Client().Transport}},
			"steady, with a Timeout": {Transport: &steadyhttp.Transport{Base: srv.Client().Transport}, Timeout: time.Minute},
		} {
			resp, err := client.Post(srv.URL+"/v1/chat/completions", "application/json", strings.NewReader("{}"))
			if err != nil || resp.Proto != protocol {
				t.Fatalf("%s, %s: got %v and %v", protocol, name, resp, err)
			}
			if got := finish(t, resp); got != wholeAnswer {
				t.Errorf("%s, %s: got %q", protocol, name, got)
			}
			if err := steadyhttp.Check(resp, nil); err != nil {
				t.Errorf("%s, %s: got %v, want a success", protocol, name, err)
			}
		}
		srv.Close()
	}
}

// A caller who sends the rest of the request once it has the answer's headers
// gets them, though the rest of the answer comes only then.
func TestUploadThatWaitsForItsAnswer(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(len(wholeAnswer)))
		w.WriteHeader(http.StatusOK)
		http.NewResponseController(w).Flush()
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, wholeAnswer)
	}))
	srv.EnableHTTP2 = true
	srv.StartTLS()
	defer srv.Close()
	client := &http.Client{Transport: &steadyhttp.Transport{Base: srv.Client().Transport}}
	r, w := io.Pipe()
	defer w.Close()
	resp, err := client.Post(srv.URL+"/v1/audio/transcriptions", "application/json", r)
	if err != nil {
		t.Fatal(err)
	}
	w.Close()
	if got := finish(t, resp); got != wholeAnswer {
		t.Errorf("got %q, want the whole answer", got)
	}
}

// A part of an answer is none to fall back upon.
func TestBrokenAnswerIsNotHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		base := &breaking{first: 1, err: io.ErrUnexpectedEOF}
		silent := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			if base.sent == 0 {
				return base.RoundTrip(req)
			}
			<-req.Context().Done()
			return nil, req.Context().Err()
		})
		resp, err := (&steadyhttp.Transport{Base: silent}).RoundTrip(chat(t).WithContext(ctx))
		if resp != nil || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v and %v, want the deadline's error alone", resp, err)
		}
	})
}

// An answer that stalls is with its reader after a quarter of a second, as it would
// be at once without us.
func TestAnswerThatStalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := &breaking{first: 1}
		start := time.Now()
		resp, err := (&steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{AttemptTimeout: 10 * time.Second}}).RoundTrip(chat(t))
		if err != nil {
			t.Fatal(err)
		}
		if took := time.Since(start); took != 250*time.Millisecond || base.sent != 1 {
			t.Errorf("the answer was returned after %v and %d attempts, want a quarter of a second and 1", took, base.sent)
		}
		resp.Body.Close()
	})
}
