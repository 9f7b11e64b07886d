package redissteady

import (
	_ "embed"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/steadyhttp/steadyhttp/internal/limiter"
	"github.com/steadyhttp/steadyhttp/limit"
)

var (
	//go:embed state.lua
	stateLua string
	//go:embed admit.lua
	admitLua string
	//go:embed report.lua
	reportLua string
	//go:embed beat.lua
	beatLua string

	// The scripts are the same in every process, so that Redis keeps each of them
	// once and is asked by its hash.
	admitScript  = redis.NewScript(constantsLua() + stateLua + admitLua)
	reportScript = redis.NewScript(constantsLua() + stateLua + reportLua)
	beatScript   = redis.NewScript(constantsLua() + stateLua + beatLua)
)

// A load is a limit.Cost by unit, in the order of units.
type load [len(limiter.UnitNames)]float64

var units = limiter.UnitNames

func loadOf(c limit.Cost) load {
	return load{float64(c.Requests), float64(c.Input + c.Output), float64(c.Input), float64(c.Output)}
}

// minus is c less what was used of it.
func (n load) minus(used load) load {
	for u := range n {
		n[u] -= used[u]
	}
	return n
}

// A setLimit is a limit that the user set, as the script takes it.
type setLimit struct {
	Unit   int     `json:"unit"` // from 1
	Limit  float64 `json:"limit"`
	Window float64 `json:"window"` // in seconds
	Size   float64 `json:"size"`
}

// setLimits lists limits as the limiter in memory understands them: a bucket of a
// second's worth, or of Burst; a day's may go when they are wanted.
func setLimits(l limit.Limits) []setLimit {
	all := []setLimit{}
	add := func(unit int, limit, window, size float64) {
		if limit > 0 {
			all = append(all, setLimit{unit, limit, window, max(1, size)})
		}
	}
	burst := func(perSecond float64) float64 {
		if l.Burst > 0 {
			return float64(l.Burst)
		}
		return float64(int64(perSecond)) // whole ones
	}
	// A share stays in the bucket: what an API counts is not to the token what was
	// reckoned.
	second := func(perMinute float64) float64 { return (1 - limiter.ReserveShare) * perMinute / 60 }
	add(1, l.RequestsPerSecond, 1, burst(l.RequestsPerSecond))
	add(1, l.RequestsPerMinute, 60, burst(l.RequestsPerMinute/60))
	add(1, l.RequestsPerDay, 86400, l.RequestsPerDay)
	add(2, l.TokensPerMinute, 60, second(l.TokensPerMinute))
	add(3, l.InputTokensPerMinute, 60, second(l.InputTokensPerMinute))
	add(4, l.OutputTokensPerMinute, 60, second(l.OutputTokensPerMinute))
	return all
}

// A header is what each question to a script has. Numbers of keys are those of
// KEYS in Lua, from 1; 0 is none.
type header struct {
	Process string `json:"process"`
	Channel string `json:"channel"`
	Alive   int    `json:"alive"`
}

// An admission is the question of admit.lua.
type admission struct {
	header
	ID        string     `json:"id"`
	Scopes    [][2]int   `json:"scopes"` // beside the host's: key and mask
	LimitsKey int        `json:"limits_key,omitempty"`
	Limits    []setLimit `json:"limits"`
	Cost      load       `json:"cost"`
	Within    *float64   `json:"within,omitempty"` // seconds
	Bound     *float64   `json:"bound,omitempty"`  // likewise: what is left of MaxWait
	Peek      bool       `json:"peek,omitempty"`   // it only asks when it could go
	Class     int        `json:"class"`            // of its priority, the lowest is 0
	Full      bool       `json:"full,omitempty"`   // too many wait already for it to wait, too
	Past      bool       `json:"past,omitempty"`   // it has waited for OutageWait

	Inference limit.Inference `json:"inference"`

	Back    []int   `json:"back,omitempty"` // what it was promised before is given back there
	BackAt  float64 `json:"back_at,omitempty"`
	Granted bool    `json:"granted,omitempty"`
	Leases  int     `json:"leases,omitempty"`
	Line    int     `json:"line,omitempty"`
	Most    int     `json:"most,omitempty"`
}

// An answer is that of admit.lua.
type answer struct {
	Verdict   string       `json:"verdict"`    // go, park or refuse
	Wait      float64      `json:"wait"`       // seconds
	At        float64      `json:"at,string"`  // when it may go, on Redis's clock
	Now       float64      `json:"now,string"` // when that was decided
	Why       string       `json:"why"`
	Probes    []int        `json:"probes"` // the scopes of which it is a probe
	Gate      *gateState   `json:"gate"`   // which holds it back the longest
	Would     int          `json:"would"`  // the scope that would have held it back
	Spared    string       `json:"spared"` // and why
	Lined     bool         `json:"lined"`  // it stands in the line for a place
	Near      bool         `json:"near"`   // it is promised only what is near, and asks again
	Sent      []load       `json:"sent"`   // in all, under each of Scopes, with this request
	Scopes    []scopeState `json:"scopes"`
	Known     bool         `json:"known"` // the host has answered
	Processes int          `json:"processes"`
	Ahead     float64      `json:"ahead"` // of one that peeks: how many places must be given back first
}

// A gateState is the gate that a request stands at.
type gateState struct {
	Key     int     `json:"key"`
	Failing bool    `json:"failing"`
	Limited bool    `json:"limited"` // a limit asked for it
	Left    float64 `json:"left"`    // seconds
	Age     float64 `json:"age"`     // likewise, since it was shut
}

// A scopeState is what a script says of one scope.
type scopeState struct {
	Key     int      `json:"key"`
	Buckets []bucket `json:"buckets"`
	Rate    float64  `json:"rate"`
	Gate    string   `json:"gate"`
	Left    float64  `json:"left"` // seconds
	Age     float64  `json:"age"`  // of the gate
	Row     int      `json:"row"`  // failures that shut it
	Well    bool     `json:"well"` // all goes well: one more success need not be reported
	Doubted bool     `json:"doubted"`
}

// A bucket is unit (from 1), limit, window, level, rate a second, size, and 1 if
// it was learned.
type bucket [7]float64

func (b bucket) unit() int       { return int(b[0]) - 1 }
func (b bucket) limit() float64  { return b[1] }
func (b bucket) window() float64 { return b[2] }
func (b bucket) rate() float64   { return b[4] }
func (b bucket) size() float64   { return b[5] }
func (b bucket) learned() bool   { return b[6] == 1 }
func (b bucket) level(age time.Duration) float64 {
	return min(b.size(), b[3]+b.rate()*age.Seconds())
}

// A report is the question of report.lua.
type report struct {
	header
	Events []event `json:"events"`
}

// An event is one thing that became known of a request.
type event struct {
	Op      string       `json:"op"` // settle, observe or back; empty only frees its place
	ID      string       `json:"id"`
	Touched []int        `json:"touched"` // the host's first
	At      float64      `json:"at"`      // when it went, on Redis's clock
	Probes  []int        `json:"probes,omitempty"`
	Others  [][2]int     `json:"others,omitempty"` // keys and masks of scopes that were not there when it went
	Signal  limit.Signal `json:"signal"`
	Cost    load         `json:"cost"`
	Tokens  *load        `json:"tokens,omitempty"` // to give back

	// Of an observation.
	Key    int          `json:"key,omitempty"`
	Mask   uint8        `json:"mask"`
	Route  string       `json:"route,omitempty"`
	Before *load        `json:"before,omitempty"` // what was sent under Key, with this request
	Hold   float64      `json:"hold,omitempty"`   // seconds
	Strict bool         `json:"strict,omitempty"`
	Stated *statedLimit `json:"stated,omitempty"`

	HostBefore *load `json:"host_before,omitempty"` // what was sent to the host

	// Of a place that it has or stands in line for: the line is the key behind.
	Leases int `json:"leases,omitempty"`
	Most   int `json:"most,omitempty"`
}

// A statedLimit is one that a response stated. Times are in seconds.
type statedLimit struct {
	Unit      string  `json:"unit"`
	Limit     int64   `json:"limit"`
	Remaining int64   `json:"remaining"`
	Window    float64 `json:"window"`
	Reset     float64 `json:"reset"`
	Refills   bool    `json:"refills"`
	Longest   float64 `json:"longest"` // see limit.Observation.MaxWait
}

// A beat is the question of beat.lua.
type beat struct {
	header
	Former []string `json:"former,omitempty"` // names that this process had before absences of Redis
	Scopes []seed   `json:"scopes"`
	Groups []*group `json:"groups"`
}

// A seed is what a process knew of a scope when Redis went away.
type seed struct {
	Key     int      `json:"key"`
	Mask    uint8    `json:"mask"`
	Buckets []bucket `json:"buckets,omitempty"`
}

// A group is a process's part of the leases and of the line under one key.
type group struct {
	Leases int      `json:"leases"`
	Most   int      `json:"most"`
	Held   []string `json:"held"`
	Lined  []string `json:"lined"`
}

// tag is the part of a name that Redis Cluster chooses the slot by: all names of
// a host have the same. It must not be empty, nor hold braces.
// Messages part names by spaces, so that they have none.
var tagEscaper = strings.NewReplacer("{", "%7B", "}", "%7D", "%", "%25", " ", "%20")

// A model, a route or a bucket must not read as another part of a name, nor as what is
// added to one, such as ":leases".
var partEscaper = strings.NewReplacer("%", "%25", ":", "%3A", " ", "%20")

func hostName(prefix, host string) string {
	if host == "" {
		host = "%"
	} else {
		host = tagEscaper.Replace(bounded(host))
	}
	return prefix + ":{" + host + "}"
}

// name is the name of k's state.
func name(prefix string, k limit.Key) string {
	var b strings.Builder
	b.WriteString(hostName(prefix, k.Host))
	if k.Credential != 0 {
		b.WriteString(":credential=")
		b.WriteString(strconv.FormatUint(k.Credential, 16))
	}
	if k.Model != "" {
		b.WriteString(":model=")
		b.WriteString(partEscaper.Replace(bounded(k.Model)))
	}
	if k.Route != "" {
		b.WriteString(":route=")
		b.WriteString(partEscaper.Replace(bounded(k.Route)))
	}
	if k.Bucket != "" {
		b.WriteString(":bucket=")
		b.WriteString(partEscaper.Replace(bounded(k.Bucket)))
	}
	return b.String()
}
