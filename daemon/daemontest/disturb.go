package daemontest

import (
	"maps"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/internal/nodestatus"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/rollout/simulate"
)

// Join adds nodes, or replaces those of the same name, as Apply does.
func (c *Cluster) Join(t testing.TB, nodes ...*corev1.Node) {
	t.Helper()
	c.Apply(t, objects(nodes)...)
}

// Leave takes nodes out of the cluster. Pod garbage collection ends their pods. It ends the
// test if one of them is not there.
func (c *Cluster) Leave(t testing.TB, nodes ...*corev1.Node) {
	t.Helper()
	c.Delete(t, objects(nodes)...)
}

func objects[O metav1.Object](list []O) []metav1.Object {
	all := make([]metav1.Object, len(list))
	for i, object := range list {
		all[i] = object
	}
	return all
}

// edit changes the stored nodes of the given names.
func (c *Cluster) edit(t testing.TB, nodes []*corev1.Node, change func(*corev1.Node)) {
	t.Helper()
	c.begin(t)
	c.names(t, nodes)
	stored := c.storedOf(objects(nodes))
	var changed []*corev1.Node
	for _, node := range nodes {
		found, _ := stored[objectIDOf(node)].(*corev1.Node)
		if found == nil {
			t.Fatal(c.notThere(node))
		}
		found = found.DeepCopy()
		change(found)
		changed = append(changed, found)
	}
	c.Join(t, changed...)
}

// Label gives nodes of the cluster a label such as "zone=a", as the function Label does. It ends
// the test if one of them has the label with that value.
func (c *Cluster) Label(t testing.TB, label string, nodes ...*corev1.Node) {
	t.Helper()
	checkLabel(t, label)
	c.edit(t, nodes, func(node *corev1.Node) {
		t.Helper()
		had := maps.Clone(node.Labels)
		if setLabel(node, label); maps.Equal(had, node.Labels) {
			t.Fatalf("node %s already has the label %s", node.Name, label)
		}
	})
}

// Taint gives nodes of the cluster a taint such as "dedicated=db:NoSchedule", as the function
// Taint does. It ends the test if one of them has the taint with that value.
func (c *Cluster) Taint(t testing.TB, taint string, nodes ...*corev1.Node) {
	t.Helper()
	parsed := parseTaint(t, taint)
	c.edit(t, nodes, func(node *corev1.Node) {
		t.Helper()
		if slices.ContainsFunc(node.Spec.Taints, sameTaint(parsed)) {
			t.Fatalf("node %s already has the taint %s", node.Name, taint)
		}
		setTaint(node, parsed)
	})
}

// sameTaint reports whether a taint has the key, the value and the effect of another.
func sameTaint(as corev1.Taint) func(corev1.Taint) bool {
	return func(taint corev1.Taint) bool { return taint.MatchTaint(&as) && taint.Value == as.Value }
}

// Untaint takes a taint such as "dedicated=db:NoSchedule" away from nodes of the cluster. It
// ends the test if one of them does not have it.
func (c *Cluster) Untaint(t testing.TB, taint string, nodes ...*corev1.Node) {
	t.Helper()
	parsed := parseTaint(t, taint)
	c.edit(t, nodes, func(node *corev1.Node) {
		t.Helper()
		had := len(node.Spec.Taints)
		node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, sameTaint(parsed))
		if len(node.Spec.Taints) == had {
			t.Fatalf("node %s does not have the taint %s", node.Name, taint)
		}
	})
}

// NotReady lets the kubelets of nodes report that the node is not ready. The node controller
// sets the taints node.kubernetes.io/not-ready with NoSchedule and NoExecute
// (doNoScheduleTaintingPass, processTaintBaseEviction @v1.37.2), and makes the pods there not
// ready. Until Recover, no pod on the nodes becomes ready or fails, and none that is deleted is gone.
// A DaemonSet keeps its pods there, but the nodes are not eligible any more: a rollout can be
// complete without the nodes, though they use its budget. RunsOn and NoPodLost hold as long as no
// update is applied. An update deletes the outdated pods there, because they are not available, and
// RunsOn and NoPodLost fail until Recover. AtMostUnavailable counts the nodes. It ends the test if
// one of the nodes is already not ready. An unreachable one may become not ready.
func (c *Cluster) NotReady(t testing.TB, nodes ...*corev1.Node) {
	t.Helper()
	c.edit(t, nodes, func(node *corev1.Node) {
		t.Helper()
		if !c.setReady(node, corev1.ConditionFalse, "KubeletNotReady", corev1.TaintNodeNotReady) {
			t.Fatalf("node %s is already not ready", node.Name)
		}
	})
}

// Unreachable lets the kubelets of nodes stop reporting. It is like NotReady with the
// condition Unknown and the taints node.kubernetes.io/unreachable. It ends the test if one of the
// nodes is so already.
func (c *Cluster) Unreachable(t testing.TB, nodes ...*corev1.Node) {
	t.Helper()
	c.edit(t, nodes, func(node *corev1.Node) {
		t.Helper()
		if !c.setReady(node, corev1.ConditionUnknown, "NodeStatusUnknown", corev1.TaintNodeUnreachable) {
			t.Fatalf("node %s is already unreachable", node.Name)
		}
	})
}

// Recover makes nodes ready again after NotReady and Unreachable. It ends the test if one of them
// is ready and has none of their taints.
func (c *Cluster) Recover(t testing.TB, nodes ...*corev1.Node) {
	t.Helper()
	c.edit(t, nodes, func(node *corev1.Node) {
		t.Helper()
		if !c.setReady(node, corev1.ConditionTrue, "KubeletReady", "") {
			t.Fatalf("node %s is ready: there is nothing to recover from", node.Name)
		}
	})
}

// ofNodeController reports whether a taint is one that the node controller sets on nodes that are
// not ready.
func ofNodeController(taint corev1.Taint) bool {
	return taint.Key == corev1.TaintNodeNotReady || taint.Key == corev1.TaintNodeUnreachable
}

// setReady sets the Ready condition and, unless the key is empty, its taints. What is so already
// keeps its time. It reports whether the status or the taints change.
func (c *Cluster) setReady(node *corev1.Node, status corev1.ConditionStatus, reason, taint string) (changed bool) {
	now := metav1.NewTime(c.sim.Now())
	since := now
	if old := nodestatus.Ready(node); old != nil && old.Status == status {
		since = old.LastTransitionTime
	} else {
		changed = true
	}
	conditions := slices.DeleteFunc(node.Status.Conditions, func(old corev1.NodeCondition) bool { return old.Type == corev1.NodeReady })
	node.Status.Conditions = append(conditions, corev1.NodeCondition{
		Type: corev1.NodeReady, Status: status, Reason: reason, LastTransitionTime: since,
	})
	had := len(node.Spec.Taints)
	node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(old corev1.Taint) bool {
		return old.Key != taint && ofNodeController(old)
	})
	changed = changed || len(node.Spec.Taints) < had
	if taint == "" {
		return changed
	}
	for _, effect := range []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute} {
		add := corev1.Taint{Key: taint, Effect: effect, TimeAdded: &now}
		if !slices.ContainsFunc(node.Spec.Taints, func(old corev1.Taint) bool { return old.MatchTaint(&add) }) {
			setTaint(node, add)
			changed = true
		}
	}
	return changed
}

// Crash lets the first container of pods terminate with the exit code 1. The kubelet starts it
// again at once, and the pod becomes ready after its PodTimes. The status says that the
// container ran for ten minutes or more before, so that nobody takes the pod for one in a crash
// loop; for a loop see simulate.PodTimes.CrashesAfter.
func (c *Cluster) Crash(t testing.TB, pods ...*corev1.Pod) {
	t.Helper()
	c.editPods(t, pods, func(pod *corev1.Pod) {
		now := metav1.NewTime(c.sim.Now())
		status := firstStatus(pod)
		end := &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error", StartedAt: metav1.NewTime(podstatus.StartedAt(pod)), FinishedAt: now}
		if running := status.State.Running; running != nil {
			end.StartedAt = running.StartedAt
		}
		if steady := metav1.NewTime(now.Add(-steadyAfter)); steady.Before(&end.StartedAt) {
			end.StartedAt = steady
		}
		status.Ready, status.RestartCount = false, status.RestartCount+1
		status.LastTerminationState = corev1.ContainerState{Terminated: end}
		status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}}
		setNotReady(pod, now)
	})
}

// steadyAfter is how long a container runs before the kubelet no longer delays its restart
// (MaxContainerBackOff@v1.37.2).
const steadyAfter = 10 * time.Minute

// Hang lets pods go on running without being ready: their probes fail from now on. It ends the
// test if one of them hangs already.
func (c *Cluster) Hang(t testing.TB, pods ...*corev1.Pod) {
	t.Helper()
	c.editPods(t, pods, func(pod *corev1.Pod) {
		t.Helper()
		if c.hung[idOf(pod)] && !isReady(pod) {
			t.Fatalf("%s: already hangs", nameOf(pod))
		}
		now := metav1.NewTime(c.sim.Now())
		status := firstStatus(pod)
		status.Ready = false
		if status.State.Running == nil {
			status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(podstatus.StartedAt(pod))}}
		}
		setNotReady(pod, now)
		if c.hung == nil {
			c.hung = map[podID]bool{}
		}
		c.hung[idOf(pod)] = true
	})
}

// podID identifies a pod. A later pod of its name has another UID.
type podID struct {
	types.NamespacedName
	uid types.UID
}

func idOf(pod *corev1.Pod) podID { return podID{keyOf(pod), pod.UID} }

// Fail lets pods fail for good, as those that the kubelet evicts. The controller deletes them
// and creates others.
func (c *Cluster) Fail(t testing.TB, pods ...*corev1.Pod) {
	t.Helper()
	c.editPods(t, pods, func(pod *corev1.Pod) {
		pod.Status = corev1.PodStatus{Phase: corev1.PodFailed, Reason: "Evicted"}
	})
}

// editPods changes the stored pods of the given names and UIDs. A pod without a UID stands for
// the one of its name.
func (c *Cluster) editPods(t testing.TB, pods []*corev1.Pod, change func(*corev1.Pod)) {
	t.Helper()
	c.begin(t)
	all := c.storedOf(objects(pods))
	var changed []metav1.Object
	for i, pod := range pods {
		if pod == nil {
			t.Fatalf("pods[%d] is nil", i)
		}
		stored, _ := all[objectIDOf(pod)].(*corev1.Pod)
		if stored == nil {
			t.Fatal(c.notThere(pod))
		}
		switch {
		case pod.UID != "" && pod.UID != stored.UID:
			t.Fatalf("%s: not found: the pod of this name has the UID %s, and the one that is given %s", nameOf(pod), stored.UID, pod.UID)
		case stored.Spec.NodeName == "":
			t.Fatalf("%s: is not bound to a node", nameOf(pod))
		case podstatus.Finished(stored):
			t.Fatalf("%s: has finished", nameOf(pod))
		}
		stored = stored.DeepCopy()
		change(stored)
		changed = append(changed, stored)
	}
	c.Apply(t, changed...)
}

// firstStatus returns the status of the first container of a pod, which it adds if it is missing.
func firstStatus(pod *corev1.Pod) *corev1.ContainerStatus {
	first := corev1.Container{}
	if len(pod.Spec.Containers) > 0 {
		first = pod.Spec.Containers[0]
	}
	list := &pod.Status.ContainerStatuses
	i := slices.IndexFunc(*list, func(s corev1.ContainerStatus) bool { return s.Name == first.Name })
	if i < 0 {
		i = len(*list)
		*list = append(*list, corev1.ContainerStatus{Name: first.Name, Image: first.Image})
	}
	return &(*list)[i]
}

// setNotReady sets the Ready condition of a pod to False.
func setNotReady(pod *corev1.Pod, since metav1.Time) {
	setReadyCondition(pod, corev1.ConditionFalse, "ContainersNotReady", since)
}

func setReadyCondition(pod *corev1.Pod, status corev1.ConditionStatus, reason string, since metav1.Time) {
	pod.Status.Conditions = slices.DeleteFunc(pod.Status.Conditions, func(old corev1.PodCondition) bool { return old.Type == corev1.PodReady })
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
		Type: corev1.PodReady, Status: status, Reason: reason, LastTransitionTime: since,
	})
}

// BreakImage makes an image one that cannot be pulled: pods with such a container, or init
// container, that are bound from now on never become ready, and their status says
// ImagePullBackOff. Pods that are bound already have pulled it. Assertions about a rollout fail
// while no applied DaemonSet and no pod has needed the image, so call BreakImage right before
// the change that needs it. It ends the test if the image is broken already.
func (c *Cluster) BreakImage(t testing.TB, image string) {
	t.Helper()
	c.begin(t)
	if image == "" {
		t.Fatal("the image is empty")
	}
	if c.broken[image] != nil {
		t.Fatalf("image %q is already broken", image)
	}
	broken := &brokenImage{pulled: map[podID]bool{}}
	for _, pod := range c.pods() {
		if pod.Spec.NodeName != "" {
			broken.pulled[idOf(pod)] = true
		}
	}
	if c.broken == nil {
		c.broken = map[string]*brokenImage{}
	}
	c.broken[image] = broken
}

// brokenImage is an image that cannot be pulled.
type brokenImage struct {
	// pulled are the pods that were bound before.
	pulled map[podID]bool
	// needed says that an applied DaemonSet or a pod has needed it since.
	needed bool
}

// noteNeeds notes which broken images a template needs.
func (c *Cluster) noteNeeds(spec *corev1.PodSpec) {
	for _, container := range slices.Concat(spec.InitContainers, spec.Containers) {
		if broken := c.broken[container.Image]; broken != nil {
			broken.needed = true
		}
	}
}

// MendImage makes an image of BreakImage one that can be pulled again. Pods that wait for it
// pull it at once and become ready after their PodTimes. It ends the test if the image is not
// broken.
func (c *Cluster) MendImage(t testing.TB, image string) {
	t.Helper()
	c.begin(t)
	if c.broken[image] == nil {
		t.Fatalf("image %q is not broken", image)
	}
	now := metav1.NewTime(c.sim.Now())
	waiting := slices.DeleteFunc(c.pods(), func(pod *corev1.Pod) bool { return !c.cannotPull(pod) || !saysWhy(pod) })
	delete(c.broken, image)
	mended := edited(waiting, func(pod *corev1.Pod) {
		pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses = nil, nil
	})
	// The simulation expects a problem that has lasted to last, until a pod is ready on a node
	// that is. Nobody sees the objects in between.
	var nodes, ready []metav1.Object
	hosts := map[string]bool{}
	for _, pod := range waiting {
		hosts[pod.Spec.NodeName] = true
	}
	for _, node := range c.sim.Input(nil).Nodes {
		if condition := nodestatus.Ready(node); hosts[node.Name] && condition != nil && condition.Status != corev1.ConditionTrue {
			nodes = append(nodes, node)
			node = node.DeepCopy()
			nodestatus.Ready(node).Status = corev1.ConditionTrue
			ready = append(ready, node)
		}
	}
	c.quiet = true
	c.apply(t, ready)
	c.apply(t, edited(waiting, func(pod *corev1.Pod) {
		setReadyCondition(pod, corev1.ConditionTrue, "", now)
	}))
	c.apply(t, mended)
	c.apply(t, nodes)
	c.quiet = false
	stored := c.storedOf(mended)
	for i, pod := range mended {
		c.watchPods(now.Time, waiting[i], stored[objectIDOf(pod)].(*corev1.Pod))
	}
	c.failPulls(t) // those that wait for another image, too
	c.observe()
}

// edited returns changed copies of pods.
func edited(pods []*corev1.Pod, change func(*corev1.Pod)) []metav1.Object {
	list := make([]metav1.Object, len(pods))
	for i, pod := range pods {
		pod = pod.DeepCopy()
		change(pod)
		list[i] = pod
	}
	return list
}

// pods returns the pods in the namespaces of all DaemonSets.
func (c *Cluster) pods() []*corev1.Pod {
	var pods []*corev1.Pod
	seen := map[string]bool{}
	for key := range c.records {
		if !seen[key.Namespace] {
			seen[key.Namespace] = true
			pods = append(pods, c.inputOf(key).Pods...)
		}
	}
	return pods
}

// reportUnused fails the test if an image is broken that nothing has needed: what is asked for
// would hold for nothing.
func (c *Cluster) reportUnused(t testing.TB) {
	t.Helper()
	for _, image := range sortedNames(c.broken) {
		if !c.broken[image].needed {
			t.Error(report(nil, "image %q is broken, and nothing has needed it", image))
		}
	}
}

// cannotPull reports whether a pod is bound and waits for an image that cannot be pulled.
func (c *Cluster) cannotPull(pod *corev1.Pod) bool {
	return len(c.broken) > 0 && pod.Spec.NodeName != "" && pod.DeletionTimestamp == nil && !podstatus.Finished(pod) && !isReady(pod) &&
		(len(c.waiting(pod, pod.Spec.InitContainers)) > 0 || len(c.waiting(pod, pod.Spec.Containers)) > 0)
}

// waiting returns the statuses of the containers whose images cannot be pulled.
func (c *Cluster) waiting(pod *corev1.Pod, containers []corev1.Container) []corev1.ContainerStatus {
	var list []corev1.ContainerStatus
	for _, container := range containers {
		if broken := c.broken[container.Image]; broken != nil && !broken.pulled[idOf(pod)] {
			broken.needed = true
			list = append(list, corev1.ContainerStatus{
				Name: container.Name, Image: container.Image,
				State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: imagePullBackOff}},
			})
		}
	}
	return list
}

// saysWhy reports whether a container waits for its image.
func saysWhy(pod *corev1.Pod) bool {
	return slices.ContainsFunc(slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses), func(s corev1.ContainerStatus) bool {
		return s.State.Waiting != nil && s.State.Waiting.Reason == imagePullBackOff
	})
}

const imagePullBackOff = "ImagePullBackOff"

// failPulls writes into pods that have been bound what the kubelet says about images that
// cannot be pulled. It reports whether there were any.
func (c *Cluster) failPulls(t testing.TB) bool {
	t.Helper()
	wrote := false
	pulling := c.pulling
	if len(pulling) == 0 {
		return false
	}
	c.pulling = nil
	stored := c.storedOf(objects(pulling))
	for _, pod := range pulling {
		id := objectIDOf(pod)
		if stored[id] != metav1.Object(pod) {
			continue // it has changed since, and is in the list again if it still has to be
		}
		delete(stored, id)
		pod = pod.DeepCopy()
		if init := c.waiting(pod, pod.Spec.InitContainers); len(init) > 0 {
			pod.Status.InitContainerStatuses = init // the others wait for it
		} else {
			pod.Status.ContainerStatuses = c.waiting(pod, pod.Spec.Containers)
		}
		setNotReady(pod, metav1.NewTime(podstatus.StartedAt(pod)))
		if err := c.sim.Apply(pod); err != nil {
			t.Fatal(err)
		}
		wrote = true
	}
	return wrote
}

// podTimes are those of Options, except for pods that hang.
func (c *Cluster) podTimes(node *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
	var times simulate.PodTimes
	if c.Options.PodTimes != nil {
		times = c.Options.PodTimes(node, pod)
	}
	if c.hung[idOf(pod)] || c.cannotPull(pod) {
		times.ReadyAfter = never
	}
	return times
}

const never time.Duration = -1
