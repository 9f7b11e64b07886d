package browsertest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/debugsteady"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// secrets are put wherever a request or a response has a place for one.
var secrets = []string{"sk-proj-Hq3vT8mZx2LwN7cRkP5yJd9sBf4gAe6u", "Zt7Qm2Xv9KpLw4Rc", "ghp_x9Kq2Lm7Zt4Vb8Nc3Wr6Yd1Hs5Jf0GpTaEuX"}

// A service calls an API by way of a Transport whose page is served.
type service struct {
	transport *steadyhttp.Transport
	api       *steadyhttptest.Server
	page      string // its URL
}

func startService(t *testing.T) *service {
	s := &service{api: steadyhttptest.NewServer()}
	t.Cleanup(s.api.Close)
	quoted := "You sent " + strings.Join(secrets, " and ")
	s.api.Limit("/v1/chat/completions", steadyhttptest.Limit{Requests: 1000, Tokens: 100_000, Window: time.Minute})
	s.api.Script("/v1/chat/completions", steadyhttptest.ChatCompletion("It is a page."))
	s.api.Script("/users/17", steadyhttptest.Reply{Status: 401, Body: quoted, Header: http.Header{"X-Request-Id": {secrets[0]}, "Set-Cookie": {secrets[1]}}})
	s.api.Script("/users/18", steadyhttptest.Reply{Body: "ok"})
	s.api.Script("/paused", steadyhttptest.OpenAIError(429, "requests", "rate_limit_exceeded", quoted), steadyhttptest.Reply{Body: "ok"})
	s.api.Script("/down", steadyhttptest.Reply{Status: 503, Body: "<script>alert(1)</script> " + quoted})
	s.transport = &steadyhttp.Transport{
		Retrier:   &steadyhttp.Retrier{MaxAttempts: 2},
		Throttler: &steadyhttp.Throttler{RequestsPerMinute: 60, Burst: 60},
		Failover:  &steadyhttp.Failover{Targets: []steadyhttp.Target{{Name: "west", URL: s.api.URL + "/v1", Header: http.Header{"Authorization": {"Bearer " + secrets[0]}}}}},
	}
	mux := http.NewServeMux()
	mux.Handle("/internal/debug/steadyhttp", debugsteady.Handler(s.transport))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.page = server.URL + "/internal/debug/steadyhttp"
	return s
}

// call makes a call, with secrets where they belong.
func (s *service) call(ctx context.Context, method, path, body string) {
	req, err := http.NewRequestWithContext(ctx, method, s.api.URL+path+"?api_key="+secrets[1], strings.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Authorization", "Bearer "+secrets[0])
	req.Header.Set("X-Api-Key", secrets[1])
	req.Header.Set("Cookie", "session="+secrets[2])
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if resp, err := s.transport.RoundTrip(req); err == nil {
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
}

// busy makes calls of all kinds, and ends when they have ended.
func (s *service) busy(t *testing.T) {
	const question = `{"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "What is it?"}]}`
	for range 5 {
		s.call(t.Context(), "POST", "/v1/chat/completions", question)
		s.call(t.Context(), "GET", "/users/18", "")
		s.call(t.Context(), "GET", "/users/17", "")
	}
	s.call(t.Context(), "GET", "/paused", "")
	for range 4 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		s.call(ctx, "GET", "/down", "")
		cancel()
	}
}

// row is one limit as it stands on the page.
type row struct{ Limit, From, Left string }

// readKeys reads the parts of the page, by the names of their keys.
const readKeys = `JSON.stringify(Object.fromEntries([...document.querySelectorAll("article")].map(a => [
	a.querySelector("h3").textContent,
	{text: a.innerText, rows: [...a.querySelectorAll(".limits tbody tr")].map(r => ({Limit: r.cells[0].textContent, From: r.cells[1].textContent, Left: r.cells[2].textContent}))},
])))`

// TestValues compares what stands on the page with the Snapshot.
func TestValues(t *testing.T) {
	b, s := start(t), startService(t)
	s.busy(t)
	waiting := make(chan struct{})
	ctx, stop := context.WithCancel(t.Context())
	go func() { // more than a minute's limit: some wait
		defer close(waiting)
		for range 60 {
			go s.call(ctx, "GET", "/users/18", "")
		}
	}()
	<-waiting
	for s.waiting() < 10 {
		time.Sleep(10 * time.Millisecond)
	}
	defer stop()
	for try := 0; ; try++ { // a value may change while the page is loaded
		before := s.transport.Snapshot()
		b.do(chromedp.Navigate(s.page + "?refresh=off"))
		after := s.transport.Snapshot()
		var keys map[string]struct {
			Text string
			Rows []row
		}
		if err := json.Unmarshal([]byte(b.text(readKeys)), &keys); err != nil {
			t.Fatal(err)
		}
		var wrong []string
		for i, k := range before {
			name := k.Key.Label()
			if k.Key.Credential == 1 {
				name += " (no credential)"
			}
			got, ok := keys[name]
			if !ok {
				t.Fatalf("%s is not on the page: %v", name, keys)
			}
			for j, l := range k.Limits {
				want := row{From: "set", Left: amount(l.Left)}
				if l.Learned {
					want.From = "stated"
				}
				if now := after[slices.IndexFunc(after, func(a limit.KeyState) bool { return a.Key == before[i].Key })]; len(now.Limits) != len(k.Limits) || now.Limits[j].Left != l.Left {
					continue // it changes now
				}
				if r := got.Rows[j]; r.From != want.From || r.Left != want.Left || !strings.HasPrefix(strings.ReplaceAll(r.Limit, ",", ""), fmt.Sprint(l.Limit)) {
					wrong = append(wrong, fmt.Sprintf("%s: got %+v, want %+v of %v", name, r, want, l.Limit))
				}
			}
			if want := fmt.Sprintf("%d normal", k.Waiting); k.Waiting > 0 && !strings.Contains(got.Text, want) {
				wrong = append(wrong, fmt.Sprintf("%s: got %q, want %q", name, got.Text, want))
			}
		}
		if len(wrong) == 0 {
			break
		}
		if try == 5 {
			t.Fatal(strings.Join(wrong, "\n"))
		}
	}
	if says := b.text(`document.querySelector(".says").textContent`); !strings.Contains(says, "wait") {
		t.Errorf("the first line says %q", says)
	}
	b.silent()
}

func (s *service) waiting() (n int) {
	for _, k := range s.transport.Snapshot() {
		n = max(n, k.Waiting)
	}
	return n
}

func amount(x float64) string {
	text := fmt.Sprint(int64(math.Round(x)))
	if n := len(text); n > 3 {
		text = text[:n-3] + "," + text[n-3:]
	}
	return text
}

// TestRefreshes tries that the page loads anew by itself where the reader was, and
// that it can be paused.
func TestRefreshes(t *testing.T) {
	b, s := start(t), startService(t)
	s.busy(t)
	b.looks(800, 300, "light", "")
	b.do(chromedp.Navigate(s.page + "?refresh=1"))
	const clock = `document.querySelector("time").dateTime`
	first := b.text(clock)
	value[any](b, `scrollTo(0, 200)`)
	b.until("the page is loaded anew", fmt.Sprintf("%s != %q && document.readyState == 'complete'", clock, first))
	b.until("it is shown from where it was", "scrollY == 200")
	value[any](b, `[...document.querySelectorAll("a")].find(a => a.textContent == "Pause").click()`)
	b.until("it is paused", `document.body.innerText.includes("Paused") && !document.querySelector("meta[http-equiv=refresh]") && document.readyState == 'complete'`)
	if at := b.text("location.pathname"); at != "/internal/debug/steadyhttp" {
		t.Errorf("the link to pause leads to %s", at)
	}
	value[any](b, `[...document.querySelectorAll("a")].find(a => a.textContent == "Go on").click()`)
	b.until("it goes on", `!!document.querySelector("meta[http-equiv=refresh]")`)
	b.silent()
}

// TestNoSecrets looks for secrets, and for what a server would have the page do.
func TestNoSecrets(t *testing.T) {
	b, s := start(t), startService(t)
	s.busy(t)
	b.do(chromedp.Navigate(s.page + "?refresh=off"))
	resp, err := http.Get(s.page + "?format=json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	for name, page := range map[string]string{"the page": b.text("document.documentElement.outerHTML"), "the JSON": string(text)} {
		if !strings.Contains(page, "authentication") || !strings.Contains(page, "You sent") {
			t.Errorf("%s shows no failure", name)
		}
		for _, secret := range secrets {
			if at := strings.Index(page, secret[:8]); at >= 0 {
				t.Errorf("%s has %s: %.200s", name, secret, page[max(at-100, 0):])
			}
		}
	}
	if n := value[int](b, `document.querySelectorAll("script").length`); n != 0 {
		t.Errorf("the page has %v scripts", n)
	}
	b.silent()
}

// TestLooks tries that the page fits a phone and a screen, in both colour schemes and
// in print, and that its texts can be read.
func TestLooks(t *testing.T) {
	b, s := start(t), startService(t)
	s.busy(t)
	backgrounds := map[string]bool{}
	for _, width := range []int64{390, 1280} {
		for _, scheme := range []string{"light", "dark"} {
			b.looks(width, 844, scheme, "")
			b.do(chromedp.Navigate(s.page + "?refresh=off"))
			name := fmt.Sprintf("%d-%s", width, scheme)
			b.fits(name)
			backgrounds[b.text("getComputedStyle(document.body).backgroundColor")] = true
			if got := b.text(contrast); got != "" {
				t.Errorf("%s: texts of too little contrast:\n%s", name, got)
			}
			b.keep(name+".png", chromedp.FullScreenshot(100))
		}
	}
	if len(backgrounds) != 2 {
		t.Errorf("got the backgrounds %v, want one that is light and one that is dark", backgrounds)
	}
	b.looks(720, 1000, "dark", "print")
	b.do(chromedp.Navigate(s.page + "?refresh=off"))
	b.fits("print")
	if got := b.text(contrast); got != "" {
		t.Errorf("print: texts of too little contrast:\n%s", got)
	}
	b.keep("print.png", chromedp.FullScreenshot(100))
	b.keep("print.pdf", chromedp.PrintToPDF())
	b.silent()
}

// fits requires that nothing stands beyond the right edge.
func (b *browser) fits(name string) {
	b.Helper()
	if wide, screen := value[float64](b, "document.scrollingElement.scrollWidth"), value[float64](b, "innerWidth"); wide > screen {
		b.Errorf("%s: the page is %v wide, and the screen %v: %s", name, wide, screen,
			b.text(`[...document.querySelectorAll("body *")].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + "." + e.getAttribute("class")).slice(0, 9).join(" ")`))
	}
}

// silent requires that the console says nothing.
func (b *browser) silent() {
	b.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, p := range b.problems {
		b.Errorf("the console says: %s", p)
	}
}

// contrast lists the texts whose colours have less than 4.5 to 1, as WCAG's level AA
// wants.
const contrast = `(() => {
	const parse = c => c.match(/[\d.]+/g).map(Number);
	const light = c => { const [r, g, b] = parse(c).map(v => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4 }); return 0.2126 * r + 0.7152 * g + 0.0722 * b };
	const behind = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor; const p = parse(c); if (p.length < 4 || p[3] > 0) return c } return "rgb(255, 255, 255)" };
	const bad = new Set();
	const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	while (texts.nextNode()) {
		const e = texts.currentNode.parentElement;
		if (!texts.currentNode.data.trim() || e.closest("svg") || e.closest("style")) continue;
		const [a, b] = [light(getComputedStyle(e).color), light(behind(e))];
		const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
		if (ratio < 4.5) bad.add(ratio.toFixed(2) + " " + e.tagName + "." + e.className + " " + texts.currentNode.data.trim().slice(0, 30));
	}
	return [...bad].slice(0, 10).join("\n");
})()`
