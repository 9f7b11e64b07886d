package dialect

import (
	"net/http"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// Limits reads the rate-limit headers of an answer that arrived at now. provider
// is the name of a family, "" if it is not known.
func Limits(provider string, h http.Header, now time.Time) []wait.Limit {
	t := tables()
	return t.reader.Limits(t.limits[provider], h, now)
}

// MentionsLimits reports whether there may be a limit to read in h.
func MentionsLimits(h http.Header) bool { return tables().reader.Mentions(h) }

// Wait returns how long an answer of provider asks to wait, and its limits.
func Wait(provider string, a wait.Ask) (wait.Figure, []wait.Limit) {
	t := tables()
	a.Known = t.limits[provider]
	return t.reader.Read(a)
}
