package simulate_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/scenario"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/kubectl"
	"github.com/pernode/daemonset/rollout/simulate"
)

// TestWrites has the writes that a pass may ask for, each by what is there after the
// cluster has come to rest again.
func TestWrites(t *testing.T) {
	hashes := func(in daemon.Input) map[string]bool {
		out := map[string]bool{}
		for _, pod := range in.Pods {
			out[pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]] = true
		}
		return out
	}
	revisions := func(in daemon.Input) map[string]int64 {
		out := map[string]int64{}
		for _, rev := range in.Revisions {
			out[rev.Name] = rev.Revision
		}
		return out
	}
	for _, tc := range []struct {
		name, why string
		change    func(*testing.T, *simulate.Cluster, daemon.Input)
		check     func(*testing.T, daemon.Input)
		pods      []string
	}{
		{
			name: "orphan", why: "the adopted pod makes its successor superfluous",
			change: func(t *testing.T, c *simulate.Cluster, in daemon.Input) {
				for _, pod := range in.Pods {
					pod = pod.DeepCopy()
					pod.OwnerReferences = nil
					apply(t, c, pod)
				}
			},
			check: func(t *testing.T, in daemon.Input) {
				for _, pod := range in.Pods {
					if !metav1.IsControlledBy(pod, in.DaemonSet) {
						t.Errorf("pod %s has owners %v, want the DaemonSet", pod.Name, pod.OwnerReferences)
					}
				}
			},
			pods: []string{"agent-1", "agent-2"},
		}, {
			name: "other labels", why: "the released pod stays, and its node gets another",
			change: func(t *testing.T, c *simulate.Cluster, in daemon.Input) {
				pod := in.Pods[0].DeepCopy()
				pod.Labels["app"] = "test"
				apply(t, c, pod)
			},
			check: func(t *testing.T, in daemon.Input) {
				if owner := metav1.GetControllerOf(in.Pods[0]); owner != nil {
					t.Errorf("the released pod has the owner %v, want none", owner)
				}
			},
			pods: []string{"agent-1", "agent-2", "agent-3"},
		}, {
			name: "duplicate revision", why: "the older of two equal ones goes; the pods are relabelled, not replaced",
			change: func(t *testing.T, c *simulate.Cluster, in daemon.Input) {
				twin := in.Revisions[0].DeepCopy()
				twin.Name, twin.UID, twin.Revision = "agent-twin", "", twin.Revision+1
				twin.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "twin"
				apply(t, c, twin)
			},
			check: func(t *testing.T, in daemon.Input) {
				if diff := cmp.Diff(map[string]int64{"agent-twin": 2}, revisions(in)); diff != "" {
					t.Errorf("revisions (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(map[string]bool{"twin": true}, hashes(in)); diff != "" {
					t.Errorf("hashes of the pods (-want +got):\n%s", diff)
				}
			},
			pods: []string{"agent-1", "agent-2"},
		}, {
			name: "orphaned revision without label", why: "it is adopted, labelled and kept, not made anew",
			change: func(t *testing.T, c *simulate.Cluster, in daemon.Input) {
				rev := in.Revisions[0].DeepCopy()
				rev.OwnerReferences = nil
				delete(rev.Labels, appsv1.DefaultDaemonSetUniqueLabelKey)
				apply(t, c, rev)
			},
			check: func(t *testing.T, in daemon.Input) {
				if len(in.Revisions) != 1 || !metav1.IsControlledBy(in.Revisions[0], in.DaemonSet) || hashes(in)[in.Revisions[0].Name] != true {
					t.Errorf("revisions = %v, pods with hashes %v, want one that is owned, and pods of it", in.Revisions, hashes(in))
				}
			},
			pods: []string{"agent-3", "agent-4"},
		}, {
			name: "long history", why: "the limit deletes the oldest, and those without the label get it",
			change: func(t *testing.T, c *simulate.Cluster, in daemon.Input) {
				ds := in.DaemonSet.DeepCopy()
				ds.Spec.RevisionHistoryLimit = new(int32(1))
				apply(t, c, ds)
				for _, name := range []string{"b", "a"} {
					rev := build.Revision{Hash: name}.Of(ds)
					rev.Name, rev.Labels = name, build.Labels{"app": "agent"}
					apply(t, c, rev)
				}
			},
			check: func(t *testing.T, in daemon.Input) {
				got := slices.Sorted(maps.Keys(revisions(in)))
				if len(got) != 2 || got[1] != "b" {
					t.Fatalf("revisions = %v, want b and the current one", got)
				}
				if hash := in.Revisions[1].Labels[appsv1.DefaultDaemonSetUniqueLabelKey]; hash != "b" {
					t.Errorf("hash of revision b = %q, want its name", hash)
				}
			},
			pods: []string{"agent-1", "agent-2"},
		}, {
			name: "name taken", why: "the collision count makes another name",
			change: func(t *testing.T, c *simulate.Cluster, in daemon.Input) {
				ds := in.DaemonSet.DeepCopy()
				ds.Spec.Template.Spec.Containers[0].Image = "agent:2"
				rev := build.Revision{Hash: daemon.TemplateHash(&ds.Spec.Template, nil)}.Of(build.Set{Name: "other"}.Object())
				rev.Name = "agent-" + rev.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
				apply(t, c, rev, ds)
			},
			check: func(t *testing.T, in daemon.Input) {
				if count := in.DaemonSet.Status.CollisionCount; count == nil || *count != 1 || len(in.Revisions) != 3 {
					t.Errorf("collision count %v with revisions %v, want 1 and three revisions", count, revisions(in))
				}
			},
			pods: []string{"agent-3", "agent-4"},
		}, {
			name: "undo", why: "the old revision gets the highest number",
			change: func(t *testing.T, c *simulate.Cluster, in daemon.Input) {
				ds := in.DaemonSet.DeepCopy()
				ds.Spec.Template.Spec.Containers[0].Image = "agent:2"
				apply(t, c, ds)
				settleCluster(t, c)
				in = c.Input(ds)
				undo, err := kubectl.RolloutUndo(in.DaemonSet, in.Revisions, 0)
				if err != nil {
					t.Fatal(err)
				}
				apply(t, c, undo.Rollback.DaemonSet)
			},
			check: func(t *testing.T, in daemon.Input) {
				if got := slices.Sorted(maps.Values(revisions(in))); !slices.Equal(got, []int64{2, 3}) {
					t.Errorf("numbers of the revisions = %v, want 2 and 3", got)
				}
			},
			pods: []string{"agent-5", "agent-6"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, ds := settled(t, build.Set{}, "a", "b")
			tc.change(t, c, c.Input(ds))
			settleCluster(t, c)
			in := c.Input(ds)
			tc.check(t, in)
			var pods []string
			for _, pod := range in.Pods {
				pods = append(pods, pod.Name)
			}
			if diff := cmp.Diff(tc.pods, pods); diff != "" {
				t.Errorf("pods: %s (-want +got):\n%s", tc.why, diff)
			}
			if result, err := rollout.Sync(in, rollout.Options{}); err != nil || !result.Empty() {
				t.Errorf("Sync() at rest = %v, %v, want nothing", result, err)
			}
		})
	}
}

// TestWritesOfOnePass: several writes of one object in a pass do not undo each other.
func TestWritesOfOnePass(t *testing.T) {
	c, ds := settled(t, build.Set{}, "a")
	rev := c.Input(ds).Revisions[0].DeepCopy()
	rev.OwnerReferences = nil
	delete(rev.Labels, appsv1.DefaultDaemonSetUniqueLabelKey)
	apply(t, c, rev)
	if _, err := c.Sync(ds); err != nil {
		t.Fatal(err)
	}
	got := c.Input(ds).Revisions[0]
	if !metav1.IsControlledBy(got, c.Input(ds).DaemonSet) || got.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] != got.Name {
		t.Errorf("revision = %+v, want it both adopted and labelled", got.ObjectMeta)
	}
}

// TestCarryOut plays arbitrary clusters twice: with the passes of the cluster, and with
// those of a caller. They are the same.
func TestCarryOut(t *testing.T) {
	policy := rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1), FailStarting: metav1.Duration{Duration: 5 * time.Second}}}
	for seed := range uint64(24) {
		in := scenario.Random(rand.New(rand.NewPCG(seed, 13)))
		opts := simulate.Options{}
		if seed%2 == 0 {
			opts.Policy = policy
		}
		var clusters [2]*simulate.Cluster
		for i := range clusters {
			var err error
			if clusters[i], err = simulate.NewCluster(in, opts); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		var trial *rollout.CanaryTrial
		for step := range 15 {
			want, wantErr := clusters[0].Sync(in.DaemonSet)
			got, err := rollout.Sync(clusters[1].Input(in.DaemonSet), rollout.Options{Policy: opts.Policy, CanaryTrial: trial})
			if (err == nil) != (wantErr == nil) {
				t.Fatalf("seed %d, step %d: %v and %v", seed, step, err, wantErr)
			}
			if want == nil {
				break
			}
			trial = got.CanaryTrial
			text := got.String()
			if err := clusters[1].CarryOut(in.DaemonSet, got); err != nil {
				t.Fatalf("seed %d, step %d: CarryOut() = %v", seed, step, err)
			}
			if after := got.String(); after != text {
				t.Fatalf("seed %d, step %d: CarryOut() changed the result from\n%s to\n%s", seed, step, text, after)
			}
			if diff := cmp.Diff(clusters[0].Input(in.DaemonSet), clusters[1].Input(in.DaemonSet)); diff != "" {
				t.Fatalf("seed %d, step %d: the clusters differ (-Sync +CarryOut):\n%s", seed, step, diff)
			}
			for _, c := range clusters {
				c.Elapse(2 * time.Second)
			}
		}
	}
	c, ds := settled(t, build.Set{}, "a")
	if err := c.CarryOut(ds, nil); err == nil {
		t.Error("CarryOut() of nil = nil, want an error")
	}
	if err := c.CarryOut(build.Set{Name: "other"}.Object(), &rollout.Result{}); err == nil {
		t.Error("CarryOut() for an unknown DaemonSet = nil, want an error")
	}
	// A result of another cluster: what is not stored is left alone.
	gone := build.Pod{Name: "gone", Node: "a"}.Of(ds)
	rev := build.Current(ds, "gone")[0]
	foreign := &rollout.Result{
		Claims: []daemon.PodClaim{{Pod: gone, Claim: daemon.ClaimRelease}, {}}, CleanUp: []*appsv1.ControllerRevision{rev, nil},
		Plan:      daemon.Plan{Delete: []daemon.Delete{{Pod: gone}, {}}, Create: []daemon.Create{{}}},
		Revisions: &history.Plan{Claims: []history.RevisionClaim{{Revision: rev}, {}}, Label: []*appsv1.ControllerRevision{rev, nil}, Update: rev},
		Rollback:  &history.Rollback{Patch: []byte("{}")},
	}
	before := show(c.Input(ds))
	if err := c.CarryOut(ds, foreign); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, show(c.Input(ds))); diff != "" {
		t.Errorf("pods (-before +after):\n%s", diff)
	}
	if end := settleCluster(t, c)[0]; end.State != simulate.EndComplete || end.Passes != 0 {
		t.Errorf("Settle() = %v, want nothing to do", end)
	}
}

// TestCarryOutKeepsNothingOfTheResult: the caller changes a result that was carried out,
// and the cluster stays as it is.
func TestCarryOutKeepsNothingOfTheResult(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		result    func(in daemon.Input) *rollout.Result
		change    func(*rollout.Result)
	}{
		{
			"first pass", "the revision and the status are new",
			func(in daemon.Input) *rollout.Result {
				revs := build.Current(in.DaemonSet, "new")
				revs[0].Name = "agent-new"
				return &rollout.Result{
					Revisions: &history.Plan{Create: revs[0]},
					Status:    &appsv1.DaemonSetStatus{CollisionCount: new(int32(1)), Conditions: []appsv1.DaemonSetCondition{{Type: "x"}}},
				}
			},
			func(r *rollout.Result) {
				r.Revisions.Create.Labels["x"], r.Revisions.Create.Data.Raw[0] = "y", 'x'
				*r.Status.CollisionCount, r.Status.Conditions[0].Type = 2, "y"
			},
		}, {
			"labels", "the revisions get labels and annotations of the copies",
			func(in daemon.Input) *rollout.Result {
				label, update := in.Revisions[0].DeepCopy(), in.Revisions[0].DeepCopy()
				label.Labels["a"], update.Labels["b"], update.Revision = "a", "b", 7
				update.Annotations = map[string]string{"b": "b"}
				return &rollout.Result{Revisions: &history.Plan{Label: []*appsv1.ControllerRevision{label}, Update: update}}
			},
			func(r *rollout.Result) {
				r.Revisions.Label[0].Labels["a"], r.Revisions.Update.Labels["b"], r.Revisions.Update.Annotations["b"] = "x", "x", "x"
			},
		}, {
			"backoff", "it is remembered",
			func(in daemon.Input) *rollout.Result {
				return &rollout.Result{Plan: daemon.Plan{BackoffChanges: daemon.BackoffChanges{{Node: "a"}: {}}}}
			},
			func(r *rollout.Result) { clear(r.Plan.BackoffChanges) },
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, ds := settled(t, build.Set{}, "a")
			result := tc.result(c.Input(ds))
			if err := c.CarryOut(ds, result); err != nil {
				t.Fatal(err)
			}
			before := c.Input(ds)
			before.Backoff, before.Revisions, before.DaemonSet = maps.Clone(before.Backoff), copies(before.Revisions), before.DaemonSet.DeepCopy()
			tc.change(result)
			if diff := cmp.Diff(before, c.Input(ds)); diff != "" {
				t.Errorf("a change of the result changed the cluster: %s (-before +after):\n%s", tc.why, diff)
			}
		})
	}
}

// TestCarryOutKeepsItsTrial: the caller changes the canary's trial of a result that was
// carried out, and the canary goes on with the trial as it was.
func TestCarryOutKeepsItsTrial(t *testing.T) {
	c, ds := settled(t, build.Set{}, "a", "b")
	c.Options.Policy.Canary = &rollout.Canary{Nodes: intstr.FromInt32(1), Manual: true}
	ds = ds.DeepCopy()
	ds.Spec.Template.Spec.Containers[0].Image = "agent:2"
	apply(t, c, ds)
	if _, err := c.Sync(ds); err != nil { // It creates the revision.
		t.Fatal(err)
	}
	result, err := rollout.Sync(c.Input(ds), rollout.Options{Policy: c.Options.Policy})
	if err != nil || result.CanaryTrial == nil {
		t.Fatalf("Sync() = %v, %v, want a trial", result, err)
	}
	if err := c.CarryOut(ds, result); err != nil {
		t.Fatal(err)
	}
	want := result.CanaryTrial.DeepCopy()
	result.CanaryTrial.State, result.CanaryTrial.Nodes[0].Name = rollout.CanaryPromoted, "b"
	next, err := c.Sync(ds)
	if err != nil {
		t.Fatal(err)
	}
	if got := next.CanaryTrial; got == nil || got.State == rollout.CanaryPromoted || got.Nodes[0].Name != want.Nodes[0].Name {
		t.Errorf("Sync() goes on with the trial %+v, want that of the result as it was, %+v", got, want)
	}
}

// TestStaleWrites: a result is carried out after other objects have taken the names of
// those that it is about. They are left alone.
func TestStaleWrites(t *testing.T) {
	c, ds := settled(t, build.Set{}, "a")
	in := c.Input(ds)
	pod, rev := in.Pods[0], in.Revisions[0]
	stalePod, staleRev := pod.DeepCopy(), rev.DeepCopy()
	stalePod.UID, staleRev.UID = "gone", "gone"
	staleRev.Labels = map[string]string{"x": "x"}
	stale := &rollout.Result{
		Claims: []daemon.PodClaim{{Pod: stalePod, Claim: daemon.ClaimRelease}},
		Plan:   daemon.Plan{Delete: []daemon.Delete{{Pod: stalePod}}},
		Revisions: &history.Plan{
			Claims: []history.RevisionClaim{{Revision: staleRev, Claim: daemon.ClaimRelease}}, Label: []*appsv1.ControllerRevision{staleRev},
			Relabel: []history.PodRelabel{{Pod: stalePod}}, Duplicates: []*appsv1.ControllerRevision{staleRev}, Update: staleRev,
		},
		CleanUp: []*appsv1.ControllerRevision{staleRev},
	}
	if err := c.CarryOut(ds, stale); err != nil {
		t.Fatal(err)
	}
	after := c.Input(ds)
	if diff := cmp.Diff(in.Pods, after.Pods); diff != "" {
		t.Errorf("pods, whose names others had before (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(in.Revisions, after.Revisions); diff != "" {
		t.Errorf("revisions, whose names others had before (-want +got):\n%s", diff)
	}
	stalePod.UID = ""
	if err := c.CarryOut(ds, &rollout.Result{Plan: daemon.Plan{Delete: []daemon.Delete{{Pod: stalePod}}}}); err != nil {
		t.Fatal(err)
	}
	if c.Input(ds).Pods[0].DeletionTimestamp == nil {
		t.Error("a pod without a UID is not deleted by its name")
	}
}
