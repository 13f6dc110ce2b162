package conformance

import (
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/kubernetes/pkg/controller/util/consistency"

	"github.com/pernode/daemonset/placement"
)

// simple is a state to which nothing is to be done: nodes n1 and n2 with an
// available pod each, and the current revision, whose hash is "now".
func simple() *State {
	s := &State{DaemonSet: plainSet(), Now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	s.DaemonSet.Generation, s.DaemonSet.Status.ObservedGeneration = 1, 1
	s.revision("now", 1, s.DaemonSet)
	for _, name := range []string{"n1", "n2"} {
		s.Nodes = append(s.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}})
		s.addPod("pod-"+name, name, "now", time.Hour)
	}
	s.DaemonSet.Status.DesiredNumberScheduled, s.DaemonSet.Status.CurrentNumberScheduled = 2, 2
	s.DaemonSet.Status.NumberReady, s.DaemonSet.Status.NumberAvailable, s.DaemonSet.Status.UpdatedNumberScheduled = 2, 2, 2
	return s
}

// revision adds a revision that holds the template of ds.
func (s *State) revision(hash string, number int64, ds *appsv1.DaemonSet) *appsv1.ControllerRevision {
	data, err := getPatch(ds)
	if err != nil {
		panic(err)
	}
	r := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: setName + "-" + hash, UID: types.UID("uid-" + hash),
			Labels:          map[string]string{"app": "a", appsv1.DefaultDaemonSetUniqueLabelKey: hash},
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(s.DaemonSet, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))},
		},
		Data: runtime.RawExtension{Raw: data}, Revision: number,
	}
	s.Revisions = append(s.Revisions, r)
	return r
}

// older adds a revision that holds another image.
func (s *State) older(hash string, number int64) *appsv1.ControllerRevision {
	ds := s.DaemonSet.DeepCopy()
	ds.Spec.Template.Spec.Containers[0].Image = "image:" + hash
	return s.revision(hash, number, ds)
}

// addPod adds a pod that has been ready for some time.
func (s *State) addPod(name, node, hash string, ready time.Duration) *corev1.Pod {
	p := strangePod(s, name, node, hash)
	p.UID = types.UID("uid-" + name)
	p.CreationTimestamp = metav1.NewTime(s.Now.Add(-2 * time.Hour))
	p.Status.Phase = corev1.PodRunning
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue, LastTransitionTime: metav1.NewTime(s.Now.Add(-ready))}}
	s.Pods = append(s.Pods, p)
	return p
}

func (s *State) surge(n int32) {
	surge, none := intstr.FromInt32(n), intstr.FromInt32(0)
	s.DaemonSet.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: &surge, MaxUnavailable: &none}
}

// examples show both behaviours of every deviation.
var examples = map[string]struct {
	state func() *State
	// show says what is not as the deviation has it. upstream is the pass over
	// the state as it is.
	show func(u *Upstream, upstream, library *Pass) error
}{
	"selector": {
		state: func() *State { s := simple(); s.DaemonSet.Spec.Selector = nil; return s },
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(
				up.Err == nil && len(up.PodPatches) == 2 && len(up.RevisionPatches) == 1, "upstream does not release everything",
				lib.Err != nil && lib.Quiet(), "the library does not refuse")
		},
	},
	"empty-selector": {
		state: func() *State {
			s := simple()
			s.DaemonSet.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{}}
			s.addPod("stranger", "n1", "", time.Hour).OwnerReferences = nil
			return s
		},
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(
				len(up.PodPatches) == 1 && up.PodPatches[0].Name == "stranger", "upstream does not adopt whatever there is",
				lib.Quiet() && len(lib.Events) == 1, "the library does not just tell about it")
		},
	},
	"history-limit": {
		state: func() *State {
			s := simple()
			s.DaemonSet.Spec.RevisionHistoryLimit = nil
			for i := range int64(12) {
				s.older(fmt.Sprintf("h%02d", i), i)
			}
			s.Revisions[0].Revision = 100
			return s
		},
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(up.Panic != nil, "upstream does not panic",
				slices.Equal(lib.RevisionDeletes, []string{"ds-h00", "ds-h01"}), "the library does not keep ten")
		},
	},
	"revision-labels": {
		state: func() *State {
			s := simple()
			s.DaemonSet.Spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "tier", Operator: metav1.LabelSelectorOpDoesNotExist}}}
			s.older("bare", 0).Labels = nil
			return s
		},
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(up.Panic != nil, "upstream does not panic",
				len(lib.RevisionUpdates) == 1 && lib.RevisionUpdates[0].Labels[appsv1.DefaultDaemonSetUniqueLabelKey] == "ds-bare", "the library does not label it")
		},
	},
	"relabel": {
		state: func() *State { s := simple(); s.revision("later", 2, s.DaemonSet); return s },
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(len(up.PodPatches) == 2 && len(up.Deletes) == 1, "upstream does not replace a pod that it has relabelled",
				len(lib.PodPatches) == 2 && len(lib.Deletes) == 0, "the library does not leave the relabelled pods alone")
		},
	},
	"node-gone": {
		state: func() *State {
			s := simple()
			s.surge(1)
			s.addPod("left-behind", "gone", "old", time.Hour)
			s.Pods[0].Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "old"
			return s
		},
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(up.Err != nil && strings.Contains(up.Err.Error(), "couldn't get node") && !up.writesPods(), "upstream does not fail",
				lib.Err == nil && len(lib.Creates) == 1 && len(lib.Deletes) == 0, "the library does not go on elsewhere")
		},
	},
	"strategy": {
		state: func() *State {
			s := simple()
			s.DaemonSet.Spec.UpdateStrategy.Type = "Recreate"
			s.Pods[0].Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "old"
			return s
		},
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(up.Err == nil && !up.writesPods(), "upstream does not keep silent", lib.Err != nil && !lib.writesPods(), "the library does not report it",
				equalJSON(up.Status, lib.Status), "the writes differ")
		},
	},
	"no-history": {
		state: func() *State { s := simple(); s.Revisions = nil; return s },
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(len(up.RevisionCreates) == 1 && len(up.Deletes) == 1, "upstream does not update in the pass that creates the revision",
				len(lib.RevisionCreates) == 1 && !lib.writesPods(), "the library does not leave the pods to the next pass")
		},
	},
	"look-again": {
		state: func() *State {
			s := simple()
			s.surge(1)
			s.DaemonSet.Spec.MinReadySeconds = 60
			s.Pods[0].Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "old"
			s.addPod("successor", "n1", "now", 10*time.Second).CreationTimestamp = metav1.NewTime(s.Now.Add(-time.Minute))
			return s
		},
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(up.RequeueAfter == 0, "the upstream pass looks again", lib.RequeueAfter == time.Minute, "the library does not look again")
		},
	},
	"owner-kind": {
		state: func() *State {
			s := simple()
			s.Pods[0].OwnerReferences[0].Kind = "NodeAgent"
			return s
		},
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(up.Err == nil && len(up.Creates) == 1, "upstream does not make another pod", lib.Err != nil && lib.Quiet(), "the library does not refuse")
		},
	},
	"defaults": {
		state: func() *State {
			s := simple()
			s.DaemonSet.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{}
			s.Pods[0].Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "old"
			return s
		},
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(up.Err == nil && !up.writesPods(), "upstream does not keep silent", lib.Err != nil && lib.Quiet(), "the library does not refuse")
		},
	},
	"identity": {
		state: func() *State {
			s := simple()
			s.DaemonSet.UID, s.DaemonSet.Namespace, s.DaemonSet.Name = "", "", ""
			s.Pods, s.Revisions = nil, nil
			return s
		},
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(up.Err != nil && len(up.Creates) == 0, "upstream does not fail", lib.Err == nil && len(lib.Creates) == 2, "the library does not make pods")
		},
	},
	"stale-caches": {
		state: func() *State { s := unfinished(); s.AwaitingWrites = true; return s },
		show: func(u *Upstream, up, lib *Pass) error {
			store := hidden[consistency.ConsistencyStore](u.dsc, "consistencyStore")
			defer func(before consistency.ConsistencyStore) { *store = before }(*store)
			*store = staleStore{consistency.NewNoopConsistencyStore()}
			s := unfinished()
			s.AwaitingWrites = true
			stale := u.Pass(inUpstreamOrder(s))
			return all(stale.Err != nil && stale.Status == nil && !stale.writesPods(), "upstream makes a pass although its caches are stale",
				up.Err == nil && up.Status != nil && !up.writesPods(), "upstream does not write the status while it expects pods",
				lib.Err == nil && equalJSON(up.Status, lib.Status) && !lib.writesPods(), "the library does not settle the status")
		},
	},
	"status-unchanged": {
		state: func() *State {
			s := simple()
			s.AwaitingWrites = true
			s.DaemonSet.Generation++
			return s
		},
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(equalJSON(up.Status, &simple().DaemonSet.Status), "upstream does not write the same status again",
				lib.Status == nil && lib.Quiet(), "the library writes")
		},
	},
	"put-off": {
		state: func() *State {
			s := simple()
			s.BurstReplicas = 1
			for _, p := range s.Pods {
				p.Status.Phase = corev1.PodFailed
			}
			return s
		},
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(
				len(up.Deletes) == 1 && len(up.Backoff) == 2, "upstream does not delay the pod that it does not delete",
				len(lib.Deletes) == 1 && len(lib.Backoff) == 1 && lib.Backoff[0].Node == "n1", "the library does not delay the pod that it deletes alone")
		},
	},
	"own-writes": {
		state: unfinished,
		show: func(u *Upstream, up, lib *Pass) error {
			s := unfinished()
			caughtUp := u.PassCaughtUp(inUpstreamOrder(s))
			// What the library's next pass does if the writes of the first have arrived.
			c := NewCluster(s)
			err := c.Apply(lib)
			next, _ := Library(c.State)
			return all(err == nil, "the library's writes do not apply",
				len(caughtUp.Creates) == 1 && len(caughtUp.Deletes) == 1, "upstream takes no update step after a creation that has arrived",
				caughtUp.Status.CurrentNumberScheduled == 3 && caughtUp.Status.UpdatedNumberScheduled == 1, "upstream's status does not count the creation",
				len(up.Creates) == 1 && len(up.Deletes) == 0 && equalJSON(up.Status, lib.Status), "upstream does more although its writes have not arrived",
				len(lib.Creates) == 1 && len(lib.Deletes) == 0 && lib.Status.CurrentNumberScheduled == 2, "the library does more than create the pod",
				len(next.Creates) == 0 && len(next.Deletes) == 1 && equalJSON(next.Status, caughtUp.Status), "the library's next pass does not do the rest")
		},
	},
	"revision-number": {
		state: func() *State {
			s := simple()
			s.older("last", math.MaxInt64)
			s.Revisions = s.Revisions[1:]
			return s
		},
		show: func(_ *Upstream, up, lib *Pass) error {
			return all(len(up.RevisionCreates) == 1 && up.RevisionCreates[0].Revision == math.MinInt64, "upstream's number does not overflow",
				len(lib.RevisionCreates) == 1 && lib.RevisionCreates[0].Revision == math.MaxInt64, "the library's number is not the largest")
		},
	},
	"revision-writes": {
		state: func() *State {
			s := simple()
			delete(s.Revisions[0].Labels, appsv1.DefaultDaemonSetUniqueLabelKey)
			s.older("before", 7)
			for _, p := range s.Pods {
				p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "ds-now"
			}
			return s
		},
		show: func(u *Upstream, up, lib *Pass) error {
			updates := 0
			for _, a := range u.client.Actions() {
				if a.Matches("update", "controllerrevisions") {
					updates++
				}
			}
			return all(updates == 2 && len(up.RevisionUpdates) == 1, "upstream does not write it twice",
				len(lib.RevisionUpdates) == 1 && equalJSON(metaOf(up.RevisionUpdates[0]), metaOf(lib.RevisionUpdates[0])), "the library does not write the same once")
		},
	},
}

// staleStore says that the caches lack the controller's own writes.
type staleStore struct{ consistency.ConsistencyStore }

// EnsureReady implements consistency.ConsistencyStore.
func (staleStore) EnsureReady(types.NamespacedName) error {
	return &consistency.ConsistencyError{ReadRV: "1", WroteRV: "2"}
}

// unfinished is a state in which a pod is to be created and two are outdated, with
// a budget of two.
func unfinished() *State {
	s := simple()
	s.older("old", 0)
	for _, p := range s.Pods {
		p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "old"
	}
	s.Nodes = append(s.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n3"}})
	s.DaemonSet.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromInt32(2))
	return s
}

// all returns an error for the first condition that does not hold.
func all(conditions ...any) error {
	for i := 0; i < len(conditions); i += 2 {
		if !conditions[i].(bool) {
			return fmt.Errorf("%s", conditions[i+1])
		}
	}
	return nil
}

// TestDeviations shows both behaviours of every deviation of a pass, and that
// without it nothing differs.
func TestDeviations(t *testing.T) {
	u, err := NewUpstream()
	if err != nil {
		t.Fatal(err)
	}
	if c := Compare(u, simple()); c.Differences != nil || !c.Library.Quiet() || c.Deviations != nil {
		t.Fatalf("the state that the examples change is not at rest: %v %v %v", c.Differences, c.Deviations, c.Report)
	}
	for i := range Deviations {
		d := &Deviations[i]
		t.Run(d.Name, func(t *testing.T) {
			example, ok := examples[d.Name]
			if !ok {
				t.Fatal("no example")
			}
			s := example.state()
			lib, report := Library(s)
			if err := example.show(u, u.Pass(inUpstreamOrder(s)), lib); err != nil {
				t.Errorf("%s: %v\n%v", d.Why, err, report)
			}
			if d.adapt == nil {
				return
			}
			if c := Compare(u, s); c.Differences != nil || !slices.Equal(c.Deviations, []string{d.Name}) {
				t.Errorf("the example meets %v and differs: %s", c.Deviations, strings.Join(c.Differences, "\n"))
			}
		})
	}
}

// TestPlacementDeviations shows what both sides do when they are meant to differ.
func TestPlacementDeviations(t *testing.T) {
	for _, d := range placementDeviations {
		t.Run(d.Name, d.show)
	}
}

// TestDeviationsAreDocumented holds the lists of deviations and the tables in the
// package comments of the library equal.
func TestDeviationsAreDocumented(t *testing.T) {
	listed := map[string]bool{}
	note := func(d *Deviation) { listed[d.Name+" "+d.Upstream] = true }
	for i := range Deviations {
		note(&Deviations[i])
	}
	for _, d := range slices.Concat(placementDeviations, otherDeviations, kubectlDeviations) {
		note(&d.Deviation)
	}
	documented := map[string]bool{}
	for _, pkg := range libraryPackages(t) {
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(libraryRoot, pkg, "doc.go"), nil, parser.ParseComments|parser.PackageClauseOnly)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range deviationTable(file.Doc.Text()) {
			if documented[entry] {
				t.Errorf("package %s documents %s, and so does another", pkg, entry)
			}
			documented[entry] = true
		}
	}
	if len(documented) == 0 {
		t.Fatal("no table found")
	}
	if a, b := slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(listed)); !slices.Equal(a, b) {
		t.Errorf("deviations (-package comments +internal/conformance):\n%s", diff(a, b))
	}
}

// deviationTable returns name and symbol of every row of the table under
// "Deviations" in a package comment.
func deviationTable(comment string) []string {
	_, section, _ := strings.Cut(comment, "\n# Deviations\n")
	section, _, _ = strings.Cut(section, "\n# ")
	var out []string
	for _, line := range strings.Split(section, "\n") {
		// Rows are preformatted, and the further lines of one have more in front.
		words := strings.Fields(line)
		if strings.HasPrefix(line, "\t") && !strings.HasPrefix(line, "\t ") && len(words) > 2 && strings.Contains(words[1], "@") {
			out = append(out, words[0]+" "+words[1])
		}
	}
	return out
}

// placementDeviations are listed under "Deviations" in the package comment of
// placement.
var placementDeviations = []otherDeviation{
	{Deviation{
		Name: "nil-node", Upstream: "NodeShouldRunDaemonPod@v1.37.2",
		Why: "upstream panics on a node that is nil; the library neither runs nor keeps a pod there",
	}, func(t *testing.T) {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("upstream does not panic")
				}
			}()
			shouldRun(plainSet(), nil)
		}()
		if d := placement.Compile(&plainSet().Spec.Template, placement.Options{}).Decide(nil); d.Run || d.Keep || d.Reason != placement.ReasonNoNode {
			t.Errorf("Decide(nil) = %v", d)
		}
	}},
	{Deviation{
		Name: "no-logging", Upstream: "ToleratesTaint@v0.37.2",
		Why: "upstream logs tolerations and taints whose numbers do not parse; the library reports the tolerations on request",
	}, func(t *testing.T) {
		template := plainSet().Spec.Template
		template.Spec.Tolerations = []corev1.Toleration{{Key: "a", Operator: corev1.TolerationOpGt, Value: "many"}}
		logged := 0
		logger := funcr.New(func(_, _ string) { logged++ }, funcr.Options{})
		template.Spec.Tolerations[0].ToleratesTaint(logger, &corev1.Taint{Key: "a", Value: "5"}, true)
		if logged == 0 {
			t.Error("upstream does not log")
		}
		if errs := placement.Compile(&template, placement.Options{ComparisonOperators: true}).Malformed(); len(errs) != 1 {
			t.Errorf("Malformed = %v, want one error", errs)
		}
	}},
}
