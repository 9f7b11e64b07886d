package main

import (
	"strconv"
	"strings"
	"time"
)

// words tells a duration as a person would: 1m30s is 1 minute 30 seconds.
func words(d time.Duration) string {
	switch {
	case d == 0:
		return "0 seconds"
	case d < time.Millisecond:
		return "less than a millisecond"
	case d < time.Second:
		return strconv.FormatFloat(d.Round(time.Millisecond).Seconds(), 'f', -1, 64) + " seconds"
	case d < time.Minute:
		return amount(d.Round(100*time.Millisecond).Seconds(), "second")
	}
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}}
	d = d.Round(time.Second)
	var parts []string
	for _, u := range units {
		if n := d / u.size; n > 0 && len(parts) < 2 {
			parts = append(parts, count(int(n), u.name))
			d -= n * u.size
		}
	}
	return strings.Join(parts, " ")
}

func amount(n float64, unit string) string {
	if n != 1 {
		unit += "s"
	}
	return strconv.FormatFloat(n, 'f', -1, 64) + " " + unit
}

func count(n int, unit string) string { return amount(float64(n), unit) }

func and(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + " and " + items[len(items)-1]
}

// once is name for the first of several lines.
func once(i int, name string) string {
	if i > 0 {
		return ""
	}
	return name
}

// columns counts what a terminal takes: the writings of East Asia are two wide.
func columns(word string) int {
	n := 0
	for _, r := range word {
		if n++; r >= 0x2e80 {
			n++
		}
	}
	return n
}
