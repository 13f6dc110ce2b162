package carryout

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/rollout"
)

// MergeStatus puts into a status what the controller of a DaemonSet owns of it: the
// counters, observedGeneration and collisionCount. It reports whether that changed it. A
// collisionCount that is larger already stays, and so do the conditions, because the controller
// writes none. Nothing is shared, and from is not changed. If one of them is nil nothing changes.
//
// A custom resource whose status cannot be a DaemonSetStatus, for example because its CRD cannot
// have the type of the conditions, copies the fields to one and back (see v1alpha1.Counters and
// the package nodeagent of the example controller).
func MergeStatus(to, from *appsv1.DaemonSetStatus) bool {
	if to == nil || from == nil {
		return false
	}
	merged := from.DeepCopy()
	merged.Conditions = to.Conditions
	// A status that is older than the one it meets must not undo a collision.
	if to.CollisionCount != nil && (merged.CollisionCount == nil || *merged.CollisionCount < *to.CollisionCount) {
		merged.CollisionCount = to.CollisionCount
	}
	if equality.Semantic.DeepEqual(*to, *merged) {
		return false
	}
	*to = *merged
	return true
}

// writeStatus writes the status of the owner. After a conflict it reads the owner once more
// and tries again; a second conflict is left to the next pass.
func (p *pass) writeStatus(ctx context.Context, r *rollout.Result) error {
	if p.SetStatus == nil && r.Status == nil {
		return nil
	}
	owner := p.ownCopy()
	for attempt := 1; ; attempt++ {
		if !p.setStatus(owner, r) {
			return nil
		}
		before := owner.GetResourceVersion()
		err := p.Client.Status().Update(ctx, owner)
		switch {
		case err == nil:
			p.Expectations.wrote(owner, before)
			return nil
		case !apierrors.IsNotFound(err) && (!apierrors.IsConflict(err) || attempt == 2):
			return failed("update", "status of", owner, err)
		}
		fresh, readErr := p.readOwner(ctx)
		switch {
		case apierrors.IsNotFound(readErr):
			return nil
		case readErr != nil:
			return readErr
		case apierrors.IsNotFound(err):
			return fmt.Errorf("the owner %s exists; its kind may have no status subresource: %w",
				client.ObjectKeyFromObject(owner), failed("update", "status of", owner, err))
		}
		owner = fresh
	}
}

func (p *pass) setStatus(owner client.Object, r *rollout.Result) bool {
	if p.SetStatus != nil {
		return p.SetStatus(owner, r)
	}
	return MergeStatus(&owner.(*appsv1.DaemonSet).Status, r.Status)
}

// rollBack gives the owner the template of an earlier revision. The update names the
// resource version that the pass saw: a template that somebody has written since must not be
// rolled back.
func (p *pass) rollBack(ctx context.Context, rb *history.Rollback) error {
	if rb == nil || rb.Skipped() {
		return nil
	}
	owner := p.ownCopy()
	p.setTemplate(owner, &rb.DaemonSet.Spec.Template)
	before := owner.GetResourceVersion()
	if err := p.Client.Update(ctx, owner); err != nil {
		return failed("roll back", "template of", owner, err)
	}
	p.Expectations.wrote(owner, before)
	return nil
}

func (p *pass) setTemplate(owner client.Object, template *corev1.PodTemplateSpec) {
	if p.SetTemplate != nil {
		p.SetTemplate(owner, template)
		return
	}
	owner.(*appsv1.DaemonSet).Spec.Template = *template.DeepCopy()
}
