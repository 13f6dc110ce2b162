package lint

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// someHash and otherHash stand for the hashes of two revisions. Real hashes have no
// capital letters.
const (
	someHash  = "SOME-REVISION"
	otherHash = "OTHER-REVISION"
)

func (c *checker) selector() {
	path := specPath().Child("selector").String()
	selector := c.ds.Spec.Selector
	matches, err := metav1.LabelSelectorAsSelector(selector)
	template := labels.Set(c.ds.Spec.Template.Labels)
	switch {
	case err != nil:
		c.add(Finding{
			Code: CodeSelectorMalformed, Severity: SeverityError, Field: path,
			Message: "The selector does not parse: " + err.Error() + ".",
			Fix:     "Use In and NotIn with values, Exists and DoesNotExist without values.",
		})
	case selector == nil || matches.Empty():
		f := Finding{
			Code: CodeSelectorEmpty, Severity: SeverityError, Field: path,
			Fix: "Select by a label of the template that no other workload in the namespace has.",
		}
		switch {
		case selector == nil:
			f.Message = "The selector is missing. The API server refuses it. A controller that finds it releases each pod that it creates and creates more, without end."
		case selector.MatchLabels == nil && selector.MatchExpressions == nil:
			f.Message = "The selector is empty. The API server refuses it. A controller that finds it does nothing."
		default:
			f.Message = "The selector is empty. The API server refuses it. A controller that finds it adopts every pod of the namespace that has no controller."
		}
		c.add(f)
	case !matches.Matches(template):
		c.add(Finding{
			Code: CodeSelectorMismatch, Severity: SeverityError, Field: specPath().Child("template", "metadata", "labels").String(),
			Message: fmt.Sprintf("The selector %s does not match the template's labels %s. The API server refuses the DaemonSet.", matches, labelText(template)),
			Fix:     "Add the missing labels to the template. The selector of an existing DaemonSet cannot change.",
		})
	case !matches.Matches(labels.Set(c.podLabels(someHash))):
		c.add(Finding{
			Code: CodeSelectorRevisionHash, Severity: SeverityError, Field: path,
			Message: "The selector depends on the value of " + c.naming.RevisionHashLabel + ", which the controller sets. The controller releases the pods that it creates and creates more, without end.",
			Fix:     "Remove " + c.naming.RevisionHashLabel + " from the selector and the template.",
		})
	}
}

func labelText(set labels.Set) string {
	if len(set) == 0 {
		return "<none>"
	}
	return set.String()
}
