package bench

import (
	"net/http"
	"testing"
	"time"
)

var traps = []scenario{
	trap("An account without credit",
		"One call to a server that answers 429 with OpenAI's `insufficient_quota`: no wait cures that.", 0,
		reply{status: http.StatusTooManyRequests, body: openAIError("insufficient_quota", "insufficient_quota", "You exceeded your current quota.")},
		Column{Name: "the 429 reaches the caller", Unit: YesOrNo, Better: Higher, Goal: goal(1), Short: true},
		Column{Name: "requests", Unit: Count, Better: Lower, Goal: goal(1), Short: true},
		Column{Name: "the call takes", Unit: Span, Better: Lower}),
	trap("An absurd Retry-After",
		"One call without a deadline to a server that answers 429 with `Retry-After: 99999999`.", 0,
		refusal("99999999"),
		Column{Name: "the 429 reaches the caller", Unit: YesOrNo, Better: Higher, Goal: goal(1), Short: true},
		Column{Name: "requests", Unit: Count, Better: Lower, Goal: goal(1)},
		Column{Name: "the call takes", Unit: Span, Better: Lower, Short: true}),
	trap("A Retry-After that overflows",
		"The same with `Retry-After: 9223372036854775807`: as nanoseconds, that is −1 s to a careless program.", 0,
		refusal("9223372036854775807"),
		Column{Name: "the 429 reaches the caller", Unit: YesOrNo, Better: Higher, Goal: goal(1), Short: true},
		Column{Name: "requests", Unit: Count, Better: Lower},
		Column{Name: "the call takes", Unit: Span}),
	trap("A deadline before the Retry-After",
		"One call with 2 s left, to a server that answers 429 with `Retry-After: 30`: the wait cannot succeed.", 2*time.Second,
		refusal("30"),
		Column{Name: "the 429 reaches the caller", Unit: YesOrNo, Better: Higher, Goal: goal(1), Short: true},
		Column{Name: "requests", Unit: Count, Better: Lower},
		Column{Name: "the call takes", Unit: Span, Better: Lower, Goal: goal(float64(100 * time.Millisecond)), Short: true}),
}

// trap has one call meet the same reply again and again.
func trap(title, about string, patience time.Duration, r reply, columns ...Column) scenario {
	return scenario{
		table:      Table{Title: title, About: about, Columns: columns},
		contenders: everybody(),
		ask: func(t *testing.T, c Contender, s sizes) []float64 {
			w := &wire{way: serviceTime / 2, serve: func(*http.Request, []byte) reply { return r }}
			got := send(t.Context(), c.Wrap(w), "POST", chatURL, chatBody, patience)
			reached := 0.0
			if got.status == r.status {
				reached = 1
			}
			return []float64{reached, float64(w.requests()), float64(got.took)}
		},
	}
}

func refusal(retryAfter string) reply {
	return reply{status: http.StatusTooManyRequests, header: http.Header{"Retry-After": {retryAfter}},
		body: openAIError("requests", "rate_limit_exceeded", "Rate limit reached.")}
}
