// Package dialect knows how APIs word their errors. It turns what a server
// answered into a verdict in plain values; it decides nothing about retries.
package dialect

import (
	"net/http"
	"strings"
	"time"
)

// A Class is the name of one of steadyhttp's classes.
type Class string

// The classes that an answer can have.
const (
	InvalidRequest Class = "invalid_request"
	ContextLength  Class = "context_length"
	ContentPolicy  Class = "content_policy"
	Authentication Class = "authentication"
	Permission     Class = "permission"
	Quota          Class = "quota"
	NotFound       Class = "not_found"
	Conflict       Class = "conflict"
	TooLarge       Class = "too_large"
	RateLimit      Class = "rate_limit"
	Overloaded     Class = "overloaded"
	ServerError    Class = "server_error"
	Unavailable    Class = "unavailable"
	Timeout        Class = "timeout"
	Unknown        Class = "unknown"
)

// An Answer is what there is to judge.
type Answer struct {
	Host   string // of the request, without a port
	Status int
	Header http.Header
	Body   []byte // its start
}

// A Verdict is what the answer means. A field that the answer says nothing
// about is zero.
type Verdict struct {
	Class     Class
	Provider  string
	Code      string // the provider's own: a code if it has letters, else a type or status
	Param     string // the parameter at fault
	Message   string // as sent, not cleaned
	RequestID string

	// RetryIn is how long the body asks to wait, if RetryInSource names the
	// field that says so.
	RetryIn       time.Duration
	RetryInSource string
}

// Judge reads an answer that is a failure by its status. The body decides where it can,
// since statuses lie: OpenAI says "out of money" with 429.
func Judge(a Answer) Verdict {
	v := readBody(a.Body)
	v.RequestID = requestID(a.Header, v.RequestID)
	if v.Provider == "" {
		v.Provider = providerOf(a.Host)
	}
	v.Class = classify(a.Status, v)
	return v
}

// requestIDs are the headers that carry the id a provider's support asks for,
// the most specific first: a gateway adds its own X-Request-Id to the
// provider's.
var requestIDs = []string{
	"Request-Id", "X-Request-Id", "Apim-Request-Id", "X-Goog-Request-Id",
	"X-Github-Request-Id", "X-Amzn-Requestid", "X-Amz-Request-Id", "X-Slack-Req-Id", "Cf-Ray",
}

func requestID(h http.Header, inBody string) string {
	for _, name := range requestIDs {
		if id := h.Get(name); id != "" {
			return id
		}
	}
	return inBody
}

// providers are known by the hosts that their own SDKs call.
var providers = []struct{ suffix, name string }{
	{"api.openai.com", "openai"},
	{"api.anthropic.com", "anthropic"},
	{".googleapis.com", "google"},
	{"api.n1n.ai", "n1n"},
	{".openai.azure.com", "azure"},
	{"api.github.com", "github"},
	{"api.stripe.com", "stripe"},
	{".amazonaws.com", "aws"},
}

func providerOf(host string) string {
	for _, p := range providers {
		if host == p.suffix || p.suffix[0] == '.' && strings.HasSuffix(host, p.suffix) {
			return p.name
		}
	}
	return ""
}
