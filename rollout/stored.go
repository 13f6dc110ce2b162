package rollout

import (
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/pernode/daemonset/daemon"
)

// asStored returns a DaemonSet as the API server would store it: a copy with all
// defaults, those of the pod template among them. nil stays nil.
func asStored(ds *appsv1.DaemonSet) *appsv1.DaemonSet {
	out := daemon.Default(ds)
	if out != nil {
		defaultTemplate(&out.Spec.Template)
	}
	return out
}

// asUpdated returns cur as the API server would store it in the place of old,
// both of them stored (BeforeUpdate, PrepareForUpdate @v1.37.2). What a client
// cannot change comes from old.
func asUpdated(cur, old *appsv1.DaemonSet) *appsv1.DaemonSet {
	out := cur.DeepCopy()
	if out.Name == "" {
		out.Name = old.Name
	}
	if out.Namespace == "" {
		out.Namespace = old.Namespace
	}
	if out.UID == "" {
		out.UID = old.UID
	}
	if out.ResourceVersion == "" {
		out.ResourceVersion = old.ResourceVersion
	}
	out.CreationTimestamp = old.CreationTimestamp
	out.Generation = old.Generation
	out.Status = *old.Status.DeepCopy()
	templates := equality.Semantic.DeepEqual(out.Spec.Template, old.Spec.Template)
	if !equality.Semantic.DeepEqual(out.Spec, old.Spec) {
		out.Generation++
	}
	// The template generation is a field inside the server and an annotation
	// outside.
	annotation, ok := old.Annotations[appsv1.DeprecatedTemplateGeneration]
	if !ok {
		delete(out.Annotations, appsv1.DeprecatedTemplateGeneration)
		return out
	}
	if generation, err := strconv.ParseInt(annotation, 10, 64); err == nil && !templates {
		annotation = strconv.FormatInt(generation+1, 10)
	}
	if out.Annotations == nil {
		out.Annotations = make(map[string]string, 1)
	}
	out.Annotations[appsv1.DeprecatedTemplateGeneration] = annotation
	return out
}

// defaultTemplate sets what the API server sets in the pod template of a DaemonSet
// where it is not set (SetObjectDefaults_DaemonSet@v1.37.2). That is less than what
// it sets in pods.
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

// pullPolicy is the default for an image: Always for the tag latest, which is what
// an image without tag and digest has.
func pullPolicy(image string) corev1.PullPolicy {
	if imageTag(image) == "latest" {
		return corev1.PullAlways
	}
	return corev1.PullIfNotPresent
}

// imageTag returns the tag of an image, "latest" where there is neither a tag nor a
// digest, and "" for what is no image name (ParseImageName@v1.37.2).
func imageTag(image string) string {
	name, digest, hasDigest := strings.Cut(image, "@")
	if hasDigest && !validDigest(digest) {
		return ""
	}
	tag := ""
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name, tag = name[:i], name[i+1:]
		if !validTag(tag) {
			return ""
		}
	}
	if !validRepository(name) || !hasDigest && tag == "" && hexadecimal(name) && len(name) == 64 {
		return ""
	}
	if tag == "" && !hasDigest {
		return "latest"
	}
	return tag
}

func validTag(tag string) bool {
	return tag != "" && len(tag) <= 128 && tag[0] != '.' && tag[0] != '-' &&
		strings.Trim(tag, letters+capitals+digits+"_.-") == ""
}

// validDigest knows the digests that images have: sha256, sha384 and sha512.
func validDigest(digest string) bool {
	algorithm, value, _ := strings.Cut(digest, ":")
	length := map[string]int{"sha256": 64, "sha384": 96, "sha512": 128}[algorithm]
	return length > 0 && len(value) == length && hexadecimal(value)
}

func hexadecimal(s string) bool { return strings.Trim(s, digits+"abcdef") == "" }

const (
	letters  = "abcdefghijklmnopqrstuvwxyz"
	capitals = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits   = "0123456789"
)

// validRepository checks a name without tag and digest: an optional registry, and
// a path of lower case components. What could be a registry but is none may still
// be a component.
func validRepository(name string) bool {
	if first, rest, found := strings.Cut(name, "/"); found && validRegistry(first) &&
		(strings.ContainsAny(first, ".:") || first == "localhost" || strings.ToLower(first) != first) {
		name = rest
	}
	for component := range strings.SplitSeq(name, "/") {
		if !validComponent(component) {
			return false
		}
	}
	return len(name) <= 255
}

func validRegistry(registry string) bool {
	host, port := registry, ""
	if i := strings.LastIndexByte(registry, ':'); i > strings.LastIndexByte(registry, ']') {
		if host, port = registry[:i], registry[i+1:]; port == "" || strings.Trim(port, digits) != "" {
			return false
		}
	}
	if address, ok := strings.CutPrefix(host, "["); ok {
		address, ok = strings.CutSuffix(address, "]")
		return ok && address != "" && strings.Trim(address, digits+"abcdefABCDEF:") == ""
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || strings.Trim(label, letters+capitals+digits+"-") != "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// validComponent wants runs of letters and digits, with a dot, one or two
// underscores, or any number of dashes between them.
func validComponent(s string) bool {
	for {
		rest := strings.TrimLeft(s, letters+digits)
		if len(rest) == len(s) {
			return false
		}
		if rest == "" {
			return true
		}
		s = strings.TrimLeft(rest, "._-")
		switch separator := rest[:len(rest)-len(s)]; {
		case separator == ".", separator == "_", separator == "__":
		case separator != "" && strings.Trim(separator, "-") == "":
		default:
			return false
		}
	}
}
