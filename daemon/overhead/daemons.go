package overhead

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/demand"
	"github.com/pernode/daemonset/internal/owner"
	"github.com/pernode/daemonset/placement"
)

// Options are the facts beside the DaemonSets that decide what their pods request. Each list
// may be nil. The order of a list has no effect.
type Options struct {
	// Placement are the feature gates of placement.
	Placement placement.Options
	// LimitRanges of all namespaces. They give defaults to containers, and the API server
	// refuses pods that break them. If several of a namespace have a default for one resource,
	// the first by name counts; the API server takes an arbitrary one.
	LimitRanges []*corev1.LimitRange
	// PriorityClasses say how large the priority of a pod is, and whether it preempts. The
	// system's own two classes are known without them. If the list is nil, a pod of a class that
	// is not known, or of none, has the priority and the preemption policy of the template, or
	// else zero: there may be a default class. Otherwise the API server refuses the pods of an
	// unknown class, and pods of none have those of the default class, or else zero.
	PriorityClasses []*schedulingv1.PriorityClass
	// RuntimeClasses say what the overhead of a pod is, and what else it asks of a node. If the
	// list is nil, a class that is not known has the overhead of the template and asks nothing;
	// otherwise the API server refuses the pods. The DaemonSet controller does not see what the
	// scheduling field of a class asks: it creates the pod, and the scheduler leaves it pending
	// on a node without the labels. So it has no effect on verdicts, and Fits is false; see
	// NodeOverhead.Mismatches. Its tolerations are in Daemons.Pod. They bring no pod to a node,
	// because the controller creates none that does not tolerate the taints without them.
	RuntimeClasses []*nodev1.RuntimeClass
}

// Daemons are DaemonSets, compiled for any number of nodes. It is immutable and safe for
// concurrent use. It keeps the pointers to the DaemonSets, which must not change while it is
// in use. A nil Daemons and the zero Daemons have no DaemonSet.
type Daemons struct {
	list     []Daemon
	compiled []compiled // in the order of list
	rules    []rules

	resources []corev1.ResourceName // those that the scheduler counts, sorted
	labels    map[string]int        // the label keys that some DaemonSet or its RuntimeClass asks for, numbered
	byPort    map[int32][]portOf
	byOwner   map[ownerKey][]int // one for each API group
	// freshName is a name for nodes that no DaemonSet mentions.
	freshName string
}

// Daemon is a DaemonSet with what one of its pods takes of a node.
type Daemon struct {
	// DaemonSet is the one passed to Compile: read-only.
	DaemonSet *appsv1.DaemonSet
	// Priority is that of its pods.
	Priority int32
	// Requests are what the scheduler reserves for a pod, with its overhead: read-only.
	Requests corev1.ResourceList
	// HostPorts are the ports of the node that a pod uses, those of sidecars first. In the
	// host network every declared port is one.
	HostPorts []HostPort
	// Refused is why the API server refuses the DaemonSet or its pods. The template has malformed
	// requests, limits or overhead, a malformed node selector, required node affinity or toleration, or a
	// host port twice. Or the pods break a LimitRange; their requests and limits are malformed with what
	// LimitRanges give to their containers, and the texts name these LimitRanges; they have another
	// priority, preemption policy, overhead or node selector than their PriorityClass or RuntimeClass; or
	// there is no such class. Paths start at the DaemonSet's spec. That it is nil does not prove that the
	// API server accepts them: nothing else is checked.
	Refused field.ErrorList
}

// HostPort is a port of the node.
type HostPort struct {
	// IP is the address as it is written; "" and 0.0.0.0 are every address.
	IP string
	// Protocol is never empty.
	Protocol corev1.Protocol
	// Number is above zero.
	Number int32
}

// Conflicts reports whether two pods with these ports cannot share a node. A port of every
// address conflicts with that of any address (fitsPorts@v1.37.2).
func (p HostPort) Conflicts(q HostPort) bool { return demand.Port(p).Conflicts(demand.Port(q)) }

// String returns "8080/TCP" or "127.0.0.1:8080/TCP".
func (p HostPort) String() string { return demand.Port(p).String() }

// compiled is what OnNode and InPool read of a DaemonSet.
type compiled struct {
	name  string // as nameOf returns it
	rules int    // in Daemons.rules
	owner owner.Identity
	spec  corev1.PodSpec // admitted, shares with the DaemonSet
	// scheduling is that of the RuntimeClass, or nil.
	scheduling *nodev1.Scheduling
	selector   []entry // of scheduling, sorted by key

	needs     []need // sorted by resource
	offset    int    // of the first of needs in a list of those of all DaemonSets
	conflicts []conflict
}

// rules are what the pods of some DaemonSets ask of a node. Many DaemonSets ask the same, so
// that OnNode decides for all of them at once.
type rules struct {
	template *corev1.PodTemplateSpec // of one of the DaemonSets
	opts     placement.Options

	matcher *placement.Matcher // of these two
	labels  []label            // sorted by key
	asked   bits               // the numbers of labels
	names   []string           // that decide, and one that does not; nil if no name matters
}

// need is an amount of a resource above zero, in the scheduler's unit.
type need struct {
	resource int // in Daemons.resources
	amount   int64
}

// entry is one of the node selector of a RuntimeClass.
type entry struct {
	key, value string
	number     int // of the key, in Daemons.labels
}

// portOf is a host port of a DaemonSet.
type portOf struct {
	daemon int
	port   HostPort
}

// conflict is a pair of host ports that two DaemonSets cannot have on one node. Each of the two
// knows it.
type conflict struct {
	other     int
	own, port HostPort
}

// ownerKey is what an owner reference says, apart from the UID and the API version.
type ownerKey struct{ namespace, kind, name string }

// Compile reads the pod templates of the DaemonSets: what they ask of a node, and what one pod
// takes of it. A DaemonSet that is being deleted, or that has no selector, is treated as any
// other: leave out those that you do not want.
//
// It fails with a *field.Error if a DaemonSet is nil, has no name, has only one of apiVersion
// and kind, or is in the list twice (group, kind, namespace and name are the same), and if an
// entry of the options is nil, or has the name (a LimitRange: namespace and name) of another.
// Without DaemonSets it returns an empty Daemons.
//
// The cost is linear in the DaemonSets, and, for those with the same host port, quadratic.
func Compile(sets []*appsv1.DaemonSet, opts Options) (*Daemons, error) {
	admission, err := newAdmission(opts)
	if err != nil {
		return nil, err
	}
	d := &Daemons{labels: make(map[string]int), byPort: make(map[int32][]portOf), byOwner: make(map[ownerKey][]int)}
	identities := make([]owner.Identity, len(sets))
	for i, ds := range sets {
		path := field.NewPath("daemonSets").Index(i)
		if ds == nil {
			return nil, field.Required(path, "")
		}
		if identities[i], err = owner.At(path, ds); err != nil {
			return nil, err
		}
		if ds.Name == "" {
			return nil, field.Required(path.Child("metadata", "name"), "")
		}
		key := keyOf(ds)
		for _, other := range d.byOwner[key] {
			if identities[i].SameKindAs(&identities[other]) {
				return nil, field.Duplicate(path.Child("metadata", "name"), nameOf(ds))
			}
		}
		d.byOwner[key] = append(d.byOwner[key], i)
	}
	clear(d.byOwner) // They will be sorted.

	order := make([]int, len(sets))
	for i := range order {
		order[i] = i
	}
	priorities := make([]int32, len(sets))
	for i, ds := range sets {
		spec := ds.Spec.Template.Spec
		admission.setPriority(nil, &spec)
		priorities[i] = *spec.Priority
	}
	slices.SortFunc(order, func(a, b int) int {
		return cmp.Or(
			cmp.Compare(priorities[b], priorities[a]),
			strings.Compare(sets[a].Namespace, sets[b].Namespace),
			strings.Compare(sets[a].Name, sets[b].Name),
			strings.Compare(identities[a].Kind(), identities[b].Kind()),
		)
	})

	d.list = make([]Daemon, len(sets))
	d.compiled = make([]compiled, len(sets))
	dictionary := newDictionary()
	for to, from := range order {
		ds, c := sets[from], &d.compiled[to]
		key := keyOf(ds)
		d.byOwner[key] = append(d.byOwner[key], to)
		*c = compiled{name: nameOf(ds), rules: d.rulesOf(&ds.Spec.Template, opts.Placement, dictionary), owner: identities[from]}
		var refused field.ErrorList
		c.spec, refused = admission.admit(ds)
		d.list[to] = Daemon{
			DaemonSet: ds, Priority: priorities[from], Refused: refused,
			Requests: demand.RequestsOfAdmitted(&c.spec), HostPorts: hostPorts(&c.spec),
		}
		if c.scheduling = admission.schedulingOf(&c.spec); c.scheduling != nil {
			for _, key := range slices.Sorted(maps.Keys(c.scheduling.NodeSelector)) {
				c.selector = append(c.selector, entry{key, c.scheduling.NodeSelector[key], d.numberOf(key)})
			}
		}
	}
	d.freshName = dictionary.freshName()
	d.findConflicts()
	d.internResources()
	return d, nil
}

// rulesOf returns the number of the rules of a template, and adds them if they are new.
func (d *Daemons) rulesOf(template *corev1.PodTemplateSpec, opts placement.Options, dictionary *dictionary) int {
	key, keyed := rulesKey(&template.Spec)
	if n, ok := dictionary.rules[key]; ok && keyed {
		return n
	}
	r := rules{template: template, opts: opts, matcher: placement.Compile(template, opts)}
	r.labels, r.names = dictionary.read(template, r.matcher)
	for i := range r.labels {
		r.labels[i].number = d.numberOf(r.labels[i].key)
		r.asked.set(r.labels[i].number)
	}
	dictionary.rules[key] = len(d.rules)
	d.rules = append(d.rules, r)
	return len(d.rules) - 1
}

// rulesKey returns the fields that placement.Compile reads, as bytes: if two pods have the same
// key, they have the same rules. Without ok they cannot be compared.
func rulesKey(spec *corev1.PodSpec) (key string, ok bool) {
	read := corev1.PodSpec{NodeName: spec.NodeName, NodeSelector: spec.NodeSelector, Tolerations: spec.Tolerations, HostNetwork: spec.HostNetwork}
	if spec.Affinity != nil && spec.Affinity.NodeAffinity != nil {
		// An empty list of terms is not the same as none: it matches no node.
		required := spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
		read.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: required}}
	}
	data, err := read.Marshal()
	return string(data), err == nil
}

func keyOf(ds *appsv1.DaemonSet) ownerKey {
	return ownerKey{ds.Namespace, cmp.Or(ds.Kind, "DaemonSet"), ds.Name}
}

// nameOf returns "namespace/name", or the name if there is no namespace.
func nameOf(ds *appsv1.DaemonSet) string {
	if ds.Namespace == "" {
		return ds.Name
	}
	return ds.Namespace + "/" + ds.Name
}

// nameAt returns the name of the DaemonSet with the index; empty for -1.
func (d *Daemons) nameAt(index int) string {
	if index < 0 {
		return ""
	}
	return d.compiled[index].name
}

func hostPorts(spec *corev1.PodSpec) []HostPort {
	var ports []HostPort
	for _, p := range demand.Ports(spec) {
		ports = append(ports, HostPort(p))
	}
	return ports
}

// numberOf returns the number of a label key, and gives it one if it has none.
func (d *Daemons) numberOf(key string) int {
	n, ok := d.labels[key]
	if !ok {
		n = len(d.labels)
		d.labels[key] = n
	}
	return n
}

func (d *Daemons) findConflicts() {
	for i := range d.list {
		for _, p := range d.list[i].HostPorts {
			for _, q := range d.byPort[p.Number] {
				if q.daemon != i && p.Conflicts(q.port) {
					d.compiled[i].conflicts = append(d.compiled[i].conflicts, conflict{q.daemon, p, q.port})
					d.compiled[q.daemon].conflicts = append(d.compiled[q.daemon].conflicts, conflict{i, q.port, p})
				}
			}
			d.byPort[p.Number] = append(d.byPort[p.Number], portOf{i, p})
		}
	}
}

func (d *Daemons) internResources() {
	for i := range d.list {
		for name := range d.list[i].Requests {
			if demand.Counted(name) {
				d.resources = append(d.resources, name)
			}
		}
	}
	slices.Sort(d.resources)
	d.resources = slices.Compact(d.resources)
	offset := 0
	for i := range d.list {
		c := &d.compiled[i]
		for at, name := range d.resources {
			if quantity, ok := d.list[i].Requests[name]; ok {
				if amount := demand.Amount(name, quantity); amount > 0 {
					c.needs = append(c.needs, need{at, amount})
				}
			}
		}
		c.offset = offset
		offset += len(c.needs)
	}
}

// List returns the DaemonSets, read-only, in the order in which their pods get room on a node:
// the highest priority first, then by namespace, name, and API version with kind. The results of
// OnNode and InPool have one entry for each in this order, and refer to them by their index.
func (d *Daemons) List() []Daemon {
	if d == nil {
		return nil
	}
	return d.list
}

// emptyDaemons is what a nil Daemons stands for. Never written.
var emptyDaemons = &Daemons{freshName: "a"}

func (d *Daemons) orEmpty() *Daemons {
	if d == nil || d.freshName == "" {
		return emptyDaemons
	}
	return d
}

// bits is a set of small numbers.
type bits []uint64

func (b *bits) set(n int) {
	for len(*b) <= n/64 {
		*b = append(*b, 0)
	}
	(*b)[n/64] |= 1 << (n % 64)
}

func (b bits) has(n int) bool { return n/64 < len(b) && b[n/64]&(1<<(n%64)) != 0 }

func (b bits) intersects(other bits) bool {
	for i := range min(len(b), len(other)) {
		if b[i]&other[i] != 0 {
			return true
		}
	}
	return false
}
