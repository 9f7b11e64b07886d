package steadyhttp

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// A Class says what kind of failure a response or an error is. It does not
// follow from the status alone: OpenAI says "out of money" with 429, GitHub
// says "slow down" with 403, and a timeout has no status at all. The zero Class
// is None.
//
// String returns a stable lower-case name that is used in logs and metrics.
type Class uint8

// The classes. Retryable reports for each whether the same request can succeed
// later.
const (
	None           Class = iota // no failure
	InvalidRequest              // the caller's mistake: 400, 405, 406, 415, 422 and the like
	ContextLength               // more tokens than the model takes
	ContentPolicy               // safety, moderation, filter
	Authentication              // no credential, or a wrong or expired one
	Permission                  // the credential is good but not allowed to do this; a blocked region or address
	Quota                       // money, credit or plan is used up: a person has to act
	NotFound                    // wrong URL, model, deployment or host name
	Conflict                    // 409, 423 and the like
	TooLarge                    // a request that never fits the limit, however long one waits
	RateLimit                   // too many requests, tokens or concurrent requests: waiting helps
	Overloaded                  // the provider is out of capacity
	ServerError                 // 500 and unknown 5xx
	Unavailable                 // 502, 503, 52x, maintenance
	Timeout                     // 408, 504, 524, and timeouts on the client's side
	Connection                  // a connection refused, reset or closed; DNS that does not answer
	TLS                         // a certificate or handshake that fails each time
	Canceled                    // the caller gave up
	Unknown                     // none of the above
)

// String returns the class's name, such as "rate_limit".
func (c Class) String() string { return c.sheet().name }

// Retryable reports whether the same request can succeed later, and so whether
// a Retrier may repeat it. What a response itself says about that takes
// precedence: a Conflict, for example, is repeated if the server says that it
// may be.
func (c Class) Retryable() bool { return c.sheet().retryable }

// Description returns a few words on what happened.
func (c Class) Description() string { return c.sheet().description }

// Causes returns the usual causes, the most frequent first. The caller may
// modify the slice.
func (c Class) Causes() []string { return append([]string(nil), c.sheet().causes...) }

// Solutions returns what to do about the failure, in the order in which to try it. The
// caller may modify the slice.
func (c Class) Solutions() []string { return append([]string(nil), c.sheet().solutions...) }

// A sheet is one class's page of the cheat sheet.
type sheet struct {
	name        string
	retryable   bool
	description string
	causes      []string
	solutions   []string
	hint        string // what the developer should look at first
	user        string // what an end user can be told: no internals, no jargon
}

func (c Class) sheet() *sheet {
	if int(c) < len(sheets) {
		return &sheets[c]
	}
	return &sheets[Unknown]
}

// classNamed returns the class of that name, Unknown if there is none.
func classNamed(name string) Class {
	for i := range sheets {
		if sheets[i].name == name {
			return Class(i)
		}
	}
	return Unknown
}

const (
	userOurSide = "Something is wrong with how this application is set up. Please tell the people who run it."
	userLater   = "The service has a problem at the moment. Please try again in a few minutes."
)

var sheets = [...]sheet{
	None: {name: "none", description: "no failure"},
	InvalidRequest: {
		name:        "invalid_request",
		description: "malformed request or invalid parameters",
		causes:      []string{"malformed JSON", "missing required parameters", "incorrect parameter types", "parameter values out of range"},
		solutions:   []string{"validate the JSON format of the request body", "verify that all required parameters are present", "ensure that parameter types are correct", "review the API documentation for constraints"},
		hint:        "Compare the request with the API documentation: JSON format, required parameters, types and ranges.",
		user:        "The service did not understand the request. Please check your input and try again.",
	},
	ContextLength: {
		name:        "context_length",
		description: "more tokens than the model takes",
		causes:      []string{"the prompt and its history are too long", "max_tokens leaves no room for the prompt", "a document was passed in whole"},
		solutions:   []string{"shorten or summarize the messages", "lower max_tokens", "use a model with a larger context"},
		hint:        "Shorten the messages, lower max_tokens, or use a model with a larger context.",
		user:        "The text is too long to be processed. Please shorten it and try again.",
	},
	ContentPolicy: {
		name:        "content_policy",
		description: "refused by a safety system or content filter",
		causes:      []string{"the input was flagged", "the output was flagged", "the account's filter is set strictly"},
		solutions:   []string{"change the input", "check the provider's usage policies", "review the filter's settings"},
		hint:        "The content was refused; sending it again changes nothing. Change the input.",
		user:        "The service declined this content. Please change your input and try again.",
	},
	Authentication: {
		name:        "authentication",
		description: "authentication failed or invalid credentials",
		causes:      []string{"API key missing or incorrect", "API key expired", "malformed Authorization header", "API key not activated"},
		solutions:   []string{"check the Authorization header", "confirm that the API key is correct", "regenerate the API key", "validate the Bearer token format"},
		hint:        "Verify the API key's value, that it is activated, and that the Authorization header is correct.",
		user:        userOurSide,
	},
	Permission: {
		name:        "permission",
		description: "no permission to access the requested resource",
		causes:      []string{"insufficient API key permissions", "access to a restricted model", "account suspended", "insufficient balance, at providers that give it no code of its own", "region or address blocked"},
		solutions:   []string{"verify the API permission settings", "check the account balance", "upgrade to an appropriate plan", "contact support for assistance"},
		hint:        "Check the permissions associated with the API key.",
		user:        userOurSide,
	},
	Quota: {
		name:        "quota",
		description: "money, credit or plan is used up",
		causes:      []string{"insufficient balance", "monthly or daily allowance used up", "spending limit reached", "no plan or payment method"},
		solutions:   []string{"check the account balance and top it up", "raise the spending limit", "upgrade to an appropriate plan"},
		hint:        "Top up the balance or raise the plan before continuing; no retry cures this.",
		user:        "The service's allowance is used up. Please tell the people who run this application.",
	},
	NotFound: {
		name:        "not_found",
		description: "requested resource not found",
		causes:      []string{"incorrect API endpoint URL", "incorrect model name", "incorrect API version", "the resource has been deleted"},
		solutions:   []string{"check the spelling of the request URL", "confirm the model name", "use the correct API version", "see the latest API documentation"},
		hint:        "Verify the endpoint URL, the model name and the API version.",
		user:        "What was asked for does not exist, or no longer does.",
	},
	Conflict: {
		name:        "conflict",
		description: "the request conflicts with the state of the resource",
		causes:      []string{"another request changes the same thing", "the resource exists already", "a condition of the request does not hold", "an idempotency key is in use"},
		solutions:   []string{"read the resource again and repeat the change", "send requests for one resource one after another", "use a new idempotency key for a new request"},
		hint:        "Read the resource again, then decide whether the change is still wanted.",
		user:        "Somebody else changed this at the same time. Please reload and try again.",
	},
	TooLarge: {
		name:        "too_large",
		description: "one request that can never fit the limit",
		causes:      []string{"the payload exceeds the server's limit", "one request needs more tokens than a minute allows"},
		solutions:   []string{"split the request", "compress or shorten the payload", "ask for a higher limit"},
		hint:        "Split or shorten the request; it does not fit the limit however long one waits.",
		user:        "The input is too large. Please shorten it and try again.",
	},
	RateLimit: {
		name:        "rate_limit",
		retryable:   true,
		description: "request rate exceeds limits",
		causes:      []string{"exceeded the limit of requests per minute (RPM)", "exceeded the limit of tokens per minute (TPM)", "too many concurrent requests", "burst of requests in a short time"},
		solutions:   []string{"implement client-side throttling", "use exponential backoff", "batch requests", "upgrade the plan for higher limits"},
		hint:        "Slow down: limit requests, tokens and concurrency on this side.",
		user:        "The service is receiving too many requests right now. Please wait a moment and try again.",
	},
	Overloaded: {
		name:        "overloaded",
		retryable:   true,
		description: "the provider is out of capacity",
		causes:      []string{"high demand for the model", "the provider is short of machines"},
		solutions:   []string{"retry later, with longer waits", "use another model or region", "check the service status page"},
		hint:        "The provider is short of capacity: wait longer, or use another model or region.",
		user:        "The service is very busy at the moment. Please try again in a few minutes.",
	},
	ServerError: {
		name:        "server_error",
		retryable:   true,
		description: "internal server error",
		causes:      []string{"server processing exception", "internal service failure", "resource exhaustion", "unknown system error"},
		solutions:   []string{"retry the request later", "record the error ID", "contact technical support", "check the service status page"},
		hint:        "Retry later; if the issue persists, contact technical support.",
		user:        userLater,
	},
	Unavailable: {
		name:        "unavailable",
		retryable:   true,
		description: "service temporarily unavailable",
		causes:      []string{"maintenance", "a gateway cannot reach the service", "the service is starting"},
		solutions:   []string{"retry after a few minutes", "check the service status page", "wait for the end of the maintenance"},
		hint:        "The service may be under maintenance; retry after a few minutes.",
		user:        "The service is temporarily unavailable. Please try again in a few minutes.",
	},
	Timeout: {
		name:        "timeout",
		retryable:   true,
		description: "request timed out",
		causes:      []string{"the server took too long", "the deadline was too short", "a slow network"},
		solutions:   []string{"retry later", "allow more time", "ask for less at once, or stream"},
		hint:        "Retry later, allow more time, or ask for less at once.",
		user:        "The service took too long to answer. Please try again later.",
	},
	Connection: {
		name:        "connection",
		retryable:   true,
		description: "unable to connect to the API server, or the connection broke",
		causes:      []string{"the server is down or restarting", "the network is interrupted", "a proxy or firewall closed the connection", "DNS does not answer"},
		solutions:   []string{"retry later", "check the network, proxy and firewall", "check host and port"},
		hint:        "Check network, proxy, host and port.",
		user:        "The service cannot be reached. Please check your connection and try again.",
	},
	TLS: {
		name:        "tls",
		description: "no secure connection",
		causes:      []string{"the certificate is not trusted, has expired or is for another host", "the server does not speak TLS"},
		solutions:   []string{"check the host name and the scheme of the URL", "install the missing root certificate", "have the server's certificate renewed"},
		hint:        "Check the server's certificate, the host name and the scheme of the URL.",
		user:        userOurSide,
	},
	Canceled: {
		name:        "canceled",
		description: "the caller gave up",
		causes:      []string{"the request's context was canceled", "a client further up went away"},
		solutions:   []string{"nothing to do, if it was meant"},
		hint:        "The context was canceled on this side.",
		user:        "The request was canceled.",
	},
	Unknown: {
		name:        "unknown",
		description: "unknown error type",
		causes:      []string{"an answer or an error that fits no other class"},
		solutions:   []string{"read the message and the start of the body", "contact technical support with the request ID"},
		hint:        "Read the message and the start of the body.",
		user:        "Something went wrong. Please try again later.",
	},
}

// hint says what a developer should look at first: the class's advice, made
// more precise by what the server said.
func hint(e *Error, h http.Header, clean redact.Cleaner) string {
	advice := e.Class.sheet().hint
	switch e.Class {
	case InvalidRequest, NotFound:
		if precise := paramHint(e); precise != "" {
			return precise
		}
	case RateLimit, Overloaded:
		return limitHint(e, advice)
	case ServerError:
		if e.RequestID != "" {
			advice += " Quote the error ID " + e.RequestID + "."
		}
	case Unavailable:
		if until := h.Get("X-Maintenance-Until"); until != "" {
			advice += " Estimated recovery time: " + clean.Line(until, maxToken) + "."
		}
	}
	return advice
}

// limitHint adds to the advice how long to wait, and the limits that were
// stated. Limits can be met by the thousand, so it is built in one go.
func limitHint(e *Error, advice string) string {
	b := make([]byte, 0, 256)
	if e.RetryAfterSource != "" && e.RetryAfter > 0 {
		b = append(b, "Wait "...)
		b = appendWords(b, e.RetryAfter)
		b = append(b, ". "...)
	}
	b = append(b, advice...)
	for _, a := range e.RateLimit {
		if a.Limit < 0 {
			continue
		}
		b = append(b, " Limit "...)
		b = strconv.AppendInt(b, a.Limit, 10)
		if a.Unit != "" {
			b = append(append(b, ' '), a.Unit...)
		}
		if a.Remaining >= 0 {
			b = append(b, ", remaining "...)
			b = strconv.AppendInt(b, a.Remaining, 10)
		}
		b = append(b, '.')
	}
	return string(b)
}

// paramHint reads what a malformed request's answer names: the parameter, else
// words of the message. There the more precise word wins, since a message about
// max_tokens names the model too, as a rule.
func paramHint(e *Error) string {
	for _, h := range paramHints {
		if strings.HasPrefix(e.Param, h.word) {
			return h.advice
		}
	}
	for _, h := range paramHints {
		if strings.Contains(e.Message, h.word) {
			return h.advice
		}
	}
	return ""
}

var paramHints = []struct{ word, advice string }{
	{"max_tokens", "The max_tokens parameter exceeds the limit, or is not one that the model takes."},
	{"messages", "Message format error: check the role and content of each message."},
	{"model", "Check whether the model name is correct."},
}
