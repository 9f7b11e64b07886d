package dialect

import (
	"net/http"
	"strings"
)

// ActsAnyway reports whether a request whose method should change nothing, or the same
// each time (RFC 9110, 9.2), is known to do something each time. The evidence is the
// verb at its end, or the API behind its host; the scope is that request. Where it is
// wrong, the request is not repeated after an unknown fate, as without us, unless the
// user says that it may be.
func ActsAnyway(method, host, path, query string, h http.Header) bool {
	if len(path) > maxPath {
		return false
	}
	switch method {
	case http.MethodHead, http.MethodOptions, http.MethodTrace:
		return false
	case http.MethodGet, "":
		return verbIn(path)&actsByGet != 0 || getActs(host, path) || queryActs(query) || strings.Contains(path, "/creds/") && isVault(path, h)
	}
	return verbIn(path)&actsByPut != 0 && !namesKey(host, path) || queryActs(query) || method == http.MethodPut && putAdds(host, path, query, h)
}

// A verb says by which methods a path acts that ends in that word.
type verb uint8

const (
	actsByGet   verb = 1 << iota
	actsByPut        // and by DELETE
	takesObject      // it may stand before further words: send-verify-email
	isMethod         // of an API whose paths name its methods: a GET acts if it stands behind a dot, as in Slack's chat.postMessage
)

// verbLists leave out what is a noun as well where a GET would read such a thing, or a
// PUT would set it: a post, a transfer; an e-mail address, a step.
var verbLists = map[verb]string{
	actsByGet | actsByPut | takesObject: "send resend toggle execute",
	actsByGet | actsByPut: "sendmessage sendmsg sendsms sendmail sendemail trigger retrigger publish notify enqueue dequeue exec invoke increment decrement incr decr " +
		"reboot restart rerun buy deliver",
	actsByPut: "add append create clone duplicate charge refund pay deposit withdraw transfer capture redeem rotate regenerate renew roll retry replay next previous " +
		"skip pop merge dispatch fire broadcast invite remind reply run increase decrease",
	isMethod: "post add create append schedule invite share upload run allocate purchase",
}

// verbs are by their folded words.
var verbs = func() map[uint64]verb {
	all := make(map[uint64]verb)
	for v, words := range verbLists {
		for word := range strings.FieldsSeq(words) {
			all[fold(word)] |= v
		}
	}
	return all
}()

// verbIn returns the verb in the last part of a path. A file is none, whatever its name
// is, but for a program.
func verbIn(path string) verb {
	path = strings.TrimSuffix(path, "/")
	last := path[strings.LastIndexByte(path, '/')+1:]
	dot := strings.LastIndexByte(last, '.')
	if dot < 0 {
		return verbOf(last) &^ isMethod
	}
	switch last[dot+1:] {
	case "php", "cgi", "asp", "aspx", "jsp", "do", "json", "xml":
		return verbOf(last[:dot]) & actsByGet
	}
	v := verbOf(last[dot+1:])
	if v&isMethod != 0 {
		v |= actsByGet
	}
	return v & actsByGet
}

// verbOf returns what s is, which is a verb or begins with one.
func verbOf(s string) verb {
	word, rest := nextWord(s)
	v := verbs[fold(word)]
	switch {
	case strings.ContainsAny(rest, "0123456789"):
		return 0 // a name: run-7
	case rest != "" && v&takesObject == 0:
		return v & isMethod // else a thing: add-ons
	}
	return v
}

// namesKey reports whether what a path ends in is anybody's name for a thing: a file, or a
// key of Consul's, Vault's or etcd's.
func namesKey(host, path string) bool {
	return strings.HasPrefix(path, "/v1/kv/") || strings.HasPrefix(path, "/v2/keys/") || strings.HasPrefix(path, "/v1/secret/") || storesFiles(host)
}

// nextWord returns the first word of s, which ends before a capital or before what is no
// letter, and what follows: "send" of "sendMessage", of "send-message" and of "/send".
func nextWord(s string) (word, rest string) {
	for s != "" && !isLetter(s[0]) {
		s = s[1:]
	}
	end := 0
	for end < len(s) && isLetter(s[end]) && (end == 0 || !isCapital(s[end]) || isCapital(s[end-1])) {
		end++
	}
	return s[:end], s[end:]
}

func isCapital(c byte) bool { return 'A' <= c && c <= 'Z' }

// getActs knows the APIs that take a GET for what others want a POST for.
func getActs(host, path string) bool {
	switch host {
	case "maker.ifttt.com":
		return strings.HasPrefix(path, "/trigger/")
	case "rest.nexmo.com": // Vonage, whose SMS have a path that says nothing of it
		return strings.HasPrefix(path, "/sms/")
	case "api.callmebot.com", "api.day.app": // a message, and Bark's notification
		return true
	case "api.render.com", "api.vercel.com":
		return strings.Contains(path, "/deploy/")
	}
	if isHookHost(host) {
		return true
	}
	if i := strings.Index(path, "/send"); i >= 0 { // before a token or what is sent: /sendMessage/token, /send/sms
		part, _, _ := strings.Cut(path[i+1:], "/")
		if verbOf(part)&actsByGet != 0 {
			return true
		}
	}
	switch {
	case strings.HasPrefix(path, "/bot"): // Telegram's, at a host of one's own too: /bot7:token/sendMessage
		token, method, ok := strings.Cut(path[len("/bot"):], "/")
		return ok && strings.Contains(token, ":") && !strings.HasPrefix(method, "get")
	case strings.HasSuffix(path, "/build"), strings.HasSuffix(path, "/buildWithParameters"): // Jenkins
		return strings.Contains(path, "/job/")
	case strings.HasSuffix(path, "/pop"):
		return strings.Contains(path, "queue")
	}
	return strings.Contains(path, "/webhook/") // n8n's and Home Assistant's: what it starts is the user's
}

// isHookHost knows hosts that only have hooks, each of which starts what somebody has set
// up: hooks.zapier.com, hook.eu1.make.com.
func isHookHost(host string) bool {
	return strings.HasPrefix(host, "hook.") || strings.HasPrefix(host, "hooks.")
}

// queryActs reports whether the query has the verb: Action=SendSms of AWS's and Alibaba's
// APIs, turn=toggle of Shelly's devices, cmnd=Power%20TOGGLE of Tasmota's.
func queryActs(query string) bool {
	for query != "" {
		var field string
		field, query, _ = strings.Cut(query, "&")
		name, value, _ := strings.Cut(field, "=")
		if strings.EqualFold(name, "action") {
			if word, _ := nextWord(value); verbs[fold(word)] != 0 {
				return true
			}
		}
		const toggle = "toggle"
		if n := len(value) - len(toggle); n >= 0 && strings.EqualFold(value[n:], toggle) && (n == 0 || value[n-1] != '-' && value[n-1] != '_') {
			return true // and no name, such as dark-mode-toggle
		}
	}
	return false
}

// putAdds knows the APIs in which a PUT adds something, or needs what is there before.
func putAdds(host, path, query string, h http.Header) bool {
	if host == "api.xero.com" { // which creates by PUT, and changes by POST
		return true
	}
	if rest, ok := strings.CutPrefix(path, "/v1/"); ok {
		if isVault(path, h) {
			return vaultIssues(path)
		}
		switch {
		case rest == "session/create", rest == "txn", strings.HasPrefix(rest, "event/fire/"), strings.HasPrefix(rest, "acl/") && strings.Count(rest, "/") == 1: // Consul
			return true
		case strings.HasPrefix(rest, "auth/") && strings.HasSuffix(rest, "/login"): // Vault, whose secret may be good for once
			return true
		case strings.HasPrefix(rest, "job/") && (strings.HasSuffix(rest, "/dispatch") || strings.HasSuffix(rest, "/periodic/force")): // Nomad
			return true
		}
	}
	if strings.Contains(path, "/_create/") { // Elasticsearch, if there is no such document
		return true
	}
	for query != "" {
		var field string
		switch field, query, _ = strings.Cut(query, "&"); field {
		case "comp=appendblock", "comp=snapshot", "comp=lease": // Azure Storage
			return true
		}
	}
	return false
}

// isVault knows the requests to Vault by its header.
func isVault(path string, h http.Header) bool {
	return strings.HasPrefix(path, "/v1/") && (first(h, "X-Vault-Token") != "" || first(h, "X-Vault-Request") != "")
}

// vaultIssues reports whether a write to Vault, for all of which its client takes PUT,
// makes a secret, a token or a lease, or uses one up.
func vaultIssues(path string) bool {
	for _, part := range [...]string{"/issue/", "/sign/", "/token/create", "/login", "/wrapping/", "/secret-id", "/custom-secret-id", "/creds/", "/rotate", "/generate"} {
		if strings.Contains(path, part) {
			return true
		}
	}
	return false
}
