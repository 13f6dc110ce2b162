package overhead

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/demand"
)

// The priorities of the system's own classes (SystemPriorityClasses@v1.37.2).
const (
	systemClusterCritical        = "system-cluster-critical"
	systemNodeCritical           = "system-node-critical"
	systemCriticalPriority int32 = 2_000_000_000
	nodeCriticalPriority   int32 = systemCriticalPriority + 1000
)

// admission is what the API server's plugins do to a pod.
type admission struct {
	ranges     map[string][]*corev1.LimitRange // by namespace
	priorities map[string]int32
	fallback   *schedulingv1.PriorityClass // of pods without a class
	overheads  map[string]corev1.ResourceList
}

func newAdmission(opts Options) (*admission, error) {
	a := &admission{
		ranges:     demand.LimitRanges(opts.LimitRanges),
		priorities: map[string]int32{systemNodeCritical: nodeCriticalPriority, systemClusterCritical: systemCriticalPriority},
		overheads:  make(map[string]corev1.ResourceList),
	}
	path := field.NewPath("options")
	for i, r := range opts.LimitRanges {
		if r == nil {
			return nil, field.Required(path.Child("limitRanges").Index(i), "")
		}
	}
	for i, class := range opts.PriorityClasses {
		if class == nil {
			return nil, field.Required(path.Child("priorityClasses").Index(i), "")
		}
		a.priorities[class.Name] = class.Value
		if class.GlobalDefault && (a.fallback == nil || class.Value < a.fallback.Value) {
			a.fallback = class
		}
	}
	for i, class := range opts.RuntimeClasses {
		if class == nil {
			return nil, field.Required(path.Child("runtimeClasses").Index(i), "")
		}
		if class.Overhead != nil {
			a.overheads[class.Name] = class.Overhead.PodFixed
		}
	}
	return a, nil
}

// priority returns that of a pod: its own, that of its class, or that of the default class; if
// there are several of these, the lowest (admitPod, getDefaultPriority @v1.37.2).
func (a *admission) priority(spec *corev1.PodSpec) int32 {
	switch {
	case spec.Priority != nil:
		return *spec.Priority
	case spec.PriorityClassName != "":
		return a.priorities[spec.PriorityClassName]
	case a.fallback != nil:
		return a.fallback.Value
	}
	return 0
}

// admit returns the spec of the pods as the API server stores it, for what they take of a node,
// and why it does not.
func (a *admission) admit(ds *appsv1.DaemonSet) (corev1.PodSpec, field.ErrorList) {
	spec := ds.Spec.Template.Spec // a shallow copy
	path := field.NewPath("spec", "template", "spec")
	var refused field.ErrorList
	if spec.RuntimeClassName != nil {
		if overhead, ok := a.overheads[*spec.RuntimeClassName]; ok {
			if len(spec.Overhead) > 0 && !equality.Semantic.DeepEqual(spec.Overhead, overhead) {
				// setOverhead@v1.37.2
				refused = append(refused, field.Invalid(path.Child("overhead"), spec.Overhead, "must be empty or that of RuntimeClass "+*spec.RuntimeClassName))
			}
			spec.Overhead = overhead
		}
	}
	ranges := a.ranges[ds.Namespace]
	admitted := demand.Admitted(&spec, ranges)
	refused = append(refused, demand.Refusals(path, &admitted, ranges)...)
	return admitted, append(refused, demand.Excesses(path, &admitted)...)
}
