package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// axe returns what axe-core finds wrong with the page.
func (p *tab) axe() []string {
	p.Helper()
	modules, err := install(p.Context())
	if err != nil {
		p.Fatal(err)
	}
	script, err := os.ReadFile(filepath.Join(modules, "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		p.Fatal(err)
	}
	eval[bool](p, string(script)+"\n;true")
	return eval[[]string](p, `axe.run(document, { resultTypes: ["violations"] }).then((r) => r.violations.flatMap((v) =>
		v.nodes.slice(0, 3).map((n) => v.id + ": " + v.help + ": " + n.html.slice(0, 160) + " " + n.failureSummary)))`)
}

// axe-core finds nothing wrong, contrast included, in dark and light, on a desk and on a phone.
func TestAccessible(t *testing.T) {
	p := newTab(t, 1400, 1000)
	p.do(scheme("light"))
	p.load("")
	p.stuck()
	p.enter("#unavailable", "0")
	p.click("#budget-set")
	p.waitText("#findings", "Budget")
	p.settle()
	look := func(what string) {
		t.Helper()
		for _, v := range p.axe() {
			t.Errorf("%s: %s", what, v)
		}
	}
	look("light")
	p.do(scheme("dark"))
	// The colors change by a transition.
	p.wait(`document.getAnimations().length === 0`)
	look("dark")
	p.do(chromedp.EmulateViewport(360, 740))
	look("phone, dark")
	p.do(scheme("light"))
	p.wait(`document.getAnimations().length === 0`)
	p.write("manifest", "kind: [\n")
	p.waitText("#faults", "manifest, line")
	look("phone, light, with an error")
	p.click("#undo")
	p.wait(`document.querySelector("#faults").innerText === ""`)
	p.write("cluster", "# none")
	p.waitText("#impact", "worker-03: removed")
	p.click("#apply")
	p.waitText("#grid", "no nodes")
	look("phone, light, without nodes")
	p.starts("large")
	look("phone, light, with 5,000 nodes")
}

// A phone needs no scrolling to the side.
func TestPhone(t *testing.T) {
	p := newTab(t, 360, 740)
	p.load("")
	p.stuck()
	if got := eval[int](p, `document.documentElement.scrollWidth`); got > 360 {
		wide := eval[[]string](p, `[...document.querySelectorAll("main *, header *")].filter((e) => e.getBoundingClientRect().right > 361).map((e) => e.tagName + "#" + e.id + "." + e.className).slice(0, 10)`)
		t.Errorf("the page is %d pixels wide on a phone, want 360; too wide are %q", got, wide)
	}
}

// A test uses every control of the page.
func TestEveryControl(t *testing.T) {
	html, err := pageFiles.ReadFile("page/index.html")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests []byte
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, text...)
	}
	found := 0
	for _, m := range regexp.MustCompile(`<(?:button|select|input)[^>]* (?:id|data-break)="([^"]+)"`).FindAllSubmatch(html, -1) {
		found++
		if id := string(m[1]); !regexp.MustCompile(`["#=]` + id + `["\] ]`).Match(tests) {
			t.Errorf("no test uses the control %q", id)
		}
	}
	if found < 35 {
		t.Errorf("found %d controls, want all", found)
	}
}

// Every control is reached with Tab and has a name, and what the page finds out is announced.
func TestKeyboard(t *testing.T) {
	p := open(t, "")
	// The legend has every sign and every border of the grid.
	for _, want := range []string{"updated, available", "uses the budget", "not ready, cordoned, tainted or ignored"} {
		p.waitText("#legend", want)
	}
	nameless := eval[[]string](p, `[...document.querySelectorAll("button, select, input, textarea")]
		.filter((e) => !(e.innerText || e.ariaLabel || e.labels?.length || e.placeholder)).map((e) => e.outerHTML)`)
	if len(nameless) > 0 {
		t.Errorf("controls without a name: %q", nameless)
	}
	want := eval[[]string](p, `[...document.querySelectorAll("button, select, input")].filter((e) => e.getAttribute("aria-selected") !== "false" && e.checkVisibility()).map((e) => e.id || e.dataset.break)`)
	reached := map[string]bool{}
	eval[bool](p, `(document.body.tabIndex = -1, document.body.focus(), true)`)
	for range len(want) + 20 {
		p.do(chromedp.KeyEvent(kb.Tab))
		// In the editor Tab goes on, too.
		reached[eval[string](p, `document.activeElement.id || document.activeElement.dataset.break || document.activeElement.getAttribute("role") || ""`)] = true
	}
	for _, id := range append(want, "option") {
		if !reached[id] {
			t.Errorf("Tab does not reach %q", id)
		}
	}
	for selector, role := range map[string]string{"#verdict": "aria-live", "#impact": "aria-live", "#faults": "role", "#status": "role", "#detail": "aria-live"} {
		if eval[string](p, fmt.Sprintf(`document.querySelector(%s).getAttribute(%s) ?? ""`, quote(selector), quote(role))) == "" {
			t.Errorf("%s is not announced", selector)
		}
	}
	// The tabs of the editor go with the arrows.
	p.do(chromedp.Focus(chromedp.CSS("#tab-manifest")), chromedp.KeyEvent(kb.ArrowRight))
	p.wait(`document.activeElement.id === "tab-cluster" && !document.querySelector("#panel-cluster").hidden && document.querySelector("#panel-manifest").hidden`)
	// Who chooses another DaemonSet stays at the choice.
	eval[bool](p, `(() => {
		const data = new DataTransfer();
		data.items.add(new File([["a", "b"].map((name) => "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: " + name + ", namespace: default}\nspec:\n  selector: {matchLabels: {app: " + name + "}}\n" +
			"  template:\n    metadata: {labels: {app: " + name + "}}\n    spec:\n      containers:\n      - {name: a, image: 'a:1'}\n---\n").join("") +
			"apiVersion: v1\nkind: Node\nmetadata: {name: only}\n"], "two.yaml"));
		dispatchEvent(new DragEvent("drop", { dataTransfer: data }));
		return true;
	})()`)
	p.wait(`document.querySelectorAll("#set option").length === 2`)
	p.settle()
	p.do(chromedp.Focus(chromedp.CSS("#set")), chromedp.KeyEvent(kb.ArrowDown))
	p.wait(`document.querySelector("#set").value === "default/b"`)
	p.settle()
	if got := eval[string](p, `document.activeElement.id`); got != "set" {
		t.Errorf("the focus is on %q after another DaemonSet was chosen, want set", got)
	}
	if kind := eval[string](p, `document.documentElement.dataset.editor`); kind != "codemirror" {
		t.Errorf("the editor is %q, want codemirror", kind)
	}
}

// A region that a screen reader reads aloud changes with what it says and not with every frame, and is
// there before its first text.
func TestLive(t *testing.T) {
	p := open(t, "")
	p.check("strict")
	p.waitText("#policy-text", "strict")
	p.write("manifest", "kind: [")
	p.waitText("#faults", "manifest, line")
	p.settle()
	eval[bool](p, `(() => {
		window.changes = [];
		for (const id of ["verdict", "detail", "policy-text", "impact", "faults"]) new MutationObserver(() => changes.push(id)).observe(document.getElementById(id), { childList: true });
		return true;
	})()`)
	p.check("manual") // There is no canary.
	p.write("manifest", "kind: [ ")
	p.wait(`document.documentElement.dataset.link !== "ready"`)
	p.settle()
	if got := eval[[]string](p, `changes`); len(got) > 0 {
		t.Errorf("%q are read again", got)
	}
	p.click("[data-break=down]")
	p.wait(`changes.includes("verdict") || changes.includes("detail")`)
	for _, id := range []string{"status", "faults", "policy-error", "detail"} {
		if eval[string](p, fmt.Sprintf(`(() => { const e = document.getElementById(%s); e.replaceChildren(); return getComputedStyle(e).display })()`, quote(id))) == "none" {
			t.Errorf("an empty #%s is not displayed: its first text is not read", id)
		}
	}
}

// A button that has no effect any more keeps the focus.
func TestFocusStays(t *testing.T) {
	p := open(t, "")
	p.click("#end")
	p.wait(`document.querySelector("#end").ariaDisabled === "true"`)
	p.do(chromedp.Focus(chromedp.CSS("#first")), chromedp.KeyEvent(kb.Enter))
	p.wait(`document.querySelector("#first").ariaDisabled === "true"`)
	p.settle()
	if got := eval[string](p, `new Promise(requestAnimationFrame).then(() => document.activeElement.id)`); got != "first" {
		t.Errorf("the focus is on %q, want first", got)
	}
}

// A message is dismissed with a tap, or with Escape.
func TestDismiss(t *testing.T) {
	p := newTab(t, 360, 740)
	p.load("")
	for _, dismiss := range []func(){
		func() { p.click("#status") },
		func() { p.do(chromedp.KeyEvent(kb.Escape)) },
	} {
		p.enter("#taint", "nonsense")
		p.click("[data-break=taint]")
		p.waitText("#status", "is not of the form")
		dismiss()
		p.wait(`document.querySelector("#status").innerText === "" && document.querySelector("#status").offsetHeight === 0`)
	}
}

// The arrows stay in a column of the grid, also at the last row of a zone, and so do the page keys.
func TestGridColumn(t *testing.T) {
	p := open(t, "")
	p.starts("large")
	at := func() (at struct{ X, Y float64 }) {
		t.Helper()
		return eval[struct{ X, Y float64 }](p, `(() => { const t = new DOMMatrix(document.querySelector("#grid-active").style.transform); return { X: t.e, Y: t.f } })()`)
	}
	press := func(key string) { t.Helper(); p.do(chromedp.KeyEvent(key)) }
	p.do(chromedp.Focus(chromedp.CSS("#grid [role=listbox]")))
	press(kb.Home)
	press(kb.ArrowRight)
	press(kb.ArrowRight)
	start := at()
	for _, keys := range [][2]string{{kb.ArrowDown, kb.ArrowUp}, {kb.PageDown, kb.PageUp}} {
		for n, key := range keys {
			for range 60 {
				before := at()
				press(key)
				after := at()
				if after.X != start.X {
					t.Fatalf("from %v to %v, want the column %v", before, after, start.X)
				}
				if up := n == 1; after.Y < before.Y != up && after.Y != before.Y {
					t.Fatalf("from %v to %v", before, after)
				}
			}
		}
		if got := at(); got != start {
			t.Errorf("as far up as down: %v, want %v", got, start)
		}
	}
	// A page is ten rows.
	for _, keys := range [][2]string{{kb.ArrowDown, kb.PageDown}, {kb.ArrowUp, kb.PageUp}} {
		before := at()
		for range 10 {
			press(keys[0])
		}
		rows := at()
		press(kb.Home)
		press(kb.ArrowRight)
		press(kb.ArrowRight)
		if keys[0] == kb.ArrowUp {
			press(kb.PageDown)
		}
		press(keys[1])
		if got := at(); got != rows || rows == before {
			t.Errorf("a page from %v leads to %v, want %v as ten rows do", before, got, rows)
		}
	}
	// A shorter row has its last cell there, in the small grid, too.
	p.do(chromedp.EmulateViewport(560, 1000)) // three columns, and four nodes in a zone
	p.starts("log-agent")
	p.do(chromedp.Focus(chromedp.CSS(cell("worker-03"))))
	for _, want := range []string{"worker-09", "worker-01", "worker-10", "worker-02", "worker-11", "worker-11"} {
		press(kb.ArrowDown)
		if got := eval[string](p, `document.activeElement.dataset.node`); got != want {
			t.Errorf("down to %q, want %q", got, want)
		}
	}
}

// Another ratio of pixels, as after a zoom, has a canvas of its own.
func TestPixelRatio(t *testing.T) {
	p := open(t, "")
	p.starts("large")
	// The browser tells a page that is emulated with another ratio nothing.
	got := eval[[]int](p, `(() => {
		Object.defineProperty(window, "devicePixelRatio", { value: 2 });
		dispatchEvent(new Event("resize"));
		return [document.querySelector("#grid canvas").width, document.querySelector("#grid .mosaic").clientWidth];
	})()`)
	if got[0] != 2*got[1] {
		t.Errorf("the canvas has %d pixels, want twice the width %d", got[0], got[1])
	}
}
