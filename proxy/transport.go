package main

import (
	"net/http"
	"net/textproto"
	"regexp"
	"strings"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/limit"
)

// transport makes steadyhttp's settings of ours: this is the only place where the two
// meet. limiter is nil for one in memory. base makes the requests.
func (u *upstream) transport(base http.RoundTripper, limiter limit.Limiter, salt string, log *zap.Logger) *steadyhttp.Transport {
	t := &steadyhttp.Transport{
		Base:   base,
		Logger: &steadyhttp.Logger{Zap: log, Attempts: true, Level: level},
		Retrier: &steadyhttp.Retrier{
			MaxAttempts:     u.MaxAttempts,
			OutageWait:      u.OutageWait,
			MaxWait:         u.MaxWait,
			MaxElapsed:      u.MaxElapsed,
			AttemptTimeout:  u.AttemptTimeout,
			FirstOutput:     u.FirstOutput,
			StallTimeout:    u.StallTimeout,
			InferenceOnce:   u.InferenceOnce,
			MaxBufferedBody: u.MaxBufferedBody,
		},
		Throttler: &steadyhttp.Throttler{
			RequestsPerSecond:     u.RequestsPerSecond,
			RequestsPerMinute:     u.RequestsPerMinute,
			RequestsPerDay:        u.RequestsPerDay,
			TokensPerMinute:       u.TokensPerMinute,
			InputTokensPerMinute:  u.InputTokensPerMinute,
			OutputTokensPerMinute: u.OutputTokensPerMinute,
			MaxConcurrent:         u.MaxConcurrent,
			Burst:                 u.Burst,
			ByModel:               u.ByModel,
			MaxQueue:              u.MaxQueue,
			Limiter:               limiter,
			Salt:                  salt,
		},
	}
	if u.Observe {
		t.Throttler.Inference = limit.Observe
	}
	if len(u.Failover) == 0 {
		return t
	}
	t.Failover = &steadyhttp.Failover{MaxWait: u.FailoverMaxWait}
	for _, f := range u.Failover {
		if f.To == "" {
			// The key goes to the host that the config names, whoever that is.
			t.Failover.Hosts = []string{u.url.Host}
		}
		t.Failover.Targets = append(t.Failover.Targets, steadyhttp.Target{
			Name: f.Name, URL: f.To, Header: headerOf(f.Header), Model: f.Model, Set: f.Set, MaxInput: f.MaxInput,
		})
	}
	return t
}

// level is DefaultLevel, but for callers that went away: that is nobody's fault, and
// no rare thing where people close pages.
func level(c steadyhttp.Call) zapcore.Level {
	if c.Error != nil && c.Error.Class == steadyhttp.Canceled {
		return zapcore.InfoLevel
	}
	return steadyhttp.DefaultLevel(c)
}

func headerOf(set map[string]secret) http.Header {
	if len(set) == 0 {
		return nil
	}
	h := make(http.Header, len(set))
	for name, value := range set {
		h[canonical(name)] = nil // "" removes it
		if value != "" {
			h.Set(name, string(value))
		}
	}
	return h
}

func canonical(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }

// ask has steadyhttp itself say whether it takes the settings, by a call that goes
// nowhere. Whether a target speaks the API of a call only the call shows.
func (u *upstream) ask(s *source, path string) {
	req, err := http.NewRequest(http.MethodGet, "http://config.invalid/", nil)
	if err != nil {
		panic(err) // it is a URL
	}
	_, err = u.transport(nowhere{}, nil, "", nil).RoundTrip(req)
	if err == nil {
		return
	}
	text := strings.TrimPrefix(err.Error(), "steadyhttp: ")
	if m := targetNumber.FindStringSubmatch(text); m != nil {
		path, text = path+".failover"+m[1], m[2]
	}
	s.fault(path, "%s", text)
}

// targetNumber finds the target that an error is about.
var targetNumber = regexp.MustCompile(`^Failover\.Targets(\[\d+\])(?: \(.*?\))?: (.*)$`)

// nowhere answers each request with a success.
type nowhere struct{}

func (nowhere) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusNoContent, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{}, Body: http.NoBody, Request: req,
	}, nil
}

// newBase returns the http.Transport that makes the requests. Its answers stay as they
// came: what is compressed passes so.
func newBase() *http.Transport {
	base := http.DefaultTransport.(*http.Transport).Clone()
	base.DisableCompression = true
	base.MaxIdleConns = 0
	base.MaxIdleConnsPerHost = 1000 // all callers together are one client of each upstream
	return base
}
