package overhead

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pernode/daemonset/internal/demand"
)

// Total is what some pods take of a node together. Sums saturate. A copy shares memory to
// which the next OnNode writes: Clone what you keep beyond it.
type Total struct {
	// Pods is their number.
	Pods int

	resources []corev1.ResourceName // of Daemons, read-only
	amounts   []int64               // in the order of resources
}

// Requests returns the sum of the requests without zeros. The list is the caller's own. Cpu is
// counted in thousandths and everything else in whole numbers, as the scheduler does
// (Resource.Add@v1.37.2); resources that it does not count are left out.
func (t Total) Requests() corev1.ResourceList {
	list := corev1.ResourceList{}
	for i, amount := range t.amounts {
		if amount != 0 {
			list[t.resources[i]] = demand.Quantity(t.resources[i], amount)
		}
	}
	return list
}

// Request returns the sum of the requests of one resource; see Requests.
func (t Total) Request(name corev1.ResourceName) resource.Quantity {
	if i, ok := slices.BinarySearch(t.resources, name); ok && i < len(t.amounts) {
		return demand.Quantity(name, t.amounts[i])
	}
	return demand.Quantity(name, 0)
}

// Clone returns a copy that shares nothing that is ever written.
func (t Total) Clone() Total {
	t.amounts = slices.Clone(t.amounts)
	return t
}

// Equal reports whether two totals have the same number of pods and the same requests.
func (t Total) Equal(u Total) bool {
	if t.Pods != u.Pods {
		return false
	}
	if slices.Equal(t.resources, u.resources) {
		return slices.Equal(t.amounts, u.amounts)
	}
	a, b := t.Requests(), u.Requests()
	for name, q := range a {
		if r, ok := b[name]; !ok || q.Cmp(r) != 0 {
			return false
		}
	}
	return len(a) == len(b)
}

// String returns the number of pods and the requests in the order of their names, such as
// "2 pods, cpu 150m, memory 1Gi".
func (t Total) String() string {
	s := count(t.Pods, "pod", "pods")
	for i, amount := range t.amounts {
		if amount != 0 {
			q := demand.Quantity(t.resources[i], amount)
			s += ", " + string(t.resources[i]) + " " + q.String()
		}
	}
	return s
}

// reset makes a total zero and keeps its memory.
func (t *Total) reset(resources []corev1.ResourceName) {
	t.Pods, t.resources = 0, resources
	t.amounts = zeroed(t.amounts, len(resources))
}

func (t *Total) add(needs []need) {
	t.Pods++
	for _, n := range needs {
		t.amounts[n.resource] = demand.Plus(t.amounts[n.resource], n.amount)
	}
}

// addTotal adds a total of the same resources.
func (t *Total) addTotal(u *Total) {
	t.Pods += u.Pods
	for i, amount := range u.amounts {
		t.amounts[i] = demand.Plus(t.amounts[i], amount)
	}
}

// zeroed returns n zeros, in the memory of list if that is large enough.
func zeroed(list []int64, n int) []int64 {
	list = slices.Grow(list[:0], n)[:n]
	clear(list)
	return list
}
