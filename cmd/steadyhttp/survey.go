package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/steadyhttp/steadyhttp"
)

// usualStatuses are those with which a failure of a class usually comes.
var usualStatuses = map[steadyhttp.Class][]int{
	steadyhttp.InvalidRequest: {400, 422},
	steadyhttp.ContextLength:  {400},
	steadyhttp.ContentPolicy:  {400},
	steadyhttp.Authentication: {401},
	steadyhttp.Permission:     {403},
	steadyhttp.Quota:          {402, 403, 429},
	steadyhttp.NotFound:       {404},
	steadyhttp.Conflict:       {409},
	steadyhttp.TooLarge:       {413},
	steadyhttp.RateLimit:      {429, 403},
	steadyhttp.Overloaded:     {503, 529},
	steadyhttp.ServerError:    {500},
	steadyhttp.Unavailable:    {503, 502},
	steadyhttp.Timeout:        {504, 408},
}

// surveyed are the statuses that are tried for an answer without one.
var surveyed = []int{400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 502, 503, 504, 529}

// A possibility is a class that an answer has with some statuses.
type possibility struct {
	Class    string `json:"class"`
	Statuses []int  `json:"statuses,omitempty"`
}

// survey judges an answer whose status is not known by trying those that it may have
// had. The class is told only if headers and body say the same wherever they say
// anything, and no status with which such an answer usually comes says otherwise.
// Else it returns why not, and what the class may be.
func survey(a *answer, r request) (e *steadyhttp.Error, because string, maybe []possibility, others []int) {
	var said steadyhttp.Class
	byStatus := map[int]*steadyhttp.Error{}
	several := false
	add := func(c steadyhttp.Class) {
		if !slices.ContainsFunc(maybe, func(p possibility) bool { return p.Class == c.String() }) {
			maybe = append(maybe, possibility{Class: c.String()})
		}
	}
	for _, status := range surveyed {
		byStatus[status] = judgeAs(a.as(status), r)
	}
	for _, status := range surveyed {
		c := byStatus[status].Class
		usual := func(status int) bool { return byStatus[status] != nil && byStatus[status].Class == c }
		if c == judgeAs(newAnswer(status, http.Header{}, ""), r).Class || !slices.ContainsFunc(usualStatuses[c], usual) {
			continue
		}
		add(c)
		several = several || said != steadyhttp.None && said != c
		said = c
	}
	for _, status := range surveyed {
		if byStatus[status].Class != said {
			others = append(others, status)
		}
	}
	for _, status := range usualStatuses[said] {
		if c := byStatus[status].Class; c != said {
			several = true
			add(c)
		}
	}
	for i := range maybe { // each has one, else it would not be in the list
		for _, status := range surveyed {
			c := byStatus[status].Class
			if c.String() == maybe[i].Class && slices.Contains(usualStatuses[c], status) {
				maybe[i].Statuses = append(maybe[i].Statuses, status)
			}
		}
	}
	switch {
	case said == steadyhttp.None:
		return nil, "the input shows no status, and nothing in it says what kind of failure it is", nil, nil
	case a.mayBeSuccess():
		return nil, "the input shows no status, and its body may be that of a success: it does not look like an error", nil, nil
	case several, len(others) > len(surveyed)/2:
		return nil, "the input shows no status, and what it says means different things with different ones", maybe, nil
	}
	for _, status := range append(slices.Clone(usualStatuses[said]), surveyed...) {
		if found := byStatus[status]; found.Class == said {
			// The status could have proved that nothing was done.
			made := *found
			made.Status, made.Fate = 0, steadyhttp.FateUnknown
			return &made, "", nil, others
		}
	}
	return nil, "", nil, nil // not reached: said is the class with some status
}

// as is a with another status.
func (a *answer) as(status int) *answer {
	b := *a
	b.status = status
	return &b
}

// general reports whether a code leaves open what kind of limit was hit, one for a
// while or one of money: Google says RESOURCE_EXHAUSTED of both.
func general(code string) bool {
	code = strings.ToLower(code)
	return strings.Contains(code, "exhaust") || strings.Contains(code, "quota")
}

var digits = regexp.MustCompile(`^[0-9]+$`)

// codeBody is the body of an answer that says nothing but a code.
func codeBody(code string) string {
	member := map[string]any{"code": code}
	if n, err := strconv.Atoi(code); err == nil {
		member["code"] = n
	}
	body, _ := json.Marshal(map[string]any{"error": member})
	return string(body)
}

// evidence tells what the class goes by: which parts of the answer say the same by
// themselves, and which say otherwise.
func evidence(seen *sighting, r request, e *steadyhttp.Error, inside bool) []string {
	all, explained := parts(seen, r, e, inside)
	if !explained && seen.err == nil && seen.class == "" {
		all = append([]string{"headers and body together"}, all...)
	}
	if seen.class != "" {
		all = append(all, "the class that the error names")
	}
	if seen.err != nil {
		all = append(all, "the words of the error, which net/http and others have for this")
	}
	switch {
	case e.RetryAfterSource == "message":
		all = append(all, "wait: the words of the message")
	case e.RetryAfterSource != "":
		all = append(all, "wait: "+e.RetryAfterSource)
	}
	if e.Fate == steadyhttp.FateRefused {
		if seen.status == http.StatusTooManyRequests {
			all = append(all, "fate: with the status 429 nothing was done")
		} else if e.Provider != "" {
			all = append(all, "fate: "+e.Provider+" documents that nothing was done then")
		}
	}
	return all
}

// parts tells which of code, message and status have a class by themselves. explained
// is whether one has that of the whole.
func parts(seen *sighting, r request, e *steadyhttp.Error, inside bool) (all []string, explained bool) {
	class := e.Class.String()
	say := func(what, by string) {
		switch by {
		case class:
			all = append(all, what)
			explained = true
		case "", "unknown", "invalid_request", "server_error":
		default:
			all = append(all, fmt.Sprintf("%s, which alone would say %s", what, by))
		}
	}
	status := seen.status
	if status == 0 && len(usualStatuses[e.Class]) > 0 {
		status = 418 // which says nothing by itself
	}
	if e.Code != "" {
		say("the code "+e.Code, classOf(map[string]any{"code": e.Code}, status, r, inside))
	}
	if e.Message != "" && e.Message != e.Code && !isJSON(e.Message) {
		say("the words of the message", classOf(map[string]any{"message": e.Message}, status, r, inside))
	}
	if seen.status != 0 && !inside {
		what := fmt.Sprintf("the status %d", seen.status)
		if seen.statusFrom != "" {
			what += " (" + seen.statusFrom + ")"
		}
		say(what, classOf(nil, seen.status, r, inside))
	}
	return all, explained
}

// classOf is the class of an answer to r that has nothing but that error and that
// status; "" if it is no failure.
func classOf(member map[string]any, status int, r request, inside bool) string {
	a := newAnswer(status, http.Header{}, "")
	if member != nil {
		raw, _ := json.Marshal(map[string]any{"error": member})
		a.body = string(raw)
		a.header.Set("Content-Type", "application/json")
	}
	var found *steadyhttp.Error
	if inside {
		found, _, _ = judge(a, request{host: r.host})
	} else {
		found = judgeAs(a, r)
	}
	if found == nil {
		return ""
	}
	return found.Class.String()
}

// toAdd is what would let a survey tell the class.
func toAdd(seen *sighting, r request) []string {
	add := []string{"the status, as in -status 429"}
	if seen.kind == aCode && !digits.MatchString(seen.said()) {
		return append(add, "the message, or the whole body of the response")
	}
	if r.host == "" {
		add = append(add, "the host that answered, as in -host api.openai.com")
	}
	if strings.TrimSpace(seen.body) == "" {
		add = append(add, "the body of the response")
	} else if len(seen.header) == 0 {
		add = append(add, "the headers of the response, as curl -i prints them")
	}
	return add
}
