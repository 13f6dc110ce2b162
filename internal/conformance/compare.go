package conformance

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Comparison is what came of one state.
type Comparison struct {
	// Upstream and Library are the passes; Upstream's is that over the state as
	// the deviations changed it.
	Upstream, Library *Pass
	// Differences are empty if the passes agree.
	Differences []string
	// Deviations are the names of those that the state met.
	Deviations []string
	// Report is what the library returned beside its pass, never nil.
	Report *Report
	// adapted is the state that upstream's pass was made over.
	adapted *State
	// Chosen says that the sides chose differently when upstream's choice is
	// random, both within the budget.
	Chosen bool
}

// Compare makes both passes over a state and says how they differ. Deviations
// do not loosen the comparison: each turns the state into one on which upstream
// does what the library is to do, and there the passes have to agree in full.
func Compare(u *Upstream, s *State) *Comparison {
	before := s.DeepCopy()
	lib, report := Library(s)
	c := &Comparison{Library: lib, Report: report}
	c.check(reflect.DeepEqual(before, s), "the library changed its input: %s", lazy(before, s))
	if lib.Panic != nil {
		c.fail("the library panicked: %v", lib.Panic)
		return c
	}
	adapted, amends := inUpstreamOrder(before), []func(*Pass){}
	for i := range Deviations {
		d := &Deviations[i]
		if d.adapt == nil {
			continue
		}
		if next, amend := d.adapt(u, adapted, report); next != nil {
			c.Deviations = append(c.Deviations, d.Name)
			adapted, amends = inUpstreamOrder(next), append(amends, amend)
		}
	}
	c.adapted = adapted
	up := u.Pass(adapted)
	for _, amend := range amends {
		if amend != nil {
			amend(up)
		}
	}
	c.Upstream = up
	if up.Panic != nil {
		c.fail("upstream panicked: %v", up.Panic)
		return c
	}
	c.compareErrors()
	c.compareRevisions()
	c.comparePatches("pods", up.PodPatches, lib.PodPatches)
	c.comparePods(u, adapted)
	c.check(equalJSON(up.Status, lib.Status), "status (-upstream +library):\n%s", lazy(up.Status, lib.Status))
	c.check(up.RequeueAfter == lib.RequeueAfter, "requeue: upstream after %v, library after %v", up.RequeueAfter, lib.RequeueAfter)
	c.check(slices.Equal(up.Backoff, lib.Backoff), "backoff (-upstream +library):\n%s", lazy(up.Backoff, lib.Backoff))
	return c
}

func (c *Comparison) fail(format string, args ...any) {
	c.Differences = append(c.Differences, fmt.Sprintf(format, args...))
}

func (c *Comparison) check(ok bool, format string, args ...any) {
	if !ok {
		c.fail(format, args...)
	}
}

// difference is worked out when it is printed, which hardly any is.
type difference struct{ a, b any }

func (d difference) String() string { return cmp.Diff(d.a, d.b) }

func diff(a, b any) string { return cmp.Diff(a, b) }

func lazy(a, b any) difference { return difference{a, b} }

func equalJSON(a, b any) bool {
	if reflect.DeepEqual(a, b) {
		return true
	}
	x, err := json.Marshal(a)
	if err != nil {
		return false
	}
	y, err := json.Marshal(b)
	return err == nil && string(x) == string(y)
}

// compareErrors holds errors equal as far as there is one or none. Ending the
// pass with a collision is an error upstream, and an outcome in the library.
func (c *Comparison) compareErrors() {
	upErr := c.Upstream.Err
	if c.Report.Collision {
		c.check(upErr != nil, "the library reports a collision, upstream no error")
		return
	}
	c.check((upErr == nil) == (c.Library.Err == nil), "error: upstream %v, library %v", upErr, c.Library.Err)
}

func (c *Comparison) compareRevisions() {
	up, lib := c.Upstream, c.Library
	c.comparePatches("revisions", up.RevisionPatches, lib.RevisionPatches)
	for _, w := range []struct {
		what    string
		up, lib []*appsv1.ControllerRevision
	}{{"created", up.RevisionCreates, lib.RevisionCreates}, {"updated", up.RevisionUpdates, lib.RevisionUpdates}} {
		a, b := byName(w.up), byName(w.lib)
		for _, name := range keysOf(a, b) {
			// The data is compared as bytes: JSON of it would hide differences.
			same := a[name] != nil && b[name] != nil && string(a[name].Data.Raw) == string(b[name].Data.Raw) && equalJSON(metaOf(a[name]), metaOf(b[name]))
			c.check(same, "revision %s %s (-upstream +library):\n%s", name, w.what, lazy(a[name], b[name]))
		}
	}
	a, b := slices.Sorted(slices.Values(up.RevisionDeletes)), slices.Sorted(slices.Values(lib.RevisionDeletes))
	c.check(slices.Equal(a, b), "revisions deleted (-upstream +library):\n%s", lazy(a, b))
}

func metaOf(r *appsv1.ControllerRevision) any {
	return []any{r.ObjectMeta, r.Revision}
}

func byName(list []*appsv1.ControllerRevision) map[string]*appsv1.ControllerRevision {
	m := map[string]*appsv1.ControllerRevision{}
	for _, r := range list {
		m[r.Name] = r
	}
	return m
}

func keysOf[V any](a, b map[string]V) []string {
	all := map[string]bool{}
	for k := range a {
		all[k] = true
	}
	for k := range b {
		all[k] = true
	}
	return slices.Sorted(maps.Keys(all))
}

func (c *Comparison) comparePatches(what string, up, lib []Patch) {
	order := func(list []Patch) []string {
		var out []string
		for _, p := range list {
			out = append(out, fmt.Sprintf("%s %s %s", p.Name, p.Type, p.Data))
		}
		slices.Sort(out)
		return out
	}
	a, b := order(up), order(lib)
	c.check(slices.Equal(a, b), "patches of %s (-upstream +library):\n%s", what, lazy(a, b))
}

// comparePods compares what is created and deleted, and the events about it.
func (c *Comparison) comparePods(u *Upstream, s *State) {
	up, lib := c.Upstream, c.Library
	upCreates, libCreates := byTarget(up.Creates), byTarget(lib.Creates)
	c.check(len(upCreates) == len(up.Creates) && len(libCreates) == len(lib.Creates), "more than one pod is created on a node")
	for node, pod := range libCreates {
		if want := upCreates[node]; want != nil {
			c.check(equalJSON(want, pod), "pod created on %s (-upstream +library):\n%s", node, lazy(want, pod))
		}
	}
	upEvents := c.upstreamEvents()
	c.check(slices.Equal(upEvents, lib.Events), "events (-upstream +library):\n%s", lazy(upEvents, lib.Events))
	c.compareWrites(u, s)
}

func byTarget(pods []*corev1.Pod) map[string]*corev1.Pod {
	m := map[string]*corev1.Pod{}
	for _, p := range pods {
		m[target(p)] = p
	}
	return m
}

// target is the node that a new pod is pinned to.
func target(p *corev1.Pod) string {
	return p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms[0].MatchFields[0].Values[0]
}

func targets(pods []*corev1.Pod) []string {
	out := make([]string, len(pods))
	for i, p := range pods {
		out[i] = target(p)
	}
	return out
}

// upstreamEvents returns the events but for those that its pod control adds to
// every single write, which have to go with the writes.
func (c *Comparison) upstreamEvents() []string {
	var out []string
	created, deleted := 0, map[string]bool{}
	for _, e := range c.Upstream.Events {
		switch {
		case strings.HasPrefix(e, "Normal SuccessfulCreate: "):
			created++
		case strings.HasPrefix(e, "Normal SuccessfulDelete: Deleted pod: "):
			deleted[strings.TrimPrefix(e, "Normal SuccessfulDelete: Deleted pod: ")] = true
		default:
			out = append(out, e)
		}
	}
	c.check(created == len(c.Upstream.Creates) && len(deleted) == len(c.Upstream.Deletes), "upstream tells of %d created and %d deleted pods", created, len(deleted))
	return out
}

// podsByNode returns what upstream makes of the pods.
func (u *Upstream) podsByNode(s *State) map[string][]*corev1.Pod {
	u.ordered()
	if err := u.Load(s); err != nil {
		return nil
	}
	u.prepare(s)
	pods, err := getNodesToDaemonPods(u.dsc, u.ctx, s.DaemonSet, false)
	if err != nil {
		return nil
	}
	return pods
}

func desired(s *State) int {
	n := 0
	for _, node := range s.Nodes {
		if run, _ := shouldRun(s.DaemonSet, node); run {
			n++
		}
	}
	return n
}

// stranger is an available pod on a node that is gone.
func stranger(s *State, name, node, hash string) *corev1.Pod {
	p := strangePod(s, name, node, hash)
	p.Status.Phase = corev1.PodRunning
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.Unix(1, 0)}}
	return p
}

// strangePod is a pod of the DaemonSet on the given node.
func strangePod(s *State, name, node, hash string) *corev1.Pod {
	labels := maps.Clone(s.DaemonSet.Spec.Template.Labels)
	labels = merged(labels, appsv1.DefaultDaemonSetUniqueLabelKey, hash)
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.DaemonSet.Namespace, Name: name, Labels: labels,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(s.DaemonSet, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))},
		},
		Spec: corev1.PodSpec{NodeName: node},
	}
}
