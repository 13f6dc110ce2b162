package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/diff"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/rollout/simulate"
)

// change is what happens to one DaemonSet.
type change struct {
	name  string
	hurts []string // reasons not to merge
	lines []string // details
}

// check returns what happens to the DaemonSets that differ: those of the new version in its
// order, then those that it lacks. It fails if an API server would refuse one of the new version.
// One of the old version that it would refuse was never stored: it counts as missing.
func check(nodes []*corev1.Node, before, after *manifest.Objects) ([]*change, error) {
	if len(before.DaemonSets)+len(after.DaemonSets) == 0 {
		return nil, errors.New("no DaemonSet in either version")
	}
	notes := map[string]string{}
	before.DaemonSets = slices.DeleteFunc(before.DaemonSets, func(ds *appsv1.DaemonSet) bool {
		refused := before.Locate(ds, daemon.Validate(daemon.Default(ds)))
		if len(refused) > 0 {
			notes[nameOf(ds)] = "the old version is refused: " + refused.Error()
		}
		return len(refused) > 0
	})
	// The cluster as it is: the old version, rolled out.
	cluster, err := simulate.NewCluster(daemon.Input{Nodes: nodes}, simulate.Options{})
	if err != nil {
		return nil, err
	}
	for _, ds := range before.DaemonSets {
		if err := cluster.Apply(ds); err != nil {
			return nil, err
		}
	}
	if _, err := cluster.Settle(); err != nil {
		return nil, err
	}

	var changes []*change
	for _, ds := range after.DaemonSets {
		impact, err := simulate.WhatIf(cluster.Input(ds), simulate.Proposal{DaemonSet: ds}, simulate.Options{})
		if err != nil {
			return nil, err
		}
		if len(impact.Refused) > 0 {
			return nil, after.Locate(ds, impact.Refused)
		}
		if impact.NoChange {
			continue
		}
		end, err := simulate.Settle(impact.After, simulate.Options{})
		if err != nil {
			return nil, err
		}
		old := find(before.DaemonSets, ds)
		findings, err := newFindings(nodes, old, before.DaemonSets, ds, after.DaemonSets)
		if err != nil {
			return nil, err
		}
		c := newChange(old, ds, impact, end, findings)
		if note := notes[nameOf(ds)]; note != "" {
			c.lines = append(c.lines, note)
		}
		changes = append(changes, c)
	}
	for _, ds := range before.DaemonSets {
		if find(after.DaemonSets, ds) != nil {
			continue
		}
		removed := &change{name: nameOf(ds), lines: []string{"removed"}}
		if pods := cluster.Input(ds).DaemonSet.Status.CurrentNumberScheduled; pods > 0 {
			removed.hurts = []string{fmt.Sprintf("nodes that lose the pod: %d", pods)}
		}
		changes = append(changes, removed)
	}
	return changes, nil
}

// newFindings returns what lint finds in the new version and not in the old one, which may be
// nil.
func newFindings(nodes []*corev1.Node, old *appsv1.DaemonSet, oldSets []*appsv1.DaemonSet, ds *appsv1.DaemonSet, sets []*appsv1.DaemonSet) ([]lint.Finding, error) {
	found, err := lint.Check(daemon.Input{DaemonSet: ds, Nodes: nodes}, lint.Options{OtherDaemonSets: sets})
	if err != nil || old == nil {
		return found, err
	}
	known, err := lint.Check(daemon.Input{DaemonSet: old, Nodes: nodes}, lint.Options{OtherDaemonSets: oldSets})
	return slices.DeleteFunc(found, func(f lint.Finding) bool {
		return slices.ContainsFunc(known, func(k lint.Finding) bool { return k.String() == f.String() })
	}), err
}

// newChange judges the change of one DaemonSet. old may be nil.
func newChange(old, ds *appsv1.DaemonSet, impact *simulate.Impact, end *simulate.End, findings []lint.Finding) *change {
	c := &change{name: nameOf(ds), lines: []string{impact.String()}}
	if old != nil {
		for _, field := range diff.DaemonSets(old, ds) {
			if !strings.HasPrefix(field.Path, "spec.template.") { // these are in impact
				c.lines = append(c.lines, field.String())
			}
		}
	}
	lost := len(impact.NodesWith(simulate.NodeLost))
	if impact.Rollout != simulate.RolloutNone {
		lost += len(impact.NodesWith(simulate.NodeKeepsPod)) // the rollout deletes it, and no other follows
	}
	if lost > 0 {
		c.hurts = append(c.hurts, fmt.Sprintf("nodes that lose the pod: %d", lost))
	}
	c.lines = append(c.lines, end.String())
	switch end.State {
	case simulate.EndStalled:
		c.hurts = append(c.hurts, "the rollout stalls")
	case simulate.EndComplete:
		c.lines = append(c.lines, fmt.Sprintf("the rollout takes %v", end.Took))
	}
	for _, f := range findings {
		if c.lines = append(c.lines, f.String()); f.Severity == lint.SeverityError {
			c.hurts = append(c.hurts, "lint finds "+string(f.Code))
		}
	}
	return c
}

// find returns the DaemonSet of the name of ds, or nil.
func find(sets []*appsv1.DaemonSet, ds *appsv1.DaemonSet) *appsv1.DaemonSet {
	i := slices.IndexFunc(sets, func(other *appsv1.DaemonSet) bool { return nameOf(other) == nameOf(ds) })
	if i < 0 {
		return nil
	}
	return sets[i]
}

func nameOf(ds *appsv1.DaemonSet) string { return ds.Namespace + "/" + ds.Name }
