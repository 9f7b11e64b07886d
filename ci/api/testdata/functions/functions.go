// Package functions has functions and methods.
package functions

import (
	"net/http"
	"time"
)

func Wait(d time.Duration, more ...string) (waited time.Duration, err error) { return d, nil }

func Map[T, U any](list []T, f func(T) U) []U { return nil }

func Do(*http.Request, any, interface{}) {}

func helper() {}

type Stack[T any] []T

func (s *Stack[T]) Push(v T) {}
func (s Stack[T]) Len() int  { return len(s) }
func (Stack[T]) Empty() bool { return true }
func (s *Stack[T]) grow(int) {}

type quiet int

func (quiet) String() string { return "" }

var _ = []any{helper, quiet(0), (*Stack[int]).grow}
