package otelsteady

import (
	"cmp"
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/steadyhttp/steadyhttp/internal/redact"
	"github.com/steadyhttp/steadyhttp/limit"
)

const (
	// maxGroups bounds the combinations of host and model that are shown apart, in
	// the order of the alphabet: what is beyond shares one that is named _OTHER. A
	// Throttler remembers up to 100,000, for a crawler.
	maxGroups = 100

	maxLabel = 128 // bytes of a host's or a model's name
	other    = "_OTHER"
)

// A Snapshotter tells what a Throttler knows now.
type Snapshotter interface{ Snapshot() []limit.KeyState }

// ObserveThrottler shows the state of t as gauges, each time that metrics are
// collected: how many requests wait and are under way, what is left of limits,
// the rate kept to, and which gates are shut. Hosts and models are told apart,
// credentials and paths are not: of limits the one is told of which the smallest
// share is left, of rates the lowest and of times the longest; requests and
// gates are counted. more are added to each gauge, to tell several Throttlers
// apart.
//
// t is a *steadyhttp.Throttler, or a *steadyhttp.Transport for the one in it. A nil
// provider is the global one. The gauges end with Unregister.
func ObserveThrottler(provider metric.MeterProvider, t Snapshotter, more ...attribute.KeyValue) (metric.Registration, error) {
	g, err := newGauges(meterOf(provider))
	if err != nil {
		return nil, err
	}
	more = slices.Clone(more)
	return g.meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, l := range groupsOf(t.Snapshot()) {
			g.observe(o, l, more)
		}
		return nil
	}, g.waiting, g.active, g.max, g.left, g.rate, g.shut, g.shutFor)
}

type gauges struct {
	meter                    metric.Meter
	waiting, active, shut    metric.Int64ObservableGauge
	max, left, rate, shutFor metric.Float64ObservableGauge
}

func newGauges(meter metric.Meter) (g gauges, err error) {
	g.meter = meter
	for _, i := range []struct {
		to                      *metric.Int64ObservableGauge
		name, unit, description string
	}{
		{&g.waiting, metricWaiting, "{request}", "Requests that wait in a Throttler."},
		{&g.active, metricActive, "{request}", "Requests under way, where their number is limited."},
		{&g.shut, metricGateShut, "{gate}", "Gates that are shut: a server asked for a pause, or does not work."},
	} {
		if *i.to, err = meter.Int64ObservableGauge(i.name, metric.WithUnit(i.unit), metric.WithDescription(i.description)); err != nil {
			return g, err
		}
	}
	for _, f := range []struct {
		to                      *metric.Float64ObservableGauge
		name, unit, description string
	}{
		{&g.max, metricLimitMax, "", "A limit that is set or was learned, in its window."},
		{&g.left, metricLimitLeft, "", "What is left of a limit; negative where it was overdrawn."},
		{&g.rate, metricRate, "{request}/s", "The lowest rate that is kept to where no limit was stated; absent if there is none."},
		{&g.shutFor, metricGateLeft, "s", "Time until a request may pass a gate that is shut."},
	} {
		if *f.to, err = meter.Float64ObservableGauge(f.name, metric.WithUnit(f.unit), metric.WithDescription(f.description)); err != nil {
			return g, err
		}
	}
	return g, nil
}

// A group is what the keys of one host and model have in common.
type group struct {
	host, model     string
	waiting, active int
	limits          map[limitKey]limit.LimitState // the tightest
	rate            float64                       // the lowest, 0 for none
	asked, failing  int                           // gates shut, by why
	shutFor         time.Duration                 // the longest
}

type limitKey struct{ unit, window string }

// groupsOf sums up a snapshot.
func groupsOf(states []limit.KeyState) []*group {
	states = slices.Clone(states) // a Limiter may have kept it
	slices.SortFunc(states, func(a, b limit.KeyState) int {
		return cmp.Or(cmp.Compare(a.Key.Host, b.Key.Host), cmp.Compare(a.Key.Model, b.Key.Model), cmp.Compare(width(a.Key), width(b.Key)))
	})
	type name struct{ host, model string }
	groups := make(map[name]*group)
	var all []*group
	widest := 0
	for i := range states {
		s := &states[i]
		if i == 0 || s.Key.Host != states[i-1].Key.Host || s.Key.Model != states[i-1].Key.Model {
			widest = width(s.Key)
		}
		n := name{redact.Line(s.Key.Host, maxLabel), redact.Line(s.Key.Model, maxLabel)}
		if groups[n] == nil && len(all) >= maxGroups {
			n = name{host: other}
		}
		l := groups[n]
		if l == nil {
			l = &group{host: n.host, model: n.model, limits: make(map[limitKey]limit.LimitState)}
			groups[n] = l
			all = append(all, l)
		}
		if width(s.Key) == widest {
			// A Key is a scope: who waits for a credential of a host waits for the host.
			l.waiting += s.Waiting
			l.active += s.Concurrent
		}
		l.add(s)
	}
	return all
}

// width ranks the keys of a host and model by how much they leave open, the
// widest first.
func width(k limit.Key) int {
	n := 0
	if k.Credential != 0 {
		n++
	}
	if k.Bucket != "" {
		n++
	}
	return n
}

func (l *group) add(s *limit.KeyState) {
	for _, limit := range s.Limits {
		k := limitKey{limit.Unit, windowOf(limit)}
		if have, ok := l.limits[k]; !ok || shareLeft(limit) < shareLeft(have) {
			l.limits[k] = limit
		}
	}
	if s.PerSecond > 0 && (l.rate == 0 || s.PerSecond < l.rate) {
		l.rate = s.PerSecond
	}
	switch s.Gate {
	case "asked":
		l.asked++
	case "failing":
		l.failing++
	}
	l.shutFor = max(l.shutFor, s.GateLeft)
}

func shareLeft(l limit.LimitState) float64 {
	if l.Limit <= 0 {
		return 0
	}
	return l.Left / l.Limit
}

// windowOf names the size of a limit's window. Servers state windows of any
// length; what tells limits apart is whether they are of a minute or of a day.
func windowOf(l limit.LimitState) string {
	switch {
	case l.Window <= 0:
		return ""
	case l.Window <= time.Second:
		return "second"
	case l.Window <= time.Minute:
		return "minute"
	case l.Window <= time.Hour:
		return "hour"
	}
	return "day"
}

func (g *gauges) observe(o metric.Observer, l *group, more []attribute.KeyValue) {
	where := append(more[:len(more):len(more)], keyThrottlerHost.String(l.host))
	if l.model != "" {
		where = append(where, keyThrottlerModel.String(l.model))
	}
	at := func(attrs ...attribute.KeyValue) metric.MeasurementOption {
		return metric.WithAttributes(append(where[:len(where):len(where)], attrs...)...)
	}
	o.ObserveInt64(g.waiting, int64(l.waiting), at())
	o.ObserveInt64(g.active, int64(l.active), at())
	o.ObserveInt64(g.shut, int64(l.asked), at(keyGateReason.String("asked")))
	o.ObserveInt64(g.shut, int64(l.failing), at(keyGateReason.String("failing")))
	o.ObserveFloat64(g.shutFor, max(l.shutFor, 0).Seconds(), at())
	if l.rate > 0 {
		o.ObserveFloat64(g.rate, l.rate, at())
	}
	for k, limit := range l.limits {
		of := []attribute.KeyValue{keyLimitUnit.String(k.unit)}
		if k.window != "" {
			of = append(of, keyLimitWindow.String(k.window))
		}
		o.ObserveFloat64(g.max, limit.Limit, at(of...))
		o.ObserveFloat64(g.left, limit.Left, at(of...))
	}
}
