package v1alpha1

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/rollout"
)

// NodeAgent runs one pod on every node that fits.
//
// +kubebuilder:object:root=true
// +kubebuilder:resource:shortName=na
// +kubebuilder:subresource:status
// +kubebuilder:printcolumn:name="Desired",type=integer,JSONPath=".status.desiredNumberScheduled"
// +kubebuilder:printcolumn:name="Current",type=integer,JSONPath=".status.currentNumberScheduled"
// +kubebuilder:printcolumn:name="Ready",type=integer,JSONPath=".status.numberReady"
// +kubebuilder:printcolumn:name="Up-to-date",type=integer,JSONPath=".status.updatedNumberScheduled"
// +kubebuilder:printcolumn:name="Available",type=integer,JSONPath=".status.numberAvailable"
// +kubebuilder:printcolumn:name="Canary",type=string,JSONPath=".status.canaryTrial.state",priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=".metadata.creationTimestamp"
type NodeAgent struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// Spec is what to run and how to update it.
	Spec NodeAgentSpec `json:"spec"`
	// Status is what the controller has found. Only the controller writes it.
	//
	// +optional
	Status NodeAgentStatus `json:"status,omitzero"`
}

// NodeAgentSpec is what to run and how to update it.
type NodeAgentSpec struct {
	// Selector selects the pods of the agent. It must match the labels of the template, and
	// must not be empty.
	//
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable"
	Selector metav1.LabelSelector `json:"selector"`
	// Template is the pod to run on each node.
	//
	// The CRD does not spell the fields of a pod out, which would make it 10,000 lines long:
	// the API server keeps what it is given, and refuses a wrong pod when the controller
	// creates it.
	//
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:Type=object
	// +kubebuilder:pruning:PreserveUnknownFields
	Template corev1.PodTemplateSpec `json:"template"`
	// UpdateStrategy says how pods of an older template are replaced, as for a DaemonSet.
	//
	// +optional
	UpdateStrategy appsv1.DaemonSetUpdateStrategy `json:"updateStrategy,omitzero"`
	// MinReadySeconds is how long a pod must be ready to be available.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	MinReadySeconds int32 `json:"minReadySeconds,omitempty"`
	// RevisionHistoryLimit is how many older revisions stay for a rollback; 10 if not set.
	//
	// +optional
	// +kubebuilder:validation:Minimum=0
	RevisionHistoryLimit *int32 `json:"revisionHistoryLimit,omitempty"`
	// Policy restricts the update: a pause, a partition, a canary, one zone at a time and more.
	//
	// +optional
	Policy rollout.Policy `json:"policy,omitzero"`
	// Promote is the revision hash of a template whose canary is approved, whatever the
	// state of its trial. status.canaryTrial.revisionHash has the hash of the template
	// that is tried. Another hash has no effect, so an old approval does not cover a new
	// template.
	//
	// +optional
	Promote string `json:"promote,omitempty"`
}

// NodeAgentStatus is what the controller has found.
type NodeAgentStatus struct {
	Counters `json:",inline"`
	// CanaryTrial is the memory of the canary. It is kept here so that a controller that
	// starts again knows it.
	//
	// +optional
	CanaryTrial *rollout.CanaryTrial `json:"canaryTrial,omitempty"`
}

// Counters are the fields of a DaemonSetStatus, except its conditions: no controller writes
// them, and an API server refuses a CRD that contains their type, because it does not require
// the key of the list.
type Counters struct {
	// ObservedGeneration is the generation that the counters are about.
	//
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// DesiredNumberScheduled is the number of nodes that should run a pod.
	DesiredNumberScheduled int32 `json:"desiredNumberScheduled"`
	// CurrentNumberScheduled is the number of those nodes that have a pod.
	CurrentNumberScheduled int32 `json:"currentNumberScheduled"`
	// NumberMisscheduled is the number of nodes that have a pod and should not.
	NumberMisscheduled int32 `json:"numberMisscheduled"`
	// NumberReady is the number of nodes whose pod is ready.
	NumberReady int32 `json:"numberReady"`
	// UpdatedNumberScheduled is the number of nodes whose pod has the current template.
	//
	// +optional
	UpdatedNumberScheduled int32 `json:"updatedNumberScheduled,omitempty"`
	// NumberAvailable is the number of nodes whose pod is available: ready for
	// minReadySeconds.
	//
	// +optional
	NumberAvailable int32 `json:"numberAvailable,omitempty"`
	// NumberUnavailable is the number of nodes that should run a pod and have no available
	// one.
	//
	// +optional
	NumberUnavailable int32 `json:"numberUnavailable,omitempty"`
	// CollisionCount counts collisions of revision names.
	//
	// +optional
	CollisionCount *int32 `json:"collisionCount,omitempty"`
}

// NodeAgentList is a list of NodeAgents.
//
// +kubebuilder:object:root=true
type NodeAgentList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	// Items are the NodeAgents.
	Items []NodeAgent `json:"items"`
}
