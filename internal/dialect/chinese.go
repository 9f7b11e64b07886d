package dialect

// new-api and one-api, gateways that many resellers run, in both languages.
// https://github.com/QuantumNous/new-api, https://github.com/songquanpeng/one-api
var newAPI = &family{
	name:  "new-api",
	hosts: []string{"www.dmxapi.cn", "api.aihubmix.com", "aihubmix.com"},
	shapes: []string{
		"error.type=*_api_error error.message", "error.type=one_api_panic", "error.type=upstream_error error.message",
		"Header:X-Oneapi-Request-Id", "Header:X-New-Api-Version",
	},
	like: openAI,
	codes: map[string]Class{
		"insufficient_user_quota": Quota, "pre_consume_token_quota_failed": Quota, "pre_consume_quota_failed": Quota,
		"insufficient_token_quota": Quota,
		"invalid_new_api_token":    Authentication, "invalid_one_api_token": Authentication, "access_denied": Permission,
		"sensitive_words_detected": ContentPolicy, "violation_fee.grok.csam": ContentPolicy, "prompt_blocked": ContentPolicy,
		"channel:no_available_key": Unavailable, "channel:invalid_key": Authentication,
		"channel:model_mapped_error": InvalidRequest, "api_not_implemented": InvalidRequest,
		"model_price_error": InvalidRequest, "count_token_failed": InvalidRequest, "invalid_api_type": InvalidRequest,
		"channel:param_override_invalid":  InvalidRequest,
		"channel:header_override_invalid": InvalidRequest, "channel:response_time_exceeded": Timeout,
		"read_request_body_failed": InvalidRequest, "convert_request_failed": InvalidRequest,
	},
	hints: map[string]Class{
		"one_api_panic": ServerError, "new_api_panic": ServerError, "get_channel_failed": Unavailable,
		"gen_relay_info_failed": ServerError, "json_marshal_failed": ServerError,
		"do_request_failed": Unavailable, "bad_response": ServerError, "read_response_body_failed": Unavailable, "bad_response_body": ServerError,
		"empty_response": ServerError, "aws_invoke_error": ServerError, "query_data_error": ServerError,
		"update_data_error": ServerError, "channel:aws_client_error": ServerError,
		"model_not_found": NotFound,
	},
	phrases: []words{
		{NotFound, "", []string{"no available channel", "无可用渠道", "无可用的渠道", "该模型不存在"}},
		{Overloaded, "", []string{"负载已饱和", "上游负载", "system cpu overloaded", "system memory overloaded", "system disk overloaded"}},
		{Quota, "", []string{
			"额度不足", "额度失败", "预扣费", "额度已用尽", "quota is not enough", "用户额度", "令牌额度", "insufficient balance",
			"token quota is not enough", "pre consume",
		}},
		{RateLimit, "", []string{"请求数限制", "总请求数", "请求频率", "rate limit reached"}},
		{Permission, "", []string{"网段", "封禁", "无权", "has been banned", "no access to model", "分组已被禁用", "不允许使用"}},
		{Authentication, "", []string{"无效的令牌", "令牌已过期", "令牌状态不可用", "未提供令牌", "invalid token", "该令牌"}},
	},
	ids:   []string{"X-Oneapi-Request-Id"},
	scope: Host | Credential | Model,
}

var n1n = &family{name: "n1n", hosts: []string{"api.n1n.ai"}, like: newAPI, ids: newAPI.ids}

// DashScope says insufficient_quota, in OpenAI's words, when its throttle by
// the minute bites. Money is Arrearage.
// https://help.aliyun.com/zh/model-studio/error-code
var dashScope = &family{
	name:  "dashscope",
	hosts: []string{".aliyuncs.com"},
	like:  openAI,
	// https://help.aliyun.com/zh/model-studio/compatibility-of-openai-with-dashscope
	bases:    []base{{OpenAI, "/compatible-mode/v1"}, {Anthropic, "/apps/anthropic"}},
	modelsAt: begins("dashscope"),
	// Text messages: https://help.aliyun.com/zh/sms/developer-reference/api-error-codes
	hidesErrors: []place{{host: "dysmsapi.aliyuncs.com", path: "/"}},
	codes: map[string]Class{
		"insufficient_quota": RateLimit, "limit_requests": RateLimit, "limit_burst_rate": RateLimit,
		"Throttling": RateLimit, "Throttling.RateQuota": RateLimit, "Throttling.BurstRate": RateLimit,
		"Throttling.AllocationQuota": RateLimit, "LimitRequests": RateLimit, "CommodityNotPurchased": Quota,
		"Arrearage": Quota, "AllocationQuota.FreeTierOnly": Quota, "PrepaidBillOverdue": Quota, "PostpaidBillOverdue": Quota,
		"DataInspectionFailed": ContentPolicy, "data_inspection_failed": ContentPolicy, "InvalidApiKey": Authentication,
		"InvalidAccessKeyId.NotFound": Authentication, "SignatureDoesNotMatch": Authentication,
		"AccessDenied": Permission, "AccessDenied.Unpurchased": Quota, "Model.AccessDenied": Permission,
		"Workspace.AccessDenied": Permission, "Forbidden.RAM": Permission, "App.AccessDenied": Permission,
		"ModelNotFound": NotFound, "model_not_found": NotFound, "model_not_supported": NotFound, "WorkSpaceNotFound": NotFound,
		"InvalidURL": NotFound, "NotFound": NotFound, "ModelServingError": Overloaded,
		"ModelUnavailable": Unavailable, "ServiceUnavailableError": Unavailable, "RequestTimeOut": Timeout,
		"ResponseTimeout": Timeout, "InvokePluginFailed": ServerError, "AppProcessFailed": ServerError,
		"InternalError.Timeout": Timeout, "InternalError.Algo": ServerError, "RewriteFailed": ServerError,
		"RetrivalFailed": ServerError, "SystemError": ServerError, "BadRequest.TooLarge": TooLarge,
	},
	hints: map[string]Class{
		"InternalError": ServerError, "InvalidParameter": InvalidRequest, "BadRequest": InvalidRequest,
		"InvalidParameter.DataInspection": InvalidRequest, "Conflict": Conflict,
	},
	phrases: []words{
		{RateLimit, "429", []string{
			"allocated quota exceeded", "request rate increased too quickly", "exceeded your current request",
			"exceeded your current quota", "you have exceeded your current",
		}},
		{Quota, "400 403", []string{"good standing", "free tier of the model has been exhausted", "overdue payment"}},
		{ContextLength, "400", []string{"range of input length should be"}},
		{Overloaded, "503", []string{"too many requests in route", "too many requests. batch requests"}},
	},
	failedInside: func(r *reader) bool {
		return r.tree.textAt(topCode) != "" && r.tree.textAt(pMessage) != "" && r.tree.textAt(pRequestID) != ""
	},
	inferenceAnywhere: []string{
		"/aigc/text-generation/generation", "/aigc/multimodal-generation/generation", "/embeddings/text-embedding/text-embedding",
		"/rerank/text-rerank/text-rerank",
	},
	scope: Host | Credential | Model,
}

// https://docs.bigmodel.cn/cn/api/api-code
var zhipu = &family{
	name:   "zhipu",
	hosts:  []string{"open.bigmodel.cn", "api.z.ai", "bigmodel.cn"},
	bases:  []base{{OpenAI, "/api/paas/v4"}, {OpenAI, "/api/coding/paas/v4"}, {Anthropic, "/api/anthropic"}},
	shapes: []string{"contentfilter error.code"},
	like:   openAI,
	numbers: []numbers{
		{1000, 1004, Authentication}, {1110, 1111, Permission}, {1112, 1112, Permission}, {1113, 1113, Quota}, {1120, 1120, ServerError},
		{1121, 1121, Permission}, {1200, 1200, ServerError}, {1210, 1210, InvalidRequest}, {1211, 1212, NotFound},
		{1213, 1215, InvalidRequest}, {1220, 1220, Permission}, {1221, 1222, NotFound},
		{1230, 1230, ServerError}, {1231, 1231, Conflict}, {1234, 1234, Unavailable}, {1261, 1261, ContextLength}, {1300, 1301, ContentPolicy},
		{1302, 1303, RateLimit}, {1304, 1304, Quota}, {1305, 1305, Overloaded}, {1308, 1308, Quota}, {1309, 1309, Quota},
		{1310, 1310, Quota}, {1311, 1311, Permission}, {1312, 1312, Overloaded}, {1313, 1313, Permission},
		{500, 500, ServerError},
	},
	phrases: []words{
		{Quota, "", []string{"余额不足", "欠费", "使用上限", "insufficient balance", "usage limit reached", "已过期"}},
		{Overloaded, "", []string{"访问量过大"}},
	},
	scope: Host | Credential | Model,
}

// https://platform.minimaxi.com/document/error_code
var miniMax = &family{
	name:   "minimax",
	hosts:  []string{"api.minimax.chat", "api.minimaxi.com", "api.minimax.io", "api.minimaxi.chat"},
	bases:  []base{{OpenAI, "/v1"}, {Anthropic, "/anthropic"}},
	shapes: []string{"baseresp.statuscode"},
	like:   openAI,
	numbers: []numbers{
		{1000, 1000, ServerError}, {1001, 1001, Timeout}, {1002, 1002, RateLimit}, {1004, 1004, Authentication},
		{1008, 1008, Quota}, {1013, 1013, ServerError}, {1024, 1024, ServerError},
		{1026, 1027, ContentPolicy}, {1033, 1033, ServerError}, {1039, 1039, RateLimit}, {1041, 1041, RateLimit},
		{1042, 1042, InvalidRequest}, {1043, 1044, InvalidRequest},
		{2013, 2013, InvalidRequest}, {2037, 2037, InvalidRequest}, {2038, 2038, Permission}, {2039, 2039, Conflict},
		{2042, 2042, Permission}, {2045, 2045, RateLimit}, {2048, 2048, InvalidRequest},
		{2049, 2049, Authentication}, {2056, 2056, Quota}, {2061, 2061, Permission}, {2062, 2062, Overloaded}, {20132, 20132, InvalidRequest},
	},
	phrases:           []words{{Quota, "", []string{"用量上限", "使用上限", "token plan usage limit"}}},
	hidesErrors:       []place{{path: "/"}},
	inferenceAnywhere: []string{"/text/chatcompletion_v2"},
	scope:             Host | Credential | Model,
}

// Baidu's Qianfan, whose first version fails inside a 200.
// https://cloud.baidu.com/doc/WENXINWORKSHOP/s/tlmyncueh
var baidu = &family{
	name:     "baidu",
	hosts:    []string{".baidubce.com"},
	modelsAt: begins("qianfan.", "aip."),
	shapes:   []string{"errorcode errormsg"},
	like:     openAI,
	numbers: []numbers{
		{1, 2, ServerError}, {3, 3, NotFound}, {4, 4, Quota}, {6, 6, Permission}, {13, 15, Authentication}, {17, 17, Quota},
		{18, 18, RateLimit}, {19, 19, Quota},
		{100, 100, InvalidRequest}, {110, 111, Authentication}, {336000, 336000, ServerError}, {336001, 336003, InvalidRequest},
		{336004, 336004, Authentication}, {336005, 336007, InvalidRequest}, {336100, 336100, Overloaded},
		{216100, 216205, InvalidRequest}, {336101, 336102, InvalidRequest}, {336103, 336103, ContextLength}, {336104, 336104, InvalidRequest}, {336105, 336106, InvalidRequest}, {336117, 336117, NotFound},
		{336120, 336120, InvalidRequest}, {336200, 336200, ServerError}, {336300, 336303, ContentPolicy},
		{336501, 336502, RateLimit},
	},
	codes: map[string]Class{
		"rpm_rate_limit_exceeded": RateLimit, "tpm_rate_limit_exceeded": RateLimit, "preemptible_rate_limit_exceeded": RateLimit,
		"user_rate_limit_exceeded": RateLimit, "cluster_rate_limit_exceeded": Overloaded,
		"account_overdue": Quota, "invalid_iam_token": Authentication, "invalid_appId": Authentication,
		"no_parameter_permission": Permission, "dispatch_internal_error": ServerError,
		"malicious_request": ContentPolicy, "system_unsafe": ContentPolicy, "user_setting_unsafe": ContentPolicy,
		"function_setting_unsafe": ContentPolicy,
	},
	hidesErrors: []place{{host: "aip.baidubce.com", path: "/"}},
	inference:   []place{{path: "/rpc/2.0/ai_custom/v1/wenxinworkshop/"}},
	scope:       Host | Credential | Model,
}

// https://cloud.tencent.com/document/api/1729/101842
var tencent = &family{
	name:     "tencent",
	hosts:    []string{".tencentcloudapi.com"},
	modelsAt: begins("hunyuan."),
	shapes:   []string{"response.error.code response.requestid"},
	like:     openAI,
	codes: map[string]Class{
		"AuthFailure": Authentication, "UnauthorizedOperation": Permission, "RequestLimitExceeded": RateLimit,
		"LimitExceeded": RateLimit, "ResourceInsufficient": Overloaded, "ResourceUnavailable": Unavailable,
		"ResourceUnavailable.InArrears": Quota, "ResourceUnavailable.LowBalance": Quota,
		"ResourceInsufficient.ChargeResourceExhaust": Quota, "FailedOperation.ResourcePackExhausted": Quota,
		"FailedOperation.FreeResourcePackExhausted": Quota,
		"FailedOperation.UserUnAuthError":           Permission, "FailedOperation.ServiceNotActivated": Permission,
		"FailedOperation.EngineRequestTimeout": Timeout, "FailedOperation.EngineServerLimitExceeded": RateLimit,
		"FailedOperation.EngineServerError": ServerError, "OperationDenied.TextIllegalDetected": ContentPolicy,
		"OperationDenied.ImageIllegalDetected": ContentPolicy, "InvalidAction": NotFound, "ResourceNotFound": NotFound,
		"InternalError": ServerError, "InvalidParameter": InvalidRequest, "InvalidParameterValue": InvalidRequest,
		"MissingParameter": InvalidRequest, "UnknownParameter": InvalidRequest, "UnsupportedOperation": InvalidRequest,
		"RequestSizeLimitExceeded": TooLarge, "IpInBlacklist": Permission, "IpNotInWhitelist": Permission,
	},
	hidesErrors: []place{{path: "/"}},
	scope:       Host | Credential | Path,
}

// https://developers.weixin.qq.com/doc/offiaccount/Getting_Started/Global_Return_Code.html
var wechat = &family{
	name:  "wechat",
	hosts: []string{"api.weixin.qq.com", "qyapi.weixin.qq.com"},
	numbers: []numbers{
		{40001, 40001, Authentication}, {40013, 40014, Authentication}, {40164, 40164, Permission}, {41001, 41004, Authentication},
		{42001, 42003, Authentication}, {43003, 43005, Permission},
		{45009, 45009, Quota}, {45011, 45011, RateLimit}, {45033, 45033, RateLimit}, {48001, 48006, Permission},
		{50001, 50002, Permission}, {60020, 60020, Permission}, {40000, 49999, InvalidRequest},
	},
	hidesErrors: []place{{path: "/"}},
}

// https://www.xfyun.cn/doc/spark/接口说明.html
var iFlytek = &family{
	name:  "iflytek",
	hosts: []string{".xf-yun.com", ".xfyun.cn"},
	numbers: []numbers{
		{10007, 10008, RateLimit}, {10010, 10011, Overloaded}, {10012, 10012, ServerError}, {10013, 10014, ContentPolicy}, {10015, 10017, Permission},
		{10019, 10019, ContentPolicy}, {10110, 10110, Overloaded}, {10163, 10163, InvalidRequest}, {10313, 10313, Authentication},
		{10907, 10907, ContextLength}, {11200, 11200, Permission}, {11201, 11201, Quota}, {11202, 11203, RateLimit},
	},
	hidesErrors: []place{{path: "/"}},
	failedInside: func(r *reader) bool {
		n, ok := r.tree.number(r.tree.at(pHeaderCode))
		if !ok {
			n, ok = r.tree.number(r.tree.at(topCode))
		}
		return ok && n != 0
	},
}

var pHeaderCode = pathOf("header.code")

// https://open.feishu.cn/document/server-docs/api-call-guide/generic-error-code
var feishu = &family{
	name:  "feishu",
	hosts: []string{"open.feishu.cn", "open.larksuite.com"},
	numbers: []numbers{
		{99991400, 99991400, RateLimit}, {99991401, 99991401, Permission}, {99991403, 99991403, Quota},
		{99991661, 99991671, Authentication}, {99991672, 99991679, Permission}, {11232, 11232, RateLimit},
		{230020, 230020, RateLimit}, {230002, 230002, Permission}, {19021, 19024, Authentication},
	},
	hidesErrors: []place{{path: "/"}},
	failedInside: func(r *reader) bool {
		n, ok := r.tree.number(r.tree.at(topCode))
		return ok && n != 0 && r.tree.textAt(pMsg) != ""
	},
}

// https://open.dingtalk.com/document/orgapp/server-api-error-codes-1
var dingTalk = &family{
	name:  "dingtalk",
	hosts: []string{"oapi.dingtalk.com", "api.dingtalk.com"},
	numbers: []numbers{
		{88, 88, Authentication}, {40014, 40014, Authentication}, {42001, 42001, Authentication}, {90018, 90018, RateLimit},
		{90002, 90006, RateLimit}, {130101, 130101, RateLimit}, {60011, 60011, Permission}, {310000, 310000, InvalidRequest}, {60020, 60020, Permission},
	},
	hidesErrors: []place{{host: "oapi.dingtalk.com", path: "/"}},
}
