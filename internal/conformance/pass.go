package conformance

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Pass is what one pass writes, and what it tells its caller.
type Pass struct {
	// Creates are the pods as they are sent, with the namespace they are sent to.
	Creates []*corev1.Pod
	// Deletes are names of pods.
	Deletes []string
	// PodPatches adopt, release and relabel pods. Each is there once, although
	// upstream sends those about ownership up to four times a pass.
	PodPatches []Patch
	// RevisionPatches adopt and release revisions.
	RevisionPatches []Patch
	// RevisionCreates and RevisionUpdates are whole objects; of several updates
	// of one revision the last one counts.
	RevisionCreates []*appsv1.ControllerRevision
	RevisionUpdates []*appsv1.ControllerRevision
	// RevisionDeletes are names. A revision that is updated and then deleted is
	// here alone.
	RevisionDeletes []string
	// Status is nil if none is written.
	Status *appsv1.DaemonSetStatus
	// Events read "Type Reason: Message".
	Events []string
	// RequeueAfter is the soonest of the delays, zero for none.
	RequeueAfter time.Duration
	// Backoff are the entries that have not expired.
	Backoff []Backoff
	// Err is what the pass returned.
	Err error
	// Panic is what it panicked with.
	Panic any
	// Syncs are upstream's alone: what its pass handed to syncNodes, call by call.
	Syncs []SyncNodes
}

// Patch is a patch of one object.
type Patch struct {
	Name string
	Type types.PatchType
	Data string
}

// writesPods reports whether pods are created or deleted.
func (p *Pass) writesPods() bool { return len(p.Creates) > 0 || len(p.Deletes) > 0 }

// Quiet reports whether nothing at all is written.
func (p *Pass) Quiet() bool {
	return !p.writesPods() && len(p.PodPatches) == 0 && len(p.RevisionPatches) == 0 && len(p.RevisionCreates) == 0 &&
		len(p.RevisionUpdates) == 0 && len(p.RevisionDeletes) == 0 && p.Status == nil
}
