package rollout_test

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
)

// fullPolicy has a value in every field, so that it contradicts itself.
func fullPolicy() *rollout.Policy {
	return &rollout.Policy{
		Frozen: true, Paused: true,
		IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: lasting(time.Minute)},
		IgnoreStuckPods:     &rollout.IgnoreAfter{After: lasting(time.Hour)},
		IgnoreNodes:         &rollout.IgnoreNodes{By: func(*daemon.NodeState) bool { return false }, Creations: true},
		NodeSelector: &metav1.LabelSelector{
			MatchLabels:      build.Labels{"disk": "ssd"},
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "gpu", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"yes"}}},
		},
		Order: &rollout.Order{By: rollout.ByName},
		Canary: &rollout.Canary{
			Nodes: intstr.FromString("5%"), NodeSelector: zoneSelector("z1"), Spread: []string{"rack", "disk"}, Wait: lasting(time.Hour),
			Manual: true, PauseRestarts: 1, FailRestarts: -1, PauseStarting: lasting(time.Minute), FailStarting: lasting(time.Hour), FailAfter: lasting(3 * time.Hour),
		},
		Partition:     &rollout.Partition{Nodes: intstr.FromInt32(3), ProgressiveCreate: true},
		OneDomain:     &rollout.OneDomain{Label: zones, First: []string{"z2", "z1"}},
		DomainBudgets: []rollout.DomainBudget{{Label: "rack", MaxUnavailable: intstr.FromInt32(1)}, {Label: zones, MaxUnavailable: intstr.FromString("10%")}},
		StrictBudget:  true,
		SlowStart:     &rollout.SlowStart{Pods: 1, Increase: 2, Most: 3, Interval: lasting(time.Second)},
	}
}

func fullTrial() *rollout.CanaryTrial {
	return trialOf(rollout.CanaryFailed, rollout.CanaryNode{Name: "b", Restarts: 3, Passed: true}, rollout.CanaryNode{Name: "c"})
}

// TestFullValues: the values above are full; a new field has to be added to them.
func TestFullValues(t *testing.T) {
	for _, full := range []any{fullPolicy(), fullTrial()} {
		if empty := emptyFields(reflect.ValueOf(full).Elem(), ""); len(empty) > 0 {
			t.Errorf("%T has no values in %v", full, empty)
		}
	}
}

// emptyFields returns the paths of the fields of this project's structs that are zero.
func emptyFields(v reflect.Value, path string) (out []string) {
	switch {
	case v.IsZero():
		return []string{path}
	case v.Kind() == reflect.Pointer:
		return emptyFields(v.Elem(), path)
	case v.Kind() == reflect.Slice:
		return emptyFields(v.Index(0), path+"[0]")
	case v.Kind() == reflect.Struct && strings.HasPrefix(v.Type().PkgPath(), "github.com/pernode/"):
		for i := range v.NumField() {
			out = append(out, emptyFields(v.Field(i), path+"."+v.Type().Field(i).Name)...)
		}
	}
	return out
}

func TestPolicyValidate(t *testing.T) {
	one, zero := intstr.FromInt32(1), intstr.FromInt32(0)
	negative := lasting(-1)
	unknownType := intstr.IntOrString{Type: 7}
	for _, tc := range []struct {
		name   string
		policy *rollout.Policy
		// want are the errors, and none for a valid policy.
		want []string
	}{
		{"zero", &rollout.Policy{}, nil},
		{"smallest values", &rollout.Policy{
			IgnoreNotReadyNodes: &rollout.IgnoreAfter{}, NodeSelector: &metav1.LabelSelector{}, Partition: &rollout.Partition{},
			OneDomain: &rollout.OneDomain{Label: "a"}, DomainBudgets: []rollout.DomainBudget{{Label: "a", MaxUnavailable: one}}, SlowStart: &rollout.SlowStart{Pods: 1},
		}, nil},
		{"largest values", &rollout.Policy{
			Partition: &rollout.Partition{Nodes: intstr.FromInt32(1<<31 - 1)}, SlowStart: &rollout.SlowStart{Pods: 1 << 62, Increase: 1 << 62, Most: 1 << 62, Interval: lasting(1<<63 - 1)},
			DomainBudgets: []rollout.DomainBudget{{Label: "a", MaxUnavailable: intstr.FromString("100%")}},
		}, nil},
		{"all fields", fullPolicy(), []string{
			"policy.paused: Forbidden: must not be set with frozen: a freeze includes a pause",
			"policy.partition: Forbidden: must not be set with canary: both choose the nodes to update first",
		}},

		// The contradictions of Policy's comment, row by row.
		{"Frozen with Paused", &rollout.Policy{Frozen: true, Paused: true},
			[]string{"policy.paused: Forbidden: must not be set with frozen: a freeze includes a pause"}},
		{"Canary with Partition", &rollout.Policy{Canary: &rollout.Canary{Nodes: one}, Partition: &rollout.Partition{Nodes: one}},
			[]string{"policy.partition: Forbidden: must not be set with canary: both choose the nodes to update first"}},
		{"OneDomain with its Label in Canary.Spread", &rollout.Policy{Canary: &rollout.Canary{Nodes: one, Spread: []string{"rack", "z"}}, OneDomain: &rollout.OneDomain{Label: "z"}},
			[]string{"policy.canary.spread[1]: Forbidden: must not be the label of oneDomain: the canary would run in several domains at once"}},
		{"two DomainBudgets with the same Label", &rollout.Policy{DomainBudgets: []rollout.DomainBudget{{Label: "a", MaxUnavailable: one}, {Label: "b", MaxUnavailable: one}, {Label: "a", MaxUnavailable: one}}},
			[]string{`policy.domainBudgets[2].label: Duplicate value: "a"`}},

		// What looks alike is allowed.
		{"OneDomain with a canary spread over another label", &rollout.Policy{Canary: &rollout.Canary{Nodes: one, Spread: []string{"rack"}}, OneDomain: &rollout.OneDomain{Label: "z"}}, nil},
		{"DomainBudget with the label of OneDomain", &rollout.Policy{OneDomain: &rollout.OneDomain{Label: "z"}, DomainBudgets: []rollout.DomainBudget{{Label: "z", MaxUnavailable: one}}}, nil},

		{"ignoreNotReadyNodes", &rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{After: negative}},
			[]string{`policy.ignoreNotReadyNodes.after: Invalid value: "-1ns": must not be negative`}},
		{"ignoreStuckPods", &rollout.Policy{IgnoreStuckPods: &rollout.IgnoreAfter{After: negative}},
			[]string{`policy.ignoreStuckPods.after: Invalid value: "-1ns": must not be negative`}},
		{"nodeSelector", &rollout.Policy{NodeSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "Near"}}}},
			[]string{`policy.nodeSelector.matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator`}},
		{"canary without nodes", &rollout.Policy{Canary: &rollout.Canary{}}, []string{`policy.canary.nodes: Invalid value: "0": must be at least 1`}},
		{"canary of 0%", &rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromString("0%")}}, []string{`policy.canary.nodes: Invalid value: "0%": must be at least 1`}},
		{"canary of 101%", &rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromString("101%")}}, []string{`policy.canary.nodes: Invalid value: "101%": must not be greater than 100%`}},
		{"canary of more than any number", &rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromString("999999999999999999999%")}},
			[]string{`policy.canary.nodes: Invalid value: "999999999999999999999%": must not be greater than 100%`}},
		{"canary of an unknown type", &rollout.Policy{Canary: &rollout.Canary{Nodes: unknownType}},
			[]string{`policy.canary.nodes: Invalid value: "0": must be a number, or a percentage such as 10%`}},
		{"canary", &rollout.Policy{Canary: &rollout.Canary{
			Nodes: one, NodeSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: metav1.LabelSelectorOpIn}}},
			Spread: []string{"a", "", "no label"}, Wait: negative, PauseStarting: negative, FailStarting: negative, FailAfter: negative,
		}}, []string{
			"policy.canary.nodeSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
			"policy.canary.spread[1]: Required value",
			`policy.canary.spread[2]: Invalid value: "no label": name part must consist of`,
			`policy.canary.wait: Invalid value: "-1ns": must not be negative`,
			`policy.canary.pauseStarting: Invalid value: "-1ns": must not be negative`,
			`policy.canary.failStarting: Invalid value: "-1ns": must not be negative`,
			`policy.canary.failAfter: Invalid value: "-1ns": must not be negative`,
		}},
		{"negative partition", &rollout.Policy{Partition: &rollout.Partition{Nodes: intstr.FromInt32(-1)}}, []string{`policy.partition.nodes: Invalid value: "-1": must be at least 0`}},
		{"partition that is no number", &rollout.Policy{Partition: &rollout.Partition{Nodes: intstr.FromString("half")}}, []string{`policy.partition.nodes: Invalid value: "half": must be a number, or a percentage such as 10%`}},
		{"canary with a space", &rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromString("10 %")}}, []string{`policy.canary.nodes: Invalid value: "10 %": write "10%"`}},
		{"canary with spaces around", &rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromString(" 10% ")}}, []string{`policy.canary.nodes: Invalid value: " 10% ": write "10%"`}},
		{"canary with a space between digits", &rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromString("1 0%")}},
			[]string{`policy.canary.nodes: Invalid value: "1 0%": must be a number, or a percentage such as 10%`}},
		{"canary of a number in quotes", &rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromString("1")}}, []string{`policy.canary.nodes: Invalid value: "1": write 1, without quotes`}},
		{"canary of a large percentage with a space", &rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromString("200 %")}},
			[]string{`policy.canary.nodes: Invalid value: "200 %": must not be greater than 100%`}},
		{"canary of no percent with a space", &rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromString("0 %")}}, []string{`policy.canary.nodes: Invalid value: "0 %": must be at least 1`}},
		{"canary of zero in quotes", &rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromString("0")}}, []string{`policy.canary.nodes: Invalid value: "0": must be at least 1`}},
		{"canary of a number out of range in quotes", &rollout.Policy{Canary: &rollout.Canary{Nodes: intstr.FromString("99999999999")}},
			[]string{`policy.canary.nodes: Invalid value: "99999999999": must be a number, or a percentage such as 10%`}},
		{"oneDomain", &rollout.Policy{OneDomain: &rollout.OneDomain{}}, []string{"policy.oneDomain.label: Required value"}},
		{"oneDomain with a value twice", &rollout.Policy{OneDomain: &rollout.OneDomain{Label: "z", First: []string{"a", "b", "a", "a"}}}, []string{
			`policy.oneDomain.first[2]: Duplicate value: "a"`, `policy.oneDomain.first[3]: Duplicate value: "a"`,
		}},
		{"oneDomain with values that no label has", &rollout.Policy{OneDomain: &rollout.OneDomain{Label: "z", First: []string{"", "a b", "(none)", ""}}}, []string{
			`policy.oneDomain.first[1]: Invalid value: "a b": a valid label must`,
			`policy.oneDomain.first[2]: Invalid value: "(none)": write "" for the nodes without a value`,
			`policy.oneDomain.first[3]: Duplicate value: ""`,
		}},
		{"canary with a label twice", &rollout.Policy{Canary: &rollout.Canary{Nodes: one, Spread: []string{"z", "rack", "z"}}}, []string{`policy.canary.spread[2]: Duplicate value: "z"`}},
		{"domainBudgets", &rollout.Policy{DomainBudgets: []rollout.DomainBudget{{}, {Label: "a/b/c", MaxUnavailable: zero}}}, []string{
			"policy.domainBudgets[0].label: Required value",
			`policy.domainBudgets[0].maxUnavailable: Invalid value: "0": must be at least 1`,
			`policy.domainBudgets[1].label: Invalid value: "a/b/c": a valid label key must`,
			`policy.domainBudgets[1].maxUnavailable: Invalid value: "0": must be at least 1`,
		}},
		{"slowStart", &rollout.Policy{SlowStart: &rollout.SlowStart{Increase: -1, Most: -1, Interval: negative}}, []string{
			"policy.slowStart.pods: Invalid value: 0: must be at least 1",
			"policy.slowStart.increase: Invalid value: -1: must not be negative",
			"policy.slowStart.most: Invalid value: -1: must not be negative",
			`policy.slowStart.interval: Invalid value: "-1ns": must not be negative`,
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			list := tc.policy.Validate(field.NewPath("policy"))
			for i, err := range list {
				got = append(got, err.Error())
				if i < len(tc.want) && strings.HasPrefix(got[i], tc.want[i]) {
					got[i] = tc.want[i] // Upstream's explanations are long.
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("Validate() (-want +got):\n%s", diff)
			}
			if tc.policy == nil {
				return
			}
			// A pass finds the same, and every error of it is a field's.
			_, err := rollout.NextStep(policySnapshot(t, build.Set{}, "a=old"), rollout.Options{Policy: *tc.policy})
			var wrong *field.Error
			if errors.As(err, &wrong) != (len(list) > 0) || err != nil && strings.Count(err.Error(), "policy.") < len(list) {
				t.Errorf("NextStep() = %v, want the errors of Validate() = %v", err, list)
			}
		})
	}
	if errs := (&rollout.Policy{Frozen: true, Paused: true}).Validate(nil); len(errs) != 1 || errs[0].Field != "paused" {
		t.Errorf("Validate(nil) = %v, want an error at paused", errs)
	}
}

// TestContradictions: Validate refuses exactly the contradictions in the table of Policy's
// comment. All pairs of fields are tried, each field with a value that is valid alone.
func TestContradictions(t *testing.T) {
	full := fullPolicy()
	full.Canary.Spread = append(full.Canary.Spread, full.OneDomain.Label)
	fields := reflect.TypeFor[rollout.Policy]()
	with := func(set ...int) *rollout.Policy {
		p := &rollout.Policy{}
		for _, i := range set {
			reflect.ValueOf(p).Elem().Field(i).Set(reflect.ValueOf(full).Elem().Field(i))
		}
		return p
	}
	// rows has the first column of the table by the fields that contradict each other.
	rows := map[string]string{
		"Frozen, Paused":    "Frozen with Paused",
		"Canary, Partition": "Canary with Partition",
		"Canary, OneDomain": "OneDomain with its Label in Canary.Spread",
		"DomainBudgets":     "two DomainBudgets with the same Label",
	}
	refused := map[string]field.ErrorList{}
	for i := range fields.NumField() {
		if errs := with(i).Validate(nil); errs != nil {
			t.Errorf("Validate() refuses %s alone: %v", fields.Field(i).Name, errs)
		}
		for j := range i {
			if errs := with(i, j).Validate(nil); errs != nil {
				pair := []string{fields.Field(i).Name, fields.Field(j).Name}
				slices.Sort(pair)
				refused[strings.Join(pair, ", ")] = errs
			}
		}
	}
	full.DomainBudgets = append(full.DomainBudgets, full.DomainBudgets[0])
	budgets, _ := fields.FieldByName("DomainBudgets")
	refused["DomainBudgets"] = with(budgets.Index[0]).Validate(nil)

	table := contradictions(t)
	for pair, errs := range refused {
		reason, listed := table[rows[pair]]
		switch {
		case len(errs) != 1 || !listed:
			t.Errorf("Validate() of %s = %v, and the table says %q: want one error and a row", pair, errs, reason)
		case errs[0].Type == field.ErrorTypeForbidden && !strings.HasSuffix(errs[0].Detail, ": "+reason):
			t.Errorf("Validate() of %s = %v, but the table says %q", pair, errs, reason)
		}
	}
	if len(table) != len(refused) {
		t.Errorf("the table has %d rows, want the %d contradictions that Validate refuses", len(table), len(refused))
	}
}

// contradictions returns the table of Policy's comment: what is refused, and why.
func contradictions(t *testing.T) map[string]string {
	t.Helper()
	source, err := os.ReadFile("policy.go")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(source), "// Validate refuses contradictions:\n//\n")
	out := map[string]string{}
	for line := range strings.Lines(text) {
		row, is := strings.CutPrefix(strings.TrimSpace(line), "//\t")
		if !is {
			break
		}
		what, why, _ := strings.Cut(row, "  ")
		out[what] = strings.TrimSpace(why)
	}
	return out
}

// TestPolicyErrorsEverywhere: each function that takes a policy refuses a wrong one.
func TestPolicyErrorsEverywhere(t *testing.T) {
	in := policyInput(t, build.Set{}, "a=old")
	s := policySnapshot(t, build.Set{}, "a=old")
	wrong := rollout.Options{Policy: rollout.Policy{OneDomain: &rollout.OneDomain{}}}
	const want = "policy.oneDomain.label: Required value"
	for name, call := range map[string]func() error{
		"NextStep":     func() error { _, err := rollout.NextStep(s, wrong); return err },
		"UsedBudget":   func() error { _, err := rollout.UsedBudget(s, wrong); return err },
		"Sync":         func() error { _, err := rollout.Sync(in, wrong); return err },
		"SyncSnapshot": func() error { _, err := rollout.SyncSnapshot(s, wrong); return err },
		"State.Sync":   func() error { _, err := newState(t, in).Sync(in.Now, wrong); return err },
		"State.Sync, empty selector": func() error {
			in := in
			in.DaemonSet = in.DaemonSet.DeepCopy()
			in.DaemonSet.Spec.Selector = &metav1.LabelSelector{}
			_, err := newState(t, in).Sync(in.Now, wrong)
			return err
		},
	} {
		if err := call(); err == nil || err.Error() != want {
			t.Errorf("%s() = %v, want %s", name, err, want)
		}
	}
}

// TestTimeRequired: each function that makes a pass refuses the zero time.
func TestTimeRequired(t *testing.T) {
	in := policyInput(t, build.Set{}, "a=old b=old c=old")
	state := newState(t, in)
	in.Now = time.Time{}
	s, err := daemon.Observe(in)
	if err != nil {
		t.Fatal(err)
	}
	unobserved := in
	unobserved.DaemonSet = in.DaemonSet.DeepCopy()
	unobserved.DaemonSet.Spec.Selector = &metav1.LabelSelector{}
	for name, call := range map[string]func() error{
		"NextStep":               func() error { _, err := rollout.NextStep(s, rollout.Options{}); return err },
		"UsedBudget":             func() error { _, err := rollout.UsedBudget(s, rollout.Options{}); return err },
		"Sync":                   func() error { _, err := rollout.Sync(in, rollout.Options{}); return err },
		"Sync, empty selector":   func() error { _, err := rollout.Sync(unobserved, rollout.Options{}); return err },
		"SyncSnapshot":           func() error { _, err := rollout.SyncSnapshot(s, rollout.Options{}); return err },
		"State.Sync, known time": func() error { _, err := state.Sync(time.Time{}, rollout.Options{}); return err },
	} {
		var wrong *field.Error
		if err := call(); !errors.As(err, &wrong) || wrong.Type != field.ErrorTypeRequired || wrong.Field != "now" {
			t.Errorf("%s() without a time = %v, want Required at now", name, err)
		}
	}
}

// TestPolicyJSON: data survives JSON, functions are left out.
func TestPolicyJSON(t *testing.T) {
	for name, p := range map[string]*rollout.Policy{"full": fullPolicy(), "zero": {}} {
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var got rollout.Policy
		if err := json.Unmarshal(data, &got); err != nil {
			t.Fatal(err)
		}
		want := *p
		want.IgnoreNodes, want.Order = nil, nil
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s policy through JSON (-want +got):\n%s", name, diff)
		}
		if name == "zero" && string(data) != "{}" {
			t.Errorf("json.Marshal(zero) = %s, want {}", data)
		}
	}
	data, err := json.Marshal(&rollout.Policy{IgnoreNotReadyNodes: &rollout.IgnoreAfter{}, Canary: &rollout.Canary{Nodes: intstr.FromInt32(1)}, SlowStart: &rollout.SlowStart{Pods: 2}})
	if want := `{"ignoreNotReadyNodes":{},"canary":{"nodes":1},"slowStart":{"pods":2}}`; err != nil || string(data) != want {
		t.Errorf("json.Marshal() = %s, %v, want %s", data, err, want)
	}
}

// TestDeepCopy: a copy is equal and shares nothing, except functions, the Order and IgnoreNodes.
func TestDeepCopy(t *testing.T) {
	if got := (*rollout.Policy)(nil).DeepCopy(); got != nil {
		t.Errorf("DeepCopy() of a nil policy = %v", got)
	}
	if got := (*rollout.CanaryTrial)(nil).DeepCopy(); got != nil {
		t.Errorf("DeepCopy() of a nil trial = %v", got)
	}
	policy, trial := fullPolicy(), fullTrial()
	if policy.DeepCopy().Order != policy.Order {
		t.Error("DeepCopy() has another Order: a State would compare all nodes again")
	}
	if policy.DeepCopy().IgnoreNodes != policy.IgnoreNodes {
		t.Error("DeepCopy() has other IgnoreNodes: a State would ask about all nodes again")
	}
	policy.Order, policy.IgnoreNodes = nil, nil
	for _, tc := range []struct {
		name       string
		from, copy any
	}{
		{"full policy", policy, policy.DeepCopy()},
		{"full trial", trial, trial.DeepCopy()},
		{"zero policy", &rollout.Policy{}, (&rollout.Policy{}).DeepCopy()},
		{"zero trial", &rollout.CanaryTrial{}, (&rollout.CanaryTrial{}).DeepCopy()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			functions := cmp.FilterValues(func(a, b any) bool { return reflect.ValueOf(a).Kind() == reflect.Func },
				cmp.Comparer(func(a, b any) bool { return reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer() }))
			if diff := cmp.Diff(tc.from, tc.copy, functions); diff != "" {
				t.Errorf("DeepCopy() (-want +got):\n%s", diff)
			}
			if shared := sharedMemory(reflect.ValueOf(tc.from), reflect.ValueOf(tc.copy), tc.name); len(shared) > 0 {
				t.Errorf("DeepCopy() shares %v", shared)
			}
		})
	}
}

// sharedMemory returns the paths at which two values of one type point to the same
// memory.
func sharedMemory(a, b reflect.Value, path string) (out []string) {
	switch a.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice:
		if !a.IsNil() && a.Pointer() == b.Pointer() && (a.Kind() != reflect.Slice || a.Cap() > 0) {
			return []string{path}
		}
	}
	switch a.Kind() {
	case reflect.Pointer:
		if !a.IsNil() {
			return sharedMemory(a.Elem(), b.Elem(), path)
		}
	case reflect.Slice:
		for i := range a.Len() {
			out = append(out, sharedMemory(a.Index(i), b.Index(i), path+"[]")...)
		}
	case reflect.Struct:
		if a.Type() == reflect.TypeFor[time.Time]() {
			return nil // Its location is shared and never changes.
		}
		for i := range a.NumField() {
			out = append(out, sharedMemory(a.Field(i), b.Field(i), path+"."+a.Type().Field(i).Name)...)
		}
	}
	return out
}

func TestPolicyString(t *testing.T) {
	for _, tc := range []struct {
		name   string
		policy *rollout.Policy
		want   string
	}{
		{"zero", &rollout.Policy{}, "upstream's policy"},
		{"full", fullPolicy(), "frozen, paused, ignore not-ready nodes after 1m0s, ignore stuck pods after 1h0m0s, ignore some nodes, " +
			"only nodes with disk=ssd,gpu notin (yes), order, canary on 5% of the nodes with topology.kubernetes.io/zone=z1 over rack, disk for 1h0m0s until promoted, " +
			"partition 3, one topology.kubernetes.io/zone at a time, first z2, z1, at most 1 per rack, at most 10% per topology.kubernetes.io/zone, strict budget, " +
			"slow start of 1 pod every 1s, then 2 more each time, 3 at most"},
		{"empty structs", &rollout.Policy{
			IgnoreNotReadyNodes: &rollout.IgnoreAfter{}, NodeSelector: &metav1.LabelSelector{}, Canary: &rollout.Canary{NodeSelector: &metav1.LabelSelector{}},
			Partition: &rollout.Partition{}, OneDomain: &rollout.OneDomain{}, DomainBudgets: []rollout.DomainBudget{{}}, SlowStart: &rollout.SlowStart{},
		}, "ignore not-ready nodes, only nodes with any labels, canary on 0 of the nodes with any labels, partition 0, one domain at a time, at most 0 per domain, slow start of 0 pods every 1m0s"},
	} {
		if got := tc.policy.String(); got != tc.want {
			t.Errorf("String() of a %s policy = %q, want %q", tc.name, got, tc.want)
		}
	}
}

// TestStringsOfNothing: texts and questions about nil, zero and half-filled values
// never panic, and a number that no constant has is shown.
func TestStringsOfNothing(t *testing.T) {
	selector := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Operator: "Near"}}}
	half := rollout.CanaryStatus{Trial: rollout.CanaryTrial{State: "?", Nodes: make([]rollout.CanaryNode, 7)}, Problems: make([]rollout.CanaryProblem, 7)}
	for _, tc := range []struct {
		name string
		text func() string
		want string
	}{
		{"nil canary", (*rollout.Canary)(nil).String, "no canary"},
		{"nil partition", (*rollout.Partition)(nil).String, "no partition"},
		{"nil domain", (*rollout.OneDomain)(nil).String, "all domains at once"},
		{"first domains", (&rollout.OneDomain{Label: "z", First: []string{"b", "", "c", "d", "e", "f"}}).String, "one z at a time, first b, (none), c, d, e, and 1 more"},
		{"nil slow start", (*rollout.SlowStart)(nil).String, "no slow start"},
		{"nil step", (*rollout.Step)(nil).String, "nothing to do"},
		{"zero status", rollout.PolicyStatus{}.String, ""},
		{"nil canary status", (*rollout.CanaryStatus)(nil).String, "no canary"},
		{"zero canary status", (&rollout.CanaryStatus{}).String, `canary CanaryState("")`},
		{"half-filled canary status", half.String, `canary CanaryState("?") on , , , ,  and 2 more: : CanaryLimit(0); : CanaryLimit(0); : CanaryLimit(0); : CanaryLimit(0); : CanaryLimit(0); and 2 more`},
		{"zero restricted", rollout.Restricted{}.String, "0 by Restriction(0)"},
		{"zero ignored node", rollout.IgnoredNode{}.String, " (IgnoredReason(0))"},
		{"zero domain budget", rollout.DomainBudget{}.String, "at most 0 per domain"},
		{"zero reason", rollout.NoRollback(0).String, "nothing prevents a rollback"},
		{"wrong selector", (&rollout.Policy{NodeSelector: selector}).String, "only nodes with <error>"},
		{"limit", rollout.CanaryLimit(-1).String, "CanaryLimit(-1)"},
		{"restriction", rollout.Restriction(99).String, "Restriction(99)"},
		{"ignore reason", rollout.IgnoredReason(99).String, "IgnoredReason(99)"},
		{"budget kind", rollout.BudgetKind(99).String, "BudgetKind(99)"},
		{"budget reason", rollout.BudgetReason(99).String, "BudgetReason(99)"},
	} {
		if got := tc.text(); got != tc.want {
			t.Errorf("String() of %s = %q, want %q", tc.name, got, tc.want)
		}
	}
	for name, is := range map[string]bool{
		"Complete(nil)":               rollout.Complete(nil, rollout.PolicyStatus{}),
		"NodeComplete(nil)":           rollout.NodeComplete(nil),
		"NodeComplete(zero)":          rollout.NodeComplete(&daemon.NodeState{}),
		"no text of a zero status":    rollout.PolicyStatus{}.String() == "",
		"no decision without result":  !(*rollout.Result)(nil).NeedsDecision(),
		"no decision in empty result": !(&rollout.Result{}).NeedsDecision(),
		"zero Budget has no limit":    !rollout.Budget{}.Exhausted(),
	} {
		if !is {
			t.Errorf("%s = false", name)
		}
	}
	for _, s := range []*daemon.Snapshot{nil, {}} {
		if _, err := rollout.NextStep(s, rollout.Options{}); err == nil || err.Error() != "snapshot: Required value" {
			t.Errorf("NextStep() without a snapshot = %v", err)
		}
		if _, err := rollout.UsedBudget(s, rollout.Options{}); err == nil || err.Error() != "snapshot: Required value" {
			t.Errorf("UsedBudget() without a snapshot = %v", err)
		}
	}
}

// TestOrdersOfNothing: comparisons take nil and half-filled nodes.
func TestOrdersOfNothing(t *testing.T) {
	nodes := []*daemon.NodeState{nil, {}, {Name: "a"}, {Pods: make([]daemon.PodState, 2)}}
	for name, order := range map[string]func(a, b *daemon.NodeState) int{
		"ByName": rollout.ByName, "ByLabel": rollout.ByLabel("x"), "OldestPodFirst": rollout.OldestPodFirst, "NotReadyFirst": rollout.NotReadyFirst,
		"InOrder": rollout.InOrder([]rollout.Compare{nil, rollout.ByLabel("x"), rollout.ByName}), "InOrder(nil)": rollout.InOrder(nil), "Reverse": rollout.Reverse(rollout.ByName),
	} {
		for _, a := range nodes {
			for _, b := range nodes {
				if order(a, b) != -order(b, a) {
					t.Errorf("%s(%v, %v) = %d, and %d the other way round", name, a, b, order(a, b), order(b, a))
				}
			}
		}
		if !slices.IsSortedFunc([]*daemon.NodeState{nil, nil}, order) {
			t.Errorf("%s does not find nil equal to nil", name)
		}
	}
	if rollout.Reverse(nil) != nil {
		t.Error("Reverse(nil) is not nil")
	}
}

// TestLabelsOfNoNode: what has no effect because no eligible node has a label says so.
func TestLabelsOfNoNode(t *testing.T) {
	one := intstr.FromInt32(1)
	canary := func(labels ...string) *rollout.Canary { return &rollout.Canary{Nodes: one, Spread: labels} }
	const noValue = "no eligible node has a value for the "
	for _, tc := range []struct {
		name, why string
		policy    rollout.Policy
		want      string
	}{
		{"budget", "it is one of all nodes", rollout.Policy{DomainBudgets: []rollout.DomainBudget{{Label: "rack", MaxUnavailable: one}}}, noValue + "label rack: all nodes are one domain"},
		{"budget of a zone", "nodes have it", rollout.Policy{DomainBudgets: []rollout.DomainBudget{{Label: zones, MaxUnavailable: one}}}, ""},
		{"spread", "the canary is spread over zones", rollout.Policy{Canary: canary(zones, "rack")}, noValue + "label rack: the canary is not spread over it"},
		{"spread over two racks", "none has", rollout.Policy{Canary: canary("rack", "row")}, noValue + "labels rack, row: the canary is not spread over them"},
		{"spread over zones", "nodes have it", rollout.Policy{Canary: canary(zones)}, ""},
		{"closed", "no pod of the DaemonSet is on that node", rollout.Policy{Canary: canary("closed")}, noValue + "label closed: the canary is not spread over it"},
		{"budget of closed", "no pod of the DaemonSet is on that node", rollout.Policy{DomainBudgets: []rollout.DomainBudget{{Label: "closed", MaxUnavailable: one}}}, noValue + "label closed: all nodes are one domain"},
		{"both", "each says what it means", rollout.Policy{Canary: canary("rack"), DomainBudgets: []rollout.DomainBudget{{Label: "rack", MaxUnavailable: one}}},
			noValue + "label rack: the canary is not spread over it\n" + noValue + "label rack: all nodes are one domain"},
		{"all", "in the order in which they apply, each label once", rollout.Policy{
			Canary: canary("row"), OneDomain: &rollout.OneDomain{Label: "rack"}, DomainBudgets: []rollout.DomainBudget{{Label: "closed", MaxUnavailable: one}, {Label: "rack", MaxUnavailable: one}},
		}, noValue + "label row: the canary is not spread over it\n" + noValue + "labels rack, closed: all nodes are one domain"},
	} {
		in := daemon.Input{DaemonSet: build.Set{}.Object(), Now: build.Now, Nodes: []*corev1.Node{
			build.Node{Name: "a", Labels: build.Labels{zones: "z1"}}.Object(), build.Node{Name: "b"}.Object(),
			build.Node{Name: "c", Labels: build.Labels{"closed": "yes"}, Taints: []corev1.Taint{{Key: "closed", Effect: corev1.TaintEffectNoSchedule}}}.Object(),
		}}
		for _, hash := range []string{"new", "old"} { // a rollout that is complete, and one that begins
			in.Pods, in.Revisions = nil, build.Current(in.DaemonSet, "new")
			for _, node := range []string{"a", "b"} {
				in.Pods = append(in.Pods, build.Pod{Name: node, Node: node, Hash: hash}.Of(in.DaemonSet))
			}
			result, err := rollout.Sync(in, rollout.Options{Policy: tc.policy})
			if err != nil {
				t.Fatal(err)
			}
			got := rollout.PolicyStatus{NoSpread: result.Policy.NoSpread, NoDomains: result.Policy.NoDomains}
			if got.String() != tc.want {
				t.Errorf("%s: Sync().Policy says %q with pods of %s, want %q: %s", tc.name, got, hash, tc.want, tc.why)
			}
		}
	}
	in := daemon.Input{DaemonSet: build.Set{}.Object(), Now: build.Now, Revisions: build.Current(build.Set{}.Object(), "new"), Nodes: []*corev1.Node{
		build.Node{Name: "a", Taints: []corev1.Taint{{Key: "closed", Effect: corev1.TaintEffectNoSchedule}}}.Object(),
	}}
	for _, policy := range []rollout.Policy{{Canary: canary("rack")}, {DomainBudgets: []rollout.DomainBudget{{Label: "rack", MaxUnavailable: one}}}} {
		if result, err := rollout.Sync(in, rollout.Options{Policy: policy}); err != nil || result.Policy.NoSpread != nil || result.Policy.NoDomains != nil {
			t.Errorf("Sync() without eligible nodes has %v, %v under %v, want nothing: nothing is known", result.Policy, err, policy)
		}
	}
}

// TestUnknownDomains: a OneDomain that no node has the label of restricts nothing, and says so.
func TestUnknownDomains(t *testing.T) {
	for _, tc := range []struct {
		name, why string
		nodes     []string // zone of each, " closed" if it is not eligible; "empty": an empty value; "": no label
		first     []string
		want      string
	}{
		{"no label", "all nodes are one domain", []string{"", ""}, []string{"z1"}, "no eligible node has a value for the label " + zones + ": all nodes are one domain"},
		{"empty values", "they are no value, as if the label were missing", []string{"empty", "empty"}, []string{"z1"}, "no eligible node has a value for the label " + zones + ": all nodes are one domain"},
		{"some are empty", "these are a domain", []string{"empty", "z1", ""}, []string{""}, ""},
		{"some have it", "the others are a domain", []string{"", "z1"}, nil, ""},
		{"unknown first", "a slip of the pen", []string{"z1", "z2"}, []string{"z2", "zz", "z0"}, `OneDomain.First names "zz", "z0", which no eligible node has`},
		{"many unknown", "the first five are named", []string{"z1"}, []string{"a", "b", "c", "d", "e", "f", "g"},
			`OneDomain.First names "a", "b", "c", "d", "e", and 2 more, which no eligible node has`},
		{"no node without a value", "an empty value stands for those", []string{"z1"}, []string{""}, `OneDomain.First names "", which no eligible node has`},
		{"first on a node that is not eligible", "no pod of the DaemonSet waits there", []string{"z1", "z2", "z3 closed"}, []string{"z3"}, `OneDomain.First names "z3", which no eligible node has`},
		{"no nodes", "nothing is known", nil, []string{"z1"}, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in := daemon.Input{DaemonSet: build.Set{}.Object(), Now: build.Now}
			for i, zone := range tc.nodes {
				node := build.Node{Name: string(rune('a' + i))}
				zone, closed := strings.CutSuffix(zone, " closed")
				if closed {
					node.Taints = []corev1.Taint{{Key: "closed", Effect: corev1.TaintEffectNoSchedule}}
				}
				switch zone {
				case "":
				case "empty":
					node.Labels = build.Labels{zones: ""}
				default:
					node.Labels = build.Labels{zones: zone}
				}
				in.Nodes = append(in.Nodes, node.Object())
				in.Pods = append(in.Pods, build.Pod{Name: node.Name, Node: node.Name, Hash: "new"}.Of(in.DaemonSet))
			}
			in.Revisions = build.Current(in.DaemonSet, "new")
			result, err := rollout.Sync(in, rollout.Options{Policy: rollout.Policy{OneDomain: &rollout.OneDomain{Label: zones, First: tc.first}}})
			if err != nil || result.Policy.String() != tc.want {
				t.Errorf("Sync().Policy = %q, %v, want %q: %s", result.Policy, err, tc.want, tc.why)
			}
		})
	}
}
