package steadyhttptest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
)

const (
	hugeHeader  = 1 << 20 // bytes of one header: a tenth of what net/http takes
	manyHeaders = 100_000 // lines, a tenth of it as well

	okHead    = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	errorHead = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\n"
	chunked   = "Transfer-Encoding: chunked\r\n\r\n"
)

// reading reads a whole request, then does what follows.
func reading(then func(*hostileConn) bool) func(*hostileConn) bool {
	return func(c *hostileConn) bool { return c.request() && then(c) }
}

// saying reads a whole request and says text, after which the connection goes on.
func saying(text string) func(*hostileConn) bool {
	return reading(func(c *hostileConn) bool { return c.send(text) })
}

// sayingLast is saying, after which the connection ends.
func sayingLast(text string) func(*hostileConn) bool {
	return reading(func(c *hostileConn) bool { return c.send(text) && c.shut() })
}

// brokenConnections end, or fall silent, at each stage of a request and its answer.
func brokenConnections() []Hostile {
	const body = "Content-Length: 100\r\n\r\nthe start of it"
	stages := []struct {
		when string
		does func(c *hostileConn, text string) bool // up to there
		text string
	}{
		{"before the request", func(*hostileConn, string) bool { return true }, ""},
		{"during the request", func(c *hostileConn, _ string) bool { _, err := c.in.Peek(1); return err == nil }, ""},
		{"after the request's head", func(c *hostileConn, _ string) bool { _, ok := c.head(); return ok }, ""},
		{"after the request", answerStart, ""},
		{"within the status line", answerStart, "HTTP/1.1 20"},
		{"within the headers", answerStart, okHead},
		{"after the headers", answerStart, okHead + "Content-Length: 100\r\n\r\n"},
		{"within the body", answerStart, okHead + body},
		{"within a chunk", answerStart, okHead + chunked + "64\r\nthe start of it"},
		{"between two chunks", answerStart, okHead + chunked + "4\r\nfine\r\n"},
		{"within the body of an error", answerStart, errorHead + body},
	}
	ends := []struct {
		does string
		end  func(*hostileConn) bool
	}{
		{"resets", (*hostileConn).reset},
		{"closes", (*hostileConn).shut},
		{"half-closes", (*hostileConn).halfClose},
		{"stalls", (*hostileConn).stall},
	}
	var all []Hostile
	for _, s := range stages {
		for _, e := range ends {
			all = append(all, Hostile{
				Name:   e.does + " " + s.when,
				Stalls: e.does == "stalls",
				harm:   func(c *hostileConn) bool { return s.does(c, s.text) && e.end(c) },
			})
		}
	}
	return append(all,
		Hostile{Name: "resets a connection that was used before, once the next request comes", After: 1, harm: func(c *hostileConn) bool {
			_, err := c.in.Peek(1)
			return err == nil && c.reset()
		}},
		Hostile{Name: "closes an idle connection", After: 1, harm: (*hostileConn).shut},
		Hostile{Name: "answers an idle connection that asked for nothing", After: 1, harm: func(c *hostileConn) bool {
			return c.send("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n") && c.shut()
		}},
		Hostile{Name: "stops reading the request", Stalls: true, harm: func(c *hostileConn) bool {
			if _, ok := c.head(); ok {
				<-c.server.ctx.Done()
			}
			return false
		}},
	)
}

func answerStart(c *hostileConn, text string) bool { return c.request() && c.send(text) }

// brokenAnswers are no HTTP, or not quite, or HTTP of a kind that nobody expects.
func brokenAnswers() []Hostile {
	noise := make([]byte, 4<<10)
	random := rand.New(rand.NewPCG(1, 2)) // the same noise each time
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	ok := func(header string) string { return okHead + header + "\r\nContent-Length: 4\r\n\r\nfine" }
	var all []Hostile
	for _, row := range []struct{ name, text string }{
		{"sends noise in place of an answer", string(noise)},
		{"speaks SMTP", "220 mail.example ESMTP ready\r\n"},
		{"speaks TLS where none is expected", "\x15\x03\x01\x00\x02\x02\x28"},
		{"speaks HTTP/2 where none is expected", "\x00\x00\x00\x04\x00\x00\x00\x00\x00"},
		{"sends a status line without a status", "HTTP/1.1 OK\r\n\r\n"},
		{"sends a status of four digits", "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"},
		{"sends a status of two digits", "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"},
		{"sends a negative status", "HTTP/1.1 -20 OK\r\nContent-Length: 0\r\n\r\n"},
		{"sends a version that does not exist", "HTTP/9.9 200 OK\r\nContent-Length: 4\r\n\r\nfine"},
		{"sends an empty line before the status line", "\r\n" + fineAnswer},
		{"sends a header without a colon", ok("this is no header")},
		{"sends a header without a name", ok(": value")},
		{"sends a header with a NUL", ok("X-A: a\x00b")},
		{"sends a header that is no UTF-8", ok("X-A: \xff\xfe")},
		{"sends a header that goes on in the next line", ok("X-A: a\r\n b")},
		{"sends a header before which there is a space", ok(" X-A: a")},
		{"sends a length that is no number", okHead + "Content-Length: four\r\n\r\nfine"},
		{"sends a negative length", okHead + "Content-Length: -4\r\n\r\nfine"},
		{"sends a length that overflows", okHead + "Content-Length: 99999999999999999999\r\n\r\nfine"},
		{"sends a length of 8 EiB", okHead + "Content-Length: 9223372036854775807\r\n\r\nfine"},
		{"sends two lengths that differ", okHead + "Content-Length: 4\r\nContent-Length: 5\r\n\r\nfine"},
		{"sends two lengths that agree", okHead + "Content-Length: 4\r\nContent-Length: 4\r\n\r\nfine"},
		{"sends no length", okHead + "\r\nfine"},
		{"sends a length and chunks", okHead + "Content-Length: 2\r\n" + chunked + "4\r\nfine\r\n0\r\n\r\n"},
		{"sends more than the length says", okHead + "Connection: close\r\nContent-Length: 4\r\n\r\nfine and more of it"},
		{"sends an unknown transfer coding", okHead + "Transfer-Encoding: zigzag\r\n\r\nfine"},
		{"sends a chunk size that is no number", okHead + chunked + "zz\r\nfine\r\n0\r\n\r\n"},
		{"sends a chunk size that overflows", okHead + chunked + "fffffffffffffffff\r\nfine\r\n0\r\n\r\n"},
		{"sends a chunk longer than its size", okHead + chunked + "2\r\nfine\r\n0\r\n\r\n"},
		{"sends no last chunk", okHead + chunked + "4\r\nfine\r\n"},
		{"sends a trailer that is none", okHead + chunked + "4\r\nfine\r\n0\r\nthis is no trailer\r\n\r\n"},
		{"sends a trailer that was not announced", okHead + chunked + "4\r\nfine\r\n0\r\nX-A: a\r\n\r\n"},
		{"sends a trailer of 1 MiB", okHead + chunked + "4\r\nfine\r\n0\r\nX-A: " + strings.Repeat("a", hugeHeader) + "\r\n\r\n"},
		{"sends gzip that is none", okHead + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nfine"},
		{"sends gzip that is cut", okHead + "Content-Encoding: gzip\r\nConnection: close\r\n\r\n" + string(bomb()[:200])},
		{"sends an error whose gzip is none", errorHead + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nfine"},
		{"switches protocols unasked", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: chess\r\n\r\ne4"},
		{"redirects to nowhere", "HTTP/1.1 302 Found\r\nLocation: http://[::1%25]:70000/\x01\r\nContent-Length: 0\r\n\r\n"},
		{"redirects to itself for ever", "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n"},
	} {
		all = append(all, Hostile{Name: row.name, harm: sayingLast(row.text)})
	}
	early := func(end func(*hostileConn) bool) func(*hostileConn) bool {
		return func(c *hostileConn) bool {
			_, ok := c.head()
			return ok && c.send("HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 9\r\n\r\ntoo large") && end(c)
		}
	}
	return append(all,
		Hostile{Name: "sends 413 while the upload runs, and reads on", harm: early((*hostileConn).stall)},
		Hostile{Name: "sends 413 while the upload runs, and resets", harm: early((*hostileConn).reset)},
		Hostile{Name: "sends 100 to a request that did not ask", harm: saying("HTTP/1.1 100 Continue\r\n\r\n" + fineAnswer)},
		Hostile{Name: "sends 1xx a thousand times before the answer", harm: saying(strings.Repeat(earlyHints, 1000) + fineAnswer)},
	)
}

const earlyHints = "HTTP/1.1 103 Early Hints\r\nLink: </style.css>\r\n\r\n"

// endlessAnswers are too large, too many or too slow.
func endlessAnswers() []Hostile {
	huge := "X-Huge: " + strings.Repeat("h", hugeHeader) + "\r\n"
	var many strings.Builder
	for i := range manyHeaders {
		fmt.Fprintf(&many, "X-%d: v\r\n", i)
	}
	var bomb = string(bomb())
	kib := strings.Repeat("x", 1023) + "\n"
	chunk := "400\r\n" + kib + "\r\n"
	forEver := func(start, rest string) func(*hostileConn) bool {
		return reading(func(c *hostileConn) bool { return c.send(start) && c.sendForEver(rest) })
	}
	dripping := func(start, rest string) func(*hostileConn) bool {
		return reading(func(c *hostileConn) bool { return c.send(start) && c.drip(rest) })
	}
	const length = "Content-Length: 4\r\n\r\nfine"
	return []Hostile{
		{Name: "sends a header of 1 MiB", harm: saying(okHead + huge + length)},
		{Name: "sends an error with a header of 1 MiB", harm: saying(errorHead + huge + length)},
		{Name: "sends 100,000 headers", harm: saying(okHead + many.String() + length)},
		{Name: "sends an error with 100,000 headers", harm: saying(errorHead + many.String() + length)},
		{Name: "sends a status line without end", harm: forEver("HTTP/1.1 200 ", strings.Repeat("O", 16<<10))},
		{Name: "sends a header without end", harm: forEver(okHead+"X-Endless: ", strings.Repeat("e", 16<<10))},
		{Name: "sends headers without end", harm: forEver(okHead, "X-A: "+kib[:1000]+"\r\n")},
		{Name: "sends 1xx without end", harm: forEver("", "HTTP/1.1 103 Early Hints\r\nLink: "+kib[:1000]+"\r\n\r\n")},
		{Name: "sends a body without end", Endless: true, harm: forEver(okHead+"\r\n", kib)},
		{Name: "sends chunks without end", Endless: true, harm: forEver(okHead+chunked, chunk)},
		{Name: "sends chunks of one byte, with extensions, without end", Endless: true, harm: forEver(okHead+chunked, "1;"+strings.Repeat("e", 1<<10)+"\r\nx\r\n")},
		{Name: "sends an error body without end", Endless: true, harm: forEver(errorHead+chunked, chunk)},
		{Name: "sends an error that is an event stream without end", Endless: true, harm: forEver(
			"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/event-stream\r\n\r\n", "data: x\n\n")},
		{Name: "sends a gzip bomb", Endless: true, harm: forEver(okHead+"Content-Encoding: gzip\r\n\r\n", bomb)},
		{Name: "sends an error that is a gzip bomb", Endless: true, harm: forEver(errorHead+"Content-Encoding: gzip\r\n\r\n", bomb)},
		{Name: "sends the headers at a byte a second", Stalls: true, harm: dripping("", okHead+"Content-Length: 4\r\n\r\nfine")},
		{Name: "sends the body at a byte a second", Stalls: true, harm: dripping(okHead+"Content-Length: 100\r\n\r\n", strings.Repeat("x", 100))},
		{Name: "sends an error body at a byte a second", Stalls: true, harm: dripping(errorHead+"Content-Length: 100\r\n\r\n", strings.Repeat("x", 100))},
	}
}

// bomb is a mebibyte of zeros as a gzip member of about a kibibyte. Members may follow each other (RFC 1952, 2.2), so
// that it can be sent again and again.
var bomb = sync.OnceValue(func() []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestCompression) // it is a level that exists
	z.Write(make([]byte, 1<<20))
	z.Close()
	return b.Bytes()
})
