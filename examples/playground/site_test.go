package main

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
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
	// On some machines the table of types has another one.
	if err := mime.AddExtensionType(".js", "text/plain"); err != nil {
		t.Fatal(err)
	}
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

// The engine is small enough to wait for. It has twice the size if something in it asks a type for
// its methods by number: then the linker keeps every method of the API's types.
func TestSize(t *testing.T) {
	s, err := built()
	if err != nil {
		t.Fatal(err)
	}
	packed := s["engine.wasm.gz"]
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	size, err := io.Copy(io.Discard, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%.1f MB, %.1f MB compressed", float64(size)/1e6, float64(len(packed))/1e6)
	if size > 25e6 || len(packed) > 6e6 {
		t.Errorf("the engine has %d bytes, %d compressed, want at most 25 MB and 6 MB", size, len(packed))
	}
}

// go run . -o DIR writes the site.
func TestWrite(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "new", "site")
	var out, log bytes.Buffer
	if err := run(t.Context(), []string{"-o", dir}, &out, &log); err != nil {
		t.Fatal(err)
	}
	s, err := built()
	if err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf("wrote %d files to %s\n", len(s), dir); out.String() != want {
		t.Errorf("the command prints %q, want %q", out.String(), want)
	}
	for name, want := range s {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v, %d bytes, want %d", name, err, len(got), len(want))
		}
	}
}

// go run . prints its address on 127.0.0.1 and serves the page there, compressed, until an interrupt
// ends it.
func TestCommand(t *testing.T) {
	name := filepath.Join(t.TempDir(), "playground")
	if out, err := exec.Command("go", "build", "-o", name, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	start := func() (command *exec.Cmd, address string) {
		command = exec.Command(name, "-port", "0")
		var log bytes.Buffer
		command.Stderr = &log
		stdout, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = command.Process.Kill() })
		address, err = bufio.NewReader(stdout).ReadString('\n')
		if err != nil {
			t.Fatalf("the command prints no address: %v\n%s", err, log.String())
		}
		return command, strings.TrimSuffix(address, "\n")
	}
	command, address := start()
	if !regexp.MustCompile(`^http://127\.0\.0\.1:\d+/$`).MatchString(address) {
		t.Fatalf("the command prints %q, want an address on 127.0.0.1", address)
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	for _, file := range []string{"", "main.js", "editor.js"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address+file, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept-Encoding", "gzip")
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Encoding") != "gzip" {
			t.Errorf("GET /%s: %s %v, want it compressed", file, resp.Status, resp.Header)
		}
	}
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("after an interrupt the command ends with %v, want success", err)
	}
}

// A port that is in use is no reason not to start; one that cannot be had and a wrong command line are.
func TestPort(t *testing.T) {
	l, err := listen(0)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	taken := l.Addr().(*net.TCPAddr).Port
	other, err := listen(taken)
	if err != nil {
		t.Fatalf("listen on a port that is taken: %v", err)
	}
	defer other.Close()
	if got := other.Addr().(*net.TCPAddr); got.Port == taken || !got.IP.IsLoopback() {
		t.Errorf("listens on %v, want another port of 127.0.0.1", got)
	}
	if l, err := listen(65536); err == nil {
		t.Errorf("listen on port 65536: %v", l.Addr())
		_ = l.Close()
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel() // so that nothing is built and served
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"-nonsense"}, "not defined"},
		{[]string{"nonsense"}, "unknown argument"},
		{[]string{"-port", "99999"}, "-port 99999: want a number from 0 to 65535"},
		{[]string{"-port", "-1"}, "-port -1: want a number from 0 to 65535"},
	} {
		var out, log bytes.Buffer
		if err := run(ended, tc.args, &out, &log); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: error %v, want %q", tc.args, err, tc.want)
		}
	}
}

// fakeNPM puts a script in the place of npm, and an empty folder in that of the user's cache. The script
// may be empty: then there is no npm.
func fakeNPM(t *testing.T, script string) (cache string) {
	t.Helper()
	home, bin := t.TempDir(), t.TempDir()
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, ".cache"))
	t.Setenv("HOME", home)
	if script == "" {
		t.Setenv("PATH", bin)
	} else {
		if err := os.WriteFile(filepath.Join(bin, "npm"), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
		t.Setenv("PATH", bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	return filepath.Join(cache, "daemonset-playground")
}

// Without npm, or without a network, the page has a plain editor, and the command says so. Nothing
// that npm has begun is left, so that a later run begins anew.
func TestPlainEditor(t *testing.T) {
	for _, tc := range []struct{ name, script, want string }{
		{"no npm", "", "exec: \"npm\": executable file not found"},
		{"no network", "mkdir node_modules; echo npm error network; exit 1", "npm ci: exit status 1\nnpm error network\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			cache := fakeNPM(t, tc.script)
			var log bytes.Buffer
			s := site{}
			if err := s.buildEditor(t.Context(), &log); err != nil {
				t.Fatal(err)
			}
			if want := "the page has a plain editor instead of CodeMirror: " + tc.want; !strings.HasPrefix(log.String(), want) {
				t.Errorf("the command says %q, want %q", log.String(), want)
			}
			if !bytes.Contains(s["editor.js"], []byte("textarea")) {
				t.Error("the editor is not the plain one")
			}
			if left, _ := os.ReadDir(cache); len(left) > 0 {
				t.Errorf("%s is left in the cache", left)
			}
		})
	}
}

// An interrupt while npm is at work ends the command.
func TestInstallInterrupted(t *testing.T) {
	fakeNPM(t, "exec sleep 60")
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := (site{}).buildEditor(ctx, io.Discard); err == nil {
		t.Error("no error")
	}
}

// Two processes that install the editor at the same time have a folder each, and one of them stays. A
// third one finds it. What only the tests need has another one.
func TestInstallTwice(t *testing.T) {
	meet := t.TempDir()
	t.Setenv("MEET", meet)
	cache := fakeNPM(t, `mkdir node_modules || exit 1
touch "$MEET/$$"
echo "$@" >> "$MEET/../flags"
for i in 1 2 3 4 5 6 7 8 9 10; do [ $(ls "$MEET" | wc -l) -ge 2 ] && exit 0; sleep 0.5; done
exit 1`)
	var dirs [2]string
	var errs [2]error
	var both sync.WaitGroup
	for i := range dirs {
		both.Go(func() { dirs[i], errs[i] = install(t.Context(), "--omit=dev") })
	}
	both.Wait()
	if errs[0] != nil || errs[1] != nil || dirs[0] != dirs[1] {
		t.Fatalf("install = %q, %v", dirs, errs)
	}
	if left, err := os.ReadDir(cache); err != nil || len(left) != 1 {
		t.Errorf("the cache has %v, %v, want one folder", left, err)
	}
	if again, err := install(t.Context(), "--omit=dev"); err != nil || again != dirs[0] {
		t.Errorf("install = %q, %v, want %q", again, err, dirs[0])
	}
	if tests, err := install(t.Context()); err != nil || tests == dirs[0] {
		t.Errorf("install for the tests = %q, %v, want another folder", tests, err)
	}
	flags, err := os.ReadFile(filepath.Join(meet, "..", "flags"))
	const ci = "ci --ignore-scripts --no-audit --no-fund"
	if want := ci + " --omit=dev\n" + ci + " --omit=dev\n" + ci + "\n"; err != nil || string(flags) != want {
		t.Errorf("npm is called with %q, %v, want %q", flags, err, want)
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
