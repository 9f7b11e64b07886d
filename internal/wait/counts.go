package wait

import (
	"strconv"
	"strings"
	"time"
)

// count reads a whole number, or what stands before a list of policies
// ("100, 100;w=10") or a fraction (Reddit: "599.0"); -1 if there is none.
func count(v string) int64 {
	end := 0
	for end < len(v) && digit(v[end]) {
		end++
	}
	rest := v[end:]
	if strings.HasPrefix(rest, ".") {
		rest = strings.TrimLeft(rest[1:], "0123456789")
	}
	rest = strings.TrimLeft(rest, " ")
	if end == 0 || end > 18 || rest != "" && rest[0] != ',' && rest[0] != ';' {
		return -1
	}
	n, err := strconv.ParseInt(v[:end], 10, 64)
	if err != nil {
		return -1
	}
	return n
}

// windowOf finds the window in the old drafts' quota policy, "100, 100;w=10,
// 5000;w=3600": the one of the policy with quota n.
func windowOf(v string, n int64) time.Duration {
	if n < 0 || !strings.Contains(v, ";") {
		return 0
	}
	members, ok := parse(v)
	if !ok {
		return 0
	}
	for i := range members {
		if w := seconds(members[i].param("w")); w > 0 && members[i].number == n {
			return w
		}
	}
	return 0
}

// seconds is 0 for what is no sane number of them.
func seconds(n int64) time.Duration {
	if n > int64(Longest/time.Second) {
		return 0
	}
	return time.Duration(max(n, 0)) * time.Second
}
