package rollout

// holds are the nodes that one step holds back, most of them by their classes. A node that is held
// back is not touched and uses no budget.
type holds struct {
	// by is the restriction that holds back each node by itself, or zero. It is nil until
	// the first step under a policy. Only a failed canary holds back single nodes, which are not
	// pending. It closes all classes, too.
	by []Restriction
	// held are the positions of these nodes.
	held []int
	// closed is the restriction that holds back the pending nodes of each class, or zero.
	closed []Restriction
	// shut is the restriction that holds back all nodes of each class, also those that are not
	// pending, or zero.
	shut []Restriction
}

// begin forgets what the last step has held back.
func (h *holds) begin(nodes, classes int) {
	if h.by == nil {
		h.by = make([]Restriction, nodes)
	}
	for _, i := range h.held {
		h.by[i] = 0
	}
	h.held = h.held[:0]
	h.closed = append(h.closed[:0], make([]Restriction, classes)...)
	h.shut = append(h.shut[:0], make([]Restriction, classes)...)
}

// isHeld reports whether the last step has held a node back.
func (f *nodeFacts) isHeld(i int) bool {
	switch {
	case f.by == nil:
		return false
	case f.by[i] != 0:
		return true
	}
	class := f.classes.class(i)
	return f.shut[class] != 0 || f.roles[i].pending() && f.closed[class] != 0
}

// hold holds back one node. The first restriction that does so is recorded.
func (c *choice) hold(i int, by Restriction) {
	f := c.facts
	if f.isHeld(i) {
		return
	}
	f.looked++
	f.by[i], f.held = by, append(f.held, i)
	r := f.roles[i]
	switch {
	case r&roleUnavailable != 0:
		c.step.Unavailable--
	case r&roleSurging != 0:
		c.step.Surging--
	}
	if r&(roleOutdated|roleAbsent) == roleOutdated {
		c.restricted[by]++
	}
}

// closeClasses holds back the pending nodes of the classes that match. Each restriction
// may do that once in a step. Pending nodes never surge.
func (c *choice) closeClasses(by Restriction, match func(class int) bool) {
	f := c.facts
	for k := range f.classes.counts {
		if f.isOpen(k) && match(k) {
			f.closed[k] = by
			c.step.Unavailable -= f.classes.counts[k].pendingUnavailable
			c.restricted[by] += f.classes.counts[k].pendingPresent
		}
	}
}

// isOpen reports whether the pending nodes of a class are not held back together.
func (f *nodeFacts) isOpen(class int) bool { return f.closed[class] == 0 && f.shut[class] == 0 }

// shutClasses holds back all nodes of the classes with a flag, also those that are not pending.
// No node may be held back by itself yet.
func (c *choice) shutClasses(by Restriction, flag flags) {
	f := c.facts
	used := &c.step.Unavailable
	if f.surge {
		used = &c.step.Surging
	}
	for k := range f.classes.counts {
		counts := &f.classes.counts[k]
		if counts.flags&flag == 0 || f.shut[k] != 0 {
			continue
		}
		f.shut[k] = by
		*used -= counts.users
		c.restricted[by] += counts.outdatedPresent
		if f.closed[k] != 0 {
			*used += counts.pendingUnavailable
			c.restricted[by] -= counts.pendingPresent
		}
	}
}

// setFlag sets a flag of a node. Nodes that differ only in their flags are held back alike so far.
// It reports whether the flag was another one before.
func (c *choice) setFlag(i int, flag flags, set bool) bool {
	f := c.facts
	before := f.classes.class(i)
	changed := f.classes.setFlag(f.columns, i, flag, set, f.roles[i], f.surge)
	for len(f.closed) < len(f.classes.counts) {
		f.closed, f.shut = append(f.closed, f.closed[before]), append(f.shut, f.shut[before])
	}
	return changed
}

// replaceable returns the number of nodes of each class with an unavailable outdated pod
// that nothing holds back.
func (c *choice) replaceable() []int {
	f := c.facts
	out := make([]int, len(f.classes.counts))
	for k := range out {
		if f.isOpen(k) {
			out[k] = f.classes.counts[k].pendingUnavailable
		}
	}
	return out
}

// open returns how many nodes of each class have an action, exist, are not held back and are
// not among those taken. All nodes with that action are pending.
func (c *choice) open(action role, taken []int) []int {
	f := c.facts
	out := make([]int, len(f.classes.counts))
	for k := range out {
		if f.isOpen(k) {
			out[k] = f.classes.counts[k].actions[action]
		}
	}
	for _, i := range taken {
		if f.roles[i]&roleAbsent == 0 {
			out[f.classes.class(i)]--
		}
	}
	return out
}

// report lists how many nodes with outdated pods are held back. Nobody waits for the pods
// of nodes that do not exist.
func (c *choice) report() {
	if c.halt != 0 {
		clear(c.restricted[:])
		c.restricted[c.halt] = c.facts.outdated - c.facts.absent
	}
	for by, nodes := range c.restricted {
		if nodes > 0 {
			c.step.Policy.Restricted = append(c.step.Policy.Restricted, Restricted{By: Restriction(by), Nodes: nodes})
		}
	}
}
