package main

func Example() {
	main()
	// Output:
	// SHAPE       FOR SURE                          AT MOST                            LEFT FOR OTHER PODS
	// small       4 pods, cpu 950m, memory 4656Mi   4 pods, cpu 950m, memory 4656Mi    too small
	// large       4 pods, cpu 950m, memory 4656Mi   4 pods, cpu 950m, memory 4656Mi    cpu 6950m, memory 25040Mi
	// large-arm   3 pods, cpu 450m, memory 560Mi    3 pods, cpu 450m, memory 560Mi     cpu 7450m, memory 29136Mi
	// gpu         4 pods, cpu 950m, memory 1584Mi   5 pods, cpu 1050m, memory 1712Mi   cpu 29950m, memory 244048Mi
	// cache on small: does not fit, short of memory by 1584Mi
	// gpu-exporter on gpu: cannot tell, it depends on [label "example.com/gpu-model"]
	// gpu-exporter on gpu: waits for the port 9100/TCP of node-exporter
	//
	// A pool without GPUs, amd64 or arm64:
	// network: always
	// gpu-driver: never: node selector; the pool has example.com/gpu DoesNotExist
	// gpu-exporter: never: node selector; the pool has example.com/gpu DoesNotExist
	// log-agent: always
	// node-exporter: always
	// cache: on some nodes: depends on label "kubernetes.io/arch"
	// for sure 3 pods, cpu 450m, memory 560Mi; at most 4 pods, cpu 950m, memory 4656Mi
}
