package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// spying keeps the worker, what is sent to it, and how many listeners wait for another color scheme.
const spying = `{
	window.sent = [], window.listeners = 0;
	const { postMessage } = Worker.prototype, { addEventListener } = EventTarget.prototype;
	Worker.prototype.postMessage = function (message) { window.worker = this; window.sent.push(message.request); return postMessage.call(this, message); };
	MediaQueryList.prototype.addEventListener = function (...args) { window.listeners++; return addEventListener.apply(this, args); };
	window.pause = (ms) => new Promise((done) => setTimeout(done, ms));
	window.frameIs = (n) => document.querySelector("#scrub").getAttribute("aria-valuetext").startsWith("frame " + n + " of");
	window.choose = (id, value) => {
		const e = document.querySelector(id);
		e.value = value;
		e.dispatchEvent(new Event("change"));
	};
	window.dropText = (...texts) => {
		const data = new DataTransfer();
		for (const text of texts) data.items.add(new File([text], "cluster.yaml"));
		return dispatchEvent(new DragEvent("drop", { dataTransfer: data })), true;
	};
}`

func spied(t *testing.T, width, height int64) *tab {
	t.Helper()
	p := newTab(t, width, height)
	if _, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: spying}); err != nil {
		t.Fatal(err)
	}
	return p
}

// rollout brings the page to the first frame of a rollout.
func (p *tab) rollout() {
	p.Helper()
	p.click("#image")
	p.waitText("#impact", "starts a rollout")
	p.click("#apply")
	p.waitText("#pass-title", "you: apply")
	p.click("#first")
	p.wait(`frameIs(0)`)
	p.settle()
}

// textsOf returns a DaemonSet and a node, both with a name.
func textsOf(name string) string {
	return "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: " + name + ", namespace: " + name + "}\nspec:\n  selector: {matchLabels: {app: a}}\n" +
		"  template:\n    metadata: {labels: {app: a}}\n    spec:\n      containers:\n      - {name: a, image: 'a:1'}\n---\n" +
		"apiVersion: v1\nkind: Node\nmetadata: {name: " + name + "}\n"
}

// Play, pause and play again go on at one speed.
func TestPlayTwice(t *testing.T) {
	p := spied(t, 1400, 1000)
	p.load("")
	p.rollout()
	got := eval[int](p, `(async () => {
		sent.length = 0;
		for (let i = 0; i < 3; i++) document.querySelector("#play").click();
		while (sent.filter((r) => r.do === "seek").length < 6) await pause(10);
		return sent.filter((r) => r.do === "seek").map((r) => r.frame).filter((frame, i, all) => all.indexOf(frame) !== i).length;
	})()`)
	if got > 1 { // The first one is asked for twice.
		t.Errorf("%d frames are asked for twice: two calls play", got)
	}
}

// What is on its way when another start is chosen does not show there.
func TestLateDraft(t *testing.T) {
	p := spied(t, 1400, 1000)
	p.load("")
	eval[bool](p, `(document.querySelector("#image").click(), choose("#start", "lesson"), true)`)
	p.waitText("#grid", "cka-cluster2")
	p.settle()
	p.waitText("#impact", "no change")
	if !eval[bool](p, `document.querySelector("#apply").ariaDisabled === "true"`) {
		t.Error("the draft of the text before can be applied")
	}
}

// What is typed while the engine works stays.
func TestTypedMeanwhile(t *testing.T) {
	p := open(t, "")
	p.do(chromedp.Focus(chromedp.CSS("#panel-manifest .cm-content")))
	eval[bool](p, `(document.querySelector("#image").click(), document.execCommand("insertText", false, "# last words "), true)`)
	p.waitText("#status", "The text has changed")
	if got := p.text("#panel-manifest .cm-content"); !strings.Contains(got, "last words") {
		t.Errorf("the manifest is %.60q, want what was typed", got)
	}
}

// A link with errors leaves the node that is selected, and one that is opened while a start is read
// selects its own.
func TestLinkNode(t *testing.T) {
	p := spied(t, 1400, 1000)
	p.load("")
	p.click(cell("worker-05"))
	p.waitText("#detail", "worker-05")
	link := fragment(t, `{"texts": `+lessonTexts(t)+`, "node": "nowhere", "actions": [{"after": 0}]}`)
	eval[bool](p, fmt.Sprintf(`(location.hash = %s, true)`, quote(link)))
	p.waitText("#status", "an action without content")
	p.click("[data-break=down]")
	p.waitText("#pass-title", "worker-05: kubelet stops")
	if got := eval[string](p, `document.querySelector("#start").value`); got != "log-agent" {
		t.Errorf("the start is %q, want the one on the screen", got)
	}
	link = fragment(t, `{"texts": `+lessonTexts(t)+`, "node": "cka-cluster2-worker2"}`)
	eval[bool](p, fmt.Sprintf(`(choose("#start", "storage"), location.hash = %s, true)`, quote(link)))
	p.waitText("#grid", "cka-cluster2")
	p.settle()
	p.waitText("#detail h3", "cka-cluster2-worker2")
}

// Keys with Alt, Ctrl or Meta are the browser's: Alt and an arrow go back.
func TestBrowserKeys(t *testing.T) {
	p := open(t, "")
	for _, selector := range []string{"#grid [role=option]", "#tab-manifest"} {
		if !eval[bool](p, fmt.Sprintf(`document.querySelector(%s).dispatchEvent(new KeyboardEvent("keydown", { key: "ArrowLeft", altKey: true, bubbles: true, cancelable: true }))`, quote(selector))) {
			t.Errorf("%s takes Alt and an arrow", selector)
		}
	}
	if eval[bool](p, `document.querySelector("#panel-manifest").hidden`) {
		t.Error("Alt and an arrow show the other tab")
	}
}

// A large grid that is gone leaves nothing behind, and a cell can be looked at twice.
func TestMosaicAgain(t *testing.T) {
	p := spied(t, 1400, 1000)
	p.load("")
	p.starts("large")
	before := eval[int](p, "listeners")
	p.starts("lesson")
	p.starts("large")
	if got := eval[int](p, "listeners"); got != before {
		t.Errorf("%d listeners after a second large grid, want %d", got, before)
	}
	p.do(chromedp.ScrollIntoView(chromedp.CSS("#grid")))
	at := eval[[]float64](p, `(() => { const r = document.querySelector("#grid canvas").getBoundingClientRect(); return [r.x + 17 * 5 + 5, r.y + 25] })()`)
	for range 2 {
		p.do(chromedp.MouseEvent(chromedp.MouseMoved, at[0], at[1]))
		p.waitText("#detail h3", "node-0018")
		p.do(chromedp.MouseEvent(chromedp.MouseMoved, 1, 1))
		p.waitText("#detail h3", "node-0003")
	}
}

// The buttons break the selected node, no matter what is broken on the one before or under the pointer.
func TestBreakSelected(t *testing.T) {
	p := open(t, "")
	p.click(cell("worker-05"))
	p.click("[data-break=down]")
	p.wait(`document.querySelector("[data-break=down]").getAttribute("aria-pressed") === "true"`)
	eval[bool](p, fmt.Sprintf(`(document.querySelector(%s).click(), document.querySelector("[data-break=down]").click(), true)`, quote(cell("worker-02"))))
	p.waitText("#pass-title", "worker-02: kubelet stops")
	at := eval[[]float64](p, fmt.Sprintf(`(() => { const r = document.querySelector(%s).getBoundingClientRect(); return [r.x + 9, r.y + 9] })()`, quote(cell("worker-03"))))
	p.do(chromedp.MouseEvent(chromedp.MouseMoved, at[0], at[1]))
	p.waitText("#detail h3", "worker-03")
	eval[bool](p, `(document.querySelector("[data-break=drain]").focus({ preventScroll: true }), true)`)
	p.do(chromedp.KeyEvent(" "))
	p.wait(`document.querySelector("[data-break=drain]").getAttribute("aria-pressed") === "true"`)
	p.do(chromedp.KeyEvent(" "))
	p.waitText("#pass-title", "worker-02: uncordoned")
}

// The thumb of the slider stays where the user moves it, so that no key is lost.
func TestScrubKeys(t *testing.T) {
	p := spied(t, 1400, 1000)
	p.load("")
	p.rollout()
	got := eval[string](p, `(async () => {
		const scrub = document.querySelector("#scrub");
		const press = () => { scrub.stepUp(); scrub.dispatchEvent(new Event("input")); };
		for (let i = 0; i < 3; i++) press();
		while (!frameIs(1)) await new Promise((done) => new MutationObserver(done).observe(scrub, { attributeFilter: ["aria-valuetext"] }));
		const thumb = scrub.value;
		press();
		while (!frameIs(scrub.value)) await pause(5);
		return thumb + " " + scrub.value;
	})()`)
	if got != "3 4" {
		t.Errorf("the thumb while frame 1 of 3 is shown, and after a fourth key: %q, want 3 4", got)
	}
}

// Until the library is there, nothing can be done that is lost.
func TestEarly(t *testing.T) {
	p := spied(t, 1400, 1000)
	p.do(chromedp.Navigate("about:blank"), chromedp.Navigate(p.address))
	if eval[bool](p, `document.documentElement.dataset.ready === "true"`) {
		t.Skip("the library is there at once")
	}
	eval[bool](p, fmt.Sprintf(`dropText(%s)`, quote(textsOf("early"))))
	p.waitText("#status", "still loading")
	if !eval[bool](p, `document.querySelector("header").inert && document.querySelector("main").inert`) {
		t.Error("the controls can be used")
	}
	p.wait(`document.documentElement.dataset.ready === "true"`)
	if eval[bool](p, `document.querySelector("header").inert || document.querySelector("main").inert`) {
		t.Error("the controls cannot be used")
	}
}

// Long names need no scrolling to the side.
func TestPhoneLongNames(t *testing.T) {
	p := spied(t, 360, 740)
	p.load("")
	long := strings.Repeat("abcdefghij", 6)
	eval[bool](p, fmt.Sprintf(`dropText(%s)`, quote(textsOf(long))))
	p.waitText("#grid", long)
	p.click("[data-break=down]")
	p.waitText("#pass-title", "kubelet stops")
	p.write("manifest", "apiVersion: apps/v1\nkind: DaemonSet\n"+long+": 1\n")
	p.waitText("#faults", long)
	if got := eval[int](p, `document.documentElement.scrollWidth`); got > 360 {
		wide := eval[[]string](p, `[...document.querySelectorAll("main *, header *")].filter((e) => e.getBoundingClientRect().right > 361).map((e) => e.tagName + "#" + e.id + "." + e.className).slice(0, 10)`)
		t.Errorf("the page is %d pixels wide on a phone, want 360; too wide are %q", got, wide)
	}
}

// A file from Windows has nothing to apply.
func TestLineEnds(t *testing.T) {
	p := spied(t, 1400, 1000)
	p.load("")
	eval[bool](p, fmt.Sprintf(`dropText(%s)`, quote(strings.ReplaceAll(textsOf("only"), "\n", "\r\n"))))
	p.waitText("#grid", "only")
	p.settle()
	again := open(t, eval[string](p, `location.hash`))
	if !eval[bool](again, `document.querySelector("#apply").ariaDisabled === "true"`) {
		t.Error("the link of a text with \\r\\n has an edit")
	}
}

// An error stays, though the message before it would be gone by now.
func TestMessages(t *testing.T) {
	p := open(t, "")
	p.enter("#taint", "nonsense")
	p.click("#link")
	p.waitText("#status", "link is in")
	p.click("[data-break=taint]")
	p.waitText("#status", "is not of the form")
	time.Sleep(3200 * time.Millisecond)
	p.waitText("#status", "is not of the form")
}

// A worker that is gone is no reason to wait for ever.
func TestWorkerStops(t *testing.T) {
	p := spied(t, 1400, 1000)
	p.load("")
	eval[bool](p, `(worker.terminate(), choose("#start", "lesson"), worker.dispatchEvent(new ErrorEvent("error", { message: "out of memory" })), true)`)
	p.waitText("#status", "The engine has stopped; reload the page. (out of memory)")
	if eval[bool](p, `document.querySelector("main").inert`) {
		t.Error("the page waits for ever")
	}
	for _, button := range []string{"#step", "#link"} {
		p.click("#status")
		p.wait(`document.querySelector("#status").innerText === ""`)
		p.click(button)
		p.wait(`document.querySelector("#status").innerText.startsWith("The engine has stopped")`)
	}
}

// Another DaemonSet is chosen, and what was typed stays.
func TestChooseSet(t *testing.T) {
	p := spied(t, 1400, 1000)
	p.load("")
	eval[bool](p, fmt.Sprintf(`dropText(%s)`, quote(textsOf("a")+"---\n"+textsOf("b"))))
	p.wait(`document.querySelectorAll("#set option").length === 2`)
	p.settle()
	p.write("manifest", "# last words")
	p.choose("#set", "b/b")
	p.waitText("#grid", "b-")
	if got := p.text("#panel-manifest .cm-content"); !strings.Contains(got, "last words") {
		t.Errorf("the manifest is %q, want what was typed", got)
	}
}

// Files that are dropped or opened together are one cluster.
func TestFiles(t *testing.T) {
	p := spied(t, 1400, 1000)
	p.load("")
	set, node, _ := strings.Cut(textsOf("two-files"), "---\n")
	eval[bool](p, fmt.Sprintf(`dropText(%s, %s)`, quote(set), quote(node)))
	p.waitText("#grid", "two-files")
	p.settle()
	dir := t.TempDir()
	var names []string
	for i, text := range strings.Split(textsOf("opened"), "---\n") {
		names = append(names, filepath.Join(dir, fmt.Sprint(i)))
		if err := os.WriteFile(names[i], []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	p.do(chromedp.SetUploadFiles(chromedp.CSS("#file"), names))
	p.waitText("#grid", "opened")
}

// After an edit the start can be chosen again.
func TestStartAgain(t *testing.T) {
	p := open(t, "")
	p.click("#image")
	p.waitText("#impact", "starts a rollout")
	p.wait(`document.querySelector("#start").value === ""`)
	p.do(chromedp.Focus(chromedp.CSS("#start")), chromedp.SendKeys(chromedp.CSS("#start"), "Log agent, 12"))
	p.waitText("#impact", "no change")
}

// After Discard the objects are those of the start again, but not after an edit was applied.
func TestDiscardIsStart(t *testing.T) {
	p := open(t, "")
	start := func(want string) {
		p.Helper()
		p.wait(fmt.Sprintf(`document.querySelector("#start").value === %s`, quote(want)))
	}
	p.starts("storage")
	p.click("#apply") // without a change
	p.settle()
	p.click("#image")
	p.waitText("#impact", "starts a rollout")
	start("")
	p.click("#undo")
	p.waitText("#impact", "no change")
	start("storage")
	p.click("#image")
	p.waitText("#impact", "starts a rollout")
	p.click("#apply")
	p.waitText("#pass-title", "you: apply")
	p.click("#image")
	p.waitText("#impact", "starts a rollout")
	p.click("#undo")
	p.waitText("#impact", "no change")
	start("")
}

// A DaemonSet without a rolling update has no budget: the fields do not show that of another one.
func TestBudgetOnDelete(t *testing.T) {
	p := open(t, "")
	p.wait(`document.querySelector("#unavailable").value === "1"`)
	p.write("manifest", "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: log-agent, namespace: logging}\nspec:\n  selector:\n    matchLabels: {app: log-agent}\n"+
		"  updateStrategy: {type: OnDelete}\n  template:\n    metadata:\n      labels: {app: log-agent}\n    spec:\n      containers:\n      - {name: a, image: \"a:1\"}\n")
	p.wait(`document.querySelector("#unavailable").value === "" && document.querySelector("#surge").value === ""`)
	p.click("#undo")
	p.wait(`document.querySelector("#unavailable").value === "1" && document.querySelector("#surge").value === "0"`)
	p.write("manifest", "kind: [")
	p.waitText("#faults", "manifest, line 1")
	if got := eval[string](p, `document.querySelector("#unavailable").value`); got != "1" {
		t.Errorf("maxUnavailable shows %q, want that of the last good manifest", got)
	}
}

// Each start can be chosen, and begins with a complete rollout.
func TestEachStart(t *testing.T) {
	p := open(t, "")
	for start, set := range map[string]string{
		"lesson": "default/nginx-deploy", "log-agent": "logging/log-agent", "node-exporter": "monitoring/node-exporter",
		"network": "kube-system/network-agent", "storage": "storage/storage-daemon", "large": "logging/log-agent",
	} {
		p.starts(start)
		p.wait(fmt.Sprintf(`document.querySelector("#set").value === %s`, quote(set)))
		p.waitText("#verdict", "complete")
		p.waitText("#impact", "no change")
	}
	if got := eval[int](p, `document.querySelector("#start").options.length`); got != 7 {
		t.Errorf("%d options, want your own objects and six starts", got)
	}
}

// The link that was opened counts, though the address has the state before again.
func TestLinkReplaced(t *testing.T) {
	p := open(t, "")
	link := fragment(t, `{"texts": `+lessonTexts(t)+`}`)
	eval[bool](p, fmt.Sprintf(`(() => {
		const before = location.href;
		location.hash = %s;
		history.replaceState(null, "", before);
		return true;
	})()`, quote(link)))
	p.waitText("#grid", "cka-cluster2")
}

// A draft that arrives resets no field that the user has typed into, and another start does.
func TestBudgetTyped(t *testing.T) {
	p := open(t, "")
	p.enter("#unavailable", "3")
	p.do(chromedp.Focus(chromedp.CSS("#surge")))
	p.write("cluster", "# none")
	p.waitText("#impact", "worker-03: removed")
	if got := eval[string](p, `document.querySelector("#unavailable").value`); got != "3" {
		t.Errorf("maxUnavailable shows %q, want what was typed", got)
	}
	p.starts("lesson")
	if got := eval[string](p, `document.querySelector("#unavailable").value`); got != "1" {
		t.Errorf("maxUnavailable shows %q, want that of the manifest", got)
	}
}

// The page asks one question about what the pointer is on.
func TestHover(t *testing.T) {
	p := spied(t, 1400, 1000)
	p.load("")
	p.do(chromedp.ScrollIntoView(chromedp.CSS("#grid")))
	eval[bool](p, fmt.Sprintf(`(sent.length = 0, document.querySelector(%s).dispatchEvent(new PointerEvent("pointerover", { bubbles: true })), true)`, quote(cell("worker-05"))))
	p.waitText("#detail h3", "worker-05")
	if got := eval[[]string](p, `sent.map((r) => r.do)`); len(got) != 1 {
		t.Errorf("the page asks %q", got)
	}
}
