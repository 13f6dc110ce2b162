package lint_test

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
)

func osCases() []checkCase {
	c := func(code lint.Code, name, why string, spec corev1.PodSpec, nodes []*corev1.Node, says string, want ...string) checkCase {
		return checkCase{name: name, why: why, code: code, in: daemon.Input{DaemonSet: soundSet(build.Set{Spec: spec}), Nodes: nodes}, says: says, want: want}
	}
	system := func(os corev1.OSName) *corev1.PodOS { return &corev1.PodOS{Name: os} }
	unknown := newNodes("w1", "w2")
	mixed := newNodes("l1 kubernetes.io/os=linux", "w1 kubernetes.io/os=windows", "w2 kubernetes.io/os=windows")

	return []checkCase{
		c(lint.CodeOSMismatch, "windows nodes", "kubelets reject the pods", corev1.PodSpec{OS: system(corev1.Linux)}, mixed, "2 of 3 eligible nodes run another operating system (w1 and w2).", "error spec.template.spec.os.name w1 w2"),
		c(lint.CodeOSMismatch, "linux node", "spec.os is windows", corev1.PodSpec{OS: system(corev1.Windows)}, mixed, "1 of 3 eligible nodes runs", "error spec.template.spec.os.name l1"),
		c(lint.CodeOSMismatch, "selected as well", "the others are not eligible", corev1.PodSpec{OS: system(corev1.Linux), NodeSelector: build.Labels{corev1.LabelOSStable: "linux"}}, mixed, ""),
		c(lint.CodeOSMismatch, "label missing", "a node without the label may run anything", corev1.PodSpec{OS: system(corev1.Linux)}, unknown, ""),
		c(lint.CodeOSMixed, "both", "one image is for one of them", corev1.PodSpec{}, mixed, "Eligible nodes run linux and windows.", "warning "+selectorField),
		c(lint.CodeOSMixed, "spec.os", "has a code of its own", corev1.PodSpec{OS: system(corev1.Linux)}, mixed, ""),
		c(lint.CodeOSMixed, "selected", "only one is eligible", corev1.PodSpec{NodeSelector: build.Labels{corev1.LabelOSStable: "linux"}}, mixed, ""),
		c(lint.CodeOSMixed, "one system", "all the same", corev1.PodSpec{}, mixed[1:], ""),
	}
}
