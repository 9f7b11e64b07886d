package steadyhttp_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// Twenty callers want what is down or refused, and one what works. His success says nothing
// of theirs: the server is asked for it no more often than if he were not there.
func TestStrangersOpenNothingForOthers(t *testing.T) {
	for _, where := range []string{"the path", "the body of a write"} {
		for _, bad := range []reply{{status: 503}, {status: 503, header: "Retry-After: 20"}, {status: 429}, {status: 429, header: "Retry-After: 2"}} {
			t.Run(fmt.Sprintf("named in %s, %d %s", where, bad.status, bad.header), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					var asked atomic.Int32
					server := answersOne(bad)
					base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
						resp, err := server.RoundTrip(req)
						if err == nil && resp.StatusCode != 200 {
							asked.Add(1)
						}
						return resp, err
					})
					client := &http.Client{Transport: &steadyhttp.Transport{Base: base}}
					ctx, stop := context.WithTimeout(t.Context(), time.Minute)
					defer stop()
					call := func(customer string, pause time.Duration) {
						for ; ctx.Err() == nil; time.Sleep(pause) {
							if resp, err := client.Do(naming(t, where, customer).WithContext(ctx)); err == nil {
								resp.Body.Close()
							}
						}
					}
					var all sync.WaitGroup
					for range 20 {
						all.Go(func() { call("17", 500*time.Millisecond) })
					}
					all.Go(func() { call("18", 500*time.Millisecond) })
					all.Wait()
					if got := asked.Load(); got > 150 { // 2,400 over the bare base
						t.Errorf("the server was asked %d times in a minute for what fails", got)
					}
				})
			})
		}
	}
}

// After a pause that a server asked everybody for, the calls that waited leave at a pace,
// also where each has a URL of its own and so is unlike those that failed.
func TestManyURLsLeaveAtAPace(t *testing.T) {
	for _, bad := range []reply{{status: 503, header: "Retry-After: 5"}, {status: 429, header: "Retry-After: 5"}, {status: 503}} {
		for _, url := range []string{"https://shop.example/items/%d", "https://shop.example/items?words=%s"} {
			t.Run(fmt.Sprintf("%d %s %s", bad.status, bad.header, url), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					var seconds [40]atomic.Int32
					base := replying(func(*http.Request) reply {
						at := time.Since(began)
						seconds[min(int(at/time.Second), len(seconds)-1)].Add(1)
						time.Sleep(20 * time.Millisecond)
						if at > 5*time.Second && at < 10*time.Second {
							return bad
						}
						return reply{status: 200}
					})
					client := &http.Client{Transport: &steadyhttp.Transport{Base: base}}
					var calls sync.WaitGroup
					for n := range 200 * 15 {
						calls.Go(func() {
							var which any = n
							if strings.Contains(url, "%s") {
								which = strings.Map(func(r rune) rune { return r - '0' + 'a' }, fmt.Sprint(n))
							}
							resp, err := client.Do(request(t, "GET", fmt.Sprintf(url, which), ""))
							if err != nil {
								t.Error(err)
								return
							}
							resp.Body.Close()
						})
						time.Sleep(5 * time.Millisecond)
					}
					calls.Wait()
					for second := 10; second < 12; second++ {
						if got := seconds[second].Load(); got > 400 { // of 200 a second, and a thousand who waited
							t.Errorf("%d requests went out in second %d", got, second)
						}
					}
				})
			})
		}
	}
}
