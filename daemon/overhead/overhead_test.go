package overhead_test

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"
	"weak"

	gocmp "github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/overhead"
	"github.com/pernode/daemonset/placement"
)

// amounts returns a list of "name quantity" pairs.
func amounts(pairs ...string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		list[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return list
}

// container returns a container with requests, and with the limits that extended resources need.
func container(requests ...string) corev1.Container {
	c := corev1.Container{Name: "main", Resources: corev1.ResourceRequirements{Requests: amounts(requests...)}}
	for name, amount := range c.Resources.Requests {
		if strings.Contains(string(name), "/") {
			if c.Resources.Limits == nil {
				c.Resources.Limits = corev1.ResourceList{}
			}
			c.Resources.Limits[name] = amount
		}
	}
	return c
}

func daemonSet(name string, spec corev1.PodSpec) *appsv1.DaemonSet {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: name, UID: types.UID("uid-" + name)}}
	ds.Spec.Template.Spec = spec
	return ds
}

func requesting(name string, requests ...string) *appsv1.DaemonSet {
	return daemonSet(name, corev1.PodSpec{Containers: []corev1.Container{container(requests...)}})
}

func podOf(ds *appsv1.DaemonSet, node string, requests ...string) *corev1.Pod {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ds.Namespace, Name: ds.Name + "-x", OwnerReferences: []metav1.OwnerReference{
		{APIVersion: "apps/v1", Kind: "DaemonSet", Name: ds.Name, UID: ds.UID, Controller: new(true)},
	}}}
	pod.Spec = corev1.PodSpec{NodeName: node, Containers: []corev1.Container{container(requests...)}}
	return pod
}

func bareNode(name string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
}

func onNode(t testing.TB, daemons *overhead.Daemons, in overhead.Input) *overhead.NodeOverhead {
	t.Helper()
	var out overhead.NodeOverhead
	if err := daemons.OnNode(in, &out); err != nil {
		t.Fatal(err)
	}
	return &out
}

func limitRange(namespace, name string, items ...corev1.LimitRangeItem) *corev1.LimitRange {
	return &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Spec: corev1.LimitRangeSpec{Limits: items}}
}

// TestRequests: what a pod requests when the API server has stored it.
func TestRequests(t *testing.T) {
	const ofContainer = corev1.LimitTypeContainer
	limited := corev1.Container{Resources: corev1.ResourceRequirements{Limits: amounts("cpu", "1", "memory", "1Gi"), Requests: amounts("cpu", "100m")}}
	nothing := corev1.PodSpec{Containers: []corev1.Container{{}}}
	kata := nothing
	kata.RuntimeClassName = new("kata")
	otherOverhead := kata
	otherOverhead.Overhead = amounts("cpu", "1")
	for _, tc := range []struct {
		name, why string
		spec      corev1.PodSpec
		opts      overhead.Options
		want      corev1.ResourceList
		refused   string
	}{
		{name: "nothing", why: "no request at all", spec: nothing, want: amounts()},
		{name: "limit", why: "a request that is missing is the limit", spec: corev1.PodSpec{Containers: []corev1.Container{limited}}, want: amounts("cpu", "100m", "memory", "1Gi")},
		{name: "default request", why: "of the LimitRange", spec: nothing, want: amounts("cpu", "50m"),
			opts: overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, DefaultRequest: amounts("cpu", "50m")})}}},
		{name: "default limit", why: "is the default request, too", spec: nothing, want: amounts("cpu", "50m"),
			opts: overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, Default: amounts("cpu", "50m")})}}},
		{name: "minimum", why: "is the default request if there is no other", spec: nothing, want: amounts("cpu", "20m"),
			opts: overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, Min: amounts("cpu", "20m")})}}},
		{name: "own request below the minimum", why: "the API server refuses the pod", spec: corev1.PodSpec{Containers: []corev1.Container{container("cpu", "10m")}}, want: amounts("cpu", "10m"),
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, Min: amounts("cpu", "20m")})}},
			refused: `spec.template.spec.containers[0].resources.requests[cpu]: Invalid value: "10m": LimitRange kube-system/a: the minimum of Container is 20m`},
		{name: "limit above the maximum", why: "the API server refuses the pod", spec: corev1.PodSpec{Containers: []corev1.Container{limited}}, want: amounts("cpu", "100m", "memory", "1Gi"),
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, Max: amounts("memory", "500Mi")})}},
			refused: `spec.template.spec.containers[0].resources.limits[memory]: Invalid value: "1Gi": LimitRange kube-system/a: the maximum of Container is 500Mi`},
		{name: "ratio", why: "the limit is ten times the request", spec: corev1.PodSpec{Containers: []corev1.Container{limited}}, want: amounts("cpu", "100m", "memory", "1Gi"),
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, MaxLimitRequestRatio: amounts("cpu", "9")})}},
			refused: `spec.template.spec.containers[0].resources.limits[cpu]: Invalid value: "1": LimitRange kube-system/a: the maximum ratio of limit to request of Container is 9`},
		{name: "default limit below the request", why: "the API server refuses the pod", spec: corev1.PodSpec{Containers: []corev1.Container{container("cpu", "500m")}}, want: amounts("cpu", "500m"),
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, Default: amounts("cpu", "100m")})}},
			refused: `spec.template.spec.containers[0].resources.requests[cpu]: Invalid value: "500m": must not be above the limit, 100m; the limit is the default of LimitRange kube-system/a`},
		{name: "default limit above the default request", why: "only cpu, memory and their like may be overcommitted", spec: nothing, want: amounts("example.com/gpu", "1"),
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, Default: amounts("example.com/gpu", "2"), DefaultRequest: amounts("example.com/gpu", "1")})}},
			refused: `spec.template.spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "1": must be the limit, 2; request and limit are the defaults of LimitRange kube-system/a`},
		{name: "default limit above that of the pod", why: "the API server refuses the pod", want: amounts("cpu", "1"),
			spec:    corev1.PodSpec{Containers: []corev1.Container{container("cpu", "1")}, Resources: &corev1.ResourceRequirements{Limits: amounts("cpu", "2")}},
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, Default: amounts("cpu", "3")})}},
			refused: `spec.template.spec.containers[0].resources.limits[cpu]: Invalid value: "3": must not be above the limit of the pod, 2; the limit is the default of LimitRange kube-system/a`},
		{name: "requests above that of the pod", why: "the API server refuses the pod", want: amounts("cpu", "2"),
			spec:    corev1.PodSpec{Containers: []corev1.Container{{}}, Resources: &corev1.ResourceRequirements{Requests: amounts("cpu", "2")}},
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, DefaultRequest: amounts("cpu", "3")})}},
			refused: `spec.template.spec.resources.requests[cpu]: Invalid value: "2": must not be below the requests of the containers, 3, with the default of LimitRange kube-system/a`},
		{name: "default request of a device", why: "it has no limit", spec: nothing, want: amounts("example.com/gpu", "1"),
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, DefaultRequest: amounts("example.com/gpu", "1")})}},
			refused: `spec.template.spec.containers[0].resources.limits[example.com/gpu]: Required value: a request of huge pages or an extended resource needs a limit; the request is the default of LimitRange kube-system/a`},
		{name: "minimum of a device", why: "it is the request, which has no limit", spec: nothing, want: amounts("example.com/gpu", "1"),
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, Min: amounts("example.com/gpu", "1")})}},
			refused: `spec.template.spec.containers[0].resources.limits[example.com/gpu]: Required value`},
		{name: "default of huge pages", why: "the container has neither cpu nor memory", spec: nothing, want: amounts("hugepages-2Mi", "2Mi"),
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, Default: amounts("hugepages-2Mi", "2Mi")})}},
			refused: `spec.template.spec.containers[0].resources: Forbidden: huge pages need cpu or memory beside them; request and limit are the defaults of LimitRange kube-system/a`},
		{name: "half a huge page", why: "the API server refuses the pod", spec: corev1.PodSpec{Containers: []corev1.Container{container("cpu", "1")}}, want: amounts("cpu", "1", "hugepages-2Mi", "1Mi"),
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, Default: amounts("hugepages-2Mi", "1Mi")})}},
			refused: `spec.template.spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: "1Mi": must be a multiple of the size of the pages; request and limit are the defaults of LimitRange kube-system/a`},
		{name: "default of half a device", why: "the API server refuses the pod", spec: corev1.PodSpec{InitContainers: []corev1.Container{{}}}, want: amounts("example.com/gpu", "500m"),
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, Default: amounts("example.com/gpu", "500m")})}},
			refused: `spec.template.spec.initContainers[0].resources.limits[example.com/gpu]: Invalid value: "500m": must be a whole number; request and limit are the defaults of LimitRange kube-system/a`},
		{name: "default below zero", why: "the API server refuses the pod", spec: nothing, want: amounts("cpu", "-1"),
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, Default: amounts("cpu", "-1")})}},
			refused: `spec.template.spec.containers[0].resources.limits[cpu]: Invalid value: "-1": must not be below zero; request and limit are the defaults of LimitRange kube-system/a`},
		{name: "the template's own fault", why: "the API server refuses the DaemonSet", spec: corev1.PodSpec{Containers: []corev1.Container{container("example.com/gpu", "500m")}}, want: amounts("cpu", "1", "example.com/gpu", "500m"),
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, Default: amounts("cpu", "1")})}},
			refused: `spec.template.spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "500m": must be a whole number`},
		{name: "request above the limit", why: "the API server refuses the DaemonSet", want: amounts("cpu", "2"), spec: corev1.PodSpec{Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{Requests: amounts("cpu", "2"), Limits: amounts("cpu", "1")}}}},
			refused: `spec.template.spec.containers[0].resources.requests[cpu]: Invalid value: "2": must not be above the limit, 1`},
		{name: "no resource", why: "the API server refuses the DaemonSet", spec: corev1.PodSpec{Containers: []corev1.Container{container("gpu", "1")}}, want: amounts("gpu", "1"),
			refused: `spec.template.spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be cpu`},
		{name: "device of the template", why: "the default of cpu goes beside it", want: amounts("cpu", "1", "example.com/gpu", "1"),
			spec: corev1.PodSpec{Containers: []corev1.Container{{Resources: corev1.ResourceRequirements{Limits: amounts("example.com/gpu", "1")}}}},
			opts: overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, Default: amounts("cpu", "1")})}}},
		{name: "whole pod", why: "no limit, where a maximum asks for one", spec: nothing, want: amounts(),
			opts:    overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("kube-system", "a", corev1.LimitRangeItem{Type: corev1.LimitTypePod, Max: amounts("memory", "1Gi")})}},
			refused: `spec.template.spec.resources.limits[memory]: Invalid value: "none": LimitRange kube-system/a: the maximum of Pod is 1Gi`},
		{name: "two LimitRanges", why: "the first by name counts", spec: nothing, want: amounts("cpu", "1", "memory", "2"),
			opts: overhead.Options{LimitRanges: []*corev1.LimitRange{
				limitRange("kube-system", "b", corev1.LimitRangeItem{Type: ofContainer, DefaultRequest: amounts("cpu", "2", "memory", "2")}),
				limitRange("kube-system", "a", corev1.LimitRangeItem{Type: ofContainer, DefaultRequest: amounts("cpu", "1")}),
			}}},
		{name: "another namespace", why: "a LimitRange counts in its own", spec: nothing, want: amounts(),
			opts: overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("team", "a", corev1.LimitRangeItem{Type: ofContainer, DefaultRequest: amounts("cpu", "1")})}}},
		{name: "runtime class", why: "its overhead is the pod's", spec: kata, want: amounts("memory", "128Mi"),
			opts: overhead.Options{RuntimeClasses: []*nodev1.RuntimeClass{{ObjectMeta: metav1.ObjectMeta{Name: "kata"}, Overhead: &nodev1.Overhead{PodFixed: amounts("memory", "128Mi")}}}}},
		{name: "unknown runtime class", why: "nothing is known of it", spec: kata, want: amounts()},
		{name: "overhead of an unknown runtime class", why: "it may be right", spec: otherOverhead, want: amounts("cpu", "1")},
		{name: "no such runtime class", why: "the API server refuses the pod", spec: kata, want: amounts(),
			opts: overhead.Options{RuntimeClasses: []*nodev1.RuntimeClass{}}, refused: `spec.template.spec.runtimeClassName: Not found: "kata"`},
		{name: "overhead without a runtime class", why: "the API server refuses the pod", spec: corev1.PodSpec{Overhead: amounts("cpu", "1"), Containers: []corev1.Container{{}}}, want: amounts("cpu", "1"),
			refused: "spec.template.spec.overhead: Forbidden: the pod has no RuntimeClass with an overhead"},
		{name: "overhead of a runtime class without one", why: "the API server refuses the pod", spec: otherOverhead, want: amounts("cpu", "1"),
			opts:    overhead.Options{RuntimeClasses: []*nodev1.RuntimeClass{{ObjectMeta: metav1.ObjectMeta{Name: "kata"}}}},
			refused: "spec.template.spec.overhead: Forbidden: the pod has no RuntimeClass with an overhead"},
		{name: "node selector of a runtime class", why: "the API server refuses another value", want: amounts(),
			spec: corev1.PodSpec{RuntimeClassName: new("kata"), NodeSelector: map[string]string{}, Containers: []corev1.Container{{}}},
			opts: overhead.Options{RuntimeClasses: []*nodev1.RuntimeClass{{ObjectMeta: metav1.ObjectMeta{Name: "kata"}, Scheduling: &nodev1.Scheduling{NodeSelector: map[string]string{"kata": "yes"}}}}}},
		{name: "priority without a class", why: "the API server refuses the number", spec: corev1.PodSpec{Priority: new(int32(7)), Containers: []corev1.Container{{}}}, want: amounts(),
			opts:    overhead.Options{PriorityClasses: []*schedulingv1.PriorityClass{}},
			refused: "spec.template.spec.priority: Invalid value: 7: must be empty or that of the PriorityClass, 0"},
		{name: "priority of the class", why: "the API server accepts the number", spec: corev1.PodSpec{Priority: new(int32(2_000_000_000)), PriorityClassName: "system-cluster-critical", Containers: []corev1.Container{{}}}, want: amounts()},
		{name: "another priority than the class", why: "the API server refuses the number", spec: corev1.PodSpec{Priority: new(int32(7)), PriorityClassName: "system-cluster-critical", Containers: []corev1.Container{{}}}, want: amounts(),
			refused: "spec.template.spec.priority: Invalid value: 7: must be empty or that of the PriorityClass, 2000000000 of system-cluster-critical"},
		{name: "priority and policy of an unknown default class", why: "they may be right", spec: corev1.PodSpec{Priority: new(int32(7)), PreemptionPolicy: new(corev1.PreemptNever), Containers: []corev1.Container{{}}}, want: amounts()},
		{name: "another preemption policy", why: "the API server refuses it", spec: corev1.PodSpec{PreemptionPolicy: new(corev1.PreemptNever), Containers: []corev1.Container{{}}}, want: amounts(),
			opts:    overhead.Options{PriorityClasses: []*schedulingv1.PriorityClass{}},
			refused: "spec.template.spec.preemptionPolicy: Invalid value: \"Never\": must be empty or that of the PriorityClass, PreemptLowerPriority"},
		{name: "unknown priority class", why: "nothing is known of it", spec: corev1.PodSpec{Priority: new(int32(7)), PriorityClassName: "mine", Containers: []corev1.Container{{}}}, want: amounts()},
		{name: "no such priority class", why: "the API server refuses the pod", spec: corev1.PodSpec{PriorityClassName: "mine", Containers: []corev1.Container{{}}}, want: amounts(),
			opts: overhead.Options{PriorityClasses: []*schedulingv1.PriorityClass{}}, refused: `spec.template.spec.priorityClassName: Not found: "mine"`},
		{name: "another overhead", why: "the API server refuses the pod", spec: otherOverhead, want: amounts("memory", "128Mi"),
			opts:    overhead.Options{RuntimeClasses: []*nodev1.RuntimeClass{{ObjectMeta: metav1.ObjectMeta{Name: "kata"}, Overhead: &nodev1.Overhead{PodFixed: amounts("memory", "128Mi")}}}},
			refused: "RuntimeClass kata"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			daemons := compile(t, []*appsv1.DaemonSet{daemonSet("agent", tc.spec)}, tc.opts)
			got := daemons.List()[0]
			if !equality.Semantic.DeepEqual(got.Requests, tc.want) {
				t.Errorf("Requests = %v, want %v: %s", got.Requests, tc.want, tc.why)
			}
			refused := ""
			if got.Refused != nil {
				refused = got.Refused[0].Error()
			}
			if tc.refused == "" && refused != "" || !strings.Contains(refused, tc.refused) {
				t.Errorf("Refused = %q, want %q: %s", refused, tc.refused, tc.why)
			}
			out, want := onNode(t, daemons, overhead.Input{Node: bareNode("n")}), overhead.VerdictRuns
			if tc.refused != "" {
				want = overhead.VerdictRefused
			}
			if v := out.Daemons[0].Verdict; v != want || (want == overhead.VerdictRefused) != (out.AtMost.Pods == 0) {
				t.Errorf("OnNode = %v, %v, want %v: what is refused takes nothing", v, out.AtMost, want)
			}
			pool, err := daemons.InPool(overhead.Pool{})
			if refusedThere := pool.Daemons[0].Presence == overhead.PresenceRefused; err != nil || refusedThere != (tc.refused != "") {
				t.Errorf("InPool = %v, %v, want refused: %v", pool.Daemons[0], err, tc.refused != "")
			}
			explanation, err := daemons.Explain(0, overhead.Input{Node: bareNode("n")})
			if err != nil || explanation.Verdict != want || !strings.Contains(explanation.String(), tc.refused) {
				t.Errorf("Explain = %v, %v, want %v", explanation, err, want)
			}
		})
	}
}

// TestList: by priority, then by namespace and name.
func TestList(t *testing.T) {
	spec := func(class string, priority *int32) corev1.PodSpec {
		return corev1.PodSpec{PriorityClassName: class, Priority: priority}
	}
	team := requesting("a")
	team.Namespace = "team"
	low := requesting("default")
	daemons := compile(t, []*appsv1.DaemonSet{
		team, low, daemonSet("unknown", spec("unknown", nil)), daemonSet("number", spec("seven", nil)), daemonSet("mine", spec("mine", nil)),
		daemonSet("cluster", spec("system-cluster-critical", nil)), daemonSet("node", spec("system-node-critical", nil)), daemonSet("negative", spec("negative", nil)),
	}, overhead.Options{PriorityClasses: []*schedulingv1.PriorityClass{
		{ObjectMeta: metav1.ObjectMeta{Name: "mine"}, Value: 9},
		{ObjectMeta: metav1.ObjectMeta{Name: "seven"}, Value: 7},
		{ObjectMeta: metav1.ObjectMeta{Name: "negative"}, Value: -1},
		{ObjectMeta: metav1.ObjectMeta{Name: "other"}, Value: 5, GlobalDefault: true},
		{ObjectMeta: metav1.ObjectMeta{Name: "one"}, Value: 3, GlobalDefault: true},
	}})
	var got []string
	for _, d := range daemons.List() {
		got = append(got, d.DaemonSet.Namespace+"/"+d.DaemonSet.Name)
	}
	want := []string{"kube-system/node", "kube-system/cluster", "kube-system/mine", "kube-system/number", "kube-system/default", "team/a", "kube-system/unknown", "kube-system/negative"}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
	if p := daemons.List()[4].Priority; p != 3 {
		t.Errorf("the default priority = %d, want the lowest, 3", p)
	}
}

// TestTwoGroups: DaemonSets of one name are two if their API groups differ.
func TestTwoGroups(t *testing.T) {
	native, other := requesting("a", "cpu", "1"), requesting("a", "cpu", "2")
	native.UID, other.UID = "", ""
	other.APIVersion, other.Kind = "apps.kruise.io/v1alpha1", "DaemonSet"
	pod := podOf(native, "n", "cpu", "2")
	pod.OwnerReferences[0].APIVersion = other.APIVersion
	for _, sets := range [][]*appsv1.DaemonSet{{native, other}, {other, native}} {
		daemons := compile(t, sets, overhead.Options{})
		if daemons.List()[0].DaemonSet != other {
			t.Error("List is not in the order of the API versions")
		}
		if out := onNode(t, daemons, overhead.Input{Node: bareNode("n"), Pods: []*corev1.Pod{pod}}); !out.Daemons[0].Present || out.Daemons[1].Present || out.Missing.Pods != 1 {
			t.Errorf("%+v, missing %v, want the pod to be that of its own group", out.Daemons, out.Missing)
		}
	}
	native.APIVersion, native.Kind = "apps/v1", "DaemonSet"
	again := native.DeepCopy()
	again.TypeMeta = metav1.TypeMeta{}
	if _, err := overhead.Compile([]*appsv1.DaemonSet{native, again}, overhead.Options{}); err == nil {
		t.Error("a DaemonSet with its kind and one without it: no error, want a duplicate")
	}
}

// TestMissing: what is still to come, for each DaemonSet by itself.
func TestMissing(t *testing.T) {
	logs, metrics := requesting("logs", "cpu", "100m", "memory", "1Gi"), requesting("metrics", "cpu", "300m")
	manifest := requesting("manifest", "cpu", "1")
	manifest.UID = ""
	elsewhere := requesting("elsewhere", "cpu", "5")
	elsewhere.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	sets := []*appsv1.DaemonSet{logs, metrics, manifest, elsewhere}
	of := func(pod *corev1.Pod, change func(*corev1.Pod)) *corev1.Pod { change(pod); return pod }
	for _, tc := range []struct {
		name, why string
		pods      []*corev1.Pod
		pod       int
		want      corev1.ResourceList
	}{
		{"empty node", "all of it", nil, 3, amounts("cpu", "1400m", "memory", "1Gi")},
		{"one is there", "the others", []*corev1.Pod{podOf(logs, "n", "cpu", "100m", "memory", "1Gi")}, 2, amounts("cpu", "1300m")},
		{"it takes more", "that leaves no less for the others", []*corev1.Pod{podOf(logs, "n", "cpu", "5", "memory", "9Gi")}, 2, amounts("cpu", "1300m")},
		{"it takes less", "the rest comes with the update", []*corev1.Pod{podOf(logs, "n", "cpu", "60m")}, 2, amounts("cpu", "1340m", "memory", "1Gi")},
		{"two of one", "both count", []*corev1.Pod{podOf(logs, "n", "cpu", "60m"), of(podOf(logs, "n", "memory", "1Gi"), func(p *corev1.Pod) { p.Name = "second" })}, 2, amounts("cpu", "1340m")},
		{"not bound", "it takes nothing yet", []*corev1.Pod{podOf(logs, "", "cpu", "100m")}, 3, amounts("cpu", "1400m", "memory", "1Gi")},
		{"elsewhere", "it takes nothing here", []*corev1.Pod{podOf(logs, "m", "cpu", "100m")}, 3, amounts("cpu", "1400m", "memory", "1Gi")},
		{"failed", "it takes nothing any more", []*corev1.Pod{of(podOf(logs, "n", "cpu", "100m"), func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed })}, 3, amounts("cpu", "1400m", "memory", "1Gi")},
		{"another UID", "the DaemonSet was created again", []*corev1.Pod{of(podOf(logs, "n", "cpu", "100m"), func(p *corev1.Pod) { p.OwnerReferences[0].UID = "old" })}, 3, amounts("cpu", "1400m", "memory", "1Gi")},
		{"another kind", "its owner has the name only", []*corev1.Pod{of(podOf(logs, "n", "cpu", "100m"), func(p *corev1.Pod) { p.OwnerReferences[0].Kind = "Job" })}, 3, amounts("cpu", "1400m", "memory", "1Gi")},
		{"no owner", "it is nobody's", []*corev1.Pod{of(podOf(logs, "n", "cpu", "100m"), func(p *corev1.Pod) { p.OwnerReferences = nil })}, 3, amounts("cpu", "1400m", "memory", "1Gi")},
		{"manifest", "a DaemonSet without UID has the pods of its name", []*corev1.Pod{of(podOf(manifest, "n", "cpu", "1"), func(p *corev1.Pod) { p.OwnerReferences[0].UID = "any" })}, 2, amounts("cpu", "400m", "memory", "1Gi")},
		{"where it should not be", "it does not run here", []*corev1.Pod{podOf(elsewhere, "n", "cpu", "5")}, 3, amounts("cpu", "1400m", "memory", "1Gi")},
		{"allocated", "the kubelet has given it more than it requests", []*corev1.Pod{of(podOf(metrics, "n"), func(p *corev1.Pod) {
			p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "main", AllocatedResources: amounts("cpu", "300m")}}
		})}, 2, amounts("cpu", "1100m", "memory", "1Gi")},
		{"limit only", "as the API server stores it", []*corev1.Pod{of(podOf(metrics, "n"), func(p *corev1.Pod) { p.Spec.Containers[0].Resources.Limits = amounts("cpu", "300m") })}, 2, amounts("cpu", "1100m", "memory", "1Gi")},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := onNode(t, compile(t, sets, overhead.Options{}), overhead.Input{Node: bareNode("n"), Pods: tc.pods})
			if got := out.Missing.Requests(); out.Missing.Pods != tc.pod || !equality.Semantic.DeepEqual(got, tc.want) {
				t.Errorf("Missing = %v, want %d pods and %v: %s", out.Missing, tc.pod, tc.want, tc.why)
			}
			if out.Run.Pods != 3 {
				t.Errorf("Run = %v, want 3 pods", out.Run)
			}
		})
	}
}

// TestShortages: all DaemonSets together, pods included, in the order of priority.
func TestShortages(t *testing.T) {
	critical := requesting("z-critical", "cpu", "2")
	critical.Spec.Template.Spec.PriorityClassName = "system-node-critical"
	sets := []*appsv1.DaemonSet{requesting("a", "cpu", "1"), requesting("b", "cpu", "1", "example.com/gpu", "1"), critical}
	stranger := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "stranger"}, Spec: corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{container("cpu", "500m")}}}
	node := func(change func(*corev1.NodeStatus), pairs ...string) *corev1.Node {
		n := bareNode("n")
		n.Status.Allocatable = amounts(pairs...)
		if change != nil {
			change(&n.Status)
		}
		return n
	}
	const a, b = 1, 2 // in the order of List
	for _, tc := range []struct {
		name, why string
		in        overhead.Input
		want      []overhead.Shortage
	}{
		{"room", "for all", overhead.Input{Node: node(nil, "cpu", "4", "pods", "3", "example.com/gpu", "1")}, nil},
		{"no allocatable", "nothing is known", overhead.Input{Node: bareNode("n")}, nil},
		{"too small together", "the last by priority and name", overhead.Input{Node: node(nil, "cpu", "3500m", "pods", "3", "example.com/gpu", "1")},
			[]overhead.Shortage{{Daemon: b, Resource: "cpu", Missing: 1000, Free: 500}}},
		{"pods there", "they take room first", overhead.Input{Node: node(nil, "cpu", "4", "pods", "9", "example.com/gpu", "1"), Pods: []*corev1.Pod{stranger}},
			[]overhead.Shortage{{Daemon: b, Resource: "cpu", Missing: 1000, Free: 500}}},
		{"smaller one behind", "one that does not fit takes no room", overhead.Input{Node: node(nil, "cpu", "1", "pods", "9", "example.com/gpu", "1")},
			[]overhead.Shortage{{Daemon: 0, Resource: "cpu", Missing: 2000, Free: 1000}, {Daemon: b, Resource: "cpu", Missing: 1000, Free: 0}}},
		{"no such resource", "the node has none of it", overhead.Input{Node: node(nil, "cpu", "4", "pods", "9")},
			[]overhead.Shortage{{Daemon: b, Resource: "example.com/gpu", Missing: 1, Free: 0}}},
		{"too many pods", "the number counts", overhead.Input{Node: node(nil, "cpu", "9", "pods", "2", "example.com/gpu", "1")},
			[]overhead.Shortage{{Daemon: b, Resource: "pods", Missing: 1, Free: 0}}},
		{"no number of pods", "the scheduler takes none for zero", overhead.Input{Node: node(nil, "cpu", "9", "example.com/gpu", "1")},
			[]overhead.Shortage{{Daemon: 0, Resource: "pods", Missing: 1}, {Daemon: a, Resource: "pods", Missing: 1}, {Daemon: b, Resource: "pods", Missing: 1}}},
		{"empty allocatable", "the capacity stands for it, too", overhead.Input{Node: node(func(s *corev1.NodeStatus) { s.Capacity, s.Allocatable = s.Allocatable, corev1.ResourceList{} }, "cpu", "3", "pods", "9", "example.com/gpu", "1")},
			[]overhead.Shortage{{Daemon: b, Resource: "cpu", Missing: 1000, Free: 0}}},
		{"capacity", "it stands for a missing allocatable", overhead.Input{Node: node(func(s *corev1.NodeStatus) { s.Capacity, s.Allocatable = s.Allocatable, nil }, "cpu", "3", "pods", "9", "example.com/gpu", "1")},
			[]overhead.Shortage{{Daemon: b, Resource: "cpu", Missing: 1000, Free: 0}}},
		{"there already", "its own room is its own", overhead.Input{Node: node(nil, "cpu", "4", "pods", "3", "example.com/gpu", "1"), Pods: []*corev1.Pod{podOf(critical, "n", "cpu", "2")}}, nil},
		{"overcommitted", "less than nothing is free", overhead.Input{Node: node(nil, "cpu", "100m", "pods", "9", "example.com/gpu", "1"), Pods: []*corev1.Pod{stranger}},
			[]overhead.Shortage{{Daemon: 0, Resource: "cpu", Missing: 2000}, {Daemon: a, Resource: "cpu", Missing: 1000}, {Daemon: b, Resource: "cpu", Missing: 1000}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			out := onNode(t, compile(t, sets, overhead.Options{}), tc.in)
			if diff := gocmp.Diff(tc.want, slices.Clone(out.Shortages)); diff != "" && len(tc.want)+len(out.Shortages) > 0 {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
			for i := range out.Daemons {
				lacks := slices.ContainsFunc(tc.want, func(s overhead.Shortage) bool { return s.Daemon == i })
				if out.Daemons[i].Fits == lacks {
					t.Errorf("Fits of %d = %v: %s", i, out.Daemons[i].Fits, tc.why)
				}
			}
		})
	}
}

// TestShortagesInOrder: shortages go by DaemonSet, not by who got room first, then by name.
func TestShortagesInOrder(t *testing.T) {
	maybe := requesting("a-maybe", "cpu", "1", "vendor.com/nic", "1")
	maybe.Spec.Template.Spec.NodeSelector = map[string]string{"zone": "a"}
	another := requesting("c-maybe", "cpu", "1")
	another.Spec.Template.Spec.NodeSelector = map[string]string{"zone": "a"}
	daemons := compile(t, []*appsv1.DaemonSet{another, maybe, requesting("b", "cpu", "1"), requesting("d", "cpu", "1")}, overhead.Options{})
	node := bareNode("n")
	node.Status.Allocatable = amounts("cpu", "100m")
	out := onNode(t, daemons, overhead.Input{Node: node, LateLabels: []string{"zone"}})
	want := []overhead.Shortage{
		{Daemon: 0, Resource: "cpu", Missing: 1000, Free: 100}, {Daemon: 0, Resource: "pods", Missing: 1}, {Daemon: 0, Resource: "vendor.com/nic", Missing: 1},
		{Daemon: 1, Resource: "cpu", Missing: 1000, Free: 100}, {Daemon: 1, Resource: "pods", Missing: 1},
		{Daemon: 2, Resource: "cpu", Missing: 1000, Free: 100}, {Daemon: 2, Resource: "pods", Missing: 1},
		{Daemon: 3, Resource: "cpu", Missing: 1000, Free: 100}, {Daemon: 3, Resource: "pods", Missing: 1},
	}
	if diff := gocmp.Diff(want, out.Shortages); diff != "" {
		t.Errorf("Shortages (-want +got):\n%s", diff)
	}
}

// TestUncertainComesLast: a DaemonSet that runs is not kept out by one that may not.
func TestUncertainComesLast(t *testing.T) {
	maybe := requesting("a-maybe", "cpu", "1")
	maybe.Spec.Template.Spec.NodeSelector = map[string]string{"zone": "a"}
	daemons := compile(t, []*appsv1.DaemonSet{maybe, requesting("b", "cpu", "1")}, overhead.Options{})
	node := bareNode("n")
	node.Status.Allocatable = amounts("cpu", "1", "pods", "9")
	out := onNode(t, daemons, overhead.Input{Node: node, LateLabels: []string{"zone"}})
	want := []overhead.Shortage{{Daemon: 0, Resource: "cpu", Missing: 1000}}
	if diff := gocmp.Diff(want, out.Shortages); diff != "" || out.Daemons[0].Fits || !out.Daemons[1].Fits {
		t.Errorf("%+v (-want +got):\n%s", out.Daemons, diff)
	}
	if out.Run.Pods != 1 || out.AtMost.Pods != 2 || out.Missing.Pods != 1 || out.MissingAtMost.Pods != 2 {
		t.Errorf("Run = %v, AtMost = %v, Missing = %v, MissingAtMost = %v", out.Run, out.AtMost, out.Missing, out.MissingAtMost)
	}
}

// TestPortConflicts: between DaemonSets, and with pods.
func TestPortConflicts(t *testing.T) {
	withPorts := func(name string, ports ...corev1.ContainerPort) *appsv1.DaemonSet {
		return daemonSet(name, corev1.PodSpec{Containers: []corev1.Container{{Ports: ports}}})
	}
	a := withPorts("a", corev1.ContainerPort{HostPort: 80})
	b := withPorts("b", corev1.ContainerPort{HostPort: 80, HostIP: "10.0.0.1"}, corev1.ContainerPort{HostPort: 81})
	c := withPorts("c", corev1.ContainerPort{HostPort: 80, Protocol: corev1.ProtocolUDP})
	network := withPorts("network", corev1.ContainerPort{ContainerPort: 81})
	network.Spec.Template.Spec.HostNetwork = true
	away := withPorts("away", corev1.ContainerPort{HostPort: 80})
	away.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	daemons := compile(t, []*appsv1.DaemonSet{network, c, b, a, away}, overhead.Options{})
	const ia, ib, inet = 0, 2, 4 // a, away, b, c, network
	port := func(ip string, n int32) overhead.HostPort {
		return overhead.HostPort{IP: ip, Protocol: corev1.ProtocolTCP, Number: n}
	}

	out := onNode(t, daemons, overhead.Input{Node: bareNode("n")})
	want := []overhead.PortConflict{
		{Daemon: ib, Other: ia, OtherName: "kube-system/a", Port: port("10.0.0.1", 80), OtherPort: port("", 80)},
		{Daemon: inet, Other: ib, OtherName: "kube-system/b", Port: port("", 81), OtherPort: port("", 81)},
	}
	if diff := gocmp.Diff(want, out.PortConflicts); diff != "" {
		t.Errorf("PortConflicts (-want +got):\n%s", diff)
	}
	// b does not run, so that its other port is free.
	if fits := []bool{out.Daemons[ia].Fits, out.Daemons[ib].Fits, out.Daemons[3].Fits, out.Daemons[inet].Fits}; !slices.Equal(fits, []bool{true, false, true, true}) {
		t.Errorf("Fits = %v", fits)
	}

	stranger := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "web"}}
	stranger.Spec = corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{HostPort: 80}}}}}
	own := podOf(b, "n")
	own.Spec.Containers[0].Ports = []corev1.ContainerPort{{HostPort: 81}}
	out = onNode(t, daemons, overhead.Input{Node: bareNode("n"), Pods: []*corev1.Pod{stranger, own}})
	want = []overhead.PortConflict{
		{Daemon: ia, Other: -1, Pod: stranger, Port: port("", 80), OtherPort: port("", 80)},
		{Daemon: ia, Other: ib, OtherName: "kube-system/b", Port: port("", 80), OtherPort: port("10.0.0.1", 80)}, // The pod of b lacks it.
		{Daemon: ib, Other: -1, Pod: stranger, Port: port("10.0.0.1", 80), OtherPort: port("", 80)},
		{Daemon: inet, Other: ib, OtherName: "kube-system/b", Pod: own, Port: port("", 81), OtherPort: port("", 81)},
	}
	if diff := gocmp.Diff(want, out.PortConflicts); diff != "" {
		t.Errorf("PortConflicts with pods (-want +got):\n%s", diff)
	}
}

// TestPortsOfUpdate: a pod that is there and has no port yet needs it as others do.
func TestPortsOfUpdate(t *testing.T) {
	spec := corev1.PodSpec{Containers: []corev1.Container{{Ports: []corev1.ContainerPort{{HostPort: 80}}}}}
	a, b := daemonSet("a", spec), daemonSet("b", spec)
	daemons := compile(t, []*appsv1.DaemonSet{a, b}, overhead.Options{})
	with := podOf(b, "n")
	with.Spec.Containers[0].Ports = spec.Containers[0].Ports
	for _, tc := range []struct {
		name string
		pods []*corev1.Pod
		want [2]bool
	}{
		{"none there", nil, [2]bool{true, false}},
		{"first there without it", []*corev1.Pod{podOf(a, "n")}, [2]bool{true, false}},
		{"second there without it", []*corev1.Pod{podOf(b, "n")}, [2]bool{false, true}},
		{"both there without it", []*corev1.Pod{podOf(a, "n"), podOf(b, "n")}, [2]bool{true, false}},
		{"second has it", []*corev1.Pod{podOf(a, "n"), with}, [2]bool{false, true}},
	} {
		out := onNode(t, daemons, overhead.Input{Node: bareNode("n"), Pods: tc.pods})
		if got := [2]bool{out.Daemons[0].Fits, out.Daemons[1].Fits}; got != tc.want || len(out.PortConflicts) != 1 {
			t.Errorf("%s: Fits = %v, conflicts %+v, want %v and one conflict", tc.name, got, out.PortConflicts, tc.want)
		}
	}
}

// TestErrors: each wrong input has its path.
func TestErrors(t *testing.T) {
	good := requesting("a")
	halfKind := requesting("a")
	halfKind.Kind = "NodeAgent"
	var out overhead.NodeOverhead
	compileWith := func(sets []*appsv1.DaemonSet, opts overhead.Options) func() error {
		return func() error { _, err := overhead.Compile(sets, opts); return err }
	}
	daemons := compile(t, []*appsv1.DaemonSet{good}, overhead.Options{})
	on := func(in overhead.Input) func() error { return func() error { return daemons.OnNode(in, &out) } }
	inPool := func(requirements ...corev1.NodeSelectorRequirement) func() error {
		return func() error { _, err := daemons.InPool(overhead.Pool{Requirements: requirements}); return err }
	}
	explain := func(i int, in overhead.Input) func() error {
		return func() error { _, err := daemons.Explain(i, in); return err }
	}
	node := bareNode("n")
	for _, tc := range []struct {
		name, path string
		call       func() error
	}{
		{"nil DaemonSet", "daemonSets[1]", compileWith([]*appsv1.DaemonSet{good, nil}, overhead.Options{})},
		{"no name", "daemonSets[1].metadata.name", compileWith([]*appsv1.DaemonSet{good, {}}, overhead.Options{})},
		{"twice", "daemonSets[1].metadata.name", compileWith([]*appsv1.DaemonSet{good, good}, overhead.Options{})},
		{"half a kind", "daemonSets[0].apiVersion", compileWith([]*appsv1.DaemonSet{halfKind}, overhead.Options{})},
		{"nil LimitRange", "options.limitRanges[0]", compileWith(nil, overhead.Options{LimitRanges: []*corev1.LimitRange{nil}})},
		{"nil PriorityClass", "options.priorityClasses[0]", compileWith(nil, overhead.Options{PriorityClasses: []*schedulingv1.PriorityClass{nil}})},
		{"nil RuntimeClass", "options.runtimeClasses[0]", compileWith(nil, overhead.Options{RuntimeClasses: []*nodev1.RuntimeClass{nil}})},
		{"two LimitRanges", "options.limitRanges[2].metadata.name", compileWith(nil, overhead.Options{LimitRanges: []*corev1.LimitRange{limitRange("x", "a"), limitRange("y", "a"), limitRange("x", "a")}})},
		{"two PriorityClasses", "options.priorityClasses[1].metadata.name", compileWith(nil, overhead.Options{PriorityClasses: []*schedulingv1.PriorityClass{{}, {}}})},
		{"two RuntimeClasses", "options.runtimeClasses[1].metadata.name", compileWith(nil, overhead.Options{RuntimeClasses: []*nodev1.RuntimeClass{{}, {}}})},
		{"nil result", "out", func() error { return daemons.OnNode(overhead.Input{Node: node}, nil) }},
		{"nil node", "input.node", on(overhead.Input{})},
		{"node without a name", "input.node.metadata.name", on(overhead.Input{Node: &corev1.Node{}})},
		{"pods of a node without a name", "input.node.metadata.name", on(overhead.Input{Node: &corev1.Node{}, NameUnknown: true, Pods: []*corev1.Pod{{}}})},
		{"nil pod", "input.pods[0]", on(overhead.Input{Node: node, Pods: []*corev1.Pod{nil}})},
		{"empty late label", "input.lateLabels[1]", on(overhead.Input{Node: node, LateLabels: []string{"a", ""}})},
		{"late label", "input.lateLabels[0]", on(overhead.Input{Node: node, LateLabels: []string{"not a key"}})},
		{"startup taint", "input.startupTaints[0].key", on(overhead.Input{Node: node, StartupTaints: []corev1.Taint{{Effect: "NoSchedule"}}})},
		{"startup taint of a pool", "pool.startupTaints[0].key", func() error {
			_, err := daemons.InPool(overhead.Pool{StartupTaints: []corev1.Taint{{}}})
			return err
		}},
		{"effect of a startup taint", "input.startupTaints[0].effect", on(overhead.Input{Node: node, StartupTaints: []corev1.Taint{{Key: "a", Effect: "noSchedule"}}})},
		{"taint of a pool", "pool.taints[1].key", func() error {
			_, err := daemons.InPool(overhead.Pool{Taints: []corev1.Taint{{Key: "a", Effect: "NoSchedule"}, {Effect: "NoSchedule"}}})
			return err
		}},
		{"effect of a taint of a pool", "pool.taints[0].effect", func() error {
			_, err := daemons.InPool(overhead.Pool{Taints: []corev1.Taint{{Key: "a", Effect: "noSchedule"}}})
			return err
		}},
		{"name of a pool", "pool.requirements[0].key", inPool(corev1.NodeSelectorRequirement{Key: "metadata.name", Operator: "In", Values: []string{"n1"}})},
		{"index", "index", explain(1, overhead.Input{Node: node})},
		{"negative index", "index", explain(-1, overhead.Input{Node: node})},
		{"nothing to explain", "input.node", explain(0, overhead.Input{})},
		{"operator", "pool.requirements[1].operator", inPool(corev1.NodeSelectorRequirement{Key: "a", Operator: "Exists"}, corev1.NodeSelectorRequirement{Key: "a", Operator: "Near"})},
		{"values", "pool.requirements[0].values", inPool(corev1.NodeSelectorRequirement{Key: "a", Operator: "In"})},
		{"contradiction", "pool.requirements[0]", inPool(corev1.NodeSelectorRequirement{Key: "a", Operator: "In", Values: []string{"1"}}, corev1.NodeSelectorRequirement{Key: "a", Operator: "Gt", Values: []string{"1"}})},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := tc.call()
			var at *field.Error
			if !errors.As(err, &at) || at.Field != tc.path {
				t.Errorf("error = %v, want one at %s", err, tc.path)
			}
		})
	}
	if err := daemons.OnNode(overhead.Input{Node: &corev1.Node{}, NameUnknown: true}, &out); err != nil {
		t.Errorf("a template without a name: %v", err)
	}
	for _, none := range []*overhead.Daemons{nil, {}} {
		if err := none.OnNode(overhead.Input{Node: node}, &out); err != nil || len(out.Daemons) != 0 || out.Run.Pods != 0 {
			t.Errorf("OnNode of no DaemonSets = %+v, %v", out.Daemons, err)
		}
	}
}

// TestTooManyStates: what cannot be tried is not claimed.
func TestTooManyStates(t *testing.T) {
	var terms []corev1.NodeSelectorTerm
	in := overhead.Input{Node: bareNode("n")}
	// Each of 13 labels matters: a conjunction of pairs, none of which can be left out.
	for _, key := range strings.Split("abcdefghijklm", "") {
		in.LateLabels = append(in.LateLabels, key)
		terms = append(terms, corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: key, Operator: corev1.NodeSelectorOpExists}}})
	}
	last := corev1.NodeSelectorTerm{}
	for _, key := range in.LateLabels {
		last.MatchExpressions = append(last.MatchExpressions, corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpDoesNotExist})
	}
	everywhere := daemonSet("everywhere", corev1.PodSpec{Affinity: required(append(terms, last)...)})
	daemons := compile(t, []*appsv1.DaemonSet{everywhere}, overhead.Options{})
	out := onNode(t, daemons, in)
	explanation, err := daemons.Explain(0, in)
	if out.Daemons[0].Verdict != overhead.VerdictCannotTell || err != nil || len(explanation.DependsOn) != 13 {
		t.Errorf("OnNode = %v, Explain = %v, %v, want that it cannot tell, because of all labels", out.Daemons[0], explanation, err)
	}
	in.LateLabels = in.LateLabels[:12] // The last label is missing.
	if v := onNode(t, daemons, in).Daemons[0].Verdict; v != overhead.VerdictRuns {
		t.Errorf("with 4096 states: %v, want that it runs", v)
	}
}

// TestManySelectorEntries: entries of a node selector are decided one by one, however many of
// their labels are unknown.
func TestManySelectorEntries(t *testing.T) {
	selector := map[string]string{"disk": "ssd"}
	var late []string
	var pool overhead.Pool
	for i := range 40 {
		late = append(late, fmt.Sprintf("k%02d", i))
		selector[late[i]] = "v"
	}
	var term corev1.NodeSelectorTerm
	for i := range 13 { // These states are too many to try.
		late = append(late, fmt.Sprintf("m%02d", i))
		term.MatchExpressions = append(term.MatchExpressions, corev1.NodeSelectorRequirement{Key: late[len(late)-1], Operator: corev1.NodeSelectorOpDoesNotExist})
	}
	hdd := bareNode("n")
	hdd.Labels = map[string]string{"disk": "hdd"}
	ssd := hdd.DeepCopy()
	ssd.Labels["disk"] = "ssd"
	daemons := compile(t, []*appsv1.DaemonSet{daemonSet("a", corev1.PodSpec{NodeSelector: selector, Affinity: required(term)})}, overhead.Options{})
	for want, node := range map[overhead.Verdict]*corev1.Node{overhead.VerdictDoesNotRun: hdd, overhead.VerdictCannotTell: ssd} {
		in := overhead.Input{Node: node, LateLabels: late}
		e, err := daemons.Explain(0, in)
		if v := onNode(t, daemons, in).Daemons[0].Verdict; v != want || err != nil || e.Verdict != want {
			t.Errorf("disk=%s: OnNode = %v, Explain = %v, %v, want %v", node.Labels["disk"], v, e, err, want)
		}
	}
	e, err := daemons.Explain(0, overhead.Input{Node: hdd, LateLabels: late})
	if want := "kube-system/a on n: does not run: nodeSelector disk=ssd, node has disk=hdd"; err != nil || e.String() != want {
		t.Errorf("Explain = %v, %v, want %s", e, err, want)
	}
	for want, value := range map[overhead.Presence]string{overhead.PresenceNever: "hdd", overhead.PresenceSometimes: "ssd"} {
		pool.Requirements = []corev1.NodeSelectorRequirement{{Key: "disk", Operator: corev1.NodeSelectorOpIn, Values: []string{value}}}
		out, err := daemons.InPool(pool)
		if err != nil || out.Daemons[0].Presence != want || want == overhead.PresenceNever && len(out.Daemons[0].Requirements) != 1 {
			t.Errorf("disk=%s: InPool = %v, %v, want %v", value, out.Daemons, err, want)
		}
	}
	pool.Requirements[0].Values = []string{"ssd"}
	for _, key := range late {
		r := corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{"v"}}
		if key[0] == 'm' {
			r.Operator, r.Values = corev1.NodeSelectorOpDoesNotExist, nil
		}
		pool.Requirements = append(pool.Requirements, r)
	}
	if out, err := daemons.InPool(pool); err != nil || out.Daemons[0].Presence != overhead.PresenceAlways {
		t.Errorf("with all labels, InPool = %v, %v, want always", out.Daemons, err)
	}
}

// TestManyStatesAndTaint: a startup taint that is not tolerated counts however many states there
// are.
func TestManyStatesAndTaint(t *testing.T) {
	starting := []corev1.Taint{{Key: "starting", Effect: corev1.TaintEffectNoSchedule}, {Key: "tolerated", Effect: corev1.TaintEffectNoSchedule}}
	for _, labels := range []int{12, 13} {
		var term corev1.NodeSelectorTerm
		in := overhead.Input{Node: bareNode("n"), StartupTaints: starting}
		for i := range labels {
			in.LateLabels = append(in.LateLabels, fmt.Sprintf("k%02d", i))
			term.MatchExpressions = append(term.MatchExpressions, corev1.NodeSelectorRequirement{Key: in.LateLabels[i], Operator: corev1.NodeSelectorOpNotIn, Values: []string{"v"}})
		}
		spec := corev1.PodSpec{Affinity: required(term), Tolerations: []corev1.Toleration{{Key: "tolerated", Operator: corev1.TolerationOpExists}}}
		e, err := compile(t, []*appsv1.DaemonSet{daemonSet("a", spec)}, overhead.Options{}).Explain(0, in)
		if err != nil || len(e.DependsOn) != labels+1 || e.DependsOn[labels].Taint.Key != "starting" {
			t.Errorf("%d labels: Explain = %v, %v, want that it depends on the first taint, too", labels, e, err)
		}
	}
}

// TestCountlessStates: more states than an int can count are too many to try, and no more.
func TestCountlessStates(t *testing.T) {
	for _, tc := range []struct {
		name           string
		labels, values int
	}{{"2^64", 64, 1}, {"4^32", 32, 3}, {"3^80", 80, 2}} {
		var term corev1.NodeSelectorTerm
		in := overhead.Input{Node: bareNode("n")}
		for i := range tc.labels {
			r := corev1.NodeSelectorRequirement{Key: fmt.Sprintf("k%02d", i), Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}}
			in.LateLabels = append(in.LateLabels, r.Key)
			term.MatchExpressions = append(term.MatchExpressions, r)
			for v := 1; v < tc.values; v++ { // Each is told apart from the others.
				other := r
				other.Operator, other.Values = corev1.NodeSelectorOpNotIn, []string{strings.Repeat("b", v)}
				term.MatchExpressions = append(term.MatchExpressions, other)
			}
		}
		daemons := compile(t, []*appsv1.DaemonSet{daemonSet("a", corev1.PodSpec{Affinity: required(term)})}, overhead.Options{})
		e, err := daemons.Explain(0, in)
		if err != nil || e.Verdict != overhead.VerdictCannotTell || len(e.DependsOn) != tc.labels {
			t.Errorf("%s: Explain = %v, %v, want that it depends on all labels", tc.name, e, err)
		}
		pool, err := daemons.InPool(overhead.Pool{})
		if err != nil || pool.Daemons[0].Presence != overhead.PresenceSometimes || len(pool.Daemons[0].DependsOn) != tc.labels {
			t.Errorf("%s: InPool = %v, %v, want that it depends on all labels", tc.name, pool.Daemons, err)
		}
	}
}

// TestImpossible: no node will ever have such a label or name.
func TestImpossible(t *testing.T) {
	byLabel := daemonSet("label", corev1.PodSpec{NodeSelector: map[string]string{"zone": "not a value"}})
	byName := daemonSet("name", corev1.PodSpec{NodeName: "Not A Name"})
	cores := func(op corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorRequirement {
		return corev1.NodeSelectorRequirement{Key: "cores", Operator: op, Values: values}
	}
	negative := daemonSet("negative", corev1.PodSpec{Affinity: required(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{cores("Lt", "0")}})})
	five := daemonSet("five", corev1.PodSpec{Affinity: required(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{cores("Gt", "4"), cores("Lt", "6"), cores("NotIn", "5")}})})
	daemons := compile(t, []*appsv1.DaemonSet{byLabel, byName, negative, five}, overhead.Options{})
	in := overhead.Input{Node: bareNode("n"), NameUnknown: true, LateLabels: []string{"zone", "cores"}}
	want := []overhead.Verdict{overhead.VerdictCannotTell, overhead.VerdictDoesNotRun, overhead.VerdictDoesNotRun, overhead.VerdictDoesNotRun}
	for i, n := range onNode(t, daemons, in).Daemons { // "05" is five and not "5"
		if n.Verdict != want[i] {
			t.Errorf("%s: %v, want %v", daemons.List()[i].DaemonSet.Name, n.Verdict, want[i])
		}
	}
}

// TestReason: what is known keeps the pod away, and is named.
func TestReason(t *testing.T) {
	exists := func(key string) corev1.NodeSelectorRequirement {
		return corev1.NodeSelectorRequirement{Key: key, Operator: corev1.NodeSelectorOpExists}
	}
	named := func(names ...string) []corev1.NodeSelectorRequirement {
		return []corev1.NodeSelectorRequirement{{Key: "metadata.name", Operator: corev1.NodeSelectorOpIn, Values: names}}
	}
	zone := corev1.NodeSelectorRequirement{Key: "cloud/zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}}
	for _, tc := range []struct {
		name, want string
		spec       corev1.PodSpec
	}{
		{"selector", "nodeSelector disk=ssd, node has no label disk", corev1.PodSpec{NodeSelector: map[string]string{"cloud/zone": "a", "disk": "ssd"}}},
		{"name", "nodeSelector disk=ssd, node has no label disk", corev1.PodSpec{NodeName: "n7", NodeSelector: map[string]string{"disk": "ssd"}}},
		{"hostname", "node affinity: nodeSelectorTerms[0].matchExpressions[0] gpu Exists, node has no label gpu",
			corev1.PodSpec{NodeSelector: map[string]string{corev1.LabelHostname: "h1"}, Affinity: required(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{exists("gpu")}})}},
		{"each term", "node affinity: nodeSelectorTerms[0].matchExpressions[1] gpu Exists, node has no label gpu; nodeSelectorTerms[1].matchExpressions[1] disk Exists, node has no label disk",
			corev1.PodSpec{Affinity: required(
				corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{zone, exists("gpu")}},
				corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "cloud/zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"b"}}, exists("disk")}},
			)}},
		{"impossible name", "node affinity: nodeSelectorTerms[0].matchFields[0] metadata.name In [Bad_Name], node has no field metadata.name",
			corev1.PodSpec{Affinity: required(corev1.NodeSelectorTerm{MatchFields: named("Bad_Name")})}},
		{"taint", "untolerated taint gpu:NoSchedule", corev1.PodSpec{NodeSelector: map[string]string{"cloud/zone": "a"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := overhead.Input{Node: bareNode("template"), NameUnknown: true, LateLabels: []string{"cloud/zone"}}
			if tc.name == "taint" {
				in.Node.Spec.Taints = []corev1.Taint{{Key: "gpu", Effect: corev1.TaintEffectNoSchedule}}
			}
			e, err := compile(t, []*appsv1.DaemonSet{daemonSet("a", tc.spec)}, overhead.Options{}).Explain(0, in)
			if want := "kube-system/a on template: does not run: " + tc.want; err != nil || e.String() != want {
				t.Errorf("Explain = %q, %v, want %q", e, err, want)
			}
			if tc.name == "taint" && e.Placement.Taint == &in.Node.Spec.Taints[0] {
				t.Error("the taint is the node's own, want a copy")
			}
		})
	}
}

// TestPlacementOptions: the feature gates of placement count.
func TestPlacementOptions(t *testing.T) {
	ds := daemonSet("a", corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: "level", Operator: corev1.TolerationOpGt, Value: "3"}}})
	node := bareNode("n")
	node.Spec.Taints = []corev1.Taint{{Key: "level", Value: "5", Effect: corev1.TaintEffectNoSchedule}}
	for gate, want := range map[bool]overhead.Verdict{false: overhead.VerdictDoesNotRun, true: overhead.VerdictRuns} {
		daemons := compile(t, []*appsv1.DaemonSet{ds}, overhead.Options{Placement: placement.Options{ComparisonOperators: gate}})
		if got := onNode(t, daemons, overhead.Input{Node: node}).Daemons[0].Verdict; got != want {
			t.Errorf("ComparisonOperators %v: %v, want %v", gate, got, want)
		}
	}
}

// TestRefusedElsewhere: pods that are refused do not run anyway where nothing wants them.
func TestRefusedElsewhere(t *testing.T) {
	spec := corev1.PodSpec{Priority: new(int32(7)), NodeSelector: map[string]string{"disk": "ssd"}}
	daemons := compile(t, []*appsv1.DaemonSet{daemonSet("a", spec)}, overhead.Options{PriorityClasses: []*schedulingv1.PriorityClass{}})
	in := overhead.Input{Node: bareNode("n")}
	if v := onNode(t, daemons, in).Daemons[0].Verdict; v != overhead.VerdictDoesNotRun {
		t.Errorf("OnNode = %v, want that it does not run", v)
	}
	if e, err := daemons.Explain(0, in); err != nil || e.Verdict != overhead.VerdictDoesNotRun || e.Refused != nil {
		t.Errorf("Explain = %v, %v, want that it does not run", e, err)
	}
	pool, err := daemons.InPool(overhead.Pool{Requirements: []corev1.NodeSelectorRequirement{{Key: "disk", Operator: corev1.NodeSelectorOpDoesNotExist}}})
	if err != nil || pool.Daemons[0].Presence != overhead.PresenceNever {
		t.Errorf("InPool = %v, %v, want never", pool.Daemons[0], err)
	}
	in.LateLabels = []string{"disk"}
	if out := onNode(t, daemons, in); out.Daemons[0].Verdict != overhead.VerdictRefused || out.AtMost.Pods != 0 {
		t.Errorf("OnNode = %v, at most %v, want refused, because it may run", out.Daemons[0].Verdict, out.AtMost)
	}
}

// TestCopies: what answers say is the caller's own.
func TestCopies(t *testing.T) {
	now := metav1.Now()
	taint := corev1.Taint{Key: "k", Effect: corev1.TaintEffectNoExecute, TimeAdded: &now}
	labelled := daemonSet("b", corev1.PodSpec{Affinity: required(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}}}})})
	daemons := compile(t, []*appsv1.DaemonSet{requesting("a"), labelled}, overhead.Options{})
	node := bareNode("n")
	node.Spec.Taints = []corev1.Taint{taint}
	e, err := daemons.Explain(0, overhead.Input{Node: node})
	if err != nil || e.Placement.Taint.TimeAdded == &now || e.Placement.NoExecuteTaint.TimeAdded == &now {
		t.Errorf("Explain shares its taints with the node: %v, %v", e, err)
	}
	if e, err = daemons.Explain(0, overhead.Input{Node: node, StartupTaints: node.Spec.Taints}); err != nil || e.DependsOn[0].Taint.TimeAdded == &now {
		t.Errorf("Explain shares the taint of a fact: %v, %v", e, err)
	}
	pool := overhead.Pool{Taints: []corev1.Taint{taint}, Requirements: []corev1.NodeSelectorRequirement{{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"b"}}}}
	out, err := daemons.InPool(pool)
	if err != nil {
		t.Fatal(err)
	}
	out.Daemons[1].Requirements[0].Values[0] = "changed"
	if out.Daemons[0].Taint.TimeAdded == &now || pool.Requirements[0].Values[0] != "b" {
		t.Errorf("InPool shares with the pool: %v", out.Daemons)
	}
}

// TestStartupTaints: which of them the node has, and what they keep away.
func TestStartupTaints(t *testing.T) {
	tolerating := func(value string) *appsv1.DaemonSet {
		return daemonSet("agent", corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: "k", Value: value}}, Containers: []corev1.Container{container("cpu", "1")}})
	}
	taint := func(value string, effect corev1.TaintEffect) corev1.Taint {
		return corev1.Taint{Key: "k", Value: value, Effect: effect}
	}
	const no, execute = corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute
	for _, tc := range []struct {
		name, why       string
		ds              *appsv1.DaemonSet
		taints, startup []corev1.Taint
		want            string
	}{
		{"two of one key and effect", "both are there at first", tolerating("v1"), []corev1.Taint{taint("v1", no), taint("v2", no)}, []corev1.Taint{taint("", no)}, "cannot tell: depends on startup taint k=v2:NoSchedule"},
		{"listed twice", "it is one", requesting("agent"), nil, []corev1.Taint{taint("", no), taint("", no)}, "cannot tell: depends on startup taint k:NoSchedule"},
		{"listed with two values", "the node may have either", tolerating("v1"), nil, []corev1.Taint{taint("v1", no), taint("v2", no)}, "cannot tell: depends on startup taint k=v2:NoSchedule"},
		{"any effect, there", "each is one", requesting("agent"), []corev1.Taint{taint("v1", execute)}, []corev1.Taint{taint("", "")}, "cannot tell: depends on startup taint k=v1:NoExecute"},
		{"any effect, not there", "it may be either", requesting("agent"), nil, []corev1.Taint{taint("", "")}, "cannot tell: depends on startup taint k:NoSchedule, startup taint k:NoExecute"},
		{"another effect", "it stays", requesting("agent"), []corev1.Taint{taint("", execute)}, []corev1.Taint{taint("", no)}, "does not run: untolerated taint k:NoExecute"},
		{"tolerated", "by its value on the node", tolerating("v1"), []corev1.Taint{taint("v1", no)}, []corev1.Taint{taint("v2", no)}, "should run"},
	} {
		in := overhead.Input{Node: bareNode("n"), StartupTaints: tc.startup}
		in.Node.Spec.Taints = tc.taints
		e, err := compile(t, []*appsv1.DaemonSet{tc.ds}, overhead.Options{}).Explain(0, in)
		if want := "kube-system/agent on n: " + tc.want; err != nil || e.String() != want {
			t.Errorf("%s: Explain = %q, %v, want %q: %s", tc.name, e, err, want, tc.why)
		}
		for i := range e.DependsOn {
			if len(tc.taints) > 0 && &e.DependsOn[i].Taint == &tc.taints[0] {
				t.Errorf("%s: the fact shares the taint with the node", tc.name)
			}
		}
	}
}

// TestStarted: startup taints are gone, and nothing else is known.
func TestStarted(t *testing.T) {
	at := func(name, key, value, cpu string) *appsv1.DaemonSet {
		ds := requesting(name, "cpu", cpu)
		ds.Spec.Template.Spec.NodeSelector = map[string]string{key: value}
		return ds
	}
	everywhere := at("zoned", "zone", "a", "1")
	everywhere.Spec.Template.Spec.NodeSelector = nil
	everywhere.Spec.Template.Spec.Affinity = required(
		corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "zone", Operator: corev1.NodeSelectorOpExists}}},
		corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "zone", Operator: corev1.NodeSelectorOpDoesNotExist}}},
	)
	outside := requesting("outside", "cpu", "5") // It runs on the template, without a zone.
	outside.Spec.Template.Spec.Affinity = required(corev1.NodeSelectorTerm{MatchExpressions: []corev1.NodeSelectorRequirement{{Key: "zone", Operator: corev1.NodeSelectorOpDoesNotExist}}})
	network := requesting("network", "cpu", "10m")
	network.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
	daemons := compile(t, []*appsv1.DaemonSet{
		requesting("logs", "cpu", "100m"), network, everywhere, outside, at("host", corev1.LabelHostname, "h1", "3"), at("za", "zone", "a", "1"), at("zb", "zone", "b", "1"), at("disk", "disk", "ssd", "9"),
	}, overhead.Options{})
	out := onNode(t, daemons, overhead.Input{Node: bareNode("t"), NameUnknown: true, LateLabels: []string{"zone"}, StartupTaints: []corev1.Taint{{Key: "starting", Effect: corev1.TaintEffectNoExecute}}})
	for _, tc := range []struct {
		what string
		got  overhead.Total
		want string
	}{{"Run", out.Run, "1 pod, cpu 10m"}, {"Started", out.Started, "3 pods, cpu 1110m"}, {"AtMost", out.AtMost, "7 pods, cpu 11110m"}} {
		if tc.got.String() != tc.want {
			t.Errorf("%s = %v, want %s", tc.what, tc.got, tc.want)
		}
	}
	if out = onNode(t, daemons, overhead.Input{Node: bareNode("t")}); !out.Started.Equal(out.Run) {
		t.Errorf("Started = %v, Run = %v, want the same without startup taints", out.Started, out.Run)
	}
}

// TestClone: what is kept does not change with the next node.
func TestClone(t *testing.T) {
	elsewhere := requesting("b", "cpu", "2")
	elsewhere.Spec.Template.Spec.NodeSelector = map[string]string{"x": "y"}
	daemons := compile(t, []*appsv1.DaemonSet{requesting("a", "cpu", "1"), elsewhere}, overhead.Options{})
	node := bareNode("n")
	node.Labels = map[string]string{"x": "y"}
	node.Status.Allocatable = amounts("cpu", "1", "pods", "9")
	out := onNode(t, daemons, overhead.Input{Node: node})
	want, sum := onNode(t, daemons, overhead.Input{Node: node}), out.Run.Clone()
	kept := out.Clone()
	if err := daemons.OnNode(overhead.Input{Node: bareNode("m")}, out); err != nil {
		t.Fatal(err)
	}
	if !kept.Equal(*want) || !sum.Equal(want.Run) || out.Equal(*want) {
		t.Errorf("kept %v and %+v, want %v and %+v", sum, kept, want.Run, want)
	}
}

// TestLetsGo: a result keeps nothing of its input alive.
func TestLetsGo(t *testing.T) {
	daemons := compile(t, []*appsv1.DaemonSet{requesting("a", "cpu", "1")}, overhead.Options{})
	var out overhead.NodeOverhead
	ask := func(labels map[string]string, pods int) (nodes []weak.Pointer[corev1.Node], kept []weak.Pointer[corev1.Pod]) {
		node := bareNode("n")
		node.Labels = labels
		in := overhead.Input{Node: node, StartupTaints: []corev1.Taint{{Key: "starting", TimeAdded: &metav1.Time{}}}}
		for range pods {
			in.Pods = append(in.Pods, &corev1.Pod{Spec: corev1.PodSpec{NodeName: "n"}})
			kept = append(kept, weak.Make(in.Pods[len(in.Pods)-1]))
		}
		if err := daemons.OnNode(in, &out); err != nil {
			t.Fatal(err)
		}
		return append(nodes, weak.Make(node)), kept
	}
	nodes, pods := ask(map[string]string{"a": "b"}, 3)
	more, others := ask(nil, 1)
	nodes, pods = append(nodes, more...), append(pods, others...)
	runtime.GC()
	runtime.GC()
	for i := range nodes {
		if nodes[i].Value() != nil {
			t.Errorf("node %d is kept", i)
		}
	}
	for i := range pods {
		if pods[i].Value() != nil {
			t.Errorf("pod %d is kept", i)
		}
	}
	runtime.KeepAlive(&out)
}

// TestPod: the pod as the API server has it, with and without a hash.
func TestPod(t *testing.T) {
	ds := daemonSet("agent", corev1.PodSpec{
		HostNetwork: true, PriorityClassName: "system-node-critical",
		Containers: []corev1.Container{{Name: "main", Ports: []corev1.ContainerPort{{ContainerPort: 80}}, Resources: corev1.ResourceRequirements{Limits: amounts("cpu", "1")}}},
	})
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	daemons := compile(t, []*appsv1.DaemonSet{ds}, overhead.Options{})
	before := ds.DeepCopy()
	want := daemon.NewPod(ds, "n1", "hash")
	want.Spec.Priority, want.Spec.PreemptionPolicy = new(int32(2_000_001_000)), new(corev1.PreemptLowerPriority)
	want.Spec.Containers[0].Resources.Requests = amounts("cpu", "1")
	want.Spec.Containers[0].Ports[0].HostPort = 80
	if diff := gocmp.Diff(want, daemons.Pod(0, "n1", "hash")); diff != "" {
		t.Errorf("Pod (-want +got):\n%s", diff)
	}
	delete(want.Labels, appsv1.DefaultDaemonSetUniqueLabelKey)
	pod := daemons.Pod(0, "n1", "")
	if diff := gocmp.Diff(want, pod); diff != "" {
		t.Errorf("Pod without a hash (-want +got):\n%s", diff)
	}
	pod.Spec.Containers[0].Resources.Requests["cpu"] = resource.MustParse("7")
	pod.Spec.Containers[0].Ports[0].HostPort = 9
	if diff := gocmp.Diff(want, daemons.Pod(0, "n1", "")); diff != "" || !equality.Semantic.DeepEqual(before, ds) {
		t.Errorf("a pod shares with the next, or with the DaemonSet (-want +got):\n%s", diff)
	}
	ds.Spec.Template.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "own"
	if got := daemons.Pod(0, "n1", "").Labels[appsv1.DefaultDaemonSetUniqueLabelKey]; got != "own" {
		t.Errorf("the template's own hash label = %q", got)
	}
	if daemons.Pod(0, "", "") != nil || daemons.Pod(1, "n1", "") != nil || daemons.Pod(-1, "n1", "") != nil {
		t.Error("Pod without a node, or without a DaemonSet, is not nil")
	}
}

// TestPodTolerations: a toleration of the pod or of its RuntimeClass that tolerates no more than
// another one is left out. Nobody compares the bounds of Gt and Lt.
func TestPodTolerations(t *testing.T) {
	is := func(op corev1.TolerationOperator, value string) corev1.Toleration {
		return corev1.Toleration{Key: "k", Operator: op, Value: value}
	}
	during := func(t corev1.Toleration, effect corev1.TaintEffect) corev1.Toleration {
		t.Effect = effect
		return t
	}
	seconds := func(n int64) corev1.Toleration {
		return corev1.Toleration{Key: "k", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &n}
	}
	const gt, lt, equal, exists = corev1.TolerationOpGt, corev1.TolerationOpLt, corev1.TolerationOpEqual, corev1.TolerationOpExists
	for _, tc := range []struct {
		name, why string
		pod, and  corev1.Toleration
		want      string // "pod", "class" or "both"
	}{
		{"same", "the first stays", is(equal, "1"), is(equal, "1"), "pod"},
		{"Exists", "tolerates every value", is(exists, ""), is(equal, "1"), "pod"},
		{"Exists of the class", "tolerates every value", is(equal, "1"), is(exists, ""), "class"},
		{"Exists and Gt", "tolerates every value", is(gt, "1"), is(exists, ""), "class"},
		{"values", "they differ", is(equal, "1"), is(equal, "2"), "both"},
		{"no operator", "means Equal in the one that tolerates more", is("", "1"), is(equal, "1"), "pod"},
		{"no operator in the other", "upstream does not see that it means Equal", is(equal, "1"), is("", "1"), "class"},
		{"Gt of two bounds", "upstream does not compare them", is(gt, "3"), is(gt, "5"), "both"},
		{"Lt of two bounds", "upstream does not compare them", is(lt, "5"), is(lt, "3"), "both"},
		{"Gt and Equal of one value", "another operator", is(gt, "3"), is(equal, "3"), "both"},
		{"Equal and Gt of one value", "another operator", is(equal, "3"), is(gt, "3"), "both"},
		{"Gt twice", "the first of two that are the same stays", is(gt, "3"), is(gt, "3"), "pod"},
		{"effect", "no effect means each", is(exists, ""), during(is(exists, ""), corev1.TaintEffectNoSchedule), "pod"},
		{"another effect", "they differ", during(is(exists, ""), corev1.TaintEffectNoExecute), during(is(exists, ""), corev1.TaintEffectNoSchedule), "both"},
		{"shorter", "the longer one tolerates more", seconds(1), seconds(2), "class"},
		{"for ever", "tolerates more than for a while", seconds(1), during(is(exists, ""), corev1.TaintEffectNoExecute), "class"},
		{"another key", "they differ", is(exists, ""), corev1.Toleration{Key: "l", Operator: exists}, "both"},
		{"every key", "tolerates more", is(equal, "1"), corev1.Toleration{Operator: exists}, "class"},
	} {
		class := &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "kata"}, Scheduling: &nodev1.Scheduling{Tolerations: []corev1.Toleration{tc.and}}}
		ds := daemonSet("agent", corev1.PodSpec{RuntimeClassName: new("kata"), Tolerations: []corev1.Toleration{tc.pod}})
		pod := compile(t, []*appsv1.DaemonSet{ds}, overhead.Options{RuntimeClasses: []*nodev1.RuntimeClass{class}}).Pod(0, "n", "")
		got := slices.DeleteFunc(pod.Spec.Tolerations, func(t corev1.Toleration) bool { return strings.HasPrefix(t.Key, "node.kubernetes.io/") })
		want := map[string][]corev1.Toleration{"pod": {tc.pod}, "class": {tc.and}, "both": {tc.pod, tc.and}}[tc.want]
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("%s: tolerations, want that of %s: %s (-want +got):\n%s", tc.name, tc.want, tc.why, diff)
		}
	}
}

// TestPodOfClasses: what a PriorityClass and a RuntimeClass add.
func TestPodOfClasses(t *testing.T) {
	kata := &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "kata"}, Overhead: &nodev1.Overhead{PodFixed: amounts("memory", "1Mi")}}
	kata.Scheduling = &nodev1.Scheduling{NodeSelector: map[string]string{"kata": "yes"}, Tolerations: []corev1.Toleration{{Key: "kata", Operator: corev1.TolerationOpExists}}}
	opts := overhead.Options{RuntimeClasses: []*nodev1.RuntimeClass{kata}, PriorityClasses: []*schedulingv1.PriorityClass{
		{ObjectMeta: metav1.ObjectMeta{Name: "default"}, Value: 4, GlobalDefault: true, PreemptionPolicy: new(corev1.PreemptNever)},
	}}
	ds := daemonSet("agent", corev1.PodSpec{
		RuntimeClassName: new("kata"), NodeSelector: map[string]string{"disk": "ssd"},
		InitContainers: []corev1.Container{{Name: "init", Resources: corev1.ResourceRequirements{Limits: amounts("cpu", "2")}}},
		Containers:     []corev1.Container{container("cpu", "1")},
	})
	before := ds.DeepCopy()
	daemons := compile(t, []*appsv1.DaemonSet{ds}, opts)
	want := daemon.NewPod(ds, "n1", "hash")
	want.Spec.Overhead = amounts("memory", "1Mi")
	want.Spec.NodeSelector = map[string]string{"disk": "ssd", "kata": "yes"}
	want.Spec.Tolerations = append(want.Spec.Tolerations, kata.Scheduling.Tolerations...)
	want.Spec.PriorityClassName, want.Spec.Priority, want.Spec.PreemptionPolicy = "default", new(int32(4)), new(corev1.PreemptNever)
	want.Spec.InitContainers[0].Resources.Requests = amounts("cpu", "2")
	compiled := kata.DeepCopy()
	kata.Overhead.PodFixed["memory"] = resource.MustParse("7")
	kata.Scheduling.Tolerations[0].Key, kata.Scheduling.NodeSelector["kata"] = "changed", "changed"
	*opts.PriorityClasses[0].PreemptionPolicy = "changed" // Nothing of a class is kept.
	for range 2 {
		pod := daemons.Pod(0, "n1", "hash")
		if diff := gocmp.Diff(want, pod); diff != "" || !equality.Semantic.DeepEqual(before, ds) {
			t.Errorf("Pod (-want +got):\n%s", diff)
		}
		// It is the caller's own.
		pod.Spec.Overhead["memory"], pod.Spec.NodeSelector["kata"], *pod.Spec.PreemptionPolicy = resource.MustParse("9"), "no", "x"
	}
	*kata, *opts.PriorityClasses[0].PreemptionPolicy = *compiled, corev1.PreemptNever
	ds.Spec.Template.Spec.NodeSelector["kata"] = "no"
	if refused := compile(t, []*appsv1.DaemonSet{ds}, opts).List()[0].Refused; len(refused) != 1 || refused[0].Field != "spec.template.spec.nodeSelector[kata]" {
		t.Errorf("Refused = %v, want the node selector", refused)
	}
}

// TestSaturate: sums end at the largest number.
func TestSaturate(t *testing.T) {
	huge := []string{"cpu", "9E", "memory", "7E"}
	daemons := compile(t, []*appsv1.DaemonSet{requesting("a", huge...), requesting("b", huge...)}, overhead.Options{})
	node := bareNode("n")
	node.Status.Allocatable = amounts("cpu", "1", "pods", "1")
	pod := podOf(requesting("c"), "n", huge...)
	out := onNode(t, daemons, overhead.Input{Node: node, Pods: []*corev1.Pod{pod, pod}})
	cpu, memory := out.Run.Request("cpu"), out.Run.Request("memory")
	if cpu.MilliValue() != math.MaxInt64 || memory.Value() != math.MaxInt64 || out.Shortages[0].Free != 0 {
		t.Errorf("Run = %v, shortages %+v", out.Run, out.Shortages)
	}
}

// TestRuntimeClassLabels: the controller does not see them, and the scheduler does.
func TestRuntimeClassLabels(t *testing.T) {
	class := &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: "kata"}, Scheduling: &nodev1.Scheduling{NodeSelector: map[string]string{"runtime": "kata", "disk": "ssd"}}}
	sandboxed := requesting("a-sandboxed", "cpu", "1")
	sandboxed.Spec.Template.Spec.RuntimeClassName = new("kata")
	daemons := compile(t, []*appsv1.DaemonSet{sandboxed, requesting("b", "cpu", "1")}, overhead.Options{RuntimeClasses: []*nodev1.RuntimeClass{class}})
	node := func(labels map[string]string) *corev1.Node {
		n := bareNode("n")
		n.Labels, n.Status.Allocatable = labels, amounts("cpu", "1", "pods", "9")
		return n
	}
	runtime, disk := overhead.Mismatch{Daemon: 0, Label: "runtime", Value: "kata"}, overhead.Mismatch{Daemon: 0, Label: "disk", Value: "ssd"}
	for _, tc := range []struct {
		name, why string
		in        overhead.Input
		want      []overhead.Mismatch
		fits      [2]bool
	}{
		{"all labels", "the first takes the room", overhead.Input{Node: node(map[string]string{"runtime": "kata", "disk": "ssd"})}, nil, [2]bool{true, false}},
		{"no label", "what is pending takes no room", overhead.Input{Node: node(nil)}, []overhead.Mismatch{disk, runtime}, [2]bool{false, true}},
		{"another value", "it is not that of the class", overhead.Input{Node: node(map[string]string{"runtime": "runc", "disk": "ssd"})}, []overhead.Mismatch{runtime}, [2]bool{false, true}},
		{"late", "it may come with the right value", overhead.Input{Node: node(map[string]string{"disk": "ssd", "runtime": "runc"}), LateLabels: []string{"runtime"}}, nil, [2]bool{true, false}},
		{"there", "the scheduler does not ask again", overhead.Input{Node: node(nil), Pods: []*corev1.Pod{podOf(sandboxed, "n", "cpu", "1")}}, nil, [2]bool{true, false}},
	} {
		out := onNode(t, daemons, tc.in)
		if diff := gocmp.Diff(tc.want, slices.Clone(out.Mismatches)); diff != "" && len(tc.want)+len(out.Mismatches) > 0 || tc.fits != [2]bool{out.Daemons[0].Fits, out.Daemons[1].Fits} {
			t.Errorf("%s: Fits of %+v, want %v: %s; mismatches (-want +got):\n%s", tc.name, out.Daemons, tc.fits, tc.why, diff)
		}
		if out.Daemons[0].Verdict != overhead.VerdictRuns || out.Run.Pods != 2 {
			t.Errorf("%s: %v, %v, want that the controller creates both pods", tc.name, out.Daemons[0].Verdict, out.Run)
		}
	}
}

// TestReasonTexts: what people print about a pod that does not fit.
func TestReasonTexts(t *testing.T) {
	web := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: "web"}}
	port := overhead.HostPort{Protocol: corev1.ProtocolTCP, Number: 80}
	for want, got := range map[string]fmt.Stringer{
		"short of memory by 512Mi":            overhead.Shortage{Resource: "memory", Missing: 1 << 30, Free: 1 << 29},
		"short of cpu by 1500m":               overhead.Shortage{Resource: "cpu", Missing: 1500},
		"short of pods by 1":                  overhead.Shortage{Resource: "pods", Missing: 1},
		"port 80/TCP is that of pod team/web": overhead.PortConflict{Port: port, Pod: web},
		"port 80/TCP is also that of another DaemonSet, which comes first": overhead.PortConflict{Port: port},
		"port 80/TCP is also that of team/proxy, which comes first":        overhead.PortConflict{Port: port, OtherName: "team/proxy"},
		"the RuntimeClass asks for label runtime=kata":                     overhead.Mismatch{Label: "runtime", Value: "kata"},
	} {
		if got.String() != want {
			t.Errorf("String() = %q, want %q", got, want)
		}
	}
}

// TestDefaultClass: of several, the one with the lowest priority, then by name; and a class that
// is called like one of the system's replaces it.
func TestDefaultClass(t *testing.T) {
	class := func(name string, value int32) *schedulingv1.PriorityClass {
		return &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Value: value, GlobalDefault: name != "system-node-critical"}
	}
	classes := []*schedulingv1.PriorityClass{class("c", 3), class("b", 3), class("a", 4), class("system-node-critical", 5)}
	critical := requesting("critical")
	critical.Spec.Template.Spec.PriorityClassName = "system-node-critical"
	for range 2 {
		daemons := compile(t, []*appsv1.DaemonSet{requesting("plain"), critical}, overhead.Options{PriorityClasses: classes})
		if list := daemons.List(); list[0].Priority != 5 || list[1].Priority != 3 || daemons.Pod(1, "n", "").Spec.PriorityClassName != "b" {
			t.Errorf("priorities %d, %d, class %q, want 5, 3, b", list[0].Priority, list[1].Priority, daemons.Pod(1, "n", "").Spec.PriorityClassName)
		}
		slices.Reverse(classes)
	}
	// The class may be one that is not known.
	pod := compile(t, []*appsv1.DaemonSet{daemonSet("a", corev1.PodSpec{Priority: new(int32(7))})}, overhead.Options{}).Pod(0, "n", "")
	if p := pod.Spec.PreemptionPolicy; *pod.Spec.Priority != 7 || p == nil || *p != corev1.PreemptLowerPriority {
		t.Errorf("priority %d, preemption policy %v, want that of the template, and the default", *pod.Spec.Priority, p)
	}
}

// TestLateLabelOfNode: what a node says about a late label does not count.
func TestLateLabelOfNode(t *testing.T) {
	node := bareNode("n")
	node.Labels = map[string]string{"zone": "a"}
	zonal := daemonSet("zonal", corev1.PodSpec{NodeSelector: map[string]string{"zone": "a"}})
	n := onNode(t, compile(t, []*appsv1.DaemonSet{zonal}, overhead.Options{}), overhead.Input{Node: node, LateLabels: []string{"zone"}}).Daemons[0]
	if n.Verdict != overhead.VerdictCannotTell || n.Decision.Reason != placement.ReasonNodeSelector {
		t.Errorf("OnNode = %v, %v, want the decision before the label comes", n.Verdict, n.Decision)
	}
}

// TestPoolOtherLabels: those that no requirement mentions are not known, or not there. Then the
// one that decides has a name.
func TestPoolOtherLabels(t *testing.T) {
	asking := func(requirements ...corev1.NodeSelectorRequirement) *appsv1.DaemonSet {
		return daemonSet("agent", corev1.PodSpec{Affinity: required(corev1.NodeSelectorTerm{MatchExpressions: requirements})})
	}
	is := func(key string, op corev1.NodeSelectorOperator, values ...string) corev1.NodeSelectorRequirement {
		return corev1.NodeSelectorRequirement{Key: key, Operator: op, Values: values}
	}
	selecting := func(selector map[string]string) *appsv1.DaemonSet {
		return daemonSet("agent", corev1.PodSpec{NodeSelector: selector})
	}
	for _, tc := range []struct {
		name, why     string
		ds            *appsv1.DaemonSet
		known, absent string // without and with OtherLabelsAbsent
		labels        []string
	}{
		{"mentioned", "the requirement decides", asking(is("zone", "Exists")), "always: zone In [a]", "always: zone In [a]", nil},
		{"another", "no node has it", asking(is("disk", "Exists")), `on some nodes: depends on label "disk"`, `never: node affinity; the pool has no label "disk"`, []string{"disk"}},
		{"selector", "no node has it", selecting(map[string]string{"disk": "ssd"}), `on some nodes: depends on label "disk"`, `never: node selector; the pool has no label "disk"`, []string{"disk"}},
		{"must be missing", "it is missing", asking(is("gpu", "DoesNotExist")), `on some nodes: depends on label "gpu"`, `always: no label "gpu"`, []string{"gpu"}},
		{"two that must be missing", "both decide", asking(is("gpu", "DoesNotExist"), is("fpga", "NotIn", "x")), `on some nodes: depends on label "fpga", label "gpu"`, `always: no label "fpga", no label "gpu"`, []string{"fpga", "gpu"}},
		{"either of two", "one is enough, and it is the first", selecting(map[string]string{"disk": "ssd", "cores": "8"}), `on some nodes: depends on label "cores", label "disk"`, `never: node selector; the pool has no label "cores"`, []string{"cores"}},
		{"beside a requirement", "that is enough, and somebody has written it", selecting(map[string]string{"disk": "ssd", "zone": "b"}), "never: node selector; the pool has zone In [a]", "never: node selector; the pool has zone In [a]", nil},
		{"with a requirement", "the one needs the other", asking(is("zone", "In", "a"), is("gpu", "DoesNotExist")), `on some nodes: depends on label "gpu"`, `always: zone In [a], no label "gpu"`, []string{"gpu"}},
		{"asked for nothing", "no label decides", daemonSet("agent", corev1.PodSpec{}), "always", "always", nil},
	} {
		daemons := compile(t, []*appsv1.DaemonSet{tc.ds}, overhead.Options{})
		for absent, want := range map[bool]string{false: tc.known, true: tc.absent} {
			pool, err := daemons.InPool(overhead.Pool{OtherLabelsAbsent: absent, Requirements: []corev1.NodeSelectorRequirement{is("zone", "In", "a"), is("arch", "Exists")}})
			if err != nil {
				t.Fatal(err)
			}
			got := pool.Daemons[0]
			if want := "kube-system/agent: " + want; got.String() != want {
				t.Errorf("%s: InPool with OtherLabelsAbsent %v = %v, want %s: %s", tc.name, absent, got, want, tc.why)
			}
			if labels := tc.labels; !absent && got.AbsentLabels != nil || absent && gocmp.Diff(labels, got.AbsentLabels) != "" {
				t.Errorf("%s: AbsentLabels with OtherLabelsAbsent %v = %#v, want %#v", tc.name, absent, got.AbsentLabels, labels)
			}
		}
	}
}

// TestPoolHostname: that no other label is there says nothing about the name.
func TestPoolHostname(t *testing.T) {
	special := daemonSet("a", corev1.PodSpec{NodeSelector: map[string]string{corev1.LabelHostname: "special-1"}})
	pool, err := compile(t, []*appsv1.DaemonSet{special}, overhead.Options{}).InPool(overhead.Pool{OtherLabelsAbsent: true})
	if want := `kube-system/a: on some nodes: depends on label "kubernetes.io/hostname"`; err != nil || pool.Daemons[0].String() != want {
		t.Errorf("InPool = %v, %v, want %s", pool.Daemons, err, want)
	}
}

// TestPoolNever: the requirements are those of the pool.
func TestPoolNever(t *testing.T) {
	intel := daemonSet("a", corev1.PodSpec{NodeSelector: map[string]string{"arch": "amd64"}})
	pool, err := compile(t, []*appsv1.DaemonSet{intel}, overhead.Options{}).InPool(overhead.Pool{Requirements: []corev1.NodeSelectorRequirement{
		{Key: "arch", Operator: corev1.NodeSelectorOpIn, Values: []string{"arm64"}},
	}})
	if want := "kube-system/a: never: node selector; the pool has arch In [arm64]"; err != nil || pool.Daemons[0].String() != want {
		t.Errorf("InPool = %v, %v, want %s", pool.Daemons, err, want)
	}
}

// TestPoolAnswersAreOwn: DaemonSets that ask the same share no answer, and none with the pool.
func TestPoolAnswersAreOwn(t *testing.T) {
	now := metav1.Now()
	taint := corev1.Taint{Key: "k", Effect: corev1.TaintEffectNoSchedule, TimeAdded: &now}
	selector := corev1.PodSpec{NodeSelector: map[string]string{"zone": "a"}}
	daemons := compile(t, []*appsv1.DaemonSet{daemonSet("a", selector), daemonSet("b", selector)}, overhead.Options{})
	zone := corev1.NodeSelectorRequirement{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}}
	for name, pool := range map[string]overhead.Pool{
		"always":        {Requirements: []corev1.NodeSelectorRequirement{zone}},
		"sometimes":     {},
		"never":         {Taints: []corev1.Taint{taint}},
		"startup taint": {StartupTaints: []corev1.Taint{taint}},
	} {
		out, err := daemons.InPool(pool)
		if err != nil {
			t.Fatal(err)
		}
		a, b := &out.Daemons[0], &out.Daemons[1]
		if a.Name != "kube-system/a" || b.Name != "kube-system/b" {
			t.Errorf("%s: the answers are about %s and %s", name, a.Name, b.Name)
		}
		b.Name = a.Name
		if diff := gocmp.Diff(a, b); diff != "" {
			t.Errorf("%s: the answers differ (-a +b):\n%s", name, diff)
		}
		for i := range a.Requirements {
			if &a.Requirements[i] == &b.Requirements[i] || &a.Requirements[i].Values[0] == &b.Requirements[i].Values[0] || &a.Requirements[i].Values[0] == &zone.Values[0] {
				t.Errorf("%s: the answers share their requirements", name)
			}
		}
		if a.Taint != nil && (a.Taint == b.Taint || a.Taint.TimeAdded == b.Taint.TimeAdded || a.Taint.TimeAdded == &now) {
			t.Errorf("%s: the answers share their taint", name)
		}
		for i := range a.DependsOn {
			if &a.DependsOn[i] == &b.DependsOn[i] || a.DependsOn[i].Kind == overhead.FactStartupTaint && a.DependsOn[i].Taint.TimeAdded == b.DependsOn[i].Taint.TimeAdded {
				t.Errorf("%s: the answers share their facts", name)
			}
		}
	}
}

// TestPoolTaints: a taint decides, and startup taints make it depend.
func TestPoolTaints(t *testing.T) {
	daemons := compile(t, []*appsv1.DaemonSet{requesting("agent")}, overhead.Options{})
	gpu := corev1.Taint{Key: "gpu", Value: "true", Effect: corev1.TaintEffectNoSchedule}
	pool, err := daemons.InPool(overhead.Pool{Taints: []corev1.Taint{gpu}, Requirements: []corev1.NodeSelectorRequirement{{Key: "a", Operator: "Exists"}}})
	if err != nil {
		t.Fatal(err)
	}
	want := overhead.PoolDaemon{Name: "kube-system/agent", Presence: overhead.PresenceNever, Reason: placement.ReasonTaint, Taint: &gpu}
	if diff := gocmp.Diff(want, pool.Daemons[0]); diff != "" || pool.Daemons[0].String() != "kube-system/agent: never: untolerated taint gpu=true:NoSchedule" {
		t.Errorf("%v (-want +got):\n%s", pool.Daemons[0], diff)
	}
	pool, err = daemons.InPool(overhead.Pool{Taints: []corev1.Taint{gpu}, StartupTaints: []corev1.Taint{gpu}})
	if err != nil {
		t.Fatal(err)
	}
	want = overhead.PoolDaemon{Name: "kube-system/agent", Presence: overhead.PresenceSometimes, DependsOn: []overhead.Fact{{Kind: overhead.FactStartupTaint, Taint: gpu}}}
	if diff := gocmp.Diff(want, pool.Daemons[0]); diff != "" {
		t.Errorf("%v (-want +got):\n%s", pool.Daemons[0], diff)
	}
	if want := "always 0 pods; once started 1 pod; at most 1 pod"; pool.String() != want {
		t.Errorf("InPool with a startup taint = %v, want %s", pool, want)
	}
}

// TestPoolStarted: what runs after start-up everywhere, if only a startup taint keeps it away.
func TestPoolStarted(t *testing.T) {
	daemons := compile(t, []*appsv1.DaemonSet{
		requesting("anywhere", "cpu", "1"),
		daemonSet("tolerates", corev1.PodSpec{Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}}}),
		daemonSet("zonal", corev1.PodSpec{NodeSelector: map[string]string{"zone": "a"}}),
		daemonSet("unknown", corev1.PodSpec{NodeSelector: map[string]string{"disk": "ssd"}}),
		daemonSet("elsewhere", corev1.PodSpec{NodeSelector: map[string]string{"zone": "b"}}),
	}, overhead.Options{})
	starting, stays := corev1.Taint{Key: "starting", Effect: corev1.TaintEffectNoExecute}, corev1.Taint{Key: "gpu", Effect: corev1.TaintEffectNoSchedule}
	zone := []corev1.NodeSelectorRequirement{{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: []string{"a"}}}
	for name, tc := range map[string]struct {
		pool overhead.Pool
		want string
	}{
		"startup taint":            {overhead.Pool{Requirements: zone, StartupTaints: []corev1.Taint{starting}}, "always 1 pod; once started 3 pods, cpu 1; at most 4 pods, cpu 1"},
		"no startup taint":         {overhead.Pool{Requirements: zone}, "always 3 pods, cpu 1; at most 4 pods, cpu 1"},
		"one that is there":        {overhead.Pool{Requirements: zone, Taints: []corev1.Taint{starting}, StartupTaints: []corev1.Taint{starting}}, "always 1 pod; once started 3 pods, cpu 1; at most 4 pods, cpu 1"},
		"another taint that stays": {overhead.Pool{Requirements: zone, Taints: []corev1.Taint{stays}, StartupTaints: []corev1.Taint{starting}}, "always 1 pod"},
	} {
		if pool, err := daemons.InPool(tc.pool); err != nil || pool.String() != tc.want {
			t.Errorf("%s: InPool = %v, %v, want %s", name, pool, err, tc.want)
		}
	}
}
