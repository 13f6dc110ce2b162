// Package build makes Kubernetes objects for tests out of few words. Each struct
// names what matters to a test; its zero value is the plain case, as the comments
// of the fields say:
//
//	ds := build.Set{MaxSurge: "25%"}.Object()
//	node := build.Node{Name: "w1", Taints: []corev1.Taint{build.NoSchedule("gpu")}}.Object()
//	pod := build.Pod{Name: "a", Node: "w1", Hash: "old"}.Of(ds)
//
// It is for tables of states that no cluster need ever be in, and for the tests of packages that
// daemon/daemontest imports. That package, which is public, is built on this one: use it for
// plain objects and for clusters.
//
// Every time counts back from Now. Objects share nothing with each other.
package build
