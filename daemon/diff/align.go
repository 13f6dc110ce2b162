package diff

// alignment pairs an entry of an old list with one of a new list; -1 means that
// the entry has no counterpart.
type alignment struct{ old, cur int }

// alignCells bounds the work of one alignment. Longer lists that differ in many
// places are paired by position.
const alignCells = 1 << 16

// align pairs the entries of two lists, of n and m entries, along a longest
// common subsequence. The result is ordered by position and holds every entry
// once. What lies between equal entries is paired first with first.
//
// Of several longest common subsequences before decides: it tells whether old
// entry i sorts before new entry j. Swapping the lists swaps the result.
func align(n, m int, equal, before func(i, j int) bool) []alignment {
	pairs := make([]alignment, 0, max(n, m))
	head := 0
	for head < n && head < m && equal(head, head) {
		pairs = append(pairs, alignment{head, head})
		head++
	}
	tail := 0
	for tail < n-head && tail < m-head && equal(n-1-tail, m-1-tail) {
		tail++
	}

	i, j := head, head
	between := func(oldEnd, curEnd int) {
		for i < oldEnd || j < curEnd {
			p := alignment{-1, -1}
			if i < oldEnd {
				p.old = i
				i++
			}
			if j < curEnd {
				p.cur = j
				j++
			}
			pairs = append(pairs, p)
		}
	}
	rows, cols := n-head-tail, m-head-tail
	if rows > 0 && cols > 0 && rows <= alignCells/cols {
		for _, p := range commonSubsequence(rows, cols,
			func(i, j int) bool { return equal(head+i, head+j) },
			func(i, j int) bool { return before(head+i, head+j) }) {
			between(head+p.old, head+p.cur)
			pairs = append(pairs, alignment{i, j})
			i, j = i+1, j+1
		}
	}
	between(n-tail, m-tail)
	for ; i < n; i, j = i+1, j+1 {
		pairs = append(pairs, alignment{i, j})
	}
	return pairs
}

// commonSubsequence returns the pairs of a longest common subsequence.
func commonSubsequence(rows, cols int, equal, before func(i, j int) bool) []alignment {
	same := make([]bool, rows*cols)
	// length holds the length of the longest common subsequence of what is left
	// from each position on, with a border of zeros.
	length := make([]int32, (rows+1)*(cols+1))
	at := func(i, j int) *int32 { return &length[i*(cols+1)+j] }
	for i := rows - 1; i >= 0; i-- {
		for j := cols - 1; j >= 0; j-- {
			if same[i*cols+j] = equal(i, j); same[i*cols+j] {
				*at(i, j) = *at(i+1, j+1) + 1
			} else {
				*at(i, j) = max(*at(i+1, j), *at(i, j+1))
			}
		}
	}
	pairs := make([]alignment, 0, *at(0, 0))
	for i, j := 0, 0; i < rows && j < cols; {
		skipOld, skipCur := *at(i+1, j), *at(i, j+1)
		switch {
		case same[i*cols+j]:
			pairs = append(pairs, alignment{i, j})
			i, j = i+1, j+1
		case skipOld > skipCur || skipOld == skipCur && !before(i, j):
			i++
		default:
			j++
		}
	}
	return pairs
}
