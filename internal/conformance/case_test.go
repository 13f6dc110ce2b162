package conformance

import (
	"strings"
	"testing"

	"k8s.io/kubernetes/pkg/controller"
)

// cases are states that once differed, or that stand for a rule that random
// states seldom meet, as State.Case prints them.
var cases = []struct {
	name, why, state string
}{
	{
		name: "relabelled pod without labels",
		why:  "a selector that only excludes matches pods without any label, and relabelling gives them their first",
		state: `
daemonSet:
  metadata: {generation: 1, name: ds, namespace: ns, uid: uid-ds}
  spec:
    revisionHistoryLimit: 1
    selector:
      matchExpressions:
      - {key: tier, operator: DoesNotExist}
    template:
      metadata:
        labels: {app: a}
    updateStrategy:
      rollingUpdate: {maxUnavailable: 1}
      type: RollingUpdate
now: "2026-01-02T03:54:27Z"
pods:
- metadata: {name: p, namespace: ns, uid: uid-p}
  spec: {nodeName: gone}
  status: {phase: Running}
revisions:
- data: '{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"a"}},"spec":{"containers":null}}}}'
  revision:
    metadata: {name: ds-a, namespace: ns, uid: uid-a}
    revision: 1
- data: '{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"a"}},"spec":{"containers":null}}}}'
  revision:
    metadata: {name: ds-b, namespace: ns, uid: uid-b}
    revision: 1
`,
	},
	{
		name: "clean-up under an unknown strategy",
		why:  "an unknown strategy never updates, but history is cleaned up; a wrong budget ends the pass before that",
		state: `
daemonSet:
  metadata: {generation: 1, name: ds, namespace: ns, uid: uid-ds}
  spec:
    revisionHistoryLimit: 0
    selector:
      matchLabels: {app: a}
    template:
      metadata:
        labels: {app: a}
    updateStrategy: {type: Recreate}
now: "2026-01-02T04:03:15Z"
revisions:
- data: '{}'
  revision:
    metadata: {labels: {app: a}, name: ds-a, namespace: ns, uid: uid-a}
    revision: 1
`,
	},
	{
		name: "no clean-up under a wrong budget",
		why:  "a wrong budget ends the pass before the clean-up, but not before the status",
		state: `
daemonSet:
  metadata: {generation: 1, name: ds, namespace: ns, uid: uid-ds}
  spec:
    revisionHistoryLimit: 0
    selector:
      matchLabels: {app: a}
    template:
      metadata:
        labels: {app: a}
    updateStrategy:
      rollingUpdate: {maxUnavailable: some}
      type: RollingUpdate
now: "2026-01-02T04:03:15Z"
revisions:
- data: '{}'
  revision:
    metadata: {labels: {app: a}, name: ds-a, namespace: ns, uid: uid-a}
    revision: 1
`,
	},
	{
		name: "revision of a finished pod without a node",
		why:  "the name of the node is empty but it is one, so that the pod keeps its revision from being cleaned up",
		state: `
daemonSet:
  metadata: {generation: 1, name: ds, namespace: ns, uid: uid-ds}
  spec:
    revisionHistoryLimit: 0
    selector:
      matchLabels: {app: a}
    template:
      metadata:
        labels: {app: a}
    updateStrategy:
      rollingUpdate: {maxUnavailable: 2}
      type: RollingUpdate
now: "2026-01-02T03:47:11Z"
pods:
- metadata:
    deletionTimestamp: "2026-01-02T03:47:11Z"
    labels: {app: a, controller-revision-hash: old}
    name: p
    namespace: ns
    ownerReferences:
    - {apiVersion: apps/v1, blockOwnerDeletion: true, controller: true, kind: DaemonSet, name: ds, uid: uid-ds}
    uid: uid-p
  spec:
    affinity:
      nodeAffinity:
        requiredDuringSchedulingIgnoredDuringExecution:
          nodeSelectorTerms:
          - matchFields:
            - {key: metadata.name, operator: In, values: [""]}
  status: {phase: Failed}
revisions:
- data: '{}'
  revision:
    metadata: {labels: {app: a, controller-revision-hash: old}, name: ds-old, namespace: ns, uid: uid-old}
    revision: 3
`,
	},
	{
		name: "invalid selector of a DaemonSet that is being deleted",
		why:  "a pass ends at the deletion timestamp, before it parses the selector",
		state: `
daemonSet:
  metadata:
    deletionTimestamp: "2026-01-02T03:59:35Z"
    finalizers: [foregroundDeletion]
    generation: 3
    name: ds
    namespace: ns
    uid: uid-ds
  spec:
    revisionHistoryLimit: 10
    selector:
      matchExpressions:
      - {key: app, operator: Maybe}
      matchLabels: {app: a}
    template:
      metadata:
        labels: {app: a}
    updateStrategy:
      rollingUpdate: {maxUnavailable: 1}
      type: RollingUpdate
now: "2026-01-02T03:59:35Z"
`,
	},
	{
		name: "burst limit below the budget",
		why:  "the limit cuts what the budget allows, and what is put off is counted",
		state: `
burstReplicas: 2
daemonSet:
  metadata: {generation: 1, name: ds, namespace: ns, uid: uid-ds}
  spec:
    revisionHistoryLimit: 0
    selector:
      matchLabels: {app: a}
    template:
      metadata:
        labels: {app: a}
    updateStrategy:
      rollingUpdate: {maxUnavailable: 100%}
      type: RollingUpdate
nodes:
- metadata: {name: n1}
- metadata: {name: n2}
- metadata: {name: n3}
now: "2026-01-02T03:55:21Z"
pods:
- metadata:
    labels: {app: a}
    name: p1
    namespace: ns
    ownerReferences:
    - {apiVersion: apps/v1, blockOwnerDeletion: true, controller: true, kind: DaemonSet, name: ds, uid: uid-ds}
    uid: uid-p1
  spec: {nodeName: n1}
  status:
    conditions:
    - {lastTransitionTime: "2026-01-02T03:00:00Z", status: "True", type: Ready}
    phase: Running
- metadata:
    labels: {app: a}
    name: p2
    namespace: ns
    ownerReferences:
    - {apiVersion: apps/v1, blockOwnerDeletion: true, controller: true, kind: DaemonSet, name: ds, uid: uid-ds}
    uid: uid-p2
  spec: {nodeName: n2}
  status: {phase: Running}
- metadata:
    labels: {app: a}
    name: p3
    namespace: ns
    ownerReferences:
    - {apiVersion: apps/v1, blockOwnerDeletion: true, controller: true, kind: DaemonSet, name: ds, uid: uid-ds}
    uid: uid-p3
  spec: {nodeName: n3}
  status:
    conditions:
    - {lastTransitionTime: "2026-01-02T03:00:00Z", status: "True", type: Ready}
    phase: Running
`,
	},
}

// TestCases compares the passes over the cases.
func TestCases(t *testing.T) {
	u, err := NewUpstream()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			s, err := Parse(tc.state)
			if err != nil {
				t.Fatal(err)
			}
			if c := Compare(u, s); c.Differences != nil {
				t.Errorf("the passes differ, although %s:\n%s\n%v", tc.why, strings.Join(c.Differences, "\n"), c.Report)
			}
		})
	}
}

// TestRender reads back what failing states are printed as. A state that changes
// on the way could not be pasted as a case.
func TestRender(t *testing.T) {
	u, err := NewUpstream()
	if err != nil {
		t.Fatal(err)
	}
	for n := range uint64(300) {
		s := Scenario(u, *seed, n)
		text := s.YAML()
		again, err := Parse(text)
		if err != nil {
			t.Fatalf("seed %d, scenario %d: %v\n%s", *seed, n, err, text)
		}
		if got := again.YAML(); got != text {
			t.Fatalf("seed %d, scenario %d (-once +twice):\n%s", *seed, n, diff(strings.Split(text, "\n"), strings.Split(got, "\n")))
		}
		if ours := Compare(u, again); ours.Differences != nil {
			t.Fatalf("seed %d, scenario %d differs once it is read back: %s", *seed, n, strings.Join(ours.Differences, "\n"))
		}
		// Text does not tell empty maps from missing ones, and a hash does.
		if controller.ComputeHash(&s.DaemonSet.Spec.Template, nil) != controller.ComputeHash(&again.DaemonSet.Spec.Template, nil) {
			continue
		}
		a, _ := Library(s)
		b, _ := Library(again)
		if !equalJSON(a.Status, b.Status) || len(a.Creates) != len(b.Creates) || len(a.Deletes) != len(b.Deletes) || a.RequeueAfter != b.RequeueAfter {
			t.Fatalf("seed %d, scenario %d: reading back changes the pass:\n%s", *seed, n, text)
		}
	}
}

// TestShrink makes a state small for a made-up failure.
func TestShrink(t *testing.T) {
	s := Generate(*seed, 2)
	for n := uint64(3); len(s.Pods) < 3 || len(s.Nodes) < 3; n++ {
		s = Generate(*seed, n)
	}
	wanted := s.Pods[len(s.Pods)-1].Name
	small := Shrink(s, func(s *State) bool { return s.pod(wanted) != nil })
	if s.pod(wanted) != nil && (len(small.Pods) != 1 || len(small.Nodes) > 0 || len(small.Revisions) > 0) {
		t.Errorf("left are %d nodes, %d pods and %d revisions:\n%s", len(small.Nodes), len(small.Pods), len(small.Revisions), small.YAML())
	}
}
