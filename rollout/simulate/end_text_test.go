package simulate_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// TestIncompleteNodeString: the full stop of the scheduler ends the line only.
func TestIncompleteNodeString(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "agent-1"}}
	unschedulable := health.Blocker{Node: "a", Pod: pod, Kind: health.BlockerUnschedulable, Message: "0/1 nodes are available: 1 Insufficient cpu."}
	for _, tc := range []struct {
		updated bool
		more    []health.Blocker
		want    string
	}{
		{updated: true, want: "a: agent-1: cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu."},
		{updated: false, want: "a: agent-1: cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu; agent-1 has an outdated template"},
		{updated: true, more: []health.Blocker{unschedulable}, want: "a: agent-1: cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu; agent-1: cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu."},
	} {
		n := simulate.IncompleteNode{
			NodeStatus: daemon.NodeStatus{Node: "a", Desired: true, Updated: tc.updated, Pod: pod},
			Blockers:   append([]health.Blocker{unschedulable}, tc.more...),
		}
		if got := n.String(); got != tc.want {
			t.Errorf("String() = %q, want %q", got, tc.want)
		}
	}
}

// TestEndStringHeldCreations: a complete rollout says on how many nodes the policy creates no pod.
func TestEndStringHeldCreations(t *testing.T) {
	all := &rollout.IgnoreNodes{By: func(*daemon.NodeState) bool { return true }, Creations: true}
	end := settle(t, daemon.Input{DaemonSet: build.Set{}.Object(), Nodes: build.Nodes("a", "b"), Now: build.Now}, simulate.Options{Policy: rollout.Policy{IgnoreNodes: all}})
	if want := "\nheld back: 2 by ignored node\nignored: a (ignored by the caller), b (ignored by the caller)"; !strings.HasSuffix(end.String(), want) {
		t.Errorf("String() = %q, want %q at its end", end, want)
	}
}
