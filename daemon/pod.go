package daemon

import (
	"maps"
	"slices"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/internal/owner"
	"github.com/pernode/daemonset/internal/podstatus"
	"github.com/pernode/daemonset/placement"
)

// TargetNode returns the name of the node that a daemon pod is bound or pinned to:
// spec.nodeName, or, for a pod not bound yet, the single value of the first
// metadata.name In requirement among the matchFields of its required node
// affinity terms (GetTargetNodeName@v1.37.2). It reports false if neither
// names a node; upstream leaves such a pod out of every count. A nil pod has no
// target.
func TargetNode(pod *corev1.Pod) (string, bool) {
	if pod == nil {
		return "", false
	}
	if pod.Spec.NodeName != "" {
		return pod.Spec.NodeName, true
	}
	affinity := pod.Spec.Affinity
	if affinity == nil || affinity.NodeAffinity == nil ||
		affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return "", false
	}
	terms := affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	for i := range terms {
		for j := range terms[i].MatchFields {
			req := &terms[i].MatchFields[j]
			if req.Key != metav1.ObjectNameField || req.Operator != corev1.NodeSelectorOpIn {
				continue
			}
			if len(req.Values) != 1 {
				return "", false
			}
			return req.Values[0], true
		}
	}
	return "", false
}

// NewPod returns the pod that the controller creates for ds on the named node
// (CreatePodTemplate, ReplaceDaemonSetPodNodeNameNodeAffinity and
// GetPodFromTemplate @v1.37.2). It is the template with these changes:
//
//   - the label controller-revision-hash is revisionHash. An empty revisionHash means
//     TemplateHash of the template and status.collisionCount, which is what the controller
//     gives a new revision. Snapshot.NewPod has the hash of the current one, and the labels
//     of Input.Naming;
//   - the deprecated template generation label is set if ds has its annotation;
//   - tolerations are those of placement.Tolerations;
//   - one required node affinity term that pins the pod to the node replaces all
//     others;
//   - generateName is "<name>-", and a controller owner reference blocks the owner's
//     deletion;
//   - the namespace is that of ds, which upstream leaves to the request.
//
// The API server's defaults of pods are not applied: a container with limits only has no
// requests here. spec.nodeName stays the template's, because the scheduler binds pods. The
// pod shares nothing with ds. The owner's kind is that of ds; see Input.DaemonSet. A nil ds
// gives nil, and so does one with only one of apiVersion and kind. An empty nodeName gives nil,
// too: an API server refuses a pod that is pinned to a node without a name
// (ValidateNodeFieldSelectorRequirement@v1.37.2).
func NewPod(ds *appsv1.DaemonSet, nodeName, revisionHash string) *corev1.Pod {
	id, err := owner.Of(ds)
	if err != nil || nodeName == "" {
		return nil
	}
	if revisionHash == "" {
		revisionHash = TemplateHash(&ds.Spec.Template, ds.Status.CollisionCount)
	}
	return newPodBuilder(ds, id, Naming{}.WithDefaults(), revisionHash).build(nodeName)
}

// DesiredPods returns one pod, as NewPod builds it, for every eligible node, ordered
// by node name. It reads DaemonSet, Nodes, Revisions, Placement and Naming of the input, and
// ignores existing pods. A DaemonSet that is being deleted is treated as any other.
//
// It fails with a *field.Error if in.DaemonSet, in.Nodes or in.Revisions are not as Input
// demands. Without nodes there are no pods. The pods share nothing with the input
// or with each other.
func DesiredPods(in Input) ([]*corev1.Pod, error) {
	ds := in.DaemonSet
	claimer, err := NewClaimer(ds)
	if err != nil {
		return nil, err
	}
	if err := checkDefaults(ds); err != nil {
		return nil, err
	}
	decided, err := decideNodes(in.Nodes, placement.Compile(&ds.Spec.Template, in.Placement))
	if err != nil {
		return nil, err
	}
	in.Naming = in.Naming.WithDefaults()
	if err := in.Naming.check(in.DaemonSet.Name); err != nil {
		return nil, err
	}
	revisions, err := observeRevisions(&in, claimer)
	if err != nil {
		return nil, err
	}
	builder := newPodBuilder(ds, claimer.owner, in.Naming, revisions.hash)
	var pods []*corev1.Pod
	for i := range decided {
		if decided[i].Decision.Run {
			pods = append(pods, builder.build(decided[i].Name))
		}
	}
	return pods, nil
}

// podBuilder holds what all new pods of one DaemonSet have in common.
type podBuilder struct {
	ds           *appsv1.DaemonSet
	owner        owner.Identity
	labels       map[string]string
	generateName string
	tolerations  []corev1.Toleration
}

func newPodBuilder(ds *appsv1.DaemonSet, id owner.Identity, names Naming, hash string) *podBuilder {
	template := &ds.Spec.Template
	b := &podBuilder{
		ds:           ds,
		owner:        id,
		labels:       make(map[string]string, len(template.Labels)+2),
		generateName: ds.Name + "-",
		tolerations:  placement.Tolerations(&template.Spec),
	}
	maps.Copy(b.labels, template.Labels)
	if generation := templateGeneration(ds); generation != "" {
		b.labels[names.TemplateGenerationLabel] = generation
	}
	if hash != "" {
		b.labels[names.RevisionHashLabel] = hash
	}
	if len(validation.NameIsDNSSubdomain(b.generateName, true)) != 0 {
		b.generateName = ds.Name
	}
	return b
}

func (b *podBuilder) build(nodeName string) *corev1.Pod {
	template := &b.ds.Spec.Template
	own := &made{owner: [1]metav1.OwnerReference{b.owner.Reference()}}
	pod := &own.pod
	pod.ObjectMeta = metav1.ObjectMeta{
		Namespace:       b.ds.Namespace,
		GenerateName:    b.generateName,
		Labels:          maps.Clone(b.labels),
		Annotations:     maps.Clone(template.Annotations),
		Finalizers:      slices.Clone(template.Finalizers),
		OwnerReferences: own.owner[:],
	}
	spec := template.Spec
	spec.Tolerations = nil // replaced, so not copied
	spec.DeepCopyInto(&pod.Spec)
	pod.Spec.Tolerations = cloneTolerations(b.tolerations)
	own.pin.to(&pod.Spec, nodeName)
	return pod
}

// made is a new pod with all that it has of its own except lists of variable length, in one piece
// of memory.
type made struct {
	pod   corev1.Pod
	owner [1]metav1.OwnerReference
	pin   pin
}

func cloneTolerations(in []corev1.Toleration) []corev1.Toleration {
	out := slices.Clone(in)
	for i := range out {
		out[i].TolerationSeconds = clonePointer(out[i].TolerationSeconds)
	}
	return out
}

func clonePointer[T any](p *T) *T {
	if p == nil {
		return nil
	}
	v := *p
	return &v
}

// pin is a required node affinity for one node.
type pin struct {
	affinity     corev1.Affinity
	nodeAffinity corev1.NodeAffinity
	selector     corev1.NodeSelector
	term         [1]corev1.NodeSelectorTerm
	field        [1]corev1.NodeSelectorRequirement
	value        [1]string
}

// to replaces all required node affinity terms; preferred terms and pod (anti-)affinity
// stay.
func (p *pin) to(spec *corev1.PodSpec, nodeName string) {
	if spec.Affinity == nil {
		spec.Affinity = &p.affinity
	}
	if spec.Affinity.NodeAffinity == nil {
		spec.Affinity.NodeAffinity = &p.nodeAffinity
	}
	p.value[0] = nodeName
	p.field[0] = corev1.NodeSelectorRequirement{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: p.value[:]}
	p.term[0].MatchFields = p.field[:]
	p.selector.NodeSelectorTerms = p.term[:]
	spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution = &p.selector
}

// templateGeneration returns the generation in the deprecated annotation, in the form of
// the pods' label. It is empty if the annotation is missing or not a number
// (GetTemplateGeneration@v1.37.2).
func templateGeneration(ds *appsv1.DaemonSet) string {
	generation, err := strconv.ParseInt(ds.Annotations[appsv1.DeprecatedTemplateGeneration], 10, 64)
	if err != nil {
		return ""
	}
	return strconv.FormatInt(generation, 10)
}

// readyCondition returns a pod's Ready condition if its status is True, else
// nil (IsPodReadyConditionTrue@v1.37.2).
func readyCondition(conditions []corev1.PodCondition) *corev1.PodCondition {
	if c := podstatus.Find(conditions, corev1.PodReady); c != nil && c.Status == corev1.ConditionTrue {
		return c
	}
	return nil
}

// availableAt reports whether a pod with the given true Ready condition is
// available (IsPodAvailable@v1.37.2).
func availableAt(ready *corev1.PodCondition, minReadySeconds int32, now time.Time) bool {
	if minReadySeconds == 0 {
		return true
	}
	at, ok := availableFrom(ready, minReadySeconds)
	return ok && !at.After(now)
}

// availableFrom returns when a pod with the given true Ready condition becomes, or
// became, available; false if it never does, because it has no transition time.
func availableFrom(ready *corev1.PodCondition, minReadySeconds int32) (time.Time, bool) {
	since := ready.LastTransitionTime
	return since.Add(time.Duration(minReadySeconds) * time.Second), !since.IsZero()
}
