package conformance

// plantedBugs are what TestPlantedBugs plants, by package and file.
var plantedBugs = []plantedBug{
	// placement: matcher.go
	{
		name: "nodeName matches all nodes but the one it names",
		file: "placement/matcher.go",
		old:  `m.nodeName != "" && m.nodeName != node.Name`,
		new:  `m.nodeName != "" && m.nodeName == node.Name`,
	},
	{
		name: "a nodeSelector entry passes where the label is missing",
		file: "placement/matcher.go",
		old:  `!ok || value != m.selector[i].value`,
		new:  `ok && value != m.selector[i].value`,
	},
	{
		name: "a NoSchedule taint drives pods out",
		file: "placement/matcher.go",
		old:  `Keep: noExecute < 0, Reason`,
		new:  `Keep: first < 0 && noExecute < 0, Reason`,
	},
	// placement: affinity.go, integer.go
	{
		name: "Lt lets equal numbers pass",
		file: "placement/affinity.go",
		old:  `return ok && n < r.bound`,
		new:  `return ok && n <= r.bound`,
	},
	{
		name: "NotIn of one value wants the label to be there",
		file: "placement/affinity.go",
		old:  `r.verb == verbDoesNotExist || r.verb == verbNotInOne ||`,
		new:  `r.verb == verbDoesNotExist ||`,
	},
	{
		name: "NotIn of many values is In",
		file: "placement/affinity.go",
		old:  "_, in := r.set[value]\n\t\treturn !in",
		new:  "_, in := r.set[value]\n\t\treturn in",
	},
	{
		name: "an empty term matches every node",
		file: "placement/affinity.go",
		old:  `if t.state != termLive {`,
		new:  `if t.state == termMalformed {`,
	},
	{
		name: "a malformed term matches every node",
		file: "placement/affinity.go",
		old:  "\tif t.state != termLive {",
		new:  "\tif t.state == termEmpty {",
	},
	{
		name: "matchFields NotIn is In",
		file: "placement/affinity.go",
		old:  `return (value == r.value) != r.negate`,
		new:  `return value == r.value`,
	},
	{
		name: "matchFields look at nodes without a name",
		file: "placement/affinity.go",
		old:  "if node.Name == \"\" {\n\t\treturn true",
		new:  "if node.Name == \"\" {\n\t\treturn r.negate",
	},
	{
		name: "numbers above 64 bits wrap around",
		file: "placement/integer.go",
		old:  `digit > 9 || n < (math.MinInt64+int64(digit))/10`,
		new:  `digit > 9`,
	},
	{
		name: "a leading zero is a number in a taint",
		file: "placement/integer.go",
		old:  `digits[0] < '1'`,
		new:  `digits[0] < '0'`,
	},
	// placement: tolerations.go
	{
		name: "the toleration of PID pressure is dropped",
		file: "placement/tolerations.go",
		old:  "\tmerge(corev1.TaintNodePIDPressure, corev1.TaintEffectNoSchedule)\n",
		new:  "",
	},
	{
		name: "unreachable is tolerated with NoSchedule in place of NoExecute",
		file: "placement/tolerations.go",
		old:  `merge(corev1.TaintNodeUnreachable, corev1.TaintEffectNoExecute)`,
		new:  `merge(corev1.TaintNodeUnreachable, corev1.TaintEffectNoSchedule)`,
	},
	{
		name: "pods without hostNetwork tolerate an unavailable network",
		file: "placement/tolerations.go",
		old:  `if spec.HostNetwork {`,
		new:  `if !spec.HostNetwork {`,
	},
	{
		name: "only the first of two equal tolerations is replaced by a default",
		file: "placement/tolerations.go",
		old:  `if toleration.MatchToleration(&spec.Tolerations[i]) {`,
		new:  `if !met && toleration.MatchToleration(&spec.Tolerations[i]) {`,
	},
	{
		name: "a toleration without operator is Exists",
		file: "placement/tolerations.go",
		old:  `t.op = corev1.TolerationOpEqual`,
		new:  `t.op = corev1.TolerationOpExists`,
	},
	{
		name: "a toleration without effect tolerates nothing",
		file: "placement/tolerations.go",
		old:  `from.Effect != "" && from.Effect != effect`,
		new:  `from.Effect != effect`,
	},
	{
		name: "toleration operators Gt and Lt work with the feature gate off",
		file: "placement/tolerations.go",
		old:  `if !ok || !opts.ComparisonOperators {`,
		new:  `if !ok {`,
	},
	{
		name: "toleration operator Gt lets equal numbers pass",
		file: "placement/tolerations.go",
		old:  `return ok && n > t.bound`,
		new:  `return ok && n >= t.bound`,
	},
	{
		name: "PreferNoSchedule taints count",
		file: "placement/tolerations.go",
		old:  `case corev1.TaintEffectNoSchedule:`,
		new:  `case corev1.TaintEffectNoSchedule, corev1.TaintEffectPreferNoSchedule:`,
	},
	// placement: change.go
	{
		name: "a taint's value is no change of the node",
		file: "placement/change.go",
		old:  `a[i].Value != b[i].Value || `,
		new:  ``,
	},

	// daemon: claim.go
	{
		name: "orphans that are being deleted are adopted",
		file: "daemon/claim.go",
		old:  `c.deleting || deleting || !matches`,
		new:  `c.deleting || !matches`,
	},
	{
		name: "pods that the selector no longer matches are kept",
		file: "daemon/claim.go",
		old:  "return ClaimIgnore\n\t}\n\treturn ClaimRelease",
		new:  "return ClaimIgnore\n\t}\n\treturn ClaimKeep",
	},
	{
		name: "the patch that adopts leaves out blockOwnerDeletion",
		file: "daemon/claim.go",
		old:  "\t\tBlockOwnerDeletion: &yes,\n",
		new:  "",
	},
	{
		name: "any owner counts as the controller",
		file: "daemon/claim.go",
		old:  `ref.Controller != nil && *ref.Controller`,
		new:  `true`,
	},
	// daemon: pod.go, hash.go
	{
		name: "the newest pod stands for the node",
		file: "daemon/pod.go",
		old:  `a.CreationTimestamp.Compare(b.CreationTimestamp.Time)`,
		new:  `b.CreationTimestamp.Compare(a.CreationTimestamp.Time)`,
	},
	{
		name: "pods that are not bound come first",
		file: "daemon/pod.go",
		old:  "case scheduledA && !scheduledB:\n\t\treturn -1\n\tcase !scheduledA && scheduledB:\n\t\treturn 1",
		new:  "case scheduledA && !scheduledB:\n\t\treturn 1\n\tcase !scheduledA && scheduledB:\n\t\treturn -1",
	},
	{
		name: "a pod is available one moment later",
		file: "daemon/pod.go",
		old:  `!since.Add(time.Duration(minReadySeconds)*time.Second).After(now)`,
		new:  `since.Add(time.Duration(minReadySeconds)*time.Second).Before(now)`,
	},
	{
		name: "a pod whose readiness is unknown is ready",
		file: "daemon/pod.go",
		old:  `if c.Status == corev1.ConditionTrue {`,
		new:  `if c.Status != corev1.ConditionFalse {`,
	},
	{
		name: "new pods have no hash label",
		file: "daemon/pod.go",
		old:  `b.labels[appsv1.DefaultDaemonSetUniqueLabelKey] = hash`,
		new:  `b.labels[appsv1.DefaultDaemonSetUniqueLabelKey] = ""`,
	},
	{
		name: "new pods lose the template's finalizers",
		file: "daemon/pod.go",
		old:  `slices.Clone(template.Finalizers)`,
		new:  `slices.Clone(template.Finalizers[:0])`,
	},
	{
		name: "a pod that names two nodes is meant for the first",
		file: "daemon/pod.go",
		old:  `if len(req.Values) != 1 {`,
		new:  `if len(req.Values) == 0 {`,
	},
	{
		name: "the template generation is copied as it is written",
		file: "daemon/pod.go",
		old:  `return strconv.FormatInt(generation, 10)`,
		new:  "_ = generation\n\treturn ds.Annotations[appsv1.DeprecatedTemplateGeneration]",
	},
	{
		name: "the collision count is left out of the hash",
		file: "daemon/hash.go",
		old:  `if collisionCount != nil {`,
		new:  `if collisionCount != nil && *collisionCount < 0 {`,
	},
	// daemon: backoff.go
	{
		name: "the delay for failed pods does not double",
		file: "daemon/backoff.go",
		old:  `min(2*e.Delay, backoffMax)`,
		new:  `min(e.Delay+backoffFirst, backoffMax)`,
	},
	{
		name: "a failed pod waits one moment longer",
		file: "daemon/backoff.go",
		old:  `f.now.Sub(e.Last) >= e.Delay`,
		new:  `f.now.Sub(e.Last) > e.Delay`,
	},
	{
		name: "the longest delay for failed pods is ten minutes",
		file: "daemon/backoff.go",
		old:  `backoffMax   = 15 * time.Minute`,
		new:  `backoffMax   = 10 * time.Minute`,
	},
	// daemon: snapshot.go
	{
		name: "pods that are being deleted are ignored",
		file: "daemon/snapshot.go",
		old:  `finished := d.deleting && podTerminal(pod)`,
		new:  `finished := d.deleting`,
	},
	{
		name: "pods without hash label are current where the hash is unknown",
		file: "daemon/snapshot.go",
		old:  `s.generation != "" && pod.Labels[templateGenerationLabel] == s.generation`,
		new:  `pod.Labels[templateGenerationLabel] == s.generation`,
	},
	{
		name: "a percentage of maxSurge counts as none where it is below one node",
		file: "daemon/snapshot.go",
		old:  `strategy.RollingUpdate.MaxSurge, 1, true)`,
		new:  `strategy.RollingUpdate.MaxSurge, 1, false)`,
	},
	// daemon: plan.go, reconcile.go
	{
		name: "one pod more than the burst limit is deleted",
		file: "daemon/plan.go",
		old:  `p.Delete, p.DeleteDeferred = p.Delete[:burst:burst], over`,
		new:  `p.Delete, p.DeleteDeferred = p.Delete[:burst+1:burst+1], over-1`,
	},
	{
		name: "the soonest moment to look again is the latest",
		file: "daemon/plan.go",
		old:  `p.RequeueAfter == 0 || after < p.RequeueAfter`,
		new:  `p.RequeueAfter == 0 || after > p.RequeueAfter`,
	},
	{
		name: "the newest of several pods stays",
		file: "daemon/reconcile.go",
		old:  `for _, p := range r.live[1:] {`,
		new:  `for _, p := range r.live[:len(r.live)-1] {`,
	},
	{
		name: "bound pods of a node that is gone are deleted",
		file: "daemon/reconcile.go",
		old:  `pod.Spec.NodeName == ""`,
		new:  `pod.Spec.NodeName != "-"`,
	},
	{
		name: "a successor is created without surge",
		file: "daemon/reconcile.go",
		old:  `len(r.live) == 0 && r.surge && n.Decision.Run`,
		new:  `len(r.live) == 0 && n.Decision.Run`,
	},
	{
		name: "with surge the outdated pod goes as soon as the new one is ready",
		file: "daemon/reconcile.go",
		old:  `case cur.Available:`,
		new:  `case cur.Ready:`,
	},
	{
		name: "with surge an outdated pod that is not available goes at once",
		file: "daemon/reconcile.go",
		old:  `case !old.Ready:`,
		new:  `case !old.Available:`,
	},
	{
		name: "the event about a succeeded pod is a warning",
		file: "daemon/reconcile.go",
		old:  `corev1.EventTypeNormal, EventSucceededDaemonPod`,
		new:  `corev1.EventTypeWarning, EventSucceededDaemonPod`,
	},
	// daemon: status.go
	{
		name: "the last pod stands for the node in the status",
		file: "daemon/status.go",
		old:  `first := &n.Pods[0]`,
		new:  `first := &n.Pods[len(n.Pods)-1]`,
	},
	{
		name: "pods on nodes that are gone count as misscheduled",
		file: "daemon/status.go",
		old:  `out.Misscheduled = n.Node != nil`,
		new:  `out.Misscheduled = true`,
	},
	{
		name: "a status of an older generation is not written",
		file: "daemon/status.go",
		old:  `old.ObservedGeneration < ds.Generation`,
		new:  `old.ObservedGeneration > ds.Generation`,
	},
	{
		name: "numberUnavailable counts the pods that are not ready",
		file: "daemon/status.go",
		old:  `status.NumberUnavailable = c.desired - c.available`,
		new:  `status.NumberUnavailable = c.desired - c.ready`,
	},
	// daemon: default.go, validate.go
	{
		name: "revisionHistoryLimit is 2 by default",
		file: "daemon/default.go",
		old:  `new(int32(10))`,
		new:  `new(int32(2))`,
	},
	{
		name: "maxSurge has no default",
		file: "daemon/default.go",
		old:  `if strategy.RollingUpdate.MaxSurge == nil {`,
		new:  `if strategy.RollingUpdate.MaxSurge == nil && strategy.RollingUpdate.MaxUnavailable == nil {`,
	},
	{
		name: "100% is too much for a budget",
		file: "daemon/validate.go",
		old:  `ok && percent > 100`,
		new:  `ok && percent >= 100`,
	},
	{
		name: "both budgets may be set",
		file: "daemon/validate.go",
		old:  `case hasUnavailable && hasSurge:`,
		new:  `case false:`,
	},
	{
		name: "the selector may change",
		file: "daemon/validate.go",
		old:  `apivalidation.ValidateImmutableField(cur.Spec.Selector, old.Spec.Selector,`,
		new:  `apivalidation.ValidateImmutableField(cur.Spec.Selector, cur.Spec.Selector,`,
	},

	// rollout: next.go, ledger.go
	{
		name: "percentages are rounded down",
		file: "rollout/next.go",
		old:  `intstr.GetScaledValueFromIntOrPercent(budget, total, true)`,
		new:  `intstr.GetScaledValueFromIntOrPercent(budget, total, false)`,
	},
	{
		name: "two budgets of zero are not raised",
		file: "rollout/next.go",
		old:  `desired > 0 && out == (budgets{})`,
		new:  `desired < 0 && out == (budgets{})`,
	},
	{
		name: "one pod more than maxUnavailable is deleted",
		file: "rollout/ledger.go",
		old:  `left := st.MaxUnavailable - st.Unavailable`,
		new:  `left := st.MaxUnavailable - st.Unavailable + 1`,
	},
	{
		name: "nodes that surge already do not count against maxSurge",
		file: "rollout/ledger.go",
		old:  `st.MaxSurge-st.Surging`,
		new:  `st.MaxSurge`,
	},
	{
		name: "outdated pods that are not available use up the budget",
		file: "rollout/ledger.go",
		old:  `return roleUnavailable | actionDelete`,
		new:  `return roleUnavailable | actionDeleteBudgeted`,
	},
	{
		name: "pods that are being deleted take part in the update",
		file: "rollout/ledger.go",
		old:  `if p.Terminating {`,
		new:  `if p.Terminating && p.Failed {`,
	},
	{
		name: "with surge an outdated pod goes before its successor is available",
		file: "rollout/ledger.go",
		old:  `case pods.cur != nil && !pods.cur.Available:`,
		new:  `case pods.cur != nil && !pods.cur.Ready:`,
	},
	{
		name: "with surge old pods on nodes that should not run them go at once",
		file: "rollout/ledger.go",
		old:  `return r | actionDeleteBudgeted`,
		new:  `return r | actionDelete`,
	},
	// rollout: revision.go, patch.go
	{
		name: "a new revision has the number of the last one",
		file: "rollout/revision.go",
		old:  `next := highest(plan.Old) + 1`,
		new:  `next := highest(plan.Old)`,
	},
	{
		name: "of several current revisions the one with the lowest number stays",
		file: "rollout/revision.go",
		old:  `slices.MaxFunc(current, compareNumber)`,
		new:  `slices.MinFunc(current, compareNumber)`,
	},
	{
		name: "revisions are labelled with nothing",
		file: "rollout/revision.go",
		old:  `labelled = withHash(rev, rev.Name)`,
		new:  `labelled = withHash(rev, "")`,
	},
	{
		name: "the collision count starts at zero",
		file: "rollout/revision.go",
		old:  `count := int32(1)`,
		new:  `count := int32(0)`,
	},
	{
		name: "a new revision lacks the annotations",
		file: "rollout/revision.go",
		old:  `maps.Clone(ds.Annotations)`,
		new:  `maps.Clone(ds.Spec.Template.Annotations)`,
	},
	{
		name: "pods with the right hash are relabelled",
		file: "rollout/revision.go",
		old:  `pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] != p.Hash`,
		new:  `pod.Labels[appsv1.DefaultDaemonSetUniqueLabelKey] == p.Hash`,
	},
	{
		name: "the data of a revision is merged where it should replace",
		file: "rollout/patch.go",
		old:  `directiveReplace = "replace"`,
		new:  `directiveReplace = "merge"`,
	},
	// rollout: sync.go, cleanup.go
	{
		name: "a pass that waits for writes observes the generation",
		file: "rollout/sync.go",
		old:  `status.ObservedGeneration = ds.Status.ObservedGeneration`,
		new:  `status.ObservedGeneration = ds.Generation`,
	},
	{
		name: "nothing is cleaned up under an unknown strategy",
		file: "rollout/sync.go",
		old:  `if strategyErr == nil || !wrongBudget(ds) {`,
		new:  `if strategyErr == nil {`,
	},
	{
		name: "revisions that pods use are cleaned up",
		file: "rollout/cleanup.go",
		old:  `hash == "" || !inUse(hash)`,
		new:  `hash != "-"`,
	},
	{
		name: "revisions of finished pods that are being deleted are cleaned up",
		file: "rollout/cleanup.go",
		old:  `if p.Finished {`,
		new:  `if !p.Finished {`,
	},
	{
		name: "one revision more than the limit is kept",
		file: "rollout/cleanup.go",
		old:  `surplus := len(old) - limit`,
		new:  `surplus := len(old) - limit - 1`,
	},
	// rollout: simulation.go, steps.go
	{
		name: "simulated rollouts look at the cluster a second late",
		file: "rollout/simulation.go",
		old:  `sim.now = at` + "\n",
		new:  `sim.now = at.Add(time.Second)` + "\n",
	},
	{
		name: "simulated rollouts forget the status that they write",
		file: "rollout/simulation.go",
		old:  `if result.Status != nil {`,
		new:  `if result.Status != nil && sim.passes > 2 {`,
	},
	{
		name: "simulated rollouts end with the last write instead of when nothing happens any more",
		file: "rollout/steps.go",
		old:  `!sim.wait(result.Plan.RequeueAfter) {`,
		new:  `!sim.wait(result.Plan.RequeueAfter) || sim.passes > 3 {`,
	},

	// rollout/kubectl
	{
		name: "UP-TO-DATE shows the current pods",
		file: "rollout/kubectl/table.go",
		old:  `ds.Status.UpdatedNumberScheduled`,
		new:  `ds.Status.CurrentNumberScheduled`,
	},
	{
		name: "a control character in the table is printed",
		file: "rollout/kubectl/table.go",
		old:  `strings.IndexAny(cell, "\f\n\r")`,
		new:  `strings.IndexAny(cell, "\f\n")`,
	},
	{
		name: "a DaemonSet is a second older than it is",
		file: "rollout/kubectl/table.go",
		old:  `now.Sub(created.Time)`,
		new:  `now.Sub(created.Time) + time.Second`,
	},
	{
		name: "rollout status waits for ready pods in other words",
		file: "rollout/kubectl/status.go",
		old:  `updated pods are available...`,
		new:  `updated pods are ready...`,
	},
	{
		name: "rollout status is complete while one pod is missing",
		file: "rollout/kubectl/status.go",
		old:  `case p.Available < p.Desired:`,
		new:  `case p.Available < p.Desired-1:`,
	},
	{
		name: "rollout history shows no cause as empty",
		file: "rollout/kubectl/history.go",
		old:  `cmp.Or(r.ChangeCause, "<none>")`,
		new:  `cmp.Or(r.ChangeCause, "")`,
	},
	{
		name: "rollout history lists the newest first",
		file: "rollout/kubectl/history.go",
		old:  `cmp.Compare(a.Revision, b.Revision), strings.Compare(a.Name, b.Name)`,
		new:  `cmp.Compare(b.Revision, a.Revision), strings.Compare(a.Name, b.Name)`,
	},
	{
		name: "rollout undo goes back to the current revision",
		file: "rollout/kubectl/undo.go",
		old:  `return revisions[len(revisions)-2], nil`,
		new:  `return revisions[len(revisions)-1], nil`,
	},
	{
		name: "rollout history shows the first of the revisions that share a number",
		file: "rollout/kubectl/history.go",
		old:  `i+1 < len(h) && h[i+1].Number == r.Number`,
		new:  `i > 0 && h[i-1].Number == r.Number`,
	},
	{
		name: "rollout undo finds negative numbers",
		file: "rollout/kubectl/undo.go",
		old:  `toRevision < 0`,
		new:  `toRevision < -1`,
	},
}
