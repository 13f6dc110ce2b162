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
	sim, err := newSimulation(in, world)
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
	backoff := sim.begun.Plan.Backoff
	first := true
	_, err = sim.each(500, func(result *Result) {
		if sim.rollback != nil {
			return // another history has begun
		}
		if !first {
			s := sim.tracker.Snapshot()
			check(result, Input{
				DaemonSet: s.DaemonSet(), Nodes: in.Nodes, Pods: slices.Collect(maps.Values(sim.pods)),
				Revisions: revisions, Now: sim.now, Backoff: backoff, BurstReplicas: in.BurstReplicas, Policy: in.Policy,
			})
		}
		first, backoff = false, result.Plan.Backoff
		revisions = slices.DeleteFunc(revisions, func(rev *appsv1.ControllerRevision) bool {
			return slices.ContainsFunc(result.CleanUp, func(deleted *appsv1.ControllerRevision) bool { return deleted.Name == rev.Name })
		})
	})
	return err
}

// EachPass simulates like Steps and calls check with each pass before it is carried
// out, those that write nothing among them.
func EachPass(in Input, world World, check func(*Result)) (*End, error) {
	sim, err := newSimulation(in, world)
	if err != nil {
		return nil, err
	}
	return sim.each(1<<20, check)
}

// each makes passes as next does, up to a number of them.
func (sim *simulation) each(most int, check func(*Result)) (*End, error) {
	for range most {
		result, err := sim.pass()
		if err != nil {
			return nil, err
		}
		check(result)
		sim.idle++
		if !result.Empty() && !sim.circles() {
			if _, err := sim.write(result); err != nil {
				return nil, err
			}
			continue
		}
		if !result.Empty() || sim.circles() || !sim.wait(result.Plan.RequeueAfter) {
			return sim.end(result), nil
		}
	}
	return nil, nil
}
