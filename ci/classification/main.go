// Command classification prints docs/classification.md from the tables that the code
// goes by: the signals in their order, the classes and the families of providers. With -w
// it writes the file. Its test compares.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/internal/dialect"
)

const name = "docs/classification.md"

func main() {
	write := flag.Bool("w", false, "write "+name)
	flag.Parse()
	if !*write {
		fmt.Print(document())
		return
	}
	if err := os.WriteFile(name, []byte(document()), 0o644); err != nil {
		fmt.Fprintln(os.Stderr, "classification:", err)
		os.Exit(1)
	}
}

func document() string {
	var b strings.Builder
	b.WriteString(introduction)

	b.WriteString("\n## The order\n\n" + aboutOrder + "\n\n| | signal | why it stands here |\n|---|---|---|\n")
	for i, s := range dialect.Order() {
		fmt.Fprintf(&b, "| %d | %s | %s |\n", i+1, cell(s.Name), cell(s.Reason))
	}
	fmt.Fprintf(&b, "\n"+aboutPhrases+"\n", strings.Join(dialect.CommonPhrases(), ", "))

	b.WriteString("\n## Classes\n\n" + aboutClasses + "\n\n| class | what happened | repeated | what to do |\n|---|---|---|---|\n")
	for c := steadyhttp.InvalidRequest; c <= steadyhttp.Unknown; c++ {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", c, cell(c.Description()), yes(c.Retryable()), cell(strings.Join(c.Solutions(), "; ")))
	}

	b.WriteString("\n## Errors in a success\n\n" + aboutSuccesses + "\n")

	fmt.Fprintf(&b, "\n## Families\n\n"+aboutFamilies+"\n\n| family | hosts | what is recognised | whom its limits concern |\n|---|---|---|---|\n", dialect.UnknownScope())
	for _, f := range dialect.Families() {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", cell(f.Name), hosts(f), cell(recognised(f)), limits(f))
	}
	return b.String()
}

func hosts(f dialect.Family) string {
	all := make([]string, 0, len(f.Hosts)+1)
	for _, h := range f.Hosts {
		if h[0] == '.' || h[0] == '-' {
			h = "*" + h
		}
		all = append(all, "`"+h+"`")
	}
	if f.ByShape {
		all = append(all, "any, by the shape of its errors")
	}
	return strings.Join(all, ", ")
}

func recognised(f dialect.Family) string {
	all := f.Recognised
	if f.Like != "" {
		all = append(all, "all of "+f.Like)
	}
	if len(all) == 0 {
		return "its name"
	}
	return strings.Join(all, "; ")
}

func limits(f dialect.Family) string {
	if f.Scope == 0 {
		return "as of an unknown host"
	}
	if f.Punishes {
		return f.Scope.String() + "; who goes on is held back longer"
	}
	return f.Scope.String()
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// cell is a text as a table's cell holds it.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

const introduction = `# How a failure gets its class

<!-- go run ./ci/classification -w writes this file from the code. -->

A status alone does not say what went wrong. OpenAI says "out of money" with 429, GitHub says "slow down" with 403, and Slack fails with
200. A [Classifier](../README.md) therefore reads the status, the headers and the start of the body of a failure, and asks what it knows of
the provider. From JSON, XML, pages and plain text it takes:

- the **message**, and other texts beside it, under some eighty names and places;
- the **codes** in words, up to eight, and the **number** of the error, and where the body has none those of a challenge (WWW-Authenticate); a status with its text, and a URL that names a status only,
  are no codes;
- the **window** of the limit that was hit ("per day", "5-hour limit"), and the **wait** that is asked for;
- the **request id**, from the provider's headers, then general ones, then the body, then those of what stands in front.

The provider is the one that the host names; else, because gateways speak in other people's words, the one that the shape of the answer
gives away. Your own [Rules](https://pkg.go.dev/github.com/steadyhttp/steadyhttp#Rule) have the last word.
`

const aboutOrder = `Where two signals disagree, the upper one wins. What tells more stands higher: a code that means one thing before words, words before a code
that goes with anything, and the status last. What is known of the provider is asked before what everybody uses, and never makes a
verdict worse: a code that says little everywhere says little of one provider too.`

const aboutPhrases = `A phrase counts where a word begins, under the statuses with which it is said. If several fit one text, the one that stands higher in the
list of phrases wins. A class can have phrases in several places of that list: its complaints ("insufficient balance") stand high and its offers
("upgrade your plan") low, since an offer never outweighs a limit that passes by itself. Under 429 most offers say nothing at all. From top to
bottom, the list has phrases for these classes: %s.

Some codes yield to a status that says more: "access denied" with 429 is a rate limit, and "not found" with 401 is about the key.`

const aboutClasses = `"Repeated" says whether the same request can succeed later. Whether it is repeated depends on more: whether the request may be sent
twice, on the wait, and on the window. A rate limit with a window of an hour or more is not waited for unless the server says for how long,
nor is a ban whose end is not stated. What the answer says of itself takes precedence, such as ` + "`X-Should-Retry`" + ` from those who are known to
mean it.`

const aboutSuccesses = `A 2xx is looked into as far as there is evidence that it may be a failure:

| evidence | which answers | what is an error in them |
|---|---|---|
| the provider or the path is known for it, or a model is called | JSON, XML and streams, up to 64 KiB | an error where that API puts errors, without an answer beside it |
| the header says so: a code of an error, or Retry-After | JSON and XML up to 2 KiB, at any host | an error and nothing else |
| nobody knows the API, and the request is no read | the same, if they say their length | the same |
| you ask: Check, with an answer that was not looked into | the same, of reads too, and without a length | the same |
| a Rule with a Status of 2xx | as the Rule says | what the Rule matches, where errors are said |

"An error and nothing else" is strict. All members must be those of errors or of any envelope, or be empty; a flag, a code or a member must
say that it failed; and what it says must have a class, or be called an error. An invalid request counts only where an error stands in a place of its own: a list of findings is a result. A report on a job that failed, a list with more than errors in it,
entries of a log and a text about rate limits are none; a list in which each element has a member that only errors have is one. What stands in the body of the request
too is none, if that can be looked at (a bytes.Reader or strings.Reader): who stores the text of an error gets it back.

### What follows from it

Where the API is known for errors in a success, they count like all others: the request may be repeated, and others are held back. Where it is not, the same body may be what
was asked for: the result of a check, work that failed, a file, the state of a system. So the error is named, by Check, in the log and in Call.Error, and nothing else
follows from it: the request is not repeated or sent elsewhere, and nobody is held back. Retry-After does not change that, since in a success it says when to ask again about work that
goes on. An error counts all the same if

- a header has a name that only errors have, such as X-Error-Code;
- it is one of JSON-RPC or SOAP, in an answer to a POST, which names its protocol itself;
- one of your Rules matches: that is how you make an API of your own known;
- the request is a write which only your own word allows to be repeated (Retrier.Idempotent, RetryPolicy.Idempotent). It is repeated then, and nobody else is held back.

GraphQL is known for errors. But if its answer has data in which each field is null, the errors are of these fields, and who asked for what may be null takes that for an
answer. Such errors are named, too, and nothing follows from them, unless a provider's code says that nothing was done.`

const aboutFamilies = `Knowledge of a provider is data, in internal/dialect. "Codes" leave no doubt, "general codes" yield to words. A limit concerns the
requests that have all the named things in common: of a host that is not listed they are %s. A host that begins with * stands for all that
end so.`
