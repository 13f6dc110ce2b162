package daemon_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/placement"
)

// TestTargetNode covers GetTargetNodeName@v1.37.2.
func TestTargetNode(t *testing.T) {
	byName := func(op corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorRequirement {
		return corev1.NodeSelectorRequirement{Key: "metadata.name", Operator: op, Values: values}
	}
	in, notIn := corev1.NodeSelectorOpIn, corev1.NodeSelectorOpNotIn
	fields := func(requirements ...corev1.NodeSelectorRequirement) corev1.NodeSelectorTerm {
		return corev1.NodeSelectorTerm{MatchFields: requirements}
	}
	required := func(terms ...corev1.NodeSelectorTerm) *corev1.Pod {
		return &corev1.Pod{Spec: corev1.PodSpec{Affinity: build.Require(terms...)}}
	}
	bound := required(fields(byName(in, "w2")))
	bound.Spec.NodeName = "w1"
	preferred := &corev1.Pod{Spec: corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
		PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{Weight: 1, Preference: fields(byName(in, "w1"))}},
	}}}}
	tests := []struct {
		name, why string
		pod       *corev1.Pod
		want      string
		ok        bool
	}{
		{"nil", "no pod, no target", nil, "", false},
		{"empty", "nothing names a node", &corev1.Pod{}, "", false},
		{"bound", "the binding goes before the affinity", bound, "w1", true},
		{"waiting", "the affinity names the node", required(fields(byName(in, "w2"))), "w2", true},
		{"no node affinity", "pod affinity alone", &corev1.Pod{Spec: corev1.PodSpec{Affinity: &corev1.Affinity{PodAffinity: &corev1.PodAffinity{}}}}, "", false},
		{"preferred only", "a wish does not count", preferred, "", false},
		{"no terms", "required, but nothing in it", required(), "", false},
		{"labels only", "a hostname label is no name", required(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{byName(in, "w1")}}), "", false},
		{"second term", "terms are gone through in order", required(corev1.NodeSelectorTerm{}, fields(byName(in, "w2"))), "w2", true},
		{"second requirement", "NotIn is passed over", required(fields(byName(notIn, "w1"), byName(in, "w2"))), "w2", true},
		{"another field", "the key has to be metadata.name", required(fields(corev1.NodeSelectorRequirement{Key: "metadata.uid", Operator: in, Values: []string{"w1"}})), "", false},
		{"first of two", "the first decides", required(fields(byName(in, "w1")), fields(byName(in, "w2"))), "w1", true},
		{"two values", "ambiguous, and what follows is not looked at", required(fields(byName(in, "w1", "w2")), fields(byName(in, "w3"))), "", false},
		{"no values", "likewise", required(fields(byName(in)), fields(byName(in, "w3"))), "", false},
		{"empty value", "upstream takes the empty name for a name", required(fields(byName(in, ""))), "", true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			if got, ok := daemon.TargetNode(tc.pod); got != tc.want || ok != tc.ok {
				t.Errorf("TargetNode() = %q, %v, want %q, %v: %s", got, ok, tc.want, tc.ok, tc.why)
			}
		})
	}
}

// fullSet has something in every field that NewPod looks at.
func fullSet() *appsv1.DaemonSet {
	ds := build.Set{
		Annotations: build.Labels{appsv1.DeprecatedTemplateGeneration: "007", "of": "the set"},
		Spec: corev1.PodSpec{
			Tolerations: []corev1.Toleration{{Key: "gpu", Operator: corev1.TolerationOpExists, TolerationSeconds: new(int64(5))}},
			Containers:  []corev1.Container{{Name: "main", Image: "agent:1", Args: []string{"-v"}}},
			Affinity: &corev1.Affinity{
				NodeAffinity: &corev1.NodeAffinity{
					RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{
						{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "disk", Operator: corev1.NodeSelectorOpExists}}},
						{MatchFields: []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: []string{"w9"}}}},
					}},
					PreferredDuringSchedulingIgnoredDuringExecution: []corev1.PreferredSchedulingTerm{{Weight: 7}},
				},
				PodAntiAffinity: &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{{TopologyKey: "zone"}}},
			},
		},
	}.Object()
	template := &ds.Spec.Template.ObjectMeta
	template.Name, template.GenerateName, template.Namespace, template.UID = "ignored", "ignored-", "ignored", "ignored"
	template.Annotations = build.Labels{"of": "the template"}
	template.Finalizers = []string{"example.com/drain"}
	template.OwnerReferences = []metav1.OwnerReference{{Name: "ignored"}}
	return ds
}

func TestNewPod(t *testing.T) {
	ds := fullSet()
	want := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace:    build.Namespace,
			GenerateName: "agent-",
			Labels:       build.Labels{"app": "agent", "controller-revision-hash": "h1", "pod-template-generation": "7"},
			Annotations:  build.Labels{"of": "the template"},
			Finalizers:   []string{"example.com/drain"},
			OwnerReferences: []metav1.OwnerReference{{
				APIVersion: "apps/v1", Kind: "DaemonSet", Name: "agent", UID: "uid-agent", Controller: new(true), BlockOwnerDeletion: new(true),
			}},
		},
		Spec: *ds.Spec.Template.Spec.DeepCopy(),
	}
	want.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution = build.OnNode("w1").NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution
	want.Spec.Tolerations = placement.Tolerations(&ds.Spec.Template.Spec)
	if len(want.Spec.Tolerations) != 7 {
		t.Fatalf("%d tolerations, want the template's and six defaults", len(want.Spec.Tolerations))
	}
	before := ds.DeepCopy()
	got := daemon.NewPod(ds, "w1", "h1")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("NewPod() (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before, ds); diff != "" {
		t.Errorf("NewPod() changed the DaemonSet (-before +after):\n%s", diff)
	}
	if node, ok := daemon.TargetNode(got); node != "w1" || !ok {
		t.Errorf("TargetNode(NewPod()) = %q, %v, want w1", node, ok)
	}
	s := observe(t, daemon.Input{DaemonSet: ds, Revisions: build.Current(ds, "h1")})
	if diff := cmp.Diff(want, s.NewPod("w1")); diff != "" {
		t.Errorf("Snapshot.NewPod() (-want +got):\n%s", diff)
	}
}

func TestNewPodDetails(t *testing.T) {
	long := strings.Repeat("a", 253)
	tests := []struct {
		name, why string
		change    func(ds *appsv1.DaemonSet)
		hash      string
		get       func(pod *corev1.Pod) any
		want      any
	}{
		{
			name: "no hash", why: "the hash of a new revision, so that the next pass takes the pod for an updated one",
			get:  func(p *corev1.Pod) any { return p.Labels["controller-revision-hash"] },
			want: daemon.TemplateHash(&build.Set{}.Object().Spec.Template, nil),
		},
		{
			name: "template has the hash label", why: "the given hash goes over it",
			change: func(ds *appsv1.DaemonSet) { ds.Spec.Template.Labels["controller-revision-hash"] = "template" }, hash: "h1",
			get: func(p *corev1.Pod) any { return p.Labels["controller-revision-hash"] }, want: "h1",
		},
		{
			name: "no labels at all", why: "a nil map is no obstacle",
			change: func(ds *appsv1.DaemonSet) { ds.Spec.Template.Labels = nil }, hash: "h1",
			get: func(p *corev1.Pod) any { return p.Labels }, want: build.Labels{"controller-revision-hash": "h1"},
		},
		{
			name: "template generation is no number", why: "it counts as none (GetTemplateGeneration@v1.37.2)",
			change: func(ds *appsv1.DaemonSet) {
				ds.Annotations = build.Labels{appsv1.DeprecatedTemplateGeneration: "seven"}
			}, hash: "h1",
			get: func(p *corev1.Pod) any { return p.Labels }, want: build.Labels{"app": "agent", "controller-revision-hash": "h1"},
		},
		{
			name: "host network", why: "one more default toleration",
			change: func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.HostNetwork = true },
			get: func(p *corev1.Pod) any {
				return slices.ContainsFunc(p.Spec.Tolerations, func(t corev1.Toleration) bool {
					return t.Key == "node.kubernetes.io/network-unavailable" && t.Effect == corev1.TaintEffectNoSchedule
				})
			}, want: true,
		},
		{
			name: "node name of the template", why: "kept: the scheduler's binding is not forestalled",
			change: func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.NodeName = "w7" },
			get:    func(p *corev1.Pod) any { return p.Spec.NodeName }, want: "w7",
		},
		{
			name: "no affinity", why: "the pin needs none to begin with",
			get: func(p *corev1.Pod) any { return p.Spec.Affinity }, want: build.OnNode("w1"),
		},
		{
			name: "pod affinity only", why: "the pin is put beside it",
			change: func(ds *appsv1.DaemonSet) {
				ds.Spec.Template.Spec.Affinity = &corev1.Affinity{PodAffinity: &corev1.PodAffinity{}}
			},
			get: func(p *corev1.Pod) any { return p.Spec.Affinity }, want: &corev1.Affinity{
				NodeAffinity: build.OnNode("w1").NodeAffinity, PodAffinity: &corev1.PodAffinity{},
			},
		},
		{
			name: "longest name", why: "the server shortens it",
			change: func(ds *appsv1.DaemonSet) { ds.Name = long },
			get:    func(p *corev1.Pod) any { return p.GenerateName }, want: long + "-",
		},
		{
			name: "bad name", why: "the prefix with a dash has to be a valid one, else the name stays as it is (GetPodFromTemplate@v1.37.2)",
			change: func(ds *appsv1.DaemonSet) { ds.Name = "Agent" },
			get:    func(p *corev1.Pod) any { return p.GenerateName }, want: "Agent",
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			ds := build.Set{}.Object()
			if tc.change != nil {
				tc.change(ds)
			}
			if diff := cmp.Diff(tc.want, tc.get(daemon.NewPod(ds, "w1", tc.hash))); diff != "" {
				t.Errorf("NewPod() (-want +got):\n%s%s", diff, tc.why)
			}
		})
	}
	if got := daemon.NewPod(nil, "w1", "h1"); got != nil {
		t.Errorf("NewPod(nil) = %v, want nil", got)
	}
}

// TestNewPodsShareNothing changes all there is to change in the DaemonSet and in
// one pod; other pods must stay as they are.
func TestNewPodsShareNothing(t *testing.T) {
	ds := fullSet()
	ds.Spec.Template.Spec.Affinity = nil
	ds.Spec.Template.Spec.NodeSelector = nil
	makers := map[string]func() []*corev1.Pod{
		"NewPod": func() []*corev1.Pod {
			return []*corev1.Pod{daemon.NewPod(ds, "w1", "h1"), daemon.NewPod(ds, "w2", "h1")}
		},
		"DesiredPods": func() []*corev1.Pod {
			pods, err := daemon.DesiredPods(daemon.Input{DaemonSet: ds, Nodes: build.Nodes("w1", "w2")})
			if err != nil {
				t.Fatal(err)
			}
			return pods
		},
		"Reconcile": func() (pods []*corev1.Pod) {
			for _, create := range daemon.Reconcile(observe(t, daemon.Input{DaemonSet: ds, Nodes: build.Nodes("w1", "w2")})).Create {
				pods = append(pods, create.Pod)
			}
			return pods
		},
	}
	for name, pods := range makers {
		ds = fullSet()
		ds.Spec.Template.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution = nil
		made := pods()
		if len(made) != 2 {
			t.Fatalf("%s made %d pods, want 2", name, len(made))
		}
		want := made[1].DeepCopy()
		scramble(reflect.ValueOf(ds))
		scramble(reflect.ValueOf(made[0]))
		if diff := cmp.Diff(want, made[1]); diff != "" {
			t.Errorf("pods of %s share with the DaemonSet or each other (-before +after):\n%s", name, diff)
		}
	}
}

// scramble changes every string and number that can be reached through pointers,
// slices and maps.
func scramble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			scramble(v.Elem())
		}
	case reflect.Struct:
		if _, isTime := v.Interface().(time.Time); isTime {
			return
		}
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				scramble(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			scramble(v.Index(i))
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			if v.Type().Elem().Kind() == reflect.String {
				v.SetMapIndex(key, reflect.ValueOf("scrambled").Convert(v.Type().Elem()))
			}
		}
	case reflect.String:
		v.SetString("scrambled")
	case reflect.Int64, reflect.Int32:
		v.SetInt(v.Int() + 1)
	case reflect.Bool:
		v.SetBool(!v.Bool())
	}
}

func TestDesiredPods(t *testing.T) {
	ds := build.Set{Spec: corev1.PodSpec{NodeSelector: build.Labels{"disk": "ssd"}}}.Object()
	ssd := build.Labels{"disk": "ssd"}
	nodes := []*corev1.Node{
		build.Node{Name: "w3", Labels: ssd}.Object(),
		build.Node{Name: "w2"}.Object(),
		build.Node{Name: "cp", Labels: ssd, Taints: []corev1.Taint{build.NoSchedule("control-plane")}}.Object(),
		build.Node{Name: "w1", Labels: ssd}.Object(),
		build.Node{Name: "hot", Labels: ssd, Taints: []corev1.Taint{build.NoSchedule("node.kubernetes.io/memory-pressure")}}.Object(),
	}
	got, err := daemon.DesiredPods(daemon.Input{DaemonSet: ds, Nodes: nodes})
	if err != nil {
		t.Fatal(err)
	}
	hash := daemon.TemplateHash(&ds.Spec.Template, nil)
	want := []*corev1.Pod{daemon.NewPod(ds, "hot", hash), daemon.NewPod(ds, "w1", hash), daemon.NewPod(ds, "w3", hash)}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("DesiredPods(), ordered by node (-want +got):\n%s", diff)
	}

	if got, err := daemon.DesiredPods(daemon.Input{DaemonSet: ds, Nodes: nodes, Revisions: build.Current(ds, "live")}); err != nil || got[0].Labels["controller-revision-hash"] != "live" {
		t.Errorf("DesiredPods() with a revision = %v, %v, want the hash as label", got, err)
	}
	ds.Status.CollisionCount = new(int32(2))
	if got, err := daemon.DesiredPods(daemon.Input{DaemonSet: ds, Nodes: nodes}); err != nil ||
		got[0].Labels["controller-revision-hash"] != daemon.TemplateHash(&ds.Spec.Template, new(int32(2))) {
		t.Errorf("DesiredPods() = %v, %v, want the hash with the collision count", got, err)
	}
	if got, err := daemon.DesiredPods(daemon.Input{DaemonSet: ds}); got != nil || err != nil {
		t.Errorf("DesiredPods() without nodes = %v, %v, want none", got, err)
	}
}

// numbered tolerates taints of a number above 5 if comparing is switched on.
func numbered() (*appsv1.DaemonSet, *corev1.Node) {
	ds := build.Set{Spec: corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: "tier", Operator: corev1.TolerationOpGt, Value: "5"}}}}.Object()
	return ds, build.Node{Name: "w1", Taints: []corev1.Taint{{Key: "tier", Value: "6", Effect: corev1.TaintEffectNoSchedule}}}.Object()
}

func TestPlacementOptions(t *testing.T) {
	ds, node := numbered()
	for _, on := range []bool{false, true} {
		opts := placement.Options{ComparisonOperators: on}
		pods, err := daemon.DesiredPods(daemon.Input{DaemonSet: ds, Nodes: []*corev1.Node{node}, Placement: opts})
		if err != nil || (len(pods) == 1) != on {
			t.Errorf("comparing %v: DesiredPods() = %d pods, %v", on, len(pods), err)
		}
		s := observe(t, daemon.Input{DaemonSet: ds, Nodes: []*corev1.Node{node}, Placement: opts})
		if got := s.Nodes()[0].Decision.Run; got != on {
			t.Errorf("comparing %v: Observe() decides %v", on, got)
		}
		sets, err := daemon.DaemonSetsToSync(node, []*appsv1.DaemonSet{ds}, nil, opts)
		if err != nil || (len(sets) == 1) != on {
			t.Errorf("comparing %v: DaemonSetsToSync() = %d sets, %v", on, len(sets), err)
		}
	}
}

func TestDesiredPodsErrors(t *testing.T) {
	ds := build.Set{}.Object()
	for _, tc := range badNodes() {
		pods, err := daemon.DesiredPods(daemon.Input{DaemonSet: ds, Nodes: tc.nodes})
		wantFieldError(t, err, tc.want, tc.why)
		if pods != nil {
			t.Errorf("DesiredPods() = %v with an error", pods)
		}
	}
	_, err := daemon.DesiredPods(daemon.Input{})
	wantFieldError(t, err, "daemonSet: Required value", "nothing to go by")
	bare := ds.DeepCopy()
	bare.Spec.Selector = nil
	for _, revisions := range [][]*appsv1.ControllerRevision{nil, build.Current(ds, "new")} {
		_, err := daemon.DesiredPods(daemon.Input{DaemonSet: bare, Revisions: revisions})
		wantFieldError(t, err, "spec.selector: Required value", "with revisions and without")
	}
}

// pins are the ways to pin a DaemonSet to a node.
func pins() map[string]func(*corev1.PodSpec, string) {
	term := func(spec *corev1.PodSpec, term corev1.NodeSelectorTerm) {
		spec.Affinity = build.Require(term)
	}
	in := func(key, name string) []corev1.NodeSelectorRequirement {
		return []corev1.NodeSelectorRequirement{{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{name}}}
	}
	return map[string]func(*corev1.PodSpec, string){
		"nodeName":     func(spec *corev1.PodSpec, name string) { spec.NodeName = name },
		"nodeSelector": func(spec *corev1.PodSpec, name string) { spec.NodeSelector = build.Labels{corev1.LabelHostname: name} },
		"matchFields": func(spec *corev1.PodSpec, name string) {
			term(spec, corev1.NodeSelectorTerm{MatchFields: in("metadata.name", name)})
		},
		"matchExpressions": func(spec *corev1.PodSpec, name string) {
			term(spec, corev1.NodeSelectorTerm{MatchExpressions: in(corev1.LabelHostname, name)})
		},
		"both": func(spec *corev1.PodSpec, name string) {
			term(spec, corev1.NodeSelectorTerm{MatchFields: in("metadata.name", name), MatchExpressions: in("disk", "ssd")})
		},
	}
}

func TestNewPodWithoutNode(t *testing.T) {
	if pod := daemon.NewPod(build.Set{}.Object(), "", "h1"); pod != nil {
		t.Errorf("NewPod() for no node = %v, want nil: an API server refuses it", pod)
	}
	if pod := observe(t, daemon.Input{DaemonSet: build.Set{}.Object()}).NewPod(""); pod != nil {
		t.Errorf("Snapshot.NewPod() for no node = %v, want nil: an API server refuses it", pod)
	}
}

// TestNoPodForAnotherNode: a template node has no pod of a DaemonSet that is pinned to another
// node, however it is pinned, and without a name it has none at all. That also holds for a
// caller of Decide and NewPod.
func TestNoPodForAnotherNode(t *testing.T) {
	ways := pins()
	names := slices.Sorted(maps.Keys(ways))
	ran, cannotTell := 0, 0
	for seed := range uint64(500) {
		r := rand.New(rand.NewPCG(seed, 4))
		node := build.Node{Name: []string{"template", ""}[r.IntN(2)], Labels: build.Labels{"disk": []string{"ssd", "hdd"}[r.IntN(2)]}}.Object()
		if node.Name != "" && r.IntN(2) == 0 {
			node.Labels[corev1.LabelHostname] = node.Name
		}
		var sets []*appsv1.DaemonSet
		pinned := map[string]bool{}
		for i := range 1 + r.IntN(5) {
			ds := build.Set{Name: fmt.Sprintf("set-%d", i)}.Object()
			if r.IntN(2) == 0 {
				ds.Spec.Template.Spec.NodeSelector = build.Labels{"disk": "ssd"}
			}
			if pinned[ds.Name] = r.IntN(3) > 0; pinned[ds.Name] {
				ways[names[r.IntN(len(names))]](&ds.Spec.Template.Spec, fmt.Sprintf("worker-%d", r.IntN(3)))
			}
			sets = append(sets, ds)
		}
		for _, ds := range sets {
			matcher := placement.Compile(&ds.Spec.Template, placement.Options{})
			runs := matcher.Decide(node).Run
			pod := daemon.NewPod(ds, node.Name, "")
			if runs && pod != nil {
				ran++
			}
			if pinned[ds.Name] && runs && pod != nil {
				t.Fatalf("seed %d: Decide() and NewPod() have a pod of %s, which is pinned to another node", seed, ds.Name)
			}
			if node.Name == "" && matcher.NeedsName() {
				cannotTell++
			} else if pinned[ds.Name] && runs {
				t.Fatalf("seed %d: %s is pinned to another node and runs on %q, and NeedsName() is false", seed, ds.Name, node.Name)
			}
		}
	}
	if ran < 100 || cannotTell < 100 {
		t.Errorf("%d pods, %d times nobody can tell, want 100 of each", ran, cannotTell)
	}
}
