package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// TestFaultAnswers has client-go read each fault as what it stands for.
func TestFaultAnswers(t *testing.T) {
	served := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		served++
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"apiVersion":"v1","kind":"Pod"}`)
	}))
	defer server.Close()
	for _, tt := range []struct {
		fault  Fault
		is     func(error) bool
		served int
	}{
		{Conflict, apierrors.IsConflict, 0},
		{Quota, apierrors.IsForbidden, 0},
		{Webhook, apierrors.IsBadRequest, 0},
		{TimeoutBefore, func(err error) bool { return err != nil && apierrors.ReasonForError(err) == metav1.StatusReasonUnknown }, 0},
		{TimeoutAfter, func(err error) bool { return err != nil && apierrors.ReasonForError(err) == metav1.StatusReasonUnknown }, 1},
	} {
		t.Run(tt.fault.String(), func(t *testing.T) {
			faults := NewFaults(1)
			faults.Rate, faults.kinds = 1, []Fault{tt.fault}
			cfg := &rest.Config{Host: server.URL}
			cfg.Wrap(faults.Wrap)
			served = 0
			_, err := kubernetes.NewForConfigOrDie(cfg).CoreV1().Pods("a").Create(t.Context(), &corev1.Pod{}, metav1.CreateOptions{})
			if !tt.is(err) || served != tt.served {
				t.Errorf("Create = %v with %d requests served, want %d", err, served, tt.served)
			}
			if hits, _ := faults.Hits(); hits[tt.fault] != 1 {
				t.Errorf("Hits = %v, want one", hits)
			}
		})
	}
}

// TestResourceOf has the requests that a controller makes.
func TestResourceOf(t *testing.T) {
	for path, want := range map[string]string{
		"/api/v1/namespaces/a/pods":                      "pods",
		"/api/v1/namespaces/a/pods/p":                    "pods",
		"/api/v1/namespaces/a/pods/p/binding":            "pods/binding",
		"/api/v1/nodes":                                  "nodes",
		"/api/v1/namespaces/a":                           "namespaces",
		"/apis/apps/v1/namespaces/a/daemonsets/d/status": "daemonsets/status",
		"/apis/agents.test/v1alpha1/nodeagents":          "nodeagents",
		"/api":                                           "discovery",
		"/apis/apps/v1":                                  "discovery",
	} {
		if got := resourceOf(httptest.NewRequest(http.MethodGet, path, strings.NewReader(""))); got != want {
			t.Errorf("resourceOf(%s) = %s, want %s", path, got, want)
		}
	}
}
