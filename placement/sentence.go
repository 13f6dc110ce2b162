package placement

import (
	"strconv"
	"strings"
	"unicode"

	corev1 "k8s.io/api/core/v1"
)

// A text shows at most so many entries of a list, and the number of the others,
// so that it stays readable regardless of the size of the input.
const (
	shownTerms   = 4
	shownValues  = 8
	shownReasons = 8
)

// affinitySentence names the first failures and the number of the others.
func affinitySentence(failures []TermFailure) string {
	if len(failures) == 0 {
		return "nodeSelectorTerms is empty"
	}
	shown := failures[:min(len(failures), shownTerms)]
	clauses := make([]string, len(shown), len(shown)+1)
	for i := range shown {
		clauses[i] = shown[i].String()
	}
	if more := len(failures) - len(shown); more > 0 {
		clauses = append(clauses, count(more, "more term", "more terms"))
	}
	return strings.Join(clauses, "; ")
}

// nodeHas returns the node's side of a requirement that fails.
func nodeHas(kind, key, value string, has bool) string {
	if !has {
		return "node has no " + kind + " " + word(key)
	}
	return "node has " + pair(key, value)
}

func pair(key, value string) string {
	if value == "" {
		return word(key) + "="
	}
	return word(key) + "=" + word(value)
}

// taintText writes a taint as kubectl does, key=value:effect.
func taintText(t *corev1.Taint) string {
	return taintPair(t.Key, t.Value) + ":" + word(string(t.Effect))
}

// taintPair writes a taint without its effect.
func taintPair(key, value string) string {
	if value == "" {
		return word(key)
	}
	return pair(key, value)
}

// words writes a list of values in brackets.
func words(values []string) string {
	shown := values[:min(len(values), shownValues)]
	out := make([]string, len(shown), len(shown)+1)
	for i, v := range shown {
		out[i] = word(v)
	}
	if more := len(values) - len(shown); more > 0 {
		out = append(out, "and "+strconv.Itoa(more)+" more")
	}
	return "[" + strings.Join(out, " ") + "]"
}

// word quotes a string that does not read as one word.
func word(s string) string {
	unreadable := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == unicode.ReplacementChar }
	if s == "" || strings.ContainsFunc(s, unreadable) {
		return strconv.Quote(s)
	}
	return s
}

// count writes a number with its noun.
func count(n int, singular, plural string) string {
	if n == 1 {
		return "1 " + singular
	}
	return strconv.Itoa(n) + " " + plural
}
