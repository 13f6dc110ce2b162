// Package minheap keeps a slice as a binary heap: its first element comes before all others.
// Its functions take the order as an argument, as those of package slices do. container/heap
// needs a type with five methods for each slice, and allocates for each element that is pushed
// or popped.
package minheap

// Init puts the elements in the order of a heap.
func Init[T any](list []T, before func(a, b T) bool) {
	for i := len(list)/2 - 1; i >= 0; i-- {
		down(list, i, before)
	}
}

// Push adds an element to a heap.
func Push[T any](list []T, x T, before func(a, b T) bool) []T {
	list = append(list, x)
	for i := len(list) - 1; i > 0; {
		parent := (i - 1) / 2
		if !before(list[i], list[parent]) {
			break
		}
		list[i], list[parent] = list[parent], list[i]
		i = parent
	}
	return list
}

// Pop removes the first element of a heap, which must not be empty. It clears the place that
// becomes free in the slice.
func Pop[T any](list []T, before func(a, b T) bool) []T {
	last := len(list) - 1
	list[0] = list[last]
	clear(list[last:])
	list = list[:last]
	FixFirst(list, before)
	return list
}

// FixFirst puts a heap in order again after its first element has changed. The heap may be empty.
func FixFirst[T any](list []T, before func(a, b T) bool) { down(list, 0, before) }

// down moves an element down to where it belongs.
func down[T any](list []T, i int, before func(a, b T) bool) {
	for {
		child := 2*i + 1
		if child >= len(list) {
			return
		}
		if right := child + 1; right < len(list) && before(list[right], list[child]) {
			child = right
		}
		if !before(list[child], list[i]) {
			return
		}
		list[i], list[child] = list[child], list[i]
		i = child
	}
}
