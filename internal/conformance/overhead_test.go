package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"
	"k8s.io/apimachinery/pkg/util/validation/field"
	resourcehelper "k8s.io/component-helpers/resource"
	podutil "k8s.io/kubernetes/pkg/api/pod"
	"k8s.io/kubernetes/pkg/apis/core"
	coreconversion "k8s.io/kubernetes/pkg/apis/core/v1"
	corevalidation "k8s.io/kubernetes/pkg/apis/core/validation"
	dsregistry "k8s.io/kubernetes/pkg/registry/apps/daemonset"
	"k8s.io/kubernetes/pkg/scheduler/framework"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/nodeports"
	"k8s.io/kubernetes/pkg/scheduler/framework/plugins/noderesources"
	"k8s.io/kubernetes/plugin/pkg/admission/limitranger"

	"github.com/pernode/daemonset/daemon/overhead"
)

func (d dice) nodeWithName() *corev1.Node {
	node := d.node()
	if node.Name == "" {
		node.Name = "n9"
	}
	return node
}

func daemonSets(d dice, n int, spec func(int) corev1.PodSpec) []*appsv1.DaemonSet {
	sets := make([]*appsv1.DaemonSet, n)
	for i := range sets {
		ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: d.one("kube-system", "team"), Name: fmt.Sprintf("ds-%d", i)}}
		ds.Spec.Template.Spec = spec(i)
		sets[i] = ds
	}
	return sets
}

// TestOverheadVerdicts holds the verdicts to NodeShouldRunDaemonPod: for a node, exactly; for
// a template with unknown facts and for a pool, on random nodes that they may become.
func TestOverheadVerdicts(t *testing.T) {
	seen := map[string]int{}
	var out overhead.NodeOverhead
	for n := range uint64(1500) {
		d := dice{rand.New(rand.NewPCG(*seed, n))}
		daemons, err := overhead.Compile(daemonSets(d, 4, func(int) corev1.PodSpec { return d.template().Spec }), overhead.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			node := d.nodeWithName()
			if err := daemons.OnNode(overhead.Input{Node: node}, &out); err != nil {
				t.Fatal(err)
			}
			for i, daemon := range daemons.List() {
				run, keep := shouldRun(daemon.DaemonSet, node)
				got := out.Daemons[i]
				want := overhead.VerdictDoesNotRun
				switch {
				case run && daemon.Refused != nil:
					want = overhead.VerdictRefused
				case run:
					want = overhead.VerdictRuns
				}
				if got.Decision.Run != run || got.Decision.Keep != keep || got.Verdict != want {
					t.Fatalf("case %d of seed %d: %+v on %v, want run %v, keep %v: %+v", n, *seed, got, node, run, keep, daemon.DaemonSet.Spec.Template.Spec)
				}
				seen[got.Verdict.String()]++
			}
		}

		in := overhead.Input{Node: d.nodeWithName(), NameUnknown: d.in(2), LateLabels: []string{d.one("disk", "zone", "cores"), d.one("disk", "zone", "cores")}}
		for range d.IntN(3) {
			if taint, ok := d.validTaint(); ok {
				in.StartupTaints = append(in.StartupTaints, taint)
			}
		}
		if err := daemons.OnNode(in, &out); err != nil {
			t.Fatal(err)
		}
		for range 20 {
			node := d.becomes(in)
			for i, daemon := range daemons.List() {
				run, _ := shouldRun(daemon.DaemonSet, node)
				if v := out.Daemons[i].Verdict; v == overhead.VerdictRuns && !run || v == overhead.VerdictDoesNotRun && run {
					t.Fatalf("case %d of seed %d: %v for %+v, which may become %+v, where it runs: %v: %+v", n, *seed, v, in, node, run, daemon.DaemonSet.Spec.Template.Spec)
				}
				seen["template: "+out.Daemons[i].Verdict.String()]++
			}
		}

		var pool overhead.Pool
		for range 1 + d.IntN(3) {
			pool.Requirements = append(pool.Requirements, d.expression())
		}
		pool.OtherLabelsAbsent = d.in(2)
		for range d.IntN(3) - 1 {
			if taint, ok := d.validTaint(); ok {
				pool.Taints = append(pool.Taints, taint)
			}
		}
		answer, err := daemons.InPool(pool)
		if err != nil {
			seen["no pool"]++
			continue
		}
		for range 60 {
			node := d.nodeWithName()
			for key, value := range node.Labels { // those that a node can have
				mentioned := slices.ContainsFunc(pool.Requirements, func(r corev1.NodeSelectorRequirement) bool { return r.Key == key })
				if len(validLabel(key, value)) > 0 || pool.OtherLabelsAbsent && !mentioned {
					delete(node.Labels, key)
				}
			}
			node.Spec.Taints = pool.Taints
			member := &appsv1.DaemonSet{}
			member.Spec.Template.Spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: pool.Requirements}},
			}}}
			member.Spec.Template.Spec.Tolerations = []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
			if is, _ := shouldRun(member, node); !is {
				continue
			}
			for i, daemon := range daemons.List() {
				run, _ := shouldRun(daemon.DaemonSet, node)
				if p := answer.Daemons[i].Presence; p == overhead.PresenceAlways && !run || p == overhead.PresenceNever && run {
					t.Fatalf("case %d of seed %d: %v in %+v, where it runs on %+v: %v: %+v", n, *seed, answer.Daemons[i], pool, node, run, daemon.DaemonSet.Spec.Template.Spec)
				}
				seen["pool: "+answer.Daemons[i].Presence.String()]++
			}
		}
	}
	for _, what := range []string{"should run", "does not run", "template: should run", "template: does not run", "template: cannot tell", "pool: always", "pool: on some nodes", "pool: never"} {
		if seen[what] < 300 {
			t.Errorf("%q came up %d times: %v", what, seen[what], seen)
		}
	}
}

// validTaint returns a taint that an API server takes, or false.
func (d dice) validTaint() (corev1.Taint, bool) {
	taint := corev1.Taint{Key: d.taintKey(), Value: d.value(), Effect: d.effect()}
	return taint, taint.Key != "" && taint.Effect != "" && taint.Effect != "noexecute"
}

// becomes returns a node that a template may become.
func (d dice) becomes(in overhead.Input) *corev1.Node {
	node := in.Node.DeepCopy()
	if node.Labels == nil {
		node.Labels = map[string]string{}
	}
	late := in.LateLabels
	if in.NameUnknown {
		node.Name = d.one("n0", "n1", "n2", "n3", "n9")
		late = append(slices.Clone(late), corev1.LabelHostname)
	}
	for _, key := range late {
		delete(node.Labels, key)
		if value := d.value(); !d.in(4) && len(validLabel(key, value)) == 0 {
			node.Labels[key] = value
		}
	}
	// A startup taint that the node has already is the node's.
	is := func(a, b corev1.Taint) bool { return a.MatchTaint(&b) }
	for _, taint := range in.StartupTaints {
		at := slices.IndexFunc(node.Spec.Taints, func(t corev1.Taint) bool { return is(taint, t) })
		gone := d.in(2)
		switch {
		case at >= 0 && gone:
			node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(t corev1.Taint) bool { return is(taint, t) })
		case at < 0 && !gone && !slices.ContainsFunc(in.Node.Spec.Taints, func(t corev1.Taint) bool { return is(taint, t) }):
			node.Spec.Taints = append(node.Spec.Taints, taint)
		}
	}
	return node
}

var resourceNames = []corev1.ResourceName{corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage, "hugepages-2Mi", "example.com/device"}

func (d dice) resources(n int) corev1.ResourceList {
	if d.in(4) {
		return nil
	}
	list := corev1.ResourceList{}
	for range d.IntN(n + 1) {
		list[resourceNames[d.IntN(len(resourceNames))]] = resource.MustParse(d.one("0", "1", "2", "3", "100m", "1500m", "100u", "1Gi", "2Mi"))
	}
	return list
}

func (d dice) requirements() corev1.ResourceRequirements {
	r := corev1.ResourceRequirements{Requests: d.resources(3), Limits: d.resources(3)}
	if !d.in(8) {
		// The API server accepts these.
		for _, list := range []corev1.ResourceList{r.Requests, r.Limits} {
			for name := range list {
				switch name {
				case "example.com/device":
					list[name] = resource.MustParse("2")
				case "hugepages-2Mi":
					list[name] = resource.MustParse("4Mi")
					list[corev1.ResourceMemory] = resource.MustParse("1Gi")
				}
			}
		}
		for name, request := range r.Requests {
			switch limit, ok := r.Limits[name]; {
			case ok && request.Cmp(limit) > 0:
				r.Limits[name] = request
			case !ok && (name == "example.com/device" || name == "hugepages-2Mi"):
				if r.Limits == nil {
					r.Limits = corev1.ResourceList{}
				}
				r.Limits[name] = request
			}
		}
	}
	return r
}

func (d dice) podSpec() corev1.PodSpec {
	var spec corev1.PodSpec
	containers := func(n int) []corev1.Container {
		var list []corev1.Container
		for i := range n {
			c := corev1.Container{Name: fmt.Sprintf("c%d", i), Resources: d.requirements()}
			if d.in(4) {
				c.Ports = []corev1.ContainerPort{{ContainerPort: 80, HostPort: int32(d.IntN(3)), HostIP: d.one("", "", "10.0.0.1"), Protocol: corev1.Protocol(d.one("", "TCP", "UDP"))}}
			}
			list = append(list, c)
		}
		return list
	}
	spec.HostNetwork = d.in(6)
	spec.Containers = containers(1 + d.IntN(3))
	spec.InitContainers = containers(d.IntN(3))
	for i := range spec.InitContainers {
		if d.in(2) {
			spec.InitContainers[i].RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
		}
	}
	if d.in(3) {
		spec.Overhead, spec.RuntimeClassName = d.requirements().Limits, new("kata") // which is not known, so that it may be right
	}
	if d.in(3) {
		spec.Resources = new(d.requirements())
	}
	return spec
}

func (d dice) limitRanges() []*corev1.LimitRange {
	var ranges []*corev1.LimitRange
	for i := range d.IntN(4) {
		r := &corev1.LimitRange{ObjectMeta: metav1.ObjectMeta{Namespace: d.one("kube-system", "team"), Name: fmt.Sprintf("limits-%d", i)}}
		for range 1 + d.IntN(2) {
			item := corev1.LimitRangeItem{Type: corev1.LimitTypeContainer}
			if d.in(4) {
				item.Type = corev1.LimitTypePod
			}
			if d.in(2) {
				item.Default = d.resources(2)
			}
			if d.in(2) {
				item.DefaultRequest = d.resources(2)
			}
			if d.in(3) {
				item.Min = d.resources(1)
			}
			if d.in(3) {
				item.Max = d.resources(1)
			}
			if d.in(6) {
				item.MaxLimitRequestRatio = d.resources(1)
			}
			r.Spec.Limits = append(r.Spec.Limits, item)
		}
		ranges = append(ranges, r)
	}
	return ranges
}

// resourceErrors returns what is wrong in the requests and limits of a pod.
func resourceErrors(pod *core.Pod) field.ErrorList {
	errs := corevalidation.ValidatePodSpec(&pod.Spec, &pod.ObjectMeta, field.NewPath("spec"), corevalidation.PodValidationOptions{PodLevelResourcesEnabled: true})
	return slices.DeleteFunc(errs, func(err *field.Error) bool { return !ofRequests(err) })
}

func ofRequests(err *field.Error) bool {
	return strings.Contains(err.Field, "resources") || strings.Contains(err.Field, "spec.overhead")
}

// stored returns the pod as the API server stores it, with its own code: defaults, LimitRanger,
// what it does before it creates a pod, LimitRanger's validation, and that of requests and
// limits.
func stored(t *testing.T, pod *corev1.Pod, ranges []*corev1.LimitRange) (*corev1.Pod, error) {
	t.Helper()
	pod = pod.DeepCopy()
	coreconversion.SetObjectDefaults_Pod(pod)
	var internal core.Pod
	if err := coreconversion.Convert_v1_Pod_To_core_Pod(pod, &internal, nil); err != nil {
		t.Fatal(err)
	}
	var own []*corev1.LimitRange
	for _, r := range ranges {
		if r.Namespace == pod.Namespace {
			r = r.DeepCopy()
			coreconversion.SetObjectDefaults_LimitRange(r)
			own = append(own, r)
		}
	}
	for _, r := range own {
		if err := limitranger.PodMutateLimitFunc(r, &internal); err != nil {
			t.Fatal(err)
		}
	}
	podutil.DefaultPodLevelResources(&internal)
	var refused error
	for _, r := range own {
		if err := limitranger.PodValidateLimitFunc(r, &internal); err != nil {
			refused = err
		}
	}
	for _, err := range resourceErrors(&internal) {
		refused = err
	}
	out := &corev1.Pod{}
	if err := coreconversion.Convert_core_Pod_To_v1_Pod(&internal, out, nil); err != nil {
		t.Fatal(err)
	}
	return out, refused
}

// refusedTemplate returns an error for which the API server refuses a DaemonSet, of those that
// overhead knows; nil if there is none.
func refusedTemplate(t *testing.T, ds *appsv1.DaemonSet) error {
	t.Helper()
	up, err := internal(ds, true)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range dsregistry.Strategy.Validate(t.Context(), up) {
		if ofRequests(err) || err.Type == field.ErrorTypeDuplicate && strings.HasSuffix(err.Field, ".hostPort") {
			return err
		}
	}
	return nil
}

// TestOverheadRequests holds the requests of pods to those that the API server and the scheduler
// work out for them.
func TestOverheadRequests(t *testing.T) {
	seen := map[string]int{}
	var out overhead.NodeOverhead
	for n := range uint64(4000) {
		d := dice{rand.New(rand.NewPCG(*seed, n))}
		ranges := d.limitRanges()
		daemons, err := overhead.Compile(daemonSets(d, 1, func(int) corev1.PodSpec { return d.podSpec() }), overhead.Options{LimitRanges: ranges})
		if err != nil {
			t.Fatal(err)
		}
		daemon := daemons.List()[0]
		ds := daemon.DaemonSet
		pod, refused := stored(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: ds.Namespace}, Spec: *ds.Spec.Template.Spec.DeepCopy()}, ranges)
		if refused == nil {
			refused = refusedTemplate(t, ds)
		}
		fail := func(format string, args ...any) {
			t.Helper()
			t.Fatalf("case %d of seed %d: %s\n%+v\n%+v", n, *seed, fmt.Sprintf(format, args...), ds.Spec.Template.Spec, ranges)
		}
		if (refused != nil) != (daemon.Refused != nil) {
			fail("Refused = %v, want %v", daemon.Refused, refused)
		}
		want := resourcehelper.PodRequests(pod, resourcehelper.PodResourcesOptions{})
		if !equality.Semantic.DeepEqual(daemon.Requests, want) {
			fail("Requests = %v, want %v", daemon.Requests, want)
		}
		full := daemons.Pod(0, "n1", "")
		if got := resourcehelper.PodRequests(full, resourcehelper.PodResourcesOptions{}); !equality.Semantic.DeepEqual(got, want) {
			fail("PodRequests(Pod) = %v, want %v", got, want)
		}
		if got, want := full.Spec.Resources, pod.Spec.Resources; !equality.Semantic.DeepEqual(got, want) {
			fail("resources of the pod = %v, want %v", got, want)
		}
		for i := range pod.Spec.Containers {
			if got, want := full.Spec.Containers[i].Resources.Limits, pod.Spec.Containers[i].Resources.Limits; !equality.Semantic.DeepEqual(got, want) {
				fail("limits of container %d = %v, want %v", i, got, want)
			}
			for j, port := range pod.Spec.Containers[i].Ports {
				if got := full.Spec.Containers[i].Ports[j].HostPort; got != port.HostPort {
					fail("host port = %d, want %d", got, port.HostPort)
				}
			}
		}

		if refused != nil {
			seen["refused"]++
			continue
		}
		if err := daemons.OnNode(overhead.Input{Node: &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}}}, &out); err != nil {
			t.Fatal(err)
		}
		info, err := framework.NewPodInfo(pod)
		if err != nil {
			t.Fatal(err)
		}
		counted := info.CalculateResource().Resource
		amounts := map[corev1.ResourceName]int64{
			corev1.ResourceCPU: counted.GetMilliCPU(), corev1.ResourceMemory: counted.GetMemory(), corev1.ResourceEphemeralStorage: counted.GetEphemeralStorage(),
		}
		for name, amount := range counted.GetScalarResources() {
			amounts[name] = amount
		}
		for _, name := range resourceNames {
			quantity := out.Run.Request(name)
			got := quantity.Value()
			if name == corev1.ResourceCPU {
				got = quantity.MilliValue()
			}
			if got != amounts[name] {
				fail("%s = %d, want %d, as the scheduler counts", name, got, amounts[name])
			}
		}
		seen["counted"]++
	}
	if seen["refused"] < 200 || seen["counted"] < 1000 {
		t.Errorf("pods that came up: %v", seen)
	}
}

// TestOverheadFit holds what fits to the scheduler's filters, pod by pod.
func TestOverheadFit(t *testing.T) {
	seen := map[string]int{}
	var out overhead.NodeOverhead
	for n := range uint64(3000) {
		d := dice{rand.New(rand.NewPCG(*seed, n))}
		daemons, err := overhead.Compile(daemonSets(d, 5, func(int) corev1.PodSpec { return d.podSpec() }), overhead.Options{})
		if err != nil {
			t.Fatal(err)
		}
		node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n1"}, Status: corev1.NodeStatus{Allocatable: d.resources(8)}}
		if node.Status.Allocatable == nil {
			node.Status.Allocatable = corev1.ResourceList{}
		}
		for _, name := range resourceNames {
			if d.in(2) {
				node.Status.Allocatable[name] = resource.MustParse("8Gi")
			}
		}
		node.Status.Allocatable[corev1.ResourcePods] = resource.MustParse(d.one("3", "6", "20", "20"))
		in := overhead.Input{Node: node}
		info := framework.NewNodeInfo()
		info.SetNode(node)
		for i := range d.IntN(4) {
			pod, _ := stored(t, &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: fmt.Sprintf("pod-%d", i)}, Spec: d.podSpec()}, nil)
			pod.Spec.NodeName = "n1"
			if d.in(3) {
				// The kubelet has allocated something else.
				pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "c0", AllocatedResources: d.resources(2), Resources: new(d.requirements())}}
			}
			if err := addPodTo(info, pod); err != nil {
				t.Fatal(err)
			}
			in.Pods = append(in.Pods, pod)
		}
		if err := daemons.OnNode(in, &out); err != nil {
			t.Fatal(err)
		}
		for i, daemon := range daemons.List() {
			if daemon.Refused != nil {
				continue
			}
			pod := daemons.Pod(i, "n1", "")
			var want, got []string
			for _, insufficient := range noderesources.Fits(pod, info, nil, noderesources.ResourceRequestsOptions{EnablePodLevelResources: true}) {
				want = append(want, string(insufficient.ResourceName))
			}
			for _, shortage := range out.Shortages {
				if shortage.Daemon == i {
					got = append(got, string(shortage.Resource))
				}
			}
			slices.Sort(want)
			ports := nodeports.Fits(pod, info)
			if !slices.Equal(got, want) || out.Daemons[i].Fits != (ports && want == nil) {
				t.Fatalf("case %d of seed %d: daemon %d: shortages %q, fits %v, want %q, ports %v", n, *seed, i, got, out.Daemons[i].Fits, want, ports)
			}
			seen[fmt.Sprintf("room %v, ports %v", want == nil, ports)]++
			if out.Daemons[i].Fits {
				pod.Spec.NodeName = "n1"
				if err := addPodTo(info, pod); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	for _, what := range []string{"room true, ports true", "room true, ports false", "room false, ports true", "room false, ports false"} {
		if seen[what] < 50 {
			t.Errorf("%q came up %d times: %v", what, seen[what], seen)
		}
	}
}

func addPodTo(info *framework.NodeInfo, pod *corev1.Pod) error {
	p, err := framework.NewPodInfo(pod)
	if err == nil {
		info.AddPodInfo(p)
	}
	return err
}

// validLabel returns what is wrong with a label that a node is to have.
func validLabel(key, value string) []string {
	return append(validation.IsQualifiedName(key), validation.IsValidLabelValue(value)...)
}
