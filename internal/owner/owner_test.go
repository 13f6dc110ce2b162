package owner_test

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/internal/owner"
)

func TestRelation(t *testing.T) {
	ref := func(apiVersion, kind, name string, uid types.UID) *metav1.OwnerReference {
		return &metav1.OwnerReference{APIVersion: apiVersion, Kind: kind, Name: name, UID: uid, Controller: new(true)}
	}
	tests := []struct {
		name, why string
		meta      metav1.TypeMeta
		object    metav1.ObjectMeta
		ref       *metav1.OwnerReference
		want      owner.Relation
	}{
		{"own", "all is the same", metav1.TypeMeta{}, metav1.ObjectMeta{Name: "a", UID: "u"}, ref("apps/v1", "DaemonSet", "a", "u"), owner.Own},
		{"foreign", "the UID decides", metav1.TypeMeta{}, metav1.ObjectMeta{Name: "a", UID: "u"}, ref("apps/v1", "DaemonSet", "a", "v"), owner.Foreign},
		{"no UID in the reference", "an owner with a UID writes it", metav1.TypeMeta{}, metav1.ObjectMeta{Name: "a", UID: "u"}, ref("apps/v1", "DaemonSet", "a", ""), owner.Foreign},
		{"kind", "the UID is the owner's", metav1.TypeMeta{}, metav1.ObjectMeta{Name: "a", UID: "u"}, ref("apps/v1", "ReplicaSet", "a", "u"), owner.Contradictory},
		{"name", "likewise", metav1.TypeMeta{}, metav1.ObjectMeta{Name: "a", UID: "u"}, ref("apps/v1", "DaemonSet", "b", "u"), owner.Contradictory},
		{"no UID", "kind and name decide", metav1.TypeMeta{}, metav1.ObjectMeta{Name: "a"}, ref("apps/v1", "DaemonSet", "a", ""), owner.Own},
		{"no UID, another kind", "it is another owner", metav1.TypeMeta{}, metav1.ObjectMeta{Name: "a"}, ref("apps/v1", "ReplicaSet", "a", ""), owner.Foreign},
		{"no UID and no name", "it owns nothing", metav1.TypeMeta{}, metav1.ObjectMeta{}, ref("apps/v1", "DaemonSet", "", ""), owner.Foreign},
		{"forgotten UID", "the owner of that name has one", metav1.TypeMeta{}, metav1.ObjectMeta{Name: "a"}, ref("apps/v1", "DaemonSet", "a", "u"), owner.Contradictory},
		{"core and a group", "a group is not a version", metav1.TypeMeta{APIVersion: "v1", Kind: "T"}, metav1.ObjectMeta{Name: "a", UID: "u"}, ref("v1/v1", "T", "a", "u"), owner.Contradictory},
		{"core", "it has no group", metav1.TypeMeta{APIVersion: "v1", Kind: "T"}, metav1.ObjectMeta{Name: "a", UID: "u"}, ref("v2", "T", "a", "u"), owner.Own},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			id, err := owner.Of(&appsv1.DaemonSet{TypeMeta: tc.meta, ObjectMeta: tc.object})
			if err != nil {
				t.Fatal(err)
			}
			if got := id.Relation(tc.ref); got != tc.want {
				t.Errorf("Relation(%v) = %v, want %v: %s", tc.ref, got, tc.want, tc.why)
			}
		})
	}
}

// TestZero: the zero Identity owns nothing.
func TestZero(t *testing.T) {
	var id owner.Identity
	if got := id.Relation(&metav1.OwnerReference{}); got != owner.Foreign {
		t.Errorf("Relation() = %v, want foreign", got)
	}
}
