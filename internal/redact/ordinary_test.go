package redact_test

import (
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// ordinary are texts without a secret in them, which must stay readable.
var ordinary = []string{
	// URLs.
	"https://api.openai.com/v1/chat/completions", "https://api.openai.com/v1/threads/thread_abc123def456ghi789jkl012/runs/run_9f8e7d6c5b4a",
	"https://api.openai.com/v1/files/file-9XK2mQ7vLp4TnRs8WyZbCd/content", "https://api.anthropic.com/v1/messages/batches/msgbatch_01HkcTjaV5uDC8jWR4ZsDV8d",
	"https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash-preview-09-2025:streamGenerateContent", "https://api.stripe.com/v1/charges/ch_3MmlLrLkdIwHu7ix0snN0B15/refunds",
	"https://api.github.com/repos/acme/widgets/commits/5d41402abc4b2a76b9719d911017c592aabbccdd", "https://api.github.com/repos/acme/key-store/issues/4711/comments?page=2",
	"https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-3-5-sonnet-20241022-v2:0/invoke", "https://acme.openai.azure.com/openai/deployments/gpt-4o-mini-2024-07-18/chat/completions?api-version=2024-06-01",
	"https://s3.eu-central-1.amazonaws.com/acme-backups-2025/db/2025-11-01T10-00-00Z.sql.gz", "https://graph.microsoft.com/v1.0/users/6e7b768e-07e2-4810-8459-485f84f8f204/messages/AAMkADhMGAAA",
	"https://api.twilio.com/2010-04-01/Accounts/AC0123456789abcdef0123456789abcdef/Messages.json", "https://discord.com/api/v10/channels/1098765432109876543/messages",
	"https://slack.com/api/conversations.history?channel=C0123ABCD&limit=50", "https://10.0.0.12:6443/api/v1/namespaces/kube-system/pods/coredns-5d78c9869d-7xk2p/log",
	"https://api.example.com/v2/orders/6f1d2a9c-0b7e-4853-a1d2-c3b4e5f60718/items/42", "https://api.example.com/users/507f1f77bcf86cd799439011", "https://api.example.com/tokens/count",
	"https://api.example.com/keys", "https://api.example.com/webhooks/6f1d2a9c-0b7e-4853-a1d2-c3b4e5f60718", "https://api.example.com/v1/webhooks/wh_81723/deliveries",
	"https://packages.example.com/@acme%2fwidgets/-/widgets-1.2.3.tgz", "https://docs.example.com/api/authentication#tokens", "http://localhost:11434/api/generate",
	"https://api.notion.com/v1/blocks/59833787-2cf9-4fdf-8782-e53db20768a5/children", "https://api.linear.app/graphql", "https://eth.example/v2/blocks/latest",
	"https://platform.openai.com/account/rate-limits", "https://api.example.com/search?q=a%20b%3Dc&sort=-created", "wss://stream.example.com/v1/events/2025-11-01",
	// Ids.
	"req_6f1d2a9c0b7e4853a1d2c3b4e5f60718", "chatcmpl-9XK2mQ7vLp4TnRs8WyZbCdEfGhIjK", "8c1d2e3f4a5b6c7d-FRA", "C0F2:1A2B3C:4D5E6F:7A8B9C:6906A1B2", "1-67891233-abcdef012345678912345678",
	"6f1d2a9c-0b7e-4853-a1d2-c3b4e5f60718", "req_011CUfM2hV9kX4tQ8sLw3nBz", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "20251101100000123456789abcdEFGH", "fra1::iad1::x7k2p-1761991200123-0a1b2c3d4e5f",
	"org-kT2mQ8vL4xNp7RsW", "arn:aws:iam::123456789012:user/acme", "projects/acme-123456/locations/us-central1", "model gpt-4o-2024-08-06", "insufficient_quota", "rate_limit_exceeded", "messages[2].content[0].image_url.url",
	// Messages.
	"Rate limit reached for gpt-4o in organization org-kT2mQ8vL4xNp7RsW on tokens per min (TPM): Limit 30000, Used 29468, Requested 1163. Please try again in 1.262s.",
	"This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8000 in the messages, 1000 in the completion).",
	"Invalid token: expired", "token limit: 8192", "max_tokens: 4096 is too large", "The key 'user_id' is missing", "The authorization header is missing", "authentication token is required to call bearer endpoints",
	"Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.", "password must have at least 12 characters", "Basic authentication is not supported",
	"You exceeded your current quota, please check your plan and billing details.", "upstream connect error or disconnect/reset before headers. reset reason: connection timeout",
	"dial tcp 10.0.0.12:443: connect: connection refused", "x509: certificate signed by unknown authority", "context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
	`invalid character '<' looking for beginning of value`, `json: cannot unmarshal string into Go struct field Order.items.price of type float64`, `{"error":{"code":429,"status":"RESOURCE_EXHAUSTED","details":[]}}`,
	"50% of requests failed; 25%2C is how a comma is escaped", `C:\new\table\build.log`, "sk-learn-users and key-value-stores", "see RFC 9110, section 10.2.3 (Retry-After)", "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
	"Mo–Fr 8:00–18:00, außer an Feiertagen", "请求过于频繁，请在 30 秒后重试", "the signature of main.go:42 changed", "Sign in at https://console.example.com/login to create a new key.",
}

func TestOrdinaryTextsStayReadable(t *testing.T) {
	if len(ordinary) < 60 {
		t.Errorf("got %d texts, want sixty at least", len(ordinary))
	}
	c := redact.Without("Bearer qT7avZr9bLk2cwE5xYb8", "qT7avZr9bLk2cwE5xYb8", "some-password-1", "theme=dark; session=9320202b0a713399c6f3a1d603790e37", "9320202b0a713399c6f3a1d603790e37")
	for _, s := range ordinary {
		if got := c.Line(s, 1<<10); got != s {
			t.Errorf("got  %s\nwant %s", got, s)
		}
		rest, isURL := strings.CutPrefix(s, "https://")
		if host, path, ok := strings.Cut(rest, "/"); ok && isURL {
			path, _, _ = strings.Cut("/"+path, "?")
			if got := redact.Path(host, path); got != path {
				t.Errorf("Path(%q): got %s, want %s", host, got, path)
			}
		}
	}
}
