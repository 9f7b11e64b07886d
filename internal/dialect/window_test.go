package dialect

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// A number of hours is a window where a limit goes with it.
func TestHours(t *testing.T) {
	for _, row := range []struct {
		name, text string
		want       int
	}{
		{"a limit of hours", "your 5 hour limit is reached", 5},
		{"at the beginning", "5 hour limit", 5},
		{"every so many", "30 messages every 3 hours", 3},
		{"at the end", "per 24h", 24},
		{"a unit before a bracket", "per 24h)", 24},
		{"a wait", "try again in 3 hours", 0},
		{"the most", "999 hour limit", 999},
		{"more", "1000 hour limit", 0},
		{"none", "0 hour limit", 0},
		{"within a word", "x5 hour limit", 0},
		{"a word that goes on with an a", "per 5ha", 0},
		{"a word that goes on with a z", "per 5hz", 0},
		{"another unit", "per 5 apples", 0},
		{"a number, and then a limit", "20 calls, 5 hour limit", 5},
		{"a number at the end", "limit 5", 0},
		{"Chinese", "5 小时的使用上限", 5},
	} {
		if _, got := hours(row.text); got != time.Duration(row.want)*time.Hour {
			t.Errorf("%s: %q: got %v, want %d hours", row.name, row.text, got, row.want)
		}
	}
}

func TestWindowsOfAnAnswer(t *testing.T) {
	for _, row := range []struct {
		name, message, policy string
		want                  time.Duration
	}{
		{"behind a word and a slash", "1000 calls/day", "", day},
		{"within a word", "your super day", "", 0},
		{"hours before the first other", "5 hour limit, 100 per day", "", 5 * time.Hour},
		{"hours behind it", "100 per day, 5 hour limit", "", day},
		{"the longest name of a policy", "x", strings.Repeat("x", 251) + "DAILY", day},
		{"a longer one", "x", strings.Repeat("x", 252) + "DAILY", 0},
		{"a name with signs", "x", "per_DAY", day},
	} {
		body := `{"error":{"message":"` + row.message + `","policy":"` + row.policy + `"}}`
		v := Judge(Answer{Method: "GET", Host: "api.example.com", Path: "/x", Status: 429, Header: http.Header{}, Body: []byte(body)})
		if v.Window != row.want {
			t.Errorf("%s: %.120s: got %v, want %v", row.name, body, v.Window, row.want)
		}
	}
}
