package debugsteady

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

var update = flag.Bool("update", false, "write the golden files anew; review what changes")

// liveState is the state of a service at work.
func liveState() *state {
	r := newRecorder()
	for _, k := range snapshot() {
		r.attemptStart(nil, k.Key.Host, false)
		r.attemptDone(nil, k.Key, nil)
	}
	(&caller{r: r}).live()
	return stateAfter(r)
}

// stateAfter is the state after what r has recorded.
func stateAfter(r *recorder) *state {
	places := []limit.TargetState{
		{Key: limit.Key{Host: "old.internal"}, Since: 4 * time.Second, Err: overloaded()},
		{Key: billing, Down: true, Since: 20 * time.Second, Err: overloaded()},
		{Key: chat, Down: true, Since: time.Second, Left: 40 * time.Second, Err: &steadyhttp.Error{Class: steadyhttp.Quota, Status: 429, Message: "You exceeded your current quota"}},
	}
	failover := &steadyhttp.Failover{Targets: []steadyhttp.Target{{Name: "west", URL: "https://billing.west"}, {URL: "https://user:secret@openrouter.ai/api/v1"}, {Model: "gpt-4o-mini"}}}
	return stateOf(time.Now(), snapshot(), r.copy(), places, failover)
}

// What docs/page.md shows of a key has the members that a key has.
func TestDocOfPageShowsAKey(t *testing.T) {
	page, err := os.ReadFile("../docs/page.md")
	if err != nil {
		t.Fatal(err)
	}
	_, sample, _ := strings.Cut(string(page), "```json\n")
	sample, _, _ = strings.Cut(sample, "```")
	text, err := json.Marshal(keyState{Limits: []limitState{{}}, Gate: &gateState{NextProbe: new(seconds)}})
	if err != nil {
		t.Fatal(err)
	}
	var shown, real any
	if err := errors.Join(json.Unmarshal([]byte(sample), &shown), json.Unmarshal(text, &real)); err != nil {
		t.Fatal(err)
	}
	if got, want := membersOf(shown, ""), membersOf(real, ""); !slices.Equal(got, want) {
		t.Errorf("docs/page.md shows the members %q, a key has %q", got, want)
	}
}

// membersOf are the names of all members of a JSON value, with the kinds of their
// values.
func membersOf(v any, under string) (all []string) {
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			all = append(all, membersOf(v[name], under+"."+name)...)
		}
	case []any:
		for _, e := range v {
			all = append(all, membersOf(e, under)...)
		}
	default:
		all = append(all, fmt.Sprintf("%s %T", under, v))
	}
	return all
}

// TestGolden compares the page and its JSON with files that a person has read.
func TestGolden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pages := map[string]*state{
			"live":     liveState(),
			"empty":    stateOf(time.Now(), nil, newRecorder().copy(), nil, nil),
			"toolate":  stateOf(time.Now(), snapshot(), newRecorder().copy(), nil, nil),
			"noevents": stateOf(time.Now(), snapshot(), nil, nil, nil),
		}
		for name, s := range pages {
			var html, text bytes.Buffer
			if err := render(&html, s, defaultRefresh); err != nil {
				t.Fatal(err)
			}
			enc := json.NewEncoder(&text)
			enc.SetEscapeHTML(false)
			if err := enc.Encode(s); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".html", bytes.Replace(html.Bytes(), []byte(style), []byte("/* style.css */"), 1))
			golden(t, name+".json", readable(text.Bytes()))
		}
	})
}

// readable has a line for each member, but those of histories are in one.
func readable(text []byte) []byte {
	var b bytes.Buffer
	depth, list := 0, false
	for i, c := range text {
		switch {
		case c == '[' && (text[i+1] >= '0' && text[i+1] <= '9'):
			list = true
		case c == ']':
			if list {
				list = false
				b.WriteByte(c)
				continue
			}
		}
		switch {
		case list:
			b.WriteByte(c)
		case c == '{' || c == '[':
			depth++
			b.WriteByte(c)
			b.WriteByte('\n')
			b.Write(bytes.Repeat([]byte{'\t'}, depth))
		case c == '}' || c == ']':
			depth--
			b.WriteByte('\n')
			b.Write(bytes.Repeat([]byte{'\t'}, depth))
			b.WriteByte(c)
		case c == ',' && text[i+1] == '"' || c == ',' && text[i+1] == '{':
			b.WriteByte(c)
			b.WriteByte('\n')
			b.Write(bytes.Repeat([]byte{'\t'}, depth))
		default:
			b.WriteByte(c)
		}
	}
	return b.Bytes()
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not as it was. If that is meant: go test ./debugsteady -update, and read what changes.%s", path, firstDifference(got, want))
	}
}

func firstDifference(got, want []byte) string {
	g, w := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	for i := range min(len(g), len(w)) {
		if !bytes.Equal(g[i], w[i]) {
			return fmt.Sprintf("\nline %d:\ngot  %s\nwant %s", i+1, g[i], w[i])
		}
	}
	return "\nit is longer or shorter"
}
