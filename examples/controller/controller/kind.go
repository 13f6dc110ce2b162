package controller

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pernode/daemonset/examples/controller/api/v1alpha1"
	"github.com/pernode/daemonset/examples/controller/nodeagent"
	"github.com/pernode/daemonset/rollout"
)

// kind is what the controller must know of a kind of owner.
type kind struct {
	// name names the controller in logs and metrics.
	name string
	// daemonSet returns the owner in the form that the library reads.
	daemonSet func(owner client.Object) *appsv1.DaemonSet
	// options returns the options of a pass; remembered is the trial of the pass before.
	options func(owner client.Object, remembered *rollout.CanaryTrial) rollout.Options
	// setStatus and setTemplate are those of carryout.Writer.
	setStatus   func(owner client.Object, r *rollout.Result) bool
	setTemplate func(owner client.Object, template *corev1.PodTemplateSpec)
}

var daemonSets = kind{
	name:      "daemonset",
	daemonSet: func(owner client.Object) *appsv1.DaemonSet { return owner.(*appsv1.DaemonSet) },
	options: func(client.Object, *rollout.CanaryTrial) rollout.Options {
		return rollout.Options{}
	},
}

var nodeAgents = kind{
	name: "nodeagent",
	daemonSet: func(owner client.Object) *appsv1.DaemonSet {
		return nodeagent.DaemonSet(owner.(*v1alpha1.NodeAgent))
	},
	options: func(owner client.Object, remembered *rollout.CanaryTrial) rollout.Options {
		return nodeagent.Options(owner.(*v1alpha1.NodeAgent), remembered)
	},
	setStatus: func(owner client.Object, r *rollout.Result) bool {
		return nodeagent.SetStatus(owner.(*v1alpha1.NodeAgent), r)
	},
	setTemplate: func(owner client.Object, template *corev1.PodTemplateSpec) {
		nodeagent.SetTemplate(owner.(*v1alpha1.NodeAgent), template)
	},
}
