package lint_test

import (
	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/internal/build"
)

func historyCases() []checkCase {
	limit := func(name, why string, limit *int32, want ...string) checkCase {
		ds := soundSet(build.Set{})
		ds.Spec.RevisionHistoryLimit = limit
		return checkCase{name: name, why: why, code: lint.CodeNoRevisionHistory, in: daemon.Input{DaemonSet: ds}, want: want}
	}
	return []checkCase{
		limit("zero", "no revision to go back to", new(int32(0)), "info spec.revisionHistoryLimit"),
		limit("one", "one to go back to", new(int32(1))),
		limit("default", "10", nil),
	}
}
