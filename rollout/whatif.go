package rollout

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/diff"
	"github.com/pernode/daemonset/placement"
)

// Proposal is a change to a cluster that nobody has made yet. The zero Proposal
// changes nothing.
type Proposal struct {
	// DaemonSet is the DaemonSet as it is to be: a manifest, or a changed copy of
	// the one that there is. It replaces that one as an update would. What a client
	// cannot change comes from the one that there is: status, generations, creation
	// time, and, where they are left empty, name, namespace and UID. nil: the
	// DaemonSet stays as it is.
	DaemonSet *appsv1.DaemonSet
	// Nodes are all nodes of the cluster as they are to be, in any order. nil: they
	// stay as they are; empty, but not nil: there are none.
	Nodes []*corev1.Node
}

// Impact is what a proposal would do.
type Impact struct {
	// Refused is what the API server would refuse the DaemonSet for, as
	// daemon.ValidateUpdate, or daemon.Validate for a new one, finds it. nil where
	// it would not. The rest of the Impact is told all the same.
	Refused field.ErrorList
	// Nodes are all nodes of before and after, ordered by name, each with the
	// decision about it on either side.
	Nodes []NodeImpact
	// Written is what differs between the pod templates as they were passed in, and
	// Template what differs once the API server has filled in the defaults of both.
	// What is in Written alone is a default that one side writes out.
	Written, Template diff.Changes
	// SameData says that a revision stores the same bytes for either template.
	SameData bool
	// Start says whether a rollout starts, and Revision is the number of the
	// revision it leads to.
	Start RolloutStart
	// Revision is zero where the first pass does not get that far.
	Revision int64
	// Anyway says that the same rollout starts without the proposal.
	Anyway bool
	// Outdated is how many pods are then of an older template, those of an
	// unfinished rollout among them. Pods that are being deleted, have failed or
	// have succeeded do not count.
	Outdated int
	// Delete are the pods that the first pass deletes because of the proposal,
	// ordered as in daemon.Plan.
	Delete []daemon.Delete
	// Create are the pods that the first pass creates because of the proposal,
	// ordered as in daemon.Plan.
	Create []daemon.Create
	// With is the first pass with the proposal, and Without the one that would be
	// made without it, both without a burst limit. Without is nil where the
	// DaemonSet is new.
	With, Without *Result
	// After is the cluster with the proposal and before any pass, for Steps to
	// begin from. It shares everything but the DaemonSet with the arguments.
	After Input
}

// NodeImpact is one node before and after.
type NodeImpact struct {
	// Node is the node's name.
	Node string
	// Effect is what the proposal does to it.
	Effect NodeEffect
	// Before and After explain the decisions. Their Reason is placement.ReasonNoNode
	// where the node does not exist, and placement.ReasonUnknown on the side where
	// there is no DaemonSet.
	Before, After placement.Explanation
	// Pods are the DaemonSet's pods there, as in daemon.NodeState. Read-only.
	Pods []daemon.PodState
}

// NodeEffect says what a change does to a node.
type NodeEffect int

const (
	// NodeUnchanged: the node runs a pod on both sides, or on neither.
	NodeUnchanged NodeEffect = iota + 1
	// NodeGained: it runs a pod now.
	NodeGained
	// NodeLost: it runs none any more, and the pods there are deleted.
	NodeLost
	// NodeKept: it runs none any more, but a pod that is there stays. When that
	// ends, for instance because a rollout deletes it, none comes back.
	NodeKept
	// NodeRemoved: it ran a pod or has one, and does not exist any more. What is
	// bound to it is left to pod garbage collection.
	NodeRemoved
)

// String returns "unchanged", "gained", "lost", "kept" or "removed".
func (e NodeEffect) String() string {
	switch e {
	case NodeUnchanged:
		return "unchanged"
	case NodeGained:
		return "gained"
	case NodeLost:
		return "lost"
	case NodeKept:
		return "kept"
	case NodeRemoved:
		return "removed"
	}
	return fmt.Sprintf("NodeEffect(%d)", int(e))
}

// RolloutStart says whether and why a rollout starts. What decides are the bytes
// that the newest revision stores, not what they mean.
type RolloutStart int

const (
	// StartNone: the newest revision holds the template.
	StartNone RolloutStart = iota + 1
	// StartNew: no revision holds the template; it gets a new one.
	StartNew
	// StartBack: an older revision holds it, and becomes the newest again.
	StartBack
	// StartSpelling: no revision holds it as it is spelt, although it means the
	// same as before.
	StartSpelling
)

// String returns "none", "new", "back" or "spelling".
func (s RolloutStart) String() string {
	switch s {
	case StartNone:
		return "none"
	case StartNew:
		return "new"
	case StartBack:
		return "back"
	case StartSpelling:
		return "spelling"
	}
	return fmt.Sprintf("RolloutStart(%d)", int(s))
}

// WhatIf says what a proposal would do to a cluster: on which nodes pods come and
// go, what changes in the template, whether that starts a rollout, and what the
// first pass of the controller would write. Impact.Rollout tells how it goes on and
// ends.
//
// in is the cluster as it is. in.DaemonSet is nil where the DaemonSet is new;
// without in.Pods nothing is known about pods, and without in.Revisions the
// templates alone decide about a rollout. Both DaemonSets are completed with the
// API server's defaults, so that a manifest can be compared with what a server
// returned; where in.DaemonSet lacks some, so are the templates in in.Revisions.
// in.AwaitingWrites is not looked at, and in.BurstReplicas is only passed on.
//
// Nothing passed in is changed; the result refers to it. It fails with a
// *field.Error where there is no DaemonSet on either side, and for what Sync fails
// for, on the side that the error names.
func WhatIf(in Input, proposal Proposal) (*Impact, error) {
	if in.DaemonSet == nil && proposal.DaemonSet == nil {
		return nil, field.Required(field.NewPath("daemonSet"), "")
	}
	written, burst := in.DaemonSet, in.BurstReplicas
	in.BurstReplicas, in.AwaitingWrites = -1, false
	if err := complete(&in); err != nil {
		return nil, err
	}
	before, after := in, in
	i := &Impact{}
	if proposal.DaemonSet != nil {
		after.DaemonSet = asStored(proposal.DaemonSet)
		i.Refused = refused(before.DaemonSet, &after.DaemonSet)
	}
	if proposal.Nodes != nil {
		after.Nodes = proposal.Nodes
	}
	var err error
	if in.DaemonSet != nil {
		if i.Without, err = syncNamed(before); err != nil {
			return nil, fmt.Errorf("without the proposal: %w", err)
		}
	}
	if i.With, err = syncNamed(after); err != nil {
		return nil, fmt.Errorf("with the proposal: %w", err)
	}
	i.After = after
	i.After.BurstReplicas = burst

	i.Nodes = compareNodes(before, after, i.podsByNode())
	if proposal.DaemonSet != nil && in.DaemonSet != nil {
		i.Written = diff.Templates(&written.Spec.Template, &proposal.DaemonSet.Spec.Template)
		i.Template = diff.Templates(&before.DaemonSet.Spec.Template, &after.DaemonSet.Spec.Template)
	}
	if i.SameData, err = sameData(before.DaemonSet, after.DaemonSet); err != nil {
		return nil, err
	}
	i.start()
	i.compareFirst()
	return i, nil
}

// Rollout plays what the proposal starts to its end in a world, and returns the
// end: whether it gets there, when, after how many passes, and how low availability
// gets. It fails for what Steps fails for. Steps, given After, yields the passes.
func (i *Impact) Rollout(world World) (*End, error) {
	var end *End
	for pass, err := range Steps(i.After, world) {
		if err != nil {
			return nil, err
		}
		end = pass.End
	}
	return end, nil
}

// complete gives the DaemonSet its defaults. Where the template lacked some, the
// cluster is one that no API server has seen, and the revisions' templates get
// theirs too: they would not match any more.
func complete(in *Input) error {
	ds := asStored(in.DaemonSet)
	same, err := sameData(in.DaemonSet, ds)
	if ds == nil || err != nil {
		return err
	}
	in.DaemonSet = ds
	if same {
		return nil
	}
	in.Revisions = slices.Clone(in.Revisions)
	for k, rev := range in.Revisions {
		template, err := RevisionTemplate(rev)
		if err != nil {
			continue
		}
		defaultTemplate(template)
		if data, err := RevisionData(template); err == nil {
			completed := *rev
			completed.Data = runtime.RawExtension{Raw: data}
			in.Revisions[k] = &completed
		}
	}
	return nil
}

// refused validates the update, or the new DaemonSet, and completes it with what
// the old one has.
func refused(old *appsv1.DaemonSet, cur **appsv1.DaemonSet) field.ErrorList {
	if old == nil {
		(*cur).Generation = max(1, (*cur).Generation)
		return daemon.Validate(*cur)
	}
	*cur = asUpdated(*cur, old)
	if old.ResourceVersion != "" {
		return daemon.ValidateUpdate(*cur, old)
	}
	// Objects that no server has seen have no version to compare.
	was, is := *old, **cur
	was.ResourceVersion, is.ResourceVersion = "0", "0"
	return daemon.ValidateUpdate(&is, &was)
}

// syncNamed makes the first pass that gets beyond names of revisions which are
// taken.
func syncNamed(in Input) (*Result, error) {
	for range 100 {
		result, err := Sync(in)
		if err != nil {
			return nil, err
		}
		if result.Outcome != OutcomeCollision {
			return result, nil
		}
		ds := *in.DaemonSet
		ds.Status = *result.Status
		in.DaemonSet = &ds
	}
	return Sync(in)
}

// podsByNode returns the pods that there are.
func (i *Impact) podsByNode() map[string][]daemon.PodState {
	pods := make(map[string][]daemon.PodState)
	if i.Without == nil || i.Without.Snapshot == nil {
		return pods
	}
	for _, n := range i.Without.Snapshot.Nodes() {
		if len(n.Pods) > 0 {
			pods[n.Name] = n.Pods
		}
	}
	return pods
}

// compareNodes decides every node for both sides.
func compareNodes(before, after Input, pods map[string][]daemon.PodState) []NodeImpact {
	decideBefore, decideAfter := decider(before), decider(after)
	nodes := make(map[string]*NodeImpact, len(after.Nodes))
	at := func(name string) *NodeImpact {
		n := nodes[name]
		if n == nil {
			n = &NodeImpact{Node: name, Before: decideBefore(nil), After: decideAfter(nil), Pods: pods[name]}
			nodes[name] = n
		}
		return n
	}
	for _, node := range before.Nodes {
		if node != nil {
			at(node.Name).Before = decideBefore(node)
		}
	}
	for _, node := range after.Nodes {
		if node != nil {
			at(node.Name).After = decideAfter(node)
		}
	}
	for name := range pods {
		at(name)
	}
	out := make([]NodeImpact, 0, len(nodes))
	for _, name := range slices.Sorted(maps.Keys(nodes)) {
		n := nodes[name]
		n.Effect = n.effect()
		out = append(out, *n)
	}
	return out
}

// decider explains nodes, or leaves them undecided where there is no DaemonSet.
func decider(in Input) func(*corev1.Node) placement.Explanation {
	if in.DaemonSet == nil {
		return func(*corev1.Node) placement.Explanation { return placement.Explanation{} }
	}
	return placement.Compile(&in.DaemonSet.Spec.Template, in.Placement).Explain
}

func (n *NodeImpact) effect() NodeEffect {
	had := n.Before.Run || n.Before.Keep && len(n.Pods) > 0
	switch {
	case n.After.Run && n.Before.Run:
		return NodeUnchanged
	case n.After.Run:
		return NodeGained
	case n.After.Keep && n.Before.Run:
		return NodeKept
	case n.After.Keep, !had:
		return NodeUnchanged
	case n.After.Reason == placement.ReasonNoNode:
		return NodeRemoved
	}
	return NodeLost
}

func sameData(before, after *appsv1.DaemonSet) (bool, error) {
	if before == nil {
		return false, nil
	}
	was, err := RevisionData(&before.Spec.Template)
	if err != nil {
		return false, err
	}
	is, err := RevisionData(&after.Spec.Template)
	return bytes.Equal(was, is), err
}

// start finds out whether a rollout starts.
func (i *Impact) start() {
	plan := i.With.Revisions
	if plan == nil || plan.Current == nil {
		return
	}
	i.Start, i.Revision = StartNone, plan.Current.Revision
	switch {
	case plan.Create != nil && len(plan.Old) > 0:
		i.Start = StartNew
		if newest, err := RevisionTemplate(plan.Old[len(plan.Old)-1]); err == nil {
			defaultTemplate(newest)
			i.respelt(diff.Templates(newest, &i.After.DaemonSet.Spec.Template))
		}
	case plan.Create != nil && !i.SameData:
		// No revision is known, so that the template before stands for it.
		i.Start = StartNew
		if i.Without != nil {
			i.respelt(i.Template)
		}
	case plan.Update != nil && slices.ContainsFunc(i.After.Revisions, func(rev *appsv1.ControllerRevision) bool {
		return rev.Name == plan.Update.Name && rev.Namespace == plan.Update.Namespace && rev.Revision < plan.Update.Revision
	}):
		i.Start = StartBack
	}
	i.Anyway = i.SameData && i.Start != StartNone
}

func (i *Impact) respelt(changes diff.Changes) {
	if len(changes) == 0 {
		i.Start = StartSpelling
	}
}

// compareFirst takes what the first pass does because of the proposal.
func (i *Impact) compareFirst() {
	type podOn struct{ node, pod string }
	anyway := make(map[podOn]bool)
	if i.Without != nil {
		for _, d := range i.Without.Plan.Delete {
			anyway[podOn{d.Node, d.Pod.Name}] = true
		}
		for _, c := range i.Without.Plan.Create {
			anyway[podOn{node: c.Node}] = true
		}
	}
	for _, d := range i.With.Plan.Delete {
		if !anyway[podOn{d.Node, d.Pod.Name}] {
			i.Delete = append(i.Delete, d)
		}
	}
	for _, c := range i.With.Plan.Create {
		if !anyway[podOn{node: c.Node}] {
			i.Create = append(i.Create, c)
		}
	}
	if i.With.Snapshot == nil {
		return
	}
	for _, n := range i.With.Snapshot.Nodes() {
		for k := range n.Pods {
			if p := &n.Pods[k]; lives(p) && !p.Updated {
				i.Outdated++
			}
		}
	}
}

// OnlyDefaults reports whether the templates differ as they are written but not as
// they are stored: one side writes out what the other leaves to the API server.
func (i *Impact) OnlyDefaults() bool {
	return i != nil && len(i.Written) > 0 && len(i.Template) == 0 && i.SameData
}

// Of returns the nodes with the given effect, ordered by name.
func (i *Impact) Of(effect NodeEffect) []NodeImpact {
	var out []NodeImpact
	if i != nil {
		for _, n := range i.Nodes {
			if n.Effect == effect {
				out = append(out, n)
			}
		}
	}
	return out
}

// shownLines is how many nodes or pods of a kind the text has room for.
const shownLines = 10

// String returns a sentence about the rollout, the changes of the template, and a
// line for each node that is not unchanged and for each pod that goes or comes at
// once, up to ten of a kind:
//
//	this change is only a default written out: no rollout
//	starts a rollout to revision 3: 2 outdated pods
//	  spec.containers[name=nginx].image: "nginx:1.27.3" -> "nginx:1.27.4-alpine"
//	nodes: 1 gained, 1 lost, 1 kept, 0 removed, 2 unchanged
//	  worker-3: lost: nodeSelector disk=ssd, node has disk=hdd
//	at once: 1 to delete, 0 to create
//	  delete agent-b2c4d on worker-3: node should not run it: nodeSelector disk=ssd, node has disk=hdd
func (i *Impact) String() string {
	if i == nil || i.With == nil {
		return "no impact known"
	}
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, err := range i.Refused {
		add("refused: %v", err)
	}
	lines = append(lines, i.rolloutSentence())
	for _, c := range i.Template {
		add("  %v", c)
	}
	var effects [NodeRemoved + 1]int
	for _, n := range i.Nodes {
		effects[n.Effect]++
	}
	add("nodes: %d gained, %d lost, %d kept, %d removed, %d unchanged",
		effects[NodeGained], effects[NodeLost], effects[NodeKept], effects[NodeRemoved], effects[NodeUnchanged])
	for effect := NodeGained; effect <= NodeRemoved; effect++ {
		lines = append(lines, shortened(i.Of(effect))...)
	}
	add("at once: %d to delete, %d to create", len(i.Delete), len(i.Create))
	lines = append(lines, shortened(i.Delete)...)
	lines = append(lines, shortened(i.Create)...)
	return strings.Join(lines, "\n")
}

func shortened[T fmt.Stringer](list []T) []string {
	var lines []string
	for _, entry := range list[:min(len(list), shownLines)] {
		lines = append(lines, "  "+entry.String())
	}
	if more := len(list) - shownLines; more > 0 {
		lines = append(lines, fmt.Sprintf("  and %d more", more))
	}
	return lines
}

func (i *Impact) rolloutSentence() string {
	s := fmt.Sprintf("no rollout: %v", i.With.Outcome)
	switch i.Start {
	case StartNone:
		return i.noRolloutSentence()
	case StartNew:
		s = fmt.Sprintf("starts a rollout to revision %d", i.Revision)
		if i.Without == nil {
			return fmt.Sprintf("new, with revision %d", i.Revision)
		}
	case StartBack:
		s = fmt.Sprintf("starts a rollout back to an older template, now revision %d", i.Revision)
	case StartSpelling:
		s = fmt.Sprintf("starts a rollout to revision %d although the template means the same: it is spelt otherwise", i.Revision)
	default:
		return s
	}
	if i.Anyway {
		s += ", with or without this change"
	}
	s += ": " + plural(i.Outdated, "outdated pod")
	if i.After.DaemonSet.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		s += "; with OnDelete somebody has to delete them"
	}
	return s
}

func (i *Impact) noRolloutSentence() string {
	switch {
	case i.OnlyDefaults():
		return "this change is only a default written out: no rollout"
	case i.SameData:
		return "no rollout: the template is the same"
	}
	return fmt.Sprintf("no rollout: revision %d holds the template already", i.Revision)
}

// String returns a line such as
// "worker-3: lost: nodeSelector disk=ssd, node has disk=hdd".
func (n NodeImpact) String() string {
	why := n.After
	if n.Effect == NodeGained {
		why = n.Before
	}
	s := fmt.Sprintf("%s: %v", n.Node, n.Effect)
	if why.Reason != placement.ReasonUnknown && why.Reason != placement.ReasonEligible {
		s += ": " + why.Cause()
		if n.Effect == NodeGained {
			s += " before"
		}
	}
	return s
}
