package dialect

import (
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// https://docs.anthropic.com/en/api/errors
var anthropic = &family{
	name:   "anthropic",
	hosts:  []string{"api.anthropic.com", "claude.ai"},
	shapes: []string{"type=error error.type", "Header:Anthropic-Organization-Id"},
	codes: map[string]Class{
		"billing_error":     Quota,
		"request_too_large": TooLarge,
		"timeout_error":     Timeout,
	},
	hints: map[string]Class{
		"authentication_error": Authentication, "permission_error": Permission, "not_found_error": NotFound, "rate_limit_error": RateLimit,
		"api_error": ServerError, "overloaded_error": Overloaded, "forbidden": Permission, "conflict_error": Conflict,
		"model_context_window_exceeded": ContextLength, "refusal": ContentPolicy,
		// https://docs.anthropic.com/en/docs/agents-and-tools: of hosted tools
		"too_many_requests": RateLimit, "unavailable": Unavailable, "max_uses_exceeded": InvalidRequest,
	},
	phrases: []words{
		{Quota, "", []string{
			"credit balance is too low", "reached your specified", "usage limits", "extra usage", "usage limit reached",
			"out of extra usage", "spend limit", "regain access",
		}},
		{ContextLength, "400 413", []string{"prompt is too long", "exceed context limit", "context window"}},
		{RateLimit, "429", []string{"rate limit", "usage increase rate", "number of concurrent", "number of request"}},
		{Permission, "400 401 403", []string{
			"organization has been disabled", "oauth authentication is currently not", "only authorized for use with",
			"not allowed for this organization", "identity verification", "region not supported", "request not allowed",
		}},
		{ContentPolicy, "400", []string{"content filtering policy"}},
	},
	refusals:        []string{"overloaded_error"},
	refusedStatuses: []int{529},
	shouldRetry:     true,
	ids:             []string{"Request-Id"},

	// https://docs.anthropic.com/en/api/openai-sdk
	bases:             []base{{Anthropic, ""}, {Anthropic, "/v1"}, {OpenAI, "/v1"}},
	inference:         []place{{host: "api.anthropic.com", path: "/v1/messages"}, {host: "api.anthropic.com", path: "/v1/complete"}},
	inferenceAnywhere: []string{"/v1/messages/count_tokens"},
	inferenceIf: map[string]func(string, http.Header) bool{
		// Many APIs send a message to a person with POST …/v1/messages. Only
		// Anthropic's wants a version header with it.
		"messages": func(_ string, h http.Header) bool { return first(h, "Anthropic-Version") != "" },
	},

	scope: Host | Credential | Model,
	limitHeaders: []wait.Headers{
		// https://docs.claude.com/en/api/rate-limits: per minute, but for the unified windows of subscriptions.
		{Prefix: "Anthropic-Ratelimit", Window: time.Minute, Refills: true},
		{Prefix: "Anthropic-Priority", Window: time.Minute, Name: "priority", Refills: true},
	},
}
