package simulate

import (
	"math"
	"strconv"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// updated returns a copy of cur as the API server stores it in the place of old
// (BeforeUpdate@v0.37.2, PrepareForUpdate@v1.37.2). What a client cannot change comes from
// old: status, generation and creation timestamp, and name, namespace, UID and resource
// version where cur leaves them empty.
func updated(cur, old *appsv1.DaemonSet) *appsv1.DaemonSet {
	out := cur.DeepCopy()
	if out.Name == "" {
		out.Name = old.Name
	}
	if out.Namespace == "" {
		out.Namespace = old.Namespace
	}
	if out.UID == "" {
		out.UID = old.UID
	}
	if out.ResourceVersion == "" {
		out.ResourceVersion = old.ResourceVersion
	}
	out.CreationTimestamp = old.CreationTimestamp
	out.Generation = old.Generation
	out.Status = *old.Status.DeepCopy()
	sameTemplate := equality.Semantic.DeepEqual(out.Spec.Template, old.Spec.Template)
	if !equality.Semantic.DeepEqual(out.Spec, old.Spec) {
		out.Generation = next(out.Generation)
	}
	// The template generation is a field inside the server and an annotation outside.
	annotation, ok := old.Annotations[appsv1.DeprecatedTemplateGeneration]
	if !ok {
		delete(out.Annotations, appsv1.DeprecatedTemplateGeneration)
		return out
	}
	if generation, err := strconv.ParseInt(annotation, 10, 64); err == nil && !sameTemplate {
		annotation = strconv.FormatInt(next(generation), 10)
	}
	if out.Annotations == nil {
		out.Annotations = make(map[string]string, 1)
	}
	out.Annotations[appsv1.DeprecatedTemplateGeneration] = annotation
	return out
}

// next returns the generation after n. The last one is its own successor.
func next(n int64) int64 {
	if n == math.MaxInt64 {
		return n
	}
	return n + 1
}
