package daemon

import (
	"cmp"
	"container/heap"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// Changes are changes of the facts in a Snapshot, in one batch. The zero Changes
// change nothing. The objects are read-only from then on.
type Changes struct {
	// DaemonSet is the new DaemonSet; nil where it has not changed. Its namespace, name
	// and UID must stay the same.
	DaemonSet *appsv1.DaemonSet
	// Nodes are the nodes that are new or have changed. A nil entry, an empty name
	// and a repeated name are errors.
	Nodes []*corev1.Node
	// DeletedNodes are the names of the nodes that are gone. Their pods stay until
	// they are deleted. Unknown names change nothing.
	DeletedNodes []string
	// Pods are the pods that are new or have changed, as in Input.Pods. A nil entry,
	// an empty name and a repeated name are errors; pods of other namespaces are
	// ignored.
	Pods []*corev1.Pod
	// DeletedPods are the names of the pods of the DaemonSet's namespace that are
	// gone. Unknown names change nothing.
	DeletedPods []string
	// Revisions are the ControllerRevisions that are new or have changed, as in
	// Input.Revisions.
	Revisions []*appsv1.ControllerRevision
	// DeletedRevisions are the names of the ControllerRevisions of the DaemonSet's
	// namespace that are gone. Unknown names change nothing.
	DeletedRevisions []string
	// Now is the new time; zero where it has not changed.
	Now time.Time
	// Backoff is the Plan.Backoff of the last pass; nil where it has not changed.
	Backoff Backoff
}

// Changed says which nodes of a Snapshot an Update has changed. The zero Changed
// means none.
type Changed struct {
	// All says that positions have moved or that every node may have changed.
	// Nodes is nil then.
	All bool
	// Nodes are positions in Snapshot.Nodes, ascending.
	Nodes []int
}

// Update brings the snapshot up to date. Reconcile, Status and all other functions
// then return what they return for a new snapshot of the same facts. Deletions are
// applied before changes.
//
// The cost grows with the batch, and not with the cluster, with these exceptions. Nodes
// that join or leave cost one copy of the node list per batch, so collect them. A change
// of Snapshot.Claims or Snapshot.Uncounted sorts that list. A change of the DaemonSet's
// spec or of the current revision, and an earlier time, cost as much as Observe. The
// first Update builds look-up tables for all pods.
//
// It fails with a *field.Error that names the field, and then changes nothing.
func (s *Snapshot) Update(c Changes) (Changed, error) {
	if s == nil || s.in.DaemonSet == nil {
		return Changed{}, field.Required(field.NewPath("snapshot"), "")
	}
	if err := c.Validate(s.in.DaemonSet); err != nil {
		return Changed{}, err
	}
	rebuild, err := s.setFacts(&c)
	if err != nil {
		return Changed{}, err
	}
	if rebuild != nil {
		return Changed{All: true}, s.rebuild(*rebuild, &c)
	}
	s.keep()
	u := update{s: s}
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

// Empty reports whether the batch holds no change of an object or the backoff. Now
// may still be set.
func (c Changes) Empty() bool {
	return c.DaemonSet == nil && c.Backoff == nil && len(c.Nodes)+len(c.DeletedNodes)+len(c.Pods)+len(c.DeletedPods)+
		len(c.Revisions)+len(c.DeletedRevisions) == 0
}

// Validate checks the batch for a snapshot of the given DaemonSet, and fails where
// Update fails before it changes anything.
func (c Changes) Validate(ds *appsv1.DaemonSet) error {
	if ds == nil {
		return field.Required(field.NewPath("daemonSet"), "")
	}
	if c.DaemonSet != nil && (c.DaemonSet.Namespace != ds.Namespace || c.DaemonSet.Name != ds.Name || c.DaemonSet.UID != ds.UID) {
		return field.Invalid(field.NewPath("daemonSet", "metadata"), c.DaemonSet.Namespace+"/"+c.DaemonSet.Name,
			"is another DaemonSet than "+ds.Namespace+"/"+ds.Name+": namespace, name and UID must not change")
	}
	if err := checkNames("nodes", c.Nodes, func(n *corev1.Node) string { return n.Name }); err != nil {
		return err
	}
	inNamespace := func(name, namespace string) string {
		if namespace != ds.Namespace {
			return namespace + "/" + name
		}
		return name
	}
	if err := checkNames("pods", c.Pods, func(p *corev1.Pod) string { return inNamespace(p.Name, p.Namespace) }); err != nil {
		return err
	}
	return checkNames("revisions", c.Revisions, func(r *appsv1.ControllerRevision) string { return inNamespace(r.Name, r.Namespace) })
}

// checkNames refuses nil entries, empty names and repeated names.
func checkNames[T any](list string, objects []*T, name func(*T) string) error {
	var seen map[string]bool
	at := func(i int) *field.Path { return field.NewPath(list).Index(i) }
	for i, object := range objects {
		if object == nil {
			return field.Required(at(i), "")
		}
		n := name(object)
		if n == "" {
			return field.Required(at(i).Child("metadata", "name"), "")
		}
		if len(objects) == 1 {
			return nil
		}
		if seen == nil {
			seen = make(map[string]bool, len(objects))
		}
		if seen[n] {
			return field.Duplicate(at(i).Child("metadata", "name"), n)
		}
		seen[n] = true
	}
	return nil
}

// setFacts sets the DaemonSet, the revisions and the backoff where they leave the states
// of nodes and pods valid. Otherwise it returns the input of a rebuild.
func (s *Snapshot) setFacts(c *Changes) (*Input, error) {
	in := s.in
	if c.Backoff != nil {
		in.Backoff = c.Backoff
	}
	if c.DaemonSet != nil {
		in.DaemonSet = c.DaemonSet
	}
	newRules := c.DaemonSet != nil && !sameRules(c.DaemonSet, s.in.DaemonSet)
	if newRules || len(c.Revisions)+len(c.DeletedRevisions) > 0 || c.DaemonSet != nil && s.hashFromTemplate() {
		in.Revisions = s.revisionsAfter(c)
		if newRules {
			return &in, nil
		}
		revisions, err := observeRevisions(&in, s.claimer)
		if err != nil {
			return nil, err
		}
		if revisions.hash != s.revisions.hash || revisions.relabel != s.revisions.relabel {
			return &in, nil
		}
		in.Revisions = nil
		s.revisions = revisions
	}
	if !c.Now.IsZero() && c.Now.Before(s.in.Now) {
		in.Revisions = s.revisionsAfter(&Changes{})
		return &in, nil
	}
	in.Now = s.in.Now // moved on by update.advance
	s.in = in
	s.builder.ds = in.DaemonSet
	return nil, nil
}

// hashFromTemplate reports whether the hash depends on status.collisionCount.
func (s *Snapshot) hashFromTemplate() bool {
	return !slices.ContainsFunc(s.revisions.list, func(r RevisionState) bool { return r.Current })
}

// sameRules reports whether nodes and pods have the same states for both DaemonSets.
func sameRules(a, b *appsv1.DaemonSet) bool {
	return (a.DeletionTimestamp == nil) == (b.DeletionTimestamp == nil) &&
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

// Input returns the facts of the snapshot, from which Observe makes an equal one.
// Nodes, pods and revisions are ordered by name. Pods of other owners are left out. The
// lists are the caller's own, the objects read-only.
func (s *Snapshot) Input() Input {
	if s == nil {
		return Input{}
	}
	in := s.in
	for i := range s.nodes {
		n := &s.nodes[i]
		if n.Node != nil {
			in.Nodes = append(in.Nodes, n.Node)
		}
		for j := range n.Pods {
			in.Pods = append(in.Pods, n.Pods[j].Pod)
		}
	}
	for _, claim := range s.claims {
		if !claim.Claim.Owned() {
			in.Pods = append(in.Pods, claim.Pod)
		}
	}
	for _, u := range s.uncounted {
		in.Pods = append(in.Pods, u.Pod)
	}
	in.Pods = append(in.Pods, s.unclaimed...)
	if s.kept != nil {
		in.Pods = slices.AppendSeq(in.Pods, maps.Values(s.kept.unclaimed))
	}
	slices.SortFunc(in.Pods, func(a, b *corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	for _, r := range s.revisions.list {
		in.Revisions = append(in.Revisions, r.Revision)
	}
	return in
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
	// homes are the names of the nodes that pods count on, by pod.
	homes map[string]string
	// claims and uncounted hold the entries of the lists of the same name.
	claims    map[string]PodClaim
	uncounted map[string]UncountedPod
	// unclaimed takes the place of the list of the same name.
	unclaimed map[string]*corev1.Pod
	// hashes count the pods that keep a revision in use, by hash label.
	hashes map[string]int
	// waiting are the pods that are ready but not available.
	waiting waitingPods
}

// keep builds the look-up tables, once.
func (s *Snapshot) keep() {
	if s.kept != nil {
		return
	}
	k := &kept{
		homes:     make(map[string]string, len(s.nodes)),
		claims:    make(map[string]PodClaim, len(s.claims)),
		uncounted: make(map[string]UncountedPod, len(s.uncounted)),
		unclaimed: make(map[string]*corev1.Pod, len(s.unclaimed)),
		hashes:    make(map[string]int),
	}
	s.eachInUse(func(pod *corev1.Pod) { k.hashes[hashOf(pod)]++ })
	for i := range s.nodes {
		n := &s.nodes[i]
		for j := range n.Pods {
			k.homes[n.Pods[j].Pod.Name] = n.Name
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

// drop notes that a pod no longer keeps its revision in use.
func (k *kept) drop(pod *corev1.Pod) {
	hash := hashOf(pod)
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
		heap.Push(&k.waiting, waitingPod{at, p.Pod})
	}
}

// position returns where the named node is among the nodes, or would be.
func (s *Snapshot) position(name string) (int, bool) {
	return slices.BinarySearchFunc(s.nodes, name, func(n NodeState, name string) int { return strings.Compare(n.Name, name) })
}

// update carries out one Update.
type update struct {
	s *Snapshot
	// touched are the positions of the nodes that have changed, perhaps repeatedly.
	touched []int
	// added are the nodes that are not in the list yet. emptied says that a node in the
	// list may neither exist nor have pods any more.
	added   map[string]*NodeState
	emptied bool
	// claims and uncounted say that the list of the same name has changed.
	claims, uncounted bool
}

// advance makes the pods available that have been ready for long enough.
func (u *update) advance(now time.Time) {
	s := u.s
	if now.IsZero() {
		return
	}
	s.in.Now = now
	for len(s.kept.waiting) > 0 && !s.kept.waiting[0].at.After(now) {
		next := heap.Pop(&s.kept.waiting).(waitingPod)
		home, ok := s.kept.homes[next.pod.Name]
		if !ok {
			continue
		}
		n := u.node(home)
		for j := range n.Pods {
			if n.Pods[j].Pod == next.pod {
				// The list may be a part of a shared array, which no other list overlaps.
				n.Pods[j].Available = true
			}
		}
	}
}

// node returns the named node, which it adds where it is missing.
func (u *update) node(name string) *NodeState {
	if i, ok := u.s.position(name); ok {
		u.touched = append(u.touched, i)
		return &u.s.nodes[i]
	}
	n, ok := u.added[name]
	if !ok {
		if u.added == nil {
			u.added = make(map[string]*NodeState)
		}
		n = &NodeState{Name: name, Decision: u.s.matcher.Decide(nil)}
		u.added[name] = n
	}
	return n
}

func (u *update) setNode(node *corev1.Node) {
	n := u.node(node.Name)
	n.Node, n.Decision = node, u.s.matcher.Decide(node)
}

func (u *update) deleteNode(name string) {
	if u.s.Node(name) == nil && u.added[name] == nil {
		return
	}
	n := u.node(name)
	n.Node, n.Decision = nil, u.s.matcher.Decide(nil)
	u.emptied = u.emptied || len(n.Pods) == 0
}

func (u *update) deletePod(name string) {
	k := u.s.kept
	if _, ok := k.claims[name]; ok {
		delete(k.claims, name)
		u.claims = true
	}
	if gone, ok := k.uncounted[name]; ok {
		if gone.Finished {
			k.drop(gone.Pod)
		}
		delete(k.uncounted, name)
		u.uncounted = true
	}
	delete(k.unclaimed, name)
	home, ok := k.homes[name]
	if !ok {
		return
	}
	delete(k.homes, name)
	n := u.node(home)
	n.Pods = slices.DeleteFunc(n.Pods, func(p PodState) bool {
		if p.Pod.Name != name {
			return false
		}
		k.drop(p.Pod)
		return true
	})
	if len(n.Pods) == 0 {
		n.Pods = nil
		u.emptied = u.emptied || n.Node == nil
	}
}

func (u *update) setPod(pod *corev1.Pod) {
	u.deletePod(pod.Name)
	s := u.s
	claim := s.claimer.Pod(pod)
	switch claim {
	case ClaimIgnore:
		if s.claimer.concerns(pod.Namespace, controllerOf(pod.OwnerReferences)) {
			s.kept.unclaimed[pod.Name] = pod
		}
		return
	case ClaimAdopt, ClaimRelease:
		s.kept.claims[pod.Name] = s.podClaim(pod, claim)
		u.claims = true
	}
	if !claim.Owned() {
		return
	}
	name, uncounted := target(pod)
	if uncounted != nil {
		if uncounted.Finished {
			s.kept.hashes[hashOf(pod)]++
		}
		s.kept.uncounted[pod.Name] = *uncounted
		u.uncounted = true
		return
	}
	s.kept.hashes[hashOf(pod)]++
	state := s.podState(pod, claim, hashOf(pod), readyCondition(pod.Status.Conditions))
	s.kept.homes[pod.Name] = name
	s.kept.await(&state, s.in.DaemonSet)
	n := u.node(name)
	// A list of one pod may be a part of a shared array: never write behind it.
	n.Pods = append(slices.Clip(n.Pods), state)
	if len(n.Pods) > 1 {
		sortPods(n.Pods)
	}
}

// finish puts the nodes in order and counts those that have changed.
func (u *update) finish() Changed {
	s := u.s
	if u.claims {
		s.claims = sortedValues(s.kept.claims, compareClaims)
	}
	if u.uncounted {
		s.uncounted = sortedValues(s.kept.uncounted, compareUncounted)
	}
	if u.added == nil && !u.emptied {
		slices.Sort(u.touched)
		u.touched = slices.Compact(u.touched)
		for _, i := range u.touched {
			s.tallyNode(i)
		}
		s.trimWaiting()
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
	s.trimWaiting()
	return Changed{All: true}
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

// waitingPods is a heap, the soonest first.
type waitingPods []waitingPod

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

func (w waitingPods) Len() int { return len(w) }
func (w waitingPods) Less(i, j int) bool {
	return cmp.Or(w[i].at.Compare(w[j].at), strings.Compare(w[i].pod.Name, w[j].pod.Name)) < 0
}
func (w waitingPods) Swap(i, j int) { w[i], w[j] = w[j], w[i] }

// Push implements heap.Interface.
func (w *waitingPods) Push(x any) { *w = append(*w, x.(waitingPod)) }

// Pop implements heap.Interface.
func (w *waitingPods) Pop() any {
	last := (*w)[len(*w)-1]
	*w = (*w)[:len(*w)-1]
	return last
}
