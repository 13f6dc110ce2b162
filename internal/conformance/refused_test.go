package conformance

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation/field"
	dsregistry "k8s.io/kubernetes/pkg/registry/apps/daemonset"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout/simulate"
)

// oddPods returns a DaemonSet whose pods may be refused for their resources, host ports, node
// selector, node affinity or tolerations.
func oddPods(d dice) *appsv1.DaemonSet {
	ds := plainSet()
	spec := &ds.Spec.Template.Spec
	containers := func(name string, n int) []corev1.Container {
		var list []corev1.Container
		for i := range n {
			c := corev1.Container{Name: fmt.Sprint(name, i), Image: "image:v1"}
			if d.in(4) {
				c.Resources = corev1.ResourceRequirements{Requests: d.oddResources(), Limits: d.oddResources()}
			}
			for range d.IntN(3) {
				p := corev1.ContainerPort{HostPort: []int32{0, 80, 80, 81}[d.IntN(4)], Protocol: corev1.Protocol(d.one("", "TCP", "UDP")), HostIP: d.one("", "", "127.0.0.1")}
				p.ContainerPort = max(p.HostPort, 80)
				c.Ports = append(c.Ports, p)
			}
			list = append(list, c)
		}
		return list
	}
	spec.HostNetwork = d.in(3)
	spec.InitContainers, spec.Containers = containers("init", d.IntN(3)), containers("main", 1+d.IntN(3))
	if len(spec.InitContainers) > 0 && d.in(2) {
		spec.InitContainers[0].RestartPolicy = new(corev1.ContainerRestartPolicyAlways)
	}
	for range d.IntN(3) {
		spec.Tolerations = append(spec.Tolerations, d.oddToleration())
	}
	if d.in(8) {
		spec.Resources = &corev1.ResourceRequirements{Requests: d.oddResources(), Limits: d.oddResources()}
	}
	if d.in(8) {
		spec.Overhead = d.oddResources()
	}
	if d.in(3) {
		spec.NodeSelector = map[string]string{d.one("disk", "example.com/disk", "a b", "a/b/c"): d.one("", "ssd", "a=b=c"), "zone": d.one("", "a", "-a")}
	}
	if d.in(2) {
		terms := make([]corev1.NodeSelectorTerm, 1+d.IntN(2))
		for i := range terms {
			terms[i].MatchExpressions = []corev1.NodeSelectorRequirement{d.expression()}
			if d.in(4) {
				names := [][]string{nil, {"n1"}, {"n1"}, {"n1", "n2"}, {""}, {"bad name!"}}
				terms[i].MatchFields = []corev1.NodeSelectorRequirement{{
					Key: d.one("metadata.name", "metadata.name", "metadata.uid"), Operator: corev1.NodeSelectorOperator(d.one("In", "In", "NotIn", "Exists")), Values: names[d.IntN(len(names))],
				}}
			}
		}
		spec.Affinity = &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{NodeSelectorTerms: terms}}}
	}
	return ds
}

// oddResources returns amounts that may be malformed in each of their parts.
func (d dice) oddResources() corev1.ResourceList {
	list := corev1.ResourceList{}
	for range d.IntN(3) {
		name := d.one("cpu", "cpu", "memory", "memory", "ephemeral-storage", "hugepages-2Mi", "hugepages-2Mi", "example.com/device", "example.com/device",
			"kubernetes.io/x", "gpu", "Memory", "pods", "requests.cpu", "requests.example.com/x", "a b", "a/b/c")
		list[corev1.ResourceName(name)] = resource.MustParse(d.one("0", "1", "1", "2", "2Mi", "4Mi", "500m", "100u", "900u", "-1", "-100m"))
	}
	return list
}

// oddToleration returns one that may be malformed in each of its fields.
func (d dice) oddToleration() corev1.Toleration {
	t := corev1.Toleration{
		Key:      d.one("", "a", "a", "example.com/b", "a b", "a/b/c"),
		Operator: corev1.TolerationOperator(d.one("Equal", "", "Exists", "Exists", "Exists", "Has", "exists", "Gt")),
		Value:    d.one("", "", "", "b", "b=c"),
		Effect:   corev1.TaintEffect(d.one("", "NoSchedule", "PreferNoSchedule", "NoExecute", "NoExecute", "noexecute")),
	}
	if d.in(3) {
		t.TolerationSeconds = new(int64(d.IntN(3)))
	}
	return t
}

var (
	initIndex = regexp.MustCompile(`initContainers\[\d+\]`)
	// ofResources matches the path of requests, limits and overhead. Upstream's ends in some errors
	// before the name of the resource, it has limits in the overhead, and it has the limits of
	// containers among the resources of the pod.
	ofResources     = regexp.MustCompile(`(.*\.resources(?:\.requests|\.limits)?|.*\.spec\.overhead)(\.limits)?(\[.*\])?$`)
	limitsOfThePods = regexp.MustCompile(`\.resources\.(containers\[\d+\])\[.*\]\.limits$`)
)

// TestRefusedPods compares the errors about the pod's spec for which simulate.WhatIf refuses a
// DaemonSet, new or in the place of a stored one, with those of the API server: it knows every host port that is there twice and every
// fault of requests, limits, overhead, the node selector and tolerations, and refuses nothing that
// the server takes.
func TestRefusedPods(t *testing.T) {
	var met tally
	each(t, *objects, func(g *generator) string {
		ds := oddPods(dice{g.Rand})
		up, err := internal(ds, true)
		if err != nil {
			return err.Error()
		}
		in := daemon.Input{Now: time.Unix(0, 0)}
		var upstream field.ErrorList
		if g.IntN(2) == 0 {
			upstream = dsregistry.Strategy.Validate(context.Background(), up)
		} else {
			in.DaemonSet = oddPods(dice{g.Rand})
			old, err := internal(in.DaemonSet, true)
			if err != nil {
				return err.Error()
			}
			dsregistry.Strategy.PrepareForUpdate(context.Background(), up, old)
			created := dsregistry.Strategy.Validate(context.Background(), up)
			upstream = dsregistry.Strategy.ValidateUpdate(context.Background(), up, old)
			if len(upstream) < len(created) {
				met.add("taken as stored")
			}
		}
		impact, err := simulate.WhatIf(in, simulate.Proposal{DaemonSet: ds}, simulate.Options{})
		if err != nil {
			return err.Error()
		}
		both := func(errs field.ErrorList) []string {
			var out []string
			for _, e := range errs {
				switch {
				case e.Type == field.ErrorTypeDuplicate && strings.HasSuffix(e.Field, ".hostPort"):
					// Upstream gives every init container the index 0.
					out = append(out, initIndex.ReplaceAllString(e.Error(), "initContainers"))
					met.add("host port")
				case ofResources.MatchString(limitsOfThePods.ReplaceAllString(e.Field, ".$1.resources.limits")):
					at := ofResources.ReplaceAllString(limitsOfThePods.ReplaceAllString(e.Field, ".$1.resources.limits"), "$1")
					kind := e.Type
					if kind == field.ErrorTypeNotSupported { // the name of a resource of the pod
						kind = field.ErrorTypeInvalid
					}
					out = append(out, string(kind)+" "+at)
					met.add("resources")
				case strings.HasSuffix(e.Field, ".nodeSelector"):
					out = append(out, e.Error())
					met.add("node selector")
				case strings.Contains(e.Field, ".tolerations["):
					out = append(out, string(e.Type)+" "+e.Field)
					met.add("toleration")
				}
			}
			slices.Sort(out)
			return slices.Compact(out)
		}
		if difference := cmp.Diff(both(upstream), both(impact.Refused)); difference != "" {
			return "errors (-upstream +library):\n" + difference
		}
		for _, e := range impact.Refused {
			at := e.Field
			if term, rest, ok := strings.Cut(at, "nodeSelectorTerms["); ok {
				met.add("affinity")
				number, _, _ := strings.Cut(rest, "]")
				at = term + "nodeSelectorTerms[" + number + "]"
			}
			if ofResources.MatchString(at) {
				continue // compared already
			}
			if !slices.ContainsFunc(upstream, func(u *field.Error) bool {
				return strings.HasPrefix(initIndex.ReplaceAllString(u.Field, "initContainers"), initIndex.ReplaceAllString(at, "initContainers"))
			}) {
				return fmt.Sprintf("the library refuses %v, upstream %v", e, upstream)
			}
		}
		if len(upstream) == 0 {
			met.add("accepted")
		}
		return ""
	})
	logMet(t, &met, "DaemonSets", "host port", "resources", "node selector", "toleration", "affinity", "accepted", "taken as stored")
}
