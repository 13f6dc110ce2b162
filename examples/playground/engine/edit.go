package engine

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The edits below change the text as a person would: line by line, so that comments stay.

// newImage returns the manifest with another tag of the first image.
func (e *Engine) newImage(texts Texts) (Texts, error) {
	p, faults := read(texts, e.recording.at().applied)
	if len(faults) > 0 {
		return texts, errors.New("the texts have errors")
	}
	subject := e.subject(p)
	at := p.at(target(subject), "spec.template.spec.containers[0].image")
	text := texts.of(at.File)
	lines := strings.Split(*text, "\n")
	if at.Line < 1 || at.Line > len(lines) {
		return texts, errors.New("the first container has no image")
	}
	line := lines[at.Line-1]
	image := imageTag.FindStringSubmatchIndex(line)
	if image == nil {
		return texts, errors.New("the image of the first container has no tag in its line")
	}
	lines[at.Line-1] = line[:image[2]] + nextTag(line[image[2]:image[3]]) + line[image[3]:]
	*text = strings.Join(lines, "\n")
	return texts, nil
}

func (t *Texts) of(name string) *string {
	if name == clusterText {
		return &t.Cluster
	}
	return &t.Manifest
}

// imageTag finds the tag of an image: no port of a registry, and nothing before a digest.
var imageTag = regexp.MustCompile(`image["']?:\s*["']?[^\s"',}@]+:([\w.-]+)(?:[\s"',}]|$)`)

// nextTag returns the tag after a tag: its last number plus one.
func nextTag(tag string) string {
	digits := func(r byte) bool { return r >= '0' && r <= '9' }
	head, _, _ := strings.Cut(tag, "-")
	end := strings.LastIndexFunc(head, func(r rune) bool { return digits(byte(r)) }) + 1
	if end == 0 {
		return tag + "-next"
	}
	start := end
	for start > 0 && digits(tag[start-1]) {
		start--
	}
	n, err := strconv.Atoi(tag[start:end])
	if err != nil {
		return tag + "-next"
	}
	return tag[:start] + strconv.Itoa(n+1) + tag[end:]
}

// setBudget returns the manifest with a rolling update of this budget.
func (e *Engine) setBudget(texts Texts, unavailable, surge string) (Texts, error) {
	for _, field := range []struct{ name, value string }{{"maxUnavailable", unavailable}, {"maxSurge", surge}} {
		if _, ok, err := amount(field.name, field.value); err != nil {
			return texts, err
		} else if !ok {
			return texts, fmt.Errorf("%s: want a number or a percentage", field.name)
		}
	}
	p, faults := read(texts, e.recording.at().applied)
	if len(faults) > 0 {
		return texts, errors.New("the texts have errors")
	}
	subject := e.subject(p)
	at := p.at(target(subject), "spec.template")
	text := texts.of(at.File)
	lines := strings.Split(*text, "\n")
	if at.Line < 1 || at.Line > len(lines) || !strings.HasPrefix(strings.TrimSpace(lines[at.Line-1]), "template:") {
		return texts, errors.New("spec.template does not begin a line: write updateStrategy yourself")
	}
	indent := indentOf(lines[at.Line-1])
	block := []string{indent + "updateStrategy:", indent + "  type: RollingUpdate", indent + "  rollingUpdate:",
		indent + "    maxUnavailable: " + strings.TrimSpace(unavailable), indent + "    maxSurge: " + strings.TrimSpace(surge)}
	from, to := at.Line-1, at.Line-1
	if old := p.at(target(subject), "spec.updateStrategy"); old.Line > 0 && strings.HasSuffix(old.Field, "updateStrategy") &&
		strings.HasPrefix(lines[old.Line-1], indent+"updateStrategy:") {
		from = old.Line - 1
		for to = from + 1; to < len(lines) && (strings.TrimSpace(lines[to]) == "" || len(indentOf(lines[to])) > len(indent)); to++ {
		}
	}
	*text = strings.Join(slices.Concat(lines[:from], block, lines[to:]), "\n")
	return texts, nil
}

func indentOf(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " "))] }
