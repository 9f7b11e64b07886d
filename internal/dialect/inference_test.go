package dialect

import (
	"cmp"
	"net/http"
	"testing"
)

// Every host and path of the lists is found again, though they are looked up by
// a part of their names.
func TestListsAreFound(t *testing.T) {
	someHost := func(p place) string {
		if p.host[0] == '.' {
			return "some" + p.host
		}
		return p.host
	}
	for key, list := range hidingHosts.byKey {
		for _, p := range list {
			method := cmp.Or(p.method, http.MethodGet)
			if !HidesErrors(method, someHost(p), p.path, nil) {
				t.Errorf("under %q: %s %s%s is not found", key, method, p.host, p.path)
			}
		}
	}
	for key, list := range inferenceHosts.byKey {
		for _, p := range list {
			if !InferenceAt(someHost(p), p.path, nil) {
				t.Errorf("under %q: %s%s is not found", key, p.host, p.path)
			}
		}
	}
	for key, list := range inferencePaths.byKey {
		for _, end := range list {
			if !Inference("/some"+end, nil) {
				t.Errorf("under %q: %s is not found", key, end)
			}
		}
	}
}
