package simulate

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

// TestConcerns: a pod of the API server is compared with one of the template.
func TestConcerns(t *testing.T) {
	template := corev1.PodSpec{Containers: []corev1.Container{{
		Name: "main", Image: "agent:1", Resources: corev1.ResourceRequirements{Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1")}},
	}}}
	stored := *template.DeepCopy()
	main := &stored.Containers[0]
	main.ImagePullPolicy, main.TerminationMessagePath, main.TerminationMessagePolicy = corev1.PullIfNotPresent, "/dev/termination-log", "File"
	main.Resources.Requests = main.Resources.Limits
	main.VolumeMounts = []corev1.VolumeMount{{Name: "kube-api-access-x7k2p"}}
	stored.ServiceAccountName, stored.ImagePullSecrets = "default", []corev1.LocalObjectReference{{Name: "of-the-account"}}
	mutated := *stored.DeepCopy()
	mutated.Containers[0].Env = []corev1.EnvVar{{Name: "INJECTED"}}
	for _, tc := range []struct {
		name, why string
		kind      problemKind
		spec      corev1.PodSpec
		exact     bool
		hash      string
		want      bool
	}{
		{"crash loop", "the server adds defaults, the mount of a token, and requests", problemCrashLoop, stored, false, "new", true},
		{"crash loop, mutated", "the template may be another", problemCrashLoop, mutated, false, "new", false},
		{"crash loop, mutated, same revision", "the next pod is mutated as well", problemCrashLoop, mutated, false, "old", true},
		{"image", "pull secrets of a pod may be those of the account", problemImage, stored, false, "new", true},
		{"image of the template", "pull secrets of a template are known", problemImage, stored, true, "new", false},
		{"unschedulable", "the scheduler reads the same", problemUnschedulable, stored, false, "new", true},
	} {
		p := problem{kind: tc.kind, hash: "old", spec: &tc.spec, exact: tc.exact, container: "main"}
		if got := p.concerns(&corev1.Pod{Spec: template}, tc.hash); got != tc.want {
			t.Errorf("%s: concerns = %v, want %v: %s", tc.name, got, tc.want, tc.why)
		}
	}
	gone := problem{kind: problemProbe, spec: &stored, container: "other"}
	if gone.concerns(&corev1.Pod{Spec: template}, "") {
		t.Error("concerns = true for a container that the pod does not have, want false")
	}
}
