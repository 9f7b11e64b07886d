package redissteady_test

import (
	"net/http"
	"os"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/steadyhttp/steadyhttp"
	"github.com/steadyhttp/steadyhttp/redissteady"
)

// All replicas of a service keep to 3,000 requests a minute together. The example
// needs a Redis server to run.
func ExampleLimiter() {
	logger := zap.NewExample()

	shared := redis.NewClient(&redis.Options{Addr: "redis:6379"}) // or a Sentinel's, or a cluster's
	limiter := &redissteady.Limiter{Client: shared, Zap: logger}
	defer limiter.Close()

	client := &http.Client{Transport: &steadyhttp.Transport{Throttler: &steadyhttp.Throttler{
		Limiter:           limiter,
		Salt:              os.Getenv("LIMIT_SALT"), // the same secret in all replicas
		RequestsPerMinute: 3000,                    // of all together; leave out what the API states itself
	}}}
	client.CloseIdleConnections()
}
