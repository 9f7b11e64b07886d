package dialect

import (
	"net/http"
	"strings"
	"time"
)

// InBand reads a success and reports whether it is a failure in disguise. It
// is strict: the whole body must be there and have the shape of an error, at
// the place where the dialect puts errors. A text that talks about errors is
// none, nor is a list that has some in it, nor a report on a job that failed.
func InBand(a Answer) (Verdict, bool) { return Success(a, nil) }

// Success is InBand. It puts the tokens that the answer says were used into used,
// which may be nil. A zero a.Now is the present.
func Success(a Answer, used *Usage) (v Verdict, failed bool) {
	if len(a.Body) > maxBody {
		return v, false // an error is short
	}
	r := readers.Get().(*reader)
	defer r.free()
	r.skim(a.Body)
	if used != nil {
		*used = r.usage()
	}
	if r.hasOutput() && !r.providerCode(a.Host) {
		return v, false // like most
	}
	r.asksLater = a.Status == http.StatusOK && ShowsError(a.Header)
	documented := r.tree.subError() != 0 || r.refusesAsker() // and so no ordinary no
	if !r.failed(a.Host) || a.Unexpected && !r.nothingElse() && !r.complaint() && !documented {
		return v, false
	}
	later := r.asksLater
	r.keep(a.Body)
	r.asksLater = later
	r.failed(a.Host) // which notes what it finds
	if a.Now.IsZero() {
		a.Now = time.Now()
	}
	v, failed = r.inBand(a)
	if a.Unexpected && (v.Class == Unknown || v.Class == InvalidRequest) && !r.hasErrorMember() && !r.complaint() && !documented {
		return Verdict{}, false // a "success": false, or a finding, that nobody can tell from an ordinary no
	}
	v.Doubtful = a.Unexpected && !namesError(a.Header) && !(a.Method == http.MethodPost && r.namesProtocol()) || r.fieldsFailed() && !v.Refused
	return v, failed
}

// namesProtocol reports whether the error says itself that it is one of JSON-RPC, which
// puts errors into a success wherever it is spoken, or a fault of SOAP, which nothing but
// a call is answered with.
// https://www.jsonrpc.org/specification#error_object
func (r *reader) namesProtocol() bool {
	t := &r.tree
	return t.at(pJSONRPC) != 0 || t.at(pListRPC) != 0 || strings.EqualFold(rootElement(r.xml), "envelope") && afterName(r.xml, "fault") != ""
}

// fieldsFailed reports whether a GraphQL answer has data in which all is null, each
// field for an error of its own. By the specification null is an answer there: who
// asked for what may be null takes it for one. Where the request as a whole has failed,
// data itself is null or missing.
// https://spec.graphql.org/October2021/#sec-Handling-Field-Errors
func (r *reader) fieldsFailed() bool {
	t := &r.tree
	data := t.at(pData)
	return t.textAt(pErrors0Msg) != "" && t.is(data, '{') && t.nodes[data].down != 0 && !r.saysNotOK()
}

// inBand judges what is known to be an error, by the status it carries itself.
func (r *reader) inBand(a Answer) (Verdict, bool) {
	a.Status = 0
	for _, p := range statusPaths {
		if n, ok := r.tree.number(r.tree.at(p)); ok && n >= 400 && n < 600 && n == float64(int(n)) {
			a.Status = int(n)
			break
		}
	}
	if a.Status == 0 && r.badFinish {
		a.Status = 500
	}
	v := r.judge(a)
	if r.partial() {
		v.Repeat = Never // what went through would go through twice
	}
	return v, true
}

var statusPaths = paths(
	"error.code", "error.status", "error.statuscode", "choices.0.error.code", "response.error.code", "code", "status", "statuscode", "0.error.code",
	"errorcode", "ocs.meta.statuscode", "errors.0.extensions.code", "errors.0.extensions.status", "errors.0.extensions.statuscode",
	"errors.0.extensions.http.status", "errors.0.status", "errors.0.statuscode", "errors.0.code",
)

var (
	pChoices      = pathOf("choices")
	pChoiceError  = pathOf("choices.0.error")
	pChoiceFinish = pathOf("choices.0.finishreason")
	pChoiceText   = pathOf("choices.0.message.content")
	pChoicePlain  = pathOf("choices.0.text")
	pChoiceTools  = pathOf("choices.0.message.toolcalls")
	pErrors       = pathOf("errors")
	pErrors0      = pathOf("errors.0")
	pErrors0Msg   = pathOf("errors.0.message")
	pData         = pathOf("data")
	pObject       = pathOf("object")
	pSuccess      = pathOf("success")
	pMessage      = pathOf("message")
	pMsg          = pathOf("msg")
	pDescription  = pathOf("description")
	pTitle        = pathOf("title")
	pBaseResp     = pathOf("baseresp.statuscode")
	pErrorCode    = pathOf("errorcode")
	pErrorMsg     = pathOf("errormsg")
	pErrCode      = pathOf("errcode")
	pErrMsg       = pathOf("errmsg")
	pRespError    = pathOf("response.error.code")
	pReddit       = pathOf("json.errors.0")
	pItems        = pathOf("items")
	pArrayError   = pathOf("0.error")
	pErrMessage   = pathOf("errormessage")
	pErrorInfo    = pathOf("errorinfo")
	pContent      = pathOf("content")
	pStopReason   = pathOf("stopreason")
	pCandidates   = pathOf("candidates")
	pCandFinish   = pathOf("candidates.0.finishreason")
	pCandContent  = pathOf("candidates.0.content.parts")
	pBlockReason  = pathOf("promptfeedback.blockreason")
	pTook         = pathOf("took")
	pResult       = pathOf("result")
	pRequestID    = pathOf("requestid")
	pJSONRPC      = pathOf("jsonrpc")
	pListRPC      = pathOf("0.jsonrpc")
	pErrorCodes0  = pathOf("errorcodes.0")
	pOCSStatus    = pathOf("ocs.meta.status")
	pSubsonic     = pathOf("subsonicresponse.status")
)

// failed reports whether the body of a 2xx is an error.
func (r *reader) failed(host string) bool {
	t := &r.tree
	if r.xml != "" {
		return r.failedXML()
	}
	if !t.whole {
		return false
	}
	if t.is(1, '[') {
		return t.nodes[1].down != 0 && r.errorObject(t.at(pArrayError)) || r.complaint() // Gemini's stream as an array
	}
	if !t.is(1, '{') {
		return false
	}
	if t.textAt(pOCSStatus) == "failure" || t.textAt(pSubsonic) == "failed" {
		return true
	}
	return r.errorMember() || r.saysNotOK() || r.graphQLErrors() || r.choiceError() || r.providerCode(host) || r.refused() || r.bulk() || r.plainFailure() || r.complaint() || t.subError() != 0
}

// hasOutput reports whether a model has answered. An error beside that is none of the
// answer, unless the provider has a code for it.
func (r *reader) hasOutput() bool {
	t := &r.tree
	if !t.whole || !t.is(1, '{') {
		return false
	}
	if !t.empty(t.at(pChoiceText)) || !t.empty(t.at(pChoiceTools)) {
		return true
	}
	return t.at(errorPath) == 0 && (!t.empty(t.at(pCandContent)) || !t.empty(t.at(pContent)) && t.textAt(pStopReason) != "")
}

// errorObject reports whether the value is an object as errors are.
func (r *reader) errorObject(at int32) bool {
	t := &r.tree
	if !t.is(at, '{') {
		return false
	}
	if r.saysNone(at) {
		return false
	}
	for _, name := range [...]string{"message", "code", "type", "status", "reason", "errorcode", "errormsg", "errorstring", "description"} {
		if c := t.child(at, step{key: fold(name)}); c != 0 && !t.empty(c) && (t.is(c, '"') || t.is(c, '0')) {
			return true
		}
	}
	return false
}

// saysNone reports whether an error says that there is none: {"code": 0, "message": "ok"}.
func (r *reader) saysNone(at int32) bool {
	t := &r.tree
	member := func(name string) string { return strings.ToLower(t.text(t.child(at, step{key: fold(name)}))) }
	if n, ok := t.number(t.child(at, step{key: keyCode})); ok && n != 0 && n/100 != 2 {
		return false
	}
	switch code := member("code"); code {
	case "", "0", "200", "ok", "success", "none":
	default:
		return false
	}
	switch message := member("message"); message {
	case "ok", "success", "none", "no error":
		return true
	case "":
		return member("type") == "none"
	}
	return false
}

// errorMember reports whether the body is {"error": …} and no job, list or
// answer that also has such a member.
func (r *reader) errorMember() bool {
	t := &r.tree
	at := t.at(errorPath)
	if t.empty(at) {
		return false
	}
	switch t.textAt(pObject) {
	case "", "error", "chat.completion", "chat.completion.chunk", "text_completion", "response", "embedding", "list":
	default:
		return false
	}
	if t.textAt(pObject) == "response" && t.textAt(topStatus) != "failed" || !t.empty(t.at(pChoiceText)) || !t.empty(t.at(pChoiceTools)) {
		return false
	}
	if t.textAt(pObject) == "list" && !t.empty(t.at(pData)) {
		return false
	}
	switch {
	case t.is(at, '{'):
		return r.errorObject(at)
	case t.is(at, '['):
		return (t.textAt(pErrorText) != "" || r.errorObject(t.at(pErrorText))) && r.nothingElse() // Kraken
	case t.is(at, '0'):
		n, ok := t.number(at)
		return ok && n != 0 && t.first(tellingPaths) != "" && r.nothingElse() // Last.fm
	}
	// A bare string is an error only where there is little else.
	return t.is(at, '"') && t.members(1) <= 3 && t.empty(t.at(pData)) && t.empty(t.at(pResult)) && !t.is(t.at(okPath), 't') && !t.is(t.at(pSuccess), 't')
}

// saysNotOK is {"ok": false} with a reason, of Slack and Telegram, and
// {"success": false} of many.
func (r *reader) saysNotOK() bool {
	t := &r.tree
	if t.is(t.at(okPath), 'f') {
		return !t.empty(t.at(errorPath)) || t.textAt(pDescription) != ""
	}
	if t.is(t.at(pSuccess), 'f') {
		return !t.empty(t.at(errorPath)) || !t.empty(t.at(pErrors)) || !t.empty(t.at(pErrorInfo)) || t.textAt(pMessage) != "" || t.textAt(pMsg) != "" || t.textAt(pErrMessage) != "" || t.textAt(pDataMessage) != "" || r.refusesAsker()
	}
	return false
}

// refusesAsker reports whether who was to check something says that it was not asked
// rightly, by a code that leaves no doubt. That the check failed is an ordinary no.
func (r *reader) refusesAsker() bool {
	return r.tree.is(r.tree.at(pSuccess), 'f') && lookUp(tables().common.codesByKey, r.tree.textAt(pErrorCodes0)) != ""
}

// graphQLErrors reports whether there are errors and no data at all. With some
// data the answer is a part of what was asked for, and the caller's to judge.
func (r *reader) graphQLErrors() bool {
	t := &r.tree
	if t.textAt(pErrors0) != "" {
		return t.at(pData) == 0 && (r.nothingElse() || t.textAt(pErrMessage) != "")
	}
	if !t.is(t.at(pErrors), '[') || t.textAt(pErrors0Msg) == "" {
		return false
	}
	for _, place := range [...]string{"line", "lineno", "row", "column"} {
		if t.is(t.child(t.at(pErrors0), step{key: fold(place)}), '0') {
			return false // what somebody found in a source
		}
	}
	data := t.at(pData)
	if data == 0 {
		return t.members(1) <= 4
	}
	if t.is(data, 'n') {
		return true
	}
	return t.is(data, '{') && t.nodes[data].down != 0 && t.hollow(data, maxHollow)
}

func (r *reader) choiceError() bool {
	t := &r.tree
	if !t.empty(t.at(pChoiceText)) || !t.empty(t.at(pChoiceTools)) {
		return false
	}
	return r.errorObject(t.at(pChoiceError)) || r.failedFinish()
}

// providerCode reports whether a code that means success when it is zero, or
// absent, is neither.
func (r *reader) providerCode(host string) bool {
	t := &r.tree
	if n, ok := t.number(t.at(pBaseResp)); ok {
		return n != 0
	}
	if n, ok := t.number(t.at(pErrorCode)); ok && n != 0 && t.textAt(pErrorMsg) != "" {
		return true // Baidu
	}
	if n, ok := t.number(t.at(pErrCode)); ok && n != 0 && t.textAt(pErrMsg) != "" {
		return true // WeChat, DingTalk
	}
	if t.textAt(pRespError) != "" && t.members(1) == 1 {
		return true // Tencent
	}
	if t.is(t.at(pReddit), '[') {
		return true
	}
	if f := tables().byHost(host); f != nil && f.failedInside != nil {
		return f.failedInside(r)
	}
	return r.bareStatus()
}

// tellsOnly reports whether a value is empty, a text, or an object with nothing but
// what errors say: some put all of it into their data.
func (t *tree) tellsOnly(at int32, deep int) bool {
	if t.empty(at) || t.is(at, '"') {
		return true
	}
	if !t.is(at, '{') || deep == 0 {
		return false
	}
	for c := t.nodes[at].down; c != 0; c = t.nodes[c].next {
		key := t.nodes[c].key
		if !envelope[key] && !tellings[key] && key != keyName && !(t.is(c, '{') && t.tellsOnly(c, deep-1)) {
			return false
		}
	}
	return true
}

// bareStatus reports whether there is a status, a message and nothing else.
func (r *reader) bareStatus() bool {
	t := &r.tree
	n, ok := t.number(t.at(topCode))
	if !ok {
		n, ok = t.number(t.at(pathStatusCode))
	}
	return ok && n >= 400 && n < 600 && (t.textAt(pMessage) != "" || t.textAt(pMsg) != "" || t.textAt(pErrMessage) != "" || t.textAt(pDataMessage) != "") &&
		t.members(1) <= 4 && (t.empty(t.at(pData)) || t.tellsOnly(t.at(pData), maxTextDepth) && r.complains()) && t.empty(t.at(pResult)) && t.empty(t.at(pChoices))
}

var (
	pathStatusCode = pathOf("statuscode")
	pDataMessage   = pathOf("data.message")
)

// refused reports whether a model was kept from answering: no content, and a
// reason that is a filter's. With content it is an answer that was cut.
func (r *reader) refused() bool {
	t := &r.tree
	if t.textAt(pBlockReason) != "" && t.empty(t.at(pCandidates)) {
		r.addCode(t.textAt(pBlockReason))
		return true
	}
	switch why := t.textAt(pCandFinish); why {
	case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY", "IMAGE_PROHIBITED_CONTENT", "MODEL_ARMOR":
		if t.empty(t.at(pCandContent)) {
			r.addCode(why)
			return true
		}
	}
	if t.textAt(pChoiceFinish) == "content_filter" && t.empty(t.at(pChoiceText)) && t.empty(t.at(pChoiceTools)) && t.empty(t.at(pChoicePlain)) {
		r.addCode("content_filter")
		return true
	}
	if t.textAt(pStopReason) == "refusal" && t.is(t.at(pContent), '[') && t.empty(t.at(pContent)) {
		r.addCode("refusal")
		return true
	}
	return false
}

// bulk reports whether the first operations of an Elasticsearch bulk request
// failed, and makes the first error that of the answer.
func (r *reader) bulk() bool {
	t := &r.tree
	if !t.is(t.at(pErrors), 't') || t.at(pTook) == 0 {
		return false
	}
	for item := t.nodes[t.at(pItems)].down; item != 0; item = t.nodes[item].next {
		op := t.nodes[item].down
		err := t.child(op, step{key: fold("error")})
		if !r.errorObject(err) {
			continue
		}
		r.itemError = err
		return true
	}
	return false
}

// partial reports whether a part of a bulk request was carried out, or may
// have been: of a long one, only the first items are looked at.
func (r *reader) partial() bool {
	if r.itemError == 0 {
		return false
	}
	t := &r.tree
	n := 0
	for item := t.nodes[t.at(pItems)].down; item != 0; item = t.nodes[item].next {
		if n++; t.child(t.nodes[item].down, step{key: fold("error")}) == 0 {
			return true
		}
	}
	return n == maxItems
}

// collectItem takes the error of one item of a bulk request.
func (r *reader) collectItem() {
	t := &r.tree
	r.message = t.text(t.child(r.itemError, step{key: fold("reason")}))
	r.addCode(t.text(t.child(r.itemError, step{key: fold("type")})))
}
