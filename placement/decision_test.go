package placement_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/placement"
)

// Each detail is told for its own reason and is empty for every other one.
func TestDecisionDetails(t *testing.T) {
	type details struct {
		NodeName             string
		Key, Value           string
		Taint, NoExecute     string
		HasFailures          bool
		AffinityFailureCount int
	}
	for _, tc := range []struct {
		name string
		why  string
		spec corev1.PodSpec
		node *corev1.Node
		want details
	}{
		{
			name: "eligible",
			why:  "nothing to tell, though there are taints",
			spec: corev1.PodSpec{NodeName: "n", NodeSelector: labels{"a": "1"}, Affinity: required(fields(req("metadata.name", in, "n")))},
			node: node("n", labels{"a": "1"}, taint("x", "", preferNoSchedule)),
		},
		{
			name: "node name",
			why:  "the template's name, not the node's",
			spec: corev1.PodSpec{NodeName: "m", NodeSelector: labels{"a": "1"}},
			node: node("n", nil, taint("x", "", noExecute)),
			want: details{NodeName: "m"},
		},
		{
			name: "node selector",
			why:  "the template's value, not the node's",
			spec: corev1.PodSpec{NodeName: "n", NodeSelector: labels{"b": "1", "a": "1", "c": "1"}},
			node: node("n", labels{"a": "1", "b": "2"}, taint("x", "", noExecute)),
			want: details{Key: "b", Value: "1"},
		},
		{
			name: "affinity",
			why:  "one failure for each term",
			spec: corev1.PodSpec{NodeSelector: labels{"a": "1"}, Affinity: required(corev1.NodeSelectorTerm{}, fields(req("metadata.name", in, "m")))},
			node: node("n", labels{"a": "1"}, taint("x", "", noExecute)),
			want: details{HasFailures: true, AffinityFailureCount: 2},
		},
		{
			name: "affinity without terms",
			why:  "no failure to tell, and still not nil",
			spec: corev1.PodSpec{Affinity: required()},
			node: node("n", nil),
			want: details{HasFailures: true},
		},
		{
			name: "taint NoSchedule",
			why:  "only new pods are stopped",
			node: node("n", nil, taint("p", "", preferNoSchedule), taint("x", "1", noSchedule)),
			want: details{Taint: "x=1:NoSchedule"},
		},
		{
			name: "taint NoExecute",
			why:  "the same taint does both",
			node: node("n", nil, taint("x", "1", noExecute), taint("y", "", noSchedule)),
			want: details{Taint: "x=1:NoExecute", NoExecute: "x=1:NoExecute"},
		},
		{
			name: "taints of both effects",
			why:  "the first of each",
			node: node("n", nil, taint("x", "", noSchedule), taint("y", "", noExecute), taint("z", "", noExecute)),
			want: details{Taint: "x:NoSchedule", NoExecute: "y:NoExecute"},
		},
		{
			name: "no node",
			why:  "nothing to point into",
			spec: corev1.PodSpec{NodeName: "n"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := placement.Compile(template(tc.spec), placement.Options{}).Decide(tc.node)
			got := details{NodeName: d.NodeName()}
			got.Key, got.Value = d.NodeSelector()
			if taint := d.Taint(); taint != nil {
				got.Taint = taint.ToString()
			}
			if taint := d.NoExecuteTaint(); taint != nil {
				got.NoExecute = taint.ToString()
			}
			failures := d.AffinityFailures()
			got.HasFailures, got.AffinityFailureCount = failures != nil, len(failures)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("details of %v, %s (-want +got):\n%s", d, tc.why, diff)
			}
		})
	}
}

func TestAffinityFailures(t *testing.T) {
	const path = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
	m := placement.Compile(template(corev1.PodSpec{Affinity: required(
		expressions(req("zone", exists), req("zone", in, "a", "b"), req("gpu", exists)),
		corev1.NodeSelectorTerm{},
		expressions(req("zone", "Near", "a"), req("_", exists)),
		fields(req("metadata.name", notIn, "m"), req("metadata.name", in, "m")),
		fields(req("spec.x", in, "m")),
		expressions(req("gpu", in, "a")),
	)}), placement.Options{})
	d := m.Decide(node("n", labels{"zone": "c"}))

	want := []placement.TermFailure{
		{Term: 0, Cause: placement.TermLabel, Index: 1, Requirement: req("zone", in, "a", "b"), Value: "c", HasValue: true},
		{Term: 1, Cause: placement.TermEmpty},
		{Term: 2, Cause: placement.TermMalformed, Malformed: field.ErrorList{
			{Type: field.ErrorTypeNotSupported, Field: path + "[2].matchExpressions[0].operator"},
			{Type: field.ErrorTypeInvalid, Field: path + "[2].matchExpressions[1].key"},
		}},
		{Term: 3, Cause: placement.TermField, Index: 1, Requirement: req("metadata.name", in, "m"), Value: "n", HasValue: true},
		{Term: 4, Cause: placement.TermField, Requirement: req("spec.x", in, "m")},
		{Term: 5, Cause: placement.TermLabel, Requirement: req("gpu", in, "a")},
	}
	placeOnly := cmp.Comparer(func(a, b *field.Error) bool { return a.Type == b.Type && a.Field == b.Field })
	if diff := cmp.Diff(want, d.AffinityFailures(), placeOnly); diff != "" {
		t.Errorf("AffinityFailures() (-want +got):\n%s", diff)
	}

	// A caller's change stays with the caller.
	d.AffinityFailures()[0].Requirement.Values[0] = "c"
	if diff := cmp.Diff(want, d.AffinityFailures(), placeOnly); diff != "" {
		t.Errorf("AffinityFailures() after a change of its result (-want +got):\n%s", diff)
	}
}

// Decisions and failures that nobody made have a text, too.
func TestStringNeverPanics(t *testing.T) {
	for _, tc := range []struct {
		name string
		got  string
		want string
	}{
		{"zero Decision", placement.Decision{}.String(), "(no node): undecided"},
		{"made up, run", placement.Decision{Run: true}.String(), "(no node): runs here"},
		{"made up, node name", placement.Decision{Reason: placement.ReasonNodeName}.String(), "(no node): not run: node name"},
		{"made up, node selector", placement.Decision{Reason: placement.ReasonNodeSelector}.String(), "(no node): not run: node selector"},
		{"made up, affinity", placement.Decision{Reason: placement.ReasonNodeAffinity}.String(), "(no node): not run: node affinity"},
		{"made up, taint", placement.Decision{Keep: true, Reason: placement.ReasonTaint}.String(), "(no node): not run: untolerated taint; a pod already here is kept"},
		{"made up, out of range", placement.Decision{Reason: -1}.String(), "(no node): not run: Reason(-1)"},
		{"changed, node selector", changed(placement.ReasonNodeSelector).String(), `n: not run: nodeSelector ""=, node has no label ""`},
		{"changed, affinity", changed(placement.ReasonNodeAffinity).String(), "n: not run: node affinity: nodeSelectorTerms is empty"},
		{"changed, taint", changed(placement.ReasonTaint).String(), "n: not run: untolerated taint"},
		{"zero TermFailure", placement.TermFailure{}.String(), "nodeSelectorTerms[0] is TermCause(0)"},
		{"made up, malformed", placement.TermFailure{Cause: placement.TermMalformed, Malformed: field.ErrorList{nil}}.String(), "nodeSelectorTerms[0] is malformed"},
		{"made up, label", placement.TermFailure{Term: 2, Cause: placement.TermLabel}.String(), `nodeSelectorTerms[2].matchExpressions[0] "" "", node has no label ""`},
		{"zero Summary", placement.Summary{}.String(), "no nodes"},
		{"zero ReasonCount", placement.ReasonCount{}.String(), "0 are undecided"},
		{"unknown ReasonCount", placement.ReasonCount{Reason: 99, Nodes: 1}.String(), "1 is: Reason(99)"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: String() = %q, want %q", tc.name, tc.got, tc.want)
		}
	}
}

// changed is a decision whose exported fields somebody wrote to.
func changed(reason placement.Reason) placement.Decision {
	d := placement.Compile(nil, placement.Options{}).Decide(node("n", nil))
	d.Run, d.Keep, d.Reason = false, false, reason
	return d
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
		placement.TermCause(0):  "TermCause(0)",
		placement.TermEmpty:     "empty",
		placement.TermMalformed: "malformed",
		placement.TermLabel:     "label",
		placement.TermField:     "field",
		placement.TermCause(5):  "TermCause(5)",
	} {
		if got := cause.String(); got != want {
			t.Errorf("TermCause(%d).String() = %q, want %q", int(cause), got, want)
		}
	}
}
