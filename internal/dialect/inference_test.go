package dialect

import (
	"cmp"
	"net/http"
	"testing"
)

// Every place and path is found again, though they are looked up by a part of
// their names.
func TestPlacesAreFound(t *testing.T) {
	for _, f := range families {
		for _, p := range placesOf(f, f.hidesErrors) {
			if p.hostIs != nil {
				continue // TestHidesErrors has hosts for these
			}
			h := http.Header{}
			if p.header != "" {
				h.Set(p.header, "x")
			}
			if method := cmp.Or(p.method, http.MethodGet); !HidesErrors(method, someHost(p.host), p.path, h) {
				t.Errorf("%s: %s %s%s is not found", f.name, method, p.host, p.path)
			}
		}
		for _, last := range f.hidesErrorsAnywhere {
			if !HidesErrors(http.MethodPost, "api.example.com", "/some/"+last, nil) {
				t.Errorf("%s: %s is not found", f.name, last)
			}
		}
		for _, p := range placesOf(f, f.inference) {
			if !InferenceAt(someHost(p.host), p.path, nil) {
				t.Errorf("%s: %s%s is not found", f.name, p.host, p.path)
			}
		}
		for _, end := range f.inferenceShaped {
			if !InferenceShaped("/some"+end) || Inference("/some"+end, nil) {
				t.Errorf("%s: %s is not found, or found by its path alone", f.name, end)
			}
		}
		for _, end := range f.inferenceAnywhere {
			if !Inference("/some"+end, nil) {
				t.Errorf("%s: %s is not found", f.name, end)
			}
		}
	}
}
