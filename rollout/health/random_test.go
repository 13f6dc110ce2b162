package health_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

// byteSource lets the fuzzer decide what randomInput makes: four bytes for each
// choice. Behind the last it goes on with numbers that are always the same.
type byteSource struct {
	raw  []byte
	rest rand.PCG
}

// Uint64 returns the next choice.
func (s *byteSource) Uint64() uint64 {
	if len(s.raw) == 0 {
		return s.rest.Uint64()
	}
	var word [8]byte
	n := copy(word[4:], s.raw) // rand.IntN goes by the upper half
	s.raw = s.raw[n:]
	return binary.LittleEndian.Uint64(word[:]) | 1
}

// randomInput returns a small cluster in the state that the source decides. One in two
// is calm: most of its nodes have an available pod of the current template.
func randomInput(r *rand.Rand) (daemon.Input, health.Options) {
	set := build.Set{
		MaxUnavailable: pick(r, "", "2", "50%"), MaxSurge: pick(r, "", "", "1", "50%"),
		OnDelete: one(r, 6), Deleting: one(r, 30), MinReady: pick(r, int32(0), 0, 1800),
	}
	in := daemon.Input{DaemonSet: set.Object(), Now: build.Now, BurstReplicas: pick(r, 0, 0, 0, 1)}
	calm := one(r, 2)
	for i := range 6 {
		name := fmt.Sprint("w", i)
		if i < 1+r.IntN(5) {
			in.Nodes = append(in.Nodes, randomNode(r, name))
		}
		if calm && !one(r, 6) {
			in.Pods = append(in.Pods, newAgent(name, podMade(minutes(r))))
			continue
		}
		for range pick(r, 0, 1, 1, 1, 2) {
			in.Pods = append(in.Pods, randomPod(r, name, fmt.Sprint("p", len(in.Pods))))
		}
		if one(r, 4) {
			if in.Backoff == nil {
				in.Backoff = daemon.Backoff{}
			}
			key := daemon.BackoffKey{UID: in.DaemonSet.UID, Node: name}
			in.Backoff[key] = daemon.BackoffEntry{Last: in.Now.Add(-minutes(r)), Delay: time.Duration(1+r.IntN(900)) * time.Second}
		}
	}
	switch r.IntN(12) {
	case 0: // no revision holds the template
		in.Revisions = []*appsv1.ControllerRevision{build.Revision{Hash: "old"}.Of(in.DaemonSet)}
	case 1: // another template has the name of the new revision
		hash := daemon.TemplateHash(&in.DaemonSet.Spec.Template, nil)
		in.Revisions = []*appsv1.ControllerRevision{build.Revision{Hash: hash, Number: 1}.Of(in.DaemonSet)}
	default:
		in.Revisions = append(build.Current(in.DaemonSet, "new"), build.Revision{Hash: "old"}.Of(in.DaemonSet))
	}
	opts := health.Options{Policy: randomPolicy(r)}
	if !one(r, 3) {
		settle(r, &in, opts)
	}
	return in, opts
}

// settle carries out a few passes. Half of the pods that they create do not become
// ready.
func settle(r *rand.Rand, in *daemon.Input, opts health.Options) {
	for pass := range 6 {
		result, err := rollout.Sync(*in, rollout.Options{Policy: opts.Policy, CanaryTrial: opts.CanaryTrial})
		if err != nil || result.Plan.Empty() {
			return
		}
		in.Backoff = in.Backoff.With(result.Plan.BackoffChanges)
		for _, d := range result.Plan.Delete {
			in.Pods = slices.DeleteFunc(in.Pods, func(pod *corev1.Pod) bool { return pod == d.Pod })
		}
		for _, c := range result.Plan.Create {
			pod := randomPod(r, c.Node, fmt.Sprintf("%s-%d", c.Node, pass))
			if one(r, 2) {
				pod = newAgent(c.Node, podMade(minutes(r)))
			}
			pod.Name = fmt.Sprintf("%s-%d", c.Node, pass)
			pod.Labels = c.Pod.Labels
			in.Pods = append(in.Pods, pod)
		}
	}
}

func randomNode(r *rand.Rand, name string) *corev1.Node {
	node := build.Node{Name: name}.Object()
	if one(r, 6) {
		node = reportingNode(name, pick(r, corev1.ConditionTrue, corev1.ConditionFalse, corev1.ConditionUnknown), "r", "m", minutes(r))
	}
	if one(r, 5) {
		node.Spec.Taints = []corev1.Taint{pick(r, build.NoSchedule("k"), build.NoExecute("k"))}
	}
	return node
}

func randomPod(r *rand.Rand, node, name string) *corev1.Pod {
	pod := assessPod(build.Pod{Name: name, Node: node, Hash: pick(r, "new", "new", "old", "")}, podMade(minutes(r)))
	if one(r, 2) {
		podUnready(minutes(r))(pod)
		if one(r, 2) {
			podWaits(pick(r, "ImagePullBackOff", "CrashLoopBackOff", "ContainerCreating", ""), "m")(pod)
		} else {
			podRuns(minutes(r))(pod)
		}
		if one(r, 2) {
			podEnded("Error", 1, int32(r.IntN(8)), minutes(r), minutes(r))(pod)
		}
		if one(r, 4) {
			podInit(pod)
		}
	} else if one(r, 3) {
		podRuns(time.Duration(r.IntN(15)) * time.Minute)(pod)
		podEnded("Error", 1, int32(r.IntN(8)), minutes(r), minutes(r))(pod)
	}
	if one(r, 8) {
		podUnbound(pick(r, "", "Unschedulable"), "m", minutes(r))(pod)
	}
	if one(r, 6) {
		podFailed(pick(r, "", "Evicted"), "m")(pod)
	}
	if one(r, 6) {
		podDeleted(minutes(r), pick(r, int64(30), 3600))(pod)
	}
	return pod
}

func randomPolicy(r *rand.Rand) rollout.Policy {
	amount := intstr.FromInt32(int32(1 + r.IntN(2)))
	switch r.IntN(16) {
	case 0:
		return rollout.Policy{Frozen: true}
	case 1:
		return rollout.Policy{Paused: true, IgnoreNotReadyNodes: &rollout.IgnoreAfter{}}
	case 2:
		return rollout.Policy{Partition: &rollout.Partition{Nodes: amount, ProgressiveCreate: one(r, 2)}, IgnoreStuckPods: &rollout.IgnoreAfter{}}
	case 3:
		return rollout.Policy{Canary: &rollout.Canary{Nodes: amount, Manual: one(r, 2), Wait: metav1.Duration{Duration: minutes(r)}}}
	case 4:
		return rollout.Policy{NodeSelector: &metav1.LabelSelector{MatchLabels: build.Labels{"a": "b"}}, StrictBudget: true}
	case 5:
		return rollout.Policy{SlowStart: &rollout.SlowStart{Pods: 1, Interval: metav1.Duration{Duration: time.Hour}}}
	case 6, 7:
		return ignoringPolicy(r)
	}
	return rollout.Policy{}
}

// ignoringPolicy returns a policy that ignores nodes.
func ignoringPolicy(r *rand.Rand) rollout.Policy {
	after := &rollout.IgnoreAfter{After: metav1.Duration{Duration: pick(r, 0, 0, 5*time.Minute)}}
	switch r.IntN(3) {
	case 0:
		return rollout.Policy{IgnoreNotReadyNodes: after}
	case 1:
		return rollout.Policy{IgnoreStuckPods: after}
	}
	return rollout.Policy{IgnoreNodes: &rollout.IgnoreNodes{By: func(n *daemon.NodeState) bool { return n.Name == "w0" || n.Name == "w5" }}}
}

// minutes is up to an hour, and seldom less than the patience.
func minutes(r *rand.Rand) time.Duration {
	if one(r, 8) {
		return time.Duration(r.IntN(11)) * time.Minute
	}
	return time.Duration(10+r.IntN(50)) * time.Minute
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func one(r *rand.Rand, in int) bool { return r.IntN(in) == 0 }
