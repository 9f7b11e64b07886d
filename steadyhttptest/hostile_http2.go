package steadyhttptest

import (
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// A server that speaks just enough HTTP/2 to do harm with it (RFC 9113). It reads no headers, so it needs no HPACK but
// for literals.

// frameType is what kind of frame it is (RFC 9113, 6).
type frameType uint8

const (
	frameData frameType = iota
	frameHeaders
	framePriority
	frameReset
	frameSettings
	framePush
	framePing
	frameGoAway
	frameWindow
	frameContinuation
)

const (
	flagEnd        = 0x1 // END_STREAM
	flagAck        = 0x1
	flagEndHeaders = 0x4

	maxFrame = 16 << 10 // as long as nobody has asked for more (RFC 9113, 6.5.2)

	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
)

// codes are the error codes (RFC 9113, 7), and one that does not exist.
var codes = []struct {
	name string
	code uint32
}{
	{"NO_ERROR", 0x0}, {"PROTOCOL_ERROR", 0x1}, {"INTERNAL_ERROR", 0x2}, {"FLOW_CONTROL_ERROR", 0x3}, {"SETTINGS_TIMEOUT", 0x4},
	{"STREAM_CLOSED", 0x5}, {"FRAME_SIZE_ERROR", 0x6}, {"REFUSED_STREAM", 0x7}, {"CANCEL", 0x8}, {"COMPRESSION_ERROR", 0x9},
	{"CONNECT_ERROR", 0xa}, {"ENHANCE_YOUR_CALM", 0xb}, {"INADEQUATE_SECURITY", 0xc}, {"HTTP_1_1_REQUIRED", 0xd}, {"an unknown code", 0xfe},
}

// hostileConn2 is a connection once TLS is up.
type hostileConn2 struct{ *hostileConn }

// serve2 is serve for HTTP/2.
func (c *hostileConn) serve2(h Hostile, harmful bool) {
	if harmful && h.harm != nil {
		h.harm(c)
		return
	}
	c2, ok := c.secure()
	if !ok || !c2.begin() {
		return
	}
	for n := 0; ; n++ {
		stream, ended, ok := c2.next()
		if !ok {
			return
		}
		if harmful && n == h.After {
			if !h.harm2(c2, stream) {
				return
			}
			continue
		}
		if !ended && !c2.upload(stream) || !c2.fine(stream) {
			return
		}
	}
}

// secure goes over to TLS.
func (c *hostileConn) secure() (*hostileConn2, bool) {
	secured := tls.Server(c.Conn, &tls.Config{Certificates: []tls.Certificate{certificate()}, NextProtos: []string{"h2"}})
	c.Conn = secured
	c.in.Reset(secured)
	return &hostileConn2{c}, secured.HandshakeContext(c.server.ctx) == nil
}

// begin exchanges prefaces.
func (c *hostileConn2) begin() bool {
	_, err := io.ReadFull(c.in, make([]byte, len(preface)))
	return err == nil && c.frame(frameSettings, 0, 0, "")
}

// next reads until a request has begun, and says whether it has no body.
func (c *hostileConn2) next() (stream uint32, ended, ok bool) {
	for {
		typ, flags, stream, ok := c.read()
		if !ok {
			return 0, false, false
		}
		if typ == frameHeaders {
			// net/http puts no more than what fits one frame into it, unless a test sends huge headers: none does.
			c.server.requests.Add(1)
			return stream, flags&flagEnd != 0, true
		}
	}
}

// upload reads the rest of a request.
func (c *hostileConn2) upload(of uint32) bool {
	for {
		typ, flags, stream, ok := c.read()
		if !ok || typ == frameReset && stream == of {
			return ok
		}
		if typ == frameData && stream == of && flags&flagEnd != 0 {
			return true
		}
	}
}

// read reads a frame, and answers those that a server has to answer.
func (c *hostileConn2) read() (typ frameType, flags byte, stream uint32, ok bool) {
	var head [9]byte
	if _, err := io.ReadFull(c.in, head[:]); err != nil {
		return 0, 0, 0, false
	}
	length := binary.BigEndian.Uint32(head[:4]) >> 8
	typ, flags, stream = frameType(head[3]), head[4], binary.BigEndian.Uint32(head[5:])
	if length > maxFrame {
		return 0, 0, 0, false
	}
	payload := make([]byte, length)
	if _, err := io.ReadFull(c.in, payload); err != nil {
		return 0, 0, 0, false
	}
	ok = true
	switch {
	case typ == frameSettings && flags&flagAck == 0:
		ok = c.frame(frameSettings, flagAck, 0, "")
	case typ == framePing && flags&flagAck == 0:
		ok = c.frame(framePing, flagAck, 0, string(payload))
	case typ == frameData && length > 0: // so that more may come
		ok = c.frame(frameWindow, 0, 0, number(length)) && (flags&flagEnd != 0 || c.frame(frameWindow, 0, stream, number(length)))
	}
	return typ, flags, stream, ok
}

func (c *hostileConn2) frame(typ frameType, flags byte, stream uint32, payload string) bool {
	return c.send(frame(typ, flags, stream, payload))
}

// floods is how many frames a flood has. With 8 KiB each, that is more than the 10 MiB of headers that net/http takes. It
// has an end, since synctest's clock stands still meanwhile.
const floods = 2_000

// flood sends f again and again, then falls silent. It reads meanwhile what the client has to answer.
func (c *hostileConn2) flood(f string) bool {
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		c.send(strings.Repeat(f, floods))
	}()
	c.stall()
	c.Close()
	<-sent
	return false
}

// headers sends a block of headers in as many frames as it takes.
func (c *hostileConn2) headers(stream uint32, block string) bool {
	typ := frameHeaders
	for len(block) > maxFrame {
		if !c.frame(typ, 0, stream, block[:maxFrame]) {
			return false
		}
		typ, block = frameContinuation, block[maxFrame:]
	}
	return c.frame(typ, flagEndHeaders, stream, block)
}

func (c *hostileConn2) fine(stream uint32) bool {
	return c.headers(stream, status200+field("content-type", "text/plain")) && c.frame(frameData, flagEnd, stream, "fine")
}

func frame(typ frameType, flags byte, stream uint32, payload string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(typ))
	b = append(b, flags)
	return string(binary.BigEndian.AppendUint32(b, stream)) + payload
}

// number is a field of 32 bits.
func number(n uint32) string { return string(binary.BigEndian.AppendUint32(nil, n)) }

// setting is one of a SETTINGS frame.
func setting(id uint16, value uint32) string {
	return string(binary.BigEndian.AppendUint16(nil, id)) + number(value)
}

// goAway is a GOAWAY's payload: streams after last were not looked at.
func goAway(last, code uint32) string { return number(last) + number(code) }

const status200 = "\x88" // :status 200 in HPACK's static table (RFC 7541, A)

// statusOf is the field of any status.
func statusOf(code int) string { return "\x08" + literal(fmt.Sprint(code)) }

// field is a literal header field without indexing and with a new name (RFC 7541, 6.2.2).
func field(name, value string) string { return "\x00" + literal(name) + literal(value) }

// literal is a string without Huffman coding, after its length in 7 bits and more (RFC 7541, 5).
func literal(s string) string {
	n := len(s)
	if n < 127 {
		return string([]byte{byte(n)}) + s
	}
	var b strings.Builder
	b.WriteByte(127)
	for n -= 127; n >= 128; n >>= 7 {
		b.WriteByte(byte(n) | 128)
	}
	b.WriteByte(byte(n))
	return b.String() + s
}
