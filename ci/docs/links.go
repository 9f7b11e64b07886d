package main

import (
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
)

// A linkChecker knows the files of the repository.
type linkChecker struct {
	fsys    fs.FS
	tracked map[string]bool // files, and the folders that they are in
	pages   map[string]*page
}

func newLinkChecker(fsys fs.FS, tracked []string) *linkChecker {
	c := &linkChecker{fsys: fsys, tracked: map[string]bool{".": true}, pages: map[string]*page{}}
	for _, name := range tracked {
		for ; name != "."; name = path.Dir(name) {
			c.tracked[name] = true
		}
	}
	return c
}

func (c *linkChecker) check(p *page) (complaints []string) {
	for _, l := range p.links {
		if why := c.broken(p, l.target); why != "" {
			complaints = append(complaints, fmt.Sprintf("%s:%d: the link %s is broken: %s", p.name, l.line, l.target, why))
		}
	}
	return complaints
}

var lineAnchor = regexp.MustCompile(`^L([0-9]+)(?:-L([0-9]+))?$`)

// broken says what is wrong with a link, "" if nothing is.
func (c *linkChecker) broken(p *page, target string) string {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return "it is no URL"
	case u.Scheme == "http" || u.Scheme == "https":
		if u.Host == "" {
			return "it names no host"
		}
		return ""
	case u.Scheme != "":
		return ""
	case u.Host != "" || strings.HasPrefix(u.Path, "/"):
		return "it is not relative, and names no scheme"
	}
	name := p.name
	if u.Path != "" {
		if name = path.Join(path.Dir(p.name), u.Path); !c.tracked[name] {
			return "there is no " + name
		}
	}
	if u.Fragment == "" {
		return ""
	}
	text := ""
	if name != p.name {
		data, err := fs.ReadFile(c.fsys, name)
		if err != nil {
			return "an anchor in what is no file"
		}
		text = string(data)
	}
	if !strings.HasSuffix(name, ".md") {
		m := lineAnchor.FindStringSubmatch(u.Fragment)
		if m == nil {
			return "only pages have anchors; a source file has lines, as in #L10"
		}
		for _, number := range m[1:] {
			if n, _ := strconv.Atoi(number); n > strings.Count(text, "\n") {
				return fmt.Sprintf("%s has no line %s", name, number)
			}
		}
		return ""
	}
	to := p
	if name != p.name {
		if to = c.pages[name]; to == nil {
			to = parsePage(name, text)
			c.pages[name] = to
		}
	}
	if !to.anchors[u.Fragment] {
		return fmt.Sprintf("%s has no heading #%s", name, u.Fragment)
	}
	return ""
}
