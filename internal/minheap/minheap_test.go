package minheap_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/pernode/daemonset/internal/minheap"
)

// TestAgainstSorting takes random steps with a heap and with a sorted list.
func TestAgainstSorting(t *testing.T) {
	before := func(a, b int) bool { return a < b }
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var heap []int
		for range r.IntN(20) {
			heap = append(heap, r.IntN(10))
		}
		sorted := slices.Sorted(slices.Values(heap))
		minheap.Init(heap, before)
		for range 100 {
			switch x := r.IntN(10); r.IntN(3) {
			case 0:
				heap, sorted = minheap.Push(heap, x, before), append(sorted, x)
			case 1:
				if len(heap) > 0 {
					heap, sorted = minheap.Pop(heap, before), sorted[1:]
				}
			case 2:
				if len(heap) > 0 {
					heap[0], sorted[0] = x, x
				}
				minheap.FixFirst(heap, before)
			}
			slices.Sort(sorted)
			if len(heap) != len(sorted) || len(heap) > 0 && heap[0] != sorted[0] {
				t.Fatalf("seed %d: heap %v, want %v", seed, heap, sorted)
			}
		}
		for ; len(heap) > 0; heap, sorted = minheap.Pop(heap, before), sorted[1:] {
			if heap[0] != sorted[0] {
				t.Fatalf("seed %d: heap %v, want %v", seed, heap, sorted)
			}
		}
	}
}

// TestPopClears: what a heap does not hold any more can be collected.
func TestPopClears(t *testing.T) {
	list := []*int{new(int), new(int)}
	if minheap.Pop(list, func(a, b *int) bool { return false }); list[1] != nil {
		t.Error("Pop() leaves a pointer behind")
	}
}
