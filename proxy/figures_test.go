package main

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

var figures = flag.Bool("figures", false, "measure what the proxy costs; nothing else should run on the machine")

// What the proxy adds to a call, beside the least that a reverse proxy can be. Both are
// processes of their own and called by turns, so that what else the machine does
// meets both. With -figures it measures long enough for docs/proxy.md and to judge, else it
// only looks that the figures can be taken.
func TestFigures(t *testing.T) {
	answers := upstreamServer(t, answer)
	plain, ours := startProcess(t, "bare", answers.URL), startProcess(t, "proxy", "-to", answers.URL, "-listen", "127.0.0.1:0")
	client := newClient(t)
	rounds, streams := 200, 100
	if *figures {
		rounds, streams = 20_000, 2000
	}
	fmt.Println("\n| | bare ReverseProxy | proxy | added |\n|---|---:|---:|---:|")
	for _, row := range []struct {
		name string
		call func(url string) time.Duration
	}{
		{"a call", func(url string) time.Duration { return wholeAnswer(t, client, url) }},
		{"the first byte of a stream", func(url string) time.Duration { return firstByte(t, client, url) }},
	} {
		a, b := byTurns(rounds, func() time.Duration { return row.call(plain.URL) }, func() time.Duration { return row.call(ours.URL) })
		for _, p := range []float64{50, 99} {
			x, y := percentile(a, p), percentile(b, p)
			if most := mostAdded[p]; *figures && y-x > most {
				t.Errorf("%s, p%g: got %s more than with the bare one, want %s at most", row.name, p, y-x, most)
			}
			fmt.Printf("| %s, p%g | %.3f ms | %.3f ms | %+.3f ms |\n", row.name, p, ms(x), ms(y), ms(y-x))
		}
	}
	for _, p := range []*running{plain, ours} {
		at := rss(t, p.pid)
		peak := manyStreams(t, p, streams)
		fmt.Printf("| memory (RSS) with %d streams open, %s | | %d MiB | %+d MiB |\n", streams, map[*running]string{plain: "bare ReverseProxy", ours: "proxy"}[p], peak>>20, (peak-at)>>20)
		if p == ours && peak > 300<<20 {
			t.Errorf("got %d MiB with %d streams, want less than 300", peak>>20, streams)
		}
	}
}

// mostAdded is what the proxy may add, by the percentile: nothing that can be felt
// beside the answer of a model.
var mostAdded = map[float64]time.Duration{50: 100 * time.Microsecond, 99: 300 * time.Microsecond}

const streamed = `{"model":"gpt-5","stream":true,"messages":[{"role":"user","content":"hello"}]}`

// shortModel has streams of one event.
const shortModel = "short"

// answer is the upstream: a short answer, or a stream that goes on until its caller
// leaves.
func answer(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if !strings.Contains(string(body), `"stream":true`) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"choices":[{"message":{"role":"assistant","content":"hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		if _, err := io.WriteString(w, "data: {\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}\n\n"); err != nil {
			return
		}
		w.(http.Flusher).Flush()
		if strings.Contains(string(body), shortModel) {
			io.WriteString(w, "data: [DONE]\n\n")
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-time.After(time.Second):
		}
	}
}

// wholeAnswer returns how long a call takes to the end of its answer.
func wholeAnswer(t *testing.T, client *http.Client, url string) time.Duration {
	start := time.Now()
	resp := post(t, client, url, chat)
	io.Copy(io.Discard, resp.Body)
	took := time.Since(start)
	resp.Body.Close()
	return took
}

// firstByte returns how long a stream takes to its first byte, and reads the rest.
func firstByte(t *testing.T, client *http.Client, url string) time.Duration {
	start := time.Now()
	resp := post(t, client, url, strings.Replace(streamed, "gpt-5", shortModel, 1))
	var b [1]byte
	io.ReadFull(resp.Body, b[:])
	took := time.Since(start)
	io.Copy(io.Discard, resp.Body)
	resp.Body.Close()
	return took
}

func post(t *testing.T, client *http.Client, url, body string) *http.Response {
	resp, err := client.Post(url+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// byTurns calls a and b so often, in an order that favours neither, and returns how
// long each took.
func byTurns(rounds int, a, b func() time.Duration) (ta, tb []time.Duration) {
	for i := range rounds + rounds/10 {
		var x, y time.Duration
		if i%2 == 0 {
			x, y = a(), b()
		} else {
			y, x = b(), a()
		}
		if i >= rounds/10 { // warm by now
			ta, tb = append(ta, x), append(tb, y)
		}
	}
	return ta, tb
}

func percentile(all []time.Duration, p float64) time.Duration {
	slices.Sort(all)
	return all[min(int(float64(len(all))*p/100), len(all)-1)]
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// manyStreams opens so many streams at once, has each deliver three events, and
// returns the most memory that the process took.
func manyStreams(t *testing.T, p *running, n int) (peak int64) {
	t.Helper()
	client := newClient(t)
	client.Transport.(*http.Transport).MaxConnsPerHost = 0
	var open atomic.Int64
	var streams sync.WaitGroup
	all := make(chan bool)
	for i := range n {
		if i%50 == 49 {
			time.Sleep(10 * time.Millisecond) // or the kernel's queue of new connections overflows
		}
		streams.Go(func() {
			resp, err := client.Post(p.URL+"/v1/chat/completions", "application/json", strings.NewReader(streamed))
			if err != nil {
				t.Error(err)
				open.Add(1)
				return
			}
			defer resp.Body.Close()
			events := bufio.NewScanner(resp.Body)
			for range 6 { // three events, with an empty line behind each
				events.Scan()
			}
			open.Add(1)
			<-all
		})
	}
	for open.Load() < int64(n) {
		peak = max(peak, rss(t, p.pid))
		time.Sleep(20 * time.Millisecond)
	}
	peak = max(peak, rss(t, p.pid))
	close(all)
	streams.Wait()
	return peak
}

// rss is the memory of a process, where there is a /proc; 0 elsewhere.
func rss(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	kib, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
	n, err := strconv.ParseInt(kib, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n << 10
}
