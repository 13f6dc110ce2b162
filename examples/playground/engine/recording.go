package engine

import (
	"cmp"
	"fmt"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// frame is one moment of a recording: what has changed since the one before, and what is
// known besides.
type frame struct {
	at time.Time
	// action says that the user did something, rather than the controller.
	action bool
	title  string
	lines  []string

	pods  []podChange
	nodes []nodeChange
	// ds and revisions are those after the frame.
	ds        *appsv1.DaemonSet
	revisions []*appsv1.ControllerRevision
	backoff   daemon.Backoff
	trial     *rollout.CanaryTrial

	// updated counts the ready pods of the current template.
	desired, available, updated int
	// held counts what the policy holds back.
	held []rollout.Restricted
	*segment
}

// segment is what stays the same until the next action.
type segment struct {
	// applied are the texts applied last.
	applied  *parsed
	controls Controls
	policy   rollout.Policy
	// broken are the nodes with a fault that their objects do not show.
	broken map[string]*fault
}

type podChange struct{ old, cur *corev1.Pod }

type nodeChange struct{ old, cur *corev1.Node }

// shown is the facts at one frame.
type shown struct {
	frame int
	pods  map[string]*corev1.Pod
	nodes map[string]*corev1.Node
	// observed are the snapshots of the last few specs of the DaemonSet, the latest first.
	observed []*observed
	// layout counts the changes of nodes.
	layout int
}

// observed is a snapshot of some frame. To show the same spec again costs what has changed since:
// pods and nodes have the objects that the snapshot knows in place of those.
type observed struct {
	snapshot  *daemon.Snapshot
	frame     int
	revisions []*appsv1.ControllerRevision
	pods      map[string]*corev1.Pod
	nodes     map[string]*corev1.Node
}

// mostObserved is of how many specs the snapshots are kept.
const mostObserved = 4

func podKey(pod *corev1.Pod) string { return pod.Namespace + "/" + pod.Name }

// recording is a list of frames, the facts at one of them, and the cluster that plays on.
type recording struct {
	frames []*frame
	shown  shown

	cluster *simulate.Cluster
	next    func() (*simulate.Pass, error, bool)
	stop    func()
	done    bool
	// pods are the changes since the last frame, and fail the pods whose image is missing.
	pods []podChange
	fail []*corev1.Pod
	// ready counts the ready pods that are not terminating by their revision hash.
	ready map[string]int
	hash  string
}

// newRecording begins a recording with some facts.
func newRecording(in daemon.Input, seg *segment) (*recording, error) {
	r := &recording{shown: shown{pods: map[string]*corev1.Pod{}, nodes: map[string]*corev1.Node{}}}
	for _, pod := range in.Pods {
		r.shown.pods[podKey(pod)] = pod
	}
	for _, node := range in.Nodes {
		r.shown.nodes[node.Name] = node
	}
	f := &frame{at: in.Now, title: "the cluster as it is", ds: in.DaemonSet, revisions: in.Revisions, segment: seg}
	r.frames = []*frame{f}
	r.count(f)
	return r, r.play(in, seg, nil)
}

// play begins a cluster that goes on from some facts. change may change it before it runs. With an
// error the cluster before can go on, if the caller puts back what r was.
func (r *recording) play(in daemon.Input, seg *segment, change func(*simulate.Cluster) error) error {
	r.done, r.pods, r.fail, r.ready = false, nil, nil, map[string]int{}
	for _, pod := range in.Pods {
		r.tally(pod, 1)
	}
	last := r.frames[len(r.frames)-1]
	number := len(r.frames)
	opts := simulate.Options{
		Policy: seg.policy, CanaryTrial: last.trial, PodTimes: seg.podTimes, WatchPods: r.watch(seg),
		PodName: func(generateName string, n int) string { return generateName + suffix(number, n) },
	}
	cluster, err := simulate.NewCluster(in, opts)
	if err != nil {
		return err
	}
	r.cluster = cluster
	if change != nil {
		if err := change(cluster); err != nil {
			return err
		}
	}
	if r.stop != nil {
		r.stop()
	}
	r.next, r.stop = iter.Pull2(cluster.Run())
	return nil
}

func (r *recording) watch(seg *segment) func(time.Time, *corev1.Pod, *corev1.Pod) {
	return func(_ time.Time, old, cur *corev1.Pod) {
		r.pods = append(r.pods, podChange{old, cur})
		r.tally(old, -1)
		r.tally(cur, 1)
		if cur != nil && seg.missesImage(cur) && !waitsForImage(cur) {
			r.fail = append(r.fail, cur)
		}
	}
}

func (r *recording) tally(pod *corev1.Pod, by int) {
	if pod != nil && pod.DeletionTimestamp == nil && isReady(pod) {
		r.ready[pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]] += by
	}
}

// failImages lets the kubelets say which images they cannot pull.
func (r *recording) failImages() error {
	now := r.cluster.Now()
	for len(r.fail) > 0 {
		list := r.fail
		r.fail = nil
		for _, pod := range list {
			if err := r.cluster.Apply(withoutImage(pod, now)); err != nil {
				return err
			}
		}
	}
	return nil
}

// step records the next frame. It reports false if the recording has ended.
func (r *recording) step() bool {
	if r.done {
		return false
	}
	last := r.frames[len(r.frames)-1]
	f := &frame{at: last.at, ds: last.ds, revisions: last.revisions, backoff: last.backoff, trial: last.trial,
		desired: last.desired, available: last.available, updated: last.updated, segment: last.segment}
	pass, err, ok := r.next()
	switch {
	case !ok:
		r.done = true
		return false
	case err != nil:
		r.done, f.title = true, "the simulation stops: "+err.Error()
	case pass.End != nil:
		r.done = true
		r.endFrame(f, pass)
	default:
		r.passFrame(f, pass)
	}
	if r.done {
		r.stop()
	}
	f.pods, r.pods = r.pods, nil
	r.frames = append(r.frames, f)
	return true
}

func (r *recording) passFrame(f *frame, pass *simulate.Pass) {
	result := pass.Result
	f.at, f.ds = pass.Time, pass.DaemonSet
	f.title, f.lines = describe(result)
	f.backoff, f.trial = f.backoff.With(result.Plan.BackoffChanges), result.CanaryTrial
	f.held = append(append(f.held, result.Restricted...), result.Policy.Restricted...)
	f.desired, f.available = pass.Desired, pass.Available
	if err := r.failImages(); err != nil {
		f.lines = append(f.lines, err.Error())
	}
	if !result.Revisions.Empty() || len(result.CleanUp) > 0 || result.Rollback != nil {
		in := r.cluster.Input(pass.DaemonSet)
		f.ds, f.revisions = in.DaemonSet, in.Revisions
	}
	if result.Snapshot != nil {
		r.hash = result.Snapshot.RevisionHash()
	}
	f.updated = r.ready[r.hash]
}

func (r *recording) endFrame(f *frame, pass *simulate.Pass) {
	end := pass.End
	f.at, f.ds = r.cluster.Now(), pass.DaemonSet
	f.title = end.State.String()
	f.lines = shorten(strings.Split(end.String(), "\n"))
	if pass.Result != nil {
		f.trial = pass.Result.CanaryTrial
		f.held = append(append(f.held, pass.Result.Restricted...), pass.Result.Policy.Restricted...)
	}
	f.desired, f.available, f.updated = pass.Desired, pass.Available, r.ready[r.hash]
	if end.State == simulate.EndStalled {
		// Nobody calls a rollout stalled before this time is over.
		r.cluster.Elapse(health.DefaultPatience)
		f.at = r.cluster.Now()
		f.title = fmt.Sprintf("stalled: nothing has changed for %d minutes", int(health.DefaultPatience.Minutes()))
	}
}

// most is how many lines a frame has.
const most = 12

func shorten(lines []string) []string {
	if more := len(lines) - most; more > 1 {
		return append(lines[:most:most], fmt.Sprintf("and %d more", more))
	}
	return lines
}

// describe says what a pass writes.
func describe(result *rollout.Result) (title string, lines []string) {
	plan := &result.Plan
	var parts []string
	part := func(n int, verb, noun string) {
		if n > 0 {
			parts = append(parts, verb+" "+plural(n, noun))
		}
	}
	if result.Rollback != nil {
		parts = append(parts, "roll back")
	}
	if result.Revisions != nil && result.Revisions.Create != nil {
		parts = append(parts, "create a revision")
	}
	part(len(plan.Create), "create", "pod")
	part(len(plan.Delete), "delete", "pod")
	if len(parts) == 0 {
		parts = append(parts, "write the status")
	}
	if len(plan.Create)+len(plan.Delete) <= 2*most {
		return strings.Join(parts, ", "), shorten(strings.Split(result.String(), "\n"))
	}
	for _, d := range plan.Delete[:min(len(plan.Delete), most)] {
		lines = append(lines, d.String())
	}
	for _, c := range plan.Create[:min(len(plan.Create), most)] {
		lines = append(lines, c.String())
	}
	return strings.Join(parts, ", "), append(shorten(lines), "and more")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// seek shows the facts at a frame.
func (r *recording) seek(to int) {
	s := &r.shown
	to = min(max(to, 0), len(r.frames)-1)
	for s.frame < to {
		s.frame++
		f := r.frames[s.frame]
		for _, c := range f.nodes {
			s.changeNode(c.old, c.cur)
		}
		for _, c := range f.pods {
			s.changePod(c.old, c.cur)
		}
	}
	for s.frame > to {
		f := r.frames[s.frame]
		for i := len(f.pods) - 1; i >= 0; i-- {
			s.changePod(f.pods[i].cur, f.pods[i].old)
		}
		for i := len(f.nodes) - 1; i >= 0; i-- {
			s.changeNode(f.nodes[i].cur, f.nodes[i].old)
		}
		s.frame--
	}
}

func (s *shown) changePod(old, cur *corev1.Pod) {
	change(s.pods, old, cur, podKey, func(key string, was *corev1.Pod) {
		for _, o := range s.observed {
			note(o.pods, key, was)
		}
	})
}

func (s *shown) changeNode(old, cur *corev1.Node) {
	s.layout++
	change(s.nodes, old, cur, func(n *corev1.Node) string { return n.Name }, func(name string, was *corev1.Node) {
		for _, o := range s.observed {
			note(o.nodes, name, was)
		}
	})
}

// note keeps the first object of a key.
func note[T any](known map[string]*T, key string, was *T) {
	if _, ok := known[key]; !ok {
		known[key] = was
	}
}

// change puts cur in the place of old among the objects, and says before what was there. One of old
// and cur may be nil.
func change[T any](objects map[string]*T, old, cur *T, key func(*T) string, before func(key string, was *T)) {
	if old == nil && cur == nil {
		return
	}
	k := key(cmp.Or(cur, old))
	before(k, objects[k])
	if cur != nil {
		objects[k] = cur
	} else {
		delete(objects, k)
	}
}

// snapshot returns a snapshot of the frame that is shown. It costs what has changed since the last
// one of the same spec.
func (r *recording) snapshot() (*daemon.Snapshot, error) {
	s, f := &r.shown, r.at()
	o := &observed{}
	if i := slices.IndexFunc(s.observed, func(o *observed) bool {
		// An update forgets no delay of a later frame.
		forgets := s.frame < o.frame && len(o.snapshot.Backoff()) > 0
		return !forgets && reflect.DeepEqual(&o.snapshot.DaemonSet().Spec, &f.ds.Spec)
	}); i >= 0 {
		o = s.observed[i]
		s.observed = slices.Delete(s.observed, i, i+1)
		if _, err := o.snapshot.Update(r.changes(o)); err != nil {
			o.snapshot = nil
		}
	}
	if o.snapshot == nil {
		in, _ := r.input()
		var err error
		if o.snapshot, err = daemon.Observe(in); err != nil {
			return nil, err
		}
	}
	o.frame, o.pods, o.nodes, o.revisions = s.frame, map[string]*corev1.Pod{}, map[string]*corev1.Node{}, f.revisions
	s.observed = slices.Insert(s.observed[:min(len(s.observed), mostObserved-1)], 0, o)
	return o.snapshot, nil
}

// changes returns what has changed since a snapshot.
func (r *recording) changes(o *observed) daemon.Changes {
	s, f := &r.shown, r.at()
	c := daemon.Changes{Now: f.at, BackoffChanges: daemon.BackoffChanges(f.backoff)}
	if f.ds != o.snapshot.DaemonSet() {
		c.DaemonSet = f.ds
	}
	for name, was := range o.nodes {
		switch is := s.nodes[name]; {
		case is == nil:
			c.DeletedNodes = append(c.DeletedNodes, name)
		case is != was:
			c.Nodes = append(c.Nodes, is)
		}
	}
	for key, was := range o.pods {
		is := s.pods[key]
		if was != nil && was.Namespace == f.ds.Namespace && (is == nil || is.UID != was.UID) {
			c.DeletedPods = append(c.DeletedPods, was.Name)
		}
		if is != nil && is != was {
			c.Pods = append(c.Pods, is)
		}
	}
	for _, rev := range f.revisions {
		if !slices.Contains(o.revisions, rev) {
			c.Revisions = append(c.Revisions, rev)
		}
	}
	for _, rev := range o.revisions {
		if !slices.ContainsFunc(f.revisions, func(is *appsv1.ControllerRevision) bool { return is.Name == rev.Name }) {
			c.DeletedRevisions = append(c.DeletedRevisions, rev.Name)
		}
	}
	return c
}

// at returns the frame that is shown.
func (r *recording) at() *frame { return r.frames[r.shown.frame] }

// input returns the facts at the frame that is shown, and the pods of other namespaces.
func (r *recording) input() (in daemon.Input, others []*corev1.Pod) {
	f := r.at()
	in = daemon.Input{DaemonSet: f.ds, Revisions: f.revisions, Now: f.at, Backoff: f.backoff,
		Nodes: make([]*corev1.Node, 0, len(r.shown.nodes)), Pods: make([]*corev1.Pod, 0, len(r.shown.pods))}
	for _, node := range r.shown.nodes {
		in.Nodes = append(in.Nodes, node)
	}
	for _, pod := range r.shown.pods {
		if pod.Namespace == f.ds.Namespace {
			in.Pods = append(in.Pods, pod)
		} else {
			others = append(others, pod)
		}
	}
	return in, others
}

// count fills in the counters of a frame that no pass has counted.
func (r *recording) count(f *frame) {
	in, _ := r.input()
	in.DaemonSet, in.Now = f.ds, f.at
	s, err := daemon.Observe(in)
	if err != nil {
		return
	}
	status := daemon.Status(s)
	r.hash = s.RevisionHash()
	f.desired, f.available = int(status.DesiredNumberScheduled), int(status.NumberAvailable)
	f.updated = 0
	for _, pod := range in.Pods {
		if pod.DeletionTimestamp == nil && isReady(pod) && pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] == r.hash {
			f.updated++
		}
	}
}

// suffix ends the n-th name that is generated after an action. API servers choose these
// letters at random; here they look so.
func suffix(action, n int) string {
	const letters = "bcdfghjklmnpqrstvwxz2456789"
	const size = 27 * 27 * 27 * 27 * 27
	word := make([]byte, 5)
	for i, rest := len(word)-1, (566126+action*7368787+(n-1)*10758923)%size; i >= 0; i-- {
		word[i] = letters[rest%len(letters)]
		rest /= len(letters)
	}
	return string(word)
}
