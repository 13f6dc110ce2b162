package lint_test

import (
	"fmt"
	"math/rand"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/placement"
)

const tolerationsField = "spec.template.spec.tolerations"

// toleration parses "key=value:effect", or "key:effect" for the operator Exists. A
// suffix "@5" is tolerationSeconds.
func toleration(text string) corev1.Toleration {
	var t corev1.Toleration
	text, seconds, limited := strings.Cut(text, "@")
	if limited {
		t.TolerationSeconds = new(int64)
		fmt.Sscan(seconds, t.TolerationSeconds)
	}
	text, effect, _ := strings.Cut(text, ":")
	key, value, equal := strings.Cut(text, "=")
	t.Key, t.Value, t.Effect, t.Operator = key, value, corev1.TaintEffect(effect), corev1.TolerationOpExists
	if equal {
		t.Operator = corev1.TolerationOpEqual
	}
	return t
}

func tolerationCases() []checkCase {
	c := func(code lint.Code, name, why string, tolerations []string, says string, want ...string) checkCase {
		var spec corev1.PodSpec
		for _, text := range tolerations {
			spec.Tolerations = append(spec.Tolerations, toleration(text))
		}
		for i := range want {
			severity, rest, _ := strings.Cut(want[i], " ")
			want[i] = severity + " " + tolerationsField + rest
		}
		return checkCase{name: name, why: why, code: code, in: daemon.Input{DaemonSet: soundSet(build.Set{Spec: spec})}, says: says, want: want}
	}
	list := func(tolerations ...string) []string { return tolerations }
	malformed := func(name, why string, operator corev1.TolerationOperator, want ...string) checkCase {
		out := c(lint.CodeTolerationMalformed, name, why, list("a=5:NoSchedule"), "", want...)
		out.in.DaemonSet.Spec.Template.Spec.Tolerations[0].Operator = operator
		return out
	}
	hostNetwork := func(tc checkCase) checkCase {
		tc.in.DaemonSet.Spec.Template.Spec.HostNetwork = true
		return tc
	}
	const network = "node.kubernetes.io/network-unavailable:NoSchedule"
	const unschedulable = "node.kubernetes.io/unschedulable"
	const notReady = "node.kubernetes.io/not-ready"

	return []checkCase{
		malformed("unknown operator", "tolerates nothing", "Near", "error [0].operator"),
		malformed("switched off", "the gate is off in 1.37", "Gt", "error [0].operator"),
		malformed("no operator", "means Equal", ""),
		c(lint.CodeTolerationMalformed, "key", "no taint has such a key", list("a b:NoSchedule"), "The toleration is malformed: Invalid value: \"a b\"", "error [0].key"),
		c(lint.CodeTolerationMalformed, "no key", "only Exists means every key", list("=b:NoSchedule"), "", "error [0].operator"),
		c(lint.CodeTolerationMalformed, "value", "no taint has such a value", list("a=b=c:NoSchedule"), "", "error [0].operator"),
		withOperator(c(lint.CodeTolerationMalformed, "value with Exists", "every value is tolerated", list("a=b:NoSchedule"), "", "error [0].operator"), 0, corev1.TolerationOpExists),
		c(lint.CodeTolerationMalformed, "effect", "there is none of that name", list("a:noexecute"), "", "error [0].effect"),
		c(lint.CodeTolerationMalformed, "seconds", "only NoExecute evicts", list("a:NoSchedule@5", "b:@5"), "", "error [0].effect", "error [1].effect"),
		c(lint.CodeTolerationShadowed, "malformed, and tolerates something", "has a code of its own", list("a=b=c:NoSchedule", ":"), ""),

		c(lint.CodeTolerationDefault, "default", "every daemon pod has it", list("a:", unschedulable+":NoSchedule"), "", "info [1]"),
		c(lint.CodeTolerationDefault, "with seconds", "they are dropped", list(notReady+":NoExecute@300"), "drops the 300 seconds", "warning [0]"),
		c(lint.CodeTolerationDefault, "before one with seconds", "the default would come behind it", list(notReady+":NoExecute", ":NoExecute@5"), ""),
		c(lint.CodeTolerationDefault, "before one without seconds", "its place does not matter", list(notReady+":NoExecute", ":NoExecute"), "", "info [0]"),
		c(lint.CodeTolerationDefault, "behind one with seconds", "the default would come there too", list(":NoExecute@5", notReady+":NoExecute"), "", "info [1]"),
		c(lint.CodeTolerationDefault, "another effect", "is not among the defaults", list(unschedulable+":NoExecute"), ""),
		c(lint.CodeTolerationDefault, "every effect", "is broader than the default", list(unschedulable+":"), ""),
		c(lint.CodeTolerationDefault, "network without host network", "a default of the host network only", list(network), ""),
		hostNetwork(c(lint.CodeTolerationDefault, "network with host network", "a default there", list(network), "", "info [0]")),

		c(lint.CodeTolerationShadowed, "by everything", "Exists without key covers all", list("a=b:NoSchedule", ":"), "tolerations[1]", "info [0]"),
		c(lint.CodeTolerationShadowed, "by an earlier one", "the order does not matter without seconds", list(":", "a=b:NoSchedule"), "tolerations[0]", "info [1]"),
		c(lint.CodeTolerationShadowed, "twice", "the second one has no effect", list("a=b:NoSchedule", "a=b:NoSchedule"), "tolerations[0]", "info [1]"),
		withOperator(c(lint.CodeTolerationShadowed, "twice, once without operator", "which means Equal", list("a=b:NoSchedule", "a=b:NoSchedule"), "", "info [1]"), 0, ""),
		c(lint.CodeTolerationShadowed, "Equal by Exists", "the key covers each value", list("a=b:NoSchedule", "a:NoSchedule"), "", "info [0]"),
		c(lint.CodeTolerationShadowed, "effect by all effects", "no effect covers each", list("a=b:NoSchedule", "a=b:"), "", "info [0]"),
		c(lint.CodeTolerationShadowed, "by a default", "Equal is not replaced, but covered", list(unschedulable+"=:NoSchedule"), "because a default toleration of daemon pods tolerates", "info [0]"),
		c(lint.CodeTolerationShadowed, "other effect", "covers nothing of it", list("a=b:NoSchedule", "a:NoExecute"), ""),
		c(lint.CodeTolerationShadowed, "other key", "covers nothing of it", list("a:NoSchedule", "b:NoSchedule"), ""),
		c(lint.CodeTolerationShadowed, "other value", "covers nothing of it", list("a=b:NoSchedule", "a=c:NoSchedule"), ""),
		c(lint.CodeTolerationShadowed, "broader than a default", "the default tolerates less", list(unschedulable+":"), ""),
		c(lint.CodeTolerationShadowed, "exception with seconds", "the first one decides for its key", list("a:NoExecute@5", ":"), ""),
		c(lint.CodeTolerationShadowed, "seconds too late", "the first one decides", list(":", "a:NoExecute@5"), "Its tolerationSeconds (5) do not apply.", "warning [1]"),
		c(lint.CodeTolerationShadowed, "same seconds", "nothing is lost", list(":NoExecute@5", "a:NoExecute@5"), "", "info [1]"),
		c(lint.CodeTolerationShadowed, "forever before seconds", "the exception is the endless one", list("a:NoExecute", ":NoExecute@5"), ""),
		c(lint.CodeTolerationShadowed, "another in between", "without it the one in between decides", list("a:NoExecute@5", "a:NoExecute@9", ":NoExecute@5"), "tolerations[0]", "warning [1]"),
		withOperator(c(lint.CodeTolerationShadowed, "by a malformed one", "which covers nothing", list("a=b:NoSchedule", "a=b:NoSchedule"), ""), 1, "Near"),
		withOperator(c(lint.CodeTolerationShadowed, "by one with a value beside Exists", "it is malformed and covers nothing", list("a=b:NoSchedule", "a:NoSchedule"), ""), 0, corev1.TolerationOpExists),
		withOperator(c(lint.CodeTolerationShadowed, "by a later one with a value beside Exists", "it is malformed and covers nothing", list("a:NoSchedule", "a=b:"), ""), 1, corev1.TolerationOpExists),
		withOperator(c(lint.CodeTolerationShadowed, "a malformed one in between", "it may decide once it is corrected", list("a:NoExecute@5", "a=b:NoExecute@9", ":NoExecute@5"), ""), 1, corev1.TolerationOpExists),
		withOperator(c(lint.CodeTolerationShadowed, "malformed", "has a code of its own", list("a=b:NoSchedule", ":"), ""), 0, "Near"),
		withOperator(c(lint.CodeTolerationShadowed, "not a number", "has a code of its own", list("a=b:NoSchedule", ":"), ""), 0, corev1.TolerationOpGt),
		withOperator(c(lint.CodeTolerationMalformed, "not a number", "tolerates nothing", list("a=b:NoSchedule", ":"), "", "error [0].value"), 0, corev1.TolerationOpGt),
		withOperator(c(lint.CodeTolerationShadowed, "number", "covered as any other", list("a=5:NoSchedule", ":"), "", "info [0]"), 0, corev1.TolerationOpGt),

		c(lint.CodeTolerationSeconds, "seconds", "evicted and created again", list("a:NoExecute@5"), "evicted 5 s after", "warning [0].tolerationSeconds"),
		c(lint.CodeTolerationSeconds, "below zero", "at once", list("a:NoExecute@-5"), "evicted 0 s after", "warning [0].tolerationSeconds"),
		c(lint.CodeTolerationSeconds, "Equal with a default's key", "is not replaced and comes first", list(notReady+"=:NoExecute@300"), "", "warning [0].tolerationSeconds"),
		c(lint.CodeTolerationSeconds, "dropped", "a default replaces it", list(notReady+":NoExecute@300"), ""),
		c(lint.CodeTolerationSeconds, "shadowed by a later one", "both decide about some taints", list("a:NoExecute@5", ":NoExecute@5"), "", "warning [0].tolerationSeconds", "warning [1].tolerationSeconds"),
		c(lint.CodeTolerationSeconds, "shadowed", "never decides", list(":", "a:NoExecute@5"), ""),
		c(lint.CodeTolerationSeconds, "forever", "never evicted", list("a:NoExecute"), ""),
		c(lint.CodeTolerationSeconds, "NoSchedule", "such a taint evicts no pod", list("a:NoSchedule@5"), ""),
	}
}

// withOperator sets the operator of toleration i and allows Gt and Lt.
func withOperator(tc checkCase, i int, operator corev1.TolerationOperator) checkCase {
	tc.in.DaemonSet.Spec.Template.Spec.Tolerations[i].Operator = operator
	tc.in.Placement.ComparisonOperators = true
	return tc
}

// Without a toleration that is reported as redundant, each taint means the same to the
// pod as before.
func TestCheckRedundantTolerations(t *testing.T) {
	var taints []corev1.Taint
	for _, key := range []string{"a", "b", "c", corev1.TaintNodeNotReady, corev1.TaintNodeUnschedulable} {
		for _, value := range []string{"", "x", "y"} {
			for _, effect := range []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute, corev1.TaintEffectPreferNoSchedule} {
				taints = append(taints, corev1.Taint{Key: key, Value: value, Effect: effect})
			}
		}
	}
	meaning := func(tolerations []corev1.Toleration) string {
		var out strings.Builder
		for i := range taints {
			out.WriteString(tolerationOf(tolerations, &taints[i]) + " ")
		}
		return out.String()
	}
	random := rand.New(rand.NewSource(4))
	pick := func(list ...string) string { return list[random.Intn(len(list))] }
	redundant := 0
	for range 2000 {
		var spec corev1.PodSpec
		for range 1 + random.Intn(4) {
			spec.Tolerations = append(spec.Tolerations, toleration(
				pick("", "a", "a", "b", corev1.TaintNodeNotReady, corev1.TaintNodeUnschedulable)+pick("", "", "=", "=x")+":"+
					pick("", "NoSchedule", "NoExecute", "NoExecute")+pick("", "", "", "@5", "@9", "@0")))
		}
		for _, f := range check(t, daemon.Input{DaemonSet: soundSet(build.Set{Spec: spec})}, lint.Options{}) {
			if f.Code != lint.CodeTolerationShadowed && f.Code != lint.CodeTolerationDefault || !strings.HasPrefix(f.Fix, "Remove it") {
				continue
			}
			redundant++
			var i int
			if _, err := fmt.Sscanf(f.Field, tolerationsField+"[%d]", &i); err != nil {
				t.Fatal(err)
			}
			without := corev1.PodSpec{Tolerations: slices.Delete(slices.Clone(spec.Tolerations), i, i+1)}
			if before, after := meaning(placement.Tolerations(&spec)), meaning(placement.Tolerations(&without)); before != after {
				t.Fatalf("%v\nis not redundant in %v:\nwith    %s\nwithout %s", f, spec.Tolerations, before, after)
			}
		}
	}
	if redundant < 500 {
		t.Errorf("%d redundant tolerations, want at least 500 for this to say something", redundant)
	}
}

// tolerationOf returns what the first matching toleration means for the taint: "yes",
// the tolerationSeconds of a NoExecute taint, or "no" if none matches.
func tolerationOf(tolerations []corev1.Toleration, taint *corev1.Taint) string {
	for _, t := range tolerations {
		if t.Key != "" && t.Key != taint.Key || t.Effect != "" && t.Effect != taint.Effect || t.Operator != corev1.TolerationOpExists && t.Value != taint.Value {
			continue
		}
		if taint.Effect == corev1.TaintEffectNoExecute && t.TolerationSeconds != nil {
			return fmt.Sprint(*t.TolerationSeconds)
		}
		return "yes"
	}
	return "no"
}
