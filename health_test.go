package steadyhttp_test

import (
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// Whoever asks for somebody's health gets each answer at once, as over the bare base.
func TestHealthIsAnsweredAtOnce(t *testing.T) {
	const s = "Content-Type: application/json"
	for _, row := range []struct {
		name, url string
		reply     reply
	}{
		{"a standby of Vault", "http://vault:8200/v1/sys/health", reply{status: 429, header: s, body: `{"initialized":true,"sealed":false,"standby":true}`}},
		{"a sealed Vault", "http://vault:8200/v1/sys/health", reply{status: 503, header: s, body: `{"initialized":true,"sealed":true}`}},
		{"a warning of Consul", "http://consul:8500/v1/agent/health/service/id/x", reply{status: 429, header: s, body: `{"AggregatedStatus":"warning"}`}},
		{"a critical service of Consul", "http://consul:8500/v1/agent/health/service/id/x", reply{status: 503, header: s, body: `{"AggregatedStatus":"critical"}`}},
		{"Spring, down", "http://app:8080/actuator/health", reply{status: 503, header: s, body: `{"status":"DOWN"}`}},
		{"Kubernetes, not ready", "https://10.0.0.1:6443/readyz", reply{status: 500, body: "[-]etcd failed: reason withheld"}},
		{"Elasticsearch, yellow", "http://es:9200/_cluster/health?wait_for_status=green&timeout=1s", reply{status: 408, header: s, body: `{"status":"yellow","timed_out":true}`}},
		{"a model that is being loaded", "http://llama:8080/health", reply{status: 503, header: s + "\nRetry-After: 5", body: `{"error":{"message":"Loading model"}}`}},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			synctest.Test(t, func(t *testing.T) {
				r := row.reply
				r.after = 20 * time.Millisecond
				base := playing(r)
				client := &http.Client{Transport: &steadyhttp.Transport{Base: base}}
				start := time.Now()
				const calls = 12
				for range calls {
					resp, err := client.Do(request(t, method, row.url, ""))
					if err != nil {
						t.Fatal(err)
					}
					if finish(t, resp); resp.StatusCode != r.status {
						t.Errorf("%s, %s: got %d, want %d", row.name, method, resp.StatusCode, r.status)
					}
				}
				if took := time.Since(start); base.count() != calls || took != calls*r.after {
					t.Errorf("%s, %s: %d requests in %v, want %d in %v", row.name, method, base.count(), took, calls, calls*r.after)
				}
			})
		}
	}
}

// A connection that fails is no answer, and what is no question for somebody's health is
// repeated as ever; so is one of which Decide says so.
func TestHealthThatIsNotAnswered(t *testing.T) {
	again := func(_ *http.Request, d steadyhttp.Decision) (bool, time.Duration) { return d.Attempt < 2, 0 }
	for _, row := range []struct {
		name, url string
		first     reply
		retrier   *steadyhttp.Retrier
	}{
		{"a lost connection", "http://app:8080/health", reply{err: errReset}, nil},
		{"services by their health", "http://consul:8500/v1/health/service/web", reply{status: 503}, nil},
		{"by Decide", "http://app:8080/health", reply{status: 503}, &steadyhttp.Retrier{Decide: again}},
	} {
		synctest.Test(t, func(t *testing.T) {
			base := playing(row.first, reply{status: 200})
			resp, err := (&steadyhttp.Transport{Base: base, Retrier: row.retrier}).RoundTrip(request(t, "GET", row.url, ""))
			if err != nil {
				t.Fatal(err)
			}
			if finish(t, resp); resp.StatusCode != 200 || base.count() != 2 {
				t.Errorf("%s: got %d after %d attempts, want 200 after 2", row.name, resp.StatusCode, base.count())
			}
		})
	}
}

// The health of services says nothing of the server that tells it: others of its routes
// are not held back for three that are critical.
func TestHealthOfOthersHoldsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := replying(func(req *http.Request) reply {
			if req.URL.Path == "/v1/kv/config" {
				return reply{status: 200}
			}
			return reply{status: 503, header: "Retry-After: 20"}
		})
		client := &http.Client{Transport: &steadyhttp.Transport{Base: base}}
		for range 10 {
			for _, service := range []string{"web", "db", "mail", "queue"} {
				resp, err := client.Do(request(t, "GET", "http://consul:8500/v1/agent/health/service/name/"+service, ""))
				if err != nil {
					t.Fatal(err)
				}
				finish(t, resp)
			}
		}
		start := time.Now()
		resp, err := client.Do(request(t, "GET", "http://consul:8500/v1/kv/config", ""))
		if err != nil {
			t.Fatal(err)
		}
		finish(t, resp)
		if took := time.Since(start); took != 0 {
			t.Errorf("a read beside four critical services took %v, want no time", took)
		}
	})
}

// A health answer does not let calls go that an outage holds back: a gateway may give it.
func TestHealthOpensNothing(t *testing.T) {
	sent := func(asking bool) int64 {
		var n atomic.Int64
		synctest.Test(t, func(t *testing.T) {
			base := replying(func(req *http.Request) reply {
				if req.URL.Path == "/health" {
					return reply{status: 503}
				}
				n.Add(1)
				return reply{err: &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}}
			})
			client := &http.Client{Transport: &steadyhttp.Transport{Base: base}}
			end := time.Now().Add(20 * time.Second)
			for time.Now().Before(end) {
				paths := []string{"orders", "orders", "orders", "orders", "orders"}
				if asking {
					paths = append(paths, "health")
				}
				for _, path := range paths {
					go func() {
						if resp, err := client.Do(request(t, "GET", "http://shop.example/"+path, "")); err == nil {
							resp.Body.Close()
						}
					}()
				}
				time.Sleep(100 * time.Millisecond)
			}
			time.Sleep(time.Minute)
		})
		return n.Load()
	}
	without, with := sent(false), sent(true)
	if without == 0 || with > without*11/10 {
		t.Errorf("%d requests while nobody asked for the health, %d while somebody did", without, with)
	}
}
