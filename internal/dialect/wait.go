package dialect

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

type waitField struct {
	at   path
	name string
	unit time.Duration
}

// waits are fields that state a wait.
var waits = []waitField{
	{pathOf("retryafterms"), "retry_after_ms", time.Millisecond},
	{pathOf("error.retryafterms"), "retry_after_ms", time.Millisecond},
	{pathOf("retryafter"), "retry_after", time.Second},
	{pathOf("error.retryafter"), "retry_after", time.Second},
	{pathOf("parameters.retryafter"), "parameters.retry_after", time.Second},
	{pathOf("details.retryafterseconds"), "details.retryAfterSeconds", time.Second},
	{pathOf("retryafterseconds"), "retry_after_seconds", time.Second},
	{pathOf("error.retryafterseconds"), "retry_after_seconds", time.Second},
	{pathOf("error.metadata.retryafterseconds"), "metadata.retry_after_seconds", time.Second},
	{pathOf("error.metadata.retryafter"), "metadata.retry_after", time.Second},
	{pathOf("error.details.retryafter"), "details.retry_after", time.Second},
	{pathOf("error.details.retryafterseconds"), "details.retryAfterSeconds", time.Second},
	{pathOf("error.resetsinseconds"), "resets_in_seconds", time.Second},
	{pathOf("resetsinseconds"), "resets_in_seconds", time.Second},
	{pathOf("estimatedtime"), "estimated_time", time.Second},
	{pathOf("json.ratelimit"), "json.ratelimit", time.Second},
	{pathOf("errors.0.extensions.retryafter"), "extensions.retryAfter", time.Second},
	{pathOf("extensions.retryafter"), "extensions.retryAfter", time.Second},
	{pathOf("data.retryafter"), "data.retry_after", time.Second},
	{pathOf("detail.retryafter"), "detail.retry_after", time.Second},
	{pathOf("meta.retryafter"), "meta.retry_after", time.Second},
	{pathOf("error.data.retryafter"), "data.retry_after", time.Second},
	{pathOf("error.data.rate.backoffseconds"), "data.rate.backoff_seconds", time.Second},
}

// otherWaits are what such fields are called by others, and their units: at the top, in
// an error or in what stands beside one.
var (
	otherWaits   = map[uint64]waitField{}
	otherParents = paths("error", "data", "details", "detail", "meta", "error.data", "error.details", "error.metadata", "extensions", "errors.0.extensions", "errors.0.meta", "extras", "ratelimit")
)

func init() {
	for unit, names := range map[time.Duration][]string{
		time.Second: {
			"retry_after", "retry_after_seconds", "retry_after_secs", "retry_in", "retry_in_seconds", "backoff_seconds", "wait_seconds", "wait_time_seconds", "seconds_to_wait",
			"seconds_until_reset", "cooldown_seconds", "reset_in_seconds", "resets_in_seconds", "reset_after_seconds", "next_attempt_in_seconds", "retry_delay_seconds", "seconds_until_retry",
			"retry_after_s", "retry_after_sec", "reset_seconds", "seconds_to_reset", "reset_in", "resets_in", "cooldown_remaining_seconds", "retry_seconds", "wait_secs", "retry_in_s", "retry_in_sec", "retry_in_secs", "wait_sec", "wait_for_seconds", "try_again_in_seconds", "try_again_in",
			"try_again_after_seconds", "retry_wait_seconds", "cooldown_secs", "cool_down_seconds", "available_in_seconds",
		},
		time.Millisecond: {"retry_after_ms", "retry_after_millis", "retry_in_ms", "wait_ms", "backoff_ms", "retry_in_millis", "retry_delay_ms", "cooldown_ms", "reset_in_ms", "resets_in_ms", "try_again_in_ms"},
	} {
		for _, name := range names {
			otherWaits[fold(name)] = waitField{name: name, unit: unit}
		}
	}
}

// statedWait is the wait that a member states, and the member's name.
func (r *reader) statedWait() (time.Duration, string) {
	t := &r.tree
	for i := range waits {
		if at := t.at(waits[i].at); at != 0 {
			if d, ok := r.waitAt(at, &waits[i]); ok {
				return d, waits[i].name
			}
		}
	}
	if d, name := r.otherWait(1); name != "" {
		return d, name
	}
	for _, p := range otherParents {
		if at := t.at(p); t.is(at, '{') {
			if d, name := r.otherWait(at); name != "" {
				return d, name
			}
		}
	}
	return 0, ""
}

// otherWait is the wait that a member of at states under one of those names.
func (r *reader) otherWait(at int32) (time.Duration, string) {
	for c := r.tree.nodes[at].down; c != 0; c = r.tree.nodes[c].next {
		f, ok := otherWaits[r.tree.nodes[c].key]
		if !ok {
			continue
		}
		if d, ok := r.waitAt(c, &f); ok {
			return d, f.name
		}
	}
	return 0, ""
}

// waitAt reads a number in a field's unit, or a text with its own.
func (r *reader) waitAt(at int32, f *waitField) (time.Duration, bool) {
	if n, ok := r.tree.number(at); ok {
		if unitless[f.name] && r.inMilliseconds(n) {
			return bounded(n, time.Millisecond)
		}
		return bounded(n, f.unit)
	}
	if s := r.tree.text(at); s != "" && len(s) < 32 {
		return span(s)
	}
	return 0, false
}

// unitless are names that are of seconds with most and of milliseconds with some.
var unitless = map[string]bool{
	"retry_after": true, "details.retry_after": true, "data.retry_after": true, "detail.retry_after": true, "meta.retry_after": true, "extensions.retryAfter": true,
	"retry_in": true, "reset_in": true, "resets_in": true,
}

// inMilliseconds reports whether a figure under such a name is one of milliseconds. The
// evidence: its provider is known for that, as seconds it would be longer than the window
// of any limit, or the words beside it say a thousandth of it. The scope is this answer.
func (r *reader) inMilliseconds(n float64) bool {
	for _, f := range r.know {
		if f.waitsInMs {
			return true
		}
	}
	if longest := (month + day).Seconds(); n > longest {
		return n/1000 <= longest
	}
	ms, _ := bounded(n, time.Millisecond)
	if ms < minByWords {
		return false
	}
	for _, s := range append([]string{r.message}, r.more[:r.nMore]...) {
		if said, ok := wait.Text(s); ok && said >= ms-ms/10 && said <= ms+ms/10 {
			return true
		}
	}
	return false
}

// minByWords is how long a wait is at least that words confirm: of shorter ones they
// are too rough.
const minByWords = 500 * time.Millisecond

// span reads 1m30s, and PT1M30S of ISO 8601.
func span(s string) (time.Duration, bool) {
	if iso, ok := strings.CutPrefix(s, "PT"); ok {
		s = strings.ToLower(iso)
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		d, err = inWords(s) // 2 hours
	}
	return d, err == nil && d >= 0 && d <= longest
}

// inWords reads a number and a unit in words.
func inWords(s string) (time.Duration, error) {
	number, unit, _ := strings.Cut(strings.ToLower(s), " ")
	n, err := strconv.ParseFloat(number, 64)
	if err != nil {
		return 0, err
	}
	for _, u := range [...]struct {
		name string
		is   time.Duration
	}{{"second", time.Second}, {"sec", time.Second}, {"minute", time.Minute}, {"min", time.Minute}, {"hour", time.Hour}, {"day", day}} {
		if unit == u.name || unit == u.name+"s" {
			if d, ok := bounded(n, u.is); ok {
				return d, nil
			}
		}
	}
	return 0, strconv.ErrSyntax
}

// Fields that state when a limit is lifted, as seconds or milliseconds since
// 1970: which of the two, their size tells.
var resets = []struct {
	at   path
	name string
}{
	{pathOf("error.metadata.headers.xratelimitreset"), "metadata.headers.X-RateLimit-Reset"},
	{pathOf("error.resetsat"), "resets_at"},
	{pathOf("error.limit.reset"), "limit.reset"},
	{pathOf("resetsat"), "resets_at"},
}

var (
	delayPaths = paths("error.details.0.retrydelay", "error.details.1.retrydelay", "error.details.2.retrydelay", "error.details.3.retrydelay",
		"0.error.details.0.retrydelay", "0.error.details.1.retrydelay", "0.error.details.2.retrydelay",
		"details.0.retrydelay", "details.1.retrydelay", "details.2.retrydelay")
	costRequested = pathOf("extensions.cost.requestedquerycost")
	costAvailable = pathOf("extensions.cost.throttlestatus.currentlyavailable")
	costRestore   = pathOf("extensions.cost.throttlestatus.restorerate")
)

// longest is the longest wait that is believed, as the wait resolver has it.
const longest = 366 * 24 * time.Hour

func bounded(n float64, unit time.Duration) (time.Duration, bool) {
	d := n * float64(unit)
	if !(d >= 0 && d <= float64(longest)) { // false of NaN
		return 0, false
	}
	return time.Duration(d), true
}

func (r *reader) retryIn(a Answer) (time.Duration, string) {
	t := &r.tree
	if r.page != "" {
		// A page says it in its text, and not in its heading.
		if d, ok := wait.Text(r.page); ok {
			return d, "message"
		}
	}
	if t.n == 0 {
		return 0, ""
	}
	for _, p := range delayPaths {
		at := t.at(p)
		if at == 0 {
			continue
		}
		if s := t.text(at); s != "" && len(s) < 32 {
			if d, ok := span(s); ok {
				return d, "google.rpc.RetryInfo"
			}
		}
		if n, ok := t.number(t.child(at, step{key: fold("seconds")})); ok {
			if d, ok := bounded(n, time.Second); ok {
				return d, "google.rpc.RetryInfo"
			}
		}
	}
	if d, name := r.statedWait(); name != "" {
		return d, name
	}
	for i := range resets {
		if n, ok := t.number(t.at(resets[i].at)); ok {
			if d, ok := until(n, a); ok {
				return d, resets[i].name
			}
		}
	}
	// Shopify's GraphQL has a bucket of points that fills steadily.
	if restore, ok := t.number(t.at(costRestore)); ok && restore > 0 {
		asked, ok := t.number(t.at(costRequested))
		left, also := t.number(t.at(costAvailable))
		if ok && also {
			if d, ok := bounded(max(0, asked-left)/restore, time.Second); ok {
				return d, "extensions.cost.throttleStatus"
			}
		}
	}
	return 0, ""
}

// until is how long it is from the answer to a point in time. A past one is now.
func until(epoch float64, a Answer) (time.Duration, bool) {
	now := a.Now
	if date, err := http.ParseTime(a.Header.Get("Date")); err == nil {
		now = date
	}
	const milliseconds = 1e11 // in seconds that is the year 5138, in milliseconds 1973
	if epoch >= milliseconds {
		epoch /= 1000
	}
	if now.IsZero() || !(epoch > 1e9 && epoch < milliseconds) {
		return 0, false
	}
	return bounded(max(0, epoch-float64(now.UnixMilli())/1000), time.Second)
}
