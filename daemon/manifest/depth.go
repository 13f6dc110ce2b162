package manifest

import (
	"fmt"
	"strings"
)

// maxDepth is how deep lists and maps may be nested. A parser calls itself for each of them, and the
// stack of a program in a browser is full at twice as many.
const maxDepth = 500

var errTooDeep = fmt.Errorf("is inside %[1]d lists and maps: at most %[1]d may be nested", maxDepth)

// deeper returns the first line, counted from 1, at which lists and maps are nested deeper than
// limit. It returns 0 if there is none. It does not call a parser, whose stack could overflow: it
// reads indentation and brackets with a finder.
func (d document) deeper(limit int) int {
	f := &finder{text: strings.TrimPrefix(d.text, "\ufeff")}
	// Those in block style by their columns: twice the column, and one more for a list, because the
	// dashes may be as far left as the key before them.
	var block []int
	flow := 0
	open := func(at int) {
		for len(block) > 0 && block[len(block)-1] >= at {
			block = block[:len(block)-1]
		}
		block = append(block, at)
	}
	for f.skipProperties(); f.pos < len(f.text); f.skipProperties() {
		start := f.pos
		switch c := f.peek(); {
		case c == '[' || c == '{':
			flow++
			f.pos++
		case flow > 0 && (c == ']' || c == '}'):
			flow--
			f.pos++
		case c == ':': // behind a key in quotes or braces
			f.pos++
		case flow > 0:
			f.scalar()
		case f.isItem():
			open(2*f.column() + 1)
			f.pos++
		case strings.HasPrefix(f.text[f.pos:], "? "):
			open(2 * f.column())
			f.pos++
		default:
			column := f.column()
			if _, ok := f.key(); ok {
				open(2 * column)
				break
			}
			// A scalar ends before the next line that is indented no more than what it is in.
			parent := -1
			if len(block) > 0 {
				parent = block[len(block)-1] / 2
			}
			f.pos = start // next reads quotes itself.
			f.next(parent)
		}
		if len(block)+flow > limit {
			return 1 + strings.Count(f.text[:start], "\n")
		}
	}
	return 0
}
