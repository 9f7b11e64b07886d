package debugsteady

import (
	"fmt"
	"math"
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

// The picture's own units, half a point each: a column is ten wide. With whole
// numbers a path takes a third less.
const (
	columnWidth  = 10
	pictureWidth = buckets * columnWidth
	plotHeight   = 88
	waitTop      = plotHeight + 8
	waitHeight   = 28
	fullHeight   = waitTop + waitHeight
)

// draw draws the columns, which are the oldest first.
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

// area is the path of columns that stand on bottom and are high as of says, height
// where that is most. It is empty if there is none.
func area(all *[buckets]bucket, bottom, height int, most uint32, of func(*bucket) uint32) string {
	var path []byte
	y, run := bottom, 0
	for i := range all {
		top := bottom - high(of(&all[i]), most, height)
		if top != y {
			switch {
			case y == bottom:
				path = fmt.Appendf(path, "M%d %dV%d", i*columnWidth, bottom, top)
			case top == bottom:
				path = fmt.Appendf(path, "h%dV%dz", run*columnWidth, bottom)
			default:
				path = fmt.Appendf(path, "h%dV%d", run*columnWidth, top)
			}
			y, run = top, 0
		}
		run++
	}
	if y != bottom {
		path = fmt.Appendf(path, "h%dV%dz", run*columnWidth, bottom)
	}
	return string(path)
}

// outline is the line along the tops of what was sent.
func outline(all *[buckets]bucket, most uint32) string {
	if most == 0 {
		return ""
	}
	y, run := plotHeight-high(all[0].Sent, most, plotHeight), 0
	path := fmt.Appendf(nil, "M0 %d", y)
	for i := range all {
		if top := plotHeight - high(all[i].Sent, most, plotHeight); top != y {
			path = fmt.Appendf(path, "h%dV%d", run*columnWidth, top)
			y, run = top, 0
		}
		run++
	}
	return string(fmt.Appendf(path, "h%d", run*columnWidth))
}

// high is the height of a column of n: one at least, or one beside a thousand is not
// seen.
func high(n, most uint32, height int) int {
	if n == 0 {
		return 0
	}
	return max(int(math.Round(float64(height)*float64(n)/float64(most))), 1)
}

// Width, Height and Base are for the page: the whole picture, and where the columns
// stand.
func (p *picture) Width() int  { return pictureWidth }
func (p *picture) Height() int { return fullHeight }
func (p *picture) Base() int   { return plotHeight }
