package main

import (
	"context"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// startRedis runs a redis-server on a free port, and returns its address.
func startRedis(t *testing.T) string {
	t.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		missing(t, "redis-server is not on the PATH: ci/setup.sh installs it")
	}
	address := unusedAddress(t)
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("redis-server", "--bind", "127.0.0.1", "--port", port, "--dir", t.TempDir(), "--save", "", "--appendonly", "no")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	client := redis.NewClient(&redis.Options{Addr: address})
	defer client.Close()
	waitFor(t, "redis-server to answer", func() bool { return client.Ping(context.Background()).Err() == nil })
	return address
}

const (
	fleetLimit = 50 // requests a second, of the API
	fleetJobs  = 250
)

// Two proxies that share a Redis keep a limit that the API has for both together, and
// use it as well as one proxy does.
func TestFleet(t *testing.T) {
	address := startRedis(t)
	config := `{"drainDelay": "-1s", "upstreams": [{"to": "URL", "requestsPerSecond": 50}]}`
	one := fleet(t, 1, config)
	two := fleet(t, 2, config, "-redis", address)
	apart := fleet(t, 2, config)
	for _, row := range []struct {
		name string
		fleetResult
	}{{"one proxy", one}, {"two over Redis", two}, {"two without", apart}} {
		t.Logf("%-15s answered %d of %d in %s, %d of %d requests were refused", row.name, row.answered, fleetJobs, row.took.Round(10*time.Millisecond), row.refused, row.refused+row.admitted)
	}
	for _, r := range []fleetResult{one, two} {
		if r.answered != fleetJobs {
			t.Errorf("answered %d of %d", r.answered, fleetJobs)
		}
		if r.refused*100 >= r.refused+r.admitted {
			t.Errorf("%d of %d requests were refused, want less than 1%%", r.refused, r.refused+r.admitted)
		}
	}
	if two.took > one.took*3/2 {
		t.Errorf("two took %s and one %s", two.took, one.took)
	}
	if apart.refused*20 < apart.admitted {
		t.Errorf("without Redis %d of %d were refused: so few that this test shows nothing", apart.refused, apart.refused+apart.admitted)
	}
}

type fleetResult struct {
	took                        time.Duration
	answered, admitted, refused int
}

// fleet has so many proxies do the jobs.
func fleet(t *testing.T, proxies int, config string, args ...string) fleetResult {
	t.Helper()
	api := steadyhttptest.NewServer()
	defer api.Close()
	const path = "/v1/chat/completions"
	api.Script(path, steadyhttptest.ChatCompletion("hello"))
	api.Limit(path, steadyhttptest.Limit{Requests: fleetLimit, Window: time.Second, Silent: true})
	var urls []string
	for range proxies {
		args := append([]string{"-listen", "127.0.0.1:0", "-config", configFile(t, strings.ReplaceAll(config, "URL", api.URL))}, args...)
		p := startProcess(t, "proxy", args...)
		defer p.end()
		urls = append(urls, p.URL)
	}
	client := newClient(t)
	var next, answered atomic.Int64
	var workers sync.WaitGroup
	start := time.Now()
	for w := range 32 {
		workers.Go(func() {
			for next.Add(1) <= fleetJobs {
				req := must(http.NewRequest("POST", urls[w%len(urls)]+path, strings.NewReader(chat)))
				req.Header.Set("Content-Type", "application/json")
				req.Header.Set("Authorization", "Bearer sk-of-the-fleet")
				resp, err := client.Do(req)
				if err != nil {
					continue
				}
				resp.Body.Close()
				if resp.StatusCode == 200 {
					answered.Add(1)
				}
			}
		})
	}
	workers.Wait()
	r := fleetResult{took: time.Since(start), answered: int(answered.Load())}
	r.admitted, r.refused = api.Limited()
	return r
}
