package lint

import (
	"cmp"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/placement"
)

// DefaultProgressDeadline is the default of a Deployment's progressDeadlineSeconds
// (SetDefaults_Deployment@v1.37.2). DaemonSets have no such field.
const DefaultProgressDeadline = 10 * time.Minute

// Input is a DaemonSet and the facts about its cluster. Check changes nothing in it.
type Input struct {
	// DaemonSet is a manifest or a live object. Check fills in the API server's
	// defaults first (daemon.Default), so both get the same findings. If it
	// is nil, Check returns nil.
	DaemonSet *appsv1.DaemonSet
	// Nodes are all nodes of the cluster, in any order. Nil entries are ignored.
	// Without nodes, most checks that need them find nothing.
	Nodes []*corev1.Node
	// OtherDaemonSets are the other DaemonSets of the cluster, in any order. Check
	// looks for host ports that two DaemonSets use on one node, which needs Nodes
	// too. It ignores nil entries, DaemonSets that are being deleted, and DaemonSet
	// itself: the one of the same namespace and name, or of the same name if DaemonSet
	// has no namespace. So the list may hold all DaemonSets of the cluster.
	OtherDaemonSets []*appsv1.DaemonSet
	// ProgressDeadline is how long a pipeline or a person waits for the next progress of
	// a rollout. Zero means DefaultProgressDeadline. A negative one is no deadline.
	ProgressDeadline time.Duration
	// Placement are the settings of the cluster that placement depends on.
	Placement placement.Options
}

// Check returns the faults of a DaemonSet that the objects in the input show:
// rollouts that get stuck, pods that no node accepts, and fields without effect. It
// returns nil if it finds none. The constants of Code list the faults.
//
// The findings are sorted by severity, errors first, then by field, code, message
// and nodes. They share nothing with the input.
//
// Check accepts malformed objects. It ignores some of what the API server would
// refuse; daemon.Validate reports that.
//
// The cost grows with the number of nodes times the size of the pod template, with
// the number of nodes for each DaemonSet that shares a host port, and with the
// square of the number of ports and of tolerations in the template.
func Check(in Input) []Finding {
	if in.DaemonSet == nil {
		return nil
	}
	c := newChecker(in)
	c.selector()
	c.history()
	c.budgets()
	c.minReadySeconds()
	c.placement()
	c.kubeletLabels()
	c.operatingSystem()
	c.tolerations()
	c.ports()
	c.requests()
	c.podAffinity()
	c.topologySpread()
	slices.SortFunc(c.findings, func(a, b Finding) int {
		return cmp.Or(
			cmp.Compare(a.Severity, b.Severity),
			strings.Compare(a.Field, b.Field),
			strings.Compare(string(a.Code), string(b.Code)),
			strings.Compare(a.Message, b.Message),
			slices.Compare(a.Nodes, b.Nodes),
		)
	})
	return c.findings
}

// checker holds what the checks share.
type checker struct {
	ds       *appsv1.DaemonSet // a copy with defaults
	spec     *corev1.PodSpec   // of the template of ds
	matcher  *placement.Matcher
	options  placement.Options
	nodes    []*corev1.Node // by name; empty: unknown
	eligible []*corev1.Node // the nodes that should run a pod, by name
	others   []*appsv1.DaemonSet
	deadline time.Duration // negative: none

	// The strategy is RollingUpdate, with these budgets.
	rolling                  bool
	maxUnavailable, maxSurge budget

	findings []Finding
}

func newChecker(in Input) *checker {
	ds := daemon.Default(in.DaemonSet)
	c := &checker{
		ds:       ds,
		spec:     &ds.Spec.Template.Spec,
		matcher:  placement.Compile(&ds.Spec.Template, in.Placement),
		options:  in.Placement,
		others:   in.OtherDaemonSets,
		deadline: cmp.Or(in.ProgressDeadline, DefaultProgressDeadline),
	}
	for _, node := range in.Nodes {
		if node != nil {
			c.nodes = append(c.nodes, node)
		}
	}
	slices.SortStableFunc(c.nodes, func(a, b *corev1.Node) int { return strings.Compare(a.Name, b.Name) })
	for _, node := range c.nodes {
		if c.matcher.Decide(node).Run {
			c.eligible = append(c.eligible, node)
		}
	}
	if strategy := &ds.Spec.UpdateStrategy; strategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
		c.rolling = true
		c.maxUnavailable = parseBudget(strategy.RollingUpdate.MaxUnavailable)
		c.maxSurge = parseBudget(strategy.RollingUpdate.MaxSurge)
	}
	return c
}

func (c *checker) add(f Finding) { c.findings = append(c.findings, f) }

func specPath() *field.Path    { return field.NewPath("spec") }
func podSpecPath() *field.Path { return field.NewPath("spec", "template", "spec") }

// nodeNames keeps the order of the nodes.
func nodeNames(nodes []*corev1.Node) []string {
	names := make([]string, len(nodes))
	for i, node := range nodes {
		names[i] = node.Name
	}
	return names
}
