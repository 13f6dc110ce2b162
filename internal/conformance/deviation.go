package conformance

import (
	"errors"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	podutil "k8s.io/kubernetes/pkg/api/v1/pod"
	daemonutil "k8s.io/kubernetes/pkg/controller/daemon/util"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Deviation is a difference that is meant: it has an entry of the same name
// under "Deviations" in a package comment of the library.
type Deviation struct {
	// Name is that of the entry.
	Name string
	// Upstream is the symbol that behaves otherwise, as symbol@tag.
	Upstream string
	// Issue is the report of it as a problem; empty if there is none.
	Issue string
	// Why says what upstream does and what the library does instead.
	Why string

	// adapt turns a state that meets the deviation into one on which upstream
	// does what the library is to do on the first; nil if the state does not
	// meet it. amend, which may be nil, then puts right what no state can express.
	// report is the library's.
	adapt func(u *Upstream, s *State, report *Report) (adapted *State, amend func(*Pass))
}

// errDeviation stands for an error that only the library returns.
var errDeviation = errors.New("an error of the library alone")

func errorToo(p *Pass) {
	if p.Err == nil {
		p.Err = errDeviation
	}
}

// Deviations are all there are, in the order in which they are applied.
var Deviations = []Deviation{
	{
		Name:     "selector",
		Upstream: "syncDaemonSet@v1.37.2",
		Why:      "upstream releases every pod and revision of a DaemonSet without selector; the library returns an error",
		adapt: func(_ *Upstream, s *State, _ *Report) (*State, func(*Pass)) {
			if s.DaemonSet.Spec.Selector != nil || s.DaemonSet.DeletionTimestamp != nil {
				return nil, nil
			}
			return s, func(p *Pass) { *p = Pass{Err: errDeviation, Backoff: live(s, s.Backoff)} }
		},
	},
	{
		Name:     "empty-selector",
		Upstream: "syncDaemonSet@v1.37.2",
		Why: "upstream refuses to act for a selector without lists, but lets one with empty lists select every pod; the " +
			"library refuses both",
		adapt: func(_ *Upstream, s *State, _ *Report) (*State, func(*Pass)) {
			selector := s.DaemonSet.Spec.Selector
			if selector == nil || len(selector.MatchLabels)+len(selector.MatchExpressions) > 0 ||
				selector.MatchLabels == nil && selector.MatchExpressions == nil {
				return nil, nil
			}
			out := s.shallow()
			out.DaemonSet = s.DaemonSet.DeepCopy()
			out.DaemonSet.Spec.Selector = &metav1.LabelSelector{}
			return out, nil
		},
	},
	{
		Name:     "history-limit",
		Upstream: "cleanupHistory@v1.37.2",
		Why:      "upstream panics without revisionHistoryLimit; the library takes the default, 10",
		adapt: func(_ *Upstream, s *State, _ *Report) (*State, func(*Pass)) {
			if s.DaemonSet.Spec.RevisionHistoryLimit != nil {
				return nil, nil
			}
			out := s.shallow()
			out.DaemonSet = s.DaemonSet.DeepCopy()
			out.DaemonSet.Spec.RevisionHistoryLimit = new(int32(10))
			return out, nil
		},
	},
	{
		Name:     "revision-labels",
		Upstream: "constructHistory@v1.37.2",
		Why:      "upstream panics on a revision of its own without any label; the library labels it",
		adapt: func(_ *Upstream, s *State, _ *Report) (*State, func(*Pass)) {
			selector, err := metav1.LabelSelectorAsSelector(s.DaemonSet.Spec.Selector)
			if err != nil || !selector.Matches(labels.Set{}) {
				return nil, nil // such a revision is not its own
			}
			out := s.shallow()
			met := false
			for i, r := range out.Revisions {
				if r.Labels == nil {
					met = true
					out.Revisions[i] = r.DeepCopy()
					out.Revisions[i].Labels = map[string]string{}
				}
			}
			if !met {
				return nil, nil
			}
			return out, nil
		},
	},
	{
		Name:     "relabel",
		Upstream: "dedupCurHistories@v1.37.2",
		Issue:    "kubernetes/kubernetes#111280",
		Why: "upstream goes on with the labels that pods had before it relabelled them, and may replace pods that are " +
			"current; in the library they count as relabelled at once",
		adapt: func(u *Upstream, s *State, report *Report) (*State, func(*Pass)) {
			if !report.Settled {
				return nil, nil
			}
			first := u.Pass(s)
			relabels := map[string]Patch{}
			for _, p := range first.PodPatches {
				if p.Type == types.MergePatchType {
					relabels[p.Name] = p
				}
			}
			if len(relabels) == 0 {
				return nil, nil
			}
			out := s.shallow()
			for i, p := range out.Pods {
				if _, ok := relabels[p.Name]; ok && p.Namespace == s.DaemonSet.Namespace {
					out.Pods[i] = p.DeepCopy()
					out.Pods[i].Labels = merged(out.Pods[i].Labels, appsv1.DefaultDaemonSetUniqueLabelKey, report.Hash)
				}
			}
			return out, func(p *Pass) {
				for _, r := range relabels {
					p.PodPatches = append(p.PodPatches, r)
				}
			}
		},
	},
	{
		Name:     "no-history",
		Upstream: "rollingUpdate@v1.37.2",
		Why: "without any revision upstream updates pods that have the hash of one in the pass that creates the revision; in the " +
			"library the next pass does",
		adapt: func(u *Upstream, s *State, report *Report) (*State, func(*Pass)) {
			revision := func(r *appsv1.ControllerRevision) bool { return r.Namespace == s.DaemonSet.Namespace }
			if slices.ContainsFunc(s.Revisions, revision) || s.AwaitingWrites || !report.Observed ||
				s.DaemonSet.Spec.UpdateStrategy.Type != appsv1.RollingUpdateDaemonSetStrategyType {
				return nil, nil
			}
			generation, err := daemonutil.GetTemplateGeneration(s.DaemonSet)
			if err != nil {
				generation = nil
			}
			outdated := func(pod *corev1.Pod) bool {
				return pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] != "" && !daemonutil.IsPodUpdated(pod, report.Hash, generation)
			}
			for _, pods := range u.podsByNode(s) {
				if slices.ContainsFunc(pods, outdated) {
					return s, func(p *Pass) {
						// The first call reconciles. The update follows only if that has nothing
						// to write.
						if len(p.Syncs) == 2 {
							p.Syncs, p.Creates, p.Deletes = p.Syncs[:1], nil, nil
							p.Events = slices.DeleteFunc(p.Events, func(e string) bool {
								return strings.HasPrefix(e, "Normal SuccessfulCreate: ") || strings.HasPrefix(e, "Normal SuccessfulDelete: ")
							})
						}
					}
				}
			}
			return nil, nil
		},
	},
	{
		Name:     "node-gone",
		Upstream: "rollingUpdate@v1.37.2",
		Why: "an old pod on a node that does not exist makes an upstream pass with surge fail; the library passes over " +
			"the pod, which pod garbage collection will remove",
		adapt: func(u *Upstream, s *State, report *Report) (*State, func(*Pass)) {
			if surge, err := daemonutil.SurgeCount(s.DaemonSet, desired(s)); surge == 0 || err != nil || !report.Observed {
				return nil, nil
			}
			hash := report.Hash
			out := s.shallow()
			met := false
			for name, pods := range u.podsByNode(s) {
				cur, old, ok := findUpdatedPodsOnNode(s.DaemonSet, pods, hash)
				if s.node(name) != nil || !ok || old == nil || cur != nil {
					continue
				}
				// As a current pod it does nothing but count as available. Its revision
				// stays in use through another pod, which counts for nothing else.
				met = true
				i := slices.Index(out.Pods, old)
				out.Pods[i] = old.DeepCopy()
				out.Pods[i].Labels = merged(out.Pods[i].Labels, appsv1.DefaultDaemonSetUniqueLabelKey, hash)
				carrier := strangePod(s, "zz-carrier-"+old.Name, name, old.Labels[appsv1.DefaultDaemonSetUniqueLabelKey])
				carrier.Spec, carrier.Labels = old.Spec, old.Labels
				carrier.DeletionTimestamp, carrier.Status.Phase = &metav1.Time{Time: s.Now}, corev1.PodFailed
				out.Pods = append(out.Pods, carrier)
			}
			if !met {
				return nil, nil
			}
			return out, nil
		},
	},
	{
		Name:     "strategy",
		Upstream: "updateDaemonSet@v1.37.2",
		Why:      "upstream silently never updates under an unknown update strategy; the library returns an error with the same writes",
		adapt: func(u *Upstream, s *State, report *Report) (*State, func(*Pass)) {
			switch s.DaemonSet.Spec.UpdateStrategy.Type {
			case appsv1.OnDeleteDaemonSetStrategyType, appsv1.RollingUpdateDaemonSetStrategyType:
				return nil, nil
			}
			// It does not matter while something else comes first.
			if p := u.Pass(s); p.writesPods() || p.Err != nil || p.Panic != nil || !report.Observed || s.AwaitingWrites {
				return nil, nil
			}
			return s, errorToo
		},
	},
	{
		Name:     "look-again",
		Upstream: "updatePod@v1.37.2",
		Why: "the upstream pass looks again after minReadySeconds for pods that stand for their node alone, because pod events " +
			"see to the others; the library's pass looks again for every pod that is ready and not available",
		adapt: func(u *Upstream, s *State, report *Report) (*State, func(*Pass)) {
			ds := s.DaemonSet
			if ds.Spec.MinReadySeconds <= 0 || !report.Observed {
				return nil, nil
			}
			for _, pods := range u.podsByNode(s) {
				for _, p := range pods {
					if podutil.IsPodReady(p) && !podutil.IsPodAvailable(p, ds.Spec.MinReadySeconds, metav1.Time{Time: s.Now}) {
						after := time.Duration(ds.Spec.MinReadySeconds) * time.Second
						return s, func(p *Pass) {
							if p.RequeueAfter == 0 || after < p.RequeueAfter {
								p.RequeueAfter = after
							}
						}
					}
				}
			}
			return nil, nil
		},
	},
	{
		Name:     "put-off",
		Upstream: "podsShouldBeOnNode@v1.37.2",
		Why: "upstream doubles the delay of a node for a failed pod whose deletion the burst limit then puts off, so that it stays; " +
			"in the library the delay doubles with the deletion, and the next pass deletes the pod",
		adapt: func(u *Upstream, s *State, report *Report) (*State, func(*Pass)) {
			failed := func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodFailed }
			if report.DeleteDeferred == 0 || !slices.ContainsFunc(s.Pods, failed) {
				return nil, nil
			}
			takeBack := func(p *Pass) {
				if len(p.Syncs) == 0 {
					return
				}
				first := p.Syncs[0].Delete
				for _, name := range first[min(len(first), s.burst()):] {
					pod := s.pod(name)
					if pod == nil || !failed(pod) {
						continue
					}
					node, _ := daemonutil.GetTargetNodeName(pod)
					of := func(b Backoff) bool {
						return b.UID == s.DaemonSet.UID && b.ObservedGeneration == s.DaemonSet.Status.ObservedGeneration && b.Node == node
					}
					p.Backoff = slices.DeleteFunc(p.Backoff, of)
					before := live(s, s.Backoff)
					if i := slices.IndexFunc(before, of); i >= 0 {
						p.Backoff = append(p.Backoff, before[i])
					}
				}
				sortBackoff(p.Backoff)
			}
			up := u.Pass(s)
			before := slices.Clone(up.Backoff)
			if takeBack(up); slices.Equal(before, up.Backoff) {
				return nil, nil
			}
			return s, takeBack
		},
	},
	{
		Name:     "identity",
		Upstream: "FilterPodsByOwner@v1.37.2",
		Why:      "upstream fails on a DaemonSet without namespace, name or UID; the library does not mind",
	},
	{
		Name:     "owner-kind",
		Upstream: "FilterPodsByOwner@v1.37.2",
		Why: "upstream ignores a pod, and keeps a revision, whose controller has the UID of the DaemonSet and another kind or name; " +
			"the library returns an error. Random states do not meet this",
	},
	{
		Name:     "defaults",
		Upstream: "updateDaemonSet@v1.37.2",
		Why: "upstream never updates under an update strategy without a type, and takes one node for a RollingUpdate without " +
			"budgets; the library returns an error. An API server fills both in, and random states do not meet this",
	},
	{
		Name:     "revision-writes",
		Upstream: "constructHistory@v1.37.2",
		Why: "upstream labels and renumbers a revision with two updates, and labels those that it then deletes; the library " +
			"writes each revision once. A Pass has the last write only, so that random states do not meet this",
	},
	{
		Name:     "revision-number",
		Upstream: "maxRevision@v1.37.2",
		Why: "after a revision with the largest number upstream numbers the next one below zero; the library gives it the largest " +
			"number, too. Random states do not meet this",
	},
	{
		Name:     "stale-caches",
		Upstream: "syncDaemonSet@v1.37.2",
		Why: "upstream makes no pass while its caches lack its own writes of pods and status (the feature gate " +
			"StaleControllerConsistencyDaemonSet, on since 1.36); the library settles history, claims and status, and a caller that " +
			"wants upstream's behaviour makes no pass. Upstream's caches are never stale in Pass, so that random states do not meet this",
	},
	{
		Name:     "status-unchanged",
		Upstream: "storeDaemonSetStatus@v1.37.2",
		Why: "while upstream awaits its writes, it writes the status of a DaemonSet with a new generation in each pass, although " +
			"nothing in it changes; the library does not",
		adapt: func(_ *Upstream, s *State, report *Report) (*State, func(*Pass)) {
			if ds := s.DaemonSet; !s.AwaitingWrites || !report.Observed || ds.Status.ObservedGeneration >= ds.Generation {
				return nil, nil
			}
			return s, func(p *Pass) {
				if equalJSON(p.Status, &s.DaemonSet.Status) {
					p.Status = nil
				}
			}
		},
	},
	{
		Name:     "own-writes",
		Upstream: "updateDaemonSet@v1.37.2",
		Why: "upstream reads its caches again after its own writes, so that if these have arrived by then an update step " +
			"follows in the same pass and the status counts them; the library works out the whole pass from the facts before it, and " +
			"its next pass does the rest. The caches of Pass do not change during a pass, so that random states do not meet this",
	},
}
