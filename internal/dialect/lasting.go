package dialect

import (
	"slices"
	"strings"
)

// Many servers answer 500 to whatever they did not expect: a date that is none, a record
// that is gone, a table that nobody created. No repeat cures it.

// lasting is the class of a failure of the server's own that a repeat does not cure, ""
// if it may pass. The evidence is what the answer says, the scope this answer. Words for
// another party, or for a time, speak against it: "invalid response from upstream" is no
// wrong request. The next call is sent as ever, and Retrier.Decide can repeat this one.
func (r *reader) lasting() Class {
	if r.status/100 != 5 {
		return ""
	}
	if saysAny(r.text(), ofIncomplete) {
		return ServerError
	}
	c := tables().lasting.heard(r.text(), r.status)
	if c == "" && r.blamesSender() {
		c = InvalidRequest
	}
	if c == "" || saysAny(r.text(), ofPassing) {
		return ""
	}
	return c
}

// blamesSender reports whether a SOAP fault says that the message must not be sent again
// without change: all faults come with 500. Some say so of whatever went wrong.
// https://www.w3.org/TR/2000/NOTE-SOAP-20000508/#_Toc478383510
func (r *reader) blamesSender() bool {
	if r.xml == "" {
		return false
	}
	code := element(r.xml, "faultcode")
	if code == "" {
		code = element(afterName(r.xml, "Fault"), "Value") // of SOAP 1.2
	}
	code, _, _ = strings.Cut(code[strings.LastIndexByte(code, ':')+1:], ".")
	return (code == "Client" || code == "Sender") && !saysAny(r.text(), ofServers)
}

// ofServers is said of a server's trouble by faults that blame the sender.
var ofServers = []string{"unexpected error", "error occurred", "error has occurred", "internal", "unavailable", "database", "deadlock", "server"}

// lasts reports whether a failure that passes by its class does not by what is said.
func (r *reader) lasts(c Class) bool {
	return (c == ServerError || c == Unavailable) && r.lasting() != ""
}

// byLasting leaves the class of what is broken in the server to its status.
func (r *reader) byLasting() Class {
	if c := r.lasting(); c != ServerError {
		return c
	}
	return ""
}

// ofIncomplete is said of a program that was deployed without one of its modules. What
// stands beside it does not count: a stack trace has all kinds of words.
var ofIncomplete = []string{
	"no module named", "cannot find module", "unable to import module", "importmoduleerror", "modulenotfounderror", "classnotfoundexception",
	"noclassdeffounderror", "not found on path",
}

// ofPassing is said of failures that pass, and of whoever stands behind the server.
var ofPassing = []string{
	// Another party.
	"response", "upstream", "backend", "reply", "replied", "gateway", "from server", "from the server", "from provider", "from the provider",
	"certificate", "tool call", "model output", "generated", "unknown~ error",
	// A time.
	"temporarily", "temporary error", "temporary failure", "temporary issue", "temporary problem", "temporary outage", "temporary unavailab",
	"maintenance", "moment", "later", "right now", "at this time", "try again", "retry", "retries", "deadline", "timeout", "timed out", "starting",
	"ago", "waiting", "syncing", "resyncing", "migrating", "in transition", "rolling", "rolled", "being", "draining", "stopping", "behind by", "not committed",
	"any more", "greylisted", "450 4", "451 4",
	"restarting", "restarted", "resuming", "in progress", "scheduling", "not initialized", "initialized first", "reindexing", "context canceled", "was canceled",
	// Load, and what servers are made of.
	"healthy", "any available", "an available", "any free", "a free", "any idle", "an idle", "for inference", "partition", "key exchange", "certification path",
	"peer", "out of memory", "could not be contacted", "network path", "lost the race", "max wait",
	"is down", "unreachable", "socket", "php fpm", "broken pipe", "reset by", "circuit breaker", "rebalancing", "recovering", "loading",
	"during the", "falling back", "handler already registered", "[2002]", "dial unix", "to unix:", "overload", "busy", "connection",
	"max_user_connections", "too many open", "cache", "stack", "queue", "heap", "pool", "worker", "workers",
	"more threads", "of threads", "native thread", "concurrent executions", "concurrent requests", "deadlock", "bandwidth", "leader", "master",
	"replica", "secondary", "quorum",
	"failover", "shard", "cluster must", "cluster state",
	"coordinator", "available server", "search nodes", "nodes must", "internal state", "locked",
	// Programs that stumble over what they got.
	"nonetype", "undefined or null", "nil into", "nullable object", "null given", "bool given", "eof", "input/output error", "stale file",
	"file descriptor", "prepared statement", "invariant", "assertion", "malloc", "double free", "bound must", "headers already", "must have gone",
}

// lastingPhrases are said with 500 and its like of what stays as it is.
var lastingPhrases = []words{
	{InvalidRequest, "500", ofWrongValues},
	{InvalidRequest, "500", ofUnreadable},
	{InvalidRequest, "500", ofUnsupported},
	{TooLarge, "500", ofTooLong},
	{ServerError, "500", ofSchema},
	{NotFound, "500", ofMissing},
	{Conflict, "500", ofState},
	// Whom it concerns is not known: the key of the server itself, or that of the request.
	{ServerError, "500", ofRefusals},
	{ServerError, "500", ofPrograms},
	{NotFound, "500", []string{
		"does not exist", "doesn't exist", "no longer exists",
		"nicht gefunden", "ist nicht bekannt", "existiert nicht", "no se encontr", "no existe", "não encontrad", "não existe", "introuvable", "n'existe pas",
		"non trovat", "не найден", "не существует", "未找到", "不存在",
	}},
	{ServerError, "500 501 503", ofSwitchedOff},
	{ServerError, "503", []string{
		"service suspended", "service has been suspended", "site has been suspended", "permanently shut down", "shut down permanently",
		"hosting plan*suspended", "site is suspended", "website is suspended", "account suspended",
		"account is suspended", "over quota",
		"bandwidth limit exceeded", "bandwidth used up", "are forbidden from using", "only allows~ clients",
	}},
}

// What is said of such failures, in the words of parsers, databases and checks.
var (
	ofWrongValues = slices.Concat(
		cross([]string{"invalid", "incorrect", "illegal", "malformed", "unrecognized"}, []string{
			"date", "datetime", "time", "timestamp", "format", "value", "input", "uuid", "email", "phone", "argument", "arguments", "parameter",
			"parameters", "field", "option", "enum", "filter", "cursor", "currency", "language", "locale", "number", "integer", "range", "dimension",
			"dimensions", "file", "filename", "image", "audio", "video", "query", "payload", "request", "base64", "regex", "expression",
			"coordinates", "url", "amount", "quantity", "identifier", "name", "id", "type", "literal", "units", "syntax",
		}),
		joined([]string{"must be"}, []string{
			"a string", "a number", "a valid", "a positive", "a non", "a list", "a boolean", "a date", "a uuid", "an integer", "an array",
			"an object", "one of", "between", "greater", "less", "at least", "at most", "positive", "non ", "unique", "divisible", "provided",
			"specified",
			"supplied", "equal to", "valid", "numeric", "integer", "passed", "true", "false", "in the format", "in the range", "in yyyy", "in iso",
		}),
		joined([]string{"expected", "expected a", "expected an"}, []string{
			"string", "number", "integer", "array", "object", "boolean", "list", "dict", "one of", "value", "tensor", "yyyy",
		}),
		cross([]string{
			"value", "field", "parameter", "argument", "date", "email", "format", "file", "url", "id", "input", "request", "name", "payload", "query",
		}, []string{"is invalid", "is not valid", "is malformed", "is incorrect", "not valid"}),
		cross([]string{"file", "image", "document", "attachment", "upload"}, []string{"is not a", "is not an", "is no valid"}),
		[]string{
			"no property*found for type", "no enum constant", "is greater than max", "dimension*does not match", "is not valid for", "unexpected field",
			"property references a null", "more than once", "month out of range", "day out of range",
			"does not match any", "doesn't match any", "not maintained in", "not maintained for", "requires*flag", "must alternate", "can not be greater",
			"cannot be greater", "can not be less", "cannot be less", "must not exceed", "fields are missing", "required_field_missing",
			"must have a value", "could not be parsed", "cannot be parsed", "not able to be parsed", "hook declined", "expected dim", "expects dimension",
			"embedding with dimension", "expected input*shape", "does not match the expected", "do not match the expected", "address rejected",
			"user unknown", "no such mailbox", "invalid data found", "not sufficient for", "policy not met", "requirements not met", "not registered",
			"nicht gültig", "ist ungültig", "sind ungültig", "darf nicht leer", "muss angegeben", "no es válid", "no son válid", "debe ser", "não é válid",
			"deve ser", "doit être",
			"n'est pas valide", "non è valid",
			"must contain", "must start with", "must end with", "must match", "must specify", "must provide", "must supply", "must not be",
			"should be one of", "should be a valid", "should be between", "not a valid", "unknown parameter", "unknown option", "unknown field",
			"unknown argument", "request method*not supported", "cast to objectid failed", "mapping values are not allowed", "unexpected keyword argument",
			"required positional argument", "could not convert string", "cannot convert", "not in a correct format", "for input string:",
			"numberformatexception", "illegalargumentexception", "validation error for", "validation errors for", "validation exception", "bad request",
			"no file uploaded", "no file was uploaded", "not supplied", "out of range for", "out of range value", "field required", "fields required",
			"cannot be negative", "check your request", "does not have a valid", "do not have a valid",
			// Of databases, of what they were given.
			"invalid input syntax for", "required value", "violates not null", "violates check constraint", "foreign key constraint",
			"cannot insert null", "doesn't have a default value", "conversion failed when converting", "cannot cast",
			"格式不正确", "格式错误", "不合法", "非法参数", "无效的参数", "参数无效",
		},
	)
	ofUnreadable = slices.Concat(
		cross([]string{
			"failed to parse", "could not parse", "couldn't parse", "cannot parse", "can't parse", "unable to parse", "error parsing",
			"failed to decode", "could not decode", "cannot decode", "failed to read", "could not read", "cannot read", "unable to read",
		}, []string{
			"request", "body", "input", "parameter", "parameters", "params", "payload", "date", "argument", "arguments", "file", "image", "csv", "pdf",
			"query", "url", "audio", "video", "form", "multipart", "content type", "xhtml", "xml", "html", "yaml", "expression", "template", "formula",
		}),
		[]string{
			"cannot deserialize", "could not deserialize", "failed to deserialize", "unsupported unicode escape", "cannot unmarshal", "can't unmarshal",
			"json parse error", "parse error at line",
			"json.exception.parse_error", "lexical error at line", "cannot identify image", "corrupt", "unreadable", "no multipart boundary",
			"missing boundary", "multipart: nextpart", "is encrypted and", "password protected",
		},
	)
	ofUnsupported = slices.Concat(
		cross([]string{"unsupported"}, []string{
			"format", "type", "protocol", "currency", "language", "locale", "version", "encoding", "codec", "media", "extension", "operation", "method",
			"unit", "parameter", "option", "argument", "value", "file", "mode", "architecture", "algorithm", "scheme", "chain", "network", "country", "region", "action",
			"command", "provider", "voice", "feature",
		}),
		joined([]string{"unknown"}, []string{
			"format", "currency", "language", "locale", "version", "encoding", "codec", "media type", "extension", "unit", "mode", "algorithm",
			"scheme", "chain", "country", "region", "action", "voice", "feature",
		}),
		[]string{
			"does not support", "do not support", "doesn't support", "only as json supported", "only*is supported", "only*are supported", "not supported",
			"isn't supported", "aren't supported", "no longer supported", "not implemented", "notimplemented", "method not allowed", "不支持",
		},
	)
	ofTooLong = slices.Concat(
		joined([]string{"file", "file size", "image", "image size", "body", "document", "attachment", "payload", "message", "text", "title", "name", "input"}, []string{
			"is too large", "is too big", "is too long", "too large", "too big", "too long", "exceeds the maximum", "exceeds maximum", "exceeds the limit",
			"exceeds limit", "exceeds*limit of",
		}),
		[]string{
			"content length of*exceeds the limit", "which is larger than", "longer than the max length", "longer than the maximum length",
			"larger than the max size", "larger than the maximum size", "exceeds the list view threshold", "value too long for", "data too long for",
			"data would be truncated", "packet bigger than",
			"max_allowed_packet", "maximum file size",
			"max file size", "maximum upload size", "maximum request length", "maximum number of items",
		},
	)
	ofMissing = slices.Concat(
		cross(ofThings, []string{
			"not found", "was not found", "could not be found", "does not exist", "doesn't exist", "is not found", "no longer exists", "not exist",
			"has been deleted", "was deleted", "is unknown", "is not known",
		}),
		cross([]string{
			"could not find", "couldn't find", "cannot find", "can't find", "unable to find", "failed to find", "did not find", "could not locate",
			"cannot locate", "unable to locate", "failed to locate",
		}, ofThings),
		cross(joined([]string{"no"}, ofThings), []string{"found", "was found", "with that", "with this", "with id", "matching", "matches"}),
		joined([]string{"unknown"}, ofThings),
		joined([]string{"no open", "no matching", "no such", "no corresponding"}, []string{"order", "invoice", "customer", "product", "contract", "booking", "account", "user", "record", "employee", "item", "document"}),
		joined([]string{"no such"}, []string{
			"file", "key", "bucket", "model", "object", "container", "pod", "device", "property", "element", "entity", "an entity", "price", "coupon", "plan",
			"subscription", "charge", "token", "source", "payment",
		}),
		[]string{
			"unable to find*with id", "could not find*with id", "couldn't find*with 'id'", "no record found", "no records found", "nosuch", "recordnotfound",
			"entitynotfoundexception",
			"no valid route", "no route found", "no static resource", "noresourcefound", "not available in region",
			"not available in your region", "not available in this region", "not available in your country", "has been removed from this library",
		},
	)
	// ofThings are records that a server keeps. Its own parts, such as hosts and workers, are
	// left out, since they come back.
	ofThings = []string{
		"file", "bucket", "template", "workflow", "project", "session", "collection", "voice", "page", "product", "customer", "contact", "document",
		"record", "resource", "object", "entity", "item", "user", "account", "order", "invoice", "payment", "subscription", "plan", "model",
		"agent", "assistant", "thread", "chat", "conversation", "organization", "workspace", "repository", "branch", "commit", "issue", "ticket",
		"event", "device", "sensor", "station", "city", "image", "video", "playlist", "track", "dataset", "index", "table", "key", "tenant",
		"company", "address", "transaction", "wallet", "asset", "token", "report", "job", "task", "message", "folder", "path", "category", "entry",
		"player", "match", "game", "network", "volume", "container", "pod", "namespace", "secret", "group", "team", "member", "label", "macro", "property",
		"variable", "domain", "vm", "plugin", "chatflow", "extension", "tool", "skill", "job template", "symbol", "ticker", "schema", "deployment",
		"environment", "profile", "id", "post", "article", "comment", "tag",
		"route", "policy", "region", "area", "department", "store", "channel", "role", "setting", "configuration", "stream", "topic", "locations",
	}
	ofState = slices.Concat(
		joined([]string{"cannot", "can't", "can not"}, []string{"delete", "remove", "modify", "edit", "rename", "archive", "publish", "approve", "cancel", "refund", "be deleted", "be cancelled", "be canceled", "be refunded"}),
		joined([]string{"already", "already been"}, []string{
			"refunded", "paid", "invoiced", "confirmed", "archived", "cancelled", "canceled", "redeemed", "shipped", "voided", "submitted", "registered", "subscribed",
		}),
		[]string{
			"already in use by", "can no longer be", "sold out", "already in status", "already in state", "already in the state", "must first", "first define",
			"first create", "first configure", "permanently closed",
			"closed permanently", "does not belong to", "is not linked to", "is not assigned to", "is not associated with", "not eligible",
			"business rule", "is already complete", "is already cancel", "username is not available", "email is not available", "name is not available",
			"username is taken", "name is taken", "insufficient stock", "out of stock", "insufficient inventory", "not enough stock", "exists already",
			"integrity constraint", "constraint error", "constraintviolationexception", "duplicate key",
			"duplicate value", "duplicate record", "duplicated",
		},
	)
	ofRefusals = []string{
		"you cannot", "you can not", "you can't", "not allowed by", "does not have*capability", "password not accepted", "credentials not accepted",
		"do not have access", "don't have access", "does not have access", "doesn't have access", "invalid permission", "isn't authorized",
		"unable to authenticate", "error code 49", "no verified", "is not verified", "not entitled",
		"not allowed to", "not permitted", "operation not allowed", "permission denied", "access denied", "access is denied", "access to*is denied",
		"do not have permission", "don't have permission", "does not have permission", "not enough privileges", "insufficient privileges",
		"insufficient permissions", "not authorized to", "not authorised to", "password has expired", "password expired", "password incorrect",
		"incorrect password", "wrong password", "invalid password", "bad credentials", "invalid login",
	}
	// Of the tables of a database, which nobody has created.
	ofSchema = []string{
		"unknown column", "undefined column", "undefined table", "column*does not exist", "relation*does not exist", "missing column",
		"function*does not exist", "operator does not exist",
		"no such table", "no such column", "table*doesn't exist", "table*does not exist", "invalid object name", "invalid column name",
		"syntax error: failed at", "syntax error at or near", ": syntax error", "syntax error near", "syntax error, ", "error in your sql syntax",
		"sqlstate[42", "sqlstate[22", "sqlstate[23", "sqlstate 42",
		"sqlstate: 42", "no existe la columna", "no existe la relaci", "unknown database", "infinite recursion detected in policy", "migrations are pending",
		"pendingmigrationerror",
	}
	ofPrograms = []string{
		"module not found", "module_not_found", "class not found",
		"configuration data", "configuration section", "specified version*was not found",
		"referenceerror", "nameerror: name", "unboundlocalerror", "importerror", "undefined constant", "undeclared variable", "call to undefined",
		"undefined function", "undefined method", "command not found", "no such command", "executable file not found", "enoent",
		"unhashable type", "positional arguments but", "cannot be cast to", "no space left", "out of disk space", "disk full", "disk is full",
		"disk quota exceeded", "not enough space", "lowdiskspace", "low disk space", "could not find driver", "could not load file or assembly",
		"read only file system", "cannot write into", "unable to resolve service for type", "templatedoesnotexist",
		"target class*does not exist", "find any class that implements", "unexpected argument", "has no implementation", "template error",
		"templatenotfound", "view*not found",
	}
	ofSwitchedOff = slices.Concat(
		joined([]string{
			"feature", "api", "endpoint", "service", "registration", "login", "sign up", "signup", "function", "method", "module", "plugin",
			"integration", "command", "option", "account", "billing", "payments", "uploads", "this",
		}, []string{
			"is disabled", "are disabled", "has been disabled", "have been disabled", "is turned off", "has been turned off", "is switched off", "has been retired",
			"has been decommissioned", "has been discontinued", "was removed in",
		}),
		[]string{
			"migrations are pending", "was switched off on", "runs no", "feature*is disabled", "plugin*is disabled", "module*is disabled",
			"feature disabled", "service disabled", "disabled by", "disabled in this", "currently disabled for", "disabled on this",
			"is disabled for",
			"in standalone mode", "compiled in", "module missing", "missing dependency", "missing configuration", "configuration missing",
			"environment variable not found", "non existent",
			"configuration error", "config error", "invalid configuration", "configuration is invalid", "configuration is missing",
			"not found in environment", "environment variable*not set", "is not set", "are not set", "isn't set", "not been set", "please set", "please configure",
			"must be configured", "needs to be configured", "must be set", "must set", "need to update the", "no application encryption key", "missingappkey",
			"no pg_hba.conf entry", "group only allows", "no provider configured", "no model configured", "no key configured", "default credentials",
			"could not discover", "could not determine the project", "unable to locate credentials",
			"no backend configured", "no connector configured", "none configured", "no database configured", "not provisioned", "not activated",
			"not part of this",
			"not included in this", "requires configuration",
			"license*prohibits", "license*has been reached", "defined by your license", "your license allows", "license for~ expired", "licence for~ expired",
			"license limit", "was discontinued",
			"license ran out", "licence ran out", "license file", "licence file", "renewal key", "unlicensed", "licenseexception", "license expired",
			"licence expired", "license has expired", "licence has expired", "no valid license", "no valid licence", "invalid license", "invalid licence",
			"license is invalid", "license is expired", "license is missing", "license key is", "not licensed",
			"已停用", "已下线", "已禁用", "未启用", "未开启", "功能已关闭", "未开放",
		},
	)
)
