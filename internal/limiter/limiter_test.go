package limiter_test

import (
	"testing"
	"testing/synctest"

	"github.com/steadyhttp/steadyhttp/internal/limiter"
	"github.com/steadyhttp/steadyhttp/limit"
	"github.com/steadyhttp/steadyhttp/steadyhttptest"
)

func newMemory() limit.Limiter { return new(limiter.Memory) }

func TestPromises(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { steadyhttptest.TestLimiter(t, newMemory) })
}
