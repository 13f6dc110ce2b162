package diff

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestDaemonSets(t *testing.T) {
	base := func() *appsv1.DaemonSet {
		ds := agentSet(t)
		ds.Annotations = map[string]string{"team": "a"}
		ds.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "agent"}}
		ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{
			Type:          appsv1.RollingUpdateDaemonSetStrategyType,
			RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromInt32(1))},
		}
		return ds
	}
	for _, tc := range []struct {
		name, why string
		change    func(*appsv1.DaemonSet)
		want      string
	}{
		{"nothing", "equal objects have no changes", func(*appsv1.DaemonSet) {}, ""},
		{"budget", "a number and a percentage differ", func(ds *appsv1.DaemonSet) {
			ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromString("10%"))
		}, `spec.updateStrategy.rollingUpdate.maxUnavailable: 1 -> "10%"`},
		{"strategy", "its parts are fields of their own", func(ds *appsv1.DaemonSet) {
			ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
		}, `spec.updateStrategy.type: "RollingUpdate" -> "OnDelete"
spec.updateStrategy.rollingUpdate: removed {"maxUnavailable":1}`},
		{"numbers", "in the order of the fields", func(ds *appsv1.DaemonSet) {
			ds.Spec.RevisionHistoryLimit = new(int32(0))
			ds.Spec.MinReadySeconds = 10
		}, "spec.minReadySeconds: added 10\nspec.revisionHistoryLimit: added 0"},
		{"selector", "the API server refuses the change, and a reader wants to see it", func(ds *appsv1.DaemonSet) {
			ds.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "agent", "tier": "node"}}
		}, `spec.selector.matchLabels[tier]: added "node"`},
		{"labels and annotations", "a user writes them", func(ds *appsv1.DaemonSet) {
			ds.Labels = map[string]string{"a": "b"}
			ds.Annotations["team"] = "b"
		}, `metadata.labels[a]: added "b"
metadata.annotations[team]: "a" -> "b"`},
		{"finalizers and owners", "a user or an operator writes them", func(ds *appsv1.DaemonSet) {
			ds.Finalizers = []string{"example.com/x"}
			ds.OwnerReferences = []metav1.OwnerReference{{UID: "7", Name: "o"}}
		}, `metadata.ownerReferences[uid=7]: added {"apiVersion":"","kind":"","name":"o","uid":"7"}
metadata.finalizers[example.com/x]: added "example.com/x"`},
		{"template", "it is part of the spec", func(ds *appsv1.DaemonSet) {
			ds.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
		}, `spec.template.spec.nodeSelector[disk]: added "ssd"`},
		{"the server's fields", "no user writes them", func(ds *appsv1.DaemonSet) {
			ds.TypeMeta = metav1.TypeMeta{Kind: "DaemonSet", APIVersion: "apps/v1"}
			ds.UID, ds.ResourceVersion, ds.Generation = "9", "9", 9
			ds.CreationTimestamp, ds.DeletionTimestamp = metav1.Unix(1, 0), new(metav1.Unix(2, 0))
			ds.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: "kubectl"}}
			ds.Status.DesiredNumberScheduled = 3
		}, ""},
		{"identity", "another name is another DaemonSet, not another content", func(ds *appsv1.DaemonSet) {
			ds.Namespace, ds.Name, ds.GenerateName = "other", "other", "other-"
		}, ""},
		{"annotations of tools", "they repeat what the object says", func(ds *appsv1.DaemonSet) {
			ds.Annotations[appsv1.DeprecatedTemplateGeneration] = "4"
			ds.Annotations[corev1.LastAppliedConfigAnnotation] = "{}"
		}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			old, cur := base(), base()
			tc.change(cur)
			untouched := cur.DeepCopy()
			if got := DaemonSets(old, cur).String(); got != tc.want {
				t.Errorf("DaemonSets = %s\nwant %s\n%s", got, tc.want, tc.why)
			}
			if diff := cmp.Diff(untouched, cur); diff != "" {
				t.Errorf("DaemonSets changed its argument (-before +after):\n%s", diff)
			}
			checkMirror(t, DaemonSets(old, cur), DaemonSets(cur, old))
		})
	}
}

func TestDaemonSetsNil(t *testing.T) {
	ds := &appsv1.DaemonSet{Spec: appsv1.DaemonSetSpec{MinReadySeconds: 1}}
	for _, tc := range []struct {
		name, why string
		old, cur  *appsv1.DaemonSet
		want      string
	}{
		{"both nil", "both are empty", nil, nil, ""},
		{"nil and empty", "nil is an empty one", nil, &appsv1.DaemonSet{}, ""},
		{"from nil", "all is added", nil, ds, "spec.minReadySeconds: added 1"},
		{"to nil", "all is removed", ds, nil, "spec.minReadySeconds: removed 1"},
		{"itself", "it has not changed", ds, ds, ""},
	} {
		got := DaemonSets(tc.old, tc.cur)
		if got.String() != tc.want || tc.want == "" && got != nil {
			t.Errorf("%s: DaemonSets = %v, want %q: %s", tc.name, got, tc.want, tc.why)
		}
	}
}

// Every single field of the spec is compared, with any other value.
func TestDaemonSetsEveryField(t *testing.T) {
	full := &appsv1.DaemonSet{}
	fill(reflect.ValueOf(&full.Spec).Elem())
	work := full.DeepCopy()
	if changes := DaemonSets(full, work); len(changes) > 0 {
		t.Fatalf("DaemonSets of equal ones = %v, want none", changes)
	}
	count := 0
	leaves(reflect.ValueOf(&work.Spec).Elem(), "spec", inField, func(l leaf) {
		if strings.HasPrefix(l.path, "spec.template") {
			return // as in Templates
		}
		count++
		before := reflect.New(l.value.Type()).Elem()
		before.Set(l.value)
		l.set(otherValue(before))
		changes := DaemonSets(full, work)
		l.set(before)
		if len(changes) != 1 || brackets.ReplaceAllString(changes[0].Path, "[]") != l.path {
			t.Errorf("change of %s is reported as %v", l.path, changes)
		}
	})
	if count < 9 {
		t.Errorf("looked at %d fields, want all of the spec", count)
	}
}
