// Package manifest reads what kubectl prints and what people write: YAML and JSON
// with DaemonSets, nodes, pods and ControllerRevisions, for the examples. Its
// errors name the file, the document and the field.
package manifest
