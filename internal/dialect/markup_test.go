package dialect

import (
	"strings"
	"testing"
)

func TestPagesAndDocuments(t *testing.T) {
	for _, row := range []struct {
		name, text    string
		isHTML, isXML bool
	}{
		{"nothing", ``, false, false},
		{"one byte", `<`, false, false},
		{"two bytes", `<a`, false, true},
		{"a page", `<!DOCTYPE html><p>x`, true, false},
		{"a page in capitals", `<HTML>`, true, false},
		{"a page that begins with a comment", `<!-- x --><div>`, true, false},
		{"a page that begins with a heading", `<h1>x</h1>`, true, false},
		{"a document", `<Error><Code>x</Code></Error>`, false, true},
		{"a document with a header", `<?xml version="1.0"?><r><head></head></r>`, false, true},
		{"a page that is a document", `<?xml version="1.0"?><html><body>`, true, false},
		{"a text", `x <html>`, false, false},
	} {
		if h, x := isHTML(row.text), isXML(row.text); h != row.isHTML || x != row.isXML {
			t.Errorf("%s: %s: got page %t, document %t; want %t, %t", row.name, row.text, h, x, row.isHTML, row.isXML)
		}
	}
}

func TestElement(t *testing.T) {
	for _, row := range []struct{ name, text, want string }{
		{"an element", `<r><Message>x</Message></r>`, "x"},
		{"in other letters", `<r><MESSAGE>x</MESSAGE></r>`, "x"},
		{"with an attribute", `<r><Message lang="en">x</Message></r>`, "x"},
		{"behind a name that goes on", `<r><MessageId>1</MessageId><Message>x</Message></r>`, "x"},
		{"in a namespace", `<r><ns12:Message>x</ns12:Message></r>`, "x"},
		{"in the longest namespace", `<r><abcdefghijklmno:Message>x</abcdefghijklmno:Message></r>`, "x"},
		{"in a longer namespace", `<r><abcdefghijklmnop:Message>x</abcdefghijklmnop:Message></r>`, ""},
		{"around another", `<r><Message>a <b>x</b> c</Message></r>`, "a x c"},
		{"that begins with another", `<Message><b>x</b></Message>`, "x"},
		{"with characters", `<Message>a &lt; b &amp; c</Message>`, "a < b & c"},
		{"that begins with a character", `<Message>&lt;b&gt;</Message>`, "<b>"},
		{"of data", `<Message><![CDATA[ a <b> ]]></Message>`, "a <b>"},
		{"that is empty", `<r><Message/>y</r>`, ""},
		{"that is empty, with an attribute", `<r><Message a="b"/>y</r>`, ""},
		{"with nothing in it", `<r><Message></Message>y</r>`, ""},
		{"that does not end", `<r><Message>x`, "x"},
		{"whose name is all there is", `<Message`, ""},
		{"whose tag does not end", `<Message lang="en"`, ""},
		{"that is nowhere", `<r>x</r>`, ""},
		{"whose end tag is cut", `<Message>x</Mess`, "x"},
		{"with another's end in it", `<Message>a</b>c</Message>d`, "a c"},
		{"with an unfinished tag in it", `<Message>a <b`, "a"},
		{"at the end of what is looked at", strings.Repeat(" ", maxMarkup-len("<Message>x")) + "<Message>xy</Message>", "x"},
	} {
		if got := element(row.text, "Message"); got != row.want {
			t.Errorf("%s: %.80s: got %q, want %q", row.name, row.text, got, row.want)
		}
	}
}

func TestAttributeOf(t *testing.T) {
	for _, row := range []struct{ name, tag, want string }{
		{"in quotes", ` code="x"`, "x"},
		{"in single quotes", ` code='x'`, "x"},
		{"with blanks", ` code = "x"`, "x"},
		{"behind another that ends like it", ` zipcode="1" code="x"`, "x"},
		{"behind its name in a value", ` a="code" code="x"`, "x"},
		{"at the very beginning", `code="x"`, ""},
		{"at the very beginning, and again", `code="1" code="x"`, "x"},
		{"a name that goes on", ` codes="x"`, ""},
		{"with characters", ` code="a&amp;b"`, "a&b"},
		{"without quotes", ` code=x`, ""},
		{"without a value", ` code=`, ""},
		{"that does not end", ` code="x`, ""},
		{"nowhere", ` a="b"`, ""},
	} {
		if got := attributeOf(row.tag, "code"); got != row.want {
			t.Errorf("%s: %s: got %q, want %q", row.name, row.tag, got, row.want)
		}
	}
}

func TestBodyText(t *testing.T) {
	long := strings.Repeat("a", maxSaid)
	for _, row := range []struct{ name, page, want string }{
		{"a body behind a head", `<html><head><title>t</title></head><body><h1>a</h1><p>b</p></body></html>`, "a\nb\n"},
		{"a page that is a body", `<body>a</body>`, "a\n"},
		{"no body, behind a head", `<head>t</head>a`, "a"},
		{"a head's end at the beginning", `</head>a`, "a"},
		{"a body at the beginning, with a head's end in it", `<body>a</head>b`, "a\nb"},
		{"a text alone", `a  b`, "a b"},
		{"words in a line", `<p>a <b>b</b> <span>c</span>d</p>`, "a b c d\n"},
		{"blanks before a block", `  <div> a</div>`, "a\n"},
		{"blocks in blocks", `<div><div>a</div></div><div>b</div>`, "a\nb\n"},
		{"a script", `<p>a</p><script>if (a</b) {}</script><p>b</p>`, "a\nb\n"},
		{"a script with nothing before it", `<script>x</script>b`, "b"},
		{"a script that does not end", `<p>a</p><script>x`, "a\n"},
		{"a style, in capitals", `a<STYLE>x</STYLE>b`, "a b"},
		{"an empty script", `a<script></script>b`, "a b"},
		{"characters", `<p>a &amp; b`, "a & b"},
		{"a tag that does not end", `<p>a<b`, "a"},
		{"the end of a tag alone", `a</`, "a\n"},
		{"control characters", "a\x01\tb", "a b"},
		{"as much as is read", long, long},
		{"more than is read", long + "b", long},
		{"more than is read, in another block", long + "<p>b", long + "\n"},
		{"less by one byte, in two blocks", long[1:] + "<p>b", long[1:] + "\n"},
	} {
		if got := bodyText(row.page); got != row.want {
			t.Errorf("%s: %.80s: got %.80q (%d bytes), want %.80q (%d)", row.name, row.page, got, len(got), row.want, len(row.want))
		}
	}
}

func TestHeadline(t *testing.T) {
	for _, row := range []struct{ name, page, want string }{
		{"a title", `<title>Too many requests</title><h1>Sorry</h1>`, "Too many requests"},
		{"an empty title", `<title> </title><h1>Sorry</h1>`, "Sorry"},
		{"a paragraph", `<p>Sorry</p>`, "Sorry"},
		{"a body alone", "<body>Sorry\nfor that</body>", "Sorry"},
		{"a title with a host before it", `<title>example.com | 520: Web server is returning an unknown error</title>`, "520: Web server is returning an unknown error"},
		{"a title with a name before it", `<title>Example | Sorry</title>`, "Example | Sorry"},
		{"a title with a sentence before it", `<title>Example Inc. is down | Sorry</title>`, "Example Inc. is down | Sorry"},
		{"nothing", `<div>x</div>`, ""},
	} {
		if got := headline(row.page); got != row.want {
			t.Errorf("%s: %s: got %q, want %q", row.name, row.page, got, row.want)
		}
	}
}

func TestRootElement(t *testing.T) {
	for text, want := range map[string]string{
		`<Error>`: "Error", `<?xml version="1.0"?><!-- x --><s:Error a="b">`: "Error", `<Error/>`: "Error", "<Error\n>": "Error",
		`<Error`: "", `<`: "", ``: "", `<?xml?>`: "", strings.Repeat("<!-- -->", 7) + "<Error>": "Error", strings.Repeat("<!-- -->", 8) + "<Error>": "",
		`<>`: "",
	} {
		if got := rootElement(text); got != want {
			t.Errorf("%s: got %q, want %q", text, got, want)
		}
	}
}
