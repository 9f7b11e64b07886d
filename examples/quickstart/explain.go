package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/steadyhttp/steadyhttp"
)

// explain asks a real API one question and says in words what came back.
func explain(ctx context.Context, s settings, key string, stdout, stderr io.Writer) int {
	key = strings.TrimSpace(key) // a key that was read from a file ends in a newline
	if key == "" {
		fmt.Fprintf(stderr, "There is no key: put it into the environment variable %s.\n"+
			"A server on this machine that wants none takes any word.\n", keyVariable)
		return exitUsage
	}
	if strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }) {
		fmt.Fprintf(stderr, "The key in %s holds a blank or a character that no key has: copy it once more.\n", keyVariable)
		return exitUsage
	}
	u, err := endpoint(s.url)
	if err != nil {
		fmt.Fprintln(stderr, "quickstart:", hide(err.Error(), key))
		return exitFailed
	}

	client := &http.Client{Transport: &steadyhttp.Transport{}}
	timed, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	timed = steadyhttp.WithCall(timed) // only so that we can tell what the call went through

	fmt.Fprintln(stdout, hide(fmt.Sprintf("Asking %s at %s://%s%s ...\n", s.model, u.Scheme, u.Host, u.Path), key))
	start := time.Now()
	a, err := ask(timed, client, u.String(), key, question{Model: s.model, Messages: []message{{"user", s.prompt}}})
	if ctx.Err() != nil {
		fmt.Fprintln(stdout, "Interrupted.")
		return exitFailed
	}

	p := &text{key: key}
	if err == nil {
		p.answer(a)
	} else {
		p.failure(err)
	}
	if call, ok := steadyhttp.FromContext(timed); ok {
		p.call(call, time.Since(start))
	}
	// A server may quote the key, in a shape that nobody would take for one.
	io.WriteString(stdout, hide(p.String(), key))
	if err != nil {
		return exitFailed
	}
	return exitOK
}

// endpoint turns what people have at hand, a base URL or the whole, into the
// URL of the chat completions.
func endpoint(raw string) (*url.URL, error) {
	if !strings.Contains(raw, "://") {
		return nil, errors.New("the URL has no scheme: it should begin with https://, as in https://api.n1n.ai/v1")
	}
	u, err := url.Parse(raw)
	if err != nil {
		return nil, fmt.Errorf("the URL cannot be read: %v", errors.Unwrap(err)) // without the URL, which may hold a key
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("the URL's scheme is %q: it should be https, as in https://api.n1n.ai/v1", u.Scheme)
	case u.Hostname() == "":
		return nil, fmt.Errorf("the URL has no host: it should follow %s://, as in https://api.n1n.ai/v1", u.Scheme)
	}
	u.Path = strings.TrimRight(u.Path, "/")
	switch {
	case strings.HasSuffix(u.Path, "/chat/completions"):
	case u.Path == "":
		u.Path = "/v1/chat/completions" // where the APIs of this kind have it
	default:
		u.Path += "/chat/completions"
	}
	return u, nil
}

// minSecret is the shortest key that is hidden. Shorter ones are words such as
// "none", which a local server takes and every other sentence contains.
const minSecret = 8

func hide(s, key string) string {
	if len(key) < minSecret {
		return s
	}
	return strings.ReplaceAll(s, key, "[your key]")
}

// A text is what we say about one call.
type text struct {
	strings.Builder
	key string // to hide before something is cut: half a key is too much as well
}

// line writes a line under a name, and nothing if there is nothing to say.
func (p *text) line(name, format string, args ...any) {
	if said := fmt.Sprintf(format, args...); said != "" {
		fmt.Fprintf(p, "%-17s%s\n", name, said)
	}
}

func (p *text) list(name string, items []string) {
	for _, item := range items {
		p.line(name, "- %s", item)
		name = ""
	}
}

func (p *text) answer(a answer) {
	said := printable(a.text())
	if said == "" {
		said = fmt.Sprintf("(no text; finish_reason is %q)", printable(a.Choices[0].FinishReason))
	}
	p.line("Answer", "%s", said)
	if u := a.Usage; u.Total > 0 {
		p.line("Tokens", "%d for the question and %d for the answer: %d", u.Prompt, u.Completion, u.Total)
	}
}

// printable drops what would let a server play tricks on a terminal.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || unicode.IsPrint(r) {
			return r
		}
		return -1
	}, strings.TrimSpace(s))
}

func (p *text) failure(err error) {
	var e *steadyhttp.Error
	var odd *strange
	switch {
	case errors.As(err, &odd):
		p.odd(odd)
	case errors.As(err, &e):
		p.error(e)
	default:
		p.line("Failed", "%s", err)
	}
}

// odd explains a success that is no completion.
func (p *text) odd(s *strange) {
	p.line("Failed", "the server answered %d, but with no chat completion", s.status)
	switch body := bytes.TrimSpace(s.body); {
	case len(body) == 0:
		p.line("What happened", "the answer is empty")
	case isPage(body):
		p.line("What happened", "it sent a web page (HTML), which is no API's answer")
	default:
		p.line("It begins with", "%s", firstLine(hide(printable(string(body)), p.key)))
	}
	p.line("Look first at", "the URL: it should lead to an API of OpenAI's kind; most end in /v1 or /v1/chat/completions")
}

// isPage reports whether body is HTML, or XML, rather than an API's JSON.
func isPage(body []byte) bool { return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) }

// firstLine returns the first line of s, or what fits on a screen's line.
func firstLine(s string) string {
	const most = 100
	s, _, _ = strings.Cut(s, "\n")
	if runes := []rune(s); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return s
}

// error tells all that a steadyhttp.Error knows.
func (p *text) error(e *steadyhttp.Error) {
	p.line("Failed", "%s", reason(e))
	p.line("What happened", "%s", e.Class.Description())
	switch page := isPage(e.Body); {
	case page && e.Status >= 500:
		p.line("The server said", "nothing readable: a web page (HTML), probably of a gateway in front of the API")
	case page:
		p.line("The server said", "nothing readable: a web page (HTML), so this URL is probably no API's")
	case e.Status != 0:
		p.line("The server said", "%s", e.Message)
	default:
		p.line("In detail", "%s", detail(e))
	}
	p.list("Usual causes", e.Class.Causes())
	p.list("What helps", e.Class.Solutions())
	p.line("Look first at", "%s", e.Hint)
	if e.RequestID != "" {
		p.line("Request id", "%s (tell it the provider's support)", e.RequestID)
	}
	p.line("Try again", "%s", again(e))
	p.line("Tell your users", "%s", e.UserMessage())
}

// detail puts what the network said into words where its own are few.
func detail(e *steadyhttp.Error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.As(e, &dns) && dns.IsNotFound:
		return fmt.Sprintf("there is no host named %s: is it spelled right?", dns.Name)
	case errors.As(e, &dns):
		return fmt.Sprintf("the address of %s could not be found out: is there a network?", dns.Name)
	case errors.As(e, &op) && op.Op == "dial":
		return fmt.Sprintf("nothing took the connection to %s (%s): is the server up, and the port right?", op.Addr, e.Message)
	}
	return e.Message
}

func again(e *steadyhttp.Error) string {
	switch {
	case !e.Class.Retryable():
		return "not before something has been changed: the same request would fail again"
	case !e.NotBefore.IsZero():
		return fmt.Sprintf("not before %s: the server asked for %s (%s)",
			e.NotBefore.Format(time.DateTime), e.RetryAfter, e.RetryAfterSource)
	case e.Class == steadyhttp.Timeout:
		return "in a while, or with a longer -timeout"
	}
	return "in a while: it may pass by itself"
}

// call tells what it took.
func (p *text) call(c steadyhttp.Call, took time.Duration) {
	said := fmt.Sprintf("%d in %s", c.Attempts, took.Round(time.Millisecond))
	if c.Waited > 0 {
		said += fmt.Sprintf(", of which %s were spent waiting", c.Waited.Round(time.Millisecond))
	}
	p.line("Attempts", "%s", said)
	if c.Stopped != "" {
		p.line("No more because", "%s", c.Stopped)
	}
}
