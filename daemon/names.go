package daemon

import (
	"cmp"
	"hash/maphash"
	"math/bits"
	"slices"
)

// nameHashes finds names that are given twice. Names hash with a random seed, which has no
// effect on results.
type nameHashes struct {
	seed   maphash.Seed
	hashes []uint64 // by position; zero: not to be compared
}

// newNameHashes returns room for n names. A single one repeats none, and needs no room.
func newNameHashes(n int) nameHashes {
	if n < 2 {
		return nameHashes{}
	}
	return nameHashes{seed: maphash.MakeSeed(), hashes: make([]uint64, n)}
}

func (h *nameHashes) set(at int, name string) {
	if h.hashes != nil {
		h.hashes[at] = maphash.String(h.seed, name) | 1
	}
}

// repeated returns the lowest position whose name stands at a lower position too, or -1.
//
// It marks each hash in a set of bits that a processor's cache holds, in which a fortieth
// of different names meet by chance, and compares only the names that meet. With a hash
// table of all names in its place a pass over 100,000 pods takes a tenth longer.
func (h *nameHashes) repeated(name func(at int) string) int {
	if h.hashes == nil {
		return -1
	}
	size := max(6, bits.Len(uint(16*len(h.hashes))))
	marks := bitSet{words: make([]uint64, 1<<(size-6)), shift: 64 - size}
	var met []uint64
	for _, hash := range h.hashes {
		if hash != 0 && !marks.add(hash) {
			met = append(met, hash)
		}
	}
	if met == nil {
		return -1
	}
	clear(marks.words)
	for _, hash := range met {
		marks.add(hash)
	}
	var compare []int
	for at, hash := range h.hashes {
		if hash != 0 && marks.has(hash) {
			compare = append(compare, at)
		}
	}
	slices.SortFunc(compare, func(a, b int) int {
		return cmp.Or(cmp.Compare(h.hashes[a], h.hashes[b]), cmp.Compare(a, b))
	})
	first := -1
	for i, at := range compare {
		for j := i - 1; j >= 0 && h.hashes[compare[j]] == h.hashes[at]; j-- {
			if name(compare[j]) == name(at) {
				if first < 0 || at < first {
					first = at
				}
				break // One before it is enough: many of one name are compared once each.
			}
		}
	}
	return first
}

// bitSet is a set of the upper bits of hashes.
type bitSet struct {
	words []uint64
	shift int
}

func (s *bitSet) has(hash uint64) bool {
	at := hash >> s.shift
	return s.words[at/64]>>(at%64)&1 != 0
}

// add reports whether the set did not have the hash.
func (s *bitSet) add(hash uint64) bool {
	at := hash >> s.shift
	word, bit := &s.words[at/64], uint64(1)<<(at%64)
	added := *word&bit == 0
	*word |= bit
	return added
}
