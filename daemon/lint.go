package daemon

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/placement"
)

// LintInput is what Lint looks at. Nothing in it is changed.
type LintInput struct {
	// DaemonSet is looked at as the API server would store it, with the defaults
	// of Default, so that a manifest and the live object get the same findings.
	// Nil has none.
	DaemonSet *appsv1.DaemonSet
	// Nodes are all nodes of the cluster, in any order. Nil entries are passed
	// over. Where there are none, the checks that need nodes are left out.
	Nodes []*corev1.Node
	// Others are the cluster's other DaemonSets, in any order, for host ports that
	// two of them want on one node. Nil entries, those being deleted, and DaemonSet
	// itself (by namespace and name) are passed over, so that the whole list of the
	// cluster will do. Without Nodes they are not looked at.
	Others []*appsv1.DaemonSet
	// Patience is for how long people, or the pipeline that applies DaemonSet,
	// watch a rollout in which nothing moves before they give it up. Zero means
	// DefaultPatience; below zero means for ever.
	Patience time.Duration
	// Placement adjusts which nodes are eligible.
	Placement placement.Options
}

// DefaultPatience is after how long without progress a Deployment counts as
// failed unless it says otherwise (SetDefaults_Deployment@v1.37.2). DaemonSets
// have no such field.
const DefaultPatience = 10 * time.Minute

// Severity says how sure and how bad the harm is. The smaller, the worse.
type Severity int

const (
	// SeverityError: it does not work as it is written. The API server refuses it,
	// or pods or the rollout get stuck.
	SeverityError Severity = iota + 1
	// SeverityWarning: it works and hurts, or gets stuck if something holds that
	// the objects do not show.
	SeverityWarning
	// SeverityInfo: it has no effect, or a consequence that is easy to overlook.
	SeverityInfo
)

// String returns the severity in a word.
func (s Severity) String() string {
	switch s {
	case SeverityError:
		return "error"
	case SeverityWarning:
		return "warning"
	case SeverityInfo:
		return "info"
	default:
		return "Severity(" + strconv.Itoa(int(s)) + ")"
	}
}

// Finding is one thing in a DaemonSet that will hurt. Code, Severity and Field
// are stable; Message and Fix are for people, and their words may change.
type Finding struct {
	// Code says what was found.
	Code LintCode
	// Severity says how bad it is. Some codes have more than one.
	Severity Severity
	// Field is the path in the DaemonSet, in JSON names, such as
	// spec.updateStrategy.rollingUpdate.maxSurge.
	Field string
	// Message says in one sentence what will happen.
	Message string
	// Fix says in one sentence what to do.
	Fix string
	// Nodes are the names of the nodes concerned, in order; nil where the finding
	// is not about some nodes rather than others. The slice is the caller's own.
	Nodes []string
}

// String returns the finding in one line:
//
//	error SurgeHostPort at spec.updateStrategy.rollingUpdate.maxSurge: MESSAGE FIX
func (f Finding) String() string {
	return f.Severity.String() + " " + string(f.Code) + " at " + f.Field + ": " + f.Message + " " + f.Fix
}

// Lint looks for what will hurt once the DaemonSet is applied, as far as the
// objects show it: rollouts that cannot go on, pods that no node will take,
// budgets and tolerations that do something else than they seem to. The
// constants of LintCode say what each finding means at run time.
//
// The findings are ordered by severity, errors first, then by field, code and
// message; nil where there are none. Nothing is shared with the input, and the
// order of its lists does not matter. Malformed input gives findings or is passed
// over; Lint does not fail. What an API server refuses is Validate's business:
// Lint repeats it only where a reader needs to know what would happen otherwise.
func Lint(in LintInput) []Finding {
	if in.DaemonSet == nil {
		return nil
	}
	l := newLinter(in)
	l.selector()
	l.budgets()
	l.minReady()
	l.history()
	l.placement()
	l.selfSetLabels()
	l.operatingSystem()
	l.tolerations()
	l.ports()
	l.requests()
	l.podAffinity()
	l.spread()
	slices.SortFunc(l.findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Severity, b.Severity),
			strings.Compare(a.Field, b.Field),
			strings.Compare(string(a.Code), string(b.Code)),
			strings.Compare(a.Message, b.Message),
		)
	})
	return l.findings
}

// linter is what the checks share.
type linter struct {
	ds       *appsv1.DaemonSet // a defaulted copy
	spec     *corev1.PodSpec   // the template's
	matcher  *placement.Matcher
	nodes    []*corev1.Node // by name; none: not known
	eligible []*corev1.Node // those of nodes that should run a pod
	others   []*appsv1.DaemonSet
	patience time.Duration
	options  placement.Options

	findings []Finding
}

func newLinter(in LintInput) *linter {
	ds := Default(in.DaemonSet)
	l := &linter{
		ds:       ds,
		spec:     &ds.Spec.Template.Spec,
		matcher:  placement.Compile(&ds.Spec.Template, in.Placement),
		others:   in.Others,
		patience: cmp.Or(in.Patience, DefaultPatience),
		options:  in.Placement,
	}
	for _, node := range in.Nodes {
		if node != nil {
			l.nodes = append(l.nodes, node)
		}
	}
	slices.SortStableFunc(l.nodes, func(a, b *corev1.Node) int { return strings.Compare(a.Name, b.Name) })
	l.eligible = l.decide(l.matcher)
	return l
}

// decide returns the nodes that should run a pod of the matcher's template.
func (l *linter) decide(matcher *placement.Matcher) []*corev1.Node {
	var run []*corev1.Node
	for _, node := range l.nodes {
		if matcher.Decide(node).Run {
			run = append(run, node)
		}
	}
	return run
}

func (l *linter) add(f Finding) { l.findings = append(l.findings, f) }

func specPath() *field.Path     { return field.NewPath("spec") }
func templatePath() *field.Path { return field.NewPath("spec", "template") }
func podSpecPath() *field.Path  { return field.NewPath("spec", "template", "spec") }

// nodeNames keeps the order of the nodes.
func nodeNames(nodes []*corev1.Node) []string {
	names := make([]string, len(nodes))
	for i, node := range nodes {
		names[i] = node.Name
	}
	return names
}

// shownNames is how many names a message tells before it counts the others.
const shownNames = 3

// listNames writes "w1", "w1 and w2", "w1, w2, w3 and 7 more".
func listNames(names []string) string {
	if len(names) > shownNames {
		names = append(slices.Clone(names[:shownNames]), strconv.Itoa(len(names)-shownNames)+" more")
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// counted writes "1 node", "2 nodes".
func counted(n int, noun string) string {
	return strconv.Itoa(n) + " " + oneOrMany(n, noun, noun+"s")
}

func oneOrMany(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
