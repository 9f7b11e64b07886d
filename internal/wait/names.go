package wait

import "strings"

// A meaning is what a header's name says.
type meaning struct {
	family *family
	word   word
	scope  string
}

// familiar has the names that nearly every answer with limits has, read
// beforehand.
var familiar = func() map[string]meaning {
	all := make(map[string]meaning)
	for _, name := range familiarNames {
		f := familyOf(name)
		w, scope := f.read(name[len(f.prefix):])
		all[name] = meaning{f, w, scope}
	}
	return all
}()

func familyOf(name string) *family {
	for i := range families {
		f := &families[i]
		if strings.HasPrefix(name, f.prefix) && (len(name) == len(f.prefix) || name[len(f.prefix)] == '-') {
			return f
		}
	}
	return nil
}

// read takes the rest of a header's name apart.
func (f *family) read(rest string) (all word, scope string) {
	all = word{unit: f.unit}
	scope = f.scope
	for rest != "" {
		rest = rest[1:] // the dash
		phrase, w, known := longest(rest)
		rest = rest[len(phrase):]
		if !known || w.scope {
			if scope == "" {
				scope = phrase
			} else {
				scope += "-" + phrase
			}
			continue
		}
		// A noise word spoils the header, whatever else is in its name.
		if w.role != none && all.role != noise {
			all.role = w.role
		}
		if w.unit != Other {
			all.unit = w.unit
		}
		if w.window != 0 {
			all.window = w.window
		}
		if w.scale != 0 {
			all.scale = w.scale
		}
	}
	if all.role == none && scope == f.scope {
		all.role = f.alone
	}
	return all, scope
}

// longest returns the longest phrase of the vocabulary that s begins with, else
// the first word.
func longest(s string) (phrase string, w word, known bool) {
	end := 0
	for range maxPhrase {
		if end == len(s) {
			break
		}
		if end > 0 {
			end++
		}
		if i := strings.IndexByte(s[end:], '-'); i >= 0 {
			end += i
		} else {
			end = len(s)
		}
		if phrase == "" {
			phrase = s[:end]
		}
		if found, ok := vocabulary[s[:end]]; ok {
			phrase, w, known = s[:end], found, true
		}
	}
	return phrase, w, known
}
