package dialect

import (
	"strings"
	"testing"
)

func TestIsID(t *testing.T) {
	name := func(n int) string { return strings.Repeat("name-", n/5+1)[:n] }
	for _, row := range []struct {
		name, part string
		want       bool
	}{
		{"the longest name", name(maxName), false},
		{"longer than a name", name(maxName + 1), true},
		{"signs alone", "--", false},
		{"a number", "7", true},

		{"twenty bytes that change often", "aBcd-efGh-ijk1-lmno2", true},
		{"nineteen bytes that change often", "aBcd-efGh-ijk1-lmn2", false},
		{"twenty bytes with one digit", "aBcd-efGh-ijkL-lmno2", false},
		{"twenty bytes that change less often", "aBcd-efgh-ijk1-lmno2", false},

		{"words and a date", "claude-3-5-sonnet-20241022", false},
		{"words and a date of the last century", "some-model-19991231", false},
		{"words and eight digits that are no date", "some-model-30241022", true},
		{"eight digits that begin with 18", "some-model-18991231", true},
		{"eight digits that begin with 29", "some-model-29991231", true},
		{"eight digits that begin with 10", "some-model-10991231", true},
		{"words and seven digits", "some-model-2024102", true},
		{"one word and a date", "claude-20241022", true},
		{"words, a date and a number as long", "some-model-20241022-99999999", false},
		{"one word and four digits", "order-4711", true},
		{"two words and four digits", "my-order-4711", false},
		{"one word and three digits", "file-123", true},
		{"two words and three digits", "my-file-123", false},
		{"a letter and three digits", "f-123", false},
		{"one word and two digits", "file-12", false},
		{"an issue", "PROJ-7", true},
		{"the shortest key of a project", "AB-7", true},
		{"a letter and a number", "A-7", false},
		{"the longest key of a project", "ABCDEFGHIJ-7", true},
		{"longer than a key of a project", "ABCDEFGHIJK-7", false},
		{"no number of an issue", "PROJ-", false},

		{"a version", "v1", false},
		{"a word and twelve letters of both cases", "cus_AbcAbcAbcAbc", true},
		{"a word and eleven letters of both cases", "cus_AbcAbcAbcAb", false},
		{"an underscore and twelve letters of both cases", "_AbcAbcAbcAbc", false},
		{"a word and twelve capitals", "max_ABCDEFGHIJKL", false},
	} {
		p := position{n: 3, last: "things", before: "api"}
		if got := isID(&p, row.part); got != row.want {
			t.Errorf("%s: %s: got %t, want %t", row.name, row.part, got, row.want)
		}
	}
}

// A row of letters and digits is random if it changes as no name does, and long if it
// may be a secret as well. Each row shows one side of a bound.
func TestRun(t *testing.T) {
	for _, row := range []struct {
		name, text     string
		random, secret bool
	}{
		{"eight hexadecimal digits", "abcdef12", true, false},
		{"eight digits and letters", "abcdeg12", false, false},

		{"one row of digits, inside", "qrst123uvw", false, false},
		{"two rows of two digits, far apart", "1abcdefghijk2", false, false},
		{"two rows of three digits, far apart", "12abcdefghijk3", true, false},
		{"two rows in ten bytes, at both ends", "1yzklmnop2", false, false},
		{"two rows and three changes in ten bytes", "x1yzklmno2", true, false},
		{"two rows and three changes in eleven bytes", "x1yzklmnop2", false, false},
		{"both cases, a digit and three changes in ten bytes", "aBcdeFghi7", true, false},
		{"both cases, a digit and three changes in eleven bytes", "aBcdeFghij7", false, false},
		{"nine bytes", "aBcdeFgh7", false, false},
		{"both cases and no digit", "aBcDeFghij", false, false},

		{"sixteen bytes with one digit", "HgTrKzMnPqSt7wXy", false, false},
		{"two digits, no six small letters in a row", "hgtrk7mnpqs4zwxy", true, false},
		{"two digits, six small letters in a row", "bananab7ananana4", false, false},
		{"four digits, six small letters in a row", "banana77banana88", false, false},
		{"four changes in sixteen bytes", "bananab7ananan4a", true, false},
		{"four changes in seventeen bytes", "bananaba7ananan4a", false, false},
		{"both cases, no three small letters in a row", "ABabCDabEFabGH12", true, false},
		{"both cases, three small letters in a row", "ABabcDEabFGabH12", false, false},
		{"both cases, two changes in five bytes", "banaNaNaNaNana2a2ana", true, true},
		{"both cases, fewer changes", "banaNaNaNaNana22ana", false, false},

		{"every third letter a capital", "AbcAbcAbcAbcAbcAbcAbc", true, true},
		{"fewer capitals", "AbcAbcAbcAbcAbcAbcAbcd", false, false},
		{"every sixth letter a capital behind another", "ABCdefghijklABCdefghijkl", true, true},
		{"fewer capitals behind others", "ABCdefghijklABCdefghijklm", false, false},
		{"a capital before an a, and one behind", "ABCDefghijklmXaefghijklm", false, false},
		{"a capital behind an a", "ABCDefghijklmaXefghijklm", false, false},
		{"twenty letters of both cases", "AbcAbcAbcAbcAbcAbcAb", true, true},
		{"nineteen letters of both cases", "AbcAbcAbcAbcAbcAbcA", false, false},
		{"sixteen capitals", "GHIJKLMNOPQRSTUV", true, true},

		{"forty letters", strings.Repeat("banana", 7)[:40], true, true},
		{"thirty-nine letters", strings.Repeat("banana", 7)[:39], false, false},
		{"six consonants in a row", "bananabcdfghanana", true, true},
		{"five consonants in a row", "bananabcdfganana", false, false},
		{"a word that can be pronounced", "bananabananabanana", false, false},

		{"a digit before nineteen letters", "7banananabananabanan", true, true},
		{"a digit before eighteen letters", "7banananabananabana", false, false},
		{"three rows of digits", "banananan1bananana2bananan3", true, true},
		{"two rows of digits", "banananan1bananana2bananan", false, false},
		{"every sixth a digit", "bananananabananananb1234", true, true},
		{"fewer digits", "bananananabananananab1234", false, false},
		{"a digit and four consonants in a row", "bananabcdfananana7an", true, true},
		{"a digit and three consonants in a row", "bananabcdananana7ana", false, false},
		{"a digit, a capital and five consonants in a row", "Bananabcdfgananana7an", true, true},
		{"a digit, a capital and four consonants in a row", "Bananabcdfananana7an", false, false},
	} {
		var r run
		for i := range len(row.text) {
			r.next(row.text[i])
		}
		if r.random() != row.random || r.long() != row.secret {
			t.Errorf("%s: %s: got random %t, secret %t; want %t, %t\n%+v", row.name, row.text, r.random(), r.long(), row.random, row.secret, r)
		}
	}
}

func TestVersionsInPaths(t *testing.T) {
	for part, want := range map[string]bool{
		"v1": true, "V1": true, "v": false, "v1p1beta1": true, "v1x": false, "vx": false,
		"v20180820preview1": true, "v20180820preview12": false,
	} {
		if got := isVersion(part); got != want {
			t.Errorf("%s: got %t, want %t", part, got, want)
		}
	}
	for part, want := range map[string]bool{
		"2": true, "42": true, "1.1": true, "10.1": true, "10.10": true, "1x1": false, "12345": false,
		"2024-01": true, "1999-01": true, "1850-01": false, "2024x01": false,
		"2010-04-01": true, "2010x04-01": false, "2010-04x01": false,
		"20180820": true, "2018-082": false, "18180820": false, "201808": false, "201808201": false,
	} {
		if got := isNumberOfVersion(part); got != want {
			t.Errorf("%s: got %t, want %t", part, got, want)
		}
	}
}

func TestIsUUID(t *testing.T) {
	for part, want := range map[string]bool{
		"123e4567-e89b-12d3-a456-426614174000":  true,
		"DEADBEEF-CAFE-BABE-FACE-ABCDEFABCDEF":  true,
		"123e4567-e89b-12d3-a456-42661417400":   false,
		"123e4567-e89b-12d3-a456-4266141740000": false,
		"123e4567-e89b-12d3-a456-42661417400g":  false,
		"123e45670e89b-12d3-a456-426614174000":  false,
		"123e4567-e89b012d3-a456-426614174000":  false,
		"123e4567-e89b-12d30a456-426614174000":  false,
		"123e4567-e89b-12d3-a4560426614174000":  false,
		"every-word-of-this-is-a-word-of-some-": false,
		"every-word-of-this-is-a-word-of-some":  false,
	} {
		if got := isUUID(part); got != want {
			t.Errorf("%s: got %t, want %t", part, got, want)
		}
	}
}

func TestIsAddress(t *testing.T) {
	for part, want := range map[string]bool{
		"a@b.de": true, "alice@example.com": true, "alice.b@example.com": true, "alice+x@mail.example.com": true,
		"@example.com": false, "a@@b.com": false, "a@b@c.com": false, "a@example": false, "a.bc@d": false,
		"a@b.c": false, "a@1.1": false, "react@18.2.0": false, "a@b.c1": false, "alice": false,
	} {
		if got := isAddress(part); got != want {
			t.Errorf("%s: got %t, want %t", part, got, want)
		}
	}
}
