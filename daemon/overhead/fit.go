package overhead

import (
	"cmp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/internal/demand"
)

// podThere is a pod on the node.
type podThere struct {
	pod    *corev1.Pod
	daemon int // -1: of no DaemonSet
}

// fit gives the pods room one by one, in the order that OnNode documents.
func (o *NodeOverhead) fit(d *Daemons) {
	s := &o.scratch
	limited := s.takeAllocatable(d)
	o.conflictsWithPods(d)
	for class := classPresent; class <= classUncertain; class++ {
		for i := range d.compiled {
			n := &o.Daemons[i]
			if n.mayRun() && classOf(n) == class {
				n.Fits = o.portsFree(d, i) && !s.blocked.has(i)
				if !n.Present && len(d.compiled[i].selector) > 0 && !o.selected(d, i) {
					n.Fits = false
				}
				if limited && !o.takeRoom(d, i) {
					n.Fits = false
				}
			}
		}
	}
	if limited {
		o.listShortages()
	}
	slices.SortFunc(o.PortConflicts, comparePortConflicts)
	slices.SortStableFunc(o.Mismatches, func(a, b Mismatch) int { return cmp.Compare(a.Daemon, b.Daemon) })
}

// selected reports whether the node selector of the RuntimeClass lets the pod onto the node, and
// otherwise notes what the node lacks. A label that is not known may come with the right value.
func (o *NodeOverhead) selected(d *Daemons, daemon int) bool {
	before := len(o.Mismatches)
	for _, e := range d.compiled[daemon].selector {
		if o.scratch.unknown.has(e.number) {
			continue
		}
		if value, ok := o.scratch.given.Labels[e.key]; !ok || value != e.value {
			o.Mismatches = append(o.Mismatches, Mismatch{Daemon: daemon, Label: e.key, Value: e.value})
		}
	}
	return len(o.Mismatches) == before
}

// listShortages lists the shortages by DaemonSet. Those of each class are so already.
func (o *NodeOverhead) listShortages() {
	rest := o.scratch.shortages
	for i := range o.Daemons {
		list := &rest[classOf(&o.Daemons[i])]
		for len(*list) > 0 && (*list)[0].Daemon == i {
			o.Shortages = append(o.Shortages, (*list)[0])
			*list = (*list)[1:]
		}
	}
}

// class is a step of the order in which pods get room.
type class int8

const (
	classPresent class = iota
	classCertain
	classUncertain

	classes = iota
)

func classOf(n *NodeDaemon) class {
	switch {
	case n.Present:
		return classPresent
	case n.Verdict == VerdictRuns:
		return classCertain
	default:
		return classUncertain
	}
}

// takeAllocatable works out what the pods on the node leave free. It reports false if the node
// has room for everything.
func (s *scratch) takeAllocatable(d *Daemons) bool {
	allocatable := demand.Allocatable(s.given)
	if len(allocatable) == 0 {
		return false
	}
	for class := range s.shortages {
		s.shortages[class] = s.shortages[class][:0]
	}
	s.free = zeroed(s.free, len(d.resources))
	for i, name := range d.resources {
		amount := int64(0)
		if quantity, ok := allocatable[name]; ok {
			amount = demand.Amount(name, quantity)
		}
		s.free[i] = demand.Plus(amount, -s.used[i])
	}
	s.freePods = demand.Plus(demand.Amount(corev1.ResourcePods, allocatable[corev1.ResourcePods]), -int64(len(s.pods)))
	return true
}

// takeRoom takes what is missing of a pod if the node has it, and otherwise notes what it lacks.
// A pod that does not fit because of a port takes nothing.
func (o *NodeOverhead) takeRoom(d *Daemons, daemon int) bool {
	s, n, c := &o.scratch, &o.Daemons[daemon], &d.compiled[daemon]
	shortages := &s.shortages[classOf(n)]
	before := len(*shortages)
	lacks := func(name corev1.ResourceName, missing, free int64) {
		*shortages = append(*shortages, Shortage{Daemon: daemon, Resource: name, Missing: missing, Free: max(0, free)})
	}
	for i := range c.needs {
		at := c.needs[i].resource
		if missing := s.missing(c, i); missing > 0 && missing > s.free[at] {
			lacks(d.resources[at], missing, s.free[at])
		}
	}
	if !n.Present && s.freePods < 1 {
		lacks(corev1.ResourcePods, 1, s.freePods)
		sortLast((*shortages)[before:])
	}
	if len(*shortages) > before || !n.Fits {
		return false
	}
	if !n.Present {
		s.freePods--
	}
	for i := range c.needs {
		at := c.needs[i].resource
		s.free[at] = demand.Plus(s.free[at], -s.missing(c, i))
	}
	return true
}

// conflictsWithPods finds the host ports that pods on the node have and other DaemonSets want.
func (o *NodeOverhead) conflictsWithPods(d *Daemons) {
	s := &o.scratch
	clear(s.blocked)
	s.held = s.held[:0]
	if len(d.byPort) == 0 {
		return
	}
	for _, there := range s.pods {
		s.ports = demand.AppendPorts(s.ports[:0], &there.pod.Spec)
		for _, p := range s.ports {
			if there.daemon >= 0 && len(d.compiled[there.daemon].conflicts) > 0 {
				s.held = append(s.held, portOf{there.daemon, HostPort(p)})
			}
			for _, want := range d.byPort[p.Number] {
				if want.daemon != there.daemon && o.Daemons[want.daemon].mayRun() && want.port.Conflicts(HostPort(p)) {
					s.blocked.set(want.daemon)
					o.PortConflicts = append(o.PortConflicts, PortConflict{Daemon: want.daemon, Other: there.daemon, OtherName: d.nameAt(there.daemon), Pod: there.pod, Port: want.port, OtherPort: HostPort(p)})
				}
			}
		}
	}
	slices.SortFunc(s.held, func(a, b portOf) int { return cmp.Compare(a.daemon, b.daemon) })
}

// holds reports whether a pod of the DaemonSet that is on the node has the port.
func (s *scratch) holds(daemon int, port HostPort) bool {
	at, _ := slices.BinarySearchFunc(s.held, daemon, func(p portOf, daemon int) int { return cmp.Compare(p.daemon, daemon) })
	for ; at < len(s.held) && s.held[at].daemon == daemon; at++ {
		held := s.held[at].port
		if held.Conflicts(port) && (held.IP == port.IP || demand.Port(held).EveryAddress()) {
			return true
		}
	}
	return false
}

// portsFree reports whether no DaemonSet that comes before has a host port of this one and
// fits. It notes the conflicts with those before.
func (o *NodeOverhead) portsFree(d *Daemons, daemon int) bool {
	n := &o.Daemons[daemon]
	free := true
	for _, c := range d.compiled[daemon].conflicts {
		other := &o.Daemons[c.other]
		if !other.mayRun() || !before(classOf(other), c.other, classOf(n), daemon) {
			continue
		}
		// A port that is taken already is one of conflictsWithPods.
		if n.Present && o.scratch.holds(daemon, c.own) || other.Present && o.scratch.holds(c.other, c.port) {
			continue
		}
		o.PortConflicts = append(o.PortConflicts, PortConflict{Daemon: daemon, Other: c.other, OtherName: other.Name, Port: c.own, OtherPort: c.port})
		if other.Fits {
			free = false
		}
	}
	return free
}

// before reports whether a DaemonSet gets room before another.
func before(class class, daemon int, otherClass class, other int) bool {
	return class < otherClass || class == otherClass && daemon < other
}

// sortLast puts the last shortage of a DaemonSet in its place by name. The others are in theirs.
func sortLast(list []Shortage) {
	for i := len(list) - 1; i > 0 && list[i].Resource < list[i-1].Resource; i-- {
		list[i], list[i-1] = list[i-1], list[i]
	}
}

func comparePortConflicts(a, b PortConflict) int {
	return cmp.Or(
		cmp.Compare(a.Daemon, b.Daemon),
		cmp.Compare(a.Other, b.Other),
		comparePods(a.Pod, b.Pod),
		comparePorts(a.Port, b.Port),
		comparePorts(a.OtherPort, b.OtherPort),
	)
}

// comparePods puts no pod first.
func comparePods(a, b *corev1.Pod) int {
	switch {
	case a == b:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}

func comparePorts(a, b HostPort) int {
	return cmp.Or(cmp.Compare(a.Number, b.Number), strings.Compare(string(a.Protocol), string(b.Protocol)), strings.Compare(a.IP, b.IP))
}
