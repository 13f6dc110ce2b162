package health_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

// TestLongTextIsCut: a sentence stays a sentence in any cluster.
func TestLongTextIsCut(t *testing.T) {
	var names []string
	var pods []*corev1.Pod
	for i := range 20 {
		name := fmt.Sprintf("w%02d", i)
		names = append(names, name)
		pods = append(pods, newAgent(name, podMade(time.Hour), podUnbound("Unschedulable", strings.Repeat("ä ", 1000), time.Hour)))
	}
	got := assess(t, assessCase{nodes: build.Nodes(names...), pods: pods})
	if s := strings.TrimSuffix(got.String(), doubt); len([]rune(s)) > 1000 || !strings.HasSuffix(s, "..., and 17 more nodes") && !strings.HasSuffix(s, "...), and 17 more nodes") {
		t.Errorf("Assess().String() = %q, want three nodes and the number of the others", s)
	}
	got = assess(t, assessCase{set: build.Set{OnDelete: true}, nodes: build.Nodes(names...), pods: func() (old []*corev1.Pod) {
		for _, name := range names {
			old = append(old, oldAgent(name))
		}
		return old
	}()})
	const want = "waiting: 0 of 20 nodes complete; 20 outdated pods wait to be deleted: " +
		"old-w00 on w00, old-w01 on w01, old-w02 on w02, old-w03 on w03, old-w04 on w04, and 15 more"
	if got.String() != want {
		t.Errorf("Assess().String() = %q, want %q", got, want)
	}
}

func TestStrings(t *testing.T) {
	for _, tc := range []struct {
		got  fmt.Stringer
		want string
	}{
		{health.StateProgressing, "progressing"},
		{health.StateComplete, "complete"},
		{health.StateStalled, "stalled"},
		{health.StateWaiting, "waiting"},
		{health.StateDeleting, "deleting"},
		{health.State(0), "State(0)"},
		{health.BlockerImage, "image cannot be pulled"},
		{health.BlockerNoPod, "no pod"},
		{health.BlockerKind(14), "BlockerKind(14)"},
		{(*health.Assessment)(nil), "no assessment"},
		{&health.Assessment{}, "no assessment"},
		{&health.Assessment{State: health.StateProgressing, NodesMissing: true}, "progressing: no node was given, although the status counts desired pods"},
		{&health.Assessment{State: health.StateStalled}, "stalled: no eligible node"},
		{health.Blocker{}, ": BlockerKind(0)"},
		{health.Blocker{Node: "w1", Kind: health.BlockerCrashLoop}, "w1: container keeps crashing"},
		{
			health.Blocker{Node: "w1", Pod: &corev1.Pod{}, Kind: health.BlockerTerminating, Until: build.Now},
			"w1: pod without a name: terminating until 2026-01-01T12:00:00Z",
		},
		{
			&health.Assessment{State: health.StateWaiting, Desired: 1, Outdated: []*corev1.Pod{nil, {}}},
			"waiting: 0 of 1 node complete; 2 outdated pods wait to be deleted: <nil>, pod without a name",
		},
	} {
		if got := tc.got.String(); got != tc.want {
			t.Errorf("%T.String() = %q, want %q", tc.got, got, tc.want)
		}
	}
	for kind := health.BlockerImage; kind <= health.BlockerNoPod; kind++ {
		if s := (health.Blocker{Node: "w1", Kind: kind}).String(); strings.Contains(s, "(") || strings.HasSuffix(s, " ") {
			t.Errorf("Blocker{Kind: %d}.String() = %q", int(kind), s)
		}
	}
}

// TestStringsHalfFilled: no value of the exported types makes String panic.
func TestStringsHalfFilled(t *testing.T) {
	var blockers []health.Blocker
	for kind := health.BlockerKind(-1); kind <= health.BlockerNoPod+1; kind++ {
		for _, container := range []*health.Container{nil, {}, {LastEnd: &corev1.ContainerStateTerminated{}}} {
			for _, pod := range []*corev1.Pod{nil, {}} {
				blockers = append(blockers, health.Blocker{Kind: kind, Container: container, Pod: pod})
			}
		}
	}
	for _, b := range blockers {
		_ = b.String()
	}
	for state := health.State(-1); state <= health.StateDeleting+1; state++ {
		for kind := rollout.BudgetKind(0); kind <= rollout.BudgetMaxSurge+1; kind++ {
			for _, outdated := range [][]*corev1.Pod{nil, {nil}, {{}, nil}} {
				for _, users := range [][]rollout.BudgetUser{nil, {{}}, {{Node: "w1"}, {Node: "w1"}}} {
					a := &health.Assessment{State: state, Outdated: outdated, Budget: rollout.Budget{Kind: kind, Users: users}, CreateCount: -1, Desired: -1}
					_ = a.String()
					a.Blockers = blockers
					a.Policy = rollout.PolicyStatus{
						Restricted: []rollout.Restricted{{}}, Ignored: []rollout.IgnoredNode{{}}, Canary: &rollout.CanaryStatus{Problems: make([]rollout.CanaryProblem, 1)},
					}
					if text := a.String(); text == "" || strings.Contains(text, "\n") {
						t.Errorf("String() = %q, want one line", text)
					}
				}
			}
		}
	}
}
