package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	time.Local = time.UTC // times are shown in the reader's zone
	code := m.Run()
	os.RemoveAll(built)
	os.Exit(code)
}

// start runs the program at the first moment of the year 2000, UTC.
func start(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	synctest.Test(t, func(*testing.T) {
		code = run(args, strings.NewReader(stdin), &out, &errs)
	})
	return code, out.String(), errs.String()
}

// file reads a file of testdata.
func file(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// What people read. The golden files are the specification: look at them as a
// stranger would.
func TestGolden(t *testing.T) {
	for _, row := range []struct {
		golden string
		stdin  string // a file of testdata
		args   []string
	}{
		{"status_429", "", []string{"explain", "429"}},
		{"openai_quota", "openai_quota.http", []string{"explain"}},
		{"anthropic_529", "anthropic_529.http", []string{"explain", "-host", "api.anthropic.com"}},
		{"gemini_429", "gemini_429.json", []string{"explain", "-status", "429", "-host", "generativelanguage.googleapis.com", "-"}},
		{"github_403", "github_403.http", []string{"explain"}},
		{"github_403_json", "github_403.http", []string{"explain", "-json"}},
		{"slack_200", "slack_200.http", []string{"explain"}},
		{"nginx_502", "nginx_502.http", []string{"explain", "-method", "POST"}},
		{"recovered", "recovered.log", []string{"explain"}},
		{"calls", "calls.log", []string{"explain"}},
	} {
		t.Run(row.golden, func(t *testing.T) {
			stdin := ""
			if row.stdin != "" {
				stdin = file(t, row.stdin)
			}
			code, got, stderr := start(t, stdin, row.args...)
			if code != exitOK || stderr != "" {
				t.Fatalf("%q: got code %d and %q, want 0 and nothing", row.args, code, stderr)
			}
			clean(t, got)
			if *update {
				if err := os.WriteFile(filepath.Join("testdata", row.golden+".golden"), []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if want := file(t, row.golden+".golden"); got != want {
				t.Errorf("%q: got\n%s\nwant\n%s", row.args, got, want)
			}
		})
	}
}

// clean checks that nothing in text can play tricks on a terminal.
func clean(t testing.TB, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && !unicode.IsPrint(r) {
			t.Errorf("got %q in the output %q, want only what can be printed", r, text)
			return
		}
	}
}

// What help says. It can be asked for in every way that people try.
func TestHelp(t *testing.T) {
	for _, row := range []struct {
		golden string
		asked  [][]string
	}{
		{"help", [][]string{{"help"}, {"-h"}, {"-help"}, {"--help"}, {"help", "help"}, {"help", "-h"}}},
		{"help_explain", [][]string{{"help", "explain"}, {"explain", "-h"}, {"explain", "--help"}, {"explain", "429", "-h"}}},
		{"help_logs", [][]string{{"help", "logs"}, {"logs", "-h"}, {"logs", "--help"}, {"logs", "app.log", "-h"}}},
		{"help_version", [][]string{{"help", "version"}, {"version", "-h"}, {"version", "--help"}}},
	} {
		for _, args := range row.asked {
			var stdout, stderr bytes.Buffer
			if code := run(args, nil, &stdout, &stderr); code != exitOK || stderr.Len() > 0 {
				t.Errorf("%q: got code %d and %q, want 0 and nothing", args, code, &stderr)
			}
			if *update {
				if err := os.WriteFile(filepath.Join("testdata", row.golden+".golden"), stdout.Bytes(), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			if want := file(t, row.golden+".golden"); stdout.String() != want {
				t.Errorf("%q: got\n%s\nwant\n%s", args, &stdout, want)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, row := range []struct {
		name  string
		stdin string
		args  []string
		want  string // in the one line on stderr
	}{
		{"no such command", "", []string{"repair"}, `no command "repair"`},
		{"help on no such command", "", []string{"help", "repair"}, `no command "repair"`},
		{"help on two commands", "", []string{"help", "logs", "explain"}, "the name of one command"},
		{"version of something", "", []string{"version", "logs"}, "version takes no argument"},
		{"no status", "", []string{"explain", "600"}, "600 is no HTTP status: want one from 100 to 599"},
		{"status below", "", []string{"explain", "99"}, "99 is no HTTP status"},
		{"status 0", "", []string{"explain", "0"}, "0 is no HTTP status"},
		{"status 0 as a flag", "", []string{"explain", "-status", "0"}, "0 is no HTTP status"},
		{"status in words", "", []string{"explain", "-status", "many"}, `invalid value "many"`},
		{"no such file", "", []string{"explain", "nosuch.json"}, "neither a status nor a file"},
		{"two files", "", []string{"explain", "429", "a", "b"}, "more than one file"},
		{"unknown flag", "", []string{"explain", "-colour"}, "-colour"},
		{"bad header", "", []string{"explain", "429", "-header", "Retry-After 20"}, "want the form 'Name: value'"},
		{"URL for a host", "", []string{"explain", "429", "-host", "https://api.openai.com/v1"}, "-host wants a host name"},
		{"bad method", "", []string{"explain", "429", "-method", "P T"}, "-method wants"},
		{"bad path", "", []string{"explain", "429", "-path", "v1"}, "-path wants"},
		{"a path that is none", "", []string{"explain", "logs/app"}, "neither a status nor a file"},
		{"nothing", " \r\n", []string{"explain"}, "the input is empty"},
		{"no status line", "HTTP/1.1 many\r\n\r\n", []string{"explain"}, "no status line"},
		{"status line out of range", "HTTP/1.1 999 No\r\n\r\n", []string{"explain"}, "999 is no HTTP status"},
		{"a head that is none", "HTTP/1.1 429 No\r\nRetry-After: 1\r\n*** cut ***\r\n\r\n", []string{"explain"}, "line 3 of the response's head"},
		{"an endless head", "HTTP/1.1 429 No\r\n" + strings.Repeat("A: b\r\n", maxHead+1), []string{"explain"}, "more than 1000 lines"},
		{"two statuses", "HTTP/1.1 429 No\r\n\r\n", []string{"explain", "-status", "503", "-"}, "leave -status out"},
		{"too large", strings.Repeat(" ", maxInput+1), []string{"explain"}, "larger than 1 MiB"},
		{"an argument with escapes", "", []string{"explain", "\x1b[2J"}, "neither a status nor a file"},
	} {
		t.Run(row.name, func(t *testing.T) {
			code, stdout, stderr := start(t, row.stdin, row.args...)
			if code != exitUsage || stdout != "" {
				t.Errorf("got code %d and %q, want %d and nothing", code, stdout, exitUsage)
			}
			if !strings.Contains(stderr, row.want) || strings.Count(stderr, "\n") != 1 {
				t.Errorf("got %q, want one line with %q", stderr, row.want)
			}
			clean(t, stderr)
		})
	}
}

// broken is a file on a disk that is full, or a pipe whose reader has gone.
type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("full") }
func (broken) Read([]byte) (int, error)  { return 0, errors.New("gone") }

func TestBroken(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"explain", "429"}, {"explain", "429", "-json"}} {
		if code := run(args, nil, broken{}, io.Discard); code != exitNothing {
			t.Errorf("%q without room: got code %d, want %d", args, code, exitNothing)
		}
	}
	var stderr bytes.Buffer
	if code := run([]string{"explain"}, broken{}, io.Discard, &stderr); code != exitUsage || !strings.Contains(stderr.String(), "gone") {
		t.Errorf("broken stdin: got code %d and %q, want %d and the reason", code, &stderr, exitUsage)
	}
}
