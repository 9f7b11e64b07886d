package steadyhttp_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// ofClasses has a failure for each row of the table in docs/failover.md, by the row's
// first cell.
var ofClasses = map[string]func(asked) reply{
	"`rate_limit` of the key and the model, as at OpenAI": always(429, "Retry-After: 20", ""),
	"`rate_limit` at a host that is not known":            always(429, "Retry-After: 20", ""),
	"`quota`":          always(429, "", openAIError("insufficient_quota", "insufficient_quota", "You exceeded your current quota.")),
	"`authentication`": always(401, "", openAIError("invalid_request_error", "invalid_api_key", "Incorrect API key provided.")),
	"`permission`":     always(403, "", openAIError("invalid_request_error", "insufficient_permissions", "You have insufficient permissions.")),
	"`overloaded`":     always(529, "", ""),
	"`server_error`":   always(500, "", ""),
	"`unavailable`":    always(503, "", ""),
	"`timeout`":        always(504, "", ""),
	"`connection`":     fails(syscall.ECONNREFUSED),
	"`tls`":            fails(&tls.CertificateVerificationError{Err: x509.UnknownAuthorityError{}}),
	"`unknown`: an error of the network that nobody knows": fails(errors.New("an error that nobody knows")),
	"`not_found` of a model":                               always(404, "", openAIError("invalid_request_error", "model_not_found", "The model `m` does not exist.")),
	"`not_found` of a host's name":                         fails(&net.DNSError{Err: "no such host", IsNotFound: true}),
	"`not_found` of anything else":                         always(404, "", openAIError("invalid_request_error", "", "There is no such file.")),
	"`context_length`":                                     always(400, "", openAIError("invalid_request_error", "context_length_exceeded", "This model's maximum context length is 8192 tokens.")),
	"`too_large`":                                          always(413, "", ""),
	"`content_policy`":                                     always(400, "", openAIError("invalid_request_error", "content_policy_violation", "Your request was rejected by our safety system.")),
	"`invalid_request`":                                    always(400, "", openAIError("invalid_request_error", "", "Unknown parameter: 'messagse'.")),
	"`conflict`":                                           always(409, "", ""),
	"`canceled`":                                           func(asked) reply { return reply{after: time.Hour} },
}

// The targets of the table's columns, in its order.
var differing = []steadyhttp.Target{
	{Name: "key", Header: http.Header{"Authorization": {"Bearer key-b"}}},
	{Name: "model", Model: "other"},
	{Name: "host", URL: "https://other.example.com", Header: http.Header{"Authorization": {"Bearer key-b"}}},
	{Name: "size", Set: map[string]any{"large": true}, MaxInput: 1_000_000},
}

// What docs/failover.md says of each class is what a Failover does.
func TestTableOfWhatLeavesWhat(t *testing.T) {
	rows := map[string][]string{}
	for line := range strings.Lines(section(t, "What leaves what")) {
		if cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|"); len(cells) == 1+len(differing) && strings.HasPrefix(line, "| `") {
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			rows[cells[0]] = cells[1:]
		}
	}
	for name := range rows {
		if ofClasses[name] == nil {
			t.Errorf("nothing shows that the row of %s is true", name)
		}
	}
	for class := steadyhttp.None + 1; class <= steadyhttp.Unknown; class++ {
		seen := false
		for name := range rows {
			seen = seen || strings.HasPrefix(name, "`"+class.String()+"`")
		}
		if !seen {
			t.Errorf("the table has no row of %s", class)
		}
	}
	for name, failure := range ofClasses {
		t.Run(name, func(t *testing.T) {
			if rows[name] == nil {
				t.Fatal("the table has no such row")
			}
			for i, to := range differing {
				synctest.Test(t, func(t *testing.T) {
					goes, class := takesOver(t, name, failure, to)
					if _, row, _ := strings.Cut(name, "`"); !strings.HasPrefix(row, class.String()+"`") {
						t.Fatalf("got a failure of class %s", class)
					}
					if want := rows[name][i]; (want == "yes") != goes || want != "yes" && want != "–" {
						t.Errorf("to a target that differs in its %s: it goes %v, the table says %q", to.Name, goes, want)
					}
				})
			}
		})
	}
}

// takesOver reports whether a call that fails so is taken over by a target, and the
// class of that failure.
func takesOver(t *testing.T, name string, failure func(asked) reply, to steadyhttp.Target) (bool, steadyhttp.Class) {
	host := primary
	if strings.Contains(name, "not known") {
		host = "api.example.com"
	}
	first := func(a asked) bool {
		return a.host == host && a.key == "key-a" && a.model == "m" && !strings.Contains(a.body, "large")
	}
	answer := func(a asked) reply {
		if first(a) {
			return failure(a)
		}
		return works(a)
	}
	f := &fleet{rules: map[string]func(asked) reply{host: answer, "other.example.com": answer}}
	rt := &steadyhttp.Transport{Base: f, Retrier: &steadyhttp.Retrier{MaxAttempts: 1},
		Failover: &steadyhttp.Failover{Hosts: []string{host}, Targets: []steadyhttp.Target{to}}}
	d := ask(t, rt, func(req *http.Request) {
		req.URL.Host = host
		if name == "`canceled`" {
			ctx, cancel := context.WithCancel(req.Context())
			time.AfterFunc(time.Second, cancel)
			*req = *req.WithContext(ctx)
		}
	})
	for _, a := range f.asked {
		if !first(a) {
			return d.answered(), d.call.RetriedClasses[0]
		}
	}
	return false, d.call.Error.Class
}

// The code that docs/failover.md shows is the code of the examples.
func TestRecipesOfFailover(t *testing.T) {
	doc := read(t, "docs/failover.md")
	shown := regexp.MustCompile("(?s)```go\n(func .*?)```").FindAllStringSubmatch(doc, -1)
	if len(shown) != 5 {
		t.Errorf("got %d recipes, want 5", len(shown))
	}
	examples := read(t, "failover_example_test.go")
	for _, code := range shown {
		if !strings.Contains(examples, "\n"+code[1]) {
			t.Errorf("this is in no example:\n%s", code[1])
		}
	}
}

// section returns a section of docs/failover.md.
func section(t *testing.T, title string) string {
	t.Helper()
	_, text, ok := strings.Cut(read(t, "docs/failover.md"), "\n## "+title+"\n")
	if !ok {
		t.Fatalf("docs/failover.md has no section %q", title)
	}
	text, _, _ = strings.Cut(text, "\n## ")
	return text
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
