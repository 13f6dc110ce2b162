package daemon_test

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
)

func lintAffinityCases() []lintCase {
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
	c := func(code daemon.LintCode, name, why string, set build.Set, nodes []string, says string, want ...string) lintCase {
		return lintCase{name: name, why: why, code: code, in: daemon.LintInput{DaemonSet: lintSet(set), Nodes: lintNodes(nodes...)}, says: says, want: want}
	}
	domain := func(name, why string, spec corev1.PodSpec, nodes []string, says string, want ...string) lintCase {
		return c(daemon.LintAntiAffinityDomain, name, why, build.Set{Spec: spec}, nodes, says, want...)
	}
	surge := func(name, why string, spec corev1.PodSpec, nodes []string, want ...string) lintCase {
		return c(daemon.LintSurgeAntiAffinity, name, why, build.Set{MaxSurge: "1", Spec: spec}, nodes, "", want...)
	}
	self := func(name, why string, spec corev1.PodSpec, nodes []string, want ...string) lintCase {
		return c(daemon.LintPodAffinitySelf, name, why, build.Set{Spec: spec}, nodes, "", want...)
	}
	spread := func(name, why string, constraint corev1.TopologySpreadConstraint, nodes []string, want ...string) lintCase {
		return c(daemon.LintSpreadLabelMissing, name, why, build.Set{Spec: corev1.PodSpec{TopologySpreadConstraints: []corev1.TopologySpreadConstraint{constraint}}}, nodes, "", want...)
	}
	const host = corev1.LabelHostname
	zones := []string{"w1 zone=a", "w2 zone=a", "w3 zone=b", "w4 zone=a", "w5"}
	each := []string{"w1 zone=a", "w2 zone=b"}
	byZone := term{LabelSelector: own, TopologyKey: "zone"}
	byHost := term{LabelSelector: own, TopologyKey: host}

	return []lintCase{
		domain("shared zone", "two of three in zone a stay Pending", against(byZone), zones, "3 eligible nodes share 1 value of zone: 2 pods stay Pending", "error "+anti+"[0].topologyKey w1 w2 w4"),
		domain("second term", "the path names it", against(byHost, byZone), zones, "", "error "+anti+"[1].topologyKey w1 w2 w4"),
		domain("no nodes given", "likely, not certain", against(byZone), nil, "only one gets its pod", "warning "+anti+"[0].topologyKey"),
		domain("one node to a zone", "nobody is in the way", against(byZone), each, ""),
		domain("label nowhere", "in no domain with anybody", against(byZone), []string{"w1", "w2"}, ""),
		domain("hostname", "one pod to a node anyway", against(byHost), zones, ""),
		domain("hostname, no nodes", "one pod to a node anyway", against(byHost), nil, ""),
		domain("other pods", "not about the DaemonSet's own", against(term{LabelSelector: foreign, TopologyKey: "zone"}), zones, ""),
		domain("no selector", "matches no pod", against(term{TopologyKey: "zone"}), zones, ""),
		domain("keys without a selector", "match no pod", against(term{TopologyKey: "zone", MatchLabelKeys: []string{"app"}}), zones, ""),
		domain("empty selector", "matches every pod", against(term{LabelSelector: &metav1.LabelSelector{}, TopologyKey: "zone"}), zones, "", "error "+anti+"[0].topologyKey w1 w2 w4"),
		domain("malformed selector", "matches no pod", against(term{TopologyKey: "zone", LabelSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}}), zones, ""),
		domain("own namespace", "is listed", against(term{LabelSelector: own, TopologyKey: "zone", Namespaces: []string{"a", build.Namespace}}), zones, "", "error "+anti+"[0].topologyKey w1 w2 w4"),
		domain("other namespace", "no pod of the DaemonSet is there", against(term{LabelSelector: own, TopologyKey: "zone", Namespaces: []string{"a"}}), zones, ""),
		domain("every namespace", "the own one too", against(term{LabelSelector: own, TopologyKey: "zone", NamespaceSelector: &metav1.LabelSelector{}}), zones, "", "error "+anti+"[0].topologyKey w1 w2 w4"),
		domain("namespaces by label", "not known here", against(term{LabelSelector: own, TopologyKey: "zone", NamespaceSelector: foreign}), zones, ""),
		domain("mismatch key", "its own value is what pods do not match", against(term{LabelSelector: own, TopologyKey: "zone", MismatchLabelKeys: []string{"app"}}), zones, ""),
		domain("revision key", "all pods of a revision have it", against(term{LabelSelector: own, TopologyKey: "zone", MatchLabelKeys: []string{hash}}), zones, "", "error "+anti+"[0].topologyKey w1 w2 w4"),
		domain("unknown key", "a key without value is ignored", against(term{LabelSelector: own, TopologyKey: "zone", MatchLabelKeys: []string{"none"}}), zones, "", "error "+anti+"[0].topologyKey w1 w2 w4"),

		surge("hostname", "two pods on a node are too near", against(byHost), nil, "error "+anti+"[0]"),
		surge("zone", "a node is in one zone with itself", against(byZone), each, "error "+anti+"[0]"),
		surge("label nowhere", "keeps nobody apart", against(byZone), []string{"w1", "w2"}),
		surge("by revision", "the old pod is of another", against(term{LabelSelector: own, TopologyKey: host, MatchLabelKeys: []string{hash}}), nil),
		surge("other revisions", "just the old pod", against(term{LabelSelector: own, TopologyKey: host, MismatchLabelKeys: []string{hash}}), nil, "error "+anti+"[0]"),
		surge("other pods", "not about the DaemonSet's own", against(term{LabelSelector: foreign, TopologyKey: host}), nil),
		c(daemon.LintSurgeAntiAffinity, "without surge", "there are never two pods", build.Set{Spec: against(byHost)}, nil, ""),

		self("two zones", "the second one has no pod to be near", towards(byZone), zones, "warning "+with+"[0].topologyKey"),
		self("hostname", "no other node has one", towards(byHost), each, "warning "+with+"[0].topologyKey"),
		self("one zone", "the first pod helps the others", towards(byZone), []string{"w1 zone=a", "w2 zone=a"}),
		self("other pods", "not seen here", towards(term{LabelSelector: foreign, TopologyKey: "zone"}), zones),
		self("own and others", "no pod is the first one by itself", towards(byZone, term{LabelSelector: foreign, TopologyKey: "zone"}), zones),
		self("no nodes given", "not known", towards(byZone), nil),

		spread("label missing", "such nodes are refused", corev1.TopologySpreadConstraint{TopologyKey: "zone", WhenUnsatisfiable: corev1.DoNotSchedule}, zones, "error spec.template.spec.topologySpreadConstraints[0].topologyKey w5"),
		spread("label there", "satisfied", corev1.TopologySpreadConstraint{TopologyKey: host, WhenUnsatisfiable: corev1.DoNotSchedule}, zones),
		spread("best effort", "refuses nobody", corev1.TopologySpreadConstraint{TopologyKey: "zone", WhenUnsatisfiable: corev1.ScheduleAnyway}, zones),
	}
}
