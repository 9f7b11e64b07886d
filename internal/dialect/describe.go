package dialect

import (
	"fmt"
	"slices"
	"strings"
)

// A Signal is one step of the order in which the class of an error is found.
type Signal struct{ Name, Reason string }

// Order lists the signals. The first that has an opinion decides.
func Order() []Signal {
	all := make([]Signal, 0, len(signals))
	for _, s := range signals {
		all = append(all, Signal{s.name, s.reason})
	}
	return all
}

// A Family is what is known of a provider, or of several that speak alike, for people.
type Family struct {
	Name       string
	Hosts      []string
	ByShape    bool     // it is recognised at other hosts too
	Like       string   // whose knowledge holds beside its own
	Recognised []string // in words
	Scope      Scope    // whom a rate limit concerns; 0 is as of an unknown host
	Punishes   bool     // those who go on after a refusal
}

// Families lists all of them by name.
func Families() []Family {
	tables()
	all := make([]Family, 0, len(families))
	for _, f := range families {
		all = append(all, f.describe())
	}
	slices.SortStableFunc(all, func(a, b Family) int { return strings.Compare(a.Name, b.Name) })
	return all
}

// UnknownScope is whom a rate limit of a host concerns that nobody knows.
func UnknownScope() Scope {
	s, _ := scopeOfFailure(RateLimit, nil, Answer{})
	return s
}

func (f *family) describe() Family {
	d := Family{Name: f.name, Hosts: f.hosts, ByShape: len(f.shapes) > 0, Punishes: f.punishes}
	for g := f; g != nil && d.Scope == 0; g = g.like {
		d.Scope = g.scope
	}
	if f.like != nil {
		d.Like = f.like.name
	}
	count := func(n int, what string) {
		if n > 0 {
			d.Recognised = append(d.Recognised, fmt.Sprintf("%d %s", n, what))
		}
	}
	count(len(f.codesByKey), "codes")
	count(len(f.hintsByKey), "general codes")
	count(len(f.numbers), "ranges of numbers")
	if classes := phraseClasses(f.phrases); len(classes) > 0 {
		d.Recognised = append(d.Recognised, "phrases for "+strings.Join(classes, ", "))
	}
	count(len(f.statuses), "statuses of its own")
	has := func(yes bool, what string) {
		if yes {
			d.Recognised = append(d.Recognised, what)
		}
	}
	has(len(f.hidesErrors) > 0 || len(f.hidesErrorsAnywhere) > 0, "errors in a 2xx")
	has(len(f.inference) > 0 || len(f.inferenceAnywhere) > 0 || len(f.inferenceIf) > 0 || len(f.inferenceShaped) > 0, "calls to models")
	has(len(f.refusals) > 0 || len(f.refusedStatuses) > 0 || f.shouldRetry || f.retryHeader != "", "that nothing was done")
	has(len(f.limitHeaders) > 0, "headers of limits")
	has(len(f.waitHeaders) > 0, "headers of waits")
	has(len(f.codeHeaders) > 0, "headers of codes")
	return d
}

// phraseClasses lists what classes there are phrases for, in the order in which they win.
func phraseClasses(list []words) []string {
	var all []string
	for _, w := range list {
		if !slices.Contains(all, string(w.class)) {
			all = append(all, string(w.class))
		}
	}
	return all
}

// CommonPhrases lists the classes that phrases which everybody uses mean, in the order in
// which they win: a class comes again where its complaints and its offers are apart.
func CommonPhrases() []string {
	var all []string
	for _, w := range commonPhrases {
		if len(all) == 0 || all[len(all)-1] != string(w.class) {
			all = append(all, string(w.class))
		}
	}
	return all
}
