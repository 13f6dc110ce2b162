package manifest

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
)

const isTemplate = "is a template: render it first, for instance with helm template"

// isBraced reports whether a text has the braces of a template in it.
func isBraced(text string) bool { return strings.Contains(text, "{{") }

// templateIn returns the path of a value that can hold no braces and does, so that the object is a
// template that parses; or nothing. Free text may hold them: annotations, commands, arguments,
// environment variables (IsRelaxedEnvVarName@v0.37.2), paths. What a server has stored is as it is.
func templateIn(raw []byte) string {
	// In JSON, two braces follow each other only within a string.
	if !bytes.Contains(raw, []byte("{{")) {
		return ""
	}
	var object map[string]any
	if err := utiljson.Unmarshal(raw, &object); err != nil {
		return ""
	}
	for _, part := range []string{"metadata", "spec"} {
		if path := bracedIn(part, textField{name: part}, object[part]); path != "" {
			return path
		}
	}
	return ""
}

// textField is where a value is: the name of its field, also for items of a list, and that of the
// field around it.
type textField struct{ name, around string }

// bracedIn looks for braces in a value, in the order of the names of fields.
func bracedIn(path string, at textField, value any) string {
	switch value := value.(type) {
	case string:
		if isBraced(value) && !at.isFreeText() {
			return path
		}
	case []any:
		for i, item := range value {
			if found := bracedIn(fmt.Sprintf("%s[%d]", path, i), at, item); found != "" {
				return found
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(value)) {
			// Names are those of fields, labels, annotations and resources.
			if isBraced(name) && (at.name == "annotations" || !freeText[at.name]) {
				return path
			}
			step := "." + name
			if strings.ContainsAny(name, "./") {
				step = "[" + name + "]"
			}
			if found := bracedIn(path+step, textField{name, at.name}, value[name]); found != "" {
				return found
			}
		}
	}
	return ""
}

// isFreeText reports whether a text may be anything, or is not known to be something else.
func (f textField) isFreeText() bool {
	switch f.around {
	case "labels", "matchLabels", "nodeSelector", "tolerations":
		return false
	}
	return freeText[f.around] || !nameFields[f.name]
}

// freeText are the fields whose own fields hold any text, also if they have a name of nameFields.
var freeText = map[string]bool{
	"annotations": true, "env": true, "fileKeyRef": true, "options": true, "volumeAttributes": true, "seLinuxOptions": true, "windowsOptions": true,
}

// nameFields are the fields that hold a name or one of a few words. The API server refuses braces in
// most of them. It does not look at some, such as images, claimName, imagePullSecrets and the values
// of preferred node affinity; but no image, object or label has braces.
var nameFields = map[string]bool{
	"name": true, "generateName": true, "namespace": true, "namespaces": true,
	"image": true, "reference": true, "imagePullPolicy": true, "pullPolicy": true, "terminationMessagePolicy": true, "restartPolicy": true,
	"containerName": true, "protocol": true, "hostIP": true, "port": true, "scheme": true,
	"serviceAccountName": true, "serviceAccount": true, "priorityClassName": true, "runtimeClassName": true,
	"nodeName": true, "hostname": true, "subdomain": true, "dnsPolicy": true, "preemptionPolicy": true,
	"key": true, "operator": true, "values": true, "matchLabelKeys": true, "mismatchLabelKeys": true,
	"topologyKey": true, "whenUnsatisfiable": true, "nodeAffinityPolicy": true, "nodeTaintsPolicy": true,
	"secretName": true, "claimName": true, "medium": true, "mountPropagation": true, "fieldPath": true,
	"type": true, "maxUnavailable": true, "maxSurge": true,
}
