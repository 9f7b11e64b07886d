package steadyhttp_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/corpus"
)

// holdoutFiles were labelled by meaning before the package judged a row of them.
// Their least shares are those of the first run. They guard against a change that
// makes answers worse that nobody had in view.
var holdoutFiles = []corpusFile{
	{"holdout.jsonl", 77.1, 93.9, 81.7, 92.5, 94.8, 84.1},
	{"holdout2.jsonl", 93.4, 92.8, 98.8, 96.4, 98.8, 96.4},
	{"holdout3.jsonl", 94.7, 93.5, 97.6, 96.4, 98.8, 97.0},
	{"holdout4.jsonl", 77.7, 92.2, 81.8, 98.9, 97.4, 94.3},
	{"holdout5.jsonl", 91.5, 95.3, 94.0, 97.8, 98.3, 94.5},
	{"holdout6.jsonl", 96.7, 98.3, 100, 100, 100, 88.5},
	{"holdout7.jsonl", 95.7, 99.1, 98.3, 98.7, 99.5, 93.6},
	{"holdout8.jsonl", 98.7, 98.7, 100, 100, 100, 92.6},
	{"holdout9.jsonl", 96.6, 98.5, 97.0, 99.2, 98.8, 93.3},
	{"holdout10.jsonl", 87.3, 91.4, 86.2, 95.1, 97.7, 91},
	{"holdout11.jsonl", 88.7, 93.1, 88.7, 96.1, 98.7, 90.9},
	{"holdout12.jsonl", 87.9, 91.5, 87.9, 98.7, 100, 94.5},
	{"holdout13.jsonl", 94.8, 96.2, 96.2, 97.1, 99.5, 96.2},
	{"holdout14.jsonl", 95.3, 94.4, 92.5, 96.2, 100, 95.3},
	{"holdout15.jsonl", 91.2, 94.7, 92.9, 94.7, 100, 92.9},
	{"holdout16.jsonl", 95.7, 95.7, 96.5, 97.3, 100, 97.6},
}

func TestHoldout(t *testing.T) {
	t.Setenv("STEADYHTTP_CORPUS", "") // another folder need not have these files
	for _, f := range holdoutFiles {
		t.Run(f.name, func(t *testing.T) {
			s := &shares{t: t, right: map[string]int{}}
			for _, r := range corpus.Read(t, f.name) {
				before := s.right["class"]
				s.through(r)
				if r.Want.Class == "none" && s.right["class"] == before {
					t.Errorf("%s: a normal answer was called an error", r.ID)
				}
			}
			s.checkAll(f)
			s.check("retry", f.retry)
		})
	}
}

// Check looks into the successes of reads too, which a Transport leaves alone where
// nobody knows the API. It must not take more of them for errors.
func TestHoldoutThroughCheck(t *testing.T) {
	t.Setenv("STEADYHTTP_CORPUS", "")
	for _, f := range holdoutFiles {
		t.Run(f.name, func(t *testing.T) {
			s := &shares{t: t, right: map[string]int{}}
			for _, r := range corpus.Read(t, f.name) {
				err := steadyhttp.Check(responseOf(r, requestOf(t, r)), nil)
				if r.Want.Class == "none" && err != nil {
					t.Errorf("%s: a normal answer was called an error: %v", r.ID, err)
				}
				s.row(r, err)
			}
			s.checkAll(f)
		})
	}
}

// pages are what a row is from: the address of a page, or the number of a file.
var pages = regexp.MustCompile(`https?://[^\s,]+|index id \d+`)

// A holdout measures nothing that another file has taught: no row shares its body, its
// message or its page with a row of another file.
func TestHoldoutIsFresh(t *testing.T) {
	t.Setenv("STEADYHTTP_CORPUS", "")
	fresh := []string{"holdout5.jsonl", "holdout6.jsonl", "holdout7.jsonl", "holdout8.jsonl", "holdout9.jsonl", "holdout10.jsonl", "holdout11.jsonl", "holdout12.jsonl", "holdout13.jsonl", "holdout14.jsonl", "holdout15.jsonl", "holdout16.jsonl"}
	squeezed := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }
	marks := func(r corpus.Row) []string {
		all := pages.FindAllString(r.Source, -1)
		for _, s := range []string{r.Body, r.Want.Message} {
			if s != "" {
				all = append(all, squeezed(s))
			}
		}
		return all
	}
	seen := map[string]string{}
	for _, name := range corpus.Files(t) {
		for _, r := range corpus.Read(t, name) {
			for _, mark := range marks(r) {
				if where, _, _ := strings.Cut(seen[mark], ","); where != "" && where != name && (slices.Contains(fresh, where) || slices.Contains(fresh, name)) {
					t.Errorf("%s, %s: %.60q is in %s too", name, r.ID, mark, seen[mark])
				}
				seen[mark] = name + ", " + r.ID
			}
		}
	}
}
