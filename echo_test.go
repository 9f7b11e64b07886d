package steadyhttp_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Servers, proxies and errors say a secret back in whichever coding they happen to
// have it. Here it is put into all of them, and looked for in all of them.

// coded is a secret that the request was sent with, as a server may say it back.
func (c *canaries) coded(secret string) string {
	switch c.IntN(18) {
	case 0:
		return url.QueryEscape(secret)
	case 1:
		return url.QueryEscape(url.QueryEscape(secret))
	case 2:
		return each(secret, pick(c, "%%%02X", "%%%02x", "%%25%02X"))
	case 3, 4:
		// As it comes out behind any text, in any of three ways, and before any.
		text := strings.Repeat("u", c.IntN(4)) + secret + strings.Repeat(":", c.IntN(4))
		return pick(c, base64.StdEncoding, base64.URLEncoding, base64.RawStdEncoding, base64.RawURLEncoding).EncodeToString([]byte(text))
	case 5:
		return url.QueryEscape(base64.StdEncoding.EncodeToString([]byte("user:" + secret)))
	case 6:
		return pick(c, strings.ToLower, strings.ToUpper)(hex.EncodeToString([]byte(secret)))
	case 7:
		return pick(c, strings.ToLower, strings.ToUpper)(secret)
	case 8, 9:
		return c.cut(secret)
	case 10:
		if len(secret) < 17 {
			return secret // of which nothing may be lost, as a number sign in a code loses what is before it
		}
		return each(secret, pick(c, "&#%d;", "&#x%x;", "&#X%X;"))
	case 11:
		return html.EscapeString(secret)
	case 12:
		return each(secret, `\u%04x`)
	case 13:
		return secret[:len(secret)/2] + pick(c, "\u200b", "\ufe0f", "\u2800", "\u3164", "\u00ad") + secret[len(secret)/2:]
	}
	return secret
}

// each writes each byte of s in a form.
func each(s, form string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		fmt.Fprintf(&b, form, c)
	}
	return b.String()
}

// cut is the beginning of a secret, as long as it can be told from a word:
// ten letters and digits, or sixteen letters.
func (c *canaries) cut(secret string) string {
	const letters = 16
	seen, least := 0, 0
	for least < len(secret) && seen < letters {
		if b := secret[least]; b != '-' && b != '_' && b != '.' && b != '+' && b != '/' {
			seen++
		}
		least++
	}
	return secret[:least+c.IntN(len(secret)-least+1)]
}

// A hook is a host whose path holds a secret, with the place of it.
type hook struct {
	host, path string
	alphabet   string
	n          int
}

var canaryHooks = []hook{
	{"hooks.slack.com", "/services/T0123ABCD/B0123ABCD/%s", letters + digits, 24}, {"discord.com", "/api/webhooks/1098765432109876543/%s", letters + digits + "-_", 68},
	{"discord.com", "/api/v10/webhooks/1098765432109876543/%s/slack", letters + digits + "-_", 68}, {"api.telegram.org", "/bot123456789:AA%s/sendMessage", letters + digits, 33},
	{"acme.webhook.office.com", "/webhookb2/%s/IncomingWebhook/a/b", hexes, 32}, {"mainnet.infura.io", "/v3/%s", hexes, 32},
	{"eth-mainnet.g.alchemy.com", "/v2/%s", letters + digits + "-_", 32}, {"endpoint1.collection.us2.sumologic.com", "/receiver/v1/http/%s", letters + digits, 88},
	{"hooks.zapier.com", "/hooks/catch/123456/%s/", letters + digits, 24}, {"hook.eu1.make.com", "/%s", letters + digits, 32}, {"maker.ifttt.com", "/trigger/on/with/key/%s", letters + digits, 43},
	{"chat.internal.example", "/hooks/%s", letters + digits, 26}, {"open.feishu.cn", "/open-apis/bot/v2/hook/%s", hexes, 36},
}

// webhook makes u the address of a webhook.
func (c *canaries) webhook(u *url.URL) {
	h := pick(c, canaryHooks...)
	secret := c.drawn(h.alphabet, h.n)
	c.own = append(c.own, secret)
	u.Host, u.Path = h.host, fmt.Sprintf(h.path, secret)
}

// payload is the body of a request with secrets in its fields.
func (c *canaries) payload(h http.Header) string {
	name := pick(c, "password", "client_secret", "api_key", "refresh_token", "apiKey", "clientSecret", "access_token", "private_key")
	secret := c.any()
	c.own = append(c.own, secret)
	if c.IntN(2) == 0 {
		h.Set("Content-Type", "application/x-www-form-urlencoded")
		return url.Values{"grant_type": {"x"}, name: {secret}, "scope": {"a b"}}.Encode()
	}
	h.Set("Content-Type", "application/json")
	return `{"model":"gpt-4o","stream":true,"messages":[{"role":"user","content":"my key is ` + c.key() + `"}],"` + name + `" : ` + quote(secret) + `}`
}

// location is where a redirect leads to.
func (c *canaries) location() string {
	switch c.IntN(4) {
	case 0:
		return "https://host.example/login?next=" + url.QueryEscape("https://h.example/?a=b&access_token="+c.drawn(letters+digits, 30))
	case 1:
		return "https://host.example/" + c.quotable() + "/x"
	case 2:
		h := pick(c, canaryHooks...)
		return "https://" + h.host + fmt.Sprintf(h.path, c.drawn(h.alphabet, h.n))
	}
	return "https://host.example/?key=" + c.any()
}

// forms are what is looked for of a secret: itself, and what base64 makes of it, all in
// lower case.
func forms(secret string) []string {
	all := []string{secret}
	for before := range 3 {
		text := "xx"[:before] + secret
		coded := base64.RawStdEncoding.EncodeToString([]byte(text))
		all = append(all, coded[(before*8+5)/6:len(text)*8/6])
	}
	for i := range all {
		all[i] = strings.ToLower(all[i])
	}
	return all
}

var escapes = regexp.MustCompile(`\\u00([0-9a-fA-F]{2})|%(?:25)*([0-9a-fA-F]{2})`)

// unhexed is what stands in a text in hexadecimal digits, in lower case.
func unhexed(text []byte) []byte {
	var all []byte
	run := 0
	for i := 0; i <= len(text); i++ {
		if i < len(text) && ('0' <= text[i] && text[i] <= '9' || 'a' <= text[i]|0x20 && text[i]|0x20 <= 'f') {
			run++
			continue
		}
		if run >= 2*window {
			for _, odd := range []int{0, 1} { // a digit may belong to something else
				digits := text[i-run+odd : i]
				plain, _ := hex.DecodeString(string(digits[:len(digits)/2*2]))
				all = append(append(all, bytes.ToLower(plain)...), 0)
			}
		}
		run = 0
	}
	return all
}

// unescaped is a text in lower case without the escapes of URLs, JSON and HTML.
func unescaped(text string) string {
	text = strings.ReplaceAll(text, `\\`, `\`)
	if strings.ContainsAny(text, `%\`) {
		text = escapes.ReplaceAllStringFunc(text, func(s string) string {
			n, _ := strconv.ParseUint(s[len(s)-2:], 16, 8)
			return string(rune(n))
		})
	}
	if strings.Contains(text, "&") {
		text = html.UnescapeString(text)
	}
	return strings.ToLower(text)
}
