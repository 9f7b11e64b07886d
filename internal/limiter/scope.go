package limiter

import "github.com/steadyhttp/steadyhttp/limit"

// A Scope tells by its bits which fields of a Key are set beside its Host.
type Scope = uint8

const (
	byRoute Scope = 1 << iota
	byBucket
	byCredential
	byModel

	// AllScopes is how many there are.
	AllScopes
)

// ScopeOf is k's scope.
func ScopeOf(k *limit.Key) (scope Scope) {
	if k.Route != "" {
		scope |= byRoute
	}
	if k.Bucket != "" {
		scope |= byBucket
	}
	if k.Credential != 0 {
		scope |= byCredential
	}
	if k.Model != "" {
		scope |= byModel
	}
	return scope
}

// Within returns what is left of k in that scope.
func Within(k limit.Key, scope Scope) limit.Key {
	if scope&byRoute == 0 {
		k.Route = ""
	}
	if scope&byBucket == 0 {
		k.Bucket = ""
	}
	if scope&byCredential == 0 {
		k.Credential = 0
	}
	if scope&byModel == 0 {
		k.Model = ""
	}
	return k
}
