package kubectl_test

import (
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/daemontest"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/rollout/kubectl"
	"github.com/pernode/daemonset/rollout/simulate"
)

// The table of kubectl get daemonsets, and the numbers in it.
func ExampleNewTable() {
	created := time.Date(2025, 2, 1, 10, 0, 0, 0, time.UTC)
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx-deploy", CreationTimestamp: metav1.NewTime(created)},
		Status: appsv1.DaemonSetStatus{
			DesiredNumberScheduled: 2, CurrentNumberScheduled: 2, NumberReady: 2, UpdatedNumberScheduled: 2, NumberAvailable: 2,
		},
	}

	table := kubectl.NewTable([]*appsv1.DaemonSet{ds}, created.Add(13*time.Minute))
	fmt.Print(table)
	for _, row := range table.Rows {
		fmt.Println(row.Name, "has", row.Ready, "of", row.Desired, "ready")
	}
	// Output:
	// NAME           DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE
	// nginx-deploy   2         2         2       2            2           <none>          13m
	// nginx-deploy has 2 of 2 ready
}

// The table of kubectl get daemonsets -o wide.
func ExampleTable_Wide() {
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx-deploy"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"env": "demo"}},
			Template: corev1.PodTemplateSpec{
				Spec: corev1.PodSpec{
					NodeSelector: map[string]string{"disk": "ssd"},
					Containers:   []corev1.Container{{Name: "nginx", Image: "nginx:1.27.4-alpine"}},
				},
			},
		},
	}

	fmt.Print(kubectl.NewTable([]*appsv1.DaemonSet{ds}, time.Time{}).Wide())
	// Output:
	// NAME           DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE         CONTAINERS   IMAGES                SELECTOR
	// nginx-deploy   0         0         0       0            0           disk=ssd        <unknown>   nginx        nginx:1.27.4-alpine   env=demo
}

// The DaemonSets of all namespaces, as kubectl get daemonsets -A prints them.
func ExampleNewTable_allNamespaces() {
	proxy := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "kube-proxy"}}
	exporter := &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "monitoring", Name: "node-exporter"}}

	table := kubectl.NewTable([]*appsv1.DaemonSet{proxy, exporter}, time.Time{})
	table.AllNamespaces = true
	fmt.Print(table)
	// Output:
	// NAMESPACE     NAME            DESIRED   CURRENT   READY   UP-TO-DATE   AVAILABLE   NODE SELECTOR   AGE
	// kube-system   kube-proxy      0         0         0       0            0           <none>          <unknown>
	// monitoring    node-exporter   0         0         0       0            0           <none>          <unknown>
}

// A row can be printed in a format of one's own, such as HTML.
func ExampleTableRow_Cells() {
	row := kubectl.TableRow{Name: "nginx-deploy", Desired: 3, Ready: 2}

	cells := row.Cells()
	for i, column := range kubectl.TableColumns()[:4] {
		fmt.Printf("<td title=%q>%s</td>\n", column.Name, cells[i])
	}
	// Output:
	// <td title="Name">nginx-deploy</td>
	// <td title="Desired">3</td>
	// <td title="Current">0</td>
	// <td title="Ready">2</td>
}

// The lines that kubectl rollout status prints while a rollout goes on.
func ExampleRolloutStatus() {
	ds := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: "nginx-deploy", Generation: 2},
		Spec: appsv1.DaemonSetSpec{
			UpdateStrategy: appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType},
		},
	}
	for _, status := range []appsv1.DaemonSetStatus{
		{ObservedGeneration: 1, DesiredNumberScheduled: 3, UpdatedNumberScheduled: 3, NumberAvailable: 3},
		{ObservedGeneration: 2, DesiredNumberScheduled: 3, UpdatedNumberScheduled: 1, NumberAvailable: 2},
		{ObservedGeneration: 2, DesiredNumberScheduled: 3, UpdatedNumberScheduled: 3, NumberAvailable: 2},
		{ObservedGeneration: 2, DesiredNumberScheduled: 3, UpdatedNumberScheduled: 3, NumberAvailable: 3},
	} {
		ds.Status = status
		progress, err := kubectl.RolloutStatus(ds)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(progress)
		if progress.State == kubectl.ProgressRolledOut {
			fmt.Println("exit")
		}
	}
	// Output:
	// Waiting for daemon set spec update to be observed...
	// Waiting for daemon set "nginx-deploy" rollout to finish: 1 out of 3 new pods have been updated...
	// Waiting for daemon set "nginx-deploy" rollout to finish: 2 of 3 updated pods are available...
	// daemon set "nginx-deploy" successfully rolled out
	// exit
}

// A restart is a new template. A simulation says what it would do.
func ExampleRolloutRestart() {
	agent := daemontest.DaemonSet("agent")
	in := daemon.Input{DaemonSet: agent, Revisions: []*appsv1.ControllerRevision{daemontest.Revision(agent, 1)}, Now: daemontest.Start()}
	for _, node := range daemontest.Nodes(3) {
		in.Nodes, in.Pods = append(in.Nodes, node), append(in.Pods, daemontest.Pod(agent, node.Name))
	}
	restarted, err := kubectl.RolloutRestart(agent, in.Now)
	if err != nil {
		fmt.Println(err)
		return
	}
	judgment, err := simulate.Judge(in, simulate.Proposal{DaemonSet: restarted}, simulate.Options{}, lint.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(judgment.Impact)
	fmt.Println(judgment.End)
	// Output:
	// starts a rollout to revision 2: 3 outdated pods
	//   spec.template.metadata.annotations[kubectl.kubernetes.io/restartedAt]: added "2026-01-01T12:00:00Z"
	// nodes: 3 unchanged
	// first pass: 1 to delete
	//   delete agent-node-1 on node-1: outdated, within maxUnavailable
	// complete after 36s (10 passes, at least 2 of 3 available)
}

// The history as kubectl prints it, and the image of each revision.
func ExampleRolloutHistory() {
	old := daemontest.DaemonSet("agent")
	agent := daemontest.WithImage(old, "agent:2")
	// In a cluster the controller makes the revisions.
	revisions := []*appsv1.ControllerRevision{daemontest.Revision(old, 1), daemontest.Revision(agent, 2)}
	revisions[0].Annotations = map[string]string{"kubernetes.io/change-cause": "use agent:1"}
	revisions[1].Annotations = map[string]string{"kubernetes.io/change-cause": "use agent:2"}

	entries, err := kubectl.RolloutHistory(agent, revisions)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Print(entries)
	for _, r := range entries {
		template, err := history.Template(r.ControllerRevision)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(r.Number, template.Spec.Containers[0].Image, r.Current)
	}
	// Output:
	// REVISION  CHANGE-CAUSE
	// 1         use agent:1
	// 2         use agent:2
	// 1 agent:1 false
	// 2 agent:2 true
}

// Back to the previous revision, as kubectl rollout undo does.
func ExampleRolloutUndo() {
	old := daemontest.DaemonSet("agent")
	agent := daemontest.WithImage(old, "agent:2")
	// In a cluster the controller makes the revisions.
	revisions := []*appsv1.ControllerRevision{daemontest.Revision(old, 1), daemontest.Revision(agent, 2)}

	undo, err := kubectl.RolloutUndo(agent, revisions, 0)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(undo)
	fmt.Println(undo.Rollback.DaemonSet.Spec.Template.Spec.Containers[0].Image)
	fmt.Println(string(undo.Rollback.Patch))

	again, err := kubectl.RolloutUndo(undo.Rollback.DaemonSet, revisions, 1)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(again)

	_, err = kubectl.RolloutUndo(agent, revisions, 7)
	fmt.Println(err)
	// Output:
	// rolled back
	// agent:1
	// {"spec":{"template":{"$patch":"replace","metadata":{"labels":{"app":"agent"}},"spec":{"containers":[{"image":"agent:1","name":"main","resources":{}}]}}}}
	// skipped rollback (current template already matches revision 1)
	// unable to find specified revision 7 in history
}
