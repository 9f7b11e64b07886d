package main

import (
	"cmp"
	"html/template"
	"net/http"
	"strings"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/debugsteady"
)

// debugHandler shows the page of each upstream: at debugPath itself if there is but
// one, else below it, under the upstream's prefix. The transports must not be in use yet.
func debugHandler(upstreams []upstream, transports []*steadyhttp.Transport) http.Handler {
	if len(transports) == 1 {
		return debugsteady.Handler(transports[0])
	}
	pages := make(map[string]http.Handler)
	var index strings.Builder
	type link struct{ Path, Prefix, Host string }
	var links []link
	for i, t := range transports {
		u := &upstreams[i]
		path := debugPath + cmp.Or(u.Prefix, "/-") // no prefix is a mere dash
		pages[path] = debugsteady.Handler(t)
		links = append(links, link{path, u.Prefix + "/", u.url.Host})
	}
	if err := debugIndex.Execute(&index, links); err != nil {
		panic(err) // it was tried by the tests
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimSuffix(r.URL.Path, "/")
		switch page := pages[path]; {
		case page != nil:
			page.ServeHTTP(w, r)
		case path == debugPath:
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
			w.Write([]byte(index.String()))
		default:
			http.NotFound(w, r)
		}
	})
}

var debugIndex = template.Must(template.New("").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>steadyhttp</title>
<style>:root{color-scheme:light dark}body{font:1rem/1.5 system-ui,sans-serif;margin:2rem}</style>
<h1>Upstreams</h1>
<ul>
{{range .}}<li><a href="{{.Path}}">{{.Prefix}}</a> {{.Host}}</li>
{{end}}</ul>
</html>
`))
