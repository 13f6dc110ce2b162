package e2e

import (
	"context"
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/util/retry"
)

// Owners reads and writes the owners of pods, whose kind has the fields of a DaemonSet and perhaps
// others.
type Owners struct {
	Client   dynamic.Interface
	Resource schema.GroupVersionResource
	Kind     string
}

// APIVersion is what owner references say.
func (o Owners) APIVersion() string { return o.Resource.GroupVersion().String() }

// Get returns an owner as a DaemonSet.
func (o Owners) Get(ctx context.Context, namespace, name string) (*appsv1.DaemonSet, error) {
	u, err := o.Client.Resource(o.Resource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return asDaemonSet(u)
}

// Create creates an owner, with more fields in its spec.
func (o Owners) Create(ctx context.Context, ds *appsv1.DaemonSet, more map[string]any) error {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(ds)
	if err != nil {
		return err
	}
	u := &unstructured.Unstructured{Object: content}
	u.SetAPIVersion(o.APIVersion())
	u.SetKind(o.Kind)
	unstructured.RemoveNestedField(content, "status")
	maps.Copy(content["spec"].(map[string]any), more)
	_, err = o.Client.Resource(o.Resource).Namespace(ds.Namespace).Create(ctx, u, metav1.CreateOptions{})
	return err
}

// Update changes the metadata and the spec of an owner, whose fields beyond a DaemonSet's stay as
// they are, except those in more.
func (o Owners) Update(ctx context.Context, namespace, name string, change func(*appsv1.DaemonSet), more map[string]any) error {
	client := o.Client.Resource(o.Resource).Namespace(namespace)
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		u, err := client.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		ds, err := asDaemonSet(u)
		if err != nil {
			return err
		}
		if change != nil {
			change(ds)
		}
		content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(ds)
		if err != nil {
			return err
		}
		u.Object["metadata"] = content["metadata"]
		spec := u.Object["spec"].(map[string]any)
		maps.Copy(spec, content["spec"].(map[string]any))
		maps.Copy(spec, more)
		_, err = client.Update(ctx, u, metav1.UpdateOptions{})
		return err
	})
}

// Delete deletes an owner.
func (o Owners) Delete(ctx context.Context, namespace, name string, propagation metav1.DeletionPropagation) error {
	return o.Client.Resource(o.Resource).Namespace(namespace).Delete(ctx, name, metav1.DeleteOptions{PropagationPolicy: &propagation})
}

func asDaemonSet(u *unstructured.Unstructured) (*appsv1.DaemonSet, error) {
	ds := &appsv1.DaemonSet{}
	return ds, runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, ds)
}
