package steadyhttp_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp"
)

// Canaries are secrets that are put wherever a request or an answer has a
// place for one, to see whether one comes out in an entry, in an error's text
// or in what a user is told.
//
// A secret in what a server says can be told from a word by its shape, by the
// name in front of it, or because the request was sent with it. What has
// neither shape nor name and was never sent by us cannot be recognised by
// anybody: TestWhatNobodyCanRecognise holds what that means. The same goes for
// what the user allows: a body is logged if Bodies says so, with the words in it.

const (
	letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits  = "0123456789"
	hexes   = "0123456789abcdef"
	upper   = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
)

// A shape is a kind of key that is known by how it begins.
type shape struct {
	prefix   string
	alphabet string
	n        int
}

// shapes are as the issuers document them; what follows the prefix is drawn.
var shapes = []shape{
	{"sk-", letters + digits, 48}, {"sk-proj-", letters + digits, 48}, {"sk-ant-api03-", letters + digits, 80}, {"sk-or-v1-", hexes, 64},
	{"sk_live_", letters + digits, 24}, {"sk_test_", letters + digits, 24}, {"rk_live_", letters + digits, 24}, {"pk_live_", letters + digits, 24}, {"whsec_", letters + digits, 32},
	{"AIzaSy", letters + digits, 33}, {"ya29.a0", letters + digits, 40}, {"GOCSPX-", letters + digits, 28},
	{"AKIA", upper, 16}, {"ASIA", upper, 16},
	{"ghp_", letters + digits, 36}, {"gho_", letters + digits, 36}, {"ghu_", letters + digits, 36}, {"ghs_", letters + digits, 36}, {"ghr_", letters + digits, 36},
	{"github_pat_", letters + digits, 59}, {"glpat-", letters + digits, 20},
	{"xoxb-123456789012-", letters + digits, 24}, {"xoxp-123456789012-", letters + digits, 24}, {"xapp-1-A012-", letters + digits, 24},
	{"hf_", letters, 34}, {"r8_", letters + digits, 37}, {"gsk_", letters + digits, 52}, {"xai-", letters + digits, 80}, {"pplx-", hexes, 48}, {"nvapi-", letters + digits, 64},
	{"fw_", letters + digits, 24}, {"tgp_v1_", letters + digits, 43}, {"csk-", letters + digits, 48}, {"tvly-", letters + digits, 32}, {"lsv2_pt_", hexes, 32}, {"ABSK", letters + digits, 44},
	{"SG.", letters + digits, 22}, {"shpat_", hexes, 32}, {"shpss_", hexes, 32}, {"ntn_", letters + digits, 46}, {"secret_", letters + digits, 43},
	{"hvs.", letters + digits, 24}, {"key-", hexes, 32}, {"dop_v1_", hexes, 64}, {"npm_", letters + digits, 36}, {"pypi-", letters + digits, 64}, {"glsa_", letters + digits, 32},
	{"eyJhbGciOiJIUzI1NiJ9.eyJ", letters + digits, 60},
}

// canaries are the secrets of one call.
type canaries struct {
	*rand.Rand
	noise string // that a fuzzer wants in the server's texts

	secrets []string // what must not come out, not even eight bytes of it
	own     []string // the request's own, as a server would quote them
}

func newCanaries(seed uint64) *canaries {
	return &canaries{Rand: rand.New(rand.NewPCG(seed, 7))}
}

func pick[T any](c *canaries, from ...T) T { return from[c.IntN(len(from))] }

// drawn is n random characters that nobody may see.
func (c *canaries) drawn(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[c.IntN(len(alphabet))]
	}
	if strings.Trim(string(b), digits) != "" && !strings.ContainsAny(string(b), digits) && strings.ContainsAny(alphabet, digits) {
		b[n/2] = '2' // as good as always there is a digit; so that it is always
	}
	c.secrets = append(c.secrets, string(b))
	return string(b)
}

// key is a secret of a known shape.
func (c *canaries) key() string {
	s := shapes[c.IntN(len(shapes))]
	return s.prefix + c.drawn(s.alphabet, s.n)
}

// odd is a secret whose shape tells nothing.
func (c *canaries) odd() string {
	switch c.IntN(5) {
	case 0:
		return c.drawn(hexes, 32)
	case 1:
		return c.drawn(letters, 20)
	case 2:
		return c.drawn(letters[:26], 12)
	case 3:
		return c.drawn(letters+digits+"+/", 40)
	}
	return c.drawn(hexes, 8) + "-" + c.drawn(hexes, 12)
}

// any is a secret for a place of which nothing is ever shown.
func (c *canaries) any() string {
	if c.IntN(2) == 0 {
		return c.key()
	}
	return c.odd()
}

// quotable is a secret that can be recognised wherever it stands in a server's
// text: by its shape, or because the request was sent with it.
func (c *canaries) quotable() string {
	if len(c.own) > 0 && c.IntN(3) == 0 {
		return c.coded(pick(c, c.own...))
	}
	return c.key()
}

// announced is one that can be recognised by what stands before it.
func (c *canaries) announced() string {
	return pick(c, "api_key=", "client_secret=", "https://h.example/?access_token=", `{"password":"`, "Authorization: Bearer ", "x-api-key: ", "https://h.example/?a=b&X-Amz-Signature=", "https://h.example/?a=b&sig=%2F", "client_secret=/") + c.drawn(letters+digits, 30)
}

// hostile are what a server may put into a text to break out of a line.
var hostile = []string{"", "", "", "\n", "\r\n", "\x1b[31m", "\x1b]0;x\x07", "\u202e", "\u2028", "\u0085", "\x00", "\xff", "\t", "\\n", `\u001b`, `"`, `"}`, "%0a", "é", "🙂", strings.Repeat("long ", 300), strings.Repeat("\n", 900)}

// says is a text of a server's with a secret in it.
func (c *canaries) says() string {
	text := fmt.Sprintf(pick(c,
		"Incorrect API key provided: %s. You can find yours on the web.", "%s", `the key "%s" is not known`, "who is (%s)?", "no access for '%s', sorry",
		"Get \"https://api.example/v1?a=1&key=%s&b=2\": refused", "<b>%s</b>", "key:\n%s\n", "`%s`", "[%s]",
	), c.quotable())
	if c.IntN(4) == 0 {
		text = c.announced()
	}
	return pick(c, hostile...) + c.noise + " " + text + " " + pick(c, hostile...) + c.noise
}

// token is what a server says where a name or a number is expected.
func (c *canaries) token() string {
	if c.IntN(2) == 0 {
		return c.quotable()
	}
	return c.says()
}

// header is token as it can stand in a header.
func (c *canaries) header() string {
	s := c.token()
	if c.IntN(2) == 0 {
		s = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f {
				return ' '
			}
			return r
		}, s)
	}
	return s
}

var canaryHosts = []string{"api.openai.com", "api.anthropic.com", "generativelanguage.googleapis.com", "api.github.com", "api.stripe.com", "slack.com", "api.groq.com",
	"bedrock-runtime.us-east-1.amazonaws.com", "api.deepseek.com", "openrouter.ai", "host.example", "localhost:8000"}

var canaryPaths = []string{"/v1/chat/completions", "/v1/messages", "/v1/responses", "/v1beta/models/gemini-2.5-flash:generateContent", "/repos/a/b", "/v1/charges", "/api/chat.postMessage", "/v1/embeddings", "/", ""}

// credentialNames are the headers that a request may be authorised with.
var credentialNames = []string{"Authorization", "X-Api-Key", "Api-Key", "X-Goog-Api-Key", "Private-Token",
	"Proxy-Authorization", "X-Auth-Token", "Ocp-Apim-Subscription-Key", "X-Vault-Token", "X-Amz-Security-Token", "X-Shopify-Access-Token", "X-Auth", "X-Jwt", "X-Session"}

// request is a random request with secrets in every place.
func (c *canaries) request(t testing.TB) *http.Request {
	t.Helper()
	u := &url.URL{Scheme: "https", Host: pick(c, canaryHosts...), Path: pick(c, canaryPaths...)}
	if c.IntN(4) == 0 {
		user, password := c.any(), c.any()
		u.User = url.UserPassword(user, password)
		c.own = append(c.own, user, password)
	}
	if c.IntN(4) == 0 {
		u.Path += "/" + c.key() + "/send"
	}
	if c.IntN(5) == 0 {
		c.webhook(u)
	}
	q := url.Values{}
	for _, name := range []string{"key", "api_key", "cursor", "sig", "page", "jwt", "pass"} {
		if c.IntN(3) == 0 {
			v := c.any()
			q.Set(name, v)
			if name != "cursor" && name != "page" {
				c.own = append(c.own, v)
			}
		}
	}
	if c.IntN(4) == 0 {
		q.Set(c.any(), c.any())
	}
	u.RawQuery = q.Encode()
	h := http.Header{}
	req, err := http.NewRequestWithContext(steadyhttp.WithCall(t.Context()), pick(c, "POST", "POST", "GET", "PUT"), u.String(), strings.NewReader(c.payload(h)))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = h
	for _, name := range credentialNames {
		if c.IntN(4) > 0 {
			continue
		}
		v := c.any()
		c.own = append(c.own, v)
		switch {
		case !strings.HasSuffix(name, "Authorization"):
			req.Header.Set(name, v)
		case c.IntN(4) == 0:
			user := c.any()
			c.own = append(c.own, user)
			req.Header.Set(name, "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+v)))
		case c.IntN(4) == 0:
			req.Header.Set(name, `Token token="`+v+`", nonce="def"`)
		default:
			req.Header.Set(name, pick(c, "Bearer ", "Token ", "")+v)
		}
	}
	session := c.any()
	c.own = append(c.own, session)
	req.Header.Set("Cookie", "theme=dark; session="+session)
	req.Header.Set("X-Other", c.any())
	req.Header.Set("X-Allowed", "a "+c.key())
	req.Trailer = http.Header{"X-Sum": {c.any()}}
	return req
}

// answer is a random outcome with secrets in every place.
func (c *canaries) answer(req *http.Request) (*http.Response, error) {
	if c.IntN(6) == 0 {
		return nil, c.err(req)
	}
	h := http.Header{
		"Set-Cookie": {"id=" + c.any()}, "X-Other": {c.any()}, "X-Allowed": {c.header()}, "Location": {c.location()},
		"Server": {c.any()}, "Www-Authenticate": {"Bearer realm=" + c.any()},
	}
	for _, name := range []string{
		"X-Request-Id", "Request-Id", "X-Amzn-Requestid", "Cf-Ray", "X-Maintenance-Until", "Retry-After", "X-Ratelimit-Resource", "X-Ratelimit-Bucket",
		"Ratelimit", "Ratelimit-Policy", "X-Ratelimit-Limit-Requests", "X-Ratelimit-Reset-Tokens", "X-Should-Retry", "X-Amzn-Errortype", "X-Ratelimit-Scope",
	} {
		if c.IntN(4) == 0 {
			h.Set(name, c.header())
		}
	}
	resp := &http.Response{
		StatusCode: pick(c, 200, 200, 200, 302, 400, 401, 403, 404, 409, 413, 422, 429, 429, 500, 502, 503, 503, 529, 504),
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h, Request: req, Trailer: http.Header{"X-Sum": {c.any()}},
	}
	resp.Status = strconv.Itoa(resp.StatusCode) + " " + c.any()
	body := c.body(h)
	if len(c.own) > 0 && c.IntN(4) == 0 {
		own := pick(c, c.own...)
		body = strings.ReplaceAll(body, own, each(own, `\u%04x`)) // as some write JSON
	}
	resp.ContentLength = pick(c, int64(len(body)), int64(len(body)), -1)
	resp.Body = io.NopCloser(strings.NewReader(body))
	if c.IntN(10) == 0 {
		resp.ContentLength = -1
		resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(body), &failing{c.err(req)}))
	}
	return resp, nil
}

// failing is a reader that has nothing but an error.
type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// quote is a JSON string.
func quote(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}

// body is what an answer says, in one of the ways in which servers say it.
func (c *canaries) body(h http.Header) string {
	h.Set("Content-Type", "application/json")
	switch c.IntN(12) {
	case 0:
		h.Set("Content-Type", "text/plain")
		return c.says()
	case 1:
		h.Set("Content-Type", "text/html")
		return "<html><head><title>" + c.says() + "</title></head><body><h1>" + c.says() + "</h1></body></html>"
	case 2:
		h.Set("Content-Type", "application/xml")
		return "<?xml version=\"1.0\"?><Error><Code>" + c.token() + "</Code><Message>" + c.says() + "</Message><RequestId>" + c.token() + "</RequestId></Error>"
	case 3:
		return `{"ok":false,"error":` + quote(c.token()) + `}`
	case 4:
		return `{"title":` + quote(c.says()) + `,"detail":` + quote(c.says()) + `,"type":` + quote(c.token()) + `}`
	case 5:
		return `{"error":{"code":429,"status":` + quote(c.token()) + `,"message":` + quote(c.says()) + `,"details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":` + quote(c.token()) + `},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":` + quote(c.token()) + `}]}}`
	case 6:
		return `{"nobody":{"knows":` + quote(c.says()) + `},"this":[` + quote(c.token()) + `]}`
	case 7:
		h.Set("Content-Type", "text/event-stream")
		return `event: error` + "\ndata: " + `{"type":"error","error":{"type":` + quote(c.token()) + `,"message":` + quote(c.says()) + `},"request_id":` + quote(c.token()) + `}` + "\n\n"
	case 8:
		h.Set("Content-Type", "text/event-stream")
		return `data: {"choices":[{"delta":{"content":` + quote(c.key()) + `}}]}` + "\n\n" + `data: {"error":{"message":` + quote(c.says()) + `,"code":` + quote(c.token()) + `}}` + "\n\n"
	case 9:
		return `{"choices":[{"message":{"content":` + quote("I was told "+c.key()) + `}}],"usage":{"prompt_tokens":3,"completion_tokens":5}}`
	}
	return `{"error":{"message":` + quote(c.says()) + `,"type":` + quote(c.token()) + `,"param":` + quote(c.token()) + `,"code":` + quote(c.token()) + `},"request_id":` + quote(c.token()) + `}`
}

// err is an error as http.Client and what stands below it wrap it.
func (c *canaries) err(req *http.Request) error {
	err := errors.New(c.says())
	switch c.IntN(6) {
	case 0:
		err = &net.OpError{Op: "read", Net: "tcp", Err: err}
	case 1:
		err = io.ErrUnexpectedEOF
	case 2:
		err = &net.DNSError{Err: "no such host", Name: c.key(), IsNotFound: c.IntN(2) == 0}
	}
	for range c.IntN(4) {
		switch c.IntN(4) {
		case 0:
			err = &url.Error{Op: "Get", URL: "https://u:" + c.odd() + "@h.example/" + c.odd() + "?key=" + c.odd(), Err: err}
		case 1:
			err = fmt.Errorf("%s: %w", pick(c, "token", "proxy", "\x1b[1mtransport\n"), err)
		case 2:
			err = fmt.Errorf("asking for a token: %w", &url.Error{Op: "Post", URL: req.URL.String(), Err: err})
		case 3:
			err = errors.Join(err, errors.New(c.says()))
		}
	}
	return err
}

// unsent are the secrets that the request was not sent with. Whoever has an
// error in his hand and no request cannot know the others.
func (c *canaries) unsent() []string {
	return slices.DeleteFunc(slices.Clone(c.secrets), func(s string) bool {
		return slices.ContainsFunc(c.own, func(own string) bool { return strings.Contains(own, s) })
	})
}

// A secret in a path that a user names shows nowhere, from the first request on.
func TestNamedSecretsInPaths(t *testing.T) {
	const secret = "some7plain-words"
	logger, logs := observed()
	var keys []string
	rt := &steadyhttp.Transport{
		Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 401, Header: http.Header{}, Request: req, Body: io.NopCloser(strings.NewReader("what is " + secret + "? see https://in.named.example/notify/7/" + secret + "/x"))}, nil
		}),
		Logger:     logger,
		Classifier: &steadyhttp.Classifier{SecretPaths: []string{"named.example/notify/*/!"}},
		Throttler:  &steadyhttp.Throttler{RequestsPerSecond: 100},
	}
	resp, err := rt.RoundTrip(request(t, "POST", "https://in.named.example/notify/7/"+secret, "{}"))
	said := fmt.Sprint(steadyhttp.Check(resp, err))
	for _, k := range rt.Snapshot() {
		keys = append(keys, fmt.Sprintf("%+v %s", k.Key, k.Key.Label()))
	}
	entry := fmt.Sprint(logs.All()[0].ContextMap()["url.full"])
	for name, text := range map[string]string{"the error": said, "the log": entry, "a key": strings.Join(keys, " ")} {
		if strings.Contains(text, secret) {
			t.Errorf("%s: %s", name, text)
		}
	}
	if !strings.Contains(entry, "/notify/7/[redacted]") || len(keys) == 0 {
		t.Errorf("got %s and %d keys", entry, len(keys))
	}
	for _, wrong := range []string{"", "named.example", "https://named.example/!", "named.example/a/*", "*.named.example/!"} {
		c := &steadyhttp.Classifier{SecretPaths: []string{wrong}}
		if _, err := c.RoundTrip(request(t, "GET", "https://named.example/", "")); err == nil || !strings.Contains(err.Error(), "SecretPaths[0]") {
			t.Errorf("%q: got %v, want an error", wrong, err)
		}
	}
}
