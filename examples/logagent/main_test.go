package main

func Example() {
	main()
	// Output:
	// Where does it run?
	// 5 of 6 nodes run it; 1 does not match nodeSelector
	//   control-plane: runs here
	//   gpu-1: runs here
	//   spot-1: runs here
	//   windows-1: does not run: nodeSelector kubernetes.io/os=linux, node has kubernetes.io/os=windows
	//   worker-1: runs here
	//   worker-2: runs here
	//
	// What happens on worker-2 if it goes NotReady?
	// as written
	//   worker-2: runs here
	// without its toleration
	//   worker-2: does not run: untolerated taint node.kubernetes.io/not-ready:NoSchedule; an existing pod stays
	//
	// Does an update get past worker-2?
	// policy: upstream's policy
	//   stalled since 2026-01-05T09:10:10Z: 0 of 5 nodes complete; maxUnavailable 1 is used by worker-2 (log-agent-5: terminating since 2026-01-05T09:10:10Z, past its grace period; node is not ready)
	// policy: ignore not-ready nodes
	//   complete since 2026-01-05T09:10:58Z: 4 of 5 nodes complete; ignored: worker-2 (node is not ready)
}
