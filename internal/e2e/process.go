package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"

	"k8s.io/client-go/rest"
)

// processVariable is the environment variable that makes a process run a controller.
const processVariable = "DAEMONSET_E2E_CONTROLLER"

// processConfig is what a process is started with.
type processConfig struct {
	Controller, Namespace string
	Host                  string
	CA, Cert, Key         []byte
}

// Process is a controller in an operating system process of its own: it can be killed, and what
// it costs can be measured.
type Process struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
	out   *bufio.Reader
}

// Cost is what a process has taken and done.
type Cost struct {
	CPU      time.Duration
	Requests Requests
}

// StartProcess starts the program that calls it once more, to run a controller.
func StartProcess(c Controller, cfg *rest.Config, namespace string) (*Process, error) {
	config, err := json.Marshal(processConfig{
		Controller: c.Name, Namespace: namespace, Host: cfg.Host, CA: cfg.CAData, Cert: cfg.CertData, Key: cfg.KeyData,
	})
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p := &Process{cmd: exec.Command(program)}
	p.cmd.Env = append(os.Environ(), processVariable+"="+string(config))
	p.cmd.Stderr = os.Stderr
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p.out = bufio.NewReader(out)
	return p, p.cmd.Start()
}

// Kill ends the process at once, as a crash does.
func (p *Process) Kill() error {
	if err := p.cmd.Process.Kill(); err != nil {
		return err
	}
	var exit *exec.ExitError
	if err := p.cmd.Wait(); !errors.As(err, &exit) {
		return fmt.Errorf("killed process: %v", err)
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); !ok || status.Signal() != syscall.SIGKILL {
		return fmt.Errorf("the process ended before it was killed: %w", exit)
	}
	return nil
}

// Stop lets the process end, and returns its cost.
func (p *Process) Stop() (Cost, error) {
	p.stdin.Close()
	var cost Cost
	decodeErr := json.NewDecoder(p.out).Decode(&cost.Requests)
	if err := p.cmd.Wait(); err != nil {
		return Cost{}, err
	}
	cost.CPU = p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
	return cost, decodeErr
}

// RunProcess runs the controller that the environment names until standard input ends, and then ends
// the process. It returns if the environment names none.
func RunProcess(controllers ...Controller) {
	value := os.Getenv(processVariable)
	if value == "" {
		return
	}
	var config processConfig
	if err := json.Unmarshal([]byte(value), &config); err != nil {
		fatal(err)
	}
	requests := &Counter{}
	cfg := &rest.Config{Host: config.Host, QPS: -1, TLSClientConfig: rest.TLSClientConfig{
		CAData: config.CA, CertData: config.Cert, KeyData: config.Key,
	}}
	cfg.Wrap(requests.Wrap)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		// The end of the pipe is also that of the process that holds it.
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	for _, c := range controllers {
		if c.Name != config.Controller {
			continue
		}
		if err := c.Run(ctx, cfg, config.Namespace); err != nil {
			fatal(err)
		}
		if err := json.NewEncoder(os.Stdout).Encode(requests.Requests()); err != nil {
			fatal(err)
		}
		os.Exit(0)
	}
	fatal(fmt.Errorf("no controller %q", config.Controller))
}

func fatal(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
