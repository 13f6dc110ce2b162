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
	"k8s.io/apimachinery/pkg/util/intstr"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	daemonutil "k8s.io/kubernetes/pkg/controller/daemon/util"

	"github.com/pernode/daemonset/rollout"
)

// Comparison is what came of one state.
type Comparison struct {
	// Upstream and Library are the passes; Upstream's is that over the state as
	// the deviations changed it.
	Upstream, Library *Pass
	// Differences are empty where the passes agree.
	Differences []string
	// Deviations are the names of those that the state met.
	Deviations []string
	// Result is what rollout.Sync returned, never nil.
	Result *rollout.Result
	// Chosen says that the sides chose differently where upstream's choice is
	// random, both within the budget.
	Chosen bool
}

// Compare makes both passes over a state and says how they differ. Deviations
// do not loosen the comparison: each turns the state into one on which upstream
// does what the library is to do, and there the passes have to agree in full.
func Compare(u *Upstream, s *State) *Comparison {
	before := s.DeepCopy()
	lib, result := Library(s)
	c := &Comparison{Library: lib, Result: &rollout.Result{}}
	c.check(reflect.DeepEqual(before, s), "the library changed its input: %s", lazy(before, s))
	if lib.Panic != nil {
		c.fail("the library panicked: %v", lib.Panic)
		return c
	}

	if result == nil {
		result = &rollout.Result{}
	}
	c.Result = result
	adapted, amends := inUpstreamOrder(before), []func(*Pass){}
	for i := range Deviations {
		d := &Deviations[i]
		if d.adapt == nil {
			continue
		}
		if next, amend := d.adapt(u, adapted, result); next != nil {
			c.Deviations = append(c.Deviations, d.Name)
			adapted, amends = inUpstreamOrder(next), append(amends, amend)
		}
	}
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
	c.compareErrors(result)
	c.compareRevisions()
	c.comparePatches("pods", up.PodPatches, lib.PodPatches)
	c.comparePods(u, adapted, result)
	c.check(equalJSON(up.Status, lib.Status), "status (-upstream +library):\n%s", lazy(up.Status, lib.Status))
	c.check(up.RequeueAfter == lib.RequeueAfter, "look again: upstream after %v, library after %v", up.RequeueAfter, lib.RequeueAfter)
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
func (c *Comparison) compareErrors(result *rollout.Result) {
	upErr := c.Upstream.Err
	if result.Outcome == rollout.OutcomeCollision {
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
func (c *Comparison) comparePods(u *Upstream, s *State, result *rollout.Result) {
	up, lib := c.Upstream, c.Library
	upCreates, libCreates := byTarget(up.Creates), byTarget(lib.Creates)
	c.check(len(upCreates) == len(up.Creates) && len(libCreates) == len(lib.Creates), "more than one pod is created on a node")
	for node, pod := range libCreates {
		if want := upCreates[node]; want != nil {
			c.check(equalJSON(want, pod), "pod created on %s (-upstream +library):\n%s", node, lazy(want, pod))
		}
	}

	rename := c.interchangeable(u, s)
	upEvents, libEvents := c.upstreamEvents(), slices.Clone(lib.Events)
	upDeletes, libDeletes := renamed(up.Deletes, rename), renamed(lib.Deletes, rename)
	for _, list := range [][]string{upEvents, libEvents} {
		for i, e := range list {
			for name, as := range rename {
				list[i] = strings.ReplaceAll(list[i], "/"+name+" ", "/"+as+" ")
			}
			_ = e
		}
		slices.Sort(list)
	}
	c.check(slices.Equal(upEvents, libEvents), "events (-upstream +library):\n%s", lazy(upEvents, libEvents))

	bounds := &bounds{u: u, s: s, step: result.Step != nil, rename: rename}
	if result.Revisions != nil {
		bounds.hash = result.Revisions.Hash
	}
	c.compareChoice("create on", slices.Sorted(maps.Keys(upCreates)), slices.Sorted(maps.Keys(libCreates)), s.burst(), bounds.creates)
	c.compareChoice("delete", upDeletes, libDeletes, s.burst(), bounds.deletes)
	c.compareDeferred(u, s, result)
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

// interchangeable returns a common name for the failed pods of a node of which
// some are owned and some are orphans: only one of them is deleted in a pass,
// upstream takes an owned one first, and the library the oldest.
func (c *Comparison) interchangeable(u *Upstream, s *State) map[string]string {
	rename := map[string]string{}
	for node, pods := range u.podsByNode(s) {
		var failed []string
		var owned, orphan bool
		for _, p := range pods {
			if p.DeletionTimestamp == nil && p.Status.Phase == corev1.PodFailed {
				failed = append(failed, p.Name)
				if metav1.GetControllerOfNoCopy(p) == nil {
					orphan = true
				} else {
					owned = true
				}
			}
		}
		if owned && orphan {
			for _, name := range failed {
				rename[name] = "failed-on-" + node
			}
		}
	}
	return rename
}

func renamed(names []string, as map[string]string) []string {
	var out []string
	for _, n := range names {
		if to, ok := as[n]; ok {
			n = to
		}
		out = append(out, n)
	}
	slices.Sort(out)
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

// compareChoice holds equal what both sides do. Where they do different things,
// that has to be a choice: as many, all of them allowed, and none of those left
// out that need no budget.
func (c *Comparison) compareChoice(what string, up, lib []string, burst int, bounds func() (all, must []string)) {
	if slices.Equal(up, lib) {
		return
	}
	c.Chosen = true
	all, must := bounds()
	ok := len(up) == len(lib)
	needed := 0
	left := slices.Clone(must)
	for _, name := range lib {
		ok = ok && slices.Contains(all, name)
		if i := slices.Index(left, name); i >= 0 {
			left = slices.Delete(left, i, i+1)
			needed++
		}
	}
	ok = ok && needed == min(len(must), burst)
	c.check(ok, "%s: upstream %v, library %v (allowed %v, of these needed %v)", what, up, lib, all, must)
}

// bounds finds out what upstream could have chosen, by asking it again with
// budgets that are without limit or used up.
type bounds struct {
	u      *Upstream
	s      *State
	step   bool
	hash   string
	rename map[string]string
}

const noLimit = 1_000_000

// creates are those of a pass without any limit, and those of a pass without
// budget.
func (b *bounds) creates() (all, must []string) {
	all = slices.Sorted(maps.Keys(byTarget(b.u.Pass(b.unlimited()).Creates)))
	if !b.step {
		return all, nil
	}
	return all, slices.Sorted(maps.Keys(byTarget(b.u.Pass(b.exhausted()).Creates)))
}

func (b *bounds) deletes() (all, must []string) {
	all = renamed(b.u.Pass(b.unlimited()).Deletes, b.rename)
	if !b.step {
		return all, nil
	}
	if surge, err := daemonutil.SurgeCount(b.s.DaemonSet, desired(b.s)); err == nil && surge == 0 {
		return all, renamed(b.u.Pass(b.exhausted()).Deletes, b.rename)
	}
	// With surge, old pods on nodes that should not run one wait for others to be
	// available.
	waiting := map[string]bool{}
	for name, pods := range b.u.podsByNode(b.s) {
		node := b.s.node(name)
		cur, old, ok := findUpdatedPodsOnNode(b.s.DaemonSet, pods, b.hash)
		if node == nil || !ok || cur != nil || old == nil {
			continue
		}
		if run, _ := shouldRun(b.s.DaemonSet, node); !run && podutil.IsPodAvailable(old, b.s.DaemonSet.Spec.MinReadySeconds, metav1.Time{Time: b.s.Now}) {
			waiting[old.Name] = true
		}
	}
	for _, name := range all {
		if !waiting[name] {
			must = append(must, name)
		}
	}
	return all, must
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

// unlimited is the state with budgets that are never used up, and with as many
// available pods on nodes that are gone as it takes for old pods to go from
// nodes that should not run them.
func (b *bounds) unlimited() *State {
	s := b.s.shallow()
	s.BurstReplicas = noLimit
	if !b.step {
		return s
	}
	surge, err := daemonutil.SurgeCount(s.DaemonSet, desired(s))
	if err != nil {
		return s
	}
	s.DaemonSet = s.DaemonSet.DeepCopy()
	if s.DaemonSet.Spec.UpdateStrategy.RollingUpdate == nil {
		s.DaemonSet.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{}
	}
	limit := intstr.FromInt32(noLimit)
	if surge == 0 {
		s.DaemonSet.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &limit
		return s
	}
	s.DaemonSet.Spec.UpdateStrategy.RollingUpdate.MaxSurge = &limit
	if b.hash != "" {
		for i := range len(s.Nodes) + len(s.Pods) + 1 {
			s.Pods = append(s.Pods, b.stranger(fmt.Sprintf("zz-new-%d", i), fmt.Sprintf("zz-new-%d", i), b.hash))
		}
	}
	return s
}

// exhausted is the state with excess pods on nodes that are gone, which use up
// any budget and nothing else.
func (b *bounds) exhausted() *State {
	s := b.s.shallow()
	s.BurstReplicas = noLimit
	for i := range 2 * (len(s.Nodes) + len(s.Pods) + 10) {
		node := fmt.Sprintf("zz-excess-%d", i)
		s.Pods = append(s.Pods, b.stranger(node+"-a", node, "neither"), b.stranger(node+"-b", node, "neither"))
	}
	return s
}

// stranger is an available pod on a node that is gone.
func (b *bounds) stranger(name, node, hash string) *corev1.Pod {
	p := strangePod(b.s, name, node, hash)
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

// compareDeferred checks the library's count of what the burst limit put off.
func (c *Comparison) compareDeferred(u *Upstream, s *State, result *rollout.Result) {
	creates, deletes := result.Plan.CreateDeferred, result.Plan.DeleteDeferred
	if result.Outcome != rollout.OutcomeSynced || s.burst() > len(s.Nodes)+len(s.Pods) {
		c.check(creates == 0 && deletes == 0, "the library puts off %d and %d pods", creates, deletes)
		return
	}
	full := s.shallow()
	full.BurstReplicas = noLimit
	p := u.Pass(full)
	c.check(creates == len(p.Creates)-len(c.Library.Creates), "the library puts off %d creations, without limit upstream makes %d", creates, len(p.Creates))
	c.check(deletes == len(p.Deletes)-len(c.Library.Deletes), "the library puts off %d deletions, without limit upstream makes %d", deletes, len(p.Deletes))
}
