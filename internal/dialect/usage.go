package dialect

// A Usage is how many tokens an answer says that a call used.
type Usage struct {
	Input     int64 // all of the input, what came from a cache included
	Output    int64 // all that was generated, reasoning included
	Cached    int64 // the part of Input that came from a cache
	Reasoning int64 // the part of Output that was spent on reasoning
	Free      int64 // the part of Cached that counts towards no limit of tokens
}

// Add takes what another event of the same stream says. Each says what was used up
// to then, or a part of it: Anthropic tells the input first and the output last.
func (u *Usage) Add(v Usage) {
	u.Input, u.Output = max(u.Input, v.Input), max(u.Output, v.Output)
	u.Cached, u.Reasoning, u.Free = max(u.Cached, v.Cached), max(u.Reasoning, v.Reasoning), max(u.Free, v.Free)
}

// usagePlaces are where answers, and the events of a stream, tell the tokens.
var usagePlaces = paths(
	"usage",          // OpenAI and its like, Anthropic, DashScope, Bedrock
	"response.usage", // OpenAI's response.completed
	"message.usage",  // Anthropic's message_start
	"usagemetadata",  // Gemini
	"meta.tokens",    // Cohere, v1
	"meta.billedunits",
	"delta.usage.tokens", // Cohere, v2
	"delta.usage.billedunits",
	"usage.tokens",
	"usage.billedunits",
	"xgroq.usage", // Groq's streams
	"interaction.usage",
	"amazonbedrockinvocationmetrics",
)

// The members in which they tell them.
var (
	inputPaths     = paths("prompttokens", "inputtokens", "prompttokencount", "inputtokencount", "totalinputtokens")
	outputUsed     = paths("completiontokens", "outputtokens", "candidatestokencount", "outputtokencount", "totaloutputtokens")
	cachedPaths    = paths("prompttokensdetails.cachedtokens", "inputtokensdetails.cachedtokens", "cachedcontenttokencount", "promptcachehittokens", "totalcachedtokens")
	reasoningPaths = paths("completiontokensdetails.reasoningtokens", "outputtokensdetails.reasoningtokens")

	// Anthropic and Bedrock tell the input without what concerns a cache.
	pCacheRead  = pathOf("cachereadinputtokens")
	pCacheWrite = pathOf("cachecreationinputtokens")
	pCacheWrote = pathOf("cachewriteinputtokens")
	// Gemini tells the output without the thoughts.
	pThoughts      = pathOf("thoughtstokencount")
	pTotalThoughts = pathOf("totalthoughttokens")

	pEvalIn  = pathOf("promptevalcount") // Ollama
	pEvalOut = pathOf("evalcount")
)

// maxTokens is more than any call takes: what is above is no count.
const maxTokens = 1 << 40

// UsageOf returns how many tokens an answer, or one event of a stream, says that
// the call used; zero where it does not.
func UsageOf(data []byte) Usage {
	if len(data) > maxBody {
		return Usage{}
	}
	r := readers.Get().(*reader)
	defer r.free()
	r.skim(data)
	return r.usage()
}

func (r *reader) usage() (u Usage) {
	t := &r.tree
	if !t.is(1, '{') {
		return u
	}
	for _, p := range usagePlaces {
		if at := t.at(p); t.is(at, '{') {
			u.Add(r.usageIn(at))
		}
	}
	u.Add(Usage{Input: t.tokens(1, pEvalIn), Output: t.tokens(1, pEvalOut)})
	return u
}

// usageIn reads the object that tells the tokens.
func (r *reader) usageIn(at int32) Usage {
	t := &r.tree
	read := t.tokens(at, pCacheRead)
	thoughts := max(t.tokens(at, pThoughts), t.tokens(at, pTotalThoughts))
	u := Usage{
		Input:     t.tokens(at, inputPaths...) + read + max(t.tokens(at, pCacheWrite), t.tokens(at, pCacheWrote)),
		Output:    t.tokens(at, outputUsed...) + thoughts,
		Cached:    t.tokens(at, cachedPaths...) + read,
		Reasoning: t.tokens(at, reasoningPaths...) + thoughts,
		Free:      read,
	}
	u.Cached, u.Reasoning = min(u.Cached, u.Input), min(u.Reasoning, u.Output)
	return u
}

// tokens is the first number that stands at one of ps in the object.
func (t *tree) tokens(at int32, ps ...path) int64 {
	for _, p := range ps {
		if n, ok := t.number(t.from(at, p)); ok && n > 0 && n < maxTokens {
			return int64(n)
		}
	}
	return 0
}

// from is at from another node than the root.
func (t *tree) from(at int32, p path) int32 {
	for _, s := range p.steps {
		if at = t.child(at, s); at == 0 {
			return 0
		}
	}
	return at
}
