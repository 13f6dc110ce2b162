package daemon_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/placement"
)

// TestDaemonSetsToSync covers syncNodeUpdate@v1.37.2 for a node w1.
func TestDaemonSetsToSync(t *testing.T) {
	here := []build.Pod{{Name: "a", Node: "w1"}}
	misscheduled := build.Set{Status: appsv1.DaemonSetStatus{NumberMisscheduled: 1}}
	tests := []struct {
		name, why string
		set       build.Set
		taints    []corev1.Taint
		pods      []build.Pod
		change    func(pod *corev1.Pod)
		want      bool
	}{
		{name: "should run, no pod", why: "one is to be made", want: true},
		{name: "should run, has one", why: "all is well", pods: here},
		{name: "should run, has one, misscheduled counted", why: "the count may be out of date", set: misscheduled, pods: here, want: true},
		{name: "should run, no pod, misscheduled counted", why: "one is to be made anyhow", set: misscheduled, want: true},
		{name: "should not run, no pod", why: "all is well", taints: []corev1.Taint{build.NoSchedule("k")}},
		{name: "should not run, no pod, misscheduled counted", why: "it is counted elsewhere", set: misscheduled, taints: []corev1.Taint{build.NoExecute("k")}},
		{name: "kept", why: "nothing to do about it", taints: []corev1.Taint{build.NoSchedule("k")}, pods: here},
		{name: "kept, misscheduled counted", why: "the count may be out of date", set: misscheduled, taints: []corev1.Taint{build.NoSchedule("k")}, pods: here, want: true},
		{name: "not kept", why: "it has to go", taints: []corev1.Taint{build.NoExecute("k")}, pods: here, want: true},

		{name: "pod elsewhere", why: "only pods bound to the node count", pods: []build.Pod{{Name: "a", Node: "w2"}}, want: true},
		{name: "waiting pod", why: "upstream's index is by binding: a pass too many", pods: []build.Pod{{Name: "a", Node: "w1", Unbound: true}}, want: true},
		{name: "foreign pod", why: "another set's", pods: []build.Pod{{Name: "a", Node: "w1", Foreign: true}}, want: true},
		{name: "orphan", why: "nobody's yet", pods: []build.Pod{{Name: "a", Node: "w1", Orphan: true}}, want: true},
		{name: "failed and being deleted", why: "upstream looks at the binding alone", pods: []build.Pod{{Name: "a", Node: "w1", Phase: failed, Deleting: true}}},
		{name: "another namespace", why: "a set of the same name", pods: here, change: func(p *corev1.Pod) { p.Namespace = "default" }, want: true},
		{name: "owner of another kind", why: "a ReplicaSet of the same name", pods: here, change: func(p *corev1.Pod) { p.OwnerReferences[0].Kind, p.OwnerReferences[0].UID = "ReplicaSet", "uid-set" }, want: true},
		{name: "former owner", why: "found by name, whatever the UID", pods: here, change: func(p *corev1.Pod) { p.OwnerReferences[0].UID = "uid-former" }},
		{name: "other labels", why: "selectors are not asked", pods: here, change: func(p *corev1.Pod) { p.Labels = nil }},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			ds := tc.set.Object()
			var pods []*corev1.Pod
			for _, p := range tc.pods {
				pod := p.Of(ds)
				if tc.change != nil {
					tc.change(pod)
				}
				pods = append(pods, pod, nil) // nil entries are passed over
			}
			node := build.Node{Name: "w1", Taints: tc.taints}.Object()
			got, err := daemon.DaemonSetsToSync(node, []*appsv1.DaemonSet{ds}, pods, placement.Options{})
			if err != nil || (len(got) == 1) != tc.want {
				t.Errorf("DaemonSetsToSync() = %d sets, %v, want it among them: %v: %s", len(got), err, tc.want, tc.why)
			}
		})
	}
}

func TestDaemonSetsToSyncOrder(t *testing.T) {
	node := build.Nodes("w1")[0]
	var sets []*appsv1.DaemonSet
	for _, name := range []string{"c", "a", "d", "b"} {
		sets = append(sets, build.Set{Name: name}.Object())
	}
	got, err := daemon.DaemonSetsToSync(node, sets, []*corev1.Pod{build.Pod{Name: "p", Node: "w1"}.Of(sets[2])}, placement.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]*appsv1.DaemonSet{sets[0], sets[1], sets[3]}, got); diff != "" {
		t.Errorf("DaemonSetsToSync(), in the order of the sets (-want +got):\n%s", diff)
	}

	_, err = daemon.DaemonSetsToSync(nil, sets, nil, placement.Options{})
	wantFieldError(t, err, "node: Required value", "no node to ask about")
	_, err = daemon.DaemonSetsToSync(node, []*appsv1.DaemonSet{sets[0], nil}, nil, placement.Options{})
	wantFieldError(t, err, "daemonSets[1]: Required value", "an entry is nil")
	if got, err := daemon.DaemonSetsToSync(node, nil, nil, placement.Options{}); got != nil || err != nil {
		t.Errorf("DaemonSetsToSync() of no sets = %v, %v", got, err)
	}
}
