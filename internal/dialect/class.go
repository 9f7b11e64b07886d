package dialect

// codes are the classes of the codes, types and statuses of OpenAI, Anthropic
// and google.rpc that say more than the HTTP status beside them.
var codes = map[string]Class{
	// OpenAI: https://platform.openai.com/docs/guides/error-codes
	"insufficient_quota":                   Quota,
	"billing_hard_limit_reached":           Quota,
	"billing_not_active":                   Quota,
	"context_length_exceeded":              ContextLength,
	"content_policy_violation":             ContentPolicy,
	"content_filter":                       ContentPolicy,
	"invalid_api_key":                      Authentication,
	"account_deactivated":                  Permission,
	"unsupported_country_region_territory": Permission,
	"ip_not_authorized":                    Permission,
	"model_not_found":                      NotFound,
	"rate_limit_exceeded":                  RateLimit,
	"server_error":                         ServerError,

	// Anthropic: https://docs.anthropic.com/en/api/errors
	"authentication_error": Authentication,
	"billing_error":        Quota,
	"permission_error":     Permission,
	"not_found_error":      NotFound,
	"request_too_large":    TooLarge,
	"rate_limit_error":     RateLimit,
	"api_error":            ServerError,
	"timeout_error":        Timeout,
	"overloaded_error":     Overloaded,

	// google.rpc.Code: https://github.com/googleapis/googleapis/blob/master/google/rpc/code.proto
	"INVALID_ARGUMENT":    InvalidRequest,
	"FAILED_PRECONDITION": InvalidRequest,
	"OUT_OF_RANGE":        InvalidRequest,
	"UNIMPLEMENTED":       InvalidRequest,
	"UNAUTHENTICATED":     Authentication,
	"PERMISSION_DENIED":   Permission,
	"NOT_FOUND":           NotFound,
	"ABORTED":             Conflict,
	"ALREADY_EXISTS":      Conflict,
	"RESOURCE_EXHAUSTED":  RateLimit,
	"INTERNAL":            ServerError,
	"UNAVAILABLE":         Unavailable,
	"DEADLINE_EXCEEDED":   Timeout,
}

// statuses are the classes of the HTTP statuses whose class is not that of
// their hundred.
var statuses = map[int]Class{
	401: Authentication,
	402: Quota,
	403: Permission,
	404: NotFound,
	407: Authentication, // of a proxy
	408: Timeout,
	409: Conflict,
	410: NotFound,
	413: TooLarge,
	421: Unavailable, // this connection cannot answer for the host; another may
	423: Conflict,    // locked
	425: Unavailable, // too early: sent again without early data it is fine
	429: RateLimit,
	451: Permission,     // for legal reasons
	498: Overloaded,     // Groq: flex capacity is used up
	501: InvalidRequest, // the method is not known, and never will be by itself
	502: Unavailable,
	503: Unavailable,
	504: Timeout,
	505: InvalidRequest,
	511: Authentication, // of the network: a captive portal
	520: Unavailable,    // 520 to 527 and 530 are Cloudflare's words for an origin in trouble
	521: Unavailable,
	522: Unavailable,
	523: Unavailable,
	524: Timeout,
	525: Unavailable,
	526: Unavailable,
	527: Unavailable,
	529: Overloaded, // Anthropic
	530: Unavailable,
}

func classify(status int, v Verdict) Class {
	if c, ok := codes[v.Code]; ok {
		return c
	}
	return byStatus(status)
}

func byStatus(status int) Class {
	if c, ok := statuses[status]; ok {
		return c
	}
	switch status / 100 {
	case 4:
		return InvalidRequest
	case 5:
		return ServerError
	}
	return Unknown
}
