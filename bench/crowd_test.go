package bench

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

var crowds = []scenario{{
	table: Table{
		Title: "Fifty callers told to come back in a second",
		About: "50 callers arrive, one every 20 ms, while the server answers 429 with `Retry-After: 1` for one second. An answer takes 30 ms " +
			"here, so that the second has gone before the first knows.",
		Columns: []Column{
			{Name: "calls answered", Unit: Share, Better: Higher, Goal: goal(1)},
			{Name: "requests refused", Unit: Count, Better: Lower, Goal: goal(8), Short: true},
			{Name: "requests a call", Unit: Ratio, Better: Lower},
			{Name: "all done after", Unit: Span, Better: Lower, Short: true},
		},
	},
	contenders: everybody(retrierAlone),
	ask: func(t *testing.T, c Contender, s sizes) []float64 {
		const callers = 50
		var opens time.Time
		refused := 0
		w := &wire{way: 15 * time.Millisecond, serve: func(*http.Request, []byte) reply {
			if opens.IsZero() {
				opens = time.Now().Add(time.Second)
			}
			if time.Now().Before(opens) {
				refused++
				return refusal("1")
			}
			return reply{body: chatJSON}
		}}
		do := c.Wrap(w)
		var mu sync.Mutex
		good := 0
		var wg sync.WaitGroup
		start := time.Now()
		for range callers {
			wg.Go(func() {
				ok := send(t.Context(), do, "POST", chatURL, chatBody, callPatience).good()
				mu.Lock()
				defer mu.Unlock()
				if ok {
					good++
				}
			})
			time.Sleep(time.Second / callers)
		}
		wg.Wait()
		return []float64{
			float64(good) / callers,
			float64(refused),
			float64(w.requests()) / callers,
			float64(time.Since(start)),
		}
	},
}}

// mostNested is one, and as much more as the jitter of the waits makes: one call
// of ours has time for ten to thirteen attempts.
const mostNested = 1.3

// nested is about the retries of a client further out that says nothing of
// them. Those of GitLab and Vault are go-retryablehttp with 5 and 2 of them.
var nested = []scenario{{
	table: Table{
		Title: "Under a client that retries by itself",
		About: "One call of a client that carries go-retryablehttp, with the 5 retries of GitLab's client and with the 2 of Vault's, over each " +
			"contender, to a server that answers 503 for good: how many requests arrive, how many for each that would arrive over the bare base, " +
			"and how many for each of what the contender sends for a call of its own and the client's retries together: more than one means that the attempts of the two multiply. " +
			"Ours are patient by time: an outage is waited for for 30 s, with the number of requests that this takes.",
		Columns: []Column{
			{Name: "requests, GitLab's", Unit: Count, Better: Lower},
			{Name: "GitLab's, over bare", Unit: Ratio, Better: Lower},
			{Name: "GitLab's, over the sum", Unit: Ratio, Better: Lower, Goal: goal(mostNested), Short: true},
			{Name: "requests, Vault's", Unit: Count, Better: Lower},
			{Name: "Vault's, over bare", Unit: Ratio, Better: Lower},
			{Name: "Vault's, over the sum", Unit: Ratio, Better: Lower, Goal: goal(mostNested), Short: true},
		},
	},
	contenders: everybody(),
	ask: func(t *testing.T, c Contender, s sizes) []float64 {
		down := func() *wire {
			return &wire{way: serviceTime / 2, serve: func(*http.Request, []byte) reply {
				return reply{status: http.StatusServiceUnavailable}
			}}
		}
		alone := down()
		send(t.Context(), c.Wrap(alone), "GET", itemsURL, "", jobsPatience)
		var figures []float64
		for _, retries := range []int{5, 2} {
			w := down()
			client := retryablehttp.NewClient()
			client.HTTPClient = &http.Client{Transport: roundTripper(c.Wrap(w))}
			client.RetryMax = retries
			client.Logger = nil
			send(t.Context(), client.StandardClient().Transport.RoundTrip, "GET", itemsURL, "", jobsPatience)
			n := float64(w.requests())
			figures = append(figures, n, n/float64(1+retries), n/float64(alone.requests()+retries))
		}
		return figures
	},
}}

// roundTripper makes a Doer a base.
type roundTripper Doer

func (r roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return r(req) }
