package steadyhttp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// A promise is what comes of one request to servers that do harm once and are fine afterwards: to an order that must
// not be made twice, and to a GET. It is a status, and how its body ends if not well, or an error's class and fate.
type promise struct {
	servers string // a regular expression for the whole of their names
	order   string // alternatives, where it depends on what the client hears first
	get     string
}

const (
	lost      = "connection, unknown"
	late      = "timeout, unknown"
	malformed = "unknown, unknown" // of net/http's errors for what is no HTTP, most have no type to know them by
	cut       = "200, then connection"
)

// promises has a row for each hostile server; the first that matches holds.
var promises = []promise{
	// The connection is lost before an answer has begun: an order is in doubt, unless nothing of it can have been sent.
	{`(resets|closes|half-closes) before the request`, lost + " | " + malformed + " | unknown, never sent | 200", "200 | " + malformed},
	{`(resets|closes|stalls) (before|within) the TLS handshake`, "200", "200"},
	{`(resets|closes) (before the HTTP/2 preface|within a frame's head)`, lost + " | " + malformed + " | unknown, never sent | 200", "200 | " + malformed},
	{`(resets|closes|half-closes) (during|after) the request('s head(, over HTTP/2)?)?`, lost, "200"},
	{`(resets|closes|half-closes) within the headers(, over HTTP/2)?`, lost, "200"},
	{`(resets|closes|half-closes) within the status line`, malformed + " | " + lost, malformed + " | 200"},
	{`resets a connection that was used before, .*`, lost, "200"},
	{`closes an idle connection`, "200 | " + lost + " | " + malformed, "200"}, // it may do so while the next request is on its way
	{`answers an idle connection .*`, "200 | 408 | " + lost + " | " + malformed, "200"},

	// After the headers it is too late to repeat anything but a failure.
	{`resets (after the headers|within the body|within a chunk|between two chunks)(, over HTTP/2)?`, cut + " | " + lost, cut + " | 200"},
	{`(closes|half-closes) (after the headers|within the body|within a chunk|between two chunks)(, over HTTP/2)?`, cut + " | " + lost, cut},
	{`(resets|closes|half-closes) within the body of an error(, over HTTP/2)?`, "503, then connection | " + lost, "200"},

	// Silence is bounded by AttemptTimeout before the headers, by the deadline after them, and over HTTP/2 by its pings.
	{`stalls (before|during|after) the request('s head)?`, late, "200"},
	{`stalls within the (status line|headers)`, late, "200"},
	{`stops reading the request`, late, "200"},
	{`sends the headers at a byte a second`, late, "200"},
	{`sets the number of streams to none`, late, "200"},
	{`stalls (after the headers|within the body|within a chunk|between two chunks)`, "200, then timeout", "200, then timeout"},
	{`sends the body at a byte a second`, "200, then timeout", "200, then timeout"},
	{`(stalls within the body of an error|sends an error body at a byte a second)`, "503, then timeout", "200"},
	{`stalls (before the HTTP/2 preface|within a frame's head)`, late, "200"},
	{`stalls (after the request's head|within the headers), over HTTP/2`, late, "200"},
	{`stalls (after the headers|within the body), over HTTP/2`, cut, cut},
	{`stalls within the body of an error, over HTTP/2`, "503, then connection", "200"},

	// HTTP/2 says who may repeat what. net/http does so by itself where nothing was looked at.
	{`sends RST_STREAM with (PROTOCOL_ERROR|REFUSED_STREAM)`, "200", "200"},
	{`sends RST_STREAM with .* within the body`, cut, cut},
	{`sends RST_STREAM with .*`, lost, "200"},
	{`sends GOAWAY with NO_ERROR before the request`, "200", "200"},
	{`sends GOAWAY with (INTERNAL_ERROR|REFUSED_STREAM|CANCEL|ENHANCE_YOUR_CALM) before the request`, lost, "200"},
	{`sends GOAWAY with .* before the request`, malformed, malformed},
	{`sends GOAWAY with .* after the request, and closes`, lost, "200"},
	{`sends GOAWAY (and then the answer|on an idle connection)`, "200", "200"},

	// What is strange but clear is understood.
	{`sends a version that does not exist`, "200", "200"},
	{`sends a header (that is no UTF-8|that goes on in the next line|before which there is a space)`, "200", "200"},
	{`sends (two lengths that agree|no length|a length and chunks|more than the length says)`, "200", "200"},
	{`sends a length that overflows, over HTTP/2`, "200", "200"},
	{`sends a second answer after the first`, "200", "200"},
	{`sends a trailer that was not announced`, "200", "200"},
	{`sends 100 to a request that did not ask`, "200", "200"},
	{`sends 1xx a thousand times before the answer(, over HTTP/2)?`, "200", "200"},
	{`sends (a header of 1 MiB|100,000 headers)(, over HTTP/2)?`, "200", "200"},
	{`sends an error with (a header of 1 MiB|100,000 headers)(, over HTTP/2)?`, "503", "200"},
	{`sends an error whose gzip is none`, "503, then connection", "200"},
	{`redirects to itself for ever`, "200", "200"},
	{`switches protocols unasked`, "101", "101"},
	{`sends 413 while the upload runs, and resets`, "413 | " + lost, "413 | 200"},
	{`sends 413 while the upload runs, .*`, "413", "413"},

	// What is no HTTP is an error.
	{`sends gzip that is (none|cut)`, cut, cut},
	{`sends a length (of 8 EiB|that is too large, over HTTP/2)`, cut, cut},
	{`sends no last chunk`, cut, cut},
	{`sends a (chunk .*|trailer .*|length that is too small, over HTTP/2)`, "200, then unknown", "200, then unknown"},
	{`sends (headers without a status|a status that is no number|a header in capitals)`, lost, "200"},
	{`sends a body before the headers|adds nothing to the window`, lost + " | " + late, "200 | " + malformed},
	{`sends (noise|a status|a negative|an empty line) .*`, malformed, malformed},
	{`sends a header (without|with) a .*`, malformed, malformed},
	{`sends (a length that is no number|a negative length|a length that overflows|two lengths that differ|an unknown transfer coding)`, malformed, malformed},
	{`sends (a frame larger than agreed|headers that are no HPACK)`, malformed, malformed},
	{`speaks .*`, malformed, malformed},
	{`redirects to nowhere`, malformed, malformed},
	{`(answers a request|pushes what|overflows|acknowledges|sets a) .*`, malformed + " | " + lost, malformed},

	// Of what has no end, a bounded part is taken.
	{`sends (a header|headers|1xx) without end`, malformed, malformed},
	{`floods with CONTINUATION`, malformed + " | " + lost, malformed},
	{`floods with empty DATA`, cut, cut},
	{`floods with .*`, late, "200"},
	{`sends chunks of one byte, with extensions, without end`, "200, then unknown", "200, then unknown"},
	{`sends an error .*without end|sends an error that is a gzip bomb`, "503, endless", "200"},
	{`sends an error body without end, over HTTP/2`, "503, endless", "200"},
	{`sends (a body|chunks) without end|sends (a gzip bomb|more DATA than the window takes)(, over HTTP/2)?`, "200, endless", "200, endless"},

	// A figure that makes no sense is as if it were not there, and one that says years sends the answer up.
	{`sends 200 with .*`, "200", "200"},
	{`sends 503 with .*`, "503 | 200", "503 | 200"},
	{`sends (429 with|Date|a thousand Retry-After) .*`, "429 | 200", "429 | 200"},
}

// promised tells which servers each of promises is about. It is compiled once: doing so for each server took as long as
// meeting them.
var promised = sync.OnceValue(func() (all []*regexp.Regexp) {
	for _, p := range promises {
		all = append(all, regexp.MustCompile(`^(`+p.servers+`)$`))
	}
	return all
})

func promiseOf(t *testing.T, server string) *promise {
	for i, servers := range promised() {
		if servers.MatchString(server) {
			return &promises[i]
		}
	}
	t.Fatal("no promise is made about it")
	return nil
}

func (p *promise) of(method string) []string {
	if method == "POST" {
		return strings.Split(p.order, " | ")
	}
	return strings.Split(p.get, " | ")
}

// How long a call may take on the clock of a bubble, and what it may allocate, both ends together.
const (
	silence  = time.Minute // as its deadline says, if the server is slow or silent
	patience = 5 * time.Second
	maxAlloc = 192 << 20 // twice over the 10 MiB of headers that net/http takes, which it reads line by line
	maxRead  = 1 << 20   // of a body without end
)

// Every hostile server, in bubbles whose clocks tell how long a client is held up. A bubble does not end as long as one of
// its goroutines has not.
func TestHostileServers(t *testing.T) {
	quietLog(t)
	large := regexp.MustCompile(`without end|floods|100,000`)
	met := make(map[*promise]bool)
	for _, h := range steadyhttptest.Hostiles() {
		t.Run(h.Name, func(t *testing.T) {
			p := promiseOf(t, h.Name)
			met[p] = true
			if testing.Short() && (h.HTTP2 || large.MatchString(h.Name)) {
				t.Skip("-short: it sends megabytes, or needs handshakes of TLS")
			}
			for _, method := range []string{"POST", "GET"} {
				synctest.Test(t, func(t *testing.T) {
					srv := h.StartInMemory(1)
					defer srv.Close()
					// A connection of HTTP/2 that has fallen silent serves further requests, unless its base asks it how it does.
					srv.Client().Transport.(*http.Transport).HTTP2 = &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}
					client := &http.Client{Transport: &steadyhttp.Transport{
						Base:    srv.Client().Transport,
						Retrier: &steadyhttp.Retrier{AttemptTimeout: patience},
					}}
					meetHostile(t, h, srv, client, method, p.of(method))
				})
			}
		})
	}
	for i := range promises {
		if !met[&promises[i]] {
			t.Errorf("no server is called %s", promises[i].servers)
		}
	}
}

// The same on real sockets, but for what depends on the clock, on the amount or on a code alone.
func TestHostileServersOnRealSockets(t *testing.T) {
	if testing.Short() {
		t.Skip("-short: TestHostileServers meets the same servers in memory")
	}
	quietLog(t)
	elsewhere := regexp.MustCompile(`Retry-After|RateLimit|Date|without end|floods|100,000|RST_STREAM|GOAWAY with`)
	for _, h := range steadyhttptest.Hostiles() {
		if h.Stalls || h.HTTP2 && h.Endless || elsewhere.MatchString(h.Name) {
			continue
		}
		t.Run(h.Name, func(t *testing.T) {
			for _, method := range []string{"POST", "GET"} {
				before := runtime.NumGoroutine()
				srv := h.Start(1)
				client := &http.Client{Transport: &steadyhttp.Transport{Base: srv.Client().Transport, Retrier: &steadyhttp.Retrier{BackOff: noWait}}}
				meetHostile(t, h, srv, client, method, promiseOf(t, h.Name).of(method))
				srv.Close()
				if left := settled(before); left > 0 {
					t.Errorf("%s: %d goroutines left behind", method, left)
				}
			}
		})
	}
}

// The same with an upload that is still under way when the harm is done: larger than what sockets and windows take.
func TestHostileServersDuringAnUpload(t *testing.T) {
	quietLog(t)
	hostiles := steadyhttptest.Hostiles()
	for _, row := range []promise{
		{servers: `(resets|closes|half-closes) (during the request|after the request's head)`, order: lost},
		{servers: `stops reading the request|stalls after the request's head, over HTTP/2`, order: late + " | " + malformed},
		{servers: `(resets|closes) after the request's head, over HTTP/2`, order: lost},
		{servers: `sends 413 while the upload runs, and resets`, order: "413 | " + lost},
		{servers: `sends 413 while the upload runs, (and reads on|over HTTP/2)`, order: "413"},
		{servers: `sends RST_STREAM with (NO_ERROR|INTERNAL_ERROR|CANCEL)`, order: lost},
		{servers: `sends RST_STREAM with REFUSED_STREAM`, order: "200"}, // it says that nothing was done
	} {
		servers := regexp.MustCompile(`^(` + row.servers + `)$`)
		for _, h := range hostiles {
			if !servers.MatchString(h.Name) {
				continue
			}
			t.Run(h.Name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					srv := h.StartInMemory(1)
					defer srv.Close()
					srv.Client().Transport.(*http.Transport).HTTP2 = &http.HTTP2Config{SendPingTimeout: 10 * time.Second, PingTimeout: 5 * time.Second}
					client := &http.Client{Transport: &steadyhttp.Transport{Base: srv.Client().Transport, Retrier: &steadyhttp.Retrier{AttemptTimeout: patience}}}
					ctx, cancel := context.WithTimeout(t.Context(), silence)
					defer cancel()
					if got := outcome(ctx, client, "POST", srv.URL, 1<<20); !slices.Contains(row.of("POST"), got) {
						t.Errorf("got %s, want %s", got, row.order)
					}
					client.CloseIdleConnections()
				})
			})
		}
	}
}

// meetHostile makes a request to a server that does harm once, and then another.
func meetHostile(t *testing.T, h steadyhttptest.Hostile, srv *steadyhttptest.HostileServer, client *http.Client, method string, want []string) {
	for range h.After {
		if got := outcome(t.Context(), client, "GET", srv.URL, 0); got != "200" {
			t.Fatalf("before the harm: got %s", got)
		}
	}
	var mem, after runtime.MemStats
	runtime.ReadMemStats(&mem)
	start := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), silence)
	defer cancel()
	got := outcome(ctx, client, method, srv.URL, order)
	took := time.Since(start)
	runtime.ReadMemStats(&after)
	if !slices.Contains(want, got) {
		t.Errorf("%s: got %s, want %s", method, got, strings.Join(want, " or "))
	}
	if took > silence || took > patience && !h.Stalls && !h.Endless && got != "200" {
		t.Errorf("%s: took %s", method, took)
	}
	if used := after.TotalAlloc - mem.TotalAlloc; used > maxAlloc {
		t.Errorf("%s: took %d MiB of memory", method, used>>20)
	}
	next, cancel := context.WithTimeout(t.Context(), 2*silence) // limits that were learned may hold it back
	defer cancel()
	got = outcome(next, client, "GET", srv.URL, 0)
	if got != "200" && h.HTTP2 && (h.Stalls || h.Endless) {
		got = outcome(next, client, "GET", srv.URL, 0) // the first found that the connection is dead
	}
	if got != "200" {
		t.Errorf("the next request: got %s", got)
	}
	client.CloseIdleConnections()
}

// order is how large one is, but for uploads.
const order = 2 << 10

// outcome makes a request, a POST with a body of that size, and says what came of it, in the words of a promise.
func outcome(ctx context.Context, client *http.Client, method, url string, size int) string {
	ctx = steadyhttp.WithCall(ctx)
	var body io.Reader
	if method == "POST" {
		body = bytes.NewReader(make([]byte, size))
	}
	req, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		return err.Error()
	}
	resp, err := client.Do(req)
	if err != nil {
		call, _ := steadyhttp.FromContext(ctx)
		if call.Error == nil {
			return "no verdict on " + err.Error()
		}
		return fmt.Sprintf("%v, %v", call.Error.Class, call.Error.Fate)
	}
	defer resp.Body.Close()
	n, err := io.Copy(io.Discard, io.LimitReader(resp.Body, maxRead))
	switch {
	case err != nil:
		return fmt.Sprintf("%d, then %v", resp.StatusCode, asErrorClass(err))
	case n == maxRead:
		return fmt.Sprintf("%d, endless", resp.StatusCode)
	}
	return fmt.Sprint(resp.StatusCode)
}
