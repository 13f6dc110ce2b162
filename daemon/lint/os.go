package lint

import (
	"fmt"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// operatingSystem compares spec.os with the label kubernetes.io/os of the eligible
// nodes. A node without the label may run any system and does not count.
func (c *checker) operatingSystem() {
	byOS := make(map[string][]string)
	for _, node := range c.eligible {
		if os := node.Labels[corev1.LabelOSStable]; os != "" {
			byOS[os] = append(byOS[os], node.Name)
		}
	}
	if c.spec.OS != nil && c.spec.OS.Name != "" {
		c.osMismatch(string(c.spec.OS.Name), byOS)
		return
	}
	if len(byOS) > 1 {
		c.add(Finding{
			Code: CodeOSMixed, Severity: SeverityWarning, Field: podSpecPath().Child("nodeSelector").String(),
			Message: "Eligible nodes run " + listNames(slices.Sorted(maps.Keys(byOS))) + ". A pod whose image has no variant for its node never starts and uses up the budget of every rollout.",
			Fix:     "Select nodes by " + corev1.LabelOSStable + ", with one DaemonSet for each operating system.",
		})
	}
}

func (c *checker) osMismatch(want string, byOS map[string][]string) {
	var nodes []string
	for os, names := range byOS {
		if os != want {
			nodes = append(nodes, names...)
		}
	}
	if len(nodes) == 0 {
		return
	}
	slices.Sort(nodes)
	c.add(Finding{
		Code: CodeOSMismatch, Severity: SeverityError, Field: podSpecPath().Child("os", "name").String(), Nodes: nodes,
		Message: fmt.Sprintf("spec.os of the template is %s, but %d of %d eligible nodes %s another operating system (%s). The kubelets there reject each pod, and the controller creates the next one.",
			want, len(nodes), len(c.eligible), plural(len(nodes), "runs", "run"), listNames(nodes)),
		Fix: fmt.Sprintf("Select nodes with %s=%s. The field spec.os does not select nodes.", corev1.LabelOSStable, want),
	})
}
