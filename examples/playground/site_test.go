package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// The site works under a path, too.
func TestSubPath(t *testing.T) {
	p := newTab(t, 1400, 1000)
	p.address = browser.server.URL + subPath
	browser.mu.Lock()
	browser.root = nil
	browser.mu.Unlock()
	p.load("")
	p.waitText("#verdict", "complete")
	browser.mu.Lock()
	defer browser.mu.Unlock()
	if len(browser.root) > 0 {
		t.Errorf("requests outside of %s: %q", subPath, browser.root)
	}
}

// Nothing in the site names an address of another host to load from, and no address begins at
// the root.
func TestRelative(t *testing.T) {
	loads := regexp.MustCompile(`(?:src|href)="([^"]*)"|from "([^"]*)"|(?:import|fetch|Worker|importScripts)\("([^"]*)"`)
	entries, err := pageFiles.ReadDir("page")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, entry := range entries {
		text, err := pageFiles.ReadFile("page/" + entry.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range loads.FindAllStringSubmatch(string(text), -1) {
			address := m[1] + m[2] + m[3]
			found++
			if strings.HasPrefix(address, "/") || strings.Contains(address, "//") {
				t.Errorf("%s loads %q, want a relative address", entry.Name(), address)
			}
		}
	}
	if found < 8 {
		t.Errorf("found %d addresses, want those of the style sheet, the modules, the worker and the engine", found)
	}
}

// The server sends compressed what the browser can unpack, and the engine as it is stored.
func TestServe(t *testing.T) {
	s := site{"index.html": []byte("<!doctype html>"), "main.js": []byte("main()"), "engine.wasm.gz": []byte("\x1f\x8b")}
	handler, err := s.handler()
	if err != nil {
		t.Fatal(err)
	}
	get := func(path, encoding string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Accept-Encoding", encoding)
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		return w
	}
	for _, tc := range []struct {
		path, accepts, encoding, kind, body string
		status                              int
	}{
		{"/", "gzip, br", "gzip", "text/html; charset=utf-8", "<!doctype html>", 200},
		{"/main.js", "gzip", "gzip", "text/javascript; charset=utf-8", "main()", 200},
		{"/main.js", "", "", "text/javascript; charset=utf-8", "main()", 200},
		{"/engine.wasm.gz", "gzip", "", "application/gzip", "\x1f\x8b", 200},
		{"/../main.go", "", "", "text/plain; charset=utf-8", "404 page not found\n", 404},
	} {
		w := get(tc.path, tc.accepts)
		body := w.Body.Bytes()
		if w.Header().Get("Content-Encoding") == "gzip" {
			r, err := gzip.NewReader(bytes.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			if body, err = io.ReadAll(r); err != nil {
				t.Fatal(err)
			}
		}
		if w.Code != tc.status || string(body) != tc.body || w.Header().Get("Content-Encoding") != tc.encoding || w.Header().Get("Content-Type") != tc.kind {
			t.Errorf("GET %s accepting %q = %d %q %v, want %+v", tc.path, tc.accepts, w.Code, body, w.Header(), tc)
		}
	}
}

// The command writes the site, or serves it at the address that it prints.
func TestCommand(t *testing.T) {
	s, err := built()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "site")
	if err := s.write(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"index.html", "style.css", "main.js", "worker.js", "editor.js", "wasm_exec.js", "engine.wasm.gz"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	l, err := listen(0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if !strings.HasPrefix(l.Addr().String(), "127.0.0.1:") {
		t.Errorf("listens on %s, want 127.0.0.1", l.Addr())
	}
	var out, log bytes.Buffer
	if err := run([]string{"-nonsense"}, &out, &log); err == nil {
		t.Error("an unknown flag is taken")
	}
}

// Without npm the page has a plain editor, and the command says so.
func TestPlainEditor(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	t.Setenv("PATH", t.TempDir())
	var log bytes.Buffer
	s := site{}
	if err := s.buildEditor(&log); err != nil {
		t.Fatal(err)
	}
	if want := "no npm here: the page has a plain editor instead of CodeMirror\n"; log.String() != want {
		t.Errorf("the command says %q, want %q", log.String(), want)
	}
	if !bytes.Contains(s["editor.js"], []byte("textarea")) {
		t.Error("the editor is not the plain one")
	}
}

// The plain editor shows errors at their line, too.
func TestPlainEditorInBrowser(t *testing.T) {
	p := newTab(t, 1400, 1000)
	p.address = browser.server.URL + plainPath
	p.load("")
	p.enter("#panel-manifest textarea", "kind: DaemonSet\nmetadata:\n  nam: x\n")
	p.waitText("#faults", "manifest, line")
	p.waitText("#panel-manifest .plain-lines", "! ")
	p.click("#faults button")
	if got := eval[string](p, `(() => { const e = document.querySelector("#panel-manifest textarea"); return e.value.slice(e.selectionStart, e.selectionEnd) })()`); got == "" {
		t.Error("the click selects no line")
	}
}
