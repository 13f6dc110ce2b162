package diff

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// leaf is one value somewhere in a template.
type leaf struct {
	// path has empty brackets.
	path string
	// kind says what holds the value.
	kind  leafKind
	value reflect.Value
	set   func(reflect.Value)
}

type leafKind int

const (
	inField leafKind = iota + 1
	inPointer
	inMap
	inList
)

// fill gives every field of the API a value that is not zero, every list and
// map one entry.
func fill(v reflect.Value) {
	switch p := v.Addr().Interface().(type) {
	case *metav1.Time:
		*p = metav1.NewTime(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
		return
	case *resource.Quantity:
		*p = resource.MustParse("3")
		return
	case *intstr.IntOrString:
		*p = intstr.FromInt32(3)
		return
	case *metav1.FieldsV1:
		if err := p.UnmarshalJSON([]byte(`{"f:a":{}}`)); err != nil {
			panic(err)
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(3)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		entry := reflect.New(v.Type().Elem()).Elem()
		fill(entry)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("k").Convert(v.Type().Key()), entry)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	default:
		panic("no value for " + v.Type().String())
	}
}

// leaves calls visit for every value that has no parts.
func leaves(v reflect.Value, path string, kind leafKind, visit func(leaf)) {
	_, marshaler := v.Interface().(json.Marshaler)
	switch {
	case marshaler && v.Kind() == reflect.Struct:
	case v.Kind() == reflect.Pointer:
		leaves(v.Elem(), path, inPointer, visit)
		return
	case v.Kind() == reflect.Slice:
		leaves(v.Index(0), path+"[]", inList, visit)
		return
	case v.Kind() == reflect.Map:
		key := v.MapKeys()[0]
		visit(leaf{path + "[]", inMap, v.MapIndex(key), func(value reflect.Value) { v.SetMapIndex(key, value) }})
		return
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			at := path
			field := v.Type().Field(i)
			if name, _, _ := strings.Cut(field.Tag.Get("json"), ","); name != "" {
				at = strings.TrimPrefix(path+"."+name, ".")
			}
			leaves(v.Field(i), at, inField, visit)
		}
		return
	}
	visit(leaf{path, kind, v, v.Set})
}

func otherValue(v reflect.Value) reflect.Value {
	other := reflect.New(v.Type()).Elem()
	switch p := other.Addr().Interface().(type) {
	case *metav1.Time:
		*p = metav1.NewTime(time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC))
	case *resource.Quantity:
		*p = resource.MustParse("4")
	case *intstr.IntOrString:
		*p = intstr.FromString("other")
	case *metav1.FieldsV1:
		if err := p.UnmarshalJSON([]byte(`{"f:b":{}}`)); err != nil {
			panic(err)
		}
	default:
		switch v.Kind() {
		case reflect.String:
			other.SetString("other")
		case reflect.Int32, reflect.Int64:
			other.SetInt(4)
		}
	}
	return other
}

var brackets = regexp.MustCompile(`\[[^\]]*\]`)

// TestEveryField changes every single field of the API, one at a time: each
// must be found, in its place, and nothing else.
func TestEveryField(t *testing.T) {
	full := &corev1.PodTemplateSpec{}
	fill(reflect.ValueOf(full).Elem())
	work := full.DeepCopy()
	if changes := Templates(full, work); len(changes) > 0 {
		t.Fatalf("Templates of equal templates = %v, want none", changes)
	}
	count := 0
	leaves(reflect.ValueOf(work).Elem(), "", inField, func(l leaf) {
		count++
		before := reflect.New(l.value.Type()).Elem()
		before.Set(l.value)
		for _, value := range []reflect.Value{otherValue(before), reflect.Zero(before.Type())} {
			l.set(value)
			changes := Templates(full, work)
			if fingerprintOf(full) == fingerprintOf(work) {
				t.Errorf("change of %s to %v leaves the fingerprint as it is", l.path, value)
			}
			l.set(before)
			switch {
			case len(changes) == 1:
				c := changes[0]
				if got := brackets.ReplaceAllString(c.Path, "[]"); got != l.path {
					t.Errorf("change of %s is reported at %s", l.path, c.Path)
				}
				if c.Old == nil || !equality.Semantic.DeepEqual(c.Old, before.Interface()) || c.New != nil && !equality.Semantic.DeepEqual(c.New, value.Interface()) {
					t.Errorf("change of %s from %v to %v is reported as %v", l.path, before, value, c)
				}
			case len(changes) == 2 && changes[0].Op == OpRemove && changes[1].Op == OpAdd && changes[0].Path != changes[1].Path:
				// A field that is part of a key: another entry.
				for _, c := range changes {
					at := brackets.ReplaceAllString(c.Path, "[]")
					if rest, ok := strings.CutPrefix(l.path, at); !ok || strings.Contains(rest, "[") {
						t.Errorf("change of the key %s is reported at %s", l.path, c.Path)
					}
				}
			default:
				t.Errorf("change of %s to %v is reported as %d changes:\n%v", l.path, value, len(changes), changes)
			}
		}
	})
	if count < 500 {
		t.Errorf("looked at %d fields, want the whole API", count)
	}
}

// TestDriftEveryField takes every single field of labels, annotations and spec:
// a pod that has another value has drifted, and a desired pod that does not set
// the field has nothing against any value.
func TestDriftEveryField(t *testing.T) {
	want := &corev1.Pod{}
	fill(reflect.ValueOf(&want.Spec).Elem())
	want.Spec.SchedulingGates = nil
	want.Labels = map[string]string{"a": "b"}
	want.Annotations = map[string]string{"c": "d"}
	got := want.DeepCopy()
	if changes := drift(want, got); len(changes) > 0 {
		t.Fatalf("drift of equal pods = %v, want none", changes)
	}
	visit := func(l leaf) {
		before := reflect.New(l.value.Type()).Elem()
		before.Set(l.value)

		l.set(otherValue(before))
		changes := drift(want, got)
		swapped := drift(got, want)
		l.set(before)
		if len(changes) == 0 {
			// A bool that is false in the desired pod is not set there.
			t.Errorf("drift of %s: none, want some", l.path)
		}
		unset := l.kind == inField && before.Kind() == reflect.Bool
		if unset != (len(swapped) == 0) {
			t.Errorf("drift from another %s = %v", l.path, swapped)
		}

		if l.kind != inField || !optional(l.path) {
			return
		}
		l.set(reflect.Zero(before.Type()))
		changes = drift(got, want)
		l.set(before)
		if len(changes) > 0 {
			t.Errorf("drift where %s is not desired = %v, want none", l.path, changes)
		}
	}
	for i := range got.Spec.Containers {
		leaves(reflect.ValueOf(&got.Spec.Containers[i]).Elem(), "containers[]", inField, visit)
	}
	leaves(reflect.ValueOf(&got.Labels).Elem(), "labels", inField, visit)
	leaves(reflect.ValueOf(&got.Annotations).Elem(), "annotations", inField, visit)
	got.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "x"}}
	leaves(reflect.ValueOf(&got.Spec).Elem(), "", inField, func(l leaf) {
		if !strings.HasPrefix(l.path, "schedulingGates") {
			visit(l)
		}
	})
}

// optional reports whether an entry of a list is the same one without the field.
func optional(path string) bool {
	if strings.HasPrefix(path, "tolerations[]") || strings.Contains(path, "atchExpressions[].") && !strings.Contains(path, "nodeAffinity") {
		return false // these are all or nothing
	}
	for _, key := range []string{
		"ontainers[].name", "volumes[].name", "env[].name", "imagePullSecrets[].name", "claims[].name", "resourceClaims[].name",
		"ports[].containerPort", "ports[].protocol", "volumeMounts[].mountPath", "volumeDevices[].devicePath", "hostAliases[].ip",
		"topologySpreadConstraints[].topologyKey", "topologySpreadConstraints[].whenUnsatisfiable", "evictionResponders[].name",
	} {
		if strings.HasSuffix(path, key) {
			return false
		}
	}
	return true
}
