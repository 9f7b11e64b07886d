package dialect

import (
	"cmp"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unsafe"
)

// A reader takes from a body what its shape offers.
type reader struct {
	tree tree
	buf  []byte
	facts
}

// facts are what was taken from one body.
type facts struct {
	message string
	wrapped string    // the text that message was taken out of, "" if it was none
	more    [4]string // other texts that may say what the message does not
	nMore   int
	codes   [8]string // the first is the provider's own word for it
	nCodes  int
	number  int // its numeric code, 0 if there is none

	xml    string // the document, if it is one
	plain  string // the whole text, if that is what it is
	page   string // the text of a page's body, if that is what it is
	joined string // message and more in the form of phrases

	// What the answer says beside its body, and whom it may be from.
	status int
	header http.Header
	know   []*family

	stated time.Duration // the wait that a member of the body asks for

	said     Class // by the phrases that everybody uses, if listened
	listened bool

	itemError int32 // the node of the first error in a bulk answer, 0 if it is none
	badFinish bool  // a choice ended for a reason that is a failure
	asksLater bool  // the header of a success asks to come back later, or has a code of an error
}

func (r *reader) free() {
	// What is kept is memory, not somebody's body. The nodes, which are most of
	// it, hold none of that.
	r.tree.src, r.tree.n, r.buf, r.facts = "", 0, r.buf[:0], facts{}
	readers.Put(r)
}

// read recognises what kind of text a body is.
func (r *reader) read(body []byte) { r.readText(string(body[:min(len(body), maxBody)])) }

// skim is read without a copy of body, as hardly anybody keeps what is found: its
// texts hold only as long as body is not changed. Who does keep it calls keep.
func (r *reader) skim(body []byte) {
	body = body[:min(len(body), maxBody)]
	r.readText(unsafe.String(unsafe.SliceData(body), len(body)))
}

// keep reads body, which was skimmed, such that its texts may be kept.
func (r *reader) keep(body []byte) {
	r.facts = facts{}
	r.read(body)
}

func (r *reader) readText(s string) {
	s = strings.TrimSpace(strings.TrimPrefix(s, "\ufeff"))
	r.tree.parse("")
	if strings.HasPrefix(s, "data:") || strings.HasPrefix(s, "event:") {
		// A server that was asked for a stream may put its error in one.
		if _, data, ok := strings.Cut(s, "data:"); ok {
			data, _, _ = strings.Cut(data, "\n\n")
			s = strings.TrimSpace(data)
		}
	}
	if s == "" {
		return
	}
	switch s[0] {
	case '{', '[', '"':
		if r.tree.parse(s); r.tree.n == 1 && !r.tree.whole {
			r.tree.parse("") // no JSON, but what Python prints
			break
		}
		return
	case '<':
		if isXML(s) {
			r.xml = s
		}
	}
	r.plain = s
}

// maxHeading bounds a line of a page that is taken for its message, and maxHeadings
// how many lines are looked at: what matters is said at the top.
const maxHeading, maxHeadings = 300, 10

// pageWords are what pages say of what happened, although it is no class.
var pageWords = []words{{Unknown, "", []string{"is blocked", "was blocked", "been blocked", "error", "denied", "unavailable", "limit", "failed", "not found", "too many", "attention required", "just a moment", "sorry", "oops"}}}

// collect gathers texts and codes.
func (r *reader) collect(h http.Header) {
	t := &r.tree
	for _, name := range tables().codeHeaders {
		code, _, _ := strings.Cut(first(h, name), ":")
		code, _, _ = strings.Cut(strings.TrimSpace(code), " ") // Squid adds the number of the system's error
		r.addCode(code)
	}
	defer r.collectChallenge(h)
	switch {
	case t.n > 0:
		r.collectJSON()
	case r.xml != "":
		r.collectXML()
	case strings.HasPrefix(r.plain, "<"):
		r.collectPage()
	default:
		// The first paragraph: Vercel's goes on with its code and its id.
		text, rest, _ := strings.Cut(strings.ReplaceAll(r.plain, "\r\n", "\n"), "\n\n")
		if rest, _, _ = strings.Cut(strings.TrimSpace(rest), "\n\n"); statusLine(text) && isSentence(rest) {
			text = rest
		}
		r.message = strings.TrimSpace(text)
	}
}

// collectChallenge takes what the challenge to a bearer says, where the body says
// nothing: https://www.rfc-editor.org/rfc/rfc6750#section-3
func (r *reader) collectChallenge(h http.Header) {
	if r.message != "" && r.nCodes > 0 || r.status != http.StatusUnauthorized && r.status != http.StatusForbidden {
		return
	}
	challenge := first(h, "Www-Authenticate")
	if r.nCodes == 0 {
		r.addWord(challengeParam(challenge, "error"))
	}
	if r.message == "" {
		r.message = challengeParam(challenge, "error_description")
	}
}

// challengeParam is a quoted parameter of a challenge.
func challengeParam(challenge, name string) string {
	for rest := challenge; ; {
		before, after, ok := strings.Cut(rest, name+`="`)
		if !ok {
			return ""
		}
		if value, _, ok := strings.Cut(after, `"`); ok && (strings.HasSuffix(before, " ") || strings.HasSuffix(before, ",")) {
			return value
		}
		rest = after
	}
}

// collectPage takes the first heading or paragraph that tells something, else the
// page's title: many titles are the name of a company.
func (r *reader) collectPage() {
	r.message = headline(r.plain)
	all := bodyText(r.plain)
	body := all
	r.page = all
	if s := r.beyondStatus(all); s != "" {
		r.message = s
		r.more[0], r.nMore = all, 1
		return
	}
	bare := strings.EqualFold(strings.TrimRight(r.message, "!. "), "error")
	if bare || !r.tells(r.message) {
		for range maxHeadings {
			var line string
			line, body, _ = strings.Cut(body, "\n")
			line = strings.TrimPrefix(strings.TrimSpace(line), "Error: ")
			if line != "" && len(line) <= maxHeading && (bare && !strings.EqualFold(line, r.message) || r.tells(line)) {
				r.message = line
				break
			}
		}
	}
	r.more[0], r.nMore = all, 1
}

// beyondStatus is the first sentence of a page whose title is but the name of a status
// and means something else; "" if there is none.
func (r *reader) beyondStatus(body string) string {
	if !namesStatus(r.message) {
		return ""
	}
	for range maxHeadings {
		var line string
		line, body, _ = strings.Cut(body, "\n")
		if line = strings.TrimSpace(line); !isSentence(line) || len(line) > maxHeading {
			continue
		}
		r.buf = simple(r.buf[:0], line)
		if c := tables().phrases.heard(string(r.buf), r.status); c != "" && c != r.byStatus() {
			return line
		}
		return ""
	}
	return ""
}

// namesStatus reports whether a title is a status with its text and nothing else: 403
// Forbidden, 409: Conflict, Error 406 - Not Acceptable.
func namesStatus(title string) bool {
	words := strings.Trim(strings.TrimPrefix(strings.ToLower(title), "error"), " :-.!")
	if len(words) < 3 || !isDigit(words[0]) {
		return false
	}
	n, _ := strconv.Atoi(words[:3])
	return http.StatusText(n) != "" && strings.EqualFold(strings.Trim(words[3:], " :-.!"), http.StatusText(n))
}

// isSentence reports whether a line has some words and ends as sentences do.
func isSentence(s string) bool {
	return strings.Count(s, " ") >= 3 && (strings.HasSuffix(s, ".") || strings.HasSuffix(s, ")") || strings.HasSuffix(s, "!"))
}

// tells reports whether a line of a page says what is wrong.
func (r *reader) tells(line string) bool {
	for digits, i := 0, 0; i < len(line); i++ {
		if digits++; line[i] < '0' || line[i] > '9' {
			digits = 0
		}
		if digits == 3 && line[i-2] >= '4' && line[i-2] <= '5' {
			return true // it names a status
		}
	}
	r.buf = simple(r.buf[:0], line)
	return tables().phrases.heard(string(r.buf), r.status) != "" || heard(pageWords, string(r.buf), r.status) != ""
}

// collectJSON gathers what a JSON body says: words, codes, a number.
func (r *reader) collectJSON() {
	switch t := &r.tree; {
	case t.is(1, '"'):
		r.message = t.text(1)
	case r.itemError != 0:
		r.collectItem()
	default:
		r.collectSub()
		r.collectWords()
		r.collectCodes()
		r.collectNumber()
	}
}

// collectWords looks for the message, where it is expected first, and then for what
// else is said.
func (r *reader) collectWords() {
	t := &r.tree
	if r.message == "" {
		r.message = t.firstTelling(messagePaths)
	}
	if isConstant(r.message) {
		if s := t.innerTelling(); s != "" {
			r.message = s // beside a code, under a name that many use for other things
		}
	}
	if r.message == "" {
		r.message = t.fieldError()
	}
	if r.message == "" {
		r.message = t.innerTelling()
	}
	if r.message == "" {
		r.message = t.sentence()
	}
	r.unwrapMessage()
	for _, p := range morePaths {
		if r.nMore == len(r.more) {
			return
		}
		if s := t.textAt(p); s != "" && s != r.message && s != http.StatusText(r.status) {
			r.more[r.nMore] = s
			r.nMore++
		}
	}
}

// unwrapMessage takes the message out of another error, which gateways hand on as the text
// of their own. What they say after it is heard too.
func (r *reader) unwrapMessage() {
	text := r.message
	if text == "Provider returned error" { // https://openrouter.ai/docs/api-reference/errors
		text = r.tree.textAt(pRaw)
	}
	if text == "" || text[0] != '{' {
		return
	}
	inner := readers.Get().(*reader)
	defer inner.free()
	inner.readText(text)
	if s := inner.tree.firstTelling(messagePaths); s != "" {
		r.wrapped, r.message = text, s
		r.more[0], r.nMore = text, 1
	}
}

var pRaw = pathOf("error.metadata.raw")

// fieldError is what is wrong with the first of several fields.
func (t *tree) fieldError() string {
	if !t.is(t.at(fieldErrors), '{') {
		return ""
	}
	field := t.nodes[t.at(fieldErrors)].down
	if t.is(field, '[') {
		field = t.nodes[field].down
	}
	return t.text(field)
}

func (r *reader) collectNumber() {
	t := &r.tree
	for _, p := range numberPaths {
		if r.number != 0 {
			return
		}
		if n, ok := t.number(t.at(p)); ok && n == math.Trunc(n) && n != 0 && -1e9 < n && n < 1e9 {
			r.number = int(n)
		}
	}
}

func (r *reader) collectXML() {
	for _, name := range [...]string{"Message", "faultstring", "detail", "description", "title", "msg", "Text", "ServiceException", "ExceptionText", "resultMsg", "Exception",
		"returnAuthMsg", "resultMessage", "returnMsg", "errMsg", "retMsg", "errorMessage", "errorMsg", "errorDescription", "statusMessage", "responseMessage", "reason"} {
		if r.message = element(r.xml, name); r.message != "" {
			break
		}
	}
	for _, name := range [...]string{"Code", "faultcode", "errorcode", "exception", "resultCode", "returnReasonCode", "returnCode", "statuscode"} {
		r.addXMLCode(element(r.xml, name))
	}
	for _, name := range [...]string{"err", "error", "ServiceException", "Exception", "status"} {
		if r.message != "" && (r.nCodes > 0 || r.number != 0) {
			break // it has elements for them
		}
		tag := openingTag(r.xml, name)
		if tag == "" {
			continue
		}
		for _, attribute := range [...]string{"code", "exceptionCode"} {
			r.addXMLCode(attributeOf(tag, attribute))
		}
		if r.message == "" {
			r.message = attributeOf(tag, "msg")
		}
		if r.message == "" {
			r.message = attributeOf(tag, "message")
		}
		if r.message == "" {
			r.message = attributeOf(tag, "info")
		}
	}
	all := plain(r.xml[:min(len(r.xml), maxDocument)])
	if r.message == "" && r.nCodes == 0 {
		r.message = all
	}
	r.more[0], r.nMore = all, 1 // errors of errors, under whatever names
}

// maxDocument is how much of a document is searched for words.
const maxDocument = 2 << 10

// text is all that was said, in the form that phrases are written in.
func (r *reader) text() string {
	if r.joined != "" {
		return r.joined
	}
	b := simple(r.buf[:0], spaced(r.message))
	for _, s := range r.more[:r.nMore] {
		b = append(b, " | "...)
		b = simple(b, s)
	}
	if r.plain != "" && r.xml == "" && !strings.HasPrefix(r.plain, "<") {
		b = append(b, " | "...)
		b = simple(b, r.plain)
	}
	r.buf = b
	r.joined = string(b)
	return r.joined
}

// spaced makes words of a text that is made like a constant.
func spaced(s string) string {
	if !shouted(s) {
		return s
	}
	return strings.ReplaceAll(s, "_", " ")
}

// firstTelling is the first text that is more than a flag, and more than the text of a
// status if a sentence comes later.
func (t *tree) firstTelling(ps []path) string {
	flag, status := "", ""
	for _, p := range ps {
		switch s := t.textAt(p); s {
		case "", "NA", "N/A", "n/a", "null", "None", "none":
		case "NOTOK", "NOT OK", "error", "ERROR", "fail", "FAIL", "failed", "failure":
			if flag == "" {
				flag = s
			}
		default:
			switch {
			case status != "" && !strings.Contains(s, " "): // no sentence
			case status == "" && isStatusText(s):
				status = s
			default:
				return s
			}
		}
	}
	return cmp.Or(status, flag)
}

func (r *reader) param() string { return r.tree.first(paramPaths) }
