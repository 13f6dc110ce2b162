package lint_test

import (
	"encoding/json"
	"math/rand"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/placement"
)

// checkCase is about one code. It ignores findings of other codes.
type checkCase struct {
	name, why string
	code      lint.Code
	in        daemon.Input
	opts      lint.Options
	// want has a line for each finding: its severity, field and nodes.
	want []string
	// says is part of the first finding's message.
	says string
}

func allCases() []checkCase {
	return slices.Concat(
		selectorCases(), historyCases(), budgetCases(), minReadyCases(), placementCases(), kubeletLabelCases(), osCases(), tolerationCases(),
		portCases(), surgePortCases(), requestCases(), podAffinityCases(), spreadCases())
}

// soundSet returns a DaemonSet without findings, after the changes.
func soundSet(set build.Set, changes ...func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
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

// soundSpec returns a DaemonSet without findings, after the change of its pod spec.
func soundSpec(set build.Set, change func(*corev1.PodSpec)) *appsv1.DaemonSet {
	return soundSet(set, func(ds *appsv1.DaemonSet) { change(&ds.Spec.Template.Spec) })
}

// amounts makes a ResourceList of names, each followed by its quantity.
func amounts(list ...string) corev1.ResourceList {
	out := corev1.ResourceList{}
	for i := 0; i+1 < len(list); i += 2 {
		out[corev1.ResourceName(list[i])] = resource.MustParse(list[i+1])
	}
	return out
}

// newNodes makes a node of each line, which has its name and its labels, such as
// "w1 zone=a disk=ssd".
func newNodes(lines ...string) []*corev1.Node {
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

func findingLine(f lint.Finding) string {
	return strings.Join(append([]string{f.Severity.String(), f.Field}, f.Nodes...), " ")
}

func TestCheck(t *testing.T) {
	for _, tc := range allCases() {
		t.Run(string(tc.code)+"/"+tc.name, func(t *testing.T) {
			untouched, untouchedOpts := copyArguments(tc.in, tc.opts)
			all := check(t, tc.in, tc.opts)
			checkFindings(t, all)
			if diff := cmp.Diff(untouched, tc.in) + cmp.Diff(untouchedOpts, tc.opts); diff != "" {
				t.Errorf("Check changed its arguments (-before +after):\n%s", diff)
			}
			var got []string
			for _, f := range all {
				if f.Code != tc.code {
					continue
				}
				if len(got) == 0 && !strings.Contains(f.Message, tc.says) {
					t.Errorf("message = %q, want it to contain %q", f.Message, tc.says)
				}
				got = append(got, findingLine(f))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: findings of %s (-want +got):\n%s", tc.why, tc.code, diff)
			}

			random := rand.New(rand.NewSource(1))
			random.Shuffle(len(tc.in.Nodes), func(i, j int) { tc.in.Nodes[i], tc.in.Nodes[j] = tc.in.Nodes[j], tc.in.Nodes[i] })
			slices.Reverse(tc.opts.OtherDaemonSets)
			if diff := cmp.Diff(all, check(t, tc.in, tc.opts)); diff != "" {
				t.Errorf("nodes in another order (-first +then):\n%s", diff)
			}
		})
	}
}

// check returns the findings of arguments that Check accepts.
func check(t testing.TB, in daemon.Input, opts lint.Options) []lint.Finding {
	t.Helper()
	findings, err := lint.Check(in, opts)
	if err != nil {
		t.Fatalf("Check: %v", err)
	}
	return findings
}

func copyArguments(in daemon.Input, opts lint.Options) (daemon.Input, lint.Options) {
	in.DaemonSet = in.DaemonSet.DeepCopy()
	in.Nodes, opts.OtherDaemonSets = slices.Clone(in.Nodes), slices.Clone(opts.OtherDaemonSets)
	for i, node := range in.Nodes {
		in.Nodes[i] = node.DeepCopy()
	}
	for i, ds := range opts.OtherDaemonSets {
		opts.OtherDaemonSets[i] = ds.DeepCopy()
	}
	return in, opts
}

// checkFindings checks what holds for all findings.
func checkFindings(t *testing.T, findings []lint.Finding) {
	t.Helper()
	rank := func(f lint.Finding) []string {
		return []string{strconv.Itoa(int(f.Severity)), f.Field, string(f.Code), f.Message, strings.Join(f.Nodes, " ")}
	}
	for i, f := range findings {
		if i > 0 && slices.Compare(rank(findings[i-1]), rank(f)) >= 0 {
			t.Errorf("finding %d is not behind the one before:\n%v\n%v", i, findings[i-1], f)
		}
		if f.Severity < lint.SeverityError || f.Severity > lint.SeverityInfo {
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

func TestCheckNothing(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		in        daemon.Input
	}{
		{"sound", "the baseline of the cases", daemon.Input{DaemonSet: soundSet(build.Set{}), Nodes: newNodes("w1", "w2")}},
		{"sound without nodes", "checks that need nodes find nothing", daemon.Input{DaemonSet: soundSet(build.Set{})}},
		{"no nodes", "an empty list is as good as none", daemon.Input{DaemonSet: soundSet(build.Set{MaxUnavailable: "10%"}), Nodes: []*corev1.Node{}}},
		{"facts that are ignored", "Check looks at no pods and revisions", daemon.Input{
			DaemonSet: soundSet(build.Set{}), Pods: []*corev1.Pod{nil}, Revisions: []*appsv1.ControllerRevision{nil}, BurstReplicas: -1}},
		{"sound with surge", "nothing prevents two pods on a node", daemon.Input{DaemonSet: soundSet(build.Set{MaxSurge: "1"}), Nodes: newNodes("w1", "w2")}},
		{"sound manifest", "defaults are filled in first", daemon.Input{DaemonSet: soundSet(build.Set{}, func(ds *appsv1.DaemonSet) {
			ds.Spec.UpdateStrategy, ds.Spec.RevisionHistoryLimit = appsv1.DaemonSetUpdateStrategy{}, nil
		})}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := check(t, tc.in, lint.Options{}); got != nil {
				t.Errorf("Check = %v, want nil: %s", got, tc.why)
			}
		})
	}
}

// Check refuses the lists that daemon.Input refuses, because it would count an object
// twice or not at all.
func TestCheckErrors(t *testing.T) {
	set := soundSet(build.Set{})
	other := build.Set{Name: "other"}.Object()
	unnamed := build.Set{Name: "other"}.Object()
	unnamed.Namespace = ""
	for _, tc := range []struct {
		name, why string
		in        daemon.Input
		opts      lint.Options
		want      string
	}{
		{"zero", "the DaemonSet is required", daemon.Input{}, lint.Options{}, "daemonSet: Required value"},
		{"nil node", "it is no node", daemon.Input{DaemonSet: set, Nodes: append(newNodes("w1"), nil)}, lint.Options{}, "nodes[1]: Required value"},
		{"node without name", "findings name nodes", daemon.Input{DaemonSet: set, Nodes: []*corev1.Node{{}}}, lint.Options{}, "nodes[0].metadata.name: Required value"},
		{"node twice", "it would count as two", daemon.Input{DaemonSet: set, Nodes: newNodes("w1", "w2", "w1")}, lint.Options{}, `nodes[2].metadata.name: Duplicate value: "w1"`},
		{"nil DaemonSet", "it is no DaemonSet", daemon.Input{DaemonSet: set}, lint.Options{OtherDaemonSets: []*appsv1.DaemonSet{other, nil}}, "otherDaemonSets[1]: Required value"},
		{"DaemonSet twice", "its findings would repeat", daemon.Input{DaemonSet: set}, lint.Options{OtherDaemonSets: []*appsv1.DaemonSet{other, other}}, `otherDaemonSets[1].metadata.name: Duplicate value: "kube-system/other"`},
		{"two namespaces", "are two DaemonSets", daemon.Input{DaemonSet: set}, lint.Options{OtherDaemonSets: []*appsv1.DaemonSet{other, unnamed}}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			findings, err := lint.Check(tc.in, tc.opts)
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != tc.want || findings != nil {
				t.Errorf("Check = %v, error %q, want no finding and error %q: %s", findings, got, tc.want, tc.why)
			}
		})
	}
}

// Errors come before warnings, regardless of their fields. A live object, which has its
// defaults, gets the findings of its manifest.
func TestCheckOrder(t *testing.T) {
	ds := soundSpec(build.Set{MaxSurge: "1"}, func(spec *corev1.PodSpec) {
		spec.Containers[0].Resources.Requests = nil
		spec.Containers[0].Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: 80}}
		spec.Tolerations = []corev1.Toleration{{Key: corev1.TaintNodeUnschedulable, Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoSchedule}}
	})
	ds.Spec.RevisionHistoryLimit = new(int32)
	ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = nil
	want := []string{
		"error spec.updateStrategy.rollingUpdate.maxSurge BudgetBothSet",
		"error spec.updateStrategy.rollingUpdate.maxSurge SurgeHostPort",
		"warning spec.template.spec.containers[0].resources.requests RequestsMissing",
		"info spec.revisionHistoryLimit NoRevisionHistory",
		"info spec.template.spec.tolerations[0] TolerationDefault",
	}
	for _, ds := range []*appsv1.DaemonSet{ds, daemon.Default(ds)} {
		var got []string
		for _, f := range check(t, daemon.Input{DaemonSet: ds}, lint.Options{}) {
			got = append(got, findingLine(f)+" "+string(f.Code))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("Check (-want +got):\n%s", diff)
		}
	}
}

// Check does not panic on half-filled objects, and no message lacks a name. Each case
// is a full input with one value set to zero.
func TestCheckHalfFilled(t *testing.T) {
	gap := regexp.MustCompile(`  | [,/]|= |=\.|\(\)`) // where a message lacks a name
	type arguments struct {
		In   daemon.Input
		Opts lint.Options
	}
	args := arguments{}
	args.In, args.Opts = full()
	check := func(path string) {
		t.Helper()
		defer func() {
			if r := recover(); r != nil {
				t.Errorf("Check without %s panicked: %v", path, r)
			}
		}()
		findings, _ := lint.Check(args.In, args.Opts) // some objects are required
		for _, f := range findings {
			// The errors in these are upstream's.
			upstream := f.Code == lint.CodeNodeAffinityMalformed || f.Code == lint.CodeTolerationMalformed
			if s := f.String(); !upstream && gap.MatchString(s) {
				t.Errorf("without %s: %q has a gap", path, s)
			}
		}
	}
	check("nothing")
	cases := 0
	var hollow func(path string, v reflect.Value)
	hollow = func(path string, v reflect.Value) {
		if v.CanSet() && !v.IsZero() {
			old := reflect.ValueOf(v.Interface())
			v.SetZero()
			check(path)
			cases++
			v.Set(old)
		}
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				hollow(path, v.Elem())
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() {
					hollow(path+"."+v.Type().Field(i).Name, v.Field(i))
				}
			}
		case reflect.Slice:
			for i := range v.Len() {
				hollow(path+"["+strconv.Itoa(i)+"]", v.Index(i))
			}
		}
	}
	hollow("Check", reflect.ValueOf(&args).Elem())
	if cases < 100 {
		t.Errorf("%d values were set to zero, want more for this test to mean something", cases)
	}
}

// full has something for each check to look at.
func full() (daemon.Input, lint.Options) {
	term := corev1.PodAffinityTerm{LabelSelector: requireLabels("app", "agent"), TopologyKey: "zone", Namespaces: []string{build.Namespace}, MatchLabelKeys: []string{"app"}}
	container := corev1.Container{
		Name: "main", Image: "agent:1", RestartPolicy: new(corev1.ContainerRestartPolicyAlways),
		Ports:     []corev1.ContainerPort{{HostPort: 10250, ContainerPort: 80, HostIP: "0.0.0.0", Protocol: corev1.ProtocolTCP}, {HostPort: 10250}},
		Resources: corev1.ResourceRequirements{Requests: amounts("cpu", "2", "example.com/gpu", "1"), Limits: amounts("cpu", "3")},
	}
	affinity := build.Require(labelTerm("node-role.kubernetes.io/worker", corev1.NodeSelectorOpIn, "y"), labelTerm("zone", "Near"), corev1.NodeSelectorTerm{})
	affinity.PodAffinity = &corev1.PodAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{term}}
	affinity.PodAntiAffinity = &corev1.PodAntiAffinity{RequiredDuringSchedulingIgnoredDuringExecution: []corev1.PodAffinityTerm{term}}
	ds := build.Set{MaxSurge: "100%", MinReady: 900, Spec: corev1.PodSpec{
		HostNetwork: true, NodeSelector: build.Labels{"disk": "ssd"}, NodeName: "", OS: &corev1.PodOS{Name: corev1.Linux}, Affinity: affinity,
		Tolerations:    []corev1.Toleration{toleration("a=b:NoExecute@5"), toleration("a:NoExecute@7"), toleration("node.kubernetes.io/not-ready:NoExecute@9"), {Operator: "Near"}},
		InitContainers: []corev1.Container{container}, Containers: []corev1.Container{container, container},
		Resources: &corev1.ResourceRequirements{Requests: amounts("memory", "1Gi"), Limits: amounts("memory", "2Gi")}, Overhead: amounts("cpu", "10m"),
		TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{TopologyKey: "rack", WhenUnsatisfiable: corev1.DoNotSchedule}},
	}}.Object()
	nodes := newNodes("w1 disk=ssd zone=a kubernetes.io/os=linux node-role.kubernetes.io/worker=y", "w2 disk=ssd zone=b kubernetes.io/os=windows node-role.kubernetes.io/worker=y")
	for _, node := range nodes {
		node.Status.Allocatable = amounts("cpu", "1", "memory", "1Gi")
		node.Status.DaemonEndpoints.KubeletEndpoint.Port = 10250
	}
	other := ds.DeepCopy()
	other.Name = "other"
	return daemon.Input{DaemonSet: ds, Nodes: nodes, Placement: placement.Options{ComparisonOperators: true}},
		lint.Options{OtherDaemonSets: []*appsv1.DaemonSet{other}, ProgressDeadline: time.Minute}
}

// A caller may change the Nodes of a finding.
func TestCheckSharesNothing(t *testing.T) {
	in, opts := full()
	want := check(t, in, opts)
	changed := check(t, in, opts)
	for i := range changed {
		for j := range changed[i].Nodes {
			changed[i].Nodes[j] += "-" + strconv.Itoa(i)
		}
	}
	for i := range changed {
		for j := range changed[i].Nodes {
			if got, want := changed[i].Nodes[j], want[i].Nodes[j]+"-"+strconv.Itoa(i); got != want {
				t.Errorf("finding %d shares Nodes with another: node %q, want %q", i, got, want)
			}
		}
	}
	if diff := cmp.Diff(want, check(t, in, opts)); diff != "" {
		t.Errorf("changing findings changed the next ones (-want +got):\n%s", diff)
	}
}

// FuzzCheck takes a DaemonSet, a node and another DaemonSet from arbitrary JSON.
func FuzzCheck(f *testing.F) {
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
	for i, tc := range allCases() {
		if i%5 == 0 { // a part of them is enough to mutate
			var node *corev1.Node
			var other *appsv1.DaemonSet
			if len(tc.in.Nodes) > 0 {
				node = tc.in.Nodes[0]
			}
			if len(tc.opts.OtherDaemonSets) > 0 {
				other = tc.opts.OtherDaemonSets[0]
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
	f.Fuzz(func(t *testing.T, dsJSON, nodeJSON, otherJSON []byte, deadline int64, comparison bool) {
		var ds, other *appsv1.DaemonSet
		var node *corev1.Node
		if json.Unmarshal(dsJSON, &ds) != nil || json.Unmarshal(nodeJSON, &node) != nil || json.Unmarshal(otherJSON, &other) != nil {
			t.Skip("no objects")
		}
		in := daemon.Input{DaemonSet: ds, Placement: placement.Options{ComparisonOperators: comparison}}
		opts := lint.Options{ProgressDeadline: time.Duration(deadline)}
		if node != nil {
			second := node.DeepCopy()
			second.Name += "-2"
			in.Nodes = []*corev1.Node{node, second}
		}
		if other != nil {
			opts.OtherDaemonSets = []*appsv1.DaemonSet{other}
		}
		untouched, untouchedOpts := copyArguments(in, opts)
		got, err := lint.Check(in, opts)
		for _, f := range got {
			if !strings.HasPrefix(f.Field, "spec.") || f.Message == "" || f.Fix == "" || f.Code == "" {
				t.Errorf("finding is incomplete: %#v", f)
			}
		}
		again, errAgain := lint.Check(untouched, untouchedOpts)
		if diff := cmp.Diff(got, again); diff != "" || (err == nil) != (errAgain == nil) {
			t.Errorf("the same arguments gave something else, errors %v and %v (-first +then):\n%s", err, errAgain, diff)
		}
		if diff := cmp.Diff(untouched, in) + cmp.Diff(untouchedOpts, opts); diff != "" {
			t.Errorf("Check changed its arguments (-before +after):\n%s", diff)
		}
	})
}
