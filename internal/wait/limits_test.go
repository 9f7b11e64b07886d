package wait_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// now is the arrival of every answer here: Tue, 14 Nov 2023 22:13:20 GMT.
var now = time.Unix(1_700_000_000, 0)

// date is its Date header.
const date = "date: Tue, 14 Nov 2023 22:13:20 GMT\n"

// header reads lines as they are on the wire.
func header(text string) http.Header {
	h := http.Header{}
	for line := range strings.SplitSeq(text, "\n") {
		if k, v, ok := strings.Cut(line, ":"); ok {
			h.Add(strings.TrimSpace(k), strings.TrimSpace(v))
		}
	}
	return h
}

const (
	min1  = time.Minute
	hour1 = time.Hour
	day1  = 24 * time.Hour
)

// providerOf goes the way of an answer: from its host to what is known of it.
func providerOf(host string) string {
	provider, _ := dialect.ScopeOf("GET", host, "/", nil)
	return provider
}

func readLimits(host string, h http.Header) []wait.Limit {
	return dialect.Limits(providerOf(host), h, now)
}

var limits = []struct {
	name   string
	host   string // "" if it may be any
	header string
	want   []wait.Limit // Source is checked if set
}{
	{"openai", "api.openai.com", "x-ratelimit-limit-requests: 500\nx-ratelimit-limit-tokens: 30000\nx-ratelimit-remaining-requests: 499\nx-ratelimit-remaining-tokens: 532\nx-ratelimit-reset-requests: 120ms\nx-ratelimit-reset-tokens: 58.936s",
		[]wait.Limit{{wait.Requests, "", min1, 500, 499, 120 * time.Millisecond, true, "x-ratelimit"}, {wait.Tokens, "", min1, 30000, 532, 58936 * time.Millisecond, true, ""}}},
	{"openai requests per day, told by the refill", "api.openai.com", "x-ratelimit-limit-requests: 10000\nx-ratelimit-remaining-requests: 9999\nx-ratelimit-reset-requests: 8.64s",
		[]wait.Limit{{wait.Requests, "", day1, 10000, 9999, 8640 * time.Millisecond, true, ""}}},
	{"openai project tokens", "api.openai.com", "x-ratelimit-limit-project-tokens: 1000\nx-ratelimit-remaining-project-tokens: 0\nx-ratelimit-reset-project-tokens: 1m0s",
		[]wait.Limit{{wait.Tokens, "project", min1, 1000, 0, min1, true, ""}}},
	{"azure renewal period", "x.openai.azure.com", "x-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: 0\nx-ratelimit-renewalperiod-requests: 10\nx-ratelimit-reset-requests: 7\nx-ratelimit-key: abc",
		[]wait.Limit{{wait.Requests, "", 10 * time.Second, 60, 0, 7 * time.Second, false, ""}}},
	{"groq", "api.groq.com", "x-ratelimit-limit-requests: 14400\nx-ratelimit-limit-tokens: 18000\nx-ratelimit-remaining-requests: 14370\nx-ratelimit-remaining-tokens: 17997\nx-ratelimit-reset-requests: 2m59.56s\nx-ratelimit-reset-tokens: 7.66s",
		[]wait.Limit{{wait.Requests, "", day1, 14400, 14370, 179560 * time.Millisecond, true, ""}, {wait.Tokens, "", min1, 18000, 17997, 7660 * time.Millisecond, true, ""}}},
	{"anthropic", "api.anthropic.com", date + "anthropic-ratelimit-input-tokens-limit: 40000\nanthropic-ratelimit-input-tokens-remaining: 0\nanthropic-ratelimit-input-tokens-reset: 2023-11-14T22:13:37Z\nanthropic-ratelimit-requests-limit: 50\nanthropic-ratelimit-requests-remaining: 49\nanthropic-ratelimit-requests-reset: 2023-11-14T22:13:21Z",
		[]wait.Limit{{wait.InputTokens, "", min1, 40000, 0, 17 * time.Second, true, "anthropic-ratelimit"}, {wait.Requests, "", min1, 50, 49, time.Second, true, ""}}},
	{"anthropic unified", "api.anthropic.com", date + "anthropic-ratelimit-unified-5h-status: rejected\nanthropic-ratelimit-unified-5h-reset: 1700003600\nanthropic-ratelimit-unified-5h-utilization: 1.0\nanthropic-ratelimit-unified-7d-status: allowed\nanthropic-ratelimit-unified-7d-reset: 1700086400",
		[]wait.Limit{{wait.Other, "unified", 5 * hour1, -1, 0, hour1, true, ""}, {wait.Other, "unified", 7 * day1, -1, -1, day1, true, ""}}},
	{"anthropic unified without extra usage", "api.anthropic.com", date + "anthropic-ratelimit-unified-status: allowed\nanthropic-ratelimit-unified-reset: 1700003600\nanthropic-ratelimit-unified-overage-status: rejected\nanthropic-ratelimit-unified-overage-disabled-reason: out_of_credits\nanthropic-ratelimit-unified-fallback-percentage: 0.5\nanthropic-ratelimit-unified-representative-claim: five_hour",
		[]wait.Limit{{wait.Other, "unified", 0, -1, -1, hour1, true, ""}}},
	{"seconds left, in the name", "", "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1700003600\nx-ratelimit-reset-after-seconds: 12\nx-ratelimit-limit: 5",
		[]wait.Limit{{wait.Other, "", 0, 5, 0, 12 * time.Second, false, ""}}},
	{"mistral", "api.mistral.ai", "x-ratelimit-limit-tokens-minute: 500000\nx-ratelimit-remaining-tokens-minute: 499900\nx-ratelimit-remaining-tokens-month: 1000000000\nx-ratelimit-tokens-query-cost: 34",
		[]wait.Limit{{wait.Tokens, "", min1, 500000, 499900, -1, false, ""}, {wait.Tokens, "", 30 * day1, -1, 1000000000, -1, false, ""}}},
	{"mistral by size", "api.mistral.ai", "ratelimitbysize-limit: 500000\nratelimitbysize-remaining: 468000\nratelimitbysize-reset: 24\nratelimitbysize-query-cost: 32000",
		[]wait.Limit{{wait.Tokens, "", 0, 500000, 468000, 24 * time.Second, false, ""}}},
	{"github", "api.github.com", date + "x-ratelimit-limit: 60\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1700000300\nx-ratelimit-used: 60\nx-ratelimit-resource: core",
		[]wait.Limit{{wait.Requests, "core", 0, 60, 0, 5 * min1, false, ""}}},
	{"gitlab", "gitlab.com", date + "ratelimit-limit: 60\nratelimit-name: throttle_web\nratelimit-observed: 61\nratelimit-remaining: 0\nratelimit-reset: 1700000060\nratelimit-resettime: Tue, 14 Nov 2023 22:14:00 GMT",
		[]wait.Limit{{wait.Requests, "throttle_web", 0, 60, 0, min1, false, "ratelimit"}}},
	{"discord", "discord.com", "x-ratelimit-bucket: abcd1234\nx-ratelimit-limit: 5\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1470173023.123\nx-ratelimit-reset-after: 64.57\nx-ratelimit-scope: shared",
		[]wait.Limit{{wait.Requests, "abcd1234", 0, 5, 0, 64570 * time.Millisecond, false, ""}}},
	{"docker hub", "registry-1.docker.io", "ratelimit-limit: 100;w=21600\nratelimit-remaining: 0;w=21600",
		[]wait.Limit{{wait.Requests, "", 6 * hour1, 100, 0, -1, false, ""}}},
	{"jira", "x.atlassian.net", date + "x-ratelimit-limit: 350\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 2023-11-14T22:15Z\nx-ratelimit-nearlimit: true",
		[]wait.Limit{{wait.Requests, "", 0, 350, 0, 100 * time.Second, false, ""}}},
	{"jira data center", "x.atlassian.net", "x-ratelimit-limit: 10\nx-ratelimit-remaining: 9\nx-ratelimit-fillrate: 2\nx-ratelimit-interval-seconds: 5",
		[]wait.Limit{{wait.Requests, "", 5 * time.Second, 10, 9, -1, false, ""}}},
	{"x", "api.x.com", date + "x-rate-limit-limit: 15\nx-rate-limit-remaining: 0\nx-rate-limit-reset: 1700000900",
		[]wait.Limit{{wait.Requests, "", 0, 15, 0, 15 * min1, false, ""}}},
	{"x by app and day", "api.x.com", date + "x-app-limit-24hour-limit: 17\nx-app-limit-24hour-remaining: 0\nx-app-limit-24hour-reset: 1700043200",
		[]wait.Limit{{wait.Requests, "app", day1, 17, 0, 12 * hour1, false, ""}}},
	{"openrouter", "openrouter.ai", date + "x-ratelimit-limit: 20\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1700000060000",
		[]wait.Limit{{wait.Requests, "", 0, 20, 0, min1, false, ""}}},
	{"shopify", "x.myshopify.com", "x-shopify-shop-api-call-limit: 40/40",
		[]wait.Limit{{wait.Requests, "", 0, 40, 0, -1, false, ""}}},
	{"hubspot", "api.hubapi.com", "x-hubspot-ratelimit-daily: 250000\nx-hubspot-ratelimit-daily-remaining: 249999\nx-hubspot-ratelimit-interval-milliseconds: 10000\nx-hubspot-ratelimit-max: 100\nx-hubspot-ratelimit-remaining: 0",
		[]wait.Limit{{wait.Requests, "", day1, 250000, 249999, -1, false, ""}, {wait.Requests, "", 10 * time.Second, 100, 0, -1, false, ""}}},
	{"linear", "api.linear.app", date + "x-ratelimit-requests-limit: 1500\nx-ratelimit-requests-remaining: 0\nx-ratelimit-requests-reset: 1700003600000\nx-ratelimit-complexity-limit: 250000\nx-ratelimit-complexity-remaining: 200000\nx-complexity: 12",
		[]wait.Limit{{wait.Other, "complexity", 0, 250000, 200000, -1, false, ""}, {wait.Requests, "", 0, 1500, 0, hour1, false, ""}}},
	{"reddit", "oauth.reddit.com", "x-ratelimit-remaining: 0.0\nx-ratelimit-used: 600\nx-ratelimit-reset: 42",
		[]wait.Limit{{wait.Requests, "", 0, -1, 0, 42 * time.Second, false, ""}}},
	{"cerebras", "api.cerebras.ai", "x-ratelimit-limit-requests-day: 14400\nx-ratelimit-remaining-requests-day: 14300\nx-ratelimit-reset-requests-day: 33011.382867",
		[]wait.Limit{{wait.Requests, "", day1, 14400, 14300, 33011382867 * time.Microsecond, false, ""}}},
	{"sendgrid", "api.sendgrid.com", date + "x-ratelimit-limit: 500\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1700000030",
		[]wait.Limit{{wait.Requests, "", 0, 500, 0, 30 * time.Second, false, ""}}},
	{"stripe", "api.stripe.com", "stripe-rate-limited-reason: endpoint-concurrency",
		[]wait.Limit{{wait.Concurrency, "endpoint-concurrency", 0, -1, 0, -1, false, ""}}},
	{"fireworks", "", "x-ratelimit-limit-tokens-prompt: 60000\nx-ratelimit-remaining-tokens-prompt: 59000\nx-ratelimit-limit-tokens-generated: 6000\nx-ratelimit-remaining-tokens-generated: 5999\nx-ratelimit-over-limit: no",
		[]wait.Limit{{wait.OutputTokens, "", 0, 6000, 5999, -1, false, ""}, {wait.InputTokens, "", 0, 60000, 59000, -1, false, ""}}},
	{"together", "api.together.xyz", "x-ratelimit-limit: 10\nx-ratelimit-remaining: 9\nx-ratelimit-reset: 1\nx-tokenlimit-limit: 3000\nx-tokenlimit-remaining: 2999",
		[]wait.Limit{{wait.Other, "", 0, 10, 9, time.Second, false, ""}, {wait.Tokens, "", 0, 3000, 2999, -1, false, "x-tokenlimit"}}},
	{"kong", "", "x-ratelimit-limit-minute: 5\nx-ratelimit-remaining-minute: 4\nratelimit-limit: 5\nratelimit-remaining: 4\nratelimit-reset: 47",
		[]wait.Limit{{wait.Other, "", 0, 5, 4, 47 * time.Second, false, "ratelimit"}, {wait.Other, "", min1, 5, 4, -1, false, "x-ratelimit"}}},
	{"trello", "", "x-rate-limit-api-token-interval-ms: 10000\nx-rate-limit-api-token-max: 100\nx-rate-limit-api-token-remaining: 99",
		[]wait.Limit{{wait.Other, "api-token", 10 * time.Second, 100, 99, -1, false, ""}}},
	{"bigcommerce", "", "x-rate-limit-requests-left: 0\nx-rate-limit-requests-quota: 150\nx-rate-limit-time-reset-ms: 3000\nx-rate-limit-time-window-ms: 5000",
		[]wait.Limit{{wait.Requests, "", 5 * time.Second, 150, 0, 3 * time.Second, false, ""}}},
	{"zendesk", "x.zendesk.com", "x-rate-limit: 700\nx-rate-limit-remaining: 699",
		[]wait.Limit{{wait.Requests, "", 0, 700, 699, -1, false, ""}}},
	{"datadog", "api.datadoghq.com", "x-ratelimit-limit: 300\nx-ratelimit-period: 3600\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1200\nx-ratelimit-name: logs",
		[]wait.Limit{{wait.Other, "logs", hour1, 300, 0, 20 * min1, false, ""}}},
	{"draft 06", "", "ratelimit-limit: 100, 100;w=10, 5000;w=3600\nratelimit-remaining: 0\nratelimit-reset: 7",
		[]wait.Limit{{wait.Other, "", 10 * time.Second, 100, 0, 7 * time.Second, false, ""}}},
	{"draft 07", "", "ratelimit: limit=100, remaining=0, reset=30\nratelimit-policy: 100;w=60",
		[]wait.Limit{{wait.Other, "", min1, 100, 0, 30 * time.Second, false, ""}}},
	{"structured fields", "", "ratelimit: \"default\";r=0;t=7\nratelimit-policy: \"default\";q=100;w=10",
		[]wait.Limit{{wait.Requests, "default", 10 * time.Second, 100, 0, 7 * time.Second, false, ""}}},
	{"structured fields in several lines", "", "ratelimit: \"burst\";r=5;t=1, \"daily\";r=0;t=3600\nratelimit: \"conc\";r=2\nratelimit-policy: \"burst\";q=10;w=1\nratelimit-policy: \"daily\";q=1000;w=86400;pk=:c2VjcmV0:, \"conc\";q=4;qu=\"concurrent-requests\"",
		[]wait.Limit{{wait.Requests, "burst", time.Second, 10, 5, time.Second, false, ""}, {wait.Requests, "daily", day1, 1000, 0, hour1, false, ""}, {wait.Concurrency, "conc", 0, 4, 2, -1, false, ""}}},
	{"structured field from a cache", "", "age: 30\nratelimit: \"default\";r=0;t=7", nil},
	{"structured field cut off", "", "ratelimit: \"default;r=0;t=7", nil},
	{"structured field with a negative", "", "ratelimit: \"default\";r=-1;t=7", nil},
	{"a bare limit of an unknown host", "", "x-ratelimit-limit: 100\nx-ratelimit-remaining: 3\nx-ratelimit-reset: 12",
		[]wait.Limit{{wait.Other, "", 0, 100, 3, 12 * time.Second, false, ""}}},
	{"an epoch that is past by our clock only", "", "x-ratelimit-limit: 100\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 1600000000",
		[]wait.Limit{{wait.Other, "", 0, 100, 0, -1, false, ""}}},
	{"an epoch that is past by the answer's clock", "", date + "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1699999990",
		[]wait.Limit{{wait.Other, "", 0, -1, 0, 0, false, ""}}},
	{"a reset that is now, by our clock", "", "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1700000000",
		[]wait.Limit{{wait.Other, "", 0, -1, 0, 0, false, ""}}},
	{"a reset as far away as is believed", "", date + "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1731622400",
		[]wait.Limit{{wait.Other, "", 0, -1, 0, wait.Longest, false, ""}}},
	{"a reset that is farther away", "", date + "x-ratelimit-remaining: 0\nx-ratelimit-reset: 1731622401",
		[]wait.Limit{{wait.Other, "", 0, -1, 0, -1, false, ""}}},
	{"seconds as long as is believed", "", "x-ratelimit-remaining: 0\nx-ratelimit-reset: 31622400\nx-ratelimit-period: 31622400",
		[]wait.Limit{{wait.Other, "", wait.Longest, -1, 0, wait.Longest, false, ""}}},
	{"seconds that are more", "", "x-ratelimit-remaining: 0\nx-ratelimit-reset: 99999999\nx-ratelimit-period: 99999999",
		[]wait.Limit{{wait.Other, "", 0, -1, 0, -1, false, ""}}},
	{"eleven days and more in milliseconds", "", "x-ratelimit-remaining: 0\nx-ratelimit-reset-ms: 1500000000",
		[]wait.Limit{{wait.Other, "", 0, -1, 0, 1500000 * time.Second, false, ""}}},
	{"an epoch in milliseconds", "", date + "x-ratelimit-remaining: 0\nx-ratelimit-reset-ms: 1700000060000",
		[]wait.Limit{{wait.Other, "", 0, -1, 0, min1, false, ""}}},
	{"the first epoch in milliseconds", "", date + "x-ratelimit-remaining: 0\nx-ratelimit-reset-ms: 1000000000000",
		[]wait.Limit{{wait.Other, "", 0, -1, 0, 0, false, ""}}},
	{"a reset as long as a date may be", "", "x-ratelimit-remaining: 0\nx-ratelimit-reset: " + strings.Repeat("0", 30) + "1m" + strings.Repeat("0", 30) + "1s",
		[]wait.Limit{{wait.Other, "", 0, -1, 0, 61 * time.Second, true, ""}}},
	{"two resets of one kind", "", "x-ratelimit-remaining: 0\nx-ratelimit-reset: 5\nx-ratelimit-resets: 9",
		[]wait.Limit{{wait.Other, "", 0, -1, 0, 5 * time.Second, false, ""}}},
	{"the largest count", "", "x-ratelimit-limit: 999999999999999999\nx-ratelimit-remaining: 9999999999999999999",
		[]wait.Limit{{wait.Other, "", 0, 999999999999999999, -1, -1, false, ""}}},
	{"a limit of zero with its window", "", "ratelimit-limit: 0;w=10",
		[]wait.Limit{{wait.Other, "", 10 * time.Second, 0, -1, -1, false, ""}}},
	{"a window as long as is believed", "", "ratelimit-limit: 5;w=31622400",
		[]wait.Limit{{wait.Other, "", wait.Longest, 5, -1, -1, false, ""}}},
	{"a window that is longer", "", "ratelimit-limit: 5;w=31622401",
		[]wait.Limit{{wait.Other, "", 0, 5, -1, -1, false, ""}}},
	{"a global limit", "", "x-ratelimit-global: true\nx-ratelimit-remaining: 0",
		[]wait.Limit{{wait.Other, "global", 0, -1, 0, -1, false, ""}}},
	{"a global limit that has a name", "", "x-ratelimit-bucket: b\nx-ratelimit-global: true\nx-ratelimit-remaining: 0",
		[]wait.Limit{{wait.Other, "b", 0, -1, 0, -1, false, ""}}},
	{"what remains follows from what was used", "", "x-ratelimit-limit: 100\nx-ratelimit-used: 60",
		[]wait.Limit{{wait.Other, "", 0, 100, 40, -1, false, ""}}},
	{"nothing was used", "", "x-ratelimit-limit: 100\nx-ratelimit-used: 0",
		[]wait.Limit{{wait.Other, "", 0, 100, 100, -1, false, ""}}},
	{"what remains is stated, and does not follow", "", "x-ratelimit-limit: 100\nx-ratelimit-remaining: 0\nx-ratelimit-used: 60",
		[]wait.Limit{{wait.Other, "", 0, 100, 0, -1, false, ""}}},
	{"nothing may be used", "", "x-ratelimit-limit: 0\nx-ratelimit-used: 0",
		[]wait.Limit{{wait.Other, "", 0, 0, 0, -1, false, ""}}},
	{"a limit of zero alone", "", "x-ratelimit-limit: 0", []wait.Limit{{wait.Other, "", 0, 0, -1, -1, false, ""}}},
	{"a reset of zero alone", "", "x-ratelimit-reset: 0", []wait.Limit{{wait.Other, "", 0, -1, -1, 0, false, ""}}},
	{"a reset beside a limit of its own is not lent", "", "x-ratelimit-limit: 0\nx-ratelimit-remaining-requests: 5\nx-ratelimit-reset: 3",
		[]wait.Limit{{wait.Other, "", 0, 0, -1, 3 * time.Second, false, ""}, {wait.Requests, "", 0, -1, 5, -1, false, ""}}},
	{"a reset beside what remains is not lent", "", "x-ratelimit-remaining: 0\nx-ratelimit-remaining-requests: 5\nx-ratelimit-reset: 3",
		[]wait.Limit{{wait.Other, "", 0, -1, 0, 3 * time.Second, false, ""}, {wait.Requests, "", 0, -1, 5, -1, false, ""}}},
	{"a reset beside what was used is not lent", "", "x-ratelimit-remaining-requests: 5\nx-ratelimit-reset: 3\nx-ratelimit-used: 0",
		[]wait.Limit{{wait.Requests, "", 0, -1, 5, -1, false, ""}, {wait.Other, "", 0, -1, -1, 3 * time.Second, false, ""}}},
	{"the longest value", "", "x-ratelimit-limit: 5," + strings.Repeat("x", 2046) + "\nx-ratelimit-remaining: 5," + strings.Repeat("x", 2047),
		[]wait.Limit{{wait.Other, "", 0, 5, -1, -1, false, ""}}},
	{"the longest name of a header", "", "x-ratelimit-limit-" + strings.Repeat("a", 110) + ": 5\nx-ratelimit-limit-" + strings.Repeat("b", 111) + ": 5",
		[]wait.Limit{{wait.Other, strings.Repeat("a", 110), 0, 5, -1, -1, false, ""}}},
	{"the longest name in a value", "", "x-ratelimit-bucket: " + strings.Repeat("a", 128) + "\nx-ratelimit-remaining: 0",
		[]wait.Limit{{wait.Other, strings.Repeat("a", 128), 0, -1, 0, -1, false, ""}}},
	{"a name in a value that is longer", "", "x-ratelimit-bucket: " + strings.Repeat("a", 129) + "\nx-ratelimit-remaining: 0",
		[]wait.Limit{{wait.Other, "", 0, -1, 0, -1, false, ""}}},
	{"the longest reason", "api.stripe.com", "stripe-rate-limited-reason: " + strings.Repeat("a", 124) + "rate",
		[]wait.Limit{{wait.Requests, strings.Repeat("a", 124) + "rate", 0, -1, 0, -1, false, ""}}},
	{"the longest name in a structured field", "", "ratelimit: \"" + strings.Repeat("a", 128) + "\";r=0;t=7, \"" + strings.Repeat("b", 129) + "\";r=0;t=7",
		[]wait.Limit{{wait.Other, strings.Repeat("a", 128), 0, -1, 0, 7 * time.Second, false, ""}}},
	{"a reset of one's own is not overruled", "", "x-ratelimit-remaining-requests: 0\nx-ratelimit-reset: 3\nx-ratelimit-reset-requests: 0",
		[]wait.Limit{{wait.Requests, "", 0, -1, 0, 0, false, ""}, {wait.Other, "", 0, -1, -1, 3 * time.Second, false, ""}}},
	{"a bucket refills a third in 20 seconds", "", "x-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: 40\nx-ratelimit-reset-requests: 20s",
		[]wait.Limit{{wait.Requests, "", min1, 60, 40, 20 * time.Second, true, ""}}},
	{"two percent more than a minute", "", "x-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: 40\nx-ratelimit-reset-requests: 20.4s",
		[]wait.Limit{{wait.Requests, "", min1, 60, 40, 20400 * time.Millisecond, true, ""}}},
	{"three percent more than a minute", "", "x-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: 40\nx-ratelimit-reset-requests: 20.6s",
		[]wait.Limit{{wait.Requests, "", 0, 60, 40, 20600 * time.Millisecond, true, ""}}},
	{"an empty bucket tells no window", "", "x-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 60s",
		[]wait.Limit{{wait.Requests, "", 0, 60, 0, min1, true, ""}}},
	{"a full bucket tells no window", "", "x-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: 60\nx-ratelimit-reset-requests: 0s",
		[]wait.Limit{{wait.Requests, "", 0, 60, 60, 0, true, ""}}},
	{"more than all remains", "", "x-ratelimit-limit-requests: 60\nx-ratelimit-remaining-requests: 120\nx-ratelimit-reset-requests: 60s",
		[]wait.Limit{{wait.Requests, "", 0, 60, 120, min1, true, ""}}},
	{"a dash too many", "", "x-ratelimit--limit: 5", []wait.Limit{{wait.Other, "", 0, 5, -1, -1, false, ""}}},
	{"a structured field of age 0", "", "age: 0\nratelimit: \"a\";r=0;t=0", []wait.Limit{{wait.Other, "a", 0, -1, 0, 0, false, ""}}},
	{"a structured field with a limit twice", "", "ratelimit: \"a\";r=0;t=31622400, \"a\";r=5;t=9\nratelimit-policy: \"a\";q=0;w=10, \"a\";q=5;w=20",
		[]wait.Limit{{wait.Requests, "a", 10 * time.Second, 0, 0, wait.Longest, false, ""}}},
	{"a structured field whose reset is more than is believed", "", "ratelimit: \"a\";r=0;t=31622401", []wait.Limit{{wait.Other, "a", 0, -1, 0, -1, false, ""}}},
	{"a structured field without the value of its reset", "", "ratelimit: \"a\";r=1;t", []wait.Limit{{wait.Other, "a", 0, -1, 1, -1, false, ""}}},
	{"structured fields whose values are no numbers", "", "ratelimit: \"a\";r=\"5\", \"b\";r=@5, \"c\";r=?1, \"d\";r=:YQ==:, \"e\";r=x, \"f\";r=1.5", nil},
	{"draft 07, nothing allowed", "", "ratelimit-policy: 0;w=60", []wait.Limit{{wait.Other, "", min1, 0, -1, -1, false, ""}}},
	{"draft 07 with one quota in two windows", "", "ratelimit: limit=100, remaining=0, reset=31622400\nratelimit-policy: 100;w=60, 100;w=60, 100;w=3600",
		[]wait.Limit{{wait.Other, "", min1, 100, 0, wait.Longest, false, ""}, {wait.Other, "", hour1, 100, -1, -1, false, ""}}},
	{"draft 07 whose reset is more than is believed", "", "ratelimit: limit=100, remaining=0, reset=31622401",
		[]wait.Limit{{wait.Other, "", 0, 100, 0, -1, false, ""}}},
	{"the largest number in a structured field", "", "ratelimit: \"a\";r=999999999999999", []wait.Limit{{wait.Other, "a", 0, -1, 999999999999999, -1, false, ""}}},
	{"a name with escapes", "", `ratelimit: "a \"b\" \\c";r=0`, []wait.Limit{{wait.Other, `a "b" \c`, 0, -1, 0, -1, false, ""}}},
	{"nonsense", "", "x-ratelimit-limit: -5\nx-ratelimit-remaining: NaN\nx-ratelimit-reset: 1e400", nil},
	{"overflow", "", "x-ratelimit-limit: 99999999999999999999\nx-ratelimit-reset: 99999999999999999999", nil},
	{"none", "api.openai.com", "content-type: application/json\nstrict-transport-security: max-age=1", nil},
}

func TestLimits(t *testing.T) {
	wrong := 0
	for _, tt := range limits {
		got := readLimits(tt.host, header(tt.header))
		want := append([]wait.Limit(nil), tt.want...)
		for i := range want {
			if want[i].Source == "" && i < len(got) {
				want[i].Source = got[i].Source
			}
		}
		if !reflect.DeepEqual(got, want) {
			wrong++
			t.Errorf("%s:\n got %v\nwant %v", tt.name, got, want)
		}
	}
	t.Logf("%d of %d right", len(limits)-wrong, len(limits))
}

// Who sends more fields than any provider, or names of a megabyte, is not read
// at all, and not read slowly.
func TestLimitsAreBounded(t *testing.T) {
	many := http.Header{}
	for i := range 20_000 {
		many.Set("X-Ratelimit-Limit-"+strings.Repeat("a", i%50+1)+string(rune('a'+i%26))+strings.Repeat("-b", i/1000), "1")
	}
	long := http.Header{"X-Ratelimit" + strings.Repeat("-A", 1<<19): {"1"}, "Ratelimit": {strings.Repeat(`"a";r=0;t=1, `, 1<<16)}}
	for name, h := range map[string]http.Header{"many": many, "long": long} {
		start := time.Now()
		if got := readLimits("", h); got != nil {
			t.Errorf("%s: got %d limits, want none", name, len(got))
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("%s: took %v, want far less than a second", name, took)
		}
	}
}

func TestLimitsAllocatesNothingWithoutAny(t *testing.T) {
	h := header("content-type: application/json\ndate: Tue, 14 Nov 2023 22:13:20 GMT\nserver: x\nx-request-id: 1\nretry-after: 1")
	if got := testing.AllocsPerRun(100, func() { dialect.Limits("openai", h, now) }); got != 0 {
		t.Errorf("Limits without any: got %v allocations, want 0", got)
	}
}

func FuzzLimits(f *testing.F) {
	for _, tt := range limits {
		f.Add(tt.host, tt.header)
	}
	f.Fuzz(func(t *testing.T, host, text string) {
		h := header(text)
		got := readLimits(host, h)
		for _, l := range got {
			if l.Limit < -1 || l.Remaining < -1 || l.Reset < -1 || l.Reset > wait.Longest || l.Window < 0 || l.Window > wait.Longest || l.Source == "" {
				t.Errorf("Limits: got %+v, want nothing out of range", l)
			}
		}
		if again := readLimits(host, h); !reflect.DeepEqual(got, again) {
			t.Errorf("Limits: got %v, then %v", got, again)
		}
		fig, _ := dialect.Wait(providerOf(host), wait.Ask{Status: 429, Header: h, Message: text, Now: now})
		if fig.After < 0 || fig.After > wait.Longest || fig.Source == "" && fig != (wait.Figure{}) {
			t.Errorf("Resolve: got %+v, want a sane figure", fig)
		}
	})
}

func openAI() http.Header {
	return header(limits[0].header + "\ncontent-type: application/json\n" + date + "openai-version: 2020-10-01\nopenai-organization: x\nopenai-processing-ms: 300\nx-request-id: req_1\ncf-ray: 1\nserver: cloudflare\nstrict-transport-security: max-age=1\nalt-svc: h3\ncf-cache-status: DYNAMIC\nset-cookie: a=b\nx-content-type-options: nosniff\nvary: x")
}

func BenchmarkLimits(b *testing.B) {
	for _, bb := range []struct {
		name string
		h    http.Header
	}{
		{"OpenAI", openAI()},
		{"Anthropic", header(date + limits[5].header)},
		{"Structured", header("ratelimit: \"default\";r=0;t=7\nratelimit-policy: \"default\";q=100;w=10")},
		{"None", header("content-type: application/json\n" + date + "server: x\nx-request-id: 1\ncf-ray: 1\nvary: x\nalt-svc: h3\ncache-control: no-store")},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				dialect.Limits("openai", bb.h, now)
			}
		})
	}
}

func BenchmarkText(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		wait.Text(texts[0].message)
	}
}

func BenchmarkResolve(b *testing.B) {
	h := openAI()
	h.Set("Retry-After-Ms", "1262")
	b.ReportAllocs()
	for b.Loop() {
		dialect.Wait("openai", wait.Ask{Status: 429, Header: h, Message: texts[0].message, Now: now})
	}
}

func TestMentions(t *testing.T) {
	for name, want := range map[string]bool{
		"X-Ratelimit-Limit": true, "Ratelimit-Policy": true, "Anthropic-Priority-Input-Tokens-Limit": true, "X-Rate-Limit": true,
		"Content-Type": false, "Retry-After": false, "Anthropic-Organization-Id": false,
	} {
		if got := dialect.MentionsLimits(http.Header{name: {"1"}}); got != want {
			t.Errorf("%s: got %t, want %t", name, got, want)
		}
	}
}
