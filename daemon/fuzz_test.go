package daemon_test

import (
	"encoding/binary"
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
	"github.com/pernode/daemonset/placement"
)

// byteSource lets the fuzzer decide what randomInput makes: four bytes for each
// choice. Behind the last it goes on with numbers that are always the same.
type byteSource struct {
	raw  []byte
	rest rand.PCG
}

// Uint64 returns the next choice.
func (s *byteSource) Uint64() uint64 {
	if len(s.raw) == 0 {
		return s.rest.Uint64()
	}
	var word [8]byte
	n := copy(word[4:], s.raw) // rand.IntN goes by the upper half
	s.raw = s.raw[n:]
	return binary.LittleEndian.Uint64(word[:]) | 1
}

// FuzzReconcile checks the properties for clusters of the fuzzer's choice.
func FuzzReconcile(f *testing.F) {
	f.Add([]byte{})
	for seed := range uint64(24) {
		raw := make([]byte, 400)
		source := rand.NewPCG(seed, 6)
		for i := range raw {
			raw[i] = byte(source.Uint64())
		}
		f.Add(raw)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, p := range properties {
			in := randomInput(rand.New(&byteSource{raw: raw}))
			if p.check(t, rand.New(rand.NewPCG(1, 2)), in); t.Failed() {
				t.Fatalf("property: %s", p.name)
			}
		}
	})
}

// FuzzObserve feeds objects of any shape that JSON can give them: they are
// refused with a field error or answered, never changed, and nothing panics.
func FuzzObserve(f *testing.F) {
	set := build.Set{MaxSurge: "25%"}.Object()
	node := encode(f, build.Node{Name: "w1", Taints: []corev1.Taint{build.NoExecute("k")}}.Object())
	pod := encode(f, build.Pod{Name: "a", Node: "w1", Hash: "new"}.Of(set))
	f.Add(encode(f, set), node, pod, pod)
	f.Add(encode(f, fullSet()), encode(f, build.Nodes("w1")[0]), pod, encode(f, build.Pod{Name: "b", Node: "w1", Unbound: true}.Of(set)))
	f.Add(`{}`, `{}`, `{}`, `{}`)
	f.Add(`null`, `null`, `null`, `null`)
	f.Add(`{"spec":{"selector":{}}}`, node, pod, `null`)
	f.Add(`{"spec":{"selector":{"matchExpressions":[{"key":"","operator":"Bogus"}]}}}`, node, pod, pod)
	f.Add(`{"metadata":{"namespace":"kube-system"},"spec":{"selector":{"matchExpressions":[{"key":"a","operator":"DoesNotExist"}]},"minReadySeconds":-5,"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"x%"}}}}`,
		node, `{"metadata":{"namespace":"kube-system"},"spec":{"nodeName":"w1"}}`,
		`{"metadata":{"namespace":"kube-system"},"spec":{"affinity":{"nodeAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":{"nodeSelectorTerms":[{"matchFields":[{"key":"metadata.name","operator":"In","values":[""]}]}]}}}}}`)
	f.Fuzz(func(t *testing.T, dsJSON, nodeJSON, podJSON, otherJSON string) {
		in := daemon.Input{
			DaemonSet: decode[appsv1.DaemonSet](t, dsJSON), Nodes: []*corev1.Node{decode[corev1.Node](t, nodeJSON)},
			Pods: []*corev1.Pod{decode[corev1.Pod](t, podJSON), decode[corev1.Pod](t, otherJSON)}, Now: build.Now,
		}
		before := copyInput(in)
		s, err := daemon.Observe(in)
		check := func(err error) {
			var fieldErr *field.Error
			if err != nil && !errors.As(err, &fieldErr) {
				t.Errorf("error = %T %v, want a *field.Error", err, err)
			}
		}
		check(err)
		if err == nil {
			plan, again := daemon.Reconcile(s), daemon.Reconcile(s)
			if plan.String() != again.String() || daemon.StatusRequeue(s) < 0 {
				t.Errorf("Reconcile() = %v, then %v", plan, again)
			}
			daemon.StatusChanged(in.DaemonSet, daemon.Status(s))
			for _, n := range daemon.StatusByNode(s) {
				_ = n.String()
			}
		}
		_, err = daemon.DesiredPods(in)
		check(err)
		sets := []*appsv1.DaemonSet{in.DaemonSet}
		_, err = daemon.DaemonSetsToSync(in.Nodes[0], sets, in.Pods, placement.Options{})
		check(err)
		daemon.SelectsEverything(in.DaemonSet)
		if !reflect.DeepEqual(before, in) {
			t.Errorf("the input changed (-before +after):\n%s", cmp.Diff(before, in))
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
