package redact_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// keys are made up, in the shapes that their issuers document. Those that
// scanners for secrets look for stand in two parts.
var keys = []struct{ name, key string }{
	{"OpenAI", "sk-4fT9xQ2mN7bV1cZ8kL3jH6gF5dS0aP2o"},
	{"OpenAI project", "sk-proj-4fT9xQ2mN7bV1cZ8kL3jH6gF5dS0aP2o"},
	{"OpenRouter", "sk-or-v1-9f8e7d6c5b4a39281706f5e4d3c2b1a0"},
	{"Anthropic", "sk-ant-api03-4fT9xQ2mN7bV1cZ8kL3jH6gF5dS0aP2o-AA"},
	{"half-hidden by its server", "sk-4fT9x************************aP2o"},
	{"Stripe secret", "sk_test_" + "4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"Stripe public", "pk_live_" + "4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"Stripe restricted", "rk_live_" + "4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"Stripe webhook", "whsec_4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"Google", "AIza" + "SyA4fT9xQ2mN7bV1cZ8kL3jH6gF5dS0aP2o"},
	{"Google OAuth", "ya29.a0Af4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"Google client secret", "GOCSPX-4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"AWS", "AKIA" + "4FT9XQ2MN7BV1CZ8"},
	{"AWS for a session", "ASIA4FT9XQ2MN7BV1CZ8"},
	{"GitHub personal", "ghp_" + "4fT9xQ2mN7bV1cZ8kL3jH6gF5dS0aP2o"},
	{"GitHub OAuth", "gho_" + "4fT9xQ2mN7bV1cZ8kL3jH6gF5dS0aP2o"},
	{"GitHub for a user", "ghu_" + "4fT9xQ2mN7bV1cZ8kL3jH6gF5dS0aP2o"},
	{"GitHub for a server", "ghs_" + "4fT9xQ2mN7bV1cZ8kL3jH6gF5dS0aP2o"},
	{"GitHub refresh", "ghr_" + "4fT9xQ2mN7bV1cZ8kL3jH6gF5dS0aP2o"},
	{"GitHub fine-grained", "github_pat_" + "4fT9xQ2mN7bV1cZ8_kL3jH6gF5dS0aP2o"},
	{"GitLab", "glpat-" + "4fT9xQ2mN7bV1cZ8kL3j"},
	{"Slack bot", "xoxb-" + "123456789012-4fT9xQ2mN7bV1cZ8"},
	{"Slack user", "xoxp-" + "123456789012-4fT9xQ2mN7bV1cZ8"},
	{"Slack workspace", "xoxa-" + "123456789012-4fT9xQ2mN7bV1cZ8"},
	{"Slack refresh", "xoxe-1-4fT9xQ2mN7bV1cZ8"},
	{"Slack app", "xapp-1-A012-123456789012-4fT9xQ2mN7bV"},
	{"Hugging Face", "hf_" + "4fTxQmNbVcZkLjHgFdSaPo"},
	{"Replicate", "r8_4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"Groq", "gsk_" + "4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"xAI", "xai-4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"Perplexity", "pplx-4ft9xq2mn7bv1cz8kl3jh6gf"},
	{"NVIDIA", "nvapi-4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"Fireworks", "fw_4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"Together", "tgp_v1_4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"SendGrid", "SG." + "4fT9xQ2mN7bV1cZ8.kL3jH6gF5dS0aP2o"},
	{"Shopify", "shpat_4f9e2a7b1c8d3e6f5a0b2c4d"},
	{"Shopify shared", "shpss_4f9e2a7b1c8d3e6f5a0b2c4d"},
	{"Notion", "ntn_4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"Notion of old", "secret_4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"Vault", "hvs.4fT9xQ2mN7bV1cZ8kL3jH6gF"},
	{"Mailgun", "key-4f9e2a7b1c8d3e6f5a0b2c4d"},
	{"DigitalOcean", "dop_v1_4f9e2a7b1c8d3e6f5a0b2c4d"},
	{"JSON web token", "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiI0ZlQ5eCJ9.4fT9xQ2mN7bV1cZ8"},
}

func TestKeysAreMaskedWhereverTheyStand(t *testing.T) {
	for _, context := range []struct{ name, text string }{
		{"alone", "%s"},
		{"in a sentence", "the key %s is not known here"},
		{"at the end of a sentence", "incorrect API key provided: %s. Find yours at https://example.com/keys."},
		{"in double quotes", `key "%s" is wrong`},
		{"in single quotes", `key '%s' is wrong`},
		{"in backticks", "key `%s` is wrong"},
		{"in brackets", "who is (%s), or [%[1]s], or <%[1]s>?"},
		{"after a line break", "key:\n%s\n"},
		{"after a tab and blanks", "key\t  %s"},
		{"in JSON", `{"error":{"given":"%s","n":1}}`},
		{"in JSON within JSON", `{"body":"{\"given\":\"%s\"}"}`},
		{"in a query", "https://api.example/v1?a=1&given=%s&b=2"},
		{"in a query under a telling name", "https://api.example/v1?key=%s"},
		{"in a path", "https://api.example/bot/%s/send"},
		{"in a header", "X-Api-Key: %s"},
		{"in an Authorization header", "Authorization: Bearer %s"},
		{"in a form", "grant_type=x&client_secret=%s"},
		{"in a list", "one,%s;two"},
		{"twice", "%s and %[1]s"},
	} {
		t.Run(context.name, func(t *testing.T) {
			for _, k := range keys {
				got := redact.Line(fmt.Sprintf(context.text, k.key), 1024)
				if leaks(got, k.key) || !strings.Contains(got, redact.Mask) {
					t.Errorf("%s: got %q, want %q in place of the key", k.name, got, redact.Mask)
				}
			}
		})
	}
}

// leaks reports whether enough of key is in s to be of use. Its prefix and a
// few bytes more are not.
func leaks(s, key string) bool {
	half := len(key) / 2
	return strings.Contains(s, key[:half]) || strings.Contains(s, key[half:])
}

func TestKeysAreMaskedAtTheCut(t *testing.T) {
	const max = 200
	for _, k := range keys {
		for pad := max - len(k.key) - 20; pad < max+20; pad++ {
			got := redact.Line(strings.Repeat("a", pad)+" "+k.key+" and more", max)
			if leaks(got, k.key) || len(got) > max {
				t.Fatalf("%s after %d bytes: got %q", k.name, pad, got)
			}
		}
	}
}

func TestAnnouncedSecretsAreMasked(t *testing.T) {
	const secret = "4f9e2a7b1c8d3e6f5a0b2c4d"
	for _, row := range []struct{ name, in, want string }{
		{"bearer", "sent Bearer " + secret + ", no more", "sent Bearer [redacted], no more"},
		{"bearer in lower case", "sent bearer " + secret, "sent bearer [redacted]"},
		{"basic", "Basic dXNlcjpwYXNz1", "Basic [redacted]"},
		{"query: key", "GET /v1?key=" + secret + "&n=1", "GET /v1?key=[redacted]&n=1"},
		{"query: api_key", "GET /v1?api_key=" + secret, "GET /v1?api_key=[redacted]"},
		{"query: access_token", "GET /v1?access_token=" + secret, "GET /v1?access_token=[redacted]"},
		{"query: a signature", "GET /v1?X-Amz-Signature=" + secret, "GET /v1?X-Amz-Signature=[redacted]"},
		{"query: sig", "GET /v1?sv=2020&sig=" + secret, "GET /v1?sv=2020&sig=[redacted]"},
		{"query: a short password", "GET /v1?password=hunter", "GET /v1?password=[redacted]"},
		{"header", "x-api-key: " + secret, "x-api-key: [redacted]"},
		{"header without a blank", "Api-Key:" + secret, "Api-Key:[redacted]"},
		{"JSON", `{"client_secret":"` + secret + `"}`, `{"client_secret":"[redacted]"}`},
		{"JSON with a blank", `{"client_secret": "` + secret + `"}`, `{"client_secret": "[redacted]"}`},
		{"JSON within JSON", `{\"token\":\"` + secret + `\"}`, `{\"token\":\"[redacted]\"}`},
		{"a key of letters only", "api_key: abcdefghijklmnopqrstuvwx", "api_key: [redacted]"},
	} {
		if got := redact.Line(row.in, 1024); got != row.want {
			t.Errorf("%s:\ngot  %q\nwant %q", row.name, got, row.want)
		}
	}
}

// What servers really say, which nobody may lose to the mask.
func TestProseIsUnharmed(t *testing.T) {
	for _, s := range []string{
		"You exceeded your current quota, please check your plan and billing details.",
		"Rate limit reached for gpt-4o in organization org-a1B2c3D4e5F6 on tokens per min (TPM): Limit 30000, Used 29468, Requested 1163. Please try again in 1.262s.",
		"This model's maximum context length is 128000 tokens. However, your messages resulted in 130512 tokens.",
		"The model `gpt-5o-mini-2031-01-01` does not exist or you do not have access to it.",
		"max_tokens is too large: 99999. This model supports at most 16384 completion tokens, whereas you provided 99999.",
		"Invalid type for 'messages[0].content': expected one of a string or array of objects, but got an integer instead.",
		"Missing bearer or basic authentication in header",
		"You must be a member of an organization to use the API.",
		"Your organization must be verified to use the model `o3-2025-04-16`.",
		"max_tokens: 200000 > 64000, which is the maximum allowed number of output tokens for claude-sonnet-4-20250514",
		"prompt is too long: 215000 tokens > 200000 maximum",
		"messages: roles must alternate between \"user\" and \"assistant\", but found multiple \"user\" roles in a row",
		"Your credit balance is too low to access the API. Please go to Plans & Billing to upgrade or purchase credits.",
		"invalid x-api-key",
		"Number of request tokens has exceeded your per-minute rate limit (https://docs.anthropic.com/en/api/rate-limits)",
		"API key not valid. Please pass a valid API key.",
		"Resource has been exhausted (e.g. check quota).",
		"Quota exceeded for metric: generativelanguage.googleapis.com/generate_content_free_tier_requests, limit: 50, model: gemini-2.5-flash",
		"models/gemini-9 is not found for API version v1beta, or is not supported for generateContent.",
		"Request contains an invalid argument: contents[0].parts must not be empty.",
		"API rate limit exceeded for user ID 583231. If you reach out to GitHub Support for help, please include the request ID A1B2:3C4D:5E6F and timestamp 2024-03-04 12:00:00 UTC.",
		"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
		"Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription.",
		"Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-02-01 have exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 12 seconds.",
		"No such customer: 'cus_NffrFeUfNV2Hib'; a similar object exists in test mode, but a live mode key was used to make this request.",
		"Keys for idempotent requests can only be used with the same parameters they were first used with.",
		"pods \"web-7d4b9c6f5-x2x9z\" is forbidden: User \"system:serviceaccount:default:web\" cannot get resource \"pods\" in API group \"\"",
		"User: arn:aws:iam::123456789012:user/dev is not authorized to perform: bedrock:InvokeModel on resource: arn:aws:bedrock:us-east-1::foundation-model/m",
		"The security token included in the request is expired",
		"duplicate key value violates unique constraint \"users_email_idx\"",
		"Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON",
		"invalid token: expired",
		"Post \"https://api.example.com/v1/chat\": dial tcp 203.0.113.7:443: connect: connection refused",
		"tls: failed to verify certificate: x509: certificate signed by unknown authority",
		"the package sk-learn is not installed; sk-learn-users may help",
		"secret_name is required; see key-rotation and hf_transfer",
		"{\"detail\":[{\"loc\":[\"body\",\"messages\",0],\"msg\":\"field required\",\"type\":\"value_error.missing\"}]}",
		"request id: 0b6f2d1e-8c3a-4f57-9d20-5e1b7a9c4d33 (trace 4bf92f3577b34da6a3ce929d0e0e4736)",
		"(quota) used up",
		"\"model\" is missing",
		"模型不存在：请检查模型名称。",
		"Limite dépassée : réessayez dans 20 secondes 🙂",
	} {
		if got := redact.Line(s, 1024); got != s {
			t.Errorf("got  %q\nwant %q", got, s)
		}
	}
}

func TestLineIsOneCleanLine(t *testing.T) {
	for _, row := range []struct{ name, in, want string }{
		{"empty", "", ""},
		{"blank", " \t\r\n ", ""},
		{"line breaks", "a\r\nb\n\nc", "a b c"},
		{"blanks around and between", "  a \t b  ", "a b"},
		{"a blank before", " a", "a"},
		{"two blanks before", "  a", "a"},
		{"a blank behind", "a ", "a"},
		{"two blanks inside", "a  b", "a b"},
		{"nothing but control characters", "\x01\x02", ""},
		{"nothing but what cannot be seen", "\u200b\u202e", ""},
		{"the first and the last that can be", "!~\n!~", "!~ !~"},
		{"an entity that is cut off", "a &#12", "a &#12"},
		{"colours", "\x1b[31mred\x1b[0m", "[31mred [0m"},
		{"a window title", "\x1b]0;title\x07text", "]0;title text"},
		{"NUL and backspace", "a\x00b\bc", "a b c"},
		{"C1 control characters", "a\u0085b\u009bc", "a b c"},
		{"line and paragraph separators", "a\u2028b\u2029c", "a b c"},
		{"marks of direction", "a\u202eb\u2066c\u200f", "a b c"},
		{"a byte order mark", "\ufeffa", "a"},
		{"invalid UTF-8", "a\xffb\xc3", "a b"},
		{"other scripts", "é 日本 🙂", "é 日本 🙂"},
	} {
		if got := redact.Line(row.in, 100); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, row := range []struct {
		name, in string
		max      int
		want     string
	}{
		{"fits", "0123456789", 10, "0123456789"},
		{"one byte more", "0123456789a", 10, "0123456…"},
		{"no room for the ellipsis", "0123456789", 2, ""},
		{"room for the ellipsis alone", "0123456789", 3, "…"},
		{"within a character of two bytes", "012345é89ab", 10, "012345…"},
		{"within a character of four bytes", "01234🙂🙂", 10, "01234…"},
		{"after blanks are folded it fits", "0    1    2", 5, "0 1 2"},
		{"after a key is masked it fits", "sk-proj-4fT9xQ2mN7bV1cZ8kL3jH6gF", 10, "[redacted]"},
	} {
		if got := redact.Line(row.in, row.max); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

func TestKnownSecretsAreMasked(t *testing.T) {
	for _, row := range []struct {
		name    string
		secrets []string
		in      string
		want    string
	}{
		{"of no telling shape", []string{"correct horse"}, "who is correct horse?", "who is [redacted]?"},
		{"twice", []string{"battery7"}, "battery7, battery7", "[redacted], [redacted]"},
		{"two", []string{"battery7", "staple99"}, "battery7 staple99", "[redacted] [redacted]"},
		{"one that holds the other", []string{"Bearer battery7", "battery7"}, "Bearer battery7 or battery7", "[redacted] or [redacted]"},
		{"too short to be one", []string{"none", ""}, "there is none", "there is none"},
		{"none", nil, "nothing to hide", "nothing to hide"},
	} {
		if got := redact.Without(row.secrets...).Line(row.in, 100); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

func FuzzLine(f *testing.F) {
	f.Add("Incorrect API key provided: ", ". Find yours.", uint16(100))
	f.Add("{\"token\":\"", "\"}\n\x1b[31m\xff\u202e", uint16(20))
	f.Add("https://api.example/v1?key=", "&b=%2F", uint16(30))
	f.Add(strings.Repeat("é ", 90), "", uint16(190))
	f.Add("token=abcde ", "", uint16(12))
	f.Fuzz(func(t *testing.T, before, after string, limit uint16) {
		const key = "sk-proj-4fT9xQ2mN7bV1cZ8kL3jH6gF5dS0aP2o"
		max := 3 + int(limit)%2000 // an ellipsis has three bytes
		got := redact.Line(before+" "+key+" "+after, max)
		if strings.Contains(got, key[:12]) && !strings.Contains(before+after, key[:12]) {
			t.Errorf("got %q, want it without the key", got)
		}
		if len(got) > max || !utf8.ValidString(got) {
			t.Errorf("got %d bytes, valid %v; want at most %d", len(got), utf8.ValidString(got), max)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("got %q, want nothing but printable characters", got)
		}
		if strings.TrimSpace(got) != got || strings.Contains(got, "  ") {
			t.Errorf("got %q, want blanks folded", got)
		}
		// What was cut may be cut again, elsewhere.
		if again := redact.Line(got, max); again != got && !strings.HasSuffix(got, "…") {
			t.Errorf("got %q, then %q; want a clean line to stay as it is", got, again)
		}
	})
}

func TestSecretsInOddPlaces(t *testing.T) {
	const key = "sk-proj-Ab3dEf6hIj9kLm2nOp5q"
	for _, row := range []struct{ name, in, secret string }{
		{"curly quotes", "key “" + key + "” is invalid", "Ef6hIj9k"},
		{"Chinese colon", "无效的令牌：" + key, "Ef6hIj9k"},
		{"after an escaped newline in raw JSON", `{"detail":"bad key\n` + key + `"}`, "Ef6hIj9k"},
		{"after an escaped < in raw JSON", `{"detail":"bad key \u003c` + key + `\u003e"}`, "Ef6hIj9k"},
		{"percent-encoded space", "Authorization=Bearer%20" + key, "Ef6hIj9k"},
		{"percent-encoded query", "url=https%3A%2F%2Fx%2F%3Fkey%3DAIza" + "SyA1234567890abcdefghijklmnopqrstu", "1234567890abc"},
		{"markdown", "your key **" + key + "** is", "Ef6hIj9k"},
		{"dotted", "config.openai." + key, "Ef6hIj9k"},
		{"ellipsis before", "…" + key, "Ef6hIj9k"},
		{"dash before", "--" + key, "Ef6hIj9k"},
		{"flag", "--api-key " + "0123456789abcdef0123456789abcdef", "456789abcdef"},
		{"env", "OPENAI_API_KEY='0123456789abcdef0123456789abcdef'", "456789abcdef"},
		{"python dict", `{'api_key': '0123456789abcdef0123456789abcdef'}`, "456789abcdef"},
		{"quoted assignment", `api_key="0123456789abcdef0123456789abcdef"`, "456789abcdef"},
		{"spaced assignment", `api_key = 0123456789abcdef0123456789abcdef`, "456789abcdef"},
		{"Go header print", "map[X-Api-Key:[0123456789abcdef0123456789abcdef]]", "456789abcdef"},
		{"json array", `{"X-Api-Key":["0123456789abcdef0123456789abcdef"]}`, "456789abcdef"},
		{"token scheme", "Authorization: token 0123456789abcdef0123456789abcdef01234567", "456789abcdef"},
		{"api key scheme", "Authorization: ApiKey 0123456789abcdef0123456789abcdef01234567", "456789abcdef"},
		{"bearer quoted", `Bearer "0123456789abcdef0123456789abcdef"`, "456789abcdef"},
		{"bearer colon", `Bearer: 0123456789abcdef0123456789abcdef`, "456789abcdef"},
		{"base64 with slash", "Authorization: Basic dXNlcjpw/c3dvcmQxMjM0NTY3ODkw", "c3dvcmQxMjM0"},
		{"AWS secret key", "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "bPxRfiCYEX"},
		{"percent-encoded value", "https://x/?token=abcdef%2Fghijklmnopqrstuvwxyz0123", "ghijklmnop"},
		{"userinfo", "dial https://admin:hunter2hunter2@db.internal/x", "hunter2hunter2"},
		{"json password of letters", `{"password":"correcthorsebattery"}`, "correcthorse"},
		{"password with punctuation", `{"password":"hunter2!correct$horse"}`, "correct$horse"},
		{"rotated Slack token", "xoxe.xoxp-1-Mi0yLTEyMzQ1Njc4OTAtYWJj", "Mi0yLTEy"},
		{"Slack session", "xoxs-" + "416843729158-132049654-5609968301-e708ba56e1", "5609968301"},
		{"Cerebras", "csk-4f5g6h7j8k9l0m1n2b3v4c5x6z", "6h7j8k9l"},
		{"npm", "npm_4f5g6h7j8k9l0m1n2b3v4c5x6z", "6h7j8k9l"},
		{"Bedrock", "ABSKQmVkcm9ja0FQSUtleS1hYmNkMTIzNDU2Nzg5", "cm9ja0FQ"},
		{"Telegram path", "https://api.telegram.org/bot123456789:AAF-abc_DEF1234ghIkl-zyx57W2v1u123ew11/send", "abc_DEF1234"},
		{"Slack webhook", "https://hooks.slack.com/services/T0000/B0000/XXXXXXXXXXXX4567XXXXXX", "XXXX4567"},
		{"pem", "-----BEGIN PRIVATE KEY----- MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "MIIEvQIBADAN"},
		{"form code", "grant_type=authorization_code&code=4/0AX4XfWh1234567890abcdef&client_assertion=eyXhbGciOi123456", "1234567890abcdef"},
		{"cookie", "Cookie: session=8f14e45fceea167a5a36dedd4bea2543", "a167a5a36"},
	} {
		if got := redact.Line(row.in, 1024); strings.Contains(got, row.secret) {
			t.Errorf("%s: got %q, want it without %q", row.name, got, row.secret)
		}
	}
}

func TestProseThatLooksLikeSecrets(t *testing.T) {
	for _, in := range []string{
		"You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
		"Basic Authentication is required",
		"Missing Bearer Authorization header",
		"Use Bearer Authentication",
		"Unknown key: maxOutputTokens",
		"Duplicate key: Temperature",
		"Invalid token: Unauthorized",
		"Missing key: OPENAI_API_KEY",
		"missing credential: AWS_ACCESS_KEY_ID",
		"Region ASIA-PACIFIC-SOUTH is not enabled",
		"api_key: 无效的密钥格式错误请检查",
		"Unknown model key-value-store-configuration",
		"unexpected token: STRING_LITERAL",
		"Model sk-learn-regression-model-v2 not found",
		"Invalid partition key: customerId",
	} {
		if got := redact.Line(in, 1024); got != in {
			t.Errorf("got  %q\nwant %q", got, in)
		}
	}
	if got := redact.Line("token=abcde and more words", 14); got != redact.Line(got, 14) {
		t.Errorf("not idempotent: %q then %q", got, redact.Line(got, 14))
	}
	func() {
		defer func() {
			if r := recover(); r != nil {
				t.Errorf("max 2: %v", r)
			}
		}()
		redact.Line("abcdef", 2)
	}()
	pad := strings.Repeat("\n", 4*200+1024-19)
	if got := redact.Line(pad+"AIza"+"SyA1234567890abcdefghijklmnopqrstu", 200); strings.Contains(got, "AIzaSy") {
		t.Errorf("limit cut: %q", got)
	}
}

func TestKnownSecrets(t *testing.T) {
	const secret = "correct-horse-battery-staple"
	// The limit cuts the known secret in two before it is looked for.
	in := strings.Repeat("\n", 4*200+1024-20) + secret
	if got := redact.Without(secret).Line(in, 200); strings.Contains(got, "correct-horse") {
		t.Errorf("at the limit: got %q", got)
	}
	// A placeholder that local servers want is a word of their messages.
	if got := redact.Without("Bearer ollama", "ollama").Line("model not found, try pulling it with ollama pull", 200); strings.Contains(got, redact.Mask) {
		t.Errorf("placeholder: got %q", got)
	}
}

// How short a value may be, and what must stand before it.
func TestHowLongAValueIsMasked(t *testing.T) {
	const mask = redact.Mask
	for _, row := range []struct{ text, want string }{
		{"/x?client_secret=abcd", "/x?client_secret=" + mask},
		{"/x?client_secret=abc", "/x?client_secret=abc"},
		{"/x?token=abcd", "/x?token=" + mask},
		{"/x?a=b&token=abcd", "/x?a=b&token=" + mask},
		{"/x;token=abcd", "/x;token=" + mask},
		{"/x?token=abc", "/x?token=abc"},
		{"?token=abcd", "?token=" + mask},
		{"token=abcd", "token=abcd"},
		{"a token=abcde", "a token=abcde"},
		{"a token=abcdef", "a token=" + mask},
		{"a token: abcdef", "a token: abcdef"},
		{"a token:abcdef", "a token:abcdef"},
		{"code=abcdefgh12345678901", "code=abcdefgh12345678901"},
		{"code=abcdefgh123456789012", "code=" + mask},
		{"code: abcdefgh123456789012", "code: abcdefgh123456789012"},
		{"https://user:p@h.example/", "https://user:" + mask},
		{"https://user:@h.example/", "https://user:@h.example/"},
		{"https://:p@h.example/", "https://:" + mask},
		{"https://q1w2e3r4t5y6u7i8@h.example/", "https://" + mask},
		{"https://q1w2e3r4t5y6u7i@h.example/", "https://q1w2e3r4t5y6u7i@h.example/"},
		{"https://user@h.example/", "https://user@h.example/"},
		{"https://h.example:80", "https://h.example:80"},
		{"a word 1234567890abcdefghij here", "a word 1234567890abcdefghij here"},
	} {
		if got := redact.Line(row.text, 1024); got != row.want {
			t.Errorf("%s\n got %s\nwant %s", row.text, got, row.want)
		}
	}
}
