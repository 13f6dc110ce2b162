package carryout

import (
	"bytes"
	"context"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pernode/daemonset/daemon/history"
)

// settleRevisions writes the history.
func (p *pass) settleRevisions(ctx context.Context, plan *history.Plan) error {
	if plan == nil {
		return nil
	}
	for _, c := range plan.Claims {
		rev := &appsv1.ControllerRevision{ObjectMeta: named(c.Revision)}
		if err := p.claim(ctx, "revision", rev, c.Revision.ResourceVersion, c.Claim, c.Patch); err != nil {
			return err
		}
	}
	for _, rev := range plan.Label {
		if err := p.updateRevision(ctx, rev); err != nil {
			return err
		}
	}
	if err := p.createRevision(ctx, plan.Create); err != nil {
		return err
	}
	if err := p.relabelPods(ctx, plan.Relabel); err != nil {
		return err
	}
	if err := p.deleteRevisions(ctx, plan.Duplicates); err != nil {
		return err
	}
	return p.updateRevision(ctx, plan.Update)
}

// createRevision creates the current revision. One that exists with the same data and owner
// is an earlier creation that the cache does not show yet; any other one is a collision,
// which the pass after its event finds.
func (p *pass) createRevision(ctx context.Context, planned *appsv1.ControllerRevision) error {
	if planned == nil {
		return nil
	}
	rev := planned.DeepCopy()
	err := p.Client.Create(ctx, rev)
	if apierrors.IsAlreadyExists(err) {
		taken := &appsv1.ControllerRevision{}
		if err := p.reader().Get(ctx, client.ObjectKeyFromObject(planned), taken); err != nil {
			return failed("read", "revision", planned, err)
		}
		ref := metav1.GetControllerOfNoCopy(taken)
		if ref == nil || ref.UID != p.owner.GetUID() || !bytes.Equal(taken.Data.Raw, planned.Data.Raw) {
			return failed("create", "revision", planned, err)
		}
		rev, err = taken, nil
	}
	if err != nil {
		return failed("create", "revision", planned, err)
	}
	p.Expectations.wrote(rev, "")
	return nil
}

// updateRevision updates one revision. It does nothing for nil.
func (p *pass) updateRevision(ctx context.Context, planned *appsv1.ControllerRevision) error {
	if planned == nil {
		return nil
	}
	rev := planned.DeepCopy()
	switch err := p.Client.Update(ctx, rev); {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return failed("update", "revision", planned, err)
	}
	p.Expectations.wrote(rev, planned.ResourceVersion)
	return nil
}

// relabelPods gives pods the hash of the revision that stays.
func (p *pass) relabelPods(ctx context.Context, relabel []history.PodRelabel) error {
	for _, r := range relabel {
		pod := &corev1.Pod{ObjectMeta: named(r.Pod)}
		switch err := p.Client.Patch(ctx, pod, client.RawPatch(types.MergePatchType, r.Patch)); {
		case apierrors.IsNotFound(err):
			continue
		case err != nil:
			return failed("relabel", "pod", r.Pod, err)
		}
		p.Expectations.wrote(pod, r.Pod.ResourceVersion)
	}
	return nil
}

// deleteRevisions deletes revisions in their order.
func (p *pass) deleteRevisions(ctx context.Context, revisions []*appsv1.ControllerRevision) error {
	for _, rev := range revisions {
		deleted, err := p.remove(ctx, rev, &appsv1.ControllerRevision{})
		if err != nil {
			return failed("delete", "revision", rev, err)
		}
		if deleted {
			p.Expectations.deleted(rev)
		}
	}
	return nil
}
