// Command premerge checks a change of DaemonSets before it is merged: what it changes, which
// nodes gain and lose pods, how the rollout ends, and what lint finds in it.
//
//	kubectl get nodes -o yaml >nodes.yaml
//	premerge -nodes nodes.yaml OLD.yaml NEW.yaml
//	premerge -markdown -nodes nodes.yaml OLD.yaml NEW.yaml >>$GITHUB_STEP_SUMMARY
//
// OLD.yaml and NEW.yaml are the two versions of the manifests. One of the three may be
// standard input, for instance the old version in a clone:
//
//	git show origin/main:agent.yaml | premerge -nodes nodes.yaml - agent.yaml
//
// Files hold YAML or JSON; other kinds of objects in them are passed over. Try it:
//
//	cd examples/premerge/testdata && go run .. -nodes nodes.yaml old.yaml new.yaml
//
// The exit status is 0 if all is well; 2 if nodes would lose their pod, a rollout would stall,
// or lint finds an error that was not there before; and 1 if the input is wrong, with a line
// for each error on standard error that has the file, the line and the field. go run makes
// every status but 0 a 1: build the command for a pipeline.
//
// check.go finds out what a change does, and report.go prints it.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/examples/internal/cli"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

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
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return 1
	}
	if *nodes == "" || flags.NArg() != 2 {
		flags.Usage()
		return 1
	}

	changes, err := checkFiles(*nodes, flags.Arg(0), flags.Arg(1), stdin)
	if err != nil {
		var list manifest.ErrorList
		if !errors.As(err, &list) {
			list = manifest.ErrorList{{Detail: err.Error()}}
		}
		for _, err := range list {
			fmt.Fprintln(stderr, cli.Printable(err.Error()))
		}
		return 1
	}
	if *markdown {
		writeMarkdown(stdout, changes)
	} else {
		writeText(stdout, changes)
	}
	if slices.ContainsFunc(changes, func(c *change) bool { return len(c.hurts) > 0 }) {
		return 2
	}
	return 0
}

// checkFiles reads the files and checks them.
func checkFiles(nodes, oldFile, newFile string, stdin io.Reader) ([]*change, error) {
	var cluster, before, after manifest.Objects
	if err := cli.ReadFiles(&cluster, []string{nodes}, stdin); err != nil {
		return nil, err
	}
	if len(cluster.Nodes) == 0 {
		return nil, fmt.Errorf("%s: no nodes", nodes)
	}
	if err := cli.ReadFiles(&before, []string{oldFile}, stdin); err != nil {
		return nil, err
	}
	if err := cli.ReadFiles(&after, []string{newFile}, stdin); err != nil {
		return nil, err
	}
	return check(cluster.Nodes, &before, &after)
}
