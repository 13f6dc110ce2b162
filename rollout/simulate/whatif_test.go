package simulate_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/internal/property"
	"github.com/pernode/daemonset/internal/scenario"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// whatIfDisks are nodes: w1 and w2 with disk=ssd, w3 with disk=hdd, and w4 with the
// taint dedicated.
func whatIfDisks() []*corev1.Node {
	return []*corev1.Node{
		build.Node{Name: "w1", Labels: build.Labels{"disk": "ssd"}}.Object(),
		build.Node{Name: "w2", Labels: build.Labels{"disk": "ssd"}}.Object(),
		build.Node{Name: "w3", Labels: build.Labels{"disk": "hdd"}}.Object(),
		build.Node{Name: "w4", Labels: build.Labels{"disk": "ssd"}, Taints: []corev1.Taint{build.NoSchedule("dedicated")}}.Object(),
	}
}

// whatIfCluster is a cluster at rest: every node that should run a pod has an
// available one of the only revision, number 1.
func whatIfCluster(t *testing.T, ds *appsv1.DaemonSet, nodes []*corev1.Node) daemon.Input {
	t.Helper()
	in := daemon.Input{
		DaemonSet: ds, Nodes: nodes, Now: build.Now,
		Revisions: []*appsv1.ControllerRevision{whatIfRevision(t, ds, "h1", 1)},
	}
	matcher := placement.Compile(&ds.Spec.Template, placement.Options{})
	for _, n := range nodes {
		if matcher.Decide(n).Run {
			in.Pods = append(in.Pods, build.Pod{Name: "on-" + n.Name, Node: n.Name, Hash: "h1"}.Of(ds))
		}
	}
	return in
}

func whatIfRevision(t *testing.T, ds *appsv1.DaemonSet, hash string, number int64) *appsv1.ControllerRevision {
	t.Helper()
	data, err := history.Data(&ds.Spec.Template)
	if err != nil {
		t.Fatal(err)
	}
	return build.Revision{Hash: hash, Number: number, Data: string(data)}.Of(ds)
}

// fromServer gives the template the defaults that a server would.
func fromServer(ds *appsv1.DaemonSet) *appsv1.DaemonSet {
	spec := &ds.Spec.Template.Spec
	spec.DNSPolicy, spec.RestartPolicy, spec.SchedulerName = corev1.DNSClusterFirst, corev1.RestartPolicyAlways, corev1.DefaultSchedulerName
	spec.SecurityContext = &corev1.PodSecurityContext{}
	spec.TerminationGracePeriodSeconds = new(int64(30))
	for i := range spec.Containers {
		c := &spec.Containers[i]
		c.ImagePullPolicy, c.TerminationMessagePath, c.TerminationMessagePolicy = corev1.PullIfNotPresent, "/dev/termination-log", corev1.TerminationMessageReadFile
	}
	return ds
}

func TestWhatIf(t *testing.T) {
	ssd := build.Set{Spec: corev1.PodSpec{NodeSelector: map[string]string{"disk": "ssd"}}}
	tolerating := build.Set{Spec: corev1.PodSpec{Tolerations: []corev1.Toleration{{Key: "dedicated", Operator: corev1.TolerationOpExists}}}}
	image := func(image string) func(*daemon.Input, *simulate.Proposal) {
		return func(in *daemon.Input, p *simulate.Proposal) {
			p.DaemonSet = in.DaemonSet.DeepCopy()
			p.DaemonSet.Spec.Template.Spec.Containers[0].Image = image
		}
	}
	for _, tc := range []struct {
		name, why string
		set       build.Set
		nodes     []*corev1.Node // nil: whatIfDisks
		change    func(*daemon.Input, *simulate.Proposal)
		want      string
	}{
		{
			name: "nothing", why: "the zero proposal",
			want: "no change",
		},
		{
			name: "identical", why: "the stored object takes its own place",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet, p.Nodes = in.DaemonSet.DeepCopy(), slices.Clone(in.Nodes)
			},
			want: "no change",
		},
		{
			name: "the manifest again", why: "what a server stored of it, and what only a server writes, is no change",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = build.Set{}.Object()
				p.DaemonSet.UID, p.DaemonSet.ResourceVersion, p.DaemonSet.CreationTimestamp = "", "", metav1.Time{}
				in.DaemonSet = fromServer(daemon.Default(in.DaemonSet))
				in.DaemonSet.ResourceVersion, in.DaemonSet.Generation = "7", 3
				in.DaemonSet.Annotations = map[string]string{appsv1.DeprecatedTemplateGeneration: "3", corev1.LastAppliedConfigAnnotation: "{}"}
				in.DaemonSet.Status.NumberReady = 3
				in.Revisions = []*appsv1.ControllerRevision{whatIfRevision(t, in.DaemonSet, "h1", 1)}
			},
			want: "no change",
		},
		{
			name: "the manifest again, while it is being deleted", why: "no update takes a deletion back",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = in.DaemonSet.DeepCopy()
				in.DaemonSet.DeletionTimestamp, in.DaemonSet.DeletionGracePeriodSeconds = new(metav1.NewTime(build.Now)), new(int64(0))
			},
			want: `
no change
no rollout: the DaemonSet is being deleted`,
		},
		{
			name: "a node selector, while it is being deleted", why: "nobody deletes the pods of the nodes",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = in.DaemonSet.DeepCopy()
				p.DaemonSet.Spec.Template.Spec.NodeSelector = map[string]string{"no": "node"}
				in.DaemonSet.DeletionTimestamp, in.DaemonSet.DeletionGracePeriodSeconds = new(metav1.NewTime(build.Now)), new(int64(0))
			},
			want: `
no rollout: the DaemonSet is being deleted
  spec.template.spec.nodeSelector[no]: added "node"
nodes: 4 unchanged
first pass: no pod to delete or create`,
		},
		{
			name: "a label of its own", why: "the template is the same, and the DaemonSet is not",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = fromServer(in.DaemonSet.DeepCopy())
				p.DaemonSet.Labels = map[string]string{"team": "a"}
			},
			want: `
no rollout: the template is the same
  metadata.labels[team]: added "a"
nodes: 4 unchanged
first pass: no pod to delete or create`,
		},
		{
			name: "a condition of a node", why: "it moves no pod, and it is a change",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.Nodes = slices.Clone(in.Nodes)
				p.Nodes[1] = p.Nodes[1].DeepCopy()
				p.Nodes[1].Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionFalse}}
			},
			want: `
no rollout: the template is the same
nodes: 4 unchanged
first pass: no pod to delete or create`,
		},
		{
			name: "new image", why: "a rollout, whose first step deletes what the budget allows",
			change: image("agent:2"),
			want: `
starts a rollout to revision 2: 3 outdated pods
  spec.template.spec.containers[name=main].image: "agent:1" -> "agent:2"
nodes: 4 unchanged
first pass: 1 to delete
  delete on-w1 on w1: outdated, within maxUnavailable`,
		},
		{
			name: "new image, OnDelete", why: "nothing happens by itself",
			set:    build.Set{OnDelete: true},
			change: image("agent:2"),
			want: `
starts a rollout to revision 2: 3 outdated pods; with OnDelete they stay until they are deleted
  spec.template.spec.containers[name=main].image: "agent:1" -> "agent:2"
nodes: 4 unchanged
first pass: no pod to delete or create`,
		},
		{
			name: "new image, old template generation", why: "the server raises the generation, so that it does not make old pods current",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				in.DaemonSet.Annotations = map[string]string{appsv1.DeprecatedTemplateGeneration: "7"}
				for _, pod := range in.Pods {
					pod.Labels["pod-template-generation"] = "7"
				}
				image("agent:2")(in, p)
			},
			want: `
starts a rollout to revision 2: 3 outdated pods
  spec.template.spec.containers[name=main].image: "agent:1" -> "agent:2"
nodes: 4 unchanged
first pass: 1 to delete
  delete on-w1 on w1: outdated, within maxUnavailable`,
		},
		{
			name: "back", why: "an older revision holds the template",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				image("agent:0")(in, p)
				in.Revisions[0].Revision = 5
				in.Revisions = append(in.Revisions, whatIfRevision(t, p.DaemonSet, "h0", 3))
			},
			want: `
starts a rollout to the template of revision 3, now revision 6: 3 outdated pods
  spec.template.spec.containers[name=main].image: "agent:1" -> "agent:0"
nodes: 4 unchanged
first pass: 1 to delete
  delete on-w1 on w1: outdated, within maxUnavailable`,
		},
		{
			name: "already there", why: "the newest revision holds the template, and the pods are of it",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = in.DaemonSet
				in.DaemonSet = in.DaemonSet.DeepCopy()
				in.DaemonSet.Spec.Template.Spec.Containers[0].Image = "agent:0"
			},
			want: `
no rollout: revision 1 holds the template already
  spec.template.spec.containers[name=main].image: "agent:0" -> "agent:1"
nodes: 4 unchanged
first pass: no pod to delete or create`,
		},
		{
			name: "begun already", why: "the rollout is there without the proposal",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				image("agent:2")(in, p)
				in.DaemonSet, p.DaemonSet = p.DaemonSet, nil
			},
			want: `
no change
starts a rollout to revision 2, with or without this change: 3 outdated pods`,
		},
		{
			name: "defaults written out", why: "a server would fill them in",
			change: func(in *daemon.Input, p *simulate.Proposal) { p.DaemonSet = fromServer(in.DaemonSet.DeepCopy()) },
			want:   "no change: the manifest only writes out defaults",
		},
		{
			name: "defaults written out, and a node", why: "the node is a change",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = fromServer(in.DaemonSet.DeepCopy())
				p.Nodes = in.Nodes[:3]
			},
			want: `
no rollout: the manifest only writes out defaults
nodes: 4 unchanged
first pass: no pod to delete or create`,
		},
		{
			name: "defaults left out", why: "the manifest lacks what the server has filled in",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = &appsv1.DaemonSet{Spec: in.DaemonSet.DeepCopy().Spec}
				fromServer(in.DaemonSet)
				in.Revisions = []*appsv1.ControllerRevision{whatIfRevision(t, in.DaemonSet, "h1", 1)}
			},
			want: "no change",
		},
		{
			name: "another value than the default", why: "it is a change, though one side is not set",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = in.DaemonSet.DeepCopy()
				p.DaemonSet.Spec.Template.Spec.DNSPolicy = corev1.DNSDefault
			},
			want: `
starts a rollout to revision 2: 3 outdated pods
  spec.template.spec.dnsPolicy: "ClusterFirst" -> "Default"
nodes: 4 unchanged
first pass: 1 to delete
  delete on-w1 on w1: outdated, within maxUnavailable`,
		},
		{
			name: "spelling", why: "one gibibyte means the same either way, but bytes decide",
			set: build.Set{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Resources: corev1.ResourceRequirements{
				Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")},
			}}}}},
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = in.DaemonSet.DeepCopy()
				p.DaemonSet.Spec.Template.Spec.Containers[0].Resources.Requests[corev1.ResourceMemory] = resource.MustParse("1073741824")
			},
			want: `
starts a rollout to revision 2: the template means the same, but its bytes differ: 3 outdated pods
nodes: 4 unchanged
first pass: 1 to delete
  delete on-w1 on w1: outdated, within maxUnavailable`,
		},
		{
			name: "revision of an older release", why: "a null creationTimestamp does not match: every DaemonSet rolls after an upgrade (kubernetes #134773)",
			change: func(in *daemon.Input, _ *simulate.Proposal) {
				fromServer(in.DaemonSet)
				rev := whatIfRevision(t, in.DaemonSet, "h1", 1)
				rev.Data.Raw = []byte(strings.Replace(string(rev.Data.Raw), `"metadata":{`, `"metadata":{"creationTimestamp":null,`, 1))
				in.Revisions = []*appsv1.ControllerRevision{rev}
			},
			want: `
no change
starts a rollout to revision 2: the template means the same, but its bytes differ, with or without this change: 3 outdated pods`,
		},
		{
			name: "revision without a default", why: "the template means the same to a server that fills it in",
			change: func(in *daemon.Input, _ *simulate.Proposal) {
				in.Revisions = []*appsv1.ControllerRevision{whatIfRevision(t, in.DaemonSet, "h1", 1)}
				fromServer(in.DaemonSet)
			},
			want: `
no change
starts a rollout to revision 2: the template means the same, but its bytes differ, with or without this change: 3 outdated pods`,
		},
		{
			name: "revisions unknown, same template", why: "the templates alone decide",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet, in.Revisions, in.Pods = fromServer(in.DaemonSet.DeepCopy()), nil, nil
			},
			want: "no change: the manifest only writes out defaults",
		},
		{
			name: "revisions unknown, other template", why: "the templates alone decide",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				image("agent:2")(in, p)
				in.Revisions, in.Pods = nil, nil
			},
			want: `
starts a rollout to revision 1: 0 outdated pods
  spec.template.spec.containers[name=main].image: "agent:1" -> "agent:2"
nodes: 4 unchanged
first pass: no pod to delete or create`,
		},
		{
			name: "revisions unknown, other spelling", why: "the templates alone decide",
			set: build.Set{Spec: corev1.PodSpec{Overhead: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Ki")}}},
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet, in.Revisions, in.Pods = in.DaemonSet.DeepCopy(), nil, nil
				p.DaemonSet.Spec.Template.Spec.Overhead[corev1.ResourceMemory] = resource.MustParse("1024")
			},
			want: `
starts a rollout to revision 1: the template means the same, but its bytes differ: 0 outdated pods
nodes: 4 unchanged
first pass: no pod to delete or create`,
		},
		{
			name: "node selector", why: "a node is lost at once, before any rollout",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = in.DaemonSet.DeepCopy()
				p.DaemonSet.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
			},
			want: `
starts a rollout to revision 2: 3 outdated pods
  spec.template.spec.nodeSelector[disk]: added "ssd"
nodes: 1 lost, 3 unchanged
  w3: lost: nodeSelector disk=ssd, node has disk=hdd
first pass: 1 to delete
  delete on-w3 on w3: node does not keep the pod: nodeSelector disk=ssd, node has disk=hdd`,
		},
		{
			name: "node selector taken away", why: "a node is gained",
			set: ssd,
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = in.DaemonSet.DeepCopy()
				p.DaemonSet.Spec.Template.Spec.NodeSelector = nil
			},
			want: `
starts a rollout to revision 2: 2 outdated pods
  spec.template.spec.nodeSelector[disk]: removed "ssd"
nodes: 1 gained, 3 unchanged
  w3: gained; before: nodeSelector disk=ssd, node has disk=hdd
first pass: 1 to create
  create on w3: node has no pod`,
		},
		{
			name: "toleration taken away", why: "the taint is NoSchedule: the pod stays, but never comes back",
			set: tolerating,
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = in.DaemonSet.DeepCopy()
				p.DaemonSet.Spec.Template.Spec.Tolerations = nil
			},
			want: `
starts a rollout to revision 2: 4 outdated pods
  spec.template.spec.tolerations[0]: removed {"key":"dedicated","operator":"Exists"}
nodes: 1 keeps its pod, 3 unchanged
  w4: keeps its pod: untolerated taint dedicated:NoSchedule
first pass: 1 to delete
  delete on-w1 on w1: outdated, within maxUnavailable`,
		},
		{
			name: "nodes come, go and change", why: "the DaemonSet stays as it is",
			change: func(_ *daemon.Input, p *simulate.Proposal) {
				p.Nodes = []*corev1.Node{
					build.Node{Name: "w1", Taints: []corev1.Taint{build.NoExecute("drain")}}.Object(),
					build.Node{Name: "w2", Taints: []corev1.Taint{build.NoSchedule("cordon")}}.Object(),
					build.Node{Name: "w4"}.Object(),
					build.Node{Name: "w5"}.Object(),
				}
			},
			want: `
no rollout: the template is the same
nodes: 2 gained, 1 lost, 1 keeps its pod, 1 removed
  w4: gained; before: untolerated taint dedicated:NoSchedule
  w5: gained; before: no node
  w1: lost: untolerated taint drain:NoExecute
  w2: keeps its pod: untolerated taint cordon:NoSchedule
  w3: removed: no node
first pass: 1 to delete, 2 to create
  delete on-w1 on w1: node does not keep the pod: untolerated taint drain:NoExecute
  create on w4: node has no pod
  create on w5: node has no pod`,
		},
		{
			name: "remove", why: "all pods go with it, on nodes that stay",
			change: func(_ *daemon.Input, p *simulate.Proposal) {
				p.Remove, p.Nodes = true, append(whatIfDisks()[1:], build.Nodes("w5")...)
			},
			want: `
removes the DaemonSet and its pods
nodes: 2 lost, 1 removed, 2 unchanged
  w2, w3: lost: the DaemonSet is removed
  w1: removed: no node`,
		},
		{
			name: "no nodes left", why: "an empty list is not nil",
			change: func(_ *daemon.Input, p *simulate.Proposal) { p.Nodes = []*corev1.Node{} },
			want: `
no rollout: the template is the same
nodes: 3 removed, 1 unchanged
  w1, w2, w3: removed: no node
first pass: no pod to delete or create`,
		},
		{
			name: "a kept pod is driven out", why: "a node that should not have had its pod loses it",
			set: tolerating,
			change: func(in *daemon.Input, p *simulate.Proposal) {
				in.DaemonSet.Spec.Template.Spec.Tolerations = nil
				in.Revisions = nil
				for _, pod := range in.Pods {
					pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = daemon.TemplateHash(&in.DaemonSet.Spec.Template, nil)
				}
				p.Nodes = slices.Clone(in.Nodes)
				p.Nodes[3] = build.Node{Name: "w4", Taints: []corev1.Taint{build.NoExecute("dedicated")}}.Object()
			},
			want: `
no rollout: the template is the same
nodes: 1 lost, 3 unchanged
  w4: lost: untolerated taint dedicated:NoExecute
first pass: 1 to delete
  delete on-w4 on w4: node does not keep the pod: untolerated taint dedicated:NoExecute`,
		},
		{
			name: "revisions are not known", why: "the template before stands for them, and the update begins all the same",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				in.Revisions = nil
				for _, pod := range in.Pods {
					pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = daemon.TemplateHash(&fromServer(in.DaemonSet).Spec.Template, nil)
				}
				image("agent:2")(in, p)
			},
			want: `
starts a rollout to revision 1: 3 outdated pods
  spec.template.spec.containers[name=main].image: "agent:1" -> "agent:2"
nodes: 4 unchanged
first pass: 1 to delete
  delete on-w1 on w1: outdated, within maxUnavailable`,
		},
		{
			name: "what happens anyway", why: "the failed pod goes whatever is proposed, and the update waits for that",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				in.Pods[1].Status.Phase = corev1.PodFailed
				image("agent:2")(in, p)
			},
			want: `
starts a rollout to revision 2: 2 outdated pods
  spec.template.spec.containers[name=main].image: "agent:1" -> "agent:2"
nodes: 4 unchanged
first pass: no pod to delete or create`,
		},
		{
			name: "new DaemonSet", why: "every node that it runs on is gained",
			set: ssd,
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = in.DaemonSet
				*in = daemon.Input{Nodes: in.Nodes, Now: in.Now}
			},
			want: `
new DaemonSet with revision 1
nodes: 2 gained, 2 unchanged
  w1, w2: gained: the DaemonSet is new
first pass: 2 to create
  create on w1: node has no pod
  create on w2: node has no pod`,
		},
		{
			name: "new DaemonSet and new node", why: "all nodes are gained for one reason",
			set: ssd,
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet, p.Nodes = in.DaemonSet, in.Nodes
				*in = daemon.Input{Nodes: in.Nodes[:1], Now: in.Now}
			},
			want: `
new DaemonSet with revision 1
nodes: 2 gained, 2 unchanged
  w1, w2: gained: the DaemonSet is new
first pass: 2 to create
  create on w1: node has no pod
  create on w2: node has no pod`,
		},
		{
			name: "selector", why: "the server refuses it, and what it would do is made up",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = in.DaemonSet.DeepCopy()
				p.DaemonSet.Spec.Selector.MatchLabels["tier"] = "node"
				p.DaemonSet.Spec.Template.Labels["tier"] = "node"
			},
			want: `
refused: spec.selector: Invalid value: {"matchLabels":{"app":"agent","tier":"node"}}: field is immutable
not simulated; it changes the template:
  spec.template.metadata.labels[tier]: added "node"`,
		},
		{
			name: "empty selector", why: "two errors, and the template is the same",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = in.DaemonSet.DeepCopy()
				p.DaemonSet.Spec.Selector = &metav1.LabelSelector{}
			},
			want: `
refused: spec.selector: Invalid value: {}: field is immutable
refused: spec.selector: Invalid value: {}: empty selector is invalid for daemonset
not simulated`,
		},
		{
			name: "refused, with a node", why: "the rest of a proposal is not judged alone",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet, p.Nodes = in.DaemonSet.DeepCopy(), []*corev1.Node{}
				p.DaemonSet.Spec.MinReadySeconds = -1
			},
			want: `
refused: spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0
not simulated`,
		},
		{
			name: "new and refused", why: "there is no template to compare with",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				p.DaemonSet = in.DaemonSet
				p.DaemonSet.Spec.MinReadySeconds = -1
				*in = daemon.Input{Nodes: in.Nodes, Now: in.Now}
			},
			want: `
refused: spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0
not simulated`,
		},
		{
			name: "ignored", why: "a controller does nothing for an empty selector that is stored",
			change: func(in *daemon.Input, p *simulate.Proposal) {
				in.DaemonSet.Spec.Selector, p.Nodes = &metav1.LabelSelector{}, in.Nodes[:3]
			},
			want: `
no rollout: the controller ignores an empty selector
nodes: 4 unchanged
first pass: no pod to delete or create`,
		},
		{
			name: "many lines", why: "the text stays readable",
			nodes: build.Nodes("a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"),
			change: func(_ *daemon.Input, p *simulate.Proposal) {
				p.Nodes = build.Nodes("a")
			},
			want: `
no rollout: the template is the same
nodes: 11 removed, 1 unchanged
  b, c, d, e, f and 6 more nodes: removed: no node
first pass: no pod to delete or create`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			nodes := tc.nodes
			if nodes == nil {
				nodes = whatIfDisks()
			}
			in := whatIfCluster(t, tc.set.Object(), nodes)
			var proposal simulate.Proposal
			if tc.change != nil {
				tc.change(&in, &proposal)
			}
			beforeIn, beforeDS := copyInput(in), proposal.DaemonSet.DeepCopy()
			got, err := simulate.WhatIf(in, proposal, simulate.Options{})
			if err != nil {
				t.Fatalf("WhatIf() = %v: %s", err, tc.why)
			}
			if diff := cmp.Diff(strings.TrimPrefix(tc.want, "\n"), got.String()); diff != "" {
				t.Errorf("WhatIf() differs: %s (-want +got):\n%s", tc.why, diff)
			}
			if diff := cmp.Diff(beforeIn, in); diff != "" {
				t.Errorf("WhatIf() changed its input (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(beforeDS, proposal.DaemonSet); diff != "" {
				t.Errorf("WhatIf() changed the proposal (-before +after):\n%s", diff)
			}
		})
	}
}

func TestWhatIfFields(t *testing.T) {
	ds := build.Set{Generation: 4, Status: appsv1.DaemonSetStatus{ObservedGeneration: 4}}.Object()
	ds.Annotations = map[string]string{appsv1.DeprecatedTemplateGeneration: "7"}
	ds.ResourceVersion = "99"
	in := whatIfCluster(t, ds, whatIfDisks())
	in.BurstReplicas = 2
	manifest := &appsv1.DaemonSet{Spec: *ds.Spec.DeepCopy()}
	manifest.Spec.Template.Spec.Containers[0].Image = "agent:2"
	manifest.Spec.Template.Spec.DNSPolicy = corev1.DNSClusterFirst
	got := whatIf(t, in, simulate.Proposal{DaemonSet: manifest})
	if got.Refused != nil || got.Rollout != simulate.RolloutNewTemplate || got.Revision != 2 || got.AlreadyDue || got.Outdated != 3 ||
		got.OnlyDefaults || len(got.Template) != 1 {
		t.Errorf("WhatIf() = %+v", got)
	}
	after := got.After.DaemonSet
	if after.UID != ds.UID || after.Name != ds.Name || after.Namespace != ds.Namespace || after.Generation != 5 ||
		after.ResourceVersion != "99" || after.Status.ObservedGeneration != 4 || after.Annotations[appsv1.DeprecatedTemplateGeneration] != "8" ||
		after.Spec.Template.Spec.SchedulerName != "default-scheduler" || !after.CreationTimestamp.Equal(&ds.CreationTimestamp) {
		t.Errorf("After.DaemonSet = %+v, want what a server would store", after)
	}
	if got.After.BurstReplicas != 2 || len(got.After.Pods) != 3 {
		t.Errorf("After = %+v, want the rest of the input", got.After)
	}
	// Run begins where WhatIf ends.
	if end := settle(t, got.After, simulate.Options{}); end.State != simulate.EndComplete {
		t.Errorf("Run() ends %v", end)
	}
	// The spec alone changes: the generation is raised, the template's is not.
	manifest = ds.DeepCopy()
	manifest.Spec.MinReadySeconds = 5
	got = whatIf(t, in, simulate.Proposal{DaemonSet: manifest})
	if after = got.After.DaemonSet; after.Generation != 5 || after.Annotations[appsv1.DeprecatedTemplateGeneration] != "7" || got.Rollout != simulate.RolloutNone {
		t.Errorf("WhatIf() = %v with %+v", got, after)
	}
	if got.AlreadyDue {
		t.Error("AlreadyDue = true where no rollout starts")
	}
	// A new DaemonSet begins with generation one.
	got = whatIf(t, daemon.Input{Nodes: append(whatIfDisks(), nil), Now: in.Now}, simulate.Proposal{DaemonSet: build.Set{Generation: -1}.Object(), Nodes: in.Nodes})
	if got.After.DaemonSet.Generation != 1 || got.Rollout != simulate.RolloutFirst {
		t.Errorf("WhatIf() = %v with %+v", got, got.After.DaemonSet)
	}
	// A node that only a pod knows of is among the nodes.
	gone := in
	gone.Pods = append(slices.Clone(in.Pods), build.Pod{Name: "on-w9", Node: "w9", Hash: "h1"}.Of(ds))
	got = whatIf(t, gone, simulate.Proposal{})
	if last := got.Nodes[len(got.Nodes)-1]; last.Node != "w9" || last.Effect != simulate.NodeUnchanged {
		t.Errorf("WhatIf() knows of %v", last)
	}
}

func whatIf(t *testing.T, in daemon.Input, p simulate.Proposal) *simulate.Impact {
	t.Helper()
	got, err := simulate.WhatIf(in, p, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// TestWhatIfIdentical: a manifest that is identical to the stored DaemonSet changes
// nothing, whatever the state of the cluster.
func TestWhatIfIdentical(t *testing.T) {
	for seed := range property.Seeds(t, 75) {
		in := scenario.Random(rand.New(rand.NewPCG(seed, 9)))
		want := whatIf(t, in, simulate.Proposal{})
		got := whatIf(t, in, simulate.Proposal{DaemonSet: in.DaemonSet.DeepCopy(), Nodes: in.Nodes})
		if diff := cmp.Diff(want.String(), got.String()); diff != "" {
			t.Fatalf("seed %d: WhatIf() of the same manifest (-no proposal +same manifest):\n%s", seed, diff)
		}
		if got.Refused != nil || got.Delete != nil || got.Create != nil || got.Template != nil || got.OnlyDefaults || got.After.DaemonSet.Generation != in.DaemonSet.Generation {
			t.Fatalf("seed %d: WhatIf() of the same manifest = %v", seed, got)
		}
		if !want.NoChange || !got.NoChange || !strings.HasPrefix(got.String(), "no change") {
			t.Fatalf("seed %d: NoChange = %v without a proposal, %v with the same manifest: %v", seed, want.NoChange, got.NoChange, got)
		}
	}
}

// TestWhatIfNoChange proposes to random clusters the DaemonSet as a client may write it
// again, with one field changed or none: NoChange says which.
func TestWhatIfNoChange(t *testing.T) {
	changes := map[string]func(*appsv1.DaemonSet){
		"label":       func(ds *appsv1.DaemonSet) { ds.Labels = map[string]string{"new": "label"} },
		"annotation":  func(ds *appsv1.DaemonSet) { metav1.SetMetaDataAnnotation(&ds.ObjectMeta, "new", "a") },
		"finalizer":   func(ds *appsv1.DaemonSet) { ds.Finalizers = []string{"example.com/new"} },
		"minReady":    func(ds *appsv1.DaemonSet) { ds.Spec.MinReadySeconds += 7 },
		"history":     func(ds *appsv1.DaemonSet) { ds.Spec.RevisionHistoryLimit = new(int32(77)) },
		"image":       func(ds *appsv1.DaemonSet) { ds.Spec.Template.Spec.Containers[0].Image = "new" },
		"pod's label": func(ds *appsv1.DaemonSet) { ds.Spec.Template.Labels["new"] = "label" },
		"grace": func(ds *appsv1.DaemonSet) {
			ds.Spec.Template.Spec.TerminationGracePeriodSeconds = new(int64(77))
		},
	}
	names := slices.Sorted(maps.Keys(changes))
	for seed := range property.Seeds(t, 75) {
		r := rand.New(rand.NewPCG(seed, 17))
		in := scenario.Random(r)
		again := in.DaemonSet.DeepCopy()
		// What a client need not write, or cannot.
		again.UID, again.ResourceVersion, again.Generation, again.CreationTimestamp = "", "", 0, metav1.Time{}
		again.Status = appsv1.DaemonSetStatus{}
		wantDefaults := false
		switch r.IntN(3) {
		case 0:
			fromServer(in.DaemonSet)
		case 1:
			wantDefaults = true
			fromServer(again)
		}
		got := whatIf(t, in, simulate.Proposal{DaemonSet: again})
		if got.Refused != nil || !got.NoChange || got.OnlyDefaults != wantDefaults || got.Template != nil || got.Delete != nil || got.Create != nil {
			t.Fatalf("seed %d: WhatIf() of the same again = %v, OnlyDefaults = %v, want %v", seed, got, got.OnlyDefaults, wantDefaults)
		}
		name := names[r.IntN(len(names))]
		changes[name](again)
		if got := whatIf(t, in, simulate.Proposal{DaemonSet: again}); got.Refused != nil || got.NoChange || got.OnlyDefaults {
			t.Fatalf("seed %d: WhatIf() of another %s = %v, NoChange %v, OnlyDefaults %v, want a change", seed, name, got, got.NoChange, got.OnlyDefaults)
		}
	}
}

// TestWhatIfSameObjects: what counts as the same DaemonSet and the same nodes.
func TestWhatIfSameObjects(t *testing.T) {
	nodes := func(change func(*corev1.Node)) *simulate.Proposal {
		p := &simulate.Proposal{Nodes: build.Nodes("b", "a")}
		change(p.Nodes[0])
		return p
	}
	for _, tc := range []struct {
		name, why string
		proposal  *simulate.Proposal
		want      bool
	}{
		{"order of nodes", "a list of nodes has no order", nodes(func(*corev1.Node) {}), true},
		{"resource version", "the server alone counts it up", nodes(func(n *corev1.Node) { n.ResourceVersion, n.Kind = "9", "Node" }), true},
		{"label", "it may move pods", nodes(func(n *corev1.Node) { n.Labels = map[string]string{"a": "b"} }), false},
		{"name", "another node", nodes(func(n *corev1.Node) { n.Name = "c" }), false},
		{"a node twice", "the other one is gone", nodes(func(n *corev1.Node) { n.Name = "a" }), false},
		{"kind", "another owner would adopt other pods", &simulate.Proposal{DaemonSet: func() *appsv1.DaemonSet {
			ds := build.Set{}.Object()
			ds.TypeMeta = metav1.TypeMeta{APIVersion: "agents.example.com/v1", Kind: "NodeAgent"}
			return ds
		}()}, false},
	} {
		ds := build.Set{}.Object()
		if tc.name == "a node twice" {
			ds.Spec.Selector = &metav1.LabelSelector{} // otherwise the list is an error
		}
		got := whatIf(t, daemon.Input{DaemonSet: ds, Nodes: build.Nodes("a", "b"), Now: build.Now}, *tc.proposal)
		if got.NoChange != tc.want {
			t.Errorf("%s: NoChange = %v, want %v: %s\n%v", tc.name, got.NoChange, tc.want, tc.why, got)
		}
	}
}

// TestWhatIfRefused: a proposal that the server refuses has no effects, whatever else it
// proposes and whatever the cluster is like.
func TestWhatIfRefused(t *testing.T) {
	refusals := map[string]func(*appsv1.DaemonSet){
		"metadata.name":                 func(ds *appsv1.DaemonSet) { ds.Name = "other" },
		"metadata.namespace":            func(ds *appsv1.DaemonSet) { ds.Namespace = "other" },
		"metadata.uid":                  func(ds *appsv1.DaemonSet) { ds.UID = "other" },
		"spec.selector":                 func(ds *appsv1.DaemonSet) { ds.Spec.Selector = &metav1.LabelSelector{} },
		"spec.minReadySeconds":          func(ds *appsv1.DaemonSet) { ds.Spec.MinReadySeconds = -1 },
		"spec.template.metadata.labels": func(ds *appsv1.DaemonSet) { ds.Spec.Template.Labels = nil },
	}
	paths := slices.Sorted(maps.Keys(refusals))
	for seed := range property.Seeds(t, 50) {
		r := rand.New(rand.NewPCG(seed, 18))
		in := scenario.Random(r)
		p := simulate.Proposal{DaemonSet: in.DaemonSet.DeepCopy(), Nodes: scenario.Random(r).Nodes}
		p.DaemonSet.Spec.Template.Spec.Containers[0].Image = "new"
		path := paths[r.IntN(len(paths))]
		refusals[path](p.DaemonSet)
		got := whatIf(t, in, p)
		if !slices.ContainsFunc(got.Refused, func(err *field.Error) bool { return err.Field == path }) {
			t.Fatalf("seed %d: Refused = %v, want an error at %s", seed, got.Refused, path)
		}
		if len(got.Template) == 0 {
			t.Errorf("seed %d: Template is empty, want the new image", seed)
		}
		rest := *got
		rest.Refused, rest.Template = nil, nil
		if diff := cmp.Diff(simulate.Impact{}, rest); diff != "" {
			t.Fatalf("seed %d: a refused proposal has effects (-none +got):\n%s", seed, diff)
		}
		if s := got.String(); !strings.HasPrefix(s, "refused: ") || strings.Contains(s, "first pass") {
			t.Fatalf("seed %d: String() = %s", seed, s)
		}
	}
}

// TestWhatIfPolicy: the first pass obeys the policy.
func TestWhatIfPolicy(t *testing.T) {
	in := whatIfCluster(t, build.Set{}.Object(), whatIfDisks())
	p := simulate.Proposal{DaemonSet: in.DaemonSet.DeepCopy()}
	p.DaemonSet.Spec.Template.Spec.Containers[0].Image = "agent:2"
	got, err := simulate.WhatIf(in, p, simulate.Options{Policy: rollout.Policy{Paused: true}})
	if err != nil || got.Delete != nil || got.Outdated != 3 {
		t.Errorf("WhatIf() with a pause = %v, %v, want three outdated pods and nothing deleted", got, err)
	}
}

// TestWhatIfOnlyDefaults: a default that is written out beside another spelling
// starts a rollout.
func TestWhatIfOnlyDefaults(t *testing.T) {
	in := whatIfCluster(t, build.Set{Spec: corev1.PodSpec{Overhead: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Ki")}}}.Object(), whatIfDisks())
	p := simulate.Proposal{DaemonSet: fromServer(in.DaemonSet.DeepCopy())}
	for _, want := range []bool{true, false} {
		got, err := simulate.WhatIf(in, p, simulate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Template) > 0 || got.OnlyDefaults != want {
			t.Errorf("WhatIf() = %v, OnlyDefaults = %v, want %v", got, got.OnlyDefaults, want)
		}
		p.DaemonSet.Spec.Template.Spec.Overhead[corev1.ResourceMemory] = resource.MustParse("1024")
	}
}

// TestWhatIfHasNoBurstLimit: what passes do one after the other is done at once.
func TestWhatIfHasNoBurstLimit(t *testing.T) {
	var names []string
	for i := range 300 {
		names = append(names, fmt.Sprintf("w%03d", i))
	}
	in := whatIfCluster(t, build.Set{}.Object(), build.Nodes(names...))
	in.BurstReplicas = 10
	p := simulate.Proposal{DaemonSet: in.DaemonSet.DeepCopy()}
	p.DaemonSet.Spec.Template.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	got, err := simulate.WhatIf(in, p, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Delete) != 300 || len(got.NodesWith(simulate.NodeLost)) != 300 {
		t.Errorf("WhatIf() deletes %d pods on %d nodes, want 300 on 300", len(got.Delete), len(got.NodesWith(simulate.NodeLost)))
	}
}

func TestWhatIfCollision(t *testing.T) {
	in := whatIfCluster(t, build.Set{}.Object(), whatIfDisks())
	p := simulate.Proposal{DaemonSet: in.DaemonSet.DeepCopy()}
	p.DaemonSet.Spec.Template.Spec.Containers[0].Image = "agent:2"
	got, err := simulate.WhatIf(in, p, simulate.Options{})
	if err != nil {
		t.Fatal(err)
	}
	first, err := rollout.Sync(got.After, rollout.Options{})
	if err != nil {
		t.Fatal(err)
	}
	taken := first.Revisions.Create.DeepCopy()
	taken.Data.Raw, taken.OwnerReferences[0].UID = []byte(`{}`), types.UID("other")
	in.Revisions = append(in.Revisions, taken)
	if got, err = simulate.WhatIf(in, p, simulate.Options{}); err != nil {
		t.Fatal(err)
	}
	if got.Rollout != simulate.RolloutNewTemplate || got.Outdated != 3 {
		t.Errorf("WhatIf() = %v, want a revision of another name", got)
	}
}

// TestWhatIfOtherName: a proposal with another name is a change that the server refuses.
func TestWhatIfOtherName(t *testing.T) {
	in := whatIfCluster(t, build.Set{}.Object(), whatIfDisks())
	other := in.DaemonSet.DeepCopy()
	other.Name = "other"
	if got := whatIf(t, in, simulate.Proposal{DaemonSet: other}).Refused; len(got) == 0 || got[0].Field != "metadata.name" {
		t.Errorf("Refused = %v, want an error about the name", got)
	}
}

func TestWhatIfErrors(t *testing.T) {
	in := whatIfCluster(t, build.Set{}.Object(), whatIfDisks())
	broken := intstr.FromString("many")
	wrong := in.DaemonSet.DeepCopy()
	wrong.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = &broken
	wrongIn := in
	wrongIn.DaemonSet = wrong
	noTime := in
	noTime.Now = time.Time{}
	nilPod := in
	nilPod.Pods = []*corev1.Pod{nil}
	misspelt := build.Nodes("w1")[0]
	misspelt.Spec.Taints = []corev1.Taint{build.NoSchedule("a"), {Key: "b", Effect: "Noschedule"}}
	nilRevision := in
	nilRevision.Revisions = []*appsv1.ControllerRevision{nil}
	for _, tc := range []struct {
		name, why  string
		in         daemon.Input
		proposal   simulate.Proposal
		side, path string
	}{
		{"nothing", "there is no DaemonSet on either side", daemon.Input{}, simulate.Proposal{}, "", "daemonSet"},
		{"nothing to remove", "it may be the wrong name", daemon.Input{Now: in.Now}, simulate.Proposal{Remove: true}, "", "daemonSet"},
		{"remove and change", "one of them is a slip", in, simulate.Proposal{Remove: true, DaemonSet: in.DaemonSet}, "", "proposal.daemonSet"},
		{"remove and nil pod", "as Sync", nilPod, simulate.Proposal{Remove: true}, "without the proposal: ", "pods[0]"},
		{"no time", "no pod would be available in the year 1", noTime, simulate.Proposal{}, "", "now"},
		{"budget before", "as Sync", wrongIn, simulate.Proposal{}, "without the proposal: ", "spec.updateStrategy.rollingUpdate.maxUnavailable"},
		{"nil node after", "as Sync", in, simulate.Proposal{Nodes: []*corev1.Node{nil}}, "with the proposal: ", "nodes[0]"},
		{"effect of a taint", "the API server refuses it, and here it would keep no pod away", in,
			simulate.Proposal{Nodes: []*corev1.Node{nil, misspelt}}, "", "proposal.nodes[1].spec.taints[1].effect"},
		{"nil pod", "as Sync", nilPod, simulate.Proposal{}, "without the proposal: ", "pods[0]"},
		{"nil revision", "as Sync", nilRevision, simulate.Proposal{}, "without the proposal: ", "revisions[0]"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := simulate.WhatIf(tc.in, tc.proposal, simulate.Options{})
			var fieldErr *field.Error
			if got != nil || !errors.As(err, &fieldErr) || fieldErr.Field != tc.path || !strings.HasPrefix(err.Error(), tc.side) {
				t.Errorf("WhatIf() = %v, %v, want an error at %s behind %q: %s", got, err, tc.path, tc.side, tc.why)
			}
		})
	}
}

// TestWhatIfThenRun plays proposals to their ends.
func TestWhatIfThenRun(t *testing.T) {
	in := facts(t, 4, 0)
	image := in.DaemonSet.DeepCopy()
	image.Spec.Template.Spec.Containers[0].Image = "agent:2"
	label := in.DaemonSet.DeepCopy()
	label.Labels = map[string]string{"team": "a"}
	nodes := append(slices.Clone(in.Nodes), build.Node{Name: "new"}.Object())
	for _, tc := range []struct {
		name, why string
		proposal  simulate.Proposal
		opts      simulate.Options
		want      string
	}{
		{"nothing", "nothing is written", simulate.Proposal{}, simulate.Options{}, "complete from the start (4 of 4 available)"},
		{"label of its own", "the template is the same, so that nothing rolls out", simulate.Proposal{DaemonSet: label}, simulate.Options{},
			"complete from the start (4 of 4 available)"},
		{"image", "four nodes one by one, twelve seconds each", simulate.Proposal{DaemonSet: image}, simulate.Options{},
			"complete after 48s (13 passes, at least 3 of 4 available)"},
		{"node", "one pod more", simulate.Proposal{Nodes: nodes}, simulate.Options{}, "complete after 10s (3 passes, at least 4 of 5 available)"},
		{"never ready", "the new pods do not start", simulate.Proposal{DaemonSet: image}, always(simulate.PodTimes{ReadyAfter: -1}),
			"stalled without completing a node (3 passes, at least 3 of 4 available)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := simulate.Settle(whatIf(t, in, tc.proposal).After, tc.opts)
			if err != nil || !strings.HasPrefix(got.String(), tc.want) {
				t.Errorf("Settle() = %v, %v, want %s: %s", got, err, tc.want, tc.why)
			}
		})
	}
}

// TestWhatIfProperties proposes arbitrary changes to arbitrary clusters: the order
// of the input does not matter, nothing passed in is changed, the effects say what
// the first pass does, and writing defaults out starts nothing.
func TestWhatIfProperties(t *testing.T) {
	seen := map[simulate.NodeEffect]int{}
	started := map[simulate.RolloutReason]int{}
	for seed := range property.Seeds(t, 50) {
		r := rand.New(rand.NewPCG(seed, 1))
		in := scenario.Random(r)
		p := simulate.Proposal{}
		if r.IntN(2) == 0 {
			p.Nodes = scenario.Random(r).Nodes
		}
		if r.IntN(3) > 0 {
			p.DaemonSet = in.DaemonSet.DeepCopy()
			p.DaemonSet.Spec.Template.Spec.Containers[0].Image = []string{"c:1", "c:2", "c:3"}[r.IntN(3)]
			p.DaemonSet.Spec.Template.Spec.NodeSelector = []map[string]string{nil, {"disk": "ssd"}}[r.IntN(2)]
		}
		before := copyInput(in)
		got, err := simulate.WhatIf(in, p, simulate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		started[got.Rollout]++
		if diff := cmp.Diff(before, in); diff != "" {
			t.Errorf("WhatIf() changed its input (-before +after):\n%s", diff)
		}
		slices.Reverse(in.Nodes)
		slices.Reverse(in.Pods)
		slices.Reverse(in.Revisions)
		slices.Reverse(p.Nodes)
		again, err := simulate.WhatIf(in, p, simulate.Options{})
		if err != nil || again.String() != got.String() {
			t.Errorf("WhatIf() depends on the order: %v, %v, %v", got, again, err)
		}
		with := firstPass(t, got.After)
		without := firstPass(t, whatIf(t, in, simulate.Proposal{}).After)
		deletes := func(list []daemon.Delete, pod string) bool {
			return slices.ContainsFunc(list, func(d daemon.Delete) bool { return d.Pod.Name == pod })
		}
		for _, d := range with.Plan.Delete {
			if !deletes(got.Delete, d.Pod.Name) && !deletes(without.Plan.Delete, d.Pod.Name) {
				t.Errorf("Delete lacks %v", d)
			}
		}
		for _, n := range got.Nodes {
			seen[n.Effect]++
			ran, runs := n.Before.Run, n.After.Run
			switch n.Effect {
			case simulate.NodeUnchanged:
				if ran != runs && (ran || runs) {
					t.Errorf("%v, but run %v -> %v", n, ran, runs)
				}
			case simulate.NodeGained:
				if ran || !runs {
					t.Errorf("%v, but run %v -> %v", n, ran, runs)
				}
			case simulate.NodeKeepsPod:
				if !ran || runs || !n.After.Keep {
					t.Errorf("%v, but run %v -> %v", n, ran, runs)
				}
			default:
				if runs || n.After.Keep {
					t.Errorf("%v, but stays", n)
				}
			}
			if n.Effect != simulate.NodeLost {
				continue
			}
			was := without.Snapshot.Node(n.Node)
			if was == nil {
				continue
			}
			for _, pod := range was.Pods {
				if !pod.Terminating && !deletes(with.Plan.Delete, pod.Pod.Name) {
					t.Errorf("%v, but %s is not deleted", n, pod.Pod.Name)
				}
			}
		}
		if p.DaemonSet == nil {
			continue
		}
		// The same, but with what a server would have stored.
		p.DaemonSet = got.After.DaemonSet
		full, err := simulate.WhatIf(in, p, simulate.Options{})
		if err != nil {
			t.Fatal(err)
		}
		opts := cmp.Options{cmpopts.EquateEmpty()}
		if full.Rollout != got.Rollout || cmp.Diff(got.Template.String(), full.Template.String(), opts) != "" {
			t.Errorf("WhatIf() differs where defaults are written out: %v, %v", got, full)
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	for effect := simulate.NodeUnchanged; effect <= simulate.NodeRemoved; effect++ {
		if seen[effect] == 0 {
			t.Errorf("no node was %v: %v", effect, seen)
		}
	}
	for _, start := range []simulate.RolloutReason{simulate.RolloutNone, simulate.RolloutNewTemplate, simulate.RolloutOldTemplate} {
		if started[start] == 0 {
			t.Errorf("no rollout was %v: %v", start, started)
		}
	}
}

// firstPass makes the first pass with a snapshot, without a burst limit.
func firstPass(t *testing.T, in daemon.Input) *rollout.Result {
	t.Helper()
	in.BurstReplicas = -1
	for pass, err := range simulate.Run(in, simulate.Options{}) {
		if err != nil {
			t.Fatal(err)
		}
		if pass.Result.Outcome != rollout.OutcomeCollision {
			return pass.Result
		}
	}
	return &rollout.Result{}
}

// FuzzWhatIfObjects feeds objects of any shape that JSON can give them.
func FuzzWhatIfObjects(f *testing.F) {
	ds := `{"metadata":{"name":"d","namespace":"ns","uid":"u"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}}},"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":1}}}}`
	f.Add(ds, ds, `{"metadata":{"name":"n1"}}`, `{"metadata":{"namespace":"ns","labels":{"a":"b"}},"spec":{"nodeName":"n1"},"status":{"containerStatuses":[{"state":{"terminated":{}},"restartCount":-7}]}}`)
	f.Add(ds, `{"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"spec":{"volumes":[{"projected":{"sources":[{}]}},{"ephemeral":{}},{"image":{}}],"containers":[{"image":"@","ports":[{}],"env":[{"valueFrom":{}}],"livenessProbe":{},"lifecycle":{"preStop":{}}}],"ephemeralContainers":[{}]}}}}`, `{}`, `{}`)
	f.Add(`null`, ds, `null`, `null`)
	f.Add(ds, `{}`, `{"metadata":{"name":"n1"},"status":{"conditions":[{"type":"Ready"}]}}`,
		`{"metadata":{"namespace":"ns","labels":{"a":"b"},"deletionTimestamp":"2026-01-01T00:00:00Z","deletionGracePeriodSeconds":-1},"spec":{"nodeName":"n1"},"status":{"conditions":[{"type":"Ready"}],"initContainerStatuses":[{"state":{"waiting":{"reason":"CrashLoopBackOff"}},"restartCount":2147483647,"lastState":{"terminated":{"startedAt":"0001-01-02T00:00:00Z","finishedAt":"9999-01-01T00:00:00Z"}}}]}}`)
	f.Fuzz(func(t *testing.T, before, after, node, pod string) {
		in := daemon.Input{DaemonSet: decode[appsv1.DaemonSet](t, before), Now: build.Now}
		if n := decode[corev1.Node](t, node); n != nil {
			in.Nodes = []*corev1.Node{n}
		}
		if p := decode[corev1.Pod](t, pod); p != nil {
			in.Pods = []*corev1.Pod{p}
		}
		p := simulate.Proposal{DaemonSet: decode[appsv1.DaemonSet](t, after)}
		was, err := json.Marshal([]any{in, p})
		if err != nil {
			t.Skip()
		}
		i, err := simulate.WhatIf(in, p, simulate.Options{})
		if (i == nil) == (err == nil) {
			t.Errorf("WhatIf() = %v, %v", i, err)
		}
		_ = i.String()
		if i != nil {
			for pass, err := range simulate.Run(i.After, simulate.Options{}) {
				_, _ = pass.String(), err
			}
		}
		if is, _ := json.Marshal([]any{in, p}); string(is) != string(was) {
			t.Errorf("WhatIf() changed its input:\n%s\n%s", was, is)
		}
	})
}

// decode returns nil for JSON null, and skips what is no such object.
func decode[T any](t *testing.T, raw string) *T {
	var object *T
	if err := json.Unmarshal([]byte(raw), &object); err != nil {
		t.Skip()
	}
	return object
}
