package simulate

import (
	"bytes"
	"fmt"
	"maps"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/diff"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/owner"
	"github.com/pernode/daemonset/internal/taint"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
)

// Proposal is a change that has not been made yet. The zero Proposal changes nothing.
type Proposal struct {
	// DaemonSet is the manifest to apply, or a changed copy of the stored DaemonSet. It takes
	// the place of the stored one, as in an update. These fields come from the stored one:
	// status, generations, the creation timestamp, the deletion of a DaemonSet that is being
	// deleted, and kind, name, namespace and UID if they are empty. A new DaemonSet has
	// generation 1, is created now, has no status, and is not being deleted. nil: the DaemonSet
	// is not changed.
	DaemonSet *appsv1.DaemonSet
	// Remove proposes to delete the DaemonSet and, as kubectl delete does, its pods. DaemonSet
	// must be nil then.
	Remove bool
	// Nodes replace all nodes of the cluster. nil: the nodes are not changed. An empty
	// list that is not nil removes all nodes. A taint with an effect that does not exist, which the
	// API server refuses, is an error.
	Nodes []*corev1.Node
}

// WhatIf returns what a proposal would do to a cluster: what changes in the template and
// whether that starts a rollout, on which nodes pods come and go, and what the first pass
// of the controller writes because of it. Run, given Impact.After, plays the rollout.
//
// Impact.NoChange is set if the proposal changes nothing: for the zero Proposal, for the
// stored DaemonSet itself, and for every manifest from which the API server would store the
// same. A proposal that the API server would refuse is not simulated: the Impact has Refused
// and Template, and all else is zero. WhatIf does not check the rest of in then.
//
// in is the cluster as it is. A DaemonSet that exists and a manifest of its name are one
// proposal: the one is in.DaemonSet, the other proposal.DaemonSet. WhatIf does not look for
// the stored one. in.DaemonSet is nil if the DaemonSet is new. A proposal with another name
// is a change of the name, which the server refuses. Without in.Pods, Impact has no pod
// changes. If there is no cluster to list pods from, settle the old manifest on a Cluster
// first, as JudgeVersions does. Pods that have been ready for less than the minReadySeconds of
// the manifest count as unavailable, and the first pass replaces all of them. After
// Cluster.Settle they have been ready for health.DefaultPatience; if minReadySeconds is more than
// that, Advance the Cluster by it. Without in.Revisions the first pass makes one, and pods
// without its hash are outdated. Templates are compared with the defaults of the API server, so
// that a manifest can be compared with a stored object. If they are the same, that of
// in.DaemonSet stays as it is. If they differ, the new one has all defaults. If in.DaemonSet
// lacks some, in.Revisions is taken to lack them, too. in.BurstReplicas is only passed on. Of
// opts, the Policy and the CanaryTrial are used.
//
// Nothing passed in is changed; the result refers to it, read-only. It fails with a
// *field.Error if there is no DaemonSet on either side, none to remove, or no in.Now: set it to
// when the objects were listed; and if a taint of proposal.Nodes has an effect that does not exist.
// It also fails if rollout.Sync fails, with "without the
// proposal" or "with the proposal" before the error, unless that is about opts or in.Naming.
func WhatIf(in daemon.Input, proposal Proposal, opts Options) (*Impact, error) {
	w, err := newWhatIf(in, proposal, opts)
	if err != nil {
		return nil, err
	}
	return w.impact, nil
}

// newWhatIf makes a WhatIf.
func newWhatIf(in daemon.Input, proposal Proposal, opts Options) (*whatIf, error) {
	switch {
	case in.DaemonSet == nil && (proposal.DaemonSet == nil || proposal.Remove):
		return nil, field.Required(field.NewPath("daemonSet"), "")
	case proposal.Remove && proposal.DaemonSet != nil:
		return nil, field.Forbidden(field.NewPath("proposal", "daemonSet"), "may not be set with remove")
	}
	for i, node := range proposal.Nodes {
		if node == nil {
			continue // the pass refuses it
		}
		if err := taint.CheckEffects(field.NewPath("proposal", "nodes").Index(i).Child("spec", "taints"), node.Spec.Taints); err != nil {
			return nil, err
		}
	}
	if in.Now.IsZero() {
		return nil, field.Required(field.NewPath("now"), "set it to when the objects were listed")
	}
	w := &whatIf{before: in, impact: &Impact{}}
	pass := rollout.Options{Policy: opts.Policy, CanaryTrial: opts.CanaryTrial}
	w.before.BurstReplicas = -1
	if err := completeTemplates(&w.before); err != nil {
		return nil, err
	}
	w.after = w.before
	if proposal.DaemonSet != nil {
		w.propose(proposal.DaemonSet)
	}
	if len(w.impact.Refused) > 0 {
		return w, nil
	}
	if proposal.Nodes != nil {
		w.after.Nodes = proposal.Nodes
	}
	if proposal.Remove {
		return w, w.remove(in, pass)
	}
	var err error
	if w.sameData, err = sameData(w.before.DaemonSet, w.after.DaemonSet); err != nil {
		return nil, err
	}
	w.compareObjects(in.DaemonSet, proposal.DaemonSet)
	w.template = &w.after.DaemonSet.Spec.Template
	if w.sameData {
		w.keepTemplate(in)
	}
	if in.DaemonSet != nil {
		if err := w.passWithout(in, pass); err != nil {
			return nil, err
		}
	}
	if w.with, err = firstPass(w.after, pass); err != nil {
		return nil, sideError("with the proposal", err)
	}
	w.impact.After = w.after
	w.impact.After.BurstReplicas = in.BurstReplicas
	w.countOutdated()
	w.explainRollout()
	w.compareNodes()
	w.comparePasses()
	return w, nil
}

// passWithout makes the first pass without the proposal.
func (w *whatIf) passWithout(in daemon.Input, opts rollout.Options) (err error) {
	in.BurstReplicas = -1
	if w.without, err = firstPass(in, opts); err != nil {
		return sideError("without the proposal", err)
	}
	return nil
}

// sideError names the side that an error is about.
func sideError(side string, err error) error {
	if isOfAll(err) {
		return err
	}
	return fmt.Errorf("%s: %w", side, err)
}

// remove takes the DaemonSet away.
func (w *whatIf) remove(in daemon.Input, opts rollout.Options) error {
	if err := w.passWithout(in, opts); err != nil {
		return err
	}
	w.impact.Rollout = RolloutRemoved
	w.after.DaemonSet = nil
	w.impact.After = w.after
	w.impact.After.BurstReplicas = in.BurstReplicas
	w.compareNodes()
	return nil
}

// whatIf is a WhatIf on its way.
type whatIf struct {
	before, after daemon.Input
	// template is that of after with all defaults.
	template *corev1.PodTemplateSpec
	// with and without are the first passes; with is nil if the DaemonSet is removed, and
	// without if it is new.
	with, without *rollout.Result
	// sameData says that a revision stores the same bytes for both templates.
	sameData bool
	impact   *Impact
}

// completeTemplates gives the DaemonSet its defaults. If the template lacked some, no
// API server has seen the cluster, and the templates of the revisions get theirs, too:
// otherwise they would not match any more.
func completeTemplates(in *daemon.Input) error {
	ds := withDefaults(in.DaemonSet)
	same, err := sameData(in.DaemonSet, ds)
	if ds == nil || err != nil {
		return err
	}
	in.DaemonSet = ds
	if same {
		return nil
	}
	in.Revisions = slices.Clone(in.Revisions)
	for i, rev := range in.Revisions {
		template, err := history.Template(rev)
		if err != nil {
			continue
		}
		defaultTemplate(template)
		if data, err := history.Data(template); err == nil {
			completed := *rev
			completed.Data = runtime.RawExtension{Raw: data}
			in.Revisions[i] = &completed
		}
	}
	return nil
}

// keepTemplate gives the proposed DaemonSet the very template of the given one, which means the
// same, and the revisions of that: hashes and revisions are made of its bytes.
func (w *whatIf) keepTemplate(in daemon.Input) {
	ds := *w.after.DaemonSet
	in.DaemonSet.Spec.Template.DeepCopyInto(&ds.Spec.Template)
	w.after.DaemonSet, w.after.Revisions = &ds, in.Revisions
}

// propose puts the proposed DaemonSet in the place of the stored one, validates it, and
// compares the templates.
func (w *whatIf) propose(ds *appsv1.DaemonSet) {
	old := w.before.DaemonSet
	if old == nil {
		cur := withDefaults(created(ds))
		// Those of in.Pods that have an owner may be of this UID.
		cur.UID, cur.CreationTimestamp = ds.UID, metav1.NewTime(w.before.Now)
		w.after.DaemonSet = cur
		w.impact.Refused = append(daemon.Validate(cur), refusedPods(cur, nil, w.before.Placement)...)
		return
	}
	cur := updated(withDefaults(ds), old)
	if old.DeletionTimestamp != nil {
		// No update takes a deletion back (BeforeUpdate@v0.37.2).
		cur.DeletionTimestamp = old.DeletionTimestamp.DeepCopy()
	}
	if cur.DeletionGracePeriodSeconds == nil {
		cur.DeletionGracePeriodSeconds = old.DeletionGracePeriodSeconds
	}
	w.after.DaemonSet = cur
	w.impact.Template = diff.Templates(&old.Spec.Template, &cur.Spec.Template)
	if old.ResourceVersion == "" {
		// Objects that no server has stored have no versions to compare.
		was, is := *old, *cur
		was.ResourceVersion, is.ResourceVersion = "0", "0"
		old, cur = &was, &is
	}
	w.impact.Refused = append(daemon.ValidateUpdate(cur, old), refusedPods(cur, old, w.before.Placement)...)
}

// created returns a DaemonSet without what an API server does not take from whoever creates it, and
// as generation 1 (daemonSetStrategy.PrepareForCreate@v1.37.2, WipeObjectMetaSystemFields@v0.37.2).
// A resourceVersion, which the API server refuses then, is dropped: dumps have one.
func created(ds *appsv1.DaemonSet) *appsv1.DaemonSet {
	out := *ds
	out.UID, out.ResourceVersion, out.Generation = "", "", 1
	out.CreationTimestamp, out.DeletionTimestamp, out.DeletionGracePeriodSeconds = metav1.Time{}, nil, nil
	out.Status = appsv1.DaemonSetStatus{}
	return &out
}

// firstPass makes the first pass that gets beyond names of revisions which are taken, and
// beyond a history that is not known.
func firstPass(in daemon.Input, opts rollout.Options) (*rollout.Result, error) {
	const tries = 100
	for range tries {
		result, err := rollout.Sync(in, opts)
		if err != nil {
			return nil, err
		}
		switch result.Outcome {
		case rollout.OutcomeCollision:
			ds := *in.DaemonSet
			ds.Status = *result.Status
			in.DaemonSet = &ds
		case rollout.OutcomeNoHistory:
			// The update begins in the pass after the one that creates the revision.
			in.Revisions = []*appsv1.ControllerRevision{result.Revisions.Create}
			next, err := rollout.Sync(in, opts)
			if err != nil {
				return nil, err
			}
			next.Revisions = result.Revisions
			return next, nil
		default:
			return result, nil
		}
	}
	return rollout.Sync(in, opts)
}

// sameData reports whether revisions of both DaemonSets hold the same bytes. It is false
// if was is nil.
func sameData(was, is *appsv1.DaemonSet) (bool, error) {
	if was == nil {
		return false, nil
	}
	old, err := history.Data(&was.Spec.Template)
	if err != nil {
		return false, err
	}
	cur, err := history.Data(&is.Spec.Template)
	return bytes.Equal(old, cur), err
}

// compareObjects finds out whether the proposal changes anything.
func (w *whatIf) compareObjects(stored, proposed *appsv1.DaemonSet) {
	if stored == nil {
		return
	}
	cur := *w.after.DaemonSet
	cur.Spec.Template = w.before.DaemonSet.Spec.Template
	w.impact.OtherFields = diff.DaemonSets(w.before.DaemonSet, &cur)
	if !w.sameDaemonSet() {
		return
	}
	w.impact.NoChange = sameNodes(w.before.Nodes, w.after.Nodes)
	if proposed != nil {
		// A default that only the stored object has may come from the server.
		w.impact.OnlyDefaults = slices.ContainsFunc(diff.DaemonSets(stored, proposed), func(c diff.Change) bool { return c.Op == diff.OpAdd })
	}
}

// sameDaemonSet reports whether the DaemonSet is the same on both sides, its defaults
// filled in.
func (w *whatIf) sameDaemonSet() bool {
	old, cur := w.before.DaemonSet, w.after.DaemonSet
	if old == cur {
		return true
	}
	was, err := owner.Of(old)
	if err != nil {
		return false
	}
	is, err := owner.Of(cur)
	return err == nil && was.SameKindAs(&is) && w.sameData &&
		old.DeletionTimestamp.Equal(cur.DeletionTimestamp) && len(diff.DaemonSets(old, cur)) == 0
}

// sameNodes reports whether two lists have the same nodes in any order. What the API
// server alone counts up does not matter.
func sameNodes(old, cur []*corev1.Node) bool {
	if len(old) != len(cur) {
		return false
	}
	if len(old) == 0 || &old[0] == &cur[0] {
		return true
	}
	nodes := make(map[string]*corev1.Node, len(old))
	for _, node := range old {
		if node != nil {
			nodes[node.Name] = node
		}
	}
	for _, node := range cur {
		if node == nil || nodes[node.Name] == nil || !sameNode(nodes[node.Name], node) {
			return false
		}
		delete(nodes, node.Name)
	}
	return true
}

func sameNode(old, cur *corev1.Node) bool {
	if old == cur {
		return true
	}
	was, is := *old, *cur
	for _, node := range []*corev1.Node{&was, &is} {
		node.TypeMeta, node.ResourceVersion, node.ManagedFields = metav1.TypeMeta{}, "", nil
	}
	return equality.Semantic.DeepEqual(was, is)
}

// explainRollout finds out whether a rollout starts.
func (w *whatIf) explainRollout() {
	i, plan := w.impact, w.with.Revisions
	if plan == nil || plan.Current == nil {
		i.Rollout = RolloutIgnored
		return
	}
	i.Rollout, i.Revision = RolloutNone, plan.Current.Revision
	switch {
	case w.without == nil:
		i.Rollout = RolloutFirst
	case plan.Create != nil && len(plan.Old) > 0:
		i.Rollout = RolloutNewTemplate
		if newest, err := history.Template(plan.Old[len(plan.Old)-1]); err == nil {
			defaultTemplate(newest)
			w.checkSpelling(diff.Templates(newest, w.template))
		}
	case plan.Create != nil && !w.sameData:
		// No revision is known: the template before stands for it.
		i.Rollout = RolloutNewTemplate
		w.checkSpelling(i.Template)
	case plan.Create != nil && i.Outdated > 0:
		// No revision is known, and the pods are of another template.
		i.Rollout = RolloutNewTemplate
	case plan.Update != nil:
		for _, rev := range w.after.Revisions {
			if rev.Name == plan.Update.Name && rev.Namespace == plan.Update.Namespace && rev.Revision < plan.Update.Revision {
				i.Rollout, i.OldRevision = RolloutOldTemplate, rev.Revision
			}
		}
	}
	i.AlreadyDue = w.sameData && i.Rollout != RolloutNone
}

func (w *whatIf) checkSpelling(changes diff.Changes) {
	if len(changes) == 0 {
		w.impact.Rollout = RolloutSameTemplate
	}
}

// compareNodes decides every node on both sides.
func (w *whatIf) compareNodes() {
	type sides struct{ before, after *corev1.Node }
	nodes := make(map[string]sides, len(w.after.Nodes))
	// If the controller ignores the DaemonSet, no pass has checked the lists.
	for _, node := range w.before.Nodes {
		if node != nil {
			nodes[node.Name] = sides{before: node}
		}
	}
	for _, node := range w.after.Nodes {
		if node != nil {
			n := nodes[node.Name]
			n.after = node
			nodes[node.Name] = n
		}
	}
	pods := make(map[string]bool)
	if w.without != nil {
		for _, n := range w.without.Snapshot.Nodes() {
			if len(n.Pods) > 0 {
				pods[n.Name] = true
				known := nodes[n.Name] // zero for a node that does not exist
				nodes[n.Name] = known
			}
		}
	}
	before, after := matcher(w.before), matcher(w.after)
	w.impact.Nodes = make([]NodeImpact, 0, len(nodes))
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		n := nodes[name]
		impact := NodeImpact{Node: name, Before: decide(before, n.before), After: decide(after, n.after)}
		impact.Effect = NodeUnchanged
		if w.impact.Rollout != RolloutIgnored {
			impact.Effect = impact.effect(pods[name])
		}
		switch {
		case impact.Effect == NodeUnchanged:
		case impact.Effect == NodeGained && before != nil:
			impact.Explanation = before.Explain(n.before)
		case impact.Effect == NodeRemoved:
			impact.Explanation = before.Explain(nil)
		case impact.Effect != NodeGained && after != nil:
			impact.Explanation = after.Explain(n.after)
		}
		w.impact.Nodes = append(w.impact.Nodes, impact)
	}
}

// matcher returns the placement of the DaemonSet, or nil without a DaemonSet.
func matcher(in daemon.Input) *placement.Matcher {
	if in.DaemonSet == nil {
		return nil
	}
	return placement.Compile(&in.DaemonSet.Spec.Template, in.Placement)
}

func decide(m *placement.Matcher, node *corev1.Node) placement.Decision {
	switch {
	case m != nil:
		return m.Decide(node)
	case node == nil:
		return placement.Decision{Reason: placement.ReasonNoNode}
	}
	return placement.Decision{}
}

func (n *NodeImpact) effect(hasPods bool) NodeEffect {
	had := n.Before.Run || n.Before.Keep && hasPods
	switch {
	case n.After.Run && n.Before.Run:
		return NodeUnchanged
	case n.After.Run:
		return NodeGained
	case n.After.Keep && n.Before.Run:
		return NodeKeepsPod
	case n.After.Keep, !had:
		return NodeUnchanged
	case n.After.Reason == placement.ReasonNoNode:
		return NodeRemoved
	}
	return NodeLost
}

// comparePasses takes what the first pass does because of the proposal.
func (w *whatIf) comparePasses() {
	type podOn struct{ node, pod string }
	anyway := make(map[podOn]bool)
	if w.without != nil {
		for _, d := range w.without.Plan.Delete {
			anyway[podOn{d.Node, d.Pod.Name}] = true
		}
		for _, c := range w.without.Plan.Create {
			anyway[podOn{node: c.Node}] = true
		}
	}
	i := w.impact
	for _, d := range w.with.Plan.Delete {
		if !anyway[podOn{d.Node, d.Pod.Name}] {
			i.Delete = append(i.Delete, d)
		}
	}
	for _, c := range w.with.Plan.Create {
		if !anyway[podOn{node: c.Node}] {
			i.Create = append(i.Create, c)
		}
	}
}

// countOutdated counts the live pods that are of another template.
func (w *whatIf) countOutdated() {
	for _, n := range w.with.Snapshot.Nodes() {
		for k := range n.Pods {
			if isOutdated(n.Pods[k]) {
				w.impact.Outdated++
			}
		}
	}
}
