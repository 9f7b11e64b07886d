package steadyhttp_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/steadyhttp/steadyhttp"
)

// What works but once is not sent twice: the caller would learn that it was used, and not
// what was wrong.
func TestWhatWorksOnceIsSentOnce(t *testing.T) {
	for _, row := range []struct {
		name, method, header, query string
		once                        string // "" for what may be sent again
	}{
		{"a DPoP proof", "GET", "Authorization: DPoP token\nDPoP: eyJ0eXAi.eyJqdGkiOiIxIn0.x", "", "a DPoP proof"},
		{"OAuth 1", "GET", `Authorization: OAuth oauth_consumer_key="k",oauth_nonce="n1",oauth_timestamp="1",oauth_signature="s"`, "", "a nonce"},
		{"OAuth 1 in the query", "GET", "", "oauth_consumer_key=k&oauth_nonce=n1&oauth_signature=s", "a nonce"},
		{"Hawk", "GET", `Authorization: Hawk id="k", ts="1", nonce="n1", mac="m"`, "", "a nonce"},
		{"Akamai", "GET", "Authorization: EG1-HMAC-SHA256 client_token=k;access_token=a;timestamp=1;nonce=n1;signature=s", "", "a nonce"},
		{"HTTP message signatures", "GET", `Signature-Input: sig1=("@method");created=1;keyid="k";nonce="n1"`, "", "a nonce"},
		{"WSSE", "GET", `X-Wsse: UsernameToken Username="u", PasswordDigest="p", Nonce="n1", Created="1"`, "", "a nonce"},
		{"a nonce of a house", "GET", "X-Nonce: 5\nX-Signature: s", "", "a nonce"},
		{"a signature of Alibaba's", "GET", "", "SignatureNonce=n1&Signature=s", "a nonce"},
		{"ACME", "POST", "Content-Type: application/jose+json", "", "a nonce"},
		{"a form of an exchange", "POST", "Content-Type: application/x-www-form-urlencoded\nApi-Sign: s", "", "a nonce"},
		{"Digest with a count", "GET", `Authorization: Digest username="u", nonce="n", nc=00000001, cnonce="c", response="r"`, "", "a count of Digest"},
		{"a Kerberos ticket", "GET", "Authorization: Negotiate YIIC", "", "a ticket of negotiate"},
		{"a one-time password", "PUT", "npm-otp: 123456", "", "a one-time password"},

		{"Digest without a count", "GET", `Authorization: Digest username="u", nonce="n", response="r"`, "", ""},
		{"a token", "GET", "Authorization: Bearer abc=", "", ""},
		{"SigV4", "GET", "Authorization: AWS4-HMAC-SHA256 Credential=k/20261127/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=s", "", ""},
		{"WordPress", "GET", "X-WP-Nonce: 5", "_wpnonce=5", ""},
	} {
		for _, first := range []reply{{status: 429}, {status: 503}, {err: syscall.ECONNREFUSED}} {
			if first.status != 429 && row.method == "POST" {
				continue // which is not repeated anyway
			}
			for _, prepare := range []func(*http.Request, int) error{nil, func(*http.Request, int) error { return nil }} {
				synctest.Test(t, func(t *testing.T) {
					base := playing(first, reply{status: 200})
					ctx := steadyhttp.WithCall(t.Context())
					body := ""
					if row.method == "POST" {
						body = "nonce=5&pair=XBTUSD"
					}
					req := request(t, row.method, "https://api.example.com/me?"+row.query, body).WithContext(ctx)
					maps.Copy(req.Header, headers(row.header))
					resp, err := (&steadyhttp.Transport{Base: base, Retrier: &steadyhttp.Retrier{Prepare: prepare}}).RoundTrip(req)
					finish(t, resp)
					call, _ := steadyhttp.FromContext(ctx)
					got := fmt.Sprintf("%s, first %d %v, Prepare %t: %v after %d attempts, stopped %q", row.name, first.status, first.err, prepare != nil, err, base.count(), call.Stopped)
					// A connection that was refused has not seen it.
					if again := row.once == "" || prepare != nil || first.err != nil; again != (err == nil && resp.StatusCode == 200 && base.count() == 2) {
						t.Error(got)
					} else if !again && !strings.Contains(call.Stopped, row.once) {
						t.Errorf("%s; want %s named", got, row.once)
					}
				})
			}
		}
	}
}
