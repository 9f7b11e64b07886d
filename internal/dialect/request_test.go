package dialect

import (
	"net/http"
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	long := strings.Repeat("word and ", 4000)
	image := strings.Repeat("iVBORw0KGgo", 4000)
	for _, row := range []struct {
		name, body string
		want       Call
	}{
		{"OpenAI", `{"model":"gpt-4o","messages":[],"max_tokens":100}`, Call{"gpt-4o", 13, 100}},
		{"the model comes last", `{"messages":[{"role":"user","content":"` + long + `"}],"model":"m"}`, Call{"m", 9014, 0}},
		{"a newer name of the bound", `{"model":"o3","max_completion_tokens":7}`, Call{"o3", 10, 7}},
		{"the larger of two bounds", `{"max_tokens":5,"max_output_tokens":9}`, Call{"", 10, 9}},
		{"Gemini's bound", `{"generationConfig":{"temperature":0.5,"maxOutputTokens":12},"contents":[]}`, Call{"", 19, 12}},
		{"Bedrock's bound", `{"inferenceConfig":{"maxTokens":12}}`, Call{"", 9, 12}},
		{"Ollama's bound", `{"model":"llama3","options":{"num_predict":33},"stream":true}`, Call{"llama3", 16, 33}},
		{"a model that is not the outermost's", `{"messages":[{"model":"no"}],"metadata":{"model":"no"}}`, Call{"", 14, 0}},
		{"an image is not counted by its length", `{"model":"m","image":"` + image + `","max_tokens":1}`, Call{"m", 1010, 1}},
		{"quotes and brackets in strings", `{"a":"}\"]{","model":"m"}`, Call{"m", 7, 0}},
		{"a bound that is none", `{"max_tokens":-4,"max_output_tokens":99999999999}`, Call{"", 13, 0}},
		{"a bound in words", `{"max_tokens":"many"}`, Call{"", 6, 0}},
		{"cut in the middle", `{"model":"m","messages":[{"role":"us`, Call{"m", 9, 0}},
		{"no object", `["model"]`, Call{"", 3, 0}},
		{"no JSON", `model=gpt-4o`, Call{"", 3, 0}},
		{"nothing", ``, Call{}},
		{"a name that is none", `{"model":"` + strings.Repeat("x y", 200) + `"}`, Call{"", 153, 0}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := Read(row.body, int64(len(row.body))); got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{
		`{"model":"gpt-4o","max_tokens":100,"messages":[{"content":"hi"}]}`, `{"generationConfig":{"maxOutputTokens":1}`, `{"a":"\`, `{"options":{`, `[[[{"`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := Read(s, int64(len(s)))
		pieces := int64(len(s)/mediaString + 1)
		if c.Input < 0 || c.Input > int64(len(s))/bytesPerToken+1+pieces*mediaTokens || c.Output < 0 || c.Output > maxOutput || len(c.Model) > maxModel {
			t.Errorf("got %+v of %d bytes", c, len(s))
		}
	})
}

func TestModelIn(t *testing.T) {
	for path, want := range map[string]string{
		"/v1beta/models/gemini-2.5-pro:generateContent":                                  "gemini-2.5-pro",
		"/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:countTokens": "gemini-2.5-pro",
		"/openai/deployments/my-gpt/chat/completions":                                    "my-gpt",
		"/model/anthropic.claude-sonnet-4-20250514-v1%3A0/converse":                      "anthropic.claude-sonnet-4-20250514-v1%3A0",
		"/v1/models/gpt-4o":                "",
		"/v1/chat/completions":             "",
		strings.Repeat("/models/a:b", 400): "",
	} {
		if got := ModelIn(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestHome(t *testing.T) {
	for _, row := range []struct {
		name, method, url string
		provider          string
		scope             Scope
		bucket            string
	}{
		{"OpenAI", "POST", "api.openai.com/v1/chat/completions", "openai", Host | Credential | Model, ""},
		{"who speaks like OpenAI", "POST", "api.groq.com/openai/v1/chat/completions", "groq", Host | Credential | Model, ""},
		{"GitHub", "GET", "api.github.com/repos/a/b", "github", Host | Credential | Resource, "core"},
		{"GitHub's search", "GET", "api.github.com/search/issues", "github", Host | Credential | Resource, "search"},
		{"GitHub's search in code", "GET", "api.github.com/search/code", "github", Host | Credential | Resource, "code_search"},
		{"GitHub's GraphQL", "POST", "api.github.com/graphql", "github", Host | Credential | Resource, "graphql"},
		{"Slack", "POST", "slack.com/api/chat.postMessage", "slack", Host | Credential | Method, "chat.postMessage"},
		{"Discord", "DELETE", "discord.com/api/v10/channels/123456789012345678/messages/876543210987654321", "discord",
			Host | Credential | Bucket, "DELETE /api/v10/channels/123456789012345678/messages/*"},
		{"nobody knows it", "GET", "api.example.com/items/7", "", Host | Credential | Method | Path, "GET /items/7"},
		{"a gateway to models", "POST", "llm.example.com/v1/chat/completions", "", Host | Credential | Model, ""},
	} {
		t.Run(row.name, func(t *testing.T) {
			host, path, _ := strings.Cut(row.url, "/")
			path = "/" + path
			provider, scope := Home(row.method, host, path, http.Header{})
			bucket := BucketOf(scope, row.method, path)
			if provider != row.provider || scope != row.scope || bucket != row.bucket {
				t.Errorf("got %q, %b, %q; want %q, %b, %q", provider, scope, bucket, row.provider, row.scope, row.bucket)
			}
		})
	}
}

func TestGoogleCountsInput(t *testing.T) {
	for host, want := range map[string]bool{"generativelanguage.googleapis.com": true, "api.openai.com": false, "api.anthropic.com": false, "127.0.0.1": false} {
		if got := CountsInput(host); got != want {
			t.Errorf("%s: got %t, want %t", host, got, want)
		}
	}
}
