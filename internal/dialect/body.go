package dialect

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// envelope is the union of the three shapes that most APIs use or imitate:
//
//	OpenAI     {"error": {"message", "type", "param", "code"}}
//	Anthropic  {"type": "error", "error": {"type", "message"}, "request_id"}
//	google.rpc {"error": {"code", "message", "status", "details": […]}}
//
// and of the flat {"message"} that small APIs send.
type envelope struct {
	Type      string          `json:"type"`
	Error     json.RawMessage `json:"error"`
	Message   text            `json:"message"`
	RequestID text            `json:"request_id"`
}

type inner struct {
	Message text `json:"message"`
	Type    text `json:"type"`
	Code    text `json:"code"`
	Param   text `json:"param"`
	Status  text `json:"status"`
	Details []struct {
		Type       string `json:"@type"`
		Reason     string `json:"reason"`
		RetryDelay string `json:"retryDelay"`
	} `json:"details"`
}

// text takes a JSON string or number and ignores anything else, so that one
// field of an unexpected type does not cost us the others.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	switch {
	case len(b) > 0 && b[0] == '"':
		var s string
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
		*t = text(s)
	case len(b) > 0 && (b[0] == '-' || '0' <= b[0] && b[0] <= '9'):
		*t = text(b)
	}
	return nil
}

// readBody takes from an error body what its shape offers. A body that is not
// JSON, or another's JSON, gives a zero Verdict.
func readBody(body []byte) Verdict {
	body = bytes.TrimSpace(body)
	if len(body) == 0 || body[0] != '{' {
		return Verdict{}
	}
	var env envelope
	if json.Unmarshal(body, &env) != nil {
		return Verdict{}
	}
	v := Verdict{Message: string(env.Message), RequestID: string(env.RequestID)}
	if len(env.Error) == 0 {
		return v
	}
	switch env.Error[0] {
	case '"':
		json.Unmarshal(env.Error, &v.Message)
		return v
	case '{':
	default:
		return v
	}
	var in inner
	if err := json.Unmarshal(env.Error, &in); err != nil {
		// A details member of another shape; the plain members are set all the same.
		in.Details = nil
	}
	if in.Message != "" {
		v.Message = string(in.Message)
	}
	v.Param = string(in.Param)
	v.Code = code(in)
	switch {
	case env.Type == "error":
		v.Provider = "anthropic"
	case in.Status != "":
		v.Provider = "google"
	}
	for _, d := range in.Details {
		if strings.HasSuffix(d.Type, "google.rpc.RetryInfo") {
			if wait, err := time.ParseDuration(d.RetryDelay); err == nil {
				v.RetryIn, v.RetryInSource = wait, "google.rpc.RetryInfo"
			}
		}
	}
	return v
}

// code picks the provider's own name for the error: its code unless that only
// repeats the status as a number, else its status or type.
func code(in inner) string {
	if _, err := strconv.Atoi(string(in.Code)); err != nil && in.Code != "" {
		return string(in.Code)
	}
	if in.Status != "" {
		return string(in.Status)
	}
	return string(in.Type)
}
