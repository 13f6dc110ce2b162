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
// elsewhere, what its controller would do now, its status and its rollout. -f may
// be repeated, "-" is standard input; files hold YAML or JSON, any number of
// documents, single objects or lists. A DaemonSet that is not on a cluster yet
// needs no more than what one would write by hand. -now sets the time of the
// answer, which is otherwise the present one.
//
// The files: load.go reads YAML, answer.go asks the library about it; cluster.go
// simulates a cluster and lesson.go plays on it.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, time.Now()))
}

// run is the command. It returns the exit status: 0, or 1 where the input is
// wrong, or 2 where the arguments are.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, now time.Time) int {
	fail := func(err error) int {
		fmt.Fprintln(stderr, "quickstart:", err)
		return 1
	}
	var files []string
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
		fmt.Fprintf(stderr, "quickstart: %s: a file goes behind -f\n", flags.Arg(0))
		return 2
	}

	out := bufio.NewWriter(stdout)
	if len(files) == 0 {
		if err := play(out); err != nil {
			return fail(err)
		}
		if err := out.Flush(); err != nil {
			return fail(err)
		}
		return 0
	}

	loaded, err := newObjects()
	if err != nil {
		return fail(err)
	}
	for _, file := range files {
		passedOver, err := readFile(loaded, file, stdin)
		if err != nil {
			return fail(err)
		}
		if len(passedOver) > 0 {
			fmt.Fprintf(stderr, "quickstart: %s: passed over %s\n", file, strings.Join(passedOver, ", "))
		}
	}
	status := 0
	for _, err := range answer(out, loaded, now) {
		status = fail(err)
	}
	if err := out.Flush(); err != nil {
		return fail(err)
	}
	return status
}

func readFile(loaded *objects, file string, stdin io.Reader) (passedOver []string, err error) {
	if file == "-" {
		return loaded.read("standard input", stdin)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return loaded.read(file, f)
}
