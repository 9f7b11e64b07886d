package steadyhttp_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/steadyhttp/steadyhttp"
)

func gzipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func zlibbed(s string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

func deflated(s string) string {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	io.WriteString(w, s)
	w.Close()
	return b.String()
}

const quotaInside = `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}`

// A caller who asks for a compression himself gets it: net/http leaves it on.
func TestEncodedBodies(t *testing.T) {
	for _, row := range []struct {
		name, encoding, body string
		class                steadyhttp.Class // with a 429
		inside               bool             // found in a 200 as well
	}{
		{"none", "", quotaInside, steadyhttp.Quota, true},
		{"identity", "identity", quotaInside, steadyhttp.Quota, true},
		{"gzip", "gzip", gzipped(quotaInside), steadyhttp.Quota, true},
		{"x-gzip", "x-gzip", gzipped(quotaInside), steadyhttp.Quota, true},
		{"deflate as the standard has it", "deflate", zlibbed(quotaInside), steadyhttp.Quota, true},
		{"deflate as some servers have it", "deflate", deflated(quotaInside), steadyhttp.Quota, true},
		{"a capital letter", "GZIP", gzipped(quotaInside), steadyhttp.Quota, true},
		{"br", "br", "\x1b\x7f\x00\x80\xaa", steadyhttp.RateLimit, false},
		{"zstd", "zstd", "\x28\xb5\x2f\xfd\x04", steadyhttp.RateLimit, false},
		{"gzip that is none", "gzip", quotaInside, steadyhttp.Quota, true},
		{"gzip cut short", "gzip", gzipped(quotaInside)[:40], steadyhttp.RateLimit, false},
		{"two of them", "gzip, gzip", gzipped(gzipped(quotaInside)), steadyhttp.RateLimit, false},
	} {
		for _, status := range []int{429, 200} {
			for _, j := range []string{"Check", "a Classifier"} {
				t.Run(fmt.Sprintf("%s/%d/%s", row.name, status, j), func(t *testing.T) {
					r := reply{status: status, header: "Content-Encoding: " + row.encoding, body: row.body}
					req := chat(t)
					resp, err := playing(r).RoundTrip(req)
					if j == "a Classifier" {
						resp, err = (&steadyhttp.Classifier{Base: playing(r)}).RoundTrip(req)
					}
					if err != nil {
						t.Fatal(err)
					}
					checked := steadyhttp.Check(resp, nil)
					var e *steadyhttp.Error
					switch {
					case status == 200 && !row.inside:
						if checked != nil {
							t.Errorf("got %v, want no error", checked)
						}
					case status == 200:
						if !errors.As(checked, &e) || e.Class != row.class {
							t.Errorf("got %v, want %v", checked, row.class)
						}
					default:
						if !errors.As(checked, &e) || e.Class != row.class {
							t.Errorf("got %v, want %v", checked, row.class)
						}
					}
					if e != nil {
						checkText(t, e)
						if string(e.Body) != row.body {
							t.Errorf("Error.Body: got %q, want the bytes as sent", e.Body)
						}
					}
					if got := finish(t, resp); got != row.body {
						t.Errorf("got %q, want the bytes as sent", got)
					}
				})
			}
		}
	}
}

func TestBombsAreNotUnpacked(t *testing.T) {
	zeros := strings.Repeat("0", 8<<20) // 8 KiB when packed
	for _, row := range []struct{ name, encoding, body string }{
		{"gzip", "gzip", gzipped(zeros)},
		{"deflate", "deflate", deflated(zeros)},
	} {
		for _, status := range []int{200, 500} {
			t.Run(fmt.Sprintf("%s/%d", row.name, status), func(t *testing.T) {
				base := playing(reply{status: status, header: "Content-Encoding: " + row.encoding, body: row.body})
				var before, after runtime.MemStats
				runtime.ReadMemStats(&before)
				resp, err := (&steadyhttp.Classifier{Base: base}).RoundTrip(chat(t))
				runtime.ReadMemStats(&after)
				if err != nil {
					t.Fatal(err)
				}
				if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
					t.Errorf("got %d bytes allocated for a body of %d, want at most 1 MiB", used, len(row.body))
				}
				if status == 500 {
					checkText(t, asError(t, resp, nil))
				} else if err := steadyhttp.Check(resp, nil); err != nil {
					t.Errorf("got %v, want no error", err)
				}
				if got := finish(t, resp); got != row.body {
					t.Errorf("got %d bytes, want all %d as sent", len(got), len(row.body))
				}
			})
		}
	}
}
