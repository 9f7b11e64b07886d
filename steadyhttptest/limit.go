package steadyhttptest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limit is a rate limit as OpenAI enforces it: a bucket of requests and one of tokens, both full at the start and
// refilled evenly all the time. A request needs room in both; one that is refused takes from neither. Every answer,
// refused or not, tells of the buckets that there are: x-ratelimit-limit-requests, -remaining-requests and
// -reset-requests, the last being the time until the bucket is full again, and the same for tokens.
//
// A refusal is a 429 with code rate_limit_exceeded and type requests or tokens, whichever makes the client wait longer,
// with Retry-After in whole seconds, retry-after-ms, and the wait in its text. A client that waits so long is let in,
// if no other comes before it. A request for more than Tokens can never be let in: it gets a 429 that says so, and no
// retry header.
//
// The zero value limits nothing.
type Limit struct {
	// Requests and Tokens may come per Window; 0 or less is no limit.
	Requests, Tokens int

	// Window is the time in which an empty bucket refills; 0 is a minute. With a short one a test need not wait long.
	Window time.Duration

	// Burst is how many requests the full bucket holds and so how many may come at once; 0 is Requests. The bucket of
	// tokens is made smaller in the same proportion, Tokens times Burst/Requests rounded up, though never larger than
	// Tokens. A request that costs more than this bucket holds, but no more than Tokens, is let in when the bucket is
	// full and leaves it in debt. Without Requests, Burst means nothing.
	Burst int

	// Silent keeps the limit to itself: no answer has a rate-limit header, and a refusal has no retry header and names
	// no time.
	Silent bool

	// Cost says how many tokens a request takes; less than 0 is 0. It gets the body as [Request.Body] has it, which it
	// must not change, and is called by many goroutines at once. Nil is one token for every four bytes of the body,
	// rounded up, and what a JSON body has as max_tokens, max_completion_tokens or max_output_tokens, whichever is the
	// largest.
	Cost func(r *http.Request, body []byte) int
}

// Limit sets a rate limit on path, with full buckets, in place of one that was there. It is enforced before the script
// is played: a refused request uses up no [Reply]. The path "*" stands for all paths that have no limit of their own,
// and they share its buckets; a zero Limit on a path exempts it from that.
func (s *Server) Limit(path string, l Limit) {
	lim := newLimiter(l)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits[path] = lim
}

// Limited says how many requests the limits have let through and how many they have refused so far. Requests on paths
// without a limit are in neither.
func (s *Server) Limited() (answered, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answered, s.refused
}

// refuse asks the limit for x, if there is one, and returns its refusal.
func (s *Server) refuse(x *exchange) (reply Reply, refused bool) {
	s.mu.Lock()
	lim := s.limits[x.record.Path]
	if lim == nil {
		lim = s.limits[anyPath]
	}
	s.mu.Unlock()
	if lim == nil || lim.requests == nil && lim.tokens == nil {
		return Reply{}, false
	}

	reply, refused = lim.refuse(x)
	s.mu.Lock()
	defer s.mu.Unlock()
	if refused {
		s.refused++
	} else {
		s.answered++
	}
	return reply, refused
}

// refuse decides about x, sets the headers that tell of the limit, and returns the refusal, if it is one.
func (l *limiter) refuse(x *exchange) (reply Reply, refused bool) {
	cost := 0
	if l.tokens != nil { // a limit on requests alone lets an Early reply be early
		x.readBody()
		cost = l.cost(x.r, x.record.Body)
	}
	v := l.ask(cost)
	maps.Copy(x.Header(), v.header)
	if !v.refused {
		return Reply{}, false
	}
	x.readBody()
	subject := readParams(x.record.Body).Model
	if subject == "" {
		subject = x.record.Path
	}
	return v.reply(subject), true
}

// params is what a limit wants to know of a request's body. Numbers are floats because any number may come.
type params struct {
	Model               string  `json:"model"`
	MaxTokens           float64 `json:"max_tokens"`
	MaxCompletionTokens float64 `json:"max_completion_tokens"`
	MaxOutputTokens     float64 `json:"max_output_tokens"`
}

func readParams(body []byte) params {
	var p params
	_ = json.Unmarshal(body, &p) // what does not fit stays zero
	return p
}

// tokens is the usual estimate of four bytes a token, rounded up.
func tokens(bytes int) int { return (bytes + 3) / 4 }

// limiter enforces a Limit.
type limiter struct {
	Limit

	mu       sync.Mutex // makes asking both buckets and taking from them one step
	requests *bucket    // nil if they are not limited
	tokens   *bucket
}

// bucket is one of a limiter's two. The level is a rate.Limiter's, which refills it and can go below zero.
type bucket struct {
	unit        string // in header names and as the error's type
	limit, size int
	level       *rate.Limiter
}

func newLimiter(l Limit) *limiter {
	if l.Window <= 0 {
		l.Window = time.Minute
	}
	atOnce, tokensAtOnce := l.Requests, l.Tokens
	if l.Burst > 0 && l.Requests > 0 {
		atOnce = l.Burst
		tokensAtOnce = min(l.Tokens, int(math.Ceil(float64(l.Tokens)*float64(l.Burst)/float64(l.Requests))))
	}
	return &limiter{
		Limit:    l,
		requests: newBucket("requests", l.Requests, atOnce, l.Window),
		tokens:   newBucket("tokens", l.Tokens, tokensAtOnce, l.Window),
	}
}

func newBucket(unit string, limit, size int, window time.Duration) *bucket {
	if limit <= 0 {
		return nil
	}
	perSecond := rate.Limit(float64(limit) / window.Seconds())
	return &bucket{unit: unit, limit: limit, size: size, level: rate.NewLimiter(perSecond, size)}
}

// until returns how long it takes from now until the bucket holds n. What a float's error adds is less than the
// nanosecond that is cut off here.
func (b *bucket) until(now time.Time, n int) time.Duration {
	missing := float64(n) - b.level.TokensAt(now)
	return max(0, time.Duration(missing/float64(b.level.Limit())*float64(time.Second)))
}

// take takes n, more than the bucket holds if need be. That needs several helpings, for a rate.Limiter gives at most
// its burst at a time; there are no more of them than Limit.Requests/Burst.
func (b *bucket) take(now time.Time, n int) {
	for n > 0 {
		k := min(n, b.size)
		b.level.ReserveN(now, k)
		n -= k
	}
}

// left returns the whole units in the bucket. The small addition keeps a float's error from costing one.
func (b *bucket) left(now time.Time) int {
	return int(math.Floor(b.level.TokensAt(now) + 1e-6))
}

// verdict is what a limiter decided about one request.
type verdict struct {
	header  http.Header // tells of the buckets, whatever the decision
	refused bool

	// Of a refusal only:
	limit    Limit
	short    *bucket       // the bucket that lacks something
	used     int           // of short's limit
	asked    int           // of short
	wait     time.Duration // until it would be let in, in whole milliseconds
	tooLarge bool          // it never will
}

// cost returns the tokens of a request.
func (l *limiter) cost(r *http.Request, body []byte) int {
	if l.Cost != nil {
		return max(0, l.Cost(r, body))
	}
	p := readParams(body)
	most := max(p.MaxTokens, p.MaxCompletionTokens, p.MaxOutputTokens, 0)
	return tokens(len(body)) + int(min(most, 1<<30)) // no model has so many: the sum cannot overflow, nor where an int has 32 bits
}

// ask decides now.
func (l *limiter) ask(cost int) verdict {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.decide(time.Now(), cost)
}

// decide decides about a request that comes at now and costs so many tokens. It requires l.mu held, and times that do
// not run backwards.
func (l *limiter) decide(now time.Time, cost int) verdict {
	v := verdict{header: make(http.Header), limit: l.Limit}
	asks := []struct {
		b *bucket
		n int
	}{{l.requests, 1}, {l.tokens, cost}}
	for _, ask := range asks {
		if ask.b != nil {
			v.weigh(ask.b, now, ask.n)
		}
	}
	for _, ask := range asks {
		if ask.b == nil {
			continue
		}
		if !v.refused {
			ask.b.take(now, ask.n)
		}
		if !l.Silent {
			v.header.Set("X-Ratelimit-Limit-"+ask.b.unit, strconv.Itoa(ask.b.limit))
			v.header.Set("X-Ratelimit-Remaining-"+ask.b.unit, strconv.Itoa(max(0, ask.b.left(now))))
			v.header.Set("X-Ratelimit-Reset-"+ask.b.unit, ceil(ask.b.until(now, ask.b.size)).String())
		}
	}
	return v
}

// weigh refuses if b lacks n, unless a refusal with a longer wait is there already.
func (v *verdict) weigh(b *bucket, now time.Time, n int) {
	wait := ceil(b.until(now, min(n, b.size)))
	tooLarge := n > b.limit
	if tooLarge || wait > v.wait {
		v.refused, v.short, v.asked, v.used = true, b, n, b.limit-b.left(now)
		v.wait, v.tooLarge = wait, tooLarge
	}
}

// reply returns the refusal of a request for subject, a model or else a path.
func (v verdict) reply(subject string) Reply {
	const visit = "Visit https://platform.openai.com/account/rate-limits to learn more."
	about := fmt.Sprintf("%s in organization org-steadyhttptest on %s %s", subject, v.short.unit, per(v.short.unit, v.limit.Window))
	var message string
	switch {
	case v.tooLarge:
		message = fmt.Sprintf("Request too large for %s: Limit %d, Requested %d. The request must be made smaller. %s",
			about, v.short.limit, v.asked, visit)
	case v.limit.Silent:
		message = "Rate limit reached. Please slow down."
	default:
		message = fmt.Sprintf("Rate limit reached for %s: Limit %d, Used %d, Requested %d. Please try again in %s. %s",
			about, v.short.limit, v.used, v.asked, v.wait, visit)
	}
	p := OpenAIError(http.StatusTooManyRequests, v.short.unit, "rate_limit_exceeded", message)
	if !v.tooLarge && !v.limit.Silent {
		p.Header.Set("Retry-After", strconv.FormatInt(int64((v.wait+time.Second-1)/time.Second), 10))
		p.Header.Set("Retry-After-Ms", strconv.FormatInt(v.wait.Milliseconds(), 10))
	}
	return p
}

// per names a limit's window in OpenAI's way, such as "per min (TPM)".
func per(unit string, window time.Duration) string {
	name, ok := map[time.Duration]string{
		time.Second:    "sec",
		time.Minute:    "min",
		time.Hour:      "hour",
		24 * time.Hour: "day",
	}[window]
	if !ok {
		return "per " + window.String()
	}
	short := "RP"
	if unit == "tokens" {
		short = "TP"
	}
	return fmt.Sprintf("per %s (%s%c)", name, short, name[0]-'a'+'A')
}

// ceil rounds up to whole milliseconds, the finest that OpenAI's headers have: whoever waits that long has waited enough.
func ceil(d time.Duration) time.Duration {
	return (d + time.Millisecond - 1).Truncate(time.Millisecond)
}
