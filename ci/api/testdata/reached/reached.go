// Package reached lets its users reach types that they cannot name.
package reached

import "github.com/steadyhttp/steadyhttp/ci/api/testdata/reached/internal/inner"

type Ask = inner.Ask

type Transport struct{ *shared }

type Other struct{ shared }

type shared struct {
	Base  any
	inner int
}

func (s *shared) Close() error { return nil }

type alone struct{ Field int }

var _ = []any{alone{}, shared{inner: 1}}
