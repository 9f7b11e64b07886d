package steadyhttp

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
)

// maxChain bounds how many errors of a chain, or of a tree of joined ones, are
// looked at: an error may be one's own cause.
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
	e := lookIntoChain(err, &left)
	if e == nil {
		return nil
	}
	found := *e
	found.Err = err
	return &found
}

func lookIntoChain(err error, left *int) *Error {
	for err != nil && *left > 0 {
		*left--
		if e := readSDKError(err); e != nil {
			return e
		}
		switch u := err.(type) {
		case interface{ Unwrap() error }:
			err = u.Unwrap()
		case interface{ Unwrap() []error }:
			for _, err := range u.Unwrap() {
				if e := lookIntoChain(err, left); e != nil {
					return e
				}
			}
			return nil
		default:
			return nil
		}
	}
	return nil
}

// An sdkError is what the fields of an SDK's error say.
type sdkError struct {
	resp    *http.Response
	status  int
	header  http.Header
	body    []byte
	request *http.Request

	code, kind, reason, message, param, requestID string
}

// readSDKError returns the verdict on what err itself holds.
func readSDKError(err error) *Error {
	v := structOf(reflect.ValueOf(err))
	if !v.IsValid() {
		return nil
	}
	var s sdkError
	s.fields(v, 0)
	s.methods(err)
	if s.resp != nil && failed(s.resp) {
		return s.ofResponse()
	}
	if s.status < 400 || s.status > 599 {
		return nil
	}
	return judge(s.response(), nil)
}

// ofResponse judges the response that the SDK kept. A verdict that was given on the
// way stands. If the SDK has read the body away, its fields say what was in it.
func (s *sdkError) ofResponse() *Error {
	if f, _ := known(s.resp); f.verdict != nil {
		return f.verdict
	}
	e := judge(s.resp, nil)
	if len(e.Body) == 0 && (s.message != "" || s.code != "" || s.kind != "") {
		s.status, s.header = s.resp.StatusCode, s.resp.Header
		if s.resp.Request != nil {
			s.request = s.resp.Request
		}
		return judge(s.response(), nil)
	}
	return e
}

// response is the response that the fields tell of.
func (s *sdkError) response() *http.Response {
	body := s.body
	if len(body) == 0 {
		member := map[string]string{}
		for name, value := range map[string]string{"code": s.code, "type": s.kind, "status": s.reason, "message": s.message, "param": s.param} {
			if value != "" {
				member[name] = value
			}
		}
		body, _ = json.Marshal(map[string]any{"error": member, "request_id": s.requestID})
	}
	if s.header == nil {
		s.header = http.Header{}
	}
	return &http.Response{
		StatusCode: s.status, Header: s.header, Request: s.request,
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
	}
}

// methods reads what SDKs tell by methods: those of AWS, and the raw JSON of
// generated ones.
func (s *sdkError) methods(err error) {
	if m, ok := err.(interface{ ErrorCode() string }); ok && s.code == "" {
		s.code = m.ErrorCode()
	}
	if m, ok := err.(interface{ ErrorMessage() string }); ok && s.message == "" {
		s.message = m.ErrorMessage()
	}
	if m, ok := err.(interface{ HTTPStatusCode() int }); ok && s.status == 0 && (s.resp != nil || structOf(reflect.ValueOf(err)).IsValid()) {
		s.status = m.HTTPStatusCode()
	}
}

// maxDepth bounds how far structs within structs are followed: AWS's SDK has the
// response in the second.
const maxDepth = 3

// fields reads the exported fields of v, embedded structs included.
func (s *sdkError) fields(v reflect.Value, depth int) {
	t := v.Type()
	numeric := 0 // of a field that is called Code: it may be anybody's
	for i := range t.NumField() {
		f, name := v.Field(i), t.Field(i).Name
		if !t.Field(i).IsExported() {
			continue
		}
		switch x := f.Interface().(type) {
		case *http.Response:
			if s.resp == nil && x != nil {
				s.resp = x
			}
			continue
		case *http.Request:
			s.request = x
			continue
		case http.Header:
			s.header = x
			continue
		case []byte:
			if name == "Body" {
				s.body = x
			}
			continue
		}
		if inner := structOf(f); inner.IsValid() && depth < maxDepth && (t.Field(i).Anonymous || name == "Response") {
			s.fields(inner, depth+1)
			continue
		}
		switch name {
		case "StatusCode", "HTTPStatusCode", "HTTPCode":
			s.status = max(s.status, number(f))
		case "Code":
			if numeric = number(f); numeric == 0 {
				s.code = text(f)
			}
		case "Type":
			s.kind = text(f)
		case "Status", "Reason":
			s.reason = text(f)
		case "Message", "Msg":
			s.message = text(f)
		case "Param":
			s.param = text(f)
		case "RequestID":
			s.requestID = text(f)
		case "Body":
			s.body = []byte(text(f))
		}
	}
	// A number called Code is the status at Google, and of SMTP elsewhere: what
	// stands beside it tells.
	if numeric != 0 && s.status == 0 && s.message != "" && (t.Field(0).Name == "Code" && (has(t, "Details") || has(t, "Header"))) {
		s.status = numeric
	} else if numeric != 0 {
		s.code = strconv.Itoa(numeric)
	}
}

func has(t reflect.Type, field string) bool {
	_, ok := t.FieldByName(field)
	return ok
}

// structOf is the struct that v is, or points to, if any.
func structOf(v reflect.Value) reflect.Value {
	for range 3 {
		switch v.Kind() {
		case reflect.Pointer, reflect.Interface:
			v = v.Elem()
		case reflect.Struct:
			return v
		default:
			return reflect.Value{}
		}
	}
	return reflect.Value{}
}

// text is what a field says, if that is a string, of whatever type: SDKs have types
// for codes, pointers, and interfaces where an API sends now a word and now a number.
func text(v reflect.Value) string {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	if v.Kind() == reflect.String {
		return strings.TrimSpace(v.String())
	}
	return ""
}

func number(v reflect.Value) int {
	for v.Kind() == reflect.Pointer || v.Kind() == reflect.Interface {
		v = v.Elem()
	}
	switch {
	case v.CanInt():
		return int(v.Int())
	case v.CanFloat():
		return int(v.Float())
	}
	return 0
}
