package dialect

import "strings"

// Stated reads a success that is no failure in itself, for somebody who knows what
// the API's errors are: it returns what is said where errors are said, and whether
// anything is. The texts of an answer's data are none of it, nor is a message
// without a sign that it is an error's.
func Stated(a Answer) (Verdict, bool) {
	r := readers.Get().(*reader)
	defer r.free()
	r.read(a.Body)
	if !r.states() {
		return Verdict{}, false
	}
	v := r.judge(a)
	v.Class = None
	if !r.blames() {
		v.Message = "" // a thing may have a code too, and then it is described and nothing is wrong
	}
	return v, true
}

// blames reports whether the words of an answer that states a code are those of an
// error.
func (r *reader) blames() bool {
	t := &r.tree
	if r.xml != "" {
		root := strings.ToLower(rootElement(r.xml))
		return r.failedXML() || strings.Contains(root, "error") || strings.Contains(root, "fault") || strings.Contains(root, "exception")
	}
	for _, p := range blamePaths {
		if at := t.at(p); !t.empty(at) && !isZero(t, at) {
			return true
		}
	}
	if t.is(t.at(okPath), 'f') || t.is(t.at(pSuccess), 'f') || saysFailed(t.textAt(topStatus)) {
		return true
	}
	for _, p := range resultPaths {
		if n, ok := t.number(t.at(p)); ok {
			return failing(n)
		}
	}
	// A code in letters and words for it, and nothing that names or describes a thing.
	return r.nCodes > 0 && r.nothingElse() && t.at(errorPath) == 0 && t.at(pTitle) == 0 && t.at(pDescription) == 0
}

// blamePaths are members that are there, and no zero, only if something is wrong.
var blamePaths = paths(
	"error", "errors", "err", "fault", "exception", "errorcode", "errcode", "errormessage", "errormsg", "errmsg", "baseresp.statuscode",
	"response.error", "json.errors", "0.error", "0.errorcode", "data.error", "result.error", "meta.error", "meta.errortype", "responsemetadata.error",
)

// hollow reports whether there is nothing in a value but names: null, "", and objects
// and lists of those. false is an answer.
func (t *tree) hollow(at int32, deep int) bool {
	if !t.is(at, '{') && !t.is(at, '[') {
		return t.empty(at) && !t.is(at, 'f')
	}
	n := 0
	for c := t.nodes[at].down; c != 0; c = t.nodes[c].next {
		if n++; deep == 0 || n == maxItems || !t.hollow(c, deep-1) {
			return false
		}
	}
	return n > 0 || t.empty(at)
}

// maxHollow is how many objects may stand around nothing.
const maxHollow = 4

func isZero(t *tree, at int32) bool {
	n, ok := t.number(at)
	return ok && n == 0
}

// saysFailed reports whether a status in words is that of a failure.
func saysFailed(status string) bool {
	switch strings.ToLower(status) {
	case "error", "fail", "failed", "failure", "nok", "ko", "ng", "erro", "blad", "błąd", "chyba", "gagal", "fallo", "fehler", "echec", "échec":
		return true
	}
	return false
}

// states reports whether the body has a member for an error, a code of one, or
// says that it is one.
func (r *reader) states() bool {
	t := &r.tree
	if r.xml != "" {
		root := strings.ToLower(rootElement(r.xml))
		return strings.Contains(root, "error") || strings.Contains(root, "fault") || strings.Contains(root, "exception") ||
			strings.Contains(r.xml, "Fault>") || element(r.xml, "Code") != "" || element(r.xml, "errorcode") != ""
	}
	if !t.whole {
		return false
	}
	for _, p := range errorMembers {
		if at := t.at(p); !t.empty(at) && !t.is(at, 'f') {
			return true
		}
	}
	return saysFailed(t.textAt(topStatus)) || t.is(t.at(okPath), 'f') || t.is(t.at(pSuccess), 'f')
}

var errorMembers = paths(
	"error", "errors", "err", "fault", "exception", "code", "errorcode", "errcode", "errormessage", "errormsg", "errmsg", "baseresp.statuscode",
	"response.error", "json.errors", "0.error", "0.errorcode", "data.error", "result.error", "meta.error", "meta.errortype", "header.code",
	"responsemetadata.error", "retcode", "rtncode", "resultcode", "errno",
)
