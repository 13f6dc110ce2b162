package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
)

// document is one document of a file.
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

// values returns what the document holds as JSON: nothing, if it is blank, or one
// value, or several, as JSON needs no marks between them. With an error come the
// values before it.
func (d document) values() ([][]byte, error) {
	if utilyaml.IsJSONBuffer([]byte(d.text)) {
		if values, err := d.jsonValues(); err == nil || !d.isYAML() {
			return values, err
		}
	}
	var value any
	if err := utilyaml.UnmarshalStrict([]byte(d.text), &value); err != nil {
		return nil, err
	}
	if value == nil {
		return nil, nil
	}
	raw, err := json.Marshal(value)
	return [][]byte{raw}, err
}

func (d document) jsonValues() (values [][]byte, err error) {
	decoder := json.NewDecoder(strings.NewReader(d.text))
	for {
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
			return values, fmt.Errorf("line %d: %w", 1+strings.Count(d.text[:at], "\n"), err)
		}
		values = append(values, raw)
	}
}

// isYAML tells whether the text is YAML that only looks like JSON.
func (d document) isYAML() bool {
	var value any
	return utilyaml.Unmarshal([]byte(d.text), &value) == nil
}

var (
	lineNumber = regexp.MustCompile(`\bline (\d+)`)
	flattened  = regexp.MustCompile(`(?m)^metadata:[ \t\r]*\n(name|namespace|labels|annotations):`)
)

// syntax makes one line of a syntax error, with the line number of the file
// instead of the document's.
func (d document) syntax(err error) string {
	text := err.Error()
	for _, noise := range []string{"error converting YAML to JSON: ", "yaml: ", "unmarshal errors:\n  "} {
		text = strings.TrimPrefix(text, noise)
	}
	text, _, _ = strings.Cut(text, "\n")
	return lineNumber.ReplaceAllStringFunc(text, func(match string) string {
		n, _ := strconv.Atoi(strings.TrimPrefix(match, "line "))
		return fmt.Sprintf("line %d", n+d.line-1)
	})
}

// hint points out a common cause of errors.
func (d document) hint() string {
	if flattened.MatchString(d.text) {
		return ` (what belongs under "metadata:" is not indented)`
	}
	return ""
}
