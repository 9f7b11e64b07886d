//go:build race

package redissteady_test

// The race detector makes everything some ten times slower.
const raceEnabled = true
