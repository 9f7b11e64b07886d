package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/redissteady"
)

// workerVariable holds a worker's settings and makes a process be one.
const workerVariable = "SHARED_LIMIT_WORKER"

const goroutines = 16 // of each worker

// A worker is one process of the four.
type worker struct {
	API   string
	Redis string // "" keeps the limit in memory
}

// A tally is what a worker did.
type tally struct {
	Requests, Failed int
	Seconds          float64
}

// client is what a service with many replicas needs; all else here is the show.
func (w worker) client(base http.RoundTripper) (client *http.Client, done func()) {
	throttler := &steadyhttp.Throttler{RequestsPerSecond: perSecond}
	done = func() {}
	if w.Redis != "" {
		shared := redis.NewClient(&redis.Options{Addr: w.Redis})
		limiter := &redissteady.Limiter{Client: shared}
		done = func() {
			limiter.Close()
			shared.Close()
		}
		throttler.Limiter = limiter
		throttler.Salt = "a secret that all replicas have"
	}
	return &http.Client{Transport: &steadyhttp.Transport{Throttler: throttler, Base: base}}, done
}

// work does a worker's jobs once there is something to read, and writes what it
// did.
func work(settings string, in io.Reader, out io.Writer) error {
	var w worker
	if err := json.Unmarshal([]byte(settings), &w); err != nil {
		return err
	}
	var sent counter
	client, done := w.client(&sent)
	defer done()
	say := json.NewEncoder(out)
	if err := say.Encode("ready"); err != nil {
		return err
	}
	if _, err := bufio.NewReader(in).ReadString('\n'); err != nil {
		return err
	}
	start := time.Now()
	var next, failed atomic.Int64
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for next.Add(1) <= jobs {
				if err := job(client, w.API); err != nil {
					failed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	return say.Encode(tally{int(sent.n.Load()), int(failed.Load()), time.Since(start).Seconds()})
}

func job(client *http.Client, url string) error {
	body := strings.NewReader(`{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}`)
	req, err := http.NewRequest(http.MethodPost, url, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer test-key")
	resp, err := client.Do(req)
	if resp != nil {
		defer resp.Body.Close()
	}
	if err := steadyhttp.Check(resp, err); err != nil {
		return fmt.Errorf("the API: %w", err)
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// A counter counts what is really sent, retries and all.
type counter struct{ n atomic.Int64 }

func (c *counter) RoundTrip(req *http.Request) (*http.Response, error) {
	c.n.Add(1)
	return http.DefaultTransport.RoundTrip(req)
}
