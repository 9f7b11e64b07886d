package main

import (
	"encoding/json"
	"regexp"
	"strconv"
	"strings"
)

var (
	smithyForm = regexp.MustCompile(`(?:^|[\s,:])(?:api error )?([A-Z][A-Za-z0-9]*(?:Exception|Error|Failure|Throttled|Throttling|SlowDown|Denied|Found|Exists|Exceeded|Limit)|Throttling|SlowDown)(?:Error)?: (.*)`)
	genaiForm  = regexp.MustCompile(`Message: (.*?), Status: ([A-Z_]*), Details: (.*)`)
	grpcForm   = regexp.MustCompile(`rpc error: code = (\w+) desc = (.*)`)
	googleForm = regexp.MustCompile(`googleapi: Error [0-9]+: (.*?)(?:, (\w+))?$`)
	kubeForm   = regexp.MustCompile(`Error from server \((\w+)\): (.*)`)
	botoForm   = regexp.MustCompile(`An error occurred \((\w+)\) when calling [^:]*: (.*)`)
	ownForm    = regexp.MustCompile(`steadyhttp: ([a-z_]+): ?(.*)`)
	delayForm  = regexp.MustCompile(`retryDelay:"?([0-9.]+s)`)
	quotaForm  = regexp.MustCompile(`quotaId:"?([A-Za-z0-9_-]+)`)
	resetForm  = regexp.MustCompile(`\[(?:rate reset in|retry after) ([0-9hms.]+)\]`)
)

// saying is a body that says what the text of an SDK's error says.
func saying(line, message string) string {
	said := map[string]any{}
	switch {
	case genaiForm.MatchString(line):
		m := genaiForm.FindStringSubmatch(line)
		said["message"], said["status"] = m[1], m[2]
		var details []any
		if id := quotaForm.FindStringSubmatch(m[3]); id != nil {
			violation := map[string]string{"quotaId": id[1]}
			details = append(details, map[string]any{"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": []any{violation}})
		}
		if delay := delayForm.FindStringSubmatch(m[3]); delay != nil {
			details = append(details, map[string]string{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": delay[1]})
		}
		if details != nil {
			said["details"] = details
		}
	case grpcForm.MatchString(line):
		m := grpcForm.FindStringSubmatch(line)
		said["status"], said["message"] = m[1], m[2]
	case googleForm.MatchString(line):
		m := googleForm.FindStringSubmatch(line)
		said["message"] = m[1]
		if m[2] != "" {
			said["errors"] = []any{map[string]string{"reason": m[2], "message": m[1]}}
		}
	case botoForm.MatchString(line):
		m := botoForm.FindStringSubmatch(line)
		said["code"], said["message"] = m[1], m[2]
	case kubeForm.MatchString(line):
		m := kubeForm.FindStringSubmatch(line)
		said["code"], said["message"] = m[1], m[2]
	case smithyForm.MatchString(line) && (strings.Contains(line, "operation error") || strings.Contains(line, "api error")):
		m := smithyForm.FindStringSubmatch(line)
		said["code"], said["message"] = m[1], m[2]
	default:
		if m := urlForm.FindStringIndex(message); m != nil && requestForm.MatchString(message) {
			message = strings.TrimLeft(message[m[1]:], `": `)
		}
		if _, after, ok := strings.Cut(message, "message: "); ok { // go-openai
			message = after
		}
		said["message"] = message
	}
	body, _ := json.Marshal(map[string]any{"error": said}) // strings and maps of them can always be written
	return string(body)
}

var (
	ownCode  = regexp.MustCompile(`[(, ]code ([^\s,)]+)`)
	ownAfter = regexp.MustCompile(`[(, ]retry after ([0-9hms.µn]+)`)
	ownID    = regexp.MustCompile(`[(, ]request ([^\s,)]+)\)?$`)
	ownBegin = regexp.MustCompile(`^([1-5][0-9]{2})(?: [A-Z][A-Za-z' -]*)?(?:: )?(.*)`)
)

// readOwn reads the text of this library's own error, and the waits in GitHub's.
func (seen *sighting) readOwn(line string) {
	if m := resetForm.FindStringSubmatch(line); m != nil {
		seen.retryAfter(m[1])
	}
	m := ownForm.FindStringSubmatch(line)
	if m == nil {
		return
	}
	seen.kind, seen.class = ownError, m[1]
	rest := m[2]
	if begin := ownBegin.FindStringSubmatch(rest); begin != nil {
		seen.status, _ = strconv.Atoi(begin[1])
		seen.statusFrom, rest = "the text", begin[2]
	}
	said := map[string]string{}
	if i := strings.LastIndex(rest, " ("); i >= 0 && strings.HasSuffix(rest, ")") {
		more := rest[i+1:]
		rest = rest[:i]
		if m := ownCode.FindStringSubmatch(more); m != nil {
			said["code"] = m[1]
		}
		if m := ownAfter.FindStringSubmatch(more); m != nil {
			seen.retryAfter(m[1])
		}
		if m := ownID.FindStringSubmatch(more); m != nil {
			seen.header.Set("X-Request-Id", m[1])
		}
	}
	said["message"] = rest
	body, _ := json.Marshal(map[string]any{"error": said})
	seen.body = string(body)
}
