package main

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/pernode/daemonset/examples/playground/engine"
)

// watching notes which fields of the answers of the engine the page reads.
const watching = `{
	const read = window.read = new Set();
	const watched = (value, path) => (value === null || typeof value !== "object") ? value : new Proxy(value, {
		get(target, key) {
			if (Array.isArray(target)) return watched(target[key], path);
			read.add(path + "." + String(key));
			return watched(target[key], path + "." + String(key));
		},
	});
	const { set } = Object.getOwnPropertyDescriptor(Worker.prototype, "onmessage");
	Object.defineProperty(Worker.prototype, "onmessage", {
		set(handle) { set.call(this, ({ data }) => handle({ data: { ...data, response: watched(data.response, "") } })); },
	});
}`

// The page reads every field that the engine writes: what nobody reads is not sent.
func TestProtocol(t *testing.T) {
	// What the worker reads, or hands on as it is.
	inWorker := map[string]bool{"Response.State": true, "View.Layout": true}
	p := newTab(t, 1400, 1000)
	if _, err := chromedp.Call(p.ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: watching}); err != nil {
		t.Fatal(err)
	}
	p.load("")
	p.stuck()
	p.enter("#unavailable", "0")
	p.click("#budget-set")
	p.waitText("#findings", "Budget")
	p.write("manifest", "kind: [\n")
	p.waitText("#faults", "manifest, line")
	eval[bool](p, `(() => {
		const data = new DataTransfer();
		data.items.add(new File(["kind: [\n"], "cluster.yaml"));
		dispatchEvent(new DragEvent("drop", { dataTransfer: data }));
		return true;
	})()`)
	p.waitText("#faults", "nodes and pods, line")
	read := map[string]bool{}
	for _, path := range eval[[]string](p, `[...window.read]`) {
		read[path] = true
	}
	used := map[string]bool{}
	eachField(reflect.TypeFor[engine.Response](), "", func(field, path string) {
		used[field] = used[field] || read[path] || inWorker[field]
	})
	for field, is := range used {
		if !is {
			t.Errorf("nobody reads %s", field)
		}
	}
}

// eachField visits the fields of a struct and of what is in it, each with its path in JSON. It leaves
// out the State, which is the link's.
func eachField(t reflect.Type, path string, visit func(field, path string)) {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || t == reflect.TypeFor[time.Time]() || t == reflect.TypeFor[engine.State]() {
		return
	}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		visit(t.Name()+"."+field.Name, path+"."+name)
		eachField(field.Type, path+"."+name, visit)
	}
}
