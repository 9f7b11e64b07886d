package main

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// durationFields are those of an entry that hold durations.
var durationFields = []string{"retry_after", "waited", "waited_server", "waited_throttled", "time_to_headers", "time_to_first_byte", "duration", "wait", "left_for"}

// isSlogJSON reports whether line is of slog's JSONHandler, which begins with the time
// and writes durations as nanoseconds. zap begins with the level.
func isSlogJSON(line []byte) bool {
	return bytes.HasPrefix(line, []byte(`{"time":"`)) && bytes.Contains(line, []byte(`,"level":"`))
}

// inSeconds makes the durations in m, read from line, seconds, as zap's are, if slog
// wrote them.
func inSeconds(m map[string]any, line string) {
	if !isSlogJSON([]byte(strings.TrimSpace(line))) {
		return
	}
	for _, name := range durationFields {
		if nanos, ok := m[name].(float64); ok {
			m[name] = nanos / 1e9
		}
	}
}

var slogMethod = []byte(" http.request.method=")

// isSlogText reports whether line may be of slog's TextHandler.
func isSlogText(line []byte) bool {
	return line[0] != '{' && bytes.Contains(line, slogMethod)
}

// slogObject returns the entry in line, of slog's TextHandler, as a JSON object. It
// returns nil if line is no such entry, and reports whether it is one that was cut short.
func slogObject(line []byte) (object []byte, broken bool) {
	m := map[string]any{}
	text := string(line)
	if at := strings.Index(text, "time="); at > 0 {
		text = text[at:] // after what Docker and others put there
	}
	for rest := strings.TrimSpace(text); rest != ""; rest = strings.TrimPrefix(rest, " ") {
		key, after, ok := strings.Cut(rest, "=")
		if !ok || strings.ContainsAny(key, " \"") {
			break // a word of somebody's
		}
		var value string
		if value, rest, ok = slogValue(after); !ok {
			broken = true
			break
		}
		switch n, err := strconv.ParseInt(value, 10, 64); {
		case key == "retried_classes":
			m[key] = strings.Fields(strings.Trim(value, "[]"))
		case err == nil && slices.Contains([]string{"http.response.status_code", "attempts", "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"}, key):
			m[key] = n
		default:
			m[key] = value
		}
	}
	if m["http.request.method"] == nil {
		return nil, false
	}
	object, _ = json.Marshal(m) // of texts and numbers, which cannot fail
	return object, broken
}

// slogValue splits what follows a key and its equals sign after the value.
func slogValue(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexByte(s+" ", ' ')
		return s[:end], s[end:], true
	}
	quoted, err := strconv.QuotedPrefix(s)
	if err != nil {
		return "", "", false
	}
	value, err = strconv.Unquote(quoted)
	return value, s[len(quoted):], err == nil
}
