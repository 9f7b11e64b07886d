package dialect

import (
	"math"
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
		{"a bound before a line's end", "{\"model\":\"m\",\n \"max_tokens\": 100\n}", Call{Model: "m", Input: 9, Output: 100}},
		{"Titan's bound", `{"textGenerationConfig":{"maxTokenCount":512}}`, Call{Model: "", Input: 12, Output: 512}},
		{"Hugging Face's bound", `{"parameters":{"max_new_tokens":20}}`, Call{Model: "", Input: 9, Output: 20}},
		{"Chinese, which has no spaces, is text", `{"m":"` + strings.Repeat("汉", 30_000) + `"}`, Call{Model: "", Input: 22502, Output: 0}},
		{"OpenAI", `{"model":"gpt-4o","messages":[],"max_tokens":100}`, Call{Model: "gpt-4o", Input: 13, Output: 100}},
		{"the model comes last", `{"messages":[{"role":"user","content":"` + long + `"}],"model":"m"}`, Call{Model: "m", Input: 9014, Output: 0}},
		{"a newer name of the bound", `{"model":"o3","max_completion_tokens":7}`, Call{Model: "o3", Input: 10, Output: 7}},
		{"Anthropic's older bound", `{"prompt":"hi","max_tokens_to_sample":300}`, Call{Model: "", Input: 11, Output: 300}},
		{"the larger of two bounds", `{"max_tokens":5,"max_output_tokens":9}`, Call{Model: "", Input: 10, Output: 9}},
		{"Gemini's bound", `{"generationConfig":{"temperature":0.5,"maxOutputTokens":12},"contents":[]}`, Call{Model: "", Input: 19, Output: 12}},
		{"Gemini's bound in the other spelling", `{"generation_config":{"max_output_tokens":12},"model":"g"}`, Call{Model: "g", Input: 15, Output: 12}},
		{"Bedrock's bound", `{"inferenceConfig":{"maxTokens":12}}`, Call{Model: "", Input: 9, Output: 12}},
		{"a key of the prompt's cache", `{"prompt_cache_key":"chat-17","metadata":{"prompt_cache_key":"no"},"model":"m"}`, Call{Model: "m", Input: 20, CacheKey: "chat-17"}},
		{"Ollama's bound", `{"model":"llama3","options":{"num_predict":33},"stream":true}`, Call{Model: "llama3", Input: 16, Output: 33, Stream: true}},
		{"what follows Ollama's bound", `{"options":{"num_predict":33,"stop":["}"]},"model":"llama3"}`, Call{Model: "llama3", Input: 15, Output: 33}},
		{"a bound in a list", `{"options":[{"num_predict":33}],"model":"m"}`, Call{Model: "m", Input: 11, Output: 0}},
		{"a bound in an object that is not for it", `{"metadata":{"max_tokens":5},"model":"m"}`, Call{Model: "m", Input: 11, Output: 0}},
		{"a bound two objects down", `{"options":{"options":{"num_predict":3}},"model":"m"}`, Call{Model: "m", Input: 14, Output: 0}},
		{"a model among the options", `{"options":{"model":"no"}}`, Call{Model: "", Input: 7, Output: 0}},
		{"a model that is not the outermost's", `{"messages":[{"model":"no"}],"metadata":{"model":"no"}}`, Call{Model: "", Input: 14, Output: 0}},
		{"an image is not counted by its length", `{"model":"m","image":"` + image + `","max_tokens":1}`, Call{Model: "m", Input: 1010, Output: 1}},
		{"images among texts", `{"messages":[{"content":[{"text":"hi"},{"data":"` + image + `"},{"data":"` + image + `"}]}],"model":"m"}`, Call{Model: "m", Input: 2020, Output: 0}},
		{"a string that is a byte too short for an image", `{"a":"` + strings.Repeat("A", mediaString-1) + `"}`, Call{Model: "", Input: 514, Output: 0}},
		{"a string as long as an image", `{"a":"` + strings.Repeat("A", mediaString) + `"}`, Call{Model: "", Input: 1002, Output: 0}},
		{"quotes and brackets in strings", `{"a":"}\"]{","model":"m"}`, Call{Model: "m", Input: 7, Output: 0}},
		{"an escaped quote in the model", `{"model":"a\"b","max_tokens":5}`, Call{Model: `a\"b`, Input: 8, Output: 5}},
		{"an escaped backslash before the quote", `{"a":"\\","model":"m"}`, Call{Model: "m", Input: 6, Output: 0}},
		{"the same names twice", `{"model":"a","max_tokens":9,"model":"b","max_tokens":2}`, Call{Model: "b", Input: 14, Output: 9}},
		{"a model that is no string", `{"model":null,"max_tokens":1}`, Call{Model: "", Input: 8, Output: 1}},
		{"spaces around everything", " \n{ \"model\" : \"m\" , \"max_tokens\" : 5, \"a\" : 1 }", Call{Model: "m", Input: 12, Output: 5}},
		{"a number that is no bound", `{"top_k":50,"max_tokens":7}`, Call{Model: "", Input: 7, Output: 7}},
		{"an image that is cut", `{"a":"` + strings.Repeat("A", mediaString) + ``, Call{Model: "", Input: 1002, Output: 0}},
		{"an image that is cut, behind seven bytes", `{"ab":"` + strings.Repeat("A", mediaString) + `AAA`, Call{Model: "", Input: 1002, Output: 0}},
		{"a bound that is none", `{"max_tokens":-4,"max_output_tokens":99999999999}`, Call{Model: "", Input: 13, Output: 0}},
		{"a bound of 0", `{"max_tokens":0}`, Call{Model: "", Input: 4, Output: 0}},
		{"the largest bound", `{"max_tokens":16777216}`, Call{Model: "", Input: 6, Output: maxOutput}},
		{"a bound too large", `{"max_tokens":16777217}`, Call{Model: "", Input: 6, Output: 0}},
		{"a bound that overflows", `{"max_tokens":99999999999999999999}`, Call{Model: "", Input: 9, Output: 0}},
		{"a bound in words", `{"max_tokens":"many"}`, Call{Model: "", Input: 6, Output: 0}},
		{"cut in the middle", `{"model":"m","messages":[{"role":"us`, Call{Model: "m", Input: 9, Output: 0}},
		{"cut in the model", `{"max_tokens":5,"model":"gpt-4`, Call{Model: "", Input: 8, Output: 5}},
		{"cut in a bound", `{"model":"m","max_tokens":10`, Call{Model: "m", Input: 7, Output: 0}},
		{"cut in a nested bound", `{"model":"m","options":{"num_predict":33`, Call{Model: "m", Input: 10, Output: 0}},
		{"cut after a name", `{"model"`, Call{Model: "", Input: 2, Output: 0}},
		{"cut after a colon", `{"model":`, Call{Model: "", Input: 3, Output: 0}},
		{"cut in an escape", `{"model":"m\`, Call{Model: "", Input: 3, Output: 0}},
		{"no colon", `{"model" "m","max_tokens":1}`, Call{Model: "", Input: 7, Output: 0}},
		{"brackets that do not match", `{"a":[}],"model":"m"}`, Call{Model: "", Input: 6, Output: 0}},
		{"bytes that are no text", "\xff\x00{\"model\":\"m\"}", Call{Model: "", Input: 4, Output: 0}},
		{"no object", `["model"]`, Call{Model: "", Input: 3, Output: 0}},
		{"no JSON", `model=gpt-4o`, Call{Model: "", Input: 3, Output: 0}},
		{"nothing", ``, Call{}},
		{"a name that is none", `{"model":"` + strings.Repeat("x y", 200) + `"}`, Call{Model: "", Input: 153, Output: 0}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := Read(row.body, int64(len(row.body))); got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestReadOfTheStartOfABody(t *testing.T) {
	const size = 1 << 20
	for _, row := range []struct {
		name, body string
		want       Call
	}{
		{"it breaks off in a text", `{"model":"m","text":"` + strings.Repeat("word ", 1000), Call{Model: "m", Input: size / 4, Output: 0}},
		{"it breaks off in an image", `{"model":"m","image":"` + strings.Repeat("A", 4000), Call{Model: "m", Input: 1006, Output: 0}},
		{"it breaks off after an image", `{"image":"` + strings.Repeat("A", 4000) + `","text":"`, Call{Model: "", Input: (size-4000)/4 + 1000}},
		{"it breaks off at once", ``, Call{Model: "", Input: size / 4, Output: 0}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if got := Read(row.body, size); got != row.want {
				t.Errorf("got %+v, want %+v", got, row.want)
			}
		})
	}
}

func TestEstimate(t *testing.T) {
	for size, want := range map[int64]int64{-1: 1, 0: 1, 1: 1, 4: 1, 5: 2, 1 << 20: 1 << 18} {
		if got := Estimate(size); got != want {
			t.Errorf("%d bytes: got %d, want %d", size, got, want)
		}
	}
}

func FuzzRead(f *testing.F) {
	media := strings.Repeat("A", mediaString)
	for _, s := range []string{
		``, `{`, `{"model":"` + media + `"}`, `{"a":["` + media + `","` + media, `{"` + media, `{"model":"\"","model":"b","max_tokens":-1}`,
		`{"model":"gpt-4o","max_tokens":100,"messages":[{"content":"hi"}]}`, `{"generationConfig":{"maxOutputTokens":1}`, `{"a":"\`, `{"options":{`, `[[[{"`,
	} {
		f.Add(s, uint32(0))
		f.Add(s, uint32(1<<20))
	}
	f.Fuzz(func(t *testing.T, s string, more uint32) {
		size := int64(len(s)) + int64(more)
		c := Read(s, size)
		pieces := int64(len(s)/mediaString + 1)
		if c.Input < 0 || c.Input > size/bytesPerToken+1+pieces*mediaTokens || c.Output < 0 || c.Output > maxOutput || len(c.Model) > maxModel {
			t.Errorf("got %+v of %d bytes, want nothing out of range", c, size)
		}
	})
}

func TestModelIn(t *testing.T) {
	for path, want := range map[string]string{
		"/v1beta/models/gemini-2.5-pro:generateContent":                                              "gemini-2.5-pro",
		"/v1/projects/p/locations/l/publishers/google/models/gemini-2.5-pro:countTokens":             "gemini-2.5-pro",
		"/openai/deployments/my-gpt/chat/completions":                                                "my-gpt",
		"/model/anthropic.claude-sonnet-4-20250514-v1%3A0/converse":                                  "anthropic.claude-sonnet-4-20250514-v1%3A0",
		"/v1/projects/p/locations/l/publishers/anthropic/models/claude-sonnet-4@20250514:rawPredict": "claude-sonnet-4@20250514",
		"/openai/deployments/my-gpt":                                                                 "",
		"/openai/deployments//chat/completions":                                                      "",
		"/v1/models/gpt-4o":                                                                          "",
		"":                                                                                           "",
		"/models/" + strings.Repeat("x", maxModel) + ":a":                                            strings.Repeat("x", maxModel),
		"/models/" + strings.Repeat("x", maxModel+1) + ":a":                                          "",
		"/v1/chat/completions":                                                                       "",
		strings.Repeat("/models/a:b", 400):                                                           "",
	} {
		if got := ModelIn(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}

func TestScopeOf(t *testing.T) {
	for _, row := range []struct {
		name, method, url string
		provider          string
		scope             Scope
		bucket            string
	}{
		{"OpenAI", "POST", "api.openai.com/v1/chat/completions", "openai", Host | Credential | Model, ""},
		{"who speaks like OpenAI", "POST", "api.groq.com/openai/v1/chat/completions", "groq", Host | Credential | Model, ""},
		{"Anthropic", "POST", "api.anthropic.com/v1/messages", "anthropic", Host | Credential | Model, ""},
		{"Azure", "POST", "x.openai.azure.com/openai/deployments/d/chat/completions", "azure", Host | Credential | Model, ""},
		{"Gemini", "POST", "generativelanguage.googleapis.com/v1beta/models/g:generateContent", "google", Host | Credential | Model, ""},
		{"Bedrock", "POST", "bedrock-runtime.us-east-1.amazonaws.com/model/m/converse", "aws", Host | Credential | Path, "/model/m/converse"},
		{"GitHub", "GET", "api.github.com/repos/a/b", "github", Host | Credential | Resource, "core"},
		{"GitHub's search", "GET", "api.github.com/search/issues", "github", Host | Credential | Resource, "search"},
		{"GitHub's search in code", "GET", "api.github.com/search/code", "github", Host | Credential | Resource, "code_search"},
		{"GitHub's GraphQL", "POST", "api.github.com/graphql", "github", Host | Credential | Resource, "graphql"},
		{"a GitHub Enterprise", "GET", "x.ghe.com/api/v3/search/issues", "github", Host | Credential | Resource, "search"},
		{"GitHub's models", "POST", "models.github.ai/inference/chat/completions", "github", Host | Credential | Model, ""},
		{"Slack", "POST", "slack.com/api/chat.postMessage", "slack", Host | Credential | Method, "chat.postMessage"},
		{"Discord", "DELETE", "discord.com/api/v10/channels/123456789012345678/messages/876543210987654321", "discord",
			Host | Credential | Bucket, "DELETE /api/v10/channels/123456789012345678/messages/{id}"},
		{"Discord, a channel", "POST", "discord.com/api/v10/channels/123456789012345678/messages", "discord",
			Host | Credential | Bucket, "POST /api/v10/channels/123456789012345678/messages"},
		{"Discord, a webhook", "PATCH", "discord.com/api/v10/webhooks/123456789012345678/abc/messages/876543210987654321", "discord",
			Host | Credential | Bucket, "PATCH /api/v10/webhooks/123456789012345678/{id}/messages/{id}"},
		{"Discord, several ids", "PUT", "discord.com/api/v10/guilds/123456789012345678/members/876543210987654321/roles/876543210987654322", "discord",
			Host | Credential | Bucket, "PUT /api/v10/guilds/123456789012345678/members/{id}/roles/{id}"},
		{"Discord, no id", "GET", "discord.com/api/v10/users/@me", "discord", Host | Credential | Bucket, "GET /api/v10/users/@me"},
		{"Discord, a reaction", "PUT", "discord.com/api/v10/channels/123456789012345678/messages/876543210987654321/reactions/🔥/@me", "discord",
			Host | Credential | Bucket, "PUT /api/v10/channels/123456789012345678/messages/{id}/reactions/{id}/@me"},
		{"Docker Hub, a pull", "GET", "registry-1.docker.io/v2/library/alpine/manifests/latest", "docker", Host | Credential | Resource, "pulls"},
		{"Docker Hub, no pull", "GET", "registry-1.docker.io/v2/library/alpine/blobs/sha256:1", "docker",
			Host | Credential | Resource, "GET /v2/library/alpine/blobs/sha256:1"},
		{"nobody knows it", "GET", "api.example.com/items/7", "", Host | Credential | Method | Path, "GET /items/{id}"},
		{"a gateway to models", "POST", "llm.example.com/v1/chat/completions", "", Host | Credential | Model, ""},
		{"a gateway that is only looked at", "GET", "llm.example.com/v1/chat/completions", "", Host | Credential | Method | Path, "GET /v1/chat/completions"},
		{"messages that may go to a person", "POST", "chat.example.com/v1/messages", "", Host | Credential | Method | Path, "POST /v1/messages"},
	} {
		t.Run(row.name, func(t *testing.T) {
			host, path, _ := strings.Cut(row.url, "/")
			path = "/" + path
			provider, scope := ScopeOf(row.method, host, path, http.Header{})
			bucket := BucketOf(scope, row.method, host, path)
			if provider != row.provider || scope != row.scope || bucket != row.bucket {
				t.Errorf("got %q, %b, %q; want %q, %b, %q", provider, scope, bucket, row.provider, row.scope, row.bucket)
			}
		})
	}
}

func TestReadWithoutALength(t *testing.T) {
	body := `{"messages":[{"content":"` + strings.Repeat("word and ", 1000) + `"}]}`
	want := Read(body, int64(len(body)))
	for _, size := range []int64{-1, 0} {
		if got := Read(body, size); got != want {
			t.Errorf("length %d: got %+v, want %+v", size, got, want)
		}
	}
	if got := Read(`{}`, math.MaxInt64).Input; got <= 0 {
		t.Errorf("an absurd length: got %d tokens, want a positive number", got)
	}
}

func TestGoogleCountsInput(t *testing.T) {
	for host, want := range map[string]bool{"generativelanguage.googleapis.com": true, "us-central1-aiplatform.googleapis.com": true, "": false, "api.openai.com": false, "api.anthropic.com": false, "127.0.0.1": false} {
		if got := CountsInput(host); got != want {
			t.Errorf("%s: got %t, want %t", host, got, want)
		}
	}
}
