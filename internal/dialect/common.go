package dialect

import "slices"

// families are all providers, in the order in which their shapes are tried:
// the narrow before the wide.
var families = []*family{
	newAPI, litellm, openRouter, dashScope, zhipu, miniMax, baidu, iFlytek, tencent,
	aws, google, gemini, googleMaps, kubernetes, elastic, meta, microsoft, azure,
	slack, telegram, discord, shopify, linear, stripe, github, gitHubModels, gitlab, atlassian, hubSpot, salesforce, notion,
	twilio, sendGrid, cloudflare, reddit, x, spotify, okta, auth0, plaid, payPal, square, dropbox, zendesk, airtable, wechat, feishu, dingTalk,
	docker, postgREST, monday, contentful, sentry, crowdStrike, deepgram, mediaWiki, nominatim, pushover, kraken, bybit, alphaVantage,
	etherscan, apilayer, amap, alipay, taobao, stoat, eludris, chineseMaps, twelveData, deepL,
	cohere, huggingFace, replicate, mistral, anthropic, vLLM, llamaCPP, ollama,
	n1n, groq, deepSeek, together, fireworks, xAI, perplexity, moonshot, siliconFlow, cerebras, nvidia, volcengine, openCode, elevenLabs, openAI,
	graphQL,
}

// common is what everybody uses, or imitates.
var common = &family{
	name:     "",
	codes:    commonCodes,
	hints:    commonHints,
	phrases:  commonPhrases,
	statuses: commonStatuses,

	codeHeaders: []string{
		"X-Vercel-Error",  // of whatever Vercel hosts
		"X-Error-Code",    // Hugging Face's, and others'
		"X-Ms-Error-Code", // Azure's storage, also to a HEAD
		"X-Mashery-Error-Code", "X-Squid-Error", "X-Application-Error-Code", "X-Api-Error-Code", "X-Errorcode", "Error-Code", "X-Error-Name", "X-Deny-Reason", "X-Error-Type", "X-Error-Reason",
	},
	errorHeaders: []string{"X-Error-Code"},
	retryHeader:  "X-Should-Retry", // OpenAI's, Anthropic's and of who uses their generator of clients
}

// commonCodes leave no doubt, whoever says them.
var commonCodes = map[string]Class{
	// OpenAI's, which half of the world returns:
	// https://platform.openai.com/docs/guides/error-codes
	"insufficient_quota":                   Quota,
	"billing_hard_limit_reached":           Quota,
	"billing_not_active":                   Quota,
	"billing_error":                        Quota, // https://docs.anthropic.com/en/api/errors
	"insufficient_user_quota":              Quota,
	"insufficient_balance":                 Quota,
	"insufficient_credits":                 Quota,
	"insufficient_funds":                   Quota,
	"out_of_credits":                       Quota,
	"payment_required":                     Quota,
	"budget_exceeded":                      Quota,
	"context_length_exceeded":              ContextLength,
	"string_above_max_length":              InvalidRequest,
	"content_policy_violation":             ContentPolicy,
	"content_filter":                       ContentPolicy,
	"ResponsibleAIPolicyViolation":         ContentPolicy,
	"moderation_blocked":                   ContentPolicy,
	"cyber_policy":                         ContentPolicy,
	"invalid_api_key":                      Authentication,
	"unsupported_grant_type":               InvalidRequest, // https://www.rfc-editor.org/rfc/rfc6749#section-5.2
	"unsupported_response_type":            InvalidRequest,
	"unsupported_country_region_territory": Permission,
	"ip_not_authorized":                    Permission,
	"engine_overloaded":                    Overloaded,
	"overloaded_error":                     Overloaded,
	"model_decommissioned":                 NotFound,
	"model_overloaded":                     Overloaded,
	"insufficient_system_resource":         Overloaded, // DeepSeek's, a reason to finish
	"request_too_large":                    TooLarge,

	// Of the services that check captchas, about the key of who asks:
	// https://developers.cloudflare.com/turnstile/get-started/server-side-validation
	"invalid-input-secret": Authentication, "missing-input-secret": Authentication, "sitekey-secret-mismatch": Authentication, "secret_invalid": Authentication, "secret_missing": Authentication,
}

// limitCodes name a rate limit, whatever their message offers for money.
var limitCodes = map[string]Class{
	"rate_limit_exceeded": RateLimit, "rate_limit_error": RateLimit, "rate_limited": RateLimit, "ratelimited": RateLimit, "rate_limit": RateLimit,
	"too_many_requests": RateLimit, "throttled": RateLimit, "Throttling": RateLimit, "RequestThrottled": RateLimit, "SlowDown": RateLimit,
	"over_query_limit": RateLimit, "RATE_LIMIT_REACHED": RateLimit, "APIRateLimitExceeded": RateLimit, "concurrency_limit_exceeded": RateLimit,
	"rate_limit_reached": RateLimit, "too_many_concurrent_requests": RateLimit, "ThrottlingException": RateLimit, "over_limit": RateLimit, "over_rate_limit": RateLimit, "ComplexityException": RateLimit,
}

// commonHints hold unless the message says more.
var commonHints = map[string]Class{
	"requests": RateLimit, "tokens": RateLimit, "LimitExceeded": RateLimit, "RESOURCE_EXHAUSTED": RateLimit,

	"quota_exceeded": Quota, "QuotaExceeded": Quota, "out_of_quota": Quota, "credit_limit": Quota, "plan_limit_exceeded": Quota, "no_credits": Quota,
	"subscription_required": Quota, "quota_limited": Quota, "quota_reached": Quota, "usage_limit_exceeded": Quota, "usage_limit_reached": Quota, "daily_limit_exceeded": Quota, "monthly_limit_exceeded": Quota, "trial_expired": Quota,

	"invalid_request": InvalidRequest, "bad_request": InvalidRequest, "invalid_parameter": InvalidRequest, "invalid_argument": InvalidRequest,
	"extra_forbidden":  InvalidRequest, // Pydantic's, of a member too many
	"validation_error": InvalidRequest, "validation_failed": InvalidRequest, "unprocessable_entity": InvalidRequest, "invalid_json": InvalidRequest,
	"method_not_allowed": InvalidRequest, "unsupported_media_type": InvalidRequest, "unsupported_value": InvalidRequest,
	"unsupported_parameter":      InvalidRequest,
	"missing_required_parameter": InvalidRequest, "invalid_type": InvalidRequest, "invalid_value": InvalidRequest,
	"unknown_parameter": InvalidRequest,
	"not_implemented":   InvalidRequest, "unsupported_operation": InvalidRequest,

	"authentication_error": Authentication, "invalid_authentication": Authentication, "unauthorized": Authentication,
	"unauthenticated": Authentication,
	"invalid_token":   Authentication, "token_expired": Authentication, "expired_token": Authentication, "invalid_credentials": Authentication,
	"authentication_required": Authentication, "missing_token": Authentication, "invalid_client": Authentication, "invalid_grant": Authentication,
	"no_api_key": Authentication, "missing_api_key": Authentication, "INVALID_AUTHENTICATION": Authentication, "not_authed": Authentication,
	"unauthorized_client": Permission, "insufficient_scope": Permission, "invalid_scope": Permission,

	"permission_error": Permission, "permission_denied": Permission, "forbidden": Permission, "access_denied": Permission,
	"not_authorized":    Permission,
	"request_forbidden": Permission, "insufficient_permissions": Permission, "account_deactivated": Permission, "account_suspended": Permission,
	"MISSING_SCOPES": Permission, "operation_not_allowed": Permission, "access_terminated": Permission, "region_not_supported": Permission,

	"not_found": NotFound, "resource_not_found": NotFound, "resource_missing": NotFound, "model_not_found": NotFound, "invalid_model": NotFound, "unknown_url": NotFound,
	"deployment_not_found": NotFound, "object_not_found": NotFound, "does_not_exist": NotFound, "no_such_model": NotFound, "gone": NotFound,
	"model_not_available": NotFound, "invalid_model_id": NotFound, "unknown_model": NotFound,

	"conflict": Conflict, "already_exists": Conflict, "resource_conflict": Conflict, "duplicate": Conflict,
	"payload_too_large": TooLarge, "request_entity_too_large": TooLarge, "entity_too_large": TooLarge, "file_too_large": TooLarge,

	"overloaded": Overloaded, "server_overloaded": Overloaded, "capacity_exceeded": Overloaded, "over_capacity": Overloaded,
	"server_busy":             Overloaded,
	"model_capacity_exceeded": Overloaded, "no_capacity": Overloaded, "engine_overloaded_error": Overloaded,

	"server_error": ServerError, "api_error": ServerError, "internal_error": ServerError, "internal_server_error": ServerError,
	"internal_failure": ServerError,
	"backend_error":    ServerError, "unexpected_error": ServerError, "processing_error": ServerError, "internal": ServerError,
	"service_unavailable": Unavailable, "unavailable": Unavailable, "temporarily_unavailable": Unavailable,
	"bad_gateway": Unavailable, "maintenance": Unavailable,
	"provider_unavailable": Unavailable, "upstream_unavailable": Unavailable, "service_unavailable_error": Unavailable,
	"timeout": Timeout, "timeout_error": Timeout, "gateway_timeout": Timeout, "request_timeout": Timeout, "deadline_exceeded": Timeout,

	// GraphQL servers: https://www.apollographql.com/docs/apollo-server/data/errors
	"GRAPHQL_PARSE_FAILED": InvalidRequest, "GRAPHQL_VALIDATION_FAILED": InvalidRequest, "BAD_USER_INPUT": InvalidRequest,
	"PERSISTED_QUERY_NOT_FOUND": InvalidRequest, "OPERATION_RESOLUTION_FAILURE": InvalidRequest,
	// graphql-ruby's: https://graphql-ruby.org/api-doc/GraphQL/StaticValidation
	"undefinedField": InvalidRequest, "parseError": InvalidRequest, "argumentLiteralsIncompatible": InvalidRequest,
	"argumentNotAccepted": InvalidRequest, "argumentNotUnique": InvalidRequest, "missingRequiredArguments": InvalidRequest,
	"missingRequiredInputObjectAttribute": InvalidRequest, "selectionMismatch": InvalidRequest, "fieldConflict": InvalidRequest,
	"variableMismatch": InvalidRequest, "variableNotDefined": InvalidRequest, "variableNotUsed": InvalidRequest,
	"variableRequiresValidType": InvalidRequest, "defaultValueInvalidType": InvalidRequest, "undefinedType": InvalidRequest,
	"undefinedDirective": InvalidRequest, "cannotSpreadFragment": InvalidRequest, "useAndDefineFragment": InvalidRequest,
	"fragmentOnNonCompositeType": InvalidRequest, "infiniteLoop": InvalidRequest,
	"MAX_COST_EXCEEDED": TooLarge, "MAX_NODE_LIMIT_EXCEEDED": TooLarge,

	// Vercel, in x-vercel-error: https://vercel.com/docs/errors
	"FUNCTION_INVOCATION_TIMEOUT": Timeout, "EDGE_FUNCTION_INVOCATION_TIMEOUT": Timeout, "MIDDLEWARE_INVOCATION_TIMEOUT": Timeout,
	"ROUTER_EXTERNAL_TARGET_TIMEOUT": Timeout,
	"FUNCTION_INVOCATION_FAILED":     ServerError, "EDGE_FUNCTION_INVOCATION_FAILED": ServerError, "FUNCTION_THROTTLED": Overloaded,
	"FUNCTION_PAYLOAD_TOO_LARGE": TooLarge, "DEPLOYMENT_NOT_FOUND": NotFound, "DEPLOYMENT_PAUSED": Quota, "DEPLOYMENT_DISABLED": Quota,
	"DEPLOYMENT_BLOCKED": Permission,
}

// What is said of money and of what it buys, put together from its parts.
var (
	lacks = []string{"insufficient", "not enough", "not have enough", "no remaining", "out of", "run out of", "ran out of", "no more", "low on", "exhausted your", "used all your", "used up your", "used all of your"}
	money = []string{"credits", "credit", "balance", "funds", "money", "tokens", "quota"}
	spent = cross(
		[]string{"credits", "credit", "balance", "funds", "allowance", "searches"},
		[]string{"exhausted", "depleted", "used up", "run out", "ran out", "consumed", "too low", "is zero", "insufficient", "below the minimum", "below minimum"},
	)
	ofTrial = cross([]string{"trial"}, []string{"is over", "ended", "expired", "used up", "run out", "exhausted", "limit reached"})

	// Of a rate. The adverb may stand before or behind.
	ofRate = slices.Concat(
		cross([]string{"rate limit", "rate limits", "request limit", "requests limit", "qps", "rpm", "tpm", "rps", "concurrency"},
			[]string{"exceeded", "exceeds", "exceed", "reached", "hit", "limit exceeded", "is exceeded"}),
		[]string{"request limit for*exceeded", "request limit for*reached", "request limit of*exceeded", "request limit of*reached", "limit of requests*exceeded", "limit of requests*reached",
			"call limited", "calls limited", "too many in flight", "active tasks", "concurrent jobs", "simultaneous connections", "simultaneous requests", "流控"},
		cross([]string{"exceeded", "exceeds", "exceed", "reached", "hit", "over"}, []string{"rate limit", "qps", "rpm", "tpm", "rps", "request limit"}),
		cross([]string{"too many", "too frequent"}, []string{"requests", "calls", "attempts", "queries"}),
	)
	ofKey = slices.Concat(
		cross([]string{"invalid", "incorrect", "wrong", "unknown", "missing", "expired", "bad", "no valid", "malformed", "unrecognized"},
			[]string{"api key", "api_key", "apikey", "api token", "access token", "access_token", "access key", "access_key", "app key", "app_key", "appkey", "application id", "app id", "client secret", "auth token",
				"credentials", "authentication", "bearer token", "secret key", "jwt", "username or password", "email or password", "login details"}),
		cross([]string{"api key", "api_key", "apikey", "api token", "access token", "access_token", "access key", "access_key", "app key", "app_key", "appkey", "auth token", "credentials", "jwt"},
			[]string{"invalid", "expired", "incorrect", "missing", "not valid", "revoked", "not recognized", "required", "not provided", "malformed"}),
		cross([]string{"no"}, []string{"api key provided", "api key supplied", "api key found", "api key given", "api token provided", "access token provided", "credentials provided"}),
	)
	// Of a key that there is none, in other words than those.
	ofKeyUnknown = cross([]string{"api key", "apikey", "appkey", "app key", "access key", "access_key", "access_id", "access id", "app id", "appid", "api user", "api secret"},
		[]string{"incorrect", "is incorrect", "is absent", "absent", "not exist", "not exists", "does not exist", "is not a valid", "not found", "is wrong", "is missing", "mismatch"})

	ofScopes = slices.Concat(
		cross([]string{"missing", "insufficient", "lacks", "lacking", "requires", "required", "needs"}, []string{"scope", "scopes", "required scope", "required scopes", "oauth scope", "oauth scopes", "the scope"}),
		[]string{"insufficient permission", "insufficient privilege", "insufficient authentication scopes", "scope*cannot access", "scope*not sufficient", "higher privileges than"},
	)

	ofSignature = append(cross([]string{"signature"}, []string{"error", "invalid", "failed", "incorrect", "expired", "not match", "wrong"}),
		"invalid signature", "incorrect signature", "wrong signature", "bad signature", "missing signature", "signature verif", "签名错误", "签名不正确", "签名失败", "签名无效", "签名过期", "验签")
	// Of what the request is made of.
	ofRequests = slices.Concat(
		cross([]string{"missing", "invalid", "wrong", "incorrect", "unknown", "missing or invalid", "illegal"}, []string{"parameter", "parameters", "argument", "arguments", "action", "request body", "field"}),
		cross([]string{"parameter", "parameters", "method", "action", "url parameter"}, []string{"error", "missing", "invalid", "required", "is required", "not provided", "is not provided", "incorrect"}),
		[]string{"method must be", "only post method", "only get method", "exceeds max complexity", "exceeds maximum complexity", "complexity was exceeded", "query is too complex", "must have a selection of",
			"is required", "格式错误", "格式不正确", "格式有误", "不能为空", "不合法", "参数缺失", "参数不正确", "参数错误", "参数有误", "缺少参数", "无效请求", "无效的请求", "请求参数"},
	)
	// What is counted, with what becomes of it, at whatever status. Of an allowance by the
	// hour or shorter waiting is the cure.
	daily     = cross(cross([]string{"daily", "weekly", "monthly"}, []string{"limit", "quota", "request limit", "request quota", "requests limit", "allowance", "usage limit", "usage"}), spentUp)
	dailyOver = cross([]string{"exceeded", "reached", "hit", "over", "used up", "exhausted"}, []string{"daily limit", "daily quota", "daily request limit", "weekly limit", "monthly limit", "monthly quota", "monthly request limit"})
	// Of a day or a month, in words around the figure.
	ofMonth = slices.Concat(
		cross([]string{"limit", "allowance", "quota", "searches", "requests", "calls", "queries"}, []string{"for the month", "for this month", "for the current month", "for today", "for the day"}),
		[]string{"reached for this month", "exceeded for this month", "used for this month", "monthly request limit", "over the allowed limit of*per day", "over the allowed limit of*per month", "limit (*per day) exceeded", "limit (*per month) exceeded", "exceeded for plan", "exceeded for your plan", "exceeded for this plan"},
	)
	ofConcurrency = cross([]string{"plan's", "your", "maximum", "the"}, []string{"concurrency limit", "concurrent request limit", "concurrent requests limit", "limit of concurrent"})
	hourly        = append(cross([]string{"exceeded", "reached", "hit", "over"}, []string{"hourly limit", "hourly quota", "hourly request limit", "per minute limit", "per second limit"}), cross([]string{
		"hourly limit", "hourly quota", "hourly request limit", "requests per second", "queries per second", "calls per second", "requests per minute", "calls per minute",
		"per second limit", "per minute limit", "allowed requests", "allowed number of requests", "allotted number of requests", "call limit", "query limit", "invocation limit",
		"operation limit", "frequency limit", "throughput limit", "throttle", "throttle limit",
	}, spentUp)...)
	spentUp = []string{"exceeded", "exceeds", "reached", "exhausted", "used up", "was hit"}

	ofQuota = slices.Concat(
		cross([]string{"quota", "quotas", "usage limit", "plan limit", "spend cap", "spending cap", "seat limit", "license limit", "monthly cap"},
			[]string{"exceeded", "reached", "exhausted", "used up", "hit", "depleted"}),
		cross([]string{"exceeded", "exceeds", "exceed", "reached", "hit", "over", "exhausted"}, []string{"quota", "spend cap", "plan limit", "plan's limit", "plan limits"}),
	)
)
