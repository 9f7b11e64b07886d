package steadyhttp_test

import (
	"errors"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/corpus"
)

// requestOf is the request that a row of the corpus answers.
func requestOf(t *testing.T, r corpus.Row) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.Method, r.URL, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasSuffix(req.URL.Path, "/messages") {
		req.Header.Set("Anthropic-Version", "2023-06-01") // as its callers must
	}
	return req
}

func responseOf(r corpus.Row, req *http.Request) *http.Response {
	return &http.Response{
		StatusCode: r.Status, Header: r.Header(), Request: req, ContentLength: int64(len(r.Body)),
		Body: io.NopCloser(strings.NewReader(r.Body)),
	}
}

// shares counts how often each answer was right.
type shares struct {
	t     *testing.T
	right map[string]int
	n     int
}

func (s *shares) row(r corpus.Row, err error) {
	e := &steadyhttp.Error{}
	errors.As(err, &e)
	s.n++
	s.one(r, "class", e.Class.String(), r.Want.Class, append([]string{r.Want.Class}, r.Want.Accept...))
	s.one(r, "code", e.Code, r.Want.Code, nil)
	s.one(r, "request id", e.RequestID, r.Want.RequestID, nil)
	s.message(r, e.Message)
	s.wait(r, e)
}

func (s *shares) one(r corpus.Row, what, got, want string, accept []string) {
	if got == want || slices.Contains(accept, got) {
		s.right[what]++
		return
	}
	s.t.Logf("%s: %s: got %q, want %q", r.ID, what, got, want)
}

// message compares what was said as we show it: one line, cleaned. Where an
// answer has none we show its start.
func (s *shares) message(r corpus.Row, got string) {
	oneLine := strings.Join(strings.Fields(r.Want.Message), " ")
	same := got == oneLine || oneLine == "" || strings.HasSuffix(got, "…") && strings.HasPrefix(oneLine, strings.TrimSuffix(got, "…"))
	if !same && strings.Contains(got, "[redacted]") {
		before, after, _ := strings.Cut(got, "[redacted]") // a key that the server quoted
		same = strings.HasPrefix(oneLine, before) && strings.HasSuffix(oneLine, after)
	}
	if same {
		s.right["message"]++
		return
	}
	s.t.Logf("%s: message: got %q, want %q", r.ID, got, oneLine)
}

func (s *shares) wait(r corpus.Row, e *steadyhttp.Error) {
	switch {
	case r.Want.Wait == nil && e.RetryAfterSource == "":
	case r.Want.Wait != nil && e.RetryAfterSource != "" && math.Abs(e.RetryAfter.Seconds()-*r.Want.Wait) <= 0.05**r.Want.Wait:
	default:
		want := "none"
		if r.Want.Wait != nil {
			want = (time.Duration(*r.Want.Wait * float64(time.Second))).String()
		}
		s.t.Logf("%s: wait: got %s (%s), want %s", r.ID, e.RetryAfter, e.RetryAfterSource, want)
		return
	}
	s.right["wait"]++
}

func (s *shares) check(what string, want float64) {
	got := 100 * float64(s.right[what]) / float64(s.n)
	s.t.Logf("%s: %d of %d right, %.1f%%", what, s.right[what], s.n, got)
	if got < want {
		s.t.Errorf("%s: got %.1f%% right, want %.0f%%", what, got, want)
	}
}

// A corpusFile is a file of the corpus with the least shares, in percent, that
// must be right.
type corpusFile struct {
	name                                  string
	class, code, message, id, wait, retry float64
}

var corpusFiles = []corpusFile{
	{"dev.jsonl", 98, 97, 97, 97, 97, 98}, // three rows fail after output, and are told and not repeated
	{"dev2.jsonl", 100, 100, 100, 100, 100, 100},
}

func (s *shares) checkAll(f corpusFile) {
	s.check("class", f.class)
	s.check("code", f.code)
	s.check("message", f.message)
	s.check("request id", f.id)
	s.check("wait", f.wait)
}

func TestCorpusThroughCheck(t *testing.T) {
	for _, f := range corpusFiles {
		t.Run(f.name, func(t *testing.T) {
			s := &shares{t: t, right: map[string]int{}}
			for _, r := range corpus.Read(t, f.name) {
				resp := responseOf(r, requestOf(t, r))
				err := steadyhttp.Check(resp, nil)
				if got, _ := io.ReadAll(resp.Body); string(got) != r.Body {
					t.Errorf("%s: Check changed the body", r.ID)
				}
				s.row(r, err)
			}
			s.checkAll(f)
		})
	}
}

// Through a whole Transport the retry decision shows as well: with a MaxWait
// of ten minutes, as the answers are labelled, and for a request that may be
// repeated, as the labels speak of the answer and not of the request.
func TestCorpusThroughTransport(t *testing.T) {
	for _, f := range corpusFiles {
		t.Run(f.name, func(t *testing.T) {
			s := &shares{t: t, right: map[string]int{}}
			for _, r := range corpus.Read(t, f.name) {
				s.through(r)
			}
			s.checkAll(f)
			s.check("retry", f.retry)
		})
	}
}

// through sends a row's request through a Transport and counts what comes back.
func (s *shares) through(r corpus.Row) {
	synctest.Test(s.t, func(t *testing.T) {
		attempts := 0
		rt := &steadyhttp.Transport{
			Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
				attempts++
				req.Body.Close()
				return responseOf(r, req), nil
			}),
			Retrier: &steadyhttp.Retrier{
				MaxAttempts: 2, MaxWait: 10 * time.Minute, MaxElapsed: -1,
				Idempotent: func(*http.Request) bool { return true },
			},
		}
		ctx := steadyhttp.WithCall(t.Context())
		resp, err := rt.RoundTrip(requestOf(t, r).WithContext(ctx))
		if err != nil {
			t.Fatal(err)
		}
		body, readErr := io.ReadAll(resp.Body)
		resp.Body.Close()
		if string(body) != r.Body {
			t.Errorf("%s: the body came through changed", r.ID)
		}
		s.row(r, steadyhttp.Check(resp, readErr))
		if got := attempts > 1; got == r.Want.Retry {
			s.right["retry"]++
		} else {
			call, _ := steadyhttp.FromContext(ctx)
			s.t.Logf("%s: repeated: got %t, want %t (%s)", r.ID, got, r.Want.Retry, call.Stopped)
		}
	})
}
