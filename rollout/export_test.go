package rollout

import (
	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"maps"
	"slices"
)

// CompareSteps simulates like Steps and calls check before each pass after the
// first with the pass and the input from which Sync should get the same.
func CompareSteps(in Input, world World, check func(*Result, Input)) error {
	sim, first, err := newSimulation(in, world)
	if err != nil {
		return err
	}
	owner := *metav1.NewControllerRef(in.DaemonSet, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))
	var revisions []*appsv1.ControllerRevision
	for _, rev := range append(slices.Clone(sim.tracker.old), sim.tracker.current) {
		copied := rev.DeepCopy()
		if len(copied.OwnerReferences) == 0 { // adopted by the first pass
			copied.OwnerReferences = []metav1.OwnerReference{owner}
		}
		revisions = append(revisions, copied)
	}
	backoff := first.Result.Plan.Backoff
	for range 500 {
		s := sim.tracker.Snapshot()
		facts := Input{
			DaemonSet: s.DaemonSet(), Nodes: in.Nodes, Pods: slices.Collect(maps.Values(sim.pods)),
			Revisions: revisions, Now: sim.now, Backoff: backoff, BurstReplicas: in.BurstReplicas,
		}
		result, err := sim.pass()
		if err != nil {
			return err
		}
		check(result, facts)
		backoff = result.Plan.Backoff
		if !result.Empty() {
			sim.apply(result)
			revisions = slices.DeleteFunc(revisions, func(rev *appsv1.ControllerRevision) bool {
				return slices.ContainsFunc(result.CleanUp, func(deleted *appsv1.ControllerRevision) bool { return deleted.Name == rev.Name })
			})
			continue
		}
		if !sim.wait(result.Plan.RequeueAfter) {
			return nil
		}
	}
	return nil
}

// EachPass simulates like Steps and calls check with each pass before it is carried
// out, those that write nothing among them.
func EachPass(in Input, world World, check func(*Result)) (*End, error) {
	first, err := Sync(in)
	if err != nil {
		return nil, err
	}
	check(first)
	sim, _, err := newSimulation(in, world)
	if err != nil {
		return nil, err
	}
	for sim.instant < sim.patience() {
		result, err := sim.pass()
		if err != nil {
			return nil, err
		}
		check(result)
		if !result.Empty() {
			sim.instant++
			sim.last = nil
			if err := sim.apply(result); err != nil {
				return nil, err
			}
			sim.record(result)
			continue
		}
		sim.last = result
		if !sim.wait(result.Plan.RequeueAfter) {
			break
		}
		sim.instant = 0
	}
	return sim.end(), nil
}
