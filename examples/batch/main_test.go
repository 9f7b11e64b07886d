package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// TestMain runs the program itself where a test starts it anew, to kill it.
func TestMain(m *testing.M) {
	if args := os.Getenv("BATCH_ARGS"); args != "" {
		os.Exit(run(context.Background(), strings.Split(args, "\n"), os.Getenv, os.Stdout, os.Stderr))
	}
	os.Exit(m.Run())
}

// answersIn returns the ids in a file of answers, and fails where one stands there twice
// or a line is no JSON.
func answersIn(t *testing.T, name string) map[string]answered {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]answered)
	for line := range strings.Lines(string(data)) {
		var one answered
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if _, twice := all[one.ID]; twice {
			t.Errorf("%s was answered twice", one.ID)
		}
		all[one.ID] = one
	}
	return all
}

// Killed at ten random moments: each of 1,000 jobs is done once, and none is lost.
func TestKilledAndStartedAgain(t *testing.T) {
	t.Parallel()
	api := steadyhttptest.NewServer()
	defer api.Close()
	answer := steadyhttptest.ChatCompletion("yes")
	answer.Delay = 20 * time.Millisecond
	api.Script("/chat/completions", answer, answer, steadyhttptest.Reply{Status: http.StatusServiceUnavailable}, answer)
	out := filepath.Join(t.TempDir(), "answers.jsonl")
	args := strings.Join([]string{"-url", api.URL, "-jobs", "1000", "-out", out, "-workers", "32"}, "\n")
	start := func(ctx context.Context) ([]byte, error) {
		cmd := exec.CommandContext(ctx, os.Args[0]) // killed when ctx ends
		cmd.Env = append(os.Environ(), "BATCH_ARGS="+args, keyVariable+"=correct-horse-battery")
		return cmd.CombinedOutput()
	}
	killed := 0
	for range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond+rand.N(250*time.Millisecond))
		if _, err := start(ctx); err != nil {
			killed++
		}
		cancel()
	}
	said, err := start(t.Context())
	if err != nil {
		t.Fatalf("the last run: %v\n%s", err, said)
	}
	if got := answersIn(t, out); len(got) != 1000 || killed == 0 {
		t.Errorf("got %d answers after being killed %d times, want 1,000", len(got), killed)
	}
}

// start runs the program in this process.
func start(t *testing.T, ctx context.Context, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(ctx, args, func(string) string { return "correct-horse-battery" }, &out, &errs)
	if strings.Contains(out.String()+errs.String(), "correct-horse") {
		t.Errorf("the key is in the output:\n%s%s", &out, &errs)
	}
	return code, out.String(), errs.String()
}

func TestDemonstration(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "answers.jsonl")
	code, stdout, stderr := start(t, t.Context(), "-jobs", "100", "-out", out)
	first := stdout
	for range 3 { // on a busy machine a question may be left for the next run
		if code == exitUnfinished {
			code, stdout, stderr = start(t, t.Context(), "-jobs", "100", "-out", out)
		}
	}
	if code != exitOK || stderr != "" || len(answersIn(t, out)) != 100 {
		t.Errorf("ended with %d, said %q and %q", code, stdout, stderr)
	}
	stdout = first
	for _, want := range []string{"100 questions, 0 of them answered before", " of 100", "the person's answers", "requests on the wire"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("it did not print %q:\n%s", want, stdout)
		}
	}
	code, stdout, _ = start(t, t.Context(), "-jobs", "100", "-out", out)
	if code != exitOK || !strings.Contains(stdout, "100 questions, 100 of them answered before") {
		t.Errorf("the second run ended with %d:\n%s", code, stdout)
	}
}

func TestStoppedByTheUser(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "answers.jsonl")
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	code, stdout, _ := start(t, ctx, "-jobs", "1000", "-out", out)
	if n := len(answersIn(t, out)); code != exitUnfinished || n == 0 || n == 1000 || !strings.Contains(stdout, "Run the same command again") {
		t.Errorf("ended with %d and %d answers:\n%s", code, n, stdout)
	}
}

// What asking again would not cure is written down, and all else is left.
func TestFailures(t *testing.T) {
	t.Parallel()
	api := steadyhttptest.NewServer()
	defer api.Close()
	api.Script("/chat/completions", steadyhttptest.OpenAIError(http.StatusBadRequest, "invalid_request_error", "content_policy_violation", "Rejected by our safety system"))
	dir := t.TempDir()
	in, out := filepath.Join(dir, "in.txt"), filepath.Join(dir, "out.jsonl")
	os.WriteFile(in, []byte("one\n\ntwo\n"), 0o600)
	code, stdout, _ := start(t, t.Context(), "-url", api.URL, "-in", in, "-out", out)
	if got := answersIn(t, out); code != exitOK || len(got) != 2 || !strings.Contains(stdout, "failed for good: content_policy") {
		t.Errorf("ended with %d and %v:\n%s", code, got, stdout)
	}
	api.Script("/chat/completions", steadyhttptest.OpenAIError(http.StatusTooManyRequests, "insufficient_quota", "insufficient_quota", "You exceeded your current quota"))
	os.WriteFile(in, []byte("one\n\ntwo\nthree\n"), 0o600)
	code, stdout, _ = start(t, t.Context(), "-url", api.URL, "-in", in, "-out", out)
	if got := answersIn(t, out); code != exitUnfinished || len(got) != 2 || !strings.Contains(stdout, "left for next time: quota") {
		t.Errorf("ended with %d and %v:\n%s", code, got, stdout)
	}
}

func TestMistakes(t *testing.T) {
	dir := t.TempDir()
	notes := filepath.Join(dir, "notes.txt")
	os.WriteFile(notes, []byte("these are my notes\n"), 0o600)
	for _, args := range [][]string{{"-jobs", "0"}, {"x"}, {"-in", filepath.Join(dir, "none")}, {"-out", notes}, {"-rpm", "-1"}, {"-in", os.DevNull}} {
		code, _, stderr := start(t, t.Context(), append([]string{"-out", filepath.Join(dir, "a.jsonl")}, args...)...)
		if code != exitUsage || stderr == "" {
			t.Errorf("%q: ended with %d and said %q", args, code, stderr)
		}
	}
	if text, _ := os.ReadFile(notes); string(text) != "these are my notes\n" {
		t.Errorf("somebody's file was changed to %q", text)
	}
	// Half a line is what a killed program leaves.
	half := filepath.Join(dir, "half.jsonl")
	os.WriteFile(half, []byte("{\"id\":\"1-a\",\"line\":1}\n{\"id\":\"2-"), 0o600)
	a, err := openAnswers(half)
	if err != nil || len(a.done) != 1 {
		t.Fatal(a, err)
	}
	a.Close()
	if text, _ := os.ReadFile(half); !strings.HasSuffix(string(text), "}\n") {
		t.Errorf("half a line was left: %q", text)
	}
}
