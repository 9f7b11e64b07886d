package dialect

import (
	"strconv"
	"strings"
)

// A path leads from the root to a value: "error.details.0.reason". Two dots stand
// before a name that begins with one: "error..tag".
type path []step

type step struct {
	key   uint64
	index int32 // of an array's element, if key is 0
}

func paths(list ...string) []path {
	all := make([]path, len(list))
	for i, s := range list {
		all[i] = pathOf(s)
	}
	return all
}

func pathOf(s string) path {
	var p path
	dot := false
	for name := range strings.SplitSeq(s, ".") {
		if name == "" {
			dot = true
			continue
		}
		if dot {
			name, dot = "."+name, false
		}
		if n, err := strconv.Atoi(name); err == nil {
			p = append(p, step{index: int32(n)})
		} else {
			p = append(p, step{key: fold(name)})
		}
	}
	return p
}

// at follows p and returns a node's index, 0 if there is none.
func (t *tree) at(p path) int32 {
	if t.n == 0 {
		return 0
	}
	at := int32(1)
	for _, s := range p {
		if at = t.child(at, s); at == 0 {
			return 0
		}
	}
	return at
}

func (t *tree) child(at int32, s step) int32 {
	kind := t.nodes[at].kind
	if s.key != 0 {
		if kind != '{' || !t.mayHave(s.key) {
			return 0
		}
		for c := t.nodes[at].down; c != 0; c = t.nodes[c].next {
			if t.nodes[c].key == s.key {
				return c
			}
		}
		return 0
	}
	if kind != '[' {
		return 0
	}
	c := t.nodes[at].down
	for i := int32(0); i < s.index && c != 0; i++ {
		c = t.nodes[c].next
	}
	return c
}
