package overhead

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/demand"
	"github.com/pernode/daemonset/internal/podspec"
	"github.com/pernode/daemonset/placement"
)

// admission is what the API server's plugins do to a pod.
type admission struct {
	ranges     map[string][]*corev1.LimitRange // by namespace
	priorities map[string]*schedulingv1.PriorityClass
	fallback   *schedulingv1.PriorityClass // of pods without a class
	runtimes   map[string]*nodev1.RuntimeClass
	// allPriorities and allRuntimes say that there are no others.
	allPriorities, allRuntimes bool
	placement                  placement.Options
}

func newAdmission(opts Options) (*admission, error) {
	a := &admission{
		ranges:        demand.LimitRanges(opts.LimitRanges),
		priorities:    make(map[string]*schedulingv1.PriorityClass),
		runtimes:      make(map[string]*nodev1.RuntimeClass),
		allPriorities: opts.PriorityClasses != nil, allRuntimes: opts.RuntimeClasses != nil,
		placement: opts.Placement,
	}
	path := field.NewPath("options")
	named := make(map[types.NamespacedName]bool, len(opts.LimitRanges))
	for i, r := range opts.LimitRanges {
		path := path.Child("limitRanges").Index(i)
		if r == nil {
			return nil, field.Required(path, "")
		}
		name := types.NamespacedName{Namespace: r.Namespace, Name: r.Name}
		if named[name] {
			return nil, field.Duplicate(path.Child("metadata", "name"), r.Name)
		}
		named[name] = true
	}
	for i, class := range opts.PriorityClasses {
		path := path.Child("priorityClasses").Index(i)
		if class == nil {
			return nil, field.Required(path, "")
		}
		if a.priorities[class.Name] != nil {
			return nil, field.Duplicate(path.Child("metadata", "name"), class.Name)
		}
		a.priorities[class.Name] = class
		if class.GlobalDefault && (a.fallback == nil || cmp.Or(cmp.Compare(class.Value, a.fallback.Value), cmp.Compare(class.Name, a.fallback.Name)) < 0) {
			a.fallback = class
		}
	}
	for name, value := range podspec.SystemPriorities {
		if a.priorities[name] == nil {
			a.priorities[name] = &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Value: value}
		}
	}
	for i, class := range opts.RuntimeClasses {
		path := path.Child("runtimeClasses").Index(i)
		if class == nil {
			return nil, field.Required(path, "")
		}
		if a.runtimes[class.Name] != nil {
			return nil, field.Duplicate(path.Child("metadata", "name"), class.Name)
		}
		a.runtimes[class.Name] = class
	}
	return a, nil
}

// admit returns the spec of the pods as the API server stores it, for what they take of a node,
// and why it refuses them or the DaemonSet.
func (a *admission) admit(ds *appsv1.DaemonSet) (corev1.PodSpec, field.ErrorList) {
	spec := ds.Spec.Template.Spec // a shallow copy
	path := field.NewPath("spec", "template", "spec")
	refused := podspec.Validate(path, &spec, a.placement)
	valid := len(demand.Invalid(path, &spec)) == 0
	refused = append(refused, a.setPriority(path, &spec)...)
	refused = append(refused, a.setRuntime(path, &spec)...)
	ranges := a.ranges[ds.Namespace]
	admitted := demand.Admitted(&spec, ranges)
	refused = append(refused, demand.Refusals(path, &admitted, ranges)...)
	if valid { // Otherwise the same would be there twice.
		refused = append(refused, demand.InvalidAdmitted(path, &admitted, &spec, ranges)...)
	}
	return admitted, refused
}

// setPriority gives a pod the priority and the preemption policy of its class, or else of the
// default class; if there are several of these, of the lowest. It refuses others than these
// (admitPod, getDefaultPriority @v1.37.2). If the class may be one that is not known, the pod
// keeps what it has.
func (a *admission) setPriority(path *field.Path, spec *corev1.PodSpec) field.ErrorList {
	class := a.fallback
	if spec.PriorityClassName != "" {
		class = a.priorities[spec.PriorityClassName]
	}
	switch {
	case class != nil:
		spec.PriorityClassName = class.Name
	case spec.PriorityClassName == "" && a.allPriorities:
		class = &schedulingv1.PriorityClass{} // Zero, and preempts.
	case spec.PriorityClassName == "":
		spec.Priority = cmp.Or(spec.Priority, new(int32(0)))
		spec.PreemptionPolicy = cmp.Or(spec.PreemptionPolicy, new(corev1.PreemptLowerPriority))
		return nil
	case a.allPriorities:
		spec.Priority = cmp.Or(spec.Priority, new(int32(0)))
		return field.ErrorList{field.NotFound(path.Child("priorityClassName"), spec.PriorityClassName)}
	default:
		spec.Priority = cmp.Or(spec.Priority, new(int32(0)))
		return nil
	}
	var refused field.ErrorList
	if spec.Priority != nil && *spec.Priority != class.Value {
		refused = append(refused, field.Invalid(path.Child("priority"), *spec.Priority, "must be empty or that of the PriorityClass, "+priorityText(class)))
	}
	// SetDefaults_PriorityClass@v1.37.2
	policy := corev1.PreemptLowerPriority
	if class.PreemptionPolicy != nil {
		policy = *class.PreemptionPolicy
	}
	if spec.PreemptionPolicy != nil && *spec.PreemptionPolicy != policy {
		refused = append(refused, field.Invalid(path.Child("preemptionPolicy"), *spec.PreemptionPolicy, "must be empty or that of the PriorityClass, "+string(policy)))
	}
	spec.Priority, spec.PreemptionPolicy = new(class.Value), &policy
	return refused
}

// setRuntime gives a pod the overhead, the node selector and the tolerations of its
// RuntimeClass. It refuses an overhead that is not that of the class, and node selectors that
// contradict each other (prepareObjects, setOverhead, setScheduling, validateOverhead @v1.37.2).
func (a *admission) setRuntime(path *field.Path, spec *corev1.PodSpec) field.ErrorList {
	var class *nodev1.RuntimeClass
	if spec.RuntimeClassName != nil {
		if class = a.runtimes[*spec.RuntimeClassName]; class == nil {
			if a.allRuntimes {
				return field.ErrorList{field.NotFound(path.Child("runtimeClassName"), *spec.RuntimeClassName)}
			}
			return nil
		}
	}
	var refused field.ErrorList
	switch {
	case class == nil || class.Overhead == nil:
		if len(spec.Overhead) > 0 {
			refused = append(refused, field.Forbidden(path.Child("overhead"), "the pod has no RuntimeClass with an overhead"))
		}
	case len(spec.Overhead) > 0 && !equality.Semantic.DeepEqual(spec.Overhead, class.Overhead.PodFixed):
		refused = append(refused, field.Invalid(path.Child("overhead"), spec.Overhead, "must be empty or that of RuntimeClass "+class.Name))
		fallthrough
	default:
		spec.Overhead = class.Overhead.PodFixed
	}
	if class == nil || class.Scheduling == nil {
		return refused
	}
	if adds := class.Scheduling.NodeSelector; len(adds) > 0 {
		selector := maps.Clone(spec.NodeSelector)
		if selector == nil {
			selector = make(map[string]string, len(adds))
		}
		for _, key := range slices.Sorted(maps.Keys(adds)) {
			if value, ok := selector[key]; ok && value != adds[key] {
				refused = append(refused, field.Invalid(path.Child("nodeSelector").Key(key), value, "must be that of RuntimeClass "+class.Name+", "+adds[key]))
			}
			selector[key] = adds[key]
		}
		spec.NodeSelector = selector
	}
	return refused
}

// schedulingOf returns a copy of what the RuntimeClass of a pod asks of a node, or nil.
func (a *admission) schedulingOf(spec *corev1.PodSpec) *nodev1.Scheduling {
	if spec.RuntimeClassName == nil {
		return nil
	}
	if class := a.runtimes[*spec.RuntimeClassName]; class != nil {
		return class.Scheduling.DeepCopy()
	}
	return nil
}

// mergedTolerations returns the tolerations of a pod and of its RuntimeClass. One that tolerates
// no more than another one does is left out, and the first stays of two that are the same
// (MergeTolerations@v1.37.2). They are shared with the arguments.
func mergedTolerations(pod, class []corev1.Toleration) []corev1.Toleration {
	all := slices.Concat(pod, class)
	var merged []corev1.Toleration
	for i := range all {
		needless := slices.ContainsFunc(merged, func(t corev1.Toleration) bool { return covers(&t, &all[i]) }) ||
			slices.ContainsFunc(all[i+1:], func(t corev1.Toleration) bool {
				return covers(&t, &all[i]) && !equality.Semantic.DeepEqual(&t, &all[i])
			})
		if !needless {
			merged = append(merged, all[i])
		}
	}
	return merged
}

// covers reports whether a toleration is the same as another or tolerates all that the other
// does (isSuperset@v1.37.2). For a missing operator, Gt and Lt it is false if they differ.
func covers(t, other *corev1.Toleration) bool {
	switch {
	case equality.Semantic.DeepEqual(t, other):
		return true
	case t.Key != other.Key && (t.Key != "" || t.Operator != corev1.TolerationOpExists),
		t.Effect != other.Effect && t.Effect != "":
		return false
	case t.Effect == corev1.TaintEffectNoExecute && t.TolerationSeconds != nil &&
		(other.TolerationSeconds == nil || *other.TolerationSeconds > *t.TolerationSeconds):
		return false
	case t.Operator == corev1.TolerationOpExists:
		return true
	default:
		return (t.Operator == corev1.TolerationOpEqual || t.Operator == "") && other.Operator == corev1.TolerationOpEqual && t.Value == other.Value
	}
}

// priorityText returns the number of a class, with its name if it has one.
func priorityText(class *schedulingv1.PriorityClass) string {
	if class.Name == "" {
		return strconv.Itoa(int(class.Value))
	}
	return strconv.Itoa(int(class.Value)) + " of " + class.Name
}
