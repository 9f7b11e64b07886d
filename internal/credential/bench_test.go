package credential

import (
	"encoding/base64"
	"net/http"
	"testing"
)

// usual are the headers that an SDK sends beside the credential.
func usual(more ...string) *http.Request {
	req, err := http.NewRequest("POST", "https://api.example.com/v1/chat/completions", nil)
	if err != nil {
		panic(err)
	}
	for _, name := range []string{"Accept", "Content-Type", "User-Agent", "X-Stainless-Lang", "X-Stainless-Package-Version", "X-Stainless-Os", "X-Stainless-Retry-Count"} {
		req.Header.Set(name, "application/json")
	}
	for i := 0; i < len(more); i += 2 {
		req.Header.Set(more[i], more[i+1])
	}
	return req
}

func token(claims string) string {
	part := base64.RawURLEncoding.EncodeToString
	return part([]byte(`{"alg":"RS256","typ":"JWT","kid":"k1"}`)) + "." + part([]byte(claims)) + ".c2lnbmF0dXJl"
}

const serviceAccount = `{"aud":["https://kubernetes.default.svc.cluster.local"],"exp":1795777200,"iat":1764241200,"iss":"https://kubernetes.default.svc.cluster.local","jti":"9a1e3c5d-7f60-4b2d-8a44-1d2c3b4a5f60","kubernetes.io":{"namespace":"prod","node":{"name":"node-1","uid":"4f5d0c7e-8b9a-4c3d-a1b2-c3d4e5f60718"},"pod":{"name":"web-7d9f8b6c5d-x2x9z","uid":"0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0"},"serviceaccount":{"name":"web","uid":"aa11bb22-cc33-dd44-ee55-ff6677889900"},"warnafter":1764244807},"nbf":1764241200,"sub":"system:serviceaccount:prod:web"}`

var usualRequests = []struct {
	name string
	req  *http.Request
}{
	{"none", usual()},
	{"Bearer", usual("Authorization", "Bearer sk-proj-0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFGHIJ")},
	{"X-Api-Key", usual("X-Api-Key", "sk-ant-api03-0123456789abcdefghijABCDEFGHIJ0123456789abcdefghijABCDEFGHIJ")},
	{"JSON web token", usual("Authorization", "Bearer "+token(serviceAccount))},
	{"Basic", usual("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("alice:secret")))},
	{"AWS Signature V4", usual("X-Amz-Date", "20261127T000000Z", "Authorization", "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261127/us-east-1/bedrock/aws4_request, SignedHeaders=host;x-amz-date, Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")},
	{"a cookie", usual("Cookie", "_ga=GA1.1.1; sid=0123456789abcdef")},
}

func BenchmarkHash(b *testing.B) {
	for _, bm := range usualRequests {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Hash(bm.req, "")
			}
		})
	}
}

func TestHashAllocatesNothing(t *testing.T) {
	for _, row := range usualRequests {
		if n := testing.AllocsPerRun(100, func() { Hash(row.req, "") }); n != 0 {
			t.Errorf("%s: got %v allocations, want none", row.name, n)
		}
	}
}
