package steadyhttp_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
)

// credentialForms put a secret into a request in every way that APIs take one, and some that
// only one company does.
var credentialForms = []func(req *http.Request, body *string, secret string){
	func(r *http.Request, _ *string, s string) { r.Header.Set("Authorization", "Bearer "+s) },
	func(r *http.Request, _ *string, s string) { r.Header.Set("Authorization", "token "+s) },
	func(r *http.Request, _ *string, s string) { r.SetBasicAuth("user", s) },
	func(r *http.Request, _ *string, s string) {
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+s+"/20261128/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature="+s)
		r.Header.Set("X-Amz-Security-Token", s)
	},
	func(r *http.Request, _ *string, s string) { r.Header.Set("X-Api-Key", s) },
	func(r *http.Request, _ *string, s string) { r.Header.Set("Api-Key", s) },
	func(r *http.Request, _ *string, s string) { r.Header.Set("X-Goog-Api-Key", s) },
	func(r *http.Request, _ *string, s string) { r.Header.Set("X-Corp-Session", s) },
	func(r *http.Request, _ *string, s string) { r.Header.Set("Cookie", "session="+s) },
	func(r *http.Request, _ *string, s string) { r.Header.Set("Proxy-Authorization", "Basic "+s) },
	func(r *http.Request, _ *string, s string) { r.Header.Set("Referer", "https://app.example/?token="+s) },
	func(r *http.Request, _ *string, s string) {
		r.Header.Set("Openai-Organization", s)
		r.Header.Set("Openai-Project", s)
	},
	func(r *http.Request, _ *string, s string) { r.Header.Set("Idempotency-Key", s) },
	func(r *http.Request, _ *string, s string) { r.URL.RawQuery = "key=" + s },
	func(r *http.Request, _ *string, s string) { r.URL.RawQuery = "api-version=1&sig=" + s + "&se=2026" },
	func(r *http.Request, _ *string, s string) { r.URL.RawQuery = "access_token=" + s },
	func(r *http.Request, _ *string, s string) { r.URL.User = url.UserPassword("user", s) },
	func(r *http.Request, _ *string, s string) {
		r.Trailer = http.Header{"X-Signature": {s}}
	},
	func(_ *http.Request, body *string, s string) {
		*body = `{"api_key":"` + s + `",` + (*body)[1:]
	},
	func(_ *http.Request, body *string, s string) {
		*body = strings.TrimSuffix(*body, "}") + `,"\u0061ccess_token":{"value":"` + s + `"}}`
	},
}

// Of 10,000 random requests over random targets no wire has a credential that is not
// for its host, redirects included.
func TestNoCredentialGoesAstray(t *testing.T) {
	t.Parallel()
	outcomes := []func(asked) reply{
		works, works, always(429, "Retry-After: 20", ""), always(429, "", ""), always(401, "", ""), always(403, "", ""), always(500, "", ""), always(503, "", ""), always(529, "", ""),
		always(307, "Location: https://stranger.example/v1/chat/completions", ""), always(302, "Location: https://stranger.example/", ""), always(404, "", openAIError("invalid_request_error", "model_not_found", "The model does not exist")),
		always(400, "", openAIError("invalid_request_error", "context_length_exceeded", "too long")), fails(syscall.ECONNREFUSED), fails(syscall.ECONNRESET),
	}
	hosts := []string{primary, "api.mistral.ai", "llm.corp.example:8443", "api.groq.com"}
	elsewhere := []string{"https://openrouter.ai/api/v1", "https://api.deepseek.com/v1", "http://gpu.example:8000/v1", "https://api.openai.com:444/v1"}
	r := rand.New(rand.NewPCG(1, 2))
	reached := 0
	for n := range howMany(150, 1000, 10_000) {
		synctest.Test(t, func(t *testing.T) {
			callers := fmt.Sprintf("callers%08dqT7avZr9bLk2", n)
			secrets := map[string]string{} // of each target, and where it may go
			own := hosts[r.IntN(len(hosts))]
			f := &steadyhttp.Failover{}
			if r.IntN(3) == 0 {
				f.Hosts = []string{own}
			}
			for i := range 1 + r.IntN(3) {
				secret := fmt.Sprintf("targets%d%08dmW3xKc8dNp", i, n)
				target := steadyhttp.Target{Name: fmt.Sprint(i)}
				at := own
				if r.IntN(3) > 0 {
					target.URL = elsewhere[r.IntN(len(elsewhere))]
					u, _ := url.Parse(target.URL)
					at = u.Host
				}
				switch r.IntN(3) {
				case 0:
					target.Prepare = func(req *http.Request) error { req.Header.Set("Authorization", "Bearer "+secret); return nil }
				case 1:
					target.Header = http.Header{"X-Api-Key": {secret}}
				default:
					target.Header = http.Header{"Authorization": {"Bearer " + secret}}
				}
				if r.IntN(2) == 0 {
					target.Model = "small"
				}
				secrets[secret] = at
				f.Targets = append(f.Targets, target)
			}
			base := roundTripperFunc(func(req *http.Request) (*http.Response, error) {
				var wire bytes.Buffer
				if req.Trailer != nil { // of which the dump shows nothing where a length is known
					fmt.Fprint(&wire, req.Trailer)
				}
				dump, err := httputil.DumpRequestOut(req, true)
				if err != nil {
					return nil, err
				}
				wire.Write(dump)
				if req.URL.Host != own {
					reached++
					if bytes.Contains(wire.Bytes(), []byte(callers)) || bytes.Contains(wire.Bytes(), []byte(base64.StdEncoding.EncodeToString([]byte("user:"+callers)))) {
						t.Errorf("call %d: %s got the caller's credential:\n%s", n, req.URL.Host, wire.Bytes())
					}
				}
				for secret, at := range secrets {
					if bytes.Contains(wire.Bytes(), []byte(secret)) && at != req.URL.Host {
						t.Errorf("call %d: %s got the credential for %s:\n%s", n, req.URL.Host, at, wire.Bytes())
					}
				}
				answer := outcomes[r.IntN(len(outcomes))]
				return replying(func(*http.Request) reply { return answer(asked{}) }).RoundTrip(req)
			})
			body := `{"model":"m","messages":[{"role":"user","content":"hi"}]}`
			req := request(t, "POST", "https://"+own+"/v1/chat/completions", "{}")
			credentialForms[r.IntN(len(credentialForms))](req, &body, callers)
			req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
			req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
			client := &http.Client{Transport: &steadyhttp.Transport{Base: base, Failover: f}, Timeout: 5 * time.Second}
			// http.Client itself takes most headers to where a redirect leads. Nobody
			// wants to know that of it here.
			client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
			if resp, err := client.Do(req.WithContext(t.Context())); err == nil {
				if resp.StatusCode/100 == 3 && resp.Request.URL.Host != own {
					t.Errorf("call %d: the redirect of a target went up", n)
				}
				finish(t, resp)
			}
		})
		if t.Failed() {
			return
		}
	}
	if reached < 100 {
		t.Errorf("only %d requests went to a target elsewhere", reached)
	}
}
