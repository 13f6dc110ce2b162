package diff

import "slices"

// match is an entry of the old list and an equal one of the new list.
type match struct{ old, cur int }

// entry is an entry of a list: its index, and a number that it shares with all
// entries equal to it.
type entry struct{ at, number int }

// maxSkips bounds the search for a longest common subsequence: it is given up
// after so many skipped entries.
const maxSkips = 512

// align returns a common subsequence of two lists as pairs of their indices, in
// increasing order. Entries are equal if their fingerprints are. Swapped lists
// give swapped pairs.
//
// It is a longest one if no entry repeats within a list, or if at most maxSkips of
// the entries that both lists have are not in it. Otherwise it is put together from
// pieces, each of which is a longest one. For n entries in both lists together it
// takes O(n log n) if no entry repeats, and at most 1600*n steps otherwise: a walk over n
// entries visits 2*maxSkips+1 diagonals of n/2 matches at most and maxSkips*maxSkips/2
// points, where n is at least maxSkips, and each entry is in two walks at most.
func align(old, cur []string) []match { return new(aligner).align(old, cur) }

// aligner counts the steps of one alignment.
type aligner struct{ steps int }

func (l *aligner) align(old, cur []string) []match {
	if slices.Compare(old, cur) > 0 {
		matches := l.align(cur, old)
		for i, m := range matches {
			matches[i] = match{m.cur, m.old}
		}
		return matches
	}
	a, b := common(number(old, cur))
	matches, i, j := l.walk(a, b)
	if i == len(a) && j == len(b) {
		return matches
	}
	matches, i, j = nil, 0, 0
	for _, anchor := range anchors(a, b) {
		matches = append(matches, l.walkOn(common(a[i:anchor.old], b[j:anchor.cur]))...)
		matches = append(matches, match{a[anchor.old].at, b[anchor.cur].at})
		i, j = anchor.old+1, anchor.cur+1
	}
	return append(matches, l.walkOn(common(a[i:], b[j:]))...)
}

// number turns two lists of fingerprints into entries.
func number(old, cur []string) (a, b []entry) {
	numbers := make(map[string]int, len(old))
	list := func(prints []string) []entry {
		entries := make([]entry, len(prints))
		for i, f := range prints {
			n, ok := numbers[f]
			if !ok {
				n = len(numbers)
				numbers[f] = n
			}
			entries[i] = entry{i, n}
		}
		return entries
	}
	return list(old), list(cur)
}

// common returns the entries that the other list has, too.
func common(a, b []entry) (inBoth, alsoInBoth []entry) {
	if len(a) == 0 || len(b) == 0 {
		return nil, nil
	}
	return within(a, b), within(b, a)
}

func within(list, other []entry) []entry {
	there := make(map[int]bool, len(other))
	for _, e := range other {
		there[e.number] = true
	}
	var found []entry
	for _, e := range list {
		if there[e.number] {
			found = append(found, e)
		}
	}
	return found
}

// walk goes through two lists from their start, over equal entries together and
// over the others alone, and skips as few as it can (Myers, "An O(ND) Difference
// Algorithm and Its Variations"). It returns the matches on its way and the point
// where it ends, which is the end of both lists unless that takes more than
// maxSkips skips.
func (l *aligner) walk(a, b []entry) (matches []match, i, j int) {
	// reached[d][n] is the furthest index of a that is reached with d skips, n of
	// them in a and d-n in b, and -1 if there are not so many entries to skip.
	// The index of b is less by the difference of the skips: i-n+(d-n).
	var reached [][]int
	// from returns where the last of d skips ends, and how many of the d-1 skips
	// before it are in a.
	from := func(d, n int) (i, before int) {
		i, before = -1, n
		if n < d { // the last skip is in b
			if p := reached[d-1][n]; p >= 0 && p-n+(d-1-n) < len(b) {
				i = p
			}
		}
		if n > 0 { // the last skip is in a
			if p := reached[d-1][n-1]; p >= 0 && p < len(a) && p+1 > i {
				i, before = p+1, n-1
			}
		}
		return i, before
	}
	best, bestSkips, bestInA := -1, 0, 0
search:
	for d := 0; d <= maxSkips; d++ {
		reached = append(reached, make([]int, d+1))
		for n := range d + 1 {
			i := 0
			if d > 0 {
				i, _ = from(d, n)
			}
			j := i - n + (d - n)
			l.steps++
			for i >= 0 && i < len(a) && j < len(b) && a[i].number == b[j].number {
				i, j = i+1, j+1
				l.steps++
			}
			reached[d][n] = i
			if i >= 0 && i+j > best {
				best, bestSkips, bestInA = i+j, d, n
			}
			if i == len(a) && j == len(b) {
				break search
			}
		}
	}

	i = reached[bestSkips][bestInA]
	j = best - i
	x, n := i, bestInA
	for d := bestSkips; d >= 0; d-- {
		start, before := 0, 0
		if d > 0 {
			start, before = from(d, n)
		}
		for ; x > start; x-- {
			matches = append(matches, match{a[x-1].at, b[x-1-n+(d-n)].at})
		}
		if before < n {
			x--
		}
		n = before
	}
	slices.Reverse(matches)
	return matches, i, j
}

// walkOn walks again from where a walk ended, to the end of both lists.
func (l *aligner) walkOn(a, b []entry) (matches []match) {
	for len(a) > 0 && len(b) > 0 {
		more, i, j := l.walk(a, b)
		matches = append(matches, more...)
		a, b = a[i:], b[j:]
	}
	return matches
}

// anchors pairs entries that occur once in each list: the most of them that are
// in the same order in both. The result holds positions in a and b.
func anchors(a, b []entry) []match {
	inA, inB := once(a), once(b)
	// tails[n] is the last of n+1 pairs in increasing order, chosen so that its
	// position in b is the lowest; before[i] is the pair before that of a[i].
	var tails []match
	before := make(map[int]match)
	for i, e := range a {
		if _, ok := inA[e.number]; !ok {
			continue
		}
		j, ok := inB[e.number]
		if !ok {
			continue
		}
		n, _ := slices.BinarySearchFunc(tails, j, func(m match, j int) int { return m.cur - j })
		if n > 0 {
			before[i] = tails[n-1]
		}
		if n == len(tails) {
			tails = append(tails, match{})
		}
		tails[n] = match{i, j}
	}
	pairs := make([]match, len(tails))
	for n := len(tails) - 1; n >= 0; n-- {
		if n == len(tails)-1 {
			pairs[n] = tails[n]
		} else {
			pairs[n] = before[pairs[n+1].old]
		}
	}
	return pairs
}

// once returns the positions of the entries that occur once, by their number.
func once(entries []entry) map[int]int {
	positions := make(map[int]int, len(entries))
	for i, e := range entries {
		if _, ok := positions[e.number]; ok {
			positions[e.number] = -1
		} else {
			positions[e.number] = i
		}
	}
	for n, i := range positions {
		if i < 0 {
			delete(positions, n)
		}
	}
	return positions
}
