package dialect

// A LongUsage finds the tokens in a JSON object that is too long to be kept: it is
// fed with the text, keeps none of it but the objects that tell tokens, and looks at
// each byte once.
type LongUsage struct {
	usage Usage

	depth   int
	path    [usageDepth]uint64 // the member that is being read, by depth
	text    bool               // inside of a string
	escaped bool               // the byte before was a backslash in it
	key     uint64             // of the string that is being read, or was read last

	kept   []byte // of the object that tells tokens
	keeps  bool
	place  string // what is put before it, see tells
	keptAt int    // its depth
	number []byte
}

const (
	usageDepth = 3       // nobody tells tokens deeper
	maxUsage   = 4 << 10 // of the object, with its details; the largest that we know has 700 bytes
)

var (
	keyUsage   = fold("usage")
	keyMeta    = fold("usageMetadata")
	keyBilled  = fold("meta") // Cohere, v1
	keyMetrics = fold("amazon-bedrock-invocationMetrics")
	keyTop     = map[uint64]bool{fold("response"): true, fold("message"): true, fold("x_groq"): true, fold("delta"): true, fold("interaction"): true}
	keyEvalIn  = fold("prompt_eval_count")
	keyEvalOut = fold("eval_count")
)

// Usage is what was told by now.
func (l *LongUsage) Usage() Usage { return l.usage }

// Feed takes the next bytes of the text.
func (l *LongUsage) Feed(p []byte) {
	for _, c := range p {
		if l.keeps && len(l.kept) < maxUsage {
			l.kept = append(l.kept, c)
		}
		l.next(c)
	}
}

func (l *LongUsage) next(c byte) {
	if l.text {
		switch {
		case l.escaped:
			l.escaped = false
			l.key = foldByte(l.key, c)
		case c == '\\':
			l.escaped = true
			l.key = foldByte(l.key, c)
		case c == '"':
			l.text = false
		default:
			l.key = foldByte(l.key, c)
		}
		return
	}
	switch c {
	case '"':
		l.text, l.key = true, foldOffset
	case ':':
		if l.depth > 0 && l.depth <= usageDepth {
			l.path[l.depth-1] = l.key
		}
		l.number = l.number[:0]
	case '{', '[':
		if c == '{' && !l.keeps {
			if l.place = l.tells(); l.place != "" {
				l.keeps, l.keptAt, l.kept = true, l.depth, append(l.kept[:0], c)
			}
		}
		if l.depth < usageDepth {
			l.path[l.depth] = 0
		}
		l.depth++
	case '}', ']':
		l.count()
		if l.depth > 0 {
			l.depth--
		}
		if l.keeps && l.depth == l.keptAt {
			l.keeps = false
			l.usage.Add(UsageOf(append(append([]byte(l.place), l.kept...), '}')))
		}
	case ',':
		l.count()
	default:
		if l.depth == 1 && (l.path[0] == keyEvalIn || l.path[0] == keyEvalOut) && len(l.number) < 16 && c > ' ' {
			l.number = append(l.number, c)
		}
	}
}

// tells returns the beginning of a JSON object whose member is the object that begins
// here, if that tells tokens, else "".
func (l *LongUsage) tells() string {
	switch {
	case l.depth == 1 && l.path[0] == keyBilled:
		return `{"meta":`
	case l.depth == 1 && (l.path[0] == keyUsage || l.path[0] == keyMeta || l.path[0] == keyMetrics),
		l.depth == 2 && l.path[1] == keyUsage && keyTop[l.path[0]]:
		return `{"usage":`
	}
	return ""
}

// count takes a number that stands by itself, as Ollama's do.
func (l *LongUsage) count() {
	if len(l.number) == 0 {
		return
	}
	var n int64
	for _, c := range l.number {
		if c < '0' || c > '9' {
			n = 0
			break
		}
		n = n*10 + int64(c-'0')
	}
	if l.number = l.number[:0]; n >= maxTokens {
		return
	}
	if l.path[0] == keyEvalIn {
		l.usage.Add(Usage{Input: n})
	} else {
		l.usage.Add(Usage{Output: n})
	}
}
