package main

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Sizes, in pixels.
const (
	margin = 18.0
	// plotWidth is how wide the time is.
	plotWidth = 440.0
	// gap is between labels and plot.
	gap = 8.0
	// The labels have at least and at most so much room.
	minLabel, maxLabel = 76.0, 230.0
	// tail is behind the plot: half a tick label.
	tail = 30.0

	titleSize, textSize, smallSize = 16.0, 12.5, 11.5
)

// How many nodes have a row with a name, and how many a row at all.
const (
	namedRows = 40
	allRows   = 160
)

// picture lays a recording out.
type picture struct {
	canvas
	rec            *recording
	name, strategy string
	zones          []zone
	// shared is the domain of all nodes, which labels leave out.
	shared string
	// left is where the plot begins, width the picture's, and y how far it is done.
	left, width, y float64
}

// zone is a group of rows.
type zone struct {
	name string
	rows []row
}

func newPicture(rec *recording, name, strategy string) *picture {
	p := &picture{rec: rec, name: name, strategy: strategy}
	for _, line := range rec.rows {
		if n := len(p.zones) - 1; n < 0 || p.zones[n].name != line.zone {
			p.zones = append(p.zones, zone{name: line.zone})
		}
		last := &p.zones[len(p.zones)-1]
		last.rows = append(last.rows, line)
	}
	p.shared = sharedDomain(rec.rows)
	label := minLabel
	for _, z := range p.zones {
		label = max(label, textWidth(z.title(), smallSize))
	}
	if len(rec.rows) <= namedRows {
		for _, line := range rec.rows {
			label = max(label, textWidth(p.label(line), smallSize))
		}
	}
	p.left = margin + min(math.Ceil(label)+1, maxLabel) + gap
	p.width = p.left + plotWidth + tail
	return p
}

func (z zone) title() string {
	if z.name == "" {
		return "no zone"
	}
	return z.name
}

// sharedDomain is what all names have in common from their first dot on.
func sharedDomain(rows []row) string {
	domain := ""
	for i, line := range rows {
		_, rest, _ := strings.Cut(line.node, ".")
		if i > 0 && rest != domain {
			return ""
		}
		domain = rest
	}
	return domain
}

// label is the node's name without the domain that all share, and with a mark for
// canaries.
func (p *picture) label(r row) string {
	name := strings.TrimSuffix(r.node, "."+p.shared)
	if r.canary {
		return name + " ◆"
	}
	return name
}

// zoned reports whether nodes are in several zones.
func (p *picture) zoned() bool { return len(p.zones) > 1 }

// x is where a moment is.
func (p *picture) x(t time.Duration) float64 {
	return p.left + plotWidth*float64(t)/float64(p.rec.horizon)
}

// draw writes the whole SVG.
func (p *picture) draw(out *bytes.Buffer) {
	p.y = margin
	p.header()
	p.legend()
	top := p.y
	rest := p.canvas
	p.canvas = canvas{}
	if len(p.rec.rows) <= allRows {
		p.drawRows()
	} else {
		p.drawAreas()
	}
	p.chart()
	bottom := p.y
	body := p.canvas
	p.canvas = canvas{}
	p.grid(top, bottom)
	p.y += 20
	grid := p.canvas
	p.canvas = canvas{}
	p.stuckTime(top, bottom)
	stuck := p.canvas

	var c canvas
	height := p.y + margin - 6
	c.add(`<svg xmlns="http://www.w3.org/2000/svg" width="%v" height="%v" viewBox="0 0 %v %v" role="img" aria-labelledby="title desc">`, p.width, height, p.width, height)
	c.add(`<title id="title">%s</title>`, escape(p.title()))
	c.add(`<desc id="desc">%s</desc>`, escape(p.description()))
	c.WriteString(style)
	c.add(`<rect x="0.5" y="0.5" width="%v" height="%v" rx="8" class="paper"/>`, p.width-1, height-1)
	for _, part := range []canvas{rest, grid, body, stuck} {
		c.Write(part.Bytes())
	}
	c.add(`</svg>`)
	out.Write(c.Bytes())
}

// style defines the colours (Okabe and Ito, safe for colour-blind readers) and patterns.
const style = `<style>
text{font:12.5px -apple-system,BlinkMacSystemFont,"Segoe UI","Noto Sans",Helvetica,Arial,sans-serif;fill:#1f2328}
path{fill:none}
.paper{fill:#fff;stroke:#d0d7de}
.head{font-size:16px;font-weight:600}
.dim{fill:#59636e}
.small{font-size:11.5px}
.zone{font-size:11.5px;font-weight:600;fill:#59636e}
.wrong{fill:#a63a00;font-weight:600}
.halo{font-size:11.5px;paint-order:stroke;stroke:#fff;stroke-width:3px;stroke-linejoin:round}
.grid{stroke:#d8dee4}
.axis{stroke:#8c959f}
.end{stroke:#1f2328;stroke-dasharray:2 3}
.desired{stroke:#59636e;stroke-dasharray:5 3}
.curve{stroke:#0072b2;stroke-width:2;stroke-linejoin:round}
.short{fill:#f6c9ae}
.low{fill:#d55e00;stroke:#fff;stroke-width:1.5}
.stuck{fill:url(#stuck)}
.none{fill:#f1f3f5}
.old{fill:#a9b3be}
.olddown{fill:url(#olddown)}
.terminating{fill:#e69f00}
.failed{fill:url(#failed)}
.starting{fill:#b3ddf5}
.settling{fill:#56b4e9}
.canary{fill:url(#canary)}
.ready{fill:#0072b2}
.swatch{stroke:#8c959f;stroke-width:.5}
</style>
<defs>
<pattern id="olddown" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0H6V6H0Z" style="fill:#e3e7eb"/><path d="M0 0H2.5V6H0Z" style="fill:#a9b3be"/></pattern>
<pattern id="failed" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(-45)"><path d="M0 0H5V5H0Z" style="fill:#d55e00"/><path d="M0 0H1.5V5H0Z" style="fill:#fff"/></pattern>
<pattern id="canary" width="5" height="5" patternUnits="userSpaceOnUse"><path d="M0 0H5V5H0Z" style="fill:#b04a8b"/><circle cx="2.5" cy="2.5" r="1.1" style="fill:#fff"/></pattern>
<pattern id="stuck" width="8" height="8" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path d="M0 0H1.5V8H0Z" style="fill:#d55e00;fill-opacity:.35"/></pattern>
</defs>
`

// classes are the states' names in the style.
var classes = [states]string{
	stateNone: "none", stateOld: "old", stateOldDown: "olddown", stateTerminating: "terminating", stateFailed: "failed",
	stateStarting: "starting", stateSettling: "settling", stateCanary: "canary", stateReady: "ready",
}

func (p *picture) title() string { return fmt.Sprintf("Rollout of %s: %s", p.name, p.strategy) }

// facts are the numbers of the rollout.
func (p *picture) facts() []string {
	rec := p.rec
	facts := []string{count(rec.desired, "node", "nodes")}
	if rec.complete() {
		facts = append(facts, rec.state())
	}
	facts = append(facts, count(rec.end.Passes, "pass", "passes"))
	facts = append(facts, fmt.Sprintf("at least %s of %s available", number(rec.end.LowestAvailable), number(rec.desired)))
	if rec.elsewhere > 0 {
		facts = append(facts, count(rec.elsewhere, "more node", "more nodes")+" without it")
	}
	return facts
}

// state is how the rollout ends, and when, in the words of simulate.End.
func (rec *recording) state() string {
	if rec.ended == 0 {
		return rec.end.Clause()
	}
	return fmt.Sprintf("%v after %s", rec.end.State, spell(rec.ended))
}

// trouble are sentences on what went wrong.
func (p *picture) trouble() []string {
	end := p.rec.end
	var lines []string
	if end.Rollback != nil {
		lines = append(lines, "the canaries failed: back to revision "+end.Rollback.Revision.Name)
	}
	if p.rec.complete() {
		return lines
	}
	const most = 3
	var on, waiting []string
	for _, n := range end.Incomplete {
		if n.Desired && n.Available && n.Pod.DeletionTimestamp == nil {
			waiting = append(waiting, n.Node)
			continue
		}
		if problem := p.rec.problems[n.Node]; problem != "" {
			on = append(on, problem)
			continue
		}
		_, why, _ := strings.Cut(n.NodeStatus.String(), "; ")
		on = append(on, n.Node+": "+why)
	}
	state := p.rec.state()
	if len(on) > 0 {
		state += ", on " + on[0]
		on = on[1:]
	}
	lines = append(lines, state)
	if more := len(on) - most; more > 0 {
		on = append(on[:most:most], fmt.Sprintf("and on %s", count(more, "more node", "more nodes")))
	}
	lines = append(lines, on...)
	if len(waiting) > 0 {
		lines = append(lines, fmt.Sprintf("%s for the update", count(len(waiting), "node waits", "nodes wait")))
	}
	// What a policy holds back comes after the nodes.
	text := strings.Split(end.String(), "\n")
	for len(text) > 0 && (strings.HasPrefix(text[0], "  ") || strings.HasPrefix(text[0], end.State.String())) {
		text = text[1:]
	}
	return append(lines, text...)
}

// description is the picture in words.
func (p *picture) description() string {
	parts := slices.Concat([]string{strings.Join(p.facts(), ", ")}, p.trouble())
	return strings.Join(parts, "; ") + ". Each node is a row, or part of an area, that shows over time what its pods are: " +
		"old, terminating, starting or new. Below is how many nodes have an available pod."
}

func (p *picture) header() {
	room := p.width - 2*margin
	for _, line := range wrap(strings.Fields(p.title()), " ", titleSize*1.1, room) {
		p.y += 16
		p.text(margin, p.y, "start", "head", line)
		p.y += 5
	}
	for _, line := range wrap(p.facts(), " · ", textSize, room) {
		p.y += 14
		p.text(margin, p.y, "start", "dim", line)
		p.y += 3
	}
	for _, sentence := range p.trouble() {
		for _, line := range wrap(strings.Fields(sentence), " ", textSize*1.1, room) {
			p.y += 14
			p.text(margin, p.y, "start", "wrong", line)
			p.y += 3
		}
	}
	p.y += 8
}

// legend explains the states that occur.
func (p *picture) legend() {
	var seen [states]bool
	for _, line := range p.rec.rows {
		for _, s := range line.segments {
			if len(s.bars) == 0 {
				seen[stateNone] = true
			}
			for _, b := range s.bars {
				seen[b.state] = true
			}
		}
	}
	const swatch, space = 12.0, 6.0
	x := margin
	for _, s := range []state{stateOld, stateOldDown, stateTerminating, stateFailed, stateNone, stateStarting, stateSettling, stateCanary, stateReady} {
		if !seen[s] {
			continue
		}
		width := swatch + space + textWidth(s.String(), textSize)
		if x > margin && x+width > p.width-margin {
			x, p.y = margin, p.y+18
		}
		p.rect(x, p.y, swatch, swatch, classes[s]+" swatch", "")
		p.text(x+swatch+space, p.y+10.5, "start", "", s.String())
		x += width + 14
	}
	p.y += swatch + 14
}

// grid draws what belongs to moments, behind everything else, and names them.
func (p *picture) grid(top, bottom float64) {
	at, step := ticks(p.rec.horizon)
	for _, t := range at {
		p.line(p.x(t), top, p.x(t), bottom, "grid")
		p.text(p.x(t), bottom+16, "middle", "small dim", tickLabel(t, step, p.rec.horizon))
	}
	p.text(p.left-gap-2, bottom+16, "end", "small dim", "time")
	p.line(p.left, bottom, p.left+plotWidth, bottom, "axis")
}

// stuckTime marks, over everything else, since when nothing gets better, or when
// the rollout is complete.
func (p *picture) stuckTime(top, bottom float64) {
	x := p.x(p.rec.ended)
	if !p.rec.complete() {
		p.rect(x, top, p.left+plotWidth-x, bottom-top, "stuck", p.rec.state())
	}
	p.line(x, top-4, x, bottom, "end")
}

// number writes a count with separators.
func number(n int) string {
	digits := fmt.Sprint(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// count puts a number before a noun.
func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return number(n) + " " + many
}
