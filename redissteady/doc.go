// Package redissteady keeps the limits of a steadyhttp.Throttler in Redis, so
// that many processes share them.
//
//	limiter := &redissteady.Limiter{Client: redis.NewClient(&redis.Options{Addr: "localhost:6379"})}
//	defer limiter.Close()
//	client := &http.Client{Transport: &steadyhttp.Transport{
//		Throttler: &steadyhttp.Throttler{Limiter: limiter, Salt: os.Getenv("LIMIT_SALT"), RequestsPerMinute: 3000},
//	}}
//
// Throttler.Salt must be set, to the same secret in all processes: without it
// each names a credential by a hash of its own, and they share nothing.
//
// Each request that asks for its turn is one script call, by Redis's own clock. The
// script gives it a time behind all who came before, in whatever process, and the
// caller waits until then. What responses say about limits is sent to Redis in the
// background. While Redis does not answer, each process goes on alone with a share of
// the limits, and returns to Redis by itself.
//
// Any redis.UniversalClient will do: one server, Sentinel, Cluster; Redis 5 and
// later, Valkey.
package redissteady
