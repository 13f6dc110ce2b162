package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	nodev1 "k8s.io/api/node/v1"
	schedulingv1 "k8s.io/api/scheduling/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/component-helpers/scheduling/corev1/nodeaffinity"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/apis/core"
	coreconversion "k8s.io/kubernetes/pkg/apis/core/v1"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	schedulingdefaults "k8s.io/kubernetes/pkg/apis/scheduling/v1"
	"k8s.io/kubernetes/plugin/pkg/admission/priority"
	"k8s.io/kubernetes/plugin/pkg/admission/runtimeclass"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/overhead"
	"github.com/pernode/daemonset/placement"
)

func (d dice) priorityClasses() []*schedulingv1.PriorityClass {
	classes := []*schedulingv1.PriorityClass{}
	for i, value := range d.Perm(6)[:d.IntN(4)] { // No two values are the same: the API server takes any default of those.
		class := &schedulingv1.PriorityClass{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("class-%d", i)}, Value: int32(value), GlobalDefault: d.in(3)}
		if d.in(3) {
			class.PreemptionPolicy = new(d.preemption())
		}
		classes = append(classes, class)
	}
	return classes
}

func (d dice) preemption() corev1.PreemptionPolicy {
	return corev1.PreemptionPolicy(d.one(string(corev1.PreemptNever), string(corev1.PreemptLowerPriority)))
}

func (d dice) runtimeClasses() []*nodev1.RuntimeClass {
	classes := []*nodev1.RuntimeClass{}
	for i := range 1 + d.IntN(2) {
		class := &nodev1.RuntimeClass{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("runtime-%d", i)}, Handler: "runc"}
		if d.in(2) {
			class.Overhead = &nodev1.Overhead{PodFixed: d.overhead()}
		}
		if !d.in(3) {
			class.Scheduling = &nodev1.Scheduling{NodeSelector: d.selector(), Tolerations: d.classTolerations()}
		}
		classes = append(classes, class)
	}
	return classes
}

func (d dice) overhead() corev1.ResourceList {
	if d.in(4) {
		return nil
	}
	return corev1.ResourceList{corev1.ResourceCPU: resource.MustParse(d.one("100m", "100m", "0.1", "200m"))}
}

func (d dice) selector() map[string]string {
	if d.in(3) {
		return nil
	}
	return map[string]string{d.one("disk", "zone"): d.one("a", "a", "b"), d.one("disk", "zone"): d.one("a", "a", "b")}
}

func (d dice) classTolerations() []corev1.Toleration {
	var list []corev1.Toleration
	for range d.IntN(4) {
		t := corev1.Toleration{
			Key: d.one("", "x", "x", "y", corev1.TaintNodeNotReady), Operator: corev1.TolerationOperator(d.one("", "Equal", "Equal", "Exists", "Exists", "Gt", "Lt")),
			Effect: corev1.TaintEffect(d.one("", "NoSchedule", "NoExecute", "NoExecute")),
		}
		if t.Operator != corev1.TolerationOpExists {
			t.Value = d.one("1", "2")
		}
		if d.in(2) {
			t.TolerationSeconds = new(int64(d.IntN(3)))
		}
		list = append(list, t)
	}
	return list
}

func (d dice) classSpec() corev1.PodSpec {
	tolerations := slices.DeleteFunc(d.classTolerations(), func(t corev1.Toleration) bool {
		var internal core.Toleration
		err := coreconversion.Convert_v1_Toleration_To_core_Toleration(&t, &internal, nil)
		return err != nil || len(corevalidation.ValidateTolerations([]core.Toleration{internal}, nil, corevalidation.PodValidationOptions{AllowTaintTolerationComparisonOperators: true})) > 0
	})
	spec := corev1.PodSpec{NodeSelector: d.selector(), Tolerations: tolerations, Containers: []corev1.Container{{Name: "main"}}}
	spec.PriorityClassName = d.one("", "", "", "class-0", "system-node-critical", "system-cluster-critical")
	if d.in(8) {
		spec.Priority = new([]int32{0, 1, 2, 3, 2_000_001_000}[d.IntN(5)])
	}
	if d.in(8) {
		spec.PreemptionPolicy = new(d.preemption())
	}
	if !d.in(3) {
		spec.RuntimeClassName = new(d.one("runtime-0", "runtime-0", "runtime-0", "runtime-1"))
	}
	if d.in(5) {
		spec.Overhead = d.overhead()
	}
	return spec
}

// admitted returns the pod as the admission plugins Priority and RuntimeClass leave it, or the
// error of the first that refuses it.
func admitted(t *testing.T, pod *corev1.Pod, priorities []*schedulingv1.PriorityClass, runtimes []*nodev1.RuntimeClass) (*corev1.Pod, error) {
	t.Helper()
	client := fake.NewClientset()
	factory := informers.NewSharedInformerFactory(client, 0)
	for _, class := range priorities {
		class = class.DeepCopy()
		schedulingdefaults.SetObjectDefaults_PriorityClass(class)
		if err := factory.Scheduling().V1().PriorityClasses().Informer().GetIndexer().Add(class); err != nil {
			t.Fatal(err)
		}
	}
	for _, class := range runtimes {
		if err := factory.Node().V1().RuntimeClasses().Informer().GetIndexer().Add(class.DeepCopy()); err != nil {
			t.Fatal(err)
		}
	}
	priorityPlugin, runtimePlugin := priority.NewPlugin(), runtimeclass.NewRuntimeClass()
	priorityPlugin.SetExternalKubeInformerFactory(factory)
	priorityPlugin.SetExternalKubeClientSet(client)
	runtimePlugin.SetExternalKubeInformerFactory(factory)
	runtimePlugin.SetExternalKubeClientSet(client)

	pod = pod.DeepCopy()
	coreconversion.SetObjectDefaults_Pod(pod)
	var internal core.Pod
	if err := coreconversion.Convert_v1_Pod_To_core_Pod(pod, &internal, nil); err != nil {
		t.Fatal(err)
	}
	attributes := admission.NewAttributesRecord(&internal, nil, core.Kind("Pod").WithVersion("v1"), pod.Namespace, pod.Name,
		core.Resource("pods").WithVersion("v1"), "", admission.Create, &metav1.CreateOptions{}, false, nil)
	if err := priorityPlugin.Admit(t.Context(), attributes, nil); err != nil {
		return nil, err
	}
	if err := runtimePlugin.Admit(t.Context(), attributes, nil); err != nil {
		return nil, err
	}
	if err := runtimePlugin.Validate(t.Context(), attributes, nil); err != nil {
		return nil, err
	}
	out := &corev1.Pod{}
	if err := coreconversion.Convert_core_Pod_To_v1_Pod(&internal, out, nil); err != nil {
		t.Fatal(err)
	}
	return out, nil
}

// TestOverheadAdmission holds priority, preemption policy, overhead, node selector and
// tolerations of pods, and whether they are refused, to the admission plugins; and whether a
// pod fits that a RuntimeClass asks labels for, to the scheduler.
func TestOverheadAdmission(t *testing.T) {
	klog.SetLogger(logr.Discard()) // upstream logs every toleration with Gt or Lt
	t.Cleanup(klog.ClearLogger)
	seen := map[string]int{}
	var out overhead.NodeOverhead
	for n := range uint64(3000) {
		d := dice{rand.New(rand.NewPCG(*seed, n))}
		opts := overhead.Options{Placement: placement.Options{ComparisonOperators: true}, PriorityClasses: d.priorityClasses(), RuntimeClasses: d.runtimeClasses()}
		daemons, err := overhead.Compile(daemonSets(d, 1, func(int) corev1.PodSpec { return d.classSpec() }), opts)
		if err != nil {
			t.Fatal(err)
		}
		of := daemons.List()[0]
		fail := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("case %d of seed %d: %s\n%+v\n%+v", n, *seed, fmt.Sprintf(format, args...), of.DaemonSet.Spec.Template.Spec, opts)
		}
		// The API server makes these two when it starts.
		priorities := append([]*schedulingv1.PriorityClass{
			{ObjectMeta: metav1.ObjectMeta{Name: "system-node-critical"}, Value: 2_000_001_000},
			{ObjectMeta: metav1.ObjectMeta{Name: "system-cluster-critical"}, Value: 2_000_000_000},
		}, opts.PriorityClasses...)
		want, refused := admitted(t, daemon.NewPod(of.DaemonSet, "n1", "hash"), priorities, opts.RuntimeClasses)
		if (refused != nil) != (of.Refused != nil) {
			fail("Refused = %v, want %v", of.Refused, refused)
		}
		if refused != nil {
			seen["refused"]++
			continue
		}
		got := daemons.Pod(0, "n1", "hash")
		for _, part := range []struct {
			name      string
			got, want any
		}{
			{"priority", got.Spec.Priority, want.Spec.Priority},
			{"Daemon.Priority", of.Priority, *want.Spec.Priority},
			{"class", got.Spec.PriorityClassName, want.Spec.PriorityClassName},
			{"preemption policy", got.Spec.PreemptionPolicy, want.Spec.PreemptionPolicy},
			{"overhead", got.Spec.Overhead, want.Spec.Overhead},
			{"node selector", got.Spec.NodeSelector, want.Spec.NodeSelector},
			{"tolerations", got.Spec.Tolerations, want.Spec.Tolerations},
		} {
			if !equality.Semantic.DeepEqual(part.got, part.want) {
				fail("%s = %+v, want %+v", part.name, part.got, part.want)
			}
		}
		for range 4 {
			node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1", Labels: map[string]string{}}}
			for _, key := range []string{"disk", "zone"} {
				if !d.in(3) {
					node.Labels[key] = d.one("a", "a", "a", "b")
				}
			}
			if err := daemons.OnNode(overhead.Input{Node: node}, &out); err != nil {
				t.Fatal(err)
			}
			run, _ := shouldRun(of.DaemonSet, node)
			if v := out.Daemons[0].Verdict; (v == overhead.VerdictRuns) != run {
				fail("verdict = %v, want that the controller creates a pod: %v", v, run)
			}
			if !run {
				continue
			}
			match, err := nodeaffinity.GetRequiredNodeAffinity(want).Match(node)
			if err != nil {
				t.Fatal(err)
			}
			if out.Daemons[0].Fits != match || (len(out.Mismatches) == 0) != match {
				fail("Fits = %v, mismatches %v, want %v on %v", out.Daemons[0].Fits, out.Mismatches, match, node.Labels)
			}
			seen[fmt.Sprintf("fits %v", match)]++
		}
		seen["admitted"]++
	}
	for _, what := range []string{"refused", "admitted", "fits true", "fits false"} {
		if seen[what] < 300 {
			t.Errorf("%q came up %d times: %v", what, seen[what], seen)
		}
	}
}
