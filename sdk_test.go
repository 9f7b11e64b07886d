package steadyhttp_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// Stand-ins for the errors of SDKs, with the fields and methods that these have.
type (
	generatedError struct { // openai-go, anthropic-sdk-go
		Code, Message, Param, Type string
		StatusCode                 int
		Request                    *http.Request
		Response                   *http.Response
	}
	looseError struct { // go-openai
		Code           any
		Message        string
		Param          *string
		Type           string
		HTTPStatus     string
		HTTPStatusCode int
	}
	looseRequestError struct { // go-openai, of a body that is no JSON
		HTTPStatus     string
		HTTPStatusCode int
		Err            error
		Body           []byte
	}
	genaiError struct { // genai, by value
		Code    int
		Message string
		Status  string
		Details []map[string]any
	}
	googleError struct { // googleapi
		Code    int
		Message string
		Details []any
		Body    string
		Header  http.Header
	}
	githubError struct { // go-github
		Response *http.Response
		Message  string
	}
	stripeCode  string
	stripeError struct {
		Code           stripeCode
		HTTPStatusCode int
		Msg            string
		RequestID      string
		Type           stripeCode
	}
	smithyResponse      struct{ *http.Response }
	SmithyResponseError struct {
		Response *smithyResponse
		Err      error
	}
	awsResponseError struct {
		*SmithyResponseError
		RequestID string
	}
	operationError struct {
		ServiceID string
		Err       error
	}
	causeError struct { // smithy's modeled errors, of which AWS's responses are the outside
		Code, Message string
	}
	mappedError struct { // what a service makes of an error for its own callers
		StatusCode int
		Code       string
		Err        error
	}
	oddError struct { // well-known names, and types that nobody expects there
		StatusCode struct{}
		Code       []int
		Message    func() string
		Response   chan int
		Status     map[string]int
		Body       any
		Errors     int
		RetryAfter string
	}
	panickingError struct{ Err error }
	limitedError   struct { // in the manner of slack-go
		RetryAfter time.Duration
	}
	RateLimitedError struct{ RetryAfter time.Duration } // slack-go
	causedError      struct {
		ErrorCause struct {
			Type   string
			Reason *string
		}
		Status int
	}
	statusMethodError string
	otherCode         struct { // a number that is no HTTP status
		Code    int
		Message string
	}
)

func (*generatedError) Error() string         { return "generated" }
func (*looseError) Error() string             { return "loose" }
func (*looseRequestError) Error() string      { return "loose request" }
func (genaiError) Error() string              { return "genai" }
func (*googleError) Error() string            { return "google" }
func (*githubError) Error() string            { return "github" }
func (*stripeError) Error() string            { return "stripe" }
func (*SmithyResponseError) Error() string    { return "smithy" }
func (e *SmithyResponseError) Unwrap() error  { return e.Err }
func (*operationError) Error() string         { return "operation" }
func (e *operationError) Unwrap() error       { return e.Err }
func (*otherCode) Error() string              { return "other" }
func (*causeError) Error() string             { return "cause" }
func (e *causeError) ErrorCode() string       { return e.Code }
func (e *mappedError) Error() string          { return "mapped" }
func (e *mappedError) Unwrap() error          { return e.Err }
func (oddError) Error() string                { return "odd" }
func (*panickingError) Error() string         { return "panics" }
func (*panickingError) ErrorCode() string     { panic("no code") }
func (*panickingError) HTTPStatusCode() int   { panic("no status") }
func (e *panickingError) Unwrap() error       { return e.Err }
func (limitedError) Error() string            { return "limited" }
func (*RateLimitedError) Error() string       { return "limited" }
func (*causedError) Error() string            { return "caused" }
func (statusMethodError) Error() string       { return "method" }
func (statusMethodError) HTTPStatusCode() int { return 503 }

func kept(status int, host, body string) *http.Response {
	req, _ := http.NewRequest("POST", "https://"+host+"/v1/x", nil)
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/json"}}, Request: req, Body: io.NopCloser(bytes.NewReader([]byte(body)))}
}

func TestCheckLooksIntoErrorsOfSDKs(t *testing.T) {
	const quota = `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}`
	gone := kept(429, "api.openai.com", "")
	for _, row := range []struct {
		name   string
		err    error
		class  steadyhttp.Class
		status int
		code   string
	}{
		{"the response", &generatedError{StatusCode: 429, Response: kept(429, "api.openai.com", quota)}, steadyhttp.Quota, 429, "insufficient_quota"},
		{"the response whose body was read away", &generatedError{Code: "insufficient_quota", Type: "insufficient_quota", StatusCode: 429, Response: gone}, steadyhttp.Quota, 429, "insufficient_quota"},
		{"wrapped and joined", errors.Join(errors.New("late"), fmt.Errorf("ask: %w", &generatedError{Response: kept(429, "api.openai.com", quota)})), steadyhttp.Quota, 429, "insufficient_quota"},
		{"fields alone", &looseError{Code: "insufficient_quota", Message: "m", HTTPStatusCode: 429}, steadyhttp.Quota, 429, "insufficient_quota"},
		{"a number for a code", &looseError{Code: 1113.0, Message: "slow down", HTTPStatusCode: 429}, steadyhttp.RateLimit, 429, ""},
		{"a body", &looseRequestError{HTTPStatusCode: 429, Body: []byte(quota)}, steadyhttp.Quota, 429, "insufficient_quota"},
		{"by value", genaiError{Code: 503, Message: "The model is overloaded.", Status: "UNAVAILABLE"}, steadyhttp.Overloaded, 503, "UNAVAILABLE"},
		{"a body and headers", &googleError{Code: 401, Message: "m", Body: `{"error":{"code":401,"message":"m","status":"UNAUTHENTICATED"}}`}, steadyhttp.Authentication, 401, "UNAUTHENTICATED"},
		{"GitHub", &githubError{Response: kept(404, "api.github.com", `{"message":"Not Found"}`)}, steadyhttp.NotFound, 404, ""},
		{"codes with types of their own", &stripeError{Code: "rate_limit", HTTPStatusCode: 429, Msg: "slow down", Type: "invalid_request_error"}, steadyhttp.RateLimit, 429, "rate_limit"},
		{"deep within", &operationError{Err: &awsResponseError{SmithyResponseError: &SmithyResponseError{Response: &smithyResponse{kept(400, "bedrock-runtime.us-east-1.amazonaws.com", `{"__type":"ThrottlingException","message":"m"}`)}}}}, steadyhttp.RateLimit, 400, "ThrottlingException"},
		{"a success in an error", &generatedError{Response: kept(200, "api.openai.com", "{}")}, steadyhttp.Unknown, 0, ""},
		{"no status", &otherCode{Code: 550, Message: "no such mailbox"}, steadyhttp.Unknown, 0, ""},
		{"mail", &textproto.Error{Code: 550, Msg: "no such mailbox"}, steadyhttp.Unknown, 0, ""},
		{"the code in the cause of what has the response", &operationError{Err: &awsResponseError{SmithyResponseError: &SmithyResponseError{
			Response: &smithyResponse{kept(400, "bedrock-runtime.us-east-1.amazonaws.com", "")}, Err: &causeError{Code: "ThrottlingException", Message: "m"}}}},
			steadyhttp.RateLimit, 400, "ThrottlingException"},
		{"a response within a service's own error", &mappedError{StatusCode: 502, Code: "E_ASK", Err: &generatedError{Response: kept(429, "api.openai.com", quota)}}, steadyhttp.Quota, 429, "insufficient_quota"},
		{"a status within a service's own error", &mappedError{StatusCode: 502, Code: "E_ASK", Err: &looseError{Code: "insufficient_quota", HTTPStatusCode: 429}}, steadyhttp.Quota, 429, "insufficient_quota"},
		{"a service's own error around no response", &mappedError{StatusCode: 502, Err: errors.New("late")}, steadyhttp.Unavailable, 502, ""},
		{"in the second branch, after a nil pointer", errors.Join((*mappedError)(nil), &looseError{Code: "insufficient_quota", HTTPStatusCode: 429}), steadyhttp.Quota, 429, "insufficient_quota"},
		{"fields of unexpected types", oddError{}, steadyhttp.Unknown, 0, ""},
		{"methods that panic", &panickingError{}, steadyhttp.Unknown, 0, ""},
		{"methods that panic around one that does not", &panickingError{Err: &looseError{Code: "insufficient_quota", HTTPStatusCode: 429}}, steadyhttp.Quota, 429, "insufficient_quota"},
		{"a type's name and a wait", &RateLimitedError{RetryAfter: time.Second}, steadyhttp.RateLimit, 429, ""},
		{"a wait alone", limitedError{RetryAfter: time.Second}, steadyhttp.Unknown, 0, ""},
		{"Elasticsearch's cause", &causedError{Status: 404, ErrorCause: struct {
			Type   string
			Reason *string
		}{Type: "index_not_found_exception"}}, steadyhttp.NotFound, 404, "index_not_found_exception"},
		{"a method of what is no struct", statusMethodError(""), steadyhttp.Unavailable, 503, ""},
		{"a response without a body", &generatedError{Code: "insufficient_quota", Response: &http.Response{StatusCode: 429}}, steadyhttp.Quota, 429, "insufficient_quota"},
		{"no message at Google", &googleError{Code: 403, Header: http.Header{}}, steadyhttp.Permission, 403, ""},
		{"nil in an interface", (*generatedError)(nil), steadyhttp.Unknown, 0, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			for range 2 { // and it can be asked again
				var e *steadyhttp.Error
				if !errors.As(steadyhttp.Check(nil, row.err), &e) {
					t.Fatal("no verdict")
				}
				if e.Class != row.class || e.Status != row.status || e.Code != row.code {
					t.Errorf("got %v, status %d, code %q: %v; want %v, %d, %q", e.Class, e.Status, e.Code, e, row.class, row.status, row.code)
				}
				if !reflect.DeepEqual(e.Unwrap(), row.err) && row.name != "fields of unexpected types" { // functions are never equal
					t.Error("the SDK's error is not wrapped")
				}
				e.Timeout()
			}
		})
	}
}

// What an SDK's error drops, the record of the call has.
func TestCheckContext(t *testing.T) {
	const quota = `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}`
	dropped := errors.New("the model did not answer")
	for _, row := range []struct {
		name   string
		reply  reply
		err    error // of the SDK
		class  steadyhttp.Class
		status int
		id     string
	}{
		{"a text", reply{status: 429, header: "X-Request-Id: req_1", body: quota}, dropped, steadyhttp.Quota, 429, "req_1"},
		{"a status that the SDK took from the body", reply{status: 429, header: "X-Request-Id: req_1", body: quota}, &looseError{HTTPStatusCode: 503}, steadyhttp.Quota, 429, "req_1"},
		{"a response with another status", reply{status: 429, header: "X-Request-Id: req_1", body: quota}, &generatedError{Response: kept(401, "auth.example.com", "{}")}, steadyhttp.Authentication, 401, ""},
		{"given up since", reply{status: 429, header: "X-Request-Id: req_1", body: quota}, fmt.Errorf("ask: %w", context.Canceled), steadyhttp.Canceled, 0, ""},
		{"a deadline while the SDK waited", reply{status: 429, header: "X-Request-Id: req_1", body: quota}, context.DeadlineExceeded, steadyhttp.Quota, 429, "req_1"},
		{"a success that the SDK could not read", reply{status: 200, body: "{}"}, dropped, steadyhttp.Unknown, 0, ""},
		{"no response", reply{err: io.ErrUnexpectedEOF}, dropped, steadyhttp.Connection, 0, ""},
		{"an error in a success that the SDK has passed over", reply{status: 200, body: quota}, nil, steadyhttp.Quota, 200, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			ctx := steadyhttp.WithCall(t.Context())
			req, _ := http.NewRequestWithContext(ctx, "POST", "https://api.openai.com/v1/chat/completions", nil)
			resp, err := (&steadyhttp.Classifier{Base: playing(row.reply)}).RoundTrip(req)
			if err == nil {
				resp.Body.Close()
			}
			var e *steadyhttp.Error
			if !errors.As(steadyhttp.CheckContext(ctx, nil, row.err), &e) {
				t.Fatal("no verdict")
			}
			if e.Class != row.class || e.Status != row.status || e.RequestID != row.id || row.err != nil && !errors.Is(e, row.err) {
				t.Errorf("got %v, status %d, request %q: %v; want %v, %d, %q and the SDK's error in it", e.Class, e.Status, e.RequestID, e, row.class, row.status, row.id)
			}
		})
	}
}

// A failure that the SDK took for none, such as a 404 of what need not be there, is
// none; and without a record CheckContext is Check.
func TestCheckContextOfNoFailure(t *testing.T) {
	ctx := steadyhttp.WithCall(t.Context())
	req, _ := http.NewRequestWithContext(ctx, "GET", "https://api.example.com/things/1", nil)
	resp, err := (&steadyhttp.Classifier{Base: playing(reply{status: 404})}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if err := steadyhttp.CheckContext(ctx, nil, nil); err != nil {
		t.Errorf("got %v after the SDK's success, want nil", err)
	}
	var e *steadyhttp.Error
	if !errors.As(steadyhttp.CheckContext(ctx, resp, nil), &e) || e.Status != 404 {
		t.Errorf("got %v with the response, want its 404", e)
	}
	for _, ctx := range []context.Context{t.Context(), steadyhttp.WithCall(t.Context())} {
		if err := steadyhttp.CheckContext(ctx, nil, nil); err != nil {
			t.Errorf("got %v without a call, want nil", err)
		}
		if !errors.As(steadyhttp.CheckContext(ctx, nil, &looseError{HTTPStatusCode: 429}), &e) || e.Status != 429 {
			t.Errorf("got %v without a call, want what Check says", e)
		}
	}
}

// An SDK's error often keeps little of the response. With WithCall and CheckContext
// nothing of it is lost.
func ExampleCheckContext() {
	url, stop := api(steadyhttptest.Reply{
		Status: 429,
		Header: http.Header{"Retry-After": {"20"}, "X-Request-Id": {"req_7"}},
		Body:   `{"error":{"type":"requests","code":"rate_limit_exceeded","message":"Too many requests."}}`,
	})
	defer stop()

	client := &http.Client{Transport: &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{MaxAttempts: 1}}}
	ask := func(ctx context.Context) error { // stands for a method of an SDK
		req, err := http.NewRequestWithContext(ctx, "GET", url, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		return errors.New("the model did not answer")
	}

	ctx := steadyhttp.WithCall(context.Background())
	err := ask(ctx)
	if err := steadyhttp.CheckContext(ctx, nil, err); err != nil {
		var e *steadyhttp.Error
		errors.As(err, &e)
		fmt.Println(e.Class, e.Code, e.RetryAfter, e.RequestID)
		fmt.Println(e.Err)
	}
	// Output:
	// rate_limit rate_limit_exceeded 20s req_7
	// the model did not answer
}

// When an error is looked at, the call is over, and most SDKs have ended its context.
// That takes nothing from the answer that the error holds.
func TestCheckAfterTheContextEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		body := strings.NewReader(`{"error":{"message":"You are out of credit.","code":"insufficient_quota"}}`)
		resp := &http.Response{StatusCode: 429, Request: request(t, "POST", chatURL, "").WithContext(ctx), Body: io.NopCloser(readerFunc(func(p []byte) (int, error) {
			time.Sleep(time.Millisecond)
			return body.Read(p)
		}))}
		if e := asError(t, resp, nil); e.Code != "insufficient_quota" || e.Class != steadyhttp.Quota {
			t.Errorf("got %v, want what the answer says", e)
		}
	})
}
