package dialect

import (
	"net/http"
	"testing"
)

// What a body means at an unknown host, where two signals say different things.
func TestWhichSignalWins(t *testing.T) {
	for _, row := range []struct {
		name, body string
		status     int
		retryAfter string
		want       Class
	}{
		{"a quota and a short wait", `{"error":{"message":"Quota exceeded. Please retry in 20s"}}`, 429, "", RateLimit},
		{"a quota and a short wait, with another status", `{"error":{"message":"Quota exceeded. Please retry in 20s"}}`, 403, "", Quota},
		{"a quota and no wait", `{"error":{"message":"Usage exceeded"}}`, 429, "", Quota},
		{"a quota and a wait in the header, which many send", `{"error":{"message":"Usage exceeded"}}`, 429, "20", Quota},
		{"a quota and a member with the longest short wait", `{"error":{"message":"Usage exceeded","retry_after":600}}`, 429, "", RateLimit},
		{"a quota and a member with a longer wait", `{"error":{"message":"Usage exceeded","retry_after":601}}`, 429, "", Quota},
		{"a quota and a wait, beside an unknown code", `{"error":{"code":"E_UNKNOWN_THING","message":"Usage exceeded","retry_after":60}}`, 429, "", RateLimit},
		{"a quota and a wait, beside the code for money", `{"error":{"code":"insufficient_quota","message":"Usage exceeded","retry_after":60}}`, 429, "", Quota},
		{"a quota by its code, and a wait", `{"error":{"code":"MyQuotaExceeded","message":"x","retry_after":60}}`, 429, "", RateLimit},
		{"a quota by a part of its code, and a wait", `{"error":{"code":"MyUsageCapHit","message":"x","retry_after":60}}`, 429, "", RateLimit},
		{"a quota by a part of its code", `{"error":{"code":"MyUsageCapHit","message":"x"}}`, 429, "", Quota},
		{"a quota of a day and a wait", `{"error":{"message":"Your daily quota has been used up","retry_after":60}}`, 429, "", Quota},
		{"a quota, a wait and money", `{"error":{"message":"Usage exceeded, please check your billing","retry_after":60}}`, 429, "", Quota},

		{"a limit's code and words of money", `{"error":{"code":"rate_limit_exceeded","message":"Usage exceeded"}}`, 403, "", RateLimit},
		{"a limit's code and other words", `{"error":{"code":"rate_limit_exceeded","message":"The server is overloaded"}}`, 503, "", Overloaded},
		{"a limit's code and words that nobody knows", `{"error":{"code":"rate_limit_exceeded","message":"x"}}`, 400, "", RateLimit},
		{"a conflict with too many requests", `{"error":{"code":"conflict","message":"x"}}`, 429, "", RateLimit},
		{"a conflict", `{"error":{"code":"conflict","message":"x"}}`, 400, "", Conflict},
		{"a quota's code with too many requests", `{"error":{"code":"quota_exceeded","message":"x"}}`, 429, "", RateLimit},
		{"a quota's code", `{"error":{"code":"quota_exceeded","message":"x"}}`, 403, "", Quota},
		{"a code for money, of other words, with too many requests", `{"error":{"code":"no_credits","message":"x"}}`, 429, "", Quota},
		{"a limit's code that is said with everything, and another status", `{"error":{"code":"LimitExceeded","message":"x"}}`, 400, "", RateLimit},
		{"a part of a code", `{"error":{"code":"MyContentPolicyHit","message":"x"}}`, 400, "", ContentPolicy},
		{"a part of the second code", `{"error":{"code":"E_UNKNOWN_THING","type":"MyContentPolicyHit","message":"x"}}`, 400, "", ContentPolicy},
		{"a message that is a code", `{"message":"MyContentPolicyHit"}`, 400, "", ContentPolicy},
		{"a request that is too large, and a wait", `{"error":{"message":"Request too large. Usage exceeded","retry_after":60}}`, 429, "", TooLarge},
		{"more tokens than are ever allowed", `{"error":{"message":"Request too large: Limit 100, Requested 200"}}`, 429, "", TooLarge},

		{"a status that nobody knows, and a wait", `x`, 449, "20", RateLimit},
		{"a status that nobody knows", `x`, 449, "", InvalidRequest},
		{"a teapot and a wait", `x`, 418, "20", RateLimit},
		{"a range that cannot be served, and a wait", `x`, 416, "20", InvalidRequest},
		{"a status of the server that nobody knows, and a wait", `x`, 544, "20", ServerError},
		{"a status with a meaning of its own, and a wait", `x`, 440, "20", Authentication},
	} {
		a := Answer{Method: "GET", Host: "api.example.com", Path: "/x", Status: row.status, Header: http.Header{}, Body: []byte(row.body)}
		if row.retryAfter != "" {
			a.Header.Set("Retry-After", row.retryAfter)
		}
		if v := Judge(a); v.Class != row.want {
			t.Errorf("%s: %d %s: got %s, want %s", row.name, row.status, row.body, v.Class, row.want)
		}
	}
}

// The numbers of JSON-RPC count where it is spoken.
func TestNumbersOfJSONRPC(t *testing.T) {
	for body, want := range map[string]Class{
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"x"}}`: ServerError,
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"x"}}`: InvalidRequest,
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32604,"message":"x"}}`: Unknown,
		`{"error":{"code":-32603,"message":"x"}}`:                        Unknown,
	} {
		if v, failed := InBand(Answer{Method: "POST", Host: "api.example.com", Path: "/x", Status: 200, Header: http.Header{}, Body: []byte(body)}); !failed || v.Class != want {
			t.Errorf("%s: got %s, failed %t; want %s", body, v.Class, failed, want)
		}
	}
}

// A code that cannot be meant with a status is a leftover.
func TestBelievable(t *testing.T) {
	for _, row := range []struct {
		class  Class
		status int
		want   bool
	}{
		{InvalidRequest, 400, true}, {InvalidRequest, 401, false}, {ServerError, 500, true}, {ServerError, 429, false},
		{NotFound, 400, true}, {NotFound, 429, false}, {NotFound, 401, false},
		{Permission, 403, true}, {Permission, 429, false}, {Permission, 407, false},
		{Conflict, 400, true}, {Conflict, 429, false}, {Conflict, 503, false},
		{Authentication, 403, true}, {Authentication, 429, false}, {Timeout, 500, true}, {Timeout, 429, false},
		{RateLimit, 403, true}, {Quota, 429, true}, {Overloaded, 429, true},
	} {
		if got := believable(row.class, row.status); got != row.want {
			t.Errorf("%s with %d: got %t, want %t", row.class, row.status, got, row.want)
		}
	}
	for _, row := range []struct {
		class  Class
		status int
		want   bool
	}{{Conflict, 429, true}, {Conflict, 409, false}, {RateLimit, 429, false}} {
		if got := tooMany(row.class, row.status); got != row.want {
			t.Errorf("too many by %s with %d: got %t, want %t", row.class, row.status, got, row.want)
		}
	}
}

func TestNeverFits(t *testing.T) {
	for _, row := range []struct {
		name, text string
		status     int
		want       bool
	}{
		{"above the limit", "limit 100, requested 101", 429, true},
		{"as much as the limit", "limit 100, requested 100", 429, false},
		{"no limit", "limit 0, requested 5", 429, false},
		{"nothing requested", "limit 100", 429, false},
		{"with colons", "limit: 100, requested: 200", 429, true},
		{"with thousands", "limit 30,000, used 5, requested 30,001", 429, true},
		{"inside a success", "limit 100, requested 200", 0, true},
		{"too large", "limit 100, requested 200", 413, true},
		{"unavailable", "limit 100, requested 200", 503, true},
		{"another status", "limit 100, requested 200", 400, false},
	} {
		if got := neverFits(row.text, row.status); got != row.want {
			t.Errorf("%s: %q with %d: got %t, want %t", row.name, row.text, row.status, got, row.want)
		}
	}
}

func TestNumberAfter(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       int64
		ok         bool
	}{
		{"at once", "limit 5", 5, true},
		{"later", "a limit 90 b", 90, true},
		{"within a word", "xlimit 5", 0, false},
		{"within a word, and then alone", "xlimit 5 limit 7", 7, true},
		{"without a number, and then with one", "limit of limit 7", 7, true},
		{"about", "limit ~5", 5, true},
		{"about, in a word", "limit approx. 5", 5, true},
		{"with thousands", "limit 1,234,567 x", 1234567, true},
		{"that begins with a comma", "limit ,5", 0, false},
		{"of fifteen digits", "limit 123456789012345", 123456789012345, true},
		{"of more digits, which are not read", "limit 1234567890123456", 123456789012345, true},
		{"nothing behind it", "limit ", 0, false},
		{"nowhere", "5", 0, false},
	} {
		if got, ok := numberAfter(row.text, "limit "); got != row.want || ok != row.ok {
			t.Errorf("%s: %q: got %d %t, want %d %t", row.name, row.text, got, ok, row.want, row.ok)
		}
	}
}
