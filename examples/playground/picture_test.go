package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

var (
	update = flag.Bool("update", false, "take the picture of the README anew")
	shots  = flag.String("shots", "", "write screenshots of the page, for people to look at, into this `FOLDER`")
)

// picture is what the README shows.
const picture = "page.webp"

// scheme chooses dark or light.
func scheme(name string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: name}},
		})
		return err
	})
}

// shot takes a picture of the whole page in a format.
func (p *tab) shot(format page.CaptureScreenshotFormat) []byte {
	p.Helper()
	params := page.CaptureScreenshotParams{Format: format, CaptureBeyondViewport: new(true)}
	if format != page.CaptureScreenshotFormatPng {
		params.Quality = new(int64(60))
	}
	size := eval[[]float64](p, `[document.documentElement.scrollWidth, document.documentElement.scrollHeight]`)
	params.Clip = &page.Viewport{Width: size[0], Height: size[1], Scale: 1}
	shot, err := chromedp.Call(p.ctx, page.CaptureScreenshot, params)
	if err != nil {
		p.Fatal(err)
	}
	return shot.Data
}

// The README's picture is of the page: a stuck rollout, with its reason. Fonts differ from machine
// to machine, so the picture is not compared.
func TestPicture(t *testing.T) {
	if _, err := os.Stat(picture); err != nil && !*update {
		t.Errorf("%v: go test -run Picture -update takes it", err)
	}
	if !*update && *shots == "" {
		return
	}
	p := newTab(t, 1280, 900)
	p.do(scheme("light"))
	p.load("")
	p.stuck()
	p.settle()
	if *update {
		if err := os.WriteFile(picture, p.shot(page.CaptureScreenshotFormatWebp), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if *shots == "" {
		return
	}
	save := func(name string) {
		if err := os.WriteFile(filepath.Join(*shots, name+".png"), p.shot(page.CaptureScreenshotFormatPng), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, s := range []struct {
		name, scheme string
		width        int64
	}{{"light", "light", 1400}, {"dark", "dark", 1400}, {"phone", "light", 360}, {"phone-dark", "dark", 360}} {
		p.do(chromedp.EmulateViewport(s.width, 900), scheme(s.scheme))
		save(s.name)
	}
	p.do(chromedp.EmulateViewport(1400, 900))
	p.starts("large")
	p.click("#image")
	p.waitText("#impact", "1.8.3")
	p.click("#apply")
	p.waitText("#pass-title", "you: apply")
	p.do(chromedp.Focus(chromedp.CSS("#scrub")), chromedp.KeyEvent(kb.PageUp), chromedp.KeyEvent(kb.PageUp), chromedp.KeyEvent(kb.PageUp))
	p.settle()
	save("large")
}
