package steadyhttp_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp"
)

func BenchmarkZZ(b *testing.B) {
	body := `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("hello world ", 60) + `"}]}`
	base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: http.NoBody, Request: req}, nil
	})
	for _, kind := range []string{"without", "with", "session"} {
		for _, method := range []string{"GET", "POST"} {
			b.Run(kind+" "+method, func(b *testing.B) {
				rt := &steadyhttp.Transport{Base: base}
				if kind != "without" {
					rt.Failover = elsewhere()
				}
				req, _ := http.NewRequest(method, "https://api.openai.com/v1/chat/completions", nil)
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Authorization", "Bearer x")
				if kind == "session" {
					req.Header.Set("X-Session-Id", "abc")
				}
				r := bytes.NewReader([]byte(body))
				b.ReportAllocs()
				for b.Loop() {
					if method == "POST" {
						r.Seek(0, io.SeekStart)
						req.Body, req.ContentLength = io.NopCloser(r), int64(len(body))
						req.GetBody = func() (io.ReadCloser, error) { return nil, nil }
					}
					resp, err := rt.RoundTrip(req)
					if err != nil || resp.StatusCode != 200 {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
