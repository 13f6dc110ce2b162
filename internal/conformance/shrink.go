package conformance

import (
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Shrink returns the smallest state it can find for which fails still holds. It
// drops objects, and then empties fields of those that are left, until nothing
// more can go; every step makes the text of the state shorter. The state itself
// is not changed.
func Shrink(s *State, fails func(*State) bool) *State {
	s = s.DeepCopy()
	shortest := len(s.YAML())
	try := func(change func(*State)) bool {
		next := s.DeepCopy()
		// A step may no longer fit after those before it.
		if !applies(change, next) {
			return false
		}
		length := len(next.YAML())
		if length >= shortest || !fails(next) {
			return false
		}
		s, shortest = next, length
		return true
	}
	for smaller := true; smaller; {
		smaller = false
		for _, list := range []struct {
			len  func() int
			drop func(s *State, from, to int)
		}{
			{func() int { return len(s.Pods) }, func(s *State, i, j int) { s.Pods = slices.Delete(s.Pods, i, j) }},
			{func() int { return len(s.Nodes) }, func(s *State, i, j int) { s.Nodes = slices.Delete(s.Nodes, i, j) }},
			{func() int { return len(s.Revisions) }, func(s *State, i, j int) { s.Revisions = slices.Delete(s.Revisions, i, j) }},
			{func() int { return len(s.Backoff) }, func(s *State, i, j int) { s.Backoff = slices.Delete(s.Backoff, i, j) }},
		} {
			for size := max(list.len()/2, 1); size > 0; size /= 2 {
				for i := 0; i+size <= list.len(); {
					if try(func(s *State) { list.drop(s, i, i+size) }) {
						smaller = true
					} else {
						i += size
					}
				}
			}
		}
		for _, c := range simplifications(s) {
			if try(c) {
				smaller = true
			}
		}
	}
	return s
}

func applies(change func(*State), s *State) (ok bool) {
	defer func() { ok = recover() == nil }()
	change(s)
	return true
}

// simplifications are the single steps that make a state easier to read.
func simplifications(s *State) []func(*State) {
	var out []func(*State)
	add := func(change func(*State)) { out = append(out, change) }
	add(func(s *State) { s.AwaitingWrites = false })
	add(func(s *State) { s.BurstReplicas = 0 })
	add(func(s *State) { s.ComparisonOperators = false })
	add(func(s *State) { s.DaemonSet.Status = appsv1.DaemonSetStatus{} })
	add(func(s *State) { s.DaemonSet.Status.CollisionCount = nil })
	add(func(s *State) { s.DaemonSet.Status.ObservedGeneration = s.DaemonSet.Generation })
	add(func(s *State) { s.DaemonSet.Annotations = nil })
	add(func(s *State) { s.DaemonSet.DeletionTimestamp, s.DaemonSet.Finalizers = nil, nil })
	add(func(s *State) { s.DaemonSet.Generation, s.DaemonSet.Status.ObservedGeneration = 1, 1 })
	add(func(s *State) { s.DaemonSet.Spec.MinReadySeconds = 0 })
	add(func(s *State) { s.DaemonSet.Spec.RevisionHistoryLimit = new(int32(10)) })
	add(func(s *State) {
		one := intstr.FromInt32(1)
		s.DaemonSet.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &one}}
	})
	add(func(s *State) { s.DaemonSet.Spec.Selector.MatchExpressions = nil })
	add(func(s *State) {
		retemplate(s, func(t *corev1.PodTemplateSpec) {
			*t = corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: t.Labels}}
		})
	})
	for _, change := range []func(*corev1.PodTemplateSpec){
		func(t *corev1.PodTemplateSpec) { t.Spec.Affinity = nil },
		func(t *corev1.PodTemplateSpec) { t.Spec.Tolerations = nil },
		func(t *corev1.PodTemplateSpec) { t.Spec.NodeSelector = nil },
		func(t *corev1.PodTemplateSpec) { t.Spec.HostNetwork = false },
		func(t *corev1.PodTemplateSpec) { t.Spec.NodeName = "" },
		func(t *corev1.PodTemplateSpec) { t.Spec.Containers = nil },
		func(t *corev1.PodTemplateSpec) {
			t.Annotations, t.Finalizers, t.Name, t.GenerateName = nil, nil, "", ""
		},
		func(t *corev1.PodTemplateSpec) { delete(t.Labels, "tier") },
	} {
		add(func(s *State) { retemplate(s, change) })
	}
	if a := s.DaemonSet.Spec.Template.Spec.Affinity; a != nil {
		add(func(s *State) {
			retemplate(s, func(t *corev1.PodTemplateSpec) { t.Spec.Affinity.PodAntiAffinity = nil })
		})
	}
	for i := range s.DaemonSet.Spec.Template.Spec.Tolerations {
		add(func(s *State) {
			retemplate(s, func(t *corev1.PodTemplateSpec) {
				if i < len(t.Spec.Tolerations) {
					t.Spec.Tolerations = slices.Delete(t.Spec.Tolerations, i, i+1)
				}
			})
		})
	}
	for i := range s.Nodes {
		add(func(s *State) { s.Nodes[i].Labels = nil })
		add(func(s *State) { s.Nodes[i].Spec.Unschedulable = false })
		add(func(s *State) { s.Nodes[i].Spec.Taints = nil })
		for j := range s.Nodes[i].Spec.Taints {
			add(func(s *State) {
				if j < len(s.Nodes[i].Spec.Taints) {
					s.Nodes[i].Spec.Taints = slices.Delete(s.Nodes[i].Spec.Taints, j, j+1)
				}
			})
		}
		for key := range s.Nodes[i].Labels {
			add(func(s *State) { delete(s.Nodes[i].Labels, key) })
		}
	}
	for i := range s.Pods {
		add(func(s *State) { s.Pods[i].DeletionTimestamp, s.Pods[i].DeletionGracePeriodSeconds = nil, nil })
		add(func(s *State) { s.Pods[i].DeletionGracePeriodSeconds = nil })
		add(func(s *State) { s.Pods[i].Status.Conditions = nil })
		add(func(s *State) { s.Pods[i].Status.Phase = corev1.PodRunning })
		add(func(s *State) { s.Pods[i].CreationTimestamp = metav1.NewTime(s.Now.Add(-time.Hour)) })
		for key := range s.Pods[i].Labels {
			add(func(s *State) { delete(s.Pods[i].Labels, key) })
		}
	}
	for i := range s.Revisions {
		for key := range s.Revisions[i].Labels {
			add(func(s *State) { delete(s.Revisions[i].Labels, key) })
		}
		add(func(s *State) { s.Revisions[i].DeletionTimestamp, s.Revisions[i].Finalizers = nil, nil })
	}
	return out
}

// retemplate changes the template, and the revisions that hold it.
func retemplate(s *State, change func(*corev1.PodTemplateSpec)) {
	before, err := getPatch(s.DaemonSet)
	if err != nil {
		return
	}
	change(&s.DaemonSet.Spec.Template)
	after, err := getPatch(s.DaemonSet)
	if err != nil {
		return
	}
	for _, r := range s.Revisions {
		if string(r.Data.Raw) == string(before) {
			r.Data.Raw = after
		}
	}
}
