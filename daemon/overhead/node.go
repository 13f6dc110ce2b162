package overhead

import (
	"cmp"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/demand"
	"github.com/pernode/daemonset/internal/owner"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/placement"
)

// Input is a node, or the template of a node that does not exist yet, and what is not known
// about it.
type Input struct {
	// Node is the node, or its template. It must not be nil. Its taints are taken as
	// they are: one with an effect that does not exist, which no API server stores, keeps no pod
	// away, as in the controller. It needs a name unless
	// NameUnknown is set and there are no Pods.
	Node *corev1.Node
	// Pods are the pods on the node. Those that are not bound to it (spec.nodeName is not the
	// name of Node) or that have finished take nothing of it and are ignored. To pass a pod of
	// Daemons.Pod or of a template's static pods, set its spec.nodeName, also if NameUnknown is
	// set. Nil for a node that runs nothing yet.
	Pods []*corev1.Pod

	// StartupTaints are taints that the node has at first and loses later. Each may be on the
	// node already or be missing in Node; key and effect say which it is. An empty effect means
	// every taint of that key on the node. If the node has no taint of that key, it means one with
	// NoSchedule and one with NoExecute. One that is listed twice counts once. A DaemonSet that
	// does not tolerate one of them gets VerdictCannotTell and is in AtMost only, although it
	// runs after start-up: the sum for the node after start-up is Started.
	StartupTaints []corev1.Taint
	// LateLabels are keys of labels that come late, such as those of a cloud provider. Each may
	// be missing or have any valid value; what Node says about it does not count.
	LateLabels []string
	// NameUnknown says that the name of Node is made up. The label kubernetes.io/hostname then
	// is one of LateLabels.
	NameUnknown bool
}

// NodeOverhead is what the DaemonSets take of one node. OnNode fills it in and reuses its
// memory. A copy of it shares that memory: Clone what you keep beyond the next call.
type NodeOverhead struct {
	// Daemons says for each DaemonSet whether it runs, in the order of Daemons.List.
	Daemons []NodeDaemon

	// Run is the sum of the DaemonSets that run on the node, whether they fit or not. If there are
	// startup taints, reserve Started instead. AtMost also has those of which OnNode cannot tell
	// whether they do. It is a bound: two of them may need different names, or values of a label,
	// so that no node runs both.
	Run, AtMost Total
	// Started is the sum of the DaemonSets that run on the node once it has lost its startup
	// taints, in every state that the late labels and the name may be in. It is Run if there are
	// no startup taints.
	Started Total
	// Missing is what Run will still take of the node, given the pods that are there: for each
	// DaemonSet and resource what a new pod requests above what its pods there do, and never
	// less than zero. Its number of pods is that of the DaemonSets without a pod there.
	// MissingAtMost is the same for AtMost.
	Missing, MissingAtMost Total

	// Shortages are the resources of which the node has too little, by DaemonSet, then by name.
	Shortages []Shortage
	// PortConflicts are the host ports that more than one pod wants, by DaemonSet, then by other
	// DaemonSet, then by pod, then by port. Each is listed once.
	PortConflicts []PortConflict
	// Mismatches are the labels that RuntimeClasses ask for and the node does not have, by
	// DaemonSet, then by key. The DaemonSet controller creates the pods all the same, and the
	// scheduler leaves them pending.
	Mismatches []Mismatch

	scratch scratch
}

// NodeDaemon says whether one DaemonSet runs on a node.
type NodeDaemon struct {
	// Name is the DaemonSet as "namespace/name", or its name if it has no namespace.
	Name string
	// Verdict is the answer.
	Verdict Verdict
	// Decision is that of package placement about the node once it has lost its startup taints,
	// before late labels come. For VerdictCannotTell it is one of the answers that are
	// possible. For VerdictDoesNotRun it is that of the state that fails the last of the rules
	// of placement. So it names what is known to keep the pod away, if there is such a rule,
	// and not a fact that is unknown.
	Decision placement.Decision
	// Present says that a pod of the DaemonSet is on the node, also if it is being deleted.
	Present bool
	// Fits says that the node has room and free ports for what is missing of the pod, and the
	// labels that its RuntimeClass asks for. If it is false and the pod should run, Shortages,
	// PortConflicts and Mismatches say why. It is false if the pod does not run.
	Fits bool
}

// mayRun reports whether the pod counts in AtMost.
func (n *NodeDaemon) mayRun() bool {
	return n.Verdict == VerdictRuns || n.Verdict == VerdictCannotTell
}

// Shortage is a resource of which a node has too little for a pod.
type Shortage struct {
	// Daemon is the index of the DaemonSet that does not fit.
	Daemon int
	// Resource is its name. It is pods if the node has no room for another pod.
	Resource corev1.ResourceName
	// Missing is what the pod still needs, in the scheduler's unit: cpu in thousandths, all
	// others in whole numbers.
	Missing int64
	// Free is what the others leave of the allocatable amount, and not below zero.
	Free int64
}

// PortConflict is a host port that two pods want.
type PortConflict struct {
	// Daemon is the index of the DaemonSet that wants the port and does not come first. Of two
	// DaemonSets it is the later one in the order of OnNode. Its pod has to wait if the other
	// gets the port: if Pod is not nil, or the other Fits.
	Daemon int
	// Other is the index of the DaemonSet that has the port or comes first. It is -1 if Pod is
	// one of no DaemonSet.
	Other int
	// OtherName is the NodeDaemon.Name of Other. It is empty if Pod is one of no DaemonSet.
	OtherName string
	// Pod is the pod on the node that has the port: read-only. It is nil if no such pod is
	// there yet.
	Pod *corev1.Pod
	// Port is that of Daemon, OtherPort that of the other pod. They may differ in the address.
	Port, OtherPort HostPort
}

// String returns what is missing, such as "short of memory by 512Mi".
func (s Shortage) String() string {
	short := demand.Quantity(s.Resource, demand.Plus(s.Missing, -s.Free))
	return "short of " + string(s.Resource) + " by " + short.String()
}

// String returns the port and who has it, such as "port 80/TCP is that of pod team/web" or
// "port 80/TCP is also that of team/proxy, which comes first".
func (c PortConflict) String() string {
	if c.Pod == nil {
		return "port " + c.Port.String() + " is also that of " + cmp.Or(c.OtherName, "another DaemonSet") + ", which comes first"
	}
	return "port " + c.Port.String() + " is that of pod " + c.Pod.Namespace + "/" + c.Pod.Name
}

// Mismatch is a label that the RuntimeClass of a pod asks for and the node does not have. A label
// of Input.LateLabels may still come, and is not a Mismatch.
type Mismatch struct {
	// Daemon is the index of the DaemonSet. No pod of it is on the node.
	Daemon int
	// Label is the key, and Value what the class asks for.
	Label, Value string
}

// String returns the label, such as `the RuntimeClass asks for label runtime=kata`.
func (m Mismatch) String() string {
	return "the RuntimeClass asks for label " + m.Label + "=" + m.Value
}

// OnNode works out what the DaemonSets take of a node, and writes it to out.
//
// A DaemonSet runs, does not run, or it cannot be told because the answer depends on something
// that Input says is unknown; Explain lists on what. "Cannot tell" is given only if both
// answers are possible, with one exception: if a DaemonSet can tell more than 4096 states of the
// node apart by other rules than its node selector, OnNode does not try all.
//
// What is on the node counts first. Then pods get room one by one in this order: DaemonSets
// with a pod on the node, those that run, those of which it cannot be told; each by priority,
// namespace and name, as in List. A pod that does not fit takes no room, and the next is tried.
// Nothing is preempted. A pod fits if the node has room for what it requests and for one more
// pod (fitsRequest@v1.37.2), if none of its host ports is taken (fitsPorts@v1.37.2), and, unless
// the pod is there, if the node has the labels that its RuntimeClass asks for
// (NodeAffinity.Filter@v1.37.2). A node without status.allocatable, or with an empty one, has
// that of its capacity (SetDefaults_NodeStatus@v1.37.2), and room for everything if it has no
// capacity, either.
//
// A pod belongs to a DaemonSet if its controller is that: API group, kind, namespace, name and UID
// are the same. The UID of a DaemonSet that has none, such as a manifest, is not compared.
//
// OnNode allocates nothing once out has grown, apart from pods on the node whose requests are
// those of the pod as a whole, or finer than the scheduler's units. The cost is linear in labels
// of the node, pods, PortConflicts, and DaemonSets with their resources; for each DaemonSet that asks
// for unknown facts it is the number of states that are tried, at most 4096. OnNode reads its
// arguments. Of these it keeps the pods in out.PortConflicts, and nothing else.
//
// It fails with a *field.Error if out, in.Node or a pod is nil, if the node lacks a name that it
// needs, if a late label is no valid label key, or if a startup taint has no key or an effect that
// does not exist. What is in out is then of no use.
func (d *Daemons) OnNode(in Input, out *NodeOverhead) error {
	d = d.orEmpty()
	if out == nil {
		return field.Required(field.NewPath("out"), "")
	}
	if err := in.check(); err != nil {
		return err
	}
	s := &out.scratch
	s.begin(d, &in)
	out.begin(d)
	s.answer(d)
	for i := range d.compiled {
		n := &out.Daemons[i]
		a := &s.answers[d.compiled[i].rules]
		*n = NodeDaemon{Name: d.compiled[i].name, Verdict: a.verdict, Decision: a.decision}
		if d.list[i].Refused != nil && n.mayRun() {
			n.Verdict = VerdictRefused
		}
	}
	s.countPods(d, &in, out)
	out.addUp(d)
	out.fit(d)
	s.end()
	return nil
}

// addUp works out the totals.
func (o *NodeOverhead) addUp(d *Daemons) {
	for i := range d.compiled {
		switch o.Daemons[i].Verdict {
		case VerdictRuns:
			o.Run.add(d.compiled[i].needs)
		case VerdictCannotTell:
			o.AtMost.add(d.compiled[i].needs)
			if o.scratch.answers[d.compiled[i].rules].started {
				o.Started.add(d.compiled[i].needs)
			}
		}
	}
	o.AtMost.addTotal(&o.Run)
	o.Started.addTotal(&o.Run)
	if len(o.scratch.pods) == 0 {
		o.Missing.addTotal(&o.Run)
		o.MissingAtMost.addTotal(&o.AtMost)
		return
	}
	for i := range d.compiled {
		switch o.Daemons[i].Verdict {
		case VerdictRuns:
			o.addMissing(&o.Missing, d, i)
		case VerdictCannotTell:
			o.addMissing(&o.MissingAtMost, d, i)
		}
	}
	o.MissingAtMost.addTotal(&o.Missing)
}

func (in *Input) check() error {
	switch {
	case in.Node == nil:
		return field.Required(field.NewPath("input", "node"), "")
	case in.Node.Name == "" && !in.NameUnknown:
		return field.Required(field.NewPath("input", "node", "metadata", "name"), "set nameUnknown if the node has no name yet")
	case in.Node.Name == "" && len(in.Pods) > 0:
		return field.Required(field.NewPath("input", "node", "metadata", "name"), "make one up: it says which pods are bound to the node")
	}
	for i, pod := range in.Pods {
		if pod == nil {
			return field.Required(field.NewPath("input", "pods").Index(i), "")
		}
	}
	for i, key := range in.LateLabels {
		if key == "" {
			return field.Required(field.NewPath("input", "lateLabels").Index(i), "")
		}
		if plainKey(key) {
			continue
		}
		if problems := validation.IsQualifiedName(key); len(problems) > 0 {
			return field.Invalid(field.NewPath("input", "lateLabels").Index(i), key, problems[0])
		}
	}
	return checkStartupTaints("input", in.StartupTaints)
}

// plainKey reports whether a label key is valid at a look that allocates nothing. It is false
// for some that are valid.
func plainKey(key string) bool {
	slashes := 0
	plain := func(c byte) bool { return 'a' <= c && c <= 'z' || '0' <= c && c <= '9' }
	for i := range len(key) {
		switch c := key[i]; {
		case plain(c):
		case c == '.' || c == '-' || c == '/':
			if i == 0 || i == len(key)-1 || !plain(key[i+1]) {
				return false
			}
			if c == '/' {
				slashes++
			}
		default:
			return false
		}
	}
	return key != "" && len(key) <= validation.LabelValueMaxLength && slashes <= 1
}

func (o *NodeOverhead) begin(d *Daemons) {
	o.Daemons = slices.Grow(o.Daemons[:0], len(d.list))[:len(d.list)]
	for _, t := range []*Total{&o.Run, &o.AtMost, &o.Started, &o.Missing, &o.MissingAtMost} {
		t.reset(d.resources)
	}
	clear(o.PortConflicts[:cap(o.PortConflicts)]) // Let go of the pods of earlier calls.
	o.Shortages, o.PortConflicts, o.Mismatches = o.Shortages[:0], o.PortConflicts[:0], o.Mismatches[:0]
}

// Clone returns a copy that later calls of OnNode do not change. It shares the pods in
// PortConflicts.
func (o *NodeOverhead) Clone() NodeOverhead {
	if o == nil {
		return NodeOverhead{}
	}
	return NodeOverhead{
		Daemons: slices.Clone(o.Daemons),
		Run:     o.Run.Clone(), AtMost: o.AtMost.Clone(), Started: o.Started.Clone(), Missing: o.Missing.Clone(), MissingAtMost: o.MissingAtMost.Clone(),
		Shortages: slices.Clone(o.Shortages), PortConflicts: slices.Clone(o.PortConflicts), Mismatches: slices.Clone(o.Mismatches),
	}
}

// Equal reports whether two results say the same. It makes them comparable with cmp.Diff.
func (o NodeOverhead) Equal(p NodeOverhead) bool {
	return slices.Equal(o.Daemons, p.Daemons) &&
		o.Run.Equal(p.Run) && o.AtMost.Equal(p.AtMost) && o.Started.Equal(p.Started) && o.Missing.Equal(p.Missing) && o.MissingAtMost.Equal(p.MissingAtMost) &&
		slices.Equal(o.Shortages, p.Shortages) && slices.Equal(o.PortConflicts, p.PortConflicts) && slices.Equal(o.Mismatches, p.Mismatches)
}

// countPods adds up what the pods on the node take.
func (s *scratch) countPods(d *Daemons, in *Input, out *NodeOverhead) {
	needs := 0
	if n := len(d.compiled); n > 0 {
		needs = d.compiled[n-1].offset + len(d.compiled[n-1].needs)
	}
	s.had = zeroed(s.had, needs)
	s.used = zeroed(s.used, len(d.resources))
	s.amounts = zeroed(s.amounts, len(d.resources))
	s.pods = s.pods[:0]
	for _, pod := range in.Pods {
		if pod.Spec.NodeName != in.Node.Name || pod.Spec.NodeName == "" || podstatus.Finished(pod) {
			continue
		}
		own := d.daemonOf(pod)
		s.pods = append(s.pods, podThere{pod, own})
		if own >= 0 {
			out.Daemons[own].Present = true
		}
		demand.AmountsOfPod(s.amounts, d.resources, pod)
		for at, amount := range s.amounts {
			s.used[at] = demand.Plus(s.used[at], amount)
		}
		if own < 0 {
			continue
		}
		c := &d.compiled[own]
		for i := range c.needs {
			had := &s.had[c.offset+i]
			*had = demand.Plus(*had, s.amounts[c.needs[i].resource])
		}
	}
}

// daemonOf returns the index of the DaemonSet of a pod, or -1.
func (d *Daemons) daemonOf(pod *corev1.Pod) int {
	ref := owner.Controller(pod.OwnerReferences)
	if ref == nil {
		return -1
	}
	for _, i := range d.byOwner[ownerKey{pod.Namespace, ref.Kind, ref.Name}] {
		id := &d.compiled[i].owner
		if id.SameKind(ref.APIVersion, ref.Kind) && (id.UID() == types.UID("") || id.UID() == ref.UID) {
			return i
		}
	}
	return -1
}

// missing returns what a pod of a DaemonSet still needs of its i-th need.
func (s *scratch) missing(c *compiled, i int) int64 {
	return max(0, demand.Plus(c.needs[i].amount, -s.had[c.offset+i]))
}

func (o *NodeOverhead) addMissing(t *Total, d *Daemons, daemon int) {
	if !o.Daemons[daemon].Present {
		t.Pods++
	}
	c := &d.compiled[daemon]
	for i := range c.needs {
		at := c.needs[i].resource
		t.amounts[at] = demand.Plus(t.amounts[at], o.scratch.missing(c, i))
	}
}
