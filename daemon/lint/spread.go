package lint

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
)

func (c *checker) topologySpread() {
	path := podSpecPath().Child("topologySpreadConstraints")
	for i := range c.spec.TopologySpreadConstraints {
		constraint := &c.spec.TopologySpreadConstraints[i]
		if constraint.WhenUnsatisfiable != corev1.DoNotSchedule {
			continue
		}
		var nodes []string
		for _, node := range c.eligible {
			if _, ok := node.Labels[constraint.TopologyKey]; !ok {
				nodes = append(nodes, node.Name)
			}
		}
		n := len(nodes)
		if n == 0 {
			continue
		}
		c.add(Finding{
			Code: CodeSpreadLabelMissing, Severity: SeverityError, Field: path.Index(i).Child("topologyKey").String(), Nodes: nodes,
			Message: fmt.Sprintf("%s (%s) %s the label %s, and %s there %s Pending.",
				counted(n, "eligible node"), listNames(nodes), plural(n, "lacks", "lack"), orQuotes(constraint.TopologyKey), plural(n, "the pod", "the pods"), plural(n, "stays", "stay")),
			Fix: "Remove the constraint. The controller already spreads daemon pods, one on each node.",
		})
	}
}
