// Package kubectl says what kubectl says about DaemonSets, as data and as text.
// It is for CLIs and dashboards.
//
//	kubectl get daemonsets             NewTable
//	kubectl get daemonsets -o wide     NewTable, Table.Wide
//	kubectl rollout status             RolloutStatus
//	kubectl rollout history            RolloutHistory
//	kubectl rollout undo               RolloutUndo
//
// Each function takes objects as an API server returns them, with their defaults
// filled in (daemon.Default does that for a DaemonSet that was not read from a
// server). Nothing is sent: RolloutUndo returns the patch to send.
//
// The String method of each result returns the text of kubectl v0.37.2, which is
// in English whatever the locale. kubectl prints the name of the DaemonSet before
// the text of a history and of an undo; String does not.
//
// kubectl knows whether a rollout is over from the generation and the status
// alone. rollout.Assess looks at the nodes and pods. The two do not always agree:
// RolloutStatus lists the differences.
//
// # Order, sharing, errors
//
// Rows of a table are in the order of the arguments, revisions are ordered by
// number and then by name. Arguments are never changed. Revisions in results are
// those passed in, read-only; all else is new. Wrong input gives a *field.Error
// that names the field. Where kubectl fails, the error has kubectl's words: as a
// whole, or as the Detail of the *field.Error.
//
// # Deviations
//
// Where this package differs from kubectl on purpose:
//
//	long-tables        printTable@v0.37.2         kubectl aligns a hundred rows at a time, by the length of
//	                                              cells before it escapes them; here a table is aligned as
//	                                              a whole
//	undo-data          Rollback@v0.37.2           kubectl sends whatever the revision holds; here data that is
//	                                              broken or holds more than a template is an error
//	history-selector   daemonSetHistory@v0.37.2   kubectl lists every revision that a DaemonSet without selector
//	                                              controls; here that is an error
//	history-owner      IsControlledBy@v0.37.2     kubectl compares UIDs, of which an API server gives every
//	                                              object one; here DaemonSets without UID are told apart by
//	                                              kind and name
package kubectl
