package demand

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
)

var amountNames = []corev1.ResourceName{corev1.ResourceCPU, "example.com/device", corev1.ResourceMemory}

// randomPod returns a pod with containers of each kind, and what a kubelet may say about them.
// Few of its amounts are below zero, too large or too fine.
func randomPod(r *rand.Rand) *corev1.Pod {
	in := func(n int) bool { return r.IntN(n) == 0 }
	odd := in(4)
	amounts := func() corev1.ResourceList {
		if in(3) {
			return nil
		}
		out := corev1.ResourceList{}
		for _, name := range append([]corev1.ResourceName{"other"}, amountNames...) {
			words := []string{"0", "1", "2", "3", "5", "2Ki", "4E"}
			if name == corev1.ResourceCPU {
				words = append(words, "100m", "1500m")
			}
			if odd {
				words = append(words, "-1", "9E", "1500u", "0.5", "1e30")
			}
			if in(2) {
				out[name] = resource.MustParse(words[r.IntN(len(words))])
			}
		}
		return out
	}
	requirements := func() corev1.ResourceRequirements {
		return corev1.ResourceRequirements{Requests: amounts(), Limits: amounts()}
	}
	pod := &corev1.Pod{}
	for i := range r.IntN(4) {
		pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: fmt.Sprint("c", i), Resources: requirements()})
	}
	for i := range r.IntN(4) {
		c := corev1.Container{Name: fmt.Sprint("i", i), Resources: requirements()}
		if in(2) {
			c.RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		}
		pod.Spec.InitContainers = append(pod.Spec.InitContainers, c)
	}
	if in(3) {
		pod.Spec.Overhead = amounts()
	}
	status := func(name string) []corev1.ContainerStatus {
		s := corev1.ContainerStatus{Name: name, AllocatedResources: amounts()}
		if in(2) {
			s.Resources = new(requirements())
		}
		return []corev1.ContainerStatus{s}
	}
	if in(2) {
		pod.Status.ContainerStatuses = append(status("c1"), status("c0")...)
		pod.Status.InitContainerStatuses = append(status("i0"), status("i1")...)
	}
	if in(6) {
		pod.Status.AllocatedResources = amounts()
		pod.Status.Resources = new(requirements())
	}
	if in(8) {
		pod.Spec.Resources = new(requirements())
	}
	if in(3) {
		reason := []string{corev1.PodReasonInfeasible, corev1.PodReasonDeferred}[r.IntN(2)]
		pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady}, {Type: corev1.PodResizePending, Reason: reason}}
	}
	return pod
}

// TestExactAmounts holds the count in whole units to upstream's in quantities.
func TestExactAmounts(t *testing.T) {
	exact, positive := 0, 0
	for seed := range uint64(20_000) {
		pod := randomPod(rand.New(rand.NewPCG(seed, 1)))
		requests := RequestsOfPod(pod)
		want := make([]int64, len(amountNames))
		for i, name := range amountNames {
			want[i] = Amount(name, requests[name])
		}
		got := []int64{7, 7, 7} // of another pod
		if exactAmounts(got, amountNames, pod) {
			exact++
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d: exactAmounts = %v, want %v: %+v", seed, got, want, pod)
			}
			if slices.Max(got) > 0 {
				positive++
			}
		}
		got = []int64{7, 7, 7}
		if AmountsOfPod(got, amountNames, pod); !slices.Equal(got, want) {
			t.Fatalf("seed %d: AmountsOfPod = %v, want %v: %+v", seed, got, want, pod)
		}
	}
	if exact < 10_000 || positive < 9_000 {
		t.Errorf("%d pods were counted in whole units, %d of them with an amount", exact, positive)
	}
}

// TestExactAmount: what is not a whole number of units is left to quantities.
func TestExactAmount(t *testing.T) {
	const memory, cpu = corev1.ResourceMemory, corev1.ResourceCPU
	for _, tc := range []struct {
		name  corev1.ResourceName
		text  string
		want  int64
		exact bool
	}{
		{memory, "0", 0, true},
		{memory, "1Ki", 1024, true},
		{memory, "1e3", 1000, true},
		{memory, "500m", 0, false},
		{memory, "-1", 0, false},
		{memory, "1e30", 0, false},
		{cpu, "2", 2000, true},
		{cpu, "250m", 250, true},
		{cpu, "1.5", 1500, true},
		{cpu, "100u", 0, false},
		{cpu, "-100m", 0, false},
		{cpu, "9E", 0, false},
		{cpu, "9223372036854775", 9223372036854775000, true},
		{cpu, "9223372036854776", 0, false},
	} {
		quantity := resource.MustParse(tc.text)
		got, exact := exactAmount(tc.name, &quantity)
		if exact != tc.exact || exact && got != tc.want {
			t.Errorf("exactAmount(%s %s) = %d, %v, want %d, %v", tc.name, tc.text, got, exact, tc.want, tc.exact)
		}
	}
	for _, tc := range []struct{ a, b, want int64 }{
		{1, 2, 3}, {-1, -2, -3}, {math.MaxInt64 - 1, 2, math.MaxInt64}, {math.MinInt64 + 1, -2, math.MinInt64}, {math.MaxInt64, math.MinInt64, -1},
	} {
		if got := Plus(tc.a, tc.b); got != tc.want {
			t.Errorf("Plus(%d, %d) = %d, want %d", tc.a, tc.b, got, tc.want)
		}
	}
}

// TestAmountsOfPodAllocates: nothing, for a pod that a kubelet runs.
func TestAmountsOfPodAllocates(t *testing.T) {
	pod := &corev1.Pod{}
	pod.Spec.Containers = []corev1.Container{{Name: "c", Resources: corev1.ResourceRequirements{Requests: list("100m", "1Gi"), Limits: list("", "1Gi")}}}
	pod.Spec.InitContainers = pod.Spec.Containers
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c", AllocatedResources: list("100m", "1Gi"), Resources: &pod.Spec.Containers[0].Resources}}
	amounts := make([]int64, len(amountNames))
	if allocs := testing.AllocsPerRun(100, func() { AmountsOfPod(amounts, amountNames, pod) }); allocs != 0 || amounts[0] != 100 {
		t.Errorf("AmountsOfPod allocates %v times for %v, want 0", allocs, amounts)
	}
}
