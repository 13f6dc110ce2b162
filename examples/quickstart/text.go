package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/pernode/daemonset/examples/internal/cli"
)

// width is where long lines are folded.
const width = 104

// labelled prints the lines of a text behind a label, which only the first line
// shows, and folds those that are too long.
func labelled(out io.Writer, label, text string) {
	const hang = "  "
	lead := fmt.Sprintf("    %-7s", label)
	blank := strings.Repeat(" ", len(lead))
	for line := range strings.Lines(text) {
		line = cli.Printable(strings.TrimSuffix(line, "\n"))
		for len(lead)+len(line) > width {
			at := strings.LastIndex(line[:width-len(lead)+1], " ")
			if at < 0 {
				at = strings.Index(line, " ")
			}
			if at < 0 {
				break // one long word
			}
			fmt.Fprintln(out, lead+line[:at])
			line, lead = line[at+1:], blank+hang
		}
		fmt.Fprintln(out, lead+line)
		lead = blank
	}
}
