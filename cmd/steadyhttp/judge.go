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

// request is what is known of the request: "" where nothing is. Its secrets, query
// and headers, are there to be cleaned out of what the server said.
type request struct {
	method, host, path, query string
	sent                      http.Header
}

// http returns it for the library, which looks at the same parts of a real one.
func (r request) http() *http.Request {
	if r.method == "" {
		r.method = http.MethodGet
	}
	header := r.sent.Clone()
	if header == nil {
		header = http.Header{}
	}
	req := &http.Request{Method: r.method, URL: &url.URL{Scheme: "https", Host: r.host, Path: r.path, RawQuery: r.query}, Header: header}
	return req.WithContext(context.Background())
}

// as is r with another method.
func (r request) as(method string) request {
	r.method = method
	return r
}

// guessedPath stands in for one that is not known, or at which the library would not
// look, so that it looks for an error in a success. It does so for calls to language
// models, whoever answers them.
const guessedPath = "/v1/chat/completions"

// judge returns the library's verdict on a, nil for a success. inside reports
// that the error is in the body of a success, and unseen that a Classifier does not
// look into such successes, as far as the request is known.
func judge(a *answer, r request) (e *steadyhttp.Error, inside, unseen bool) {
	if e := judgeAs(a, r); e != nil {
		return e, a.status < 400, false
	}
	if a.status < 200 || a.status > 299 {
		return nil, false, false
	}
	guess := r.as(http.MethodPost)
	guess.path = guessedPath
	if e = judgeAs(a, guess); e != nil {
		if e.ScopeName != "" { // of the path that is a guess
			made := *e
			made.ScopeName = ""
			e = &made
		}
	}
	return e, e != nil, r.path != ""
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
		resp, err := t.RoundTrip(request{method: e.method, host: host, path: path}.http())
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
