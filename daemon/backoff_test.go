package daemon_test

import (
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
)

// TestBackoffDoubles looks at a node whose pods always fail: the n-th is deleted
// as soon as the delay that the one before it left behind is over, and not a
// nanosecond earlier.
func TestBackoffDoubles(t *testing.T) {
	in := state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Phase: failed}}}.input()
	want := []time.Duration{1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900}
	for i, seconds := range want {
		plan := daemon.Reconcile(observe(t, in))
		if len(plan.Delete) != 1 || plan.RequeueAfter != 0 {
			t.Fatalf("failure %d: Reconcile() = %v, want the pod deleted", i, plan)
		}
		in.Backoff = in.Backoff.With(plan.BackoffChanges)

		delay := seconds * time.Second
		for _, early := range []time.Duration{0, delay / 2, delay - 1} {
			in.Now = in.Now.Add(early)
			plan = daemon.Reconcile(observe(t, in))
			if !plan.Empty() || plan.RequeueAfter != delay {
				t.Fatalf("failure %d, %v later: Reconcile() = %v, want nothing but to look again after %v, the whole delay", i, early, plan, delay)
			}
			if len(plan.Events) != 0 {
				t.Errorf("failure %d, %v later: events %v, want none while waiting", i, early, plan.Events)
			}
			in.Now = in.Now.Add(-early)
		}
		in.Now = in.Now.Add(delay)
	}
}

// TestBackoff covers failedPodsBackoffKey@v1.37.2 and what expires.
func TestBackoff(t *testing.T) {
	key := daemon.BackoffKey{UID: "uid-agent", ObservedGeneration: 4, Node: "w1"}
	entry := func(ago, delay time.Duration) daemon.BackoffEntry {
		return daemon.BackoffEntry{Last: build.Now.Add(-ago), Delay: delay}
	}
	fresh := daemon.BackoffEntry{Last: build.Now, Delay: time.Second}
	other := func(change func(*daemon.BackoffKey)) daemon.BackoffKey {
		k := key
		change(&k)
		return k
	}
	tests := []struct {
		name, why string
		before    daemon.Backoff
		waits     time.Duration  // zero: the pod is deleted
		after     daemon.Backoff // nil: as before
	}{
		{
			name: "nil", why: "nothing remembered: deleted at once, and the next waits a second",
			after: daemon.Backoff{key: fresh},
		},
		{
			name: "waiting", why: "the delay is not over",
			before: daemon.Backoff{key: entry(7*time.Second, 8*time.Second)}, waits: 8 * time.Second,
		},
		{
			name: "over", why: "deleted, and the delay doubles",
			before: daemon.Backoff{key: entry(8*time.Second, 8*time.Second)},
			after:  daemon.Backoff{key: {Last: build.Now, Delay: 16 * time.Second}},
		},
		{
			name: "no delay", why: "the next one is not a delay of zero for ever",
			before: daemon.Backoff{key: entry(time.Second, 0)},
			after:  daemon.Backoff{key: fresh},
		},
		{
			name: "negative delay", why: "JSON can hold one",
			before: daemon.Backoff{key: entry(time.Second, -time.Hour)},
			after:  daemon.Backoff{key: fresh},
		},
		{
			name: "most negative delay", why: "twice of it would overflow",
			before: daemon.Backoff{key: entry(time.Second, math.MinInt64/2-1)},
			after:  daemon.Backoff{key: fresh},
		},
		{
			name: "largest delay", why: "it waits until the entry expires",
			before: daemon.Backoff{key: entry(time.Second, math.MaxInt64)}, waits: math.MaxInt64,
		},
		{
			name: "largest delay, expired", why: "forgotten like any other",
			before: daemon.Backoff{key: entry(31*time.Minute, math.MaxInt64)},
			after:  daemon.Backoff{key: fresh},
		},
		{
			name: "longest", why: "fifteen minutes at most",
			before: daemon.Backoff{key: entry(20*time.Minute, 600*time.Second)},
			after:  daemon.Backoff{key: {Last: build.Now, Delay: 15 * time.Minute}},
		},
		{
			name: "thirty minutes", why: "not forgotten yet",
			before: daemon.Backoff{key: entry(30*time.Minute, 8*time.Second)},
			after:  daemon.Backoff{key: {Last: build.Now, Delay: 16 * time.Second}},
		},
		{
			name: "more than thirty minutes", why: "quiet for twice the longest delay: starts afresh",
			before: daemon.Backoff{key: entry(30*time.Minute+1, 8*time.Second)},
			after:  daemon.Backoff{key: fresh},
		},
		{
			name: "expired while waiting", why: "what is forgotten does not make it wait, however long the delay",
			before: daemon.Backoff{key: entry(30*time.Minute+1, time.Hour)},
			after:  daemon.Backoff{key: fresh},
		},
		{
			name: "deleted in the future", why: "the clock was put back: it waits",
			before: daemon.Backoff{key: entry(-time.Hour, time.Second)}, waits: time.Second,
		},
		{
			name: "another generation", why: "a new template has its own chance",
			before: daemon.Backoff{other(func(k *daemon.BackoffKey) { k.ObservedGeneration = 3 }): entry(0, time.Minute)},
			after: daemon.Backoff{
				other(func(k *daemon.BackoffKey) { k.ObservedGeneration = 3 }): entry(0, time.Minute),
				key: fresh,
			},
		},
		{
			name: "another node", why: "each node waits for itself",
			before: daemon.Backoff{other(func(k *daemon.BackoffKey) { k.Node = "w2" }): entry(0, time.Minute)},
			after:  daemon.Backoff{other(func(k *daemon.BackoffKey) { k.Node = "w2" }): entry(0, time.Minute), key: fresh},
		},
		{
			name: "another DaemonSet", why: "one map may serve many",
			before: daemon.Backoff{other(func(k *daemon.BackoffKey) { k.UID = "uid-other" }): entry(0, time.Minute)},
			after:  daemon.Backoff{other(func(k *daemon.BackoffKey) { k.UID = "uid-other" }): entry(0, time.Minute), key: fresh},
		},
		{
			name: "expired entries of others", why: "thrown away on the occasion, so that the map does not grow for ever",
			before: daemon.Backoff{other(func(k *daemon.BackoffKey) { k.UID = "uid-other" }): entry(time.Hour, time.Minute)},
			after:  daemon.Backoff{key: fresh},
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			in := state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Phase: failed}}}.input()
			in.DaemonSet.Generation, in.DaemonSet.Status.ObservedGeneration = 5, 4
			in.Backoff = maps.Clone(tc.before)
			plan := daemon.Reconcile(observe(t, in))
			if waits := tc.waits > 0; (len(plan.Delete) == 0) != waits || plan.RequeueAfter != tc.waits {
				t.Errorf("Reconcile() = %v, want it to wait for %v: %s", plan, tc.waits, tc.why)
			}
			want := tc.after
			if want == nil {
				want = tc.before
			}
			if diff := cmp.Diff(want, in.Backoff.With(plan.BackoffChanges)); diff != "" {
				t.Errorf("Backoff (-want +got):\n%s%s", diff, tc.why)
			}
			if diff := cmp.Diff(tc.before, in.Backoff); diff != "" {
				t.Errorf("Reconcile() changed the Backoff given (-before +after):\n%s", diff)
			}
		})
	}
}

// TestBackoffSeveralNodes: the shortest delay is when to look again.
func TestBackoffSeveralNodes(t *testing.T) {
	in := state{
		nodes: []build.Node{{Name: "w1"}, {Name: "w2"}, {Name: "w3"}},
		pods:  []build.Pod{{Name: "a", Node: "w1", Phase: failed}, {Name: "b", Node: "w2", Phase: failed}, {Name: "c", Node: "w3", Phase: failed}},
	}.input()
	key := func(node string) daemon.BackoffKey { return daemon.BackoffKey{UID: "uid-agent", Node: node} }
	in.Backoff = daemon.Backoff{
		key("w1"): {Last: in.Now, Delay: 8 * time.Second},
		key("w2"): {Last: in.Now, Delay: 4 * time.Second},
		key("w3"): {Last: in.Now, Delay: 16 * time.Second},
	}
	if plan := daemon.Reconcile(observe(t, in)); !plan.Empty() || plan.RequeueAfter != 4*time.Second {
		t.Errorf("Reconcile() = %v, want to requeue after 4s", plan)
	}
}

// TestBackoffDoesNotApply: when failed pods go at once, or others do.
func TestBackoffDoesNotApply(t *testing.T) {
	waiting := daemon.Backoff{{UID: "uid-agent", Node: "w1"}: {Last: build.Now, Delay: time.Minute}}
	tests := []struct {
		name, why string
		state     state
		want      string
	}{
		{
			"succeeded", "only failed pods wait", state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Phase: succeeded}}},
			"delete a on w1: pod succeeded\nevent Normal SucceededDaemonPod: Found succeeded daemon pod kube-system/a on node w1, will try to delete it",
		},
		{
			"not to be kept", "a node that should not run it does not wait", state{nodes: draining, pods: []build.Pod{{Name: "a", Node: "w1", Phase: failed}}},
			"delete a on w1: node does not keep the pod: untolerated taint k:NoExecute",
		},
		{
			"failed and live", "a failed pod that waits is not live: no duplicate", state{nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Phase: failed}, {Name: "b", Node: "w1"}}},
			"requeue after 1m0s",
		},
		{
			"surge", "upstream makes another pod while the failed one waits", state{set: surging, nodes: plain, pods: []build.Pod{{Name: "a", Node: "w1", Phase: failed}}},
			"create on w1: all pods on the node are terminating or finished\nrequeue after 1m0s",
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			in := tc.state.input()
			in.Backoff = waiting
			plan := daemon.Reconcile(observe(t, in))
			if got := plan.String(); got != tc.want {
				t.Errorf("Reconcile() = %s\nwant %s: %s", got, tc.want, tc.why)
			}
			if plan.BackoffChanges != nil {
				t.Errorf("BackoffChanges = %v, want none", plan.BackoffChanges)
			}
		})
	}
}

// TestBackoffChangesAreNoBackoff: whoever takes the one for the other forgets all other nodes.
func TestBackoffChangesAreNoBackoff(t *testing.T) {
	if reflect.TypeOf(daemon.Plan{}.BackoffChanges).AssignableTo(reflect.TypeOf(daemon.Input{}.Backoff)) {
		t.Error("in.Backoff = plan.BackoffChanges compiles")
	}
}

// TestBackoffWith: changes take the place of entries, expired ones are left out, and neither map
// is changed.
func TestBackoffWith(t *testing.T) {
	key := func(node string) daemon.BackoffKey { return daemon.BackoffKey{Node: node} }
	entry := func(ago, delay time.Duration) daemon.BackoffEntry {
		return daemon.BackoffEntry{Last: build.Now.Add(-ago), Delay: delay}
	}
	for _, tc := range []struct {
		name, why string
		before    daemon.Backoff
		changes   daemon.BackoffChanges
		want      daemon.Backoff
	}{
		{"nothing", "there is nothing to remember", nil, nil, nil},
		{"no changes", "without a time nothing expires", daemon.Backoff{key("a"): entry(time.Hour, 1)}, nil, daemon.Backoff{key("a"): entry(time.Hour, 1)}},
		{"first", "nil is empty", nil, daemon.BackoffChanges{key("a"): entry(0, 1)}, daemon.Backoff{key("a"): entry(0, 1)}},
		{
			"another node", "each node has its own entry",
			daemon.Backoff{key("a"): entry(time.Minute, 2)}, daemon.BackoffChanges{key("b"): entry(0, 1)},
			daemon.Backoff{key("a"): entry(time.Minute, 2), key("b"): entry(0, 1)},
		},
		{"the same node", "the change counts", daemon.Backoff{key("a"): entry(time.Minute, 2)}, daemon.BackoffChanges{key("a"): entry(0, 4)}, daemon.Backoff{key("a"): entry(0, 4)}},
		{
			"expired", "half an hour is remembered, counted from the latest of the changes",
			daemon.Backoff{key("a"): entry(30*time.Minute, 2), key("b"): entry(30*time.Minute+1, 2)}, daemon.BackoffChanges{key("c"): entry(0, 1), key("d"): entry(time.Hour, 1)},
			daemon.Backoff{key("a"): entry(30*time.Minute, 2), key("c"): entry(0, 1), key("d"): entry(time.Hour, 1)},
		},
	} {
		before, changes := maps.Clone(tc.before), maps.Clone(tc.changes)
		if diff := cmp.Diff(tc.want, before.With(changes)); diff != "" {
			t.Errorf("%s: With() (-want +got):\n%s%s", tc.name, diff, tc.why)
		}
		if diff := cmp.Diff(tc.before, before) + cmp.Diff(tc.changes, changes); diff != "" {
			t.Errorf("%s: With() changes its arguments (-before +after):\n%s", tc.name, diff)
		}
	}
}

func TestBackoffSurvivesJSON(t *testing.T) {
	want := daemon.Backoff{
		{UID: "2f6f1c3e", ObservedGeneration: 7, Node: "worker-1.example"}: {Last: build.Now, Delay: 4 * time.Second},
		{UID: "a/b", ObservedGeneration: -1, Node: ""}:                     {Last: build.Now.Add(time.Nanosecond)},
		{}: {},
	}
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got daemon.Backoff
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a backoff after JSON (-want +got):\n%s", diff)
	}
	for _, bad := range []string{`{"":{}}`, `{"1/node":{}}`, `{"x/node/uid":{}}`} {
		if err := json.Unmarshal([]byte(bad), &got); err == nil {
			t.Errorf("Unmarshal(%s) = nil, want an error", bad)
		}
	}
}

func TestBackoffFailures(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		entry     daemon.BackoffEntry
		want      int
	}{
		{"zero", "nothing has failed", daemon.BackoffEntry{}, 0},
		{"first", "one second is the first delay", daemon.BackoffEntry{Last: build.Now, Delay: time.Second}, 1},
		{"third", "the delay doubles with each", daemon.BackoffEntry{Last: build.Now, Delay: 4 * time.Second}, 3},
		{"longest", "the delay no longer grows", daemon.BackoffEntry{Last: build.Now, Delay: 15 * time.Minute}, 11},
		{"forgotten", "the node was quiet for long", daemon.BackoffEntry{Last: build.Now.Add(-31 * time.Minute), Delay: time.Minute}, 0},
	} {
		if got := tc.entry.Failures(build.Now); got != tc.want {
			t.Errorf("%s: Failures() = %d, want %d: %s", tc.name, got, tc.want, tc.why)
		}
	}
}

// TestFailuresInARow: the failures of an older spec are not those of this one.
func TestFailuresInARow(t *testing.T) {
	for _, tc := range []struct {
		name, why            string
		generation, observed int64
		entryOf              int64
		ago                  time.Duration
		want                 int
	}{
		{"observed", "the entry is about this spec", 3, 3, 3, time.Minute, 3},
		{"not observed", "the entry is about the spec before", 3, 2, 2, time.Minute, 0},
		{"no status", "nothing says which spec it is about", 3, 0, 0, time.Minute, 3},
		{"no generation", "status is ahead", 0, 2, 2, time.Minute, 3},
		{"another generation", "it has an entry of its own", 3, 3, 2, time.Minute, 0},
		{"expired", "the node was quiet for long", 3, 3, 3, time.Hour, 0},
	} {
		in := state{nodes: plain}.input()
		in.DaemonSet.Generation, in.DaemonSet.Status.ObservedGeneration = tc.generation, tc.observed
		in.Backoff = daemon.Backoff{{UID: "uid-agent", ObservedGeneration: tc.entryOf, Node: "w1"}: {Last: build.Now.Add(-tc.ago), Delay: 4 * time.Second}}
		s := observe(t, in)
		if got := s.FailuresInARow("w1"); got != tc.want {
			t.Errorf("%s: FailuresInARow(w1) = %d, want %d: %s", tc.name, got, tc.want, tc.why)
		}
		if got := s.FailuresInARow("w2"); got != 0 {
			t.Errorf("%s: FailuresInARow(w2) = %d, want 0: it has no entry", tc.name, got)
		}
	}
}
