package dialect

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// shown is a tree as a person would write it down: members without names, in order.
func (t *tree) shown(at int32) string {
	if at == 0 {
		return "nothing"
	}
	switch t.nodes[at].kind {
	case '{', '[':
		var all []string
		for c := t.nodes[at].down; c != 0; c = t.nodes[c].next {
			all = append(all, t.shown(c))
		}
		return string(t.nodes[at].kind) + strings.Join(all, " ")
	case '"':
		return t.text(at)
	}
	return t.raw(at)
}

func TestTree(t *testing.T) {
	const deep, end = "[[[[[[[[", "]]]]]]]]" // as deep as is remembered
	if len(deep) != maxDepth {
		t.Fatal("maxDepth has changed")
	}
	long := strings.Repeat("a", 32) // stringEnd looks byte by byte so far
	for _, row := range []struct {
		name, text, want string
		whole            bool
	}{
		{"nothing", ``, `nothing`, false},
		{"no JSON", `x`, `x`, false},
		{"a number alone", `12`, `12`, true},
		{"a number that is negative", `-5`, `-5`, true},
		{"two values", `1 2`, `1`, false},
		{"blanks about everything", " { \"a\" : 1 , \"b\" :\t[ true , null ] }\n", `{1 [true null`, true},
		{"a blank behind a number", `[1 ,2]`, `[1 2`, true},
		{"brackets that do not match", `{"a":[1},"b":2}`, `{[1`, false},
		{"a sign in place of a value", `[:1]`, `[`, false},
		{"a sign in place of a member's value", `{"a"::1}`, `{`, false},
		{"a member without a value", `{"a":`, `{`, false},
		{"a member without a value, and a blank", `{"a": `, `{`, false},
		{"a member without a name", `{1:2}`, `{`, false},
		{"a member without a colon", `{"a" 1}`, `{`, false},

		{"as many elements as are remembered", `[1,2,3,4]`, `[1 2 3 4`, true},
		{"one more", `[1,2,3,4,5]`, `[1 2 3 4`, true},
		{"elements that are skipped, and what follows", `{"a":[1,2,3,4,5,{"x":"]"},["}"],"\"]",-1],"b":6}`, `{[1 2 3 4 6`, true},
		{"a skipped element that does not end", `{"a":[1,2,3,4,"x`, `{[1 2 3 4`, false},
		{"a skipped object that does not end", `{"a":[1,2,3,4,{"x":5}`, `{[1 2 3 4`, false},
		{"many members", `{"a":1,"b":2,"c":3,"d":4,"e":5,"f":6}`, `{1 2 3 4 5 6`, true},

		{"as deep as is remembered", deep + `1` + end, deep + `1`, true},
		{"deeper, and what follows", `{"a":` + deep[1:] + `[[1],"]",{"x":2}]` + end[1:] + `,"b":3}`, `{` + deep + ` 3`, true},
		{"deeper and without an end", deep + `[1`, deep + `[`, false},

		{"an escaped quote in a name", `{"a\"b":1,"c":2}`, `{1 2`, true},
		{"an escaped quote in a text", `["a\"b","c"]`, `[a"b c`, true},
		{"an escaped quote after thirty-two bytes", `["` + long + `\"b","c"]`, `[` + long + `"b c`, true},
		{"an escaped quote after thirty-one", `["` + long[1:] + `\"b","c"]`, `[` + long[1:] + `"b c`, true},
		{"two escapes after thirty-two bytes", `["` + long + `\\\"b","c"]`, `[` + long + `\"b c`, true},
		{"an escape far behind", `["` + long + long + `\nb\\","c"]`, `[` + long + long + "\nb\\" + ` c`, true},
		{"a long text that does not end", `["` + long + long + `\"`, `[`, false},
		{"half a word", `{"a":"b","c":"d`, `{b `, false},
	} {
		var tr tree
		tr.parse(row.text)
		if got := tr.shown(min(1, tr.n)); got != row.want || tr.whole != row.whole {
			t.Errorf("%s: %s: got %s, whole %t; want %s, whole %t", row.name, row.text, got, tr.whole, row.want, row.whole)
		}
	}
}

// A body that was cut is read up to there, wherever that is.
func TestTreeOfACutText(t *testing.T) {
	text := `{"a\"b": "c" , "d":[1,2,3,4,5,"e\\",{"f":"]"}],"g":[[[[[[[[[{"h":"\""},-1]]]]]]]]],"` + strings.Repeat("i", 40) + `\\":"` + strings.Repeat("j", 40) + `\"k","l":null,"m":true}`
	if !json.Valid([]byte(text)) {
		t.Fatal("the text is no JSON")
	}
	var tr tree
	last := 0
	for n := range len(text) + 1 {
		tr.parse(text[:n])
		if tr.whole != (n == len(text)) {
			t.Fatalf("%s: got whole %t", text[:n], tr.whole)
		}
		if got := tr.members(1); got < last || tr.n > 0 && !tr.is(1, '{') {
			t.Fatalf("%s: got %d members after %d", text[:n], got, last)
		} else {
			last = got
		}
		for at := range tr.n + 1 {
			tr.text(at)
			tr.number(at)
			tr.empty(at)
		}
	}
	if last != 6 {
		t.Errorf("got %d members, want 6", last)
	}
}

// What is remembered is bounded; what comes behind is skipped.
func TestTreeIsBounded(t *testing.T) {
	for n, want := range map[int]int{maxNodes - 2: maxNodes - 2, maxNodes - 1: maxNodes - 2, maxNodes + 50: maxNodes - 2} {
		members := make([]string, n)
		for i := range members {
			members[i] = fmt.Sprintf(`"m%d":%d`, i, i)
		}
		var tr tree
		tr.parse("{" + strings.Join(members, ",") + "}")
		if got := tr.members(1); got != want || !tr.whole {
			t.Errorf("%d members: got %d, whole %t; want %d", n, got, tr.whole, want)
		}
	}
	var tr tree
	tr.parse(`{` + strings.Repeat(`"a":0,`, maxNodes) + `"b":{"c":[{"d":1}]},"e":"f"}`)
	if !tr.whole || tr.at(pathOf("e")) != 0 {
		t.Errorf("objects behind what is remembered: got whole %t", tr.whole)
	}
}

func TestNamesAreFolded(t *testing.T) {
	for _, name := range []string{"SIZE_OF_Z", "size-of-z", "sizeOfZ", "SizeofZ"} {
		if fold(name) != fold("sizeofz") {
			t.Errorf("%s: got another hash than that of sizeofz", name)
		}
	}
	if fold("size") == fold("sizes") {
		t.Error("two names have one hash")
	}
}

func TestValues(t *testing.T) {
	digits := strings.Repeat("1", 32)
	for _, row := range []struct {
		name, value, text string
		number            float64
		isNumber, empty   bool
	}{
		{"a text", `"abc"`, "abc", 0, false, false},
		{"an empty text", `""`, "", 0, false, true},
		{"an escape at the beginning", `"\nabc"`, "\nabc", 0, false, false},
		{"a number in a text", `"4.5"`, "4.5", 4.5, true, false},
		{"a number", `-4e1`, "", -40, true, false},
		{"zero", `0`, "", 0, true, false},
		{"the longest number", digits, "", 11111111111111111111111111111111, true, false},
		{"a longer number", digits + "1", "", 0, false, false},
		{"true", `true`, "", 0, false, false},
		{"false", `false`, "", 0, false, true},
		{"null", `null`, "", 0, false, true},
		{"an empty object", `{ }`, "", 0, false, true},
		{"an empty array", `[]`, "", 0, false, true},
		{"an array of nothing", `[null]`, "", 0, false, false},
		{"an object", `{"a":1}`, "", 0, false, false},
	} {
		var tr tree
		tr.parse(row.value)
		n, ok := tr.number(1)
		if tr.text(1) != row.text || n != row.number || ok != row.isNumber || tr.empty(1) != row.empty {
			t.Errorf("%s: %s: got text %q, number %v %t, empty %t; want %q, %v %t, %t", row.name, row.value, tr.text(1), n, ok, tr.empty(1), row.text, row.number, row.isNumber, row.empty)
		}
	}
	// What lies deeper than is remembered is something, although nobody knows what.
	for text, want := range map[string]bool{`[[[[[[[[[1]]]]]]]]]`: false, `[[[[[[[[[]]]]]]]]]`: true} {
		var tr tree
		tr.parse(text)
		if deepest := tr.n; tr.nodes[deepest].down != 0 || tr.empty(deepest) != want {
			t.Errorf("%s: got empty %t, want %t", text, !want, want)
		}
	}
}

// The first of several places is that where a text stands that is not empty.
func TestFirstText(t *testing.T) {
	var tr tree
	tr.parse(`{"a":"","b":7,"c":"x","d":"y"}`)
	if got := tr.first(paths("nowhere", "a", "b", "c", "d")); got != "x" {
		t.Errorf("got %q, want x", got)
	}
	if got := tr.first(paths("nowhere", "a", "b")); got != "" {
		t.Errorf("got %q, want none", got)
	}
}

func TestUnescape(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"each escape", `\"\\\/\b\f\n\r\t`, "\"\\/\b\f\n\r\t"},
		{"an escape that nobody knows", `\x`, "x"},
		{"a backslash at the end", `abc\`, `abc\`},
		{"a character", `\u0041`, "A"},
		{"characters around it", `a\u00e9b`, "aéb"},
		{"too few digits", `\u00`, "\ufffd00"},
		{"no digits", `\u`, "\ufffd"},
		{"no hexadecimal digits", `\u00gh`, "\ufffd00gh"},
		{"two halves of one", `\ud83d\ude00!`, "😀!"},
		{"two halves of one at the end", `\ud83d\ude00`, "😀"},
		{"one half", `\ud83d`, "\ufffd"},
		{"one half and a text", `\ud83dab`, "\ufffdab"},
		{"one half and a backslash at the end", `\ud83d\`, `�\`},
		{"one half and another escape", `\ud83d\n`, "\ufffd\n"},
		{"one half and a character", `\ud83d\u0041`, "\ufffdA"},
		{"the halves in the wrong order", `\ude00\ud83d`, "\ufffd\ufffd"},
		{"one half and half of another", `\ud83d\ude`, "\ufffd\ufffdde"},
	} {
		if got := unescape(row.text); got != row.want {
			t.Errorf("%s: %s: got %q, want %q", row.name, row.text, got, row.want)
		}
	}
}
