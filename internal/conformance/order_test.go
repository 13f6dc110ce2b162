package conformance

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
	daemonutil "k8s.io/kubernetes/pkg/controller/daemon/util"
)

// The places at which the order of writes counts, or the budget of a step falls short.
const (
	cutCreates  = "burst limit cuts creations"
	cutDeletes  = "burst limit cuts deletions"
	cutOneNode  = "burst limit cuts between the pods of one node"
	cutGone     = "burst limit cuts among the pods of nodes that do not exist"
	cutAllGone  = "burst limit leaves nothing for nodes that do not exist"
	ownedFailed = "an owned failed pod goes before an older orphan"
	ownedFirst  = "an owned pod goes before an older orphan of the node"

	stepShort        = "update step: maxUnavailable falls short"
	stepCutsFree     = "update step: burst limit cuts what costs no budget"
	stepCuts         = "update step: burst limit cuts what the budget allows"
	surgeShort       = "surge step: maxSurge falls short"
	surgeBoth        = "surge step: creates without budget and within it"
	surgeCuts        = "surge step: burst limit cuts creations"
	surgeDeletes     = "surge step: deletes unavailable pods from nodes that should not run them"
	surgeDrains      = "surge step: deletes available pods from nodes that should not run them"
	surgeDrainShort  = "surge step: too few available pods elsewhere to delete them all"
	surgeCutsDeletes = "surge step: burst limit cuts deletions"
)

var orderPlaces = []string{
	cutCreates, cutDeletes, cutOneNode, cutGone, cutAllGone, ownedFailed, ownedFirst, stepShort, stepCutsFree, stepCuts,
	surgeShort, surgeBoth, surgeCuts, surgeDeletes, surgeDrains, surgeDrainShort, surgeCutsDeletes,
}

// orderPlaces notes the places that upstream's pass has been to.
func (c *Comparison) orderPlaces(u *Upstream, note func(met bool, what string)) {
	s, syncs := c.adapted, c.Upstream.Syncs
	burst := s.burst()
	if len(syncs) == 1 {
		creates, deletes, nodes := syncs[0].Create, syncs[0].Delete, s.targets()
		head := s.onNodes(deletes, nodes)
		note(len(creates) > burst, cutCreates)
		note(len(deletes) > burst, cutDeletes)
		note(head > burst && nodes[deletes[burst-1]] == nodes[deletes[burst]], cutOneNode)
		note(head < burst && burst < len(deletes), cutGone)
		note(head >= burst && head < len(deletes), cutAllGone)
		c.claimPlaces(nodes, note)
	}
	if len(syncs) < 2 {
		return
	}
	step := syncs[1]
	budgeted := len(step.Delete) - step.FreeDeletes
	if !step.Surge {
		note(step.Candidates > budgeted, stepShort)
		note(step.FreeDeletes > burst, stepCutsFree)
		note(step.FreeDeletes > 0 && step.FreeDeletes <= burst && len(step.Delete) > burst, stepCuts)
		return
	}
	note(step.Candidates > len(step.Create)-step.FreeCreates, surgeShort)
	note(step.FreeCreates > 0 && len(step.Create) > step.FreeCreates, surgeBoth)
	note(len(step.Create) > burst, surgeCuts)
	note(step.FreeDeletes > 0, surgeDeletes)
	note(budgeted > 0, surgeDrains)
	note(len(step.Delete) > burst, surgeCutsDeletes)
	note(drainable(u, s, c.Report.Hash) > budgeted, surgeDrainShort)
}

// claimPlaces notes whether the order of the claims is not that of the ages.
func (c *Comparison) claimPlaces(nodes map[string]string, note func(met bool, what string)) {
	s := c.adapted
	adopted := map[string]bool{}
	for _, p := range c.Upstream.PodPatches {
		adopted[p.Name] = p.Type == types.StrategicMergePatchType && !strings.Contains(p.Data, `"$patch":"delete"`)
	}
	if len(adopted) == 0 {
		return
	}
	failed := func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed && p.DeletionTimestamp == nil }
	deletes := c.Upstream.Syncs[0].Delete
	for i, name := range deletes {
		pod := s.pod(name)
		if adopted[name] {
			if i > 0 && nodes[deletes[i-1]] == nodes[name] && !adopted[deletes[i-1]] {
				note(comparePods(pod, s.pod(deletes[i-1])) < 0, ownedFirst)
			}
			continue
		}
		if !failed(pod) {
			continue
		}
		for _, p := range s.Pods {
			note(adopted[p.Name] && failed(p) && nodes[p.Name] == nodes[name] && comparePods(p, pod) < 0 && !slices.Contains(deletes, p.Name), ownedFailed)
		}
	}
}

// drainable counts the available pods that a surge step deletes from nodes that
// should not run them once enough others are available.
func drainable(u *Upstream, s *State, hash string) int {
	n := 0
	for name, pods := range u.podsByNode(s) {
		node := s.node(name)
		cur, old, ok := findUpdatedPodsOnNode(s.DaemonSet, pods, hash)
		if node == nil || !ok || cur != nil || old == nil || !podutil.IsPodAvailable(old, s.DaemonSet.Spec.MinReadySeconds, metav1.Time{Time: s.Now}) {
			continue
		}
		if run, _ := shouldRun(s.DaemonSet, node); !run {
			n++
		}
	}
	return n
}

// TestWriteOrder shows the order of both sides' writes on small states, with
// upstream's list spelled out.
func TestWriteOrder(t *testing.T) {
	u, err := NewUpstream()
	if err != nil {
		t.Fatal(err)
	}
	aged := func(p *corev1.Pod, hours int) *corev1.Pod {
		p.CreationTimestamp = metav1.NewTime(p.CreationTimestamp.Add(-time.Duration(hours) * time.Hour))
		return p
	}
	phase := func(p *corev1.Pod, phase corev1.PodPhase) *corev1.Pod {
		p.Status = corev1.PodStatus{Phase: phase}
		return p
	}
	orphan := func(p *corev1.Pod) { p.OwnerReferences = nil }
	unscheduled := func(s *State, name, node string) *corev1.Pod {
		p := phase(s.addPod(name, node, "now", 0), corev1.PodPending)
		p.Spec.Affinity = daemonutil.ReplaceDaemonSetPodNodeNameNodeAffinity(nil, node)
		p.Spec.NodeName = ""
		return p
	}
	for _, tc := range []struct {
		name, why string
		state     func(s *State)
		creates   []string
		deletes   []string
	}{
		{
			name: "superfluous pods by age",
			why:  "upstream sorts the live pods by age and keeps the first",
			state: func(s *State) {
				aged(s.addPod("a", "n1", "now", time.Hour), 1)
				aged(s.addPod("b", "n1", "now", time.Hour), 3)
				aged(s.addPod("c", "n1", "now", time.Hour), 2)
			},
			deletes: []string{"c", "a", "pod-n1"},
		},
		{
			name: "finished pods before superfluous ones",
			why:  "upstream takes the failed and succeeded pods out before it looks at the others",
			state: func(s *State) {
				aged(s.addPod("a", "n1", "now", time.Hour), -1)
				phase(s.addPod("z", "n1", "now", 0), corev1.PodSucceeded)
			},
			deletes: []string{"z", "a"},
		},
		{
			name: "owned failed pod before an older orphan",
			why:  "claimed pods come with the owned ones first, and the first failed pod makes the others of its node wait",
			state: func(s *State) {
				orphan(aged(phase(s.addPod("a", "n1", "now", 0), corev1.PodFailed), 5))
				phase(s.addPod("z", "n1", "now", 0), corev1.PodFailed)
			},
			deletes: []string{"z"},
		},
		{
			name: "succeeded pods in the order of the claims",
			why:  "claimed pods come with the owned ones first",
			state: func(s *State) {
				orphan(aged(phase(s.addPod("a", "n1", "now", 0), corev1.PodSucceeded), 5))
				phase(s.addPod("z", "n1", "now", 0), corev1.PodSucceeded)
			},
			deletes: []string{"z", "a"},
		},
		{
			name: "pods of a node that should not run them in the order of the claims",
			why:  "upstream does not sort them",
			state: func(s *State) {
				s.Nodes[0].Spec.Taints = []corev1.Taint{{Key: "moved", Effect: corev1.TaintEffectNoExecute}}
				orphan(aged(s.addPod("a", "n1", "now", time.Hour), 5))
			},
			deletes: []string{"pod-n1", "a"},
		},
		{
			name: "unscheduled pods of a node that does not exist last",
			why:  "upstream adds them when all nodes are done",
			state: func(s *State) {
				unscheduled(s, "a", "gone")
				aged(s.addPod("z", "n2", "now", time.Hour), -1)
			},
			deletes: []string{"z", "a"},
		},
		{
			name: "unscheduled pods of a node that does not exist are cut first",
			why:  "the burst limit keeps the head of the list",
			state: func(s *State) {
				s.BurstReplicas = 2
				unscheduled(s, "a", "gone")
				aged(s.addPod("y", "n1", "now", time.Hour), -1)
				aged(s.addPod("z", "n2", "now", time.Hour), -1)
			},
			deletes: []string{"y", "z"},
		},
		{
			name: "the limit cuts inside a node",
			why:  "the burst limit does not look at nodes, and creations have one of their own",
			state: func(s *State) {
				s.BurstReplicas = 1
				s.Pods = s.Pods[1:]
				s.Nodes = append(s.Nodes, &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n3"}})
				aged(s.addPod("a", "n2", "now", time.Hour), -2)
				aged(s.addPod("b", "n2", "now", time.Hour), -1)
			},
			creates: []string{"n1"},
			deletes: []string{"b"},
		},
		{
			name: "an update step does first what costs no budget",
			why:  "upstream appends the chosen candidates to the replacements that need no choice",
			state: func(s *State) {
				s.older("old", 0)
				for _, p := range s.Pods {
					p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "old"
				}
				phase(s.Pods[1], corev1.PodRunning)
				s.DaemonSet.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromInt32(2))
			},
			deletes: []string{"pod-n2", "pod-n1"},
		},
		{
			name: "a surge step creates first what costs no budget",
			why:  "upstream appends the chosen nodes to those whose pod is not available",
			state: func(s *State) {
				s.surge(1)
				s.older("old", 0)
				for _, p := range s.Pods {
					p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "old"
				}
				phase(s.Pods[1], corev1.PodRunning)
			},
			creates: []string{"n2", "n1"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := simple()
			tc.state(s)
			up := u.Pass(inUpstreamOrder(s))
			sync := up.Syncs[len(up.Syncs)-1]
			for side, got := range map[string][2][]string{
				"upstream": {sync.Create[:min(len(sync.Create), s.burst())], sync.Delete[:min(len(sync.Delete), s.burst())]},
				"library":  libraryWrites(s),
			} {
				if !slices.Equal(got[0], tc.creates) || !slices.Equal(got[1], tc.deletes) {
					t.Errorf("%s creates on %v and deletes %v, want %v and %v: %s", side, got[0], got[1], tc.creates, tc.deletes, tc.why)
				}
			}
		})
	}
}

func libraryWrites(s *State) [2][]string {
	lib, _ := Library(s)
	return [2][]string{targets(lib.Creates), lib.Deletes}
}
