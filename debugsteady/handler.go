// Package debugsteady shows what a steadyhttp.Transport knows and does, on a page
// for people and as JSON for programs: which requests wait for what and why, the
// limits of each key, closed gates, the latest failures, and the last five minutes.
//
//	transport := &steadyhttp.Transport{}
//	http.Handle("/debug/steadyhttp", debugsteady.Handler(transport))
//
// It needs no scripts and nothing but this package.
package debugsteady

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// The page is loaded anew as often as a column of its pictures is complete.
	defaultRefresh = int(bucketTime / time.Second)
	maxRefresh     = 3600
)

// Handler returns a handler that shows the state of t. From then on it also records
// what the page shows beside t.Snapshot: counts, failures and pictures. To record,
// it sets t.Trace to a Trace that calls the one set before as well. So call it where
// t is made, before its first request, as with any change of t's fields. A Handler
// that comes too late shows what Snapshot knows, and says that it recorded nothing.
//
// The page is served for GET and HEAD, at whatever path; it has only links to
// itself. It is loaded anew every five seconds: with ?refresh=30 every 30, and with
// ?refresh=off never. With ?format=json, or if the request's Accept header names
// application/json and not text/html, it is JSON.
//
// No credential, body, header or query is on the page. Hosts, routes, models and
// what servers say of failures are, so serve it where only its operators can reach
// it, such as a listener on loopback.
//
// The handler is safe for concurrent use. Its memory is bounded, at about a
// megabyte, and no lock is held while a page is made or sent.
func Handler(t *steadyhttp.Transport) http.Handler {
	rec := newRecorder()
	rec.attach(t)
	return &handler{t, rec}
}

type handler struct {
	transport *steadyhttp.Transport
	recorder  *recorder // nil: nothing is recorded
}

// state is what there is to show now.
func (h *handler) state() *state {
	all := h.transport.Snapshot()
	var rec *recorded
	if h.recorder != nil {
		rec = h.recorder.copy()
	}
	var places []limit.TargetState
	if h.transport.Failover != nil {
		places = h.transport.Failover.Snapshot()
	}
	return stateOf(time.Now(), all, rec, places, h.transport.Failover)
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, req *http.Request) { serveState(w, req, h.state) }

// serveState serves what now returns.
func serveState(w http.ResponseWriter, req *http.Request, now func() *state) {
	header := w.Header()
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cache-Control", "no-store")
	header.Set("Content-Security-Policy", policy)
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Vary", "Accept")
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "this page is only for reading: use GET", http.StatusMethodNotAllowed)
		return
	}
	var body bytes.Buffer
	var err error
	kind := "text/html; charset=utf-8"
	if wantsJSON(req) {
		kind = "application/json"
		err = json.NewEncoder(&body).Encode(now())
	} else {
		err = render(&body, now(), refreshOf(req))
	}
	if err != nil { // a mistake in this package
		http.Error(w, "the page could not be made: "+err.Error(), http.StatusInternalServerError)
		return
	}
	header.Set("Content-Type", kind)
	header.Set("Content-Length", strconv.Itoa(body.Len()))
	if req.Method == http.MethodGet {
		body.WriteTo(w)
	}
}

// wantsJSON reports whether req asks for JSON: in its query, else by its Accept.
func wantsJSON(req *http.Request) bool {
	if format := req.URL.Query().Get("format"); format != "" {
		return format == "json"
	}
	accept := strings.ToLower(strings.Join(req.Header["Accept"], ","))
	return strings.Contains(accept, "application/json") && !strings.Contains(accept, "text/html")
}

// refreshOf returns the seconds after which the page is loaded anew; 0 is never.
func refreshOf(req *http.Request) int {
	text := req.URL.Query().Get("refresh")
	if text == "off" {
		return 0
	}
	if n, err := strconv.Atoi(text); err == nil && n > 0 {
		return min(n, maxRefresh)
	}
	return defaultRefresh
}

// policy allows the page its own style sheet, by its hash, and nothing else.
var policy = fmt.Sprintf("default-src 'none'; style-src 'sha256-%s'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'", styleHash)
