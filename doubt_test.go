package steadyhttp_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp"
)

const jsonType = "Content-Type: application/json"

// What the body of a request says is no error when it comes back. A single word may be in
// both by accident, and a body that is gone once it was sent cannot be looked at.
func TestErrorThatTheRequestItselfSays(t *testing.T) {
	const busy = "The service is busy"
	rule := []steadyhttp.Rule{{Status: 200, Message: busy, Class: steadyhttp.Overloaded}}
	for _, row := range []struct {
		name     string
		sent     io.Reader
		body     string
		rules    []steadyhttp.Rule
		reported bool
	}{
		{"a string", strings.NewReader(`{"say":"` + busy + `"}`), `{"error":"` + busy + `"}`, nil, false},
		{"bytes", bytes.NewReader([]byte(`{"say":"` + busy + `"}`)), `{"error":"` + busy + `"}`, nil, false},
		{"in XML", strings.NewReader(`<say>` + busy + `</say>`), `<error>` + busy + `</error>`, nil, false},
		{"a buffer", bytes.NewBufferString(`{"say":"` + busy + `"}`), `{"error":"` + busy + `"}`, nil, true},
		{"a stream", io.MultiReader(strings.NewReader(`{"say":"` + busy + `"}`)), `{"error":"` + busy + `"}`, nil, true},
		{"something else", strings.NewReader(`{"say":"hello"}`), `{"error":"` + busy + `"}`, nil, true},
		{"nothing", nil, `{"error":"` + busy + `"}`, nil, true},
		{"a word", strings.NewReader(`{"say":"timeout"}`), `{"error":"timeout"}`, nil, true},
		{"what a Rule looks for", strings.NewReader(`{"say":"` + busy + `"}`), `{"error":"` + busy + `"}`, rule, true},
	} {
		t.Run(row.name, func(t *testing.T) {
			header := jsonType
			if row.body[0] == '<' {
				header = "Content-Type: application/xml"
			}
			req, err := http.NewRequestWithContext(t.Context(), "POST", "https://house.example/texts", row.sent)
			if err != nil {
				t.Fatal(err)
			}
			rt := &steadyhttp.Transport{Base: playing(reply{status: 200, header: header, body: row.body}), Classifier: &steadyhttp.Classifier{Rules: row.rules}}
			resp, err := rt.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			if err := steadyhttp.Check(resp, nil); (err != nil) != row.reported {
				t.Errorf("got %v, want an error: %t", err, row.reported)
			}
			finish(t, resp)
		})
	}
}
