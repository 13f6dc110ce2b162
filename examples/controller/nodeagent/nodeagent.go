// Package nodeagent maps the resource NodeAgent to the input of package rollout, and what a
// pass finds back to its status. All functions are pure: whoever has a resource of their own
// copies this package and changes the fields.
package nodeagent

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/examples/controller/api/v1alpha1"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/carryout"
)

// DaemonSet returns the agent in the form that package daemon reads. Its TypeMeta is that of
// NodeAgent, and its metadata is the agent's, so that owner references and events name the
// agent. The defaults of daemon.Default are filled in. The result shares nothing with the
// agent, which is not changed. nil gives nil.
func DaemonSet(agent *v1alpha1.NodeAgent) *appsv1.DaemonSet {
	if agent == nil {
		return nil
	}
	return daemon.Default(&appsv1.DaemonSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: v1alpha1.Kind},
		ObjectMeta: agent.ObjectMeta,
		Spec: appsv1.DaemonSetSpec{
			Selector:             &agent.Spec.Selector,
			Template:             agent.Spec.Template,
			UpdateStrategy:       agent.Spec.UpdateStrategy,
			MinReadySeconds:      agent.Spec.MinReadySeconds,
			RevisionHistoryLimit: agent.Spec.RevisionHistoryLimit,
		},
		Status: daemonSetStatus(agent.Status.Counters),
	})
}

// Options returns the options of a pass: the policy of the agent, and the trial to go on
// with. remembered is the Result.CanaryTrial of the pass before, or nil for the first pass,
// which goes on with the one in the agent's status. If the spec promotes the template that
// is tried, the trial is a copy with the state CanaryPromoted. The result shares nothing with
// the agent; it may be remembered, which is read-only. The agent must not be nil.
func Options(agent *v1alpha1.NodeAgent, remembered *rollout.CanaryTrial) rollout.Options {
	opts := rollout.Options{Policy: *agent.Spec.Policy.DeepCopy(), CanaryTrial: remembered}
	if opts.CanaryTrial == nil {
		opts.CanaryTrial = agent.Status.CanaryTrial.DeepCopy()
	}
	promote := agent.Spec.Promote
	if trial := opts.CanaryTrial; trial != nil && promote != "" && trial.RevisionHash == promote && trial.State != rollout.CanaryPromoted {
		opts.CanaryTrial = trial.DeepCopy()
		opts.CanaryTrial.State = rollout.CanaryPromoted
	}
	return opts
}

// SetStatus puts what a pass found into the status of the agent, and reports whether that
// changed the agent. It shares nothing with the result. If one of them is nil nothing
// changes.
func SetStatus(agent *v1alpha1.NodeAgent, r *rollout.Result) bool {
	if agent == nil || r == nil {
		return false
	}
	status := daemonSetStatus(agent.Status.Counters)
	changed := carryout.MergeStatus(&status, r.Status)
	agent.Status.Counters = counters(status)
	if !equality.Semantic.DeepEqual(agent.Status.CanaryTrial, r.CanaryTrial) {
		agent.Status.CanaryTrial, changed = r.CanaryTrial.DeepCopy(), true
	}
	return changed
}

// SetTemplate gives the agent a copy of the template. A nil template, and a nil agent,
// change nothing.
func SetTemplate(agent *v1alpha1.NodeAgent, template *corev1.PodTemplateSpec) {
	if agent != nil && template != nil {
		agent.Spec.Template = *template.DeepCopy()
	}
}

// daemonSetStatus returns the counters as a DaemonSet has them.
func daemonSetStatus(c v1alpha1.Counters) appsv1.DaemonSetStatus {
	return appsv1.DaemonSetStatus{
		ObservedGeneration:     c.ObservedGeneration,
		DesiredNumberScheduled: c.DesiredNumberScheduled,
		CurrentNumberScheduled: c.CurrentNumberScheduled,
		NumberMisscheduled:     c.NumberMisscheduled,
		NumberReady:            c.NumberReady,
		UpdatedNumberScheduled: c.UpdatedNumberScheduled,
		NumberAvailable:        c.NumberAvailable,
		NumberUnavailable:      c.NumberUnavailable,
		CollisionCount:         c.CollisionCount,
	}
}

// counters is the inverse of daemonSetStatus.
func counters(s appsv1.DaemonSetStatus) v1alpha1.Counters {
	return v1alpha1.Counters{
		ObservedGeneration:     s.ObservedGeneration,
		DesiredNumberScheduled: s.DesiredNumberScheduled,
		CurrentNumberScheduled: s.CurrentNumberScheduled,
		NumberMisscheduled:     s.NumberMisscheduled,
		NumberReady:            s.NumberReady,
		UpdatedNumberScheduled: s.UpdatedNumberScheduled,
		NumberAvailable:        s.NumberAvailable,
		NumberUnavailable:      s.NumberUnavailable,
		CollisionCount:         s.CollisionCount,
	}
}
