package bench

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/time/rate"
)

// A limit is a server's rate limit in the manner of OpenAI: a bucket of requests
// or one of tokens that is full at the start and refills evenly. It tells of itself in x-ratelimit headers with every answer, and a
// refusal says when to come back, to the millisecond and in whole seconds,
// unless it is silent.
type limit struct {
	unit      string // requests or tokens
	perSecond int
	burst     int // what the full bucket holds; 0 is a second's worth
	silent    bool

	bucket         *rate.Limiter
	spent, refused int // units that were granted, requests that were not
}

func (l *limit) serve(req *http.Request, body []byte) reply {
	now := time.Now()
	if l.bucket == nil {
		l.burst = cmp.Or(l.burst, l.perSecond)
		l.bucket = rate.NewLimiter(rate.Limit(l.perSecond), l.burst)
	}
	cost := 1
	answer := chatJSON
	if l.unit == "tokens" {
		input, output := tokens(body)
		cost = input + output
		answer = fmt.Sprintf(`{"choices":[],"usage":{"prompt_tokens":%d,"completion_tokens":%d}}`, input, output)
	}
	r := l.bucket.ReserveN(now, cost)
	wait := r.DelayFrom(now)
	if wait > 0 {
		r.CancelAt(now)
	}
	left := l.bucket.TokensAt(now)
	header := http.Header{}
	if !l.silent {
		header.Set("X-Ratelimit-Limit-"+l.unit, strconv.Itoa(l.perSecond))
		header.Set("X-Ratelimit-Remaining-"+l.unit, strconv.Itoa(max(0, int(left))))
		header.Set("X-Ratelimit-Reset-"+l.unit,
			ceil(time.Duration((float64(l.burst)-left)/float64(l.perSecond)*float64(time.Second)), time.Millisecond).String())
	}
	if wait <= 0 {
		l.spent += cost
		return reply{header: header, body: answer}
	}
	l.refused++
	message := "Rate limit reached. Please slow down."
	if !l.silent {
		header.Set("Retry-After", strconv.Itoa(int(ceil(wait, time.Second)/time.Second)))
		header.Set("Retry-After-Ms", strconv.Itoa(int(ceil(wait, time.Millisecond)/time.Millisecond)))
		message = fmt.Sprintf("Rate limit reached. Please try again in %s.", ceil(wait, time.Millisecond))
	}
	return reply{status: http.StatusTooManyRequests, header: header, body: openAIError(l.unit, "rate_limit_exceeded", message)}
}

// tokens is what a request is charged: one for every four bytes, and all that
// it lets the model answer, which the model then does.
func tokens(body []byte) (input, output int) {
	var params struct {
		MaxTokens int `json:"max_tokens"`
	}
	_ = json.Unmarshal(body, &params) // what does not fit stays zero
	return (len(body) + 3) / 4, params.MaxTokens
}

func openAIError(typ, code, message string) string {
	return fmt.Sprintf(`{"error":{"message":%q,"type":%q,"param":null,"code":%q}}`, message, typ, code)
}

// ceil rounds up to a multiple of unit: whoever waits that long has waited enough.
func ceil(d, unit time.Duration) time.Duration { return (d + unit - 1).Truncate(unit) }
