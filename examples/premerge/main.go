// Command premerge checks a change of DaemonSets before it is merged: what it changes, which
// nodes gain and lose pods, how the rollout ends, and what lint finds in it.
//
//	kubectl get nodes -o yaml >nodes.yaml
//	premerge -nodes nodes.yaml OLD NEW
//
// OLD and NEW are the two versions of the manifests: a file in YAML or JSON each, or a folder, of which
// the .yaml, .yml and .json files count, also those in folders below it, but nothing whose name begins
// with a dot. Other kinds of objects in them are passed over. One of the three arguments may be standard
// input. The version of a file or folder that the change adds or deletes is /dev/null. A version that is
// empty is an error, because a command that fails prints nothing: a file, also one of a folder, with
// nothing in it, and a folder without such files. The README shows how a job tells a file that does not
// exist from a command that fails. One of the two needs a DaemonSet. Try it:
//
//	cd examples/premerge/testdata && go run .. -nodes nodes.yaml old.yaml new.yaml
//
// The exit status is 0 if all is well or allowed; 2 if nodes would lose their pod, a rollout would
// stall, or lint finds an error that was not there before; and 1 if the input is wrong, or the API
// server would refuse it, which -allow does not accept. What it refuses stands below the DaemonSet, with
// the file and the line. All other errors, and with -markdown all errors, are on standard error; the
// Markdown has them all. go run makes every status but 0 a 1: build the command.
//
// Of the pod's spec it checks requests, limits and overhead, host ports that are there twice, the node
// selector, required node affinity, tolerations, restartPolicy and activeDeadlineSeconds. What else the
// API server would refuse, such as a container without an image, and what its admission plugins and
// webhooks say, only kubectl apply --dry-run=server finds. All changes are judged together, as one
// merge makes them. The times assume that a pod is ready 10s after its start and gone 2s after its
// deletion, or after its grace period if that is shorter; probes and the sizes of images are not
// looked at.
//
// -allow accepts risks that are meant, in all DaemonSets: pods-lost for an intended removal, for
// instance, or a code of lint. The last lines about a DaemonSet, unless it is refused, have the words
// of its risks: those that are allowed, and those that are not.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/examples/internal/cli"
	"github.com/pernode/daemonset/internal/spelling"
	"github.com/pernode/daemonset/rollout/simulate"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the command. It returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("premerge", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	nodes := flags.String("nodes", "", "the nodes of the cluster are in `FILE`; - is standard input")
	markdown := flags.Bool("markdown", false, "print Markdown, for a comment or a job summary")
	var allowed risks
	var wrongWord error // package flag would print the usage behind it
	flags.Func("allow", "accept these `RISKS`, with commas between them: "+strings.Join(riskWords(), ", ")+`, or codes of lint such as SurgeHostPort; "" accepts none`, func(text string) error {
		wrongWord = cmp.Or(wrongWord, allowed.add(text))
		return nil
	})
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 1
	}
	var changes []change
	var err error
	wrong := wrongArguments(flags)
	switch {
	case wrongWord != nil:
		err = fmt.Errorf("-allow: %w", wrongWord)
	case wrong != nil:
		err = wrong
	default:
		changes, err = check(*nodes, flags.Arg(0), flags.Arg(1), stdin)
	}
	write := writeText
	if *markdown {
		fmt.Fprint(stdout, "### DaemonSets\n\n")
		write = writeMarkdown
	}
	if len(changes) == 0 && err == nil {
		fmt.Fprintln(stdout, "no DaemonSet changes")
	}
	status := 0
	for _, c := range changes {
		v := c.verdict(allowed)
		write(stdout, v)
		if v.hurts {
			status = 2
		}
	}
	for _, c := range changes {
		if len(c.refused) > 0 {
			status = 1
			if *markdown { // The report is elsewhere.
				writeErrors(stderr, c.refused)
			}
		}
	}
	if err != nil {
		status = 1
		lines := writeErrors(stderr, cli.Errors(err))
		if *markdown {
			fmt.Fprintf(stdout, ":x: the input is wrong\n\n```text\n%s\n```\n", strings.Join(lines, "\n"))
		}
		if wrongWord == nil && wrong != nil {
			flags.Usage()
		}
	}
	return status
}

// wrongArguments says what the arguments lack; nil: nothing. Package flag takes a flag behind a file
// for a file.
func wrongArguments(flags *flag.FlagSet) error {
	for _, arg := range flags.Args() {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && flags.Lookup(name) != nil {
			return fmt.Errorf("-%s: flags stand before the files", name)
		}
	}
	var noNodes, files error
	if flags.Lookup("nodes").Value.String() == "" {
		noNodes = errors.New("-nodes FILE is missing: it has the nodes of the cluster")
	}
	if n := flags.NArg(); n != 2 {
		files = fmt.Errorf("want two files or folders, OLD and NEW, after the flags, not %d", n)
	}
	return errors.Join(noNodes, files)
}

const usage = `usage: premerge [-markdown] [-allow RISKS] -nodes FILE OLD NEW

Says what a change of DaemonSets does to a cluster. OLD and NEW are files, or folders with .yaml,
.yml and .json files. The version of a file or folder that the change adds or deletes is /dev/null;
an empty version is an error, because a command that fails prints nothing. One of the two needs a
DaemonSet.

The exit status is 0 if all is well or allowed; 2 if nodes would lose their pod, a rollout
would stall, or lint finds an error that was not there before; and 1 if the input is wrong,
or the API server would refuse it, which -allow does not accept.

Of the pod's spec it checks requests, limits and overhead, host ports that are there twice, the
node selector, required node affinity, tolerations, restartPolicy and activeDeadlineSeconds.
What else the API server would refuse, such as a container without an image, and what its
admission plugins and webhooks say, only kubectl apply --dry-run=server finds. All changes are
judged together, as one merge makes them. The times assume that a pod is ready 10s after its
start and gone 2s after its deletion, or after its grace period if that is shorter; probes and
the sizes of images are not looked at.

`

// risks are words for risks that are accepted.
type risks map[string]bool

// wordOf is the kind of a risk in a word, or the code of lint.
func wordOf(r simulate.Risk) string {
	if r.Kind == simulate.RiskLint {
		return string(r.Code)
	}
	return strings.ReplaceAll(r.Kind.String(), " ", "-")
}

// riskWords are the words besides the codes of lint. Nobody can accept what is refused, and without
// a policy there is no canary.
func riskWords() []string {
	var words []string
	for _, kind := range []simulate.RiskKind{simulate.RiskPodsLost, simulate.RiskStalled} {
		words = append(words, wordOf(simulate.Risk{Kind: kind}))
	}
	return words
}

// add reads words with commas between them, and blanks around them.
func (r *risks) add(text string) error {
	words := riskWords()
	for _, code := range lint.Codes() {
		words = append(words, string(code))
	}
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		switch meant := spelling.Meant(word, words); {
		case slices.Contains(words, word):
		case word == wordOf(simulate.Risk{Kind: simulate.RiskRefused}):
			return fmt.Errorf("%q: a refusal cannot be allowed: the API server would not store the DaemonSet", word)
		case meant != "":
			return fmt.Errorf("%q: did you mean %s?", word, meant)
		default:
			return fmt.Errorf("%q: want one of %s", word, strings.Join(words, ", "))
		}
		if *r == nil {
			*r = risks{}
		}
		(*r)[word] = true
	}
	return nil
}

// divide returns the words of the risks that are accepted, and of those that are not.
func (r risks) divide(list []simulate.Risk) (accepted, left []string) {
	for _, risk := range list {
		if word := wordOf(risk); r[word] {
			accepted = append(accepted, word)
		} else {
			left = append(left, word)
		}
	}
	return accepted, left
}

// check judges the DaemonSets that differ.
func check(nodes, oldVersion, newVersion string, stdin io.Reader) ([]change, error) {
	files := []string{nodes, oldVersion, newVersion}
	if i := slices.Index(files, "-"); i >= 0 && slices.Contains(files[i+1:], "-") {
		return nil, errors.New("-: standard input can be only one of the three files")
	}
	var facts, before, after manifest.Objects
	noNodes := cli.ReadFiles(&facts, []string{nodes}, stdin)
	if errors.Is(noNodes, manifest.ErrEmpty) {
		// Not wrapped: cli.Errors would take the list out of it, without these words.
		noNodes = fmt.Errorf("%v: want what kubectl get nodes -o yaml prints", noNodes)
	}
	switch err := cmp.Or(
		noNodes,
		cli.ReadVersion(&before, oldVersion, stdin),
		cli.ReadVersion(&after, newVersion, stdin),
	); {
	case err != nil:
		return nil, err
	case len(facts.Nodes) == 0:
		return nil, fmt.Errorf("%s: no nodes", nodes)
	case len(before.DaemonSets)+len(after.DaemonSets) == 0:
		return nil, errors.New("no DaemonSet in either version")
	}
	versions := simulate.Versions{Nodes: facts.Nodes, Old: before.DaemonSets, New: after.DaemonSets}
	judged, err := simulate.JudgeVersions(versions, simulate.Options{}, lint.Options{})
	if err != nil {
		return nil, err
	}
	var changes []change
	for _, c := range judged {
		changes = append(changes, change{c, after.Locate(c.New, c.Judgment.Impact.Refused)})
	}
	return changes, nil
}

// change is a DaemonSet that differs. refused says why the API server refuses it, and where.
type change struct {
	simulate.JudgedChange
	refused manifest.ErrorList
}

// verdict is what is printed of a change: the lines of its judgment, and a mark for them. hurts says
// that not all of its risks are allowed.
type verdict struct {
	lines []string
	mark  string
	hurts bool
}

// verdict says what is to be printed if some risks are allowed.
func (c change) verdict(allowed risks) verdict {
	v := verdict{mark: ":white_check_mark:"}
	accepted, left := allowed.divide(c.Judgment.Risks)
	for _, line := range cli.PrintableLines(c.String()) {
		if !strings.HasPrefix(line, "refused: ") { // They follow with their places.
			v.lines = append(v.lines, line)
		}
	}
	if len(c.refused) > 0 {
		v.mark = ":x:"
		var lines []string
		for _, err := range c.refused {
			lines = append(lines, "refused: "+cli.Printable(err.Error()))
		}
		v.lines = slices.Insert(v.lines, 1, lines...)
		return v
	}
	switch {
	case c.OK():
	case len(left) == 0:
		v.lines[0] += " (allowed)"
		v.mark = ":warning:"
	default:
		v.mark, v.hurts = ":x:", true
	}
	if len(accepted) > 0 {
		v.lines = append(v.lines, "allowed: "+strings.Join(accepted, ", "))
	}
	if len(left) > 0 {
		v.lines = append(v.lines, "not allowed: "+strings.Join(left, ", "))
	}
	return v
}

// writeErrors prints errors for a terminal, and returns them line by line.
func writeErrors(w io.Writer, errs manifest.ErrorList) []string {
	var lines []string
	for _, err := range errs {
		line := cli.Printable(err.Error())
		for _, folded := range cli.Fold("", line, "    ") {
			fmt.Fprintln(w, folded)
		}
		lines = append(lines, line)
	}
	return lines
}

// writeText prints a change for a terminal.
func writeText(w io.Writer, v verdict) {
	for i, line := range v.lines {
		text := strings.TrimLeft(line, " ")
		lead := strings.Repeat(" ", len(line)-len(text))
		if i > 0 {
			lead += "  "
		}
		for _, folded := range cli.Fold(lead, text, lead+"    ") {
			fmt.Fprintln(w, folded)
		}
	}
}

// writeMarkdown prints a change for a comment on a pull request or the summary of a job.
func writeMarkdown(w io.Writer, v verdict) {
	fmt.Fprintf(w, "<details><summary>%s %s</summary>\n\n```text\n%s\n```\n\n</details>\n\n", v.mark, v.lines[0], strings.Join(v.lines[1:], "\n"))
}
