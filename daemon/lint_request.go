package daemon

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// reserved is what a container reserves: its requests, or its limits where it has
// no request (SetDefaults_Pod@v1.37.2).
func reserved(r *corev1.ResourceRequirements) corev1.ResourceList {
	out := make(corev1.ResourceList, len(r.Requests)+len(r.Limits))
	maps.Copy(out, r.Limits)
	maps.Copy(out, r.Requests)
	return out
}

func (l *linter) requests() {
	l.missingRequests(podSpecPath().Child("initContainers"), l.spec.InitContainers, isSidecar)
	l.missingRequests(podSpecPath().Child("containers"), l.spec.Containers, func(*corev1.Container) bool { return true })

	total := podRequests(l.spec)
	for _, name := range slices.Sorted(maps.Keys(total)) {
		if quantity := total[name]; quantity.Sign() > 0 {
			l.exceedingRequests(name, quantity)
		}
	}
}

func (l *linter) missingRequests(path *field.Path, containers []corev1.Container, counts func(*corev1.Container) bool) {
	var pod corev1.ResourceList
	if l.spec.Resources != nil {
		pod = reserved(l.spec.Resources)
	}
	for i := range containers {
		c := &containers[i]
		if !counts(c) {
			continue
		}
		own := reserved(&c.Resources)
		var missing []string
		for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
			_, ofContainer := own[name]
			_, ofPod := pod[name]
			if !ofContainer && !ofPod {
				missing = append(missing, "no "+string(name))
			}
		}
		if len(missing) == 0 {
			continue
		}
		l.add(Finding{
			Code: LintRequestsMissing, Severity: SeverityWarning, Field: path.Index(i).Child("resources", "requests").String(),
			Message: fmt.Sprintf("Container %s requests %s: no room is kept for it on any node, and under pressure it is among the first to go.",
				cmp.Or(c.Name, "without a name"), strings.Join(missing, " and ")),
			Fix: "Request what it needs in ordinary use.",
		})
	}
}

// exceedingRequests looks for eligible nodes on which one pod, or the two of a
// surge, would not fit even if they were empty.
func (l *linter) exceedingRequests(name corev1.ResourceName, quantity resource.Quantity) {
	twice := quantity.DeepCopy()
	twice.Add(quantity)
	var without, tooSmall, one []*corev1.Node
	for _, node := range l.eligible {
		if len(node.Status.Allocatable) == 0 {
			continue // not known
		}
		switch has, ok := node.Status.Allocatable[name]; {
		case !ok:
			without = append(without, node)
		case has.Cmp(quantity) < 0:
			tooSmall = append(tooSmall, node)
		case has.Cmp(twice) < 0:
			one = append(one, node)
		}
	}
	f := Finding{Code: LintRequestsExceedNode, Field: podSpecPath().Child("containers").String()}
	if len(without) > 0 {
		f.Severity, f.Nodes = SeverityWarning, nodeNames(without)
		f.Message = fmt.Sprintf("The pod requests %s of %s, which %s (%s) %s not have: its pods there stay Pending.",
			quantity.String(), name, counted(len(without), "eligible node"), listNames(f.Nodes), oneOrMany(len(without), "does", "do"))
		f.Fix = "Select only nodes that have it."
		l.add(f)
	}
	if len(tooSmall) > 0 {
		f.Severity, f.Nodes = SeverityError, nodeNames(tooSmall)
		f.Message = fmt.Sprintf("The pod requests %s of %s, more than %s (%s) %s when empty: its pods there stay Pending.",
			quantity.String(), name, counted(len(tooSmall), "eligible node"), listNames(f.Nodes), oneOrMany(len(tooSmall), "has", "have"))
		f.Fix = "Request less, or select only nodes that have as much."
		l.add(f)
	}
	if len(one) > 0 && l.surges() {
		names := nodeNames(one)
		l.add(Finding{
			Code: LintSurgeRequests, Severity: SeverityError, Field: budgetField("maxSurge"), Nodes: names,
			Message: fmt.Sprintf("Two pods request %s of %s, more than %s (%s) %s when empty: the new pod never starts beside the old one.",
				twice.String(), name, counted(len(names), "eligible node"), listNames(names), oneOrMany(len(names), "has", "have")),
			Fix: "Use maxUnavailable in place of maxSurge, or request less.",
		})
	}
}

// podRequests is what the scheduler reserves for a pod (PodRequests@v0.37.2):
// containers and sidecars together, or the largest init container with the sidecars
// started before it, or what the pod sets as a whole; and the overhead.
func podRequests(spec *corev1.PodSpec) corev1.ResourceList {
	running, largest := corev1.ResourceList{}, corev1.ResourceList{}
	for i := range spec.InitContainers {
		c := &spec.InitContainers[i]
		own := reserved(&c.Resources)
		if isSidecar(c) {
			addResources(running, own)
			own = corev1.ResourceList{}
		}
		addResources(own, running)
		maxResources(largest, own)
	}
	for i := range spec.Containers {
		addResources(running, reserved(&spec.Containers[i].Resources))
	}
	maxResources(running, largest)
	if pod := spec.Resources; pod != nil {
		maps.Copy(running, pod.Requests)
		for name, limit := range pod.Limits {
			// Where no container requests any (defaultPodRequests@v1.37.2).
			if _, ok := running[name]; !ok {
				running[name] = limit
			}
		}
	}
	addResources(running, spec.Overhead)
	return running
}

func addResources(to, from corev1.ResourceList) {
	for name, quantity := range from {
		sum := to[name].DeepCopy()
		sum.Add(quantity)
		to[name] = sum
	}
}

func maxResources(to, from corev1.ResourceList) {
	for name, quantity := range from {
		if has, ok := to[name]; !ok || has.Cmp(quantity) < 0 {
			to[name] = quantity.DeepCopy()
		}
	}
}
