package wait

import "time"

// A Unit is what a limit counts.
type Unit string

// The units. Other is one that nobody said: a bare x-ratelimit-limit means
// requests here and tokens there, and is never guessed.
const (
	Requests     Unit = "requests"
	Tokens       Unit = "tokens" // input and output together
	InputTokens  Unit = "input_tokens"
	OutputTokens Unit = "output_tokens"
	Concurrency  Unit = "concurrency"
	Other        Unit = ""
)

// Headers are rate-limit headers whose names begin alike. What follows the prefix
// is read word by word with the vocabulary, in any order: OpenAI's
// X-Ratelimit-Limit-Requests is Linear's X-Ratelimit-Requests-Limit.
type Headers struct {
	Prefix string        // canonical, without the dash that follows; it ends at a dash or with the name
	Unit   Unit          // what the limits count whose names do not say it
	Window time.Duration // of limits whose names say a unit and no window
	Name   string        // of all the limits
	Value  Value         // what a value is whose header's name does not say it

	Refills    bool // the limits are buckets that refill all the time
	Structured bool // the prefix alone, or followed by Policy, is a structured field that lists limits

	source string // Prefix in lower case; NewReader sets it
}

// Value is what the value of a header says if no word of its name tells.
type Value uint8

// The values of such headers.
const (
	Unnamed      Value = iota // nothing: the header is not read
	LimitAlone                // the limit
	UsedAndLimit              // both, as in 32/40
	Reason                    // the name of the limit that refused the request
)

var roleOf = [...]role{Unnamed: none, LimitAlone: limit, UsedAndLimit: pair, Reason: reason}

const day = 24 * time.Hour

// general are the headers that many servers send. Those of one provider are
// handed to NewReader.
var general = []Headers{
	// OpenAI, Azure, Groq, Mistral, Cerebras, GitHub, Discord, Reddit, SendGrid, Linear, Jira and most others.
	{Prefix: "X-Ratelimit"},
	// X: https://docs.x.com/x-api/fundamentals/rate-limits; Okta, Zendesk, BigCommerce, Trello.
	{Prefix: "X-Rate-Limit", Value: LimitAlone},
	// draft-ietf-httpapi-ratelimit-headers up to 06; GitLab, Docker Hub, Twitch. From 07 on the structured fields.
	{Prefix: "Ratelimit", Structured: true},
	{Prefix: "Rate-Limit"},
}

// A role is what a header's value tells of its limit.
type role uint8

const (
	none role = iota
	limit
	remaining
	used
	resetAt    // to the second or minute; only where there is no reset
	reset      // whatever resetAfter makes of it
	resetDelta // time left, the best
	window
	name
	global  // Discord: the limit is of all routes
	status  // Anthropic: rejected
	pair    // used/limit
	reason  // Stripe
	useless // tells nothing of a limit
)

// A word is a part of a header's name.
type word struct {
	role   role
	unit   Unit
	window time.Duration
	scale  time.Duration // of a bare number; 0 is seconds
	names  bool          // part of the limit's name, though its words mean something else by themselves
}

// vocabulary has the words and phrases of header names. A word that is not in
// it names the limit: X-Ratelimit-Limit-Project-Tokens.
var vocabulary = map[string]word{
	"Limit": {role: limit}, "Max": {role: limit}, "Quota": {role: limit}, "Total": {role: limit},
	"Concurrentlimit": {role: limit, unit: Concurrency},

	"Remaining": {role: remaining}, "Left": {role: remaining}, "Available": {role: remaining},
	"Concurrentremaining": {role: remaining, unit: Concurrency},
	"Used":                {role: used}, "Observed": {role: used}, "Consumed": {role: used},

	"Reset": {role: reset}, "Resets": {role: reset}, "Reset-Seconds": {role: reset}, "Reset-After-Seconds": {role: resetDelta}, "Timeremaining": {role: resetDelta},
	"Reset-After": {role: resetDelta}, "Reset-In": {role: resetDelta}, "Time-Reset": {role: reset},
	"Reset-Ms": {role: reset, scale: time.Millisecond}, "Time-Reset-Ms": {role: reset, scale: time.Millisecond},
	"Reset-After-Ms": {role: resetDelta, scale: time.Millisecond}, "Reset-In-Ms": {role: resetDelta, scale: time.Millisecond},
	"Resettime": {role: resetAt}, "Reset-Time": {role: resetAt}, "Reset-At": {role: resetAt}, "Reset-Date": {role: resetAt},
	"Reset-Timestamp": {role: resetAt},

	"Window": {role: window}, "Period": {role: window}, "Interval": {role: window}, "Renewalperiod": {role: window},
	"Window-Seconds": {role: window}, "Interval-Seconds": {role: window},
	"Window-Ms": {role: window, scale: time.Millisecond}, "Time-Window-Ms": {role: window, scale: time.Millisecond},
	"Interval-Ms": {role: window, scale: time.Millisecond}, "Interval-Milliseconds": {role: window, scale: time.Millisecond},

	"Resource": {role: name}, "Bucket": {role: name}, "Name": {role: name}, "Type": {role: name},
	"Global": {role: global}, "Status": {role: status},

	"Requests": {unit: Requests}, "Request": {unit: Requests}, "Req": {unit: Requests}, "Calls": {unit: Requests},
	"Tokens": {unit: Tokens}, "Token": {unit: Tokens},
	"Input-Tokens": {unit: InputTokens}, "Tokens-Input": {unit: InputTokens}, "Prompt-Tokens": {unit: InputTokens},
	"Tokens-Prompt": {unit: InputTokens}, "Output-Tokens": {unit: OutputTokens}, "Tokens-Output": {unit: OutputTokens},
	"Completion-Tokens": {unit: OutputTokens}, "Tokens-Generated": {unit: OutputTokens},
	"Concurrent": {unit: Concurrency}, "Concurrency": {unit: Concurrency}, "Concurrent-Requests": {unit: Concurrency},
	"Requests-Concurrent": {unit: Concurrency},

	"Second": {window: time.Second}, "Secondly": {window: time.Second}, "1s": {window: time.Second}, "10s": {window: 10 * time.Second},
	"Minute": {window: time.Minute}, "Min": {window: time.Minute}, "1m": {window: time.Minute},
	"Hour": {window: time.Hour}, "Hourly": {window: time.Hour}, "1h": {window: time.Hour}, "5h": {window: 5 * time.Hour},
	"Day": {window: day}, "Daily": {window: day}, "1d": {window: day}, "24h": {window: day}, "24hour": {window: day},
	"Week": {window: 7 * day}, "Weekly": {window: 7 * day}, "7d": {window: 7 * day},
	"Month": {window: 30 * day}, "Monthly": {window: 30 * day},

	// Trello's limits per key and per token of its users are of requests.
	"Api-Token": {names: true}, "Api-Key": {names: true},

	"Cost": {role: useless}, "Query-Cost": {role: useless}, "Scope": {role: useless}, "Reason": {role: useless}, "Nearlimit": {role: useless},
	"Over-Limit": {role: useless}, "Fillrate": {role: useless}, "Key": {role: useless}, "Utilization": {role: useless}, "Policy": {role: useless},
	"Retry-After": {role: useless}, "Retryafter": {role: useless}, "Retry": {role: useless},
	// Anthropic's word on what a subscriber may buy in addition is no limit of its own.
	"Overage": {role: useless}, "Fallback": {role: useless},
}

// maxPhrase is the number of words in the vocabulary's longest phrase.
const maxPhrase = 3
