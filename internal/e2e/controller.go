package e2e

import (
	"context"
	"fmt"

	"k8s.io/client-go/rest"
)

// Controller is a DaemonSet controller that can be started and stopped.
type Controller struct {
	// Name is what processes and failures call it.
	Name string
	// Run works on one namespace until the context ends.
	Run func(ctx context.Context, cfg *rest.Config, namespace string) error
}

// Start starts a controller in this process. The function returned stops it and waits until it
// has, with the error that it ended with.
func (c Controller) Start(ctx context.Context, cfg *rest.Config, namespace string) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- c.Run(ctx, cfg, namespace) }()
	return func() error {
		cancel()
		if err := <-done; err != nil {
			return fmt.Errorf("%s: %w", c.Name, err)
		}
		return nil
	}
}
