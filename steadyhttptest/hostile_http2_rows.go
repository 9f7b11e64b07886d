package steadyhttptest

import (
	"fmt"
	"strings"
)

// brokenConnections2 end, or fall silent, at each stage of a connection over TLS, and of a stream.
func brokenConnections2() []Hostile {
	var all []Hostile
	for _, s := range []struct {
		when string
		does func(*hostileConn) bool // up to there
	}{
		{"before the TLS handshake", func(*hostileConn) bool { return true }},
		{"within the TLS handshake", func(c *hostileConn) bool { _, err := c.in.Peek(1); return err == nil }},
		{"before the HTTP/2 preface", func(c *hostileConn) bool { _, ok := c.secure(); return ok }},
		{"within a frame's head", func(c *hostileConn) bool {
			c2, ok := c.secure()
			return ok && c2.begin() && c2.send("\x00\x00")
		}},
	} {
		all = append(all,
			Hostile{Name: "resets " + s.when, harm: func(c *hostileConn) bool { return s.does(c) && c.reset() }},
			Hostile{Name: "closes " + s.when, harm: func(c *hostileConn) bool { return s.does(c) && c.shut() }},
			Hostile{Name: "stalls " + s.when, Stalls: true, harm: func(c *hostileConn) bool { return s.does(c) && c.stall() }})
	}
	for _, s := range []struct {
		when string
		does func(c *hostileConn2, stream uint32) bool
	}{
		{"after the request's head, over HTTP/2", func(*hostileConn2, uint32) bool { return true }},
		{"within the headers, over HTTP/2", func(c *hostileConn2, id uint32) bool { return c.frame(frameHeaders, 0, id, status200) }},
		{"after the headers, over HTTP/2", func(c *hostileConn2, id uint32) bool { return c.headers(id, status200) }},
		{"within the body, over HTTP/2", startOfBody},
		{"within the body of an error, over HTTP/2", func(c *hostileConn2, id uint32) bool {
			return c.headers(id, statusOf(503)) && c.frame(frameData, 0, id, "the start of it")
		}},
	} {
		all = append(all,
			Hostile{Name: "resets " + s.when, harm2: func(c *hostileConn2, id uint32) bool { return s.does(c, id) && c.reset() }},
			Hostile{Name: "closes " + s.when, harm2: func(c *hostileConn2, id uint32) bool { return s.does(c, id) && c.shut() }},
			Hostile{Name: "stalls " + s.when, Stalls: true, harm2: func(c *hostileConn2, id uint32) bool { return s.does(c, id) && c.stall() }})
	}
	for _, code := range codes {
		all = append(all,
			Hostile{Name: "sends RST_STREAM with " + code.name, harm2: func(c *hostileConn2, id uint32) bool {
				return c.frame(frameReset, 0, id, number(code.code))
			}},
			Hostile{Name: "sends RST_STREAM with " + code.name + " within the body", harm2: func(c *hostileConn2, id uint32) bool {
				return startOfBody(c, id) && c.frame(frameReset, 0, id, number(code.code))
			}},
			Hostile{Name: "sends GOAWAY with " + code.name + " before the request", harm2: func(c *hostileConn2, _ uint32) bool {
				return c.frame(frameGoAway, 0, 0, goAway(0, code.code)) && c.stall()
			}},
			Hostile{Name: "sends GOAWAY with " + code.name + " after the request, and closes", harm2: func(c *hostileConn2, id uint32) bool {
				return c.frame(frameGoAway, 0, 0, goAway(id, code.code)) && c.shut()
			}})
	}
	all = append(all,
		Hostile{Name: "sends GOAWAY and then the answer", harm2: func(c *hostileConn2, id uint32) bool {
			return c.frame(frameGoAway, 0, 0, goAway(id, 0)) && c.fine(id) && c.stall()
		}},
		Hostile{Name: "sends GOAWAY on an idle connection", After: 1, harm2: func(c *hostileConn2, _ uint32) bool {
			return c.frame(frameGoAway, 0, 0, goAway(1, 0)) && c.stall()
		}},
		Hostile{Name: "resets a connection that was used before, over HTTP/2", After: 1, harm2: func(c *hostileConn2, _ uint32) bool { return c.reset() }})
	for i := range all {
		all[i].HTTP2 = true
	}
	return all
}

func startOfBody(c *hostileConn2, id uint32) bool {
	return c.headers(id, status200+field("content-length", "100")) && c.frame(frameData, 0, id, "the start of it")
}

// brokenAnswers2 are frames that make no sense, and more of them than anybody wants.
func brokenAnswers2() []Hostile {
	var many strings.Builder
	for i := range manyHeaders {
		many.WriteString(field(fmt.Sprint("x-", i), "v"))
	}
	huge := field("x-huge", strings.Repeat("h", hugeHeader))
	length := func(n string) string { return field("content-length", n) }
	// answers sends a block of headers and a body.
	answers := func(block, body string) func(*hostileConn2, uint32) bool {
		return func(c *hostileConn2, id uint32) bool {
			return c.headers(id, block) && c.frame(frameData, flagEnd, id, body)
		}
	}
	// sends sends a frame, and waits for what the client makes of it.
	sends := func(typ frameType, flags byte, payload string) func(*hostileConn2, uint32) bool {
		return func(c *hostileConn2, id uint32) bool {
			if typ == frameSettings || typ == framePing {
				id = 0
			}
			return c.frame(typ, flags, id, payload) && c.stall()
		}
	}
	// flooding sends start, once, and then a flood of frames.
	flooding := func(start func(*hostileConn2, uint32) bool, typ frameType, payload string) func(*hostileConn2, uint32) bool {
		return func(c *hostileConn2, id uint32) bool {
			if start != nil && !start(c, id) {
				return false
			}
			if typ == frameSettings || typ == framePing {
				id = 0
			}
			return c.flood(frame(typ, 0, id, payload))
		}
	}
	headers := func(block string) func(*hostileConn2, uint32) bool {
		return func(c *hostileConn2, id uint32) bool { return c.headers(id, block) }
	}
	openHeaders := func(c *hostileConn2, id uint32) bool { return c.frame(frameHeaders, 0, id, status200) }
	kib := strings.Repeat("x", 1<<10)
	all := []Hostile{
		{Name: "sends noise in place of frames", harm2: func(c *hostileConn2, _ uint32) bool {
			return c.send(strings.Repeat("\xa5\x5a\x00\xff", 1<<10)) && c.stall()
		}},
		{Name: "speaks HTTP/1.1 where HTTP/2 was agreed", harm2: func(c *hostileConn2, _ uint32) bool { return c.send(fineAnswer) && c.stall() }},
		{Name: "sends a frame larger than agreed", harm2: sends(frameData, 0, strings.Repeat("x", maxFrame*2))},
		{Name: "sends headers that are no HPACK", harm2: sends(frameHeaders, flagEndHeaders, "\xff\xff\xff\xff\xff\xff\xff")},
		{Name: "sends headers without a status", harm2: answers(field("content-type", "text/plain"), "fine")},
		{Name: "sends a status that is no number", harm2: answers("\x08"+literal("abc"), "fine")},
		{Name: "sends a header in capitals", harm2: answers(status200+field("X-A", "a"), "fine")},
		{Name: "sends a length that is too large, over HTTP/2", harm2: answers(status200+length("5"), "fine")},
		{Name: "sends a length that is too small, over HTTP/2", harm2: answers(status200+length("3"), "fine")},
		{Name: "sends a length that overflows, over HTTP/2", harm2: answers(status200+length("99999999999999999999"), "fine")},
		{Name: "sends a body before the headers", Stalls: true, harm2: sends(frameData, flagEnd, "fine")},
		{Name: "sends a second answer after the first", harm2: func(c *hostileConn2, id uint32) bool {
			return c.fine(id) && c.headers(id, status200) && c.frame(frameData, flagEnd, id, "evil")
		}},
		{Name: "answers a request that nobody made", harm2: func(c *hostileConn2, id uint32) bool { return c.fine(id+100) && c.stall() }},
		{Name: "pushes what nobody asked for", harm2: sends(framePush, flagEndHeaders, number(2)+status200)},
		// Not that of the stream, over which the client of Go 1.26's net/http locks itself up for good.
		{Name: "overflows the window", harm2: func(c *hostileConn2, _ uint32) bool {
			return c.frame(frameWindow, 0, 0, number(1<<31-1)) && c.stall()
		}},
		{Name: "adds nothing to the window", Stalls: true, harm2: sends(frameWindow, 0, number(0))},
		{Name: "acknowledges settings that nobody sent", harm2: func(c *hostileConn2, id uint32) bool {
			return c.send(strings.Repeat(frame(frameSettings, flagAck, 0, ""), 2)) && c.stall() // one was due
		}},
		{Name: "sets a frame size that is not allowed", harm2: sends(frameSettings, 0, setting(0x5, 1))},
		{Name: "sets a window that is not allowed", harm2: sends(frameSettings, 0, setting(0x4, 1<<31))},
		{Name: "sets the number of streams to none", Stalls: true, harm2: sends(frameSettings, 0, setting(0x3, 0))},
		{Name: "sends 413 while the upload runs, over HTTP/2", harm2: func(c *hostileConn2, id uint32) bool {
			return c.headers(id, statusOf(413)) && c.frame(frameData, flagEnd, id, "too large") && c.frame(frameReset, 0, id, number(0))
		}},
		{Name: "sends a header of 1 MiB, over HTTP/2", harm2: answers(status200+huge, "fine")},
		{Name: "sends an error with a header of 1 MiB, over HTTP/2", harm2: answers(statusOf(503)+huge, "fine")},
		{Name: "sends 100,000 headers, over HTTP/2", harm2: answers(status200+many.String(), "fine")},
		{Name: "sends 1xx a thousand times before the answer, over HTTP/2", harm2: func(c *hostileConn2, id uint32) bool {
			return c.send(strings.Repeat(frame(frameHeaders, flagEndHeaders, id, statusOf(103)), 1000)) && c.fine(id)
		}},
		{Name: "floods with 1xx", Stalls: true, harm2: func(c *hostileConn2, id uint32) bool {
			return c.flood(frame(frameHeaders, flagEndHeaders, id, statusOf(103)))
		}},
		{Name: "floods with CONTINUATION", harm2: flooding(openHeaders, frameContinuation, field("x-a", strings.Repeat(kib, 8)))},
		{Name: "floods with empty CONTINUATION", Stalls: true, harm2: flooding(openHeaders, frameContinuation, "")},
		{Name: "floods with PING", Stalls: true, harm2: flooding(nil, framePing, "12345678")},
		{Name: "floods with SETTINGS", Stalls: true, harm2: flooding(nil, frameSettings, "")},
		{Name: "floods with empty DATA", Stalls: true, harm2: flooding(headers(status200), frameData, "")},
		{Name: "sends more DATA than the window takes", Endless: true, harm2: flooding(headers(status200), frameData, kib)},
		{Name: "sends a gzip bomb, over HTTP/2", Endless: true, harm2: flooding(headers(status200+field("content-encoding", "gzip")), frameData, string(bomb()))},
		{Name: "sends an error body without end, over HTTP/2", Endless: true, harm2: flooding(headers(statusOf(503)), frameData, kib)},
	}
	for i := range all {
		all[i].HTTP2 = true
	}
	return all
}
