package otelsteady_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func TestASpanLastsAsLongAsTheBody(t *testing.T) {
	stream := reply{status: 200, header: map[string]string{"Content-Type": "text/event-stream"}, body: "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: [DONE]\n\n", during: time.Hour}
	t.Run("read to its end", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			resp, err := r.around(playing(stream)).RoundTrip(chat(t, t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			r.wantCounts(t, 0, 0)
			io.Copy(io.Discard, resp.Body)
			calls, attempts := r.wantCounts(t, 1, 1)
			resp.Body.Close()
			r.wantCounts(t, 1, 1)
			for _, s := range []tracetest.SpanStub{calls[0], attempts[0]} {
				if d := s.EndTime.Sub(s.StartTime); d != time.Hour {
					t.Errorf("span %q: got %s, want 1h", s.Name, d)
				}
			}
		})
	})
	t.Run("closed early", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			resp, err := r.around(playing(stream)).RoundTrip(chat(t, t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			resp.Body.Close()
			calls, attempts := r.wantCounts(t, 1, 1)
			for _, s := range []tracetest.SpanStub{calls[0], attempts[0]} {
				if d := s.EndTime.Sub(s.StartTime); d != time.Minute || attr(s, "error.type") != "" {
					t.Errorf("span %q: got %s and error.type %q, want 1m0s and none", s.Name, d, attr(s, "error.type"))
				}
			}
		})
	})
	t.Run("closed while it is read", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			read, write := io.Pipe()
			defer write.Close()
			base := roundTripper(func(req *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Request: req, Header: http.Header{}, Body: slowToClose{read}}, nil
			})
			resp, err := r.around(base).RoundTrip(chat(t, t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				if _, err := io.ReadAll(resp.Body); err == nil {
					t.Error("the Read should have failed")
				}
			}()
			synctest.Wait()
			resp.Body.Close()
			calls, attempts := r.wantCounts(t, 1, 1)
			wantAttr(t, calls[0], "error.type", "")
			wantAttr(t, attempts[0], "error.type", "")
		})
	})
	t.Run("closed once it has told of an error", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			read, write := io.Pipe()
			base := roundTripper(func(req *http.Request) (*http.Response, error) {
				return &http.Response{StatusCode: 200, Request: req, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: read}, nil
			})
			const good, bad = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n", "data: {\"error\":{\"message\":\"Overloaded\",\"code\":\"overloaded\"}}\n\n"
			go func() {
				io.WriteString(write, good)
				time.Sleep(time.Minute)
				io.WriteString(write, bad)
			}()
			resp, err := r.around(base).RoundTrip(chat(t, t.Context()))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(resp.Body, make([]byte, len(good+bad))); err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			calls, attempts := r.wantCounts(t, 1, 1)
			wantAttr(t, calls[0], "error.type", "overloaded")
			wantAttr(t, attempts[0], "error.type", "overloaded")
		})
	})
	t.Run("a failure whose body is cut", func(t *testing.T) {
		r := newRig()
		do(t, r.calls(r.attempts(playing(reply{status: 404, body: "x", cut: io.ErrUnexpectedEOF}))), chat(t, t.Context()))
		calls, attempts := r.wantCounts(t, 1, 1)
		wantAttr(t, calls[0], "error.type", "not_found")
		wantAttr(t, attempts[0], "error.type", "not_found")
	})
	t.Run("canceled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := newRig()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, _, err := do(t, r.around(playing(stream)), chat(t, ctx)); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("got %v, want the deadline", err)
			}
			calls, attempts := r.wantCounts(t, 1, 1)
			for _, s := range []tracetest.SpanStub{calls[0], attempts[0]} {
				wantAttr(t, s, "error.type", "timeout")
			}
		})
	})
	t.Run("an upgrade ends with its headers", func(t *testing.T) {
		r := newRig()
		base := roundTripper(func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 101, Request: req, Body: upgraded{}}, nil
		})
		resp, err := r.around(base).RoundTrip(request(t, t.Context(), "GET", chatURL, ""))
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := resp.Body.(io.Writer); !ok {
			t.Error("the body is no io.Writer any more")
		}
		r.wantCounts(t, 1, 1)
	})
}

// slowToClose returns from Close when the Reads that it ended have returned.
type slowToClose struct{ io.ReadCloser }

func (b slowToClose) Close() error {
	defer time.Sleep(time.Second)
	return b.ReadCloser.Close()
}

type upgraded struct{ io.ReadWriter }
