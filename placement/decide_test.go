package placement_test

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/placement"
)

func TestDecide(t *testing.T) {
	type verdict struct {
		run, keep bool
		reason    placement.Reason
	}
	runs := verdict{true, true, placement.ReasonEligible}
	manyValues := strings.Fields("a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 a10 a11 a12 a13 a14 a15")

	for _, tc := range []struct {
		name string
		why  string
		spec corev1.PodSpec
		opts placement.Options
		node *corev1.Node
		want verdict
		text string
	}{
		{
			name: "plain",
			why:  "nothing asked for, nothing in the way",
			node: node("worker-1", nil),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "node without a name",
			why:  "a half-filled node is decided about like any other",
			node: node("", nil),
			want: runs,
			text: `"": runs here`,
		},

		// nodeName.
		{
			name: "nodeName/same",
			why:  "the template may be pinned to one node",
			spec: corev1.PodSpec{NodeName: "worker-1"},
			node: node("worker-1", nil),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "nodeName/other",
			why:  "a pin to another node also takes away the pod that is there",
			spec: corev1.PodSpec{NodeName: "worker-1"},
			node: node("worker-2", nil),
			want: verdict{false, false, placement.ReasonNodeName},
			text: "worker-2: does not run: nodeName is worker-1",
		},
		{
			name: "nodeName/tainted",
			why:  "a pin does not tolerate anything by itself in the controller's eyes",
			spec: corev1.PodSpec{NodeName: "worker-1"},
			node: node("worker-1", nil, taint("dedicated", "db", noSchedule)),
			want: verdict{false, true, placement.ReasonTaint},
			text: "worker-1: does not run: untolerated taint dedicated=db:NoSchedule; an existing pod stays",
		},

		// nodeSelector.
		{
			name: "nodeSelector/has",
			why:  "every entry is there",
			spec: corev1.PodSpec{NodeSelector: labels{"disk": "ssd", "zone": "a"}},
			node: node("worker-1", labels{"disk": "ssd", "zone": "a", "more": "labels"}),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "nodeSelector/other value",
			why:  "the operator reads both values",
			spec: corev1.PodSpec{NodeSelector: labels{"disk": "ssd"}},
			node: node("worker-2", labels{"disk": "hdd"}),
			want: verdict{false, false, placement.ReasonNodeSelector},
			text: "worker-2: does not run: nodeSelector disk=ssd, node has disk=hdd",
		},
		{
			name: "nodeSelector/no label",
			why:  "missing reads differently from wrong",
			spec: corev1.PodSpec{NodeSelector: labels{"disk": "ssd"}},
			node: node("worker-2", nil),
			want: verdict{false, false, placement.ReasonNodeSelector},
			text: "worker-2: does not run: nodeSelector disk=ssd, node has no label disk",
		},
		{
			name: "nodeSelector/empty value needs the label",
			why:  "a missing label is not an empty one",
			spec: corev1.PodSpec{NodeSelector: labels{"gpu": ""}},
			node: node("worker-2", labels{"disk": "ssd"}),
			want: verdict{false, false, placement.ReasonNodeSelector},
			text: "worker-2: does not run: nodeSelector gpu=, node has no label gpu",
		},
		{
			name: "nodeSelector/empty value",
			why:  "role labels have empty values",
			spec: corev1.PodSpec{NodeSelector: labels{controlPlane: ""}},
			node: node("cp", labels{controlPlane: ""}),
			want: runs,
			text: "cp: runs here",
		},
		{
			name: "nodeSelector/first by key",
			why:  "the first failing entry in the order of keys is the reason, every time",
			spec: corev1.PodSpec{NodeSelector: labels{"e": "1", "b": "1", "d": "1", "c": "1", "a": "1"}},
			node: node("worker-2", labels{"a": "1"}),
			want: verdict{false, false, placement.ReasonNodeSelector},
			text: "worker-2: does not run: nodeSelector b=1, node has no label b",
		},
		{
			name: "nodeSelector/invalid entries are compared as they are",
			why:  "upstream does not validate them here, so a half-filled node may have them",
			spec: corev1.PodSpec{NodeSelector: labels{"no key at all": "no\nvalue"}},
			node: node("worker-1", labels{"no key at all": "no\nvalue"}),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "nodeSelector/unreadable text is quoted",
			why:  "a sentence stays one line",
			spec: corev1.PodSpec{NodeSelector: labels{"no key": "no\nvalue"}},
			node: node("worker 2", labels{"no key": "\x00"}),
			want: verdict{false, false, placement.ReasonNodeSelector},
			text: `"worker 2": does not run: nodeSelector "no key"="no\nvalue", node has "no key"="\x00"`,
		},

		// Rules 4 to 7.
		{
			name: "affinity/one of several terms",
			why:  "terms are ORed",
			spec: corev1.PodSpec{Affinity: required(expressions(req("zone", in, "a")), expressions(req("zone", in, "b")))},
			node: node("worker-1", labels{"zone": "b"}),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "affinity/all of a term",
			why:  "all requirements have to match; the first that fails stands for its term",
			spec: corev1.PodSpec{Affinity: required(
				expressions(req("disk", exists), req("zone", in, "a", "b")),
				expressions(req("gpu", exists), req("zone", in, "a")),
			)},
			node: node("worker-2", labels{"zone": "c", "disk": "ssd"}),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-2: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[1] zone In [a b], node has zone=c; " +
				"nodeSelectorTerms[1].matchExpressions[0] gpu Exists, node has no label gpu",
		},
		{
			name: "affinity/together with nodeSelector",
			why:  "both have to match",
			spec: corev1.PodSpec{NodeSelector: labels{"disk": "ssd"}, Affinity: required(expressions(req("zone", in, "a")))},
			node: node("worker-2", labels{"disk": "ssd", "zone": "b"}),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-2: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[0] zone In [a], node has zone=b",
		},
		{
			name: "affinity/no terms",
			why:  "an empty list matches nothing",
			spec: corev1.PodSpec{Affinity: required()},
			node: node("worker-1", nil),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms is empty",
		},
		{
			name: "affinity/empty term",
			why:  "an empty term matches nothing",
			spec: corev1.PodSpec{Affinity: required(corev1.NodeSelectorTerm{})},
			node: node("worker-1", nil),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0] is empty",
		},
		{
			name: "affinity/empty term beside a good one",
			why:  "an empty term does not spoil the others",
			spec: corev1.PodSpec{Affinity: required(corev1.NodeSelectorTerm{}, expressions(req("zone", in, "a")))},
			node: node("worker-1", labels{"zone": "a"}),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "affinity/nothing required",
			why:  "empty affinity structures ask for nothing",
			spec: corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}, PodAffinity: &corev1.PodAffinity{}}},
			node: node("worker-1", nil),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "affinity/preferred",
			why:  "a preference is no requirement, not even a malformed one",
			spec: corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
				PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{
					{Weight: 1, Preference: expressions(req("zone", in, "a"))},
					{Weight: 1, Preference: expressions(req("zone", "Near", "a"))},
				},
			}}},
			node: node("worker-1", nil),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "affinity/malformed term beside a good one",
			why:  "upstream passes over what does not parse while another term matches",
			spec: corev1.PodSpec{Affinity: required(expressions(req("zone", "Near", "a")), expressions(req("zone", in, "a")))},
			node: node("worker-1", labels{"zone": "a"}),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "affinity/one bad requirement spoils its term",
			why:  "the good requirement of the term would match",
			spec: corev1.PodSpec{Affinity: required(expressions(req("zone", in, "a"), req("gpu", exists, "true"), req("cpu", gt)))},
			node: node("worker-1", labels{"zone": "a", "gpu": "true"}),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[1].values is malformed: " +
				`Invalid value: ["true"]: values set must be empty for exists and does not exist (1 more error)`,
		},
		{
			name: "affinity/malformed at its own index",
			why:  "the term before it is empty and still counted",
			spec: corev1.PodSpec{Affinity: required(corev1.NodeSelectorTerm{}, expressions(req("zone", "Near", "a")))},
			node: node("worker-1", nil),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0] is empty; " +
				`nodeSelectorTerms[1].matchExpressions[0].operator is malformed: Unsupported value: "Near": supported values: "In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"`,
		},
		{
			name: "affinity/matchFields other than one value",
			why:  "matchFields take exactly one value; the good half of the term does not help",
			spec: corev1.PodSpec{Affinity: required(corev1.NodeSelectorTerm{
				MatchExpressions: []corev1.NodeSelectorRequirement{req("zone", in, "a")},
				MatchFields:      []corev1.NodeSelectorRequirement{req("metadata.name", in, "worker-1", "worker-2")},
			})},
			node: node("worker-1", labels{"zone": "a"}),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0].matchFields[0].values is malformed: " +
				`Invalid value: ["worker-1","worker-2"]: must have one element`,
		},
		{
			name: "affinity/many terms",
			why:  "a sentence does not grow without bound",
			spec: corev1.PodSpec{Affinity: required(make([]corev1.NodeSelectorTerm, 6)...)},
			node: node("worker-1", nil),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0] is empty; nodeSelectorTerms[1] is empty; " +
				"nodeSelectorTerms[2] is empty; nodeSelectorTerms[3] is empty; 2 more terms",
		},
		{
			name: "In/many values, there",
			why:  "long lists are looked up another way",
			spec: corev1.PodSpec{Affinity: required(expressions(req("x", in, manyValues...)))},
			node: node("worker-1", labels{"x": "a15"}),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "In/many values, not there",
			why:  "long lists are cut in the sentence",
			spec: corev1.PodSpec{Affinity: required(expressions(req("x", in, manyValues...)))},
			node: node("worker-1", labels{"x": "b"}),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[0] " +
				"x In [a0 a1 a2 a3 a4 a5 a6 a7 and 8 more], node has x=b",
		},
		{
			name: "In/no label",
			why:  "a missing label is in no list, not even in one with the empty string",
			spec: corev1.PodSpec{Affinity: required(expressions(req("x", in, "", "a")))},
			node: node("worker-1", labels{"y": ""}),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: `worker-1: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[0] x In ["" a], node has no label x`,
		},
		{
			name: "NotIn/no label",
			why:  "a missing label is not in any list, of one value, of a few and of many",
			spec: corev1.PodSpec{Affinity: required(expressions(req("x", notIn, ""), req("y", notIn, "a", ""), req("z", notIn, append(manyValues, "")...)))},
			node: node("worker-1", nil),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "NotIn/other value",
			why:  "of one value, of a few and of many",
			spec: corev1.PodSpec{Affinity: required(expressions(req("x", notIn, "a"), req("y", notIn, "a", "b"), req("z", notIn, manyValues...)))},
			node: node("worker-1", labels{"x": "c", "y": "c", "z": "c"}),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "NotIn/one value",
			why:  "the node has it",
			spec: corev1.PodSpec{Affinity: required(expressions(req("x", notIn, "a")))},
			node: node("worker-1", labels{"x": "a"}),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[0] x NotIn [a], node has x=a",
		},
		{
			name: "NotIn/few values",
			why:  "the node has the second",
			spec: corev1.PodSpec{Affinity: required(expressions(req("x", notIn, "a", "b")))},
			node: node("worker-1", labels{"x": "b"}),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[0] x NotIn [a b], node has x=b",
		},
		{
			name: "NotIn/many values",
			why:  "the node has one of them",
			spec: corev1.PodSpec{Affinity: required(expressions(req("x", notIn, manyValues...)))},
			node: node("worker-1", labels{"x": "a9"}),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[0] " +
				"x NotIn [a0 a1 a2 a3 a4 a5 a6 a7 and 8 more], node has x=a9",
		},
		{
			name: "DoesNotExist/there",
			why:  "also with an empty value",
			spec: corev1.PodSpec{Affinity: required(expressions(req("x", doesNotExist)))},
			node: node("worker-1", labels{"x": ""}),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[0] x DoesNotExist, node has x=",
		},
		{
			name: "DoesNotExist/not there",
			why:  "as on a node without labels",
			spec: corev1.PodSpec{Affinity: required(expressions(req("x", doesNotExist)))},
			node: node("worker-1", nil),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "Gt and Lt/between",
			why:  "numbers, not strings: 10 is more than 9, and a leading zero is no octal",
			spec: corev1.PodSpec{Affinity: required(expressions(req("cores", gt, "9"), req("cores", lt, "011")))},
			node: node("worker-1", labels{"cores": "10"}),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "Gt/equal",
			why:  "more means more",
			spec: corev1.PodSpec{Affinity: required(expressions(req("cores", gt, "8")))},
			node: node("worker-1", labels{"cores": "8"}),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[0] cores Gt [8], node has cores=8",
		},
		{
			name: "Lt/equal",
			why:  "less means less",
			spec: corev1.PodSpec{Affinity: required(expressions(req("cores", lt, "8")))},
			node: node("worker-1", labels{"cores": "8"}),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[0] cores Lt [8], node has cores=8",
		},
		{
			name: "Lt/no label",
			why:  "a missing label is no number",
			spec: corev1.PodSpec{Affinity: required(expressions(req("cores", lt, "8")))},
			node: node("worker-1", nil),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[0] cores Lt [8], node has no label cores",
		},
		{
			name: "Gt/no number",
			why:  "a label that is no integer is neither more nor less",
			spec: corev1.PodSpec{Affinity: required(expressions(req("cores", gt, "8")))},
			node: node("worker-1", labels{"cores": "12.5"}),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[0] cores Gt [8], node has cores=12.5 (not an integer)",
		},
		{
			name: "matchFields/In",
			why:  "a pod pinned by the controller itself carries this",
			spec: corev1.PodSpec{Affinity: required(fields(req("metadata.name", in, "worker-1")))},
			node: node("worker-2", nil),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-2: does not run: node affinity: nodeSelectorTerms[0].matchFields[0] metadata.name In [worker-1], node has metadata.name=worker-2",
		},
		{
			name: "matchFields/NotIn",
			why:  "the operator to leave one node out",
			spec: corev1.PodSpec{Affinity: required(fields(req("metadata.name", notIn, "worker-1")))},
			node: node("worker-1", nil),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0].matchFields[0] metadata.name NotIn [worker-1], node has metadata.name=worker-1",
		},
		{
			name: "matchFields/labels come first",
			why:  "both halves of the term fail",
			spec: corev1.PodSpec{Affinity: required(corev1.NodeSelectorTerm{
				MatchExpressions: []corev1.NodeSelectorRequirement{req("zone", in, "a")},
				MatchFields:      []corev1.NodeSelectorRequirement{req("metadata.name", in, "worker-1")},
			})},
			node: node("worker-2", nil),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-2: does not run: node affinity: nodeSelectorTerms[0].matchExpressions[0] zone In [a], node has no label zone",
		},
		{
			name: "matchFields/unknown field",
			why:  "a node has no other field, which is not a parse error",
			spec: corev1.PodSpec{Affinity: required(fields(req("metadata.name", in, "worker-1"), req("spec.providerID", in, "x")))},
			node: node("worker-1", nil),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "worker-1: does not run: node affinity: nodeSelectorTerms[0].matchFields[1] spec.providerID In [x], node has no field spec.providerID",
		},
		{
			name: "matchFields/unknown field is empty",
			why:  "an unknown field reads as the empty string",
			spec: corev1.PodSpec{Affinity: required(fields(req("spec.providerID", in, ""), req("metadata.uid", notIn, "x")))},
			node: node("worker-1", nil),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "matchFields/node without a name",
			why:  "upstream does not look at matchFields then",
			spec: corev1.PodSpec{Affinity: required(fields(req("metadata.name", in, "worker-1")))},
			node: node("", nil),
			want: runs,
			text: `"": runs here`,
		},

		// Rules 8 to 10.
		{
			name: "taint/NoSchedule",
			why:  "stops a new pod and keeps an old one",
			node: node("control-plane", nil, taint(controlPlane, "", noSchedule)),
			want: verdict{false, true, placement.ReasonTaint},
			text: "control-plane: does not run: untolerated taint node-role.kubernetes.io/control-plane:NoSchedule; an existing pod stays",
		},
		{
			name: "taint/NoExecute",
			why:  "drives an old pod out",
			node: node("worker-1", nil, taint("dedicated", "db", noExecute)),
			want: verdict{false, false, placement.ReasonTaint},
			text: "worker-1: does not run: untolerated taint dedicated=db:NoExecute",
		},
		{
			name: "taint/NoSchedule and NoExecute",
			why:  "one decides about new pods, another about old ones",
			node: node("worker-1", nil, taint("a", "", noSchedule), taint("b", "", noSchedule), taint("c", "1", noExecute), taint("d", "", noExecute)),
			want: verdict{false, false, placement.ReasonTaint},
			text: "worker-1: does not run: untolerated taint a:NoSchedule and c=1:NoExecute",
		},
		{
			name: "taint/PreferNoSchedule and unknown effects",
			why:  "they never matter",
			node: node("worker-1", nil, taint("a", "", preferNoSchedule), taint("b", "", ""), taint("c", "", "noschedule"), taint("d", "", "Evict")),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "taint/cordoned",
			why:  "spec.unschedulable alone does not matter, and its taint is tolerated by default",
			node: &corev1.Node{
				ObjectMeta: metav1.ObjectMeta{Name: "worker-1"},
				Spec:       corev1.NodeSpec{Unschedulable: true, Taints: []corev1.Taint{taint(corev1.TaintNodeUnschedulable, "", noSchedule)}},
			},
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "taint/node in trouble",
			why:  "the default tolerations, each with its effect",
			node: node("worker-1", nil,
				taint(corev1.TaintNodeNotReady, "", noExecute), taint(corev1.TaintNodeUnreachable, "", noExecute),
				taint(corev1.TaintNodeDiskPressure, "", noSchedule), taint(corev1.TaintNodeMemoryPressure, "", noSchedule),
				taint(corev1.TaintNodePIDPressure, "", noSchedule), taint(corev1.TaintNodeUnschedulable, "", noSchedule)),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "taint/not ready yet",
			why:  "not-ready is tolerated for NoExecute only: no new pod, the old one stays",
			node: node("worker-1", nil, taint(corev1.TaintNodeNotReady, "", noSchedule), taint(corev1.TaintNodeNotReady, "", noExecute)),
			want: verdict{false, true, placement.ReasonTaint},
			text: "worker-1: does not run: untolerated taint node.kubernetes.io/not-ready:NoSchedule; an existing pod stays",
		},
		{
			name: "taint/no network",
			why:  "network-unavailable is tolerated with hostNetwork only",
			node: node("worker-1", nil, taint(corev1.TaintNodeNetworkUnavailable, "", noSchedule)),
			want: verdict{false, true, placement.ReasonTaint},
			text: "worker-1: does not run: untolerated taint node.kubernetes.io/network-unavailable:NoSchedule; an existing pod stays",
		},
		{
			name: "taint/no network, hostNetwork",
			why:  "a network plugin has to run before there is a network",
			spec: corev1.PodSpec{HostNetwork: true},
			node: node("worker-1", nil, taint(corev1.TaintNodeNetworkUnavailable, "", noSchedule)),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "toleration/everything",
			why:  "Exists without a key is what node agents carry",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}}},
			node: node("worker-1", nil, taint("a", "b", noSchedule), taint("c", "d", noExecute), taint(controlPlane, "", noSchedule)),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "toleration/empty key and Equal",
			why:  "the API refuses it, the code takes it for any key with that value",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{{Value: "b"}}},
			node: node("worker-1", nil, taint("a", "b", noSchedule), taint("x", "b", noExecute)),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "toleration/no operator is Equal",
			why:  "the value has to be the same",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: "a", Value: "b"}}},
			node: node("worker-1", nil, taint("a", "c", noSchedule)),
			want: verdict{false, true, placement.ReasonTaint},
			text: "worker-1: does not run: untolerated taint a=c:NoSchedule; an existing pod stays",
		},
		{
			name: "toleration/Equal",
			why:  "the same value",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{tolerate("a", corev1.TolerationOpEqual, "b", noSchedule)}},
			node: node("worker-1", nil, taint("a", "b", noSchedule)),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "toleration/other effect",
			why:  "a toleration for NoSchedule does not keep a pod",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{tolerate("a", corev1.TolerationOpExists, "", noSchedule)}},
			node: node("worker-1", nil, taint("a", "", noSchedule), taint("a", "", noExecute)),
			want: verdict{false, false, placement.ReasonTaint},
			text: "worker-1: does not run: untolerated taint a:NoExecute",
		},
		{
			name: "toleration/tolerationSeconds",
			why:  "for a while is tolerated as well",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: "a", Operator: corev1.TolerationOpExists, TolerationSeconds: new(int64)}}},
			node: node("worker-1", nil, taint("a", "", noExecute)),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "toleration/unknown operator",
			why:  "it tolerates nothing",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{tolerate("a", "exists", "", "")}},
			node: node("worker-1", nil, taint("a", "", noExecute)),
			want: verdict{false, false, placement.ReasonTaint},
			text: "worker-1: does not run: untolerated taint a:NoExecute",
		},
		{
			name: "toleration/Gt and Lt, gate off",
			why:  "off by default in 1.37",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{tolerate("sla", corev1.TolerationOpGt, "90", "")}},
			node: node("worker-1", nil, taint("sla", "95", noExecute)),
			want: verdict{false, false, placement.ReasonTaint},
			text: "worker-1: does not run: untolerated taint sla=95:NoExecute",
		},
		{
			name: "toleration/Gt, gate on",
			why:  "the taint's number is more than the toleration's",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{tolerate("sla", corev1.TolerationOpGt, "9", "")}},
			opts: placement.Options{ComparisonOperators: true},
			node: node("worker-1", nil, taint("sla", "95", noExecute)),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "toleration/Gt, gate on, equal",
			why:  "more means more",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{tolerate("sla", corev1.TolerationOpGt, "95", "")}},
			opts: placement.Options{ComparisonOperators: true},
			node: node("worker-1", nil, taint("sla", "95", noExecute)),
			want: verdict{false, false, placement.ReasonTaint},
			text: "worker-1: does not run: untolerated taint sla=95:NoExecute",
		},
		{
			name: "toleration/Lt, gate on",
			why:  "the taint's number is less than the toleration's",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{tolerate("cost", corev1.TolerationOpLt, "0", "")}},
			opts: placement.Options{ComparisonOperators: true},
			node: node("worker-1", nil, taint("cost", "-1", noExecute)),
			want: runs,
			text: "worker-1: runs here",
		},
		{
			name: "toleration/Lt, gate on, equal",
			why:  "less means less",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{tolerate("cost", corev1.TolerationOpLt, "0", "")}},
			opts: placement.Options{ComparisonOperators: true},
			node: node("worker-1", nil, taint("cost", "0", noSchedule)),
			want: verdict{false, true, placement.ReasonTaint},
			text: "worker-1: does not run: untolerated taint cost=0:NoSchedule; an existing pod stays",
		},
		{
			name: "toleration/Gt, gate on, no canonical numbers",
			why:  "007 is not written as a human writes seven",
			spec: corev1.PodSpec{Tolerations: []corev1.Toleration{tolerate("a", corev1.TolerationOpGt, "5", ""), tolerate("b", corev1.TolerationOpGt, "05", "")}},
			opts: placement.Options{ComparisonOperators: true},
			node: node("worker-1", nil, taint("b", "7", noSchedule), taint("a", "007", noExecute)),
			want: verdict{false, false, placement.ReasonTaint},
			text: "worker-1: does not run: untolerated taint b=7:NoSchedule and a=007:NoExecute",
		},

		// The order of the rules.
		{
			name: "order/nodeName before nodeSelector",
			why:  "the first reason counts",
			spec: corev1.PodSpec{NodeName: "worker-1", NodeSelector: labels{"disk": "ssd"}},
			node: node("worker-2", nil),
			want: verdict{false, false, placement.ReasonNodeName},
			text: "worker-2: does not run: nodeName is worker-1",
		},
		{
			name: "order/nodeSelector before affinity",
			why:  "the first reason counts",
			spec: corev1.PodSpec{NodeSelector: labels{"disk": "ssd"}, Affinity: required()},
			node: node("worker-2", nil),
			want: verdict{false, false, placement.ReasonNodeSelector},
			text: "worker-2: does not run: nodeSelector disk=ssd, node has no label disk",
		},
		{
			name: "order/affinity before taints",
			why:  "a node that does not fit does not keep the pod, whatever its taints",
			spec: corev1.PodSpec{Affinity: required()},
			node: node("control-plane", nil, taint(controlPlane, "", noSchedule)),
			want: verdict{false, false, placement.ReasonNodeAffinity},
			text: "control-plane: does not run: node affinity: nodeSelectorTerms is empty",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			template := template(tc.spec)
			m := placement.Compile(template, tc.opts)
			d := m.Decide(tc.node)
			if got := (verdict{d.Run, d.Keep, d.Reason}); got != tc.want {
				t.Errorf("Decide() = %+v, want %+v (%s)", got, tc.want, tc.why)
			}
			if got := m.Explain(tc.node).String(); got != tc.text {
				t.Errorf("Explain().String() =\n\t%s\nwant\n\t%s\n(%s)", got, tc.text, tc.why)
			}
			// The table itself has to be right.
			if run, keep := newUpstream(template, tc.opts).decide(tc.node); run != tc.want.run || keep != tc.want.keep {
				t.Errorf("upstream decides %t, %t, the table wants %t, %t", run, keep, tc.want.run, tc.want.keep)
			}
		})
	}
}

func TestDecideWithoutNode(t *testing.T) {
	m := placement.Compile(template(corev1.PodSpec{NodeName: "worker-1", NodeSelector: labels{"a": "b"}, Affinity: required()}), placement.Options{})
	if d := m.Decide(nil); d.Run || d.Keep || d.Reason != placement.ReasonNoNode {
		t.Errorf("Decide(nil) = %+v, want neither run nor keep for ReasonNoNode", d)
	}
	if got, want := m.Explain(nil).String(), "(no node): does not run: no node"; got != want {
		t.Errorf("Explain(nil).String() = %q, want %q", got, want)
	}
}

// An empty template is what nil, the zero Matcher and no Matcher stand for.
func TestEmptyTemplate(t *testing.T) {
	var none *placement.Matcher
	for name, m := range map[string]*placement.Matcher{
		"nil template":   placement.Compile(nil, placement.Options{}),
		"empty template": placement.Compile(&corev1.PodTemplateSpec{}, placement.Options{}),
		"zero Matcher":   new(placement.Matcher),
		"nil Matcher":    none,
	} {
		t.Run(name, func(t *testing.T) {
			if d := m.Decide(node("worker-1", nil, taint(corev1.TaintNodeUnschedulable, "", noSchedule))); !d.Run || !d.Keep {
				t.Errorf("Decide(cordoned) = %v, want run and keep", d)
			}
			e := m.Explain(node("worker-1", nil, taint("a", "b", noExecute)))
			if e.Run || e.Keep || e.Taint == nil || e.Taint != e.NoExecuteTaint {
				t.Errorf("Explain(tainted) = %v, want neither run nor keep for its taint", e)
			}
			if errs := m.Malformed(); errs != nil {
				t.Errorf("Malformed() = %v, want nil", errs)
			}
			if m.DecisionChanged(nil, nil) || !m.DecisionChanged(nil, node("a", nil)) {
				t.Errorf("DecisionChanged() is wrong for a nil node")
			}
		})
	}
}

// A Matcher holds nothing of the template.
func TestCompileCopies(t *testing.T) {
	seconds := int64(30)
	template := template(corev1.PodSpec{
		NodeName:     "worker-1",
		NodeSelector: labels{"disk": "ssd"},
		Affinity:     required(expressions(req("zone", in, "a", "b")), fields(req("metadata.name", in, "worker-9"))),
		Tolerations:  []corev1.Toleration{{Key: "x", Operator: corev1.TolerationOpExists, TolerationSeconds: &seconds}},
	})
	m := placement.Compile(template, placement.Options{})
	fits := node("worker-1", labels{"disk": "ssd", "zone": "b"}, taint("x", "", noExecute))
	doesNot := node("worker-1", labels{"disk": "ssd", "zone": "c"})
	before := []string{m.Explain(fits).String(), m.Explain(doesNot).String()}

	template.Spec.NodeName = "other"
	template.Spec.NodeSelector["disk"] = "hdd"
	terms := template.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms
	terms[0].MatchExpressions[0].Values[1] = "z"
	terms[0].MatchExpressions[0].Key = "other"
	terms[1].MatchFields[0].Values[0] = "other"
	template.Spec.Tolerations[0].Key = "other"
	seconds = 0

	after := []string{m.Explain(fits).String(), m.Explain(doesNot).String()}
	if before[0] != after[0] || before[1] != after[1] {
		t.Errorf("decisions follow the template's changes:\nbefore %q\nafter  %q", before, after)
	}
	if !m.Decide(fits).Run {
		t.Errorf("Decide() = %v, want run", m.Decide(fits))
	}
}
