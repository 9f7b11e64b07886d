package debugsteady

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/steadyhttp/steadyhttp"
)

// serve asks a handler of an idle Transport.
func serve(method, target string, header ...string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	req := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	Handler(new(steadyhttp.Transport)).ServeHTTP(w, req)
	return w
}

func TestMethods(t *testing.T) {
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "PUT": 405, "DELETE": 405, "OPTIONS": 405, "TRACE": 405} {
		w := serve(method, "/debug/steadyhttp")
		if w.Code != want {
			t.Errorf("%s: got %d, want %d", method, w.Code, want)
		}
		if allow := w.Header().Get("Allow"); (allow == "GET, HEAD") != (want == 405) {
			t.Errorf("%s: got Allow: %q", method, allow)
		}
		if method == "HEAD" && (w.Body.Len() > 0 || w.Header().Get("Content-Length") == "") {
			t.Errorf("HEAD: got %d bytes and Content-Length %q", w.Body.Len(), w.Header().Get("Content-Length"))
		}
	}
}

func TestFormats(t *testing.T) {
	for _, row := range []struct {
		name, target, accept string
		json                 bool
	}{
		{"a browser", "/", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", false},
		{"curl", "/", "*/*", false},
		{"nothing said", "/", "", false},
		{"a program", "/", "application/json", true},
		{"a program that would take a page as well", "/", "application/json, text/html;q=0.5", false},
		{"the query asks for JSON", "/?format=json", "text/html", true},
		{"the query asks for HTML", "/?format=html", "application/json", false},
	} {
		w := serve("GET", row.target, "Accept", row.accept)
		isJSON := w.Header().Get("Content-Type") == "application/json"
		if isJSON != row.json || json.Valid(w.Body.Bytes()) != row.json {
			t.Errorf("%s: got %s", row.name, w.Header().Get("Content-Type"))
		}
	}
}

func TestHeaders(t *testing.T) {
	for _, method := range []string{"GET", "HEAD", "POST"} {
		h := serve(method, "/").Header()
		for name, want := range map[string]string{"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Vary": "Accept"} {
			if got := h.Get(name); got != want {
				t.Errorf("%s: got %s: %q, want %q", method, name, got, want)
			}
		}
		if policy := h.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "script") {
			t.Errorf("%s: got the policy %q", method, policy)
		}
	}
}

// TestPolicyAllowsTheStyle tries that the style sheet in the page is the one that the
// policy names.
func TestPolicyAllowsTheStyle(t *testing.T) {
	w := serve("GET", "/")
	parts := regexp.MustCompile(`(?s)<style>(.*)</style>`).FindStringSubmatch(w.Body.String())
	if parts == nil {
		t.Fatal("the page has no style sheet")
	}
	sum := sha256.Sum256([]byte(parts[1]))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; !strings.Contains(w.Header().Get("Content-Security-Policy"), want) {
		t.Errorf("got the policy %q, want one with %s", w.Header().Get("Content-Security-Policy"), want)
	}
}

func TestRefresh(t *testing.T) {
	const none = ""
	for query, want := range map[string]string{"": "5", "?refresh=30": "30", "?refresh=off": none, "?refresh=0": "5", "?refresh=-3": "5", "?refresh=x": "5", "?refresh=99999999999999999999": "5", "?refresh=99999": "3600"} {
		body := serve("GET", "/debug/steadyhttp"+query).Body.String()
		got := none
		if parts := regexp.MustCompile(`http-equiv="refresh" content="(\d+)"`).FindStringSubmatch(body); parts != nil {
			got = parts[1]
		}
		if got != want {
			t.Errorf("%q: the page is loaded anew after %q seconds, want %q", query, got, want)
		}
		if paused := strings.Contains(body, `href="?refresh=off">Pause`); paused != (want != none) {
			t.Errorf("%q: a link to pause: %v", query, paused)
		}
	}
}

// TestLinks tries that the page works under any prefix, and needs nothing else.
func TestLinks(t *testing.T) {
	w := httptest.NewRecorder()
	page := liveHandler(t)
	http.StripPrefix("/internal", page).ServeHTTP(w, httptest.NewRequest("GET", "/internal/debug/steadyhttp", nil))
	body := w.Body.String()
	links := regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(body, -1)
	if len(links) < 4 {
		t.Fatalf("got %d links", len(links))
	}
	for _, l := range links {
		switch {
		case strings.HasPrefix(l[1], "?"), l[1] == "data:,":
		case strings.HasPrefix(l[1], "#") && strings.Contains(body, `id="`+l[1][1:]+`"`):
		default:
			t.Errorf("got a link to %q", l[1])
		}
	}
	for _, no := range []string{"<script", "javascript:", " on", "style="} {
		if no == " on" {
			if m := regexp.MustCompile(`<[^>]*\son\w+=`).FindString(body); m != "" {
				t.Errorf("got a handler in %s", m)
			}
		} else if strings.Contains(body, no) {
			t.Errorf("the page has %q", no)
		}
	}
}

// TestTables tries that every table says what its cells are.
func TestTables(t *testing.T) {
	w := httptest.NewRecorder()
	liveHandler(t).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	tables := regexp.MustCompile(`(?s)<table.*?</table>`).FindAllString(w.Body.String(), -1)
	if len(tables) < 3 {
		t.Fatalf("got %d tables", len(tables))
	}
	for _, table := range tables {
		rows := regexp.MustCompile(`(?s)<tr.*?</tr>`).FindAllString(table, -1)
		columns := len(regexp.MustCompile(`<t[hd][ >]`).FindAllString(rows[0], -1))
		for i, row := range rows {
			if n := len(regexp.MustCompile(`<t[hd][ >]`).FindAllString(row, -1)); n != columns {
				t.Errorf("a row has %d cells, and the first %d: %s", n, columns, row)
			}
			if want := `scope="row"`; i > 0 && strings.Count(row, want) != 1 {
				t.Errorf("a row has no header: %s", row)
			}
		}
		for _, th := range regexp.MustCompile(`<th[^>]*>`).FindAllString(table, -1) {
			if th != "<thead>" && !strings.HasPrefix(th, "<thead ") && !strings.Contains(th, "scope=") {
				t.Errorf("a header has no scope: %s", th)
			}
		}
	}
	for _, svg := range regexp.MustCompile(`(?s)<svg[^>]*>(.*?)</svg>`).FindAllStringSubmatch(w.Body.String(), -1) {
		if !strings.Contains(svg[0], `aria-hidden="true"`) && !(strings.Contains(svg[1], "<title>") && strings.Contains(svg[1], "<desc>")) {
			t.Errorf("a picture has neither a title and a description nor is it hidden: %.80s", svg[0])
		}
	}
}

// liveHandler serves the page of a service at work.
func liveHandler(t *testing.T) http.Handler {
	var s *state
	synctest.Test(t, func(*testing.T) { s = liveState() })
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		serveState(w, req, func() *state { return s })
	})
}
