package main

import (
	"errors"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// kinds are the types of the files of a site. The tables of the machine may have others, and a
// browser runs no script of another type.
var kinds = map[string]string{
	".css":  "text/css; charset=utf-8",
	".gz":   "application/gzip",
	".html": "text/html; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
}

// handler serves the site below a path, compressed for who can take it.
func (s site) handler() (http.Handler, error) {
	packed := site{}
	for name, content := range s {
		if path.Ext(name) == ".gz" {
			continue
		}
		var err error
		if packed[name], err = compress(content); err != nil {
			return nil, err
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := strings.TrimPrefix(r.URL.Path, "/")
		if name == "" {
			name = "index.html"
		}
		content, ok := s[name]
		if !ok || r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.NotFound(w, r)
			return
		}
		header := w.Header()
		header.Set("Content-Type", kinds[path.Ext(name)])
		header.Set("Cache-Control", "no-cache")
		header.Set("Vary", "Accept-Encoding")
		if zipped, ok := packed[name]; ok && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			header.Set("Content-Encoding", "gzip")
			content = zipped
		}
		header.Set("Content-Length", strconv.Itoa(len(content)))
		if r.Method == http.MethodGet {
			_, _ = w.Write(content) // The browser is gone if this fails.
		}
	}), nil
}

// listen opens the port or, if that is in use, any other.
func listen(port int) (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if errors.Is(err, syscall.EADDRINUSE) {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	return l, err
}
