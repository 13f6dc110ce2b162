package main

import (
	"cmp"
	"errors"
	"math"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/health"
	"github.com/pernode/daemonset/rollout/simulate"
)

// state is what a pod, or a node without one, looks like at one moment.
type state int

const (
	// stateNone: no pod.
	stateNone state = iota + 1
	// stateOld: of an older template, available.
	stateOld
	// stateOldDown: of an older template, not available.
	stateOldDown
	// stateTerminating: being deleted.
	stateTerminating
	// stateFailed: failed for good, not deleted yet.
	stateFailed
	// stateStarting: of the new template, not ready.
	stateStarting
	// stateSettling: of the new template, ready, but not for minReadySeconds.
	stateSettling
	// stateCanary: of the new template, available, on a canary node.
	stateCanary
	// stateReady: of the new template, available, on another node.
	stateReady

	states = iota + 1
)

// String is what the legend calls it.
func (s state) String() string {
	switch s {
	case stateNone:
		return "no pod"
	case stateOld:
		return "old"
	case stateOldDown:
		return "old, not available"
	case stateTerminating:
		return "terminating"
	case stateFailed:
		return "failed"
	case stateStarting:
		return "starting"
	case stateSettling:
		return "ready, not yet available"
	case stateCanary:
		return "canary"
	case stateReady:
		return "new"
	}
	return "unknown"
}

// available reports whether a pod in this state counts for its node.
func (s state) available() bool { return s == stateOld || s == stateCanary || s == stateReady }

// recording is a rollout from its beginning, at zero, to its end.
type recording struct {
	// rows are the nodes that should run a pod, or have one at some time, by zone
	// and name.
	rows []row
	// elsewhere counts the other nodes.
	elsewhere int
	desired   int
	// available are how many nodes have an available pod from each moment on.
	available []level
	// last is when the last thing happens, and horizon where the picture ends.
	last, horizon time.Duration
	end           *simulate.End
	// problems are what objects say about the nodes on which the rollout is stuck, by node.
	problems map[string]string
	// ended is end.Time, counted from the beginning.
	ended time.Duration
}

// row is one node.
type row struct {
	node, zone string
	wanted     bool
	canary     bool
	// segments follow one another without gap from zero to the horizon.
	segments []segment
}

// segment is a time in which nothing changes on a node.
type segment struct {
	from, to time.Duration
	// bars are the pods there, the oldest first; none: there is no pod.
	bars []bar
}

// bar is a pod in one state.
type bar struct {
	pod   string
	state state
	// from and to are the whole time of this state, of which the segment may be a
	// part.
	from, to time.Duration
}

// level is a number from a moment on.
type level struct {
	at time.Duration
	n  int
}

// never is later than everything.
const never = time.Duration(math.MaxInt64)

// life is what becomes of one pod, each from a moment on.
type life struct {
	pod                                               string
	updated                                           bool
	created, ready, available, failed, deleted, ended time.Duration
}

// mark is a state from a moment on.
type mark struct {
	at    time.Duration
	state state
}

// marks are the states of the pod in their order: what has reached one never goes
// back to those before it.
func (l *life) marks(canary bool) []mark {
	failed, deleted := mark{l.failed, stateFailed}, mark{l.deleted, stateTerminating}
	if !l.updated {
		return []mark{{l.created, stateOldDown}, {l.available, stateOld}, failed, deleted}
	}
	available := mark{l.available, stateReady}
	if canary {
		available.state = stateCanary
	}
	return []mark{{l.created, stateStarting}, {l.ready, stateSettling}, available, failed, deleted}
}

// at is the bar of one moment. A pod that is not there yet, or not any more, is in
// stateNone.
func (l *life) at(t time.Duration, canary bool) bar {
	b := bar{pod: l.pod, state: stateNone, to: l.ended}
	if t >= l.ended {
		return b
	}
	for _, m := range slices.Backward(l.marks(canary)) {
		if m.at <= t {
			b.state, b.from = m.state, m.at
			return b
		}
		b.to = min(b.to, m.at)
	}
	return b
}

// recorder follows a simulated rollout.
type recorder struct {
	in daemon.Input
	// hash is the revision that is new in this picture, also if the rollout goes back
	// from it.
	hash     string
	lives    map[string]*life // by pod, the last one of its name
	byNode   map[string][]*life
	canaries map[string]bool
	minReady time.Duration
	rec      *recording
}

// record plays a rollout to its end.
func record(in daemon.Input, opts simulate.Options) (*recording, error) {
	r := &recorder{
		in:       in,
		lives:    map[string]*life{},
		byNode:   map[string][]*life{},
		canaries: map[string]bool{},
		minReady: time.Duration(in.DaemonSet.Spec.MinReadySeconds) * time.Second,
		rec:      &recording{},
	}
	opts.WatchPods = r.change
	start, err := daemon.Observe(in)
	if err != nil {
		return nil, err
	}
	r.begin(start)
	for pass, err := range simulate.Run(in, opts) {
		if err != nil {
			return nil, err
		}
		r.take(pass)
	}
	if r.rec.end.State == simulate.EndIgnored {
		return nil, errors.New(r.rec.end.String())
	}
	r.finish(start)
	r.rec.problems, err = problems(r.rec.end, opts.Policy)
	return r.rec, err
}

// problems returns what the kubelet and the scheduler say at the end about pods that are not
// available, by node; nil for a rollout that is complete.
func problems(end *simulate.End, policy rollout.Policy) (map[string]string, error) {
	if end.State == simulate.EndComplete {
		return nil, nil
	}
	snapshot, err := daemon.Observe(end.After)
	if err != nil {
		return nil, err
	}
	assessment, err := health.Assess(snapshot, health.Options{Policy: policy, CanaryTrial: end.Last.CanaryTrial})
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	for _, b := range assessment.Blockers {
		switch b.Kind {
		case health.BlockerImage, health.BlockerCrashLoop, health.BlockerCannotStart, health.BlockerUnschedulable:
			found[b.Node] = b.String()
		}
	}
	return found, nil
}

// newLife returns the life of a pod to which nothing has happened.
func newLife(pod *corev1.Pod) *life {
	return &life{pod: pod.Name, ready: never, available: never, failed: never, deleted: never, ended: never}
}

// begin takes the pods that are there before the first pass.
func (r *recorder) begin(start *daemon.Snapshot) {
	r.hash = start.RevisionHash()
	for _, n := range start.Nodes() {
		for _, p := range n.Pods {
			l := newLife(p.Pod)
			l.updated = p.Updated
			if p.Terminating {
				l.deleted = 0
			}
			switch {
			case p.Failed || p.Succeeded:
				l.failed = 0
			case p.Ready:
				l.ready, l.available = 0, 0
				if !p.Available {
					l.available = readySince(p.Pod).Add(r.minReady).Sub(r.in.Now)
				}
			}
			r.add(n.Name, l)
		}
	}
}

// readySince returns since when a pod is ready; zero if it is not.
func readySince(pod *corev1.Pod) time.Time {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue {
			return c.LastTransitionTime.Time
		}
	}
	return time.Time{}
}

func (r *recorder) add(node string, l *life) {
	r.lives[l.pod] = l
	r.byNode[node] = append(r.byNode[node], l)
}

// change enters what happens to a pod of the DaemonSet.
func (r *recorder) change(now time.Time, old, cur *corev1.Pod) {
	at := now.Sub(r.in.Now)
	if old == nil {
		if node, ok := daemon.TargetNode(cur); ok {
			l := newLife(cur)
			l.created, l.updated = at, cur.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] == r.hash
			r.add(node, l)
		}
		return
	}
	l := r.lives[old.Name]
	switch {
	case l == nil:
	case cur == nil:
		l.ended = at
		l.deleted = min(l.deleted, at)
	default:
		if cur.DeletionTimestamp != nil {
			l.deleted = min(l.deleted, at)
		}
		if cur.Status.Phase == corev1.PodFailed {
			l.failed = min(l.failed, at)
		}
		if l.ready == never && !readySince(cur).IsZero() {
			l.ready, l.available = at, at+r.minReady
		}
	}
}

// take enters one pass. The last one writes nothing.
func (r *recorder) take(pass *simulate.Pass) {
	r.rec.last = max(r.rec.last, pass.Time.Sub(r.in.Now))
	r.rec.desired = pass.Desired
	if canary := pass.Result.Policy.Canary; canary != nil {
		for _, node := range canary.Trial.Nodes {
			r.canaries[node.Name] = true
		}
	}
	if pass.End != nil {
		r.rec.end = pass.End
		r.rec.ended = max(0, pass.End.Time.Sub(r.in.Now))
		r.rec.last = max(r.rec.last, r.rec.ended)
	}
}

// finish puts the rows together.
func (r *recorder) finish(start *daemon.Snapshot) {
	rec := r.rec
	rec.horizon = max(time.Second, rec.last+rec.last/20)
	if !rec.complete() {
		rec.horizon = max(rec.last+rec.last/10, rec.ended+rec.ended/4, 30*time.Second)
	}
	for _, n := range start.Nodes() {
		lives := r.byNode[n.Name]
		if len(lives) == 0 && !n.Decision.Run {
			rec.elsewhere++
			continue
		}
		line := row{node: n.Name, wanted: n.Decision.Run, canary: r.canaries[n.Name]}
		if n.Node != nil {
			line.zone = n.Node.Labels[corev1.LabelTopologyZone]
		}
		line.segments = segments(lives, line.canary, rec.horizon)
		rec.rows = append(rec.rows, line)
	}
	slices.SortStableFunc(rec.rows, func(a, b row) int { return cmp.Compare(a.zone, b.zone) })
	rec.count()
}

// segments cuts the time of a node wherever something changes.
func segments(lives []*life, canary bool, horizon time.Duration) []segment {
	slices.SortStableFunc(lives, func(a, b *life) int { return cmp.Compare(a.created, b.created) })
	cuts := []time.Duration{0, horizon}
	for _, l := range lives {
		for _, at := range []time.Duration{l.created, l.ready, l.available, l.failed, l.deleted, l.ended} {
			if at > 0 && at < horizon {
				cuts = append(cuts, at)
			}
		}
	}
	slices.Sort(cuts)
	cuts = slices.Compact(cuts)
	var found []segment
	for i := range cuts[1:] {
		s := segment{from: cuts[i], to: cuts[i+1]}
		for _, l := range lives {
			if b := l.at(s.from, canary); b.state != stateNone {
				b.to = min(b.to, horizon)
				s.bars = append(s.bars, b)
			}
		}
		if n := len(found) - 1; n >= 0 && slices.Equal(found[n].bars, s.bars) {
			found[n].to = s.to
			continue
		}
		found = append(found, s)
	}
	return found
}

// available reports whether the node counts as available.
func (s segment) available() bool {
	return slices.ContainsFunc(s.bars, func(b bar) bool { return b.state.available() })
}

// count adds up the available nodes.
func (rec *recording) count() {
	var changes []level
	for _, line := range rec.rows {
		before := false
		for _, s := range line.segments {
			if now := line.wanted && s.available(); now != before {
				changes = append(changes, level{s.from, map[bool]int{true: 1, false: -1}[now]})
				before = now
			}
		}
	}
	slices.SortStableFunc(changes, func(a, b level) int { return cmp.Compare(a.at, b.at) })
	rec.available = []level{{}}
	for _, c := range changes {
		now := &rec.available[len(rec.available)-1]
		if c.at > now.at {
			rec.available = append(rec.available, level{c.at, now.n})
			now = &rec.available[len(rec.available)-1]
		}
		now.n += c.n
	}
	rec.available = slices.CompactFunc(rec.available, func(a, b level) bool { return a.n == b.n })
}

// complete reports whether the rollout is complete at its end.
func (rec *recording) complete() bool { return rec.end.State == simulate.EndComplete }

// still reports whether nothing happens at all.
func (rec *recording) still() bool { return rec.complete() && rec.last == 0 }
