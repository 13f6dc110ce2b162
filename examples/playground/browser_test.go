package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// built builds the site once for all tests.
var built = sync.OnceValues(func() (site, error) { return build(context.Background(), os.Stderr) })

// chromium returns the browser. Without one the test is skipped, and fails in CI.
func chromium(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	const missing = "no chromium here: the page is not tested in a browser"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// browser is one browser for all tests, which have a tab each. All that it requests goes through
// its proxy, which is the server of the page: so no request of a worker is missed.
var browser struct {
	sync.Once
	ctx    context.Context
	stop   func()
	server *httptest.Server

	mu sync.Mutex
	// elsewhere are the requests to other hosts, and root those to the root of this one.
	elsewhere, root []string
}

// ownHosts are what a browser asks on its own, to update itself. The page has no use for them.
var ownHosts = []string{"update.googleapis.com", "redirector.gvt1.com"}

// subPath is where the written site is served by another server, and plainPath this one with the
// editor for a machine without npm.
const (
	subPath   = "/some/where/"
	plainPath = "/plain/"
)

func TestMain(m *testing.M) {
	code := m.Run()
	if browser.stop != nil {
		browser.stop()
	}
	browser.mu.Lock()
	if len(browser.elsewhere) > 0 {
		fmt.Fprintf(os.Stderr, "FAIL: requests to other hosts: %q\n", browser.elsewhere)
		code = 1
	}
	browser.mu.Unlock()
	os.Exit(code)
}

// startBrowser starts the server and the browser.
func startBrowser(t testing.TB, path string) {
	s, err := built()
	if err != nil {
		t.Fatal(err)
	}
	handler, err := s.handler()
	if err != nil {
		t.Fatal(err)
	}
	withPlain := maps.Clone(s)
	if withPlain["editor.js"], err = editorFiles.ReadFile("editor/textarea.js"); err != nil {
		t.Fatal(err)
	}
	plain, err := withPlain.handler()
	if err != nil {
		t.Fatal(err)
	}
	plain = http.StripPrefix(strings.TrimSuffix(plainPath, "/"), plain)
	// The written site, as another server has it: some say of the engine that it is compressed, so that
	// the browser unpacks it.
	dir, err := os.MkdirTemp("", "playground-site")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.write(dir); err != nil {
		t.Fatal(err)
	}
	files := http.FileServer(http.Dir(dir))
	below := http.StripPrefix(strings.TrimSuffix(subPath, "/"), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, ".gz") {
			w.Header().Set("Content-Encoding", "gzip")
		}
		files.ServeHTTP(w, r)
	}))
	browser.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case slices.Contains(ownHosts, strings.TrimSuffix(r.Host, ":443")):
			http.Error(w, "the browser's own request", http.StatusBadGateway)
		case r.Method == http.MethodConnect || r.Host != strings.TrimPrefix(browser.server.URL, "http://"):
			browser.mu.Lock()
			browser.elsewhere = append(browser.elsewhere, r.Method+" "+r.Host+r.URL.Path)
			browser.mu.Unlock()
			http.Error(w, "another host", http.StatusBadGateway)
		case strings.HasPrefix(r.URL.Path, subPath):
			below.ServeHTTP(w, r)
		case strings.HasPrefix(r.URL.Path, plainPath):
			plain.ServeHTTP(w, r)
		default:
			browser.mu.Lock()
			browser.root = append(browser.root, r.URL.Path)
			browser.mu.Unlock()
			handler.ServeHTTP(w, r)
		}
	}))
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("disable-dev-shm-usage", true), chromedp.Flag("disable-gpu", true),
		// What a browser asks for on its own would look like requests of the page.
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.Flag("no-first-run", true), chromedp.Flag("disable-default-apps", true),
		chromedp.Flag("disable-features", "AutofillServerCommunication,OptimizationHints,MediaRouter,Translate,NetworkTimeServiceQuerying,InterestFeedContentSuggestions,CertificateTransparencyComponentUpdater"),
		chromedp.Flag("allow-browser-signin", "false"), chromedp.Flag("gaia-url", "http://127.0.0.1:9/"),
		chromedp.Flag("proxy-server", browser.server.URL), chromedp.Flag("proxy-bypass-list", "<-loopback>"))
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
	ctx, stop := chromedp.NewContext(alloc)
	browser.ctx, browser.stop = ctx, func() {
		stop()
		stopAlloc()
		browser.server.Close()
		_ = os.RemoveAll(dir)
	}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
}

// tab is the page in a browser.
type tab struct {
	testing.TB
	ctx     context.Context
	address string

	mu sync.Mutex
	// wrong are the errors on the console.
	wrong []string
}

// newTab opens an empty tab. In the end it fails the test if the console has an error.
func newTab(t testing.TB, width, height int64) *tab {
	t.Helper()
	path := chromium(t)
	browser.Do(func() { startBrowser(t, path) })
	if browser.ctx == nil {
		t.Fatal("no browser")
	}
	ctx, stop := chromedp.NewContext(browser.ctx)
	p := &tab{TB: t, ctx: ctx, address: browser.server.URL + "/"}
	if err := chromedp.Listen(ctx, p.listen); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		p.mu.Lock()
		for _, w := range p.wrong {
			t.Error(w)
		}
		p.mu.Unlock()
		stop()
	})
	if _, err := chromedp.Call(ctx, log.Enable, cdp.Empty{}); err != nil {
		t.Fatal(err)
	}
	p.do(chromedp.EmulateViewport(width, height))
	return p
}

func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	note := func(format string, args ...any) { p.wrong = append(p.wrong, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		text := e.ExceptionDetails.Text
		if e.ExceptionDetails.Exception != nil {
			text += " " + e.ExceptionDetails.Exception.Description
		}
		note("exception: %s", text)
	case *runtime.EventConsoleAPICalled:
		switch e.Type {
		case "error", "warning", "assert":
			note("console: %s", e.Args[0].Value)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			note("log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	}
}

// open opens the page with a fragment and waits until it is ready.
func open(t testing.TB, fragment string) *tab {
	t.Helper()
	p := newTab(t, 1400, 1000)
	p.load(fragment)
	return p
}

func (p *tab) load(fragment string) {
	p.Helper()
	p.do(chromedp.Navigate("about:blank"), chromedp.Navigate(p.address+fragment))
	p.wait(`document.documentElement.dataset.ready === "true"`)
	p.settle()
}

// do runs actions, for two minutes at most.
func (p *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 2*time.Minute)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		p.Fatal(err)
	}
}

// eval returns the value of an expression, which may be a promise.
func eval[T any](p *tab, expression string) T {
	p.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 2*time.Minute)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return out
}

// wait waits until an expression is true.
func (p *tab) wait(expression string) {
	p.Helper()
	p.waitFor(30*time.Second, expression)
}

func (p *tab) waitFor(limit time.Duration, expression string) {
	p.Helper()
	deadline := time.Now().Add(limit)
	for !eval[bool](p, "!!("+expression+")") {
		if time.Now().After(deadline) {
			p.Fatalf("not after %v: %s\nthe page says:\n%s", limit, expression, eval[string](p, `["#status", "#faults", "#impact", "#findings", "#verdict", "#grid", "#detail", "#policy-text", "#policy-error", "#pass-title", "#clock"]
				.map((id) => id + ": " + (document.querySelector(id).innerText || document.querySelector(id).value || "").replaceAll("\n", " ")).join("\n")`))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// settle waits until the address holds the state: then all is shown.
func (p *tab) settle() {
	p.Helper()
	p.wait(`document.documentElement.dataset.link === "ready"`)
}

// click clicks an element as a user does.
func (p *tab) click(selector string) {
	p.Helper()
	p.do(chromedp.ScrollIntoView(chromedp.CSS(selector)), chromedp.Click(chromedp.CSS(selector)))
}

func (p *tab) text(selector string) string {
	p.Helper()
	return eval[string](p, fmt.Sprintf(`document.querySelector(%s).innerText`, quote(selector)))
}

func quote(text string) string {
	b, _ := json.Marshal(text)
	return string(b)
}

// choose chooses an option.
func (p *tab) choose(selector, value string) {
	p.Helper()
	eval[bool](p, fmt.Sprintf(`(() => {
		const e = document.querySelector(%s);
		e.value = %s;
		e.dispatchEvent(new Event("change", {bubbles: true}));
		return true;
	})()`, quote(selector), quote(value)))
}

// waitText waits until an element has a text.
func (p *tab) waitText(selector, want string) {
	p.Helper()
	p.wait(fmt.Sprintf(`document.querySelector(%s).innerText.includes(%s)`, quote(selector), quote(want)))
}

// stuck makes a stuck rollout in four clicks.
func (p *tab) stuck() {
	p.Helper()
	p.click("#image")
	p.waitText("#impact", `"registry.example/log-agent:1.8.2" -> "registry.example/log-agent:1.8.3"`)
	p.click("#apply")
	p.waitText("#pass-title", "you: apply")
	p.click("[data-break=image]")
	p.waitText("#pass-title", "images are missing")
	p.click("#end")
	p.waitText("#verdict", "stalled")
}

// From the page to a stuck rollout explained in four clicks.
func TestFourClicks(t *testing.T) {
	p := open(t, "")
	p.stuck()
	for selector, want := range map[string]string{
		"#verdict":  `image "registry.example/log-agent:1.8.3" cannot be pulled`,
		"#blockers": "control-plane-1",
		"#budget":   "maxUnavailable 1: used by control-plane-1",
	} {
		if got := p.text(selector); !strings.Contains(got, want) {
			t.Errorf("%s is %q, want %q", selector, got, want)
		}
	}
}
