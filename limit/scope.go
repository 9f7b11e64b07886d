package limit

import "fmt"

// scopeNames are in the order of Scope's bits.
var scopeNames = [...]string{"host", "credential", "model", "method", "path", "resource", "bucket"}

// A Scope says which requests share a limit or a failure with a request that met
// it: those that have all of the scope's members in common with it. The members
// are bits, so ScopeCredential|ScopeModel is the requests with the same
// credential and model. The zero Scope means that nothing is known.
type Scope uint8

// The members of a Scope.
const (
	ScopeHost       Scope = 1 << iota // the host, with its port
	ScopeCredential                   // the API key, token or user
	ScopeModel                        // the language model
	ScopeMethod                       // the method: of HTTP, or of the API as at Slack
	ScopePath                         // the path of the URL
	ScopeResource                     // a group of methods that the API defines, as at GitHub
	ScopeBucket                       // a group that the server names in its responses, as at Discord
)

// String returns the members' names, such as "host, credential, model".
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
