// Package manifest reads DaemonSets, nodes, pods and ControllerRevisions from YAML and
// JSON: what kubectl prints, what people write, and both together.
//
//	var objects manifest.Objects
//	err := objects.Read("cluster.yaml", r)              // or ReadFS, for files of an fs.FS
//	for _, subject := range objects.Subjects() {
//		snapshot, err := daemon.Observe(subject.Input) // set Input.Now first
//		...
//	}
//
// Wrong text gives an [ErrorList]. Each [Error] has the file, the document, the line and the
// path of the field, so that an editor can mark it. A field that does not exist is an error
// in a manifest, as it is for kubectl apply (StrictDecodingError@v0.37.2). Objects with a UID
// come from a server, which may be newer: their unknown fields are passed over, and
// Objects.PassedOver lists them, as it lists the objects of other kinds.
//
// A DaemonSet with a UID is stored, one without is a manifest. A stored one and a manifest
// of its name are one [Subject]: the manifest is a proposal to change it, for
// simulate.WhatIf. A second copy of a stored one, in a later text, is a manifest, too:
// somebody has printed and edited it.
//
// Text comes from an io.Reader or an fs.FS of the caller; the package knows no others. Objects
// keep the texts, to find lines in them.
package manifest
