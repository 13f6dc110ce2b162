package daemon

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// checkDefaults refuses a DaemonSet that neither an API server nor Default has filled in.
func checkDefaults(ds *appsv1.DaemonSet) error {
	path := field.NewPath("spec", "updateStrategy")
	const fill = "fill in defaults with daemon.Default"
	switch strategy := &ds.Spec.UpdateStrategy; {
	case strategy.Type == "":
		return field.Required(path.Child("type"), fill)
	case strategy.Type == appsv1.RollingUpdateDaemonSetStrategyType && strategy.RollingUpdate == nil:
		return field.Required(path.Child("rollingUpdate"), fill)
	}
	return nil
}

// checkTime refuses the zero time if it would decide something.
func (s *Snapshot) checkTime() error {
	if !s.in.Now.IsZero() {
		return nil
	}
	if len(s.in.Backoff) > 0 {
		return timeRequired("a backoff ends at a time")
	}
	for i := range s.nodes {
		for j := range s.nodes[i].Pods {
			if p := &s.nodes[i].Pods[j]; !p.Terminating {
				if err := podTime(s.in.DaemonSet, p.Pod); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// checkTimeOf refuses changes that need a time if neither they nor the snapshot have one.
func (s *Snapshot) checkTimeOf(c *Changes) error {
	if !s.in.Now.IsZero() || !c.Now.IsZero() {
		return nil
	}
	if len(c.BackoffChanges) > 0 {
		return timeRequired("a backoff ends at a time")
	}
	for _, pod := range c.Pods {
		if claim, err := s.claimer.Pod(pod); err != nil || !claim.Owned() || pod.DeletionTimestamp != nil {
			continue
		}
		if _, ok := TargetNode(pod); !ok {
			continue // it is on no node, and counts nowhere
		}
		if err := podTime(s.in.DaemonSet, pod); err != nil {
			return err
		}
	}
	return nil
}

// podTime returns the error about the zero time if it would decide something about a pod.
func podTime(ds *appsv1.DaemonSet, pod *corev1.Pod) error {
	switch name := pod.Namespace + "/" + pod.Name; {
	case pod.Status.Phase == corev1.PodFailed:
		return timeRequired("pod " + name + " has failed, and its backoff ends at a time")
	case ds.Spec.MinReadySeconds > 0 && readyCondition(pod.Status.Conditions) != nil:
		return timeRequired("pod " + name + " is ready, and minReadySeconds is set")
	}
	return nil
}

func timeRequired(why string) error { return field.Required(field.NewPath("now"), why) }
