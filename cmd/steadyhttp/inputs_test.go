package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// inputs are what people have at hand when they ask, each a file of testdata/inputs.
// The golden files beside them have all that is said; what must be true of it stands
// here, so that writing them anew hides nothing. unknown is "cannot tell".
var inputs = []struct {
	file, class, retry string
	after              time.Duration
}{
	{"an_order_that_mentions_an_error", "unknown", "", 0},
	{"body_anthropic_overloaded", "overloaded", "yes", 0},
	{"body_forbidden_alone", "unknown", "", 0},
	{"body_github_secondary", "rate_limit", "yes", 0},
	{"body_google_quota_with_its_status", "rate_limit", "yes", 0},
	{"body_html_502", "unavailable", "yes", 0},
	{"body_html_without_a_number", "unknown", "", 0},
	{"body_of_a_success", "unknown", "", 0},
	{"body_openai_quota", "quota", "no", 0},
	{"body_openai_rate", "rate_limit", "yes", 1400 * time.Millisecond},
	{"body_problem_json", "not_found", "no", 0},
	{"body_quota_exceeded_alone", "unknown", "", 0},
	{"body_xml_s3", "rate_limit", "yes", 0},
	{"brotli_that_nobody_undid", "unavailable", "yes", 0},
	{"code_1113", "unknown", "", 0},
	{"code_RESOURCE_EXHAUSTED", "unknown", "", 0},
	{"code_ThrottlingException", "rate_limit", "yes", 0},
	{"code_context_length_exceeded", "context_length", "no", 0},
	{"code_insufficient_quota", "quota", "no", 0},
	{"code_invalid_api_key", "authentication", "no", 0},
	{"code_invalid_request_error", "unknown", "", 0},
	{"code_overloaded_error", "overloaded", "yes", 0},
	{"code_rate_limit_exceeded", "rate_limit", "yes", 0},
	{"curl_-i_behind_its_progress", "quota", "no", 0},
	{"curl_-v_429", "rate_limit", "yes", 2 * time.Second},
	{"curl_-v_refused", "connection", "yes", 0},
	{"curl_22", "rate_limit", "yes", 0},
	{"curl_28", "timeout", "yes", 0},
	{"curl_35_reset", "connection", "yes", 0},
	{"curl_35_syscall", "connection", "yes", 0},
	{"curl_35_version", "tls", "no", 0},
	{"curl_6", "not_found", "no", 0},
	{"curl_60", "tls", "no", 0},
	{"go-openai", "quota", "no", 0},
	{"go_anthropic_sdk", "overloaded", "yes", 0},
	{"go_aws", "rate_limit", "yes", 0},
	{"go_aws_without_a_connection", "not_found", "no", 0},
	{"go_genai", "rate_limit", "yes", 34 * time.Second},
	{"go_github", "rate_limit", "later", 750 * time.Second},
	{"go_github_abuse", "rate_limit", "yes", 0},
	{"go_googleapi_403", "rate_limit", "yes", 0},
	{"go_googleapi_502", "unavailable", "yes", 0},
	{"go_grpc", "rate_limit", "yes", 0},
	{"go_kubernetes", "rate_limit", "yes", 0},
	{"go_net_canceled", "canceled", "no", 0},
	{"go_net_certificate", "tls", "no", 0},
	{"go_net_eof", "connection", "unsafe", 0},
	{"go_net_host", "not_found", "no", 0},
	{"go_net_http2", "connection", "yes", 0},
	{"go_net_proxy_407", "authentication", "no", 0},
	{"go_net_proxy_503", "unavailable", "yes", 0},
	{"go_net_refused", "connection", "yes", 0},
	{"go_net_reset", "connection", "yes", 0},
	{"go_net_timeout", "timeout", "yes", 0},
	{"go_of_ours", "rate_limit", "yes", 20 * time.Second},
	{"go_of_ours_without_a_response", "connection", "unsafe", 0},
	{"go_openai_sdk", "quota", "no", 0},
	{"go_openai_sdk_of_today", "rate_limit", "yes", 0},
	{"go_stack_trace", "not_found", "no", 0},
	{"go_stripe", "rate_limit", "yes", 0},
	{"gzip_body", "quota", "no", 0},
	{"gzip_mangled_by_copying", "rate_limit", "yes", 0},
	{"gzip_response_with_its_header", "quota", "no", 0},
	{"gzip_response_without_its_header", "quota", "no", 0},
	{"har_blocked", "connection", "yes", 0},
	{"har_entry", "overloaded", "yes", 0},
	{"har_whole", "overloaded", "yes", 0},
	{"headers_http2_alone", "rate_limit", "yes", 20 * time.Second},
	{"headers_http3", "unavailable", "yes", 0},
	{"headers_with_a_pseudo_status", "rate_limit", "yes", 20 * time.Second},
	{"headers_without_a_status", "unknown", "unknown", 20 * time.Second},
	{"javascript_axios", "unavailable", "yes", 0},
	{"javascript_reset", "connection", "yes", 0},
	{"log_access_nginx", "timeout", "yes", 0},
	{"log_logfmt", "rate_limit", "yes", 0},
	{"log_of_google_cloud", "unavailable", "yes", 0},
	{"log_of_ours", "rate_limit", "yes", 20 * time.Second},
	{"log_of_slog", "quota", "no", 0},
	{"log_with_an_error_text", "authentication", "no", 0},
	{"python_openai", "quota", "no", 0},
	{"python_requests", "rate_limit", "yes", 0},
	{"retry-after_a_year_ahead", "rate_limit", "later", 366 * 24 * time.Hour},
	{"retry-after_two_years_ahead", "rate_limit", "later", 366 * 24 * time.Hour},
	{"slack_200_body_only", "authentication", "no", 0},
	{"slack_200_fine", "none", "", 0},
	{"slack_200_ratelimited", "rate_limit", "yes", 0},
	{"status_from_a_pipe", "rate_limit", "yes", 0},
	{"wget", "unavailable", "later", 120 * time.Second},
	{"words_of_a_complaint", "unknown", "", 0},
	{"words_of_a_quota", "quota", "no", 0},
	{"go_kubectl_without_a_connection", "timeout", "yes", 0},
	{"go_docker_push", "server_error", "yes", 0},
	{"git_403", "permission", "no", 0},
	{"npm_429", "rate_limit", "yes", 0},
	{"go_terraform", "conflict", "no", 0},
	{"words_of_a_missing_model", "unknown", "", 0},
	{"go_json_that_was_a_page", "unknown", "", 0},
	{"go_retryablehttp", "timeout", "yes", 0},
	{"words_of_envoy", "unavailable", "yes", 0},
	{"log_slog_text_with_a_body", "quota", "no", 0},
	{"log_zap_with_a_status_in_words", "rate_limit", "yes", 0},
	{"powershell", "rate_limit", "yes", 0},
	{"java_spring", "quota", "no", 0},
	{"java_timeout", "timeout", "yes", 0},
	{"rust_reqwest", "rate_limit", "yes", 0},
	{"ruby_faraday", "rate_limit", "yes", 0},
	{"events_with_an_error_alone", "overloaded", "yes", 0},
	{"events_with_an_error_after_output", "server_error", "no", 0},
	{"body_quoted_twice", "quota", "no", 0},
	{"words_with_numbers", "unknown", "", 0},
	{"words_with_error_500", "unknown", "", 0},
	{"go_panic_without_http", "unknown", "", 0},
	{"a_metric", "unknown", "", 0},
	{"log_lines_of_which_one_failed", "rate_limit", "yes", 0},
	{"python_anthropic", "rate_limit", "yes", 0},
	{"go_openai_stream", "overloaded", "yes", 0},
	{"go_azure", "rate_limit", "yes", 26 * time.Second},
	{"go_gitlab", "rate_limit", "yes", 0},
	{"go_twilio", "rate_limit", "yes", 0},
	{"go_slack", "rate_limit", "yes", 30 * time.Second},
	{"go_discord", "rate_limit", "yes", 1336 * time.Millisecond},
	{"go_vault", "unavailable", "yes", 0},
	{"go_elasticsearch", "rate_limit", "yes", 0},
	{"curl_-iL", "not_found", "no", 0},
	{"javascript_gemini", "rate_limit", "yes", 0},
	{"python_boto3", "permission", "no", 0},
	{"python_litellm", "quota", "no", 0},
	{"log_of_a_success", "none", "", 0},
	{"go_net_malformed", "unknown", "", 0},
	{"body_too_large", "too_large", "no", 0},
	{"powershell_utf-16", "rate_limit", "yes", 5 * time.Second},
	{"go_net_eof_alone", "connection", "yes", 0},
	{"go_net_on_windows", "connection", "yes", 0},
	{"body_of_net_http", "not_found", "no", 0},
	{"words_with_a_status_that_was_hoped_for", "unknown", "", 0},
}

func TestInputs(t *testing.T) {
	known := map[string]bool{}
	for _, row := range inputs {
		known[row.file+".txt"] = true
		t.Run(row.file, func(t *testing.T) {
			input := file(t, filepath.Join("inputs", row.file+".txt"))
			code, got, stderr := start(t, input, "explain")
			want := exitOK
			if row.class == "unknown" {
				want = exitUndecided
			}
			if code != want || stderr != "" {
				t.Fatalf("got code %d and %q, want %d and nothing", code, stderr, want)
			}
			clean(t, got)
			golden := filepath.Join("inputs", row.file+".golden")
			if *update {
				if err := os.WriteFile(filepath.Join("testdata", golden), []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if want := file(t, golden); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			r := inJSON(t, input, "explain", "-json")
			verdict, after := "", 0.0
			if r.Retry != nil {
				verdict = r.Retry.Verdict
				if r.Retry.After != nil {
					after = *r.Retry.After
				}
			}
			if r.Class != row.class || verdict != row.retry || after != row.after.Seconds() {
				t.Errorf("got %s, retry %q after %v s; want %s, %q, %v", r.Class, verdict, after, row.class, row.retry, row.after)
			}
			if undecided := r.Outcome == "unknown"; undecided != (r.Because != "") || undecided != (len(r.Add) > 0) || undecided != (row.class == "unknown") {
				t.Errorf("got outcome %s because %q, add %q", r.Outcome, r.Because, r.Add)
			}
			if r.Outcome == "failure" && !strings.HasPrefix(row.file, "log_of_ours") && len(r.Evidence) == 0 {
				t.Error("got no evidence")
			}
		})
	}
	files, _ := filepath.Glob("testdata/inputs/*.txt")
	for _, f := range files {
		if !known[filepath.Base(f)] {
			t.Errorf("%s is in no row", f)
		}
	}
}

// said is what tests look at in -json.
type said struct {
	Schema        int
	Outcome       string
	Class         string
	Provider      string
	RequestID     string `json:"request_id"`
	AssumedHost   string `json:"assumed_host"`
	Fate, Because string
	Add, Evidence []string
	Notes         []string
	Retry         *struct {
		Verdict   string
		AnyMethod bool `json:"any_method"`
		After     *float64
	}
}

func inJSON(t *testing.T, stdin string, args ...string) (r said) {
	t.Helper()
	_, stdout, stderr := start(t, stdin, args...)
	if err := json.Unmarshal([]byte(stdout), &r); err != nil || r.Schema != schemaNumber {
		t.Fatalf("got %q and %q: %v, schema %d", stdout, stderr, err, r.Schema)
	}
	return r
}

// What is no file is explained itself, and flags add to whatever the input shows.
func TestArguments(t *testing.T) {
	for _, row := range []struct {
		name  string
		stdin string
		args  []string
		code  int
		class string
		note  string // in the notes
	}{
		{"a code", "", []string{"insufficient_quota"}, exitOK, "quota", ""},
		{"a code with its status", "insufficient_quota", []string{"-status", "403", "-"}, exitOK, "quota", ""},
		{"a number with its host", "", []string{"1113", "-host", "open.bigmodel.cn"}, exitOK, "quota", ""},
		{"a number without", "", []string{"1113"}, exitUndecided, "unknown", ""},
		{"an error's text", "", []string{`Post "https://api.openai.com/v1/responses": EOF`}, exitOK, "connection", ""},
		{"a status beside an error's text", "upstream said no", []string{"-status", "503", "-"}, exitOK, "unavailable", ""},
		{"a status for headers without one", "Retry-After: 5\n", []string{"-", "-status", "503"}, exitOK, "unavailable", ""},
		{"a status that the body contradicts", `{"error":{"code":503,"message":"m"}}`, []string{"-", "-status", "429"}, exitOK, "rate_limit", ""},
		{"a host for a body", `{"error":{"code":"1113","message":"m"}}`, []string{"-host", "open.bigmodel.cn"}, exitOK, "quota", ""},
		{"a header for a body", `{"message":"busy"}`, []string{"-header", "X-Amzn-Errortype: ThrottlingException", "-"}, exitOK, "rate_limit", ""},
		{"GitHub's limit without a host", "", []string{"403", "testdata/github_403_body.json"}, exitOK, "rate_limit", "taken for api.github.com"},
		{"GitHub's limit at a server of its customer", `{"message":"You have exceeded a secondary rate limit.","documentation_url":"https://docs.github.com/enterprise-server@3.9/rest"}`, []string{"-status", "403", "-"}, exitOK, "rate_limit", ""},
		{"an error in a success at a path where nobody looks", `{"ok":false,"error":"ratelimited"}`, []string{"-status", "200", "-path", "/api/chat.postMessage", "-"}, exitOK, "rate_limit", "give it a Rule"},
	} {
		t.Run(row.name, func(t *testing.T) {
			code, _, _ := start(t, row.stdin, append([]string{"explain"}, row.args...)...)
			r := inJSON(t, row.stdin, append([]string{"explain", "-json"}, row.args...)...)
			if code != row.code || r.Class != row.class || !strings.Contains(strings.Join(r.Notes, " "), row.note) {
				t.Errorf("got code %d, class %s, notes %q; want %d, %s, %q", code, r.Class, r.Notes, row.code, row.class, row.note)
			}
		})
	}
}

// Whose answer it is decides what it proves: where the answer names its host, that
// is taken, and it is said.
func TestAssumedHost(t *testing.T) {
	const secondary = "HTTP/2 403 \n%s\n{\"message\":\"You have exceeded a secondary rate limit.\"}"
	with := inJSON(t, strings.Replace(secondary, "%s", "x-github-request-id: C0DE:1\n", 1), "explain", "-json")
	if with.AssumedHost != "api.github.com" || with.Fate != "refused" || !with.Retry.AnyMethod {
		t.Errorf("got host %q, fate %s, any method: %t; want GitHub's and refused", with.AssumedHost, with.Fate, with.Retry.AnyMethod)
	}
	without := inJSON(t, strings.Replace(secondary, "%s", "", 1), "explain", "-json")
	if without.AssumedHost != "" || without.Fate != "unknown" {
		t.Errorf("got host %q, fate %s without a sign; want none and unknown", without.AssumedHost, without.Fate)
	}
	other := inJSON(t, strings.Replace(secondary, "%s", "x-github-request-id: C0DE:1\n", 1), "explain", "-json", "-host", "git.example.com")
	if other.AssumedHost != "" || other.Fate != "unknown" {
		t.Errorf("got host %q, fate %s at a host of one's own; want none and unknown", other.AssumedHost, other.Fate)
	}
}

// The words of net/http's errors are of the class that Check gives to the errors
// themselves.
func TestWordsOfNetErrors(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	_, untrusted := http.Get(server.URL)
	_, scheme := http.Get(strings.Replace(server.URL, "https", "http", 1))
	if scheme == nil { // a server of TLS answers such a request with 400
		scheme = http.ErrSchemeMismatch
	}
	timeout, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	req, _ := http.NewRequestWithContext(timeout, "GET", server.URL, nil)
	_, late := http.DefaultClient.Do(req)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listener.Close()
	_, refused := http.Get("http://" + listener.Addr().String())
	for _, err := range []error{
		untrusted, scheme, late, refused, context.Canceled, context.DeadlineExceeded, os.ErrDeadlineExceeded, io.ErrUnexpectedEOF, io.EOF, net.ErrClosed,
		syscall.ECONNRESET, syscall.EPIPE, syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.ETIMEDOUT,
		&net.DNSError{Err: "no such host", Name: "a.test", IsNotFound: true}, &net.DNSError{Err: "server misbehaving", Name: "a.test", IsTemporary: true},
		&net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: "a.test", IsNotFound: true}},
		x509.UnknownAuthorityError{}, tls.AlertError(40), errors.New("http: server closed idle connection"), errors.New("http2: client connection lost"),
	} {
		if _, wrapped := err.(*url.Error); !wrapped {
			err = &url.Error{Op: "Get", URL: "https://a.test/", Err: err}
		}
		want := verdict(nil, err).Class.String()
		if got := inJSON(t, err.Error(), "explain", "-json"); got.Class != want {
			t.Errorf("%q: got %s, want %s as Check says", err, got.Class, want)
		}
	}
}

// Each status with which a class usually comes is tried.
func TestUsualStatusesAreSurveyed(t *testing.T) {
	for class, statuses := range usualStatuses {
		for _, status := range statuses {
			if !slices.Contains(surveyed, status) {
				t.Errorf("%v: %d is not tried", class, status)
			}
		}
	}
}

// The text of this library's own errors is read back.
func TestOwnErrors(t *testing.T) {
	for class := steadyhttp.InvalidRequest; class <= steadyhttp.Unknown; class++ {
		e := &steadyhttp.Error{Class: class, Status: 429, Message: "it said (so) no", Code: "some_code", RequestID: "req_123456", RetryAfter: 90 * time.Second, RetryAfterSource: "retry-after"}
		r := inJSON(t, "2000/01/01 00:00:00 ask: "+e.Error()+"\n", "explain", "-json")
		if r.Class != class.String() || r.RequestID != e.RequestID || r.Retry.After == nil || *r.Retry.After != 90 {
			t.Errorf("%q: got %+v", e, r)
		}
	}
}

// canary is what no output may hold, whatever place of the input it stood in.
const canary = "Zq7Canary0Secret9Kx4Wv2"

func TestNoSecretsInTheOutput(t *testing.T) {
	t.Parallel()
	bodyEcho := `{"error":{"message":"The key ` + canary + ` is wrong","code":"invalid_api_key"}}`
	for name, input := range map[string]string{
		"curl -v":                       "> GET /v1/models?api_key=" + canary + " HTTP/1.1\n> Host: api.example.com\n> Authorization: Bearer " + canary + "\n> Cookie: s=" + canary + "\n>\n< HTTP/1.1 401 No\n< Set-Cookie: s=" + canary + "\n<\n" + bodyEcho,
		"a webhook in an error":         `Post "https://hooks.slack.com/services/T0000/B0000/` + canary + `": EOF`,
		"a query in an error":           `Get "https://api.example.com/x?token=` + canary + `": 429 Too Many Requests`,
		"a password in a URL":           `Get "https://user:` + canary + `@api.example.com/x": EOF`,
		"a HAR":                         `{"request":{"method":"GET","url":"https://api.example.com/?key=` + canary + `","headers":[{"name":"X-Api-Key","value":"` + canary + `"}]},"response":{"status":401,"headers":[{"name":"Set-Cookie","value":"` + canary + `"}],"content":{"text":` + quotedJSON(bodyEcho) + `}}}`,
		"a log entry":                   `{"level":"error","method":"GET","url":"https://api.example.com/?key=` + canary + `","status":401,"authorization":"Bearer ` + canary + `","msg":"no"}`,
		"a log entry with an error":     `{"level":"error","msg":"x","error":"Get \"https://api.example.com/?key=` + canary + `\": context deadline exceeded"}`,
		"logfmt":                        "level=error method=GET url=https://api.example.com/?key=" + canary + " status=500 token=" + canary,
		"an access log":                 `1.2.3.4 - - [x] "GET /x?token=` + canary + ` HTTP/1.1" 500 1 "-" "-"`,
		"a bearer in a text":            "request failed: Authorization: Bearer " + canary + ": 401 Unauthorized",
		"an api key in a text":          "no luck with api_key=" + canary,
		"Telegram's path":               `Post "https://api.telegram.org/bot123456789:` + canary + canary + `/sendMessage": unexpected EOF`,
		"undecided, with a key in it":   `{"message":"no","api_key":"` + canary + `"}`,
		"headers without a status":      "X-Api-Key: " + canary + "\nRetry-After: 5\n",
		"a stack trace with a URL":      "panic: Get \"https://api.example.com/?key=" + canary + "\": EOF\n\ngoroutine 1 [running]:\nmain.main()\n",
		"a key that is explained alone": "sk-proj-" + canary + canary,
	} {
		for _, args := range [][]string{{"explain"}, {"explain", "-json"}} {
			_, stdout, stderr := start(t, input, args...)
			if strings.Contains(stdout+stderr, canary) {
				t.Errorf("%s, %q: the secret is in\n%s%s", name, args, stdout, stderr)
			}
		}
	}
}

func quotedJSON(s string) string { b, _ := json.Marshal(s); return string(b) }

// docs/explain.md names each member of -json, and no other.
func TestMembersAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/explain.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	_, table, _ := strings.Cut(string(data), "## JSON")
	for line := range strings.Lines(table) {
		if name, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ = strings.Cut(name, "`")
			documented[name] = true
		}
	}
	there := map[string]bool{}
	members(there, "", reflect.TypeFor[report]())
	for name := range there {
		if !documented[name] {
			t.Errorf("%s is not in docs/explain.md", name)
		}
	}
	for name := range documented {
		if !there[name] {
			t.Errorf("docs/explain.md has %s, which is no member", name)
		}
	}
}

func members(all map[string]bool, under string, t reflect.Type) {
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		if name == "" {
			continue
		}
		all[under+name] = true
		of := t.Field(i).Type
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		if of.Kind() == reflect.Struct && of != reflect.TypeFor[time.Time]() {
			members(all, under+name+".", of)
		}
	}
}

func FuzzErrorText(f *testing.F) {
	files, _ := filepath.Glob("testdata/inputs/*.txt")
	for _, name := range files {
		f.Add(file(f, filepath.Join("inputs", filepath.Base(name))))
	}
	f.Fuzz(func(t *testing.T, text string) { explainFuzzed(t, text) })
}
