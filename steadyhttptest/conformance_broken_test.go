package steadyhttptest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// brokenWrappers each break one rule; some of them break others too.
var brokenWrappers = []struct {
	name string
	wrap wrapFunc
	by   string // the rule that must catch it
	says string // part of what it must say
}{
	{"writes a header into the caller's request",
		wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
			if req.Header != nil {
				req.Header.Set("Authorization", "Bearer word")
			}
			return base.RoundTrip(req)
		}), "request-unmodified", "Header was map"},
	{"writes a header into a shallow copy",
		wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
			req = req.WithContext(req.Context())
			req.Header["Accept"][0] = "text/html"
			return base.RoundTrip(req)
		}), "request-unmodified", "Header was map"},
	{"writes a header and takes it back", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		if req.Header != nil {
			req.Header.Set("Authorization", "Bearer word")
			defer req.Header.Del("Authorization")
		}
		return base.RoundTrip(req)
	}), "request-unmodified", "while the base ran"},
	{"replaces the caller's header map", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		req.Header = req.Header.Clone()
		return base.RoundTrip(req)
	}), "request-unmodified", "Header was replaced"},
	{"rewrites the caller's URL", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		req.URL.Path = "/v2/things"
		return base.RoundTrip(req)
	}), "request-unmodified", "URL was"},
	{"puts the new body on the caller's request",
		retrying(flaws{replacesBody: true}), "request-unmodified", "Body was replaced"},
	{"counts attempts in a shared header map", retrying(flaws{reusesHeader: true, leavesOpen: true}), "request-shared",
		"the header that the base holds for attempt 1 changed"},
	{"never closes the body when the context is over",
		wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
			if err := req.Context().Err(); err != nil {
				return nil, err
			}
			return base.RoundTrip(req)
		}), "request-body-closed", "cancelled beforehand, PUT with body with GetBody: the request body was not closed"},
	{"never closes the original when it sends a copy", retrying(flaws{keepsOriginal: true}), "request-body-closed",
		"the request body was not closed"},
	{"never closes a copy", retrying(flaws{losesCopies: true}), "request-body-closed", "GetBody call 1 was not closed"},
	{"reads the body after the base closed it",
		wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := base.RoundTrip(req)
			if req.Body != nil {
				_, _ = io.Copy(io.Discard, req.Body)
			}
			return resp, err
		}), "request-body-closed", "after it was closed"},
	{"sends what is left of the body",
		retrying(flaws{sharesBody: true}), "request-body-whole", "attempt 2 could not read the body"},
	{"sends nothing the second time",
		retrying(flaws{forgetsBody: true}), "request-body-whole", "attempt 2 sent 0 bytes, want 10000"},
	{"has a look at a copy of the body", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		if req.GetBody != nil {
			body, err := req.GetBody()
			if err != nil {
				return base.RoundTrip(req)
			}
			_, _ = io.Copy(io.Discard, body)
			body.Close()
		}
		return base.RoundTrip(req)
	}), "request-body-one-reader", "it rewinds, 200: attempt 1 could not read the body"},
	{"holds the body open for another attempt", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		if req.Body == nil {
			return base.RoundTrip(req)
		}
		defer req.Body.Close()
		copied := *req
		copied.Body = io.NopCloser(req.Body)
		return base.RoundTrip(&copied)
	}), "request-body-producer", "an error while the upload is written: RoundTrip has not returned"},
	{"makes a request of its own", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		if req.URL == nil {
			return base.RoundTrip(req)
		}
		own, err := http.NewRequestWithContext(req.Context(), req.Method, req.URL.String(), req.Body)
		if err != nil {
			return nil, err
		}
		return base.RoundTrip(own)
	}), "request-arrives", `Host "api.example.com", want "tenant.example.com"`},
	{"answers without the base", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		return nil, errOdd
	}), "request-arrives", "the base was never called"},
	{"drops the context", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		return base.RoundTrip(req.WithContext(context.Background()))
	}), "request-context", "lacks the caller's values"},
	{"drops the deadline when it repeats",
		retrying(flaws{onlyFirst: true}), "request-context", "lacks the caller's deadline"},
	{"dereferences a nil header", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		req = req.Clone(req.Context())
		req.Header.Set("Authorization", "Bearer word")
		return base.RoundTrip(req)
	}), "request-nil-fields", "with a nil Header"},
	{"dereferences a nil URL", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		_ = fmt.Sprint(req.URL.Host)
		return base.RoundTrip(req)
	}), "request-nil-fields", "with a nil URL"},

	{"returns nothing after the last attempt",
		wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := base.RoundTrip(req)
			if err == nil && resp.StatusCode >= 500 {
				resp.Body.Close()
				return nil, nil
			}
			return resp, err
		}), "answer-or-error", "neither"},
	{"makes an error of a failed answer and returns both",
		wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := base.RoundTrip(req)
			if err == nil && resp.StatusCode >= 400 {
				err = errors.New(resp.Status)
			}
			return resp, err
		}), "answer-or-error", "both"},
	{"gives up with an error of its own", retrying(flaws{givesUp: true}), "answer-returned", "the base answered 503"},
	{"follows redirects", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(req)
		if err == nil && resp.StatusCode/100 == 3 && resp.StatusCode != 304 {
			to, err := url.Parse(resp.Header.Get("Location"))
			if err != nil {
				return resp, nil
			}
			resp.Body.Close()
			next := req.Clone(req.Context())
			next.URL = to
			return base.RoundTrip(next)
		}
		return resp, err
	}), "answer-untouched", "GET answered with 301"},
	{"drops all values but the first", onAnswer(func(_ *http.Request, resp *http.Response) {
		clean := http.Header{}
		for name := range resp.Header {
			clean.Set(name, resp.Header.Get(name))
		}
		resp.Header = clean
	}), "answer-untouched", `header Set-Cookie is ["a=1"]`},
	{"adds a header to the answer", onAnswer(func(_ *http.Request, resp *http.Response) {
		if resp.Header != nil {
			resp.Header.Set("X-Attempts", "1")
		}
	}), "answer-untouched", "the base sent none"},
	{"makes a new response", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(req)
		if err != nil || resp == nil {
			return resp, err
		}
		return &http.Response{StatusCode: resp.StatusCode, Header: resp.Header, Body: resp.Body}, nil
	}), "answer-untouched", "resp.Request"},
	{"counts on a response header", onAnswer(func(_ *http.Request, resp *http.Response) {
		resp.Header.Set("X-Seen", "1")
	}), "answer-nil-fields", "429 with a nil Header: panic"},
	{"counts on a response body", onAnswer(func(_ *http.Request, resp *http.Response) {
		if resp.StatusCode >= 500 {
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			resp.Body = io.NopCloser(bytes.NewReader(body))
		}
	}), "answer-nil-fields", "with a nil Body: panic"},
	{"drops the response that came with an error",
		wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := base.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			return resp, nil
		}), "answer-with-error", "the body of answer 1 (200) was not closed"},
	{"copies the response", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(req)
		if err != nil || resp == nil {
			return resp, err
		}
		copied := *resp
		return &copied, nil
	}), "answer-trailer", "which was not announced"},

	{"loses the last bytes", onAnswer(func(_ *http.Request, resp *http.Response) {
		if resp.StatusCode != 101 && resp.Body != nil {
			resp.Body = &otherBody{&cutReader{r: resp.Body, n: 5}, resp.Body}
		}
	}), "answer-body-whole", "200 with 64 KiB and a byte"},
	{"keeps only 64 KiB of a failure", onAnswer(func(_ *http.Request, resp *http.Response) {
		if resp.StatusCode >= 400 && resp.Body != nil {
			body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
			resp.Body.Close()
			resp.Body = io.NopCloser(bytes.NewReader(body))
		}
	}), "answer-body-whole", "65536 bytes, want 65537"},
	{"takes a look and does not put it back", onAnswer(func(_ *http.Request, resp *http.Response) {
		if resp.StatusCode >= 400 {
			_, _ = io.ReadFull(resp.Body, make([]byte, 10))
		}
	}), "answer-body-whole", "after 503 for ever, GET"},
	{"cancels its context when it returns", retrying(flaws{cancelsEarly: true}), "answer-body-open", "context canceled"},
	{"closes the body in its own time", onAnswer(func(_ *http.Request, resp *http.Response) {
		time.AfterFunc(100*time.Millisecond, func() { resp.Body.Close() })
	}), "answer-body-open", "a second after RoundTrip returned 200"},
	{"leaves discarded bodies open",
		retrying(flaws{leavesOpen: true}), "answer-bodies-closed", "the body of answer 1 (503) was not closed"},
	{"hides the body's Close", onAnswer(func(_ *http.Request, resp *http.Response) {
		resp.Body = io.NopCloser(resp.Body)
	}), "answer-bodies-closed", "after 200, GET: the body of answer 1 (200) was not closed"},
	{"swallows errors of the body", onAnswer(func(_ *http.Request, resp *http.Response) {
		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		resp.Body = io.NopCloser(bytes.NewReader(body))
	}), "answer-body-error", "the reader got <nil>"},
	{"panics when closed twice", onAnswer(func(_ *http.Request, resp *http.Response) {
		over := make(chan struct{})
		resp.Body = &otherBody{resp.Body, closerFunc(func() error {
			close(over)
			return nil
		})}
	}), "answer-body-close", "closing twice, of a 200: panic"},
	{"reads discarded answers to their end", retrying(flaws{drainsAll: true}), "answer-body-endless", "more than 4 MiB"},
	{"empties the body before it closes it", onAnswer(func(_ *http.Request, resp *http.Response) {
		body := resp.Body
		resp.Body = &otherBody{body, closerFunc(func() error {
			_, _ = io.Copy(io.Discard, body)
			return body.Close()
		})}
	}), "answer-body-endless", "more than 4 MiB"},
	{"keeps the end for a read of its own", onAnswer(func(_ *http.Request, resp *http.Response) {
		if resp.StatusCode != 101 && resp.Body != nil {
			body := resp.Body
			resp.Body = &otherBody{readerFunc(func(p []byte) (int, error) {
				n, err := body.Read(p)
				if n > 0 {
					err = nil // the next Read will say it
				}
				return n, err
			}), body}
		}
	}), "answer-body-decoded", "was not told of its end"},
	{"waits for a body in a context of its own",
		wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
			resp, err := base.RoundTrip(req.WithContext(context.WithoutCancel(req.Context())))
			if err == nil && resp.StatusCode >= 400 {
				stop := time.AfterFunc(2*time.Minute, func() { resp.Body.Close() })
				_, _ = resp.Body.Read(make([]byte, 1))
				stop.Stop()
			}
			return resp, err
		}), "answer-body-stalled", "1m0s after the deadline"},

	{"buffers the whole stream", onAnswer(func(_ *http.Request, resp *http.Response) {
		if resp.StatusCode == 200 {
			body, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			resp.Body = io.NopCloser(bytes.NewReader(body))
		}
	}), "stream-unbuffered", "text/plain"},
	{"reads ahead in the stream", onAnswer(func(_ *http.Request, resp *http.Response) {
		resp.Body = &otherBody{&chunkedReader{r: resp.Body, size: 512}, resp.Body}
	}), "stream-unbuffered", `reading "a", which the base has written`},
	{"waits for the first event", onAnswer(func(_ *http.Request, resp *http.Response) {
		if resp.Header.Get("Content-Type") == "text/event-stream" {
			var first [1]byte
			n, _ := io.ReadFull(resp.Body, first[:])
			resp.Body = &otherBody{io.MultiReader(bytes.NewReader(first[:n]), resp.Body), resp.Body}
		}
	}), "stream-unbuffered", "a 200 with text/event-stream"},
	{"holds events until they are whole", onAnswer(func(_ *http.Request, resp *http.Response) {
		if resp.Header.Get("Content-Type") == "text/event-stream" {
			resp.Body = &otherBody{&chunkedReader{r: resp.Body, size: 101}, resp.Body} // the length of an event
		}
	}), "stream-inference", "which the base has written"},
	{"closes the request body when it returns",
		wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
			if req.Body != nil {
				defer req.Body.Close()
			}
			return base.RoundTrip(req)
		}), "stream-duplex", "writing to the request body"},
	{"reads the request body first", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		if req.Body == nil || req.GetBody != nil {
			return base.RoundTrip(req)
		}
		body, err := io.ReadAll(req.Body)
		req.Body.Close()
		if err != nil {
			return nil, err
		}
		copied := *req
		copied.Body = io.NopCloser(bytes.NewReader(body))
		return base.RoundTrip(&copied)
	}), "stream-duplex", "RoundTrip has not returned"},
	{"hides the request body's Close", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		if req.Body == nil {
			return base.RoundTrip(req)
		}
		copied := *req
		copied.Body = io.NopCloser(req.Body)
		return base.RoundTrip(&copied)
	}), "stream-early-answer", "whoever writes the upload still waits"},
	{"wraps the body of a 101", onAnswer(func(_ *http.Request, resp *http.Response) {
		resp.Body = &otherBody{resp.Body, resp.Body}
	}), "stream-upgrade", "cannot be written to"},
	{"locks the body for reading and closing", onAnswer(func(_ *http.Request, resp *http.Response) {
		resp.Body = &lockedBody{ReadCloser: resp.Body}
	}), "stream-close", "stuck"},
	{"reads the body in a goroutine that nobody ends", onAnswer(func(_ *http.Request, resp *http.Response) {
		r, w := io.Pipe()
		body := resp.Body
		go func() {
			_, err := io.Copy(w, body)
			w.CloseWithError(err)
		}()
		resp.Body = &otherBody{r, closerFunc(func() error { return nil })}
	}), "stream-close", "Read still waits after Close"},
	{"hides why the body ended", onAnswer(func(_ *http.Request, resp *http.Response) {
		body := resp.Body
		resp.Body = &otherBody{readerFunc(func(p []byte) (int, error) {
			n, err := body.Read(p)
			if err != nil && err != io.EOF {
				err = errors.New("read: " + err.Error())
			}
			return n, err
		}), body}
	}), "stream-cancel", "not context.Canceled"},

	{"wraps errors", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(req)
		if err != nil {
			err = fmt.Errorf("giving up: %w", err)
		}
		return resp, err
	}), "error-identity", "the error came up wrapped in a *fmt.wrapError"},
	{"wraps timeouts", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(req)
		if errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
			err = fmt.Errorf("too late: %w", err)
		}
		return resp, err
	}), "error-timeout", "without a true Timeout()"},
	{"sleeps",
		retrying(flaws{sleeps: true}), "wait-cancel", "cancelled after 30ms, after 503, PUT with no body: RoundTrip returned 670ms later"},
	{"hides why the call ended", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		resp, err := base.RoundTrip(req)
		if err != nil {
			err = errors.New(err.Error())
		}
		return resp, err
	}), "wait-cancel", "want one that is context canceled"},
	{"waits past the deadline",
		retrying(flaws{outlasts: true}), "wait-deadline", "400ms to go, after 503: RoundTrip returned 300ms after"},
	{"drops Request.Cancel", wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
		copied := *req
		copied.Cancel = nil //lint:ignore SA1019 that is the point
		return base.RoundTrip(&copied)
	}), "wait-cancel-channel", "the base is busy: attempt 1 did not hear of it"},

	{"gives everybody the header of the last answer", func(base http.RoundTripper) http.RoundTripper {
		var mu sync.Mutex
		var last http.Header
		return onAnswer(func(_ *http.Request, resp *http.Response) {
			mu.Lock()
			last = resp.Header
			mu.Unlock()
			time.Sleep(time.Millisecond)
			mu.Lock()
			resp.Header = last
			mu.Unlock()
		})(base)
	}, "call-concurrent", "got the answer to call"},
	{"keeps the slot of a call that panicked",
		slotted(4, true), "call-panic", "to a base that panicked: RoundTrip returned with the error context deadline exceeded"},
	{"keeps the lock of a call that panicked", func(base http.RoundTripper) http.RoundTripper {
		var mu sync.Mutex
		return wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
			mu.Lock()
			resp, err := base.RoundTrip(req)
			mu.Unlock()
			return resp, err
		})(base)
	}, "call-panic", "stuck"},
	{"makes an error of a panic", wrapper(func(base http.RoundTripper, req *http.Request) (resp *http.Response, err error) {
		defer func() {
			if v := recover(); v != nil {
				err = fmt.Errorf("panic: %v", v)
			}
		}()
		return base.RoundTrip(req)
	}), "call-panic", "want the base's panic"},
	{"hides CloseIdleConnections", func(base http.RoundTripper) http.RoundTripper {
		return struct{ http.RoundTripper }{base}
	}, "call-idle-connections", "did not reach the base"},
	{"counts on CloseIdleConnections", func(base http.RoundTripper) http.RoundTripper {
		return countsOnIdle{base}
	}, "call-idle-connections", "with a base that has not the method: panic"},
	{"leaves a goroutine waiting for the context",
		wrapper(func(base http.RoundTripper, req *http.Request) (*http.Response, error) {
			if done := req.Context().Done(); done != nil {
				go func() { <-done }()
			}
			return base.RoundTrip(req)
		}), "answer-or-error", "a goroutine was left behind"},
}

type closerFunc func() error

func (f closerFunc) Close() error { return f() }

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// countsOnIdle takes it for granted that its base has the method.
type countsOnIdle struct{ http.RoundTripper }

func (t countsOnIdle) CloseIdleConnections() {
	t.RoundTripper.(interface{ CloseIdleConnections() }).CloseIdleConnections()
}
