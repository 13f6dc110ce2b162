package main

func Example() {
	main()
	// Output:
	// What is wrong with it?
	// error HostPortConflict: DaemonSet gpu/gpu-exporter also uses the host port 9100/TCP on 2 nodes (gpu-1 and gpu-2). On these nodes the second pod stays Pending.
	//   Use another host port, or run the two DaemonSets on different nodes.
	//
	// What does the percentage allow, and how long does an update take?
	// maxUnavailable 1      1 of 12 nodes at once, 2m24s
	// maxUnavailable 10%    2 of 12 nodes at once, 1m12s
	// maxUnavailable 25%    3 of 12 nodes at once, 48s
	// maxUnavailable 100%  12 of 12 nodes at once, 12s
	//
	// May it surge instead, so that every node is measured all the time?
	// error SurgeHostPort: Two pods cannot share the host port 9100/TCP. The new pod never starts beside the old one, and the rollout gets stuck. In the host network every declared port is a host port.
	//   Use maxUnavailable instead of maxSurge, or remove the host port (kubernetes #106417).
	// stalled since 2026-01-05T09:10:10Z: 0 of 12 nodes complete; maxSurge 2 is used by gpu-1 (node-exporter-13: cannot be scheduled: 0/12 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, 11 node(s) didn't satisfy plugin(s) [NodeAffinity].), gpu-2 (node-exporter-14: cannot be scheduled: 0/12 nodes are available: 1 node(s) didn't have free ports for the requested pod ports, 11 node(s) didn't satisfy plugin(s) [NodeAffinity].)
}
