package simulate

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/internal/owner"
	"github.com/pernode/daemonset/internal/podstatus"
)

// Apply creates or replaces nodes, pods, ControllerRevisions and DaemonSets, as a
// client would, in the order of the arguments. The objects are copied. It fails with a
// *field.Error on nil, on other types and on missing names, and then changes nothing.
//
//   - A new object gets a UID and the cluster's time as its creation timestamp if it
//     has none. The one that is replaced passes both on.
//   - A DaemonSet gets the defaults of daemon.Default. A new one has generation 1 and no
//     status. A replaced one keeps its status, and its generation is raised if the
//     spec differs (PrepareForUpdate@v1.37.2). It is not validated: daemon.Validate does
//     that. A UID that differs from the stored one is an error.
//   - A pod is stored with its status. Without a name it is named after its generateName,
//     without a phase it is pending. If its status, node or deletion timestamp differs from
//     before, or its last scheduling gate is removed, what was going to happen to it is forgotten,
//     and PodTimes is called again.
//   - A node that stops being ready makes its pods not ready. One that is ready again
//     starts those that are not ready, and ends those that were deleted.
//
// Nodes that join, leave or change their readiness cost one look at every pod, for all
// arguments together.
func (c *Cluster) Apply(objects ...metav1.Object) error {
	if c == nil {
		return field.Required(field.NewPath("cluster"), "")
	}
	c.begin()
	var uids uidCheck
	for i, object := range objects {
		path := field.NewPath("objects").Index(i)
		if err := c.checkObject(path, object); err != nil {
			return err
		}
		if ds, ok := object.(*appsv1.DaemonSet); ok {
			if err := uids.check(c, path, ds); err != nil {
				return err
			}
		}
	}
	for _, object := range objects {
		c.noteNumbers(object)
	}
	changes := map[string]nodeChange{}
	for _, object := range objects {
		switch o := object.(type) {
		case *corev1.Node:
			c.applyNode(o.DeepCopy(), changes)
		case *corev1.Pod:
			c.applyPod(o.DeepCopy())
		case *appsv1.ControllerRevision:
			rev := o.DeepCopy()
			var old metav1.Object
			if stored := c.namespace(rev.Namespace).revisions[rev.Name]; stored != nil {
				old = stored
			}
			c.identify(rev, old)
			c.putRevision(rev)
		case *appsv1.DaemonSet:
			c.applyDaemonSet(o)
		}
	}
	c.restart(changes)
	return nil
}

// checkObject refuses nil, other types and missing names.
func (c *Cluster) checkObject(path *field.Path, object metav1.Object) error {
	missing, named := false, true
	switch o := object.(type) {
	case *corev1.Node:
		missing = o == nil
	case *corev1.Pod:
		if missing = o == nil; !missing {
			named = o.Name != "" || o.GenerateName != ""
		}
		if !missing && named && o.Name == "" {
			return nil
		}
	case *appsv1.ControllerRevision:
		missing = o == nil
	case *appsv1.DaemonSet:
		missing = o == nil
	case nil:
		missing = true
	default:
		return field.TypeInvalid(path, fmt.Sprintf("%T", object), "must be a node, a pod, a ControllerRevision or a DaemonSet")
	}
	if missing {
		return field.Required(path, "")
	}
	if !named || object.GetName() == "" {
		return field.Required(path.Child("metadata", "name"), "")
	}
	return nil
}

// uidCheck holds the UIDs and kinds of the DaemonSets that earlier objects of one call will
// have stored. The server makes the UIDs that are empty.
type uidCheck map[types.NamespacedName]checkedSet

type checkedSet struct {
	uid  types.UID
	kind owner.Identity
}

// check refuses a DaemonSet with another UID or another kind than the stored one.
func (u *uidCheck) check(c *Cluster, path *field.Path, ds *appsv1.DaemonSet) error {
	key := types.NamespacedName{Namespace: ds.Namespace, Name: ds.Name}
	id, err := owner.At(path, ds)
	if err != nil {
		return err
	}
	stored, known := (*u)[key]
	made := known && stored.uid == ""
	if s := c.set(ds); !known && s != nil {
		stored.uid = s.ds.UID
		stored.kind, err = owner.Of(s.ds)
		known = err == nil
	}
	if known && !stored.kind.SameKindAs(&id) {
		return field.Invalid(path.Child("kind"), id.Kind(), "the stored object of that name has the kind "+stored.kind.Kind())
	}
	uid := stored.uid
	if ds.UID != "" && (made || uid != "" && ds.UID != uid) {
		return field.Invalid(path.Child("metadata", "uid"), ds.UID, "another DaemonSet of that name is stored")
	}
	if *u == nil {
		*u = make(uidCheck)
	}
	(*u)[key] = checkedSet{cmp.Or(uid, ds.UID), id}
	return nil
}

// identify gives an object the UID and the creation timestamp that it lacks: those of the
// one that it replaces, or new ones if old is nil.
func (c *Cluster) identify(object, old metav1.Object) {
	uid, created := types.UID(""), metav1.NewTime(c.now)
	if old != nil {
		uid, created = old.GetUID(), old.GetCreationTimestamp()
	}
	if object.GetUID() == "" {
		if old == nil {
			uid = c.newUID()
		}
		object.SetUID(uid)
	}
	if at := object.GetCreationTimestamp(); at.IsZero() {
		object.SetCreationTimestamp(created)
	}
}

// uidPrefix is what all UIDs of a cluster begin with.
const uidPrefix = "uid-"

func (c *Cluster) newUID() types.UID {
	c.made++
	return types.UID(numbered(uidPrefix, c.made))
}

// numbered returns a prefix with a number behind it.
func numbered(prefix string, n int) string {
	var buffer [64]byte
	return string(strconv.AppendInt(append(buffer[:0], prefix...), int64(n), 10))
}

// noteNumbers lets the numbers of names and UIDs to come be above those of an object and of its
// owners, which another cluster may have made: nothing new is taken for them.
func (c *Cluster) noteNumbers(object metav1.Object) {
	c.made = max(c.made, numberBehind(string(object.GetUID()), uidPrefix))
	for _, ref := range object.GetOwnerReferences() {
		c.made = max(c.made, numberBehind(string(ref.UID), uidPrefix))
	}
	if prefix := object.GetGenerateName(); prefix != "" {
		c.named = max(c.named, numberBehind(object.GetName(), prefix))
	}
}

// numberBehind returns the decimal number behind a prefix. It is zero if anything else is there,
// and for numbers that no cluster counts to.
func numberBehind(s, prefix string) int {
	const mostDigits = 9
	digits, ok := strings.CutPrefix(s, prefix)
	if !ok || len(digits) > mostDigits {
		return 0
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

func (c *Cluster) applyNode(node *corev1.Node, changes map[string]nodeChange) {
	var old *corev1.Node
	h := c.nodes[node.Name]
	if h == nil {
		c.identify(node, nil)
		h = &host{node: node}
		c.nodes[node.Name] = h
	} else {
		old = h.node
		c.identify(node, old)
		h.node = node
	}
	worked, works := c.kubeletWorks(old), c.kubeletWorks(node)
	if old == nil || worked != works {
		changes[node.Name] = nodeChange{stopped: worked && !works, returned: works}
	}
	c.nodeChanged(node.Name)
	c.eachSet(func(s *set) {
		s.update(daemon.Changes{Nodes: []*corev1.Node{node}})
		s.tally.touch(node.Name, h)
	})
}

func (c *Cluster) applyPod(pod *corev1.Pod) {
	if pod.Name == "" {
		c.name(pod)
	}
	pod.Status.Phase = cmp.Or(pod.Status.Phase, corev1.PodPending)
	ns := c.namespace(pod.Namespace)
	p := ns.pods[pod.Name]
	if p == nil {
		c.identify(pod, nil)
		c.sayGated(pod)
		c.addPod(ns, pod, nil)
		return
	}
	c.identify(pod, p.pod)
	if c.gated(pod) == c.gated(p.pod) && pod.Spec.NodeName == p.pod.Spec.NodeName && pod.DeletionTimestamp.Equal(p.pod.DeletionTimestamp) &&
		equality.Semantic.DeepEqual(pod.Status, p.pod.Status) {
		c.putPod(ns, p, pod, p.life)
		return
	}
	c.live(ns, p, pod)
}

func (c *Cluster) applyDaemonSet(ds *appsv1.DaemonSet) {
	ns := c.namespace(ds.Namespace)
	if s := ns.set(ds.Name); s != nil {
		c.putDaemonSet(s, updated(daemon.Default(ds), s.ds))
		return
	}
	ds = daemon.Default(ds)
	c.identify(ds, nil)
	ds.Generation, ds.Status = 1, appsv1.DaemonSetStatus{}
	s := &set{ds: ds, due: true}
	c.putSet(ns, s)
	pods := byName(ns.pods)
	s.countLoad(func(yield func(*corev1.Pod) bool) {
		for _, p := range pods {
			if !yield(p.pod) {
				return
			}
		}
	})
	for _, p := range pods {
		c.scheduleAvailable(ns, p, s)
	}
}

// Delete deletes objects, as a client would, by their namespaces and names. Those that
// are not stored are passed over. It fails with a *field.Error on nil, on other types and
// on missing names, and then changes nothing.
//
//   - A pod that is bound terminates: its deletion timestamp is the end of its grace
//     period. One that is not bound or has finished is gone at once. So is any pod if
//     the argument's deletionGracePeriodSeconds is zero, as with kubectl delete --force
//     (BeforeDelete@v0.37.2, CheckGracefulDelete@v1.37.2).
//   - A node is gone at once, and pod garbage collection ends its pods.
//   - A DaemonSet is gone at once. Its revisions are deleted and its pods terminate, as
//     with background propagation. To delete it in the foreground, apply it with a
//     deletion timestamp.
//
// Finalizers have no effect.
func (c *Cluster) Delete(objects ...metav1.Object) error {
	if c == nil {
		return field.Required(field.NewPath("cluster"), "")
	}
	c.begin()
	for i, object := range objects {
		path := field.NewPath("objects").Index(i)
		if err := c.checkObject(path, object); err != nil {
			return err
		}
		if object.GetName() == "" {
			return field.Required(path.Child("metadata", "name"), "")
		}
		if ds, ok := object.(*appsv1.DaemonSet); ok {
			if err := new(uidCheck).check(c, path, ds); err != nil {
				return err
			}
		}
	}
	changes := map[string]nodeChange{}
	for _, object := range objects {
		switch o := object.(type) {
		case *corev1.Node:
			if c.nodes[o.Name] == nil {
				continue
			}
			delete(c.nodes, o.Name)
			delete(c.problems, o.Name) // Another node of that name is another machine.
			c.nodeChanged(o.Name)
			c.tidy(o.Name)
			changes[o.Name] = nodeChange{}
			c.eachSet(func(s *set) {
				s.update(daemon.Changes{DeletedNodes: []string{o.Name}})
				s.tally.touch(o.Name, nil)
			})
		case *corev1.Pod:
			ns := c.namespace(o.Namespace)
			if p := ns.pods[o.Name]; p != nil {
				c.deletePod(ns, p, o.DeletionGracePeriodSeconds)
			}
		case *appsv1.ControllerRevision:
			c.removeRevision(o.Namespace, o.Name)
		case *appsv1.DaemonSet:
			if s := c.set(o); s != nil {
				c.deleteDaemonSet(s.ds)
			}
		}
	}
	if len(changes) > 0 {
		maps.DeleteFunc(c.failures, func(of failing, _ int) bool {
			_, gone := changes[of.name]
			return gone
		})
	}
	c.restart(changes)
	return nil
}

// deleteDaemonSet deletes a DaemonSet and what it owns.
func (c *Cluster) deleteDaemonSet(ds *appsv1.DaemonSet) {
	id, err := owner.Of(ds)
	if err != nil { // cannot happen: Apply has refused such a DaemonSet
		return
	}
	owns := func(object metav1.Object) bool {
		ref := metav1.GetControllerOfNoCopy(object)
		return ref != nil && id.Relation(ref) == owner.Own
	}
	ns := c.namespaces[ds.Namespace]
	ns.set(ds.Name).due = false // A Run may still hold it.
	ns.sets = slices.DeleteFunc(slices.Clone(ns.sets), func(s *set) bool { return s.ds.Name == ds.Name })
	c.sorted, c.ranked = nil, nil
	for _, name := range slices.Sorted(maps.Keys(ns.revisions)) {
		if owns(ns.revisions[name]) {
			c.removeRevision(ds.Namespace, name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(ns.pods)) {
		if p := ns.pods[name]; owns(p.pod) {
			c.deletePod(ns, p, nil)
		}
	}
}

// deletePod requests the deletion of a pod, with the grace period of its spec
// unless it is to go at once.
func (c *Cluster) deletePod(ns *namespace, p *stored, graceSeconds *int64) {
	grace := gracePeriod(p.pod)
	atOnce := p.pod.Spec.NodeName == "" || podstatus.Finished(p.pod) || grace == 0 || graceSeconds != nil && *graceSeconds <= 0
	switch {
	case atOnce:
		c.removePod(ns, p)
		return
	case p.pod.DeletionTimestamp != nil:
		return
	}
	var deleted struct {
		pod     corev1.Pod
		at      metav1.Time
		seconds int64
	}
	deleted.pod, deleted.at, deleted.seconds = *p.pod, metav1.NewTime(c.now.Add(grace)), int64(grace.Seconds())
	deleted.pod.DeletionTimestamp, deleted.pod.DeletionGracePeriodSeconds = &deleted.at, &deleted.seconds
	c.live(ns, p, &deleted.pod)
}

// createPod stores the pod of a controller, which is not shared yet, and binds it if
// that takes no time.
func (c *Cluster) createPod(pod *corev1.Pod) {
	ns := c.namespace(pod.Namespace)
	c.name(pod)
	pod.UID = c.newUID()
	pod.CreationTimestamp = metav1.NewTime(c.now)
	pod.Status.Phase = corev1.PodPending
	c.sayGated(pod)
	h, name := c.hostOf(pod, nil)
	if pod.Spec.NodeName == "" && !c.gated(pod) && !c.isDue() {
		// Nothing comes before it, so it needs no event.
		if h != nil && c.times(h.node, pod).BoundAfter == 0 &&
			c.fits(h.node, pod) && c.problemOf(ns, h.node, pod, unscheduled) == nil {
			c.bind(pod, name)
		}
	}
	c.addPod(ns, pod, h)
}

// name gives a pod a name that is not taken.
func (c *Cluster) name(pod *corev1.Pod) {
	ns := c.namespace(pod.Namespace)
	const tries = 1000
	for try := 0; ; try++ {
		c.named++
		name := numbered(pod.GenerateName, c.named)
		if c.Options.PodName != nil && try < tries {
			name = c.Options.PodName(pod.GenerateName, c.named)
		}
		if _, taken := ns.pods[name]; !taken && name != "" {
			pod.Name = name
			return
		}
	}
}

// addPod stores a new pod, likely for the node h, and schedules what becomes of it.
func (c *Cluster) addPod(ns *namespace, pod *corev1.Pod, h *host) {
	p := &stored{host: h}
	ns.pods[pod.Name] = p
	c.live(ns, p, pod)
}

// putPod replaces the object of a pod and reports it to the controllers and the watch.
func (c *Cluster) putPod(ns *namespace, p *stored, pod *corev1.Pod, life int) {
	old := p.pod
	p.pod, p.life = pod, life
	if pod == old {
		return
	}
	was := p.host
	wasOn, _ := daemon.TargetNode(old)
	var isOn string
	p.host, isOn = c.hostOf(pod, was)
	c.account(ns, old, pod)
	for _, s := range ns.sets {
		watched, watches := s.watches(old), s.watches(pod)
		if !watched && !watches {
			continue
		}
		if !watched && old != nil {
			c.scheduleAvailable(ns, p, s)
		}
		s.updatePod(pod)
		if isOn != wasOn {
			s.tally.touch(wasOn, was)
		}
		s.tally.touch(isOn, p.host)
	}
	if c.Options.WatchPods != nil {
		c.Options.WatchPods(c.now, old, pod)
	}
}

func (c *Cluster) removePod(ns *namespace, p *stored) {
	pod := p.pod
	p.life = 0
	node, _ := daemon.TargetNode(pod)
	delete(ns.pods, pod.Name)
	delete(c.failures, failingPod(pod))
	c.account(ns, pod, nil)
	for _, s := range ns.sets {
		if !s.watches(pod) {
			continue
		}
		s.removePod(pod.Name)
		s.tally.touch(node, p.host)
	}
	if c.Options.WatchPods != nil {
		c.Options.WatchPods(c.now, pod, nil)
	}
}

func (c *Cluster) putRevision(rev *appsv1.ControllerRevision) {
	ns := c.namespace(rev.Namespace)
	ns.revisions[rev.Name], ns.templates = rev, nil
	for _, s := range ns.sets {
		s.update(daemon.Changes{Revisions: []*appsv1.ControllerRevision{rev}})
		s.tally.stale = true
	}
}

func (c *Cluster) removeRevision(namespace, name string) {
	ns := c.namespace(namespace)
	if ns.revisions[name] == nil {
		return
	}
	delete(ns.revisions, name)
	ns.templates = nil
	for _, s := range ns.sets {
		s.update(daemon.Changes{DeletedRevisions: []string{name}})
		s.tally.stale = true
	}
}

// putDaemonSet stores a changed DaemonSet.
func (c *Cluster) putDaemonSet(s *set, ds *appsv1.DaemonSet) {
	waits := ds.Spec.MinReadySeconds != s.ds.Spec.MinReadySeconds
	s.ds, c.ranked = ds, nil
	s.update(daemon.Changes{DaemonSet: ds})
	s.tally.stale = true
	if waits {
		ns := c.namespace(ds.Namespace)
		for _, name := range slices.Sorted(maps.Keys(ns.pods)) {
			c.scheduleAvailable(ns, ns.pods[name], s)
		}
	}
}

// putStatus stores a status of a DaemonSet.
func (c *Cluster) putStatus(s *set, status appsv1.DaemonSetStatus) {
	ds := *s.ds
	ds.Status = status
	s.ds = &ds
	s.update(daemon.Changes{DaemonSet: s.ds})
}

func (c *Cluster) eachSet(do func(*set)) {
	for _, ns := range c.namespaces {
		for _, s := range ns.sets {
			do(s)
		}
	}
}

// updated returns a copy of cur as the API server stores it in the place of old
// (BeforeUpdate@v0.37.2, PrepareForUpdate@v1.37.2). What a client cannot change comes from
// old: status, generation and creation timestamp, and kind, name, namespace, UID and
// resource version if cur leaves them empty.
func updated(cur, old *appsv1.DaemonSet) *appsv1.DaemonSet {
	out := cur.DeepCopy()
	if out.APIVersion == "" && out.Kind == "" {
		out.TypeMeta = old.TypeMeta
	}
	if out.Name == "" {
		out.Name = old.Name
	}
	if out.Namespace == "" {
		out.Namespace = old.Namespace
	}
	if out.UID == "" {
		out.UID = old.UID
	}
	if out.ResourceVersion == "" {
		out.ResourceVersion = old.ResourceVersion
	}
	out.CreationTimestamp = old.CreationTimestamp
	out.Generation = old.Generation
	out.Status = *old.Status.DeepCopy()
	sameTemplate := equality.Semantic.DeepEqual(out.Spec.Template, old.Spec.Template)
	if !equality.Semantic.DeepEqual(out.Spec, old.Spec) {
		out.Generation = next(out.Generation)
	}
	// The template generation is a field inside the server and an annotation outside.
	annotation, ok := old.Annotations[appsv1.DeprecatedTemplateGeneration]
	if !ok {
		delete(out.Annotations, appsv1.DeprecatedTemplateGeneration)
		return out
	}
	if generation, err := strconv.ParseInt(annotation, 10, 64); err == nil && !sameTemplate {
		annotation = strconv.FormatInt(next(generation), 10)
	}
	if out.Annotations == nil {
		out.Annotations = make(map[string]string, 1)
	}
	out.Annotations[appsv1.DeprecatedTemplateGeneration] = annotation
	return out
}

// next returns the generation after n. The last one is its own successor.
func next(n int64) int64 {
	if n == math.MaxInt64 {
		return n
	}
	return n + 1
}
