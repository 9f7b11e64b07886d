//go:build race

package main

// The race detector makes everything some ten times slower.
const raceEnabled = true
