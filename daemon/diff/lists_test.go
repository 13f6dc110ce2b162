package diff

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// argsOf returns a template with one container that has the arguments.
func argsOf(args []string) *corev1.PodTemplateSpec {
	return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Args: args}}}}
}

// numbers returns n entries that begin at a number and repeat after period.
func numbers(n, first, period int) []string {
	entries := make([]string, n)
	for i := range entries {
		entries[i] = strconv.Itoa((first + i) % period)
	}
	return entries
}

// random returns n entries, each one of several values.
func random(r *rand.Rand, n, values int) []string {
	entries := make([]string, n)
	for i := range entries {
		entries[i] = strconv.Itoa(r.IntN(values))
	}
	return entries
}

// apply makes the new list of arguments out of the old one and the changes.
func apply(t *testing.T, old []string, changes Changes) []string {
	t.Helper()
	removed := make(map[int]bool)
	written := make(map[int]string)
	added := 0
	for _, c := range changes {
		if c.Path == "spec.containers[name=a].args" {
			list, _ := c.New.([]string)
			return list
		}
		var i int
		if _, err := fmt.Sscanf(c.Path, "spec.containers[name=a].args[%d]", &i); err != nil {
			t.Fatalf("change at %s: %v", c.Path, err)
		}
		switch c.Op {
		case OpRemove:
			if c.Old != old[i] {
				t.Fatalf("%v, but the old entry is %q", c, old[i])
			}
			removed[i] = true
		case OpAdd:
			written[i] = c.New.(string)
			added++
		case OpReplace:
			written[i] = c.New.(string)
		default:
			t.Fatalf("unexpected %v", c)
		}
	}
	var kept []string
	for i, entry := range old {
		if !removed[i] {
			kept = append(kept, entry)
		}
	}
	add := make(map[int]bool)
	for _, c := range changes {
		if c.Op == OpAdd {
			var i int
			fmt.Sscanf(c.Path, "spec.containers[name=a].args[%d]", &i)
			add[i] = true
		}
	}
	var cur []string
	for i := range len(kept) + added {
		entry, ok := written[i]
		if !add[i] {
			if !ok {
				entry = kept[0]
			}
			kept = kept[1:]
		}
		cur = append(cur, entry)
	}
	return cur
}

func TestAffinityValues(t *testing.T) {
	values := func(first, n int) *corev1.PodTemplateSpec {
		requirement := corev1.NodeSelectorRequirement{Key: "zone", Operator: corev1.NodeSelectorOpIn, Values: numbers(n, first, 1000)}
		return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Affinity: &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{
			RequiredDuringSchedulingIgnoredDuringExecution: &corev1.NodeSelector{
				NodeSelectorTerms: []corev1.NodeSelectorTerm{{MatchExpressions: []corev1.NodeSelectorRequirement{requirement}}},
			},
		}}}}
	}
	const at = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values"
	want := at + `[0]: removed "0"` + "\n" + at + `[256]: added "257"`
	if got := Templates(values(0, 257), values(1, 257)).String(); got != want {
		t.Errorf("Templates of 257 values, the first removed and one appended (-want +got):\n%s", cmp.Diff(want, got))
	}
}

func TestLongLists(t *testing.T) {
	const n = 20000
	r := rand.New(rand.NewPCG(1, 2))
	some := random(r, n, 10)
	backwards := numbers(n, 0, n)
	slices.Reverse(backwards)
	tests := []struct {
		name, why string
		old, cur  []string
		// most is the number of changes that must not be exceeded.
		most int
	}{
		{"one moved to the end", "removed and added", numbers(n, 0, n), numbers(n, 1, n), 2},
		{"thousand moved to the end", "each is removed and added", numbers(n, 0, n), numbers(n, 1000, n), 2000},
		{"half moved to the end", "each is removed and added", numbers(n, 0, n), numbers(n, n/2, n), n},
		{"every second gone", "each is removed", numbers(n, 0, n), every(2, numbers(n, 0, n)), n / 2},
		{"nothing in common", "entries are paired first with first", numbers(n, 0, n), numbers(n, n, 2*n), n},
		{"backwards", "one entry stays, all others move", numbers(n, 0, n), backwards, 2*n - 2},
		{"repeated, one moved to the end", "repeated entries are aligned, too", some, append(slices.Clone(some[1:]), "0"), 2},
		{"repeated, hundred moved to the end", "repeated entries are aligned, too", some, slices.Concat(some[100:], some[:100]), 200},
		{"repeated, unlike each other", "the order is random, yet most entries have a counterpart", some, random(r, n, 10), n},
		{"repeated, nothing in common", "entries are paired first with first", numbers(n, 0, 2), slices.Repeat([]string{"a", "b"}, n/2), n},
		{"all the same, fewer", "the rest is removed", slices.Repeat([]string{"a"}, n), slices.Repeat([]string{"a"}, n-7), 7},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			old, cur := argsOf(test.old), argsOf(test.cur)
			changes := Templates(old, cur)
			if len(changes) > test.most {
				t.Errorf("%s: Templates = %d changes, want at most %d", test.why, len(changes), test.most)
			}
			if got := apply(t, test.old, changes); !slices.Equal(got, test.cur) {
				t.Errorf("%s: the changes do not lead from the old list to the new one", test.why)
			}
			if again := Templates(old.DeepCopy(), cur.DeepCopy()); !slices.Equal(again, changes) {
				t.Errorf("%s: Templates differs from call to call", test.why)
			}
			checkMirror(t, changes, Templates(cur, old))
		})
	}
}

// every returns each step-th entry.
func every(step int, entries []string) []string {
	var some []string
	for i := 0; i < len(entries); i += step {
		some = append(some, entries[i])
	}
	return some
}

// TestManyTolerations checks lists too long for comparing every two entries.
func TestManyTolerations(t *testing.T) {
	const n = 20000
	desired := &corev1.Pod{}
	for _, key := range numbers(n, 0, n) {
		desired.Spec.Tolerations = append(desired.Spec.Tolerations, corev1.Toleration{Key: key})
	}
	actual := desired.DeepCopy()
	slices.Reverse(actual.Spec.Tolerations)
	if got := drift(desired, actual); len(got) > 0 {
		t.Errorf("drift of reordered tolerations = %d changes, want none", len(got))
	}
	actual.Spec.Tolerations[0].Operator = corev1.TolerationOpExists
	const want = `spec.tolerations[19999]: removed {"key":"19999"}`
	if got := drift(desired, actual).String(); got != want {
		t.Errorf("drift of another toleration = %s, want %s", got, want)
	}
}

// TestLongKeyedList checks lists too long for comparing every two keys.
func TestLongKeyedList(t *testing.T) {
	const n = 100
	env := func(last string) *corev1.PodTemplateSpec {
		vars := make([]corev1.EnvVar, n)
		for i := range vars {
			vars[i] = corev1.EnvVar{Name: "V" + strconv.Itoa(i), Value: "same"}
		}
		vars[n-1].Name = last
		return &corev1.PodTemplateSpec{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "a", Env: vars}}}}
	}
	tests := []struct {
		name, why string
		cur       *corev1.PodTemplateSpec
		want      string
	}{
		{"same", "nothing to compare", env("LAST"), ""},
		{"unique", "keys are compared", env("OTHER"), `spec.containers[name=a].env[name=LAST]: removed {"name":"LAST","value":"same"}
spec.containers[name=a].env[name=OTHER]: added {"name":"OTHER","value":"same"}`},
		{"twice", "a key that occurs twice keys nothing", env("V0"), `spec.containers[name=a].env[99].name: "LAST" -> "V0"`},
	}
	old := env("LAST")
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Templates(old, test.cur).String(); got != test.want {
				t.Errorf("%s: Templates = %q, want %q", test.why, got, test.want)
			}
		})
	}
	if got := Templates(old, old); got != nil {
		t.Errorf("Templates(x, x) = %v, want nil", got)
	}
}
