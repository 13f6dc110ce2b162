package simulate

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
)

// Judgment says whether a proposal may be made.
type Judgment struct {
	// Impact is what the proposal would do. WhatIf returns the same.
	Impact *Impact
	// End is how the rollout ends. It is nil if none is simulated: the proposal is refused,
	// changes nothing or removes the DaemonSet; there are no nodes; or no pods of the namespace
	// were given, although the status of the stored DaemonSet counts some.
	End *End
	// NewImages are images of the proposal's containers, init containers and image volumes, in
	// order. Some are new: the stored DaemonSet does not have them, and no container of its pods was
	// started from them. A container that has ended or that crashes was started. The others are
	// those that one of its pods cannot pull. A simulation takes it for granted that they can be
	// pulled and start, unless Options.PodTimes or the objects say otherwise; see Assumptions. It is
	// nil if there are none, and if the proposal is refused or removes the DaemonSet.
	NewImages []string
	// Findings are the faults that lint.Check finds with the proposal and not without it, in
	// its order. A fault that was there before, with the same code, severity and message, is
	// not among them, also if its place in a list is another one. It is nil if the proposal
	// is refused or removes the DaemonSet.
	Findings []lint.Finding
	// Risks are the reasons not to make the change, ordered by kind. It is nil if there are
	// none.
	Risks []Risk
}

// Risk is a reason not to make a change.
type Risk struct {
	// Kind is what is wrong.
	Kind RiskKind
	// Nodes are the names of the nodes that it is about, in order: those that lose the pod, those
	// that the stalled rollout is not complete on, those on which the canary has problems, or those
	// of the findings. It may be nil.
	Nodes []string
	// Code is that of the findings. It is empty unless Kind is RiskLint.
	Code lint.Code
	// Canary is the state of the canary: CanaryPaused, CanaryFailed or CanaryImpossible. It is
	// empty unless Kind is RiskCanary.
	Canary rollout.CanaryState
}

// RiskKind is what is wrong with a proposal.
type RiskKind int

const (
	// RiskRefused: the API server refuses the DaemonSet, although the stored one may have the same
	// fault. Impact.Refused says why. There is no other risk then.
	RiskRefused RiskKind = iota + 1
	// RiskPodsLost: nodes that exist lose their pod, and no other follows. These are the
	// nodes with the effect NodeLost, unless their pod was going anyway, and those with
	// NodeKeepsPod whose pod does not stay: it is outdated, and the strategy is RollingUpdate.
	// If no pods of its namespace were given, all pods count as outdated if a rollout
	// starts.
	RiskPodsLost
	// RiskStalled: the rollout ends stalled, although it may have been stalled before. End says
	// on what.
	RiskStalled
	// RiskRolledBack: the canary fails and is rolled back, although it may have had the problem
	// before. End.FailedCanary says why, although End may be complete: it is about the rollout of
	// the restored template.
	RiskRolledBack
	// RiskCanary: the rollout ends with a canary that is paused by a problem, that has failed and is
	// not rolled back, or that cannot begin because no node can be tried. Any of these may have
	// been so before. End says why.
	RiskCanary
	// RiskLint: lint.Check finds errors with the same code that were not there before. It knows no
	// policy: nodes that the policy ignores, which may be so for a time only, are among the Nodes.
	RiskLint
)

// String returns "refused", "pods lost", "stalled", "rolled back", "canary" or "lint".
func (k RiskKind) String() string {
	switch k {
	case RiskRefused:
		return "refused"
	case RiskPodsLost:
		return "pods lost"
	case RiskStalled:
		return "stalled"
	case RiskRolledBack:
		return "rolled back"
	case RiskCanary:
		return "canary"
	case RiskLint:
		return "lint"
	}
	return fmt.Sprintf("RiskKind(%d)", int(k))
}

// String returns the risk in a few words, such as "nodes that lose the pod: 3".
func (r Risk) String() string {
	switch r.Kind {
	case RiskRefused:
		return "the API server refuses it"
	case RiskPodsLost:
		return fmt.Sprintf("nodes that lose the pod: %d", len(r.Nodes))
	case RiskStalled:
		return "the rollout stalls"
	case RiskRolledBack:
		return "the canary fails and is rolled back"
	case RiskCanary:
		if r.Canary == rollout.CanaryImpossible {
			return "no node can be tried as a canary"
		}
		return "the canary has problems"
	case RiskLint:
		return "lint finds " + string(r.Code)
	}
	return r.Kind.String()
}

// Judge answers whether a proposal may be made, for a check before a merge, a dashboard or an
// admission webhook. It returns what WhatIf says, the End of the rollout as Settle plays it from
// there, what lint.Check finds in the proposal only, and the risks that follow from these.
//
// in, proposal and opts are those of WhatIf and Settle. in.Pods may also hold the pods of other
// namespaces, which take room on the nodes. check is that of lint.Check, with the other DaemonSets
// as they will be: both versions are checked beside them, so that a host port that two
// DaemonSets use counts against the one that begins to.
//
// No pod is preempted: a pod waits for room that pods of lower priorities have, although a real
// scheduler may end these (rule 4); see End.MayPreempt. Without a cluster to list objects from, use
// JudgeVersions.
//
// Nothing passed in is changed; the result refers to it, read-only. It fails if WhatIf, Settle or
// lint.Check fails.
func Judge(in daemon.Input, proposal Proposal, opts Options, check lint.Options) (*Judgment, error) {
	w, err := newWhatIf(in, proposal, opts)
	if err != nil {
		return nil, err
	}
	var end *End
	if w.rollsOut() && w.showsCluster() {
		if end, err = Settle(w.impact.After, opts); err != nil {
			return nil, err
		}
	}
	return w.judge(end, check)
}

// rollsOut reports whether the proposal changes something that a rollout can follow from.
func (w *whatIf) rollsOut() bool {
	return len(w.impact.Refused) == 0 && !w.impact.NoChange && w.impact.Rollout != RolloutRemoved
}

// judge returns the Judgment of a proposal with the given End, which is nil if none is simulated.
func (w *whatIf) judge(end *End, check lint.Options) (*Judgment, error) {
	j := &Judgment{Impact: w.impact, End: end}
	if len(j.Impact.Refused) > 0 {
		j.Risks = []Risk{{Kind: RiskRefused}}
		return j, nil
	}
	if lost := w.losePods(); len(lost) > 0 {
		j.Risks = append(j.Risks, Risk{Kind: RiskPodsLost, Nodes: lost})
	}
	if j.Impact.Rollout == RolloutRemoved {
		return j, nil
	}
	j.NewImages = w.newImages()
	if end != nil {
		if end.State == EndStalled {
			j.Risks = append(j.Risks, Risk{Kind: RiskStalled, Nodes: end.nodes()})
		}
		j.Risks = append(j.Risks, end.canaryRisks()...)
	}
	var err error
	if j.Findings, err = w.newFindings(check); err != nil {
		return nil, err
	}
	j.Risks = append(j.Risks, lintRisks(j.Findings)...)
	return j, nil
}

// canaryRisks returns what a canary has found.
func (e *End) canaryRisks() []Risk {
	var risks []Risk
	if !e.Rollback.Skipped() {
		risks = append(risks, Risk{Kind: RiskRolledBack, Nodes: problemNodes(e.FailedCanary)})
	}
	if canary := e.Last.Policy.Canary; canary != nil {
		switch state := canary.Trial.State; state {
		case rollout.CanaryPaused, rollout.CanaryFailed, rollout.CanaryImpossible:
			risks = append(risks, Risk{Kind: RiskCanary, Canary: state, Nodes: problemNodes(canary)})
		}
	}
	return risks
}

// problemNodes returns the names of the nodes with problems, in order.
func problemNodes(canary *rollout.CanaryStatus) []string {
	var names []string
	if canary != nil {
		for _, problem := range canary.Problems { // ordered by node
			names = append(names, problem.Node)
		}
	}
	return slices.Compact(names)
}

// RunsNowhere reports whether, when the rollout has ended, no node should have a pod and none has.
func (e *End) RunsNowhere() bool {
	return e != nil && e.Last != nil && e.Last.Snapshot != nil && !slices.ContainsFunc(e.Last.Snapshot.Nodes(), func(n daemon.NodeState) bool {
		return n.Decision.Run || len(n.Pods) > 0
	})
}

// OK reports whether there are no risks. A rollout that is not simulated, because no nodes or pods
// were given, is not known to stall: look at End if they may be missing. A Judgment without an
// Impact, which Judge never returns, is not OK.
func (j *Judgment) OK() bool { return j != nil && j.Impact != nil && len(j.Risks) == 0 }

// String returns in the first line "well", "cannot be made: the API server refuses it", or "would hurt:"
// with the risks. The line also says if the DaemonSet then runs on no node: that alone is no risk,
// because its nodes may be still to come. The lines behind it are those of the Impact, of the End, of
// the Assumptions and of End.MayPreempt, as what is not simulated, and of the Findings.
func (j *Judgment) String() string {
	if j == nil || j.Impact == nil {
		return "no judgment"
	}
	lines := []string{"well"}
	switch {
	case len(j.Impact.Refused) > 0:
		lines[0] = "cannot be made: " + Risk{Kind: RiskRefused}.String()
	case len(j.Risks) > 0:
		var risks []string
		for _, r := range j.Risks {
			risks = append(risks, r.String())
		}
		lines[0] = "would hurt: " + strings.Join(risks, ", ")
	}
	if j.End.RunsNowhere() {
		lines[0] += "; it runs on no node"
	}
	lines = append(lines, j.Impact.String())
	switch i := j.Impact; {
	case j.End != nil:
		lines = append(lines, j.End.String())
		for _, assumption := range j.Assumptions() {
			lines = append(lines, "not simulated: whether "+assumption)
		}
		if nodes := j.End.MayPreempt(); len(nodes) > 0 {
			lines = append(lines, "not simulated: whether the scheduler ends pods of lower priorities to make room on "+listNodes(nodes))
		}
	case len(i.Refused) > 0 || i.NoChange || i.Rollout == RolloutRemoved:
	case len(i.After.Nodes) == 0:
		lines = append(lines, "the rollout is not simulated: no nodes were given")
	default:
		lines = append(lines, "the rollout is not simulated: no pods were given, although the status counts some")
	}
	for _, f := range j.Findings {
		lines = append(lines, f.String())
	}
	return strings.Join(lines, "\n")
}

// Assumptions are sentences on what End takes for granted of the NewImages, such as
// `the image "agent:2" can be pulled and starts`. If the rollout becomes complete, that is so of all of
// them. Otherwise it is so only of those that some nodes cannot pull, on the others. It is nil if there
// is no End, after a rollback, and if no node should have a pod: then none pulls an image.
func (j *Judgment) Assumptions() []string {
	if j == nil || j.End == nil || !j.End.Rollback.Skipped() || j.End.desired() == 0 {
		return nil
	}
	var whole, some []string
	for _, image := range j.NewImages {
		switch nodes := j.End.cannotPull(image); {
		case j.End.State == EndComplete:
			whole = append(whole, strconv.Quote(image))
		case len(nodes) > 0 && len(nodes) < int(j.End.desired()):
			some = append(some, fmt.Sprintf("the image %q can be pulled and starts on other nodes than %s", image, listNodes(nodes)))
		}
	}
	switch n := len(whole); {
	case n == 1:
		some = append(some, fmt.Sprintf("the image %s can be pulled and starts", whole[0]))
	case n > 1:
		const shown = 3
		text := strings.Join(whole[:min(n, shown)], ", ")
		if n > shown {
			text += fmt.Sprintf(" and %d more", n-shown)
		}
		some = append(some, fmt.Sprintf("the images %s can be pulled and start", text))
	}
	return some
}

// cannotPull returns the names of the nodes that cannot pull an image, in order.
func (e *End) cannotPull(image string) []string {
	var nodes []string
	for _, b := range e.Blockers { // ordered by node
		if b.Kind == health.BlockerImage && b.Container != nil && b.Container.Image == image {
			nodes = append(nodes, b.Node)
		}
	}
	return slices.Compact(nodes)
}

// newImages returns the images of which nobody knows that they can be pulled, in order.
func (w *whatIf) newImages() []string {
	if w.after.DaemonSet == nil {
		return nil
	}
	known := map[string]bool{}
	if w.before.DaemonSet != nil {
		known = imagesOf(&w.before.DaemonSet.Spec.Template.Spec)
	}
	started, failed := w.pulls()
	maps.Copy(known, started)
	// A node may have pulled it before it was removed from the registry.
	maps.DeleteFunc(known, func(image string, _ bool) bool { return failed[image] })
	images := imagesOf(&w.after.DaemonSet.Spec.Template.Spec)
	maps.DeleteFunc(images, func(image string, _ bool) bool { return known[image] })
	return slices.Sorted(maps.Keys(images))
}

// pulls returns the images that pods of the DaemonSet have been started from, and those that a
// pod of it cannot pull.
func (w *whatIf) pulls() (started, failed map[string]bool) {
	started, failed = map[string]bool{}, map[string]bool{}
	for _, n := range w.with.Snapshot.Nodes() {
		for i := range n.Pods {
			pod := n.Pods[i].Pod
			if isReady(pod) {
				maps.Copy(started, imagesOf(&pod.Spec))
				continue
			}
			for _, container := range podstatus.Containers(pod) {
				switch kind, _, _ := container.Problem(w.after.Now); {
				case kind == podstatus.ProblemImage:
					failed[container.Image()] = true
				case kind == podstatus.ProblemStart:
				case container.Status.State.Running != nil, container.LastEnd() != nil, container.Status.RestartCount > 0:
					started[container.Image()] = true
				}
			}
		}
	}
	return started, failed
}

// imagesOf returns what pods need to be pulled.
func imagesOf(spec *corev1.PodSpec) map[string]bool {
	images := map[string]bool{}
	for _, containers := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for _, c := range containers {
			images[c.Image] = true
		}
	}
	for _, v := range spec.Volumes {
		if v.Image != nil {
			images[v.Image.Reference] = true
		}
	}
	delete(images, "")
	return images
}

// losePods returns the names of the nodes that lose their pod, in order.
func (w *whatIf) losePods() []string {
	var lost []string
	for _, n := range w.impact.Nodes {
		switch {
		case n.Effect == NodeLost && (n.Before.Run || hasPod(w.without, n.Node, (*daemon.PodState).Live)),
			n.Effect == NodeKeepsPod && !w.podStays(n.Node):
			lost = append(lost, n.Node)
		}
	}
	return lost
}

// podStays reports whether a node that may keep its pod has one that the update does not delete.
func (w *whatIf) podStays(node string) bool {
	onDelete := w.after.DaemonSet.Spec.UpdateStrategy.Type != appsv1.RollingUpdateDaemonSetStrategyType
	if !hasPods(w.after) {
		return onDelete || w.impact.Rollout == RolloutNone
	}
	return hasPod(w.with, node, func(p *daemon.PodState) bool { return p.Live() && (p.Updated || onDelete) })
}

// hasPod reports whether a node has such a pod in a pass.
func hasPod(pass *rollout.Result, node string, such func(*daemon.PodState) bool) bool {
	n := pass.Snapshot.Node(node)
	return n != nil && slices.ContainsFunc(n.Pods, func(p daemon.PodState) bool { return such(&p) })
}

// showsCluster reports whether the facts suffice to simulate a rollout. A list of objects may
// lack nodes and pods because nobody has asked for them.
func (w *whatIf) showsCluster() bool {
	return len(w.after.Nodes) > 0 && (w.after.DaemonSet.Status.CurrentNumberScheduled == 0 || hasPods(w.after))
}

// hasPods reports whether there are pods of the DaemonSet's namespace, so that its own are known.
// Those of other namespaces only take room.
func hasPods(in daemon.Input) bool {
	return in.DaemonSet != nil && slices.ContainsFunc(in.Pods, func(pod *corev1.Pod) bool {
		return pod != nil && pod.Namespace == in.DaemonSet.Namespace
	})
}

// newFindings returns what lint finds with the proposal and not without it.
func (w *whatIf) newFindings(opts lint.Options) ([]lint.Finding, error) {
	found, err := lint.Check(w.impact.After, opts)
	if err != nil || w.before.DaemonSet == nil {
		return found, err
	}
	known, err := lint.Check(w.before, opts)
	if err != nil {
		return nil, err
	}
	// A fault in the same place is the same one. The others may have moved in their list.
	samePlace := func(a, b lint.Finding) bool { return sameFault(a, b) && a.Field == b.Field }
	found, known = without(found, known, samePlace)
	found, _ = without(found, known, sameFault)
	return found, nil
}

func sameFault(a, b lint.Finding) bool {
	return a.Code == b.Code && a.Severity == b.Severity && a.Message == b.Message
}

// without takes pairs of the same findings out of two lists.
func without(found, known []lint.Finding, same func(a, b lint.Finding) bool) (foundLeft, knownLeft []lint.Finding) {
	found = slices.DeleteFunc(found, func(f lint.Finding) bool {
		i := slices.IndexFunc(known, func(k lint.Finding) bool { return same(f, k) })
		if i >= 0 {
			known = slices.Delete(known, i, i+1)
		}
		return i >= 0
	})
	if len(found) == 0 {
		found = nil
	}
	return found, known
}

// lintRisks returns a risk for each code of an error, ordered by code.
func lintRisks(findings []lint.Finding) []Risk {
	nodes := map[lint.Code][]string{}
	for _, f := range findings {
		if f.Severity == lint.SeverityError {
			nodes[f.Code] = append(nodes[f.Code], f.Nodes...)
		}
	}
	var risks []Risk
	for _, code := range slices.Sorted(maps.Keys(nodes)) {
		slices.Sort(nodes[code])
		risks = append(risks, Risk{Kind: RiskLint, Code: code, Nodes: slices.Compact(nodes[code])})
	}
	return risks
}

// nodes returns the names of the nodes that are not complete.
func (e *End) nodes() []string {
	var names []string
	for _, n := range e.Incomplete {
		names = append(names, n.Node)
	}
	return names
}
