package daemon

import (
	"encoding/json"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/owner"
)

// Claim is what a DaemonSet does about the ownership of an object.
type Claim int

const (
	// ClaimIgnore leaves the object alone: another controller owns it, it is in another
	// namespace, or it is an orphan that is not to be adopted. It is the zero
	// value.
	ClaimIgnore Claim = iota
	// ClaimKeep: the DaemonSet owns the object, and the object's labels match the
	// selector. Nothing is written.
	ClaimKeep
	// ClaimAdopt: the object is an orphan that matches the selector. The DaemonSet
	// writes a controller owner reference.
	ClaimAdopt
	// ClaimRelease: the DaemonSet owns the object, but its labels no longer match the
	// selector. The DaemonSet removes the owner reference.
	ClaimRelease
)

// String returns "ignore", "keep", "adopt" or "release".
func (c Claim) String() string {
	switch c {
	case ClaimIgnore:
		return "ignore"
	case ClaimKeep:
		return "keep"
	case ClaimAdopt:
		return "adopt"
	case ClaimRelease:
		return "release"
	}
	return unknown("Claim", int(c))
}

// Owned reports whether the object counts as the DaemonSet's own after the
// claim: kept or adopted.
func (c Claim) Owned() bool { return c == ClaimKeep || c == ClaimAdopt }

// Claimer decides the ownership of pods and ControllerRevisions for one
// DaemonSet. It is immutable and safe for concurrent use. The zero Claimer ignores
// everything.
type Claimer struct {
	namespace string
	owner     owner.Identity
	deleting  bool
	// exact holds a selector of matchLabels alone, which nearly all DaemonSets
	// have; selector serves all others.
	exact    []labelPair
	selector labels.Selector
}

type labelPair struct{ key, value string }

// NewClaimer compiles the selector of ds. The owner's kind is that of ds; see
// Input.DaemonSet. It fails if ds is nil, if only one of apiVersion and kind is set, and if
// spec.selector is missing, malformed or empty: upstream's controller refuses
// to act for an empty selector, because it selects every pod in the namespace.
func NewClaimer(ds *appsv1.DaemonSet) (*Claimer, error) {
	id, err := owner.Of(ds)
	if err != nil {
		return nil, err
	}
	path := field.NewPath("spec", "selector")
	if ds.Spec.Selector == nil {
		return nil, field.Required(path, "")
	}
	if SelectsEverything(ds) {
		return nil, field.Invalid(path, "{}", "empty selector selects every pod")
	}
	selector, err := metav1.LabelSelectorAsSelector(ds.Spec.Selector)
	if err != nil {
		return nil, field.Invalid(path, metav1.FormatLabelSelector(ds.Spec.Selector), err.Error())
	}
	c := &Claimer{
		namespace: ds.Namespace,
		owner:     id,
		deleting:  ds.DeletionTimestamp != nil,
		selector:  selector,
	}
	if len(ds.Spec.Selector.MatchExpressions) == 0 {
		for key, value := range ds.Spec.Selector.MatchLabels {
			c.exact = append(c.exact, labelPair{key, value})
		}
	}
	return c, nil
}

// SelectsEverything reports whether the selector of ds is present but empty.
// Upstream's controller emits the event SelectingAll for it and does nothing
// else (syncDaemonSet@v1.37.2). It is false for a nil ds.
func SelectsEverything(ds *appsv1.DaemonSet) bool {
	if ds == nil {
		return false
	}
	s := ds.Spec.Selector
	return s != nil && len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0
}

// Pod decides about one pod (FilterPodsByOwner@v1.37.2 followed by
// ClaimObject@v1.37.2). A pod of another namespace, of another controller, and
// nil are ignored. A nil Claimer ignores every pod. The pod is not changed.
//
// An object belongs to the DaemonSet if its controller owner reference has the UID, the name
// and the kind of the DaemonSet: group and kind, not the version. If the DaemonSet has no UID,
// the reference must have none. Pod fails with a *field.Error that names the pod and both
// owners if the reference has the UID of the DaemonSet and another kind or name. It also fails
// if the DaemonSet has no UID and the reference has its kind and name and a UID.
func (c *Claimer) Pod(pod *corev1.Pod) (Claim, error) {
	if c == nil || pod == nil {
		return ClaimIgnore, nil
	}
	return c.object(field.NewPath("pod"), "pod", pod)
}

// Revision decides about one ControllerRevision
// (ClaimControllerRevisions@v1.37.2), as Pod does about a pod. A nil Claimer ignores every
// revision. The revision is not changed.
func (c *Claimer) Revision(rev *appsv1.ControllerRevision) (Claim, error) {
	if c == nil || rev == nil {
		return ClaimIgnore, nil
	}
	return c.object(field.NewPath("revision"), "revision", rev)
}

// object decides about an object at the given path.
func (c *Claimer) object(path *field.Path, what string, object metav1.Object) (Claim, error) {
	ref := owner.Controller(object.GetOwnerReferences())
	concerns := c.concerns(object.GetNamespace(), ref)
	if concerns == owner.Contradictory {
		return ClaimIgnore, c.owner.Contradiction(path, what, object)
	}
	if concerns == owner.Foreign {
		return ClaimIgnore, nil
	}
	return c.claim(ref, object.GetDeletionTimestamp() != nil, c.matches(object.GetLabels())), nil
}

// concerns returns owner.Own if an object is an orphan of the namespace or belongs to
// the DaemonSet.
func (c *Claimer) concerns(namespace string, ref *metav1.OwnerReference) owner.Relation {
	switch {
	case namespace != c.namespace:
		return fromOutside(&c.owner, c.namespace, ref)
	case ref == nil:
		return owner.Own
	}
	return c.owner.Relation(ref)
}

// fromOutside returns the relation of an object in another namespace than the owner's: it
// contradicts an owner whose namespace was forgotten.
func fromOutside(id *owner.Identity, namespace string, ref *metav1.OwnerReference) owner.Relation {
	if namespace == "" && ref != nil && id.UID() != "" && ref.UID == id.UID() {
		return owner.Contradictory
	}
	return owner.Foreign
}

// claim decides about an object that concerns the DaemonSet.
func (c *Claimer) claim(ref *metav1.OwnerReference, deleting, matches bool) Claim {
	switch {
	case ref == nil && (c.deleting || deleting || !matches):
		return ClaimIgnore
	case ref == nil:
		return ClaimAdopt
	case matches:
		return ClaimKeep
	case c.deleting:
		return ClaimIgnore
	}
	return ClaimRelease
}

func (c *Claimer) matches(set map[string]string) bool {
	if c.exact == nil {
		return c.selector != nil && c.selector.Matches(labels.Set(set))
	}
	for _, want := range c.exact {
		if got, ok := set[want.key]; !ok || got != want.value {
			return false
		}
	}
	return true
}

// Patch returns the strategic merge patch that carries out the claim on the
// object with the given UID, byte for byte upstream's
// (ownerRefControllerPatch and GenerateDeleteOwnerRefStrategicMergeBytes
// @v1.37.2). It is nil for ClaimKeep and ClaimIgnore, and for a nil Claimer. The UID in
// the patch makes the API server refuse it for a later object of the same name.
func (c *Claimer) Patch(claim Claim, uid types.UID) []byte {
	if c == nil {
		return nil
	}
	// The two patches write their fields in a different order, as upstream's do.
	var patch any
	switch claim {
	case ClaimAdopt:
		patch = map[string]any{"metadata": struct {
			OwnerReferences []metav1.OwnerReference `json:"ownerReferences"`
			UID             types.UID               `json:"uid"`
		}{[]metav1.OwnerReference{c.owner.Reference()}, uid}}
	case ClaimRelease:
		patch = map[string]any{"metadata": struct {
			UID             types.UID           `json:"uid"`
			OwnerReferences []map[string]string `json:"ownerReferences"`
		}{uid, []map[string]string{{"$patch": "delete", "uid": string(c.owner.UID())}}}}
	default:
		return nil
	}
	raw, err := json.Marshal(patch)
	if err != nil { // cannot happen: strings and booleans always marshal
		return nil
	}
	return raw
}
