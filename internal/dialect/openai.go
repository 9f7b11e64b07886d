package dialect

import (
	"time"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// https://platform.openai.com/docs/guides/error-codes
var openAI = &family{
	name:   "openai",
	hosts:  []string{"api.openai.com", "eu.api.openai.com", "us.api.openai.com", "chatgpt.com", "chat.openai.com"},
	shapes: []string{"error.message error.type", "error.message error.code error.param"},
	codes: map[string]Class{
		"account_deactivated":            Permission,
		"organization_deactivated":       Permission,
		"invalid_organization":           Authentication,
		"no_such_organization":           Authentication,
		"mismatched_organization":        Authentication,
		"mismatched_project":             Authentication,
		"invalid_project":                Authentication,
		"token_expired":                  Authentication,
		"token_invalidated":              Authentication,
		"account_not_active":             Quota,
		"quota_exceeded":                 Quota,
		"usage_limit_reached":            Quota,
		"usage_not_included":             Quota,
		"image_content_policy_violation": ContentPolicy,
		"invalid_prompt":                 ContentPolicy, // "flagged as potentially violating our usage policy"
		"safety_violations":              ContentPolicy,
		"sentinel_block":                 ContentPolicy,
		"bio_policy":                     ContentPolicy,
		"token_limit_exceeded":           RateLimit, // tokens waiting in batches
		"slow_down":                      RateLimit,
		"engine_overloaded":              Overloaded,
		"model_overloaded":               Overloaded,
		"previous_response_not_found":    NotFound,
		"container_expired":              NotFound,
		"vector_store_timeout":           Timeout,
		"tool_use_failed":                ServerError, // Groq's, in whose words others speak
	},
	hints: map[string]Class{
		"rate_limit_exceeded": RateLimit, "requests": RateLimit, "tokens": RateLimit, "input_tokens": RateLimit,
		"concurrent_requests": RateLimit, "images": RateLimit,
		"model_not_found": NotFound, "unknown_url": NotFound, "not_found_error": NotFound, "invalid_beta": InvalidRequest,
		"image_generation_user_error": InvalidRequest, "invalid_image": InvalidRequest, "invalid_image_format": InvalidRequest,
		"invalid_base64_image": InvalidRequest,
		"invalid_image_url":    InvalidRequest, "image_too_large": TooLarge, "image_too_small": InvalidRequest, "image_parse_error": InvalidRequest,
		"invalid_image_mode": InvalidRequest, "image_file_too_large": TooLarge, "unsupported_image_media_type": InvalidRequest,
		"empty_image_file":         InvalidRequest,
		"failed_to_download_image": InvalidRequest, "image_file_not_found": NotFound, "invalid_function_parameters": InvalidRequest,
		"invalid_json_schema": InvalidRequest,
		"max_tokens_exceeded": InvalidRequest, "decimal_above_max_value": InvalidRequest, "integer_above_max_value": InvalidRequest,
		"integer_below_min_value": InvalidRequest,
		"array_above_max_length":  InvalidRequest, "array_below_min_length": InvalidRequest,
		"invalid_encrypted_content": InvalidRequest, "unsupported_model": InvalidRequest,
		"server_error": ServerError, "internal_error": ServerError,
	},
	phrases: []words{
		{RateLimit, "429", []string{"rate limit reached for"}},
		{Permission, "400 401 403", []string{"must be a member of an organization", "does not have access to model"}},
	},
	shouldRetry: true,
	ids:         []string{"X-Request-Id"},
	// What half of the world offers too.
	inferenceAnywhere: []string{
		"/chat/completions", "/v1/completions", "/openai/completions", "/v1/responses", "/openai/responses", "/responses/input_tokens",
		"/embeddings", "/v1/moderations", "/images/generations", "/images/edits", "/images/variations", "/audio/speech",
		"/audio/transcriptions", "/audio/translations",
	},
	bases:     []base{{OpenAI, "/v1"}},
	modelsAt:  begins("api.", "eu.api.", "us.api."),
	inference: []place{{host: "chatgpt.com", path: "/backend-api/codex/responses"}},
	scope:     Host | Credential | Model,
	limits:    wait.Defaults{TokenWindow: time.Minute}, // requests are per minute or per day; how they refill tells
}

// https://learn.microsoft.com/en-us/azure/ai-services/openai/quotas-limits
var azure = &family{
	name: "azure",
	hosts: []string{
		".openai.azure.com", ".cognitiveservices.azure.com", ".services.ai.azure.com", ".inference.ai.azure.com",
		".api.cognitive.microsoft.com", ".azure-api.net", ".models.ai.azure.com",
	},
	shapes: []string{"Header:Apim-Request-Id", "Header:Azureml-Model-Session"},
	like:   openAI,
	codes: map[string]Class{
		"DeploymentNotFound":    NotFound,
		"OperationNotSupported": InvalidRequest,
		"SubscriptionNotFound":  Authentication,
		"PermissionDenied":      Permission,
		"AccessDenied":          Permission,
		"InvalidApiVersion":     InvalidRequest,
		"NoCapacity":            Overloaded,
		"ServiceNotReady":       Unavailable,
	},
	hints: map[string]Class{
		"429": RateLimit, "RateLimitReached": RateLimit, "TooManyRequests": RateLimit, "Timeout": Timeout,
		"InternalServerError": ServerError,
	},
	phrases: []words{
		{Overloaded, "429 503", []string{"experiencing high demand", "model is currently at capacity"}},
		{Quota, "403", []string{"out of call volume quota", "quota will be replenished"}},
		{RateLimit, "429", []string{"have exceeded*rate limit", "exceeded*pricing tier", "rate limit is exceeded"}},
		{Permission, "403", []string{"virtual network", "firewall rules", "public access is disabled"}},
		{Authentication, "401", []string{"invalid subscription key", "missing subscription key"}},
	},
	tenants: []string{".azure-api.net"},
	// https://learn.microsoft.com/en-us/azure/ai-foundry/openai/api-version-lifecycle
	bases: []base{
		{OpenAI, "/openai/v1"}, {OpenAI, "/openai/deployments/*"}, {OpenAI, "/models"}, {OpenAI, "/v1"}, {Anthropic, "/anthropic"},
		{Anthropic, "/anthropic/v1"},
	},
	// What stands behind API Management is its owner's.
	modelsAt: except(".azure-api.net"),
	ids:      []string{"Apim-Request-Id", "X-Request-Id", "X-Ms-Request-Id"},
	scope:    Host | Credential | Model,
	limits:   wait.Defaults{TokenWindow: time.Minute},
}
