// Package inner cannot be imported by others.
package inner

const Tokens Unit = 2

type Unit int

type Ask struct {
	Unit Unit
	n    int
}

func (a *Ask) Total() int { return a.n }

type Unseen struct{ Field int }
