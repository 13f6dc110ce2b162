package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The API server refuses what is wrong, and then nothing changes.
func TestRefused(t *testing.T) {
	loaded, err := loadLesson("nodes.yaml", "daemonset.yaml")
	if err != nil {
		t.Fatal(err)
	}
	c, err := newCluster(testNow, loaded.Nodes)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.create(loaded.DaemonSets[0]); err != nil {
		t.Fatal(err)
	}
	before := c.facts().DaemonSet
	if err := c.patch([]byte(`{"spec":{"selector":{"matchLabels":{"env":"other"}}}}`)); err == nil {
		t.Error("patch of the selector is taken, want it refused: it is immutable")
	}
	if err := c.create(&appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "empty"}}); err == nil {
		t.Error("create without a selector is taken, want it refused")
	}
	if diff := cmp.Diff(before, c.facts().DaemonSet); diff != "" {
		t.Errorf("the DaemonSet has changed (-want +got):\n%s", diff)
	}
}

// Names must not repeat: a pod would silently replace another.
func TestSuffix(t *testing.T) {
	const many = 100_000
	seen := make(map[string]bool, many)
	for n := 1; n <= many; n++ {
		seen[suffix(n)] = true
	}
	if len(seen) != many {
		t.Errorf("%d different suffixes of %d, want all", len(seen), many)
	}
	if first, second := suffix(1), suffix(2); first != "cc2tw" || second != "4lnck" {
		t.Errorf("suffix(1), suffix(2) = %q, %q, want the lesson's cc2tw, 4lnck", first, second)
	}
}
