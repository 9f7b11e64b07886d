package limit

import "fmt"

// scopeNames are in the order of Scope's bits.
var scopeNames = [...]string{"host", "credential", "model", "method", "path", "resource", "bucket"}

// A Scope says which requests share a limit or a trouble: those that have all of
// its members in common with the request that met it. The zero Scope says
// nothing.
type Scope uint8

// The members of a Scope.
const (
	ScopeHost Scope = 1 << iota
	ScopeCredential
	ScopeModel
	ScopeMethod   // the API's method: HTTP's, or Slack's
	ScopePath     // of the URL
	ScopeResource // a group of methods, as GitHub's
	ScopeBucket   // what the server calls so, as Discord does
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
