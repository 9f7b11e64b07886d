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
		{"a bound before a line's end", "{\"model\":\"m\",\n \"max_tokens\": 100\n}", Call{"m", 9, 100}},
		{"Titan's bound", `{"textGenerationConfig":{"maxTokenCount":512}}`, Call{"", 12, 512}},
		{"Hugging Face's bound", `{"parameters":{"max_new_tokens":20}}`, Call{"", 9, 20}},
		{"Chinese, which has no spaces, is text", `{"m":"` + strings.Repeat("汉", 30_000) + `"}`, Call{"", 22502, 0}},
		{"OpenAI", `{"model":"gpt-4o","messages":[],"max_tokens":100}`, Call{"gpt-4o", 13, 100}},
		{"the model comes last", `{"messages":[{"role":"user","content":"` + long + `"}],"model":"m"}`, Call{"m", 9014, 0}},
		{"a newer name of the bound", `{"model":"o3","max_completion_tokens":7}`, Call{"o3", 10, 7}},
		{"Anthropic's older bound", `{"prompt":"hi","max_tokens_to_sample":300}`, Call{"", 11, 300}},
		{"the larger of two bounds", `{"max_tokens":5,"max_output_tokens":9}`, Call{"", 10, 9}},
		{"Gemini's bound", `{"generationConfig":{"temperature":0.5,"maxOutputTokens":12},"contents":[]}`, Call{"", 19, 12}},
		{"Gemini's bound in the other spelling", `{"generation_config":{"max_output_tokens":12},"model":"g"}`, Call{"g", 15, 12}},
		{"Bedrock's bound", `{"inferenceConfig":{"maxTokens":12}}`, Call{"", 9, 12}},
		{"Ollama's bound", `{"model":"llama3","options":{"num_predict":33},"stream":true}`, Call{"llama3", 16, 33}},
		{"what follows Ollama's bound", `{"options":{"num_predict":33,"stop":["}"]},"model":"llama3"}`, Call{"llama3", 15, 33}},
		{"a bound in a list", `{"options":[{"num_predict":33}],"model":"m"}`, Call{"m", 11, 0}},
		{"a bound in an object that is not for it", `{"metadata":{"max_tokens":5},"model":"m"}`, Call{"m", 11, 0}},
		{"a bound two objects down", `{"options":{"options":{"num_predict":3}},"model":"m"}`, Call{"m", 14, 0}},
		{"a model among the options", `{"options":{"model":"no"}}`, Call{"", 7, 0}},
		{"a model that is not the outermost's", `{"messages":[{"model":"no"}],"metadata":{"model":"no"}}`, Call{"", 14, 0}},
		{"an image is not counted by its length", `{"model":"m","image":"` + image + `","max_tokens":1}`, Call{"m", 1010, 1}},
		{"images among texts", `{"messages":[{"content":[{"text":"hi"},{"data":"` + image + `"},{"data":"` + image + `"}]}],"model":"m"}`, Call{"m", 2020, 0}},
		{"a string that is a byte too short for an image", `{"a":"` + strings.Repeat("A", mediaString-1) + `"}`, Call{"", 514, 0}},
		{"a string as long as an image", `{"a":"` + strings.Repeat("A", mediaString) + `"}`, Call{"", 1002, 0}},
		{"quotes and brackets in strings", `{"a":"}\"]{","model":"m"}`, Call{"m", 7, 0}},
		{"an escaped quote in the model", `{"model":"a\"b","max_tokens":5}`, Call{`a\"b`, 8, 5}},
		{"an escaped backslash before the quote", `{"a":"\\","model":"m"}`, Call{"m", 6, 0}},
		{"the same names twice", `{"model":"a","max_tokens":9,"model":"b","max_tokens":2}`, Call{"b", 14, 9}},
		{"a model that is no string", `{"model":null,"max_tokens":1}`, Call{"", 8, 1}},
		{"spaces around everything", " \n{ \"model\" : \"m\" , \"max_tokens\" : 5, \"a\" : 1 }", Call{"m", 12, 5}},
		{"a bound that is none", `{"max_tokens":-4,"max_output_tokens":99999999999}`, Call{"", 13, 0}},
		{"a bound of 0", `{"max_tokens":0}`, Call{"", 4, 0}},
		{"the largest bound", `{"max_tokens":16777216}`, Call{"", 6, maxOutput}},
		{"a bound too large", `{"max_tokens":16777217}`, Call{"", 6, 0}},
		{"a bound that overflows", `{"max_tokens":99999999999999999999}`, Call{"", 9, 0}},
		{"a bound in words", `{"max_tokens":"many"}`, Call{"", 6, 0}},
		{"cut in the middle", `{"model":"m","messages":[{"role":"us`, Call{"m", 9, 0}},
		{"cut in the model", `{"max_tokens":5,"model":"gpt-4`, Call{"", 8, 5}},
		{"cut in a bound", `{"model":"m","max_tokens":10`, Call{"m", 7, 0}},
		{"cut in a nested bound", `{"model":"m","options":{"num_predict":33`, Call{"m", 10, 0}},
		{"cut after a name", `{"model"`, Call{"", 2, 0}},
		{"cut after a colon", `{"model":`, Call{"", 3, 0}},
		{"cut in an escape", `{"model":"m\`, Call{"", 3, 0}},
		{"no colon", `{"model" "m","max_tokens":1}`, Call{"", 7, 0}},
		{"brackets that do not match", `{"a":[}],"model":"m"}`, Call{"", 6, 0}},
		{"bytes that are no text", "\xff\x00{\"model\":\"m\"}", Call{"", 4, 0}},
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

func TestReadOfTheStartOfABody(t *testing.T) {
	const size = 1 << 20
	for _, row := range []struct {
		name, body string
		want       Call
	}{
		{"it breaks off in a text", `{"model":"m","text":"` + strings.Repeat("word ", 1000), Call{"m", size / 4, 0}},
		{"it breaks off in an image", `{"model":"m","image":"` + strings.Repeat("A", 4000), Call{"m", 1006, 0}},
		{"it breaks off after an image", `{"image":"` + strings.Repeat("A", 4000) + `","text":"`, Call{"", (size-4000)/4 + 1000, 0}},
		{"it breaks off at once", ``, Call{"", size / 4, 0}},
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
