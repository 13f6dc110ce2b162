package nodeagent_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/examples/controller/api/v1alpha1"
	"github.com/pernode/daemonset/examples/controller/nodeagent"
	"github.com/pernode/daemonset/rollout"
)

// full returns an agent with every field set.
func full() *v1alpha1.NodeAgent {
	deleted := metav1.NewTime(time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC))
	labels := map[string]string{"app": "agent"}
	a := &v1alpha1.NodeAgent{ObjectMeta: metav1.ObjectMeta{
		Namespace: "default", Name: "agent", UID: "1", Generation: 3, DeletionTimestamp: &deleted, Annotations: map[string]string{"a": "b"},
	}}
	a.Spec.Selector = metav1.LabelSelector{MatchLabels: labels}
	a.Spec.Template.Labels = labels
	a.Spec.Template.Spec.Containers = []corev1.Container{{Name: "agent", Image: "agent:1"}}
	a.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
	a.Spec.MinReadySeconds = 5
	a.Spec.RevisionHistoryLimit = new(int32(2))
	a.Spec.Policy = rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromInt32(1)}}
	a.Status.Counters = v1alpha1.Counters{NumberReady: 7, CollisionCount: new(int32(1))}
	a.Status.CanaryTrial = &rollout.CanaryTrial{RevisionHash: "x", State: rollout.CanaryUnpromoted, Nodes: []rollout.CanaryNode{{Name: "a"}}}
	return a
}

func TestDaemonSet(t *testing.T) {
	a := full()
	got := nodeagent.DaemonSet(a)
	want := &appsv1.DaemonSet{
		TypeMeta:   metav1.TypeMeta{APIVersion: "agents.example.com/v1alpha1", Kind: "NodeAgent"},
		ObjectMeta: a.ObjectMeta,
		Spec: appsv1.DaemonSetSpec{
			Selector: &a.Spec.Selector, Template: a.Spec.Template, UpdateStrategy: a.Spec.UpdateStrategy,
			MinReadySeconds: 5, RevisionHistoryLimit: new(int32(2)),
		},
		Status: appsv1.DaemonSetStatus{NumberReady: 7, CollisionCount: new(int32(1))},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("DaemonSet (-want +got):\n%s", diff)
	}
	got.Spec.Template.Labels["app"], got.Spec.Selector.MatchLabels["app"], got.Annotations["a"] = "x", "x", "x"
	*got.Status.CollisionCount = 9
	if diff := cmp.Diff(full(), a); diff != "" {
		t.Errorf("DaemonSet shares with the agent (-before +after):\n%s", diff)
	}
	if nodeagent.DaemonSet(nil) != nil {
		t.Error("DaemonSet(nil) is not nil")
	}
	a.Spec.UpdateStrategy, a.Spec.RevisionHistoryLimit = appsv1.DaemonSetUpdateStrategy{}, nil
	got = nodeagent.DaemonSet(a)
	if got.Spec.UpdateStrategy.RollingUpdate == nil || got.Spec.RevisionHistoryLimit == nil {
		t.Errorf("spec = %+v, want the defaults of a DaemonSet", got.Spec)
	}
}

func TestOptions(t *testing.T) {
	remembered := &rollout.CanaryTrial{RevisionHash: "y", State: rollout.CanaryPaused}
	for _, tc := range []struct {
		name, why  string
		promote    string
		remembered *rollout.CanaryTrial
		hash       string
		state      rollout.CanaryState
	}{
		{"first pass", "the status remembers", "", nil, "x", rollout.CanaryUnpromoted},
		{"next pass", "the pass before knows more than the status", "", remembered, "y", rollout.CanaryPaused},
		{"promoted", "the template that is tried is approved", "x", nil, "x", rollout.CanaryPromoted},
		{"promoted while paused", "whatever its state", "y", remembered, "y", rollout.CanaryPromoted},
		{"no promotion", "no hash approves no trial, not even one without a hash", "", &rollout.CanaryTrial{State: rollout.CanaryPaused}, "", rollout.CanaryPaused},
		{"another one promoted", "an approval is for one template", "x", remembered, "y", rollout.CanaryPaused},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := full()
			a.Spec.Promote = tc.promote
			got := nodeagent.Options(a, tc.remembered)
			if got.CanaryTrial.RevisionHash != tc.hash || got.CanaryTrial.State != tc.state {
				t.Errorf("Options() = %+v, want %s, %s: %s", got.CanaryTrial, tc.hash, tc.state, tc.why)
			}
			if got.Policy.Canary == nil || got.Policy.Canary == a.Spec.Policy.Canary {
				t.Errorf("policy = %v, want a copy of the agent's", got.Policy)
			}
		})
	}
	if remembered.State != rollout.CanaryPaused {
		t.Error("Options changed the trial that was remembered")
	}
	if got := nodeagent.Options(&v1alpha1.NodeAgent{}, nil); got.CanaryTrial != nil {
		t.Errorf("trial = %v of an agent without one, want nil", got.CanaryTrial)
	}
}

func TestSetStatus(t *testing.T) {
	a := full()
	r := &rollout.Result{Status: &appsv1.DaemonSetStatus{NumberReady: 8}, CanaryTrial: &rollout.CanaryTrial{RevisionHash: "z"}}
	if !nodeagent.SetStatus(a, r) {
		t.Error("SetStatus() = false, want true: counter and trial differ")
	}
	if a.Status.NumberReady != 8 || a.Status.CanaryTrial.RevisionHash != "z" || a.Status.CanaryTrial == r.CanaryTrial {
		t.Errorf("status = %+v, want copies of the result", a.Status)
	}
	if nodeagent.SetStatus(a, r) {
		t.Error("SetStatus() = true, want false: nothing differs")
	}
	if !nodeagent.SetStatus(a, &rollout.Result{}) || a.Status.CanaryTrial != nil || a.Status.NumberReady != 8 {
		t.Errorf("status = %+v, want the trial removed and the counters left", a.Status)
	}
	if nodeagent.SetStatus(nil, r) || nodeagent.SetStatus(a, nil) {
		t.Error("SetStatus of nil = true, want false")
	}
}

// A field that a later version of Kubernetes adds to the status must not get lost unseen.
func TestCounters(t *testing.T) {
	var every appsv1.DaemonSetStatus
	v := reflect.ValueOf(&every).Elem()
	for i := range v.NumField() {
		switch f := v.Field(i); v.Type().Field(i).Name {
		case "CollisionCount":
			every.CollisionCount = new(int32(i + 1))
		case "Conditions": // no controller writes them
		default:
			f.SetInt(int64(i + 1))
		}
	}
	a := &v1alpha1.NodeAgent{}
	if !nodeagent.SetStatus(a, &rollout.Result{Status: &every}) {
		t.Error("SetStatus() = false, want true")
	}
	if diff := cmp.Diff(every, nodeagent.DaemonSet(a).Status); diff != "" {
		t.Errorf("status through a NodeAgent (-want +got):\n%s", diff)
	}
	// Both in JSON: kubectl and other clients read the names of a DaemonSet's status.
	want, err := json.Marshal(every)
	if err != nil {
		t.Fatal(err)
	}
	got, err := json.Marshal(a.Status)
	if err != nil {
		t.Fatal(err)
	}
	var wantFields, gotFields map[string]any
	if err := errors.Join(json.Unmarshal(want, &wantFields), json.Unmarshal(got, &gotFields)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(wantFields, gotFields); diff != "" {
		t.Errorf("JSON of the status (-DaemonSet +NodeAgent):\n%s", diff)
	}
}

func TestSetTemplate(t *testing.T) {
	a := full()
	template := &corev1.PodTemplateSpec{}
	template.Labels = map[string]string{"app": "new"}
	nodeagent.SetTemplate(a, template)
	template.Labels["app"] = "changed"
	if a.Spec.Template.Labels["app"] != "new" {
		t.Errorf("template = %v, want a copy", a.Spec.Template)
	}
	nodeagent.SetTemplate(a, nil)
	nodeagent.SetTemplate(nil, template)
	if a.Spec.Template.Labels["app"] != "new" {
		t.Errorf("template = %v after a nil one, want it unchanged", a.Spec.Template)
	}
}
