// Package build makes Kubernetes objects for tests out of few words. Each struct
// names what matters to a test; its zero value is the plain case, as the comments
// of the fields say:
//
//	ds := build.Set{MaxSurge: "25%"}.Object()
//	node := build.Node{Name: "w1", Taints: []corev1.Taint{build.NoSchedule("gpu")}}.Object()
//	pod := build.Pod{Name: "a", Node: "w1", Hash: "old"}.Of(ds)
//
// Every time counts back from Now. Objects share nothing with each other.
package build
