package bench

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

const (
	partsURL = "https://parts.example.com/v1/"
	hubURL   = "https://openrouter.ai/api/v1/chat/completions"
	loadURL  = "https://api-inference.huggingface.co/models/"
	kubeURL  = "https://10.96.0.1/apis/"
)

// situations are all that were seen to do harm once, or that could.
var situations = slices.Concat(beside, afterOutage, refusals, statements, own)

// beside is what fails beside what works.
var beside = []situation{
	{
		name:   "one path answers 503 for good; 20 calls a second to it, 2 to another",
		server: failing(pathHas("/reports"), reply{status: 503, body: "no healthy upstream"}),
		loads: []load{
			{url: partsURL + "reports", perSecond: 20, to: time.Minute, patience: 30 * time.Second, aside: true},
			{url: partsURL + "orders", perSecond: 2, to: time.Minute, patience: 10 * time.Second},
		},
	},
	{
		name: "a hub's model is overloaded; 20 calls a second for it, 2 for another",
		server: failing(bodyHas("dead/model"), reply{status: 502,
			body: `{"error":{"message":"Provider returned error","code":502,"metadata":{"provider_name":"Dead"}}}`}),
		loads: []load{
			{method: "POST", url: hubURL, body: `{"model":"dead/model","messages":[]}`, perSecond: 20, to: time.Minute, patience: time.Minute, aside: true},
			{method: "POST", url: hubURL, body: `{"model":"fine/model","messages":[]}`, perSecond: 2, to: time.Minute, patience: 20 * time.Second},
		},
	},
	{
		name: "an aggregated API of Kubernetes is down and asked once a second; a lease is renewed every two",
		server: failing(pathHas("metrics.k8s.io"), reply{status: 503, body: `{"kind":"Status","apiVersion":"v1","status":"Failure",` +
			`"message":"the server is currently unable to handle the request","reason":"ServiceUnavailable","code":503}`}),
		loads: []load{
			{url: kubeURL + "metrics.k8s.io/v1beta1/pods", perSecond: 1, to: 5 * time.Minute, patience: 32 * time.Second, random: true, aside: true},
			{method: "PUT", url: kubeURL + "coordination.k8s.io/v1/namespaces/kube-system/leases/me", body: `{"kind":"Lease"}`,
				perSecond: 0.5, to: 5 * time.Minute, patience: 5 * time.Second, random: true},
		},
	},
	{
		name:   "one path answers 503 with `Retry-After: 60`; another works",
		server: failing(pathHas("/reports"), asking(503, "60")),
		loads: []load{
			{url: partsURL + "reports", perSecond: 0.2, to: time.Minute, patience: 10 * time.Second, aside: true},
			{url: partsURL + "orders", perSecond: 2, to: time.Minute, patience: 10 * time.Second},
		},
	},
	{
		name:   "one tenant gets 503 with `Retry-After: 60`; another, of the same path, is served",
		server: failing(keyIs("alice"), asking(503, "60")),
		loads: []load{
			{key: "alice", perSecond: 0.2, to: time.Minute, patience: 10 * time.Second, aside: true},
			{key: "bob", perSecond: 2, to: time.Minute, patience: 10 * time.Second},
		},
	},
	{
		name:   "a model loads (`\"estimated_time\": 20`); another answers",
		server: failing(pathHas("/large"), reply{status: 503, body: `{"error":"Model a/large is currently loading","estimated_time":20.0}`}),
		loads: []load{
			{method: "POST", url: loadURL + "a/large", body: `{"inputs":"x"}`, perSecond: 0.2, to: time.Minute, patience: 30 * time.Second, aside: true},
			{method: "POST", url: loadURL + "b/small", body: `{"inputs":"x"}`, perSecond: 2, to: time.Minute, patience: 10 * time.Second},
		},
	},
}

// afterOutage is a host that is down for a while, from the 10th second on.
var afterOutage = []situation{
	{name: "2 s of 503, then 1% of them", server: outage(2*time.Second, 0.01, reply{status: 503}), loads: hundred},
	{name: "2 s of 503, then 5% of them", server: outage(2*time.Second, 0.05, reply{status: 503}), loads: hundred},
	{name: "2 s of 503, then 20% of them", server: outage(2*time.Second, 0.20, reply{status: 503}), loads: hundred},
	{
		name:   "2 s of 503 at 10 calls a second, and soon after it 100 a second",
		server: outage(2*time.Second, 0, reply{status: 503}),
		loads: []load{
			{perSecond: 10, to: 14 * time.Second, patience: 30 * time.Second},
			{perSecond: 100, from: 14 * time.Second, to: 30 * time.Second, patience: 30 * time.Second},
		},
	},
	{name: "5 s of 503", server: outage(5*time.Second, 0, reply{status: 503}), loads: hundred},
	{name: "5 s of 503 with `Retry-After: 1`", server: outage(5*time.Second, 0, asking(503, "1")), loads: hundred},
	{name: "5 s of 503 with `Retry-After: 5`", server: outage(5*time.Second, 0, asking(503, "5")), loads: hundred},
	{name: "5 s without a connection", server: outage(5*time.Second, 0, reply{err: errReset}), loads: hundred},
	{name: "5 s of 503 on all of forty routes", server: outage(5*time.Second, 0, reply{status: 503}), loads: forty()},
	{name: "10% of 503 at random", server: atRandom(0.10, reply{status: 503}), loads: hundred},
	{
		name:   "2 s without a connection, of a host whose answers take 30 s",
		server: slowly(30*time.Second, outage(2*time.Second, 0, reply{err: errReset})),
		loads:  []load{{perSecond: 4, to: time.Minute, patience: time.Minute}},
	},
}

// hundred is a hundred calls a second for two minutes.
var hundred = []load{{perSecond: 100, to: 2 * time.Minute, patience: 30 * time.Second}}

// forty is as much, of a route each.
func forty() []load {
	var list []load
	for i := range 40 {
		l := hundred[0]
		l.url = fmt.Sprintf("%s%c%c", partsURL, 'a'+i/26, 'a'+i%26)
		l.perSecond /= 40
		l.from = time.Duration(i) * time.Second / 100
		list = append(list, l)
	}
	return list
}

// refusals are 429 that no rate explains, or a rate that nobody states.
var refusals = []situation{
	{name: "0.1% of 429 at random, 200 calls a second", server: atRandom(0.001, reply{status: 429}), loads: twoHundred},
	{name: "1% of 429 at random, 200 calls a second", server: atRandom(0.01, reply{status: 429}), loads: twoHundred},
	{name: "5% of 429 at random, 200 calls a second", server: atRandom(0.05, reply{status: 429}), loads: twoHundred},
	{
		name:   "5% of 429 with `Retry-After: 1` at random, 200 calls a second",
		server: atRandom(0.05, asking(429, "1")),
		loads:  twoHundred,
	},
	{name: "5 s of 429 with `Retry-After: 1`", server: outage(5*time.Second, 0, asking(429, "1")), loads: hundred},
	{name: "5 s of 429 with `Retry-After: 5`", server: outage(5*time.Second, 0, asking(429, "5")), loads: hundred},
	{
		name:   "a host's first second is 429 with `Retry-After: 1`; 50 calls, one every 20 ms",
		server: closedAtFirst(asking(429, "1")),
		loads:  []load{{method: "POST", url: chatURL, body: chatBody, perSecond: 50, to: time.Second, patience: callPatience}},
	},
	{
		name:   "one odd 429 of a host that states 10,000 requests a day",
		server: oddRefusal,
		loads:  []load{{method: "POST", url: "https://api.openai.com/v1/chat/completions", body: chatBody, perSecond: 8, to: 90 * time.Second, patience: 20 * time.Second}},
	},
	{
		name:   "6,000 requests a minute are stated, 10 in any second are served; 1,000 jobs of 64 workers",
		server: tighter,
		loads:  []load{{n: 1000, workers: 64, patience: jobsPatience}},
	},
	{
		name:   "50 a second are stated and served; 1,000 jobs of 64 workers in four processes",
		server: shared(false),
		loads:  fourProcesses(),
	},
	{
		name:   "50 a second are served, which nobody states; 1,000 jobs of 64 workers in four processes",
		server: shared(true),
		loads:  fourProcesses(),
	},
}

// shared is a server of fifty requests a second.
func shared(silent bool) func() behaviour {
	return func() behaviour {
		l := &limit{unit: "requests", perSecond: limitRate, silent: silent}
		return func(_ time.Duration, req *http.Request, body []byte) reply { return l.serve(req, body) }
	}
}

// fourProcesses do jobs, and know nothing of each other.
func fourProcesses() (loads []load) {
	for i := range 4 {
		loads = append(loads, load{method: "POST", url: chatURL, body: chatBody, n: jobs / 4, workers: workers / 4, patience: jobsPatience, process: i})
	}
	return loads
}

// twoHundred is two hundred calls a second for a minute.
var twoHundred = []load{{method: "POST", url: chatURL, body: chatBody, perSecond: 200, to: time.Minute, patience: 10 * time.Second}}

// statements are headers of servers that refuse nothing.
var statements = []situation{
	{name: "0 of 1,000 left, whatever is sent", server: stating(always(counted(1000, 0, "60"))), loads: two},
	{name: "0 of 0 left: a plan without limits", server: stating(always(counted(0, 0, "60"))), loads: two},
	{name: "0 of 100 left, by an answer from a cache", server: stating(func(time.Duration) http.Header {
		h := counted(100, 0, "55")
		h.Set("Age", "30")
		return h
	}), loads: two},
	{name: "two limits under one name, of which one has nothing left", server: func() behaviour {
		random := rand.New(rand.NewPCG(7, 2))
		return stating(func(time.Duration) http.Header {
			if random.IntN(10) == 0 {
				return counted(60, 0, "55")
			}
			return counted(5000, 4992, "2615")
		})()
	}, loads: []load{{perSecond: 5, to: 2 * time.Minute, patience: 10 * time.Second}}},
	{name: "60 a minute are stated, 600 are served", server: func() behaviour {
		var minute time.Duration
		used := 0
		return stating(func(at time.Duration) http.Header {
			if m := at.Truncate(time.Minute); m != minute {
				minute, used = m, 0
			}
			used++
			return counted(60, max(60-used, 0), fmt.Sprint(math.Ceil((minute + time.Minute - at).Seconds())))
		})()
	}, loads: []load{{perSecond: 10, to: 3 * time.Minute, patience: 30 * time.Second}}},
}

// two is two calls a second for two minutes.
var two = []load{{perSecond: 2, to: 2 * time.Minute, patience: 10 * time.Second}}

// own is limits that the user sets, which the others have not.
var own = []situation{
	{
		name:   "10,000 calls at once to a server of 200 a second; we have `RequestsPerSecond: 200`",
		server: twoHundredServed,
		loads:  []load{{n: 10_000, patience: 2 * time.Minute}},
		set:    func() *steadyhttp.Throttler { return &steadyhttp.Throttler{RequestsPerSecond: 200} },
	},
	{
		name:   "the same beside another host",
		server: twoHundredServed,
		loads: []load{
			{n: 10_000, patience: 2 * time.Minute, aside: true},
			{url: partsURL + "orders", perSecond: 10, to: time.Minute, patience: 10 * time.Second},
		},
		set: func() *steadyhttp.Throttler { return &steadyhttp.Throttler{RequestsPerSecond: 200} },
	},
	{
		name:   "bodies are never closed, but contexts end; we have `MaxConcurrent: 4`",
		server: failing(never, reply{}),
		loads:  []load{{perSecond: 5, to: time.Minute, patience: 5 * time.Second, unclosed: true}},
		set:    func() *steadyhttp.Throttler { return &steadyhttp.Throttler{MaxConcurrent: 4} },
	},
}

// A which says of what requests a server makes an exception.
type which func(req *http.Request, body []byte) bool

func pathHas(part string) which {
	return func(req *http.Request, _ []byte) bool { return strings.Contains(req.URL.Path, part) }
}

func bodyHas(part string) which {
	return func(_ *http.Request, body []byte) bool { return bytes.Contains(body, []byte(part)) }
}

func keyIs(key string) which {
	return func(req *http.Request, _ []byte) bool { return req.Header.Get("Authorization") == "Bearer "+key }
}

func never(*http.Request, []byte) bool { return false }

// failing is a server that gives r to some requests, and answers all others.
func failing(meant which, r reply) func() behaviour {
	return func() behaviour {
		return func(_ time.Duration, req *http.Request, body []byte) reply {
			if meant(req, body) {
				return r
			}
			return reply{body: chatJSON}
		}
	}
}

// asking is a failure that asks for a pause.
func asking(status int, retryAfter string) reply {
	return reply{status: status, header: http.Header{"Retry-After": {retryAfter}}}
}

// outage is a server that gives r to everybody for so long from the 10th second
// on, and to a share of all from then on.
func outage(down time.Duration, share float64, r reply) func() behaviour {
	const begins = 10 * time.Second
	return func() behaviour {
		random := rand.New(rand.NewPCG(7, 3))
		return func(at time.Duration, _ *http.Request, _ []byte) reply {
			if at >= begins && at < begins+down || at >= begins && random.Float64() < share {
				return r
			}
			return reply{body: chatJSON}
		}
	}
}

// slowly is a server whose answers, but not its failures, take so long.
func slowly(takes time.Duration, server func() behaviour) func() behaviour {
	return func() behaviour {
		behave := server()
		return func(at time.Duration, req *http.Request, body []byte) reply {
			r := behave(at, req, body)
			if r.err == nil {
				r.takes = takes
			}
			return r
		}
	}
}

// atRandom is a server that gives r to a share of all, whatever their rate.
func atRandom(share float64, r reply) func() behaviour {
	return func() behaviour {
		random := rand.New(rand.NewPCG(7, 4))
		return func(time.Duration, *http.Request, []byte) reply {
			if random.Float64() < share {
				return r
			}
			return reply{body: chatJSON}
		}
	}
}

// closedAtFirst is a server that gives r to everybody for a second from the first
// request on.
func closedAtFirst(r reply) func() behaviour {
	return func() behaviour {
		return func(at time.Duration, _ *http.Request, _ []byte) reply {
			if at < way+time.Second {
				return r
			}
			return reply{body: chatJSON}
		}
	}
}

// oddRefusal is a server that states a limit by the day and refuses one request,
// after ten seconds, for a reason of its own.
func oddRefusal() behaviour {
	const daily = 10_000
	used, odd := 0, false
	return func(at time.Duration, _ *http.Request, _ []byte) reply {
		used++
		back := time.Duration(used) * 24 * time.Hour / daily
		header := http.Header{
			"X-Ratelimit-Limit-Requests":     {fmt.Sprint(daily)},
			"X-Ratelimit-Remaining-Requests": {fmt.Sprint(daily - used)},
			"X-Ratelimit-Reset-Requests":     {back.String()},
		}
		if !odd && at > 10*time.Second {
			odd = true
			return reply{status: 429, header: header, body: openAIError("requests", "rate_limit_exceeded", "Too many requests")}
		}
		return reply{header: header, body: chatJSON}
	}
}

// tighter is a server that states a bucket of 6,000 a minute with every answer,
// and serves ten requests in any second.
func tighter() behaviour {
	const stated, served = 6000.0, 10
	var latest []time.Duration // that were served
	level, last := stated, time.Duration(0)
	return func(at time.Duration, _ *http.Request, _ []byte) reply {
		level = min(stated, level+stated*(at-last).Minutes()) - 1
		last = at
		full := time.Duration((stated - level) / stated * float64(time.Minute))
		header := http.Header{
			"X-Ratelimit-Limit-Requests":     {fmt.Sprint(stated)},
			"X-Ratelimit-Remaining-Requests": {fmt.Sprint(int(level))},
			"X-Ratelimit-Reset-Requests":     {full.String()},
		}
		for len(latest) > 0 && at-latest[0] >= time.Second {
			latest = latest[1:]
		}
		if len(latest) >= served {
			return reply{status: 429, header: header}
		}
		latest = append(latest, at)
		return reply{header: header, body: chatJSON}
	}
}

// stating is a server that answers all, with headers.
func stating(header func(at time.Duration) http.Header) func() behaviour {
	return func() behaviour {
		return func(at time.Duration, _ *http.Request, _ []byte) reply {
			return reply{header: header(at), body: chatJSON}
		}
	}
}

func always(h http.Header) func(time.Duration) http.Header {
	return func(time.Duration) http.Header { return h }
}

// counted is the headers of a limit.
func counted(limit, left int, reset string) http.Header {
	return http.Header{
		"X-Ratelimit-Limit":     {fmt.Sprint(limit)},
		"X-Ratelimit-Remaining": {fmt.Sprint(left)},
		"X-Ratelimit-Reset":     {reset},
	}
}

// twoHundredServed is a server that serves 200 a second of what is sent to
// itemsURL, without a word about it, and all else.
func twoHundredServed() behaviour {
	l := &limit{unit: "requests", perSecond: 200, silent: true}
	return func(_ time.Duration, req *http.Request, body []byte) reply {
		if !strings.HasPrefix(itemsURL, "https://"+req.URL.Host) {
			return reply{body: chatJSON}
		}
		return l.serve(req, body)
	}
}
