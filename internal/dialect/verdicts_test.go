package dialect_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp/internal/corpus"
	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

var update = flag.Bool("update", false, "write the golden files anew; review what changes")

// corpora are all files of the corpus.
var corpora = []string{"dev", "dev2", "third", "fourth", "headers", "holdout", "holdout2", "holdout3", "holdout4", "kinds", "lookalikes", "public"}

// words are a verdict in a line, without what is zero.
func words(v dialect.Verdict) string {
	var b strings.Builder
	b.WriteString(string(v.Class))
	add := func(name string, value any, zero bool) {
		if !zero {
			fmt.Fprintf(&b, " %s%v", name, value)
		}
	}
	add("by ", v.Provider, v.Provider == "")
	add("code ", v.Code, v.Code == "")
	add("no. ", v.Number, v.Number == 0)
	add("param ", v.Param, v.Param == "")
	add("says ", len(v.Message), v.Message == "")
	add("id ", v.RequestID, v.RequestID == "")
	add("after ", v.RetryIn, v.RetryInSource == "")
	add("of ", v.RetryInSource, v.RetryInSource == "")
	add("window ", v.Window, v.Window == 0)
	add("repeat ", v.Repeat, v.Repeat == dialect.ByClass)
	add("refused", "", !v.Refused)
	add("scope ", int(v.Scope), v.Scope == 0)
	add("named ", v.ScopeName, v.ScopeName == "")
	return strings.ReplaceAll(b.String(), "\n", " ")
}

// success is what an answer is if its status says that it is a success.
func success(a dialect.Answer) string {
	a.Status = 200
	var used dialect.Usage
	v, failed := dialect.Success(a, &used)
	text := "-"
	if failed {
		text = words(v)
	}
	for _, piece := range []int{1, 7, 1 << 20} {
		var long dialect.LongUsage
		for rest := a.Body; len(rest) > 0; rest = rest[min(piece, len(rest)):] {
			long.Feed(rest[:min(piece, len(rest))])
		}
		if long.Usage() != used {
			text += fmt.Sprintf(" in pieces of %d used %v", piece, long.Usage())
		}
	}
	if used != (dialect.Usage{}) {
		text += fmt.Sprintf(" used %v", used)
	}
	return text
}

// TestVerdicts compares the verdict on each answer of the corpus, and on variants of it,
// with those that a person has read. TestCorpus says how many are right; this says which
// of them a change changes.
func TestVerdicts(t *testing.T) {
	for _, file := range corpora {
		t.Run(file, func(t *testing.T) {
			var b bytes.Buffer
			for _, r := range corpus.Read(t, file+".jsonl") {
				a := answer(&r)
				full := words(dialect.Judge(a))
				fmt.Fprintf(&b, "%s: %s\n", r.ID, full)
				variant := func(name, text string) {
					if text != full && text != "-" {
						fmt.Fprintf(&b, "\t%s: %s\n", name, text)
					}
				}
				stranger, half, unexpected := a, a, a
				stranger.Host = "api.example.com"
				variant("at another host", words(dialect.Judge(stranger)))
				half.Body = half.Body[:len(half.Body)/2]
				variant("its first half", words(dialect.Judge(half)))
				variant("as a success", success(a))
				unexpected.Unexpected = true
				if text := success(unexpected); text != success(a) {
					variant("unexpected", text)
				}
				if v, ok := dialect.Stated(a); ok && v.Scope != dialect.Judge(a).Scope {
					variant("by its headers", words(v))
				}
				if host, sign := dialect.LikelyHost(a); host != "" {
					variant("likely of", host+" by "+sign)
				}
				if v, failed, last := dialect.Event("", a.Body); failed && string(v.Class) != full[:min(len(v.Class), len(full))] || !failed && last {
					variant("as an event", fmt.Sprint(words(v), " last ", last))
				}
			}
			golden(t, file, b.Bytes())
		})
	}
}

// TestPathsOfTheCorpus compares what the paths of its requests say.
func TestPathsOfTheCorpus(t *testing.T) {
	lines := make(map[string]bool)
	for _, file := range corpora {
		for _, r := range corpus.Read(t, file+".jsonl") {
			a := answer(&r)
			lines[pathWords(a.Method, a.Host, a.Path)] = true
		}
	}
	all := make([]string, 0, len(lines))
	for line := range lines {
		all = append(all, line)
	}
	slices.Sort(all)
	golden(t, "paths", []byte(strings.Join(all, "\n")+"\n"))
}

// pathWords are what the dialects know of a path, in a line.
func pathWords(method, host, path string) string {
	var h http.Header
	text := method + " " + host + path
	add := func(name, value string) {
		if value != "" {
			text += ", " + name + value
		}
	}
	if route := dialect.Route(method, path); route != method+" "+path {
		add("route ", route)
	}
	if provider, scope := dialect.ScopeOf(method, host, path, h); provider != "" {
		add(provider+" shares ", strings.TrimSpace(scope.String()+" "+dialect.BucketOf(scope, method, host, path)))
	}
	api := dialect.APIPathOf(host, path, h)
	if api.API != dialect.NoAPI {
		add("speaks ", string(api.API))
		add("model ", api.Model())
	}
	add("names ", dialect.ModelIn(path))
	for _, is := range []struct {
		name string
		so   bool
	}{
		{"an inference", dialect.Inference(path, h)},
		{"an inference there", dialect.InferenceAt(host, path, h)},
		{"hides errors", dialect.HidesErrors(method, host, path, h)},
		{"work", dialect.IsWork(path)},
		{"hands over", dialect.HandsOver(host, path, h)},
		{"may converse", dialect.MayConverse(host, path)},
		{"acts by its body", dialect.ActsByBody(path)},
		{"shaped like an inference", dialect.InferenceShaped(path)},
		{"names a model", dialect.NamesModel(path)},
		{"keeps state", dialect.KeepsState(path)},
		{"may infer", dialect.MayInfer(path)},
		{"needs a version", dialect.NeedsVersion(host, path)},
	} {
		if is.so {
			add(is.name, " ")
		}
	}
	return strings.TrimRight(strings.ReplaceAll(text, " ,", ","), " ")
}

// TestPartsOfPaths compares which parts of a path are taken for ids: the beginnings of
// some, of all lengths.
func TestPartsOfPaths(t *testing.T) {
	var all []string
	for _, whole := range []string{
		"12345678901234567890", "2024-05-17T10:20:30Z", "20240517", "v1beta1", "v2.13.4", "1.2.3.4", "3f2a9c0d1e4b5a6978", "deadbeefcafe",
		"550e8400-e29b-41d4-a716-446655440000", "msg_01AbCdEfGhIjKlMnOpQr", "user-12345-profile", "list-of-2-things", "gpt-4o-mini-2024",
		"dGhpcyBpcyBhIHRlc3Q", "QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "bcdfghjklmnpqrst", "internationalization", "aB3dE5fG7hI9jK1lM3nO5",
		"s3cr3tk3y", "oauth2callback", "page10of20", "x86_64-linux", "0x1f2e3d", "a1b2c3d4e5f6a7b8", "1q2w3e4r5t6y7u8i9o0p", "projects-1998-2003", "ABC-1234",
		"PROJ-99-fix-2-bugs", "file.name.2024.tar.gz", "me@example.com", "+491701234567", "%7Bid%7D", "cus_NffrFeUfNV2Hib", "01ARZ3NDEKTSV4RRFFQ69G5FAV",
		"zürich-8001", "こんにちは2", "i18n", "utf8mb4", "h264-1080p", "k8s-node-7f9c6d5b4-x2z8q",
	} {
		for n := 1; n <= len(whole); n++ {
			part := whole[:n]
			all = append(all, part+" "+strings.TrimPrefix(dialect.Route("GET", "/things/"+part), "GET /things/")+
				" "+strings.TrimPrefix(dialect.Route("GET", "/v1/"+part+"/runs"), "GET /v1/"))
		}
	}
	golden(t, "parts", []byte(strings.Join(all, "\n")+"\n"))
}

// TestBasesOfTheCorpus compares where its requests to models would go at other servers.
func TestBasesOfTheCorpus(t *testing.T) {
	seen := make(map[string]bool)
	var all []string
	for _, file := range corpora {
		for _, r := range corpus.Read(t, file+".jsonl") {
			a := answer(&r)
			api := dialect.APIPathOf(a.Host, a.Path, http.Header{})
			if api.API == dialect.NoAPI || seen[string(api.API)+a.Path] {
				continue
			}
			seen[string(api.API)+a.Path] = true
			text := fmt.Sprintf("%s, %s, deployed %t, with another model %s", a.Path, api.API, api.Deployed(), api.WithModel("models/other:1"))
			for _, to := range []struct{ host, base string }{
				{"api.openai.com", "/v1"},
				{"api.openai.com", ""},
				{"api.anthropic.com", ""},
				{"my.openai.azure.com", "/openai/deployments/small"},
				{"my.openai.azure.com", "/openai/v1"},
				{"generativelanguage.googleapis.com", "/v1beta"},
				{"europe-west1-aiplatform.googleapis.com", "/v1/projects/p/locations/l"},
				{"bedrock-runtime.us-east-1.amazonaws.com", ""},
				{"openrouter.ai", "/api/v1"},
				{"models.example.com", "/v1"},
				{"models.example.com", "/api"},
			} {
				path, inBody := api.At(to.host, to.base, "other")
				text += fmt.Sprintf("\n\tat %s%s: %s", to.host, to.base, path)
				if inBody {
					text += ", in the body"
				}
				if why, instead, known := api.Mismatch(to.host, to.base); why != "" {
					text += fmt.Sprintf("; %s %q %t", why, instead, known)
				}
			}
			all = append(all, text)
		}
	}
	slices.Sort(all)
	golden(t, "bases", []byte(strings.Join(all, "\n")+"\n"))
}

// golden compares got with testdata/verdicts/name.golden.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", "verdicts", name+".golden")
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	g, w := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range max(len(g), len(w)) {
		if i >= len(g) || i >= len(w) || g[i] != w[i] {
			t.Fatalf("%s is not as it was. If that is meant: go test ./internal/dialect -update, and read what changes.\nline %d:\ngot  %q\nwant %q",
				path, i+1, g[min(i, len(g)-1)], w[min(i, len(w)-1)])
		}
	}
}
