package history_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/build"
)

func TestCleanUp(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		limit     int // below zero: none is set
		// old are the revisions, as build.History reads them.
		old  string
		pods string // node=hash; with "~" the pod is being deleted
		want string
	}{
		{"within the limit", "two are allowed", 2, "h1:1 h2:2", "", ""},
		{"one too many", "the oldest goes", 2, "h1:1 h2:2 h3:3", "", "h1"},
		{"in any order", "the number decides", 1, "h3:3 h1:1 h2:2", "", "h1 h2"},
		{"limit of zero", "all go", 0, "h1:1 h2:2", "", "h1 h2"},
		{"no limit set", "ten are kept, as the API defaults it", -1, "a:1 b:2 c:3 d:4 e:5 f:6 g:7 h:8 i:9 j:10 k:11", "", "a"},
		{"carried", "the oldest is in use, so that the next goes", 1, "old:1 h2:2 h3:3", "a=old", "h2 h3"},
		{"carried ones count", "two are in use, which is the limit, so that the newest goes", 2, "old:1 older:2 h3:3", "a=old b=older", "h3"},
		{"carried by one being deleted", "it is in use until it is gone", 0, "old:1 h2:2", "a=old~", "h2"},
		{"carried by one of another node's pods", "whichever node", 0, "old:1 older:2", "a=new b=old", "older"},
		{"carried on a node that is gone", "the pod is still there", 0, "old:1", "gone=old", ""},
		{"all carried", "nothing can go", 0, "old:1 older:2", "a=old b=older", ""},
		{"no hash label", "nothing tells that it is in use", 0, ":1", "a=old", "(none)"},
		{"no hash label on either side", "a pod without one carries none", 0, ":1", "a=", "(none)"},
		{"no revisions", "nothing to do", 0, "", "a=old", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ds := build.Set{}.Object()
			limit := int32(tc.limit)
			if ds.Spec.RevisionHistoryLimit = &limit; tc.limit < 0 {
				ds.Spec.RevisionHistoryLimit = nil
			}
			in := daemon.Input{DaemonSet: ds, Nodes: build.Nodes("a", "b"), Now: build.Now}
			for word := range strings.FieldsSeq(tc.pods) {
				node, hash, _ := strings.Cut(word, "=")
				pod := build.Pod{Name: "on-" + node, Node: node}
				pod.Hash, pod.Deleting = strings.CutSuffix(hash, "~")
				in.Pods = append(in.Pods, pod.Of(ds))
			}
			s, err := daemon.Observe(in)
			if err != nil {
				t.Fatal(err)
			}
			old := build.History(ds, tc.old)
			order := fmt.Sprint(old)
			var got []string
			for _, rev := range history.CleanUp(s, old) {
				hash := rev.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
				if hash == "" {
					hash = "(none)"
				}
				got = append(got, hash)
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("CleanUp() (-want +got), because %s:\n%s", tc.why, diff)
			}
			if fmt.Sprint(old) != order {
				t.Error("CleanUp() changed what it was given")
			}
		})
	}
}

// TestCleanUpInput: nil entries do not count, and the order of the list has no effect.
func TestCleanUpInput(t *testing.T) {
	ds := build.Set{}.Object()
	ds.Spec.RevisionHistoryLimit = new(int32(1))
	s, err := daemon.Observe(daemon.Input{DaemonSet: ds, Now: build.Now})
	if err != nil {
		t.Fatal(err)
	}
	a, b := build.Revision{Hash: "a", Number: 1}.Of(ds), build.Revision{Hash: "b", Number: 1}.Of(ds)
	for _, tc := range []struct {
		old, want []*appsv1.ControllerRevision
	}{
		{[]*appsv1.ControllerRevision{nil, a}, nil},
		{[]*appsv1.ControllerRevision{a, b}, []*appsv1.ControllerRevision{a}},
		{[]*appsv1.ControllerRevision{b, a}, []*appsv1.ControllerRevision{a}},
	} {
		if diff := cmp.Diff(tc.want, history.CleanUp(s, tc.old)); diff != "" {
			t.Errorf("CleanUp(%v) (-want +got):\n%s", tc.old, diff)
		}
	}
}
