package dialect

import (
	"net/http"
	"slices"
	"strings"
)

// requestIDs are headers that carry the id a provider's support asks for, the
// most specific first: a gateway adds its own to the provider's.
var requestIDs = []string{
	"Request-Id", "Apim-Request-Id", "X-Github-Request-Id", "X-Amzn-Requestid", "X-Amz-Request-Id", "X-Slack-Req-Id",
	"X-Oneapi-Request-Id", "X-Kong-Request-Id", "X-Request-Id", "X-Goog-Request-Id", "X-Ms-Request-Id", "X-Hubspot-Correlation-Id",
	"X-Correlation-Id", "X-Vercel-Id", "X-Trace-Id", "X-Debug-Trace-Id", "Twilio-Request-Id", "X-Requestid", "Requestid",
}

// otherIDs are of clouds and gateways that no family is of.
var otherIDs = []string{
	"Opc-Request-Id", "X-Oss-Request-Id", "X-Cos-Request-Id", "X-Obs-Request-Id", "X-Tt-Logid", "X-Ms-Activity-Id", "Fly-Request-Id",
	"X-Railway-Request-Id", "X-Nf-Request-Id", "X-Guploader-Uploadid", "X-Correlationid", "X-Correlation", "Correlation-Id", "X-Transaction-Id",
	"X-Trans-Id", "Trace-Id", "X-Line-Request-Id", "X-Request-Trace-Id", "X-Logid", "X-Log-Id", "Logid", "X-Tid", "X-Transactionid", "Transaction-Id", "X-Global-Transaction-Id", "X-Traceid", "X-Requestuuid", "X-Flow-Id", "X-Operation-Id", "Audit-Id", "X-Reqid", "Transid",
}

// edgeIDs are of what stands in front of many APIs, or of a whole trace: better than
// no id at all.
var edgeIDs = []string{
	rayHeader, "X-Azure-Ref", "X-Amz-Cf-Id", "Akamai-Grn", "X-Cloud-Trace-Context", "X-Amzn-Trace-Id", "X-B3-Traceid", "Uber-Trace-Id", "Traceparent",
}

var idPaths = paths(
	"requestid", "error.requestid", "error.innererror.requestid", "response.requestid", "error.metadata.requestid",
	"traceid", "error.traceid", "correlationid", "error.fbtraceid", "errorid", "debugid", "error.logid", "logid",
	"responsemetadata.requestid", "error.innererror.clientrequestid", "detail.requestid", "error.correlationid", "meta.requestid",
	"extensions.requestid", "errors.0.extensions.requestid", "requestlogid", "0.requestid", "errors.requestid", "detail.0.requestid", "data.requestid", "error.details.requestid", "error.innererror.innererror.requestid",
	"reqid", "error.reqid", "sid", "header.sid", "txid", "transactionid", "error.transactionid", "transid", "pspreference", "traceno", "error.logref", "logref", "supportid", "error.supportid", "incidentid", "referenceid", "error.sid", "result.requestid", "result.traceid", "meta.traceid", "data.traceid", "header.requestid",
	"trackingid", "error.trackingid", "errorinfo.requestid", "request.id", "erroridentifier", "apiid", "rayid", "metadata.requestid", "metadata.traceid", "error.metadata.traceid", "error.innererror.transactionid", "errorresponse.requestid", "status.requestid",
)

var pInstance = pathOf("instance")

// rayHeader is Cloudflare's.
const rayHeader = "Cf-Ray"

// RequestID returns the id that the header of an answer from host carries, "" if
// there is none. A verdict has the same one, unless the header has none and the
// body does.
func RequestID(host string, h http.Header) string {
	if id := idInHeader(tables().byHost(host), h); id != "" {
		return id
	}
	return firstOf(h, edgeIDs)
}

// idInHeader looks into the headers of the provider, then into the general ones.
// host may be nil.
func idInHeader(host *family, h http.Header) string {
	if host != nil {
		for _, name := range host.ids {
			if id := first(h, name); id != "" {
				return id
			}
		}
	}
	if id := firstOf(h, requestIDs); id != "" {
		return id
	}
	if id := firstOf(h, otherIDs); id != "" {
		return id
	}
	return likeID(h)
}

// likeID is the value of the header whose name begins as those of nobody in particular
// do, and ends as those of ids; of several the first by name. The caller's own is none.
func likeID(h http.Header) string {
	best := ""
	for name := range h {
		if (best == "" || name < best) && endsLikeID(name) && first(h, name) != "" {
			best = name
		}
	}
	return first(h, best)
}

func endsLikeID(name string) bool {
	if !strings.HasPrefix(name, "X-") || strings.Contains(name, "Client") || slices.Contains(edgeIDs, name) {
		return false
	}
	for _, end := range [...]string{"-Request-Id", "-Requestid", "-Trace-Id", "-Traceid", "-Correlation-Id", "-Debug-Id", "-Transaction-Id", "-Tracking-Id", "-Request-Uuid", "-Requestuuid", "-Req-Id"} {
		if strings.HasSuffix(name, end) {
			return true
		}
	}
	return false
}

// innerID is the first text that is called an id of a request, at whatever depth.
func (t *tree) innerID() string {
	for at := int32(1); at <= min(t.n, maxInner); at++ {
		if t.is(at, '"') && innerIDs[t.nodes[at].key] && !t.empty(at) {
			return t.text(at)
		}
	}
	return ""
}

var innerIDs = keySet("request_id", "req_id", "trace_id", "correlation_id")

// firstOf returns the first of the headers with those names that says anything.
func firstOf(h http.Header, names []string) string {
	for _, name := range names {
		if v := first(h, name); v != "" {
			return v
		}
	}
	return ""
}

// first returns the first value of the header with that canonical name.
func first(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

func (r *reader) requestID(h http.Header, host *family) string {
	if id := idInHeader(host, h); id != "" {
		return id
	}
	for _, p := range idPaths {
		if id := r.tree.textAt(p); id != "" && !isWords(id) {
			return id
		}
	}
	// Of a problem the instance may be its URL, or that of the request.
	if id := strings.TrimPrefix(r.tree.textAt(pInstance), "urn:uuid:"); uuid(id) || likeTrace(id) {
		return id
	}
	// The id of JSON-RPC is the caller's own.
	if id := r.tree.innerID(); id != "" {
		return id
	}
	for _, p := range errorIDs {
		if id := r.tree.textAt(p); likeErrorID(id) && (len(id) >= minLong || strings.HasPrefix(id, "req")) {
			return id
		}
	}
	if id := r.tree.textAt(topID); r.tree.at(pJSONRPC) == 0 && (uuid(id) || r.answerID(id)) {
		return id
	}
	if r.xml != "" {
		for _, name := range [...]string{"RequestId", "request_id", "TraceId", "CorrelationId"} {
			if id := element(r.xml, name); id != "" {
				return id
			}
		}
	}
	if r.xml != "" {
		root := openingTag(r.xml, rootElement(r.xml))
		for _, name := range [...]string{"requestId", "requestID", "request_id", "traceId"} {
			if id := attributeOf(root, name); id != "" {
				return id
			}
		}
	}
	if _, rest, ok := strings.Cut(r.page, "Reference #"); ok { // Akamai's
		end := strings.IndexFunc(rest, func(c rune) bool { return c != '.' && (c < '0' || '9' < c) && (c < 'a' || 'f' < c) })
		if end < 0 {
			end = len(rest)
		}
		if end >= minID && end <= maxKey {
			return rest[:end]
		}
	}
	if r.page == "" {
		for _, text := range [...]string{r.message, r.wrapped} {
			if id := idInText(text); id != "" {
				return id
			}
		}
	}
	return firstOf(h, edgeIDs)
}

// errorIDs are ids of this very error: https://jsonapi.org/format/#error-objects. Of others
// they are its code.
var errorIDs = paths("errors.0.id", "error.id", "errors.0.extensions.id", "messages.0.errors.0.erroridentifier")

// likeErrorID reports whether s is made as ids are, and not as codes: it is long, and has
// digits.
func likeErrorID(s string) bool {
	return len(s) >= minID && len(s) <= maxKey && strings.ContainsAny(s, "0123456789") && !strings.ContainsAny(s, " ./")
}

// likeTrace reports whether an instance is a name with parts and a number, and no path:
// kong:trace:1234567890.
func likeTrace(s string) bool {
	return strings.Contains(s, ":") && !strings.ContainsAny(s, "/ ") && strings.ContainsAny(s, "0123456789")
}

// answerID reports whether the id at the top of an error is that of the answer: it
// stands beside the error, not in a thing, and is made as ids are.
func (r *reader) answerID(id string) bool {
	t := &r.tree
	if len(id) < minID || len(id) > maxKey || strings.ContainsAny(id, " /.") || !strings.ContainsAny(id, "0123456789") || isWords(id) {
		return false
	}
	return t.is(t.at(errorPath), '{') || t.is(t.at(pErrors), '[')
}

// minID is how long an id is: what is shorter counts something.
const minID = 8

func uuid(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
}

// idInText finds an id that the message names.
func idInText(s string) string {
	s = s[:min(len(s), maxSaid)]
	for i := 1; i+1 < len(s); i++ {
		if s[i]|0x20 != 'i' || s[i+1]|0x20 != 'd' {
			continue
		}
		before := strings.TrimRight(s[:i], " _")
		for _, of := range idOf {
			if strings.HasSuffix(before, of) {
				if id := leadingID(s[i+2:]); id != "" {
					return id
				}
				break
			}
		}
	}
	for _, mark := range [...]string{"(ref:", "(tid:", " rid: ", "include `", "错误id", "错误ID", "请求id", "请求ID"} {
		if _, rest, ok := strings.Cut(s, mark); ok {
			if id := leadingID(rest); id != "" {
				return id
			}
		}
	}
	return ""
}

// idOf are ends of what an id may be of: a request, a trace, an incident.
var idOf = [...]string{"equest", "race", "ncident", "rror", "eference", "upport", "req", "Req"}

// maxIDInText is how far an id is looked for behind what announces it.
const maxIDInText = 160

// leadingID is the id that a text begins with.
func leadingID(s string) string {
	s = strings.TrimLeft(s[:min(len(s), maxIDInText)], ":：=#(`'\" ")
	end := 0
	digit := false
	for end < len(s) {
		c := s[end]
		if c >= '0' && c <= '9' {
			digit = true
		} else if l := c | 0x20; (l < 'a' || l > 'z') && c != '-' && c != '_' && c != ':' {
			break
		}
		end++
	}
	if id := strings.TrimRight(s[:end], "-_:"); len(id) >= minID && (digit || scrambled(id)) {
		return id
	}
	return ""
}

// scrambled reports whether letters make no word, nor words written as one: two capitals
// stand together, and no four small letters.
func scrambled(s string) bool {
	small, capitals, pair, mixed := 0, 0, false, false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z':
			small, capitals, mixed = small+1, 0, true
		case 'A' <= c && c <= 'Z':
			small, capitals = 0, capitals+1
		default:
			small, capitals = 0, 0
		}
		if small == 4 {
			return false
		}
		pair = pair || capitals == 2
	}
	return pair && mixed
}
