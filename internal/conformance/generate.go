package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	extensions "k8s.io/api/extensions/v1beta1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/kubernetes/pkg/controller"
	daemonutil "k8s.io/kubernetes/pkg/controller/daemon/util"
)

// mood is how much of a state is out of order. Most of what an update does can
// only be seen if the rest is in order.
type mood int

const (
	// moodSettled: every node has the pods it should have.
	moodSettled mood = iota
	// moodRolling: the same, with pods of several revisions and of all states of
	// readiness.
	moodRolling
	// moodBumpy: rolling, with a few surprises.
	moodBumpy
	// moodChaos: anything goes.
	moodChaos
	// moodCrowded: nodes have too many pods, owned ones and orphans, and nodes that
	// do not exist have some, so that the burst limit and the order count.
	moodCrowded
	// moodMoving: an update with surge is under way while the pods move to other
	// nodes, and there is nothing else to do.
	moodMoving
)

// Generate returns the state that a seed and a number stand for.
func Generate(seed, number uint64) *State { return generate(seed, number, 0) }

// generate makes a state with the given number of nodes, or with a few if that
// is zero.
func generate(seed, number uint64, nodes int) *State {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, number)), size: nodes}
	return g.state()
}

type generator struct {
	*rand.Rand
	mood  mood
	size  int
	s     *State
	names map[string]bool
	// revisions that pods may carry; the first one is current.
	hashes []string
}

// in is true once in n.
func (g *generator) in(n int) bool { return g.IntN(n) == 0 }

// odd is true once in n, and only if surprises are wanted.
func (g *generator) odd(n int) bool {
	switch g.mood {
	case moodChaos:
		return g.in(n)
	case moodBumpy:
		return g.in(4 * n)
	}
	return false
}

func pick[T any](g *generator, from ...T) T { return from[g.IntN(len(from))] }

func (g *generator) name(prefix string) string {
	for {
		const letters = "bcdfghjklmnpqrstvwxz2456789"
		b := []byte(prefix)
		for range 1 + g.IntN(5) {
			b = append(b, letters[g.IntN(len(letters))])
		}
		if !g.names[string(b)] {
			g.names[string(b)] = true
			return string(b)
		}
	}
}

const (
	namespace = "ns"
	setName   = "ds"
	setUID    = types.UID("uid-ds")

	generationLabel = extensions.DaemonSetTemplateGenerationKey
)

func (g *generator) state() *State {
	g.mood = pick(g, moodSettled, moodRolling, moodRolling, moodRolling, moodBumpy, moodBumpy, moodChaos, moodChaos, moodCrowded, moodMoving)
	g.names = map[string]bool{}
	g.s = &State{Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(g.IntN(3600)) * time.Second)}
	g.s.BurstReplicas = pick(g, 0, 0, 0, 0, 0, 0, 1, 2, 3)
	g.s.AwaitingWrites = g.in(25)
	g.daemonSet()
	g.nodes()
	g.history()
	switch g.mood {
	case moodCrowded:
		g.crowd()
	case moodMoving:
		g.move()
	default:
		g.allPods()
	}
	g.Shuffle(len(g.s.Pods), func(i, j int) { g.s.Pods[i], g.s.Pods[j] = g.s.Pods[j], g.s.Pods[i] })
	g.backoffs()
	return g.s
}

// Scenario is the state for a seed and a number. One in three has the status
// that upstream would write.
func Scenario(u *Upstream, seed, number uint64) *State {
	s := Generate(seed, number)
	if number%3 == 0 {
		settle(u, s)
	}
	return s
}

// settle gives the DaemonSet the status that upstream would write, so that the
// pass has none to write unless something else changes it.
func settle(u *Upstream, s *State) {
	if p := u.Pass(inUpstreamOrder(s)); p.Status != nil && p.Panic == nil {
		set := s.DaemonSet.DeepCopy()
		set.Status = *p.Status
		s.DaemonSet = set
	}
}

// Keys and values are few, so that nodes and selectors meet.
var (
	nodeKeys   = []string{"disk", "zone", "cores"}
	nodeValues = map[string][]string{
		"disk":  {"ssd", "hdd", ""},
		"zone":  {"a", "b"},
		"cores": {"4", "16", "-1", "many", "016"},
	}
	podKeys   = []string{"app", "tier"}
	podValues = []string{"a", "b"}
	taintKeys = []string{"dedicated", "node-role.kubernetes.io/control-plane", corev1.TaintNodeNotReady, corev1.TaintNodeUnreachable,
		corev1.TaintNodeDiskPressure, corev1.TaintNodeMemoryPressure, corev1.TaintNodePIDPressure, corev1.TaintNodeUnschedulable,
		corev1.TaintNodeNetworkUnavailable}
	taintValues  = []string{"", "a", "5", "05", "7"}
	taintEffects = []corev1.TaintEffect{corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute, corev1.TaintEffectPreferNoSchedule}
)

func (g *generator) daemonSet() {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: setName, UID: setUID, Generation: int64(1 + g.IntN(3)),
	}}
	g.s.DaemonSet = ds
	spec := &ds.Spec
	spec.Template.Labels = map[string]string{"app": "a"}
	if g.in(4) {
		spec.Template.Labels["tier"] = pick(g, podValues...)
	}
	spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": "a"}}
	if g.in(8) {
		spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{
			Key: pick(g, podKeys...), Operator: pick(g, metav1.LabelSelectorOpExists, metav1.LabelSelectorOpDoesNotExist),
		}}
		if g.in(2) {
			spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{
				Key: pick(g, podKeys...), Operator: pick(g, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn),
				Values: []string{pick(g, podValues...), "c"},
			}}
		}
		if g.in(2) {
			spec.Selector.MatchLabels = nil
		}
	}
	switch {
	case g.odd(60):
		spec.Selector = &metav1.LabelSelector{}
	case g.odd(60):
		spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{}, MatchExpressions: []metav1.LabelSelectorRequirement{}}
	case g.odd(60):
		spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "app", Operator: pick[metav1.LabelSelectorOperator](g, "Maybe", "In", "")}}
	case g.odd(60):
		spec.Selector.MatchLabels = map[string]string{"app": "not a label value!"}
	case g.odd(80):
		spec.Selector = nil
	}

	g.template(&spec.Template)
	g.strategy(&spec.UpdateStrategy)
	spec.MinReadySeconds = pick[int32](g, 0, 0, 0, 5, 5, 10, 300)
	if g.odd(40) {
		spec.MinReadySeconds = -5
	}
	limit := pick[int32](g, 10, 10, 0, 1, 2, 3)
	spec.RevisionHistoryLimit = &limit
	if g.odd(30) {
		limit = -1
	}
	if g.odd(30) {
		spec.RevisionHistoryLimit = nil
	}

	if g.in(10) {
		ds.Annotations = map[string]string{appsv1.DeprecatedTemplateGeneration: pick(g, "1", "2", "+2", "02", "x", "", "-1")}
	}
	if g.in(4) {
		ds.Annotations = merged(ds.Annotations, "kubernetes.io/change-cause", "because")
	}
	if g.odd(25) {
		ds.DeletionTimestamp = &metav1.Time{Time: g.s.Now}
		ds.Finalizers = []string{"foregroundDeletion"}
	}
	st := &ds.Status
	st.ObservedGeneration = ds.Generation
	if g.in(3) {
		st.ObservedGeneration = ds.Generation - 1 + int64(g.IntN(3))
	}
	st.DesiredNumberScheduled = int32(g.IntN(4))
	st.NumberUnavailable = int32(g.IntN(3))
	if g.in(4) {
		st.CollisionCount = pick(g, new(int32(0)), new(int32(1)), new(int32(7)))
	}
	if g.in(8) {
		st.Conditions = []appsv1.DaemonSetCondition{{Type: "Odd", Status: corev1.ConditionTrue, Reason: "Because"}}
	}
}

func merged(m map[string]string, key, value string) map[string]string {
	if m == nil {
		m = map[string]string{}
	}
	m[key] = value
	return m
}

func (g *generator) strategy(s *appsv1.DaemonSetUpdateStrategy) {
	budget := func() *intstr.IntOrString {
		var b intstr.IntOrString
		switch g.IntN(6) {
		case 0, 1, 2:
			b = intstr.FromInt32(int32(1 + g.IntN(3)))
		case 3:
			b = intstr.FromInt32(0)
		default:
			b = intstr.FromString(pick(g, "0%", "1%", "10%", "25%", "34%", "50%", "99%", "100%"))
		}
		if g.odd(20) {
			b = pick(g, intstr.FromString("some"), intstr.FromString("5"), intstr.FromString("150%"), intstr.FromString(""),
				intstr.FromString("1.5%"), intstr.FromInt32(-1), intstr.FromString("-10%"), intstr.FromString("%"))
		}
		return &b
	}
	switch {
	case g.in(12):
		s.Type = appsv1.OnDeleteDaemonSetStrategyType
		if g.in(3) {
			s.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: budget()}
		}
		return
	case g.odd(20):
		s.Type = "Recreate"
	default:
		s.Type = appsv1.RollingUpdateDaemonSetStrategyType
	}
	if s.Type != appsv1.RollingUpdateDaemonSetStrategyType && g.odd(2) {
		return
	}
	s.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: budget()}
	zero := intstr.FromInt32(0)
	switch g.IntN(5) {
	case 0, 1:
		s.RollingUpdate.MaxSurge, s.RollingUpdate.MaxUnavailable = budget(), &zero
		if g.odd(5) {
			s.RollingUpdate.MaxUnavailable = budget()
		}
	case 2:
		s.RollingUpdate.MaxSurge = &zero
	}
	if g.odd(20) {
		s.RollingUpdate.MaxUnavailable = nil
	}
}

// template fills the pod template but for its labels.
func (g *generator) template(t *corev1.PodTemplateSpec) {
	spec := &t.Spec
	spec.Containers = []corev1.Container{{Name: "c", Image: "image:v9"}}
	if g.in(10) {
		spec.Containers[0].Command = []string{"sh", "-c", "a <b> && c\u2028 é"}
	}
	if g.in(10) {
		t.Annotations = map[string]string{"note": "x"}
	}
	if g.in(15) {
		t.Finalizers = []string{"example.com/wait"}
	}
	if g.in(20) {
		t.Name, t.GenerateName = "named", "gen-"
	}
	spec.HostNetwork = g.in(4)
	if g.in(5) {
		spec.NodeSelector = g.labels(nodeKeys[:2], nodeValues)
	}
	if g.odd(20) {
		spec.NodeSelector = pick(g, map[string]string{}, map[string]string{"bad key!": "x"}, map[string]string{"disk": "bad value!"})
	}
	if g.in(4) {
		spec.Affinity = g.affinity()
	}
	for g.in(2) && len(spec.Tolerations) < 4 {
		spec.Tolerations = append(spec.Tolerations, g.toleration())
	}
	if g.odd(20) {
		spec.NodeName = "some-node" // replaced by the name of a node
	}
}

func (g *generator) labels(keys []string, values map[string][]string) map[string]string {
	out := map[string]string{}
	for _, k := range keys {
		if g.in(2) {
			out[k] = pick(g, values[k]...)
		}
	}
	return out
}

func (g *generator) toleration() corev1.Toleration {
	t := corev1.Toleration{
		Key:      pick(g, taintKeys...),
		Operator: pick(g, corev1.TolerationOpExists, corev1.TolerationOpExists, corev1.TolerationOpEqual, ""),
		Effect:   pick(g, "", corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute),
	}
	if t.Operator != corev1.TolerationOpExists || g.odd(8) {
		t.Value = pick(g, taintValues...)
	}
	if g.in(6) {
		t.Key = ""
	}
	if g.in(6) {
		t.TolerationSeconds = new(int64(g.IntN(3) * 30))
	}
	if g.in(6) {
		t.Operator = pick[corev1.TolerationOperator](g, "Gt", "Lt", "Maybe")
		t.Value = pick(g, taintValues...)
	}
	return t
}

func (g *generator) taint() corev1.Taint {
	t := corev1.Taint{Key: pick(g, taintKeys...), Effect: pick(g, taintEffects...)}
	if g.in(3) {
		t.Value = pick(g, taintValues...)
	}
	if g.odd(10) {
		t.Effect = pick[corev1.TaintEffect](g, "", "Odd")
	}
	return t
}

func (g *generator) affinity() *corev1.Affinity {
	a := &corev1.Affinity{}
	if g.in(6) {
		a.PodAntiAffinity = &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: "zone"}}}
	}
	if g.in(8) {
		return a
	}
	a.NodeAffinity = &corev1.NodeAffinity{}
	if g.in(4) {
		a.NodeAffinity.PreferredDuringSchedulingIgnoredDuringExecution = []corev1.PreferredSchedulingTerm{{Weight: 1, Preference: g.term()}}
	}
	if g.in(8) {
		return a
	}
	required := &corev1.NodeSelector{}
	a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution = required
	for range 1 + g.IntN(2) {
		required.NodeSelectorTerms = append(required.NodeSelectorTerms, g.term())
	}
	if g.odd(10) {
		required.NodeSelectorTerms = pick(g, nil, []corev1.NodeSelectorTerm{{}})
	}
	return a
}

func (g *generator) term() corev1.NodeSelectorTerm {
	var t corev1.NodeSelectorTerm
	for g.in(2) || len(t.MatchExpressions) == 0 && g.in(2) {
		t.MatchExpressions = append(t.MatchExpressions, g.requirement())
	}
	if len(t.MatchExpressions) == 0 || g.odd(6) {
		t.MatchFields = append(t.MatchFields, corev1.NodeSelectorRequirement{
			Key: metav1.ObjectNameField, Operator: pick(g, corev1.NodeSelectorOpNotIn, corev1.NodeSelectorOpNotIn, corev1.NodeSelectorOpIn), Values: []string{"some-node"},
		})
	}
	for g.odd(12) {
		t.MatchFields = append(t.MatchFields, corev1.NodeSelectorRequirement{
			Key: pick(g, metav1.ObjectNameField, "metadata.namespace", ""), Operator: pick(g, corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn, corev1.NodeSelectorOpExists, corev1.NodeSelectorOpGt, "Maybe"),
			Values: pick(g, nil, []string{}, []string{""}, []string{"x"}, []string{"x", "y"}),
		})
	}
	return t
}

func (g *generator) requirement() corev1.NodeSelectorRequirement {
	key := pick(g, nodeKeys...)
	r := corev1.NodeSelectorRequirement{Key: key, Operator: pick(g, corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn,
		corev1.NodeSelectorOpNotIn, corev1.NodeSelectorOpExists, corev1.NodeSelectorOpDoesNotExist, corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt)}
	switch r.Operator {
	case corev1.NodeSelectorOpGt, corev1.NodeSelectorOpLt:
		r.Key, r.Values = "cores", []string{pick(g, "0", "4", "10")}
	case corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn:
		for range 1 + g.IntN(3) {
			r.Values = append(r.Values, pick(g, nodeValues[key]...))
		}
	}
	switch {
	case g.odd(15):
		r.Operator = pick[corev1.NodeSelectorOperator](g, "", "Maybe", "in")
	case g.odd(15):
		r.Values = pick(g, nil, []string{"bad value!"}, []string{"x", "y"}, []string{""}, []string{"9223372036854775808"})
	case g.odd(15):
		r.Key = pick(g, "", "bad key!", "a/b/c", strings.Repeat("k", 64))
	}
	return r
}

func (g *generator) nodes() {
	n := pick(g, 0, 1, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8)
	if g.in(40) {
		n = 20 + g.IntN(20)
	}
	if g.size > 0 {
		n = g.size
	}
	for range n {
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: g.name("n-"), Labels: g.labels(nodeKeys, nodeValues)}}
		node.Spec.Unschedulable = g.in(12)
		for g.in(5) {
			node.Spec.Taints = append(node.Spec.Taints, g.taint())
		}
		if node.Spec.Unschedulable && g.in(2) {
			node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: corev1.TaintNodeUnschedulable, Effect: corev1.TaintEffectNoSchedule})
		}
		g.s.Nodes = append(g.s.Nodes, node)
	}
	if n == 0 {
		return
	}
	// Templates that name a node name one that there is.
	spec := &g.s.DaemonSet.Spec.Template.Spec
	if spec.NodeName != "" {
		spec.NodeName = pick(g, g.s.Nodes...).Name
	}
	if a := spec.Affinity; a != nil && a.NodeAffinity != nil && a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution != nil {
		for _, t := range a.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms {
			for _, f := range t.MatchFields {
				if len(f.Values) == 1 && f.Values[0] == "some-node" {
					f.Values[0] = pick(g, g.s.Nodes...).Name
				}
			}
		}
	}
}

// history makes the current revision and older ones with upstream's own hash and
// patch.
func (g *generator) history() {
	ds := g.s.DaemonSet
	hash := controller.ComputeHash(&ds.Spec.Template, ds.Status.CollisionCount)
	g.hashes = []string{hash}
	number := int64(1)
	for i := range pick(g, 0, 1, 1, 1, 2, 3, 5) {
		old := ds.DeepCopy()
		old.Spec.Template.Spec.Containers[0].Image = fmt.Sprintf("image:v%d", i)
		oldHash := controller.ComputeHash(&old.Spec.Template, nil)
		g.hashes = append(g.hashes, oldHash)
		g.revision(old, oldHash, number)
		number += int64(1 + g.IntN(2))
		if g.odd(6) {
			number--
		}
	}
	if !g.in(12) {
		if g.in(6) {
			number = pick[int64](g, 0, 1, number-1)
		}
		if g.odd(8) { // made with another API version, for instance
			hash = g.name("h")
			g.hashes[0] = hash
		}
		g.revision(ds, hash, number)
		for g.odd(4) {
			duplicate := g.name("h")
			g.hashes = append(g.hashes, duplicate)
			g.revision(ds, duplicate, pick(g, number, number-1, number+1))
		}
		return
	}
	if g.in(4) { // Somebody has deleted all of them.
		g.s.Revisions = nil
		return
	}
	// There is no current one, and its name may be taken.
	if g.in(3) {
		other := ds.DeepCopy()
		if g.in(3) {
			// The same data, but not found because it is not ours.
			rev := g.revision(other, hash, number)
			g.disown(rev)
			rev.Labels = merged(rev.Labels, appsv1.DefaultDaemonSetUniqueLabelKey, hash)
			if g.in(3) && !surges(ds) {
				delete(rev.Labels, appsv1.DefaultDaemonSetUniqueLabelKey)
			}
			return
		}
		other.Spec.Template.Spec.Containers[0].Image = "image:collision"
		if rev := g.revision(other, hash, number); g.in(2) {
			g.disown(rev)
		}
	}
}

// surges reports whether an update may surge, if only with a negative budget.
func surges(ds *appsv1.DaemonSet) bool {
	rolling := ds.Spec.UpdateStrategy.RollingUpdate
	return rolling != nil && rolling.MaxSurge != nil
}

func (g *generator) revision(ds *appsv1.DaemonSet, hash string, number int64) *appsv1.ControllerRevision {
	data, err := getPatch(ds)
	if err != nil {
		panic(err)
	}
	rev := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: setName + "-" + hash, UID: types.UID("uid-" + hash), ResourceVersion: "1",
			Labels:          map[string]string{appsv1.DefaultDaemonSetUniqueLabelKey: hash},
			OwnerReferences: []metav1.OwnerReference{g.owner()},
		},
		Data:     runtime.RawExtension{Raw: data},
		Revision: max(number, 0),
	}
	for k, v := range ds.Spec.Template.Labels {
		rev.Labels[k] = v
	}
	switch {
	case g.odd(12):
		delete(rev.Labels, appsv1.DefaultDaemonSetUniqueLabelKey)
	case g.odd(40) || g.odd(3) && g.s.DaemonSet.Spec.Selector != nil && g.s.DaemonSet.Spec.Selector.MatchLabels == nil:
		rev.Labels = nil
	case g.odd(15):
		rev.Labels["app"] = "other"
	case g.odd(15) && !surges(ds):
		// With surge such a hash cannot go with the deviation node-gone, which makes
		// pods current.
		rev.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = ""
	}
	if g.odd(10) {
		g.disown(rev)
	}
	if g.odd(12) {
		rev.OwnerReferences = nil
	}
	if g.odd(20) {
		rev.DeletionTimestamp = &metav1.Time{Time: g.s.Now}
		rev.Finalizers = []string{"example.com/wait"}
	}
	if g.odd(20) {
		rev.Data.Raw = pick(g, nil, []byte("{"), []byte("null"), []byte(strings.Replace(string(data), `"metadata":{`, `"metadata":{"creationTimestamp":null,`, 1)))
	}
	if g.odd(30) {
		rev.Namespace = "elsewhere"
	}
	if surges(ds) && rev.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] == "" && (!metav1.IsControlledBy(rev, ds) || rev.Labels["app"] != "a") {
		// It may be taken for the current one without being labelled.
		rev.Labels = merged(rev.Labels, appsv1.DefaultDaemonSetUniqueLabelKey, hash)
	}
	if slices.ContainsFunc(g.s.Revisions, func(r *appsv1.ControllerRevision) bool {
		return r.Name == rev.Name && r.Namespace == rev.Namespace
	}) {
		return rev
	}
	g.s.Revisions = append(g.s.Revisions, rev)
	return rev
}

func (g *generator) disown(rev *appsv1.ControllerRevision) {
	rev.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(
		&appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "other", UID: "uid-other"}}, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))}
}

func (g *generator) owner() metav1.OwnerReference {
	return *metav1.NewControllerRef(g.s.DaemonSet, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))
}

func (g *generator) allPods() {
	ds := g.s.DaemonSet
	surge := daemonutil.AllowsSurge(ds)
	for _, node := range g.s.Nodes {
		run, keep := shouldRun(ds, node)
		n := 1
		switch {
		case g.mood == moodChaos:
			n = pick(g, 0, 0, 1, 1, 1, 1, 2, 2, 3, 5)
		case !keep:
			n = 0
			if g.in(8) && g.mood == moodBumpy {
				n = 1
			}
		case !run:
			n = pick(g, 0, 1, 1)
		case surge && g.mood != moodSettled:
			n = pick(g, 1, 1, 2)
		}
		if g.odd(6) {
			n = pick(g, 0, 2, 3)
		}
		if g.mood != moodChaos && n == 2 && surge {
			g.pair(node.Name)
			continue
		}
		for range n {
			g.pod(node.Name)
		}
	}
	gone := 0
	if g.mood != moodSettled && g.in(5) {
		gone = 1 + g.IntN(2)
	}
	for range gone {
		name := g.name("gone-")
		for range pick(g, 1, 1, 1, 2, 3) {
			g.pod(name)
		}
	}
	for range pick(g, 0, 0, 0, 1, 2) {
		if g.mood == moodChaos {
			g.pod("")
		}
	}
}

// crowd adds the pods of moodCrowded, and a burst limit that cuts somewhere among
// them.
func (g *generator) crowd() {
	for _, node := range g.s.Nodes {
		for range pick(g, 0, 1, 2, 3, 4) {
			g.crowdPod(node.Name)
		}
	}
	for range g.IntN(4) {
		name := g.name("gone-")
		for range 1 + g.IntN(3) {
			p := g.crowdPod(name)
			if !g.in(4) {
				p.Spec.NodeName = ""
				p.Spec.Affinity = daemonutil.ReplaceDaemonSetPodNodeNameNodeAffinity(nil, name)
			}
		}
	}
	if g.size == 0 && !g.in(4) {
		g.s.BurstReplicas = 1 + g.IntN(len(g.s.Pods)+1)
	}
}

func (g *generator) crowdPod(node string) *corev1.Pod {
	p := g.pod(node)
	p.Status.Phase = pick(g, corev1.PodRunning, corev1.PodRunning, corev1.PodPending, corev1.PodFailed, corev1.PodFailed, corev1.PodSucceeded)
	if g.in(3) {
		p.OwnerReferences = nil
	}
	if g.in(10) {
		p.DeletionTimestamp = &metav1.Time{Time: g.s.Now}
	}
	return p
}

// move adds the pods of moodMoving.
func (g *generator) move() {
	surge, zero := intstr.FromInt32(int32(1+g.IntN(3))), intstr.FromInt32(0)
	g.s.DaemonSet.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType,
		RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &zero, MaxSurge: &surge}}
	old := g.hashes[len(g.hashes)-1]
	if len(g.hashes) == 1 {
		old = g.name("h")
	}
	for _, node := range g.s.Nodes {
		if run, _ := shouldRun(g.s.DaemonSet, node); !run {
			node.Spec.Taints = nil
		}
		if g.in(3) {
			node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: "moved", Effect: corev1.TaintEffectNoSchedule})
		}
		run, keep := shouldRun(g.s.DaemonSet, node)
		if !keep {
			continue
		}
		hashes := pick(g, []string{old}, []string{old}, []string{old}, g.hashes[:1])
		if run && g.in(4) {
			hashes = []string{old, g.hashes[0]}
		}
		for i, hash := range hashes {
			p := g.pod(node.Name)
			p.Labels = merged(p.Labels, appsv1.DefaultDaemonSetUniqueLabelKey, hash)
			delete(p.Labels, generationLabel)
			g.ready(p, i == 0 && !g.in(5))
		}
	}
	g.s.BurstReplicas = pick(g, 0, 0, 1, 2)
	if g.size > 0 {
		g.s.BurstReplicas = 0
	}
}

// pair is a node in the middle of a surge.
func (g *generator) pair(node string) {
	old, cur := g.pod(node), g.pod(node)
	old.Labels = merged(old.Labels, appsv1.DefaultDaemonSetUniqueLabelKey, g.hashes[len(g.hashes)-1])
	cur.Labels = merged(cur.Labels, appsv1.DefaultDaemonSetUniqueLabelKey, g.hashes[0])
	for _, p := range []*corev1.Pod{old, cur} {
		delete(p.Labels, generationLabel)
	}
	if !g.in(4) {
		g.ready(old, true)
		old.DeletionTimestamp, old.Status.Phase = nil, corev1.PodRunning
		g.ready(cur, g.in(4))
		cur.DeletionTimestamp = nil
	}
}

func (g *generator) ready(p *corev1.Pod, yes bool) {
	p.Status.Conditions = nil
	if !yes {
		if g.in(2) {
			p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: pick(g, corev1.ConditionFalse, corev1.ConditionUnknown)}}
		}
		return
	}
	ago := pick(g, 0, 4, 5, 6, 10, 299, 300, 3600, 7200)
	c := corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(g.s.Now.Add(-time.Duration(ago) * time.Second))}
	if g.in(20) {
		c.LastTransitionTime = metav1.Time{}
	}
	if g.odd(20) {
		c.LastTransitionTime = metav1.NewTime(g.s.Now.Add(time.Minute))
	}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionTrue}, c}
	if g.odd(20) {
		p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionFalse})
	}
}

// pod adds a pod for a node, or for none if that is "".
func (g *generator) pod(node string) *corev1.Pod {
	ds := g.s.DaemonSet
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: namespace, Name: g.name("p-"), Labels: map[string]string{},
		OwnerReferences:   []metav1.OwnerReference{g.owner()},
		CreationTimestamp: metav1.NewTime(g.s.Now.Add(-time.Duration(g.IntN(5)) * time.Hour)),
	}}
	p.UID = types.UID("uid-" + p.Name)
	g.s.Pods = append(g.s.Pods, p)
	for k, v := range ds.Spec.Template.Labels {
		p.Labels[k] = v
	}

	// Of which revision.
	hash := g.hashes[0]
	if g.mood != moodSettled || g.in(4) {
		hash = pick(g, g.hashes...)
	}
	p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = hash
	switch {
	case g.odd(15):
		delete(p.Labels, appsv1.DefaultDaemonSetUniqueLabelKey)
	case g.odd(25):
		p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = ""
	case g.odd(15):
		p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "junk"
	}
	if g.in(12) {
		p.Labels[generationLabel] = pick(g, "1", "2", "x", "-1", "02")
	}

	// In which state.
	p.Status.Phase = corev1.PodRunning
	g.ready(p, g.mood == moodSettled || !g.in(4))
	switch {
	case g.odd(6):
		p.Status.Phase = pick(g, corev1.PodFailed, corev1.PodFailed, corev1.PodSucceeded)
		if !g.odd(4) {
			p.Status.Conditions = nil
		}
	case g.odd(10):
		p.Status.Phase = pick(g, corev1.PodPending, corev1.PodUnknown, "")
	}
	if g.mood == moodRolling && g.in(12) || g.odd(8) {
		p.DeletionTimestamp = &metav1.Time{Time: g.s.Now}
		p.DeletionGracePeriodSeconds = new(int64(30))
	}

	// On which node.
	p.Spec.NodeName = node
	if node == "" || g.odd(5) || g.mood == moodRolling && g.in(12) {
		p.Spec.NodeName = ""
		p.Spec.Affinity = daemonutil.ReplaceDaemonSetPodNodeNameNodeAffinity(ds.Spec.Template.Spec.Affinity.DeepCopy(), node)
		if node == "" {
			p.Spec.Affinity = pick(g, nil, &corev1.Affinity{}, g.affinity(), p.Spec.Affinity)
		}
		if g.odd(12) && node != "" {
			req := p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
			switch g.IntN(4) {
			case 0:
				req.NodeSelectorTerms[0].MatchFields[0].Values = append(req.NodeSelectorTerms[0].MatchFields[0].Values, "second")
			case 1:
				req.NodeSelectorTerms = append([]corev1.NodeSelectorTerm{{}}, req.NodeSelectorTerms...)
			case 2:
				req.NodeSelectorTerms[0].MatchFields = append([]corev1.NodeSelectorRequirement{{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpNotIn, Values: []string{"x"}}}, req.NodeSelectorTerms[0].MatchFields...)
			case 3:
				req.NodeSelectorTerms = append(req.NodeSelectorTerms, corev1.NodeSelectorTerm{MatchFields: []corev1.NodeSelectorRequirement{{Key: metav1.ObjectNameField, Operator: corev1.NodeSelectorOpIn, Values: []string{"x"}}}})
			}
		}
		if p.Status.Phase == corev1.PodRunning && g.in(2) {
			p.Status.Phase, p.Status.Conditions = corev1.PodPending, nil
		}
	}

	// Whose.
	switch {
	case g.odd(14):
		p.OwnerReferences = nil
	case g.odd(20):
		p.OwnerReferences[0] = pick(g,
			metav1.OwnerReference{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: setName, UID: "uid-other", Controller: new(true)},
			metav1.OwnerReference{APIVersion: "apps/v1", Kind: "DaemonSet", Name: "other", UID: "uid-other", Controller: new(true)},
			metav1.OwnerReference{APIVersion: "apps/v1", Kind: "DaemonSet", Name: setName, UID: "uid-before", Controller: new(true)},
			metav1.OwnerReference{APIVersion: "extensions/v1beta1", Kind: "DaemonSet", Name: setName, UID: setUID, Controller: new(true)},
			metav1.OwnerReference{APIVersion: "apps/v1", Kind: "DaemonSet", Name: setName, UID: setUID, Controller: new(false)},
			metav1.OwnerReference{APIVersion: "apps/v1", Kind: "DaemonSet", Name: setName, UID: setUID})
	case g.odd(20):
		p.OwnerReferences = append([]metav1.OwnerReference{{APIVersion: "v1", Kind: "Node", Name: "x", UID: "uid-x"}}, p.OwnerReferences...)
	}
	if g.odd(15) {
		p.Labels["app"] = "other"
	}
	if g.odd(60) {
		p.Labels = nil
	}
	if g.odd(30) {
		p.Namespace = "elsewhere"
	}
	return p
}

func (g *generator) backoffs() {
	ds := g.s.DaemonSet
	for _, node := range g.s.Nodes {
		if !g.in(4) {
			continue
		}
		b := Backoff{UID: ds.UID, ObservedGeneration: ds.Status.ObservedGeneration, Node: node.Name,
			Delay: pick(g, time.Second, 2*time.Second, 64*time.Second, 512*time.Second, 15*time.Minute)}
		b.Last = g.s.Now.Add(-pick(g, 0, time.Second, b.Delay, b.Delay-time.Second, b.Delay/2, 30*time.Minute, 30*time.Minute+time.Second, 2*time.Hour))
		if g.in(5) {
			b.ObservedGeneration--
		}
		if g.in(10) {
			b.UID = "uid-before"
		}
		g.s.Backoff = append(g.s.Backoff, b)
	}
}
