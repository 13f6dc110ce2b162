package diff

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"github.com/google/go-cmp/cmp"
)

// diffMode says which differences count.
type diffMode int

const (
	// diffAll counts every difference.
	diffAll diffMode = iota + 1
	// diffDesired takes the old value as what is desired and counts only where
	// the new one lacks or contradicts something that the old one sets. A field
	// with its zero value sets nothing.
	diffDesired
)

// differ collects the changes between two values. go-cmp walks structs,
// pointers and maps and reports where they part. Lists are taken out of its
// hands: it aligns them by position, guesses, and guesses differently from one
// run of a program to the next, while Kubernetes lists have keys.
type differ struct {
	mode    diffMode
	options cmp.Options
	changes Changes
}

// compare compares what two pointers of the same type point to.
func compare(mode diffMode, old, cur any) Changes {
	if old == cur {
		return nil
	}
	d := newDiffer(mode)
	d.pair("", reflect.ValueOf(old).Elem(), reflect.ValueOf(cur).Elem())
	return d.changes
}

func newDiffer(mode diffMode) *differ {
	d := &differ{mode: mode}
	d.options = cmp.Options{
		// This one first: where it applies the other is not asked.
		cmp.FilterPath(d.settled, cmp.Ignore()),
		cmp.FilterPath(opaque, cmp.Comparer(func(_, _ any) bool { return false })),
	}
	return d
}

// walk lets go-cmp compare what two pointers point to, which stand at the given
// path.
func (d *differ) walk(path string, old, cur any) {
	cmp.Equal(old, cur, d.options, cmp.Reporter(&reporter{differ: d, base: path}))
}

// settled tells go-cmp to look no further: there is nothing to report here.
func (d *differ) settled(path cmp.Path) bool {
	step := path.Last()
	old, cur := step.Values()
	switch step := step.(type) {
	case cmp.StructField:
		return d.fieldSettled(path.Index(-2).Type(), step.Index(), old, cur)
	case cmp.MapIndex:
		if !old.IsValid() {
			return d.mode == diffDesired
		}
		return cur.IsValid() && d.equal(old, cur)
	}
	return d.equal(old, cur)
}

// opaque tells go-cmp to report the value as a whole: lists, and types with a
// JSON form of their own, some of which have unexported fields.
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

// locate returns the path of the current step and, where the step is into a
// field of a struct, that field.
func (r *reporter) locate() (string, reflect.StructField) {
	path := r.base
	var field reflect.StructField
	for i, step := range r.steps {
		field = reflect.StructField{}
		switch step := step.(type) {
		case cmp.StructField:
			field = r.steps[i-1].Type().Field(step.Index())
			if name := jsonName(field); name != "" {
				if path != "" {
					path += "."
				}
				path += name
			}
		case cmp.MapIndex:
			path += mapKey(step.Key())
		}
	}
	return path, field
}

// present returns what JSON would hold: the value that a pointer points to, and
// nothing for a nil pointer and for a zero value that is omitted.
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

// record notes one change. An invalid value means that there is none.
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
// look into those.
func (d *differ) entries(path string, old, cur reflect.Value) {
	keys := append(old.MapKeys(), cur.MapKeys()...)
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		d.record(path+mapKey(key), old.MapIndex(key), cur.MapIndex(key))
	}
}

// pair compares two entries of a list that stand for the same thing.
func (d *differ) pair(path string, old, cur reflect.Value) {
	if !d.equal(old, cur) {
		d.walk(path, old.Addr().Interface(), cur.Addr().Interface())
	}
}

// list compares two lists that differ.
func (d *differ) list(path string, field reflect.StructField, old, cur reflect.Value) {
	elem := old.Type().Elem()
	switch oldKeys, curKeys, ok := entryKeys(field, old, cur); {
	case ok:
		d.keyed(path, old, cur, oldKeys, curKeys)
	case d.mode == diffDesired && extensible(elem):
		for i := range old.Len() {
			if !contains(cur, old.Index(i)) {
				d.record(indexed(path, i), old.Index(i), reflect.Value{})
			}
		}
	case elem.Kind() != reflect.Struct && (old.Len() == 0 || cur.Len() == 0):
		d.record(path, nonEmpty(old), nonEmpty(cur))
	default:
		d.aligned(path, old, cur)
	}
}

func nonEmpty(list reflect.Value) reflect.Value {
	if list.Len() == 0 {
		return reflect.Value{}
	}
	return list
}

// keyed compares lists whose entries have keys, which are unique in each.
func (d *differ) keyed(path string, old, cur reflect.Value, oldKeys, curKeys []string) {
	inOld := make(map[string]bool, len(oldKeys))
	for _, key := range oldKeys {
		inOld[key] = true
	}
	inCur := make(map[string]int, len(curKeys))
	var curCommon []string
	for i, key := range curKeys {
		inCur[key] = i
		if inOld[key] {
			curCommon = append(curCommon, key)
		}
	}
	var oldCommon []string
	for _, key := range oldKeys {
		if _, ok := inCur[key]; ok {
			oldCommon = append(oldCommon, key)
		}
	}
	if !slices.Equal(oldCommon, curCommon) {
		d.changes = append(d.changes, Change{Op: OpReorder, Path: path, Old: oldCommon, New: curCommon})
	}
	for i, key := range oldKeys {
		at := path + "[" + key + "]"
		if j, ok := inCur[key]; ok {
			d.pair(at, old.Index(i), cur.Index(j))
		} else {
			d.record(at, old.Index(i), reflect.Value{})
		}
	}
	if d.mode == diffDesired {
		return
	}
	for i, key := range curKeys {
		if !inOld[key] {
			d.record(path+"["+key+"]", reflect.Value{}, cur.Index(i))
		}
	}
}

// aligned compares lists without keys: what is equal in both stays put, and what
// lies between is paired in order.
func (d *differ) aligned(path string, old, cur reflect.Value) {
	equal := func(i, j int) bool { return d.equal(old.Index(i), cur.Index(j)) }
	before := func(i, j int) bool {
		return valueText(old.Index(i).Interface()) < valueText(cur.Index(j).Interface())
	}
	for _, p := range align(old.Len(), cur.Len(), equal, before) {
		switch {
		case p.cur < 0:
			d.record(indexed(path, p.old), old.Index(p.old), reflect.Value{})
		case p.old < 0:
			d.record(indexed(path, p.cur), reflect.Value{}, cur.Index(p.cur))
		default:
			d.pair(indexed(path, p.cur), old.Index(p.old), cur.Index(p.cur))
		}
	}
}
