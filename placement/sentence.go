package placement

import (
	"strconv"
	"strings"
	"unicode"
)

// Sentences stay readable whatever the size of the input: lists are cut after so
// many entries, and the number of the others is told.
const (
	shownTerms   = 4
	shownValues  = 8
	shownReasons = 8
)

// String returns the decision as a sentence for an operator, in one line:
//
//	worker-1: runs here
//	worker-2: not run: nodeName is worker-1
//	worker-2: not run: nodeSelector disk=ssd, node has disk=hdd
//	worker-2: not run: node affinity: nodeSelectorTerms[0].matchExpressions[0] disk Exists, node has no label disk
//	worker-2: not run: untolerated taint {dedicated: db} (NoExecute)
//	control-plane: not run: untolerated taint {node-role.kubernetes.io/control-plane: } (NoSchedule); a pod already here is kept
//
// "not run" means as well that a pod that is already there is not kept, except
// where the sentence says that it is. Terms of the node affinity are separated by
// semicolons, and only the first four are told.
func (d Decision) String() string {
	name := "(no node)"
	if d.node != nil {
		name = word(d.node.Name)
	}
	switch {
	case d.Run:
		return name + ": runs here"
	case d.Reason == ReasonUnknown:
		return name + ": undecided"
	case d.Keep:
		return name + ": not run: " + d.Because() + "; a pod already here is kept"
	default:
		return name + ": not run: " + d.Because()
	}
}

// Because returns the part of the sentence that tells what decided, without the
// node's name: "untolerated taint {dedicated: db} (NoExecute)". For a node that
// runs the pod it is "eligible".
func (d Decision) Because() string {
	if d.node == nil {
		return d.Reason.String()
	}
	switch d.Reason {
	case ReasonNodeName:
		return "nodeName is " + word(d.NodeName())
	case ReasonNodeSelector:
		key, value := d.NodeSelector()
		has, ok := d.node.Labels[key]
		return "nodeSelector " + pair(key, value) + ", " + nodeHas("label", key, has, ok)
	case ReasonNodeAffinity:
		return "node affinity: " + d.affinitySentence()
	case ReasonTaint:
		return d.taintSentence()
	default:
		return d.Reason.String()
	}
}

func (d Decision) affinitySentence() string {
	failures := d.AffinityFailures()
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

// taintSentence tells what keeps a pod away and, where that is another taint, what
// drives it out.
func (d Decision) taintSentence() string {
	taint, noExecute := d.Taint(), d.NoExecuteTaint()
	if taint == nil {
		return d.Reason.String()
	}
	s := "untolerated taint " + braced(taint.Key, taint.Value) + " (" + word(string(taint.Effect)) + ")"
	if noExecute != nil && noExecute != taint {
		s += " and " + braced(noExecute.Key, noExecute.Value) + " (" + word(string(noExecute.Effect)) + ")"
	}
	return s
}

// nodeHas is what the node has to set against a requirement.
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

// braced writes a taint the way the scheduler does.
func braced(key, value string) string {
	if value == "" {
		return "{" + word(key) + ": }"
	}
	return "{" + word(key) + ": " + word(value) + "}"
}

// words is a list of values in brackets.
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

// word quotes what would not read as one word.
func word(s string) string {
	unreadable := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) || r == unicode.ReplacementChar }
	if s == "" || strings.ContainsFunc(s, unreadable) {
		return strconv.Quote(s)
	}
	return s
}

// count is a number with its noun.
func count(n int, singular, plural string) string {
	if n == 1 {
		return "1 " + singular
	}
	return strconv.Itoa(n) + " " + plural
}
