package daemon

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/internal/minheap"
	"github.com/pernode/daemonset/internal/owner"
)

// Update brings the snapshot up to date. Reconcile, Status and all other functions
// then return what they return for a new snapshot of the same facts. Deletions are
// applied before changes.
//
// The cost grows with the batch, and not with the cluster, with these exceptions. Nodes
// that join or leave cost one copy of the node list per batch, so collect them. A change
// of Snapshot.Claims or Snapshot.Uncounted sorts that list. A change of the DaemonSet's
// spec or of the current revision costs as much as Observe. An earlier time reads all pods
// if spec.minReadySeconds is set. The first Update builds look-up tables for all pods.
//
// It fails with a *field.Error that names the field, and then changes nothing.
func (s *Snapshot) Update(c Changes) (Changed, error) {
	if s == nil || s.in.DaemonSet == nil {
		return Changed{}, field.Required(field.NewPath("snapshot"), "")
	}
	if err := c.Validate(s.in.DaemonSet); err != nil {
		return Changed{}, err
	}
	if err := s.checkTimeOf(&c); err != nil {
		return Changed{}, err
	}
	rebuild, err := s.setFacts(&c)
	if err != nil {
		return Changed{}, err
	}
	if rebuild != nil {
		if err := s.rebuild(*rebuild, &c); err != nil {
			return Changed{}, err
		}
		return Changed{All: true}, nil
	}
	s.addBackoff(c.BackoffChanges)
	s.keep()
	u := newUpdate(s, &c)
	u.advance(c.Now)
	for _, name := range c.DeletedPods {
		u.deletePod(name)
	}
	for _, name := range c.DeletedNodes {
		u.deleteNode(name)
	}
	for _, node := range c.Nodes {
		u.setNode(node)
	}
	for _, pod := range c.Pods {
		if pod.Namespace == s.in.DaemonSet.Namespace {
			u.setPod(pod)
		}
	}
	return u.finish(), nil
}

// addBackoff changes entries of the backoff, in a map of its own.
func (s *Snapshot) addBackoff(changes BackoffChanges) {
	switch {
	case len(changes) == 0:
	case len(s.in.Backoff)+len(changes) > s.backoffRoom:
		s.in.Backoff = s.in.Backoff.With(changes)
		s.backoffRoom = 2*len(s.in.Backoff) + 64
	default:
		maps.Copy(s.in.Backoff, changes)
	}
}

// setFacts sets the DaemonSet and the revisions if they leave the states of nodes and pods
// valid. Otherwise it returns the input of a rebuild.
func (s *Snapshot) setFacts(c *Changes) (*Input, error) {
	if c.DaemonSet == nil && len(c.Revisions)+len(c.DeletedRevisions) == 0 {
		return nil, nil
	}
	in, revisions := s.in, s.revisions
	if c.DaemonSet != nil {
		in.DaemonSet = c.DaemonSet
	}
	if c.DaemonSet != nil && !sameRules(c.DaemonSet, s.in.DaemonSet) {
		in.Revisions = s.revisionsAfter(c)
		return &in, nil
	}
	if len(c.Revisions)+len(c.DeletedRevisions) > 0 || c.DaemonSet != nil && s.hashFromTemplate() {
		in.Revisions = s.revisionsAfter(c)
		var err error
		if revisions, err = observeRevisions(&in, s.claimer); err != nil {
			return nil, err
		}
		if revisions.hash != s.revisions.hash || revisions.relabel != s.revisions.relabel {
			return &in, nil
		}
		in.Revisions = nil
	}
	// The time is left to update.advance.
	s.in, s.revisions = in, revisions
	s.builder.ds = in.DaemonSet
	return nil, nil
}

// hashFromTemplate reports whether the hash depends on status.collisionCount.
func (s *Snapshot) hashFromTemplate() bool {
	return !slices.ContainsFunc(s.revisions.list, func(r RevisionState) bool { return r.Current })
}

// sameRules reports whether nodes and pods have the same states for both DaemonSets, and new
// pods the same owner reference.
func sameRules(a, b *appsv1.DaemonSet) bool {
	idA, errA := owner.Of(a)
	idB, errB := owner.Of(b)
	return errA == nil && errB == nil && idA == idB && (a.DeletionTimestamp == nil) == (b.DeletionTimestamp == nil) &&
		templateGeneration(a) == templateGeneration(b) &&
		reflect.DeepEqual(&a.Spec, &b.Spec)
}

func (s *Snapshot) revisionsAfter(c *Changes) []*appsv1.ControllerRevision {
	byName := make(map[string]*appsv1.ControllerRevision, len(s.revisions.list)+len(c.Revisions))
	for _, r := range s.revisions.list {
		byName[r.Revision.Name] = r.Revision
	}
	for _, name := range c.DeletedRevisions {
		delete(byName, name)
	}
	for _, rev := range c.Revisions {
		if rev.Namespace == s.in.DaemonSet.Namespace {
			byName[rev.Name] = rev
		}
	}
	return slices.Collect(maps.Values(byName))
}

// rebuild observes all facts from scratch.
func (s *Snapshot) rebuild(in Input, c *Changes) error {
	was := s.Input()
	nodes := make(map[string]*corev1.Node, len(was.Nodes)+len(c.Nodes))
	for _, node := range was.Nodes {
		nodes[node.Name] = node
	}
	pods := make(map[string]*corev1.Pod, len(was.Pods)+len(c.Pods))
	for _, pod := range was.Pods {
		pods[pod.Name] = pod
	}
	for _, name := range c.DeletedNodes {
		delete(nodes, name)
	}
	for _, name := range c.DeletedPods {
		delete(pods, name)
	}
	for _, node := range c.Nodes {
		nodes[node.Name] = node
	}
	for _, pod := range c.Pods {
		if pod.Namespace == s.in.DaemonSet.Namespace {
			pods[pod.Name] = pod
		}
	}
	in.Nodes, in.Pods = slices.Collect(maps.Values(nodes)), slices.Collect(maps.Values(pods))
	in.Backoff = in.Backoff.With(c.BackoffChanges)
	if !c.Now.IsZero() {
		in.Now = c.Now
	}
	fresh, err := Observe(in)
	if err != nil {
		return err
	}
	*s = *fresh
	return nil
}

// kept are the look-up tables for updates.
type kept struct {
	// homes are the nodes that pods count on, by the pod's name.
	homes map[string]*home
	// claims and uncounted hold the entries of the lists of the same name.
	claims    map[string]PodClaim
	uncounted map[string]UncountedPod
	// unclaimed takes the place of the list of the same name.
	unclaimed map[string]*corev1.Pod
	// hashes count the pods that keep a revision in use, by hash label.
	hashes map[string]int
	// waiting are the pods that are ready but not available, as a minheap.
	waiting []waitingPod
	// ready and gone are sets of update. They are empty between updates.
	ready, gone map[*corev1.Pod]struct{}
	// read is how many pods Update has read in lists of nodes. Tests hold it against the
	// size of the batches.
	read int
}

// home is a pod and the name of the node that it counts on.
type home struct {
	pod  *corev1.Pod
	node string
	// at is where the node was in the list. It may have moved since.
	at int
	// hash is the pod's hash label.
	hash string
}

// keep builds the look-up tables, once.
func (s *Snapshot) keep() {
	if s.kept != nil {
		return
	}
	k := &kept{
		homes:     make(map[string]*home, len(s.nodes)),
		claims:    make(map[string]PodClaim, len(s.claims)),
		uncounted: make(map[string]UncountedPod, len(s.uncounted)),
		unclaimed: make(map[string]*corev1.Pod, len(s.unclaimed)),
		hashes:    make(map[string]int),
		ready:     make(map[*corev1.Pod]struct{}),
		gone:      make(map[*corev1.Pod]struct{}),
	}
	s.eachInUse(func(pod *corev1.Pod) { k.hashes[s.hashOf(pod)]++ })
	for i := range s.nodes {
		n := &s.nodes[i]
		for j := range n.Pods {
			k.homes[n.Pods[j].Pod.Name] = &home{n.Pods[j].Pod, n.Name, i, s.hashOf(n.Pods[j].Pod)}
			k.await(&n.Pods[j], s.in.DaemonSet)
		}
	}
	for _, claim := range s.claims {
		k.claims[claim.Pod.Name] = claim
	}
	for _, u := range s.uncounted {
		k.uncounted[u.Pod.Name] = u
	}
	for _, pod := range s.unclaimed {
		k.unclaimed[pod.Name] = pod
	}
	s.unclaimed = nil
	s.kept = k
}

// drop notes that a pod of the given hash no longer keeps its revision in use.
func (k *kept) drop(hash string) {
	if k.hashes[hash]--; k.hashes[hash] == 0 {
		delete(k.hashes, hash)
	}
}

// await notes when a ready pod becomes available.
func (k *kept) await(p *PodState, ds *appsv1.DaemonSet) {
	if !p.Ready || p.Available {
		return
	}
	if at, ok := availableFrom(readyCondition(p.Pod.Status.Conditions), ds.Spec.MinReadySeconds); ok {
		k.waiting = minheap.Push(k.waiting, waitingPod{at, p.Pod}, waitingPod.before)
	}
}

// position returns the position of the named node, or the one to insert it at.
func (s *Snapshot) position(name string) (int, bool) {
	return slices.BinarySearchFunc(s.nodes, name, func(n NodeState, name string) int { return strings.Compare(n.Name, name) })
}

// fewPods is how long a list of pods may be to be changed at once.
const fewPods = 8

// update carries out one Update. Long lists of pods are changed at its end, once for each
// node, so that a batch may hold any number of pods of one node.
type update struct {
	s *Snapshot
	// touched are the positions of the nodes that have changed, perhaps repeatedly.
	touched []int
	// added are the nodes that are not in the list yet.
	added map[string]*NodeState
	// ready are the pods in lists that have become available, and gone those to take out.
	ready, gone map[*corev1.Pod]struct{}
	arrivals    []arrival
	// claims and uncounted say that the list of the same name has changed.
	claims, uncounted bool
}

// arrival is a pod to put on a node.
type arrival struct {
	node *NodeState
	pod  PodState
}

func newUpdate(s *Snapshot, c *Changes) *update {
	return &update{
		s:       s,
		touched: make([]int, 0, len(c.Nodes)+len(c.DeletedNodes)+2*len(c.Pods)+len(c.DeletedPods)),
		ready:   s.kept.ready,
		gone:    s.kept.gone,
	}
}

// advance makes the pods available that have been ready for long enough.
func (u *update) advance(now time.Time) {
	s := u.s
	if now.IsZero() {
		return
	}
	earlier := now.Before(s.in.Now)
	s.in.Now = now
	if earlier {
		u.retreat()
	}
	for len(s.kept.waiting) > 0 && !s.kept.waiting[0].at.After(now) {
		next := s.kept.waiting[0]
		s.kept.waiting = minheap.Pop(s.kept.waiting, waitingPod.before)
		if h := s.kept.homes[next.pod.Name]; h != nil && h.pod == next.pod {
			u.node(h.node, h.at)
			u.ready[next.pod] = struct{}{}
		}
	}
}

// retreat makes the pods wait again that become available after the new time, which is
// earlier than the last one.
func (u *update) retreat() {
	s := u.s
	ds := s.in.DaemonSet
	if ds.Spec.MinReadySeconds == 0 {
		return
	}
	for i := range s.nodes {
		for j := range s.nodes[i].Pods {
			p := &s.nodes[i].Pods[j]
			if p.Available && !availableAt(readyCondition(p.Pod.Status.Conditions), ds.Spec.MinReadySeconds, s.in.Now) {
				p.Available = false
				s.kept.await(p, ds)
				u.touched = append(u.touched, i)
			}
		}
	}
}

// node returns the named node and its position. It adds a missing one, which has none yet.
// The node is likely at the position guess.
func (u *update) node(name string, guess int) (*NodeState, int) {
	i, ok := guess, guess >= 0 && guess < len(u.s.nodes) && u.s.nodes[guess].Name == name
	if !ok {
		i, ok = u.s.position(name)
	}
	if ok {
		u.touched = append(u.touched, i)
		return &u.s.nodes[i], i
	}
	n, ok := u.added[name]
	if !ok {
		if u.added == nil {
			u.added = make(map[string]*NodeState)
		}
		n = &NodeState{Name: name, Decision: u.s.matcher.Decide(nil)}
		u.added[name] = n
	}
	return n, -1
}

func (u *update) setNode(node *corev1.Node) {
	n, _ := u.node(node.Name, -1)
	n.Node, n.Decision = node, u.s.matcher.Decide(node)
}

func (u *update) deleteNode(name string) {
	if u.s.Node(name) != nil {
		n, _ := u.node(name, -1)
		n.Node, n.Decision = nil, u.s.matcher.Decide(nil)
	}
}

func (u *update) deletePod(name string) {
	u.takeOut(name)
	delete(u.s.kept.homes, name)
}

// takeOut takes a pod out of everything except kept.homes. It returns its home there, or nil.
func (u *update) takeOut(name string) *home {
	k := u.s.kept
	if _, ok := k.claims[name]; ok {
		delete(k.claims, name)
		u.claims = true
	}
	if gone, ok := k.uncounted[name]; ok {
		if gone.Finished {
			k.drop(u.s.hashOf(gone.Pod))
		}
		delete(k.uncounted, name)
		u.uncounted = true
	}
	delete(k.unclaimed, name)
	h := k.homes[name]
	if h == nil {
		return nil
	}
	k.drop(h.hash)
	if n, _ := u.node(h.node, h.at); len(n.Pods) <= fewPods {
		k.read += len(n.Pods)
		n.Pods = slices.DeleteFunc(n.Pods, func(p PodState) bool { return p.Pod == h.pod })
	} else {
		u.gone[h.pod] = struct{}{}
	}
	return h
}

func (u *update) setPod(pod *corev1.Pod) {
	k := u.s.kept
	h, guess := u.takeOut(pod.Name), -1
	if h != nil {
		guess = h.at
	}
	switch is, ok := u.place(pod, guess); {
	case ok && h != nil:
		*h = is
	case ok:
		k.homes[pod.Name] = new(is)
	case h != nil:
		delete(k.homes, pod.Name)
	}
}

// place puts a pod where it belongs. It returns its home if that is a node, likely the one
// at the position guess.
func (u *update) place(pod *corev1.Pod, guess int) (home, bool) {
	s, k := u.s, u.s.kept
	ref := owner.Controller(pod.OwnerReferences)
	if s.claimer.concerns(pod.Namespace, ref) != owner.Own {
		return home{}, false // Validate has refused a contradictory owner.
	}
	claim := s.claimer.claim(ref, pod.DeletionTimestamp != nil, s.claimer.matches(pod.Labels))
	switch claim {
	case ClaimIgnore:
		k.unclaimed[pod.Name] = pod
		return home{}, false
	case ClaimAdopt, ClaimRelease:
		k.claims[pod.Name] = s.podClaim(pod, claim)
		u.claims = true
	}
	if !claim.Owned() {
		return home{}, false
	}
	name, uncounted := target(pod)
	if uncounted != nil {
		if uncounted.Finished {
			k.hashes[s.hashOf(pod)]++
		}
		k.uncounted[pod.Name] = *uncounted
		u.uncounted = true
		return home{}, false
	}
	hash := s.hashOf(pod)
	k.hashes[hash]++
	state := s.podState(pod, claim, hash, readyCondition(pod.Status.Conditions))
	k.await(&state, s.in.DaemonSet)
	n, at := u.node(name, guess)
	if len(n.Pods) < fewPods {
		n.Pods = append(n.Pods, state)
	} else {
		u.arrivals = append(u.arrivals, arrival{n, state})
	}
	return home{pod, name, at, hash}, true
}

// finish puts pods and nodes in order and counts the nodes that have changed.
func (u *update) finish() Changed {
	s := u.s
	if u.claims {
		s.claims = sortedValues(s.kept.claims, compareClaims)
	}
	if u.uncounted {
		s.uncounted = sortedValues(s.kept.uncounted, compareUncounted)
	}
	slices.Sort(u.touched)
	u.touched = slices.Compact(u.touched)
	defer s.trimWaiting()
	if emptied := u.placePods(); u.added == nil && !emptied {
		for _, i := range u.touched {
			s.tallyNode(i)
		}
		if len(u.touched) == 0 {
			return Changed{}
		}
		return Changed{Nodes: u.touched}
	}
	joined := make([]NodeState, 0, len(u.added))
	for _, n := range u.added {
		joined = append(joined, *n)
	}
	slices.SortFunc(joined, compareNodes)
	nodes := make([]NodeState, 0, len(s.nodes)+len(joined))
	for i := range s.nodes {
		for len(joined) > 0 && joined[0].Name < s.nodes[i].Name {
			nodes, joined = append(nodes, joined[0]), joined[1:]
		}
		nodes = append(nodes, s.nodes[i])
	}
	nodes = append(nodes, joined...)
	s.nodes = slices.DeleteFunc(nodes, func(n NodeState) bool { return n.Node == nil && len(n.Pods) == 0 })
	s.tallyAll()
	return Changed{All: true}
}

// placePods changes the lists of pods of all touched nodes. It reports whether a node in
// the list neither exists nor has pods any more.
func (u *update) placePods() (emptied bool) {
	if len(u.ready)+len(u.gone) > 0 {
		for _, i := range u.touched {
			u.removePods(&u.s.nodes[i])
		}
	}
	u.s.kept.ready, u.s.kept.gone = cleared(u.ready), cleared(u.gone)
	for i := range u.arrivals {
		n := u.arrivals[i].node
		n.Pods = append(n.Pods, u.arrivals[i].pod)
	}
	for _, i := range u.touched {
		n := &u.s.nodes[i]
		emptied = emptied || n.Node == nil && len(n.Pods) == 0
		u.tidyPods(n)
	}
	for _, n := range u.added {
		u.tidyPods(n)
	}
	return emptied
}

// cleared returns an empty set: the given one if it is small, because clearing costs what
// the set has room for.
func cleared(set map[*corev1.Pod]struct{}) map[*corev1.Pod]struct{} {
	if len(set) > 16 {
		return make(map[*corev1.Pod]struct{})
	}
	clear(set)
	return set
}

// removePods takes out the pods that are gone. The list may be a part of a shared array,
// which no other list overlaps.
func (u *update) removePods(n *NodeState) {
	u.s.kept.read += len(n.Pods)
	n.Pods = slices.DeleteFunc(n.Pods, func(p PodState) bool {
		_, gone := u.gone[p.Pod]
		return gone
	})
	for j := range n.Pods {
		if _, ready := u.ready[n.Pods[j].Pod]; ready {
			n.Pods[j].Available = true
		}
	}
}

// tidyPods puts the pods in order. Without pods the list is nil.
func (u *update) tidyPods(n *NodeState) {
	u.s.kept.read += len(n.Pods)
	switch {
	case len(n.Pods) == 0:
		n.Pods = nil
	case len(n.Pods) > 1:
		sortPods(n.Pods)
	}
}

func sortedValues[K comparable, V any](m map[K]V, compare func(a, b V) int) []V {
	if len(m) == 0 {
		return nil
	}
	return slices.SortedFunc(maps.Values(m), compare)
}

// waitingPod is a ready pod that becomes available at a time.
type waitingPod struct {
	at  time.Time
	pod *corev1.Pod
}

// before: the soonest is first.
func (w waitingPod) before(other waitingPod) bool {
	return cmp.Or(w.at.Compare(other.at), strings.Compare(w.pod.Name, other.pod.Name)) < 0
}

// trimWaiting forgets pods that are gone or have changed, so that the heap does not
// outgrow the pods.
func (s *Snapshot) trimWaiting() {
	if len(s.kept.waiting) <= 2*len(s.kept.homes)+64 {
		return
	}
	s.kept.waiting = nil
	for i := range s.nodes {
		for j := range s.nodes[i].Pods {
			s.kept.await(&s.nodes[i].Pods[j], s.in.DaemonSet)
		}
	}
}
