package daemon

import (
	"bytes"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/pernode/daemonset/placement"
)

// Input holds the facts about one DaemonSet at one moment. It is the input of
// Observe, rollout.Sync and all other functions that look at a cluster. Nothing in
// it is changed.
type Input struct {
	// DaemonSet is required, and its selector must be neither missing nor
	// empty. The API server's defaults must be filled in: pass the result of
	// Default if the object does not come from a server. An update strategy without a type
	// is an error, and so is a RollingUpdate without rollingUpdate. With pods from a cluster
	// pass the stored object: its UID and namespace decide which pods are its own. For a
	// manifest use simulate.WhatIf.
	//
	// It may stand for another resource. The controller of that resource fills a DaemonSet
	// from it: metadata, selector, template, update strategy, minReadySeconds,
	// revisionHistoryLimit, the status of the pass before, and its API version and kind, which
	// all owner references then name. No API server validates such a DaemonSet: call Validate,
	// and ValidateUpdate for changes. If the selector does not match the template, passes create
	// and release pods without end. If API version and kind are both empty, as typed clients
	// leave them, the owner is an apps/v1 DaemonSet; one without the other is an error.
	DaemonSet *appsv1.DaemonSet
	// Nodes are all nodes of the cluster, in any order. A nil entry, an empty
	// name and a repeated name are errors.
	Nodes []*corev1.Node
	// Pods are the pods of the DaemonSet's namespace, in any order. Pods of other
	// namespaces and other controllers are ignored. A nil entry is an error, and, among
	// the pods of the DaemonSet and those without a controller, so are an empty name and a
	// repeated name. A pod that Claimer.Pod refuses is an error, too.
	Pods []*corev1.Pod
	// Revisions are the ControllerRevisions of the DaemonSet's namespace, in any
	// order. Include those of other owners, because a new revision cannot have their
	// names. A nil entry is an error, and, in the namespace, so are an empty name, a
	// repeated name, and an owner that Claimer.Revision refuses.
	//
	// The current revision is the one that holds the DaemonSet's template. Its
	// hash label says which pods are updated. If no revision holds the template,
	// the hash is TemplateHash of the template and status.collisionCount, which is
	// what the controller gives a new revision. White space between the tokens of data
	// has no effect, because kubectl indents it.
	Revisions []*appsv1.ControllerRevision
	// Now is the time of the pass. It decides availability and backoff. The zero time is an
	// error if a pod has failed, if a pod is ready and minReadySeconds is set, or if Backoff
	// has entries. A pass of package rollout always needs the time.
	Now time.Time
	// Backoff holds the delays of failed pods from earlier passes; nil for the first pass. A
	// pass returns what changes in Plan.BackoffChanges; see Backoff.With.
	Backoff Backoff
	// BurstReplicas limits how many pods one pass creates, and how many it
	// deletes. Zero means DefaultBurstReplicas; below zero means no limit.
	BurstReplicas int
	// Placement holds the feature gates that placement depends on; the zero value is the
	// defaults of Kubernetes 1.37.
	Placement placement.Options
	// Naming holds the labels and names of revisions; the zero value is upstream's. It must be
	// the same in every pass: under another hash label all pods are outdated. A label or a
	// prefix that the API server would refuse is an error. That no label is in the selector is
	// not checked; lint.Check does that.
	Naming Naming
}

// DefaultBurstReplicas is how many pods upstream's controller creates, and how
// many it deletes, in one pass at most (BurstReplicas@v1.37.2).
const DefaultBurstReplicas = 250

// Input returns the facts of the snapshot, from which Observe makes an equal one.
// Nodes, pods and revisions are ordered by name. Pods of other owners are left out. The
// lists and the backoff are the caller's own, the objects read-only.
func (s *Snapshot) Input() Input {
	if s == nil {
		return Input{}
	}
	in := s.in
	in.Backoff = maps.Clone(in.Backoff) // Update changes the map.
	for i := range s.nodes {
		n := &s.nodes[i]
		if n.Node != nil {
			in.Nodes = append(in.Nodes, n.Node)
		}
		for j := range n.Pods {
			in.Pods = append(in.Pods, n.Pods[j].Pod)
		}
	}
	for _, claim := range s.claims {
		if !claim.Claim.Owned() {
			in.Pods = append(in.Pods, claim.Pod)
		}
	}
	for _, u := range s.uncounted {
		in.Pods = append(in.Pods, u.Pod)
	}
	in.Pods = append(in.Pods, s.unclaimed...)
	if s.kept != nil {
		in.Pods = slices.AppendSeq(in.Pods, maps.Values(s.kept.unclaimed))
	}
	slices.SortFunc(in.Pods, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	for _, r := range s.revisions.list {
		in.Revisions = append(in.Revisions, r.Revision)
	}
	return in
}

// equalInputs compares two inputs whose lists are in the same order.
func equalInputs(a, b Input) bool {
	return a.Now.Equal(b.Now) &&
		a.BurstReplicas == b.BurstReplicas && a.Placement == b.Placement && a.Naming.WithDefaults() == b.Naming.WithDefaults() &&
		a.Backoff.equal(b.Backoff, a.Now) &&
		equalObjects(a.DaemonSet, b.DaemonSet) &&
		slices.EqualFunc(a.Nodes, b.Nodes, equalObjects) &&
		slices.EqualFunc(a.Pods, b.Pods, equalObjects) &&
		slices.EqualFunc(a.Revisions, b.Revisions, equalRevisions)
}

func equalObjects[T any](a, b *T) bool { return a == b || equality.Semantic.DeepEqual(a, b) }

// equalRevisions compares the object in the data by reflection, because it may be of any
// type.
func equalRevisions(a, b *appsv1.ControllerRevision) bool {
	return a == b || a.Revision == b.Revision && a.TypeMeta == b.TypeMeta &&
		equality.Semantic.DeepEqual(&a.ObjectMeta, &b.ObjectMeta) &&
		bytes.Equal(a.Data.Raw, b.Data.Raw) && reflect.DeepEqual(a.Data.Object, b.Data.Object)
}
