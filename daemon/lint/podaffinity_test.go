package lint_test

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
)

func podAffinityCases() []checkCase {
	type term = corev1.PodAffinityTerm
	const (
		anti = "spec.template.spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution"
		with = "spec.template.spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution"
		hash = appsv1.DefaultDaemonSetUniqueLabelKey
	)
	own, foreign := requireLabels("app", "agent"), requireLabels("app", "database")
	against := func(terms ...term) corev1.PodSpec {
		return corev1.PodSpec{Affinity: &corev1.Affinity{PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: terms}}}
	}
	towards := func(terms ...term) corev1.PodSpec {
		return corev1.PodSpec{Affinity: &corev1.Affinity{PodAffinity: &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: terms}}}
	}
	c := func(code lint.Code, name, why string, set build.Set, nodes []string, says string, want ...string) checkCase {
		return checkCase{name: name, why: why, code: code, in: daemon.Input{DaemonSet: soundSet(set), Nodes: newNodes(nodes...)}, says: says, want: want}
	}
	domain := func(name, why string, spec corev1.PodSpec, nodes []string, says string, want ...string) checkCase {
		return c(lint.CodePodAntiAffinitySelf, name, why, build.Set{Spec: spec}, nodes, says, want...)
	}
	surge := func(name, why string, spec corev1.PodSpec, nodes []string, want ...string) checkCase {
		return c(lint.CodeSurgePodAntiAffinity, name, why, build.Set{MaxSurge: "1", Spec: spec}, nodes, "", want...)
	}
	self := func(name, why string, spec corev1.PodSpec, nodes []string, want ...string) checkCase {
		return c(lint.CodePodAffinitySelf, name, why, build.Set{Spec: spec}, nodes, "", want...)
	}
	// unplaced has a manifest without a namespace.
	unplaced := func(tc checkCase) checkCase {
		tc.in.DaemonSet.Namespace = ""
		return tc
	}
	named := func(namespaces ...string) term {
		return term{LabelSelector: own, TopologyKey: "zone", Namespaces: namespaces}
	}
	selected := func(labels ...string) term {
		return term{LabelSelector: own, TopologyKey: "zone", NamespaceSelector: requireLabels(labels...)}
	}
	const host = corev1.LabelHostname
	zones := []string{"w1 zone=a", "w2 zone=a", "w3 zone=b", "w4 zone=a", "w5"}
	each := []string{"w1 zone=a", "w2 zone=b"}
	byZone := term{LabelSelector: own, TopologyKey: "zone"}
	byHost := term{LabelSelector: own, TopologyKey: host}

	return []checkCase{
		domain("shared zone", "two of three in zone a stay Pending", against(byZone), zones, "3 eligible nodes share 1 value of zone, and 2 pods stay Pending.", "error "+anti+"[0].topologyKey w1 w2 w4"),
		domain("second term", "the path names it", against(byHost, byZone), zones, "", "error "+anti+"[1].topologyKey w1 w2 w4"),
		domain("no nodes given", "likely, not certain", against(byZone), nil, "only one gets its pod", "warning "+anti+"[0].topologyKey"),
		domain("one node to a zone", "no two pods share a zone", against(byZone), each, ""),
		domain("label nowhere", "a node without the label is in no domain", against(byZone), []string{"w1", "w2"}, ""),
		domain("hostname", "a node runs one pod anyway", against(byHost), zones, ""),
		domain("hostname, no nodes", "a node runs one pod anyway", against(byHost), nil, ""),
		domain("other pods", "not about the DaemonSet's own", against(term{LabelSelector: foreign, TopologyKey: "zone"}), zones, ""),
		domain("no selector", "matches no pod", against(term{TopologyKey: "zone"}), zones, ""),
		domain("keys without a selector", "match no pod", against(term{TopologyKey: "zone", MatchLabelKeys: []string{"app"}}), zones, ""),
		domain("empty selector", "matches every pod", against(term{LabelSelector: &metav1.LabelSelector{}, TopologyKey: "zone"}), zones, "", "error "+anti+"[0].topologyKey w1 w2 w4"),
		domain("malformed selector", "matches no pod", against(term{TopologyKey: "zone", LabelSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}}), zones, ""),
		domain("own namespace", "is listed", against(term{LabelSelector: own, TopologyKey: "zone", Namespaces: []string{"a", build.Namespace}}), zones, "", "error "+anti+"[0].topologyKey w1 w2 w4"),
		domain("other namespace", "no pod of the DaemonSet is there", against(term{LabelSelector: own, TopologyKey: "zone", Namespaces: []string{"a"}}), zones, ""),
		domain("every namespace", "the own one too", against(term{LabelSelector: own, TopologyKey: "zone", NamespaceSelector: &metav1.LabelSelector{}}), zones, "", "error "+anti+"[0].topologyKey w1 w2 w4"),
		domain("namespaces by label", "the labels of the namespaces are unknown", against(term{LabelSelector: own, TopologyKey: "zone", NamespaceSelector: foreign}), zones, ""),
		domain("own namespace by its name label", "every namespace has it", against(selected(corev1.LabelMetadataName, build.Namespace)), zones, "", "error "+anti+"[0].topologyKey w1 w2 w4"),
		domain("other namespace by its name label", "no pod of the DaemonSet is there", against(selected(corev1.LabelMetadataName, "a")), zones, ""),
		domain("name label and another", "the other label is unknown", against(selected(corev1.LabelMetadataName, build.Namespace, "team", "a")), zones, ""),
		unplaced(domain("manifest without namespace", "a term without namespaces means that of the pod", against(byZone), zones, "The term matches the DaemonSet's own pods. ", "error "+anti+"[0].topologyKey w1 w2 w4")),
		unplaced(domain("manifest without namespace, term with one", "probably that of the DaemonSet", against(named("monitoring")), zones, "if they run in one of its namespaces. 3 eligible", "warning "+anti+"[0].topologyKey w1 w2 w4")),
		unplaced(domain("manifest without namespace, term with one by label", "probably that of the DaemonSet", against(selected(corev1.LabelMetadataName, "monitoring")), zones, "", "warning "+anti+"[0].topologyKey w1 w2 w4")),
		unplaced(domain("manifest without namespace, term with every one", "that of the DaemonSet too", against(selected()), zones, "", "error "+anti+"[0].topologyKey w1 w2 w4")),
		unplaced(domain("manifest without namespace, namespaces by label", "the labels of the namespaces are unknown", against(selected("team", "a")), zones, "")),
		unplaced(domain("manifest without namespace, other pods", "not about the DaemonSet's own", against(term{LabelSelector: foreign, TopologyKey: "zone", Namespaces: []string{"monitoring"}}), zones, "")),
		unplaced(domain("no nodes given, manifest without namespace", "likely, not certain", against(named("monitoring")), nil, "if they run in one of its namespaces. Among nodes", "warning "+anti+"[0].topologyKey")),
		domain("mismatch key", "a pod does not match its own value", against(term{LabelSelector: own, TopologyKey: "zone", MismatchLabelKeys: []string{"app"}}), zones, ""),
		domain("revision key", "all pods of a revision have it", against(term{LabelSelector: own, TopologyKey: "zone", MatchLabelKeys: []string{hash}}), zones, "", "error "+anti+"[0].topologyKey w1 w2 w4"),
		domain("unknown key", "a key without value is ignored", against(term{LabelSelector: own, TopologyKey: "zone", MatchLabelKeys: []string{"none"}}), zones, "", "error "+anti+"[0].topologyKey w1 w2 w4"),

		surge("hostname", "both pods are on one node", against(byHost), nil, "error "+anti+"[0]"),
		surge("zone", "a node is in the same zone as itself", against(byZone), each, "error "+anti+"[0]"),
		surge("label nowhere", "a node without the label is in no domain", against(byZone), []string{"w1", "w2"}),
		surge("by revision", "the old pod is of another", against(term{LabelSelector: own, TopologyKey: host, MatchLabelKeys: []string{hash}}), nil),
		surge("other revisions", "the old pod is of another", against(term{LabelSelector: own, TopologyKey: host, MismatchLabelKeys: []string{hash}}), nil, "error "+anti+"[0]"),
		surge("other pods", "not about the DaemonSet's own", against(term{LabelSelector: foreign, TopologyKey: host}), nil),
		unplaced(surge("manifest without namespace", "a term without namespaces means that of the pod", against(byHost), nil, "error "+anti+"[0]")),
		unplaced(surge("manifest without namespace, term with one", "probably that of the DaemonSet", against(named("monitoring")), each, "warning "+anti+"[0]")),
		c(lint.CodeSurgePodAntiAffinity, "without surge", "there are never two pods", build.Set{Spec: against(byHost)}, nil, ""),

		self("two zones", "no pod runs in the second one", towards(byZone), zones, "warning "+with+"[0].topologyKey"),
		self("hostname", "no other node has one", towards(byHost), each, "warning "+with+"[0].topologyKey"),
		unplaced(self("manifest without namespace, term with one", "probably that of the DaemonSet", towards(named("monitoring")), zones, "warning "+with+"[0].topologyKey")),
		self("one zone", "the first pod helps the others", towards(byZone), []string{"w1 zone=a", "w2 zone=a"}),
		self("other pods", "other pods are unknown", towards(term{LabelSelector: foreign, TopologyKey: "zone"}), zones),
		self("own and others", "no pod can be the first", towards(byZone, term{LabelSelector: foreign, TopologyKey: "zone"}), zones),
		self("no nodes given", "not known", towards(byZone), nil),
	}
}
