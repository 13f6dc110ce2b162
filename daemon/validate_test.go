package daemon_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
)

// errorLines is the text of each error.
func errorLines(errs field.ErrorList) []string {
	var lines []string
	for _, err := range errs {
		lines = append(lines, err.Error())
	}
	return lines
}

// compareErrors compares errors with the lines wanted, in order. A line that ends
// in "..." leaves the rest of the text open.
func compareErrors(t *testing.T, want []string, errs field.ErrorList) {
	t.Helper()
	got := errorLines(errs)
	shown := slices.Clone(got)
	for i := range min(len(want), len(got)) {
		if start, open := strings.CutSuffix(want[i], "..."); open && strings.HasPrefix(got[i], start) {
			shown[i] = want[i]
		}
	}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("errors differ (-want +got):\n%s", diff)
	}
	if len(errs) == 0 && errs != nil {
		t.Errorf("an empty list is %#v, want nil", errs)
	}
}

func TestValidate(t *testing.T) {
	type set = *appsv1.DaemonSet
	rolling := func(maxUnavailable, maxSurge any) func(set) {
		budget := func(v any) *intstr.IntOrString {
			switch v := v.(type) {
			case int:
				return new(intstr.FromInt32(int32(v)))
			case string:
				return new(intstr.FromString(v))
			}
			return nil
		}
		return func(ds set) {
			ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{
				Type:          appsv1.RollingUpdateDaemonSetStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDaemonSet{MaxUnavailable: budget(maxUnavailable), MaxSurge: budget(maxSurge)},
			}
		}
	}
	const (
		unavailable = "spec.updateStrategy.rollingUpdate.maxUnavailable: "
		surge       = "spec.updateStrategy.rollingUpdate.maxSurge: "
		bothZero    = unavailable + "Required value: cannot be 0 when maxSurge is 0"
		notPercent  = ": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
	)
	for _, tt := range []struct {
		name, why string
		change    func(set)
		want      []string
	}{{
		name: "valid", why: "the lesson's DaemonSet with defaults, whose template no pod defaults were applied to",
		change: func(set) {},
	}, {
		name: "restart policy Always", why: "the only one there is",
		change: func(ds set) { ds.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyAlways },
	}, {
		name: "restart policy Never", why: "a daemon that may end is none",
		change: func(ds set) { ds.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyNever },
		want:   []string{`spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"`},
	}, {
		name: "restart policy unknown", why: "one error, although upstream's pods report it too",
		change: func(ds set) { ds.Spec.Template.Spec.RestartPolicy = "Sometimes" },
		want:   []string{`spec.template.spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always"`},
	}, {
		name: "active deadline", why: "a daemon has no end",
		change: func(ds set) { ds.Spec.Template.Spec.ActiveDeadlineSeconds = new(int64(60)) },
		want:   []string{`spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported`},
	}, {
		name: "no metadata", why: "a manifest needs what a server would take from the request",
		change: func(ds set) { ds.ObjectMeta = metav1.ObjectMeta{} },
		want:   []string{"metadata.name: Required value: name or generateName is required", "metadata.namespace: Required value"},
	}, {
		name: "generateName alone", why: "the server has made a name of it before it validates",
		change: func(ds set) { ds.Name, ds.GenerateName = "", "nginx-" },
		want:   []string{"metadata.name: Required value: name or generateName is required"},
	}, {
		name: "name with dots", why: "a subdomain; pods cope with it",
		change: func(ds set) { ds.Name = "nginx.v1" },
	}, {
		name: "name and namespace malformed", why: "lower case; a namespace has no dots",
		change: func(ds set) { ds.Name, ds.Namespace = "Nginx", "a.b" },
		want: []string{`metadata.name: Invalid value: "Nginx": a lowercase RFC 1123 subdomain...`,
			`metadata.namespace: Invalid value: "a.b": must not contain dots...`},
	}, {
		name: "negative generation", why: "counts up from 1",
		change: func(ds set) { ds.Generation = -1 },
		want:   []string{"metadata.generation: Invalid value: -1: must be greater than or equal to 0"},
	}, {
		name: "finalizers", why: "reserved names and names with a domain are right",
		change: func(ds set) {
			ds.Finalizers = []string{"kubernetes", "orphan", "example.com/wait", "wait", "foregroundDeletion"}
		},
		want: []string{
			`metadata.finalizers: Invalid value: ["kubernetes","orphan","example.com/wait","wait","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set`,
			`metadata.finalizers[3]: Invalid value: "wait": name is neither a standard finalizer name nor is it fully qualified`,
		},
	}, {
		name: "labels and annotations malformed", why: "in an order of their own, not the map's; keys of annotations may have capitals",
		change: func(ds set) {
			ds.Labels = map[string]string{"env": "demo", "b c": "x y", "a b": "x y", "z": "-"}
			ds.Annotations = map[string]string{"EXAMPLE.com/ok": "any text", "two words": "", "also bad!": ""}
		},
		want: []string{
			`metadata.labels: Invalid value: "-": a valid label must be...`,
			`metadata.labels: Invalid value: "a b": name part must consist...`,
			`metadata.labels: Invalid value: "b c": name part must consist...`,
			`metadata.labels: Invalid value: "x y": a valid label must be...`,
			`metadata.labels: Invalid value: "x y": a valid label must be...`,
			`metadata.annotations: Invalid value: "also bad!": name part must consist...`,
			`metadata.annotations: Invalid value: "two words": name part must consist...`,
		},
	}, {
		name: "label with several faults", why: "the errors about one value keep upstream's order, which is not the alphabet's",
		change: func(ds set) { ds.Labels = map[string]string{"env": strings.Repeat("!", 64)} },
		want: []string{
			`metadata.labels: Invalid value: "` + strings.Repeat("!", 64) + `": must be no more than 63 bytes`,
			`metadata.labels: Invalid value: "` + strings.Repeat("!", 64) + `": a valid label must be...`,
		},
	}, {
		name: "value that is a key too", why: "the error about the key comes first, whatever the map's order",
		change: func(ds set) { ds.Labels = map[string]string{"a": "x y", "x y": "a"} },
		want: []string{
			`metadata.labels: Invalid value: "x y": name part must consist...`,
			`metadata.labels: Invalid value: "x y": a valid label must be...`,
		},
	}, {
		name: "annotations too large", why: "256 KiB together",
		change: func(ds set) { ds.Annotations = map[string]string{"a": strings.Repeat("x", 256<<10)} },
		want:   []string{"metadata.annotations: Too long: may not be more than 262144 bytes"},
	}, {
		name: "nil selector", why: "the field that is missing is named, and no other",
		change: func(ds set) { ds.Spec.Selector = nil },
		want:   []string{"spec.selector: Required value"},
	}, {
		name: "empty selector", why: "would select every pod of the namespace",
		change: func(ds set) { ds.Spec.Selector = &metav1.LabelSelector{} },
		want:   []string{"spec.selector: Invalid value: {}: empty selector is invalid for daemonset"},
	}, {
		name: "selector of empty lists", why: "is empty too",
		change: func(ds set) {
			ds.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{}, MatchExpressions: []metav1.LabelSelectorRequirement{}}
		},
		want: []string{"spec.selector: Invalid value: {}: empty selector is invalid for daemonset"},
	}, {
		name: "selector does not match", why: "the DaemonSet would never own its pods; the path is upstream's, with metadata",
		change: func(ds set) { ds.Spec.Selector.MatchLabels["tier"] = "web" },
		want:   []string{"spec.template.metadata.labels: Invalid value: {\"env\":\"demo\"}: `selector` does not match template `labels`"},
	}, {
		name: "expressions do not match", why: "they count like matchLabels",
		change: func(ds set) {
			ds.Spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "env", Operator: metav1.LabelSelectorOpDoesNotExist}}}
		},
		want: []string{"spec.template.metadata.labels: Invalid value: {\"env\":\"demo\"}: `selector` does not match template `labels`"},
	}, {
		name: "template without labels", why: "matches no selector",
		change: func(ds set) { ds.Spec.Template.Labels = nil },
		want:   []string{"spec.template.metadata.labels: Invalid value: null: `selector` does not match template `labels`"},
	}, {
		name: "selector malformed", why: "whether it matches is then not asked",
		change: func(ds set) {
			ds.Spec.Selector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: "env", Operator: "Gt", Values: []string{"1"}},
				{Key: "env", Operator: metav1.LabelSelectorOpIn},
				{Key: "env", Operator: metav1.LabelSelectorOpExists, Values: []string{"demo"}},
				{Key: "e v", Operator: metav1.LabelSelectorOpIn, Values: []string{"demo", "d o"}},
			}}
		},
		want: []string{
			`spec.selector.matchExpressions[0].operator: Invalid value: "Gt": not a valid selector operator`,
			"spec.selector.matchExpressions[1].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
			"spec.selector.matchExpressions[2].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
			`spec.selector.matchExpressions[3].key: Invalid value: "e v": name part must consist...`,
			`spec.selector.matchExpressions[3].values[1]: Invalid value: "d o": a valid label must be...`,
		},
	}, {
		name: "template labels and annotations malformed", why: "the path is upstream's, without metadata",
		change: func(ds set) {
			ds.Spec.Template.Labels["x"] = "a b"
			ds.Spec.Template.Annotations = map[string]string{"": "v"}
		},
		want: []string{
			`spec.template.labels: Invalid value: "a b": a valid label must be...`,
			`spec.template.annotations: Invalid value: "": name part must be non-empty`,
			`spec.template.annotations: Invalid value: "": name part must consist...`,
		},
	}, {
		name: "negative numbers", why: "neither time nor history runs backwards",
		change: func(ds set) { ds.Spec.MinReadySeconds, ds.Spec.RevisionHistoryLimit = -1, new(int32(-2)) },
		want: []string{
			"spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0",
			"spec.revisionHistoryLimit: Invalid value: -2: must be greater than or equal to 0",
		},
	}, {
		name: "no history limit", why: "is right: it has a default, and zero means none is kept",
		change: func(ds set) { ds.Spec.RevisionHistoryLimit = nil },
	}, {
		name: "no strategy", why: "nothing is defaulted on the way",
		change: func(ds set) { ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{} },
		want:   []string{`spec.updateStrategy: Unsupported value: {}: supported values: "RollingUpdate", "OnDelete"`},
	}, {
		name: "strategy of Deployments", why: "the path is upstream's, the struct not the type",
		change: func(ds set) { ds.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: "Recreate"} },
		want:   []string{`spec.updateStrategy: Unsupported value: {"type":"Recreate"}: supported values: "RollingUpdate", "OnDelete"`},
	}, {
		name: "rolling update without budgets", why: "nothing is defaulted on the way",
		change: func(ds set) { ds.Spec.UpdateStrategy.RollingUpdate = nil },
		want:   []string{"spec.updateStrategy.rollingUpdate: Required value"},
	}, {
		name: "on delete", why: "asks for no budgets and does not look at those there are",
		change: func(ds set) {
			rolling("150%", -1)(ds)
			ds.Spec.UpdateStrategy.Type = appsv1.OnDeleteDaemonSetStrategyType
		},
	}, {
		name: "both budgets nil", why: "nil is zero", change: rolling(nil, nil), want: []string{bothZero},
	}, {
		name: "both budgets zero", why: "the update would never move", change: rolling("0%", 0), want: []string{bothZero},
	}, {
		name: "only surge", why: "nil is zero", change: rolling(nil, "10%"),
	}, {
		name: "all at once", why: "100 % is the limit, a number has none", change: rolling("100%", 0),
	}, {
		name: "number without limit", why: "only percentages have one", change: rolling(0, 5000),
	}, {
		name: "both budgets", why: "either fewer or more pods than nodes, not both", change: rolling("20%", 1),
		want: []string{surge + "Invalid value: 1: may not be set when maxUnavailable is non-zero; set maxUnavailable: 0, its default is 1"},
	}, {
		name: "over 100 %", why: "each is checked for form first, then for size, then both together", change: rolling("101%", "200%"),
		want: []string{
			unavailable + `Invalid value: "101%": must not be greater than 100%`,
			surge + `Invalid value: "200%": must not be greater than 100%`,
			surge + `Invalid value: "200%": may not be set when maxUnavailable is non-zero; set maxUnavailable: 0, its default is 1`,
		},
	}, {
		name: "percentage out of every range", why: "counts as the largest number", change: rolling(strings.Repeat("9", 30)+"%", nil),
		want: []string{unavailable + `Invalid value: "` + strings.Repeat("9", 30) + `%": must not be greater than 100%`},
	}, {
		name: "negative number", why: "is refused, and not zero", change: rolling(-1, 0),
		want: []string{unavailable + "Invalid value: -1: must be greater than or equal to 0"},
	}, {
		name: "number as text", why: "is no percentage, and not zero", change: rolling("5", nil),
		want: []string{unavailable + `Invalid value: "5"` + notPercent},
	}, {
		name: "text", why: "is no percentage, and zero", change: rolling("all", "-5%"),
		want: []string{unavailable + `Invalid value: "all"` + notPercent, surge + `Invalid value: "-5%"` + notPercent, bothZero},
	}, {
		name: "neither number nor text", why: "cannot come from JSON but from code",
		change: func(ds set) {
			rolling(1, 0)(ds)
			ds.Spec.UpdateStrategy.RollingUpdate.MaxUnavailable.Type = 7
		},
		want: []string{unavailable + `Invalid value: intstr.IntOrString{Type:7, IntVal:1, StrVal:""}: must be an integer or percentage (e.g '5%%')`},
	}, {
		name: "everything at once", why: "the order is metadata, selector, template, numbers, strategy, history",
		change: func(ds set) {
			ds.Name = ""
			ds.Finalizers = []string{"wait"}
			ds.Spec.Selector.MatchLabels = nil
			ds.Spec.Template.Labels = map[string]string{"x": "a b"}
			ds.Spec.Template.Spec.RestartPolicy = corev1.RestartPolicyOnFailure
			ds.Spec.Template.Spec.ActiveDeadlineSeconds = new(int64(0))
			ds.Spec.MinReadySeconds = -1
			ds.Spec.RevisionHistoryLimit = new(int32(-1))
			rolling(0, 0)(ds)
		},
		want: []string{
			"metadata.name: Required value: name or generateName is required",
			`metadata.finalizers[0]: Invalid value: "wait": name is neither a standard finalizer name nor is it fully qualified`,
			"spec.selector: Invalid value: {}: empty selector is invalid for daemonset",
			`spec.template.labels: Invalid value: "a b": a valid label must be...`,
			`spec.template.spec.restartPolicy: Unsupported value: "OnFailure": supported values: "Always"`,
			"spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in DaemonSet is not Supported",
			"spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0",
			bothZero,
			"spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
		},
	}} {
		t.Run(tt.name, func(t *testing.T) {
			ds := daemon.Default(lessonDaemonSet())
			tt.change(ds)
			before := ds.DeepCopy()
			// More than once, because maps are walked in another order each time.
			for range 10 {
				compareErrors(t, tt.want, daemon.Validate(ds))
			}
			if t.Failed() {
				t.Logf("why: %s", tt.why)
			}
			if diff := cmp.Diff(before, ds); diff != "" {
				t.Errorf("Validate changed its argument (-before +after):\n%s", diff)
			}
		})
	}
}

// Sorting must keep the two errors about one value in order among many others.
func TestValidateManyLabels(t *testing.T) {
	ds := daemon.Default(lessonDaemonSet())
	var want []string
	for i := range 40 {
		value := fmt.Sprintf("%02d%s", i, strings.Repeat("!", 62))
		ds.Labels[fmt.Sprintf("key-%d", i*7%40)] = value
		want = append(want, fmt.Sprintf("metadata.labels: Invalid value: %q: must be no more than 63 bytes", value),
			fmt.Sprintf("metadata.labels: Invalid value: %q: a valid label must be...", value))
	}
	compareErrors(t, want, daemon.Validate(ds))
}

func TestValidateUpdate(t *testing.T) {
	created := metav1.NewTime(time.Date(2025, 2, 1, 10, 0, 0, 0, time.UTC))
	type set = *appsv1.DaemonSet
	for _, tt := range []struct {
		name, why string
		change    func(cur, old set)
		want      []string
	}{{
		name: "nothing changed", why: "is always right",
		change: func(_, _ set) {},
	}, {
		name: "what may change", why: "labels, annotations, template, strategy and numbers",
		change: func(cur, _ set) {
			cur.Generation = 3
			cur.Labels = map[string]string{"env": "prod"}
			cur.Annotations = map[string]string{"kubernetes.io/change-cause": "image"}
			cur.Spec.Template.Spec.Containers[0].Image = "nginx:1.28"
			cur.Spec.Template.Labels["version"] = "2"
			cur.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.OnDeleteDaemonSetStrategyType}
			cur.Spec.MinReadySeconds, cur.Spec.RevisionHistoryLimit = 5, new(int32(1))
		},
	}, {
		name: "selector", why: "immutable: the pods of the old one would be orphans",
		change: func(cur, _ set) {
			cur.Spec.Selector.MatchLabels["tier"] = "web"
			cur.Spec.Template.Labels["tier"] = "web"
		},
		want: []string{`spec.selector: Invalid value: {"matchLabels":{"env":"demo","tier":"web"}}: field is immutable`},
	}, {
		name: "selector that says the same", why: "an empty list is no list",
		change: func(cur, _ set) { cur.Spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{} },
	}, {
		name: "selector gone", why: "immutable, and required",
		change: func(cur, _ set) { cur.Spec.Selector = nil },
		want:   []string{"spec.selector: Invalid value: null: field is immutable", "spec.selector: Required value"},
	}, {
		name: "selector where there was none", why: "immutable as well; no such object can be stored",
		change: func(_, old set) { old.Spec.Selector = nil },
		want:   []string{`spec.selector: Invalid value: {"matchLabels":{"env":"demo"}}: field is immutable`},
	}, {
		name: "template leaves the selector", why: "the spec is checked as Validate does it",
		change: func(cur, _ set) { cur.Spec.Template.Labels = map[string]string{"env": "prod"} },
		want:   []string{"spec.template.metadata.labels: Invalid value: {\"env\":\"prod\"}: `selector` does not match template `labels`"},
	}, {
		name: "bad selector value that was stored already", why: "does not block other changes",
		change: func(cur, old set) {
			bad := metav1.LabelSelectorRequirement{Key: "env", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"a b"}}
			cur.Spec.Selector.MatchExpressions = append(cur.Spec.Selector.MatchExpressions, bad)
			old.Spec.Selector.MatchExpressions = append(old.Spec.Selector.MatchExpressions, bad)
		},
	}, {
		name: "bad selector value that is new", why: "is an error beside the change",
		change: func(cur, _ set) {
			cur.Spec.Selector.MatchExpressions = []metav1.LabelSelectorRequirement{{Key: "env", Operator: metav1.LabelSelectorOpNotIn, Values: []string{"a b"}}}
		},
		want: []string{
			"spec.selector: Invalid value: {\"matchLabels\":{\"env\":\"demo\"},\"matchExpressions\":[{\"key\":\"env\",\"operator\":\"NotIn\",\"values\":[\"a b\"]}]}: field is immutable",
			`spec.selector.matchExpressions[0].values[0]: Invalid value: "a b": a valid label must be...`,
		},
	}, {
		name: "bare manifest", why: "has nothing of what the server keeps",
		change: func(cur, _ set) {
			cur.UID, cur.ResourceVersion, cur.CreationTimestamp, cur.Generation = "", "", metav1.Time{}, 0
		},
		want: []string{
			`metadata.resourceVersion: Invalid value: "": must be specified for an update`,
			"metadata.generation: Invalid value: 0: must not be decremented",
			`metadata.uid: Invalid value: "": field is immutable`,
			"metadata.creationTimestamp: Invalid value: null: field is immutable",
		},
	}, {
		name: "another object", why: "name and namespace are what it is known by; their form is not checked again",
		change: func(cur, _ set) { cur.Name, cur.Namespace = "OTHER", "kube.system" },
		want: []string{
			`metadata.name: Invalid value: "OTHER": field is immutable`,
			`metadata.namespace: Invalid value: "kube.system": field is immutable`,
		},
	}, {
		name: "finalizers", why: "none is added once deletion has begun, and each needs a domain",
		change: func(cur, old set) {
			cur.DeletionTimestamp, old.DeletionTimestamp = &created, &created
			cur.Finalizers, old.Finalizers = []string{"wait", "example.com/new"}, []string{"wait"}
		},
		want: []string{
			`metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"example.com/new"}`,
			`metadata.finalizers[0]: Invalid value: "wait": name is neither a standard finalizer name nor is it fully qualified`,
		},
	}, {
		name: "labels malformed", why: "in an order of their own here too",
		change: func(cur, _ set) { cur.Labels = map[string]string{"b c": "", "a b": "", "c d": "", "d e": ""} },
		want: []string{
			`metadata.labels: Invalid value: "a b": name part...`, `metadata.labels: Invalid value: "b c": name part...`,
			`metadata.labels: Invalid value: "c d": name part...`, `metadata.labels: Invalid value: "d e": name part...`,
		},
	}} {
		t.Run(tt.name, func(t *testing.T) {
			old := daemon.Default(lessonDaemonSet())
			old.UID, old.ResourceVersion, old.CreationTimestamp, old.Generation = "uid-1", "7", created, 2
			cur := old.DeepCopy()
			tt.change(cur, old)
			curBefore, oldBefore := cur.DeepCopy(), old.DeepCopy()
			for range 10 {
				compareErrors(t, tt.want, daemon.ValidateUpdate(cur, old))
			}
			if t.Failed() {
				t.Logf("why: %s", tt.why)
			}
			if diff := cmp.Diff([]set{curBefore, oldBefore}, []set{cur, old}); diff != "" {
				t.Errorf("ValidateUpdate changed its arguments (-before +after):\n%s", diff)
			}
		})
	}
}

func TestValidateNil(t *testing.T) {
	ds := lessonDaemonSet()
	for _, tt := range []struct {
		name, why string
		got       field.ErrorList
		want      []string
	}{
		{"Validate", "nothing to look at", daemon.Validate(nil), []string{"daemonSet: Required value"}},
		{"ValidateUpdate without cur", "named as elsewhere in the package", daemon.ValidateUpdate(nil, ds), []string{"daemonSet: Required value"}},
		{"ValidateUpdate without old", "no update, and not taken for a creation", daemon.ValidateUpdate(ds, nil), []string{"old: Required value"}},
		{"ValidateUpdate without both", "both are named", daemon.ValidateUpdate(nil, nil), []string{"daemonSet: Required value", "old: Required value"}},
	} {
		t.Run(tt.name, func(t *testing.T) { compareErrors(t, tt.want, tt.got) })
	}
	t.Run("zero", func(t *testing.T) {
		compareErrors(t, []string{
			"metadata.name: Required value: name or generateName is required", "metadata.namespace: Required value",
			"spec.selector: Required value",
		}, daemon.Validate(daemon.Default(&appsv1.DaemonSet{})))
		compareErrors(t, []string{
			`metadata.resourceVersion: Invalid value: "": must be specified for an update`, "spec.selector: Required value",
			`spec.updateStrategy: Unsupported value: {}: supported values: "RollingUpdate", "OnDelete"`,
		}, daemon.ValidateUpdate(&appsv1.DaemonSet{}, &appsv1.DaemonSet{}))
	})
}

// validateSeeds are DaemonSets as people write and servers return them, and some
// broken ones.
func validateSeeds() []string {
	return []string{
		`{}`,
		`{"metadata":{"name":"nginx-deploy","labels":{"env":"demo"}},"spec":{"template":{"metadata":{"name":"nginx","labels":{"env":"demo"}},"spec":{"containers":[{"name":"nginx","image":"nginx:1.27.4-alpine"}]}},"selector":{"matchLabels":{"env":"demo"}}}}`,
		`{"metadata":{"name":"kube-proxy","namespace":"kube-system","uid":"6f1d","resourceVersion":"517","generation":1,"creationTimestamp":"2025-02-01T10:00:00Z","labels":{"k8s-app":"kube-proxy"},"annotations":{"deprecated.daemonset.template.generation":"1"}},"spec":{"revisionHistoryLimit":10,"selector":{"matchLabels":{"k8s-app":"kube-proxy"}},"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":0,"maxUnavailable":1}},"template":{"metadata":{"labels":{"k8s-app":"kube-proxy"}},"spec":{"hostNetwork":true,"restartPolicy":"Always","nodeSelector":{"kubernetes.io/os":"linux"},"tolerations":[{"operator":"Exists"}],"containers":[{"name":"kube-proxy","image":"registry.k8s.io/kube-proxy:v1.37.2"}]}}},"status":{"currentNumberScheduled":3,"desiredNumberScheduled":3,"numberAvailable":3,"numberReady":3,"updatedNumberScheduled":3,"observedGeneration":1}}`,
		`{"metadata":{"name":"node-exporter","namespace":"monitoring","finalizers":["example.com/wait"],"ownerReferences":[{"apiVersion":"example.com/v1","kind":"Monitoring","name":"main","uid":"a","controller":true}]},"spec":{"minReadySeconds":15,"selector":{"matchLabels":{"app":"node-exporter"},"matchExpressions":[{"key":"canary","operator":"DoesNotExist"},{"key":"tier","operator":"In","values":["infra","node"]}]},"updateStrategy":{"rollingUpdate":{"maxSurge":"25%","maxUnavailable":0}},"template":{"metadata":{"labels":{"app":"node-exporter","tier":"infra"},"annotations":{"prometheus.io/scrape":"true"}},"spec":{"containers":[{"name":"exporter","image":"quay.io/prometheus/node-exporter:v1.9.0"},{"name":"proxy","image":"quay.io/brancz/kube-rbac-proxy:v0.19.0"}]}}}}`,
		`{"metadata":{"name":"logs","namespace":"default"},"spec":{"updateStrategy":{"type":"OnDelete","rollingUpdate":{"maxUnavailable":"200%"}},"selector":{"matchLabels":{"app":"logs"}},"template":{"metadata":{"labels":{"app":"logs"}}}}}`,
		`{"metadata":{"name":"Bad Name","namespace":"a.b","generation":-1,"labels":{"a b":"c d","e f":"c d"},"annotations":{"a b":"","c d":""},"finalizers":["x","orphan","foregroundDeletion"]},"spec":{"minReadySeconds":-1,"revisionHistoryLimit":-1,"selector":{"matchExpressions":[{"key":"","operator":"Gt","values":["1"]},{"key":"a","operator":"In"}]},"updateStrategy":{"type":"RollingUpdate","rollingUpdate":{"maxSurge":"all","maxUnavailable":"101%"}},"template":{"spec":{"restartPolicy":"Never","activeDeadlineSeconds":0,"containers":[{"name":"a\nb","image":"c\u001bd\te"}]}}}}`,
		`{"metadata":{"creationTimestamp":null},"spec":{"selector":null,"updateStrategy":{"rollingUpdate":{"maxUnavailable":"99999999999999999999%"}},"template":{"metadata":{"creationTimestamp":null},"spec":{"containers":null}}}}`,
	}
}

// FuzzValidate takes two DaemonSets as JSON through defaults and validation.
func FuzzValidate(f *testing.F) {
	seeds := validateSeeds()
	for i, seed := range seeds {
		f.Add([]byte(seed), []byte(seeds[(i+1)%len(seeds)]))
		f.Add([]byte(seed), []byte(seed))
	}
	f.Fuzz(func(t *testing.T, curJSON, oldJSON []byte) {
		var cur, old appsv1.DaemonSet
		if json.Unmarshal(curJSON, &cur) != nil || json.Unmarshal(oldJSON, &old) != nil {
			t.Skip("not a DaemonSet")
		}
		curBefore, oldBefore := cur.DeepCopy(), old.DeepCopy()

		full := daemon.Default(&cur)
		if again := daemon.Default(full); !reflect.DeepEqual(full, again) {
			t.Errorf("Default(Default(ds)) is not Default(ds) (-once +twice):\n%s", cmp.Diff(full, again))
		}
		for _, ds := range []*appsv1.DaemonSet{&cur, full} {
			same(t, "Validate", errorLines(daemon.Validate(ds)), errorLines(daemon.Validate(ds)))
			same(t, "ValidateUpdate", errorLines(daemon.ValidateUpdate(ds, &old)), errorLines(daemon.ValidateUpdate(ds, &old)))
			for _, err := range daemon.ValidateUpdate(ds, ds) {
				if strings.Contains(err.Detail, "immutable") || strings.Contains(err.Detail, "decremented") {
					t.Errorf("ValidateUpdate(ds, ds) = %v, want no error about a change", err)
				}
			}
		}

		errs := daemon.Validate(full)
		for _, err := range errs {
			if err.Field == "spec.updateStrategy" && cur.Spec.UpdateStrategy.Type == "" || err.Field == "spec.updateStrategy.rollingUpdate" {
				t.Errorf("Validate(Default(ds)) = %v, which the default settles", err)
			}
		}
		if rolling := full.Spec.UpdateStrategy.RollingUpdate; len(errs) == 0 && full.Spec.UpdateStrategy.Type == appsv1.RollingUpdateDaemonSetStrategyType {
			unavailable, err1 := intstr.GetScaledValueFromIntOrPercent(rolling.MaxUnavailable, 100, true)
			surge, err2 := intstr.GetScaledValueFromIntOrPercent(rolling.MaxSurge, 100, true)
			if err1 != nil || err2 != nil || (unavailable > 0) == (surge > 0) {
				t.Errorf("valid with maxUnavailable %v (%v) and maxSurge %v (%v), want one of them above zero", unavailable, err1, surge, err2)
			}
		}

		if !reflect.DeepEqual(&cur, curBefore) || !reflect.DeepEqual(&old, oldBefore) {
			t.Errorf("arguments changed (-before +after):\n%s", cmp.Diff([]*appsv1.DaemonSet{curBefore, oldBefore}, []*appsv1.DaemonSet{&cur, &old}))
		}
	})
}

func same(t *testing.T, name string, first, second []string) {
	t.Helper()
	if !slices.Equal(first, second) {
		t.Errorf("%s differs from call to call (-first +second):\n%s", name, cmp.Diff(first, second))
	}
}
