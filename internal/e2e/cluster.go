package e2e

import (
	"errors"
	"fmt"
	"os"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// Cluster is a kube-apiserver and its etcd. It has no nodes but those that a test
// creates, and nothing runs in it but what a test starts.
type Cluster struct {
	// Config is an administrator's, without a limit on requests.
	Config *rest.Config
	// Client is made from it.
	Client kubernetes.Interface
	// Etcd is where the API server keeps its objects.
	Etcd *clientv3.Client

	env   *envtest.Environment
	certs string
}

// StartCluster starts the processes, with custom resources from the CRD files in folders.
func StartCluster(b Binaries, crds ...string) (*Cluster, error) {
	// A folder of our own, because envtest's is gone when the API server stops, and
	// with it the certificates that clients trust.
	certs, err := os.MkdirTemp("", "daemonset-e2e-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{env: &envtest.Environment{CRDDirectoryPaths: crds, ErrorIfCRDPathMissing: true}, certs: certs}
	c.env.ControlPlaneStartTimeout = time.Minute
	api := c.env.ControlPlane.GetAPIServer()
	api.Path, api.CertDir = b.APIServer, certs
	c.env.ControlPlane.Etcd = &envtest.Etcd{Path: b.Etcd}
	// A node would start with a not-ready taint that only a node controller takes
	// off again.
	api.Configure().Append("disable-admission-plugins", "TaintNodesByCondition")
	// All clients come from one address as one user: fair queueing would let the
	// simulated kubelets wait for the controllers.
	api.Configure().Set("enable-priority-and-fairness", "false")
	if c.Config, err = c.env.Start(); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	c.Config.QPS = -1
	if c.Client, err = kubernetes.NewForConfig(protobuf(c.Config)); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	c.Etcd, err = clientv3.New(clientv3.Config{Endpoints: []string{c.env.ControlPlane.Etcd.URL.String()}, DialTimeout: 10 * time.Second})
	if err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

// Stop stops what is running.
func (c *Cluster) Stop() error {
	if c.Etcd != nil {
		c.Etcd.Close()
	}
	return errors.Join(c.env.Stop(), os.RemoveAll(c.certs))
}

// CrashAPIServer kills the API server. Etcd goes on.
func (c *Cluster) CrashAPIServer() {
	api := c.env.ControlPlane.APIServer
	// The way to envtest's SIGKILL is an impatient stop, which is then an error.
	patience := api.StopTimeout
	api.StopTimeout = time.Nanosecond
	_ = api.Stop()
	api.StopTimeout = patience
}

// RestartAPIServer starts it again, at the same address, and waits until it answers.
func (c *Cluster) RestartAPIServer() error {
	if err := c.env.ControlPlane.APIServer.Start(); err != nil {
		return fmt.Errorf("start the API server again: %w", err)
	}
	return nil
}

// protobuf is how kube-controller-manager talks to its API server.
func protobuf(cfg *rest.Config) *rest.Config {
	out := rest.CopyConfig(cfg)
	out.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	out.ContentType = "application/vnd.kubernetes.protobuf"
	return out
}
