package wait_test

import (
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

const no = time.Duration(-1)

var texts = []struct {
	message string
	want    time.Duration // no if there is no wait
}{
	// OpenAI, Groq and others that speak alike.
	{"Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Used 29468, Requested 1163. Please try again in 1.262s. Visit https://example.com to learn more.", 1262 * time.Millisecond},
	{"Rate limit reached for gpt-4 on requests per day. Limit: 200 / day. Please try again in 7m12s. Contact us through our help center.", 7*time.Minute + 12*time.Second},
	{"Limit 3 / min. Please try again in 20s. Contact us if you continue to have issues.", 20 * time.Second},
	{"Please try again in 6ms.", 6 * time.Millisecond},
	{"Please try again in 6m0s", 6 * time.Minute},
	{"Please try again in 1h26m24s. Upgrade today.", time.Hour + 26*time.Minute + 24*time.Second},
	{"Please try again in 7h12m0s.", 7*time.Hour + 12*time.Minute},
	{"please try again in 2d3h", 51 * time.Hour},
	{"Rate limit reached for images per minute. Limit: 5/1min. Current: 6/1min. Please try again in 12 seconds.", 12 * time.Second},
	// Azure.
	{"have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 1 second. Please go here", time.Second},
	{"Requests have exceeded call rate limit. Please retry after 86400 seconds.", 24 * time.Hour},
	{"Rate limit is exceeded. Try again in 53 seconds.", 53 * time.Second},
	{"Out of call volume quota. Quota will be replenished in 02:13:57.", 2*time.Hour + 13*time.Minute + 57*time.Second},
	// Google.
	{"* Quota exceeded for metric: x, limit: 2\nPlease retry in 44.097740004s.", 44097740004 * time.Nanosecond},
	{"Please retry in 900.2ms.", 900200 * time.Microsecond},
	{"You have exhausted your capacity on this model. Your quota will reset after 5h12m30s.", 5*time.Hour + 12*time.Minute + 30*time.Second},
	{"Please retry in 1h2m3.5s.", time.Hour + 2*time.Minute + 3500*time.Millisecond},
	// Moonshot, Telegram, Hugging Face, Cohere and friends.
	{"Your account request reached organization max RPM: 3, please try again after 1 seconds", time.Second},
	{"Too Many Requests: retry after 35", 35 * time.Second},
	{"Flood control exceeded. Retry in 12 seconds", 12 * time.Second},
	{"A wait of 87 seconds is required (caused by ResolveUsernameRequest)", 87 * time.Second},
	{"You have reached the rate limit. Retry after 59 seconds (0/1000 requests remaining in current 300s window).", 59 * time.Second},
	{"Request was throttled. Expected available in 831.0 seconds.", 831 * time.Second},
	{"Request was throttled. Expected available in 1 second.", time.Second},
	{"Rate limit of 50 per 86400s exceeded for UserByModelByDay. Please wait 5631 seconds before retrying.", 5631 * time.Second},
	{"Sorry, you've hit a rate limit. Please try again in 58 hours. Please review our terms", 58 * time.Hour},
	{"Looks like you've been doing that a lot. Take a break for 5 minutes before trying again.", 5 * time.Minute},
	{"you are doing that too much. try again in 9 minutes.", 9 * time.Minute},
	{"Rate limit exceeded: 10 requests per minute. Limit resets in ~5s.", 5 * time.Second},
	{"Too many requests. Please wait 6 seconds", 6 * time.Second},
	{"Too many requests, please wait for about 30 seconds before trying again.", 30 * time.Second},
	{"The model is being loaded. Try again shortly, in about 2 minutes.", 2 * time.Minute},
	{"Przekroczono limit zapytań. Spróbuj ponownie za 45 sekund.", 45 * time.Second},
	{"Osiągnięto limit. Możesz spróbować ponownie za 3 minuty.", 3 * time.Minute},
	{"Doucement ! Réessaie dans 20 secondes.", 20 * time.Second},
	{"Wysłano za 3 zł, zamówienie 17.", -1},
	{"You must wait at least 90 seconds between requests", 90 * time.Second},
	{"Request rate limit reached. Wait for another 15 sec.", 15 * time.Second},
	{"Rate limit will reset in 3 minutes and 20 seconds", 200 * time.Second},
	{"Limit resets in 1 hour, 5 minutes", 65 * time.Minute},
	{"Try again in 2 hours 30 min.", 150 * time.Minute},
	{"Please try your request again in 10 seconds.", 10 * time.Second},
	{"Please retry your request after 20 seconds.", 20 * time.Second},
	{"Try again later (in 45 seconds).", 45 * time.Second},
	{"Please try again after 5 minutes", 5 * time.Minute},
	{"Too many attempts. Blocked for 15 minutes.", 15 * time.Minute},
	{"Your IP has been temporarily banned for 1 hour", time.Hour},
	{"You are rate limited for the next 30 seconds", 30 * time.Second},
	{"Cooldown: 12s", 12 * time.Second},
	{"Back off for 10 seconds", 10 * time.Second},
	{"Please come back in 3 hours", 3 * time.Hour},
	{"Next request allowed in 4.5 seconds", 4500 * time.Millisecond},
	{`{"error":"slow down","retry_after":30}`, 30 * time.Second},
	{`upstream said {"retry_after_ms": 1500}`, 1500 * time.Millisecond},
	{`"retryDelay": "44s"`, 44 * time.Second},
	{"retryAfterSeconds=7", 7 * time.Second},
	{"Retry-After: 120", 2 * time.Minute},
	{"Please try again in an hour.", time.Hour},
	{"Please retry in one minute.", time.Minute},
	{"Please wait five minutes before you try again.", 5 * time.Minute},
	{"Model is loading, please try again in 2-3 minutes", 3 * time.Minute},
	{"Please wait 1,500 ms", 1500 * time.Millisecond},
	{"TRY AGAIN IN 20 SECONDS", 20 * time.Second},
	{"Please try again in 0s.", 0},
	{"please retry in 250µs", 250 * time.Microsecond},
	{"Retry in 30 second(s).", 30 * time.Second},
	{"Concurrency limit; wait time is 8 seconds", 8 * time.Second},
	{"Usage limit hit. Resets in 24 hours. Try again in 10 minutes.", 10 * time.Minute},
	// Chinese and Japanese.
	{"请求过于频繁，请在 30 秒后重试", 30 * time.Second},
	{"请求过于频繁，请60秒后再试", time.Minute},
	{"触发限流，请等待 5 分钟", 5 * time.Minute},
	{"当前请求过多，请稍后重试", no},
	{"额度将在2小时后恢复", 2 * time.Hour},
	{"请求在60秒后超时", no},
	{"30秒後に再試行してください", 30 * time.Second},
	{"每分钟最多60次请求", no},

	// No waits.
	{"", no},
	{"Please try again later.", no},
	{"Please wait a few minutes before you try again.", no},
	{"Please try again in a few minutes.", no},
	{"The request did not complete within 30 seconds of its start", no},
	{"Request exceeded the timeout of 60 seconds. Please try again.", no},
	{"limit 60 per minute", no},
	{"max 5 minutes of audio", no},
	{"You made 500 requests in the last 24 hours. Please try again later.", no},
	{"Connection reset after 30 seconds", no},
	{"upstream request timeout after 60s", no},
	{"retry after 3 attempts", no},
	{"Gave up after 3 retries in 30 seconds", no},
	{"Try again with a maximum of 4096 tokens in 60 seconds of audio", no},
	{"Model is available in 5 regions", no},
	{"Rate limit: 60 requests per 60 seconds", no},
	{"token expires in 3600 seconds", no},
	{"Lock wait 50 seconds exceeded; try restarting transaction", no},
	{"Max wait 30 seconds exceeded", no},
	{"We allow 30 seconds per request", no},
	{"Please try again in -5 seconds", no},
	{"Please try again in 99999999999 seconds", no},
	{"Please try again in NaN seconds", no},
	{"Please try again in 1e9 seconds", no},
	{"If you just verified, it can take up to 15 minutes for access to propagate.", no},
	{"Usage resets over a rolling 24-hour window", no},
	{"Wait before trying again. 30 requests per minute are allowed", no},
	{"Try again after 10:00 UTC", no},

	// A second batch, written after the rules were.
	{"You have gone over your IP based rate limit, please try again in 30 seconds", 30 * time.Second},
	{"429 Too many requests.\nPlease retry after approximately 86460 seconds.", 86460 * time.Second},
	{"Rate limit exceeded, retry in 1 minute", time.Minute},
	{"Too Many Requests. Rate limit will reset in 42 seconds", 42 * time.Second},
	{"Rate limit exceeded. Try again in 1 hours, 59 minutes, 3 seconds.", 7143 * time.Second},
	{"Quota exceeded. Time until reset: 3h", 3 * time.Hour},
	{"The model is currently overloaded. Retry the request in 2.5 s", 2500 * time.Millisecond},
	{"API calls quota exceeded! maximum admitted 10 per Second. Retry after: 1 sec", time.Second},
	{"API calls quota exceeded! maximum admitted 1000 per 1h.", no},
	{"Resource has been exhausted (e.g. check quota). Suggested retry delay: 17s", 17 * time.Second},
	{"This model's rate limit will be available again in 15 minutes.", 15 * time.Minute},
	{"You've hit your usage limit. Upgrade or try again in 3 days 4 hours 21 minutes.", 76*time.Hour + 21*time.Minute},
	{"You have exceeded the limit (5 requests/second). Please wait 1s and retry.", time.Second},
	{"Spam protection: wait 00:00:45", 45 * time.Second},
	{"You can retry after 60s", time.Minute},
	{"Please slow down. You can make another request in 12 seconds.", 12 * time.Second},
	{"Please retry after 2 min", 2 * time.Minute},
	{"Rate limited. Retry-After=15", 15 * time.Second},
	{"rate limit: too many tokens; retry_in=3.2s", 3200 * time.Millisecond},
	{"Server is busy. Please try again after 3000 milliseconds", 3 * time.Second},
	{"Please try again in 59.999s.", 59999 * time.Millisecond},
	{"Model m is currently loading. Estimated time: 20 seconds. Please wait.", no},
	{"You are being rate limited. Retry after 0.529 seconds", 529 * time.Millisecond},
	{"Wait 3 hours, 2 minutes before your next upload.", 182 * time.Minute},
	{"Please wait up to 10 minutes for propagation", no},
	{"upstream connect error or disconnect/reset before headers. retried and the latest reset reason: connection timeout", no},
	{"The job was retried 3 times in 60 seconds", no},
	{"Audio must be at most 30 seconds; retry after trimming", no},
	{"This API is available in beta for 30 days", no},
	{"Invalid value for 'wait': 30 seconds is too long", no},
	{"Your trial is over; try again in 2025", no},
	{"context deadline exceeded while awaiting headers after 30 seconds", no},
	{"Request limit of 100 in 15 minutes exceeded", no},
	{"Polling interval must be after 5 seconds", no},
	{"The session was reset 5 minutes ago", no},
	{"账户请求超过限制，请等待约 15 秒后重试", 15 * time.Second},
	{"触发每日限额，请在24小时后再次尝试", 24 * time.Hour},
	{"速率限制：每 60 秒 10 次，请稍后再试", no},
	{"操作太频繁，请1分30秒后重试", 90 * time.Second},
	{"请求超时，已等待30秒", no},
	{"额度已用尽，请于8月1日后重试", no},
}

func TestText(t *testing.T) {
	wrong := 0
	for _, tt := range texts {
		got, ok := wait.Text(tt.message)
		if !ok {
			got = no
		}
		if got != tt.want {
			wrong++
			t.Errorf("Text(%q): got %v, want %v", tt.message, got, tt.want)
		}
	}
	t.Logf("%d of %d right", len(texts)-wrong, len(texts))
}

// No make of message may cost more than its bound says: reading it twice from
// every word on would.
func TestTextIsBounded(t *testing.T) {
	for _, part := range []string{"again ", "again in ", "retry after 1 ", "retry after 1,000,", "wait 1s,", "1秒", "等待1,000", "again in\t\t", "again at 2", "wait:", "a", "9", "9.9", "wait a ", "'wait"} {
		message := strings.Repeat(part, 1<<20/len(part))
		start := time.Now()
		wait.Text(message)
		if took := time.Since(start); took > time.Second {
			t.Errorf("Text(%q repeated): took %v, want far less than a second", part, took)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, tt := range texts {
		f.Add(tt.message)
	}
	f.Fuzz(func(t *testing.T, message string) {
		d, ok := wait.Text(message)
		if d < 0 || d > wait.Longest {
			t.Errorf("Text(%q): got %v, want 0 to %v", message, d, wait.Longest)
		}
		if !ok && d != 0 {
			t.Errorf("Text(%q): got %v without ok, want 0", message, d)
		}
		if again, _ := wait.Text(message); again != d {
			t.Errorf("Text(%q): got %v, then %v", message, d, again)
		}
	})
}
