package redissteady_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/redissteady"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

// A Limiter keeps in Redis what the one in memory keeps: all that every Limiter
// promises.
func TestPromises(t *testing.T) {
	client, n := startRedis(t).client(), 0
	steadyhttptest.TestLimiter(t, func() limit.Limiter {
		n++ // limiters with different prefixes share nothing
		return &redissteady.Limiter{Client: client, Prefix: fmt.Sprint("promise", n), Timeout: 5 * time.Second}
	})
}
