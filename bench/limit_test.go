package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

const (
	workers = 64
	jobs    = 1000
	path    = "/v1/chat/completions"
)

// An api is a server with a limit and the time that it takes for an answer.
type api struct {
	limit   steadyhttptest.Limit
	service time.Duration
	usage   func(i int) string // if set, answers say that what was reserved was used
}

// A result is what became of the jobs of one run.
type result struct {
	took              time.Duration
	failed            int
	answered, refused int // requests, by the server's count
}

// run has 64 workers do the jobs.
func (a api) run(b *testing.B, rt *steadyhttp.Transport, n int, body func(i int) string) result {
	server := steadyhttptest.NewServer()
	defer server.Close()
	reply := steadyhttptest.ChatCompletion("a word or two")
	reply.Delay = a.service
	if a.usage != nil {
		delay := reply.Delay
		reply = steadyhttptest.Reply{Delay: delay, Handler: func(w http.ResponseWriter, r *http.Request) {
			data, _ := io.ReadAll(r.Body)
			var most struct {
				MaxTokens int `json:"max_tokens"`
			}
			json.Unmarshal(data, &most)
			fmt.Fprintf(w, `{"choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d}}`, (len(data)+3)/4, most.MaxTokens)
		}}
	}
	server.Script(path, reply)
	server.Limit("*", a.limit)
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = workers
	defer base.CloseIdleConnections()
	rt.Base = base
	client := &http.Client{Transport: rt}

	work := make(chan int)
	var mu sync.Mutex
	var r result
	var wg sync.WaitGroup
	start := time.Now()
	for range workers {
		wg.Go(func() {
			for i := range work {
				if err := post(client, server.URL+path, body(i)); err != nil {
					mu.Lock()
					r.failed++
					if r.failed <= 3 {
						b.Log(err)
					}
					mu.Unlock()
				}
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	wg.Wait()
	r.took = time.Since(start)
	r.answered, r.refused = server.Limited()
	return r
}

func post(client *http.Client, url, body string) error {
	resp, err := client.Post(url, "application/json", strings.NewReader(body))
	if err := steadyhttp.Check(resp, err); err != nil {
		if resp != nil {
			resp.Body.Close()
		}
		return err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

func chat(int) string { return `{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}` }

func (r result) report(b *testing.B, ideal time.Duration) {
	b.ReportMetric(float64(r.took)/float64(ideal), "×ideal")
	b.ReportMetric(100*float64(r.refused)/float64(r.answered+r.refused), "%refused")
	b.ReportMetric(float64(r.failed), "failed")
	b.ReportMetric(0, "ns/op")
}

// BenchmarkLimit has 64 workers do 1,000 jobs under a limit of 50 requests a
// second. The ideal is (jobs - the server's burst) / rate + one service time.
func BenchmarkLimit(b *testing.B) {
	const perSecond = 50
	for _, service := range []time.Duration{0, 20 * time.Millisecond, 200 * time.Millisecond, time.Second} {
		for _, row := range []struct {
			name      string
			limit     steadyhttptest.Limit
			throttler *steadyhttp.Throttler
		}{
			{"told", steadyhttptest.Limit{Requests: perSecond, Window: time.Second}, &steadyhttp.Throttler{RequestsPerSecond: perSecond}},
			{"told-silent", steadyhttptest.Limit{Requests: perSecond, Window: time.Second, Silent: true}, &steadyhttp.Throttler{RequestsPerMinute: 60 * perSecond}},
			{"learned", steadyhttptest.Limit{Requests: perSecond, Window: time.Second}, nil},
			{"learned-minute", steadyhttptest.Limit{Requests: 60 * perSecond, Burst: perSecond}, nil},
			{"learned-small-burst", steadyhttptest.Limit{Requests: 60 * perSecond, Burst: 10}, nil},
			{"found", steadyhttptest.Limit{Requests: perSecond, Window: time.Second, Silent: true}, nil},
		} {
			b.Run(fmt.Sprintf("%s/service=%s", row.name, service), func(b *testing.B) {
				for range b.N {
					burst := row.limit.Burst
					if burst == 0 {
						burst = row.limit.Requests
					}
					ideal := time.Duration(jobs-burst)*time.Second/perSecond + service
					r := api{limit: row.limit, service: service}.run(b, &steadyhttp.Transport{Throttler: row.throttler}, jobs, chat)
					r.report(b, ideal)
				}
			})
		}
	}
}

// BenchmarkTokens has jobs of 10 to 2,000 tokens under a limit of tokens, told
// and learned. Utilisation is what the jobs took of what the server allowed
// while they ran; a token too many shows as a refusal.
func BenchmarkTokens(b *testing.B) {
	const perSecond, n = 10_000, 300
	size := func(i int) int { return 10 + (i*7919)%1991 }
	body := func(i int) string {
		b := fmt.Sprintf(`{"model":"gpt-4o","max_tokens":%d}`, size(i))
		return fmt.Sprintf(`{"model":"gpt-4o","max_tokens":%d}`, max(1, size(i)-(len(b)+3)/4))
	}
	total := 0
	for i := range n {
		total += size(i)
	}
	limit := steadyhttptest.Limit{Tokens: perSecond, Window: time.Second}
	silent := limit
	silent.Silent = true
	for _, row := range []struct {
		name      string
		limit     steadyhttptest.Limit
		throttler *steadyhttp.Throttler
	}{
		{"told", limit, &steadyhttp.Throttler{TokensPerMinute: 60 * perSecond}},
		{"told-silent", silent, &steadyhttp.Throttler{TokensPerMinute: 60 * perSecond}},
		{"learned", limit, nil},
	} {
		b.Run(row.name, func(b *testing.B) {
			for range b.N {
				r := api{limit: row.limit, service: 20 * time.Millisecond, usage: body}.run(b, &steadyhttp.Transport{Throttler: row.throttler}, n, body)
				allowed := perSecond * (r.took.Seconds() + 1) // and the full bucket at the start
				b.ReportMetric(100*float64(total)/allowed, "%utilised")
				r.report(b, time.Duration(float64(total-perSecond)/perSecond*float64(time.Second)))
			}
		})
	}
}

// BenchmarkCrowd has 50 callers arrive within the second in which everybody is
// refused and told to come back after a second.
func BenchmarkCrowd(b *testing.B) {
	for range b.N {
		server := steadyhttptest.NewServer()
		var mu sync.Mutex
		var opens time.Time
		requests, refused := 0, 0
		server.Script("*", steadyhttptest.Reply{Handler: func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			requests++
			if opens.IsZero() {
				opens = time.Now().Add(time.Second)
			}
			if time.Now().Before(opens) {
				refused++
				w.Header().Set("Retry-After", "1")
				w.WriteHeader(http.StatusTooManyRequests)
			}
		}})
		client := &http.Client{Transport: &steadyhttp.Transport{}}
		start := time.Now()
		var wg sync.WaitGroup
		failed := 0
		for range 50 {
			wg.Go(func() {
				if err := post(client, server.URL+path, chat(0)); err != nil {
					mu.Lock()
					failed++
					mu.Unlock()
				}
			})
			time.Sleep(20 * time.Millisecond)
		}
		wg.Wait()
		b.ReportMetric(float64(refused), "refused")
		b.ReportMetric(float64(failed), "failed")
		b.ReportMetric(float64(requests)/50, "requests/call")
		b.ReportMetric(time.Since(start).Seconds(), "s")
		b.ReportMetric(0, "ns/op")
		server.Close()
	}
}
