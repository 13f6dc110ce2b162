package main

import (
	"cmp"
	"embed"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/diff"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/placement"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/kubectl"
	"github.com/pernode/daemonset/rollout/simulate"
)

//go:embed lesson
var lesson embed.FS

// lessonPlay plays the lesson on a cluster. What kubectl would print begins at the
// left margin, what the library answers is indented.
type lessonPlay struct {
	*cluster
	out io.Writer
	// progress is the last line of rollout status, to print changes only.
	progress string
}

// play prints the whole lesson.
func play(out io.Writer) error {
	fmt.Fprintln(out, "The life of a DaemonSet on a simulated cluster: what kubectl prints, and indented what the library")
	fmt.Fprintln(out, "says: where pods belong, what to create and delete, when to replace the pods of an old template.")

	loaded, err := loadLesson("nodes.yaml", "daemonset.yaml")
	if err != nil {
		return err
	}
	c, err := newCluster(time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC), loaded.Nodes)
	if err != nil {
		return err
	}
	p := &lessonPlay{out: out, cluster: c}
	for _, step := range []func() error{
		func() error { return p.create(loaded.DaemonSets[0]) },
		p.join, p.leave, p.deleteOnePod, p.selectNodes, p.tolerate, p.update,
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func loadLesson(names ...string) (*manifest.Objects, error) {
	var loaded manifest.Objects
	for _, name := range names {
		if err := loaded.ReadFS(lesson, "lesson/"+name); err != nil {
			return nil, err
		}
	}
	return &loaded, nil
}

func (p *lessonPlay) create(set *appsv1.DaemonSet) error {
	p.heading("Every node that fits runs one pod")
	p.getNodes()
	if err := p.cluster.create(set); err != nil {
		return err
	}
	p.command("kubectl apply -f daemonset.yaml")
	p.print("daemonset.apps/%s created", set.Name)
	p.where()
	if err := p.settle(); err != nil {
		return err
	}
	p.getPods()
	p.getDaemonSet()
	return nil
}

func (p *lessonPlay) join() error {
	loaded, err := loadLesson("worker3.yaml")
	if err != nil {
		return err
	}
	p.heading("A worker joins: it gets its pod")
	p.command("kubectl apply -f worker3.yaml")
	for _, node := range loaded.Nodes {
		if err := p.Apply(node); err != nil {
			return err
		}
		p.print("node/%s created", node.Name)
	}
	if err := p.settle(); err != nil {
		return err
	}
	p.getDaemonSet()
	return nil
}

func (p *lessonPlay) leave() error {
	const node = "cka-cluster2-worker2"
	p.heading("A worker leaves: its pod no longer counts")
	p.command("kubectl delete node " + node)
	pod := p.podOn(node)
	if err := p.Delete(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: node}}); err != nil {
		return err
	}
	p.print("node %q deleted", node)
	result, err := p.Sync(p.set)
	if err != nil {
		return err
	}
	for _, status := range daemon.StatusByNode(result.Snapshot) {
		if status.Node == node {
			p.answer("what", status.String())
		}
	}
	p.writes(result)
	p.answer("", "(pod garbage collection ends "+pod.Name+")")
	if err := p.settle(); err != nil {
		return err
	}
	p.getDaemonSet()
	return nil
}

func (p *lessonPlay) deleteOnePod() error {
	pod := p.podOn("cka-cluster2-worker")
	p.heading("A pod is deleted: a new one takes its place")
	p.command("kubectl delete pod " + pod.Name)
	if err := p.Delete(pod); err != nil {
		return err
	}
	p.print("pod %q deleted", pod.Name)
	if err := p.settle(); err != nil {
		return err
	}
	p.getPods()
	return nil
}

func (p *lessonPlay) selectNodes() error {
	p.heading("A node selector: pods leave the nodes that do not match, the others are replaced")
	if err := p.change("ssd.yaml"); err != nil {
		return err
	}
	p.where()
	if err := p.settle(); err != nil {
		return err
	}
	p.getDaemonSet()
	return nil
}

func (p *lessonPlay) tolerate() error {
	p.heading("A toleration: the taint of the control plane no longer keeps the pod away")
	if err := p.change("control-plane.yaml"); err != nil {
		return err
	}
	p.where()
	if err := p.settle(); err != nil {
		return err
	}
	p.getDaemonSet()
	return nil
}

func (p *lessonPlay) update() error {
	p.heading("A new image: it rolls out node by node, with one pod unavailable at most")
	if err := p.change("image.yaml"); err != nil {
		return err
	}
	p.command("kubectl rollout status ds/" + p.set.Name)
	if err := p.watch(); err != nil {
		return err
	}
	if err := p.settle(); err != nil {
		return err
	}
	in := p.facts()
	history, err := kubectl.RolloutHistory(in.DaemonSet, in.Revisions)
	if err != nil {
		return err
	}
	p.command("kubectl rollout history ds/" + p.set.Name)
	p.print("daemonset.apps/%s", p.set.Name)
	p.print("%s", strings.TrimSuffix(history.String(), "\n"))

	p.getDaemonSet()
	return nil
}

// change patches the DaemonSet with a file of the lesson, and prints what that
// changes in the template.
func (p *lessonPlay) change(file string) error {
	text, err := lesson.ReadFile("lesson/" + file)
	if err != nil {
		return err
	}
	patch, err := utilyaml.ToJSON(text)
	if err != nil {
		return err
	}
	old := p.facts().DaemonSet.Spec.Template
	if err := p.patch(patch); err != nil {
		return err
	}
	p.command("kubectl patch ds " + p.set.Name + " --patch-file " + file)
	p.print("daemonset.apps/%s patched", p.set.Name)
	var changes []string
	for _, c := range diff.Templates(&old, &p.facts().DaemonSet.Spec.Template) {
		changes = append(changes, "spec.template."+c.String())
	}
	p.answer("diff", strings.Join(changes, "\n"))
	return nil
}

// settle lets the controller and the cluster come to rest.
func (p *lessonPlay) settle() error {
	for pass, err := range p.Run() {
		if err != nil {
			return err
		}
		if pass.End == nil {
			p.writes(pass.Result)
		} else if pass.End.State != simulate.EndComplete {
			return fmt.Errorf("the rollout does not become complete: %v", pass.End)
		}
		if p.progress != "" {
			if err := p.watch(); err != nil {
				return err
			}
		}
	}
	p.progress = ""
	return nil
}

// writes prints what a pass writes, except for the status: that is in the table.
func (p *lessonPlay) writes(result *rollout.Result) {
	if result.Revisions.Create != nil {
		p.answer("when", result.Revisions.String())
	}
	if result.Plan.Empty() {
		return
	}
	label := "what"
	if result.Step != nil {
		label = "when"
	}
	p.answer(label, result.Plan.String())
}

// watch prints the line of kubectl rollout status, if it has changed.
func (p *lessonPlay) watch() error {
	progress, err := kubectl.RolloutStatus(p.facts().DaemonSet)
	if err != nil {
		return err
	}
	if line := progress.String(); line != p.progress {
		p.progress = line
		p.print("%s", line)
	}
	return nil
}

// where prints the decision about every node.
func (p *lessonPlay) where() {
	in := p.facts()
	matcher := placement.Compile(&in.DaemonSet.Spec.Template, placement.Options{})
	var lines []string
	for _, node := range in.Nodes {
		lines = append(lines, matcher.Explain(node).String())
	}
	p.answer("where", matcher.Summarize(in.Nodes).String())
	p.answer("", strings.Join(lines, "\n"))
}

func (p *lessonPlay) getDaemonSet() {
	p.command("kubectl get ds")
	p.print("%s", strings.TrimSuffix(kubectl.NewTable([]*appsv1.DaemonSet{p.facts().DaemonSet}, p.Now()).String(), "\n"))
}

func (p *lessonPlay) getNodes() {
	p.command("kubectl get nodes -o custom-columns=NAME:metadata.name,DISK:metadata.labels.disk,TAINT:spec.taints[*].key")
	rows := [][]string{{"NAME", "DISK", "TAINT"}}
	for _, node := range p.facts().Nodes {
		var taints []string
		for _, taint := range node.Spec.Taints {
			taints = append(taints, taint.Key)
		}
		rows = append(rows, []string{node.Name, node.Labels["disk"], cmp.Or(strings.Join(taints, ","), "<none>")})
	}
	p.columns(rows)
}

func (p *lessonPlay) getPods() {
	p.command("kubectl get pods -o custom-columns=NAME:metadata.name,NODE:spec.nodeName,STATUS:status.phase")
	rows := [][]string{{"NAME", "NODE", "STATUS"}}
	for _, pod := range p.facts().Pods {
		rows = append(rows, []string{pod.Name, pod.Spec.NodeName, string(pod.Status.Phase)})
	}
	p.columns(rows)
}

func (p *lessonPlay) columns(rows [][]string) {
	w := tabwriter.NewWriter(p.out, 6, 4, 3, ' ', 0)
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	w.Flush()
}

func (p *lessonPlay) heading(text string) { fmt.Fprintf(p.out, "\n# %s\n", text) }

func (p *lessonPlay) command(text string) { fmt.Fprintf(p.out, "$ %s\n", text) }

func (p *lessonPlay) print(format string, args ...any) { fmt.Fprintf(p.out, format+"\n", args...) }

func (p *lessonPlay) answer(label, text string) { labelled(p.out, label, text) }
