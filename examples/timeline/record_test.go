package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/internal/scenario"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// The end is said in the words of simulate.End, with the units of the axis.
func TestEndWords(t *testing.T) {
	for _, took := range []time.Duration{0, 34 * time.Second, 2 * time.Minute} {
		end := &simulate.End{State: simulate.EndStalled, Took: took}
		rec := &recording{end: end, ended: took}
		if got, want := rec.state(), strings.Replace(end.Clause(), took.String(), spell(took), 1); got != want {
			t.Errorf("state() = %q, want %q", got, want)
		}
	}
}

// twoNodes is the built-in DaemonSet on two nodes of one zone, with a new image and
// this many unavailable or surging.
func twoNodes(t *testing.T, unavailable, surge int) daemon.Input {
	t.Helper()
	in, err := builtIn(1, 2)
	if err != nil {
		t.Fatal(err)
	}
	in.DaemonSet = in.DaemonSet.DeepCopy()
	u, s := intstr.FromInt(unavailable), intstr.FromInt(surge)
	in.DaemonSet.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &u, MaxSurge: &s}
	in.DaemonSet.Spec.Template.Spec.Containers[0].Image = builtInNewImage
	in.DaemonSet.Generation++
	return in
}

// String lists the segments of every node, then the available nodes.
func (rec *recording) String() string {
	var b strings.Builder
	for _, line := range rec.rows {
		fmt.Fprintf(&b, "%s:", line.node)
		for _, s := range line.segments {
			fmt.Fprintf(&b, " %v", s.from)
			if len(s.bars) == 0 {
				b.WriteString(" no pod")
			}
			for i, bar := range s.bars {
				fmt.Fprintf(&b, "%s %s %v", []string{"", " +"}[min(i, 1)], bar.pod, bar.state)
			}
			b.WriteString(",")
		}
		fmt.Fprintf(&b, " %v\n", rec.horizon)
	}
	b.WriteString("available:")
	for _, l := range rec.available {
		fmt.Fprintf(&b, " %v %d", l.at, l.n)
	}
	fmt.Fprintf(&b, "\nended %v finished %v", rec.ended, rec.complete())
	return b.String()
}

// on gives the pods of one node other times.
func on(node string, times simulate.PodTimes) simulate.Options {
	return simulate.Options{PodTimes: func(n *corev1.Node, _ *corev1.Pod) simulate.PodTimes {
		if n != nil && n.Name == node {
			return times
		}
		return simulate.PodTimes{}
	}}
}

// Worked out by hand from: pods are ready after 10 s and gone after 2 s.
func TestRecord(t *testing.T) {
	for _, tc := range []struct {
		name, why          string
		unavailable, surge int
		minReady           int32
		policy             rollout.Policy
		opts               simulate.Options
		change             func(*daemon.Input)
		want               string
	}{
		{
			name: "one by one", why: "the second begins when the first is available", unavailable: 1,
			want: `node-a1: 0s agent-v1-node-a1 terminating, 2s agent-1 starting, 12s agent-1 new, 25.2s
node-a2: 0s agent-v1-node-a2 old, 12s agent-v1-node-a2 terminating, 14s agent-2 starting, 24s agent-2 new, 25.2s
available: 0s 1 24s 2
ended 24s finished true`,
		},
		{
			name: "surge", why: "the old pod stays until the new one is available, five seconds after it is ready", surge: 1, minReady: 5,
			want: `node-a1: 0s agent-v1-node-a1 old + agent-1 starting, 10s agent-v1-node-a1 old + agent-1 ready, not yet available, 15s agent-v1-node-a1 terminating + agent-1 new, 17s agent-1 new, 33.6s
node-a2: 0s agent-v1-node-a2 old, 15s agent-v1-node-a2 old + agent-2 starting, 25s agent-v1-node-a2 old + agent-2 ready, not yet available, 30s agent-v1-node-a2 terminating + agent-2 new, 32s agent-2 new, 33.6s
available: 0s 2
ended 30s finished true`,
		},
		{
			name: "stuck", why: "the budget is used up for ever", unavailable: 1, opts: on("node-a1", simulate.PodTimes{ReadyAfter: -1}),
			want: `node-a1: 0s agent-v1-node-a1 terminating, 2s agent-1 starting, 30s
node-a2: 0s agent-v1-node-a2 old, 30s
available: 0s 1
ended 0s finished false`,
		},
		{
			name: "stuck later", why: "a quarter more of time shows that nothing happens", unavailable: 1,
			opts: simulate.Options{PodTimes: func(n *corev1.Node, _ *corev1.Pod) simulate.PodTimes {
				if n != nil && n.Name == "node-a2" {
					return simulate.PodTimes{ReadyAfter: -1}
				}
				return simulate.PodTimes{ReadyAfter: time.Minute}
			}},
			want: `node-a1: 0s agent-v1-node-a1 terminating, 2s agent-1 starting, 1m2s agent-1 new, 1m17.5s
node-a2: 0s agent-v1-node-a2 old, 1m2s agent-v1-node-a2 terminating, 1m4s agent-2 starting, 1m17.5s
available: 0s 1
ended 1m2s finished false`,
		},
		{
			name: "failing", why: "three times is enough; a pod that has failed is gone as soon as it is deleted", unavailable: 1,
			opts: on("node-a1", simulate.PodTimes{FailsAfter: 5 * time.Second}),
			want: `node-a1: 0s agent-v1-node-a1 terminating, 2s agent-1 starting, 7s agent-2 starting, 12s agent-3 starting, 17s agent-4 starting, 30s
node-a2: 0s agent-v1-node-a2 old, 30s
available: 0s 1
ended 0s finished false`,
		},
		{
			name: "canary", why: "the other node waits until the canary has been available for 20 s", unavailable: 1,
			policy: rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), Wait: metav1.Duration{Duration: 20 * time.Second}}},
			want: `node-a1: 0s agent-v1-node-a1 terminating, 2s agent-1 starting, 12s agent-1 canary, 46.2s
node-a2: 0s agent-v1-node-a2 old, 32s agent-v1-node-a2 terminating, 34s agent-2 starting, 44s agent-2 new, 46.2s
available: 0s 1 12s 2 32s 1 44s 2
ended 44s finished true`,
		},
		{
			name: "way back", why: "a canary that takes longer than 5 s fails the update, and what is new stays what it was", unavailable: 1,
			policy: rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), FailStarting: metav1.Duration{Duration: 5 * time.Second}}},
			want: `node-a1: 0s agent-v1-node-a1 terminating, 2s agent-1 starting, 7s agent-1 terminating, 9s agent-2 old, not available, 19s agent-2 old, 19.95s
node-a2: 0s agent-v1-node-a2 old, 19.95s
available: 0s 1 19s 2
ended 19s finished true`,
		},
		{
			name: "state in the middle", why: "what is under way at the beginning goes on", unavailable: 1,
			change: func(in *daemon.Input) {
				gone := in.Pods[0].DeepCopy()
				gone.DeletionTimestamp = &metav1.Time{Time: in.Now.Add(30 * time.Second)} // the default grace period
				failed := in.Pods[1].DeepCopy()
				failed.Status = corev1.PodStatus{Phase: corev1.PodFailed}
				in.Pods = []*corev1.Pod{gone, failed}
			},
			want: `node-a1: 0s agent-v1-node-a1 terminating, 2s agent-2 starting, 12s agent-2 new, 12.6s
node-a2: 0s agent-1 starting, 10s agent-1 new, 12.6s
available: 0s 0 10s 1 12s 2
ended 12s finished true`,
		},
		{
			name: "not bound", why: "what no kubelet runs is gone at once", unavailable: 1,
			change: func(in *daemon.Input) {
				waiting := in.Pods[0].DeepCopy()
				waiting.Spec.NodeName, waiting.Status = "", corev1.PodStatus{Phase: corev1.PodPending}
				in.Pods = []*corev1.Pod{waiting, in.Pods[1]}
			},
			want: `node-a1: 0s agent-1 starting, 10s agent-1 new, 23.1s
node-a2: 0s agent-v1-node-a2 old, 10s agent-v1-node-a2 terminating, 12s agent-2 starting, 22s agent-2 new, 23.1s
available: 0s 1 22s 2
ended 22s finished true`,
		},
		{
			name: "node gone, node not wanted", why: "a row for each node that has a pod at some time; a pod that terminates is no part of the rollout", unavailable: 1,
			change: func(in *daemon.Input) {
				in.DaemonSet.Spec.Template.Spec.Tolerations = nil
				unwanted := in.Nodes[0].DeepCopy()
				unwanted.Spec.Taints = []corev1.Taint{{Key: "x", Effect: corev1.TaintEffectNoExecute}}
				empty := unwanted.DeepCopy()
				empty.Name = "node-a0"
				in.Nodes = []*corev1.Node{empty, unwanted}
			},
			want: `node-a2: 0s agent-v1-node-a2 old, 2s no pod, 2.1s
node-a1: 0s agent-v1-node-a1 terminating, 2s no pod, 2.1s
available: 0s 0
ended 0s finished true`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := twoNodes(t, tc.unavailable, tc.surge)
			in.DaemonSet.Spec.MinReadySeconds = tc.minReady
			tc.opts.Policy = tc.policy
			if tc.change != nil {
				tc.change(&in)
			}
			rec, err := record(in, tc.opts)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, rec.String()); diff != "" {
				t.Errorf("record: %s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// checkRows holds what every recording promises: the segments of a node follow one
// another from zero to the horizon, each with other pods or states than the last.
func checkRows(t *testing.T, rec *recording) {
	t.Helper()
	for _, line := range rec.rows {
		at := time.Duration(0)
		var before []bar
		for i, s := range line.segments {
			if s.from != at || s.to <= s.from {
				t.Errorf("%s: segment %d is from %v to %v, want it to begin at %v and to last", line.node, i, s.from, s.to, at)
			}
			at = s.to
			for _, b := range s.bars {
				if b.from > s.from || b.to < s.to || b.state == stateNone {
					t.Errorf("%s: %s is %v from %v to %v, which does not cover its segment from %v to %v", line.node, b.pod, b.state, b.from, b.to, s.from, s.to)
				}
				for _, old := range before {
					if old.pod == b.pod && old.state == b.state && old != b {
						t.Errorf("%s: %+v becomes %+v, want one bar for one state", line.node, old, b)
					}
				}
			}
			before = s.bars
		}
		if at != rec.horizon {
			t.Errorf("%s: segments end at %v, want the horizon %v", line.node, at, rec.horizon)
		}
	}
}

// TestRecordAgreesWithPasses plays small clusters in any state: what is drawn as
// available is what the passes count, at every moment at which one is made.
func TestRecordAgreesWithPasses(t *testing.T) {
	drawn := 0
	for seed := range property.Seeds(t, 100) {
		r := rand.New(rand.NewPCG(seed, 7))
		in := scenario.Random(r)
		in.BurstReplicas = r.IntN(4)
		salt := r.IntN(4)
		if first, err := rollout.Sync(in, rollout.Options{}); err == nil && first.Revisions != nil && first.Revisions.Hash == "" {
			// The revision of another owner is in the way of the current one: pods get no
			// hash, all of them stay outdated, and are replaced for ever.
			continue
		}
		opts := simulate.Options{PodTimes: func(node *corev1.Node, pod *corev1.Pod) simulate.PodTimes {
			times := simulate.PodTimes{TerminatesAfter: time.Duration((len(pod.Name)+salt)%7) * time.Second}
			if node == nil {
				return times
			}
			switch (len(node.Name) + len(pod.Name) + salt) % 4 {
			case 0:
				times.FailsAfter = 5 * time.Second
			case 1:
				times.ReadyAfter, times.FailsAfter = 3*time.Second, time.Minute
			case 2:
				times.ReadyAfter = 7 * time.Second
			}
			return times
		}}
		rec, err := record(in, opts)
		if err != nil {
			t.Fatalf("seed %d: record = %v", seed, err)
		}
		drawn++
		checkRows(t, rec)
		for _, line := range rec.rows {
			last := line.segments[len(line.segments)-1]
			if rec.complete() && line.wanted && !slices.ContainsFunc(last.bars, func(b bar) bool { return b.state == stateReady }) {
				t.Errorf("seed %d: finished, but %s has %v, want a new pod that is available", seed, line.node, last.bars)
			}
		}
		want := map[time.Duration]int{}
		for pass, err := range simulate.Run(in, opts) {
			if err != nil {
				t.Fatal(err)
			}
			want[pass.Time.Sub(in.Now)] = pass.Available // the last one of each moment
		}
		for at, n := range want {
			got := 0
			for _, l := range rec.available {
				if l.at <= at {
					got = l.n
				}
			}
			if got != n {
				t.Errorf("seed %d: %d nodes are drawn as available at %v, want the %d of the pass:\n%v", seed, got, at, n, rec)
			}
		}
		if t.Failed() {
			return
		}
	}
	if drawn < 50 {
		t.Errorf("%d clusters drawn, want 50 at least", drawn)
	}
}
