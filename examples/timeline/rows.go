package main

import "fmt"

// zoneHeight is how much room the name of a zone takes.
const zoneHeight = 20.0

// overlap lets each bar end below the next one, so that no seam shows.
const overlap = 0.5

// drawRows draws one row for each node.
func (p *picture) drawRows() {
	n := len(p.rec.rows)
	height, space := 18.0, 3.0
	switch {
	case n > namedRows:
		height = min(8, 420/float64(n))
		space = height / 8
	case n > 24:
		height, space = 14, 2
	}
	for _, z := range p.zones {
		if p.zoned() {
			p.zoneName(z)
		}
		for _, line := range z.rows {
			p.drawRow(line, height-space)
			if n <= namedRows {
				room := p.left - gap - margin
				p.text(p.left-gap, p.y+(height-space)/2+4, "end", "small", shorten(p.label(line), smallSize, room))
			}
			p.y += height
		}
		p.y += 3
	}
	p.y += 6
}

// zoneName begins a group of rows.
func (p *picture) zoneName(z zone) {
	p.text(p.left-gap, p.y+13, "end", "zone", shorten(z.title(), smallSize*1.1, p.left-gap-margin))
	p.line(p.left, p.y+9, p.left+plotWidth, p.y+9, "grid")
	p.y += zoneHeight
}

// drawRow draws a node's pods. Two at a time share the height.
func (p *picture) drawRow(line row, height float64) {
	for _, s := range line.segments {
		x := p.x(s.from)
		width := p.x(s.to) - x
		if s.to < p.rec.horizon {
			width += overlap
		}
		if len(s.bars) == 0 {
			p.rect(x, p.y, width, height, classes[stateNone], fmt.Sprintf("%s: no pod, %s to %s", line.node, spell(s.from), spell(s.to)))
		}
		each := height / float64(len(s.bars))
		for i, b := range s.bars {
			title := fmt.Sprintf("%s on %s: %v, %s to %s", b.pod, line.node, b.state, spell(b.from), spell(b.to))
			p.rect(x, p.y+float64(i)*each, width, each, classes[b.state], title)
		}
	}
}
