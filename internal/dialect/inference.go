package dialect

import (
	"net/http"
	"strings"
)

// Inference reports whether a POST to path is known to compute an answer and
// to change nothing, so that doing it twice costs money at worst. It goes by
// the path's end, since gateways and proxies put it behind any host and prefix.
func Inference(path string, h http.Header) bool {
	for _, end := range inferencePaths {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	// Many APIs send a message to a person with POST …/v1/messages. Only
	// Anthropic's wants a version header with it.
	return strings.HasSuffix(path, "/messages") && h.Get("Anthropic-Version") != ""
}

var inferencePaths = []string{
	// OpenAI and those that imitate it
	"/chat/completions", "/v1/completions", "/embeddings", "/v1/responses", "/v1/moderations",
	// Anthropic
	"/v1/messages/count_tokens",
	// Gemini and Vertex AI
	":generateContent", ":streamGenerateContent", ":countTokens", ":embedContent", ":batchEmbedContents", ":rawPredict", ":streamRawPredict",
	// Amazon Bedrock
	"/converse", "/converse-stream", "/invoke", "/invoke-with-response-stream",
	// Cohere, Ollama, llama.cpp, vLLM
	"/v1/chat", "/v2/chat", "/v1/embed", "/v2/embed", "/rerank", "/v1/rerank", "/v2/rerank",
	"/api/chat", "/api/generate", "/api/embed",
}
