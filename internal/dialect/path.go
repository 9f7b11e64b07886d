package dialect

import (
	"strconv"
	"strings"
)

// A path leads from the root to a value: "error.details.0.reason". Two dots stand
// before a name that begins with one: "error..tag".
type path struct {
	steps []step
	keys  uint64 // those of the steps, as a tree has them
}

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
			p.steps = append(p.steps, step{index: int32(n)})
		} else {
			key := fold(name)
			p.steps, p.keys = append(p.steps, step{key: key}), p.keys|keyBit(key)
		}
	}
	return p
}

// at follows p and returns a node's index, 0 if there is none.
func (t *tree) at(p path) int32 {
	if t.n == 0 || t.keys&p.keys != p.keys {
		return 0 // most of what is looked for is nowhere
	}
	return t.from(1, p)
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
