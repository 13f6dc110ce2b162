package carryout

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// Writer sends writes to an API server. Client alone is enough for a DaemonSet; the other
// fields are optional. Its fields must not change while it is used; then it is safe for
// concurrent use.
type Writer struct {
	// Client makes the writes. It is required.
	Client client.Client
	// Reader reads from the API server itself, never from a cache, such as
	// manager.GetAPIReader. nil means Client, which must not have a cache then.
	Reader client.Reader
	// Recorder records events on the owner. nil records none. A recorder that limits the
	// events of an object, as those of client-go's package record do, keeps a large rollout
	// from writing two events per pod.
	Recorder EventRecorder
	// Expectations remember the writes until a cache shows them. They belong to one owner,
	// and so does a Writer that has some. nil remembers nothing: right for a loop that
	// reads from the API server before each pass.
	Expectations *Expectations
	// SetStatus puts the status of a result into the owner and reports whether that
	// changed the owner, which is then written to its status subresource. It is called
	// once per pass with a copy of the owner, and again with a fresh one after a conflict.
	// It must put only what it owns there, because others may have written the rest.
	// Result.Status is nil if the counters are up to date; Result.CanaryTrial is what a
	// status should keep besides, also if Result.Status is nil: CarryOut writes it nowhere else.
	// nil is for a DaemonSet: it sets Result.Status. The status of a DaemonSet has no place for the
	// trial, so a controller whose policy has a canary needs a SetStatus that puts it elsewhere,
	// or keeps the trial itself. rollout.Options says what a pass without it does.
	SetStatus func(owner client.Object, r *rollout.Result) bool
	// SetTemplate puts a pod template into the owner, to roll back a failed canary. It is
	// called with a copy of the owner; the template is read-only. nil is for a DaemonSet.
	SetTemplate func(owner client.Object, template *corev1.PodTemplateSpec)
}

// CarryOut sends the writes of one pass, in this order:
//
//  1. Result.Revisions: patch claims, label, create, relabel pods, delete duplicates, update
//  2. Result.Claims: adopt and release pods
//  3. Result.Plan: record the events, create pods, then delete pods
//  4. Result.Rollback: update the owner's template
//  5. Result.CleanUp: delete revisions
//  6. the owner's status
//
// A failure in 1 or 2 ends the pass, because it is not known then which pods count. After a
// failure in 3 to 5 the status is still written, as upstream does (syncDaemonSet@v1.37.2):
// a quota that forbids pods must not hide how many there are. Pods are created one, then
// two, four and so on at once, until a batch has a failure; pods to delete are deleted even
// then, because a quota may wait for that. The error joins all failures; each wraps the API
// server's and names the object.
//
// The following are not errors: an object to patch or delete that does not exist any more; a
// revision that exists already with the same data and owner; a pod that exists already
// under the name that these facts give it; a namespace that is being deleted, which ends
// the creation of pods without error or event; an owner that is gone when its status is
// due.
//
// owner is the object that stands in the API server, in the state that the pass saw: a
// *DaemonSet, or any object if SetStatus and SetTemplate are set. For a custom resource that is
// the resource, not the DaemonSet to which it was mapped. It is not changed. r is what Sync
// returned; nil writes nothing. r.Snapshot is read before the first write only, so a State may
// learn of events meanwhile.
//
// CarryOut returns an error and writes nothing if Client or owner is missing, if owner is a
// DaemonSet that says it is of another kind, if r is the result for an object of another
// namespace, name, UID or kind, or if owner is not a DaemonSet and SetStatus or SetTemplate is nil.
// For a custom resource the kind of the result is that of the mapped DaemonSet's TypeMeta. If it
// has none, the pods would be those of a DaemonSet that does not exist.
func (w *Writer) CarryOut(ctx context.Context, owner client.Object, r *rollout.Result) error {
	if err := w.validate(owner); err != nil || r == nil {
		return err
	}
	if err := w.sameOwner(owner, r); err != nil {
		return err
	}
	// Worked out now, because the snapshot of a State changes with the events that come.
	names := namesOf(r)
	w.Expectations.begin()
	defer w.Expectations.end()

	p := &pass{Writer: w, owner: owner, kind: owner.GetObjectKind().GroupVersionKind()}
	if err := p.settleRevisions(ctx, r.Revisions); err != nil {
		return err
	}
	if err := p.claimPods(ctx, r.Claims); err != nil {
		return err
	}
	p.recordPlanned(r.Plan.Events)
	err := errors.Join(p.createPods(ctx, r.Plan.Create, names), p.deletePods(ctx, r.Plan.Delete))
	if err == nil {
		err = p.rollBack(ctx, r.Rollback)
	}
	if err == nil {
		err = p.deleteRevisions(ctx, r.CleanUp)
	}
	return errors.Join(err, p.writeStatus(ctx, r))
}

// passResource is the advice to whoever passes the DaemonSet that a resource was mapped to.
const passResource = "pass the resource itself"

// validate checks what CarryOut needs.
func (w *Writer) validate(owner client.Object) error {
	path := field.NewPath("writer")
	switch {
	case w == nil || w.Client == nil:
		return field.Required(path.Child("client"), "")
	case owner == nil || reflect.ValueOf(owner).Kind() == reflect.Pointer && reflect.ValueOf(owner).IsNil():
		return field.Required(field.NewPath("owner"), "")
	}
	if ds, ok := owner.(*appsv1.DaemonSet); ok {
		if ds.APIVersion != "" && ds.APIVersion != appsv1.SchemeGroupVersion.String() || ds.Kind != "" && ds.Kind != "DaemonSet" {
			return field.Invalid(field.NewPath("owner"), ds.APIVersion+" "+ds.Kind,
				"this is the DaemonSet that a resource was mapped to: "+passResource)
		}
		return nil
	}
	switch why := fmt.Sprintf("the owner is a %T", owner); {
	case w.SetStatus == nil:
		return field.Required(path.Child("setStatus"), why)
	case w.SetTemplate == nil:
		return field.Required(path.Child("setTemplate"), why)
	}
	return nil
}

// sameOwner refuses the result of another owner. A pass that has ended early has no snapshot.
func (w *Writer) sameOwner(owner client.Object, r *rollout.Result) error {
	ds := r.Snapshot.DaemonSet()
	if ds == nil {
		return nil
	}
	if ds.Namespace == owner.GetNamespace() && ds.Name == owner.GetName() && ds.UID == owner.GetUID() {
		kind, err := w.Client.GroupVersionKindFor(owner)
		if err != nil {
			return fmt.Errorf("owner: %w", err)
		}
		its, daemonSet := schema.FromAPIVersionAndKind(ds.APIVersion, ds.Kind).GroupKind(), appsv1.SchemeGroupVersion.WithKind("DaemonSet").GroupKind()
		if its.Empty() {
			its = daemonSet // Typed clients leave it out.
		}
		if its != kind.GroupKind() {
			advice := "give the mapped DaemonSet the apiVersion and kind of the owner"
			if kind.GroupKind() == daemonSet {
				advice = passResource
			}
			return field.Invalid(field.NewPath("owner"), kind.GroupKind().String(), "the result is for a "+its.String()+": "+advice)
		}
		return nil
	}
	name := func(o client.Object) string {
		return fmt.Sprintf("%s/%s, UID %s", o.GetNamespace(), o.GetName(), o.GetUID())
	}
	return field.Invalid(field.NewPath("owner"), name(owner), "the result is for "+name(ds))
}

// reader returns where to read what no cache may answer.
func (w *Writer) reader() client.Reader {
	if w.Reader != nil {
		return w.Reader
	}
	return w.Client
}

// pass is one call of CarryOut.
type pass struct {
	*Writer
	// owner is as the last write left it. It is the caller's until copied is true.
	owner  client.Object
	copied bool
	// kind is what the owner says about its kind, which a client needs to know of unstructured
	// objects.
	kind schema.GroupVersionKind
	// mayAdopt is the answer of canAdopt, which asks only once.
	mayAdopt func() error
}

// readOwner reads the owner from the API server. It returns a NotFound error if another object
// has its name by now.
func (p *pass) readOwner(ctx context.Context) (client.Object, error) {
	// A decoder leaves alone what the answer leaves out, and the owner here has changes already.
	fresh := reflect.New(reflect.TypeOf(p.owner).Elem()).Interface().(client.Object)
	fresh.GetObjectKind().SetGroupVersionKind(p.kind)
	if err := p.reader().Get(ctx, client.ObjectKeyFromObject(p.owner), fresh); err != nil {
		return nil, fmt.Errorf("read the owner %s: %w", client.ObjectKeyFromObject(p.owner), err)
	}
	if fresh.GetUID() != p.owner.GetUID() {
		gone := apierrors.NewNotFound(appsv1.Resource("owner"), p.owner.GetName())
		return nil, fmt.Errorf("the owner %s with UID %s was replaced by one with UID %s: %w",
			client.ObjectKeyFromObject(p.owner), p.owner.GetUID(), fresh.GetUID(), gone)
	}
	return fresh, nil
}

// ownCopy returns the owner as an object that may be changed.
func (p *pass) ownCopy() client.Object {
	if !p.copied {
		p.owner, p.copied = p.owner.DeepCopyObject().(client.Object), true
	}
	return p.owner
}

// failed says which write failed on which object.
func failed(verb, kind string, obj client.Object, err error) error {
	name := obj.GetName()
	if name == "" {
		name = obj.GetGenerateName() + "*"
	}
	if pod, ok := obj.(*corev1.Pod); ok {
		if node, ok := daemon.TargetNode(pod); ok {
			name += " on " + node // The name of a pod says nothing.
		}
	}
	return fmt.Errorf("%s %s %s/%s: %w", verb, kind, obj.GetNamespace(), name, err)
}
