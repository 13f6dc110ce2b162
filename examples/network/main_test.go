package main

func Example() {
	main()
	// Output:
	// What does a pod request?
	//   metrics         cpu  20m, memory  32Mi
	//   install-plugin  cpu 300m, memory  64Mi
	//   agent           cpu 200m, memory 256Mi
	//   scheduler       cpu 320m, memory 288Mi, and the ports [9879/TCP] of the node
	//
	// Who gets room first?
	//   control-plane  kube-system/network: should run, fits
	//   control-plane  images/image-cache: does not run: untolerated taint
	//   edge-1         kube-system/network: should run, fits
	//   edge-1         images/image-cache: should run, does not fit
	//   worker-1       kube-system/network: should run, fits
	//   worker-1       images/image-cache: should run, fits
	//   worker-2       kube-system/network: should run, fits
	//   worker-2       images/image-cache: should run, fits
	//
	// How does an update go if the new version cannot install the plugin?
	// stalled since 2026-01-05T09:10:12Z: 0 of 4 nodes complete; maxUnavailable 1 is used by control-plane (network-5: init container install-plugin keeps crashing: CrashLoopBackOff, 5 restarts, last exit Error (1))
	// install-plugin on control-plane says: /host/opt/cni/bin: read-only file system
}
