package simulate

import (
	"cmp"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/diff"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/owner"
	"github.com/pernode/daemonset/placement"
)

// Versions are two versions of manifests, and the nodes of the cluster that they are for. For a
// resource of your own, map both versions to DaemonSets. BurstReplicas of daemon.Input is not here,
// because it has no effect on a judgment: what the burst limit puts off is written by the next pass
// at the same moment, so that only End.Passes is larger.
type Versions struct {
	// Nodes are all nodes of the cluster.
	Nodes []*corev1.Node
	// Old and New are the DaemonSets before and after the change. One of a namespace and name
	// that only New has is new, and one that only Old has is removed. Without a namespace they
	// are in "default", as kubectl takes them unless its context has another one: a version
	// without a namespace and one in "default" are the same DaemonSet.
	Old, New []*appsv1.DaemonSet
	// Placement are the feature gates of placement, as in daemon.Input.
	Placement placement.Options
	// Naming are the labels of the pods and the names of revisions, as in daemon.Input. A template
	// may refer to its labels: matchLabelKeys of a podAntiAffinity let a surge pass.
	Naming daemon.Naming
}

// JudgedChange is what happens to one DaemonSet between two versions.
type JudgedChange struct {
	// Old and New are the DaemonSet in both versions: the objects that were passed in, read-only.
	// One of them may be nil.
	Old, New *appsv1.DaemonSet
	// OldRefused is why the API server refuses Old, as in Impact.Refused. Old was never stored
	// then, and New is a new DaemonSet. It is nil if Old is valid or nil.
	OldRefused field.ErrorList
	// Judgment says whether the change may be made. It is nil in the zero JudgedChange only.
	Judgment *Judgment
}

// daemonSet returns New, or Old if New is nil. An empty namespace is filled in. It returns nil if
// both are nil.
func (c *JudgedChange) daemonSet() *appsv1.DaemonSet { return inNamespace(cmp.Or(c.New, c.Old)) }

// inNamespace returns a DaemonSet with the namespace in which kubectl creates it.
func inNamespace(ds *appsv1.DaemonSet) *appsv1.DaemonSet {
	if ds == nil || ds.Namespace != "" {
		return ds
	}
	out := *ds
	out.Namespace = metav1.NamespaceDefault
	return &out
}

func nameOf(ds *appsv1.DaemonSet) types.NamespacedName {
	return types.NamespacedName{Namespace: cmp.Or(ds.Namespace, metav1.NamespaceDefault), Name: ds.Name}
}

// OK reports whether there are no risks, as Judgment.OK does.
func (c JudgedChange) OK() bool { return c.Judgment.OK() }

// String returns the namespace and name, the Judgment, and a line for each error of OldRefused.
func (c JudgedChange) String() string {
	text := c.Judgment.String()
	if ds := c.daemonSet(); ds != nil {
		text = nameOf(ds).String() + ": " + text
	}
	for _, err := range c.OldRefused {
		if err != nil {
			text += "\nthe API server refuses the old version: " + err.Error()
		}
	}
	return text
}

// JudgeVersions answers whether a change of manifests may be merged. Of the cluster it needs the
// nodes only. It applies the old DaemonSets to a Cluster and settles it. Then it makes all changes at
// one moment, as a merge does, and settles the Cluster again. Each DaemonSet that changes has a
// Judgment. All of it is what Judge returns on the first settled cluster, except for the End, which
// is that of the rollout of all changes together.
//
// So of two DaemonSets that grow and do not fit on a node together, one stalls there. Because no pod
// is preempted (rule 4), that may be the one of the higher priority, if a pod of the other has the
// room already; see End.MayPreempt. One that grows while another shrinks waits until there is room. A
// renamed DaemonSet is one that is removed and one that is new: a new pod that needs the port or the
// room of an old one waits until the old one has terminated. DaemonSets that do not change run on.
// One that the API server refuses stays as it was.
//
// The result is ordered by namespace and name. DaemonSets that do not change are left out: those
// for which WhatIf returns NoChange, and those that the API server refuses in Old and that are not
// in New, or are the same there. The other DaemonSets that lint.Check gets are New and
// check.OtherDaemonSets. List there only those that no manifest has: the rest are left out.
//
// Old pods have been ready for the largest minReadySeconds of both versions. DaemonSets that are
// new or that the API server refuses do not count for that. What an API server writes when it
// creates an object is ignored, so that a copy of a stored object can be compared with a manifest:
// the status, UID, resource version, generation, and the timestamps of creation and deletion.
//
// opts are those of Judge. Until the changes are made, only PodTimes, Overlook and PodName hold:
// WatchPods does not see the old rollouts, and Policy and CanaryTrial do not restrict them. From
// then on all of opts hold for all DaemonSets. Rollouts go well unless opts or the objects say
// otherwise: nobody knows whether a new image can be pulled. To ask what happens if the new version
// never starts, let PodTimes look at the pod's image; otherwise the old pods never start either.
//
// Nothing passed in is changed; the result refers to it, read-only. A DaemonSet that the API server
// refuses is not an error: Impact.Refused says why. For a JudgedChange c of manifests that were read,
// manifest.Objects.Locate(c.New, c.Judgment.Impact.Refused) gives file and line, and drops errors
// that only follow from others. JudgeVersions fails with a *field.Error on a DaemonSet that is nil,
// has no name, has the name of another one of its list, has only one of API version and kind, or has
// another kind in the other version, and if there are DaemonSets and no nodes. It also fails if
// NewCluster, Cluster.Apply, Cluster.Delete, Cluster.Settle, Cluster.Advance, WhatIf or lint.Check
// fails.
//
// The cost is that of Cluster.Settle with all old DaemonSets, of Cluster.Advance by that
// minReadySeconds, in which pods that crash go on crashing, of Cluster.Settle with all new DaemonSets,
// and of WhatIf and lint.Check for each one that changes, with the pods of all.
func JudgeVersions(v Versions, opts Options, check lint.Options) ([]JudgedChange, error) {
	changes, err := v.changes()
	switch {
	case err != nil:
		return nil, err
	case len(changes) > 0 && len(v.Nodes) == 0:
		return nil, field.Required(field.NewPath("nodes"), "no rollout can be judged without them")
	}
	others, err := v.others(check.OtherDaemonSets)
	if err != nil {
		return nil, err
	}
	c, err := v.settled(changes, opts)
	if err != nil {
		return nil, err
	}
	if changes, err = c.differing(changes); err != nil {
		return nil, err
	}
	for _, ds := range v.New {
		others = append(others, inNamespace(ds))
	}
	check.OtherDaemonSets = others
	whatIfs, err := c.whatIfs(changes, opts)
	if err != nil {
		return nil, err
	}
	c.Options = opts
	ends, err := c.merge(whatIfs)
	if err != nil {
		return nil, err
	}
	for i := range changes {
		change := &changes[i]
		if change.Judgment, err = whatIfs[i].judge(ends[nameOf(change.daemonSet())], check); err != nil {
			return nil, setError(change.daemonSet(), err)
		}
	}
	return changes, nil
}

// whatIfs returns what each change would do to the cluster.
func (c *Cluster) whatIfs(changes []JudgedChange, opts Options) ([]*whatIf, error) {
	nodes, pods := slices.Clip(c.listNodes()), slices.Clip(c.listPods())
	var out []*whatIf
	for i := range changes {
		in := c.inputOf(changes[i].daemonSet())
		in.Nodes, in.Pods = nodes, pods
		w, err := newWhatIf(in, changes[i].proposal(), opts)
		if err != nil {
			return nil, setError(changes[i].daemonSet(), err)
		}
		out = append(out, w)
	}
	return out, nil
}

// merge makes at one moment all changes that the API server does not refuse, and returns the End of
// each DaemonSet that changes and stays.
func (c *Cluster) merge(whatIfs []*whatIf) (map[types.NamespacedName]*End, error) {
	ends := map[types.NamespacedName]*End{}
	for _, w := range whatIfs {
		var err error
		switch ds := w.after.DaemonSet; {
		case w.rollsOut():
			ends[nameOf(ds)] = nil
			err = c.Apply(ds)
		case w.impact.Rollout == RolloutRemoved:
			err = c.Delete(w.before.DaemonSet)
		}
		if err != nil {
			return nil, err
		}
	}
	for pass, err := range c.Run() {
		if err != nil {
			return nil, err
		}
		if _, ok := ends[nameOf(pass.DaemonSet)]; ok && pass.End != nil {
			ends[nameOf(pass.DaemonSet)] = pass.End
		}
	}
	return ends, nil
}

// changes pairs the versions of each DaemonSet, ordered by namespace and name.
func (v Versions) changes() ([]JudgedChange, error) {
	var changes []JudgedChange
	at := map[types.NamespacedName]int{}
	var kinds []owner.Identity // of changes
	pair := func(list string, sets []*appsv1.DaemonSet, version func(*JudgedChange) **appsv1.DaemonSet) error {
		for i, ds := range sets {
			if ds == nil || ds.Name == "" {
				return unusable(list, i, ds)
			}
			path := field.NewPath(list).Index(i)
			id, err := owner.At(path, ds)
			if err != nil {
				return err
			}
			key := nameOf(ds)
			if _, ok := at[key]; !ok {
				at[key] = len(changes)
				changes, kinds = append(changes, JudgedChange{}), append(kinds, id)
			}
			set := version(&changes[at[key]])
			if *set != nil {
				return unusable(list, i, ds)
			}
			if old := &kinds[at[key]]; !old.SameKindAs(&id) {
				return field.Invalid(path.Child("kind"), id.Kind(), "the old version of that name has the kind "+old.Kind())
			}
			*set = ds
		}
		return nil
	}
	if err := pair("old", v.Old, func(c *JudgedChange) **appsv1.DaemonSet { return &c.Old }); err != nil {
		return nil, err
	}
	if err := pair("new", v.New, func(c *JudgedChange) **appsv1.DaemonSet { return &c.New }); err != nil {
		return nil, err
	}
	slices.SortFunc(changes, func(a, b JudgedChange) int {
		x, y := a.daemonSet(), b.daemonSet()
		return cmp.Or(cmp.Compare(x.Namespace, y.Namespace), cmp.Compare(x.Name, y.Name))
	})
	return changes, nil
}

// others returns those DaemonSets of a list that neither version has.
func (v Versions) others(list []*appsv1.DaemonSet) ([]*appsv1.DaemonSet, error) {
	ours, seen := map[types.NamespacedName]bool{}, map[types.NamespacedName]bool{}
	for _, ds := range slices.Concat(v.Old, v.New) {
		ours[nameOf(ds)] = true
	}
	var out []*appsv1.DaemonSet
	for i, ds := range list {
		if ds == nil || ds.Name == "" || seen[nameOf(ds)] {
			return nil, unusable("otherDaemonSets", i, ds)
		}
		seen[nameOf(ds)] = true
		if !ours[nameOf(ds)] {
			out = append(out, inNamespace(ds))
		}
	}
	return out, nil
}

// settled returns a cluster on which the old versions are rolled out, and notes which of them
// the API server refuses.
func (v Versions) settled(changes []JudgedChange, opts Options) (*Cluster, error) {
	c, err := NewCluster(daemon.Input{Nodes: v.Nodes, Placement: v.Placement, Naming: v.Naming}, Options{PodTimes: opts.PodTimes, Overlook: opts.Overlook, PodName: opts.PodName})
	if err != nil {
		return nil, err
	}
	for i := range changes {
		change := &changes[i]
		if change.Old == nil {
			continue
		}
		full := withDefaults(created(inNamespace(change.Old)))
		change.OldRefused = append(daemon.Validate(full), refusedPods(full, nil, c.placement)...)
		if len(change.OldRefused) > 0 {
			continue
		}
		if err := c.Apply(full); err != nil {
			return nil, setError(full, err)
		}
	}
	_, err = c.Settle()
	return c, err
}

// refusedTwice reports whether the API server refuses both versions, which are the same.
func (c *JudgedChange) refusedTwice() bool {
	return len(c.OldRefused) > 0 && c.New != nil && len(diff.DaemonSets(withDefaults(inNamespace(c.Old)), withDefaults(inNamespace(c.New)))) == 0
}

// proposal is the change of a cluster that has the old version.
func (c *JudgedChange) proposal() Proposal {
	if c.New == nil {
		return Proposal{Remove: true}
	}
	return Proposal{DaemonSet: created(inNamespace(c.New))}
}

// differing returns the changes that change a DaemonSet. Then it lets the clock go on until old
// pods have been ready for the minReadySeconds of the new versions.
func (c *Cluster) differing(changes []JudgedChange) ([]JudgedChange, error) {
	var out []JudgedChange
	ready := int32(0)
	for _, change := range changes {
		in := daemon.Input{Now: c.now, Placement: c.placement} // the nodes are the same, and pods and names make no difference
		stored := c.set(change.daemonSet())
		if stored != nil {
			in.DaemonSet = stored.ds
		}
		switch {
		case change.refusedTwice(), change.New == nil && stored == nil:
			continue
		case change.New != nil:
			impact, err := WhatIf(in, change.proposal(), Options{})
			if err != nil {
				return nil, setError(change.New, err)
			}
			if impact.NoChange {
				continue
			}
			if stored != nil && len(impact.Refused) == 0 {
				ready = max(ready, change.New.Spec.MinReadySeconds)
			}
		}
		out = append(out, change)
	}
	return out, c.Advance(time.Duration(ready) * time.Second)
}
