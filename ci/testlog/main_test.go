package main

import (
	"regexp"
	"strings"
	"testing"
)

func TestCopyLog(t *testing.T) {
	const log = `{"Action":"start","Package":"a"}
go: warning: something of go itself
{"Action":"build-output","ImportPath":"b","Output":"b.go:1:1: does not compile\n"}
{"Action":"run","Package":"a","Test":"TestGood"}
{"Action":"output","Package":"a","Test":"TestGood","Output":"--- PASS: TestGood (0.00s)\n"}
{"Action":"pass","Package":"a","Test":"TestGood"}
{"Action":"output","Package":"a","Test":"TestBad","Output":"=== RUN   TestBad\n"}
{"Action":"output","Package":"a","Test":"TestAway","Output":"=== RUN   TestAway\n"}
{"Action":"output","Package":"a","Test":"TestBad","Output":"    a_test.go:5: got 1, want 2\n"}
{"Action":"output","Package":"a","Test":"TestAway","Output":"    a_test.go:12: no server on the PATH\n"}
{"Action":"output","Package":"a","Test":"TestAway","Output":"--- SKIP: TestAway (0.00s)\n"}
{"Action":"skip","Package":"a","Test":"TestAway"}
{"Action":"output","Package":"a","Test":"TestBad","Output":"--- FAIL: TestBad (0.00s)\n"}
{"Action":"fail","Package":"a","Test":"TestBad"}
{"Action":"skip","Package":"a","Test":"TestSilent"}
{"Action":"output","Package":"a","Output":"FAIL\n"}
{"Action":"output","Package":"a","Output":"FAIL\ta\t0.003s\n"}
{"Action":"fail","Package":"a"}
{"Action":"output","Package":"e","Test":"TestDies","Output":"=== RUN   TestDies\n"}
{"Action":"output","Package":"e","Test":"TestDies","Output":"panic: deadlock\n"}
{"Action":"output","Package":"e","Output":"FAIL\te\t0.003s\n"}
{"Action":"fail","Package":"e"}
{"Action":"output","Package":"c","Output":"PASS\n"}
{"Action":"output","Package":"c","Output":"coverage: 91.0% of statements\n"}
{"Action":"output","Package":"c","Output":"ok  \tc\t0.003s\tcoverage: 91.0% of statements\n"}
{"Action":"output","Package":"d","Output":"?   \td\t[no test files]\n"}
{"Action":"skip","Package":"d"}`
	var out strings.Builder
	skipped, err := copyLog(&out, strings.NewReader(log))
	if err != nil {
		t.Fatal(err)
	}
	const want = `go: warning: something of go itself
b.go:1:1: does not compile
=== RUN   TestBad
    a_test.go:5: got 1, want 2
--- FAIL: TestBad (0.00s)
FAIL
FAIL	a	0.003s
FAIL	e	0.003s
=== RUN   TestDies
panic: deadlock
ok  	c	0.003s	coverage: 91.0% of statements
?   	d	[no test files]
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &out, want)
	}
	if want := "a TestAway\tno server on the PATH\na TestSilent\tno reason given\n"; skipped != want {
		t.Errorf("skipped: got %q, want %q", skipped, want)
	}
}

func TestSummary(t *testing.T) {
	for _, row := range []struct{ name, skipped, want string }{
		{"none", "", "skipped: nothing\n"},
		{"one", "a TestAway\tno server\n", "skipped: 1 test: 1 because no server\n"},
		{"several", "a TestAway\tno server\nb TestAway\tno server\nb TestSlow\t-short: it takes long\n",
			"skipped: 3 tests: 1 because -short: it takes long; 2 because no server\n"},
	} {
		if got := summary(row.skipped); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

func TestRefused(t *testing.T) {
	const skipped = "a TestCounts\tthe race detector allocates\nb TestAway\tno server\n"
	for _, row := range []struct{ allowed, want string }{
		{"", ""},
		{"race detector|server", ""},
		{"race detector", "b TestAway must not be skipped here: no server"},
	} {
		got := ""
		if err := refused(skipped, regexp.MustCompile(row.allowed)); err != nil {
			got = err.Error()
		}
		if got != row.want {
			t.Errorf("allowed %q: got %q, want %q", row.allowed, got, row.want)
		}
	}
}
