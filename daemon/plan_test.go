package daemon_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/placement"
)

func TestPlanWords(t *testing.T) {
	pod := func(name string) *corev1.Pod { return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}} }
	selector := placement.Compile(&corev1.PodTemplateSpec{Spec: corev1.PodSpec{NodeSelector: build.Labels{"disk": "ssd"}}}, placement.Options{})
	full := &daemon.Plan{
		Create:         []daemon.Create{{Node: "w1", Reason: daemon.CreateReasonMissing}},
		Delete:         []daemon.Delete{{Node: "w2", Pod: pod("a"), Reason: daemon.DeleteReasonPodFailed}},
		Events:         []daemon.Event{{Type: "Normal", Reason: "R", Message: "m"}},
		RequeueAfter:   time.Second,
		CreateDeferred: 3,
	}
	tests := []struct {
		name, why string
		what      fmt.Stringer
		want      string
	}{
		{"plan by value", "a struct may hold it so", *full, full.String()},
		{"zero plan", "the zero value writes nothing", &daemon.Plan{}, "nothing to do"},
		{"full plan", "deletions, creations, what is put off, events, when to look again", full, "delete a on w2: pod failed\n" +
			"create on w1: node has no pod\n" +
			"deferred by the burst limit: 0 to delete, 3 to create\n" +
			"event Normal R: m\n" +
			"requeue after 1s"},
		{"deletions put off", "either number is enough for the line", &daemon.Plan{DeleteDeferred: 2}, "deferred by the burst limit: 2 to delete, 0 to create"},
		{"zero create", "no node, no reason", daemon.Create{}, "create on : CreateReason(0)"},
		{"zero delete", "no pod", daemon.Delete{}, "delete <nil> on : DeleteReason(0)"},
		{"delete with an explanation", "what decided about the node", daemon.Delete{Node: "w1", Pod: pod("a"), Reason: daemon.DeleteReasonNotKept, Explanation: selector.Explain(build.Nodes("w1")[0])},
			"delete a on w1: node does not keep the pod: nodeSelector disk=ssd, node has no label disk"},
		{"delete without an explanation", "a plan of the caller's own", daemon.Delete{Node: "w1", Pod: pod("a"), Reason: daemon.DeleteReasonNotKept}, "delete a on w1: node does not keep the pod"},
		{"delete for another", "the one that stays is named", daemon.Delete{Node: "w1", Pod: pod("a"), Reason: daemon.DeleteReasonSuperseded, Stays: pod("b")},
			"delete a on w1: outdated, and the new pod is available (b)"},
		{"event", "as kubectl describe has it", daemon.Event{Type: "Warning", Reason: daemon.EventSelectingAll, Message: "all"}, "Warning SelectingAll: all"},

		{"reason", "a short phrase", daemon.CreateReasonMissing, "node has no pod"},
		{"reason", "a short phrase", daemon.CreateReasonSuccessor, "all pods on the node are terminating or finished"},
		{"reason", "a short phrase", daemon.CreateReasonSurge, "surge beside the outdated pod"},
		{"reason", "a short phrase", daemon.CreateReasonUnavailable, "outdated pod is not available"},
		{"reason", "unknown", daemon.CreateReason(-1), "CreateReason(-1)"},
		{"reason", "a short phrase", daemon.DeleteReasonPodFailed, "pod failed"},
		{"reason", "a short phrase", daemon.DeleteReasonPodSucceeded, "pod succeeded"},
		{"reason", "a short phrase", daemon.DeleteReasonNotKept, "node does not keep the pod"},
		{"reason", "a short phrase", daemon.DeleteReasonNoNode, "node does not exist and pod was never bound"},
		{"reason", "a short phrase", daemon.DeleteReasonDuplicate, "another pod stays on the node"},
		{"reason", "a short phrase", daemon.DeleteReasonNotReady, "outdated, not ready, and a new pod is there"},
		{"reason", "a short phrase", daemon.DeleteReasonSuperseded, "outdated, and the new pod is available"},
		{"reason", "a short phrase", daemon.DeleteReasonOutdated, "outdated, within maxUnavailable"},
		{"reason", "a short phrase", daemon.DeleteReasonUnavailable, "outdated and not available"},
		{"reason", "unknown", daemon.DeleteReason(99), "DeleteReason(99)"},
	}
	for _, tc := range tests {
		if diff := cmp.Diff(tc.want, tc.what.String()); diff != "" {
			t.Errorf("%s: String() (-want +got):\n%s%s", tc.name, diff, tc.why)
		}
	}
}

func TestPlanEmpty(t *testing.T) {
	tests := []struct {
		name, why string
		plan      *daemon.Plan
		want      bool
	}{
		{"zero", "the zero value", &daemon.Plan{}, true},
		{"events only", "no pod is written", &daemon.Plan{Events: []daemon.Event{{}}, RequeueAfter: 1, BackoffChanges: daemon.BackoffChanges{{}: {}}}, true},
		{"create", "a pod", &daemon.Plan{Create: []daemon.Create{{}}}, false},
		{"delete", "a pod", &daemon.Plan{Delete: []daemon.Delete{{}}}, false},
	}
	for _, tc := range tests {
		if got := tc.plan.Empty(); got != tc.want {
			t.Errorf("%s: Empty() = %v, want %v: %s", tc.name, got, tc.want, tc.why)
		}
	}
}
