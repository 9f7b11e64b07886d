package dialect

import "slices"

// What is said of the things that stand between a caller and an API: policies of access,
// walls before a site, locks of accounts, and what somebody has to set up first.

// ofAccessPolicy is said of the policies that administrators write. Those of content have
// the same words: a row that "violates row-level security policy" is not unsafe.
var ofAccessPolicy = []string{
	"row level security", "security policy for table", "bucket policy", "service control policy", "resource based policy", "identity based policy",
	"permissions boundary",
	"organization policy", "organisation policy", "org policy", "organization's policy", "disallowed by policy", "conditional access",
	"access policies", "access policy", "network policy",
	"vpc service controls", "admin policy", "domain policy",
}

// ofRules is said of the rule that kept a call out, before its name, which may have any
// words. ofRateRules names what the rule counts and comes first.
var ofRateRules = []string{
	"blocked by rate limit", "blocked by a rate limit", "blocked by the rate limit", "blocked by our rate limit", "denied by rate limit",
	"denied by the rate limit", "rejected by rate limit",
	"rejected by the rate limit", "refused by rate limit", "refused by the rate limit", "blocked by rate based", "blocked by throttl",
}

var ofRules = cross([]string{"blocked by", "denied by", "rejected by", "refused by", "forbidden by"}, []string{"policy", "policy rule", "rule", "firewall", "guardrail"})

// ofWalls is what pages say that let nobody through but a browser with somebody before
// it. Some come with 429 or 503, and no wait gets a program past them.
var ofWalls = []string{
	"verifying your browser", "security checkpoint", "checking your browser", "verify you are~ human", "verify that you are~ human",
	"verifying you are~ human", "confirm you are~ human",
	"complete the security check", "complete the captcha", "solve the captcha", "enable javascript and cookies to continue", "ddos protection by",
	"had to block your request", "we blocked your request", "request looks suspicious", "request looked suspicious",
}

// passingLocks say with 429 of an account that it is locked after too many logins. Those
// who go on meanwhile keep it locked.
var passingLocks = []string{
	"account*temporarily locked", "user*temporarily locked", "temporarily locked out", "account~ locked", "account is locked",
	"account has been locked", "user~ locked", "login~ locked",
	"account*temporarily disabled", "login*temporarily disabled",
}

// ofGuesses is said of passwords and one-time codes that were tried too often. "Too many
// attempts" alone is what Laravel says of any limit.
var ofGuesses = slices.Concat(
	cross([]string{"too many", "maximum", "max", "multiple", "number of"}, joined(secrets, []string{"attempt", "tries", "guesses"})),
	cross([]string{"too many"}, joined([]string{"failed", "incorrect", "wrong", "invalid", "unsuccessful"}, []string{
		"attempt", "tries", "guesses", "logins", "sign ins", "passwords", "codes",
	})),
	joined(secrets, []string{"attempts exceeded", "attempt limit"}),
)

var secrets = []string{
	"login", "log in", "logon", "sign in", "signin", "password", "passcode", "pin", "otp", "totp", "2fa", "mfa", "code", "verification", "authentication",
}

// codesOfGuesses are codes that say the same, of nobody in particular.
var codesOfGuesses = keySet(
	"too_many_attempts", "too_many_login_attempts", "too_many_failed_attempts", "too_many_failed_logins", "too_many_attempts_try_later",
	"login_attempts_exceeded", "max_login_attempts", "max_attempts_exceeded", "otp_attempts_exceeded", "too_many_otp_attempts",
	"too_many_password_attempts", "too_many_verification_attempts", "TooManyFailedAttemptsException",
)

// ofSetup is said of what a person has to set up at the server: a key, an address, a
// setting. No repeat finds it done.
var ofSetup = []string{
	"not enabled on this", "not enabled for this server", "not enabled in this", "disabled on this server", "disabled on this instance",
	"disabled by the administrator", "disabled by configuration", "is not installed", "not compiled with", "not available in this build",
	"not available in this deployment", "not available on this installation", "start it with", "start the server with", "restart the server with",
	"not configured", "isn't configured", "hasn't been configured", "not been configured", "not properly configured", "not set up", "not been set up",
	"is unconfigured", "misconfigured", "server misconfiguration", "not built", "not been built",
	"missing environment variable", "environment variable*not set", "environment variable*missing", "environment variable*is required", "environment variables*not set",
	"api key is not set", "api_key is not set", "api_key not set", "api key not set", "api_key environment variable", "no api key for",
	"credentials are not set", "secret is not set",
	"nicht konfiguriert", "nicht eingerichtet", "no esta configurad", "no está configurad", "no configurad", "nao configurad", "não configurad",
	"não está configurad", "non configur", "pas configur", "не настроен",
	"未配置", "没有配置", "尚未配置",
}

// ofRecords is said of what was asked for and is not there, by some with a status of their
// own trouble.
var ofRecords = []string{
	"object not found", "record not found", "document not found", "entity not found", "user not found", "account not found", "order not found",
	"item not found", "no rows in result set", "no documents in result",
	"对象不存在", "记录不存在", "数据不存在", "文件不存在", "用户不存在", "订单不存在",
}

// ofNothing and ofTaken are said of a thing in a success that is none. A status of an error
// says the same with fewer words.
var (
	ofNothing = []string{
		"not found", "does not exist", "doesn't exist", "no longer exists", "不存在", "no existe", "não existe", "não encontrad", "no encontrad",
		"nicht gefunden", "introuvable", "не найден",
	}
	ofTaken = []string{
		"already exists", "already exist", "already registered", "already taken", "already in use", "already been used", "already used", "已存在",
		"已经存在", "已被注册", "已被占用", "已签到", "重复提交",
	}
)

// ofInput is said of what the request lacks, by some with a status of their own trouble.
var ofInput = []string{
	"is required", "are required", "missing required", "must not be empty", "must not be null", "must not be blank", "cannot be empty",
	"cannot be null", "cannot be blank", "may not be null",
	"validation failed", "validation error", "failed validation", "unsupported file", "unsupported format", "unsupported media type",
	"es obligatori", "son obligatori", "é obrigatóri", "são obrigatóri", "est obligatoire", "ist erforderlich", "不能为空", "缺少参数", "缺少必", "参数缺失", "参数错误", "参数有误", "参数不正确",
	// Of a model, what it is not made for.
	"no chat template", "default chat template", "model only supports", "type must be one of", "does not support chat", "does not support generate",
	"does not support tools", "does not support image", "does not support embed",
}

// ofOutput is said of what a model has answered and nobody could use. It may answer
// otherwise the next time.
var ofOutput = append(
	cross([]string{"no valid", "invalid", "malformed", "could not parse", "failed to parse", "unable to parse", "failed to generate"}, []string{
		"tool call or response", "tool call generated", "model output", "model response", "llm output", "llm response", "output of the model", "json from the model",
		"response generated", "output generated",
	}),
	"output messages*but got", "model produced", "model returned an empty", "model did not produce", "model generated an invalid",
)

// ofSyntax is said of the tokens of a parser, which are no keys.
var ofSyntax = []string{
	"invalid token*in json", "invalid token*position", "invalid token*line", "invalid token near", "invalid token at", "unexpected token",
	"syntax error",
}

// ofNoRoute is said by gateways that know no way for a model, whichever of those behind
// them are up.
var ofNoRoute = []string{
	"unsupported model", "model*unsupported endpoint", "model*unsupported provider", "model*unsupported backend", "model*not mapped to",
	"model*is not routable", "no route for model",
	"no provider for model", "no provider configured for", "no provider found for model", "no backend for model", "no backend configured for",
	"no upstream configured for", "not supported by any configured",
}

// ofSpending is said of what somebody allowed to be spent. Gateways say it with 503 too,
// where other words of money are said of the gateway's own accounts.
var ofSpending = cross([]string{"spend limit", "spending limit", "spend cap", "spending cap"}, []string{"reached", "exceeded", "exhausted", "hit"})

// ofOutages is said of the server's own trouble, by some with the status of a wrong request.
var ofOutages = append(
	joined([]string{"service", "server", "system", "database", "backend", "upstream", "provider", "gateway"}, []string{
		"is temporarily unavailable", "temporarily unavailable", "is currently unavailable", "currently unavailable", "is down", "is starting",
		"is restarting", "connection failed", "connection error", "unreachable",
	}),
	"unknown error occurred", "an error occurred. please try again", "temporarily unavailable", "please retry later", "please retry in",
	"try again in a few seconds", "try again in a few minutes", "try again in a moment",
	"try again shortly", "retry shortly", "still starting", "is starting up", "starting, retry", "is waking up", "request timed out", "operation timed out",
	"connection timed out", "upstream timed out", "gateway timeout",
	"暂时不可用", "暂不可用", "请稍后再试", "请稍后重试", "稍后重试",
)

// ofRestarts is said by clusters and by what is on its way up, with all kinds of statuses.
var ofRestarts = []string{
	"leader_not_available", "leadership election", "leader election in progress", "during leader election", "leader, election", "election under way",
	"node is draining", "replaying wal", "replaying the wal",
	"still initializing", "still initialising", "not finished starting", "still starting", "is starting up", "currently loading", "still loading",
	"getting ready to work", "not loaded yet", "not yet loaded", "is waiting to start", "containercreating", "podinitializing", "blocks behind",
	"behind the head", "server has gone away", "recovery in progress", "is warming up",
	"currently under maintenance", "identity provider not reachable",
}

// ofAllowance is said of what a plan allows in all, where "limit" alone may be one of a rate.
var ofAllowance = slices.Concat(
	cross([]string{"no", "zero"}, []string{
		"searches left", "messages left", "generations left", "images left", "conversions left", "lookups left", "credits remaining",
		"searches remaining", "requests in your plan", "calls in your plan", "requests on your plan", "available image quota",
	}),
	cross([]string{"free"}, []string{
		"messages are used up", "requests are used up", "usage limit reached", "usage limit exceeded", "requests used", "generations used",
		"limit reached",
	}),
	cross([]string{
		"image", "images", "video", "generation", "generations", "storage", "download", "upload", "message", "email", "sms",
	}, []string{
		"quota is used up", "quota used up", "quota exceeded", "quota exhausted", "quota is exhausted", "quota reached", "allowance used up",
		"allowance exceeded",
	}),
	cross([]string{
		"allowance", "budget", "spend limit", "spending limit", "spend cap", "credit limit", "usage cap", "monthly cap", "daily cap", "weekly cap",
	}, []string{
		"exceeded", "reached", "used up", "exhausted", "consumed", "hit", "spent", "exceeds",
	}),
	[]string{
		"maximum requests for your subscription", "requests allowed by your subscription", "requests included in your subscription",
		"you've hit your limit", "you have hit your limit", "hit your usage limit", "hit your monthly", "hit your daily", "hit your weekly",
		"credits required", "credits are required",
		"requires credits", "access limit for this client", "quota of images", "rolling spend", "no active plan", "no active subscription",
		"out of searches", "storage is full", "storage are used up", "storage used up", "out of storage", "buy more space", "purchase further seats",
		"purchase more seats", "exceeding approved", "your allotment", "allotment*used",
	},
)

// ofNoMoney is said of a purse that is empty. Tokens and quotas are counted in rates as well.
var ofNoMoney = slices.Concat(
	cross([]string{"insufficient", "run out of", "ran out of", "out of", "no remaining"}, []string{"balance", "credits", "funds"}),
	cross([]string{"balance", "funds"}, []string{"insufficient", "is insufficient", "too low", "depleted", "exhausted"}),
	[]string{"余额不足", "账户余额", "欠费"},
)

// ofHalfDone is said of work of which the part that matters has been done. Doing it again
// does it twice.
var ofHalfDone = cross([]string{
	"payment", "charge", "transfer", "transaction", "refund", "order", "booking", "reservation", "payout", "withdrawal", "card", "customer",
	"account",
},
	[]string{
		"succeeded*but", "was successful*but", "completed*but", "went through*but", "was created*but", "was placed*but", "was captured*but",
		"was charged*but", "has been charged*but", "was executed*but", "was submitted*but",
	})

// ofTwice is said of what is there already, by some with a status of their own trouble.
var ofTwice = []string{
	"unique constraint failed", "violates unique constraint", "unique constraint violation", "duplicate key value", "duplicate entry",
	"already exists", "already exist", "already registered", "already taken", "already been used", "already been processed", "已存在", "已经存在", "已被注册",
	"已被占用",
}

// forbidding are how servers ask not to repeat, and untilThen are words by which they only
// ask to wait, or to go slower.
var (
	forbidding = []string{
		"do not retry", "don't retry", "do not resubmit", "don't resubmit", "do not re submit", "do not submit again", "do not resend",
		"do not repeat", "do not start another", "do not try again",
		"must not be retried", "should not be retried", "cannot be retried", "must not be repeated", "non retryable", "not retryable", "nonretryable",
		"not retriable", "non retriable", "请勿重试", "不要重试", "请勿重复提交",
	}
	untilThen = []string{
		"until", "before", "immediately", "more than", "within", "sooner", "too ", "faster", "right away", "at once", "in less", "for the next",
		"for at least", "unless",
	}
)

// ofKeyMissing asks for a key.
var ofKeyMissing = slices.Concat(
	cross([]string{"specify", "provide", "supply", "include", "use", "need", "requires", "require", "register for"}, []string{"an api key", "a valid api key"}),
	cross([]string{"api key", "apikey", "service key"}, []string{"not registered", "not active", "not activated", "not authorised"}),
)

// ofSizes is said of what is larger than the server takes.
var ofSizes = append(cross(cross([]string{"max", "maximum", "allowed"}, []string{
	"site", "file", "upload", "body", "message", "document", "image", "attachment", "payload", "request", "total", "import", "batch", "object",
	"video", "audio", "content",
}), []string{
	"size exceeded", "size has been exceeded", "size is exceeded", "size limit exceeded",
}),
	"must be shorter than*bytes", "shorter than*bytes", "we take up to*mb", "larger than*mb", "bigger than*mb", "file size limit exceeded", "upload size limit exceeded", "body size limit exceeded", "attachment size limit exceeded")

// ofBusy is said of a thing at which something else is at work, by some with 400. A
// server that is busy is overloaded.
var ofBusy = slices.Concat(
	cross([]string{
		"linode", "instance", "resource", "disk", "volume", "machine", "vm", "node", "device", "printer", "database", "session", "conversation",
		"thread", "object", "file", "project", "cluster", "droplet", "domain", "zone", "account", "environment", "app", "repository", "branch",
		"index", "collection", "job",
	},
		[]string{"busy", "is busy", "is currently busy", "is locked by another"}),
	[]string{
		"another process is currently", "another request is currently", "another operation is currently", "is currently being modified",
		"is currently being updated", "currently operating on", "another update is in progress", "another operation is in progress",
		"another request is in progress",
		"has an active run", "already has an active", "while a run", "another*already in progress", "still processing", "not ready to be used",
		"update_in_progress", "create_in_progress", "delete_in_progress", "cleanup_in_progress", "rollback_in_progress", "already has a pending event",
		"already has a pending operation", "has a pending event", "is locked for refresh", "restart transaction", "retry txn", "could not serialize access",
		"serialization failure", "settings are frozen while", "lease is held", "lease to be free",
	},
)

// ofWork is said of a thing that somebody is at work on, by some with 400 or 422.
var ofWork = cross([]string{"is being", "are being", "still being"}, []string{
	"processed", "provisioned", "updated", "deleted", "generated", "built", "indexed", "transcoded", "deployed", "imported", "exported", "migrated",
	"restored", "synced",
	"prepared",
})

// ofEditions is said of what a product has only for those who pay more.
var ofEditions = slices.Concat(
	cross([]string{
		"available only", "only available", "supported only", "only supported", "available exclusively", "exclusively available",
	}, []string{
		"in~ pro", "in~ enterprise", "in~ edition", "in the~ edition", "in~ premium", "in the paid", "in~ cloud", "with~ enterprise", "with~ license",
		"on~ plan", "on~ plans", "for~ plan", "for~ customers", "to~ customers", "to~ subscribers", "for~ subscribers",
	}),
	cross([]string{"requires", "require"}, []string{
		"the~ edition", "an~ edition", "a~ edition", "an enterprise license", "a valid license", "enterprise edition", "a pro license",
	}),
	[]string{
		"for free accounts", "for free users", "for free plans", "on free accounts", "not available in~ edition", "not available in the~ edition",
		"not available in the free", "not available in the community",
		"not supported in~ edition", "not available on your plan", "not available in your plan", "not available on your current plan",
	},
)

// ofCounts is said of how many things somebody may have. Those of a rate stand higher in
// the list of phrases.
var ofCounts = slices.Concat(
	cross([]string{"reached", "hit"}, []string{"your~ limit of", "the~ limit of", "the maximum number of", "the maximum allowed number of", "the maximum amount of"}),
	cross([]string{"organization", "organisation", "account", "team", "workspace", "plan", "subscription"}, []string{"is currently limited to", "is limited to"}),
	[]string{
		"maximum number of~ reached", "maximum number of~ has been reached", "max number of~ reached", "this limit increased",
		"no more~ can be created", "cannot create more", "can't create more", "cannot add more", "can't add more", "allowed number of*reached", "account level service limit",
	},
)

// ofApproval is said of who has to be let in by somebody first.
var ofApproval = append(cross([]string{"account", "user", "organization", "organisation", "app", "application", "company", "registration", "developer", "membership", "profile"}, []string{
	"pending approval", "is pending approval", "pending administrative approval", "pending admin approval", "awaiting approval", "waiting for approval",
	"not been approved", "not yet been approved", "not yet approved", "is not approved", "pending activation", "not been activated", "is not activated",
	"is not active", "is inactive", "under review",
}), "email not confirmed", "email not verified", "email is not verified", "email address is not verified", "email has not been verified")

// ofMembers is said of a member of the request that the server does not take, by some with
// the status of a thing that is not there.
var ofMembers = cross([]string{"unrecognized", "unrecognised", "unknown", "unsupported"}, []string{"request argument", "argument supplied", "parameter", "field", "property"})

// ofPasswords is said of a login. What is wrong with a new password is another matter.
var ofPasswords = append(
	cross([]string{"incorrect", "wrong"}, []string{"password", "username", "user name", "passcode"}),
	"credentials do not match", "do not match our records", "wrong pin", "log on again", "missing client token", "password is incorrect",
	"password incorrect", "password is wrong", "credentials are incorrect", "password does not match", "password did not match",
	"unknown user name or", "unknown username or", "invalid username or", "invalid email or",
)

// ofNames is said of a name that another thing has.
var ofNames = append(
	cross([]string{"name", "email", "username", "slug"}, []string{
		"already taken", "is already taken", "has already been taken", "already in use", "is already in use", "is taken", "already used",
		"is already used",
	}),
	"cannot publish over", "not mergeable", "is terminated", "recordnotunique", "duplicate name", "duplicate_name", "duplicate value", "duplicate email",
)

// passingBans say of a ban that it ends by itself. Then it is a limit.
var passingBans = []string{
	"flood_wait", "banned for the next", "banned until", "banned for*minutes", "banned for*seconds", "banned for*hour", "temporarily banned",
	"temporary ban", "temp banned", "auto banned",
	"banned for excessive", "banned for flooding", "banned for sending too", "ban will be lifted", "ban expires", "ban will expire",
	"temporarily blocked", "temporarily restricted", "blocked for sending too", "block will be lifted", "blocked until", "suspended until",
	"blocked from accessing*temporarily", "blocked temporarily", "blocked by flood", "flood control", "暂时封禁", "临时封禁",
}
