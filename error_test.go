package steadyhttp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/steadyhttp/steadyhttp"
)

// dialing is the error of a dial that failed with err, as package net makes it.
func dialing(err error) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: err}
}

// reading is the error of a read from a connection.
func reading(errno syscall.Errno) error {
	return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", errno)}
}

// byClient is err as http.Client returns it.
func byClient(err error) error {
	return &url.Error{Op: "Post", URL: chatURL + "?key=hunter2", Err: err}
}

func TestClassOfErrors(t *testing.T) {
	for _, row := range []struct {
		name    string
		err     error
		class   steadyhttp.Class
		timeout bool
	}{
		{"connection refused", dialing(os.NewSyscallError("connect", syscall.ECONNREFUSED)), steadyhttp.Connection, false},
		{"connection reset", reading(syscall.ECONNRESET), steadyhttp.Connection, false},
		{"broken pipe", reading(syscall.EPIPE), steadyhttp.Connection, false},
		{"a bare errno", syscall.ECONNRESET, steadyhttp.Connection, false},
		{"no route", dialing(os.NewSyscallError("connect", syscall.EHOSTUNREACH)), steadyhttp.Connection, false},
		{"connection closed on this side", dialing(net.ErrClosed), steadyhttp.Connection, false},
		{"connection closed by the server", io.EOF, steadyhttp.Connection, false},
		{"answer cut short", io.ErrUnexpectedEOF, steadyhttp.Connection, false},
		{"pipe closed", io.ErrClosedPipe, steadyhttp.Connection, false},
		{"connect timed out in the kernel", dialing(os.NewSyscallError("connect", syscall.ETIMEDOUT)), steadyhttp.Timeout, true},
		{"host name does not exist", dialing(&net.DNSError{Err: "no such host", Name: "api.invalid", IsNotFound: true}), steadyhttp.NotFound, false},
		{"name server in trouble", dialing(&net.DNSError{Err: "server misbehaving", Name: "api.invalid", IsTemporary: true}), steadyhttp.Connection, false},
		{"name server silent", dialing(&net.DNSError{Err: "i/o timeout", Name: "api.invalid", IsTimeout: true}), steadyhttp.Timeout, true},
		{"deadline of the context", context.DeadlineExceeded, steadyhttp.Timeout, true},
		{"deadline of the connection", os.ErrDeadlineExceeded, steadyhttp.Timeout, true},
		{"canceled", context.Canceled, steadyhttp.Canceled, false},
		{"certificate of a stranger", &tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}, steadyhttp.TLS, false},
		{"certificate for another host", x509.HostnameError{Certificate: new(x509.Certificate), Host: "api.invalid"}, steadyhttp.TLS, false},
		{"certificate expired", x509.CertificateInvalidError{Reason: x509.Expired}, steadyhttp.TLS, false},
		{"not TLS at all, as http.Client says it", http.ErrSchemeMismatch, steadyhttp.TLS, false},
		{"not TLS at all", tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake"}, steadyhttp.TLS, false},
		{"alert of the server", &net.OpError{Op: "remote error", Err: errors.New("tls: handshake failure")}, steadyhttp.TLS, false},
		{"alert", tls.AlertError(40), steadyhttp.TLS, false},
		{"throttled", fmt.Errorf("%w: queue full", steadyhttp.ErrThrottled), steadyhttp.Unknown, false},
		{"a stranger's", errors.New("sorry"), steadyhttp.Unknown, false},
		{"a stranger's that speaks of a timeout", errors.New("timeout: connection refused, context canceled"), steadyhttp.Unknown, false},
	} {
		for _, wrap := range []struct {
			name string
			err  error
		}{
			{"as it is", row.err},
			{"from http.Client", byClient(row.err)},
			{"wrapped by a stranger", fmt.Errorf("stranger: %w", row.err)},
		} {
			t.Run(row.name+"/"+wrap.name, func(t *testing.T) {
				e := asError(t, nil, wrap.err)
				if e.Class != row.class {
					t.Errorf("class: got %v, want %v", e.Class, row.class)
				}
				if e.Timeout() != row.timeout {
					t.Errorf("Timeout: got %v, want %v", e.Timeout(), row.timeout)
				}
				if e.Err != wrap.err || !errors.Is(e, row.err) {
					t.Errorf("Unwrap: got %v, want the very error given", e.Err)
				}
				if e.Status != 0 || e.RetryAfterSource != "" || !e.NotBefore.IsZero() || e.Body != nil {
					t.Errorf("got facts of an answer in %+v, want none", *e)
				}
				if e.Hint == "" || e.Message == "" {
					t.Errorf("got hint %q and message %q, want both", e.Hint, e.Message)
				}
			})
		}
	}
}

// Real failures, since what package net and net/http wrap around an error is
// theirs to change.
func TestClassOfRealFailures(t *testing.T) {
	quiet := log.New(io.Discard, "", 0) // the server's complaints about handshakes
	closing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, _ := w.(http.Hijacker).Hijack()
		conn.Close()
	}))
	defer closing.Close()
	resetting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, _, _ := w.(http.Hijacker).Hijack()
		conn.(*net.TCPConn).SetLinger(0)
		conn.Close()
	}))
	defer resetting.Close()
	done := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { <-done }))
	defer silent.Close()
	defer close(done)
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = quiet
	secure.StartTLS()
	defer secure.Close()
	gone := httptest.NewServer(nil)
	gone.Close()

	for _, row := range []struct {
		name   string
		url    string
		within time.Duration // of the context; 0 is none, negative is canceled before
		client http.Client
		class  steadyhttp.Class
	}{
		{name: "nobody listens", url: gone.URL, class: steadyhttp.Connection},
		{name: "closed without an answer", url: closing.URL, class: steadyhttp.Connection},
		{name: "reset without an answer", url: resetting.URL, class: steadyhttp.Connection},
		{name: "no answer before the context's deadline", url: silent.URL, within: 20 * time.Millisecond, class: steadyhttp.Timeout},
		{name: "no answer before the client's timeout", url: silent.URL, client: http.Client{Timeout: 20 * time.Millisecond}, class: steadyhttp.Timeout},
		{
			name: "no headers before the transport's timeout", url: silent.URL, class: steadyhttp.Timeout,
			client: http.Client{Transport: &http.Transport{ResponseHeaderTimeout: 20 * time.Millisecond}},
		},
		{name: "canceled", url: silent.URL, within: -1, class: steadyhttp.Canceled},
		{name: "certificate of a stranger", url: secure.URL, class: steadyhttp.TLS},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(steadyhttp.WithCall(t.Context()))
			defer cancel()
			switch {
			case row.within > 0:
				ctx, cancel = context.WithTimeout(ctx, row.within)
				defer cancel()
			case row.within < 0:
				cancel()
			}
			row.client.Transport = &steadyhttp.Classifier{Base: row.client.Transport}
			defer row.client.CloseIdleConnections()
			req, err := http.NewRequestWithContext(ctx, "GET", row.url+"?key=hunter2", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := row.client.Do(req)
			if err == nil {
				t.Fatalf("got %v, want an error", resp.Status)
			}
			e := asError(t, resp, err)
			if e.Class != row.class || e.Timeout() != (row.class == steadyhttp.Timeout) {
				t.Errorf("Check(%v): got %v and Timeout %v, want %v", err, e.Class, e.Timeout(), row.class)
			}
			if strings.Contains(e.Error(), "hunter2") {
				t.Errorf("Error: got %q, want it without the query", e)
			}
			call, ok := steadyhttp.FromContext(ctx)
			if !ok || call.Error == nil {
				t.Fatalf("FromContext: got %+v, %v, want the verdict on the error", call, ok)
			}
			if row.client.Timeout == 0 && call.Error.Class != row.class {
				t.Errorf("FromContext: got %v, want %v", call.Error.Class, row.class)
			}
		})
	}
}

// Of an answer in plain text to a TLS handshake, http.Client makes an error of
// its own; below it there is another.
func TestClassOfHTTPSToAServerWithoutTLS(t *testing.T) {
	plain := httptest.NewUnstartedServer(http.NotFoundHandler())
	plain.Config.ErrorLog = log.New(io.Discard, "", 0)
	plain.Start()
	defer plain.Close()
	client := &http.Client{Transport: &steadyhttp.Classifier{Base: new(http.Transport)}}
	ctx := steadyhttp.WithCall(t.Context())
	resp, err := client.Do(request(t, "GET", strings.Replace(plain.URL, "http:", "https:", 1), "").WithContext(ctx))
	if e := asError(t, resp, err); e.Class != steadyhttp.TLS {
		t.Errorf("Check(%v): got %v, want %v", err, e.Class, steadyhttp.TLS)
	}
	if call, _ := steadyhttp.FromContext(ctx); call.Error == nil || call.Error.Class != steadyhttp.TLS {
		t.Errorf("FromContext: got %v, want %v", call.Error, steadyhttp.TLS)
	}
}

func TestBodyCutShort(t *testing.T) {
	cutting := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "start")
	}))
	defer cutting.Close()
	resp, err := cutting.Client().Get(cutting.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, err = io.ReadAll(resp.Body)
	if e := asError(t, nil, err); e.Class != steadyhttp.Connection {
		t.Errorf("Check(nil, %v): got %v, want %v", err, e.Class, steadyhttp.Connection)
	}
}

func TestHintOfAnUnknownHost(t *testing.T) {
	e := asError(t, nil, byClient(dialing(&net.DNSError{Err: "no such host", Name: "api.invalid", IsNotFound: true})))
	if !strings.Contains(e.Hint, "host name") || strings.Contains(e.Hint, "model") {
		t.Errorf("got %q, want it to speak of the host name alone", e.Hint)
	}
}

func TestCheckOfNothing(t *testing.T) {
	e := asError(t, nil, nil)
	if e.Class != steadyhttp.Unknown || e.Message == "" {
		t.Errorf("got %v with message %q, want %v with some", e.Class, e.Message, steadyhttp.Unknown)
	}
}

func TestCheckOfAnErrorGoesBeforeTheAnswer(t *testing.T) {
	// http.Client returns both when a redirect fails.
	resp := plainAnswer(302, "", "")
	if e := asError(t, resp, byClient(errors.New("stopped after 10 redirects"))); e.Status != 0 || e.Err == nil {
		t.Errorf("got status %d and Err %v, want the error's verdict", e.Status, e.Err)
	}
}

func TestCheckOfOurOwnError(t *testing.T) {
	own := &steadyhttp.Error{
		Class: steadyhttp.RateLimit, Message: "not sent", Hint: "later",
		Err: fmt.Errorf("%w: %w", steadyhttp.ErrThrottled, context.DeadlineExceeded),
	}
	if got := asError(t, nil, own); got != own {
		t.Errorf("bare: got %p, want the same %p", got, own)
	}
	outer := byClient(own)
	got := asError(t, nil, outer)
	if got.Class != own.Class || got.Message != own.Message || got.Hint != own.Hint {
		t.Errorf("wrapped: got %+v, want what the inner one says", *got)
	}
	if got.Err != outer || own.Err == outer {
		t.Errorf("wrapped: got Err %v and inner Err %v, want the outer error in a copy", got.Err, own.Err)
	}
	for _, target := range []error{outer, own, steadyhttp.ErrThrottled, context.DeadlineExceeded} {
		if !errors.Is(got, target) {
			t.Errorf("errors.Is(%v, %v): got false, want true", got, target)
		}
	}
	if !got.Timeout() {
		t.Error("Timeout: got false, want true: a deadline was the reason")
	}
}

func TestErrorUnwraps(t *testing.T) {
	op := &net.OpError{Op: "read", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	e := asError(t, nil, byClient(op))
	if !errors.Is(e, syscall.ECONNRESET) {
		t.Error("errors.Is ECONNRESET: got false, want true")
	}
	var asOp *net.OpError
	if !errors.As(e, &asOp) || asOp != op {
		t.Errorf("errors.As: got %v, want the net.OpError inside", asOp)
	}
	if answered := asError(t, plainAnswer(500, "", ""), nil); answered.Unwrap() != nil {
		t.Errorf("Unwrap of an answer: got %v, want nil", answered.Unwrap())
	}
}

func TestTimeoutOfAnswers(t *testing.T) {
	for status, want := range map[int]bool{408: true, 504: true, 524: true, 500: false, 503: false, 429: false} {
		if got := asError(t, plainAnswer(status, "", ""), nil).Timeout(); got != want {
			t.Errorf("Timeout of %d: got %v, want %v", status, got, want)
		}
	}
}

func TestErrorText(t *testing.T) {
	for _, row := range []struct {
		name string
		err  steadyhttp.Error
		want string
	}{
		{"everything", steadyhttp.Error{
			Class: steadyhttp.RateLimit, Status: 429, Message: "Slow down.", Code: "rate_limit_exceeded",
			RetryAfter: 20 * time.Second, RetryAfterSource: "retry-after", RequestID: "req_1",
		}, "steadyhttp: rate_limit: 429 Too Many Requests: Slow down. (code rate_limit_exceeded, retry after 20s, request req_1)"},
		{"a status without a name", steadyhttp.Error{Class: steadyhttp.Overloaded, Status: 529}, "steadyhttp: overloaded: 529"},
		{"no answer", steadyhttp.Error{Class: steadyhttp.Connection, Message: "dial: refused"}, "steadyhttp: connection: dial: refused"},
		{"a wait of nothing", steadyhttp.Error{Class: steadyhttp.Unavailable, Status: 503, RetryAfterSource: "retry-after"},
			"steadyhttp: unavailable: 503 Service Unavailable (retry after 0s)"},
	} {
		if got := row.err.Error(); got != row.want {
			t.Errorf("%s:\ngot  %q\nwant %q", row.name, got, row.want)
		}
	}
}

func TestErrorIsOneLine(t *testing.T) {
	const nasty = "a\nb\r\x1b[31mred\x1b]0;title\x07\x00\u202eright to left\u2028next\u0085end\xff"
	escaped := `a\nb\u001b[31m\u0000\u202e\u2028end`
	for _, row := range []struct {
		name string
		resp *http.Response
		err  error
	}{
		{"in text", plainAnswer(500, "", nasty), nil},
		{"in a message", plainAnswer(500, "", `{"error":{"message":"`+escaped+`","code":"`+escaped+`","param":"`+escaped+`"},"request_id":"`+escaped+`"}`), nil},
		{"in headers", &http.Response{StatusCode: 503, Header: http.Header{"X-Request-Id": {nasty}, "X-Maintenance-Until": {nasty}}}, nil},
		{"in an error", nil, errors.New(nasty)},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := asError(t, row.resp, row.err)
			for _, s := range []string{e.Error(), e.Message, e.Code, e.Param, e.RequestID, e.Hint, e.UserMessage()} {
				if i := strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }); i >= 0 {
					t.Errorf("got %q, want printable text on one line", s)
				}
			}
			// Of a text that is no JSON the first line is the message.
			if !strings.Contains(e.Error(), "end") && row.name != "in headers" && row.name != "in text" {
				t.Errorf("got %q, want the text to its end", e)
			}
		})
	}
}

func TestErrorTextIsBounded(t *testing.T) {
	long := strings.Repeat("word ", 20_000)
	for _, resp := range []*http.Response{
		plainAnswer(500, "", long),
		plainAnswer(500, "", `{"error":{"message":"`+long+`","code":"`+long[:9000]+`"},"request_id":"`+long[:9000]+`"}`),
		{StatusCode: 503, Header: http.Header{"X-Request-Id": {long}, "X-Maintenance-Until": {long}}},
	} {
		e := asError(t, resp, nil)
		if len(e.Error()) > 2<<10 || len(e.Hint) > 1<<10 {
			t.Errorf("got a text of %d bytes and a hint of %d, want a paragraph", len(e.Error()), len(e.Hint))
		}
	}
	if e := asError(t, nil, errors.New(long)); len(e.Error()) > 2<<10 {
		t.Errorf("got a text of %d bytes, want a paragraph", len(e.Error()))
	}
}

func TestSecretsInQueriesStayOut(t *testing.T) {
	const secret = "hunter2"
	for _, row := range []struct {
		name string
		err  error
	}{
		{"in the URL", &url.Error{Op: "Get", URL: "https://api.example/v1?key=" + secret, Err: io.EOF}},
		{"under a name that tells nothing", &url.Error{Op: "Get", URL: "https://api.example/v1?q=" + secret, Err: io.EOF}},
		{"in the path and the user information", &url.Error{Op: "Get", URL: "https://" + secret + ":" + secret + "@api.example/" + secret, Err: io.EOF}},
		{"wrapped by a stranger", fmt.Errorf("page 3: %w", &url.Error{Op: "Get", URL: "https://api.example/v1?q=" + secret, Err: io.EOF})},
		{"in one of two", errors.Join(io.EOF, &url.Error{Op: "Get", URL: "https://api.example/v1?q=" + secret, Err: io.EOF})},
		{"named in the text of an error", errors.New("cannot fetch https://api.example/v1?api_key=" + secret)},
		{"after a verdict", &url.Error{Op: "Get", URL: "https://api.example/v1?q=" + secret, Err: &steadyhttp.Error{Class: steadyhttp.RateLimit, Message: "not sent"}}},
	} {
		t.Run(row.name, func(t *testing.T) {
			e := asError(t, nil, row.err)
			for _, s := range []string{e.Error(), e.Message, e.UserMessage(), e.Hint, fmt.Sprintf("%v %s %+v", e, e, e)} {
				if strings.Contains(s, secret) {
					t.Errorf("got %q, want it without the secret", s)
				}
			}
		})
	}
}

// What an end user must not be bothered with.
var internals = regexp.MustCompile(`(?i)\b(tokens?|API|HTTP|HTTPS|JSON|TLS|DNS|keys?|status|headers?|codes?|retry|null|server|429|[45]\d\d)\b|[_{}<>]`)

func TestUserMessage(t *testing.T) {
	const said = "token sk-1 of the API exceeded 429"
	for _, row := range classes {
		if row.class == steadyhttp.None {
			continue // nothing went wrong, so there is nothing to tell
		}
		t.Run(row.name, func(t *testing.T) {
			e := &steadyhttp.Error{
				Class: row.class, Status: 429, Provider: "openai", Code: said, Param: said, Message: said, Hint: said, RequestID: said,
				Body: []byte(said), Err: errors.New(said),
			}
			got := e.UserMessage()
			if len(got) < 10 || !strings.HasSuffix(got, ".") {
				t.Errorf("got %q, want a sentence", got)
			}
			if found := internals.FindAllString(got, -1); found != nil {
				t.Errorf("got %q, want it without %q", got, found)
			}
			e.RetryAfter, e.RetryAfterSource = 20*time.Second, "retry-after"
			if got, want := strings.Contains(e.UserMessage(), "20 seconds"), row.retryable; got != want {
				t.Errorf("with a wait: got %q; names the wait: %v, want %v", e.UserMessage(), got, want)
			}
		})
	}
}

func TestWaitInWords(t *testing.T) {
	for _, row := range []struct {
		wait time.Duration
		want string // "" is not a word on it
	}{
		{0, ""},
		{time.Nanosecond, "about 1 second."},
		{time.Second, "about 1 second."},
		{1100 * time.Millisecond, "about 2 seconds."},
		{90 * time.Second, "about 90 seconds."},
		{91 * time.Second, "about 2 minutes."},
		{90 * time.Minute, "about 90 minutes."},
		{91 * time.Minute, "about 2 hours."},
		{36 * time.Hour, "about 36 hours."},
		{37 * time.Hour, "about 2 days."},
		{366 * 24 * time.Hour, "about 366 days."},
	} {
		e := &steadyhttp.Error{Class: steadyhttp.RateLimit, RetryAfter: row.wait, RetryAfterSource: "retry-after"}
		got := e.UserMessage()
		if !strings.HasSuffix(got, row.want) || row.want == "" && strings.Contains(got, "about") {
			t.Errorf("a wait of %v: got %q, want %q at its end", row.wait, got, row.want)
		}
		e.RetryAfterSource = ""
		if got := e.UserMessage(); strings.Contains(got, "about") {
			t.Errorf("a wait of %v that nobody named: got %q", row.wait, got)
		}
	}
}

// A verdict is read by many: the wrappers, the caller, a logger.
func TestCheckGivesTheSameVerdictToAll(t *testing.T) {
	resp, err := (&steadyhttp.Classifier{Base: playing(reply{status: 500, body: `{"error":{"message":"off"}}`})}).RoundTrip(chat(t))
	if err != nil {
		t.Fatal(err)
	}
	verdicts := make(chan error)
	for range 20 {
		go func() { verdicts <- steadyhttp.Check(resp, nil) }()
	}
	var got []error
	for range 20 {
		if err := <-verdicts; !slices.Contains(got, err) {
			got = append(got, err)
		}
	}
	if len(got) != 1 {
		t.Errorf("got %d verdicts on one answer, want 1", len(got))
	}
	finish(t, resp)
}
