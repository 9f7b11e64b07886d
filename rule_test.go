package steadyhttp_test

import (
	"cmp"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func TestRulesThatMakeNoSense(t *testing.T) {
	const class = steadyhttp.RateLimit
	good := steadyhttp.Rule{Status: 400, Class: class}
	for _, row := range []struct {
		name string
		rule steadyhttp.Rule
		want string
	}{
		{"no condition", steadyhttp.Rule{Class: class}, "Rules[1] matches every answer; set its Host, Status, Header, Code or Message"},
		{"nothing at all", steadyhttp.Rule{}, "Rules[1] matches every answer"},
		{"only a hint", steadyhttp.Rule{Class: class, Hint: "x"}, "Rules[1] matches every answer"},
		{"no class", steadyhttp.Rule{Status: 400}, "Rules[1] has no Class"},
		{"a class that does not exist", steadyhttp.Rule{Status: 400, Class: steadyhttp.Unknown + 1}, "Rules[1] has no Class"},
		{"every success of a host", steadyhttp.Rule{Host: "a.example", Status: 200, Class: class}, "Rules[1] makes every success a failure; set its Code or Message"},
		{"every 299", steadyhttp.Rule{Status: 299, Class: class}, "Rules[1] makes every success a failure"},
	} {
		t.Run(row.name, func(t *testing.T) {
			rules := []steadyhttp.Rule{good, row.rule}
			base := playing(reply{status: 200})
			for name, rt := range map[string]http.RoundTripper{
				"Classifier": &steadyhttp.Classifier{Base: base, Rules: rules},
				"Transport":  &steadyhttp.Transport{Base: base, Classifier: &steadyhttp.Classifier{Rules: rules}},
			} {
				for range 2 { // the second time too
					body := &closeRecorder{Reader: strings.NewReader("x")}
					req := request(t, "POST", chatURL, "")
					req.Body = body
					resp, err := rt.RoundTrip(req)
					if resp != nil || err == nil || !strings.HasPrefix(err.Error(), "steadyhttp: Classifier.") || !strings.Contains(err.Error(), row.want) {
						t.Errorf("%s: got %v, %v; want an error with %q", name, resp, err, row.want)
					}
					if !body.closed {
						t.Errorf("%s: the request body was left open", name)
					}
				}
			}
			if base.count() != 0 {
				t.Errorf("got %d requests sent, want none", base.count())
			}
		})
	}
}

func TestRules(t *testing.T) {
	const url = "https://api.eu.shop.example:8443/v2/orders"
	teapot := reply{status: 418, body: `{"error":{"code":"E_BUSY","message":"The Kitchen is full"}}`}
	for _, row := range []struct {
		name  string
		url   string
		rule  steadyhttp.Rule
		match bool
	}{
		{"by status", url, steadyhttp.Rule{Status: 418}, true},
		{"another status", url, steadyhttp.Rule{Status: 419}, false},
		{"by code", url, steadyhttp.Rule{Code: "E_BUSY"}, true},
		{"a part of the code", url, steadyhttp.Rule{Code: "E_"}, false},
		{"another case of the code", url, steadyhttp.Rule{Code: "e_busy"}, false},
		{"by message", url, steadyhttp.Rule{Message: "the kitchen is full"}, true},
		{"a part of the message, whatever its case", url, steadyhttp.Rule{Message: "KITCHEN"}, true},
		{"another message", url, steadyhttp.Rule{Message: "cellar"}, false},
		{"by host", url, steadyhttp.Rule{Host: "api.eu.shop.example"}, true},
		{"by a domain", url, steadyhttp.Rule{Host: "shop.example"}, true},
		{"by the domain's end", url, steadyhttp.Rule{Host: "example"}, true},
		{"half a label", url, steadyhttp.Rule{Host: "hop.example"}, false},
		{"a domain that is longer", url, steadyhttp.Rule{Host: "v2.api.eu.shop.example"}, false},
		{"the host in the middle", "https://shop.example.evil.test/", steadyhttp.Rule{Host: "shop.example"}, false},
		{"the host as a user", "https://shop.example@evil.test/", steadyhttp.Rule{Host: "shop.example"}, false},
		{"an address", "http://[::1]:80/", steadyhttp.Rule{Host: "::1"}, true},
		{"all at once", url, steadyhttp.Rule{Host: "shop.example", Status: 418, Code: "E_BUSY", Message: "full"}, true},
		{"all but one", url, steadyhttp.Rule{Host: "shop.example", Status: 418, Code: "E_BUSY", Message: "empty"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.rule.Class, row.rule.Hint = steadyhttp.Overloaded, "Ask the cook."
			resp, err := (&steadyhttp.Classifier{Base: playing(teapot), Rules: []steadyhttp.Rule{row.rule}}).RoundTrip(request(t, "POST", row.url, ""))
			e := asError(t, resp, err)
			if match := e.Class == steadyhttp.Overloaded; match != row.match || match != (e.Hint == "Ask the cook.") {
				t.Errorf("got %v, hint %q; want a match: %t", e.Class, e.Hint, row.match)
			}
			if e.Code != "E_BUSY" || e.Message != "The Kitchen is full" || e.Status != 418 {
				t.Errorf("got code %q, message %q, status %d; want what the server sent", e.Code, e.Message, e.Status)
			}
			if refused := e.Fate == steadyhttp.FateRefused; refused != (row.match && row.rule.Code != "") {
				t.Errorf("got the fate %v; want it refused by a rule that matches and names a code", e.Fate)
			}
			if got := finish(t, resp); got != teapot.body {
				t.Errorf("got the body %q", got)
			}
		})
	}
}

func TestHostOfARuleInAnotherCase(t *testing.T) {
	for _, row := range []struct{ url, host string }{
		{"https://API.Shop.Example/v2", "api.shop.example"},
		{"https://api.shop.example/v2", "API.Shop.Example"},
	} {
		rt := &steadyhttp.Classifier{Base: playing(reply{status: 418}), Rules: []steadyhttp.Rule{{Host: row.host, Class: steadyhttp.Overloaded}}}
		resp, err := rt.RoundTrip(request(t, "GET", row.url, ""))
		if e := asError(t, resp, err); e.Class != steadyhttp.Overloaded {
			t.Errorf("%s by a rule for %s: got %v, want the rule's class", row.url, row.host, e.Class)
		}
	}
}

func TestFirstRuleThatMatchesWins(t *testing.T) {
	rt := &steadyhttp.Classifier{
		Base: playing(reply{status: 429, body: `{"error":{"code":"insufficient_quota","message":"no"}}`}),
		Rules: []steadyhttp.Rule{
			{Status: 500, Class: steadyhttp.TLS},
			{Code: "insufficient_quota", Class: steadyhttp.Permission},
			{Status: 429, Class: steadyhttp.Overloaded, Hint: "unused"},
		},
	}
	resp, err := rt.RoundTrip(chat(t))
	e := asError(t, resp, err)
	if e.Class != steadyhttp.Permission {
		t.Errorf("got %v, want that of the second rule, before what is built in", e.Class)
	}
	if !strings.Contains(e.Hint, "permissions") {
		t.Errorf("got the hint %q, want that of the rule's class", e.Hint)
	}
}

func TestRuleDecidesAboutRetries(t *testing.T) {
	for _, row := range []struct {
		name     string
		reply    reply
		rule     steadyhttp.Rule
		method   string
		attempts int
	}{
		{"makes a refusal of a 400 by its code", reply{status: 400, body: `{"code":"E_BUSY","message":"come back later"}`}, steadyhttp.Rule{Code: "E_BUSY", Class: steadyhttp.RateLimit}, "POST", 2},
		{"makes a rate limit of words, which prove nothing about a write", reply{status: 400, body: `{"message":"come back later"}`}, steadyhttp.Rule{Message: "come back", Class: steadyhttp.RateLimit}, "POST", 1},
		{"but let a GET be repeated", reply{status: 400, body: `{"message":"come back later"}`}, steadyhttp.Rule{Message: "come back", Class: steadyhttp.RateLimit}, "GET", 2},
		{"makes an end of a 500", reply{status: 500, body: `{"code":"BROKEN_ORDER"}`}, steadyhttp.Rule{Code: "BROKEN_ORDER", Class: steadyhttp.InvalidRequest}, "GET", 1},
		{"beats the server's own word", reply{status: 500, header: "X-Should-Retry: false"}, steadyhttp.Rule{Status: 500, Class: steadyhttp.Overloaded}, "GET", 2},
		{"and the other word", reply{status: 409, header: "X-Should-Retry: true"}, steadyhttp.Rule{Status: 409, Class: steadyhttp.Conflict}, "GET", 1},
		{"a success that is a failure", reply{status: 200, body: `{"code":"E7","message":"busy"}`}, steadyhttp.Rule{Status: 200, Code: "E7", Class: steadyhttp.Overloaded}, "POST", 2},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := playing(row.reply, reply{status: 200, body: "{}"})
				rt := &steadyhttp.Transport{
					Base:       base,
					Retrier:    &steadyhttp.Retrier{BackOff: noWait},
					Classifier: &steadyhttp.Classifier{Rules: []steadyhttp.Rule{row.rule}},
				}
				resp, err := rt.RoundTrip(request(t, row.method, "https://shop.example/orders", ""))
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
				if got := base.count(); got != row.attempts {
					t.Errorf("got %d attempts, want %d", got, row.attempts)
				}
				if base.leftOpen() != 0 {
					t.Errorf("got %d bodies left open", base.leftOpen())
				}
			})
		})
	}
}

func TestRulesForSuccesses(t *testing.T) {
	const failure = `{"code":"E_STOCK","message":"out of stock"}`
	rule := steadyhttp.Rule{Host: "shop.example", Status: 200, Code: "E_STOCK", Class: steadyhttp.Conflict}
	words := steadyhttp.Rule{Host: "shop.example", Status: 200, Message: "out of STOCK", Class: steadyhttp.Conflict}
	n := int64(len(failure))
	for _, row := range []struct {
		name, method, url string
		rule              steadyhttp.Rule
		status            int
		length            int64
		body              string
		looked, found     bool
	}{
		{"by code", "GET", "https://api.shop.example/a", rule, 200, n, failure, true, true},
		{"by message", "GET", "https://api.shop.example/a", words, 200, n, failure, true, true},
		{"a PUT", "PUT", "https://shop.example/a", rule, 200, n, failure, true, true},
		{"another code", "GET", "https://shop.example/a", rule, 200, 13, `{"code":"OK"}`, true, false},
		{"a body that talks about it", "GET", "https://shop.example/a", rule, 200, 34, `{"order":{"note":"code: E_STOCK"}}`, true, false},
		{"another host", "GET", "https://store.example/a", rule, 200, n, failure, false, false},
		{"another status", "GET", "https://shop.example/a", rule, 201, n, failure, false, false},
		{"unknown length", "GET", "https://shop.example/a", rule, 200, -1, failure, true, true},
		{"nothing", "GET", "https://shop.example/a", rule, 200, 0, "", false, false},
		{"too long", "GET", "https://shop.example/a", rule, 200, 64<<10 + 1, failure + strings.Repeat(" ", 64<<10+1-len(failure)), false, false},
		{"no status in the rule", "GET", "https://shop.example/a", steadyhttp.Rule{Code: "E_STOCK", Class: steadyhttp.Conflict}, 200, n, failure, false, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			body := &stillBody{Reader: strings.NewReader(row.body)}
			rt := &steadyhttp.Classifier{Base: answering(row.status, nil, body, row.length), Rules: []steadyhttp.Rule{row.rule}}
			resp, err := rt.RoundTrip(request(t, row.method, row.url, ""))
			if err != nil {
				t.Fatal(err)
			}
			if looked := body.reads > 0; looked != row.looked || !looked && resp.Body != body {
				t.Errorf("got %d reads and a body that is a %T, want it looked at: %t", body.reads, resp.Body, row.looked)
			}
			checked := steadyhttp.Check(resp, nil)
			if found := checked != nil; found != row.found {
				t.Errorf("got %v, want an error: %t", checked, row.found)
			}
			if row.found {
				e := asError(t, resp, nil)
				if e.Class != steadyhttp.Conflict || e.Code != "E_STOCK" || e.Message != "out of stock" || string(e.Body) != row.body {
					t.Errorf("got %+v, want the rule's class and what the server said", e)
				}
			}
			if got := finish(t, resp); got != row.body || body.closed != 1 {
				t.Errorf("got %d bytes and %d closes, want all %d and 1", len(got), body.closed, len(row.body))
			}
		})
	}
}

// A rule about words must not make a failure of a normal answer that has them in
// its data: an order would be placed again.
func TestRulesLeaveNormalAnswersAlone(t *testing.T) {
	for _, row := range []struct {
		name, body, header string
		rule               steadyhttp.Rule
		found              bool
	}{
		{"a name in the data", `{"order":{"id":7,"items":[{"name":"Book: Too many requests, an essay"}]}}`, "", steadyhttp.Rule{Message: "too many requests"}, false},
		{"a message that is the resource", `{"id":7,"message":"Too many requests, an essay"}`, "", steadyhttp.Rule{Message: "too many requests"}, false},
		{"a description", `{"name":"x","description":"Too many requests"}`, "", steadyhttp.Rule{Message: "too many requests"}, false},
		{"a list", `[{"message":"Too many requests"}]`, "", steadyhttp.Rule{Message: "too many requests"}, false},
		{"a plain text", `Chapter 1: Too many requests`, "", steadyhttp.Rule{Message: "too many requests"}, false},
		{"a page", `<html><title>Too many requests</title><p>An essay</p></html>`, "", steadyhttp.Rule{Message: "too many requests"}, false},
		{"a document", `<order><message>Too many requests</message></order>`, "", steadyhttp.Rule{Message: "too many requests"}, false},
		{"a code beside other words", `{"code":40001,"message":"stored","items":["Too many requests"]}`, "", steadyhttp.Rule{Message: "too many requests"}, false},
		{"a thing with a code", `{"code":"BK-17","title":"Too many requests","description":"Too many requests"}`, "", steadyhttp.Rule{Message: "too many requests"}, false},
		{"a code of success", `{"code":0,"message":"Too many requests was placed"}`, "", steadyhttp.Rule{Message: "too many requests"}, false},
		{"a status of success", `{"code":200,"message":"Too many requests was placed","data":{"id":1}}`, "", steadyhttp.Rule{Message: "too many requests"}, false},
		{"an error that is none", `{"error":null,"code":"BK-17","message":"Too many requests was placed"}`, "", steadyhttp.Rule{Message: "too many requests"}, false},
		{"a document with a code", `<book><code>BK-17</code><message>Too many requests</message></book>`, "", steadyhttp.Rule{Message: "too many requests"}, false},
		{"a document about faults", `<order><fault>none</fault><Message>Too many requests</Message></order>`, "", steadyhttp.Rule{Message: "too many requests"}, false},
		{"a thing by its code", `{"code":"E17","order":4}`, "", steadyhttp.Rule{Code: "E17"}, true},
		{"a text in an array", `{"error":["Too many requests"]}`, "", steadyhttp.Rule{Message: "too many requests"}, true},
		{"a result code", `{"retCode":10006,"retMsg":"Too many requests","result":{}}`, "", steadyhttp.Rule{Message: "too many requests"}, true},
		{"a result code by its number", `{"retCode":10006,"retMsg":"Too many visits","result":{}}`, "", steadyhttp.Rule{Code: "10006"}, true},
		{"a number that is written as a text", `{"errcode":"45009","errmsg":"reach max api daily quota limit"}`, "", steadyhttp.Rule{Code: "45009"}, true},
		{"a negative number", `{"jsonrpc":"2.0","id":1,"error":{"code":-32005,"message":"limit"}}`, "", steadyhttp.Rule{Code: "-32005"}, true},
		{"a flag of failure", `{"success":false,"message":"Too many requests"}`, "", steadyhttp.Rule{Message: "too many requests"}, true},
		{"a word of failure", `{"status":"error","message":"Too many requests"}`, "", steadyhttp.Rule{Message: "too many requests"}, true},
		{"XML by a number in an attribute", `<rsp stat="fail"><err code="105" msg="Service is off"/></rsp>`, "", steadyhttp.Rule{Code: "105"}, true},
		{"XML by a message in an attribute", `<rsp stat="fail"><err code="105" msg="Service is off"/></rsp>`, "", steadyhttp.Rule{Message: "service is off"}, true},
		{"SOAP's fault", `<s:Envelope xmlns:s="x"><s:Body><s:Fault><faultcode>s:Server</faultcode><faultstring>All is full</faultstring></s:Fault></s:Body></s:Envelope>`, "", steadyhttp.Rule{Message: "is full"}, true},
		{"an error's message", `{"error":{"message":"Too many requests"}}`, "", steadyhttp.Rule{Message: "too many requests"}, true},
		{"a code and a message", `{"code":40001,"message":"Too many requests"}`, "", steadyhttp.Rule{Message: "too many requests"}, true},
		{"by number", `{"code":40001,"message":"slower, please"}`, "", steadyhttp.Rule{Code: "40001"}, true},
		{"another number", `{"code":40002,"message":"slower, please"}`, "", steadyhttp.Rule{Code: "40001"}, false},
		{"XML by code", `<?xml version="1.0"?><response><code>E17</code><message>full</message></response>`, "", steadyhttp.Rule{Code: "E17"}, true},
		{"XML by message", `<errorResponse><message>all is full</message></errorResponse>`, "", steadyhttp.Rule{Message: "is full"}, true},
		{"a header", `{"a":1}`, "X-Api-Error: maxlag", steadyhttp.Rule{Header: "x-api-error"}, true},
		{"a header's value", `{"a":1}`, "X-Api-Error: Maxlag of 7 s", steadyhttp.Rule{Header: "X-Api-Error: maxlag"}, true},
		{"another value", `{"a":1}`, "X-Api-Error: badtoken", steadyhttp.Rule{Header: "X-Api-Error: maxlag"}, false},
		{"no such header", `{"a":1}`, "", steadyhttp.Rule{Header: "X-Api-Error"}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			row.rule.Status, row.rule.Class = 201, steadyhttp.RateLimit
			h := http.Header{}
			if name, value, ok := strings.Cut(row.header, ": "); ok {
				h.Set(name, value)
			}
			rt := &steadyhttp.Classifier{Base: answering(201, h, io.NopCloser(strings.NewReader(row.body)), int64(len(row.body))), Rules: []steadyhttp.Rule{row.rule}}
			resp, err := rt.RoundTrip(request(t, "POST", "https://shop.example/orders", "{}"))
			if err != nil {
				t.Fatal(err)
			}
			got := steadyhttp.Check(resp, nil)
			if (got != nil) != row.found {
				t.Errorf("got %v, want an error: %t", got, row.found)
			} else if row.found && asError(t, resp, nil).Class != steadyhttp.RateLimit {
				t.Errorf("got %v, want the rule's class", got)
			}
			if got := finish(t, resp); got != row.body {
				t.Errorf("got the body %q", got)
			}
		})
	}
}

// Rules judge the error events of a stream as well.
func TestRulesAndStreams(t *testing.T) {
	rules := []steadyhttp.Rule{{Message: "had an error", Class: steadyhttp.ContentPolicy, Hint: "Say it otherwise."}}
	for name, stream := range map[string]string{"first": chatError, "later": chatEvents[0] + chatError} {
		synctest.Test(t, func(t *testing.T) {
			resp, err := (&steadyhttp.Classifier{Base: streaming(sending(io.EOF, whole(strings.SplitAfter(stream, "\n\n")...)...)), Rules: rules}).RoundTrip(chat(t))
			if err != nil {
				t.Fatal(err)
			}
			readTo(resp.Body, 1<<10)
			if e := asError(t, resp, nil); e.Class != steadyhttp.ContentPolicy || e.Hint != "Say it otherwise." {
				t.Errorf("%s: got %v, hint %q; want the rule's", name, e.Class, e.Hint)
			}
			resp.Body.Close()
		})
	}
}

func TestRuleOnRealSockets(t *testing.T) {
	srv := steadyhttptest.NewServer()
	defer srv.Close()
	srv.Script("*", steadyhttptest.Reply{Body: `{"code":"E7","message":"busy"}`}, steadyhttptest.Reply{Body: `{"code":"OK"}`})
	client := steady(srv)
	rt := client.Transport.(*steadyhttp.Transport)
	rt.Retrier = &steadyhttp.Retrier{BackOff: noWait}
	rt.Classifier = &steadyhttp.Classifier{Rules: []steadyhttp.Rule{{Host: "127.0.0.1", Status: 200, Code: "E7", Class: steadyhttp.Overloaded}}}
	resp, err := client.Do(request(t, "POST", srv.URL+"/orders", "x"))
	if err != nil {
		t.Fatal(err)
	}
	if got := finish(t, resp); got != `{"code":"OK"}` || len(srv.Requests()) != 2 {
		t.Errorf("got %q after %d requests, want the good answer after 2", got, len(srv.Requests()))
	}
}

func TestScopeInWords(t *testing.T) {
	for _, row := range []struct {
		scope limit.Scope
		want  string
	}{
		{0, ""},
		{limit.ScopeHost, "host"},
		{limit.ScopeCredential, "credential"},
		{limit.ScopeModel, "model"},
		{limit.ScopeMethod, "method"},
		{limit.ScopePath, "path"},
		{limit.ScopeResource, "resource"},
		{limit.ScopeBucket, "bucket"},
		{limit.ScopeModel | limit.ScopeHost | limit.ScopeCredential, "host, credential, model"},
		{1<<7 - 1, "host, credential, model, method, path, resource, bucket"},
		{limit.ScopeBucket | 1<<7, "bucket and 0x1"},
	} {
		if got := row.scope.String(); got != row.want {
			t.Errorf("Scope(%d): got %q, want %q", uint8(row.scope), got, row.want)
		}
	}
}

func TestFateInWords(t *testing.T) {
	for fate, want := range map[steadyhttp.Fate]string{
		steadyhttp.FateUnknown: "unknown", steadyhttp.FateNeverSent: "never sent", steadyhttp.FateRefused: "refused", steadyhttp.FateApplied: "applied",
		steadyhttp.FateApplied + 1: "unknown", 255: "unknown",
	} {
		if got := fate.String(); got != want {
			t.Errorf("Fate(%d): got %q, want %q", fate, got, want)
		}
	}
}

func TestFateOfAnswers(t *testing.T) {
	for _, row := range []struct {
		name  string
		url   string // "" is OpenAI's
		reply reply
		want  steadyhttp.Fate
	}{
		{"429", "", reply{status: 429}, steadyhttp.FateRefused},
		{"421", "", reply{status: 421}, steadyhttp.FateRefused},
		{"425", "", reply{status: 425}, steadyhttp.FateRefused},
		{"529", "", reply{status: 529}, steadyhttp.FateUnknown},
		{"529 from Anthropic", "https://api.anthropic.com/v1/messages", reply{status: 529}, steadyhttp.FateRefused},
		{"503 with a wait, which caches say after the work was done", "", reply{status: 503, header: "Retry-After: 1"}, steadyhttp.FateUnknown},
		{"503 that names a used-up limit", "", reply{status: 503, header: "X-RateLimit-Limit: 10\nX-RateLimit-Remaining: 0\nX-RateLimit-Reset: 1"}, steadyhttp.FateUnknown},
		{"503 without", "", reply{status: 503}, steadyhttp.FateUnknown},
		{"500 with a wait", "", reply{status: 500, header: "Retry-After: 1"}, steadyhttp.FateUnknown},
		{"502", "", reply{status: 502}, steadyhttp.FateUnknown},
		{"504", "", reply{status: 504}, steadyhttp.FateUnknown},
		{"408", "", reply{status: 408}, steadyhttp.FateUnknown},
		{"words of a rate limit", "https://shop.example/orders", reply{status: 403, body: `{"message":"API rate limit exceeded"}`}, steadyhttp.FateUnknown},
		{"the same from GitHub", "https://api.github.com/repos/o/r/issues", reply{status: 403, body: `{"message":"You have exceeded a secondary rate limit"}`}, steadyhttp.FateRefused},
		{"words of a rate limit under GitHub's 500", "https://api.github.com/repos/o/r/issues", reply{status: 500, body: `{"message":"API rate limit exceeded"}`}, steadyhttp.FateUnknown},
		{"Anthropic's code, from a stranger", "https://shop.example/orders", reply{status: 500, body: `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`}, steadyhttp.FateUnknown},
		{"Anthropic's code, from Anthropic", "https://api.anthropic.com/v1/messages", reply{status: 500, body: `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`}, steadyhttp.FateRefused},
		{"AWS's throttling under 400", "https://dynamodb.eu-west-1.amazonaws.com/", reply{status: 400, body: `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"The level of configured provisioned throughput for the table was exceeded."}`, header: "X-Amzn-Requestid: 1"}, steadyhttp.FateRefused},
		{"the same from a customer's program at AWS", "https://a1.execute-api.eu-west-1.amazonaws.com/orders", reply{status: 400, body: `{"__type":"ThrottlingException","message":"saved, but the mailer is throttled"}`}, steadyhttp.FateUnknown},
		{"Google's older reason under 403", "https://www.googleapis.com/upload/drive/v3/files", reply{status: 403, body: `{"error":{"code":403,"message":"User Rate Limit Exceeded","errors":[{"domain":"usageLimits","reason":"userRateLimitExceeded"}]}}`}, steadyhttp.FateRefused},
		{"Slack's code in a 200", "https://slack.com/api/chat.postMessage", reply{status: 200, body: `{"ok":false,"error":"ratelimited"}`}, steadyhttp.FateRefused},
		{"a stranger says that it may be sent again", "https://shop.example/orders", reply{status: 409, header: "X-Should-Retry: true"}, steadyhttp.FateUnknown},
		{"OpenAI says so", "", reply{status: 409, header: "X-Should-Retry: true"}, steadyhttp.FateUnknown},
		{"Stripe says so", "https://api.stripe.com/v1/charges", reply{status: 409, header: "Stripe-Should-Retry: true"}, steadyhttp.FateUnknown},
		{"429 that counts what was accepted", "https://shop.example/orders", reply{status: 429, body: `{"message":"Too many requests","accepted":57,"rejected":43}`}, steadyhttp.FateUnknown},
	} {
		for _, j := range judges {
			t.Run(row.name+"/"+j.name, func(t *testing.T) {
				if _, e := j.judge(t, request(t, "POST", cmp.Or(row.url, chatURL), "{}"), row.reply); e.Fate != row.want {
					t.Errorf("got %v, want %v", e.Fate, row.want)
				}
			})
		}
	}
}
