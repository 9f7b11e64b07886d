package main

// imports are the packages that a block may use without importing them.
var imports = map[string]string{
	// The standard library.
	"bytes": "bytes", "context": "context", "errors": "errors", "expvar": "expvar", "flag": "flag", "fmt": "fmt", "http": "net/http", "httptest": "net/http/httptest",
	"httputil": "net/http/httputil", "io": "io", "json": "encoding/json", "log": "log", "maps": "maps", "net": "net", "os": "os", "slices": "slices",
	"slog": "log/slog", "strconv": "strconv", "strings": "strings", "sync": "sync", "synctest": "testing/synctest", "testing": "testing", "time": "time",
	"tls": "crypto/tls", "url": "net/url",

	// This project.
	"steadyhttp": root, "limit": root + "/limit", "steadyhttptest": root + "/steadyhttptest", "debugsteady": root + "/debugsteady",
	"otelsteady": root + "/otelsteady", "redissteady": root + "/redissteady", "proxy": root + "/proxy",

	// Others.
	"anthropic":   "github.com/anthropics/anthropic-sdk-go",
	"aws":         "github.com/aws/aws-sdk-go-v2/aws",
	"backoff":     "github.com/cenkalti/backoff/v4",
	"exporter":    "go.opentelemetry.io/otel/exporters/prometheus",
	"metric":      "go.opentelemetry.io/otel/sdk/metric",
	"openai":      "github.com/openai/openai-go/v3",
	"option":      "github.com/openai/openai-go/v3/option",
	"otel":        "go.opentelemetry.io/otel",
	"otelhttp":    "go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp",
	"prometheus":  "github.com/prometheus/client_golang/prometheus",
	"promhttp":    "github.com/prometheus/client_golang/prometheus/promhttp",
	"rate":        "golang.org/x/time/rate",
	"redis":       "github.com/redis/go-redis/v9",
	"rest":        "k8s.io/client-go/rest",
	"sdkmetric":   "go.opentelemetry.io/otel/sdk/metric",
	"sdktrace":    "go.opentelemetry.io/otel/sdk/trace",
	"trace":       "go.opentelemetry.io/otel/trace",
	"v4":          "github.com/aws/aws-sdk-go-v2/aws/signer/v4",
	"zap":         "go.uber.org/zap",
	"zapcore":     "go.uber.org/zap/zapcore",
	"zapslog":     "go.uber.org/zap/exp/zapslog",
	"zaptest":     "go.uber.org/zap/zaptest",
	"zapobserver": "go.uber.org/zap/zaptest/observer",
}

const root = "github.com/steadyhttp/steadyhttp"

// granted are the variables that a block may use without declaring them.
var granted = map[string]string{
	"base":      "http.RoundTripper",
	"body":      "io.Reader",
	"client":    "*http.Client",
	"config":    "*rest.Config",
	"ctx":       "context.Context",
	"e":         "*steadyhttp.Error",
	"encoder":   "zapcore.Encoder",
	"err":       "error",
	"key":       "string",
	"logger":    "*zap.Logger",
	"mux":       "*http.ServeMux",
	"req":       "*http.Request",
	"resp":      "*http.Response",
	"sink":      "zapcore.WriteSyncer",
	"t":         "*testing.T",
	"targets":   "[]steadyhttp.Target",
	"transport": "*steadyhttp.Transport",
	"url":       "string",
	"w":         "http.ResponseWriter",
}
