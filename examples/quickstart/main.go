// Command quickstart shows what this library does, on the DaemonSet of a lesson
// or on your own cluster.
//
//	go run ./examples/quickstart
//
// plays the life of a DaemonSet on a small simulated cluster: the nodes, and why
// each does or does not run the pod; nodes and pods that come and go; a node
// selector, a toleration; and an update that rolls out step by step. The YAML it
// starts from is in the folder lesson.
//
//	kubectl get ds,nodes,pods,controllerrevisions -A -o yaml | go run ./examples/quickstart -f -
//
// says of every DaemonSet of the cluster how its rollout is: complete, progressing,
// stalled since when, waiting for whom, or disrupted: complete, and nodes that are not ready
// keep pods that are not available. Those that need attention come first. Below
// each verdict stand the pods that block it, with what the kubelet or the scheduler
// reports about them, the nodes that use the budget, what the controller would do next,
// what the rollout changes, pods that are where they should not be, and what package lint
// finds. Nodes that are as they should be are counted; -v lists them.
//
//	... | go run ./examples/quickstart -f - -f ds.yaml -set logging/agent
//
// A DaemonSet without uid is a manifest. Beside the stored DaemonSet of its name it is a
// proposal: the answer says what it would change, which nodes gain and lose the pod, and
// how the rollout would end, in a simulated cluster. An edited copy of the stored one, with
// its uid, is a proposal, too, if its file comes later. A proposal without the annotation of
// kubectl rollout restart keeps that of the stored template, as with kubectl apply. What an API
// server would refuse is not simulated. A manifest without a stored DaemonSet is a new one. Each
// manifest is simulated without the others; examples/premerge judges all changes together, and
// compares two versions of a manifest.
//
// -f may be repeated, and "-" is standard input. Files hold YAML or JSON, any number of
// documents, single objects or lists; package manifest reads them. -set restricts the
// answer to one NAME or NAMESPACE/NAME. -o json prints the same facts for programs, as
// the type report documents them. -now sets the time of the answer, which is otherwise
// the present one. Pass it the time of a saved dump; otherwise unfinished rollouts in it look
// stalled. Standard error says so if the input has a later time.
//
// The exit status is 0 if all is well; 2 if a rollout is or would be stalled, nodes would lose
// their pod, a node that is not ready keeps one, the controller seems to be down, or lint finds an
// error in a manifest; and 1 if the input or the arguments are wrong. If the input has manifests,
// only their DaemonSets count. What a manifest changes counts instead of the present rollout and of
// nodes that are not ready. With 2 the last lines say why, and in JSON the field because. What is
// wrong with a DaemonSet stands below its verdict, with the file, the line and the field. All other
// errors, and with -o json all errors, are lines on standard error.
//
// main.go has the arguments, answer.go finds what to answer for, verdict.go judges what
// is there, controller.go whether the controller works on it, time.go whether the input is
// newer than the answer, and proposal.go what would be; report.go has the facts of an answer,
// and text.go prints them; cluster.go has a simulated cluster, and lesson.go plays on it.
package main

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/pernode/daemonset/examples/internal/cli"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, time.Now()))
}

const usage = `Plays the life of a DaemonSet, or says how the DaemonSets of a cluster are.

    quickstart
    kubectl get ds,nodes,pods,controllerrevisions -A -o yaml | quickstart -f - [-f ds.yaml]

A manifest beside the stored DaemonSet of its name is a proposal. The exit status is 0 if
all is well; 2 if a rollout is or would be stalled, nodes would lose their pod, a node that
is not ready keeps one, the controller seems to be down, or lint finds an error in a
manifest; and 1 if the input or the arguments are wrong. If the input has manifests, only
their DaemonSets count. What a manifest changes counts instead of the present rollout and of
nodes that are not ready. With 2 the last lines say why, and in JSON the field because.

`

// The exit statuses besides 0.
const (
	statusWrong = 1
	statusBad   = 2
)

// run is the command. It returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, now time.Time) int {
	q := question{now: now}
	output := "text"
	var wrongTime error
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.Func("f", "answer for the DaemonSets in `FILE`; may be repeated, - is standard input", func(file string) error {
		q.files = append(q.files, file)
		return nil
	})
	flags.StringVar(&q.set, "set", "", "answer only for the DaemonSet of this `NAME` or NAMESPACE/NAME")
	flags.StringVar(&output, "o", output, "print `FORMAT`, text or json")
	flags.BoolVar(&q.verbose, "v", false, "list all nodes and all that lint finds, not only what needs attention")
	flags.Func("now", "the `TIME` of the answer, such as 2026-01-02T15:04:05Z (default: the present)", func(text string) error {
		at, err := cli.Time(text)
		q.now, wrongTime = at, cmp.Or(wrongTime, err) // package flag would print the usage behind it
		return nil
	})
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return statusWrong
	}
	wrong := ""
	flags.Visit(func(f *flag.Flag) {
		if f.Name != "f" && len(q.files) == 0 {
			wrong = "-" + f.Name + " requires -f: the lesson is always the same"
		}
	})
	switch {
	case flags.NArg() > 0:
		wrong = flags.Arg(0) + ": unexpected argument; use -f FILE"
	case output != "text" && output != "json":
		wrong = "-o " + output + ": want text or json"
	case wrong == "" && wrongTime != nil:
		wrong = wrongTime.Error()
	}
	if wrong != "" {
		fmt.Fprintln(stderr, "quickstart:", cli.Printable(wrong))
		return statusWrong
	}

	out := bufio.NewWriter(stdout)
	status := 0
	var errs []error
	if len(q.files) == 0 {
		errs = append(errs, play(out))
	} else {
		status, errs = answerFiles(out, stderr, stdin, q, output)
	}
	errs = append(errs, out.Flush())
	for _, err := range errs {
		if err != nil {
			fmt.Fprintln(stderr, "quickstart:", cli.Printable(err.Error()))
			status = statusWrong
		}
	}
	return status
}

// answerFiles prints the answer for the files, and on stderr what they hold besides.
func answerFiles(out, stderr io.Writer, stdin io.Reader, q question, output string) (status int, errs []error) {
	r := ask(q, stdin)
	for _, line := range slices.Concat(r.PassedOver, r.Notes) {
		fmt.Fprintln(stderr, "quickstart:", cli.Printable(line))
	}
	if output == "json" {
		encoder := json.NewEncoder(out)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "  ")
		errs = append(errs, encoder.Encode(r))
	} else {
		r.write(out)
	}
	if output == "json" || len(r.DaemonSets) == 0 { // the text has those of a DaemonSet
		for _, err := range r.Errors {
			errs = append(errs, err)
		}
	}
	return r.ExitStatus, errs
}
