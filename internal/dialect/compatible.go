package dialect

import (
	"time"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// These speak OpenAI's language with words of their own.

// https://console.groq.com/docs/errors
var groq = &family{
	name: "groq", hosts: []string{"api.groq.com"}, like: openAI, bases: []base{{OpenAI, "/openai/v1"}},
	codes: map[string]Class{
		"model_decommissioned": NotFound, "capacity_exceeded": Overloaded, "flex_capacity_exceeded": Overloaded,
		"blocked_api_access": Quota, "organization_restricted": Permission, "model_terms_required": Permission,
		"model_permission_blocked_org": Permission, "model_permission_blocked_project": Permission,
		"request_too_large": TooLarge,
		// The model wrote a call that does not parse; at the next try it may write a better one.
		"tool_use_failed": ServerError, "json_validate_failed": ServerError, "output_parse_failed": ServerError,
	},
	refusedStatuses: []int{498},                                                  // of the flex tier, whose requests are then not processed
	limits:          wait.Defaults{RequestWindow: day, TokenWindow: time.Minute}, // https://console.groq.com/docs/rate-limits
}

// https://api-docs.deepseek.com/quick_start/error_codes
var deepSeek = &family{
	name: "deepseek", hosts: []string{"api.deepseek.com"}, like: openAI,
	bases:             []base{{OpenAI, ""}, {OpenAI, "/v1"}, {OpenAI, "/beta"}, {Anthropic, "/anthropic"}},
	statuses:          map[int]Class{503: Overloaded},
	phrases:           []words{{ContentPolicy, "400", []string{"content exists risk"}}, {Quota, "402", []string{"insufficient balance"}}},
	inferenceAnywhere: []string{"/beta/completions"},
}

// https://docs.together.ai/docs/error-codes
var together = &family{
	name: "together", hosts: []string{"api.together.xyz", "api.together.ai"}, like: openAI, bases: []base{{OpenAI, "/v1"}},
	codes: map[string]Class{
		"model_rate_limit": RateLimit, "dynamic_request_limited": RateLimit, "dynamic_token_limited": RateLimit,
	},
	hints: map[string]Class{"credit_limit": Quota}, // said of rates as well
	// 403 is their word for too many tokens.
	phrases:      []words{{ContextLength, "403", []string{"maximum context length", "tokens*exceed"}}},
	limitHeaders: []wait.Headers{{Prefix: "X-Tokenlimit", Unit: wait.Tokens}},
}

// https://docs.fireworks.ai/guides/inference-error-codes
var fireworks = &family{
	name: "fireworks", hosts: []string{"api.fireworks.ai"}, like: openAI,
	bases:    []base{{OpenAI, "/inference/v1"}, {Anthropic, "/inference"}},
	codes:    map[string]Class{"PAYMENT_REQUIRED": Quota, "PRECONDITION_FAILED": Quota},
	phrases:  []words{{Quota, "412", []string{"suspended", "spending limit"}}, {NotFound, "404", []string{"model not found, inaccessible"}}},
	statuses: map[int]Class{412: Quota, 425: Unavailable},
}

// https://docs.x.ai/docs/key-information/debugging
var xAI = &family{
	name: "xai", hosts: []string{"api.x.ai", ".api.x.ai", ".grok.com"}, like: openAI,
	hints: map[string]Class{
		"permission-denied": Permission, "The caller does not have permission to execute the specified operation": Permission,
		"Some resource has been exhausted": RateLimit, "Some requested entity was not found": NotFound,
		"Client specified an invalid argument": InvalidRequest, "unauthenticated:bad-credentials": Authentication,
		"The service is currently unavailable": Unavailable, "free-usage-exhausted": Quota, "subscription:free-usage-exhausted": Quota,
		"Internal error": ServerError,
	},
	phrases: []words{
		{Quota, "", []string{
			"used all available credits", "monthly spending limit", "purchase those*on the console", "doesn't have any credits",
		}},
		{Overloaded, "429 503", []string{"service temporarily unavailable", "at capacity"}},
		{ContentPolicy, "400 403", []string{"content violates usage guidelines", "failed check: safety_check"}},
		{ContextLength, "400", []string{"maximum prompt length"}},
	},
	bases:     []base{{OpenAI, "/v1"}, {Anthropic, ""}, {Anthropic, "/v1"}},
	inference: []place{{host: "api.x.ai", path: "/v1/messages"}},
}

// https://docs.perplexity.ai/guides/error-handling
var perplexity = &family{
	name: "perplexity", hosts: []string{"api.perplexity.ai"}, like: openAI,
	codes: map[string]Class{"invalid_model": NotFound, "request_rate_limit_exceeded": RateLimit, "insufficient_quota": Quota},
}

// https://platform.moonshot.ai/docs/api/error-codes
var moonshot = &family{
	name: "moonshot", hosts: []string{"api.moonshot.cn", "api.moonshot.ai", "api.kimi.com"}, like: openAI,
	bases: []base{{OpenAI, "/v1"}, {Anthropic, "/anthropic"}, {OpenAI, "/coding/v1"}, {Anthropic, "/coding"}},
	codes: map[string]Class{
		"exceeded_current_quota_error": Quota, "engine_overloaded_error": Overloaded, "content_filter": ContentPolicy,
		"invalid_authentication_error": Authentication, "incorrect_api_key_error": Authentication, "resource_not_found_error": NotFound,
		"permission_denied_error": Permission, "client_closed_request": Canceled,
		"server_unavailable": Unavailable,
	},
	hints: map[string]Class{
		"rate_limit_reached_error": RateLimit, "server_error": ServerError, "unexpected_output": ServerError,
		"access_terminated_error": Permission, // also of a plan that is used up
	},
	phrases: []words{
		{ContentPolicy, "400", []string{"considered high risk", "high risk"}},
		{Overloaded, "", []string{"engine is currently overloaded"}},
		{RateLimit, "429", []string{"max organization concurrency", "max rpm", "max tpm", "request reached"}},
	},
}

// https://docs.siliconflow.cn/en/faqs/error-code
var siliconFlow = &family{
	name: "siliconflow", hosts: []string{"api.siliconflow.cn", "api.siliconflow.com"}, like: openAI,
	numbers: []numbers{
		{20012, 20012, NotFound}, {20015, 20015, InvalidRequest}, {30001, 30001, Quota}, {30003, 30003, NotFound},
		{30011, 30011, Quota}, {30012, 30012, Permission},
		{50501, 50501, Overloaded}, {50505, 50505, Overloaded}, {50603, 50603, Overloaded}, {60000, 60099, ServerError},
	},
	phrases: []words{
		{Overloaded, "503 504", []string{"system is too busy", "model service overloaded"}},
		{RateLimit, "429 403", []string{"rpm limit reached", "tpm limit reached", "ipm limit reached"}},
	},
}

// https://inference-docs.cerebras.ai/support/error
var cerebras = &family{
	name: "cerebras", hosts: []string{"api.cerebras.ai"}, like: openAI, bases: []base{{OpenAI, "/v1"}},
	phrases: []words{{Quota, "429", []string{"per day limit"}}},
	hints: map[string]Class{
		"token_quota_exceeded": RateLimit, "request_quota_exceeded": RateLimit, "too_many_tokens_error": RateLimit,
		"too_many_requests_error": RateLimit, "queue_exceeded": Overloaded, "wrong_api_key": Authentication,
	},
	codes: map[string]Class{"wrong_api_key": Authentication, "queue_exceeded": Overloaded, "context_length_exceeded": ContextLength},
}

// https://docs.api.nvidia.com/nim/reference/llm-apis
var nvidia = &family{
	name: "nvidia", hosts: []string{"integrate.api.nvidia.com", "ai.api.nvidia.com"}, like: openAI,
	phrases: []words{
		{Overloaded, "", []string{"resourceexhausted: worker", "worker local total request limit"}},
		{Quota, "", []string{"cloud credits expired"}},
		{Unavailable, "", []string{"degraded function"}}, // one of those that run the model is unwell
	},
}

// https://www.volcengine.com/docs/82379/1299023
var volcengine = &family{
	name: "volcengine", hosts: []string{".volces.com", ".bytepluses.com", ".volcengineapi.com"}, like: openAI,
	bases:    []base{{OpenAI, "/api/v3"}, {OpenAI, "/api/coding/v3"}, {Anthropic, "/api/coding"}},
	modelsAt: begins("ark."),
	codes: map[string]Class{
		"AccountOverdueError": Quota, "QuotaExceeded": Quota, "SetLimitExceeded": Quota, "InsufficientQuota": Quota, "RequestBurstTooFast": RateLimit,
		"ServerOverloaded": Overloaded, "ModelNotOpen": Permission, "AccessDenied": Permission,
		"InvalidEndpointOrModel.NotFound": NotFound, "InvalidEndpointOrModel": NotFound,
		"InvalidEndpoint.ClosedEndpoint": NotFound, "AuthenticationError": Authentication, "InvalidAccountStatus": Permission,
		"OperationDenied.ServiceOverdue": Quota,
		"OperationDenied.ServiceNotOpen": Permission, "OperationDenied": Permission, "SensitiveContentDetected": ContentPolicy,
		"InputTextSensitiveContentDetected":  ContentPolicy,
		"OutputTextSensitiveContentDetected": ContentPolicy, "InputImageSensitiveContentDetected": ContentPolicy,
		"OutputImageSensitiveContentDetected": ContentPolicy,
		"OutputVideoSensitiveContentDetected": ContentPolicy, "UnsupportedModel": NotFound, "MissingParameter": InvalidRequest,
		"InvalidParameter": InvalidRequest,
	},
	hints: map[string]Class{
		"RateLimitExceeded.EndpointRPMExceeded": RateLimit, "ModelAccountRpmRateLimitExceeded": RateLimit,
		"ModelAccountTpmRateLimitExceeded": RateLimit, "ModelAccountIpmRateLimitExceeded": RateLimit,
		"APIAccountRpmRateLimitExceeded": RateLimit, "RateLimitExceeded": RateLimit, "InternalServiceError": ServerError,
		"InflightBatchsizeExceeded": RateLimit,
	},
}

// https://opencode.ai/docs/zen
var openCode = &family{
	name: "opencode", hosts: []string{"opencode.ai"}, like: openAI,
	codes: map[string]Class{
		"CreditsError": Quota, "MonthlyLimitError": Quota, "UserLimitError": Quota, "SubscriptionUsageLimitError": Quota,
		"FreeUsageLimitError": Quota,
		"ModelError":          NotFound, "AuthError": Authentication, "RateLimitError": RateLimit,
	},
}

// https://elevenlabs.io/docs/developers/resources/error-messages
var elevenLabs = &family{
	name: "elevenlabs", hosts: []string{"api.elevenlabs.io"},
	codes: map[string]Class{
		"quota_exceeded": Quota, "max_character_limit_exceeded": TooLarge, "invalid_api_key": Authentication,
		"missing_permissions": Permission, "detected_unusual_activity": Permission,
		"voice_not_found": NotFound, "model_not_found": NotFound, "too_many_concurrent_requests": RateLimit,
		"system_busy": Overloaded, "can_not_use_instant_voice_cloning": Permission,
		"max_voice_limit_reached": Quota, "only_for_creator+": Permission, "sign_in_required": Authentication, "needs_authorization": Authentication,
	},
	inference: []place{{path: "/v1/text-to-speech/"}},
}

// https://developers.deepgram.com/reference/
var deepgram = &family{
	name: "deepgram", hosts: []string{"api.deepgram.com"},
	inference: []place{{path: "/v1/listen"}, {path: "/v1/speak"}},
}

// https://openrouter.ai/docs/api-reference/errors
var openRouter = &family{
	name: "openrouter", hosts: []string{"openrouter.ai"}, like: openAI,
	shapes: []string{
		"error.metadata.providername", "error.metadata.errortype", "error.metadata.raw", "error.metadata.headers",
		"error.message userid",
	},
	codes: map[string]Class{
		"provider_overloaded": Overloaded, "context_length_exceeded": ContextLength, "payment_required": Quota,
		"content_policy_violation": ContentPolicy,
	},
	hints: map[string]Class{
		"provider_unavailable": Unavailable, "rate_limit_exceeded": RateLimit, "provider_timeout": Timeout,
		"invalid_prompt": InvalidRequest, "refusal": ContentPolicy,
	},
	phrases: []words{
		{Overloaded, "", []string{"total request limit reached"}},
		{RateLimit, "429", []string{"rate limited upstream", "free models per min"}},
		{Unavailable, "", []string{"provider disconnected"}},
		{NotFound, "400 404", []string{"is not a valid model", "no endpoints found", "no allowed providers"}},
		{ContentPolicy, "403", []string{"requires moderation", "flagged"}},
		{Permission, "401 403 404", []string{"data policy"}},
	},
	bases:     []base{{OpenAI, "/api/v1"}, {Anthropic, "/api"}, {Anthropic, "/api/v1"}},
	inference: []place{{path: "/api/v1/messages"}},
	limits:    wait.Defaults{Unit: wait.Requests},
}

// https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
var vLLM = &family{
	name:   "vllm",
	shapes: []string{"object=error type=*Error", "error.type=InternalServerError error.message", "error.type=BadRequestError error.message"},
	like:   openAI,
	hints: map[string]Class{
		"BadRequestError": InvalidRequest, "NotFoundError": NotFound, "InternalServerError": ServerError,
		"UnprocessableEntityError": InvalidRequest, "NotImplementedError": InvalidRequest,
		"Unauthorized": Authentication, "EngineDeadError": ServerError,
	},
	scope: Host,
}

// https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md
var llamaCPP = &family{
	name:    "llama.cpp",
	shapes:  []string{"error.type=exceed_context_size_error", "error.type=unavailable_error", "error.type=not_supported_error"},
	like:    openAI,
	codes:   map[string]Class{"exceed_context_size_error": ContextLength, "not_supported_error": InvalidRequest},
	hints:   map[string]Class{"unavailable_error": Unavailable, "invalid_request_error": InvalidRequest, "server_error": ServerError},
	phrases: []words{{Unavailable, "", []string{"loading model", "no slot available"}}},
	// Also KoboldCpp's, text-generation-inference's, Triton's, and what SageMaker and Databricks serve.
	inferenceShaped: []string{
		"/completion", "/completions", "/infill", "/embedding", "/api/v1/generate", "/api/extra/generate/stream", "/generate", "/infer", "/invocations",
		"/invocations-response-stream", "/generate_text", "/text/generation", "/text/generation_stream", "/text/chat", "/text/chat_stream", "/responses",
	},
	scope: Host,
}

// https://github.com/ollama/ollama/blob/main/docs/api.md
var ollama = &family{
	name: "ollama", hosts: []string{"ollama.com"}, like: openAI,
	bases: []base{{Ollama, ""}, {Ollama, "/api"}, {OpenAI, "/v1"}, {Anthropic, ""}},
	phrases: []words{
		{Overloaded, "503", []string{"server busy", "maximum pending requests"}},
		{Quota, "429 402", []string{"usage limit", "weekly usage", "hourly usage"}},
	},
	// A shop's chat and its catalogue's generator have such paths too.
	inferenceShaped: []string{"/api/chat", "/api/generate", "/api/embed"},
}

// https://docs.litellm.ai/docs/exception_mapping
var litellm = &family{
	name: "litellm",
	shapes: []string{
		"Header:X-Litellm-Call-Id", "Header:X-Litellm-Version", "error.type=token_not_found_in_db", "error.type=budget_exceeded",
		"error.type=*_model_access_denied", "error.providerspecificfields",
	},
	like: openAI,
	codes: map[string]Class{
		"budget_exceeded": Quota, "ContextWindowExceededError": ContextLength, "ContentPolicyViolationError": ContentPolicy,
		"BudgetExceededError": Quota,
	},
	hints: map[string]Class{
		"auth_error": Authentication, "key_model_access_denied": Permission, "team_model_access_denied": Permission,
		"user_model_access_denied": Permission, "expired_key": Authentication, "token_not_found_in_db": Authentication,
		"no_db_connection": Unavailable, "throttling_error": RateLimit,
	},
}
