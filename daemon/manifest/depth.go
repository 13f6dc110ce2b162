package manifest

import (
	"fmt"
	"strings"
)

// maxDepth is how deep lists and maps may be nested. A parser calls itself for each of them, and the
// stack of a program in a browser is full at twice as many. An alias counts as what it stands for,
// because the parser calls itself for that as well.
const maxDepth = 500

var errTooDeep = fmt.Errorf("is inside %[1]d lists and maps: at most %[1]d may be nested", maxDepth)

// lineBreaks makes each line break of YAML one of "\n". All texts keep their length.
var lineBreaks = strings.NewReplacer("\r\n", " \n", "\r", "\n", "\u0085", " \n", "\u2028", "  \n", "\u2029", "  \n")

const byteOrderMark = "\ufeff"

// deeper returns the number of the first line in which lists and maps are nested deeper than limit.
// The first line of the document is 1; 0 means that no line is so deep. It calls no YAML parser,
// because a parser's stack could overflow.
func (d document) deeper(limit int) int {
	source := strings.TrimPrefix(d.text, byteOrderMark)
	w := newDepthWalk(lineBreaks.Replace(source))
	if start := w.deeper(limit); start >= 0 {
		return 1 + strings.Count(source[:start], "\n")
	}
	return 0
}

// depthWalk reads the tokens of a document and counts the lists and maps around each.
type depthWalk struct {
	finder
	// lines knows where the line of the last node begins whose column was asked for.
	lines lineCounter
	// block are those in block style by their columns: twice the column, and one more for a list,
	// because the dashes may be as far left as the key before them.
	block []int
	// flow are those in brackets and braces, by the byte that begins them. A pair in brackets, as in
	// [a: 1], is a map of its own, and has ':'.
	flow []byte
	// flowColumn is the column of the value in brackets or braces before the token, which may be a
	// key; below zero if something else is before the token.
	flowColumn int
	// properties is where the anchors and tags before the token begin in its line; below zero if
	// there are none.
	properties int
	// open are the anchors of the nodes around the token, outermost first.
	open []openAnchor
	// heights has, for each anchor, how many lists and maps are nested in its node.
	heights map[string]int
	// read is how many bytes were read to find columns. Tests read it.
	read int
}

// newDepthWalk returns a walk at the beginning of a text whose line breaks are all "\n".
func newDepthWalk(text string) *depthWalk {
	return &depthWalk{finder: finder{text: text}, lines: lineCounter{text: text}, heights: map[string]int{}, flowColumn: -1}
}

// deeper returns the offset of the first token that is nested deeper than limit. It returns -1 if
// there is no such token.
func (w *depthWalk) deeper(limit int) int {
	for w.skipToToken() {
		start := w.pos
		if w.token() > limit {
			return start
		}
	}
	return -1
}

// openAnchor is an anchor whose node has not ended.
type openAnchor struct {
	name string
	pos  int
	// base is the depth of the node, and most the greatest depth in it.
	base, most int
}

func (w *depthWalk) depth() int { return len(w.block) + len(w.flow) }

// skipToToken goes to the next token that is neither an anchor nor a tag, and notes anchors. It
// returns false at the end.
func (w *depthWalk) skipToToken() bool {
	w.properties = -1
	for {
		before := w.pos
		w.skipBlank()
		if strings.Contains(w.text[before:w.pos], "\n") {
			w.properties = -1
		}
		if w.pos == len(w.text) {
			return false
		}
		switch rest := w.text[w.pos:]; {
		case w.peek() == '&', w.peek() == '!':
			if w.properties < 0 {
				w.properties = w.pos
			}
			if name, ok := anchorName(rest); ok {
				w.open = append(w.open, openAnchor{name, w.pos, w.depth(), w.depth()})
			}
			w.skipProperty()
		case w.pos > 0 && w.text[w.pos-1] != '\n':
			return true
		case w.peek() == '%':
			w.pos += len(w.line())
		case len(rest) >= 3 && (rest[:3] == "---" || rest[:3] == "...") && blankAt(rest, 3):
			// The parser reads one document, of which these marks may be the beginning.
			w.block, w.pos = nil, w.pos+3
		default:
			return true
		}
	}
}

// token reads a token and returns its depth; that of an alias is the greatest in its node.
func (w *depthWalk) token() int {
	start := w.pos
	alias, isAlias := "", false
	if w.peek() == '*' {
		alias, isAlias = anchorName(w.text[w.pos:])
	}
	flowColumn := w.flowColumn
	if len(w.flow) == 0 {
		w.flowColumn = -1
	}
	switch c := w.peek(); {
	case c == '[' || c == '{':
		if len(w.flow) == 0 {
			w.flowColumn = w.tokenColumn(start)
		}
		w.flow = append(w.flow, c)
		w.pos++
	case len(w.flow) > 0 && (c == ']' || c == '}' || c == ','):
		w.endPair()
		if c != ',' {
			w.flow = w.flow[:len(w.flow)-1]
		}
		w.pos++
	case c == ':' && (len(w.flow) > 0 || blankAt(w.text, w.pos+1)): // behind a key that is no plain scalar
		w.closeTo(w.depth()) // An anchor before it is that of an empty key.
		switch {
		case len(w.flow) > 0:
			w.beginPair()
		case flowColumn >= 0:
			w.enter(2 * flowColumn)
		default:
			w.enter(2 * w.tokenColumn(start))
		}
		w.pos++
	case c == '?' && len(w.flow) > 0:
		w.beginPair()
		w.pos++
	case len(w.flow) > 0:
		w.scalar()
	case w.isItem():
		w.enter(2*w.tokenColumn(start) + 1)
		w.pos++
	case c == '?' && blankAt(w.text, w.pos+1):
		w.enter(2 * w.tokenColumn(start))
		w.pos++
	default:
		if _, ok := w.key(); ok {
			// Properties in the line of a key belong to the key, not to the map.
			for n := len(w.open); w.properties >= 0 && n > 0 && w.open[n-1].pos >= w.properties; n-- {
				w.close()
			}
			w.enter(2 * w.tokenColumn(start))
			break
		}
		// A scalar ends before the next line that is indented no more than what it is in.
		parent := -1
		if len(w.block) > 0 {
			parent = w.block[len(w.block)-1] / 2
		}
		w.pos = start // next reads quotes itself.
		w.next(parent)
	}
	w.closeTo(w.depth())
	depth := w.depth()
	if isAlias {
		depth += w.heights[alias]
	}
	w.reach(depth)
	return depth
}

// tokenColumn returns the column of a node whose token begins at start, which is not before that of
// the last call. Each byte is read once: a line may be as long as the text.
func (w *depthWalk) tokenColumn(start int) int {
	if w.properties >= 0 {
		start = w.properties
	}
	w.read += start - w.lines.offset
	w.lines.at(start)
	return start - w.lines.begin
}

// enter begins a list or map in block style, or goes on with it, and ends those further right.
func (w *depthWalk) enter(at int) {
	for len(w.block) > 0 && w.block[len(w.block)-1] >= at {
		w.block = w.block[:len(w.block)-1]
	}
	w.block = append(w.block, at)
}

// beginPair begins a pair in brackets that are not in a pair.
func (w *depthWalk) beginPair() {
	if w.flow[len(w.flow)-1] == '[' {
		w.flow = append(w.flow, ':')
	}
}

// endPair ends the pair in brackets that the token is in, if any.
func (w *depthWalk) endPair() {
	if n := len(w.flow); n > 1 && w.flow[n-1] == ':' {
		w.flow = w.flow[:n-1]
	}
}

// reach notes a depth in the nodes that are open.
func (w *depthWalk) reach(depth int) {
	if n := len(w.open); n > 0 {
		w.open[n-1].most = max(w.open[n-1].most, depth)
	}
}

// closeTo ends the nodes of anchors that are not around the given depth.
func (w *depthWalk) closeTo(depth int) {
	for n := len(w.open); n > 0 && w.open[n-1].base >= depth; n-- {
		w.close()
	}
}

// close ends the node of the innermost anchor.
func (w *depthWalk) close() {
	last := w.open[len(w.open)-1]
	w.open = w.open[:len(w.open)-1]
	w.heights[last.name] = last.most - last.base
	w.reach(last.most)
}
