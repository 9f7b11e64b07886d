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

// A family is the headers that begin alike. What follows the prefix is read by
// the vocabulary, in any order, since every provider has its own: OpenAI's
// X-Ratelimit-Limit-Requests is Linear's X-Ratelimit-Requests-Limit.
type family struct {
	prefix string // canonical, without the dash that follows
	source string
	unit   Unit          // where the name says none
	window time.Duration // of a limit whose unit the name says and whose window it does not
	scope  string        // the name of all its limits
	alone  role          // of a name that says no role
	lists  bool          // the structured fields

	refills bool // its limits are buckets that are refilled all the time
}

const day = 24 * time.Hour

// families lists whom we know. A prefix counts only up to a dash or the end.
var families = []family{
	// OpenAI, Azure, Groq, Mistral, Cerebras, GitHub, Discord, Reddit, SendGrid, Linear, Jira and most others.
	{prefix: "X-Ratelimit", source: "x-ratelimit"},
	// X: https://docs.x.com/x-api/fundamentals/rate-limits; Okta, Zendesk, BigCommerce, Trello.
	{prefix: "X-Rate-Limit", source: "x-rate-limit", alone: limit},
	{prefix: "X-App-Limit", source: "x-app-limit", unit: Requests, scope: "app"},
	{prefix: "X-User-Limit", source: "x-user-limit", unit: Requests, scope: "user"},
	// draft-ietf-httpapi-ratelimit-headers up to 06; GitLab, Docker Hub, Twitch. The same prefix, with nothing or with
	// policy behind it, is the structured fields of 07 and later.
	{prefix: "Ratelimit", source: "ratelimit", lists: true},
	{prefix: "Rate-Limit", source: "rate-limit"},
	{prefix: "Beta-Ratelimit", source: "beta-ratelimit", lists: true}, // Jira's trial of the draft
	// https://docs.claude.com/en/api/rate-limits: per minute, but for the unified windows of subscriptions.
	{prefix: "Anthropic-Ratelimit", source: "anthropic-ratelimit", window: time.Minute, refills: true},
	{prefix: "Anthropic-Priority", source: "anthropic-priority", window: time.Minute, scope: "priority", refills: true},
	// Mistral counts the size in tokens.
	{prefix: "X-Ratelimitbysize", source: "x-ratelimitbysize", unit: Tokens},
	{prefix: "Ratelimitbysize", source: "ratelimitbysize", unit: Tokens},
	{prefix: "X-Tokenlimit", source: "x-tokenlimit", unit: Tokens}, // Together
	// https://developers.hubspot.com/docs/developer-tooling/platform/usage-guidelines: -daily is a limit.
	{prefix: "X-Hubspot-Ratelimit", source: "x-hubspot-ratelimit", unit: Requests, alone: limit},
	{prefix: "X-Contentful-Ratelimit", source: "x-contentful-ratelimit", unit: Requests},
	{prefix: "X-Sentry-Rate-Limit", source: "x-sentry-rate-limit", unit: Requests},
	{prefix: "X-Ms-Ratelimit", source: "x-ms-ratelimit", unit: Requests}, // Azure Resource Manager
	// https://shopify.dev/docs/api/admin-rest/usage/rate-limits: used/limit.
	{prefix: "X-Shopify-Shop-Api-Call-Limit", source: "x-shopify-shop-api-call-limit", unit: Requests, alone: pair},
	// https://docs.stripe.com/rate-limits: which limit refused, and nothing more.
	{prefix: "Stripe-Rate-Limited-Reason", source: "stripe-rate-limited-reason", alone: reason},
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
	global // Discord
	status // Anthropic: rejected
	pair   // used/limit
	reason // Stripe
	noise  // tells nothing of a limit
)

// A word is a part of a header's name.
type word struct {
	role   role
	unit   Unit
	window time.Duration
	scale  time.Duration // of a bare number; 0 is seconds
	scope  bool          // part of the limit's name, though its parts mean something else by themselves
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
	"Api-Token": {scope: true}, "Api-Key": {scope: true},

	"Cost": {role: noise}, "Query-Cost": {role: noise}, "Scope": {role: noise}, "Reason": {role: noise}, "Nearlimit": {role: noise},
	"Over-Limit": {role: noise}, "Fillrate": {role: noise}, "Key": {role: noise}, "Utilization": {role: noise}, "Policy": {role: noise},
	"Retry-After": {role: noise}, "Retryafter": {role: noise}, "Retry": {role: noise},
	// Anthropic's word on what a subscriber may buy in addition is no limit of its own.
	"Overage": {role: noise}, "Fallback": {role: noise},
}

// maxPhrase is the number of words in the vocabulary's longest phrase.
const maxPhrase = 3

// A house is what a provider's documentation adds to its header names.
type house struct {
	unit             Unit // of a bare limit
	requests, tokens time.Duration
}

// houses lists the providers by the names that the dialect gives them.
var houses = map[string]house{
	"openai":       {tokens: time.Minute}, // requests are per minute or per day; the refill tells
	"azure-openai": {tokens: time.Minute},
	"azure":        {tokens: time.Minute},
	"groq":         {requests: day, tokens: time.Minute}, // https://console.groq.com/docs/rate-limits
	"github":       {unit: Requests},
	"gitlab":       {unit: Requests},
	"discord":      {unit: Requests},
	"docker":       {unit: Requests},
	"dockerhub":    {unit: Requests},
	"docker-hub":   {unit: Requests},
	"jira":         {unit: Requests},
	"x":            {unit: Requests},
	"openrouter":   {unit: Requests},
	"reddit":       {unit: Requests},
	"sendgrid":     {unit: Requests},
	"zendesk":      {unit: Requests},
	"linear":       {unit: Requests},
}

// familiarNames are the headers of OpenAI, Anthropic, GitHub and their kin. A
// name that is missing here is only slower.
var familiarNames = []string{
	"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "X-Ratelimit-Used", "X-Ratelimit-Resource",
	"X-Ratelimit-Limit-Requests", "X-Ratelimit-Remaining-Requests", "X-Ratelimit-Reset-Requests",
	"X-Ratelimit-Limit-Tokens", "X-Ratelimit-Remaining-Tokens", "X-Ratelimit-Reset-Tokens",
	"X-Ratelimit-Limit-Project-Tokens", "X-Ratelimit-Remaining-Project-Tokens", "X-Ratelimit-Reset-Project-Tokens",
	"Anthropic-Ratelimit-Requests-Limit", "Anthropic-Ratelimit-Requests-Remaining", "Anthropic-Ratelimit-Requests-Reset",
	"Anthropic-Ratelimit-Tokens-Limit", "Anthropic-Ratelimit-Tokens-Remaining", "Anthropic-Ratelimit-Tokens-Reset",
	"Anthropic-Ratelimit-Input-Tokens-Limit", "Anthropic-Ratelimit-Input-Tokens-Remaining", "Anthropic-Ratelimit-Input-Tokens-Reset",
	"Anthropic-Ratelimit-Output-Tokens-Limit", "Anthropic-Ratelimit-Output-Tokens-Remaining", "Anthropic-Ratelimit-Output-Tokens-Reset",
}
