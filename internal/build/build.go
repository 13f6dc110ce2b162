package build

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/internal/revision"
)

// Now is when tests take place.
var Now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// Namespace is that of the DaemonSets and their pods.
const Namespace = "kube-system"

// Labels are labels, annotations or a node selector.
type Labels = map[string]string

// Set is a DaemonSet as an API server returns it: defaults are filled in.
type Set struct {
	// Name is "agent" if it is empty. The UID is "uid-<name>".
	Name string
	// Labels are the template's; nil: app=<name>.
	Labels Labels
	// Selector selects app=<name> if it is nil.
	Selector *metav1.LabelSelector
	// Annotations are the DaemonSet's own.
	Annotations Labels
	// Spec is the template's. It gets a container if it has none.
	Spec corev1.PodSpec
	// MaxUnavailable and MaxSurge are "2" or "25%". If both are empty,
	// maxUnavailable is 1; an empty one is 0 otherwise.
	MaxUnavailable, MaxSurge string
	// OnDelete selects the strategy OnDelete.
	OnDelete bool
	// MinReady is minReadySeconds.
	MinReady int32
	// Generation is 1 if it is 0.
	Generation int64
	// Deleting gives it a deletion timestamp.
	Deleting bool
	// Status is taken as it is.
	Status appsv1.DaemonSetStatus
}

// Object returns the DaemonSet.
func (s Set) Object() *appsv1.DaemonSet {
	name := cmp.Or(s.Name, "agent")
	labels := s.Labels
	if labels == nil {
		labels = Labels{"app": name}
	}
	limit := int32(10)
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: Namespace, Name: name, UID: types.UID("uid-" + name),
			Generation: cmp.Or(s.Generation, 1), Annotations: maps.Clone(s.Annotations), CreationTimestamp: before(time.Hour),
		},
		Spec: appsv1.DaemonSetSpec{
			Selector:             s.Selector.DeepCopy(),
			MinReadySeconds:      s.MinReady,
			RevisionHistoryLimit: &limit,
			UpdateStrategy:       s.strategy(),
		},
		Status: *s.Status.DeepCopy(),
	}
	if ds.Spec.Selector == nil {
		ds.Spec.Selector = &metav1.LabelSelector{MatchLabels: Labels{"app": name}}
	}
	ds.Spec.Template.Labels = maps.Clone(labels)
	s.Spec.DeepCopyInto(&ds.Spec.Template.Spec)
	if len(s.Spec.Containers) == 0 {
		ds.Spec.Template.Spec.Containers = []corev1.Container{{Name: "main", Image: name + ":1"}}
	}
	if s.Deleting {
		ds.DeletionTimestamp = deleted()
	}
	return ds
}

func (s Set) strategy() appsv1.DaemonSetUpdateStrategy {
	if s.OnDelete {
		return appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	}
	unavailable, surge := cmp.Or(s.MaxUnavailable, "0"), cmp.Or(s.MaxSurge, "0")
	if s.MaxUnavailable == "" && s.MaxSurge == "" {
		unavailable = "1"
	}
	maxUnavailable, maxSurge := intstr.Parse(unavailable), intstr.Parse(surge)
	return appsv1.DaemonSetUpdateStrategy{
		Type:          appsv1.RollingUpdateDaemonSetStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &maxUnavailable, MaxSurge: &maxSurge},
	}
}

// Node is a node.
type Node struct {
	Name   string
	Labels Labels
	Taints []corev1.Taint
	// NotReady is for how long the Ready condition has been Unknown; zero: the node
	// has no condition.
	NotReady time.Duration
}

// Object returns the node.
func (n Node) Object() *corev1.Node {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: maps.Clone(n.Labels)}}
	for _, taint := range n.Taints {
		node.Spec.Taints = append(node.Spec.Taints, *taint.DeepCopy())
	}
	if n.NotReady > 0 {
		node.Status.Conditions = []corev1.NodeCondition{
			{Type: corev1.NodeReady, Status: corev1.ConditionUnknown, LastTransitionTime: before(n.NotReady)},
		}
	}
	return node
}

// Nodes returns plain nodes of the given names.
func Nodes(names ...string) []*corev1.Node {
	nodes := make([]*corev1.Node, len(names))
	for i, name := range names {
		nodes[i] = Node{Name: name}.Object()
	}
	return nodes
}

// NoSchedule is a taint.
func NoSchedule(key string) corev1.Taint {
	return corev1.Taint{Key: key, Effect: corev1.TaintEffectNoSchedule}
}

// NoExecute is a taint.
func NoExecute(key string) corev1.Taint {
	return corev1.Taint{Key: key, Effect: corev1.TaintEffectNoExecute}
}

// Pod is a pod of a DaemonSet. Unless told otherwise it is bound, running and
// ready since it was made an hour before Now.
type Pod struct {
	// Name also makes the UID, "uid-<name>".
	Name string
	// Node is the node of the pod or, while it is Unbound, the node it waits for.
	// Empty: it names no node.
	Node string
	// Unbound pods name their node in their affinity only.
	Unbound bool
	// Hash is the label controller-revision-hash; empty: none.
	Hash string
	// Phase is Running if it is empty, or Pending if the pod is Unbound.
	Phase corev1.PodPhase
	// NotReady makes the Ready condition False.
	NotReady bool
	// Ready is for how long the pod has been ready; zero: as long as its Age.
	Ready time.Duration
	// Age is an hour if it is zero.
	Age time.Duration
	// Restarts is the restart count of the container main, and Waiting the kubelet's
	// reason why it does not run. Without both the pod has no container status.
	Restarts int32
	Waiting  string
	// Deleting gives it a deletion timestamp.
	Deleting bool
	// Orphan pods have no owner, Foreign ones another DaemonSet.
	Orphan, Foreign bool
	// Labels are the template's and the Hash if they are nil.
	Labels Labels
}

// Of returns the pod, owned by ds and with the labels of its template.
func (p Pod) Of(ds *appsv1.DaemonSet) *corev1.Pod {
	age := cmp.Or(p.Age, time.Hour)
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: ds.Namespace, Name: p.Name, UID: types.UID("uid-" + p.Name),
			Labels: maps.Clone(p.Labels), CreationTimestamp: before(age), OwnerReferences: Owner(ds),
		},
		Status: corev1.PodStatus{Phase: cmp.Or(p.Phase, corev1.PodRunning)},
	}
	if p.Labels == nil {
		pod.Labels = maps.Clone(ds.Spec.Template.Labels)
		if p.Hash != "" {
			pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = p.Hash
		}
	}
	if p.Node != "" {
		pod.Spec.Affinity = OnNode(p.Node)
		pod.Spec.NodeName = p.Node
	}
	ready := corev1.ConditionTrue
	if p.NotReady {
		ready = corev1.ConditionFalse
	}
	pod.Status.Conditions = []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionTrue, LastTransitionTime: before(age)},
		{Type: corev1.PodReady, Status: ready, LastTransitionTime: before(cmp.Or(p.Ready, age))},
	}
	if p.Unbound {
		pod.Spec.NodeName = ""
		pod.Status = corev1.PodStatus{Phase: cmp.Or(p.Phase, corev1.PodPending)}
	}
	if p.Restarts > 0 || p.Waiting != "" {
		main := corev1.ContainerStatus{Name: "main", RestartCount: p.Restarts}
		if p.Waiting != "" {
			main.State.Waiting = &corev1.ContainerStateWaiting{Reason: p.Waiting}
		}
		pod.Status.ContainerStatuses = []corev1.ContainerStatus{main}
	}
	if p.Deleting {
		pod.DeletionTimestamp = deleted()
	}
	switch {
	case p.Orphan:
		pod.OwnerReferences = nil
	case p.Foreign:
		pod.OwnerReferences[0].Name, pod.OwnerReferences[0].UID = "other", "uid-other"
	}
	return pod
}

// Owner returns the owner references of what ds controls. A ds without a kind is an
// apps/v1 DaemonSet.
func Owner(ds *appsv1.DaemonSet) []metav1.OwnerReference {
	kind := ds.GroupVersionKind()
	if kind.Empty() {
		kind = appsv1.SchemeGroupVersion.WithKind("DaemonSet")
	}
	return []metav1.OwnerReference{*metav1.NewControllerRef(ds, kind)}
}

// OnNode is the affinity that ties a pod to the named node.
func OnNode(name string) *corev1.Affinity {
	return Require(corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{
		{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{name}},
	}})
}

// Require is a required node affinity of the given terms.
func Require(terms ...corev1.NodeSelectorTerm) *corev1.Affinity {
	return &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms},
	}}
}

// Revision is a ControllerRevision of a DaemonSet.
type Revision struct {
	// Hash is the label controller-revision-hash and part of the name.
	Hash string
	// Number is the revision number.
	Number int64
	// Data is the stored patch; empty: one that matches no template.
	Data string
}

// Of returns the revision, owned by ds and with the labels of its template.
func (r Revision) Of(ds *appsv1.DaemonSet) *appsv1.ControllerRevision {
	labels := make(Labels, len(ds.Spec.Template.Labels)+1)
	maps.Copy(labels, ds.Spec.Template.Labels)
	labels[appsv1.DefaultDaemonSetUniqueLabelKey] = r.Hash
	name := ds.Name + "-" + r.Hash
	return &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: ds.Namespace, Name: name, UID: types.UID("uid-" + name),
			Labels: labels, CreationTimestamp: before(time.Hour), OwnerReferences: Owner(ds),
		},
		Revision: r.Number,
		Data:     runtime.RawExtension{Raw: []byte(cmp.Or(r.Data, "{}"))},
	}
}

// Current returns the revision that holds the template of ds, with the given hash as
// its label.
func Current(ds *appsv1.DaemonSet, hash string) []*appsv1.ControllerRevision {
	data, err := revision.Data(&ds.Spec.Template)
	if err != nil {
		panic(err) // only managed fields that are no JSON bring this about
	}
	rev := Revision{Hash: hash, Number: 1, Data: string(data)}.Of(ds)
	return []*appsv1.ControllerRevision{rev}
}

// History returns revisions from a text such as "h1:3 h2:1:current,orphan": hash, number, and
// what is special about them. Their names are that of ds, "-" and the hash. It panics on other
// text.
func History(ds *appsv1.DaemonSet, text string) []*appsv1.ControllerRevision {
	var out []*appsv1.ControllerRevision
	for word := range strings.FieldsSeq(text) {
		parts := append(strings.Split(word, ":"), "")
		rev := Revision{Hash: parts[0]}.Of(ds)
		if _, err := fmt.Sscan(parts[1], &rev.Revision); err != nil {
			panic(err)
		}
		for _, special := range strings.Split(parts[2], ",") {
			switch special {
			case "":
			case "current":
				rev.Data = Current(ds, "")[0].Data
			case "similar":
				rev.Data.Raw = bytes.Replace(Current(ds, "")[0].Data.Raw, []byte("agent:1"), []byte("agent:2"), 1)
			case "nohash":
				delete(rev.Labels, appsv1.DefaultDaemonSetUniqueLabelKey)
			case "nolabels":
				rev.Labels = nil
			case "orphan":
				rev.OwnerReferences = nil
			case "foreign":
				rev.OwnerReferences = Owner(Set{Name: "other"}.Object())
			case "mismatch":
				rev.Labels["app"] = "other"
			case "elsewhere":
				rev.Namespace = "elsewhere"
			default:
				panic("unknown word " + special)
			}
		}
		out = append(out, rev)
	}
	return out
}

func before(age time.Duration) metav1.Time { return metav1.NewTime(Now.Add(-age)) }

func deleted() *metav1.Time {
	t := before(time.Minute)
	return &t
}
