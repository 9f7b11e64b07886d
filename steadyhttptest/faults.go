package steadyhttptest

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// maxBeforeFault is how much of a body of unknown length is let through before it is cut or stalls: enough for some
// events of a stream.
const maxBeforeFault = 4 << 10

// Faults is an [http.RoundTripper] that lets some requests fail, for tests and for staging. Its zero value lets none.
//
// Each rate is a probability from 0 to 1. A request meets one fault at the most, so that the rates of faults must not sum
// to more than 1; SlowRate comes on top. With the same Seed and rates the n-th request meets the same fault in each run.
// Where requests are made at the same time, it depends on their order which of them is the n-th.
//
// A Faults is safe for concurrent use. It must not be copied after first use, and its fields must not change once it is
// in use.
type Faults struct {
	// Base makes the requests. nil is http.DefaultTransport.
	Base http.RoundTripper

	// Seed begins the sequence of faults. 0 is a seed like any other.
	Seed uint64

	// RefuseRate is the share of requests that fail before anything is sent, as if nobody listened: with a [*net.OpError]
	// that is ECONNREFUSED. Base does not see them. httptrace hears what it would hear of a failed dial.
	RefuseRate float64

	// ResetRate is the share that fails after Base has carried them out: with a [*net.OpError] that is ECONNRESET.
	ResetRate float64

	// SilenceRate is the share that Base carries out but that gets no answer until the caller gives up: for ever without a
	// deadline.
	SilenceRate float64

	// ReplyRate is the share that is not sent, but answered with one of Replies, taken at random. A Reply with Drop fails as
	// with ResetRate or CutRate. nil Replies is an empty 503.
	ReplyRate float64
	Replies   []Reply

	// CutRate is the share whose response body ends early, with io.ErrUnexpectedEOF: before its end, or within the first
	// 4 KiB if its length is unknown. Bodies that are empty, and those of a 101, are left alone.
	CutRate float64

	// StallRate is the share whose response body falls silent at such a place, until the caller gives up or closes it.
	// Bodies that are empty, and those of a 101, are left alone.
	StallRate float64

	// SlowRate is the share that is held back before anything else happens, for a random time of up to Delay.
	SlowRate float64
	Delay    time.Duration

	met atomic.Uint64 // requests
	hit atomic.Uint64 // those of them that met a fault

	replied atomic.Int64 // numbers the request ids of Replies
}

// Count says how many requests there were, and how many of them were to meet a fault.
func (t *Faults) Count() (requests, faults int) { return int(t.met.Load()), int(t.hit.Load()) }

// fault is what becomes of one request.
type fault int

const (
	noFault fault = iota
	faultRefuse
	faultReset
	faultSilence
	faultReply
	faultCut
	faultStall
)

// RoundTrip implements http.RoundTripper.
func (t *Faults) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.validate(); err != nil {
		closeRequest(req)
		return nil, err
	}
	n := t.met.Add(1)
	random := rand.New(rand.NewPCG(t.Seed, n))
	which := t.draw(random.Float64())
	if which != noFault {
		t.hit.Add(1)
	}
	if random.Float64() < t.SlowRate && !hold(req, time.Duration(random.Float64()*float64(t.Delay))) {
		closeRequest(req)
		return nil, gaveUp(req)
	}
	switch which {
	case faultRefuse:
		closeRequest(req)
		return nil, refused(req)
	case faultReply:
		return t.reply(req, random)
	}
	resp, err := t.base().RoundTrip(req)
	if err != nil || which == noFault {
		return resp, err
	}
	switch which {
	case faultReset:
		closeAnswer(resp)
		return nil, connectionError("read", syscall.ECONNRESET)
	case faultSilence:
		closeAnswer(resp)
		hold(req, -1)
		return nil, gaveUp(req)
	}
	shorten(resp, which, random)
	return resp, nil
}

// draw picks the fault at x of the rates laid end to end.
func (t *Faults) draw(x float64) fault {
	for i, rate := range t.rates() {
		if x -= rate; x < 0 {
			return fault(i + 1)
		}
	}
	return noFault
}

// rates are those of the faults, in their order.
func (t *Faults) rates() []float64 {
	return []float64{t.RefuseRate, t.ResetRate, t.SilenceRate, t.ReplyRate, t.CutRate, t.StallRate}
}

func (t *Faults) validate() error {
	var sum float64
	for _, rate := range append(t.rates(), t.SlowRate) {
		if !(rate >= 0 && rate <= 1) {
			return fmt.Errorf("steadyhttptest: a rate of Faults is %v; set one from 0 to 1", rate)
		}
		sum += rate
	}
	if sum -= t.SlowRate; sum > 1+1e-9 { // some sums of tenths are a little more than 1
		return fmt.Errorf("steadyhttptest: the rates of Faults sum to %v; a request meets one fault at the most", sum)
	}
	return nil
}

// hold waits for d, for ever if it is negative. It reports false if the request was given up first.
func hold(req *http.Request, d time.Duration) bool {
	var up <-chan time.Time
	if d >= 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		up = timer.C
	}
	select {
	case <-up:
		return true
	case <-req.Context().Done():
	//lint:ignore SA1019 deprecated for callers, who may still set it
	case <-req.Cancel:
	}
	return false
}

// gaveUp is the error of a request whose caller gave it up, by its context or by its Cancel channel.
func gaveUp(req *http.Request) error {
	if err := context.Cause(req.Context()); err != nil {
		return err
	}
	return context.Canceled
}

// reply answers in place of Base.
func (t *Faults) reply(req *http.Request, random *rand.Rand) (*http.Response, error) {
	defer closeRequest(req)
	p := Reply{Status: http.StatusServiceUnavailable}
	if len(t.Replies) > 0 {
		p = t.Replies[random.IntN(len(t.Replies))]
	}
	p.Header = canonical(p.Header)
	rec := httptest.NewRecorder()
	seen := req.WithContext(req.Context()) // as a server sees it
	if seen.Body == nil {
		seen.Body = http.NoBody
	}
	if p.withID(&t.replied).play(rec, seen) {
		resp := rec.Result()
		resp.Request = req
		return resp, nil
	}
	if req.Context().Err() != nil {
		return nil, gaveUp(req)
	}
	if rec.Body.Len() == 0 {
		return nil, connectionError("read", syscall.ECONNRESET)
	}
	resp := rec.Result()
	resp.Request, resp.ContentLength = req, -1
	resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(rec.Body.Bytes()), brokenReader{}))
	return resp, nil
}

// brokenReader is where a body ends too early.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// shorten lets the body of resp end, or fall silent, at a place drawn at random.
func shorten(resp *http.Response, how fault, random *rand.Rand) {
	if resp.Body == nil || resp.Body == http.NoBody || resp.ContentLength == 0 || resp.StatusCode == http.StatusSwitchingProtocols ||
		resp.Request != nil && resp.Request.Method == http.MethodHead {
		return
	}
	length := resp.ContentLength
	if length < 0 {
		length = maxBeforeFault
	}
	resp.Body = &faultyBody{ReadCloser: resp.Body, left: random.Int64N(length), stalls: how == faultStall, req: resp.Request, closed: make(chan struct{})}
}

// faultyBody is a body of which only the first bytes get through.
type faultyBody struct {
	io.ReadCloser
	left   int64
	stalls bool
	req    *http.Request // nil where Base left it out

	closing sync.Once
	closed  chan struct{}
}

func (b *faultyBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if b.left > 0 {
		n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
		if b.left -= int64(n); err != io.EOF {
			return n, err
		}
		b.left = 0 // it was shorter than it could be
		if n > 0 {
			return n, nil
		}
	}
	if !b.stalls {
		return 0, io.ErrUnexpectedEOF
	}
	var done, cancel <-chan struct{}
	if b.req != nil {
		//lint:ignore SA1019 deprecated for callers, who may still set it
		done, cancel = b.req.Context().Done(), b.req.Cancel
	}
	select {
	case <-done:
	case <-cancel:
	case <-b.closed:
		return 0, http.ErrBodyReadAfterClose
	}
	return 0, gaveUp(b.req)
}

func (b *faultyBody) Close() error {
	b.closing.Do(func() { close(b.closed) })
	return b.ReadCloser.Close()
}

// refused is the error of a dial, after httptrace was told of it.
func refused(req *http.Request) error {
	err := connectionError("dial", syscall.ECONNREFUSED)
	trace := httptrace.ContextClientTrace(req.Context())
	if trace == nil || req.URL == nil {
		return err
	}
	port := cmp.Or(req.URL.Port(), map[string]string{"https": "443"}[req.URL.Scheme], "80")
	address := net.JoinHostPort(req.URL.Hostname(), port)
	if trace.GetConn != nil {
		trace.GetConn(address)
	}
	if trace.ConnectStart != nil {
		trace.ConnectStart("tcp", address)
	}
	if trace.ConnectDone != nil {
		trace.ConnectDone("tcp", address, err)
	}
	return err
}

// connectionError is what package net makes of err, but for the address, which tells who did it.
func connectionError(op string, err error) error {
	call := op
	if op == "dial" {
		call = "connect"
	}
	return &net.OpError{Op: op, Net: "tcp", Addr: faultAddr{}, Err: os.NewSyscallError(call, err)}
}

type faultAddr struct{}

func (faultAddr) Network() string { return "tcp" }
func (faultAddr) String() string  { return "(a fault of steadyhttptest.Faults)" }

func closeRequest(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

func closeAnswer(resp *http.Response) {
	if resp.Body != nil { // which fakes leave out
		resp.Body.Close()
	}
}

// CloseIdleConnections closes the idle connections of Base, if it can.
func (t *Faults) CloseIdleConnections() {
	if c, ok := t.base().(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *Faults) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}
