package v1alpha1_test

import (
	"os"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// The API server refuses a CRD if an item of a list that is a map may lack its key. No
// generator checks that.
func TestCRDMapKeys(t *testing.T) {
	data, err := os.ReadFile("../../config/crd/agents.example.com_nodeagents.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var crd map[string]any
	if err := yaml.Unmarshal(data, &crd); err != nil {
		t.Fatal(err)
	}
	versions, _, err := unstructured.NestedSlice(crd, "spec", "versions")
	if err != nil || len(versions) != 1 {
		t.Fatalf("versions = %v, %v, want one", versions, err)
	}
	var walk func(path string, node any)
	walk = func(path string, node any) {
		switch node := node.(type) {
		case []any:
			for _, item := range node {
				walk(path, item)
			}
		case map[string]any:
			keys, _, _ := unstructured.NestedStringSlice(node, "x-kubernetes-list-map-keys")
			required, _, _ := unstructured.NestedStringSlice(node, "items", "required")
			for _, key := range keys {
				_, defaulted, _ := unstructured.NestedFieldNoCopy(node, "items", "properties", key, "default")
				if !defaulted && !slices.Contains(required, key) {
					t.Errorf("%s: the key %s is neither required nor defaulted", path, key)
				}
			}
			for name, child := range node {
				walk(path+"."+name, child)
			}
		}
	}
	walk("", versions[0])
}
