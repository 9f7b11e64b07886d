package dialect

import "github.com/steadyhttp/steadyhttp/internal/wait"

// APIs of public data and of markets, which answer errors with 200.

// https://www.mediawiki.org/wiki/API:Errors_and_warnings, and its manual of maxlag
var mediaWiki = &family{
	name:   "mediawiki",
	hosts:  []string{".wikipedia.org", ".wikidata.org", ".wikimedia.org", ".wiktionary.org", ".mediawiki.org", ".fandom.com"},
	shapes: []string{"Header:Mediawiki-Api-Error"},
	codes: map[string]Class{
		"maxlag": Overloaded, "ratelimited": RateLimit, "actionthrottledtext": RateLimit, "readonly": Unavailable, "blocked": Permission,
		"autoblocked": Permission, "permissiondenied": Permission, "protectedpage": Permission, "cantedit": Permission, "readapidenied": Permission,
		"writeapidenied": Permission, "assertuserfailed": Authentication, "assertbotfailed": Authentication, "badtoken": Authentication,
		"notoken": Authentication, "mustbeloggedin": Authentication, "editconflict": Conflict, "articleexists": Conflict,
		"missingtitle": NotFound, "nosuchpageid": NotFound, "no-such-entity": NotFound, "contenttoobig": TooLarge,
		"unknown_action": InvalidRequest, "unknown_prop": InvalidRequest, "unknown_list": InvalidRequest, "unknown_meta": InvalidRequest,
		"badvalue": InvalidRequest, "missingparam": InvalidRequest, "badinteger": InvalidRequest, "badtimestamp": InvalidRequest, "invalidtitle": InvalidRequest,
	},
	refusals:    []string{"maxlag", "ratelimited", "readonly"}, // said before anything is done
	codeHeaders: []string{"Mediawiki-Api-Error"},
	ids:         []string{"X-Request-Id"},
	hidesErrors: []place{{path: "/w/api.php"}, {path: "/api.php"}},

	hidesErrorsAnywhere: []string{"api.php"},
	errorHeaders:        []string{"Mediawiki-Api-Error"},
	scope:               Host | Credential,
}

// https://nominatim.org/release-docs/latest/api/Reverse/
var nominatim = &family{
	name: "nominatim", hosts: []string{"nominatim.openstreetmap.org"},
	phrases:     []words{{NotFound, "200 404", []string{"unable to geocode"}}},
	hidesErrors: []place{{path: "/"}},
}

// https://pushover.net/api#limits: so many messages a month.
var pushover = &family{
	name: "pushover", hosts: []string{"api.pushover.net"},
	phrases:      []words{{Quota, "429", []string{"exceeded current limit of", "over its limit", "over its monthly"}}},
	scope:        Host | Credential,
	limitHeaders: []wait.Headers{{Prefix: "X-Limit-App", Unit: wait.Requests}},
}

// https://docs.kraken.com/api/docs/guides/spot-errors
var kraken = &family{
	name:  "kraken",
	hosts: []string{"api.kraken.com"},
	codes: map[string]Class{
		"EAPI:Rate limit exceeded": RateLimit, "EOrder:Rate limit exceeded": RateLimit, "EGeneral:Too many requests": RateLimit,
		"EGeneral:Temporary lockout": RateLimit, "EService:Throttled": RateLimit, "EService:Unavailable": Unavailable, "EService:Busy": Overloaded,
		"EService:Market in cancel_only mode": Unavailable, "EService:Deadline elapsed": Timeout, "EAPI:Invalid key": Authentication,
		"EAPI:Invalid signature": Authentication, "EAPI:Invalid nonce": Authentication, "EGeneral:Permission denied": Permission,
		"EGeneral:Internal error": ServerError, "EGeneral:Invalid arguments": InvalidRequest, "EOrder:Insufficient funds": InvalidRequest,
	},
	hidesErrors: []place{{path: "/0/"}},
	scope:       Host | Credential,
}

// https://bybit-exchange.github.io/docs/v5/error
var bybit = &family{
	name:  "bybit",
	hosts: []string{"api.bybit.com", "api.bytick.com", "api-testnet.bybit.com"},
	numbers: []numbers{
		{10000, 10000, Timeout}, {10001, 10002, InvalidRequest}, {10003, 10004, Authentication}, {10005, 10005, Permission}, {10006, 10006, RateLimit},
		{10007, 10007, Authentication}, {10008, 10010, Permission}, {10016, 10016, ServerError}, {10018, 10018, RateLimit}, {10019, 10019, Unavailable},
		{10024, 10024, Permission}, {10027, 10029, Permission}, {33004, 33004, Authentication},
	},
	hidesErrors: []place{{path: "/v5/"}},
	scope:       Host | Credential | Path,
}

// https://www.alphavantage.co/support/: notes in place of data
var alphaVantage = &family{
	name:  "alphavantage",
	hosts: []string{"www.alphavantage.co"},
	phrases: []words{
		{RateLimit, "", []string{"calls per minute", "requests per minute", "requests per second", "requests per day", "call frequency"}},
		{Quota, "", []string{"premium endpoint", "premium plan"}},
		{Authentication, "", []string{"apikey is invalid", "api key is invalid"}},
	},
	hidesErrors: []place{{path: "/query"}},
	failedInside: func(r *reader) bool {
		return r.tree.members(1) == 1 && r.tree.first(alphaNotes) != ""
	},
	scope: Host | Credential,
}

var alphaNotes = paths("note", "information", "error message")

// https://docs.etherscan.io/support/common-error-messages
var etherscan = &family{
	name:         "etherscan",
	hosts:        []string{".etherscan.io", ".bscscan.com", ".polygonscan.com", ".arbiscan.io", ".basescan.org", ".snowtrace.io"},
	phrases:      []words{{RateLimit, "", []string{"max rate limit", "max calls per sec"}}, {Authentication, "", []string{"invalid api key", "missing/invalid api key"}}},
	hidesErrors:  []place{{path: "/api"}, {path: "/v2/api"}},
	failedInside: func(r *reader) bool { return r.tree.textAt(topStatus) == "0" && r.tree.textAt(pMessage) == "NOTOK" },
	scope:        Host | Credential,
}

// https://currencylayer.com/documentation, and the other services of that house
var apilayer = &family{
	name: "apilayer",
	hosts: []string{
		"api.currencylayer.com", "apilayer.net", ".apilayer.net", "api.ipstack.com", "api.ipapi.com", "api.weatherstack.com", "api.aviationstack.com",
		"api.mediastack.com", "api.marketstack.com", "api.positionstack.com", "data.fixer.io", "api.exchangeratesapi.io", "api.exchangerate.host",
	},
	codes: map[string]Class{
		"invalid_access_key": Authentication, "missing_access_key": Authentication, "inactive_user": Permission, "usage_limit_reached": Quota,
		"monthly_limit_reached": Quota, "function_access_restricted": Quota, "https_access_restricted": Quota, "rate_limit_reached": RateLimit,
		"too_many_requests": RateLimit,
	},
	numbers:     []numbers{{101, 101, Authentication}, {102, 102, Permission}, {104, 105, Quota}, {106, 106, NotFound}},
	hidesErrors: []place{{path: "/"}},
	scope:       Host | Credential,
}

// https://lbs.amap.com/api/webservice/guide/tools/info
var amap = &family{
	name: "amap", hosts: []string{"restapi.amap.com"},
	codes: map[string]Class{
		"INVALID_USER_KEY": Authentication, "INVALID_USER_SIGNATURE": Authentication, "USERKEY_RECYCLED": Authentication,
		"USERKEY_PLAT_NOMATCH": Permission, "SERVICE_NOT_AVAILABLE": Permission, "INSUFFICIENT_PRIVILEGES": Permission, "INVALID_USER_IP": Permission,
		"INVALID_USER_DOMAIN": Permission, "DAILY_QUERY_OVER_LIMIT": Quota, "USER_DAILY_QUERY_OVER_LIMIT": Quota, "QUOTA_PLAN_RUN_OUT": Quota,
		"USER_KEY_PAY_REQUIRED": Quota, "ABROAD_QUOTA_PLAN_RUN_OUT": Quota, "ACCESS_TOO_FREQUENT": RateLimit, "IP_QUERY_OVER_LIMIT": RateLimit,
		"QPS_HAS_EXCEEDED_THE_LIMIT": RateLimit, "CUQPS_HAS_EXCEEDED_THE_LIMIT": RateLimit, "CKQPS_HAS_EXCEEDED_THE_LIMIT": RateLimit,
		"CIQPS_HAS_EXCEEDED_THE_LIMIT": RateLimit, "GATEWAY_TIMEOUT": Timeout, "SERVER_IS_BUSY": Overloaded, "RESOURCE_UNAVAILABLE": Unavailable,
		"UNKNOWN_ERROR": ServerError, "ENGINE_RESPONSE_DATA_ERROR": ServerError,
	},
	hidesErrors:  []place{{path: "/v"}},
	failedInside: func(r *reader) bool { return r.tree.textAt(topStatus) == "0" && r.tree.textAt(topInfo) != "" },
	scope:        Host | Credential,
}

// https://lbsyun.baidu.com/faq/api?title=webapi/guide/webservice-geocoding and
// https://lbs.qq.com/service/webService/webServiceGuide/status
var chineseMaps = &family{
	name: "chinese-maps", hosts: []string{"api.map.baidu.com", "apis.map.qq.com"},
	numbers: []numbers{
		{4, 4, Quota}, {5, 5, Authentication}, {101, 101, Authentication}, {120, 120, RateLimit}, {121, 121, Quota}, {190, 190, Authentication},
		{199, 199, Permission}, {200, 203, Authentication}, {210, 210, Permission}, {211, 211, Authentication}, {220, 220, Permission},
		{240, 240, Permission}, {301, 302, Quota}, {401, 401, RateLimit}, {402, 402, Quota},
	},
	hidesErrors: []place{{path: "/"}},
	failedInside: func(r *reader) bool {
		n, ok := r.tree.number(r.tree.at(topStatus))
		return ok && n != 0 && r.tree.first(tellingPaths) != ""
	},
	scope: Host | Credential,
}

// https://twelvedata.com/docs#errors
var twelveData = &family{
	name: "twelvedata", hosts: []string{"api.twelvedata.com"},
	hidesErrors: []place{{path: "/"}},
	scope:       Host | Credential,
}

// https://developers.deepl.com/docs/best-practices/error-handling
var deepL = &family{
	name: "deepl", hosts: []string{"api.deepl.com", "api-free.deepl.com"},
	statuses: map[int]Class{456: Quota},
	scope:    Host | Credential,
}

// https://developers.stoat.chat, once Revolt
var stoat = &family{
	name: "stoat", hosts: []string{"api.stoat.chat", "api.revolt.chat"},
	waitsInMs: true,
	scope:     Host | Credential | Path,
}

// https://github.com/eludris
var eludris = &family{
	name: "eludris", hosts: []string{"api.eludris.gay"},
	waitsInMs: true,
	scope:     Host | Credential | Path,
}
