package simulate

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/diff"
	"github.com/pernode/daemonset/placement"
)

// Impact is what a proposal would do.
type Impact struct {
	// Refused are the errors with which the API server would refuse the DaemonSet: those of
	// daemon.ValidateUpdate, or of daemon.Validate for a new one; then, of the pod's spec, malformed
	// requests, limits and overhead, repeated host ports, a malformed node selector, malformed
	// required node affinity, malformed tolerations. An update is validated in full: the server
	// refuses what the stored DaemonSet has wrong already, which another version of it may have
	// stored. Only Gt and Lt in tolerations without their gate, values of the node affinity
	// that are no label values, and parts of huge pages are taken if the stored one has any
	// (GetValidationOptionsFromPodSpecAndMeta@v1.37.2).
	// A proposal that is refused has no effects: only Refused and Template are set then. That it
	// is nil does not prove that the server accepts the DaemonSet: nothing else of the pod's spec is
	// checked, for instance that it has a container, that its volumes, probes and names are valid, or
	// its other affinity. A dry run on the server checks all.
	Refused field.ErrorList
	// Template are the changes of the pod template, with the defaults of the API server
	// filled in on both sides. Their paths begin in the template, such as spec.nodeSelector. It is nil
	// if the DaemonSet is new.
	Template diff.Changes
	// NoChange says that the proposal changes nothing: with the defaults filled in on both
	// sides, the DaemonSet is the same in all that diff.DaemonSets compares, a revision
	// stores the same bytes for its template, and the nodes are the same, heartbeats included.
	// A rollout may be due all the same; see AlreadyDue.
	NoChange bool
	// OnlyDefaults says that the manifest writes out defaults that the given DaemonSet
	// lacks, and differs from it in nothing else. Defaults that the manifest leaves out do
	// not count: the server fills them in. NoChange is also set, unless nodes change.
	// Cluster.Apply is not that server: it fills in the defaults of DaemonSets, and not those of
	// pods. On a Cluster whose template lacks some, such a manifest starts a rollout.
	OnlyDefaults bool
	// OtherFields are the changes of the DaemonSet outside the pod template, such as its labels,
	// minReadySeconds or the update strategy, as diff.DaemonSets lists them, with the defaults
	// filled in on both sides. It is nil if the DaemonSet is new.
	OtherFields diff.Changes
	// Rollout says whether a rollout starts, and why. It is zero if the proposal is refused.
	Rollout RolloutReason
	// AlreadyDue says that the same rollout starts without the proposal. If no revisions were
	// given, it also says so of pods that are not of the template.
	AlreadyDue bool
	// Revision is the number of the revision that holds the template. It is zero with
	// RolloutIgnored and RolloutRemoved.
	Revision int64
	// OldRevision is the number that the revision had before, with RolloutOldTemplate. Otherwise
	// it is zero.
	OldRevision int64
	// Outdated is the number of live pods that are then of another template, those of an
	// incomplete rollout included. It is zero if no pods were given.
	Outdated int
	// Nodes are all nodes of before and after, ordered by name.
	Nodes []NodeImpact
	// Delete lists the pods that the first pass deletes because of the proposal, without
	// a burst limit, in the order of daemon.Plan. Those that it would delete without the
	// proposal are left out.
	Delete []daemon.Delete
	// Create lists the pods that the first pass creates because of the proposal, without
	// a burst limit.
	Create []daemon.Create
	// After is the cluster with the proposal and before any pass, for Run to go on from.
	// It holds no Options: give Run the same ones. If the proposal does not change the template,
	// that is the one of the given DaemonSet, byte for byte, and has its hash; otherwise it has
	// all defaults. After shares nodes, pods and revisions with the arguments. After a removal
	// it has no DaemonSet to run, and still has the pods: their garbage collection takes time.
	After daemon.Input
}

// NodesWith returns the nodes with the given effect, ordered by name.
func (i *Impact) NodesWith(effect NodeEffect) []NodeImpact {
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

// String returns a sentence about the rollout, the changes of the template and those outside it, with
// paths that begin in the DaemonSet, and a line for each node that is not unchanged and for each pod
// of Delete and Create, up to ten of a kind. Nodes with the same words share a line, which names five
// of them at most:
//
//	starts a rollout to revision 3: 2 outdated pods
//	  spec.template.spec.nodeSelector[disk]: added "ssd"
//	nodes: 1 lost, 2 unchanged
//	  worker-3: lost: nodeSelector disk=ssd, node has disk=hdd
//	first pass: 1 to delete
//	  delete agent-b2c4d on worker-3: node does not keep the pod: nodeSelector disk=ssd, node has disk=hdd
//
// A proposal that changes nothing is "no change", followed by what is due anyway. One that
// is refused has the errors and the changes of the template:
//
//	refused: spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable
//	not simulated; it changes the template:
//	  spec.template.metadata.labels[app]: "a" -> "b"
func (i *Impact) String() string {
	if i == nil || i.Rollout == 0 && len(i.Refused) == 0 {
		return "no impact"
	}
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	addTemplate := func() {
		for _, c := range i.Template {
			add("  spec.template.%v", c)
		}
	}
	if len(i.Refused) > 0 {
		for _, err := range i.Refused {
			if err != nil {
				add("refused: %v", err)
			}
		}
		if len(i.Template) == 0 {
			add("not simulated")
		} else {
			add("not simulated; it changes the template:")
		}
		addTemplate()
		return strings.Join(lines, "\n")
	}
	if i.NoChange {
		if i.OnlyDefaults {
			add("no change: the manifest only writes out defaults")
		} else {
			add("no change")
		}
		if i.Rollout != RolloutNone {
			add("%s", i.rolloutSentence())
		}
		return strings.Join(lines, "\n")
	}
	add("%s", i.rolloutSentence())
	addTemplate()
	for _, c := range i.OtherFields {
		add("  %v", c)
	}
	add("%s", i.nodeSentence())
	for effect := NodeGained; effect < nodeEffects; effect++ {
		var groups nodeGroups
		for _, n := range i.NodesWith(effect) {
			groups.add(n.Node, n.String(), n.withoutName())
		}
		lines = append(lines, groupLines(groups.list)...)
	}
	if i.Rollout == RolloutRemoved {
		return strings.Join(lines, "\n")
	}
	add("first pass: %s", i.passSentence())
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

// nodeSentence counts the nodes with each effect.
func (i *Impact) nodeSentence() string {
	var counts [nodeEffects]int
	for _, n := range i.Nodes {
		if n.Effect > 0 && n.Effect < nodeEffects {
			counts[n.Effect]++
		}
	}
	var texts []string
	for _, effect := range []NodeEffect{NodeGained, NodeLost, NodeKeepsPod, NodeRemoved, NodeUnchanged} {
		switch n := counts[effect]; {
		case n == 0:
		case effect == NodeKeepsPod:
			texts = append(texts, plural(n, "keeps its pod", "keep their pods"))
		default:
			texts = append(texts, fmt.Sprintf("%d %v", n, effect))
		}
	}
	if len(texts) == 0 {
		return "no nodes"
	}
	return "nodes: " + strings.Join(texts, ", ")
}

// passSentence counts what the first pass writes.
func (i *Impact) passSentence() string {
	var texts []string
	if n := len(i.Delete); n > 0 {
		texts = append(texts, fmt.Sprintf("%d to delete", n))
	}
	if n := len(i.Create); n > 0 {
		texts = append(texts, fmt.Sprintf("%d to create", n))
	}
	if len(texts) == 0 {
		return "no pod to delete or create"
	}
	return strings.Join(texts, ", ")
}

func (i *Impact) rolloutSentence() string {
	ds := i.After.DaemonSet
	s := ""
	switch i.Rollout {
	case RolloutNone:
		switch {
		case i.OnlyDefaults:
			return "no rollout: the manifest only writes out defaults"
		case len(i.Template) == 0:
			return "no rollout: the template is the same"
		}
		return fmt.Sprintf("no rollout: revision %d holds the template already", i.Revision)
	case RolloutFirst:
		return fmt.Sprintf("new DaemonSet with revision %d", i.Revision)
	case RolloutNewTemplate:
		s = fmt.Sprintf("starts a rollout to revision %d", i.Revision)
	case RolloutOldTemplate:
		s = fmt.Sprintf("starts a rollout to the template of revision %d, now revision %d", i.OldRevision, i.Revision)
	case RolloutSameTemplate:
		s = fmt.Sprintf("starts a rollout to revision %d: the template means the same, but its bytes differ", i.Revision)
	case RolloutIgnored:
		if daemon.SelectsEverything(ds) {
			return "no rollout: the controller ignores an empty selector"
		}
		return "no rollout: the DaemonSet is being deleted"
	case RolloutRemoved:
		return "removes the DaemonSet and its pods"
	default:
		return fmt.Sprintf("no rollout: %v", i.Rollout)
	}
	if i.AlreadyDue {
		s += ", with or without this change"
	}
	if ds != nil && ds.Status.CurrentNumberScheduled > 0 && !hasPods(i.After) {
		return s + ": no pods were given"
	}
	s += ": " + plural(i.Outdated, "outdated pod", "outdated pods")
	if ds != nil && ds.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		s += "; with OnDelete they stay until they are deleted"
	}
	return s
}

// NodeImpact is one node before and after.
type NodeImpact struct {
	// Node is the node's name.
	Node string
	// Effect is what the proposal does to the node.
	Effect NodeEffect
	// Before and After are the decisions. Their Reason is placement.ReasonNoNode if
	// the node does not exist, and else placement.ReasonUnknown if there is no DaemonSet.
	Before, After placement.Decision
	// Explanation says why the node was not eligible before, for NodeGained, or is not
	// eligible after, for the other effects. It is zero for NodeUnchanged, and if there is no
	// DaemonSet on that side.
	Explanation placement.Explanation
}

// String returns a line such as "worker-3: lost: nodeSelector disk=ssd, node has disk=hdd", or
// "worker-3: lost: the DaemonSet is removed".
func (n NodeImpact) String() string { return n.Node + ": " + n.withoutName() }

func (n NodeImpact) withoutName() string {
	s := n.Effect.String()
	switch {
	case n.Explanation.Reason != placement.ReasonUnknown:
	case n.Effect == NodeGained: // also if the node is new
		return s + ": the DaemonSet is new"
	case n.Effect == NodeLost && n.After.Reason == placement.ReasonUnknown:
		return s + ": the DaemonSet is removed"
	default:
		return s
	}
	if n.Effect == NodeGained {
		s += "; before"
	}
	return s + ": " + n.Explanation.Cause()
}

// NodeEffect says what a proposal does to a node.
type NodeEffect int

const (
	// NodeUnchanged: the node is eligible on both sides, or on neither, or the controller
	// leaves the DaemonSet alone (RolloutIgnored).
	NodeUnchanged NodeEffect = iota + 1
	// NodeGained: the node becomes eligible and gets a pod.
	NodeGained
	// NodeLost: the node is not eligible any more, or the DaemonSet is removed, and its pods
	// are deleted.
	NodeLost
	// NodeKeepsPod: the node is not eligible any more, but its pod stays. Once it is gone,
	// for instance because a rollout deletes it, no other follows.
	NodeKeepsPod
	// NodeRemoved: the node was eligible or has a pod, and does not exist any more. Its
	// pods are left to pod garbage collection.
	NodeRemoved

	nodeEffects = NodeRemoved + 1
)

// String returns "unchanged", "gained", "lost", "keeps its pod" or "removed".
func (e NodeEffect) String() string {
	switch e {
	case NodeUnchanged:
		return "unchanged"
	case NodeGained:
		return "gained"
	case NodeLost:
		return "lost"
	case NodeKeepsPod:
		return "keeps its pod"
	case NodeRemoved:
		return "removed"
	}
	return fmt.Sprintf("NodeEffect(%d)", int(e))
}

// RolloutReason says whether a rollout starts, and why. The stored bytes of the newest
// revision decide, apart from white space between the tokens, and not the meaning of the
// template.
type RolloutReason int

const (
	// RolloutNone: no rollout starts, because the newest revision holds the template.
	// Impact.NoChange says whether the proposal changes anything else.
	RolloutNone RolloutReason = iota + 1
	// RolloutFirst: the DaemonSet is new.
	RolloutFirst
	// RolloutNewTemplate: no revision holds the template; it gets a new one.
	RolloutNewTemplate
	// RolloutOldTemplate: an older revision holds the template and becomes the newest, as
	// after kubectl rollout undo.
	RolloutOldTemplate
	// RolloutSameTemplate: the template means the same as that of the newest revision, but its
	// bytes differ, not only in white space between the tokens.
	RolloutSameTemplate
	// RolloutIgnored: the controller leaves the DaemonSet alone, because it is being
	// deleted or its selector is empty.
	RolloutIgnored
	// RolloutRemoved: the DaemonSet is removed, and the garbage collector deletes its pods.
	RolloutRemoved
)

// String returns the reason in a few words. That of a proposal that is refused is "not
// simulated".
func (r RolloutReason) String() string {
	switch r {
	case 0:
		return "not simulated"
	case RolloutNone:
		return "no rollout"
	case RolloutFirst:
		return "new DaemonSet"
	case RolloutNewTemplate:
		return "new template"
	case RolloutOldTemplate:
		return "older template"
	case RolloutSameTemplate:
		return "same template, other bytes"
	case RolloutIgnored:
		return "ignored"
	case RolloutRemoved:
		return "removed"
	}
	return fmt.Sprintf("RolloutReason(%d)", int(r))
}
