package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/examples/internal/cli"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// shown is how long lists are at most.
const shown = 20

// write prints the report as text.
func (r *report) write(out io.Writer) {
	for i, a := range r.DaemonSets {
		if i > 0 && (a.long() || r.DaemonSets[i-1].long()) {
			fmt.Fprintln(out)
		}
		a.write(out)
	}
	if len(r.Because) > 0 {
		fmt.Fprintf(out, "\nexit status %d because of\n", r.ExitStatus)
		for _, c := range shorten(texts(r.Because)) {
			for _, line := range cli.Fold("    ", cli.Printable(c), "      ") {
				fmt.Fprintln(out, line)
			}
		}
	}
}

// String is the cause on one line.
func (c cause) String() string {
	return fmt.Sprintf("%s/%s: %s", c.Namespace, c.Name, strings.Join(c.Reasons, "; "))
}

// long reports whether there is more to say than the verdict.
func (a *answer) long() bool {
	return a.State != health.StateComplete.String() ||
		len(a.Stray)+len(a.Findings)+len(a.Notes)+len(a.NodeList) > 0 || a.Proposal != nil
}

func (a *answer) write(out io.Writer) {
	fmt.Fprintln(out, cli.Printable(fmt.Sprintf("%s/%s: %s", a.Namespace, a.Name, a.Verdict)))
	writeErrors(out, a.wrong)
	lines(out, "blocks", texts(a.Blockers))
	lines(out, "budget", a.Budget.texts())
	lines(out, "delete", texts(a.ToDelete))
	lines(out, "next", a.nextTexts())
	lines(out, "diff", a.Change.texts())
	lines(out, "stray", a.Stray)
	lines(out, "nodes", a.nodeTexts())
	lines(out, "lint", a.lintTexts())
	if a.Proposal != nil {
		a.Proposal.write(out, a.State == stateNew || a.State == stateRefused)
	}
	lines(out, "note", a.Notes)
}

// nodeTexts count the nodes, if there is a reason to. The verdict on a new DaemonSet has the
// number of those that run it.
func (a *answer) nodeTexts() []string {
	_, reasons, some := strings.Cut(a.Nodes, "; ")
	switch {
	case len(a.NodeList) > 0:
		return append([]string{a.Nodes}, a.NodeList...)
	case !some, a.State == health.StateComplete.String():
		return nil
	case a.State == stateNew:
		return []string{reasons}
	}
	return []string{a.Nodes}
}

// lintTexts are the findings. Warnings about a DaemonSet that is complete can wait: they are
// counted.
func (a *answer) lintTexts() []string {
	var list, codes []string
	for _, f := range a.Findings {
		if a.State == health.StateComplete.String() && len(a.NodeList) == 0 && !f.isError() {
			codes = append(codes, f.Code)
		} else {
			list = append(list, f.String())
		}
	}
	if len(codes) > 0 {
		list = append(list, fmt.Sprintf("%s: %s; -v says more", plural(len(codes), "warning"), strings.Join(slices.Compact(codes), ", ")))
	}
	return list
}

// write prints the proposal. alone says that its verdict is that of the answer.
func (p *proposal) write(out io.Writer, alone bool) {
	if !alone {
		lines(out, "apply", []string{fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.Verdict)})
	}
	writeErrors(out, p.Refused)
	if !alone {
		lines(out, "diff", p.Fields)
		lines(out, "gains", texts(p.Gains))
		lines(out, "loses", texts(p.Loses))
		lines(out, "keeps", texts(p.Keeps))
	}
	if p.End != nil {
		lines(out, "blocks", texts(p.End.Blockers))
		lines(out, "budget", p.End.Budget.texts())
		lines(out, "end", []string{p.End.text(alone)})
		if nodes := p.End.MayPreempt; len(nodes) > 0 {
			lines(out, "note", []string{"not simulated: whether the scheduler ends pods of lower priorities to make room on " + cli.Enumerate(nodes)})
		}
	}
	lines(out, "lint", texts(p.Findings))
}

// writeErrors prints what is wrong, all of it.
func writeErrors(out io.Writer, errs []*manifest.Error) {
	for i, err := range errs {
		label := "wrong"
		if i > 0 {
			label = ""
		}
		labelled(out, label, cli.Printable(err.Error()))
	}
}

// texts are the fields that change, or say that none does: the bytes of a revision count.
func (c *change) texts() []string {
	if c == nil {
		return nil
	}
	head := fmt.Sprintf("revision %d to %d: ", c.From, c.To)
	switch len(c.Fields) {
	case 0:
		return []string{fmt.Sprintf("revision %d means the same as the template but is encoded differently: its pods count as outdated", c.From)}
	case 1:
		return []string{head + c.Fields[0]}
	}
	return append([]string{head}, c.Fields...)
}

// nextTexts are what the next pass writes.
func (a *answer) nextTexts() []string {
	list := texts(a.Deletes)
	for i := range list {
		list[i] = "delete " + list[i]
	}
	if n := len(a.Creates); n > 0 {
		list = append(list, fmt.Sprintf("create %s on %s", plural(n, "pod"), cli.Enumerate(a.Creates)))
	}
	return list
}

// String is the problem on one line, with what its text leaves out.
func (b blocker) String() string {
	text := b.Node + ": "
	if b.Pod != "" {
		text += b.Pod + ": "
	}
	text += b.Text
	if b.Container != "" && !strings.Contains(b.Text, "container "+b.Container) {
		text += "; container " + b.Container
	}
	if !b.Since.IsZero() && !strings.Contains(b.Text, "since") {
		text = podstatus.Clause(text) + "; since " + b.Since.Format(time.RFC3339)
	}
	if message := strings.Join(strings.Fields(b.Message), " "); message != "" && !strings.Contains(b.Text, message) {
		const most = 240
		if runes := []rune(message); len(runes) > most {
			message = string(runes[:most]) + "..."
		}
		text += "; " + message
	}
	return b.sinceStart(text)
}

// sinceStart writes the times of a simulated problem as times since the start, as those of its end.
func (b blocker) sinceStart(text string) string {
	for _, at := range []time.Time{b.Since, b.Until} {
		if !b.start.IsZero() && !at.Before(b.start) {
			text = strings.ReplaceAll(text, at.Format(time.RFC3339), fmt.Sprintf("%v after the start", at.Sub(b.start).Round(time.Second)))
		}
	}
	return text
}

func (b *budget) texts() []string {
	if b == nil {
		return nil
	}
	var users []string
	for _, user := range b.Users {
		users = append(users, fmt.Sprintf("%s (%s)", user.Node, user.Reason))
	}
	if len(users) == 0 {
		return []string{fmt.Sprintf("%s is %d", b.Kind, b.Limit)}
	}
	return []string{fmt.Sprintf("%s %d is used by %s", b.Kind, b.Limit, cli.Enumerate(users))}
}

func (p podOnNode) String() string {
	text := p.Pod
	if p.Node != "" {
		text += " on " + p.Node
	}
	if p.Reason != "" {
		text += ": " + p.Reason
	}
	return text
}

func (n nodeEffect) String() string { return n.Node + ": " + n.Why }

// text says what the end in the verdict depends on. A new DaemonSet has no pods to lose. It is empty
// if there is nothing to add: the controller does nothing, the verdict says already that a new
// DaemonSet runs nowhere, or the pods that are left are on nodes that should have none.
func (e *end) text(isNew bool) string {
	switch {
	case e.State == simulate.EndIgnored.String(), isNew && e.Desired == 0:
		return ""
	case e.RunsNowhere:
		return "it runs on no node"
	case e.Desired == 0:
		return ""
	case e.idle && !isNew:
		return fmt.Sprintf("%d of %s available", e.LowestAvailable, plural(e.Desired, "node"))
	}
	text := "if "
	if len(e.Assumptions) > 0 {
		text += cli.Enumerate(e.Assumptions) + ", and "
	}
	text += fmt.Sprintf("pods are ready %v after their start and gone %v after their deletion", simulate.DefaultReadyAfter, simulate.DefaultTerminatesAfter)
	if isNew {
		return text
	}
	return fmt.Sprintf("%d of %s available at the worst moment, %s", e.LowestAvailable, plural(e.Desired, "node"), text)
}

func (f finding) isError() bool { return f.Severity == lint.SeverityError.String() }

func (f finding) String() string {
	text := f.Severity + " " + f.Code
	if f.Field != "" {
		text += " at " + f.Field
	}
	text += ": " + f.Message
	if f.Fix != "" {
		text += " " + f.Fix
	}
	return text
}

func texts[T fmt.Stringer](list []T) (lines []string) {
	for _, entry := range list {
		lines = append(lines, entry.String())
	}
	return lines
}

// lines prints a list, if not all of it; nothing, if it is empty.
func lines(out io.Writer, label string, list []string) {
	labelled(out, label, strings.Join(shorten(list), "\n"))
}

// shorten leaves out the end of a list that is too long, and says so.
func shorten(list []string) []string {
	if more := len(list) - shown; more > 1 {
		return append(slices.Clone(list[:shown]), fmt.Sprintf("and %d more", more))
	}
	return list
}

// labelled prints the lines of a text behind a label, which only the first line
// shows, and folds those that are too long.
func labelled(out io.Writer, label, text string) {
	const hang = "  "
	lead := fmt.Sprintf("    %-7s", label)
	blank := strings.Repeat(" ", len(lead))
	for line := range strings.Lines(text) {
		line = cli.Printable(strings.TrimSuffix(line, "\n"))
		for _, folded := range cli.Fold(lead, line, blank+hang) {
			fmt.Fprintln(out, folded)
		}
		lead = blank
	}
}
