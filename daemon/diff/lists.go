package diff

import (
	"reflect"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// list compares two lists that differ.
func (d *differ) list(path string, field reflect.StructField, old, cur reflect.Value) {
	elem := old.Type().Elem()
	switch oldKeys, curKeys, ok := entryKeys(field, old, cur); {
	case ok:
		d.keyed(path, old, cur, oldKeys, curKeys)
	case d.mode == modeDesired && extensible(elem):
		for _, i := range lacking(old, cur) {
			d.record(indexPath(path, i), old.Index(i), reflect.Value{})
		}
	case elem.Kind() != reflect.Struct && (old.Len() == 0 || cur.Len() == 0):
		d.record(path, nonEmpty(old), nonEmpty(cur))
	default:
		d.aligned(path, old, cur)
	}
}

// extensible reports whether admission adds entries to such lists, although they
// have no key: tolerations, and the requirements into which the API server turns
// matchLabelKeys (applyMatchLabelKeysAndMismatchLabelKeys@v1.37.2).
func extensible(entry reflect.Type) bool {
	return entry == reflect.TypeFor[corev1.Toleration]() || entry == reflect.TypeFor[metav1.LabelSelectorRequirement]()
}

func nonEmpty(list reflect.Value) reflect.Value {
	if list.Len() == 0 {
		return reflect.Value{}
	}
	return list
}

// keyed compares lists whose entries have keys, which are unique in each list.
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
		if j, ok := inCur[key]; ok {
			d.pair(keyPath(path, key), old.Index(i), cur.Index(j))
		} else {
			d.record(keyPath(path, key), old.Index(i), reflect.Value{})
		}
	}
	if d.mode == modeDesired {
		return
	}
	for i, key := range curKeys {
		if !inOld[key] {
			d.record(keyPath(path, key), reflect.Value{}, cur.Index(i))
		}
	}
}

// aligned compares lists by position. Equal entries are aligned, the
// entries between them are paired first with first.
func (d *differ) aligned(path string, old, cur reflect.Value) {
	oldEnd, curEnd, head := old.Len(), cur.Len(), 0
	for head < min(oldEnd, curEnd) && d.equal(old.Index(head), cur.Index(head)) {
		head++
	}
	for min(oldEnd, curEnd) > head && d.equal(old.Index(oldEnd-1), cur.Index(curEnd-1)) {
		oldEnd, curEnd = oldEnd-1, curEnd-1
	}
	matches := align(fingerprints(old.Slice(head, oldEnd)), fingerprints(cur.Slice(head, curEnd)))

	i, j := head, head
	for _, m := range append(matches, match{oldEnd - head, curEnd - head}) {
		oldTo, curTo := head+m.old, head+m.cur
		for ; i < oldTo && j < curTo; i, j = i+1, j+1 {
			d.pair(indexPath(path, j), old.Index(i), cur.Index(j))
		}
		for ; i < oldTo; i++ {
			d.record(indexPath(path, i), old.Index(i), reflect.Value{})
		}
		for ; j < curTo; j++ {
			d.record(indexPath(path, j), reflect.Value{}, cur.Index(j))
		}
		i, j = i+1, j+1
	}
}

// lacking returns the indices of the desired entries that a list does not have.
func lacking(desired, list reflect.Value) []int {
	exact := differ{mode: modeAll}
	var missing []int
	// Nearly all lists are short; a set of fingerprints pays for long ones only.
	if desired.Len()*list.Len() <= 1024 {
		for i := range desired.Len() {
			found := false
			for j := 0; j < list.Len() && !found; j++ {
				found = exact.equal(desired.Index(i), list.Index(j))
			}
			if !found {
				missing = append(missing, i)
			}
		}
		return missing
	}
	there := make(map[string]bool, list.Len())
	for _, f := range fingerprints(list) {
		there[f] = true
	}
	for i, f := range fingerprints(desired) {
		if !there[f] {
			missing = append(missing, i)
		}
	}
	return missing
}
