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

// Backoff keeps failing pods from being deleted and created in a hot loop: it records for
// each node how long the next failed pod stays. The delays start at one second and double
// up to fifteen minutes. Half an hour after the last deletion they start again
// (failedPodsBackoff@v1.37.2, flowcontrol.Backoff@v0.37.2).
//
// It is data: pass Plan.Backoff of one pass as Input.Backoff to the next. It can be stored
// as JSON. One map may serve any number of DaemonSets. nil is empty.
type Backoff map[BackoffKey]BackoffEntry

// BackoffKey names a node of a DaemonSet. Each observed generation has delays of its own
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
	// Delay is how long after Last the next failed pod stays.
	Delay time.Duration
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

// Failures returns how many pods have failed one after the other, at most the eleven that
// lead to the longest delay. It is zero where the entry no longer counts at the given
// time.
func (e BackoffEntry) Failures(now time.Time) int {
	if e.expired(now) || e.Delay <= 0 {
		return 0
	}
	n := 1
	for delay := e.Delay; delay > backoffFirst; delay /= 2 {
		n++
	}
	return n
}

// expired reports whether the entry no longer counts, because no failed pod of the node
// was deleted for twice the longest delay (hasExpired@v0.37.2).
func (e BackoffEntry) expired(now time.Time) bool { return now.Sub(e.Last) > 2*backoffMax }

// failedPods is the Backoff of one pass. The first change copies the caller's map.
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

// waiting returns the delay of a node that is in backoff (IsInBackOffSinceUpdate@v0.37.2).
func (f *failedPods) waiting(node string) (time.Duration, bool) {
	e, ok := f.entries[f.key(node)]
	if !ok || e.expired(f.now) || f.now.Sub(e.Last) >= e.Delay {
		return 0, false
	}
	return e.Delay, true
}

// deleted notes that a failed pod of the node is deleted now (Next@v0.37.2).
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
