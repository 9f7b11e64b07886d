module github.com/steadyhttp/steadyhttp/bench

go 1.26.0

require github.com/steadyhttp/steadyhttp v0.0.0

require (
	github.com/cenkalti/backoff/v4 v4.3.0 // indirect
	go.uber.org/multierr v1.10.0 // indirect
	go.uber.org/zap v1.28.0 // indirect
	golang.org/x/time v0.14.0 // indirect
)

replace github.com/steadyhttp/steadyhttp => ../
