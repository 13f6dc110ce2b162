package main

import (
	"fmt"
	"math"
	"strings"
	"time"
)

const chartHeight = 84.0

// chart draws how many nodes are available over time, against how many should be.
// The axis need not begin at zero: what is filled is what is missing.
func (p *picture) chart() {
	rec := p.rec
	p.y += 16
	lowest, since := p.lowest()
	missing := rec.desired - lowest
	base := max(0, rec.desired-max(2, int(math.Ceil(float64(missing)*1.6))))
	top := p.y
	y := func(n int) float64 {
		return top + chartHeight*float64(rec.desired-n)/float64(max(1, rec.desired-base))
	}
	bottom := top + chartHeight

	var curve, short strings.Builder
	levels := p.visible()
	fmt.Fprintf(&curve, "M%s %s", coordinate(p.left), coordinate(y(levels[0].n)))
	for i, l := range levels {
		if i > 0 {
			fmt.Fprintf(&curve, "H%sV%s", coordinate(p.x(l.at)), coordinate(y(l.n)))
		}
		to := rec.horizon
		if i+1 < len(levels) {
			to = levels[i+1].at
		}
		if l.n < rec.desired {
			fmt.Fprintf(&short, "M%s %sH%sV%sH%sZ", coordinate(p.x(l.at)), coordinate(top), coordinate(p.x(to)), coordinate(y(l.n)), coordinate(p.x(l.at)))
		}
	}
	fmt.Fprintf(&curve, "H%s", coordinate(p.left+plotWidth))
	if short.Len() > 0 {
		p.add(`<path d="%s" class="short"><title>missing</title></path>`, short.String())
	}
	p.line(p.left, top, p.left+plotWidth, top, "desired")
	p.add(`<path d="%s" class="curve"><title>available nodes</title></path>`, curve.String())

	label := func(n int, y float64) { p.text(p.left-gap, y+4, "end", "small", number(n)) }
	label(rec.desired, top)
	if missing > 0 && y(lowest)-top >= 14 {
		label(lowest, y(lowest))
	}
	if bottom-y(lowest) >= 16 {
		label(base, bottom-3)
	}
	p.text(p.left-gap, top-11, "end", "small dim", "available")
	p.mark(p.x(since), y(lowest), bottom, fmt.Sprintf("lowest: %s of %s", number(lowest), number(rec.desired)))
	p.y = bottom
}

// mark points at the lowest value.
func (p *picture) mark(x, y, bottom float64, text string) {
	p.add(`<circle cx="%v" cy="%v" r="4" class="low"/>`, x, y)
	anchor, dx := "start", 7.0
	if x+dx+textWidth(text, smallSize) > p.left+plotWidth {
		anchor, dx = "end", -7
	}
	dy := 15.0
	if bottom-y < 20 {
		dy = -8
	}
	p.text(x+dx, y+dy, anchor, "halo", text)
}

// lowest is the lowest number of available nodes, and since when it is that for
// the first time.
func (p *picture) lowest() (n int, since time.Duration) {
	n = math.MaxInt
	for _, l := range p.rec.available {
		if l.n < n {
			n, since = l.n, l.at
		}
	}
	return n, since
}

// visible are the levels that can be told apart: of those within a pixel, the
// lowest.
func (p *picture) visible() []level {
	var out []level
	pixel := -1
	for _, l := range p.rec.available {
		at := int(p.x(l.at) - p.left)
		if at == pixel && len(p.rec.available) > plotWidth {
			out[len(out)-1].n = min(out[len(out)-1].n, l.n)
			continue
		}
		out, pixel = append(out, l), at
	}
	return out
}
