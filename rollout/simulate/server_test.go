package simulate

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// TestUpdated: what a client cannot change comes from the object that is there
// (PrepareForUpdate@v1.37.2).
func TestUpdated(t *testing.T) {
	generation := func(value string) map[string]string {
		return map[string]string{appsv1.DeprecatedTemplateGeneration: value}
	}
	dsOf := func(annotations map[string]string, image string, minReady int32) *appsv1.DaemonSet {
		ds := &appsv1.DaemonSet{}
		ds.Generation, ds.Annotations, ds.Spec.MinReadySeconds = 3, annotations, minReady
		ds.Spec.Template.Spec.Containers = []corev1.Container{{Name: "a", Image: image}}
		return ds
	}
	for _, tc := range []struct {
		name, why       string
		cur, old        *appsv1.DaemonSet
		generation      int64
		annotation      string
		annotationThere bool
	}{
		{"same", "nothing is raised", dsOf(generation("9"), "x", 0), dsOf(generation("7"), "x", 0), 3, "7", true},
		{"spec", "the generation alone", dsOf(nil, "x", 1), dsOf(generation("7"), "x", 0), 4, "7", true},
		{"template", "both", dsOf(nil, "y", 0), dsOf(generation("7"), "x", 0), 4, "8", true},
		{"no annotation", "there was none", dsOf(generation("9"), "y", 0), dsOf(nil, "x", 0), 4, "", false},
		{"no number", "it cannot be raised", dsOf(nil, "y", 0), dsOf(generation("x"), "x", 0), 4, "x", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := tc.cur.DeepCopy()
			got := updated(tc.cur, tc.old)
			annotation, ok := got.Annotations[appsv1.DeprecatedTemplateGeneration]
			if got.Generation != tc.generation || annotation != tc.annotation || ok != tc.annotationThere {
				t.Errorf("updated() has generation %d, annotation %q, %v, want %d, %q, %v: %s",
					got.Generation, annotation, ok, tc.generation, tc.annotation, tc.annotationThere, tc.why)
			}
			if diff := cmp.Diff(before, tc.cur); diff != "" {
				t.Errorf("updated() changed its argument (-before +after):\n%s", diff)
			}
		})
	}
}
