package steadyhttp_test

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// Streams of APIs that nobody knows: what they mean by an error or an end is theirs.

const (
	strangeURL = "https://api.house.example/review/chat"
	gatewayURL = "https://llm.house.example/v1/chat/completions" // whose API is known by its path
	eventsType = "text/event-stream"
)

// eventsOf writes each text as an event, or as a line, which is whole either way. A text
// that begins with a field's name is an event as it is.
func eventsOf(kind string, texts ...string) []string {
	var all []string
	for _, s := range texts {
		switch {
		case kind == ndjson:
			s += "\n"
		case strings.HasPrefix(s, "event:"):
			s += "\n\n"
		default:
			s = "data: " + s + "\n\n"
		}
		all = append(all, s)
	}
	return all
}

// A streamRead is what a caller has of a stream.
type streamRead struct {
	requests            int
	text                string
	end                 error
	began, first, ended time.Duration
	record              *steadyhttp.Error
}

// readAll sends req through what wrap makes of a base that answers with the streams in turn,
// the last again and again.
func readAll(t *testing.T, wrap func(http.RoundTripper) http.RoundTripper, req *http.Request, kind string, streams ...[]part) (got streamRead) {
	ctx := steadyhttp.WithCall(req.Context())
	base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		got.requests++
		parts := streams[min(got.requests, len(streams))-1]
		end := error(io.EOF)
		if n := len(parts) - 1; parts[n].text == lostPart {
			parts, end = append(parts[:n:n], at(parts[n].after, "")), errReset
		}
		return answering(200, http.Header{"Content-Type": {kind}}, sending(end, parts...), -1).RoundTrip(req)
	})
	start := time.Now()
	resp, err := wrap(base).RoundTrip(req.WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got.began = time.Since(start)
	buf := make([]byte, 4<<10)
	for got.end == nil {
		var n int
		if n, got.end = resp.Body.Read(buf); n > 0 && got.text == "" {
			got.first = time.Since(start)
		}
		got.text += string(buf[:n])
	}
	got.ended = time.Since(start)
	if call, ok := steadyhttp.FromContext(ctx); ok {
		got.record = call.Error
	}
	return got
}

// lostPart is the text of a part with which a connection is lost.
const lostPart = "(lost)"

func asItIs(base http.RoundTripper) http.RoundTripper { return base }

func throughTransport(base http.RoundTripper) http.RoundTripper {
	return &steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{BackOff: noWait}}
}

func TestStreamsOfStrangersEndAsTheyDo(t *testing.T) {
	const export, tail = `{"model":"orders","query":"failed"}`, `{"model":"device-7","text":"all"}`
	const x = `{"choices":[{"delta":{"content":"x"}}]}`
	const failed = true // on record
	for _, row := range []struct {
		name, url, body, kind string
		events                []string
		failed                bool
	}{
		// Of requests that name the model of something else.
		{"orders that failed", "/export", export, ndjson, []string{`{"id":1,"error":"out of stock"}`, `{"id":2,"error":"timeout"}`}, failed},
		{"each with an object", "/export", export, ndjson, []string{`{"id":1,"error":{"code":"timeout","message":"timed out"}}`}, failed},
		{"an order that failed, the last", "/export", export, ndjson, []string{`{"row":1}`, `{"error":"timeout","row":2}`}, failed},
		{"results, one of them good", "/bulk", `{"model":"m","texts":["a","b"]}`, ndjson, []string{`{"index":0,"error":{"code":"invalid","message":"bad"}}`, `{"index":1,"result":"x"}`, `{"index":2,"error":{"code":"invalid","message":"bad"}}`}, failed},
		{"lines of a log", "/tail", tail, eventsType, []string{`{"type":"info","message":"boot"}`, `{"type":"error","message":"Service unavailable"}`}, failed},
		{"named lines of a log", "/tail", tail, eventsType, []string{"event: info\ndata: boot", "event: error\ndata: disk full"}, failed},
		{"a row whose object is an error", "/read", `{"model":"mail","prompt":"x"}`, ndjson, []string{`{"object":"error","id":1}`}, failed},
		{"a survey", "/survey", export, ndjson, []string{`{"question":"q1","choices":["a","b"]}`}, failed},
		{"people to hire", "/hiring", export, ndjson, []string{`{"candidates":[{"name":"Ann"}]}`}, failed},
		{"a scan that is not done", "/scan", tail, ndjson, []string{`{"done":false,"message":"scanning"}`, `{"done":false,"message":"closing"}`}, failed},
		{"a bus that does not stop", "/stops", export, eventsType, []string{`{"stop":false,"content":"moving"}`}, failed},
		{"a way without an end", "/way", export, eventsType, []string{`{"is_end":false,"result":"moving"}`}, failed},

		// Of conversations.
		{"what a reviewer found", strangeURL, saysChat, ndjson, []string{`{"file":"a.go","error":"unused"}`, `{"file":"b.go","error":{"code":"E1","message":"shadowed"}}`}, failed},
		{"events that are named as Anthropic's", strangeURL, saysChat, eventsType, []string{"event: message_start\ndata: {}", "event: text\ndata: {\"text\":\"hi\"}", "event: finished\ndata: {}"}, failed},
		{"a flag that is never true", strangeURL, saysChat, eventsType, []string{`{"content":"x","done":false}`, `{"content":"y","done":false}`}, failed},
		{"choices without an end", strangeURL, saysChat, eventsType, []string{x, x}, failed},

		// An error that the stream survives.
		{"a graph's node", strangeURL, saysChat, eventsType, []string{"event: updates\ndata: {\"a\":1}", "event: error\ndata: {\"message\":\"a tool failed\"}", "event: updates\ndata: {\"b\":\"fine\"}", "event: end\ndata: null"}, false},
		{"a part of an answer, and its end", strangeURL, saysChat, eventsType, []string{`{"type":"text-delta","delta":"x"}`, `{"type":"error","errorText":"partial"}`, `{"type":"finish"}`, `[DONE]`}, false},
		{"an item after it", strangeURL, saysChat, ndjson, []string{`{"type":"begin"}`, `{"type":"error","content":"a tool failed"}`, `{"type":"item","content":"x"}`, `{"type":"end"}`}, false},
		{"a reply of MCP after it", strangeURL, saysChat, eventsType, []string{`{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"bad"}}`, `{"jsonrpc":"2.0","id":2,"result":{"text":"x"}}`}, false},
		{"at a gateway", gatewayURL, saysChat, eventsType, []string{x, `{"error":{"message":"overloaded, falling back"}}`, x, `[DONE]`}, false},

		// Ends of APIs that are known by their path.
		{"the tokens in the last piece", gatewayURL, saysChat, eventsType, []string{x, `{"choices":[{"delta":{"content":"y"}}],"usage":{"total_tokens":5}}`}, false},
		{"Gemini's tokens in the last piece", "/v1beta/models/m:streamGenerateContent?alt=sse", "{}", eventsType, []string{`{"candidates":[{"content":{"parts":[{"text":"x"}]}}],"usageMetadata":{"totalTokenCount":5}}`}, false},
		{"a stop reason", gatewayURL, saysChat, eventsType, []string{x, `{"choices":[{"delta":{},"stop_reason":"eos"}]}`}, false},
		{"Ollama's reason alone", "/api/chat", saysChat, ndjson, []string{`{"message":{"content":"x"},"done":false}`, `{"message":{"content":""},"done_reason":"stop"}`}, false},
		{"an event named end", gatewayURL, saysChat, eventsType, []string{x, "event: end\ndata: {}"}, false},
		{"an event named close", gatewayURL, saysChat, eventsType, []string{x, "event: close\ndata: "}, false},
		{"[done]", gatewayURL, saysChat, eventsType, []string{x, "[done]"}, false},
		{"DONE", gatewayURL, saysChat, eventsType, []string{x, "DONE"}, false},
		{"[DONE] in quotes", gatewayURL, saysChat, eventsType, []string{x, `"[DONE]"`}, false},
		{"the whole call of a tool", gatewayURL, saysChat, eventsType, []string{`{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"{\"a\":1}"}}]}}]}`}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			if strings.HasPrefix(row.url, "/") {
				row.url = "https://api.house.example" + row.url
			}
			var parts []part
			for _, e := range eventsOf(row.kind, row.events...) {
				parts = append(parts, at(300*time.Millisecond, e))
			}
			synctest.Test(t, func(t *testing.T) {
				want := readAll(t, asItIs, jsonPost(t, row.url, row.body), row.kind, parts)
				got := readAll(t, throughTransport, jsonPost(t, row.url, row.body), row.kind, parts)
				if got.requests != want.requests || got.text != want.text || got.end != want.end || got.ended != want.ended {
					t.Errorf("got %+v, want as bare: %+v", got, want)
				}
				if (got.record != nil) != row.failed {
					t.Errorf("on record: got %v, want an error: %t", got.record, row.failed)
				}
			})
		})
	}
}

// Where the API is known, by its path or by how it answers, a failure is told to whoever
// reads.
func TestFailuresOfStrangersThatAreTold(t *testing.T) {
	const x = `{"choices":[{"delta":{"content":"x"}}]}`
	const bad = `{"error":{"message":"The server had an error"}}`
	for _, row := range []struct {
		name, url string
		events    []string
	}{
		{"an error at a gateway", gatewayURL, []string{x, bad}},
		{"an error and [DONE]", gatewayURL, []string{x, bad, "[DONE]"}},
		{"an error and DONE", gatewayURL, []string{x, bad, "DONE"}},
		{"an error and a ping", gatewayURL, []string{x, bad, "event: ping\ndata: {}"}},
		{"an error in a reason, and the tokens", gatewayURL, []string{x, `{"choices":[{"delta":{},"finish_reason":"error"}]}`, `{"choices":[],"usage":{"total_tokens":5}}`, "[DONE]"}},
		{"no end at a gateway", gatewayURL, []string{x, x}},
		{"an error in the dialect of OpenAI", strangeURL, []string{x, bad}},
		{"a piece of an event in it", strangeURL, []string{x, `{"choices":[{"del`}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				stream := strings.TrimSuffix(join(eventsOf(eventsType, row.events...)...), "\n\n")
				got := readAll(t, throughTransport, jsonPost(t, row.url, saysChat), eventsType, whole(stream))
				var e *steadyhttp.Error
				if got.requests != 1 || got.text != stream || !errors.As(got.end, &e) || got.record != e {
					t.Errorf("got %+v, want one request, all bytes and an *Error that is on record", got)
				}
			})
		})
	}
}

// The first event may be an error that the stream survives: another model answers.
func TestFirstErrorOfAStranger(t *testing.T) {
	const ms = time.Millisecond
	answer := []string{`{"text":"the answer"}`, `{"text":"goes on"}`}
	for _, first := range []string{
		`{"error":{"message":"primary model overloaded, falling back"}}`,
		`{"type":"error","error":{"message":"primary overloaded"},"recoverable":true}`,
		"event: error\ndata: service unavailable, falling back",
		`{"code":503,"message":"primary is down"}`,
	} {
		bad := eventsOf(eventsType, first)[0]
		good := eventsOf(eventsType, answer...)
		ping := eventsOf(eventsType, "event: ping\ndata: {}")[0]
		for _, row := range []struct {
			name     string
			url      string
			parts    []part
			repeated bool
			began    time.Duration
			failed   bool // on record
		}{
			{"the answer a second later", strangeURL, []part{at(0, bad), at(time.Second, good[0]), at(time.Second, good[1])}, false, 250 * ms, false},
			{"the answer at once", strangeURL, whole(bad, good[0], good[1]), false, 0, false},
			{"the answer, at a gateway", gatewayURL, []part{at(400*ms, bad), at(time.Second, good[0])}, false, 650 * ms, false},
			{"pings, and the answer", strangeURL, []part{at(0, bad), at(100*ms, ping), at(100*ms, ping), at(100*ms, good[0])}, false, 250 * ms, false},
			{"no more", strangeURL, whole(bad), true, 0, false},
			{"the end a moment later", strangeURL, []part{at(0, bad), at(200*ms, "")}, true, 200 * ms, false},
			{"the end too late", strangeURL, []part{at(0, bad), at(300*ms, "")}, false, 250 * ms, true},
			{"[DONE]", strangeURL, []part{at(0, bad+"data: [DONE]\n\n"), at(time.Minute, "")}, true, 0, false},
			{"an event named end", strangeURL, []part{at(0, bad+"event: end\ndata: {}\n\n"), at(time.Minute, "")}, true, 0, false},
			{"a connection that is lost", strangeURL, []part{at(0, bad), at(100*ms, lostPart)}, true, 100 * ms, false},
			{"no more, at a provider", chatURL, []part{at(0, bad), at(time.Minute, "")}, true, 0, false},
		} {
			t.Run(first+"/"+row.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					got := readAll(t, throughTransport, jsonPost(t, row.url, saysChat), eventsType, row.parts, whole(join(chatEvents...)))
					if row.repeated {
						if got.requests != 2 || got.text != join(chatEvents...) || got.end != io.EOF || got.began != row.began {
							t.Errorf("got %+v, want the second answer after %v", got, row.began)
						}
						return
					}
					want := readAll(t, asItIs, jsonPost(t, row.url, saysChat), eventsType, row.parts)
					if got.requests != 1 || got.text != want.text || got.end != want.end || got.ended != want.ended || got.began != row.began {
						t.Errorf("got %+v, want as bare, after %v: %+v", got, row.began, want)
					}
					if (got.record != nil) != row.failed {
						t.Errorf("on record: got %v, want an error: %t", got.record, row.failed)
					}
				})
			})
		}
	}
}

// With a Failover and a FirstOutput of one's own, an error and then silence is left for
// another place, as silence is.
func TestFirstErrorOfAStrangerIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := func(base http.RoundTripper) http.RoundTripper {
			return &steadyhttp.Transport{
				Base:     base,
				Retrier:  &steadyhttp.Retrier{FirstOutput: 2 * time.Second},
				Failover: &steadyhttp.Failover{Targets: []steadyhttp.Target{{URL: "https://second.example/v1", Header: http.Header{"Authorization": {"Bearer b"}}}}},
			}
		}
		bad := []part{at(0, chatError), at(time.Minute, "")}
		got := readAll(t, rt, jsonPost(t, gatewayURL, saysChat), eventsType, bad, whole(join(chatEvents...)))
		if got.requests != 2 || got.text != join(chatEvents...) || got.end != io.EOF || got.began != 2*time.Second {
			t.Errorf("got %+v, want the second place's answer after 2s", got)
		}
	})
}
