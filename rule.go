package steadyhttp

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// A Rule gives a class to responses that the built-in tables do not know, or
// that you want to be judged differently. It decides the class and with it whether
// a request is worth repeating. The Fate it leaves as it is, unless it goes by Code
// and its Class is RateLimit or Overloaded: then it says that the server did
// nothing, and a write is repeated. A Rule matches a response that meets
// all of its conditions: Host, Status, Header, Code and Message. A condition that is
// zero is met by every response; at least one must be set.
type Rule struct {
	// Host is the request's host without a port, or a parent domain of it.
	Host string

	// Status is the response's status. If it is from 200 to 299, the bodies of
	// such responses are examined within the bounds that Classifier states, and
	// Header, Code or Message must be set to find the error.
	Status int

	// Header is the name of a header that the response must have. With a colon
	// and a text behind the name, the header's value must contain that text, such
	// as "X-Status: busy". Upper and lower case are the same.
	Header string

	// Code is the provider's own code for the error, as in Error.Code, or its
	// number for it, such as "40001".
	Code string

	// Message is a part of the provider's message. Upper and lower case are the
	// same. In a response whose status is a success, only what stands where errors
	// stand is such a message: words of the response's data never match.
	Message string

	// Class is the class of a matching response. It must be set.
	Class Class

	// Hint replaces Error.Hint. "" keeps the built-in one.
	Hint string
}

func validateRules(rules []Rule) error {
	for i, r := range rules {
		switch {
		case r.Host == "" && r.Status == 0 && r.Header == "" && r.Code == "" && r.Message == "":
			return fmt.Errorf("steadyhttp: Classifier.Rules[%d] matches every answer; set its Host, Status, Header, Code or Message", i)
		case r.Class == None || r.Class > Unknown:
			return fmt.Errorf("steadyhttp: Classifier.Rules[%d] has no Class; set the one that its answers are", i)
		case r.Status != 0 && (r.Status < 200 || r.Status > 599) || r.Status == http.StatusNoContent || r.Status == http.StatusPartialContent || r.Status/100 == 3:
			return fmt.Errorf("steadyhttp: Classifier.Rules[%d] can never match: no answer of status %d is looked at", i, r.Status)
		case strings.Contains(r.Host, "/") || strings.Count(r.Host, ":") == 1 || strings.HasPrefix(r.Host, "."):
			return fmt.Errorf("steadyhttp: Classifier.Rules[%d].Host is %q; set a name without scheme, port and leading dot", i, r.Host)
		case r.Status >= 200 && r.Status < 300 && r.Header == "" && r.Code == "" && r.Message == "":
			return fmt.Errorf("steadyhttp: Classifier.Rules[%d] makes every success a failure; set its Code or Message", i)
		}
	}
	return nil
}

// applyRules lets the first rule that matches have the last word on e, whose code
// is number where it is no word.
func applyRules(rules []Rule, resp *http.Response, e *Error, number int) {
	for _, r := range rules {
		if r.matches(resp, e, number) {
			e.Class, e.Hint, e.repeat, e.doubtful = r.Class, r.Hint, 0, false
			e.refused = e.refused || r.Code != "" && (r.Class == RateLimit || r.Class == Overloaded)
			return
		}
	}
}

func (r *Rule) matches(resp *http.Response, e *Error, number int) bool {
	return r.forHost(resp.Request) &&
		(r.Status == 0 || r.Status == resp.StatusCode) &&
		r.forHeader(resp.Header) &&
		(r.Code == "" || r.Code == e.Code || number != 0 && r.Code == strconv.Itoa(number)) &&
		(r.Message == "" || strings.Contains(strings.ToLower(e.Message), strings.ToLower(r.Message)))
}

func (r *Rule) forHeader(h http.Header) bool {
	if r.Header == "" {
		return true
	}
	name, want, _ := strings.Cut(r.Header, ":")
	want = strings.ToLower(strings.TrimSpace(want))
	for _, v := range h.Values(strings.TrimSpace(name)) {
		if strings.Contains(strings.ToLower(v), want) {
			return true
		}
	}
	return false
}

func (r *Rule) forHost(req *http.Request) bool {
	if r.Host == "" {
		return true
	}
	if req == nil || req.URL == nil {
		return false
	}
	host, want := strings.ToLower(req.URL.Hostname()), strings.ToLower(r.Host)
	return host == want || strings.HasSuffix(host, "."+want)
}

// rulesForSuccess reports whether a rule may find an error in this success.
func rulesForSuccess(rules []Rule, req *http.Request, resp *http.Response) bool {
	for i := range rules {
		if rules[i].Status == resp.StatusCode && rules[i].forHost(req) {
			return true
		}
	}
	return false
}

// byHeader reports whether a rule finds an error in a success by its headers alone,
// without its body.
func byHeader(rules []Rule, req *http.Request, resp *http.Response) bool {
	for i := range rules {
		if r := &rules[i]; r.Status == resp.StatusCode && r.Header != "" && r.Code == "" && r.Message == "" && r.forHost(req) && r.forHeader(resp.Header) {
			return true
		}
	}
	return false
}

// rulesForHeader reports whether a rule needs no words of a body.
func rulesForHeader(rules []Rule) bool {
	for i := range rules {
		if rules[i].Header != "" {
			return true
		}
	}
	return false
}
