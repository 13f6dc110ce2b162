package lint

import (
	"cmp"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
)

// DefaultProgressDeadline is the default of a Deployment's progressDeadlineSeconds
// (SetDefaults_Deployment@v1.37.2). A DaemonSet has no such field.
const DefaultProgressDeadline = 10 * time.Minute

// Options hold what Check takes besides a daemon.Input. The zero value is useful.
type Options struct {
	// OtherDaemonSets are the other DaemonSets of the cluster, in any order. Check
	// looks for host ports that two DaemonSets use on one node, which needs nodes too.
	// It ignores DaemonSets that are being deleted and the checked DaemonSet itself:
	// the one of the same namespace and name, or of the same name if the checked one
	// has no namespace. So the list may hold all DaemonSets of the cluster. A nil
	// entry and a repeated pair of namespace and name are errors.
	OtherDaemonSets []*appsv1.DaemonSet
	// ProgressDeadline is how long a pipeline or a person waits for the next progress of
	// a rollout. Zero means DefaultProgressDeadline. A negative one is no deadline.
	ProgressDeadline time.Duration
}

// Check returns the faults of a DaemonSet that the input and the options show:
// rollouts that get stuck, pods that no node accepts, and fields without effect. It
// returns nil if it finds none. The constants of Code list the faults.
//
// Of the input it reads DaemonSet, Nodes, Placement and Naming, and ignores the other fields.
// Nodes may be empty: without them, most checks that need them find nothing. The
// DaemonSet may be a manifest or a live object. Check first fills in the API server's
// defaults (daemon.Default) in a copy, so both get the same findings.
//
// No fault of the DaemonSet is an error. Check accepts malformed objects, and it ignores
// some of what the API server would refuse. daemon.Validate reports all of that in the
// DaemonSet's own fields. In the pod's spec, Check finds malformed requests, limits and
// overhead, node selectors, required node affinity and tolerations, and repeated host ports;
// nothing looks at the rest, such as images, volumes, probes and other affinity. A nil
// DaemonSet is an error, and so is a nil node, an empty node name or a repeated one.
//
// The findings are sorted by severity, errors first, then by field, code, message
// and nodes. They share nothing with the arguments, which are never changed.
//
// The cost grows with the number of nodes times the size of the pod template, and with
// the square of the number of tolerations in the template. For each other DaemonSet it
// grows with the product of the numbers of host ports, and, if the two share a port, with
// the number of nodes.
func Check(in daemon.Input, opts Options) ([]Finding, error) {
	c, err := newChecker(in, opts)
	if err != nil {
		return nil, err
	}
	c.selector()
	c.history()
	c.budgets()
	c.minReadySeconds()
	c.placement()
	c.kubeletLabels()
	c.operatingSystem()
	c.tolerations()
	c.ports()
	c.requests()
	c.podAffinity()
	c.topologySpread()
	slices.SortFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Severity, b.Severity),
			strings.Compare(a.Field, b.Field),
			strings.Compare(string(a.Code), string(b.Code)),
			strings.Compare(a.Message, b.Message),
			slices.Compare(a.Nodes, b.Nodes),
		)
	})
	return c.findings, nil
}

// checker holds what the checks share.
type checker struct {
	ds       *appsv1.DaemonSet // a copy with defaults
	spec     *corev1.PodSpec   // of the template of ds
	matcher  *placement.Matcher
	options  placement.Options
	nodes    []*corev1.Node // by name; empty: unknown
	eligible []*corev1.Node // the nodes that should run a pod, by name
	others   []*appsv1.DaemonSet
	naming   daemon.Naming

	// The errors of the required node affinity and of the tolerations, and by index
	// which terms and tolerations have any. The controller ignores such terms.
	affinityErrors, tolerationErrors     field.ErrorList
	malformedTerms, malformedTolerations []bool

	deadline time.Duration // negative: none

	// The strategy is RollingUpdate, with these budgets.
	rolling                  bool
	maxUnavailable, maxSurge budget

	findings []Finding
}

func newChecker(in daemon.Input, opts Options) (*checker, error) {
	if in.DaemonSet == nil {
		return nil, field.Required(field.NewPath("daemonSet"), "")
	}
	nodes, err := sortedNodes(in.Nodes)
	if err != nil {
		return nil, err
	}
	if err := checkOthers(opts.OtherDaemonSets); err != nil {
		return nil, err
	}
	ds := daemon.Default(in.DaemonSet)
	c := &checker{
		ds:       ds,
		spec:     &ds.Spec.Template.Spec,
		matcher:  placement.Compile(&ds.Spec.Template, in.Placement),
		options:  in.Placement,
		nodes:    nodes,
		others:   opts.OtherDaemonSets,
		naming:   in.Naming.WithDefaults(),
		deadline: cmp.Or(opts.ProgressDeadline, DefaultProgressDeadline),
	}
	c.findMalformed()
	for _, node := range c.nodes {
		if c.matcher.Decide(node).Run {
			c.eligible = append(c.eligible, node)
		}
	}
	if strategy := &ds.Spec.UpdateStrategy; strategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		c.rolling = true
		c.maxUnavailable = parseBudget(strategy.RollingUpdate.MaxUnavailable)
		c.maxSurge = parseBudget(strategy.RollingUpdate.MaxSurge)
	}
	return c, nil
}

// sortedNodes returns the nodes by name. It refuses what daemon.Input refuses.
func sortedNodes(nodes []*corev1.Node) ([]*corev1.Node, error) {
	path := field.NewPath("nodes")
	seen := make(map[string]bool, len(nodes))
	for i, node := range nodes {
		switch {
		case node == nil:
			return nil, field.Required(path.Index(i), "")
		case node.Name == "":
			return nil, field.Required(path.Index(i).Child("metadata", "name"), "")
		case seen[node.Name]:
			return nil, field.Duplicate(path.Index(i).Child("metadata", "name"), node.Name)
		}
		seen[node.Name] = true
	}
	sorted := slices.Clone(nodes)
	slices.SortFunc(sorted, func(a, b *corev1.Node) int { return strings.Compare(a.Name, b.Name) })
	return sorted, nil
}

func checkOthers(others []*appsv1.DaemonSet) error {
	path := field.NewPath("otherDaemonSets")
	seen := make(map[types.NamespacedName]bool, len(others))
	for i, other := range others {
		if other == nil {
			return field.Required(path.Index(i), "")
		}
		name := types.NamespacedName{Namespace: other.Namespace, Name: other.Name}
		if seen[name] {
			return field.Duplicate(path.Index(i).Child("metadata", "name"), nameOf(other))
		}
		seen[name] = true
	}
	return nil
}

func (c *checker) add(f Finding) { c.findings = append(c.findings, f) }

func specPath() *field.Path    { return field.NewPath("spec") }
func podSpecPath() *field.Path { return field.NewPath("spec", "template", "spec") }

// nodeNames keeps the order of the nodes.
func nodeNames(nodes []*corev1.Node) []string {
	names := make([]string, len(nodes))
	for i, node := range nodes {
		names[i] = node.Name
	}
	return names
}
