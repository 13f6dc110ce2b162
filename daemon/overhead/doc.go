// Package overhead answers what a node will run of many DaemonSets, and what that costs: a
// node, the template of one that does not exist yet, or any node of a pool.
//
// Compile the DaemonSets once, then ask for as many nodes as you like:
//
//	daemons, err := overhead.Compile(sets, overhead.Options{LimitRanges: ranges})
//	var out overhead.NodeOverhead // used again for every node
//	for _, node := range templates {
//		err := daemons.OnNode(overhead.Input{Node: node, NameUnknown: true}, &out)
//		reserve := out.Started.Requests() // what the node runs for sure after start-up
//	}
//
//	which DaemonSets run on this node?              Daemons.OnNode: NodeOverhead.Daemons
//	why (not), and what does the answer depend on?  Daemons.Explain
//	what does one pod request?                      Daemons.List: Daemon.Requests, HostPorts
//	what do all of them request?                    NodeOverhead.Run, Started, AtMost
//	what is still to come on a node that exists?    NodeOverhead.Missing, MissingAtMost
//	what does not fit, and which DaemonSet is it?   NodeOverhead.Shortages, NodeDaemon.Fits
//	which host ports conflict?                      NodeOverhead.PortConflicts
//	what stays pending because of a RuntimeClass?   NodeOverhead.Mismatches
//	taints that go away after start-up              Input.StartupTaints, NodeOverhead.Started;
//	                                                Pool.StartupTaints, PoolOverhead.Started
//	labels that come late                           Input.LateLabels
//	a name that is made up                          Input.NameUnknown
//	what runs on a pool known by requirements?      Daemons.InPool
//	what do limits, LimitRanges and classes add?    Options, Daemon.Refused
//	the pod itself                                  Daemons.Pod
//
// # Rules
//
//  1. Whether a DaemonSet runs on a node is the decision of package placement, which is that of
//     the DaemonSet controller (NodeShouldRunDaemonPod@v1.37.2). A node with unknown facts may be
//     in many states; "runs" and "does not run" hold in each of them.
//  2. The requests of a pod are those that the scheduler counts (PodRequests@v0.37.2): containers,
//     init containers, sidecars, resources of the pod as a whole, overhead. Before that the pod
//     gets what the API server adds to it: requests from limits (SetDefaults_Pod@v1.37.2),
//     defaults and minimums of LimitRanges (mergePodResourceRequirements@v1.37.2), the overhead
//     of its RuntimeClass (setOverhead@v1.37.2), and the resources of the whole pod that are
//     missing (DefaultPodLevelResources@v1.37.2). Pods that these plugins, or the validation of
//     requests and limits, refuse take nothing. Other admission plugins and webhooks are the
//     caller's: pass the DaemonSets as they leave them.
//  3. Pods that exist are counted as they are, with what the kubelet has allocated to them
//     (CalculateResource@v1.37.2).
//  4. Sums are in the scheduler's units, cpu in thousandths and everything else in whole numbers
//     (Resource.Add@v1.37.2), and saturate. Resources that the scheduler does not count are in
//     Daemon.Requests and in no sum.
//  5. A DaemonSet is referred to by its index in Daemons.List, and by its name in texts. All lists
//     have a documented order, and the order of the input has no effect on them.
//  6. Only what this package names is looked at when it asks what fits: requests, the number of
//     pods, host ports, the node selectors of RuntimeClasses. Pod (anti-)affinity, topology
//     spread, volumes and preemption are not. So an extended resource counts as missing if the
//     node does not have it, although the scheduler takes a device for it if a DeviceClass
//     provides the resource (shouldDelegateResourceToDRA@v1.37.2).
//  7. Wrong input gives a *field.Error with the path of the field. Arguments are never changed.
package overhead
