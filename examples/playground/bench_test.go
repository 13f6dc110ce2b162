package main

import (
	"slices"
	"testing"
)

// drawing draws 5,000 nodes in an empty grid, until they have their places.
const drawing = `(async () => {
	const { createGrid } = await import("./grid.js");
	const nodes = Array.from({ length: 5000 }, (_, i) => ({ name: "node-" + i, zone: "zone-" + Math.floor(i / 1700) }));
	const view = { nodes, cells: "uosxtmkn".repeat(625), marks: "-----b-d".repeat(625) };
	const box = document.querySelector("#grid");
	const times = [];
	for (let i = 0; i < 10; i++) {
		box.replaceChildren();
		await new Promise((done) => setTimeout(done, 50));
		const began = performance.now();
		createGrid(box, { onSelect() {}, onPeek() {} }).show(view);
		box.getBoundingClientRect();
		times.push(performance.now() - began);
	}
	return times;
})()`

// stepping clicks on buttons in turn, and waits until the page shows the next frame.
const stepping = `(async (buttons) => {
	const scrub = document.querySelector("#scrub");
	const click = (button) => new Promise((done) => {
		const began = performance.now(), before = scrub.value;
		new MutationObserver((_, observer) => {
			if (scrub.value === before) return; // More frames are recorded.
			observer.disconnect();
			document.querySelector("#grid").getBoundingClientRect();
			done(performance.now() - began);
		}).observe(scrub, { attributeFilter: ["aria-valuetext"] });
		document.querySelector(button).click();
	});
	const times = [];
	for (let i = 0; i < 30; i++) {
		times.push(await click(buttons[i % buttons.length]));
		await new Promise((done) => setTimeout(done, 150));
	}
	return times;
})`

// blocking returns the longest time for which the page did nothing else while an expression ran.
const blocking = `(() => {
	window.longest = 0;
	new PerformanceObserver((list) => {
		for (const entry of list.getEntries()) window.longest = Math.max(window.longest, entry.duration);
	}).observe({ type: "longtask" });
	return true;
})()`

func report(b *testing.B, times []float64) {
	b.Log(times)
	b.ReportMetric(times[0], "ms/op(first)")
	times = slices.Sorted(slices.Values(times))
	b.ReportMetric(times[0], "ms/op(best)")
	b.ReportMetric(times[len(times)/2], "ms/op(median)")
	b.ReportMetric(times[len(times)-1], "ms/op(worst)")
	b.ReportMetric(0, "ns/op")
}

func BenchmarkDraw5000(b *testing.B) {
	p := open(b, "")
	for b.Loop() {
		report(b, eval[[]float64](p, drawing))
	}
}

// applied opens the page with an edit that is applied to 5,000 nodes, before that edit.
func applied(b *testing.B) *tab {
	p := open(b, "")
	p.choose("#start", "large")
	p.wait(`document.querySelector("#grid-active")?.getAttribute("aria-setsize") === "5000"`)
	p.settle()
	p.click("#image")
	p.waitText("#impact", "log-agent:1.8.3")
	p.click("#apply")
	p.waitText("#pass-title", "you: apply")
	p.settle()
	p.click("#first")
	p.waitText("#pass-title", "the cluster as it is")
	p.settle()
	eval[bool](p, blocking)
	return p
}

// A step of the rollout; the first one goes over the edit.
func BenchmarkStep5000(b *testing.B) {
	p := applied(b)
	for b.Loop() {
		report(b, eval[[]float64](p, stepping+`(["#step"])`))
		p.click("#first")
		p.settle()
	}
	b.ReportMetric(eval[float64](p, "window.longest"), "ms-longest-task")
}

// On and back over the edit.
func BenchmarkStepOverEdit5000(b *testing.B) {
	p := applied(b)
	for b.Loop() {
		report(b, eval[[]float64](p, stepping+`(["#step", "#back"])`))
	}
	b.ReportMetric(eval[float64](p, "window.longest"), "ms-longest-task")
}
