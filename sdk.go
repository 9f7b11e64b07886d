package steadyhttp

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// elsewhere reports whether err holds a response with another status, so that it is
// about another request. A status alone is no proof: SDKs take theirs from the body.
func elsewhere(err error, status int) bool {
	left := maxChain
	s := lookIntoChain(err, nil, &left)
	return s != nil && s.resp != nil && s.resp.StatusCode != status
}

// maxChain bounds how many errors of a chain, or of a tree of joined ones, are
// looked at.
const maxChain = 64

// errorInside is the verdict on the failed response that an SDK's typed error was
// made of, nil if err holds none. SDKs keep the response itself, or its status,
// code and message, in fields whose names are much the same everywhere, so that
// nothing has to be imported to find them.
//
// What is found is what the SDK read; it is believed only where it is a status of
// a failure. Only Check asks: what a transport reports is no response to its
// request, even if it holds one, as that of a failed fetch of a token.
func errorInside(err error) *Error {
	left := maxChain
	s := lookIntoChain(err, nil, &left)
	if s == nil {
		return nil
	}
	e := s.verdict()
	if e == nil {
		return nil
	}
	found := *e
	found.Err = err
	return &found
}

// lookIntoChain goes down err's chain. outer is what the errors around err hold, nil
// for nothing. A response is better evidence than a status, and a status further
// down is nearer to the wire: one further up may be what a service makes of it for
// its own callers. What stands beside neither belongs to the one above it, as AWS's
// code does, which is the cause of the error that has the response.
func lookIntoChain(err error, outer *sdkError, left *int) *sdkError {
	for err != nil && *left > 0 {
		*left--
		s := readSDKError(err)
		switch {
		case s == nil:
		case (s.resp != nil || s.failed()) && (outer == nil || outer.resp == nil):
			outer = s
		case outer != nil:
			outer.fill(s)
		}
		branches, next := causes(err)
		for _, branch := range branches {
			var copied *sdkError
			if outer != nil {
				c := *outer
				copied = &c
			}
			if s := lookIntoChain(branch, copied, left); s != nil {
				return s
			}
		}
		err = next
	}
	return outer
}

// causes are what err wraps. A nil pointer in an interface has none, although its
// method may panic when it is asked.
func causes(err error) (several []error, one error) {
	defer func() {
		if recover() != nil {
			several, one = nil, nil
		}
	}()
	switch u := err.(type) {
	case interface{ Unwrap() error }:
		return nil, u.Unwrap()
	case interface{ Unwrap() []error }:
		return u.Unwrap(), nil
	}
	return nil, nil
}

// An sdkError is what the fields of an SDK's error say.
type sdkError struct {
	resp    *http.Response
	status  int
	header  http.Header
	body    []byte
	request *http.Request
	wait    time.Duration

	code, kind, reason, message, param, requestID string
	details                                       any // a list, as it was in the JSON
}

// readSDKError returns what err itself holds, nil for nothing.
func readSDKError(err error) (s *sdkError) {
	defer func() {
		if recover() != nil { // a stranger's method
			s = nil
		}
	}()
	if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.IsNil() {
		return nil
	}
	s = new(sdkError)
	if v := structOf(reflect.ValueOf(err)); v.IsValid() {
		s.fields(v, 0)
		if s.status == 0 && s.resp == nil && s.wait > 0 && strings.Contains(v.Type().Name(), "RateLimit") {
			s.status = http.StatusTooManyRequests // of slack-go there is no more than the type's name and the wait
		}
	}
	s.methods(err)
	return s
}

// failed reports whether s has the status of a failure.
func (s *sdkError) failed() bool { return s.status >= 400 && s.status <= 599 }

// fill takes from s what t leaves open.
func (t *sdkError) fill(s *sdkError) {
	if t.code == "" && t.kind == "" && t.message == "" && len(t.body) == 0 {
		t.code, t.kind, t.reason, t.message, t.param, t.details, t.body = s.code, s.kind, s.reason, s.message, s.param, s.details, s.body
	}
	if t.requestID == "" {
		t.requestID = s.requestID
	}
	if t.request == nil {
		t.request = s.request
	}
}

// verdict judges what s holds. A verdict that was given on the way stands. If the
// SDK has read the body away, its fields say what was in it.
func (s *sdkError) verdict() *Error {
	switch {
	case s.resp == nil && s.failed():
		return judgeLater(s.response())
	case s.resp == nil:
		return nil
	}
	if e := verdictOn(s.resp); e != nil {
		return e
	}
	if !failed(s.resp) {
		return nil
	}
	if s.resp.Body != nil {
		if e := judgeLater(s.resp); len(e.Body) > 0 || !s.speaks() {
			return e
		}
	}
	s.status = s.resp.StatusCode
	if s.resp.Header != nil {
		s.header = s.resp.Header
	}
	if s.resp.Request != nil {
		s.request = s.resp.Request
	}
	return judgeLater(s.response())
}

// speaks reports whether the fields say anything of what was in the body.
func (s *sdkError) speaks() bool {
	return s.code != "" || s.kind != "" || s.message != "" || s.reason != "" || len(s.body) > 0
}

// response is the response that the fields tell of.
func (s *sdkError) response() *http.Response {
	body := s.body
	header := s.header.Clone()
	if header == nil {
		header = http.Header{}
	}
	if len(body) == 0 && s.speaks() {
		member := map[string]any{}
		for name, value := range map[string]string{"code": s.code, "type": s.kind, "status": s.reason, "message": s.message, "param": s.param} {
			if value != "" {
				member[name] = value
			}
		}
		if s.details != nil {
			member["details"] = s.details
		}
		said := map[string]any{"error": member}
		if s.requestID != "" {
			said["request_id"] = s.requestID
		}
		body, _ = json.Marshal(said) // what cannot be written is judged by its status
		header.Del("Content-Encoding")
	}
	if s.wait > 0 && header.Get("Retry-After") == "" {
		header.Set("Retry-After-Ms", strconv.FormatInt(s.wait.Milliseconds(), 10))
	}
	return &http.Response{
		StatusCode: s.status, Header: header, Request: s.request,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// methods reads what SDKs tell by methods: those of AWS, and the raw JSON of
// generated ones. A field wins.
func (s *sdkError) methods(err error) {
	if m, ok := err.(interface{ ErrorCode() string }); ok && s.code == "" {
		s.code = m.ErrorCode()
	}
	if m, ok := err.(interface{ ErrorMessage() string }); ok && s.message == "" {
		s.message = m.ErrorMessage()
	}
	if m, ok := err.(interface{ RawJSON() string }); ok && len(s.body) == 0 {
		s.rawJSON(m.RawJSON())
	}
	if s.status != 0 {
		return
	}
	switch m := err.(type) {
	case interface{ HTTPStatusCode() int }:
		s.status = m.HTTPStatusCode()
	case interface{ StatusCode() int }:
		s.status = m.StatusCode()
	}
}

// rawJSON takes the JSON that a generated SDK keeps: OpenAI's has the inner object
// of the body, Anthropic's all of it.
func (s *sdkError) rawJSON(raw string) {
	var object map[string]json.RawMessage
	if json.Unmarshal([]byte(raw), &object) != nil || len(object) == 0 {
		return
	}
	if _, whole := object["error"]; whole {
		s.body = []byte(raw)
	} else {
		s.body = []byte(`{"error":` + raw + `}`)
	}
}

// maxDepth bounds how far structs within structs are followed: AWS's SDK has the
// response in the second.
const maxDepth = 3

// fields reads the exported fields of v, embedded structs included. A field of an
// unexpected type says nothing.
func (s *sdkError) fields(v reflect.Value, depth int) {
	t := v.Type()
	code := 0 // of a field that is called Code, where it is a number
	for i := range t.NumField() {
		f, field := v.Field(i), t.Field(i)
		switch {
		case !field.IsExported():
		case s.byType(f, field.Name):
		case structOf(f).IsValid():
			s.inner(f, field, depth)
		case field.Name == "Code" && number(f) != 0:
			code = number(f)
		default:
			s.byName(f, field.Name)
		}
	}
	switch {
	case code == 0:
	case s.status == 0 && t.Field(0).Name == "Code" && (has(t, "Details") || has(t, "Header")):
		s.status = code // Google's. What else is a number and called Code is anybody's, SMTP's for one.
	default:
		s.code = strconv.Itoa(code)
	}
}

// byType takes a field whose type says what it is. It reports whether it was one.
func (s *sdkError) byType(f reflect.Value, name string) bool {
	switch x := f.Interface().(type) {
	case *http.Response:
		if s.resp == nil && x != nil {
			s.resp = x
		}
	case *http.Request:
		if x != nil {
			s.request = x
		}
	case http.Header:
		s.header = x
	case time.Duration:
		if name == "RetryAfter" {
			s.wait = x
		}
	default:
		return false
	}
	return true
}

// inner reads a struct in a field, if errors have such a one.
func (s *sdkError) inner(f reflect.Value, field reflect.StructField, depth int) {
	switch v := structOf(f); {
	case depth >= maxDepth:
	case field.Name == "ErrStatus": // Kubernetes keeps the whole body
		s.body, _ = json.Marshal(f.Interface())
		s.status = number(v.FieldByName("Code"))
	case field.Anonymous || field.Name == "Response" || field.Name == "ErrorCause": // the last is Elasticsearch's
		s.fields(v, depth+1)
	}
}

// byName takes a field whose name says what it is.
func (s *sdkError) byName(f reflect.Value, name string) {
	switch name {
	case "StatusCode", "HTTPStatusCode", "HTTPCode":
		s.status = max(s.status, number(f))
	case "Code", "ErrorCode":
		s.code = text(f)
	case "Type":
		s.kind = text(f)
	case "Status", "Reason":
		if n := number(f); n != 0 && s.status == 0 {
			s.status = n
		} else if said := text(f); said != "" && (said[0] < '0' || said[0] > '9') { // else it is the status line
			s.reason = said
		}
	case "Message", "Msg", "ErrorMessage":
		s.message = text(f)
	case "Param":
		s.param = text(f)
	case "RequestID":
		s.requestID = text(f)
	case "URL":
		if u, err := url.Parse(text(f)); err == nil && u.Host != "" && s.request == nil {
			s.request = &http.Request{URL: u, Header: http.Header{}}
		}
	case "Body", "ResponseBody":
		s.body = textOrBytes(f)
	case "Details":
		switch x := f.Interface().(type) {
		case []map[string]any:
			s.details = x
		case []any:
			s.details = x
		}
	case "Errors":
		s.list(f)
	}
}

// list reads the first of several errors: its reason at Google, its text at Vault.
func (s *sdkError) list(f reflect.Value) {
	if f.Kind() != reflect.Slice || f.Len() == 0 {
		return
	}
	first := f.Index(0)
	if said := text(first); said != "" && s.message == "" {
		s.message = said
	}
	if item := structOf(first); item.IsValid() && s.code == "" {
		if reason := item.FieldByName("Reason"); reason.IsValid() {
			s.code = text(reason)
		}
	}
}

func has(t reflect.Type, field string) bool {
	_, ok := t.FieldByName(field)
	return ok
}

// maxPointers is how many pointers and interfaces are followed to a value: one
// each, as a rule.
const maxPointers = 3

// pointedTo is what v is in the end; invalid where that is nil.
func pointedTo(v reflect.Value) reflect.Value {
	for range maxPointers {
		if v.Kind() != reflect.Pointer && v.Kind() != reflect.Interface {
			break
		}
		v = v.Elem()
	}
	return v
}

// structOf is the struct that v is, or points to, if any.
func structOf(v reflect.Value) reflect.Value {
	if v = pointedTo(v); v.Kind() == reflect.Struct {
		return v
	}
	return reflect.Value{}
}

// text is what a field says, if that is a string, of whatever type: SDKs have types
// for codes, pointers, and interfaces where an API sends now a word and now a number.
func text(v reflect.Value) string {
	if v = pointedTo(v); v.Kind() == reflect.String {
		return strings.TrimSpace(v.String())
	}
	return ""
}

func textOrBytes(v reflect.Value) []byte {
	if b, ok := v.Interface().([]byte); ok {
		return b
	}
	return []byte(text(v))
}

func number(v reflect.Value) int {
	v = pointedTo(v)
	switch {
	case v.CanInt():
		return int(v.Int())
	case v.CanUint():
		return int(v.Uint())
	case v.CanFloat():
		return int(v.Float())
	}
	return 0
}
