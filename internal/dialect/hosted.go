package dialect

import "github.com/steadyhttp/steadyhttp/internal/wait"

// https://docs.mistral.ai/api/
var mistral = &family{
	name:   "mistral",
	hosts:  []string{"api.mistral.ai", "codestral.mistral.ai"},
	shapes: []string{"object=error type=rate_limited", "object=error rawstatuscode", "object=error type=*_error"},
	like:   openAI,
	codes: map[string]Class{
		"service_tier_capacity_exceeded": Overloaded, "rate_limited": RateLimit, "invalid_model": NotFound,
		"context_length_exceeded": ContextLength, "unauthorized": Authentication,
	},
	numbers: []numbers{
		{1500, 1500, NotFound}, {1300, 1300, RateLimit}, {3505, 3505, Overloaded}, {3051, 3051, ContextLength},
		{1700, 1700, ServerError}, {1800, 1899, ServerError}, {3000, 3000, ServerError}, {1100, 1100, Unavailable},
	},
	phrases: []words{
		{Overloaded, "429 503", []string{"service tier capacity exceeded", "capacity exceeded for this model"}},
		{ContextLength, "400 422", []string{"too large for model with"}},
		{RateLimit, "429", []string{"rate limit"}},
		{Quota, "402 429", []string{"monthly", "no active subscription"}},
	},
	ids:               []string{"Mistral-Correlation-Id", "X-Kong-Request-Id"},
	bases:             []base{{OpenAI, "/v1"}},
	inferenceAnywhere: []string{"/fim/completions", "/v1/ocr", "/agents/completions"},
	scope:             Host | Credential | Model,
	// They count the size of requests in tokens.
	limitHeaders: []wait.Headers{{Prefix: "X-Ratelimitbysize", Unit: wait.Tokens}, {Prefix: "Ratelimitbysize", Unit: wait.Tokens}},
}

// https://docs.cohere.com/reference/errors
var cohere = &family{
	name:  "cohere",
	hosts: []string{"api.cohere.com", "api.cohere.ai"},
	phrases: []words{
		{ContextLength, "400 422", []string{"too many tokens", "prompt exceeds"}},
		{RateLimit, "429", []string{"/ minute", "per minute", "calls / min"}},
		{Quota, "429 402", []string{"/ month", "per month", "monthly", "billing", "add or update a payment method"}},
		{Authentication, "401 403", []string{"invalid api token", "no api key supplied"}},
		{Permission, "401 403", []string{"api key is blocked"}},
		{NotFound, "400 404", []string{"model*not found", "was removed"}},
		{Canceled, "499", []string{"request cancelled"}},
	},
	ids: []string{"X-Debug-Trace-Id"},
	// https://docs.cohere.com/docs/compatibility-api
	bases:     []base{{Cohere, ""}, {Cohere, "/v2"}, {Cohere, "/v1"}, {OpenAI, "/compatibility/v1"}},
	inference: []place{{path: "/v1/chat"}, {path: "/v1/generate"}, {path: "/v1/summarize"}},
	// Also Jina's, Voyage's, and text-embeddings-inference's.
	inferenceAnywhere: []string{
		"/v2/chat", "/v1/embed", "/v2/embed", "/rerank", "/v1/rerank", "/v2/rerank", "/v1/tokenize", "/v1/detokenize", "/v1/classify",
	},
	scope: Host | Credential | Path,
}

// Hugging Face, and text-generation-inference wherever it runs.
// https://huggingface.co/docs/inference-providers, https://github.com/huggingface/text-generation-inference
var huggingFace = &family{
	name:  "huggingface",
	hosts: []string{"huggingface.co", ".huggingface.co", ".huggingface.cloud", ".hf.space"},
	shapes: []string{
		"estimatedtime", "error errortype=overloaded", "error errortype=validation", "error errortype=generation",
		"Header:X-Error-Code",
	},
	like: openAI,
	// The hub and the programs of its users are no models.
	modelsAt: begins("router.", "api-inference."),
	bases:    []base{{OpenAI, "/v1"}},
	hints:    map[string]Class{"overloaded": Overloaded, "validation": InvalidRequest, "generation": ServerError, "incomplete_generation": ServerError},
	phrases: []words{
		{Quota, "402 429", []string{"monthly included credits", "gpu quota", "pre paid credits"}},
		{Overloaded, "429 503", []string{"model is overloaded", "model too busy", "model is too busy"}},
		{Unavailable, "503", []string{"currently loading"}},
		{ContextLength, "422 413 400", []string{"must be <=", "inputs tokens"}},
		{Permission, "401 403", []string{
			"gated repo", "access to model*is restricted", "not in the authorized list", "insufficient permissions",
		}},
		{Authentication, "400 401", []string{"invalid username or password", "authorization header is correct", "token seems invalid"}},
	},
	tenants:           []string{".hf.space", ".huggingface.cloud"},
	ids:               []string{"X-Request-Id"},
	inference:         []place{{host: "api-inference.huggingface.co", path: "/models/"}, {host: "router.huggingface.co", path: "/hf-inference/models/"}},
	inferenceAnywhere: []string{"/generate_stream"},
	scope:             Host | Credential | Model,
}

// https://replicate.com/docs/reference/http
var replicate = &family{
	name:  "replicate",
	hosts: []string{"api.replicate.com"},
	phrases: []words{
		{Quota, "402 429", []string{"insufficient credit", "free time limit", "spend limit", "monthly spend"}},
		{NotFound, "404 422", []string{"version does not exist", "invalid version"}},
		{RateLimit, "429", []string{"request was throttled", "rate limit"}},
		{Authentication, "401", []string{"unauthenticated", "did not pass an authentication token"}},
		{ContentPolicy, "", []string{"nsfw content", "flagged as sensitive"}},
	},
	modelsAt: begins("api."),
	scope:    Host | Credential | Path,
}
