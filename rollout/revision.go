package rollout

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
)

// RevisionPlan is what a pass makes of a DaemonSet's ControllerRevisions: which
// is current, and what to write so that it is. The writes are to be carried out
// in the order of the fields; a write that fails ends the pass.
type RevisionPlan struct {
	// Claims are the revisions to adopt or release, ordered by name.
	Claims []RevisionClaim
	// Label are the older revisions that lacked the label
	// controller-revision-hash, as they are to be written: the label is the
	// revision's own name, so that no hash can collide with it. Ordered by
	// name. The current revision is in Update instead.
	Label []*appsv1.ControllerRevision
	// Create is the revision to create where none holds the template; else nil.
	Create *appsv1.ControllerRevision
	// Relabel are the pods to mark with the current hash because duplicates of
	// the current revision are about to be deleted. Ordered by name.
	Relabel []PodRelabel
	// Duplicates are the revisions to delete because they hold the same
	// template as the current one. Ordered by name.
	Duplicates []*appsv1.ControllerRevision
	// Update is the current revision as it is to be written, where it lacked
	// the label or where an older template is in use again, so that its number
	// has to become the highest; else nil.
	Update *appsv1.ControllerRevision
	// CollisionCount is the status.collisionCount to write where the name for
	// the new revision is taken by one with another template; else nil. The
	// pass ends with that write, and the next one tries another name.
	CollisionCount *int32

	// Current is the revision that holds the DaemonSet's template, as it is
	// after the writes. It is nil only where CollisionCount is not. Read-only.
	Current *appsv1.ControllerRevision
	// Old are the DaemonSet's other revisions as they are after the writes,
	// the oldest number first, then by name. Read-only.
	Old []*appsv1.ControllerRevision
	// Hash is the label controller-revision-hash of Current.
	Hash string
}

// RevisionClaim is a write that settles the ownership of one revision.
type RevisionClaim struct {
	// Revision is read-only.
	Revision *appsv1.ControllerRevision
	// Claim is daemon.ClaimAdopt or daemon.ClaimRelease.
	Claim daemon.Claim
	// Patch is the strategic merge patch to send.
	Patch []byte
}

// PodRelabel is a write that gives a pod the hash label of the current
// revision.
type PodRelabel struct {
	// Pod is read-only.
	Pod *corev1.Pod
	// Patch is the JSON merge patch to send.
	Patch []byte
}

// Revisions works out the history of ds: it claims revisions, finds the one
// that holds the template by comparing bytes, and says what to create, update,
// relabel and delete so that there is exactly one and it has the highest number
// (constructHistory@v1.37.2). Deleting revisions beyond the history limit is a
// matter of its own: CleanUp.
//
// revisions are all ControllerRevisions of the namespace, in any order; those of
// other owners must be among them, because their names are taken. pods matter
// only where duplicates are found. A nil ds and nil entries are errors, as is a
// selector that is missing, malformed or empty. Nothing passed in is changed.
func Revisions(ds *appsv1.DaemonSet, revisions []*appsv1.ControllerRevision, pods []*corev1.Pod) (*RevisionPlan, error) {
	claimer, err := daemon.NewClaimer(ds)
	if err != nil {
		return nil, err
	}
	data, err := RevisionData(&ds.Spec.Template)
	if err != nil {
		return nil, err
	}
	plan := &RevisionPlan{}
	owned, err := plan.claim(claimer, revisions)
	if err != nil {
		return nil, err
	}
	var current []*appsv1.ControllerRevision
	for _, rev := range owned {
		labelled := rev
		if _, ok := rev.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]; !ok {
			labelled = withHash(rev, rev.Name)
		}
		if bytes.Equal(data, rev.Data.Raw) {
			current = append(current, labelled)
			continue
		}
		plan.Old = append(plan.Old, labelled)
		if labelled != rev {
			plan.Label = append(plan.Label, labelled)
		}
	}
	slices.SortStableFunc(plan.Old, compareNumber)
	next := highest(plan.Old) + 1

	if len(current) == 0 {
		return plan, plan.create(ds, data, next, revisions)
	}
	// The highest number stays, and of equals the first by name.
	keep := slices.MaxFunc(current, compareNumber)
	plan.Hash = keep.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
	for _, rev := range current {
		if rev != keep {
			plan.Duplicates = append(plan.Duplicates, rev)
		}
	}
	if plan.Duplicates != nil {
		if err := plan.relabel(claimer, pods); err != nil {
			return nil, err
		}
	}
	plan.Current = keep
	if keep.Revision < next {
		plan.Current = keep.DeepCopy()
		plan.Current.Revision = next
	}
	if !slices.Contains(owned, plan.Current) {
		plan.Update = plan.Current
	}
	return plan, nil
}

// claim returns the revisions that are the DaemonSet's own, ordered by name.
func (p *RevisionPlan) claim(claimer *daemon.Claimer, revisions []*appsv1.ControllerRevision) ([]*appsv1.ControllerRevision, error) {
	var owned []*appsv1.ControllerRevision
	for i, rev := range revisions {
		if rev == nil {
			return nil, field.Required(field.NewPath("revisions").Index(i), "")
		}
		claim := claimer.Revision(rev)
		if claim == daemon.ClaimAdopt || claim == daemon.ClaimRelease {
			p.Claims = append(p.Claims, RevisionClaim{Revision: rev, Claim: claim, Patch: claimer.Patch(claim, rev.UID)})
		}
		if claim.Owned() {
			owned = append(owned, rev)
		}
	}
	slices.SortFunc(owned, compareName)
	slices.SortFunc(p.Claims, func(a, b RevisionClaim) int { return compareName(a.Revision, b.Revision) })
	return owned, nil
}

// create plans a revision for a template that none holds yet
// (snapshot@v1.37.2).
func (p *RevisionPlan) create(ds *appsv1.DaemonSet, data []byte, number int64, revisions []*appsv1.ControllerRevision) error {
	hash := daemon.TemplateHash(&ds.Spec.Template, ds.Status.CollisionCount)
	name := ds.Name + "-" + hash
	taken := slices.IndexFunc(revisions, func(rev *appsv1.ControllerRevision) bool {
		return rev.Namespace == ds.Namespace && rev.Name == name
	})
	switch {
	case taken < 0:
		p.Create = newRevision(ds, name, hash, number, data)
		p.Current, p.Hash = p.Create, hash
	case bytes.Equal(data, revisions[taken].Data.Raw):
		// Somebody, most likely an earlier pass that nobody has observed yet,
		// has made it.
		p.Current = revisions[taken]
		p.Hash = p.Current.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]
	default:
		count := int32(1)
		if ds.Status.CollisionCount != nil {
			count += *ds.Status.CollisionCount
		}
		p.CollisionCount = &count
	}
	return nil
}

func newRevision(ds *appsv1.DaemonSet, name, hash string, number int64, data []byte) *appsv1.ControllerRevision {
	labels := maps.Clone(ds.Spec.Template.Labels)
	if labels == nil {
		labels = make(map[string]string, 1)
	}
	labels[appsv1.DefaultDaemonSetUniqueLabelKey] = hash
	return &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name:            name,
			Namespace:       ds.Namespace,
			Labels:          labels,
			Annotations:     maps.Clone(ds.Annotations),
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(ds, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))},
		},
		Data:     runtime.RawExtension{Raw: data},
		Revision: number,
	}
}

// relabel marks the DaemonSet's pods with the hash that stays
// (dedupCurHistories@v1.37.2).
func (p *RevisionPlan) relabel(claimer *daemon.Claimer, pods []*corev1.Pod) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": map[string]string{
		appsv1.DefaultDaemonSetUniqueLabelKey: p.Hash,
	}}})
	if err != nil {
		return fmt.Errorf("marshal label patch: %w", err)
	}
	for i, pod := range pods {
		if pod == nil {
			return field.Required(field.NewPath("pods").Index(i), "")
		}
		if claimer.Pod(pod).Owned() && pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] != p.Hash {
			p.Relabel = append(p.Relabel, PodRelabel{Pod: pod, Patch: bytes.Clone(patch)})
		}
	}
	slices.SortFunc(p.Relabel, func(a, b PodRelabel) int { return strings.Compare(a.Pod.Name, b.Pod.Name) })
	return nil
}

// apply returns pods as they are after p.Relabel: the same slice where nothing
// is relabelled, else one in which the pods concerned are replaced by copies.
func (p *RevisionPlan) apply(pods []*corev1.Pod) []*corev1.Pod {
	if len(p.Relabel) == 0 {
		return pods
	}
	relabelled := make(map[*corev1.Pod]bool, len(p.Relabel))
	for _, r := range p.Relabel {
		relabelled[r.Pod] = true
	}
	out := slices.Clone(pods)
	for i, pod := range out {
		if relabelled[pod] {
			copied := *pod
			copied.Labels = make(map[string]string, len(pod.Labels)+1)
			maps.Copy(copied.Labels, pod.Labels)
			copied.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = p.Hash
			out[i] = &copied
		}
	}
	return out
}

func withHash(rev *appsv1.ControllerRevision, hash string) *appsv1.ControllerRevision {
	out := rev.DeepCopy()
	if out.Labels == nil {
		out.Labels = make(map[string]string, 1)
	}
	out.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = hash
	return out
}

func highest(revisions []*appsv1.ControllerRevision) int64 {
	var n int64
	for _, rev := range revisions {
		n = max(n, rev.Revision)
	}
	return n
}

func compareName(a, b *appsv1.ControllerRevision) int { return strings.Compare(a.Name, b.Name) }

func compareNumber(a, b *appsv1.ControllerRevision) int { return cmp.Compare(a.Revision, b.Revision) }

// hashOf is the revision hash that a pod carries.
func hashOf(pod *corev1.Pod) string { return pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] }
