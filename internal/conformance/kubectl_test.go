package conformance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	kubejson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/apimachinery/pkg/util/validation/field"
	cliprinters "k8s.io/cli-runtime/pkg/printers"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	cmdutil "k8s.io/kubectl/pkg/cmd/util"
	"k8s.io/kubectl/pkg/describe"
	"k8s.io/kubectl/pkg/polymorphichelpers"
	daemoncontroller "k8s.io/kubernetes/pkg/controller/daemon"

	"github.com/pernode/daemonset/daemon/history"
	"github.com/pernode/daemonset/rollout/kubectl"
)

var daemonSetKind = appsv1.SchemeGroupVersion.WithKind("DaemonSet").GroupKind()

// realKubectl is kubectl itself before an API server with one DaemonSet and its history.
type realKubectl struct {
	set       *appsv1.DaemonSet
	revisions []*appsv1.ControllerRevision
	// patch is what was sent, and patched the DaemonSet with it.
	patch   []byte
	patched *appsv1.DaemonSet

	viewer     polymorphichelpers.HistoryViewer
	rollbacker polymorphichelpers.Rollbacker
}

func newKubectl(set *appsv1.DaemonSet, revisions []*appsv1.ControllerRevision) (*realKubectl, error) {
	k := &realKubectl{set: set, revisions: revisions}
	client := &fake.Clientset{}
	client.AddReactor("*", "*", k.react)
	var errs [2]error
	k.viewer, errs[0] = polymorphichelpers.HistoryViewerFor(daemonSetKind, client)
	k.rollbacker, errs[1] = polymorphichelpers.RollbackerFor(daemonSetKind, client)
	return k, errors.Join(errs[:]...)
}

func (k *realKubectl) react(action clienttesting.Action) (bool, runtime.Object, error) {
	resource := action.GetResource()
	switch action.GetVerb() + " " + resource.Resource {
	case "get daemonsets":
		if name := action.(clienttesting.GetAction).GetName(); name != k.set.Name || action.GetNamespace() != k.set.Namespace {
			return true, nil, apierrors.NewNotFound(resource.GroupResource(), name)
		}
		return true, k.set.DeepCopy(), nil
	case "list controllerrevisions":
		// The client leaves out what the selector does not match. A server lists
		// objects in the order of their names.
		list := &appsv1.ControllerRevisionList{}
		for _, r := range k.revisions {
			if r.Namespace == action.GetNamespace() {
				list.Items = append(list.Items, *r.DeepCopy())
			}
		}
		slices.SortFunc(list.Items, func(a, b appsv1.ControllerRevision) int { return strings.Compare(a.Name, b.Name) })
		return true, list, nil
	case "patch daemonsets":
		p := action.(clienttesting.PatchAction)
		k.patch = p.GetPatch()
		if p.GetPatchType() != types.StrategicMergePatchType {
			return true, nil, fmt.Errorf("patch of type %q", p.GetPatchType())
		}
		before, err := kubejson.Marshal(k.set)
		if err != nil {
			return true, nil, err
		}
		after, err := strategicpatch.StrategicMergePatch(before, k.patch, appsv1.DaemonSet{})
		if err != nil {
			return true, nil, err
		}
		patched := &appsv1.DaemonSet{}
		if err := kubejson.Unmarshal(after, patched); err != nil {
			return true, nil, err
		}
		k.patched = patched
		return true, patched, nil
	}
	panic(fmt.Sprintf("kubectl asked for something new: %s %v", action.GetVerb(), resource))
}

func (k *realKubectl) history(revision int64) (string, error) {
	return k.viewer.ViewHistory(k.set.Namespace, k.set.Name, revision)
}

func (k *realKubectl) undo(revision int64) (string, error) {
	return k.rollbacker.Rollback(k.set, nil, revision, cmdutil.DryRunNone)
}

// holdsTemplate reports whether data has the form that the controller writes: a
// template to put in place of the DaemonSet's and nothing else. If it has not,
// the deviation undo-data is met.
func holdsTemplate(raw []byte) bool {
	var data map[string]map[string]any
	if kubejson.Unmarshal(raw, &data) != nil || len(data) != 1 || len(data["spec"]) != 1 {
		return false
	}
	template, _ := data["spec"]["template"].(map[string]any)
	return template["$patch"] == "replace"
}

// oddData returns what a revision may hold instead of data.
func oddData(g *generator, data []byte) []byte {
	replace := func(old, new string) []byte { return []byte(strings.Replace(string(data), old, new, 1)) }
	const directive = `"$patch":"replace"`
	switch g.IntN(24) {
	case 0:
		return nil
	case 1:
		return []byte(pick(g, "", " ", "{", "null", "[]", "{}", "5", `""`, `{"spec":null}`, `{"spec":{}}`, `{"spec":5}`,
			`{"spec":{"template":null}}`, `{"spec":{"template":{}}}`, `{"spec":{"template":[]}}`, `{"$patch":"replace"}`))
	case 2:
		return replace(directive, pick(g, `"$patch":"merge"`, `"$patch":"delete"`, `"$patch":5`, `"x":"y"`, `"$patch":null`))
	case 3:
		return replace(`{"spec"`, `{"metadata":{"labels":{"x":"y"}},"spec"`)
	case 4:
		return replace(`{"spec":{`, `{"spec":{"minReadySeconds":3,`)
	case 5:
		return replace(directive, directive+`,"bogus":{"x":1}`)
	case 6:
		return replace(`"spec":{"containers"`, `"spec":{"bogus":[1,2.5,{}],"containers"`)
	case 7:
		return replace(`"containers":[`, `"containers":[{"$patch":"delete","name":"c"},`)
	case 8:
		return replace(`"containers":[`, `"$setElementOrder/containers":[{"name":"c"}],"$retainKeys":["containers"],"containers":[`)
	case 9:
		return replace(`"metadata":{`, `"metadata":{"creationTimestamp":null,`)
	case 10:
		return replace(`"spec":{"containers"`, pick(g, `"Spec":{"containers"`, `"spec":5,"x":{"containers"`, `"spec":{"hostNetwork":"yes","containers"`))
	case 11:
		return replace(`{"spec":{"template"`, pick(g, `{"Spec":{"template"`, `{"spec":{"Template"`, `{"spec":{"x":null,"template"`))
	case 12:
		return append(bytes.Clone(data), pick(g, "\n", "x", "{}", " ")...)
	case 13:
		var b bytes.Buffer
		if json.Indent(&b, data, "", "  ") != nil {
			return data
		}
		return b.Bytes()
	case 14:
		return replace(`"containers":[`, `"nodeSelector":{"$patch":"replace","a":"b"},"containers":[`)
	case 15:
		return replace(`"name":"c"`, `"name":"c","name":"d"`)
	case 16:
		return replace(`"metadata":{`, pick(g, `"metadata":{"annotations":{"a":null},`, `"metadata":{"annotations":{"a":5},`,
			`"metadata":{"annotations":{"$patch":"delete"},`))
	case 17:
		return replace(`"containers":[`, `"$deleteFromPrimitiveList/x":["y"],"containers":[`)
	case 18:
		return []byte("\xff" + string(data))
	}
	return data
}

// storedHistory is a DaemonSet with revisions as an API server may hold them.
func storedHistory(g *generator) (*appsv1.DaemonSet, []*appsv1.ControllerRevision) {
	s := g.state()
	// The generator's revisions differ in the image alone.
	for _, r := range s.Revisions {
		if g.in(3) {
			other := s.DaemonSet.DeepCopy()
			g.template(&other.Spec.Template)
			other.Spec.Template.Spec.Containers[0].Image = "image:" + r.Name
			data, err := getPatch(other)
			if err != nil {
				panic(err)
			}
			r.Data.Raw = data
		}
		if g.in(6) {
			r.Revision = pick[int64](g, -1, 0, 1, 1, 2, 3, 10, math.MaxInt64)
		}
		if g.in(2) {
			r.Annotations = map[string]string{"kubernetes.io/change-cause": pick(g, "", "because", "kubectl apply --filename=x --record",
				"tab\there", "two\nlines", "é✓世界", "<none>", "back\bspace \x1b[31m", "  ", strings.Repeat("long ", 60))}
		}
		if g.in(5) {
			r.Data.Raw = oddData(g, r.Data.Raw)
		}
	}
	return s.DaemonSet, s.Revisions
}

// refused is the detail of the error that the library gives for a field, and
// false if it is another error or none.
func refused(err error, path string) (string, bool) {
	var fieldErr *field.Error
	if !errors.As(err, &fieldErr) || fieldErr.Field != path {
		return "", false
	}
	return fieldErr.Detail, true
}

const selectorField = "spec.selector"

// sameError compares errors about the selector and about revisions that there
// are not.
func sameError(ds *appsv1.DaemonSet, upstream, library error) string {
	if detail, ok := refused(library, selectorField); ok {
		library = fmt.Errorf("failed to create selector for DaemonSet %s: %s", ds.Name, detail)
	}
	if fmt.Sprint(upstream) != fmt.Sprint(library) {
		return fmt.Sprintf("error: upstream %v, library %v", upstream, library)
	}
	return ""
}

// withoutSelector is what the deviation history-selector says: the library wants
// a selector, unless kubectl refuses for a reason of its own.
func withoutSelector(upstream, library error) string {
	if upstream != nil && fmt.Sprint(upstream) == fmt.Sprint(library) {
		return ""
	}
	if _, ok := refused(library, selectorField); !ok || upstream != nil && strings.Contains(upstream.Error(), "selector") {
		return fmt.Sprintf("without selector: error upstream %v, library %v", upstream, library)
	}
	return ""
}

func described(template *corev1.PodTemplateSpec) string {
	var b bytes.Buffer
	// It sorts tolerations in place.
	describe.DescribePodTemplate(template.DeepCopy(), describe.NewPrefixWriter(&b))
	return b.String()
}

// TestRolloutHistory compares kubectl.RolloutHistory with kubectl rollout history,
// with and without --revision.
func TestRolloutHistory(t *testing.T) {
	var met tally
	each(t, *objects, func(g *generator) string {
		ds, revisions := storedHistory(g)
		before := copyAll(revisions)
		entries, err := kubectl.RolloutHistory(ds, revisions)
		if !reflect.DeepEqual(before, revisions) {
			return "RolloutHistory changed its arguments:\n" + cmp.Diff(before, revisions)
		}
		k, kerr := newKubectl(ds, revisions)
		if kerr != nil {
			return kerr.Error()
		}
		text, kerr := k.history(0)
		if ds.Spec.Selector == nil {
			met.add("deviation: history-selector")
			return withoutSelector(kerr, err)
		}
		if difference := sameError(ds, kerr, err); difference != "" || err != nil {
			met.add("error")
			return difference
		}
		if got := entries.String(); got != text {
			return "text (-upstream +library):\n" + cmp.Diff(text, got)
		}
		if difference := currentEntry(ds, entries, &met); difference != "" {
			return difference
		}
		met.add(fmt.Sprintf("revisions: %d", min(len(entries), 4)))
		return historyDetails(g, k, entries, &met)
	})
	logMet(t, &met, "histories", "error", "deviation: history-selector", "deviation: undo-data", "current", "no current", "template",
		"broken template", "no such revision", "revisions: 0", "revisions: 1", "revisions: 4")
}

// historyDetails compares what both say about single revisions.
func historyDetails(g *generator, k *realKubectl, entries kubectl.History, met *tally) string {
	applied, appliedErr := k.viewer.GetHistory(k.set.Namespace, k.set.Name)
	numbers := []int64{1 + g.Int64N(20)}
	if len(entries) > 0 {
		numbers = append(numbers, pick(g, entries...).Number, pick(g, entries...).Number)
	}
	for _, number := range numbers {
		if number <= 0 {
			continue // kubectl shows the list
		}
		text, kerr := k.history(number)
		var entry *kubectl.Revision
		for i := range entries {
			if entries[i].Number == number {
				entry = &entries[i]
			}
		}
		if entry == nil {
			met.add("no such revision")
			if len(entries) == 0 && kerr == nil && text == entries.String() {
				continue
			}
			if kerr == nil || kerr.Error() != "unable to find the specified revision" {
				return fmt.Sprintf("revision %d is not in the library's history, upstream says %q, %v", number, text, kerr)
			}
			continue
		}
		template, err := history.Template(entry.ControllerRevision)
		if !holdsTemplate(entry.ControllerRevision.Data.Raw) {
			met.add("deviation: undo-data")
			if err == nil {
				return fmt.Sprintf("revision %d holds %s, and the library finds a template", number, entry.ControllerRevision.Data.Raw)
			}
			continue
		}
		if err != nil {
			met.add("broken template")
			if want := "unable to parse history " + entry.ControllerRevision.Name; kerr == nil || kerr.Error() != want {
				return fmt.Sprintf("revision %d: the library fails with %v, upstream says %q, %v", number, err, text, kerr)
			}
			continue
		}
		met.add("template")
		if kerr != nil {
			return fmt.Sprintf("revision %d: upstream fails with %v, library not", number, kerr)
		}
		if got := described(template); text != got {
			return fmt.Sprintf("revision %d (-upstream +library):\n%s", number, cmp.Diff(text, got))
		}
		if appliedErr != nil {
			continue // because of another revision
		}
		if want := applied[number].(*appsv1.DaemonSet).Spec.Template; !reflect.DeepEqual(want, *template) {
			return fmt.Sprintf("template of revision %d (-upstream +library):\n%s", number, cmp.Diff(want, *template))
		}
	}
	return ""
}

// withoutSpace returns the revision with its data as the API server stores it. Data that is
// no JSON stays.
func withoutSpace(rev *appsv1.ControllerRevision) *appsv1.ControllerRevision {
	out := rev.DeepCopy()
	out.Data.Raw = withoutWhiteSpace(rev.Data.Raw)
	return out
}

func withoutWhiteSpace(data []byte) []byte {
	var compact bytes.Buffer
	if json.Compact(&compact, data) != nil {
		return data
	}
	return compact.Bytes()
}

// currentEntry holds Revision.Current to the controller's own comparison, apart from the
// deviation revision-space.
func currentEntry(ds *appsv1.DaemonSet, entries kubectl.History, met *tally) string {
	want := -1
	for i, e := range entries {
		match, err := daemoncontroller.Match(ds, withoutSpace(e.ControllerRevision))
		if err != nil {
			return err.Error()
		}
		if match && (want < 0 || e.Number > entries[want].Number) {
			want = i
		}
	}
	for i, e := range entries {
		if e.Current != (i == want) {
			return fmt.Sprintf("entry %d of revision %d is current: %t; it should be entry %d", i, e.Number, e.Current, want)
		}
	}
	if want < 0 {
		met.add("no current")
	} else {
		met.add("current")
	}
	return ""
}

// TestRolloutUndo compares kubectl.RolloutUndo with kubectl rollout undo and what
// the server makes of its patch.
func TestRolloutUndo(t *testing.T) {
	var met tally
	each(t, *objects, func(g *generator) string {
		ds, revisions := storedHistory(g)
		number := pick[int64](g, 0, 0, 0, 1, 2, 3, -1, 99)
		if len(revisions) > 0 && g.in(3) {
			number = pick(g, revisions...).Revision
		}
		beforeSet, before := ds.DeepCopy(), copyAll(revisions)
		undone, err := kubectl.RolloutUndo(ds, revisions, number)
		if !reflect.DeepEqual(before, revisions) || !reflect.DeepEqual(beforeSet, ds) {
			return "RolloutUndo changed its arguments:\n" + cmp.Diff(before, revisions) + cmp.Diff(beforeSet, ds)
		}
		compact := make([]*appsv1.ControllerRevision, len(revisions))
		for i, rev := range revisions {
			compact[i] = withoutSpace(rev) // the deviation revision-space
		}
		k, kerr := newKubectl(ds, compact)
		if kerr != nil {
			return kerr.Error()
		}
		text, kerr := k.undo(number)
		difference := compareUndo(k, number, text, kerr, undone, err, &met)
		if difference != "" {
			return fmt.Sprintf("undo to %d: %s", number, difference)
		}
		return ""
	})
	logMet(t, &met, "rollbacks", "rolled back", "skipped", "deviation: history-selector", "deviation: undo-data", "broken template",
		"no last revision to roll back to", "unable to find specified revision 99 in history", "unable to find specified revision -1 in history",
		"malformed selector")
}

func compareUndo(k *realKubectl, number int64, text string, kerr error, undone kubectl.Undo, err error, met *tally) string {
	if k.set.Spec.Selector == nil {
		met.add("deviation: history-selector")
		return withoutSelector(kerr, err)
	}
	if k.patch != nil && !holdsTemplate(k.patch) || k.patch == nil && kerr == nil && err != nil {
		met.add("deviation: undo-data")
		if err == nil {
			return fmt.Sprintf("upstream sends %s, and the library rolls back", k.patch)
		}
		return ""
	}
	if k.patch != nil && kerr != nil {
		met.add("broken template")
		if want := fmt.Sprintf("failed restoring revision %d: ", number); err == nil || !strings.HasPrefix(kerr.Error(), want) {
			return fmt.Sprintf("error: upstream %v, library %v", kerr, err)
		}
		return ""
	}
	if difference := sameError(k.set, kerr, err); difference != "" {
		return difference
	}
	if err != nil {
		if _, ok := refused(err, selectorField); ok {
			met.add("malformed selector")
		} else {
			met.add(err.Error())
		}
		return ""
	}
	if got := undone.String(); got != text {
		return fmt.Sprintf("text: upstream %q, library %q", text, got)
	}
	if !bytes.Equal(withoutWhiteSpace(undone.Rollback.Patch), k.patch) {
		return fmt.Sprintf("patch: upstream %s, library %s", k.patch, undone.Rollback.Patch)
	}
	if undone.Rollback.Skipped() {
		met.add("skipped")
		if !reflect.DeepEqual(undone.Rollback.DaemonSet, k.set) {
			return "the DaemonSet changes although it is skipped:\n" + cmp.Diff(k.set, undone.Rollback.DaemonSet)
		}
		return ""
	}
	met.add("rolled back")
	if !reflect.DeepEqual(k.patched.Spec.Template, undone.Rollback.DaemonSet.Spec.Template) {
		return "template (-upstream +library):\n" + cmp.Diff(k.patched.Spec.Template, undone.Rollback.DaemonSet.Spec.Template)
	}
	if !equalJSON(k.patched, undone.Rollback.DaemonSet) {
		return "DaemonSet (-upstream +library):\n" + cmp.Diff(k.patched, undone.Rollback.DaemonSet)
	}
	return ""
}

// TestRolloutRestart compares kubectl.RolloutRestart with kubectl rollout restart, which asks the
// clock.
func TestRolloutRestart(t *testing.T) {
	var met tally
	each(t, *objects, func(g *generator) string {
		ds, _ := storedHistory(g)
		if g.in(3) {
			ds.Spec.Template.Annotations = map[string]string{kubectl.RestartedAtAnnotation: "2025-01-02T15:04:05Z"}
		}
		before, upstream := ds.DeepCopy(), ds.DeepCopy()
		data, err := polymorphichelpers.ObjectRestarterFn(upstream)
		if err != nil {
			return err.Error()
		}
		var want appsv1.DaemonSet
		if err := json.Unmarshal(data, &want); err != nil {
			return err.Error()
		}
		want.TypeMeta = ds.TypeMeta // Encoding fills it in.
		at, err := time.Parse(time.RFC3339, want.Spec.Template.Annotations[kubectl.RestartedAtAnnotation])
		if err != nil {
			return err.Error()
		}
		got, err := kubectl.RolloutRestart(ds, at)
		if err != nil || !equalJSON(&want, got) {
			return fmt.Sprintf("%v, (-upstream +library):\n%s", err, cmp.Diff(&want, got))
		}
		if !reflect.DeepEqual(before, ds) {
			return "RolloutRestart changed its argument:\n" + cmp.Diff(before, ds)
		}
		if len(before.Spec.Template.Annotations) > 0 {
			met.add("annotations before")
		} else {
			met.add("none before")
		}
		return ""
	})
	logMet(t, &met, "restarts", "annotations before", "none before")
}

// TestRolloutStatus compares kubectl.RolloutStatus with kubectl rollout status.
func TestRolloutStatus(t *testing.T) {
	viewer, err := polymorphichelpers.StatusViewerFor(daemonSetKind)
	if err != nil {
		t.Fatal(err)
	}
	var met tally
	each(t, *objects, func(g *generator) string {
		ds := &appsv1.DaemonSet{}
		ds.Name = pick(g, "agent", "", `quo"te`, "%d", "é")
		ds.Generation, ds.Status.ObservedGeneration = g.Int64N(3), g.Int64N(3)+g.Int64N(2)
		ds.Spec.UpdateStrategy.Type = appsv1.RollingUpdateDaemonSetStrategyType
		if g.in(6) {
			ds.Spec.UpdateStrategy.Type = pick[appsv1.DaemonSetUpdateStrategyType](g, appsv1.OnDeleteDaemonSetStrategyType, "", "Recreate")
		}
		for _, n := range []*int32{&ds.Status.DesiredNumberScheduled, &ds.Status.UpdatedNumberScheduled, &ds.Status.NumberAvailable,
			&ds.Status.NumberReady, &ds.Status.CurrentNumberScheduled} {
			*n = g.Int32N(4)
			if g.in(20) {
				*n = pick[int32](g, math.MaxInt32, math.MinInt32, -1, 100_000)
			}
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(ds)
		if err != nil {
			return err.Error()
		}
		text, done, kerr := viewer.Status(&unstructured.Unstructured{Object: content}, 0)
		got, err := kubectl.RolloutStatus(ds)
		if kerr != nil || err != nil {
			met.add("error")
			if detail, ok := refused(err, "spec.updateStrategy.type"); !ok || kerr == nil || detail != kerr.Error() {
				return fmt.Sprintf("error: upstream %v, library %v", kerr, err)
			}
			return ""
		}
		met.add(got.State.String())
		if got.String()+"\n" != text || (got.State == kubectl.ProgressRolledOut) != done {
			return fmt.Sprintf("upstream %q and done %t, library %q and %v", text, done, got, got.State)
		}
		return ""
	})
	logMet(t, &met, "states", "error", "unobserved", "updating", "unavailable", "rolled out")
}

// logMet prints what was met, and fails if something never was.
func logMet(t *testing.T, met *tally, what string, places ...string) {
	t.Helper()
	t.Logf("%d %s:\n%s", *objects, what, met)
	if *only >= 0 {
		return
	}
	for _, place := range places {
		if got, want := met.counts[place], *objects/2000; got < want {
			t.Errorf("%q was met %d times in %d, want at least %d", place, got, *objects, want)
		}
	}
}

// kubectlDeviations are listed under "Deviations" in the package comment of
// rollout/kubectl.
var kubectlDeviations = []otherDeviation{
	{Deviation{
		Name: "long-tables", Upstream: "printTable@v0.37.2",
		Why: "upstream works out the widths of columns before it escapes cells and again after a hundred rows; in the library all rows are aligned",
	}, func(t *testing.T) {
		var sets []*appsv1.DaemonSet
		for i := range 150 {
			ds := plainSet()
			ds.Name = fmt.Sprint("set-", i)
			sets = append(sets, ds)
		}
		sets[149].Spec.Template.Spec.Containers[0].Image = strings.Repeat("\x1b", 40)
		want, err := upstreamTable(sets, cliprinters.PrintOptions{Wide: true})
		if err != nil {
			t.Fatal(err)
		}
		columns := func(table string) map[int]bool {
			starts := map[int]bool{}
			for _, line := range strings.Split(strings.TrimSuffix(table, "\n"), "\n")[1:] {
				starts[strings.Index(line, "app=a")] = true
			}
			return starts
		}
		got := kubectl.NewTable(sets, time.Unix(0, 0)).Wide()
		if up, lib := columns(want), columns(got); len(up) < 2 || len(lib) != 1 {
			t.Errorf("the selector starts in columns %v upstream and %v in the library, want more than one and one", up, lib)
		}
	}},
	{Deviation{
		Name: "undo-data", Upstream: "Rollback@v0.37.2",
		Why: "kubectl sends whatever a revision holds, and may change more than the template; the library refuses such data",
	}, func(t *testing.T) {
		ds, revisions := twoRevisions(t)
		revisions[0].Data.Raw = []byte(`{"spec":{"minReadySeconds":7}}`)
		k, err := newKubectl(ds, revisions)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := k.undo(1); err != nil || text != "rolled back" || k.patched == nil || k.patched.Spec.MinReadySeconds != 7 {
			t.Errorf("kubectl says %q, %v and makes %+v of it, want minReadySeconds changed", text, err, k.patched)
		}
		_, err = kubectl.RolloutUndo(ds, revisions, 1)
		if _, ok := refused(err, "data.spec.template"); !ok {
			t.Errorf("RolloutUndo: %v, want data.spec.template refused", err)
		}
	}},
	{Deviation{
		Name: "history-selector", Upstream: "daemonSetHistory@v0.37.2",
		Why: "kubectl lists every revision that a DaemonSet without selector controls; the library wants a selector",
	}, func(t *testing.T) {
		ds, revisions := twoRevisions(t)
		ds.Spec.Selector = nil
		k, err := newKubectl(ds, revisions)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := k.history(0); err != nil || len(strings.Split(text, "\n")) != 4 {
			t.Errorf("kubectl says %q, %v, want two revisions", text, err)
		}
		_, err = kubectl.RolloutHistory(ds, revisions)
		if _, ok := refused(err, selectorField); !ok {
			t.Errorf("RolloutHistory: %v, want %s refused", err, selectorField)
		}
	}},
	{Deviation{
		Name: "history-owner", Upstream: "IsControlledBy@v0.37.2",
		Why: "kubectl compares the UID alone, which several DaemonSets without UIDs share; the library compares kind and name, too",
	}, func(t *testing.T) {
		ds, revisions := twoRevisions(t)
		ds.UID = ""
		for _, r := range revisions {
			r.OwnerReferences[0].UID = ""
		}
		other := revisions[1].DeepCopy()
		other.Name, other.Revision, other.OwnerReferences[0].Name = "other-0", 3, "other"
		revisions = append(revisions, other)
		k, err := newKubectl(ds, revisions)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := k.history(0); err != nil || len(strings.Split(text, "\n")) != 5 {
			t.Errorf("kubectl says %q, %v, want three revisions", text, err)
		}
		history, err := kubectl.RolloutHistory(ds, revisions)
		if err != nil || len(history) != 2 {
			t.Errorf("RolloutHistory = %v, %v, want two revisions", history, err)
		}
	}},
}

// twoRevisions is a DaemonSet that was updated once.
func twoRevisions(t *testing.T) (*appsv1.DaemonSet, []*appsv1.ControllerRevision) {
	ds := plainSet()
	old := ds.DeepCopy()
	old.Spec.Template.Spec.Containers[0].Image = "image:v0"
	var revisions []*appsv1.ControllerRevision
	for i, set := range []*appsv1.DaemonSet{old, ds} {
		data, err := getPatch(set)
		if err != nil {
			t.Fatal(err)
		}
		revisions = append(revisions, &appsv1.ControllerRevision{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: namespace, Name: fmt.Sprint(setName, "-", i), UID: types.UID(fmt.Sprint("uid-", i)), Labels: map[string]string{"app": "a"},
				OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(ds, appsv1.SchemeGroupVersion.WithKind("DaemonSet"))},
			},
			Revision: int64(i + 1), Data: runtime.RawExtension{Raw: data},
		})
	}
	return ds, revisions
}
