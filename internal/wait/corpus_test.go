package wait_test

import (
	"encoding/json"
	"math"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/corpus"
	"github.com/steadyhttp/steadyhttp/internal/dialect"
	"github.com/steadyhttp/steadyhttp/internal/wait"
)

// TestCorpus measures the resolver on real answers, whose labels others made.
func TestCorpus(t *testing.T) {
	for file, least := range map[string]float64{"dev.jsonl": 0.97, "dev2.jsonl": 0.95, "headers.jsonl": 1} {
		t.Run(file, func(t *testing.T) { testCorpus(t, file, least) })
	}
}

func testCorpus(t *testing.T, file string, least float64) {
	all, right, waits := 0, 0, 0
	for _, r := range corpus.Read(t, file) {
		all++
		a := wait.Ask{Status: r.Status, Header: r.Header(), Now: time.Now()}
		if r.Want.Class != "none" {
			a.Message = r.Want.Message
			a.Body = bodyFigure(r.Body)
		}
		got, _ := dialect.Wait(providerOf(hostOf(t, r.URL)), a)
		switch want := r.Want.Wait; {
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
	share := float64(right) / float64(all)
	t.Logf("%s: %d of %d right (%.1f%%), %d of them with a wait", file, right, all, 100*share, waits)
	if share < least {
		t.Errorf("%s: got %.1f%% right, want at least %.0f%%", file, 100*share, 100*least)
	}
}

func hostOf(t *testing.T, address string) string {
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Hostname()
}

// bodyFigure stands in for the dialects, which read the body's fields.
func bodyFigure(body string) wait.Figure {
	var v any
	if json.Unmarshal([]byte(body), &v) != nil {
		return wait.Figure{}
	}
	return figureIn(v)
}

func figureIn(v any) wait.Figure {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if f := figureIn(e); f.Source != "" {
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
			if f := figureIn(e); f.Source != "" {
				return f
			}
		}
	}
	return wait.Figure{}
}
