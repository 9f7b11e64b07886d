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
// wrong request. The next call is sent as ever.
func (r *reader) lasting() Class {
	if r.status/100 != 5 {
		return ""
	}
	c := tables().lasting.heard(r.text(), r.status)
	if c == "" && r.blamesSender() {
		c = InvalidRequest
	}
	if c == "" || slices.ContainsFunc(ofPassing, func(word string) bool { return says(r.text(), word) }) {
		return ""
	}
	return c
}

// blamesSender reports whether a SOAP fault says that the message must not be sent again
// without change: all faults come with 500.
// https://www.w3.org/TR/2000/NOTE-SOAP-20000508/#_Toc478383510
func (r *reader) blamesSender() bool {
	if r.xml == "" {
		return false
	}
	code := element(r.xml, "faultcode")
	if code == "" {
		code = element(afterName(r.xml, "Fault"), "Value") // of SOAP 1.2
	}
	switch code[strings.LastIndexByte(code, ':')+1:] {
	case "Client", "Sender":
		return true
	}
	return false
}

// byLasting leaves the class of what is broken in the server to its status.
func (r *reader) byLasting() Class {
	if c := r.lasting(); c != ServerError {
		return c
	}
	return ""
}

// ofPassing is said of failures that pass, and of whoever stands behind the server.
var ofPassing = []string{
	"response", "upstream", "backend", "reply", "replied", "gateway", "from server", "from the server", "from provider", "from the provider", "certificate",
	"nonetype", "temporarily", "temporary error", "temporary failure", "temporary issue", "temporary problem", "temporary outage",
	"temporary unavailab", "maintenance", "moment", "later", "try again", "retry", "retrying", "timeout", "timed out", "connection", "overload",
	"busy", "starting", "restarting", "tool call", "model output", "generated", "cache", "stack",
}

// lastingPhrases are said with 500 and its like of what stays as it is.
var lastingPhrases = []words{
	{InvalidRequest, "500", ofWrongValues},
	{InvalidRequest, "500", ofUnreadable},
	{InvalidRequest, "500", ofUnsupported},
	{TooLarge, "500", ofTooLong},
	{NotFound, "500", ofMissing},
	{NotFound, "500", ofUnfound},
	{Conflict, "500", ofState},
	// Whom it concerns is not known: the key of the server itself, or that of the request.
	{ServerError, "500", []string{
		"not allowed to", "not permitted", "operation not allowed", "permission denied", "access denied", "access is denied", "access to*is denied",
		"do not have permission", "don't have permission", "does not have permission", "forbidden from using", "does not have a valid", "do not have a valid",
		"not enough privileges", "insufficient privileges", "insufficient permissions", "not authorized to", "not authorised to",
		"password has expired", "password expired", "password incorrect", "incorrect password", "wrong password", "invalid password", "bad credentials", "invalid login",
	}},
	{ServerError, "500", ofSchema},
	{ServerError, "500", ofPrograms},
	{ServerError, "500 501 503", ofSwitchedOff},
	{ServerError, "503", []string{"is suspended", "has been suspended", "account suspended", "over quota", "bandwidth limit exceeded", "bandwidth used up", "has been terminated"}},
	{ServerError, "503", []string{"group only allows", "only allows~ clients", "only available to", "only accepts"}},
}

// What is said of such failures, in the words of parsers, databases and checks.
var (
	ofWrongValues = slices.Concat(
		cross([]string{"invalid", "incorrect", "illegal", "malformed", "unrecognized"}, []string{
			"date", "datetime", "time", "timestamp", "format", "value", "input", "uuid", "email", "phone", "argument", "arguments", "parameter",
			"parameters", "field", "option", "enum", "filter", "cursor", "currency", "language", "locale", "number",
			"integer", "range", "size", "dimension", "dimensions", "file", "filename", "image", "audio", "video", "query", "payload", "request",
			"request body", "base64", "regex", "expression", "coordinates", "amount", "quantity", "identifier", "name", "id", "type", "literal",
			"units", "syntax",
		}),
		cross([]string{"must be"}, []string{
			"a", "an", "one of", "between", "greater", "less", "at least", "at most", "in", "positive", "non", "unique", "divisible", "provided",
			"specified", "supplied", "equal", "of type", "valid", "numeric", "string", "integer", "passed", "true", "false",
		}),
		cross([]string{"expected"}, []string{
			"string", "number", "integer", "array", "object", "boolean", "list", "dict", "type", "format", "one of", "a string", "a number",
			"an integer", "an array", "an object", "a list", "a value", "tensor", "yyyy",
		}),
		cross([]string{
			"value", "field", "parameter", "argument", "date", "email", "format", "file", "url", "id", "input", "request", "name", "payload", "query",
		}, []string{"is invalid", "is not valid", "is malformed", "is incorrect", "not valid"}),
		[]string{
			"must contain", "must have", "must start with", "must end with", "must match", "must specify", "must provide", "must include",
			"must supply", "must not", "should be one of", "should be a valid", "should be between", "is not a valid", "isn't a valid", "not a valid",
			"unknown parameter", "unknown option", "unknown field",
			"request method*not supported", "cast to objectid failed", "mapping values are not allowed", "unknown argument",
			"unexpected keyword argument", "required positional argument", "invalid literal for", "could not convert string",
			"cannot convert", "can't convert", "not in a correct format", "for input string:", "numberformatexception", "illegalargumentexception",
			"validation error for", "validation errors for", "validation exception", "bad request", "invalid argument", "no file uploaded",
			"no file was uploaded", "not supplied", "out of range for", "out of range value", "field required", "fields required",
			"cannot be negative", "must not be negative",
			// Of databases, of what they were given.
			"invalid input syntax for", "incorrect datetime value", "incorrect integer value", "incorrect string value", "required value",
			"violates not null", "violates check constraint", "foreign key constraint", "cannot insert null", "doesn't have a default value",
			"invalid number", "conversion failed when converting", "cannot cast",
			"格式不正确", "格式错误", "不合法", "非法参数", "无效的参数", "参数无效",
		},
	)
	ofUnreadable = slices.Concat(
		cross([]string{
			"failed to parse", "could not parse", "couldn't parse", "cannot parse", "can't parse", "unable to parse", "error parsing",
			"failed to decode", "could not decode", "cannot decode", "failed to read", "could not read", "cannot read", "unable to read",
		}, []string{
			"request", "request body", "body", "input", "parameter", "parameters", "params", "payload", "date", "argument", "arguments", "file",
			"image", "csv", "pdf", "query", "url", "uploaded file", "audio", "video", "form", "multipart", "content type",
		}),
		[]string{
			"cannot deserialize", "could not deserialize", "cannot unmarshal", "can't unmarshal", "json parse error", "parse error at line", "json.exception.parse_error", "lexical error at line", "check your request", "cannot identify image",
			"not a valid image", "corrupt", "unreadable", "no multipart boundary", "missing boundary", "multipart: nextpart",
		},
	)
	ofUnsupported = append(
		cross([]string{"unsupported", "unknown"}, []string{
			"format", "type", "protocol", "currency", "language", "locale", "version", "encoding", "codec", "media", "media type", "extension",
			"operation", "method", "unit", "parameter", "option", "argument", "value", "file", "mode", "algorithm", "scheme", "chain", "network",
			"country", "region", "action", "command", "provider", "voice", "feature",
		}),
		"only as json supported", "only*is supported", "only*are supported", "is not supported", "are not supported", "isn't supported",
		"aren't supported", "not supported for", "not supported by", "not supported in", "not supported yet", "no longer supported",
		"not supported on", "not implemented", "notimplemented", "method not allowed", "不支持",
	)
	ofTooLong = append(
		cross([]string{
			"file", "size", "length", "body", "image", "message", "text", "document", "attachment", "upload", "name", "title", "input", "payload",
		}, []string{
			"exceeds", "exceed", "exceeded", "is too large", "is too big", "too large", "too big", "too long", "is too long",
		}),
		"string or binary data would be truncated", "packet bigger than", "max_allowed_packet", "value too long for", "data too long for",
		"data would be truncated", "maximum number of", "maximum size", "maximum length", "max file size", "maximum upload size",
	)
	ofMissing = append(
		cross([]string{
			"file", "bucket", "template", "workflow", "project", "session", "collection", "voice", "page", "product", "customer", "contact",
			"document", "record", "resource", "object", "entity", "item", "user", "account", "order", "invoice", "payment", "subscription", "plan",
			"model", "agent", "assistant", "thread", "chat", "conversation",
			"group", "team", "organization", "workspace", "repository", "branch", "commit", "issue", "ticket", "event", "device", "sensor", "station",
			"city", "location", "image", "video", "playlist", "track", "dataset", "index", "table", "key", "tenant", "company", "address",
			"transaction", "wallet", "asset", "token", "report", "job", "task", "message",
			"folder", "path", "category", "entry", "player", "match", "game", "symbol", "ticker", "schema", "deployment", "environment", "profile",
			"id", "data", "post", "article", "comment", "tag",
		}, []string{
			"not found", "was not found", "could not be found", "does not exist", "doesn't exist", "is not found", "no longer exists", "not exist",
			"is unknown", "has been deleted", "was deleted",
		}),
		"file*does not exist", "file*doesn't exist", "user*does not exist", "index*doesn't exist", "index*does not exist", "database*does not exist",
		"project*does not exist", "object*does not exist", "no such file", "no such key", "no such bucket", "no such model", "no such object",
		"no such record", "no such user", "no such container", "no such pod", "no such device", "no such property", "no such element",
		"matching query does not exist", "couldn't find", "no record found", "no records found", "no data found", "no results found", "nosuch",
		"recordnotfound", "not found in", "not found for",
	)
	// Of things that no other server has either.
	ofUnfound = []string{
		"no static resource", "noresourcefound", "route found", "route not found", "between locations not found", "policy not found", "region not found", "area not found",
		"department not found", "store not found", "channel not found", "role not found", "setting not found", "configuration not found",
		"stream not found", "topic not found", "no valid route", "entitynotfoundexception", "no such an entity", "no such entity",
		"not available in region", "not available in your region", "not available in this region", "not available in your country", "has been removed from this",
	}
	ofState = append(
		cross([]string{"cannot", "can't", "can not"}, []string{"cancel", "delete", "update", "modify", "refund", "edit", "close", "remove"}),
		"username is not available", "email is not available", "name is not available", "username is taken", "name is taken", "has already been",
		"have already been", "was already", "is already a", "is already in the", "is already paid", "is already cancel", "is already closed",
		"is already complete", "insufficient stock", "out of stock", "insufficient inventory", "not enough stock", "duplicate key", "duplicate value",
		"duplicate record", "duplicated",
	)
	// Of the tables of a database, which nobody has created.
	ofSchema = []string{
		"unknown column", "undefined column", "undefined table", "column*does not exist", "relation*does not exist", "function*does not exist",
		"no such table", "no such column", "table*doesn't exist", "table*does not exist", "invalid object name", "invalid column name",
		"syntax error: failed at", "syntax error at or near", "error in your sql syntax",
		"sqlstate[42", "sqlstate[22", "sqlstate[23", "sqlstate 42", "sqlstate: 42", "no existe la columna", "no existe la relaci", "unknown database",
	}
	ofPrograms = []string{
		"module not found", "module_not_found", "cannot find module", "no module named", "class not found", "classnotfoundexception",
		"call to undefined", "undefined function", "undefined method", "command not found", "no such command", "executable file not found", "enoent",
		"unhashable type", "positional arguments but", "cannot be cast to", "no space left", "out of disk space", "disk full", "disk is full",
		"disk quota exceeded", "read only file system",
		"unable to resolve service for type", "templatedoesnotexist", "target class*does not exist", "importmoduleerror", "find any class that implements",
		"unexpected argument", "has no implementation", "template error", "templatenotfound", "view*not found",
	}
	ofSwitchedOff = []string{
		"in standalone mode", "not in cluster mode", "cluster mode is not", "not running in cluster mode", "is disabled", "are disabled",
		"has been disabled", "feature disabled", "service disabled", "disabled by", "disabled in this", "disabled for", "currently disabled for",
		"is turned off", "has been turned off", "switched off", "has been retired", "has been decommissioned", "has been discontinued",
		"no longer available", "been deprecated", "has been removed", "was removed in",
		"compiled in", "module missing", "missing dependency", "missing configuration", "configuration missing", "configuration error",
		"config error", "invalid configuration", "configuration is invalid", "configuration is missing", "not found in environment",
		"environment variable", "is not set", "are not set", "isn't set", "need to update the", "migrations are pending",
		"no application encryption key", "missingappkey", "no pg_hba.conf entry", "infinite recursion detected in policy", "cannot write into",
		"pendingmigrationerror",
		"pending migration", "please set", "please configure", "must be configured", "needs to be configured", "must be set", "must set",
		"license ran out", "licence ran out", "license file", "licence file", "renewal key", "unlicensed", "licenseexception", "license expired",
		"licence expired", "license has expired", "licence has expired", "no valid license", "no valid licence", "license key", "invalid license",
		"license is", "not licensed", "runs no", "no database configured", "no*configured", "not provisioned", "not activated", "not part of this",
		"not included in this", "not deployed", "requires configuration", "has no*configured",
		"已停用", "已下线", "已禁用", "未启用", "未开启", "功能已关闭",
	}
)
