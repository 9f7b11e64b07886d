package dialect

import (
	"strings"
	"testing"
)

// What is known against a request at a server whose SDK would be given that host and
// base, and which base is right.
func TestMismatches(t *testing.T) {
	const vertex = "/v1/projects/p/locations/l/publishers/anthropic/models/c:rawPredict"
	for _, row := range []struct {
		name, path, host, base string
		why                    string // how it begins, "" if nothing is known against it
	}{
		{"what nobody knows", "/x", "api.openai.com", "", ""},
		{"OpenAI's at its base", "/v1/chat/completions", "api.openai.com", "/v1", ""},
		{"OpenAI's without a path", "/v1/chat/completions", "api.openai.com", "", "lacks"},
		{"OpenAI's at an unknown base", "/v1/chat/completions", "api.openai.com", "/v7", ""},
		{"OpenAI's at a stranger", "/v1/chat/completions", "llm.example.com", "", ""},
		{"Anthropic's at OpenAI", "/v1/messages/count_tokens", "api.openai.com", "/v1", "does not"},
		{"Gemini's at Vertex AI", "/v1beta/models/g:generateContent", "europe-west4-aiplatform.googleapis.com", "/v1/projects/p/locations/l", ""},
		{"another publisher's at Vertex AI", vertex, "europe-west4-aiplatform.googleapis.com", "", ""},
		{"another publisher's at Gemini", vertex, "generativelanguage.googleapis.com", "", "does not"},
		{"OpenAI's at Gemini's base", "/v1/chat/completions", "generativelanguage.googleapis.com", "/v1beta", "is the base of another API"},
		{"a rerank at Cohere", "/v2/rerank", "api.cohere.com", "", ""},
		{"a rerank of others at Cohere", "/rerank", "api.cohere.com", "/v2", ""},
		{"a rerank at Anthropic", "/rerank", "api.anthropic.com", "", "does not"},
		{"Cohere's at another version", "/v2/chat", "api.cohere.com", "/v1", "is the base of another version"},
		{"Cohere's at its version", "/v2/chat", "api.cohere.com", "/v2", ""},
	} {
		p := APIPathOf("gw.example.com", row.path, nil)
		why, _, _ := p.Mismatch(row.host, row.base)
		if !strings.HasPrefix(why, row.why) || (why == "") != (row.why == "") {
			t.Errorf("%s: %s at %s%s: got %q, want %q…", row.name, row.path, row.host, row.base, why, row.why)
		}
	}
}

func TestBaseMatches(t *testing.T) {
	for _, row := range []struct {
		base, path string
		want       bool
	}{
		{"", "", true}, {"", "/v1", false}, {"/v1", "", false}, {"/v1", "/v1", true}, {"/v1", "/v2", false}, {"/v1", "/v1/x", false},
		{"/v1/*", "/v1/x", true}, {"/v1/*", "/v1", false}, {"/v1/*", "/v1/", false}, {"/v1/*/y", "/v1/x/y", true}, {"/v1/*/y", "/v1/x/z", false},
	} {
		if got := (base{OpenAI, row.base}).matches(row.path); got != row.want {
			t.Errorf("%s at the base %s: got %t, want %t", row.path, row.base, got, row.want)
		}
	}
}

func TestSpeaks(t *testing.T) {
	for _, row := range []struct {
		host string
		api  API
		want bool
	}{
		{"api.openai.com", OpenAI, true}, {"api.openai.com", Anthropic, false}, {"api.anthropic.com", Anthropic, true},
		{"llm.example.com", OpenAI, false}, {"api.github.com", OpenAI, false},
	} {
		if got := speaks(row.host, row.api); got != row.want {
			t.Errorf("%s, %s: got %t, want %t", row.host, row.api, got, row.want)
		}
	}
	// Who is like OpenAI and has no list of bases speaks its language and no other.
	n := 0
	for _, f := range families {
		if f.bases != nil || f.modelsAt != nil || !f.isLike(openAI) {
			continue
		}
		for _, host := range f.hosts {
			n++
			if host = someHost(host); !speaks(host, OpenAI) || speaks(host, Anthropic) {
				t.Errorf("%s: got OpenAI %t, Anthropic %t", host, speaks(host, OpenAI), speaks(host, Anthropic))
			}
		}
	}
	if n == 0 {
		t.Error("all families have bases: this shows nothing")
	}
}
