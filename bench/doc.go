// Package bench measures steadyhttp beside what else there is for Go, in one
// run, and writes docs/benchmarks.md from it:
//
//	./ci/bench.sh           # all of it
//	./ci/bench.sh -virtual  # what needs no clock; the other figures stay as they are
//
// What depends on time spent waiting (limits, outages, faults) runs in bubbles
// of virtual time over a base without a network, so that it is exact and quick.
// What costs time or memory itself is measured in real time, every contender in
// turn, round after round. Without the flag -report, go test runs all of it in
// small, to see that it works and that our side keeps its promises.
package bench
