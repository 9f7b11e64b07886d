package dialect_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

// holdout are answers in the shapes and with the codes that the providers
// document, written down before the rules were tried on them. Where an error
// in a rule showed, the rule was changed and not the row.
//
// class may name two, "a|b", where either is right. "-" as code or message is
// not compared.
var holdout = []struct {
	name    string
	url     string // method, host and path
	status  int
	header  string // "Name: value; Name: value"
	body    string
	class   string
	code    string
	message string
}{
	// OpenAI and who speaks like it
	{"openai tpm over the whole limit", "POST api.openai.com/v1/chat/completions", 429, "", `{"error":{"message":"Request too large for gpt-4o in organization org-a on tokens per min (TPM): Limit 30000, Requested 41235. The input or output tokens must be reduced in order to run successfully.","type":"tokens","param":null,"code":"rate_limit_exceeded"}}`, "too_large", "rate_limit_exceeded", "-"},
	{"openai incorrect key", "POST api.openai.com/v1/responses", 401, "", `{"error":{"message":"Incorrect API key provided: sk-abc. You can find your API key at https://platform.openai.com/account/api-keys.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, "authentication", "invalid_api_key", "-"},
	{"openai max context old words", "POST api.openai.com/v1/chat/completions", 400, "", `{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9103 tokens. Please reduce the length of the messages.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`, "context_length", "context_length_exceeded", "-"},
	{"openai missing scope", "GET api.openai.com/v1/models", 403, "", `{"error":{"message":"You have insufficient permissions for this operation. Missing scopes: model.read. Check that you have the correct role in your organization.","type":"invalid_request_error","param":null,"code":"missing_scope"}}`, "permission", "missing_scope", "-"},
	{"openai account deactivated", "POST api.openai.com/v1/chat/completions", 401, "", `{"error":{"message":"The OpenAI account associated with this API key has been deactivated. Please check your email for more information.","type":"invalid_request_error","param":null,"code":"account_deactivated"}}`, "permission", "account_deactivated", "-"},
	{"openai slow down", "POST api.openai.com/v1/chat/completions", 503, "", `{"error":{"message":"Slow down: please reduce your request rate to its original level.","type":"server_error","param":null,"code":"slow_down"}}`, "rate_limit|overloaded", "slow_down", "-"},
	{"openai previous response", "POST api.openai.com/v1/responses", 400, "", `{"error":{"message":"Previous response with id 'resp_abc' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}`, "not_found", "previous_response_not_found", "-"},
	{"openai max tokens too large", "POST api.openai.com/v1/chat/completions", 400, "", `{"error":{"message":"max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000.","type":"invalid_request_error","param":"max_tokens","code":"invalid_value"}}`, "invalid_request|context_length", "invalid_value", "-"},
	{"openai usage policy", "POST api.openai.com/v1/responses", 400, "", `{"error":{"message":"Invalid prompt: your prompt was flagged as potentially violating our usage policy. Please try again with a different prompt.","type":"invalid_request_error","param":null,"code":"invalid_prompt"}}`, "content_policy", "invalid_prompt", "-"},
	{"openai bad gateway html", "POST api.openai.com/v1/chat/completions", 502, "Content-Type: text/html", "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n<hr><center>cloudflare</center>\r\n</body>\r\n</html>", "unavailable", "", "502 Bad Gateway"},
	{"openai schema", "POST api.openai.com/v1/chat/completions", 400, "", `{"error":{"message":"Invalid schema for function 'f': In context=(), 'additionalProperties' is required to be supplied and to be false.","type":"invalid_request_error","param":"tools[0].function.parameters","code":"invalid_function_parameters"}}`, "invalid_request", "invalid_function_parameters", "-"},
	{"azure deployment", "POST a.openai.azure.com/openai/deployments/x/chat/completions", 404, "Apim-Request-Id: 1b2c", `{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."}}`, "not_found", "DeploymentNotFound", "-"},
	{"azure apim", "POST a.azure-api.net/openai/deployments/x/chat/completions", 429, "Retry-After: 13", `{ "statusCode": 429, "message": "Token limit is exceeded. Try again in 13 seconds." }`, "rate_limit", "", "-"},
	{"azure resource missing", "POST a.openai.azure.com/openai/deployments/x/embeddings", 404, "", `{"error":{"code":"404","message": "Resource not found"}}`, "not_found", "", "Resource not found"},
	{"azure high demand", "POST a.openai.azure.com/openai/deployments/x/chat/completions", 429, "", `{"error":{"code":"429","message":"The system is currently experiencing high demand and cannot process your request. Your request exceeds the maximum usage size allowed during peak load."}}`, "overloaded", "", "-"},
	{"groq too large", "POST api.groq.com/openai/v1/chat/completions", 413, "", `{"error":{"message":"Request too large for model llama-3.3-70b-versatile in organization org_1 service tier on_demand on tokens per minute (TPM): Limit 12000, Requested 15530, please reduce your message size and try again.","type":"tokens","code":"rate_limit_exceeded"}}`, "too_large", "rate_limit_exceeded", "-"},
	{"groq model terms", "POST api.groq.com/openai/v1/audio/speech", 400, "", `{"error":{"message":"The model canopylabs/orpheus requires terms acceptance. Please have the org admin accept the terms.","type":"invalid_request_error","code":"model_terms_required"}}`, "permission", "model_terms_required", "-"},
	{"groq restricted", "POST api.groq.com/openai/v1/chat/completions", 400, "", `{"error":{"message":"Organization has been restricted. Please reach out to support if you believe this was in error.","type":"invalid_request_error","code":"organization_restricted"}}`, "permission", "organization_restricted", "-"},
	{"deepseek no money", "POST api.deepseek.com/chat/completions", 402, "", `{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}`, "quota", "invalid_request_error", "Insufficient Balance"},
	{"deepseek context", "POST api.deepseek.com/chat/completions", 400, "", `{"error":{"message":"This model's maximum context length is 131072 tokens. However, you requested 140000 tokens.","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}`, "context_length", "invalid_request_error", "-"},
	{"deepseek risk", "POST api.deepseek.com/chat/completions", 400, "", `{"error":{"message":"Content Exists Risk","type":"invalid_request_error","param":null,"code":"invalid_request_error"}}`, "content_policy", "invalid_request_error", "-"},
	{"deepseek busy", "POST api.deepseek.com/chat/completions", 503, "", `{"error":{"message":"Service is too busy. We advise users to temporarily switch to alternative LLM API service providers.","type":"service_unavailable_error","param":null,"code":"service_unavailable_error"}}`, "overloaded", "service_unavailable_error", "-"},
	{"together key", "POST api.together.xyz/v1/chat/completions", 401, "", `{"id":"abc-1","error":{"message":"Invalid API key provided. You can find your API key at https://api.together.ai/settings/api-keys.","type":"invalid_request_error","param":null,"code":"invalid_api_key"}}`, "authentication", "invalid_api_key", "-"},
	{"together model", "POST api.together.xyz/v1/chat/completions", 404, "", `{"id":"abc-2","error":{"message":"Unable to access model foo/bar. Please visit https://api.together.ai/models to view the list of supported models.","type":"invalid_request_error","param":null,"code":"model_not_available"}}`, "not_found", "model_not_available", "-"},
	{"fireworks model", "POST api.fireworks.ai/inference/v1/chat/completions", 404, "", `{"error":{"object":"error","type":"invalid_request_error","code":"NOT_FOUND","message":"Model not found, inaccessible, and/or not deployed"}}`, "not_found", "NOT_FOUND", "-"},
	{"fireworks suspended", "POST api.fireworks.ai/inference/v1/chat/completions", 412, "", `{"error":{"object":"error","type":"invalid_request_error","code":"PRECONDITION_FAILED","message":"Account my-account is suspended, possibly due to reaching the monthly spending limit or failure to pay past invoices."}}`, "quota|permission", "PRECONDITION_FAILED", "-"},
	{"xai bad key", "POST api.x.ai/v1/chat/completions", 400, "", `{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xx***xx. You can obtain an API key from https://console.x.ai."}`, "authentication", "Client specified an invalid argument", "-"},
	{"xai no credits", "POST api.x.ai/v1/chat/completions", 403, "", `{"code":"The caller does not have permission to execute the specified operation","error":"Your newly created team doesn't have any credits yet. You can purchase credits on https://console.x.ai/team/default."}`, "quota", "-", "-"},
	{"xai model", "POST api.x.ai/v1/chat/completions", 404, "", `{"code":"Some requested entity was not found","error":"The model grok-9 does not exist or your team does not have access to it."}`, "not_found", "-", "-"},
	{"xai prompt too long", "POST api.x.ai/v1/chat/completions", 400, "", `{"code":"Client specified an invalid argument","error":"This model's maximum prompt length is 131072 but the request contains 190123 tokens."}`, "context_length", "-", "-"},
	{"perplexity quota", "POST api.perplexity.ai/chat/completions", 401, "", `{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","code":401}}`, "quota", "insufficient_quota", "-"},
	{"moonshot rpm", "POST api.moonshot.cn/v1/chat/completions", 429, "", `{"error":{"message":"Your account org-1<ak-1> request reached organization max RPM: 3, please try again after 1 seconds","type":"rate_limit_reached_error"}}`, "rate_limit", "rate_limit_reached_error", "-"},
	{"moonshot risk", "POST api.moonshot.cn/v1/chat/completions", 400, "", `{"error":{"message":"The request was rejected because it was considered high risk","type":"content_filter"}}`, "content_policy", "content_filter", "-"},
	{"moonshot model", "POST api.moonshot.ai/v1/chat/completions", 404, "", `{"error":{"message":"Not found the model kimi-x or Permission denied","type":"resource_not_found_error"}}`, "not_found", "resource_not_found_error", "-"},
	{"siliconflow money", "POST api.siliconflow.cn/v1/chat/completions", 403, "", `{"code":30001,"message":"Sorry, your account balance is insufficient","data":null}`, "quota", "", "-"},
	{"siliconflow model", "POST api.siliconflow.cn/v1/chat/completions", 400, "", `{"code":20012,"message":"Model does not exist. Please check it carefully.","data":null}`, "not_found", "", "-"},
	{"siliconflow tpm", "POST api.siliconflow.cn/v1/chat/completions", 429, "", `{"message":"Request was rejected due to rate limiting. If you want more, please contact contact@siliconflow.cn. Details:TPM limit reached.","data":""}`, "rate_limit", "", "-"},
	{"siliconflow busy", "POST api.siliconflow.cn/v1/chat/completions", 503, "", `{"code":50505,"message":"Model service overloaded. Please try again later.","data":null}`, "overloaded", "", "-"},
	{"siliconflow key", "POST api.siliconflow.cn/v1/chat/completions", 401, "", `"Invalid token"`, "authentication", "", "Invalid token"},
	{"openrouter free per day", "POST openrouter.ai/api/v1/chat/completions", 429, "", `{"error":{"message":"Rate limit exceeded: free-models-per-day. Add 10 credits to unlock 1000 free model requests per day","code":429,"metadata":{"headers":{"X-RateLimit-Limit":"50","X-RateLimit-Remaining":"0","X-RateLimit-Reset":"1757203200000"},"provider_name":null}},"user_id":"user_1"}`, "quota|rate_limit", "", "-"},
	{"openrouter moderation", "POST openrouter.ai/api/v1/chat/completions", 403, "", `{"error":{"message":"openai/gpt-4o requires moderation on OpenAI. Your input was flagged for \"violence\". No credits were charged.","code":403,"metadata":{"reasons":["violence"],"flagged_input":"...","provider_name":"OpenAI","model_slug":"openai/gpt-4o"}}}`, "content_policy", "", "-"},
	{"openrouter no auth", "POST openrouter.ai/api/v1/chat/completions", 401, "", `{"error":{"message":"No auth credentials found","code":401}}`, "authentication", "", "-"},
	{"openrouter bad model", "POST openrouter.ai/api/v1/chat/completions", 400, "", `{"error":{"message":"foo/bar is not a valid model ID","code":400},"user_id":"user_1"}`, "not_found|invalid_request", "", "-"},
	{"openrouter data policy", "POST openrouter.ai/api/v1/chat/completions", 404, "", `{"error":{"message":"No endpoints found matching your data policy (Free model publication). Configure: https://openrouter.ai/settings/privacy","code":404}}`, "not_found|permission", "", "-"},
	{"openrouter negative", "POST openrouter.ai/api/v1/chat/completions", 402, "", `{"error":{"message":"Insufficient credits. Add more using https://openrouter.ai/settings/credits","code":402}}`, "quota", "", "-"},
	{"openrouter provider 502", "POST openrouter.ai/api/v1/chat/completions", 502, "", `{"error":{"message":"Provider returned error","code":502,"metadata":{"raw":"upstream connect error or disconnect/reset before headers","provider_name":"X"}}}`, "unavailable", "", "-"},
	{"vllm context", "POST vllm.internal/v1/chat/completions", 400, "", `{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (4000 in the messages, 1000 in the completion).","type":"BadRequestError","param":null,"code":400}`, "context_length", "BadRequestError", "-"},
	{"vllm model", "POST vllm.internal/v1/chat/completions", 404, "", `{"object":"error","message":"The model 'x' does not exist.","type":"NotFoundError","param":null,"code":404}`, "not_found", "NotFoundError", "-"},
	{"vllm key", "POST vllm.internal/v1/chat/completions", 401, "", `{"error":"Unauthorized"}`, "authentication", "", "Unauthorized"},
	{"llama.cpp loading", "POST localhost/v1/chat/completions", 503, "", `{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}`, "unavailable", "unavailable_error", "Loading model"},
	{"llama.cpp context", "POST localhost/completion", 400, "", `{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":9000,"n_ctx":4096}}`, "context_length", "exceed_context_size_error", "-"},
	{"ollama busy", "POST localhost/api/chat", 503, "", `{"error":"server busy, please try again.  maximum pending requests exceeded"}`, "overloaded", "", "-"},
	{"ollama no tools", "POST localhost/api/chat", 400, "", `{"error":"registry.ollama.ai/library/x:latest does not support tools"}`, "invalid_request", "", "-"},
	{"tgi overloaded", "POST tgi.internal/generate", 429, "", `{"error":"Model is overloaded","error_type":"overloaded"}`, "overloaded", "overloaded", "Model is overloaded"},
	{"tgi validation", "POST tgi.internal/generate", 422, "", "{\"error\":\"Input validation error: `inputs` must have less than 1024 tokens. Given: 1500\",\"error_type\":\"validation\"}", "context_length", "validation", "-"},
	{"litellm key budget", "POST litellm.internal/v1/chat/completions", 400, "", `{"error":{"message":"Budget has been exceeded! Current cost: 0.00002, Max budget: 0.00001","type":"budget_exceeded","param":null,"code":"400"}}`, "quota", "budget_exceeded", "-"},
	{"litellm auth", "POST litellm.internal/v1/chat/completions", 401, "", `{"error":{"message":"Authentication Error, Invalid proxy server token passed. Received API Key = sk-...1234, Key Hash (Token) =ab. Unable to find token in cache or LiteLLM_VerificationTokenTable","type":"token_not_found_in_db","param":"key","code":"401"}}`, "authentication", "token_not_found_in_db", "-"},
	{"litellm cooldown", "POST litellm.internal/v1/chat/completions", 429, "", `{"error":{"message":"No deployments available for selected model, Try again in 5 seconds. Passed model=gpt-4o. pre-call-checks=False, cooldown_list=['x']","type":"None","param":"None","code":"429"}}`, "rate_limit|overloaded|unavailable", "-", "-"},
	{"litellm upstream rate", "POST litellm.internal/v1/chat/completions", 429, "", `{"error":{"message":"litellm.RateLimitError: AnthropicException - {\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"Number of requests has exceeded your rate limit\"}}","type":"throttling_error","param":null,"code":"429"}}`, "rate_limit", "throttling_error", "-"},
	{"litellm model denied", "POST litellm.internal/v1/chat/completions", 401, "", `{"error":{"message":"key not allowed to access model. This key can only access models=['gpt-4o']. Tried to access o3","type":"key_model_access_denied","param":"model","code":"401"}}`, "permission", "key_model_access_denied", "-"},
	{"cerebras busy", "POST api.cerebras.ai/v1/chat/completions", 429, "", `{"message":"We're experiencing high traffic right now! Please try again soon.","type":"too_many_requests_error","param":"queue","code":"queue_exceeded"}`, "overloaded|rate_limit", "queue_exceeded", "-"},
	{"volcengine overdue", "POST ark.cn-beijing.volces.com/api/v3/chat/completions", 403, "", `{"error":{"code":"AccountOverdueError","message":"The request failed because your account has an overdue balance. Request id: 0217abcdef1234","param":"","type":"Forbidden"}}`, "quota", "AccountOverdueError", "-"},
	{"volcengine tpm", "POST ark.cn-beijing.volces.com/api/v3/chat/completions", 429, "", `{"error":{"code":"ModelAccountTpmRateLimitExceeded","message":"The request failed because it has exceeded the Tokens Per Minute (TPM) limit of the associated base model for your account.","param":"","type":"TooManyRequests"}}`, "rate_limit", "ModelAccountTpmRateLimitExceeded", "-"},
	{"volcengine overloaded", "POST ark.cn-beijing.volces.com/api/v3/chat/completions", 429, "", `{"error":{"code":"ServerOverloaded","message":"The service is currently unable to handle additional requests due to server overload.","param":"","type":"TooManyRequests"}}`, "overloaded", "ServerOverloaded", "-"},
	{"volcengine not open", "POST ark.cn-beijing.volces.com/api/v3/chat/completions", 404, "", `{"error":{"code":"ModelNotOpen","message":"Your account has not activated the model doubao. Please activate the model service in the Ark Console.","param":"","type":"NotFound"}}`, "permission|not_found", "ModelNotOpen", "-"},

	// Chinese gateways and clouds
	{"dashscope rate", "POST dashscope.aliyuncs.com/api/v1/services/aigc/text-generation/generation", 429, "", `{"code":"Throttling.RateQuota","message":"Requests rate limit exceeded, please try again later.","request_id":"aaaabbbb-0000"}`, "rate_limit", "Throttling.RateQuota", "-"},
	{"dashscope compatible quota", "POST dashscope.aliyuncs.com/compatible-mode/v1/chat/completions", 429, "", `{"error":{"message":"You exceeded your current quota, please check your plan and billing details. For more information on this error, read the docs.","type":"insufficient_quota","param":null,"code":"insufficient_quota"},"request_id":"r-1"}`, "rate_limit", "insufficient_quota", "-"},
	{"dashscope free tier", "POST dashscope.aliyuncs.com/compatible-mode/v1/chat/completions", 403, "", `{"error":{"message":"The free tier of the model has been exhausted. If you wish to continue access the model on a paid basis, please disable the use free tier only mode.","type":"AllocationQuota.FreeTierOnly","param":null,"code":"AllocationQuota.FreeTierOnly"}}`, "quota", "AllocationQuota.FreeTierOnly", "-"},
	{"dashscope inspection", "POST dashscope.aliyuncs.com/api/v1/services/aigc/text-generation/generation", 400, "", `{"code":"DataInspectionFailed","message":"Input data may contain inappropriate content.","request_id":"r-2"}`, "content_policy", "DataInspectionFailed", "-"},
	{"dashscope length", "POST dashscope.aliyuncs.com/api/v1/services/aigc/text-generation/generation", 400, "", `{"code":"InvalidParameter","message":"Range of input length should be [1, 30720]","request_id":"r-3"}`, "context_length", "InvalidParameter", "-"},
	{"dashscope model", "POST dashscope.aliyuncs.com/compatible-mode/v1/chat/completions", 404, "", `{"error":{"message":"The model qwen-x does not exist or you do not have access to it.","type":"invalid_request_error","param":null,"code":"model_not_found"},"request_id":"r-4"}`, "not_found", "model_not_found", "-"},
	{"zhipu busy", "POST open.bigmodel.cn/api/paas/v4/chat/completions", 429, "", `{"error":{"code":"1305","message":"该模型当前访问量过大，请您稍后再试"}}`, "overloaded|rate_limit", "", "-"},
	{"zhipu window", "POST api.z.ai/api/coding/paas/v4/chat/completions", 429, "", `{"error":{"code":"1308","message":"Usage limit reached for 5 hour. Your limit will reset at 2025-11-01 12:00:00"}}`, "quota|rate_limit", "", "-"},
	{"zhipu key", "POST open.bigmodel.cn/api/paas/v4/chat/completions", 401, "", `{"error":{"code":"1000","message":"身份验证失败。"}}`, "authentication", "", "-"},
	{"zhipu model", "POST open.bigmodel.cn/api/paas/v4/chat/completions", 400, "", `{"error":{"code":"1211","message":"模型不存在，请检查模型代码。"}}`, "not_found", "", "-"},
	{"zhipu long", "POST open.bigmodel.cn/api/paas/v4/chat/completions", 400, "", `{"error":{"code":"1261","message":"Prompt 超长"}}`, "context_length", "", "-"},
	{"minimax money", "POST api.minimaxi.com/v1/text/chatcompletion_v2", 200, "", `{"base_resp":{"status_code":1008,"status_msg":"insufficient balance"}}`, "quota", "", "insufficient balance"},
	{"minimax sensitive", "POST api.minimax.io/v1/text/chatcompletion_v2", 200, "", `{"id":"1","choices":null,"base_resp":{"status_code":1026,"status_msg":"input new_sensitive"}}`, "content_policy", "", "-"},
	{"minimax tpm", "POST api.minimax.chat/v1/text/chatcompletion_v2", 200, "", `{"base_resp":{"status_code":1039,"status_msg":"TPM limit"}}`, "rate_limit", "", "-"},
	{"minimax usage", "POST api.minimax.io/v1/text/chatcompletion_v2", 200, "", `{"base_resp":{"status_code":2056,"status_msg":"usage limit exceeded"}}`, "quota|rate_limit", "", "-"},
	{"baidu qps", "POST aip.baidubce.com/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/completions", 200, "", `{"error_code":18,"error_msg":"Open api qps request limit reached"}`, "rate_limit", "", "-"},
	{"baidu token", "POST aip.baidubce.com/rpc/2.0/ai_custom/v1/wenxinworkshop/chat/completions", 200, "", `{"error_code":110,"error_msg":"Access token invalid or no longer valid"}`, "authentication", "", "-"},
	{"baidu daily", "POST aip.baidubce.com/rest/2.0/ocr/v1/general_basic", 200, "", `{"error_code":17,"error_msg":"Open api daily request limit reached"}`, "quota|rate_limit", "", "-"},
	{"tencent rate", "POST hunyuan.tencentcloudapi.com/", 200, "", `{"Response":{"Error":{"Code":"RequestLimitExceeded","Message":"请求的次数超过了频率限制。"},"RequestId":"abc-def"}}`, "rate_limit", "RequestLimitExceeded", "-"},
	{"tencent auth", "POST hunyuan.tencentcloudapi.com/", 200, "", `{"Response":{"Error":{"Code":"AuthFailure.SignatureFailure","Message":"The provided credentials could not be validated."},"RequestId":"abc-deg"}}`, "authentication", "AuthFailure.SignatureFailure", "-"},
	{"new-api model not allowed", "POST gw.example.cn/v1/chat/completions", 403, "", `{"error":{"code":"access_denied","message":"该令牌无权访问模型 gpt-5 (request id: 20260203112233445566778abcdEFGH)","type":"new_api_error"}}`, "permission", "access_denied", "-"},
	{"new-api token exhausted", "POST gw.example.cn/v1/chat/completions", 401, "", `{"error":{"code":"","message":"[sk-abc***def] 该令牌额度已用尽 !token.UnlimitedQuota && token.RemainQuota = -1 (request id: 2026020311223344)","type":"new_api_error"}}`, "quota", "new_api_error", "-"},
	{"new-api sensitive", "POST gw.example.cn/v1/chat/completions", 500, "", `{"error":{"message":"user sensitive words detected","type":"new_api_error","param":"","code":"sensitive_words_detected"}}`, "content_policy", "sensitive_words_detected", "-"},
	{"new-api model limit", "POST gw.example.cn/v1/chat/completions", 429, "", `{"error":{"message":"您已达到请求数限制：1分钟内最多请求60次","type":"new_api_error","param":"","code":""}}`, "rate_limit", "new_api_error", "-"},
	{"new-api do request", "POST gw.example.cn/v1/chat/completions", 500, "", `{"error":{"message":"upstream error: do request failed (request id: 2026020311223345)","type":"new_api_error","param":"","code":"do_request_failed"}}`, "unavailable|server_error", "do_request_failed", "-"},
	{"new-api no token", "POST gw.example.cn/v1/chat/completions", 401, "", `{"error":{"message":"未提供令牌 (request id: 2026020311223346)","type":"new_api_error"}}`, "authentication", "new_api_error", "-"},

	// Anthropic
	{"anthropic prompt too long", "POST api.anthropic.com/v1/messages", 400, "", `{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 211234 tokens > 200000 maximum"}}`, "context_length", "invalid_request_error", "-"},
	{"anthropic too large", "POST api.anthropic.com/v1/messages", 413, "", `{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}`, "too_large", "request_too_large", "-"},
	{"anthropic permission", "POST api.anthropic.com/v1/messages", 403, "", `{"type":"error","error":{"type":"permission_error","message":"Your API key does not have permission to use the specified resource."}}`, "permission", "permission_error", "-"},
	{"anthropic concurrency", "POST api.anthropic.com/v1/messages", 429, "", `{"type":"error","error":{"type":"rate_limit_error","message":"Number of concurrent connections has exceeded your rate limit. Please try again later or contact sales."}}`, "rate_limit", "rate_limit_error", "-"},
	{"anthropic billing", "POST api.anthropic.com/v1/messages", 402, "", `{"type":"error","error":{"type":"billing_error","message":"There is an issue with your billing or payment information."}}`, "quota", "billing_error", "-"},
	{"anthropic extra field", "POST api.anthropic.com/v1/messages", 400, "", `{"type":"error","error":{"type":"invalid_request_error","message":"messages.0.content.0.text.cache_control: Extra inputs are not permitted"}}`, "invalid_request", "invalid_request_error", "-"},
	{"anthropic context sum", "POST api.anthropic.com/v1/messages", 400, "", "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again\"}}", "context_length", "invalid_request_error", "-"},
	{"anthropic oauth", "POST api.anthropic.com/v1/messages", 401, "", `{"type":"error","error":{"type":"authentication_error","message":"OAuth token has expired. Please obtain a new token or refresh your existing token."},"request_id":"req_1"}`, "authentication", "authentication_error", "-"},

	// Google
	{"gemini overloaded", "POST generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent", 503, "", `{"error":{"code":503,"message":"The model is overloaded. Please try again later.","status":"UNAVAILABLE"}}`, "overloaded", "UNAVAILABLE", "-"},
	{"gemini region", "POST generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent", 400, "", `{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}`, "permission", "FAILED_PRECONDITION", "-"},
	{"gemini tokens", "POST generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent", 400, "", `{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048575).","status":"INVALID_ARGUMENT"}}`, "context_length", "INVALID_ARGUMENT", "-"},
	{"gemini leaked", "POST generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent", 403, "", `{"error":{"code":403,"message":"Your API key was reported as leaked. Please use another API key.","status":"PERMISSION_DENIED"}}`, "permission|authentication", "PERMISSION_DENIED", "-"},
	{"gemini deadline", "POST generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent", 504, "", `{"error":{"code":504,"message":"Deadline expired before operation could complete.","status":"DEADLINE_EXCEEDED"}}`, "timeout", "DEADLINE_EXCEEDED", "-"},
	{"gemini blocked prompt", "POST generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent", 200, "", `{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":7,"totalTokenCount":7},"modelVersion":"gemini-2.5-flash"}`, "content_policy", "PROHIBITED_CONTENT", ""},
	{"vertex exhausted", "POST us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/google/models/g:generateContent", 429, "", `{"error":{"code":429,"message":"Resource exhausted. Please try again later. Please refer to https://cloud.google.com/vertex-ai/generative-ai/docs/error-code-429 for more details.","status":"RESOURCE_EXHAUSTED"}}`, "rate_limit|overloaded", "RESOURCE_EXHAUSTED", "-"},
	{"vertex quota per minute", "POST us-central1-aiplatform.googleapis.com/v1/projects/p/locations/us-central1/publishers/anthropic/models/c:rawPredict", 429, "", `{"error":{"code":429,"message":"Quota exceeded for aiplatform.googleapis.com/online_prediction_requests_per_base_model with base model: anthropic-claude. Please submit a quota increase request.","status":"RESOURCE_EXHAUSTED"}}`, "rate_limit", "RESOURCE_EXHAUSTED", "-"},
	{"vertex array", "POST us-central1-aiplatform.googleapis.com/v1/projects/p/locations/l/publishers/google/models/g:streamGenerateContent", 400, "", `[{"error":{"code":400,"message":"Unable to submit request because it has an empty text parameter.","status":"INVALID_ARGUMENT"}}]`, "invalid_request", "INVALID_ARGUMENT", "-"},
	{"drive rate", "GET www.googleapis.com/drive/v3/files", 403, "", `{"error":{"errors":[{"domain":"usageLimits","reason":"rateLimitExceeded","message":"Rate Limit Exceeded"}],"code":403,"message":"Rate Limit Exceeded"}}`, "rate_limit", "rateLimitExceeded", "-"},
	{"youtube quota", "GET www.googleapis.com/youtube/v3/search", 403, "", `{"error":{"code":403,"message":"The request cannot be completed because you have exceeded your quota.","errors":[{"message":"The request cannot be completed because you have exceeded your quota.","domain":"youtube.quota","reason":"quotaExceeded"}]}}`, "quota", "quotaExceeded", "-"},
	{"gcp billing", "GET compute.googleapis.com/compute/v1/projects/p/zones", 403, "", `{"error":{"code":403,"message":"This API method requires billing to be enabled. Please enable billing on project #p.","status":"PERMISSION_DENIED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"BILLING_DISABLED","domain":"googleapis.com"}]}}`, "quota|permission", "BILLING_DISABLED", "-"},
	{"maps over limit", "GET maps.googleapis.com/maps/api/geocode/json", 200, "", `{"error_message":"You have exceeded your rate-limit for this API.","results":[],"status":"OVER_QUERY_LIMIT"}`, "rate_limit", "OVER_QUERY_LIMIT", "-"},
	{"oauth token endpoint", "POST oauth2.googleapis.com/token", 400, "", `{"error":"invalid_grant","error_description":"Token has been expired or revoked."}`, "authentication", "invalid_grant", "Token has been expired or revoked."},

	// AWS
	{"dynamo throughput", "POST dynamodb.eu-west-1.amazonaws.com/", 400, "X-Amzn-Requestid: R1", `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException","message":"The level of configured provisioned throughput for the table was exceeded. Consider increasing your provisioning level with the UpdateTable API."}`, "rate_limit", "ProvisionedThroughputExceededException", "-"},
	{"sts expired", "POST sts.amazonaws.com/", 403, "", `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>ExpiredToken</Code><Message>The security token included in the request is expired</Message></Error><RequestId>aa-bb-11</RequestId></ErrorResponse>`, "authentication", "ExpiredToken", "-"},
	{"iam denied", "POST iam.amazonaws.com/", 403, "", `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: arn:aws:iam::1:user/a is not authorized to perform: iam:ListUsers</Message></Error><RequestId>aa-bb-12</RequestId></ErrorResponse>`, "permission", "AccessDenied", "-"},
	{"lambda throttled", "POST lambda.us-east-1.amazonaws.com/2015-03-31/functions/f/invocations", 429, "X-Amzn-Errortype: TooManyRequestsException", `{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded","Type":"User","message":"Rate Exceeded."}`, "rate_limit", "TooManyRequestsException", "Rate Exceeded."},
	{"ses throttling xml", "POST email.us-east-1.amazonaws.com/", 400, "", `<ErrorResponse><Error><Type>Sender</Type><Code>Throttling</Code><Message>Maximum sending rate exceeded.</Message></Error><RequestId>x-1-y-2</RequestId></ErrorResponse>`, "rate_limit", "Throttling", "-"},
	{"s3 internal", "PUT b.s3.amazonaws.com/k", 500, "X-Amz-Request-Id: Q1", `<?xml version="1.0"?><Error><Code>InternalError</Code><Message>We encountered an internal error. Please try again.</Message></Error>`, "server_error", "InternalError", "-"},
	{"s3 precondition", "PUT b.s3.amazonaws.com/k", 412, "", `<Error><Code>PreconditionFailed</Code><Message>At least one of the pre-conditions you specified did not hold</Message><Condition>If-None-Match</Condition></Error>`, "conflict|invalid_request", "PreconditionFailed", "-"},
	{"bedrock bad model", "POST bedrock-runtime.us-east-1.amazonaws.com/model/x/invoke", 400, "X-Amzn-Errortype: ValidationException", `{"message":"The provided model identifier is invalid."}`, "not_found|invalid_request", "ValidationException", "-"},
	{"bedrock on demand", "POST bedrock-runtime.us-east-1.amazonaws.com/model/x/converse", 400, "X-Amzn-Errortype: ValidationException:", `{"message":"Invocation of model ID x with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model."}`, "invalid_request|permission|not_found", "ValidationException", "-"},
	{"bedrock token", "POST bedrock-runtime.us-east-1.amazonaws.com/model/x/converse", 403, "X-Amzn-Errortype: UnrecognizedClientException:http://internal.amazon.com/coral/com.amazon.coral.service/", `{"message":"The security token included in the request is invalid."}`, "authentication", "UnrecognizedClientException", "-"},
	{"bedrock capacity", "POST bedrock-runtime.us-east-1.amazonaws.com/model/x/converse", 503, "X-Amzn-Errortype: ServiceUnavailableException", `{"message":"Too many connections, please wait before trying again."}`, "unavailable|overloaded", "ServiceUnavailableException", "-"},
	{"apigw missing token", "GET a.execute-api.us-east-1.amazonaws.com/x", 403, "X-Amzn-Errortype: MissingAuthenticationTokenException", `{"message":"Missing Authentication Token"}`, "authentication|permission|not_found", "MissingAuthenticationTokenException", "-"},
	{"apigw timeout", "GET a.execute-api.us-east-1.amazonaws.com/x", 504, "", `{"message": "Endpoint request timed out"}`, "timeout", "", "-"},
	{"alb 503", "GET www.example.com/x", 503, "Server: awselb/2.0", "<html>\r\n<head><title>503 Service Temporarily Unavailable</title></head>\r\n<body>\r\n<center><h1>503 Service Temporarily Unavailable</h1></center>\r\n</body>\r\n</html>", "unavailable", "", "503 Service Temporarily Unavailable"},
	{"sqs json", "POST sqs.us-east-1.amazonaws.com/", 400, "", `{"__type":"com.amazonaws.sqs#QueueDoesNotExist","message":"The specified queue does not exist."}`, "not_found", "QueueDoesNotExist", "-"},
	{"azure blob busy", "GET acc.blob.core.windows.net/c/b", 503, "X-Ms-Request-Id: R9", "\ufeff<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>ServerBusy</Code><Message>The server is busy.\nRequestId:R9\nTime:2025-01-01T00:00:00Z</Message></Error>", "overloaded|unavailable|rate_limit", "ServerBusy", "-"},

	// Other inference hosts
	{"mistral model", "POST api.mistral.ai/v1/chat/completions", 400, "", `{"object":"error","message":"Invalid model: mistral-huge","type":"invalid_model","param":null,"code":"1500"}`, "not_found", "invalid_model", "-"},
	{"mistral unauthorized", "POST api.mistral.ai/v1/chat/completions", 401, "", `{"detail":"Unauthorized"}`, "authentication", "", "Unauthorized"},
	{"mistral kong", "POST api.mistral.ai/v1/chat/completions", 401, "", "{\n  \"message\":\"Unauthorized\",\n  \"request_id\":\"a7e57f2d5a3d9a1d\"\n}", "authentication", "", "Unauthorized"},
	{"mistral context", "POST api.mistral.ai/v1/chat/completions", 400, "", `{"object":"error","message":"Prompt contains 40241 tokens and 0 draft tokens, too large for model with 32768 maximum context length","type":"invalid_request_error","param":null,"code":"3051"}`, "context_length", "invalid_request_error", "-"},
	{"mistral validation", "POST api.mistral.ai/v1/chat/completions", 422, "", `{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","x"],"msg":"Extra inputs are not permitted"}]},"type":"invalid_request_error","param":null,"code":null}`, "invalid_request", "-", "-"},
	{"cohere trial minute", "POST api.cohere.com/v2/chat", 429, "", `{"id":"00000000-1111-4222-8333-444444444444","message":"You are using a Trial key, which is limited to 20 API calls / minute. You can continue to use the Trial key for free or upgrade to a Production key."}`, "rate_limit", "", "-"},
	{"cohere model", "POST api.cohere.com/v2/chat", 404, "", `{"id":"00000000-1111-4222-8333-444444444445","message":"model 'command-x' not found, make sure the correct model ID was used and that you have access to the model."}`, "not_found", "", "-"},
	{"hf loading", "POST api-inference.huggingface.co/models/gpt2", 503, "", `{"error":"Model gpt2 is currently loading","estimated_time":20.0}`, "unavailable", "", "-"},
	{"hf gated", "GET huggingface.co/api/models/meta-llama/x", 403, "X-Error-Code: GatedRepo", `{"error":"Access to model meta-llama/x is restricted and you are not in the authorized list. Visit https://huggingface.co/meta-llama/x to ask for access."}`, "permission", "-", "-"},
	{"hf too busy", "POST router.huggingface.co/hf-inference/models/x", 503, "", `{"error":"Model too busy, unable to get response in less than 60 second(s)"}`, "overloaded", "", "-"},
	{"replicate throttled", "POST api.replicate.com/v1/predictions", 429, "", `{"detail":"Request was throttled. Your rate limit resets in ~3s.","status":429,"retry_after":3}`, "rate_limit", "", "-"},
	{"replicate auth", "GET api.replicate.com/v1/account", 401, "", `{"title":"Unauthenticated","detail":"You did not pass an authentication token","status":401}`, "authentication", "", "You did not pass an authentication token"},
	{"elevenlabs quota", "POST api.elevenlabs.io/v1/text-to-speech/x", 401, "", `{"detail":{"status":"quota_exceeded","message":"This request exceeds your quota of 10000. You have 12 credits remaining, while 40 credits are required for this request."}}`, "quota", "quota_exceeded", "-"},
	{"deepgram", "POST api.deepgram.com/v1/listen", 429, "", `{"err_code":"TOO_MANY_REQUESTS","err_msg":"Too many requests. Please try again later","request_id":"d-1"}`, "rate_limit", "TOO_MANY_REQUESTS", "-"},
	{"fastapi", "POST api.example.com/v1/x", 422, "", `{"detail":[{"loc":["body","model"],"msg":"field required","type":"value_error.missing"}]}`, "invalid_request", "-", "field required"},

	// GitHub, GitLab, Discord, Telegram
	{"github secondary", "POST api.github.com/repos/o/r/issues", 403, "", `{"documentation_url":"https://docs.github.com/en/free-pro-team@latest/rest/overview/resources-in-the-rest-api#secondary-rate-limits","message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."}`, "rate_limit", "", "-"},
	{"github bad credentials", "GET api.github.com/user", 401, "", `{"message":"Bad credentials","documentation_url":"https://docs.github.com/rest","status":"401"}`, "authentication", "", "Bad credentials"},
	{"github validation", "POST api.github.com/repos/o/r/labels", 422, "", `{"message":"Validation Failed","errors":[{"resource":"Label","code":"already_exists","field":"name"}],"documentation_url":"https://docs.github.com/rest","status":"422"}`, "invalid_request|conflict", "already_exists", "Validation Failed"},
	{"github graphql limit", "POST api.github.com/graphql", 200, "", `{"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded for user ID 1."}]}`, "rate_limit", "RATE_LIMITED", "-"},
	{"github graphql missing", "POST api.github.com/graphql", 200, "", `{"data":{"repository":null},"errors":[{"type":"NOT_FOUND","path":["repository"],"locations":[{"line":1,"column":2}],"message":"Could not resolve to a Repository with the name 'o/r'."}]}`, "not_found", "NOT_FOUND", "-"},
	{"github models day", "POST models.github.ai/inference/chat/completions", 429, "X-Ratelimit-Type: UserByModelByDay", `{"error":{"code":"RateLimitReached","message":"Rate limit of 50 per 86400s exceeded for UserByModelByDay. Please wait 5631 seconds before retrying.","details":"Rate limit of 50 per 86400s exceeded for UserByModelByDay."}}`, "rate_limit|quota", "RateLimitReached", "-"},
	{"gitlab 403 scope", "GET gitlab.com/api/v4/user", 403, "", `{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"api read_api"}`, "permission", "insufficient_scope", "-"},
	{"gitlab 404", "GET gitlab.com/api/v4/projects/1", 404, "", `{"message":"404 Project Not Found"}`, "not_found", "", "404 Project Not Found"},
	{"discord limited", "POST discord.com/api/v10/channels/1/messages", 429, "X-Ratelimit-Bucket: abcd", `{"message":"You are being rate limited.","retry_after":0.65,"global":false}`, "rate_limit", "", "-"},
	{"discord missing access", "GET discord.com/api/v10/channels/1", 403, "", `{"message":"Missing Access","code":50001}`, "permission", "", "Missing Access"},
	{"discord unknown channel", "GET discord.com/api/v10/channels/2", 404, "", `{"message":"Unknown Channel","code":10003}`, "not_found", "", "-"},
	{"discord max reactions", "PUT discord.com/api/v10/channels/1/messages/2/reactions/x/@me", 400, "", `{"message":"Maximum number of reactions reached (20)","code":30010}`, "quota|invalid_request", "", "-"},
	{"telegram flood", "POST api.telegram.org/bot1:a/sendMessage", 429, "", `{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 35","parameters":{"retry_after":35}}`, "rate_limit", "", "-"},
	{"telegram blocked", "POST api.telegram.org/bot1:a/sendMessage", 403, "", `{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}`, "permission", "", "-"},

	// Business APIs
	{"stripe missing", "GET api.stripe.com/v1/customers/cus_1", 404, "Request-Id: req_9", `{"error":{"code":"resource_missing","doc_url":"https://stripe.com/docs/error-codes/resource-missing","message":"No such customer: 'cus_1'","param":"id","type":"invalid_request_error"}}`, "not_found", "resource_missing", "-"},
	{"stripe key reused", "POST api.stripe.com/v1/charges", 400, "", `{"error":{"message":"Keys for idempotent requests can only be used with the same parameters they were first used with.","type":"idempotency_error"}}`, "invalid_request|conflict", "idempotency_error", "-"},
	{"stripe funds of a card", "POST api.stripe.com/v1/charges", 402, "", `{"error":{"code":"card_declined","decline_code":"insufficient_funds","message":"Your card has insufficient funds.","type":"card_error"}}`, "invalid_request", "card_declined", "-"},
	{"stripe api error", "POST api.stripe.com/v1/charges", 500, "", `{"error":{"message":"An unknown error occurred","type":"api_error"}}`, "server_error", "api_error", "-"},
	{"slack not in channel", "POST slack.com/api/chat.postMessage", 200, "", `{"ok":false,"error":"not_in_channel"}`, "permission|invalid_request", "not_in_channel", "-"},
	{"slack internal", "POST slack.com/api/conversations.list", 200, "", `{"ok":false,"error":"internal_error"}`, "server_error", "internal_error", "-"},
	{"slack revoked", "POST slack.com/api/auth.test", 200, "", `{"ok":false,"error":"token_revoked"}`, "authentication", "token_revoked", "-"},
	{"slack webhook", "POST hooks.slack.com/services/T/B/X", 403, "", "invalid_token", "authentication|permission", "-", "invalid_token"},
	{"twilio auth", "POST api.twilio.com/2010-04-01/Accounts/AC1/Messages.json", 401, "", `{"code":20003,"message":"Authenticate","more_info":"https://www.twilio.com/docs/errors/20003","status":401}`, "authentication", "", "-"},
	{"twilio region", "POST api.twilio.com/2010-04-01/Accounts/AC1/Messages.json", 400, "", `{"code":21408,"message":"Permission to send an SMS has not been enabled for the region indicated by the 'To' number: +1555","more_info":"https://www.twilio.com/docs/errors/21408","status":400}`, "permission", "", "-"},
	{"shopify denied", "POST s.myshopify.com/admin/api/2025-01/graphql.json", 200, "", `{"errors":[{"message":"Access denied for orders field. Required access: read_orders access scope.","locations":[{"line":1,"column":3}],"extensions":{"code":"ACCESS_DENIED"},"path":["orders"]}],"data":{"orders":null}}`, "permission", "ACCESS_DENIED", "-"},
	{"shopify key", "GET s.myshopify.com/admin/api/2025-01/shop.json", 401, "", `{"errors":"[API] Invalid API key or access token (unrecognized login or wrong password)"}`, "authentication", "", "-"},
	{"notion conflict", "PATCH api.notion.com/v1/pages/1", 409, "", `{"object":"error","status":409,"code":"conflict_error","message":"Conflict occurred while saving. Please try again.","request_id":"n-1"}`, "conflict", "conflict_error", "-"},
	{"notion restricted", "GET api.notion.com/v1/users", 403, "", `{"object":"error","status":403,"code":"restricted_resource","message":"API token does not have access to this resource."}`, "permission", "restricted_resource", "-"},
	{"jira field", "POST x.atlassian.net/rest/api/3/issue", 400, "", `{"errorMessages":[],"errors":{"summary":"You must specify a summary of the issue."}}`, "invalid_request", "", "You must specify a summary of the issue."},
	{"salesforce session", "GET x.my.salesforce.com/services/data/v60.0/query", 401, "", `[{"message":"Session expired or invalid","errorCode":"INVALID_SESSION_ID"}]`, "authentication", "INVALID_SESSION_ID", "-"},
	{"salesforce total", "GET x.my.salesforce.com/services/data/v60.0/query", 403, "", `[{"message":"TotalRequests Limit exceeded.","errorCode":"REQUEST_LIMIT_EXCEEDED"}]`, "quota|rate_limit", "REQUEST_LIMIT_EXCEEDED", "-"},
	{"hubspot daily", "GET api.hubapi.com/crm/v3/objects/contacts", 429, "", `{"status":"error","message":"You have reached your daily limit.","errorType":"RATE_LIMIT","correlationId":"c-1","policyName":"DAILY","requestId":"r-1"}`, "quota|rate_limit", "RATE_LIMIT", "-"},
	{"graph token", "GET graph.microsoft.com/v1.0/me", 401, "", `{"error":{"code":"InvalidAuthenticationToken","message":"Access token has expired or is not yet valid.","innerError":{"date":"2025-01-01T00:00:00","request-id":"g-1","client-request-id":"g-1"}}}`, "authentication", "InvalidAuthenticationToken", "-"},
	{"graph throttled", "GET graph.microsoft.com/v1.0/users", 429, "Retry-After: 10", `{"error":{"code":"ApplicationThrottled","message":"Application is over its MailboxConcurrency limit.","innerError":{"request-id":"g-2"}}}`, "rate_limit", "ApplicationThrottled", "-"},
	{"graph denied", "GET graph.microsoft.com/v1.0/users", 403, "", `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation.","innerError":{"request-id":"g-3"}}}`, "permission", "Authorization_RequestDenied", "-"},
	{"arm quota", "PUT management.azure.com/subscriptions/s/resourceGroups/r", 409, "", `{"error":{"code":"OperationNotAllowed","message":"Operation could not be completed as it results in exceeding approved Total Regional Cores quota."}}`, "quota", "OperationNotAllowed", "-"},
	{"aad", "POST login.microsoftonline.com/t/oauth2/v2.0/token", 401, "", `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.","error_codes":[7000215],"trace_id":"t-1","correlation_id":"k-1"}`, "authentication", "invalid_client", "-"},
	{"k8s conflict", "PUT kubernetes.default.svc/api/v1/namespaces/d/configmaps/c", 409, "", `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"Operation cannot be fulfilled on configmaps \"c\": the object has been modified; please apply your changes to the latest version and try again","reason":"Conflict","details":{"name":"c","kind":"configmaps"},"code":409}`, "conflict", "Conflict", "-"},
	{"k8s gone", "GET k.example.com/api/v1/pods", 410, "", `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old resource version: 1 (2)","reason":"Expired","code":410}`, "not_found|invalid_request|conflict", "Expired", "-"},
	{"k8s quota", "POST k.example.com/api/v1/namespaces/d/pods", 403, "", `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"pods \"p\" is forbidden: exceeded quota: compute, requested: pods=1, used: pods=4, limited: pods=4","reason":"Forbidden","details":{"name":"p","kind":"pods"},"code":403}`, "quota|permission", "Forbidden", "-"},
	{"elastic index", "GET es.example.com/i/_search", 404, "", `{"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [i]"}],"type":"index_not_found_exception","reason":"no such index [i]"},"status":404}`, "not_found", "index_not_found_exception", "no such index [i]"},
	{"elastic auth", "GET es.example.com/", 401, "", `{"error":{"root_cause":[{"type":"security_exception","reason":"missing authentication credentials for REST request [/]"}],"type":"security_exception","reason":"missing authentication credentials for REST request [/]"},"status":401}`, "authentication", "security_exception", "-"},
	{"elastic flood", "PUT es.example.com/i/_doc/1", 429, "", `{"error":{"root_cause":[{"type":"cluster_block_exception","reason":"index [i] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"}],"type":"cluster_block_exception","reason":"index [i] blocked by: [TOO_MANY_REQUESTS/12/disk usage exceeded flood-stage watermark, index has read-only-allow-delete block];"},"status":429}`, "quota|overloaded|unavailable", "cluster_block_exception", "-"},
	{"sendgrid grant", "POST api.sendgrid.com/v3/mail/send", 401, "", `{"errors":[{"message":"The provided authorization grant is invalid, expired, or revoked","field":null,"help":null}]}`, "authentication", "", "-"},
	{"okta", "GET x.okta.com/api/v1/users", 429, "", `{"errorCode":"E0000047","errorSummary":"API call exceeded rate limit due to too many requests.","errorLink":"E0000047","errorId":"oae1","errorCauses":[]}`, "rate_limit", "E0000047", "-"},
	{"digitalocean", "GET api.digitalocean.com/v2/droplets", 429, "", `{"id":"too_many_requests","message":"API Rate limit exceeded."}`, "rate_limit", "too_many_requests", "-"},
	{"docker hub", "GET registry-1.docker.io/v2/library/x/manifests/latest", 429, "", `{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit"}]}`, "rate_limit", "TOOMANYREQUESTS", "-"},
	{"dropbox", "POST api.dropboxapi.com/2/files/list_folder", 409, "", `{"error_summary":"path/not_found/..","error":{".tag":"path","path":{".tag":"not_found"}}}`, "not_found|conflict", "-", "-"},
	{"x duplicate", "POST api.x.com/2/tweets", 403, "", `{"detail":"You are not allowed to create a Tweet with duplicate content.","type":"about:blank","title":"Forbidden","status":403}`, "permission|conflict|invalid_request", "", "You are not allowed to create a Tweet with duplicate content."},
	{"x usage cap", "GET api.x.com/2/tweets/search/recent", 429, "", `{"account_id":1,"product_name":"standard-basic","title":"UsageCapExceeded","period":"Monthly","scope":"Product","detail":"Usage cap exceeded: Monthly product cap","type":"https://api.twitter.com/2/problems/usage-capped"}`, "quota", "https://api.twitter.com/2/problems/usage-capped", "-"},
	{"plaid", "POST production.plaid.com/transactions/get", 400, "", `{"error_type":"RATE_LIMIT_EXCEEDED","error_code":"TRANSACTIONS_LIMIT","error_message":"rate limit exceeded for attempts to access this item. please try again later","request_id":"p1"}`, "rate_limit", "TRANSACTIONS_LIMIT", "-"},
	{"meta token", "GET graph.facebook.com/v19.0/me", 400, "", `{"error":{"message":"Error validating access token: Session has expired on Thursday.","type":"OAuthException","code":190,"error_subcode":463,"fbtrace_id":"Abc1"}}`, "authentication", "OAuthException", "-"},
	{"meta transient", "GET graph.facebook.com/v19.0/me", 500, "", `{"error":{"message":"An unexpected error has occurred. Please retry your request later.","type":"OAuthException","is_transient":true,"code":2,"fbtrace_id":"Abc2"}}`, "server_error|unavailable", "OAuthException", "-"},
	{"zendesk auth", "GET x.zendesk.com/api/v2/users/me", 401, "", `{"error":"Couldn't authenticate you"}`, "authentication", "-", "Couldn't authenticate you"},
	{"auth0", "GET t.auth0.com/api/v2/users", 429, "", `{"statusCode":429,"error":"Too Many Requests","message":"Global limit has been reached","errorCode":"too_many_requests"}`, "rate_limit", "too_many_requests", "Global limit has been reached"},

	// Gateways
	{"envoy no upstream", "GET svc/x", 503, "Server: envoy", "no healthy upstream", "unavailable", "", "no healthy upstream"},
	{"envoy timeout", "GET svc/x", 504, "Server: envoy", "upstream request timeout", "timeout", "", "upstream request timeout"},
	{"nginx 413", "POST svc/x", 413, "", "<html>\r\n<head><title>413 Request Entity Too Large</title></head><body><center><h1>413 Request Entity Too Large</h1></center><hr><center>nginx</center></body></html>", "too_large", "", "413 Request Entity Too Large"},
	{"cloudflare 1020", "GET www.example.com/x", 403, "", "error code: 1020", "permission", "", "error code: 1020"},
	{"cloudflare 1015 page", "GET www.example.com/x", 429, "", "<!DOCTYPE html><html><head><title>Access denied | www.example.com used Cloudflare to restrict access</title></head><body><h1>Error 1015</h1><h2>You are being rate limited</h2></body></html>", "rate_limit", "", "-"},
	{"kong limit", "GET svc/x", 429, "", `{"message":"API rate limit exceeded"}`, "rate_limit", "", "API rate limit exceeded"},
	{"kong route", "GET svc/x", 404, "", `{"message":"no Route matched with those values"}`, "not_found", "", "-"},
	{"apigee quota", "GET svc/x", 429, "", `{"fault":{"faultstring":"Rate limit quota violation. Quota limit  exceeded. Identifier : _default","detail":{"errorcode":"policies.ratelimit.QuotaViolation"}}}`, "rate_limit|quota", "policies.ratelimit.QuotaViolation", "-"},
	{"traefik", "GET svc/x", 404, "", "404 page not found\n", "not_found", "", "404 page not found"},
	{"gfe 502", "GET svc/x", 502, "", "<!DOCTYPE html>\n<html lang=en>\n  <meta charset=utf-8>\n  <title>Error 502 (Server Error)!!1</title>\n  <p><b>502.</b> <ins>That’s an error.</ins>\n  <p>The server encountered a temporary error and could not complete your request.<p>Please try again in 30 seconds.  <ins>That’s all we know.</ins>", "unavailable", "", "Error 502 (Server Error)!!1"},
	{"empty 429", "GET svc/x", 429, "", "", "rate_limit", "", ""},
	{"empty 529", "POST svc/x", 529, "", "", "overloaded", "", ""},
	{"about rate limits, in a validation error", "POST api.example.com/v1/rules", 422, "", `{"error":{"message":"The rate limit must be a positive number","code":"validation_error"}}`, "invalid_request", "validation_error", "-"},
	{"credit card", "POST api.example.com/v1/cards", 400, "", `{"message":"credit card number is invalid"}`, "invalid_request", "", "-"},
	{"not found of a budget", "GET api.example.com/v1/budgets/1", 404, "", `{"message":"budget 1 not found"}`, "not_found", "", "-"},

	// Successes that only look like failures
	{"completion with a refusal", "POST api.openai.com/v1/chat/completions", 200, "", `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":"I can't help with that."},"finish_reason":"stop"}]}`, "none", "", ""},
	{"cut by a filter", "POST a.openai.azure.com/openai/deployments/x/chat/completions", 200, "", `{"id":"c","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Once upon"},"finish_reason":"content_filter"}]}`, "none", "", ""},
	{"graphql partial", "POST api.github.com/graphql", 200, "", `{"data":{"a":{"id":1},"b":null},"errors":[{"type":"NOT_FOUND","message":"Could not resolve","path":["b"]}]}`, "none", "", ""},
	{"slack text of an error", "POST slack.com/api/chat.postMessage", 200, "", `{"ok":true,"message":{"text":"error"},"error":null}`, "none", "", ""},
	{"elastic bulk fine", "POST es.example.com/_bulk", 200, "", `{"took":3,"errors":false,"items":[{"index":{"_id":"1","status":201}}]}`, "none", "", ""},
	{"maps nothing found", "GET maps.googleapis.com/maps/api/geocode/json", 200, "", `{"results":[],"status":"ZERO_RESULTS"}`, "none", "", ""},
	{"s3 deleted", "POST b.s3.amazonaws.com/", 200, "", `<?xml version="1.0"?><DeleteResult><Deleted><Key>a</Key></Deleted><Error><Key>b</Key><Code>AccessDenied</Code></Error></DeleteResult>`, "none", "", ""},
	{"a list of errors elsewhere", "GET api.example.com/v1/errors", 200, "", `{"error":{"message":"Rate limit reached","code":"rate_limit_exceeded"}}`, "none", "", ""},
}

func TestHoldout(t *testing.T) {
	class, code, message := 0, 0, 0
	for _, row := range holdout {
		a := dialect.Answer{Status: row.status, Header: http.Header{}, Body: []byte(row.body), Now: time.Unix(1757150430, 0)}
		method, rest, _ := strings.Cut(row.url, " ")
		host, path, _ := strings.Cut(rest, "/")
		a.Method, a.Host, a.Path = method, host, "/"+path
		for h := range strings.SplitSeq(row.header, "; ") {
			if name, value, ok := strings.Cut(h, ": "); ok {
				a.Header.Set(name, value)
			}
		}
		v := judge(a)
		ok := false
		for c := range strings.SplitSeq(row.class, "|") {
			ok = ok || v.Class == dialect.Class(c)
		}
		if ok {
			class++
		} else {
			t.Errorf("%s: class: got %s, want %s", row.name, v.Class, row.class)
		}
		if row.code == "-" || v.Code == row.code {
			code++
		} else {
			t.Errorf("%s: code: got %q, want %q", row.name, v.Code, row.code)
		}
		if row.message == "-" || v.Message == row.message {
			message++
		} else {
			t.Errorf("%s: message: got %q, want %q", row.name, v.Message, row.message)
		}
	}
	t.Logf("of %d: class %d, code %d, message %d right", len(holdout), class, code, message)
}
