//go:build !race

package redissteady_test

const raceEnabled = false
