package main

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestManagerOptions(t *testing.T) {
	opts := managerOptions(settings{namespace: "agents", leaderElect: true, metrics: "0", probes: ":1"})
	if _, ok := opts.Cache.DefaultNamespaces["agents"]; !ok || len(opts.Cache.DefaultNamespaces) != 1 {
		t.Errorf("namespaces = %v, want agents alone", opts.Cache.DefaultNamespaces)
	}
	if !opts.LeaderElection || opts.LeaderElectionID == "" || opts.Metrics.BindAddress != "0" || opts.HealthProbeBindAddress != ":1" {
		t.Errorf("options = %+v, want what the flags say", opts)
	}
	if all := managerOptions(settings{}).Cache.DefaultNamespaces; all != nil {
		t.Errorf("namespaces = %v without the flag, want all", all)
	}
}

// The cache keeps of a node what the controller reads.
func TestSlimNode(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{
		Labels: map[string]string{"a": "b"}, ManagedFields: []metav1.ManagedFieldsEntry{{}},
	}}
	node.Spec.Taints = []corev1.Taint{{Key: "x"}}
	node.Status.Images = []corev1.ContainerImage{{}}
	node.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady}}
	if _, err := slimNode(node); err != nil {
		t.Fatal(err)
	}
	if node.ManagedFields != nil || node.Status.Images != nil {
		t.Errorf("node = %v, want no managed fields and no images", node)
	}
	if len(node.Labels) != 1 || len(node.Spec.Taints) != 1 || len(node.Status.Conditions) != 1 {
		t.Errorf("node = %v, want labels, taints and conditions kept", node)
	}
	if object, err := slimNode("a tombstone"); object != "a tombstone" || err != nil {
		t.Errorf("slimNode of something else = %v, %v, want it unchanged", object, err)
	}
}
