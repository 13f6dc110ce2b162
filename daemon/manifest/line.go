package manifest

import (
	"slices"
	"strconv"
	"strings"
)

// lineOf returns the line of the file in which a field of the document begins: that of its
// key, or of its dash. If the text has no such field, or writes it in a way that is not
// understood here (an alias, a merge key), it is the line of the innermost field around it.
//
// It follows the layout of the text and parses no values: no requirement of this module
// parses YAML and keeps the lines. A parser has accepted the text before.
func (d document) lineOf(path string) int { return d.find(splitPath(path)) }

func (d document) find(steps []string) int {
	f := &finder{text: d.text}
	f.skipBlank()
	f.found = f.pos
	f.node(-1, steps)
	return d.line + strings.Count(d.text[:min(f.found, len(d.text))], "\n")
}

// spot is an object in a document: a document that begins at the object, and the steps to it
// from there. Looking for a field does not have to read what is before. The zero spot stands for
// the whole document.
type spot struct {
	document
	steps []string
}

// everyItem is a step that notes the offsets of all items of a list.
const everyItem = "*"

// items returns the spots of the items of a list with count items, which a field of the object at
// s has, or the object itself is.
func (s spot) items(count int, path ...string) []spot {
	list := slices.Concat(s.steps, path)
	f := &finder{text: s.text}
	f.skipBlank()
	f.node(-1, append(list, everyItem))
	lines := &lineCounter{text: s.text}
	spots := make([]spot, count)
	for i := range spots {
		if len(f.items) == count {
			offset := f.items[i]
			line := s.line + lines.at(offset) - 1
			switch {
			case s.text[offset] == '{', s.text[offset] == '[':
				spots[i] = spot{document{s.text[offset:], line}, nil}
				continue
			case strings.TrimLeft(s.text[lines.begin:offset], " ") == "":
				spots[i] = spot{document{s.text[lines.begin:], line}, []string{"0"}}
				continue
			}
		}
		// No document can begin at the item, or the list is an alias.
		spots[i] = spot{s.document, append(slices.Clip(list), strconv.Itoa(i))}
	}
	return spots
}

// lineOf returns the line of a field of the object.
func (s spot) lineOf(path string) int { return s.find(slices.Concat(s.steps, splitPath(path))) }

// splitPath returns the keys and indices of a path such as a.b[0].c[x/y].
func splitPath(path string) []string {
	var steps []string
	for path != "" {
		end := 0
		switch path[0] {
		case '.':
			path = path[1:]
		case '[':
			if end = strings.IndexByte(path, ']'); end < 0 {
				return append(steps, path[1:])
			}
			steps, path = append(steps, path[1:end]), path[end+1:]
		default:
			if end = strings.IndexAny(path, ".["); end < 0 {
				return append(steps, path)
			}
			steps, path = append(steps, path[:end]), path[end:]
		}
	}
	return steps
}

// finder walks through the text of a document.
type finder struct {
	text string
	// pos is the offset of what comes next; found is that of the innermost field of the path
	// so far.
	pos, found int
	// items are the offsets of the items of the list that a path with everyItem leads to.
	items []int
}

// peek returns the next byte, or 0 at the end.
func (f *finder) peek() byte {
	if f.pos < len(f.text) {
		return f.text[f.pos]
	}
	return 0
}

// line returns what is left of the current line.
func (f *finder) line() string {
	line, _, _ := strings.Cut(f.text[f.pos:], "\n")
	return strings.TrimRight(line, " \t\r")
}

// column returns the indentation of what comes next in its line.
func (f *finder) column() int { return f.pos - strings.LastIndexByte(f.text[:f.pos], '\n') - 1 }

// skipSpace goes to the next text in the line.
func (f *finder) skipSpace() {
	for f.peek() == ' ' || f.peek() == '\t' {
		f.pos++
	}
}

// skipBlank goes to the next text that is neither blank nor a comment.
func (f *finder) skipBlank() {
	for f.pos < len(f.text) {
		switch f.peek() {
		case ' ', '\t', '\r', '\n':
			f.pos++
		case '#':
			f.pos += len(f.line())
		default:
			return
		}
	}
}

// skipProperties goes to the next text that is neither an anchor nor a tag.
func (f *finder) skipProperties() {
	for f.skipBlank(); f.peek() == '&' || f.peek() == '!'; f.skipBlank() {
		f.skipProperty()
	}
}

// skipProperty goes behind the anchor or tag that begins here.
func (f *finder) skipProperty() {
	if name, ok := anchorName(f.text[f.pos:]); ok && f.peek() == '&' {
		f.pos += 1 + len(name)
		return
	}
	if end := strings.IndexAny(f.text[f.pos:], " \t\r\n"); end > 0 {
		f.pos += end
	} else {
		f.pos = len(f.text)
	}
}

// anchorName returns the name of the anchor or alias that a text begins with, and false if it
// begins with none.
func anchorName(text string) (name string, ok bool) {
	if text == "" || text[0] != '&' && text[0] != '*' {
		return "", false
	}
	end := 1
	for end < len(text) && (text[end] == '-' || text[end] == '_' || '0' <= text[end] && text[end] <= '9' || 'A' <= text[end] && text[end] <= 'Z' || 'a' <= text[end] && text[end] <= 'z') {
		end++
	}
	return text[1:end], end > 1
}

// blankAt reports whether a text has a blank or a line break at an offset, or ends there.
func blankAt(text string, at int) bool {
	return at >= len(text) || strings.IndexByte(" \t\r\n", text[at]) >= 0
}

// node looks for the rest of the path in the value that comes next. Its lines are indented
// by more than parent, or by as much if they are the items of a list.
func (f *finder) node(parent int, steps []string) {
	if f.skipProperties(); len(steps) == 0 || f.pos == len(f.text) {
		return
	}
	switch {
	case f.peek() == '{', f.peek() == '[':
		f.flow(steps)
	case f.isItem() && f.column() >= parent:
		f.list(steps)
	case f.column() > parent:
		f.mapping(steps)
	}
}

func (f *finder) isItem() bool { return f.peek() == '-' && blankAt(f.text, f.pos+1) }

// list looks for an item in a list of dashes, which begins here.
func (f *finder) list(steps []string) {
	want, err := strconv.Atoi(steps[0])
	if err != nil {
		want = -1
	}
	for column, index := f.column(), 0; f.isItem(); index++ {
		if steps[0] == everyItem {
			f.items = append(f.items, f.pos)
		}
		if index == want {
			f.found = f.pos
			f.pos++
			f.node(column, steps[1:])
			return
		}
		f.pos++
		if !f.next(column) {
			return
		}
	}
}

// mapping looks for a key in the lines of a mapping, which begins here.
func (f *finder) mapping(steps []string) {
	column := f.column()
	for more := true; more; more = f.next(column) {
		// The items of a list may be indented like its key.
		if f.isItem() {
			continue
		}
		start := f.pos
		key, ok := f.key()
		if ok && key == steps[0] {
			f.found = start
			f.node(column, steps[1:])
			return
		}
	}
}

// next skips the value that begins here and goes to the next line that begins in a column.
// It reports false if a line that is indented less comes first, or none.
func (f *finder) next(column int) bool {
	switch f.skipSpace(); f.peek() {
	case '{', '[':
		f.flow(nil)
	case '"', '\'':
		f.quoted()
	}
	for {
		f.pos += len(f.line())
		f.skipBlank()
		if f.pos == len(f.text) || f.column() < column {
			return false
		}
		if f.column() == column {
			return true
		}
	}
}

// key returns the key that begins here, and goes behind its colon.
func (f *finder) key() (key string, ok bool) {
	if f.peek() == '"' || f.peek() == '\'' {
		key = f.quoted()
		if f.skipSpace(); f.peek() != ':' {
			return "", false
		}
		f.pos++
		return key, true
	}
	line := f.line()
	if strings.HasPrefix(line, "|") || strings.HasPrefix(line, ">") {
		return "", false // a text in the lines below
	}
	for at := range len(line) {
		if line[at] == '#' && at > 0 && blankAt(line, at-1) {
			return "", false // a comment
		}
		if line[at] == ':' && (at+1 == len(line) || line[at+1] == ' ' || line[at+1] == '\t') {
			f.pos += at + 1
			return strings.TrimRight(line[:at], " \t"), true
		}
	}
	return "", false
}

// quoted returns the string in quotes that begins here, and goes behind it.
func (f *finder) quoted() string {
	start, quote := f.pos, f.peek()
	for f.pos++; f.pos < len(f.text); f.pos++ {
		if f.peek() == '\\' && quote == '"' {
			f.pos++
			continue
		}
		if f.peek() != quote {
			continue
		}
		if f.pos++; quote == '\'' && f.peek() == quote {
			continue
		}
		source := f.text[start:f.pos]
		if value, err := strconv.Unquote(source); err == nil && quote == '"' {
			return value
		}
		return strings.ReplaceAll(source[1:len(source)-1], "''", "'")
	}
	f.pos = min(f.pos, len(f.text))
	return ""
}

// flow looks for a field in a value in braces or brackets, which begins here. It goes
// behind the value, unless the path leads into it: then it returns true.
func (f *finder) flow(steps []string) (inside bool) {
	isMap := f.peek() == '{'
	f.pos++
	index := 0
	for {
		switch f.skipBlank(); f.peek() {
		case 0:
			return false
		case ',':
			f.pos++
			continue
		case '}', ']':
			f.pos++
			return false
		}
		start, name := f.pos, strconv.Itoa(index)
		index++
		if isMap {
			if name = f.scalar(); f.peek() == ':' {
				f.pos++
			}
		}
		if len(steps) > 0 && steps[0] == everyItem && !isMap {
			f.items = append(f.items, start)
		}
		match := len(steps) > 0 && name == steps[0]
		var below []string
		if match {
			f.found, below = start, steps[1:]
		}
		switch f.skipProperties(); f.peek() {
		case ',', '}', ']':
		case '{', '[':
			if f.flow(below) {
				return true
			}
		default:
			f.scalar()
		}
		if match {
			return true
		}
	}
}

// scalar returns the scalar of a value in braces or brackets that begins here, and goes to
// what follows it. It goes on by one byte at least, unless the text is at its end.
func (f *finder) scalar() string {
	if f.peek() == '"' || f.peek() == '\'' {
		value := f.quoted()
		f.skipBlank()
		return value
	}
	start := f.pos
	for f.pos < len(f.text) {
		switch c := f.peek(); c {
		case ',', '{', '}', '[', ']':
		case ':':
			if rest := f.text[f.pos+1:]; rest != "" && !strings.ContainsRune(" \t\r\n,{}[]", rune(rest[0])) {
				f.pos++
				continue
			}
		case '#':
			if strings.IndexByte(" \t\r\n", f.text[f.pos-1]) < 0 {
				f.pos++
				continue
			}
		default:
			f.pos++
			continue
		}
		break
	}
	value := strings.TrimRight(f.text[start:f.pos], " \t\r\n")
	if f.pos == start && f.pos < len(f.text) {
		f.pos++
	}
	f.skipBlank()
	return value
}
