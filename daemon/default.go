package daemon

import (
	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// Default returns a deep copy of ds with the API server's defaults for the DaemonSet's own
// fields (SetDefaults_DaemonSet@v1.37.2):
//
//   - updateStrategy.type: RollingUpdate;
//   - updateStrategy.rollingUpdate of that type: maxUnavailable 1, maxSurge 0, each
//     independently of the other. A maxSurge alone therefore leaves both above zero,
//     which Validate refuses;
//   - revisionHistoryLimit: 10.
//
// A rollingUpdate beside any other type stays as it is. The pod template is
// copied unchanged: its defaults are those of pods (SetDefaults_PodSpec@v1.37.2)
// and do not belong to DaemonSets. Nil gives nil; nothing in the result is
// shared with ds, which is never changed. Default(Default(ds)) is Default(ds).
func Default(ds *appsv1.DaemonSet) *appsv1.DaemonSet {
	if ds == nil {
		return nil
	}
	out := ds.DeepCopy()
	strategy := &out.Spec.UpdateStrategy
	if strategy.Type == "" {
		strategy.Type = appsv1.RollingUpdateDaemonSetStrategyType
	}
	if strategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		if strategy.RollingUpdate == nil {
			strategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{}
		}
		if strategy.RollingUpdate.MaxUnavailable == nil {
			strategy.RollingUpdate.MaxUnavailable = new(intstr.FromInt32(1))
		}
		if strategy.RollingUpdate.MaxSurge == nil {
			strategy.RollingUpdate.MaxSurge = new(intstr.FromInt32(0))
		}
	}
	if out.Spec.RevisionHistoryLimit == nil {
		out.Spec.RevisionHistoryLimit = new(int32(10))
	}
	return out
}
