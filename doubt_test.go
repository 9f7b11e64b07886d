package steadyhttp_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

const jsonType = "Content-Type: application/json"

// Successes that speak of an error and are what was asked for: something that is stored,
// the result of a check, work that has failed. Calls that follow one another take as
// many requests and as long as over the bare base. What is found is reported all the
// same, unless it came from the request itself.
func TestSuccessThatSpeaksOfAnError(t *testing.T) {
	const (
		answerTime = 20 * time.Millisecond
		calls      = 12
		later      = jsonType + "\nRetry-After: 10"
	)
	for _, row := range []struct {
		name, method, url, key, sent string
		status                       int
		header, body                 string
		class                        steadyhttp.Class
	}{
		{"a stub gets back what it stored", "PUT", "https://mock.example/stubs/7", "", `{"status":503,"message":"Service Unavailable"}`, 200, jsonType, `{"status":503,"message":"Service Unavailable"}`, steadyhttp.None},
		{"a rule for a limit", "PUT", "https://gate.example/rules/7", "", `{"code":429,"message":"Too many requests"}`, 201, jsonType, `{"code":429,"message":"Too many requests"}`, steadyhttp.None},
		{"one of many texts", "PUT", "https://texts.example/en/busy", "", `{"texts":{"busy":"Server is busy, please try again later"}}`, 200, jsonType, `{"error":"Server is busy, please try again later"}`, steadyhttp.None},
		{"a text with signs that JSON escapes", "PUT", "https://texts.example/en/busy", "", `{"text":"\"Busy\" \u003c try again later"}`, 200, jsonType, `{"error":"\"Busy\" < try again later"}`, steadyhttp.None},
		{"a rule that is posted with a key", "POST", "https://gate.example/rules", "k", `{"code":429,"message":"Too many requests"}`, 201, jsonType, `{"code":429,"message":"Too many requests"}`, steadyhttp.None},
		{"what an alert says", "PUT", "https://alerts.example/7/state", "", `{"on":true}`, 200, jsonType, `{"code":503,"message":"Service unavailable"}`, steadyhttp.Unavailable},
		{"a status page", "PUT", "https://status.example/7", "", `{"state":"down"}`, 200, jsonType, `{"status":"unavailable","message":"Service unavailable"}`, steadyhttp.Unavailable},
		{"what is left of something deleted", "DELETE", "https://jobs.example/7", "", "", 200, jsonType, `{"errors":["Service temporarily unavailable"]}`, steadyhttp.Unavailable},

		{"a check of a URL", "POST", "https://check.example/run", "k", `{"url":"https://a.example"}`, 200, jsonType, `{"status":503,"error":"Service Unavailable"}`, steadyhttp.Unavailable},
		{"a job that failed", "POST", "https://jobs.example/run", "k", `{"job":7}`, 200, jsonType, `{"status":"failed","error":"Service unavailable"}`, steadyhttp.Unavailable},
		{"a check that ran out of time", "POST", "https://check.example/run", "k", `{"address":"a"}`, 200, jsonType, `{"result":"error","reason":"timeout"}`, steadyhttp.Timeout},
		{"a check in XML", "POST", "https://check.example/run", "k", "<check/>", 200, "Content-Type: application/xml", `<error><code>503</code><message>Service Unavailable</message></error>`, steadyhttp.Unavailable},
		{"a login that is limited", "POST", "https://users.example/login", "", `{"user":"a"}`, 200, jsonType, `{"success":false,"message":"Too many login attempts, try again in 30 seconds"}`, steadyhttp.RateLimit},
		{"a limit that is asked for", "POST", "https://limits.example/check", "", `{"who":"a"}`, 200, jsonType, `{"code":"OVER_LIMIT","message":"rate limit exceeded"}`, steadyhttp.RateLimit},

		{"an operation of Azure", "GET", "https://management.azure.com/subscriptions/s/operationStatuses/1", "", "", 200, later, `{"status":"Failed","error":{"code":"InternalServerError","message":"An internal error"}}`, steadyhttp.ServerError},
		{"an operation", "GET", "https://house.example/operations/1", "", "", 200, later, `{"status":"Failed","error":{"code":"InternalServerError","message":"An internal error"}}`, steadyhttp.ServerError},
		{"a status to look at again", "GET", "https://house.example/status", "", "", 200, later, `{"status":"unavailable","message":"Service under maintenance"}`, steadyhttp.Unavailable},
		{"the latest entry of a log", "GET", "https://house.example/log/latest", "", "", 200, later, `{"level":"error","message":"Too many requests"}`, steadyhttp.RateLimit},
		{"work that goes on", "GET", "https://house.example/exports/1", "", "", 202, later, `{"code":"NotReady","message":"The export is not ready, try again later"}`, steadyhttp.Unavailable},
		{"a file of S3", "GET", "https://b.s3.amazonaws.com/503.xml", "", "", 200, "Content-Type: application/xml\nRetry-After: 10", `<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>`, steadyhttp.RateLimit},
		{"a file of GitHub", "GET", "https://raw.githubusercontent.com/o/r/main/limit.json", "", "", 200, later, `{"message":"API rate limit exceeded","documentation_url":"x"}`, steadyhttp.RateLimit},
		{"a file of Google's", "GET", "https://storage.googleapis.com/storage/v1/b/b/o/503.json?alt=media", "", "", 200, later, `{"error":{"code":503,"message":"Backend Error","status":"UNAVAILABLE"}}`, steadyhttp.Unavailable},

		{"GraphQL, a field that may be null", "GET", "https://api.example/graphql?query=x", "", "", 200, jsonType, `{"data":{"user":null},"errors":[{"message":"service unavailable","path":["user"]}]}`, steadyhttp.Unavailable},
		{"GraphQL, a field that was changed", "POST", "https://api.example/graphql", "k", `{"query":"mutation{use}"}`, 200, jsonType, `{"data":{"use":null},"errors":[{"message":"too many requests for this coupon","path":["use"]}]}`, steadyhttp.RateLimit},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(reply{after: answerTime, status: row.status, header: row.header, body: row.body})
				rt := &steadyhttp.Transport{Base: base}
				start := time.Now()
				for range calls {
					req := request(t, row.method, row.url, row.sent)
					if row.key != "" {
						req.Header.Set("Idempotency-Key", row.key)
					}
					resp, err := rt.RoundTrip(req)
					if err != nil {
						t.Fatal(err)
					}
					if got := classOfResponse(resp); got != row.class {
						t.Errorf("got the class %v, want %v", got, row.class)
					}
					if got := finish(t, resp); got != row.body {
						t.Errorf("got the body %q, want it as it was", got)
					}
				}
				if took := time.Since(start); base.count() != calls || took != calls*answerTime {
					t.Errorf("got %d requests in %v, want %d in %v", base.count(), took, calls, calls*answerTime)
				}
			})
		})
	}
}

// classOfResponse is the class of what Check says of resp.
func classOfResponse(resp *http.Response) steadyhttp.Class {
	if e, ok := steadyhttp.Check(resp, nil).(*steadyhttp.Error); ok {
		return e.Class
	}
	return steadyhttp.None
}

// What the body of a request says is no error when it comes back. A single word may be in
// both by accident, and a body that is gone once it was sent cannot be looked at.
func TestErrorThatTheRequestItselfSays(t *testing.T) {
	const busy = "The service is busy"
	rule := []steadyhttp.Rule{{Status: 200, Message: busy, Class: steadyhttp.Overloaded}}
	for _, row := range []struct {
		name     string
		sent     io.Reader
		body     string
		rules    []steadyhttp.Rule
		reported bool
	}{
		{"a string", strings.NewReader(`{"say":"` + busy + `"}`), `{"error":"` + busy + `"}`, nil, false},
		{"bytes", bytes.NewReader([]byte(`{"say":"` + busy + `"}`)), `{"error":"` + busy + `"}`, nil, false},
		{"in XML", strings.NewReader(`<say>` + busy + `</say>`), `<error>` + busy + `</error>`, nil, false},
		{"a buffer", bytes.NewBufferString(`{"say":"` + busy + `"}`), `{"error":"` + busy + `"}`, nil, true},
		{"a stream", io.MultiReader(strings.NewReader(`{"say":"` + busy + `"}`)), `{"error":"` + busy + `"}`, nil, true},
		{"something else", strings.NewReader(`{"say":"hello"}`), `{"error":"` + busy + `"}`, nil, true},
		{"nothing", nil, `{"error":"` + busy + `"}`, nil, true},
		{"a word", strings.NewReader(`{"say":"timeout"}`), `{"error":"timeout"}`, nil, true},
		{"what a Rule looks for", strings.NewReader(`{"say":"` + busy + `"}`), `{"error":"` + busy + `"}`, rule, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			header := jsonType
			if row.body[0] == '<' {
				header = "Content-Type: application/xml"
			}
			req, err := http.NewRequestWithContext(t.Context(), "POST", "https://house.example/texts", row.sent)
			if err != nil {
				t.Fatal(err)
			}
			rt := &steadyhttp.Transport{Base: playing(reply{status: 200, header: header, body: row.body}), Classifier: &steadyhttp.Classifier{Rules: row.rules}}
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if err := steadyhttp.Check(resp, nil); (err != nil) != row.reported {
				t.Errorf("got %v, want an error: %t", err, row.reported)
			}
			finish(t, resp)
		})
	}
}

// An error in a success is repeated where there is more than words: the API or its
// protocol is known for it, its header has the name, or the user says so.
func TestWhichErrorInASuccessIsRepeated(t *testing.T) {
	const (
		busy  = `{"error":"the service is overloaded"}`
		house = "https://house.example/things/7"
	)
	anything := func(*http.Request) bool { return true }
	for _, row := range []struct {
		name, method, url, key, header, body string
		rt                                   *steadyhttp.Transport // nil is the zero one
		policy                               steadyhttp.RetryPolicy
		repeated                             bool
	}{
		{name: "words", method: "PUT", url: house, body: busy},
		{name: "words and a key", method: "POST", url: house, key: "k", body: busy},
		{name: "a known API", method: "GET", url: "https://slack.com/api/users.list", body: `{"ok":false,"error":"ratelimited"}`, repeated: true},
		{name: "a header with the name", method: "GET", url: house, header: "\nX-Error-Code: BUSY", body: busy, repeated: true},
		{name: "a header that asks for later", method: "GET", url: house, header: "\nRetry-After: 1", body: busy},
		{name: "JSON-RPC", method: "POST", url: "https://node.example/", key: "k", body: `{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"Node is behind by 154 slots"}}`, repeated: true},
		{name: "JSON-RPC that is stored", method: "PUT", url: house, body: `{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"Node is behind by 154 slots"}}`},
		{name: "SOAP", method: "POST", url: "https://soap.example/", key: "k", body: `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault><faultcode>s:Server</faultcode><faultstring>Service unavailable</faultstring></s:Fault></s:Body></s:Envelope>`, repeated: true},
		{name: "GraphQL without data", method: "GET", url: "https://api.example/graphql?query=x", body: `{"data":null,"errors":[{"message":"service unavailable"}]}`, repeated: true},
		{name: "a Rule", method: "PUT", url: house, body: busy, rt: &steadyhttp.Transport{Classifier: &steadyhttp.Classifier{Rules: []steadyhttp.Rule{{Status: 200, Message: "overloaded", Class: steadyhttp.Overloaded}}}}, repeated: true},
		{name: "a POST that a Retrier allows", method: "POST", url: house, body: busy, rt: &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{Idempotent: anything}}, repeated: true},
		{name: "a POST that its call allows", method: "POST", url: house, body: busy, policy: steadyhttp.RetryPolicy{Idempotent: true}, repeated: true},
		{name: "a PUT, for which that says nothing", method: "PUT", url: house, body: busy, rt: &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{Idempotent: anything}}},
		{name: "whoever decides alone", method: "PUT", url: house, body: busy, rt: &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{Decide: func(*http.Request, steadyhttp.Decision) (bool, time.Duration) { return true, 0 }}}, repeated: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				typ := jsonType
				if row.body[0] == '<' {
					typ = "Content-Type: text/xml"
				}
				base := playing(reply{status: 200, header: typ + row.header, body: row.body}, reply{status: 200, header: jsonType, body: "{}"})
				rt := row.rt
				if rt == nil {
					rt = &steadyhttp.Transport{}
				}
				rt.Base = base
				req := request(t, row.method, row.url, "")
				if row.key != "" {
					req.Header.Set("Idempotency-Key", row.key)
				}
				ctx := steadyhttp.WithRetry(steadyhttp.WithCall(req.Context()), row.policy)
				resp, err := rt.RoundTrip(req.WithContext(ctx))
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
				call, _ := steadyhttp.FromContext(ctx)
				if got := base.count() == 2; got != row.repeated {
					t.Errorf("repeated: got %t, want %t (%v, %s)", got, row.repeated, call.Error, call.Stopped)
				}
				if !row.repeated && (call.Error == nil || call.Stopped == "") {
					t.Errorf("got the error %v, and %q for why it was not repeated", call.Error, call.Stopped)
				}
			})
		})
	}
}

// What may be no failure sends nobody elsewhere, neither its own call nor those after it.
func TestFailoverStaysWhereASuccessSpeaksOfAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fleet{rules: map[string]func(asked) reply{"house.example": always(200, "", `{"status":503,"error":"Service Unavailable"}`), "other.example": works}}
		rt := &steadyhttp.Transport{Base: f, Failover: &steadyhttp.Failover{Hosts: []string{"house.example"}, Targets: []steadyhttp.Target{{URL: "https://other.example"}}}}
		const calls = 6 // three failures in a row would turn the others away
		for range calls {
			ask(t, rt, func(req *http.Request) { req.Method, req.URL.Host, req.URL.Path = "PUT", "house.example", "/checks/7" })
		}
		if got := f.at("house.example"); got != calls || f.at("other.example") != 0 {
			t.Errorf("got %d requests where they belong and %d elsewhere, want %d and 0", got, f.at("other.example"), calls)
		}
	})
}
