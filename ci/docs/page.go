package main

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// A page is what matters of a file in Markdown.
type page struct {
	name    string
	anchors map[string]bool
	links   []link
	blocks  []block
}

type link struct {
	line   int
	target string
}

// A block is a fenced block of Go.
type block struct {
	line    int // of the fence
	text    string
	granted string // what <!-- go: … --> before it declares
}

var (
	fence       = regexp.MustCompile("^ *(```+|~~~+) *([A-Za-z0-9_+-]*)")
	heading     = regexp.MustCompile(`^#{1,6} +(.*?) *#*$`)
	inlineCode  = regexp.MustCompile("`[^`]*`")
	inlineLink  = regexp.MustCompile(`\]\(\s*<?([^)<>\s]+)>?(?:\s+"[^"]*")?\s*\)`)
	reference   = regexp.MustCompile(`^ {0,3}\[[^\]]+\]:\s*<?([^\s<>]+)>?`)
	htmlLink    = regexp.MustCompile(`(?:href|src)="([^"]+)"`)
	htmlAnchor  = regexp.MustCompile(`<[a-z0-9]+ [^>]*(?:id|name)="([^"]+)"`)
	shownLink   = regexp.MustCompile(`!?\[([^\]]*)\]\([^)]*\)`)
	grantedLine = regexp.MustCompile(`^<!-- go: (.*) -->$`)
)

func parsePage(name, text string) *page {
	p := &page{name: name, anchors: map[string]bool{}}
	open, goBlock, granted := "", false, ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if m := fence.FindStringSubmatch(line); m != nil && (open == "" || strings.HasPrefix(m[1], open) && m[2] == "") {
			if open != "" {
				open, goBlock = "", false
				continue
			}
			open, goBlock = m[1], m[2] == "go"
			if goBlock {
				p.blocks = append(p.blocks, block{line: i + 1, granted: granted})
			}
			granted = ""
			continue
		}
		if open != "" {
			if goBlock {
				p.blocks[len(p.blocks)-1].text += line + "\n"
			}
			continue
		}
		if m := grantedLine.FindStringSubmatch(line); m != nil {
			granted += m[1] + "\n"
			continue
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			p.addAnchor(slug(m[1]))
		}
		for _, m := range htmlAnchor.FindAllStringSubmatch(line, -1) {
			p.anchors[m[1]] = true
		}
		line = inlineCode.ReplaceAllString(line, "")
		for _, form := range []*regexp.Regexp{inlineLink, reference, htmlLink} {
			for _, m := range form.FindAllStringSubmatch(line, -1) {
				p.links = append(p.links, link{i + 1, m[1]})
			}
		}
	}
	return p
}

// addAnchor gives the second of two equal headings the suffix -1, and so on.
func (p *page) addAnchor(name string) {
	for n, unique := 0, name; ; n++ {
		if n > 0 {
			unique = fmt.Sprintf("%s-%d", name, n)
		}
		if !p.anchors[unique] {
			p.anchors[unique] = true
			return
		}
	}
}

// slug is the anchor that GitHub gives a heading.
func slug(heading string) string {
	heading = shownLink.ReplaceAllString(heading, "$1")
	return strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '-'
		case unicode.IsLetter(r), unicode.IsNumber(r), r == '-', r == '_':
			return unicode.ToLower(r)
		}
		return -1
	}, heading)
}
