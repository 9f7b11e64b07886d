package redissteady

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/steadyhttp/steadyhttp/internal/limiter"
	"github.com/steadyhttp/steadyhttp/limit"
)

// What follows is only Redis's: the limiter in memory needs no such thing, or
// needs another figure.
const (
	// reserveShare of a stated limit, and minReserve at the least, is left over.
	// It is twice that of the limiter in memory: requests of many processes arrive
	// even less in the rhythm in which they were sent than those of one, and what
	// a response says has to reach Redis before it counts.
	reserveShare = 2 * limiter.ReserveShare
	minReserve   = 2

	// The scripts look for a rate that nobody stated with CUBIC (RFC 9438), as AWS's
	// adaptive mode does: a refusal cuts it to cutTo of what went well, and from
	// there it grows along a cubic curve that is back at the old rate after
	// cubeTime. The finder of the limiter in memory keeps more state of each request
	// than a script can carry. What was never seen to work starts at startRate
	// and doubles each startDouble.
	cutTo       = 0.7
	cubeTime    = 3 * time.Second
	startRate   = 5
	startDouble = 500 * time.Millisecond

	// knownRate is what is enough to go by where a rate is known: less were
	// answered well, but a few at the start may be unanswered yet. minRate is the
	// slowest that is found.
	knownRate = 1
	minRate   = 0.5

	// rateTime is how long a rate is kept without a further refusal. By then its
	// curve is far above any load; maxDoublings keeps it from growing beyond all
	// numbers.
	rateTime     = 30 * time.Second
	maxDoublings = 64

	// chanceShare of what was sent in two seconds, and minRefused at the least, must
	// have been refused for a rate to be looked for: less may be chance, which does
	// not react when one goes slower. Half of it is enough to cut a rate that is known.
	chanceShare = 0.06
	minRefused  = 2

	// cutTime is for how long after a rate was cut no refusal cuts it again: what
	// was promised before is still going out, in other processes too.
	cutTime = 250 * time.Millisecond

	// guessTime is the longest wait that is promised by a rate that is only a
	// guess: the next response will put it right, and then the request asks again.
	guessTime = 100 * time.Millisecond

	// rowMoment is the shortest time that a row of failures counts for when its pace
	// is reckoned. tookShare is how much of a probe's time goes into the smoothed one.
	rowMoment = 10 * time.Millisecond
	tookShare = 0.25

	// parts is in how many parts the window of a limit that the user set is counted.
	// Only what goes at once is: see state.lua. A part costs those who wait behind a
	// burst some of their time, once, and Redis 18 bytes.
	parts = 32

	// maxDoubts bounds how often the time doubles for which refusals confirm a stated
	// limit.
	maxDoubts = 10

	// minPark keeps a request whose moment is just coming from asking in a loop.
	minPark = time.Millisecond

	// keepTime is how long a state is kept at the least without use. A host's own
	// says which others there are, and is kept as long as they are: no window of a
	// limit is longer than a day.
	keepTime    = 2 * time.Minute
	maxKeepTime = 24*time.Hour + keepTime

	// promiseAhead is how far ahead a request is promised its turn whose class lets
	// others pass: so long a person may wait behind a batch. It is enough for the next
	// to ask before the turn of the one before it has come. Who waits for more
	// counts as waiting for waitsTime after it should have asked again.
	promiseAhead = 60 * time.Millisecond
	waitsTime    = time.Second

	// somebodyEvery is how often it is noted anew that somebody was there for whom a batch
	// leaves a place.
	somebodyEvery = time.Second

	// maxLook is how many of the line for a place are looked at to say how many stand
	// before a request.
	maxLook = 100

	// A part of a limit that was left for a lower class is kept for holeTime, and there
	// are maxHoles of them at the most.
	holeTime = time.Second
	maxHoles = 100

	// broughtMaxWait is the longest wait for a stated limit that a process brings
	// back to Redis: what was said of it is not known any more, and a minute is a
	// Throttler's default.
	broughtMaxWait = time.Minute
)

// constants are what the scripts have from Go, so that the limiter in memory and
// the one in Redis mean the same. No script has such a figure of its own.
var constants = []struct {
	name  string
	value float64
}{
	{"MIN_FAILURES", limiter.MinFailures},
	{"MAX_FAILURES", limiter.MaxFailures},
	{"MIN_ROUTES", limiter.MinRoutes},
	{"ROW_SPAN", limiter.RowSpan.Seconds()},
	{"ROW_TIME", limiter.RowTime.Seconds()},
	{"MIN_BLOCK", limiter.MinBlock.Seconds()},
	{"ROW_MOMENT", rowMoment.Seconds()},
	{"MIN_PROBE", limiter.MinProbe.Seconds()},
	{"MAX_PROBE", limiter.MaxProbe.Seconds()},
	{"GOOD_SIGN_TIMES", limiter.GoodSignTimes},
	{"MIN_GOOD_SIGN", limiter.MinGoodSign.Seconds()},
	{"TOOK_SHARE", tookShare},
	{"CONTRADICTED_TIME", limiter.ContradictedTime.Seconds()},
	{"LATER_SHARE", limiter.LaterShare},
	{"MIN_LATER", limiter.MinLater.Seconds()},
	{"MIN_SPAN", limiter.MinSpan.Seconds()},
	{"PARTS", parts},

	{"CUT_TO", cutTo},
	{"CUBE_TIME", cubeTime.Seconds()},
	{"START_RATE", startRate},
	{"START_DOUBLE", startDouble.Seconds()},
	{"RAMP_START", limiter.RampStart},
	{"RAMP_FLAT", limiter.RampFlat.Seconds()},
	{"RAMP_DOUBLE", limiter.RampDouble.Seconds()},
	{"RAMP_MOST", limiter.RampMost},
	{"FRESH_SHARE", limiter.FreshShare},
	{"RAMP_TIME", limiter.RampTime.Seconds()},
	{"MIN_RAMP", limiter.MinRamp},
	{"CHANCE_SHARE", chanceShare},
	{"MIN_REFUSED", minRefused},
	{"KNOWN_RATE", knownRate},
	{"MIN_RATE", minRate},
	{"RATE_TIME", rateTime.Seconds()},
	{"SLACK", limiter.Lateness.Seconds()},
	{"MAX_DOUBLINGS", maxDoublings},
	{"CUT_TIME", cutTime.Seconds()},

	{"RESERVE_SHARE", reserveShare},
	{"MIN_RESERVE", minReserve},
	{"RAISE_SHARE", limiter.RaiseShare},
	{"STATED_TIME", limiter.StatedTime.Seconds()},
	{"DOUBT_TIME", limiter.DoubtTime.Seconds()},
	{"MIN_TRY", limiter.MinTry.Seconds()},
	{"MAX_DOUBTS", maxDoubts},
	{"MIN_SLOPE", limiter.MinSlope.Seconds()},
	{"SLOPE_SHARE", limiter.SlopeShare},
	{"MAX_LIMIT", limiter.MaxLimit},
	{"MAX_STATED", limiter.MaxStated},
	{"GUESS_TIME", guessTime.Seconds()},
	{"ROUND_OFF", limiter.RoundOff},

	{"COLD_BURST", limiter.ColdBurst},
	{"COLD_DOUBLE", limiter.ColdDouble.Seconds()},

	{"LEASE", leaseTime.Seconds()},
	{"MIN_PARK", minPark.Seconds()},
	{"KEEP", keepTime.Seconds()},
	{"MAX_KEEP", maxKeepTime.Seconds()},
	{"PROMISE_AHEAD", promiseAhead.Seconds()},
	{"WAITS_TIME", waitsTime.Seconds()},
	{"HOLE_TIME", holeTime.Seconds()},
	{"MAX_HOLES", maxHoles},
	{"MAX_LOOK", maxLook},
	{"SOMEBODY_EVERY", somebodyEvery.Seconds()},
	{"OWED_OF", limiter.LeastShare / (1 - limiter.LeastShare)},
	{"LEAVE_TIME", limiter.LeaveTime.Seconds()},
	{"BROUGHT_MAX_WAIT", broughtMaxWait.Seconds()},

	{"OBSERVE", float64(limit.Observe)},
	{"OFF", float64(limit.Off)},
	{"NONE", float64(limit.SignalNone)},
	{"GOOD", float64(limit.SignalGood)},
	{"REFUSED", float64(limit.SignalRefused)},
	{"FAILING", float64(limit.SignalFailing)},
}

// constantsLua is the part of each script that comes first.
func constantsLua() string {
	var b strings.Builder
	for _, c := range constants {
		fmt.Fprintf(&b, "local %s = %s\n", c.name, strconv.FormatFloat(c.value, 'g', -1, 64))
	}
	fmt.Fprintf(&b, "local GATE_FAILING, GATE_ASKED = '%s', '%s'\n", limit.GateFailing, limit.GateAsked)
	fmt.Fprintf(&b, "local UNITS = { '%s' }\n", strings.Join(units[:], "', '"))
	return b.String()
}
