package retarget

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func request(t testing.TB, method, rawURL, body string, header ...string) *http.Request {
	t.Helper()
	var r io.Reader
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequest(method, rawURL, r)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	return req
}

func parse(t testing.TB, rawURL string) *url.URL {
	t.Helper()
	if rawURL == "" {
		return nil
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// The URL of a request for a target whose URL is what that provider's SDK would be given.
func TestWhereARequestGoes(t *testing.T) {
	const azure, bedrock = "https://one.openai.azure.com", "https://bedrock-runtime.us-east-1.amazonaws.com"
	const vertex = "https://us-east5-aiplatform.googleapis.com/v1/projects/p/locations/us-east5"
	for _, row := range []struct{ name, request, target, model, want string }{
		// OpenAI's language.
		{"OpenAI to OpenRouter", "https://api.openai.com/v1/chat/completions", "https://openrouter.ai/api/v1", "", "https://openrouter.ai/api/v1/chat/completions"},
		{"a slash at the end", "https://api.openai.com/v1/chat/completions", "https://openrouter.ai/api/v1/", "", "https://openrouter.ai/api/v1/chat/completions"},
		{"OpenRouter to OpenAI", "https://openrouter.ai/api/v1/chat/completions", "https://api.openai.com/v1", "", "https://api.openai.com/v1/chat/completions"},
		{"responses", "https://api.openai.com/v1/responses", "https://openrouter.ai/api/v1", "", "https://openrouter.ai/api/v1/responses"},
		{"embeddings", "https://api.openai.com/v1/embeddings", "https://api.mistral.ai/v1", "", "https://api.mistral.ai/v1/embeddings"},
		{"completions", "https://api.openai.com/v1/completions", "http://localhost:8000/v1", "", "http://localhost:8000/v1/completions"},
		{"moderations", "https://api.openai.com/v1/moderations", "https://api.mistral.ai/v1", "", "https://api.mistral.ai/v1/moderations"},
		{"images", "https://api.openai.com/v1/images/generations", "https://api.together.xyz/v1", "", "https://api.together.xyz/v1/images/generations"},
		{"speech", "https://api.openai.com/v1/audio/speech", "https://api.groq.com/openai/v1", "", "https://api.groq.com/openai/v1/audio/speech"},
		{"models", "https://api.openai.com/v1/models", "https://openrouter.ai/api/v1", "", "https://openrouter.ai/api/v1/models"},
		{"Groq", "https://api.openai.com/v1/chat/completions", "https://api.groq.com/openai/v1", "", "https://api.groq.com/openai/v1/chat/completions"},
		{"from Groq", "https://api.groq.com/openai/v1/chat/completions", "https://api.openai.com/v1", "", "https://api.openai.com/v1/chat/completions"},
		{"DeepSeek, which has no path", "https://api.openai.com/v1/chat/completions", "https://api.deepseek.com", "", "https://api.deepseek.com/chat/completions"},
		{"DeepSeek with one", "https://api.openai.com/v1/chat/completions", "https://api.deepseek.com/v1", "", "https://api.deepseek.com/v1/chat/completions"},
		{"Mistral", "https://api.openai.com/v1/chat/completions", "https://api.mistral.ai/v1", "", "https://api.mistral.ai/v1/chat/completions"},
		{"Mistral's code", "https://codestral.mistral.ai/v1/fim/completions", "https://api.mistral.ai/v1", "", "https://api.mistral.ai/v1/fim/completions"},
		{"Together", "https://api.openai.com/v1/chat/completions", "https://api.together.xyz/v1", "", "https://api.together.xyz/v1/chat/completions"},
		{"Fireworks", "https://api.openai.com/v1/chat/completions", "https://api.fireworks.ai/inference/v1", "", "https://api.fireworks.ai/inference/v1/chat/completions"},
		{"Zhipu", "https://api.openai.com/v1/chat/completions", "https://api.z.ai/api/paas/v4", "", "https://api.z.ai/api/paas/v4/chat/completions"},
		{"DashScope", "https://api.openai.com/v1/chat/completions", "https://dashscope.aliyuncs.com/compatible-mode/v1", "", "https://dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"},
		{"Cohere's compatible API", "https://api.openai.com/v1/chat/completions", "https://api.cohere.com/compatibility/v1", "", "https://api.cohere.com/compatibility/v1/chat/completions"},
		{"Anthropic's compatible API", "https://api.openai.com/v1/chat/completions", "https://api.anthropic.com/v1", "", "https://api.anthropic.com/v1/chat/completions"},
		{"Gemini's compatible API", "https://api.openai.com/v1/chat/completions", "https://generativelanguage.googleapis.com/v1beta/openai", "", "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions"},
		{"from Gemini's compatible API", "https://generativelanguage.googleapis.com/v1beta/openai/chat/completions", "https://api.openai.com/v1", "", "https://api.openai.com/v1/chat/completions"},
		{"Vertex AI's compatible API", "https://api.openai.com/v1/chat/completions", vertex + "/endpoints/openapi", "", vertex + "/endpoints/openapi/chat/completions"},
		{"Bedrock's compatible API", "https://api.openai.com/v1/chat/completions", bedrock + "/openai/v1", "", bedrock + "/openai/v1/chat/completions"},
		{"a reseller's gateway", "https://api.openai.com/v1/chat/completions", "https://api.aihubmix.com/v1", "", "https://api.aihubmix.com/v1/chat/completions"},
		{"Cloudflare's gateway", "https://api.openai.com/v1/chat/completions", "https://gateway.ai.cloudflare.com/v1/acc/gw/openai", "", "https://gateway.ai.cloudflare.com/v1/acc/gw/openai/chat/completions"},
		{"from Cloudflare's gateway", "https://gateway.ai.cloudflare.com/v1/acc/gw/openai/chat/completions", "https://api.openai.com/v1", "", "https://api.openai.com/v1/chat/completions"},
		{"vLLM", "http://10.0.0.1:8000/v1/chat/completions", "http://10.0.0.2:8000/v1", "", "http://10.0.0.2:8000/v1/chat/completions"},
		{"a reranker", "https://api.jina.ai/v1/rerank", "http://10.0.0.2:8000/v1", "", "http://10.0.0.2:8000/v1/rerank"},
		{"a reranker, the base without a version", "https://api.jina.ai/v1/rerank", "https://rerank.example.com", "", "https://rerank.example.com/v1/rerank"},
		{"another port is another server", "http://127.0.0.1:1/v1/chat/completions", "http://127.0.0.1:2/v1", "", "http://127.0.0.1:2/v1/chat/completions"},

		// Azure, where older paths name the deployment.
		{"another deployment", azure + "/openai/deployments/d1/chat/completions?api-version=2024-10-21", "", "d2", azure + "/openai/deployments/d2/chat/completions?api-version=2024-10-21"},
		{"another resource", azure + "/openai/deployments/d1/chat/completions?api-version=2024-10-21", "https://two.openai.azure.com", "", "https://two.openai.azure.com/openai/deployments/d1/chat/completions?api-version=2024-10-21"},
		{"another resource and deployment", azure + "/openai/deployments/d1/chat/completions?api-version=2024-10-21", "https://two.openai.azure.com/", "d 2", "https://two.openai.azure.com/openai/deployments/d%202/chat/completions?api-version=2024-10-21"},
		{"the base names a deployment", azure + "/openai/deployments/d1/chat/completions?api-version=2024-10-21", "https://two.openai.azure.com/openai/deployments/d2", "", "https://two.openai.azure.com/openai/deployments/d2/chat/completions?api-version=2024-10-21"},
		{"to Azure's v1", azure + "/openai/deployments/d1/chat/completions?api-version=2024-10-21", "https://two.openai.azure.com/openai/v1", "d2", "https://two.openai.azure.com/openai/v1/chat/completions"},
		{"v1 to v1", azure + "/openai/v1/responses", "https://two.openai.azure.com/openai/v1", "", "https://two.openai.azure.com/openai/v1/responses"},
		{"responses by version", azure + "/openai/responses?api-version=2025-03-01-preview", "https://two.openai.azure.com", "", "https://two.openai.azure.com/openai/responses?api-version=2025-03-01-preview"},
		{"Azure's models", azure + "/openai/deployments/d1/chat/completions?api-version=2024-10-21", "https://one.services.ai.azure.com/models", "m", "https://one.services.ai.azure.com/models/chat/completions?api-version=2024-10-21"},
		{"Azure to OpenAI", azure + "/openai/deployments/d1/chat/completions?api-version=2024-10-21", "https://api.openai.com/v1", "gpt-4o", "https://api.openai.com/v1/chat/completions"},
		{"OpenAI to Azure", "https://api.openai.com/v1/chat/completions", azure + "/openai/v1", "d1", azure + "/openai/v1/chat/completions"},
		{"Azure behind a company's gateway", azure + "/openai/deployments/d1/embeddings?api-version=2024-10-21", "https://llm.corp.example.com", "", "https://llm.corp.example.com/openai/deployments/d1/embeddings?api-version=2024-10-21"},
		{"Azure's Claude", "https://one.services.ai.azure.com/anthropic/v1/messages", "https://api.anthropic.com", "", "https://api.anthropic.com/v1/messages"},

		// Anthropic, whose SDK puts the version there.
		{"Anthropic to OpenRouter", "https://api.anthropic.com/v1/messages?beta=true", "https://openrouter.ai/api", "", "https://openrouter.ai/api/v1/messages?beta=true"},
		{"a base that ends in the version", "https://api.anthropic.com/v1/messages", "https://openrouter.ai/api/v1", "", "https://openrouter.ai/api/v1/messages"},
		{"to Anthropic", "https://openrouter.ai/api/v1/messages", "https://api.anthropic.com", "", "https://api.anthropic.com/v1/messages"},
		{"to Anthropic, with the version", "https://openrouter.ai/api/v1/messages", "https://api.anthropic.com/v1", "", "https://api.anthropic.com/v1/messages"},
		{"counting", "https://api.anthropic.com/v1/messages/count_tokens", "https://api.deepseek.com/anthropic", "", "https://api.deepseek.com/anthropic/v1/messages/count_tokens"},
		{"DeepSeek's Claude", "https://api.anthropic.com/v1/messages", "https://api.deepseek.com/anthropic", "", "https://api.deepseek.com/anthropic/v1/messages"},
		{"Moonshot's", "https://api.anthropic.com/v1/messages", "https://api.moonshot.ai/anthropic", "", "https://api.moonshot.ai/anthropic/v1/messages"},
		{"a proxy for Anthropic", "https://api.anthropic.com/v1/messages", "http://127.0.0.1:4000", "", "http://127.0.0.1:4000/v1/messages"},

		// Google.
		{"another Gemini", "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent", "", "gemini-2.5-flash", "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent"},
		{"another Gemini, its name in full", "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:streamGenerateContent?alt=sse", "", "models/gemini-2.5-flash", "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"},
		{"Gemini behind a gateway", "https://generativelanguage.googleapis.com/v1beta/models/g:streamGenerateContent?alt=sse&key=secret", "https://gw.example.com/gemini", "", "https://gw.example.com/gemini/v1beta/models/g:streamGenerateContent?alt=sse"},
		{"a base with a version", "https://generativelanguage.googleapis.com/v1beta/models/g:generateContent", "https://gw.example.com/gemini/v1beta", "h", "https://gw.example.com/gemini/v1beta/models/h:generateContent"},
		{"Gemini to Vertex AI", "https://generativelanguage.googleapis.com/v1beta/models/g:generateContent", vertex + "/publishers/google", "", vertex + "/publishers/google/models/g:generateContent"},
		{"Gemini to Vertex AI, without a publisher", "https://generativelanguage.googleapis.com/v1beta/models/g:generateContent", vertex, "", vertex + "/publishers/google/models/g:generateContent"},
		{"Vertex AI to Gemini", vertex + "/publishers/google/models/g:generateContent", "https://generativelanguage.googleapis.com", "", "https://generativelanguage.googleapis.com/v1beta/models/g:generateContent"},
		{"another location of Vertex AI", vertex + "/publishers/google/models/g:generateContent", "https://europe-west1-aiplatform.googleapis.com", "h", "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1/publishers/google/models/h:generateContent"},
		{"Vertex AI's global endpoint", vertex + "/publishers/google/models/g:generateContent", "https://aiplatform.googleapis.com/v1", "", "https://aiplatform.googleapis.com/v1/projects/p/locations/global/publishers/google/models/g:generateContent"},
		{"another project of Vertex AI", vertex + "/publishers/anthropic/models/claude@1:rawPredict", "https://us-east5-aiplatform.googleapis.com/v1/projects/q/locations/us-east5", "", "https://us-east5-aiplatform.googleapis.com/v1/projects/q/locations/us-east5/publishers/anthropic/models/claude@1:rawPredict"},

		// Bedrock, where a model's name has colons, and slashes in an ARN.
		{"another region of Bedrock", bedrock + "/model/anthropic.claude-v2%3A0/invoke", "https://bedrock-runtime.us-west-2.amazonaws.com", "", "https://bedrock-runtime.us-west-2.amazonaws.com/model/anthropic.claude-v2%3A0/invoke"},
		{"another model of Bedrock", bedrock + "/model/anthropic.claude-v2%3A0/converse", "", "amazon.nova-pro-v1:0", bedrock + "/model/amazon.nova-pro-v1%3A0/converse"},
		{"an ARN", bedrock + "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fp/converse-stream", "https://bedrock-runtime.us-west-2.amazonaws.com", "arn:aws:bedrock:us-west-2:1:inference-profile/q", "https://bedrock-runtime.us-west-2.amazonaws.com/model/arn%3Aaws%3Abedrock%3Aus-west-2%3A1%3Ainference-profile%2Fq/converse-stream"},

		// Others.
		{"Cohere", "https://api.cohere.com/v2/chat", "https://cohere.corp.example.com", "", "https://cohere.corp.example.com/v2/chat"},
		{"Cohere with a version", "https://api.cohere.com/v2/chat", "https://cohere.corp.example.com/v2", "", "https://cohere.corp.example.com/v2/chat"},
		{"Ollama", "http://localhost:11434/api/chat", "http://gpu:11434", "", "http://gpu:11434/api/chat"},
		{"Ollama with its path", "http://localhost:11434/api/chat", "https://ollama.com/api", "", "https://ollama.com/api/chat"},
		{"Ollama's embeddings", "http://localhost:11434/api/embeddings", "http://gpu:11434", "", "http://gpu:11434/api/embeddings"},
		{"Ollama in OpenAI's language", "http://localhost:11434/v1/chat/completions", "https://ollama.com/v1", "", "https://ollama.com/v1/chat/completions"},

		// What nobody here knows.
		{"an unknown API", "https://api.example.com/orders/1%2F2?x=1&x=2", "https://eu.example.com", "", "https://eu.example.com/orders/1%2F2?x=1&x=2"},
		{"an unknown API, and a slash", "https://api.example.com/orders", "https://eu.example.com:8443/", "", "https://eu.example.com:8443/orders"},
		{"a survey's responses", "https://api.example.com/v1/surveys/responses", "https://eu.example.com", "", "https://eu.example.com/v1/surveys/responses"},
		{"messages to people", "https://api.example.com/v1/messages", "https://eu.example.com", "", "https://eu.example.com/v1/messages"},
		{"a fragment and a user", "https://u:p@api.example.com/a#f", "https://eu.example.com", "", "https://eu.example.com/a"},
		{"nothing changes", "https://u:p@api.example.com/a%2Fb?q#f", "", "", "https://u:p@api.example.com/a%2Fb?q"},
	} {
		t.Run(row.name, func(t *testing.T) {
			req := request(t, "POST", row.request, "{}", "Content-Type", "application/json")
			target := &Target{URL: parse(t, row.target), Model: row.model}
			before := req.URL.String()
			for _, err := range []error{target.Validate(), target.Check(req)} {
				if err != nil {
					t.Error(err)
				}
			}
			if !target.Fits(req) {
				t.Error("it does not fit")
			}
			got := target.Request(t.Context(), req)
			if got.URL.String() != row.want {
				t.Errorf("got  %s, want %s", got.URL, row.want)
			}
			if got.Host != got.URL.Host {
				t.Errorf("got Host %q, want %q", got.Host, got.URL.Host)
			}
			if req.URL.String() != before {
				t.Errorf("the caller's request goes to %s now", req.URL)
			}
		})
	}
}

// An error says what to set instead.
func TestAnotherLanguage(t *testing.T) {
	for _, row := range []struct{ name, request, target, want string }{
		{"OpenAI's to Anthropic", "https://api.openai.com/v1/chat/completions", "https://api.anthropic.com", "set https://api.anthropic.com/v1"},
		{"Anthropic's to OpenAI", "https://api.anthropic.com/v1/messages", "https://api.openai.com/v1", "requests are not translated"},
		{"Anthropic's to Groq", "https://api.anthropic.com/v1/messages", "https://api.groq.com/openai/v1", "requests are not translated"},
		{"OpenAI's to Gemini", "https://api.openai.com/v1/chat/completions", "https://generativelanguage.googleapis.com/v1beta", "set https://generativelanguage.googleapis.com/v1beta/openai"},
		{"Gemini's to its compatible API", "https://generativelanguage.googleapis.com/v1beta/models/g:generateContent", "https://generativelanguage.googleapis.com/v1beta/openai", "set https://generativelanguage.googleapis.com/v1beta"},
		{"Gemini's to OpenAI", "https://generativelanguage.googleapis.com/v1beta/models/g:generateContent", "https://api.openai.com/v1", "requests are not translated"},
		{"Bedrock's to Anthropic", "https://bedrock-runtime.us-east-1.amazonaws.com/model/m/invoke", "https://api.anthropic.com", "requests are not translated"},
		{"OpenAI's to Bedrock", "https://api.openai.com/v1/chat/completions", "https://bedrock-runtime.us-east-1.amazonaws.com", "amazonaws.com/openai/v1"},
		{"OpenAI's to DeepSeek's Claude", "https://api.openai.com/v1/chat/completions", "https://api.deepseek.com/anthropic", "set https://api.deepseek.com"},
		{"Anthropic's to DeepSeek", "https://api.anthropic.com/v1/messages", "https://api.deepseek.com/v1", "set https://api.deepseek.com/anthropic"},
		{"no path", "https://openrouter.ai/api/v1/chat/completions", "https://api.openai.com", "set https://api.openai.com/v1"},
		{"OpenRouter without its path", "https://api.openai.com/v1/chat/completions", "https://openrouter.ai", "set https://openrouter.ai/api/v1"},
		{"OpenAI's to Azure without a path", "https://api.openai.com/v1/chat/completions", "https://one.openai.azure.com", "set https://one.openai.azure.com/openai/v1"},
		{"another version of Cohere's", "https://api.cohere.com/v2/chat", "https://api.cohere.com/v1", "set https://api.cohere.com"},
		{"Cohere's to its compatible API", "https://api.cohere.com/v2/chat", "https://api.cohere.com/compatibility/v1", "set https://api.cohere.com"},
		{"OpenAI's to Azure's models", "https://api.openai.com/v1/chat/completions", "https://one.services.ai.azure.com/models", "api-version"},
		{"OpenAI's to a deployment", "https://api.openai.com/v1/chat/completions", "https://one.openai.azure.com/openai/deployments/d", "api-version"},
		{"Cohere's to OpenAI", "https://api.cohere.com/v2/chat", "https://api.openai.com/v1", "requests are not translated"},
		{"an unknown API and a path", "https://api.example.com/orders", "https://eu.example.com/base", "set https://eu.example.com,"},
	} {
		t.Run(row.name, func(t *testing.T) {
			target := &Target{URL: parse(t, row.target)}
			req := request(t, "POST", row.request, "{}")
			if err := target.Check(req); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("got %v, want an error with %q", err, row.want)
			}
		})
	}
}

func TestWhatFits(t *testing.T) {
	const chat, json = "https://api.openai.com/v1/chat/completions", "application/json"
	for _, row := range []struct {
		name, target, model string
		req                 *http.Request
		want                bool
	}{
		{"a chat", "https://openrouter.ai/api/v1", "m", request(t, "POST", chat, "{}", "Content-Type", json), true},
		{"with a charset", "", "m", request(t, "POST", chat, "{}", "Content-Type", json+"; charset=utf-8"), true},
		{"nobody says what it is", "", "m", request(t, "POST", chat, "{}"), true},
		{"a multipart body that would change", "", "m", request(t, "POST", chat, "--x", "Content-Type", "multipart/form-data; boundary=x"), false},
		{"a compressed one", "", "m", request(t, "POST", chat, "x", "Content-Type", json, "Content-Encoding", "gzip"), false},
		{"no body", "", "m", request(t, "GET", "https://api.openai.com/v1/models", ""), false},
		{"a multipart body that stays", "https://openrouter.ai/api/v1", "", request(t, "POST", "https://api.openai.com/v1/audio/transcriptions", "--x", "Content-Type", "multipart/form-data; boundary=x"), true},
		{"a form with another key", "", "", request(t, "POST", "https://api.example.com/token", "a=b", "Content-Type", "application/x-www-form-urlencoded"), true},
		{"a form to somebody else", "https://eu.example.com", "", request(t, "POST", "https://api.example.com/token", "client_secret=b", "Content-Type", "application/x-www-form-urlencoded"), false},
		{"GitHub", "https://openrouter.ai/api/v1", "", request(t, "POST", "https://api.github.com/repos/a/b/issues", "{}"), false},
		{"GitHub, and a gateway", "https://llm.corp.example.com/v1", "", request(t, "POST", "https://api.github.com/repos/a/b/issues", "{}"), false},
		{"GitHub, and a mirror of it", "https://github.corp.example.com", "", request(t, "GET", "https://api.github.com/repos/a/b/issues", ""), true},
		{"a service of one's own, and a provider", "https://api.anthropic.com", "", request(t, "POST", "https://api.example.com/orders", "{}"), false},
		{"a file at a provider", "https://openrouter.ai/api/v1", "", request(t, "GET", "https://api.openai.com/v1/files/f", ""), false},
		{"a stored answer", "https://gw.example.com/v1", "", request(t, "GET", "https://api.openai.com/v1/responses/resp_1", ""), false},
		{"a key in the path", "https://eu.example.com", "", request(t, "POST", "https://api.telegram.org/bot123456:secret/sendMessage", "{}"), false},
		{"a connection that becomes another", "https://gw.example.com/v1", "", request(t, "GET", chat, "", "Connection", "Upgrade", "Upgrade", "websocket"), false},
	} {
		t.Run(row.name, func(t *testing.T) {
			target := &Target{URL: parse(t, row.target), Model: row.model}
			if got := target.Fits(row.req); got != row.want {
				t.Errorf("got %v, want %v", got, row.want)
			}
		})
	}
}

func TestSameOrigin(t *testing.T) {
	for _, row := range []struct {
		target, request string
		want            bool
	}{
		{"", "https://a.example.com/", true},
		{"https://a.example.com/v1", "https://a.example.com/", true},
		{"https://a.example.com:443", "https://A.EXAMPLE.com./", true},
		{"http://a.example.com:80", "http://a.example.com/", true},
		{"http://a.example.com", "https://a.example.com/", false},
		{"https://a.example.com:444", "https://a.example.com/", false},
		{"https://b.example.com", "https://a.example.com/", false},
		{"http://[::1]:8080", "http://[::1]:8080/", true},
	} {
		if got := (&Target{URL: parse(t, row.target)}).SameOrigin(request(t, "GET", row.request, "")); got != row.want {
			t.Errorf("%q and %q: got %v, want %v", row.target, row.request, got, row.want)
		}
	}
}

func TestTargetsThatAreNone(t *testing.T) {
	header := func(name string, values ...string) Target { return Target{Header: http.Header{name: values}} }
	at := func(rawURL string) Target { return Target{URL: parse(t, rawURL)} }
	for _, row := range []struct {
		name   string
		target Target
		want   string // "" is no error
	}{
		{"nothing", Target{}, ""},
		{"a base", at("https://openrouter.ai/api/v1"), ""},
		{"no scheme", at("openrouter.ai/api/v1"), "https://"},
		{"another scheme", at("ftp://openrouter.ai"), "https://"},
		{"no host", at("https:///v1"), "no host"},
		{"a port alone", at("https://:80/v1"), "no host"},
		{"a user", at("https://u:hunter2@example.com"), "Authorization"},
		{"a query", at("https://example.com?key=hunter2"), "query"},
		{"an empty query", at("https://example.com?"), "query"},
		{"a fragment", at("https://example.com#x"), "fragment"},
		{"the whole path", at("https://openrouter.ai/api/v1/chat/completions"), "leave it out"},
		{"a key", header("Authorization", "Bearer k"), ""},
		{"a credential to remove", header("X-Api-Key"), ""},
		{"the scheme without its key", header("Authorization", "Bearer "), "holds no key"},
		{"no key at all", header("X-Api-Key", ""), "holds no key"},
		{"letters, digits and marks", header("!aAzZ09~", "v"), ""},
		{"a name with a mark that no name has", header("a{b", "v"), "no name"},
		{"a tab", header("X-Note", "a\tb"), ""},
		{"a header to remove", header("Idempotency-Key"), ""},
		{"a name with a space", header("X Y", "v"), "no name"},
		{"no name", header("", "v"), "no name"},
		{"a line break", header("Authorization", "Bearer hunter2\n"), "trim"},
		{"Host", header("Host", "x"), "Host"},
		{"host in small letters", header("host", "x"), "Host"},
		{"a length", header("Content-Length", "1"), "Content-Length"},
		{"of the connection", header("Transfer-Encoding", "chunked"), "connection"},
		{"one idempotency key for all", header("Idempotency-Key", "k"), "same one"},
		{"a coding", header("Content-Encoding", "gzip"), "as it is"},
		{"two models", Target{Model: "a", Set: []Member{{"model", []byte(`"b"`)}}}, "Model alone"},
	} {
		t.Run(row.name, func(t *testing.T) {
			err := row.target.Validate()
			switch {
			case row.want == "" && err != nil:
				t.Error(err)
			case row.want != "" && (err == nil || !strings.Contains(err.Error(), row.want)):
				t.Errorf("got %v, want an error with %q", err, row.want)
			case err != nil && strings.Contains(err.Error(), "hunter2"):
				t.Errorf("the error tells the secret: %v", err)
			}
		})
	}
}

func TestAnswer(t *testing.T) {
	h := http.Header{"Set-Cookie": {"a=b"}, "set-cookie2": {"c=d"}, "Content-Type": {"text/plain"}}
	if Answer(h); len(h) != 1 || h.Get("Content-Type") == "" {
		t.Errorf("got %v, want Content-Type alone", h)
	}
}

func TestRequestHasItsOwnContext(t *testing.T) {
	type key struct{}
	ctx := context.WithValue(t.Context(), key{}, 1)
	if got := (&Target{}).Request(ctx, request(t, "GET", "https://example.com", "")); got.Context() != ctx {
		t.Error("the context is another")
	}
}
