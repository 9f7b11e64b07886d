package dialect

import (
	"net/http"
	"strings"
	"testing"
)

func TestAPIPaths(t *testing.T) {
	const vertex = "/v1/projects/p/locations/l/publishers/google"
	for _, row := range []struct {
		host, path string
		api        API
		model      string
	}{
		{"api.openai.com", "/v1/chat/completions", OpenAI, ""},
		{"api.openai.com", "/v1/models", OpenAI, ""},
		{"api.openai.com", "/v1/files", NoAPI, ""},
		{"api.anthropic.com", "/v1/models", OpenAI, ""},
		{"generativelanguage.googleapis.com", "/v1beta/models", NoAPI, ""},
		{"generativelanguage.googleapis.com", "/v1beta/openai/models", OpenAI, ""},
		{"api.openai.com", "/v1/responses/resp_1", NoAPI, ""},
		{"api.openai.com", "/v1/threads/t/messages", NoAPI, ""},
		{"llm.example.com", "/team-a/v1/chat/completions", OpenAI, ""},
		{"llm.example.com", "/v1/responses", OpenAI, ""},
		{"llm.example.com", "/surveys/7/responses", NoAPI, ""},
		{"cars.example.com", "/v1/models", NoAPI, ""},
		{"r.openai.azure.com", "/openai/deployments/gpt%2D4/chat/completions", OpenAI, "gpt%2D4"},
		{"r.openai.azure.com", "/openai/v1/embeddings", OpenAI, ""},
		{"api.anthropic.com", "/v1/messages", Anthropic, ""},
		{"api.anthropic.com", "/v1/messages/batches", NoAPI, ""},
		{"chat.example.com", "/v1/messages", NoAPI, ""},
		{"generativelanguage.googleapis.com", "/v1beta/models/g:streamGenerateContent", Gemini, "g"},
		{"generativelanguage.googleapis.com", "/v1beta/models/g:unknownVerb", NoAPI, ""},
		{"us-east5-aiplatform.googleapis.com", vertex + "/models/g:generateContent", Gemini, "g"},
		{"us-east5-aiplatform.googleapis.com", vertex + "/models/claude@1:streamRawPredict", VertexRaw, "claude@1"},
		{"bedrock-runtime.us-east-1.amazonaws.com", "/model/a.b-v1%3A0/converse-stream", Bedrock, "a.b-v1%3A0"},
		{"lambda.us-east-1.amazonaws.com", "/2015-03-31/functions/model/invocations", NoAPI, ""},
		{"api.cohere.com", "/v1/chat", Cohere, ""},
		{"api.example.com", "/v1/chat", NoAPI, ""},
		{"localhost", "/api/generate", Ollama, ""},
		{"api.jina.ai", "/v1/rerank", Rerank, ""},
		{"api.example.com", "/" + strings.Repeat("x", maxPath) + "/v1/chat/completions", NoAPI, ""},
		{"", "", NoAPI, ""},
	} {
		p := APIPathOf(row.host, row.path, nil)
		if p.API != row.api || p.Model() != row.model {
			t.Errorf("%s%.80s: got %q and model %q, want %q and %q", row.host, row.path, p.API, p.Model(), row.api, row.model)
		}
	}
	for _, path := range []string{"/v1/messages", "/v1/models"} {
		if p := APIPathOf("gw.example.com", path, http.Header{"Anthropic-Version": {"2023-06-01"}}); p.API != Anthropic {
			t.Errorf("%s with Anthropic's header: got %q", path, p.API)
		}
	}
}

// What is known to be an inference call of OpenAI's language is one of its resources.
func TestOpenAIsResourcesAreComplete(t *testing.T) {
	for _, end := range openAI.inferenceAnywhere {
		if p := APIPathOf("gw.example.com", "/v1"+strings.TrimPrefix(end, "/v1"), nil); p.API != OpenAI {
			t.Errorf("%s: got %q", end, p.API)
		}
	}
}

// A base at any host of a family passes its own check, and moves there without a slash
// too many.
func TestBases(t *testing.T) {
	paths := map[API]string{
		OpenAI: "/v1/chat/completions", Anthropic: "/v1/messages", Gemini: "/v1beta/models/g:generateContent", Bedrock: "/model/m/invoke",
		Cohere: "/v2/chat", Ollama: "/api/chat",
	}
	h := http.Header{"Anthropic-Version": {"2023-06-01"}}
	for _, f := range families {
		for _, host := range f.hosts {
			host = someHost(host)
			if f.modelsAt != nil && !f.modelsAt(host) {
				continue
			}
			for _, b := range f.bases {
				if b == (base{Cohere, "/v1"}) {
					continue // of another version
				}
				p := APIPathOf("gw.example.com", paths[b.api], h)
				if p.API != b.api {
					t.Fatalf("%s is taken for %q", paths[b.api], p.API)
				}
				at := strings.ReplaceAll(b.path, "*", "x")
				if why, _, _ := p.Mismatch(host, at); why != "" {
					t.Errorf("%s%s %s", host, at, why)
				}
				if got, _ := p.At(host, at, ""); !strings.HasPrefix(got, at) || strings.Contains(got, "//") || !strings.HasSuffix(got, paths[b.api][strings.LastIndexByte(paths[b.api], '/'):]) {
					t.Errorf("%s%s: got %s", host, at, got)
				}
			}
		}
	}
}

func TestServesModels(t *testing.T) {
	for host, want := range map[string]bool{
		"api.openai.com": true, "openrouter.ai": true, "r.openai.azure.com": true, "bedrock-runtime.us-east-1.amazonaws.com": true,
		"generativelanguage.googleapis.com": true, "europe-west1-aiplatform.googleapis.com": true, "api.groq.com": true, "dashscope-intl.aliyuncs.com": true,
		"gateway.ai.cloudflare.com": true, "api.replicate.com": true, "api.deepgram.com": true, "router.huggingface.co": true, "api.cohere.com": true,
		"s3.us-east-1.amazonaws.com": false, "oss-cn-beijing.aliyuncs.com": false, "api.github.com": false, "www.googleapis.com": false, "api.cloudflare.com": false,
		"chatgpt.com": false, "huggingface.co": false, "corp.azure-api.net": false, "llm.example.com": false, "": false,
	} {
		if got := ServesModels(host); got != want {
			t.Errorf("%s: got %v, want %v", host, got, want)
		}
	}
}

// No path and no base is so strange that anything breaks, and what comes out is made of
// both.
func FuzzAPIPaths(f *testing.F) {
	for _, path := range []string{
		"/v1/chat/completions", "/openai/deployments/d/chat/completions", "/v1/projects/p/locations/l/publishers/google/models/g:generateContent",
		"/publishers/google/models/g:generateContent", "/models/g:rawPredict", "/model/m/invoke", "/v2/chat", "/api/chat", "/v1/messages", "/rerank", "/v1/x",
	} {
		for _, base := range []string{"", "/v1", "/openai", "/v1/projects/p/locations/l"} {
			f.Add("r.openai.azure.com", path, "us-east5-aiplatform.googleapis.com", base, "m/1:2")
		}
	}
	h := http.Header{"Anthropic-Version": {"2023-06-01"}}
	f.Fuzz(func(t *testing.T, host, path, to, base, model string) {
		if !strings.HasPrefix(path, "/") || base != "" && base[0] != '/' || strings.HasSuffix(base, "/") {
			return
		}
		for _, header := range []http.Header{nil, h} {
			p := APIPathOf(host, path, header)
			p.Mismatch(to, base)
			got, _ := p.At(to, base, "")
			if !strings.HasPrefix(got, strings.TrimSuffix(base, "/openai")) || p.API != NoAPI && !strings.HasSuffix(path, got[strings.LastIndexByte(got, '/'):]) {
				t.Errorf("%s of the %q API at %s is %s", path, p.API, base, got)
			}
			if renamed := p.WithModel(model); p.Model() == "" && renamed != path {
				t.Errorf("%s became %s", path, renamed)
			}
			p.At(to, base, model)
		}
	})
}
