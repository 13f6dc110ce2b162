package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pernode/daemonset/rollout/simulate"
)

// Breakage is what a user breaks, or repairs.
type Breakage struct {
	// What is "down", "crash", "image", "drain", "taint", "delete" or "repair".
	What string `json:"what"`
	// Off ends what has been broken.
	Off bool `json:"off,omitempty"`
	// Node and Zone choose nodes; both empty means all.
	Node string `json:"node,omitempty"`
	Zone string `json:"zone,omitempty"`
	// Taint is the taint, as kubectl taint has it.
	Taint string `json:"taint,omitempty"`
}

func (b *Breakage) text() string {
	where := "every node"
	switch {
	case b.Node != "":
		where = b.Node
	case b.Zone != "":
		where = "zone " + b.Zone
	}
	text := map[string]string{
		"down": "kubelet stops", "crash": "pods crash", "image": "new images are missing", "drain": "drained",
		"taint": "tainted " + b.Taint, "delete": "pod deleted", "repair": "repaired",
	}[b.What]
	if b.Off {
		text = map[string]string{
			"down": "kubelet works again", "crash": "pods crash no more", "image": "images are there again",
			"drain": "uncordoned", "taint": "taint removed",
		}[b.What]
	}
	return where + ": " + text
}

func (b *Breakage) concerns(node *corev1.Node) bool {
	switch {
	case b.Node != "":
		return node.Name == b.Node
	case b.Zone != "":
		return node.Labels[zoneLabel] == b.Zone
	}
	return true
}

// fault is what is wrong with a node that its object does not show.
type fault struct {
	// crash: pods crash again and again.
	crash bool
	// image: images that are not in images cannot be pulled.
	image  bool
	images []string
	// taint is the taint of the playground.
	taint *corev1.Taint
}

// crashesAfter is how long a container runs that crashes.
const crashesAfter = 4 * time.Second

// podTimes says how long things take for a pod.
func (s *segment) podTimes(node *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
	var t simulate.PodTimes
	if node == nil {
		return t
	}
	if f := s.broken[node.Name]; f != nil {
		if f.crash {
			t.CrashesAfter = crashesAfter
		}
		if f.misses(pod) {
			t.ReadyAfter = -1
		}
	}
	return t
}

func (s *segment) missesImage(pod *corev1.Pod) bool {
	f := s.broken[pod.Spec.NodeName]
	return f != nil && pod.Spec.NodeName != "" && f.misses(pod)
}

func (f *fault) misses(pod *corev1.Pod) bool {
	return f.image && slices.ContainsFunc(pod.Spec.Containers, func(c corev1.Container) bool { return !slices.Contains(f.images, c.Image) })
}

func waitsForImage(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp != nil || slices.ContainsFunc(pod.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool {
		return s.State.Waiting != nil && s.State.Waiting.Reason == "ImagePullBackOff"
	})
}

// withoutImage returns a pod whose images cannot be pulled.
func withoutImage(pod *corev1.Pod, now time.Time) *corev1.Pod {
	out := pod.DeepCopy()
	out.Status.Phase = corev1.PodPending
	out.Status.ContainerStatuses = nil
	for _, c := range pod.Spec.Containers {
		out.Status.ContainerStatuses = append(out.Status.ContainerStatuses, corev1.ContainerStatus{
			Name: c.Name, Image: c.Image, Started: new(false),
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
				Reason: "ImagePullBackOff", Message: fmt.Sprintf("Back-off pulling image %q: not found", c.Image),
			}},
		})
	}
	setReady(out, false, "ContainersNotReady", now)
	return out
}

// crashed returns a pod whose first container has just terminated.
func crashed(pod *corev1.Pod, now time.Time) *corev1.Pod {
	out := pod.DeepCopy()
	if len(out.Spec.Containers) == 0 {
		return out
	}
	first := &out.Spec.Containers[0]
	i := slices.IndexFunc(out.Status.ContainerStatuses, func(s corev1.ContainerStatus) bool { return s.Name == first.Name })
	if i < 0 {
		out.Status.ContainerStatuses = append(out.Status.ContainerStatuses, corev1.ContainerStatus{Name: first.Name, Image: first.Image})
		i = len(out.Status.ContainerStatuses) - 1
	}
	status := &out.Status.ContainerStatuses[i]
	status.Ready, status.Started = false, new(false)
	status.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: 1, Reason: "Error", StartedAt: metav1.NewTime(now.Add(-crashesAfter)), FinishedAt: metav1.NewTime(now),
	}}
	setReady(out, false, "ContainersNotReady", now)
	return out
}

// repaired returns a pod that is ready.
func repaired(pod *corev1.Pod, now time.Time) *corev1.Pod {
	out := pod.DeepCopy()
	out.Status.Phase = corev1.PodRunning
	for i := range out.Status.ContainerStatuses {
		status := &out.Status.ContainerStatuses[i]
		status.Ready, status.Started = true, new(true)
		status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now)}}
	}
	setReady(out, true, "", now)
	return out
}

func setReady(pod *corev1.Pod, ready bool, reason string, now time.Time) {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	for i := range pod.Status.Conditions {
		if c := &pod.Status.Conditions[i]; c.Type == corev1.PodReady {
			if c.Status != status {
				c.Status, c.LastTransitionTime = status, metav1.NewTime(now)
			}
			c.Reason = reason
			return
		}
	}
	pod.Status.Conditions = append(pod.Status.Conditions, corev1.PodCondition{
		Type: corev1.PodReady, Status: status, Reason: reason, LastTransitionTime: metav1.NewTime(now),
	})
}

// isReady reports whether a pod is ready.
func isReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// isDown reports whether a node is not ready, and isCordoned whether it is cordoned.
func isDown(node *corev1.Node) bool {
	return slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status != corev1.ConditionTrue
	})
}

func isCordoned(node *corev1.Node) bool { return node.Spec.Unschedulable }

// withDown returns a node whose kubelet does not report, or reports again, with the taints of
// the node controller.
func withDown(node *corev1.Node, down bool, now time.Time) *corev1.Node {
	out := node.DeepCopy()
	condition := corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastTransitionTime: metav1.NewTime(now)}
	if down {
		condition.Status, condition.Reason, condition.Message = corev1.ConditionUnknown, "NodeStatusUnknown", "Kubelet stopped posting node status."
	}
	out.Status.Conditions = append(slices.DeleteFunc(out.Status.Conditions, func(c corev1.NodeCondition) bool { return c.Type == corev1.NodeReady }), condition)
	for _, effect := range []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute} {
		setTaint(out, corev1.Taint{Key: corev1.TaintNodeUnreachable, Effect: effect}, down)
		setTaint(out, corev1.Taint{Key: corev1.TaintNodeNotReady, Effect: effect}, false)
	}
	return out
}

// withCordon returns a node that takes no new pods, or does again.
func withCordon(node *corev1.Node, cordoned bool) *corev1.Node {
	out := node.DeepCopy()
	out.Spec.Unschedulable = cordoned
	setTaint(out, corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule}, cordoned)
	return out
}

func setTaint(node *corev1.Node, taint corev1.Taint, on bool) {
	node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == taint.Key && t.Effect == taint.Effect })
	if on {
		node.Spec.Taints = append(node.Spec.Taints, taint)
	}
}

// parseTaint reads a taint as kubectl taint has it: key=value:Effect or key:Effect.
func parseTaint(text string) (corev1.Taint, error) {
	name, effect, _ := strings.Cut(strings.TrimSpace(text), ":")
	key, value, _ := strings.Cut(name, "=")
	taint := corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)}
	known := []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute}
	if !slices.Contains(known, taint.Effect) {
		return taint, fmt.Errorf("taint: %q is not of the form key=value:NoSchedule, PreferNoSchedule or NoExecute", text)
	}
	if errs := validation.IsQualifiedName(key); len(errs) > 0 {
		return taint, fmt.Errorf("taint: %q: the key %q: %s", text, key, errs[0])
	}
	if errs := validation.IsValidLabelValue(value); len(errs) > 0 {
		return taint, fmt.Errorf("taint: %q: the value %q: %s", text, value, errs[0])
	}
	return taint, nil
}

// breakage returns the segment, and what changes in a cluster with it.
func (r *recording) breakage(b *Breakage, seg *segment, pods []*corev1.Pod) (change func(*simulate.Cluster) error, nodes []nodeChange, err error) {
	var taint corev1.Taint
	if b.What == "taint" && !b.Off {
		if taint, err = parseTaint(b.Taint); err != nil {
			return nil, nil, err
		}
	}
	now := r.at().at
	seg.broken = maps.Clone(seg.broken)
	if seg.broken == nil {
		seg.broken = map[string]*fault{}
	}
	onNode := map[string][]*corev1.Pod{}
	for _, pod := range pods {
		if pod.Spec.NodeName != "" {
			onNode[pod.Spec.NodeName] = append(onNode[pod.Spec.NodeName], pod)
		}
	}
	var objects, deleted []metav1.Object
	found := false
	for _, name := range slices.Sorted(maps.Keys(r.shown.nodes)) {
		node := r.shown.nodes[name]
		if !b.concerns(node) {
			continue
		}
		found = true
		f := fault{}
		if had := seg.broken[name]; had != nil {
			f = *had
		}
		changed := node
		mine := onNode[name]
		repair := func(which func(*corev1.Pod) bool) {
			for _, pod := range mine {
				if pod.DeletionTimestamp == nil && !isReady(pod) && which(pod) {
					objects = append(objects, repaired(pod, now))
				}
			}
		}
		switch b.What {
		case "down":
			changed = withDown(node, !b.Off, now)
		case "drain":
			changed = withCordon(node, !b.Off)
		case "taint":
			changed = node.DeepCopy()
			if f.taint != nil {
				setTaint(changed, *f.taint, false)
				f.taint = nil
			}
			if !b.Off {
				setTaint(changed, taint, true)
				f.taint = &taint
			}
		case "crash":
			f.crash = !b.Off
			if b.Off {
				repair(func(pod *corev1.Pod) bool { return !f.misses(pod) })
				break
			}
			for _, pod := range mine {
				if pod.DeletionTimestamp == nil {
					objects = append(objects, crashed(pod, now))
				}
			}
		case "image":
			f.image, f.images = !b.Off, nil
			if b.Off {
				repair(waitsForImage)
				break
			}
			for _, pod := range mine {
				for _, c := range pod.Spec.Containers {
					if isReady(pod) {
						f.images = append(f.images, c.Image)
					}
				}
			}
			for _, pod := range mine {
				if pod.DeletionTimestamp == nil && f.misses(pod) {
					objects = append(objects, withoutImage(pod, now))
				}
			}
		case "delete":
			for _, pod := range mine {
				deleted = append(deleted, pod)
			}
		case "repair":
			if isDown(node) {
				changed = withDown(changed, false, now)
			}
			if isCordoned(node) {
				changed = withCordon(changed, false)
			}
			if f.taint != nil {
				changed = changed.DeepCopy()
				setTaint(changed, *f.taint, false)
			}
			f = fault{}
			repair(func(*corev1.Pod) bool { return true })
		default:
			return nil, nil, fmt.Errorf("break: unknown %q", b.What)
		}
		if changed != node {
			objects = append(objects, changed)
			nodes = append(nodes, nodeChange{node, changed})
		}
		if f.crash || f.image || f.taint != nil {
			seg.broken[name] = &f
		} else {
			delete(seg.broken, name)
		}
	}
	if !found {
		return nil, nil, fmt.Errorf("%s: no such node", b.text())
	}
	return func(c *simulate.Cluster) error {
		if err := c.Apply(objects...); err != nil {
			return err
		}
		return c.Delete(deleted...)
	}, nodes, nil
}
