package carryout

import (
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ExpectationsTimeout is how long Expectations wait for a write that no cache shows
// (ExpectationsTimeout@v1.37.2).
const ExpectationsTimeout = 5 * time.Minute

// Expectations are the writes of one owner that its caches have not shown yet: pods and
// revisions that were created, patched or deleted, and the owner itself. A pass that does
// not know of them repeats them, and counts pods that are deleted as available. Whoever keeps
// them has these duties:
//
//  1. Give them to the Writer of the owner, and to no other.
//  2. Call Observe and ObserveDeleted with every event of the owner, and of the pods and
//     ControllerRevisions that it owns or owned. Do so after the event is where the next
//     pass finds it.
//  3. Call Pending before each pass, and before the pass takes its facts. While writes are
//     pending make no pass, or one with rollout.Options.AwaitingWrites, which neither creates
//     nor deletes pods.
//  4. Requeue while writes are pending: nothing else ends the wait for an event that is lost.
//     Call Pending after every CarryOut, too, because the time counts from the first call that
//     sees a write.
//  5. Make new ones for an owner with another UID.
//
// The example controller makes no pass for the first second. Events normally take milliseconds,
// and a pass in between would only write a status that is outdated at once. After that it makes
// passes with AwaitingWrites, so that the status is kept up to date while events are late. A
// controller that need not care about that makes no pass until nothing is pending.
//
// An event may come before the answer to the write that caused it. That is why they remember
// what they observe from a call of Pending until the Writer has written. A write that the API
// server answers with the version that the pass knew has changed nothing, and is not awaited.
//
// The zero Expectations are ready for use, and a nil *Expectations remembers nothing. They are
// safe for concurrent use, and must not be copied.
type Expectations struct {
	mu      sync.Mutex
	awaited map[objectID]awaited
	// writing counts the passes that are writing; early is what was observed meanwhile, and
	// since Pending was called. It is nil at other times.
	writing int
	early   map[objectID]observed
}

// objectID is the UID of an object, or its name if it has none, as in some fakes.
type objectID string

func idOf(obj client.Object) objectID {
	if uid := obj.GetUID(); uid != "" {
		return objectID(uid)
	}
	return objectID(fmt.Sprintf("%T/%s/%s", obj, obj.GetNamespace(), obj.GetName()))
}

// awaited is what a cache must show of one object.
type awaited struct {
	// version is the oldest resource version that will do; empty is any.
	version string
	// end says that the object must be gone or have a deletion timestamp.
	end bool
	// since is when Pending first saw this; zero until then.
	since time.Time
}

// observed is what a cache has shown of one object.
type observed struct {
	version   string
	end, gone bool
}

// meets reports whether the observation is what was awaited.
func (o observed) meets(a awaited) bool {
	switch {
	case o.gone:
		return true
	case a.end && !o.end:
		return false
	case a.version == "":
		return true
	}
	// Versions that are no numbers cannot be compared; then any event will do.
	older, err := resourceversion.CompareResourceVersion(o.version, a.version)
	return err != nil || older >= 0
}

// Observe records that a cache now holds obj in this state. Call it for every add and update
// event. nil is ignored.
func (e *Expectations) Observe(obj client.Object) {
	if e == nil || obj == nil {
		return
	}
	e.observe(idOf(obj), observed{version: obj.GetResourceVersion(), end: obj.GetDeletionTimestamp() != nil})
}

// ObserveDeleted records that a cache no longer holds obj. Call it as well for the old object
// of an event in which the UID has changed. nil is ignored.
func (e *Expectations) ObserveDeleted(obj client.Object) {
	if e == nil || obj == nil {
		return
	}
	e.observe(idOf(obj), observed{gone: true})
}

func (e *Expectations) observe(id objectID, o observed) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if a, ok := e.awaited[id]; ok && o.meets(a) {
		delete(e.awaited, id)
	}
	if e.early != nil {
		e.early[id] = o
	}
}

// Pending returns how many writes the caches have not shown yet, and for how long the oldest
// of them has been awaited: since the first call of Pending after it. A write that has been
// awaited for ExpectationsTimeout is given up. Both are zero if nothing is pending. now must
// not go back from call to call.
func (e *Expectations) Pending(now time.Time) (writes int, longest time.Duration) {
	if e == nil {
		return 0, 0
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.writing == 0 {
		e.early = map[objectID]observed{}
	}
	for id, a := range e.awaited {
		if a.since.IsZero() {
			a.since = now
			e.awaited[id] = a
		}
		waited := now.Sub(a.since)
		if waited >= ExpectationsTimeout {
			delete(e.awaited, id)
			continue
		}
		writes++
		longest = max(longest, waited)
	}
	return writes, longest
}

// begin and end enclose the writes of a pass.
func (e *Expectations) begin() {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.early == nil {
		e.early = map[objectID]observed{}
	}
	e.writing++
}

func (e *Expectations) end() {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.writing--; e.writing == 0 {
		e.early = nil
	}
}

// wrote awaits the object as the API server returned it from a write. before is the version
// that the pass knew, empty for a creation: no event follows a write that left it as it was.
func (e *Expectations) wrote(obj client.Object, before string) {
	if version := obj.GetResourceVersion(); version != before || version == "" {
		e.await(idOf(obj), awaited{version: version})
	}
}

// deleted awaits the end of the object.
func (e *Expectations) deleted(obj client.Object) {
	e.await(idOf(obj), awaited{end: true})
}

// terminating awaits what never comes, so that for a while nothing more is created in a
// namespace that is being deleted.
func (e *Expectations) terminating(namespace string) {
	e.await(objectID("namespace/"+namespace), awaited{end: true})
}

func (e *Expectations) await(id objectID, a awaited) {
	if e == nil {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if before, ok := e.awaited[id]; ok {
		// A write that is repeated and changes nothing must not be awaited for ever.
		newer := newerVersion(a.version, before.version)
		if !newer && (before.end || !a.end) {
			a.since = before.since
		}
		// A later version covers an earlier one, but not a deletion.
		a.end = a.end || before.end
		if !newer {
			a.version = before.version
		}
	}
	if o, ok := e.early[id]; ok && o.meets(a) {
		delete(e.awaited, id)
		return
	}
	if e.awaited == nil {
		e.awaited = map[objectID]awaited{}
	}
	e.awaited[id] = a
}

// newerVersion reports whether a comes after b. Of versions that are no numbers any other one
// does.
func newerVersion(a, b string) bool {
	if a == "" || b == "" {
		return a != ""
	}
	order, err := resourceversion.CompareResourceVersion(a, b)
	return err != nil && a != b || err == nil && order > 0
}

// uidOf is a precondition for the object itself and not a later one of its name.
func uidOf(obj client.Object) client.Preconditions {
	uid := obj.GetUID()
	if uid == "" {
		return client.Preconditions{}
	}
	return client.Preconditions{UID: (*types.UID)(&uid)}
}
