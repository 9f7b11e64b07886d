package dialect

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// An API is a grammar of requests to models. Two servers with the same one understand
// the same body; what stands before the resource in the path is their own.
type API string

// The APIs that are told apart. Their names are for people.
const (
	NoAPI     API = ""
	OpenAI    API = "OpenAI"
	Anthropic API = "Anthropic"
	Gemini    API = "Gemini" // also Vertex AI's
	VertexRaw API = "Vertex AI rawPredict"
	Bedrock   API = "Bedrock"
	Cohere    API = "Cohere"
	Rerank    API = "rerank" // Jina's, Voyage's and others'
	Ollama    API = "Ollama"
)

// An APIPath is a request's path, taken apart: what stands before the resource
// belongs to the server, what follows to the API. All its paths are escaped.
type APIPath struct {
	API API

	path       string
	at         int // where the resource begins, with the version if that is part of it
	core       int // where it begins without
	model, end int // the model's name, if it is part of the path
	azure      int // where /openai begins, at Azure's older paths; -1 if nowhere
}

// openAIResources are the ends of paths. What names an object that a server keeps (a
// file, a batch, a stored response) is none: the object lives where it was made.
var openAIResources = [...]string{
	"/chat/completions", "/fim/completions", "/agents/completions", "/completions", "/responses", "/responses/input_tokens", "/embeddings",
	"/images/generations", "/images/edits", "/images/variations", "/audio/speech", "/audio/transcriptions", "/audio/translations",
	"/moderations", "/models",
}

var (
	anthropicResources = [...]string{"/messages", "/messages/count_tokens", "/complete", "/models"}
	cohereResources    = [...]string{"/chat", "/embed", "/rerank", "/generate", "/summarize", "/classify", "/tokenize", "/detokenize"}
	ollamaResources    = [...]string{"/chat", "/generate", "/embed", "/embeddings"}
)

// APIPathOf takes a path apart, as sent: escaped. A path whose end other APIs have
// too is believed only with more evidence: a host that is known, a header that only
// this API wants, or a version before it.
func APIPathOf(host, path string, h http.Header) APIPath {
	r := APIPath{path: path, azure: -1}
	if len(path) > maxPath || r.google() || r.bedrock(host) || r.anthropic(host, h) || r.ollama() || r.cohere(host) || r.rerank() {
		return r
	}
	r.openAI(host)
	return r
}

func (r *APIPath) is(api API, at, core int) bool {
	r.API, r.at, r.core = api, at, core
	return true
}

// google knows …/models/NAME:verb, of Gemini and of Vertex AI, where what stands
// before it names the project, the location and the publisher.
func (r *APIPath) google() bool {
	i := strings.LastIndex(r.path, "/models/")
	if i < 0 {
		return false
	}
	verb := strings.LastIndexByte(r.path, ':')
	model := i + len("/models/")
	if verb <= model || !slices.Contains(gemini.inferenceAnywhere, r.path[verb:]) || strings.Contains(r.path[model:], "/") {
		return false
	}
	r.model, r.end = model, verb
	at := versionBefore(r.path, i)
	if projects := strings.Index(r.path, "/projects/"); projects >= 0 {
		at = versionBefore(r.path, projects)
	} else if publishers := strings.Index(r.path, "/publishers/"); publishers >= 0 {
		at = versionBefore(r.path, publishers)
	}
	api := Gemini
	if strings.HasSuffix(r.path, "awPredict") {
		api = VertexRaw
	}
	return r.is(api, at, i)
}

// bedrock knows /model/NAME/invoke and its like.
func (r *APIPath) bedrock(host string) bool {
	i := strings.Index(r.path, "/model/")
	if i < 0 || i > 0 && !speaks(host, Bedrock) {
		return false
	}
	model := i + len("/model/")
	name, verb, ok := strings.Cut(r.path[model:], "/")
	if !ok || name == "" {
		return false
	}
	switch verb {
	case "invoke", "invoke-with-response-stream", "converse", "converse-stream", "count-tokens":
		r.model, r.end = model, model+len(name)
		return r.is(Bedrock, i, i)
	}
	return false
}

// anthropic knows /v1/messages. Many APIs send a message to a person with such a
// path: it takes the host, or the header that only Anthropic's wants.
func (r *APIPath) anthropic(host string, h http.Header) bool {
	at, core := r.versioned(anthropicResources[:])
	if at < 0 || r.path[at:core] != "/v1" {
		return false
	}
	switch end := r.path[core:]; {
	case first(h, "Anthropic-Version") != "", end == "/messages/count_tokens":
	case end == "/models", !speaks(host, Anthropic):
		return false
	}
	return r.is(Anthropic, at, core)
}

func (r *APIPath) ollama() bool {
	for _, end := range ollamaResources {
		if before, ok := strings.CutSuffix(r.path, end); ok && strings.HasSuffix(before, "/api") {
			return r.is(Ollama, len(before)-len("/api"), len(before))
		}
	}
	return false
}

func (r *APIPath) cohere(host string) bool {
	at, core := r.versioned(cohereResources[:])
	if at < 0 {
		return false
	}
	switch end := r.path[at:]; {
	case speaks(host, Cohere), end == "/v2/chat", end == "/v1/embed", end == "/v2/embed", end == "/v2/rerank":
		return r.is(Cohere, at, core)
	}
	return false
}

func (r *APIPath) rerank() bool {
	core, ok := strings.CutSuffix(r.path, "/rerank")
	if !ok {
		return false
	}
	return r.is(Rerank, versionBefore(r.path, len(core)), len(core))
}

func (r *APIPath) openAI(host string) {
	for _, end := range openAIResources {
		if !strings.HasSuffix(r.path, end) {
			continue
		}
		at := len(r.path) - len(end)
		before := r.path[:at]
		switch versioned := versionBefore(r.path, at) < at || strings.HasSuffix(before, "/openai") || strings.Contains(before, "/openai/deployments/"); {
		case end == "/models" && !lists(host, before):
			continue
		case speaks(host, OpenAI):
		case versioned, before == "", Inference(r.path, nil):
		default:
			continue
		}
		r.is(OpenAI, at, at)
		if i := strings.LastIndex(before, deployments); i >= 0 && !strings.Contains(before[i+len(deployments):], "/") {
			r.azure, r.model, r.end = i, i+len(deployments), at
		} else if i := len(before) - len("/openai"); i >= 0 && before[i:] == "/openai" {
			r.azure = i
		} else if i := len(before) - len("/openai/v1"); i >= 0 && before[i:] == "/openai/v1" && isAzure(host) {
			r.azure = i
		}
		return
	}
}

// lists reports whether host is known to list its models there, as OpenAI does. Cars
// have models too, and other APIs list theirs in another language.
func lists(host, before string) bool {
	bases := basesAt(host)
	return speaks(host, OpenAI) && (bases == nil || slices.ContainsFunc(bases, func(b base) bool { return b.api == OpenAI && b.matches(before) }))
}

const deployments = "/openai/deployments/"

// versioned finds one of ends, with a version before it.
func (r *APIPath) versioned(ends []string) (at, core int) {
	for _, end := range ends {
		if core := len(r.path) - len(end); core > 0 && r.path[core:] == end {
			if at := versionBefore(r.path, core); at < core {
				return at, core
			}
		}
	}
	return -1, -1
}

// versionBefore returns where the version begins that ends at i: /v1, /v1beta. It is i
// if there is none.
func versionBefore(path string, i int) int {
	at := strings.LastIndexByte(path[:i], '/')
	if at < 0 || i-at < len("/v1") || i-at > len("/v1alpha1") || path[at+1] != 'v' || path[at+2] < '0' || path[at+2] > '9' {
		return i
	}
	return at
}

// Model is the model that the path names, escaped; "" if it names none.
func (r *APIPath) Model() string { return r.path[r.model:r.end] }

// NeedsVersion reports whether a request there has to say which version of the API it
// means, by api-version: at Azure's older paths.
func NeedsVersion(host, path string) bool {
	return strings.Contains(path, deployments) || isAzure(host) && strings.HasPrefix(path, "/models/")
}

// Deployed reports whether the path names a deployment of Azure's.
func (r *APIPath) Deployed() bool { return r.azure >= 0 && r.end > r.model }

// WithModel returns the path with another model, if it names one.
func (r *APIPath) WithModel(model string) string {
	if r.end == r.model || model == "" {
		return r.path
	}
	return r.path[:r.model] + r.escaped(model) + r.path[r.end:]
}

// escaped is a model's name as it stands in a path. SDKs accept Gemini's with and
// without models/ in front; those of Bedrock have colons, which AWS escapes.
func (r *APIPath) escaped(model string) string {
	switch r.API {
	case Gemini, VertexRaw:
		if i := strings.LastIndex(model, "models/"); i >= 0 {
			model = model[i+len("models/"):]
		}
	case Bedrock:
		return strings.ReplaceAll(url.PathEscape(model), ":", "%3A")
	}
	return url.PathEscape(model)
}

// At returns the path of the same resource at another server, whose SDK would be given
// that host and base (escaped, without a closing slash), and whether the model is in
// the body there. model is "" if it stays. What Mismatch refuses has no good answer.
func (r *APIPath) At(host, base, model string) (path string, inBody bool) {
	if r.API == NoAPI {
		return base + r.path, false
	}
	if model != "" && r.end > r.model {
		n := r.renamed(model)
		r = &n
	}
	switch r.API {
	case Gemini, VertexRaw:
		return r.atGoogle(host, base), false
	case Bedrock:
		return base + r.path[r.at:], false
	case OpenAI:
		return r.atOpenAI(host, base)
	}
	// A base that ends in the version, which only some SDKs put there themselves.
	if strings.HasSuffix(base, "/api") && r.API == Ollama || r.API != Ollama && versionBefore(base, len(base)) < len(base) {
		return base + r.path[r.core:], true
	}
	return base + r.path[r.at:], true
}

// renamed is r with another model in its path.
func (r *APIPath) renamed(model string) APIPath {
	n := *r
	n.path = r.WithModel(model)
	grown := len(n.path) - len(r.path)
	n.end += grown
	if n.at > r.model {
		n.at, n.core = n.at+grown, n.core+grown
	}
	return n
}

// atOpenAI: Azure's own SDK is given no path, and puts /openai/deployments/NAME there.
func (r *APIPath) atOpenAI(host, base string) (path string, inBody bool) {
	if r.keepsAzure(host, base) {
		return strings.TrimSuffix(base, "/openai") + r.path[r.azure:], !r.Deployed()
	}
	return base + r.path[r.at:], !strings.Contains(base, deployments)
}

// keepsAzure reports whether base leaves it to the SDK to say which deployment.
func (r *APIPath) keepsAzure(host, base string) bool {
	if r.azure < 0 || strings.Contains(base, deployments) || strings.HasSuffix(base, "/models") || versionBefore(base, len(base)) < len(base) {
		return false
	}
	return isAzure(host) || r.Deployed() && tables().byHost(host) == nil
}

func (r *APIPath) atGoogle(host, base string) string {
	vertex := strings.Index(r.path, "/publishers/")
	whole := r.path[r.at:]
	if vertex >= 0 {
		whole = relocated(whole, host)
	}
	ends := versionBefore(base, len(base)) < len(base) // in a version
	switch {
	case strings.Contains(base, "/publishers/"):
		return base + r.path[r.core:]
	case strings.Contains(base, "/locations/"):
		if vertex >= 0 {
			return base + r.path[vertex:]
		}
		return base + "/publishers/google" + r.path[r.core:]
	case vertex >= 0 && !isGemini(host):
		if version := strings.IndexByte(whole[1:], '/') + 1; ends && versionBefore(whole, version) == 0 {
			whole = whole[version:]
		}
		return base + whole
	case ends:
		return base + r.path[r.core:]
	case vertex >= 0:
		return base + "/v1beta" + r.path[r.core:]
	}
	return base + whole
}

// relocated is a path of Vertex AI's with the location that the host is for: it takes
// no other.
func relocated(path, host string) string {
	location, ok := strings.CutSuffix(host, "-aiplatform.googleapis.com")
	if !ok {
		if location = "global"; host != "aiplatform.googleapis.com" {
			return path
		}
	}
	before, after, ok := strings.Cut(path, "/locations/")
	if !ok {
		return path
	}
	return before + "/locations/" + location + after[max(0, strings.IndexByte(after, '/')):]
}

func isGemini(host string) bool { return host == "generativelanguage.googleapis.com" }
func isVertex(host string) bool { return tables().byHost(host) == gemini && !isGemini(host) }
func isAzure(host string) bool  { return tables().byHost(host) == azure }

// PassingParam reports whether a parameter of a request to a model says how it is to be
// answered, and nothing about who asks: the form of the answer at Google (alt, $alt, prettyPrint,
// fields), the version of the API at Azure, a feature of Anthropic's, a stream.
func PassingParam(name string) bool {
	switch name {
	case "alt", "$alt", "%24alt", "prettyPrint", "fields", "api-version", "beta", "stream":
		return true
	}
	return false
}
