package simulate

import (
	"strings"
	"time"
)

// Clause says in a few words how the rollout has ended and when, such as "complete after 34s",
// "stalled from the start" or "stalled without completing a node": the words that the first line of
// String begins with, unless the DaemonSet is ignored. Took is in whole seconds. A nil End is "no end".
func (e *End) Clause() string {
	if e == nil {
		return "no end"
	}
	whole := *e
	whole.Took = e.Took.Round(time.Second)
	clause, _, _ := strings.Cut(whole.firstLine(), " (")
	return clause
}
