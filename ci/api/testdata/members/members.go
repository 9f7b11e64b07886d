// Package members has types with what belongs to them.
package members

import (
	"context"
	"io"
	"net/http"
	"sync"
)

type Wrapper struct {
	Base    http.RoundTripper
	A, B    int
	Decide  func(req *http.Request, attempt int) (again bool, err error)
	Options struct {
		Name string `json:"name"`
	}

	mu sync.Mutex
}

type Both struct {
	*Wrapper
	io.Reader
	hidden int
}

type Limiter interface {
	io.Closer
	Acquire(ctx context.Context, n int) (wait <-chan struct{}, err error)
	a()
	b()
}

type Doer func(*http.Request) (*http.Response, error)

type Set[K comparable, V any] struct {
	Items map[K]V
}

type Number interface{ ~int | ~float64 }

type Handler = http.HandlerFunc

type List []Doer

type unexported struct{ Field int }

var _ = []any{unexported{}, (*Wrapper).lock, Both{hidden: 1}}

func (w *Wrapper) lock() { w.mu.Lock() }
