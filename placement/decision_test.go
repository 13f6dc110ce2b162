package placement_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/placement"
)

// Values that no function returned have a text, too.
func TestStringNeverPanics(t *testing.T) {
	for _, tc := range []struct {
		name string
		got  string
		want string
	}{
		{"zero Decision", placement.Decision{}.String(), "undecided"},
		{"decision, run", placement.Decision{Run: true}.String(), "runs here"},
		{"decision, kept", placement.Decision{Keep: true, Reason: placement.ReasonTaint}.String(), "does not run: untolerated taint; an existing pod stays"},
		{"decision, out of range", placement.Decision{Reason: 99}.String(), "does not run: Reason(99)"},
		{"zero Explanation", placement.Explanation{}.String(), "(no node): undecided"},
		{"zero Explanation, cause", placement.Explanation{}.Cause(), "unknown"},
		{"explained, run", explained(placement.ReasonEligible).String(), "n: does not run: eligible"},
		{"explained, node name", explained(placement.ReasonNodeName).String(), `n: does not run: nodeName is ""`},
		{"explained, node selector", explained(placement.ReasonNodeSelector).String(), `n: does not run: nodeSelector ""=, node has no label ""`},
		{"explained, affinity", explained(placement.ReasonNodeAffinity).String(), "n: does not run: node affinity: nodeSelectorTerms is empty"},
		{"explained, taint", explained(placement.ReasonTaint).String(), "n: does not run: untolerated taint"},
		{"explained, no node", placement.Explanation{Decision: placement.Decision{Reason: placement.ReasonNoNode}}.String(), "(no node): does not run: no node"},
		{"explained, out of range", explained(99).String(), "n: does not run: Reason(99)"},
		{"zero TermFailure", placement.TermFailure{}.String(), "nodeSelectorTerms[0] is TermCause(0)"},
		{"made up, malformed", placement.TermFailure{Cause: placement.TermCauseMalformed, Malformed: field.ErrorList{nil}}.String(), "nodeSelectorTerms[0] is malformed"},
		{"made up, label", placement.TermFailure{Term: 2, Cause: placement.TermCauseLabel}.String(), `nodeSelectorTerms[2].matchExpressions[0] "" "", node has no label ""`},
		{"zero Summary", placement.Summary{}.String(), "no nodes"},
		{"zero ReasonCount", placement.ReasonCount{}.String(), "0 are undecided"},
		{"unknown ReasonCount", placement.ReasonCount{Reason: 99, Nodes: 1}.String(), "1 is: Reason(99)"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: String() = %q, want %q", tc.name, tc.got, tc.want)
		}
	}
}

// explained is an explanation without details.
func explained(reason placement.Reason) placement.Explanation {
	return placement.Explanation{Decision: placement.Decision{Reason: reason}, Node: "n"}
}

func TestEnumStrings(t *testing.T) {
	for reason, want := range map[placement.Reason]string{
		placement.ReasonUnknown:      "unknown",
		placement.ReasonEligible:     "eligible",
		placement.ReasonNodeName:     "node name",
		placement.ReasonNodeSelector: "node selector",
		placement.ReasonNodeAffinity: "node affinity",
		placement.ReasonTaint:        "untolerated taint",
		placement.ReasonNoNode:       "no node",
		placement.Reason(7):          "Reason(7)",
	} {
		if got := reason.String(); got != want {
			t.Errorf("Reason(%d).String() = %q, want %q", int(reason), got, want)
		}
	}
	for cause, want := range map[placement.TermCause]string{
		placement.TermCause(0):       "TermCause(0)",
		placement.TermCauseEmpty:     "empty",
		placement.TermCauseMalformed: "malformed",
		placement.TermCauseLabel:     "label",
		placement.TermCauseField:     "field",
		placement.TermCause(5):       "TermCause(5)",
	} {
		if got := cause.String(); got != want {
			t.Errorf("TermCause(%d).String() = %q, want %q", int(cause), got, want)
		}
	}
}
