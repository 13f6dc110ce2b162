package daemon

import (
	"maps"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Backoff is the memory that keeps a failing pod from being deleted and made
// anew in a hot loop: how long to leave the next failed pod of a node alone.
// It is data: take Plan.Backoff of one pass and pass it in as Input.Backoff of
// the next. One map may serve any number of DaemonSets. nil is empty.
//
// Upstream keeps the same in flowcontrol.Backoff@v0.37.2, from one second
// doubling to fifteen minutes.
type Backoff map[BackoffKey]BackoffEntry

// BackoffKey names a node of a DaemonSet. A new observed generation starts
// afresh (failedPodsBackoffKey@v1.37.2).
type BackoffKey struct {
	// UID is the DaemonSet's.
	UID types.UID
	// ObservedGeneration is the DaemonSet's status.observedGeneration.
	ObservedGeneration int64
	// Node is the node's name.
	Node string
}

// BackoffEntry is when a failed pod was last deleted on a node and for how long
// after that the next one stays.
type BackoffEntry struct {
	// Last is when a failed pod was last deleted.
	Last time.Time
	// Delay is how long the next failed pod stays.
	Delay time.Duration
}

const (
	backoffFirst = time.Second
	backoffMax   = 15 * time.Minute
)

// expired entries count as none: the node was quiet for twice the longest
// delay.
func (e BackoffEntry) expired(now time.Time) bool { return now.Sub(e.Last) > 2*backoffMax }

// failedPods is the Backoff of one pass. It copies the caller's map when it
// first changes.
type failedPods struct {
	entries Backoff
	owned   bool
	uid     types.UID
	gen     int64
	now     time.Time
}

func newFailedPods(entries Backoff, ds *appsv1.DaemonSet, now time.Time) *failedPods {
	return &failedPods{entries: entries, uid: ds.UID, gen: ds.Status.ObservedGeneration, now: now}
}

func (f *failedPods) key(node string) BackoffKey { return BackoffKey{f.uid, f.gen, node} }

// waiting returns the delay of a node that is in backoff.
func (f *failedPods) waiting(node string) (time.Duration, bool) {
	e, ok := f.entries[f.key(node)]
	if !ok || e.expired(f.now) || f.now.Sub(e.Last) >= e.Delay {
		return 0, false
	}
	return e.Delay, true
}

// deleted notes that a failed pod of the node is deleted now.
func (f *failedPods) deleted(node string) {
	if !f.owned {
		f.entries = maps.Clone(f.entries)
		maps.DeleteFunc(f.entries, func(_ BackoffKey, e BackoffEntry) bool { return e.expired(f.now) })
		f.owned = true
		if f.entries == nil {
			f.entries = Backoff{}
		}
	}
	key := f.key(node)
	delay := backoffFirst
	if e, ok := f.entries[key]; ok {
		delay = min(2*e.Delay, backoffMax)
	}
	f.entries[key] = BackoffEntry{Last: f.now, Delay: delay}
}
