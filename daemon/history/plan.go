package history

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/owner"
	"github.com/pernode/daemonset/internal/revision"
)

// Plan holds the current ControllerRevision and the writes that make it current.
// Carry the writes out in the order of the fields. A write that fails ends the pass.
type Plan struct {
	// Claims are the revisions to adopt or release, ordered by name.
	Claims []RevisionClaim
	// Label are copies of older revisions that lack the hash label, each with its own name
	// as the label: update them. They are ordered by name. No hash equals such a name. If the
	// current revision lacks the label, it is in Update.
	Label []*appsv1.ControllerRevision
	// Create is the revision to create. It is nil if a revision holds the template.
	Create *appsv1.ControllerRevision
	// Relabel are the pods to mark with the current hash because duplicates of
	// the current revision are about to be deleted. Ordered by name.
	Relabel []PodRelabel
	// Duplicates are the revisions to delete because they hold the same
	// template as the current one. Ordered by name.
	Duplicates []*appsv1.ControllerRevision
	// Update is the current revision to write if it lacks the label, or if an older
	// template is in use again and its number must become the highest; else nil.
	Update *appsv1.ControllerRevision
	// CollisionCount is the status.collisionCount to write if a revision with another
	// template has the name of the new revision; else nil. The pass ends with that write,
	// and the next one tries another name. The count stays at the largest int32.
	CollisionCount *int32

	// Current is the revision that holds the DaemonSet's template, as it is after the writes,
	// but with the owners that it had before Claims. It is nil if and only if CollisionCount is
	// set. Read-only.
	Current *appsv1.ControllerRevision
	// Old are the DaemonSet's other revisions, as Current is, ordered by number, then by name.
	// Duplicates are not among them. Read-only.
	Old []*appsv1.ControllerRevision
	// Hash is the hash label of Current.
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

// Reconcile works out the writes after which exactly one revision holds the template and
// has the highest number (constructHistory@v1.37.2). CleanUp deletes revisions beyond the
// history limit. The rules:
//
//   - A revision is current if it stores the bytes that Data returns for the template, apart
//     from white space between the tokens. If several are, the one with the highest number
//     stays, all pods get its hash, and the others are deleted (dedupCurHistories@v1.37.2).
//   - A revision that stores an equal template in other bytes, for example from before an
//     upgrade of the API, is not current.
//   - If none is current, a new one is created: its name is that of Naming.RevisionName of
//     package daemon, its number is one above all others or the largest int64, its labels are
//     the template's and the hash, and its annotations are the DaemonSet's (snapshot@v1.37.2).
//   - A current revision whose number is not the highest is renumbered.
//   - A revision without the hash label gets its own name as the label.
//   - If another revision has the name of the new one, collisionCount is raised and the
//     pass ends. The next pass tries the next name.
//
// The snapshot is not changed. Reconcile fails with a *field.Error if it is nil.
func Reconcile(s *daemon.Snapshot) (*Plan, error) {
	if s == nil || s.DaemonSet() == nil {
		return nil, field.Required(field.NewPath("snapshot"), "")
	}
	ds := s.DaemonSet()
	claimer, err := daemon.NewClaimer(ds)
	if err != nil {
		return nil, err
	}
	names := s.Naming()
	plan := &Plan{}
	var current []*appsv1.ControllerRevision
	var keep daemon.RevisionState
	for _, r := range s.Revisions() {
		if r.Claim == daemon.ClaimAdopt || r.Claim == daemon.ClaimRelease {
			plan.Claims = append(plan.Claims, RevisionClaim{Revision: r.Revision, Claim: r.Claim, Patch: claimer.Patch(r.Claim, r.Revision.UID)})
		}
		switch {
		case !r.Claim.Owned():
		case r.Current:
			current = append(current, r.Revision)
			if keep.Revision == nil || r.Revision.Revision > keep.Revision.Revision {
				keep = r
			}
		default:
			labelled := labelledRevision(r, names.RevisionHashLabel)
			plan.Old = append(plan.Old, labelled)
			if labelled != r.Revision {
				plan.Label = append(plan.Label, labelled)
			}
		}
	}
	slices.SortFunc(plan.Old, revision.Compare)
	next := saturatingNext(plan.Old)
	if keep.Revision == nil {
		if err := plan.create(s, next); err != nil {
			return nil, err
		}
		return plan, nil
	}
	plan.Hash = keep.Hash
	plan.Current = labelledRevision(keep, names.RevisionHashLabel)
	for _, rev := range current {
		if rev != keep.Revision {
			plan.Duplicates = append(plan.Duplicates, rev)
		}
	}
	if plan.Duplicates != nil {
		if err := plan.relabel(s); err != nil {
			return nil, err
		}
	}
	if plan.Current.Revision < next {
		plan.Current = plan.Current.DeepCopy()
		plan.Current.Revision = next
	}
	if plan.Current != keep.Revision {
		plan.Update = plan.Current
	}
	return plan, nil
}

// labelledRevision returns the revision with its hash label: the same object if it has
// one.
func labelledRevision(r daemon.RevisionState, label string) *appsv1.ControllerRevision {
	if _, ok := r.Revision.Labels[label]; ok {
		return r.Revision
	}
	out := r.Revision.DeepCopy()
	metav1.SetMetaDataLabel(&out.ObjectMeta, label, r.Hash)
	return out
}

// create plans a revision for a template that none holds yet
// (snapshot@v1.37.2).
func (p *Plan) create(s *daemon.Snapshot, number int64) error {
	ds := s.DaemonSet()
	data, err := Data(&ds.Spec.Template)
	if err != nil {
		return err
	}
	hash := daemon.TemplateHash(&ds.Spec.Template, ds.Status.CollisionCount)
	names := s.Naming()
	name := names.RevisionName(ds.Name, hash)
	taken, found := slices.BinarySearchFunc(s.Revisions(), name, func(r daemon.RevisionState, name string) int {
		return strings.Compare(r.Revision.Name, name)
	})
	switch {
	case !found:
		p.Create = newRevision(ds, name, number, data)
		metav1.SetMetaDataLabel(&p.Create.ObjectMeta, names.RevisionHashLabel, hash)
		p.Current, p.Hash = p.Create, hash
	case revision.Holds(s.Revisions()[taken].Revision, data):
		// A revision that the DaemonSet does not own holds the template. Upstream uses it.
		p.Current, p.Hash = s.Revisions()[taken].Revision, s.RevisionHash()
	default:
		count := int32(1)
		if ds.Status.CollisionCount != nil {
			count = max(*ds.Status.CollisionCount, *ds.Status.CollisionCount+1) // It does not wrap.
		}
		p.CollisionCount = &count
	}
	return nil
}

func newRevision(ds *appsv1.DaemonSet, name string, number int64, data []byte) *appsv1.ControllerRevision {
	id, _ := owner.Of(ds) // NewClaimer has made sure that it has a kind.
	return &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name:            name,
			Namespace:       ds.Namespace,
			Labels:          maps.Clone(ds.Spec.Template.Labels),
			Annotations:     maps.Clone(ds.Annotations),
			OwnerReferences: []metav1.OwnerReference{id.Reference()},
		},
		Data:     runtime.RawExtension{Raw: data},
		Revision: number,
	}
}

// relabel gives the DaemonSet's pods the hash that stays
// (dedupCurHistories@v1.37.2).
func (p *Plan) relabel(s *daemon.Snapshot) error {
	label := s.Naming().RevisionHashLabel
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": map[string]string{label: p.Hash}}})
	if err != nil {
		return fmt.Errorf("marshal label patch: %w", err)
	}
	add := func(pod *corev1.Pod) {
		if pod.Labels[label] != p.Hash {
			p.Relabel = append(p.Relabel, PodRelabel{Pod: pod, Patch: bytes.Clone(patch)})
		}
	}
	for i := range s.Nodes() {
		for _, state := range s.Nodes()[i].Pods {
			add(state.Pod)
		}
	}
	for _, u := range s.Uncounted() {
		add(u.Pod)
	}
	slices.SortFunc(p.Relabel, func(a, b PodRelabel) int { return strings.Compare(a.Pod.Name, b.Pod.Name) })
	return nil
}

// saturatingNext returns the number above all given ones.
func saturatingNext(revisions []*appsv1.ControllerRevision) int64 {
	var n int64
	for _, rev := range revisions {
		n = max(n, rev.Revision)
	}
	if n == math.MaxInt64 {
		return n
	}
	return n + 1
}

// Empty reports whether the plan writes nothing.
func (p *Plan) Empty() bool {
	return p == nil || len(p.Claims) == 0 && len(p.Label) == 0 && p.Create == nil && len(p.Relabel) == 0 &&
		len(p.Duplicates) == 0 && p.Update == nil && p.CollisionCount == nil
}

// String lists the writes, one on each line, or returns "nothing to do".
func (p *Plan) String() string {
	if p.Empty() {
		return "nothing to do"
	}
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, c := range p.Claims {
		add("%v revision %s", c.Claim, revisionName(c.Revision))
	}
	for _, rev := range p.Label {
		add("label revision %s", revisionName(rev))
	}
	if p.Create != nil {
		add("create %s", revision.Text(p.Create))
	}
	for _, r := range p.Relabel {
		add("relabel pod %s to %s", podName(r.Pod), p.Hash)
	}
	for _, rev := range p.Duplicates {
		add("delete %s: duplicate of %s", revision.Text(rev), revisionName(p.Current))
	}
	if p.Update != nil {
		add("update revision %s to number %d, hash %s", p.Update.Name, p.Update.Revision, p.Hash)
	}
	if p.CollisionCount != nil {
		add("set collision count to %d", *p.CollisionCount)
	}
	return strings.Join(lines, "\n")
}

func revisionName(rev *appsv1.ControllerRevision) string {
	if rev == nil {
		return "<nil>"
	}
	return rev.Name
}

func podName(pod *corev1.Pod) string {
	if pod == nil {
		return "<nil>"
	}
	return pod.Name
}
