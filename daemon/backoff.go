package daemon

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Backoff keeps failing pods from being deleted and created in a hot loop. For each node it
// records how long a failed pod stays before it is deleted. The delays start at one second
// and double up to fifteen minutes. Half an hour after the last deletion they start again
// (failedPodsBackoff@v1.37.2, flowcontrol.Backoff@v0.37.2).
//
// It is data: keep one for each DaemonSet, give it to each pass as Input.Backoff, and then bring
// it up to date, also if a write of the pass failed:
//
//	backoff = backoff.With(plan.BackoffChanges)
//
// A Snapshot that is kept takes them as Changes.BackoffChanges instead, and a rollout.State does
// all of it by itself. A Backoff can be stored as JSON. Drop it with the DaemonSet. nil is empty.
type Backoff map[BackoffKey]BackoffEntry

// BackoffChanges are the entries of a Backoff that a pass changes. They are not a Backoff, because
// all other entries stay as they are: give them to Backoff.With. nil is empty.
type BackoffChanges map[BackoffKey]BackoffEntry

// BackoffKey identifies a node of a DaemonSet. Each observed generation has delays of its own
// (failedPodsBackoffKey@v1.37.2).
type BackoffKey struct {
	// UID is the DaemonSet's.
	UID types.UID
	// ObservedGeneration is the DaemonSet's status.observedGeneration.
	ObservedGeneration int64
	// Node is the node's name.
	Node string
}

// BackoffEntry records the last deletion of a failed pod on a node.
type BackoffEntry struct {
	// Last is when a failed pod was last deleted.
	Last time.Time
	// Delay is how long after Last a failed pod on the node is not deleted.
	Delay time.Duration
}

func backoffKey(ds *appsv1.DaemonSet, node string) BackoffKey {
	return BackoffKey{UID: ds.UID, ObservedGeneration: ds.Status.ObservedGeneration, Node: node}
}

// MarshalText returns "generation/node/uid", which makes a Backoff a JSON object.
func (k BackoffKey) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d/%s/%s", k.ObservedGeneration, k.Node, k.UID), nil
}

// UnmarshalText reads what MarshalText returns.
func (k *BackoffKey) UnmarshalText(text []byte) error {
	generation, rest, _ := strings.Cut(string(text), "/")
	node, uid, found := strings.Cut(rest, "/")
	n, err := strconv.ParseInt(generation, 10, 64)
	if err != nil || !found {
		return fmt.Errorf("backoff key %q is not generation/node/uid", text)
	}
	if k != nil {
		*k = BackoffKey{UID: types.UID(uid), ObservedGeneration: n, Node: node}
	}
	return nil
}

const (
	backoffFirst = time.Second
	backoffMax   = 15 * time.Minute
)

// Failures returns the number of consecutive failures that Delay stands for, at most 11. It
// returns 0 if the entry has expired at the given time.
func (e BackoffEntry) Failures(now time.Time) int {
	if e.expired(now) || e.Delay <= 0 {
		return 0
	}
	n := 1
	for delay := min(e.Delay, backoffMax); delay > backoffFirst; delay /= 2 {
		n++
	}
	return n
}

// expired reports whether no failed pod of the node was deleted for twice the longest
// delay (hasExpired@v0.37.2).
func (e BackoffEntry) expired(now time.Time) bool { return now.Sub(e.Last) > 2*backoffMax }

// Waits reports whether a failed pod of the node is not deleted yet at the given time
// (IsInBackOffSinceUpdate@v0.37.2).
func (e BackoffEntry) Waits(now time.Time) bool { return !e.expired(now) && now.Sub(e.Last) < e.Delay }

// With returns the backoff with the changes of a pass put in: an entry of changes
// replaces the one of the same key. It leaves out the entries that had expired at the time of that
// pass; they do not come back if the time goes back. Without changes it returns the backoff itself,
// otherwise a map of the caller's own. It changes neither.
func (b Backoff) With(changes BackoffChanges) Backoff {
	if len(changes) == 0 {
		return b
	}
	var now time.Time // All changes of a pass are of its time.
	for _, e := range changes {
		if e.Last.After(now) {
			now = e.Last
		}
	}
	out := make(Backoff, len(b)+len(changes))
	for key, e := range b {
		if !e.expired(now) {
			out[key] = e
		}
	}
	maps.Copy(out, changes)
	return out
}

// equal reports whether two backoffs have the same effect at the given time: expired entries have
// none.
func (b Backoff) equal(other Backoff, now time.Time) bool {
	live := 0
	for key, e := range b {
		if e.expired(now) {
			continue
		}
		live++
		if o, ok := other[key]; !ok || !e.Last.Equal(o.Last) || e.Delay != o.Delay {
			return false
		}
	}
	for _, e := range other {
		if !e.expired(now) {
			live--
		}
	}
	return live == 0
}

// failedPods is the Backoff of one pass, with the entries that the pass changes.
type failedPods struct {
	entries Backoff
	changes BackoffChanges
	ds      *appsv1.DaemonSet
	now     time.Time
}

// waiting returns the delay of a node that is in backoff.
func (f *failedPods) waiting(node string) (time.Duration, bool) {
	key := backoffKey(f.ds, node)
	e, ok := f.changes[key]
	if !ok {
		e, ok = f.entries[key]
	}
	if !ok || !e.Waits(f.now) {
		return 0, false
	}
	return e.Delay, true
}

// putOff takes back what deleted noted in this pass.
func (f *failedPods) putOff(node string) { delete(f.changes, backoffKey(f.ds, node)) }

// deleted notes that a failed pod of the node is deleted now (Next@v0.37.2).
func (f *failedPods) deleted(node string) {
	if f.changes == nil {
		f.changes = BackoffChanges{}
	}
	key := backoffKey(f.ds, node)
	delay := backoffFirst
	if e, ok := f.entries[key]; ok && !e.expired(f.now) {
		// Not 2*e.Delay, which overflows. No delay, or a negative one, counts as none yet.
		delay = max(backoffFirst, 2*min(max(e.Delay, 0), backoffMax/2))
	}
	f.changes[key] = BackoffEntry{Last: f.now, Delay: delay}
}
