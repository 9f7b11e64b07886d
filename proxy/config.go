package main

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"
)

// A config is the config file. docs/proxy.md explains each field; a field that is
// left out has the default that is said there. Every string may have ${NAME} for a
// variable of the environment.
type config struct {
	Listen     string        `json:"listen"`     // the address for callers; "" is 127.0.0.1:8080
	Public     bool          `json:"public"`     // Listen may be an address that other machines reach
	Admin      string        `json:"admin"`      // the address for the page and the metrics; "" is Listen
	Hosts      []string      `json:"hosts"`      // further names by which callers may address the proxy
	Origins    []string      `json:"origins"`    // web pages whose scripts may call it
	Log        string        `json:"log"`        // the lowest level that is logged; "" is info
	Drain      time.Duration `json:"drain"`      // how long calls may go on after SIGTERM; 0 is 30 s
	DrainDelay time.Duration `json:"drainDelay"` // how long new ones are still taken; 0 is 1 s, negative is none
	Redis      redisConfig   `json:"redis"`
	Upstreams  []upstream    `json:"upstreams"`
}

// A redisConfig says where proxies keep the limits that they share. Without an Addr
// each keeps its own.
type redisConfig struct {
	Addr     string `json:"addr"`
	Username string `json:"username"`
	Password secret `json:"password"`
	TLS      bool   `json:"tls"`
	Prefix   string `json:"prefix"`
	Salt     secret `json:"salt"`
}

// An upstream is an API that callers reach under a prefix of the path.
type upstream struct {
	Prefix string            `json:"prefix"` // such as /openai; "" and "/" are everything
	To     string            `json:"to"`     // the URL that stands for the prefix
	Header map[string]secret `json:"header"` // set on each request; "" removes

	// What follows has the meaning of steadyhttp's fields of these names.
	RequestsPerSecond     float64       `json:"requestsPerSecond"`
	RequestsPerMinute     float64       `json:"requestsPerMinute"`
	RequestsPerDay        float64       `json:"requestsPerDay"`
	TokensPerMinute       float64       `json:"tokensPerMinute"`
	InputTokensPerMinute  float64       `json:"inputTokensPerMinute"`
	OutputTokensPerMinute float64       `json:"outputTokensPerMinute"`
	MaxConcurrent         int           `json:"maxConcurrent"`
	Burst                 int           `json:"burst"`
	ByModel               bool          `json:"byModel"`
	MaxQueue              int           `json:"maxQueue"`
	Observe               bool          `json:"observe"` // Throttler.Inference is limit.Observe
	MaxAttempts           int           `json:"maxAttempts"`
	OutageWait            time.Duration `json:"outageWait"`
	MaxWait               time.Duration `json:"maxWait"`
	MaxElapsed            time.Duration `json:"maxElapsed"`
	AttemptTimeout        time.Duration `json:"attemptTimeout"`
	FirstOutput           time.Duration `json:"firstOutput"`
	StallTimeout          time.Duration `json:"stallTimeout"`
	InferenceOnce         bool          `json:"inferenceOnce"`
	MaxBufferedBody       int64         `json:"maxBufferedBody"`

	Failover        []target      `json:"failover"`
	FailoverMaxWait time.Duration `json:"failoverMaxWait"`

	url *url.URL // To
}

// A target is another way to have a call answered; see steadyhttp.Target.
type target struct {
	Name     string            `json:"name"`
	To       string            `json:"to"` // Target.URL
	Header   map[string]secret `json:"header"`
	Model    string            `json:"model"`
	Set      map[string]any    `json:"set"`
	MaxInput int64             `json:"maxInput"`
}

const (
	defaultListen = "127.0.0.1:8080"
	defaultDrain  = 30 * time.Second

	// A caller that asks for the health every half second, and every caller with a
	// connection in use, have learned within a second that they should go elsewhere.
	defaultDrainDelay = time.Second
)

// maxConfig is more than anybody writes by hand.
const maxConfig = 1 << 20

// load reads the config file, if there is one, puts the flags' values in place of the
// file's and checks the result. The error has a line for each fault.
func load(f flags, getenv func(string) (string, bool)) (*config, error) {
	c, s := &config{}, &source{name: f.config, getenv: getenv, flags: map[string]string{}}
	if f.config != "" {
		data, err := os.ReadFile(f.config)
		if err == nil && len(data) > maxConfig {
			err = fmt.Errorf("%s is larger than %d bytes: that is no config", f.config, maxConfig)
		}
		if err != nil {
			return nil, err
		}
		s.data = data
		s.decode(c)
	}
	if len(s.faults) == 0 {
		f.over(c, s)
		c.check(s)
	}
	return c, s.err()
}

// over puts what the flags say in place of what the file says.
func (f flags) over(c *config, s *source) {
	for _, o := range []struct {
		value, name, path string
		to                *string
	}{{f.listen, "-listen", "listen", &c.Listen}, {f.redis, "-redis", "redis.addr", &c.Redis.Addr}} {
		if o.value != "" {
			*o.to = o.value
			s.flags[o.path] = o.name
		}
	}
	c.Public = c.Public || f.public
	if f.to == "" {
		return
	}
	if len(c.Upstreams) > 0 {
		s.fault("-to", "the config has upstreams already; leave out the one or the other")
		return
	}
	c.Upstreams = []upstream{{To: f.to}}
	s.flags["upstreams[0].to"] = "-to"
}

// check notes in s what is wrong with the settings, and fills in defaults.
func (c *config) check(s *source) {
	if c.Listen == "" {
		c.Listen = defaultListen
	}
	c.checkListener(s, "listen", c.Listen)
	if c.Admin != "" {
		c.checkListener(s, "admin", c.Admin)
		if c.Admin == c.Listen && !strings.HasSuffix(c.Admin, ":0") {
			s.fault("admin", "this is the address of listen as well; leave it out to have everything there")
		}
	}
	for i, host := range c.Hosts {
		if host == "" || strings.ContainsAny(host, "/:*@ ") {
			s.fault(fmt.Sprintf("hosts[%d]", i), "%q is no host's name; write it without scheme, port or wildcard, such as llm.example.com", host)
		}
	}
	for i, origin := range c.Origins {
		if u, err := url.Parse(origin); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || origin != u.Scheme+"://"+u.Host {
			s.fault(fmt.Sprintf("origins[%d]", i), "%q is no origin; write scheme, host and port, such as http://localhost:3000", origin)
		}
	}
	if c.Log != "" && !slices.Contains([]string{"debug", "info", "warn", "error"}, c.Log) {
		s.fault("log", "%q is no level; there are debug, info, warn, error", c.Log)
	}
	if c.Drain < 0 {
		s.fault("drain", "%s is no time that calls could have; write 30s, for example", c.Drain)
	}
	if c.Redis.Addr != "" {
		if _, _, err := net.SplitHostPort(c.Redis.Addr); err != nil {
			s.fault("redis.addr", "%q is no address; write host and port, such as 127.0.0.1:6379", c.Redis.Addr)
		}
	} else if c.Redis != (redisConfig{}) {
		s.fault("redis", "addr is missing; write host and port, such as 127.0.0.1:6379")
	}
	if len(c.Upstreams) == 0 {
		s.fault("upstreams", "there is no upstream; name one here, or with the flag -to")
	}
	prefixes := make(map[string]bool)
	for i := range c.Upstreams {
		u, path := &c.Upstreams[i], fmt.Sprintf("upstreams[%d]", i)
		u.check(s, path)
		if prefixes[u.Prefix] {
			s.fault(path+".prefix", "another upstream has the prefix %q as well", u.Prefix+"/")
		}
		prefixes[u.Prefix] = true
		if u.url != nil && u.url.Host == c.Listen {
			s.fault(path+".to", "this is the address at which the proxy itself listens")
		}
	}
}

func (c *config) checkListener(s *source, path, address string) {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		_, err = net.LookupPort("tcp", port)
	}
	switch {
	case err != nil:
		s.fault(path, "%q is no address to listen at; write host and port, such as 127.0.0.1:8080", address)
	case !isLoopback(host) && !c.Public:
		s.fault(path, "%q can be reached by other machines, which could spend what your keys pay for; if that is meant, set public to true, or the flag -public", address)
	}
}

// isLoopback reports whether host is this machine for itself only.
func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") || strings.HasSuffix(strings.ToLower(host), ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func (u *upstream) check(s *source, path string) {
	u.Prefix = strings.TrimSuffix(u.Prefix, "/")
	if u.Prefix != "" && (u.Prefix[0] != '/' || strings.Contains(u.Prefix, "//") || strings.Trim(u.Prefix, prefixLetters) != "" || hasDots(u.Prefix)) {
		s.fault(path+".prefix", "%q is no prefix of a path; write one with letters, digits, -, _ and ., such as /openai", u.Prefix)
	}
	for _, own := range []string{healthPath, metricsPath, debugPath} {
		if u.Prefix != "" && (own == u.Prefix || strings.HasPrefix(own, u.Prefix+"/") || strings.HasPrefix(u.Prefix, own+"/")) {
			s.fault(path+".prefix", "%s is the proxy's own", own)
		}
	}
	u.url = checkURL(s, path+".to", u.To)
	checkHeader(s, path+".header", u.Header)
	for _, w := range []struct {
		name string
		time.Duration
	}{{"attemptTimeout", u.AttemptTimeout}, {"stallTimeout", u.StallTimeout}} {
		if w.Duration < 0 {
			s.fault(path+"."+w.name, "%s is no time to wait for; write a positive one, or leave the field out for none", w.Duration)
		}
	}
	for i, t := range u.Failover {
		path := fmt.Sprintf("%s.failover[%d]", path, i)
		if t.To != "" {
			checkURL(s, path+".to", t.To)
		}
		checkHeader(s, path+".header", t.Header)
		if t.To == "" && t.Model == "" && len(t.Header) == 0 && len(t.Set) == 0 {
			s.fault(path, "nothing is set in which it differs from the upstream; set to, header, model or set")
		}
	}
	if len(s.faults) == 0 {
		u.ask(s, path)
	}
}

// prefixLetters never come encoded in a path, so that a prefix has one way to be
// written.
const prefixLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./"

// checkURL parses the URL of an API. What it says does not show the URL, in which
// some have a password.
func checkURL(s *source, path, text string) *url.URL {
	u, err := url.Parse(text)
	switch {
	case text == "":
		s.fault(path, "the URL is missing; write the base that an SDK would be given, such as https://api.openai.com")
	case err != nil:
		s.fault(path, "this is no URL; write scheme and host, such as https://api.openai.com")
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.Opaque != "":
		s.fault(path, "the URL must begin with https:// or http:// and a host")
	case u.User != nil:
		s.fault(path, "the URL has a user or a password; set header.Authorization instead")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		s.fault(path, "the URL has something after ? or #; only scheme, host and path can stand here")
	default:
		return u
	}
	return nil
}

func checkHeader(s *source, path string, header map[string]secret) {
	spelt := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(header)) {
		place, value := join(path, name), header[name]
		twice := spelt[canonical(name)]
		spelt[canonical(name)] = true
		switch {
		case twice:
			s.fault(place, "this header is here twice, in different letters")
		case !isToken(name):
			s.fault(place, "%q is no name of a header", name)
		case slices.Contains(hopHeaders, canonical(name)):
			s.fault(place, "this header belongs to the connection, and cannot be set")
		case strings.ContainsFunc(string(value), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
			s.fault(place, "the value has a line break or another control character, perhaps at its end")
		}
	}
}

func (c *config) level() zapcore.Level {
	level := zapcore.InfoLevel
	if c.Log != "" {
		level, _ = zapcore.ParseLevel(c.Log) // checked
	}
	return level
}

func (c *config) drain() time.Duration {
	if c.Drain == 0 {
		return defaultDrain
	}
	return c.Drain
}

func (c *config) drainDelay() time.Duration {
	if c.DrainDelay == 0 {
		return defaultDrainDelay
	}
	return max(c.DrainDelay, 0)
}
