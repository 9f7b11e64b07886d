package wait

import "time"

// A link is the little word between an announcement and its figure.
type link uint8

const (
	in link = 1 << iota
	after
	forth // for
	at    // a point in time follows

	direct // none is needed
)

// An announcement is a word that a wait follows.
type announcement struct {
	word  string
	links link
	weak  bool          // it tells when the limit ends, which another may know better
	unit  time.Duration // of a bare number; 0 is seconds
	not   []string      // words before it that make it mean something else
}

// announcements are the words that a figure is taken from, and nothing else is:
// "timeout of 60 seconds" and "60 requests per minute" are no waits. In lower case.
var announcements = []announcement{
	// Try again in 1.26s. Retry after 20 seconds. Please wait 5631 seconds.
	{word: "again", links: in | after | at},
	{word: "try", links: in | after | at},
	{word: "retry", links: in | after | at, not: []string{"max", "maximum", "cannot", "no"}},
	{word: "retrying", links: in | after | at},
	{word: "resubmit", links: in | after},
	{word: "wait", links: forth | direct, not: []string{"max", "maximum", "lock", "long", "longest", "not", "t", "queue", "average"}},
	{word: "sleep", links: forth | direct, not: []string{"max", "maximum"}},
	{word: "back", links: in, not: []string{"rolled", "roll", "sent", "went", "falling", "fell"}},
	{word: "back off", links: forth | direct},
	{word: "backoff", links: forth | direct, not: []string{"max", "maximum", "exponential"}},
	{word: "next", links: in | at},
	{word: "another request", links: in},
	{word: "break", links: forth},
	{word: "cooldown", links: forth | in | direct},
	// You can submit the request after 49 seconds; not: failed to send it after 30 seconds.
	{word: "submit", links: after, not: []string{"to", "not", "cannot", "t"}}, {word: "send", links: after, not: []string{"to", "not", "cannot", "t"}},
	{word: "repeat", links: after, not: []string{"to", "not", "cannot", "t"}}, {word: "resend", links: in | after, not: []string{"to", "not", "cannot", "t"}},
	{word: "request this", links: after}, {word: "do this", links: after},
	{word: "cool down", links: forth | direct},
	{word: "cooling down", links: forth | direct},
	// German, Spanish, Portuguese, French and Italian.
	{word: "versuchen", links: in | after}, {word: "versuche", links: in | after}, {word: "erneut", links: in | after}, {word: "nochmal", links: in},
	{word: "bitte", links: in}, // in 20 Sekunden erneut
	{word: "warten", links: forth | direct}, {word: "warte", links: forth | direct},
	{word: "intente", links: in}, {word: "intentelo", links: in}, {word: "intentar", links: in}, {word: "nuevo", links: in}, {word: "nuevamente", links: in},
	{word: "espere", links: forth | direct}, {word: "espera", links: forth | direct}, {word: "esperar", links: forth | direct},
	{word: "novamente", links: in}, {word: "aguarde", links: forth | direct}, {word: "aguardar", links: forth | direct},
	{word: "essayer", links: in}, {word: "essayez", links: in}, {word: "nouveau", links: in}, {word: "patienter", links: forth | direct}, {word: "patientez", links: forth | direct},
	{word: "attendre", links: forth | direct}, {word: "attendez", links: forth | direct},
	{word: "spróbuj", links: in}, {word: "spróbować", links: in}, {word: "poczekaj", links: direct}, {word: "zkuste", links: in}, {word: "réessaie", links: in},
	{word: "riprova", links: in | after}, {word: "riprovare", links: in | after}, {word: "nuovo", links: in}, {word: "attendere", links: forth | direct}, {word: "attendi", links: forth | direct},
	// Fields that were printed into a message.
	{word: "retryafter", links: direct | at},
	{word: "retryafterseconds", links: direct},
	{word: "retryafterms", links: direct, unit: time.Millisecond},
	{word: "retrydelay", links: direct},
	{word: "retry delay", links: direct},
	{word: "retryin", links: direct},
	{word: "time remaining", links: direct, weak: true},
	{word: "time left", links: direct, weak: true},

	// Resets in ~5s. Expected available in 831.0 seconds. Blocked for 10 minutes.
	{word: "reset", links: in | after | at, weak: true, not: []string{"connection", "stream", "upstream", "peer", "socket", "tcp", "was", "been", "password", "last"}},
	{word: "resets", links: in | after | at, weak: true},
	{word: "next reset", links: in | at | direct, weak: true},
	{word: "resetting", links: in, weak: true},
	{word: "time to reset", links: direct, weak: true},
	{word: "time until reset", links: direct, weak: true},
	{word: "refresh", links: in | after | at, weak: true, not: []string{"was", "token"}},
	{word: "refreshes", links: in | after | at, weak: true},
	{word: "refreshed", links: in, weak: true, not: []string{"was", "token"}},
	{word: "refills", links: in | at, weak: true},
	{word: "replenishes", links: in | at, weak: true},
	{word: "replenished", links: in | at, weak: true},
	{word: "renews", links: in | at, weak: true},
	{word: "renewed", links: in | at, weak: true, not: []string{"was"}},
	{word: "available", links: in | after | at, weak: true},
	{word: "remaining period of", links: direct, weak: true},
	{word: "resume", links: in | after | at, weak: true},
	{word: "resumes", links: in | after | at, weak: true},
	{word: "lifted", links: in | after | at, weak: true},
	{word: "lifts", links: in, weak: true},
	{word: "restored", links: in, weak: true, not: []string{"was"}},
	{word: "unblocked", links: in | after | at, weak: true},
	{word: "unlocked", links: in | after | at, weak: true},
	{word: "blocked", links: forth | at, weak: true},
	{word: "banned", links: forth | at, weak: true},
	{word: "limited", links: forth | at, weak: true},
	{word: "throttled", links: forth | at, weak: true},
	{word: "locked", links: forth | at, weak: true},
	{word: "suspended", links: forth | at, weak: true},
	{word: "paused", links: forth | at, weak: true},
}

// links are the little words themselves.
var links = map[string]link{
	"in": in, "after": after, "for": forth, "at": at, "until": at, "till": at,
	"za": in, "em": in, "en": in, "dentro": in, "dans": in, "tra": in, "fra": in, "nach": after, "dopo": after, "durante": forth, "pendant": forth,
}

// fillers may stand between an announcement, its link and its figure.
var fillers = map[string]bool{
	"again": true, "later": true, "your": true, "the": true, "this": true, "request": true, "requests": true, "call": true,
	"it": true, "once": true, "more": true, "automatically": true, "next": true, "another": true, "about": true, "approximately": true,
	"approx": true, "around": true, "roughly": true, "at": true, "least": true, "exactly": true, "only": true, "just": true,
	"of": true, "is": true, "time": true, "period": true, "be": true, "attempt": true, "available": true, "operation": true,
	"please": true, "delay": true, "estimated": true, "retry": true, "retrying": true, "allowed": true, "window": true, "off": true,
	"sending": true, "sie": true, "es": true, "bitte": true, "mindestens": true, "de": true, "por": true, "favor": true, "lo": true, "menos": true, "mais": true,
	"circa": true, "environ": true, "encore": true, "cerca": true, "unos": true, "unas": true, "aproximadamente": true, "alrededor": true, "etwa": true, "rund": true,
	"shortly": true, "ponownie": true, "znovu": true, "około": true,
}

// units are those of time, in lower case.
var units = map[string]time.Duration{
	"ns": time.Nanosecond, "us": time.Microsecond, "µs": time.Microsecond, "μs": time.Microsecond,
	"microsecond": time.Microsecond, "microseconds": time.Microsecond,
	"ms": time.Millisecond, "msec": time.Millisecond, "msecs": time.Millisecond, "millis": time.Millisecond,
	"millisecond": time.Millisecond, "milliseconds": time.Millisecond,
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"m": time.Minute, "min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hrs": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"sekunde": time.Second, "sekunden": time.Second, "sek": time.Second, "segundo": time.Second, "segundos": time.Second, "seg": time.Second,
	"seconde": time.Second, "secondes": time.Second, "secondo": time.Second, "secondi": time.Second,
	"minuten": time.Minute, "minuto": time.Minute, "minutos": time.Minute, "minuti": time.Minute,
	"sekund": time.Second, "sekundy": time.Second, "sekundę": time.Second, "minut": time.Minute, "minuty": time.Minute, "minutę": time.Minute, "godzin": time.Hour,
	"godziny": time.Hour, "godzinę": time.Hour,
	"stunde": time.Hour, "stunden": time.Hour, "hora": time.Hour, "horas": time.Hour, "heure": time.Hour, "heures": time.Hour, "ora": time.Hour, "ore": time.Hour,
	"tag": day, "tage": day, "tagen": day, "dia": day, "dias": day, "jour": day, "jours": day, "giorno": day, "giorni": day,
	"d": day, "day": day, "days": day, "w": 7 * day, "week": 7 * day, "weeks": 7 * day,
}

// hanUnits are the same where no space parts words, the longer first.
var hanUnits = []struct {
	text string
	unit time.Duration
}{
	{"毫秒", time.Millisecond}, {"秒钟", time.Second}, {"秒鐘", time.Second}, {"秒", time.Second},
	{"分钟", time.Minute}, {"分鐘", time.Minute}, {"分", time.Minute}, {"분", time.Minute},
	{"个小时", time.Hour}, {"個小時", time.Hour}, {"小时", time.Hour}, {"小時", time.Hour}, {"時間", time.Hour},
	{"天", day}, {"日", day},
	// Korean, and the stems of Russian.
	{"초", time.Second}, {"시간", time.Hour}, {"일", day},
	{"секунд", time.Second}, {"сек", time.Second}, {"минут", time.Minute}, {"мин", time.Minute}, {"час", time.Hour}, {"дн", day},
}

// Chinese and Japanese put the figure between: 请在 30 秒后重试, 请等待 30 秒.
var (
	hanBefore = []string{"等待", "等待约", "稍等", "稍候", "请等", "請等", "冷却", "冷卻", "через", "ерез", "дождите", "подождать"}
	hanSpoilt = []string{"已", "已经", "已經", "最多", "最长", "最長", "最大"} // has waited, waits at most
	hanAfter  = []string{"后", "後", "之后", "之後", "以后", "以後", " 후", "후", "뒤", " 뒤"}
	hanThen   = []string{"重试", "重試", "再", "请重", "重新", "恢复", "恢復", "重置", "尝试", "可", "に再", "にもう", "に試", "请再", "解", "다시", "에 다시", "재시도", "にお試"}
)

// numerals are the numbers that are written out. "a second" is a figure of
// speech.
var numerals = map[string]float64{
	"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10,
	"ein": 1, "eine": 1, "einer": 1, "einem": 1, "einen": 1, "un": 1, "una": 1, "uno": 1, "um": 1, "uma": 1, "une": 1,
	"fifteen": 15, "twenty": 20, "thirty": 30, "sixty": 60,
}

// A namedWindow is a window and a name of it.
type namedWindow struct {
	text   string
	window time.Duration
}

// windows are how messages name the window of the limit that they are about.
var windows = []namedWindow{
	{"/ min", time.Minute}, {"/ day", day}, {"/ hour", time.Hour}, {"per 86400s", day}, {"byday", day}, {"byminute", time.Minute},
	{"per sec", time.Second}, {"/sec", time.Second}, {"(rps)", time.Second},
	{"per min", time.Minute}, {"/min", time.Minute}, {"(rpm)", time.Minute}, {"(tpm)", time.Minute},
	{"per-min", time.Minute}, {"perminute", time.Minute},
	{"per hour", time.Hour}, {"/hour", time.Hour}, {"hourly", time.Hour}, {"per-hour", time.Hour},
	{"per day", day}, {"/day", day}, {"(rpd)", day}, {"(tpd)", day}, {"daily", day}, {"perday", day}, {"per-day", day},
	{"per week", 7 * day}, {"weekly", 7 * day},
	{"per month", 30 * day}, {"monthly", 30 * day},
}
