package main

import (
	"fmt"
	"strings"
	"time"
)

const day = 24 * time.Hour

// tickSteps are the distances that ticks may have.
var tickSteps = []time.Duration{
	time.Millisecond, 2 * time.Millisecond, 5 * time.Millisecond, 10 * time.Millisecond, 20 * time.Millisecond,
	50 * time.Millisecond, 100 * time.Millisecond, 200 * time.Millisecond, 500 * time.Millisecond,
	time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second,
	time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute,
	time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, day, 2 * day, 5 * day,
}

// maxTicks is how many ticks with their labels have room.
const maxTicks = 8

// ticks are the moments that the axis names, zero among them, and the distance
// between them.
func ticks(horizon time.Duration) (at []time.Duration, step time.Duration) {
	for _, step = range tickSteps {
		if horizon/step < maxTicks {
			break
		}
	}
	for horizon/step >= maxTicks {
		step *= 2
	}
	for t := time.Duration(0); t <= horizon; t += step {
		at = append(at, t)
	}
	return at, step
}

// tickLabel names a moment of the axis, all in one unit.
func tickLabel(t, step, horizon time.Duration) string {
	unit, name, parts := time.Second, "s", time.Duration(0)
	switch {
	case t == 0:
		return "0"
	case step < time.Second:
		unit, name = time.Millisecond, "ms"
	case horizon <= 2*time.Minute:
	case horizon <= 2*time.Hour:
		unit, name, parts = time.Minute, "min", time.Second
	case step%day == 0:
		unit, name = day, "d"
	default:
		unit, name, parts = time.Hour, "h", time.Minute
	}
	if step%unit == 0 {
		return fmt.Sprintf("%d %s", t/unit, name)
	}
	return fmt.Sprintf("%d:%02d %s", t/unit, t%unit/parts, name)
}

// spell writes a duration in the two largest of its units.
func spell(d time.Duration) string {
	units := []struct {
		size time.Duration
		name string
	}{{day, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}, {time.Millisecond, "ms"}}
	var parts []string
	for i, unit := range units {
		n := d / unit.size
		d -= n * unit.size
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, unit.name))
		}
		if len(parts) > 0 && i < len(units)-1 && (len(parts) == 2 || n == 0) {
			break
		}
	}
	if len(parts) == 0 {
		return "0 s"
	}
	return strings.Join(parts, " ")
}
