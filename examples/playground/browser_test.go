package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// built builds the site once for all tests.
var built = sync.OnceValues(func() (site, error) { return build(os.Stderr) })

// chromium returns the browser, or skips the test where there is none. CI has to have one.
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

// browser is a browser of its own for all tests, which have a tab each.
var browser struct {
	sync.Once
	ctx  context.Context
	stop func()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if browser.stop != nil {
		browser.stop()
	}
	os.Exit(code)
}

// tab is the page in a browser.
type tab struct {
	testing.TB
	ctx context.Context
	// address is where the page is served.
	address string

	mu sync.Mutex
	// wrong are the errors on the console, and the requests to other hosts.
	wrong []string
}

// serve serves the site below a path.
func serve(t testing.TB, prefix string) string {
	t.Helper()
	s, err := built()
	if err != nil {
		t.Fatal(err)
	}
	handler, err := s.handler()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.StripPrefix(strings.TrimSuffix(prefix, "/"), handler))
	t.Cleanup(server.Close)
	return server.URL + prefix
}

// newTab opens an empty tab. In the end it fails the test if the console has an error or the
// page has asked another host.
func newTab(t testing.TB, address string) *tab {
	t.Helper()
	path := chromium(t)
	browser.Do(func() {
		opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
			chromedp.WindowSize(1400, 1000), chromedp.Flag("disable-dev-shm-usage", true))
		alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(), opts...)
		ctx, stop := chromedp.NewContext(alloc)
		browser.ctx, browser.stop = ctx, func() { stop(); stopAlloc() }
	})
	if err := chromedp.Run(browser.ctx); err != nil {
		t.Fatalf("start %s: %v", path, err)
	}
	ctx, stop := chromedp.NewContext(browser.ctx)
	ctx, cancel := context.WithTimeout(ctx, 3*time.Minute)
	p := &tab{TB: t, ctx: ctx, address: address}
	chromedp.ListenTarget(ctx, p.listen)
	t.Cleanup(func() {
		p.mu.Lock()
		for _, w := range p.wrong {
			t.Error(w)
		}
		p.mu.Unlock()
		cancel()
		stop()
	})
	p.run(network.Enable(), log.Enable(), emulation.SetDeviceMetricsOverride(1400, 1000, 1, false))
	return p
}

func (p *tab) listen(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	note := func(format string, args ...any) { p.wrong = append(p.wrong, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		note("exception: %s", e.ExceptionDetails.Error())
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.APITypeError || e.Type == runtime.APITypeWarning || e.Type == runtime.APITypeAssert {
			note("console: %s", e.Args[0].Value)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.LevelError || e.Entry.Level == log.LevelWarning {
			note("log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		url := e.Request.URL
		if !strings.HasPrefix(url, p.address) && !strings.HasPrefix(url, "data:") && !strings.HasPrefix(url, "blob:") {
			note("request to %s, want only %s", url, p.address)
		}
	}
}

// open opens the page with a fragment and waits until it is ready.
func open(t testing.TB, fragment string) *tab {
	t.Helper()
	p := newTab(t, serve(t, "/"))
	p.load(fragment)
	return p
}

func (p *tab) load(fragment string) {
	p.Helper()
	p.run(chromedp.Navigate("about:blank"), chromedp.Navigate(p.address+fragment))
	p.wait(`document.documentElement.dataset.ready === "true"`)
	p.settle()
}

func (p *tab) run(actions ...chromedp.Action) {
	p.Helper()
	if err := chromedp.Run(p.ctx, actions...); err != nil {
		p.Fatal(err)
	}
}

// eval returns the value of an expression, which may be a promise.
func eval[T any](p *tab, expression string) T {
	p.Helper()
	var out T
	await := func(e *runtime.EvaluateParams) *runtime.EvaluateParams { return e.WithAwaitPromise(true) }
	if err := chromedp.Run(p.ctx, chromedp.Evaluate(expression, &out, await)); err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return out
}

// wait waits until an expression is true.
func (p *tab) wait(expression string) {
	p.Helper()
	deadline := time.Now().Add(time.Minute)
	for !eval[bool](p, "!!("+expression+")") {
		if time.Now().After(deadline) {
			p.Fatalf("after a minute not yet: %s; the page says %q", expression, eval[string](p, `document.body.innerText`))
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
	p.run(chromedp.ScrollIntoView(selector, chromedp.ByQuery), chromedp.Click(selector, chromedp.ByQuery))
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
	eval[any](p, fmt.Sprintf(`(() => { const e = document.querySelector(%s); e.value = %s; e.dispatchEvent(new Event("change", {bubbles: true})); return null })()`, quote(selector), quote(value)))
}

// waitText waits until an element has a text.
func (p *tab) waitText(selector, want string) {
	p.Helper()
	p.wait(fmt.Sprintf(`document.querySelector(%s).innerText.includes(%s)`, quote(selector), quote(want)))
}

// From the page to a stuck rollout explained in four clicks.
func TestFourClicks(t *testing.T) {
	p := open(t, "")
	p.click("#image")
	p.waitText("#impact", `"registry.example/log-agent:1.8.2" -> "registry.example/log-agent:1.8.3"`)
	p.click("#apply")
	p.waitText("#pass-title", "you: apply")
	p.click("[data-break=image]")
	p.waitText("#pass-title", "images are missing")
	p.click("#end")
	p.waitText("#verdict", "stalled")
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
