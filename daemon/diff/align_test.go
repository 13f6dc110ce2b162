package diff

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestAlign(t *testing.T) {
	tests := []struct {
		name, why string
		old, cur  string
		want      string
	}{
		{name: "empty", why: "nothing to align"},
		{name: "equal", why: "each with its like", old: "abc", cur: "abc", want: "0=0 1=1 2=2"},
		{name: "nothing equal", why: "no pair", old: "ab", cur: "xyz"},
		{name: "replaced", why: "what is between equal entries has no pair", old: "axyb", cur: "azb", want: "0=0 3=2"},
		{name: "inserted", why: "the rest moves on", old: "abc", cur: "xabyc", want: "0=1 1=2 2=4"},
		{name: "repeated", why: "entries that repeat are counted", old: "aa", cur: "aaa", want: "0=0 1=1"},
		{name: "crossed", why: "one of two crossing pairs goes", old: "ab", cur: "ba", want: "1=0"},
		{name: "crossed back", why: "the mirror image", old: "ba", cur: "ab", want: "0=1"},
		{name: "longest", why: "the longest subsequence wins, not the first match", old: "xabc", cur: "abcx", want: "1=0 2=1 3=2"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, m := range align(strings.Split(test.old, ""), strings.Split(test.cur, "")) {
				got = append(got, fmt.Sprintf("%d=%d", m.old, m.cur))
			}
			if got := strings.Join(got, " "); got != test.want {
				t.Errorf("%s: align(%q, %q) = %q, want %q", test.why, test.old, test.cur, got, test.want)
			}
		})
	}
}

// longest returns the length of a longest common subsequence, in the plain way
// that takes the product of the lengths.
func longest(old, cur []string) int {
	row := make([]int, len(cur)+1)
	for _, a := range old {
		diagonal := 0
		for j, b := range cur {
			up := row[j+1]
			if a == b {
				row[j+1] = diagonal + 1
			} else {
				row[j+1] = max(up, row[j])
			}
			diagonal = up
		}
	}
	return row[len(cur)]
}

func checkAlignment(t *testing.T, old, cur []string) []match {
	t.Helper()
	matches := align(old, cur)
	i, j := -1, -1
	for _, m := range matches {
		if m.old <= i || m.cur <= j {
			t.Fatalf("align(%q, %q) = %v, want increasing indices", old, cur, matches)
		}
		if i, j = m.old, m.cur; old[i] != cur[j] {
			t.Fatalf("align(%q, %q) pairs %q and %q", old, cur, old[i], cur[j])
		}
	}
	swapped := align(cur, old)
	for i, m := range swapped {
		swapped[i] = match{m.cur, m.old}
	}
	if !slices.Equal(swapped, matches) {
		t.Errorf("align(%q, %q) = %v, and swapped %v", old, cur, matches, swapped)
	}
	return matches
}

// TestAlignLongest compares the alignment of short lists, and of lists without
// repeated entries, with the longest.
func TestAlignLongest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 3000 {
		values := 1 + r.IntN(8)
		old, cur := random(r, r.IntN(20), values), random(r, r.IntN(20), values)
		if got, want := len(checkAlignment(t, old, cur)), longest(old, cur); got != want {
			t.Fatalf("align(%q, %q) = %d pairs, want %d", old, cur, got, want)
		}
	}
	for range 20 {
		old, cur := random(r, 250, 3), random(r, 250, 3)
		if got, want := len(checkAlignment(t, old, cur)), longest(old, cur); got != want {
			t.Errorf("align of 250 entries that repeat = %d pairs, want %d", got, want)
		}
	}
	for _, n := range []int{100, 2000} {
		old, cur := numbers(n, 0, n), numbers(n, n/10, n)
		r.Shuffle(n/2, func(i, j int) { cur[i], cur[j] = cur[j], cur[i] })
		if got, want := len(checkAlignment(t, old, cur)), longest(old, cur); got != want {
			t.Errorf("align of %d entries without repeats = %d pairs, want %d", n, got, want)
		}
	}
}

// TestAlignManyRepeats aligns lists for which the search for the longest is given up.
func TestAlignManyRepeats(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	for _, values := range []int{2, 10, 100, 2000} {
		old, cur := random(r, 3000, values), random(r, 3000, values)
		got, want := len(checkAlignment(t, old, cur)), longest(old, cur)
		if got < want*2/3 {
			t.Errorf("align of random lists of %d values = %d pairs, want nearly %d", values, got, want)
		}
		t.Logf("%d values: %d pairs, at most %d are possible", values, got, want)
	}
}

// The alignment takes at most 1600 steps for each entry, however long the lists are, as
// the comment of Templates says.
func TestAlignSteps(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 4))
	for _, n := range []int{1000, 4000, 16000} {
		for _, tc := range []struct {
			name, why string
			old, cur  []string
		}{
			{"nothing in common", "no step is needed", numbers(n, 0, n), numbers(n, n, 2*n)},
			{"moved", "no entry repeats", numbers(n, 0, n), numbers(n, n/10, n)},
			{"shuffled", "no entry is where it was", numbers(n, 0, n), shuffled(r, n)},
			{"two values", "nearly everything matches", random(r, n, 2), random(r, n, 2)},
			{"ten values", "the search is given up early", random(r, n, 10), random(r, n, 10)},
			{"many values", "few entries match", random(r, n, n/2), random(r, n, n/2)},
			{"blocks", "long matches that cross each other", slices.Concat(repeat("a", n/2), repeat("b", n/2)), slices.Concat(repeat("b", n/2), repeat("a", n/2))},
			{"halves", "the first half is of no use", slices.Concat(repeat("a", n/2), random(r, n/2, 3)), slices.Concat(random(r, n/2, 3), repeat("a", n/2))},
			{"period", "each diagonal has long matches", slices.Repeat([]string{"a", "b", "a"}, n/3), slices.Repeat([]string{"a", "b", "b"}, n/3)},
		} {
			var l aligner
			l.align(tc.old, tc.cur)
			entries := len(tc.old) + len(tc.cur)
			t.Logf("%s, %d entries: %.0f steps for each", tc.name, entries, float64(l.steps)/float64(entries))
			if most := 1600 * entries; l.steps > most {
				t.Errorf("%s: align of %d entries takes %d steps, want at most %d: %s", tc.name, entries, l.steps, most, tc.why)
			}
		}
	}
}

func repeat(value string, n int) []string { return slices.Repeat([]string{value}, n) }

func shuffled(r *rand.Rand, n int) []string {
	list := numbers(n, 0, n)
	r.Shuffle(n, func(i, j int) { list[i], list[j] = list[j], list[i] })
	return list
}
