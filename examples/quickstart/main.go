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
//	kubectl get ds,nodes,pods,controllerrevisions -o yaml | go run ./examples/quickstart -f -
//
// answers for every DaemonSet in the input: where it runs and why it does not run
// elsewhere, what its controller would do now, why nodes count as they do, and how
// far its rollout is. With -A kubectl gets all namespaces. -f may be repeated, "-"
// is standard input; files hold YAML or JSON, any number of documents, single
// objects or lists. -now sets the time of the answer, which is otherwise the
// present one.
//
// A DaemonSet without uid is a manifest: it needs no more than one would write by
// hand, a field that does not exist is an error, and beside the pods of a live
// DaemonSet of its name it answers what applying it would do. One with uid comes
// from a server, and fields that this program does not know are passed over. If the
// input has both, they are one DaemonSet and a proposal: the answer for the stored
// one ends with what the manifest would change.
//
// The exit status is 1 if the input is wrong, with one line on standard error
// that names the file, the document and the field, and 2 if the arguments are.
//
// main.go has the arguments, package manifest reads YAML, answer.go asks the library
// about it; cluster.go has a simulated cluster and lesson.go plays on it.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/examples/internal/cli"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, time.Now()))
}

// run is the command. It returns the exit status: 0, or 1 if the input is
// wrong, or 2 if the arguments are.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, now time.Time) int {
	var files []string
	start := now
	flags := flag.NewFlagSet("quickstart", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Func("f", "answer for the DaemonSets in `FILE`; may be repeated, - is standard input", func(file string) error {
		files = append(files, file)
		return nil
	})
	flags.Func("now", "the `TIME` of the answer, such as 2026-01-02T15:04:05Z (default: the present)", func(text string) (err error) {
		now, err = time.Parse(time.RFC3339, text)
		return err
	})
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "quickstart: %s: unexpected argument; use -f FILE\n", flags.Arg(0))
		return 2
	case len(files) == 0 && !now.Equal(start):
		fmt.Fprintln(stderr, "quickstart: -now requires -f: the lesson has a clock of its own")
		return 2
	}

	out := bufio.NewWriter(stdout)
	var errs []error
	if len(files) == 0 {
		errs = append(errs, play(out))
	} else {
		errs = answerFiles(out, stderr, stdin, files, now)
	}
	errs = append(errs, out.Flush())
	status := 0
	for _, err := range errs {
		if err != nil {
			fmt.Fprintln(stderr, "quickstart:", cli.Printable(err.Error()))
			status = 1
		}
	}
	return status
}

// answerFiles answers for the DaemonSets in the files; notes say what of them did
// not matter.
func answerFiles(out, notes io.Writer, stdin io.Reader, files []string, now time.Time) []error {
	var objects manifest.Objects
	if err := cli.ReadFiles(&objects, files, stdin); err != nil {
		return []error{err}
	}
	for _, line := range cli.PassedOver(&objects) {
		fmt.Fprintln(notes, "quickstart:", cli.Printable(line))
	}
	return answer(out, &objects, now)
}
