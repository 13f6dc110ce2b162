package diff_test

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/diff"
)

func ExampleTemplates() {
	old := &corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"env": "demo"}},
		Spec: corev1.PodSpec{
			Containers: []corev1.Container{{
				Name:  "nginx",
				Image: "nginx:1.27.3",
				Ports: []corev1.ContainerPort{{ContainerPort: 80}},
				Resources: corev1.ResourceRequirements{
					Limits: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1000m")},
				},
			}},
		},
	}
	cur := old.DeepCopy()
	cur.Labels["app.kubernetes.io/name"] = "nginx"
	cur.Spec.NodeSelector = map[string]string{"disk": "ssd"}
	cur.Spec.Containers[0].Image = "nginx:1.27.4-alpine"
	cur.Spec.Containers[0].Ports[0].HostPort = 8080
	cur.Spec.Containers[0].Resources.Limits[corev1.ResourceCPU] = resource.MustParse("1") // the same amount
	cur.Spec.Containers = append(cur.Spec.Containers, corev1.Container{Name: "exporter", Image: "nginx-exporter:1.4"})

	fmt.Println(diff.Templates(old, cur))
	// Output:
	// metadata.labels[app.kubernetes.io/name]: added "nginx"
	// spec.containers[name=nginx].image: "nginx:1.27.3" -> "nginx:1.27.4-alpine"
	// spec.containers[name=nginx].ports[containerPort=80,protocol=TCP].hostPort: added 8080
	// spec.containers[name=exporter]: added {"name":"exporter","image":"nginx-exporter:1.4","resources":{}}
	// spec.nodeSelector[disk]: added "ssd"
}

func ExamplePods() {
	old := &corev1.Pod{Status: corev1.PodStatus{
		Phase:      corev1.PodPending,
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionFalse}},
	}}
	cur := old.DeepCopy()
	cur.Spec.NodeName = "worker"
	cur.Status.Phase = corev1.PodRunning
	cur.Status.Conditions[0].Status = corev1.ConditionTrue

	for _, c := range diff.Pods(old, cur) {
		fmt.Println(c.Op, c.Path)
	}
	// Output:
	// add spec.nodeName
	// replace status.phase
	// replace status.conditions[type=Ready].status
}

func ExamplePodSets() {
	ds := daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "nginx-deploy"},
		Spec: appsv1.DaemonSetSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "demo"}}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"env": "demo"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx", Image: "nginx:1.27.4-alpine"}}},
		}},
	})
	nodes := []*corev1.Node{
		{ObjectMeta: metav1.ObjectMeta{Name: "worker1"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "worker2"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "worker3"}},
		{ObjectMeta: metav1.ObjectMeta{Name: "worker4"}},
	}
	desired, err := daemon.DesiredPods(daemon.Input{DaemonSet: ds, Nodes: nodes})
	if err != nil {
		fmt.Println(err)
		return
	}
	// What a cluster might have: the API server, admission, scheduler and
	// kubelet fill in much, and that is no drift.
	pod := func(name, node, revision string) *corev1.Pod {
		p := daemon.NewPod(ds, node, revision)
		p.Name = name
		p.Spec.NodeName = node
		p.Spec.RestartPolicy = corev1.RestartPolicyAlways
		p.Spec.Containers[0].ImagePullPolicy = corev1.PullIfNotPresent
		p.Status.Phase = corev1.PodRunning
		return p
	}
	actual := []*corev1.Pod{
		pod("nginx-deploy-4lnck", "worker1", ""),
		pod("nginx-deploy-8xz7w", "worker2", "6c8d7b5f44"),
		pod("nginx-deploy-cc2tw", "worker3", ""),
		pod("nginx-deploy-qk5mj", "worker5", ""),
	}
	actual[2].Spec.Containers[0].Image = "nginx:1.27.3"

	changes := diff.PodSets(desired, actual, daemon.Naming{})
	fmt.Println(changes)
	// Output:
	// missing on worker4: nginx-deploy-
	// extra on worker5: nginx-deploy-qk5mj
	// outdated on worker2: nginx-deploy-8xz7w (6c8d7b5f44, desired 745546cdf5)
	// drifted on worker3: nginx-deploy-cc2tw
	//   spec.containers[name=nginx].image: "nginx:1.27.4-alpine" -> "nginx:1.27.3"
}

// A change of the update strategy starts no rollout, so Templates does not show it.
func ExampleDaemonSets() {
	old := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "nginx", Generation: 3},
		Spec: appsv1.DaemonSetSpec{
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{
				Type:          appsv1.RollingUpdateDaemonSetStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: new(intstr.FromInt32(1))},
			},
			Template: corev1.PodTemplateSpec{
				Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "nginx", Image: "nginx:1.27.3"}}},
			},
		},
	}
	cur := old.DeepCopy()
	cur.Generation = 4 // the API server's
	cur.Labels = map[string]string{"team": "edge"}
	cur.Spec.MinReadySeconds = 30
	cur.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable = new(intstr.FromString("10%"))
	cur.Spec.Template.Spec.Containers[0].Image = "nginx:1.27.4"

	fmt.Println(diff.DaemonSets(old, cur))
	// Output:
	// metadata.labels[team]: added "edge"
	// spec.template.spec.containers[name=nginx].image: "nginx:1.27.3" -> "nginx:1.27.4"
	// spec.updateStrategy.rollingUpdate.maxUnavailable: 1 -> "10%"
	// spec.minReadySeconds: added 30
}

// Which pod did a webhook change? All pods are of one revision, and one has a container that
// the others do not have.
func ExampleSiblings() {
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "agent"},
		Spec: appsv1.DaemonSetSpec{Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "agent"}},
			Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "agent", Image: "agent:1"}}},
		}},
	}
	var pods []*corev1.Pod
	for i, name := range []string{"agent-b2c4d", "agent-cc2tw", "agent-x2x4z"} {
		pod := daemon.NewPod(ds, fmt.Sprintf("worker-%d", i), "")
		pod.Name = name
		pod.Spec.NodeName = fmt.Sprintf("worker-%d", i)
		pods = append(pods, pod)
	}
	pods[2].Spec.Containers = append(pods[2].Spec.Containers, corev1.Container{Name: "proxy", Image: "proxy:1"})

	for _, pod := range pods {
		fmt.Println(pod.Name, diff.Siblings(pod, pods, daemon.Naming{}))
	}
	// Output:
	// agent-b2c4d like agent-cc2tw, the most typical of its 2 siblings
	// agent-cc2tw like agent-b2c4d, the most typical of its 2 siblings
	// agent-x2x4z differs from agent-b2c4d, the most typical of its 2 siblings:
	//   spec.containers[name=proxy]: added {"name":"proxy","image":"proxy:1","resources":{}}
}
