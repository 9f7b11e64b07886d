package main

import "time"

// A timeline counts calls over time, in so few buckets that the log may be of
// any length: when they no longer suffice, wider ones take their place. Calls
// come in any order.
type timeline struct {
	level   int   // of timelineWidths
	from    int64 // buckets[0] begins this many widths after the epoch
	buckets []tally
}

type tally struct{ calls, failures int64 }

const (
	// maxBuckets is thirty a column, so that a column of a round width can be
	// made of them whatever the log's length.
	maxBuckets = 1800

	maxColumns = 60
)

const (
	minuteSeconds = 60
	hourSeconds   = 3600
	daySeconds    = 24 * hourSeconds
)

// timelineWidths are those of buckets, in seconds. Each is a multiple of the
// one before, and the last is enough for every time that is believed.
var timelineWidths = []int64{1, 5, 30, 5 * minuteSeconds, 30 * minuteSeconds, 6 * hourSeconds, 7 * daySeconds, 28 * daySeconds}

// columnWidths are those of columns, in seconds: what people think in.
var columnWidths = []int64{
	1, 2, 5, 10, 15, 30,
	1 * minuteSeconds, 2 * minuteSeconds, 5 * minuteSeconds, 10 * minuteSeconds, 15 * minuteSeconds, 30 * minuteSeconds,
	1 * hourSeconds, 2 * hourSeconds, 3 * hourSeconds, 6 * hourSeconds, 12 * hourSeconds,
	1 * daySeconds, 2 * daySeconds, 7 * daySeconds, 14 * daySeconds, 28 * daySeconds, 56 * daySeconds,
	112 * daySeconds, 224 * daySeconds, 448 * daySeconds, 896 * daySeconds,
}

// add counts a call at a believable time.
func (t *timeline) add(at time.Time, failed bool) {
	i := at.Unix() / timelineWidths[t.level]
	if len(t.buckets) == 0 {
		t.from, t.buckets = i, make([]tally, 1, maxBuckets)
	}
	for max(t.from+int64(len(t.buckets)), i+1)-min(t.from, i) > maxBuckets {
		t.widen()
		i = at.Unix() / timelineWidths[t.level]
	}
	if gap := int(t.from - i); gap > 0 {
		n := len(t.buckets)
		t.buckets = t.buckets[:n+gap]
		copy(t.buckets[gap:], t.buckets[:n])
		clear(t.buckets[:gap])
		t.from = i
	}
	if n := int(i - t.from); n >= len(t.buckets) {
		had := len(t.buckets)
		t.buckets = t.buckets[:n+1]
		clear(t.buckets[had:])
	}
	b := &t.buckets[i-t.from]
	b.calls++
	if failed {
		b.failures++
	}
}

// widen takes the next width.
func (t *timeline) widen() {
	from, buckets := merged(t.from, t.buckets, timelineWidths[t.level+1]/timelineWidths[t.level])
	t.level++
	t.from = from
	clear(t.buckets)
	t.buckets = t.buckets[:copy(t.buckets, buckets)]
}

// merged adds up buckets by the factor.
func merged(from int64, buckets []tally, factor int64) (int64, []tally) {
	first, last := from/factor, (from+int64(len(buckets))-1)/factor
	all := make([]tally, last-first+1)
	for i, b := range buckets {
		sum := &all[(from+int64(i))/factor-first]
		sum.calls += b.calls
		sum.failures += b.failures
	}
	return first, all
}

// columns returns the whole in columns of the smallest round width of which
// there are not more than maxColumns.
func (t *timeline) columns() (start time.Time, width time.Duration, all []tally) {
	if len(t.buckets) == 0 {
		return time.Time{}, 0, nil
	}
	bucket := timelineWidths[t.level]
	for _, seconds := range columnWidths {
		if seconds%bucket != 0 {
			continue
		}
		factor := seconds / bucket
		if (t.from+int64(len(t.buckets))-1)/factor-t.from/factor < maxColumns || seconds == columnWidths[len(columnWidths)-1] {
			from, all := merged(t.from, t.buckets, factor)
			return time.Unix(from*seconds, 0).UTC(), time.Duration(seconds) * time.Second, all
		}
	}
	return time.Time{}, 0, nil
}

// bars draws counts as one character each, the largest as a full block, nought
// as a dot, and returns the largest.
func bars(all []tally, count func(tally) int64) (string, int64) {
	blocks := []rune("▁▂▃▄▅▆▇█")
	var most int64
	for _, b := range all {
		most = max(most, count(b))
	}
	line := make([]rune, 0, len(all))
	for _, b := range all {
		n := count(b)
		if n == 0 {
			line = append(line, '·')
			continue
		}
		line = append(line, blocks[(n*int64(len(blocks))+most-1)/most-1])
	}
	return string(line), most
}
