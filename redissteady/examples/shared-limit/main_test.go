package main

import (
	"os"
	"strings"
	"testing"
)

// The test binary is a worker when run asks for one.
func TestMain(m *testing.M) {
	if settings := os.Getenv(workerVariable); settings != "" {
		if err := work(settings, os.Stdin, os.Stdout); err != nil {
			panic(err)
		}
		return
	}
	os.Exit(m.Run())
}

func TestRun(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	_, shared, ok := strings.Cut(out.String(), "one limit, in Redis")
	if !ok || strings.Count(shared, "for 75 jobs, 0 of which failed") != processes || !strings.Contains(shared, "the API answered 300 ") {
		t.Errorf("got %s", out.String())
	}
}

func TestWithoutRedis(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if err := run(t.Context(), &strings.Builder{}); err == nil || !strings.Contains(err.Error(), "apt-get install redis-server") {
		t.Errorf("got error %v, want one that says how to get a redis-server", err)
	}
}
