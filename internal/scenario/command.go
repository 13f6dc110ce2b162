package scenario

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/rollout"
)

// setting is one KEY=VALUE of a command.
type setting struct{ key, value string }

// run carries out one line.
func (p *player) run(line string, out io.Writer) error {
	words := strings.Fields(line)
	var names []string
	var settings []setting
	for _, word := range words[1:] {
		if key, value, ok := strings.Cut(word, "="); ok {
			settings = append(settings, setting{key, value})
		} else {
			names = append(names, word)
		}
	}
	switch command := words[0]; command {
	case "daemonset":
		return p.newDaemonSet(names[0], settings)
	case "set":
		return p.changeDaemonSet(settings)
	case "node":
		return p.changeNodes(names, settings)
	case "remove-node":
		for _, name := range names {
			if err := p.cluster.Delete(&corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}); err != nil {
				return err
			}
		}
		return nil
	case "pod":
		return p.changePod(names[0], settings)
	case "remove-pod":
		for _, name := range names {
			if err := p.removePod(name); err != nil {
				return err
			}
		}
		return nil
	case "revision":
		return p.newRevision(names[0], settings)
	case "after":
		d, err := time.ParseDuration(names[0])
		p.cluster.Elapse(d)
		return err
	case "kubelet":
		return p.kubelet(except(settings))
	case "settle":
		return p.settle(except(settings), out)
	case "sync":
		result, err := p.sync()
		printResult(out, result, err)
		return nil
	default:
		return p.show(command, out)
	}
}

func except(settings []setting) []string {
	var nodes []string
	for _, s := range settings {
		nodes = append(nodes, s.value)
	}
	return nodes
}

func printResult(out io.Writer, result *rollout.Result, err error) {
	if result != nil {
		fmt.Fprintln(out, result)
	}
	if err != nil {
		fmt.Fprintln(out, "error:", err)
	}
}

// settle makes passes until one is empty. More than fifty are an error.
func (p *player) settle(except []string, out io.Writer) error {
	for pass := 1; pass <= 50; pass++ {
		result, err := p.sync()
		if err != nil {
			return err
		}
		if result.Empty() {
			fmt.Fprintf(out, "pass %d: quiet\n", pass)
			return nil
		}
		fmt.Fprintf(out, "pass %d:\n  %s\n", pass, strings.ReplaceAll(result.String(), "\n", "\n  "))
		p.cluster.Elapse(time.Second)
		if err := p.kubelet(except); err != nil {
			return err
		}
	}
	return fmt.Errorf("not quiet after 50 passes")
}

// show prints without changing anything.
func (p *player) show(what string, out io.Writer) error {
	if what == "pods" {
		for _, pod := range oldestFirst(p.input().Pods) {
			fmt.Fprintln(out, formatPod(pod))
		}
		return nil
	}
	snapshot, err := daemon.Observe(p.input())
	if err != nil {
		fmt.Fprintln(out, "error:", err)
		return nil
	}
	switch what {
	case "revisions":
		plan, err := history.Reconcile(snapshot)
		if err != nil {
			fmt.Fprintln(out, "error:", err)
			return nil
		}
		fmt.Fprintln(out, plan)
	case "plan":
		fmt.Fprintln(out, daemon.Reconcile(snapshot))
	case "step":
		step, err := rollout.NextStep(snapshot, rollout.Options{})
		if err != nil {
			fmt.Fprintln(out, "error:", err)
			return nil
		}
		fmt.Fprintln(out, step)
	case "status":
		for _, n := range daemon.StatusByNode(snapshot) {
			fmt.Fprintln(out, n)
		}
	case "nodes":
		for _, n := range snapshot.Nodes() {
			fmt.Fprintln(out, snapshot.Matcher().Explain(n.Node))
		}
	default:
		return fmt.Errorf("unknown command %q", what)
	}
	return nil
}

func formatPod(pod *corev1.Pod) string {
	node, _ := daemon.TargetNode(pod)
	words := []string{pod.Name, "on " + node, string(pod.Status.Phase)}
	if len(pod.Spec.Containers) > 0 {
		words = append(words, pod.Spec.Containers[0].Image)
	}
	if pod.Spec.NodeName == "" {
		words = append(words, "unbound")
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady && condition.Status == corev1.ConditionTrue {
			words = append(words, "ready")
		}
	}
	if pod.DeletionTimestamp != nil {
		words = append(words, "terminating")
	}
	if len(pod.OwnerReferences) == 0 {
		words = append(words, "orphan")
	}
	return strings.Join(words, " ")
}

func (p *player) newDaemonSet(name string, settings []setting) error {
	labels := map[string]string{"app": name}
	p.ds = daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", UID: types.UID("uid-" + name)},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: name}}},
			},
		},
	})
	return p.changeDaemonSet(settings)
}

// changeDaemonSet starts over with a changed DaemonSet: an update by a client could not
// store what is wrong.
func (p *player) changeDaemonSet(settings []setting) error {
	ds := p.ds.DeepCopy()
	spec := &ds.Spec
	ds.Generation++
	for _, s := range settings {
		key, value, _ := strings.Cut(s.value, ":")
		switch s.key {
		case "image":
			spec.Template.Spec.Containers[0].Image = s.value
		case "strategy":
			spec.UpdateStrategy.Type = appsv1.DaemonSetUpdateStrategyType(s.value)
		case "maxUnavailable":
			spec.UpdateStrategy.RollingUpdate.MaxUnavailable = budget(s.value)
		case "maxSurge":
			spec.UpdateStrategy.RollingUpdate.MaxSurge = budget(s.value)
		case "minReadySeconds":
			n, err := strconv.Atoi(s.value)
			if err != nil {
				return err
			}
			spec.MinReadySeconds = int32(n)
		case "history":
			if s.value == "unset" {
				spec.RevisionHistoryLimit = nil
				continue
			}
			n, err := strconv.Atoi(s.value)
			if err != nil {
				return err
			}
			limit := int32(n)
			spec.RevisionHistoryLimit = &limit
		case "selector":
			if spec.Template.Spec.NodeSelector == nil {
				spec.Template.Spec.NodeSelector = map[string]string{}
			}
			spec.Template.Spec.NodeSelector[key] = value
		case "toleration":
			spec.Template.Spec.Tolerations = append(spec.Template.Spec.Tolerations,
				corev1.Toleration{Key: s.value, Operator: corev1.TolerationOpExists})
		case "annotation":
			if ds.Annotations == nil {
				ds.Annotations = map[string]string{}
			}
			ds.Annotations[key] = value
		case "deleting":
			ds.DeletionTimestamp = &metav1.Time{Time: p.cluster.Now()}
		default:
			return fmt.Errorf("unknown setting %q", s.key)
		}
	}
	in := p.cluster.Input(ds)
	in.DaemonSet = ds
	return p.begin(in)
}

func budget(value string) *intstr.IntOrString {
	if value == "unset" {
		return nil
	}
	v := intstr.Parse(value)
	return &v
}

func (p *player) changeNodes(names []string, settings []setting) error {
	for _, name := range names {
		node := p.node(name)
		if node == nil {
			node = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
		}
		for _, s := range settings {
			switch s.key {
			case "label":
				key, value, _ := strings.Cut(s.value, ":")
				metav1.SetMetaDataLabel(&node.ObjectMeta, key, value)
			case "unlabel":
				delete(node.Labels, s.value)
			case "taint":
				rest, effect, _ := strings.Cut(s.value, ":")
				key, value, _ := strings.Cut(rest, "=")
				node.Spec.Taints = append(node.Spec.Taints, corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)})
			case "untaint":
				node.Spec.Taints = slices.DeleteFunc(node.Spec.Taints, func(t corev1.Taint) bool { return t.Key == s.value })
			default:
				return fmt.Errorf("unknown setting %q", s.key)
			}
		}
		if err := p.cluster.Apply(node); err != nil {
			return err
		}
	}
	return nil
}

// changePod makes pods as the controller would, bound and running unless the
// settings say otherwise.
func (p *player) changePod(name string, settings []setting) error {
	pod, now := p.pod(name), p.cluster.Now()
	if pod == nil {
		node := ""
		for _, s := range settings {
			if s.key == "node" {
				node = s.value
			}
		}
		pod = daemon.NewPod(p.ds, node, p.hashOf(p.ds.Spec.Template.Spec.Containers[0].Image))
		if pod == nil {
			return fmt.Errorf("pod %s: a new pod needs a node", name)
		}
		pod.Name, pod.UID = name, types.UID("uid-"+name)
		pod.CreationTimestamp = metav1.NewTime(now)
		pod.Spec.NodeName = node
		pod.Status.Phase = corev1.PodRunning
		setReady(pod, corev1.ConditionTrue, now)
	}
	for _, s := range settings {
		switch s.key {
		case "node":
		case "bound":
			pod.Spec.NodeName = ""
			pod.Status = corev1.PodStatus{Phase: corev1.PodPending}
		case "image":
			pod.Spec.Containers[0].Image = s.value
			pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = p.hashOf(s.value)
		case "phase":
			pod.Status = corev1.PodStatus{Phase: corev1.PodPhase(s.value)}
		case "ready":
			seconds, err := strconv.Atoi(s.value)
			if err != nil {
				setReady(pod, corev1.ConditionFalse, now)
				continue
			}
			setReady(pod, corev1.ConditionTrue, now.Add(-time.Duration(seconds)*time.Second))
		case "age":
			seconds, err := strconv.Atoi(s.value)
			if err != nil {
				return err
			}
			pod.CreationTimestamp = metav1.NewTime(now.Add(-time.Duration(seconds) * time.Second))
		case "terminating":
			pod.DeletionTimestamp = &metav1.Time{Time: now}
		case "owner":
			pod.OwnerReferences = owners(p.ds, s.value)
		case "label":
			key, value, _ := strings.Cut(s.value, ":")
			pod.Labels[key] = value
		default:
			return fmt.Errorf("unknown setting %q", s.key)
		}
	}
	return p.cluster.Apply(pod)
}

// hashOf returns the hash of the DaemonSet's template with another image.
func (p *player) hashOf(image string) string {
	template := p.ds.Spec.Template.DeepCopy()
	template.Spec.Containers[0].Image = image
	return daemon.TemplateHash(template, nil)
}

func owners(ds *appsv1.DaemonSet, who string) []metav1.OwnerReference {
	ref := *metav1.NewControllerRef(ds, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))
	switch who {
	case "none":
		return nil
	case "other":
		ref.Name, ref.UID = "other", "uid-other"
	}
	return []metav1.OwnerReference{ref}
}

func (p *player) newRevision(name string, settings []setting) error {
	template := p.ds.Spec.Template.DeepCopy()
	rev := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: p.ds.Namespace, UID: types.UID("uid-" + name), OwnerReferences: owners(p.ds, "self"),
			Labels: map[string]string{"app": p.ds.Name},
		},
		Revision: 1,
	}
	hash, broken := "", false
	for _, s := range settings {
		switch s.key {
		case "image":
			template.Spec.Containers[0].Image = s.value
			hash = p.hashOf(s.value)
		case "hash":
			hash = s.value
		case "number":
			n, err := strconv.ParseInt(s.value, 10, 64)
			if err != nil {
				return err
			}
			rev.Revision = n
		case "label":
			hash = ""
		case "owner":
			rev.OwnerReferences = owners(p.ds, s.value)
		case "data":
			broken = true
		default:
			return fmt.Errorf("unknown setting %q", s.key)
		}
	}
	if hash != "" {
		rev.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = hash
	}
	data, err := history.Data(template)
	if broken {
		data = data[:len(data)/2]
	}
	if err != nil {
		return err
	}
	rev.Data.Raw = data
	return p.cluster.Apply(rev)
}
