package simulate

import (
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
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

// String returns the reason in a few words.
func (r RolloutReason) String() string {
	switch r {
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
	}
	return fmt.Sprintf("RolloutReason(%d)", int(r))
}

// shownLines is how many nodes or pods of a kind the text of an Impact lists.
const shownLines = 10

// String returns a sentence about the rollout, the changes of the template, and a line
// for each node that is not unchanged and for each pod of Delete and Create, up to ten of
// a kind:
//
//	starts a rollout to revision 3: 2 outdated pods
//	  spec.nodeSelector[disk]: added "ssd"
//	nodes: 0 gained, 1 lost, 0 keep their pods, 0 removed, 2 unchanged
//	  worker-3: lost: nodeSelector disk=ssd, node has disk=hdd
//	first pass: 1 to delete, 0 to create
//	  delete agent-b2c4d on worker-3: node does not keep the pod: nodeSelector disk=ssd, node has disk=hdd
func (i *Impact) String() string {
	if i == nil || i.Rollout == 0 {
		return "no impact known"
	}
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fmt.Sprintf(format, args...)) }
	for _, err := range i.Refused {
		if err != nil {
			add("refused: %v", err)
		}
	}
	add("%s", i.rolloutSentence())
	for _, c := range i.Template {
		add("  %v", c)
	}
	var counts [nodeEffects]int
	for _, n := range i.Nodes {
		if n.Effect > 0 && n.Effect < nodeEffects {
			counts[n.Effect]++
		}
	}
	add("nodes: %d gained, %d lost, %d keep their pods, %d removed, %d unchanged",
		counts[NodeGained], counts[NodeLost], counts[NodeKeepsPod], counts[NodeRemoved], counts[NodeUnchanged])
	for effect := NodeGained; effect < nodeEffects; effect++ {
		lines = append(lines, shortened(i.NodesWith(effect))...)
	}
	add("first pass: %d to delete, %d to create", len(i.Delete), len(i.Create))
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
		s = fmt.Sprintf("starts a rollout to an older template, now revision %d", i.Revision)
	case RolloutSameTemplate:
		s = fmt.Sprintf("starts a rollout to revision %d: the template means the same, but its bytes differ", i.Revision)
	case RolloutIgnored:
		if daemon.SelectsEverything(ds) {
			return "no rollout: the controller ignores an empty selector"
		}
		return "no rollout: the DaemonSet is being deleted"
	default:
		return fmt.Sprintf("no rollout: %v", i.Rollout)
	}
	if i.AlreadyDue {
		s += ", with or without this change"
	}
	s += ": " + plural(i.Outdated, "outdated pod", "outdated pods")
	if ds != nil && ds.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		s += "; with OnDelete they stay until they are deleted"
	}
	return s
}

// String returns a line such as
// "worker-3: lost: nodeSelector disk=ssd, node has disk=hdd".
func (n NodeImpact) String() string {
	s := fmt.Sprintf("%s: %v", n.Node, n.Effect)
	if n.Explanation.Reason == placement.ReasonUnknown {
		return s
	}
	s += ": " + n.Explanation.Cause()
	if n.Effect == NodeGained {
		s += " before"
	}
	return s
}
