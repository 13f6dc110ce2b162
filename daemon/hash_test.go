package daemon

import (
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The hashes are what ComputeHash@v1.37.2 returns with k8s.io/api v0.37.2. A new
// version of k8s.io/api may change every one of them: then take them from that
// version's ComputeHash again.
func TestTemplateHash(t *testing.T) {
	with := func(change func(*corev1.PodTemplateSpec)) *corev1.PodTemplateSpec {
		template := &corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Name: "nginx", Labels: map[string]string{"env": "demo"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx", Image: "nginx:1.27.4-alpine"}}},
		}
		if change != nil {
			change(template)
		}
		return template
	}
	requests := func(cpu resource.Quantity) func(*corev1.PodTemplateSpec) {
		return func(template *corev1.PodTemplateSpec) {
			template.Spec.Containers[0].Resources.Requests = corev1.ResourceList{corev1.ResourceCPU: cpu}
		}
	}
	for _, tc := range []struct {
		name, why  string
		template   *corev1.PodTemplateSpec
		collisions *int32
		want       string
	}{
		{name: "nil", why: "counts as the empty template", template: nil, want: "54f4c57dcb"},
		{name: "empty", why: "the base of all others", template: &corev1.PodTemplateSpec{}, want: "54f4c57dcb"},
		{name: "nginx", why: "the plain case", template: with(nil), want: "545c84f47f"},
		{name: "no collisions yet", why: "a count of 0 is written to the hash, a missing one is not",
			template: with(nil), collisions: new(int32(0)), want: "867ffbb88c"},
		{name: "one collision", why: "the next name after a collision",
			template: with(nil), collisions: new(int32(1)), want: "6bc7748458"},
		{name: "negative collisions", why: "32 bits, not extended to 64: the API does not refuse it",
			template: with(nil), collisions: new(int32(-1)), want: "b4ddf4bff"},
		{name: "empty map", why: "differs from a nil one, which has the same JSON",
			template: with(func(t *corev1.PodTemplateSpec) { t.Annotations = map[string]string{} }), want: "56b565d7d6"},
		{name: "map", why: "keys are sorted before they are dumped",
			template: with(func(t *corev1.PodTemplateSpec) {
				t.Spec.NodeSelector = map[string]string{"zone": "a", "disk": "ssd", "arch": "arm64"}
			}), want: "5bf86bc568"},
		{name: "parsed quantity", why: "it remembers its text",
			template: with(requests(resource.MustParse("100m"))), want: "b667984b4"},
		{name: "computed quantity", why: "the same amount without its text",
			template: with(requests(*resource.NewMilliQuantity(100, resource.DecimalSI))), want: "7bdf4bbff8"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := tc.template.DeepCopy()
			for range 3 { // maps are dumped in a fixed order
				if got := TemplateHash(tc.template, tc.collisions); got != tc.want {
					t.Errorf("TemplateHash = %q, want %q: %s", got, tc.want, tc.why)
				}
			}
			if diff := gocmp.Diff(before, tc.template); diff != "" {
				t.Errorf("TemplateHash changed its argument (-want +got):\n%s", diff)
			}
		})
	}
}
