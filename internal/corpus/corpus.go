// Package corpus reads testdata/corpus, the labelled answers of real APIs. Only
// tests import it.
package corpus

import (
	"bufio"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
)

// A Row is one answer and the verdict that it should get. testdata/corpus/README.md
// describes the fields.
type Row struct {
	ID, Provider, URL, Method string
	Status                    int
	Headers                   map[string]string
	Body, Source              string
	Want                      struct {
		Class     string
		Accept    []string
		Retry     bool
		Code      string
		Message   string
		RequestID string   `json:"request_id"`
		Wait      *float64 `json:"wait_s"`
	}
}

// Header returns the answer's header.
func (r *Row) Header() http.Header {
	h := make(http.Header, len(r.Headers))
	for name, value := range r.Headers {
		h.Set(name, value)
	}
	return h
}

// Files are the names of all files of the corpus.
func Files(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root(t), "testdata", "corpus", "*.jsonl"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for i, path := range paths {
		paths[i] = filepath.Base(path)
	}
	return paths
}

// maxRow is above the longest row, an HTML page of 30 KiB.
const maxRow = 1 << 20

// Read returns the rows of a file of the corpus. STEADYHTTP_CORPUS names another
// folder to read it from.
func Read(t testing.TB, file string) []Row {
	t.Helper()
	dir := os.Getenv("STEADYHTTP_CORPUS")
	if dir == "" {
		dir = filepath.Join(root(t), "testdata", "corpus")
	}
	f, err := os.Open(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var rows []Row
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxRow)
	for lines.Scan() {
		var r Row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatalf("%s, line %d: %v", file, len(rows)+1, err)
		}
		rows = append(rows, r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 {
		t.Fatalf("%s is empty", f.Name())
	}
	return rows
}

// root returns the module's root. Tests run in their package's folder.
func root(t testing.TB) string {
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = up
	}
}
