package daemon

import (
	"fmt"
	"slices"
	"strconv"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/placement"
)

func (l *linter) tolerations() {
	written := l.spec.Tolerations
	carried := placement.Tolerations(l.spec) // starts with the written ones
	malformed := malformedAt(l.matcher, len(written))
	for i := range written {
		if malformed[i] {
			continue
		}
		path := podSpecPath().Child("tolerations").Index(i)
		t := &written[i]
		if isDefault(t, l.spec.HostNetwork) {
			l.defaultToleration(path.String(), t, carried[i+1:])
			continue
		}
		by := shadowedBy(carried, i, malformed)
		if by >= 0 {
			l.shadowed(path.String(), t, by, carried)
		}
		// Behind the one that shadows it a toleration never decides.
		if t.TolerationSeconds != nil && canEvict(t) && (by < 0 || by > i) {
			l.add(Finding{
				Code: LintTolerationSeconds, Severity: SeverityWarning, Field: path.Child("tolerationSeconds").String(),
				Message: fmt.Sprintf("The pod is evicted %d s after such a taint appears, and the controller, which ignores tolerationSeconds, creates it again on the same node, time after time.", max(0, *t.TolerationSeconds)),
				Fix:     "Remove tolerationSeconds to stay on such nodes, or the toleration to leave them.",
			})
		}
	}
}

// defaultToleration looks at one that is replaced by a default. The default stands
// in its place then, and otherwise behind all that are written.
func (l *linter) defaultToleration(path string, t *corev1.Toleration, behind []corev1.Toleration) {
	f := Finding{
		Code: LintTolerationDefault, Severity: SeverityInfo, Field: path,
		Message: "Every daemon pod of this template gets this toleration anyway.",
		Fix:     "Remove it.",
	}
	// Before one with tolerationSeconds the place matters.
	placed := canEvict(t) && slices.ContainsFunc(behind, func(b corev1.Toleration) bool {
		return b.TolerationSeconds != nil && tolerationsOverlap(&b, t)
	})
	switch {
	case t.TolerationSeconds != nil:
		f.Severity = SeverityWarning
		f.Message = fmt.Sprintf("Every daemon pod gets this toleration without tolerationSeconds, so that the %d are dropped and the pod is never evicted.", *t.TolerationSeconds)
		f.Fix = "Do not count on the eviction, and remove the tolerationSeconds."
	case placed:
		return
	}
	l.add(f)
}

func (l *linter) shadowed(path string, t *corev1.Toleration, by int, carried []corev1.Toleration) {
	name := "one that every daemon pod gets"
	if by < len(l.spec.Tolerations) {
		name = "tolerations[" + strconv.Itoa(by) + "]"
	}
	f := Finding{
		Code: LintTolerationShadowed, Severity: SeverityInfo, Field: path,
		Message: "Another toleration, " + name + ", covers all that this one does.",
		Fix:     "Remove it.",
	}
	if t.TolerationSeconds != nil && canEvict(t) && secondsOf(&carried[by]) != secondsOf(t) {
		f.Severity = SeverityWarning
		f.Message = fmt.Sprintf("Another toleration, %s, comes first and covers all that this one does, so that these tolerationSeconds, %d, do not hold.", name, *t.TolerationSeconds)
		f.Fix = "Remove it, or put it before the other."
	}
	l.add(f)
}

// malformedAt tells which of the template's tolerations tolerate nothing.
func malformedAt(matcher *placement.Matcher, n int) map[int]bool {
	at := make(map[string]bool)
	for _, err := range matcher.Malformed() {
		at[err.Field] = true
	}
	malformed := make(map[int]bool)
	for i := range n {
		entry := "spec.tolerations[" + strconv.Itoa(i) + "]"
		malformed[i] = at[entry+".operator"] || at[entry+".value"]
	}
	return malformed
}

// isDefault reports whether the default tolerations replace this one
// (AddOrUpdateDaemonPodTolerations@v1.37.2).
func isDefault(t *corev1.Toleration, hostNetwork bool) bool {
	defaults := placement.Tolerations(&corev1.PodSpec{HostNetwork: hostNetwork})
	return slices.ContainsFunc(defaults, func(d corev1.Toleration) bool { return d.MatchToleration(t) })
}

// shadowedBy returns the index of a toleration without which number i would count for
// something, or -1. The first toleration of a taint decides after how long the pod
// is evicted (GetMatchingTolerations@v1.37.2): one before i takes all from it, one
// behind i must give the same time, and so must those between.
func shadowedBy(carried []corev1.Toleration, i int, malformed map[int]bool) int {
	t := &carried[i]
	for j := range i {
		if !malformed[j] && tolerationCovers(&carried[j], t) {
			return j
		}
	}
	for j := i + 1; j < len(carried); j++ {
		if malformed[j] {
			continue
		}
		if canEvict(t) && secondsOf(&carried[j]) != secondsOf(t) {
			// Without t this one would decide about some taints.
			if tolerationsOverlap(&carried[j], t) {
				return -1
			}
			continue
		}
		// Of two that cover each other the first one stays.
		if tolerationCovers(&carried[j], t) && !tolerationCovers(t, &carried[j]) {
			return j
		}
	}
	return -1
}

// tolerationCovers reports whether a tolerates every taint that b tolerates. Both are
// well-formed.
func tolerationCovers(a, b *corev1.Toleration) bool {
	if a.Effect != "" && a.Effect != b.Effect || a.Key != "" && a.Key != b.Key {
		return false
	}
	switch operatorOf(a) {
	case corev1.TolerationOpExists:
		return true
	default:
		return operatorOf(a) == operatorOf(b) && a.Value == b.Value
	}
}

// tolerationsOverlap reports whether some taint may be tolerated by both, as far as effects
// and keys tell.
func tolerationsOverlap(a, b *corev1.Toleration) bool {
	return (a.Effect == "" || b.Effect == "" || a.Effect == b.Effect) && (a.Key == "" || b.Key == "" || a.Key == b.Key)
}

func operatorOf(t *corev1.Toleration) corev1.TolerationOperator {
	if t.Operator == "" {
		return corev1.TolerationOpEqual
	}
	return t.Operator
}

// canEvict reports whether tolerationSeconds can matter: they are for NoExecute.
func canEvict(t *corev1.Toleration) bool {
	return t.Effect == "" || t.Effect == corev1.TaintEffectNoExecute
}

// secondsOf is -1 for a toleration without end.
func secondsOf(t *corev1.Toleration) int64 {
	if t.TolerationSeconds == nil {
		return -1
	}
	return max(0, *t.TolerationSeconds)
}
