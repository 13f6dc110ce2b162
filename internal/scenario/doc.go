// Package scenario plays small clusters from text files, on a simulate.Cluster, and
// compares what the library says with what the file expects.
//
// A file is a sequence of blocks. A block is one or more commands, a line of
// dashes, and the output that the commands produce, up to an empty line:
//
//	node w1 w2
//	daemonset web image=web:1
//	sync
//	----
//	create revision web-7c9f (number 1)
//	create on w1: node has no pod
//
// Lines that begin with # before the dashes are comments. Blocks without output
// may leave the dashes away. The commands:
//
//	daemonset NAME KEY=VALUE...   make the DaemonSet; keys as in set
//	set KEY=VALUE...              change it: image, maxUnavailable, maxSurge, strategy, minReadySeconds,
//	                              history, selector (nodeSelector k:v), toleration (k), annotation (k:v), deleting
//	node NAME... [KEY=VALUE...]   add nodes or change them: label=k:v, unlabel=k, taint=k[=v]:Effect, untaint=k
//	remove-node NAME...           delete node objects; the pods stay
//	pod NAME KEY=VALUE...         add a pod or change one: node, bound, image (which template), phase,
//	                              ready (seconds ago, or no), age (seconds), terminating, owner (self, none, other), label=k:v
//	remove-pod NAME...            the pod is gone
//	revision NAME KEY=VALUE...    add a ControllerRevision: image, number, hash, label=no, owner (self, none, other), data (broken)
//	after DURATION                time passes
//	kubelet [except=NODE]...      binds pods, makes them ready, ends terminating ones
//	sync                          one pass: prints rollout.Result and carries it out
//	settle [except=NODE]...       sync and kubelet in turns until a pass is empty, one second apart
//	plan, step, revisions         print daemon.Reconcile, rollout.NextStep, history.Reconcile; carry out nothing
//	pods, status, nodes           print the pods, the status by node, the decision about each node
package scenario
