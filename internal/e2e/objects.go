package e2e

import (
	"cmp"
	"context"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// Objects are an owner and all pods, revisions and events in its namespace.
type Objects struct {
	// Owner is nil when there is none.
	Owner     *appsv1.DaemonSet
	Pods      []*corev1.Pod
	Revisions []*appsv1.ControllerRevision
	// Events are types and reasons, each once: how many there are depends on timing, and their texts have
	// random names.
	Events []string
}

// Read reads the objects of one owner's namespace.
func Read(ctx context.Context, client kubernetes.Interface, owners Owners, namespace, name string) (*Objects, error) {
	out := &Objects{}
	owner, err := owners.Get(ctx, namespace, name)
	switch {
	case err == nil:
		out.Owner = owner
	case !apierrors.IsNotFound(err):
		return nil, err
	}
	pods, err := client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for i := range pods.Items {
		out.Pods = append(out.Pods, &pods.Items[i])
	}
	revisions, err := client.AppsV1().ControllerRevisions(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for i := range revisions.Items {
		out.Revisions = append(out.Revisions, &revisions.Items[i])
	}
	events, err := client.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, err
	}
	for _, e := range events.Items {
		out.Events = append(out.Events, e.Type+" "+e.Reason)
	}
	slices.Sort(out.Events)
	out.Events = slices.Compact(out.Events)
	return out, nil
}

// Version changes when an object other than an event does.
func (o *Objects) Version() string {
	var versions []string
	add := func(m metav1.Object) { versions = append(versions, string(m.GetUID())+"@"+m.GetResourceVersion()) }
	if o.Owner != nil {
		add(o.Owner)
	}
	for _, p := range o.Pods {
		add(p)
	}
	for _, r := range o.Revisions {
		add(r)
	}
	return strings.Join(versions, " ")
}

// Plain returns the objects without what two namespaces and two kinds of owner have
// different: random names, UIDs, versions, times, the namespace itself. An owner reference
// is plain only if it is the one that owners of this kind give; dead is the UID that the owner had in case it
// is gone.
func (o *Objects) Plain(owners Owners, dead types.UID) *Objects {
	uid := dead
	if o.Owner != nil {
		uid = o.Owner.UID
	}
	plainMeta := func(m *metav1.ObjectMeta) {
		m.UID, m.ResourceVersion, m.CreationTimestamp, m.ManagedFields = "", "", metav1.Time{}, nil
		m.Namespace = ""
		if m.DeletionTimestamp != nil {
			m.DeletionTimestamp = &metav1.Time{}
		}
		if m.GenerateName != "" {
			m.Name = m.GenerateName
		}
		for i := range m.OwnerReferences {
			ref := &m.OwnerReferences[i]
			if ref.APIVersion == owners.APIVersion() && ref.Kind == owners.Kind {
				ref.APIVersion, ref.Kind = "", "the kind of the owner"
			}
			if ref.UID == uid {
				ref.UID = "the UID of the owner"
			}
		}
	}
	out := &Objects{Events: o.Events}
	if o.Owner != nil {
		out.Owner = o.Owner.DeepCopy()
		out.Owner.TypeMeta = metav1.TypeMeta{}
		plainMeta(&out.Owner.ObjectMeta)
	}
	for _, p := range o.Pods {
		p = p.DeepCopy()
		plainMeta(&p.ObjectMeta)
		if p.Status.StartTime != nil {
			p.Status.StartTime = &metav1.Time{}
		}
		for i := range p.Status.Conditions {
			p.Status.Conditions[i].LastTransitionTime = metav1.Time{}
			p.Status.Conditions[i].LastProbeTime = metav1.Time{}
		}
		out.Pods = append(out.Pods, p)
	}
	slices.SortFunc(out.Pods, comparePods)
	for _, r := range o.Revisions {
		r = r.DeepCopy()
		plainMeta(&r.ObjectMeta)
		out.Revisions = append(out.Revisions, r)
	}
	return out
}

// comparePods is an order of pods without names.
func comparePods(a, b *corev1.Pod) int {
	return cmp.Or(
		cmp.Compare(nodeOf(a), nodeOf(b)),
		cmp.Compare(a.Labels[appsv1.DefaultDaemonSetUniqueLabelKey], b.Labels[appsv1.DefaultDaemonSetUniqueLabelKey]),
		cmp.Compare(a.Status.Phase, b.Status.Phase), cmp.Compare(len(a.OwnerReferences), len(b.OwnerReferences)))
}

// nodeOf is the node that a pod runs on or is meant for.
func nodeOf(p *corev1.Pod) string {
	if p.Spec.NodeName != "" {
		return p.Spec.NodeName
	}
	return pinnedTo(p)
}
