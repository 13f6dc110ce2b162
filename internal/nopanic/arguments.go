package nopanic

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// arguments makes values of any type.
type arguments struct {
	rand *rand.Rand
	// types are the library's. They stand in for the interfaces they implement.
	types []reflect.Type
	// results are what calls returned, by type.
	results map[reflect.Type][]reflect.Value
}

// filling says how a value is filled.
type filling struct {
	// depth is how many pointers, slices and maps are followed, one inside the other.
	// A slice at the last level has a zero element.
	depth int
	// scalars are set to something, for instance strings to "x" everywhere, so that
	// names, labels and selectors go together.
	scalars bool
	// negative numbers, if scalars are set.
	negative bool
	// living objects are not being deleted.
	living bool
	// random chooses for each part whether and how it is filled.
	random bool
}

// fillings are tried for every argument, from nothing to everything.
var fillings = []filling{
	{},
	{depth: 1},
	{depth: 2},
	{depth: 1, scalars: true},
	{depth: 2, scalars: true, living: true},
	{depth: 3, scalars: true, negative: true},
	{depth: 3},
	{depth: 4, scalars: true, living: true},
	{depth: 5, scalars: true},
}

// known are values of types that are more than the sum of their fields, or whose
// values have to be one of a few. The first is used if nothing is random.
var known = map[reflect.Type][]any{
	reflect.TypeFor[time.Time]():                          {noon, time.Time{}, noon.Add(-time.Hour), noon.Add(time.Minute)},
	reflect.TypeFor[resource.Quantity]():                  {resource.MustParse("1"), resource.Quantity{}},
	reflect.TypeFor[intstr.IntOrString]():                 {intstr.FromInt32(1), intstr.FromString("50%"), intstr.FromString("x"), intstr.IntOrString{}, intstr.FromInt32(-1)},
	reflect.TypeFor[appsv1.DaemonSetUpdateStrategyType](): {appsv1.RollingUpdateDaemonSetStrategyType, appsv1.OnDeleteDaemonSetStrategyType, appsv1.DaemonSetUpdateStrategyType("")},
	reflect.TypeFor[corev1.TaintEffect]():                 {corev1.TaintEffectNoSchedule, corev1.TaintEffectNoExecute, corev1.TaintEffect("")},
	reflect.TypeFor[corev1.TolerationOperator]():          {corev1.TolerationOpExists, corev1.TolerationOpEqual, corev1.TolerationOpGt, corev1.TolerationOperator("x")},
	reflect.TypeFor[corev1.NodeSelectorOperator]():        {corev1.NodeSelectorOpIn, corev1.NodeSelectorOpGt, corev1.NodeSelectorOpExists, corev1.NodeSelectorOperator("x")},
	reflect.TypeFor[metav1.LabelSelectorOperator]():       {metav1.LabelSelectorOpIn, metav1.LabelSelectorOpExists, metav1.LabelSelectorOperator("x")},
	reflect.TypeFor[corev1.PodPhase]():                    {corev1.PodRunning, corev1.PodPending, corev1.PodFailed, corev1.PodSucceeded},
	reflect.TypeFor[corev1.PodConditionType]():            {corev1.PodReady, corev1.PodScheduled, corev1.PodConditionType("x")},
	reflect.TypeFor[corev1.NodeConditionType]():           {corev1.NodeReady, corev1.NodeConditionType("x")},
	reflect.TypeFor[corev1.ConditionStatus]():             {corev1.ConditionTrue, corev1.ConditionFalse, corev1.ConditionUnknown, corev1.ConditionStatus("")},
	reflect.TypeFor[testing.TB]():                         {recorder{}},
	// JSON of a revision, of anything, of nothing.
	reflect.TypeFor[[]byte](): {
		[]byte(`{"spec":{"template":{"$patch":"replace","metadata":{"labels":{"x":"x"}}}}}`),
		[]byte(`{"spec":{"template":{"spec":{"containers":[null]}}}}`), []byte(`{}`), []byte(`null`), []byte(`x`), []byte(nil),
	},
}

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

// candidates are the arguments of one type that are tried in combination.
func (a *arguments) candidates(t reflect.Type) []reflect.Value {
	var out []reflect.Value
	add := func(v reflect.Value) {
		// Equal values of simple types need not be tried twice.
		if t.Comparable() && t.Kind() != reflect.Pointer && t.Kind() != reflect.Interface &&
			slices.ContainsFunc(out, func(o reflect.Value) bool { return o.Equal(v) }) {
			return
		}
		out = append(out, v)
	}
	if t.Kind() != reflect.Interface || known[t] == nil {
		add(reflect.Zero(t))
	}
	for _, f := range fillings {
		add(a.fill(t, f))
	}
	switch {
	case reflect.Int <= t.Kind() && t.Kind() <= reflect.Int64 && t.PkgPath() != "":
		// An enumeration, or a time.
		add(reflect.ValueOf(math.MaxInt8).Convert(t))
	}
	for _, v := range a.results[t] {
		add(v)
	}
	return out
}

// fill makes a value.
func (a *arguments) fill(t reflect.Type, f filling) reflect.Value {
	v := reflect.New(t).Elem()
	a.fillIn(v, f)
	return v
}

func (a *arguments) fillIn(v reflect.Value, f filling) {
	t := v.Type()
	if values := known[t]; values != nil && (f.scalars || t.Kind() == reflect.Interface) {
		i := 0
		if f.random {
			i = a.rand.IntN(len(values))
		}
		v.Set(reflect.ValueOf(values[i]))
		return
	}
	if results := a.results[t]; f.random && len(results) > 0 && a.rand.IntN(2) == 0 {
		v.Set(results[a.rand.IntN(len(results))])
		return
	}
	deeper := f
	deeper.depth--
	// If the choice is random, half of what may be nil is.
	leave := f.depth <= 0 || f.random && a.rand.IntN(2) == 0
	switch t.Kind() {
	case reflect.Struct:
		for i := range t.NumField() {
			field := t.Field(i)
			if !field.IsExported() || f.living && field.Name == "DeletionTimestamp" {
				continue
			}
			a.fillIn(v.Field(i), f)
		}
	case reflect.Array:
		for i := range v.Len() {
			a.fillIn(v.Index(i), f)
		}
	case reflect.Pointer:
		if !leave {
			v.Set(reflect.New(t.Elem()))
			a.fillIn(v.Elem(), deeper)
		}
	case reflect.Slice:
		if !leave {
			n := 1
			if f.random {
				n += a.rand.IntN(3)
			}
			v.Set(reflect.MakeSlice(t, n, n))
			for i := range n {
				a.fillIn(v.Index(i), deeper)
			}
		}
	case reflect.Map:
		if !leave {
			v.Set(reflect.MakeMap(t))
			v.SetMapIndex(a.fill(t.Key(), deeper), a.fill(t.Elem(), deeper))
		}
	case reflect.Func:
		if !leave {
			v.Set(reflect.MakeFunc(t, returnZeros(t)))
		}
	case reflect.Interface:
		if !leave {
			a.implement(v, deeper)
		}
	default:
		if f.scalars {
			a.fillScalar(v, f)
		}
	}
}

// implement sets an interface to a value of the library that implements it.
func (a *arguments) implement(v reflect.Value, f filling) {
	var fit []reflect.Type
	for _, t := range a.types {
		for _, t := range []reflect.Type{t, reflect.PointerTo(t)} {
			if t.Implements(v.Type()) {
				fit = append(fit, t)
			}
		}
	}
	if v.Type().NumMethod() == 0 {
		fit = []reflect.Type{reflect.TypeFor[string](), reflect.TypeFor[*corev1.Pod]()}
	}
	switch {
	case len(fit) == 0:
	case f.random:
		v.Set(a.fill(fit[a.rand.IntN(len(fit))], f))
	default:
		v.Set(a.fill(fit[0], f))
	}
}

func (a *arguments) fillScalar(v reflect.Value, f filling) {
	number, text := int64(1), "x"
	if f.negative {
		number = -1
	}
	if f.random {
		number = []int64{0, 1, 1, 1, 2, 3, -1}[a.rand.IntN(7)]
		if strings.HasPrefix(v.Type().PkgPath(), modulePath) {
			number = a.rand.Int64N(12) - 1 // an enumeration
		}
		text = []string{"x", "x", "x", "x", "x", "x", "y", "", "1"}[a.rand.IntN(9)]
	}
	switch {
	case v.Kind() == reflect.Bool:
		v.SetBool(!f.random || a.rand.IntN(2) == 0)
	case v.Kind() == reflect.String:
		v.SetString(text)
	case v.CanInt():
		if f.random && v.Type().PkgPath() == "" && v.Kind() != reflect.Int && a.rand.IntN(8) == 0 {
			number = math.MaxInt64
			if v.OverflowInt(number) {
				number = math.MaxInt32
			}
		}
		if !v.OverflowInt(number) {
			v.SetInt(number)
		}
	case v.CanUint():
		v.SetUint(uint64(max(number, 0)))
	case v.CanFloat():
		v.SetFloat(float64(number))
	}
}

func returnZeros(t reflect.Type) func([]reflect.Value) []reflect.Value {
	return func([]reflect.Value) []reflect.Value {
		out := make([]reflect.Value, t.NumOut())
		for i := range out {
			out[i] = reflect.Zero(t.Out(i))
		}
		return out
	}
}

// keep is how many results of one type are kept.
const keep = 6

// learn keeps a result, and what is in it, as an argument of later calls.
func (a *arguments) learn(v reflect.Value, wanted map[reflect.Type]bool, depth int) {
	if depth < 0 || !v.IsValid() || v.IsZero() {
		return
	}
	if t := v.Type(); wanted[t] {
		if kept := a.results[t]; len(kept) < keep {
			a.results[t] = append(kept, v)
		} else {
			kept[a.rand.IntN(keep)] = v
		}
	}
	switch v.Kind() {
	case reflect.Interface:
		a.learn(v.Elem(), wanted, depth-1)
	case reflect.Pointer:
		if elem := v.Elem(); opaque(elem.Type()) {
			a.learnFields(elem, wanted, depth-1) // it must not be copied
		} else {
			a.learn(elem, wanted, depth-1)
		}
	case reflect.Struct:
		a.learnFields(v, wanted, depth-1)
	case reflect.Slice:
		for i := range min(v.Len(), 3) {
			a.learn(v.Index(i), wanted, depth-1)
		}
	}
}

func (a *arguments) learnFields(v reflect.Value, wanted map[reflect.Type]bool, depth int) {
	for i := range v.NumField() {
		if v.Type().Field(i).IsExported() {
			a.learn(v.Field(i), wanted, depth)
		}
	}
}

// opaque reports whether a type is a struct with unexported fields.
func opaque(t reflect.Type) bool {
	if t.Kind() != reflect.Struct {
		return false
	}
	for i := range t.NumField() {
		if !t.Field(i).IsExported() {
			return true
		}
	}
	return false
}
