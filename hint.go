package steadyhttp

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

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
