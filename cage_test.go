package steadyhttp_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode"
	"unicode/utf8"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/steadyhttp/steadyhttp"
)

// window is how many bytes of a secret may not be seen in a row.
const window = 8

// A sieve finds what a text has in common with any of the secrets, quickly: it
// lets through what may be one of their windows.
type sieve struct {
	secrets []string
	bits    [1 << 14]uint64
}

func newSieve(secrets []string) *sieve {
	s := &sieve{}
	for _, secret := range secrets {
		s.secrets = append(s.secrets, forms(secret)...)
	}
	for _, secret := range s.secrets {
		for i := 0; i+window <= len(secret); i++ {
			for _, at := range hashed([]byte(secret[i : i+window])) {
				s.bits[at>>6] |= 1 << (at & 63)
			}
		}
	}
	return s
}

// hashed is 20 bits of a window, in two ways.
func hashed(p []byte) [2]uint64 {
	n := binary.LittleEndian.Uint64(p)
	return [2]uint64{n * 0x9e3779b97f4a7c15 >> 44, n * 0xc2b2ae3d27d4eb4f >> 44}
}

// leak returns where a secret is seen in text, in whichever coding, "" if nowhere.
func (s *sieve) leak(text []byte) string {
	for _, form := range [][]byte{bytes.ToLower(text), unhexed(text)} {
		if found := s.find(form); found != "" {
			return found
		}
	}
	if !bytes.ContainsAny(text, `%&\`) {
		return ""
	}
	return s.find([]byte(unescaped(string(text))))
}

func (s *sieve) find(text []byte) string {
	for i := 0; i+window <= len(text); i++ {
		at := hashed(text[i:])
		if s.bits[at[0]>>6]&(1<<(at[0]&63)) == 0 || s.bits[at[1]>>6]&(1<<(at[1]&63)) == 0 {
			continue
		}
		seen := string(text[i : i+window])
		if slices.ContainsFunc(s.secrets, func(secret string) bool { return strings.Contains(secret, seen) }) {
			return string(text[max(0, i-60):min(len(text), i+40)])
		}
	}
	return ""
}

// checkLines reports what is not one clean line an entry: zap writes a control
// character as an escape.
func checkLines(text []byte, entries int) error {
	if n := bytes.Count(text, []byte("\n")); n != entries {
		return fmt.Errorf("got %d lines, want one for each of %d entries", n, entries)
	}
	for i := 0; i < len(text); {
		if text[i] != '\\' {
			i++
			continue
		}
		if i+1 < len(text) && text[i+1] != '"' && text[i+1] != '\\' {
			return fmt.Errorf("got the escape %q, want none", text[i:min(len(text), i+6)])
		}
		i += 2
	}
	return nil
}

// A cage is a Transport whose entries are kept in both of their forms.
type cage struct {
	*steadyhttp.Transport
	console, json bytes.Buffer
	entries       int
	replies       func(*http.Request) (*http.Response, error)
	prepares      func(*http.Request) error
}

func newCage() *cage {
	g := new(cage)
	config := zap.NewProductionEncoderConfig()
	logger := zap.New(zapcore.NewTee(
		zapcore.NewCore(zapcore.NewConsoleEncoder(zap.NewDevelopmentEncoderConfig()), zapcore.AddSync(&g.console), zapcore.DebugLevel),
		zapcore.NewCore(zapcore.NewJSONEncoder(config), zapcore.AddSync(&g.json), zapcore.DebugLevel),
	), zap.Hooks(func(zapcore.Entry) error { g.entries++; return nil }))
	g.Transport = &steadyhttp.Transport{
		Base: roundTripperFunc(func(req *http.Request) (*http.Response, error) {
			if req.Body != nil {
				io.Copy(io.Discard, req.Body)
				req.Body.Close()
			}
			return g.replies(req)
		}),
		Retrier: &steadyhttp.Retrier{BackOff: noWait, MaxAttempts: 2, MaxWait: time.Second, Prepare: func(req *http.Request, _ int) error { return g.prepares(req) }},
		Logger: &steadyhttp.Logger{
			Zap: logger, Attempts: true, Headers: []string{"X-Allowed", "Location", "Authorization", "X-Api-Key"}, Query: []string{"key", "api_key", "sig", "jwt", "pass"},
		},
	}
	return g
}

// release sends one call with the canaries of c and looks for them in all that
// comes out. It returns how many entries were written.
func (g *cage) release(t testing.TB, c *canaries) int {
	t.Helper()
	g.console.Reset()
	g.json.Reset()
	g.entries = 0
	g.replies = c.answer
	g.prepares = func(req *http.Request) error {
		if c.IntN(8) == 0 {
			return c.err(req)
		}
		return nil
	}
	g.Logger.Bodies = 0
	if c.IntN(2) == 0 {
		g.Logger.Bodies = 1 << 14
	}
	req := c.request(t)
	resp, err := g.RoundTrip(req)
	secrets := newSieve(c.secrets)
	if call, ok := steadyhttp.FromContext(req.Context()); ok {
		check(t, "the call", fmt.Appendf(nil, "%+v", call), secrets)
	}
	if c.IntN(50) == 0 {
		for _, k := range g.Snapshot() {
			check(t, "a key", fmt.Appendf(nil, "%s %s %s %s %s", k.Key.Host, k.Key.Route, k.Key.Bucket, k.Key.Model, k.Key.Label()), secrets)
		}
	}
	if err != nil {
		check(t, "what an error says", []byte(told(resp, err)), newSieve(c.unsent()))
	} else {
		check(t, "what an error says", []byte(told(resp, err)), secrets)
	}
	if resp != nil {
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if err != nil {
			check(t, "what an error of the body says", []byte(told(nil, err)), newSieve(c.unsent()))
		}
	}
	for _, form := range []struct {
		name string
		text []byte
	}{{"console", g.console.Bytes()}, {"JSON", g.json.Bytes()}} {
		check(t, form.name, form.text, secrets)
		if err := checkLines(form.text, g.entries); err != nil {
			t.Errorf("%s: %v\n%s", form.name, err, form.text)
		}
	}
	return g.entries
}

// check looks for secrets, and for what cannot be printed, in text.
func check(t testing.TB, where string, text []byte, secrets *sieve) {
	t.Helper()
	if found := secrets.leak(text); found != "" {
		t.Errorf("%s: got a secret in …%s…, want none", where, found)
	}
	if i := bytes.IndexFunc(text, func(r rune) bool { return r != '\n' && r != '\t' && (r == utf8.RuneError || !unicode.IsPrint(r)) }); i >= 0 {
		t.Errorf("%s: got %q, want nothing but what can be printed", where, text[max(0, i-20):min(len(text), i+20)])
	}
}

// told is all the text that a caller gets to see of an outcome.
func told(resp *http.Response, err error) string {
	var e *steadyhttp.Error
	if !errors.As(steadyhttp.Check(resp, err), &e) {
		return ""
	}
	all := []string{fmt.Sprintf("%+v", e), e.UserMessage(), e.Message, e.Code, e.Param, e.RequestID, e.Hint, e.Provider, e.RetryAfterSource, e.ScopeName}
	for _, a := range e.RateLimit {
		all = append(all, a.Name, a.Unit)
	}
	return strings.Join(all, "\t")
}

var (
	canaryEntries = flag.Int("canary.entries", 0, "how many entries TestCanaries looks at; 0 is some thousands, 20,000 with -long")
	canarySeed    = flag.Uint64("canary.seed", 0, "the seed that TestCanaries begins with")
)

// No secret of any kind, in any place, reaches any output. In a failure the
// seed that is named gives the same call again. A longer look, and one at other
// calls, is
//
//	go test -v -run '^TestCanaries$' . -canary.entries 1000000 -canary.seed 100000 -timeout 2h
func TestCanaries(t *testing.T) {
	t.Parallel()
	const cages = 2
	const callsOfACage = 5_000 // its Throttler learns more and more keys, which takes time
	n := *canaryEntries
	if n == 0 {
		n = howMany(200, 1_500, 20_000)
		if underRace() { // which makes each call take many times as long, and has nothing to find: a cage belongs to one goroutine
			n = min(n, 1500)
		}
	}
	for i := range uint64(cages) {
		t.Run(fmt.Sprintf("cage %d", i+1), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := newCage()
				entries, failures := 0, 0
				for seed, calls := *canarySeed+i, 1; entries < n/cages; seed, calls = seed+cages, calls+1 {
					if calls%callsOfACage == 0 {
						g = newCage()
					}
					quiet := &recorder{TB: t}
					entries += g.release(quiet, newCanaries(seed))
					if quiet.failures != "" {
						if failures++; failures <= 5 {
							t.Errorf("seed %d: %s", seed, quiet.failures)
						}
					}
				}
				t.Logf("%d calls with a leak or a broken line among %d entries", failures, entries)
			})
		})
	}
}

// A recorder keeps failures, to be told with their seed.
type recorder struct {
	testing.TB
	failures string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures += fmt.Sprintf(format, args...) + "\n"
}

func FuzzEntry(f *testing.F) {
	f.Add(uint64(1), "")
	f.Add(uint64(2), "\x1b[31m\r\n")
	f.Add(uint64(3), `{"error":{"message":"`)
	f.Add(uint64(4), "Authorization: Bearer ")
	f.Fuzz(func(t *testing.T, seed uint64, noise string) {
		synctest.Test(t, func(t *testing.T) {
			c := newCanaries(seed)
			c.noise = noise
			newCage().release(t, c)
		})
	})
}
