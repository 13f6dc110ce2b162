package diff

import (
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// equal reports whether two values have no difference that counts. In modeAll it
// agrees with equality.Semantic@v0.37.2, except that it ignores the half of an
// IntOrString that its type does not select. In modeDesired it reports whether the
// new value has all that the old one sets. It is cheap enough for every step of a
// walk.
func (d *differ) equal(old, cur reflect.Value) bool {
	switch old.Kind() {
	case reflect.String:
		return old.String() == cur.String()
	case reflect.Bool:
		return old.Bool() == cur.Bool()
	case reflect.Pointer:
		if old.IsNil() || cur.IsNil() {
			return old.IsNil() && cur.IsNil()
		}
		return old.Pointer() == cur.Pointer() || d.equal(old.Elem(), cur.Elem())
	case reflect.Map:
		return d.equalMaps(old, cur)
	case reflect.Slice:
		return d.equalEntries(old, cur)
	case reflect.Struct:
		return d.equalStructs(old, cur)
	}
	if old.CanInt() {
		return old.Int() == cur.Int()
	}
	return old.Equal(cur)
}

func (d *differ) equalStructs(old, cur reflect.Value) bool {
	t := old.Type()
	switch t {
	case quantityType:
		return d.equalQuantities(value[resource.Quantity](old), value[resource.Quantity](cur))
	case timeType:
		return value[metav1.Time](old).Equal(value[metav1.Time](cur))
	case intOrStringType:
		a, b := value[intstr.IntOrString](old), value[intstr.IntOrString](cur)
		return a.Type == b.Type && (a.Type == intstr.Int && a.IntVal == b.IntVal || a.Type != intstr.Int && a.StrVal == b.StrVal)
	case fieldsType:
		return value[metav1.FieldsV1](old).Equal(*value[metav1.FieldsV1](cur))
	}
	for i := range old.NumField() {
		if !d.fieldEqual(t, i, old.Field(i), cur.Field(i)) {
			return false
		}
	}
	return true
}

var (
	quantityType    = reflect.TypeFor[resource.Quantity]()
	timeType        = reflect.TypeFor[metav1.Time]()
	intOrStringType = reflect.TypeFor[intstr.IntOrString]()
	fieldsType      = reflect.TypeFor[metav1.FieldsV1]()
)

// value returns a pointer to the value in v, or to a copy if v has no address.
func value[T any](v reflect.Value) *T {
	if v.CanAddr() {
		return v.Addr().Interface().(*T)
	}
	value := v.Interface().(T)
	return &value
}

func (d *differ) equalQuantities(old, cur *resource.Quantity) bool {
	// Equal works on a copy of old; Cmp may rewrite it.
	if old.Equal(*cur) {
		return true
	}
	if d.mode != modeDesired {
		return false
	}
	// The API server rounds up to a thousandth (SetDefaults_ResourceList@v1.37.2).
	rounded := old.DeepCopy()
	rounded.RoundUp(resource.Milli)
	return rounded.Equal(*cur)
}

// fieldEqual is equal for the field of a struct of type t.
func (d *differ) fieldEqual(t reflect.Type, field int, old, cur reflect.Value) bool {
	if d.mode != modeDesired {
		return d.equal(old, cur)
	}
	switch old.Kind() {
	case reflect.Map:
		return d.equalMaps(old, cur)
	case reflect.Slice:
		return old.Len() == 0 || d.hasEntries(t.Field(field), old, cur)
	}
	return old.IsZero() || d.equal(old, cur)
}

func (d *differ) equalMaps(old, cur reflect.Value) bool {
	if d.mode != modeDesired && old.Len() != cur.Len() {
		return false
	}
	for entries := old.MapRange(); entries.Next(); {
		other := cur.MapIndex(entries.Key())
		if !other.IsValid() || !d.equal(entries.Value(), other) {
			return false
		}
	}
	return true
}

func (d *differ) equalEntries(old, cur reflect.Value) bool {
	if old.Len() != cur.Len() {
		return false
	}
	for i := range old.Len() {
		if !d.equal(old.Index(i), cur.Index(i)) {
			return false
		}
	}
	return true
}

// hasEntries reports whether the new list has what the desired one sets, by the
// rules of list.
func (d *differ) hasEntries(field reflect.StructField, old, cur reflect.Value) bool {
	if oldKeys, curKeys, ok := entryKeys(field, old, cur); ok {
		last := -1
		for i, key := range oldKeys {
			ahead := slices.Index(curKeys[last+1:], key)
			if ahead < 0 {
				return false // missing or reordered
			}
			last += 1 + ahead
			if !d.equal(old.Index(i), cur.Index(last)) {
				return false
			}
		}
		return true
	}
	if !extensible(old.Type().Elem()) {
		return d.equalEntries(old, cur)
	}
	return len(lacking(old, cur)) == 0
}
