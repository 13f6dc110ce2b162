package lint

import (
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/placement"
)

// tolerations checks each toleration of the template among all tolerations of the
// pods. A toleration is redundant if, without it, no taint would change its meaning
// for the pods.
func (c *checker) tolerations() {
	written := c.spec.Tolerations
	all := placement.Tolerations(c.spec) // the written ones first
	defaults := placement.Tolerations(&corev1.PodSpec{HostNetwork: c.spec.HostNetwork})
	for i := range written {
		if c.malformedTolerations[i] {
			continue
		}
		path := podSpecPath().Child("tolerations").Index(i)
		t := &written[i]
		// A default replaces it (AddOrUpdateDaemonPodTolerations@v1.37.2).
		if slices.ContainsFunc(defaults, func(d corev1.Toleration) bool { return d.MatchToleration(t) }) {
			c.defaultToleration(path.String(), t, all[i+1:])
			continue
		}
		by := c.shadowedBy(all, i)
		if by >= 0 {
			c.shadowedToleration(path.String(), t, by, all)
		}
		// A toleration behind the one that shadows it decides about no taint.
		if t.TolerationSeconds != nil && canEvict(t) && (by < 0 || by > i) {
			c.add(Finding{
				Code: CodeTolerationSeconds, Severity: SeverityWarning, Field: path.Child("tolerationSeconds").String(),
				Message: fmt.Sprintf("The pod is evicted %d s after a matching taint appears. The controller ignores tolerationSeconds and creates the pod again on the same node, as long as the taint is there.", secondsOf(t)),
				Fix:     "Remove tolerationSeconds to keep pods on such nodes, or the toleration to keep them off.",
			})
		}
	}
}

// defaultToleration checks a toleration that a default replaces, in its place. Without it
// the default comes last, which changes its meaning if a toleration with tolerationSeconds
// is in between.
func (c *checker) defaultToleration(path string, t *corev1.Toleration, behind []corev1.Toleration) {
	switch {
	case t.TolerationSeconds != nil:
		c.add(Finding{
			Code: CodeTolerationDefault, Severity: SeverityWarning, Field: path,
			Message: fmt.Sprintf("Every daemon pod gets this toleration without tolerationSeconds. The controller drops the %d seconds, and the pod is never evicted.", *t.TolerationSeconds),
			Fix:     "Remove tolerationSeconds, and do not rely on the eviction.",
		})
	case canEvict(t) && slices.ContainsFunc(behind, func(b corev1.Toleration) bool { return b.TolerationSeconds != nil && overlaps(&b, t) }):
		// It keeps the default before that one.
	default:
		c.add(Finding{
			Code: CodeTolerationDefault, Severity: SeverityInfo, Field: path,
			Message: "Every daemon pod of this template gets this toleration by default.",
			Fix:     "Remove it.",
		})
	}
}

func (c *checker) shadowedToleration(path string, t *corev1.Toleration, by int, all []corev1.Toleration) {
	name := "a default toleration of daemon pods"
	if by < len(c.spec.Tolerations) {
		name = "tolerations[" + strconv.Itoa(by) + "]"
	}
	f := Finding{
		Code: CodeTolerationShadowed, Severity: SeverityInfo, Field: path,
		Message: "This toleration has no effect, because " + name + " tolerates the same taints.",
		Fix:     "Remove it.",
	}
	if t.TolerationSeconds != nil && canEvict(t) && secondsOf(&all[by]) != secondsOf(t) {
		f.Severity = SeverityWarning
		f.Message = fmt.Sprintf("This toleration has no effect, because %s comes first and tolerates the same taints. Its tolerationSeconds (%d) do not apply.", name, *t.TolerationSeconds)
		f.Fix = "Remove it, or move it before the other one."
	}
	c.add(f)
}

// shadowedBy returns the index of the toleration that makes number i redundant, or
// -1. The first toleration that matches a taint decides when the pod is evicted
// (GetMatchingTolerations@v1.37.2). So a toleration before i that covers it is
// enough. One behind i must have the same tolerationSeconds, and so must all that
// overlap with i in between. A malformed one makes none redundant. In between it counts:
// what it tolerates once it is corrected is not known.
func (c *checker) shadowedBy(all []corev1.Toleration, i int) int {
	t := &all[i]
	// The default tolerations, which come last, are well-formed.
	malformed := func(j int) bool { return j < len(c.malformedTolerations) && c.malformedTolerations[j] }
	for j := range i {
		if !malformed(j) && covers(&all[j], t) {
			return j
		}
	}
	for j := i + 1; j < len(all); j++ {
		if canEvict(t) && secondsOf(&all[j]) != secondsOf(t) {
			if overlaps(&all[j], t) {
				return -1
			}
			continue
		}
		// If two cover each other, the first one is not redundant.
		if !malformed(j) && covers(&all[j], t) && !covers(t, &all[j]) {
			return j
		}
	}
	return -1
}

// covers reports whether a tolerates every taint that b tolerates. Both are
// well-formed.
func covers(a, b *corev1.Toleration) bool {
	if a.Effect != "" && a.Effect != b.Effect || a.Key != "" && a.Key != b.Key {
		return false
	}
	return operatorOf(a) == corev1.TolerationOpExists || operatorOf(a) == operatorOf(b) && a.Value == b.Value
}

// overlaps reports whether both may tolerate the same taint. It compares effects and
// keys, not values.
func overlaps(a, b *corev1.Toleration) bool {
	return (a.Effect == "" || b.Effect == "" || a.Effect == b.Effect) && (a.Key == "" || b.Key == "" || a.Key == b.Key)
}

func operatorOf(t *corev1.Toleration) corev1.TolerationOperator {
	if t.Operator == "" {
		return corev1.TolerationOpEqual
	}
	return t.Operator
}

// canEvict reports whether the toleration is for NoExecute taints, to which
// tolerationSeconds apply.
func canEvict(t *corev1.Toleration) bool {
	return t.Effect == "" || t.Effect == corev1.TaintEffectNoExecute
}

// secondsOf returns after how many seconds the pod is evicted, or -1 for never.
func secondsOf(t *corev1.Toleration) int64 {
	if t.TolerationSeconds == nil {
		return -1
	}
	return max(0, *t.TolerationSeconds)
}
