package lint

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/demand"
	"github.com/pernode/daemonset/internal/podstatus"
)

func (c *checker) requests() {
	for _, err := range demand.Invalid(podSpecPath(), c.spec) {
		c.add(Finding{
			Code: CodeResourcesMalformed, Severity: SeverityError, Field: err.Field,
			Message: "The requests, limits or overhead are malformed: " + err.ErrorBody() + ".",
			Fix:     "Correct them. The API server refuses them.",
		})
	}
	for i := range c.spec.InitContainers {
		if container := &c.spec.InitContainers[i]; podstatus.Sidecar(container) {
			c.missingRequests(podSpecPath().Child("initContainers").Index(i), container)
		}
	}
	for i := range c.spec.Containers {
		c.missingRequests(podSpecPath().Child("containers").Index(i), &c.spec.Containers[i])
	}

	total := demand.Requests(c.spec)
	for _, name := range slices.Sorted(maps.Keys(total)) {
		if quantity := total[name]; quantity.Sign() > 0 {
			c.exceedingRequests(name, quantity)
		}
	}
}

func (c *checker) missingRequests(path *field.Path, container *corev1.Container) {
	var pod corev1.ResourceList
	if c.spec.Resources != nil {
		pod = demand.WithLimits(c.spec.Resources)
	}
	own := demand.WithLimits(&container.Resources)
	missing := func(name corev1.ResourceName) bool {
		_, ofContainer := own[name]
		_, ofPod := pod[name]
		return !ofContainer && !ofPod
	}
	var names []string
	for _, name := range []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory} {
		if missing(name) {
			names = append(names, "no "+string(name))
		}
	}
	if len(names) == 0 {
		return
	}
	f := Finding{
		Code: CodeRequestsMissing, Severity: SeverityWarning, Field: path.Child("resources", "requests").String(),
		Message: "Container " + orQuotes(container.Name) + " requests " + strings.Join(names, " and ") + ". The scheduler reserves nothing for it.",
		Fix:     "Request what the container normally uses.",
	}
	if missing(corev1.ResourceMemory) {
		f.Message += " When a node runs out of memory, the kubelet evicts the pod among the first."
	}
	c.add(f)
}

// exceedingRequests looks for eligible nodes that are too small for one pod, or for
// the two pods of a surge, even with no other pod on them. It skips nodes that
// list no resources.
func (c *checker) exceedingRequests(name corev1.ResourceName, quantity resource.Quantity) {
	twice := quantity.DeepCopy()
	twice.Add(quantity)
	var without, tooSmall, onlyOne []string
	for _, node := range c.eligible {
		allocatable := demand.Allocatable(node)
		if len(allocatable) == 0 {
			continue
		}
		switch amount, ok := allocatable[name]; {
		case !ok:
			without = append(without, node.Name)
		case amount.Cmp(quantity) < 0:
			tooSmall = append(tooSmall, node.Name)
		case amount.Cmp(twice) < 0:
			onlyOne = append(onlyOne, node.Name)
		}
	}
	path := podSpecPath().Child("containers").String()
	if n := len(without); n > 0 {
		c.add(Finding{
			Code: CodeRequestsExceedNode, Severity: SeverityWarning, Field: path, Nodes: without,
			Message: fmt.Sprintf("The pod requests %s %s. %s (%s) %s not have it to allocate, and %s there %s Pending.",
				quantity.String(), name, counted(n, "eligible node"), listNames(without), plural(n, "does", "do"), plural(n, "the pod", "the pods"), plural(n, "stays", "stay")),
			Fix: "Select only nodes that have it.",
		})
	}
	if n := len(tooSmall); n > 0 {
		c.add(Finding{
			Code: CodeRequestsExceedNode, Severity: SeverityError, Field: path, Nodes: tooSmall,
			Message: fmt.Sprintf("The pod requests %s %s. %s (%s) %s less than that to allocate, and %s there %s Pending.",
				quantity.String(), name, counted(n, "eligible node"), listNames(tooSmall), plural(n, "has", "have"), plural(n, "the pod", "the pods"), plural(n, "stays", "stay")),
			Fix: "Request less, or select only larger nodes.",
		})
	}
	if n := len(onlyOne); n > 0 && c.surges() {
		c.add(Finding{
			Code: CodeSurgeRequests, Severity: SeverityError, Field: budgetField("maxSurge"), Nodes: onlyOne,
			Message: fmt.Sprintf("Two pods request %s %s. %s (%s) %s less than that to allocate. The new pod never starts beside the old one there, and the rollout gets stuck.",
				twice.String(), name, counted(n, "eligible node"), listNames(onlyOne), plural(n, "has", "have")),
			Fix: "Use maxUnavailable instead of maxSurge, or request less.",
		})
	}
}
