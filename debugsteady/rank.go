package debugsteady

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/steadyhttp/steadyhttp/limit"
)

// A ranked key is one that may be shown.
type ranked struct {
	*limit.KeyState
	recent uint64    // sent in the last five minutes
	held   bool      // requests stand in its own queue
	others []*ranked // the keys of its host with held set
}

// rank lists the keys of a Snapshot, and the hosts of which only something is
// recorded: the most urgent first, then the busiest.
func rank(all []limit.KeyState, rec *recorded) []ranked {
	keys := make([]ranked, 0, len(all))
	hosts := make(map[string]bool, len(all)) // that have a key of their own
	for i := range all {
		k := &all[i]
		keys = append(keys, ranked{KeyState: k, held: k.Queued > 0})
		if ofHost(k.Key) {
			hosts[k.Key.Host] = true
		}
	}
	if rec != nil {
		for name := range rec.hosts {
			if !hosts[name] {
				keys = append(keys, ranked{KeyState: &limit.KeyState{Key: limit.Key{Host: name}}})
			}
		}
		for i := range keys {
			keys[i].recent = rec.recent(&keys[i].Key)
		}
	}
	findHeld(keys)
	slices.SortFunc(keys, func(a, b ranked) int {
		return cmp.Or(
			cmp.Compare(b.urgency(), a.urgency()),
			cmp.Compare(b.Waiting, a.Waiting),
			cmp.Compare(b.recent, a.recent),
			cmp.Compare(len(b.Limits), len(a.Limits)),
			compareKeys(&a.Key, &b.Key),
		)
	})
	return keys
}

// findHeld finds out which keys hold requests back. With a Limiter that does not know
// in whose queue they stand, that is their host.
func findHeld(keys []ranked) {
	held := make(map[string][]*ranked)
	for i := range keys {
		if keys[i].held {
			k := keys[i] // which will move
			held[k.Key.Host] = append(held[k.Key.Host], &k)
		}
	}
	for i := range keys {
		if k := &keys[i]; k.Waiting > 0 && ofHost(k.Key) && held[k.Key.Host] == nil {
			k.held = true
			held[k.Key.Host] = []*ranked{{KeyState: k.KeyState}}
		}
	}
	for i := range keys {
		keys[i].others = held[keys[i].Key.Host]
	}
}

// heldBy names the key in whose queue the requests of k stand, if that is another one:
// the first of several.
func (k *ranked) heldBy() string {
	if k.held || k.Waiting == 0 {
		return ""
	}
	by, n := "", 0
	for _, o := range k.others {
		if concerns(&k.Key, &o.Key) || concerns(&o.Key, &k.Key) {
			if n++; n == 1 {
				by = nameOfKey(o.Key, maxKeyName)
			}
		}
	}
	if n > 1 {
		by += fmt.Sprintf(" and %d more", n-1)
	}
	return by
}

// compareKeys orders keys by name, nearly: the names of 40,000 would take seconds to
// make.
func compareKeys(a, b *limit.Key) int {
	return cmp.Or(
		cmp.Compare(a.Host, b.Host),
		cmp.Compare(a.Credential, b.Credential),
		cmp.Compare(a.Model, b.Model),
		cmp.Compare(a.Route, b.Route),
		cmp.Compare(a.Bucket, b.Bucket),
	)
}

// urgency is how much a key matters to who looks what is wrong.
func (k *ranked) urgency() int {
	switch {
	case k.Gate != "" && k.Waiting > 0:
		return 5
	case k.Gate == limit.GateFailing:
		return 4
	case k.Gate != "":
		return 3
	case k.held:
		return 2
	case k.PerSecond > 0 || k.WouldHold > 0:
		return 1
	}
	return 0
}

// anonymous is the Credential of requests without one.
const anonymous = 1

// nameOfKey is k's Label. Where k is of requests without a credential alone, its
// Label is that of a key of all requests.
func nameOfKey(k limit.Key, most int) string {
	if k.Credential == anonymous {
		return line(k.Label(), most) + " (no credential)"
	}
	return line(k.Label(), most)
}
