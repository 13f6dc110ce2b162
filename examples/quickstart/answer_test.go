package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

func TestReasons(t *testing.T) {
	const down = "1 node is not ready and keeps a pod that is not available"
	hurts := []simulate.Risk{{Kind: simulate.RiskPodsLost, Nodes: []string{"a", "b"}}, {Kind: simulate.RiskStalled}}
	for _, tc := range []struct {
		name, why string
		a         answer
		want      string
	}{
		{"complete", "well", answer{State: "complete"}, ""},
		{"stalled", "somebody has to look", answer{State: "stalled"}, "the rollout is stalled"},
		{"disrupted", "pods are gone", answer{State: "disrupted", NotReady: 1}, down},
		{"stalled without ready nodes", "both need somebody", answer{State: "stalled", NotReady: 2}, "the rollout is stalled|2 nodes are not ready and keep pods that are not available"},
		{"overdue", "nobody works on it", answer{State: "progressing", DueSince: testNow}, "the controller may be down"},
		{"unobserved", "somebody may be about to", answer{State: "progressing", Unobserved: 1}, ""},
		{"repaired", "the manifest decides", answer{State: "stalled", NotReady: 1, Proposal: &proposal{}}, ""},
		{"repaired without a controller", "nobody carries it out", answer{State: "stalled", DueSince: testNow, Proposal: &proposal{}}, "the controller may be down"},
		{"not repaired", "it changes nothing", answer{State: "stalled", NotReady: 1, Proposal: &proposal{NoChange: true}}, "the rollout is stalled|" + down},
		{"hurts", "all of it is said", answer{State: "complete", Proposal: &proposal{risks: hurts}}, "the manifest would hurt: nodes that lose the pod: 2, the rollout stalls"},
		{"refused", "what is there decides", answer{State: "complete", Proposal: &proposal{risks: hurts, Refused: []*manifest.Error{{}}}}, ""},
	} {
		if got := strings.Join(tc.a.reasons(), "|"); got != tc.want {
			t.Errorf("%s: reasons() = %q, want %q: %s", tc.name, got, tc.want, tc.why)
		}
	}
}

// TestCauses: whoever asks about a manifest does not ask about the others.
func TestCauses(t *testing.T) {
	stalled, well := &answer{Namespace: "n", Name: "stalled", State: "stalled"}, &answer{Namespace: "n", Name: "well", State: "complete"}
	repair := &answer{Namespace: "n", Name: "repair", State: "stalled", Proposal: &proposal{}}
	same := &answer{Namespace: "n", Name: "same", State: "stalled", Proposal: &proposal{NoChange: true}}
	for _, tc := range []struct {
		name, why string
		sets      []*answer
		want      string
	}{
		{"no manifest", "the worst counts", []*answer{stalled, well}, "n/stalled: the rollout is stalled"},
		{"manifest that repairs", "it was there before, and is of another", []*answer{stalled, repair}, ""},
		{"manifest that changes nothing", "the same DaemonSets count as if it changed something", []*answer{stalled, same}, "n/same: the rollout is stalled"},
	} {
		if got := strings.Join(texts((&report{DaemonSets: tc.sets}).causes()), "|"); got != tc.want {
			t.Errorf("%s: causes() = %q, want %q: %s", tc.name, got, tc.want, tc.why)
		}
	}
}

func TestBlockersOrder(t *testing.T) {
	var got []string
	for _, b := range blockers(&health.Assessment{Blockers: []health.Blocker{
		{Node: "a", Kind: health.BlockerNotReady}, {Node: "b", Kind: health.BlockerImage}, {Node: "c", Kind: health.BlockerNotReady},
	}}) {
		got = append(got, b.Node)
	}
	if diff := cmp.Diff([]string{"b", "a", "c"}, got); diff != "" {
		t.Errorf("blockers (-want +got):\n%s", diff)
	}
}

// The image is in the answer if it cannot be pulled, and only then.
func TestBlockerImage(t *testing.T) {
	for kind, want := range map[health.BlockerKind]string{health.BlockerImage: "a:1", health.BlockerNotReady: ""} {
		b := blockerOf(health.Blocker{Node: "n", Kind: kind, Container: &health.Container{Name: "a", Image: "a:1"}})
		if b.Image != want || b.Container != "a" {
			t.Errorf("%v: image %q of container %q, want %q of a", kind, b.Image, b.Container, want)
		}
	}
}

// A problem of a simulated rollout has the clock of its end, and one of the facts has that of the cluster.
func TestBlockerClock(t *testing.T) {
	start := testNow
	for _, tc := range []struct {
		name string
		b    blocker
		want string
	}{
		{"now", blocker{Node: "n", Text: "not ready", Since: start.Add(2 * time.Second)}, "n: not ready; since 2026-01-01T10:00:02Z"},
		{"simulated", blocker{Node: "n", Text: "not ready", Since: start.Add(2 * time.Second), start: start}, "n: not ready; since 2s after the start"},
		{"simulated, from before", blocker{Node: "n", Text: "not ready", Since: start.Add(-time.Hour), start: start}, "n: not ready; since 2026-01-01T09:00:00Z"},
		{"in the text", blocker{Node: "n", Text: "terminating until 2026-01-01T10:00:30Z", Until: start.Add(30 * time.Second), start: start}, "n: terminating until 30s after the start"},
	} {
		if got := tc.b.String(); got != tc.want {
			t.Errorf("%s: String() = %q, want %q", tc.name, got, tc.want)
		}
	}
}

// Two pods on a node that is not ready: the node is the same one.
func TestBlockersOfNode(t *testing.T) {
	down := &corev1.NodeCondition{Type: corev1.NodeReady, Status: corev1.ConditionFalse, Reason: "KubeletNotReady"}
	pod := func(name string) *corev1.Pod { return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name}} }
	for _, tc := range []struct {
		name, why string
		second    health.BlockerKind
		want      []string
	}{
		{"two that end", "the first says why", health.BlockerStuckTerminating,
			[]string{"terminating, past its grace period; node is not ready: KubeletNotReady", "terminating, past its grace period"}},
		{"one that ends", "the other one is about the node", health.BlockerNodeNotReady,
			[]string{"terminating, past its grace period", "node is not ready"}},
	} {
		var got []string
		for _, b := range blockers(&health.Assessment{Blockers: []health.Blocker{
			{Node: "n", Pod: pod("a"), Kind: health.BlockerStuckTerminating, NodeReady: down},
			{Node: "n", Pod: pod("b"), Kind: tc.second, NodeReady: down},
		}}) {
			got = append(got, b.Text)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: blockers: %s (-want +got):\n%s", tc.name, tc.why, diff)
		}
	}
}

// Answers of one line stand together, longer ones apart.
func TestBlankLines(t *testing.T) {
	short, long := &answer{Name: "s", State: "complete"}, &answer{Name: "l", State: "stalled"}
	var out strings.Builder
	(&report{DaemonSets: []*answer{long, short, short, long}}).write(&out)
	if want := "/l: \n\n/s: \n/s: \n\n/l: \n"; out.String() != want {
		t.Errorf("write = %q, want %q", out.String(), want)
	}
}

func TestChangeTexts(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		change    *change
		want      string
	}{
		{"nil", "nothing changes", nil, ""},
		{"same meaning", "API servers of different versions encode a template", &change{From: 2, To: 3},
			"revision 2 means the same as the template but is encoded differently: its pods count as outdated"},
		{"one", "it fits on the line", &change{From: 2, To: 3, Fields: []string{"a"}}, "revision 2 to 3: a"},
		{"two", "one below the other", &change{From: 2, To: 3, Fields: []string{"a", "b"}}, "revision 2 to 3: |a|b"},
	} {
		if got := strings.Join(tc.change.texts(), "|"); got != tc.want {
			t.Errorf("%s: texts() = %q, want %q: %s", tc.name, got, tc.want, tc.why)
		}
	}
}

func TestSentence(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		state     string
		p         proposal
		want      string
	}{
		{"no change", "there is nothing to add", "stalled", proposal{NoChange: true, End: &end{State: "stalled"}}, "changes nothing"},
		{"not simulated", "nodes are missing", "status", proposal{}, "starts no rollout"},
		{"complete", "there is no present rollout", "complete", proposal{End: &end{State: "complete", Seconds: 60, clause: "complete after 1m0s"}}, "starts no rollout, complete after 1m0s"},
		{"disrupted", "it is complete on the nodes that count", "disrupted", proposal{End: &end{State: "complete", clause: "complete from the start"}}, "starts no rollout, complete from the start"},
		{"repaired", "the present one was stalled", "stalled", proposal{End: &end{State: "complete", Seconds: 6, clause: "complete after 6s"}}, "starts no rollout; the present one goes on, complete after 6s"},
		{"stalled", "as before", "stalled", proposal{End: &end{State: "stalled"}, Loses: make([]nodeEffect, 1)}, "starts no rollout; the present one stays stalled; 1 node loses the pod"},
		{"progressing", "nobody has waited long enough to call it stalled", "progressing", proposal{End: &end{State: "stalled", clause: "stalled from the start"}, Loses: make([]nodeEffect, 2)},
			"starts no rollout; the present one is stalled from the start; 2 nodes lose the pod"},
		{"being deleted", "there is no rollout to go on", "deleting", proposal{End: &end{State: "ignored"}}, "starts no rollout, the controller does nothing"},
		{"rollout", "the new one counts", "stalled", proposal{Rollout: true, Revision: 3, End: &end{State: "stalled", clause: "stalled from the start"}}, "starts a rollout to revision 3, stalled from the start"},
		{"undo", "both numbers", "stalled", proposal{Rollout: true, Revision: 3, OldRevision: 1}, "starts a rollout to the template of revision 1, now revision 3"},
	} {
		if got := tc.p.sentence(tc.state); got != tc.want {
			t.Errorf("%s: sentence(%s) = %q, want %q: %s", tc.name, tc.state, got, tc.want, tc.why)
		}
	}
}

func TestEndText(t *testing.T) {
	const ready = "pods are ready 10s after their start and gone 2s after their deletion"
	assumed := []string{"the new image can be pulled"}
	for _, tc := range []struct {
		name, why string
		end       end
		isNew     bool
		want      string
	}{
		{"nothing new", "times are assumed", end{Desired: 2, LowestAvailable: 1}, false, "1 of 2 nodes available at the worst moment, if " + ready},
		{"new image", "the library says what is assumed", end{Desired: 1, Assumptions: assumed}, false, "0 of 1 node available at the worst moment, if the new image can be pulled, and " + ready},
		{"new DaemonSet", "it has no pods to lose", end{Desired: 2, Assumptions: assumed}, true, "if the new image can be pulled, and " + ready},
		{"new, nothing happens", "the verdict has the number of nodes", end{Desired: 2, LowestAvailable: 2, idle: true}, true, "if " + ready},
		{"nothing happens", "nothing is assumed", end{Desired: 2, LowestAvailable: 2, idle: true}, false, "2 of 2 nodes available"},
		{"being deleted", "the controller does nothing", end{State: "ignored"}, false, ""},
		{"nowhere", "nothing is assumed of no pod", end{RunsNowhere: true}, false, "it runs on no node"},
		{"new and nowhere", "the verdict says it", end{RunsNowhere: true, idle: true}, true, ""},
		{"pods that are left", "they do not count", end{}, false, ""},
		{"pods that are left, nothing happens", "they do not count", end{idle: true}, false, ""},
	} {
		if got := tc.end.text(tc.isNew); got != tc.want {
			t.Errorf("%s: text() = %q, want %q: %s", tc.name, got, tc.want, tc.why)
		}
	}
}
