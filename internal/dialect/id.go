package dialect

import (
	"strings"
	"unicode/utf8"
)

// maxName bounds a part of a path that is a name. What is longer is data.
const maxName = 64

// minLong is from where on a run of letters and digits may be a secret.
const minLong = 16

// isID reports whether a part of a path is an id rather than a name, by its shape.
// It looks at the runs of letters and digits in it, which other characters part.
//
//	4711  2026-11-27  10.0.0.1         numbers, but no version: v2, 2.0, /2/, 2010-04-01 at the start or after api
//	123e4567-e89b-12d3-a456-…          a UUID
//	9f86d081  0x52908400098527886      eight hexadecimal digits or more, with a digit
//	01ARZ3NDEKTSV4RRFFQ69G5FAV         a long run that changes between letters, digits and cases
//	order-4711  file-abc123  PROJ-7    a word and a number
//	my-project-123456                  words and a long number that is no date
//
// After models/, deployments/ and their like a part is a model's name, which may
// look like most of these, unless it is a bare number, a UUID, or long and random.
func isID(p *position, part string) bool {
	if len(part) > maxName {
		return true
	}
	var s shape
	if !s.read(part) {
		return true // free text
	}
	switch {
	case part == "", isVersion(part):
		return false
	case s.letters == 0 && !s.foreign:
		return s.digits > 0 && !(versionMayStand(p) && isNumberOfVersion(part))
	case isUUID(part), s.secret:
		return true
	case namesModel(p.last), namesModel(p.before):
		return false
	}
	if len(part) >= 20 && s.letters+s.digits < len(part) && s.digits > 1 && s.changes*5 >= len(part) {
		return true // random, with a dash or an underscore here and there
	}
	return s.token || s.numbered(part)
}

// numbered reports whether it is a number with words about it.
func (s *shape) numbered(part string) bool {
	switch {
	case s.number >= 5:
		return s.words < 2 || s.number != len("20241022") || !s.year // claude-3-5-sonnet-20241022
	case s.number == 4:
		return s.words < 2
	case s.number == 3:
		return s.words == 1
	}
	return isIssue(part)
}

// A shape is what is counted in a part of a path.
type shape struct {
	letters, digits int
	changes         int  // inside its runs
	words           int  // runs of two letters or more, without digits
	number          int  // the longest row of digits
	year            bool // it begins like a year
	token           bool // a run looks random
	secret          bool // a run is long and looks random
	foreign         bool // there are characters beyond ASCII
}

// read counts, and reports false where part is no name at all: it has spaces,
// control characters or no valid text.
func (s *shape) read(part string) bool {
	var r run
	for i := 0; i < len(part); i++ {
		c := part[i]
		switch {
		case isLetter(c) || isDigit(c):
			r.next(c)
			continue
		case c <= ' ' || c == 0x7f:
			return false
		case c >= utf8.RuneSelf:
			if !s.foreign && !utf8.ValidString(part) {
				return false
			}
			s.foreign = true
		}
		s.end(&r)
		r.prefixed = c == '_' && s.words > 0
	}
	s.end(&r)
	return true
}

// end takes in a run, and begins the next one.
func (s *shape) end(r *run) {
	if r.n > 0 {
		s.letters += r.n - r.digits
		s.digits += r.digits
		s.changes += r.changes
		if r.number > s.number {
			s.number, s.year = r.number, r.year
		}
		if r.digits == 0 && r.n > 1 {
			s.words++
		}
		s.token = s.token || r.random()
		s.secret = s.secret || r.long()
	}
	*r = run{}
}

// A run is a row of letters and digits.
type run struct {
	n, digits, upper int
	odd              int // capitals without a small letter after them
	changes          int // between letters and digits, and from a small letter to a capital
	rows             int // of digits
	row, number      int // the length of the last of them, and of the longest
	year, rowYear    bool
	cluster, hardest int // small consonants in a row: the last of them, and the most
	small, word      int // small letters in a row: the last of them, and the most
	noHex            bool
	prefixed         bool // it follows a word and an underscore, as in cus_NffrFeUfNV2Hib
	first, last      byte
}

func (r *run) next(c byte) {
	last := r.last
	r.last = c
	if r.n++; r.n == 1 {
		r.first = c
	}
	if c < 'a' && 'A' <= last && last < 'a' {
		r.odd++
	}
	if isDigit(c) {
		r.cluster, r.small = 0, 0
		if !isDigit(last) {
			r.rows++
			r.row = 0
			if r.n > 1 {
				r.changes++
			}
		}
		r.digits++
		r.row++
		if r.row == 2 {
			r.rowYear = last == '1' && c == '9' || last == '2' && c == '0'
		}
		if r.row > r.number {
			r.number, r.year = r.row, r.rowYear
		}
		return
	}
	upper, small := c < 'a', 'a' <= last
	if upper {
		r.upper++
		r.small = 0
	} else {
		r.small++
		r.word = max(r.word, r.small)
	}
	if r.n > 1 && (isDigit(last) || upper && small) {
		r.changes++
	}
	r.noHex = r.noHex || c|0x20 > 'f'
	if upper || strings.IndexByte("aeiouy", c) >= 0 {
		r.cluster = 0
	} else {
		r.cluster++
	}
	r.hardest = max(r.hardest, r.cluster)
}

// random reports whether it was hardly thought up by a person. Where a
// rule is a share of changes, in random text letters and digits change places at four
// characters of ten, in names such as getS3Object and base64encode at two.
func (r *run) random() bool {
	switch {
	case r.digits == r.n:
		return false // a number
	case r.n >= 8 && r.digits > 0 && !r.noHex, r.long():
		return true
	case r.n >= minLong:
		return r.digits > 1 && r.wordless()
	case r.n >= 8 && r.rows > 1:
		return r.digits > 2 || r.changes*3 >= r.n-1
	case r.n >= 10 && r.digits > 0:
		return r.mixed() && r.changes*3 >= r.n-1
	}
	return false
}

// long reports whether it is random, and so long that it may be a secret. In names in
// camel case few letters are capitals, and a small letter follows most of them.
func (r *run) long() bool {
	capitals := r.mixed() && (r.upper*3 >= r.n || r.odd*6 >= r.n)
	switch {
	case r.n < minLong:
		return r.prefixed && r.n >= 12 && r.digits == 0 && capitals
	case !r.noHex && r.digits > 0, r.upper+r.digits == r.n, r.n >= 40: // the longest names, of Kubernetes, have 35
		return true
	case r.digits > 0:
		most := 3
		if r.mixed() {
			most = 4
		}
		return r.n >= 20 && (capitals || r.wordless() || r.rows > 2 || r.digits*6 >= r.n || r.hardest > most || isDigit(r.first))
	case r.upper == 0:
		return r.hardest >= 6 // nobody can pronounce it
	}
	return capitals && (r.n >= 20 || r.prefixed)
}

// wordless reports whether it changes as often as random text, or has no word in it. In
// names in camel case there is one of three small letters.
func (r *run) wordless() bool {
	if r.mixed() {
		return r.word < 3 || r.changes*5 >= r.n*2
	}
	return r.word < 6 || r.changes*4 >= r.n
}

// mixed reports whether it has letters of both cases.
func (r *run) mixed() bool { return r.upper > 0 && r.upper+r.digits < r.n }

// namesModel reports whether the name of a model follows a part of a path, or the
// part after it: /models/owner/name, /deployments/name, @cf/meta/name.
func namesModel(before string) bool {
	switch before {
	case "models", "model", "deployments", "engines", "generation":
		return true
	}
	return strings.HasPrefix(before, "@")
}

// isVersion reports whether part is an API's version: v1, V1, v2beta, v1p1beta1,
// v59.0, v20180820.
func isVersion(part string) bool {
	if len(part) < 2 || part[0]|0x20 != 'v' || !isDigit(part[1]) || len(part) > len("v20180820preview1") {
		return false
	}
	rest := strings.TrimLeft(part[1:], "0123456789")
	for rest != "" {
		word := false
		for _, w := range [...]string{".", "alpha", "beta", "preview", "rc", "p", "-", "stable"} {
			if after, ok := strings.CutPrefix(rest, w); ok {
				rest, word = strings.TrimLeft(after, "0123456789"), true
				break
			}
		}
		if !word {
			return false
		}
	}
	return true
}

// versionMayStand reports whether a number there is a version rather than an id.
func versionMayStand(p *position) bool {
	switch p.last {
	case "api", "apis", "rest", "version", "versions":
		return true
	}
	return p.first()
}

// isNumberOfVersion reports whether a version may be written like that: 2, 1.1, 2024-01,
// 2010-04-01, 20180820.
func isNumberOfVersion(part string) bool {
	const years = len("20")
	switch len(part) {
	case 1, 2:
		return true
	case len("1.1"), len("10.1"), len("10.10"):
		return strings.Count(part, ".") == 1
	}
	if part[:years] != "20" && part[:years] != "19" {
		return false
	}
	return len(part) == len("2024-01") && part[4] == '-' || len(part) == len("2010-04-01") && part[4] == '-' && part[7] == '-' ||
		len(part) == len("20180820") && strings.IndexByte(part, '-') < 0
}

func isUUID(part string) bool {
	if len(part) != len("123e4567-e89b-12d3-a456-426614174000") {
		return false
	}
	for i := 0; i < len(part); i++ {
		switch c := part[i]; {
		case i == 8 || i == 13 || i == 18 || i == 23:
			if c != '-' {
				return false
			}
		case !isDigit(c) && !('a' <= c|0x20 && c|0x20 <= 'f'):
			return false
		}
	}
	return true
}

// isIssue reports whether part is the key of an issue: PROJ-7.
func isIssue(part string) bool {
	project, number, ok := strings.Cut(part, "-")
	return ok && number != "" && 2 <= len(project) && len(project) <= 10 &&
		strings.Trim(number, "0123456789") == "" && strings.Trim(project, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// isAddress reports whether part is an e-mail address.
func isAddress(part string) bool {
	at := strings.IndexByte(part, '@')
	if at <= 0 || strings.IndexByte(part[at+1:], '@') >= 0 {
		return false
	}
	top := part[strings.LastIndexByte(part, '.')+1:]
	return len(part)-len(top) > at+1 && len(top) >= 2 && isLetter(top[0]) && isLetter(top[1])
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
