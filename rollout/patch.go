package rollout

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/json"
)

// RevisionData returns what a revision of the template stores, byte for byte
// upstream's (getPatch@v1.37.2).
func RevisionData(template *corev1.PodTemplateSpec) ([]byte, error) {
	if template == nil {
		template = &corev1.PodTemplateSpec{}
	}
	raw, err := json.Marshal(template)
	if err != nil {
		return nil, err
	}
	fields := map[string]any{}
	if err := json.Unmarshal(raw, &fields); err != nil {
		return nil, err
	}
	fields["$patch"] = "replace"
	return json.Marshal(map[string]any{"spec": map[string]any{"template": fields}})
}
