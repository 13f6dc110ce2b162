package engine

import (
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/pernode/daemonset/daemon"
	"github.com/pernode/daemonset/daemon/diff"
	"github.com/pernode/daemonset/daemon/lint"
	"github.com/pernode/daemonset/daemon/manifest"
	"github.com/pernode/daemonset/rollout/simulate"
)

// Draft is what the page says about the texts in the editor.
type Draft struct {
	// Faults are why the texts cannot be read, or would be refused.
	Faults []Fault `json:"faults"`
	// Findings are those of package lint.
	Findings []Finding `json:"findings"`
	// Changed says that the texts differ from those applied last, and Restart that applying
	// them begins a new recording: pods, revisions or stored DaemonSets change, or the
	// DaemonSet is another one.
	Changed bool `json:"changed"`
	Restart bool `json:"restart"`
	// Impact is a sentence about what applying them would do, and Changes, Nodes and Writes
	// are the fields, the nodes that gain or lose the pod, and what the first pass writes.
	Impact  string   `json:"impact"`
	Changes []string `json:"changes"`
	Nodes   []string `json:"nodes"`
	Writes  []string `json:"writes"`
	// Unavailable and Surge are the budget of the manifest.
	Unavailable string `json:"unavailable"`
	Surge       string `json:"surge"`
}

// Finding is a finding of package lint with its place in the editor.
type Finding struct {
	Code     string `json:"code"`
	Severity string `json:"severity"`
	Field    string `json:"field"`
	Message  string `json:"message"`
	Fix      string `json:"fix"`
	Text     string `json:"text"`
	Line     int    `json:"line"`
}

// check reads the texts in the editor, and says what applying them to the frame on the screen would
// do. To come back to a frame with the same texts costs nothing. The Draft is read-only.
func (e *Engine) check(texts Texts) *Draft {
	if e.drafts == nil || e.checked != texts {
		e.drafts, e.checked = map[*frame]*Draft{}, texts
	}
	e.weighed = e.recording.at()
	if e.drafts[e.weighed] == nil {
		e.drafts[e.weighed] = e.newDraft(texts)
	}
	d := e.drafts[e.weighed]
	e.changed = d.Changed
	return d
}

func (e *Engine) newDraft(texts Texts) *Draft {
	d := &Draft{}
	applied := e.weighed.applied
	if texts == applied.texts {
		e.draft = applied
	} else {
		d.Changed = true
		p, faults := read(texts, applied)
		if len(faults) > 0 {
			e.draft, d.Faults, d.Impact = nil, faults, "the texts have errors; the page shows the last good state"
			return d
		}
		e.draft = p
	}
	subject := e.subject(e.draft)
	d.Findings = lintOf(e.draft, subject)
	d.Unavailable, d.Surge = budgetOf(target(subject))
	if name := setName(subject.DaemonSet); name != e.state.Set {
		d.Restart, d.Impact = true, "another DaemonSet, "+name+": applying begins anew with it"
		return d
	}
	d.Restart = d.Changed && e.draft.cluster != applied.cluster && !sameBesideNodes(applied, e.draft)
	if d.Restart {
		d.Impact = "pods, revisions or stored DaemonSets change: applying begins anew with this cluster"
		return d
	}
	e.weigh(d)
	return d
}

// subject returns the DaemonSet that is shown or, if the texts lack it, their first.
func (e *Engine) subject(p *parsed) *manifest.Subject {
	if s := p.subject(e.state.Set); s != nil {
		return s
	}
	return &p.subjects[0]
}

// budgetOf returns the budget of a rolling update, as the manifest or the defaults have it.
func budgetOf(ds *appsv1.DaemonSet) (unavailable, surge string) {
	if update := daemon.Default(ds).Spec.UpdateStrategy.RollingUpdate; update != nil {
		return update.MaxUnavailable.String(), update.MaxSurge.String()
	}
	return "", ""
}

// weigh fills in what applying the draft to the frame on the screen would do.
func (e *Engine) weigh(d *Draft) {
	r := e.recording
	impact, err := propose(r, e.draft, e.state.Set)
	if err != nil {
		d.Impact = err.Error()
		return
	}
	subject := e.draft.subject(e.state.Set)
	if len(impact.Refused) > 0 {
		d.Faults = e.draft.locate(target(subject), impact.Refused)
		d.Impact = "refused: the API server would not store it"
		return
	}
	lines := strings.Split(impact.String(), "\n")
	d.Impact = lines[0]
	d.Changes = changedFields(r, impact)
	for _, effect := range []simulate.NodeEffect{simulate.NodeGained, simulate.NodeLost, simulate.NodeKeepsPod, simulate.NodeRemoved} {
		for _, n := range impact.NodesWith(effect) {
			d.Nodes = append(d.Nodes, n.String())
		}
	}
	for _, del := range impact.Delete {
		d.Writes = append(d.Writes, "delete "+del.Pod.Name+" on "+del.Node)
	}
	for _, c := range impact.Create {
		d.Writes = append(d.Writes, "create on "+c.Node)
	}
	d.Changes, d.Nodes, d.Writes = shorten(d.Changes), shorten(d.Nodes), shorten(d.Writes)
	if !impact.NoChange {
		d.Changed = true
	} else if len(d.Nodes) == 0 {
		d.Impact = "no change"
	}
}

// changedFields are what the proposal changes in the stored DaemonSet.
func changedFields(r *recording, impact *simulate.Impact) []string {
	const template = "spec.template."
	var fields []string
	for _, c := range diff.DaemonSets(r.at().ds, impact.After.DaemonSet) {
		if !strings.HasPrefix(c.Path, template) && !(c.Op == diff.OpRemove && strings.HasPrefix(c.Path, "metadata.")) {
			fields = append(fields, c.String())
		}
	}
	for _, c := range impact.Template {
		fields = append(fields, template+c.String())
	}
	return fields
}

// sameBesideNodes reports whether two clusters differ in nothing but nodes.
func sameBesideNodes(old, cur *parsed) bool {
	key := func(p *parsed) string {
		var b strings.Builder
		for _, ds := range p.cluster.DaemonSets {
			b.WriteString(ds.String())
		}
		for _, pod := range p.cluster.Pods {
			b.WriteString(pod.String())
		}
		for _, rev := range p.cluster.Revisions {
			b.WriteString(rev.String())
		}
		return b.String()
	}
	return key(old) == key(cur)
}

// lintOf returns the findings about a DaemonSet of the texts.
func lintOf(p *parsed, subject *manifest.Subject) []Finding {
	ds := target(subject)
	var nodes []*corev1.Node
	seen := map[string]bool{}
	for _, node := range p.nodes {
		if node != nil && !seen[node.Name] {
			nodes, seen[node.Name] = append(nodes, node), true
		}
	}
	opts := lint.Options{}
	for i := range p.subjects {
		opts.OtherDaemonSets = append(opts.OtherDaemonSets, p.subjects[i].DaemonSet)
	}
	found, err := lint.Check(daemon.Input{DaemonSet: ds, Nodes: nodes}, opts)
	if err != nil {
		return []Finding{{Code: "lint", Severity: "error", Message: err.Error(), Text: manifestText}}
	}
	var out []Finding
	for _, f := range found {
		at := p.at(ds, f.Field)
		out = append(out, Finding{string(f.Code), f.Severity.String(), f.Field, f.Message, f.Fix, at.File, at.Line})
	}
	return slices.Clip(out)
}
