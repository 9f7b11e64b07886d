// Package constants has constants and variables of every kind.
package constants

import (
	"errors"
	"math"
	"time"
)

type Size uint8

const (
	Small Size = iota
	Medium
	hidden
	Large
)

const (
	Bit0 = 1 << iota
	Bit1
	Bit2
)

const (
	Word             = "a \"word\"\n"
	Path     string  = "/v1/" + Word
	Long             = "a text that is longer than the seventy-two characters at which a constant's String method cuts"
	Patience         = 90 * time.Second
	Instant          = time.Duration(0)
	Seconds          = int64(Patience / time.Second)
	Letter           = 'é'
	Most             = math.MaxUint64
	Share            = 0.1
	Whole    float64 = 2
	On               = true
	private          = Large + Size(hidden)
)

var ErrEmpty = errors.New("empty")

var Sizes, Names = map[string]Size{"large": Large}, [...]string{"small", "medium"}

var secret = private
