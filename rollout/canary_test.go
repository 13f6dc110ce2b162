package rollout_test

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/pernode/daemonset/internal/build"
	"github.com/pernode/daemonset/rollout"
)

// canaryOf returns a policy with a canary, of one node where it names no number.
func canaryOf(c rollout.Canary) rollout.Policy {
	if c.Nodes == (intstr.IntOrString{}) {
		c.Nodes = intstr.FromInt32(1)
	}
	return rollout.Policy{Canary: &c}
}

func lasting(d time.Duration) metav1.Duration { return metav1.Duration{Duration: d} }

// TestCanaryNodes has the choice of nodes, and what a pass without memory sees in the
// pods alone.
func TestCanaryNodes(t *testing.T) {
	two, many := intstr.FromInt32(2), build.Set{MaxUnavailable: "9"}
	inZone := func(zone string) rollout.Policy { return canaryOf(rollout.Canary{NodeSelector: zoneSelector(zone)}) }
	with := func(c rollout.Canary, change func(p *rollout.Policy)) rollout.Policy {
		p := canaryOf(c)
		change(&p)
		return p
	}
	testPolicy(t, []policyCase{
		{"begins", "one node is tried, although the budget is nine", many, canaryOf(rollout.Canary{}),
			"a=old b=old c=old", "-a; 2 by canary; canary starting on a"},
		{"budget", "two nodes are tried, one at a time", build.Set{}, canaryOf(rollout.Canary{Nodes: two}),
			"a=old b=old c=old", "-a; 1 by canary; canary starting on a, b"},
		{"percent", "33% of four rounds up to two", many, canaryOf(rollout.Canary{Nodes: intstr.FromString("33%")}),
			"a=old b=old c=old d=old", "-a -b; 2 by canary; canary starting on a, b"},
		{"more than all", "five of two are two", many, canaryOf(rollout.Canary{Nodes: intstr.FromInt32(5)}),
			"a=old b=old", "-a -b; canary starting on a, b"},
		{"under way", "the update of a has begun", many, canaryOf(rollout.Canary{}),
			"a=old~ b=old c=old", "nothing; 2 by canary; canary starting on a"},
		{"without a pod", "c gets the current template anyway", many, canaryOf(rollout.Canary{}),
			"a=old b=old c", "nothing; 2 by canary; canary starting on c"},
		{"updated", "b has the current template already", many, canaryOf(rollout.Canary{}),
			"a=old b=new! c=old", "nothing; 2 by canary; canary starting on b"},
		{"oldest", "c's pod is older than b's", many, canaryOf(rollout.Canary{Wait: lasting(10 * time.Minute)}),
			"a=old b=new!/age=1m c=new", "-a; canary passed on c"},
		{"selector", "only z2 may be tried", build.Set{}, inZone("z2"),
			"a@z1=old b@z2=old", "-b; 1 by canary; canary starting on b"},
		{"updated outside the selector", "a proves nothing", build.Set{}, inZone("z2"),
			"a@z1=new b@z2=old", "-b; canary starting on b"},
		{"impossible", "no node matches", build.Set{}, inZone("z9"),
			"a@z1=old", "nothing; 1 by canary; canary impossible: no eligible node matches Canary.NodeSelector"},
		{"impossible, although a node matches", "the policy ignores it", build.Set{}, with(rollout.Canary{NodeSelector: zoneSelector("z2")}, func(p *rollout.Policy) {
			p.IgnoreNotReadyNodes = &rollout.IgnoreAfter{}
		}), "a@z1=old b@z2?=old", "nothing; 1 by ignored node; 1 by canary; ignored: b (node is not ready); canary impossible: no node can be tried"},
		{"impossible, and only a tainted node matches", "it is not eligible", build.Set{}, inZone("z2"),
			"a@z1=old b@z2#=old", "nothing; 2 by canary; canary impossible: no eligible node matches Canary.NodeSelector"},
		{"impossible, and no node is eligible", "no selector would choose one", build.Set{}, inZone("z9"),
			"a@z1#=old", "nothing; 1 by canary; canary impossible: no node can be tried"},
		{"not eligible", "a tainted node gets no pod of the current template", build.Set{}, canaryOf(rollout.Canary{}),
			"a#=old b=old", "-b; 1 by canary; canary starting on b"},
		{"fewer than asked for", "z2 has one node", build.Set{}, canaryOf(rollout.Canary{Nodes: two, NodeSelector: zoneSelector("z2")}),
			"a@z1=old b@z2=new", "-a; canary passed on b"},
		{"spread", "one in each zone, then the first zone again", many, canaryOf(rollout.Canary{Nodes: intstr.FromInt32(3), Spread: []string{zones}}),
			"a@z1=old b@z1=old c@z1=old d@z2=old", "-a -b -d; 1 by canary; canary starting on a, b, d"},
		{"spread beside updated nodes", "z1 has one", many, canaryOf(rollout.Canary{Nodes: two, Spread: []string{zones}}),
			"a@z1=new! b@z1=old c@z2=old", "-c; 1 by canary; canary starting on a, c"},
		{"spread over two labels", "zone and rack together make three groups", many,
			canaryOf(rollout.Canary{Nodes: intstr.FromInt32(3), Spread: []string{zones, "rack"}}),
			"a@z1=old b@z1=old c@z2=old d@z3=old", "-a -c -d; 1 by canary; canary starting on a, c, d"},
		{"in order", "the last node comes first", many, with(rollout.Canary{}, func(p *rollout.Policy) { p.Order = &rollout.Order{By: rollout.Reverse(rollout.ByName)} }),
			"a=old b=old", "-b; 1 by canary; canary starting on b"},
		{"ignored node", "it is not tried and holds nothing up", many, with(rollout.Canary{}, func(p *rollout.Policy) { p.IgnoreNotReadyNodes = &rollout.IgnoreAfter{} }),
			"a?=new! b=old c=old", "-b; 1 by canary; ignored: a (node is not ready); canary starting on b"},
		{"one domain at a time", "the canary of z1 comes first", many,
			with(rollout.Canary{Nodes: two}, func(p *rollout.Policy) {
				p.OneDomain, p.Order = &rollout.OneDomain{Label: zones}, &rollout.Order{By: rollout.Reverse(rollout.ByName)}
			}),
			"a@z1=old b@z1=old c@z2=old", "-b; domain z1; 1 by canary; 1 by another domain's turn; canary starting on b, c"},
		{"returning", "b's pod is younger than those of the current template", many, canaryOf(rollout.Canary{Wait: lasting(2 * time.Hour)}),
			"a=new/age=2h b=old!/age=5m c=new/age=2h", "-b"},
		{"returning to a template that not all nodes run", "a waits for the canary, b does not", many, canaryOf(rollout.Canary{Wait: lasting(2 * time.Hour)}),
			"a=older b=old/age=5m c=new/age=1h", "-b; 1 by canary; canary waiting on c until 2026-01-01T13:00:00Z; again after 1h0m0s"},
		{"several pods of one kind", "they prove nothing", many, canaryOf(rollout.Canary{}),
			"a=old b=new+new", "nothing; 1 by canary; canary starting on b"},
		{"several outdated pods", "c has the current template, and b has not", many, canaryOf(rollout.Canary{}),
			"a=old b=old/failed+old c=new d=old", "-a -d; canary passed on c"},
		{"several outdated pods beside a current one", "b has the current template, and its pod is the oldest", many, canaryOf(rollout.Canary{}),
			"a=old b=old/failed+old+new/age=20m c=new!", "nothing; 1 by canary; canary starting on b"},
		{"several outdated pods and no current one", "the update of b is under way", many, canaryOf(rollout.Canary{}),
			"a=old b=old/failed+old c=old", "nothing; 2 by canary; canary starting on b"},
		{"old failed pod", "the live pod of b is younger than c's", many, canaryOf(rollout.Canary{}),
			"a=old b=new/failed/age=50m+new/age=5m c=new", "-a; canary passed on c"},
		{"new failed pod", "the live pod of b is older than c's", many, canaryOf(rollout.Canary{}),
			"a=old b=new/age=50m+new/failed/age=5m c=new", "nothing; 1 by canary; canary starting on b"},
		{"only failed pods", "the oldest of b is older than c's", many, canaryOf(rollout.Canary{}),
			"a=old b=new/failed/age=50m+new/failed/age=5m c=new", "nothing; 1 by canary; canary starting on b"},
		{"returning beside several pods of one kind", "a's pod is younger than the live one of b", many, canaryOf(rollout.Canary{}),
			"a=old/age=5m b=new/age=10m+new/failed/age=1m", "-a"},
		{"creation time unknown", "a is not known to be younger", many, canaryOf(rollout.Canary{}),
			"a=old b=new!/timeless=created", "nothing; 1 by canary; canary starting on b"},
		{"nothing outdated", "a trial begins only where a pod waits for it", many, canaryOf(rollout.Canary{}), "a=new! b", "nothing"},
	})
}

// TestCanaryWait has the time that a canary pod has to be available.
func TestCanaryWait(t *testing.T) {
	many := build.Set{MaxUnavailable: "9"}
	forever := rollout.Canary{Wait: lasting(1<<63 - 1)}
	testPolicy(t, []policyCase{
		{"none", "to be available is enough", many, canaryOf(rollout.Canary{}), "a=old b=new c=old", "-a -c; canary passed on b"},
		{"waiting", "available for ten minutes of fifteen", many, canaryOf(rollout.Canary{Wait: lasting(15 * time.Minute)}),
			"a=old b=new c=old", "nothing; 2 by canary; canary waiting on b until 2026-01-01T12:05:00Z; again after 5m0s"},
		{"over", "available for ten minutes", many, canaryOf(rollout.Canary{Wait: lasting(10 * time.Minute)}),
			"a=old b=new c=old", "-a -c; canary passed on b"},
		{"in addition to minReadySeconds", "available after one minute, and then ten", build.Set{MinReady: 60}, canaryOf(rollout.Canary{Wait: lasting(10 * time.Minute)}),
			"a=old b=new", "nothing; 1 by canary; canary waiting on b until 2026-01-01T12:01:00Z; again after 1m0s"},
		{"largest duration", "the sum must not overflow", many, canaryOf(forever),
			"a=old b=new", "nothing; 1 by canary; canary waiting on b until 2318-04-13T11:37:16Z; again after 2562047h37m17s"},
		{"largest duration and minReadySeconds", "the sum must not overflow", build.Set{MinReady: 10}, canaryOf(forever),
			"a=old b=new", "nothing; 1 by canary; canary waiting on b until 2318-04-13T11:37:26Z; again after 2562047h37m27s"},
		{"transition time unknown", "the time available is not known", many, canaryOf(rollout.Canary{Wait: lasting(time.Second)}),
			"a=old b=new/timeless=ready", "nothing; 1 by canary; canary waiting on b"},
		{"transition time unknown, no wait", "to be available is enough", many, canaryOf(rollout.Canary{}),
			"a=old b=new/timeless=ready", "-a; canary passed on b"},
		{"transition time unknown on one of two", "nothing says when the last one passes", many, canaryOf(rollout.Canary{Nodes: intstr.FromInt32(2), Wait: lasting(time.Hour)}),
			"a=old b=new/timeless=ready c=new", "nothing; 1 by canary; canary waiting on b, c; again after 50m0s"},
		{"one waits while another starts", "b has passed in 50 minutes, whatever c does", many, canaryOf(rollout.Canary{Nodes: intstr.FromInt32(2), Wait: lasting(time.Hour)}),
			"a=old b=new c=new!", "nothing; 1 by canary; canary starting on b, c; again after 50m0s"},
		{"manual", "it has passed and waits for promotion", build.Set{}, canaryOf(rollout.Canary{Manual: true}),
			"a=old b=new", "nothing; 1 by canary; canary waits for promotion on b"},
	})
}

// TestCanaryWithoutMemory has problems that pause the update. Nothing fails without
// memory.
func TestCanaryWithoutMemory(t *testing.T) {
	many := build.Set{MaxUnavailable: "9"}
	testPolicy(t, []policyCase{
		{"few restarts", "two are allowed", many, canaryOf(rollout.Canary{}),
			"a=old b=new!/restarts=2", "nothing; 1 by canary; canary starting on b"},
		{"restarts", "three are not", many, canaryOf(rollout.Canary{Nodes: intstr.FromInt32(2)}),
			"a=old b=new!/restarts=3 c=old", "nothing; 2 by canary; canary paused on a, b: b: b-0: too many restarts or failed pods (3)"},
		{"many restarts", "six would fail it", many, canaryOf(rollout.Canary{}),
			"a=old b=new!/restarts=6", "nothing; 1 by canary; canary paused: b: b-0: too many restarts or failed pods (6)"},
		{"many restarts, no limit to pause", "the limit to fail pauses it", many, canaryOf(rollout.Canary{PauseRestarts: -1}),
			"a=old b=new!/restarts=6", "nothing; 1 by canary; canary paused: b: b-0: too many restarts or failed pods (6)"},
		{"restarts while it waits", "it is available, but has not passed", many, canaryOf(rollout.Canary{Wait: lasting(time.Hour)}),
			"a=old b=new/restarts=3", "nothing; 1 by canary; canary paused: b: b-0: too many restarts or failed pods (3); again after 50m0s"},
		{"restarts of a pod that has passed", "it has been available for long enough since", many, canaryOf(rollout.Canary{}),
			"a=old b=new/restarts=9", "-a; canary passed on b"},
		{"no limits", "99 restarts are allowed", many, canaryOf(rollout.Canary{PauseRestarts: -1, FailRestarts: -1}),
			"a=old b=new!/restarts=99", "nothing; 1 by canary; canary starting on b"},
		{"failed pods", "each counts as a restart", many, canaryOf(rollout.Canary{}),
			"a=old b=new!/failures=3", "nothing; 1 by canary; canary paused: b: b-0: too many restarts or failed pods (3)"},
		{"image", "it pauses at once", many, canaryOf(rollout.Canary{}),
			"a=old b=new!/waiting=ErrImagePull", "nothing; 1 by canary; canary paused: b: b-0: container main cannot start: ErrImagePull"},
		{"slow", "ten minutes are too long", many, canaryOf(rollout.Canary{PauseStarting: lasting(5 * time.Minute), FailStarting: lasting(time.Hour)}),
			"a=old b=new!", "nothing; 1 by canary; canary paused: b: b-0: takes too long to start; again after 50m0s"},
		{"too slow", "the limit to fail pauses it", many, canaryOf(rollout.Canary{FailStarting: lasting(5 * time.Minute)}),
			"a=old b=new!", "nothing; 1 by canary; canary paused: b: b-0: takes too long to start; again after 5m0s"},
		{"not slow yet", "twenty minutes are allowed", many, canaryOf(rollout.Canary{PauseStarting: lasting(20 * time.Minute)}),
			"a=old b=new!", "nothing; 1 by canary; canary starting on b; again after 10m0s"},
		{"whole trial", "nobody knows when it began", many, canaryOf(rollout.Canary{Wait: lasting(time.Hour), FailAfter: lasting(5 * time.Minute)}),
			"a=old b=new", "nothing; 1 by canary; canary waiting on b until 2026-01-01T12:50:00Z; again after 5m0s"},
		{"paused update", "the canary is judged all the same", many,
			rollout.Policy{Canary: canaryOf(rollout.Canary{}).Canary, Paused: true},
			"a=old b=new!/restarts=6", "nothing; 1 by pause; canary paused: b: b-0: too many restarts or failed pods (6)"},
	})
}
