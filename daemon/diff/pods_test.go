package diff

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestPods(t *testing.T) {
	const running = `
kind: Pod
apiVersion: v1
metadata:
  name: a
  resourceVersion: "1"
  managedFields: [{manager: kubelet, operation: Update, fieldsV1: {"f:status": {}}}]
status:
  phase: Pending
  podIPs: [{ip: 10.0.0.1}]
  conditions:
  - {type: PodScheduled, status: "True", lastTransitionTime: "2026-03-01T12:00:00Z"}
  - {type: Ready, status: "False"}
  containerStatuses: [{name: nginx, ready: false, image: "", imageID: "", restartCount: 0, state: {waiting: {reason: ContainerCreating}}}]
`
	tests := []struct {
		name, why string
		old, cur  string
		want      string
	}{
		{name: "empty", why: "both nil"},
		{
			name: "kind and managed fields", why: "what an informer strips and what only the server reads is left out",
			old: running, cur: strings.NewReplacer("kind: Pod\n", "", "apiVersion: v1\n", "", "manager: kubelet", "manager: other").Replace(running),
		},
		{
			name: "status", why: "conditions by type, addresses by IP, container statuses by position",
			old: running,
			cur: `
metadata: {name: a, resourceVersion: "2", deletionTimestamp: "2026-03-01T12:00:00Z"}
spec: {nodeName: worker}
status:
  phase: Running
  podIPs: [{ip: 10.0.0.1}, {ip: "fd00::1"}]
  conditions:
  - {type: Ready, status: "True", lastTransitionTime: "2026-03-01T12:00:09Z"}
  - {type: PodScheduled, status: "True", lastTransitionTime: "2026-03-01T13:00:00+01:00"}
  containerStatuses: [{name: nginx, ready: true, image: "", imageID: "", restartCount: 1, state: {running: {startedAt: "2026-03-01T12:00:05Z"}}}]
`,
			want: `
metadata.resourceVersion: "1" -> "2"
metadata.deletionTimestamp: added "2026-03-01T12:00:00Z"
spec.nodeName: added "worker"
status.phase: "Pending" -> "Running"
status.conditions: reordered ["type=PodScheduled","type=Ready"] -> ["type=Ready","type=PodScheduled"]
status.conditions[type=Ready].status: "False" -> "True"
status.conditions[type=Ready].lastTransitionTime: added "2026-03-01T12:00:09Z"
status.podIPs[ip=fd00::1]: added {"ip":"fd00::1"}
status.containerStatuses[0].state.waiting: removed {"reason":"ContainerCreating"}
status.containerStatuses[0].state.running: added {"startedAt":"2026-03-01T12:00:05Z"}
status.containerStatuses[0].ready: false -> true
status.containerStatuses[0].restartCount: 0 -> 1`,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var old, cur *corev1.Pod
			if test.old != "" {
				old, cur = &corev1.Pod{}, &corev1.Pod{}
				parse(t, test.old, old)
				parse(t, test.cur, cur)
			}
			oldCopy, curCopy := old.DeepCopy(), cur.DeepCopy()
			got := Pods(old, cur)
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), got.String()); diff != "" {
				t.Errorf("%s: Pods (-want +got):\n%s", test.why, diff)
			}
			checkMirror(t, got, Pods(cur, old))
			if diff := cmp.Diff([]*corev1.Pod{oldCopy, curCopy}, []*corev1.Pod{old, cur}); diff != "" {
				t.Errorf("Pods changed its arguments (-before +after):\n%s", diff)
			}
		})
	}
}

func TestPodHealth(t *testing.T) {
	old, cur := &corev1.Pod{}, &corev1.Pod{}
	const status = `
status:
  volumeHealth:
  - {name: data, healthConditions: [{status: Bad, reason: A}, {status: Bad, reason: B, message: x}]}
  containerStatuses:
  - {name: a, ready: false, image: "", imageID: "", restartCount: 0, allocatedResourcesStatus: [{name: gpu, resources: [{resourceID: "0", health: Healthy}]}]}
`
	parse(t, status, old)
	parse(t, strings.NewReplacer("message: x", "message: z", "health: Healthy", "health: Unhealthy").Replace(status), cur)
	const want = `status.containerStatuses[0].allocatedResourcesStatus[name=gpu].resources[resourceID=0].health: "Healthy" -> "Unhealthy"
status.volumeHealth[name=data].healthConditions[status=Bad,reason=B].message: "x" -> "z"`
	if diff := cmp.Diff(want, Pods(old, cur).String()); diff != "" {
		t.Errorf("Pods (-want +got):\n%s", diff)
	}
}
