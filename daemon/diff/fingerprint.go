package diff

import (
	"encoding/binary"
	"reflect"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// fingerprints returns the fingerprint of each entry of a list.
func fingerprints(list reflect.Value) []string {
	prints := make([]string, list.Len())
	var buf []byte
	for i := range prints {
		buf = appendFingerprint(buf[:0], list.Index(i))
		prints[i] = string(buf)
	}
	return prints
}

// appendFingerprint appends bytes that two values of one type share exactly if
// they are equal in modeAll.
func appendFingerprint(buf []byte, v reflect.Value) []byte {
	switch v.Kind() {
	case reflect.String:
		return appendText(buf, v.String())
	case reflect.Bool:
		if v.Bool() {
			return append(buf, 1)
		}
		return append(buf, 0)
	case reflect.Pointer:
		if v.IsNil() {
			return append(buf, 0)
		}
		return appendFingerprint(append(buf, 1), v.Elem())
	case reflect.Map:
		keys := sortedKeys(v.MapKeys())
		buf = binary.AppendUvarint(buf, uint64(len(keys)))
		for _, key := range keys {
			buf = appendFingerprint(appendText(buf, key.String()), v.MapIndex(key))
		}
		return buf
	case reflect.Slice:
		buf = binary.AppendUvarint(buf, uint64(v.Len()))
		for i := range v.Len() {
			buf = appendFingerprint(buf, v.Index(i))
		}
		return buf
	case reflect.Struct:
		return appendStruct(buf, v)
	}
	switch {
	case v.CanInt():
		return binary.AppendVarint(buf, v.Int())
	case v.CanUint():
		return binary.AppendUvarint(buf, v.Uint())
	}
	return appendText(buf, valueText(v.Interface()))
}

func appendStruct(buf []byte, v reflect.Value) []byte {
	switch v.Type() {
	case quantityType:
		// Only the amount counts, so the format has to be the same.
		q := *value[resource.Quantity](v)
		q.Format = resource.DecimalExponent
		number, suffix := q.CanonicalizeBytes(nil)
		return appendText(appendText(buf, string(number)), string(suffix))
	case timeType:
		t := value[metav1.Time](v)
		return binary.AppendVarint(binary.AppendVarint(buf, t.Unix()), int64(t.Nanosecond()))
	case intOrStringType:
		p := value[intstr.IntOrString](v)
		buf = binary.AppendVarint(buf, int64(p.Type))
		if p.Type == intstr.Int {
			return binary.AppendVarint(buf, int64(p.IntVal))
		}
		return appendText(buf, p.StrVal)
	case fieldsType:
		return appendText(buf, value[metav1.FieldsV1](v).GetRawString())
	}
	for i := range v.NumField() {
		buf = appendFingerprint(buf, v.Field(i))
	}
	return buf
}

// appendText appends a text behind its length.
func appendText(buf []byte, text string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(text))), text...)
}
