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
	"github.com/pernode/daemonset/rollout"
)

// setting is one KEY=VALUE of a command.
type setting struct{ key, value string }

// run carries out one line.
func (c *Cluster) run(line string, out io.Writer) error {
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
		return c.newDaemonSet(names[0], settings)
	case "set":
		return c.changeDaemonSet(settings)
	case "node":
		return c.changeNodes(names, settings)
	case "remove-node":
		for _, name := range names {
			delete(c.Nodes, name)
		}
		return nil
	case "pod":
		return c.changePod(names[0], settings)
	case "remove-pod":
		for _, name := range names {
			delete(c.Pods, name)
		}
		return nil
	case "revision":
		return c.newRevision(names[0], settings)
	case "after":
		d, err := time.ParseDuration(names[0])
		c.Now = c.Now.Add(d)
		return err
	case "kubelet":
		c.Kubelet(except(settings))
		return nil
	case "settle":
		return c.settle(except(settings), out)
	case "sync":
		result, err := c.Sync()
		printResult(out, result, err)
		return nil
	default:
		return c.show(command, out)
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

// settle makes passes until one is empty; a rollout that does not come to rest
// within fifty is reported.
func (c *Cluster) settle(except []string, out io.Writer) error {
	for pass := 1; pass <= 50; pass++ {
		result, err := c.Sync()
		if err != nil {
			return err
		}
		if result.Empty() {
			fmt.Fprintf(out, "pass %d: quiet\n", pass)
			return nil
		}
		fmt.Fprintf(out, "pass %d:\n  %s\n", pass, strings.ReplaceAll(result.String(), "\n", "\n  "))
		c.Now = c.Now.Add(time.Second)
		c.Kubelet(except)
	}
	return fmt.Errorf("not quiet after 50 passes")
}

// show prints without changing anything.
func (c *Cluster) show(what string, out io.Writer) error {
	switch what {
	case "revisions":
		plan, err := rollout.Revisions(c.DaemonSet, c.Input().Revisions, c.Input().Pods)
		if err != nil {
			fmt.Fprintln(out, "error:", err)
			return nil
		}
		fmt.Fprintln(out, plan)
		return nil
	case "pods":
		for _, pod := range c.sortedPods() {
			fmt.Fprintln(out, formatPod(pod))
		}
		return nil
	}
	snapshot, err := c.snapshot()
	if err != nil {
		fmt.Fprintln(out, "error:", err)
		return nil
	}
	switch what {
	case "plan":
		fmt.Fprintln(out, daemon.Reconcile(snapshot))
	case "step":
		step, err := rollout.Next(snapshot)
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

func (c *Cluster) newDaemonSet(name string, settings []setting) error {
	labels := map[string]string{"app": name}
	c.DaemonSet = daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "default", UID: types.UID("uid-" + name)},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: name}}},
			},
		},
	})
	return c.changeDaemonSet(settings)
}

func (c *Cluster) changeDaemonSet(settings []setting) error {
	ds := c.DaemonSet.DeepCopy()
	spec := &ds.Spec
	ds.Generation++
	c.DaemonSet = ds
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
			ds.DeletionTimestamp = &metav1.Time{Time: c.Now}
		default:
			return fmt.Errorf("unknown setting %q", s.key)
		}
	}
	return nil
}

func budget(value string) *intstr.IntOrString {
	if value == "unset" {
		return nil
	}
	v := intstr.Parse(value)
	return &v
}

func (c *Cluster) changeNodes(names []string, settings []setting) error {
	for _, name := range names {
		node := c.Nodes[name]
		if node == nil {
			node = &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{}}}
			c.Nodes[name] = node
		}
		for _, s := range settings {
			switch s.key {
			case "label":
				key, value, _ := strings.Cut(s.value, ":")
				node.Labels[key] = value
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
	}
	return nil
}

// changePod makes pods as the controller would, bound and running unless the
// settings say otherwise.
func (c *Cluster) changePod(name string, settings []setting) error {
	pod := c.Pods[name]
	if pod == nil {
		node := ""
		for _, s := range settings {
			if s.key == "node" {
				node = s.value
			}
		}
		pod = daemon.NewPod(c.DaemonSet, node, c.hashOf(c.DaemonSet.Spec.Template.Spec.Containers[0].Image))
		pod.Name, pod.UID = name, types.UID("uid-"+name)
		pod.CreationTimestamp = metav1.NewTime(c.Now)
		pod.Spec.NodeName = node
		pod.Status.Phase = corev1.PodRunning
		setReady(pod, corev1.ConditionTrue, c.Now)
		c.Pods[name] = pod
	}
	for _, s := range settings {
		switch s.key {
		case "node":
		case "bound":
			pod.Spec.NodeName = ""
			pod.Status = corev1.PodStatus{Phase: corev1.PodPending}
		case "image":
			pod.Spec.Containers[0].Image = s.value
			pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = c.hashOf(s.value)
		case "phase":
			pod.Status = corev1.PodStatus{Phase: corev1.PodPhase(s.value)}
		case "ready":
			seconds, err := strconv.Atoi(s.value)
			if err != nil {
				setReady(pod, corev1.ConditionFalse, c.Now)
				continue
			}
			setReady(pod, corev1.ConditionTrue, c.Now.Add(-time.Duration(seconds)*time.Second))
		case "age":
			seconds, err := strconv.Atoi(s.value)
			if err != nil {
				return err
			}
			pod.CreationTimestamp = metav1.NewTime(c.Now.Add(-time.Duration(seconds) * time.Second))
		case "terminating":
			pod.DeletionTimestamp = &metav1.Time{Time: c.Now}
		case "owner":
			pod.OwnerReferences = owners(c.DaemonSet, s.value)
		case "label":
			key, value, _ := strings.Cut(s.value, ":")
			pod.Labels[key] = value
		default:
			return fmt.Errorf("unknown setting %q", s.key)
		}
	}
	return nil
}

// hashOf returns the hash of the DaemonSet's template with another image.
func (c *Cluster) hashOf(image string) string {
	template := c.DaemonSet.Spec.Template.DeepCopy()
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

func (c *Cluster) newRevision(name string, settings []setting) error {
	template := c.DaemonSet.Spec.Template.DeepCopy()
	rev := &appsv1.ControllerRevision{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: c.DaemonSet.Namespace, UID: types.UID("uid-" + name), OwnerReferences: owners(c.DaemonSet, "self"),
			Labels: map[string]string{"app": c.DaemonSet.Name},
		},
		Revision: 1,
	}
	hash, broken := "", false
	for _, s := range settings {
		switch s.key {
		case "image":
			template.Spec.Containers[0].Image = s.value
			hash = c.hashOf(s.value)
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
			rev.OwnerReferences = owners(c.DaemonSet, s.value)
		case "data":
			broken = true
		default:
			return fmt.Errorf("unknown setting %q", s.key)
		}
	}
	if hash != "" {
		rev.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] = hash
	}
	data, err := rollout.RevisionData(template)
	if broken {
		data = data[:len(data)/2]
	}
	rev.Data.Raw = data
	c.Revisions[name] = rev
	return err
}
