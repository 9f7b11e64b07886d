package debugsteady

import (
	"fmt"
	"math"
	"strconv"
)

// A picture is five minutes of a key: above, what its attempts came to, one layer
// on another, with a line for what was sent; below, how many waited. All of it is
// drawn on the server, as the paths of an SVG.
type picture struct {
	Answered, Refused, Failed string // the paths of layers; each begins at the bottom and covers those before it
	Sent, Waiting             string
	Desc                      string // all of it in words

	Peak      string // the most sent in a second, over a column
	MostWaits string
	Empty     bool
}

// The picture's own units: a column is five wide.
const (
	columnWidth  = 5
	pictureWidth = buckets * columnWidth
	plotHeight   = 44
	waitTop      = plotHeight + 4
	waitHeight   = 14
	fullHeight   = waitTop + waitHeight
)

func draw(all *[buckets]bucket) *picture {
	var sum bucket
	var most, waits uint32
	for _, b := range all {
		sum.Sent += b.Sent
		sum.Answered += b.Answered
		sum.Refused += b.Refused
		sum.Failed += b.Failed
		most = max(most, b.Sent, b.Answered+b.Refused+b.Failed)
		waits = max(waits, b.Waiting)
	}
	p := &picture{
		Desc: fmt.Sprintf("%s sent, %s answered, %s refused, %s failed; at most %s waited at one time.",
			group(int64(sum.Sent)), group(int64(sum.Answered)), group(int64(sum.Refused)), group(int64(sum.Failed)), group(int64(waits))),
		Peak:      amount(math.Ceil(float64(most)/bucketTime.Seconds()*10) / 10),
		MostWaits: group(int64(waits)),
		Empty:     most == 0 && waits == 0,
	}
	layer := func(height func(b *bucket) uint32) string {
		return area(all, plotHeight, plotHeight, most, height)
	}
	p.Answered = layer(func(b *bucket) uint32 { return b.Answered })
	if sum.Refused > 0 {
		p.Refused = layer(func(b *bucket) uint32 { return b.Answered + b.Refused })
	}
	if sum.Failed > 0 {
		p.Failed = layer(func(b *bucket) uint32 { return b.Answered + b.Refused + b.Failed })
	}
	p.Sent = outline(all, most)
	p.Waiting = area(all, fullHeight, waitHeight, waits, func(b *bucket) uint32 { return b.Waiting })
	return p
}

// area is the path of columns that stand on bottom and are height high where they
// have the most. It is empty if there is none.
func area(all *[buckets]bucket, bottom, height int, most uint32, of func(*bucket) uint32) string {
	var path []byte
	inside := false // a column stands at the left
	var last uint32
	for i := range all {
		n := of(&all[i])
		switch {
		case n == 0 && inside:
			path = append(strconv.AppendInt(append(path, 'V'), int64(bottom), 10), 'z')
		case n > 0 && !inside:
			path = fmt.Appendf(path, "M%d %dV", i*columnWidth, bottom)
			path = appendY(path, bottom, height, n, most)
		case n > 0 && n != last: // else the step goes on
			path = appendY(append(path, 'V'), bottom, height, n, most)
		}
		if n > 0 {
			path = strconv.AppendInt(append(path, 'H'), int64((i+1)*columnWidth), 10)
		}
		inside, last = n > 0, n
	}
	if inside {
		path = append(strconv.AppendInt(append(path, 'V'), int64(bottom), 10), 'z')
	}
	return string(path)
}

// outline is the line along the tops of what was sent.
func outline(all *[buckets]bucket, most uint32) string {
	if most == 0 {
		return ""
	}
	path := []byte("M0 ")
	path = appendY(path, plotHeight, plotHeight, all[0].Sent, most)
	for i := range all {
		if i > 0 && all[i].Sent != all[i-1].Sent {
			path = strconv.AppendInt(append(path, 'H'), int64(i*columnWidth), 10)
			path = appendY(append(path, 'V'), plotHeight, plotHeight, all[i].Sent, most)
		}
	}
	return string(append(path, fmt.Sprintf("H%d", pictureWidth)...))
}

// appendY appends where the top of a column of n is: half a unit high at least, or
// one beside a thousand is not seen.
func appendY(path []byte, bottom, height int, n, most uint32) []byte {
	high := float64(height) * float64(n) / float64(most)
	if n > 0 {
		high = max(high, 0.5)
	}
	return strconv.AppendFloat(path, math.Round((float64(bottom)-high)*10)/10, 'f', -1, 64)
}

func (p *picture) Width() int  { return pictureWidth }
func (p *picture) Height() int { return fullHeight }
func (p *picture) Base() int   { return plotHeight }
