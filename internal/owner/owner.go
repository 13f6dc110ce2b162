// Package owner says which objects belong to an owner: a DaemonSet, or the resource that
// an embedder's controller treats as one. It serves daemon, which claims pods and
// revisions, daemon/diff, rollout, rollout/simulate and rollout/kubectl.
package owner

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Identity is who an owner is. The zero Identity owns nothing.
type Identity struct {
	apiVersion, group, kind, name string
	uid                           types.UID
	// assumed says that the TypeMeta was empty.
	assumed bool
}

// Of returns the identity of ds. Its kind is that of its TypeMeta. If both fields are empty,
// as typed clients leave them, it is an apps/v1 DaemonSet. It fails with a *field.Error if ds
// is nil, if one field is empty, and if the API version has no valid form.
func Of(ds *appsv1.DaemonSet) (Identity, error) { return At(nil, ds) }

// At is Of for a DaemonSet at the given path.
func At(path *field.Path, ds *appsv1.DaemonSet) (Identity, error) {
	if ds != nil && ds.APIVersion == "" && ds.Kind == "" {
		return Identity{apiVersion: "apps/v1", group: appsv1.GroupName, kind: "DaemonSet", name: ds.Name, uid: ds.UID, assumed: true}, nil
	}
	if path == nil {
		path = field.NewPath("daemonSet")
	}
	if ds == nil {
		return Identity{}, field.Required(path, "")
	}
	id := Identity{apiVersion: ds.APIVersion, kind: ds.Kind, name: ds.Name, uid: ds.UID}
	switch {
	case id.apiVersion == "":
		return Identity{}, field.Required(path.Child("apiVersion"), "the kind is "+id.kind+": set both or neither")
	case id.kind == "":
		return Identity{}, field.Required(path.Child("kind"), "the API version is "+id.apiVersion+": set both or neither")
	}
	if group, version, grouped := strings.Cut(id.apiVersion, "/"); grouped && (group == "" || version == "" || strings.Contains(version, "/")) {
		return Identity{}, field.Invalid(path.Child("apiVersion"), id.apiVersion, "must be <group>/<version>, or v1")
	}
	id.group = groupOf(id.apiVersion)
	return id, nil
}

// groupOf returns the group of an API version. DaemonSets were in the group extensions
// before they moved to apps.
func groupOf(apiVersion string) string {
	switch group, _, grouped := strings.Cut(apiVersion, "/"); {
	case !grouped:
		return ""
	case group == "extensions":
		return appsv1.GroupName
	default:
		return group
	}
}

// SameKind reports whether an object of the given kind is of the same kind. The group
// counts, the version does not. An owner reference without an API version, which an API
// server refuses, is compared by its kind alone.
func (id *Identity) SameKind(apiVersion, kind string) bool {
	return kind == id.kind && (apiVersion == id.apiVersion || apiVersion == "" || groupOf(apiVersion) == id.group)
}

// Same reports whether both are the same owner.
func (id *Identity) Same(other *Identity) bool {
	return id.uid == other.uid && id.name == other.name && id.SameKindAs(other)
}

// SameKindAs reports whether both owners are of the same kind.
func (id *Identity) SameKindAs(other *Identity) bool {
	return id.SameKind(other.apiVersion, other.kind)
}

// Kind returns API version and kind, such as "apps/v1 DaemonSet".
func (id *Identity) Kind() string { return kindText(id.apiVersion, id.kind) }

// UID returns the UID, which may be empty.
func (id *Identity) UID() types.UID { return id.uid }

// Reference returns the controller owner reference to the owner. It blocks the owner's
// deletion.
func (id *Identity) Reference() metav1.OwnerReference {
	yes := true
	return metav1.OwnerReference{
		APIVersion: id.apiVersion, Kind: id.kind, Name: id.name, UID: id.uid,
		Controller: &yes, BlockOwnerDeletion: &yes,
	}
}

// Relation is what an owner reference says about an owner.
type Relation int8

const (
	// Foreign references name another owner.
	Foreign Relation = iota
	// Own references name the owner.
	Own
	// Contradictory references name the owner and yet another: the UID is the owner's, and
	// kind or name is not, or kind and name are those of an owner without a UID.
	Contradictory
)

// Relation returns what a controller owner reference says.
func (id *Identity) Relation(ref *metav1.OwnerReference) Relation {
	if ref.UID == id.uid {
		switch {
		case ref.Name == id.name && id.SameKind(ref.APIVersion, ref.Kind):
			if id.uid == "" && id.name == "" {
				return Foreign
			}
			return Own
		case id.uid != "":
			return Contradictory
		}
		return Foreign
	}
	if id.uid == "" && id.name != "" && ref.Name == id.name && id.SameKind(ref.APIVersion, ref.Kind) {
		return Contradictory
	}
	return Foreign
}

// Contradiction returns the error about the contradictory reference of an object. what is
// the object's kind in words, path its path, and meta its metadata.
func (id *Identity) Contradiction(path *field.Path, what string, meta metav1.Object) *field.Error {
	refs := meta.GetOwnerReferences()
	at := controllerIndex(refs)
	if at < 0 {
		return nil
	}
	ref, name := &refs[at], meta.GetNamespace()+"/"+meta.GetName()
	if ref.UID != id.uid {
		return field.Required(field.NewPath("daemonSet", "metadata", "uid"),
			fmt.Sprintf("%s %s is controlled by %s %q, UID %s", what, name, ref.Kind, ref.Name, ref.UID))
	}
	path = path.Child("metadata", "ownerReferences").Index(at)
	detail := fmt.Sprintf("the controller of %s %s has the UID of the DaemonSet and is %s %q; the DaemonSet is given as %s %q",
		what, name, kindText(ref.APIVersion, ref.Kind), ref.Name, id.Kind(), id.name)
	if id.assumed && ref.Kind != id.kind {
		detail += ": set its apiVersion and kind"
	}
	switch {
	case ref.Name == id.name && id.SameKind(ref.APIVersion, ref.Kind):
		return field.Required(field.NewPath("daemonSet", "metadata", "namespace"), what+" "+name+" is controlled by it")
	case ref.Kind != id.kind:
		return field.Invalid(path.Child("kind"), ref.Kind, detail)
	case ref.Name != id.name:
		return field.Invalid(path.Child("name"), ref.Name, detail)
	}
	return field.Invalid(path.Child("apiVersion"), ref.APIVersion, detail)
}

func kindText(apiVersion, kind string) string {
	if apiVersion == "" {
		return kind
	}
	return apiVersion + " " + kind
}

// Controller returns the controlling owner reference, which aliases refs, or nil
// (GetControllerOfNoCopy@v0.37.2).
func Controller(refs []metav1.OwnerReference) *metav1.OwnerReference {
	if i := controllerIndex(refs); i >= 0 {
		return &refs[i]
	}
	return nil
}

func controllerIndex(refs []metav1.OwnerReference) int {
	for i := range refs {
		if ref := &refs[i]; ref.Controller != nil && *ref.Controller {
			return i
		}
	}
	return -1
}

// SameKind reports whether two references name the same kind: group and kind, not the
// version.
func SameKind(a, b *metav1.OwnerReference) bool {
	id := Identity{apiVersion: a.APIVersion, group: groupOf(a.APIVersion), kind: a.Kind}
	return id.SameKind(b.APIVersion, b.Kind) || a.APIVersion == "" && a.Kind == b.Kind
}
