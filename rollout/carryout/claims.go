package carryout

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pernode/daemonset/daemon"
)

// claimPods adopts and releases pods.
func (p *pass) claimPods(ctx context.Context, claims []daemon.PodClaim) error {
	for _, c := range claims {
		pod := &corev1.Pod{ObjectMeta: named(c.Pod)}
		if err := p.claim(ctx, "pod", pod, c.Pod.ResourceVersion, c.Claim, c.Patch); err != nil {
			return err
		}
	}
	return nil
}

// claim adopts or releases one object. obj names it and receives the answer; version is the one
// that the pass knew.
func (p *pass) claim(ctx context.Context, kind string, obj client.Object, version string, claim daemon.Claim, patch []byte) error {
	if claim == daemon.ClaimAdopt {
		if err := p.canAdopt(ctx); err != nil {
			return failed("adopt", kind, obj, err)
		}
	}
	target := named(obj)
	err := p.Client.Patch(ctx, obj, client.RawPatch(types.StrategicMergePatchType, patch))
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case apierrors.IsInvalid(err) && claim == daemon.ClaimRelease:
		// The object has no owner references any more, or another UID: it is released
		// either way (ReleasePod@v1.37.2).
		return nil
	case err != nil:
		return fmt.Errorf("%s %s %s/%s: %w", claim, kind, target.Namespace, target.Name, err)
	}
	p.Expectations.wrote(obj, version)
	return nil
}

// canAdopt reads the owner, and returns an error if it is gone or being deleted. Garbage collection
// decides at the deletion which objects it takes; one that is adopted later would be taken,
// too, though it was meant to be an orphan. One reading is enough for a pass.
func (p *pass) canAdopt(ctx context.Context) error {
	if p.mayAdopt == nil {
		p.mayAdopt = sync.OnceValue(func() error {
			fresh, err := p.readOwner(ctx)
			if err != nil {
				return err
			}
			if at := fresh.GetDeletionTimestamp(); at != nil {
				return fmt.Errorf("the owner %s is being deleted since %s", client.ObjectKeyFromObject(fresh), at)
			}
			return nil
		})
	}
	return p.mayAdopt()
}

// named is the metadata of an object to patch.
func named(obj client.Object) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: obj.GetNamespace(), Name: obj.GetName()}
}
