//go:build js && wasm

// Command worker is the engine in a web worker of the page: it answers requests in JSON.
package main

import (
	"syscall/js"
	"time"

	"github.com/pernode/daemonset/examples/playground/engine"
)

func main() {
	var e engine.Engine
	js.Global().Set("playground", js.FuncOf(func(_ js.Value, args []js.Value) any {
		return string(e.Handle([]byte(args[0].String()), time.Now))
	}))
	js.Global().Call("playgroundReady")
	select {} // The page asks until it is closed.
}
