package steadyhttp_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// A corpusRow is a real answer with the verdict that a good client should give.
type corpusRow struct {
	ID, Provider, URL, Method string
	Status                    int
	Headers                   map[string]string
	Body                      string
	Want                      struct {
		Class     string
		Accept    []string
		Retry     bool
		Code      string
		Message   string
		RequestID string   `json:"request_id"`
		Wait      *float64 `json:"wait_s"`
	}
}

// readCorpus reads the answers, which are kept beside the project. Where they
// are not, the tests that need them say so and skip.
func readCorpus(t *testing.T) []corpusRow {
	t.Helper()
	dir := os.Getenv("STEADYHTTP_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "shared", "corpus")
	}
	f, err := os.Open(filepath.Join(dir, "dev.jsonl"))
	if err != nil {
		t.Skipf("no corpus of real answers here (STEADYHTTP_CORPUS names its folder): %v", err)
	}
	defer f.Close()
	var rows []corpusRow
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r corpusRow
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, r)
	}
	if len(rows) == 0 {
		t.Fatal("the corpus is empty")
	}
	return rows
}

func (r corpusRow) request(t *testing.T) *http.Request {
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

func (r corpusRow) response(req *http.Request) *http.Response {
	h := http.Header{}
	for k, v := range r.Headers {
		h.Set(k, v)
	}
	return &http.Response{
		StatusCode: r.Status, Header: h, Request: req, ContentLength: int64(len(r.Body)),
		Body: io.NopCloser(strings.NewReader(r.Body)),
	}
}

// shares counts how often each answer was right.
type shares struct {
	t     *testing.T
	right map[string]int
	n     int
}

func (s *shares) row(r corpusRow, err error) {
	e := &steadyhttp.Error{}
	errors.As(err, &e)
	s.n++
	s.one(r, "class", e.Class.String(), r.Want.Class, append([]string{r.Want.Class}, r.Want.Accept...))
	s.one(r, "code", e.Code, r.Want.Code, nil)
	s.one(r, "request id", e.RequestID, r.Want.RequestID, nil)
	s.message(r, e.Message)
	s.wait(r, e)
}

func (s *shares) one(r corpusRow, what, got, want string, accept []string) {
	if got == want || slices.Contains(accept, got) {
		s.right[what]++
		return
	}
	s.t.Logf("%s: %s: got %q, want %q", r.ID, what, got, want)
}

// message compares what was said as we show it: one line, cleaned. Where an
// answer has none we show its start.
func (s *shares) message(r corpusRow, got string) {
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

func (s *shares) wait(r corpusRow, e *steadyhttp.Error) {
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

func (s *shares) checkAll() {
	s.check("class", 98)
	s.check("code", 97)
	s.check("message", 97)
	s.check("request id", 97)
	s.check("wait", 97)
}

func TestCorpusThroughCheck(t *testing.T) {
	s := &shares{t: t, right: map[string]int{}}
	for _, r := range readCorpus(t) {
		resp := r.response(r.request(t))
		err := steadyhttp.Check(resp, nil)
		if got, _ := io.ReadAll(resp.Body); string(got) != r.Body {
			t.Errorf("%s: Check changed the body", r.ID)
		}
		s.row(r, err)
	}
	s.checkAll()
}

// Through a whole Transport the retry decision shows as well: with a MaxWait
// of ten minutes, as the answers are labelled, and for a request that may be
// repeated, as the labels speak of the answer and not of the request.
func TestCorpusThroughTransport(t *testing.T) {
	s := &shares{t: t, right: map[string]int{}}
	for _, r := range readCorpus(t) {
		synctest.Test(t, func(t *testing.T) {
			attempts := 0
			rt := &steadyhttp.Transport{
				Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
					attempts++
					req.Body.Close()
					return r.response(req), nil
				}),
				Retrier: &steadyhttp.Retrier{
					MaxAttempts: 2, MaxWait: 10 * time.Minute, MaxElapsed: -1,
					Idempotent: func(*http.Request) bool { return true },
				},
			}
			ctx := steadyhttp.WithCall(t.Context())
			resp, err := rt.RoundTrip(r.request(t).WithContext(ctx))
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
	s.checkAll()
	s.check("retry", 99)
}
