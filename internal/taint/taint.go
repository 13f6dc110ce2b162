// Package taint knows the effects of taints. It serves all packages that refuse one that does not
// exist.
package taint

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

var effects = []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule, corev1.TaintEffectNoExecute}

// IsEffect reports whether a taint can have an effect (validateTaintEffect@v1.37.2). It is false for
// the empty one.
func IsEffect(effect corev1.TaintEffect) bool { return slices.Contains(effects, effect) }

// NotSupported is the error about an effect that does not exist. path is that of the effect.
func NotSupported(path *field.Path, effect corev1.TaintEffect) *field.Error {
	return field.NotSupported(path, effect, effects)
}

// CheckEffects returns the error about the first taint with an effect that does not exist, or nil.
// path is that of the list.
func CheckEffects(path *field.Path, taints []corev1.Taint) *field.Error {
	for i := range taints {
		if effect := taints[i].Effect; !IsEffect(effect) {
			return NotSupported(path.Index(i).Child("effect"), effect)
		}
	}
	return nil
}
