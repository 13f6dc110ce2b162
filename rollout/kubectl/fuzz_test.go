package kubectl_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"

	"github.com/pernode/daemonset/rollout/kubectl"
)

// FuzzObjects feeds objects of any shape that JSON can give them: nothing panics
// and nothing passed in changes. A table has a line for each row, and no control
// character. An undo finds a revision of the history.
func FuzzObjects(f *testing.F) {
	ds := `{"metadata":{"name":"d","namespace":"ns","uid":"u","generation":2,"creationTimestamp":"2025-02-01T10:00:00Z"},"spec":{"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"nodeSelector":{"disk":"ssd"},"containers":[{"name":"c","image":"i"}]}},"updateStrategy":{"type":"RollingUpdate"}},"status":{"observedGeneration":2,"desiredNumberScheduled":3}}`
	owner := `"ownerReferences":[{"apiVersion":"apps/v1","kind":"DaemonSet","name":"d","uid":"u","controller":true}]`
	revision := `{"metadata":{"name":"d-1","namespace":"ns","labels":{"a":"b"},` + owner + `,"annotations":{"kubernetes.io/change-cause":"x\ty"}},"data":{"spec":{"template":{"$patch":"replace"}}},"revision":1}`
	broken := `{"metadata":{"name":"d-2","namespace":"ns","labels":{"a":"b"},` + owner + `},"data":{"spec":{}},"revision":2}`
	f.Add(ds, revision, broken, int64(0))
	f.Add(ds, revision, broken, int64(2))
	f.Add(ds, revision, revision, int64(1))
	f.Add(strings.Replace(ds, `"uid":"u",`, "", 1), revision, broken, int64(-1))
	f.Add(strings.Replace(ds, `"image":"i"`, `"image":"\u001b[31m\r\n\f\tx"`, 1), `null`, `{}`, int64(7))
	f.Add(strings.Replace(ds, `"namespace":"ns"`, `"namespace":"\u001b[31m\r\nx"`, 1), `null`, `{}`, int64(7))
	f.Add(strings.Replace(ds, `"matchLabels":{"a":"b"}`, `"matchExpressions":[{"key":"","operator":"Bogus"}]`, 1), revision, broken, int64(0))
	f.Add(`{}`, `{}`, `{}`, int64(0))
	f.Add(`null`, revision, broken, int64(0))
	f.Fuzz(func(t *testing.T, dsJSON, firstJSON, secondJSON string, to int64) {
		var ds *appsv1.DaemonSet
		revisions := make([]*appsv1.ControllerRevision, 2)
		if json.Unmarshal([]byte(dsJSON), &ds) != nil || json.Unmarshal([]byte(firstJSON), &revisions[0]) != nil ||
			json.Unmarshal([]byte(secondJSON), &revisions[1]) != nil {
			t.Skip("not such objects")
		}
		setBefore, revisionsBefore := ds.DeepCopy(), cloneAll(revisions)

		table := kubectl.NewTable([]*appsv1.DaemonSet{ds, nil, {}}, time.Date(2025, 2, 1, 10, 13, 0, 0, time.UTC))
		all := table
		all.AllNamespaces = true
		for _, text := range []string{table.String(), table.Wide(), all.String(), all.Wide()} {
			if n := strings.Count(text, "\n"); n != len(table.Rows)+1 || strings.ContainsAny(text, "\r\f\x1b") {
				t.Errorf("the table has %d lines, want one more than %d, without control characters:\n%q", n, len(table.Rows), text)
			}
		}

		progress, err := kubectl.RolloutStatus(ds)
		if (progress.State == 0) != (err != nil) {
			t.Errorf("RolloutStatus = %+v, %v, want a state or an error", progress, err)
		}
		_ = progress.String()

		history, err := kubectl.RolloutHistory(ds, revisions)
		if err != nil && history != nil || err == nil && history.String() == "" {
			t.Errorf("RolloutHistory = %v, %v, want a history or an error", history, err)
		}
		restarted, err := kubectl.RolloutRestart(ds, time.Date(2025, 2, 1, 10, 13, 0, 0, time.UTC))
		if (restarted != nil) != (err == nil) {
			t.Errorf("RolloutRestart = %v, %v, want a DaemonSet or an error", restarted, err)
		}
		undo, err := kubectl.RolloutUndo(ds, revisions, to)
		if (undo.Rollback == nil) != (err != nil) {
			t.Errorf("RolloutUndo = %v, %v, want a rollback or an error", undo, err)
		}
		_ = undo.String()
		if err == nil && len(history) == 0 {
			t.Errorf("RolloutUndo finds %s, which is not in the history", undo.Rollback.Revision.Name)
		}

		if diff := cmp.Diff(setBefore, ds); diff != "" {
			t.Errorf("the DaemonSet changed (-before +after):\n%s", diff)
		}
		if diff := cmp.Diff(revisionsBefore, revisions); diff != "" {
			t.Errorf("the revisions changed (-before +after):\n%s", diff)
		}
	})
}
