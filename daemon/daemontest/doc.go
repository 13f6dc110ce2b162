// Package daemontest provides fixtures and assertions for the tests of operators,
// autoscalers and manifest repositories: objects made of few words, a simulated cluster that
// fails the test instead of returning errors, and assertions about what ran where during a
// whole rollout.
//
//	func TestImageChangeRollsOneNodeAtATime(t *testing.T) {
//		agent := daemontest.ReadDaemonSet(t, "testdata/agent.yaml")
//		c := daemontest.Settled(t, agent, daemontest.Nodes(6)...)
//		c.Apply(t, daemontest.WithImage(agent, "agent:2"))
//		c.SettlesWithin(t, 5*time.Minute)
//		c.AllReplaced(t, agent)
//		c.AtMostUnavailable(t, agent, 1)
//	}
//
// Objects are plain API objects. Change them, or write them as struct literals; only what a
// cluster does with them counts.
//
//	nodes, as a kubelet registers them               Nodes, Node
//	labels and taints of nodes that join later       Label, Taint
//	a DaemonSet, its next version                    DaemonSet, WithImage
//	a pod, a revision of a DaemonSet                 Pod, Revision
//	the DaemonSet of a manifest                      ReadDaemonSet
//	all objects of files, an fs.FS, or a text        Read, ReadFS, Parse
//
// A Cluster is a simulate.Cluster, seen from a test.
//
//	a cluster whose rollout is complete              Settled
//	a cluster from facts                             NewCluster
//	a manifest is applied, objects are deleted       Cluster.Apply, Cluster.Delete
//	nodes join and leave                             Cluster.Join, Cluster.Leave
//	nodes get labels and taints                      Cluster.Label, Cluster.Taint, Cluster.Untaint
//	nodes go NotReady and come back                  Cluster.NotReady, Cluster.Unreachable, Cluster.Recover
//	pods crash, hang, fail                           Cluster.Crash, Cluster.Hang, Cluster.Fail
//	an image cannot be pulled for a while            Cluster.BreakImage, Cluster.MendImage
//	the clock moves                                  Cluster.Settle, Cluster.Advance, Cluster.Step, Cluster.Elapse
//	the controller under test makes the passes       Cluster.Sync, Cluster.CarryOut
//	assertions overlook what was before              Cluster.FromNow
//	the whole state                                  Cluster.Input, Cluster.Nodes, Cluster.Pods
//
// Assertions report a difference with the reason for each node, and the test goes on.
//
//	runs on these nodes, and on no other             Cluster.RunsOn
//	never gets a pod on these nodes                  Cluster.NeverOn
//	at most n nodes unavailable, at every moment     Cluster.AtMostUnavailable
//	no node loses its pod                            Cluster.NoPodLost
//	the rollout is complete after d at the latest    Cluster.SettlesWithin
//	all nodes have another pod than before           Cluster.AllReplaced
//	the rollout stops after n nodes                  Cluster.StallsAt
//	the canary failed, and was rolled back           Cluster.RolledBack
//
// # Rules
//
//  1. Every cluster begins at Start, and its clock moves only when a method moves it.
//  2. Apply refuses a DaemonSet with the faults that simulate.Impact.Refused lists, and a node with a
//     name, a label or a taint that the API server refuses (ValidateNode@v1.37.2). The error has the
//     path of the field.
//  3. A DaemonSet in an argument stands for the stored one of its namespace and name. A node
//     stands for the one of its name. Neither has to be as it was when it was applied. A pod
//     stands for the one of its name and UID.
//  4. AtMostUnavailable, NoPodLost and AllReplaced look at every moment since Settled or
//     NewCluster returned the cluster, or since the first call on a zero Cluster. Only FromNow
//     makes them begin later. NeverOn looks at all that has happened in the cluster.
//  5. A step that cannot be done ends the test, as T.Fatal does. So does one that has no object to
//     change, or that changes nothing: Taint, for instance, if a node has left, or has the taint
//     already. Only Apply and Join may give an object as it is, and Delete a pod that terminates, as
//     kubectl may. An assertion about a DaemonSet that the cluster does not have, or a node that it
//     has never had, ends the test, too.
//  6. The same calls give the same cluster, the same names of pods, and the same text.
//
// Functions that take a testing.TB panic if it is nil. A Cluster keeps none: give a subtest's
// own TB to the calls in it. A Cluster is not safe for concurrent use.
package daemontest
