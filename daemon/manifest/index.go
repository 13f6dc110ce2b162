package manifest

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// index finds the objects of Objects by their keys.
type index struct {
	named map[key]metav1.Object
	// listed are the objects of each kind in their order: callers change lists and objects, and a
	// copy of the Objects has the same index.
	listed map[string][]listed
}

type listed struct {
	key    key
	object metav1.Object
}

func (x *index) add(k key, object metav1.Object) {
	x.named[k] = object
	x.listed[k.kind] = append(x.listed[k.kind], listed{k, object})
}

// names returns the objects by their keys. To see that they are those of the last time takes much
// less time than to list them.
func (o *Objects) names() map[key]metav1.Object {
	if o == nil {
		return nil
	}
	if x := o.index; x == nil || !isListed(x.listed[kindDaemonSet], kindDaemonSet, o.DaemonSets) || !isListed(x.listed[kindNode], kindNode, o.Nodes) ||
		!isListed(x.listed[kindPod], kindPod, o.Pods) || !isListed(x.listed[kindRevision], kindRevision, o.Revisions) {
		size := len(o.DaemonSets) + len(o.Nodes) + len(o.Pods) + len(o.Revisions)
		o.index = &index{named: make(map[key]metav1.Object, size), listed: map[string][]listed{}}
		addAll(o.index, kindDaemonSet, o.DaemonSets)
		addAll(o.index, kindNode, o.Nodes)
		addAll(o.index, kindPod, o.Pods)
		addAll(o.index, kindRevision, o.Revisions)
	}
	return o.index.named
}

// pointer is a pointer to an object.
type pointer[T any] interface {
	*T
	metav1.Object
}

func addAll[T any, P pointer[T]](x *index, kind string, objects []P) {
	for _, object := range objects {
		if object != nil {
			x.add(keyOf(kind, object), object)
		}
	}
}

// isListed reports whether objects are listed with the keys that they have now. A nil is not
// listed.
func isListed[T any, P pointer[T]](list []listed, kind string, objects []P) bool {
	for _, object := range objects {
		if object == nil {
			continue
		}
		if len(list) == 0 || list[0].object != metav1.Object(object) || list[0].key != keyOf(kind, object) {
			return false
		}
		list = list[1:]
	}
	return len(list) == 0
}
