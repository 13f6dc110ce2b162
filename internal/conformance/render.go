package conformance

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

// document is a State as text. The data of a revision is text of its own,
// because its bytes count.
type document struct {
	Now                 time.Time          `json:"now"`
	AwaitingWrites      bool               `json:"awaitingWrites,omitempty"`
	BurstReplicas       int                `json:"burstReplicas,omitempty"`
	ComparisonOperators bool               `json:"comparisonOperators,omitempty"`
	DaemonSet           *appsv1.DaemonSet  `json:"daemonSet"`
	Nodes               []*corev1.Node     `json:"nodes,omitempty"`
	Pods                []*corev1.Pod      `json:"pods,omitempty"`
	Revisions           []revisionDocument `json:"revisions,omitempty"`
	Backoff             []Backoff          `json:"backoff,omitempty"`
}

type revisionDocument struct {
	Revision *appsv1.ControllerRevision `json:"revision"`
	Data     string                     `json:"data"`
}

// YAML returns the state as text that Parse reads.
func (s *State) YAML() string {
	d := document{
		Now: s.Now, AwaitingWrites: s.AwaitingWrites, BurstReplicas: s.BurstReplicas, ComparisonOperators: s.ComparisonOperators,
		DaemonSet: s.DaemonSet, Nodes: s.Nodes, Pods: s.Pods, Backoff: s.Backoff,
	}
	for _, r := range s.Revisions {
		without := *r
		without.Data = runtime.RawExtension{}
		d.Revisions = append(d.Revisions, revisionDocument{&without, string(r.Data.Raw)})
	}
	raw, err := json.Marshal(d)
	if err != nil {
		return fmt.Sprintf("# cannot be written: %v", err)
	}
	// What is empty is left out if that means the same.
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return fmt.Sprintf("# cannot be written: %v", err)
	}
	for _, n := range s.Nodes {
		if !reflect.DeepEqual(n.Status, corev1.NodeStatus{}) {
			return "# cannot be written: the status of a node counts for nothing"
		}
	}
	if nodes, ok := tree.(map[string]any)["nodes"].([]any); ok {
		for _, n := range nodes {
			delete(n.(map[string]any), "status")
		}
	}
	out, err := yaml.Marshal(prune(tree))
	if err != nil {
		return fmt.Sprintf("# cannot be written: %v", err)
	}
	return string(out)
}

// prune drops null and empty objects.
func prune(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		if list, ok := v.([]any); ok {
			for i := range list {
				if list[i] = prune(list[i]); list[i] == nil {
					list[i] = map[string]any{}
				}
			}
		}
		return v
	}
	for key, value := range m {
		if key == "selector" || key == "labels" || key == "rollingUpdate" {
			continue // empty means something there
		}
		value = prune(value)
		if empty, ok := value.(map[string]any); value == nil || value == 0.0 && key != "maxUnavailable" && key != "maxSurge" &&
			key != "revisionHistoryLimit" && key != "collisionCount" && key != "tolerationSeconds" || ok && len(empty) == 0 {
			delete(m, key)
		}
	}
	return m
}

// Parse reads what YAML returned.
func Parse(text string) (*State, error) {
	var d document
	if err := yaml.UnmarshalStrict([]byte(text), &d); err != nil {
		return nil, err
	}
	s := &State{
		Now: d.Now, AwaitingWrites: d.AwaitingWrites, BurstReplicas: d.BurstReplicas, ComparisonOperators: d.ComparisonOperators,
		DaemonSet: d.DaemonSet, Nodes: d.Nodes, Pods: d.Pods, Backoff: d.Backoff,
	}
	for _, r := range d.Revisions {
		if r.Data != "" {
			r.Revision.Data.Raw = []byte(r.Data)
		}
		s.Revisions = append(s.Revisions, r.Revision)
	}
	return s, nil
}

// Case returns a failing state as an entry of the list in case_test.go.
func (s *State) Case(name string) string {
	text := strings.ReplaceAll(s.YAML(), "`", "` + \"`\" + `")
	return fmt.Sprintf("{\n\tname: %q,\n\twhy:  \"\",\n\tstate: `\n%s`,\n},\n", name, text)
}
