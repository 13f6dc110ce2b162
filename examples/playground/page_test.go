package main

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// write replaces the text of an editor by keyboard.
func (p *tab) write(panel, text string) {
	p.Helper()
	p.click("#tab-" + panel)
	p.do(chromedp.Focus(chromedp.CSS("#panel-"+panel+" .cm-content")), chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	if _, err := chromedp.Call(p.ctx, input.InsertText, input.InsertTextParams{Text: text}); err != nil {
		p.Fatal(err)
	}
}

// line is the line of the cursor.
func (p *tab) line(panel string) string {
	p.Helper()
	return eval[string](p, fmt.Sprintf(`document.querySelector("#panel-%s .cm-lineNumbers .cm-activeLineGutter")?.innerText ?? ""`, panel))
}

// cell is the selector of the cell of a node of a small cluster.
func cell(node string) string { return fmt.Sprintf(`#grid [data-node="%s"]`, node) }

// waitCell waits until what the cell of a node says ends so.
func (p *tab) waitCell(node, want string) {
	p.Helper()
	p.wait(fmt.Sprintf(`document.querySelector(%s)?.textContent.endsWith(%s)`, quote(cell(node)), quote(want)))
}

// check sets a check box.
func (p *tab) check(id string) { p.Helper(); p.click("#" + id) }

// enter types a text into a field and leaves it.
func (p *tab) enter(selector, text string) {
	p.Helper()
	p.do(chromedp.Focus(chromedp.CSS(selector)))
	p.do(chromedp.KeyEvent("a", chromedp.KeyModifiers(chromedp.ModifierCtrl)), chromedp.KeyEvent(kb.Backspace))
	if text != "" {
		p.do(chromedp.SendKeys(chromedp.CSS(selector), text))
	}
	p.do(chromedp.KeyEvent(kb.Tab))
}

func (p *tab) starts(name string) {
	p.Helper()
	p.choose("#start", name)
	p.settle()
	p.wait(`!document.querySelector("main").inert`)
}

// Wrong YAML is shown at its line, a click goes there, and the page keeps the last good state.
func TestErrors(t *testing.T) {
	p := open(t, "")
	verdict, cells := p.text("#verdict"), p.text("#grid")
	good := eval[string](p, `document.querySelector("#panel-manifest .cm-content").innerText`)
	for _, tc := range []struct{ name, text, line, want string }{
		{"syntax", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a\nspec:\n", "4", "manifest, line 4"},
		{"nested too deep", "apiVersion: apps/v1\nkind: DaemonSet\nspec: " + strings.Repeat("[", 9000), "3", "manifest, line 3: is inside 500 lists and maps"},
		{"unknown field", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: a\nspec:\n  selektor: {}\n", "6", "spec.selektor: unknown field"},
		{"refused", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata:\n  name: log-agent\n  namespace: logging\nspec:\n  selector:\n    matchLabels: {app: other}\n" +
			"  template:\n    metadata:\n      labels: {app: other}\n    spec:\n      containers:\n      - {name: a, image: a}\n", "7", "field is immutable"},
	} {
		p.write("manifest", tc.text)
		p.waitText("#faults", tc.want)
		if got := p.text("#verdict"); got != verdict || p.text("#grid") != cells {
			t.Errorf("%s: the verdict is %q, want the last good state %q", tc.name, got, verdict)
		}
		if !eval[bool](p, `document.querySelector("#apply").ariaDisabled === "true"`) {
			t.Errorf("%s: it can be applied", tc.name)
		}
		p.wait(`document.querySelector("#panel-manifest .cm-lint-marker-error")`)
		p.click("#faults button")
		if got := p.line("manifest"); got != tc.line {
			t.Errorf("%s: the click went to line %s, want %s", tc.name, got, tc.line)
		}
	}
	p.write("cluster", "apiVersion: v1\nkind: Node\nmetadata: {name: a, labels: 3}\n")
	p.waitText("#faults", "nodes and pods, line 3")
	p.click("#undo")
	p.wait(`document.querySelector("#faults").innerText === ""`)
	p.click("#tab-manifest")
	if got := eval[string](p, `document.querySelector("#panel-manifest .cm-content").innerText`); got != good {
		t.Errorf("after Discard the manifest is %q, want %q", got, good)
	}
}

// A finding of lint takes to its field, and the budget's fields write the manifest.
func TestFindings(t *testing.T) {
	p := open(t, "")
	p.starts("large")
	if got := eval[string](p, `document.querySelector("#unavailable").value`); got != "2%" {
		t.Errorf("maxUnavailable shows %q, want that of the manifest", got)
	}
	p.starts("node-exporter")
	p.waitText("#findings", "no findings")
	p.enter("#unavailable", "0")
	p.enter("#surge", "1")
	p.click("#budget-set")
	p.waitText("#findings", "SurgeHostPort at spec.updateStrategy.rollingUpdate.maxSurge")
	p.waitText("#impact", "spec.updateStrategy.rollingUpdate.maxSurge: 0 -> 1")
	p.click("#findings button")
	p.settle()
	if got := eval[string](p, `document.querySelector("#panel-manifest .cm-activeLine").textContent`); !strings.Contains(got, "maxSurge: 1") {
		t.Errorf("the click went to %q, want the line with maxSurge", got)
	}
	p.enter("#surge", "many")
	p.click("#budget-set")
	p.waitText("#status", `maxSurge: "many" is neither a number nor a percentage`)
}

// An edit of the nodes is weighed before it is applied.
func TestImpact(t *testing.T) {
	p := open(t, "")
	p.starts("storage")
	p.click("#tab-cluster")
	p.write("cluster", "apiVersion: v1\nkind: Node\nmetadata: {name: disks-1, labels: {storage.example/disks: \"2\"}}\n---\n"+
		"apiVersion: v1\nkind: Node\nmetadata: {name: disks-9, labels: {storage.example/disks: \"4\"}}\n---\n"+
		"apiVersion: v1\nkind: Node\nmetadata: {name: disks-2}\n")
	p.waitText("#impact", "disks-9: gained")
	p.waitText("#impact", "disks-2: lost: node affinity")
	p.waitText("#impact", "create on disks-9")
	p.click("#apply")
	p.waitText("#pass-title", "you: apply")
	p.click("#end")
	p.waitCell("disks-9", "updated, available")
	p.waitCell("disks-2", "does not run here")
}

// The pointer and the keyboard reach why a node runs the pod or not.
func TestNodes(t *testing.T) {
	p := open(t, "")
	p.starts("lesson")
	p.do(chromedp.ScrollIntoView(chromedp.CSS(cell("cka-cluster2-control-plane"))))
	box := eval[[]float64](p, fmt.Sprintf(`(() => { const r = document.querySelector(%s).getBoundingClientRect(); return [r.x + 9, r.y + 9] })()`, quote(cell("cka-cluster2-control-plane"))))
	p.do(chromedp.MouseEvent(chromedp.MouseMoved, box[0], box[1]))
	p.waitText("#detail", "does not run: untolerated taint node-role.kubernetes.io/control-plane:NoSchedule")
	p.do(chromedp.MouseEvent(chromedp.MouseMoved, 1, 1))
	p.waitText("#detail", "cka-cluster2-worker: runs here")
	p.do(chromedp.Focus(chromedp.CSS(cell("cka-cluster2-worker"))), chromedp.KeyEvent(kb.ArrowRight))
	p.waitText("#detail", "cka-cluster2-worker2: runs here")
	p.do(chromedp.KeyEvent(kb.Home))
	p.waitText("#detail", "cka-cluster2-control-plane: does not run")
	if got := eval[int](p, `document.querySelectorAll("#grid [tabindex='0']").length`); got != 1 {
		t.Errorf("Tab reaches %d cells, want 1", got)
	}
	for _, want := range []string{"disk=ssd", "taint node-role.kubernetes.io/control-plane:NoSchedule"} {
		p.waitText("#detail", want)
	}
}

// Every way to break something, and to repair it.
func TestBreaks(t *testing.T) {
	p := open(t, "")
	p.click(cell("worker-02"))
	toggle := func(what, broken, repaired string) {
		t.Helper()
		button := "[data-break=" + what + "]"
		p.click(button)
		p.waitCell("worker-02", broken)
		p.wait(`document.querySelector("` + button + `").getAttribute("aria-pressed") === "true"`)
		p.click(button)
		p.wait(`document.querySelector("` + button + `").getAttribute("aria-pressed") === "false"`)
		p.click("#end")
		p.waitCell("worker-02", repaired)
	}
	toggle("down", "not ready", "updated, available")
	toggle("drain", "cordoned", "updated, available")
	toggle("crash", "broken, uses the budget", "updated, available")
	toggle("taint", "tainted by you", "updated, available")
	p.click("[data-break=delete]")
	p.waitCell("worker-02", "terminating, uses the budget")
	p.click("#end")
	p.waitCell("worker-02", "updated, available")
	p.click("[data-break=image]")
	p.click("[data-break=delete]")
	p.waitText("#pass-title", "pod deleted")
	p.click("#end")
	p.waitCell("worker-02", "updated, available") // Its image is on the node.
	p.click("#image")
	p.waitText("#impact", "starts a rollout")
	p.click("#apply")
	p.waitText("#pass-title", "you: apply")
	p.click("#end")
	p.waitCell("worker-02", "broken, uses the budget")
	p.click("[data-break=repair]")
	p.click("#end")
	p.waitCell("worker-02", "updated, available")

	p.choose("#scope", "zone")
	p.click("[data-break=down]")
	p.waitCell("worker-05", "not ready")
	p.waitCell("worker-08", "not ready")
	if got := eval[string](p, fmt.Sprintf(`document.querySelector(%s).textContent`, quote(cell("worker-03")))); strings.Contains(got, "not ready") {
		t.Errorf("%s, want it in another zone", got)
	}
	p.choose("#scope", "all")
	p.click("[data-break=drain]")
	p.waitCell("worker-03", "cordoned")
	p.enter("#taint", "nonsense")
	p.click("[data-break=taint]")
	p.waitText("#status", `taint: "nonsense" is not of the form`)
}

// Every control of the policy.
func TestPolicy(t *testing.T) {
	p := open(t, "")
	for _, tc := range []struct{ id, want string }{
		{"paused", "paused"}, {"zones", "topology.kubernetes.io/zone"}, {"strict", "strict budget"},
		{"ignoreDown", "ignore not-ready nodes"}, {"ignoreCordoned", "ignore some nodes"},
	} {
		p.check(tc.id)
		p.waitText("#policy-text", tc.want)
		p.check(tc.id)
		p.waitText("#policy-text", "upstream's policy")
	}
	for _, order := range []string{"reverse", "oldest", "notready"} {
		p.choose("#order", order)
		p.waitText("#policy-text", "order")
		p.choose("#order", "")
		p.waitText("#policy-text", "upstream's policy")
	}
	p.enter("#partition", "50%")
	p.waitText("#policy-text", "50%")
	p.enter("#partition", "some")
	p.waitText("#policy-error", `partition: "some" is neither`)
	p.enter("#partition", "")
	p.waitText("#policy-text", "upstream's policy")
	p.enter("#failAfter", "soon")
	p.waitText("#policy-error", `canary fails after: "soon" is not a duration`)
	p.enter("#failAfter", "")
	p.enter("#canary", "2")
	p.check("manual")
	p.enter("#failAfter", "5m")
	p.waitText("#policy-text", "canary")
	p.enter("#partition", "1")
	p.waitText("#policy-error", "both choose the nodes to update first")
	p.enter("#partition", "")

	// The canary waits, and a promotion lets the rollout go on.
	p.click("#image")
	p.waitText("#impact", "starts a rollout")
	p.click("#apply")
	p.waitText("#pass-title", "you: apply")
	p.click("#end")
	p.waitText("#verdict", "waiting")
	p.waitText("#held", "canary")
	p.click("#promote")
	p.waitText("#pass-title", "you: promote")
	p.click("#end")
	p.waitText("#verdict", "complete")
}

// The controls of the policy decide which nodes are updated, and which one first.
func TestPolicyDecides(t *testing.T) {
	p := open(t, "")
	p.click("#image")
	p.waitText("#impact", "starts a rollout")
	p.click("#apply")
	p.waitText("#pass-title", "you: apply")
	for _, tc := range []struct {
		name            string
		set             func()
		breaks          string // where the new image is missing
		updated, broken string
	}{
		{"paused", func() { p.check("paused") }, "", "", ""},
		{"partition", func() { p.enter("#partition", "10") }, "", "worker-10 worker-11", ""},
		{"zones", func() { p.check("zones") }, "worker-04", "control-plane-1 worker-01 worker-03 worker-06 worker-09", "worker-04"},
		{"order", func() { p.choose("#order", "reverse") }, "worker-09", "worker-10 worker-11", "worker-09"},
	} {
		p.click("#first")
		p.waitText("#pass-title", "the cluster as it is")
		p.click("#step")
		p.waitText("#pass-title", "you: apply")
		p.waitText("#policy-text", "upstream's policy")
		tc.set()
		p.waitText("#pass-title", "you: policy")
		if tc.breaks != "" {
			p.click(cell(tc.breaks))
			p.waitText("#detail", tc.breaks)
			p.click("[data-break=image]")
			p.waitText("#pass-title", "images are missing")
		}
		p.click("#end")
		p.wait(`document.querySelector("#end").ariaDisabled === "true"`)
		p.settle()
		nodes := func(class string) string {
			return eval[string](p, fmt.Sprintf(`[...document.querySelectorAll("#grid .%s")].map((c) => c.dataset.node).sort().join(" ")`, class))
		}
		if updated, broken := nodes("c-u"), nodes("c-x"); updated != tc.updated || broken != tc.broken {
			t.Errorf("%s: updated are %q, broken %q, want %q and %q", tc.name, updated, broken, tc.updated, tc.broken)
		}
	}
}

// Surge is the manifest's, and shows two pods on a node.
func TestSurge(t *testing.T) {
	p := open(t, "")
	p.enter("#unavailable", "0")
	p.enter("#surge", "2")
	p.click("#budget-set")
	p.waitText("#impact", "maxSurge")
	p.click("#image")
	p.waitText("#impact", "starts a rollout")
	p.click("#apply")
	p.waitText("#pass-title", "you: apply")
	p.click("#step")
	p.wait(`document.querySelectorAll("#grid .c-w").length === 2`)
	p.waitText("#budget", "maxSurge 2: used by")
	p.click("#end")
	p.waitText("#verdict", "complete")
}

// Play, step, scrub and the timeline.
func TestTime(t *testing.T) {
	p := open(t, "")
	p.click("#image")
	p.waitText("#impact", "starts a rollout")
	p.click("#apply")
	p.waitText("#pass-title", "you: apply")
	frame := func() int { t.Helper(); return eval[int](p, `Number(document.querySelector("#scrub").value)`) }
	at := func(want int) {
		t.Helper()
		p.wait(fmt.Sprintf(`document.querySelector("#scrub").getAttribute("aria-valuetext").startsWith("frame %d of")`, want))
	}
	at(1)
	p.click("#step")
	at(2)
	p.click("#step")
	at(3)
	p.click("#back")
	at(2)
	p.click("#first")
	at(0)
	// No click is lost while the answer to another one is on its way.
	eval[bool](p, `(["step", "step", "step"].forEach((id) => document.getElementById(id).click()), true)`)
	at(3)
	p.click("#first")
	at(0)
	p.choose("#speed", "20")
	p.click("#play")
	p.wait(`Number(document.querySelector("#scrub").value) > 3`)
	p.click("#play")
	p.waitText("#play", "Play")
	p.settle()
	paused := frame()
	time.Sleep(300 * time.Millisecond)
	if got := frame(); got != paused {
		t.Errorf("frame %d after a pause at %d", got, paused)
	}
	p.choose("#speed", "200")
	p.click("#play")
	p.waitText("#verdict", "complete")
	p.waitText("#play", "Play")
	last := frame()
	p.do(chromedp.Focus(chromedp.CSS("#scrub")), chromedp.KeyEvent(kb.ArrowLeft))
	at(last - 1)
	p.do(chromedp.KeyEvent(kb.Home))
	at(0)
	eval[bool](p, `(() => {
		const svg = document.querySelector("#timeline svg"), box = svg.getBoundingClientRect();
		svg.dispatchEvent(new MouseEvent("click", { clientX: box.left + box.width / 2, clientY: box.top + 5, bubbles: true }));
		return true;
	})()`)
	p.wait(fmt.Sprintf(`Math.abs(Number(document.querySelector("#scrub").value) - %d) <= 1`, last/2))
	p.waitText("#pass-title", "pod") // The first frame and the last one create and delete none.
	// Eleven of twelve are available at times: the line is at an eleventh of its height, then.
	if got := eval[string](p, `document.querySelector("#timeline .t-available").getAttribute("d")`); !regexp.MustCompile(`^M0 100H0\.0V0\.0H[\d.]+V8\.3H.*V0\.0H1000V100Z$`).MatchString(got) {
		t.Errorf("the timeline is %q, want an area between all available and one less", got)
	}
}

// A link holds the whole state.
func TestLink(t *testing.T) {
	p := open(t, "")
	p.stuck()
	p.check("strict")
	p.waitText("#policy-text", "strict")
	p.click("#end")
	p.click(cell("worker-03"))
	p.write("manifest", "# a draft\n")
	p.waitText("#faults", "no DaemonSet")
	p.click("#undo")
	p.wait(`document.querySelector("#faults").innerText === ""`)
	p.click("#image")
	p.waitText("#impact", "1.8.4")
	p.click("#back")
	p.settle()
	p.click("#link")
	p.waitText("#status", "link is in the")
	p.settle()
	type seen struct{ Verdict, Grid, Clock, Impact, Detail, Manifest, Policy string }
	look := func(p *tab) seen {
		return seen{p.text("#verdict"), p.text("#grid"), eval[string](p, `document.querySelector("#clock").value`), p.text("#impact"), p.text("#detail"),
			p.text("#panel-manifest .cm-content"), p.text("#policy-text")}
	}
	want := look(p)
	link := eval[string](p, `location.hash`)
	again := newTab(t, 1400, 1000)
	again.load(link)
	again.wait(fmt.Sprintf(`document.querySelector("#clock").value === %s && document.querySelector("#detail").innerText.includes("worker-03")`, quote(want.Clock)))
	if got := look(again); got != want {
		t.Errorf("the link shows %+v\nwant %+v", got, want)
	}
	if _, fragment, _ := strings.Cut(link, "#"); strings.Trim(fragment, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.") != "" {
		t.Errorf("%q has characters that a chat may break", link)
	}
	// A link that was cut off leaves what is there.
	eval[bool](again, `(location.hash = "#1.abc", true)`)
	again.waitText("#status", "the link is damaged")
	if got := again.text("#verdict"); got != want.Verdict {
		t.Errorf("after a damaged link: %q, want %q", got, want.Verdict)
	}
	// One that is opened in the same tab replaces what is there.
	eval[bool](again, fmt.Sprintf(`(location.hash = %s, true)`, quote(link)))
	again.wait(fmt.Sprintf(`document.querySelector("#clock").value === %s`, quote(want.Clock)))
}

// fragment returns the fragment of a link that holds a text.
func fragment(t testing.TB, text string) string {
	t.Helper()
	var packed bytes.Buffer
	w, err := flate.NewWriter(&packed, flate.BestCompression)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, text); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return "#1." + base64.RawURLEncoding.EncodeToString(packed.Bytes())
}

// The page says what is wrong with the link that it is opened with, and begins with a start.
func TestDamagedLink(t *testing.T) {
	whole := fragment(t, `{"texts": {"manifest": "", "cluster": ""}, "actions": []}`)
	for _, tc := range []struct{ name, fragment, want string }{
		{"cut off", whole[:len(whole)-8], "the link is damaged"},
		{"not base64", "#1.%%%", "the link is damaged"},
		{"another kind", "#chapter-2", "the link is of another kind"},
		{"no JSON", fragment(t, "{"), "the link is damaged"},
		{"no state", fragment(t, "5"), "the link is damaged"},
		{"null", fragment(t, "null"), "the link is damaged"},
		{"no texts", whole, "no DaemonSet in the texts"},
		{"texts with errors", fragment(t, `{"texts": {"manifest": "kind: [", "cluster": ""}}`), "manifest, line 1"},
		{"a wrong action", fragment(t, `{"texts": `+lessonTexts(t)+`, "actions": [{"after": 0}]}`), "an action without content"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := open(t, tc.fragment)
			p.waitText("#status", tc.want)
			p.waitText("#verdict", "complete")
			p.waitText("#grid", "worker-03")
			if got := eval[string](p, `document.querySelector("#start").value`); got != "log-agent" {
				t.Errorf("begins with %q, want the first start", got)
			}
		})
	}
}

// lessonTexts returns the texts of a link with the lesson.
func lessonTexts(t testing.TB) string {
	t.Helper()
	lesson := filepath.Join("..", "quickstart", "lesson")
	manifest, err := os.ReadFile(filepath.Join(lesson, "daemonset.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	nodes, err := os.ReadFile(filepath.Join(lesson, "nodes.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(`{"manifest": %s, "cluster": %s}`, quote(string(manifest)), quote(string(nodes)))
}

// The link has the editor as it is, at once, and at frames before an edit was applied.
func TestLinkDraft(t *testing.T) {
	p := open(t, "")
	p.click("#image")
	p.waitText("#impact", "starts a rollout")
	p.click("#apply")
	p.waitText("#pass-title", "you: apply")
	p.click("#first")
	p.waitText("#impact", "starts a rollout") // again: it is not applied there
	p.wait(`document.querySelector("#apply").ariaDisabled === "false"`)
	p.do(chromedp.Focus(chromedp.CSS("#panel-manifest .cm-content")), chromedp.KeyEvent(kb.Home, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
	link := eval[string](p, `(async () => {
		document.execCommand("insertText", false, "# last words ");
		await new Promise((done) => setTimeout(done, 0)); // The editor takes it up.
		document.querySelector("#link").click();
		while (!document.querySelector("#status").innerText.includes("link is in the")) await new Promise((done) => setTimeout(done, 5));
		return location.hash;
	})()`)
	again := newTab(t, 1400, 1000)
	again.load(link)
	for _, want := range []string{"last words", "log-agent:1.8.3"} {
		if got := again.text("#panel-manifest .cm-content"); !strings.Contains(got, want) {
			t.Errorf("the link has the manifest %q, want %q in it", got, want)
		}
	}
}

// A state that is too large for an address is no reason to stop.
func TestLinkTooLarge(t *testing.T) {
	p := open(t, "")
	eval[bool](p, `(async () => {
		const random = new Uint8Array(60000);
		let text = "";
		for (let i = 0; i < 50; i++) text += "# " + btoa(String.fromCharCode(...crypto.getRandomValues(random))) + "\n";
		const data = new DataTransfer();
		data.items.add(new File([text + "apiVersion: v1\nkind: Node\nmetadata: {name: only}\n"], "nodes.yaml"));
		dispatchEvent(new DragEvent("drop", { dataTransfer: data }));
		return true;
	})()`)
	p.waitText("#impact", "only: gained")
	p.settle()
	p.click("#link")
	p.waitText("#status", "too large for a link")
	if hash := eval[string](p, `location.hash`); hash != "" {
		t.Errorf("the address holds %d characters of another state", len(hash))
	}
}

// A cluster without nodes is shown, too.
func TestNoNodes(t *testing.T) {
	p := open(t, "")
	p.write("cluster", "# none")
	p.waitText("#impact", "worker-03: removed")
	p.click("#apply")
	p.waitText("#pass-title", "you: apply")
	p.wait(`document.querySelectorAll("#grid [role=option]").length === 0 && document.querySelector("#detail").offsetHeight === 0`)
	if got := eval[string](p, `[...document.querySelectorAll("#numbers dd")].map((e) => e.innerText).join(" ")`); got != "0 0 0" {
		t.Errorf("should run, available, updated are %s, want none", got)
	}
	p.click("#end")
	p.waitText("#verdict", "no eligible node")
}

// Nor does a link to one leave other nodes on the screen.
func TestLinkWithoutNodes(t *testing.T) {
	p := open(t, "")
	link := fragment(t, `{"texts": {"manifest": "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a, namespace: b}\nspec:\n  selector: {matchLabels: {a: b}}\n`+
		`  template:\n    metadata: {labels: {a: b}}\n    spec: {containers: [{name: a, image: a}]}\n", "cluster": ""}}`)
	eval[bool](p, fmt.Sprintf(`(location.hash = %s, true)`, quote(link)))
	p.waitText("#grid", "no nodes")
	p.waitText("#verdict", "no eligible node")
}

// A manifest of the user's own replaces that of a start.
func TestOwnManifest(t *testing.T) {
	p := open(t, "")
	p.write("manifest", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: mine, namespace: default}\nspec:\n  selector: {matchLabels: {app: mine}}\n"+
		"  template:\n    metadata: {labels: {app: mine}}\n    spec:\n      containers:\n      - {name: a, image: 'a:1'}\n")
	p.waitText("#impact", "another DaemonSet, default/mine")
	p.click("#apply")
	p.waitText("#verdict", "complete")
	p.waitText("#grid", "mine-")
	if got := eval[string](p, `document.querySelector("#set").value`); got != "default/mine" {
		t.Errorf("shows %q, want default/mine", got)
	}
}

// A file that is dropped on an editor is loaded, not inserted; a text that is dragged within the
// editor is not taken for a cluster.
func TestDrop(t *testing.T) {
	p := open(t, "")
	drop := func(fill string) {
		t.Helper()
		eval[bool](p, `(() => {
			const data = new DataTransfer();
			`+fill+`
			document.querySelector("#panel-manifest .cm-content").dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
			return true;
		})()`)
	}
	verdict := p.text("#verdict")
	drop(`data.setData("text/plain", "some words");`)
	time.Sleep(300 * time.Millisecond)
	p.settle()
	if got := p.text("#grid"); !strings.Contains(got, "worker-03") || p.text("#status") != "" || p.text("#verdict") != verdict {
		t.Errorf("some words that were dropped are taken for a cluster: %q %q", p.text("#status"), got)
	}
	drop(`data.items.add(new File(["apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: dropped, namespace: default}\nspec:\n  selector: {matchLabels: {app: a}}\n" +
		"  template:\n    metadata: {labels: {app: a}}\n    spec:\n      containers:\n      - {name: a, image: 'a:1'}\n"], "ds.yaml"));`)
	p.waitText("#impact", "another DaemonSet, default/dropped")
	time.Sleep(300 * time.Millisecond)
	if got := p.text("#panel-manifest .cm-content"); strings.Count(got, "kind: DaemonSet") != 1 {
		t.Errorf("the manifest is %q, want the file once", got)
	}
	p.click("#apply")
	p.waitText("#grid", "worker-03")
	p.waitText("#grid", "dropped-")
}

// What kubectl prints can be dropped, pasted and opened.
func TestLoad(t *testing.T) {
	trouble, err := filepath.Abs(filepath.Join("..", "quickstart", "testdata", "trouble.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(trouble)
	if err != nil {
		t.Fatal(err)
	}
	p := open(t, "")
	drop := func(text string) {
		eval[bool](p, fmt.Sprintf(`(() => {
			const data = new DataTransfer();
			data.items.add(new File([%s], "cluster.yaml"));
			dispatchEvent(new DragEvent("drop", { dataTransfer: data }));
			return true;
		})()`, quote(text)))
	}
	drop(string(text))
	p.wait(`document.querySelectorAll("#set option").length > 3`)
	p.settle()
	sets := eval[[]string](p, `[...document.querySelectorAll("#set option")].map((o) => o.value)`)
	for _, set := range sets {
		p.choose("#set", set)
		p.wait(fmt.Sprintf(`document.querySelector("#set").value === %s`, quote(set)))
		p.settle()
		p.waitText("#detail", "node-")
	}
	if got := p.text("#nodes"); !strings.Contains(got, "node-5") {
		t.Errorf("nodes %q, want those of the file", got)
	}
	// A text with errors leaves what is there, and shows them.
	verdict := p.text("#verdict")
	drop("apiVersion: v1\nkind: Node\nmetadata: {nam: x}\n")
	p.waitText("#faults", "nodes and pods, line 3")
	if got := p.text("#verdict"); got != verdict {
		t.Errorf("verdict %q, want the last good one %q", got, verdict)
	}
	paste := func(text string) {
		eval[bool](p, fmt.Sprintf(`(() => {
			const data = new DataTransfer();
			data.setData("text/plain", %s);
			document.querySelector(".cm-content").dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
			return true;
		})()`, quote(text)))
	}
	paste(`apiVersion: v1
items:
- {apiVersion: v1, kind: Node, metadata: {name: pasted, uid: n1}}
- apiVersion: apps/v1
  kind: DaemonSet
  metadata: {name: agent, namespace: x, uid: d1, generation: 1}
  spec:
    selector: {matchLabels: {a: b}}
    template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: "a:1"}]}}
kind: List
`)
	p.waitText("#grid", "pasted")
	p.waitText("#impact", "no change")
	p.waitText("#panel-manifest", "x/agent as it is stored")
	p.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), []string{trouble}))
	p.waitText("#grid", "node-5")
}

// The engine works away from the page, which goes on while a large cluster is read.
func TestWorker(t *testing.T) {
	p := open(t, "")
	if got := eval[string](p, `typeof window.playground`); got != "undefined" {
		t.Errorf("the engine is in the page: %s", got)
	}
	turns := eval[int](p, `(async () => {
		let turns = 0, going = true;
		const turn = () => { turns++; if (going) setTimeout(turn, 0); };
		turn();
		const start = document.querySelector("#start");
		start.value = "large";
		start.dispatchEvent(new Event("change"));
		while (document.querySelector("#grid-active")?.getAttribute("aria-setsize") !== "5000") await new Promise((done) => setTimeout(done, 5));
		going = false;
		return turns;
	})()`)
	if turns < 20 {
		t.Errorf("the page had %d turns while the cluster was read, want many", turns)
	}
	p.settle()
	drawn := `(() => {
		const canvas = document.querySelector("#grid canvas"), c = canvas.getContext("2d");
		const probe = document.createElement("div");
		probe.className = "cell c-u";
		document.body.append(probe);
		const want = getComputedStyle(probe).backgroundColor;
		probe.remove();
		const at = document.querySelector("#grid-active").getBoundingClientRect(), from = canvas.getBoundingClientRect();
		const [r, g, b] = c.getImageData((at.left - from.left + 4) * devicePixelRatio, (at.top - from.top + 4) * devicePixelRatio, 1, 1).data;
		return want === "rgb(" + r + ", " + g + ", " + b + ")" && !c.isContextLost();
	})()`
	if !eval[bool](p, drawn) {
		t.Error("the canvas does not show the selected cell in the color of an updated pod")
	}
	// What the browser composes of it, too.
	at := eval[[]float64](p, `(() => { const r = document.querySelector("#grid-active").getBoundingClientRect(); return [r.x + scrollX, r.y + scrollY] })()`)
	whole, err := png.Decode(bytes.NewReader(p.shot(page.CaptureScreenshotFormatPng)))
	if err != nil {
		t.Fatal(err)
	}
	r, g, b, _ := whole.At(int(at[0])+4, int(at[1])+4).RGBA()
	got := fmt.Sprintf("rgb(%d, %d, %d)", r>>8, g>>8, b>>8)
	if want := eval[string](p, `getComputedStyle(document.querySelector("#legend .c-u")).backgroundColor`); got != want {
		t.Errorf("the page shows the selected cell in %s, want %s", got, want)
	}
	// The large grid, too, has words for a screen reader, and keys.
	p.do(chromedp.Focus(chromedp.CSS("#grid [role=listbox]")), chromedp.KeyEvent(kb.Home))
	p.waitText("#detail", "node-0003: runs here")
	p.do(chromedp.KeyEvent(kb.ArrowRight))
	p.waitText("#detail", "node-0006: runs here")
	if got := eval[string](p, `document.querySelector("#grid-active").getAttribute("aria-label")`); got != "node-0006: updated, available" {
		t.Errorf("the active option is %q", got)
	}
}
