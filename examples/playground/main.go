// Command playground is the library in the browser: a page that shows where the pods of a
// DaemonSet run, and how an update rolls out.
//
//	go run .
//
// builds the library for the browser, serves the page on 127.0.0.1 and prints its address. It ends
// on an interrupt.
//
//	go run . -o DIR
//
// writes the site into a folder instead. Its addresses are relative, so that it works on any
// host under any path.
//
// site.go builds the site, serve.go serves it. The folder page has what the browser runs, editor
// the editor of the page, worker the program that is compiled for the browser, and engine all that
// the page knows about DaemonSets.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "playground:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("playground", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("o", "", "write the site into the folder `DIR` and serve nothing")
	port := flags.Int("port", 8417, "serve on this `PORT`, or on another one if it is in use")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if *port < 0 || *port > 65535 {
		return fmt.Errorf("-port %d: want a number from 0 to 65535", *port)
	}
	s, err := build(ctx, stderr)
	if err != nil {
		return err
	}
	if *dir != "" {
		if err := s.write(*dir); err != nil {
			return err
		}
		fmt.Fprintf(stdout, "wrote %d files to %s\n", len(s), *dir)
		return nil
	}
	handler, err := s.handler()
	if err != nil {
		return err
	}
	l, err := listen(*port)
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "http://%s/\n", l.Addr())
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() { _ = server.Close() })
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
