package limiter

import (
	"fmt"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// tableOf has n Keys that were last used a second after each other, from start on.
func tableOf(n int) *keyTable {
	kt := new(keyTable)
	for i := range n {
		kt.add(&keyState{key: limit.Key{Route: fmt.Sprint(i)}, used: start.Add(time.Duration(i) * time.Second)}, start)
	}
	return kt
}

// TestForgetOne tries which Key is forgotten where there are too many: that which was
// idle for the longest, of those that nobody uses.
func TestForgetOne(t *testing.T) {
	for _, row := range []struct {
		name    string
		order   []int // by when they were last used
		users   []int // of these
		waiting []int
		want    int // -1 is none
	}{
		{"the first", []int{0, 1, 2, 3}, nil, nil, 0},
		{"the last", []int{3, 2, 1, 0}, nil, nil, 3},
		{"one among them", []int{1, 0, 2}, nil, nil, 1},
		{"one is in use", []int{0, 1, 2}, []int{0}, nil, 1},
		{"somebody waits for one", []int{0, 1, 2}, nil, []int{0}, 1},
		{"all are in use", []int{0, 1}, []int{0}, []int{1}, -1},
		{"none", nil, nil, nil, -1},
	} {
		t.Run(row.name, func(t *testing.T) {
			kt := tableOf(len(row.order))
			key := func(i int) *keyState { return kt.get(&limit.Key{Route: fmt.Sprint(i)}) }
			for i, at := range row.order {
				key(i).used = start.Add(time.Duration(at) * time.Second)
			}
			for _, i := range row.users {
				key(i).users = 1
			}
			for _, i := range row.waiting {
				key(i).waiting[1] = 1
			}
			if got := kt.forgetOne(); got != (row.want >= 0) {
				t.Errorf("one was forgotten: %t, want %t", got, row.want >= 0)
			}
			for i := range row.order {
				if got := key(i) == nil; got != (i == row.want) {
					t.Errorf("Key %d was forgotten: %t, want that it is %d", i, got, row.want)
				}
			}
		})
	}
}

// TestRoomForAKey tries when idle Keys are looked for: from 64 on, and where there are
// as many as can be once in a second.
func TestRoomForAKey(t *testing.T) {
	idle := start.Add(24 * time.Hour)
	for _, row := range []struct {
		keys  int
		swept time.Duration // before
		want  int           // that are left
	}{
		{63, time.Hour, 63},
		{64, time.Hour, 0},
		{9999, 0, 0},
		{10_000, time.Second - 1, 9999},
		{10_000, time.Second, 0},
	} {
		kt := tableOf(row.keys)
		kt.swept = idle - start.Add(row.swept) + start
		if !kt.room(idle) || kt.len() != row.want {
			t.Errorf("%d idle Keys, swept %v before: got %d, want %d and room for another", row.keys, row.swept, kt.len(), row.want)
		}
	}
	kt := tableOf(100)
	for k := range kt.all {
		k.users = 1
	}
	if kt.room(idle); kt.next != 200 || kt.len() != 100 {
		t.Errorf("with 100 in use: got %d, and the next look at %d, want all and 200", kt.len(), kt.next)
	}
}

// TestFewKeysAndMany tries that each Key is found again, and matches what it must.
func TestFewKeysAndMany(t *testing.T) {
	for _, n := range []int{0, 1, 7, 8, 9, 100} {
		kt := tableOf(n)
		if kt.len() != n {
			t.Errorf("got %d Keys, want %d", kt.len(), n)
		}
		all := 0
		for range kt.all {
			all++
		}
		for i := range n {
			k := limit.Key{Route: fmt.Sprint(i)}
			if s := kt.get(&k); s == nil || s.key != k {
				t.Errorf("of %d Keys: got %v for %d", n, s, i)
			}
			found := 0
			kt.matching(&limit.Key{Route: k.Route, Credential: 7, Model: "small"}, func(s *keyState) {
				if s.key == k {
					found++
				}
			})
			if found != 1 {
				t.Errorf("of %d Keys: %d matches for the route %d, want one", n, found, i)
			}
		}
		if all != n || kt.get(&limit.Key{Route: "another"}) != nil {
			t.Errorf("got %d of %d Keys, or one that is not there", all, n)
		}
	}
}

// TestScopes tries that what is left of a Key in a scope has that scope.
func TestScopes(t *testing.T) {
	full := limit.Key{Host: "h", Route: "r", Bucket: "b", Credential: 7, Model: "m"}
	seen := make(map[limit.Key]bool)
	for scope := range Scope(AllScopes) {
		k := Within(full, scope)
		if got := ScopeOf(&k); got != scope || seen[k] || k.Host != "h" {
			t.Errorf("scope %d: got %+v of the scope %d", scope, k, got)
		}
		seen[k] = true
	}
	if full != Within(full, AllScopes-1) {
		t.Error("a Key is not itself in its own scope")
	}
}
