package redact_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

const (
	drawn   = "qW3rT5yU7iO9pA1sD2fG4hJ6"
	drawn32 = "9f86d081884c7d659a2feaa0c55ad015"
	long    = "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789_-aBcDeFgHiJkLmNoPqRsTuVwXyZ0123"
	id      = "3f2b8c1e-9d47-4a6b-8e15-7c0d2a9b4f63"
)

// secretPaths are addresses that whoever knows can use.
var secretPaths = []struct{ url, secret string }{
	{"https://hooks.slack.com/services/T01234567/B01234567/" + drawn, drawn},
	{"https://hooks.slack.com/workflows/T01234567/A0123/123456/" + drawn, drawn},
	{"https://hooks.slack.com/triggers/T01234567/123456/" + drawn32, drawn32},
	{"https://discord.com/api/webhooks/123456789012345678/" + long, long},
	{"https://canary.discord.com/api/v10/webhooks/123456789012345678/" + long + "/messages/1234", long},
	{"https://discordapp.com/api/webhooks/123456789012345678/" + long + "/slack", long},
	{"https://discord.com/api/v10/interactions/1234567890/" + drawn + "/callback", drawn},
	{"https://api.telegram.org/bot123456789:AAF" + drawn + "/sendMessage", drawn},
	{"https://api.telegram.org/file/bot123456789:AAF" + drawn + "/photos/a.jpg", drawn},
	{"http://localhost:8081/bot123456789:AAF" + drawn + "/getMe", drawn},
	{"https://contoso.webhook.office.com/webhookb2/1b7e@2c3d/IncomingWebhook/" + drawn32 + "/4a5b", drawn32},
	{"https://outlook.office.com/webhook/" + id + "@2c3d/IncomingWebhook/" + drawn32 + "/" + id, drawn32},
	{"https://mainnet.infura.io/v3/" + drawn32, drawn32},
	{"wss://mainnet.infura.io/ws/v3/" + drawn32, drawn32},
	{"https://eth-mainnet.g.alchemy.com/v2/" + drawn, drawn},
	{"https://eth-mainnet.g.alchemy.com/nft/v3/" + drawn + "/getNFTs", drawn},
	{"https://eth-mainnet.g.alchemy.com/v2/vIoWxRx-OZArmltIRBhupvztzgG-qrsy", "vIoWxRx-OZArmltIRBhupvztzgG-qrsy"},
	{"https://api.example.com/v1/glpat-" + drawn + "/send", drawn},
	{"https://endpoint1.collection.sumologic.com/receiver/v1/http/" + long + "==", long},
	{"https://hooks.zapier.com/hooks/catch/123456/b2x9k4q/", "b2x9k4q"},
	{"https://hook.eu1.make.com/" + drawn32, drawn32},
	{"https://maker.ifttt.com/trigger/ring/with/key/" + drawn, drawn},
	{"https://open.feishu.cn/open-apis/bot/v2/hook/" + id, id},
	{"https://hc-ping.com/" + id + "/fail", id},
	{"https://events.pagerduty.com/integration/" + drawn32 + "/enqueue", drawn32},
	{"https://logs-01.loggly.com/inputs/" + id + "/tag/http/", id},
	{"https://api.netlify.com/build_hooks/5f0c1d2e3b4a59687f6e5d4c", "5f0c1d2e3b4a59687f6e5d4c"},
	{"https://chat.example.com/hooks/xkp9wq3mzfn7jr5tbhc8sdyg4a", "xkp9wq3mzfn7jr5tbhc8sdyg4a"},
	{"https://rocket.example.com/hooks/5f0c1d2e3b4a59687f6e5d4c/" + drawn, drawn},
	{"https://n8n.example.com/webhook/" + id, id},
	{"https://hub.example.com/api/webhooks/incoming/" + long, long},
	{"https://api.example.com/v1/key/" + drawn + "/list", drawn},
	{"https://shop.example.com/cart;jsessionid=" + drawn, drawn},
	{"https://shop.example.com/cart;lang=de;JSESSIONID=correct-horse-battery/items", "correct-horse-battery"},
	{"https://api.example.com/v1/token=correct-horse-battery/items", "correct-horse-battery"},
	{"https://proxy.example.com/hooks.slack.com/services/T01234567/B01234567/" + drawn, drawn},
}

func TestSecretsInPathsAreMasked(t *testing.T) {
	for _, row := range secretPaths {
		u, err := url.Parse(row.url)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range []string{u.Host, strings.ToUpper(u.Host), u.Host + ":443", u.Host + ".", u.Host + ".:443"} {
			if got := redact.Path(host, u.EscapedPath()); leaks(got, row.secret) || !strings.Contains(got, redact.Mask) {
				t.Errorf("%s at %s: path %s", row.url, host, got)
			}
		}
		for _, form := range []struct{ name, text string }{
			{"alone", row.url},
			{"in a sentence", "no answer from " + row.url + ", try again"},
			{"in an error", `Post "` + row.url + `": dial tcp: refused`},
			{"the second of two", "https://api.example.com/v1/items and " + row.url + " and https://api.example.com/v1/items"},
			{"behind another in one word", "https://api.example.com/v1/" + row.url},
			{"in JSON that escapes slashes", `{"url":"` + strings.ReplaceAll(row.url, "/", `\/`) + `"}`},
			{"as the value of a query", "https://api.example.com/?to=" + url.QueryEscape(row.url) + "&n=1"},
			{"of capitals and with a port", strings.Replace(row.url, u.Host, strings.ToUpper(u.Hostname())+":443", 1)},
		} {
			if form.name == "as the value of a query" && strings.Contains(row.url, "bot123") {
				continue // its colon is escaped too
			}
			if got := redact.Line(form.text, 1024); leaks(got, row.secret) {
				t.Errorf("%s, %s: got %s", row.url, form.name, got)
			}
		}
	}
}

// The ids of ordinary APIs are what somebody looks for in a log.
func TestIDsInPathsAreShown(t *testing.T) {
	for _, s := range []string{
		"https://api.github.com/repos/a/b/commits/2fd4e1c67a2d28fced849ee1bb76e7391b93eb12",
		"https://api.github.com/repos/a/b/hooks/12345678/deliveries/119184319234",
		"https://gitlab.example.com/api/v4/projects/42/hooks/7",
		"https://api.example.com/v1/orders/" + id,
		"https://api.example.com/v1/orders/123456789012345678",
		"https://api.stripe.com/v1/customers/cus_NffrFeUfNV2Hib/sources",
		"https://api.stripe.com/v1/webhook_endpoints/we_1Mr5jULkdIwHu7ix1ibLTM0x",
		"https://api.openai.com/v1/threads/thread_abc123DEF456/runs/run_abc123DEF456",
		"https://api.example.com/v1/webhooks/" + id,
		"https://api.trello.com/1/webhooks/5f0c1d2e3b4a59687f6e5d4c",
		"https://graph.microsoft.com/v1.0/me/messages/AAMkAGI2TG93AAAAAAEMAAB4fT9xQ2mN7bV1cZ8kL3jH6gF5dS0aP2oAAA%3D",
		"https://discord.com/api/v10/channels/123456789012345678/messages/123456789012345679",
		"https://slack.com/api/chat.postMessage",
		"https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent",
		"https://api.example.com/hooks/github-push-handler/run",
		"https://zapier.com/help/hooks/catch/why-are-they-late",
		"https://api.make.com/v2/scenarios/123456",
		"https://api.example.com/bot/settings:update",
		"https://registry.example.com/v2/library/alpine/blobs/sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	} {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := redact.Path(u.Host, u.EscapedPath()); got != u.EscapedPath() {
			t.Errorf("%s: path %s", s, got)
		}
		if got := redact.Line("see "+s, 1024); got != "see "+s {
			t.Errorf("got %s", got)
		}
	}
}

func TestEveryOneOfSeveralIsMasked(t *testing.T) {
	for _, text := range []string{
		"-----BEGIN PRIVATE KEY-----MIIaaaabbbb-----END PRIVATE KEY----- -----BEGIN RSA PRIVATE KEY-----\nMIIccccdddd\n-----END RSA PRIVATE KEY-----",
		"-----BEGIN PRIVATE KEY-----MIIaaaabbbb-----END PRIVATE KEY----- -----BEGIN PRIVATE KEY-----MIIccccdddd",
		"-----BEGIN PGP PRIVATE KEY BLOCK-----MIIaaaabbbb-----END PGP PRIVATE KEY BLOCK----- and -----BEGIN PGP PRIVATE KEY BLOCK-----MIIccccdddd",
	} {
		if got := redact.Line(text, 1024); strings.Contains(got, "MII") {
			t.Errorf("got %s", got)
		}
	}
}

func TestInvisibleCharactersGo(t *testing.T) {
	for _, r := range []string{"\ufe0f", "\u180b", "\U000e0100", "\u115f", "\u3164", "\uffa0", "\u2800", "\u034f"} {
		if got := redact.Line("sk-4fT9xQ2m"+r+"N7bV1cZ8kL3j", 100); got != redact.Mask {
			t.Errorf("%+q: got %q", r, got)
		}
	}
}

// What was cleaned before, as an entry in a log was, stays as it is.
func TestMaskedPathsStay(t *testing.T) {
	for _, s := range []string{"POST hooks.slack.com/services/[redacted]", "https://hooks.slack.com/services/[redacted] said no", "https://api.telegram.org/[redacted]/sendMessage"} {
		if got := redact.Line(s, 200); got != s {
			t.Errorf("got %q, want %q", got, s)
		}
	}
}

// What is masked of the address of a webhook is its secret, and nothing before or behind it.
func TestWhereAnAddressInATextBeginsAndEnds(t *testing.T) {
	const secret = "/T01234567/B01234567/" + drawn
	for _, row := range []struct{ text, want string }{
		{"https://hooks.slack.com/services" + secret, "https://hooks.slack.com/services/" + redact.Mask},
		{"hooks.slack.com/services" + secret, "hooks.slack.com/services/" + redact.Mask},
		{"/hooks.slack.com/services" + secret, "/hooks.slack.com/services/" + redact.Mask},
		{"hooks.slack.com:443/services" + secret, "hooks.slack.com:443/services/" + redact.Mask},
		{"hooks.slack.com:90/services" + secret, "hooks.slack.com:90/services/" + redact.Mask},
		{"hooks.slack.com:/services" + secret, "hooks.slack.com:/services/" + redact.Mask}, // an empty port is one
		{"see hooks.slack.com: no answer", "see hooks.slack.com: no answer"},
		{"/x hooks.slack.com:", "/x hooks.slack.com:"},
		{"/x hooks.slack.com:8080", "/x hooks.slack.com:8080"},
		{"https://hooks.slack.com/services" + secret + "?a=b", "https://hooks.slack.com/services/" + redact.Mask + "?a=b"},
		{"https://hooks.slack.com/services" + secret + "é", "https://hooks.slack.com/services/" + redact.Mask + "é"},
		{`"https:\/\/hooks.slack.com\/services` + strings.ReplaceAll(secret, "/", `\/`) + `\n"`, `"https:\/\/hooks.slack.com\/services\/` + redact.Mask + `\n"`},
		{"https%3A%2F%2Fhooks.slack.com%2Fservices" + strings.ReplaceAll(secret, "/", "%2F") + "%3Fa=b", "https%3A%2F%2Fhooks.slack.com%2Fservices%2F" + redact.Mask + "%3Fa=b"},
		{"https%3a%2f%2fhooks.slack.com%2fservices" + strings.ReplaceAll(secret, "/", "%2f") + "%3fa=b", "https%3a%2f%2fhooks.slack.com%2fservices%2f" + redact.Mask + "%3fa=b"},
		{"https://hooks.slack.com/services" + secret + "%", "https://hooks.slack.com/services/" + redact.Mask},
		{"https://hooks.slack.com/services" + secret + "%3F", "https://hooks.slack.com/services/" + redact.Mask + "%3F"},
		{"https://hooks.slack.com/services" + secret + "%3A", "https://hooks.slack.com/services/" + redact.Mask},
		{"https://api.example.com/v1/https://hooks.slack.com/services" + secret, "https://api.example.com/v1/https://hooks.slack.com/services/" + redact.Mask},
		{"https%3A%2F%2Fapi.example.com%2Fv1%2Fhttps%3A%2F%2Fhooks.slack.com%2Fservices" + strings.ReplaceAll(secret, "/", "%2F"), "https%3A%2F%2Fapi.example.com%2Fv1%2Fhttps%3A%2F%2Fhooks.slack.com%2Fservices%2F" + redact.Mask},
		{"https://chat.example.com/hooks/1234567890abcdef/x", "https://chat.example.com/hooks/" + redact.Mask + "/x"},
		{"https://chat.example.com/hooks/1234567890abcde/x", "https://chat.example.com/hooks/1234567890abcde/x"},
		{"https://chat.example.com/hooks/a/b/1234567890abcdef/x", "https://chat.example.com/hooks/a/b/" + redact.Mask + "/x"},
		{"https://chat.example.com/hooks/a/b/c/1234567890abcdef/x", "https://chat.example.com/hooks/a/b/c/1234567890abcdef/x"},
		{"https://api.example.com/bot123456:1234567890abcdef/x", "https://api.example.com/bot123456:" + redact.Mask + "/x"},
		{"https://api.example.com/webhooks/00000000-1111-2222-3333-44444444aaa4", "https://api.example.com/webhooks/00000000-1111-2222-3333-44444444aaa4"},
		{"https://api.example.com/webhooks/00000000x1111-2222-3333-44444444aaa4", "https://api.example.com/webhooks/" + redact.Mask},
		{"https://api.example.com/webhooks/00000000-1111x2222-3333-44444444aaa4", "https://api.example.com/webhooks/" + redact.Mask},
		{"https://api.example.com/webhooks/00000000-1111-2222x3333-44444444aaa4", "https://api.example.com/webhooks/" + redact.Mask},
		{"https://api.example.com/webhooks/00000000-1111-2222-3333x44444444aaa4", "https://api.example.com/webhooks/" + redact.Mask},
	} {
		if got := redact.Line(row.text, 1024); got != row.want {
			t.Errorf("%s\n got %s\nwant %s", row.text, got, row.want)
		}
	}
}
