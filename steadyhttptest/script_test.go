package steadyhttptest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

type upload struct {
	io.Reader
	closes atomic.Int32
}

func (u *upload) Close() error { u.closes.Add(1); return nil }

// sendTo sends to a Script and returns the answer with its whole body. Its error is that of the call or else of the body.
func sendTo(t *testing.T, s *steadyhttptest.Script, method, url, body string) (*http.Response, string, error) {
	t.Helper()
	sent := &upload{Reader: strings.NewReader(body)}
	req, err := http.NewRequestWithContext(t.Context(), method, url, sent)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := s.RoundTrip(req)
	if (resp == nil) == (err == nil) {
		t.Errorf("got %v and %v, want one of them", resp, err)
	}
	if err != nil {
		synctest.Wait()
		if sent.closes.Load() != 1 {
			t.Errorf("the request's body was closed %d times, want once", sent.closes.Load())
		}
		return nil, "", err
	}
	if resp.Request != req {
		t.Error("got an answer to another request")
	}
	got, err := io.ReadAll(resp.Body)
	if cerr := resp.Body.Close(); cerr != nil {
		t.Error(cerr)
	}
	synctest.Wait()
	if sent.closes.Load() != 1 {
		t.Errorf("the request's body was closed %d times, want once", sent.closes.Load())
	}
	return resp, string(got), err
}

// What a client sees of each kind of reply, and after which time.
func TestScriptPlays(t *testing.T) {
	const url = "https://api.example.com/v1/things?x=1"
	for _, row := range []struct {
		name   string
		method string
		reply  steadyhttptest.Reply
		status int
		header string // "Name: value"
		length int64
		body   string
		err    error
		after  time.Duration
	}{
		{name: "the zero value", reply: steadyhttptest.Reply{}, status: 200, header: "Content-Length: 0"},
		{name: "a body", reply: steadyhttptest.Reply{Body: `{"a":1}`}, status: 200, header: "Content-Type: application/json", length: 7, body: `{"a":1}`},
		{name: "text", reply: steadyhttptest.Reply{Body: "text"}, status: 200, header: "Content-Type: text/plain; charset=utf-8", length: 4, body: "text"},
		{name: "a header in any form", reply: steadyhttptest.Reply{Status: 429, Header: http.Header{"retry-after": {"7"}}}, status: 429, header: "Retry-After: 7"},
		{name: "late", reply: steadyhttptest.Reply{Status: 503, Delay: time.Hour}, status: 503, after: time.Hour},
		{name: "HEAD", method: "HEAD", reply: steadyhttptest.Reply{Body: "text", Header: http.Header{"Content-Length": {"4"}}}, status: 200, length: 4},
		{name: "no content", reply: steadyhttptest.Reply{Status: 204, Body: "text"}, status: 204},
		{name: "not modified", reply: steadyhttptest.Reply{Status: 304, Body: "text"}, status: 304},
		{name: "events", reply: steadyhttptest.Reply{Events: []steadyhttptest.Event{{Data: "one", Delay: time.Second}, {Data: "two", Delay: time.Minute}}},
			status: 200, header: "Content-Type: text/event-stream", length: -1, body: "data: one\n\ndata: two\n\n", after: time.Minute + time.Second},
		{name: "dropped without an answer", reply: steadyhttptest.Reply{Drop: true, Delay: time.Second}, err: syscall.ECONNRESET, after: time.Second},
		{name: "dropped within the body", reply: steadyhttptest.Reply{Body: "text", Drop: true}, status: 200, length: -1, body: "text", err: syscall.ECONNRESET},
		{name: "dropped within a stream", reply: steadyhttptest.Reply{Events: []steadyhttptest.Event{{Data: "one"}}, Drop: true}, status: 200, length: -1, body: "data: one\n\n", err: syscall.ECONNRESET},
		{name: "a body that ends too early", reply: steadyhttptest.Reply{Body: "text", Header: http.Header{"Content-Length": {"10"}}}, status: 200, length: 10, body: "text", err: io.ErrUnexpectedEOF},
		{name: "a handler", method: "PUT", reply: steadyhttptest.Reply{Handler: func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			fmt.Fprint(w, r.Method, r.Host, r.RequestURI, string(b))
		}}, status: 200, length: 37, body: "PUTapi.example.com/v1/things?x=1hello"},
		{name: "a handler that reads early", method: "PUT", reply: steadyhttptest.Reply{Early: true, Handler: func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(202)
			http.NewResponseController(w).Flush()
			io.Copy(w, r.Body)
		}}, status: 202, length: -1, body: "hello"},
		{name: "a handler that does nothing", reply: steadyhttptest.Reply{Handler: func(http.ResponseWriter, *http.Request) {}}, status: 200},
		{name: "a handler that gives up", reply: steadyhttptest.Reply{Handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }}, err: syscall.ECONNRESET},
		{name: "early", method: "POST", reply: steadyhttptest.Reply{Status: 413, Early: true}, status: 413},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &steadyhttptest.Script{Replies: []steadyhttptest.Reply{row.reply}, T: t}
				start, method := time.Now(), row.method
				if method == "" {
					method = "GET"
				}
				resp, body, err := sendTo(t, s, method, url, "hello")
				if !errors.Is(err, row.err) || err != nil && row.err == nil || body != row.body || time.Since(start) != row.after {
					t.Errorf("got %q, %v after %v, want %q, %v after %v", body, err, time.Since(start), row.body, row.err, row.after)
				}
				if row.status == 0 {
					return
				}
				if resp.StatusCode != row.status || resp.Status != fmt.Sprint(row.status, " ", http.StatusText(row.status)) || resp.ContentLength != row.length {
					t.Errorf("got %q with the length %d, want %d and %d", resp.Status, resp.ContentLength, row.status, row.length)
				}
				if name, value, _ := strings.Cut(row.header, ": "); resp.Header.Get(name) != value {
					t.Errorf("got the header %v, want %s", resp.Header, row.header)
				}
				want := row.status
				if row.err == syscall.ECONNRESET {
					want = 0
				}
				if all := s.Requests(); len(all) != 1 || all[0].Status != want || all[0].Method != method || all[0].Host != "api.example.com" || all[0].Path != "/v1/things" || all[0].Query != "x=1" || !all[0].At.Equal(start) {
					t.Errorf("got the record %+v, want one with status %d", all, want)
				} else if early := row.reply.Early && row.reply.Handler == nil; (string(all[0].Body) == "hello") == early {
					t.Errorf("got the record of the body %q", all[0].Body)
				}
			})
		})
	}
}

func TestScriptChoosesTheList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := func(names ...string) (all []steadyhttptest.Reply) {
			for _, name := range names {
				all = append(all, steadyhttptest.Reply{Body: name})
			}
			return all
		}
		s := &steadyhttptest.Script{
			Replies: list("any 1", "any 2"),
			For: map[string][]steadyhttptest.Reply{
				"/models":           list("models 1", "models 2"),
				"a.example":         list("host 1"),
				"a.example/models":  list("both 1"),
				"b.example:80/jobs": list("port 1"),
			},
			Repeat: true,
		}
		for _, row := range [][2]string{
			{"https://b.example/other", "any 1"},
			{"https://b.example/models", "models 1"},
			{"https://c.example/models?x=y", "models 2"},
			{"https://a.example/models", "both 1"},
			{"https://a.example/other", "host 1"},
			{"https://a.example", "host 1"},
			{"https://b.example/models", "models 2"},
			{"http://b.example:80/jobs", "port 1"},
			{"https://b.example/jobs", "any 2"},
			{"https://b.example/jobs", "any 2"},
		} {
			if _, body, err := sendTo(t, s, "GET", row[0], ""); err != nil || body != row[1] {
				t.Errorf("%s: got %q, %v, want %q", row[0], body, err, row[1])
			}
		}
	})
}

// A request too many says so, and which list is too short.
func TestScriptThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := &failing{}
		s := &steadyhttptest.Script{
			Replies: []steadyhttptest.Reply{{}},
			For:     map[string][]steadyhttptest.Reply{"/none": nil, "/odd": {{Status: 7}}},
			T:       failed,
		}
		for _, row := range []struct{ path, want string }{
			{"/", ""},
			{"/", "GET a.example/ is request 2 for a list of 1 replies (Script.Replies)"},
			{"/none", `GET a.example/none is request 1 for a list of 0 replies (Script.For["/none"])`},
			{"/odd", `reply 1 (Script.For["/odd"]) has status 7`},
		} {
			before := failed.n
			_, _, err := sendTo(t, s, "GET", "https://a.example"+row.path, "body")
			if got := fmt.Sprint(err); row.want == "" && err != nil || !strings.Contains(got, row.want) {
				t.Errorf("%s: got %v, want %q", row.path, err, row.want)
			}
			if (failed.n > before) != (row.want != "") {
				t.Errorf("%s: it failed the test %d times", row.path, failed.n-before)
			}
		}
		empty := &steadyhttptest.Script{Repeat: true}
		if _, _, err := sendTo(t, empty, "GET", "https://a.example/", ""); err == nil {
			t.Error("the zero value with Repeat has a reply")
		}
		if n := len(s.Requests()); n != 4 {
			t.Errorf("got %d requests on record, want all 4", n)
		}
	})
}

type failing struct {
	testing.TB
	n int
}

func (f *failing) Error(...any) { f.n++ }

// Whatever a request waits for, its context ends the wait, and its body is closed.
func TestScriptHeedsTheContext(t *testing.T) {
	odd := errors.New("odd")
	for _, row := range []struct {
		name  string
		reply steadyhttptest.Reply
		limit func(context.Context) (context.Context, context.CancelFunc)
		want  error
		after time.Duration
	}{
		{"a deadline in a delay", steadyhttptest.Reply{Delay: time.Hour}, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, context.DeadlineExceeded, time.Second},
		{"a cause in a stream", steadyhttptest.Reply{Events: []steadyhttptest.Event{{Data: "1"}, {Data: "2", Delay: time.Hour}}}, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancelCause(ctx)
			time.AfterFunc(time.Minute, func() { cancel(odd) })
			return ctx, func() { cancel(nil) }
		}, odd, time.Minute},
		{"in a handler", steadyhttptest.Reply{Handler: func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }}, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, context.DeadlineExceeded, time.Second},
		{"before it begins", steadyhttptest.Reply{}, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx, cancel
		}, context.Canceled, 0},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &steadyhttptest.Script{Replies: []steadyhttptest.Reply{row.reply}}
				start := time.Now()
				ctx, cancel := row.limit(t.Context())
				defer cancel()
				body := &upload{Reader: strings.NewReader("body")}
				req, _ := http.NewRequestWithContext(ctx, "POST", "https://a.example/", body)
				resp, err := s.RoundTrip(req)
				if err == nil {
					_, err = io.ReadAll(resp.Body)
					resp.Body.Close()
				}
				if !errors.Is(err, row.want) || time.Since(start) != row.after {
					t.Errorf("got %v after %v, want %v after %v", err, time.Since(start), row.want, row.after)
				}
				synctest.Wait()
				if body.closes.Load() != 1 {
					t.Errorf("the body was closed %d times, want once", body.closes.Load())
				}
			})
		})
	}
}

// A producer that waits, and one that fails.
func TestScriptAndTheRequestsBody(t *testing.T) {
	odd := errors.New("odd")
	for _, row := range []struct {
		name  string
		reply steadyhttptest.Reply
		feed  func(w *io.PipeWriter)
		want  string
	}{
		{"slow", steadyhttptest.Reply{}, func(w *io.PipeWriter) { time.Sleep(time.Minute); w.Write([]byte("x")); w.Close() }, "<nil>"},
		{"it breaks off", steadyhttptest.Reply{}, func(w *io.PipeWriter) { w.Write([]byte("x")); w.CloseWithError(odd) }, "odd"},
		{"it never ends, and the answer is early", steadyhttptest.Reply{Early: true}, func(w *io.PipeWriter) {
			for {
				if _, err := w.Write([]byte("x")); err != nil {
					return
				}
			}
		}, "<nil>"},
		{"it never ends, until the deadline", steadyhttptest.Reply{}, func(w *io.PipeWriter) {
			for {
				if _, err := w.Write([]byte("x")); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}, "context deadline exceeded"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &steadyhttptest.Script{Replies: []steadyhttptest.Reply{row.reply}}
				r, w := io.Pipe()
				go row.feed(w)
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				req, _ := http.NewRequestWithContext(ctx, "POST", "https://a.example/", r)
				resp, err := s.RoundTrip(req)
				if err == nil {
					resp.Body.Close()
				}
				if fmt.Sprint(err) != row.want {
					t.Errorf("got %v, want %s", err, row.want)
				}
				time.Sleep(2 * time.Second) // until the producer has noticed
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		s := &steadyhttptest.Script{Replies: []steadyhttptest.Reply{{}}}
		req, _ := http.NewRequestWithContext(t.Context(), "POST", "https://a.example/", strings.NewReader("text"))
		req.ContentLength = 7
		if _, err := s.RoundTrip(req); err == nil || !strings.Contains(err.Error(), "ContentLength is 7 and its body has 4 bytes") {
			t.Errorf("got %v, want an error about the length", err)
		}
		for name, req := range map[string]*http.Request{"no URL": {}, "no host": {URL: req.URL.JoinPath("x")}} {
			if req.URL != nil {
				req.URL.Host = ""
			}
			body := &upload{Reader: strings.NewReader("x")}
			req.Body = body
			if _, err := s.RoundTrip(req); err == nil || body.closes.Load() != 1 {
				t.Errorf("%s: got %v and %d closes, want an error and one", name, err, body.closes.Load())
			}
		}
	})
}

// Reading ends with Close, and so does what the server still does.
func TestScriptsBodyIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := false
		s := &steadyhttptest.Script{Replies: []steadyhttptest.Reply{
			{Events: []steadyhttptest.Event{{Data: "1"}, {Data: "2", Delay: time.Hour}}},
			{Handler: func(w http.ResponseWriter, r *http.Request) {
				http.NewResponseController(w).Flush()
				<-r.Context().Done()
				_, err := w.Write([]byte("x"))
				ended = err != nil
			}},
		}}
		for range 2 {
			req, _ := http.NewRequestWithContext(t.Context(), "GET", "https://a.example/", nil)
			resp, err := s.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			time.AfterFunc(time.Minute, func() { resp.Body.Close() })
			start := time.Now()
			if _, err := io.ReadAll(resp.Body); err == nil || time.Since(start) != time.Minute {
				t.Errorf("got %v after %v, want an error at Close", err, time.Since(start))
			}
		}
		if synctest.Wait(); !ended {
			t.Error("the handler still writes")
		}
	})
}

func TestScriptEnforcesALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &steadyhttptest.Script{
			Replies: []steadyhttptest.Reply{{Body: "one"}, {Body: "two"}, {Body: "three"}},
			Limit:   steadyhttptest.Limit{Requests: 2},
		}
		var got []string
		for range 3 {
			resp, body, err := sendTo(t, s, "POST", "https://a.example/", "{}")
			if err != nil {
				t.Fatal(err)
			}
			if resp.StatusCode == 429 {
				body = "429 after " + resp.Header.Get("Retry-After")
			}
			got = append(got, body)
		}
		time.Sleep(30 * time.Second)
		_, body, _ := sendTo(t, s, "POST", "https://a.example/", "{}")
		if want := []string{"one", "two", "429 after 30", "three"}; !slices.Equal(append(got, body), want) {
			t.Errorf("got %q, want %q", append(got, body), want)
		}
	})
}

func TestScriptTellsOfInterimAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hints []int
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, _ textproto.MIMEHeader) error {
			hints = append(hints, code)
			return nil
		}})
		s := &steadyhttptest.Script{Replies: []steadyhttptest.Reply{{Handler: func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusTeapot)
		}}, {Handler: func(http.ResponseWriter, *http.Request) { panic("odd") }}}}
		req, _ := http.NewRequestWithContext(ctx, "GET", "https://a.example/", nil)
		resp, err := s.RoundTrip(req)
		if err != nil || resp.StatusCode != http.StatusTeapot || !slices.Equal(hints, []int{103}) {
			t.Errorf("got %v, %v and %v, want 103 and then 418", resp, err, hints)
		}
		if _, err := s.RoundTrip(req); err == nil || !strings.Contains(err.Error(), "the Handler for / panicked: odd") {
			t.Errorf("got %v, want an error that tells of the panic", err)
		}
	})
}

// Many at once, in real time and in a bubble.
func TestScriptIsUsedByMany(t *testing.T) {
	many := func(t *testing.T) {
		s := &steadyhttptest.Script{Replies: slices.Repeat([]steadyhttptest.Reply{steadyhttptest.ChatStream("a", "b")}, 50)}
		var running sync.WaitGroup
		for range 50 {
			running.Go(func() {
				resp, err := (&http.Client{Transport: s}).Post("https://a.example/", "text/plain", strings.NewReader("x"))
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || !bytes.HasSuffix(body, []byte("data: [DONE]\n\n")) {
					t.Errorf("got %q, %v", body, err)
				}
				s.Requests()
			})
		}
		running.Wait()
		if n := len(s.Requests()); n != 50 {
			t.Errorf("got %d requests, want 50", n)
		}
	}
	many(t)
	synctest.Test(t, many)
}

// A client can't tell a Script from a Server, but for the time and the connection.
func TestScriptAnswersAsServerDoes(t *testing.T) {
	length := func(n string) http.Header { return http.Header{"Content-Length": {n}} }
	for name, reply := range map[string]steadyhttptest.Reply{
		"the zero value":          {},
		"a body":                  {Status: 404, Body: `{"a":1}`},
		"text":                    {Body: "text"},
		"HTML":                    {Body: "<html>text</html>"},
		"a header":                {Status: 503, Header: http.Header{"retry-after": {"7"}, "X-A": {"1", "2"}}},
		"a type":                  {Body: "x", Header: http.Header{"Content-Type": {"a/b"}}},
		"no content":              {Status: 204, Body: "text"},
		"not modified":            {Status: 304, Body: "text"},
		"a status of nobody's":    {Status: 799},
		"a completion":            steadyhttptest.ChatCompletion("hello"),
		"a stream":                steadyhttptest.ChatStream("a", "b"),
		"an error":                steadyhttptest.AnthropicError(529, "overloaded_error", "Overloaded"),
		"dropped":                 {Drop: true},
		"dropped within the body": {Body: "text", Drop: true},
		"dropped in a stream":     {Events: []steadyhttptest.Event{{Data: "one"}}, Drop: true},
		"too short a body":        {Body: "text", Header: length("10")},
		"too long a body":         {Body: "text", Header: length("2")},
		"a handler":               {Handler: func(w http.ResponseWriter, r *http.Request) { b, _ := io.ReadAll(r.Body); w.Write(b) }},
		"a long one by a handler": {Handler: func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, strings.Repeat("x", 5000)) }},
		"a handler that flushes": {Handler: func(w http.ResponseWriter, r *http.Request) {
			w.(http.Flusher).Flush()
			w.Header().Set("X-Late", "1")
			fmt.Fprint(w, "x")
		}},
		"a handler that gives up": {Handler: func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "x"); panic(http.ErrAbortHandler) }},
		"a redirect":              {Status: 302, Header: http.Header{"Location": {"/x"}}},
	} {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			if method == "HEAD" && (name == "a long one by a handler" || reply.Drop) {
				continue // net/http guesses the type of the former, and without a body nobody waits for the drop
			}
			server := steadyhttptest.NewServer()
			server.Script("*", reply)
			script := &steadyhttptest.Script{Replies: []steadyhttptest.Reply{reply}}
			var got [2]string
			for i, rt := range []http.RoundTripper{server.Client().Transport, script} {
				var body io.Reader
				if method == "POST" {
					body = strings.NewReader("hello")
				}
				req, _ := http.NewRequest(method, server.URL+"/v1/x?y=z", body)
				resp, err := rt.RoundTrip(req)
				if err != nil {
					got[i] = "no answer"
					continue
				}
				text, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				resp.Header.Del("Date")
				got[i] = fmt.Sprintf("%d %s %v %q %t", resp.ContentLength, resp.Status, resp.Header, text, err != nil)
			}
			if got[0] != got[1] {
				t.Errorf("%s, %s: got %s, want what a Server answers: %s", name, method, got[1], got[0])
			}
			received, recorded := server.Requests()[0], script.Requests()[0]
			if received.Status != recorded.Status || received.Host != recorded.Host || received.Path != recorded.Path || received.Query != recorded.Query || string(received.Body) != string(recorded.Body) {
				t.Errorf("%s, %s: got the record %+v, want that of a Server: %+v", name, method, recorded, received)
			}
			server.Close()
		}
	}
}
