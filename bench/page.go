package bench

import (
	_ "embed"
	"fmt"
	"io"
	"runtime"
	"strings"
	"text/template"
)

//go:embed page.md.tmpl
var pageText string

var pageTemplate = template.Must(template.New("page").Parse(pageText))

// A Page is docs/benchmarks.md.
type Page struct {
	Tables   []*Table
	Versions map[string]string // of modules
	Kept     bool              // what is timed is of an earlier page
}

// Write writes the page.
func (p *Page) Write(w io.Writer) error { return pageTemplate.Execute(w, p) }

// Machine says what the figures were made with.
func (p *Page) Machine() string {
	return fmt.Sprintf("%s, %s/%s, %d CPUs", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
}

// Contenders lists all that stand in a table, each once, in the order in which
// they appear.
func (p *Page) Contenders() []Contender {
	var list []Contender
	seen := map[string]bool{}
	for _, t := range p.Tables {
		for _, r := range t.Rows {
			if c := r.Contender; c.How != "" && !seen[c.Name+c.How] {
				seen[c.Name+c.How] = true
				list = append(list, c)
			}
		}
	}
	return list
}

// Version is a rival's name with its module and version, for the list of them.
func (p *Page) Version(c Contender) string {
	if c.Module == "" {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("`%s` %s", c.Module, p.Versions[c.Module]))
}

// Losses lists where rivals that do as much have better figures than we.
func (p *Page) Losses() []string {
	return p.each(func(t *Table) []string { fair, _ := t.Losses(); return fair })
}

// Savings lists where rivals have better figures since they do less.
func (p *Page) Savings() []string {
	return p.each(func(t *Table) []string { _, cheap := t.Losses(); return cheap })
}

// Missed lists where we miss a goal of our own.
func (p *Page) Missed() []string { return p.each((*Table).Missed) }

func (p *Page) each(f func(*Table) []string) []string {
	var list []string
	for _, t := range p.Tables {
		list = append(list, f(t)...)
	}
	return list
}

// Attempts is how often rivals make a call at most.
func (p *Page) Attempts() int { return attempts }

// OurName is the name of the row that the others are compared with.
func (p *Page) OurName() string { return steady.Name }
