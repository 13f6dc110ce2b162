package rollout

import "slices"

// DeepCopyInto copies the policy into out. Functions, the Order and IgnoreNodes are shared.
// It does nothing if the policy or out is nil.
func (p *Policy) DeepCopyInto(out *Policy) {
	if p == nil || out == nil {
		return
	}
	*out = *p
	out.IgnoreNotReadyNodes = clone(p.IgnoreNotReadyNodes)
	out.IgnoreStuckPods = clone(p.IgnoreStuckPods)
	out.NodeSelector = p.NodeSelector.DeepCopy()
	if p.Canary != nil {
		out.Canary = clone(p.Canary)
		out.Canary.NodeSelector = p.Canary.NodeSelector.DeepCopy()
		out.Canary.Spread = slices.Clone(p.Canary.Spread)
	}
	out.Partition = clone(p.Partition)
	if p.OneDomain != nil {
		out.OneDomain = clone(p.OneDomain)
		out.OneDomain.First = slices.Clone(p.OneDomain.First)
	}
	out.DomainBudgets = slices.Clone(p.DomainBudgets)
	out.SlowStart = clone(p.SlowStart)
}

// DeepCopy returns a copy that shares nothing with the policy except functions, the
// Order and IgnoreNodes, which a State recognizes by their pointers. nil gives nil.
func (p *Policy) DeepCopy() *Policy {
	if p == nil {
		return nil
	}
	out := &Policy{}
	p.DeepCopyInto(out)
	return out
}

// DeepCopyInto copies the trial into out. It does nothing if the trial or out is nil.
func (t *CanaryTrial) DeepCopyInto(out *CanaryTrial) {
	if t == nil || out == nil {
		return
	}
	*out = *t
	out.Nodes = slices.Clone(t.Nodes)
}

// DeepCopy returns a copy that shares nothing with the trial. nil gives nil.
func (t *CanaryTrial) DeepCopy() *CanaryTrial {
	if t == nil {
		return nil
	}
	out := &CanaryTrial{}
	t.DeepCopyInto(out)
	return out
}

func clone[T any](p *T) *T {
	if p == nil {
		return nil
	}
	out := *p
	return &out
}
