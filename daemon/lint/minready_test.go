package lint_test

import (
	"time"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
)

func minReadyCases() []checkCase {
	minReady := func(name, why string, set build.Set, deadline time.Duration, nodes []string, says string, want ...string) checkCase {
		return checkCase{name: name, why: why, code: lint.CodeMinReadySecondsLong, says: says, want: want,
			in: daemon.Input{DaemonSet: soundSet(set), Nodes: newNodes(nodes...)}, opts: lint.Options{ProgressDeadline: deadline}}
	}

	return []checkCase{
		minReady("over the default", "the deadline is 10 minutes", build.Set{MinReady: 601}, 0, nil, "for 10m1s, longer than the progress deadline of 10m0s.", "warning spec.minReadySeconds"),
		minReady("the default", "just in time", build.Set{MinReady: 600}, 0, nil, ""),
		minReady("with nodes", "the message has the least time of a rollout", build.Set{MinReady: 60, MaxUnavailable: "2"}, 30*time.Second, fiveNodes, "A rollout to 5 nodes, 2 at a time, takes at least 3m0s.", "warning spec.minReadySeconds"),
		minReady("with surge", "the surge is the number at a time", build.Set{MinReady: 60, MaxSurge: "100%"}, 30*time.Second, fiveNodes, "5 nodes, 5 at a time, takes at least 1m0s.", "warning spec.minReadySeconds"),
		minReady("more than all at a time", "no more than the eligible nodes", build.Set{MinReady: 60, MaxUnavailable: "1000"}, 30*time.Second, fiveNodes, "5 nodes, 5 at a time, takes at least 1m0s.", "warning spec.minReadySeconds"),
		minReady("beyond time", "the least time does not fit into a Duration", build.Set{MinReady: 1 << 30}, 0, append(threeNodes, "a", "b", "c", "d", "e", "f", "g"), "progress deadline of 10m0s.", "warning spec.minReadySeconds"),
		minReady("later deadline", "minReadySeconds is shorter", build.Set{MinReady: 700}, time.Hour, nil, ""),
		minReady("no deadline", "nothing is too long", build.Set{MinReady: 1 << 30}, -1, nil, ""),
		minReady("on delete", "there is no rollout", build.Set{MinReady: 700, OnDelete: true}, 0, nil, ""),
	}
}
