package bench

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// A server is a net/http server on this machine and a base to reach it.
type server struct {
	url  string
	base *http.Transport
}

func newServer(t testing.TB, handler http.Handler) server {
	s := httptest.NewServer(handler)
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConns, base.MaxIdleConnsPerHost = 0, 2*workers
	t.Cleanup(func() {
		base.CloseIdleConnections()
		s.Close()
	})
	return server{url: s.URL, base: base}
}

// A file is an upload that takes no memory itself.
type file struct{ left int64 }

func (f *file) Read(p []byte) (int, error) {
	if f.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), f.left)
	f.left -= n
	return int(n), nil
}

func (f *file) Close() error { return nil }

// A scale is a base that reads an upload and weighs the heap meanwhile.
type scale struct {
	every int64
	most  uint64
}

func (s *scale) RoundTrip(req *http.Request) (*http.Response, error) {
	defer req.Body.Close()
	for {
		s.most = max(s.most, held())
		n, err := io.CopyN(io.Discard, req.Body, s.every)
		if err == io.EOF && n == 0 {
			break
		}
		if err != nil && err != io.EOF {
			return nil, err
		}
	}
	s.most = max(s.most, held())
	return reply{body: "{}"}.response(req), nil
}

// held is what the heap holds after a collection.
func held() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

var uploads = []scenario{{
	table: Table{
		Title: "Memory of an upload of 64 MiB",
		About: "One PUT with a body that is made as it is read, with and without `GetBody`. Held is by how much the heap grew, after a " +
			"collection at every MiB that the base read; allocated is all that was asked for meanwhile.",
		Columns: []Column{
			{Name: "held, with GetBody", Unit: Bytes, Better: Lower, Goal: goal(2 << 20), Short: true},
			{Name: "allocated", Unit: Bytes, Better: Lower, Goal: goal(2 << 20)},
			{Name: "held, without GetBody", Unit: Bytes, Better: Lower, Goal: goal(2 << 20)},
			{Name: "allocated", Unit: Bytes, Better: Lower, Goal: goal(2 << 20)},
		},
	},
	contenders: everybody(),
	measure: func(t *testing.T, cs []Contender, s sizes) [][]float64 {
		figures := make([][]float64, len(cs))
		for i, c := range cs {
			for _, getBody := range []bool{true, false} {
				weigh := &scale{every: 1 << 20}
				do := c.Wrap(weigh)
				req, err := http.NewRequest("PUT", "https://api.example.com/v1/files/1", &file{left: s.upload})
				if err != nil {
					t.Fatal(err)
				}
				req.ContentLength = s.upload
				if getBody {
					req.GetBody = func() (io.ReadCloser, error) { return &file{left: s.upload}, nil }
				}
				before := held()
				weigh.most = before
				var from, to runtime.MemStats
				runtime.ReadMemStats(&from)
				if err := do.call(req); err != nil {
					t.Fatalf("%s: %v", c.Name, err)
				}
				runtime.ReadMemStats(&to)
				figures[i] = append(figures[i], float64(weigh.most-before), float64(to.TotalAlloc-from.TotalAlloc))
			}
		}
		return figures
	},
}}

var streams = []scenario{{
	table: Table{
		Title: "First byte of a stream",
		About: "A chat completion that streams 20 events over loopback, of which the server sends the second once the first byte was read: " +
			"the median time until that byte of the body is read, and until its end, by turns with bare calls and over them.",
		Columns: []Column{
			{Name: "first byte, over bare", Unit: Ratio, Better: Lower, Short: true},
			{Name: "end, over bare", Unit: Ratio, Better: Lower},
		},
	},
	contenders: everybody(again, ahead, wrappers[len(wrappers)-1]),
	measure: func(t *testing.T, cs []Contender, s sizes) [][]float64 {
		const event = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"word %d "}}]}` + "\n\n"
		begun := make(chan struct{}) // somebody has read the first byte
		server := newServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", "text/event-stream")
			flusher := http.NewResponseController(w)
			for i := range 20 {
				fmt.Fprintf(w, event, i)
				_ = flusher.Flush()
				if i > 0 {
					continue
				}
				select {
				case <-begun:
				case <-r.Context().Done():
					return
				}
			}
			_, _ = io.WriteString(w, "data: [DONE]\n\n")
		}))
		post := chat
		post.body = strings.Replace(chatBody, "{", `{"stream":true,`, 1)
		build := post.build(server.url + "/v1/chat/completions")
		doers := make([]Doer, len(cs))
		for i, c := range cs {
			doers[i] = c.Wrap(server.base)
		}
		stream := func(i int) []float64 {
			req := build()
			start := time.Now()
			resp, err := doers[i](req)
			if err != nil {
				t.Fatalf("%s: %v", cs[i].Name, err)
			}
			defer resp.Body.Close()
			r := bufio.NewReader(resp.Body)
			if _, err := r.ReadByte(); err != nil {
				t.Fatalf("%s: %v", cs[i].Name, err)
			}
			first := time.Since(start)
			begun <- struct{}{}
			if _, err := io.Copy(io.Discard, r); err != nil {
				t.Fatalf("%s: %v", cs[i].Name, err)
			}
			return []float64{float64(first), float64(time.Since(start))}
		}
		figures := [][]float64{{1, 1}}
		for i := 1; i < len(cs); i++ {
			figures = append(figures, over(byTurns(s.streams, func() []float64 { return stream(0) }, func() []float64 { return stream(i) })))
		}
		return figures
	},
}}
