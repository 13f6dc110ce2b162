package daemon_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/pernode/daemonset/daemon"
)

// TestRepeated holds the search for a repeated name to one with a map, on short lists with
// many repetitions and long lists with few.
func TestRepeated(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 1))
	found := map[bool]int{}
	for round := range 2_000 {
		n, different := r.IntN(12), 1+r.IntN(60)
		if round%100 == 0 {
			n, different = 5_000+r.IntN(5_000), 40_000_000
		}
		names := make([]string, n)
		for i := range names {
			if r.IntN(8) > 0 {
				names[i] = fmt.Sprint("pod-", r.IntN(different))
			}
		}
		want, seen := -1, map[string]bool{}
		for i, name := range names {
			if name != "" && seen[name] {
				want = i
				break
			}
			seen[name] = true
		}
		if got, _ := daemon.Repeated(names); got != want {
			t.Fatalf("round %d, %d names: position %d repeats a name, want %d", round, n, got, want)
		}
		if n > 1_000 {
			found[want >= 0]++
		}
	}
	if found[true] < 5 || found[false] < 5 {
		t.Errorf("of the long lists %d have a repetition and %d have none", found[true], found[false])
	}
}

// TestRepeatedCost: a list of one name only is no quadratic matter.
func TestRepeatedCost(t *testing.T) {
	names := make([]string, 5_000)
	for i := range names {
		names[i] = "pod"
	}
	if first, read := daemon.Repeated(names); first != 1 || read > 2*len(names) {
		t.Errorf("position %d repeats a name, after reading %d names of %d; want position 1 and two for each", first, read, len(names))
	}
}
