package steadyhttp

import (
	"fmt"

	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

// scopeNames are in the order of Scope's bits.
var scopeNames = [...]string{"host", "credential", "model", "method", "path", "resource", "bucket"}

// A Scope is the set of what shares a limit or a trouble: who has all of it in
// common with the request that met it is concerned too. The zero Scope says
// nothing.
type Scope uint8

// The members of a Scope.
const (
	ScopeHost       = Scope(dialect.Host)
	ScopeCredential = Scope(dialect.Credential)
	ScopeModel      = Scope(dialect.Model)
	ScopeMethod     = Scope(dialect.Method)   // the API's method: HTTP's, or Slack's
	ScopePath       = Scope(dialect.Path)     // of the URL
	ScopeResource   = Scope(dialect.Resource) // a group of methods, as GitHub's
	ScopeBucket     = Scope(dialect.Bucket)   // what the server calls so, as Discord does
)

// String names the members, such as "credential, host, model".
func (s Scope) String() string {
	text := ""
	for i, name := range scopeNames {
		if s&(1<<i) == 0 {
			continue
		}
		if text != "" {
			text += ", "
		}
		text += name
	}
	if s>>len(scopeNames) != 0 {
		text += fmt.Sprintf(" and %#x", uint8(s>>len(scopeNames)))
	}
	return text
}
