package conformance

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unsafe"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes/fake"
	appslisters "k8s.io/client-go/listers/apps/v1"
	corelisters "k8s.io/client-go/listers/core/v1"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
	"k8s.io/client-go/util/flowcontrol"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"k8s.io/kubernetes/pkg/controller"
	daemoncontroller "k8s.io/kubernetes/pkg/controller/daemon"
	"k8s.io/kubernetes/pkg/controller/util/consistency"
	testingclock "k8s.io/utils/clock/testing"
)

// Upstream is the real controller with its real pod control. Its informers are
// never started: their stores are filled by hand, and nothing comes back from
// what it writes, so that one call is one pass. It serves one goroutine.
type Upstream struct {
	dsc  *daemoncontroller.DaemonSetsController
	sync func(context.Context, string) error
	ctx  context.Context

	sets, nodes, pods, revisions *orderedStore

	clock   *testingclock.FakeClock
	backoff *flowcontrol.Backoff
	client  *fake.Clientset
	api     *apiServer
	events  *recorder
	queue   *delays
	syncs   *syncLog
}

// NewUpstream builds a controller.
func NewUpstream() (*Upstream, error) {
	// Errors of single writes come back from the pass; the handlers would print
	// them and slow down.
	utilruntime.ErrorHandlers = nil
	u := &Upstream{
		ctx:    klog.NewContext(context.Background(), logr.Discard()),
		clock:  testingclock.NewFakeClock(time.Unix(0, 0)),
		client: &fake.Clientset{},
		api:    &apiServer{},
		events: &recorder{},
		queue:  &delays{},
		syncs:  &syncLog{},
	}
	u.client.AddReactor("*", "*", u.api.react)
	// The two durations are those of kube-controller-manager
	// (startDaemonSetController@v1.37.2).
	u.backoff = flowcontrol.NewFakeBackOff(time.Second, 15*time.Minute, u.clock)

	factory := informers.NewSharedInformerFactory(u.client, 0)
	apps, core := factory.Apps().V1(), factory.Core().V1()
	dsc, err := daemoncontroller.NewDaemonSetsController(u.ctx, apps.DaemonSets(), apps.ControllerRevisions(),
		core.Pods(), core.Nodes(), u.client, u.backoff)
	if err != nil {
		return nil, err
	}
	u.dsc = dsc
	u.sets = &orderedStore{Indexer: apps.DaemonSets().Informer().GetIndexer()}
	u.revisions = &orderedStore{Indexer: apps.ControllerRevisions().Informer().GetIndexer()}
	u.pods = &orderedStore{Indexer: core.Pods().Informer().GetIndexer()}
	u.nodes = &orderedStore{Indexer: core.Nodes().Informer().GetIndexer()}

	// The controller's own hook for tests is the pass.
	u.sync = *hidden[func(context.Context, string) error](dsc, "syncHandler")
	*hidden[record.EventRecorder](dsc, "eventRecorder") = u.events
	podControl := hidden[controller.PodControlInterface](dsc, "podControl")
	*podControl = controller.RealPodControl{KubeClient: u.client, Recorder: u.events}
	*hidden[workqueue.TypedRateLimitingInterface[string]](dsc, "queue") = u.queue
	// It holds a pass back until the informers have seen what the last one wrote.
	*hidden[consistency.ConsistencyStore](dsc, "consistencyStore") = consistency.NewNoopConsistencyStore()
	return u, nil
}

// hidden gives access to an unexported field of the controller.
func hidden[T any](dsc *daemoncontroller.DaemonSetsController, name string) *T {
	f := reflect.ValueOf(dsc).Elem().FieldByName(name)
	if !f.IsValid() || f.Type() != reflect.TypeFor[T]() {
		panic(fmt.Sprintf("DaemonSetsController has no field %s of type %v", name, reflect.TypeFor[T]()))
	}
	return (*T)(unsafe.Pointer(f.UnsafeAddr()))
}

// ordered makes the caches list their objects as the state does. Otherwise the
// order is that of Go's maps, and random.
func (u *Upstream) ordered() {
	*hidden[appslisters.DaemonSetLister](u.dsc, "dsLister") = appslisters.NewDaemonSetLister(u.sets)
	*hidden[appslisters.ControllerRevisionLister](u.dsc, "historyLister") = appslisters.NewControllerRevisionLister(u.revisions)
	*hidden[corelisters.PodLister](u.dsc, "podLister") = corelisters.NewPodLister(u.pods)
	*hidden[cache.Indexer](u.dsc, "podIndexer") = u.pods
	*hidden[corelisters.NodeLister](u.dsc, "nodeLister") = corelisters.NewNodeLister(u.nodes)
}

// Load puts a state into the controller's caches and the API server's store.
// The controller only reads the objects.
func (u *Upstream) Load(s *State) error {
	return errors.Join(
		u.sets.fill([]*appsv1.DaemonSet{s.DaemonSet}),
		u.nodes.fill(s.Nodes), u.pods.fill(s.Pods), u.revisions.fill(s.Revisions))
}

func (s *orderedStore) fill(objects any) error {
	v := reflect.ValueOf(objects)
	list := make([]any, v.Len())
	s.rank = make(map[any]int, v.Len())
	for i := range list {
		list[i] = v.Index(i).Interface()
		s.rank[list[i]] = i
	}
	return s.Replace(list, "")
}

// Pass loads a state and makes one pass over it. The state is only read, and
// the result may share objects with it. Of several things that may be done
// first, those that the state lists first are.
func (u *Upstream) Pass(s *State) *Pass { return u.pass(s, nil) }

// PassCaughtUp is Pass with informers that are faster than the controller: every
// pod that it creates or deletes is in its caches at once, and its event handlers
// are called.
func (u *Upstream) PassCaughtUp(s *State) *Pass {
	return u.pass(s, func(old, cur *corev1.Pod) {
		if cur == nil {
			_ = u.pods.Delete(old)
			deletePod(u.dsc, logr.Discard(), old)
			return
		}
		cur = cur.DeepCopy()
		cur.ResourceVersion += "-later"
		u.pods.rank[cur] = len(u.pods.rank)
		if old != nil {
			_ = u.pods.Update(cur)
			updatePod(u.dsc, logr.Discard(), old, cur)
			return
		}
		cur.Name = fmt.Sprintf("%s%d", cur.GenerateName, len(u.api.created))
		cur.UID, cur.CreationTimestamp = types.UID("uid-"+cur.Name), metav1.NewTime(s.Now)
		_ = u.pods.Add(cur)
		addPod(u.dsc, logr.Discard(), cur)
	})
}

// pass makes a pass and calls arrives, if it is not nil, for every pod that is
// created (old is nil), deleted (cur is nil) or begins to end.
func (u *Upstream) pass(s *State, arrives func(old, cur *corev1.Pod)) *Pass {
	u.ordered()
	if err := u.Load(s); err != nil {
		return &Pass{Err: err}
	}
	u.prepare(s)
	key, err := cache.MetaNamespaceKeyFunc(s.DaemonSet)
	if err != nil {
		return &Pass{Err: err}
	}
	u.api.arrives, u.api.now = arrives, s.Now
	out := &Pass{}
	*u.syncs = syncLog{}
	func() {
		defer func() { out.Panic = recover() }()
		out.Err = u.sync(klog.NewContext(u.ctx, logr.New(u.syncs)), key)
	}()
	u.collect(s, out)
	out.Syncs = u.syncs.list
	return out
}

// prepare resets everything that a pass leaves behind.
func (u *Upstream) prepare(s *State) {
	u.clock.SetTime(s.Now)
	u.api.reset(s)
	u.client.ClearActions()
	u.events.list, u.queue.list = nil, nil
	*hidden[int](u.dsc, "burstReplicas") = s.burst()

	expectations := controller.NewControllerExpectations()
	*hidden[controller.ControllerExpectationsInterface](u.dsc, "expectations") = expectations
	if s.AwaitingWrites {
		key, _ := cache.MetaNamespaceKeyFunc(s.DaemonSet)
		if err := expectations.SetExpectations(logr.Discard(), key, 1, 0); err != nil {
			panic(err)
		}
	}
	u.setBackoff(s.Backoff)
}

// backoffEntry has the layout of the unexported backoffEntry@v0.37.2; newBackoff
// checks that.
type backoffEntry struct {
	backoff    time.Duration
	lastUpdate time.Time
}

func (u *Upstream) backoffMap() map[string]*backoffEntry {
	f := reflect.ValueOf(u.backoff).Elem().FieldByName("perItemBackoff")
	entry := f.Type().Elem().Elem()
	want := reflect.TypeFor[backoffEntry]()
	if entry.NumField() != want.NumField() {
		panic("flowcontrol.Backoff has other entries")
	}
	for i := range entry.NumField() {
		if entry.Field(i).Name != want.Field(i).Name || entry.Field(i).Type != want.Field(i).Type {
			panic("flowcontrol.Backoff has other entries")
		}
	}
	return *(*map[string]*backoffEntry)(unsafe.Pointer(f.UnsafeAddr()))
}

func (u *Upstream) setBackoff(entries []Backoff) {
	m := u.backoffMap()
	clear(m)
	for _, e := range entries {
		m[fmt.Sprintf("%s/%d/%s", e.UID, e.ObservedGeneration, e.Node)] = &backoffEntry{e.Delay, e.Last}
	}
}

// collect turns what was recorded into a Pass.
func (u *Upstream) collect(s *State, out *Pass) {
	out.Creates, out.Deletes = u.api.created, u.api.deleted
	out.PodPatches, out.RevisionPatches = dedup(u.api.podPatches), dedup(u.api.revisionPatches)
	for _, w := range u.api.revisionWrites {
		switch {
		case w.deleted:
			out.RevisionDeletes = append(out.RevisionDeletes, w.object.Name)
		case w.created:
			out.RevisionCreates = append(out.RevisionCreates, w.object)
		default:
			out.RevisionUpdates = append(out.RevisionUpdates, w.object)
		}
	}
	if n := len(u.api.statuses); n > 0 {
		out.Status = u.api.statuses[n-1]
	}
	out.Events = u.events.list
	for _, after := range u.queue.list {
		if out.RequeueAfter == 0 || after < out.RequeueAfter {
			out.RequeueAfter = after
		}
	}
	u.backoff.GC()
	for key, e := range u.backoffMap() {
		parts := strings.SplitN(key, "/", 3)
		generation, _ := strconv.ParseInt(parts[1], 10, 64)
		out.Backoff = append(out.Backoff, Backoff{types.UID(parts[0]), generation, parts[2], e.lastUpdate, e.backoff})
	}
	sortBackoff(out.Backoff)
}

func dedup(patches []Patch) []Patch {
	var out []Patch
	seen := map[Patch]bool{}
	for _, p := range patches {
		if !seen[p] {
			seen[p] = true
			out = append(out, p)
		}
	}
	return out
}

// orderedStore lists objects by their rank.
type orderedStore struct {
	cache.Indexer
	rank map[any]int
}

func (s *orderedStore) sort(list []any) []any {
	slices.SortFunc(list, func(a, b any) int { return s.rank[a] - s.rank[b] })
	return list
}

func (s *orderedStore) List() []any { return s.sort(s.Indexer.List()) }

func (s *orderedStore) Index(name string, obj any) ([]any, error) {
	list, err := s.Indexer.Index(name, obj)
	return s.sort(list), err
}

func (s *orderedStore) ByIndex(name, value string) ([]any, error) {
	list, err := s.Indexer.ByIndex(name, value)
	return s.sort(list), err
}

// recorder keeps events. Created and deleted pods are told about from several
// goroutines.
type recorder struct {
	record.EventRecorder
	mu   sync.Mutex
	list []string
}

func (r *recorder) Eventf(_ runtime.Object, kind, reason, format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, kind+" "+reason+": "+fmt.Sprintf(format, args...))
}

// delays keeps what is to be enqueued later.
type delays struct {
	workqueue.TypedRateLimitingInterface[string]
	list []time.Duration
}

func (d *delays) Add(string) {} // a pod event; the next pass is the test's affair

func (d *delays) AddAfter(_ string, after time.Duration) { d.list = append(d.list, after) }

// SyncNodes are the arguments of one call of upstream's syncNodes: the nodes to
// create pods on and the pods to delete, in upstream's order and before the burst
// limit cuts both lists.
type SyncNodes struct {
	Create, Delete []string
	// Surge says that it is the update step of a surge.
	Surge bool
	// FreeCreates and FreeDeletes are how many of an update step cost no budget.
	// They are the first ones of the lists.
	FreeCreates, FreeDeletes int
	// Candidates are how many nodes the step could still choose from when its
	// budget ended: to delete from without surge, to create on with surge.
	Candidates int
}

// syncLog is a log that keeps the arguments of syncNodes@v1.37.2, and what
// rollingUpdate@v1.37.2 worked them out from, which both of them log. The writes
// themselves run concurrently and show no order.
type syncLog struct {
	list []SyncNodes
	// step is what the log has told of a step that is being worked out.
	step struct {
		surge                              bool
		replacements, candidates, draining int
	}
}

func (l *syncLog) Init(logr.RuntimeInfo)          {}
func (l *syncLog) Enabled(level int) bool         { return level == 4 || level == 5 }
func (l *syncLog) Error(error, string, ...any)    {}
func (l *syncLog) WithValues(...any) logr.LogSink { return l }
func (l *syncLog) WithName(string) logr.LogSink   { return l }
func (l *syncLog) Info(_ int, message string, values ...any) {
	switch message {
	case "DaemonSet allowing replacements":
		l.step.surge = slices.Contains(values, any("maxSurge"))
		l.step.replacements, l.step.candidates = logged[int](values, "replacements"), logged[int](values, "candidates")
	case "DaemonSet pod on node should be deleted due to scheduling constraints":
		l.step.draining++
	case "Nodes needing daemon pods for daemon set, creating":
		l.list = append(l.list, SyncNodes{Create: logged[[]string](values, "needCount")})
	case "Pods to delete for daemon set, deleting":
		sync := &l.list[len(l.list)-1]
		sync.Delete = logged[[]string](values, "toDeleteCount")
		sync.Candidates = l.step.candidates
		if sync.Surge = l.step.surge; sync.Surge {
			sync.FreeCreates, sync.FreeDeletes = l.step.replacements, len(sync.Delete)-l.step.draining
		} else {
			sync.FreeDeletes = l.step.replacements
		}
	}
}

// logged returns the value of a key.
func logged[T any](values []any, key string) T {
	return values[slices.Index(values, any(key))+1].(T)
}

// apiServer answers the controller's requests from a state, and keeps what it
// was asked to write. The fake clientset calls it under a lock.
type apiServer struct {
	set             *appsv1.DaemonSet
	pods            map[string]*corev1.Pod
	revisions       map[string]*appsv1.ControllerRevision
	created         []*corev1.Pod
	deleted         []string
	podPatches      []Patch
	revisionPatches []Patch
	revisionWrites  []revisionWrite
	statuses        []*appsv1.DaemonSetStatus

	now     time.Time
	arrives func(old, cur *corev1.Pod)
}

type revisionWrite struct {
	object           *appsv1.ControllerRevision
	created, deleted bool
}

func (a *apiServer) reset(s *State) {
	*a = apiServer{set: s.DaemonSet, pods: map[string]*corev1.Pod{}, revisions: map[string]*appsv1.ControllerRevision{}}
	for _, p := range s.Pods {
		if p.Namespace == s.DaemonSet.Namespace {
			a.pods[p.Name] = p
		}
	}
	for _, r := range s.Revisions {
		if r.Namespace == s.DaemonSet.Namespace {
			a.revisions[r.Name] = r
		}
	}
}

func (a *apiServer) react(action clienttesting.Action) (bool, runtime.Object, error) {
	resource := action.GetResource()
	missing := func(name string) error { return apierrors.NewNotFound(resource.GroupResource(), name) }
	what := action.GetVerb() + " " + resource.Resource
	if sub := action.GetSubresource(); sub != "" {
		what += "/" + sub
	}
	switch what {
	case "get daemonsets":
		return true, a.set.DeepCopy(), nil
	case "update daemonsets/status":
		set := action.(clienttesting.UpdateAction).GetObject().(*appsv1.DaemonSet)
		a.statuses = append(a.statuses, &set.Status)
		return true, set, nil
	case "create pods":
		pod := action.(clienttesting.CreateAction).GetObject().(*corev1.Pod)
		pod.Namespace = action.GetNamespace()
		a.created = append(a.created, pod)
		if a.arrives != nil {
			a.arrives(nil, pod)
		}
		return true, pod, nil
	case "delete pods":
		name := action.(clienttesting.DeleteAction).GetName()
		if a.pods[name] == nil {
			return true, nil, missing(name)
		}
		a.deleted = append(a.deleted, name)
		if a.arrives != nil {
			a.arrives(a.pods[name], afterDelete(a.pods[name], a.now))
		}
		return true, nil, nil
	case "patch pods":
		p := action.(clienttesting.PatchAction)
		pod := a.pods[p.GetName()]
		if pod == nil {
			return true, nil, missing(p.GetName())
		}
		a.podPatches = append(a.podPatches, Patch{p.GetName(), p.GetPatchType(), string(p.GetPatch())})
		return true, pod, nil
	case "patch controllerrevisions":
		p := action.(clienttesting.PatchAction)
		rev := a.revisions[p.GetName()]
		if rev == nil {
			return true, nil, missing(p.GetName())
		}
		a.revisionPatches = append(a.revisionPatches, Patch{p.GetName(), p.GetPatchType(), string(p.GetPatch())})
		return true, rev, nil
	case "get controllerrevisions":
		name := action.(clienttesting.GetAction).GetName()
		if rev := a.revisions[name]; rev != nil {
			return true, rev.DeepCopy(), nil
		}
		return true, nil, missing(name)
	case "create controllerrevisions":
		rev := action.(clienttesting.CreateAction).GetObject().(*appsv1.ControllerRevision)
		if a.revisions[rev.Name] != nil {
			return true, nil, apierrors.NewAlreadyExists(resource.GroupResource(), rev.Name)
		}
		a.revisions[rev.Name] = rev
		a.writeRevision(revisionWrite{object: rev, created: true})
		return true, rev, nil
	case "update controllerrevisions":
		rev := action.(clienttesting.UpdateAction).GetObject().(*appsv1.ControllerRevision)
		if a.revisions[rev.Name] == nil {
			return true, nil, missing(rev.Name)
		}
		a.revisions[rev.Name] = rev
		a.writeRevision(revisionWrite{object: rev})
		return true, rev, nil
	case "delete controllerrevisions":
		name := action.(clienttesting.DeleteAction).GetName()
		rev := a.revisions[name]
		if rev == nil {
			return true, nil, missing(name)
		}
		delete(a.revisions, name)
		a.writeRevision(revisionWrite{object: rev, deleted: true})
		return true, nil, nil
	}
	panic("the controller asked for something new: " + what)
}

// writeRevision lets a later write of a revision take the place of earlier ones.
func (a *apiServer) writeRevision(w revisionWrite) {
	for i := range a.revisionWrites {
		if earlier := &a.revisionWrites[i]; earlier.object.Name == w.object.Name {
			w.created = w.created || earlier.created
			*earlier = w
			return
		}
	}
	a.revisionWrites = append(a.revisionWrites, w)
}

// inUpstreamOrder returns the state with its lists ordered so that upstream,
// whose caches have no order, does first what the library does first: nodes by
// name, pods as they stand on their node, revisions by name except that of
// several current ones upstream keeps the last.
func inUpstreamOrder(s *State) *State {
	out := s.shallow()
	slices.SortFunc(out.Nodes, func(a, b *corev1.Node) int { return strings.Compare(a.Name, b.Name) })
	slices.SortFunc(out.Pods, comparePods)
	current := map[*appsv1.ControllerRevision]bool{}
	for _, r := range out.Revisions {
		current[r], _ = daemoncontroller.Match(s.DaemonSet, r)
	}
	slices.SortFunc(out.Revisions, func(a, b *appsv1.ControllerRevision) int {
		switch {
		case current[a] && current[b]:
			return strings.Compare(b.Name, a.Name)
		case current[a]:
			return -1
		case current[b]:
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

func comparePods(a, b *corev1.Pod) int {
	if bound := (a.Spec.NodeName != ""); bound != (b.Spec.NodeName != "") {
		if bound {
			return -1
		}
		return 1
	}
	if c := a.CreationTimestamp.Compare(b.CreationTimestamp.Time); c != 0 {
		return c
	}
	return strings.Compare(a.Name, b.Name)
}
