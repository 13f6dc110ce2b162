package diff

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
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

// differ collects the changes between two values. It walks structs, pointers and
// maps and records the first difference on every way down. Lists have rules of their
// own, see list.
type differ struct {
	mode    mode
	changes Changes
}

// compare returns the changes between what two pointers of one type point to.
func compare(m mode, old, cur any) Changes {
	if old == cur {
		return nil
	}
	d := &differ{mode: m}
	d.pair("", reflect.ValueOf(old).Elem(), reflect.ValueOf(cur).Elem())
	return d.changes
}

// walk records the changes between two values that differ. field is the field that
// they have come from; the zero field if they are none.
func (d *differ) walk(path string, field reflect.StructField, old, cur reflect.Value) {
	t := old.Type()
	switch {
	case t.Kind() == reflect.Pointer && !old.IsNil() && !cur.IsNil():
		d.walk(path, reflect.StructField{}, old.Elem(), cur.Elem())
	case t.Kind() == reflect.Struct && !t.Implements(jsonMarshaler):
		d.fields(path, old, cur)
	case t.Kind() == reflect.Map:
		d.entries(path, old, cur)
	case t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
		d.list(path, field, old, cur)
	default:
		d.record(path, present(old, field), present(cur, field))
	}
}

// jsonMarshaler is the type of those with a JSON form of their own. They are one value,
// and some have unexported fields.
var jsonMarshaler = reflect.TypeFor[json.Marshaler]()

// fields walks the fields of two structs.
func (d *differ) fields(path string, old, cur reflect.Value) {
	t := old.Type()
	for i := range t.NumField() {
		if old, cur := old.Field(i), cur.Field(i); !d.fieldEqual(t, i, old, cur) {
			field := t.Field(i)
			d.walk(fieldPath(path, field), field, old, cur)
		}
	}
}

// entries walks the entries of two maps.
func (d *differ) entries(path string, old, cur reflect.Value) {
	keys := old.MapKeys()
	for _, key := range cur.MapKeys() {
		if d.mode != modeDesired && !old.MapIndex(key).IsValid() {
			keys = append(keys, key)
		}
	}
	for _, key := range sortedKeys(keys) {
		path := keyPath(path, quoteKey(key.String()))
		switch old, cur := old.MapIndex(key), cur.MapIndex(key); {
		case !old.IsValid() || !cur.IsValid():
			d.record(path, old, cur)
		case !d.equal(old, cur):
			d.walk(path, reflect.StructField{}, old, cur)
		}
	}
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
		d.walk(path, reflect.StructField{}, old, cur)
	}
}
