package main

import (
	"mime"
	"net"
	"net/http"
	"path"
	"strconv"
	"strings"
)

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
		kind := mime.TypeByExtension(path.Ext(name))
		if path.Ext(name) == ".gz" {
			kind = "application/gzip"
		}
		header := w.Header()
		header.Set("Content-Type", kind)
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

// listen opens the port or, if that is taken, any other.
func listen(port int) (net.Listener, error) {
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil && port != 0 {
		return net.Listen("tcp", "127.0.0.1:0")
	}
	return l, err
}
