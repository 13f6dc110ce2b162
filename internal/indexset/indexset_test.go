package indexset

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestSet compares with a map over sizes that need one, two and three levels.
func TestSet(t *testing.T) {
	for _, n := range []int{0, 1, 63, 64, 65, 4096, 4097, 20000} {
		r := rand.New(rand.NewPCG(uint64(n), 1))
		set, want := New(n), map[int]bool{}
		for range 3000 {
			if n == 0 {
				break
			}
			i, member := r.IntN(n), r.IntN(3) > 0
			set.Put(i, member)
			if member {
				want[i] = true
			} else {
				delete(want, i)
			}
			if set.Has(i) != member {
				t.Fatalf("n=%d: Has(%d) = %v, want %v", n, i, !member, member)
			}
		}
		var got, members []int
		for i := set.Next(0); i >= 0; i = set.Next(i + 1) {
			got = append(got, i)
		}
		for i := range want {
			members = append(members, i)
		}
		slices.Sort(members)
		if !slices.Equal(got, members) || set.Len() != len(members) {
			t.Fatalf("n=%d: walked %d members, Len() = %d, want %d", n, len(got), set.Len(), len(members))
		}
	}
}
