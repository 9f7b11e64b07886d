package dialect

import "strings"

// scopeOfFailure names what shares the trouble.
func scopeOfFailure(c Class, know []*family, a Answer) (Scope, string) {
	switch c {
	case Overloaded:
		return Host | Model, ""
	case Unavailable:
		return Host, ""
	case Quota, Authentication:
		return Host | Credential, ""
	case RateLimit:
	default:
		return 0, ""
	}
	for _, f := range know {
		if f.scope == 0 {
			continue
		}
		s := f.scope
		name := ""
		if f.scopeHeader != "" {
			if name = a.Header.Get(f.scopeHeader); name == "" {
				s &^= Resource | Bucket
			}
		}
		if f.globalHeader != "" && a.Header.Get(f.globalHeader) != "" {
			s, name = Host|Credential, ""
		}
		if s&Method != 0 && s&Path == 0 {
			name = a.Path[strings.LastIndexByte(a.Path, '/')+1:]
		}
		return s, name
	}
	return Host | Credential | Method | Path, ""
}
