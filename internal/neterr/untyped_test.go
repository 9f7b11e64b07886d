package neterr

import (
	"errors"
	"fmt"
	"go/build"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The texts are those of the net/http that this is built with. A Go version that
// words one differently fails here: look at what it says now, and keep the old text
// as long as the Go versions that say it are supported.
func TestTextsAreNetHTTPs(t *testing.T) {
	dir := filepath.Join(build.Default.GOROOT, "src", "net", "http")
	files, _ := filepath.Glob(filepath.Join(dir, "*.go"))
	deeper, _ := filepath.Glob(filepath.Join(dir, "internal", "*", "*.go"))
	var source strings.Builder
	for _, f := range append(files, deeper...) {
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		source.Write(b)
	}
	if source.Len() == 0 {
		t.Skip("the source of net/http is not installed with this Go")
	}
	for text := range connectionTexts {
		if !strings.Contains(source.String(), `errors.New("`+text+`")`) {
			t.Errorf("net/http says no longer %q", text)
		}
	}
	for _, text := range []string{goAwayText + "%v", connectionPrefixes[0]} {
		if !strings.Contains(source.String(), `fmt.Errorf("`+text) {
			t.Errorf("net/http says no longer %q", text)
		}
	}
}

func TestKindOfUntypedErrors(t *testing.T) {
	for _, row := range []struct {
		err  error
		want Kind
	}{
		{errors.New("http2: client connection lost"), Connection},
		{&url.Error{Op: "Get", URL: "https://api.example/", Err: errors.New("http: server closed idle connection")}, Connection},
		{fmt.Errorf("net/http: HTTP/1.x transport connection broken: %w", errors.New("http: CloseIdleConnections called")), Connection},
		{fmt.Errorf("http2: Transport received GOAWAY from server ErrCode:%v", "ENHANCE_YOUR_CALM"), Connection},
		{fmt.Errorf("http2: Transport received GOAWAY from server ErrCode:%v", "PROTOCOL_ERROR"), Other},
		{fmt.Errorf("http2: Transport: cannot retry err [%v] after Request.Body was written; define Request.GetBody to avoid this error", "http2: client conn not usable"), Connection},
		{errors.New("net/http: request canceled"), Other},
		{errors.New("we lost it: http2: client connection lost"), Other},
		{errors.New("http2: response header list larger than advertised limit"), Other},
		{errors.New("http: ContentLength=5 with Body length 0"), Other},
	} {
		if got := KindOf(row.err); got != row.want {
			t.Errorf("%q: got kind %d, want %d", row.err, got, row.want)
		}
	}
}

func TestProxyWantsCredentials(t *testing.T) {
	for _, row := range []struct {
		err  error
		want bool
	}{
		{errors.New("Proxy Authentication Required"), true},
		{errors.New("proxy authentication required by rule 7"), true},
		{&url.Error{Op: "Get", Err: errors.New("Proxy Authentication Required")}, true},
		{errors.New("Proxy Authentication"), false},
		{fmt.Errorf("Proxy Authentication Required%w", errors.ErrUnsupported), false},
		{nil, false},
	} {
		if got := ProxyWantsCredentials(row.err); got != row.want {
			t.Errorf("%v: got %t, want %t", row.err, got, row.want)
		}
	}
}

func TestPlain(t *testing.T) {
	for _, row := range []struct {
		err  error
		want string
	}{
		{errors.New("Bad Gateway"), "Bad Gateway"},
		{&url.Error{Op: "Get", URL: "https://api.example/", Err: errors.New("Bad Gateway")}, "Bad Gateway"},
		{fmt.Errorf("pinning: %w", errors.New("Bad Gateway")), ""},
		{os.ErrDeadlineExceeded, ""},
		{&url.Error{Op: "Get"}, ""},
	} {
		if got, _ := Plain(row.err); got != row.want {
			t.Errorf("%#v: got %q, want %q", row.err, got, row.want)
		}
	}
}

func TestRefusedConnect(t *testing.T) {
	for _, row := range []struct {
		phrase            string
		possible, certain bool
	}{
		{"Service Unavailable", true, true},
		{"Bad Gateway", true, true},
		{"gateway timeout", true, true},
		{"Too Many Requests", true, true},
		{"HTTP Version Not Supported", true, false},
		{"Internal Server Error: no route", true, false},
		{"Proxy Error", true, false},
		{"Unable to connect", true, false},
		{"Forbidden", false, false},
		{"Proxy Authentication Required", false, false},
		{"Forbidden by rule 7", false, false},
	} {
		if possible, certain := RefusedConnect(row.phrase); possible != row.possible || certain != row.certain {
			t.Errorf("%q: got %t, %t, want %t, %t", row.phrase, possible, certain, row.possible, row.certain)
		}
	}
}
