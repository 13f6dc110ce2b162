package overhead

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pernode/daemonset/internal/demand"
)

// String returns how many DaemonSets there are, such as "2 DaemonSets".
func (d *Daemons) String() string { return count(len(d.List()), "DaemonSet", "DaemonSets") }

// String returns the DaemonSet, the requests in the order of their names, the ports, and the priority
// unless it is zero, such as
// "kube-system/agent: cpu 100m, memory 200Mi, port 9100/TCP, priority 2000001000". If the pods are
// refused, the first reason follows.
func (d Daemon) String() string {
	if d.DaemonSet == nil {
		return "no DaemonSet"
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(d.Requests)) {
		q := d.Requests[name]
		if !q.IsZero() {
			parts = append(parts, string(name)+" "+q.String())
		}
	}
	if len(parts) == 0 {
		parts = append(parts, "no requests")
	}
	for _, port := range d.HostPorts {
		parts = append(parts, "port "+port.String())
	}
	if d.Priority != 0 {
		parts = append(parts, "priority "+strconv.Itoa(int(d.Priority)))
	}
	s := nameOf(d.DaemonSet) + ": " + strings.Join(parts, ", ")
	if len(d.Refused) > 0 && d.Refused[0] != nil {
		s += "; refused: " + d.Refused[0].Error()
	}
	return s
}

// String returns the answer in a few words, such as "runs, fits", "runs, its pod is there",
// "cannot tell, does not fit" or "does not run: untolerated taint".
func (n NodeDaemon) String() string {
	s := n.Verdict.String()
	if n.Verdict == VerdictDoesNotRun {
		s += ": " + n.Decision.Reason.String()
	}
	if n.Present {
		s += ", its pod is there"
	}
	switch {
	case !n.mayRun():
	case !n.Fits:
		s += ", does not fit"
	case !n.Present:
		s += ", fits"
	}
	return s
}

// shownProblems is how many problems the text of a NodeOverhead lists.
const shownProblems = 10

// String returns Run, and Started, AtMost and Missing if they differ from it. Below them are the first
// ten reasons why something does not fit, with the index of the DaemonSet, the same words once:
//
//	runs 2 pods, cpu 100m, memory 4296Mi
//	at most 3 pods, cpu 200m, memory 4296Mi
//	missing 1 pod, memory 4Gi
//	DaemonSet 1: short of memory by 1224Mi
func (o NodeOverhead) String() string {
	lines := []string{"runs " + o.Run.String()}
	for _, sum := range []struct {
		what  string
		total Total
	}{{"once started ", o.Started}, {"at most ", o.AtMost}, {"missing ", o.Missing}} {
		if !sum.total.Equal(o.Run) {
			lines = append(lines, sum.what+sum.total.String())
		}
	}
	problems := 0
	add := func(daemon int, problem fmt.Stringer) {
		if problems++; problems <= shownProblems {
			lines = append(lines, fmt.Sprintf("DaemonSet %d: %v", daemon, problem))
		}
	}
	for i := range o.Shortages {
		add(o.Shortages[i].Daemon, &o.Shortages[i])
	}
	said := map[saidConflict]bool{}
	for i := range o.PortConflicts {
		c := &o.PortConflicts[i]
		if key := c.said(); !said[key] {
			said[key] = true
			add(c.Daemon, c)
		}
	}
	for i := range o.Mismatches {
		add(o.Mismatches[i].Daemon, &o.Mismatches[i])
	}
	if more := problems - shownProblems; more > 0 {
		lines = append(lines, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(lines, "\n")
}

// saidConflict is what a line about a PortConflict says. The text of two differs if they differ.
type saidConflict struct {
	daemon         int
	port           HostPort
	taken          bool // by the pod of this name
	namespace, pod string
}

func (c *PortConflict) said() saidConflict {
	key := saidConflict{daemon: c.Daemon, port: c.Port}
	if demand.Port(key.port).EveryAddress() {
		key.port.IP = ""
	}
	if c.Pod != nil {
		key.taken, key.namespace, key.pod = true, c.Pod.Namespace, c.Pod.Name
	}
	return key
}

// String returns the sums, such as "always 1 pod, cpu 100m; at most 2 pods, cpu 300m".
func (o PoolOverhead) String() string {
	if o.AtMost.Equal(o.Always) {
		return "always " + o.Always.String()
	}
	return "always " + o.Always.String() + "; at most " + o.AtMost.String()
}
