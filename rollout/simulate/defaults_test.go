package simulate

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
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
