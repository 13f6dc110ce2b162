package health_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

// TestProperties looks at clusters in arbitrary states.
func TestProperties(t *testing.T) {
	seen := map[health.State]int{}
	for seed := range property.Seeds(t, 500) {
		in, opts := randomInput(rand.New(rand.NewPCG(seed, 7)))
		seen[checkProperties(t, in, opts)]++
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	for state := health.StateProgressing; state <= health.StateDeleting; state++ {
		if seen[state] < 5 {
			t.Errorf("%d of the clusters were %v, want 5: %v", seen[state], state, seen)
		}
	}
}

// checkProperties checks what holds in every cluster: the input stays as it is, its
// order does not matter, and the assessment agrees with the passes of rollout.
func checkProperties(t *testing.T, in daemon.Input, opts health.Options) health.State {
	t.Helper()
	before := copyInput(in)
	look := func() (*daemon.Snapshot, *health.Assessment) {
		s := observe(t, in)
		a, err := health.Assess(s, opts)
		if err != nil {
			t.Fatal(err)
		}
		return s, a
	}
	s, a := look()
	if !reflect.DeepEqual(before, in) {
		t.Errorf("Assess() changed its input (-before +after):\n%s", cmp.Diff(before, in))
	}
	slices.Reverse(in.Nodes)
	slices.Reverse(in.Pods)
	slices.Reverse(in.Revisions)
	if _, again := look(); !reflect.DeepEqual(a, again) {
		t.Errorf("Assess() depends on the order (-first +second):\n%s", cmp.Diff(a, again))
	}
	limited := in
	limited.BurstReplicas = 1
	if b, err := health.Assess(observe(t, limited), opts); err != nil || !reflect.DeepEqual(a, b) {
		t.Errorf("Assess() depends on the burst limit (-without +with), %v:\n%s", err, cmp.Diff(a, b))
	}
	limited.BurstReplicas = -1
	result, err := rollout.SyncSnapshot(observe(t, limited), rollout.Options{Policy: opts.Policy, CanaryTrial: opts.CanaryTrial})
	if err != nil {
		t.Fatal(err)
	}
	checkState(t, s, a, result)
	checkBudget(t, s, a, opts)
	checkExplained(t, s, a)
	if text := a.String(); text == "" || strings.Contains(text, "\n") {
		t.Errorf("String() = %q, want one line", text)
	}
	return a.State
}

// checkState checks that the state follows from the pass.
func checkState(t *testing.T, s *daemon.Snapshot, a *health.Assessment, result *rollout.Result) {
	t.Helper()
	if deleting := s.DaemonSet().DeletionTimestamp != nil; deleting || a.State == health.StateDeleting {
		if !deleting || a.State != health.StateDeleting {
			t.Errorf("Assess() = %v, but deleting = %v", a, deleting)
		}
		return
	}
	again := func(node string) bool {
		e, ok := s.Backoff()[daemon.BackoffKey{UID: s.DaemonSet().UID, Node: node}]
		recovered := slices.ContainsFunc(a.Memory.Nodes, func(m health.NodeMemory) bool { return m.Node == node && !m.RecoveredAt.IsZero() })
		return ok && !recovered && e.Delay > time.Second && s.Now().Sub(e.Last) <= 30*time.Minute
	}
	news := result.Outcome == rollout.OutcomeCollision
	for _, c := range result.Plan.Create {
		news = news || !again(c.Node) && !a.Policy.Ignores(c.Node)
	}
	for _, d := range result.Plan.Delete {
		news = news || !again(d.Node) && !a.Policy.Ignores(d.Node)
	}
	flaps := slices.ContainsFunc(s.Nodes(), func(n daemon.NodeState) bool { return !a.Policy.Ignores(n.Name) && flaps(s, &n) })
	complete := rollout.Complete(s, a.Policy) && !news && !flaps
	if got := a.State == health.StateComplete; got != complete {
		t.Errorf("Assess() = %v, but rollout.Complete() = %v, and the next pass: %v", a, rollout.Complete(s, a.Policy), result)
	}
	if complete && (a.Complete+len(a.Policy.Ignored) < a.Desired || len(a.Outdated) > 0 || len(a.Blockers) > 0) {
		t.Errorf("complete, but: %+v", a)
	}
	switch {
	case news && a.State != health.StateProgressing:
		t.Errorf("Assess() = %v, but the next pass writes: %v", a, result)
	case a.State == health.StateWaiting && !result.NeedsDecision() && s.DaemonSet().Spec.UpdateStrategy.Type != appsv1.OnDeleteDaemonSetStrategyType:
		t.Errorf("Assess() = %v, but no decision is needed", a)
	case a.State == health.StateStalled && s.Now().Sub(a.LastChange) < health.DefaultPatience:
		t.Errorf("Assess() = %v, %v after the last change", a, s.Now().Sub(a.LastChange))
	case a.LastChange.After(s.Now()):
		t.Errorf("LastChange %v is after now", a.LastChange)
	}
}

func checkBudget(t *testing.T, s *daemon.Snapshot, a *health.Assessment, opts health.Options) {
	t.Helper()
	step, err := rollout.NextStep(s, rollout.Options{Policy: opts.Policy, CanaryTrial: opts.CanaryTrial})
	if err != nil {
		t.Fatal(err)
	}
	used := step.Unavailable
	if a.Budget.Kind == rollout.BudgetMaxSurge {
		used = step.Surging
	}
	if !opts.Policy.Frozen && !opts.Policy.Paused && len(a.Budget.Users) != used {
		t.Errorf("%d nodes use the budget, NextStep says %d", len(a.Budget.Users), used)
	}
	if diff := cmp.Diff(step.Policy.Ignored, a.Policy.Ignored); a.State != health.StateDeleting && diff != "" {
		t.Errorf("Policy.Ignored differs from NextStep (-NextStep +Assess):\n%s", diff)
	}
}

// checkExplained checks that every node that is not complete has a reason: a blocker, an
// outdated pod that waits, or work for the next pass.
func checkExplained(t *testing.T, s *daemon.Snapshot, a *health.Assessment) {
	t.Helper()
	explained := map[string]bool{}
	for _, b := range a.Blockers {
		explained[b.Node] = true
		if b.String() == "" || b.Kind == 0 || (b.Pod == nil) != (b.Kind == health.BlockerNoPod) {
			t.Errorf("blocker %+v", b)
		}
	}
	for _, pod := range a.Outdated {
		node, _ := daemon.TargetNode(pod)
		explained[node] = true
	}
	desired, complete := 0, 0
	for i := range s.Nodes() {
		n := &s.Nodes()[i]
		if !n.Decision.Run {
			continue
		}
		desired++
		if rollout.NodeComplete(n) && !flaps(s, n) {
			complete++
		} else if a.Policy.Ignores(n.Name) {
			if explained[n.Name] {
				t.Errorf("%s is ignored, and blocks: %v", n.Name, a)
			}
		} else if a.State != health.StateDeleting && !explained[n.Name] && a.CreateCount+a.DeleteCount == 0 {
			t.Errorf("nothing says why %s is not complete: %v", n.Name, a)
		}
	}
	if a.Desired != desired || a.Complete != complete {
		t.Errorf("%d of %d complete, want %d of %d", a.Complete, a.Desired, complete, desired)
	}
	if a.State == health.StateStalled && len(a.Blockers) == 0 && len(a.Outdated) == 0 {
		t.Errorf("Assess() = %v without a reason", a)
	}
}

// flaps reports whether every pod that serves on a node is the next one in a row of failures, and
// has not served for ten minutes.
func flaps(s *daemon.Snapshot, n *daemon.NodeState) bool {
	e := s.Backoff()[daemon.BackoffKey{UID: s.DaemonSet().UID, Node: n.Name}]
	row := e.Delay > time.Second && s.Now().Sub(e.Last) <= 30*time.Minute
	serve, flap := 0, 0
	for _, p := range n.Pods {
		if !p.Live() || !p.Updated || !p.Available {
			continue
		}
		serve++
		ready := p.Pod.Status.Conditions[len(p.Pod.Status.Conditions)-1].LastTransitionTime
		short := row && s.Now().Sub(ready.Time) < 10*time.Minute+time.Duration(s.DaemonSet().Spec.MinReadySeconds)*time.Second
		for _, c := range p.Pod.Status.ContainerStatuses {
			end, run := c.LastTerminationState.Terminated, c.State.Running
			short = short || run != nil && end != nil && c.RestartCount >= 2 &&
				s.Now().Sub(run.StartedAt.Time) < 10*time.Minute && end.FinishedAt.Sub(end.StartedAt.Time) < 10*time.Minute
		}
		if short {
			flap++
		}
	}
	return n.Decision.Run && rollout.NodeComplete(n) && serve > 0 && serve == flap
}

func copyInput(in daemon.Input) daemon.Input {
	in.DaemonSet = in.DaemonSet.DeepCopy()
	in.Nodes, in.Pods, in.Revisions = slices.Clone(in.Nodes), slices.Clone(in.Pods), slices.Clone(in.Revisions)
	copyAll(in.Nodes, (*corev1.Node).DeepCopy)
	copyAll(in.Pods, (*corev1.Pod).DeepCopy)
	copyAll(in.Revisions, (*appsv1.ControllerRevision).DeepCopy)
	return in
}

func copyAll[T any](list []*T, deepCopy func(*T) *T) {
	for i := range list {
		list[i] = deepCopy(list[i])
	}
}
