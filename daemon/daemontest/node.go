package daemontest

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/taint"
)

// Nodes returns n nodes with the names node-1, node-2 and so on, each as Node returns it with
// the given labels. There are none if n is not above zero.
func Nodes(n int, labels ...string) []*corev1.Node {
	var nodes []*corev1.Node
	for i := range n {
		nodes = append(nodes, Node(fmt.Sprintf("node-%d", i+1), labels...))
	}
	return nodes
}

// Node returns a node that is ready, with the labels that a kubelet gives it, for Linux on
// amd64 (initialNode@v1.37.2), and those in labels, such as "zone=a", or "gpu" for an empty
// value. It has no status.allocatable, and therefore room for all pods.
func Node(name string, labels ...string) *corev1.Node {
	node := build.Node{Name: name, Labels: build.Labels{
		corev1.LabelHostname: name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
	}}.Object()
	node.Status.Conditions = []corev1.NodeCondition{{
		Type: corev1.NodeReady, Status: corev1.ConditionTrue, Reason: "KubeletReady", LastTransitionTime: metav1.NewTime(Start()),
	}}
	for _, label := range labels {
		setLabel(node, label)
	}
	return node
}

// Label gives the nodes, which have not joined a cluster yet, a label such as "zone=a", or
// "gpu" for an empty value. It ends the test if the API server would refuse the label, and
// without nodes.
func Label(t testing.TB, label string, nodes ...*corev1.Node) {
	t.Helper()
	checkLabel(t, label)
	if len(nodes) == 0 {
		t.Fatalf("label %q: no nodes are given", label)
	}
	for _, node := range nodes {
		if node == nil {
			t.Fatalf("label %q: a node is nil", label)
		}
		setLabel(node, label)
	}
}

func setLabel(node *corev1.Node, label string) {
	key, value, _ := strings.Cut(label, "=")
	metav1.SetMetaDataLabel(&node.ObjectMeta, key, value)
}

func checkLabel(t testing.TB, label string) {
	t.Helper()
	key, value, _ := strings.Cut(label, "=")
	if wrong := wrongPair(key, value); wrong != "" {
		t.Fatalf("label %q: %s", label, wrong)
	}
}

// wrongPair says which part of a label or of a taint the API server refuses and why, in its words;
// nothing, if it refuses none.
func wrongPair(key, value string) string {
	var parts []string
	if wrong := validation.IsQualifiedName(key); len(wrong) > 0 {
		parts = append(parts, fmt.Sprintf("the key %q: %s", key, wrong[0]))
	}
	if wrong := validation.IsValidLabelValue(value); len(wrong) > 0 {
		parts = append(parts, fmt.Sprintf("the value %q: %s", value, wrong[0]))
	}
	return strings.Join(parts, "; ")
}

// Taint gives the nodes, which have not joined a cluster yet, a taint in kubectl's words:
// "dedicated=db:NoSchedule", or "gpu:NoExecute" for an empty value. It ends the test if the
// API server would refuse the taint, and without nodes.
func Taint(t testing.TB, taint string, nodes ...*corev1.Node) {
	t.Helper()
	parsed := parseTaint(t, taint)
	if len(nodes) == 0 {
		t.Fatalf("taint %q: no nodes are given", taint)
	}
	for _, node := range nodes {
		if node == nil {
			t.Fatalf("taint %q: a node is nil", taint)
		}
		setTaint(node, parsed)
	}
}

// setTaint adds a taint, or changes the value of the one with its key and effect.
func setTaint(node *corev1.Node, taint corev1.Taint) {
	for i := range node.Spec.Taints {
		if old := &node.Spec.Taints[i]; old.MatchTaint(&taint) {
			*old = taint
			return
		}
	}
	node.Spec.Taints = append(node.Spec.Taints, taint)
}

// parseTaint reads key=value:effect or key:effect.
func parseTaint(t testing.TB, text string) corev1.Taint {
	t.Helper()
	pair, effect, _ := strings.Cut(text, ":")
	key, value, _ := strings.Cut(pair, "=")
	if wrong := wrongPair(key, value); wrong != "" {
		t.Fatalf("taint %q: %s", text, wrong)
	}
	if !taint.IsEffect(corev1.TaintEffect(effect)) {
		t.Fatalf("taint %q: the effect is %q and must be NoSchedule, PreferNoSchedule or NoExecute, as in key=value:NoSchedule", text, effect)
	}
	return corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)}
}
