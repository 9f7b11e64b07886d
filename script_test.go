package steadyhttp_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// reply is one thing that a scripted base does.
type reply struct {
	status int
	header string // "Name: value" lines
	body   string
	err    error
	after  time.Duration
}

// script is a base without a network, for synctest bubbles: it plays replies
// in order, the last for ever, and keeps what it was sent.
type script struct {
	replies []reply

	mu   sync.Mutex // guards what follows
	sent []sent
	open int // response bodies not closed yet
}

type sent struct {
	at     time.Time
	body   string
	header http.Header
}

func playing(replies ...reply) *script { return &script{replies: replies} }

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	at := time.Now()
	var body []byte
	if req.Body != nil {
		body, _ = io.ReadAll(req.Body)
		req.Body.Close()
	}
	s.mu.Lock()
	r := s.replies[min(len(s.sent), len(s.replies)-1)]
	s.sent = append(s.sent, sent{at, string(body), req.Header})
	s.mu.Unlock()
	return s.reply(req, r)
}

// reply gives r to req, once its time has passed.
func (s *script) reply(req *http.Request, r reply) (*http.Response, error) {
	if r.after > 0 {
		timer := time.NewTimer(r.after)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	return s.response(req, r), nil
}

func (s *script) response(req *http.Request, r reply) *http.Response {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open++
	return &http.Response{
		StatusCode: r.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: headers(r.header), Request: req, ContentLength: int64(len(r.body)),
		Body: &countedBody{Reader: strings.NewReader(r.body), script: s},
	}
}

type countedBody struct {
	io.Reader
	script *script
	once   sync.Once
}

func (b *countedBody) Close() error {
	b.once.Do(func() {
		b.script.mu.Lock()
		defer b.script.mu.Unlock()
		b.script.open--
	})
	return nil
}

// attempts returns when each request arrived, measured from start.
func (s *script) attempts(start time.Time) []time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []time.Duration
	for _, r := range s.sent {
		all = append(all, r.at.Sub(start))
	}
	return all
}

func (s *script) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sent)
}

func (s *script) leftOpen() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open
}

const chatURL = "https://api.openai.com/v1/chat/completions"

// chat is a request that may be repeated whatever became of the first.
func chat(t testing.TB) *http.Request {
	return request(t, "POST", chatURL, `{"model":"gpt-4o"}`)
}

func request(t testing.TB, method, url, body string) *http.Request {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, r)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// finish reads and closes an answer, and returns its body.
func finish(t testing.TB, resp *http.Response) string {
	t.Helper()
	if resp == nil {
		return ""
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Errorf("reading the answer: %v", err)
	}
	resp.Body.Close()
	return string(b)
}

// asError returns the verdict on an outcome, and ends the test if there is none.
func asError(t testing.TB, resp *http.Response, err error) *steadyhttp.Error {
	t.Helper()
	var e *steadyhttp.Error
	if !errors.As(steadyhttp.Check(resp, err), &e) {
		t.Fatalf("Check(%v, %v): got no error", resp, err)
	}
	return e
}

type roundTripperFunc func(*http.Request) (*http.Response, error)

func (f roundTripperFunc) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }
