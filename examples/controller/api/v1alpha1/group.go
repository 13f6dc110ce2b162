package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API version of NodeAgent.
var GroupVersion = schema.GroupVersion{Group: "agents.example.com", Version: "v1alpha1"}

// Kind is the kind of NodeAgent, as the owner references of its pods name it.
const Kind = "NodeAgent"

// AddToScheme registers NodeAgent and NodeAgentList. It never fails.
func AddToScheme(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(GroupVersion, &NodeAgent{}, &NodeAgentList{})
	metav1.AddToGroupVersion(scheme, GroupVersion)
	return nil
}
