package integration

import (
	"context"
	"io"
	"net/http"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// An sdk is one client library with its default settings, but for the
// RoundTripper that it sends by, and what its server would say. Each has a file
// with the constructor that docs/recipes.md shows, and the same rows of
// TestSDKs run against all.
type sdk struct {
	name   string // as in docs/recipes.md
	module string // whose version docs/recipes.md tells
	recipe string // the name of the constructor that docs/recipes.md shows

	// open makes a client that sends by client. It is called for each row anew.
	open func(client *http.Client) (calls, error)

	// once is open with the SDK's own retries off, by what off says, as docs/recipes.md
	// shows it. nil is for SDKs that have no retries, or no way to turn them off.
	once func(client *http.Client) (calls, error)
	off  string

	// typed takes apart the SDK's own error. It reports false for another, and
	// leaves empty what the SDK's type has no place for.
	typed func(error) (failure, bool)

	success steadyhttptest.Reply // to ask, which then returns text
	text    string

	down     steadyhttptest.Reply // a 503 without any hint
	refused  failed               // a 4xx
	hopeless failed               // what no repeat cures, under a status that looks as if it could: no credit, say

	stream  *stream              // what streams; nil if the SDK or its API has none
	created steadyhttptest.Reply // to upload

	// opening is what an upload asks first, by path, before the request with the
	// bytes. nil is nothing.
	opening map[string]steadyhttptest.Reply

	// sent is how many requests a permanent 503 costs by way of us; 0 is 4, our
	// attempts and no more.
	sent int

	// deaf says that the calls take no context, so that nobody can give one up.
	deaf bool

	// hasty says that the SDK takes a body's reader back as soon as it is answered,
	// though net/http may still be reading it, with us and without.
	hasty bool

	// deadline says that the SDK itself gives each call a deadline.
	deadline bool

	// applied is how often a write is applied whose connection is dropped
	// afterwards, each time; 0 is once.
	applied int
}

// calls are what a client is asked to do. A nil one the SDK does not have;
// docs/recipes.md's table tells which rows therefore do not apply.
type calls struct {
	ask    func(context.Context) (string, error)
	stream func(ctx context.Context, each func(string)) error
	upload func(ctx context.Context, file io.Reader) error
	write  func(context.Context) error // what must not happen twice
}

// failed is a failure as the server says it and as the SDK's own error gives it.
type failed struct {
	reply steadyhttptest.Reply
	want  failure
}

// failure is what an SDK's error knows.
type failure struct {
	status    int
	code      string
	message   string
	requestID string
}

// stream is an event stream chunk by chunk, as it goes over the wire. The chunk
// at first holds the first word.
type stream struct {
	contentType string
	chunks      []string
	first       int
	words       []string

	// blind says that a cut passes for a whole answer and a stall ends only with
	// the caller's context, with us and without. docs/recipes.md tells what to
	// look at then.
	blind bool

	// untimed says that StallTimeout does not know the form: a stall ends only with
	// the caller's context.
	untimed bool
}

var sdks = []sdk{
	openAISDK, anthropicSDK, genAISDK, goOpenAISDK, langChainSDK, ollamaSDK, cohereSDK,
	bedrockSDK, s3SDK, stsSDK, gitHubSDK, gitLabSDK, stripeSDK, slackSDK, twilioSDK, discordSDK, googleAPISDK, kubernetesSDK, vaultSDK, elasticSDK,
	azureSDK, minioSDK, cloudStorageSDK, connectSDK, dockerSDK,
}

// reply is an answer with the header lines given as name and value by turns.
func reply(status int, body string, header ...string) steadyhttptest.Reply {
	h := make(http.Header)
	for i := 0; i < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return steadyhttptest.Reply{Status: status, Body: body, Header: h}
}

// with is r with one more header.
func with(r steadyhttptest.Reply, name, value string) steadyhttptest.Reply {
	h := r.Header.Clone()
	if h == nil {
		h = make(http.Header)
	}
	h.Set(name, value)
	r.Header = h
	return r
}
