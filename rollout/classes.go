package rollout

import "slices"

// classes group nodes with the same flags and the same values in the columns that
// Policy.NodeSelector, OneDomain, DomainBudgets and a trial of Canary read. A policy treats all
// pending nodes of a class alike, so that a step looks at classes and not at nodes.
type classes struct {
	// columns are the columns of the policy facts that distinguish classes.
	columns []int
	// flags are those of each node. It is nil if the policy needs none.
	flags []flags
	// of is the class of each node. It is nil if there is one class.
	of     []int32
	ids    map[string]int32
	counts []classCounts
}

// flags are what the fields of the policy have found out about a node.
type flags uint8

const (
	// flagYoung: the outdated pod is younger than the oldest pod of the current template.
	flagYoung flags = 1 << iota
	// flagTried: the canary is tried on the node.
	flagTried
	// flagKept: the partition keeps the node as it is.
	flagKept
	// flagIgnored: the policy ignores the node.
	flagIgnored
)

// classCounts count the nodes of a class.
type classCounts struct {
	// values are the facts of each column, in the order of classes.columns.
	values []int32
	flags  flags
	// desired nodes are eligible. users are unavailable or surging.
	desired, users int
	// outdatedPresent nodes have an outdated pod and exist.
	outdatedPresent int
	// All pending nodes, those that are eligible, that exist, and whose pod is unavailable.
	pending, pendingDesired, pendingPresent, pendingUnavailable int
	// underwayDesired nodes are eligible, and their update has begun.
	underwayDesired int
	// actions count the nodes that exist by the action that is possible there.
	actions [actions]int
}

func (c *classCounts) add(r role, sign int, surge bool) {
	if r == 0 {
		return
	}
	if r&roleAbsent == 0 {
		c.actions[r&roleAction] += sign
	}
	desired := r&roleDesired != 0
	if desired {
		c.desired += sign
	}
	if r&(roleUnavailable|roleSurging) != 0 {
		c.users += sign
	}
	if r&(roleOutdated|roleAbsent) == roleOutdated {
		c.outdatedPresent += sign
	}
	switch {
	case r.pending():
		c.pending += sign
		if desired {
			c.pendingDesired += sign
		}
		if r&roleAbsent == 0 {
			c.pendingPresent += sign
		}
		if r&roleUnavailable != 0 {
			c.pendingUnavailable += sign
		}
	case desired && r.underway(surge):
		c.underwayDesired += sign
	}
}

// newClasses returns the classes of all nodes. It keeps the flags, which may be nil.
func newClasses(columns []int, facts []column, roles []role, surge bool, of []flags) classes {
	c := classes{columns: columns, flags: of}
	if len(columns) == 0 && of == nil {
		c.counts = make([]classCounts, 1)
	} else {
		c.ids = make(map[string]int32)
		c.of = make([]int32, len(roles))
		for i := range c.of {
			c.of[i] = c.find(facts, i)
		}
	}
	for i, r := range roles {
		c.counts[c.class(i)].add(r, 1, surge)
	}
	return c
}

// class returns the class of a node.
func (c *classes) class(i int) int {
	if c.of == nil {
		return 0
	}
	return int(c.of[i])
}

// find returns the class that the columns give a node, which may be a new one.
func (c *classes) find(facts []column, i int) int32 {
	var buffer [64]byte
	key := buffer[:0]
	for _, slot := range c.columns {
		id := facts[slot].of[i]
		key = append(key, byte(id), byte(id>>8), byte(id>>16), byte(id>>24))
	}
	var is flags
	if c.flags != nil {
		is = c.flags[i]
		key = append(key, byte(is))
	}
	if id, ok := c.ids[string(key)]; ok {
		return id
	}
	values := make([]int32, len(c.columns))
	for k, slot := range c.columns {
		values[k] = facts[slot].of[i]
	}
	id := int32(len(c.counts))
	c.ids[string(key)], c.counts = id, append(c.counts, classCounts{values: values, flags: is})
	return id
}

// enter puts a node into the class that the columns give it now.
func (c *classes) enter(facts []column, i int, r role, surge bool) {
	if c.of == nil {
		return
	}
	if id := c.find(facts, i); id != c.of[i] {
		c.counts[c.of[i]].add(r, -1, surge)
		c.counts[id].add(r, 1, surge)
		c.of[i] = id
	}
}

// setFlag sets a flag of a node, which may put it into another class. It reports whether it was
// another value before.
func (c *classes) setFlag(facts []column, i int, flag flags, set bool, r role, surge bool) bool {
	is := c.flags[i] &^ flag
	if set {
		is |= flag
	}
	if is == c.flags[i] {
		return false
	}
	c.flags[i] = is
	c.enter(facts, i, r, surge)
	return true
}

// move counts a node whose role changes.
func (c *classes) move(i int, before, after role, surge bool) {
	if c.counts == nil || before == after {
		return
	}
	counts := &c.counts[c.class(i)]
	counts.add(before, -1, surge)
	counts.add(after, 1, surge)
}

// slot returns which of the values of a class a column is.
func (c *classes) slot(column int) int { return slices.Index(c.columns, column) }
