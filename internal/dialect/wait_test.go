package dialect

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// How long a body asks to wait, where a bound or a unit decides it.
func TestWaitsOfABody(t *testing.T) {
	const none = -1
	now := time.Unix(1700000000, 0)
	for _, row := range []struct {
		name, body string
		want       time.Duration
	}{
		{"by another name", `{"wait_seconds":7}`, 7 * time.Second},
		{"by another name, behind what states none", `{"cooldown_seconds":null,"wait_seconds":7}`, 7 * time.Second},
		{"by another name, in milliseconds", `{"wait_ms":250}`, 250 * time.Millisecond},
		{"by another name, beside the error", `{"error":"x","meta":{"wait_seconds":7}}`, 7 * time.Second},
		{"by another name, in the error", `{"error":{"message":"x","reset_in":7}}`, 7 * time.Second},
		{"by a name that nobody knows", `{"naps":7}`, none},

		{"in words", `{"retry_after":"2 hours"}`, 2 * time.Hour},
		{"in words, of one", `{"retry_after":"1 minute"}`, time.Minute},
		{"in words without a number", `{"retry_after":"two hours"}`, none},
		{"in words of another unit", `{"retry_after":"2 fortnights"}`, none},
		{"with a unit", `{"retry_after":"1m30s"}`, 90 * time.Second},
		{"in ISO 8601", `{"retry_after":"PT1M30S"}`, 90 * time.Second},
		{"of nothing", `{"retry_after":"0s"}`, 0},
		{"negative, with a unit", `{"retry_after":"-5s"}`, none},
		{"the longest, with a unit", `{"retry_after":"8784h"}`, 366 * day},
		{"longer, with a unit", `{"retry_after":"8785h"}`, none},
		{"the longest", `{"resets_in_seconds":31622400}`, 366 * day},
		{"longer", `{"resets_in_seconds":31622401}`, none},
		{"in the longest text", `{"retry_after":"` + strings.Repeat("0", 28) + `31s"}`, 31 * time.Second},
		{"in a longer text", `{"retry_after":"` + strings.Repeat("0", 29) + `31s"}`, none},
		{"in the longest text of Google's", `{"error":{"details":[{"retryDelay":"` + strings.Repeat("0", 28) + `31s"}]}}`, 31 * time.Second},
		{"in a longer text of Google's", `{"error":{"details":[{"retryDelay":"` + strings.Repeat("0", 29) + `31s"}]}}`, none},

		{"as long as the window of any limit", `{"retry_after":2678400}`, 31 * day},
		{"longer, and so in milliseconds", `{"retry_after":2678401}`, 2678401 * time.Millisecond},
		{"longer, under a name that tells the unit", `{"retry_after_seconds":2678401}`, 2678401 * time.Second},
		{"the longest in milliseconds", `{"retry_after":2678400000}`, 31 * day},
		{"longer than any", `{"retry_after":2678400001}`, none},
		{"a thousandth of it in words", `{"retry_after":5000,"message":"retry in 5 seconds"}`, 5 * time.Second},
		{"about a thousandth of it in words", `{"retry_after":5400,"message":"retry in 5 seconds"}`, 5400 * time.Millisecond},
		{"the least of a thousandth in words", `{"retry_after":5000,"message":"retry in 4.5 seconds"}`, 5 * time.Second},
		{"the most of a thousandth in words", `{"retry_after":5000,"message":"retry in 5.5 seconds"}`, 5 * time.Second},
		{"less than a thousandth in words", `{"retry_after":5000,"message":"retry in 4.4 seconds"}`, 5000 * time.Second},
		{"as much in words", `{"retry_after":5,"message":"retry in 5 seconds"}`, 5 * time.Second},
		{"something else in words", `{"retry_after":5000,"message":"retry in 8 seconds"}`, 5000 * time.Second},
		{"the shortest that words confirm", `{"retry_after":500,"message":"retry in 0.5 seconds"}`, 500 * time.Millisecond},
		{"shorter", `{"retry_after":499,"message":"retry in 0.499 seconds"}`, 499 * time.Second},

		{"on a page", `<html><body><h1>Sorry</h1><p>Please retry in 30 seconds</p></body></html>`, 30 * time.Second},
		{"a time of this century", `{"resets_at":1700000030}`, 30 * time.Second},
		{"a time of the first second that counts", `{"resets_at":1000000001}`, 0},
		{"a time before that", `{"resets_at":1000000000}`, none},
		{"a bucket that does not fill", `{"extensions":{"cost":{"requestedQueryCost":600,"throttleStatus":{"currentlyAvailable":100,"restoreRate":0}}}}`, none},
		{"a bucket that has enough", `{"extensions":{"cost":{"requestedQueryCost":60,"throttleStatus":{"currentlyAvailable":100,"restoreRate":50}}}}`, 0},
	} {
		v := Judge(Answer{Method: "GET", Host: "api.example.com", Path: "/x", Status: 429, Header: http.Header{}, Body: []byte(row.body), Now: now})
		got := v.RetryIn
		if v.RetryInSource == "" {
			got = none
		}
		if got != row.want {
			t.Errorf("%s: %.120s: got %v, want %v", row.name, row.body, got, row.want)
		}
	}
}
