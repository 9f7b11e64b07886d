package steadyhttptest

import (
	"context"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
)

// brokenLimiters each break one promise at least.
var brokenLimiters = []struct {
	name string
	make func() limit.Limiter
	by   string // the promise that must catch it
	says string // part of what it must say
}{
	{"takes its time", asks(func(*limit.Ask) { time.Sleep(2 * lag) }),
		"without limits requests go at once", "got its permit after 500ms, want it after 0s at the latest"},
	{"returns the cost as it was asked", gives(func(_ context.Context, p *limit.Permit, _ *error) { p.Cost.Requests = 0 }),
		"a permit says what it is for", "Requests:1"},
	{"numbers all permits alike", gives(func(_ context.Context, p *limit.Permit, _ *error) { p.ID = 7 }),
		"a permit says what it is for", "an ID of its own"},
	{"does not say that it waited", gives(func(_ context.Context, p *limit.Permit, _ *error) { p.Waited = 0 }),
		"a permit says how long it waited and for what", "waited 0s"},
	{"does not say why it waited", gives(func(_ context.Context, p *limit.Permit, _ *error) { p.Why = "" }),
		"a permit says how long it waited and for what", `for ""`},
	{"lets a second's worth go at once", asks(func(a *limit.Ask) { a.Limits.Burst = 0 }),
		"requests by the second are spread after a burst", "request 6 to go went after 0s, want after 50ms at the soonest"},
	{"counts in windows of its own", inWindows, "no span of a limit's length holds more than the limit", "21 requests went within 100ms"},
	{"lets a minute's worth go at once", asks(func(a *limit.Ask) { a.Limits.Burst = int(a.Limits.RequestsPerMinute) }),
		"without a Burst a second's worth goes at once", "the third request"},
	{"spreads a day", asks(func(a *limit.Ask) {
		a.Limits = limit.Limits{RequestsPerMinute: a.Limits.RequestsPerDay / 24 / 60}
	}), "the requests of a day may go when they are wanted", "request 2 of 1000 a day: Acquire has not returned"},
	{"lets the last go first", lastComeFirst, "requests that wait for a rate go first come, first served", "went before call 1"},
	{"lets small ones pass", asks(func(a *limit.Ask) {
		if a.Cost.Input < 10 {
			a.Key.Host, a.LimitsKey.Host = "small", "small"
		}
	}), "a small request does not overtake a large one", "the small request went before"},
	{"does not count tokens", asks(func(a *limit.Ask) { a.Cost = limit.Cost{} }),
		"a request takes its tokens before it goes", "another at once"},
	{"counts all tokens as input", asks(func(a *limit.Ask) { a.Cost.Input += a.Cost.Output }),
		"input and output have limits of their own", "takes output only"},
	{"keeps what was reserved", settles(func(_ limit.Permit, o *limit.Outcome) { o.UsageKnown = false }),
		"tokens that were not used come back", "as the first has used 15"},
	{"never charges more", settles(func(p limit.Permit, o *limit.Outcome) { o.Used.Input = min(o.Used.Input, p.Cost.Input) }),
		"tokens that were used beyond the reservation are charged", "as the first has used 95"},
	{"keeps what was not used by a failure", settles(func(_ limit.Permit, o *limit.Outcome) { o.Refund = false }),
		"a refund gives all tokens back", "as the first failed"},
	{"refuses what is large", func() limit.Limiter {
		return &brokenLimiter{acquire: func(l *brokenLimiter, ctx context.Context, a limit.Ask) (limit.Permit, error) {
			if a.Cost.Input > perMinute/60 {
				return limit.Permit{}, &limit.Refusal{Reason: "too large"}
			}
			return l.Memory.Acquire(ctx, a)
		}}
	}, "a request of more than goes at once is not stuck", "too large"},
	{"never frees a place", func() limit.Limiter {
		return &brokenLimiter{settle: func(*brokenLimiter, limit.Permit, limit.Outcome) {}}
	}, "no more than MaxConcurrent are under way, and Settle lets the next go", "a third: Acquire has not returned"},
	{"lets one more go", asks(func(a *limit.Ask) { a.Limits.MaxConcurrent++ }),
		"no more than MaxConcurrent are under way, and Settle lets the next go", "want that it still waits"},
	{"lets the last have the place", lastComeFirst, "requests that wait for a place go first come, first served", "went before call 1"},
	{"settles whatever is under way", func() limit.Limiter {
		l := withLast()
		l.settle = func(l *brokenLimiter, p limit.Permit, o limit.Outcome) {
			l.Memory.Settle(l.last.Load().(limit.Permit), o)
		}
		return l
	}, "a permit that is settled again changes nothing", "want that it still waits"},
	{"hears of whatever is under way", func() limit.Limiter {
		l := withLast()
		l.observe = func(l *brokenLimiter, _ limit.Permit, o limit.Observation) bool {
			return l.Memory.Observe(l.last.Load().(limit.Permit), o)
		}
		return l
	}, "a permit that nobody gave changes nothing", "got held, want not"},
	{"tells twice of a wait", asks(func(a *limit.Ask) {
		if tell := a.Waiting; tell != nil {
			a.Waiting = func(w limit.Wait) { tell(w); tell(w) }
		}
	}), "a request that waits says so once, when its wait begins", "called 2 times"},
	{"tells of a wait that is none", asks(func(a *limit.Ask) {
		if a.Waiting != nil {
			a.Waiting(limit.Wait{Key: a.Key, Priority: a.Priority, Why: "no reason"})
		}
	}), "a request that is refused at once does not wait", "want nothing"},
	{"keeps the place of who panics", func() limit.Limiter {
		return &brokenLimiter{acquire: func(l *brokenLimiter, ctx context.Context, a limit.Ask) (limit.Permit, error) {
			defer func() {
				if v := recover(); v != nil {
					a.Waiting = nil
					go l.Memory.Acquire(context.Background(), a)
					panic(v)
				}
			}()
			return l.Memory.Acquire(ctx, a)
		}}
	}, "what Ask.Waiting does may ask the Limiter, and may panic", "a request after one whose Waiting panicked"},
	{"has a queue without an end", asks(func(a *limit.Ask) { a.MaxQueue = 0 }), "of MaxQueue one more is refused", "a fourth of"},
	{"waits for the deadline in vain", gives(func(ctx context.Context, p *limit.Permit, err *error) {
		if *err != nil {
			<-ctx.Done()
		}
	}), "a turn that cannot come before the deadline is refused at once", "was refused after 500ms"},
	{"hides that a deadline has passed", gives(onlyErr), "a deadline that passes ends the wait", "want a *Refusal that is ErrThrottled"},
	{"blames nothing", gives(func(_ context.Context, _ *limit.Permit, err *error) {
		if *err != nil {
			*err = &limit.Refusal{Reason: "no"}
		}
	}), "a deadline that passes ends the wait", "want one that is context.DeadlineExceeded"},
	{"hides why it was canceled", gives(onlyErr), "a canceled call returns context.Cause and has taken nothing", "want context.Cause"},
	{"hears of a cancellation late", func() limit.Limiter {
		return &brokenLimiter{acquire: func(l *brokenLimiter, ctx context.Context, a limit.Ask) (limit.Permit, error) {
			p, err := l.Memory.Acquire(ctx, a)
			if err != nil {
				time.Sleep(time.Second)
			}
			return p, err
		}}
	}, "a canceled call returns context.Cause and has taken nothing", "want at once"},
	{"has one limit for a host", asks(func(a *limit.Ask) { a.LimitsKey = limit.Key{Host: a.LimitsKey.Host} }),
		"limits of one Key do not concern another", "a request of another credential"},
	{"has a limit for each Key", asks(func(a *limit.Ask) { a.LimitsKey = a.Key }),
		"requests of one LimitsKey share the limits", "want that it still waits"},
	{"knows no routes", func() limit.Limiter {
		return &brokenLimiter{
			acquire: func(l *brokenLimiter, ctx context.Context, a limit.Ask) (limit.Permit, error) {
				a.Key.Route = ""
				return l.Memory.Acquire(ctx, a)
			},
			observe: func(l *brokenLimiter, p limit.Permit, o limit.Observation) bool {
				o.Key.Route = ""
				return l.Memory.Observe(p, o)
			},
		}
	}, "what is known of one route does not concern another", "a request of another route"},
	{"does not hear of limits", observes(func(o *limit.Observation) { o.Unit = "" }),
		"a stated limit that a refusal has confirmed holds back until its reset", "want it after 800ms at the soonest"},
	{"takes a limit for a host's", observes(func(o *limit.Observation) { o.Key = limit.Key{Host: o.Key.Host} }),
		"a stated limit that a refusal has confirmed holds back until its reset", "a request that the limit does not concern"},
	{"does not hear that a limit refused", observes(func(o *limit.Observation) { o.Signal = limit.SignalNone }),
		"a stated limit that a refusal has confirmed holds back until its reset", "want it after 800ms at the soonest"},
	{"believes a figure unseen", sleeper(func(o limit.Observation) time.Duration {
		if o.Unit != "" && o.Remaining == 0 {
			return o.Reset
		}
		return 0
	}), "one request tries a stated limit that nothing has confirmed", "the request that tries it: Acquire has not returned"},
	{"does not look at a figure", observes(func(o *limit.Observation) { o.Unit = "" }),
		"one request tries a stated limit that nothing has confirmed", "want that it still waits"},
	{"does not hear that a figure was wrong", settles(func(_ limit.Permit, o *limit.Outcome) { o.Signal = limit.SignalNone }),
		"a stated figure that a success has contradicted is not believed", "request 2 after it was answered well: Acquire has not returned"},
	{"takes a limit for a whole one", observes(func(o *limit.Observation) { o.Remaining = o.Limit }),
		"a stated limit that comes back evenly is kept to as it comes back", "six requests took 0s"},
	{"takes a limit for spent", observes(func(o *limit.Observation) { o.Remaining = 0 }),
		"a stated limit of which much is left holds nobody back", "request 2 of ten"},
	{"waits for ever", observes(func(o *limit.Observation) { o.MaxWait = 24 * time.Hour }),
		"a stated limit that comes back later than MaxWait is left to the server", "the next request: Acquire has not returned"},
	{"believes everything", observes(func(o *limit.Observation) {
		if o.Limit <= 0 {
			*o = limit.Observation{Key: o.Key, Unit: "requests", Limit: 1, Reset: time.Hour, MaxWait: time.Hour}
		}
	}), "figures that make no sense are ignored", "a request after those figures"},
	{"does not hear of pauses", observes(func(o *limit.Observation) { o.Hold = 0 }),
		"a pause holds its Key and no other, and ends", "want that it still waits"},
	{"has a pause for a host", observes(func(o *limit.Observation) { o.Key = limit.Key{Host: o.Key.Host} }),
		"a pause holds its Key and no other, and ends", "a request of another credential"},
	{"has a pause without an end", observes(func(o *limit.Observation) { o.Hold, o.Strict = 100*o.Hold, o.Hold > 0 }),
		"a pause holds its Key and no other, and ends", "request 1 that waits for the end of the pause and 3 others: Acquire has not returned"},
	{"forgets who closed a gate", observes(func(o *limit.Observation) { o.Err = nil }),
		"a deadline within a pause is refused at once, with the reason", "want slow down"},
	{"hears of the last pause only", sleeper(func(o limit.Observation) time.Duration { return o.Hold }), "of two pauses the one that ends last counts", "at the soonest"},
	{"believes no success", settles(func(_ limit.Permit, o *limit.Outcome) { o.Signal = limit.SignalNone }),
		"a pause ends with a success of a later request", "a request in the pause: got its permit after"},
	{"believes any success", func() limit.Limiter {
		l := withLast()
		l.settle = func(l *brokenLimiter, p limit.Permit, o limit.Outcome) {
			if o.Signal == limit.SignalGood {
				p = l.last.Load().(limit.Permit)
			}
			l.Memory.Settle(p, o)
		}
		return l
	}, "a pause ends with a success of a later request", "want that it still waits"},
	{"is not strict", observes(func(o *limit.Observation) { o.Strict = false }),
		"a strict pause does not end early", "at the soonest"},
	{"knows no MaxPause", asks(func(a *limit.Ask) { a.MaxPause = 0 }),
		"a call waits for a limit's pause no longer than MaxPause", "want that it is refused"},
	{"lets all go when a pause ends", sleeper(func(o limit.Observation) time.Duration { return o.Hold }),
		"those who waited at a gate leave at a pace", "12 of 12 that waited went"},
	{"knows nothing of gates", gives(func(_ context.Context, p *limit.Permit, _ *error) { p.Gated = false }),
		"a permit says whether it waited at a gate", "want one that was gated"},
	{"takes every wait for a gate", gives(func(_ context.Context, p *limit.Permit, _ *error) { p.Gated = p.Waited > 0 }),
		"a permit says whether it waited at a gate", "want one that was not gated"},
	{"never says that others are held", func() limit.Limiter {
		return &brokenLimiter{observe: func(l *brokenLimiter, p limit.Permit, o limit.Observation) bool {
			l.Memory.Observe(p, o)
			return false
		}}
	}, "Observe reports whether others are held back", "got not held, want held"},
	{"always says that others are held", func() limit.Limiter {
		return &brokenLimiter{observe: func(l *brokenLimiter, p limit.Permit, o limit.Observation) bool {
			l.Memory.Observe(p, o)
			return true
		}}
	}, "Observe reports whether others are held back", "after an answer that was good"},
	{"has no gate", observes(func(o *limit.Observation) { o.Signal = limit.SignalNone }),
		"while a host fails one request at a time goes, and a success lets the others go", "requests still go at once"},
	{"never opens a gate", settles(func(_ limit.Permit, o *limit.Outcome) { o.Signal = limit.SignalNone }),
		"while a host fails one request at a time goes, and a success lets the others go", "requests had not gone"},
	{"opens a gate by a failure", observes(func(o *limit.Observation) {
		if o.Signal == limit.SignalFailing && o.Err == nil {
			o.Signal = limit.SignalGood
		}
	}), "while a host fails one request at a time goes, and a success lets the others go", "want one that is a probe"},
	{"waits for a probe that was given up", func() limit.Limiter {
		return &brokenLimiter{settle: func(l *brokenLimiter, p limit.Permit, o limit.Outcome) {
			if !p.Probe || o.Signal != limit.SignalNone || l.calls.Load() > 0 {
				l.Memory.Settle(p, o)
			}
		}}
	}, "a probe without an outcome makes room for another", "want one that is a probe"},
	{"knows no OutageWait", asks(func(a *limit.Ask) { a.OutageWait = lostAfter }),
		"a call waits for a failing host no longer than OutageWait", "want it after 400ms at the latest"},
	{"sends a repeat all the same", asks(func(a *limit.Ask) { a.Repeat = false }),
		"a call waits for a failing host no longer than OutageWait", "want that it is refused"},
	{"never sends what has waited enough", asks(func(a *limit.Ask) { a.Repeat = true }),
		"a call waits for a failing host no longer than OutageWait", "want a permit"},
	{"does not know why a host fails", observes(func(o *limit.Observation) { o.Err = nil }),
		"a call waits for a failing host no longer than OutageWait", "want down"},
	{"hides why a call to a failing host was canceled", gives(onlyErr),
		"a call to a failing host that is canceled returns context.Cause", "want context.Cause"},
	{"always acts", asks(func(a *limit.Ask) { a.Inference = limit.Act }),
		"Off holds back nothing but by the user's limits", "a request in a pause that is not looked at: got its permit after"},
	{"switches all off", asks(func(a *limit.Ask) {
		if a.Inference == limit.Off {
			a.Limits = limit.Limits{}
		}
	}), "Off holds back nothing but by the user's limits", "want that it still waits"},
	{"acts where it should observe", asks(func(a *limit.Ask) { a.Inference = limit.Act }),
		"Observe shows what Act would have held, and holds nothing", "a request in a pause that is only observed: got its permit after"},
	{"observes nothing", asks(func(a *limit.Ask) { a.Inference = limit.Off }),
		"Observe shows what Act would have held, and holds nothing", "got 0 that Act would have held, want 3"},
	{"shows nobody who waits", shows(func(s *limit.KeyState) { s.Waiting = 0 }),
		"Snapshot shows limits, requests that wait, and those under way", "got 0 that wait, 3 under way"},
	{"does not show how long they wait", shows(func(s *limit.KeyState) { s.Oldest = 0 }),
		"Snapshot shows limits, requests that wait, and those under way", "has waited 0s"},
	{"does not show why they wait", shows(func(s *limit.KeyState) { s.Why = "" }),
		"Snapshot shows limits, requests that wait, and those under way", `for ""`},
	{"shows no limits", shows(func(s *limit.KeyState) { s.Limits = nil }),
		"Snapshot shows limits, requests that wait, and those under way", "got the limits []"},
	{"shows what was learned as set", shows(func(s *limit.KeyState) {
		for i := range s.Limits {
			s.Limits[i].Learned = false
		}
	}), "Snapshot shows limits that responses state", "among them"},
	{"shows no gate", shows(func(s *limit.KeyState) { s.Gate = "" }), "Snapshot shows what closed a gate", "want a gate that is closed: asked"},
	{"shows a gate without its reason", shows(func(s *limit.KeyState) { s.GateError = nil }), "Snapshot shows what closed a gate", "want slow down"},
	{"shows no gate of a host that fails", shows(func(s *limit.KeyState) { s.Gate = "" }),
		"Snapshot shows what closed the gate of a host that fails", "want a gate that is closed: failing"},
	{"shows no evidence", shows(func(s *limit.KeyState) { s.Evidence = "" }),
		"Snapshot shows what closed the gate of a host that fails", "want the evidence in words"},
	{"shows the same slice again", func() limit.Limiter {
		return &brokenLimiter{snapshot: func(l *brokenLimiter) []limit.KeyState {
			if l.last.Load() == nil {
				l.last.Store(l.Memory.Snapshot())
			}
			return l.last.Load().([]limit.KeyState)
		}}
	}, "what Snapshot returns is the caller's", "what the caller had written"},
	{"loses a place at times", func() limit.Limiter {
		return &brokenLimiter{settle: func(l *brokenLimiter, p limit.Permit, o limit.Outcome) {
			if l.calls.Add(1)%100 != 0 {
				l.Memory.Settle(p, o)
			}
		}}
	}, "two hundred goroutines share it", "under way, want none"},
	{"does not know what it may hold", asks(func(a *limit.Ask) { a.Limits.MaxConcurrent *= 2 }),
		"two hundred goroutines share it", "under way at once, want at most 20"},

	{"waits all the same", asks(func(a *limit.Ask) { a.MaxWait = max(a.MaxWait, 0) }),
		"a request with a negative MaxWait goes at once or is refused at once", "Acquire has not returned"},
	{"blames a deadline", gives(func(_ context.Context, _ *limit.Permit, err *error) {
		if r, ok := (*err).(*limit.Refusal); ok {
			r.Late = true
		}
	}), "a request with a negative MaxWait goes at once or is refused at once", "does not blame a deadline"},
	{"knows no bound", asks(func(a *limit.Ask) { a.MaxWait = min(a.MaxWait, 0) }),
		"a request waits no longer than its MaxWait", "Acquire has not returned"},
	{"takes what it refuses", func() limit.Limiter {
		return &brokenLimiter{acquire: func(l *brokenLimiter, ctx context.Context, a limit.Ask) (limit.Permit, error) {
			p, err := l.Memory.Acquire(ctx, a)
			if err != nil {
				a.MaxWait = 0
				go l.Memory.Acquire(ctx, a)
			}
			return p, err
		}}
	}, "a request that was refused for its MaxWait has left nothing", "that wait"},
	{"sees nothing in the way", peeks(func(_ *brokenLimiter, _ *limit.Ask, wait *time.Duration) { *wait = 0 }),
		"Peek says when a request could go, and takes nothing", "a second before the next: got 0s"},
	{"takes what it peeks at", peeks(func(l *brokenLimiter, a *limit.Ask, wait *time.Duration) {
		if *wait == 0 {
			p, _ := l.Memory.Acquire(context.Background(), *a)
			l.Memory.Settle(p, good)
		}
	}), "Peek says when a request could go, and takes nothing", "where nothing is in the way: got"},
	{"sees what is only observed", peeks(func(l *brokenLimiter, a *limit.Ask, wait *time.Duration) {
		a.Inference = limit.Act
		*wait = l.Memory.Peek(context.Background(), *a)
	}), "Peek knows of pauses and places, and of what is only observed", "only observed"},

	{"knows no priorities", asks(ofNoPriority), "of those that wait the highest priority goes first", "batch request 1 went before"},
	{"has turns by arrival", asks(ofNoPriority), "at a rate a higher priority goes before those that wait already", "a person, who comes after them: got its permit after 2.9"},
	{"lets a batch starve", asks(func(a *limit.Ask) {
		if a.Priority == limit.Batch {
			time.Sleep(lostAfter)
		}
	}), "each priority that waits gets a twentieth of what passes", "the batch's went as number 26"},
	{"leaves nothing over", asks(ofNoPriority), "of several places a batch leaves one, where others come", "the batch's third, as a person may come: it ended"},
	{"has one queue for all", asks(ofNoPriority), "MaxQueue is counted for each priority, and Snapshot tells them", "want 6, 2 and 2"},
	{"forgets deadlines", func() limit.Limiter {
		return &brokenLimiter{acquire: func(l *brokenLimiter, ctx context.Context, a limit.Ask) (limit.Permit, error) {
			if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) > time.Second {
				ctx = context.WithoutCancel(ctx)
			}
			return l.Memory.Acquire(ctx, a)
		}}
	}, "who of a lower priority was let in is not overtaken until it is late", "one that can: got its permit after"},
	{"probes with whoever came first", asks(ofNoPriority), "probes are of the lowest priority that waits", "a person, who came first was the probe"},
	{"peeks at one queue", peeks(func(l *brokenLimiter, a *limit.Ask, wait *time.Duration) {
		*wait = l.Memory.Peek(context.Background(), of(limit.Batch, *a))
	}), "Peek reckons with the priority", "for a person"},

	{"panics", asks(func(*limit.Ask) { panic("so much for that") }), "without limits requests go at once", "panic: so much for that"},
	{"leaves a goroutine behind", asks(func(*limit.Ask) { go time.Sleep(time.Minute) }),
		"the requests of a day may go when they are wanted", "goroutines are left"},
	{"cannot be closed", func() limit.Limiter { return &unclosable{} }, "a refund gives all tokens back", "Close: got the error stuck"},
}

func ofNoPriority(a *limit.Ask) { a.Priority = limit.Normal }
