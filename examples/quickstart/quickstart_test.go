package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"

	"github.com/pernode/daemonset/rollout/kubectl"
)

var update = flag.Bool("update", false, "rewrite the expected output in testdata")

var testNow = time.Date(2026, 1, 1, 10, 0, 0, 0, time.UTC)

// command runs the quickstart as main does.
func command(stdin string, args ...string) (status int, stdout, stderr string) {
	var out, errs bytes.Buffer
	status = run(args, strings.NewReader(stdin), &out, &errs, testNow)
	return status, out.String(), errs.String()
}

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got); -update rewrites it:\n%s", file, diff)
	}
}

func testdata(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestLesson(t *testing.T) {
	status, stdout, stderr := command("")
	if status != 0 || stderr != "" {
		t.Fatalf("run() = %d, stderr %q, want 0 and nothing", status, stderr)
	}
	golden(t, "lesson.txt", stdout)
	for line := range strings.Lines(stdout) {
		if n := len(strings.TrimSuffix(line, "\n")); n > 110 {
			t.Errorf("line has %d columns, want 110 at most: %s", n, line)
		}
	}
	// The document that the lesson was taken from shows these.
	for _, want := range []string{
		"nginx-deploy   2         2         2       2            2           <none>",
		"nginx-deploy-4lnck   cka-cluster2-worker2 ",
		"nginx-deploy-cc2tw   cka-cluster2-worker ",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("the lesson does not show %q", want)
		}
	}
}

// The simulation keeps its objects in maps, whose order must not show.
func TestLessonRepeats(t *testing.T) {
	_, want, _ := command("")
	for range 5 {
		if _, got, _ := command(""); got != want {
			t.Fatalf("the lesson plays differently each time (-first +now):\n%s", cmp.Diff(want, got))
		}
	}
}

func TestAnswer(t *testing.T) {
	list := testdata(t, "rollout.yaml")
	without := func(kinds ...string) string {
		head, items, _ := strings.Cut(list, "\n- ")
		var kept []string
		for _, item := range strings.Split(items, "\n- ") {
			drop := false
			for _, kind := range kinds {
				drop = drop || strings.Contains(item, "\n  kind: "+kind+"\n  metadata:")
			}
			if !drop {
				kept = append(kept, item)
			}
		}
		return head + "\n- " + strings.Join(kept, "\n- ")
	}
	compact, err := utilyaml.ToJSON([]byte(list))
	if err != nil {
		t.Fatal(err)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, compact, "", "    "); err != nil {
		t.Fatal(err)
	}
	const service = "quickstart: passed over in standard input: v1 Service (1)\n"
	for _, tc := range []struct {
		name, why, stdin, want, stderr string
		args                           []string
		status                         int
	}{
		{
			name: "rollout", why: "what kubectl get -o yaml prints of an update that is stuck",
			args: []string{"-f", "testdata/rollout.yaml"}, status: 2, want: "rollout.txt",
			stderr: "quickstart: passed over in testdata/rollout.yaml: v1 Service (1)\n",
		},
		{
			name: "standard input", why: "the same from a pipe is the same",
			args: []string{"-f", "-"}, stdin: list, status: 2, want: "rollout.txt", stderr: service,
		},
		{
			name: "pretty JSON", why: "kubectl -o json indents the revisions' data, by whose bytes they are told apart",
			args: []string{"-f", "-"}, stdin: pretty.String(), status: 2, want: "rollout.txt", stderr: service,
		},
		{
			name: "other time", why: "-now replaces the clock: ages are others",
			args: []string{"-f", "-", "-now", "2026-01-01T12:00:00+01:00"}, stdin: list, status: 2, want: "rollout-later.txt", stderr: service,
		},
		{
			name: "manifests", why: "documents, a typed list, two DaemonSets with defaults to add, and one term that does not parse",
			args: []string{"-f", "testdata/manifests.yaml"}, status: 1, want: "manifests.txt",
			stderr: "quickstart: passed over in testdata/manifests.yaml: v1 ConfigMap (1)\n",
		},
		{
			name: "two files", why: "-f repeats: the lesson's DaemonSet on the lesson's nodes",
			args: []string{"-f", "lesson/daemonset.yaml", "-f", "lesson/nodes.yaml"}, want: "lesson-files.txt",
		},
		{
			name: "JSON values", why: "they need no marks between them",
			args: []string{"-f", "-", "-f", "lesson/daemonset.yaml"}, want: "json-values.txt",
			stdin: `{"apiVersion":"v1","kind":"Node","metadata":{"name":"a"}}{"apiVersion":"v1","kind":"List","items":[` +
				`{"apiVersion":"v1","kind":"Node","metadata":{"name":"b"}}]}`,
		},
		{
			name: "no nodes", why: "without them there is no answer, and that is said",
			args: []string{"-f", "-"}, stdin: without("Node"), want: "no-nodes.txt", stderr: service,
		},
		{
			name: "no nodes and no revisions", why: "nothing is made of a revision that is assumed",
			args: []string{"-f", "-"}, stdin: without("Node", "ControllerRevision"), want: "no-nodes.txt", stderr: service,
		},
		{
			name: "manifest without nodes", why: "what it changes is known, and not what it does",
			args: []string{"-f", "-", "-f", "testdata/repair.yaml"}, stdin: without("Node"), want: "no-nodes-proposal.txt", stderr: service,
		},
		{
			name: "no pods", why: "kubectl get ds,nodes alone must not read as if all pods were missing",
			args: []string{"-f", "-"}, stdin: without("Pod"), want: "no-pods.txt", stderr: service,
		},
		{
			name: "no revisions", why: "kubectl get ds,nodes,pods alone must not read as if all pods were outdated",
			args: []string{"-f", "-"}, stdin: without("ControllerRevision"), status: 2, want: "no-revisions.txt", stderr: service,
		},
		{
			name: "manifest of a live DaemonSet", why: "tells what applying it would do",
			args: []string{"-f", "-", "-f", "testdata/apply.yaml"}, stdin: without("DaemonSet"), want: "apply.txt", stderr: service,
		},
		{
			name: "stored DaemonSet and its manifest", why: "one DaemonSet and a proposal, not two DaemonSets",
			args: []string{"-f", "-", "-f", "testdata/apply.yaml"}, stdin: list, want: "proposal.txt", stderr: service,
		},
		{
			name: "manifest first", why: "the order of the files does not matter",
			args: []string{"-f", "testdata/apply.yaml", "-f", "-"}, stdin: list, want: "proposal.txt", stderr: service,
		},
		{
			name: "refused manifest", why: "the server would refuse it: the answer for the stored one stays, and the status is 1",
			args: []string{"-f", "-", "-f", "testdata/refused.yaml"}, stdin: list, want: "refused.txt", status: 1,
			stderr: service,
		},
		{
			name: "manifest without revisions", why: "whether it changes anything cannot be told",
			args: []string{"-f", "-", "-f", "testdata/apply.yaml"}, stdin: without("DaemonSet", "ControllerRevision"), want: "apply-no-revisions.txt", stderr: service,
		},
		{
			name: "OnDelete", why: "the update waits for somebody, not for a budget",
			args: []string{"-f", "-"}, status: 2, want: "on-delete.txt", stderr: service,
			stdin: strings.Replace(list, "    updateStrategy:\n      rollingUpdate:\n        maxSurge: 0\n        maxUnavailable: 1\n      type: RollingUpdate\n", "    updateStrategy:\n      type: OnDelete\n", 1),
		},
		{
			name: "trouble", why: "what is wrong comes first, and what is well is a line",
			args: []string{"-f", "testdata/trouble.yaml"}, status: 2, want: "trouble.txt",
		},
		{
			name: "verbose", why: "-v lists all nodes and warnings that can wait; -set restricts the answer",
			args: []string{"-v", "-set", "probe", "-f", "testdata/trouble.yaml"}, want: "verbose.txt",
		},
		{
			name: "one of a namespace", why: "-set takes a namespace, too",
			args: []string{"-set", "kube-system/cni", "-f", "testdata/trouble.yaml"}, status: 2, want: "set.txt",
		},
		{
			name: "json", why: "the same facts for programs",
			args: []string{"-o", "json", "-v", "-f", "testdata/rollout.yaml", "-f", "testdata/apply.yaml"}, want: "proposal.json",
			stderr: "quickstart: passed over in testdata/rollout.yaml: v1 Service (1)\n",
		},
		{
			name: "json of wrong input", why: "errors are facts, too",
			args: []string{"-o", "json", "-f", "-", "-f", "testdata/refused.yaml"}, stdin: without("Pod"), status: 1, want: "refused.json",
			stderr: service + "quickstart: testdata/refused.yaml:8: document 1: spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"logs\"}}: field is immutable\n",
		},
		{
			name: "repair", why: "the end of the proposal counts, not the stalled rollout that it repairs",
			args: []string{"-f", "-", "-f", "testdata/repair.yaml"}, stdin: list, want: "repair.txt", stderr: service,
		},
		{
			name: "odd but stored", why: "a newer server's field is passed over, pods elsewhere do not count, the empty selector makes the controller do nothing",
			args: []string{"-f", "testdata/odd.yaml"}, want: "odd.txt",
			stderr: "quickstart: passed over in testdata/odd.yaml: field spec.template.spec.containers[].novelty of DaemonSet (2)\n",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, stdout, stderr := command(tc.stdin, tc.args...)
			if status != tc.status || stderr != tc.stderr {
				t.Errorf("run(%q) = %d, stderr %q, want %d, %q: %s", tc.args, status, stderr, tc.status, tc.stderr, tc.why)
			}
			golden(t, tc.want, stdout)
		})
	}
}

// A stored DaemonSet that is put beside itself as a manifest changes nothing.
func TestAnswerNoChange(t *testing.T) {
	list := testdata(t, "rollout.yaml")
	_, set, _ := strings.Cut(list, "\n- ")
	set, _, _ = strings.Cut(set, "\n- ")
	var lines []string
	for line := range strings.Lines(set) {
		if line = strings.TrimPrefix(line, "  "); !strings.HasPrefix(line, "  uid: ") {
			lines = append(lines, line)
		}
	}
	status, stdout, stderr := command(list+"\n---\n"+strings.Join(lines, ""), "-f", "-")
	if want := "    apply  standard input:538: changes nothing\n"; status != 2 || !strings.Contains(stdout, want) || strings.Count(stdout, "\n    blocks ") != 1 || !strings.HasSuffix(stdout, "\n\nexit status 2 because of\n    logging/log-agent: the rollout is stalled\n") {
		t.Errorf("run(-f -) = %d, stderr %q, stdout\n%s\nwant 2, because it stays stalled, one DaemonSet and %q", status, stderr, stdout, want)
	}
}

// TestRestarted: a manifest beside a DaemonSet that kubectl rollout restart has restarted.
func TestRestarted(t *testing.T) {
	const labels, restartedAt = "metadata: {labels: {app: proxy}", kubectl.RestartedAtAnnotation
	annotated := func(text, annotations string) string {
		return strings.ReplaceAll(text, labels, labels+", annotations: {"+annotations+"}")
	}
	restarted := annotated(testdata(t, "trouble.yaml"), restartedAt+`: "2026-01-01T07:00:00Z"`)
	if n := strings.Count(restarted, restartedAt); n != 2 {
		t.Fatalf("trouble.yaml has %d templates of proxy, want those of the DaemonSet and its revision", n)
	}
	applied := func(annotation string) string {
		const name = "metadata: {name: proxy, namespace: kube-system, uid: uid-proxy"
		return strings.Replace(restarted, name, name+", annotations: {"+corev1.LastAppliedConfigAnnotation+
			`: '{"spec":{"template":{"metadata":{"annotations":{"`+annotation+`":"2026-01-01T07:00:00Z"}}}}}'}`, 1)
	}
	manifest := proxy("1", proxyNodes+"\n      "+proxyContainers)
	for _, tc := range []struct{ name, why, stored, manifest, want, not string }{
		{"unchanged", "kubectl apply leaves the annotation", restarted, manifest, ": changes nothing\n", "starts"},
		{"other annotation", "only the other one is new", restarted, annotated(manifest, "a: b"),
			": starts a rollout to revision 2, complete after 48s\n    diff   spec.template.metadata.annotations[a]: added \"b\"\n", restartedAt},
		{"other time", "the manifest has its own", restarted, annotated(manifest, restartedAt+`: "2026-01-01T08:00:00Z"`),
			"annotations[" + restartedAt + `]: "2026-01-01T07:00:00Z" -> "2026-01-01T08:00:00Z"`, ""},
		{"applied time", "kubectl apply removes what it has put there itself", applied(restartedAt), manifest,
			"annotations[" + restartedAt + "]: removed", ""},
		{"applied without", "kubectl rollout restart has put it there", applied("a"), manifest, ": changes nothing\n", "starts"},
		{"applied unreadable", "kubectl cannot read it either", strings.Replace(applied(restartedAt), `'{"spec"`, `'{"kind":1,"spec"`, 1), manifest, ": changes nothing\n", "starts"},
		{"annotation removed", "kubectl apply removes what the manifest had", annotated(testdata(t, "trouble.yaml"), "a: b"), manifest,
			"annotations[a]: removed \"b\"\n", ""},
	} {
		_, stdout, stderr := command(tc.stored+"---"+tc.manifest, "-set", "proxy", "-f", "-")
		if text := unfolded(stdout); !strings.Contains(text, unfolded(tc.want)) || tc.not != "" && strings.Contains(text, tc.not) {
			t.Errorf("%s: stdout\n%sstderr %q, want %q, not %q: %s", tc.name, stdout, stderr, tc.want, tc.not, tc.why)
		}
	}
}

// TestKeepRestartCopies: the manifest of the input stays as it is.
func TestKeepRestartCopies(t *testing.T) {
	stored := &appsv1.DaemonSet{}
	stored.Spec.Template.Annotations = map[string]string{kubectl.RestartedAtAnnotation: "2026-01-01T07:00:00Z"}
	manifest := &appsv1.DaemonSet{}
	manifest.Spec.Template.Annotations = map[string]string{"a": "b"}
	kept := keepRestart(manifest, stored)
	if len(kept.Spec.Template.Annotations) != 2 || len(manifest.Spec.Template.Annotations) != 1 {
		t.Errorf("keepRestart() has the annotations %v, the manifest now %v, want the restart in the former only", kept.Spec.Template.Annotations, manifest.Spec.Template.Annotations)
	}
}

// TestEachAlone: a manifest is judged without what the others bring about, and that is said.
func TestEachAlone(t *testing.T) {
	const note = "each is simulated without the others; examples/premerge judges all changes together"
	node := "apiVersion: v1\nkind: Node\nmetadata: {name: n1, labels: {pool: general}}\nstatus: {allocatable: {cpu: \"1\", memory: 1Gi, pods: \"110\"}}\n"
	set := func(name, cpu string) string {
		return "---" + strings.NewReplacer("name: proxy,", "name: "+name+",", "10m", cpu).Replace(proxy("1", proxyNodes+"\n      "+proxyContainers))
	}
	const wrong = "---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: wrong}\nspec: {template: {metadata: {labels: {a: b}}}}\n"
	for _, tc := range []struct {
		name, why, input string
		args             []string
		want             string
	}{
		{"two new ones", "together they do not fit, and both are complete", node + set("a", "600m") + set("b", "600m"), nil, "2 manifests change something: " + note},
		{"three", "they are counted", node + set("a", "1m") + set("b", "1m") + set("c", "1m"), nil, "3 manifests change something: " + note},
		{"one", "there are no others", node + set("a", "600m"), nil, ""},
		{"one of two", "there is one answer", node + set("a", "600m") + set("b", "600m"), []string{"-set", "a"}, ""},
		{"one is refused", "it is not stored", node + set("a", "600m") + wrong, nil, ""},
		{"no nodes", "nothing is simulated", strings.TrimPrefix(set("a", "600m")+set("b", "600m"), "---"), nil, ""},
		{"one changes nothing", "it brings nothing about", testdata(t, "trouble.yaml") + set("proxy", "10m") + set("b", "10m"), nil, ""},
		{"change and new", "both take room", testdata(t, "trouble.yaml") + set("proxy", "20m") + set("b", "10m"), nil, "2 manifests change something: " + note},
	} {
		_, stdout, stderr := command(tc.input, append(tc.args, "-f", "-")...)
		if want := tc.want; want != "" && stderr != "quickstart: "+want+"\n" || want == "" && strings.Contains(stderr, note) {
			t.Errorf("%s: stderr %q, want the note %q: %s", tc.name, stderr, want, tc.why)
		}
		if tc.name == "two new ones" && strings.Count(stdout, "would run on 1 of 1 node, complete after") != 2 {
			t.Errorf("%s: stdout\n%swant two that are complete: the note says why", tc.name, stdout)
		}
		var r report
		_, text, _ := command(tc.input, append(tc.args, "-f", "-", "-o", "json")...)
		if err := json.Unmarshal([]byte(text), &r); err != nil || strings.Join(r.Notes, "|") != tc.want {
			t.Errorf("%s: -o json has the notes %q, %v, want %q: %s", tc.name, r.Notes, err, tc.want, tc.why)
		}
	}
}

// Long lists are cut, the numbers are not.
func TestAnswerLarge(t *testing.T) {
	var input strings.Builder
	input.WriteString(testdata(t, "../lesson/daemonset.yaml"))
	for i := range 100 {
		taint := ""
		if i >= 60 {
			taint = "spec: {taints: [{key: dedicated, effect: NoExecute}]}\n"
		}
		fmt.Fprintf(&input, "---\napiVersion: v1\nkind: Node\nmetadata: {name: node-%02d}\n%s", i, taint)
	}
	status, stdout, stderr := command(input.String(), "-f", "-")
	if status != 0 || stderr != "" {
		t.Fatalf("run = %d, stderr %q, want 0 and nothing", status, stderr)
	}
	for _, want := range []string{
		"default/nginx-deploy: new: would run on 60 of 100 nodes, complete after 10s\n",
		"    nodes  40 have untolerated taint dedicated\n",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("answer for 100 nodes lacks %q:\n%s", want, stdout)
		}
	}
	status, stdout, _ = command(input.String(), "-v", "-f", "-")
	if want := "           node-18: runs here\n           and 81 more\n"; status != 0 || !strings.Contains(stdout, want) {
		t.Errorf("run(-v) = %d, stdout\n%s\nwant 0 and %q", status, stdout, want)
	}
}

// proxy is a manifest of the DaemonSet proxy of trouble.yaml, which is complete, with a budget
// and more of the pod's spec.
func proxy(budget, spec string) string {
	return `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: proxy, namespace: kube-system}
spec:
  selector: {matchLabels: {app: proxy}}
  updateStrategy:
    rollingUpdate:
      maxUnavailable: ` + budget + `
  template:
    metadata: {labels: {app: proxy}}
    spec:
      ` + spec + "\n"
}

const (
	proxyNodes      = "nodeSelector: {pool: general}"
	proxyContainers = `containers: [{name: proxy, image: "registry.example/proxy:1", resources: {requests: {cpu: 10m, memory: 64Mi}}}]`
)

// moved are the stored DaemonSets a and b with a host port each, and manifests that change the ports.
func moved(a, newA, b, newB int) string {
	set := func(name, stored string, port int) string {
		containers := strings.Replace(proxyContainers, "resources", fmt.Sprintf("ports: [{containerPort: %d, hostPort: %[1]d}], resources", port), 1)
		return strings.NewReplacer("{name: proxy, namespace: kube-system}", "{name: "+name+", namespace: default"+stored+"}", "proxy", name).Replace(proxy("1", proxyNodes+"\n      "+containers))
	}
	const stored = ", uid: u, resourceVersion: '1'"
	return strings.Join([]string{set("a", stored, a), set("b", stored, b), set("a", "", newA), set("b", "", newB)}, "---")
}

// The rule of the exit status stands at three places.
func TestExitStatusText(t *testing.T) {
	const first, last = "The exit status is 0 if all is well", "and in JSON the field because."
	rule := func(file, prefix string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all := strings.Join(strings.Fields(strings.ReplaceAll(string(text), prefix, " ")), " ")
		_, all, found := strings.Cut(all, first)
		all, _, ends := strings.Cut(all, last)
		if !found || !ends {
			t.Fatalf("%s has no sentences from %q to %q", file, first, last)
		}
		return all
	}
	help, comment, readme := strings.Join(strings.Fields(usage), " "), rule("main.go", "\n//"), rule("../../README.md", "\n")
	if !strings.Contains(help, first+comment+last) {
		t.Errorf("-h says %q, the package comment %q", help, comment)
	}
	if readme != comment {
		t.Errorf("the README says %q, the package comment %q", readme, comment)
	}
}

// unfolded is a text with one space in the place of each white space.
func unfolded(text string) string { return strings.Join(strings.Fields(text), " ") }

func TestExitStatus(t *testing.T) {
	const lines = "\n      "
	tolerant := proxy("1", proxyNodes+lines+"tolerations: [{key: node.kubernetes.io/not-ready, operator: Exists, effect: NoExecute}]"+lines+proxyContainers)
	update := strings.Replace(proxyContainers, "proxy:1", "proxy:2", 1)
	for _, tc := range []struct {
		name, why, manifest string
		args                []string
		want                int
		stdout, not         string
	}{
		{name: "complete", why: "all is well", args: []string{"-set", "proxy"},
			stdout: "kube-system/proxy: complete since 2026-01-01T07:00:10Z (179m): 4 of 4 nodes complete\n", not: "    "},
		{name: "progressing", why: "it goes on by itself", args: []string{"-set", "logs"}, stdout: "progressing: 1 of 4"},
		{name: "waiting", why: "somebody has decided so", args: []string{"-set", "tuner"}, stdout: "somebody has to delete 2 outdated pods"},
		{name: "stalled", why: "somebody has to look", args: []string{"-set", "cni"}, want: 2, stdout: "stalled since"},
		{name: "unreachable", why: "the controller does not count the node, and its pod is gone all the same", args: []string{"-set", "gpu"}, want: 2,
			stdout: "kube-system/gpu: disrupted: no other node should run it; 1 node is not ready and keeps a pod that is not available\n    blocks node-5: gpu-15: node is not ready since", not: "stray"},
		{name: "unreachable and an update", why: "the node is none of its doing", args: []string{"-set", "gpu"}, stdout: "starts a rollout to revision 2", not: "exit status",
			manifest: strings.NewReplacer("proxy:1", "gpu:2", "proxy", "gpu").Replace(proxy("1", "nodeSelector: {pool: gpu}"+lines+proxyContainers))},
		{name: "port of another", why: "the other one no longer uses it", args: []string{"-set", "default/b"}, stdout: "starts a rollout to revision 1", not: "HostPortConflict",
			manifest: moved(80, 81, 90, 80)},
		{name: "no revisions", why: "the number is a guess", args: []string{"-set", "default/b"}, stdout: "    note   no controllerrevisions of it in the input: the revision that the rollout makes may",
			manifest: moved(80, 81, 90, 80)},
		{name: "same port", why: "both begin to use it", args: []string{"-set", "default/a"}, want: 2, stdout: "HostPortConflict", manifest: moved(80, 81, 90, 81)},
		{name: "one of many", why: "the worst counts", want: 2, stdout: "kube-system/proxy: complete"},
		{name: "why", why: "each that counts is named", want: 2, stdout: "\n\nexit status 2 because of\n    kube-system/cni: the rollout is stalled\n    kube-system/exporter: the rollout is stalled\n    kube-system/gpu: 1 node is not ready and keeps a pod that is not available\n    kube-system/storage: the rollout is stalled\n"},
		{name: "update beside others", why: "nobody has asked for them", manifest: proxy("1", proxyNodes+lines+update), stdout: "kube-system/cni: stalled", not: "exit status"},
		{name: "why with a manifest", why: "what it would do, and not what is wrong elsewhere", manifest: proxy("1", "nodeSelector: {kubernetes.io/hostname: node-1}"+lines+proxyContainers), want: 2,
			stdout: "\n\nexit status 2 because of\n    kube-system/proxy: the manifest would hurt: nodes that lose the pod: 3\n"},
		{name: "same", why: "changes nothing", manifest: proxy("1", proxyNodes+lines+proxyContainers), args: []string{"-set", "proxy"}, stdout: "changes nothing"},
		{name: "another budget", why: "no rollout", manifest: proxy("2", proxyNodes+lines+proxyContainers), args: []string{"-set", "proxy"},
			stdout: "starts no rollout, complete from the start\n    diff   spec.updateStrategy.rollingUpdate.maxUnavailable: 1 -> 2\n    end    4 of 4 nodes available\n"},
		{name: "pod of another namespace", why: "it starts, and is of another DaemonSet of this name", args: []string{"-set", "kube-system/proxy"},
			manifest: proxy("2", proxyNodes+lines+proxyContainers) + "---\napiVersion: v1\nkind: Pod\nmetadata:\n  name: proxy-1\n  namespace: other\n  uid: other-1\n" +
				"  ownerReferences: [{apiVersion: apps/v1, kind: DaemonSet, name: proxy, uid: other, controller: true}]\nspec:\n  nodeName: node-1\n  containers: [{name: a, image: a}]\n",
			stdout: "\n    end    4 of 4 nodes available\n"},
		{name: "edited copy", why: "kubectl get -o yaml, an editor, and both", args: []string{"-set", "proxy"},
			manifest: strings.Replace(proxy("2", proxyNodes+lines+proxyContainers), "name: proxy,", "name: proxy, uid: uid-proxy, resourceVersion: '9',", 1),
			stdout:   "starts no rollout, complete from the start\n    diff   spec.updateStrategy.rollingUpdate.maxUnavailable: 1 -> 2\n"},
		{name: "no namespace", why: "it is a new one, and that may be a slip", args: []string{"-set", "default/proxy"},
			manifest: strings.Replace(proxy("1", proxyNodes+lines+proxyContainers), ", namespace: kube-system", "", 1),
			stdout:   "    note   standard input:4: a DaemonSet of this name is stored in kube-system; a proposal for it has\n             metadata.namespace kube-system\n"},
		{name: "misspelt namespace", why: "it is a new one, and that may be a slip", args: []string{"-set", "kubesystem/proxy"},
			manifest: strings.Replace(proxy("1", proxyNodes+lines+proxyContainers), "namespace: kube-system", "namespace: kubesystem", 1),
			stdout:   "a DaemonSet of this name is stored in kube-system; a proposal for it has"},
		{name: "update", why: "goes well", manifest: proxy("1", proxyNodes+lines+update), args: []string{"-set", "proxy"},
			stdout: "starts a rollout to revision 2, complete after 48s\n", not: "no controllerrevisions"},
		{name: "fewer nodes", why: "takes pods away", manifest: proxy("1", "nodeSelector: {kubernetes.io/hostname: node-1}"+lines+proxyContainers), args: []string{"-set", "proxy"}, want: 2,
			stdout: "    loses  node-2: nodeSelector kubernetes.io/hostname=node-1, node has kubernetes.io/hostname=node-2\n"},
		{name: "one node less", why: "the grammar follows", manifest: proxy("1", "nodeSelector: {pool: general}"+lines+"affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: NotIn, values: [node-1]}]}]}}}"+lines+proxyContainers), args: []string{"-set", "proxy"}, want: 2,
			stdout: "; 1 node loses the pod\n"},
		{name: "too large", why: "never fits", manifest: proxy("1", proxyNodes+lines+strings.Replace(proxyContainers, "10m", "64", 1)), args: []string{"-set", "proxy"}, want: 2,
			stdout: "starts a rollout to revision 2, stalled without completing a node\n"},
		{name: "toleration", why: "no server takes it, and it is not simulated", args: []string{"-set", "proxy"}, want: 1, stdout: "refused, the API server would not store it", not: "rollout to",
			manifest: proxy("1", proxyNodes+lines+"tolerations: [{key: a, operator: Has}]"+lines+proxyContainers)},
		{name: "no selector", why: "the stored one has a selector", args: []string{"-set", "proxy"}, want: 1, stdout: "manifest has none: write that of the stored one\n",
			manifest: strings.Replace(proxy("1", proxyNodes+lines+proxyContainers), "  selector: {matchLabels: {app: proxy}}\n", "", 1)},
		{name: "percentage", why: "no server takes it, and it is not simulated", manifest: proxy("10 %", proxyNodes+lines+update), args: []string{"-set", "proxy"}, want: 1,
			stdout: "refused, the API server would not store it", not: "rollout to"},
		{name: "host ports", why: "no server takes it, and it is not simulated", args: []string{"-set", "proxy"}, want: 1, stdout: "refused, the API server would not store it", not: "rollout to",
			manifest: proxy("1", proxyNodes+lines+strings.Replace(proxyContainers, "resources", "ports: [{containerPort: 1, hostPort: 1}, {containerPort: 2, hostPort: 1}], resources", 1))},
		{name: "host network", why: "the server takes it, and refuses the pods", args: []string{"-set", "proxy"}, want: 2, stdout: "lint   error HostPortDuplicate",
			manifest: proxy("1", proxyNodes+lines+"hostNetwork: true"+lines+strings.Replace(proxyContainers, "resources", "ports: [{containerPort: 1}, {containerPort: 1}], resources", 1))},
		{name: "percentage of a new one", why: "no server takes it, and it is not simulated", manifest: strings.Replace(proxy("10 %", update), "name: proxy,", "name: new,", 1),
			args: []string{"-set", "new"}, want: 1, stdout: "kube-system/new: refused", not: "end "},
		{name: "no room", why: "pods of other namespaces take it", args: []string{"-set", "new"}, want: 2, stdout: "other/new: new: would run on 4 of 5 nodes, stalled", not: "not simulated",
			manifest: strings.NewReplacer("{name: proxy, namespace: kube-system}", "{name: new, namespace: other}", "10m", "600m").Replace(proxy("1", proxyNodes+lines+proxyContainers))},
		{name: "no room of its priority", why: "a real scheduler may make it", args: []string{"-set", "new"}, want: 2,
			stdout:   "    note   not simulated: whether the scheduler ends pods of lower priorities to make room on node-",
			manifest: strings.NewReplacer("{name: proxy, namespace: kube-system}", "{name: new, namespace: other}", "10m", "600m").Replace(proxy("1", "priorityClassName: system-node-critical"+lines+proxyNodes+lines+proxyContainers))},
		{name: "known findings", why: "those of the stored one are told there", args: []string{"-set", "probe"}, stdout: "1 warning: RequestsMissing", not: "warning RequestsMissing at",
			manifest: strings.NewReplacer("proxy:1", "probe:2", "proxy", "probe", "{requests: {cpu: 10m, memory: 64Mi}}", "{}").Replace(proxy("1", proxyNodes+lines+proxyContainers))},
		{name: "info", why: "does no harm", manifest: tolerant, args: []string{"-set", "proxy"}, stdout: "starts a rollout", not: "info"},
		{name: "info and -v", why: "all is wanted", manifest: tolerant, args: []string{"-set", "proxy", "-v"}, stdout: "info TolerationDefault"},
		{name: "other percentage", why: "is one", manifest: proxy("10%", proxyNodes+lines+update), args: []string{"-set", "proxy"}, stdout: "complete after 48s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := append(tc.args, "-f", "testdata/trouble.yaml")
			if tc.manifest != "" {
				args = append(args, "-f", "-")
			}
			status, stdout, stderr := command(tc.manifest, args...)
			if status != tc.want || !strings.Contains(stdout, tc.stdout) || tc.not != "" && strings.Contains(stdout, tc.not) {
				t.Errorf("run(%q) = %d, stdout\n%s\nwant %d, %q, not %q: %s", args, status, stdout, tc.want, tc.stdout, tc.not, tc.why)
			}
			if stderr != "" {
				t.Errorf("run(%q): stderr %q, want the reason with the answer", args, stderr)
			}
			var r report
			_, text, lines := command(tc.manifest, append(args, "-o", "json")...)
			if err := json.Unmarshal([]byte(text), &r); err != nil || r.ExitStatus != tc.want {
				t.Errorf("run(%q -o json) = %s, %v, want exitStatus %d", args, text, err, tc.want)
			}
			if (len(r.Because) > 0) != (tc.want == statusBad) {
				t.Errorf("run(%q -o json): because %v with exitStatus %d, want the reason of 2", args, r.Because, r.ExitStatus)
			}
			if len(r.Errors) != strings.Count(lines, "\n") || (len(r.Errors) > 0) != (tc.want == statusWrong) {
				t.Errorf("run(%q -o json): %d errors, stderr %q, want a line for each, and at least one with the status 1", args, len(r.Errors), lines)
			}
			for _, err := range r.Errors {
				if strings.Count(unfolded(stdout), unfolded(err.Error())) != 1 {
					t.Errorf("run(%q) = %s, want the reason once: %v", args, stdout, err)
				}
			}
		})
	}
}

// TestProposalText: what a proposal beside a stalled rollout leads to. cni:2 runs on node-1 and cannot
// be pulled on node-2.
func TestProposalText(t *testing.T) {
	const (
		broken     = `if the image "registry.example/cni:2" can be pulled and starts on other nodes than node-2, and pods are ready`
		containers = `containers: [{name: cni, image: "registry.example/cni:2", resources: {requests: {cpu: 10m, memory: 64Mi}}}`
		mended     = `containers: [{name: cni, image: "registry.example/cni:3", resources: {requests: {cpu: 10m, memory: 64Mi}}}`
	)
	of := func(name, budget, containers string) string {
		return strings.NewReplacer("name: proxy,", "name: "+name+",", "app: proxy", "app: "+name).Replace(proxy(budget, proxyNodes+"\n      "+containers+"]"))
	}
	for _, tc := range []struct {
		name, why, manifest, set string
		want                     []string
		not                      string
	}{
		{"another budget", "two nodes more, and whether they can pull the image is not known", of("cni", "2", containers), "cni",
			[]string{": starts no rollout; the present one goes on, stalled after 24s\n", "2 of 4 nodes available at the worst moment, " + broken}, "no rollout, stalled"},
		{"a label", "nothing moves, so nothing is assumed", strings.Replace(of("cni", "1", containers), "name: cni,", "name: cni, labels: {a: b},", 1), "cni",
			[]string{": starts no rollout; the present one stays stalled\n", "    end    3 of 4 nodes available\n"}, "pods are ready"},
		{"undo", "the image runs on two nodes", of("cni", "1", strings.Replace(containers, "cni:2", "cni:1", 1)), "cni",
			[]string{": starts a rollout to the template of revision 1, now revision 3, complete after 24s diff", "worst moment, if pods are ready"}, "can be pulled, and"},
		{"a new image", "nobody has pulled it", of("cni", "1", mended), "cni",
			[]string{`if the image "registry.example/cni:3" can be pulled and starts, and pods are ready`}, "other nodes"},
		{"beside a new image", "each has its clause", of("cni", "2", strings.Replace(containers, "cni:2", "cni:3", 1)+", "+strings.Replace(strings.TrimPrefix(containers, "containers: ["), "name: cni", "name: b", 1)), "cni",
			[]string{`if the images "registry.example/cni:2", "registry.example/cni:3" can be pulled and start, and pods are ready`}, ""},
		{"a new DaemonSet", "the node that cannot pull it is among the blockers", of("new", "1", containers), "new",
			[]string{"kube-system/new: new: would run on 4 of 5 nodes, stalled after 10s\n", "blocks node-2: new-2: image", broken}, ""},
		{"a new one on no node", "the verdict says it", strings.Replace(of("new", "1", mended), "nodeSelector: {", "nodeSelector: {disk: tape, ", 1), "new",
			[]string{"would run on 0 of 5 nodes, complete from the start\n"}, " end "},
		{"no node", "nobody pulls the image", strings.Replace(of("cni", "1", mended), "nodeSelector: {", "nodeSelector: {disk: tape, ", 1), "cni",
			[]string{"; 4 nodes lose the pod diff", "    end    it runs on no node\n"}, "can be pulled"},
		{"waiting", "it needs somebody as before", strings.Replace(strings.NewReplacer("proxy:1", "tuner:2", "proxy", "tuner").Replace(proxy("1", proxyNodes+"\n      "+proxyContainers)),
			"    rollingUpdate:\n      maxUnavailable: 1\n", "    type: OnDelete\n  minReadySeconds: 1\n", 1), "tuner",
			[]string{": starts no rollout; the present one stays waiting\n"}, ""},
		{"stalls at once", "no node gets further", of("exporter", "1", strings.NewReplacer("cni", "exporter", "memory: 64Mi}", "memory: 64Mi, example.com/a: 1}, limits: {example.com/a: 1}").Replace(containers)), "exporter",
			[]string{": starts a rollout to revision 3, stalled without completing a node\n"}, "after 0s"},
	} {
		_, stdout, stderr := command(testdata(t, "trouble.yaml")+"---"+tc.manifest, "-set", "kube-system/"+tc.set, "-f", "-")
		text := strings.Join(strings.Fields(stdout), " ")
		for _, want := range tc.want {
			if !strings.Contains(stdout, want) && !strings.Contains(text, want) {
				t.Errorf("%s: stdout\n%sstderr %q, want %q: %s", tc.name, stdout, stderr, want, tc.why)
			}
		}
		if _, proposal, ok := strings.Cut(text, " apply "); ok {
			text = proposal
		}
		if tc.not != "" && strings.Contains(text, tc.not) {
			t.Errorf("%s: stdout\n%swant no %q: %s", tc.name, stdout, tc.not, tc.why)
		}
	}
}

// TestNodeNotReadyOnce: that a node is not ready is said once, also if a pod there does not end for
// that reason.
func TestNodeNotReadyOnce(t *testing.T) {
	dump := testdata(t, "trouble.yaml")
	for _, edit := range [][2]string{
		{"metadata: {name: node-3, uid: n3, labels: {kubernetes.io/hostname: node-3, pool: general}}\nstatus:\n  allocatable: {cpu: \"2\", memory: 4Gi, pods: \"110\"}\n  conditions:\n  - {type: Ready, status: \"True\", reason: KubeletReady, message: kubelet is posting ready status,",
			"metadata: {name: node-3, uid: n3, labels: {kubernetes.io/hostname: node-3, pool: general}}\nspec: {taints: [{key: node.kubernetes.io/not-ready, effect: NoSchedule}]}\nstatus:\n  allocatable: {cpu: \"2\", memory: 4Gi, pods: \"110\"}\n  conditions:\n  - {type: Ready, status: \"False\", reason: KubeletNotReady, message: no network,"},
		{"  uid: logs-13\n", "  uid: logs-13\n  deletionTimestamp: \"2026-01-01T09:30:00Z\"\n  deletionGracePeriodSeconds: 30\n"},
	} {
		if strings.Count(dump, edit[0]) != 1 {
			t.Fatalf("trouble.yaml lacks %q", edit[0])
		}
		dump = strings.Replace(dump, edit[0], edit[1], 1)
	}
	for _, tc := range []struct{ set, want string }{
		{"logs", "node-3: logs-13: terminating since 2026-01-01T09:29:30Z, past its grace period; node is not ready since 2026-01-01T07:00:00Z: KubeletNotReady: no network"},
		{"proxy", "node-3: proxy-13: node is not ready since 2026-01-01T07:00:00Z: KubeletNotReady: no network"},
	} {
		_, stdout, stderr := command(dump, "-set", tc.set, "-f", "-")
		text := strings.Join(strings.Fields(stdout), " ")
		if !strings.Contains(text, tc.want) || strings.Count(text, "node is not ready since") != 1 {
			t.Errorf("run(-set %s) = stdout\n%sstderr %q, want %q, and only that about the node", tc.set, stdout, stderr, tc.want)
		}
	}
}

// TestNewGains: a node gains the pod of a new DaemonSet for a reason that is one.
func TestNewGains(t *testing.T) {
	_, stdout, _ := command("", "-f", "lesson/daemonset.yaml", "-f", "lesson/nodes.yaml", "-o", "json")
	if want := `"why": "new DaemonSet"`; !strings.Contains(stdout, want) {
		t.Errorf("run(-o json) = %s, want %s in it", stdout, want)
	}
}

// How reading fails is tested in daemon/manifest; this is what the command makes of it.
func TestWrongInput(t *testing.T) {
	const node = "apiVersion: v1\nkind: Node\nmetadata: {name: a}\n"
	set := func(spec string) string {
		return "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\nspec: " + spec + "\n"
	}
	for _, tc := range []struct{ name, why, stdin, want string }{
		{"empty", "kubectl prints nothing where it finds nothing", "", "standard input: nothing in it"},
		{"no DaemonSet", "nothing to answer for", node + "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\n",
			"no DaemonSet in the input, only Node (1), apps/v1 Deployment (1); kubectl get ds,nodes,pods,controllerrevisions -A -o yaml lists those of all namespaces"},
		{"empty list", "kubectl get ds -o yaml without any", "apiVersion: v1\nkind: List\nitems: []\n",
			"no DaemonSet in the input: the list is empty; kubectl get ds,nodes,pods,controllerrevisions -A -o yaml lists those of all namespaces"},
		{"misspelt kind", "it would be passed over", "apiVersion: apps/v1\nkind: Daemonset\nmetadata: {name: a}\n",
			`standard input:2: document 1: kind: Invalid value: "Daemonset": did you mean DaemonSet?`},
		{"template", "not rendered yet", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: {{ .Values.name }}\n",
			`standard input:4: document 1: is a template: render it first, for instance with helm template (invalid map key: map[interface {}]interface {}{".Values.name":interface {}(nil)})`},
		{"quantity", "with its value", set("{template: {spec: {containers: [{name: x, resources: {limits: {memory: 64 Mi}}}]}}}"),
			`standard input:4: document 1: spec.template.spec.containers[0].resources.limits.memory: Invalid value: "64 Mi": is not a quantity, such as 100m, 2 or 1.5Gi`},
		{"old group", "removed from Kubernetes long ago", "apiVersion: extensions/v1beta1\nkind: DaemonSet\n",
			`standard input:1: document 1: apiVersion: Invalid value: "extensions/v1beta1": write apps/v1 for a DaemonSet: Kubernetes 1.16 removed the older versions`},
		{"misspelt", "silence would be worse", set("{tmplate: {}, selektor: {}}"),
			"standard input:4: document 1: spec.selektor: unknown field\nquickstart: standard input:4: document 1: spec.tmplate: unknown field"},
		{"two types", "all of one document is said at once", set("{minReadySeconds: ten, revisionHistoryLimit: many}"),
			"standard input:4: document 1: spec.minReadySeconds: is a string and has to be a whole number (int32)\n" +
				"quickstart: standard input:4: document 1: spec.revisionHistoryLimit: is a string and has to be a whole number (int32)"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, _, stderr := command(tc.stdin, "-f", "-")
			if want := "quickstart: " + tc.want + "\n"; status != 1 || stderr != want {
				t.Errorf("run(-f -) = %d, stderr\n%swant 1,\n%s%s", status, stderr, want, tc.why)
			}
		})
	}
}

// What is wrong with a DaemonSet stands below its verdict, once.
func TestWrongDaemonSet(t *testing.T) {
	set := func(spec string) string {
		return "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\nspec: " + spec + "\n"
	}
	for _, tc := range []struct{ name, why, stdin, want string }{
		{"no selector", "the API server refuses it", set("{template: {metadata: {labels: {a: b}}}}"),
			"standard input:4: document 1: spec.selector: Required value"},
		{"empty selector", "would select every pod", set("{selector: {}, template: {metadata: {labels: {a: b}}}}"),
			"standard input:4: document 1: spec.selector: Invalid value: {}: empty selector is invalid for daemonset"},
		{"stored percentage", "no answer is possible", "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n---\napiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a, uid: u}\n" +
			"spec:\n  selector: {matchLabels: {a: b}}\n  updateStrategy:\n    rollingUpdate: {maxUnavailable: 10 %}\n  template: {metadata: {labels: {a: b}}}\n---\n" +
			"apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n",
			`standard input:11: document 2: spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "10 %": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%'): write "10%"`},
		{"several", "a line for each",
			set("{minReadySeconds: -1, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: c}}}}"),
			"standard input:4: document 1: spec.template.metadata.labels: Invalid value: {\"a\":\"c\"}: `selector` does not match template `labels` " +
				"standard input:4: document 1: spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0"},
	} {
		status, stdout, stderr := command(tc.stdin, "-f", "-")
		verdict, reasons, _ := strings.Cut(stdout, "\n")
		if want := unfolded("wrong " + tc.want); status != 1 || !strings.HasPrefix(verdict, "default/a: ") || unfolded(reasons) != want || stderr != "" {
			t.Errorf("%s: run(-f -) = %d, stdout\n%sstderr %q, want 1, a verdict and\n%s\n%s", tc.name, status, stdout, stderr, want, tc.why)
		}
	}
}

// Two versions of a manifest are no proposal, and the error says who compares them.
func TestTwoVersions(t *testing.T) {
	file := filepath.Join(t.TempDir(), "old.yaml")
	if err := os.WriteFile(file, []byte(proxy("2", proxyContainers)), 0o600); err != nil {
		t.Fatal(err)
	}
	status, _, stderr := command(proxy("1", proxyContainers), "-f", file, "-f", "-")
	if want := "two versions of a manifest are compared by examples/premerge"; status != 1 || !strings.Contains(stderr, want) {
		t.Errorf("run(-f old.yaml -f -) = %d, stderr %q, want 1 and %q", status, stderr, want)
	}
}

// TestTimeBeforeInput: the ages of a dump that is newer than the answer are wrong.
func TestTimeBeforeInput(t *testing.T) {
	const note = "the input has the time "
	for _, tc := range []struct {
		name, why, object string
		want              string // the time in the note; empty: none
	}{
		{"pod", "it was made later", "kind: Pod\nmetadata: {name: p, creationTimestamp: 2026-01-01T12:00:00Z}", "2026-01-01T12:00:00Z"},
		{"pod's condition", "it changed later", "kind: Pod\nmetadata: {name: p}\nstatus: {conditions: [{type: Ready, status: 'True', lastTransitionTime: 2026-01-01T12:00:01Z}]}", "2026-01-01T12:00:01Z"},
		{"node", "it was made later", "kind: Node\nmetadata: {name: n1, creationTimestamp: 2026-01-01T12:00:02Z}", "2026-01-01T12:00:02Z"},
		{"node's condition", "it changed later", "kind: Node\nmetadata: {name: n1}\nstatus: {conditions: [{type: Ready, status: 'True', lastTransitionTime: 2026-01-01T12:00:03Z}]}", "2026-01-01T12:00:03Z"},
		{"heartbeat", "its kubelet was there later", "kind: Node\nmetadata: {name: n1}\nstatus: {conditions: [{type: Ready, status: 'True', lastHeartbeatTime: 2026-01-01T12:00:04Z}]}", "2026-01-01T12:00:04Z"},
		{"revision", "it was made later", "kind: ControllerRevision\nmetadata: {name: r, creationTimestamp: 2026-01-01T12:00:05Z}", "2026-01-01T12:00:05Z"},
		{"DaemonSet", "it was made later", "kind: DaemonSet\nmetadata: {name: d, creationTimestamp: 2026-01-01T12:00:06Z}\nspec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}}}", "2026-01-01T12:00:06Z"},
		{"clocks apart", "a minute is no dump", "kind: Pod\nmetadata: {name: p, creationTimestamp: 2026-01-01T10:01:00Z}", ""},
		{"older", "as it should be", "kind: Pod\nmetadata: {name: p, creationTimestamp: 2026-01-01T09:00:00Z}", ""},
	} {
		version := "v1"
		if strings.HasPrefix(tc.object, "kind: C") || strings.HasPrefix(tc.object, "kind: D") {
			version = "apps/v1"
		}
		input := strings.Replace(proxy("1", proxyContainers), "name: proxy,", "name: other,", 1) + "---\napiVersion: " + version + "\n" + tc.object + "\n"
		_, stdout, stderr := command(input, "-f", "-", "-now", "2026-01-01T10:00:00Z", "-o", "json")
		if got := strings.Contains(stderr, note+tc.want) && tc.want != ""; got != (tc.want != "") || !got && strings.Contains(stderr, note) {
			t.Errorf("%s: stderr %q, want a note with the time %q: %s", tc.name, stderr, tc.want, tc.why)
		}
		if strings.Contains(stdout, note) != (tc.want != "") {
			t.Errorf("%s: -o json has no note, or a needless one:\n%s", tc.name, stdout)
		}
	}
}

func TestFilesAndArguments(t *testing.T) {
	wrong := filepath.Join(t.TempDir(), "ds.yaml")
	if err := os.WriteFile(wrong, []byte("apiVersion: v1\nkind: Node\nmetadata: {nam: a}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(t.TempDir(), "elsewhere.yaml")
	if err := os.WriteFile(elsewhere, []byte(strings.Replace(proxy("1", proxyContainers), "name: proxy, namespace: kube-system", "name: log-agent", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name, why, stderr string
		args              []string
		status            int
	}{
		{"no file", "named once", "quickstart: open nowhere.yaml: " + syscall.ENOENT.Error() + "\n", []string{"-f", "nowhere.yaml"}, 1},
		{"escape", "a name must not control the terminal", "quickstart: open no\uFFFDwhere.yaml: " + syscall.ENOENT.Error() + "\n", []string{"-f", "no\x1bwhere.yaml"}, 1},
		{"wrong file", "named, with document and field", "quickstart: " + wrong + ":3: document 1: metadata.nam: unknown field\n", []string{"-f", "lesson/daemonset.yaml", "-f", wrong}, 1},
		{"same file twice", "a slip, not a bigger cluster",
			"quickstart: lesson/nodes.yaml:6: document 1: metadata.name: Duplicate value: Node cka-cluster2-control-plane is in lesson/nodes.yaml:3 already\n" +
				"quickstart: lesson/nodes.yaml:18: document 2: metadata.name: Duplicate value: Node cka-cluster2-worker is in lesson/nodes.yaml:15 already\n" +
				"quickstart: lesson/nodes.yaml:25: document 3: metadata.name: Duplicate value: Node cka-cluster2-worker2 is in lesson/nodes.yaml:22 already\n",
			[]string{"-f", "lesson/nodes.yaml", "-f", "lesson/nodes.yaml"}, 1},
		{"standard input twice", "the second would have nothing in it", "quickstart: -: standard input can be given only once\n", []string{"-f", "-", "-f", "lesson/nodes.yaml", "-f", "-"}, 1},
		{"forgotten -f", "not silently the lesson", "quickstart: ds.yaml: unexpected argument; use -f FILE\n", []string{"ds.yaml"}, 1},
		{"unknown DaemonSet", "with those that are there", "quickstart: no DaemonSet probes in the input, but kube-system/cni, kube-system/exporter, kube-system/gpu, kube-system/logs, kube-system/probe, kube-system/proxy, kube-system/storage, kube-system/tuner\n",
			[]string{"-f", "testdata/trouble.yaml", "-set", "probes"}, 1},
		{"format", "of two", "quickstart: -o yaml: want text or json\n", []string{"-f", "testdata/trouble.yaml", "-o", "yaml"}, 1},
		{"time", "of one format, and without all other flags", "quickstart: -now yesterday: want a time such as 2026-01-02T15:04:05Z\n", []string{"-f", "testdata/trouble.yaml", "-now", "yesterday"}, 1},
		{"-now without -f", "not silently the lesson", "quickstart: -now requires -f: the lesson is always the same\n", []string{"-now", "noon"}, 1},
		{"name in two namespaces", "one is meant", "quickstart: -set log-agent: which of them? The input has default/log-agent, logging/log-agent\n",
			[]string{"-f", "testdata/rollout.yaml", "-f", elsewhere, "-set", "log-agent"}, 1},
		{"-set without -f", "not silently the lesson", "quickstart: -set requires -f: the lesson is always the same\n", []string{"-set", "a"}, 1},
		{"-v without -f", "not silently the lesson", "quickstart: -v requires -f: the lesson is always the same\n", []string{"-v"}, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			status, stdout, stderr := command("", tc.args...)
			if status != tc.status || stderr != tc.stderr || stdout != "" {
				t.Errorf("run(%q) = %d, stdout %q, stderr %q, want %d, nothing, %q: %s", tc.args, status, stdout, stderr, tc.status, tc.stderr, tc.why)
			}
		})
	}
	for _, args := range [][]string{{"-x"}, {"-f"}} {
		if status, _, stderr := command("", args...); status != 1 || stderr == "" {
			t.Errorf("run(%q) = %d, stderr %q, want 1 and an explanation", args, status, stderr)
		}
	}
	if status, _, stderr := command("", "-h"); status != 0 || !strings.Contains(stderr, "-f FILE") || !strings.Contains(stderr, "kubectl get ds,nodes,pods,controllerrevisions -A -o yaml") {
		t.Errorf("run(-h) = %d, stderr %q, want 0 and the flags", status, stderr)
	}
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("disk full") }

func TestOutputFails(t *testing.T) {
	for _, args := range [][]string{nil, {"-f", "testdata/rollout.yaml"}} {
		var errs bytes.Buffer
		if status := run(args, strings.NewReader(""), fullDisk{}, &errs, testNow); status != 1 || !strings.HasSuffix(errs.String(), "quickstart: disk full\n") {
			t.Errorf("run(%q) on a full disk = %d, stderr %q, want 1 and why", args, status, errs.String())
		}
	}
}

// FuzzAnswer feeds anything: the answer is an answer or one line, never a panic.
func FuzzAnswer(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*.yaml")
	if err != nil || len(seeds) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, seed := range seeds {
		data, err := os.ReadFile(seed)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"apiVersion":"apps/v1","kind":"DaemonSet","metadata":{"name":"a","uid":"u"},"spec":{"selector":{}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out, errs bytes.Buffer
		status := run([]string{"-f", "-"}, bytes.NewReader(data), &out, &errs, testNow)
		if status < 0 || status > 2 {
			t.Errorf("run = %d, want 0, 1 or 2", status)
		}
		if status == 1 && errs.Len() == 0 && !strings.Contains(out.String(), "\n    wrong  ") {
			t.Error("run = 1 without a reason")
		}
		for line := range strings.Lines(errs.String()) {
			if !strings.HasPrefix(line, "quickstart: ") {
				t.Errorf("line on standard error %q, want the command's name before it", line)
			}
		}
	})
}

// TestControllerDown: a controller that does nothing must not look like progress.
func TestControllerDown(t *testing.T) {
	const logs = "metadata: {name: logs, namespace: kube-system, uid: uid-logs, resourceVersion: \"9\", generation: 2"
	trouble := testdata(t, "trouble.yaml")
	if !strings.Contains(trouble, logs) {
		t.Fatalf("trouble.yaml lacks %q", logs)
	}
	newLogs := strings.NewReplacer("proxy:1", "logs:3", "proxy", "logs").Replace(proxy("1", proxyNodes+"\n      "+proxyContainers))
	newer := strings.Replace(logs, "generation: 2", "generation: 3", 1)
	for _, tc := range []struct {
		name, why, now, metadata string
		manifest                 string
		status                   int
		want, not                string
	}{
		{"at work", "the last change is recent", "2026-01-01T10:05:00Z", logs, "", 0, "logs: progressing: 1 of 4 nodes complete, 2 outdated pods left\n", ""},
		{"idle", "the next delete is due for an hour", "2026-01-01T11:00:00Z", logs, "", 2, "left; its next pass has been due since 2026-01-01T09:59:50Z (60m): the controller may be down\n", ""},
		{"behind", "when the template has changed is not known", "2026-01-01T11:00:00Z", newer, "", 0, "left; the controller has not observed generation 3, only 2\n", "been due"},
		{"behind since", "managed fields have the time", "2026-01-01T11:00:00Z",
			newer + ", managedFields: [{manager: kubectl, operation: Update, apiVersion: apps/v1, time: \"2026-01-01T10:10:00Z\"}]", "", 2,
			"left; the controller has not observed generation 3, only 2; its next pass has been due since 2026-01-01T10:10:00Z (50m): the controller may be down\n", ""},
		{"behind a moment", "it may be about to look", "2026-01-01T11:00:00Z",
			newer + ", managedFields: [{manager: kubectl, operation: Update, apiVersion: apps/v1, time: \"2026-01-01T10:59:59Z\"}]", "", 0,
			"only 2\n", "been due"},
		{"repair", "no manifest repairs the controller", "2026-01-01T11:00:00Z", logs, newLogs, 2, "starts a rollout to revision 3, complete after", ""},
	} {
		trouble := strings.Replace(trouble, logs, tc.metadata, 1)
		if tc.manifest != "" {
			trouble += "---" + tc.manifest
		}
		status, stdout, _ := command(trouble, "-set", "logs", "-now", tc.now, "-f", "-")
		if status != tc.status || !strings.Contains(stdout, tc.want) || tc.not != "" && strings.Contains(stdout, tc.not) {
			t.Errorf("%s: run = %d, stdout\n%swant %d, %q, not %q: %s", tc.name, status, stdout, tc.status, tc.want, tc.not, tc.why)
		}
	}
}

// TestVerdict: verdicts of states that trouble.yaml does not have.
func TestVerdict(t *testing.T) {
	const logs, noSchedule = "metadata: {name: logs, namespace: kube-system, uid: uid-logs,", "  - {key: node.kubernetes.io/unreachable, effect: NoSchedule,"
	for _, tc := range []struct{ name, why, set, old, new, want string }{
		{"deleting", "said once", "logs", logs, logs + " deletionTimestamp: \"2026-01-01T09:00:00Z\", finalizers: [foregroundDeletion],",
			"logs: deleting: the controller does nothing any more\n"},
		{"before the taint", "as health says it", "gpu", noSchedule, "  - {key: node.kubernetes.io/unreachable, effect: NoExecute,",
			"0 of 1 node complete; it is not known whether this is a rollout or a disruption\n"},
	} {
		text := testdata(t, "trouble.yaml")
		if !strings.Contains(text, tc.old) {
			t.Fatalf("trouble.yaml lacks %q", tc.old)
		}
		if _, stdout, _ := command(strings.Replace(text, tc.old, tc.new, 1), "-set", tc.set, "-f", "-"); !strings.Contains(stdout, tc.want) {
			t.Errorf("%s: stdout\n%swant %q: %s", tc.name, stdout, tc.want, tc.why)
		}
	}
	// A proposal for one that is being deleted has no effect.
	deleting := strings.Replace(testdata(t, "trouble.yaml"), logs, logs+` deletionTimestamp: "2026-01-01T09:00:00Z", finalizers: [foregroundDeletion],`, 1)
	newLogs := strings.NewReplacer("proxy:1", "logs:3", "proxy", "logs").Replace(proxy("1", proxyNodes+"\n      "+proxyContainers))
	if status, stdout, _ := command(deleting+"---"+newLogs, "-set", "logs", "-f", "-"); status != 0 ||
		!strings.Contains(stdout, ": starts no rollout, the controller does nothing\n") || strings.Contains(stdout, "\n    end ") {
		t.Errorf("proposal for one that is being deleted: run = %d, stdout\n%swant 0, no rollout and no end", status, stdout)
	}
	// An error stands below the verdict, and not also on standard error.
	head, tail, found := strings.Cut(testdata(t, "trouble.yaml"), "---\napiVersion: apps/v1\nkind: DaemonSet\n"+logs)
	broken := head + "---\napiVersion: apps/v1\nkind: DaemonSet\n" + logs + strings.Replace(tail, "maxUnavailable: 2", "maxUnavailable: 10 %", 1)
	status, stdout, stderr := command(broken, "-set", "logs", "-f", "-")
	if !found || status != 1 || !strings.Contains(stdout, "kube-system/logs: no answer because of 1 error in it\n    wrong  standard input:") || !strings.Contains(stdout, `"10 %"`) || stderr != "" {
		t.Errorf("stored percentage: run = %d, stdout %q, stderr %q", status, stdout, stderr)
	}
}
