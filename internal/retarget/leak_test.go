package retarget

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
	"testing"
)

func TestHeaders(t *testing.T) {
	const all = `Accept Accept-Encoding Accept-Language Content-Type Content-Disposition Content-Language User-Agent Anthropic-Version Anthropic-Beta Openai-Beta
		Traceparent Tracestate Authorization X-Api-Key X-Corp-Token X-Corp Cookie Referer Proxy-Authorization Forwarded X-Forwarded-For Openai-Organization
		Openai-Project Idempotency-Key Content-Md5 Content-Digest Digest X-Amz-Content-Sha256 X-Stainless-Lang X-Request-Id Baggage Content-Token X-Goog-User-Project`
	for _, row := range []struct{ name, target, header, model, want string }{
		{"to another server", "https://gw.example.com/v1", "", "", `Accept Accept-Encoding Accept-Language Content-Type Content-Disposition Content-Language User-Agent
			Anthropic-Version Anthropic-Beta Openai-Beta Traceparent Tracestate`},
		{"to another server with its key", "https://gw.example.com/v1", "X-Api-Key", "", `Accept Accept-Encoding Accept-Language Content-Type Content-Disposition Content-Language
			User-Agent Anthropic-Version Anthropic-Beta Openai-Beta Traceparent Tracestate X-Api-Key`},
		{"the same server", "", "", "", all},
		{"another model", "", "", "m", `Accept Accept-Encoding Accept-Language Content-Type Content-Disposition Content-Language User-Agent Anthropic-Version Anthropic-Beta
			Openai-Beta Traceparent Tracestate Authorization X-Api-Key X-Corp-Token X-Corp Cookie Referer Proxy-Authorization Forwarded X-Forwarded-For
			Openai-Organization Openai-Project Idempotency-Key X-Stainless-Lang X-Request-Id Baggage Content-Token X-Goog-User-Project`},
		{"another key", "", "Authorization", "", `Accept Accept-Encoding Accept-Language Content-Type Content-Disposition Content-Language User-Agent Anthropic-Version Anthropic-Beta
			Openai-Beta Traceparent Tracestate Authorization X-Corp Referer Forwarded X-Forwarded-For Idempotency-Key X-Stainless-Lang X-Request-Id Baggage`},
	} {
		t.Run(row.name, func(t *testing.T) {
			req := request(t, "POST", chat, "{}")
			for name := range strings.FieldsSeq(all) {
				req.Header[name] = []string{"callers"}
			}
			req.Header.Set("Content-Type", "application/json")
			target := &Target{URL: parse(t, row.target), Model: row.model, Header: http.Header{}}
			if row.header != "" {
				target.Header[row.header] = []string{"targets"}
			}
			got := target.Request(t.Context(), req).Header
			for name := range strings.FieldsSeq(row.want) {
				if got[name] == nil {
					t.Errorf("%s is gone", name)
				}
				if name == row.header && got.Get(name) != "targets" {
					t.Errorf("%s is the caller's", name)
				}
				delete(got, name)
			}
			for name := range got {
				t.Errorf("%s went along", name)
			}
		})
	}
}

func TestHeadersThatTheTargetSets(t *testing.T) {
	req := request(t, "POST", chat, "{}", "User-Agent", "sdk", "X-Title", "app", "Openai-Beta", "x")
	req.Header["authorization"] = []string{"Bearer callers"} // not as net/http would write it
	target := &Target{Header: http.Header{"authorization": {"Bearer targets"}, "User-Agent": nil, "X-Title": {}, "X-New": {"1", "2"}}}
	got := target.Request(t.Context(), req)
	got.Header.Add("X-New", "3") // as Prepare may
	var b strings.Builder
	if err := got.Write(&b); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Authorization: Bearer targets\r\n", "X-New: 1\r\nX-New: 2\r\nX-New: 3\r\n", "Openai-Beta: x\r\n"} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("%q is not in\n%s", line, b.String())
		}
	}
	for _, gone := range []string{"callers", "User-Agent", "X-Title"} {
		if strings.Contains(b.String(), gone) {
			t.Errorf("%q is in\n%s", gone, b.String())
		}
	}
	if len(target.Header["X-New"]) != 2 || req.Header.Get("User-Agent") != "sdk" {
		t.Error("the target or the caller's request was written to")
	}
}

// A plant puts a secret into a request.
type plant struct {
	where string // "query", or "" for anything else
	put   func(req *http.Request, secret string)
}

func plants() []plant {
	var all []plant
	header := func(name, format string) {
		all = append(all, plant{"", func(req *http.Request, s string) {
			req.Header[name] = append(req.Header[name], strings.ReplaceAll(format, "WHO", s))
		}})
	}
	for name := range strings.FieldsSeq(`Authorization authorization X-Api-Key x-api-key Api-Key Apikey X-Goog-Api-Key Xi-Api-Key X-Vault-Token Private-Token Dd-Api-Key
		Dd-Application-Key X-Auth-Token X-Auth-Key X-Access-Token X-Shopify-Access-Token Ocp-Apim-Subscription-Key X-Rapidapi-Key X-Token Token Key X-Consul-Token X-Gitlab-Token
		X-Mal-Client-Key X-Parse-Session-Token X-Honeycomb-Team-Key Fastly-Key X-Postmark-Server-Token X-Insert-Key X-Api-Secret X-Auth X-Authorization
		X-Forwarded-Authorization X-User-Token X-Tableau-Auth Circle-Token X-Trackertoken X-Cmc_pro_api_key X-Mbx-Apikey X-Ca-Key Tenant_key Cf-Access-Client-Secret
		Cf-Access-Client-Id X-Goog-Iap-Jwt-Assertion X-Amz-Access-Token X-Amz-Security-Token X-Security-Token X-Backend-Token X-Corp-Token Cookie cookie Proxy-Authorization
		Openai-Organization OpenAI-Project Signature Signature-Input X-Wsse Dpop X-Forwarded-Client-Cert X-Amz-Content-Sha256 X-Hub-Signature-256 Helicone-Auth
		Cf-Aig-Authorization Content-Token Accept-Key X-Goog-User-Project Portkey-Api-Key Anthropic-Auth-Token`) {
		header(name, "WHO")
	}
	for _, v := range []string{
		"Bearer WHO", "Token token=WHO", "GenieKey WHO", `Digest username="u", response="WHO"`, "SharedKey WHO:x", "SharedAccessSignature sr=h&sig=WHO&se=1&skn=k",
		"AWS4-HMAC-SHA256 Credential=WHO/20261127/us-east-1/bedrock/aws4_request, SignedHeaders=host, Signature=0", `OAuth oauth_token="WHO"`, `Hawk id="WHO", mac="x"`,
	} {
		header("Authorization", v)
	}
	for _, v := range []string{"sid=WHO", "lang=en; session=WHO; _ga=1", "x=WHO"} {
		header("Cookie", v)
	}
	for name := range strings.FieldsSeq(`key api_key apikey apiKey api-key access_token token auth_token auth subscription-key subscription_key client_id user_key session_token app_key
		hapikey X-Plex-Token access_key serviceKey private_token oauth_token password secret X-Amz-Credential X-Amz-Signature X-Amz-Security-Token
		X-Goog-Credential X-Goog-Signature GoogleAccessId Key-Pair-Id Signature sig AWSAccessKeyId OSSAccessKeyId x-oss-signature q-ak q-signature oauth_signature skoid
		jwt code %6Bey api%5Fkey sessionid sid X-Corp-Token hmac sign`) {
		all = append(all, plant{"query", func(req *http.Request, s string) {
			req.URL.RawQuery = strings.TrimPrefix(req.URL.RawQuery+"&", "&") + name + "=" + s
		}})
	}
	all = append(all,
		plant{"query", func(req *http.Request, s string) { req.URL.RawQuery = "sv=2024&se=" + s + "&sp=" + s + "&sig=" + s }},
		plant{"query", func(req *http.Request, s string) { req.URL.RawQuery = s + "-0123456789abcdef" }},
		plant{"", func(req *http.Request, s string) { req.URL.User = url.UserPassword(s, "x") }},
		plant{"", func(req *http.Request, s string) { req.URL.User = url.UserPassword("u", s) }},
		plant{"", func(req *http.Request, s string) { req.SetBasicAuth("api", s) }},
		plant{"", func(req *http.Request, s string) {
			req.Header.Set("Authorization", "Bearer "+base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))+"."+base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"`+s+`"}`))+".x")
		}},
	)
	for name := range strings.FieldsSeq(`api_key apikey apiKey access_token auth_token token password secret client_secret aws_secret_access_key aws_session_token
		aws_access_key_id vertex_credentials authorization session_token api\u005fkey jwt`) {
		all = append(all, plant{"body", func(req *http.Request, s string) { addMember(req, `"`+name+`"`, `"`+s+`"`) }})
	}
	return append(all, plant{"body", func(req *http.Request, s string) {
		addMember(req, `"extra_headers"`, `{"Authorization": "Bearer `+s+`"}`)
	}})
}

func addMember(req *http.Request, name, value string) {
	b, _ := io.ReadAll(req.Body)
	b = append(bytes.TrimSuffix(b, []byte("}")), ","+name+":"+value+"}"...)
	req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
}

// wire is what a request looks like as it is sent, with what is in base64 readable.
func wire(t *testing.T, req *http.Request) string {
	t.Helper()
	var b strings.Builder
	if dump, err := httputil.DumpRequestOut(req.Clone(req.Context()), false); err != nil {
		t.Fatal(err)
	} else {
		b.Write(dump)
	}
	if err := req.Write(&b); err != nil {
		t.Fatal(err)
	}
	for word := range strings.FieldsFuncSeq(b.String(), func(r rune) bool { return strings.ContainsRune(" .:\r\n\"", r) }) {
		for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
			if plain, err := e.DecodeString(word); err == nil {
				b.Write(plain)
			}
		}
	}
	return b.String()
}

// Nothing that the caller authenticates with reaches another origin, nor its own one
// beside another credential.
func TestNothingOfTheCallersLeaks(t *testing.T) {
	all := plants()
	requests := []string{
		chat, "https://api.anthropic.com/v1/messages", "https://generativelanguage.googleapis.com/v1beta/models/g:generateContent?alt=sse",
		"https://r.openai.azure.com/openai/deployments/d/chat/completions?api-version=1", "https://bedrock-runtime.us-east-1.amazonaws.com/model/m%3A0/converse",
		"https://api.cohere.com/v2/chat", "http://localhost:11434/api/chat", "https://api.example.com/orders?page=2",
	}
	targets := []string{"https://gw.example.com", "http://gw.example.com:8080", "https://other.example.com/"}
	n := 10_000
	if testing.Short() {
		n = 1_000
	}
	for i := range n {
		rnd := rand.New(rand.NewPCG(1, uint64(i)))
		secret := fmt.Sprintf("zq%06dqz", i)
		req := request(t, "POST", requests[rnd.IntN(len(requests))], `{"model":"m","n":1}`, "Content-Type", "application/json", "User-Agent", "u")
		if i%2 == 0 {
			req.Header.Set("Anthropic-Version", "2023-06-01")
		}
		var names []string
		for j := range 1 + rnd.IntN(6) {
			k := rnd.IntN(len(all))
			if j == 0 {
				k = i % len(all) // each of them by itself
			}
			all[k].put(req, secret)
			names = append(names, fmt.Sprint(k))
		}
		target := &Target{URL: parse(t, targets[rnd.IntN(len(targets))])}
		if rnd.IntN(2) == 0 {
			target.Header = http.Header{"Authorization": {"Bearer targets"}}
		}
		if i%3 == 0 {
			target.URL, target.Header = nil, http.Header{[]string{"Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key"}[rnd.IntN(4)]: {"targets"}}
		}
		if rnd.IntN(2) == 0 {
			target.Model = "other"
		}
		if !strings.Contains(wire(t, copyOf(t, req)), secret) && req.URL.User == nil {
			t.Fatalf("request %d (%v) has no secret", i, names)
		}
		got := target.Request(t.Context(), req)
		if target.ChangesBody(req) {
			old, _ := io.ReadAll(req.Body)
			b, err := target.Body(req, old)
			if err != nil {
				t.Fatal(err)
			}
			got.Body, got.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
		}
		if sent := wire(t, got) + got.URL.String(); strings.Contains(sent, secret) { // http.Client makes a header of the URL's user
			t.Fatalf("request %d (%v): %s is in\n%s", i, names, secret, sent)
		}
	}
}

// What is sent behind the body, and what is hashed for a signature without one.
func TestOtherPlaces(t *testing.T) {
	req := request(t, "POST", chat, "{}")
	req.Trailer = http.Header{"X-Checksum": {"callers"}}
	if got := (&Target{URL: parse(t, "https://gw.example.com/v1")}).Request(t.Context(), req); got.Trailer != nil || req.Trailer == nil {
		t.Errorf("got trailer %v beside the caller's %v", got.Trailer, req.Trailer)
	}
	req = request(t, "GET", "https://api.openai.com/v1/models", "", "X-Amz-Content-Sha256", "callers", "Authorization", "AWS4-HMAC-SHA256 Credential=callers/1")
	if got := (&Target{Header: http.Header{"Authorization": {"Bearer targets"}}}).Request(t.Context(), req); strings.Contains(wire(t, got), "callers") {
		t.Errorf("got %v", got.Header)
	}
}

func copyOf(t *testing.T, req *http.Request) *http.Request {
	b, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatal(err)
	}
	c := req.Clone(req.Context())
	req.Body, c.Body = io.NopCloser(bytes.NewReader(b)), io.NopCloser(bytes.NewReader(b))
	return c
}

func TestQueries(t *testing.T) {
	for _, row := range []struct{ name, request, target, want string }{
		{"of a model's API only what is known", chat + "?beta=true&x=1&api-version=v1&key=k", "https://gw.example.com/v1", "beta=true&api-version=v1"},
		{"of any other API all but keys", "https://api.example.com/a?b=2&a=1&key=k&a=%20&empty=&flag&page_token=p", "https://eu.example.com", "b=2&a=1&a=%20&empty=&flag&page_token=p"},
		{"a signed URL", "https://api.example.com/a?x=1&sv=1&se=2&sp=r&sig=s", "https://eu.example.com", "x=1"},
		{"se without a signature is a parameter", "https://api.example.com/a?se=2&sp=r", "https://eu.example.com", "se=2&sp=r"},
		{"AWS's", "https://api.example.com/a?x=1&X-Amz-Date=1&X-Amz-Expires=1&X-Amz-Signature=s", "https://eu.example.com", "x=1"},
		{"a semicolon hides nothing", "https://api.example.com/a?x=1;key=k&y=2", "https://eu.example.com", "y=2"},
		{"what is badly escaped goes nowhere", "https://api.example.com/a?%zzkey=k&y=2", "https://eu.example.com", "y=2"},
		{"the same server", chat + "?x=1&key=k", "https://api.openai.com/v1", "x=1&key=k"},
	} {
		t.Run(row.name, func(t *testing.T) {
			target := &Target{URL: parse(t, row.target)}
			if got := target.Request(t.Context(), request(t, "POST", row.request, "{}")).URL.RawQuery; got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

func TestRequestAllocatesLittle(t *testing.T) {
	if underRace() {
		t.Skip("the race detector makes more allocations")
	}
	req := request(t, "POST", chat, "{}", "Authorization", "Bearer k", "Content-Type", "application/json", "User-Agent", "u", "Accept", "application/json", "X-Stainless-Lang", "go")
	target := &Target{URL: parse(t, "https://openrouter.ai/api/v1"), Header: http.Header{"Authorization": {"Bearer k"}}, Model: "m"}
	ctx := t.Context()
	if n := testing.AllocsPerRun(100, func() { target.Request(ctx, req) }); n > 8 {
		t.Errorf("got %v allocations for a request, want a handful", n)
	}
	if n := testing.AllocsPerRun(100, func() {
		if !target.Fits(req) {
			t.Fatal("it does not fit")
		}
	}); n != 0 {
		t.Errorf("got %v allocations to see whether it fits, want none", n)
	}
}

func BenchmarkRequest(b *testing.B) {
	req := request(b, "POST", chat, "{}", "Authorization", "Bearer k", "Content-Type", "application/json", "User-Agent", "u", "Accept", "application/json", "X-Stainless-Lang", "go")
	target := &Target{URL: parse(b, "https://openrouter.ai/api/v1"), Header: http.Header{"Authorization": {"Bearer k"}}, Model: "m"}
	b.ReportAllocs()
	for b.Loop() {
		target.Request(b.Context(), req)
	}
}

func BenchmarkFits(b *testing.B) {
	for _, rawURL := range []string{chat, "https://api.anthropic.com/v1/messages", "https://api.github.com/repos/a/b/issues"} {
		b.Run(rawURL, func(b *testing.B) {
			req := request(b, "POST", rawURL, "{}", "Authorization", "Bearer k", "Content-Type", "application/json", "User-Agent", "u")
			target := &Target{URL: parse(b, "https://openrouter.ai/api/v1"), Header: http.Header{"Authorization": {"Bearer k"}}, Model: "m"}
			b.ReportAllocs()
			for b.Loop() {
				target.Fits(req)
			}
		})
	}
}

func BenchmarkBody(b *testing.B) {
	req := request(b, "POST", chat, "{}", "Content-Type", "application/json")
	target := &Target{URL: parse(b, "https://openrouter.ai/api/v1"), Model: "m"}
	body := []byte(`{"model":"a","messages":[` + strings.Repeat(`{"role":"user","content":"some words, as they are said"},`, 1000) + `{}]}`)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := target.Body(req, body); err != nil {
			b.Fatal(err)
		}
	}
}
