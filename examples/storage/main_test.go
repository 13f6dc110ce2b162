package main

func Example() {
	main()
	// Output:
	// Where does it run?
	// 9 of 12 nodes run it; 3 do not match node affinity
	//
	// How does an update go? (o old, n new, . unavailable)
	//
	// as Kubernetes does it
	//      0s  zone-a ooo  zone-b ooo  zone-c ooo
	//     10s  zone-a ..o  zone-b ooo  zone-c ooo
	//    1m0s  zone-a nno  zone-b ooo  zone-c ooo
	//   1m10s  zone-a nn.  zone-b .oo  zone-c ooo
	//    2m0s  zone-a nnn  zone-b noo  zone-c ooo
	//   2m10s  zone-a nnn  zone-b n..  zone-c ooo
	//    3m0s  zone-a nnn  zone-b nnn  zone-c ooo
	//   3m10s  zone-a nnn  zone-b nnn  zone-c ..o
	//    4m0s  zone-a nnn  zone-b nnn  zone-c nno
	//   4m10s  zone-a nnn  zone-b nnn  zone-c nn.
	//    5m0s  zone-a nnn  zone-b nnn  zone-c nnn
	// zones with an unavailable node at the same time: 2
	// complete since 2026-01-05T09:15:40Z: 9 of 9 nodes complete
	//
	// one zone at a time
	//      0s  zone-a ooo  zone-b ooo  zone-c ooo
	//     10s  zone-a ..o  zone-b ooo  zone-c ooo
	//    1m0s  zone-a nno  zone-b ooo  zone-c ooo
	//   1m10s  zone-a nn.  zone-b ooo  zone-c ooo
	//    2m0s  zone-a nnn  zone-b ooo  zone-c ooo
	//   2m10s  zone-a nnn  zone-b ..o  zone-c ooo
	//    3m0s  zone-a nnn  zone-b nno  zone-c ooo
	//   3m10s  zone-a nnn  zone-b nn.  zone-c ooo
	//    4m0s  zone-a nnn  zone-b nnn  zone-c ooo
	//   4m10s  zone-a nnn  zone-b nnn  zone-c ..o
	//    5m0s  zone-a nnn  zone-b nnn  zone-c nno
	//   5m10s  zone-a nnn  zone-b nnn  zone-c nn.
	//    6m0s  zone-a nnn  zone-b nnn  zone-c nnn
	// zones with an unavailable node at the same time: 1
	// complete since 2026-01-05T09:16:40Z: 9 of 9 nodes complete
	//
	// one zone at a time, and the new version does not start on storage-b2
	//      0s  zone-a ooo  zone-b ooo  zone-c ooo
	//     10s  zone-a ..o  zone-b ooo  zone-c ooo
	//    1m0s  zone-a nno  zone-b ooo  zone-c ooo
	//   1m10s  zone-a nn.  zone-b ooo  zone-c ooo
	//    2m0s  zone-a nnn  zone-b ooo  zone-c ooo
	//   2m10s  zone-a nnn  zone-b ..o  zone-c ooo
	//    3m0s  zone-a nnn  zone-b n.o  zone-c ooo
	//   3m10s  zone-a nnn  zone-b n..  zone-c ooo
	//    4m0s  zone-a nnn  zone-b n.n  zone-c ooo
	// zones with an unavailable node at the same time: 1
	// stalled since 2026-01-05T09:14:40Z: 5 of 9 nodes complete; one domain at a time: now topology.kubernetes.io/zone=zone-b; held back: 3 by another domain's turn; not complete: storage-b2 (storage-14: not ready)
}
