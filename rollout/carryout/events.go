package carryout

import (
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/pernode/daemonset/daemon"
)

// The reasons of the events that a Writer records on the owner, besides those of the plan
// (SuccessfulCreatePodReason and its neighbours @v1.37.2).
const (
	EventSuccessfulCreate = "SuccessfulCreate"
	EventFailedCreate     = "FailedCreate"
	EventSuccessfulDelete = "SuccessfulDelete"
	EventFailedDelete     = "FailedDelete"
)

// EventRecorder records an event about an object. A record.EventRecorder of client-go is one.
type EventRecorder interface {
	Eventf(object runtime.Object, eventType, reason, format string, args ...any)
}

// record records one event.
func (p *pass) record(eventType, reason, format string, args ...any) {
	if p.Recorder != nil {
		p.Recorder.Eventf(p.owner, eventType, reason, format, args...)
	}
}

// recordPlanned records the events of the plan.
func (p *pass) recordPlanned(events []daemon.Event) {
	for _, e := range events {
		p.record(e.Type, e.Reason, "%s", e.Message)
	}
}
