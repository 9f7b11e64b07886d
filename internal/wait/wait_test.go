package wait_test

import (
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/wait"
)

func TestResolve(t *testing.T) {
	const s = time.Second
	exhausted := "x-ratelimit-remaining: 0\nx-ratelimit-reset: 42\n"
	for _, tt := range []struct {
		name   string
		ask    wait.Ask
		header string
		want   time.Duration
		source string
	}{
		{"nothing", wait.Ask{}, "", 0, ""},
		{"milliseconds before seconds", wait.Ask{}, "retry-after: 2\nretry-after-ms: 1262", 1262 * time.Millisecond, "retry-after-ms"},
		{"Azure's milliseconds", wait.Ask{}, "x-ms-retry-after-ms: 620", 620 * time.Millisecond, "x-ms-retry-after-ms"},
		{"AWS's milliseconds", wait.Ask{}, "x-amz-retry-after: 1500", 1500 * time.Millisecond, "x-amz-retry-after"},
		{"one provider's milliseconds before everybody's seconds", wait.Ask{}, "retry-after: 2\nx-ms-retry-after-ms: 620", 620 * time.Millisecond, "x-ms-retry-after-ms"},
		{"insane milliseconds give way", wait.Ask{}, "retry-after: 2\nretry-after-ms: -1", 2 * s, "retry-after"},
		{"header before body", wait.Ask{Body: wait.Figure{After: 3 * s, Source: "x"}}, "retry-after: 2", 2 * s, "retry-after"},
		{"body before words", wait.Ask{Body: wait.Figure{After: 3 * s, Source: "x"}, Message: "try again in 4s"}, "", 3 * s, "x"},
		{"a body that says now", wait.Ask{Body: wait.Figure{Source: "x"}, Message: "try again in 4s"}, "", 0, "x"},
		{"a body that says the longest", wait.Ask{Body: wait.Figure{After: wait.Longest, Source: "x"}, Message: "try again in 4s"}, "", wait.Longest, "x"},
		{"a body that says more gives way", wait.Ask{Body: wait.Figure{After: wait.Longest + 1, Source: "x"}, Message: "try again in 4s"}, "", 4 * s, "message"},
		{"a date with a space in the words", wait.Ask{Message: "Limit resets at 2023-11-14 22:14:20 UTC"}, date, 60 * s, "message"},
		{"a date that ends the words", wait.Ask{Message: "Limit resets at 2023-11-14 22:14:20"}, date, 60 * s, "message"},
		{"reset on a 500", wait.Ask{Status: 500}, exhausted, 42 * s, "x-ratelimit-reset"},
		{"reset that is now", wait.Ask{Status: 429}, "x-ratelimit-remaining: 0\nx-ratelimit-reset: 0\n", 0, "x-ratelimit-reset"},
		{"maintenance for as long as is believed", wait.Ask{Status: 503}, date + "x-maintenance-until: 2024-11-14T22:13:20Z", wait.Longest, "x-maintenance-until"},
		{"maintenance for longer", wait.Ask{Status: 503}, date + "x-maintenance-until: 2024-11-14T22:13:21Z", 0, ""},
		{"insane body gives way", wait.Ask{Body: wait.Figure{After: -s, Source: "x"}, Message: "try again in 4s"}, "", 4 * s, "message"},
		{"words before reset", wait.Ask{Message: "try again in 4s"}, exhausted, 4 * s, "message"},
		{"reset of what is used up", wait.Ask{Status: 429}, exhausted, 42 * s, "x-ratelimit-reset"},
		{"reset on a 403", wait.Ask{Status: 403}, exhausted, 42 * s, "x-ratelimit-reset"},
		{"reset on a 404 is about something else", wait.Ask{Status: 404}, exhausted, 0, ""},
		{"reset on a success", wait.Ask{Status: 200}, exhausted, 0, ""},
		{"reset with some remaining", wait.Ask{Status: 429}, "x-ratelimit-remaining: 1\nx-ratelimit-reset: 42", 0, ""},
		{"the longest of two used up", wait.Ask{Status: 429}, "x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 1m\nx-ratelimit-remaining-tokens: 0\nx-ratelimit-reset-tokens: 5s", 60 * s, "x-ratelimit-reset-requests"},
		{"used up without a reset", wait.Ask{Status: 429}, "ratelimit-remaining: 0;w=21600", 0, ""},
		{"Retry-After before t", wait.Ask{Status: 429}, "retry-after: 3\nratelimit: \"a\";r=0;t=9", 3 * s, "retry-after"},
		{"t", wait.Ask{Status: 429}, "ratelimit: \"a\";r=0;t=9", 9 * s, "ratelimit"},
		{"maintenance last", wait.Ask{Status: 503}, date + "x-maintenance-until: 2023-11-14T22:43:20Z", 1800 * s, "x-maintenance-until"},
		{"maintenance over", wait.Ask{Status: 503}, date + "x-maintenance-until: 2023-11-14T22:00:00Z", 0, "x-maintenance-until"},
		{"a date by the answer's own clock", wait.Ask{}, "date: Wed, 21 Oct 2015 07:28:00 GMT\nretry-after: Wed, 21 Oct 2015 07:29:30 GMT", 90 * s, "retry-after"},
		{"a second line", wait.Ask{}, "retry-after: soon\nretry-after: 5", 5 * s, "retry-after"},
		{"CrowdStrike's epoch", wait.Ask{}, date + "x-ratelimit-retryafter: 1700000060", 60 * s, "x-ratelimit-retryafter"},
		{"a point in time in the words", wait.Ask{Message: "Please try again after 2023-11-14T22:14:20Z."}, date, 60 * s, "message"},
		{"an epoch in the words", wait.Ask{Message: "Way too much request weight used; IP banned until 1700000120000. Please use the websocket"}, date, 120 * s, "message"},
		{"a time that is past by our clock only", wait.Ask{Message: "Limit resets at 2022-11-14T22:14:20Z"}, "", 0, ""},
	} {
		tt.ask.Header, tt.ask.Now = header(tt.header), now
		got, _ := dialect.Wait("", tt.ask)
		if got.After != tt.want || got.Source != tt.source {
			t.Errorf("%s: got %v from %q, want %v from %q", tt.name, got.After, got.Source, tt.want, tt.source)
		}
	}
}

// A refused request with nothing but its rate-limit headers, whose values are
// made up. The rows were written after the rules.
func TestResolveByHeadersAlone(t *testing.T) {
	const s = time.Second
	right, all := 0, 0
	for _, tt := range []struct {
		name   string
		host   string
		header string
		want   time.Duration
	}{
		{"Twitch", "", date + "ratelimit-limit: 800\nratelimit-remaining: 0\nratelimit-reset: 1700000021", 21 * s},
		{"Okta", "", date + "x-rate-limit-limit: 600\nx-rate-limit-remaining: 0\nx-rate-limit-reset: 1700000031", 31 * s},
		{"Vimeo", "", date + "x-ratelimit-limit: 100\nx-ratelimit-remaining: 0\nx-ratelimit-reset: 2023-11-14T22:14:20+00:00", 60 * s},
		{"ASP.NET", "", date + "x-rate-limit-limit: 15m\nx-rate-limit-remaining: 0\nx-rate-limit-reset: 2023-11-14T22:14:20.5000000Z", 60500 * time.Millisecond},
		{"Zendesk", "x.zendesk.com", "x-rate-limit: 700\nx-rate-limit-remaining: 0\nratelimit-limit: 700\nratelimit-remaining: 0\nratelimit-reset: 41", 41 * s},
		{"Azure Resource Manager", "", "x-ms-ratelimit-remaining-subscription-reads: 0", no},
		{"Anthropic's subscriptions", "api.anthropic.com", date + "anthropic-ratelimit-unified-status: rejected\nanthropic-ratelimit-unified-reset: 1700010800", 3 * time.Hour},
		{"Anthropic", "api.anthropic.com", date + "anthropic-ratelimit-requests-limit: 50\nanthropic-ratelimit-requests-remaining: 49\nanthropic-ratelimit-requests-reset: 2023-11-14T22:13:21Z\nanthropic-ratelimit-output-tokens-limit: 8000\nanthropic-ratelimit-output-tokens-remaining: 0\nanthropic-ratelimit-output-tokens-reset: 2023-11-14T22:13:52Z", 32 * s},
		{"OpenAI with both used up", "api.openai.com", "x-ratelimit-remaining-requests: 0\nx-ratelimit-reset-requests: 6m0s\nx-ratelimit-remaining-tokens: 0\nx-ratelimit-reset-tokens: 1s", 360 * s},
		{"Groq with tokens used up", "api.groq.com", "x-ratelimit-remaining-requests: 14000\nx-ratelimit-reset-requests: 40m0s\nx-ratelimit-remaining-tokens: 0\nx-ratelimit-reset-tokens: 59.7s", 59700 * time.Millisecond},
		{"Cerebras", "api.cerebras.ai", "x-ratelimit-remaining-requests-day: 0\nx-ratelimit-reset-requests-day: 33011.382867\nx-ratelimit-remaining-tokens-minute: 60000\nx-ratelimit-reset-tokens-minute: 11.38", 33011382867 * time.Microsecond},
		{"Mistral", "api.mistral.ai", "ratelimitbysize-limit: 500000\nratelimitbysize-remaining: 0\nratelimitbysize-reset: 24", 24 * s},
		{"Discord for everyone", "discord.com", "x-ratelimit-global: true\nx-ratelimit-remaining: 0\nx-ratelimit-reset-after: 1.337", 1337 * time.Millisecond},
		{"BigCommerce", "", "x-rate-limit-requests-left: 0\nx-rate-limit-requests-quota: 150\nx-rate-limit-time-reset-ms: 3000\nx-rate-limit-time-window-ms: 5000", 3 * s},
		{"Contentful", "", "x-contentful-ratelimit-second-limit: 7\nx-contentful-ratelimit-second-remaining: 0\nx-contentful-ratelimit-reset: 1", s},
		{"GitHub Models", "", "x-ratelimit-type: UserByModelByDay\nx-ratelimit-limit-requests: 50\nx-ratelimit-remaining-requests: 0\nx-ratelimit-timeremaining: 5631", 5631 * s},
		{"Linear", "api.linear.app", date + "x-ratelimit-requests-limit: 1500\nx-ratelimit-requests-remaining: 0\nx-ratelimit-requests-reset: 1700003600000", 3600 * s},
		{"Sentry", "", date + "x-sentry-rate-limit-limit: 40\nx-sentry-rate-limit-remaining: 0\nx-sentry-rate-limit-reset: 1700000001\nx-sentry-rate-limit-concurrentlimit: 25\nx-sentry-rate-limit-concurrentremaining: 24", s},
		{"a milliseconds' suffix", "", "x-ratelimit-remaining: 0\nx-ratelimit-reset-ms: 1500", 1500 * time.Millisecond},
		{"the draft with two windows", "", "ratelimit: \"minute\";r=0;t=13\nratelimit: \"day\";r=200;t=40000\nratelimit-policy: \"minute\";q=60;w=60, \"day\";q=1000;w=86400", 13 * s},
		{"the seventh draft", "", "ratelimit-policy: 10;w=60\nratelimit: limit=10, remaining=0, reset=57", 57 * s},
		{"Docker Hub", "registry-1.docker.io", "ratelimit-limit: 100;w=21600\nratelimit-remaining: 0;w=21600\ndocker-ratelimit-source: 1.2.3.4", no},
		{"an unnamed host, one request left", "", "x-ratelimit-limit: 10\nx-ratelimit-remaining: 1\nx-ratelimit-reset: 9", no},
	} {
		all++
		got, _ := dialect.Wait(providerOf(tt.host), wait.Ask{Status: 429, Header: header(tt.header), Now: now})
		if got.Source == "" {
			got.After = no
		}
		if got.After == tt.want {
			right++
		} else {
			t.Errorf("%s: got %v from %q, want %v", tt.name, got.After, got.Source, tt.want)
		}
	}
	t.Logf("%d of %d right", right, all)
}

func TestResolveNamesTheWindow(t *testing.T) {
	for _, tt := range []struct {
		message string
		want    time.Duration
	}{
		{"on tokens per min (TPM): Limit 30000. Please try again in 2s.", time.Minute},
		{"on requests per day (RPD): Limit 200. Please try again in 7m12s.", day1},
		{"Please try again in 7m12s.", 0},
		{"Limit: 200 / day. Please try again in 7m12s.", day1},
		{"Rate limit of 50 per 86400s exceeded for UserByModelByDay. Please wait 5631 seconds before retrying.", day1},
	} {
		got, _ := dialect.Wait("", wait.Ask{Message: tt.message, Now: now})
		if got.Window != tt.want {
			t.Errorf("Resolve(%q): got window %v, want %v", tt.message, got.Window, tt.want)
		}
	}
}

var retryAfters = []struct {
	value string
	want  time.Duration
}{
	{"0", 0}, {"1", time.Second}, {" 120 ", 2 * time.Minute}, {"2.0", 2 * time.Second}, {"0.5", 500 * time.Millisecond},
	{".5", 500 * time.Millisecond}, {"30s", 30 * time.Second}, {"1m30s", 90 * time.Second}, {"30 seconds", 30 * time.Second}, {"30, 30", 30 * time.Second},
	{"Tue, 14 Nov 2023 22:14:20 GMT", time.Minute}, {"Tuesday, 14-Nov-23 22:14:20 GMT", time.Minute}, {"Tue Nov 14 22:14:20 2023", time.Minute},
	{"2023-11-14T22:14:20Z", time.Minute}, {"2023-11-14T23:14:20+01:00", time.Minute}, {"1700000060", time.Minute}, {"1700000060000", time.Minute},
	{"Tue, 14 Nov 2023 22:00:00 GMT", 0},
	{"9, 9", 9 * time.Second}, {"1700000060.5", 60500 * time.Millisecond}, {"1700000000", 0}, {"31622400", wait.Longest},
	{strings.Repeat("0", 31) + "7", 7 * time.Second}, {strings.Repeat("0", 32) + "7", no},
	{strings.Repeat("0", 30) + "1m" + strings.Repeat("0", 30) + "1s", 61 * time.Second}, {strings.Repeat("0", 31) + "1m" + strings.Repeat("0", 30) + "1s", no},
	{"2023-11-14T22:14:20." + strings.Repeat("0", 43) + "Z", time.Minute},
	{"", no}, {"-1", no}, {"NaN", no}, {"inf", no}, {"0x10", no}, {"1_000", no}, {"1e3", no}, {"99999999999", wait.Longest}, {"9223372036854775807", wait.Longest},
	{"soon", no}, {"1.2.3", no}, {".", no}, {"31622401", wait.Longest}, {"Fri, 31 Dec 9999 23:59:59 GMT", wait.Longest}, {strings.Repeat("9", 1000), no}, {"1600000000", no},
}

func TestRetryAfter(t *testing.T) {
	for _, tt := range retryAfters {
		got, ok := wait.RetryAfter(tt.value, now)
		if !ok {
			got = no
		}
		if got != tt.want {
			t.Errorf("RetryAfter(%q): got %v, want %v", tt.value, got, tt.want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, tt := range retryAfters {
		f.Add(tt.value)
	}
	f.Fuzz(func(t *testing.T, v string) {
		if d, ok := wait.RetryAfter(v, now); ok && (d < 0 || d > wait.Longest) {
			t.Errorf("RetryAfter(%q): got %v, want 0 to %v", v, d, wait.Longest)
		}
	})
}
