package health_test

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/kubectl"
)

// counts is a status of generation 2: desired, current, updated, ready and available.
func counts(desired, current, updated, ready, available int32) appsv1.DaemonSetStatus {
	return appsv1.DaemonSetStatus{
		ObservedGeneration: 2, DesiredNumberScheduled: desired, CurrentNumberScheduled: current, UpdatedNumberScheduled: updated,
		NumberReady: ready, NumberAvailable: available, NumberUnavailable: max(0, desired-available),
	}
}

// set is a DaemonSet of generation 2 with some changes.
func setWith(s build.Set, changes ...func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
	s.Generation = 2
	ds := s.Object()
	for _, change := range changes {
		change(ds)
	}
	return ds
}

func TestOfObject(t *testing.T) {
	observed := func(n int64) func(*appsv1.DaemonSet) {
		return func(ds *appsv1.DaemonSet) { ds.Status.ObservedGeneration = n }
	}
	generation := func(n int64) func(*appsv1.DaemonSet) { return func(ds *appsv1.DaemonSet) { ds.Generation = n } }
	strategy := func(kind appsv1.DaemonSetUpdateStrategyType) func(*appsv1.DaemonSet) {
		return func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.Type = kind }
	}
	condition := func(kind string) func(*appsv1.DaemonSet) {
		return func(ds *appsv1.DaemonSet) {
			ds.Status.Conditions = []appsv1.DaemonSetCondition{
				{Type: "Reconciling", Status: corev1.ConditionFalse}, {Type: appsv1.DaemonSetConditionType(kind), Status: corev1.ConditionTrue, Reason: "Because"},
			}
		}
	}
	for _, tc := range []struct {
		name, why       string
		ds              *appsv1.DaemonSet
		state           health.ObjectState
		kstatus, argoCD string
		helm            bool
	}{
		{"current", "every number is there", setWith(build.Set{Status: counts(3, 3, 3, 3, 3)}), health.ObjectCurrent, "Current", "Healthy", true},
		{"one to update", "the controller replaces its pod", setWith(build.Set{Status: counts(3, 3, 2, 3, 3)}), health.ObjectProgressing, "InProgress (LessUpdated)", "Progressing", false},
		{"no pod on a node", "the controller creates it", setWith(build.Set{Status: counts(3, 2, 2, 2, 2)}), health.ObjectProgressing, "InProgress (LessCurrent)", "Progressing", false},
		{"one of three unavailable", "maxUnavailable is 1", setWith(build.Set{Status: counts(3, 3, 3, 2, 2)}), health.ObjectReadyEnough, "InProgress (LessAvailable)", "Progressing", true},
		{"two of three unavailable", "that is one too many", setWith(build.Set{Status: counts(3, 3, 3, 1, 1)}), health.ObjectProgressing, "InProgress (LessAvailable)", "Progressing", false},
		{"ready, not available", "Helm does not wait for minReadySeconds", setWith(build.Set{Status: counts(3, 3, 3, 3, 0)}), health.ObjectReadyEnough, "InProgress (LessAvailable)", "Progressing", true},
		{"percentage", "25% of 5 rounds up to 2", setWith(build.Set{MaxUnavailable: "25%", Status: counts(5, 5, 5, 3, 3)}), health.ObjectReadyEnough, "InProgress (LessAvailable)", "Progressing", true},
		{"surge", "maxUnavailable is 0, so Helm waits for all", setWith(build.Set{MaxSurge: "1", Status: counts(3, 3, 3, 2, 2)}), health.ObjectProgressing, "InProgress (LessAvailable)", "Progressing", false},
		{"no budget", "Helm takes desired for it", setWith(build.Set{Status: counts(3, 3, 3, 0, 0)}, func(ds *appsv1.DaemonSet) { ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = nil }),
			health.ObjectReadyEnough, "InProgress (LessAvailable)", "Progressing", true},
		{"malformed budget", "Helm takes desired for it", setWith(build.Set{Status: counts(3, 3, 3, 0, 0)}, func(ds *appsv1.DaemonSet) {
			ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromString("many"))
		}), health.ObjectReadyEnough, "InProgress (LessAvailable)", "Progressing", true},
		{"not observed", "the numbers are of generation 1", setWith(build.Set{Status: counts(3, 3, 3, 3, 3)}, observed(1)), health.ObjectNotObserved, "InProgress (LatestGenerationNotObserved)", "Progressing", false},
		{"no status", "no controller has seen it", setWith(build.Set{}), health.ObjectNotObserved, "InProgress (NoObservedGeneration)", "Progressing", false},
		{"generation 0", "no API server has stored it; Argo CD and Helm look at zero numbers", setWith(build.Set{}, generation(0)), health.ObjectNotObserved, "InProgress (NoGeneration)", "Healthy", true},
		{"observed is ahead", "the object is older than its status", setWith(build.Set{Status: counts(3, 3, 3, 3, 3)}, observed(3)), health.ObjectNotObserved, "InProgress (LatestGenerationNotObserved)", "Healthy", false},
		{"no node", "no node needs a pod", setWith(build.Set{Status: counts(0, 0, 0, 0, 0)}), health.ObjectCurrent, "Current", "Healthy", true},
		{"no node, OnDelete", "nobody has to delete anything", setWith(build.Set{OnDelete: true, Status: counts(0, 0, 0, 0, 0)}), health.ObjectCurrent, "Current", "Healthy", true},
		{"OnDelete", "somebody has to delete two pods", setWith(build.Set{OnDelete: true, Status: counts(3, 3, 1, 3, 3)}), health.ObjectWaiting, "InProgress (LessUpdated)", "Healthy", true},
		{"OnDelete, one deleted", "its successor starts by itself", setWith(build.Set{OnDelete: true, Status: counts(3, 3, 1, 2, 2)}), health.ObjectProgressing, "InProgress (LessUpdated)", "Healthy", true},
		{"OnDelete, one unavailable", "nobody has to decide", setWith(build.Set{OnDelete: true, Status: counts(3, 3, 3, 2, 2)}), health.ObjectProgressing, "InProgress (LessAvailable)", "Healthy", true},
		{"OnDelete, current", "all are updated", setWith(build.Set{OnDelete: true, Status: counts(3, 3, 3, 3, 3)}), health.ObjectCurrent, "Current", "Healthy", true},
		{"unknown strategy", "the controller replaces nothing", setWith(build.Set{Status: counts(3, 3, 1, 3, 3)}, strategy("Recreate")), health.ObjectWaiting, "InProgress (LessUpdated)", "Progressing", true},
		{"no strategy", "counts like an unknown one", setWith(build.Set{Status: counts(3, 3, 3, 2, 2)}, strategy("")), health.ObjectProgressing, "InProgress (LessAvailable)", "Progressing", true},
		{"deleting", "whatever the numbers are", setWith(build.Set{Deleting: true, Status: counts(3, 3, 3, 3, 3)}), health.ObjectDeleting, "Terminating", "Progressing", true},
		{"reconciling", "the condition decides for kstatus alone", setWith(build.Set{Status: counts(3, 3, 3, 3, 3)}, condition("Reconciling")), health.ObjectCurrent, "InProgress (Because)", "Healthy", true},
		{"stalled", "the condition decides for kstatus alone", setWith(build.Set{Status: counts(3, 3, 3, 3, 3)}, condition("Stalled")), health.ObjectCurrent, "Failed (Because)", "Healthy", true},
		{"ready is behind available", "kstatus looks at both", setWith(build.Set{Status: counts(3, 3, 3, 2, 3)}), health.ObjectCurrent, "InProgress (LessReady)", "Healthy", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := health.OfObject(tc.ds)
			if got.State != tc.state || got.KStatus.String() != tc.kstatus || got.ArgoCD != tc.argoCD {
				t.Errorf("OfObject() = %v, %v, %v, want %v, %v, %v: %s", got, got.KStatus, got.ArgoCD, tc.state, tc.kstatus, tc.argoCD, tc.why)
			}
			if helm := helmReady(tc.ds); helm != tc.helm {
				t.Errorf("helmReady() = %v, want %v: %s", helm, tc.helm, tc.why)
			}
		})
	}
}

// TestOfObjectBudget: no more nodes may be unavailable than there are.
func TestOfObjectBudget(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		budget    *intstr.IntOrString
		missing   bool
		want      int
		state     health.ObjectState
	}{
		{"more than all", "three nodes are all", new(intstr.FromInt32(5)), false, 3, health.ObjectReadyEnough},
		{"150%", "three nodes are all", new(intstr.FromString("150%")), false, 3, health.ObjectReadyEnough},
		{"negative", "no API server accepts it", new(intstr.FromInt32(-1)), false, 0, health.ObjectProgressing},
		{"nil", "Helm takes desired for it", nil, false, 3, health.ObjectReadyEnough},
		{"malformed", "Helm takes desired for it", new(intstr.FromString("many")), false, 3, health.ObjectReadyEnough},
		{"no rollingUpdate", "no API server returns that, and Helm has no rule for it", nil, true, 0, health.ObjectProgressing},
	} {
		ds := setWith(build.Set{Status: counts(3, 3, 3, 0, 0)})
		ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = tc.budget
		if tc.missing {
			ds.Spec.UpdateStrategy.RollingUpdate = nil
		}
		if got := health.OfObject(ds); got.MaxUnavailable != tc.want || got.State != tc.state {
			t.Errorf("%s: OfObject() = %v, want maxUnavailable %d and %v: %s", tc.name, got, tc.want, tc.state, tc.why)
		}
	}
}

func TestOfObjectNumbers(t *testing.T) {
	status := counts(10, 9, 8, 7, 6)
	status.NumberMisscheduled = 5
	got := health.OfObject(setWith(build.Set{MaxUnavailable: "33%", Status: status}))
	want := health.Object{
		State: health.ObjectProgressing, Desired: 10, Current: 9, Updated: 8, Ready: 7, Available: 6, Misscheduled: 5, MaxUnavailable: 4,
		Generation: 2, ObservedGeneration: 2, KStatus: health.KStatus{Status: "InProgress", Reason: "LessCurrent"}, ArgoCD: "Progressing",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("OfObject() differs (-want +got):\n%s", diff)
	}
	const line = "progressing: desired 10, current 9, updated 8, ready 7, available 6, misscheduled 5, maxUnavailable 4, generation 2, observed 2"
	if got.String() != line {
		t.Errorf("String() = %q, want %q", got, line)
	}
	if got := health.OfObject(nil); got != (health.Object{}) || got.String() != "no object" {
		t.Errorf("OfObject(nil) = %v, want the zero Object", got)
	}
	if got := health.OfObject(&appsv1.DaemonSet{}).State; got != health.ObjectNotObserved {
		t.Errorf("OfObject of the zero DaemonSet = %v, want %v", got, health.ObjectNotObserved)
	}
	for state, want := range map[health.ObjectState]string{
		health.ObjectNotObserved: "not observed", health.ObjectProgressing: "progressing", health.ObjectWaiting: "waiting",
		health.ObjectReadyEnough: "ready enough", health.ObjectCurrent: "current", health.ObjectDeleting: "deleting", 99: "ObjectState(99)",
	} {
		if got := state.String(); got != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}

// kstatusOf states the published rule of kstatus: the first thing that is missing.
func kstatusOf(ds *appsv1.DaemonSet) health.KStatus {
	if ds.DeletionTimestamp != nil {
		return health.KStatus{Status: "Terminating"}
	}
	s := ds.Status
	missing := []struct {
		reason string
		is     bool
	}{
		{"LatestGenerationNotObserved", ds.Generation > 0 && s.ObservedGeneration > 0 && s.ObservedGeneration != ds.Generation},
		{"NoGeneration", ds.Generation == 0},
		{"NoObservedGeneration", s.ObservedGeneration == 0},
		{"LessCurrent", s.CurrentNumberScheduled < s.DesiredNumberScheduled},
		{"LessUpdated", s.UpdatedNumberScheduled < s.DesiredNumberScheduled},
		{"LessAvailable", s.NumberAvailable < s.DesiredNumberScheduled},
		{"LessReady", s.NumberReady < s.DesiredNumberScheduled},
	}
	for _, m := range missing {
		if m.is {
			return health.KStatus{Status: "InProgress", Reason: m.reason}
		}
	}
	return health.KStatus{Status: "Current"}
}

// argoCDOf states the published rule of Argo CD.
func argoCDOf(ds *appsv1.DaemonSet) string {
	behind := ds.Status.ObservedGeneration < ds.Generation
	short := ds.Status.UpdatedNumberScheduled < ds.Status.DesiredNumberScheduled || ds.Status.NumberAvailable < ds.Status.DesiredNumberScheduled
	if ds.DeletionTimestamp == nil && !behind && (!short || ds.Spec.UpdateStrategy.Type == "OnDelete") {
		return "Healthy"
	}
	return "Progressing"
}

// helmReady states the published rule of Helm.
func helmReady(ds *appsv1.DaemonSet) bool {
	if ds.Generation != ds.Status.ObservedGeneration {
		return false
	}
	if ds.Spec.UpdateStrategy.Type != "RollingUpdate" {
		return true
	}
	desired := int(ds.Status.DesiredNumberScheduled)
	budget, err := intstr.GetScaledValueFromIntOrPercent(ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable, desired, true)
	if err != nil {
		budget = desired
	}
	return int(ds.Status.UpdatedNumberScheduled) == desired && int(ds.Status.NumberReady) >= desired-budget
}

// TestOfObjectAgrees holds the verdicts on random statuses against the rules of the tools, and
// the table of OfObject against statuses whose numbers fit together.
func TestOfObjectAgrees(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	seen := map[health.ObjectState]int{}
	for range 20000 {
		ds := randomObject(r)
		before := ds.DeepCopy()
		got := health.OfObject(ds)
		if !reflect.DeepEqual(before, ds) {
			t.Fatalf("OfObject() changed the DaemonSet (-before +after):\n%s", cmp.Diff(before, ds))
		}
		if want := kstatusOf(ds); got.KStatus != want {
			t.Fatalf("OfObject() = %v, but kstatus says %v, not %v", got, want, got.KStatus)
		}
		if want := argoCDOf(ds); got.ArgoCD != want {
			t.Fatalf("OfObject() = %v, but Argo CD says %v, not %v", got, want, got.ArgoCD)
		}
		if fits(ds.Status) {
			seen[got.State]++
			checkTable(t, ds, got)
		}
		if t.Failed() {
			t.Fatalf("strategy %+v", ds.Spec.UpdateStrategy)
		}
	}
	for state := health.ObjectNotObserved; state <= health.ObjectDeleting; state++ {
		if seen[state] < 50 {
			t.Errorf("%d of the statuses were %v, want 50: %v", seen[state], state, seen)
		}
	}
}

// fits reports whether a controller can have counted so.
func fits(s appsv1.DaemonSetStatus) bool {
	return s.NumberAvailable <= s.NumberReady && s.NumberReady <= s.CurrentNumberScheduled &&
		s.UpdatedNumberScheduled <= s.CurrentNumberScheduled && s.CurrentNumberScheduled <= s.DesiredNumberScheduled
}

// checkTable checks the table of OfObject and its exceptions.
func checkTable(t *testing.T, ds *appsv1.DaemonSet, got health.Object) {
	t.Helper()
	rows := map[health.ObjectState]struct {
		kstatus, argoCD string
		helm            bool
	}{
		health.ObjectDeleting:    {"Terminating", "Progressing", helmReady(ds)},
		health.ObjectNotObserved: {"InProgress", "Progressing", false},
		health.ObjectProgressing: {"InProgress", "Progressing", false},
		health.ObjectWaiting:     {"InProgress", "Healthy", true},
		health.ObjectReadyEnough: {"InProgress", "Progressing", true},
		health.ObjectCurrent:     {"Current", "Healthy", true},
	}
	row := rows[got.State]
	kind := ds.Spec.UpdateStrategy.Type
	switch {
	case got.State == health.ObjectDeleting:
	case got.State == health.ObjectNotObserved:
		if ds.Generation <= ds.Status.ObservedGeneration {
			row.argoCD = argoCDOf(ds)
		}
		if ds.Generation == 0 {
			row.helm = helmReady(ds)
		}
	case kind == "OnDelete" && got.State == health.ObjectProgressing:
		row.argoCD, row.helm = "Healthy", true
	case kind != "OnDelete" && kind != "RollingUpdate":
		row.helm = true
		if got.State != health.ObjectCurrent {
			row.argoCD = "Progressing"
		}
	}
	if got.KStatus.Status != row.kstatus || got.ArgoCD != row.argoCD || helmReady(ds) != row.helm {
		t.Errorf("OfObject() = %v, %v, %v, Helm %v, but the table says %+v", got, got.KStatus, got.ArgoCD, helmReady(ds), row)
	}
	if progress, err := kubectl.RolloutStatus(ds); err == nil && ds.DeletionTimestamp == nil && ds.Generation >= ds.Status.ObservedGeneration && ds.Generation > 0 {
		if done := progress.State == kubectl.ProgressRolledOut; done != (got.State == health.ObjectCurrent) {
			t.Errorf("OfObject() = %v, but kubectl says %v", got, progress)
		}
	}
}

func randomObject(r *rand.Rand) *appsv1.DaemonSet {
	n := func(most int32) int32 { return max(0, most-int32(r.IntN(3))) }
	desired := int32(r.IntN(7))
	current := n(desired)
	ready := n(current)
	status := counts(desired, current, n(current), ready, n(ready))
	if one(r, 4) {
		n := func() int32 { return int32(r.IntN(5)) }
		status = counts(n(), n(), n(), n(), n())
	}
	ds := setWith(build.Set{
		MaxUnavailable: pick(r, "", "2", "25%", "100%"), MaxSurge: pick(r, "", "", "1"), OnDelete: one(r, 4), Deleting: one(r, 20), Status: status,
	})
	if one(r, 6) {
		ds.Generation, ds.Status.ObservedGeneration = int64(r.IntN(3)), int64(r.IntN(3))
	}
	if one(r, 8) {
		ds.Spec.UpdateStrategy.Type = pick(r, appsv1.DaemonSetUpdateStrategyType(""), "Recreate")
	}
	if one(r, 8) && ds.Spec.UpdateStrategy.RollingUpdate != nil {
		ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = pick(r, nil, new(intstr.FromString("many")))
	}
	return ds
}
