package simulate

import (
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
)

// withDefaults returns a copy of a DaemonSet with all defaults of the API server, those
// of the pod template included. nil stays nil.
func withDefaults(ds *appsv1.DaemonSet) *appsv1.DaemonSet {
	out := daemon.Default(ds)
	if out != nil {
		defaultTemplate(&out.Spec.Template)
	}
	return out
}

// defaultTemplate fills in the defaults that the API server gives the pod template of a
// DaemonSet (SetObjectDefaults_DaemonSet@v1.37.2). Pods get more.
func defaultTemplate(template *corev1.PodTemplateSpec) {
	spec := &template.Spec
	setDefault(&spec.ServiceAccountName, spec.DeprecatedServiceAccount)
	spec.DeprecatedServiceAccount = spec.ServiceAccountName
	setDefault(&spec.DNSPolicy, corev1.DNSClusterFirst)
	setDefault(&spec.RestartPolicy, corev1.RestartPolicyAlways)
	setPointer(&spec.SecurityContext, corev1.PodSecurityContext{})
	setPointer(&spec.TerminationGracePeriodSeconds, corev1.DefaultTerminationGracePeriodSeconds)
	setDefault(&spec.SchedulerName, corev1.DefaultSchedulerName)
	for i := range spec.Volumes {
		defaultVolume(&spec.Volumes[i])
	}
	for i := range spec.InitContainers {
		defaultContainer(&spec.InitContainers[i])
	}
	for i := range spec.Containers {
		defaultContainer(&spec.Containers[i])
	}
	for i := range spec.EphemeralContainers {
		defaultContainer((*corev1.Container)(&spec.EphemeralContainers[i].EphemeralContainerCommon))
	}
	roundUp(spec.Overhead)
	if spec.Resources != nil {
		roundUp(spec.Resources.Limits)
		roundUp(spec.Resources.Requests)
	}
}

func defaultVolume(volume *corev1.Volume) {
	if volume.VolumeSource == (corev1.VolumeSource{}) {
		volume.EmptyDir = &corev1.EmptyDirVolumeSource{}
	}
	if v := volume.Image; v != nil {
		setDefault(&v.PullPolicy, pullPolicy(v.Reference))
	}
	if v := volume.HostPath; v != nil {
		setPointer(&v.Type, corev1.HostPathUnset)
	}
	if v := volume.Secret; v != nil {
		setPointer(&v.DefaultMode, corev1.SecretVolumeSourceDefaultMode)
	}
	if v := volume.ConfigMap; v != nil {
		setPointer(&v.DefaultMode, corev1.ConfigMapVolumeSourceDefaultMode)
	}
	if v := volume.DownwardAPI; v != nil {
		setPointer(&v.DefaultMode, corev1.DownwardAPIVolumeSourceDefaultMode)
		defaultDownwardAPI(v.Items)
	}
	if v := volume.Projected; v != nil {
		setPointer(&v.DefaultMode, corev1.ProjectedVolumeSourceDefaultMode)
		for i := range v.Sources {
			if source := v.Sources[i].DownwardAPI; source != nil {
				defaultDownwardAPI(source.Items)
			}
			if source := v.Sources[i].ServiceAccountToken; source != nil {
				setPointer(&source.ExpirationSeconds, 60*60)
			}
		}
	}
	if v := volume.ISCSI; v != nil {
		setDefault(&v.ISCSIInterface, "default")
	}
	if v := volume.RBD; v != nil {
		setDefault(&v.RBDPool, "rbd")
		setDefault(&v.RadosUser, "admin")
		setDefault(&v.Keyring, "/etc/ceph/keyring")
	}
	if v := volume.AzureDisk; v != nil {
		setPointer(&v.CachingMode, corev1.AzureDataDiskCachingReadWrite)
		setPointer(&v.FSType, "ext4")
		setPointer(&v.ReadOnly, false)
		setPointer(&v.Kind, corev1.AzureSharedBlobDisk)
	}
	if v := volume.ScaleIO; v != nil {
		setDefault(&v.StorageMode, "ThinProvisioned")
		setDefault(&v.FSType, "xfs")
	}
	if v := volume.Ephemeral; v != nil && v.VolumeClaimTemplate != nil {
		claim := &v.VolumeClaimTemplate.Spec
		setPointer(&claim.VolumeMode, corev1.PersistentVolumeFilesystem)
		roundUp(claim.Resources.Limits)
		roundUp(claim.Resources.Requests)
	}
}

func defaultDownwardAPI(items []corev1.DownwardAPIVolumeFile) {
	for i := range items {
		defaultFieldRef(items[i].FieldRef)
	}
}

func defaultFieldRef(ref *corev1.ObjectFieldSelector) {
	if ref != nil {
		setDefault(&ref.APIVersion, "v1")
	}
}

func defaultContainer(c *corev1.Container) {
	setDefault(&c.ImagePullPolicy, pullPolicy(c.Image))
	setDefault(&c.TerminationMessagePath, corev1.TerminationMessagePathDefault)
	setDefault(&c.TerminationMessagePolicy, corev1.TerminationMessageReadFile)
	for i := range c.Ports {
		setDefault(&c.Ports[i].Protocol, corev1.ProtocolTCP)
	}
	for i := range c.Env {
		if from := c.Env[i].ValueFrom; from != nil {
			defaultFieldRef(from.FieldRef)
			if from.FileKeyRef != nil {
				setPointer(&from.FileKeyRef.Optional, false)
			}
		}
	}
	roundUp(c.Resources.Limits)
	roundUp(c.Resources.Requests)
	for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
		if probe != nil {
			defaultProbe(probe)
		}
	}
	if c.Lifecycle != nil {
		for _, hook := range []*corev1.LifecycleHandler{c.Lifecycle.PostStart, c.Lifecycle.PreStop} {
			if hook != nil {
				defaultHTTPGet(hook.HTTPGet)
			}
		}
	}
}

func defaultProbe(probe *corev1.Probe) {
	setDefault(&probe.TimeoutSeconds, 1)
	setDefault(&probe.PeriodSeconds, 10)
	setDefault(&probe.SuccessThreshold, 1)
	setDefault(&probe.FailureThreshold, 3)
	defaultHTTPGet(probe.HTTPGet)
	if probe.GRPC != nil {
		setPointer(&probe.GRPC.Service, "")
	}
}

func defaultHTTPGet(action *corev1.HTTPGetAction) {
	if action != nil {
		setDefault(&action.Path, "/")
		setDefault(&action.Scheme, corev1.URISchemeHTTP)
	}
}

// roundUp makes all amounts multiples of a thousandth, as the API server does
// (SetDefaults_ResourceList@v1.37.2).
func roundUp(list corev1.ResourceList) {
	const milli = -3
	for name, amount := range list {
		amount.RoundUp(milli)
		list[name] = amount
	}
}

func setDefault[T comparable](field *T, value T) {
	var none T
	if *field == none {
		*field = value
	}
}

func setPointer[T any](field **T, value T) {
	if *field == nil {
		*field = &value
	}
}
