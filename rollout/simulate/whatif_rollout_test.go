package simulate_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/internal/scenario"
	"github.com/pernode/daemonset/rollout/simulate"
)

// hashLabel returns the hash label of an object.
func hashLabel(labels map[string]string) string { return labels[appsv1.DefaultDaemonSetUniqueLabelKey] }

// withDefaults returns a DaemonSet with all defaults of the API server.
func withDefaults(t *testing.T, ds *appsv1.DaemonSet) *appsv1.DaemonSet {
	t.Helper()
	impact, err := simulate.WhatIf(daemon.Input{Now: build.Now}, simulate.Proposal{DaemonSet: ds}, simulate.Options{})
	if err != nil || len(impact.Refused) > 0 {
		t.Fatalf("WhatIf() = %v, %v, want a new DaemonSet", impact, err)
	}
	return impact.After.DaemonSet
}

// settledHash plays a rollout and returns the hash of the revision that it is to; empty if the
// controller leaves the DaemonSet alone or has no revision.
func settledHash(t *testing.T, in daemon.Input) string {
	t.Helper()
	end, err := simulate.Settle(in, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if end.Last.Revisions == nil || end.Last.Revisions.Current == nil {
		return ""
	}
	return hashLabel(end.Last.Revisions.Current.Labels)
}

// TestWhatIfAgreesWithItsRun plays what WhatIf says of arbitrary clusters, with and without
// revisions and with and without the defaults of the API server. A template that does not change
// stays as it is. The pods that do not have the hash of the revision to which the Run goes are the
// Outdated ones, and a rollout is due if the Run without the proposal goes to another revision than
// the newest one.
func TestWhatIfAgreesWithItsRun(t *testing.T) {
	proposals := map[string]func(*appsv1.DaemonSet) *appsv1.DaemonSet{
		"none":         func(*appsv1.DaemonSet) *appsv1.DaemonSet { return nil },
		"stored":       func(ds *appsv1.DaemonSet) *appsv1.DaemonSet { return ds },
		"all defaults": func(ds *appsv1.DaemonSet) *appsv1.DaemonSet { return withDefaults(t, ds) },
		"label": func(ds *appsv1.DaemonSet) *appsv1.DaemonSet {
			ds = ds.DeepCopy()
			ds.Labels = map[string]string{"x": "y"}
			return ds
		},
		"minReadySeconds": func(ds *appsv1.DaemonSet) *appsv1.DaemonSet {
			ds = withDefaults(t, ds)
			ds.Spec.MinReadySeconds += 3
			return ds
		},
		"image": func(ds *appsv1.DaemonSet) *appsv1.DaemonSet {
			ds = ds.DeepCopy()
			ds.Spec.Template.Spec.Containers[0].Image = "c:77"
			return ds
		},
	}
	outdated, current, due := 0, 0, 0
	for seed := range property.Seeds(t, 37) {
		in := scenario.Random(rand.New(rand.NewPCG(seed, 59)))
		if in.DaemonSet.DeletionTimestamp != nil || in.DaemonSet.Annotations[appsv1.DeprecatedTemplateGeneration] != "" {
			continue // The controller does nothing, or the hash does not decide alone.
		}
		if seed%2 == 0 {
			in.DaemonSet = withDefaults(t, in.DaemonSet)
		}
		if seed%3 == 0 {
			// A cluster that a controller has seen: the newest revision is that of the template.
			end, err := simulate.Settle(in, simulate.Options{})
			if err != nil {
				t.Fatal(err)
			}
			in = end.After
		}
		if seed%5 < 2 {
			in.Revisions = nil
		}
		for name, propose := range proposals {
			at := fmt.Sprintf("seed %d, %s", seed, name)
			impact, err := simulate.WhatIf(in, simulate.Proposal{DaemonSet: propose(in.DaemonSet)}, simulate.Options{})
			if err != nil {
				t.Fatalf("%s: %v", at, err)
			}
			if len(impact.Refused) > 0 {
				continue
			}
			hash, without := settledHash(t, impact.After), settledHash(t, in)
			if name != "image" {
				if diff := cmp.Diff(in.DaemonSet.Spec.Template, impact.After.DaemonSet.Spec.Template); diff != "" {
					t.Errorf("%s: the template changes (-given +after):\n%s", at, diff)
				}
				if hash != without {
					t.Errorf("%s: Run() goes to %s, and to %s without the proposal", at, hash, without)
				}
			}
			var newest *appsv1.ControllerRevision
			same := 0 // revisions with these bytes
			for _, rev := range impact.After.Revisions {
				if owner := metav1.GetControllerOf(rev); owner != nil && owner.UID != in.DaemonSet.UID {
					continue
				}
				if newest == nil || rev.Revision > newest.Revision {
					newest = rev
				}
				for _, other := range impact.After.Revisions {
					if hashLabel(other.Labels) == hash && bytes.Equal(rev.Data.Raw, other.Data.Raw) {
						same++
					}
				}
			}
			if hash == "" || same > 1 {
				continue // The controller does nothing, or the first pass relabels all pods.
			}
			snapshot, err := daemon.Observe(impact.After)
			if err != nil {
				t.Fatal(err)
			}
			others := 0
			for _, n := range snapshot.Nodes() {
				for _, p := range n.Pods {
					switch {
					case !p.Live():
					case hashLabel(p.Pod.Labels) == hash:
						current++
					default:
						others++
					}
				}
			}
			if outdated += others; impact.Outdated != others {
				t.Errorf("%s: WhatIf() = %v\n%d outdated, want %d: all that are not of %s", at, impact, impact.Outdated, others, hash)
			}
			starts := newest != nil && hashLabel(newest.Labels) != hash || newest == nil && (others > 0 || name == "image")
			if got := impact.Rollout != simulate.RolloutNone; got != starts && seed%3 == 0 {
				t.Errorf("%s: WhatIf() = %v\nwant a rollout %v: it goes to %s", at, impact, starts, hash)
			}
			if want := starts && name != "image"; impact.AlreadyDue != want && seed%3 == 0 {
				t.Errorf("%s: WhatIf() = %v\nalready due %v, want %v: it goes to %s", at, impact, impact.AlreadyDue, want, hash)
			}
			if impact.AlreadyDue {
				due++
			}
		}
	}
	if outdated < 50 || current < 50 || due < 5 {
		t.Errorf("%d outdated pods, %d current ones, %d rollouts that are due, want more", outdated, current, due)
	}
}

// TestWhatIfWithoutRevisions: nobody has listed the revisions of a cluster at rest, whose DaemonSet lacks
// defaults of pods. Nothing rolls out.
func TestWhatIfWithoutRevisions(t *testing.T) {
	c, ds := settled(t, build.Set{}, "a", "b", "c")
	in := c.Input(ds)
	in.Revisions = nil
	for _, proposal := range []simulate.Proposal{{}, {DaemonSet: ds}, {DaemonSet: in.DaemonSet}, {DaemonSet: withDefaults(t, ds)}} {
		impact, err := simulate.WhatIf(in, proposal, simulate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		passes := 0
		pods := map[string]bool{}
		for _, pod := range impact.After.Pods {
			pods[pod.Name] = true
		}
		end, err := simulate.Settle(impact.After, simulate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, pod := range end.After.Pods {
			if !pods[pod.Name] {
				passes++
			}
		}
		if !impact.NoChange || impact.AlreadyDue || impact.Outdated != 0 || passes != 0 {
			t.Errorf("WhatIf() = %v, %d outdated, due %v, and Run() replaces %d pods, want none", impact, impact.Outdated, impact.AlreadyDue, passes)
		}
	}
}
