// Command premerge checks a change of DaemonSets before it is merged: what it changes, which
// nodes gain and lose pods, how the rollout ends, and what lint finds in it.
//
//	kubectl get nodes -o yaml >nodes.yaml
//	premerge -nodes nodes.yaml OLD.yaml NEW.yaml
//	git show origin/main:agent.yaml | premerge -nodes nodes.yaml -markdown - agent.yaml >>$GITHUB_STEP_SUMMARY
//
// OLD.yaml and NEW.yaml are the two versions of the manifests, in YAML or JSON. Other kinds of
// objects in them are passed over. One of the three files may be standard input. Try it:
//
//	cd examples/premerge/testdata && go run .. -nodes nodes.yaml old.yaml new.yaml
//
// The exit status is 0 if all is well; 2 if nodes would lose their pod, a rollout would stall,
// or lint finds an error that was not there before; and 1 if the input is wrong, with a line
// for each error on standard error. What the API server would refuse is such an error; the changes
// are printed all the same. go run makes every status but 0 a 1: build the command.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/examples/internal/cli"
	"github.com/pernode/daemonset/rollout/simulate"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the command. It returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("premerge", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: premerge [-markdown] -nodes FILE OLD NEW")
		flags.PrintDefaults()
	}
	nodes := flags.String("nodes", "", "the nodes of the cluster are in `FILE`; - is standard input")
	markdown := flags.Bool("markdown", false, "print Markdown, for a comment or a job summary")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 1
	case *nodes == "" || flags.NArg() != 2:
		flags.Usage()
		return 1
	}
	changes, err := check(*nodes, flags.Arg(0), flags.Arg(1), stdin)
	if err != nil && len(changes) == 0 {
		return wrong(err, stderr)
	}
	write := writeText
	if *markdown {
		fmt.Fprint(stdout, "### DaemonSets\n\n")
		write = writeMarkdown
	}
	if len(changes) == 0 {
		fmt.Fprintln(stdout, "no DaemonSet changes")
	}
	status := 0
	for _, c := range changes {
		write(stdout, c, cli.PrintableLines(c.String()))
		if !c.OK() {
			status = 2
		}
	}
	if err != nil {
		return wrong(err, stderr)
	}
	return status
}

// wrong prints what is wrong with the input, and returns the exit status.
func wrong(err error, stderr io.Writer) int {
	for _, err := range cli.Errors(err) {
		fmt.Fprintln(stderr, cli.Printable(err.Error()))
	}
	return 1
}

// check judges the DaemonSets that differ. Those that an API server would refuse are an error,
// which comes together with all changes.
func check(nodes, oldFile, newFile string, stdin io.Reader) ([]simulate.JudgedChange, error) {
	var facts, before, after manifest.Objects
	switch err := cmp.Or(
		cli.ReadFiles(&facts, []string{nodes}, stdin),
		cli.ReadFiles(&before, []string{oldFile}, stdin),
		cli.ReadFiles(&after, []string{newFile}, stdin),
	); {
	case err != nil:
		return nil, err
	case len(facts.Nodes) == 0:
		return nil, fmt.Errorf("%s: no nodes", nodes)
	case len(before.DaemonSets)+len(after.DaemonSets) == 0:
		return nil, errors.New("no DaemonSet in either version")
	}
	versions := simulate.Versions{Nodes: facts.Nodes, Old: before.DaemonSets, New: after.DaemonSets}
	changes, err := simulate.JudgeVersions(versions, simulate.Options{}, lint.Options{})
	if err != nil {
		return nil, err
	}
	var refused manifest.ErrorList
	for _, c := range changes {
		refused = append(refused, after.Locate(c.New, c.Judgment.Impact.Refused)...)
	}
	if len(refused) > 0 {
		return changes, refused
	}
	return changes, nil
}

// writeText prints a change for a terminal.
func writeText(w io.Writer, _ simulate.JudgedChange, lines []string) {
	fmt.Fprintln(w, strings.Join(lines, "\n  "))
}

// writeMarkdown prints a change for a comment on a pull request or the summary of a job.
func writeMarkdown(w io.Writer, c simulate.JudgedChange, lines []string) {
	mark := ":white_check_mark:"
	if !c.OK() {
		mark = ":x:"
	}
	fmt.Fprintf(w, "<details><summary>%s %s</summary>\n\n```text\n%s\n```\n\n</details>\n\n", mark, lines[0], strings.Join(lines[1:], "\n"))
}
