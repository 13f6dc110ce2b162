// Package build makes Kubernetes objects for tests out of few words. Each struct
// names what matters to a test; its zero value is the plain case, as the comments
// of the fields say:
//
//	ds := build.Set{MaxSurge: "25%"}.Object()
//	node := build.Node{Name: "w1", Taints: []corev1.Taint{build.NoSchedule("gpu")}}.Object()
//	pod := build.Pod{Name: "a", Node: "w1", Hash: "old"}.Of(ds)
//
// It is for tables of states that no cluster need ever be in: pods of any age, phase, hash and
// owner, DaemonSets that the API server would refuse, nodes without a kubelet. What a cluster
// goes through, and plain objects, are the business of package daemon/daemontest, which is public
// and builds its objects here.
//
// Tests inside package rollout or rollout/simulate, which see what is not exported, have no
// choice: daemontest imports these packages, and they cannot import it.
//
// Every time counts back from Now. Objects share nothing with each other.
package build
