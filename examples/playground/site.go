package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/evanw/esbuild/pkg/api"
)

//go:embed page
var pageFiles embed.FS

//go:embed editor
var editorFiles embed.FS

// site is the static site: the contents of each file by its name.
type site map[string][]byte

// build builds the site. What it says goes to log.
func build(ctx context.Context, log io.Writer) (site, error) {
	s := site{}
	pages, err := fs.Sub(pageFiles, "page")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(pages, "*")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if s[name], err = fs.ReadFile(pages, name); err != nil {
			return nil, err
		}
	}
	fmt.Fprintln(log, "building the library for the browser; the first time takes a minute or two")
	if err := s.buildEngine(ctx); err != nil {
		return nil, err
	}
	return s, s.buildEditor(ctx, log)
}

// buildEngine compiles the engine. It is stored compressed: the page unpacks it itself, on any
// host.
func (s site) buildEngine(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "playground")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "engine.wasm")
	compile := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", name, "./worker")
	compile.Env = append(os.Environ(), "GOOS=js", "GOARCH=wasm", "GOFLAGS=", "GOWORK=off")
	if out, err := compile.CombinedOutput(); err != nil {
		return fmt.Errorf("go build ./worker: %w\n%s\nrun it in the folder examples/playground", err, out)
	}
	wasm, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	if s["engine.wasm.gz"], err = compress(wasm); err != nil {
		return err
	}
	goroot, err := exec.CommandContext(ctx, "go", "env", "GOROOT").Output()
	if err != nil {
		return fmt.Errorf("go env GOROOT: %w", err)
	}
	s["wasm_exec.js"], err = os.ReadFile(filepath.Join(strings.TrimSpace(string(goroot)), "lib", "wasm", "wasm_exec.js"))
	return err
}

// buildEditor bundles CodeMirror, or takes the plain editor if it cannot be installed.
func (s site) buildEditor(ctx context.Context, log io.Writer) error {
	modules, err := install(ctx, "--omit=dev")
	if err != nil {
		if ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(log, "the page has a plain editor instead of CodeMirror: %v\n", err)
		s["editor.js"], err = editorFiles.ReadFile("editor/textarea.js")
		return err
	}
	source, err := editorFiles.ReadFile("editor/codemirror.js")
	if err != nil {
		return err
	}
	result := api.Build(api.BuildOptions{
		Stdin:  &api.StdinOptions{Contents: string(source), ResolveDir: modules, Sourcefile: "codemirror.js"},
		Bundle: true, Format: api.FormatESModule, MinifyWhitespace: true, MinifyIdentifiers: true, MinifySyntax: true,
		Target: api.ES2022, Charset: api.CharsetUTF8, LegalComments: api.LegalCommentsEndOfFile,
	})
	if len(result.Errors) > 0 {
		return fmt.Errorf("bundle the editor: %s", result.Errors[0].Text)
	}
	s["editor.js"] = result.OutputFiles[0].Contents
	return nil
}

// install installs what the lock file names into the user's cache, once for each lock file and flags
// of npm ci, and returns the folder. Nobody sees a folder in which npm is still at work.
func install(ctx context.Context, flags ...string) (string, error) {
	lock, err := editorFiles.ReadFile("editor/package-lock.json")
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Append(lock, flags))
	cache = filepath.Join(cache, "daemonset-playground")
	dir := filepath.Join(cache, hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(cache, "install-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	for _, name := range []string{"package.json", "package-lock.json"} {
		text, err := editorFiles.ReadFile("editor/" + name)
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(work, name), text, 0o644); err != nil {
			return "", err
		}
	}
	ci := exec.CommandContext(ctx, npm, append([]string{"ci", "--ignore-scripts", "--no-audit", "--no-fund"}, flags...)...)
	ci.Dir = work
	if out, err := ci.CombinedOutput(); err != nil {
		return "", fmt.Errorf("npm ci: %w\n%s", err, bytes.TrimSpace(out))
	}
	err = os.Rename(work, dir)
	if _, there := os.Stat(dir); there == nil {
		return dir, nil // Another process may have been faster.
	}
	return "", err
}

func compress(b []byte) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

// write writes the site into a folder.
func (s site) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, content := range s {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
