package credential

import (
	"strings"
	"testing"
)

func TestWhatBelongsToTheCaller(t *testing.T) {
	for _, row := range []struct {
		what  string
		is    func(name string) bool
		names string
		want  bool
	}{
		{"header", InHeader, `Authorization x-api-key Api-Key X-Goog-Api-Key X-Amz-Security-Token X-Corp-Token X-Auth-Email Cookie Proxy-Authorization Signature
			Signature-Input X-Wsse DPoP Cf-Access-Client-Id X-Session-Token X-Forwarded-Client-Cert X-Hub-Signature-256`, true},
		{"header", InHeader, `Accept Content-Type User-Agent Anthropic-Version Openai-Beta X-Request-Id Traceparent Idempotency-Key X-Idempotency-Key X-Stainless-Lang
			Retry-After If-Match Range X-Amz-Target`, false},
		{"member", InMember, `api_key apiKey apikey access_token auth_token token id_token refresh_token password secret client_secret authorization
			aws_access_key_id aws_secret_access_key aws_session_token vertex_credentials extra_headers private_key session_id`, true},
		{"member", InMember, `model messages max_tokens eos_token bos_token pad_token stop_token prompt_cache_key safety_identifier user key stop a logit_bias
			max_completion_tokens`, false},
	} {
		for name := range strings.FieldsSeq(row.names) {
			if got := row.is(name); got != row.want {
				t.Errorf("%s %s: got %v, want %v", row.what, name, got, row.want)
			}
		}
	}
	if !InHeader(strings.Repeat("x", maxName+1)) {
		t.Error("a header whose name is too long to look at is taken for harmless")
	}
}
