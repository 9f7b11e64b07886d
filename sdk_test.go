package steadyhttp_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"testing"

	"github.com/steadyhttp/steadyhttp"
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
	otherCode struct { // a number that is no HTTP status
		Code    int
		Message string
	}
)

func (*generatedError) Error() string        { return "generated" }
func (*looseError) Error() string            { return "loose" }
func (*looseRequestError) Error() string     { return "loose request" }
func (genaiError) Error() string             { return "genai" }
func (*googleError) Error() string           { return "google" }
func (*githubError) Error() string           { return "github" }
func (*stripeError) Error() string           { return "stripe" }
func (*SmithyResponseError) Error() string   { return "smithy" }
func (e *SmithyResponseError) Unwrap() error { return e.Err }
func (*operationError) Error() string        { return "operation" }
func (e *operationError) Unwrap() error      { return e.Err }
func (*otherCode) Error() string             { return "other" }

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
				if _, value := row.err.(genaiError); !value && !errors.Is(e, row.err) { // a value with a slice compares to nothing
					t.Error("the SDK's error is not wrapped")
				}
			}
		})
	}
}
