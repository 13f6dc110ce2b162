package engine

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/rollout"
)

// State is what a link holds.
type State struct {
	// Now is the time of the first frame.
	Now time.Time `json:"now"`
	// Texts are those that the recording begins with.
	Texts Texts `json:"texts"`
	// Draft are the texts in the editor, if they differ from those applied at the frame.
	Draft *Edit `json:"draft,omitempty"`
	// Set is the NAMESPACE/NAME of the DaemonSet; empty means the first.
	Set string `json:"set,omitempty"`
	// Actions are what the user did, in order.
	Actions []Action `json:"actions,omitempty"`
	// Frame is the frame on the screen.
	Frame int `json:"frame,omitempty"`
	// Node is the selected node.
	Node string `json:"node,omitempty"`
}

// Texts are the two texts of the editor.
type Texts struct {
	// Manifest is the DaemonSet that the user writes.
	Manifest string `json:"manifest"`
	// Cluster has the nodes, and what a cluster holds besides.
	Cluster string `json:"cluster"`
}

// Edit is a change of the texts. A nil text stays as it is.
type Edit struct {
	Manifest *string `json:"manifest,omitempty"`
	Cluster  *string `json:"cluster,omitempty"`
}

// editOf returns what changes from one pair of texts to another.
func editOf(old, cur Texts) *Edit {
	e := &Edit{}
	if old.Manifest != cur.Manifest {
		e.Manifest = &cur.Manifest
	}
	if old.Cluster != cur.Cluster {
		e.Cluster = &cur.Cluster
	}
	return e
}

// with returns the texts after an edit; nil changes nothing.
func (t Texts) with(e *Edit) Texts {
	if e != nil && e.Manifest != nil {
		t.Manifest = *e.Manifest
	}
	if e != nil && e.Cluster != nil {
		t.Cluster = *e.Cluster
	}
	return t
}

// Action is what the user does after a frame. One field is set besides After.
type Action struct {
	// After is the number of the frame.
	After int `json:"after"`
	// Apply stores the DaemonSet and the nodes of the texts.
	Apply *Edit `json:"apply,omitempty"`
	// Policy replaces the policy.
	Policy *Controls `json:"policy,omitempty"`
	// Break breaks something, or repairs it.
	Break *Breakage `json:"break,omitempty"`
	// Promote promotes the canary.
	Promote bool `json:"promote,omitempty"`
}

// Controls are the settings of the policy as the page has them. The zero Controls are
// upstream's behaviour.
type Controls struct {
	Paused bool `json:"paused,omitempty"`
	// Partition and Canary are numbers of nodes or percentages; empty means none.
	Partition string `json:"partition,omitempty"`
	Canary    string `json:"canary,omitempty"`
	// Manual makes the canary wait for a promotion.
	Manual bool `json:"manual,omitempty"`
	// FailAfter is how long the canary may take, such as 5m; empty means for ever.
	FailAfter string `json:"failAfter,omitempty"`
	// Zones updates one zone after the other.
	Zones bool `json:"zones,omitempty"`
	// Order is "", "reverse", "oldest" or "notready".
	Order string `json:"order,omitempty"`
	// Strict applies the budget to broken pods, too.
	Strict bool `json:"strict,omitempty"`
	// IgnoreDown ignores nodes that are not ready, IgnoreCordoned those that are cordoned.
	IgnoreDown     bool `json:"ignoreDown,omitempty"`
	IgnoreCordoned bool `json:"ignoreCordoned,omitempty"`
}

// zoneLabel is the label whose values are the zones.
const zoneLabel = "topology.kubernetes.io/zone"

// policy returns the policy of the controls.
func (c *Controls) policy() (rollout.Policy, error) {
	p := rollout.Policy{Paused: c.Paused, StrictBudget: c.Strict}
	if nodes, ok, err := amount("partition", c.Partition); err != nil {
		return p, err
	} else if ok {
		p.Partition = &rollout.Partition{Nodes: nodes}
	}
	var failAfter time.Duration
	if text := strings.TrimSpace(c.FailAfter); text != "" {
		var err error
		if failAfter, err = time.ParseDuration(text); err != nil || failAfter < 0 {
			return p, fmt.Errorf("canary fails after: %q is not a duration such as 5m", text)
		}
	}
	if nodes, ok, err := amount("canary", c.Canary); err != nil {
		return p, err
	} else if ok {
		p.Canary = &rollout.Canary{Nodes: nodes, Manual: c.Manual, FailAfter: metav1.Duration{Duration: failAfter}}
	}
	if c.Zones {
		p.OneDomain = &rollout.OneDomain{Label: zoneLabel}
	}
	switch c.Order {
	case "":
	case "reverse":
		p.Order = &rollout.Order{By: rollout.Reverse(rollout.ByName)}
	case "oldest":
		p.Order = &rollout.Order{By: rollout.OldestPodFirst}
	case "notready":
		p.Order = &rollout.Order{By: rollout.NotReadyFirst}
	default:
		return p, fmt.Errorf("order: unknown %q", c.Order)
	}
	if c.IgnoreDown {
		p.IgnoreNotReadyNodes = &rollout.IgnoreAfter{}
	}
	if c.IgnoreCordoned {
		p.IgnoreNodes = &rollout.IgnoreNodes{By: rollout.Cordoned}
	}
	return p, p.Validate(field.NewPath("policy")).ToAggregate()
}

// amount parses a number or a percentage; false if the text is empty.
func amount(what, text string) (intstr.IntOrString, bool, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return intstr.IntOrString{}, false, nil
	}
	number, isPercent := strings.CutSuffix(text, "%")
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return intstr.IntOrString{}, false, fmt.Errorf("%s: %q is neither a number nor a percentage", what, text)
	}
	if isPercent {
		return intstr.FromString(text), true, nil
	}
	return intstr.FromInt(n), true, nil
}

// text names the controls that are set.
func (c *Controls) text() string {
	p, err := c.policy()
	if err != nil {
		return err.Error()
	}
	return p.String()
}
