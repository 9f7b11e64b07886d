package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A fault is what is wrong with one place of the config.
type fault struct {
	at   int64  // the offset in the file; -1 for a flag
	path string // such as upstreams[0].to
	text string
}

// A source is the text of a config file, and what was found wrong with it. Its zero
// value is no file: all settings come from flags then.
type source struct {
	name   string
	data   []byte
	getenv func(string) (string, bool)
	places map[string]int64  // where each value stands, by its path
	flags  map[string]string // the names of the flags whose values are in their place, likewise
	faults []fault
}

// maxFaults bounds what is told at once: nobody mends more before the next try.
const maxFaults = 10

// fault notes what is wrong with the value at path. Where the file lacks it, that is
// said of the innermost value around it. The text must not quote what may be a secret.
func (s *source) fault(path, format string, args ...any) {
	at := s.place(path)
	if name, ok := s.flags[path]; ok {
		at, path = -1, name
	}
	s.faults = append(s.faults, fault{at, path, fmt.Sprintf(format, args...)})
}

// place is where the value at path stands, or the innermost one around it; -1 if
// nothing of it is in the file.
func (s *source) place(path string) int64 {
	for {
		if at, ok := s.places[path]; ok {
			return at
		}
		if path == "" || path[0] == '-' {
			return -1
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}

// err returns all faults as one error, a line each; nil if there are none.
func (s *source) err() error {
	if len(s.faults) == 0 {
		return nil
	}
	slices.SortStableFunc(s.faults, func(a, b fault) int { return cmp.Compare(a.at, b.at) })
	var lines []error
	for i, f := range s.faults {
		if i == maxFaults {
			lines = append(lines, fmt.Errorf("%s: and %d more", s.name, len(s.faults)-i))
			break
		}
		text := f.text
		if f.path != "" {
			text = f.path + ": " + text
		}
		if f.at >= 0 {
			line, column := position(s.data, f.at)
			text = fmt.Sprintf("%s:%d:%d: %s", s.name, line, column, text)
		}
		lines = append(lines, errors.New(text))
	}
	return errors.Join(lines...)
}

// position turns an offset into a line and a column, both from 1 on, as editors count
// them.
func position(data []byte, at int64) (line, column int) {
	before := data[:min(at, int64(len(data)))]
	start := bytes.LastIndexByte(before, '\n') + 1
	return bytes.Count(before, []byte("\n")) + 1, len([]rune(string(before[start:]))) + 1
}

// decode reads the file into the struct that into points to, by the names in its json
// tags. What it does not know, or finds twice, is a fault.
func (s *source) decode(into any) {
	s.places = make(map[string]int64)
	var ignored any
	if err := json.Unmarshal(s.data, &ignored); err != nil {
		at := int64(len(s.data))
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
			at = max(0, syntax.Offset-1) // the byte that is wrong, not the one after it
		}
		s.faults = append(s.faults, fault{at: at, text: "this is no JSON: " + err.Error()})
		return
	}
	d := &decoder{s, json.NewDecoder(bytes.NewReader(s.data))}
	d.UseNumber()
	d.value("", reflect.ValueOf(into).Elem())
}

// A decoder walks through a text that is known to be JSON. encoding/json's own way
// into structs says of a wrong value neither its line nor, within lists, its path.
type decoder struct {
	*source
	*json.Decoder
}

// next returns the next token and where it begins.
func (d *decoder) next() (token json.Token, at int64) {
	at = d.InputOffset()
	for at < int64(len(d.data)) && strings.IndexByte(" \t\r\n,:", d.data[at]) >= 0 {
		at++
	}
	token, _ = d.Token() // the text is known to be JSON
	return token, at
}

// value reads the value at path into v.
func (d *decoder) value(path string, v reflect.Value) {
	token, at := d.next()
	d.places[path] = at
	switch token := token.(type) {
	case json.Delim:
		switch {
		case token == '{' && v.Kind() == reflect.Struct:
			d.object(path, v)
		case token == '{' && v.Kind() == reflect.Map:
			d.dictionary(path, v)
		case token == '[' && v.Kind() == reflect.Slice:
			d.list(path, v)
		default:
			d.skip()
			d.wrong(path, v, map[json.Delim]string{'{': "an object", '[': "a list"}[token])
		}
	case string:
		d.text(path, token, v)
	case json.Number:
		d.number(path, token.String(), v)
	case bool:
		switch v.Kind() {
		case reflect.Bool:
			v.SetBool(token)
		case reflect.Interface:
			v.Set(reflect.ValueOf(token))
		default:
			d.wrong(path, v, strconv.FormatBool(token))
		}
	case nil:
		if v.Kind() != reflect.Interface { // where null is a value of its own
			d.wrong(path, v, "null")
		}
	}
}

// skip passes over the rest of an object or a list whose begin was read.
func (d *decoder) skip() {
	for depth := 1; depth > 0; {
		switch token, _ := d.Token(); token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
}

// object reads the members of an object into the fields of v.
func (d *decoder) object(path string, v reflect.Value) {
	names := namesOf(v.Type())
	seen := make(map[string]bool)
	for d.More() {
		token, at := d.next()
		name := token.(string)
		inner := join(path, name)
		i := slices.Index(names, name)
		switch {
		case i < 0 || name == "":
			d.places[inner] = at
			d.fault(inner, "there is no such field; %s", suggest(name, names))
		case seen[name]:
			d.faults = append(d.faults, fault{at, inner, "the field is here twice"})
		default:
			seen[name] = true
			d.value(inner, v.Field(i))
			continue
		}
		d.ignore()
	}
	d.Token()
}

// ignore passes over the next value.
func (d *decoder) ignore() {
	if token, _ := d.Token(); token == json.Delim('{') || token == json.Delim('[') {
		d.skip()
	}
}

// dictionary reads an object whose names the user chooses.
func (d *decoder) dictionary(path string, v reflect.Value) {
	v.Set(reflect.MakeMap(v.Type()))
	for d.More() {
		token, at := d.next()
		name := token.(string)
		if v.MapIndex(reflect.ValueOf(name)).IsValid() {
			d.faults = append(d.faults, fault{at, join(path, name), "the name is here twice"})
			d.ignore()
			continue
		}
		element := reflect.New(v.Type().Elem()).Elem()
		if element.Kind() == reflect.Interface {
			d.any(join(path, name), element)
		} else {
			d.value(join(path, name), element)
		}
		v.SetMapIndex(reflect.ValueOf(name), element)
	}
	d.Token()
}

func (d *decoder) list(path string, v reflect.Value) {
	for i := 0; d.More(); i++ {
		v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
		d.value(fmt.Sprintf("%s[%d]", path, i), v.Index(i))
	}
	d.Token()
}

// any reads whatever stands at path as encoding/json would.
func (d *decoder) any(path string, v reflect.Value) {
	var raw json.RawMessage
	d.Decode(&raw)
	d.places[path] = d.InputOffset() - int64(len(raw))
	if string(raw) != "null" {
		v.Set(reflect.ValueOf(raw)) // with its numbers as they are written
	}
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	secretType   = reflect.TypeFor[secret]()
)

// text reads a string into v.
func (d *decoder) text(path, raw string, v reflect.Value) {
	expanded, err := expand(raw, d.getenv)
	if err != nil {
		d.fault(path, "%s", err)
		return
	}
	switch {
	case v.Type() == durationType:
		wait, err := time.ParseDuration(expanded)
		if err != nil {
			d.fault(path, "%q is no time; write it with its unit, such as 500ms, 30s or 2m", raw)
			return
		}
		v.SetInt(int64(wait))
	case v.Kind() == reflect.String:
		v.SetString(expanded)
	default:
		d.wrong(path, v, fmt.Sprintf("the string %q", raw))
	}
}

// number reads a number into v.
func (d *decoder) number(path, raw string, v reflect.Value) {
	switch {
	case v.Type() == durationType:
		d.fault(path, "%s has no unit; write a time as a string, such as \"500ms\", \"30s\" or \"2m\"", raw)
	case v.CanInt():
		n, err := strconv.ParseInt(raw, 10, v.Type().Bits())
		if err != nil || n < 0 {
			d.fault(path, "%s is no whole number from 0 on", raw)
			return
		}
		v.SetInt(n)
	case v.CanFloat():
		n, err := strconv.ParseFloat(raw, 64)
		if err != nil || n < 0 {
			d.fault(path, "%s is no limit; write a number above 0, or leave the field out for none", raw)
			return
		}
		v.SetFloat(n)
	default:
		d.wrong(path, v, "the number "+raw)
	}
}

// wrong notes that the value at path is not of v's kind. found is what is there.
func (d *decoder) wrong(path string, v reflect.Value, found string) {
	want := map[reflect.Kind]string{
		reflect.String: "a string", reflect.Bool: "true or false", reflect.Slice: "a list",
		reflect.Struct: "an object", reflect.Map: "an object", reflect.Int: "a number", reflect.Int64: "a number", reflect.Float64: "a number",
	}[v.Kind()]
	switch {
	case v.Type() == durationType:
		want = `a time, such as "30s"`
	case v.Type() == secretType && strings.HasPrefix(found, "the "):
		found = "something else" // which may be a key that somebody forgot to put in quotes
	}
	d.fault(path, "this must be %s, and is %s", want, found)
}

// A secret is a string that no message may show.
type secret string

// expand puts the variables of the environment in place of their ${NAME}, and a dollar
// sign in place of $$.
func expand(raw string, getenv func(string) (string, bool)) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(raw, "$")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		if strings.HasPrefix(rest, "$") {
			b.WriteByte('$')
			raw = rest[1:]
			continue
		}
		name, after, closed := strings.Cut(rest, "}")
		if !strings.HasPrefix(name, "{") || !closed {
			return "", errors.New("a $ stands alone; write ${NAME} for a variable of the environment, or $$ for a dollar sign")
		}
		name = name[1:]
		value, ok := getenv(name)
		switch {
		case !isVariable(name):
			return "", fmt.Errorf("${%s} names no variable; a name has letters, digits and _", name)
		case !ok:
			return "", fmt.Errorf("the variable %s is not set in the environment", name)
		case value == "":
			return "", fmt.Errorf("the variable %s is empty in the environment", name)
		}
		b.WriteString(value)
		raw = after
	}
}

func isVariable(name string) bool {
	return name != "" && strings.Trim(strings.ToUpper(name), "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// namesOf returns the names of a struct's fields in JSON, in their order; "" for one
// that has none.
func namesOf(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = t.Field(i).Tag.Get("json")
	}
	return names
}

// suggest says which fields there are: one that name may be a slip of, else all.
func suggest(name string, names []string) string {
	for _, n := range names {
		if n != "" && (strings.EqualFold(n, name) || distance(strings.ToLower(name), strings.ToLower(n)) <= 2) {
			return "did you mean " + n + "?"
		}
	}
	return "there are " + strings.Join(slices.DeleteFunc(names, func(n string) bool { return n == "" }), ", ")
}

// distance is how many letters must be put in, left out or changed to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}
