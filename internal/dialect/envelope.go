package dialect

import "strings"

// plainFailure reports whether there is a code, a status or a flag of a failure, with
// words for it, and nothing else.
func (r *reader) plainFailure() bool {
	t := &r.tree
	if t.first(tellingPaths) == "" || !r.nothingElse() {
		return false
	}
	for _, p := range flagPaths {
		switch strings.ToLower(t.textAt(p)) {
		case "error", "fail", "nok", "ko":
			return true
		}
	}
	if t.textAt(pException) != "" || t.is(t.at(pSuccessful), 'f') {
		return true
	}
	if n, ok := t.number(t.at(pathStatusCode)); ok && n >= 400 && n < 600 {
		return true // which nothing but an HTTP status is called, whatever the words are
	}
	for _, p := range resultPaths {
		if n, ok := t.number(t.at(p)); ok {
			return failing(n) && r.complains()
		}
	}
	return false
}

// failing reports whether a result is neither of the numbers of success.
func failing(n float64) bool {
	switch n {
	case 0, 1, 2000, 10000, 20000, 200000:
		return false
	}
	return !(200 <= n && n < 300)
}

// resultPaths are numbers that are zero, or a status of success, where all is well.
var resultPaths = paths("meta.code", "header.resultcode", "status.errorcode", "retcode", "rtncode", "resultcode", "code", "errno", "statuscode", "status")

// tellingPaths are words for what went wrong.
var tellingPaths = paths("message", "msg", "retmsg", "errormessage", "errormsg", "errmsg", "errordescription", "statusmessage", "resultmsg", "detail", "info", "cause", "data.message",
	"meta.errormessage", "header.resultmessage", "status.errormessage")

// flagPaths are words that say how it went.
var flagPaths = paths("status", "response", "result", "state")

var (
	pException  = pathOf("exception")
	pSuccessful = pathOf("header.issuccessful")
)

// complains reports whether the words are those of an error.
func (r *reader) complains() bool {
	text := r.tree.first(tellingPaths)
	if tellsSuccess(text) {
		return false
	}
	r.buf = simple(r.buf[:0], text)
	return tables().phrases.heard(string(r.buf), 0) != ""
}

// nothingElse reports whether the answer consists of an error: whatever else it has is
// empty, or goes with any answer.
func (r *reader) nothingElse() bool {
	t := &r.tree
	if r.xml != "" {
		return true
	}
	if !t.is(1, '{') || t.is(t.at(pSuccess), 't') || t.is(t.at(okPath), 't') {
		return false
	}
	switch strings.ToLower(t.textAt(topStatus)) {
	case "ok", "success", "succeeded", "completed", "partial":
		return false
	}
	named := t.is(t.at(errorPath), '"') || t.textAt(topStatus) == "error"
	for c := t.nodes[1].down; c != 0; c = t.nodes[c].next {
		switch key := t.nodes[c].key; {
		case envelope[key], t.hollow(c, maxHollow):
		case key == keyName && named:
		case key == keyResponse && t.is(c, '"'):
		case key == keyID && (t.at(pJSONRPC) != 0 || t.is(t.at(pResult), 'n')): // version 1 has a result beside each error
		case key == keyData && r.bareStatus():
		default:
			return false
		}
	}
	return true
}

// hasErrorMember reports whether something is called an error.
func (r *reader) hasErrorMember() bool {
	t := &r.tree
	return r.xml != "" || r.errorObject(t.at(errorPath)) || t.is(t.at(errorPath), '[') || r.errorObject(t.at(pErrors0))
}

// envelope are members of errors, and of what goes with any answer.
var envelope = keySet(
	"error", "errors", "err", "message", "msg", "code", "status", "status_code", "error_code", "err_code", "errno", "error_message", "err_msg",
	"error_msg", "error_description", "error_type", "description", "detail", "details", "type", "reason", "hint", "help", "docs", "info",
	"documentation_url", "doc_url", "more_info", "success", "ok", "ret_code", "ret_msg", "rtn_code", "result_code", "result_msg", "status_message",
	"request_id", "req_id", "trace_id", "log_id", "correlation_id", "time", "timestamp", "ts", "path", "served_by", "server", "jsonrpc", "version",
	"api_version", "retry_after", "retryable", "ret_ext_info", "docref", "*", "model", "provider", "instance", "method", "exception", "meta", "header", "cause", "state", "message_cn", "message_en", "sid", "ttl", "trace", "error_data", "status_text", "error_info", "account_id",
)

var (
	keyName     = fold("name")
	keyResponse = fold("response")
	keyID       = fold("id")
	keyData     = fold("data")
)

// failedXML reports whether a document is an error as a whole.
func (r *reader) failedXML() bool {
	switch root := rootElement(r.xml); strings.ToLower(root) {
	case "error":
		if code := element(r.xml, "Code"); code != "" && strings.Trim(code, "0") == "" {
			return false
		}
		return element(r.xml, "Code") != "" || element(r.xml, "Message") != "" || element(r.xml, "Exception") != "" // S3 answers 200 before it has copied, and fails then
	case "errorresponse", "exceptionreport", "serviceexceptionreport":
		return true
	case "fault", "exception":
		for _, name := range [...]string{"faultstring", "faultcode", "Message", "Code", "Reason", "description", "text", "detail"} {
			if element(r.xml, name) != "" {
				return true
			}
		}
		return false
	case "envelope":
		// SOAP: the fault is the first element of the body.
		body := openingElement(afterName(r.xml, "Body"))
		return strings.EqualFold(body, "Fault") || r.xmlComplaint()
	case "response":
		// Korea's public data: a header, and no body.
		if code := element(r.xml, "resultCode"); code != "" && strings.Trim(code, "0") != "" && afterName(r.xml, "body") == "" {
			return true
		}
		fallthrough
	case "rsp", "lfm", "subsonic-response":
		switch attributeOf(openingTag(r.xml, root), "stat") + attributeOf(openingTag(r.xml, root), "status") {
		case "fail", "failed", "error":
			return true
		}
	case "ocs":
		return element(r.xml, "status") == "failure"
	case "api":
		// MediaWiki's: the error is the first element, and tells all in its attributes.
		inner := openingElement(afterName(r.xml, root))
		if tag := openingTag(r.xml, inner); inner == "error" && attributeOf(tag, "code") != "" && attributeOf(tag, "info") != "" {
			return true
		}
	}
	return r.xmlComplaint()
}
