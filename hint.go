package steadyhttp

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// hint says what a developer should look at first: the class's advice, made
// more precise by what the server said.
func hint(e *Error, h http.Header) string {
	advice := e.Class.sheet().hint
	switch e.Class {
	case InvalidRequest, NotFound, ContextLength:
		if precise := paramHint(e); precise != "" {
			return precise
		}
	case RateLimit, Overloaded:
		if e.RetryAfterSource != "" {
			advice = fmt.Sprintf("Wait %s. %s", inWords(e.RetryAfter), advice)
		}
		for _, a := range e.RateLimit {
			if a.Limit >= 0 && a.Remaining >= 0 {
				advice += fmt.Sprintf(" Limit %s, remaining %d.", strings.TrimSpace(fmt.Sprint(a.Limit, " ", a.Unit)), a.Remaining)
			}
		}
	case ServerError:
		if e.RequestID != "" {
			advice += " Quote the error ID " + e.RequestID + "."
		}
	case Unavailable:
		if until := h.Get("X-Maintenance-Until"); until != "" {
			advice += " Estimated recovery time: " + redact.Line(until, maxToken) + "."
		}
	}
	return advice
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
