// Package indexset holds sets of small non-negative integers that are walked in
// ascending order: the positions of nodes in a list ordered by name.
package indexset

import "math/bits"

// Set is a set of integers from zero up to the size it was made for. Adding,
// removing and finding the next member take a few steps however large the set:
// it is a tree of 64-bit words, in which a bit says that the word below it is not
// empty. Make one with New.
type Set struct {
	levels [][]uint64 // from the members up to a single word
	size   int
}

// New returns an empty set for the integers below n.
func New(n int) *Set {
	s := &Set{}
	for {
		n = (n + 63) / 64
		s.levels = append(s.levels, make([]uint64, n))
		if n <= 1 {
			return s
		}
	}
}

// Len returns the number of members.
func (s *Set) Len() int { return s.size }

// Has reports whether i is a member.
func (s *Set) Has(i int) bool { return s.levels[0][i/64]>>(i%64)&1 == 1 }

// Put adds or removes i.
func (s *Set) Put(i int, member bool) {
	switch {
	case s.Has(i) == member:
	case member:
		s.size++
		for _, words := range s.levels {
			empty := words[i/64] == 0
			words[i/64] |= 1 << (i % 64)
			if !empty {
				return
			}
			i /= 64
		}
	default:
		s.size--
		for _, words := range s.levels {
			words[i/64] &^= 1 << (i % 64)
			if words[i/64] != 0 {
				return
			}
			i /= 64
		}
	}
}

// Next returns the smallest member that is not below i, or -1.
func (s *Set) Next(i int) int {
	for level := 0; level < len(s.levels); level++ {
		words := s.levels[level]
		if i/64 >= len(words) {
			return -1
		}
		if rest := words[i/64] >> (i % 64); rest != 0 {
			i += bits.TrailingZeros64(rest)
			for ; level > 0; level-- {
				i = i*64 + bits.TrailingZeros64(s.levels[level-1][i])
			}
			return i
		}
		i = i/64 + 1
	}
	return -1
}
