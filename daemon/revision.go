package daemon

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/revision"
)

// RevisionState is one ControllerRevision of the DaemonSet's namespace in a
// Snapshot.
type RevisionState struct {
	// Revision is read-only.
	Revision *appsv1.ControllerRevision
	// Claim is the claim of the DaemonSet on it.
	Claim Claim
	// Current says that it holds the DaemonSet's template, byte for byte apart from white
	// space between the tokens (Match@v1.37.2). Only revisions that the DaemonSet owns are current.
	Current bool
	// Hash is the revision's hash label, or its name if the label is missing, which is
	// what the controller then writes into the label (constructHistory@v1.37.2).
	Hash string
}

// revisions are the ControllerRevisions of a snapshot.
type revisions struct {
	list []RevisionState
	// hash is the hash of the current revision.
	hash string
	// relabel says that several revisions hold the template, so that the pass gives
	// every pod the hash of the one that stays.
	relabel bool
	// compared is how many names were compared. Tests hold it against the number of
	// revisions.
	compared int
}

// observeRevisions finds the current revision. The claimer is that of in.DaemonSet, and
// in.Naming has its defaults.
func observeRevisions(in *Input, claimer *Claimer) (revisions, error) {
	var out revisions
	ds := in.DaemonSet
	if len(in.Revisions) == 0 {
		out.hash = TemplateHash(&ds.Spec.Template, ds.Status.CollisionCount)
		return out, nil
	}
	data, err := revision.Data(&ds.Spec.Template)
	if err != nil {
		return out, err
	}
	out.list = make([]RevisionState, 0, len(in.Revisions))
	for i, rev := range in.Revisions {
		path := field.NewPath("revisions").Index(i)
		if rev == nil {
			return out, field.Required(path, "")
		}
		if rev.Namespace != ds.Namespace {
			if _, err := claimer.object(path, "revision", rev); err != nil {
				return out, err
			}
			continue
		}
		if rev.Name == "" {
			return out, field.Required(path.Child("metadata", "name"), "")
		}
		claim, err := claimer.object(path, "revision", rev)
		if err != nil {
			return out, err
		}
		hash, labelled := rev.Labels[in.Naming.RevisionHashLabel]
		if !labelled {
			hash = rev.Name
		}
		out.list = append(out.list, RevisionState{Revision: rev, Claim: claim, Current: claim.Owned() && revision.Holds(rev, data), Hash: hash})
	}
	if err := out.sort(in); err != nil {
		return out, err
	}
	// The highest number stays; of two with the same number the first by name.
	var current *RevisionState
	for i := range out.list {
		r := &out.list[i]
		if !r.Current {
			continue
		}
		out.relabel = current != nil
		if current == nil || r.Revision.Revision > current.Revision.Revision {
			current = r
		}
	}
	if current != nil {
		out.hash = current.Hash
		return out, nil
	}
	out.hash = TemplateHash(&ds.Spec.Template, ds.Status.CollisionCount)
	if taken := out.named(in.Naming.RevisionName(ds.Name, out.hash)); taken != nil && revision.Holds(taken.Revision, data) {
		// The name is taken by a revision of the same template that the DaemonSet does not
		// own. Upstream uses it with its label (snapshot@v1.37.2).
		out.hash = taken.Revision.Labels[in.Naming.RevisionHashLabel]
	}
	return out, nil
}

// sort orders the list by name. A repeated name is an error.
func (r *revisions) sort(in *Input) error {
	compare := func(a, b RevisionState) int {
		r.compared++
		return strings.Compare(a.Revision.Name, b.Revision.Name)
	}
	slices.SortFunc(r.list, compare)
	for i := range r.list {
		if i == 0 || compare(r.list[i-1], r.list[i]) != 0 {
			continue
		}
		name, seen := r.list[i].Revision.Name, false
		for at, rev := range in.Revisions {
			if rev.Namespace != in.DaemonSet.Namespace || rev.Name != name {
				continue
			}
			if seen {
				return field.Duplicate(field.NewPath("revisions").Index(at).Child("metadata", "name"), name)
			}
			seen = true
		}
	}
	return nil
}

// named returns the revision of the given name, or nil.
func (r *revisions) named(name string) *RevisionState {
	i, ok := slices.BinarySearchFunc(r.list, name, func(r RevisionState, name string) int { return strings.Compare(r.Revision.Name, name) })
	if !ok {
		return nil
	}
	return &r.list[i]
}
