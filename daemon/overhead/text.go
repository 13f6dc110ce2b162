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

// String returns the DaemonSet and the answer, such as "kube-system/agent: should run, fits",
// "kube-system/agent: should run, its pod is there", "kube-system/agent: cannot tell, does not fit" or
// "kube-system/agent: does not run: untolerated taint".
func (n NodeDaemon) String() string {
	s := named(n.Name) + n.Verdict.String()
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

// named returns what begins the text about a DaemonSet, or nothing if its name is not known.
func named(name string) string {
	if name == "" {
		return ""
	}
	return name + ": "
}

// shownProblems is how many problems the text of a NodeOverhead lists.
const shownProblems = 10

// String returns Run, and Started, AtMost and Missing if they differ from it. Below them are the first
// ten reasons why something does not fit, with the DaemonSet. If several DaemonSets before one want
// the same port, it names the one that fits, or else the first:
//
//	should run 2 pods, cpu 100m, memory 4296Mi
//	at most 3 pods, cpu 200m, memory 4296Mi
//	missing 1 pod, memory 4Gi
//	team/cache: short of memory by 1224Mi
//	team/cache: port 9100/TCP is also that of kube-system/agent, which comes first
func (o NodeOverhead) String() string {
	lines := []string{"should run " + o.Run.String()}
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
			lines = append(lines, named(o.nameAt(daemon))+problem.String())
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
			if problems < shownProblems {
				c = o.decisive(i)
			}
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

// nameAt returns the name of the DaemonSet with the index, or the index if there is no such name.
func (o *NodeOverhead) nameAt(index int) string {
	if index >= 0 && index < len(o.Daemons) && o.Daemons[index].Name != "" {
		return o.Daemons[index].Name
	}
	return fmt.Sprintf("DaemonSet %d", index)
}

// decisive returns the i-th PortConflict, or a later one about the same port with a DaemonSet that
// fits.
func (o *NodeOverhead) decisive(i int) *PortConflict {
	first := &o.PortConflicts[i]
	for ; i < len(o.PortConflicts) && o.PortConflicts[i].Daemon == first.Daemon; i++ {
		c := &o.PortConflicts[i]
		if c.said() == first.said() && c.Other >= 0 && c.Other < len(o.Daemons) && o.Daemons[c.Other].Fits {
			return c
		}
	}
	return first
}

// saidConflict is what a line about a PortConflict says, apart from OtherName: it is said once for
// all of these.
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

// String returns Always, and Started and AtMost if they differ from it, such as
// "always 1 pod, cpu 100m; once started 2 pods, cpu 300m; at most 3 pods, cpu 350m".
func (o PoolOverhead) String() string {
	s := "always " + o.Always.String()
	if !o.Started.Equal(o.Always) {
		s += "; once started " + o.Started.String()
	}
	if !o.AtMost.Equal(o.Always) {
		s += "; at most " + o.AtMost.String()
	}
	return s
}
