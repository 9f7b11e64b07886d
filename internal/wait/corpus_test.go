package wait_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// TestCorpus measures the resolver on real answers, whose labels others made.
func TestCorpus(t *testing.T) {
	for file, least := range map[string]float64{"dev.jsonl": 0.97, "headers.jsonl": 1} {
		t.Run(file, func(t *testing.T) { testCorpus(t, file, least) })
	}
}

type row struct {
	ID, Provider string
	Status       int
	Headers      map[string]string
	Body         string
	Want         struct {
		Class, Message string
		WaitS          *float64 `json:"wait_s"`
	}
}

func testCorpus(t *testing.T, file string, least float64) {
	dir := os.Getenv("STEADYHTTP_CORPUS")
	if dir == "" {
		dir = filepath.Join("..", "..", "..", "shared", "corpus")
	}
	f, err := os.Open(filepath.Join(dir, file))
	if errors.Is(err, fs.ErrNotExist) {
		t.Skipf("the corpus of real answers is not in %s; STEADYHTTP_CORPUS names its folder", dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, right, waits := 0, 0, 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r row
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			t.Fatal(err)
		}
		all++
		a := wait.Ask{Provider: r.Provider, Status: r.Status, Header: http.Header{}, Now: time.Now()}
		for k, v := range r.Headers {
			a.Header.Set(k, v)
		}
		if r.Want.Class != "none" {
			a.Message = r.Want.Message
			a.Body = bodyFigure(r.Body)
		}
		got := wait.Resolve(a)
		switch want := r.Want.WaitS; {
		case want == nil && got.Source == "":
			right++
		case want == nil:
			t.Logf("%s: got %v from %s, want none", r.ID, got.After, got.Source)
		case got.Source != "" && math.Abs(got.After.Seconds()-*want) <= 0.05**want:
			right++
			waits++
		default:
			t.Logf("%s: got %v from %q, want %vs", r.ID, got.After, got.Source, *want)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	share := float64(right) / float64(all)
	t.Logf("%s: %d of %d right (%.1f%%), %d of them with a wait", file, right, all, 100*share, waits)
	if share < least {
		t.Errorf("%s: got %.1f%% right, want at least %.0f%%", file, 100*share, 100*least)
	}
}

// bodyFigure stands in for the dialects, which read the body's fields.
func bodyFigure(body string) wait.Figure {
	var v any
	if json.Unmarshal([]byte(body), &v) != nil {
		return wait.Figure{}
	}
	return fish(v)
}

func fish(v any) wait.Figure {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if f := fish(e); f.Source != "" {
				return f
			}
		}
	case map[string]any:
		for key, unit := range map[string]time.Duration{
			"retry_after": time.Second, "retryAfterSeconds": time.Second, "estimated_time": time.Second, "ratelimit": time.Second,
			"resets_in_seconds": time.Second, "retry_after_ms": time.Millisecond, "retryDelay": time.Second,
		} {
			var n float64
			switch x := v[key].(type) {
			case float64:
				n = x
			case string:
				n, _ = strconv.ParseFloat(strings.TrimSuffix(x, "s"), 64)
			default:
				continue
			}
			return wait.Figure{After: time.Duration(n * float64(unit)), Source: key}
		}
		for _, e := range v {
			if f := fish(e); f.Source != "" {
				return f
			}
		}
	}
	return wait.Figure{}
}
