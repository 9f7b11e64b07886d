package dialect

import (
	"net/http"
	"strings"
)

// Inference reports whether a POST to path is known to compute an answer and
// to change nothing, so that doing it twice costs money at worst. It goes by
// the path's end, since gateways and proxies put it behind any host and
// prefix; an end that may as well send somebody a message is not in the list.
func Inference(path string, h http.Header) bool {
	if len(path) > maxPath {
		return false
	}
	last := path[strings.LastIndexByte(path, '/')+1:]
	for _, end := range inferencePaths.at(last[strings.LastIndexByte(last, ':')+1:]) {
		if strings.HasSuffix(path, end) {
			return true
		}
	}
	switch last {
	case "messages":
		// Many APIs send a message to a person with POST …/v1/messages. Only
		// Anthropic's wants a version header with it.
		return h.Get("Anthropic-Version") != ""
	case "converse", "converse-stream", "invoke", "invoke-with-response-stream":
		// Bedrock's; Lambda and others invoke things that act.
		return strings.HasPrefix(path, "/model/")
	}
	return false
}

// InferenceAt is Inference for a host that is known: it knows the paths too
// that mean nothing elsewhere.
func InferenceAt(host, path string, h http.Header) bool {
	if Inference(path, h) {
		return true
	}
	for _, p := range inferenceHosts.at(tail(host)) {
		if matchHost(host, p.host) && (strings.HasSuffix(path, p.path) || strings.HasSuffix(p.path, "/") && strings.HasPrefix(path, p.path)) {
			return true
		}
	}
	return false
}

// maxPath bounds what is compared. No API's path is near it.
const maxPath = 2 << 10

var inferencePaths = indexed(lastWord, []string{
	// OpenAI and those that imitate it
	"/chat/completions", "/v1/completions", "/openai/completions", "/fim/completions", "/beta/completions", "/v1/responses",
	"/openai/responses", "/responses/input_tokens",
	"/embeddings", "/v1/moderations", "/images/generations", "/images/edits", "/images/variations", "/audio/speech",
	"/audio/transcriptions", "/audio/translations",
	// Anthropic
	"/v1/messages/count_tokens",
	// Gemini and Vertex AI
	":generateContent", ":streamGenerateContent", ":countTokens", ":embedContent", ":batchEmbedContents", ":rawPredict",
	":streamRawPredict", ":computeTokens", ":generateMessage", ":generateText",
	// Cohere, Jina, Voyage, TEI
	"/v2/chat", "/v1/embed", "/v2/embed", "/rerank", "/v1/rerank", "/v2/rerank", "/v1/tokenize", "/v1/detokenize", "/v1/classify",
	// Ollama, llama.cpp, text-generation-inference
	"/api/chat", "/api/generate", "/api/embed", "/generate_stream",
	// MiniMax, DashScope
	"/text/chatcompletion_v2", "/aigc/text-generation/generation", "/aigc/multimodal-generation/generation",
	"/embeddings/text-embedding/text-embedding", "/rerank/text-rerank/text-rerank",
	// Mistral
	"/v1/ocr", "/agents/completions",
})

// A place is where at a host something is known to be.
type place struct{ host, path, method string }

func (p place) tail() string { return tail(p.host) }

var inferenceHosts = indexed(place.tail, []place{
	{"api.cohere.com", "/v1/chat", ""}, {"api.cohere.ai", "/v1/chat", ""}, {"api.cohere.com", "/v1/generate", ""},
	{"api.cohere.ai", "/v1/generate", ""}, {"api.cohere.com", "/v1/summarize", ""},
	{"api-inference.huggingface.co", "/models/", ""}, {"router.huggingface.co", "/hf-inference/models/", ""},
	{".baidubce.com", "/rpc/2.0/ai_custom/v1/wenxinworkshop/", ""},
	{"api.elevenlabs.io", "/v1/text-to-speech/", ""},
	{"api.deepgram.com", "/v1/listen", ""}, {"api.deepgram.com", "/v1/speak", ""},
	{"api.x.ai", "/v1/messages", ""}, {"api.anthropic.com", "/v1/messages", ""}, {"api.anthropic.com", "/v1/complete", ""},
	{"openrouter.ai", "/api/v1/messages", ""},
})

// A lookup is a list sorted by what is compared first, since most successes
// match none of it and should not pay for its length, nor for a look into a map.
type lookup[V any] struct {
	byKey map[string][]V
	begin [16]uint64 // a bit for what each key begins with
}

// indexed makes a lookup of list. No key may be shorter than two bytes.
func indexed[V any](key func(V) string, list []V) *lookup[V] {
	x := &lookup[V]{byKey: make(map[string][]V, len(list))}
	for _, v := range list {
		k := key(v)
		x.byKey[k] = append(x.byKey[k], v)
		x.begin[k[0]%16] |= 1 << (k[1] % 64)
	}
	return x
}

// at returns those with that key.
func (x *lookup[V]) at(key string) []V {
	if len(key) < 2 || x.begin[key[0]%16]>>(key[1]%64)&1 == 0 {
		return nil
	}
	return x.byKey[key]
}

// lastWord is what follows a path's last slash, or a colon after it.
func lastWord(path string) string {
	last := path[strings.LastIndexByte(path, '/')+1:]
	return last[strings.LastIndexByte(last, ':')+1:]
}

// tail is the end of a host's name: as much as the shortest of our lists has.
func tail(host string) string { return host[max(0, len(host)-len("api.x.ai")):] }

func matchHost(host, known string) bool {
	return host == known || known[0] == '.' && strings.HasSuffix(host, known)
}

// HidesErrors reports whether a success of this request may be a failure: an
// error in the JSON or XML of a 200. h is the request's header. It is true of
// inference calls and of the dialects that are known for it; looking at other
// successes would cost and find nothing.
func HidesErrors(method, host, path string, h http.Header) bool {
	if len(path) > maxPath {
		return false
	}
	switch method {
	case http.MethodGet:
		if !strings.HasSuffix(path, "graphql") {
			return hostHidesErrors(method, host, path) // like most of all requests
		}
	case http.MethodHead, http.MethodOptions, http.MethodDelete, http.MethodTrace, http.MethodConnect:
		return false
	}
	return hostHidesErrors(method, host, path) || pathHidesErrors(method, host, path, h)
}

// hostHidesErrors reports whether that is known of the host.
func hostHidesErrors(method, host, path string) bool {
	for _, p := range hidingHosts.at(tail(host)) {
		if matchHost(host, p.host) && strings.HasPrefix(path, p.path) && (p.method == "" || p.method == method) {
			return true
		}
	}
	return false
}

// pathHidesErrors reports whether that is known of the path, at whatever host.
func pathHidesErrors(method, host, path string, h http.Header) bool {
	if isS3(host) {
		// Deleting many objects and completing an upload are POSTs, copying is
		// a PUT: they answer 200 before they are done.
		return method == http.MethodPost || method == http.MethodPut && h.Get("X-Amz-Copy-Source") != ""
	}
	switch last := path[strings.LastIndexByte(path, '/')+1:]; last {
	case "graphql", "graphql.json", "gql", "_bulk", "_msearch", "_mget":
		return method == http.MethodPost || last == "graphql"
	}
	return method == http.MethodPost && InferenceAt(host, path, h)
}

var hidingHosts = indexed(place.tail, []place{
	{"slack.com", "/api/", ""}, {".slack.com", "/api/", ""},
	{"api.telegram.org", "/", ""},
	{"api.minimax.chat", "/", ""}, {"api.minimaxi.com", "/", ""}, {"api.minimax.io", "/", ""}, {"api.minimaxi.chat", "/", ""},
	{"aip.baidubce.com", "/", ""}, {".tencentcloudapi.com", "/", ""},
	{"api.weixin.qq.com", "/", ""}, {"qyapi.weixin.qq.com", "/", ""}, {"oapi.dingtalk.com", "/", ""}, {"open.feishu.cn", "/", ""},
	{"open.larksuite.com", "/", ""},
	{"oauth.reddit.com", "/api/", http.MethodPost}, {"www.reddit.com", "/api/", http.MethodPost},
	{"maps.googleapis.com", "/maps/api/", ""},
	{"api.cloudflare.com", "/client/v4/graphql", ""},
	{"api.linear.app", "/", http.MethodPost}, {"api.monday.com", "/v2", http.MethodPost},
})

// isS3 knows AWS's own hosts: example.s3.us-east-1.amazonaws.com, s3.amazonaws.com.
func isS3(host string) bool {
	return strings.HasSuffix(host, ".amazonaws.com") &&
		(strings.HasPrefix(host, "s3.") || strings.HasPrefix(host, "s3-") || strings.Contains(host, ".s3.") || strings.Contains(host, ".s3-"))
}
