package engine

import (
	"errors"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"

	"github.com/pernode/daemonset/rollout"
	"github.com/pernode/daemonset/rollout/simulate"
)

// act carries out an action after the frame on the screen, and drops the frames behind. An error
// changes nothing.
func (r *recording) act(a Action, texts *parsed, set string) error {
	at := r.at()
	in, others := r.input()
	seg := *at.segment
	f := &frame{at: at.at, action: true, ds: at.ds, revisions: at.revisions, backoff: at.backoff, trial: at.trial, segment: &seg}
	var change func(*simulate.Cluster) error
	switch {
	case a.Apply != nil:
		impact, err := propose(r, texts, set)
		if err != nil {
			return err
		}
		if len(impact.Refused) > 0 {
			return impact.Refused.ToAggregate()
		}
		f.title = "you: apply"
		f.nodes = nodeChanges(r.shown.nodes, impact.After.Nodes)
		in, f.ds, f.revisions = impact.After, impact.After.DaemonSet, impact.After.Revisions
		seg.applied = texts
	case a.Policy != nil:
		policy, err := a.Policy.policy()
		if err != nil {
			return err
		}
		seg.controls, seg.policy = *a.Policy, policy
		f.title = "you: policy: " + a.Policy.text()
	case a.Break != nil:
		var err error
		if change, f.nodes, err = r.breakage(a.Break, &seg, owned(in.DaemonSet, in.Pods)); err != nil {
			return err
		}
		f.title = "you: " + a.Break.text()
	case a.Promote:
		if at.trial == nil {
			return errors.New("promote: no canary is being tried")
		}
		f.trial = at.trial.DeepCopy()
		f.trial.State = rollout.CanaryPromoted
		f.title = "you: promote the canary"
	default:
		return errors.New("an action without content")
	}
	f.lines = []string{f.title}

	in.Pods = append(in.Pods, others...)
	before, was := r.shown.frame, *r
	r.frames = append(r.frames[:before+1:before+1], f)
	if err := r.play(in, &seg, change); err != nil {
		*r = was
		return err
	}
	f.pods, r.pods = r.pods, nil
	r.seek(before + 1)
	r.count(f)
	return nil
}

// owned returns the pods of a DaemonSet.
func owned(ds *appsv1.DaemonSet, pods []*corev1.Pod) []*corev1.Pod {
	return slices.DeleteFunc(slices.Clone(pods), func(pod *corev1.Pod) bool {
		for _, ref := range pod.OwnerReferences {
			if ref.Controller != nil && *ref.Controller && ref.Kind == "DaemonSet" && ref.Name == ds.Name {
				return false
			}
		}
		return true
	})
}

// propose returns what the texts would do to the frame on the screen.
func propose(r *recording, texts *parsed, set string) (*simulate.Impact, error) {
	subject := texts.subject(set)
	if subject == nil {
		return nil, fmt.Errorf("the texts have no DaemonSet %s", set)
	}
	in, _ := r.input()
	proposal := simulate.Proposal{DaemonSet: target(subject)}
	if applied := r.at().applied; applied.texts.Cluster != texts.texts.Cluster || applied.texts.Manifest != texts.texts.Manifest && len(texts.manifest.Nodes)+len(applied.manifest.Nodes) > 0 {
		proposal.Nodes = r.merged(applied.nodes, texts.nodes)
	}
	return simulate.WhatIf(in, proposal, simulate.Options{Policy: r.at().policy, CanaryTrial: r.at().trial})
}

// merged returns the nodes of the frame with what changes from old texts to new ones. What
// the user has broken stays broken.
func (r *recording) merged(old, cur []*corev1.Node) []*corev1.Node {
	before := map[string]*corev1.Node{}
	for _, node := range old {
		before[node.Name] = node
	}
	out := []*corev1.Node{}
	for _, node := range cur {
		is, was := r.shown.nodes[node.Name], before[node.Name]
		switch {
		case is == nil:
		case was != nil && equality.Semantic.DeepEqual(was, node):
			node = is
		default:
			if isDown(is) && !isDown(node) {
				node = withDown(node, true, r.at().at)
			}
			if isCordoned(is) && !isCordoned(node) {
				node = withCordon(node, true)
			}
			if f := r.at().broken[node.Name]; f != nil && f.taint != nil {
				node = node.DeepCopy()
				setTaint(node, *f.taint, true)
			}
		}
		out = append(out, node)
	}
	return out
}

// nodeChanges lists the nodes that differ.
func nodeChanges(old map[string]*corev1.Node, cur []*corev1.Node) []nodeChange {
	var out []nodeChange
	there := map[string]bool{}
	for _, node := range cur {
		there[node.Name] = true
		if is := old[node.Name]; is != node {
			out = append(out, nodeChange{is, node})
		}
	}
	for name, node := range old {
		if !there[name] {
			out = append(out, nodeChange{node, nil})
		}
	}
	return out
}
