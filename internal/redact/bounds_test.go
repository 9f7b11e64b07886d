package redact_test

import (
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp/internal/redact"
)

// Of a long text only a beginning is cleaned, four times as long as the line and a KiB
// more. What ends there may be half a secret.
func TestHowMuchOfATextIsLookedAt(t *testing.T) {
	const max = 200
	const looked = 4*max + 1<<10
	for _, row := range []struct{ name, text, want string }{
		{"a word that ends with what is looked at", strings.Repeat("\n", looked-3) + "abc", "abc"},
		{"a word that goes on by one byte", strings.Repeat("\n", looked-3) + "abcd", "…"},
		{"a word before that", strings.Repeat("\n", looked-7) + "abc defg", "abc …"},
		{"a single word without an end", strings.Repeat("a", looked+1), "…"},
		{"a single word of all that is looked at", strings.Repeat("a", looked), strings.Repeat("a", max-3) + "…"},
	} {
		if got := redact.Line(row.text, max); got != row.want {
			t.Errorf("%s: got %q, want %q", row.name, got, row.want)
		}
	}
}

// How many signs and letters make a key of a word.
func TestHowLongAKeyIs(t *testing.T) {
	const mask = redact.Mask
	for _, row := range []struct{ name, text, want string }{
		{"a block of a key that is empty", "-----BEGIN PRIVATE KEY----------END PRIVATE KEY----- and more", "-----BEGIN PRIVATE KEY-----" + mask + "-----END PRIVATE KEY----- and more"},
		{"eight bytes that are half hidden", "key sk-abc*1 here", "key " + mask + " here"},
		{"seven bytes", "key sk-ab*1 here", "key sk-ab*1 here"},
		{"twenty letters in a row", "hf_abcdefghijklmnopqrst", mask},
		{"nineteen letters in a row", "hf_abcdefghijklmnopqrs", "hf_abcdefghijklmnopqrs"},
		{"six letters and digits in a row", "hf_ab-cd12ef", mask},
		{"five letters and digits in a row", "hf_abc-cd12e", "hf_abc-cd12e"},
		{"eight escaped signs between name and value", `token` + strings.Repeat(`\u0020`, 7) + `\u003d4f9e2a7b1c8d`, `token` + strings.Repeat(`\u0020`, 7) + `\u003d` + mask},
		{"nine signs between name and value", `a token="""""""" 4f9e2a7b1c8d`, `a token="""""""" 4f9e2a7b1c8d`},
		{"slashes behind eight signs", `a token="""""""//4f9e2a7b1c8d`, `a token="""""""//` + mask},
	} {
		if got := redact.Line(row.text, 1024); got != row.want {
			t.Errorf("%s:\n got %q\nwant %q", row.name, got, row.want)
		}
	}
}

// The signs that a path goes across, and those at which it ends.
func TestSignsInAPath(t *testing.T) {
	const slack, masked = "https://hooks.slack.com/services/", "https://hooks.slack.com/services/" + redact.Mask
	for _, row := range []struct{ name, text, want string }{
		{"a colon at the end", slack + "T0/B0/x:", masked},
		{"a colon and a slash at the end", slack + "T0/B0/x:/", masked},
		{"a part that begins with a colon", slack + ":T0/B0/x", masked},
		{"an escaped blank before a slash", slack + "T0%20/B0/x", masked},
		{"an escaped colon inside", slack + "T0%3AB0/x", masked},
		{"an escaped colon behind an escaped slash", slack + "T0%2F%3AB0/x", masked},
		{"a URL behind it", slack + "T0/B0/x:/y", masked + ":/y"},
		{"a URL behind it, escaped", slack + "T0/B0/x%3A%2Fy", masked + "%3A%2Fy"},
		{"a version in the path of a hook", "https://chat.example.com/hooks/v1.0/1234567890abcdef", "https://chat.example.com/hooks/v1.0/" + redact.Mask},
		{"a host that is called hooks", "https%3A%2F%2Fhooks%2F1234567890abcdef", "https%3A%2F%2Fhooks%2F1234567890abcdef"},
		{"twenty-four bytes where a key may stand", "https://eth-mainnet.g.alchemy.com/v2/abcdefgh-ijklmnop-qrstuv", "https://eth-mainnet.g.alchemy.com/v2/" + redact.Mask},
		{"twenty-three bytes there", "https://eth-mainnet.g.alchemy.com/v2/abcdefgh-ijklmnop-qrstu", "https://eth-mainnet.g.alchemy.com/v2/abcdefgh-ijklmnop-qrstu"},
	} {
		if got := redact.Line(row.text, 1024); got != row.want {
			t.Errorf("%s:\n got %q\nwant %q", row.name, got, row.want)
		}
	}
}

// No name in the DNS is longer than 253 bytes.
func TestHowLongAHostIs(t *testing.T) {
	for n, want := range map[int]string{253: "/services/" + redact.Mask, 254: "/services/T0/B0/x"} {
		host := strings.Repeat("a", n-len(".hooks.slack.com")) + ".hooks.slack.com"
		if got := redact.Path(host, "/services/T0/B0/x"); got != want {
			t.Errorf("a host of %d bytes: got %q, want %q", n, got, want)
		}
	}
}
