package steadyhttp_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// The place of a request whose body nobody closes is free once its context ends.
func TestPlacesComeBackWithTheContext(t *testing.T) {
	const places = 3
	for _, row := range []struct {
		name string
		read bool // to the end
		ends func(t *testing.T) context.Context
	}{
		{"the context is canceled", false, func(t *testing.T) context.Context {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(2*time.Second, cancel)
			return ctx
		}},
		{"its deadline passes", false, func(t *testing.T) context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			time.AfterFunc(5*time.Second, cancel)
			return ctx
		}},
		{"the body is read to its end", true, func(t *testing.T) context.Context { return t.Context() }},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &steadyhttp.Throttler{Base: playing(reply{status: 200, body: "held open"}), MaxConcurrent: places}
				for i := range 10 * places {
					if i%places == 0 && !row.read {
						time.Sleep(2 * time.Second)
						synctest.Wait()
					}
					resp, err := rt.RoundTrip(request(t, "GET", "https://api.example.com/items", "").WithContext(row.ends(t)))
					if err != nil {
						t.Fatalf("call %d: %v", i+1, err)
					}
					if row.read {
						io.Copy(io.Discard, resp.Body)
					}
				}
				time.Sleep(2 * time.Second)
				synctest.Wait()
				for _, k := range rt.Snapshot() {
					if k.Concurrent != 0 {
						t.Errorf("%s: %d are under way, want none", k.Key.Label(), k.Concurrent)
					}
				}
			})
		})
	}
}

// Tokens that were reserved and not used are given back, however the answer is
// read: 60 calls that reserve 1,000 each and use 20 fit into 10,000 a minute.
func TestUnusedTokensComeBack(t *testing.T) {
	const usage = `"usage":{"prompt_tokens":10,"completion_tokens":10,"total_tokens":20}}`
	const answer = `{"id":"1","choices":[{"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],` + usage
	const events = "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"}}]}\n\ndata: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: {\"choices\":[]," + usage + "\n\ndata: [DONE]\n\n"
	all := func(t *testing.T, b io.Reader) { io.Copy(io.Discard, b) }
	decode := func(t *testing.T, b io.Reader) {
		var v any
		if err := json.NewDecoder(b).Decode(&v); err != nil {
			t.Error(err)
		}
	}
	for _, row := range []struct {
		name, kind, body string
		chunked          bool
		read             func(*testing.T, io.Reader)
	}{
		{"read to the end", "application/json", answer, false, all},
		{"json.Decoder, then Close", "application/json", answer + "\n", false, decode},
		{"json.Decoder of an answer without a length, then Close", "application/json", answer + "\n", true, decode},
		{"a stream, read to its end", "text/event-stream", events, true, all},
		{"a stream, read up to [DONE], then Close", "text/event-stream", events, true, func(t *testing.T, b io.Reader) {
			for s := bufio.NewScanner(b); s.Scan() && s.Text() != "data: [DONE]"; {
			}
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				rt := &steadyhttp.Transport{Retrier: &steadyhttp.Retrier{MaxAttempts: 1}, Throttler: &steadyhttp.Throttler{TokensPerMinute: 10_000},
					Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
						io.Copy(io.Discard, req.Body)
						req.Body.Close()
						resp := playing().response(req, reply{status: 200, header: "Content-Type: " + row.kind})
						resp.Body, resp.ContentLength = io.NopCloser(&sips{row.body}), int64(len(row.body))
						if row.chunked {
							resp.ContentLength, resp.TransferEncoding = -1, []string{"chunked"}
						}
						return resp, nil
					})}
				for i := range 60 {
					ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
					resp, err := rt.RoundTrip(request(t, "POST", chatURL, `{"model":"m","max_tokens":1000,"messages":[]}`).WithContext(ctx))
					if err != nil {
						t.Fatalf("call %d: %v", i+1, err)
					}
					row.read(t, resp.Body)
					resp.Body.Close()
					cancel()
				}
			})
		})
	}
}

// A sips gives up to 64 bytes a Read, and its end apart from the last of them.
type sips struct{ text string }

func (r *sips) Read(p []byte) (int, error) {
	if r.text == "" {
		return 0, io.EOF
	}
	n := copy(p[:min(len(p), 64)], r.text)
	r.text = r.text[n:]
	return n, nil
}
