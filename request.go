package steadyhttp

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/events"
)

// The small questions that several wrappers ask of a request or a response.

// hostOf is what limits and budgets go by: the host, with its port.
func hostOf(req *http.Request) string {
	if req.URL == nil {
		return ""
	}
	return req.URL.Host
}

// asksHealth reports whether req asks how somebody is: any status is an answer to that.
func asksHealth(req *http.Request) bool {
	return reads(req.Method) && req.URL != nil && dialect.AsksHealth(req.URL.Path)
}

// hostname is u.Hostname() for hosts as url.Parse lets them be. That looks at
// each byte several times.
func hostname(u *url.URL) string {
	host := u.Host
	if host == "" || host[0] == '[' {
		return u.Hostname()
	}
	if host[len(host)-1] > ':' {
		return host // a port ends in a digit, and few names do
	}
	if port := strings.IndexByte(host, ':'); port >= 0 {
		return host[:port]
	}
	return host
}

func hasBody(req *http.Request) bool { return req.Body != nil && req.Body != http.NoBody }

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// isInference reports whether req, a POST, is a call to a language model that
// computes and changes nothing: by its path, or by its path and its body.
func isInference(req *http.Request) bool {
	if req.URL == nil {
		return false
	}
	if dialect.InferenceAt(hostname(req.URL), req.URL.Path, req.Header) {
		return true
	}
	return dialect.InferenceShaped(req.URL.Path) && saysJSON(req) && shapeOf(req).Infers(dialect.NamesModel(req.URL.Path))
}

func saysJSON(req *http.Request) bool {
	return strings.Contains(first(req.Header, "Content-Type"), "json")
}

// shapeOf is what the body of req shows, as far as there is a way to look at it.
func shapeOf(req *http.Request) dialect.Shape {
	start, _ := startOfBody(req, true)
	return dialect.ShapeOf(start)
}

// repeatedFurtherOut reports whether the client says that this is a retry of
// its own. Some headers have the number of retries before this one, others that of
// the attempt, the first being 1.
func repeatedFurtherOut(req *http.Request) bool {
	for _, name := range retryCounts {
		if count := first(req.Header, name); count != "" {
			if n, err := strconv.Atoi(count); err == nil && n > 0 {
				return true
			}
		}
	}
	for _, in := range attemptNumbers {
		for field := range strings.FieldsFuncSeq(first(req.Header, in.header), in.separates) {
			if n, ok := strings.CutPrefix(field, in.prefix); ok && n != "1" {
				return true
			}
		}
	}
	return false
}

// retryCounts are the headers in which clients count their retries.
var retryCounts = []string{
	"X-Stainless-Retry-Count",    // the SDKs that Stainless generates: OpenAI's, Anthropic's
	"Retry-Attempt",              // Kiota's: Microsoft Graph's
	"Grpc-Previous-Rpc-Attempts", // gRPC's
	"X-Retry-Count",              // those of nobody in particular
	"X-Retry-Attempt",
}

// attemptNumbers are the headers in which clients number their attempts.
var attemptNumbers = []struct {
	header, prefix string
	separates      func(rune) bool
}{
	{"Amz-Sdk-Request", "attempt=", func(r rune) bool { return r == ';' || r == ' ' }},  // AWS: "attempt=2; max=3"
	{"X-Goog-Api-Client", "gccl-attempt-count/", func(r rune) bool { return r == ' ' }}, // Google Cloud: "gl-go/1.26 gccl-attempt-count/2"
}

// ended returns why the caller no longer waits for req, context.Canceled or
// context.DeadlineExceeded; nil if the caller still does.
func ended(req *http.Request) error {
	if err := req.Context().Err(); err != nil {
		return err
	}
	select {
	//lint:ignore SA1019 deprecated for callers, who may still set it
	case <-req.Cancel:
		return whyCanceled(req.Context())
	default:
		return nil
	}
}

// whyCanceled returns why a request with ctx was canceled by its Cancel channel.
// http.Client's Timeout closes that at the moment when the context's deadline
// passes, and either may be seen first: so the clock tells.
func whyCanceled(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		return context.DeadlineExceeded
	}
	return context.Canceled
}

// sleep waits for d. It ends early, with the error that the base would give,
// if the request is given up: by its context, or by the Cancel channel that
// http.Client still sets for its Timeout.
func sleep(req *http.Request, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-req.Context().Done():
		err := context.Cause(req.Context())
		awaitTimeout(req, err)
		return err
	//lint:ignore SA1019 deprecated for callers, who may still set it
	case <-req.Cancel:
		return whyCanceled(req.Context())
	}
}

// timeoutDelay is how much later than the context's deadline http.Client may close
// Request.Cancel, on a machine that has much to do.
const timeoutDelay = 5 * time.Millisecond

// awaitTimeout lets http.Client see that its Timeout ended req, which failed with err.
// Over any RoundTripper but net/http's own, Client closes Request.Cancel for that, at
// the moment when the context's deadline passes. Whoever returns in between has it
// report the deadline without a word of its Timeout.
func awaitTimeout(req *http.Request, err error) {
	//lint:ignore SA1019 http.Client itself sets it
	canceled := req.Cancel
	if canceled == nil || !errors.Is(err, context.DeadlineExceeded) {
		return
	}
	timer := time.NewTimer(timeoutDelay)
	defer timer.Stop()
	select {
	case <-canceled:
	case <-timer.C:
	}
}

// failed reports whether the status alone makes resp a failure. A redirect, a
// 304 and an upgrade are none.
func failed(resp *http.Response) bool { return resp.StatusCode >= 400 }

// isEventStream goes by the Content-Type.
func isEventStream(resp *http.Response) bool {
	const stream = "text/event-stream"
	t := strings.TrimSpace(first(resp.Header, "Content-Type"))
	if len(t) < len(stream) || !strings.EqualFold(t[:len(stream)], stream) {
		return false
	}
	parameters := strings.TrimSpace(t[len(stream):])
	return parameters == "" || parameters[0] == ';'
}

// formOf reports how likely resp is a stream of a language model that can be read
// beside its reader, and how its events are written. Other streams are nobody's to
// interpret, and what the caller asked to have compressed is theirs to read.
func formOf(req *http.Request, resp *http.Response) (events.Form, likeness) {
	if req == nil || req.Method != http.MethodPost || resp.StatusCode != http.StatusOK || first(resp.Header, "Content-Encoding") != "" {
		return 0, other
	}
	form := events.SSE
	switch kind := mediaType(resp); {
	case isEventStream(resp):
	case kind == "application/vnd.amazon.eventstream":
		form = events.Frames
	case strings.HasSuffix(kind, "ndjson"), strings.HasSuffix(kind, "jsonl"), strings.HasSuffix(kind, "jsonlines"), kind == "application/stream+json":
		form = events.Values
	case kind == "application/json" && req.URL != nil && strings.HasSuffix(req.URL.Path, ":streamGenerateContent"):
		form = events.Values // Gemini's, in an array
	default:
		return 0, other
	}
	return form, likenessOf(req)
}

// asksForStream reports whether req, a call to a model, wants its answer as a stream.
func asksForStream(req *http.Request) bool {
	if strings.Contains(first(req.Header, "Accept"), "text/event-stream") || req.URL != nil && strings.Contains(strings.ToLower(req.URL.Path), "stream") {
		return true
	}
	start, _ := startOfBody(req, true)
	return dialect.Read(start, req.ContentLength).Stream
}

// isModelCall reports whether the answer to req is likely to be one of a language
// model, and so is worth looking into. It says nothing about repeating the call.
func isModelCall(req *http.Request) bool { return likenessOf(req) != other }

// A likeness is how much a request is like a call to a language model.
type likeness uint8

const (
	other   likeness = iota
	perhaps          // its body names a model and has a text, as those of others may
	likely           // its body has a conversation with a model
	surely           // its path is that of an API that is known
)

// likenessOf goes by the path, or by what the body asks for. The scope is this one
// answer. Where it is wrong, bytes come up as they are all the same, and so does io.EOF
// where it says perhaps.
func likenessOf(req *http.Request) likeness {
	if req == nil || req.Method != http.MethodPost || req.URL == nil {
		return other
	}
	path := req.URL.Path
	if dialect.InferenceAt(hostname(req.URL), path, req.Header) || dialect.KeepsState(path) {
		return surely
	}
	if !saysJSON(req) || dialect.IsWork(path) {
		return other
	}
	switch s, named := shapeOf(req), dialect.NamesModel(path); {
	case s.Infers(named) && dialect.InferenceShaped(path):
		return surely
	case s.Conversation:
		return likely
	case s.MayInfer(named):
		return perhaps
	}
	return other
}

// mediaType is that of the body, in small letters and without parameters.
func mediaType(resp *http.Response) string {
	kind, _, _ := strings.Cut(first(resp.Header, "Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(kind))
}

// isText reports whether the body can be an error in JSON, XML or words. Sounds and
// pictures are none, and are sent at the pace at which they are played.
func isText(resp *http.Response) bool {
	kind := mediaType(resp)
	return kind == "" || strings.Contains(kind, "json") || strings.Contains(kind, "xml") || strings.HasPrefix(kind, "text/") && kind != "text/event-stream"
}

// isData reports whether the body is JSON or XML.
func isData(resp *http.Response) bool {
	kind := mediaType(resp)
	return strings.Contains(kind, "json") || strings.Contains(kind, "xml") && !strings.Contains(kind, "html")
}

// underWay reports whether a request still is once the headers of its response
// are there. One that was upgraded is not: its connection lives for hours, and
// its body must stay the io.Writer that it is.
func underWay(resp *http.Response) bool {
	return resp != nil && resp.Body != nil && resp.Body != http.NoBody && resp.StatusCode != http.StatusSwitchingProtocols
}

// bodyOf is resp.Body, which fakes leave nil.
func bodyOf(resp *http.Response) io.ReadCloser {
	if resp.Body == nil {
		return http.NoBody
	}
	return resp.Body
}

// first is h.Get for a name that is canonical already.
func first(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// refuse ends a call that never reached the base: the contract wants the
// request's body closed all the same.
func refuse(req *http.Request, err error) (*http.Response, error) {
	closeBody(req)
	return nil, err
}

// send is base.RoundTrip, brought back to the contract where a base returns a
// response and an error.
func send(base http.RoundTripper, req *http.Request) (*http.Response, error) {
	resp, err := base.RoundTrip(req)
	return orError(req, resp, err)
}

// orError is what req came to: a response or an error.
func orError(req *http.Request, resp *http.Response, err error) (*http.Response, error) {
	if err == nil {
		return resp, nil
	}
	if resp != nil && resp.Body != nil {
		resp.Body.Close()
	}
	awaitTimeout(req, err)
	return nil, err
}
