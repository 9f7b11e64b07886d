package steadyhttp_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp"
)

// classes are all that there are, by name, with whether the same request can
// succeed later by itself.
var classes = []struct {
	class     steadyhttp.Class
	name      string
	retryable bool
}{
	{steadyhttp.None, "none", false},
	{steadyhttp.InvalidRequest, "invalid_request", false},
	{steadyhttp.ContextLength, "context_length", false},
	{steadyhttp.ContentPolicy, "content_policy", false},
	{steadyhttp.Authentication, "authentication", false},
	{steadyhttp.Permission, "permission", false},
	{steadyhttp.Quota, "quota", false},
	{steadyhttp.NotFound, "not_found", false},
	{steadyhttp.Conflict, "conflict", false}, // only if the server says so
	{steadyhttp.TooLarge, "too_large", false},
	{steadyhttp.RateLimit, "rate_limit", true},
	{steadyhttp.Overloaded, "overloaded", true},
	{steadyhttp.ServerError, "server_error", true},
	{steadyhttp.Unavailable, "unavailable", true},
	{steadyhttp.Timeout, "timeout", true},
	{steadyhttp.Connection, "connection", true},
	{steadyhttp.TLS, "tls", false},
	{steadyhttp.Canceled, "canceled", false},
	{steadyhttp.Unknown, "unknown", false},
}

func TestClassNameAndRetryable(t *testing.T) {
	for _, row := range classes {
		t.Run(row.name, func(t *testing.T) {
			if got := row.class.String(); got != row.name {
				t.Errorf("String: got %q, want %q", got, row.name)
			}
			if got := row.class.Retryable(); got != row.retryable {
				t.Errorf("Retryable: got %v, want %v", got, row.retryable)
			}
		})
	}
}

func TestEveryClassIsExplained(t *testing.T) {
	for _, row := range classes {
		if row.class == steadyhttp.None {
			continue // no failure has neither causes nor solutions
		}
		t.Run(row.name, func(t *testing.T) {
			if row.class.Description() == "" {
				t.Error("Description: got nothing, want a few words")
			}
			for _, list := range []struct {
				name  string
				lines []string
			}{{"Causes", row.class.Causes()}, {"Solutions", row.class.Solutions()}} {
				if len(list.lines) == 0 {
					t.Errorf("%s: got none, want some", list.name)
				}
				for i, line := range list.lines {
					if strings.TrimSpace(line) == "" || slices.Contains(list.lines[:i], line) {
						t.Errorf("%s: line %d is %q; want each line to say something of its own", list.name, i, line)
					}
				}
			}
		})
	}
}

// The cheat sheet that client developers work from, line by line. A line is
// there if one line of ours holds all its telling words; small words and the
// form of verbs may differ.
func TestCheatSheet(t *testing.T) {
	const (
		description = "description"
		cause       = "cause"
		solution    = "solution"
	)
	for _, row := range []struct {
		status int
		kind   string
		line   string
		words  string // space-separated beginnings of words
	}{
		{400, description, "Malformed request or invalid parameters", "malformed request invalid parameter"},
		{400, cause, "Malformed JSON", "malformed json"},
		{400, cause, "Missing required parameters", "missing required parameter"},
		{400, cause, "Incorrect parameter types", "incorrect parameter type"},
		{400, cause, "Parameter values out of range", "parameter value out range"},
		{400, solution, "Validate request body JSON format", "validate request body json format"},
		{400, solution, "Verify all required parameters are present", "verify all required parameter present"},
		{400, solution, "Ensure parameter types are correct", "ensure parameter type correct"},
		{400, solution, "Review API documentation for constraints", "review api documentation constraint"},

		{401, description, "Authentication failed or invalid credentials", "authentication failed invalid credential"},
		{401, cause, "API key missing or incorrect", "api key missing incorrect"},
		{401, cause, "API key expired", "api key expired"},
		{401, cause, "Malformed Authorization header", "malformed authorization header"},
		{401, cause, "API key not activated", "api key not activated"},
		{401, solution, "Check Authorization header", "check authorization header"},
		{401, solution, "Confirm API key is correct", "confirm api key correct"},
		{401, solution, "Regenerate API key", "regenerate api key"},
		{401, solution, "Validate Bearer token format", "validate bearer token format"},

		{403, description, "No permission to access the requested resource", "no permission access requested resource"},
		{403, cause, "Insufficient balance", "insufficient balance"},
		{403, cause, "Insufficient API key permissions", "insufficient api key permission"},
		{403, cause, "Accessing a restricted model", "access restricted model"},
		{403, cause, "Account suspended", "account suspended"},
		{403, solution, "Check account balance", "check account balance"},
		{403, solution, "Verify API permission settings", "verify api permission setting"},
		{403, solution, "Upgrade to an appropriate plan", "upgrade appropriate plan"},
		{403, solution, "Contact support for assistance", "contact support assistance"},

		{404, description, "Requested resource not found", "requested resource not found"},
		{404, cause, "Incorrect API endpoint URL", "incorrect api endpoint url"},
		{404, cause, "Incorrect model name", "incorrect model name"},
		{404, cause, "Incorrect API version", "incorrect api version"},
		{404, cause, "Resource has been deleted", "resource deleted"},
		{404, solution, "Check request URL spelling", "check request url spelling"},
		{404, solution, "Confirm model name", "confirm model name"},
		{404, solution, "Use the correct API version", "use correct api version"},
		{404, solution, "See the latest API documentation", "see latest api documentation"},

		{429, description, "Request rate exceeds limits", "request rate exceed limit"},
		{429, cause, "Exceeded RPM limit", "exceed rpm limit"},
		{429, cause, "Exceeded TPM limit", "exceed tpm limit"},
		{429, cause, "Too many concurrent requests", "too many concurrent request"},
		{429, cause, "Burst of requests in a short time", "burst request short time"},
		{429, solution, "Implement client-side throttling", "implement client-side throttling"},
		{429, solution, "Use exponential backoff", "use exponential backoff"},
		{429, solution, "Batch requests", "batch request"},
		{429, solution, "Upgrade plan for higher limits", "upgrade plan higher limit"},

		{500, description, "Internal server error", "internal server error"},
		{500, cause, "Server processing exception", "server processing exception"},
		{500, cause, "Internal service failure", "internal service failure"},
		{500, cause, "Resource exhaustion", "resource exhaustion"},
		{500, cause, "Unknown system error", "unknown system error"},
		{500, solution, "Retry the request later", "retry request later"},
		{500, solution, "Record the error ID", "record error id"},
		{500, solution, "Contact technical support", "contact technical support"},
		{500, solution, "Check service status page", "check service status page"},

		{503, description, "Service temporarily unavailable", "service temporarily unavailable"},
		{503, cause, "The service may be under maintenance", "maintenance"},
		{503, solution, "Retry after a few minutes", "retry after few minutes"},
	} {
		t.Run(http.StatusText(row.status)+"/"+row.kind+"/"+row.line, func(t *testing.T) {
			class := asError(t, plainAnswer(row.status, "", ""), nil).Class
			lines := map[string][]string{
				description: {class.Description()},
				cause:       class.Causes(),
				solution:    class.Solutions(),
			}[row.kind]
			says := func(line string) bool { return hasWords(line, row.words) }
			if !slices.ContainsFunc(lines, says) {
				t.Errorf("class %v, %s: got %q, want a line with the words %q", class, row.kind, lines, row.words)
			}
		})
	}
}

// hasWords reports whether line has, for each of the words, one that begins
// with it, whatever the case.
func hasWords(line, words string) bool {
	have := strings.FieldsFunc(strings.ToLower(line), func(r rune) bool { return strings.ContainsRune(" ,;.()", r) })
	for _, want := range strings.Fields(words) {
		begins := func(w string) bool { return strings.HasPrefix(w, want) }
		if !slices.ContainsFunc(have, begins) {
			return false
		}
	}
	return true
}

func TestClassOutOfRangeIsUnknown(t *testing.T) {
	for _, class := range []steadyhttp.Class{steadyhttp.Unknown + 1, 100, 255} {
		if got, want := class.String(), "unknown"; got != want {
			t.Errorf("Class(%d).String: got %q, want %q", uint8(class), got, want)
		}
		if class.Retryable() {
			t.Errorf("Class(%d).Retryable: got true, want false", uint8(class))
		}
		if got, want := class.Description(), steadyhttp.Unknown.Description(); got != want {
			t.Errorf("Class(%d).Description: got %q, want %q", uint8(class), got, want)
		}
		if got, want := class.Causes(), steadyhttp.Unknown.Causes(); !slices.Equal(got, want) {
			t.Errorf("Class(%d).Causes: got %q, want %q", uint8(class), got, want)
		}
		if got, want := class.Solutions(), steadyhttp.Unknown.Solutions(); !slices.Equal(got, want) {
			t.Errorf("Class(%d).Solutions: got %q, want %q", uint8(class), got, want)
		}
		if (&steadyhttp.Error{Class: class}).UserMessage() == "" {
			t.Errorf("Class(%d): got no UserMessage, want one", uint8(class))
		}
	}
}

func TestClassListsMayBeChanged(t *testing.T) {
	for _, list := range []struct {
		name string
		of   func(steadyhttp.Class) []string
	}{
		{"Causes", steadyhttp.Class.Causes},
		{"Solutions", steadyhttp.Class.Solutions},
	} {
		first := list.of(steadyhttp.RateLimit)
		want := first[0]
		first[0] = "changed"
		_ = append(first[:1], "changed too")
		if got := list.of(steadyhttp.RateLimit)[0]; got != want {
			t.Errorf("%s after a caller changed its copy: got %q, want %q", list.name, got, want)
		}
		if got := list.of(steadyhttp.RateLimit)[1]; got == "changed too" {
			t.Errorf("%s after a caller appended to its copy: got %q", list.name, got)
		}
	}
}
