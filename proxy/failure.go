package main

import (
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/steadyhttp/steadyhttp"
)

// statusGone is what nginx writes into its log for a caller that went away. Nobody
// reads the answer.
const statusGone = 499

// A failure is the body of an answer of the proxy's own. It has the form of OpenAI's,
// which their SDKs and most others show to their callers, and the outer type that
// Anthropic's look for.
type failure struct {
	Type  string `json:"type"` // "error"
	Error struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`  // failureType
		Param   *string `json:"param"` // null
		Code    string  `json:"code"`  // the class, such as "connection"
	} `json:"error"`
}

// failureType tells our failures from those of the upstream.
const failureType = "steadyhttp_proxy_error"

// failed answers a call for which there is no answer of the upstream's. It is the
// ReverseProxy's ErrorHandler.
func (p *proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		w.WriteHeader(statusGone)
		return
	}
	var e *steadyhttp.Error
	errors.As(steadyhttp.CheckContext(r.Context(), nil, err), &e)
	call, _ := steadyhttp.FromContext(r.Context())

	wait, told := e.RetryAfter, e.RetryAfterSource != ""
	if told && !e.NotBefore.IsZero() {
		wait = time.Until(e.NotBefore)
	}
	if errors.Is(e, steadyhttp.ErrThrottled) && !told {
		wait, told = throttledWait, e.Class.Retryable()
	}
	if told {
		w.Header().Set("Retry-After", strconv.Itoa(max(1, int(math.Ceil(wait.Seconds())))))
	}
	// The SDKs of OpenAI and Anthropic repeat a call by themselves unless this tells
	// them that it is no use. What was only declined may succeed if they do.
	if call.Attempts > 1 || !e.Class.Retryable() {
		w.Header().Set("X-Should-Retry", "false")
	}
	p.answer(w, refusal{statusOf(e), e.Class.String(), e.Error()})
}

// throttledWait is what a caller is told for whom the queue had no place.
const throttledWait = time.Second

// statusOf returns the status by which callers that know nothing of classes behave as
// the class would have them.
func statusOf(e *steadyhttp.Error) int {
	switch e.Class {
	case steadyhttp.Timeout:
		return http.StatusGatewayTimeout
	case steadyhttp.RateLimit:
		return http.StatusTooManyRequests
	case steadyhttp.TooLarge:
		return http.StatusRequestEntityTooLarge
	case steadyhttp.Unavailable, steadyhttp.Overloaded:
		return http.StatusServiceUnavailable
	}
	if errors.Is(e, steadyhttp.ErrThrottled) {
		return http.StatusServiceUnavailable // held back because of what fails
	}
	return http.StatusBadGateway
}

// refuse answers a request that is not handed on.
func (p *proxy) refuse(w http.ResponseWriter, no refusal) {
	p.log.Warn("request refused", zap.Int("status", no.status), zap.String("reason", no.code))
	w.Header().Set("X-Should-Retry", "false")
	p.answer(w, no)
}

// answer writes an answer of the proxy's own.
func (p *proxy) answer(w http.ResponseWriter, a refusal) {
	f := failure{Type: "error"}
	f.Error.Message, f.Error.Type, f.Error.Code = a.message, failureType, a.code
	body, err := json.Marshal(f)
	if err != nil {
		panic(err) // it is a struct of strings
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("X-Steadyhttp-Error", a.code)
	if p.drain.draining() {
		h.Set("Connection", "close")
	}
	w.WriteHeader(a.status)
	w.Write(body)
}
