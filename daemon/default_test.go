package daemon_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
)

func TestDefault(t *testing.T) {
	number := func(n int32) *intstr.IntOrString { return new(intstr.FromInt32(n)) }
	percent := func(s string) *intstr.IntOrString { return new(intstr.FromString(s)) }
	rolling := func(maxUnavailable, maxSurge *intstr.IntOrString) appsv1.DaemonSetUpdateStrategy {
		return appsv1.DaemonSetUpdateStrategy{
			Type:          appsv1.RollingUpdateDaemonSetStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: maxUnavailable, MaxSurge: maxSurge},
		}
	}
	for _, tt := range []struct {
		name, why string
		in, want  appsv1.DaemonSetSpec
	}{{
		name: "empty", why: "everything is filled in, the template's restartPolicy is not",
		want: appsv1.DaemonSetSpec{UpdateStrategy: rolling(number(1), number(0)), RevisionHistoryLimit: new(int32(10))},
	}, {
		name: "type alone", why: "the struct below it is made",
		in:   appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType}},
		want: appsv1.DaemonSetSpec{UpdateStrategy: rolling(number(1), number(0)), RevisionHistoryLimit: new(int32(10))},
	}, {
		name: "rolling update without a type", why: "the type comes first, so that the rest is filled in as well",
		in:   appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: percent("10%")}}},
		want: appsv1.DaemonSetSpec{UpdateStrategy: rolling(percent("10%"), number(0)), RevisionHistoryLimit: new(int32(10))},
	}, {
		name: "only maxSurge", why: "maxUnavailable becomes 1 all the same, which validation then refuses",
		in:   appsv1.DaemonSetSpec{UpdateStrategy: rolling(nil, number(2))},
		want: appsv1.DaemonSetSpec{UpdateStrategy: rolling(number(1), number(2)), RevisionHistoryLimit: new(int32(10))},
	}, {
		name: "zeros", why: "a value of zero is a value",
		in:   appsv1.DaemonSetSpec{UpdateStrategy: rolling(number(0), number(0)), RevisionHistoryLimit: new(int32(0))},
		want: appsv1.DaemonSetSpec{UpdateStrategy: rolling(number(0), number(0)), RevisionHistoryLimit: new(int32(0))},
	}, {
		name: "on delete", why: "has no budgets",
		in:   appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}, RevisionHistoryLimit: new(int32(3))},
		want: appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}, RevisionHistoryLimit: new(int32(3))},
	}, {
		name: "on delete with budgets", why: "they stay and stay incomplete",
		in: appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
			Type: appsv1.OnDeleteDaemonSetStrategyType, RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxSurge: number(1)},
		}},
		want: appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
			Type: appsv1.OnDeleteDaemonSetStrategyType, RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxSurge: number(1)},
		}, RevisionHistoryLimit: new(int32(10))},
	}, {
		name: "unknown type", why: "only RollingUpdate gets budgets; validation names the type",
		in:   appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: "Recreate"}},
		want: appsv1.DaemonSetSpec{UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: "Recreate"}, RevisionHistoryLimit: new(int32(10))},
	}} {
		t.Run(tt.name, func(t *testing.T) {
			in := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "nginx"}, Spec: tt.in}
			before := in.DeepCopy()
			got := daemon.Default(in)
			want := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "nginx"}, Spec: tt.want}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: Default mismatch (-want +got):\n%s", tt.why, diff)
			}
			if diff := cmp.Diff(before, in); diff != "" {
				t.Errorf("Default changed its argument (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(got, daemon.Default(got)); diff != "" {
				t.Errorf("Default(Default(ds)) is not Default(ds) (-once +twice):\n%s", diff)
			}
		})
	}
}

func TestDefaultNil(t *testing.T) {
	if got := daemon.Default(nil); got != nil {
		t.Errorf("Default(nil) = %v, want nil", got)
	}
}

func TestDefaultSharesNothing(t *testing.T) {
	in := lessonDaemonSet()
	in.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromInt32(2))}
	in.Spec.RevisionHistoryLimit = new(int32(2))
	before := in.DeepCopy()
	got := daemon.Default(in)
	got.Labels["env"] = "changed"
	got.Spec.Selector.MatchLabels["env"] = "changed"
	got.Spec.Template.Spec.Containers[0].Image = "changed"
	*got.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = intstr.FromInt32(9)
	*got.Spec.RevisionHistoryLimit = 9
	if diff := cmp.Diff(before, in); diff != "" {
		t.Errorf("a change to the result shows in the argument (-before +after):\n%s", diff)
	}
}

// lessonDaemonSet is the DaemonSet of an introductory lesson, in the namespace
// that kubectl puts it in.
func lessonDaemonSet() *appsv1.DaemonSet {
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx-deploy", Namespace: "default", Labels: map[string]string{"env": "demo"}},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "demo"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Name: "nginx", Labels: map[string]string{"env": "demo"}},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx", Image: "nginx:1.27.4-alpine"}}},
			},
		},
	}
}
