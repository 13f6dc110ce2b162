// Package history works with the ControllerRevisions of a DaemonSet: which one holds its pod
// template, which writes make that one current, which are beyond the history limit, and what
// each of them holds.
//
//	the current revision, and what to write      Reconcile
//	the revisions beyond the history limit       CleanUp
//	the data that a revision stores              Data, Matches
//	the template that a revision holds           Template
//	the template of an earlier revision          NewRollback
//	what changed between two revisions           Diff
//
// A whole pass, with pods and status, is rollout.Sync. Package rollout/kubectl gives kubectl's
// words: rollout history and rollout undo.
//
// # Rules
//
//  1. The bytes of a revision decide, not the template that they hold: two encodings of one
//     template are two revisions.
//  2. The bytes come from the k8s.io/api that is compiled in. An upgrade that encodes templates
//     differently makes a new revision of every DaemonSet, and Template drops fields that it
//     does not know.
//  3. Arguments are never changed. Revisions to create or to update are the caller's own. All
//     others in results are those passed in: read-only.
//
// # Deviations
//
// This package differs from upstream on purpose as follows. With the point revision-space of
// package daemon, the list is complete.
//
//	history-limit      cleanupHistory@v1.37.2       upstream panics on a nil revisionHistoryLimit; here it is 10
//	revision-labels    constructHistory@v1.37.2     upstream panics on a revision without labels; here it is labelled
//	revision-writes    constructHistory@v1.37.2     upstream labels and renumbers one revision with two updates;
//	                                                here it is one
//	revision-number    maxRevision@v1.37.2          upstream numbers the revision after the largest number below
//	                                                zero; here it has the largest number, too
package history
