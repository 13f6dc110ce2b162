package main

import (
	"fmt"
	"strings"
)

const (
	// columns is how many averages an area has.
	columns = 250
	// areasHeight is shared by the areas.
	areasHeight = 330.0
	// maxAreas is how many zones have an area of their own.
	maxAreas = 8
)

// stacking is the order in which states lie on one another, from below.
var stacking = []state{stateCanary, stateReady, stateSettling, stateStarting, stateNone, stateFailed, stateTerminating, stateOldDown, stateOld}

// drawAreas draws how many nodes are in each state, for each zone.
func (p *picture) drawAreas() {
	zones := p.zones
	if len(zones) > maxAreas {
		zones = []zone{{name: "all nodes", rows: p.rec.rows}}
	}
	height := areasHeight / float64(len(zones))
	for _, z := range zones {
		title := z.title()
		if len(p.zones) == 1 {
			title = "all nodes"
		}
		room := p.left - gap - margin
		p.text(p.left-gap, p.y+height/2-3, "end", "zone", shorten(title, smallSize*1.1, room))
		p.text(p.left-gap, p.y+height/2+12, "end", "small dim", count(len(z.rows), "node", "nodes"))
		p.drawArea(title, z.rows, height)
		p.y += height + 6
	}
	p.y += 6
}

// drawArea stacks the states of one group of nodes.
func (p *picture) drawArea(title string, rows []row, height float64) {
	shares := p.shares(rows)
	width := plotWidth / columns
	below := [columns]float64{}
	for _, s := range stacking {
		above, occurs := below, false
		for i := range above {
			above[i] += shares[i][s]
			occurs = occurs || shares[i][s] > 0
		}
		if occurs {
			y := func(share float64) float64 { return p.y + height*(1-share/float64(len(rows))) }
			var path strings.Builder
			fmt.Fprintf(&path, "M%s %s", coordinate(p.left), coordinate(y(above[0])))
			drawn := coordinate(y(above[0]))
			for i := 1; i < columns; i++ {
				if next := coordinate(y(above[i])); next != drawn {
					fmt.Fprintf(&path, "H%sV%s", coordinate(p.left+float64(i)*width), next)
					drawn = next
				}
			}
			drawn = coordinate(y(below[columns-1]))
			fmt.Fprintf(&path, "H%sV%s", coordinate(p.left+plotWidth), drawn)
			for i := columns - 2; i >= 0; i-- {
				if next := coordinate(y(below[i])); next != drawn {
					fmt.Fprintf(&path, "H%sV%s", coordinate(p.left+float64(i+1)*width), next)
					drawn = next
				}
			}
			fmt.Fprintf(&path, "H%sZ", coordinate(p.left))
			p.add(`<path d="%s" class="%s"><title>%s</title></path>`, path.String(), classes[s], escape(fmt.Sprintf("%s: %v", title, s)))
		}
		below = above
	}
}

// shares are, for each column, how many nodes are in each state on average. Pods
// that share a node are parts of one.
func (p *picture) shares(rows []row) *[columns][states]float64 {
	shares := &[columns][states]float64{}
	for _, line := range rows {
		for _, s := range line.segments {
			from := columns * float64(s.from) / float64(p.rec.horizon)
			to := columns * float64(s.to) / float64(p.rec.horizon)
			for i := int(from); i < columns && float64(i) < to; i++ {
				part := min(to, float64(i+1)) - max(from, float64(i))
				if len(s.bars) == 0 {
					shares[i][stateNone] += part
				}
				for _, b := range s.bars {
					shares[i][b.state] += part / float64(len(s.bars))
				}
			}
		}
	}
	return shares
}
