// Package v1alpha1 holds NodeAgent, a resource that runs one pod per node as a DaemonSet
// does, with the policies of package rollout besides.
//
// +kubebuilder:object:generate=true
// +groupName=agents.example.com
package v1alpha1

//go:generate go tool controller-gen object paths=.
//go:generate go tool controller-gen crd:crdVersions=v1 paths=. output:crd:dir=../../config/crd
