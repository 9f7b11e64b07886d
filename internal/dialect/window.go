package dialect

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	day   = 24 * time.Hour
	week  = 7 * day
	month = 30 * day
)

// windowWords say over which time a limit is counted, in the form that phrases
// are written in.
var windowWords = []struct {
	window time.Duration
	say    []string
}{
	{time.Second, []string{"per second", "every second", "each second", "/second", "/sec", "/ second", "per sec.", "per sec ", "per sec)", "secondly", "qps", "每秒", "pro sekunde", "por segundo", "par seconde", "al secondo", "в секунду", "초당", "毎秒"}},
	{time.Minute, []string{
		"per minute", "per min", "/min", "/ min", "(tpm)", "(rpm)", "tpm limit", "rpm limit", "minutely", "a minute",
		"every minute", "each minute", "1 minute", "one minute", "每分钟", "分钟内", "pro minute", "por minuto", "par minute", "al minuto", "в минуту", "분당", "毎分",
	}},
	{time.Hour, []string{"per hour", "/hour", "/ hour", "hourly", "every hour", "per 1 hour", "an hour", "one hour", "each hour", "this hour", "current hour", "past hour", "last hour", "每小时", "pro stunde", "por hora", "par heure", "all'ora", "в час", "시간당", "毎時"}},
	{day, []string{
		"per day", "/day", "/ day", "daily", "(rpd)", "(tpd)", "rpd", "tpd", "day limit", "tomorrow", "24 hour", "per 24 hours", "per 1 day", "calls in 1 day", "requests in 1 day", "every day", "a day", "today", "one day", "each day",
		"每天", "每日", "当日", "今日", "当天", "for the day", "24h", "pro tag", "tageslimit", "tageskontingent", "täglich", "por día", "por dia", "diario", "diaria", "diário", "diária",
		"par jour", "journali", "quotidien", "al giorno", "giornalier", "в день", "в сутки", "суточн", "дневно", "1日の", "日次", "本日の", "일일", "하루",
	}},
	{6 * time.Hour, []string{"pull rate limit"}}, // Docker Hub's, also through mirrors: https://docs.docker.com/docker-hub/usage/
	{week, []string{"too many certificates" /* Let's Encrypt's: https://letsencrypt.org/docs/rate-limits/ */, "per week", "/week", "/ week", "weekly", "7 day", "seven day", "this week", "每周", "本周"}},
	{month, []string{
		"per month", "/month", "/ month", "monthly", "this month", "a month", "30 day", "calendar month", "every month", "each month", "billing period",
		"billing cycle", "每月", "本月", "当月", "pro monat", "monatslimit", "monatlich", "al mes", "por mes", "mensual", "por mês", "mensal", "par mois", "mensuel", "al mese", "mensile",
		"в месяц", "месячн", "月間", "월간",
	}},
}

// windowParts are the same in names such as
// GenerateRequestsPerDayPerProjectPerModel or UserByModelByDay.
var windowParts = []struct {
	part   string
	window time.Duration
}{
	{"persecond", time.Second}, {"secondly", time.Second}, {"bysecond", time.Second},
	{"perminute", time.Minute}, {"byminute", time.Minute}, {"minutely", time.Minute},
	{"perhour", time.Hour}, {"byhour", time.Hour}, {"hourly", time.Hour},
	{"perday", day}, {"byday", day}, {"daily", day},
	{"perweek", week}, {"byweek", week}, {"weekly", week},
	{"permonth", month}, {"bymonth", month}, {"monthly", month},
}

// Fields that name the limit which was hit.
var limitPaths = paths(
	"error.details.0.violations.0.quotaid", "error.details.1.violations.0.quotaid", "error.details.2.violations.0.quotaid",
	"error.details.3.violations.0.quotaid",
	"error.details.0.violations.1.quotaid", "error.details.1.violations.1.quotaid", "error.details.2.violations.1.quotaid",
	"error.details.0.metadata.quotalimit", "error.details.1.metadata.quotalimit", "error.details.2.metadata.quotalimit",
	"error.details.3.metadata.quotalimit",
	"0.error.details.0.violations.0.quotaid", "0.error.details.1.violations.0.quotaid", "0.error.details.2.violations.0.quotaid",
)

// Fields that name a policy. Whose limits end by themselves: no more is read
// into them than the window.
var policyPaths = paths("policyname", "violatedpolicies.0", "error.policy", "error.metadata.limittype", "error.limittype")

// window is over which time the limit is counted that was hit. Fields that
// name it beat words. If the words name several, the first is the one that the
// sentence is about.
func (r *reader) window(c Class, h http.Header) time.Duration {
	if c != RateLimit && c != Quota {
		return 0
	}
	if r.tree.n > 0 {
		if w := r.limitWindow(); w > 0 {
			return w
		}
		for _, p := range policyPaths {
			if w := windowIn(r.tree.textAt(p)); w > 0 {
				return w
			}
		}
	}
	for _, name := range tables().windowHeaders {
		if w := windowIn(first(h, name)); w > 0 {
			return w
		}
	}
	text := r.text()
	first, window := firstWindow(text)
	if _, w := hours(text[:first]); w > 0 {
		return w
	}
	return window
}

// firstWindow returns where in a text the first window is named, and that; the end of
// the text if none is.
func firstWindow(text string) (int, time.Duration) {
	by := windowsBy()
	for i := 0; i < len(text); i++ {
		for _, w := range by[text[i]] {
			if strings.HasPrefix(text[i:], w.phrase) && (starts(text, i) || text[i] == '/') {
				return i, w.window
			}
		}
	}
	return len(text), 0
}

// A windowPhrase is one of windowWords.
type windowPhrase struct {
	phrase string
	window time.Duration
}

// windowsBy has windowWords by their first bytes.
var windowsBy = sync.OnceValue(func() *[256][]windowPhrase {
	var by [256][]windowPhrase
	for _, group := range windowWords {
		for _, phrase := range group.say {
			by[phrase[0]] = append(by[phrase[0]], windowPhrase{phrase, group.window})
		}
	}
	return &by
})

// hours finds a limit of so many hours: "5 hour limit", "every 3 hours", "5 小时的使用上限".
// A number of hours alone is a wait, or anything.
func hours(text string) (at int, window time.Duration) {
	for i := 0; i < len(text); i++ {
		if !isDigit(text[i]) {
			continue
		}
		begin := i
		for i < len(text) && isDigit(text[i]) {
			i++
		}
		if i-begin > 3 || !starts(text, begin) {
			continue
		}
		rest, ok := cutHours(text[i:])
		if !ok {
			continue
		}
		n, _ := strconv.Atoi(text[begin:i])
		if n > 0 && (endsWithAny(text[:begin], "per ", "every ", "each ", "last ", "past ", "within ", "in any ", "over ", "rolling ", "limit reached for ", "每") || limitsFollow(rest)) {
			return begin, time.Duration(n) * time.Hour
		}
	}
	return 0, 0
}

// cutHours cuts off the unit.
func cutHours(s string) (rest string, ok bool) {
	s = strings.TrimPrefix(s, " ")
	for _, unit := range [...]string{"hours", "hour", "hrs", "hr", "h", "小时"} {
		if rest, ok = strings.CutPrefix(s, unit); ok {
			return rest, rest == "" || rest[0] < 'a' || rest[0] > 'z'
		}
	}
	return s, false
}

func endsWithAny(s string, ends ...string) bool {
	for _, end := range ends {
		if strings.HasSuffix(s, end) {
			return true
		}
	}
	return false
}

// limitsFollow reports whether the next word is one of a limit.
func limitsFollow(s string) bool {
	s = strings.TrimLeft(s, " s)(的")
	for _, word := range [...]string{"limit", "window", "usage", "quota", "rolling", "cap", "allowance", "rate limit", "period", "使用上限", "限额", "额度", "用量", "限制", "上限"} {
		if strings.HasPrefix(s, word) {
			return true
		}
	}
	return false
}

// limitWindow is the longest of the windows of the limits that Google names.
func (r *reader) limitWindow() time.Duration {
	var longest time.Duration
	for _, p := range limitPaths {
		longest = max(longest, windowIn(r.tree.textAt(p)))
	}
	if longest == 0 {
		// A gateway may hand on Google's answer as a text within its own.
		if _, rest, ok := strings.Cut(r.text(), "quotaid"); ok && r.tree.n > 0 {
			rest = strings.TrimLeft(rest, `\: `)
			name, _, _ := strings.Cut(rest[:min(len(rest), 120)], ",")
			longest = windowIn(name)
		}
	}
	return longest
}

func windowIn(name string) time.Duration {
	if name == "" || len(name) > 256 {
		return 0
	}
	var b [256]byte
	key := b[:0]
	for i := 0; i < len(name); i++ {
		c := name[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		if c != '_' && c != '-' && c != ' ' {
			key = append(key, c)
		}
	}
	s := string(key)
	for _, w := range windowParts {
		if strings.Contains(s, w.part) {
			return w.window
		}
	}
	return 0
}

func (r *reader) byNoAllowance() Class {
	if (r.status == 429 || r.status == 403) && limitIsZero(r.text()) {
		return Quota
	}
	return ""
}

// limitIsZero reports whether a text says "limit: 0" or "limit 0", and not that 0 remain.
func limitIsZero(text string) bool {
	before, rest, found := strings.Cut(text, "limit")
	for ; found; before, rest, found = strings.Cut(rest, "limit") {
		n, ok := strings.CutPrefix(strings.TrimPrefix(rest, ":"), " 0")
		if ok && (n == "" || n[0] == '/' || n[0] == ',' || n[0] == ' ') && !strings.HasSuffix(before, "remaining ") {
			return true
		}
	}
	return false
}
