package daemon

import (
	"fmt"
	"math"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// foreignHash stands for the hash of any revision; real ones have no capitals.
const foreignHash = "ANY-REVISION"

func (l *linter) selector() {
	path := specPath().Child("selector").String()
	selector := l.ds.Spec.Selector
	if selector == nil || SelectsEverything(l.ds) {
		l.add(Finding{
			Code: LintSelectorEmpty, Severity: SeverityError, Field: path,
			Message: "The selector is empty, which the API server refuses and the controller does not act on.",
			Fix:     "Select by a label of the template that no other workload in the namespace has.",
		})
		return
	}
	matches, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		l.add(Finding{
			Code: LintSelectorMalformed, Severity: SeverityError, Field: path,
			Message: "The selector does not parse: " + err.Error() + ".",
			Fix:     "Use the operators In and NotIn with values, Exists and DoesNotExist without.",
		})
		return
	}
	template := labels.Set(l.ds.Spec.Template.Labels)
	if !matches.Matches(template) {
		l.add(Finding{
			Code: LintSelectorMismatch, Severity: SeverityError, Field: templatePath().Child("metadata", "labels").String(),
			Message: fmt.Sprintf("The selector %s does not match the template's labels %s, which the API server refuses.", matches, labelText(template)),
			Fix:     "Give the template the labels that the selector wants; the selector of an existing DaemonSet cannot change.",
		})
		return
	}
	if !matches.Matches(labels.Set(podLabels(&l.ds.Spec.Template, foreignHash))) {
		l.add(Finding{
			Code: LintSelectorRevision, Severity: SeverityError, Field: path,
			Message: "The selector asks for a value of " + appsv1.DefaultDaemonSetUniqueLabelKey + ", which is the controller's to set, so it releases the pods that it creates and creates more.",
			Fix:     "Take " + appsv1.DefaultDaemonSetUniqueLabelKey + " out of the selector and the template.",
		})
	}
}

func labelText(set labels.Set) string {
	if len(set) == 0 {
		return "<none>"
	}
	return set.String()
}

func (l *linter) history() {
	if limit := l.ds.Spec.RevisionHistoryLimit; limit != nil && *limit == 0 {
		l.add(Finding{
			Code: LintHistoryNone, Severity: SeverityInfo, Field: specPath().Child("revisionHistoryLimit").String(),
			Message: "No old revision is kept, so that after a rollout there is nothing to undo it to.",
			Fix:     "Keep at least 1.",
		})
	}
}

// rolling returns the budgets of a rolling update; nil with any other strategy.
func (l *linter) rolling() *appsv1.RollingUpdateDaemonSet {
	if l.ds.Spec.UpdateStrategy.Type != appsv1.RollingUpdateDaemonSetStrategyType {
		return nil
	}
	return l.ds.Spec.UpdateStrategy.RollingUpdate
}

func budgetField(name string) string {
	return specPath().Child("updateStrategy", "rollingUpdate", name).String()
}

// wellFormedBudget says whether a budget is one.
func wellFormedBudget(budget intstr.IntOrString) bool {
	return len(validateBudget(budget, nil))+len(validatePercentage(budget, nil)) == 0
}

// scaledBudget returns what the budget, which is well-formed, comes to on so many nodes.
func scaledBudget(budget *intstr.IntOrString, nodes int) int {
	n, err := intstr.GetScaledValueFromIntOrPercent(budget, nodes, true)
	if err != nil {
		return 0
	}
	return n
}

// surges reports whether updates put the new pod beside the old one
// (AllowsSurge@v1.37.2).
func (l *linter) surges() bool {
	r := l.rolling()
	return r != nil && wellFormedBudget(*r.MaxSurge) && scaledBudget(r.MaxSurge, 1) > 0
}

func (l *linter) budgets() {
	r := l.rolling()
	if r == nil {
		return
	}
	malformed := false
	for name, budget := range map[string]*intstr.IntOrString{"maxUnavailable": r.MaxUnavailable, "maxSurge": r.MaxSurge} {
		if !wellFormedBudget(*budget) {
			malformed = true
			l.add(Finding{
				Code: LintBudgetMalformed, Severity: SeverityError, Field: budgetField(name),
				Message: fmt.Sprintf("%q is neither a number from 0 up nor a percentage up to 100%%, which the API server refuses.", budget.String()),
				Fix:     `Write a number, such as 1, or a percentage, such as "10%".`,
			})
		}
	}
	if malformed {
		return
	}
	unavailable, surge := scaledBudget(r.MaxUnavailable, 1) > 0, scaledBudget(r.MaxSurge, 1) > 0
	switch {
	case unavailable && surge:
		l.add(Finding{
			Code: LintBudgetBoth, Severity: SeverityError, Field: budgetField("maxSurge"),
			Message: fmt.Sprintf("maxSurge is %s and maxUnavailable %s; the API server refuses two budgets above 0.", r.MaxSurge, r.MaxUnavailable),
			Fix:     "Set maxUnavailable to 0, which is 1 where it is not written, or take maxSurge away.",
		})
	case !unavailable && !surge:
		l.add(Finding{
			Code: LintBudgetNothing, Severity: SeverityError, Field: budgetField("maxUnavailable"),
			Message: "maxUnavailable and maxSurge are both 0, which the API server refuses.",
			Fix:     "Set exactly one of them above 0.",
		})
	case surge:
		l.budgetAll("maxSurge", r.MaxSurge, SeverityInfo, "a rollout has two pods on every node at the same time")
	default:
		l.budgetAll("maxUnavailable", r.MaxUnavailable, SeverityWarning, "a rollout takes all pods down at the same time")
		l.budgetNotReady(r.MaxUnavailable)
	}
}

// budgetAll judges the only budget above zero.
func (l *linter) budgetAll(name string, budget *intstr.IntOrString, severity Severity, consequence string) {
	percent, isPercent := percentage(*budget)
	f := Finding{Code: LintBudgetAll, Severity: severity, Field: budgetField(name), Fix: "Lower it."}
	switch eligible := len(l.eligible); {
	case len(l.nodes) == 0:
		if !isPercent || percent < 100 {
			return
		}
		f.Message = fmt.Sprintf("With %s at 100%% %s.", name, consequence)
	case eligible == 0:
		if !isPercent {
			return
		}
		f.Code, f.Severity = LintBudgetPercentOfZero, SeverityInfo
		f.Message = fmt.Sprintf("No node is eligible, so %s of %s is 0: a rollout is complete at once, and available pods stranded by a taint keep the old template.", name, budget)
		f.Fix = "Make nodes eligible; until then take the completion of a rollout for nothing."
	case eligible == 1 || scaledBudget(budget, eligible) < eligible:
		return
	case isPercent && percent < 100:
		f.Message = fmt.Sprintf("%s rounds %s of %d eligible nodes up to all of them, so that %s.", name, budget, eligible, consequence)
	default:
		f.Message = fmt.Sprintf("%s is %s with %d eligible nodes, so that %s.", name, budget, eligible, consequence)
	}
	l.add(f)
}

func (l *linter) budgetNotReady(maxUnavailable *intstr.IntOrString) {
	var down []*corev1.Node
	for _, node := range l.eligible {
		if nodeNotReady(node) {
			down = append(down, node)
		}
	}
	budget := scaledBudget(maxUnavailable, len(l.eligible))
	if len(down) == 0 || len(down) < budget || len(down) == len(l.eligible) {
		return
	}
	l.add(Finding{
		Code: LintBudgetNotReady, Severity: SeverityWarning, Field: budgetField("maxUnavailable"), Nodes: nodeNames(down),
		Message: fmt.Sprintf("%s of %d eligible %s not Ready (%s); their pods use up the %d that may be unavailable, and no other pod is updated.",
			counted(len(down), "node"), len(l.eligible), oneOrMany(len(down), "is", "are"), listNames(nodeNames(down)), budget),
		Fix: fmt.Sprintf("Repair or remove the nodes, or allow more than %d.", len(down)),
	})
}

// nodeNotReady is false for a node that does not say, such as a template node.
func nodeNotReady(node *corev1.Node) bool {
	for i := range node.Status.Conditions {
		if c := &node.Status.Conditions[i]; c.Type == corev1.NodeReady {
			return c.Status != corev1.ConditionTrue
		}
	}
	return false
}

func (l *linter) minReady() {
	r := l.rolling()
	wait := time.Duration(l.ds.Spec.MinReadySeconds) * time.Second
	if r == nil || l.patience < 0 || wait <= l.patience {
		return
	}
	l.add(Finding{
		Code: LintMinReadyLong, Severity: SeverityWarning, Field: specPath().Child("minReadySeconds").String(),
		Message: fmt.Sprintf("After each step of a rollout nothing moves for %v, longer than the %v that people wait for progress%s.", wait, l.patience, l.leastTime(r, wait)),
		Fix:     "Lower it, or have those who watch wait longer than that.",
	})
}

// leastTime tells how long a whole rollout takes at least, where that is known.
func (l *linter) leastTime(r *appsv1.RollingUpdateDaemonSet, wait time.Duration) string {
	nodes := len(l.eligible)
	if nodes == 0 || !wellFormedBudget(*r.MaxSurge) || !wellFormedBudget(*r.MaxUnavailable) {
		return ""
	}
	atOnce := max(scaledBudget(r.MaxSurge, nodes), scaledBudget(r.MaxUnavailable, nodes), 1)
	steps := (nodes-1)/atOnce + 1
	if time.Duration(steps) > math.MaxInt64/wait {
		return ""
	}
	return fmt.Sprintf("; %s, %d at a time, take at least %v", counted(nodes, "node"), atOnce, time.Duration(steps)*wait)
}
