package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
)

// Log follows the pods of one namespace in etcd itself, which has every write in the order in which
// they took effect, whether the API server is up or not. A watch of the API
// has gaps while it is down.
type Log struct {
	mu    sync.Mutex
	state State
	// promises are checked after every write.
	promises []Promise
	broken   []string
	last     time.Time
	err      error
	done     chan struct{}
}

// State is what a log has at one moment.
type State struct {
	// Revision is etcd's number of the write.
	Revision int64
	// Pods are those of the namespace, by name.
	Pods map[string]*corev1.Pod
	// Writes is how often a pod was created, changed or deleted since the log began.
	Writes int
}

// Follow begins a log, which goes on until the context ends.
func (c *Cluster) Follow(ctx context.Context, namespace string) (*Log, error) {
	prefix := "/registry/pods/" + namespace + "/"
	got, err := c.Etcd.Get(ctx, prefix, clientv3.WithPrefix())
	if err != nil {
		return nil, err
	}
	l := &Log{state: State{Pods: map[string]*corev1.Pod{}}, last: time.Now(), done: make(chan struct{})}
	for _, kv := range got.Kvs {
		if err := l.apply(strings.TrimPrefix(string(kv.Key), prefix), kv.Value); err != nil {
			return nil, err
		}
	}
	l.state.Writes = 0 // the pods that were there are no writes
	watch := c.Etcd.Watch(clientv3.WithRequireLeader(ctx), prefix, clientv3.WithPrefix(), clientv3.WithRev(got.Header.Revision+1))
	go func() {
		defer close(l.done)
		for response := range watch {
			l.mu.Lock()
			if err := response.Err(); err != nil && l.err == nil && ctx.Err() == nil {
				l.err = err
			}
			for _, event := range response.Events {
				l.state.Revision = event.Kv.ModRevision
				if err := l.apply(strings.TrimPrefix(string(event.Kv.Key), prefix), event.Kv.Value); err != nil && l.err == nil {
					l.err = err
				}
				l.check()
			}
			l.mu.Unlock()
		}
	}()
	return l, nil
}

// apply takes in one write; no value is a deletion.
func (l *Log) apply(name string, value []byte) error {
	l.last = time.Now()
	l.state.Writes++
	if len(value) == 0 {
		delete(l.state.Pods, name)
		return nil
	}
	o, _, err := scheme.Codecs.UniversalDeserializer().Decode(value, nil, nil)
	if err != nil {
		return fmt.Errorf("pod %s in etcd: %w", name, err)
	}
	pod, ok := o.(*corev1.Pod)
	if !ok {
		return fmt.Errorf("pod %s in etcd is a %T", name, o)
	}
	l.state.Pods[name] = pod
	return nil
}

func (l *Log) check() {
	for _, p := range l.promises {
		for _, what := range p.Broken(l.state.Pods) {
			l.broken = append(l.broken, fmt.Sprintf("at revision %d: %s: %s", l.state.Revision, p.Owner, what))
		}
	}
}

// Hold holds every moment from now on to a promise.
func (l *Log) Hold(p Promise) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.promises = append(l.promises, p)
	l.check()
}

// Free ends all promises, and returns how they were broken.
func (l *Log) Free() ([]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	broken := l.broken
	l.promises, l.broken = nil, nil
	return broken, l.err
}

// State is the newest state. The pods in it are read-only.
func (l *Log) State() State {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := l.state
	out.Pods = make(map[string]*corev1.Pod, len(l.state.Pods))
	for name, p := range l.state.Pods {
		out.Pods[name] = p
	}
	return out
}
