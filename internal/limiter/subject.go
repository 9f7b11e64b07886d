package limiter

import (
	"hash/maphash"
	"net/http"
	"strings"

	"github.com/steadyhttp/steadyhttp/internal/inmem"
)

// A subject tells requests apart that are under the same Keys. A Key folds what looks
// like an id, and leaves out the query, the headers and the body. So what fails may be
// one shard, and what is refused one customer. The zero value is not known.
type subject struct {
	address uint64 // a hash of host, path and query
	content uint64 // a hash of headers and the start of the body
	shape   uint64 // a hash of all of it, with words that have a digit folded
}

var subjectSeed = maphash.MakeSeed()

// maxSubject is how much of a body is looked at.
const maxSubject = 1 << 10

// volatile are headers that differ from call to call and name nobody, and the one with
// the credential, which a Key has.
var volatile = map[string]bool{
	"Authorization": true, "Date": true, "Idempotency-Key": true, "Traceparent": true, "Tracestate": true, "Baggage": true,
	"X-Request-Id": true, "X-Correlation-Id": true, "X-Client-Request-Id": true, "X-Ms-Client-Request-Id": true, "X-Amzn-Trace-Id": true,
	"X-Amz-Date": true, "X-Ms-Date": true, "Amz-Sdk-Invocation-Id": true, "Amz-Sdk-Request": true, "X-Cloud-Trace-Context": true,
	"X-B3-Traceid": true, "X-B3-Spanid": true, "X-Datadog-Trace-Id": true, "X-Datadog-Parent-Id": true, "Sentry-Trace": true,
	"X-Stainless-Retry-Count": true,
}

// subjectOf returns what req, whose body has the content body, is about.
func subjectOf(req *http.Request, body inmem.Body) (s subject) {
	if req == nil || req.URL == nil {
		return subject{}
	}
	start := body.Start(maxSubject)
	var h maphash.Hash
	h.SetSeed(subjectSeed)
	h.WriteString(req.Host)
	h.WriteString(req.URL.Path)
	h.WriteByte('?')
	h.WriteString(req.URL.RawQuery)
	s.address = h.Sum64() | 1 // 0 is not known
	h.Reset()
	h.Write(start)
	s.content = h.Sum64()
	h.Reset()
	h.WriteString(req.Host)
	fold(&h, req.URL.Path)
	h.WriteByte('?')
	fold(&h, req.URL.RawQuery)
	fold(&h, string(start))
	s.shape = h.Sum64()
	for name, values := range req.Header {
		if volatile[name] {
			continue
		}
		h.Reset()
		h.WriteString(name)
		h.WriteByte(':')
		h.WriteString(strings.Join(values, ","))
		s.content += h.Sum64() // a map has no order
		h.Reset()
		h.WriteString(name)
		h.WriteByte(':')
		for _, v := range values {
			fold(&h, v)
		}
		s.shape += h.Sum64()
	}
	return s
}

// fold writes text to h, and each word that has a digit in it as one 0: numbers, ids,
// times and nonces, which differ from call to call.
func fold(h *maphash.Hash, text string) {
	for i := 0; i < len(text); {
		j, digit := i, false
		for ; j < len(text) && isWord(text[j]); j++ {
			digit = digit || '0' <= text[j] && text[j] <= '9'
		}
		switch {
		case j == i:
			h.WriteByte(text[i])
			j++
		case digit:
			h.WriteByte('0')
		default:
			h.WriteString(text[i:j])
		}
		i = j
	}
}

func isWord(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '-' || c == '_' || c >= 0x80
}
