package simulate

import (
	"cmp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/demand"
	"github.com/pernode/daemonset/internal/podstatus"
)

const (
	// stuckAfter is how long a problem lasts until it is expected for ever.
	stuckAfter = time.Minute
	// stuckCreatingAfter is the same for a container that is being created, because a large
	// image takes its time, and for an init container that runs.
	stuckCreatingAfter = 10 * time.Minute
)

// problemKind says what is wrong with a pod.
type problemKind int8

const (
	problemImage problemKind = iota + 1
	problemCrashLoop
	// problemStart: the container cannot be created or started, or nobody says why not.
	problemStart
	// problemProbe: the container runs and is not ready.
	problemProbe
	problemUnschedulable
)

// problem is what is wrong with a pod of the facts. Pods for its node have it, too, until
// the template changes in what is wrong.
type problem struct {
	kind      problemKind
	namespace string
	// hash is that of the revision of the pod; empty: unknown.
	hash string
	// spec is the template of that revision or, if that is not known, what the pod says of it;
	// then exact is false.
	spec  *corev1.PodSpec
	exact bool
	// container is the one with the problem, and init says that it is an init container.
	container string
	init      bool
	// status is that of the container.
	status corev1.ContainerStatus
	// run is how long a container in a crash loop runs.
	run time.Duration
	// message is the scheduler's.
	message string
}

// overlooks reports whether the caller has switched off the rule about a kind of problem.
func (o *Overlook) overlooks(kind problemKind) bool {
	switch kind {
	case problemImage:
		return o.Images
	case problemCrashLoop:
		return o.CrashLoops
	case problemStart:
		return o.Starts
	case problemProbe:
		return o.Probes
	case problemUnschedulable:
		return o.Unschedulable
	}
	return false
}

func ofContainer(kind problemKind) bool { return kind != problemUnschedulable }

func unscheduled(kind problemKind) bool { return kind == problemUnschedulable }

// problemOf returns the first problem of a node that concerns a pod and whose kind the
// function accepts. It returns nil if no problem does. The node may be nil.
func (c *Cluster) problemOf(ns *namespace, node *corev1.Node, pod *corev1.Pod, of func(problemKind) bool) *problem {
	if node == nil {
		return nil
	}
	list := c.problems[node.Name]
	for i := range list {
		p := &list[i]
		if of(p.kind) && !c.Options.Overlook.overlooks(p.kind) && p.namespace == pod.Namespace && p.concerns(pod, c.hashOf(pod)) {
			return p
		}
	}
	return nil
}

func (c *Cluster) hashOf(pod *corev1.Pod) string {
	return pod.Labels[c.naming.WithDefaults().RevisionHashLabel]
}

// forget forgets the problems of a node for which is holds.
func (c *Cluster) forget(node string, is func(*problem) bool) {
	list := c.problems[node]
	if len(list) == 0 {
		return
	}
	if list = slices.DeleteFunc(list, func(p problem) bool { return is(&p) }); len(list) == 0 {
		delete(c.problems, node)
		return
	}
	c.problems[node] = list
}

// noteProblem remembers what is wrong with a pod that is bound or pinned to the node, if it has
// been so for long, apart from a crash loop that the times of the pod go on with. It forgets
// what a ready pod disproves.
func (c *Cluster) noteProblem(ns *namespace, node *corev1.Node, pod *corev1.Pod, t *PodTimes) {
	if isReady(pod) {
		if len(c.problems) > 0 {
			c.forget(node.Name, func(p *problem) bool {
				return ofContainer(p.kind) && p.namespace == pod.Namespace && p.concerns(pod, c.hashOf(pod))
			})
		}
		return
	}
	found := c.problemIn(pod, t.ReadyAfter)
	if found.kind == 0 || found.kind == problemCrashLoop && t.CrashesAfter > 0 {
		return
	}
	found.namespace, found.hash = pod.Namespace, c.hashOf(pod)
	if found.hash != "" && slices.ContainsFunc(c.problems[node.Name], found.same) {
		return
	}
	c.forget(node.Name, func(p *problem) bool { return found.same(*p) })
	found.spec, found.exact = c.templateOf(ns, found.hash)
	if !found.exact {
		found.spec = &pod.Spec
	}
	if c.problems == nil {
		c.problems = make(map[string][]problem)
	}
	c.problems[node.Name] = append(c.problems[node.Name], found)
}

// same reports whether a problem of the same node is one of the same revision and container.
func (p *problem) same(other problem) bool {
	return p.kind == other.kind && p.namespace == other.namespace && p.hash == other.hash && p.container == other.container && p.init == other.init
}

// templateOf returns the pod template of the revision with a hash; false if it is not known.
func (c *Cluster) templateOf(ns *namespace, hash string) (*corev1.PodSpec, bool) {
	if hash == "" {
		return nil, false
	}
	if spec, ok := ns.templates[hash]; ok {
		return spec, spec != nil
	}
	var spec *corev1.PodSpec
	label := c.naming.WithDefaults().RevisionHashLabel
	for _, rev := range byName(ns.revisions) {
		if rev.Labels[label] != hash {
			continue
		}
		if template, err := history.Template(rev); err == nil && len(template.Spec.Containers) > 0 {
			spec = &template.Spec
			break
		}
	}
	if ns.templates == nil {
		ns.templates = make(map[string]*corev1.PodSpec)
	}
	ns.templates[hash] = spec
	return spec, spec != nil
}

// problemIn returns the problem that a pod has had for long. If several containers have one,
// the first counts. Without a problem the kind is zero.
func (c *Cluster) problemIn(pod *corev1.Pod, readyAfter time.Duration) problem {
	since := func(since time.Time, after time.Duration) bool { return !since.IsZero() && c.now.Sub(since) >= after }
	if pod.Spec.NodeName == "" {
		scheduled := podstatus.Condition(pod, corev1.PodScheduled)
		if scheduled == nil || scheduled.Status != corev1.ConditionFalse || scheduled.Reason != corev1.PodReasonUnschedulable ||
			!since(scheduled.LastTransitionTime.Time, stuckAfter) {
			return problem{}
		}
		return problem{kind: problemUnschedulable, message: scheduled.Message}
	}
	began, waits := podstatus.StartedAt(pod), false // when the next container could be created, and whether it waits for another
	for _, container := range podstatus.Containers(pod) {
		status := container.Status
		mayStart := !waits
		if container.Init {
			switch end := status.State.Terminated; {
			case end != nil && end.ExitCode == 0:
				began = podstatus.Latest(began, end.FinishedAt.Time)
			case !container.Sidecar() || status.State.Running == nil || status.Started == nil || !*status.Started:
				waits = true
			}
		}
		found := problem{container: status.Name, init: container.Init, status: *status}
		kind, _, _ := container.Problem(c.now)
		run, known := lastRun(container.LastEnd())
		if kind == podstatus.ProblemCrashLoop && (!restarts(pod, status) || status.State.Running != nil && known && podstatus.RestartDelay(1, run) == 0) {
			kind = 0 // It ended for good, or ran for long before and has started again.
		}
		switch {
		case kind != 0:
			found.kind = kindOf(kind)
			if !since(container.Since(kind), stuckAfter) {
				continue
			}
			found.run = max(run, time.Second)
		case status.State.Waiting != nil && mayStart && creating(status.State.Waiting.Reason):
			if found.kind = problemStart; !since(began, max(stuckCreatingAfter, readyAfter)) {
				continue
			}
		case status.State.Running != nil && container.Init && !container.Sidecar():
			if found.kind = problemStart; !since(status.State.Running.StartedAt.Time, max(stuckCreatingAfter, readyAfter)) {
				continue
			}
		case status.State.Running != nil && !status.Ready:
			began := status.State.Running.StartedAt.Time
			if ready := podstatus.Condition(pod, corev1.PodReady); ready != nil {
				began = podstatus.Latest(began, ready.LastTransitionTime.Time)
			}
			if found.kind = problemProbe; !since(began, max(stuckAfter, readyAfter)) {
				continue
			}
		default:
			continue
		}
		return found
	}
	return problem{}
}

// lastRun returns how long a container ran; false if it is not known. A runtime writes 1970 for a
// container that it has not started.
func lastRun(end *corev1.ContainerStateTerminated) (time.Duration, bool) {
	if end == nil || end.StartedAt.Unix() <= 0 || end.FinishedAt.Before(&end.StartedAt) {
		return 0, false
	}
	return end.FinishedAt.Sub(end.StartedAt.Time), true
}

// restarts reports whether the kubelet starts a container again that has terminated
// (ShouldContainerBeRestarted@v1.37.2). It looks at the policy of the pod only: rule 10.
func restarts(pod *corev1.Pod, status *corev1.ContainerStatus) bool {
	end := status.State.Terminated
	switch {
	case end == nil:
		return true
	case pod.Spec.RestartPolicy == corev1.RestartPolicyNever:
		return false
	}
	return pod.Spec.RestartPolicy != corev1.RestartPolicyOnFailure || end.ExitCode != 0
}

func kindOf(p podstatus.Problem) problemKind {
	switch p {
	case podstatus.ProblemImage:
		return problemImage
	case podstatus.ProblemCrashLoop:
		return problemCrashLoop
	}
	return problemStart
}

// creating reports whether the kubelet says nothing but that a container is not there yet.
// PodInitializing is its word for all containers of a pod with init containers
// (convertToAPIContainerStatuses@v1.37.2).
func creating(reason string) bool {
	return reason == "ContainerCreating" || reason == "PodInitializing"
}

// concerns reports whether a pod with a revision hash has the problem, too: it is of the same
// template, or of one that is the same in what is wrong.
func (p *problem) concerns(pod *corev1.Pod, hash string) bool {
	if p.hash != "" && p.hash == hash {
		return true
	}
	if p.kind == problemUnschedulable {
		return sameScheduling(p.spec, &pod.Spec)
	}
	mine, its := containerOf(p.spec, p.container, p.init), containerOf(&pod.Spec, p.container, p.init)
	if mine == nil || its == nil {
		return false
	}
	if p.kind != problemImage {
		return equality.Semantic.DeepEqual(asInTemplate(mine), asInTemplate(its)) &&
			equality.Semantic.DeepEqual(around(p.spec), around(&pod.Spec))
	}
	return mine.Image == its.Image && pullPolicyOf(mine) == pullPolicyOf(its) &&
		(!p.exact || cmp.Or(p.spec.ServiceAccountName, "default") == cmp.Or(pod.Spec.ServiceAccountName, "default") &&
			equality.Semantic.DeepEqual(p.spec.ImagePullSecrets, pod.Spec.ImagePullSecrets))
}

func containerOf(spec *corev1.PodSpec, name string, init bool) *corev1.Container {
	list := spec.Containers
	if init {
		list = spec.InitContainers
	}
	i := slices.IndexFunc(list, func(c corev1.Container) bool { return c.Name == name })
	if i < 0 {
		return nil
	}
	return &list[i]
}

func pullPolicyOf(c *corev1.Container) corev1.PullPolicy {
	return cmp.Or(c.ImagePullPolicy, pullPolicy(c.Image))
}

// asInTemplate returns a container with the defaults of the API server, and without what it
// adds to pods only: the mount of a token, and requests that are equal to limits.
func asInTemplate(c *corev1.Container) *corev1.Container {
	out := c.DeepCopy()
	defaultContainer(out)
	out.Resources.Requests = demand.WithLimits(&out.Resources)
	out.VolumeMounts = slices.DeleteFunc(out.VolumeMounts, func(m corev1.VolumeMount) bool {
		return strings.HasPrefix(m.Name, "kube-api-access-")
	})
	return out
}

// around returns what the containers of a pod share, in the words of a template.
func around(spec *corev1.PodSpec) corev1.PodSpec {
	out := corev1.PodSpec{
		Volumes:                      templateVolumes(spec),
		SecurityContext:              cmp.Or(spec.SecurityContext, &corev1.PodSecurityContext{}).DeepCopy(),
		ServiceAccountName:           cmp.Or(spec.ServiceAccountName, "default"),
		AutomountServiceAccountToken: spec.AutomountServiceAccountToken,
		HostNetwork:                  spec.HostNetwork, HostPID: spec.HostPID, HostIPC: spec.HostIPC, HostUsers: spec.HostUsers,
		ShareProcessNamespace: spec.ShareProcessNamespace, RuntimeClassName: spec.RuntimeClassName,
		DNSPolicy: cmp.Or(spec.DNSPolicy, corev1.DNSClusterFirst), DNSConfig: spec.DNSConfig, HostAliases: spec.HostAliases,
		ResourceClaims: spec.ResourceClaims,
	}
	return out
}

// templateVolumes returns the volumes with the defaults of the API server, and without the one
// that it adds to pods only.
func templateVolumes(spec *corev1.PodSpec) []corev1.Volume {
	var out []corev1.Volume
	for i := range spec.Volumes {
		if !strings.HasPrefix(spec.Volumes[i].Name, "kube-api-access-") {
			volume := spec.Volumes[i].DeepCopy()
			defaultVolume(volume)
			out = append(out, *volume)
		}
	}
	return out
}

// sameScheduling reports whether the scheduler reads the same in two specs, apart from the
// node affinity, which pins a pod and not a template, from tolerations and from priorities.
func sameScheduling(a, b *corev1.PodSpec) bool {
	same := equality.Semantic.DeepEqual
	return same(demand.Requests(a), demand.Requests(b)) && slices.Equal(demand.Ports(a), demand.Ports(b)) &&
		same(a.NodeSelector, b.NodeSelector) && same(podAffinity(a), podAffinity(b)) &&
		same(a.TopologySpreadConstraints, b.TopologySpreadConstraints) &&
		same(templateVolumes(a), templateVolumes(b)) && same(a.ResourceClaims, b.ResourceClaims)
}

func podAffinity(spec *corev1.PodSpec) corev1.Affinity {
	if spec.Affinity == nil {
		return corev1.Affinity{}
	}
	return corev1.Affinity{PodAffinity: spec.Affinity.PodAffinity, PodAntiAffinity: spec.Affinity.PodAntiAffinity}
}

// withProblem returns a copy of a pod that has the problem from now on.
func (p *problem) withProblem(pod *corev1.Pod, now time.Time) *corev1.Pod {
	out := withStatuses(pod, now)
	status := statusOf(&out.Status, p.container, p.init)
	status.Ready, status.Started = false, new(p.kind == problemProbe)
	status.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(now)}}
	initialize(out, p.container, p.init)
	if p.kind != problemProbe && p.status.State.Running == nil {
		out.Status.Phase = corev1.PodPending
		status.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}}
		switch {
		case p.status.State.Waiting != nil && p.status.State.Waiting.Reason != "CrashLoopBackOff":
			status.State.Waiting = p.status.State.Waiting
		case p.kind == problemStart && p.end() != nil:
			status.State.Waiting = &corev1.ContainerStateWaiting{Reason: p.end().Reason, Message: p.end().Message}
		}
	}
	out.Status.Conditions = withCondition(out.Status.Conditions, notReady(p.container, now))
	return out
}

// end returns how the container terminated last; nil if it never has.
func (p *problem) end() *corev1.ContainerStateTerminated {
	return podstatus.Container{Status: &p.status}.LastEnd()
}

// notReady is the condition of a pod with a container that is not ready.
func notReady(container string, now time.Time) corev1.PodCondition {
	return corev1.PodCondition{
		Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady",
		Message: "containers with unready status: [" + container + "]", LastTransitionTime: metav1.NewTime(now),
	}
}
