package main

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// canvas collects the elements of an SVG.
type canvas struct{ bytes.Buffer }

// escape makes text fit between tags and in attributes. What XML cannot hold
// becomes a mark.
func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a Builder takes everything
	return b.String()
}

// coordinate rounds to a tenth of a pixel.
func coordinate(v float64) string {
	return strconv.FormatFloat(math.Round(v*10)/10, 'f', -1, 64)
}

// add writes one line of elements. Numbers are given as coordinate makes them.
func (c *canvas) add(format string, args ...any) {
	for i, arg := range args {
		if v, ok := arg.(float64); ok {
			args[i] = coordinate(v)
		}
	}
	fmt.Fprintf(&c.Buffer, format+"\n", args...)
}

// text writes text whose first line stands on y. The anchor is start, middle or
// end.
func (c *canvas) text(x, y float64, anchor, class, text string) {
	if anchor != "start" {
		anchor = fmt.Sprintf(` text-anchor="%s"`, anchor)
	} else {
		anchor = ""
	}
	if class != "" {
		class = fmt.Sprintf(` class="%s"`, class)
	}
	c.add(`<text x="%v" y="%v"%s%s>%s</text>`, x, y, anchor, class, escape(text))
}

// rect fills a rectangle. The title is shown where the pointer rests on it.
func (c *canvas) rect(x, y, width, height float64, class, title string) {
	if title == "" {
		c.add(`<rect x="%v" y="%v" width="%v" height="%v" class="%s"/>`, x, y, width, height, class)
		return
	}
	c.add(`<rect x="%v" y="%v" width="%v" height="%v" class="%s"><title>%s</title></rect>`, x, y, width, height, class, escape(title))
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string) {
	c.add(`<path d="M%v %vL%v %v" class="%s"/>`, x1, y1, x2, y2, class)
}

// textWidth estimates how wide text is, rather too wide: which font there is, is
// not known.
func textWidth(text string, size float64) float64 {
	width := 0.0
	for _, r := range text {
		switch {
		case strings.ContainsRune("ijl.,:;'|!()[] ", r):
			width += 0.36
		case strings.ContainsRune("frt-/", r):
			width += 0.42
		case strings.ContainsRune("mwMW%", r):
			width += 0.96
		case r >= 'A' && r <= 'Z':
			width += 0.72
		case r > 0x2000:
			width += 1
		default:
			width += 0.62
		}
	}
	return width * size
}

// shorten cuts text in the middle so that it fits.
func shorten(text string, size, width float64) string {
	runes := []rune(text)
	for n := len(runes); textWidth(text, size) > width && n > 2; {
		n--
		text = string(runes[:(n+1)/2]) + "…" + string(runes[len(runes)-n/2:])
	}
	return text
}

// wrap joins parts to lines that fit.
func wrap(parts []string, separator string, size, width float64) []string {
	var lines []string
	for _, part := range parts {
		if n := len(lines) - 1; n >= 0 && textWidth(lines[n]+separator+part, size) <= width {
			lines[n] += separator + part
			continue
		}
		lines = append(lines, shorten(part, size, width))
	}
	return lines
}
