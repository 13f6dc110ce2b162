package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The main packages of the two servers; go.mod names them as tools.
const (
	apiServerPackage = "k8s.io/kubernetes/cmd/kube-apiserver"
	etcdPackage      = "go.etcd.io/etcd/server/v3"
)

// Binaries are the paths of the two servers.
type Binaries struct{ APIServer, Etcd string }

// Build builds the servers from their Go modules, at the versions of go.mod, into a folder
// of the user's cache. The go command finds out by itself whether what is there is current.
// KUBEBUILDER_ASSETS may name a folder that has them already.
//
// It runs the go command without flags of its own: the packages that tests and
// servers share are then compiled once.
func Build(ctx context.Context) (Binaries, error) {
	if dir := os.Getenv("KUBEBUILDER_ASSETS"); dir != "" {
		return Binaries{filepath.Join(dir, "kube-apiserver"), filepath.Join(dir, "etcd")}, nil
	}
	versions, err := goCommand(ctx, "list", "-m", "-f", "{{.Version}}", "k8s.io/kubernetes", etcdPackage)
	if err != nil {
		return Binaries{}, err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return Binaries{}, err
	}
	dir := filepath.Join(cache, "daemonset-e2e", strings.Join(strings.Fields(versions), "-"))
	b := Binaries{filepath.Join(dir, "kube-apiserver"), filepath.Join(dir, "etcd")}
	for pkg, file := range map[string]string{apiServerPackage: b.APIServer, etcdPackage: b.Etcd} {
		if _, err := goCommand(ctx, "build", "-o", file, pkg); err != nil {
			return Binaries{}, err
		}
	}
	return b, nil
}

func goCommand(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %s: %w\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return string(out), nil
}
