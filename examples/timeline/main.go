// Command timeline draws a rollout as one SVG: nodes down, time across, what each
// node runs at each moment, and below it how many nodes have an available pod.
//
//	go run ./examples/timeline >rollout.svg
//	go run ./examples/timeline -max-surge 25% -by-zone -o rollout.svg
//
// plays the update of a built-in cluster: a DaemonSet on 12 nodes in 3 zones.
//
//	kubectl get ds,nodes,pods,controllerrevisions -n NAMESPACE -o yaml |
//		go run ./examples/timeline -f - -set NAMESPACE/NAME -image IMAGE >rollout.svg
//
// draws what is left of a rollout on your own cluster, or, with -image, the one
// that a new image would start. -f may be repeated and takes the files of the
// quickstart. With a manifest of the stored DaemonSet beside it, it draws the rollout
// of the manifest. How long pods take to get ready and to end is assumed: -ready-after
// and -termination say how long, and -never-ready names nodes on which they never do.
// What the objects say holds: on a node that is not ready nothing starts and nothing ends,
// a pod that has not been ready for long, for instance because its image cannot be pulled,
// stays so, and a pod that does not fit on its node is not bound. The rules are those of
// package simulate.
//
// Times in the picture count from the beginning of the rollout. If two pods are
// on a node at once, its row is split, the older pod above. Up to 40 nodes have a
// row with a name each; up to 160 a lower row without one; more are drawn as one
// area for each zone (or one for all, if there are none or more than eight),
// cut into 250 columns, of which each shows the average of its time. The curve of
// available nodes shows the lowest value of each column. So the file stays below a
// few hundred kilobytes regardless of the cluster.
//
// The exit status is 0 if the rollout is complete at the end of the picture, 2 if it is
// stalled, and 3 if it waits for somebody, for instance with OnDelete. Standard error then
// has the reason. It is 1 if the arguments or the input are wrong, or at rest so that there
// is nothing to draw.
//
// main.go has the arguments, plan.go makes a rollout of them, cluster.go is the
// built-in cluster, record.go follows the rollout, and picture.go lays it out:
// rows.go, areas.go and chart.go draw its parts, axis.go its times, and canvas.go
// writes SVG.
package main

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/examples/internal/cli"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr, time.Now()))
}

const usage = `Draws a rollout as one SVG: nodes down, time across, availability below.

    timeline [flags] >rollout.svg

Without -f it is the update of a built-in cluster of 12 nodes in 3 zones.

The exit status is 0 if the rollout is complete at the end of the picture, 2 if it is
stalled, and 3 if it waits for somebody, for instance with OnDelete. Standard error then
has the reason. It is 1 if the arguments or the input are wrong, or at rest so that there
is nothing to draw.

`

// The exit statuses besides 0.
const (
	statusWrong   = 1
	statusStalled = 2
	statusWaiting = 3
)

// statusOf returns the exit status for an end.
func statusOf(state simulate.EndState) int {
	switch state {
	case simulate.EndComplete:
		return 0
	case simulate.EndWaiting:
		return statusWaiting
	}
	return statusStalled
}

// run is the command. It returns the exit status.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer, now time.Time) int {
	p := &plan{now: now}
	output := ""
	var wrongTime error
	flags := flag.NewFlagSet("timeline", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	flags.Func("f", "draw the rollout of the cluster in `FILE`, as kubectl get ds,nodes,pods,controllerrevisions -o yaml prints it; may be repeated, - is standard input", func(file string) error {
		p.files = append(p.files, file)
		return nil
	})
	flags.StringVar(&p.set, "set", "", "draw the DaemonSet of this `NAME` or NAMESPACE/NAME, if there are several")
	flags.StringVar(&p.image, "image", "", "roll out this `IMAGE`, or CONTAINER=IMAGE")
	flags.Func("max-unavailable", "`NUMBER` of nodes, or percentage, in place of the strategy's budget", budget(&p.maxUnavailable))
	flags.Func("max-surge", "`NUMBER` of nodes, or percentage, in place of the strategy's budget", budget(&p.maxSurge))
	flags.BoolVar(&p.byZone, "by-zone", false, "one zone at a time")
	flags.Func("canary", "try it on this `NUMBER` of nodes, or percentage, first", budget(&p.canaries))
	flags.DurationVar(&p.canaryWait, "canary-wait", 30*time.Second, "how long the canaries have to be available before the others follow")
	flags.DurationVar(&p.readyAfter, "ready-after", simulate.DefaultReadyAfter, "how long pods take to get ready")
	flags.DurationVar(&p.termination, "termination", simulate.DefaultTerminatesAfter, "how long deleted pods take to end")
	flags.Func("never-ready", "pods never get ready on this `NODE`; may be repeated", func(node string) error {
		p.neverReady = append(p.neverReady, node)
		return nil
	})
	flags.Func("now", "the `TIME` at which the files are looked at, such as 2026-01-02T15:04:05Z (default: the present)", func(text string) error {
		at, err := cli.Time(text)
		p.now, wrongTime = at, cmp.Or(wrongTime, err) // package flag would print the usage behind it
		return nil
	})
	flags.StringVar(&output, "o", "", "write to `FILE` instead of standard output")
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return 0
	} else if err != nil {
		return statusWrong
	}
	given := map[string]bool{}
	flags.Visit(func(f *flag.Flag) { given[f.Name] = true })
	wrong := p.misuse(given, flags.Args())
	if wrong == "" && wrongTime != nil {
		wrong = wrongTime.Error()
	}
	if wrong != "" {
		fmt.Fprintln(stderr, "timeline:", cli.Printable(wrong))
		return statusWrong
	}

	svg, status, notes, err := draw(p, stdin)
	for _, note := range notes {
		fmt.Fprintln(stderr, "timeline:", cli.Printable(note))
	}
	if err == nil && output != "" {
		err = os.WriteFile(output, svg, 0o644)
	} else if err == nil {
		_, err = stdout.Write(svg)
	}
	if err != nil {
		fmt.Fprintln(stderr, "timeline:", cli.Printable(err.Error()))
		return statusWrong
	}
	return status
}

// budget reads a number or a percentage.
func budget(to **intstr.IntOrString) func(string) error {
	return func(text string) error {
		value := intstr.Parse(text)
		if n, err := intstr.GetScaledValueFromIntOrPercent(&value, 100, true); err != nil || n < 0 {
			return errors.New("want a number or a percentage, such as 1 or 25%")
		}
		*to = &value
		return nil
	}
}

// misuse says what is wrong with the arguments together, of which some flags are
// given; empty for nothing.
func (p *plan) misuse(given map[string]bool, rest []string) string {
	switch {
	case len(rest) > 0:
		return rest[0] + ": unexpected argument; use -f FILE"
	case given["set"] && !given["f"]:
		return "-set requires -f"
	case given["now"] && !given["f"]:
		return "-now requires -f: the built-in cluster has a clock of its own"
	case given["canary-wait"] && !given["canary"]:
		return "-canary-wait requires -canary"
	case p.readyAfter <= 0:
		return "-ready-after has to be above zero; -never-ready names nodes on which pods never are"
	case p.termination <= 0:
		return "-termination has to be above zero"
	}
	return ""
}

// draw plays the rollout and draws it. The status is that of its end. The notes say what was
// ignored or assumed, what keeps the rollout from being complete, and whether no node has a zone.
func draw(p *plan, stdin io.Reader) (svg []byte, status int, notes []string, err error) {
	in, notes, err := p.input(stdin)
	if err != nil {
		return nil, statusWrong, notes, err
	}
	opts, err := p.options(in.Nodes)
	if err != nil {
		return nil, statusWrong, notes, err
	}
	rec, err := record(in, opts)
	name := in.DaemonSet.Namespace + "/" + in.DaemonSet.Name
	switch {
	case err != nil:
		err = fmt.Errorf("%s: %w", name, err)
	case rec.desired == 0 && len(rec.rows) == 0:
		err = fmt.Errorf("%s: no node of the input runs it", name)
	case rec.still():
		err = fmt.Errorf("%s is at rest, nothing rolls out: all of its pods are available and of the current template; -image IMAGE draws an update", name)
	}
	if err != nil {
		return nil, statusWrong, notes, err
	}
	picture := newPicture(rec, in.DaemonSet.Name, p.strategy(in.DaemonSet))
	if !rec.complete() {
		for _, sentence := range picture.trouble() {
			notes = append(notes, name+": "+sentence)
		}
	}
	if domains := rec.end.Last.Policy.NoDomains; domains != nil {
		notes = append(notes, name+": "+rollout.PolicyStatus{NoDomains: domains}.String())
	}
	var out bytes.Buffer
	picture.draw(&out)
	return out.Bytes(), statusOf(rec.end.State), notes, nil
}
