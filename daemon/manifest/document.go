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
	if utilyaml.IsJSONBuffer([]byte(d.text)) {
		if values, err := d.jsonValues(); err == nil || !d.isYAML() {
			return values, err
		}
	}
	var content any
	if err := utilyaml.UnmarshalStrict([]byte(d.text), &content); err != nil {
		return nil, err
	}
	if content == nil {
		return nil, nil
	}
	raw, err := json.Marshal(content)
	return []value{{d, raw}}, err
}

// syntaxError is an error of JSON with its line in the document.
type syntaxError struct {
	line int
	error
}

func (d document) jsonValues() (values []value, err error) {
	decoder := json.NewDecoder(strings.NewReader(d.text))
	lineAt := func(offset int) int { return 1 + strings.Count(d.text[:offset], "\n") }
	for {
		start := int(decoder.InputOffset())
		var raw json.RawMessage
		err := decoder.Decode(&raw)
		if err == io.EOF {
			return values, nil
		}
		if err != nil {
			at := len(d.text)
			var syntax *json.SyntaxError
			if errors.As(err, &syntax) {
				at = min(at, int(syntax.Offset))
			}
			return values, syntaxError{lineAt(at), err}
		}
		source := document{d.text[start:decoder.InputOffset()], d.line + lineAt(start) - 1}
		values = append(values, value{source, raw})
	}
}

// isYAML reports whether the text is YAML that only looks like JSON.
func (d document) isYAML() bool {
	var content any
	return utilyaml.Unmarshal([]byte(d.text), &content) == nil
}

var (
	yamlLine = regexp.MustCompile(`^line (\d+): `)
	// yamlParser matches errors of the YAML parser, whose lines count from 0. Those of its
	// scanner count from 1.
	yamlParser = regexp.MustCompile(`^did not find expected (node content|key|'-' indicator|',' or|<document start>)`)
)

// syntax returns the errors of a document that does not parse, each with its line.
func (p place) syntax(err error) ErrorList {
	at := Position{File: p.file, Document: p.number}
	if syntax, ok := err.(syntaxError); ok {
		at.Line = p.document.line + syntax.line - 1
		return ErrorList{{at, syntax.error.Error()}}
	}
	text := err.Error()
	for _, noise := range []string{"error converting YAML to JSON: ", "yaml: ", "unmarshal errors:\n  "} {
		text = strings.TrimPrefix(text, noise)
	}
	var errs ErrorList
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
		if n > 0 {
			at.Line = p.document.line + min(n-1, strings.Count(strings.TrimRight(p.document.text, "\n"), "\n"))
		}
		errs = append(errs, &Error{at, detail})
	}
	return errs
}
