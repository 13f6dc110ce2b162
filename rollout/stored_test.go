package rollout

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
)

// TestDefaultTemplate: the values are those of SetObjectDefaults_DaemonSet@v1.37.2.
func TestDefaultTemplate(t *testing.T) {
	const (
		pod       = `"dnsPolicy":"ClusterFirst","restartPolicy":"Always","schedulerName":"default-scheduler","securityContext":{},"terminationGracePeriodSeconds":30`
		container = `"terminationMessagePath":"/dev/termination-log","terminationMessagePolicy":"File","imagePullPolicy":"IfNotPresent"`
	)
	for _, tc := range []struct {
		name, why string
		in, want  string // the spec, besides what pod holds
	}{
		{"nothing", "a pod's own defaults", `{}`, `{}`},
		{
			"pod", "what is set stays",
			`{"dnsPolicy":"Default","restartPolicy":"Never","schedulerName":"x","securityContext":{"runAsUser":0},"terminationGracePeriodSeconds":0}`,
			`{"dnsPolicy":"Default","restartPolicy":"Never","schedulerName":"x","securityContext":{"runAsUser":0},"terminationGracePeriodSeconds":0}`,
		},
		{"service account", "the deprecated name follows", `{"serviceAccountName":"a","serviceAccount":"b"}`, `{"serviceAccountName":"a","serviceAccount":"a"}`},
		{"deprecated service account", "it counts where it is alone", `{"serviceAccount":"b"}`, `{"serviceAccountName":"b","serviceAccount":"b"}`},
		{
			"containers", "each kind",
			`{"containers":[{"name":"a","image":"x:1"}],"initContainers":[{"name":"b","image":"x:1"}],"ephemeralContainers":[{"name":"c","image":"x:1"}]}`,
			`{"containers":[{"name":"a","image":"x:1",` + container + `}],"initContainers":[{"name":"b","image":"x:1",` + container + `}],"ephemeralContainers":[{"name":"c","image":"x:1",` + container + `}]}`,
		},
		{
			"container", "what is set stays",
			`{"containers":[{"name":"a","image":"x","terminationMessagePath":"/x","terminationMessagePolicy":"FallbackToLogsOnError","imagePullPolicy":"Never"}]}`,
			`{"containers":[{"name":"a","image":"x","terminationMessagePath":"/x","terminationMessagePolicy":"FallbackToLogsOnError","imagePullPolicy":"Never"}]}`,
		},
		{
			"in a container", "ports, variables, resources in thousandths",
			`{"containers":[{"name":"a","image":"x:1","ports":[{"containerPort":80},{"containerPort":53,"protocol":"UDP"}],
				"env":[{"name":"e","valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName"}}},{"name":"f","valueFrom":{"fileKeyRef":{"key":"k","path":"p","volumeName":"v"}}}],
				"resources":{"limits":{"cpu":"100u"},"requests":{"cpu":"1"}}}]}`,
			`{"containers":[{"name":"a","image":"x:1",` + container + `,"ports":[{"containerPort":80,"protocol":"TCP"},{"containerPort":53,"protocol":"UDP"}],
				"env":[{"name":"e","valueFrom":{"fieldRef":{"fieldPath":"spec.nodeName","apiVersion":"v1"}}},{"name":"f","valueFrom":{"fileKeyRef":{"key":"k","path":"p","volumeName":"v","optional":false}}}],
				"resources":{"limits":{"cpu":"1m"},"requests":{"cpu":"1"}}}]}`,
		},
		{
			"probes", "each probe and hook",
			`{"containers":[{"name":"a","image":"x:1","livenessProbe":{"httpGet":{"port":1}},"readinessProbe":{"grpc":{"port":1}},"startupProbe":{"periodSeconds":3,"timeoutSeconds":4,"failureThreshold":5,"successThreshold":6},
				"lifecycle":{"postStart":{"httpGet":{"port":1,"path":"/x","scheme":"HTTPS"}},"preStop":{"httpGet":{"port":1}}}}]}`,
			`{"containers":[{"name":"a","image":"x:1",` + container + `,"livenessProbe":{"httpGet":{"port":1,"path":"/","scheme":"HTTP"},"periodSeconds":10,"timeoutSeconds":1,"failureThreshold":3,"successThreshold":1},
				"readinessProbe":{"grpc":{"port":1,"service":""},"periodSeconds":10,"timeoutSeconds":1,"failureThreshold":3,"successThreshold":1},
				"startupProbe":{"periodSeconds":3,"timeoutSeconds":4,"failureThreshold":5,"successThreshold":6},
				"lifecycle":{"postStart":{"httpGet":{"port":1,"path":"/x","scheme":"HTTPS"}},"preStop":{"httpGet":{"port":1,"path":"/","scheme":"HTTP"}}}}]}`,
		},
		{
			"volumes", "each that has a default, and none is an empty directory",
			`{"volumes":[{"name":"0"},{"name":"1","hostPath":{"path":"/x"}},{"name":"2","secret":{}},{"name":"3","configMap":{"defaultMode":256}},
				{"name":"4","downwardAPI":{"items":[{"path":"x","fieldRef":{"fieldPath":"y"}}]}},
				{"name":"5","projected":{"sources":[{"serviceAccountToken":{"path":"x"}},{"downwardAPI":{"items":[{"path":"x","fieldRef":{"fieldPath":"y"}}]}}]}},
				{"name":"6","iscsi":{"targetPortal":"x","iqn":"y","lun":0}},{"name":"7","rbd":{"monitors":[],"image":"x"}},
				{"name":"8","azureDisk":{"diskName":"x","diskURI":"y"}},{"name":"9","scaleIO":{"gateway":"x","system":"y","secretRef":{}}},
				{"name":"10","ephemeral":{"volumeClaimTemplate":{"spec":{"resources":{"requests":{"storage":"1500u"}}}}}},
				{"name":"11","image":{"reference":"x"}},{"name":"12","configMap":{}}]}`,
			`{"volumes":[{"name":"0","emptyDir":{}},{"name":"1","hostPath":{"path":"/x","type":""}},{"name":"2","secret":{"defaultMode":420}},{"name":"3","configMap":{"defaultMode":256}},
				{"name":"4","downwardAPI":{"items":[{"path":"x","fieldRef":{"fieldPath":"y","apiVersion":"v1"}}],"defaultMode":420}},
				{"name":"5","projected":{"defaultMode":420,"sources":[{"serviceAccountToken":{"path":"x","expirationSeconds":3600}},{"downwardAPI":{"items":[{"path":"x","fieldRef":{"fieldPath":"y","apiVersion":"v1"}}]}}]}},
				{"name":"6","iscsi":{"targetPortal":"x","iqn":"y","lun":0,"iscsiInterface":"default"}},{"name":"7","rbd":{"monitors":[],"image":"x","pool":"rbd","user":"admin","keyring":"/etc/ceph/keyring"}},
				{"name":"8","azureDisk":{"diskName":"x","diskURI":"y","cachingMode":"ReadWrite","fsType":"ext4","readOnly":false,"kind":"Shared"}},
				{"name":"9","scaleIO":{"gateway":"x","system":"y","secretRef":{},"storageMode":"ThinProvisioned","fsType":"xfs"}},
				{"name":"10","ephemeral":{"volumeClaimTemplate":{"spec":{"resources":{"requests":{"storage":"2m"}},"volumeMode":"Filesystem"}}}},
				{"name":"11","image":{"reference":"x","pullPolicy":"Always"}},{"name":"12","configMap":{"defaultMode":420}}]}`,
		},
		{
			"pod resources", "thousandths as well",
			`{"overhead":{"cpu":"1n"},"resources":{"limits":{"cpu":"1n"},"requests":{"cpu":"1n"}}}`,
			`{"overhead":{"cpu":"1m"},"resources":{"limits":{"cpu":"1m"},"requests":{"cpu":"1m"}}}`,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			template := func(spec string) *corev1.PodTemplateSpec {
				out := &corev1.PodTemplateSpec{}
				if err := json.Unmarshal([]byte(`{"spec":`+spec+`}`), out); err != nil {
					t.Fatal(err)
				}
				return out
			}
			got, want := template(tc.in), template("{"+pod+"}")
			if err := json.Unmarshal([]byte(`{"spec":`+tc.want+`}`), want); err != nil {
				t.Fatal(err)
			}
			for range 2 { // A second time there is nothing left to set.
				defaultTemplate(got)
				if diff := cmp.Diff(jsonOf(t, want), jsonOf(t, got)); diff != "" {
					t.Fatalf("defaultTemplate(%s) differs: %s (-want +got):\n%s", tc.in, tc.why, diff)
				}
			}
		})
	}
}

func jsonOf(t *testing.T, v any) any {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(b, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestImageTag: the answers are ParseImageName's of v1.37.2.
func TestImageTag(t *testing.T) {
	hex := strings.Repeat("0123456789abcdef", 4)
	for _, tc := range []struct{ image, want, why string }{
		{"nginx", "latest", "no tag"},
		{"nginx:1.27.4-alpine", "1.27.4-alpine", "a tag"},
		{"nginx:latest", "latest", "the tag itself"},
		{"localhost:5000/nginx", "latest", "a port is no tag"},
		{"localhost:5000/nginx:1", "1", "a port and a tag"},
		{"[::1]:5000/nginx", "latest", "an address"},
		{"[::1]/nginx", "latest", "an address without a port"},
		{"nginx:latest@sha256:01", "", "a tag beside what is no digest"},
		{"FOO/nginx", "latest", "what has capitals is a registry"},
		{"a_b.c/nginx:1", "1", "what is no registry is a component"},
		{"nginx@sha256:" + hex, "", "a digest needs no tag"},
		{"nginx:latest@sha256:" + hex, "latest", "a tag beside a digest"},
		{"nginx@sha256:01", "", "too short a digest"},
		{"nginx@md5:" + hex, "", "no digest that images have"},
		{hex, "", "an identifier is no name"},
		{"", "", "no name"}, {"Nginx", "", "capitals"}, {"nginx:", "", "no tag after all"}, {"a//b", "", "an empty component"},
		{"a..b", "", "two dots"}, {"a___b", "", "three underscores"}, {"a-", "", "a dash at the end"}, {"nginx:.x", "", "a tag with a dot first"},
		{"a__b", "latest", "two underscores"}, {"a---b", "latest", "dashes"}, {"nginx:" + strings.Repeat("x", 129), "", "a long tag"},
		{strings.Repeat("x", 256), "", "a long name"}, {"r.io:x/a", "", "a port of letters"}, {"[::1/a", "", "half an address"},
	} {
		if got := imageTag(tc.image); got != tc.want {
			t.Errorf("imageTag(%q) = %q, want %q: %s", tc.image, got, tc.want, tc.why)
		}
	}
}

// TestAsUpdated: what a client cannot change comes from the object that is there
// (PrepareForUpdate@v1.37.2).
func TestAsUpdated(t *testing.T) {
	generation := func(value string) map[string]string {
		return map[string]string{appsv1.DeprecatedTemplateGeneration: value}
	}
	dsOf := func(annotations map[string]string, image string, minReady int32) *appsv1.DaemonSet {
		ds := &appsv1.DaemonSet{}
		ds.Generation, ds.Annotations, ds.Spec.MinReadySeconds = 3, annotations, minReady
		ds.Spec.Template.Spec.Containers = []corev1.Container{{Name: "a", Image: image}}
		return ds
	}
	for _, tc := range []struct {
		name, why       string
		cur, old        *appsv1.DaemonSet
		generation      int64
		annotation      string
		annotationThere bool
	}{
		{"same", "nothing is raised", dsOf(generation("9"), "x", 0), dsOf(generation("7"), "x", 0), 3, "7", true},
		{"spec", "the generation alone", dsOf(nil, "x", 1), dsOf(generation("7"), "x", 0), 4, "7", true},
		{"template", "both", dsOf(nil, "y", 0), dsOf(generation("7"), "x", 0), 4, "8", true},
		{"no annotation", "there was none", dsOf(generation("9"), "y", 0), dsOf(nil, "x", 0), 4, "", false},
		{"no number", "it cannot be raised", dsOf(nil, "y", 0), dsOf(generation("x"), "x", 0), 4, "x", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := tc.cur.DeepCopy()
			got := asUpdated(tc.cur, tc.old)
			annotation, ok := got.Annotations[appsv1.DeprecatedTemplateGeneration]
			if got.Generation != tc.generation || annotation != tc.annotation || ok != tc.annotationThere {
				t.Errorf("asUpdated() has generation %d, annotation %q, %v, want %d, %q, %v: %s",
					got.Generation, annotation, ok, tc.generation, tc.annotation, tc.annotationThere, tc.why)
			}
			if diff := cmp.Diff(before, tc.cur); diff != "" {
				t.Errorf("asUpdated() changed its argument (-before +after):\n%s", diff)
			}
		})
	}
}
