module github.com/steadyhttp/steadyhttp/redissteady

go 1.25.0

toolchain go1.26.0

replace github.com/steadyhttp/steadyhttp => ../

require (
	github.com/redis/go-redis/v9 v9.22.0
	github.com/steadyhttp/steadyhttp v0.1.0
	go.uber.org/zap v1.28.0
)

require (
	github.com/cenkalti/backoff/v4 v4.3.0 // indirect
	github.com/cespare/xxhash/v2 v2.3.0 // indirect
	go.uber.org/atomic v1.11.0 // indirect
	go.uber.org/multierr v1.10.0 // indirect
	golang.org/x/sys v0.30.0 // indirect
	golang.org/x/time v0.14.0 // indirect
)
