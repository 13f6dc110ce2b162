package diff

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// mode selects the differences that count.
type mode int

const (
	// modeAll: every difference counts.
	modeAll mode = iota + 1
	// modeDesired: the old value is what is desired. A difference counts if the
	// new value lacks or contradicts something that the old one sets. A field with
	// its zero value sets nothing.
	modeDesired
)

// differ collects the changes between two values. go-cmp walks structs, pointers
// and maps and reports the first difference on every way down. It does not walk
// lists: it would align them by position, and not in the same way in every run of
// a program, while Kubernetes lists have keys.
type differ struct {
	mode    mode
	options cmp.Options
	changes Changes
}

// compare returns the changes between what two pointers of one type point to.
func compare(m mode, old, cur any) Changes {
	if old == cur {
		return nil
	}
	d := newDiffer(m)
	d.pair("", reflect.ValueOf(old).Elem(), reflect.ValueOf(cur).Elem())
	return d.changes
}

func newDiffer(m mode) *differ {
	d := &differ{mode: m}
	d.options = cmp.Options{
		// An ignored value is not looked at by the comparer.
		cmp.FilterPath(d.settled, cmp.Ignore()),
		cmp.FilterPath(opaque, cmp.Comparer(func(_, _ any) bool { return false })),
	}
	return d
}

// walk lets go-cmp compare what two pointers point to, at the given path.
func (d *differ) walk(path string, old, cur any) {
	cmp.Equal(old, cur, d.options, cmp.Reporter(&reporter{differ: d, base: path}))
}

// settled makes go-cmp ignore what has nothing to report.
func (d *differ) settled(path cmp.Path) bool {
	step := path.Last()
	old, cur := step.Values()
	switch step := step.(type) {
	case cmp.StructField:
		return d.fieldEqual(path.Index(-2).Type(), step.Index(), old, cur)
	case cmp.MapIndex:
		if !old.IsValid() {
			return d.mode == modeDesired
		}
		return cur.IsValid() && d.equal(old, cur)
	}
	return d.equal(old, cur)
}

// opaque makes go-cmp report the value as a whole: lists, and types with a JSON
// form of their own, some of which have unexported fields.
func opaque(path cmp.Path) bool {
	t := path.Last().Type()
	return t.Kind() == reflect.Slice || t.Kind() == reflect.Struct && t.Implements(jsonMarshaler)
}

var jsonMarshaler = reflect.TypeFor[json.Marshaler]()

// reporter turns go-cmp's steps into changes.
type reporter struct {
	differ *differ
	base   string
	steps  cmp.Path
}

func (r *reporter) PushStep(step cmp.PathStep) { r.steps = append(r.steps, step) }
func (r *reporter) PopStep()                   { r.steps = r.steps[:len(r.steps)-1] }

func (r *reporter) Report(result cmp.Result) {
	if result.Equal() {
		return
	}
	path, field := r.locate()
	old, cur := r.steps.Last().Values()
	switch t := r.steps.Last().Type(); {
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		r.differ.list(path, field, old, cur)
	case t.Kind() == reflect.Map:
		r.differ.entries(path, old, cur)
	default:
		r.differ.record(path, present(old, field), present(cur, field))
	}
}

// locate returns the path of the current step, and the field if the step is one
// into a struct.
func (r *reporter) locate() (string, reflect.StructField) {
	path := r.base
	var field reflect.StructField
	for i, step := range r.steps {
		field = reflect.StructField{}
		switch step := step.(type) {
		case cmp.StructField:
			field = r.steps[i-1].Type().Field(step.Index())
			path = fieldPath(path, field)
		case cmp.MapIndex:
			path = keyPath(path, quoteKey(step.Key().String()))
		}
	}
	return path, field
}

// present returns the value that JSON would hold: that of a pointer, and none for
// a nil pointer and for a zero value that is omitted.
func present(v reflect.Value, field reflect.StructField) reflect.Value {
	if !v.IsValid() {
		return v
	}
	if v.Kind() == reflect.Pointer {
		return v.Elem()
	}
	_, options, _ := strings.Cut(field.Tag.Get("json"), ",")
	if strings.Contains(options, "omit") && v.IsZero() {
		return reflect.Value{}
	}
	return v
}

// record adds one change. An invalid reflect.Value is no value.
func (d *differ) record(path string, old, cur reflect.Value) {
	change := Change{Path: path}
	switch {
	case !old.IsValid() && !cur.IsValid():
		return
	case !old.IsValid():
		change.Op, change.New = OpAdd, cur.Interface()
	case !cur.IsValid():
		change.Op, change.Old = OpRemove, old.Interface()
	default:
		change.Op, change.Old, change.New = OpReplace, old.Interface(), cur.Interface()
	}
	d.changes = append(d.changes, change)
}

// entries records the entries of two maps one of which is nil: go-cmp does not
// walk those.
func (d *differ) entries(path string, old, cur reflect.Value) {
	for _, key := range sortedKeys(append(old.MapKeys(), cur.MapKeys()...)) {
		d.record(keyPath(path, quoteKey(key.String())), old.MapIndex(key), cur.MapIndex(key))
	}
}

// sortedKeys sorts the keys of a map, which are strings in the whole API.
func sortedKeys(keys []reflect.Value) []reflect.Value {
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	return keys
}

// pair compares two values that have the same place.
func (d *differ) pair(path string, old, cur reflect.Value) {
	switch {
	case d.equal(old, cur):
	case old.Kind() == reflect.String:
		d.record(path, old, cur) // as a walk would, at less cost
	default:
		d.walk(path, old.Addr().Interface(), cur.Addr().Interface())
	}
}
