package dialect

import (
	"strings"
	"testing"
)

// Where a phrase is found in a text, and where its words only happen to be.
func TestPhrases(t *testing.T) {
	gap := func(n int) string { return strings.Repeat("x", n) }
	for _, row := range []struct {
		name, phrase, text string
		want               bool
	}{
		{"at the beginning", "quota", "quota exceeded", true},
		{"at the end", "quota", "your quota", true},
		{"within a word", "quota", "zquota", false},
		{"behind a digit", "quota", "9quota", false},
		{"behind another digit", "quota", "0quota", false},
		{"behind the first letter", "quota", "aquota", false},
		{"behind an underscore", "quota", "_quota", false},
		{"within a word, and then alone", "quota", "zquota quota", true},
		{"behind a sign", "quota", "(quota", true},
		{"Chinese behind letters", "请求", "abc请求", true},

		{"a gap of nothing", "a*b", "ab", true},
		{"the longest gap", "a*b", "a" + gap(maxGap) + "b", true},
		{"a longer gap", "a*b", "a" + gap(maxGap+1) + "b", false},
		{"a gap of clauses", "a*b", "a. x, y; b", true},
		{"two gaps", "a*b*c", "a x b y c", true},
		{"two gaps, the first too long", "a*b*c", "a" + gap(maxGap+1) + "b c", false},
		{"two gaps, and no end", "a*b*c", "a x b y", false},
		{"two gaps of nothing", "a*b*c", "abc", true},
		{"the end before the middle", "a*b*c", "a c b", false},
		{"a gap at the end of a text", "a*b", "a", false},

		{"no name", "no~ credits", "no credits", true},
		{"a name", "no~ credits", "no openai credits", true},
		{"a name of three words", "no~ credits", "no open ai plan credits", true},
		{"a name of four words", "no~ credits", "no open ai plan or credits", false},
		{"the longest name", "no~ credits", "no " + gap(maxNameGap-1) + " credits", true},
		{"a longer name", "no~ credits", "no " + gap(maxNameGap) + " credits", false},
		{"another clause", "no~ credits", "no, thanks credits", false},
		{"what makes a thing of it", "no~ credits", "no value credits", false},
		{"a word that goes on", "no~ credits", "none credits", false},
		{"nothing behind it", "no~ credits", "no", false},
		{"a name and a gap", "no~ credits*left", "no openai credits are left", true},
		{"a gap and a name", "no*credits~ left", "no more credits openai left", true},
		{"a gap and no name", "no*credits~ left", "no more credits, nothing left", false},
	} {
		if got := says(row.text, row.phrase); got != row.want {
			t.Errorf("%s: %q in %q: got %t, want %t", row.name, row.phrase, row.text, got, row.want)
		}
		// The index, which finds many phrases at once, agrees.
		if len(row.phrase) < 2 || row.phrase[1] == '*' {
			row.phrase, row.text = "z"+row.phrase, "z"+row.text // of which the first two bytes are letters
		}
		want := Class("")
		if row.want {
			want = Quota
		}
		if got := newIndex([]words{{Quota, "", []string{row.phrase}}}).heard(row.text, 0); got != want {
			t.Errorf("%s: the index finds %q, want %q", row.name, got, want)
		}
	}
	if head, rest, g := cutGap("*b"); head != "" || rest != "b" || g != '*' {
		t.Errorf("a phrase that begins with a gap: got %q, %q, %q", head, rest, g)
	}
}

// Of several phrases in a text the first in the list counts, wherever it stands, if the
// status is one of its.
func TestWhichPhraseIsHeard(t *testing.T) {
	list := []words{
		{Quota, "402 429", []string{"no credits", "no*money"}},
		{RateLimit, "!503", []string{"slow down", "no credits"}},
		{Overloaded, "", []string{"busy", "no money"}},
		{ServerError, "", []string{"no credits at all"}},
	}
	x := newIndex(list)
	for _, row := range []struct {
		text   string
		status int
		want   Class
	}{
		{"slow down, no credits", 429, Quota},
		{"no credits, slow down", 402, Quota},
		{"no credits", 500, RateLimit},
		{"no credits", 0, Quota},
		{"no credits", 503, ""},
		{"no credits at all", 503, ServerError},
		{"busy and slow down", 500, RateLimit},
		{"busy and slow down", 503, Overloaded},
		{"no money", 500, Overloaded},
		{"no more money", 429, Quota},
		{"no more money", 500, ""},
		{"n", 500, ""},
		{"", 500, ""},
	} {
		if got, short := x.heard(row.text, row.status), heard(list, row.text, row.status); got != row.want || short != row.want {
			t.Errorf("%q at %d: got %q and %q, want %q", row.text, row.status, got, short, row.want)
		}
	}
}

func TestApplies(t *testing.T) {
	for _, row := range []struct {
		on     string
		status int
		want   bool
	}{
		{"", 500, true}, {"500", 500, true}, {"500", 501, false}, {"500", 510, false}, {"500", 400, false},
		{"400 403", 403, true}, {"5xx", 599, true}, {"5xx", 499, false}, {"5xx !503", 503, false}, {"5xx !503", 502, true},
		{"!404", 404, false}, {"!404", 400, true}, {"!404", 0, true}, {"500", 0, true}, {"!4xx", 404, false}, {"429", 428, false},
	} {
		if got := applies(row.on, row.status); got != row.want {
			t.Errorf("%q at %d: got %t, want %t", row.on, row.status, got, row.want)
		}
	}
}

// A phrase in another form is never heard.
func TestPhrasesAreSimple(t *testing.T) {
	k := tables()
	for _, x := range []*index{k.phrases, k.lasting, k.passing, k.things, k.broke} {
		for _, w := range x.list {
			for _, phrase := range w.say {
				if got := string(simple(nil, phrase)); got != phrase {
					t.Errorf("%q: write %q", phrase, got)
				}
				if head, _, gap := cutGap(phrase); len(head) < 2 || len(head) == 2 && gap == 0 {
					t.Errorf("%q: begins with too little", phrase)
				}
			}
		}
	}
	for _, f := range families {
		for _, w := range f.phrases {
			for _, phrase := range w.say {
				if got := string(simple(nil, phrase)); got != phrase {
					t.Errorf("%s: %q: write %q", f.name, phrase, got)
				}
			}
		}
	}
}

// Texts are compared in one form, whatever their letters, blanks and quotes.
func TestSimple(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"capitals", "AZ az", "az az"},
		{"signs beside the capitals", "@[", "@["},
		{"blanks", "  a \t\n b", "a b"},
		{"a blank at the end", "a ", "a "},
		{"dashes", "rate-limit--x", "rate limit x"},
		{"quotes", "a `b` \"c\" 'd'", "a b c 'd'"},
		{"an apostrophe", "can’t", "can't"},
		{"another sign that begins like it", "a…b", "a…b"},
		{"half an apostrophe", "a\xe2\x80", "a\xe2\x80"},
		{"as much as is read", strings.Repeat("a", maxSaid), strings.Repeat("a", maxSaid)},
		{"more", strings.Repeat("a", maxSaid+1), strings.Repeat("a", maxSaid)},
	} {
		if got := string(simple(nil, row.text)); got != row.want {
			t.Errorf("%s: got %.80q, want %.80q", row.name, got, row.want)
		}
	}
}
