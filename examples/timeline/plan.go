package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/examples/internal/cli"
	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// plan is what the arguments ask for.
type plan struct {
	files []string
	set   string
	image string

	maxUnavailable, maxSurge *intstr.IntOrString
	byZone                   bool
	canaries                 *intstr.IntOrString
	canaryWait               time.Duration

	readyAfter, termination time.Duration
	neverReady              []string

	now time.Time
}

// input builds the initial state of the rollout. The notes list what was ignored or
// assumed.
func (p *plan) input(stdin io.Reader) (in daemon.Input, notes []string, err error) {
	if len(p.files) == 0 {
		in, err = builtIn(builtInZones, builtInPerZone)
		if p.image == "" {
			p.image = builtInNewImage
		}
	} else {
		in, notes, err = p.load(stdin)
	}
	if err != nil {
		return in, notes, err
	}
	in.DaemonSet = in.DaemonSet.DeepCopy()
	if err := p.change(in.DaemonSet); err != nil {
		return in, notes, err
	}
	if err := daemon.Validate(in.DaemonSet).ToAggregate(); err != nil {
		return in, notes, fmt.Errorf("DaemonSet %s/%s: %w", in.DaemonSet.Namespace, in.DaemonSet.Name, err)
	}
	return in, notes, nil
}

// load reads the files and chooses the DaemonSet.
func (p *plan) load(stdin io.Reader) (in daemon.Input, notes []string, err error) {
	var objects manifest.Objects
	if err := cli.ReadFiles(&objects, p.files, stdin); err != nil {
		return in, nil, err
	}
	notes = cli.PassedOver(&objects)
	subject, err := p.choose(objects.Subjects())
	if err != nil {
		return in, notes, err
	}
	set := subject.DaemonSet
	name := set.Namespace + "/" + set.Name
	var lacks error
	for _, note := range subject.Notes {
		if note.Kind == manifest.NoteNoNodes || note.Kind == manifest.NoteNoPods {
			lacks = fmt.Errorf("%s: %v", name, note)
			continue
		}
		notes = append(notes, name+": "+note.String())
	}
	in = subject.Input
	in.Now = p.now
	wrong := daemon.Validate(in.DaemonSet)
	switch {
	case len(wrong) > 0:
		return in, notes, objects.Locate(set, wrong)
	case lacks != nil:
		return in, notes, lacks
	case len(in.Nodes) == 0:
		return in, notes, errors.New("no nodes in the input")
	}
	if subject.Proposed == nil {
		return in, notes, nil
	}
	// The rollout to draw is that of the manifest.
	impact, err := simulate.WhatIf(in, simulate.Proposal{DaemonSet: subject.Proposed}, simulate.Options{})
	if err != nil {
		return in, notes, fmt.Errorf("%s: %w", name, err)
	}
	if len(impact.Refused) > 0 {
		return in, notes, objects.Locate(subject.Proposed, impact.Refused)
	}
	return impact.After, notes, nil
}

// choose finds the DaemonSet to draw.
func (p *plan) choose(subjects []manifest.Subject) (manifest.Subject, error) {
	switch {
	case len(subjects) == 0:
		return manifest.Subject{}, errors.New("no DaemonSet in the input")
	case p.set != "":
		return cli.Choose(subjects, p.set)
	case len(subjects) > 1:
		return manifest.Subject{}, fmt.Errorf("%d DaemonSets in the input, choose one with -set: %s", len(subjects), cli.Enumerate(cli.FullNames(subjects)))
	}
	return subjects[0], nil
}

// change makes the DaemonSet the one to roll out.
func (p *plan) change(set *appsv1.DaemonSet) error {
	if p.image != "" {
		if err := setImage(&set.Spec.Template.Spec, p.image); err != nil {
			return err
		}
		set.Generation++
	}
	if p.maxUnavailable == nil && p.maxSurge == nil {
		return nil
	}
	// Only one of the two may be other than zero.
	none := intstr.FromInt32(0)
	budgets := &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &none, MaxSurge: &none}
	if p.maxUnavailable != nil {
		budgets.MaxUnavailable = p.maxUnavailable
	}
	if p.maxSurge != nil {
		budgets.MaxSurge = p.maxSurge
	}
	set.Spec.UpdateStrategy = appsv1.DaemonSetUpdateStrategy{Type: appsv1.RollingUpdateDaemonSetStrategyType, RollingUpdate: budgets}
	return nil
}

// setImage is kubectl set image: CONTAINER=IMAGE, or IMAGE alone for the only
// container.
func setImage(spec *corev1.PodSpec, to string) error {
	name, image, named := strings.Cut(to, "=")
	if !named {
		name, image = "", to
	}
	var names []string
	for i := range spec.Containers {
		c := &spec.Containers[i]
		if c.Name == name || !named && len(spec.Containers) == 1 {
			c.Image = image
			return nil
		}
		names = append(names, c.Name)
	}
	if named {
		return fmt.Errorf("-image %s: no container %s, but %s", to, name, cli.Enumerate(names))
	}
	return fmt.Errorf("-image %s: of which container? Write CONTAINER=%s; there are %s", to, to, cli.Enumerate(names))
}

// policy restricts the update as the arguments ask for.
func (p *plan) policy() rollout.Policy {
	var policy rollout.Policy
	if p.byZone {
		policy.OneDomain = &rollout.OneDomain{Label: corev1.LabelTopologyZone}
	}
	if p.canaries != nil {
		policy.Canary = &rollout.Canary{Nodes: *p.canaries, Wait: metav1.Duration{Duration: p.canaryWait}}
	}
	return policy
}

// strategy names the strategy and what goes beyond it.
func (p *plan) strategy(set *appsv1.DaemonSet) string {
	text := string(set.Spec.UpdateStrategy.Type)
	if budgets := set.Spec.UpdateStrategy.RollingUpdate; budgets != nil {
		switch unavailable, surge := budgets.MaxUnavailable, budgets.MaxSurge; {
		case surge != nil && surge.String() != "0" && surge.String() != "0%":
			text = "maxSurge " + surge.String()
		case unavailable != nil:
			text = "maxUnavailable " + unavailable.String()
		}
	}
	if p.byZone {
		text += ", one zone at a time"
	}
	if p.canaries != nil {
		if p.canaries.Type == intstr.String {
			text += fmt.Sprintf(", canaries (%s) first", p.canaries)
		} else {
			text += fmt.Sprintf(", %s first", count(p.canaries.IntValue(), "canary", "canaries"))
		}
	}
	return text
}

// options say what restricts the update and how long pods take.
func (p *plan) options(nodes []*corev1.Node) (simulate.Options, error) {
	stuck := map[string]bool{}
	for _, name := range p.neverReady {
		if !slices.ContainsFunc(nodes, func(node *corev1.Node) bool { return node.Name == name }) {
			return simulate.Options{}, fmt.Errorf("-never-ready %s: there is no such node", name)
		}
		stuck[name] = true
	}
	return simulate.Options{
		Policy: p.policy(),
		PodTimes: func(node *corev1.Node, _ *corev1.Pod) simulate.PodTimes {
			times := simulate.PodTimes{ReadyAfter: p.readyAfter, TerminatesAfter: p.termination}
			if node != nil && stuck[node.Name] {
				times.ReadyAfter = -1
			}
			return times
		},
	}, nil
}
