package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/textproto"
	"os"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

const explainUsage = `Explains a failed response: what happened, whether and when to try again, what helps.

  steadyhttp explain 429                          a status, or a code such as insufficient_quota
  steadyhttp explain -status 429 body.json        a body; - is stdin
  curl -i URL | steadyhttp explain                a whole response; curl -v and gzip are understood too
  steadyhttp explain page.har                     an entry of a HAR, or the last that failed
  steadyhttp explain app.log                      log entries of steadyhttp, JSON or console, or of others
  steadyhttp explain 'Post "https://…": EOF'      the text of an error, also of SDKs

The host, and for some APIs the method and path, tell which provider's codes apply.
Where the class cannot be told, it says so and what to add. The exit status is 0 if
the input is explained, 1 if the output cannot be written, 2 if the input or an
argument cannot be read, and 3 if the class cannot be told.

`

// maxShown bounds what is shown of an argument or of a field in a log.
const maxShown = 1 << 10

// settings are what explain was asked for.
type settings struct {
	status             int // 0 if the input says it
	host, method, path string
	header             http.Header
	file               string // "-" is stdin, "" is none; what is no file may be a code or an error's text
	json               bool
}

func runExplain(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	s, err := parse(args, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		return fail(stderr, "%s; see steadyhttp explain -h", err)
	}
	if s.status == 0 && s.file == "" {
		if isTerminal(stdin) {
			return fail(stderr, "there is nothing to explain: give a status or a file, or pipe a response in; see steadyhttp explain -h")
		}
		s.file = "-"
	}
	var text string
	if s.file != "" {
		if text, err = readInput(s.file, stdin); err != nil {
			return fail(stderr, "%s", err)
		}
	}
	r, err := explain(s, text)
	if err != nil {
		return fail(stderr, "%s", err)
	}
	if s.json {
		err = r.writeJSON(stdout)
	} else {
		_, err = io.WriteString(stdout, r.text())
	}
	switch {
	case err != nil:
		return exitNothing
	case r.Outcome == undecided:
		return exitUndecided
	}
	return exitOK
}

// explain finds out what kind of input text is.
func explain(s settings, text string) (*report, error) {
	if s.status == 0 {
		if entries := readEntries(text); len(entries) > 0 {
			return reportOfEntries(entries), nil
		}
	}
	seen, err := look(s, text)
	if err != nil {
		return nil, err
	}
	if seen, err = seen.with(s); err != nil {
		return nil, err
	}
	return reportOf(seen), nil
}

// parse reads the arguments; flags may stand behind the others too.
func parse(args []string, help io.Writer) (settings, error) {
	s := settings{header: http.Header{}}
	f := flag.NewFlagSet("explain", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.IntVar(&s.status, "status", 0, "`status` of the response whose body is given")
	f.StringVar(&s.host, "host", "", "`host` that answered, such as api.openai.com")
	f.StringVar(&s.method, "method", "", "`method` of the request, such as POST")
	f.StringVar(&s.path, "path", "", "`path` of the request, such as /v1/chat/completions")
	f.BoolVar(&s.json, "json", false, "print one JSON object; durations are seconds, times RFC 3339")
	f.Func("header", "a `header` of the response, as in 'Retry-After: 20'; may be repeated", func(line string) error {
		name, value, ok := headerLine(line)
		if !ok {
			return errors.New("want the form 'Name: value'")
		}
		s.header.Add(name, value)
		return nil
	})
	f.Usage = func() {} // a mistake gets one line, not a page
	statusGiven := false
	for {
		if err := f.Parse(args); err != nil {
			if errors.Is(err, flag.ErrHelp) {
				io.WriteString(help, explainUsage)
				f.SetOutput(help)
				f.PrintDefaults()
				return s, err
			}
			return s, errors.New(redact.Line(err.Error(), maxShown))
		}
		if f.NArg() == 0 {
			break
		}
		arg := f.Arg(0)
		args = f.Args()[1:]
		n, err := strconv.Atoi(arg)
		switch {
		case err == nil && !statusGiven && s.status == 0 && n < 1000: // a longer one is a provider's code
			s.status, statusGiven = n, true
		case s.file == "":
			s.file = arg
		default:
			return s, errors.New("more than one file is given")
		}
	}
	f.Visit(func(f *flag.Flag) { statusGiven = statusGiven || f.Name == "status" })
	return s, s.check(statusGiven)
}

var (
	hostForm   = regexp.MustCompile(`^[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?$`)
	methodForm = regexp.MustCompile(`^[A-Za-z]{1,20}$`)
)

func (s *settings) check(statusGiven bool) error {
	switch {
	case (statusGiven || s.status != 0) && (s.status < 100 || s.status > 599):
		return fmt.Errorf("%d is no HTTP status: want one from 100 to 599", s.status)
	case s.host != "" && !hostForm.MatchString(s.host):
		return errors.New("-host wants a host name alone, such as api.openai.com")
	case s.method != "" && !methodForm.MatchString(s.method):
		return errors.New("-method wants a method, such as POST")
	case s.path != "" && s.path[0] != '/':
		return errors.New("-path wants a path that begins with a slash, such as /v1/chat/completions")
	}
	s.method = strings.ToUpper(s.method)
	return nil
}

// maxInput bounds what is read. Error bodies and heads are a thousandth of it,
// and it holds some two thousand log entries.
const maxInput = 1 << 20

func readInput(file string, stdin io.Reader) (string, error) {
	r := stdin
	if file != "-" {
		f, err := os.Open(file)
		if errors.Is(err, fs.ErrNotExist) && isText(file) {
			return file, nil
		}
		if err != nil {
			var p *os.PathError
			if errors.As(err, &p) {
				err = p.Err
			}
			return "", fmt.Errorf("%s is neither a status nor a file that can be read: %s", quoted(file), redact.Line(err.Error(), maxShown))
		}
		defer f.Close()
		r = f
	}
	data, err := io.ReadAll(io.LimitReader(r, maxInput+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("the input cannot be read: %s", redact.Line(err.Error(), maxShown))
	case len(data) > maxInput:
		return "", errors.New("the input is larger than 1 MiB: give the part that matters, as tail -n 1000 does for a log")
	}
	return strings.TrimPrefix(string(data), "\ufeff"), nil
}

var fileForm = regexp.MustCompile(`^[^\s:"]*\.[a-z][a-z0-9]{1,4}$|^[^\s:"]*/[^\s:"]*$|^[^\s:"]$`)

// isText reports whether an argument that names no file is itself what is to be
// explained: a code, or the text of an error.
func isText(arg string) bool {
	return !fileForm.MatchString(arg) && !strings.ContainsFunc(arg, func(r rune) bool { return !unicode.IsPrint(r) && !unicode.IsSpace(r) })
}

// isTerminal reports whether nobody has piped anything in.
func isTerminal(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err != nil || info.Mode()&os.ModeCharDevice != 0
}

// headerLine splits a line of a head.
func headerLine(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line, ":")
	if !ok || name == "" || strings.ContainsFunc(name, notInName) {
		return "", "", false
	}
	return textproto.CanonicalMIMEHeaderKey(name), strings.TrimSpace(value), true
}

// notInName goes by RFC 9110, 5.6.2.
func notInName(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
}

func quoted(s string) string { return `"` + redact.Line(s, 100) + `"` }
