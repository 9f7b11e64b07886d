package dialect

import "bytes"

// usagePaths are where answers, and the events of a stream, say how many
// tokens they took, input first.
var usagePaths = [...]struct{ input, output path }{
	{pathOf("usage.prompttokens"), pathOf("usage.completiontokens")},                         // OpenAI and its like
	{pathOf("usage.inputtokens"), pathOf("usage.outputtokens")},                              // Anthropic, OpenAI's responses, DashScope
	{pathOf("message.usage.inputtokens"), pathOf("message.usage.outputtokens")},              // Anthropic's message_start
	{pathOf("response.usage.inputtokens"), pathOf("response.usage.outputtokens")},            // OpenAI's response.completed
	{pathOf("usagemetadata.prompttokencount"), pathOf("usagemetadata.candidatestokencount")}, // Gemini
	{pathOf("meta.billedunits.inputtokens"), pathOf("meta.billedunits.outputtokens")},        // Cohere, v1
	{pathOf("delta.usage.tokens.inputtokens"), pathOf("delta.usage.tokens.outputtokens")},    // Cohere, v2
	{pathOf("xgroq.usage.prompttokens"), pathOf("xgroq.usage.completiontokens")},             // Groq's streams
	{pathOf("promptevalcount"), pathOf("evalcount")},                                         // Ollama
}

// maxTokens is more than any call takes: what is above is no count.
const maxTokens = 1 << 40

// Usage returns how many tokens an answer, or one event of a stream, says that
// the call used; 0 where it does not.
func Usage(data []byte) (input, output int64) {
	// Most events of a stream say nothing about it, and are not read for it.
	if len(data) > maxBody || !bytes.Contains(data, []byte("sage")) && !bytes.Contains(data, []byte("eval_count")) && !bytes.Contains(data, []byte("billed_units")) {
		return 0, 0
	}
	r := readers.Get().(*reader)
	defer r.free()
	r.read(data)
	for i := range usagePaths {
		p := &usagePaths[i]
		in, ok := r.tree.number(r.tree.at(p.input))
		out, also := r.tree.number(r.tree.at(p.output))
		if ok || also {
			return tokens(in), tokens(out)
		}
	}
	return 0, 0
}

func tokens(n float64) int64 {
	if n > 0 && n < maxTokens {
		return int64(n)
	}
	return 0
}
