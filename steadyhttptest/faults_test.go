package steadyhttptest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaultsThatAreOffKeepTheContract(t *testing.T) {
	TestRoundTripper(t, func(base http.RoundTripper) http.RoundTripper { return &Faults{Base: base} })
}

// roundTrips counts requests, and answers each with a hundred bytes.
type roundTrips struct {
	requests atomic.Int64
	open     atomic.Int64
	status   int
	length   int64 // 0 is that of the body
}

type openBody struct {
	io.Reader
	open *atomic.Int64
	once sync.Once
}

func (b *openBody) Close() error {
	b.once.Do(func() { b.open.Add(-1) })
	return nil
}

func (t *roundTrips) RoundTrip(req *http.Request) (*http.Response, error) {
	t.requests.Add(1)
	t.open.Add(1)
	closeRequest(req)
	resp := &http.Response{StatusCode: 200, Header: http.Header{}, Request: req, ContentLength: 100}
	if t.status != 0 {
		resp.StatusCode = t.status
	}
	if t.length != 0 {
		resp.ContentLength = t.length
	}
	resp.Body = &openBody{Reader: strings.NewReader(strings.Repeat("x", 100)), open: &t.open}
	return resp, nil
}

func TestFaultsOfEachKind(t *testing.T) {
	for _, row := range []struct {
		name   string
		faults *Faults
		base   *roundTrips   // nil is the zero one
		sent   int64         // requests that reach the base
		err    error         // of RoundTrip
		status int           // else
		read   error         // of the body
		took   time.Duration // of the deadline of a minute
	}{
		{name: "none", faults: &Faults{}, sent: 1, status: 200},
		{name: "refused", faults: &Faults{RefuseRate: 1}, err: syscall.ECONNREFUSED},
		{name: "reset", faults: &Faults{ResetRate: 1}, sent: 1, err: syscall.ECONNRESET},
		{name: "silent", faults: &Faults{SilenceRate: 1}, sent: 1, err: context.DeadlineExceeded, took: time.Minute},
		{name: "answered", faults: &Faults{ReplyRate: 1}, status: 503},
		{name: "answered with a reply", faults: &Faults{ReplyRate: 1, Replies: []Reply{OpenAIError(429, "", "", "slow")}}, status: 429},
		{name: "answered after a delay", faults: &Faults{ReplyRate: 1, Replies: []Reply{{Delay: time.Second}}}, status: 200, took: time.Second},
		{name: "dropped", faults: &Faults{ReplyRate: 1, Replies: []Reply{{Drop: true}}}, err: syscall.ECONNRESET},
		{name: "dropped within the body", faults: &Faults{ReplyRate: 1, Replies: []Reply{{Drop: true, Body: "start"}}}, status: 200, read: io.ErrUnexpectedEOF},
		{name: "cut", faults: &Faults{CutRate: 1}, sent: 1, status: 200, read: io.ErrUnexpectedEOF},
		{name: "cut, with an unknown length", faults: &Faults{CutRate: 1}, base: &roundTrips{length: -1}, sent: 1, status: 200, read: io.ErrUnexpectedEOF},
		{name: "cut, after an upgrade", faults: &Faults{CutRate: 1}, base: &roundTrips{status: 101}, sent: 1, status: 101},
		{name: "stalled", faults: &Faults{StallRate: 1}, sent: 1, status: 200, read: context.DeadlineExceeded, took: time.Minute},
		{name: "slow", faults: &Faults{SlowRate: 1, Delay: 10 * time.Hour}, err: context.DeadlineExceeded, took: time.Minute},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				body := &openBody{Reader: strings.NewReader("order"), open: new(atomic.Int64)}
				req, err := http.NewRequestWithContext(ctx, "POST", "https://api.example/", body)
				if err != nil {
					t.Fatal(err)
				}
				base := row.base
				if base == nil {
					base = new(roundTrips)
				}
				row.faults.Base = base
				start := time.Now()
				resp, err := row.faults.RoundTrip(req)
				if !errors.Is(err, row.err) || (resp == nil) == (err == nil) {
					t.Fatalf("got %v, %v; want the error %v", resp, err, row.err)
				}
				if resp != nil {
					b, err := io.ReadAll(resp.Body)
					if !errors.Is(err, row.read) || resp.StatusCode != row.status {
						t.Errorf("got %d and then %v, want %d and then %v", resp.StatusCode, err, row.status, row.read)
					}
					if row.sent > 0 && row.read != nil && row.base == nil && len(b) >= 100 {
						t.Errorf("got %d bytes, want less than there are", len(b))
					}
					resp.Body.Close()
				}
				if took := time.Since(start); took != row.took {
					t.Errorf("took %s, want %s", took, row.took)
				}
				if base.requests.Load() != row.sent || base.open.Load() != 0 {
					t.Errorf("the base saw %d requests, and %d bodies are open; want %d and none", base.requests.Load(), base.open.Load(), row.sent)
				}
				if row.sent == 0 && body.open.Load() != -1 {
					t.Error("the request's body was not closed")
				}
				if requests, faults := row.faults.Count(); requests != 1 || faults > 1 {
					t.Errorf("Count: got %d, %d", requests, faults)
				}
			})
		})
	}
}

func TestFaultsCloseEndsAStall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		faults := &Faults{Base: new(roundTrips), StallRate: 1}
		req, _ := http.NewRequestWithContext(t.Context(), "GET", "https://api.example/", nil)
		resp, err := faults.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(time.Second, func() { resp.Body.Close() })
		if _, err := io.ReadAll(resp.Body); err == nil {
			t.Error("got no error from a body that was closed while it was read")
		}
	})
}

// sequence is what becomes of the first n requests.
func sequence(faults *Faults, n int) []string {
	var all []string
	for range n {
		req, _ := http.NewRequest("GET", "https://api.example/", nil)
		resp, err := faults.RoundTrip(req)
		if err != nil {
			all = append(all, err.Error())
			continue
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		all = append(all, fmt.Sprint(resp.StatusCode, len(b), err))
	}
	return all
}

func TestFaultsFollowTheirSeed(t *testing.T) {
	with := func(seed uint64) []string {
		return sequence(&Faults{Base: new(roundTrips), Seed: seed, RefuseRate: 0.1, ResetRate: 0.1, ReplyRate: 0.1, CutRate: 0.1}, 200)
	}
	first := with(1)
	if !slices.Equal(first, with(1)) {
		t.Error("the same seed made other faults")
	}
	if slices.Equal(first, with(2)) {
		t.Error("another seed made the same faults")
	}
}

func TestFaultsKeepTheirRates(t *testing.T) {
	faults := &Faults{Base: new(roundTrips), Seed: 7, RefuseRate: 0.05, CutRate: 0.2}
	counts := map[string]int{}
	for _, what := range sequence(faults, 10_000) {
		switch {
		case strings.Contains(what, "refused"):
			counts["refused"]++
		case strings.Contains(what, "EOF"):
			counts["cut"]++
		}
	}
	if n := counts["refused"]; n < 400 || n > 600 {
		t.Errorf("got %d refused of 10,000, want 500 or so", n)
	}
	if n := counts["cut"]; n < 1800 || n > 2200 {
		t.Errorf("got %d cut of 10,000, want 2,000 or so", n)
	}
	if _, hit := faults.Count(); hit != counts["refused"]+counts["cut"] {
		t.Errorf("Count: got %d faults, want %d", hit, counts["refused"]+counts["cut"])
	}
}

func TestFaultsThatMakeNoSense(t *testing.T) {
	for name, faults := range map[string]*Faults{
		"a negative rate":        {CutRate: -0.1},
		"a rate above 1":         {SlowRate: 1.1},
		"rates that exceed 1":    {CutRate: 0.6, StallRate: 0.6},
		"a rate that is no rate": {ResetRate: float64(nan())},
	} {
		req, _ := http.NewRequest("GET", "https://api.example/", nil)
		if resp, err := faults.RoundTrip(req); err == nil || resp != nil {
			t.Errorf("%s: got %v and no error", name, resp)
		}
	}
}

func nan() float64 {
	var zero float64
	return zero / zero
}

func TestRefusalIsTraced(t *testing.T) {
	var seen []string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GetConn:      func(address string) { seen = append(seen, address) },
		ConnectStart: func(_, address string) { seen = append(seen, "start "+address) },
		ConnectDone:  func(_, address string, err error) { seen = append(seen, fmt.Sprint("done ", err != nil)) },
	})
	req, _ := http.NewRequestWithContext(ctx, "GET", "https://api.example/", nil)
	(&Faults{RefuseRate: 1}).RoundTrip(req)
	if want := []string{"api.example:443", "start api.example:443", "done true"}; !slices.Equal(seen, want) {
		t.Errorf("got %q, want %q", seen, want)
	}
}
