package manifest

import (
	"encoding/json"
	"errors"
	"io"
	"regexp"
	"strconv"
	"strings"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// document is one document of a file, or one of several JSON values in it.
type document struct {
	text string
	// line is the number of its first line in the file.
	line int
}

// splitDocuments cuts a file at the lines that end or begin a YAML document.
func splitDocuments(text string) []document {
	var docs []document
	start, startLine, offset, number := 0, 1, 0, 0
	for line := range strings.Lines(text) {
		number++
		if mark := strings.HasPrefix(line, "---") || strings.HasPrefix(line, "..."); mark && (len(line) == 3 || strings.ContainsAny(line[3:4], " \t\r\n")) {
			docs = append(docs, document{text[start:offset], startLine})
			start, startLine = offset+3, number
		}
		offset += len(line)
	}
	return append(docs, document{text[start:], startLine})
}

// value is a document with what it holds as JSON.
type value struct {
	document
	raw []byte
}

// values returns what the document holds: nothing, if it is blank, or one value, or several,
// because JSON needs no marks between them. With an error come the values before it.
func (d document) values() ([]value, error) {
	if line := d.deeper(maxDepth); line > 0 {
		return nil, syntaxError{line, errTooDeep}
	}
	var notJSON error
	if utilyaml.IsJSONBuffer([]byte(d.text)) {
		values, err := d.jsonValues()
		if err == nil || len(values) > 0 {
			return values, err
		}
		notJSON = err
	}
	if before, _, inside := strings.Cut(strings.TrimPrefix(d.text, byteOrderMark), byteOrderMark); inside {
		return nil, syntaxError{1 + strings.Count(before, "\n"), errByteOrderMark}
	}
	var content any
	if err := d.unmarshal(&content); err != nil {
		if notJSON != nil && !d.isYAML() {
			return nil, notJSON
		}
		return nil, err
	}
	if err := d.rest(content); err != nil || content == nil {
		return nil, err
	}
	raw, err := json.Marshal(content)
	return []value{{d, raw}}, err
}

// unmarshal reads YAML, and fails if a key is there twice. A key that a merge key brings and that
// is written, too, is not: what comes later counts, as in kubectl (NewYAMLOrJSONDecoder@v0.37.2).
func (d document) unmarshal(content *any) error {
	err := utilyaml.UnmarshalStrict([]byte(d.text), content)
	if err == nil || !mergeKey.MatchString(d.text) {
		return err
	}
	// The parser takes these for keys that are there twice. As fields they are none, and what is
	// wrong besides still is, in the same lines.
	n := 0
	fields := mergeKey.ReplaceAllStringFunc(d.text, func(key string) string {
		n++
		return strings.Replace(key, "<<", "<<"+strconv.Itoa(n), 1)
	})
	var ignored any
	if err := utilyaml.UnmarshalStrict([]byte(fields), &ignored); err != nil {
		return err
	}
	return utilyaml.Unmarshal([]byte(d.text), content)
}

// rest returns an error if something follows the first node of a YAML document, which has
// the content. The parser stops behind that node and does not look at what follows.
func (d document) rest(content any) error {
	f := &finder{text: strings.TrimPrefix(d.text, byteOrderMark)}
	f.skipBlank()
	switch content.(type) {
	case map[string]any, []any:
		// Nothing is indented less than the first column: a block there ends with the text.
		if f.column() == 0 && strings.IndexByte("{[&!", f.peek()) < 0 {
			return nil
		}
	}
	// As the only item of a list, the node has to be followed by the end of the list.
	var ignored any
	err := utilyaml.Unmarshal([]byte("-\n "+indent.Replace(f.text)), &ignored)
	if err == nil {
		return nil
	}
	line := 1
	if at := yamlLine.FindStringSubmatch(withoutNoise(err.Error())); at != nil {
		// It counts from 0, and from the line of the dash.
		line, _ = strconv.Atoi(at[1])
	}
	return syntaxError{min(max(line, 1), d.lines()), errTrailing}
}

// errByteOrderMark is about a text that the parser misreads: behind a mark it takes the first
// character of a line for one.
var errByteOrderMark = errors.New(`has a byte order mark that is not at its beginning: remove it, or write it as "\uFEFF"`)

var errTrailing = errors.New("does not belong to what is before it: a document holds one object or list; put --- between two, and check the indentation")

// indent puts a space before every line but the first.
var indent = strings.NewReplacer("\r\n", "\r\n ", "\n", "\n ", "\r", "\r ", "\u0085", "\u0085 ", "\u2028", "\u2028 ", "\u2029", "\u2029 ")

// lines is the number of lines of the document, at least 1.
func (d document) lines() int { return 1 + strings.Count(strings.TrimRight(d.text, "\n"), "\n") }

// syntaxError is an error with its line in the document.
type syntaxError struct {
	line int
	error
}

func (d document) jsonValues() (values []value, err error) {
	decoder := json.NewDecoder(strings.NewReader(d.text))
	lines := &lineCounter{text: d.text}
	for {
		start := int(decoder.InputOffset())
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if err == io.EOF {
			return values, nil
		}
		if err != nil {
			// YAML allows comments behind a value.
			f := &finder{text: d.text, pos: start}
			if f.skipBlank(); f.pos == len(d.text) && len(values) > 0 {
				return values, nil
			}
			at := len(d.text)
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				at = min(at, int(syntax.Offset))
			}
			return values, syntaxError{lines.at(at), err}
		}
		source := document{d.text[start:decoder.InputOffset()], d.line + lines.at(start) - 1}
		values = append(values, value{source, raw})
	}
}

// lineCounter finds the lines of offsets that do not decrease, and reads the text once.
type lineCounter struct {
	text         string
	offset, line int // line counts from 0
	begin        int // of that line
}

// at returns the line of an offset, counted from 1.
func (c *lineCounter) at(offset int) int {
	read := c.text[c.offset:offset]
	if n := strings.Count(read, "\n"); n > 0 {
		c.line += n
		c.begin = c.offset + strings.LastIndexByte(read, '\n') + 1
	}
	c.offset = offset
	return 1 + c.line
}

// isYAML reports whether the text is YAML that only looks like JSON.
func (d document) isYAML() bool {
	var content any
	return utilyaml.Unmarshal([]byte(d.text), &content) == nil
}

var (
	mergeKey = regexp.MustCompile(`(?m)(^|[ \t{,])<<[ \t]*:`)
	yamlLine = regexp.MustCompile(`^line (\d+): `)
	// yamlParser matches errors of the YAML parser, whose lines count from 0. Those of its
	// scanner count from 1.
	yamlParser = regexp.MustCompile(`^did not find expected (node content|key|'-' indicator|',' or|<document start>)`)
)

// withoutNoise returns the text of an error of the YAML library without what all have in common.
func withoutNoise(text string) string {
	for _, noise := range []string{"error converting YAML to JSON: ", "yaml: ", "unmarshal errors:\n  "} {
		text = strings.TrimPrefix(text, noise)
	}
	return text
}

// syntax returns the errors of a document that does not parse, each with its line.
func (p place) syntax(err error) ErrorList {
	at := Position{File: p.file, Document: p.number}
	if syntax, ok := err.(syntaxError); ok {
		at.Line = p.document.line + syntax.line - 1
		return ErrorList{{at, syntax.error.Error()}}
	}
	text := withoutNoise(err.Error())
	var errs ErrorList
	first, lines := p.document.lineOf(""), p.document.lines()
	for detail := range strings.SplitSeq(text, "\n") {
		at, detail := at, strings.TrimSpace(detail)
		n := 0
		if m := yamlLine.FindStringSubmatch(detail); m != nil {
			n, _ = strconv.Atoi(m[1])
			detail = detail[len(m[0]):]
		}
		if yamlParser.MatchString(detail) {
			n++
		}
		// An error without a line is in the first one, or it is about the whole document.
		at.Line = first
		if n > 0 {
			at.Line = p.document.line + min(n, lines) - 1
		}
		errs = append(errs, &Error{at, detail})
	}
	return errs
}
