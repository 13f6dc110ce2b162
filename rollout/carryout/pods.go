package carryout

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/rollout"
)

// createPods creates the pods of the plan: one, then twice as many each time
// (SlowStartInitialBatchSize@v1.37.2), so that a cause that stops all of them, such as a
// quota, costs few requests. The batch with the first failure is the last.
func (p *pass) createPods(ctx context.Context, creates []daemon.Create, names []string) error {
	for size, from := 1, 0; from < len(creates); from, size = from+size, 2*size {
		batch := creates[from:min(from+size, len(creates))]
		var terminating atomic.Bool
		err := inParallel(len(batch), func(i int) error {
			err := p.createPod(ctx, names[from+i], batch[i])
			if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
				terminating.Store(true)
				return nil
			}
			if err != nil {
				p.record(corev1.EventTypeWarning, EventFailedCreate, "Error creating: %v", err)
			}
			return err
		})
		if terminating.Load() {
			p.Expectations.terminating(p.owner.GetNamespace())
		}
		if err != nil || terminating.Load() {
			return err
		}
	}
	return nil
}

// createPod creates one pod under the given name. A name that is taken is so by this very
// creation, made before, or by a pod that has nothing to do with it; then the API server
// chooses another name.
func (p *pass) createPod(ctx context.Context, name string, create daemon.Create) error {
	pod := create.Pod.DeepCopy()
	pod.Name = name
	err := p.Client.Create(ctx, pod)
	if apierrors.IsAlreadyExists(err) {
		taken := &corev1.Pod{}
		err = p.reader().Get(ctx, client.ObjectKeyFromObject(pod), taken)
		switch {
		case err == nil && p.sameCreation(taken, create):
			p.Expectations.wrote(taken, "")
			return nil
		case err != nil && !apierrors.IsNotFound(err):
			return failed("read", "pod", pod, err)
		}
		pod = create.Pod.DeepCopy()
		err = p.Client.Create(ctx, pod)
	}
	if err != nil {
		return failed("create", "pod", pod, err)
	}
	p.Expectations.wrote(pod, "")
	p.record(corev1.EventTypeNormal, EventSuccessfulCreate, "Created pod: %v", pod.Name)
	return nil
}

// sameCreation reports whether the pod is what create makes. One of the labels holds the hash
// of the revision, and daemon.Naming chooses which one; so all of them must be there. Admission
// may have added others.
func (p *pass) sameCreation(pod *corev1.Pod, create daemon.Create) bool {
	for key, value := range create.Pod.Labels {
		if has, ok := pod.Labels[key]; !ok || has != value {
			return false
		}
	}
	ref := metav1.GetControllerOfNoCopy(pod)
	node, ok := daemon.TargetNode(pod)
	return ref != nil && ref.UID == p.owner.GetUID() && ok && node == create.Node
}

// deletePods deletes the pods of the plan, all at once.
func (p *pass) deletePods(ctx context.Context, deletes []daemon.Delete) error {
	return inParallel(len(deletes), func(i int) error {
		pod := deletes[i].Pod
		switch deleted, err := p.remove(ctx, pod, &corev1.Pod{}); {
		case err != nil:
			p.record(corev1.EventTypeWarning, EventFailedDelete, "Error deleting: %v", err)
			return failed("delete", "pod", pod, err)
		case !deleted:
			return nil
		}
		p.Expectations.deleted(pod)
		p.record(corev1.EventTypeNormal, EventSuccessfulDelete, "Deleted pod: %v", pod.Name)
		return nil
	})
}

// remove deletes one object, but no other one that has its name by now. It reports whether there
// was something to delete. has is an empty object of the same type.
func (p *pass) remove(ctx context.Context, obj, has client.Object) (bool, error) {
	err := p.Client.Delete(ctx, obj.DeepCopyObject().(client.Object), uidOf(obj))
	switch {
	case apierrors.IsNotFound(err):
		return false, nil
	case !apierrors.IsConflict(err):
		return err == nil, err
	}
	// The API server answers a UID that does not fit with a conflict, but a conflict may have
	// other causes.
	readErr := p.reader().Get(ctx, client.ObjectKeyFromObject(obj), has)
	switch {
	case apierrors.IsNotFound(readErr):
		return false, nil
	case readErr != nil:
		return false, errors.Join(err, readErr)
	case has.GetUID() != obj.GetUID():
		return false, nil
	}
	return false, err
}

// parallelWrites is how many writes run at once: as many as upstream makes in one pass.
const parallelWrites = daemon.DefaultBurstReplicas

// inParallel calls f for 0 to n-1 and joins the errors, in this order.
func inParallel(n int, f func(i int) error) error {
	errs := make([]error, n)
	room := make(chan struct{}, parallelWrites)
	var wait sync.WaitGroup
	for i := range n {
		room <- struct{}{}
		wait.Go(func() {
			errs[i] = f(i)
			<-room
		})
	}
	wait.Wait()
	return errors.Join(errs...)
}

// namesOf returns the names of the pods to create.
func namesOf(r *rollout.Result) []string {
	if len(r.Plan.Create) == 0 {
		return nil
	}
	names := make([]string, len(r.Plan.Create))
	from := newPodNames(r.Snapshot)
	for i, create := range r.Plan.Create {
		names[i] = from.name(create)
	}
	return names
}

// podNames gives names to new pods.
type podNames struct {
	snapshot *daemon.Snapshot
	// uncounted are the pods that a node has and the snapshot counts nowhere.
	uncounted map[string][]string
}

func newPodNames(s *daemon.Snapshot) podNames {
	n := podNames{snapshot: s}
	if s == nil {
		return n
	}
	for _, u := range s.Uncounted() {
		if u.Node != "" {
			if n.uncounted == nil {
				n.uncounted = map[string][]string{}
			}
			n.uncounted[u.Node] = append(n.uncounted[u.Node], string(idOf(u.Pod)))
		}
	}
	return n
}

// The suffix of a name has letters and digits that cannot form words, as those of the API
// server do. Ten of them make 47 bits.
const (
	suffixAlphabet = "bcdfghjklmnpqrstvwxz2456789"
	suffixLength   = 10
	// maxNameLength is that of a host name, which a pod's name becomes.
	maxNameLength = 63
)

// name returns the name of a new pod. It depends on the owner, the node, the labels, which
// hold the hash of the revision, and the pods that the node has: facts that are the same give
// the same name, so that one of two creations from them fails, and any pod that appears or goes
// gives another one.
func (n podNames) name(create daemon.Create) string {
	pod := create.Pod
	facts := slices.Clone(n.uncounted[create.Node])
	if n.snapshot != nil {
		if node := n.snapshot.Node(create.Node); node != nil {
			for i := range node.Pods {
				facts = append(facts, string(idOf(node.Pods[i].Pod)))
			}
		}
	}
	slices.Sort(facts)
	owner := ""
	if ref := metav1.GetControllerOfNoCopy(pod); ref != nil {
		owner = string(ref.UID)
	}
	sum := fnv.New64a()
	fmt.Fprintf(sum, "%q %q %q %q", owner, create.Node, pod.Labels, facts) // fmt sorts the keys of a map
	base := pod.GenerateName
	base = base[:min(len(base), maxNameLength-suffixLength)]
	suffix := make([]byte, suffixLength)
	for i, rest := 0, sum.Sum64(); i < suffixLength; i++ {
		suffix[i] = suffixAlphabet[rest%uint64(len(suffixAlphabet))]
		rest /= uint64(len(suffixAlphabet))
	}
	return base + string(suffix)
}
