package dialect

// What is said of the things that stand between a caller and an API: policies of access,
// walls before a site, locks of accounts, and what somebody has to set up first.

// ofAccessPolicy is said of the policies that administrators write. Those of content have
// the same words: a row that "violates row-level security policy" is not unsafe.
var ofAccessPolicy = []string{
	"row level security", "security policy for table", "bucket policy", "service control policy", "resource based policy", "identity based policy", "permissions boundary",
	"organization policy", "organisation policy", "org policy", "organization's policy", "disallowed by policy", "conditional access", "access policies", "access policy", "network policy",
	"vpc service controls", "admin policy", "domain policy",
}

// ofWalls is what pages say that let nobody through but a browser with somebody before
// it. Some come with 429 or 503, and no wait gets a program past them.
var ofWalls = []string{
	"verifying your browser", "security checkpoint", "checking your browser", "verify you are~ human", "verify that you are~ human", "verifying you are~ human", "confirm you are~ human",
	"complete the security check", "complete the captcha", "solve the captcha", "enable javascript and cookies to continue", "ddos protection by",
}

// passingLocks say with 429 of an account that it is locked after too many logins. Those
// who go on meanwhile keep it locked.
var passingLocks = []string{
	"account*temporarily locked", "user*temporarily locked", "temporarily locked out", "account~ locked", "account is locked", "account has been locked", "user~ locked", "login~ locked",
	"account*temporarily disabled", "login*temporarily disabled",
}

// ofSetup is said of what a person has to set up at the server: a key, an address, a
// setting. No repeat finds it done.
var ofSetup = []string{
	"not configured", "isn't configured", "hasn't been configured", "not been configured", "not properly configured", "not set up", "not been set up", "is unconfigured", "misconfigured", "not built", "not been built",
	"missing environment variable", "environment variable*not set", "environment variable*missing", "environment variable*is required", "environment variables*not set",
	"api key is not set", "api_key is not set", "api_key not set", "api key not set", "api_key environment variable", "no api key for", "credentials are not set", "secret is not set",
	"nicht konfiguriert", "nicht eingerichtet", "no esta configurad", "no está configurad", "no configurad", "nao configurad", "não configurad", "não está configurad", "non configur", "pas configur", "не настроен",
	"未配置", "没有配置", "尚未配置",
}

// ofRecords is said of what was asked for and is not there, by some with a status of their
// own trouble.
var ofRecords = []string{
	"object not found", "record not found", "document not found", "entity not found", "user not found", "account not found", "order not found", "item not found", "no rows in result set",
	"对象不存在", "记录不存在", "数据不存在", "文件不存在", "用户不存在", "订单不存在",
}

// ofInput is said of what the request lacks, by some with a status of their own trouble.
var ofInput = []string{
	"is required", "are required", "missing required", "must not be empty", "must not be null", "must not be blank", "cannot be empty", "cannot be null", "cannot be blank", "may not be null",
	"validation failed", "validation error", "failed validation", "unsupported file", "unsupported format", "unsupported media type",
}
