package dialect

import (
	"strings"
	"testing"
)

// Which API a path is of, where a bound or the host decides it.
func TestWhoseAPathIs(t *testing.T) {
	const bedrockHost = "bedrock-runtime.us-east-1.amazonaws.com"
	for _, row := range []struct {
		name, host, path string
		api              API
		model            string
	}{
		{"the longest path", "gw.example.com", "/" + strings.Repeat("x", maxPath-1-len("/v1/chat/completions")) + "/v1/chat/completions", OpenAI, ""},
		{"a longer one", "gw.example.com", "/" + strings.Repeat("x", maxPath-len("/v1/chat/completions")) + "/v1/chat/completions", NoAPI, ""},
		{"Gemini without a version", "gw.example.com", "/models/g:generateContent", Gemini, "g"},
		{"Gemini without a model", "gw.example.com", "/v1beta/models/:generateContent", NoAPI, ""},
		{"Bedrock at a proxy", "gw.example.com", "/model/m/invoke", Bedrock, "m"},
		{"Bedrock behind a prefix, at AWS", bedrockHost, "/x/model/m/invoke", Bedrock, "m"},
		{"Bedrock behind a prefix, elsewhere", "gw.example.com", "/x/model/m/invoke", NoAPI, ""},
		{"Bedrock without a model", bedrockHost, "/model//invoke", NoAPI, ""},
		{"Cohere without a version", "api.cohere.com", "/chat", NoAPI, ""},
		{"Cohere in version 0", "api.cohere.com", "/v0/chat", Cohere, ""},
		{"Cohere in version 9", "api.cohere.com", "/v9/chat", Cohere, ""},
		{"Cohere in the longest version", "api.cohere.com", "/v1alpha1/chat", Cohere, ""},
		{"Cohere in what is too long for a version", "api.cohere.com", "/v1alpha12/chat", NoAPI, ""},
		{"Cohere in what is no version", "api.cohere.com", "/vx/chat", NoAPI, ""},
		{"Cohere behind a prefix", "gw.example.com", "/team/gateway/v1/embed", Cohere, ""},
	} {
		p := APIPathOf(row.host, row.path, nil)
		if p.API != row.api || p.Model() != row.model {
			t.Errorf("%s: %.80s: got %q and model %q, want %q and %q", row.name, row.path, p.API, p.Model(), row.api, row.model)
		}
	}
}

// A resource moves to another server as that server's own SDK would ask for it there.
func TestWhereAPathMoves(t *testing.T) {
	const (
		azureHost  = "r.openai.azure.com"
		geminiHost = "generativelanguage.googleapis.com"
		vertexHost = "europe-west4-aiplatform.googleapis.com"
		models     = "/publishers/google/models/g:generateContent"
		project    = "/projects/p/locations/europe-west4"
	)
	for _, row := range []struct {
		name, from, path  string
		host, base, model string
		want              string
		inBody            bool
	}{
		{"what nobody knows", "a.example", "/x", "b.example", "/v1", "m", "/v1/x", false},

		{"OpenAI's at a base", "api.openai.com", "/v1/chat/completions", "api.groq.com", "/openai/v1", "", "/openai/v1/chat/completions", true},
		{"OpenAI's at Azure's base", "api.openai.com", "/v1/chat/completions", azureHost, "/openai/v1", "", "/openai/v1/chat/completions", true},
		{"OpenAI's at a base of one letter", "api.openai.com", "/v1/chat/completions", "b.example", "/v", "", "/v/chat/completions", true},
		{"OpenAI's at a deployment", "api.openai.com", "/v1/chat/completions", azureHost, "/openai/deployments/d", "", "/openai/deployments/d/chat/completions", false},
		{"Azure's at another Azure", azureHost, "/openai/deployments/d/chat/completions", "s.openai.azure.com", "", "", "/openai/deployments/d/chat/completions", false},
		{"Azure's at another Azure, with its base", azureHost, "/openai/deployments/d/chat/completions", "s.openai.azure.com", "/openai", "", "/openai/deployments/d/chat/completions", false},
		{"Azure's at another Azure, as another deployment", azureHost, "/openai/deployments/d/chat/completions", "s.openai.azure.com", "", "other", "/openai/deployments/other/chat/completions", false},
		{"Azure's at another Azure's version", azureHost, "/openai/deployments/d/chat/completions", "s.openai.azure.com", "/openai/v1", "", "/openai/v1/chat/completions", true},
		{"Azure's at a gateway", azureHost, "/openai/deployments/d/chat/completions", "gw.example.com", "", "", "/openai/deployments/d/chat/completions", false},
		{"Azure's at OpenAI", azureHost, "/openai/deployments/d/chat/completions", "api.openai.com", "/v1", "", "/v1/chat/completions", true},
		{"Azure's at OpenAI, with another model", azureHost, "/openai/deployments/d/chat/completions", "api.openai.com", "/v1", "a-longer-name", "/v1/chat/completions", true},
		{"Azure's without a deployment, at another Azure", azureHost, "/openai/chat/completions", "s.openai.azure.com", "", "", "/openai/chat/completions", true},
		{"Azure's without a deployment, at a gateway", azureHost, "/openai/chat/completions", "gw.example.com", "", "", "/chat/completions", true},
		{"Azure's newest, at another Azure", azureHost, "/openai/v1/embeddings", "s.openai.azure.com", "", "", "/openai/v1/embeddings", true},

		{"Gemini's at a proxy", geminiHost, "/v1beta/models/g:generateContent", "gw.example.com", "/x", "", "/x/v1beta/models/g:generateContent", false},
		{"Gemini's at a base with a version", geminiHost, "/v1beta/models/g:generateContent", geminiHost, "/v1", "", "/v1/models/g:generateContent", false},
		{"Gemini's with another model", geminiHost, "/v1beta/models/g:generateContent", geminiHost, "", "models/h", "/v1beta/models/h:generateContent", false},
		{"Gemini's in a project of Vertex AI", geminiHost, "/v1beta/models/g:generateContent", vertexHost, "/v1" + project, "", "/v1" + project + models, false},
		{"Vertex AI's in another place", "us-east5-aiplatform.googleapis.com", "/v1/projects/p/locations/us-east5" + models, vertexHost, "", "", "/v1" + project + models, false},
		{"the same where all places are one", "us-east5-aiplatform.googleapis.com", "/v1/projects/p/locations/us-east5" + models, "aiplatform.googleapis.com", "", "", "/v1/projects/p/locations/global" + models, false},
		{"the same at a proxy", "us-east5-aiplatform.googleapis.com", "/v1/projects/p/locations/us-east5" + models, "gw.example.com", "", "", "/v1/projects/p/locations/us-east5" + models, false},
		{"the same at a base with a version", "us-east5-aiplatform.googleapis.com", "/v1beta1/projects/p/locations/us-east5" + models, vertexHost, "/v1", "", "/v1" + project + models, false},
		{"the same in another project", "us-east5-aiplatform.googleapis.com", "/v1/projects/q/locations/us-east5" + models, vertexHost, "/v1" + project, "", "/v1" + project + models, false},
		{"the same at a publisher", "us-east5-aiplatform.googleapis.com", "/v1/projects/q/locations/us-east5" + models, vertexHost, "/v1" + project + "/publishers/google", "", "/v1" + project + models, false},
		{"without a version", "us-east5-aiplatform.googleapis.com", "/projects/p/locations/us-east5" + models, vertexHost, "", "", project + models, false},
		{"without a version, at a base with one", "us-east5-aiplatform.googleapis.com", "/projects/p/locations/us-east5" + models, vertexHost, "/v1", "", "/v1" + project + models, false},
		{"without a project", vertexHost, "/v1" + models, vertexHost, "", "", "/v1" + models, false},
		{"without a project and a version", vertexHost, models, vertexHost, "", "", models, false},
		{"of another publisher, without a project", vertexHost, "/publishers/anthropic/models/c:rawPredict", vertexHost, "/v1" + project, "", "/v1" + project + "/publishers/anthropic/models/c:rawPredict", false},
		{"Vertex AI's at Gemini", vertexHost, "/v1" + project + models, geminiHost, "", "", "/v1beta/models/g:generateContent", false},
		{"Vertex AI's at Gemini, at a base with a version", vertexHost, "/v1" + project + models, geminiHost, "/v1", "", "/v1/models/g:generateContent", false},

		{"Bedrock's with another model", "bedrock-runtime.us-east-1.amazonaws.com", "/model/m/converse", "bedrock-runtime.eu-west-1.amazonaws.com", "", "a.b:0", "/model/a.b%3A0/converse", false},
		{"Anthropic's at a base", "api.anthropic.com", "/v1/messages", "gw.example.com", "/x", "", "/x/v1/messages", true},
		{"Anthropic's at a base with a version", "api.anthropic.com", "/v1/messages", "gw.example.com", "/x/v1", "", "/x/v1/messages", true},
		{"Anthropic's at a base that ends like Ollama's", "api.anthropic.com", "/v1/messages", "gw.example.com", "/api", "", "/api/v1/messages", true},
		{"Anthropic's at a base that is nearly a version", "api.anthropic.com", "/v1/messages", "gw.example.com", "/x/v", "", "/x/v/v1/messages", true},
		{"Ollama's at its base", "localhost", "/api/chat", "gw.example.com", "/api", "", "/api/chat", true},
		{"Ollama's at another base", "localhost", "/api/chat", "gw.example.com", "/v1", "", "/v1/api/chat", true},
	} {
		p := APIPathOf(row.from, row.path, nil)
		if got, inBody := p.At(row.host, row.base, row.model); got != row.want || inBody != row.inBody {
			t.Errorf("%s: %s at %s%s: got %s, in the body %t; want %s, %t", row.name, row.path, row.host, row.base, got, inBody, row.want, row.inBody)
		}
	}
}

func TestDeployed(t *testing.T) {
	for path, want := range map[string]bool{
		"/openai/deployments/d/chat/completions": true,
		"/openai/chat/completions":               false,
		"/v1/chat/completions":                   false,
		"/v1beta/models/g:generateContent":       false,
	} {
		if p := APIPathOf("r.openai.azure.com", path, nil); p.Deployed() != want {
			t.Errorf("%s: got %t, want %t", path, !want, want)
		}
	}
	p := APIPathOf("", "/model/m/converse", nil)
	if got := p.WithModel(""); got != "/model/m/converse" {
		t.Errorf("no other model: got %s", got)
	}
	for host, want := range map[string]bool{"generativelanguage.googleapis.com": false, "europe-west4-aiplatform.googleapis.com": true, "api.openai.com": false} {
		if got := isVertex(host); got != want {
			t.Errorf("%s: got %t for Vertex AI, want %t", host, got, want)
		}
	}
}
