package steadyhttp_test

import (
	"testing"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/corpus"
)

// Kinds of answers that were once judged wrongly, answers of public APIs, and answers
// that only seem to be failures. The id of a row says which kind is broken.
func TestKindsOfAnswers(t *testing.T) {
	for _, f := range []corpusFile{
		// Two of its rows are answers to a GET with no more than words and a Retry-After.
		// What polls work and fetches files gets the same, so they are told and not repeated:
		// hidden-retry-after-get and hidden-retry-after-text.
		{"kinds.jsonl", 100, 100, 100, 100, 100, 99.6},
		{"public.jsonl", 100, 100, 100, 100, 100, 100},
		{"third.jsonl", 100, 100, 100, 100, 100, 100},
		{"fourth.jsonl", 100, 100, 100, 100, 100, 99.8}, // it wants a login repeated that locks the account
		{"composed.jsonl", 100, 0, 0, 0, 0, 99.8},       // nor are those of these; two want the answer of a health endpoint repeated
		{"lookalikes.jsonl", 100, 0, 0, 0, 0, 100},      // their texts are not the matter
	} {
		t.Run(f.name+"/Check", func(t *testing.T) {
			s := &shares{t: t, right: map[string]int{}}
			for _, r := range corpus.Read(t, f.name) {
				s.row(r, steadyhttp.Check(responseOf(r, requestOf(t, r)), nil))
			}
			s.checkAll(f)
		})
		t.Run(f.name+"/Transport", func(t *testing.T) {
			s := &shares{t: t, right: map[string]int{}}
			for _, r := range corpus.Read(t, f.name) {
				s.through(r)
			}
			s.checkAll(f)
			s.check("retry", f.retry)
		})
	}
}
