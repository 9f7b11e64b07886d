package bench

import (
	"bytes"
	"io"
	"net/http"
	"strings"

	"github.com/steadyhttp/steadyhttp"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// attempts is how often a rival that repeats calls makes one at most. It is what
// steadyhttp does by default where a failure may not pass with time; else that is
// patient by time and not by number.
const attempts = 4

// A Doer makes a call, as http.RoundTripper.RoundTrip and http.Client.Do do.
type Doer func(*http.Request) (*http.Response, error)

// Kind says what a contender is for the comparison.
type Kind uint8

// The kinds of contenders.
const (
	Floor   Kind = iota // no wrapper at all
	Ours                // the zero Transport, which the losses are counted against
	Variant             // a part of ours, or ours with settings
	Rival
)

// A Contender is one way to make calls.
type Contender struct {
	Name   string
	Kind   Kind
	Module string // of a Rival, to look up its version
	How    string // how it is configured, and why so; a sentence or two for the page
	Held   bool   // a Variant that is held to the goals as the zero Transport is

	// Wrap puts the contender over a base. Each measurement gets a new one.
	Wrap func(base http.RoundTripper) Doer
}

// bare is what all are measured against.
var bare = Contender{
	Name: "bare net/http", Kind: Floor,
	How:  "No wrapper. Every failure is the caller's.",
	Wrap: func(base http.RoundTripper) Doer { return base.RoundTrip },
}

// again is bare a second time: how far it is from bare shows the noise.
var again = Contender{Name: "bare, again", Kind: Floor, How: "The same as the row above, to show the noise.", Wrap: bare.Wrap}

// ahead does the least that whoever looks into an answer before it is handed on can
// do: another goroutine reads it, since a Read that takes too long must not hold up
// the caller, and cannot be interrupted.
var ahead = Contender{
	Name: "bare, read ahead", Kind: Floor,
	How: "No wrapper, but a goroutine has read the answer, or the first bytes of a stream, before it is handed on. Whoever looks into answers pays this at least.",
	Wrap: func(base http.RoundTripper) Doer {
		return func(req *http.Request) (*http.Response, error) {
			resp, err := base.RoundTrip(req)
			if err != nil {
				return nil, err
			}
			read := make(chan []byte, 1)
			body := resp.Body
			go func() {
				var start []byte
				if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
					start = make([]byte, 4<<10)
					n, _ := body.Read(start)
					start = start[:n]
				} else {
					start, _ = io.ReadAll(body)
				}
				read <- start
			}()
			resp.Body = struct {
				io.Reader
				io.Closer
			}{io.MultiReader(bytes.NewReader(<-read), body), body}
			return resp, nil
		}
	},
}

// steady is the zero Transport.
var steady = Contender{
	Name: "steadyhttp", Kind: Ours,
	How:  "`&steadyhttp.Transport{}`, the zero value.",
	Wrap: func(base http.RoundTripper) Doer { return (&steadyhttp.Transport{Base: base}).RoundTrip },
}

// retrierAlone is what a user has who wants retries only.
var retrierAlone = Contender{
	Name: "its Retrier alone", Kind: Variant,
	How:  "`&steadyhttp.Retrier{}`: no Throttler, so nobody waits for another.",
	Wrap: func(base http.RoundTripper) Doer { return (&steadyhttp.Retrier{Base: base}).RoundTrip },
}

// told returns the Transport with limits set.
func told(how string, throttler func() *steadyhttp.Throttler) Contender {
	return Contender{
		Name: "steadyhttp, limit set", Kind: Variant, Held: true,
		How: "The Transport with " + how + ".",
		Wrap: func(base http.RoundTripper) Doer {
			return (&steadyhttp.Transport{Base: base, Throttler: throttler()}).RoundTrip
		},
	}
}

// wrappers are our parts one by one, then the whole with what costs most.
var wrappers = []Contender{
	{Name: "its Classifier alone", Kind: Variant, How: "`&steadyhttp.Classifier{}`.",
		Wrap: func(base http.RoundTripper) Doer { return (&steadyhttp.Classifier{Base: base}).RoundTrip }},
	retrierAlone,
	{Name: "its Throttler alone", Kind: Variant, How: "`&steadyhttp.Throttler{}`.",
		Wrap: func(base http.RoundTripper) Doer { return (&steadyhttp.Throttler{Base: base}).RoundTrip }},
	{Name: "steadyhttp, limits set", Kind: Variant,
		How: "The Transport with `RequestsPerSecond` and `MaxConcurrent` that never bind.",
		Wrap: func(base http.RoundTripper) Doer {
			return (&steadyhttp.Transport{Base: base,
				Throttler: &steadyhttp.Throttler{RequestsPerSecond: 1e9, MaxConcurrent: 1 << 20}}).RoundTrip
		}},
	{Name: "its Logger alone", Kind: Variant,
		How: "`&steadyhttp.Logger{Zap: …}`: a JSON core at debug level that writes to io.Discard, so every success is an entry.",
		Wrap: func(base http.RoundTripper) Doer {
			return (&steadyhttp.Logger{Base: base, Zap: discard()}).RoundTrip
		}},
	{Name: "steadyhttp, zap on", Kind: Variant, How: "The Transport with that Logger.",
		Wrap: func(base http.RoundTripper) Doer {
			return (&steadyhttp.Transport{Base: base, Logger: &steadyhttp.Logger{Zap: discard()}}).RoundTrip
		}},
}

// discard returns a logger that does all the work but the writing.
func discard() *zap.Logger {
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	return zap.New(zapcore.NewCore(encoder, zapcore.AddSync(io.Discard), zap.DebugLevel))
}
