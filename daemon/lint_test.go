package daemon_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"math/rand"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/placement"
)

// lintCase is about one code: findings of other codes are not looked at.
type lintCase struct {
	name, why string
	code      daemon.LintCode
	in        daemon.LintInput
	// want has a line for each finding: "error spec.a.b", and behind it the nodes.
	want []string
	// says is a part of the first finding's message.
	says string
}

func lintCases() []lintCase {
	return slices.Concat(
		lintRolloutCases(), lintSurgeCases(), lintPlacementCases(), lintLabelCases(),
		lintTolerationCases(), lintPortCases(), lintRequestCases(), lintAffinityCases())
}

// lintSet is a DaemonSet in which there is nothing to find, changed.
func lintSet(set build.Set, changes ...func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
	ds := set.Object()
	for i := range ds.Spec.Template.Spec.Containers {
		if c := &ds.Spec.Template.Spec.Containers[i]; c.Resources.Requests == nil && c.Resources.Limits == nil {
			c.Resources.Requests = amounts("cpu", "100m", "memory", "64Mi")
		}
	}
	for _, change := range changes {
		change(ds)
	}
	return ds
}

// lintSpec is lintSet with a changed pod spec.
func lintSpec(set build.Set, change func(*corev1.PodSpec)) *appsv1.DaemonSet {
	return lintSet(set, func(ds *appsv1.DaemonSet) { change(&ds.Spec.Template.Spec) })
}

// amounts takes names and quantities in turn.
func amounts(list ...string) corev1.ResourceList {
	out := corev1.ResourceList{}
	for i := 0; i+1 < len(list); i += 2 {
		out[corev1.ResourceName(list[i])] = resource.MustParse(list[i+1])
	}
	return out
}

// lintNodes makes nodes with the labels "w1 zone=a disk=ssd".
func lintNodes(lines ...string) []*corev1.Node {
	var nodes []*corev1.Node
	for _, line := range lines {
		words := strings.Fields(line)
		labels := build.Labels{corev1.LabelHostname: words[0]}
		for _, word := range words[1:] {
			key, value, _ := strings.Cut(word, "=")
			labels[key] = value
		}
		nodes = append(nodes, build.Node{Name: words[0], Labels: labels}.Object())
	}
	return nodes
}

func findingLine(f daemon.Finding) string {
	return strings.Join(append([]string{f.Severity.String(), f.Field}, f.Nodes...), " ")
}

func TestLint(t *testing.T) {
	for _, tc := range lintCases() {
		t.Run(string(tc.code)+"/"+tc.name, func(t *testing.T) {
			untouched := copyLintInput(tc.in)
			all := daemon.Lint(tc.in)
			checkFindings(t, all)
			if diff := cmp.Diff(untouched, tc.in); diff != "" {
				t.Errorf("Lint changed its input (-before +after):\n%s", diff)
			}
			var got []string
			for _, f := range all {
				if f.Code != tc.code {
					continue
				}
				if len(got) == 0 && !strings.Contains(f.Message, tc.says) {
					t.Errorf("message %q does not say %q", f.Message, tc.says)
				}
				got = append(got, findingLine(f))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: findings of %s (-want +got):\n%s", tc.why, tc.code, diff)
			}

			random := rand.New(rand.NewSource(1))
			random.Shuffle(len(tc.in.Nodes), func(i, j int) { tc.in.Nodes[i], tc.in.Nodes[j] = tc.in.Nodes[j], tc.in.Nodes[i] })
			slices.Reverse(tc.in.Others)
			if diff := cmp.Diff(all, daemon.Lint(tc.in)); diff != "" {
				t.Errorf("nodes in another order (-first +then):\n%s", diff)
			}
		})
	}
}

func copyLintInput(in daemon.LintInput) daemon.LintInput {
	out := in
	out.DaemonSet = in.DaemonSet.DeepCopy()
	out.Nodes, out.Others = slices.Clone(in.Nodes), slices.Clone(in.Others)
	for i, node := range out.Nodes {
		out.Nodes[i] = node.DeepCopy()
	}
	for i, ds := range out.Others {
		out.Others[i] = ds.DeepCopy()
	}
	return out
}

// checkFindings checks what holds for all findings.
func checkFindings(t *testing.T, findings []daemon.Finding) {
	t.Helper()
	rank := func(f daemon.Finding) []string {
		return []string{strconv.Itoa(int(f.Severity)), f.Field, string(f.Code), f.Message}
	}
	for i, f := range findings {
		if i > 0 && slices.Compare(rank(findings[i-1]), rank(f)) >= 0 {
			t.Errorf("finding %d is not behind the one before:\n%v\n%v", i, findings[i-1], f)
		}
		if f.Severity < daemon.SeverityError || f.Severity > daemon.SeverityInfo {
			t.Errorf("severity of %v = %d", f, f.Severity)
		}
		if !strings.HasPrefix(f.Field, "spec.") {
			t.Errorf("field of %v does not start at the spec", f)
		}
		for _, sentence := range []string{f.Message, f.Fix} {
			if !strings.HasSuffix(sentence, ".") {
				t.Errorf("%q is no sentence", sentence)
			}
		}
		if !slices.IsSorted(f.Nodes) || f.Nodes != nil && len(f.Nodes) == 0 {
			t.Errorf("nodes of %v = %q, want them in order or nil", f, f.Nodes)
		}
	}
}

// Every code is there once, with a case that finds it and one that does not.
func TestLintCodes(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "lint_code.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found, not := map[daemon.LintCode]bool{}, map[daemon.LintCode]bool{}
	for _, tc := range lintCases() {
		if len(tc.want) > 0 {
			found[tc.code] = true
		} else {
			not[tc.code] = true
		}
	}
	codes := map[daemon.LintCode]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		code := daemon.LintCode(value)
		if spec.Names[0].Name != "Lint"+value {
			t.Errorf("%s = %q, want the name to be Lint and the value", spec.Names[0].Name, value)
		}
		if codes[code] {
			t.Errorf("code %s is there twice", code)
		}
		codes[code] = true
		if !found[code] || !not[code] {
			t.Errorf("code %s: a case that finds it: %t, one that does not: %t", code, found[code], not[code])
		}
		return true
	})
	for code := range found {
		if !codes[code] {
			t.Errorf("cases for %s, which is no code", code)
		}
	}
	if len(codes) < 30 {
		t.Errorf("%d codes read, want them all", len(codes))
	}
}

func TestLintNothing(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		in        daemon.LintInput
	}{
		{"zero", "no DaemonSet, nothing to find", daemon.LintInput{}},
		{"nodes only", "no DaemonSet, nothing to find", daemon.LintInput{Nodes: lintNodes("w1")}},
		{"sound", "the baseline of the cases", daemon.LintInput{DaemonSet: lintSet(build.Set{}), Nodes: lintNodes("w1", "w2")}},
		{"sound without nodes", "what needs nodes is left out", daemon.LintInput{DaemonSet: lintSet(build.Set{})}},
		{"only nil nodes", "as without nodes", daemon.LintInput{DaemonSet: lintSet(build.Set{MaxUnavailable: "10%"}), Nodes: []*corev1.Node{nil, nil}}},
		{"sound with surge", "nothing stands against two pods", daemon.LintInput{DaemonSet: lintSet(build.Set{MaxSurge: "1"}), Nodes: lintNodes("w1", "w2")}},
		{"sound manifest", "defaults are filled in first", daemon.LintInput{DaemonSet: lintSet(build.Set{}, func(ds *appsv1.DaemonSet) {
			ds.Spec.UpdateStrategy, ds.Spec.RevisionHistoryLimit = appsv1.DaemonSetUpdateStrategy{}, nil
		})}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := daemon.Lint(tc.in); got != nil {
				t.Errorf("Lint = %v, want nil: %s", got, tc.why)
			}
		})
	}
}

// Errors come before warnings whatever their fields, and the live object gets the
// findings of its manifest.
func TestLintOrder(t *testing.T) {
	ds := lintSpec(build.Set{MaxSurge: "1"}, func(spec *corev1.PodSpec) {
		spec.Containers[0].Resources.Requests = nil
		spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 80}}
		spec.Tolerations = []corev1.Toleration{{Key: corev1.TaintNodeUnschedulable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}}
	})
	ds.Spec.RevisionHistoryLimit = new(int32)
	ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = nil
	want := []string{
		"error spec.updateStrategy.rollingUpdate.maxSurge BudgetBoth",
		"error spec.updateStrategy.rollingUpdate.maxSurge SurgeHostPort",
		"warning spec.template.spec.containers[0].resources.requests RequestsMissing",
		"info spec.revisionHistoryLimit HistoryNone",
		"info spec.template.spec.tolerations[0] TolerationDefault",
	}
	for _, ds := range []*appsv1.DaemonSet{ds, daemon.Default(ds)} {
		var got []string
		for _, f := range daemon.Lint(daemon.LintInput{DaemonSet: ds}) {
			got = append(got, findingLine(f)+" "+string(f.Code))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Lint (-want +got):\n%s", diff)
		}
	}
}

func TestSeverityString(t *testing.T) {
	for severity, want := range map[daemon.Severity]string{
		daemon.SeverityError: "error", daemon.SeverityWarning: "warning", daemon.SeverityInfo: "info",
		0: "Severity(0)", -3: "Severity(-3)",
	} {
		if got := severity.String(); got != want {
			t.Errorf("Severity(%d).String() = %q, want %q", int(severity), got, want)
		}
	}
}

func TestFindingString(t *testing.T) {
	f := daemon.Finding{Code: daemon.LintHistoryNone, Severity: daemon.SeverityInfo, Field: "spec.x", Message: "It hurts.", Fix: "Stop."}
	if got, want := f.String(), "info HistoryNone at spec.x: It hurts. Stop."; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
	if got, want := (daemon.Finding{}).String(), "Severity(0)  at :  "; got != want {
		t.Errorf("String() of the zero Finding = %q, want %q", got, want)
	}
}

// FuzzLint takes a DaemonSet, a node and another DaemonSet from arbitrary JSON.
func FuzzLint(f *testing.F) {
	seed := func(ds *appsv1.DaemonSet, node *corev1.Node, other *appsv1.DaemonSet) {
		texts := make([][]byte, 3)
		for i, object := range []any{ds, node, other} {
			text, err := json.Marshal(object)
			if err != nil {
				return // not all that a case holds has a text
			}
			texts[i] = text
		}
		f.Add(texts[0], texts[1], texts[2], int64(0), false)
		f.Add(texts[0], []byte("null"), []byte("null"), int64(-1), true)
	}
	for i, tc := range lintCases() {
		if i%5 == 0 { // a part of them is enough to mutate
			var node *corev1.Node
			var other *appsv1.DaemonSet
			if len(tc.in.Nodes) > 0 {
				node = tc.in.Nodes[0]
			}
			if len(tc.in.Others) > 0 {
				other = tc.in.Others[0]
			}
			seed(tc.in.DaemonSet, node, other)
		}
	}
	f.Add([]byte(`{}`), []byte(`{}`), []byte(`{}`), int64(1), true)
	f.Add([]byte(`{"spec":{"selector":{"matchExpressions":[{}]},"updateStrategy":{"rollingUpdate":{"maxSurge":"x","maxUnavailable":-1}},
		"minReadySeconds":2147483647,"revisionHistoryLimit":-1,"template":{"spec":{"hostNetwork":true,"os":{},"resources":{},"nodeSelector":{"/":"","":"x"},
		"containers":[{"ports":[{},{"hostPort":-1,"containerPort":2147483647}]},{}],"initContainers":[{"restartPolicy":"Always"},{"restartPolicy":""}],
		"tolerations":[{},{"operator":"Gt","value":"x"},{"operator":"Lt","key":"a","value":"1","tolerationSeconds":-9223372036854775808}],
		"topologySpreadConstraints":[{},{"whenUnsatisfiable":"DoNotSchedule"}],
		"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{},{"matchFields":[{}]},{"matchExpressions":[{}]}]}},
		"podAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{},{"labelSelector":{},"namespaceSelector":{}}]},
		"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{},{"labelSelector":{"matchExpressions":[{}]},"matchLabelKeys":["",""]}]}}}}}}`),
		[]byte(`{"status":{"allocatable":{"cpu":"-1"},"conditions":[{}]}}`), []byte(`{"spec":{"template":{"spec":{"hostNetwork":true}}}}`), int64(-5), true)
	f.Fuzz(func(t *testing.T, dsJSON, nodeJSON, otherJSON []byte, patience int64, comparison bool) {
		var ds, other *appsv1.DaemonSet
		var node *corev1.Node
		if json.Unmarshal(dsJSON, &ds) != nil || json.Unmarshal(nodeJSON, &node) != nil || json.Unmarshal(otherJSON, &other) != nil {
			t.Skip("no objects")
		}
		in := daemon.LintInput{
			DaemonSet: ds, Nodes: []*corev1.Node{node, nil, node.DeepCopy()}, Others: []*appsv1.DaemonSet{nil, other, ds},
			Patience:  time.Duration(patience),
			Placement: placement.Options{ComparisonOperators: comparison},
		}
		untouched := copyLintInput(in)
		got := daemon.Lint(in)
		for _, f := range got {
			if !strings.HasPrefix(f.Field, "spec.") || f.Message == "" || f.Fix == "" || f.Code == "" {
				t.Errorf("finding is incomplete: %#v", f)
			}
		}
		if diff := cmp.Diff(got, daemon.Lint(untouched)); diff != "" {
			t.Errorf("the same input gave something else (-first +then):\n%s", diff)
		}
		if diff := cmp.Diff(untouched, in); diff != "" {
			t.Errorf("Lint changed its input (-before +after):\n%s", diff)
		}
	})
}

func requireLabels(labels ...string) *metav1.LabelSelector {
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{}}
	for i := 0; i+1 < len(labels); i += 2 {
		selector.MatchLabels[labels[i]] = labels[i+1]
	}
	return selector
}
