package health_test

import (
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout/health"
)

// FuzzAssess checks the properties for clusters of the fuzzer's choice.
func FuzzAssess(f *testing.F) {
	f.Add([]byte{})
	for seed := range uint64(24) {
		raw := make([]byte, 400)
		source := rand.NewPCG(seed, 9)
		for i := range raw {
			raw[i] = byte(source.Uint64())
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		in, opts := randomInput(rand.New(&byteSource{raw: raw}))
		checkProperties(t, in, opts)
	})
}

// FuzzAssessObjects feeds objects of any shape that JSON can give them: they are refused
// with a field error or assessed, never changed, and nothing panics.
func FuzzAssessObjects(f *testing.F) {
	set := build.Set{MaxSurge: "25%", MinReady: 5}.Object()
	node := encode(f, reportingNode("w1", corev1.ConditionFalse, "r", "m", 0))
	pod := encode(f, newAgent("w1", podUnready(0), podWaits("CrashLoopBackOff", "m"), podEnded("Error", 1, 3, 0, 0)))
	other := encode(f, oldAgent("w1", podDeleted(0, 30)))
	f.Add(encode(f, set), node, pod, other)
	f.Add(encode(f, build.Set{OnDelete: true}.Object()), node, other, encode(f, oldAgent("w2", podFailed("Evicted", "m"))))
	f.Add(encode(f, build.Set{}.Object()), `{"metadata":{"name":"w1"},"status":{"conditions":[{"type":"Ready","status":"Unknown"}]}}`,
		encode(f, newAgent("w1", podUnbound("Unschedulable", "m", 0))), `null`)
	f.Add(`{}`, `{}`, `{}`, `{}`)
	f.Add(`{"metadata":{"namespace":"kube-system"},"spec":{"selector":{"matchExpressions":[{"key":"a","operator":"DoesNotExist"}]},"minReadySeconds":-5,"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxUnavailable":-1}}}}`,
		node, `{"metadata":{"name":"a","namespace":"kube-system","deletionTimestamp":"0001-01-01T00:00:00Z"},"spec":{"nodeName":"w1"},"status":{"containerStatuses":[{"restartCount":-1,"state":{"terminated":{"startedAt":"9999-01-01T00:00:00Z"}}}]}}`,
		`{"metadata":{"name":"b","namespace":"kube-system"},"spec":{"nodeName":"w2"},"status":{"initContainerStatuses":[{"name":"x","state":{"running":{}}}]}}`)
	f.Fuzz(func(t *testing.T, dsJSON, nodeJSON, podJSON, otherJSON string) {
		in := daemon.Input{
			DaemonSet: decode[appsv1.DaemonSet](t, dsJSON), Nodes: []*corev1.Node{decode[corev1.Node](t, nodeJSON)},
			Pods: []*corev1.Pod{decode[corev1.Pod](t, podJSON), decode[corev1.Pod](t, otherJSON)}, Now: build.Now,
		}
		s, err := daemon.Observe(in)
		if err != nil {
			return
		}
		before := copyInput(in)
		a, err := health.Assess(s, health.Options{})
		var fieldErr *field.Error
		if err != nil && (a != nil || !errors.As(err, &fieldErr)) {
			t.Errorf("Assess() = %v, %T %v, want a *field.Error", a, err, err)
		}
		_ = a.String()
		if !reflect.DeepEqual(before, in) {
			t.Errorf("Assess() changed its input (-before +after):\n%s", cmp.Diff(before, in))
		}
	})
}

func encode(f *testing.F, object any) string {
	raw, err := json.Marshal(object)
	if err != nil {
		f.Fatal(err)
	}
	return string(raw)
}

// decode returns nil for JSON null, and skips what is no such object.
func decode[T any](t *testing.T, raw string) *T {
	var object *T
	if err := json.Unmarshal([]byte(raw), &object); err != nil {
		t.Skip()
	}
	return object
}
