package lint

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/internal/nodestatus"
	"github.com/pernode/daemonset/internal/percent"
)

// budget is maxUnavailable or maxSurge.
type budget struct {
	text      string
	malformed bool
	value     int  // a number of nodes, or a percentage of them
	percent   bool // value is a percentage
}

// parseBudget accepts what the API server accepts (ValidatePositiveIntOrPercent,
// IsNotMoreThan100Percent @v1.37.2).
func parseBudget(v *intstr.IntOrString) budget {
	b := budget{text: v.String()}
	if v.Type == intstr.Int {
		b.value = int(v.IntVal)
		b.malformed = b.value < 0
		return b
	}
	b.value, b.percent = percent.Parse(*v)
	b.malformed = !b.percent || b.value > 100
	return b
}

// of returns how many of so many nodes a well-formed budget allows. Percentages
// round up (UnavailableCount, SurgeCount @v1.37.2).
func (b budget) of(nodes int) int {
	if b.percent {
		return (b.value*nodes + 99) / 100
	}
	return b.value
}

func budgetField(name string) string {
	return specPath().Child("updateStrategy", "rollingUpdate", name).String()
}

// surges reports whether an update creates the new pod beside the old one
// (AllowsSurge@v1.37.2).
func (c *checker) surges() bool {
	return c.rolling && !c.maxSurge.malformed && c.maxSurge.value > 0
}

func (c *checker) budgets() {
	if !c.rolling {
		return
	}
	c.malformedBudget("maxUnavailable", c.maxUnavailable)
	c.malformedBudget("maxSurge", c.maxSurge)
	unavailable, surge := c.maxUnavailable.value > 0, c.maxSurge.value > 0
	switch {
	case c.maxUnavailable.malformed || c.maxSurge.malformed:
	case unavailable && surge:
		c.add(Finding{
			Code: CodeBudgetBothSet, Severity: SeverityError, Field: budgetField("maxSurge"),
			Message: fmt.Sprintf("maxSurge is %s and maxUnavailable is %s. The API server refuses two budgets above 0.", c.maxSurge.text, c.maxUnavailable.text),
			Fix:     "Set maxUnavailable to 0 (it is 1 by default), or remove maxSurge.",
		})
	case !unavailable && !surge:
		c.add(Finding{
			Code: CodeBudgetBothZero, Severity: SeverityError, Field: budgetField("maxUnavailable"),
			Message: "maxUnavailable and maxSurge are both 0. The API server refuses this.",
			Fix:     "Set one of them above 0.",
		})
	case surge:
		c.budgetAllNodes("maxSurge", c.maxSurge, SeverityInfo, "a rollout runs two pods on every node at the same time")
	default:
		c.budgetAllNodes("maxUnavailable", c.maxUnavailable, SeverityWarning, "a rollout takes down all pods at the same time")
		c.budgetNodesNotReady()
	}
}

func (c *checker) malformedBudget(name string, b budget) {
	if !b.malformed {
		return
	}
	c.add(Finding{
		Code: CodeBudgetMalformed, Severity: SeverityError, Field: budgetField(name),
		Message: fmt.Sprintf("%q is neither a number of 0 or more nor a percentage of at most 100%%. The API server refuses it.", b.text),
		Fix:     `Use a number, such as 1, or a percentage, such as "10%".`,
	})
}

// budgetAllNodes checks the budget that is above zero.
func (c *checker) budgetAllNodes(name string, b budget, severity Severity, consequence string) {
	f := Finding{Code: CodeBudgetAllNodes, Severity: severity, Field: budgetField(name), Fix: "Lower " + name + "."}
	switch eligible := len(c.eligible); {
	case len(c.nodes) == 0:
		if !b.percent || b.value < 100 {
			return
		}
		f.Message = fmt.Sprintf("With a %s of 100%%, %s.", name, consequence)
	case eligible == 0:
		if !b.percent {
			return
		}
		f.Code, f.Severity = CodeBudgetPercentNoNode, SeverityInfo
		f.Message = fmt.Sprintf("No node is eligible, so a %s of %s is 0. A rollout completes at once, and available pods on nodes with a NoSchedule taint keep the old template.", name, b.text)
		f.Fix = "Make a node eligible before you trust a completed rollout."
	case eligible == 1 || b.of(eligible) < eligible:
		return
	case b.percent && b.value < 100:
		f.Message = fmt.Sprintf("A %s of %s rounds up to all %d eligible nodes: %s.", name, b.text, eligible, consequence)
	default:
		f.Message = fmt.Sprintf("A %s of %s allows all %d eligible nodes: %s.", name, b.text, eligible, consequence)
	}
	c.add(f)
}

// budgetNodesNotReady ignores nodes without a Ready condition, such as the template of a
// node group. It finds nothing if all nodes are down, because then no pod on another
// node waits for them.
func (c *checker) budgetNodesNotReady() {
	var down []*corev1.Node
	for _, node := range c.eligible {
		if ready := nodestatus.Ready(node); ready != nil && ready.Status != corev1.ConditionTrue {
			down = append(down, node)
		}
	}
	allowed := c.maxUnavailable.of(len(c.eligible))
	if len(down) == 0 || len(down) < allowed || len(down) == len(c.eligible) {
		return
	}
	names := nodeNames(down)
	c.add(Finding{
		Code: CodeBudgetNodesNotReady, Severity: SeverityWarning, Field: budgetField("maxUnavailable"), Nodes: names,
		Message: fmt.Sprintf("%d of %d eligible nodes %s not Ready (%s). Unavailable pods there use up the maxUnavailable of %s, and a rollout updates no available pod.",
			len(down), len(c.eligible), plural(len(down), "is", "are"), listNames(names), c.maxUnavailable.text),
		Fix: fmt.Sprintf("Repair or remove the nodes, or allow more than %d unavailable pods.", len(down)),
	})
}
