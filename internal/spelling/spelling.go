// Package spelling finds the words that misspelt ones were meant to be. It serves daemon/manifest
// and examples/premerge.
package spelling

import "strings"

// Meant returns the word that a text was probably meant to be, or nothing if it resembles none: the
// one that differs least from it, the first of several. One letter may be wrong in a short word and
// two in a long one. Upper and lower case do not matter.
func Meant(text string, words []string) string {
	found, least := "", 0
	for _, word := range words {
		d := Distance(strings.ToLower(text), strings.ToLower(word))
		if d <= min(2, len(word)/3) && (found == "" || d < least) {
			found, least = word, d
		}
	}
	return found
}

// Distance returns how many letters have to be inserted, removed or replaced to make b of a.
func Distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, diagonal+1, row[j]+1)
		}
	}
	return row[len(b)]
}
