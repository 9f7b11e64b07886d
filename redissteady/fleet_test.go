package redissteady_test

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/redissteady"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

const (
	processes = 4
	workers   = 16 // in each

	path = "/v1/chat/completions"

	// memberVariable holds a member's settings and makes the test binary be one.
	memberVariable = "REDISSTEADY_TEST_MEMBER"
)

// A member is one process of a fleet.
type member struct {
	Redis     string // its address; "" keeps limits in memory
	API       string
	Jobs      int
	PerSecond float64 // what it was told of the limit; 0 is nothing
	PerMinute float64 // likewise of tokens
	Tokens    bool    // jobs have many sizes
	Batch     int     // if set, so many workers call in a batch for as long as Open, and persons between them
	Open      time.Duration
}

// A tally is what a member did.
type tally struct {
	Answered, Failed int
	Error            string          // the first
	Persons          []time.Duration // how long each person's call took
}

func TestMain(m *testing.M) {
	logging.Disable() // the client's complaints about a server that a test has killed
	settings := os.Getenv(memberVariable)
	if settings == "" {
		os.Exit(m.Run())
	}
	var me member
	if err := json.Unmarshal([]byte(settings), &me); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	me.run(os.Stdin, os.Stdout)
}

// run says that it is ready, waits for a line, does its jobs, and says what
// became of them.
func (m member) run(in io.Reader, out io.Writer) {
	throttler := &steadyhttp.Throttler{RequestsPerSecond: m.PerSecond, TokensPerMinute: m.PerMinute}
	if m.Batch > 0 {
		throttler.Burst = 1 // what a person waits for, once a batch begins, is what a burst took
	}
	if m.Redis != "" {
		client := redis.NewClient(&redis.Options{Addr: m.Redis})
		limiter := &redissteady.Limiter{Client: client}
		defer client.Close()
		defer limiter.Close()
		throttler.Limiter, throttler.Salt = limiter, "test-salt"
	}
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.MaxIdleConnsPerHost = max(workers, m.Batch)
	client := &http.Client{Transport: &steadyhttp.Transport{Base: base, Throttler: throttler}}
	fmt.Fprintln(out, "ready")
	bufio.NewReader(in).ReadString('\n')
	if m.Batch > 0 {
		json.NewEncoder(out).Encode(m.shared(client))
		return
	}

	var next, answered, failed atomic.Int64
	var first atomic.Value
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)); i <= m.Jobs; i = int(next.Add(1)) {
				if err := post(context.Background(), client, m.API+path, m.body(i)); err != nil {
					failed.Add(1)
					first.CompareAndSwap(nil, err.Error())
				} else {
					answered.Add(1)
				}
			}
		})
	}
	wg.Wait()
	t := tally{Answered: int(answered.Load()), Failed: int(failed.Load())}
	t.Error, _ = first.Load().(string)
	json.NewEncoder(out).Encode(t)
}

// shared has a batch and a person call side by side. Its first second, in which the
// batch begins, does not count.
func (m member) shared(client *http.Client) (t tally) {
	ctx, cancel := context.WithCancel(context.Background()) // a deadline would have calls refused on arrival
	defer time.AfterFunc(m.Open, cancel).Stop()
	settled := time.Now().Add(time.Second)
	var mu sync.Mutex
	note := func(err error, person time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case ctx.Err() != nil, time.Now().Before(settled):
		case err != nil:
			t.Failed, t.Error = t.Failed+1, cmp.Or(t.Error, err.Error())
		case person > 0:
			t.Persons = append(t.Persons, person)
		default:
			t.Answered++
		}
	}
	var wg sync.WaitGroup
	for range m.Batch {
		wg.Go(func() {
			for ctx.Err() == nil {
				note(post(steadyhttp.WithPriority(ctx, steadyhttp.Batch), client, m.API+path, m.body(1)), 0)
			}
		})
	}
	for next := time.NewTicker(520 * time.Millisecond); ; { // of four processes one each 130 ms
		select {
		case <-ctx.Done():
			wg.Wait()
			return t
		case <-next.C:
			wg.Go(func() {
				began := time.Now()
				err := post(ctx, client, m.API+path, m.body(1))
				note(err, time.Since(began))
			})
		}
	}
}

// size is how many tokens job i takes, of 10 to 2,000.
func size(i int) int { return 10 + (i*7919)%1991 }

func (m member) body(i int) string {
	if !m.Tokens {
		return `{"model":"gpt-4o","messages":[{"role":"user","content":"hello"}]}`
	}
	const body = `{"model":"gpt-4o","max_tokens":%d}`
	rest := (len(fmt.Sprintf(body, size(i))) + 3) / 4
	return fmt.Sprintf(body, max(1, size(i)-rest))
}

func post(ctx context.Context, client *http.Client, url, body string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer test-key")
	resp, err := client.Do(req)
	if resp != nil {
		defer resp.Body.Close()
	}
	if err := steadyhttp.Check(resp, err); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return err
}

// A fleet is four processes of 16 workers and the API that they call.
type fleet struct {
	limit   steadyhttptest.Limit
	service time.Duration
	member  member // as all are, but for the addresses

	during func(api *steadyhttptest.Server) // if set, runs while they do
}

// A result is what became of a fleet's jobs.
type result struct {
	took              time.Duration
	answered, failed  int
	admitted, refused int // requests, by the API's count
	err               string
	persons           []time.Duration
}

func (r result) refusedShare() float64 { return float64(r.refused) / float64(r.admitted+r.refused) }

func (r result) String() string {
	return fmt.Sprintf("%d answered and %d failed in %s; the API let %d through and refused %d, %.2f%%",
		r.answered, r.failed, r.took.Round(time.Millisecond), r.admitted, r.refused, 100*r.refusedShare())
}

// run starts the processes, and counts from when all are ready until the last
// has done its jobs.
func (f fleet) run(t testing.TB) result {
	t.Helper()
	api := steadyhttptest.NewServer()
	defer api.Close()
	reply := steadyhttptest.ChatCompletion("a word or two")
	if f.member.Tokens {
		reply = usage()
	}
	reply.Delay = f.service
	api.Script(path, reply)
	api.Limit("*", f.limit)
	f.member.API = api.URL

	settings, err := json.Marshal(f.member)
	if err != nil {
		t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var crew [processes]struct {
		cmd *exec.Cmd
		in  io.WriteCloser
		out *bufio.Reader
	}
	for i := range crew {
		c := &crew[i]
		c.cmd = exec.CommandContext(ctx, exe)
		c.cmd.Env = append(os.Environ(), memberVariable+"="+string(settings))
		c.cmd.Stderr = os.Stderr
		if c.in, err = c.cmd.StdinPipe(); err != nil {
			t.Fatal(err)
		}
		out, err := c.cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		c.out = bufio.NewReader(out)
		if err := c.cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer c.cmd.Wait()
		defer cancel()
	}
	for i := range crew {
		if line, err := crew[i].out.ReadString('\n'); err != nil {
			t.Fatalf("process %d said %q: %v", i, line, err)
		}
	}
	start := time.Now()
	for i := range crew {
		fmt.Fprintln(crew[i].in, "go")
	}
	if f.during != nil {
		f.during(api)
	}
	var r result
	for i := range crew {
		var one tally
		if err := json.NewDecoder(crew[i].out).Decode(&one); err != nil {
			t.Fatalf("process %d: %v", i, err)
		}
		r.answered, r.failed, r.err = r.answered+one.Answered, r.failed+one.Failed, cmp.Or(r.err, one.Error)
		r.persons = append(r.persons, one.Persons...)
	}
	r.took = time.Since(start)
	r.admitted, r.refused = api.Limited()
	return r
}

// usage answers that what was reserved was used.
func usage() steadyhttptest.Reply {
	return steadyhttptest.Reply{Handler: func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		var most struct {
			MaxTokens int `json:"max_tokens"`
		}
		json.Unmarshal(data, &most)
		fmt.Fprintf(w, `{"choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d}}`, (len(data)+3)/4, most.MaxTokens)
	}}
}

// A row is a limit and what the fleet is told of it.
type row struct {
	name   string
	limit  steadyhttptest.Limit
	member member
	ideal  time.Duration
}

const (
	perSecond = 50
	service   = 20 * time.Millisecond
	tokens    = 10_000 // a second
)

// rows are for that many jobs in all.
func rows(jobs int) []row {
	total, some := 0, 3*jobs/10/processes // a job takes a thousand tokens
	for i := range some {
		total += size(i+1) * processes
	}
	requests := steadyhttptest.Limit{Requests: perSecond, Window: time.Second}
	ideal := time.Duration(jobs-perSecond)*time.Second/perSecond + service
	each := jobs / processes
	return []row{
		// No second may hold more than the limit, so that a burst counts.
		{"told", requests, member{Jobs: each, PerSecond: perSecond}, time.Duration(jobs)*time.Second/perSecond + service},
		{"learned", requests, member{Jobs: each}, ideal},
		{"tokens told", steadyhttptest.Limit{Tokens: tokens, Window: time.Second}, member{Jobs: some, Tokens: true, PerMinute: 60 * tokens},
			time.Duration(float64(total-tokens)/tokens*float64(time.Second)) + service},
		{"found", steadyhttptest.Limit{Requests: perSecond, Window: time.Second, Silent: true}, member{Jobs: each}, ideal},
	}
}

// Four processes of 16 workers share one limit. Under the race detector they
// are slow, and only what is far off counts.
func TestFleet(t *testing.T) {
	makespan, refused := 1.08, 0.02 // the first crowd of four processes counts for more in 300 jobs than in the 1,000 of the benchmark
	if raceEnabled {
		makespan, refused = 1.25, 0.04
	}
	for _, row := range rows(300)[:2] {
		t.Run(row.name, func(t *testing.T) {
			row.member.Redis = startRedis(t).addr
			r := fleet{limit: row.limit, service: service, member: row.member}.run(t)
			t.Logf("%s; %.3f times the ideal", r, float64(r.took)/float64(row.ideal))
			if r.failed > 0 {
				t.Errorf("got %d failures, such as %s", r.failed, r.err)
			}
			if ratio := float64(r.took) / float64(row.ideal); ratio > makespan {
				t.Errorf("took %.3f times the ideal, want at most %.2f", ratio, makespan)
			}
			if share := r.refusedShare(); share >= refused {
				t.Errorf("got %.2f%% refused, want under %.0f%%", 100*share, 100*refused)
			}
		})
	}
}

// A person's calls hardly notice a batch that other processes run as well.
func TestFleetLetsAPersonPass(t *testing.T) {
	const open = 8 * time.Second
	most := 150 * time.Millisecond
	if raceEnabled {
		most = 400 * time.Millisecond
	}
	for _, batch := range []int{16, 250} { // in each process
		t.Run(fmt.Sprintf("beside %d", processes*batch), func(t *testing.T) {
			for n := 1; ; n++ { // where the machine stands still for a moment, times say nothing
				r := fleet{
					limit:   steadyhttptest.Limit{Requests: perSecond, Window: time.Second},
					service: service,
					member:  member{Redis: startRedis(t).addr, PerSecond: perSecond, Batch: batch, Open: open},
				}.run(t)
				if r.failed > 0 {
					t.Fatalf("got %d failures, such as %s", r.failed, r.err)
				}
				p99 := percentile(r.persons, 99) - service
				left := int(perSecond*(open-time.Second).Seconds()) - len(r.persons)
				t.Logf("%d persons' calls waited at most %v (99%%); the batch had %d answers of the %d left; %.2f%% refused", len(r.persons), p99, r.answered, left, 100*r.refusedShare())
				if p99 <= most && 100*r.answered >= 95*left && r.refusedShare() < 0.02 {
					break
				}
				if n == 3 {
					t.Errorf("got a 99th percentile of %v and %d for the batch, want at most %v and nearly all of the %d that were left", p99, r.answered, most, left)
					break
				}
			}
		})
	}
}

// BenchmarkFleet has it do 1,000 jobs, with the limit in Redis, and beside it
// with each process's own in memory.
//
//	go test -run xxx -bench Fleet -benchtime 1x
func BenchmarkFleet(b *testing.B) {
	for _, row := range rows(1000) {
		for _, where := range []string{"redis", "memory"} {
			b.Run(strings.ReplaceAll(row.name, " ", "-")+"/"+where, func(b *testing.B) {
				for range b.N {
					if where == "redis" {
						row.member.Redis = startRedis(b).addr
					}
					r := fleet{limit: row.limit, service: service, member: row.member}.run(b)
					b.ReportMetric(float64(r.took)/float64(row.ideal), "×ideal")
					b.ReportMetric(100*r.refusedShare(), "%refused")
					b.ReportMetric(float64(r.failed), "failed")
					b.ReportMetric(0, "ns/op")
				}
			})
		}
	}
}
