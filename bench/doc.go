// Package bench measures steadyhttp against the ideal, and against what else
// there is, in one run: each figure is a ratio.
//
//	go test -run xxx -bench . -benchtime 1x ./...
package bench
