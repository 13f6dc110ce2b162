package main

import (
	"time"

	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/rollout/simulate"
)

// report is what -o json prints, and what the text is made of. Fields that are empty or zero
// are left out, except for those that are always there. Texts are for people, and their
// wording may change; all else is for programs.
type report struct {
	// Time is the time of the answers.
	Time time.Time `json:"time"`
	// ExitStatus is that of the command.
	ExitStatus int `json:"exitStatus"`
	// Because says why ExitStatus is 2, in the order of DaemonSets. With 1, Errors say why.
	Because []cause `json:"because,omitempty"`
	// DaemonSets are the answers: those that need attention first, then by namespace and name.
	DaemonSets []*answer `json:"daemonSets,omitempty"`
	// PassedOver are sentences on what the input holds besides.
	PassedOver []string `json:"passedOver,omitempty"`
	// Notes are sentences on the input as a whole.
	Notes []string `json:"notes,omitempty"`
	// Errors say what is wrong with the input.
	Errors []*manifest.Error `json:"errors,omitempty"`
}

// cause is a DaemonSet with which not all is well.
type cause struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Reasons are sentences on what counts.
	Reasons []string `json:"reasons"`
}

// answer is the answer for one DaemonSet.
type answer struct {
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// State is "complete", "progressing", "stalled", "waiting" or "deleting", as in package
	// health; "disrupted" if the rollout is complete without counting NotReady; "ignored" if the
	// controller does nothing; "status" if the input lacks nodes or pods and the verdict is that
	// of the status alone; "new" for a manifest that no server has stored; "refused" for one that
	// a server would not store, or a DaemonSet that no answer is possible for.
	State string `json:"state"`
	// Verdict is the state in a sentence.
	Verdict string `json:"verdict"`
	// Since is when the rollout last changed, if it is stalled or complete.
	Since time.Time `json:"since,omitzero"`
	// Desired is how many nodes should run a pod, Complete on how many the rollout is
	// complete, and Outdated how many pods of older templates are left.
	Desired  int `json:"desired"`
	Complete int `json:"complete"`
	Outdated int `json:"outdated"`
	// NotReady is how many other nodes are not ready and keep a pod that is not available. The
	// controller does not count them: they have a taint that the pod does not tolerate.
	NotReady int `json:"notReady,omitempty"`
	// Unobserved is how many generations the controller has not observed. DueSince is since
	// when, by the times in the objects, it could have gone on with an update, if that is longer
	// than health.DefaultPatience.
	Unobserved int64     `json:"unobserved,omitempty"`
	DueSince   time.Time `json:"dueSince,omitzero"`
	// Blockers are the problems that the rollout waits for, the most urgent first.
	Blockers []blocker `json:"blockers,omitempty"`
	// Budget is the budget of the update, if outdated pods wait for it.
	Budget *budget `json:"budget,omitempty"`
	// ToDelete are the outdated pods that somebody has to delete, with the strategy OnDelete.
	ToDelete []podOnNode `json:"toDelete,omitempty"`
	// Creates and Deletes are what the next pass of the controller writes.
	Creates []string    `json:"creates,omitempty"` // names of nodes
	Deletes []podOnNode `json:"deletes,omitempty"`
	// Change is what the current rollout changes in the template.
	Change *change `json:"change,omitempty"`
	// Stray are sentences on other nodes that are not as they should be.
	Stray []string `json:"stray,omitempty"`
	// Nodes counts the nodes in a sentence, and NodeList has one for each of them, with -v.
	Nodes    string   `json:"nodes,omitempty"`
	NodeList []string `json:"nodeList,omitempty"`
	// Findings are what package lint finds; those of severity "info" only with -v.
	Findings []finding `json:"findings,omitempty"`
	// Proposal is what the manifest in the input would do.
	Proposal *proposal `json:"proposal,omitempty"`
	// Notes are sentences on what the input lacks and what was assumed.
	Notes []string `json:"notes,omitempty"`
	// wrong says why no answer is possible for a stored DaemonSet.
	wrong manifest.ErrorList
}

// The states besides those of package health.
const (
	stateDisrupted = "disrupted"
	stateIgnored   = "ignored"
	stateStatus    = "status"
	stateNew       = "new"
	stateRefused   = "refused"
)

// blocker is a problem that a rollout waits for.
type blocker struct {
	Node      string `json:"node"`
	Pod       string `json:"pod,omitempty"`
	Container string `json:"container,omitempty"`
	// Image is one that cannot be pulled.
	Image string `json:"image,omitempty"`
	// Kind is the problem in a short phrase, and Text in a sentence.
	Kind string `json:"kind"`
	Text string `json:"text"`
	// Reason and Message are those of the kubelet, the scheduler or the node.
	Reason  string    `json:"reason,omitempty"`
	Message string    `json:"message,omitempty"`
	Since   time.Time `json:"since,omitzero"`
	Until   time.Time `json:"until,omitzero"`
	// start is when the simulated rollout begins that the problem is of.
	start time.Time
}

// budget is the budget of an update with the nodes that use it.
type budget struct {
	// Kind is "maxUnavailable" or "maxSurge".
	Kind  string       `json:"kind"`
	Limit int          `json:"limit"`
	Users []budgetUser `json:"users,omitempty"`
}

type budgetUser struct {
	Node   string `json:"node"`
	Reason string `json:"reason"`
}

// podOnNode is a pod with its node, and why it is in the list.
type podOnNode struct {
	Pod    string `json:"pod"`
	Node   string `json:"node,omitempty"`
	Reason string `json:"reason,omitempty"`
}

// change is what differs between two templates or DaemonSets.
type change struct {
	// From and To are the numbers of revisions, if there are some.
	From   int64    `json:"fromRevision,omitempty"`
	To     int64    `json:"toRevision,omitempty"`
	Fields []string `json:"fields"`
}

// finding is a fault that package lint finds.
type finding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"` // "error", "warning" or "info"
	// Field is the path in the DaemonSet, and File and Line are where the input has it.
	Field   string   `json:"field,omitempty"`
	File    string   `json:"file,omitempty"`
	Line    int      `json:"line,omitempty"`
	Message string   `json:"message"`
	Fix     string   `json:"fix,omitempty"`
	Nodes   []string `json:"nodes,omitempty"`
}

// proposal is what a manifest would do.
type proposal struct {
	// File and Line are where the input has the manifest.
	File string `json:"file"`
	Line int    `json:"line"`
	// Verdict is the proposal in a sentence.
	Verdict string `json:"verdict"`
	// Refused says why an API server would not store it. Nothing else is known then.
	Refused []*manifest.Error `json:"refused,omitempty"`
	// NoChange says that it changes nothing.
	NoChange bool `json:"noChange,omitempty"`
	// Fields are what it changes in a stored DaemonSet.
	Fields []string `json:"fields,omitempty"`
	// Rollout says whether it starts a rollout.
	Rollout bool `json:"rollout"`
	// Revision is the number of the revision that holds its template.
	Revision int64 `json:"revision,omitempty"`
	// OldRevision is the number that this revision had before, if the rollout goes back to it.
	OldRevision int64 `json:"oldRevision,omitempty"`
	// Gains, Loses and Keeps are the nodes that get a pod, that lose theirs, and that keep
	// theirs until it is deleted.
	Gains []nodeEffect `json:"gains,omitempty"`
	Loses []nodeEffect `json:"loses,omitempty"`
	Keeps []nodeEffect `json:"keeps,omitempty"`
	// End is how the simulated rollout ends.
	End *end `json:"end,omitempty"`
	// Findings are what package lint finds in the manifest and not in the stored DaemonSet.
	Findings []finding `json:"findings,omitempty"`
	// risks are the reasons not to apply it.
	risks []simulate.Risk
}

type nodeEffect struct {
	Node string `json:"node"`
	Why  string `json:"why"`
}

// end is the end of a simulated rollout.
type end struct {
	// State is "complete", "waiting", "stalled" or "ignored", as in package simulate.
	State string `json:"state"`
	// Seconds is how long it takes until then.
	Seconds float64 `json:"seconds"`
	// LowestAvailable is how many nodes have an available pod at the worst moment, and Desired
	// how many should have one in the end.
	LowestAvailable int `json:"lowestAvailable"`
	Desired         int `json:"desired"`
	// NewImages are those of simulate.Judgment: nobody knows whether they can be pulled.
	NewImages []string `json:"newImages,omitempty"`
	// Assumptions are sentences on what it takes for granted of them.
	Assumptions []string `json:"assumptions,omitempty"`
	// MayPreempt are the nodes of simulate.End.MayPreempt: pods wait there for room that the scheduler
	// may make.
	MayPreempt []string `json:"mayPreempt,omitempty"`
	// RunsNowhere says that no node should have a pod then, and none has.
	RunsNowhere bool `json:"runsNowhere,omitempty"`
	// Blockers are what it waits for, if it is not complete.
	Blockers []blocker `json:"blockers,omitempty"`
	Budget   *budget   `json:"budget,omitempty"`
	// clause is that of simulate.End.
	clause string
	// idle says that nothing happens to a pod until then.
	idle bool
}
