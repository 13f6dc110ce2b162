package controller

import (
	"reflect"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/carryout"
)

// owner is what is kept of one owner from its first event to its last. One with another
// UID under the same name is another owner.
type owner struct {
	key types.NamespacedName
	uid types.UID

	// The mirror's lock guards these.

	// object is the owner as its last event showed it, and daemonSet the same as the
	// library reads it. Both are read-only.
	object    client.Object
	daemonSet *appsv1.DaemonSet
	// claimer is nil while the selector is wrong, and claims nothing then.
	claimer *daemon.Claimer
	matcher *placement.Matcher
	// policy says that the owner has one, which may depend on any label of a node.
	policy bool
	// noted are the changes that the State must learn of.
	noted notes
	// built says that changes are noted. Before, the State is yet to be made from the
	// mirror, which has them.
	built bool

	// expectations have a lock of their own.
	expectations carryout.Expectations

	// These belong to the passes, of which the work queue runs one at a time.

	state *rollout.State
	// trial is that of the last pass, and backoff that of the last State.
	trial   *rollout.CanaryTrial
	backoff daemon.Backoff
	// statusAt is when the status was last written.
	statusAt time.Time
	// complaint is the last event about a wrong spec, so that each is recorded once.
	complaint string
}

// show takes over the owner as an event shows it. Another selector makes the next pass make a
// new State, because it may match orphans that the State was never given.
func (o *owner) show(k kind, opts Options, object client.Object) {
	ds := k.daemonSet(object)
	before := o.daemonSet
	if before == nil || !equality.Semantic.DeepEqual(before.Spec.Template, ds.Spec.Template) {
		o.matcher = placement.Compile(&ds.Spec.Template, opts.Placement)
	}
	if before != nil && !equality.Semantic.DeepEqual(before.Spec.Selector, ds.Spec.Selector) {
		o.forget()
	}
	// A claimer of an owner that is being deleted adopts nothing, so the timestamp counts.
	o.claimer, _ = daemon.NewClaimer(ds)
	o.policy = !reflect.DeepEqual(k.options(object, nil).Policy, rollout.Policy{})
	o.object, o.daemonSet = object, ds
	o.noted.owner = true
}

// forget makes the next pass make a new State from the mirror.
func (o *owner) forget() {
	o.built, o.noted = false, notes{}
}

// claims reports whether the owner keeps, adopts or releases the pod, or whether the pod's
// owner reference contradicts the owner, which the library reports.
func (o *owner) claims(pod *corev1.Pod) bool {
	claim, err := o.claimer.Pod(pod)
	return err != nil || claim != daemon.ClaimIgnore
}

// claimsRevision is claims for a revision.
func (o *owner) claimsRevision(rev *appsv1.ControllerRevision) bool {
	claim, err := o.claimer.Revision(rev)
	return err != nil || claim != daemon.ClaimIgnore
}

// notes are changes by the name of the object; nil is a deletion. Only the last state of an
// object counts, so they hold no more than there are objects, for an owner that sleeps, too.
type notes struct {
	owner     bool
	nodes     map[string]*corev1.Node
	pods      map[string]*corev1.Pod
	revisions map[string]*appsv1.ControllerRevision
}

// note adds a change to one of the maps.
func note[T any](to *map[string]*T, name string, object *T) {
	if *to == nil {
		*to = map[string]*T{}
	}
	(*to)[name] = object
}

// changes returns the notes as the library takes them.
func (n notes) changes(ds *appsv1.DaemonSet) daemon.Changes {
	var c daemon.Changes
	if n.owner {
		c.DaemonSet = ds
	}
	c.Nodes, c.DeletedNodes = split(n.nodes)
	c.Pods, c.DeletedPods = split(n.pods)
	c.Revisions, c.DeletedRevisions = split(n.revisions)
	return c
}

// split separates changed from deleted objects. The library puts them in order.
func split[T any](noted map[string]*T) (changed []*T, deleted []string) {
	for name, object := range noted {
		if object == nil {
			deleted = append(deleted, name)
		} else {
			changed = append(changed, object)
		}
	}
	return changed, deleted
}
