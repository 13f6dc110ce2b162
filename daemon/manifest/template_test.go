package manifest

import (
	"fmt"
	"strings"
	"testing"
)

// TestTemplateValues: a value that can hold no braces is a template, and free text is not.
func TestTemplateValues(t *testing.T) {
	const braces = "'{{ .Values.x }}'"
	for _, tc := range []struct {
		template bool
		values   []string // of spec.template, with X for the text
	}{
		{true, []string{
			"{metadata: {labels: {app: X}}}", "{metadata: {labels: {X: app}}}", "{metadata: {annotations: {X: a}}}", "{metadata: {name: X}}",
			"{spec: {nodeSelector: {pool: X}}}", "{spec: {nodeSelector: {X: a}}}", "{spec: {serviceAccountName: X}}", "{spec: {priorityClassName: X}}",
			"{spec: {runtimeClassName: X}}", "{spec: {dnsPolicy: X}}", "{spec: {imagePullSecrets: [{name: X}]}}", "{spec: {hostname: X}}", "{spec: {os: {name: X}}}",
			"{spec: {tolerations: [{key: a}, {key: X}]}}", "{spec: {tolerations: [{operator: X}]}}", "{spec: {tolerations: [{value: X}]}}", "{spec: {tolerations: [{effect: X}]}}",
			"{spec: {affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: a, operator: In, values: [b, X]}]}]}}}}}",
			"{spec: {affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: X}]}}}}",
			"{spec: {affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {a: X}}}]}}}}",
			"{spec: {topologySpreadConstraints: [{whenUnsatisfiable: X}]}}",
			"{spec: {containers: [{name: X}]}}", "{spec: {containers: [{image: 'a:X'}]}}", "{spec: {initContainers: [{image: X}]}}", "{spec: {containers: [{imagePullPolicy: X}]}}",
			"{spec: {containers: [{ports: [{name: X}]}]}}", "{spec: {containers: [{ports: [{protocol: X}]}]}}", "{spec: {containers: [{readinessProbe: {httpGet: {port: X}}}]}}",
			"{spec: {containers: [{env: [{name: A, valueFrom: {secretKeyRef: {name: X}}}]}]}}", "{spec: {containers: [{env: [{name: A, valueFrom: {secretKeyRef: {key: X}}}]}]}}",
			"{spec: {containers: [{envFrom: [{configMapRef: {name: X}}]}]}}", "{spec: {containers: [{volumeMounts: [{name: X}]}]}}",
			"{spec: {containers: [{resources: {limits: {cpu: X}}}]}}", "{spec: {containers: [{resources: {limits: {X: 1}}}]}}",
			"{spec: {containers: [{securityContext: {seccompProfile: {type: X}}}]}}",
			"{spec: {volumes: [{name: X}]}}", "{spec: {volumes: [{configMap: {name: X}}]}}", "{spec: {volumes: [{secret: {secretName: X}}]}}", "{spec: {volumes: [{hostPath: {type: X}}]}}",
			"{spec: {volumes: [{projected: {sources: [{secret: {name: X}}]}}]}}", "{spec: {volumes: [{image: {reference: X}}]}}",
			"{spec: {hostNetwork: X}}", "{spec: {terminationGracePeriodSeconds: X}}", "{spec: {containers: X}}",
		}},
		{false, []string{
			"{metadata: {annotations: {a: X}}}", "{metadata: {annotations: {name: X}}}",
			"{spec: {containers: [{command: [a, X]}]}}", "{spec: {containers: [{args: [X]}]}}", "{spec: {containers: [{env: [{name: A, value: X}]}]}}",
			"{spec: {containers: [{env: [{name: X}]}]}}", "{spec: {containers: [{env: [{name: A, valueFrom: {fileKeyRef: {key: X}}}]}]}}", "{spec: {containers: [{workingDir: X}]}}", "{spec: {containers: [{terminationMessagePath: X}]}}",
			"{spec: {containers: [{volumeMounts: [{mountPath: X}]}]}}", "{spec: {containers: [{volumeMounts: [{subPath: X}]}]}}",
			"{spec: {containers: [{readinessProbe: {exec: {command: [X]}}}]}}", "{spec: {containers: [{readinessProbe: {httpGet: {path: X}}}]}}",
			"{spec: {containers: [{lifecycle: {preStop: {httpGet: {httpHeaders: [{name: A, value: X}]}}}}]}}",
			"{spec: {volumes: [{hostPath: {path: X}}]}}", "{spec: {volumes: [{configMap: {items: [{key: a, path: X}]}}]}}",
			"{spec: {volumes: [{csi: {volumeAttributes: {name: X}}}]}}", "{spec: {volumes: [{csi: {volumeAttributes: {X: a}}}]}}", "{spec: {volumes: [{flexVolume: {options: {type: X}}}]}}",
			"{spec: {dnsConfig: {options: [{name: X}]}}}", "{spec: {securityContext: {seLinuxOptions: {type: X}}}}", "{spec: {securityContext: {sysctls: [{name: a, value: X}]}}}",
			"{spec: {securityContext: {windowsOptions: {gmsaCredentialSpec: X}}}}",
		}},
	} {
		for _, value := range tc.values {
			value = strings.ReplaceAll(value, "'a:X'", "'a:{{ .Values.x }}'")
			value = strings.ReplaceAll(value, "X", braces)
			text := fmt.Sprintf("apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a}\nspec: {template: %s}\n", value)
			var o Objects
			err := o.Read("ds.yaml", strings.NewReader(text))
			if got := err != nil && strings.HasPrefix(err.Error(), "ds.yaml:4: document 1: spec.template.") && strings.HasSuffix(err.Error(), isTemplate); got != tc.template || !got && err != nil {
				t.Errorf("Read(%s) = %v, a template: %v, want %v", value, err, got, tc.template)
			}
		}
	}
}

// TestTemplateIsNotStored: what a server has stored has been rendered.
func TestTemplateIsNotStored(t *testing.T) {
	var o Objects
	const set = "apiVersion: apps/v1\nkind: DaemonSet\nmetadata: {name: a, uid: u}\nspec: {template: {spec: {containers: [{name: a, image: '{{x}}'}]}}}\n"
	if err := o.Read("ds.yaml", strings.NewReader(set)); err != nil {
		t.Error(err)
	}
	// A chart has other kinds, too, and these are passed over.
	for _, text := range []string{"kind: Deployment\nmetadata: {name: '{{x}}'}\n", "kind: ServiceList\nitems: []\n"} {
		if err := o.Read("other.yaml", strings.NewReader("apiVersion: '{{x}}'\n"+text)); err != nil {
			t.Error(err)
		}
	}
}
