package diff

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
)

// SiblingChanges are the differences between a pod and its siblings. The zero value has no
// sibling and no differences.
type SiblingChanges struct {
	// Siblings is the number of siblings.
	Siblings int
	// Sibling is the one that the pod is compared with. It is nil if there are none. It is
	// read-only.
	Sibling *corev1.Pod
	// Changes lead from Sibling (Old) to the pod (New). They are nil if the pod differs only
	// in what differs by nature.
	Changes Changes
}

// Siblings compares a pod with its siblings: the pods that the same DaemonSet made from the
// same template. It leaves out what differs by nature and shows the rest,
// such as the container that a webhook put into this pod alone.
//
// pods may be any pods in any order; nil pods are skipped, and so is the pod itself, which is
// the same pointer or has the same namespace and name. A sibling is in the namespace of the
// pod, has the same controller and the same revision hash. The controller is the same if
// groups, kinds and names are equal, and the UIDs if both have one. naming is the Input.Naming
// of the DaemonSet; the zero value is upstream's.
//
// The pod is compared with the most typical sibling. For each field of metadata and spec,
// label and annotation, Siblings counts how many of the pods, this one included, have the same
// value. The sibling with the largest sum is the most typical one, and the one with the lowest
// name if several are. A few siblings that a webhook changed, too, do not hide a difference. If
// there are only two pods, neither is more typical: each differs from the other.
//
// These differ by nature and are left out:
//
//   - kind, apiVersion and status;
//   - metadata: name, generateName, selfLink, uid, resourceVersion, generation, timestamps and
//     grace period of creation and deletion, managedFields, the label of the template
//     generation, and the UID of the controller;
//   - spec.nodeName, spec.hostname, and the name of the pod's node where the required node
//     affinity pins the pod to it (ReplaceDaemonSetPodNodeNameNodeAffinity@v1.37.2);
//   - the random end of the name of a token volume, kube-api-access-*, in spec.volumes and
//     in the volume mounts (mountServiceAccountToken@v1.37.2). Such a volume that only one of
//     the pods has is a difference, and so is another content.
//
// All else is compared by the rules of the package comment. Annotations that a network plugin
// writes into each pod are therefore changes; leave out what you know by Change.Path. A nil
// pod, and one without a controller, has no siblings. The result may share memory with the
// pods: it is read-only. The time is linear in the pods, except that they are sorted by name.
func Siblings(pod *corev1.Pod, pods []*corev1.Pod, naming daemon.Naming) SiblingChanges {
	if pod == nil {
		return SiblingChanges{}
	}
	naming = naming.WithDefaults()
	n := nodePods{naming: naming}
	var siblings []*corev1.Pod
	for _, p := range pods {
		if p != nil && !samePod(p, pod) && p.Namespace == pod.Namespace && sameController(pod, p) && n.hashOf(p) == n.hashOf(pod) {
			siblings = append(siblings, p)
		}
	}
	if len(siblings) == 0 {
		return SiblingChanges{}
	}
	slices.SortFunc(siblings, n.compareByName)
	siblings = slices.CompactFunc(siblings, samePod)
	sibling := mostTypical(siblings, pod, naming)
	self := identityOf(pod)
	return SiblingChanges{
		Siblings: len(siblings),
		Sibling:  sibling,
		Changes:  compare(modeAll, naturalPod(sibling, self, naming), naturalPod(pod, self, naming)),
	}
}

// String returns one line, with the changes below it:
//
//	differs from agent-b2c4d, the most typical of its 3 siblings:
//	  spec.containers[name=proxy]: added {"name":"proxy","image":"proxy:1","resources":{}}
//
// Without changes it returns "like agent-b2c4d, the most typical of its 3 siblings", and
// without siblings "no siblings".
func (c SiblingChanges) String() string {
	if c.Sibling == nil {
		return "no siblings"
	}
	sibling := fmt.Sprintf("%s, the most typical of its %d siblings", nameText(c.Sibling), c.Siblings)
	if c.Siblings == 1 {
		sibling = nameText(c.Sibling) + ", its only sibling"
	}
	if len(c.Changes) == 0 {
		return "like " + sibling
	}
	lines := []string{"differs from " + sibling + ":"}
	for _, change := range c.Changes {
		lines = append(lines, "  "+change.String())
	}
	return strings.Join(lines, "\n")
}

// samePod reports whether two values stand for one pod. A pod that is not created yet has no
// name.
func samePod(a, b *corev1.Pod) bool {
	return a == b || a.Name != "" && a.Name == b.Name && a.Namespace == b.Namespace
}

// identity is what a pod has of its own in its spec and owner references.
type identity struct {
	node       string
	controller metav1.OwnerReference
	tokens     []string // the names of the token volumes
}

func identityOf(pod *corev1.Pod) identity {
	var id identity
	id.node, _ = daemon.TargetNode(pod)
	if ref := metav1.GetControllerOfNoCopy(pod); ref != nil {
		id.controller = *ref
	}
	id.tokens = tokenVolumes(pod)
	return id
}

// tokenVolumePrefix is that of ServiceAccountVolumeName@v1.37.2.
const tokenVolumePrefix = "kube-api-access-"

func tokenVolumes(pod *corev1.Pod) []string {
	var names []string
	for i := range pod.Spec.Volumes {
		if name := pod.Spec.Volumes[i].Name; strings.HasPrefix(name, tokenVolumePrefix) {
			names = append(names, name)
		}
	}
	return names
}

// naturalPod returns a shallow copy of a pod that has the given identity in place of its
// own, and nothing else that differs by nature.
func naturalPod(pod *corev1.Pod, as identity, naming daemon.Naming) *corev1.Pod {
	own := identityOf(pod)
	out := &corev1.Pod{Spec: pod.Spec}
	meta := pod.ObjectMeta
	out.Namespace, out.Labels, out.Annotations, out.Finalizers = meta.Namespace, meta.Labels, meta.Annotations, meta.Finalizers
	if _, ok := out.Labels[naming.TemplateGenerationLabel]; ok {
		out.Labels = make(map[string]string, len(meta.Labels))
		for key, value := range meta.Labels {
			if key != naming.TemplateGenerationLabel {
				out.Labels[key] = value
			}
		}
	}
	out.OwnerReferences = slices.Clone(meta.OwnerReferences)
	for i := range out.OwnerReferences {
		if ref := &out.OwnerReferences[i]; ref.Controller != nil && *ref.Controller && ref.UID == own.controller.UID {
			ref.UID = as.controller.UID
		}
	}
	out.Spec.NodeName, out.Spec.Hostname = "", ""
	out.Spec.Affinity = pinnedTo(pod.Spec.Affinity, own.node, as.node)
	renameTokens(&out.Spec, own.tokens, as.tokens)
	return out
}

// pinnedTo returns the affinity with another node where it pins a pod to its own one.
func pinnedTo(affinity *corev1.Affinity, own, node string) *corev1.Affinity {
	if affinity == nil || affinity.NodeAffinity == nil || affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution == nil {
		return affinity
	}
	out := affinity.DeepCopy()
	terms := out.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	for i := range terms {
		for j := range terms[i].MatchFields {
			r := &terms[i].MatchFields[j]
			if r.Key == metav1.ObjectNameField && r.Operator == corev1.NodeSelectorOpIn && len(r.Values) == 1 && r.Values[0] == own {
				r.Values[0] = node
			}
		}
	}
	return out
}

// renameTokens renames the token volumes, the first one to the first name. Those without a
// name to have keep their own.
func renameTokens(spec *corev1.PodSpec, own, names []string) {
	other := make(map[string]string, len(own))
	for i, name := range own[:min(len(own), len(names))] {
		if name != names[i] {
			other[name] = names[i]
		}
	}
	if len(other) == 0 {
		return
	}
	spec.Volumes = slices.Clone(spec.Volumes)
	for i := range spec.Volumes {
		rename(&spec.Volumes[i].Name, other)
	}
	mounts := func(list []corev1.VolumeMount) []corev1.VolumeMount {
		list = slices.Clone(list)
		for i := range list {
			rename(&list[i].Name, other)
		}
		return list
	}
	spec.InitContainers = slices.Clone(spec.InitContainers)
	for i := range spec.InitContainers {
		spec.InitContainers[i].VolumeMounts = mounts(spec.InitContainers[i].VolumeMounts)
	}
	spec.Containers = slices.Clone(spec.Containers)
	for i := range spec.Containers {
		spec.Containers[i].VolumeMounts = mounts(spec.Containers[i].VolumeMounts)
	}
	spec.EphemeralContainers = slices.Clone(spec.EphemeralContainers)
	for i := range spec.EphemeralContainers {
		spec.EphemeralContainers[i].VolumeMounts = mounts(spec.EphemeralContainers[i].VolumeMounts)
	}
}

func rename(name *string, other map[string]string) {
	if to, ok := other[*name]; ok {
		*name = to
	}
}

// mostTypical returns the sibling that has most in common with all pods. The siblings are
// ordered by name.
func mostTypical(siblings []*corev1.Pod, pod *corev1.Pod, naming daemon.Naming) *corev1.Pod {
	if len(siblings) == 1 {
		return siblings[0]
	}
	all := make([]map[string]string, 0, len(siblings)+1)
	votes := make(map[string]map[string]int) // pods by part and value
	for _, p := range append(slices.Clone(siblings), pod) {
		as := identity{controller: metav1.OwnerReference{UID: "uid"}}
		for i := range tokenVolumes(p) {
			as.tokens = append(as.tokens, tokenVolumePrefix+strconv.Itoa(i))
		}
		parts := partsOf(naturalPod(p, as, naming))
		all = append(all, parts)
		for name, value := range parts {
			if votes[name] == nil {
				votes[name] = make(map[string]int)
			}
			votes[name][value]++
		}
	}
	for _, values := range votes {
		// A part that a pod does not have is a value, too.
		have := 0
		for _, n := range values {
			have += n
		}
		values[""] += len(all) - have
	}
	// A pod without any part would get the votes of all absences. What a pod has counts in
	// place of its absence, so that the parts of other pods need no look.
	best, most := 0, math.MinInt
	for i := range siblings {
		sum := 0
		for name, value := range all[i] {
			sum += votes[name][value] - votes[name][""]
		}
		if sum > most {
			best, most = i, sum
		}
	}
	return siblings[best]
}

// partsOf returns the fingerprints of the parts of a pod: the fields of metadata and spec,
// and the entries of those that are maps. No fingerprint is empty.
func partsOf(pod *corev1.Pod) map[string]string {
	parts := make(map[string]string)
	add := func(path string, v reflect.Value) { parts[path] = string(appendFingerprint([]byte{'='}, v)) }
	addFields := func(path string, v reflect.Value) {
		for i := range v.NumField() {
			at := fieldPath(path, v.Type().Field(i))
			if v.Field(i).Kind() != reflect.Map {
				add(at, v.Field(i))
				continue
			}
			for entries := v.Field(i).MapRange(); entries.Next(); {
				add(keyPath(at, quoteKey(entries.Key().String())), entries.Value())
			}
		}
	}
	addFields("metadata", reflect.ValueOf(&pod.ObjectMeta).Elem())
	addFields("spec", reflect.ValueOf(&pod.Spec).Elem())
	return parts
}
