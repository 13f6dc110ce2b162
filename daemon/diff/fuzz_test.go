package diff

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
)

// FuzzTemplates compares two templates decoded from arbitrary JSON.
func FuzzTemplates(f *testing.F) {
	var seeds [][]byte
	for _, name := range []string{"fluentd", "node-exporter", "network-agent"} {
		data, err := json.Marshal(readTemplate(f, name))
		if err != nil {
			f.Fatal(err)
		}
		seeds = append(seeds, data)
	}
	for _, text := range []string{
		`{}`,
		`{"metadata":{"labels":{"a":"","b]":"x","":"y"},"finalizers":["a","b","a"]}}`,
		`{"spec":{"containers":[{"name":"a"},{"name":"a","image":"x"},null],"tolerations":[{"key":"a"},{"key":"b"},{"key":"a"}]}}`,
		`{"spec":{"containers":[{"name":"a","args":["1","2","3"],"ports":[{"containerPort":1},{"containerPort":1,"protocol":"UDP"}],"resources":{"limits":{"cpu":"1000m","memory":"1Gi"}}}]}}`,
		`{"spec":{"containers":[{"name":"a","args":["3","1","2"],"ports":[{"containerPort":1,"protocol":"TCP"}],"resources":{"limits":{"cpu":1,"memory":"1073741824"}}}]}}`,
	} {
		seeds = append(seeds, []byte(text))
	}
	for i, old := range seeds {
		f.Add(old, seeds[(i+1)%len(seeds)])
		f.Add(old, []byte(strings.NewReplacer(`"name":"`, `"name":"x`, `:1.`, `:2.`, `true`, `false`, `["`, `["z","`).Replace(string(old))))
	}
	f.Fuzz(func(t *testing.T, oldJSON, curJSON []byte) {
		old, cur := &corev1.PodTemplateSpec{}, &corev1.PodTemplateSpec{}
		if json.Unmarshal(oldJSON, old) != nil || json.Unmarshal(curJSON, cur) != nil {
			t.Skip("no template")
		}
		oldCopy, curCopy := old.DeepCopy(), cur.DeepCopy()
		changes := Templates(old, cur)
		if got, want := len(changes) == 0, equality.Semantic.DeepEqual(old, cur); got != want {
			t.Errorf("no changes: %t, semantically equal: %t:\n%v", got, want, changes)
		}
		for _, template := range []*corev1.PodTemplateSpec{old, cur} {
			if same := Templates(template, template.DeepCopy()); len(same) > 0 {
				t.Errorf("Templates of a copy = %v, want none", same)
			}
		}
		seen := map[string]bool{}
		for _, c := range changes {
			if c.Old == nil && c.Op != OpAdd || c.New == nil && c.Op != OpRemove {
				t.Errorf("%v change without a value: %v", c.Op, c)
			}
			if seen[c.Op.String()+c.Path] {
				t.Errorf("two changes of one kind at one place: %v", c)
			}
			seen[c.Op.String()+c.Path] = true
			if strings.Contains(c.String(), "\n") {
				t.Errorf("change on more than one line: %q", c)
			}
		}
		if got, want := fingerprintOf(old) == fingerprintOf(cur), len(changes) == 0; got != want {
			t.Errorf("equal fingerprints: %t, no changes: %t:\n%v", got, want, changes)
		}
		checkMirror(t, changes, Templates(cur, old))
		checkDesired(t, old, cur, changes)
		if !reflect.DeepEqual(oldCopy, old) || !reflect.DeepEqual(curCopy, cur) {
			t.Error("Templates changed its arguments")
		}
	})
}

// fingerprintOf returns the fingerprint of what a pointer points to.
func fingerprintOf(p any) string {
	return string(appendFingerprint(nil, reflect.ValueOf(p).Elem()))
}

// checkDesired compares the comparison in one direction with the full one.
func checkDesired(t *testing.T, old, cur *corev1.PodTemplateSpec, all Changes) {
	t.Helper()
	changes := compare(modeDesired, old, cur)
	d := differ{mode: modeDesired}
	if got := d.equal(reflect.ValueOf(old).Elem(), reflect.ValueOf(cur).Elem()); got != (len(changes) == 0) {
		t.Errorf("all that is desired is there: %t, but changes: %v", got, changes)
	}
	if len(changes) > 0 && len(all) == 0 {
		t.Errorf("equal templates, but something desired is not there: %v", changes)
	}
	if changes := compare(modeDesired, &corev1.PodTemplateSpec{}, cur); len(changes) > 0 {
		t.Errorf("nothing is desired, but it is not there: %v", changes)
	}
	// Whatever is missing or otherwise must differ for the full comparison, too.
	places := map[string]bool{}
	for _, c := range all {
		places[firstOf(c.Path)] = true
	}
	for _, c := range changes {
		if !places[firstOf(c.Path)] {
			t.Errorf("%v, but the full comparison has no change there:\n%v", c, all)
		}
	}
}

// firstOf returns the path up to the first bracket.
func firstOf(path string) string {
	first, _, _ := strings.Cut(path, "[")
	return first
}
