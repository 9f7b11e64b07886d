package dialect

import "slices"

// families are all providers, in the order in which their shapes are tried:
// the narrow before the wide.
var families = []*family{
	newAPI, litellm, openRouter, dashScope, zhipu, miniMax, baidu, tencent,
	aws, google, gemini, googleMaps, kubernetes, elastic, meta, microsoft, azure,
	slack, telegram, discord, shopify, linear, stripe, github, gitHubModels, gitlab, atlassian, hubSpot, salesforce, notion,
	twilio, sendGrid, cloudflare, reddit, x, spotify, okta, auth0, plaid, payPal, square, dropbox, zendesk, airtable, wechat, feishu, dingTalk,
	docker, postgREST, monday, contentful, sentry, crowdStrike, deepgram, mediaWiki, kraken, bybit, alphaVantage,
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
	retryHeader: "X-Should-Retry", // OpenAI's, Anthropic's and of who uses their generator of clients
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
	"rate_limit_reached": RateLimit, "too_many_concurrent_requests": RateLimit, "ThrottlingException": RateLimit, "over_limit": RateLimit, "over_rate_limit": RateLimit,
}

// commonHints hold unless the message says more.
var commonHints = map[string]Class{
	"requests": RateLimit, "tokens": RateLimit, "LimitExceeded": RateLimit, "RESOURCE_EXHAUSTED": RateLimit,

	"quota_exceeded": Quota, "QuotaExceeded": Quota, "out_of_quota": Quota, "credit_limit": Quota, "plan_limit_exceeded": Quota, "no_credits": Quota,
	"subscription_required": Quota, "quota_limited": Quota, "quota_reached": Quota, "usage_limit_exceeded": Quota, "usage_limit_reached": Quota, "daily_limit_exceeded": Quota, "monthly_limit_exceeded": Quota, "trial_expired": Quota,

	"invalid_request": InvalidRequest, "bad_request": InvalidRequest, "invalid_parameter": InvalidRequest, "invalid_argument": InvalidRequest,
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

	"not_found": NotFound, "resource_not_found": NotFound, "model_not_found": NotFound, "invalid_model": NotFound, "unknown_url": NotFound,
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
	"undefinedField": InvalidRequest, "parseError": InvalidRequest, "argumentLiteralsIncompatible": InvalidRequest,
	"MAX_COST_EXCEEDED": TooLarge, "ComplexityException": RateLimit, "MAX_NODE_LIMIT_EXCEEDED": TooLarge,

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
		[]string{"over the allowed limit of*per day", "over the allowed limit of*per month", "limit (*per day) exceeded", "limit (*per month) exceeded", "exceeded for plan", "exceeded for your plan", "exceeded for this plan"},
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

// commonPhrases are short and were chosen against their false friends: a rate
// limit's answer invites to add credits or to upgrade, a credit card is not
// credit, and a parameter called max_tokens is no context window.
var commonPhrases = slices.Concat(foreignPhrases, englishPhrases)

// englishPhrases are those in English, and some in Chinese.
var englishPhrases = []words{
	{ContextLength, "!429 !401 !402 !403", []string{
		"maximum context length", "context length exceeded", "context_length_exceeded", "contextwindowexceeded", "context window",
		"exceed*context length",
		"exceed*context size", "longer than the model's context", "prompt is too long", "prompt too long", "input is too long", "input too long",
		"input length*exceed", "input token count*exceed", "input tokens exceed", "number of input tokens*exceed", "too many tokens: ",
		"model token limit", "reduce the length of the messages", "inputs tokens + max_new_tokens", "inputs must have less than",
		"maximum prompt length", "maximum input length",
		"range of input length", "prompt tokens*exceed", "prompt contains*too large for model", "max sequence length", "prompt length*greater than", "greater than the model's", "prompt too large", "prompt is too large", "prompt has too many tokens",
		"max input tokens", "maximum model length", "max_model_len", "exceed max message tokens", "exceeds max message tokens", "exceed*max_seq_len",
		"less than max_seq_len", "context length of only", "larger context length", "context overflow", "context length*not enough", "longer than the context",
		"exceeds the~ context", "exceeds the model's~ context", "exceeds this model's~ context", "context size*exceed", "tokens*exceeds*context", "exceeds the maximum length", "exceed the maximum length",
		"exceeds the model's maximum", "shorten your prompt", "conversation is too long", "conversation too long", "tokens but the model", "tokens, but the model", "tokens but this model", "too many input tokens",
		"上下文长度", "输入过长", "输入长度超过", "超过最大长度", "prompt 超长", "prompt超长", "超出模型", "输入超长", "超过模型",
	}},
	{TooLarge, "!401 !404", []string{
		"request too large", "request_too_large", "request is too large", "request entity too large", "request body is too large",
		"request body too large", "too large to process", "input is too large",
		"payload too large", "payload size exceeds", "payload exceeds", "body exceeds", "request size exceeded", "request exceeds the maximum size",
		"exceeds the maximum allowed size", "content too large", "entity too large", "received message larger than", "请求体过大", "文件过大",
	}},
	{RateLimit, "", []string{"current minute", "next minute", "current second"}},
	{RateLimit, "!404 !409", ofConcurrency}, // of a plan, which is no quota
	{Quota, "!404", ofMonth},
	{Quota, "!404 !503", slices.Concat(spent, ofTrial, cross(lacks, money))},
	{Quota, "!404 !503", []string{
		"used all your", "used up all", "usage reached", "usage exceeded", "cap exceeded", "cap reached", "disk space exceeded", "database space exceeded", "storage space exceeded", "storage exceeded", "no space left", "out of disk space", "insufficient storage", "out of~ tokens", "error code: 1027", "error 1027", "out of~ messages", "insufficient~ units", "update your payment", "spend cap", "you have run out of", "account has run out of", "you've run out of", "add funds", "credit cap", "call volume quota", "quota will be re",
		"credits available in this month", "exhausted the~ credits", "exhausted your~ credits", "usage has been consumed", "usage is over limit",
		"配额超限", "每日调用量已达", "调用量已达到上限", "配额不足",
		"credit balance", "insufficient*balance", "used all your~ credits", "used up all your", "used up your~ credits", "used up your~ allowance",
		"credits have been used up", "credits have been exhausted", "credits have run out", "credits have expired", "credits ran out", "credits are used up",
		"have no~ credits", "has no~ credits", "don't have enough~ credits", "not enough~ credits", "no tokens left", "no credits left",
		"monthly allowance", "free tier limit", "trial*run out", "trial*used up", "balance is overdue", "overdue balance", "insufficient credit", "insufficient funds", "insufficient_quota",
		"insufficient_user_quota", "insufficient quota",
		"balance is insufficient", "balance not enough", "balance is not enough", "balance too low", "balance is too low",
		"insufficient account", "no balance", "negative balance",
		"not enough credit", "not have enough credit", "out of credit", "no credits", "no more credits", "no remaining credits",
		"run out of credits", "ran out of credits", "requires more credits",
		"credits exhausted",
		"credit limit exceeded", "used all available credits",
		"exceeded*included credits", "maximum credits exceeded", "credits*depleted", "monthly*credits", "can only afford", "current balance is",
		"exceeded your current quota", "exceeded current quota", "quota is not enough", "quota exhausted",
		"quota has been exhausted", "quota_exceeded", "monthly quota", "daily quota exceeded",
		"exceeded*monthly", "monthly*exceeded", "monthly limit", "monthly usage", "monthly spend", "month limit", "calls / month",
		"calls per month", "requests per month",
		"hard limit has been reached", "billing hard limit", "billing_hard_limit", "billing_not_active", "billing is not active",
		"billing not active", "reached your usage limit", "reached your*usage limits", "spend limit", "spending limit",
		"spending cap",
		"budget has been exceeded", "exceeded budget", "exceededbudget", "over budget", "budget exceeded", "budgetexceeded",
		"crossed their budget", "payment required", "payment failed", "unpaid", "overdue", "past due", "in arrears", "arrearage",
		"account in good standing", "account is in good standing", "account is frozen",
		"free allocation", "free usage for model", "included free usage", "free tier*exhausted",
		"free trial*expired", "trial has expired", "trial*ended", "trial period*expired",
		"billing account*not", "billing to be enabled", "subscription*expired", "subscription has ended",
		"request limit, email", "plan*expired", "usage limit for this billing", "exceeded your plan", "exceeds your plan",
		"limit of your plan", "plan limit", "extra usage is required",
		"余额不足", "余额已", "余额为", "欠费", "额度不足", "额度已用", "额度用尽", "额度失败", "预扣费", "配额不足", "配额已", "没有可用的套餐", "套餐已", "无可用资源包", "资源包已",
		"资源包余量", "剩余额度", "免费额度", "额度已经用完", "额度已用完", "额度用完", "试用额度", "账户余额", "订阅额度", "额度已耗尽", "点数不足", "点数已用", "积分不足", "积分已用", "次数不足", "次数已用",
	}},
	{Quota, "!404 !409 !503", ofAllowance},
	{Quota, "503", ofSpending},
	{Overloaded, "!401 !404 !409", []string{
		"overloaded", "over capacity", "at capacity", "capacity exceeded", "out of capacity", "no capacity", "no free capacity", "no spare capacity", "no gpu capacity", "no serving capacity", "no available capacity", "no remaining capacity",
		"insufficient capacity", "lack of capacity", "not enough capacity", "capacity constraints", "capacity temporarily",
		"high demand", "experiencing high", "heavy load", "under high load", "high load", "peak load", "server is busy",
		"server busy", "servers are busy", "service is busy", "service busy", "system is busy", "system busy", "too busy",
		"model busy", "model is busy",
		"queue is full", "queue full", "no available workers", "no workers available", "engine is currently", "request limit reached (",
		"饱和", "负载较高", "负载过高", "高负载", "系统繁忙", "服务繁忙", "服务器繁忙", "请求拥挤", "访问量过大", "算力不足", "过载",
	}},
	{RateLimit, "400 403", []string{"blocked*too many~ requests", "banned*too many~ requests", "exceeding* rate", "exceeded* access rate", "exceeded* request rate"}},
	{Permission, "401 403 451", []string{"you have been blocked", "you've been blocked", "your access has been blocked", "your ip has been blocked"}},
	{Permission, "401 403 412", ofAccessPolicy},
	{Permission, "403 429 503", ofWalls},
	{ContentPolicy, "200 400 403 422 451 500 502", []string{
		"content policy", "content_policy", "contentpolicy", "content filter", "content_filter", "content management policy",
		"filtered due to", "safety system", "safety reasons", "safety settings", "blocked by*safety",
		"responsible ai", "responsibleai", "usage policies", "usage policy", "acceptable use", "input*flagged", "content*flagged",
		"prompt*flagged", "new_sensitive", "was flagged", "been flagged", "moderation_blocked", "violates*policy", "violate*policies",
		"violated*policy", "moderation failed", "failed moderation", "failed*safety check", "not pass moderation", "not pass*moderation", "not pass*audit", "rejected by*moderation", "content moderated", "nsfw filter", "nsfw content",
		"risk not pass", "prohibited content", "prohibited use", "inappropriate content", "unsafe content", "sensitive content", "harmful content",
		"content exists risk", "data inspection", "data_inspection", "policy violation", "contains*sensitive",
		"敏感", "违规", "不安全", "内容审核", "安全审核", "不当内容", "内容安全", "风险内容", "不合规",
	}},
	{RateLimit, "401 403 412", ofRateRules},
	{Permission, "401 403 412", ofRules},
	{NotFound, "400 404 410 422 429 500 503", []string{
		"no available channel", "no endpoints found", "无可用渠道", "无可用的渠道",
		"model*has been decommissioned", "model*has been deprecated", "model*is deprecated", "model*has been retired",
	}},
	{NotFound, "500 502 503", ofNoRoute},
	{NotFound, "200 404 410 500", ofRecords},
	{NotFound, "200 404 410", []string{"action is not found", "method not found", "method not exists", "resource not found", "could not be found", "was not found", "wasn't found"}},
	{NotFound, "400 404 410 422 500 502", []string{
		"model*does not exist", "model*not found", "model*not exist", "model*doesn't exist", "model*could not be found",
		"no such model", "unknown model", "not a valid model", "invalid model name", "model name is invalid", "model identifier is invalid",
		"model_not_found", "model*not been found",
		"unknown request url", "unrecognized request url", "invalid url", "unknown endpoint", "unknown url", "no route matched",
		"no handler found", "deployment*does not exist", "version does not exist", "api deployment", "no allowed providers",
		"模型不存在", "模型*不存在", "未找到模型", "不支持的模型",
	}},
	{InvalidRequest, "400 422", ofSyntax},
	{ServerError, "500", ofSyntax},
	{Permission, "200 401 403", ofScopes}, // a hint at the key stands beside many
	{Authentication, "!404 !429 !409", ofKey},
	{Authentication, "!404 !429 !409", ofKeyUnknown},
	{Authentication, "200 401 403 500", ofSignature}, // under 400 it may be one in the data
	{Authentication, "!404 !429 !409", []string{
		"invalid~ api key", "incorrect~ api key", "missing~ api key", "invalid~ access token", "invalid~ api token", "wrong~ api key", "unknown~ api key",
		"invalid~ credentials", "missing~ access token", "expired~ api key", "invalid~ secret key",
		"invalid api key", "invalid apikey", "incorrect api key", "invalid x api key", "invalid api token", "invalid token",
		"invalid access token", "invalid auth", "invalid bearer", "invalid credential", "invalid subscription key", "invalid jwt",
		"invalid oauth", "invalid key", "invalid secret", "invalid personal access token",
		"api key*invalid", "api key*not valid", "api key*not found", "api key*expired", "api key*incorrect", "api key*required",
		"api key*missing", "api key*not exist", "api key*wrong", "api key*revoked", "apikey*invalid", "missing api key",
		"no api key", "missing authentication", "missing authorization", "missing credential", "missing bearer",
		"didn't provide an api key", "did not provide an api key", "provide*api key", "valid api~ key", "valid~ api key", "valid~ access key", "valid~ access token", "valid~ api token", "jwtexpired", "verify jwt", "hasn't authenticated", "无效app", "无效的app", "wrong api key", "unknown api key",
		"invalid api key", "without api key",
		"authentication fail", "authentication error", "authentication credential", "authentication required", "authentication is required",
		"authentication parameters", "authenticationerror", "failed to authenticate", "could not authenticate", "unauthenticated",
		"not authenticated", "request not authenticated", "must be authenticated", "auth required", "authentication has expired", "authorization missing", "unauthorized request", "user not authorize", "no authorization token", "token~ expired or", "requires authentication", "not logged in", "must be logged in",
		"need to be logged in", "login required", "login fail", "bad credentials", "credentials are invalid",
		"incorrect credentials", "credentials*expired", "could not validate credentials",
		"access token*expired", "access token*invalid", "token has expired", "token~ expired", "login has expired", "session has expired", "session expired", "token is expired", "token expired",
		"token is invalid", "token is not valid", "token was revoked", "token has been revoked", "token*malformed", "expired token",
		"jwt expired", "signature does not match", "signature*mismatch", "signature we calculated",
		"security token included in the request", "error validating access token", "authorization header",
		"无效的令牌", "令牌已过期", "令牌*过期", "令牌*无效", "未提供令牌", "令牌状态不可用", "令牌验证失败", "未登录", "身份验证失败", "认证失败", "鉴权失败", "验证失败", "密钥无效", "无效的api",
		"api key 无效", "无效的key", "token不存在", "token 不存在", "登录已过期", "登录凭证", "需要身份验证", "认证未通过", "token过期", "请先登录", "请重新登录",
	}},
	{RateLimit, "!404 !409 !413", passingBans},
	{RateLimit, "429", passingLocks},
	{Permission, "", []string{"请求被拦截", "被拦截"}},
	{RateLimit, "400 403", []string{"too many~ requests"}}, // why an address is blocked
	{Permission, "200 400 401 402 403 422 451", []string{
		"permanently banned", "ip*banned", "网段", "只能在指定",
		"not available in your country", "not available in your region", "not supported in your", "country, region",
		"unsupported*country", "location is not supported", "region is not supported", "your ip address", "ip address*not allowed",
		"ip*not in*whitelist", "not in whitelist", "whitelist", "allowlist", "ip restriction",
		"organization has been disabled", "account*disabled", "account*deactivated", "account*suspended", "account*banned",
		"account*blocked", "account*terminated", "account has been", "key*disabled", "user*disabled", "user*banned",
		"organization*disabled", "must be verified", "not been verified", "verify your*organization", "terms of service*accept",
		"must accept", "gated repo", "restricted access",
		"does not have access", "do not have access", "don't have access", "doesn't have access", "no access to",
		"not have permission", "permission denied", "insufficient permission", "insufficient privilege", "insufficient scope",
		"insufficient authentication scopes", "missing permission", "missing scope", "missing required scope", "not been granted",
		"required scopes", "verified sender", "not accessible by",
		"封禁", "无权", "没有权限", "权限不足", "被禁用", "已禁用", "禁止访问", "未开通", "不在白名单", "ip不在",
	}},
	{Permission, "200 401 402 403 451", []string{
		"not permitted", "not authorized", "not authorised", "isn't authorized", "isn't authorised", "access denied", "not allowed", "forbidden", "不允许",
	}},
	{RateLimit, "!404", ofRate},
	{RateLimit, "!404 !409 !413", []string{
		"requests too quickly", "requests exceed", "sending requests too", "making requests too",
		"number of requests~ exceeded", "number of requests~ exceeds", "limit for this ip", "rate limit exceeded", "rate limit has been exceeded", "rate limits exceeded", "rate limit reached",
		"rate limit was exceeded", "rate limit error", "ratelimiterror", "rate_limit_exceeded", "rate_limit_error",
		"exceeded*rate limit", "exceed*rate limit", "hit*rate limit", "reached*rate limit", "rate limited", "ratelimited", "ratelimit:",
		"rate limiting", "rate exceeded", "rate quota", "rate limit quota",
		"too many~ requests", "too many~ api requests", "too many concurrent", "too many calls", "too many visits", "request count*over the allowed", "call frequency",
		"out of rate limit", "max rate limit", "spike arrest", "requests in a short", "daily request count", "is limited to*requests", "limited to*per second", "too many api calls", "throttled", "throttling", "slow down",
		"request limit reached", "request limit exceeded", "request limit has been", "reduce your request rate", "request rate",
		"calls per second", "queries per second", "requests per second", "requests per minute", "requests per min",
		"quota exceeded for quota metric", "concurrency limit", "concurrent request", "too frequent", "too frequently",
		"abuse detection", "secondary rate limit", "qps limit", "qps request limit", "try again in a few minutes*rate",
		"error code: 1015", "error 1015", "call limit",
		"过于频繁", "频率", "限流", "并发", "速率", "请求数限制", "请求次数", "请求过快", "太频繁", "频繁",
	}},
	{Unavailable, "", []string{"not available right now", "aren't available right now", "isn't available right now", "unavailable right now", "not available at the moment", "unavailable at the moment"}},
	{Authentication, "!404 !429 !409", ofKeyMissing},
	{Quota, "!404", slices.Concat(daily, dailyOver)},
	{Quota, "!404", []string{
		"daily limit of*exceeded", "daily limit of*reached", "monthly limit of*exceeded", "monthly limit of*reached", "request limit for the day", "每天最多", "每日最多", "每月最多",
	}},
	{RateLimit, "!404", hourly},
	{RateLimit, "!404", []string{
		"hourly limit of*exceeded", "hourly limit of*reached", "limit of*per hour", "limit of*per minute", "limit of*per second", "flood control", "frequency control", "flood protection", "flood limit", "flood wait",
		"每秒最多", "每分钟最多", "每小时最多", "访问次数超", "调用次数超", "请求次数超", "頻繁", "请求过多", "請求過多", "api limit exceeded", "api limit reached", "api limit has been exceeded", "api limit has been reached",
	}},
	// Offers, and words that are said of rates as well: nobody has complained of one so far.
	{Quota, "!404 !503", []string{
		"purchase credits", "purchase more credits", "purchase additional credits", "buy more credits", "credits to unlock", "please recharge",
		"top up your", "please top up", "enable billing", "请充值",
	}},
	{Quota, "!404 !429 !503 !504", ofQuota},
	{Quota, "402 403", []string{
		"limit is exceeded", "limit exceeded", "limit has been exceeded", "limit reached", "limit is reached", "limit has been reached", "exceeded the limit", "reached the limit", "exceeded your limit", "reached your limit",
	}},
	{Quota, "!404 !429 !503 !504", []string{
		"contact sales", "choose a plan", "does not include access", "not included in your", "your plan does not", "your plan doesn't", "plan does not include",
		"your plan's", "for your plan", "on your plan", "by your plan", "your plan allows", "your plan only", "limit of*for the*plan", "enterprise customers", "requires~ enterprise plan", "套餐不支持", "当前套餐不",
		"quota exceeded", "exceeded your quota", "exceeded the quota", "exceeded~ quota", "exceeds~ quota", "over quota", "over your quota", "project quota",
		"quota*has been reached", "quota*used up", "quota limit", "reached your quota", "out of quota", "no quota", "usage limit",
		"upgrade your~ plan", "upgrade your~ account", "upgrade your~ subscription", "on the free plan", "on the free tier", "under your current subscription",
		"on your current plan", "upgrade to continue", "upgrade to a paid", "upgrade to a higher plan",
		"upgrade to~ plan", "paid plan", "paid only", "paid subscription", "paid account", "paid tier", "paying customers", "requires a subscription",
		"subscription is required", "subscription required", "active subscription", "add a credit card", "add a payment method", "valid payment method",
		"add your credit card", "no payment method", "billing details", "billing information", "purchase a plan", "buy a~ package", "please subscribe",
		"plan limit", "plan*limit reached", "升级套餐", "升级您的套餐", "付费套餐", "绑定信用卡", "开通付费",
	}},
	{Timeout, "200 408 500 503 504", []string{
		"timed out", "timeout", "time out", "deadline exceeded", "took too long", "超时",
	}},
	{Unavailable, "200 429 500 502 503", []string{
		"currently loading", "is loading", "still loading", "loading model", "model is not ready", "not ready yet", "is not ready",
		"starting up", "cold start", "initializing", "(re)initializing", "maintenance", "temporarily unavailable",
		"service unavailable", "currently unavailable", "service is unavailable",
		"upstream connect error", "upstream request failed", "no healthy upstream", "bad gateway", "disconnected unexpectedly",
		"connection reset", "connection refused", "no server is available", "no server is currently available", "unable to reach", "read only mode", "readonly mode",
		"node is behind", "node is not synced", "node not synced", "node is syncing", "node is still syncing", "node unhealthy", "node is unhealthy",
		"upstream error", "provider disconnected", "upstream_error", "connection error",
		"维护", "暂时不可用", "服务不可用", "上游",
	}},
	{Unavailable, "400 404 409 412 422", ofOutages},
	{Permission, "", []string{
		"error code: 1020", "error code: 1010", "error code: 1009", "error code: 1012", "error code: 1006", "error code: 1007",
		"error code: 1008", "error code: 1005",
	}},
	{InvalidRequest, "200 400 405 422", ofRequests},
	{NotFound, "200 400 404", []string{"model not loaded", "model is not loaded", "no model loaded", "no model is loaded", "no models loaded"}},
	{Conflict, "500", ofTwice},
	{InvalidRequest, "500", ofInput},
	{ServerError, "200 500", []string{"unexpected error occurred", "unexpected error has occurred", "unexpected error while", "error inesperado", "erro inesperado", "unerwarteter fehler"}},
	{ServerError, "200 400 422 500", []string{
		"internal server error", "internal error", "unexpected server", "server had an error", "system error", "something went wrong while", "系统错误", "系统异常", "内部错误", "服务器错误", "服务异常",
	}},
}

// passingBans say of a ban that it ends by itself. Then it is a limit.
var passingBans = []string{
	"banned until", "banned for*minutes", "banned for*seconds", "banned for*hour", "temporarily banned", "temporary ban", "temp banned", "auto banned",
	"banned for excessive", "banned for flooding", "banned for sending too", "ban will be lifted", "ban expires", "ban will expire",
	"temporarily blocked", "temporarily restricted", "blocked for sending too", "block will be lifted", "blocked until", "suspended until",
	"blocked from accessing*temporarily", "blocked temporarily", "blocked by flood", "flood control", "暂时封禁", "临时封禁",
}
