package redact

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
)

// A family is an API that takes its secret in the path. Of the pattern, which
// is compared part by part from the beginning of the path, "*" is any part, "!"
// is a secret and "!!" is all that is left. A pattern of "?" masks whatever
// looks as if it was drawn at random, wherever it stands.
type family struct {
	host    string // or a parent domain of it
	pattern string
}

var families = byDomain([]family{
	// Chats.
	{"hooks.slack.com", "services/!!"}, {"hooks.slack.com", "workflows/!!"}, {"hooks.slack.com", "triggers/!!"}, {"hooks.slack-gov.com", "!!"},
	{"discord.com", "api/webhooks/*/!"}, {"discord.com", "api/*/webhooks/*/!"}, {"discord.com", "api/*/interactions/*/!"}, {"discord.com", "api/interactions/*/!"},
	{"discordapp.com", "api/webhooks/*/!"}, {"discordapp.com", "api/*/webhooks/*/!"}, {"discordapp.com", "api/*/interactions/*/!"},
	{"webhook.office.com", "webhookb2/!!"}, {"outlook.office.com", "webhook/!!"}, {"outlook.office365.com", "webhook/!!"},
	{"open.feishu.cn", "open-apis/bot/hook/!"}, {"open.feishu.cn", "open-apis/bot/*/hook/!"},
	{"open.larksuite.com", "open-apis/bot/hook/!"}, {"open.larksuite.com", "open-apis/bot/*/hook/!"},
	{"webexapis.com", "v1/webhooks/incoming/!!"}, {"api.flock.com", "hooks/sendMessage/!"}, {"guilded.gg", "webhooks/*/!"},
	{"ntfy.sh", "!"}, {"api.day.app", "!"}, {"ftqq.com", "!"},
	// Automation.
	{"hooks.zapier.com", "hooks/*/!!"}, {"hook.make.com", "!!"}, {"hook.us1.make.com", "!!"}, {"hook.us2.make.com", "!!"}, {"hook.eu1.make.com", "!!"}, {"hook.eu2.make.com", "!!"}, {"hook.integromat.com", "!!"}, {"maker.ifttt.com", "trigger/*/with/key/!"}, {"maker.ifttt.com", "trigger/*/json/with/key/!"},
	{"maker.ifttt.com", "use/!"}, {"hooks.airtable.com", "workflows/*/*/!!"}, {"connect.pabbly.com", "workflow/sendwebhookdata/!!"}, {"webhooks.integrately.com", "a/webhooks/!!"},
	{"workato.com", "webhooks/rest/!!"}, {"webhook.site", "?"}, {"script.google.com", "macros/s/!"}, {"script.google.com", "a/macros/*/s/!"},
	// Logs, alarms and signs of life.
	{"sumologic.com", "receiver/*/http/!!"}, {"sumologic.net", "receiver/*/http/!!"}, {"loggly.com", "inputs/!"}, {"loggly.com", "bulk/!"}, {"datadoghq.com", "v1/input/!"}, {"datadoghq.eu", "v1/input/!"},
	{"events.pagerduty.com", "integration/!"}, {"events.pagerduty.com", "x-ere/!"}, {"alert.victorops.com", "integrations/*/*/alert/!!"}, {"hc-ping.com", "!!"}, {"healthchecks.io", "ping/!!"},
	{"cronitor.link", "!!"}, {"betterstack.com", "api/*/heartbeat/!!"}, {"betteruptime.com", "api/*/heartbeat/!!"},
	// Deployment.
	{"api.netlify.com", "build_hooks/!"}, {"api.vercel.com", "v1/integrations/deploy/!!"}, {"api.cloudflare.com", "client/v4/pages/webhooks/deploy_hooks/!"}, {"hub.docker.com", "api/build/*/source/!!"},
	// Nodes of chains, and other APIs with the key in the path.
	{"infura.io", "?"}, {"alchemy.com", "?"}, {"alchemyapi.io", "?"}, {"quiknode.pro", "!!"}, {"ankr.com", "?"}, {"getblock.io", "?"}, {"blastapi.io", "?"}, {"nodereal.io", "?"}, {"chainstack.com", "?"},
	{"p2pify.com", "?"}, {"pokt.network", "?"}, {"grove.city", "?"}, {"tenderly.co", "?"}, {"moralis-nodes.com", "?"}, {"helius-rpc.com", "?"},
	{"api.darksky.net", "forecast/!"}, {"pirateweather.net", "forecast/!"}, {"wunderground.com", "api/!"}, {"exchangerate-api.com", "v6/!"},
})

// byDomain sorts families by the last two labels of their hosts, so that a host
// costs one look-up however many families there are.
func byDomain(list []family) map[string][]family {
	sorted := make(map[string][]family, len(list))
	for _, f := range list {
		d := domain(f.host)
		sorted[d] = append(sorted[d], f)
	}
	return sorted
}

func domain(host string) string {
	if i := strings.LastIndexByte(host, '.'); i > 0 {
		return host[strings.LastIndexByte(host[:i], '.')+1:]
	}
	return host
}

// maxHost bounds what is taken for a host: no name in the DNS is longer.
const maxHost = 253

func familiesOf(host string) []family {
	if len(host) > maxHost {
		return nil
	}
	host = strings.TrimSuffix(host, ".")
	var room [maxHost]byte
	d := room[:0]
	for _, c := range []byte(domain(host)) {
		d = append(d, lower(c))
	}
	all := families[string(d)]
	if more := learned.Load(); more != nil {
		if named := (*more)[string(d)]; len(named) > 0 {
			all = slices.Concat(named, all)
		}
	}
	if len(all) == 0 {
		return nil // like most
	}
	host = strings.ToLower(host)
	for _, f := range all {
		if !within(host, f.host) { // rare: most families have a domain of their own
			var some []family
			for _, f := range all {
				if within(host, f.host) {
					some = append(some, f)
				}
			}
			return some
		}
	}
	return all
}

// learned are the families that users name. They hold for the whole process: a
// secret of one client may be said back to another.
var learned atomic.Pointer[map[string][]family]

// maxLearned bounds them, for programs that make a client for each call.
const maxLearned = 1000

// Learn adds patterns of secrets in paths, each with its host before it:
// hooks.example.com/notify/*/!. It does so once for each, and may be called by
// many goroutines. A pattern that CheckPattern refuses is left out.
func Learn(patterns []string) {
	for _, p := range patterns {
		for CheckPattern(p) == nil {
			host, path, _ := strings.Cut(p, "/")
			f := family{strings.ToLower(host), path}
			old := learned.Load()
			next, n := map[string][]family{}, 0
			if old != nil {
				for d, list := range *old {
					next[d], n = list, n+len(list)
				}
			}
			d := domain(f.host)
			if n >= maxLearned || slices.Contains(next[d], f) {
				break
			}
			next[d] = append(slices.Clip(next[d]), f)
			if learned.CompareAndSwap(old, &next) {
				break
			}
		}
	}
}

// CheckPattern returns what is wrong with a pattern, nil if it is one.
func CheckPattern(pattern string) error {
	host, path, ok := strings.Cut(pattern, "/")
	if !ok || host == "" || strings.ContainsAny(host, ":*! ") {
		return errors.New("it must begin with a host, without scheme and port, and a path")
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == "!" || part == "!!" {
			return nil
		}
	}
	return errors.New(`no part of it is "!" or "!!"`)
}

func within(host, parent string) bool {
	end, ok := strings.CutSuffix(host, parent)
	return ok && (end == "" || end[len(end)-1] == '.')
}

// Path returns the path of a URL at host with a mask in place of each secret in
// it: those that host is known to take there, those that stand behind a name
// that tells of one, and what looks as if it was drawn at random at a path of
// webhooks. It does nothing to the ids of ordinary APIs. host may have a port.
// A path without a secret costs no allocation.
func Path(host, path string) string {
	w := walkOf(host, path)
	from, to, ok := w.secret()
	if !ok {
		return path
	}
	var b strings.Builder
	last := 0
	for ; ok; from, to, ok = w.secret() {
		b.WriteString(path[last:from])
		b.WriteString(Mask)
		last = to
	}
	b.WriteString(path[last:])
	return b.String()
}

// PathSecrets appends to all each part of a path that Path masks.
func PathSecrets(all []string, host, path string) []string {
	w := walkOf(host, path)
	for from, to, ok := w.secret(); ok; from, to, ok = w.secret() {
		all = append(all, path[from:to])
	}
	return all
}

// A walk goes along a path, part by part. It takes time in proportion to the
// path.
type walk struct {
	path string
	at   int

	families []family
	n        int               // parts before this one
	failed   [maxFamilies]bool // patterns that did not fit so far
	prev     string
	hook     hookKind
	hookAt   int
}

// longPart is how long a part of a path is at least that is no word of an API where
// secrets may stand anywhere.
const longPart = 24

// maxFamilies bounds the families of one domain.
const maxFamilies = 16

type hookKind uint8

const (
	noHook   hookKind = iota
	ownHooks          // a list of webhooks, whose ids are ordinary ones as a rule
	oneHook           // the address of a webhook
)

func walkOf(host, path string) walk {
	if i := strings.LastIndexByte(host, ':'); i > 0 && i > strings.LastIndexByte(host, ']') {
		host = host[:i]
	}
	return walk{path: path, families: familiesOf(host)}
}

// secret returns the bounds of the next secret.
func (w *walk) secret() (from, to int, ok bool) {
	for w.at < len(w.path) {
		if n := slash(w.path, w.at); n > 0 {
			w.at += n
			continue
		}
		start, end := w.at, w.at
		for end < len(w.path) && slash(w.path, end) == 0 {
			end++
		}
		w.at = end
		in, rest := w.part(w.path[start:end])
		switch {
		case rest:
			w.at = len(w.path)
			return start, len(w.path), true
		case in >= 0:
			return start + in, end, true
		}
	}
	return 0, 0, false
}

// slash is how many bytes of s at i are a slash: as it is, as a URL's value has
// it, or as JSON may.
func slash(s string, i int) int {
	switch {
	case s[i] == '/':
		return 1
	case s[i] == '\\' && i+1 < len(s) && s[i+1] == '/':
		return 2
	case s[i] == '%' && i+2 < len(s) && s[i+1] == '2' && s[i+2]|0x20 == 'f':
		return 3
	}
	return 0
}

// part returns where in a part a secret begins that goes to its end, -1 if there
// is none, or that all from there on is one.
func (w *walk) part(part string) (from int, rest bool) {
	if from, rest = w.known(part); rest {
		return from, rest
	}
	if from < 0 {
		from = w.looks(part)
	}
	if strings.Contains(part, ".") {
		if all := familiesOf(part); len(all) > 0 { // a proxy that has the address in its path
			*w = walk{path: w.path, at: w.at, families: all}
			return from, false
		}
	}
	switch part {
	case "hook", "hooks", "webhook", "IncomingWebhook", "incomingwebhook", "incoming-webhook", "webhook-test":
		w.hook, w.hookAt = oneHook, w.n
	case "webhooks", "incomingwebhooks", "incoming-webhooks", "deploy_hooks", "build_hooks":
		w.hook, w.hookAt = ownHooks, w.n
	}
	w.prev = part
	w.n++
	return from, false
}

// known follows the patterns of the families.
func (w *walk) known(part string) (from int, rest bool) {
	from = -1
	for i, f := range w.families {
		switch {
		case i == maxFamilies:
			return from, false
		case w.failed[i]:
			continue
		case f.pattern == "?":
			if random(part, 16) || len(part) >= longPart {
				from = 0
			}
			continue
		}
		switch want, ok := partOf(f.pattern, w.n); {
		case !ok:
			w.failed[i] = true
		case want == "!!":
			return 0, true
		case want == "!":
			from = 0
		case want != "*" && !strings.EqualFold(want, part):
			w.failed[i] = true
		}
	}
	return from, false
}

// partOf is the nth part of a pattern.
func partOf(pattern string, n int) (string, bool) {
	for ; n > 0; n-- {
		i := strings.IndexByte(pattern, '/')
		if i < 0 {
			return "", false
		}
		pattern = pattern[i+1:]
	}
	part, _, _ := strings.Cut(pattern, "/")
	return part, true
}

// hookParts is how many parts after the word for a webhook belong to it: an id, a
// token, and a kind before them.
const hookParts = 3

// looks judges a part by its shape and by what stands before it, at any host.
func (w *walk) looks(part string) int {
	if w.hook != noHook && w.n-w.hookAt <= hookParts &&
		(w.hook == oneHook && random(part, 16) || random(part, 32) && !uuid(part)) {
		return 0
	}
	switch w.prev {
	case "key", "apikey", "api_key", "api-key", "token", "access_token", "secret", "password":
		if random(part, 16) {
			return 0
		}
	}
	if name, rest, ok := strings.Cut(part, ":"); ok && telegramBot(name) && len(rest) >= 16 {
		return len(name) + 1 // who runs a server of his own has it at any host
	}
	if in := named(part); in >= 0 {
		return in
	}
	return secretAt(part, 0, len(part))
}

// named returns where in a part the value of a parameter begins whose name tells of a
// secret, as in page;jsessionid=8f14e45f, -1 if there is none.
func named(part string) int {
	for at := 0; ; {
		eq := strings.IndexByte(part[at:], '=')
		if eq < 0 {
			return -1
		}
		name := part[at : at+eq]
		name = name[strings.LastIndexAny(name, ";,&")+1:]
		at += eq + 1
		name = strings.ToLower(name[max(0, len(name)-maxLook):])
		if (SecretName(name) || queryName(name)) && len(part)-at >= minNamed {
			return at
		}
	}
}

// minNamed is how long a value is at least that is taken for a secret for its name.
const minNamed = 6

// random reports whether a part of a path looks as if it was drawn: no word, no
// number, and of min bytes at least.
func random(part string, min int) bool {
	if len(part) < min || strings.Trim(part, "0123456789") == "" {
		return false
	}
	return keyLike(part)
}

// uuid reports whether s has the form 8-4-4-4-12.
func uuid(s string) bool {
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-'
}
