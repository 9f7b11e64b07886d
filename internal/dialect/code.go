package dialect

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// collectCodes gathers the codes of a JSON body, those that say most first.
func (r *reader) collectCodes() {
	t := &r.tree
	top := t.textAt(errorPath) // of {"error": "word"}
	slack := t.is(t.at(okPath), 'f')
	if top != "" && strings.IndexByte(top, '(') < 0 && !(isStatusText(top) && top != r.message) && (slack || top != r.message || strings.Contains(top, "_") || shouted(top)) {
		r.addWord(top)
	}
	r.addCategory(t.textAt(pErrorText))
	r.collectPaths()
	if r.nCodes == 0 {
		r.addCode(t.onlyName())
	}
	if numbered := t.is(t.at(topCode), '0'); !numbered && (r.nCodes == 0 || isURL(r.codes[0])) {
		r.addCode(t.innerCode())
	}
	if r.nCodes == 0 {
		r.addCode(t.codeWord())
	}
	if detail := t.textAt(topDetail); r.nCodes == 0 && strings.IndexByte(detail, '_') > 0 && madeLikeCode(detail) {
		r.addWord(detail) // where others have a sentence: LOGIN_BAD_CREDENTIALS
	}
	if r.nCodes == 0 && isWords(r.message) && strings.Count(r.message, ".") > 1 && madeLikeCode(r.message) {
		r.addWord(r.message) // api.err.LoginRequired
	}
	if r.nCodes > 1 && isURL(r.codes[0]) && !isURL(r.codes[1]) {
		r.codes[0], r.codes[1] = r.codes[1], r.codes[0] // a page about all errors, and a code for this one
	}
}

// collectPaths takes what stands where codes are. Some names of such places are used for
// other things as well, and there only what looks like a code is one.
func (r *reader) collectPaths() {
	t := &r.tree
	id, name, status, reason, errStatus := t.at(topID), t.at(topName), t.at(topStatus), t.at(topReason), t.at(errorStatus)
	details, info, messageID, errorID := t.at(topDetails), t.at(topInfo), t.at(topMessage), t.at(topErrorID)
	errorKey, firstName, firstID := t.at(pErrorKey), t.at(pErrorsName), t.at(pErrorsID)
	for i := range codePaths {
		at := t.at(codePaths[i])
		if at == 0 || !t.is(at, '"') {
			continue
		}
		s := t.text(at)
		switch at {
		case id:
			// DigitalOcean and Heroku name the error so; others number it.
			if strings.ContainsAny(s, "0123456789") || t.at(topType) != 0 || t.at(pJSONRPC) != 0 {
				continue
			}
			r.addWord(s)
		case name, reason:
			r.addWord(s)
		case errorKey, firstName:
			if madeLikeCode(s) {
				r.addWord(s) // of others it is the name of a field
			}
		case firstID:
			if !likeErrorID(s) {
				r.addCode(s)
			}
		case messageID, errorID:
			if isWords(s) {
				r.addWord(s) // of others it is the id of one message, or of one failure
			}
		case errStatus:
			r.addWord(s) // not "Too Many Requests"
		case status, details, info:
			if shouted(s) || at == status && isWords(s) && r.message != "" {
				r.addWord(s) // NOT_FOUND; beside a message version-mismatch too
			}
		default:
			if s != r.message || strings.IndexByte(s, ' ') < 0 {
				r.addCode(s)
			}
		}
	}
}

// addXMLCode adds a code or a number. SOAP's codes have a namespace in front, and most
// of them say no more than whose fault it is.
func (r *reader) addXMLCode(s string) {
	if strings.IndexByte(s, ' ') >= 0 {
		return // a sentence, where others have the name of an exception
	}
	if n, err := strconv.Atoi(s); err == nil {
		if n > 0 && r.number == 0 {
			r.number = n
		}
		return
	}
	switch s[strings.LastIndexByte(s, ':')+1:] {
	case "Client", "Server", "Sender", "Receiver":
		return
	}
	r.addCode(s)
}

// shouted reports whether s is a word in capitals, as constants are.
func shouted(s string) bool {
	letters := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'A' <= c && c <= 'Z':
			letters++
		case c == '_' || '0' <= c && c <= '9':
		default:
			return false
		}
	}
	return letters > 2
}

// isConstant reports whether s is one word as constants are: VALIDATION_ERROR.
func isConstant(s string) bool { return shouted(s) && strings.IndexByte(s, '_') > 0 }

// addCategory adds a text that begins with its category: EGeneral:Too many requests.
func (r *reader) addCategory(s string) {
	category, rest, ok := strings.Cut(s, ":")
	if ok && rest != "" && rest[0] != ' ' && strings.IndexByte(category, ' ') < 0 && len(s) <= maxKey && !strings.Contains(s, "://") {
		r.addCode(s)
	}
}

// addWord adds a code that must be one word: the field may hold a sentence.
func (r *reader) addWord(s string) {
	if strings.IndexByte(s, ' ') < 0 && len(s) <= maxKey && ascii(s) {
		r.addCode(s)
	}
}

// ascii reports whether s is of letters as codes are made of: a sentence in Chinese has
// no spaces.
func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// addCode adds a code, unless it says nothing or is a number.
func (r *reader) addCode(s string) {
	if r.nCodes == len(r.codes) || len(s) > 2*maxKey {
		return
	}
	if i := strings.IndexByte(s, '#'); i >= 0 && !strings.Contains(s, "://") {
		s = s[i+1:] // AWS puts a namespace in front
	}
	switch s {
	case "None", "", "error", "Error", "ERROR", "failure", "Failure", "fail", "failed", "about:blank", "error.list", "null", "none",
		"User", "Sender", "Receiver", "Client", "Server", "object", "list":
		return
	}
	if statusLine(s) || statusURL(s) {
		return
	}
	letters := false
	for i := 0; i < len(s) && !letters; i++ {
		c := s[i] | 0x20
		letters = 'a' <= c && c <= 'z' || s[i] >= 0x80
	}
	if !letters {
		return
	}
	for _, c := range r.codes[:r.nCodes] {
		if c == s {
			return
		}
	}
	r.codes[r.nCodes] = s
	r.nCodes++
}

// statusLine reports whether a code is an HTTP status with its text: 429 Too Many Requests.
func statusLine(s string) bool {
	if len(s) < 4 || !isDigit(s[0]) || s[3] != ' ' {
		return false
	}
	n, err := strconv.Atoi(s[:3])
	return err == nil && s[4:] != "" && strings.EqualFold(s[4:], http.StatusText(n))
}

// isStatusText reports whether s is the text of an HTTP status of a failure: Forbidden
// is no code beside a message.
func isStatusText(s string) bool {
	for n := 400; n < 512; n++ {
		if s == http.StatusText(n) && s != "" {
			return true
		}
	}
	return false
}

// statusURL reports whether the type of a problem names an HTTP status only: it ends in
// that, or in a section of an RFC.
func statusURL(s string) bool {
	if !isURL(s) {
		return false
	}
	last := strings.TrimRight(s, "/")
	last = last[strings.LastIndexAny(last, "/#")+1:]
	section, ok := strings.CutPrefix(last, "section-")
	if ok {
		return strings.Trim(section, "0123456789.") == ""
	}
	n, err := strconv.Atoi(last[:min(len(last), 4)])
	return err == nil && http.StatusText(n) != ""
}

// code is the provider's own word for the error. Some put the same code into
// every answer and tell the truth in the type.
func (r *reader) code(know []*family) string {
	if r.nCodes == 0 {
		return ""
	}
	first := r.codes[0]
	if first != "invalid_request_error" || r.nCodes == 1 || r.tree.textAt(errorCode) != first {
		return first
	}
	second := r.codes[1]
	for _, f := range know {
		if lookUp(f.codesByKey, second) != "" || lookUp(f.hintsByKey, second) != "" {
			return second
		}
	}
	return first
}
