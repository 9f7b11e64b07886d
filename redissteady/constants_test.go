package redissteady_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp/redissteady"
)

var (
	luaComment = regexp.MustCompile(`--[^\n]*`)
	luaString  = regexp.MustCompile(`'[^'\n]*'`)
	luaIndex   = regexp.MustCompile(`\[\d+\]`)
	luaNumber  = regexp.MustCompile(`\b\d[\w.]*`)
	luaName    = regexp.MustCompile(`\b[A-Z][A-Z_]+\b`)
)

// luaCode returns a script's text without its comments and strings.
func luaCode(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return luaString.ReplaceAllString(luaComment.ReplaceAllString(string(text), ""), "''")
}

// The scripts have no figures of their own: what the limiter in memory goes by
// is theirs too, and when one changes the other does.
func TestScriptsHaveTheirConstantsFromGo(t *testing.T) {
	structural := []string{
		"0", "1", "2", // to count, to compare, to halve and to double
		"1000", "1e6", // milliseconds and microseconds of a second
	}
	defined := map[string]bool{"ARGV": true, "KEYS": true, "REQUESTS": true}
	for _, line := range strings.Split(redissteady.ConstantsLua(), "\n") {
		names, _, _ := strings.Cut(line, "=")
		for _, name := range luaName.FindAllString(names, -1) {
			defined[name] = true
		}
	}
	used := map[string]bool{}
	files, err := filepath.Glob("*.lua")
	if err != nil || len(files) == 0 {
		t.Fatalf("got no scripts: %v", err)
	}
	for _, file := range files {
		code := luaCode(t, file)
		for _, name := range luaName.FindAllString(code, -1) {
			if used[name] = true; !defined[name] {
				t.Errorf("%s: got %s, which constants.go does not define", file, name)
			}
		}
		for _, number := range luaNumber.FindAllString(luaIndex.ReplaceAllString(code, ""), -1) {
			if !slices.Contains(structural, number) {
				t.Errorf("%s: got the figure %s, want a constant of constants.go", file, number)
			}
		}
	}
	for name := range defined {
		if !used[name] {
			t.Errorf("constants.go: got %s, which no script uses", name)
		}
	}
}
