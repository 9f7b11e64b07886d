package dialect

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
	ids:   []string{"Request-Id"},
	scope: Host | Credential | Model,
}
