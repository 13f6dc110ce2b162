package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/pernode/daemonset/examples/internal/cli"
)

// verdict says whether the change may be merged.
func (c *change) verdict() string {
	if len(c.hurts) > 0 {
		return "would hurt: " + strings.Join(c.hurts, ", ")
	}
	return "well"
}

// details are the lines, without what could control a terminal or end a block of Markdown.
func (c *change) details() []string {
	var lines []string
	for line := range strings.SplitSeq(strings.Join(c.lines, "\n"), "\n") {
		lines = append(lines, cli.Printable(line))
	}
	return lines
}

// writeText prints the changes for a terminal.
func writeText(w io.Writer, changes []*change) {
	for _, c := range changes {
		fmt.Fprintf(w, "%s: %s\n  %s\n", c.name, c.verdict(), strings.Join(c.details(), "\n  "))
	}
	if len(changes) == 0 {
		fmt.Fprintln(w, "no DaemonSet changes")
	}
}

// writeMarkdown prints the changes for a comment on a pull request or the summary of a job.
func writeMarkdown(w io.Writer, changes []*change) {
	fmt.Fprint(w, "### DaemonSets\n\n")
	if len(changes) == 0 {
		fmt.Fprintln(w, "No change.")
		return
	}
	fmt.Fprint(w, "| | DaemonSet | verdict |\n|---|---|---|\n")
	for _, c := range changes {
		mark := ":white_check_mark:"
		if len(c.hurts) > 0 {
			mark = ":x:"
		}
		fmt.Fprintf(w, "| %s | %s | %s |\n", mark, c.name, c.verdict())
	}
	for _, c := range changes {
		fmt.Fprintf(w, "\n<details><summary>%s</summary>\n\n```text\n%s\n```\n\n</details>\n", c.name, strings.Join(c.details(), "\n"))
	}
}
