package policy

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// allowance is an import path that may be used, and what for.
type allowance struct{ path, why string }

// shared is what each of the layers may import.
var shared = []allowance{
	{"bytes", "compare and build JSON"},
	{"cmp", "ordering"},
	{"errors", "sentinel errors"},
	{"fmt", "text in String and errors; fmt.Print is found by the purity check"},
	{"maps", "sorted keys"},
	{"math", "bounds"},
	{"slices", "sorting and searching"},
	{"sort", "searching"},
	{"strconv", "numbers in text"},
	{"strings", "text in String and errors"},
	{"time", "time as a value; the clock is found by the purity check"},
	{"k8s.io/api/apps/v1", "DaemonSet and ControllerRevision"},
	{"k8s.io/api/core/v1", "Node, Pod, Taint, Toleration"},
	{"k8s.io/apimachinery/pkg/apis/meta/v1", "object metadata and selectors; metav1.Now is found by the purity check"},
	{"k8s.io/apimachinery/pkg/labels", "selectors"},
	{"k8s.io/apimachinery/pkg/selection", "requirement operators"},
	{"k8s.io/apimachinery/pkg/types", "UIDs"},
	{"k8s.io/apimachinery/pkg/util/intstr", "budgets are ints or percents"},
	{"k8s.io/apimachinery/pkg/util/sets", "label sets"},
	{"k8s.io/apimachinery/pkg/util/validation/field", "errors with field paths"},
	{module + "/internal/indexset", "nodes by position, for what is kept up to date"},
	{module + "/internal/minheap", "what comes first, of lists that change"},
	{module + "/internal/owner", "who owns pods and revisions"},
	{module + "/internal/revision", "the data of revisions, and the labels that tie pods to them"},
	{module + "/internal/podstatus", "what pods report about themselves"},
	{module + "/internal/nodestatus", "what nodes report about themselves"},
}

// imports lists, besides shared, what each layer may import.
var imports = map[string][]allowance{
	"placement": {
		{"unicode", "the first letter of a sentence"},
		{"k8s.io/apimachinery/pkg/api/resource", "comparison operators of tolerations"},
		{"k8s.io/apimachinery/pkg/api/validate/content", "integers of comparison operators"},
		{"k8s.io/apimachinery/pkg/util/errors", "taking apart upstream's parse errors"},
		{"k8s.io/apimachinery/pkg/util/validation", "label syntax of malformed affinity"},
		{"k8s.io/component-helpers/scheduling/corev1/nodeaffinity", "upstream's own parsing of node affinity"},
	},
	"daemon": {
		{"encoding/binary", "bytes of the template hash"},
		{"encoding/json", "the patches of claims"},
		{"hash/fnv", "the template hash"},
		{"hash/maphash", "the table of node and pod names; its random seed affects no result"},
		{"math/bits", "the size of a hash table"},
		{"reflect", "whether an update changes the spec, and the object in a revision's data"},
		{"k8s.io/apimachinery/pkg/api/equality", "equal facts of two snapshots"},
		{"k8s.io/apimachinery/pkg/api/validation", "names and immutable metadata"},
		{"k8s.io/apimachinery/pkg/apis/meta/v1/validation", "label selectors"},
		{"k8s.io/apimachinery/pkg/util/dump", "the dump that the template hash is made of"},
		{"k8s.io/apimachinery/pkg/util/rand", "SafeEncodeString, a pure function; the rest is found by the purity check"},
		{"k8s.io/apimachinery/pkg/util/validation", "name and label syntax"},
		{module + "/internal/percent", "numbers and percentages of nodes"},
		{module + "/placement", "the layer below"},
	},
	"daemon/diff": {
		{"encoding/binary", "lengths in fingerprints"},
		{"encoding/json", "values in the text of a change; which types have a JSON form of their own"},
		{"reflect", "walking API types"},
		{"unicode/utf8", "values that are not text"},
		{"k8s.io/apimachinery/pkg/api/resource", "quantities of the same amount are equal"},
		{module + "/daemon", "the layer below: the node that a pod is meant for"},
	},
	"daemon/history": {
		{"encoding/json", "the patch of a pod's label"},
		{"k8s.io/apimachinery/pkg/runtime", "RawExtension, the type of revision data"},
		{"k8s.io/apimachinery/pkg/util/json", "revision data with upstream's number types"},
		{module + "/daemon", "the layer below: the snapshot, claims and names"},
		{module + "/daemon/diff", "differences between revisions"},
	},
	"daemon/lint": {
		{"k8s.io/apimachinery/pkg/api/resource", "requests against what nodes have"},
		{module + "/internal/demand", "what pods take of a node, as the simulation sees it"},
		{module + "/internal/podspec", "what the API server refuses in a pod template"},
		{module + "/internal/percent", "numbers and percentages of nodes"},
		{module + "/daemon", "the layer below: defaults of a manifest"},
		{module + "/placement", "eligible nodes, malformed terms, default tolerations"},
	},
	"daemon/manifest": {
		{"encoding/json", "objects as JSON, and the data of revisions"},
		{"io", "the text comes from a reader of the caller"},
		{"io/fs", "or from a file system of the caller"},
		{"regexp", "taking apart the errors of decoders"},
		{"k8s.io/apimachinery/pkg/api/resource", "which errors are about quantities"},
		{"k8s.io/apimachinery/pkg/runtime", "strict decoding errors, and RawExtension, the type of revision data"},
		{"k8s.io/apimachinery/pkg/runtime/schema", "API versions and kinds"},
		{"k8s.io/apimachinery/pkg/runtime/serializer/json", "decoding that reports unknown fields"},
		{"k8s.io/apimachinery/pkg/util/json", "numbers as the API server reads them"},
		{"k8s.io/apimachinery/pkg/util/validation", "names and namespaces"},
		{"k8s.io/apimachinery/pkg/util/yaml", "YAML"},
		{module + "/internal/percent", "how a budget is written"},
		{module + "/internal/spelling", "kinds that are misspelt"},
		{module + "/internal/taint", "the effects of taints"},
		{module + "/daemon", "the layer below: defaults, and the Input of a Subject"},
	},
	"daemon/overhead": {
		{"k8s.io/api/node/v1", "RuntimeClass: the overhead of pods"},
		{"k8s.io/api/scheduling/v1", "PriorityClass: the order in which pods get room"},
		{"k8s.io/apimachinery/pkg/api/equality", "the overhead of a pod against that of its class"},
		{"k8s.io/apimachinery/pkg/api/resource", "sums of requests"},
		{"k8s.io/apimachinery/pkg/util/validation", "values and names that nodes can have"},
		{module + "/internal/demand", "what pods take of a node, as lint and the simulation see it"},
		{module + "/internal/podspec", "what the API server refuses in a pod template"},
		{module + "/internal/taint", "the effects of taints"},
		{module + "/daemon", "the layer below: the pod for a node"},
		{module + "/placement", "decisions about nodes"},
	},
	"rollout": {
		{"k8s.io/apimachinery/pkg/apis/meta/v1/validation", "label selectors of a policy"},
		{"k8s.io/apimachinery/pkg/util/validation", "label values of a policy"},
		{"container/heap", "the order of a policy"},
		{"iter", "steps are an iterator"},
		{"k8s.io/apimachinery/pkg/api/equality", "whether a status changes anything"},
		{module + "/internal/percent", "numbers and percentages of nodes"},
		{module + "/daemon", "the layer below"},
		{module + "/daemon/diff", "whether two templates mean the same"},
		{module + "/daemon/history", "revisions to write, to delete and to go back to"},
	},
	"rollout/health": {
		{module + "/daemon", "snapshots"},
		{module + "/internal/podstatus", "what containers and nodes report"},
		{module + "/rollout", "the next pass, its budget, and what complete means"},
	},
	"rollout/kubectl": {
		{"text/tabwriter", "kubectl's own columns"},
		{"k8s.io/apimachinery/pkg/util/duration", "the AGE column"},
		{module + "/daemon/history", "what a revision holds, and the way back to it"},
	},
	"rollout/simulate": {
		{"iter", "passes are an iterator"},
		{"k8s.io/apimachinery/pkg/api/equality", "whether an update changes the spec, as the API server finds out"},
		{"k8s.io/apimachinery/pkg/runtime", "RawExtension, the type of revision data"},
		{module + "/internal/demand", "what pods take of a node, as lint sees it"},
		{module + "/internal/podspec", "what the API server refuses in a pod template"},
		{module + "/internal/taint", "the effects of taints"},
		{module + "/daemon", "what the controller sees"},
		{module + "/daemon/diff", "what a proposal changes in the DaemonSet"},
		{module + "/daemon/history", "the revisions that a pass writes, and their templates"},
		{module + "/daemon/lint", "the faults that a proposal brings, for its judgment"},
		{module + "/placement", "decisions about nodes before and after"},
		{module + "/rollout", "the controller"},
		{module + "/rollout/health", "what keeps pods from being available at the end, and its patience"},
	},
	"daemon/daemontest": {
		{"io/fs", "manifests in a file system of the test"},
		{"os", "manifests in files: those of the package under test, as its test would open them"},
		{"testing", "failures end the test, as in net/http/httptest"},
		{"k8s.io/apimachinery/pkg/apis/meta/v1/validation", "labels and taints that the API server refuses"},
		{"k8s.io/apimachinery/pkg/util/validation", "the same for labels and taints in kubectl's words"},
		{module + "/daemon", "the facts, and which pods count"},
		{module + "/daemon/history", "the data of a revision"},
		{module + "/daemon/manifest", "the reader of manifests"},
		{module + "/internal/build", "the objects that the library's own tests are made of"},
		{module + "/internal/podspec", "what the API server refuses in a pod template"},
		{module + "/internal/taint", "the effects of taints"},
		{module + "/placement", "the decision about a node"},
		{module + "/rollout", "passes of the controller under test"},
		{module + "/rollout/health", "what a node waits for"},
		{module + "/rollout/simulate", "the cluster"},
	},
}

// testImports is what tests and examples may import beyond the standard library,
// the module's own packages and the requirements of go.mod.
var testImports = []allowance{
	{"k8s.io/api/", "API types"},
	{"k8s.io/apimachinery/", "API machinery"},
	{"k8s.io/component-helpers/", "upstream's helpers, as the second opinion"},
	{"github.com/google/go-cmp/", "readable differences"},
	{module + "/", "the library"},
}

// importFindings lists the imports that allowed does not hold.
func importFindings(allowed func(string) bool) func(...source) []string {
	return func(files ...source) []string {
		var found []string
		for _, s := range files {
			for _, spec := range s.file.Imports {
				p, _ := strconv.Unquote(spec.Path.Value)
				switch {
				case spec.Name != nil && (spec.Name.Name == "." || spec.Name.Name == "_"):
					found = append(found, fmt.Sprintf("%s: import %s %q: only named imports", s.at(spec.Pos()), spec.Name.Name, p))
				case !allowed(p):
					found = append(found, fmt.Sprintf("%s: import %q is not allowed here; the tables in internal/policy list what is, and why", s.at(spec.Pos()), p))
				}
			}
		}
		return found
	}
}

func layerAllows(layer string) func(string) bool {
	return func(p string) bool {
		match := func(a allowance) bool { return a.path == p }
		return slices.ContainsFunc(shared, match) || slices.ContainsFunc(imports[layer], match)
	}
}

// otherAllows is the rule for tests, examples and internal packages: the standard
// library (no dot in the first element) and testImports.
func otherAllows(p string) bool {
	first, _, _ := strings.Cut(p, "/")
	return !strings.Contains(first, ".") || p == module ||
		slices.ContainsFunc(testImports, func(a allowance) bool { return strings.HasPrefix(p, a.path) })
}

func TestImports(t *testing.T) {
	tree := goFiles(t)
	for _, dir := range slices.Sorted(maps.Keys(tree)) {
		files := tree[dir]
		for _, s := range files {
			switch {
			case slices.Contains(layers, dir) && !s.test():
				report(t, importFindings(layerAllows(dir))(s))
			default:
				report(t, importFindings(otherAllows)(s))
			}
		}
	}
	for layer, list := range imports {
		for _, a := range slices.Concat(list, shared) {
			if a.why == "" {
				t.Errorf("imports[%s]: %q has no reason", layer, a.path)
			}
		}
	}
}

func TestImportsCheck(t *testing.T) {
	t.Run("placement", func(t *testing.T) {
		runCases(t, []checkCase{
			{name: "API types", why: "the input", text: `package p; import corev1 "k8s.io/api/core/v1"`},
			{name: "upwards", why: "imports go one way", text: `package p; import "github.com/pernode/daemonset/daemon"`, want: 1},
			{name: "internal", why: "helpers of tests are not released", text: `package p; import "github.com/pernode/daemonset/internal/build"`, want: 1},
			{name: "I/O", why: "own code only computes", text: `package p; import ("os"; "log"; "net"; "math/rand")`, want: 4},
			{name: "dot", why: "hides where a name comes from, from these checks too", text: `package p; import . "time"`, want: 1},
			{name: "blank", why: "imports for effect", text: `package p; import _ "time"`, want: 1},
		}, importFindings(layerAllows("placement")))
	})
	t.Run("daemon", func(t *testing.T) {
		runCases(t, []checkCase{
			{name: "downwards", why: "the layer below", text: `package p; import "github.com/pernode/daemonset/placement"`},
			{name: "upwards", why: "imports go one way", text: `package p; import "github.com/pernode/daemonset/rollout"`, want: 1},
		}, importFindings(layerAllows("daemon")))
	})
	t.Run("daemon/lint", func(t *testing.T) {
		runCases(t, []checkCase{
			{name: "downwards", why: "the layers below", text: `package p; import ("github.com/pernode/daemonset/daemon"; "github.com/pernode/daemonset/placement")`},
			{name: "upwards", why: "imports go one way", text: `package p; import "github.com/pernode/daemonset/rollout"`, want: 1},
		}, importFindings(layerAllows("daemon/lint")))
	})
	t.Run("rollout", func(t *testing.T) {
		runCases(t, []checkCase{
			{name: "upwards", why: "imports go one way", text: `package p; import "github.com/pernode/daemonset/rollout/kubectl"`, want: 1},
		}, importFindings(layerAllows("rollout")))
	})
	t.Run("tests", func(t *testing.T) {
		runCases(t, []checkCase{
			{name: "standard library", why: "tests may do I/O", text: `package p; import ("os"; "testing/quick")`},
			{name: "indirect module", why: "it would become a direct requirement", text: `package p; import "sigs.k8s.io/yaml"`, want: 1},
		}, importFindings(otherAllows))
	})
}

// requirements are the direct ones, all of them, tests and examples included.
var requirements = []allowance{
	{"github.com/google/go-cmp", "readable differences, in tests only"},
	{"k8s.io/api", "the types that go in and out"},
	{"k8s.io/apimachinery", "metadata, selectors, quantities, field errors"},
	{"k8s.io/component-helpers", "upstream's parsing of node affinity"},
}

type modFile struct {
	Require []struct {
		Path, Version string
		Indirect      bool
	}
	Replace, Exclude, Retract []struct{}
	Tool                      []struct{ Path string }
}

func modFindings(m modFile) []string {
	var found, direct []string
	versions := make(map[string][]string)
	for _, r := range m.Require {
		if r.Indirect {
			continue
		}
		direct = append(direct, r.Path)
		if strings.HasPrefix(r.Path, "k8s.io/") {
			versions[r.Version] = append(versions[r.Version], r.Path)
		}
	}
	slices.Sort(direct)
	var want []string
	for _, r := range requirements {
		want = append(want, r.path)
	}
	if !slices.Equal(direct, want) {
		found = append(found, fmt.Sprintf("go.mod: direct requirements = %q, want %q", direct, want))
	}
	if len(versions) > 1 {
		found = append(found, fmt.Sprintf("go.mod: Kubernetes modules of different versions: %v", versions))
	}
	if n := len(m.Replace); n > 0 {
		found = append(found, fmt.Sprintf("go.mod: %d replace directives, want 0: an importer's build ignores them", n))
	}
	if n := len(m.Exclude); n > 0 {
		found = append(found, fmt.Sprintf("go.mod: %d exclude directives, want 0: an importer's build ignores them", n))
	}
	if n := len(m.Tool); n > 0 {
		found = append(found, fmt.Sprintf("go.mod: %d tool directives, want 0: tools live in internal/tools", n))
	}
	return found
}

// readMod has the go command parse a go.mod file.
func readMod(t *testing.T, name string) modFile {
	t.Helper()
	out, err := exec.Command("go", "mod", "edit", "-json", name).Output()
	if err != nil {
		t.Fatalf("go mod edit -json %s: %v", name, err)
	}
	var m modFile
	if err := json.Unmarshal(out, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGoMod(t *testing.T) {
	report(t, modFindings(readMod(t, filepath.Join(root, "go.mod"))))
}

func TestGoModCheck(t *testing.T) {
	const good = `module m
go 1.26.0
require (
	github.com/google/go-cmp v0.7.0
	k8s.io/api v0.37.2
	k8s.io/apimachinery v0.37.2
	k8s.io/component-helpers v0.37.2
)
require k8s.io/utils v0.0.0-20260101000000-0123456789ab // indirect
`
	for _, tc := range []struct {
		name, why, text string
		want            int
	}{
		{"four", "what the library needs", good, 0},
		{"fifth", "every importer pays for a requirement", good + "require sigs.k8s.io/yaml v1.6.0\n", 1},
		{"missing", "the list is exact", strings.Replace(good, "\tk8s.io/api v0.37.2\n", "", 1), 1},
		{"mixed", "Kubernetes modules are released together", strings.Replace(good, "k8s.io/api v0.37.2", "k8s.io/api v0.36.0", 1), 1},
		{"replace", "importers ignore it", good + "replace k8s.io/api => ../api\n", 1},
		{"exclude", "importers ignore it", good + "exclude k8s.io/api v0.1.0\n", 1},
		{"tool", "its requirements would be the library's", good + "tool k8s.io/api/cmd\n", 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			name := filepath.Join(t.TempDir(), "go.mod")
			if err := os.WriteFile(name, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := modFindings(readMod(t, name)); len(got) != tc.want {
				t.Errorf("modFindings = %q, want %d: %s", got, tc.want, tc.why)
			}
		})
	}
}
