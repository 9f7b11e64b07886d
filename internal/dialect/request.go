package dialect

import (
	"net/http"
	"strconv"
	"strings"
)

// A Call is what the limits of an API go by in a request to it.
type Call struct {
	Model  string // "" if it names none
	Input  int64  // tokens, estimated
	Output int64  // the most that it may generate, 0 if it sets no bound

	// Stream says that the answer is wanted as a stream.
	Stream bool

	// CacheKey is what the calls of one conversation have in common, so that the
	// provider finds what it cached of their prompt; "" if the request has none.
	CacheKey string
}

const (
	// bytesPerToken: English prose has about four bytes to a token, and so has
	// the JSON around it.
	bytesPerToken = 4

	// A string this long without a space is no text but an image, a sound or a
	// file in base64. It is counted as mediaTokens: what OpenAI and Anthropic
	// charge for a picture of middling size.
	mediaString = 2 << 10
	mediaTokens = 1000

	// maxSize is above any body; what claims more would overflow.
	maxSize = 1 << 50

	// maxModel bounds a model's name, and a cache's key; Bedrock's ARNs are the longest.
	maxModel = 256

	// maxOutput is above what any model generates: a larger bound is a mistake.
	maxOutput = 1 << 24
)

// Read reads a JSON body, or its start; size is the whole body's length. It
// looks at the members of the outermost object alone, and at those objects in
// it that hold the bound of the output.
func Read(body string, size int64) Call {
	var c Call
	size = min(max(size, int64(len(body))), maxSize) // a length that is not known is at least what was read
	w := walker{s: body}
	w.object(&c, true)
	c.Input = (max(size-w.media, 0)+bytesPerToken-1)/bytesPerToken + w.pieces*mediaTokens
	if w.cut {
		// It breaks off in the middle of a piece: the rest is of the same kind.
		c.Input = (int64(len(body))-w.media+bytesPerToken-1)/bytesPerToken + w.pieces*mediaTokens
	}
	return c
}

// Estimate is the input of a request whose body cannot be looked at.
func Estimate(size int64) int64 { return max(1, (min(size, maxSize)+bytesPerToken-1)/bytesPerToken) }

// A walker passes over a JSON text once, without recursion but for one level.
type walker struct {
	s      string
	i      int
	media  int64 // bytes in strings that are no text
	pieces int64 // how many of them
	cut    bool  // the last of them did not end
}

var (
	keyModel  = fold("model")
	keyCache  = fold("prompt_cache_key")
	keyStream = fold("stream")
	keyCaps   = [...]uint64{fold("max_tokens"), fold("max_completion_tokens"), fold("max_output_tokens"), fold("num_predict"), fold("max_tokens_to_sample"), fold("maxTokenCount"), fold("max_new_tokens")}
	keyNested = [...]uint64{fold("generationConfig"), fold("inferenceConfig"), fold("options"), fold("parameters"), fold("textGenerationConfig")}
)

// object reads the members of the object that begins here.
func (w *walker) object(c *Call, outermost bool) {
	w.i = space(w.s, w.i)
	if w.i >= len(w.s) || w.s[w.i] != '{' {
		return
	}
	w.i++
	for {
		w.i = space(w.s, w.i)
		if w.i < len(w.s) && w.s[w.i] == ',' {
			w.i = space(w.s, w.i+1)
		}
		if w.i >= len(w.s) || w.s[w.i] != '"' {
			w.i++ // the end of the object
			return
		}
		name, ok := w.text()
		if w.i = space(w.s, w.i); !ok || w.i >= len(w.s) || w.s[w.i] != ':' {
			w.i = len(w.s)
			return
		}
		w.i = space(w.s, w.i+1)
		if !w.member(fold(name), c, outermost) {
			return
		}
	}
}

// member reads one member's value, and reports whether it ended.
func (w *walker) member(key uint64, c *Call, outermost bool) bool {
	if w.i >= len(w.s) {
		return false
	}
	if outermost {
		for _, k := range keyNested {
			if k == key && w.s[w.i] == '{' {
				w.object(c, false)
				return w.i < len(w.s)
			}
		}
	}
	from := w.i
	if w.s[w.i] == '"' {
		v, ok := w.text()
		switch {
		case !ok || !outermost || len(v) > maxModel:
		case key == keyModel:
			c.Model = strings.Clone(v)
		case key == keyCache:
			c.CacheKey = strings.Clone(v)
		}
		return ok
	}
	if !w.value() {
		return false
	}
	if outermost && key == keyStream {
		c.Stream = strings.TrimSpace(w.s[from:w.i]) == "true"
	}
	for _, k := range keyCaps {
		if k != key {
			continue
		}
		if n, err := strconv.ParseInt(strings.TrimSpace(w.s[from:w.i]), 10, 64); err == nil && n > 0 && n <= maxOutput {
			c.Output = max(c.Output, n)
		}
	}
	return true
}

// text reads the string that begins here, escapes as they are.
func (w *walker) text() (string, bool) {
	end := stringEnd(w.s, w.i)
	from, to := w.i+1, end-1
	if end < 0 {
		w.i, to = len(w.s), len(w.s)
	} else {
		w.i = end
	}
	s := w.s[min(from, len(w.s)):to]
	if len(s) >= mediaString && isMedia(s[:mediaString]) {
		w.media += int64(len(s))
		w.pieces++
		w.cut = end < 0
	}
	return s, end >= 0
}

// isMedia reports whether s can be base64 or a URL of data. Chinese has no
// spaces either, but no byte of base64 is above ASCII.
func isMedia(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == ' ' || s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// value passes over what begins here and is no string.
func (w *walker) value() bool {
	depth := 0
	for w.i < len(w.s) {
		switch w.s[w.i] {
		case '"':
			if _, ok := w.text(); !ok {
				return false
			}
			continue
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return true
			}
			if depth--; depth == 0 {
				w.i++
				return true
			}
		case ',':
			if depth == 0 {
				return true
			}
		}
		w.i++
	}
	return false
}

// modelPaths are where URLs name the model: what follows the first, up to the
// second. Gemini and Vertex AI; Azure; Bedrock; Hugging Face.
var modelPaths = []struct{ before, after string }{
	{"/deployments/", "/"}, {"/models/", ":"}, {"/model/", "/"},
}

// ModelIn returns the model that a URL's path names, "" if it names none.
func ModelIn(path string) string {
	if len(path) > maxPath {
		return ""
	}
	for _, p := range modelPaths {
		_, rest, ok := strings.Cut(path, p.before)
		if !ok {
			continue
		}
		if model, _, ok := strings.Cut(rest, p.after); ok && model != "" && len(model) <= maxModel {
			return model
		}
	}
	return ""
}

// CountsInput reports whether the limits of tokens at host are of input alone.
// Where they are not, what may be generated is reserved as well: OpenAI and its like
// count the larger of an estimate and the bound on the output, Anthropic input and
// output apart, Bedrock the input and max_tokens. That is at worst too much until the
// answer tells.
func CountsInput(host string) bool {
	for f := tables().byHost(host); f != nil; f = f.like {
		if f.countsInput {
			return true
		}
	}
	return false
}

// ScopeOf returns the name of the provider at host, "" if it is not known, and the
// scope of its rate limits. At an unknown host that is the method and path, or the
// model if the request is for one, as at a gateway.
func ScopeOf(method, host, path string, h http.Header) (provider string, s Scope) {
	for f := tables().byHost(host); f != nil; f = f.like {
		if provider == "" {
			provider = f.name
		}
		if f.scope != 0 {
			return provider, f.scope
		}
	}
	if method == http.MethodPost && InferenceAt(host, path, h) {
		return provider, Host | Credential | Model
	}
	return provider, Host | Credential | Method | Path
}

// Punishes reports whether a provider documents that it punishes clients that go on
// after a refusal: GitHub with longer secondary limits, Discord with a ban of the
// address, Slack by disabling the app.
func Punishes(provider string) bool {
	for _, f := range families {
		if f.punishes && f.name == provider {
			return true
		}
	}
	return false
}

// BucketOf names the group of requests that share a limit of scope s, beside host,
// credential and model, as far as a request shows it before its answer. It holds no
// id and no secret: see Route.
func BucketOf(s Scope, method, host, path string) string {
	switch {
	case s&(Resource|Bucket) != 0:
		for f := tables().byHost(host); f != nil; f = f.like {
			if f.bucket != nil {
				return f.bucket(method, path)
			}
		}
		return Route(method, path)
	case s&Method != 0 && s&Path != 0:
		return Route(method, path)
	case s&Path != 0:
		return Route("", path)
	case s&Method != 0:
		return Route("", path[strings.LastIndexByte(path, '/')+1:]) // Slack's chat.postMessage
	}
	return ""
}
