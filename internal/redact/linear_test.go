package redact_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// units are texts that, over and over, make a cleaner look at the same bytes
// again and again if it can be made to.
var units = []string{
	"lorem ipsum ", "a", "a:", "a=", "token=", "token:", "token: ", "key=a&", "sk-", "sk_", "eyJ", "eyJ.", "-", "--", "sk-a-", "://", "a://", "://a:", "://a:b", "http://a:b", "https://a/",
	"a.b/", "/", "//", `\/`, "%2F", "%2f%", "%25", "%", "&", "&#", "&#x", "&amp;", `\u00`, `\`, "hooks.slack.com/", "hooks.slack.com/services/", "discord.com/api/webhooks/1/",
	"bearer ", "bearer", "Bearer: ", "authorization token ", "authorization: ", "PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", "-----END ", "Cookie: ", "bot123456:", "\n", " ", "\x00", "é", "\ufe0f", "\xff", "🙂",
	"*", "sk-*", `"`, `":"`, `{"a":`, "[", "<a>", "password", "passwordpassword=", "4fT9xQ2m", "4fT9xQ2m-", "QT7AVZR9", "hook/", "webhook/a/", "key/", "a@b:", "a:b@", "u0026", `\u0026`,
	"0123456789abcdef", "c2Vjb25k", "c2Vjb25k+/", "c2Vj=", `"a":{"b":[`, `{"key":"value"},`, `""`, `\"`, `'"`, "https://a.example/b?c=d&token=e f ", "-----BEGIN RSA PRIVATE KEY-----\n", `\\`, `\\\\u0026#`, "&#37;25", "%u0026",
	"[redacted]", "[redacted", "hooks.slack.com%2Fservices%2F", "glpat-", "ghp_abc", "Idempotency-Key: ", "Authorization: Basic ", "--token ", "\u3164", "\u202e", "&quot;", "&#x41;", "&#65;", "qT7avZr9bL ", "ab", "abab ", "4fT9xQ2m/", "4f%54",
}

// mixtures returns texts in which several units follow one another, again and again:
// what one of them begins another may go on with.
func mixtures(n int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	all := make([]string, n)
	for i := range all {
		for range 2 + r.IntN(4) {
			all[i] += units[r.IntN(len(units))]
		}
	}
	return all
}

// manyKeys is a JSON text with as many names as fit.
func manyKeys() string {
	var b strings.Builder
	for i := 0; b.Len() < 64<<10; i++ {
		fmt.Fprintf(&b, `{"k%d":`, i)
	}
	return b.String()
}

var knownSecrets = []string{"Bearer qT7avZr9bLk2cwE5xYb8", "qT7avZr9bLk2cwE5xYb8", strings.Repeat("ab", 3000), strings.Repeat("4fT9xQ2m", 500), strings.Repeat("a", 4000)}

// cost is the least time of many: other work on the machine only adds to it.
func cost(c redact.Cleaner, text string, times int) time.Duration {
	best := time.Hour
	for range times {
		began := time.Now()
		c.Line(text, 64<<10)
		best = min(best, time.Since(began))
	}
	return best
}

// Sixteen times the text may take 64 times the time at most: what is quadratic
// takes 256 times. Less room than that fails now and then on good code, since a
// text of 64 KiB no longer fits into what a processor and an allocator keep at hand.
func TestCleaningTakesLinearTime(t *testing.T) {
	c := redact.Without(knownSecrets...)
	some := 60
	if testing.Short() {
		some = 10
	}
	for _, unit := range slices.Concat(units, []string{manyKeys()}, mixtures(some)) {
		name := unit[:min(len(unit), 80)]
		text := strings.Repeat(unit, 64<<10/len(unit)+1)[:64<<10]
		part, whole := cost(c, text[:4<<10], 3), cost(c, text, 3)
		slow := func() bool { return whole > 5*time.Millisecond && whole > 64*part || whole > 200*time.Millisecond }
		for range 3 { // a busy machine is not slow each time
			if slow() {
				part, whole = cost(c, text[:4<<10], 30), cost(c, text, 30)
			}
		}
		if slow() {
			t.Errorf("%q: 64 KiB take %v, a sixteenth of it %v", name, whole, part)
		}
		t.Logf("%8v %q", whole.Round(10*time.Microsecond), name)
	}
}

func BenchmarkLine(b *testing.B) {
	c := redact.Without(knownSecrets...)
	for _, unit := range []string{"lorem ipsum ", "a:", "sk-", "https://a.b/c/"} {
		for _, n := range []int{1 << 10, 4 << 10, 16 << 10, 64 << 10} {
			text := strings.Repeat(unit, n/len(unit)+1)[:n]
			b.Run(unit+"/"+time.Duration(n >> 10).String()[:1], func(b *testing.B) {
				b.SetBytes(int64(n))
				for b.Loop() {
					c.Line(text, n)
				}
			})
		}
	}
}
