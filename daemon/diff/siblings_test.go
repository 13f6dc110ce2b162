package diff

import (
	"fmt"
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
	"k8s.io/apimachinery/pkg/types"

	"github.com/pernode/daemonset/daemon"
)

// livePod is a pod of the DaemonSet as an API server has it: with a name, defaults, and the
// volume with the token, bound to the node.
func livePod(ds *appsv1.DaemonSet, node string) *corev1.Pod {
	pod := daemon.NewPod(ds, node, "h1")
	end := strings.Repeat(node[len(node)-1:], 5)
	pod.Name = pod.GenerateName + end
	pod.UID, pod.ResourceVersion, pod.Generation = types.UID(end), end, 1
	pod.CreationTimestamp = metav1.Unix(1000+int64(node[len(node)-1]), 0)
	pod.ManagedFields = []metav1.ManagedFieldsEntry{{Manager: end}}
	pod.Spec.NodeName = node
	pod.Spec.RestartPolicy, pod.Spec.DNSPolicy = corev1.RestartPolicyAlways, corev1.DNSClusterFirst
	pod.Spec.ServiceAccountName, pod.Spec.DeprecatedServiceAccount = "default", "default"
	pod.Spec.EnableServiceLinks = new(true)
	token := "kube-api-access-" + end
	pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: token, VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{
		DefaultMode: new(int32(420)),
		Sources:     []corev1.VolumeProjection{{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token", ExpirationSeconds: new(int64(3607))}}},
	}}})
	mount := corev1.VolumeMount{Name: token, ReadOnly: true, MountPath: "/var/run/secrets/kubernetes.io/serviceaccount"}
	for i := range pod.Spec.InitContainers {
		c := &pod.Spec.InitContainers[i]
		c.VolumeMounts, c.TerminationMessagePath = append(c.VolumeMounts, mount), "/dev/termination-log"
	}
	for i := range pod.Spec.Containers {
		c := &pod.Spec.Containers[i]
		c.VolumeMounts, c.TerminationMessagePath = append(c.VolumeMounts, mount), "/dev/termination-log"
	}
	pod.Status = corev1.PodStatus{Phase: corev1.PodRunning, HostIP: node, PodIP: end}
	return pod
}

// smallSet is a DaemonSet whose pods have one container.
func smallSet() *appsv1.DaemonSet {
	ds := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "agent", UID: "ds"}}
	ds.Spec.Template.Labels = map[string]string{"app": "agent"}
	ds.Spec.Template.Spec.Containers = []corev1.Container{{Name: "agent", Image: "agent:1"}}
	return ds
}

func inject(pod *corev1.Pod) {
	pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "proxy", Image: "proxy:1"})
}

func annotate(value string) func(*corev1.Pod) {
	return func(pod *corev1.Pod) {
		metav1.SetMetaDataAnnotation(&pod.ObjectMeta, "network/ip", value)
	}
}

func TestSiblings(t *testing.T) {
	ds := smallSet()
	on := func(node string, more ...func(*corev1.Pod)) *corev1.Pod {
		pod := livePod(ds, node)
		for _, f := range more {
			f(pod)
		}
		return pod
	}
	const sidecar = `
  spec.containers[name=proxy]: added {"name":"proxy","image":"proxy:1","resources":{}}`
	for _, tc := range []struct {
		name, why string
		pod       *corev1.Pod
		pods      []*corev1.Pod
		naming    daemon.Naming
		want      string
	}{
		{"nothing", "a nil pod has no siblings", nil, []*corev1.Pod{on("a")}, daemon.Naming{}, "no siblings"},
		{"alone", "neither itself nor nil is a sibling", on("a"), []*corev1.Pod{nil, on("a")}, daemon.Naming{}, "no siblings"},
		{"no controller", "nothing says who its siblings are", on("a", func(p *corev1.Pod) { p.OwnerReferences = nil }),
			[]*corev1.Pod{on("b", func(p *corev1.Pod) { p.OwnerReferences = nil })}, daemon.Naming{}, "no siblings"},
		{"others", "another controller, revision or namespace", on("a"), []*corev1.Pod{
			on("b", func(p *corev1.Pod) { p.OwnerReferences[0].UID = "x" }),
			on("c", func(p *corev1.Pod) { p.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = "h2" }),
			on("d", func(p *corev1.Pod) { p.Namespace = "x" }),
		}, daemon.Naming{}, "no siblings"},
		{"alike", "names, nodes, token volumes and status differ by nature", on("a"), []*corev1.Pod{on("a"), on("b"), on("c"), on("d")},
			daemon.Naming{}, "like agent-bbbbb, the most typical of its 3 siblings"},
		{"not bound yet", "the pin alone names the node", on("a", func(p *corev1.Pod) { p.Spec.NodeName = "" }), []*corev1.Pod{on("b")},
			daemon.Naming{}, "like agent-bbbbb, its only sibling"},
		{"injected", "the sidecar is in this pod alone", on("a", inject), []*corev1.Pod{on("b"), on("c"), on("d")}, daemon.Naming{},
			"differs from agent-bbbbb, the most typical of its 3 siblings:" + sidecar},
		{"one sibling", "there is no other to compare with", on("a", inject), []*corev1.Pod{on("b")}, daemon.Naming{},
			"differs from agent-bbbbb, its only sibling:" + sidecar},
		{"a sibling is injected", "most are like the pod", on("a"), []*corev1.Pod{on("b", inject), on("c"), on("d")}, daemon.Naming{}, "like agent-ccccc, the most typical of its 3 siblings"},
		{"of two siblings one is injected", "the pod itself counts, too", on("a"), []*corev1.Pod{on("b", inject), on("c")}, daemon.Naming{}, "like agent-ccccc, the most typical of its 2 siblings"},
		{"the same sibling twice", "it is one", on("a"), []*corev1.Pod{on("b"), on("b"), on("c")}, daemon.Naming{}, "like agent-bbbbb, the most typical of its 2 siblings"},
		{"missed by the webhook", "its siblings have what it lacks", on("a"), []*corev1.Pod{on("b", inject), on("c", inject), on("d")}, daemon.Naming{},
			`differs from agent-bbbbb, the most typical of its 3 siblings:
  spec.containers[name=proxy]: removed {"name":"proxy","image":"proxy:1","resources":{}}`},
		{"noise in each", "an annotation with another value in each pod does not hide the sidecar", on("a", annotate("1"), inject),
			[]*corev1.Pod{on("b", annotate("2"), inject), on("c", annotate("3")), on("d", annotate("4")), on("e", annotate("5"))}, daemon.Naming{},
			`differs from agent-ccccc, the most typical of its 4 siblings:
  metadata.annotations[network/ip]: "3" -> "1"` + sidecar},
		{"an annotation in the noise", "each entry of a map counts by itself", on("a", annotate("1")), []*corev1.Pod{
			on("b", annotate("2"), func(p *corev1.Pod) { p.Annotations["injected"] = "yes" }), on("c", annotate("3")), on("d", annotate("4")),
		}, daemon.Naming{}, `differs from agent-ccccc, the most typical of its 3 siblings:
  metadata.annotations[network/ip]: "3" -> "1"`},
		{"annotation in one alone", "a key that the others lack counts as much as another value", on("a"),
			[]*corev1.Pod{on("b", annotate("2")), on("c"), on("d")}, daemon.Naming{}, "like agent-ccccc, the most typical of its 3 siblings"},
		{"a pin to another node", "only its own node is left out", on("a", func(p *corev1.Pod) {
			p.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms[0].MatchFields[0].Values[0] = "z"
		}), []*corev1.Pod{on("b")}, daemon.Naming{}, `differs from agent-bbbbb, its only sibling:
  spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].values[0]: "a" -> "z"`},
		{"no token", "the volume is there or not, whatever its name", on("a", func(p *corev1.Pod) {
			p.Spec.Volumes, p.Spec.Containers[0].VolumeMounts = nil, nil
		}), []*corev1.Pod{on("b"), on("c")}, daemon.Naming{}, `differs from agent-bbbbb, the most typical of its 2 siblings:
  spec.volumes[name=kube-api-access-bbbbb]: removed {"name":"kube-api-access-bbbbb","projected":{"sources":[{"serviceAccountToken":{"expirationSeconds":3607,"path":"token"}}],"defaultMode":420}}
  spec.containers[name=agent].volumeMounts[mountPath=/var/run/secrets/kubernetes.io/serviceaccount]: removed {"name":"kube-api-access-bbbbb","readOnly":true,"mountPath":"/var/run/secrets/kubernetes.io/serviceaccount"}`},
		{"another token", "its content does not differ by nature", on("a", func(p *corev1.Pod) {
			p.Spec.Volumes[0].Projected.Sources[0].ServiceAccountToken.ExpirationSeconds = new(int64(600))
		}), []*corev1.Pod{on("b")}, daemon.Naming{}, `differs from agent-bbbbb, its only sibling:
  spec.volumes[name=kube-api-access-aaaaa].projected.sources[0].serviceAccountToken.expirationSeconds: 3607 -> 600`},
		{"template generation", "a rollback leaves pods of the same template with another one", on("a", func(p *corev1.Pod) { p.Labels["pod-template-generation"] = "3" }),
			[]*corev1.Pod{on("b", func(p *corev1.Pod) { p.Labels["pod-template-generation"] = "1" }), on("c")}, daemon.Naming{}, "like agent-bbbbb, the most typical of its 2 siblings"},
		{"naming", "a controller's own labels say which pods are siblings", on("a", func(p *corev1.Pod) { p.Labels["x/hash"] = "1" }),
			[]*corev1.Pod{on("b", func(p *corev1.Pod) { p.Labels["x/hash"] = "2" })}, daemon.Naming{RevisionHashLabel: "x/hash"}, "no siblings"},
		{"a DaemonSet without UID", "one side is not in a cluster, and the UID is no difference", on("a"),
			[]*corev1.Pod{on("b", func(p *corev1.Pod) { p.OwnerReferences[0].UID = "" })}, daemon.Naming{}, "like agent-bbbbb, its only sibling"},
		{"another owner beside it", "only the controller's UID is left out", on("a", func(p *corev1.Pod) {
			p.OwnerReferences = append(p.OwnerReferences, metav1.OwnerReference{Name: "o", UID: "7"})
		}), []*corev1.Pod{on("b")}, daemon.Naming{}, `differs from agent-bbbbb, its only sibling:
  metadata.ownerReferences[uid=7]: added {"apiVersion":"","kind":"","name":"o","uid":"7"}`},
		{"desired pods", "pods without names are siblings, too", daemon.NewPod(ds, "a", "h1"), []*corev1.Pod{daemon.NewPod(ds, "b", "h1")}, daemon.Naming{}, "like agent-, its only sibling"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := []any{tc.pod.DeepCopy(), copyPods(tc.pods)}
			got := Siblings(tc.pod, tc.pods, tc.naming)
			if diff := cmp.Diff(tc.want, got.String()); diff != "" {
				t.Errorf("Siblings(): %s (-want +got):\n%s", tc.why, diff)
			}
			if (got.Sibling == nil) != (got.Siblings == 0) || got.Sibling != nil && !slices.Contains(tc.pods, got.Sibling) {
				t.Errorf("Siblings() = %d siblings, Sibling %v", got.Siblings, got.Sibling)
			}
			if diff := cmp.Diff(before, []any{tc.pod, tc.pods}); diff != "" {
				t.Errorf("Siblings() changed its arguments (-before +after):\n%s", diff)
			}
			pods := slices.Clone(tc.pods)
			slices.Reverse(pods)
			if again := Siblings(tc.pod, pods, tc.naming); again.String() != got.String() {
				t.Errorf("Siblings() depends on the order: %v, %v", got, again)
			}
		})
	}
}

// TestSiblingsOfNewPods: pods of one DaemonSet for different nodes have no difference, as
// NewPod makes them and as an API server stores them.
func TestSiblingsOfNewPods(t *testing.T) {
	full := &appsv1.DaemonSet{}
	fill(reflect.ValueOf(&full.Spec.Template).Elem())
	full.Name, full.Namespace, full.UID = "full", "ns", "u"
	full.Spec.Template.Spec.NodeName = ""
	for name, ds := range map[string]*appsv1.DaemonSet{"agent": agentSet(t), "full": full, "small": smallSet()} {
		for seed := range uint64(15) {
			r := rand.New(rand.NewPCG(seed, 2))
			var desired, live []*corev1.Pod
			for i := range 2 + r.IntN(8) {
				node := fmt.Sprintf("node-%d", i)
				desired = append(desired, daemon.NewPod(ds, node, "h1"))
				pod := livePod(ds, node)
				if r.IntN(3) == 0 {
					pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = new(metav1.NewTime(time.Unix(9, 0))), new(int64(3))
				}
				live = append(live, pod)
			}
			for _, pods := range [][]*corev1.Pod{desired, live} {
				for _, pod := range pods {
					if got := Siblings(pod, pods, daemon.Naming{}); got.Siblings != len(pods)-1 || got.Changes != nil {
						t.Fatalf("%s, seed %d: Siblings() = %v, want no difference to %d siblings", name, seed, got, len(pods)-1)
					}
				}
			}
		}
	}
}

// TestSiblingsEveryField changes every single field of metadata and spec: each shows at its
// place, except for those that differ by nature, which never do.
func TestSiblingsEveryField(t *testing.T) {
	ds := &appsv1.DaemonSet{}
	fill(reflect.ValueOf(&ds.Spec.Template).Elem())
	ds.Name, ds.Namespace, ds.UID = "full", "ns", "u"
	ds.Spec.Template.Spec.NodeName = ""
	sibling, twin, work := livePod(ds, "a"), livePod(ds, "b"), livePod(ds, "c")
	for _, pod := range []*corev1.Pod{sibling, twin, work} {
		pod.DeletionTimestamp, pod.DeletionGracePeriodSeconds = new(metav1.NewTime(time.Unix(9, 0))), new(int64(3))
		pod.Spec.Hostname, pod.Annotations, pod.Finalizers = pod.Name, map[string]string{"c": "d"}, []string{"x/y"}
		fill(reflect.ValueOf(&pod.ManagedFields).Elem())
		// One entry of each list is enough.
		pod.Labels = map[string]string{appsv1.DefaultDaemonSetUniqueLabelKey: "h1"}
		pod.Spec.Tolerations = pod.Spec.Tolerations[:1]
		term := &pod.Spec.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms[0]
		term.MatchExpressions = []corev1.NodeSelectorRequirement{{Key: "k", Operator: corev1.NodeSelectorOpIn, Values: []string{"x"}}}
	}
	natural := []string{
		"metadata.name", "metadata.generateName", "metadata.selfLink", "metadata.uid", "metadata.resourceVersion", "metadata.generation",
		"metadata.creationTimestamp", "metadata.deletionTimestamp", "metadata.deletionGracePeriodSeconds", "metadata.managedFields",
		"spec.nodeName", "spec.hostname",
	}
	// These say which pods are siblings. With another one there are none.
	belongs := []string{"metadata.namespace", "metadata.labels[]", "metadata.ownerReferences[]."}
	is := func(path string, list []string) bool {
		return slices.ContainsFunc(list, func(p string) bool {
			return path == p || strings.HasPrefix(path, strings.TrimSuffix(p, ".")+".") || strings.HasPrefix(path, p+"[")
		})
	}
	count := 0
	visit := func(l leaf) {
		count++
		before := reflect.New(l.value.Type()).Elem()
		before.Set(l.value)
		value := otherValue(before)
		if before.Kind() == reflect.Bool && l.kind != inField {
			value = reflect.ValueOf(false)
		}
		l.set(value)
		got := Siblings(work, []*corev1.Pod{sibling, twin}, daemon.Naming{})
		l.set(before)
		switch {
		case is(l.path, natural):
			// Without a node of its own the pod is not pinned to it either.
			if got.Siblings != 2 || len(got.Changes) > 0 && l.path != "spec.nodeName" {
				t.Errorf("change of %s shows, and it differs by nature: %v", l.path, got)
			}
		case is(l.path, belongs):
			if got.Siblings == 2 && len(got.Changes) == 0 && l.path != "metadata.ownerReferences[].uid" {
				t.Errorf("change of %s does not show", l.path)
			}
		case len(got.Changes) == 0:
			t.Errorf("change of %s does not show", l.path)
		default:
			for _, c := range got.Changes {
				at := brackets.ReplaceAllString(c.Path, "[]")
				if at != l.path && !strings.HasPrefix(l.path, at) {
					t.Errorf("change of %s shows at %s", l.path, c.Path)
				}
			}
		}
	}
	if got := Siblings(work, []*corev1.Pod{sibling, twin}, daemon.Naming{}); len(got.Changes) > 0 {
		t.Fatalf("Siblings() = %v, want no difference", got)
	}
	leaves(reflect.ValueOf(&work.ObjectMeta).Elem(), "metadata", inField, visit)
	leaves(reflect.ValueOf(&work.Spec).Elem(), "spec", inField, visit)
	if count < 500 {
		t.Errorf("looked at %d fields, want all of metadata and spec", count)
	}
}

// TestSiblingsOneChanged: of many pods exactly the changed one differs, and its change alone
// shows.
func TestSiblingsOneChanged(t *testing.T) {
	ds := agentSet(t)
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 3))
		var pods []*corev1.Pod
		for i := range 3 + r.IntN(6) {
			pods = append(pods, livePod(ds, fmt.Sprintf("node-%d", i)))
		}
		changed := pods[r.IntN(len(pods))]
		inject(changed)
		r.Shuffle(len(pods), func(i, j int) { pods[i], pods[j] = pods[j], pods[i] })
		for _, pod := range pods {
			got := Siblings(pod, pods, daemon.Naming{})
			if pod != changed && got.Changes != nil || pod == changed && (len(got.Changes) != 1 || got.Changes[0].Path != "spec.containers[name=proxy]") {
				t.Fatalf("seed %d: Siblings(%s) = %v where %s was changed", seed, pod.Name, got, changed.Name)
			}
		}
	}
}
