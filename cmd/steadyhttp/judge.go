package main

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// replying is a base that answers every request alike, without a network.
type replying func(*http.Request) (*http.Response, error)

func (r replying) RoundTrip(req *http.Request) (*http.Response, error) { return r(req) }

// request is what is known of the request: "" where nothing is.
type request struct{ method, host, path string }

// http returns it for the library, which looks at the same parts of a real one.
func (r request) http() *http.Request {
	if r.method == "" {
		r.method = http.MethodGet
	}
	req := &http.Request{Method: r.method, URL: &url.URL{Scheme: "https", Host: r.host, Path: r.path}, Header: http.Header{}}
	return req.WithContext(context.Background())
}

// guessed stands in for a request of which neither method nor path is known, so
// that the library looks for an error in a success. It does so for calls to
// language models, whoever answers them.
var guessed = request{method: http.MethodPost, path: "/v1/chat/completions"}

// judge returns the library's verdict on a, nil for a success. inside reports
// that the error is in the body of a success.
func judge(a *answer, r request) (e *steadyhttp.Error, inside bool) {
	if e := judgeAs(a, r); e != nil {
		return e, a.status < 400
	}
	if a.status < 200 || a.status > 299 || r.path != "" {
		return nil, false
	}
	g := guessed
	g.host = r.host
	e = judgeAs(a, g)
	return e, e != nil
}

func judgeAs(a *answer, r request) *steadyhttp.Error {
	base := replying(func(req *http.Request) (*http.Response, error) { return a.response(req), nil })
	resp, err := (&steadyhttp.Classifier{Base: base}).RoundTrip(r.http())
	e := verdict(resp, err)
	if e == nil {
		// A stream may hold an error further on, or end too early.
		if _, err = io.Copy(io.Discard, resp.Body); err != nil {
			e = verdict(nil, err)
		}
	}
	if resp != nil {
		resp.Body.Close()
	}
	return e
}

func verdict(resp *http.Response, err error) *steadyhttp.Error {
	e, _ := steadyhttp.Check(resp, err).(*steadyhttp.Error)
	return e
}

// decide asks a Retrier what it would do about e.
func decide(e *steadyhttp.Error, r request, maxWait time.Duration) steadyhttp.Decision {
	var d steadyhttp.Decision
	t := &steadyhttp.Retrier{
		Base:    replying(func(*http.Request) (*http.Response, error) { return nil, e }),
		MaxWait: maxWait,
		Decide: func(_ *http.Request, asked steadyhttp.Decision) (bool, time.Duration) {
			d = asked
			return false, 0
		},
	}
	t.RoundTrip(r.http()) // its outcome is e; what it thought is in d
	return d
}

// errorOf makes an error of a log entry. What the entry does not hold, such as
// the fate and the scope, comes from judging an answer like the one that it
// tells of, where that has the same class.
func errorOf(e *entry) *steadyhttp.Error {
	host, path := e.request()
	known := &steadyhttp.Error{}
	if e.status >= 400 {
		// The rule makes the library take the entry's word for the class.
		t := &steadyhttp.Classifier{
			Base:  replying(func(req *http.Request) (*http.Response, error) { return e.answer().response(req), nil }),
			Rules: []steadyhttp.Rule{{Status: e.status, Class: e.class}},
		}
		resp, err := t.RoundTrip(request{e.method, host, path}.http())
		if judged := verdict(resp, err); judged != nil {
			known = judged
		}
	}
	made := *known
	made.Class, made.Status, made.Provider, made.Code = e.class, e.status, e.provider, e.code
	made.Message, made.Hint, made.RequestID = e.message, e.hint, e.requestID
	made.RetryAfter, made.RetryAfterSource, made.NotBefore = e.retryAfter, e.retryFrom, time.Time{}
	if e.retryFrom != "" {
		made.NotBefore = time.Now().Add(e.retryAfter)
	}
	if e.class == steadyhttp.RateLimit || e.class == steadyhttp.Overloaded {
		made.Fate = steadyhttp.FateRefused
	}
	return &made
}
