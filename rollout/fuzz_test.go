package rollout_test

import (
	"encoding/binary"
	"encoding/json"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/scenario"
	"github.com/pernode/daemonset/rollout"
)

// choices lets the fuzzer decide what scenario.Random makes.
type choices struct {
	raw  []byte
	rest rand.PCG
}

// Uint64 returns the next choice. When there are no more it goes on with numbers
// that are always the same: rand.IntN would wait forever for another than zero.
func (c *choices) Uint64() uint64 {
	if len(c.raw) == 0 {
		return c.rest.Uint64()
	}
	var word [8]byte
	n := copy(word[4:], c.raw) // the upper half is what rand.IntN looks at
	c.raw = c.raw[n:]
	return binary.LittleEndian.Uint64(word[:]) | 1
}

// addChoices adds seeds that are choices.
func addChoices(f *testing.F, seeds uint64) {
	for seed := range seeds {
		raw := make([]byte, 512)
		source := rand.NewPCG(seed, 3)
		for i := range raw {
			raw[i] = byte(source.Uint64())
		}
		f.Add(raw)
	}
}

// FuzzSync makes passes over arbitrary clusters: they never fail, leave their
// input alone, never create a second pod on a node without surge, and stay
// within the budget of the update.
func FuzzSync(f *testing.F) {
	addChoices(f, 32)
	f.Fuzz(func(t *testing.T, raw []byte) {
		c := scenario.Random(rand.New(&choices{raw: raw}))
		for range 4 {
			in := c.Input()
			before := copyInput(in)
			result, err := rollout.Sync(in)
			if err != nil {
				t.Fatalf("Sync() = %v", err)
			}
			if diff := cmp.Diff(before, in); diff != "" {
				t.Fatalf("Sync() changed its input (-before +after):\n%s", diff)
			}
			checkPlan(t, result)
			if _, err := c.Sync(); err != nil {
				t.Fatalf("Sync() = %v", err)
			}
			c.Now = c.Now.Add(time.Second)
			c.Kubelet(nil)
		}
	})
}

// FuzzPolicy plays arbitrary clusters under arbitrary policies: a simulated pass is
// what Sync gives for the same facts, keeps to the budgets, and leaves the input alone.
func FuzzPolicy(f *testing.F) {
	addChoices(f, 16)
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := rand.New(&choices{raw: raw})
		in := scenario.Random(r).Input()
		policy, err := rollout.NewPolicy(randomPieces(r)...)
		if err != nil {
			return // pieces that contradict each other
		}
		before := copyInput(in)
		defer func() {
			in.Policy = nil
			if diff := cmp.Diff(before, in); diff != "" {
				t.Fatalf("the input is changed (-before +after):\n%s", diff)
			}
		}()
		in.Policy = policy
		_ = rollout.CompareSteps(in, rollout.World{}, func(got *rollout.Result, facts rollout.Input) {
			want, err := rollout.Sync(facts)
			if err != nil {
				t.Fatalf("Sync() = %v", err)
			}
			if diff := cmp.Diff(want.String(), got.String()); diff != "" {
				t.Fatalf("under %v (-Sync +simulated):\n%s", policy, diff)
			}
			checkPlan(t, got)
		})
	})
}

func checkPlan(t *testing.T, result *rollout.Result) {
	t.Helper()
	if result.Snapshot == nil {
		return
	}
	deleted := map[*corev1.Pod]bool{}
	for _, d := range result.Plan.Delete {
		if deleted[d.Pod] {
			t.Errorf("deletes %s twice", d.Pod.Name)
		}
		deleted[d.Pod] = true
	}
	created := map[string]bool{}
	for _, c := range result.Plan.Create {
		if created[c.Node] {
			t.Errorf("creates two pods on %s", c.Node)
		}
		created[c.Node] = true
	}
	step := result.Step
	if step == nil {
		return
	}
	costly := 0
	for _, d := range result.Plan.Delete {
		if d.Reason == daemon.DeleteOutdated {
			costly++
		}
	}
	if free := max(0, step.MaxUnavailable-step.Unavailable); costly > free {
		t.Errorf("deletes %d available pods, budget leaves %d: %v", costly, free, step)
	}
	costly = 0
	for _, c := range result.Plan.Create {
		if c.Reason == daemon.CreateSurge {
			costly++
		}
	}
	if free := max(0, step.MaxSurge-step.Surging); costly > free {
		t.Errorf("surges on %d nodes, budget leaves %d: %v", costly, free, step)
	}
}

// FuzzSyncObjects feeds objects of any shape that JSON can give them: a pass may
// refuse them with an error but never panics, and neither does what it returns.
func FuzzSyncObjects(f *testing.F) {
	ds := `{"metadata":{"name":"d","namespace":"ns","uid":"u"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}}},"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":1}}}}`
	node := `{"metadata":{"name":"n1"},"spec":{"taints":[{"key":"k","effect":"NoExecute"}]}}`
	pod := `{"metadata":{"name":"p1","namespace":"ns","labels":{"a":"b"}},"spec":{"nodeName":"n1"},"status":{"phase":"Running","conditions":[{"type":"Ready","status":"True"}]}}`
	revision := `{"metadata":{"name":"d-1","namespace":"ns"},"data":{"spec":{}},"revision":3}`
	f.Add(ds, node, pod, revision)
	f.Add(`{}`, `{}`, `{}`, `{}`)
	f.Add(`{"spec":{"selector":{}}}`, node, `null`, `null`)
	f.Add(`{"spec":{"selector":{"matchExpressions":[{"key":"","operator":"Bogus"}]}}}`, node, pod, revision)
	f.Add(`{"metadata":{"name":"d","namespace":"ns"},"spec":{"selector":{"matchLabels":{"a":"b"}},"revisionHistoryLimit":-3,"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":-1,"maxSurge":"900%"}}}}`, node, pod, revision)
	f.Add(`{"metadata":{"name":"d","namespace":"ns"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchFields":[{"key":"x","operator":"In"}]},null]}}},"tolerations":[{"operator":"Gt","value":"x"}]}}}}`, node,
		`{"metadata":{"namespace":"ns","labels":{"a":"b"}},"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchFields":[{"key":"metadata.name","operator":"In","values":["n1"]}]}]}}}}}`, revision)
	f.Fuzz(func(t *testing.T, dsJSON, nodeJSON, podJSON, revisionJSON string) {
		ds := decode[appsv1.DaemonSet](t, dsJSON)
		in := rollout.Input{
			DaemonSet: ds,
			Nodes:     []*corev1.Node{decode[corev1.Node](t, nodeJSON)},
			Pods:      []*corev1.Pod{decode[corev1.Pod](t, podJSON)},
			Revisions: []*appsv1.ControllerRevision{decode[appsv1.ControllerRevision](t, revisionJSON)},
			Now:       time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		}
		before := copyInput(in)
		result, err := rollout.Sync(in)
		if result == nil && err == nil {
			t.Error("neither result nor error")
		}
		_ = result.String()
		if diff := cmp.Diff(before, in); diff != "" {
			t.Fatalf("Sync() changed its input (-before +after):\n%s", diff)
		}
		for _, policy := range everyPiece(t) {
			in.Policy = policy
			_, _ = rollout.Sync(in)
		}
		_ = daemon.Validate(ds)
		if _, err := rollout.Sync(rollout.Input{DaemonSet: daemon.Default(ds), Nodes: in.Nodes, Pods: in.Pods, Revisions: in.Revisions}); err != nil && result == nil {
			return
		}
	})
}

// decode returns nil for JSON null, and skips what is no such object.
func decode[T any](t *testing.T, raw string) *T {
	var object *T
	if err := json.Unmarshal([]byte(raw), &object); err != nil {
		t.Skip()
	}
	return object
}

// everyPiece are policies that together have every piece.
func everyPiece(t *testing.T) []*rollout.Policy {
	t.Helper()
	one := intstr.FromInt32(1)
	var out []*rollout.Policy
	for _, pieces := range [][]rollout.Piece{
		{rollout.Freeze{}}, {rollout.Pause{}},
		{rollout.Partition{Keep: one, ProgressiveCreate: true}, rollout.SlowStart{Pods: 1}, rollout.StrictBudget{}},
		{
			rollout.IgnoreNotReadyNodes{}, rollout.IgnoreStuckPods{}, rollout.NodeSelector{Selector: &metav1.LabelSelector{}},
			rollout.Order{By: []rollout.Compare{rollout.NotReadyFirst, rollout.OldestPodFirst, rollout.ByLabel("zone")}},
			rollout.Canary{Nodes: one, Spread: []string{"rack"}, Wait: time.Minute, PauseStarting: time.Minute, FailStarting: time.Hour, FailAfter: time.Hour},
			rollout.OneDomain{Label: "zone"}, rollout.DomainBudget{Label: "rack", MaxUnavailable: one},
		},
	} {
		policy, err := rollout.NewPolicy(pieces...)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, policy)
	}
	return out
}
