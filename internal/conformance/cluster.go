package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"
	"time"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
	daemonutil "k8s.io/kubernetes/pkg/controller/daemon/util"
)

// Cluster is a state in which time passes: an API server that carries passes out,
// a scheduler, kubelets, and the collector of pods whose node is gone. What it
// does follows from the state alone, so that two clusters that are written the
// same stay the same.
type Cluster struct {
	State *State
	// made counts the pods that were created for a node, begun when a pod was
	// first seen in a state that its kubelet ends later.
	made  map[string]int
	begun map[string]time.Time
	// waits says that in the last second a pod was about to do something.
	waits bool
}

// NewCluster returns a cluster that starts with the state, which it does not
// change.
func NewCluster(s *State) *Cluster {
	return &Cluster{State: s.DeepCopy(), made: map[string]int{}, begun: map[string]time.Time{}}
}

// Apply carries out what a pass writes.
func (c *Cluster) Apply(p *Pass) error {
	s := c.State
	s.Backoff = slices.Clone(p.Backoff)
	var errs []error
	for _, patch := range p.PodPatches {
		for i, pod := range s.Pods {
			if pod.Name == patch.Name && pod.Namespace == s.DaemonSet.Namespace {
				patched := &corev1.Pod{}
				errs = append(errs, applyPatch(pod, patch, patched))
				s.Pods[i] = patched
			}
		}
	}
	for _, patch := range p.RevisionPatches {
		for i, rev := range s.Revisions {
			if rev.Name == patch.Name && rev.Namespace == s.DaemonSet.Namespace {
				without, patched := *rev, &appsv1.ControllerRevision{}
				without.Data = runtime.RawExtension{} // may be no JSON
				errs = append(errs, applyPatch(&without, patch, patched))
				patched.Data = rev.Data
				s.Revisions[i] = patched
			}
		}
	}
	for _, rev := range slices.Concat(p.RevisionCreates, p.RevisionUpdates) {
		rev = rev.DeepCopy()
		i := slices.IndexFunc(s.Revisions, func(r *appsv1.ControllerRevision) bool {
			return r.Name == rev.Name && r.Namespace == rev.Namespace
		})
		if i < 0 {
			s.Revisions = append(s.Revisions, rev)
			continue
		}
		// An update is worked out from the object before the patches of the same
		// pass, and a real server would refuse it; what it wants is in it.
		rev.OwnerReferences = s.Revisions[i].OwnerReferences
		s.Revisions[i] = rev
	}
	for _, name := range p.RevisionDeletes {
		s.Revisions = slices.DeleteFunc(s.Revisions, func(r *appsv1.ControllerRevision) bool {
			return r.Name == name && r.Namespace == s.DaemonSet.Namespace
		})
	}
	for _, name := range p.Deletes {
		c.deletePod(name)
	}
	for _, pod := range p.Creates {
		pod = pod.DeepCopy()
		node := target(pod)
		c.made[node]++
		pod.Name = fmt.Sprintf("%s%s-%d", pod.GenerateName, node, c.made[node])
		pod.UID = types.UID("uid-" + pod.Name)
		pod.CreationTimestamp = metav1.NewTime(s.Now)
		pod.Status.Phase = corev1.PodPending
		s.Pods = append(s.Pods, pod)
	}
	if p.Status != nil {
		s.DaemonSet.Status = *p.Status.DeepCopy()
	}
	return errors.Join(errs...)
}

// applyPatch does what an API server does with a patch.
func applyPatch(object any, patch Patch, into any) error {
	before, err := json.Marshal(object)
	if err != nil {
		return err
	}
	var after []byte
	switch patch.Type {
	case types.StrategicMergePatchType:
		after, err = strategicpatch.StrategicMergePatch(before, []byte(patch.Data), into)
	case types.MergePatchType:
		after, err = jsonpatch.MergePatch(before, []byte(patch.Data))
	default:
		err = fmt.Errorf("patch of type %q", patch.Type)
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(after, into)
}

func (c *Cluster) deletePod(name string) {
	s := c.State
	for i, pod := range s.Pods {
		if pod.Name != name || pod.Namespace != s.DaemonSet.Namespace {
			continue
		}
		if after := afterDelete(pod, s.Now); after == nil {
			s.Pods = slices.Delete(s.Pods, i, i+1)
		} else {
			s.Pods[i] = after
		}
		return
	}
}

// afterDelete returns what an API server makes of a pod that is deleted: nil if
// no kubelet has to end it first.
func afterDelete(pod *corev1.Pod, now time.Time) *corev1.Pod {
	switch {
	case pod.Spec.NodeName == "" || podutil.IsPodTerminal(pod):
		return nil
	case pod.DeletionTimestamp != nil:
		return pod
	}
	pod = pod.DeepCopy()
	pod.DeletionTimestamp = &metav1.Time{Time: now}
	return pod
}

// Tick lets a second pass.
func (c *Cluster) Tick() {
	s := c.State
	s.Now = s.Now.Add(time.Second)
	c.waits = false
	var pods []*corev1.Pod
	for _, pod := range s.Pods {
		if pod = c.live(pod); pod != nil {
			pods = append(pods, pod)
		}
	}
	s.Pods = pods
}

// live returns the pod a second later, nil if it has ended.
func (c *Cluster) live(pod *corev1.Pod) *corev1.Pod {
	s := c.State
	node, err := daemonutil.GetTargetNodeName(pod)
	if err != nil {
		return pod
	}
	exists := s.node(node) != nil
	switch {
	case !exists && pod.Spec.NodeName != "":
		return nil // collected
	case !exists:
		return pod
	case pod.DeletionTimestamp != nil:
		if c.since(pod, "ends", pace(node, 2)) {
			return nil
		}
		return pod
	case podutil.IsPodTerminal(pod), podutil.IsPodReady(pod) && pod.Spec.NodeName != "" && pod.Status.Phase == corev1.PodRunning:
		return pod
	}
	pod = pod.DeepCopy()
	pod.Spec.NodeName = node
	pod.Status.Phase = corev1.PodRunning
	// Every fifth node refuses the first pod made for it.
	if pace(node, 4) == 4 && c.made[node] == 1 && strings.HasSuffix(pod.Name, node+"-1") {
		pod.Status.Phase = corev1.PodFailed
		return pod
	}
	pod.Status.Conditions = nil
	if c.since(pod, "starts", pace(node, 3)) {
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(s.Now)}}
	}
	return pod
}

// pace is a number from 0 to most that belongs to a name.
func pace(name string, most int) int {
	h := fnv.New32a()
	h.Write([]byte(name))
	return int(h.Sum32()>>8) % (most + 1)
}

// since reports whether the pod has been about to do something for the seconds.
func (c *Cluster) since(pod *corev1.Pod, what string, seconds int) bool {
	key := pod.Name + " " + what
	if _, ok := c.begun[key]; !ok {
		c.begun[key] = c.State.Now
	}
	if c.State.Now.Sub(c.begun[key]) < time.Duration(seconds)*time.Second {
		c.waits = true
		return false
	}
	return true
}

// NextChange moves time on to when, after the given time, it alone changes
// something: a pod becomes available, or a failed pod may be deleted. It reports
// false if nothing will.
func (c *Cluster) NextChange(since time.Time) bool {
	s := c.State
	var next time.Time
	at := func(t time.Time) {
		if t.After(since) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	for _, pod := range s.Pods {
		if _, ready := podutil.GetPodCondition(&pod.Status, corev1.PodReady); ready != nil && ready.Status == corev1.ConditionTrue {
			at(ready.LastTransitionTime.Add(time.Duration(s.DaemonSet.Spec.MinReadySeconds) * time.Second))
		}
	}
	for _, b := range s.Backoff {
		at(b.Last.Add(b.Delay))
	}
	if next.IsZero() {
		return false
	}
	if next.After(s.Now) {
		s.Now = next
	}
	return true
}

// summary is what two clusters that came to rest have to agree on. Which node
// came first may differ, and so names of pods and times do not count.
func (c *Cluster) summary() string {
	s := c.State
	var lines []string
	for _, p := range s.Pods {
		node, _ := daemonutil.GetTargetNodeName(p)
		owner := metav1.GetControllerOfNoCopy(p)
		name := ""
		if owner != nil {
			name = owner.Name
		}
		lines = append(lines, fmt.Sprintf("pod on %q: %s %s owner %s hash %s ready %t ending %t", node, p.Namespace, p.Status.Phase, name,
			p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey], podutil.IsPodReady(p), p.DeletionTimestamp != nil))
	}
	slices.Sort(lines)
	status, _ := json.Marshal(s.DaemonSet.Status)
	return strings.Join(append(lines, "status: "+string(status)), "\n")
}

// history is the revisions as text. Which old ones are left depends on whose
// pods went first.
func (c *Cluster) history() string {
	var lines []string
	for _, r := range slices.SortedFunc(slices.Values(c.State.Revisions), func(a, b *appsv1.ControllerRevision) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	}) {
		meta, _ := json.Marshal(r.ObjectMeta)
		lines = append(lines, fmt.Sprintf("revision %d %s %s", r.Revision, meta, r.Data.Raw))
	}
	return strings.Join(lines, "\n")
}

// budget is how a state stands with respect to what an update may do to it.
type budget struct {
	surge                 bool
	maxUnavailable        int
	maxSurge              int
	unavailable, surgeing int
	desiredNodes          int
}

func (u *Upstream) budget(s *State, gone []string, created []string, hash string) (budget, error) {
	var b budget
	ds := s.DaemonSet
	b.desiredNodes = desired(s)
	var err error
	if b.maxSurge, err = daemonutil.SurgeCount(ds, b.desiredNodes); err != nil {
		return b, err
	}
	if b.maxUnavailable, err = daemonutil.UnavailableCount(ds, b.desiredNodes); err != nil {
		return b, err
	}
	if b.maxSurge == 0 && b.maxUnavailable == 0 {
		b.maxUnavailable = 1
	}
	b.surge = b.maxSurge != 0
	pods := u.podsByNode(s)
	for _, node := range s.Nodes {
		run, _ := shouldRun(ds, node)
		available, oldAvailable, live := 0, 0, 0
		for _, p := range pods[node.Name] {
			if p.DeletionTimestamp != nil || slices.Contains(gone, p.Name) {
				continue
			}
			live++
			if podutil.IsPodAvailable(p, ds.Spec.MinReadySeconds, metav1.Time{Time: s.Now}) {
				available++
				if p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] != hash {
					oldAvailable++
				}
			}
		}
		if slices.Contains(created, node.Name) {
			live++
		}
		if run && available == 0 {
			b.unavailable++
		}
		if live > 1 && oldAvailable > 0 {
			b.surgeing++
		}
	}
	return b, nil
}

// CheckBudget says how the writes of an update step break the budget: they may
// not make more nodes unavailable, or surge on more, than it allows, unless as
// many already were.
func (u *Upstream) CheckBudget(s *State, p *Pass, hash string) error {
	before, err := u.budget(s, nil, nil, hash)
	if err != nil {
		return nil // no budget, no update
	}
	after, err := u.budget(s, p.Deletes, slices.Collect(maps.Keys(byTarget(p.Creates))), hash)
	if err != nil {
		return err
	}
	if before.surge {
		if limit := max(before.maxSurge, before.surgeing); after.surgeing > limit {
			return fmt.Errorf("%d nodes surge, %d did before, maxSurge is %d", after.surgeing, before.surgeing, before.maxSurge)
		}
		if after.unavailable > before.unavailable {
			return fmt.Errorf("with surge %d nodes become unavailable, %d were before", after.unavailable, before.unavailable)
		}
		return nil
	}
	if limit := max(before.maxUnavailable, before.unavailable); after.unavailable > limit {
		return fmt.Errorf("%d nodes are unavailable, %d were before, maxUnavailable is %d", after.unavailable, before.unavailable, before.maxUnavailable)
	}
	return nil
}
