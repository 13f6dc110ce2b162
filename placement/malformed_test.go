package placement_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/placement"
)

func TestMalformed(t *testing.T) {
	const terms = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
	for _, tc := range []struct {
		name string
		why  string
		spec corev1.PodSpec
		opts placement.Options
		want []string
	}{
		{
			name: "all is well",
			why:  "empty terms match nothing but are no error, and neither is a nodeSelector that no node can have",
			spec: corev1.PodSpec{
				NodeSelector: labels{"no key": "no\nvalue"},
				Affinity:     required(corev1.NodeSelectorTerm{}, expressions(req("zone", in, "a")), fields(req("spec.x", notIn, "y"))),
				Tolerations:  []corev1.Toleration{{}, tolerate("", corev1.TolerationOpEqual, "a", "Unknown"), tolerate("a", corev1.TolerationOpExists, "", "")},
			},
		},
		{
			name: "affinity",
			why:  "every error of every term at its own path",
			spec: corev1.PodSpec{Affinity: required(
				corev1.NodeSelectorTerm{},
				expressions(req("zone", in), req("ok", exists), req("zone", "in", "a")),
				expressions(req("a b", notIn, "a"), req("zone", in, "-a")),
				expressions(req("ok", exists)),
				corev1.NodeSelectorTerm{
					MatchExpressions: []corev1.NodeSelectorRequirement{req("cores", gt, "many")},
					MatchFields:      []corev1.NodeSelectorRequirement{req("metadata.name", in), req("metadata.name", exists)},
				},
			)},
			want: []string{
				terms + `[1].matchExpressions[0].values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty`,
				terms + `[1].matchExpressions[2].operator: Unsupported value: "in": supported values: "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"`,
				terms + `[2].matchExpressions[0].key: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`,
				terms + `[2].matchExpressions[1].values[0][zone]: Invalid value: "-a": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`,
				terms + `[4].matchExpressions[0].values[0]: Invalid value: "many": for 'Gt', 'Lt' operators, the value must be an integer`,
				terms + `[4].matchFields[0].values: Invalid value: null: must have one element`,
				terms + `[4].matchFields[1].operator: Unsupported value: "Exists": supported values: "In", "NotIn"`,
			},
		},
		{
			name: "tolerations",
			why:  "operators that tolerate nothing; Gt and Lt are among them while the gate is off",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{
				tolerate("a", "exists", "", ""), tolerate("b", corev1.TolerationOpExists, "", ""), tolerate("c", corev1.TolerationOpGt, "5", ""),
			}},
			want: []string{
				`spec.tolerations[0].operator: Unsupported value: "exists": supported values: "Equal", "Exists"`,
				`spec.tolerations[2].operator: Unsupported value: "Gt": supported values: "Equal", "Exists"`,
			},
		},
		{
			name: "tolerations, gate on",
			why:  "numbers have to be canonical decimal integers of 64 bits",
			spec: corev1.PodSpec{
				Affinity: required(expressions(req("zone", in))),
				Tolerations: []corev1.Toleration{
					tolerate("a", "exists", "", ""), tolerate("b", corev1.TolerationOpGt, "5", ""), tolerate("c", corev1.TolerationOpLt, "05", ""),
					tolerate("d", corev1.TolerationOpLt, "", ""), tolerate("e", corev1.TolerationOpGt, "9223372036854775808", ""),
				},
			},
			opts: placement.Options{ComparisonOperators: true},
			want: []string{
				terms + `[0].matchExpressions[0].values: Invalid value: null: for 'in', 'notin' operators, values set can't be empty`,
				`spec.tolerations[0].operator: Unsupported value: "exists": supported values: "Equal", "Exists", "Gt", "Lt"`,
				`spec.tolerations[2].value: Invalid value: "05": must be a valid decimal integer in canonical form`,
				`spec.tolerations[3].value: Invalid value: "": must be non-empty`,
				`spec.tolerations[4].value: Invalid value: "9223372036854775808": must fit into 64 bits`,
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			errs := placement.Compile(template(tc.spec), tc.opts).Malformed()
			var got []string
			for _, err := range errs {
				got = append(got, err.Error())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Malformed(), %s (-want +got):\n%s", tc.why, diff)
			}
			if tc.want == nil && errs != nil {
				t.Errorf("Malformed() = %#v, want nil", errs)
			}
		})
	}
}
