package conformance

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/util/validation/field"
	cliprinters "k8s.io/cli-runtime/pkg/printers"
	"k8s.io/kubernetes/pkg/api/legacyscheme"
	"k8s.io/kubernetes/pkg/apis/apps"
	_ "k8s.io/kubernetes/pkg/apis/apps/install"
	k8sappsv1 "k8s.io/kubernetes/pkg/apis/apps/v1"
	_ "k8s.io/kubernetes/pkg/apis/core/install"
	daemoncontroller "k8s.io/kubernetes/pkg/controller/daemon"
	"k8s.io/kubernetes/pkg/printers"
	"k8s.io/kubernetes/pkg/printers/internalversion"
	dsregistry "k8s.io/kubernetes/pkg/registry/apps/daemonset"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/rollout/kubectl"
)

var objects = flag.Int("objects", 20_000, "number of random objects for each comparison of the API, kubectl, hashes and updates of nodes")

// each runs a test on generators with numbers of their own, on all processors,
// and prints the first few of the differences that it returns.
func each(t *testing.T, n int, test func(g *generator) (difference string)) {
	t.Helper()
	var next, differing atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := int(next.Add(1) - 1); i < n; i = int(next.Add(1) - 1) {
				if *only >= 0 && *only != i {
					continue
				}
				difference := test(&generator{Rand: rand.New(rand.NewPCG(*seed, uint64(i)))})
				if difference != "" && differing.Add(1) <= 3 {
					t.Errorf("seed %d, number %d: %s", *seed, i, difference)
				}
			}
		})
	}
	workers.Wait()
	if d := differing.Load(); d > 0 {
		t.Errorf("%d of %d differ", d, n)
	}
}

// anyMap is labels or annotations, good and bad.
func anyMap(g *generator) map[string]string {
	switch g.IntN(4) {
	case 0:
		return nil
	case 1:
		return map[string]string{}
	}
	out := map[string]string{}
	for range g.IntN(4) {
		key := pick(g, "app", "tier", "a/b", "bad key", "A/b/c", "-x", strings.Repeat("k", 70), "")
		out[key] = pick(g, "a", "a", "", "x y", strings.Repeat("v", 64))
	}
	return out
}

func anyBudget(g *generator) *intstr.IntOrString {
	switch g.IntN(4) {
	case 0:
		return nil
	case 1:
		return new(intstr.FromInt32(pick[int32](g, 0, 1, -1, 500)))
	case 2:
		return new(intstr.FromString(pick(g, "0%", "1%", "10%", "100%")))
	}
	return pick(g, new(intstr.FromString(pick(g, "101%", "5", "0", "x", "", "-5%", "99999999999999999999999%", "007%", "1.5%", " 5%"))),
		&intstr.IntOrString{Type: 7, IntVal: 3})
}

func anySelector(g *generator) *metav1.LabelSelector {
	switch g.IntN(6) {
	case 0:
		return pick(g, nil, &metav1.LabelSelector{}, &metav1.LabelSelector{MatchLabels: map[string]string{}})
	case 1, 2, 3:
		return &metav1.LabelSelector{MatchLabels: map[string]string{"app": "a"}}
	}
	s := &metav1.LabelSelector{MatchLabels: anyMap(g)}
	for range g.IntN(3) {
		s.MatchExpressions = append(s.MatchExpressions, metav1.LabelSelectorRequirement{
			Key: pick(g, "app", "tier", "bad key"),
			Operator: pick(g, metav1.LabelSelectorOpIn, metav1.LabelSelectorOpNotIn, metav1.LabelSelectorOpExists,
				metav1.LabelSelectorOpDoesNotExist, "Gt", ""),
			Values: pick(g, nil, []string{}, []string{"a"}, []string{"x y", "a"}),
		})
	}
	return s
}

func anyMeta(g *generator) metav1.ObjectMeta {
	at := metav1.NewTime(time.Unix(1_700_000_000, 0))
	m := metav1.ObjectMeta{
		Name: "agent", Namespace: "default", Labels: map[string]string{"app": "a"},
		Generation: pick[int64](g, 0, 1, 3), ResourceVersion: pick(g, "1", "1", "1", ""), UID: types.UID(pick(g, "u", "u", "u", "v", "")),
		CreationTimestamp: pick(g, metav1.Time{}, at), DeletionTimestamp: pick(g, nil, nil, &at),
		DeletionGracePeriodSeconds: pick(g, nil, new(int64(3))),
	}
	if g.in(4) {
		m.Name = pick(g, "", "Bad_Name", "a.b", "other", strings.Repeat("n", 253), strings.Repeat("n", 254))
	}
	if g.in(6) {
		m.GenerateName = pick(g, "x-", "X_", "x--")
	}
	if g.in(6) {
		m.Namespace = pick(g, "", "a.b", "other", strings.Repeat("n", 64))
	}
	if g.in(10) {
		m.Generation = -1
	}
	if g.in(3) {
		m.Labels = anyMap(g)
	}
	if g.in(3) {
		m.Annotations = anyMap(g)
	}
	if g.in(30) {
		m.Annotations = map[string]string{"big": strings.Repeat("x", 256<<10)}
	}
	for g.in(4) {
		m.Finalizers = append(m.Finalizers, pick(g, "kubernetes", "orphan", "foregroundDeletion", "foo", "a.b/c", "a/b/c", "/", ""))
	}
	for g.in(4) {
		m.OwnerReferences = append(m.OwnerReferences, metav1.OwnerReference{APIVersion: pick(g, "v1", "apps/v1", "", "a/b/c"),
			Kind: pick(g, "Event", "Foo", ""), Name: pick(g, "n", ""), UID: types.UID(pick(g, "u", "")), Controller: pick(g, nil, new(true), new(false))})
	}
	if g.in(10) {
		m.ManagedFields = []metav1.ManagedFieldsEntry{{Operation: pick(g, metav1.ManagedFieldsOperationApply, "", "x"),
			FieldsType: pick(g, "", "FieldsV1", "y"), Manager: pick(g, "m", "\x01", strings.Repeat("m", 129)), Subresource: pick(g, "", strings.Repeat("s", 257))}}
	}
	return m
}

// aspects are the parts of a DaemonSet that are put together at random.
var aspects = []func(to, from *appsv1.DaemonSet){
	func(to, from *appsv1.DaemonSet) { from.ObjectMeta.DeepCopyInto(&to.ObjectMeta) },
	func(to, from *appsv1.DaemonSet) { to.Spec.Selector = from.Spec.Selector.DeepCopy() },
	func(to, from *appsv1.DaemonSet) {
		from.Spec.Template.ObjectMeta.DeepCopyInto(&to.Spec.Template.ObjectMeta)
	},
	func(to, from *appsv1.DaemonSet) { from.Spec.Template.Spec.DeepCopyInto(&to.Spec.Template.Spec) },
	func(to, from *appsv1.DaemonSet) { from.Spec.UpdateStrategy.DeepCopyInto(&to.Spec.UpdateStrategy) },
	func(to, from *appsv1.DaemonSet) { to.Spec.MinReadySeconds = from.Spec.MinReadySeconds },
	func(to, from *appsv1.DaemonSet) { to.Spec.RevisionHistoryLimit = from.Spec.RevisionHistoryLimit },
}

// similarSet returns a copy of a DaemonSet with one or two other aspects.
func similarSet(g *generator, ds *appsv1.DaemonSet) *appsv1.DaemonSet {
	out := ds.DeepCopy()
	for range 1 + g.IntN(2) {
		pick(g, aspects...)(out, oddSet(g))
	}
	return out
}

// anySet returns a DaemonSet of which much or little is odd.
func anySet(g *generator) *appsv1.DaemonSet {
	if g.in(2) {
		return similarSet(g, plainSet())
	}
	return oddSet(g)
}

// oddSet returns a DaemonSet with something odd in most aspects.
func oddSet(g *generator) *appsv1.DaemonSet {
	ds := &appsv1.DaemonSet{ObjectMeta: anyMeta(g)}
	spec := &ds.Spec
	spec.Selector = anySelector(g)
	spec.Template.Labels = map[string]string{"app": "a"}
	if g.in(4) {
		spec.Template.Labels = anyMap(g)
	}
	if g.in(4) {
		spec.Template.Annotations = anyMap(g)
	}
	spec.Template.Spec = corev1.PodSpec{
		RestartPolicy: corev1.RestartPolicyAlways,
		Containers:    []corev1.Container{{Name: "agent", Image: "agent:1.27.4-alpine"}},
		NodeSelector:  pick(g, nil, map[string]string{"disk": "ssd", "a": "b"}),
	}
	if g.in(3) {
		spec.Template.Spec.RestartPolicy = pick[corev1.RestartPolicy](g, "", corev1.RestartPolicyNever, corev1.RestartPolicyOnFailure, "Sometimes")
	}
	if g.in(4) {
		spec.Template.Spec.ActiveDeadlineSeconds = new(pick[int64](g, 5, 0, -1))
	}
	if g.in(3) {
		spec.Template.Spec.Containers = append(spec.Template.Spec.Containers, corev1.Container{Name: "side",
			Image: pick(g, "a", "é:1", strings.Repeat("registry/", 9), "x\ny", "\x1b[31mred", "a\tb", "longer\n", "a\fb", "a\rb", "a\vb", "")})
	}
	spec.MinReadySeconds = pick[int32](g, 0, 0, 5, -1)
	spec.RevisionHistoryLimit = pick(g, nil, new(int32(0)), new(int32(3)), new(int32(-1)))
	spec.UpdateStrategy.Type = pick(g, appsv1.RollingUpdateDaemonSetStrategyType, appsv1.RollingUpdateDaemonSetStrategyType,
		appsv1.RollingUpdateDaemonSetStrategyType, appsv1.OnDeleteDaemonSetStrategyType, "", "Recreate")
	if !g.in(4) {
		spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: anyBudget(g), MaxSurge: anyBudget(g)}
	}
	ds.Status = appsv1.DaemonSetStatus{
		DesiredNumberScheduled: g.Int32N(2000), CurrentNumberScheduled: g.Int32N(20), NumberReady: g.Int32N(2),
		UpdatedNumberScheduled: g.Int32N(2), NumberAvailable: g.Int32N(3) - 1,
	}
	return ds
}

// internal returns the DaemonSet as upstream validates it. Defaults of pods are
// applied to the template, those of the DaemonSet only if they are asked for:
// without them upstream sees what the library is given.
func internal(ds *appsv1.DaemonSet, defaults bool) (*apps.DaemonSet, error) {
	full := ds.DeepCopy()
	k8sappsv1.SetObjectDefaults_DaemonSet(full)
	if !defaults {
		full.Spec.UpdateStrategy = *ds.Spec.UpdateStrategy.DeepCopy()
		full.Spec.RevisionHistoryLimit = ds.Spec.RevisionHistoryLimit
	}
	out := &apps.DaemonSet{}
	return out, legacyscheme.Scheme.Convert(full, out, nil)
}

const (
	strategyField = "spec.updateStrategy"
	restartField  = "spec.template.spec.restartPolicy"
	deadlineField = "spec.template.spec.activeDeadlineSeconds"
	noMatch       = "`selector` does not match template `labels`"
)

// upstreamErrors is what the library is to say if upstream says errs.
func upstreamErrors(errs field.ErrorList, ds *appsv1.DaemonSet) []string {
	var out []*field.Error
	for _, e := range errs {
		switch {
		case e.Field == restartField && strings.Contains(e.Detail, string(corev1.RestartPolicyOnFailure)),
			e.Field == deadlineField && e.Type == field.ErrorTypeInvalid,
			strings.HasPrefix(e.Field, "spec.template.spec.containers"):
			// Of pods in general.
		case e.Field == "spec.templateGeneration":
			// No field of apps/v1.
		case e.Detail == "may not be set when maxUnavailable is non-zero":
			// Only the library says what to do.
			copied := *e
			copied.Detail += "; set maxUnavailable: 0, its default is 1"
			out = append(out, &copied)
		case ds.Spec.Selector == nil && strings.Contains(e.Detail, noMatch):
			out = append(out, field.Required(field.NewPath("spec", "selector"), ""))
		case e.Field == strategyField:
			// The value is upstream's internal one.
			copied := *e
			copied.BadValue = &ds.Spec.UpdateStrategy
			out = append(out, &copied)
		default:
			out = append(out, e)
		}
	}
	return lines(out)
}

// lines writes errors one a line. Errors about the entries of one map are sorted,
// because upstream's order is that of Go's maps.
func lines(errs field.ErrorList) []string {
	out := make([]string, len(errs))
	for i, e := range errs {
		out[i] = fmt.Sprintf("%v (origin %q)", e, e.Origin)
	}
	ofMap := func(e *field.Error) bool { return strings.HasPrefix(e.Origin, "format=k8s-label") }
	for from := 0; from < len(errs); {
		to := from + 1
		for ofMap(errs[from]) && to < len(errs) && ofMap(errs[to]) && errs[to].Field == errs[from].Field {
			to++
		}
		slices.Sort(out[from:to])
		from = to
	}
	return out
}

// validations compares errors for TestValidate and TestValidateUpdate.
type validations struct {
	kinds tally
	valid atomic.Int64
}

func (v *validations) compare(want, got []string) string {
	for _, line := range want {
		path, rest, _ := strings.Cut(line, ": ")
		kind, _, _ := strings.Cut(rest, ": ")
		v.kinds.add(path + ": " + kind)
	}
	if len(want) == 0 {
		v.valid.Add(1)
	}
	if !slices.Equal(want, got) {
		return "errors (-upstream +library):\n" + cmp.Diff(want, got)
	}
	return ""
}

func (v *validations) log(t *testing.T, what string, least int) {
	total := 0
	for _, n := range v.kinds.counts {
		total += n
	}
	t.Logf("%d %s, %d of them valid, %d errors of %d kinds", *objects, what, v.valid.Load(), total, len(v.kinds.counts))
	if *only >= 0 {
		return
	}
	if got := len(v.kinds.counts); got < least {
		t.Errorf("errors of %d kinds, want at least %d:\n%s", got, least, &v.kinds)
	}
	if got, want := v.valid.Load(), int64(*objects/20); got < want {
		t.Errorf("%d of %d are valid, want at least %d", got, *objects, want)
	}
}

// TestDefault compares daemon.Default with what the API server applies.
func TestDefault(t *testing.T) {
	each(t, *objects, func(g *generator) string {
		ds := anySet(g)
		before, want := ds.DeepCopy(), ds.DeepCopy()
		k8sappsv1.SetDefaults_DaemonSet(want)
		got := daemon.Default(ds)
		switch {
		case !reflect.DeepEqual(want, got):
			return "Default (-upstream +library):\n" + cmp.Diff(want, got)
		case !reflect.DeepEqual(before, ds):
			return "Default changed its argument:\n" + cmp.Diff(before, ds)
		}
		return ""
	})
	t.Logf("%d DaemonSets", *objects)
}

// TestValidate compares daemon.Validate with what the API server says about a
// new DaemonSet.
func TestValidate(t *testing.T) {
	var v validations
	each(t, *objects, func(g *generator) string {
		ds := anySet(g)
		defaults := g.in(2)
		up, err := internal(ds, defaults)
		if err != nil {
			return err.Error()
		}
		if defaults {
			ds = daemon.Default(ds)
		}
		before := ds.DeepCopy()
		got := lines(daemon.Validate(ds))
		if !reflect.DeepEqual(before, ds) {
			return "Validate changed its argument:\n" + cmp.Diff(before, ds)
		}
		return v.compare(upstreamErrors(dsregistry.Strategy.Validate(context.Background(), up), ds), got)
	})
	v.log(t, "DaemonSets", 45)
}

// TestValidateUpdate compares daemon.ValidateUpdate with what the API server says
// about a changed DaemonSet.
func TestValidateUpdate(t *testing.T) {
	var v validations
	each(t, *objects, func(g *generator) string {
		old := anySet(g)
		cur := similarSet(g, old)
		if g.in(4) {
			cur = anySet(g)
		}
		upCur, err := internal(cur, false)
		if err != nil {
			return err.Error()
		}
		upOld, err := internal(old, false)
		if err != nil {
			return err.Error()
		}
		beforeCur, beforeOld := cur.DeepCopy(), old.DeepCopy()
		got := lines(daemon.ValidateUpdate(cur, old))
		if !reflect.DeepEqual(beforeCur, cur) || !reflect.DeepEqual(beforeOld, old) {
			return "ValidateUpdate changed its arguments:\n" + cmp.Diff(beforeCur, cur) + cmp.Diff(beforeOld, old)
		}
		return v.compare(upstreamErrors(dsregistry.Strategy.ValidateUpdate(context.Background(), upCur, upOld), cur), got)
	})
	v.log(t, "pairs of DaemonSets", 45)
}

// upstreamTable is what the API server and kubectl make of DaemonSets.
func upstreamTable(sets []*appsv1.DaemonSet, opts cliprinters.PrintOptions) (string, error) {
	list := &apps.DaemonSetList{}
	for _, ds := range sets {
		item := apps.DaemonSet{}
		if err := legacyscheme.Scheme.Convert(ds, &item, nil); err != nil {
			return "", err
		}
		list.Items = append(list.Items, item)
	}
	// The server sends the columns for -o wide in any case.
	generated, err := printers.NewTableGenerator().With(internalversion.AddHandlers).GenerateTable(list, printers.GenerateOptions{Wide: true})
	if err != nil {
		return "", err
	}
	var b bytes.Buffer
	w := cliprinters.GetNewTabWriter(&b)
	if err := cliprinters.NewTablePrinter(opts).PrintObj(generated, w); err != nil {
		return "", err
	}
	err = w.Flush()
	return b.String(), err
}

// TestTable compares kubectl.NewTable with kubectl get daemonsets.
func TestTable(t *testing.T) {
	tables := max(*objects/20, 1)
	rows := atomic.Int64{}
	// Upstream reads the clock, which stands still in here.
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		each(t, tables, func(g *generator) string {
			size := pick(g, 0, 1, 2, 5, 99, 100, 101, 250)
			var sets []*appsv1.DaemonSet
			for range size {
				ds := anySet(g)
				ds.CreationTimestamp = metav1.Time{}
				if !g.in(4) {
					span := pick(g, time.Minute, time.Hour, 24*time.Hour, 10_000*time.Hour, 100_000*time.Hour)
					age := time.Duration(g.Int64N(int64(span)))
					ds.CreationTimestamp = metav1.NewTime(now.Add(-pick(g, age, age, age.Truncate(time.Second), -age/1000)))
				}
				ds.Namespace = pick(g, "", "web", "kube-system", "monitoring", "längs")
				if size <= 100 && g.in(20) {
					ds.Namespace = pick(g, "two\nlines", "\x1b[31mred")
				}
				if size > 100 { // the deviation long-tables
					for i := range ds.Spec.Template.Spec.Containers {
						c := &ds.Spec.Template.Spec.Containers[i]
						c.Image = strings.NewReplacer("\n", "", "\r", "", "\f", "", "\x1b", "", "\t", "").Replace(c.Image)
					}
				}
				sets = append(sets, ds)
			}
			rows.Add(int64(size))
			table := kubectl.NewTable(sets, now)
			all := table
			all.AllNamespaces = true
			for _, view := range []struct {
				name string
				got  string
				opts cliprinters.PrintOptions
			}{
				{"narrow", table.String(), cliprinters.PrintOptions{}},
				{"wide", table.Wide(), cliprinters.PrintOptions{Wide: true}},
				{"narrow -A", all.String(), cliprinters.PrintOptions{WithNamespace: true}},
				{"wide -A", all.Wide(), cliprinters.PrintOptions{WithNamespace: true, Wide: true}},
			} {
				want, err := upstreamTable(sets, view.opts)
				if err != nil {
					return err.Error()
				}
				if want != view.got {
					return view.name + " table (-upstream +library):\n" + cmp.Diff(strings.Split(want, "\n"), strings.Split(view.got, "\n"))
				}
			}
			return ""
		})
	})
	t.Logf("%d tables, narrow and wide, with and without -A, with %d rows", tables, rows.Load())
}

// otherDeviation is a difference that is meant and has nothing to do with a pass,
// and what shows both behaviours.
type otherDeviation struct {
	Deviation
	show func(t *testing.T)
}

// otherDeviations are listed under "Deviations" in the package comment of
// daemon.
var otherDeviations = []otherDeviation{
	{Deviation{
		Name: "restart-policy", Upstream: "validateRestartPolicy@v1.37.2",
		Why: "upstream applies the defaults of pods before it validates; the library leaves them alone and takes an empty restartPolicy for Always",
	}, func(t *testing.T) {
		ds := plainSet()
		ds.Spec.Template.Spec.RestartPolicy = ""
		up := &apps.DaemonSet{}
		if err := legacyscheme.Scheme.Convert(ds, up, nil); err != nil {
			t.Fatal(err)
		}
		errs := dsregistry.Strategy.Validate(context.Background(), up)
		if !slices.ContainsFunc(errs, func(e *field.Error) bool { return e.Field == restartField }) {
			t.Errorf("upstream says %v, want something about %s", errs, restartField)
		}
		if errs := daemon.Validate(ds); errs != nil {
			t.Errorf("Validate = %v, want nil", errs)
		}
	}},
	{Deviation{
		Name: "selector", Upstream: "ValidateDaemonSetSpec@v1.37.2",
		Why: "upstream reports a missing selector as labels that do not match; the library as a missing selector",
	}, func(t *testing.T) {
		ds := plainSet()
		ds.Spec.Selector = nil
		up, err := internal(ds, false)
		if err != nil {
			t.Fatal(err)
		}
		errs := dsregistry.Strategy.Validate(context.Background(), up)
		if len(errs) != 1 || errs[0].Field != "spec.template.metadata.labels" {
			t.Errorf("upstream says %v, want one error about labels", errs)
		}
		if errs := daemon.Validate(ds); len(errs) != 1 || errs[0].Field != "spec.selector" || errs[0].Type != field.ErrorTypeRequired {
			t.Errorf("Validate = %v, want that spec.selector is required", errs)
		}
	}},
	{Deviation{
		Name: "surge-words", Upstream: "ValidateRollingUpdateDaemonSet@v1.37.2",
		Why: "upstream says that maxSurge may not be set; the library says the same, and that maxUnavailable has to be 0, which is not its default",
	}, func(t *testing.T) {
		ds := plainSet()
		ds.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxSurge: new(intstr.FromInt32(1))}
		up, err := internal(ds, true)
		if err != nil {
			t.Fatal(err)
		}
		upstream, library := dsregistry.Strategy.Validate(context.Background(), up), daemon.Validate(daemon.Default(ds))
		if len(upstream) != 1 || len(library) != 1 || library[0].Error() != upstream[0].Error()+"; set maxUnavailable: 0, its default is 1" {
			t.Errorf("upstream says %v, Validate = %v, want the same with what to set", upstream, library)
		}
	}},
	{Deviation{
		Name: "error-order", Upstream: "ValidateLabels@v0.37.2",
		Why: "upstream reports errors about the entries of a map in the order of Go's maps, which is random; the library sorts them",
	}, func(t *testing.T) {
		ds := plainSet()
		ds.Labels = map[string]string{"a b": "", "b c": "", "c d": "", "d e": ""}
		up, err := internal(ds, false)
		if err != nil {
			t.Fatal(err)
		}
		upstream, library := map[string]bool{}, map[string]bool{}
		for range 200 {
			upstream[fmt.Sprint(dsregistry.Strategy.Validate(context.Background(), up))] = true
			library[fmt.Sprint(daemon.Validate(ds))] = true
		}
		if len(upstream) < 2 || len(library) != 1 {
			t.Errorf("of 200 answers %d differ upstream and %d in the library, want at least 2 and 1", len(upstream), len(library))
		}
	}},
	{Deviation{
		Name: "revision-space", Upstream: "Match@v1.37.2",
		Why: "upstream compares the data of revisions as bytes; the library ignores white space between the tokens, because kubectl indents the data when it prints revisions",
	}, func(t *testing.T) {
		ds := plainSet()
		data, err := history.Data(&ds.Spec.Template)
		if err != nil {
			t.Fatal(err)
		}
		rev := &appsv1.ControllerRevision{}
		rev.Data.Raw = append([]byte(" "), data...)
		if matches, err := daemoncontroller.Match(ds, rev); matches || err != nil {
			t.Errorf("upstream's Match = %v, %v, want false", matches, err)
		}
		if matches, err := history.Matches(ds, rev); !matches || err != nil {
			t.Errorf("Matches = %v, %v, want true", matches, err)
		}
	}},
}

// plainSet is a DaemonSet without any fault.
func plainSet() *appsv1.DaemonSet {
	return daemon.Default(&appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: setName, UID: setUID, ResourceVersion: "1"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "a"}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "a"}},
				Spec: corev1.PodSpec{
					RestartPolicy: corev1.RestartPolicyAlways,
					Containers:    []corev1.Container{{Name: "c", Image: "image:v1"}},
				},
			},
		},
	})
}

// TestOtherDeviations shows what both sides do when they are meant to differ.
func TestOtherDeviations(t *testing.T) {
	for _, d := range slices.Concat(otherDeviations, kubectlDeviations) {
		t.Run(d.Name, d.show)
	}
}
