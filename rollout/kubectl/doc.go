// Package kubectl returns what kubectl prints about DaemonSets, as data and as
// text. It is for CLIs and dashboards.
//
//	kubectl get daemonsets              NewTable
//	kubectl get daemonsets -o wide      NewTable, Table.Wide
//	kubectl get daemonsets -A           NewTable, Table.AllNamespaces
//	kubectl rollout status              RolloutStatus
//	kubectl rollout history             RolloutHistory
//	kubectl rollout history --revision  history.Template of a Revision's ControllerRevision
//	kubectl rollout undo                RolloutUndo
//	kubectl rollout restart             RolloutRestart
//
// The functions take objects as an API server returns them, with their defaults
// filled in. daemon.Default fills them in for a DaemonSet from elsewhere. Nothing
// is sent: RolloutUndo returns the patch to send, and RolloutRestart the DaemonSet.
//
// The String methods of Table, Progress, History and Undo return the text of
// kubectl v0.37.2. kubectl prints the name of the DaemonSet before a history and an
// undo; String leaves it out.
//
// kubectl decides from the generation and the status; health.Assess decides from nodes
// and pods. RolloutStatus lists the cases in which they differ. kubectl rollout itself does
// not know resources of your own.
//
// # Order, sharing, errors
//
// The rows of a table have the order of the arguments. Revisions are ordered by
// number and then by name. Arguments are never changed. The ControllerRevisions in
// results are those passed in, read-only; all else is new. Wrong input gives a
// *field.Error that names the field.
//
// # Deviations
//
// This package differs from kubectl on purpose in these cases:
//
//	long-tables        printTable@v0.37.2         kubectl aligns a hundred rows at a time, by the length of
//	                                              cells before it escapes them; here a table is aligned as
//	                                              a whole
//	undo-data          Rollback@v0.37.2           kubectl sends all that the revision holds; here data that is
//	                                              broken or holds more than a template is an error
//	history-selector   daemonSetHistory@v0.37.2   kubectl lists every revision that a DaemonSet without selector
//	                                              controls; here that is an error
//	history-owner      IsControlledBy@v0.37.2     kubectl compares the UID of the owner alone; here an owner
//	                                              with that UID and another kind or name is an error
package kubectl
