package engine

import "testing"

// A step with 5,000 nodes: the facts of the next frame, the verdict and the grid. In a browser it
// takes several times as long.
func BenchmarkStep(b *testing.B) {
	p := open(b, "large")
	p.ask(Request{Do: "image", Texts: p.texts})
	p.ask(Request{Do: "apply", Texts: p.texts})
	p.ask(Request{Do: "end"})
	frames := p.view.Frames
	frame := 0
	for b.Loop() {
		frame = (frame + 1) % frames
		p.ask(Request{Do: "seek", Frame: frame, Layout: p.view.Layout, Points: frames})
	}
}
