package steadyhttp_test

import (
	"io"
	"maps"
	"net/http"
	"slices"
	"testing"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// Trailers come with the end of the body, for whoever reads it. That we looked into it
// before must not show: a proxy announces to its own client what it finds there.
func TestTrailersComeWithTheEnd(t *testing.T) {
	t.Parallel()
	for protocol, newServer := range map[string]func() *steadyhttptest.Server{"HTTP/1.1": steadyhttptest.NewServer, "HTTP/2": steadyhttptest.NewTLSServer} {
		for _, row := range []struct {
			name   string
			status int
			waits  bool // before the end, for longer than we do
		}{
			{"a failure", 400, false},
			{"a model's answer", 200, false},
			{"a model's answer that waits", 200, true},
		} {
			for _, announced := range []bool{true, false} {
				for name, wrapped := range map[string]func(http.RoundTripper) http.RoundTripper{
					"Transport": func(base http.RoundTripper) http.RoundTripper { return &steadyhttp.Transport{Base: base} },
					"Retrier":   func(base http.RoundTripper) http.RoundTripper { return &steadyhttp.Retrier{Base: base} },
				} {
					if row.waits && (name == "Retrier" || !announced) {
						continue // it looks into no success; nobody looks for trailers that are not announced
					}
					t.Run(protocol+", "+row.name+", "+name, func(t *testing.T) {
						srv := newServer()
						defer srv.Close()
						read := make(chan struct{})
						srv.Script("*", steadyhttptest.Reply{Handler: func(w http.ResponseWriter, r *http.Request) {
							if announced {
								w.Header().Set("Trailer", "X-Sum")
							}
							w.Header().Set("Content-Type", "application/json")
							w.WriteHeader(row.status)
							io.WriteString(w, `{"id":"1",`)
							w.(http.Flusher).Flush()
							if row.waits {
								<-read
							}
							io.WriteString(w, `"choices":[]}`)
							w.Header().Set(http.TrailerPrefix+"X-Late", "2")
							if announced {
								w.Header().Set("X-Sum", "1")
							}
						}})
						client := srv.Client()
						client.Transport = wrapped(client.Transport)
						req := request(t, "POST", srv.URL+"/v1/chat/completions", `{"model":"m","messages":[{"role":"user","content":"hello"}]}`)
						req.Header.Set("Content-Type", "application/json")
						resp, err := client.Do(req)
						if err != nil {
							t.Fatal(err)
						}
						want := []string{"X-Late"}
						if announced {
							want = []string{"X-Late", "X-Sum"}
							if got := resp.Trailer["X-Sum"]; len(resp.Trailer) != 1 || got != nil {
								t.Errorf("before the end the trailers are %v, want X-Sum without a value", resp.Trailer)
							}
						} else if len(resp.Trailer) > 0 {
							t.Errorf("before the end the trailers are %v, want none", resp.Trailer)
						}
						close(read)
						for range 100 { // while the end comes in, behind our back
							_ = maps.Clone(resp.Trailer)
						}
						if got := finish(t, resp); got != `{"id":"1","choices":[]}` {
							t.Errorf("got %q", got)
						}
						if got := slices.Sorted(maps.Keys(resp.Trailer)); !slices.Equal(got, want) || resp.Trailer.Get("X-Late") != "2" || announced != (resp.Trailer.Get("X-Sum") == "1") {
							t.Errorf("at the end the trailers are %v, want %v", resp.Trailer, want)
						}
					})
				}
			}
		}
	}
}
