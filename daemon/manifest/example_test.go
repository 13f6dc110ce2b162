package manifest_test

import (
	"errors"
	"fmt"
	"strings"
	"testing/fstest"
	"time"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/manifest"
)

// A cluster as kubectl prints it, and what the DaemonSet's controller would do now.
func ExampleObjects_Subjects() {
	const cluster = `
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: worker-1}}
- {apiVersion: v1, kind: Node, metadata: {name: worker-2}}
- apiVersion: apps/v1
  kind: DaemonSet
  metadata: {name: agent, namespace: logging, uid: 8a3c}
  spec:
    selector: {matchLabels: {app: agent}}
    template:
      metadata: {labels: {app: agent}}
      spec: {containers: [{name: agent, image: "agent:2"}]}
`
	var objects manifest.Objects
	if err := objects.Read("cluster.yaml", strings.NewReader(cluster)); err != nil {
		fmt.Println(err)
		return
	}
	for _, subject := range objects.Subjects() {
		in := subject.Input
		in.Now = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
		snapshot, err := daemon.Observe(in)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(daemon.Reconcile(snapshot))
	}
	// Output:
	// create on worker-1: node has no pod
	// create on worker-2: node has no pod
}

// An editor marks what is wrong.
func ExampleError() {
	const text = `apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: agent
spec:
  template:
    spec:
      containers:
      - name: agent
        resources: {limits: {memory: 64 Mi}}
      tolerations:
      - kye: dedicated
`
	var objects manifest.Objects
	err := objects.Read("ds.yaml", strings.NewReader(text))
	var wrong *manifest.Error
	if errors.As(err, &wrong) {
		fmt.Println(wrong.Line, wrong.Field)
		fmt.Println(wrong.Detail)
	}
	// Output:
	// 10 spec.template.spec.containers[0].resources.limits.memory
	// Invalid value: "64 Mi": is not a quantity, such as 100m, 2 or 1.5Gi
}

// The manifests of a test. A program has them in an embed.FS, or in os.DirFS("testdata").
func ExampleObjects_ReadFS() {
	files := fstest.MapFS{
		"ds.yaml":      {Data: []byte("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: agent}\n")},
		"nodes/1.yaml": {Data: []byte("apiVersion: v1\nkind: Node\nmetadata: {name: worker-1}\n")},
		"nodes/2.yaml": {Data: []byte("apiVersion: v1\nkind: Node\nmetadata: {name: worker-2}\n")},
	}
	var objects manifest.Objects
	err := objects.ReadFS(files, "ds.yaml", "nodes/*.yaml")
	fmt.Println(len(objects.DaemonSets), len(objects.Nodes), err)
	// Output: 1 2 <nil>
}

// Errors of validation get a position, too.
func ExampleObjects_Locate() {
	const text = `apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: agent
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata:
      labels: {app: agnet}
`
	var objects manifest.Objects
	if err := objects.Read("ds.yaml", strings.NewReader(text)); err != nil {
		fmt.Println(err)
		return
	}
	ds := objects.DaemonSets[0]
	for _, err := range objects.Locate(ds, daemon.Validate(daemon.Default(ds))) {
		fmt.Println(err)
	}
	// Output:
	// ds.yaml:9: document 1: spec.template.metadata.labels: Invalid value: {"app":"agnet"}: `selector` does not match template `labels`
}
