package engine

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
)

// Detail is what the page says about one node.
type Detail struct {
	Node string `json:"node"`
	// Why says why the node runs the pod or not.
	Why string `json:"why"`
	// Status says how the node counts.
	Status string `json:"status"`
	Pods   []Pod  `json:"pods"`
	// Problem is what the rollout waits for on this node.
	Problem string `json:"problem"`
	// Budget says why the node uses the budget.
	Budget string   `json:"budget"`
	Labels []string `json:"labels"`
	Taints []string `json:"taints"`
}

// Pod is one pod of a node.
type Pod struct {
	Name     string `json:"name"`
	Revision string `json:"revision"`
	Image    string `json:"image"`
	State    string `json:"state"`
}

// detail returns what is known about a node of the frame on the screen; nil if it is not there.
func (e *Engine) detail(name string) *Detail {
	r := e.recording
	node := r.shown.nodes[name]
	if node == nil {
		return nil
	}
	d := &Detail{Node: name}
	for k, v := range node.Labels {
		d.Labels = append(d.Labels, k+"="+v)
	}
	slices.Sort(d.Labels)
	for _, t := range node.Spec.Taints {
		d.Taints = append(d.Taints, t.ToString())
	}

	snapshot, a, err := e.assess()
	if snapshot == nil {
		d.Why = err.Error()
		return d
	}
	d.Why = snapshot.Matcher().Explain(node).String()
	if state := snapshot.Node(name); state != nil {
		for i := range state.Pods {
			d.Pods = append(d.Pods, podOf(&state.Pods[i]))
		}
	}
	if len(e.cells) <= namedPods { // It costs a look at every node.
		for _, n := range daemon.StatusByNode(snapshot) {
			if n.Node == name {
				d.Status = n.String()
			}
		}
	}
	for _, b := range a.Blockers {
		if b.Node == name {
			d.Problem = strings.TrimPrefix(b.String(), name+": ")
			if b.Message != "" {
				d.Problem += "; " + b.Message
			}
		}
	}
	for _, u := range a.Budget.Users {
		if u.Node == name {
			d.Budget = fmt.Sprintf("uses %v: %v", a.Budget.Kind, u.Reason)
		}
	}
	for _, i := range a.Policy.Ignored {
		if i.Node == name {
			d.Budget = "ignored: " + i.Reason.String()
		}
	}
	return d
}

// brokenOn returns the breaks that hold on a node of the frame on the screen.
func (r *recording) brokenOn(name string) []string {
	node, f := r.shown.nodes[name], r.at().broken[name]
	var broken []string
	hold := func(holds bool, what string) {
		if holds {
			broken = append(broken, what)
		}
	}
	hold(node != nil && isDown(node), "down")
	hold(f != nil && f.crash, "crash")
	hold(f != nil && f.image, "image")
	hold(node != nil && isCordoned(node), "drain")
	hold(f != nil && f.taint != nil, "taint")
	return broken
}

func podOf(s *daemon.PodState) Pod {
	pod := s.Pod
	out := Pod{Name: pod.Name, Revision: pod.Labels["controller-revision-hash"], State: string(pod.Status.Phase)}
	var images []string
	for _, c := range pod.Spec.Containers {
		images = append(images, c.Image)
	}
	out.Image = strings.Join(images, ", ")
	switch {
	case pod.DeletionTimestamp != nil:
		out.State = "Terminating"
	case s.Available:
		out.State = "available"
	case isReady(pod):
		out.State = "ready"
	default:
		for _, c := range pod.Status.ContainerStatuses {
			if w := c.State.Waiting; w != nil {
				out.State = w.Reason
			}
		}
		if out.State == string(corev1.PodRunning) {
			out.State = "Running, not ready"
		}
	}
	if !s.Updated {
		out.State += ", outdated"
	}
	return out
}
