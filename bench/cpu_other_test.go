//go:build !unix

package bench

import "time"

var started = time.Now()

// cpuTime is the time on the clock, where nobody says what the CPUs spend.
func cpuTime() time.Duration { return time.Since(started) }
