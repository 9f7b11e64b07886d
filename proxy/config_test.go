package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"
)

var update = flag.Bool("update", false, "write the golden files anew")

// upstreamsOf wraps the fields of an upstream into a config of four lines.
func upstreamsOf(fields string) string {
	return "{\n  \"upstreams\": [{\"to\": \"https://api.openai.com\",\n    " + fields + "\n  }]}"
}

// What is wrong with a config is said in a line that names the field, where it stands
// and what to write; the lines are in testdata/config.golden.
func TestWrongConfigs(t *testing.T) {
	t.Parallel()
	const secretValue = "sk-canary-in-the-config"
	env := map[string]string{"EMPTY": "", "KEY": secretValue, "BROKEN": secretValue + "\n"}
	getenv := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	rows := []struct{ name, config string }{
		{"no JSON at all", "listen: 127.0.0.1:8080"},
		{"an empty file", ""},
		{"a comma too many", "{\n  \"listen\": \"127.0.0.1:8080\",\n}"},
		{"a comment", "{\n  // where to listen\n  \"listen\": \"127.0.0.1:8080\"\n}"},
		{"cut off", "{\n  \"upstreams\": [\n"},
		{"something behind the end", upstreamsOf(`"burst": 1`) + "\n}"},
		{"a list at the top", "[]"},
		{"no upstream", "{\n  \"listen\": \"127.0.0.1:8080\"\n}"},
		{"an unknown field", upstreamsOf(`"flavour": "vanilla"`)},
		{"a slip in a field's name", upstreamsOf(`"requestPerMinute": 500`)},
		{"a field's name in other letters", upstreamsOf(`"MaxConcurrent": 5`)},
		{"an unknown field in a target", upstreamsOf(`"failover": [{"url": "https://openrouter.ai/api/v1"}]`)},
		{"a field that is here twice", upstreamsOf(`"burst": 1, "burst": 2`)},
		{"a string in place of a number", upstreamsOf(`"requestsPerMinute": "500"`)},
		{"a number in place of a string", upstreamsOf(`"prefix": 5`)},
		{"a string in place of a switch", upstreamsOf(`"observe": "yes"`)},
		{"null", upstreamsOf(`"burst": null`)},
		{"an object in place of a list", "{\"upstreams\": {\"to\": \"https://api.openai.com\"}}"},
		{"a list in place of an object", upstreamsOf(`"header": ["Authorization: Bearer ` + secretValue + `"]`)},
		{"a wait without a unit", upstreamsOf(`"outageWait": 30`)},
		{"a wait without a unit, as a string", upstreamsOf(`"outageWait": "30"`)},
		{"a wait in another unit", upstreamsOf(`"maxWait": "1 minute"`)},
		{"a negative timeout", upstreamsOf(`"attemptTimeout": "-1s"`)},
		{"a negative limit", upstreamsOf(`"tokensPerMinute": -1`)},
		{"half a request", upstreamsOf(`"maxConcurrent": 0.5`)},
		{"a number that overflows", upstreamsOf(`"maxBufferedBody": 99999999999999999999`)},
		{"a variable that is not set", upstreamsOf(`"header": {"Authorization": "Bearer ${OPENAI_API_KEY}"}`)},
		{"a variable that is empty", upstreamsOf(`"header": {"Authorization": "Bearer ${EMPTY}"}`)},
		{"a dollar sign alone", upstreamsOf(`"header": {"Authorization": "Bearer $KEY"}`)},
		{"a variable without an end", upstreamsOf(`"header": {"Authorization": "Bearer ${KEY"}`)},
		{"a line break in a key", upstreamsOf(`"header": {"Authorization": "Bearer ${BROKEN}"}`)},
		{"a key that is a number", upstreamsOf(`"header": {"X-Api-Key": 12345678}`)},
		{"a header with a space", upstreamsOf(`"header": {"Api Key": "${KEY}"}`)},
		{"a header in two spellings", upstreamsOf(`"header": {"X-Team": "blue", "x-team": "red"}`)},
		{"a header of the connection", upstreamsOf(`"header": {"transfer-encoding": "chunked"}`)},
		{"no URL", "{\n  \"upstreams\": [{\"prefix\": \"/openai\"}]\n}"},
		{"a URL without a scheme", "{\n  \"upstreams\": [{\"to\": \"api.openai.com\"}]\n}"},
		{"a URL of another scheme", "{\n  \"upstreams\": [{\"to\": \"ftp://api.openai.com\"}]\n}"},
		{"a URL with a password", "{\n  \"upstreams\": [{\"to\": \"https://me:" + secretValue + "@api.openai.com\"}]\n}"},
		{"a URL with a query", "{\n  \"upstreams\": [{\"to\": \"https://api.openai.com/?key=${KEY}\"}]\n}"},
		{"a prefix without a slash", upstreamsOf(`"prefix": "openai"`)},
		{"a prefix with a wildcard", upstreamsOf(`"prefix": "/*"`)},
		{"a prefix that leads up", upstreamsOf(`"prefix": "/a/../b"`)},
		{"a prefix of the proxy's own", upstreamsOf(`"prefix": "/debug"`)},
		{"a prefix that is here twice", "{\n  \"upstreams\": [\n    {\"prefix\": \"/a\", \"to\": \"https://api.openai.com\"},\n    {\"prefix\": \"/a/\", \"to\": \"https://api.anthropic.com\"}\n  ]\n}"},
		{"an address without a port", "{\n  \"listen\": \"localhost\",\n  \"upstreams\": [{\"to\": \"https://api.openai.com\"}]\n}"},
		{"an address with a port that is none", "{\n  \"listen\": \"localhost:http-or-so\",\n  \"upstreams\": [{\"to\": \"https://api.openai.com\"}]\n}"},
		{"an address that others reach", "{\n  \"listen\": \":8080\",\n  \"upstreams\": [{\"to\": \"https://api.openai.com\"}]\n}"},
		{"an address for operators that others reach", "{\n  \"admin\": \"0.0.0.0:9090\",\n  \"upstreams\": [{\"to\": \"https://api.openai.com\"}]\n}"},
		{"one address for both", "{\n  \"listen\": \"127.0.0.1:8080\", \"admin\": \"127.0.0.1:8080\",\n  \"upstreams\": [{\"to\": \"https://api.openai.com\"}]\n}"},
		{"the proxy as its own upstream", "{\n  \"upstreams\": [{\"to\": \"http://127.0.0.1:8080\"}]\n}"},
		{"a host with a port", "{\n  \"hosts\": [\"llm.test:80\"],\n  \"upstreams\": [{\"to\": \"https://api.openai.com\"}]\n}"},
		{"an origin with a path", "{\n  \"origins\": [\"http://localhost:3000/\"],\n  \"upstreams\": [{\"to\": \"https://api.openai.com\"}]\n}"},
		{"a level that there is not", "{\n  \"log\": \"verbose\",\n  \"upstreams\": [{\"to\": \"https://api.openai.com\"}]\n}"},
		{"no time to drain", "{\n  \"drain\": \"-5s\",\n  \"upstreams\": [{\"to\": \"https://api.openai.com\"}]\n}"},
		{"a Redis without an address", "{\n  \"redis\": {\"password\": \"${KEY}\"},\n  \"upstreams\": [{\"to\": \"https://api.openai.com\"}]\n}"},
		{"a Redis without a port", "{\n  \"redis\": {\"addr\": \"localhost\"},\n  \"upstreams\": [{\"to\": \"https://api.openai.com\"}]\n}"},
		{"a target that changes nothing", upstreamsOf(`"failover": [{"name": "second"}]`)},
		{"two targets of one name", upstreamsOf(`"failover": [{"name": "b", "model": "gpt-5-mini"}, {"name": "b", "model": "gpt-5-nano"}]`)},
		{"a target without a scheme", upstreamsOf(`"failover": [{"to": "openrouter.ai/api/v1"}]`)},
		{"a target that sets its model twice", upstreamsOf(`"failover": [{"model": "a", "set": {"model": "b"}}]`)},
		{"three at once", upstreamsOf(`"prefix": 5, "burst": "x", "outageWait": 3`)},
	}
	var golden bytes.Buffer
	for _, row := range rows {
		name := configFile(t, row.config)
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), []string{"-check", "-config", name}, getenv, &stdout, &stderr)
		said := strings.ReplaceAll(stderr.String(), name, "proxy.json")
		if code != exitUsage || stdout.Len() > 0 {
			t.Errorf("%s: ended with %d and said %q, want 2 and nothing", row.name, code, &stdout)
		}
		if strings.Contains(said, secretValue) {
			t.Errorf("%s: the key is in %q", row.name, said)
		}
		for line := range strings.Lines(said) {
			if !strings.HasPrefix(line, "proxy.json:") || len(line) > 600 {
				t.Errorf("%s: said %q, want a line with the place", row.name, line)
			}
		}
		fmt.Fprintf(&golden, "%s\n%s\n", row.name, indent(said))
	}
	compareGolden(t, filepath.Join("testdata", "config.golden"), golden.Bytes())
}

func indent(text string) string {
	return "\t" + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n\t")
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(name, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(want), "\n")
	for i, line := range strings.Split(string(got), "\n") {
		if i >= len(lines) || line != lines[i] {
			t.Fatalf("%s:%d is not what it was (go test -update writes it anew): got %q", name, i+1, line)
		}
	}
}

// Flags are told like fields.
func TestWrongFlags(t *testing.T) {
	t.Parallel()
	good := configFile(t, upstreamsOf(`"burst": 1`))
	for _, row := range []struct {
		args []string
		want string // in what is said
	}{
		{nil, "there is no upstream; name one here, or with the flag -to"},
		{[]string{"-to", "api.openai.com"}, "-to: the URL must begin with https:// or http://"},
		{[]string{"-to", "https://api.openai.com", "-listen", "0.0.0.0:80"}, `-listen: "0.0.0.0:80" can be reached by other machines`},
		{[]string{"-to", "https://api.openai.com", "-listen", "8080"}, `-listen: "8080" is no address`},
		{[]string{"-to", "https://api.openai.com", "-redis", "redis"}, `-redis: "redis" is no address`},
		{[]string{"-to", "https://api.openai.com", "-config", good}, "-to: the config has upstreams already"},
		{[]string{"-config", good + ".not"}, "no such file"},
		{[]string{"-config", good, "more"}, "something after the flags"},
		{[]string{"-flavour"}, "flag provided but not defined"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), append(row.args, "-check"), os.LookupEnv, &stdout, &stderr)
		if len(row.args) > 0 && row.args[len(row.args)-1] == "more" {
			code = run(t.Context(), row.args, os.LookupEnv, &stdout, &stderr)
		}
		if code != exitUsage || !strings.Contains(stderr.String(), row.want) {
			t.Errorf("%q: ended with %d and said %q, want 2 and %q", row.args, code, &stderr, row.want)
		}
	}
}

// All that docs/proxy.md shows as a config is one.
func TestDocumentedConfig(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/proxy.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```json\n")[1:]
	if len(blocks) == 0 {
		t.Fatal("docs/proxy.md shows no config")
	}
	for _, block := range blocks {
		text, _, _ := strings.Cut(block, "```")
		var stdout, stderr bytes.Buffer
		all := func(string) (string, bool) { return "value", true }
		if code := run(t.Context(), []string{"-check", "-config", configFile(t, text)}, all, &stdout, &stderr); code != exitOK || stdout.String() != "ok\n" {
			t.Errorf("ended with %d and said %q:\n%s", code, &stderr, text)
		}
	}
	// And it names each field there is.
	for _, names := range [][]string{namesOf(reflect.TypeFor[config]()), namesOf(reflect.TypeFor[redisConfig]()), namesOf(reflect.TypeFor[upstream]()), namesOf(reflect.TypeFor[target]())} {
		for _, name := range names {
			if name != "" && !strings.Contains(string(page), "`"+name+"`") {
				t.Errorf("docs/proxy.md does not explain %s", name)
			}
		}
	}
}

// Each field of an upstream arrives in steadyhttp's setting of its name.
func TestSettingsArrive(t *testing.T) {
	t.Parallel()
	config := upstreamsOf(`"requestsPerSecond": 1, "requestsPerMinute": 2.5, "requestsPerDay": 3, "tokensPerMinute": 4,
		"inputTokensPerMinute": 5, "outputTokensPerMinute": 6, "maxConcurrent": 7, "burst": 8, "byModel": true, "maxQueue": 9, "observe": true,
		"maxAttempts": 10, "outageWait": "11s", "maxWait": "12s", "maxElapsed": "13s", "attemptTimeout": "14s", "firstOutput": "15s",
		"stallTimeout": "16s", "inferenceOnce": true, "maxBufferedBody": 17, "failoverMaxWait": "18s",
		"failover": [{"name": "b", "to": "https://openrouter.ai/api/v1", "header": {"authorization": "Bearer $$${KEY}", "X-Gone": ""}, "model": "m",
			"set": {"temperature": 1e-2, "stop": null, "nested": {"a": [1]}}, "maxInput": 19}]`)
	getenv := func(name string) (string, bool) { return "of-" + name, true }
	c, err := load(flags{config: configFile(t, config)}, getenv)
	if err != nil {
		t.Fatal(err)
	}
	tr := c.Upstreams[0].transport(nowhere{}, nil, "salt", zap.NewNop())
	r, th, f := tr.Retrier, tr.Throttler, tr.Failover.Targets[0]
	got := fmt.Sprintln(th.RequestsPerSecond, th.RequestsPerMinute, th.RequestsPerDay, th.TokensPerMinute, th.InputTokensPerMinute, th.OutputTokensPerMinute,
		th.MaxConcurrent, th.Burst, th.ByModel, th.MaxQueue, th.Inference, th.Salt,
		r.MaxAttempts, r.OutageWait, r.MaxWait, r.MaxElapsed, r.AttemptTimeout, r.FirstOutput, r.StallTimeout, r.InferenceOnce, r.MaxBufferedBody,
		tr.Failover.MaxWait, f.Name, f.URL, f.Model, f.MaxInput, f.Header["Authorization"], f.Header["X-Gone"] == nil, len(f.Header))
	want := "1 2.5 3 4 5 6 7 8 true 9 1 salt 10 11s 12s 13s 14s 15s 16s true 17 18s b https://openrouter.ai/api/v1 m 19 [Bearer $of-KEY] true 2"
	if got != want+"\n" {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if set := fmt.Sprintf("%s %v %s", f.Set["temperature"], f.Set["stop"], f.Set["nested"]); set != `1e-2 <nil> {"a": [1]}` {
		t.Errorf("got set %s", set)
	}
	if c.drain() != 30*time.Second || c.drainDelay() != time.Second || c.Listen != defaultListen {
		t.Error("the defaults are not those that are documented")
	}
}
