package dialect

import (
	"html"
	"strconv"
	"strings"
)

// complaint reports whether a success of whomever is a failure: it has a number, a flag
// or a place that says so, and words that have a class, and nothing beside them. One of
// the two alone is no evidence: an answer may have a code, and a book may be called
// "Too many requests". Its scope is this answer. What would show it wrong is anything
// that an answer with a result has; that is looked for last.
func (r *reader) complaint() bool {
	t := &r.tree
	if t.is(1, '[') {
		return r.allComplain(1)
	}
	at, inside := int32(1), uint64(0)
	for range maxWrappers {
		only := r.onlyFull(at)
		if !t.is(only, '{') || !wrappers[t.nodes[only].key] {
			break
		}
		at, inside = only, t.nodes[only].key
	}
	if r.complainsAt(at, inside) {
		return true
	}
	// A list of results of which each is an error, with how many there are.
	var list int32
	for c := t.nodes[at].down; c != 0; c = t.nodes[c].next {
		switch key := t.nodes[c].key; {
		case t.is(c, '[') && ofResults[key] && list == 0:
			list = c
		case !counts[key]:
			return false
		}
	}
	return list != 0 && r.allComplain(list)
}

// onlyFull is the only member of an object that is not hollow, 0 if there are more.
func (r *reader) onlyFull(at int32) (only int32) {
	t := &r.tree
	for c := t.nodes[at].down; c != 0; c = t.nodes[c].next {
		if t.hollow(c, maxHollow) {
			continue
		}
		if only != 0 {
			return 0
		}
		only = c
	}
	return only
}

// maxWrappers is how many objects may stand around an error.
const maxWrappers = 2

// complainsAt reports whether the object is an error. inside is the name of the member
// that holds it, 0 if none does.
func (r *reader) complainsAt(at int32, inside uint64) bool {
	t := &r.tree
	blames, said := blaming[inside] || r.asksLater, int32(0)
	surely := blaming[inside] // by what nothing but an error has
	for c := t.nodes[at].down; c != 0; c = t.nodes[c].next {
		key := t.nodes[c].key
		switch {
		case outcomes[key] && isNumber(t, c):
			n, _ := t.number(c)
			if failing(n) {
				blames = true
			} else if n != 0 && n != 1 || key != keyStatus {
				return false // it says that all is well
			}
		case outcomes[key] && t.is(c, '"') && (r.codeBlames(t.text(c)) || key != keyStatus && saysFailed(t.text(c))):
			blames = true
		case r.asksLater && flags[key]:
			return false // work that goes on, and is to be asked for later
		case key == keyObject && t.is(c, '"') && t.text(c) == "error":
			blames, surely = true, true
		case flags[key] && t.is(c, '"') && flagBlames(key, t.text(c)), noes[key] && t.is(c, 'f'), yeses[key] && t.is(c, 't'):
			blames = true
			surely = surely || at == 1 && key == keyStatus && t.is(c, '"') && strings.EqualFold(t.text(c), "error")
		case key == keyStatus && t.is(c, 'f'):
			blames = true
		case (noes[key] || key == keyStatus) && t.is(c, 't'):
			return false
		case errorNumbers[key] && t.is(c, '0'):
			n, _ := t.number(c)
			blames = blames || failing(n)
			surely = surely || n != 0
		case places[key] && !t.empty(c) && !isZero(t, c) && !t.is(c, '0'):
			blames = true
			surely = surely || !t.is(c, '[') // a list may be of findings
			if said == 0 || !tellings[t.nodes[said].key] {
				said = c
			}
		case tellings[key] && !t.empty(c):
			if said == 0 || r.classOf(r.textIn(said)) == "" {
				said = c
			}
		case envelope[key], echoes[key], t.hollow(c, maxHollow), counts[key] && isZero(t, c):
		case key == keyID && t.child(at, step{key: keyJSONRPC}) != 0:
		default:
			return false
		}
	}
	if !blames || said == 0 {
		return false
	}
	text := r.textIn(said)
	c := r.classOf(text)
	return c != "" && (c != InvalidRequest || surely) && !tellsSuccess(text)
}

// tellsSuccess reports whether a text ends as those of successes do: "quota exceeded alert
// saved".
func tellsSuccess(text string) bool {
	return endsWithAny(strings.TrimRight(strings.ToLower(text), ".! "), "successfully", " saved", " created", " added", " updated", " replaced")
}

// codeBlames reports whether a code in letters is that of an error: one that everybody
// uses, or made of the same words.
func (r *reader) codeBlames(code string) bool {
	if lookUp(tables().common.codesByKey, code) != "" || lookUp(tables().limitCodes, code) != "" || lookUp(tables().common.hintsByKey, code) != "" {
		return true
	}
	return madeLikeCode(code) && byFragment(code, 0) != ""
}

// flagBlames reports whether a flag says that the request failed.
func flagBlames(key uint64, flag string) bool {
	return saysFailed(flag) && (!business[key] || strings.EqualFold(flag, "error"))
}

// classOf is what everybody means by a text.
func (r *reader) classOf(text string) Class {
	if text == "" || len(text) > maxSaid {
		return ""
	}
	r.buf = simple(r.buf[:0], spaced(text))
	if c := tables().phrases.heard(string(r.buf), 0); c != "" {
		return c
	}
	return tables().things.heard(string(r.buf), 0)
}

// textIn is the value itself, or the first text in it.
func (r *reader) textIn(at int32) string {
	t := &r.tree
	if t.is(at, '"') {
		return t.text(at)
	}
	first := ""
	for range maxTextDepth {
		next := int32(0)
		for c := t.nodes[at].down; c != 0; c = t.nodes[c].next {
			switch {
			case t.is(c, '"') && (tellings[t.nodes[c].key] || t.nodes[c].key == keyText):
				return t.text(c)
			case t.is(c, '"') && first == "" && strings.Contains(t.text(c), " "):
				first = t.text(c)
			case (t.is(c, '{') || t.is(c, '[')) && next == 0:
				next = c
			}
		}
		if first != "" || next == 0 {
			return first
		}
		at = next
	}
	return first
}

const maxTextDepth = 3

// allComplain reports whether each element of a list is an error, by a member that only
// errors have and without a time: a search in a log may find nothing but errors. Of a
// long list the end is not known.
func (r *reader) allComplain(list int32) bool {
	t := &r.tree
	n := 0
	for c := t.nodes[list].down; c != 0; c = t.nodes[c].next {
		if n++; !t.is(c, '{') || !r.isError(c) || !r.complainsAt(c, 0) {
			return false
		}
	}
	return 0 < n && n < maxItems
}

// xmlComplaint is complaint for a short document: an element or an attribute with a
// number that is not one of success, or a flag of a failure, words that have a class, and
// no element that only a result has.
func (r *reader) xmlComplaint() bool {
	if len(r.xml) > maxXMLComplaint {
		return false
	}
	// <status message="…" value="18"/>, and nothing before it.
	inner := openingElement(afterName(r.xml, rootElement(r.xml)))
	if strings.EqualFold(inner, "status") || strings.EqualFold(inner, "error") {
		tag := openingTag(r.xml, inner)
		n, err := strconv.ParseFloat(attributeOf(tag, "value")+attributeOf(tag, "code"), 64)
		if err == nil && failing(n) && r.classOf(attributeOf(tag, "message")+attributeOf(tag, "msg")) != "" {
			return true
		}
	}
	blames, says := false, false
	numbered, named := false, false // an <ErrorCode>, and a text by a name that only errors have
	for rest := r.xml; ; {
		_, after, ok := strings.Cut(rest, "<")
		if !ok {
			return blames && (says || numbered && named)
		}
		rest = after
		name, text, ok := leaf(after)
		if !ok && !mayHoldError(after) {
			return false
		}
		if text == "" {
			continue
		}
		n, isNumber := numeral(text)
		switch key := fold(name); {
		case (outcomes[key] || xmlNumbers[key]) && (isNumber || !flags[key]):
			if isNumber && !failing(n) {
				return false
			}
			blames = blames || isNumber || r.codeBlames(text)
			numbered = numbered || isNumber && key == keyErrorCode
		case noes[key], key == keyAck, flags[key]:
			if !flagBlames(key, text) && !(noes[key] && strings.EqualFold(text, "false")) {
				return false
			}
			blames = true
		case tellings[key], places[key], xmlTexts[key]:
			c := r.classOf(text)
			says = says || c != "" && c != InvalidRequest
			named = named || places[key] && (c != "" || tellsFault(text))
		case envelope[key], echoes[key], xmlExtras[key]:
		default:
			return false
		}
	}
}

// tellsFault reports whether a text that is called one of an error is more than "none".
func tellsFault(text string) bool {
	text = strings.ToLower(text)
	return containsAny(text, "invalid", "not valid", "fail", "denied", "missing", "required", "not found", "wrong", "unable", "cannot", "exceed", "expired", "rejected")
}

// mayHoldError reports whether an element with others in it may be around an error, and
// is no entry of a list. s begins behind its '<'.
func mayHoldError(s string) bool {
	if s == "" || s[0] == '/' || s[0] == '?' || s[0] == '!' {
		return true
	}
	tag := s[:max(0, strings.IndexAny(s, "> \t\r\n"))]
	tag = strings.ToLower(tag[strings.LastIndexByte(tag, ':')+1:])
	if strings.HasSuffix(tag, "/") {
		return true // it is empty
	}
	for _, part := range holders {
		if strings.Contains(tag, part) {
			return true
		}
	}
	return false
}

// holders are parts of the names of what is around an error.
var holders = [...]string{"response", "result", "status", "error", "fault", "header", "envelope", "body", "return", "rsp", "message", "reply", "answer", "root", "api", "data", "output", "xml", "document", "exception"}

// leaf is the name and the text of an element with nothing but text in it. s begins behind
// its '<'.
func leaf(s string) (name, text string, ok bool) {
	tag, rest, ok := strings.Cut(s, ">")
	if !ok || tag == "" || tag[0] == '/' || tag[0] == '?' || tag[0] == '!' || strings.HasSuffix(tag, "/") {
		return "", "", false
	}
	text, end, ok := strings.Cut(rest, "<")
	if !ok || !strings.HasPrefix(end, "/") {
		return "", "", false
	}
	name, _, _ = strings.Cut(tag, " ")
	return name[strings.LastIndexByte(name, ':')+1:], strings.TrimSpace(html.UnescapeString(text)), true
}

func numeral(s string) (float64, bool) {
	n, err := strconv.ParseFloat(s, 64)
	return n, err == nil
}

const maxXMLComplaint = 4 << 10

// What documents have beside the members of JSON. returnReasonCode and returnAuthMsg are
// of Korea's public services: https://www.data.go.kr/ugs/selectPublicDataUseGuideView.do
var (
	xmlNumbers = keySet("return_reason_code", "response_code")
	xmlTexts   = keySet("long_message", "short_message", "return_auth_msg", "response_message")
	xmlExtras  = keySet("severity_code", "error_severity", "error_classification", "build", "version", "fault_code", "correlation_id", "response_status_code", "response_status_description")
	keyAck     = fold("ack")
)

// isError reports whether an object has a member that only errors have, and no time.
func (r *reader) isError(at int32) bool {
	t := &r.tree
	found := false
	for c := t.nodes[at].down; c != 0; c = t.nodes[c].next {
		key := t.nodes[c].key
		if times[key] {
			return false
		}
		found = found || places[key] && !t.empty(c)
	}
	return found
}

func isNumber(t *tree, at int32) bool {
	_, ok := t.number(at)
	return ok
}

var (
	// wrappers are what an answer as a whole may stand in.
	wrappers = keySet("response", "result", "status", "messages", "error", "errors", "fault", "error_response", "meta", "header", "data", "output", "envelope", "root", "exception", "error_info", "ocs", "subsonic_response", "retorno", "resultado")
	// blaming are those of them in which there is nothing but errors.
	blaming = keySet("error", "errors", "fault", "error_response", "exception", "error_info")
	// ofResults are lists of results, one for each thing that was asked for.
	ofResults = keySet("messages", "results", "responses", "errors")
	// outcomes are zero or a status of success if all is well.
	outcomes = keySet("hata_kodu", "codigo_erro", "code", "ret", "ret_code", "rtn_code", "result_code", "return_code", "err_code", "error_code", "errno", "status_code", "status", "info_code", "value", "error_no")
	// flags are texts that say how it went.
	flags = keySet("esito", "resultado", "stav", "situacao", "status", "result", "result_code", "state", "stat", "outcome", "response", "ack")
	// business are those of them that also say how a match or a check went.
	business = keySet("result", "state", "outcome")
	// noes are false if something is wrong, and yeses are true.
	noes  = keySet("success", "ok", "is_success", "is_successful", "succeeded", "successful", "succeed", "exito", "exitoso", "sucesso", "erfolg", "sonuc", "basarili", "acknowledged")
	yeses = keySet("error", "is_error", "has_error", "has_errors", "failed", "iserr", "erreur")
	// places have something in them only if something is wrong.
	places = keySet("error", "errors", "err", "fault", "exception", "error_text", "error_message", "error_messages", "error_msg", "errors_list", "error_description", "err_msg", "error_details", "error_list", "erro", "fehler", "erreur", "error_info")
	// errorNumbers are zero if all is well, where others have a text.
	errorNumbers = keySet("error", "err")
	// tellings are texts about what happened.
	tellings = keySet("message", "msg", "ret_msg", "rtn_msg", "result_msg", "return_msg", "result_message", "return_message", "status_message", "error_message", "error_msg", "err_msg", "error_text", "error_description",
		"detail", "details", "description", "info", "reason", "cause", "messages", "libelle", "descrizione", "opis", "popis", "pesan", "mesaj", "hata_mesaji", "detalle", "x_motivo", "mensaje", "mensagem", "descripcion", "descricao", "nachricht", "faultstring", "text", "status_text", "status_description", "long_message", "short_message", "desc", "sub_msg", "en_desc", "zh_desc")
	// echoes repeat the request, or name the answer.
	echoes = keySet("get", "http_status_code", "parameters", "params", "request_params", "request", "query", "paging", "pagination", "page", "account_id", "sid", "ttl", "fault_code", "request_id", "trace_id", "message_cn", "message_zh", "message_en",
		"msg_cn", "msg_en", "error_code", "error_type", "error_name", "error_data", "sub_code", "duration", "elapsed", "took", "retry_in", "backoff_seconds", "more_info", "txid", "transaction_id", "locale", "lang", "link", "links", "action", "t", "tid", "nonce", "now", "server_time", "level", "server_request_id", "client_request_id", "server_version")
	// times are of entries in a log.
	times = keySet("ts", "t", "time", "timestamp", "date", "at", "created", "created_at")
	// counts say how many results there are.
	counts = keySet("results", "count", "total", "num", "size", "message_count", "messages_count", "total_count", "num_results", "result_count", "number_of_results")

	keyText, keyStatus, keyObject, keyJSONRPC = fold("text"), fold("status"), fold("object"), fold("jsonrpc")
)
