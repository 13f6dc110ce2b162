package main

import (
	"encoding/json"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/strategicpatch"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout/simulate"
)

// cluster is a simulated cluster with one DaemonSet.
type cluster struct {
	*simulate.Cluster
	set *appsv1.DaemonSet
}

// newCluster returns a cluster in which things take as long as in the lesson.
func newCluster(now time.Time, nodes []*corev1.Node) (*cluster, error) {
	times := simulate.PodTimes{ReadyAfter: 16 * time.Second, TerminatesAfter: 4 * time.Second}
	c, err := simulate.NewCluster(daemon.Input{Nodes: nodes, Now: now}, simulate.Options{
		PodTimes: func(*corev1.Node, *corev1.Pod) simulate.PodTimes { return times },
		PodName:  func(generateName string, n int) string { return generateName + suffix(n) },
	})
	return &cluster{Cluster: c}, err
}

// facts returns what the controller sees.
func (c *cluster) facts() daemon.Input { return c.Input(c.set) }

// create stores a new DaemonSet if it is valid, as the API server does.
func (c *cluster) create(set *appsv1.DaemonSet) error {
	if err := daemon.Validate(daemon.Default(set)).ToAggregate(); err != nil {
		return err
	}
	c.set = set
	return c.Apply(set)
}

// patch changes the DaemonSet if the result is valid.
func (c *cluster) patch(patch []byte) error {
	stored := c.facts().DaemonSet
	old, err := json.Marshal(stored)
	if err != nil {
		return err
	}
	merged, err := strategicpatch.StrategicMergePatch(old, patch, stored)
	if err != nil {
		return err
	}
	set := &appsv1.DaemonSet{}
	if err := json.Unmarshal(merged, set); err != nil {
		return err
	}
	// An update has to name the version that it changes.
	was, is := stored.DeepCopy(), set.DeepCopy()
	was.ResourceVersion, is.ResourceVersion = "1", "1"
	if err := daemon.ValidateUpdate(is, was).ToAggregate(); err != nil {
		return err
	}
	return c.Apply(set)
}

// podOn returns the pod on a node, or nil.
func (c *cluster) podOn(node string) *corev1.Pod {
	for _, pod := range c.facts().Pods {
		if pod.Spec.NodeName == node {
			return pod
		}
	}
	return nil
}

// suffix ends the n-th generated name. API servers choose these letters at random; here
// the suffixes are all such words in fixed steps, which begin with the two names of the
// lesson.
func suffix(n int) string {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	const start, step = 566126, 10758923
	word := make([]byte, 5)
	for i, rest := len(word)-1, start+(n-1)*step; i >= 0; i-- {
		word[i] = letters[rest%len(letters)]
		rest /= len(letters)
	}
	return string(word)
}
