package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/pernode/daemonset/rollout/simulate"
)

// premerge runs the command on files of testdata, with its errors on standard output.
func premerge(args ...string) {
	status := run(append([]string{"-nodes", "testdata/nodes.yaml"}, args...), nil, os.Stdout, os.Stdout)
	fmt.Println("exit status", status)
}

func Example() {
	premerge("testdata/old.yaml", "testdata/new.yaml")
	// Output:
	// logging/log-agent: would hurt: nodes that lose the pod: 1
	//   starts a rollout to revision 2: 3 outdated pods
	//     spec.template.spec.nodeSelector[disk]: added "ssd"
	//   nodes: 1 lost, 3 unchanged
	//     worker-2: lost: nodeSelector disk=ssd, node has disk=hdd
	//   first pass: 1 to delete
	//     delete log-agent-2 on worker-2: node does not keep the pod: nodeSelector disk=ssd, node has disk=hdd
	//   complete after 26s (8 passes, at least 1 of 2 available)
	//   not allowed: pods-lost
	// monitoring/node-exporter: well
	//   starts a rollout to revision 2: 3 outdated pods
	//     spec.template.spec.tolerations[0]: added {"operator":"Exists"}
	//   nodes: 1 gained, 3 unchanged
	//     worker-4: gained; before: untolerated taint dedicated=db:NoSchedule
	//   first pass: 1 to create
	//     create on worker-4: node has no pod
	//   complete after 46s (12 passes, at least 3 of 4 available)
	// web/cache: would hurt: the rollout stalls, lint finds SurgeHostPort
	//   starts a rollout to revision 2: 3 outdated pods
	//     spec.template.spec.containers[name=cache].image: "registry.example.com/cache:7.0" ->
	//         "registry.example.com/cache:7.2"
	//     spec.updateStrategy.rollingUpdate.maxUnavailable: 1 -> 0
	//     spec.updateStrategy.rollingUpdate.maxSurge: 0 -> 1
	//   nodes: 4 unchanged
	//   first pass: 1 to create
	//     create on worker-1: surge beside the outdated pod
	//   stalled from the start (1 pass, at least 3 of 3 available), on:
	//     worker-1: cache-11: cannot be scheduled: 0/4 nodes are available: 1 node(s) didn't have free ports
	//         for the requested pod ports, 3 node(s) didn't satisfy plugin(s) [NodeAffinity]; cache-7 has an
	//         outdated template
	//     worker-2, worker-3: desired, current, ready, available; the pod has an outdated template
	//   maxSurge 1 is used by worker-1 (new pod beside the outdated one)
	//   error SurgeHostPort at spec.updateStrategy.rollingUpdate.maxSurge: Two pods cannot share the host port
	//       6379/TCP. The new pod never starts beside the old one, and the rollout gets stuck. Use
	//       maxUnavailable instead of maxSurge, or remove the host port (kubernetes #106417).
	//   not allowed: stalled, SurgeHostPort
	// exit status 2
}

func Example_markdown() {
	premerge("-markdown", "testdata/old.yaml", "testdata/new.yaml")
	// Output:
	// ### DaemonSets
	//
	// <details><summary>:x: logging/log-agent: would hurt: nodes that lose the pod: 1</summary>
	//
	// ```text
	// starts a rollout to revision 2: 3 outdated pods
	//   spec.template.spec.nodeSelector[disk]: added "ssd"
	// nodes: 1 lost, 3 unchanged
	//   worker-2: lost: nodeSelector disk=ssd, node has disk=hdd
	// first pass: 1 to delete
	//   delete log-agent-2 on worker-2: node does not keep the pod: nodeSelector disk=ssd, node has disk=hdd
	// complete after 26s (8 passes, at least 1 of 2 available)
	// not allowed: pods-lost
	// ```
	//
	// </details>
	//
	// <details><summary>:white_check_mark: monitoring/node-exporter: well</summary>
	//
	// ```text
	// starts a rollout to revision 2: 3 outdated pods
	//   spec.template.spec.tolerations[0]: added {"operator":"Exists"}
	// nodes: 1 gained, 3 unchanged
	//   worker-4: gained; before: untolerated taint dedicated=db:NoSchedule
	// first pass: 1 to create
	//   create on worker-4: node has no pod
	// complete after 46s (12 passes, at least 3 of 4 available)
	// ```
	//
	// </details>
	//
	// <details><summary>:x: web/cache: would hurt: the rollout stalls, lint finds SurgeHostPort</summary>
	//
	// ```text
	// starts a rollout to revision 2: 3 outdated pods
	//   spec.template.spec.containers[name=cache].image: "registry.example.com/cache:7.0" -> "registry.example.com/cache:7.2"
	//   spec.updateStrategy.rollingUpdate.maxUnavailable: 1 -> 0
	//   spec.updateStrategy.rollingUpdate.maxSurge: 0 -> 1
	// nodes: 4 unchanged
	// first pass: 1 to create
	//   create on worker-1: surge beside the outdated pod
	// stalled from the start (1 pass, at least 3 of 3 available), on:
	//   worker-1: cache-11: cannot be scheduled: 0/4 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, 3 node(s) didn't satisfy plugin(s) [NodeAffinity]; cache-7 has an outdated template
	//   worker-2, worker-3: desired, current, ready, available; the pod has an outdated template
	// maxSurge 1 is used by worker-1 (new pod beside the outdated one)
	// error SurgeHostPort at spec.updateStrategy.rollingUpdate.maxSurge: Two pods cannot share the host port 6379/TCP. The new pod never starts beside the old one, and the rollout gets stuck. Use maxUnavailable instead of maxSurge, or remove the host port (kubernetes #106417).
	// not allowed: stalled, SurgeHostPort
	// ```
	//
	// </details>
	//
	// exit status 2
}

func Example_refused() {
	premerge("testdata/old.yaml", "testdata/refused.yaml")
	// Output:
	// logging/log-agent: cannot be made: the API server refuses it
	//   refused: testdata/refused.yaml:5: document 1: spec.selector: Invalid value:
	//       {"matchLabels":{"app":"logs"}}: field is immutable
	//   refused: testdata/refused.yaml:7: document 1: spec.updateStrategy.rollingUpdate.maxSurge: Invalid
	//       value: 1: may not be set when maxUnavailable is non-zero; set maxUnavailable: 0, its default is 1
	//   not simulated; it changes the template:
	//     spec.template.metadata.labels[app]: "log-agent" -> "logs"
	//     spec.template.spec.containers[name=agent].resources.limits[memory]: removed "256Mi"
	//     spec.template.spec.containers[name=agent].resources.requests[cpu]: removed "100m"
	//     spec.template.spec.containers[name=agent].resources.requests[memory]: removed "128Mi"
	// monitoring/node-exporter: would hurt: nodes that lose the pod: 3
	//   removes the DaemonSet and its pods
	//   nodes: 3 lost, 1 unchanged
	//     worker-1, worker-2, worker-3: lost: the DaemonSet is removed
	//   not allowed: pods-lost
	// web/cache: would hurt: nodes that lose the pod: 3
	//   removes the DaemonSet and its pods
	//   nodes: 3 lost, 1 unchanged
	//     worker-1, worker-2, worker-3: lost: the DaemonSet is removed
	//   not allowed: pods-lost
	// exit status 1
}

// The report is for people who do not see standard error.
func TestRefusedMarkdown(t *testing.T) {
	var stdout, stderr bytes.Buffer
	status := run([]string{"-markdown", "-nodes", "testdata/nodes.yaml", "testdata/old.yaml", "testdata/refused.yaml"}, nil, &stdout, &stderr)
	for _, want := range []string{
		"<details><summary>:x: logging/log-agent: cannot be made: the API server refuses it</summary>\n",
		"\nrefused: testdata/refused.yaml:5: document 1: spec.selector: Invalid value: {\"matchLabels\":{\"app\":\"logs\"}}: field is immutable\n",
		"<details><summary>:x: web/cache: ",
	} {
		if strings.Count(stdout.String(), want) != 1 {
			t.Errorf("stdout %q, want %q in it once", &stdout, want)
		}
	}
	if strings.Count(stdout.String(), "field is immutable") != 1 || strings.Contains(stdout.String(), "the input is wrong") {
		t.Errorf("stdout %q, want the refusal once", &stdout)
	}
	if want := "testdata/refused.yaml:5: document 1: spec.selector"; status != 1 || !strings.HasPrefix(stderr.String(), want) {
		t.Errorf("run() = %d, stderr %q, want 1, %q", status, &stderr, want)
	}
}

// One who waits for the job sees its summary, and not standard error.
func TestWrongMarkdown(t *testing.T) {
	const hostile = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a, '```\\n<b>': c}\n"
	for _, tc := range []struct{ name, new, stdin, want string }{
		{"not YAML", "-", "a: [", "standard input:1: document 1: did not find expected node content"},
		{"marks of Markdown", "-", hostile, "unknown field"},
	} {
		var stdout, stderr bytes.Buffer
		status := run([]string{"-markdown", "-nodes", "testdata/nodes.yaml", "testdata/old.yaml", tc.new}, strings.NewReader(tc.stdin), &stdout, &stderr)
		text, found := strings.CutPrefix(stdout.String(), "### DaemonSets\n\n")
		_, text, block := strings.Cut(text, ":x: the input is wrong\n\n```text\n")
		lines, _, ends := strings.Cut(text, "\n```\n")
		if status != 1 || !found || !block || !ends || !strings.Contains(lines, tc.want) || strings.Join(strings.Fields(lines), " ") != strings.Join(strings.Fields(stderr.String()), " ") {
			t.Errorf("%s: run() = %d, stdout %q, stderr %q, want 1 and a block with %q in both", tc.name, status, &stdout, &stderr, tc.want)
		}
	}
}

// Each kind of risk can be allowed, or cannot be.
func TestRiskWords(t *testing.T) {
	never := map[simulate.RiskKind]string{
		simulate.RiskRefused: "no flag makes the API server accept it", simulate.RiskLint: "its codes are the words",
		simulate.RiskRolledBack: "there is no canary", simulate.RiskCanary: "there is no canary",
	}
	for kind := simulate.RiskKind(1); kind.String() != fmt.Sprintf("RiskKind(%d)", kind); kind++ {
		word := wordOf(simulate.Risk{Kind: kind})
		if can, why := slices.Contains(riskWords(), word), never[kind]; can == (why != "") {
			t.Errorf("%q can be allowed: %t, want %t: %s", word, can, !can, why)
		}
	}
}

// -allow "" accepts nothing.
func TestAllowNone(t *testing.T) {
	var stdout, stderr bytes.Buffer
	status := run([]string{"-allow", "", "-nodes", "testdata/nodes.yaml", "testdata/old.yaml", os.DevNull}, nil, &stdout, &stderr)
	if status != 2 || stderr.String() != "" {
		t.Errorf("run(-allow \"\") = %d, stderr %q, want 2 and nothing", status, &stderr)
	}
}

// What is wrong with the arguments stands before the usage, which is longer than a screen.
func TestWrongArguments(t *testing.T) {
	const nodes, old, changed = "testdata/nodes.yaml", "testdata/old.yaml", "testdata/new.yaml"
	const noNodes, files = "-nodes FILE is missing: it has the nodes of the cluster\n", "want two files or folders, OLD and NEW, after the flags, not "
	for _, tc := range []struct {
		name, why string
		args      []string
		want      string // before the usage
	}{
		{"none", "nothing is there", nil, noNodes + files + "0\n"},
		{"no nodes", "the files are there", []string{old, changed}, noNodes},
		{"one file", "there is nothing to compare with", []string{"-nodes", nodes, old}, files + "1\n"},
		{"three files", "a shell may have put them there", []string{"-nodes", nodes, old, changed, changed}, files + "3\n"},
		{"flag behind", "it counts as a file", []string{"-nodes", nodes, old, changed, "-markdown"}, "-markdown: flags stand before the files\n"},
		{"flag between", "two files would be right", []string{"-nodes", nodes, old, "-markdown"}, "-markdown: flags stand before the files\n"},
		{"value behind", "so does its value, and -nodes is not missing", []string{old, changed, "--nodes=" + nodes}, "-nodes: flags stand before the files\n"},
		{"no flag", "a file may have such a name", []string{"-nodes", nodes, old, changed, "-old"}, files + "3\n"},
		{"unknown flag", "package flag says so", []string{"-x"}, "flag provided but not defined: -x\n"},
	} {
		var stdout, stderr bytes.Buffer
		status := run(tc.args, nil, &stdout, &stderr)
		if got, _, found := strings.Cut(stderr.String(), "usage: premerge"); status != 1 || !found || got != tc.want || stdout.Len() > 0 {
			t.Errorf("%s: run(%q) = %d, stdout %q, stderr %q, want 1, %q and the usage: %s", tc.name, tc.args, status, &stdout, &stderr, tc.want, tc.why)
		}
	}
	// A file whose name looks like a flag, but is none, is a file.
	for _, file := range []string{"-nowhere", "nodes"} {
		var stdout, stderr bytes.Buffer
		if status := run([]string{"-nodes", nodes, old, file}, nil, &stdout, &stderr); status != 1 || !strings.HasPrefix(stderr.String(), "open "+file+": ") {
			t.Errorf("run(%s) = %d, stderr %q, want 1 and the file", file, status, &stderr)
		}
	}
	// One who waits for the job sees its summary.
	var stdout, stderr bytes.Buffer
	status := run([]string{"-markdown", old}, nil, &stdout, &stderr)
	if block := ":x: the input is wrong\n\n```text\n" + noNodes + files + "1\n```\n"; status != 1 || !strings.Contains(stdout.String(), block) || !strings.Contains(stderr.String(), "usage: premerge") {
		t.Errorf("run(-markdown) = %d, stdout %q, stderr %q, want 1, %q and the usage", status, &stdout, &stderr, block)
	}
}

// A word of -allow that is wrong is said alone. The usage has no more to say than the error.
func TestWrongAllow(t *testing.T) {
	for _, tc := range []struct{ name, why, words, want string }{
		{"refused", "no flag makes the API server accept it", "pods-lost,refused", "-allow: \"refused\": a refusal cannot be allowed: the API server would not store the DaemonSet\n"},
		{"misspelt", "with the one that is meant", "pods lost", "-allow: \"pods lost\": did you mean pods-lost?\n"},
		{"control character", "it must not control the terminal", "\x1b", "-allow: \"\\x1b\": want one of pods-lost, stalled, "},
	} {
		for _, markdown := range []bool{false, true} {
			args := []string{"-allow", tc.words, "-allow", "pods-lost", "-nodes", "testdata/nodes.yaml", "testdata/old.yaml", "testdata/refused.yaml"}
			if markdown {
				args = append([]string{"-markdown"}, args...)
			}
			var stdout, stderr bytes.Buffer
			status := run(args, nil, &stdout, &stderr)
			if status != 1 || !strings.HasPrefix(stderr.String(), tc.want) || strings.Contains(stderr.String(), "usage") {
				t.Errorf("%s: run(%q) = %d, stderr %q, want 1 and %q alone: %s", tc.name, args, status, &stderr, tc.want, tc.why)
			}
			// One who waits for the job sees its summary.
			if block := ":x: the input is wrong\n\n```text\n" + tc.want; strings.Contains(stdout.String(), block) != markdown || !markdown && stdout.Len() > 0 {
				t.Errorf("%s: run(%q): stdout %q, want %q with -markdown only", tc.name, args, &stdout, block)
			}
		}
	}
}

// A risk that is allowed is neither well nor an error.
func TestAllowedMarkdown(t *testing.T) {
	var stdout, stderr bytes.Buffer
	status := run([]string{"-markdown", "-allow", "pods-lost", "-nodes", "testdata/nodes.yaml", "testdata/old.yaml", os.DevNull}, nil, &stdout, &stderr)
	if want := "<summary>:warning: web/cache: would hurt: nodes that lose the pod: 3 (allowed)</summary>"; status != 0 || !strings.Contains(stdout.String(), want) {
		t.Errorf("run() = %d, stdout %q, want 0 and %q", status, &stdout, want)
	}
}

// TestLongLines: a terminal has an end.
func TestLongLines(t *testing.T) {
	var stdout, stderr bytes.Buffer
	run([]string{"-nodes", "testdata/nodes.yaml", "testdata/old.yaml", "testdata/new.yaml"}, nil, &stdout, &stderr)
	run([]string{"-markdown", "-nodes", "testdata/nodes.yaml", "testdata/old.yaml", "testdata/refused.yaml"}, nil, io.Discard, &stderr)
	if stderr.Len() == 0 {
		t.Error("nothing on standard error, want what is refused")
	}
	for line := range strings.Lines(stdout.String() + stderr.String()) {
		if n := len(strings.TrimSuffix(line, "\n")); n > 104 {
			t.Errorf("line has %d columns, want 104 at most: %s", n, line)
		}
	}
}

// The rule of the exit status stands at three places, and so does what is checked and what is assumed.
func TestSameText(t *testing.T) {
	read := func(file string) string {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	var help bytes.Buffer
	run([]string{"-h"}, nil, &help, &help)
	comment, readme := strings.ReplaceAll(read("main.go"), "\n//", "\n"), strings.ReplaceAll(read("README.md"), "`", "")
	for _, ends := range [][2]string{{"The exit status is 0", "does not accept."}, {"Of the pod's spec it checks", "as one merge makes them."}, {"The times assume", "are not looked at."}} {
		part := func(text string) string {
			text = strings.Join(strings.Fields(text), " ")
			_, text, found := strings.Cut(text, ends[0])
			text, _, end := strings.Cut(text, ends[1])
			if !found || !end {
				t.Fatalf("%q has no sentences from %q to %q", text, ends[0], ends[1])
			}
			return text
		}
		want := part(comment)
		if got := part(help.String()); got != want {
			t.Errorf("-h says %q, the package comment %q", got, want)
		}
		if got := part(readme); got != want {
			t.Errorf("the README says %q, the package comment %q", got, want)
		}
	}
	if want := fmt.Sprintf("a pod is ready %v after its start and gone %v after its deletion", simulate.DefaultReadyAfter, simulate.DefaultTerminatesAfter); !strings.Contains(strings.Join(strings.Fields(readme), " "), want) {
		t.Errorf("the README does not say %q", want)
	}
}

// What the text says of the pod's spec is what is checked.
func TestChecked(t *testing.T) {
	const old = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\nspec:\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n      "
	const container = "containers: [{name: a, image: a}]"
	for _, tc := range []struct {
		name, spec string
		refused    bool
	}{
		{"well", container, false},
		{"node affinity", container + "\n      affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: Is}]}]}}}", true},
		{"toleration", container + "\n      tolerations: [{operator: Exists, value: a}]", true},
		{"node selector", container + "\n      nodeSelector: {a: \"b=c\"}", true},
		{"requests", "containers: [{name: a, image: a, resources: {requests: {cpu: 2}, limits: {cpu: 1}}}]", true},
		{"host ports", "containers: [{name: a, image: a, ports: [{containerPort: 1, hostPort: 1}, {containerPort: 2, hostPort: 1}]}]", true},
		{"restartPolicy", container + "\n      restartPolicy: Never", true},
		{"activeDeadlineSeconds", container + "\n      activeDeadlineSeconds: 1", true},
		{"container without an image", "containers: [{name: a}]", false},
	} {
		var stdout, stderr bytes.Buffer
		run([]string{"-nodes", "testdata/nodes.yaml", os.DevNull, "-"}, strings.NewReader(old+tc.spec+"\n"), &stdout, &stderr)
		if got := strings.Contains(stdout.String(), "the API server refuses it"); got != tc.refused || stderr.Len() > 0 {
			t.Errorf("%s: refused: %t, want %t; stdout %q, stderr %q", tc.name, got, tc.refused, &stdout, &stderr)
		}
	}
}

// Without nodes nothing can be said: the file may be a wrong one.
func TestNoNodes(t *testing.T) {
	var stdout, stderr bytes.Buffer
	status := run([]string{"-nodes", "testdata/old.yaml", "testdata/old.yaml", "testdata/new.yaml"}, nil, &stdout, &stderr)
	if want := "testdata/old.yaml: no nodes\n"; status != 1 || stderr.String() != want {
		t.Errorf("run() = %d, stderr %q, want 1, %q", status, &stderr, want)
	}
}

// An empty list of nodes says what belongs there.
func TestEmptyNodes(t *testing.T) {
	const want = ": nothing in it: want what kubectl get nodes -o yaml prints\n"
	for file, name := range map[string]string{"-": "standard input", os.DevNull: os.DevNull} {
		var stdout, stderr bytes.Buffer
		status := run([]string{"-nodes", file, "testdata/old.yaml", "testdata/new.yaml"}, strings.NewReader(""), &stdout, &stderr)
		if status != 1 || stderr.String() != name+want {
			t.Errorf("run(-nodes %s) = %d, stderr %q, want 1, %q", file, status, &stderr, name+want)
		}
	}
}

// A manifest may come from anybody: it must not end its block in the summary.
func TestMarkdownStaysInItsBlock(t *testing.T) {
	old, err := os.ReadFile("testdata/old.yaml")
	if err != nil {
		t.Fatal(err)
	}
	hostile := strings.Replace(string(old), "image: registry.example.com/cache:7.0", `image: "x\n`+"```"+`\n<b>"`, 1)
	var out bytes.Buffer
	run([]string{"-markdown", "-nodes", "testdata/nodes.yaml", "testdata/old.yaml", "-"}, strings.NewReader(hostile), &out, &out)
	fences := 0
	for line := range strings.Lines(out.String()) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fences++
		}
	}
	if fences != 2 || !strings.Contains(out.String(), "<b>") {
		t.Errorf("%d fences, want the 2 of the block around <b>:\n%s", fences, &out)
	}
}

// Nodes come from a pipe, too.
func TestNodesTwice(t *testing.T) {
	nodes, err := os.ReadFile("testdata/nodes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, versions := range [][2]string{{"-", "testdata/old.yaml"}, {"testdata/old.yaml", "-"}} {
		var stdout, stderr bytes.Buffer
		status := run([]string{"-nodes", "-", versions[0], versions[1]}, bytes.NewReader(nodes), &stdout, &stderr)
		if want := "-: standard input can be only one of the three files\n"; status != 1 || stderr.String() != want || stdout.String() != "" {
			t.Errorf("run(-nodes - %v) = %d, stdout %q, stderr %q, want 1 and %q", versions, status, &stdout, &stderr, want)
		}
	}
}

// TestFolders: a folder is the files in it, whatever their names.
func TestFolders(t *testing.T) {
	dir := t.TempDir()
	for from, to := range map[string]string{"old.yaml": "old/all.yaml", "new.yaml": "new/apps/all.yml"} {
		text, err := os.ReadFile(filepath.Join("testdata", from))
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(dir, filepath.FromSlash(to))
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	output := func(old, changed string) string {
		var stdout, stderr bytes.Buffer
		status := run([]string{"-nodes", "testdata/nodes.yaml", old, changed}, nil, &stdout, &stderr)
		return fmt.Sprintf("%d\n%s%s", status, &stdout, &stderr)
	}
	before, after := filepath.Join(dir, "old"), filepath.Join(dir, "new")
	if got, want := output(before, after), output("testdata/old.yaml", "testdata/new.yaml"); got != want {
		t.Errorf("run(old new) = %s\nwant what the files give: %s", got, want)
	}
	if got, want := output(before, os.DevNull), output("testdata/old.yaml", os.DevNull); got != want {
		t.Errorf("run(old %s) = %s\nwant what the files give: %s", os.DevNull, got, want)
	}
	none := filepath.Join(dir, "none")
	if got, want := output(before, none), "1\nopen "+none+": "; !strings.HasPrefix(got, want) {
		t.Errorf("run(old none) = %s, want %s", got, want)
	}
}

// The script of the README tells a file that does not exist from a branch that git does not know.
func TestScript(t *testing.T) {
	for _, program := range []string{"git", "sh"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, script, _ := strings.Cut(string(readme), "```sh\n")
	script, _, found := strings.Cut(script, "```")
	if !found {
		t.Fatal("README.md has no script")
	}
	const command = "./premerge -nodes nodes.yaml -markdown"
	if !strings.Contains(script, command) {
		t.Fatalf("the script does not call %s:\n%s", command, script)
	}
	dir := t.TempDir()
	sh := func(script string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	const repository = `set -e
git init -q .
git -c user.name=a -c user.email=a@example.com commit -q --allow-empty -m none
git branch none
echo old >agent.yaml
git add agent.yaml
git -c user.name=a -c user.email=a@example.com commit -q -m some
git branch some
echo new >agent.yaml`
	if out, err := sh(repository); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, tc := range []struct {
		name, why, branch, first string
		want                     string // the versions, or nothing if the script fails before
	}{
		{"changed", "two files", "some", "", "old.yaml agent.yaml\nold"},
		{"new", "the branch has no such file", "none", "", "/dev/null agent.yaml\n"},
		{"deleted", "the change has no such file", "some", "rm agent.yaml", "old.yaml /dev/null\nold"},
		{"no such branch", "nothing was read, and nothing is judged", "nowhere", "", ""},
	} {
		fake := strings.ReplaceAll(strings.ReplaceAll(script, command, "echo"), "origin/main", tc.branch)
		out, err := sh("rm -f old.yaml; " + tc.first + "\n" + fake + "\ncat old.yaml 2>/dev/null || true")
		if tc.want == "" {
			if err == nil {
				t.Errorf("%s: the script goes on and prints %q: %s", tc.name, out, tc.why)
			}
		} else if err != nil || strings.TrimSpace(out) != strings.TrimSpace(tc.want) {
			t.Errorf("%s: the script prints %q (%v), want %q: %s", tc.name, out, err, tc.want, tc.why)
		}
		if out, err := sh("git checkout -q agent.yaml"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

func TestRun(t *testing.T) {
	old, err := os.ReadFile("testdata/old.yaml")
	if err != nil {
		t.Fatal(err)
	}
	changed, err := os.ReadFile("testdata/new.yaml")
	if err != nil {
		t.Fatal(err)
	}
	only, _, _ := strings.Cut(string(old), "---") // the first DaemonSet
	for _, tc := range []struct {
		name, why       string
		allow           string
		old, new, stdin string
		status          int
		out, message    string
	}{
		{
			name: "no change", why: "nothing can hurt",
			old: "testdata/old.yaml", new: "testdata/old.yaml", out: "no DaemonSet changes\n",
		},
		{
			name: "new", why: "a new DaemonSet takes no pod away",
			old: "testdata/nodes.yaml", new: "testdata/old.yaml", out: "logging/log-agent: well\n  new DaemonSet with revision 1\n",
		},
		{
			name: "removed", why: "its pods go",
			old: "testdata/old.yaml", new: "-", stdin: only, status: 2, out: "logging/log-agent: would hurt: nodes that lose the pod: 3\n  removes the DaemonSet and its pods\n",
		},
		{
			name: "removed from nowhere", why: "it had no pods",
			old: "-", stdin: strings.Replace(only, "containers:", "nodeName: nowhere\n      containers:", 1), new: "testdata/nodes.yaml", out: "web/cache: well\n  removes the DaemonSet and its pods\n",
		},
		{
			name: "not tolerated any more", why: "the pod stays until the rollout deletes it",
			old: "testdata/new.yaml", new: "testdata/old.yaml", status: 2, out: "monitoring/node-exporter: would hurt: nodes that lose the pod: 1\n",
		},
		{
			name: "known finding", why: "the change does not bring it",
			old: "testdata/new.yaml", new: "-", stdin: strings.Replace(string(changed), "cache:7.2", "cache:7.3", 1),
			status: 2, out: "web/cache: would hurt: the rollout stalls\n",
		},
		{
			name: "repair", why: "what was refused was never stored",
			old: "testdata/refused.yaml", new: "testdata/old.yaml",
			out: "the API server refuses the old version: spec.updateStrategy",
		},
		{
			name: "file that is new", why: "no branch has it",
			old: os.DevNull, new: "testdata/old.yaml", out: "logging/log-agent: well\n  new DaemonSet with revision 1\n",
		},
		{
			name: "file that is deleted", why: "its DaemonSets go",
			old: "testdata/old.yaml", new: os.DevNull, status: 2, out: "logging/log-agent: would hurt: nodes that lose the pod: 3\n  removes the DaemonSet and its pods\n",
		},
		{
			name: "both absent", why: "a wrong path must not pass",
			old: os.DevNull, new: os.DevNull, status: 1, message: "no DaemonSet in either version\n",
		},
		{
			name: "failed command", why: "git show of a wrong path prints nothing, and no version was read",
			old: "-", new: "testdata/old.yaml", status: 1, message: "standard input: nothing in it: the command that wrote it may have failed",
		},
		{
			name: "both from standard input", why: "the second would have nothing in it",
			old: "-", new: "-", stdin: string(old), status: 1, message: "-: standard input can be only one of the three files\n",
		},
		{
			name: "removal that is allowed", why: "somebody has decided so",
			allow: "pods-lost", old: "testdata/old.yaml", new: os.DevNull, out: "web/cache: would hurt: nodes that lose the pod: 3 (allowed)\n",
		},
		{
			name: "one risk of three", why: "the others are not meant",
			allow: "pods-lost", old: "testdata/old.yaml", new: "testdata/new.yaml", status: 2, out: "web/cache: would hurt: the rollout stalls, lint finds SurgeHostPort\n",
		},
		{
			name: "all risks", why: "a code is one that lint prints",
			allow: "SurgeHostPort,stalled,pods-lost", old: "testdata/old.yaml", new: "testdata/new.yaml", out: "web/cache: would hurt: the rollout stalls, lint finds SurgeHostPort (allowed)\n",
		},
		{
			name: "with blanks", why: "a label is typed by hand",
			allow: " SurgeHostPort, stalled ,,pods-lost ", old: "testdata/old.yaml", new: "testdata/new.yaml", out: "  allowed: stalled, SurgeHostPort\n",
		},
		{
			name: "none", why: "a variable of the job may be empty",
			allow: " ", old: "testdata/old.yaml", new: os.DevNull, status: 2, out: "  not allowed: pods-lost\n",
		},
		{
			name: "one of two", why: "the words that are left can be copied",
			allow: "stalled", old: "testdata/old.yaml", new: "testdata/new.yaml", status: 2, out: "  allowed: stalled\n  not allowed: SurgeHostPort\n",
		},
		{
			name: "canary", why: "no policy is passed, so there is none",
			allow: "canary", old: "testdata/old.yaml", new: os.DevNull, status: 1, message: `"canary": want one of pods-lost, stalled, `,
		},
		{
			name: "allowed and well", why: "there is nothing to allow",
			allow: "pods-lost", old: os.DevNull, new: "testdata/old.yaml", out: "logging/log-agent: well\n",
		},
		{
			name: "unknown risk", why: "with those that there are",
			allow: "all", old: "testdata/old.yaml", new: os.DevNull, status: 1, message: `"all": want one of pods-lost, stalled, BudgetAllNodes, `,
		},
		{
			name: "misspelt risk", why: "with the one that is meant",
			allow: "pods lost", old: "testdata/old.yaml", new: os.DevNull, status: 1, message: `"pods lost": did you mean pods-lost?`,
		},
		{
			name: "misspelt code", why: "it would allow nothing, or what nobody means",
			allow: "pods-lost,SurgeHostPorts", old: "testdata/old.yaml", new: os.DevNull, status: 1, message: `"SurgeHostPorts": did you mean SurgeHostPort?`,
		},
		{
			name: "code in small letters", why: "codes are compared as they are",
			allow: "surgehostport", old: "testdata/old.yaml", new: os.DevNull, status: 1, message: `"surgehostport": did you mean SurgeHostPort?`,
		},
		{
			name: "refused", why: "no flag makes the API server accept it",
			allow: "refused", old: "testdata/old.yaml", new: "testdata/refused.yaml", status: 1, message: `"refused": a refusal cannot be allowed`,
		},
		{
			name: "no DaemonSet", why: "a wrong file must not pass",
			old: "testdata/nodes.yaml", new: "testdata/nodes.yaml", status: 1, message: "no DaemonSet in either version",
		},
		{
			name: "not YAML", why: "the line helps",
			old: "testdata/old.yaml", new: "-", stdin: "apiVersion: apps/v1\nkind: DemonSet\n", status: 1, message: "standard input:2: document 1: kind",
		},
		{
			name: "no such file", why: "its name helps",
			old: "testdata/old.yaml", new: "testdata/nowhere.yaml", status: 1, message: "testdata/nowhere.yaml",
		},
		{name: "help", why: "asking is no error", old: "-h", message: "usage: premerge"},
		{name: "unknown flag", why: "arguments count as input", old: "-x", status: 1, message: "usage: premerge"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			args := []string{"-nodes", "testdata/nodes.yaml", tc.old, tc.new}
			if tc.allow != "" {
				args = append([]string{"-allow", tc.allow}, args...)
			}
			status := run(args, strings.NewReader(tc.stdin), &stdout, &stderr)
			if status != tc.status || !strings.Contains(stdout.String(), tc.out) || !strings.Contains(stderr.String(), tc.message) {
				t.Errorf("run(%q) = %d, stdout %q, stderr %q, want %d, %q, %q: %s", args, status, &stdout, &stderr, tc.status, tc.out, tc.message, tc.why)
			}
		})
	}
}
