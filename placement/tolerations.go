package placement

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Tolerations returns the tolerations of a daemon pod with the given spec: the
// spec's own, and the defaults that every daemon pod gets
// (AddOrUpdateDaemonPodTolerations@v1.37.2). The defaults have the operator Exists:
//
//	node.kubernetes.io/not-ready            NoExecute
//	node.kubernetes.io/unreachable          NoExecute
//	node.kubernetes.io/disk-pressure        NoSchedule
//	node.kubernetes.io/memory-pressure      NoSchedule
//	node.kubernetes.io/pid-pressure         NoSchedule
//	node.kubernetes.io/unschedulable        NoSchedule
//	node.kubernetes.io/network-unavailable  NoSchedule, only with hostNetwork
//
// The defaults tolerate not-ready and unreachable for NoExecute only. A NoSchedule
// taint not-ready or unreachable therefore keeps new pods off the node and does not evict
// existing ones.
//
// The spec's tolerations come first and keep their order and their duplicates. A
// default replaces the tolerations that equal it in key, operator, value and effect,
// so that these lose their tolerationSeconds. The other defaults follow in the order
// above.
//
// The slice is the caller's own and shares nothing with the spec. A nil spec is an
// empty one.
func Tolerations(spec *corev1.PodSpec) []corev1.Toleration {
	if spec == nil {
		spec = &corev1.PodSpec{}
	}
	merged := make([]corev1.Toleration, len(spec.Tolerations), len(spec.Tolerations)+7)
	for i := range spec.Tolerations {
		spec.Tolerations[i].DeepCopyInto(&merged[i])
	}
	merge := func(key string, effect corev1.TaintEffect) {
		toleration := corev1.Toleration{Key: key, Operator: corev1.TolerationOpExists, Effect: effect}
		replaced := false
		for i := range spec.Tolerations {
			if toleration.MatchToleration(&spec.Tolerations[i]) {
				merged[i], replaced = toleration, true
			}
		}
		if !replaced {
			merged = append(merged, toleration)
		}
	}
	merge(corev1.TaintNodeNotReady, corev1.TaintEffectNoExecute)
	merge(corev1.TaintNodeUnreachable, corev1.TaintEffectNoExecute)
	merge(corev1.TaintNodeDiskPressure, corev1.TaintEffectNoSchedule)
	merge(corev1.TaintNodeMemoryPressure, corev1.TaintEffectNoSchedule)
	merge(corev1.TaintNodePIDPressure, corev1.TaintEffectNoSchedule)
	merge(corev1.TaintNodeUnschedulable, corev1.TaintEffectNoSchedule)
	if spec.HostNetwork {
		merge(corev1.TaintNodeNetworkUnavailable, corev1.TaintEffectNoSchedule)
	}
	return merged
}

// toleration is a parsed toleration, for taints of one effect.
type toleration struct {
	key   string // empty: every key
	value string // Equal
	op    corev1.TolerationOperator
	bound int64 // Gt and Lt
}

// compileTolerations parses the tolerations that can tolerate a taint of the
// effect, and skips the others (ToleratesTaint@v0.37.2).
func compileTolerations(in []corev1.Toleration, effect corev1.TaintEffect, opts Options) []toleration {
	out := make([]toleration, 0, len(in))
	for i := range in {
		from := &in[i]
		if from.Effect != "" && from.Effect != effect {
			continue
		}
		t := toleration{key: from.Key, value: from.Value, op: from.Operator}
		switch from.Operator {
		case "":
			t.op = corev1.TolerationOpEqual
		case corev1.TolerationOpEqual, corev1.TolerationOpExists:
		case corev1.TolerationOpGt, corev1.TolerationOpLt:
			bound, ok := parseDecimal(from.Value)
			if !ok || !opts.ComparisonOperators {
				continue
			}
			t.bound = bound
		default:
			continue
		}
		out = append(out, t)
	}
	return out
}

func (t *toleration) tolerates(taint *corev1.Taint) bool {
	if t.key != "" && t.key != taint.Key {
		return false
	}
	switch t.op {
	case corev1.TolerationOpEqual:
		return t.value == taint.Value
	case corev1.TolerationOpGt:
		n, ok := parseDecimal(taint.Value)
		return ok && n > t.bound
	case corev1.TolerationOpLt:
		n, ok := parseDecimal(taint.Value)
		return ok && n < t.bound
	default: // Exists
		return true
	}
}

func tolerated(by []toleration, taint *corev1.Taint) bool {
	for i := range by {
		if by[i].tolerates(taint) {
			return true
		}
	}
	return false
}

// untolerated returns the indices of the first taint that keeps a new pod away and
// of the first taint that drives a pod out, or -1
// (predicates@v1.37.2, nodeShouldRunDaemonPod@v1.37.2).
func (m *Matcher) untolerated(taints []corev1.Taint) (first, noExecute int) {
	first = -1
	for i := range taints {
		taint := &taints[i]
		switch taint.Effect {
		case corev1.TaintEffectNoExecute:
			if !tolerated(m.noExecute, taint) {
				if first < 0 {
					first = i
				}
				return first, i
			}
		case corev1.TaintEffectNoSchedule:
			if first < 0 && !tolerated(m.noSchedule, taint) {
				first = i
			}
		}
	}
	return first, -1
}

// malformedTolerations returns the errors of the tolerations that tolerate nothing.
// The template's tolerations come first, so that the indices are the template's.
func malformedTolerations(tolerations []corev1.Toleration, opts Options) field.ErrorList {
	operators := []corev1.TolerationOperator{corev1.TolerationOpEqual, corev1.TolerationOpExists}
	if opts.ComparisonOperators {
		operators = append(operators, corev1.TolerationOpGt, corev1.TolerationOpLt)
	}
	var errs field.ErrorList
	for i := range tolerations {
		t := &tolerations[i]
		path := field.NewPath("spec", "tolerations").Index(i)
		switch t.Operator {
		case "", corev1.TolerationOpEqual, corev1.TolerationOpExists:
			continue
		case corev1.TolerationOpGt, corev1.TolerationOpLt:
			if !opts.ComparisonOperators {
				break
			}
			if msgs := content.IsDecimalInteger(t.Value); len(msgs) > 0 {
				errs = append(errs, field.Invalid(path.Child("value"), t.Value, msgs[0]))
			} else if _, ok := parseInteger(t.Value); !ok {
				errs = append(errs, field.Invalid(path.Child("value"), t.Value, "must fit into 64 bits"))
			}
			continue
		}
		errs = append(errs, field.NotSupported(path.Child("operator"), t.Operator, operators))
	}
	return errs
}
