package steadyhttp_test

import (
	"testing"

	"github.com/steadyhttp/steadyhttp/internal/corpus"
)

// holdoutFile was labelled by meaning before the package judged a row of it.
// Its least shares are those of the first run. They guard against a change that
// makes answers worse that nobody had in view.
var holdoutFile = corpusFile{"holdout.jsonl", 77.1, 93.9, 81.7, 92.5, 94.8, 84.1}

func TestHoldout(t *testing.T) {
	t.Setenv("STEADYHTTP_CORPUS", "") // another folder need not have this file
	s := &shares{t: t, right: map[string]int{}}
	for _, r := range corpus.Read(t, holdoutFile.name) {
		before := s.right["class"]
		s.through(r)
		if r.Want.Class == "none" && s.right["class"] == before {
			t.Errorf("%s: a normal answer was called an error", r.ID)
		}
	}
	s.checkAll(holdoutFile)
	s.check("retry", holdoutFile.retry)
}
