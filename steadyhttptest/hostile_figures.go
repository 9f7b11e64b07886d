package steadyhttptest

import (
	"fmt"
	"strconv"
	"strings"
)

// absurd are figures that no server in its right mind sends.
var absurd = []string{
	"", "-1", "-0", "0", "+5", "1e309", "1e-309", "NaN", "Inf", "0x10", "1_0", "1.5.2", "soon", "\x80", "１２",
	"9223372036854775807", "9223372036854775808", "18446744073709551616", "99999999999", "1e18", "315360000",
	strings.Repeat("9", 10_000), "0." + strings.Repeat("0", 10_000) + "1",
	"Thu, 01 Jan 1970 00:00:00 GMT", "Mon, 01 Jan 0001 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 99 Foo 2026 25:61:61 GMT",
	"Thu, 26 Nov 2026 08:00:00 +9999", "Thursday, 26-Nov-69 08:00:00 GMT", "2026-11-26T08:00:00Z", "30;q=1", "1, 2, 3",
}

// figures are the headers that tell how long to wait, how much is left, and what time it is. %s is the figure.
var figures = []struct {
	name   string
	status string
	header string
}{
	{"Retry-After", "429 Too Many Requests", "Retry-After: %s\r\n"},
	{"Retry-After-Ms", "503 Service Unavailable", "Retry-After-Ms: %s\r\n"},
	{"RateLimit", "429 Too Many Requests", "RateLimit-Policy: \"a\";q=%[1]s;w=%[1]s\r\nRateLimit: \"a\";r=%[1]s;t=%[1]s\r\n"},
	{"X-RateLimit-Reset", "200 OK", "X-RateLimit-Limit: 10\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: %s\r\n"},
	{"X-RateLimit-Remaining", "200 OK", "X-RateLimit-Limit: 10\r\nX-RateLimit-Remaining: %s\r\nX-RateLimit-Reset: 60\r\n"},
	{"X-RateLimit-Limit", "200 OK", "X-RateLimit-Limit: %s\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: 1\r\n"},
	{"Date", "429 Too Many Requests", "Date: %s\r\nRetry-After: Thu, 26 Nov 2026 08:00:02 GMT\r\n"},
}

// absurdFigures are answers whose headers hold a figure that no sane client lives by, each of them a whole answer.
func absurdFigures() []Hostile {
	var all []Hostile
	for _, f := range figures {
		for _, v := range absurd {
			text := "HTTP/1.1 " + f.status + "\r\nContent-Type: text/plain\r\n" + fmt.Sprintf(f.header, v) + "Content-Length: 4\r\n\r\nfine"
			all = append(all, Hostile{Name: fmt.Sprintf("sends %.3s with %s: %s", f.status, f.name, shown(v)), harm: saying(text)})
		}
	}
	return append(all,
		Hostile{Name: "sends Date a thousand years ahead, and a wait of two seconds after it", harm: saying(
			"HTTP/1.1 429 Too Many Requests\r\nDate: Thu, 26 Nov 3026 08:00:00 GMT\r\nRetry-After: Thu, 26 Nov 3026 08:00:02 GMT\r\nContent-Length: 4\r\n\r\nfine")},
		Hostile{Name: "sends Date a thousand years back, and a wait of two seconds after it", harm: saying(
			"HTTP/1.1 429 Too Many Requests\r\nDate: Thu, 26 Nov 1026 08:00:00 GMT\r\nRetry-After: Thu, 26 Nov 1026 08:00:02 GMT\r\nContent-Length: 4\r\n\r\nfine")},
		Hostile{Name: "sends a thousand Retry-After that differ", harm: saying(
			"HTTP/1.1 429 Too Many Requests\r\n" + strings.Repeat("Retry-After: 2\r\nRetry-After: 3000000\r\n", 500) + "Content-Length: 4\r\n\r\nfine")},
	)
}

// shown is a figure as it stands in a name: short, and the empty one visible.
func shown(figure string) string {
	switch {
	case figure == "":
		return "nothing"
	case len(figure) > 40:
		return fmt.Sprintf("%.8s… of %d digits", figure, len(figure))
	}
	return strings.Trim(strconv.QuoteToASCII(figure), `"`)
}
